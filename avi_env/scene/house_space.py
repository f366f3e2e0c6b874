"""Free space of one room: where furniture fits, at walls or in the middle, and whether one can still walk about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from avi_env.scene.furniture import Placed
from avi_env.scene.house_layout import WALL
from avi_env.scene.house_stream import Stream

__all__ = [
    "QUARTER",
    "Place",
    "RoomSpace",
    "WalkSpot",
    "choose",
    "footprint",
    "is_walkable",
    "outside_boxes",
    "walkable_cells",
]

Box = tuple[float, float, float, float]
"""Rectangle (x0, z0, x1, z1) [m]."""
Array = npt.NDArray[np.float64]

QUARTER = math.pi / 2
BODY_RADIUS, BODY_HEIGHT = 0.23, 1.55
"""The agent that must get everywhere: radius 0.2 m and height 1.5 m, with a margin [m]."""

_STEP = 0.11  # spacing of candidate places along walls [m]
_BACK_GAP = 0.02  # furniture stands off the wall by this much: the baseboard [m]
_SLICE = 0.1  # [m] length of the pieces into which shapes that stand askew are cut
_CELL = 0.06  # raster of the walkability check [m]
_FLAT = 0.03  # lower than this is no obstacle (rugs, mats) [m]


@dataclass(frozen=True)
class Place:
    """A place for a piece: origin (x, z) [m] and yaw [rad]."""

    x: float
    z: float
    yaw: float


@dataclass(frozen=True)
class WalkSpot:
    """A point inside the room in front of a passable opening: all of them must be connected."""

    x: float
    z: float


@dataclass
class RoomSpace:
    """Geometry of one room as its furniture is placed."""

    room: int
    kind: str
    outline: tuple[tuple[float, float], ...]
    outside: list[Box]
    """Rectangles that cover what is not the room."""
    spots: list[WalkSpot] = field(default_factory=list)
    windows: list[Box] = field(default_factory=list)
    """Zones in front of windows: nothing tall stands there."""
    solids: list[Box] = field(default_factory=list)
    clears: list[Box] = field(default_factory=list)
    """Zones that stay free: doors, swinging leaves, in front of furniture."""
    hangings: list[Box] = field(default_factory=list)
    """Zones along the walls where things hang."""

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

    def wall_places(self, width: float, depth: float, front: float = 0.5, tall: bool = False) -> list[Place]:
        """Returns all places with the back at a wall where a piece of that footprint and its front zone fit."""
        x, z, yaw, nx, nz = self._wall_candidates(width)
        if not len(x):
            return []
        along_x = np.abs(nz) > 0.5
        half_x = np.where(along_x, width, depth) / 2
        half_z = np.where(along_x, depth, width) / 2
        reach = depth / 2 + _BACK_GAP
        cx, cz = x + nx * reach, z + nz * reach
        body = np.stack([cx - half_x, cz - half_z, cx + half_x, cz + half_z], axis=1)
        ahead = (depth + front) / 2
        zone_x = np.where(along_x, width, front) / 2
        zone_z = np.where(along_x, front, width) / 2
        fx, fz = cx + nx * ahead, cz + nz * ahead
        zone = np.stack([fx - zone_x, fz - zone_z, fx + zone_x, fz + zone_z], axis=1)
        taken = [*self.outside, *self.solids, *self.clears, *(self.windows if tall else [])]
        free = ~_overlaps(body, taken) & ~_overlaps(zone, [*self.outside, *self.solids])
        return [Place(float(cx[i]), float(cz[i]), float(yaw[i])) for i in np.flatnonzero(free)]

    def hanging_places(self, width: float) -> list[Place]:
        """Returns all places on the walls, at picture height, where nothing tall stands or hangs."""
        x, z, yaw, nx, nz = self._wall_candidates(width)
        if not len(x):
            return []
        along_x = np.abs(nz) > 0.5
        half_x, half_z = np.where(along_x, width / 2, 0.05), np.where(along_x, 0.05, width / 2)
        cx, cz = x + 0.02 * nx, z + 0.02 * nz
        body = np.stack([cx - half_x, cz - half_z, cx + half_x, cz + half_z], axis=1)
        free = ~_overlaps(body, [*self.hangings, *self.windows])
        return [Place(float(cx[i]), float(cz[i]), float(yaw[i])) for i in np.flatnonzero(free)]

    def _wall_candidates(self, width: float) -> tuple[Array, Array, Array, Array, Array]:
        """Points on the walls: (x, z), yaw of what looks into the room, and the inward normal."""
        start, step, length, normal, yaw = self._walls
        spare = length - width
        count = np.where(spare >= 0, (spare / _STEP).astype(np.int64) + 1, 0)
        wall = np.repeat(np.arange(len(length)), count)
        number = np.arange(len(wall)) - np.repeat(np.cumsum(count) - count, count)
        share = np.where(count[wall] > 1, number / np.maximum(count[wall] - 1, 1), 0.5)
        point = start[wall] + step[wall] * (width / 2 + spare[wall] * share)[:, None]
        return point[:, 0], point[:, 1], yaw[wall], normal[wall, 0], normal[wall, 1]

    @cached_property
    def _walls(self) -> tuple[Array, Array, Array, Array, Array]:
        """Start, direction, length, inward normal and yaw of each wall of the outline."""
        end = np.array(self.outline)
        start = np.roll(end, 1, axis=0)
        length = np.abs(end - start).sum(axis=1)
        step = (end - start) / length[:, None]
        normal = np.stack([-step[:, 1], step[:, 0]], axis=1)  # the room lies to the right of the outline's direction
        return start, step, length, normal, np.arctan2(-normal[:, 0], -normal[:, 1])

    def middle_places(self, width: float, depth: float, margin: float) -> list[Place]:
        """Returns places away from the walls with a margin all round, both ways round, most central first."""
        x0, z0, x1, z1 = self.bounds
        xs, zs = np.arange(x0 + 0.3, x1 - 0.3, 0.2), np.arange(z0 + 0.3, z1 - 0.3, 0.2)
        if not len(xs) or not len(zs):
            return []
        x, z = (g.ravel() for g in np.meshgrid(xs, zs, indexing="ij"))
        places: list[tuple[float, Place]] = []
        middle = ((x0 + x1) / 2, (z0 + z1) / 2)
        for yaw, (w, d) in ((0.0, (width, depth)), (QUARTER, (depth, width))):
            body = np.stack([x - w / 2, z - d / 2, x + w / 2, z + d / 2], axis=1)
            grown = body + margin * np.array([-1, -1, 1, 1])
            free = ~_overlaps(grown, [*self.outside, *self.solids]) & ~_overlaps(body, self.clears)
            for i in np.flatnonzero(free):
                distance = abs(x[i] - middle[0]) + abs(z[i] - middle[1])
                places.append((float(distance), Place(float(x[i]), float(z[i]), yaw)))
        places.sort(key=lambda entry: entry[0])
        return [place for _, place in places]

    def is_free(self, box: Box, tall: bool = False) -> bool:
        """Returns whether a rectangle is inside the room and meets neither furniture nor zones to be kept free."""
        taken = [*self.outside, *self.solids, *self.clears, *(self.windows if tall else [])]
        return not bool(_overlaps(np.array([box]), taken)[0])


def _overlaps(boxes: Array, others: Sequence[Box]) -> npt.NDArray[np.bool_]:
    """Whether each box meets any of the others (touching is no meeting)."""
    if not others:
        return np.zeros(len(boxes), dtype=np.bool_)
    o = np.array(others)
    e = 1e-6
    meets = (
        (boxes[:, None, 0] < o[None, :, 2] - e)
        & (boxes[:, None, 2] > o[None, :, 0] + e)
        & (boxes[:, None, 1] < o[None, :, 3] - e)
        & (boxes[:, None, 3] > o[None, :, 1] + e)
    )
    found: npt.NDArray[np.bool_] = np.any(meets, axis=1)
    return found


def footprint(placed: Placed, grow: float = 0.0) -> Box:
    """Returns the rectangle that a placed piece covers, grown on all sides [m]."""
    x0, z0, x1, z1 = placed.box
    return (x0 - grow, z0 - grow, x1 + grow, z1 + grow)


def choose(stream: Stream, places: Sequence[Place]) -> Place | None:
    """Returns one of the places, or None."""
    return stream.pick(places) if places else None


def walkable_cells(space: RoomSpace, pieces: Sequence[Placed]) -> tuple[npt.NDArray[np.bool_], float, float]:
    """Returns the raster of places where the agent can stand in the room, and the (x, z) of its first cell's centre."""
    x0, z0, x1, z1 = space.bounds
    shape = (int((x1 - x0) / _CELL) + 1, int((z1 - z0) / _CELL) + 1)
    boxes = np.concatenate([np.array(space.outside), _obstacles(pieces)])
    low = np.ceil((boxes[:, :2] - BODY_RADIUS - (x0, z0)) / _CELL).astype(np.int64).clip(0, shape)
    high = (np.floor((boxes[:, 2:] + BODY_RADIUS - (x0, z0)) / _CELL).astype(np.int64) + 1).clip(0, shape)
    # Count the boxes over each cell as the double running sum of +1 and -1 at their corners.
    marks = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int32)
    for corner, sign in (((0, 0), 1), ((0, 1), -1), ((1, 0), -1), ((1, 1), 1)):
        edge = (low, high)
        np.add.at(marks, (edge[corner[0]][:, 0], edge[corner[1]][:, 1]), sign)
    covered = marks.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return covered == 0, x0, z0


