"""The container of glTF 2.0: .glb and .gltf files, their buffers, accessors and images.

Source: Khronos glTF 2.0 specification (ISO/IEC 12113:2022), sections 3.6 (binary data) and 4.4 (GLB).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

__all__ = ["Gltf", "data_uri", "open_gltf"]

_MAGIC, _JSON, _BINARY = b"glTF", 0x4E4F534A, 0x004E4942
_COMPONENT = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}

_READ = ("KHR_audio_emitter", "KHR_mesh_quantization", "KHR_texture_transform", "EXT_texture_webp", "MSFT_lod")
_ONLY_LOOKS = ("KHR_materials_", "KHR_lights_", "EXT_lights_", "KHR_animation_", "KHR_xmp", "EXT_mesh_manifold")
_REMEDY = {
    "KHR_texture_basisu": "decode its pictures to PNG or JPEG first (HM3D: take the .glb beside the .basis.glb), "
    "or read it with textures=False",
    "KHR_draco_mesh_compression": "write it without mesh compression (Blender: export with Compression off; "
    "gltf-transform: copy IN.glb OUT.glb decodes)",
    "EXT_meshopt_compression": "write it without mesh compression (gltfpack without -c; gltf-transform: copy decodes)",
}


@dataclass(eq=False)
class Gltf:
    """An open file: its JSON, and its buffers as they are asked for."""

    path: Path
    table: dict[str, Any]
    binary: bytes | None = None
    """The .glb's own buffer."""
    place: str = "its head"
    """The entry that was asked for last, for errors."""
    _buffers: dict[int, bytes] = field(default_factory=dict)
    _images: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)

    def error(self, message: str) -> ValueError:
        """Returns an error that names the file."""
        return ValueError(f"{str(self.path)!r}: {message}")

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Returns one of the file's lists, such as "nodes"; empty if it has none."""
        found = self.table.get(kind, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise self.error(f"{kind} is no list of objects: export the file again")
        return found

    def row(self, kind: str, index: Any, user: str) -> dict[str, Any]:
        """Returns entry `index` of a list, which `user` refers to."""
        rows = self.rows(kind)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(rows):
            raise self.error(
                f"{user} refers to {kind}[{index}], but there are {len(rows)} {kind}: export the file again"
            )
        self.place = f"{kind}[{index}]"
        return rows[index]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Names file and place where an entry is missing or of the wrong type: a string for a number, and so on."""
        try:
            yield
        except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise self.error(f"an entry in or near {self.place} is wrong ({error!r}): export the file again") from error
        except ValueError as error:
            if str(self.path) in str(error):
                raise
            raise self.error(f"an entry in or near {self.place} is wrong ({error}): export the file again") from error

    def view(self, index: int, user: str) -> memoryview:
        """Returns the bytes of a buffer view."""
        row = self.row("bufferViews", index, user)
        data = self._buffer(row.get("buffer"), f"bufferViews[{index}]")
        start, length = int(row.get("byteOffset", 0)), int(row.get("byteLength", 0))
        if start < 0 or length < 0 or start + length > len(data):
            raise self.error(
                f"bufferViews[{index}] ends at byte {start + length} of a buffer of {len(data)}: "
                f"the file is damaged, export it again"
            )
        return memoryview(data)[start : start + length]

    def _buffer(self, index: Any, user: str) -> bytes:
        row = self.row("buffers", index, user)
        if index not in self._buffers:
            uri = row.get("uri")
            if uri is None and (index != 0 or self.binary is None):
                raise self.error(f"buffers[{index}] has no uri and the file holds no binary chunk: export it again")
            data = self.binary if uri is None else self.linked(str(uri), f"buffers[{index}]")
            assert data is not None
            if len(data) < int(row.get("byteLength", 0)):
                raise self.error(
                    f"buffers[{index}] has {len(data)} of its {row['byteLength']} bytes: "
                    f"the file is truncated, copy or download it again"
                )
            self._buffers[index] = data
        return self._buffers[index]

    def linked(self, uri: str, user: str) -> bytes:
        """Returns the content of a "data:" URI or of a file beside this one.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a damaged data URI, or an address that is no file.
        """
        if uri.startswith("data:"):
            try:
                return base64.b64decode(uri.partition(",")[2], validate=True)
            except (binascii.Error, ValueError) as error:
                raise self.error(f"the data URI of {user} is damaged ({error}): export the file again") from error
        if "://" in uri:
            raise self.error(f"{user} lies at {uri!r}: download it beside the file and refer to it by a relative path")
        file = self.path.parent / unquote(uri)
        if not file.is_file():
            raise FileNotFoundError(
                f"{str(self.path)!r}: {user} refers to {uri!r}, which is not there: put it at {str(file)!r}, "
                f"or export everything into one .glb"
            )
        return file.read_bytes()

    def array(self, index: Any, user: str) -> npt.NDArray[Any]:
        """Returns an accessor's values, shape (n, width); normalised integers as float32.

        Args:
            index: the accessor.
            user: who asks, for errors.
        """
        row = self.row("accessors", index, user)
        name = f"accessors[{index}] ({user})"
        if row.get("componentType") not in _COMPONENT or row.get("type") not in _WIDTH:
            raise self.error(f"{name} has componentType {row.get('componentType')} and type {row.get('type')!r}")
        dtype, width, count = np.dtype(_COMPONENT[row["componentType"]]), _WIDTH[row["type"]], int(row.get("count", 0))
        if "bufferView" in row:
            values = self._strided(row, dtype, count, width, name)
        else:
            values = np.zeros((count, width), dtype=dtype)
        if "sparse" in row:
            values = self._overwritten(values, row["sparse"], name)
        if row.get("normalized") and dtype.kind in "iu":
            return np.maximum(values.astype(np.float32) / np.iinfo(dtype).max, -1.0)
        return values

    def _strided(
        self, row: dict[str, Any], dtype: np.dtype[Any], count: int, width: int, name: str
    ) -> npt.NDArray[Any]:
        data = self.view(row["bufferView"], name)
        item = dtype.itemsize * width
        step = int(self.rows("bufferViews")[row["bufferView"]].get("byteStride") or item)
        start = int(row.get("byteOffset", 0))
        if count < 0 or start < 0 or (count and start + step * (count - 1) + item > len(data)):
            raise self.error(
                f"{name} reads {count} values of {item} bytes beyond its bufferView of {len(data)} bytes: "
                f"the file is damaged, export it again"
            )
        return np.ndarray((count, width), dtype, buffer=data, offset=start, strides=(step, dtype.itemsize))

    def _overwritten(self, values: npt.NDArray[Any], sparse: dict[str, Any], name: str) -> npt.NDArray[Any]:
        count = int(sparse["count"])
        where = np.dtype(_COMPONENT[sparse["indices"]["componentType"]])
        index = self._strided(sparse["indices"], where, count, 1, name)[:, 0].astype(np.int64)
        if count and index.max() >= len(values):
            raise self.error(f"{name}: a sparse index is {index.max()} of {len(values)}: export the file again")
        changed = values.copy()
        changed[index] = self._strided(sparse["values"], values.dtype, count, values.shape[1], name)
        return changed

    def image(self, index: Any, user: str) -> npt.NDArray[np.uint8]:
        """Returns a picture, sRGB, shape (h, w, 3), decoded once."""
        from PIL import Image, UnidentifiedImageError

        row = self.row("images", index, user)
        if index not in self._images:
            name = f"images[{index}]"
            data = self.view(row["bufferView"], name) if "bufferView" in row else None
            content = bytes(data) if data is not None else self.linked(str(row.get("uri", "")), name)
            try:
                self._images[index] = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=np.uint8)
            except (UnidentifiedImageError, OSError, SyntaxError) as error:
                what = row.get("mimeType") or row.get("uri", "")[:80]
                raise self.error(
                    f"{name} ({what}) cannot be decoded ({error}): convert it to PNG or JPEG, or read with "
                    f"textures=False"
                ) from error
        return self._images[index]

    @property
    def extensions(self) -> dict[str, Any]:
        """The document's own extensions."""
        found: dict[str, Any] = self.table.get("extensions", {})
        return found


def open_gltf(path: Path, textures: bool = True) -> Gltf:
    """Returns an open glTF file, once it is sure that everything it requires can be read.

    Args:
        path: a .glb or .gltf file.
        textures: whether its pictures matter.

    Raises:
        ValueError: it is no glTF 2.0, is truncated, or requires an extension that is not read here.
    """
    content = path.read_bytes()
    gltf = _binary_file(path, content) if content[:4] == _MAGIC else Gltf(path, _parsed(path, content))
    with gltf.reading():
        _require(gltf, textures)
    return gltf


def _require(gltf: Gltf, textures: bool) -> None:
    version = str(gltf.table.get("asset", {}).get("version", "none"))
    if not version.startswith("2."):
        raise gltf.error(f"glTF version {version} is not read, only 2.x: convert it")
    for extension in gltf.table.get("extensionsRequired", []):
        known = extension in _READ or str(extension).startswith(_ONLY_LOOKS)
        if not known and not (extension == "KHR_texture_basisu" and not textures):
            remedy = _REMEDY.get(extension, "export the file without it")
            raise gltf.error(f"the file requires the glTF extension {extension}, which is not read here: {remedy}")


def basis_error(gltf: Gltf, texture: int) -> ValueError:
    """Returns the error of a texture that has no picture but a Basis-compressed one."""
    name = "KHR_texture_basisu"
    return gltf.error(f"textures[{texture}] needs the glTF extension {name}, which is not read here: {_REMEDY[name]}")


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    try:
        table = json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is no glTF file ({error}): export it again as .glb or .gltf") from error
    if not isinstance(table, dict):
        raise ValueError(f"{str(path)!r} is no glTF file (its JSON is no object): export it again as .glb or .gltf")
    return table


def _binary_file(path: Path, content: bytes) -> Gltf:
    broken = ValueError(
        f"{str(path)!r} is a truncated .glb of {len(content)} bytes: copy or download it again, or export it again"
    )
    if len(content) < 20 or struct.unpack_from("<I", content, 8)[0] > len(content):
        raise broken
    table: dict[str, Any] | None = None
    binary: bytes | None = None
    start = 12
    while start + 8 <= len(content):
        length, kind = struct.unpack_from("<II", content, start)
        chunk = content[start + 8 : start + 8 + length]
        if len(chunk) < length:
            raise broken
        if kind == _JSON and table is None:
            table = _parsed(path, chunk)
        elif kind == _BINARY and binary is None:
            binary = chunk
        start += 8 + length
    if table is None:
        raise ValueError(f"{str(path)!r} is a .glb without JSON chunk: export it again")
    return Gltf(path, table, binary)


def data_uri(content: bytes, mime: str) -> str:
    """Returns bytes as a "data:" URI."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
