"""Free space of one room: where furniture fits, at walls or in the middle, and whether one can still walk about."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.furniture import Placed
from avi_env.scene.house_layout import WALL

__all__ = [
    "CLEAR",
    "FIXED",
    "QUARTER",
    "SOLID",
    "Place",
    "RoomSpace",
    "Slot",
    "Taken",
    "Wall",
    "footprint",
    "footprints",
    "outside_boxes",
    "walkable_region",
]

Box = tuple[float, float, float, float]
"""Rectangle (x0, z0, x1, z1) [m]."""
Array = npt.NDArray[np.float64]

QUARTER = math.pi / 2
BODY_RADIUS, BODY_HEIGHT = 0.23, 1.55
"""The agent that must get everywhere: radius 0.2 m and height 1.5 m, with a margin [m]."""

SOLID, CLEAR, FIXED = 0, 1, 2
"""Kinds of taken space: furniture, what stays free of it (before doors and fronts), and windows and holes in walls."""

_BACK_GAP = 0.02  # furniture stands off the wall by this much: the baseboard [m]
_SIDE_GAP = 0.025  # between neighbours along a wall, and from its ends [m]
_NEAR = 3.0  # walls keep what lies within this distance of them [m]
_CELL = 0.06  # raster of the walkability check [m]
_FLAT = 0.03  # lower than this is no obstacle (rugs, mats) [m]
_STANDING = 1.9  # zones in front of furniture are free up to here [m]
_TOUCH = 1e-6


class Place(NamedTuple):
    """A place for a piece: origin (x, z) [m] and yaw [rad]."""

    x: float
    z: float
    yaw: float


class Taken(NamedTuple):
    """A box of space that is not free."""

    box: Box
    y0: float
    y1: float
    kind: int
    """`SOLID`, `CLEAR` or `FIXED`."""


class Slot(NamedTuple):
    """A stretch of a wall along which the middle of a piece may lie."""

    wall: Wall
    low: float
    high: float
    """Coordinates along the wall [m]."""


@dataclass
class Wall:
    """One straight side of a room; s runs along it, d into the room [m]."""

    start: tuple[float, float]
    step: tuple[float, float]
    """Unit direction (x, z) of s."""
    normal: tuple[float, float]
    """Unit direction (x, z) of d."""
    length: float
    yaw: float
    """Yaw of what has its back at the wall [rad]."""
    rows: list[tuple[float, float, float, float, float, float, int, int]] = field(default_factory=list)
    """What is taken near it: s0, s1, d0, d1, y0, y1, kind, number."""

    def add(self, taken: Taken, number: int) -> None:
        """Takes note of a box if it is near."""
        (x0, z0, x1, z1), (ox, oz), (sx, sz) = taken.box, self.start, self.step
        if sx > 0:  # the normal is +Z
            s0, s1, d0, d1 = x0 - ox, x1 - ox, z0 - oz, z1 - oz
        elif sx < 0:
            s0, s1, d0, d1 = ox - x1, ox - x0, oz - z1, oz - z0
        elif sz > 0:  # the normal is -X
            s0, s1, d0, d1 = z0 - oz, z1 - oz, ox - x1, ox - x0
        else:
            s0, s1, d0, d1 = oz - z1, oz - z0, x0 - ox, x1 - ox
        if d1 > _TOUCH and d0 < _NEAR and s1 > 0.0 and s0 < self.length:
            self.rows.append((s0, s1, d0, d1, taken.y0, taken.y1, taken.kind, number))

    def place(self, s: float, d: float) -> Place:
        """Returns the place with its origin at (s, d)."""
        x = self.start[0] + s * self.step[0] + d * self.normal[0]
        return Place(x, self.start[1] + s * self.step[1] + d * self.normal[1], self.yaw)


@dataclass
class RoomSpace:
    """Geometry of one room as its furniture is placed."""

    room: int
    kind: str
    outline: tuple[tuple[float, float], ...]
    outside: list[Box]
    """Rectangles that cover what is not the room."""
    height: float = 2.5
    spots: list[tuple[float, float]] = field(default_factory=list)
    """Points (x, z) inside the room before passable openings: all of them must be connected."""
    windows: list[tuple[Place, float, float]] = field(default_factory=list)
    """Middle of each window at the wall's face, its width and the height of its sill [m]."""
    entrance: Place | None = None
    """Middle of the front door at the wall's face."""
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        for box in self.outside:
            self.add(box)

    def add(self, box: Box, y0: float = -1.0, y1: float = 9.0, kind: int = SOLID) -> int:
        """Takes a box of space and returns its number."""
        taken, number = Taken(box, y0, y1, kind), len(self.taken)
        self.taken.append(taken)
        for wall in self.walls:
            wall.add(taken, number)
        return number

    def rewind(self, count: int) -> None:
        """Frees all that was taken after the first `count` boxes."""
        del self.taken[count:]
        for wall in self.walls:
            while wall.rows and wall.rows[-1][7] >= count:
                wall.rows.pop()

    @cached_property
    def bounds(self) -> Box:
        """Bounding rectangle of the room."""
        xs, zs = [p[0] for p in self.outline], [p[1] for p in self.outline]
        return (min(xs), min(zs), max(xs), max(zs))

    @cached_property
    def area(self) -> float:
        """Floor area [m2] (shoelace formula)."""
        p = self.outline
        return 0.5 * abs(sum(p[k - 1][0] * p[k][1] - p[k][0] * p[k - 1][1] for k in range(len(p))))

    @cached_property
    def walls(self) -> list[Wall]:
        """Sides of the outline; the room lies to the right of the outline's direction."""
        walls = []
        for k, (x1, z1) in enumerate(self.outline):
            x0, z0 = self.outline[k - 1]
            length = abs(x1 - x0) + abs(z1 - z0)
            step = ((x1 - x0) / length, (z1 - z0) / length)
            normal = (-step[1], step[0])
            walls.append(Wall((x0, z0), step, normal, length, math.atan2(-normal[0], -normal[1])))
        return walls

    def slots(
        self, width: float, depth: float, span: tuple[float, float], front: float = 0.0, hung: bool = False
    ) -> list[Slot]:
        """Returns the stretches of the walls where a piece fits with its back at the wall.

        Args:
            width: along the wall [m].
            depth: into the room [m].
            span: heights of its bottom and top [m].
            front: depth before it that stays free [m].
            hung: whether it hangs: close to the wall, and regardless of zones to be kept free.
        """
        gap = 0.0 if hung else _BACK_GAP
        reach, low, high = gap + depth - _TOUCH, *span
        half, ahead = width / 2 + _SIDE_GAP, gap + depth + front - _TOUCH
        found = []
        for wall in self.walls:
            if wall.length < 2 * half:
                continue
            barred = []
            for s0, s1, d0, d1, y0, y1, kind, _ in wall.rows:
                if kind == CLEAR and hung:
                    continue
                body = d0 < reach and d1 > gap and y0 < high and y1 > low
                if body or (kind == SOLID and d0 < ahead and d1 > reach and y0 < _STANDING and y1 > _FLAT and front):
                    barred.append((s0 - half, s1 + half))
            found += _gaps(wall, half, barred)
        return found

    def middle_places(self, width: float, depth: float, margin: float) -> list[Place]:
        """Returns places away from the walls with a margin all round, both ways round, most central first."""
        x0, z0, x1, z1 = self.bounds
        xs, zs = np.arange(x0 + 0.3, x1 - 0.3, 0.2), np.arange(z0 + 0.3, z1 - 0.3, 0.2)
        if not len(xs) or not len(zs):
            return []
        x, z = (g.ravel() for g in np.meshgrid(xs, zs, indexing="ij"))
        solids = np.array([t.box for t in self.taken if t.kind == SOLID and t.y0 < _STANDING and t.y1 > _FLAT])
        clears = np.array([t.box for t in self.taken if t.kind == CLEAR]).reshape(-1, 4)
        distance = np.abs(x - (x0 + x1) / 2) + np.abs(z - (z0 + z1) / 2)
        found = []
        for yaw, (w, d) in ((0.0, (width, depth)), (QUARTER, (depth, width))):
            body = np.stack([x - w / 2, z - d / 2, x + w / 2, z + d / 2], axis=1)
            grown = body + margin * np.array([-1, -1, 1, 1])
            free = ~_overlaps(grown, solids) & ~_overlaps(body, clears)
            found += [(float(distance[i]), Place(float(x[i]), float(z[i]), yaw)) for i in np.flatnonzero(free)]
        found.sort(key=lambda entry: entry[0])
        return [place for _, place in found]

    def is_free(
        self, box: Box, span: tuple[float, float] = (0.0, 2.0), ignore: Collection[int] = (), clears: bool = True
    ) -> bool:
        """Returns whether a box is inside the room and meets nothing.

        Args:
            box: its rectangle in plan.
            span: heights of its bottom and top [m].
            ignore: numbers of taken boxes that do not count.
            clears: whether zones to be kept free count.
        """
        x0, z0, x1, z1 = box
        low, high = span
        for number, ((a, b, c, d), y0, y1, kind) in enumerate(self.taken):
            if x0 < c - _TOUCH and a < x1 - _TOUCH and z0 < d - _TOUCH and b < z1 - _TOUCH and y0 < high and y1 > low:
                if number not in ignore and (clears or kind != CLEAR):
                    return False
        return True


