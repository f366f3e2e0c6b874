"""Variants of a scene within an episode: rooms with their lamps off, things that are not there, or stand elsewhere.

A variant is what is seen and walked into. Sound is that of the scene without it, unless something large has changed:
lamps and small things leave a room's sound as it is, so that nothing is baked anew for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene import Scene
from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Material, SceneObject
from avi_env.vision.lamps import LAMPS_OFF, lamp_bodies

__all__ = [
    "LARGE",
    "PLAIN",
    "Pose",
    "Prop",
    "Variant",
    "forget_variant",
    "heard_scene",
    "objects_of",
    "posed_object",
    "seen_scene",
    "standing",
    "walked_scene",
    "with_pose",
]

LARGE = 0.7
"""A thing whose box has a diagonal of at most so much [m] is not heard by its being there."""

_ORIGIN = ("variant", "origin")
_SHADE_OFF = (0.55, 0.53, 0.5)  # linear RGB of a lamp's shade that does not shine: opal glass

FloatArray = npt.NDArray[np.float64]


class Pose(NamedTuple):
    """Where a thing is, and how it is turned."""

    center: tuple[float, float, float]
    """Middle of its box [m], world frame."""
    yaw: float
    """[rad], counter-clockwise about +Y."""
    room: int
    """Room id, -1 = none."""
    lying: bool = False
    """Tipped over backwards by a quarter turn: its top points along its own +Z."""


@dataclass(frozen=True, eq=False)
class Prop:
    """A thing that the scene's file does not hold."""

    name: str
    category: str
    vertices: npt.NDArray[np.float32]
    """[m], shape (V, 3), about the middle of its box, as it stands with yaw 0."""
    triangles: npt.NDArray[np.int32]
    """Shape (T, 3)."""
    triangle_material: npt.NDArray[np.int32]
    """Index into `materials`, shape (T,)."""
    materials: tuple[Material, ...]
    size: tuple[float, float, float]
    """Extents of its box [m]."""
    emits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variant:
    """How a scene differs from itself as it was loaded."""

    dark: frozenset[int] = frozenset()
    """Rooms whose lamps are off."""
    props: tuple[Prop, ...] = ()
    """Prop number k is object `len(scene.objects) + k`, whether it is there or not."""
    poses: tuple[tuple[int, Pose | None], ...] = field(default=())
    """By object id, in rising order: where it is, None = nowhere. Others are as in the scene; props are nowhere."""


PLAIN = Variant()
"""The scene as it is."""


def with_pose(variant: Variant, number: int, pose: Pose | None) -> Variant:
    """Returns a variant in which one object is elsewhere, or nowhere (None)."""
    poses = {**dict(variant.poses), number: pose}
    return replace(variant, poses=tuple(sorted(poses.items(), key=lambda item: item[0])))


def standing(item: SceneObject) -> Pose:
    """Returns where an object of the scene is."""
    return Pose(item.center, item.yaw, item.room)


def objects_of(scene: Scene, variant: Variant) -> tuple[SceneObject, ...]:
    """Returns the objects of a variant, each where it is; what is nowhere keeps its id, and is where it was last."""
    poses, count = dict(variant.poses), len(scene.objects)
    props = tuple(
        SceneObject(count + k, prop.category, -1, (0.0, 0.0, 0.0), prop.size, 0.0, prop.emits)
        for k, prop in enumerate(variant.props)
    )
    return tuple(
        item if (pose := poses.get(item.id)) is None else posed_object(item, pose) for item in (*scene.objects, *props)
    )


def posed_object(item: SceneObject, pose: Pose) -> SceneObject:
    """Returns an object, given as it stands upright, at a pose."""
    x, y, z = item.size
    size = (x, z, y) if pose.lying else item.size
    return replace(item, center=pose.center, yaw=pose.yaw, room=pose.room, size=size)


def seen_scene(scene: Scene, variant: Variant) -> Scene:
    """Returns what is seen and walked into in a variant of a scene: the identical object for the same two."""
    if not variant.dark and not variant.poses:
        return scene
    made: Scene = derived(scene, ("variant", variant), lambda: _made(scene, variant))
    return made


def heard_scene(scene: Scene, variant: Variant) -> Scene:
    """Returns the scene by which sound is computed: that of the changes that are `LARGE`, the scene itself mostly."""
    if not variant.poses:
        return scene
    large = {item.id for item in objects_of(scene, variant) if math.dist(item.size, (0.0, 0.0, 0.0)) > LARGE}
    poses = tuple((number, pose) for number, pose in variant.poses if number in large)
    return seen_scene(scene, replace(variant, dark=frozenset(), poses=poses))


def walked_scene(scene: Scene) -> Scene:
    """Returns the scene on which one walks as in this one, which `seen_scene` may have made: light does not matter."""
    base, variant = derived(scene, _ORIGIN, lambda: (scene, PLAIN))
    return seen_scene(base, replace(variant, dark=frozenset())) if variant.dark else scene


def forget_variant(scene: Scene) -> None:
    """Lets a scene go that `seen_scene` made: it makes another one when it is asked again. Others stay as they are."""
    base, variant = derived(scene, _ORIGIN, lambda: (scene, PLAIN))
    if base is not scene:
        taken(base, ("variant", variant), lambda: None)


