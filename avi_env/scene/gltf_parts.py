"""The meshes of a glTF file as parts: nodes with their transforms, primitives, materials and textures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.findings import SceneWarning
from avi_env.scene.gltf import Gltf, basis_error
from avi_env.scene.mesh_parts import MeshPart, linear_to_srgb
from avi_env.scene.model import Texture

__all__ = ["gltf_nodes", "gltf_parts", "node_matrix"]

FloatArray = npt.NDArray[np.float64]

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_WRAP = {10497: "repeat", 33071: "clamp", 33648: "mirror"}


def gltf_parts(gltf: Gltf, textures: bool = True) -> list[MeshPart]:
    """Returns every triangle primitive of the file's scene, in the world frame; alpha is ignored, with a warning.

    Args:
        gltf: the open file.
        textures: whether to decode its pictures.

    Raises:
        FileNotFoundError: a linked file is missing.
        ValueError: it is damaged; the message names file, entry and remedy.
    """
    with gltf.reading():
        return _parts(gltf, textures)


def _parts(gltf: Gltf, textures: bool) -> list[MeshPart]:
    reader = _Reader(gltf, textures)
    parts: list[MeshPart] = []
    for index, matrix in gltf_nodes(gltf):
        node = gltf.rows("nodes")[index]
        if "mesh" in node:
            mesh = gltf.row("meshes", node["mesh"], f"nodes[{index}]")
            name = str(node.get("name") or mesh.get("name") or f"node_{index}")
            for number, primitive in enumerate(mesh.get("primitives", [])):
                own = name if len(mesh["primitives"]) == 1 else f"{name}_{number}"
                parts += reader.primitive(own, primitive, matrix)
    reader.warn()
    return parts


def gltf_nodes(gltf: Gltf) -> Iterator[tuple[int, FloatArray]]:
    """Yields each node of the file's scene and its matrix into the world, shape (4, 4), depth first."""
    stack = [(index, np.eye(4)) for index in reversed(_roots(gltf))]
    seen: set[int] = set()
    while stack:
        index, parent = stack.pop()
        node = gltf.row("nodes", index, "the scene's tree")
        if index in seen:
            raise gltf.error(f"nodes[{index}] hangs in the tree twice, or in itself: export the file again")
        seen.add(index)
        matrix = parent @ node_matrix(gltf, index)
        yield index, matrix
        stack += [(child, matrix) for child in reversed(node.get("children", []))]


def _roots(gltf: Gltf) -> list[int]:
    if gltf.rows("scenes"):
        scene = gltf.row("scenes", gltf.table.get("scene", 0), "the file")
        return list(scene.get("nodes", []))
    children = {child for node in gltf.rows("nodes") for child in node.get("children", [])}
    return [index for index in range(len(gltf.rows("nodes"))) if index not in children]


def node_matrix(gltf: Gltf, index: int) -> FloatArray:
    """Returns a node's matrix into its parent, shape (4, 4): its own, or T R S with the rotation x, y, z, w."""
    node = gltf.rows("nodes")[index]

    def numbers(key: str, default: tuple[float, ...]) -> FloatArray:
        values = np.asarray(node.get(key, default), dtype=np.float64)
        if values.shape != (len(default),) or not np.all(np.isfinite(values)):
            raise gltf.error(f"{key} of nodes[{index}] needs {len(default)} finite numbers: export the file again")
        return values

    if "matrix" in node:
        return numbers("matrix", (0.0,) * 16).reshape(4, 4).T  # stored column by column
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(numbers("rotation", (0.0, 0.0, 0.0, 1.0))) * numbers("scale", (1.0, 1.0, 1.0))
    matrix[:3, 3] = numbers("translation", (0.0, 0.0, 0.0))
    return matrix


def _rotation(quaternion: FloatArray) -> FloatArray:
    x, y, z, w = quaternion / max(float(np.linalg.norm(quaternion)), 1e-12)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


class _Look(NamedTuple):
    """What a material says."""

    label: str = ""
    base_color: tuple[float, float, float] | None = None
    texture: Texture | None = None
    coordinates: int = 0
    transform: FloatArray | None = None
    unlit: bool = False


