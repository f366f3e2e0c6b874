"""What shines in a scene: its own lights, daylight through windows, and a stand-in where there is neither."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Light, Room, Scene, SceneObject
from avi_env.scene.outline import in_outline, in_room
from avi_env.scene.rays import closest_hit

__all__ = [
    "LAMPS_OFF",
    "LAMP_COLUMNS",
    "dark_rooms",
    "lamp_bodies",
    "lamp_table",
    "lamps_that_are_off",
    "rooms_with_lamps",
    "shadow_casters",
    "take_shadow_casters",
]

LAMP_COLUMNS = 9
"""Columns of the lamp table: position (3), colour times intensity (3), axis (3); axis zero = shines all round."""

LAMPS_OFF = "lamps_off"
"""Key of a scene's `meta`: ids of the rooms whose lamps are off."""

DAYLIGHT = (0.80, 0.92, 1.10)
"""Irradiance at 1 m of daylight through one square metre of window; cooler than the lamps."""

_BELOW = 0.35  # [m] of a stand-in lamp below the ceiling
_SPACING = 4.0  # [m] between stand-in lamps where no rooms are known
_COLUMNS, _SHEETS = 64, 24  # columns in which lamps are looked for, and surfaces one above the other
_LEAST_ROOM = 1.8  # [m] from a floor to the ceiling above
_STAND_IN = 4.0  # irradiance at 1 m of the lamp that stands in for missing lights: a table under it is well lit


def lamp_table(scene: Scene) -> npt.NDArray[np.float32]:
    """Returns every lamp of a scene, shape (L, 9), columns as `LAMP_COLUMNS` says.

    Windows are lamps that shine into their room with a cosine. A scene without any light gets one lamp under the
    ceiling of each room, or where no rooms are known one every 4 m under what ceilings rays find: a mesh of unknown
    origin must not be black.
    """
    return derived(scene, ("lamp_table",), lambda: _table(scene, dark_rooms(scene)))


def dark_rooms(scene: Scene) -> frozenset[int]:
    """Returns the ids of the rooms whose lamps are off."""
    return frozenset(scene.meta.get(LAMPS_OFF, ()))


def rooms_with_lamps(scene: Scene) -> frozenset[int]:
    """Returns the ids of the rooms in which there is a lamp to switch; windows are none."""
    if not scene.lights:  # lamps stand in for them
        return frozenset(room.id for room in scene.rooms)
    return frozenset(_room_of(scene, light) for light in scene.lights) - {-1}


def lamps_that_are_off(scene: Scene) -> npt.NDArray[np.float32]:
    """Returns the lamps of the dark rooms, shape (L, 9), columns as `LAMP_COLUMNS` says: they give no light now."""
    lit = {tuple(row) for row in lamp_table(scene).tolist()}
    every = _table(scene, frozenset())
    return every[[tuple(row) not in lit for row in every.tolist()]]


def lamp_bodies(scene: Scene) -> tuple[SceneObject, ...]:
    """Returns the objects that are lamps."""
    return tuple(item for item in scene.objects if item.category.endswith("lamp"))


def _table(scene: Scene, dark: frozenset[int]) -> npt.NDArray[np.float32]:
    shining = [light for light in scene.lights if not dark or _room_of(scene, light) not in dark]
    rows = [[*light.position, *(light.intensity * np.asarray(light.color)), 0.0, 0.0, 0.0] for light in shining]
    if not scene.lights and len(scene.vertices):
        rows += [
            [*position, *(_STAND_IN * np.asarray(Light((0, 0, 0)).color)), 0.0, 0.0, 0.0]
            for position in _stand_ins(scene, dark)
        ]
    for item in scene.objects:
        if item.category == "window":
            rows += _window_lamps(scene, item)
    return np.asarray(rows, dtype=np.float32).reshape(-1, LAMP_COLUMNS)


def shadow_casters(scene: Scene) -> Scene:
    """Returns the scene without its lamps' bodies: shades let the light of their own lamp through."""
    return derived(scene, ("shadow_casters",), lambda: _without_lamps(scene))


def take_shadow_casters(scene: Scene) -> Scene:
    """Returns the same, which the scene does not keep: a bake needs them, and their ray tree, once."""
    return taken(scene, ("shadow_casters",), lambda: _without_lamps(scene))


def _room_of(scene: Scene, light: Light) -> int:
    """Returns the id of the room that a light is in, -1 = none."""
    if light.room >= 0:
        return light.room
    place = np.array([light.position])
    return next((room.id for room in scene.rooms if in_room(room, place)[0]), -1)