def _made(scene: Scene, variant: Variant) -> Scene:
    made = _posed(scene, variant) if variant.poses else scene
    if variant.dark:
        made = _darkened(made, variant.dark)
    derived(made, _ORIGIN, lambda: (scene, variant))
    return made


class _Part(NamedTuple):
    """A thing as it enters a scene."""

    object: int
    vertices: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    material: npt.NDArray[np.int32]
    """In the scene's table, shape (T,)."""
    uv: npt.NDArray[np.float32]
    color: npt.NDArray[np.uint8]


def _posed(scene: Scene, variant: Variant) -> Scene:
    """Returns the scene with things elsewhere: their triangles come last, in the order of their ids."""
    count, materials = len(scene.objects), list(scene.materials)
    parts = [
        _scene_part(scene, number, pose)
        if number < count
        else _prop_part(variant.props[number - count], number, pose, materials)
        for number, pose in variant.poses
        if pose is not None
    ]
    kept = ~np.isin(scene.triangle_object, [number for number, _ in variant.poses])
    starts = np.cumsum([len(scene.vertices), *(len(part.vertices) for part in parts)])
    corners = [part.triangles + start for part, start in zip(parts, starts, strict=False)]
    owners = [np.full(len(part.triangles), part.object) for part in parts]
    looks: dict[str, Any] = {}
    if scene.uv is not None:
        looks["uv"] = np.concatenate([scene.uv[kept], *(part.uv for part in parts)])
    if scene.vertex_color is not None:
        looks["vertex_color"] = np.concatenate([scene.vertex_color, *(part.color for part in parts)])
    return replace(
        scene,
        vertices=np.concatenate([scene.vertices, *(part.vertices for part in parts)]),
        triangles=np.concatenate([scene.triangles[kept], *corners]),
        triangle_material=np.concatenate([scene.triangle_material[kept], *(part.material for part in parts)]),
        triangle_object=np.concatenate([scene.triangle_object[kept], *owners]),
        materials=tuple(materials),
        material_texture=_textures(scene, len(materials)),
        objects=objects_of(scene, variant),
        **looks,
    )


def _scene_part(scene: Scene, number: int, pose: Pose) -> _Part:
    """Returns an object of the scene, carried to a pose."""
    item = scene.objects[number]
    chosen = np.flatnonzero(scene.triangle_object == number)
    used, triangles = np.unique(scene.triangles[chosen], return_inverse=True)
    local = _turned(scene.vertices[used].astype(np.float64) - item.center, -item.yaw)
    return _Part(
        number,
        _carried(local, pose),
        triangles.reshape(-1, 3).astype(np.int32),
        scene.triangle_material[chosen],
        np.zeros((0, 3, 2), np.float32) if scene.uv is None else scene.uv[chosen],
        np.zeros((0, 3), np.uint8) if scene.vertex_color is None else scene.vertex_color[used],
    )


def _prop_part(prop: Prop, number: int, pose: Pose, materials: list[Material]) -> _Part:
    """Returns a prop at a pose; materials that the scene lacks are added to its list."""
    materials += [material for material in prop.materials if material not in materials]
    rows = np.array([materials.index(material) for material in prop.materials], dtype=np.int32)
    return _Part(
        number,
        _carried(prop.vertices.astype(np.float64), pose),
        prop.triangles,
        rows[prop.triangle_material],
        np.zeros((len(prop.triangles), 3, 2), np.float32),
        np.full((len(prop.vertices), 3), 255, np.uint8),
    )


def _textures(scene: Scene, materials: int) -> tuple[int, ...]:
    """Returns the texture of each material, none of those that were added."""
    own = scene.material_texture
    return (*own, *(-1,) * (materials - len(own))) if own else ()


def _carried(local: FloatArray, pose: Pose) -> npt.NDArray[np.float32]:
    """Returns points of a thing's own frame in the world."""
    if pose.lying:
        local = np.stack([local[:, 0], -local[:, 2], local[:, 1]], axis=1)
    carried: npt.NDArray[np.float32] = (_turned(local, pose.yaw) + np.array(pose.center)).astype(np.float32)
    return carried


def _turned(points: FloatArray, yaw: float) -> FloatArray:
    """Returns points turned counter-clockwise about +Y, shape (n, 3)."""
    cosine, sine = math.cos(yaw), math.sin(yaw)
    x, y, z = points.T
    return np.stack([x * cosine + z * sine, y, z * cosine - x * sine], axis=1)


def _darkened(scene: Scene, dark: frozenset[int]) -> Scene:
    """Returns the scene with the lamps of some rooms off: lights, and shades that do not shine."""
    rows, materials = scene.triangle_material.copy(), list(scene.materials)
    index: dict[int, int] = {}
    bodies = np.isin(scene.triangle_object, [item.id for item in lamp_bodies(scene) if item.room in dark])
    for number in np.unique(rows[bodies]).tolist():
        if number >= 0 and materials[number].name == "lamp":
            index[number] = len(materials)
            materials.append(replace(materials[number], name="lamp_off", color=_SHADE_OFF))
    for before, after in index.items():
        rows[bodies & (rows == before)] = after
    return replace(
        scene,
        triangle_material=rows,
        materials=tuple(materials),
        material_texture=_textures(scene, len(materials)),
        meta={**scene.meta, LAMPS_OFF: sorted(dark)},
    )
