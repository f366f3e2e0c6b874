"""Things that a scenario brings into a house: what they are made of and where they stand.

A thing is a piece of the furniture catalogue. Its shape and colours are drawn from the seed and its name.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.envs.variants import Pose, Prop
from avi_env.navigation import walkable_grid
from avi_env.scene import Room, Scene
from avi_env.scene.furniture import make_look, place
from avi_env.scene.furniture_catalog import FURNITURE_CATEGORIES, make_piece
from avi_env.scene.house_build import emit_pieces
from avi_env.scene.house_stream import Stream
from avi_env.scene.model import SceneObject
from avi_env.scene.outline import in_outline, in_room
from avi_env.scene.rays import closest_hit
from avi_env.scene.shapes import SceneBuilder

__all__ = ["FIXED", "floor_below", "lowest", "make_prop", "object_boxes", "place_at", "place_in_room", "place_on"]

FIXED = frozenset({"door", "door_frame", "front_door", "wall", "floor", "ceiling", "window", "stairs"})
"""Categories that are the house itself: they neither go nor fall."""

_LIFT = 0.003  # [m] above what a thing stands on, so that its underside is not in the same plane
_LEVEL = 0.015  # [m] by which a top may be uneven under a thing
_STEP = 0.05  # [m] between places that are tried
_FROM_DOORS = 1.0  # [m] that a thing on a room's floor keeps from openings, if there is room
_ASIDE = 0.05  # [m] of air around a thing on a floor

FloatArray = npt.NDArray[np.float64]


def make_prop(name: str, category: str, seed: int) -> Prop:
    """Returns a thing of a category of furniture, drawn from a seed and its name.

    Raises:
        ValueError: no such category; the message names the nearest one.
    """
    if category not in FURNITURE_CATEGORIES:
        raise name_error("category of furniture", category, FURNITURE_CATEGORIES)
    stream = Stream(seed % 2**64, f"prop/{name}")
    piece = make_piece(category, stream, make_look(stream))
    builder = SceneBuilder()
    emit_pieces(builder, [place(piece, -1, (0.0, 0.0, 0.0), 0.0)])
    made = builder.build(name)
    low, high = made.bounds.astype(np.float64)
    middle, size = (low + high) / 2, high - low
    vertices = (made.vertices - middle).astype(np.float32)
    extents = (float(size[0]), float(size[1]), float(size[2]))
    return Prop(name, category, vertices, made.triangles, made.triangle_material, made.materials, extents, piece.emits)


def place_at(scene: Scene, size: tuple[float, float, float], base: npt.ArrayLike, yaw: float = 0.0) -> Pose:
    """Returns how a thing stands on a point.

    Args:
        scene: the house.
        size: of its box [m].
        base: where the middle of its underside is [m], shape (3,), world frame.
        yaw: [rad].

    Raises:
        ValueError: the point is in no room.
    """
    x, y, z = np.asarray(base, dtype=np.float64).tolist()
    middle = (x, y + _LIFT + size[1] / 2, z)
    room = _room_of(scene, middle)
    if room is None and scene.rooms:
        raise ValueError(f"({x:g}, {y:g}, {z:g}) is in no room of {scene.name}")
    return Pose(middle, yaw, -1 if room is None else room.id)


def place_on(scene: Scene, size: tuple[float, float, float], item: SceneObject, yaw: float = 0.0) -> Pose:
    """Returns how a thing stands on top of an object, as near to its middle as there is a free and even place.

    Args:
        scene: the house.
        size: of the thing's box [m].
        item: the object.
        yaw: [rad].

    Raises:
        ValueError: there is no such place.
    """
    boxes = object_boxes(scene)
    low, high = boxes[item.id]
    half = _half_extents(size, yaw)
    axes = [_ticks(a, b, s) for a, b, s in zip(low[[0, 2]], high[[0, 2]], half, strict=True)]
    x, z = (grid.ravel() for grid in np.meshgrid(*axes, indexing="ij"))
    near = np.argsort(np.hypot(x - item.center[0], z - item.center[2]), kind="stable")
    others = np.array([k for k in range(len(boxes)) if k != item.id and np.isfinite(boxes[k]).all()], dtype=np.int64)
    for k in near.tolist():
        base = _even_top(scene, item.id, np.array([x[k], z[k]]), half, high[1])
        if base is None:
            continue
        middle = np.array([x[k], base + size[1] / 2, z[k]])
        reach = np.array([half[0], size[1] / 2 - _LEVEL, half[1]])
        touching = np.all((boxes[others, 0] < middle + reach) & (boxes[others, 1] > middle - reach), axis=1)
        shells = np.array([scene.objects[n].category in FIXED for n in others.tolist()], dtype=bool)
        if not np.any(touching & ~shells):
            return place_at(scene, size, (x[k], base, z[k]), yaw)
    raise ValueError(
        f"nothing of {size[0]:.2f} x {size[1]:.2f} x {size[2]:.2f} m fits on top of {item.name}: "
        f"name another object, a room or a position"
    )


def place_in_room(scene: Scene, size: tuple[float, float, float], room: Room, stream: Stream, yaw: float = 0.0) -> Pose:
    """Returns how a thing stands on the floor of a room, somewhere free and if possible not near an opening.

    Raises:
        ValueError: there is no room for it.
    """
    reach = math.hypot(*_half_extents(size, yaw)) + _ASIDE
    spots = free_floor(scene, room, reach, size[1])
    if not len(spots):
        raise ValueError(f"there is no free floor for a thing {2 * reach:.2f} m across in {room.name}")
    gates = np.array([portal.center for portal in scene.portals if room.id in portal.rooms]).reshape(-1, 3)
    if len(gates):
        away = np.hypot(spots[:, None, 0] - gates[:, 0], spots[:, None, 2] - gates[:, 2]).min(axis=1)
        clear = spots[away > _FROM_DOORS + reach]
        spots = clear if len(clear) else spots
    return place_at(scene, size, spots[stream.integer(0, len(spots) - 1)], yaw)


def free_floor(scene: Scene, room: Room, reach: float, height: float) -> FloatArray:
    """Returns places on a room's floor with so much free floor around them, and so much air above, shape (n, 3)."""
    spots = []
    grid = walkable_grid(scene, round(reach, 3), max(round(height, 3), 0.1))
    for layer, own in zip(grid.layers, grid.own_places(), strict=True):
        columns = np.argwhere(own)
        xz, y = layer.center(columns), layer.floor_y[tuple(columns.T)].astype(np.float64)
        inside = in_outline(room.polygon, xz) & (np.abs(y - room.floor_y) < 0.3)
        spots.append(np.stack([xz[inside, 0], y[inside], xz[inside, 1]], axis=1))
    return np.concatenate(spots)