def _gaps(wall: Wall, half: float, barred: list[tuple[float, float]]) -> list[Slot]:
    """What is left of a wall for the middle of a piece."""
    end = wall.length - half
    at, found = half, []
    for low, high in sorted(barred):
        if low >= end:
            break
        if low >= at:
            found.append(Slot(wall, at, low))
        at = max(at, high)
    if at <= end:
        found.append(Slot(wall, at, end))
    return found


def _overlaps(boxes: Array, others: Array) -> npt.NDArray[np.bool_]:
    """Whether each box meets any of the others (touching is no meeting)."""
    if not len(others):
        return np.zeros(len(boxes), dtype=np.bool_)
    b, o = boxes.T[:, :, None], others.T[:, None, :]
    meets = (b[0] < o[2] - _TOUCH) & (b[2] > o[0] + _TOUCH) & (b[1] < o[3] - _TOUCH) & (b[3] > o[1] + _TOUCH)
    found: npt.NDArray[np.bool_] = np.any(meets, axis=1)
    return found


def footprint(placed: Placed, grow: float = 0.0) -> Box:
    """Returns the rectangle that a placed piece covers, grown on all sides [m]."""
    x0, z0, x1, z1 = placed.box
    return (x0 - grow, z0 - grow, x1 + grow, z1 + grow)