class _Reader:
    """Reads primitives, each material and texture once, and remembers what it left out."""

    def __init__(self, gltf: Gltf, textures: bool) -> None:
        self.gltf, self.textures = gltf, textures
        self._looks: dict[int, _Look] = {}
        self._textures: dict[int, Texture] = {}
        self._translucent: list[str] = []
        self._bare = 0

    def warn(self) -> None:
        """Says what was left out."""
        file = self.gltf.path.name
        if self._translucent:
            names = ", ".join(self._translucent[:3]) + (", ..." if len(self._translucent) > 3 else "")
            text = f"{file}: the alpha of {len(self._translucent)} materials ({names}) is ignored: they are opaque here"
            warnings.warn(text, SceneWarning, stacklevel=8)
        if self._bare:
            text = f"{file}: {self._bare} primitives are points or lines: they are left out"
            warnings.warn(text, SceneWarning, stacklevel=8)

    def primitive(self, name: str, row: dict[str, Any], matrix: FloatArray) -> list[MeshPart]:
        """Returns a primitive as a part; none if it has no triangles."""
        gltf, attributes = self.gltf, row.get("attributes", {})
        if row.get("mode", _TRIANGLES) not in (_TRIANGLES, _STRIP, _FAN):
            self._bare += 1
            return []
        if "POSITION" not in attributes:
            raise gltf.error(f"part {name!r} has no POSITION: export the file again")
        points = gltf.array(attributes["POSITION"], f"POSITION of part {name!r}")
        if points.shape[1] != 3:
            raise gltf.error(f"POSITION of part {name!r} has {points.shape[1]} coordinates, not 3: export it again")
        triangles = self._triangles(name, row, len(points))
        if np.linalg.det(matrix[:3, :3]) < 0.0:  # a mirrored node: its faces turn round
            triangles = triangles[:, ::-1]
        look = self._look(row["material"], name) if "material" in row else _Look()
        part = MeshPart(
            name,
            _placed(points, matrix),
            np.ascontiguousarray(triangles),
            base_color=look.base_color,
            texture=look.texture,
            label=look.label or name,
            unlit=look.unlit,
        )
        if look.texture is not None:
            part = part._replace(uv=self._uv(name, attributes, look))
        if "COLOR_0" in attributes:
            # Colours without a material are a scan's: nothing says how light should fall on them.
            color = self._color(name, attributes["COLOR_0"], len(points))
            part = part._replace(color=color, unlit=part.unlit or "material" not in row)
        return [part]

    def _triangles(self, name: str, row: dict[str, Any], count: int) -> npt.NDArray[np.int64]:
        if "indices" in row:
            index = self.gltf.array(row["indices"], f"indices of part {name!r}")[:, 0].astype(np.int64)
        else:
            index = np.arange(count)
        if len(index) and index.max() >= count:
            raise self.gltf.error(
                f"part {name!r}: triangle {int(np.argmax(index >= count)) // 3} refers to vertex {index.max()}, but "
                f"there are only {count}: export the file again"
            )
        mode = row.get("mode", _TRIANGLES)
        if mode == _TRIANGLES:
            if len(index) % 3:
                raise self.gltf.error(f"part {name!r} has {len(index)} indices, no multiple of 3: export it again")
            return index.reshape(-1, 3)
        if len(index) < 3:
            return np.zeros((0, 3), dtype=np.int64)
        if mode == _FAN:
            return np.stack([np.full(len(index) - 2, index[0]), index[1:-1], index[2:]], axis=1)
        strip = np.stack([index[:-2], index[1:-1], index[2:]], axis=1)
        strip[1::2] = strip[1::2, [1, 0, 2]]  # every other triangle of a strip is wound the other way
        return strip

    def _uv(self, name: str, attributes: dict[str, Any], look: _Look) -> npt.NDArray[np.float64] | None:
        key = f"TEXCOORD_{look.coordinates}"
        if key not in attributes:
            return None
        uv = self.gltf.array(attributes[key], f"{key} of part {name!r}").astype(np.float64)
        if look.transform is not None:
            uv = uv @ look.transform[:2, :2].T + look.transform[:2, 2]
        return np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)  # glTF counts v downwards

    def _color(self, name: str, index: Any, count: int) -> npt.NDArray[np.uint8]:
        values = self.gltf.array(index, f"COLOR_0 of part {name!r}")
        if len(values) != count or values.shape[1] < 3:
            raise self.gltf.error(
                f"part {name!r} has {len(values)} colours of {values.shape[1]} numbers for {count} vertices: export "
                f"the file again"
            )
        # The specification's colours are linear.
        linear = np.clip(values[:, :3].astype(np.float64), 0.0, 1.0)
        return np.round(255.0 * linear_to_srgb(linear)).astype(np.uint8)

    def _look(self, index: int, name: str) -> _Look:
        row = self.gltf.row("materials", index, f"part {name!r}")
        if index not in self._looks:
            self._looks[index] = self._read_look(index, row)
        return self._looks[index]

    def _read_look(self, index: int, row: dict[str, Any]) -> _Look:
        extensions = row.get("extensions", {})
        metallic = row.get("pbrMetallicRoughness", {})
        glossy = extensions.get("KHR_materials_pbrSpecularGlossiness", {})
        factor = glossy.get("diffuseFactor") or metallic.get("baseColorFactor") or (1.0, 1.0, 1.0, 1.0)
        picture = glossy.get("diffuseTexture") or metallic.get("baseColorTexture")
        if not np.all(np.isfinite(np.asarray(factor, dtype=np.float64))):
            raise self.gltf.error(f"the colour of materials[{index}] is not finite: export the file again")
        label = str(row.get("name") or "")
        if row.get("alphaMode", "OPAQUE") != "OPAQUE" or (len(factor) > 3 and factor[3] < 1.0):
            self._translucent.append(label or f"materials[{index}]")
        red, green, blue = np.clip(np.asarray(factor[:3], dtype=np.float64), 0.0, 1.0).tolist()
        look = _Look(label, (red, green, blue), unlit="KHR_materials_unlit" in extensions)
        if picture is None or not self.textures:
            return look
        transform = picture.get("extensions", {}).get("KHR_texture_transform")
        return look._replace(
            texture=self._texture(picture.get("index"), f"materials[{index}]"),
            coordinates=int((transform or {}).get("texCoord", picture.get("texCoord", 0))),
            transform=None if transform is None else _transform(transform),
        )

    def _texture(self, index: Any, user: str) -> Texture:
        gltf = self.gltf
        row = gltf.row("textures", index, user)
        if index not in self._textures:
            extensions = row.get("extensions", {})
            source = row.get("source", extensions.get("EXT_texture_webp", {}).get("source"))
            if source is None and "KHR_texture_basisu" in extensions:
                raise basis_error(gltf, index)
            sampler = gltf.row("samplers", row["sampler"], f"textures[{index}]") if "sampler" in row else {}
            wrap = [_WRAP.get(sampler.get(key, 10497), "repeat") for key in ("wrapS", "wrapT")]
            image = gltf.row("images", source, f"textures[{index}]")
            name = str(row.get("name") or image.get("name") or Path(str(image.get("uri", ""))[:80]).stem)
            self._textures[index] = Texture(name, gltf.image(source, f"textures[{index}]"), (wrap[0], wrap[1]))
        return self._textures[index]


def _placed(points: npt.NDArray[Any], matrix: FloatArray) -> npt.NDArray[np.float32]:
    if np.array_equal(matrix, np.eye(4)):
        return points.astype(np.float32)  # bit by bit, which a product would not keep for -0
    return (points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32)


def _transform(row: dict[str, Any]) -> FloatArray:
    """Returns KHR_texture_transform as a matrix T R S, shape (3, 3), of uv counted downwards."""
    angle = float(row.get("rotation", 0.0))
    cosine, sine = np.cos(angle), np.sin(angle)
    scale, offset = row.get("scale", (1.0, 1.0)), row.get("offset", (0.0, 0.0))
    return np.array(
        [
            [cosine * scale[0], sine * scale[1], offset[0]],
            [-sine * scale[0], cosine * scale[1], offset[1]],
            [0.0, 0.0, 1.0],
        ]
    )
