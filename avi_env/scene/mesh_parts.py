"""The one way from meshes of any origin to a `Scene`: parts with their own looks, joined into one set of triangles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.derived import derived
from avi_env.scene.mesh import checked_mesh
from avi_env.scene.model import (
    DERIVED,
    AudioEmitter,
    Light,
    Material,
    Portal,
    Room,
    Scene,
    SceneObject,
    Texture,
)

__all__ = ["MeshPart", "scene_file", "scene_from_parts"]

_FILE = ("scene_file",)
_LARGE = 50_000  # triangles; beyond, their order in memory decides how fast rays are


class MeshPart(NamedTuple):
    """One piece of a mesh with one material, in the world frame."""

    name: str
    """Name of the node, group or mesh in its file."""
    vertices: npt.NDArray[np.floating[Any]]
    """[m], shape (n, 3), world frame."""
    triangles: npt.NDArray[np.integer[Any]]
    """Indices into `vertices`, shape (m, 3); counter-clockwise seen from the air."""
    uv: npt.NDArray[np.floating[Any]] | None = None
    """Texture coordinates per vertex, shape (n, 2); v runs upwards, (0, 0) is the image's lower left corner."""
    color: npt.NDArray[np.uint8] | None = None
    """sRGB colour per vertex, shape (n, 3)."""
    texture: Texture | None = None
    """Base colour image; parts that share it hold the same object."""
    base_color: tuple[float, float, float] | None = None
    """Factor of texture and vertex colour, linear RGB 0..1; None = the file says nothing of it."""
    material: Material | None = None
    """How it sounds, and how it looks where the file says nothing; a file's reader leaves it None."""
    object: int = -1
    """Id of the object it belongs to, -1 = none."""
    label: str = ""
    """Name of its material in the file, or of the part where the file names no material."""
    unlit: bool = False
    """Light is already in its colours: shown as they are."""

    @property
    def has_looks(self) -> bool:
        """Whether the file says how it looks."""
        return self.texture is not None or self.base_color is not None or self.color is not None


def scene_from_parts(
    name: str,
    parts: Sequence[MeshPart],
    objects: Sequence[SceneObject] = (),
    rooms: Sequence[Room] = (),
    portals: Sequence[Portal] = (),
    lights: Sequence[Light] = (),
    emitters: Sequence[AudioEmitter] = (),
    meta: Mapping[str, Any] | None = None,
    file: Path | None = None,
) -> Scene:
    """Returns the parts as one scene. Health is not checked: leaks are the caller's concern.

    Sound comes from each part's `material`; looks come from the part where it has any, else from the material too.

    Args:
        name: the scene's name.
        parts: the geometry; each with a `material`.
        objects: what the parts' `object` ids refer to; without any, all is one object "mesh".
        rooms: its rooms.
        portals: openings between rooms.
        lights: point lights; a scene without any is lit by stand-ins, see `avi_env.vision.lamps.lamp_table`.
        emitters: what sounds by itself.
        meta: JSON-serialisable provenance.
        file: where the scene comes from, for `scene_file`.

    Raises:
        ValueError: no triangles, a part without material, or bad vertices, indices, uv or colours; the message names
            scene, part and place.
    """
    parts = [_in_spatial_order(part) if len(part.triangles) > _LARGE else part for part in parts if len(part.triangles)]
    if not parts:
        raise ValueError(f"mesh {name!r} has no triangles: a scene needs surfaces that light and sound can meet")
    for part in parts:
        _check_part(name, part)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    counts = [len(part.triangles) for part in parts]
    vertices = np.concatenate([np.asarray(part.vertices, dtype=np.float32) for part in parts])
    looks = _Looks()
    rows = [looks.row(part) for part in parts]
    owners = [part.object if objects else 0 for part in parts]
    scene = Scene(
        name=name,
        vertices=vertices,
        triangles=np.concatenate([part.triangles + start for part, start in zip(parts, starts, strict=False)]),
        triangle_material=np.repeat(rows, counts),
        triangle_object=np.repeat(owners, counts),
        materials=tuple(looks.materials),
        objects=tuple(objects) or (_body(vertices),),
        rooms=tuple(rooms),
        portals=tuple(portals),
        lights=tuple(lights),
        uv=_joined_uv(parts) if looks.textures else None,
        textures=tuple(looks.textures),
        material_texture=tuple(looks.material_texture) if looks.textures else (),
        vertex_color=_joined_colors(parts),
        emitters=tuple(emitters),
        meta=dict(meta or {"generator": "mesh"}),
    )
    return scene if file is None else remember_file(scene, file)


def scene_file(scene: Scene) -> Path | None:
    """Returns the file that a scene was loaded from, or None: it was made, changed or pickled since."""
    path: Path | None = scene.__dict__.get(DERIVED, {}).get(_FILE)
    return path


def remember_file(scene: Scene, file: Path) -> Scene:
    """Returns the same scene, which from now on knows its file."""
    derived(scene, _FILE, lambda: file)
    return scene