def _obstacles(pieces: Sequence[Placed]) -> Array:
    """Rectangles (n, 4) of all shapes that reach into the agent's height, as boxes along the axes."""
    rows = [row for placed in pieces for row in placed.rows]
    if not rows:
        return np.zeros((0, 4))
    r = _sliced(np.array(rows))
    half = r[:, 3:6] / 2
    cos, sin = np.abs(np.cos(r[:, 6:8])), np.abs(np.sin(r[:, 6:8]))
    y = half[:, 1] * cos[:, 1] + half[:, 2] * sin[:, 1]
    wide = np.maximum(1.0, r[:, 8])
    x, z = half[:, 0] * wide, (half[:, 1] * sin[:, 1] + half[:, 2] * cos[:, 1]) * wide
    hx, hz = x * cos[:, 0] + z * sin[:, 0], x * sin[:, 0] + z * cos[:, 0]
    keep = (r[:, 1] - y < BODY_HEIGHT) & (r[:, 1] + y > _FLAT)
    boxes: Array = np.stack([r[:, 0] - hx, r[:, 2] - hz, r[:, 0] + hx, r[:, 2] + hz], axis=1)[keep]
    return boxes


def _sliced(rows: Array) -> Array:
    """The shapes, those that stand askew (doors ajar) cut across into short ones: boxes along the axes fit them."""
    askew = np.minimum(np.abs(np.cos(rows[:, 6])), np.abs(np.sin(rows[:, 6]))) > 0.1
    count = np.where(askew, np.ceil(rows[:, 3] / _SLICE).astype(np.int64), 1)
    which = np.repeat(np.arange(len(rows)), count)
    if len(which) == len(rows):
        return rows
    cut = rows[which]
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    along = ((number + 0.5) / count[which] - 0.5) * cut[:, 3]
    cut[:, 0] += along * np.cos(cut[:, 6])
    cut[:, 2] -= along * np.sin(cut[:, 6])
    cut[:, 3] /= count[which]
    return cut


def is_walkable(
    space: RoomSpace, pieces: Sequence[Placed], share: float = 0.18
) -> tuple[bool, npt.NDArray[np.float64]]:
    """Returns whether all openings of the room are joined by a large enough free region, and that region.

    Args:
        space: the room.
        pieces: everything that stands in it.
        share: least area of the region as a share of the room's area.

    Returns:
        The verdict, and the centres (x, z) [m] of the region's cells, shape (n, 2).
    """
    from scipy.ndimage import label

    free, x0, z0 = walkable_cells(space, pieces)
    labels, count = label(free)
    nothing = np.zeros((0, 2))
    if count == 0:
        return False, nothing
    regions = [_region_at(labels, (spot.x - x0) / _CELL, (spot.z - z0) / _CELL) for spot in space.spots]
    region = regions[0] if regions else int(np.bincount(labels[labels > 0]).argmax())
    cells = np.argwhere(labels == region) if region else nothing
    centres = cells * _CELL + np.array([x0, z0])
    joined = region > 0 and all(r == region for r in regions)
    return joined and len(cells) * _CELL**2 >= max(0.6, share * space.area), centres


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
