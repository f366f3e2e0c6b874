"""PLY meshes of scans: polygons of any size, vertex colours, and the numbers that label each face.

Read here rather than by trimesh, because labels on the faces must come along with quadrilaterals cut in two.
Source: G. Turk, The PLY Polygon File Format (Stanford, 1994).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PlyMesh", "read_ply"]

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_CORNERS = ("vertex_indices", "vertex_index")
_COLORS = ("red", "green", "blue")


@dataclass(frozen=True)
class PlyMesh:
    """What a PLY file holds."""

    vertices: npt.NDArray[np.float64]
    """[m], shape (n, 3), the file's frame."""
    triangles: npt.NDArray[np.int64]
    """Vertex indices, shape (m, 3); polygons are cut into fans."""
    color: npt.NDArray[np.uint8] | None
    """sRGB per vertex, shape (n, 3)."""
    face: dict[str, npt.NDArray[Any]]
    """Further numbers of the faces, one for each triangle, shape (m,): "object_id", ..."""


@dataclass
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, type, and type of the length for lists ("" for plain numbers)."""

    @property
    def lists(self) -> list[tuple[str, str, str]]:
        return [p for p in self.properties if p[2]]


def read_ply(path: Path) -> PlyMesh:
    """Returns a PLY mesh, ASCII or binary.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no PLY file, is cut off, or has no faces or vertices; the message names file and place.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no mesh file {str(path)!r}: check the path")
    data = path.read_bytes()
    order, elements, start = _header(path, data)
    if order == "":
        tables = _ascii(path, data[start:], elements)
    else:
        tables = _binary(path, memoryview(data)[start:], elements, order)
    if not isinstance(tables["face"], tuple):
        raise ValueError(f"{path.name}: its faces have no list 'vertex_indices': is it a mesh, not a cloud of points?")
    vertex, (corners, counts, face) = tables["vertex"], tables["face"]
    missing = [axis for axis in "xyz" if axis not in vertex]
    if missing:
        raise ValueError(f"{path.name}: its vertices have no {missing[0]!r}: is it a mesh?")
    points = np.stack([vertex[axis] for axis in "xyz"], axis=1).astype(np.float64)
    triangles, owner = _fans(corners, counts)
    if len(triangles) and (triangles.min() < 0 or triangles.max() >= len(points)):
        raise ValueError(f"{path.name}: its faces refer to vertex {triangles.max()} of {len(points)}")
    color = np.stack([vertex[c] for c in _COLORS], axis=1) if all(c in vertex for c in _COLORS) else None
    if color is not None and color.dtype.kind == "f":
        color = np.round(255.0 * np.clip(color, 0.0, 1.0))
    colors = None if color is None else color.astype(np.uint8)
    return PlyMesh(points, triangles, colors, {name: values[owner] for name, values in face.items()})


def _header(path: Path, data: bytes) -> tuple[str, list[_Element], int]:
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise ValueError(f"{str(path)!r} is no PLY file: it must begin with 'ply' and have an 'end_header'")
    lines = data[:end].decode("ascii", errors="replace").splitlines()[1:]
    start = data.index(b"\n", end) + 1
    order, elements = "?", []
    for words in (line.split() for line in lines if line.strip()):
        if words[0] == "format":
            order = _ORDERS.get(words[1] if len(words) > 1 else "", "?")
        elif words[0] == "element" and len(words) == 3 and words[2].isdigit():
            elements.append(_Element(words[1], int(words[2])))
        elif words[0] == "property" and elements:
            elements[-1].properties.append(_property(path, words))
        elif words[0] not in ("comment", "obj_info"):
            raise ValueError(f"{path.name}: its header line {' '.join(words)!r} is not understood")
    if order == "?":
        raise ValueError(f"{path.name}: its 'format' is none of {', '.join(_ORDERS)}")
    for name in ("vertex", "face"):
        if name not in [e.name for e in elements]:
            raise ValueError(f"{path.name}: it has no element {name!r}: is it a mesh, not a cloud of points?")
    return order, elements, start


def _property(path: Path, words: list[str]) -> tuple[str, str, str]:
    listed = len(words) == 5 and words[1] == "list"
    types = words[2:4] if listed else words[1:2]
    if not (listed or len(words) == 3) or any(t not in _TYPES for t in types):
        raise ValueError(f"{path.name}: its header line {' '.join(words)!r} is not understood")
    return (words[4], _TYPES[words[3]], _TYPES[words[2]]) if listed else (words[2], _TYPES[words[1]], "")


def _binary(path: Path, data: memoryview, elements: list[_Element], order: str) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    offset = 0
    for element in elements:
        try:
            if element.lists:
                table, size = _binary_lists(data[offset:], element, order)
            else:
                dtype = np.dtype([(name, order + kind) for name, kind, _ in element.properties])
                rows = np.frombuffer(data, dtype, element.count, offset)
                table, size = {name: rows[name] for name in rows.dtype.names or ()}, element.count * dtype.itemsize
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path.name}: it ends within its element {element.name!r}: is it whole?") from error
        tables[element.name], offset = table, offset + size
    return tables


