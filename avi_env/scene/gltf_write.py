"""A scene as a .glb file: one mesh a material with its texture or vertex colours, and what sounds in it."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.gltf_audio import AUDIO_EXTENSION, SOUND_CLASS
from avi_env.scene.mesh_parts import srgb_to_linear
from avi_env.scene.model import AudioEmitter, Material, Scene, Texture

__all__ = ["Exported", "export_glb", "part_name"]

IntArray = npt.NDArray[np.int32]

_CODES = {"float32": 5126, "uint16": 5123, "uint32": 5125}
_TYPES = {1: "SCALAR", 3: "VEC3", 2: "VEC2", 4: "VEC4"}
_WRAP = {"repeat": 10497, "clamp": 33071, "mirror": 33648}
_UNLIT = "KHR_materials_unlit"


class Exported(NamedTuple):
    """A written file, and where its parts come from."""

    content: bytes
    """The .glb."""
    vertex: IntArray
    """Vertex of the scene that each of the file's own is, in the order of its meshes."""
    triangle: IntArray
    """Triangle of the scene that each of the file's own is."""


def export_glb(scene: Scene) -> Exported:
    """Returns a scene as .glb: meshes named by `part_name`, image k = texture k, `KHR_audio_emitter` for emitters."""
    writer = _Writer()
    writer.add_textures(scene.textures)
    vertex, order = [], []
    for index in np.unique(scene.triangle_material).tolist():
        chosen = np.flatnonzero(scene.triangle_material == index).astype(np.int32)
        texture = scene.material_texture[index] if scene.material_texture and index >= 0 else -1
        used, triangles, uv = _corners(scene, chosen, texture >= 0)
        attributes = {"POSITION": writer.accessor(scene.vertices[used], bounds=True)}
        if uv is not None:
            attributes["TEXCOORD_0"] = writer.accessor(uv)
        if scene.vertex_color is not None:
            attributes["COLOR_0"] = writer.accessor(_linear_colors(scene.vertex_color[used]))
        primitive: dict[str, Any] = {"attributes": attributes, "indices": writer.accessor(triangles.reshape(-1, 1))}
        if index >= 0:
            primitive["material"] = writer.material(scene.materials[index], texture)
        writer.mesh(part_name(index), primitive)
        vertex.append(used)
        order.append(chosen)
    for emitter in scene.emitters:
        writer.emitter(emitter)
    empty = np.zeros(0, dtype=np.int32)
    return Exported(writer.content(), np.concatenate([empty, *vertex]), np.concatenate([empty, *order]))


def part_name(index: int) -> str:
    """Returns the name of the mesh of a material, in whose order `Exported` counts; -1 = none."""
    return f"material_{index:04d}" if index >= 0 else "material_none"


def _corners(
    scene: Scene, chosen: IntArray, textured: bool
) -> tuple[IntArray, npt.NDArray[np.uint32], npt.NDArray[np.float32] | None]:
    """Vertices (one for each texture coordinate that a vertex has), triangles among them, coordinates downwards."""
    corner = scene.triangles[chosen].reshape(-1)
    if not textured or scene.uv is None:
        used, local = np.unique(corner, return_inverse=True)
        return used.astype(np.int32), local.reshape(-1, 3).astype(np.uint32), None
    rows = np.empty(len(corner), dtype=[("vertex", "<i4"), ("uv", "<f4", 2)])
    rows["vertex"], rows["uv"] = corner, scene.uv[chosen].reshape(-1, 2)
    _, first, local = np.unique(rows.view("V12"), return_index=True, return_inverse=True)
    uv = rows["uv"][first]
    flipped = np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1).astype(np.float32)
    return corner[first], local.reshape(-1, 3).astype(np.uint32), flipped