def _check_part(name: str, part: MeshPart) -> None:
    place = f"{name}: part {part.name}"
    checked_mesh(part.vertices, part.triangles, place)
    if part.material is None:
        raise ValueError(
            f"mesh {name!r}: part {part.name!r} (material {part.label!r}) has no acoustic material: "
            f"give it one with part._replace(material=avi_env.scene.material('plaster'))"
        )
    if part.texture is not None and part.uv is None:
        raise ValueError(
            f"mesh {name!r}: part {part.name!r} has the texture {part.texture.name!r} but no texture coordinates: "
            f"export it with uv, or set texture=None"
        )
    for what, array, width in (("uv", part.uv, 2), ("color", part.color, 3)):
        if array is not None and array.shape != (len(part.vertices), width):
            raise ValueError(
                f"mesh {name!r}: part {part.name!r} needs {what} of shape ({len(part.vertices)}, {width}), "
                f"one for each vertex, not {array.shape}"
            )
    if part.uv is not None and not np.all(np.isfinite(part.uv)):
        raise ValueError(f"mesh {name!r}: part {part.name!r} has texture coordinates that are NaN or infinite")


def _in_spatial_order(part: MeshPart) -> MeshPart:
    """Orders vertices and triangles along a Z curve (Morton 1966): neighbours in space are neighbours in memory.

    Scanners write triangles in any order; rays and shading meet a million of them about a tenth faster like this.
    """
    if not np.all(np.isfinite(part.vertices)):
        return part  # `_check_part` says so
    vertices = np.argsort(_z_curve(np.asarray(part.vertices)), kind="stable")
    place = np.empty(len(vertices), dtype=np.int64)
    place[vertices] = np.arange(len(vertices))
    if not (0 <= part.triangles.min() and part.triangles.max() < len(vertices)):
        return part
    triangles = np.argsort(_z_curve(part.vertices[part.triangles].mean(axis=1)), kind="stable")
    rows = {name: array[vertices] for name in ("uv", "color") if (array := getattr(part, name)) is not None}
    return part._replace(vertices=part.vertices[vertices], triangles=place[part.triangles[triangles]], **rows)


def _z_curve(points: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Returns the place of each point along the curve through a grid of 1024 cells a side, shape (n,)."""
    low = points.min(axis=0)
    span = max(float((points.max(axis=0) - low).max()), 1e-9)
    code = np.zeros(len(points), dtype=np.uint64)
    for axis in range(3):
        bits = ((points[:, axis] - low[axis]) * (1023.0 / span)).astype(np.uint64)
        for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
            bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
        code |= bits << np.uint64(axis)
    return code


class _Looks:
    """Gathers the material table: one row for each pair of sound and looks that occurs."""

    def __init__(self) -> None:
        self.materials: list[Material] = []
        self.textures: list[Texture] = []
        self.material_texture: list[int] = []
        self._rows: dict[tuple[Any, ...], int] = {}
        self._images: dict[tuple[Any, ...], int] = {}

    def row(self, part: MeshPart) -> int:
        assert part.material is not None
        material, texture, factor = part.material, -1, part.base_color or (1.0, 1.0, 1.0)
        if part.has_looks:
            material = replace(material, color=factor, pattern="plain", unlit=part.unlit or material.unlit)
        if part.texture is not None:
            texture = self._image(part.texture, factor)
        key = (material, texture)
        if key not in self._rows:
            self._rows[key] = len(self.materials)
            self.materials.append(material)
            self.material_texture.append(texture)
        return self._rows[key]

    def _image(self, texture: Texture, factor: tuple[float, float, float]) -> int:
        # In a scene an image stands for the whole colour, so a factor other than 1 goes into a copy of it.
        key = (id(texture), factor)
        if key not in self._images:
            self._images[key] = len(self.textures)
            self.textures.append(texture if factor == (1.0, 1.0, 1.0) else _multiplied(texture, factor))
        return self._images[key]


def _multiplied(texture: Texture, factor: tuple[float, float, float]) -> Texture:
    linear = srgb_to_linear(np.arange(256) / 255.0)
    tables = [np.round(255.0 * linear_to_srgb(np.minimum(f * linear, 1.0))).astype(np.uint8) for f in factor]
    image = np.stack([table[texture.image[..., k]] for k, table in enumerate(tables)], axis=-1)
    return replace(texture, image=image)


def srgb_to_linear(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns linear intensities 0..1 of sRGB values 0..1. Source: IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((np.maximum(value, 0.0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns sRGB values 0..1 of linear intensities 0..1. Source: IEC 61966-2-1."""
    return np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 0.0031308) ** (1.0 / 2.4) - 0.055)


def _joined_uv(parts: Sequence[MeshPart]) -> npt.NDArray[np.float32]:
    rows = [
        np.zeros((len(part.triangles), 3, 2), dtype=np.float32)
        if part.uv is None
        else np.asarray(part.uv, dtype=np.float32)[part.triangles]
        for part in parts
    ]
    return np.concatenate(rows)


def _joined_colors(parts: Sequence[MeshPart]) -> npt.NDArray[np.uint8] | None:
    if all(part.color is None for part in parts):
        return None
    rows = [
        np.full((len(part.vertices), 3), 255, dtype=np.uint8) if part.color is None else part.color for part in parts
    ]
    return np.concatenate(rows).astype(np.uint8)


def _body(vertices: npt.NDArray[np.float32]) -> SceneObject:
    low, high = vertices.min(axis=0).astype(np.float64), vertices.max(axis=0).astype(np.float64)
    middle, extents = ((low + high) / 2).tolist(), (high - low).tolist()
    return SceneObject(0, "mesh", -1, (middle[0], middle[1], middle[2]), (extents[0], extents[1], extents[2]))