def _binary_lists(data: memoryview, element: _Element, order: str) -> tuple[Any, int]:
    """Reads faces: at once where all have as many corners as the first, else record by record."""
    if element.count == 0:
        return (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), {}), 0
    lengths, _ = _record_lengths(data, element, order, 0)
    dtype = _record(element, order, lengths)
    if element.count * dtype.itemsize <= len(data):
        rows = np.frombuffer(data, dtype, element.count)
        if all(np.all(rows[f"#{k}"] == length) for k, length in enumerate(lengths)):
            return _faces(element, [rows]), element.count * dtype.itemsize
    chunks, offset = [], 0
    for _ in range(element.count):
        lengths, size = _record_lengths(data, element, order, offset)
        chunks.append(np.frombuffer(data, _record(element, order, lengths), 1, offset))
        offset += size
    return _faces(element, chunks), offset


def _record_lengths(data: memoryview, element: _Element, order: str, offset: int) -> tuple[tuple[int, ...], int]:
    lengths, at = [], offset
    for _, kind, count in element.properties:
        if count:
            lengths.append(int(np.frombuffer(data, order + count, 1, at)[0]))
            at += np.dtype(count).itemsize + lengths[-1] * np.dtype(kind).itemsize
        else:
            at += np.dtype(kind).itemsize
    return tuple(lengths), at - offset


def _record(element: _Element, order: str, lengths: tuple[int, ...]) -> np.dtype[Any]:
    fields: list[Any] = []
    which = 0
    for name, kind, count in element.properties:
        if count:
            fields += [(f"#{which}", order + count), (name, order + kind, (lengths[which],))]
            which += 1
        else:
            fields.append((name, order + kind))
    return np.dtype(fields)


def _faces(element: _Element, chunks: list[npt.NDArray[Any]]) -> Any:
    """Corners one after the other, corners per face, and further numbers per face."""
    name = next((p[0] for p in element.lists if p[0] in _CORNERS), None)
    if name is None:
        return {p[0]: None for p in element.properties}
    corners = np.concatenate([chunk[name].reshape(-1) for chunk in chunks]).astype(np.int64)
    counts = np.concatenate([np.full(len(chunk), chunk[name].shape[1], dtype=np.int64) for chunk in chunks])
    plain = [p[0] for p in element.properties if not p[2]]
    return corners, counts, {key: np.concatenate([chunk[key] for chunk in chunks]) for key in plain}


def _ascii(path: Path, data: bytes, elements: list[_Element]) -> dict[str, Any]:
    lines = iter(data.decode("ascii", errors="replace").splitlines())
    tables: dict[str, Any] = {}
    for element in elements:
        rows = [row.split() for _, row in zip(range(element.count), (line for line in lines if line), strict=False)]
        if len(rows) < element.count:
            raise ValueError(f"{path.name}: it ends within its element {element.name!r}: is it whole?")
        try:
            tables[element.name] = _ascii_faces(element, rows) if element.lists else _ascii_rows(element, rows)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path.name}: a row of its element {element.name!r} is malformed: {error}") from error
    return tables


def _ascii_rows(element: _Element, rows: list[list[str]]) -> dict[str, Any]:
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(element.properties))
    return {name: table[:, k].astype(kind) for k, (name, kind, _) in enumerate(element.properties)}


def _ascii_faces(element: _Element, rows: list[list[str]]) -> Any:
    chunks = []
    for row in rows:
        values: list[Any] = []
        at, lengths = 0, []
        for _, _, count in element.properties:
            if count:
                length = int(row[at])
                lengths.append(length)
                values += [length, tuple(float(v) for v in row[at + 1 : at + 1 + length])]
                at += 1 + length
            else:
                values.append(float(row[at]))
                at += 1
        chunks.append(np.array([tuple(values)], dtype=_record(element, "<", tuple(lengths))))
    return _faces(element, chunks) if chunks else (np.zeros(0, np.int64), np.zeros(0, np.int64), {})


def _fans(
    corners: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cuts polygons into fans; returns triangles, shape (m, 3), and the face each comes from, shape (m,)."""
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
    pieces = np.maximum(counts - 2, 0)
    owner = np.repeat(np.arange(len(counts)), pieces)
    first = np.concatenate([[0], np.cumsum(pieces)[:-1]]) if len(pieces) else pieces
    step = np.arange(len(owner)) - np.repeat(first, pieces)
    base = starts[owner] if len(owner) else owner
    index = np.stack([base, base + step + 1, base + step + 2], axis=1)
    return corners[index], owner
