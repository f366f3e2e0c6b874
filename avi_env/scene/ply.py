"""PLY files: tables of any element, and their meshes as parts.

Source: G. Turk, "The PLY Polygon File Format" (1994); texture conventions as VCGlib (MeshLab) writes them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.mesh_parts import MeshPart
from avi_env.scene.model import Texture
from avi_env.scene.pictures import read_picture

__all__ = ["Ply", "Ragged", "ply_parts", "ply_triangles", "read_ply"]

Array = npt.NDArray[Any]

_TYPES = {
    **{name: code for code, names in {"i1": "char int8", "u1": "uchar uint8", "i2": "short int16"}.items()
       for name in names.split()},
    **{name: code for code, names in {"u2": "ushort uint16", "i4": "int int32", "u4": "uint uint32",
                                      "f4": "float float32", "f8": "double float64"}.items()
       for name in names.split()},
}  # fmt: skip
_INDICES = ("vertex_indices", "vertex_index")
_UV = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
_RGB = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))


class Ragged(NamedTuple):
    """A list property: row k holds `length[k]` of the values, one row after the other."""

    length: npt.NDArray[np.int64]
    values: Array


class Ply(NamedTuple):
    """The content of a file."""

    elements: dict[str, dict[str, Array | Ragged]]
    """Per element and property: one value a row, or lists."""
    comments: tuple[str, ...]


class _Property(NamedTuple):
    name: str
    dtype: str
    length: str = ""
    """Type of a list's length, empty for one value."""


def read_ply(path: str | Path) -> Ply:
    """Returns all elements and properties of a PLY file, text or binary of either byte order.

    Raises:
        ValueError: it is no PLY file, is truncated or malformed; the message names the place.
    """
    file = Path(path)
    content = file.read_bytes()
    end = content.find(b"end_header")
    if content[:3] != b"ply" or end < 0:
        raise ValueError(f"{str(file)!r} is no PLY file (no header): export it again")
    body = content.find(b"\n", end) + 1
    lines = content[:end].decode("latin-1").splitlines()
    layout, form, comments = _header(file, lines)
    elements: dict[str, dict[str, Array | Ragged]] = {}
    if form == "ascii":
        try:
            numbers = np.array(content[body:].split(), dtype=np.float64)
        except ValueError as error:
            raise ValueError(f"{str(file)!r}: its data are no numbers ({error}): export it again") from error
        source: _Source = _TextSource(file, numbers)
    else:
        source = _BinarySource(file, content, body, ">" if "big" in form else "<")
    for name, (count, properties) in layout.items():
        elements[name] = source.table(name, count, properties)
    return Ply(elements, comments)


def _header(file: Path, lines: list[str]) -> tuple[dict[str, tuple[int, list[_Property]]], str, tuple[str, ...]]:
    layout: dict[str, tuple[int, list[_Property]]] = {}
    form, comments, current = "", [], ""
    for line in lines[1:]:
        words = line.split()
        try:
            if not words or words[0] == "obj_info":
                continue
            if words[0] == "comment":
                comments.append(line.partition("comment")[2].strip())
            elif words[0] == "format":
                form = words[1]
            elif words[0] == "element":
                current, layout[words[1]] = words[1], (int(words[2]), [])
            elif words[0] == "property" and words[1] == "list":
                layout[current][1].append(_Property(words[4], _TYPES[words[3]], _TYPES[words[2]]))
            elif words[0] == "property":
                layout[current][1].append(_Property(words[2], _TYPES[words[1]]))
            else:
                raise KeyError(words[0])
        except (IndexError, KeyError, ValueError) as error:
            raise ValueError(f"{str(file)!r}: its header says {line!r}, which is no PLY: export it again") from error
    if form not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise ValueError(f"{str(file)!r} has the PLY format {form!r}: export it as ascii or binary")
    return layout, form, tuple(comments)


