"""Small glTF files written by hand, for tests."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_CODES = {"f4": 5126, "u1": 5121, "u2": 5123, "u4": 5125, "i1": 5120, "i2": 5122}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class GltfWriter:
    """Gathers accessors into one buffer."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": []}
        self.data = b""

    def view(self, content: bytes, **fields: Any) -> int:
        """Adds bytes and returns their buffer view."""
        self.data += b"\0" * (-len(self.data) % 4)
        row = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content), **fields}
        self.table["bufferViews"].append(row)
        self.data += content
        return len(self.table["bufferViews"]) - 1

    def accessor(self, array: npt.ArrayLike, dtype: str = "f4", **fields: Any) -> int:
        """Adds values, shape (n,) or (n, width), and returns their accessor."""
        values = np.asarray(array, dtype="<" + dtype)
        values = values[:, None] if values.ndim == 1 else values
        row = {"bufferView": self.view(values.tobytes()), "componentType": _CODES[dtype], "count": len(values)}
        self.table["accessors"].append({**row, "type": _TYPES[values.shape[1]], **fields})
        return len(self.table["accessors"]) - 1

    def save_glb(self, path: Path) -> Path:
        """Writes a .glb."""
        self.table["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(self.table).encode()
        text += b" " * (-len(text) % 4)
        data = self.data + b"\0" * (-len(self.data) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
        path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks)
        return path

    def save_gltf(self, path: Path, external: bool = False) -> Path:
        """Writes a .gltf with its buffer inside, or beside it."""
        uri = f"{path.stem}%20data.bin" if external else "data:;base64," + base64.b64encode(self.data).decode()
        if external:
            (path.parent / f"{path.stem} data.bin").write_bytes(self.data)
        self.table["buffers"] = [{"byteLength": len(self.data), "uri": uri}]
        path.write_text(json.dumps(self.table))
        return path


SQUARE = np.array([[0, 0, 0], [0, 0, 2], [2, 0, 2], [2, 0, 0]], dtype=np.float64)
TWO = np.array([0, 1, 2, 0, 2, 3])
UV_DOWN = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], dtype=np.float64)  # as glTF counts: v downwards


def square_file(**primitive: Any) -> GltfWriter:
    """One square with indices in one node; `primitive` adds to its only primitive."""
    writer = GltfWriter()
    attributes = {"POSITION": writer.accessor(SQUARE), "TEXCOORD_0": writer.accessor(UV_DOWN)}
    row = {"attributes": attributes, "indices": writer.accessor(TWO, "u2"), **primitive}
    writer.table |= {"meshes": [{"primitives": [row]}], "nodes": [{"name": "floor", "mesh": 0}]}
    writer.table |= {"scenes": [{"nodes": [0]}]}
    return writer