def floor_below(scene: Scene, point: npt.ArrayLike) -> tuple[float, int]:
    """Returns the height of the first surface below a point [m], and the triangle there.

    Raises:
        ValueError: there is none.
    """
    start = np.asarray(point, dtype=np.float64)
    hit = closest_hit(scene, start[None], np.array([[0.0, -1.0, 0.0]]))
    if hit.triangle[0] < 0:
        raise ValueError(f"there is no floor below {start.round(2).tolist()}")
    return float(start[1] - hit.distance[0]), int(hit.triangle[0])


def object_boxes(scene: Scene) -> FloatArray:
    """Returns lowest and highest corner of each object's triangles [m], shape (n, 2, 3); infinite where it has none."""
    boxes = np.empty((len(scene.objects), 2, 3))
    boxes[:, 0], boxes[:, 1] = np.inf, -np.inf
    owned = scene.triangle_object >= 0
    corners = scene.vertices[scene.triangles[owned]].astype(np.float64)
    np.minimum.at(boxes[:, 0], scene.triangle_object[owned], corners.min(axis=1))
    np.maximum.at(boxes[:, 1], scene.triangle_object[owned], corners.max(axis=1))
    return boxes


def lowest(item: SceneObject) -> float:
    """Returns the height of the underside of an object's box [m]."""
    return item.center[1] - item.size[1] / 2


def _room_of(scene: Scene, point: tuple[float, float, float]) -> Room | None:
    place = np.array([point])
    return next((room for room in scene.rooms if in_room(room, place)[0]), None)


def _half_extents(size: tuple[float, float, float], yaw: float) -> FloatArray:
    """Half the extents of a turned box along x and z [m], shape (2,)."""
    cosine, sine = abs(math.cos(yaw)), abs(math.sin(yaw))
    return np.array([size[0] * cosine + size[2] * sine, size[0] * sine + size[2] * cosine]) / 2


def _ticks(low: float, high: float, half: float) -> FloatArray:
    """Places along a side where a thing of a half width does not stand out, the middle one of them."""
    middle, room = (low + high) / 2, (high - low) / 2 - half
    count = math.floor(max(room, 0.0) / _STEP)
    return np.asarray(middle + _STEP * np.arange(-count, count + 1), dtype=np.float64)


def _even_top(scene: Scene, number: int, at: FloatArray, half: FloatArray, top: float) -> float | None:
    """Returns the height of an object's upper side under a thing, None if it is not even or not free from above."""
    corners = at + half * np.array([[0, 0], [-1, -1], [-1, 1], [1, -1], [1, 1]]) * 0.9
    start = np.stack([corners[:, 0], np.full(5, top + 0.02), corners[:, 1]], axis=1)
    hits = closest_hit(scene, start, np.tile([0.0, -1.0, 0.0], (5, 1)))
    if np.any(hits.triangle < 0) or np.any(scene.triangle_object[hits.triangle] != number):
        return None
    if np.ptp(hits.distance) > _LEVEL:
        return None
    return float(top + 0.02 - hits.distance.min())