class _Source(ABC):
    """Reads elements one after the other; in the common case all lists of an element are of one length."""

    file: Path

    def table(self, element: str, count: int, properties: list[_Property]) -> dict[str, Array | Ragged]:
        """Returns the next element's properties."""
        if not count or not properties:
            return {p.name: np.zeros(0, _plain(p.dtype)) for p in properties}
        even = self._even(element, count, properties)
        return even if even is not None else self._uneven(element, count, properties)

    @abstractmethod
    def _even(self, element: str, count: int, properties: list[_Property]) -> dict[str, Array | Ragged] | None:
        """Returns the properties of an element whose lists are all of one length, None where they are not."""

    def _uneven(self, element: str, count: int, properties: list[_Property]) -> dict[str, Array | Ragged]:
        rows: dict[str, tuple[list[int], list[Any]]] = {p.name: ([], []) for p in properties}
        read = self._reader(element, count)
        for _ in range(count):
            for p in properties:
                lengths, values = rows[p.name]
                length = read(p.length, 1)[0] if p.length else 1
                if not 0 <= length < np.inf:
                    raise self._negative(element)
                lengths.append(int(length))
                values.extend(read(p.dtype, int(length)))
        return {
            p.name: Ragged(np.array(rows[p.name][0]), np.array(rows[p.name][1], _plain(p.dtype)))
            if p.length
            else np.array(rows[p.name][1], _plain(p.dtype))
            for p in properties
        }

    @abstractmethod
    def _reader(self, element: str, count: int) -> Callable[[str, int], Any]:
        """Returns a function that reads so many values of a type."""

    def _negative(self, element: str) -> ValueError:
        return ValueError(
            f"{str(self.file)!r}: element {element!r} has a list of negative or impossible length: export it again"
        )

    def _short(self, element: str, count: int) -> ValueError:
        return ValueError(
            f"{str(self.file)!r} ends within its {count} rows of element {element!r}: "
            f"the file is truncated, copy or export it again"
        )


class _BinarySource(_Source):
    def __init__(self, file: Path, content: bytes, start: int, order: str) -> None:
        self.file, self._content, self._at, self._order = file, content, start, order

    def _even(self, element: str, count: int, properties: list[_Property]) -> dict[str, Array | Ragged] | None:
        dtype = self._row_type(element, count, properties)
        size = dtype.itemsize
        if self._at + size * count > len(self._content):
            if any(p.length for p in properties):
                return None
            raise self._short(element, count)
        rows = np.frombuffer(self._content, dtype, count, self._at)
        lists = {p.name: rows[f"#{p.name}"] for p in properties if p.length}
        if any(np.any(length != length[0]) for length in lists.values()):
            return None
        self._at += size * count
        return {
            p.name: Ragged(lists[p.name].astype(np.int64), _native(rows[p.name].reshape(-1)))
            if p.length
            else _native(rows[p.name])
            for p in properties
        }

    def _row_type(self, element: str, count: int, properties: list[_Property]) -> np.dtype[Any]:
        """A row of this element, if all are like the first."""
        columns: list[Any] = []
        at = self._at
        for p in properties:
            item = np.dtype(self._order + p.dtype)
            if p.length:
                length = np.dtype(self._order + p.length)
                if at + length.itemsize > len(self._content):
                    raise self._short(element, count)
                first = int(np.frombuffer(self._content, length, 1, at)[0])
                if first < 0:
                    raise self._negative(element)
                columns += [(f"#{p.name}", length), (p.name, item, (first,))]
                at += length.itemsize + first * item.itemsize
            else:
                columns.append((p.name, item))
                at += item.itemsize
        return np.dtype(columns)

    def _reader(self, element: str, count: int) -> Callable[[str, int], Any]:
        content, types = self._content, {code: np.dtype(self._order + code) for code in set(_TYPES.values())}

        def read(code: str, length: int) -> Any:
            size = types[code].itemsize * length
            if self._at + size > len(content):
                raise self._short(element, count)
            values = np.frombuffer(content, types[code], length, self._at).tolist()
            self._at += size
            return values

        return read


class _TextSource(_Source):
    def __init__(self, file: Path, numbers: npt.NDArray[np.float64]) -> None:
        self.file, self._numbers, self._at = file, numbers, 0

    def _even(self, element: str, count: int, properties: list[_Property]) -> dict[str, Array | Ragged] | None:
        numbers, at = self._numbers, self._at
        spans: list[tuple[int, int]] = []
        for p in properties:
            if at >= len(numbers):
                raise self._short(element, count)
            if p.length and not 0 <= numbers[at] < len(numbers):
                raise self._negative(element)
            length = int(numbers[at]) if p.length else 1
            at += 1 if p.length else 0
            spans.append((at - self._at, length))
            at += length
        width = at - self._at
        if self._at + width * count > len(numbers):
            if any(p.length for p in properties):
                return None
            raise self._short(element, count)
        rows = numbers[self._at : self._at + width * count].reshape(count, width)
        out: dict[str, Array | Ragged] = {}
        for p, (start, length) in zip(properties, spans, strict=True):
            if p.length and np.any(rows[:, start - 1] != length):
                return None
            values = rows[:, start : start + length].reshape(-1).astype(_plain(p.dtype))
            out[p.name] = Ragged(np.full(count, length), values) if p.length else values
        self._at += width * count
        return out

    def _reader(self, element: str, count: int) -> Callable[[str, int], Any]:
        def read(_: str, length: int) -> Any:
            if self._at + length > len(self._numbers):
                raise self._short(element, count)
            values = self._numbers[self._at : self._at + length].tolist()
            self._at += length
            return values

        return read


