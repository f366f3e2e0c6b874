"""Rooms from the air they hold: a union of boxes, bounded by walls, closed by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.scene.materials import material as find_material
from avi_env.scene.model import Light, Material, Portal, Room, Scene
from avi_env.scene.shapes import Point, SceneBuilder

__all__ = ["AIR_SIDES", "AirBox", "air_scene"]

AIR_SIDES = ("floor", "ceiling", "wall")
"""What bounds the air: faces that look up, down and sideways."""

_SIDE_OF_AXIS = {(1, 0): "floor", (1, 1): "ceiling"}
_LEAST = 1e-6  # [m]; boxes thinner than this hold no air
_GRID_LIMIT = 2_000_000  # cells between the boxes' planes


@dataclass(frozen=True)
class AirBox:
    """A box of air: a room, or a way between two rooms."""

    low: tuple[float, float, float]
    """Lowest corner [m]."""
    high: tuple[float, float, float]
    """Highest corner [m]."""
    room: str = ""
    """Type of the room; boxes with the same `part` are one room. Empty = no room of its own."""
    part: str = ""
    """Joins boxes to one room: an L of two boxes."""
    portal: str = ""
    """Kind of the opening between the two rooms that it touches: door, doorway, opening. Empty = none."""
    material: str | Material | Mapping[str, str | Material] | None = None
    """Of the faces of this box, as in `air_scene`; None = the scene's. Where boxes overlap, the later one's."""


def air_scene(
    name: str,
    boxes: Sequence[AirBox],
    material: str | Material | Mapping[str, str | Material] = "plaster",
    meta: Mapping[str, Any] | None = None,
) -> Scene:
    """Returns the scene whose air is the union of boxes; every face of it carries a wall, so it has no leak.

    Args:
        name: the scene's name.
        boxes: the air; boxes that touch or overlap are joined.
        material: one for all, or one each for floor, ceiling and wall: a name or a `Material`.
        meta: provenance, JSON-serialisable.

    Raises:
        ValueError: no box, a box without volume, an unknown material or side, a portal that does not join two rooms.
    """
    _check_boxes(name, boxes)
    planes, owner = _cells(name, boxes)
    builder = SceneBuilder()
    low, high = (np.array([p[k] for p in planes]) for k in (0, -1))
    middle, extents = _point((low + high) / 2), _point(high - low)
    number = {side: builder.add_object(side, -1, middle, extents) for side in AIR_SIDES}
    materials = [_side_materials(name, material if box.material is None else box.material) for box in boxes]
    for axis in range(3):
        for side in (0, 1):
            kind = _SIDE_OF_AXIS.get((axis, side), "wall")
            for box, corners in _faces(planes, owner, axis, side):
                builder.add_quad(corners, builder.add_material(materials[box][kind]), number[kind])
    rooms = _rooms(boxes)
    return builder.build(name, rooms, _portals(name, boxes), _lights(boxes), meta)


def _check_boxes(name: str, boxes: Sequence[AirBox]) -> None:
    if not boxes:
        raise ValueError(f"scene {name!r} holds no air: give at least one box")
    for k, box in enumerate(boxes):
        size = np.asarray(box.high, dtype=np.float64) - np.asarray(box.low, dtype=np.float64)
        if size.shape != (3,) or not np.all(size > _LEAST):
            raise ValueError(
                f"scene {name!r}: box {k} from {box.low} to {box.high} has no volume: low < high, (x, y, z)"
            )


def _side_materials(name: str, choice: str | Material | Mapping[str, str | Material]) -> dict[str, Material]:
    if not isinstance(choice, Mapping):
        return dict.fromkeys(AIR_SIDES, find_material(choice))
    for side in choice:
        if side not in AIR_SIDES:
            raise name_error(f"side of scene {name!r}", side, AIR_SIDES)
    missing = [side for side in AIR_SIDES if side not in choice]
    if missing:
        raise ValueError(f"scene {name!r}: no material for {', '.join(missing)}; give all of {', '.join(AIR_SIDES)}")
    return {side: find_material(choice[side]) for side in AIR_SIDES}


def _cells(name: str, boxes: Sequence[AirBox]) -> tuple[list[npt.NDArray[np.float64]], npt.NDArray[np.int64]]:
    """The planes of all boxes along each axis, and the box of each cell between them, -1 = solid, (nx, ny, nz)."""
    corners = np.array([[box.low, box.high] for box in boxes], dtype=np.float64).round(6)
    planes = [np.unique(corners[:, :, axis]) for axis in range(3)]
    shape = tuple(len(p) - 1 for p in planes)
    if np.prod(shape) > _GRID_LIMIT:
        raise ValueError(f"scene {name!r}: {len(boxes)} boxes on as many planes are more than this holds; use a mesh")
    owner = np.full(shape, -1, dtype=np.int64)
    for number, (low, high) in enumerate(corners):
        first = [int(np.searchsorted(p, v)) for p, v in zip(planes, low, strict=True)]
        end = [int(np.searchsorted(p, v)) for p, v in zip(planes, high, strict=True)]
        owner[first[0] : end[0], first[1] : end[1], first[2] : end[2]] = number
    return planes, owner


def _faces(
    planes: list[npt.NDArray[np.float64]], owner: npt.NDArray[np.int64], axis: int, side: int
) -> list[tuple[int, list[Point]]]:
    """Boxes and quads at the low (0) or high (1) end of the air along an axis, wound to face the air."""
    air = owner >= 0
    padded = np.pad(air, 1)
    beyond = np.roll(padded, 1 if side == 0 else -1, axis=axis)[1:-1, 1:-1, 1:-1]
    u, v = (axis + 1) % 3, (axis + 2) % 3
    quads: list[tuple[int, list[Point]]] = []
    for cell in np.argwhere(air & ~beyond).tolist():
        at = planes[axis][cell[axis] + side]
        ends_u = planes[u][cell[u] : cell[u] + 2]
        ends_v = planes[v][cell[v] : cell[v] + 2]
        ring = [(0, 0), (1, 0), (1, 1), (0, 1)]  # counter-clockwise about +axis
        quad = []
        for a, b in ring if side == 0 else ring[::-1]:
            point = [0.0, 0.0, 0.0]
            point[axis], point[u], point[v] = float(at), float(ends_u[a]), float(ends_v[b])
            quad.append((point[0], point[1], point[2]))
        quads.append((int(owner[tuple(cell)]), quad))
    return quads


def _groups(boxes: Sequence[AirBox]) -> list[list[AirBox]]:
    groups: dict[str, list[AirBox]] = {}
    for k, box in enumerate(boxes):
        if box.room:
            groups.setdefault(box.part or f"box {k}", []).append(box)
    return list(groups.values())


def _rooms(boxes: Sequence[AirBox]) -> list[Room]:
    rooms = []
    for number, group in enumerate(_groups(boxes)):
        floor = min(box.low[1] for box in group)
        height = max(box.high[1] for box in group) - floor
        rooms.append(Room(number, group[0].room, _outline(group), float(floor), float(height)))
    return rooms


def _outline(group: Sequence[AirBox]) -> tuple[tuple[float, float], ...]:
    """The outline (x, z) of a union of rectangles that has no hole, counter-clockwise seen from below."""
    xs = np.unique([v for box in group for v in (box.low[0], box.high[0])])
    zs = np.unique([v for box in group for v in (box.low[2], box.high[2])])
    inside = np.zeros((len(xs) + 1, len(zs) + 1), dtype=bool)
    for box in group:
        columns, rows = np.searchsorted(xs, (box.low[0], box.high[0])), np.searchsorted(zs, (box.low[2], box.high[2]))
        inside[columns[0] + 1 : columns[1] + 1, rows[0] + 1 : rows[1] + 1] = True
    edges: dict[tuple[int, int], tuple[int, int]] = {}
    for a, b in np.argwhere(inside).tolist():
        i, k = int(a) - 1, int(b) - 1
        for neighbour, start, end in (
            ((a, b - 1), (i, k), (i + 1, k)),
            ((a + 1, b), (i + 1, k), (i + 1, k + 1)),
            ((a, b + 1), (i + 1, k + 1), (i, k + 1)),
            ((a - 1, b), (i, k + 1), (i, k)),
        ):
            if not inside[neighbour]:
                edges[start] = end
    loop = [min(edges)]
    while edges[loop[-1]] != loop[0]:
        loop.append(edges[loop[-1]])
    straight = [
        (a[0] - b[0], a[1] - b[1]) == (b[0] - c[0], b[1] - c[1])
        for a, b, c in zip([loop[-1], *loop[:-1]], loop, [*loop[1:], loop[0]], strict=True)
    ]
    return tuple((float(xs[i]), float(zs[k])) for (i, k), skip in zip(loop, straight, strict=True) if not skip)


def _portals(name: str, boxes: Sequence[AirBox]) -> list[Portal]:
    groups = _groups(boxes)
    portals: list[Portal] = []
    for box in boxes:
        if not box.portal:
            continue
        joined = [k for k, group in enumerate(groups) if any(_touch(box, other) for other in group)]
        if len(joined) != 2:
            raise ValueError(
                f"scene {name!r}: the {box.portal} from {box.low} to {box.high} joins {len(joined)} rooms, not 2"
            )
        size = np.asarray(box.high) - np.asarray(box.low)
        through = 0 if size[0] < size[2] else 2
        portals.append(
            Portal(
                id=len(portals),
                rooms=(joined[0], joined[1]),
                center=_point((np.asarray(box.low) + np.asarray(box.high)) / 2),
                width=float(size[2 - through]),
                height=float(size[1]),
                yaw=0.0 if through == 2 else float(np.pi / 2),
                kind=box.portal,
            )
        )
    return portals


def _touch(a: AirBox, b: AirBox) -> bool:
    gaps = np.maximum(np.asarray(a.low) - np.asarray(b.high), np.asarray(b.low) - np.asarray(a.high))
    return bool(np.all(gaps <= _LEAST) and np.sum(gaps > -_LEAST) <= 1)


def _lights(boxes: Sequence[AirBox]) -> list[Light]:
    lights = []
    for number, group in enumerate(_groups(boxes)):
        for box in group:
            low, high = np.asarray(box.low, dtype=np.float64), np.asarray(box.high, dtype=np.float64)
            size = high - low
            place = low + size * np.array([0.5, 0.9, 0.5])
            # Like a shoebox's lamp: larger rooms are not darker.
            lights.append(Light(_point(place), intensity=float(1.6 + 0.14 * size[0] * size[2]), room=number))
    return lights


def _point(values: npt.ArrayLike) -> Point:
    x, y, z = (round(float(v), 6) for v in np.asarray(values, dtype=np.float64))
    return (x, y, z)