def _linear_colors(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    table = np.round(65535.0 * srgb_to_linear(np.arange(256) / 255.0)).astype(np.uint16)
    return np.concatenate([table[colors], np.full((len(colors), 1), 65535, dtype=np.uint16)], axis=1)


class _Writer:
    """Gathers the file's lists and its one buffer."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {"asset": {"version": "2.0", "generator": "avi-env"}}
        self.table |= {name: [] for name in ("nodes", "meshes", "materials", "accessors", "bufferViews")}
        self._used: set[str] = set()
        self._chunks: list[bytes] = []
        self._length = 0

    def view(self, content: bytes) -> int:
        """Adds bytes and returns their buffer view."""
        self.table["bufferViews"].append({"buffer": 0, "byteOffset": self._length, "byteLength": len(content)})
        padded = content + b"\0" * (-len(content) % 4)
        self._chunks.append(padded)
        self._length += len(padded)
        return len(self.table["bufferViews"]) - 1

    def accessor(self, array: npt.NDArray[Any], bounds: bool = False) -> int:
        """Adds values, shape (n, width), and returns their accessor; 16-bit integers are normalised."""
        row: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(array).tobytes()),
            "componentType": _CODES[array.dtype.name],
            "count": len(array),
            "type": _TYPES[array.shape[1]],
        }
        if array.dtype == np.uint16:
            row["normalized"] = True
        if bounds:
            row |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.table["accessors"].append(row)
        return len(self.table["accessors"]) - 1

    def add_textures(self, textures: tuple[Texture, ...]) -> None:
        """Adds image, sampler and texture k for texture k."""
        from PIL import Image

        if not textures:
            return
        self.table |= {"images": [], "samplers": [], "textures": []}
        for number, texture in enumerate(textures):
            out = io.BytesIO()
            Image.fromarray(texture.image).save(out, format="PNG")
            self.table["images"].append({"bufferView": self.view(out.getvalue()), "mimeType": "image/png"})
            wrap = {key: _WRAP[side] for key, side in zip(("wrapS", "wrapT"), texture.wrap, strict=True)}
            self.table["samplers"].append(wrap)
            self.table["textures"].append({"name": texture.name, "source": number, "sampler": number})

    def material(self, material: Material, texture: int) -> int:
        """Adds a material, whose texture stands for the whole colour."""
        look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": material.roughness}
        if texture >= 0:
            look["baseColorTexture"] = {"index": texture}
        else:
            look["baseColorFactor"] = [*material.color, 1.0]
        row: dict[str, Any] = {"name": material.name, "pbrMetallicRoughness": look}
        if material.unlit:
            self._used.add(_UNLIT)
            row["extensions"] = {_UNLIT: {}}
        self.table["materials"].append(row)
        return len(self.table["materials"]) - 1

    def mesh(self, name: str, primitive: dict[str, Any]) -> None:
        """Adds a mesh at a node of its own."""
        self.table["meshes"].append({"name": name, "primitives": [primitive]})
        self.table["nodes"].append({"name": name, "mesh": len(self.table["meshes"]) - 1})

    def emitter(self, item: AudioEmitter) -> None:
        """Adds a node that sounds."""
        self._used.add(AUDIO_EXTENSION)
        extensions = self.table.setdefault("extensions", {})
        lists = extensions.setdefault(AUDIO_EXTENSION, {"audio": [], "sources": [], "emitters": []})
        source: dict[str, Any] = {"loop": item.loop, "autoPlay": True}
        if item.clip.startswith("data:"):
            head, _, body = item.clip.partition(",")
            mime = head.removeprefix("data:").partition(";")[0]
            lists["audio"].append({"bufferView": self.view(base64.b64decode(body)), "mimeType": mime})
            source["audio"] = len(lists["audio"]) - 1
        elif Path(item.clip).suffix:
            lists["audio"].append({"uri": item.clip})
            source["audio"] = len(lists["audio"]) - 1
        else:
            source["extras"] = {SOUND_CLASS: item.clip}
        lists["sources"].append(source)
        cone = {"shapeType": "cone", "coneInnerAngle": item.inner_angle, "coneOuterAngle": item.outer_angle}
        row: dict[str, Any] = {"name": item.name, "type": "positional", "gain": 10.0 ** (item.gain_db / 20.0)}
        row |= {"sources": [len(lists["sources"]) - 1], "positional": {**cone, "coneOuterGain": item.outer_gain}}
        lists["emitters"].append(row)
        use = {AUDIO_EXTENSION: {"emitter": len(lists["emitters"]) - 1}}
        turn = _quaternion(item.yaw, item.pitch)
        self.table["nodes"].append(
            {"name": item.name, "translation": list(item.position), "rotation": turn, "extensions": use}
        )

    def content(self) -> bytes:
        """Returns the whole file."""
        table = {name: value for name, value in self.table.items() if value}  # glTF forbids empty lists
        table |= {"scene": 0, "scenes": [{"nodes": list(range(len(self.table["nodes"])))}]}
        if self._length:
            table["buffers"] = [{"byteLength": self._length}]
        if self._used:
            table["extensionsUsed"] = sorted(self._used)
        text = json.dumps(table, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        data = b"".join(self._chunks)
        chunks = [struct.pack("<II", len(text), 0x4E4F534A), text, struct.pack("<II", len(data), 0x004E4942), data]
        return b"".join([b"glTF", struct.pack("<II", 2, 12 + sum(map(len, chunks))), *chunks])


def _quaternion(yaw: float, pitch: float) -> list[float]:
    """Returns the turn that carries -Z to a heading: first pitch about +X, then yaw about +Y; x, y, z, w."""
    a, b = math.cos(yaw / 2), math.sin(yaw / 2)
    c, d = math.cos(pitch / 2), math.sin(pitch / 2)
    return [a * d, b * c, -b * d, a * c]