def _plain(code: str) -> np.dtype[Any]:
    return np.dtype("=" + code)


def _native(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="))


def ply_triangles(faces: Ragged) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns a file's polygons as fans of triangles.

    Returns:
        triangles: vertex indices, shape (T, 3).
        face: the polygon of each triangle, shape (T,).
        corner: which entry of `faces.values` each corner is, shape (T, 3).
    """
    start = np.concatenate([[0], np.cumsum(faces.length)[:-1]]).astype(np.int64)
    count = np.maximum(faces.length - 2, 0)
    face = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(face)) - np.repeat(np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64), count)
    first = start[face]
    corner = np.stack([first, first + step + 1, first + step + 2], axis=1)
    return faces.values.astype(np.int64)[corner], face, corner


def ply_parts(file: Path, textures: bool = True) -> list[MeshPart]:
    """Returns a PLY file's mesh as parts, one for each texture; what it shows of colours is shown unlit.

    Raises:
        FileNotFoundError: a picture it names is missing.
        ValueError: it is damaged, or a point cloud; the message names file, place and remedy.
    """
    ply = read_ply(file)
    vertex, faces = ply.elements.get("vertex", {}), ply.elements.get("face", {})
    index = next((faces[name] for name in _INDICES if name in faces), None)
    if not all(axis in vertex for axis in "xyz") or not isinstance(index, Ragged):
        raise ValueError(f"{str(file)!r} has no vertices with x, y, z or no faces: export it as a triangle mesh")
    triangles, face, corner = ply_triangles(index)
    points = np.stack([np.asarray(vertex[axis]) for axis in "xyz"], axis=1)
    if len(triangles) and not (0 <= triangles.min() and triangles.max() < len(points)):
        bad = int(face[np.argmax(((triangles < 0) | (triangles >= len(points))).any(axis=1))])
        raise ValueError(
            f"{str(file)!r}: face {bad} refers to a vertex that is not there ({len(points)} vertices): export it again"
        )
    color = _colors(vertex)
    base = MeshPart(file.stem, points, triangles, color=color, label=file.stem, unlit=color is not None)
    names = [text.partition("TextureFile")[2].strip() for text in ply.comments if text.startswith("TextureFile")]
    if not names or not textures:
        return [base]
    uv = next(
        (
            np.stack([np.asarray(vertex[a]), np.asarray(vertex[b])], axis=1)
            for a, b in _UV
            if a in vertex and b in vertex
        ),
        None,
    )
    if uv is not None:
        return [base._replace(uv=uv, texture=_texture(file, names[0]), unlit=True)]
    return _wedge_parts(file, base, faces, names, face, corner) if "texcoord" in faces else [base]


def _wedge_parts(
    file: Path, base: MeshPart, faces: dict[str, Any], names: list[str], face: Array, corner: Array
) -> list[MeshPart]:
    """Parts of a mesh whose texture coordinates belong to the corners of its faces."""
    pairs: Ragged = faces["texcoord"]
    uv = pairs.values.reshape(-1, 2)
    if len(uv) <= int(corner.max(initial=-1)):
        raise ValueError(
            f"{str(file)!r}: its faces have {len(uv)} texture coordinates, fewer than corners: export again"
        )
    which = np.asarray(faces["texnumber"])[face] if "texnumber" in faces else np.zeros(len(face), dtype=np.int64)
    parts = []
    for number in np.unique(which).tolist():
        chosen = np.flatnonzero(which == number)
        flat = base.triangles[chosen].reshape(-1)
        part = base._replace(
            name=f"{base.name}_{number}" if len(names) > 1 else base.name,
            vertices=base.vertices[flat],
            triangles=np.arange(len(flat)).reshape(-1, 3),
            color=None if base.color is None else base.color[flat],
        )
        if 0 <= number < len(names):
            part = part._replace(uv=uv[corner[chosen].reshape(-1)], texture=_texture(file, names[number]), unlit=True)
        parts.append(part)
    return parts


def _texture(file: Path, name: str) -> Texture:
    return Texture(name, read_picture(file, name, "its TextureFile comment"))


def _colors(vertex: dict[str, Any]) -> npt.NDArray[np.uint8] | None:
    for names in _RGB:
        if all(name in vertex for name in names):
            values = np.stack([np.asarray(vertex[name]) for name in names], axis=1)
            if values.dtype.kind == "f":
                values = np.round(255.0 * np.clip(np.nan_to_num(values), 0.0, 1.0))
            elif values.dtype.itemsize == 2:
                values = values >> 8
            return values.astype(np.uint8)
    return None
