"""The agent's own map: what is free, what is in the way, what has not been seen, and which floor lies where.

Everything is in the episode's start frame and comes from depth, semantic ids, pose and bumps alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.agents.geometry import SeenPoints, heading_vector

__all__ = ["CELL", "EAR_BAND", "OBSTACLE_BAND", "HouseMap", "MapWindow"]

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]

CELL = 0.05
"""Side of a map cell [m]."""

OBSTACLE_BAND = (0.1, 1.5)
"""Heights above the floor [m] at which a surface is in the way of an agent of 1.5 m."""

EAR_BAND = (1.05, 1.45)
"""Heights above the floor [m] at which a surface keeps sound from travelling straight."""

_HIT, _CLEAR = 1.0, 0.25  # evidence for and against an obstacle by one look at a cell
_EVIDENCE_MAX, _EVIDENCE_MIN = 4.0, -1.0
_CARVE_RANGE = 8.0  # [m]; beyond, one picture column is wider than a doorway's jamb
_BODY_RADIUS = 0.18  # [m]; where the agent has stood is free
_BUMP_WIDTH = 0.12  # [m]; half the width of what a bump marks
_MARGIN = 8  # cells of unknown kept around the known window


class MapWindow(NamedTuple):
    """The known part of the map, cut out: arrays of shape (nx, nz), first axis x, second axis z."""

    origin: tuple[float, float]
    """(x, z) of the centre of cell (0, 0) [m]."""
    occupied: BoolArray
    free: BoolArray
    """Seen and not in the way; cells neither occupied nor free are unknown."""
    region: npt.NDArray[np.int32]
    """Object id of the floor seen there, -1 = none."""
    tall: BoolArray
    """Something at ear height: a wall, a closed door, a wardrobe."""


class HouseMap:
    """Occupancy and floor regions on a square grid that grows with what is seen.

    Args:
        half_extent: the grid first covers [-half_extent, half_extent] in x and z [m].
    """

    def __init__(self, half_extent: float = 12.0) -> None:
        count = 2 * round(half_extent / CELL)
        self._corner = -count // 2  # grid index of cell (0, 0): the cell of (x, z) is floor(x / CELL) - corner
        self._evidence = np.zeros((count, count), np.float32)
        self._free = np.zeros((count, count), bool)
        self._blocked = np.zeros((count, count), bool)
        self._dismissed = np.zeros((count, count), bool)
        self._region = np.full((count, count), -1, np.int32)
        self._tall = np.zeros((count, count), np.float32)
        self._low = np.array([count, count])
        self._high = np.array([0, 0])
        self.version = 0
        """Counts changes: equal versions mean an equal map."""

    def observe(self, points: SeenPoints, floor_ids: BoolArray, pose: FloatArray) -> None:
        """Takes in one look.

        Args:
            points: what the depth picture hit.
            floor_ids: whether an object id is a floor, shape (number of objects,).
            pose: (x, y, z, yaw) of the feet, start frame.
        """
        near = points.planar < _CARVE_RANGE
        self._grow(points.xyz[near][:, ::2], pose)
        low, high = OBSTACLE_BAND
        obstacle = near & (points.height > low) & (points.height < high)
        floor = near & (np.abs(points.height) <= low)
        hit = np.zeros(self._free.shape, bool)
        hit[self._cells(points.xyz[obstacle])] = True
        clear = np.zeros(self._free.shape, bool)
        floor_cells = self._cells(points.xyz[floor])
        clear[floor_cells] = True
        clear &= ~hit
        self._evidence[hit] = np.minimum(self._evidence[hit] + _HIT, _EVIDENCE_MAX)
        self._evidence[clear] = np.maximum(self._evidence[clear] - _CLEAR, _EVIDENCE_MIN)
        clear[self._carved_cells(points, obstacle, floor, pose)] = True
        self._free |= clear
        self._observe_tall(points, near, clear)
        label = points.label[floor]
        known = (label >= 0) & (label < len(floor_ids))
        known[known] = floor_ids[label[known]]
        self._region[floor_cells[0][known], floor_cells[1][known]] = label[known]
        self._stand(pose)
        self.version += 1

    def _observe_tall(self, points: SeenPoints, near: BoolArray, clear: BoolArray) -> None:
        high = near & (points.height > EAR_BAND[0]) & (points.height < EAR_BAND[1])
        hit = np.zeros(self._free.shape, bool)
        hit[self._cells(points.xyz[high])] = True
        clear = clear & ~hit & (self._tall > 0.0)
        self._tall[hit] = np.minimum(self._tall[hit] + _HIT, _EVIDENCE_MAX)
        self._tall[clear] -= _CLEAR

    def bump(self, pose: FloatArray, reach: float = 0.3) -> None:
        """Remembers that something unseen is in the way, `reach` metres straight ahead of the pose."""
        forward = np.array(heading_vector(float(pose[3])))
        across = np.array([-forward[1], forward[0]])
        offsets = np.arange(-_BUMP_WIDTH, _BUMP_WIDTH + 1e-6, CELL)
        points = np.array([pose[0], pose[2]]) + reach * forward + offsets[:, None] * across
        self._grow(points, pose)
        ix, iz = self._cells2(points)
        self._blocked[ix, iz] = True
        self.version += 1

    def forgive(self, pose: FloatArray, radius: float = math.inf) -> None:
        """Forgets bumps within a radius [m] of the pose: for when they seem to wall the agent in."""
        ix, iz = np.nonzero(self._blocked)
        x, z = (ix + self._corner + 0.5) * CELL - pose[0], (iz + self._corner + 0.5) * CELL - pose[2]
        near = np.hypot(x, z) <= radius
        self._blocked[ix[near], iz[near]] = False
        self.version += 1

    def dismiss(self, point: tuple[float, float], stand: tuple[float, float], radius: float = 0.6) -> None:
        """Takes what is unknown around a point [m] for occupied: it was looked at from `stand` and stayed unseen.

        The ground under the agent's feet is left as it is.
        """
        (ix,), (iz,) = self._cells2(np.asarray([point]))
        span = math.ceil(radius / CELL)
        left, top = max(int(ix) - span, 0), max(int(iz) - span, 0)
        cut = (slice(left, int(ix) + span + 1), slice(top, int(iz) + span + 1))
        unknown = ~self._free[cut] & (self._evidence[cut] <= 0.0)
        rows, columns = np.indices(unknown.shape)
        x, z = (
            (rows + left + self._corner + 0.5) * CELL - stand[0],
            (columns + top + self._corner + 0.5) * CELL - stand[1],
        )
        self._dismissed[cut] |= unknown & (np.hypot(x, z) > 2.0 * _BODY_RADIUS)
        self.version += 1

    def window(self) -> MapWindow:
        """Returns the known part of the map with a margin of unknown around it."""
        count = len(self._free)
        low = np.maximum(self._low - _MARGIN, 0)
        high = np.minimum(self._high + _MARGIN + 1, count)
        cut = (slice(low[0], high[0]), slice(low[1], high[1]))
        occupied = (self._evidence[cut] > 0.0) | self._blocked[cut] | (self._dismissed[cut] & ~self._free[cut])
        origin = (low + self._corner + 0.5) * CELL
        free = self._free[cut] & ~occupied
        return MapWindow((float(origin[0]), float(origin[1])), occupied, free, self._region[cut], self._tall[cut] > 0.0)

    def region_at(self, position: tuple[float, float], reach: float = 0.6) -> int:
        """Returns the object id of the floor at an (x, z) position [m] or the nearest within reach [m], -1 = none."""
        return self.region_near(position, reach)[0]

    def region_near(self, position: tuple[float, float], reach: float) -> tuple[int, float]:
        """Returns the object id of the nearest floor within reach [m] and how far off it is [m], (-1, inf) = none."""
        span = math.ceil(reach / CELL)
        ix = math.floor(position[0] / CELL) - self._corner
        iz = math.floor(position[1] / CELL) - self._corner
        left, top = max(ix - span, 0), max(iz - span, 0)
        patch = self._region[left : ix + span + 1, top : iz + span + 1]
        px, pz = np.nonzero(patch >= 0)
        if not len(px):
            return -1, math.inf
        distance = (px + left - ix) ** 2 + (pz + top - iz) ** 2
        best = int(np.argmin(distance))
        gap = CELL * math.sqrt(float(distance[best]))
        return (int(patch[px[best], pz[best]]), gap) if gap <= reach else (-1, math.inf)

    def region_center(self, floor_id: int) -> tuple[float, float]:
        """Returns the (x, z) [m] of the seen floor cell nearest to the middle of a floor."""
        cells = np.argwhere(self._region == floor_id)
        if not len(cells):
            return 0.0, 0.0
        nearest = cells[int(np.argmin(np.sum((cells - cells.mean(axis=0)) ** 2, axis=1)))]
        x, z = (nearest + self._corner + 0.5) * CELL
        return float(x), float(z)

    def floor_area(self, floor_id: int | None = None) -> float:
        """Returns the floor area seen [m2], of one floor or of all."""
        match = self._region >= 0 if floor_id is None else self._region == floor_id
        return float(np.count_nonzero(match)) * CELL**2

    def _cells(self, xyz: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return self._cells2(xyz[:, ::2])

    def _cells2(self, xz: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        index = np.floor(xz / CELL).astype(np.int64) - self._corner
        return index[:, 0], index[:, 1]

    def _carved_cells(
        self, points: SeenPoints, obstacle: BoolArray, floor: BoolArray, pose: FloatArray
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Cells that rays pass at floor level: each picture column up to its nearest obstacle or its farthest floor."""
        columns = int(points.column.max()) + 1 if len(points.column) else 0
        wall = np.full(columns, np.inf, np.float32)
        np.minimum.at(wall, points.column[obstacle], points.planar[obstacle])
        reach = np.zeros(columns, np.float32)
        np.maximum.at(reach, points.column[floor], points.planar[floor])
        reach = np.where(np.isfinite(wall), np.minimum(wall - CELL, _CARVE_RANGE), reach)
        direction = np.zeros((columns, 2), np.float32)
        eye = np.array([pose[0], pose[2]], np.float32)
        direction[points.column] = (points.xyz[:, ::2] - eye) / points.planar[:, None]
        steps = np.arange(0.5 * CELL, float(reach.max(initial=0.0)), CELL, dtype=np.float32)
        column, step = np.nonzero(steps[None, :] < reach[:, None])
        return self._cells2(eye + steps[step, None] * direction[column])

    def _stand(self, pose: FloatArray) -> None:
        span = math.ceil(_BODY_RADIUS / CELL)
        grid = np.mgrid[-span : span + 1, -span : span + 1].reshape(2, -1)
        grid = grid[:, np.hypot(*grid) * CELL <= _BODY_RADIUS]
        ix = math.floor(pose[0] / CELL) - self._corner + grid[0]
        iz = math.floor(pose[2] / CELL) - self._corner + grid[1]
        self._free[ix, iz] = True
        self._evidence[ix, iz] = np.minimum(self._evidence[ix, iz], 0.0)
        self._blocked[ix, iz] = False

    def _grow(self, xz: FloatArray, pose: FloatArray) -> None:
        """Makes the grid hold all points, and the window know of them."""
        x, z = np.append(xz[:, 0], pose[0]), np.append(xz[:, 1], pose[2])
        low = np.array([x.min(), z.min()]) - 0.5
        high = np.array([x.max(), z.max()]) + 0.5
        reach = max(-float(low.min()), float(high.max())) + (_MARGIN + 2) * CELL
        count = len(self._free)
        if reach > 0.5 * count * CELL:
            pad = count // 2 * math.ceil(2.0 * reach / (count * CELL))
            self._evidence = np.pad(self._evidence, pad)
            self._free = np.pad(self._free, pad)
            self._blocked = np.pad(self._blocked, pad)
            self._dismissed = np.pad(self._dismissed, pad)
            self._tall = np.pad(self._tall, pad)
            self._region = np.pad(self._region, pad, constant_values=-1)
            self._corner -= pad
            self._low, self._high = self._low + pad, self._high + pad
        index = np.floor(np.stack([low, high]) / CELL).astype(np.int64) - self._corner
        self._low = np.minimum(self._low, index[0])
        self._high = np.maximum(self._high, index[1])