def footprints(placed: Placed) -> list[Box]:
    """Returns rectangles that cover a piece closely even if it stands askew: several along its length (a door leaf)."""
    width, _, depth = placed.piece.size
    if abs(math.sin(2 * placed.yaw)) < 0.02:
        return [placed.box]
    count = max(1, math.ceil(width / max(depth, 0.07)))
    middle, boxes = placed.piece.middle, []
    c, s = abs(math.cos(placed.yaw)), abs(math.sin(placed.yaw))
    half_x, half_z = (width / count * c + depth * s) / 2, (width / count * s + depth * c) / 2
    for k in range(count):
        x, _, z = placed.world((middle[0] + ((k + 0.5) / count - 0.5) * width, 0.0, middle[2]))
        boxes.append((x - half_x, z - half_z, x + half_x, z + half_z))
    return boxes


def walkable_region(space: RoomSpace, share: float = 0.18) -> tuple[bool, Array]:
    """Returns whether all openings of the room are joined by a large enough free region, and that region.

    Args:
        space: the room with what stands in it.
        share: least area of the region as a share of the room's area.

    Returns:
        The verdict, and the centres (x, z) [m] of the region's cells, shape (n, 2).
    """
    from scipy.ndimage import label

    x0, z0 = space.bounds[:2]
    labels, count = label(_free_cells(space))
    nothing = np.zeros((0, 2))
    if count == 0:
        return False, nothing
    regions = [_region_at(labels, (x - x0) / _CELL, (z - z0) / _CELL) for x, z in space.spots]
    region = regions[0] if regions else int(np.bincount(labels[labels > 0]).argmax())
    cells = np.argwhere(labels == region) if region else nothing
    joined = region > 0 and all(r == region for r in regions)
    return joined and len(cells) * _CELL**2 >= max(0.6, share * space.area), cells * _CELL + np.array([x0, z0])


def _free_cells(space: RoomSpace) -> npt.NDArray[np.bool_]:
    """Raster of the places where the agent can stand; its first cell's centre is the corner of the bounds."""
    x0, z0, x1, z1 = space.bounds
    shape = (int((x1 - x0) / _CELL) + 1, int((z1 - z0) / _CELL) + 1)
    boxes = np.array([t.box for t in space.taken if t.kind == SOLID and t.y0 < BODY_HEIGHT and t.y1 > _FLAT])
    low = np.ceil((boxes[:, :2] - BODY_RADIUS - (x0, z0)) / _CELL).astype(np.int64).clip(0, shape)
    high = (np.floor((boxes[:, 2:] + BODY_RADIUS - (x0, z0)) / _CELL).astype(np.int64) + 1).clip(0, shape)
    # Count the boxes over each cell as the double running sum of +1 and -1 at their corners.
    marks = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int32)
    for i, j, sign in ((low, low, 1), (low, high, -1), (high, low, -1), (high, high, 1)):
        np.add.at(marks, (i[:, 0], j[:, 1]), sign)
    return np.asarray(marks.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] == 0)


def _region_at(labels: npt.NDArray[np.int32], i: float, j: float) -> int:
    """Label near a raster position, 0 = none within one cell."""
    a, b = round(i), round(j)
    window = labels[max(0, a - 1) : a + 2, max(0, b - 1) : b + 2]
    found = window[window > 0]
    return int(found[0]) if len(found) else 0


def outside_boxes(bounds: Box, cells: Sequence[Box], grid: Sequence[Box]) -> list[Box]:
    """Returns rectangles that cover everything around the room: other grid cells in its bounds, and the far outside.

    Args:
        bounds: the room's bounding rectangle along the inner faces of the walls.
        cells: the room's own grid cells.
        grid: all grid cells that meet the bounds.
    """
    x0, z0, x1, z1 = bounds
    far = 3.0
    boxes = [
        (x0 - far, z0 - far, x0, z1 + far),
        (x1, z0 - far, x1 + far, z1 + far),
        (x0 - far, z0 - far, x1 + far, z0),
        (x0 - far, z1, x1 + far, z1 + far),
    ]
    half = WALL / 2
    own = set(cells)
    boxes += [(a - half, b - half, c + half, d + half) for a, b, c, d in grid if (a, b, c, d) not in own]
    return boxes