def _without_lamps(scene: Scene) -> Scene:
    lamp = np.zeros(len(scene.objects) + 1, dtype=bool)
    lamp[[item.id for item in lamp_bodies(scene)]] = True
    kept = ~lamp[scene.triangle_object]
    if kept.all():
        return scene
    rows = {name: getattr(scene, name)[kept] for name in ("triangles", "triangle_material", "triangle_object")}
    return dataclasses.replace(scene, **rows, uv=None, textures=(), material_texture=())


def _stand_ins(scene: Scene, dark: frozenset[int]) -> Iterator[tuple[float, float, float]]:
    for room in scene.rooms:
        if room.id in dark:
            continue
        x, z = _middle(room)
        yield x, room.floor_y + room.height - _BELOW, z
    if not scene.rooms:
        low, high = scene.bounds.astype(np.float64)
        places = _under_ceilings(scene, low, high)
        if not len(places):  # nothing above a floor
            middle = (low + high) / 2.0
            places = np.array([[middle[0], low[1] + 0.85 * (high[1] - low[1]), middle[2]]])
        for x, y, z in places.tolist():
            yield x, y, z


def _under_ceilings(
    scene: Scene, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Returns places under the ceilings of a mesh that names no rooms, every few metres and on every storey, (n, 3)."""
    span = np.maximum(high - low, 1e-3)[[0, 2]]
    spacing = max(_SPACING, float(np.sqrt(span.prod() / _COLUMNS)))
    counts = np.ceil(span / spacing).astype(int)
    axes = [low[axis] + (np.arange(n) + 0.5) * width / n for axis, n, width in zip((0, 2), counts, span, strict=True)]
    x, z = (grid.ravel() for grid in np.meshgrid(*axes, indexing="ij"))
    start = np.stack([x, np.full(len(x), low[1] - 0.1), z], axis=1)
    floor, found = np.full(len(x), np.nan), [np.zeros((0, 3))]
    for _ in range(_SHEETS):
        hits = closest_hit(scene, start, np.tile([0.0, 1.0, 0.0], (len(start), 1)))
        met = hits.triangle >= 0
        start, floor = start[met], floor[met]
        if not len(start):
            break
        height = start[:, 1] + hits.distance[met]
        corners = scene.vertices[scene.triangles[hits.triangle[met]]].astype(np.float64)
        up = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
        room = (up < 0.0) & (height - floor > _LEAST_ROOM)  # air lies above what faces up, below what faces down
        found.append(np.stack([start[room, 0], height[room] - _BELOW, start[room, 2]], axis=1))
        floor = np.where(up > 0.0, height, np.nan)
        start = np.stack([start[:, 0], height + 1e-3, start[:, 2]], axis=1)
    return np.concatenate(found)


def _middle(room: Room) -> tuple[float, float]:
    # The centroid of an L-shaped room may lie outside it: then a point cut off at one of its corners will do.
    points = np.asarray(room.polygon, dtype=np.float64)
    candidates = [points.mean(axis=0)]
    for before, corner, after in zip(np.roll(points, 1, 0), points, np.roll(points, -1, 0), strict=True):
        candidates.append(0.5 * corner + 0.25 * (before + after))
    x, z = candidates[int(np.argmax(in_outline(room.polygon, np.array(candidates))))]  # the first, if none is inside
    return float(x), float(z)


def _window_lamps(scene: Scene, window: SceneObject) -> list[list[float]]:
    """Returns two lamps side by side in front of the inner face of a window, or none where no room is behind it."""
    size = np.asarray(window.size)
    thin = 2 if size[2] <= size[0] else 0  # the box's thin axis is the window's normal
    width = size[0] if thin == 2 else size[2]
    cosine, sine = float(np.cos(window.yaw)), float(np.sin(window.yaw))
    axes = {0: np.array([cosine, 0.0, -sine]), 2: np.array([sine, 0.0, cosine])}
    normal, along = axes[thin], axes[2 - thin]
    center = np.asarray(window.center, dtype=np.float64)
    rows: list[list[float]] = []
    for inward in (normal, -normal):
        probe = center + inward * (size[thin] / 2.0 + 0.35)
        if any(in_outline(room.polygon, probe[None, [0, 2]])[0] for room in scene.rooms):
            color = np.asarray(DAYLIGHT) * float(width * size[1]) / 2.0
            for side in (-0.25, 0.25):
                place = center + inward * (size[thin] / 2.0 + 0.08) + along * width * side
                rows.append([*place, *color, *inward])
            break
    return rows
