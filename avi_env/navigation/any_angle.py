"""Exact any-angle shortest paths on a mask: one solver for geodesic distance, walking and the wavefront of sound."""
# mypy: disable-error-code="attr-defined"

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.navigation.corner_search import INTERVAL_LIMIT, CornerMap, SearchState, search_kernel
from avi_env.scene.rays_warp import wp_device

__all__ = ["AnyAngle", "AnyAngleMap", "any_angle_field", "convex_corners", "ground_height", "line_of_sight"]

FloatArray = npt.NDArray[np.floating[Any]]

_OFF_LINE = 1e-4  # [cells] goals are kept this far off the lines between cells, where quadrants would be ambiguous
_UNREACHED = 1e30
_TOUCH = 1e-6  # [cells]


@dataclass(frozen=True, eq=False)
class AnyAngle:
    """Shortest paths from every free column to the nearest of its goals."""

    origin: tuple[float, float]
    """World (x, z) of the centre of column (0, 0) [m]."""
    spacing: float
    """Width of a column [m]."""
    free: npt.NDArray[np.bool_]
    """True where paths may go, shape (nx, nz)."""
    length: npt.NDArray[np.float32]
    """Length of the path from the column's centre [m], shape (nx, nz), inf where there is none."""
    root: npt.NDArray[np.int32]
    """Where that path first bends (or ends): a row of the root tables, -1 = unreached, shape (nx, nz)."""
    goal_count: int
    """Rows of the root tables that are goals; the rest are corners."""
    root_xz: npt.NDArray[np.float64]
    """World (x, z) of the roots [m], shape (R, 2)."""
    root_length: npt.NDArray[np.float64]
    """Length of the rest of the path from there [m], shape (R,), inf for corners on no shortest path."""
    root_parent: npt.NDArray[np.int32]
    """The next root on the way to the goal, -1 for goals, shape (R,)."""
    root_side: npt.NDArray[np.int32]
    """Signs (x, z) of the side on which a corner's blocked square lies, 0 for goals, shape (R, 2)."""
    height: npt.NDArray[np.float32] | None = None
    """Height of the ground [m], shape (nx, nz), known in blocked columns too; None where it is level."""

    def chain(self, root: int) -> list[int]:
        """Returns the roots from a root to its goal, both included."""
        rows = []
        while root >= 0:
            rows.append(int(root))
            root = int(self.root_parent[root])
        return rows

    def from_point(self, xz: npt.ArrayLike) -> tuple[float, int]:
        """Returns length [m] and first root of the shortest path from a world (x, z) in a free column.

        Unlike `length` this is exact off the columns' centres. No path: (inf, -1).
        """
        cell = (np.asarray(xz, dtype=np.float64) - np.array(self.origin)) / self.spacing + 0.5
        i, j = (int(k) for k in np.floor(cell))
        near = self.root[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
        roots = np.unique(near[near >= 0])
        length, row = self._shortest(cell, roots)
        if row < 0 and self.root[i, j] >= 0:  # no root in sight: around a corner of the point's own column
            for corner in ((i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1)):
                further, root = self._shortest(np.array(corner, dtype=np.float64), roots)
                further += self._leg(cell, np.array(corner, dtype=np.float64))
                if further < length:
                    length, row = further, root
        return length, row

    def _shortest(self, cell: npt.NDArray[np.float64], roots: npt.NDArray[np.int32]) -> tuple[float, int]:
        """Length [m] and row of the best of some roots that a point [cells] sees, (inf, -1) if it sees none."""
        best, row = np.inf, -1
        for root in roots:
            target = (self.root_xz[root] - np.array(self.origin)) / self.spacing + 0.5
            length = float(self.root_length[root] + self._leg(cell, target))
            if length < best and line_of_sight(self.free, cell, target):
                best, row = length, int(root)
        return best, row

    def _leg(self, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> float:
        """Length of the straight way between two points [cells] over the ground [m], as the search measures it."""
        level = float(np.hypot(*(end - start))) * self.spacing
        if self.height is None:
            return level
        steps = int(level / self.spacing / 2) + 1
        points = start + np.linspace(0.0, 1.0, steps + 1)[:, None] * (end - start)
        rise = np.diff(ground_height(self.height, points))
        return float(np.hypot(level / steps, rise).sum())

    @cached_property
    def bend_count(self) -> npt.NDArray[np.int32]:
        """Number of bends from each root on, itself included, shape (R,)."""
        count = np.zeros(len(self.root_parent), dtype=np.int32)
        for row in np.argsort(self.root_length, kind="stable"):
            if row >= self.goal_count and np.isfinite(self.root_length[row]):
                count[row] = count[self.root_parent[row]] + 1
        return count


class AnyAngleMap:
    """A mask made ready for searches: its convex corners on a device. Paths bend at corners of blocked squares."""

    def __init__(
        self,
        free: npt.NDArray[np.bool_],
        spacing: float,
        origin: tuple[float, float],
        device: str = "cpu",
        height: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Finds the corners.

        Args:
            free: True where paths may go, shape (nx, nz); beyond the border nothing goes.
            spacing: width of a column [m].
            origin: world (x, z) of the centre of column (0, 0) [m].
            device: where searches run.
            height: height of the ground [m], finite, shape (nx, nz): lengths are those over it; None where it is level.
        """
        if free.ndim != 2 or (height is not None and height.shape != free.shape):
            raise ValueError(
                f"a mask has shape (nx, nz) and heights have the same, not {free.shape}"
                + ("" if height is None else f" and {height.shape}")
            )
        if max(free.shape) > 2 * int(INTERVAL_LIMIT) - 4:
            limit = 2 * int(INTERVAL_LIMIT) - 4
            raise ValueError(
                f"{free.shape[0]} x {free.shape[1]} columns of {spacing:g} m are more than the {limit} a side that a "
                f"search for shortest paths holds ({limit * spacing:.3g} m): use larger columns, or cut the scene"
            )
        self.free = free
        self.spacing = float(spacing)
        self.origin = (float(origin[0]), float(origin[1]))
        self.height = height
        self.device = wp_device(device)
        padded = np.pad(free, 1)
        self._corner, self._vertex, self._side = convex_corners(padded)
        self._map = CornerMap()
        self._map.free = wp.array(padded.astype(np.uint8), device=self.device)
        self._map.corner = wp.array(self._corner, device=self.device)
        self._map.vertex = wp.array(self._vertex, shape=self._vertex.shape, dtype=wp.int32, device=self.device)
        ground = np.zeros((0, 0)) if height is None else np.pad(height / self.spacing, 1, mode="edge")
        self._map.height = wp.array(ground.astype(np.float32), shape=ground.shape, dtype=wp.float32, device=self.device)
        self._map.side = wp.array(self._side, shape=self._side.shape, dtype=wp.int32, device=self.device)

    @property
    def corner_count(self) -> int:
        """Number of convex corners of blocked squares."""
        return len(self._vertex)

    @property
    def corners(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """World (x, z) of the convex corners [m] and signs of the side on which the blocked square lies, (C, 2) each.

        Rows goal_count + 2c and goal_count + 2c + 1 of an `AnyAngle`'s root tables are corner c, passed on either side.
        """
        xz = np.array(self.origin) + (self._vertex - 1.5) * self.spacing
        return xz, self._side

    def search(
        self, goals: Sequence[npt.ArrayLike], goal_lengths: Sequence[npt.ArrayLike] | None = None
    ) -> tuple[AnyAngle, ...]:
        """Returns one field per set of goals.

        Args:
            goals: for each field the world (x, z) of its goals [m], shape (n, 2) or (2,); each in a free column.
            goal_lengths: for each field what a path that ends at each goal has behind it [m], shape (n,); default 0.

        Raises:
            ValueError: no goal, or a goal that is not in a free column.
        """
        sets = [np.atleast_2d(np.asarray(points, dtype=np.float64)) for points in goals]
        behind = [np.zeros(len(points)) for points in sets]
        if goal_lengths is not None:
            behind = [np.atleast_1d(np.asarray(lengths, dtype=np.float64)) for lengths in goal_lengths]
        cells = [self._cells(points) for points in sets]
        limit = max(len(points) for points in sets)
        start = np.cumsum([0, *(len(points) for points in sets)]).astype(np.int32)
        state = self._allocate(len(sets))
        inputs = [
            self._map,
            wp.array(np.concatenate(cells), dtype=wp.float64, device=self.device),
            wp.array(np.concatenate(behind) / self.spacing, dtype=wp.float32, device=self.device),
            wp.array(start, dtype=wp.int32, device=self.device),
            int(limit),
        ]
        wp.launch(search_kernel, dim=len(sets), inputs=inputs, outputs=[state], device=self.device)
        return self._results(sets, behind, limit, state)

    def _cells(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """World (x, z) in cells of the padded mask, off the lines between cells."""
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(f"goals have shape (n, 2) with n >= 1, not {points.shape}")
        cells = (points - np.array(self.origin)) / self.spacing + 1.5
        whole = np.floor(cells)
        columns = whole.astype(int) - 1
        inside = np.all((columns >= 0) & (columns < self.free.shape), axis=1)
        if not inside.all() or not self.free[columns[:, 0], columns[:, 1]].all():
            raise ValueError(f"goals must lie in free columns; at least one of {points[:4].tolist()} does not")
        return np.asarray(whole + np.clip(cells - whole, _OFF_LINE, 1 - _OFF_LINE))

    def _allocate(self, fields: int) -> SearchState:
        nx, nz = self._corner.shape
        states = max(2 * self.corner_count, 1)
        device = self.device
        state = SearchState()
        state.cell_length = wp.full((fields, nx, nz), value=_UNREACHED, dtype=wp.float32, device=device)
        state.cell_root = wp.full((fields, nx, nz), value=-1, dtype=wp.int32, device=device)
        state.length = wp.full((fields, states), value=_UNREACHED, dtype=wp.float32, device=device)
        state.slope = wp.empty((fields, states), dtype=wp.float64, device=device)
        state.parent = wp.full((fields, states), value=-1, dtype=wp.int32, device=device)
        state.heap = wp.empty((fields, states), dtype=wp.int32, device=device)
        state.place = wp.full((fields, states), value=-1, dtype=wp.int32, device=device)
        state.heap_size = wp.zeros(fields, dtype=wp.int32, device=device)
        state.lit = wp.empty((fields, 2, int(INTERVAL_LIMIT), 2), dtype=wp.float64, device=device)
        return state

    def _results(
        self,
        goals: list[npt.NDArray[np.float64]],
        behind: list[npt.NDArray[np.float64]],
        limit: int,
        state: SearchState,
    ) -> tuple[AnyAngle, ...]:
        states = 2 * self.corner_count
        corner_xz = np.array(self.origin) + (np.repeat(self._vertex, 2, axis=0) - 1.5) * self.spacing
        side = np.concatenate([np.zeros((limit, 2), np.int32), np.repeat(self._side, 2, axis=0)])
        lengths, roots = state.cell_length.numpy(), state.cell_root.numpy()
        state_length, parents = state.length.numpy()[:, :states], state.parent.numpy()[:, :states]
        fields = []
        for f, points in enumerate(goals):
            xz = np.concatenate([np.full((limit, 2), np.nan), corner_xz])
            xz[: len(points)] = points
            root_length = np.concatenate([np.full(limit, np.inf), _metres(state_length[f], self.spacing)])
            root_length[: len(points)] = behind[f]
            parent = np.concatenate([np.full(limit, -1, np.int32), parents[f]])
            length = _metres(lengths[f, 1:-1, 1:-1], self.spacing).astype(np.float32)
            root = np.ascontiguousarray(roots[f, 1:-1, 1:-1])
            tables = (length, root, limit, xz, root_length, parent, side, self.height)
            fields.append(AnyAngle(self.origin, self.spacing, self.free, *tables))
        return tuple(fields)


def _metres(cells: npt.NDArray[np.float32], spacing: float) -> npt.NDArray[np.float64]:
    return np.where(cells < _UNREACHED / 2, cells.astype(np.float64) * spacing, np.inf)


def convex_corners(
    free: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Returns the convex corners of the blocked squares of a mask, at which shortest paths bend.

    Args:
        free: True where paths may go, shape (nx, nz), blocked along its border.

    Returns:
        Number of the corner at each cell's lower vertex or -1, shape (nx, nz); vertices of the corners [cells], and the
        signs (x, z) of the side on which the blocked square of each lies, shape (C, 2) each.
    """
    blocked = ~np.pad(free, ((1, 0), (1, 0)))
    cells = np.stack([blocked[:-1, :-1], blocked[1:, :-1], blocked[:-1, 1:], blocked[1:, 1:]])  # --, +-, -+, ++
    convex = cells.sum(axis=0) == 1
    vertex = np.argwhere(convex).astype(np.int32)
    number = np.full(free.shape, -1, dtype=np.int32)
    number[convex] = np.arange(len(vertex), dtype=np.int32)
    which = cells[:, convex].argmax(axis=0)
    side = np.stack([np.where(which % 2 == 1, 1, -1), np.where(which >= 2, 1, -1)], axis=1).astype(np.int32)
    return number, vertex, side


def ground_height(height: npt.NDArray[np.float32], points: FloatArray) -> npt.NDArray[np.float64]:
    """Returns the height of the ground [m] at points (n, 2) [cells], between the centres of the columns around them."""
    at = np.asarray(points, dtype=np.float64) - 0.5
    low = np.clip(np.floor(at).astype(int), 0, np.maximum(np.array(height.shape) - 2, 0))
    high = np.minimum(low + 1, np.array(height.shape) - 1)
    fu, fv = np.clip(at - low, 0.0, 1.0).T
    near = (1 - fu) * height[low[:, 0], low[:, 1]] + fu * height[high[:, 0], low[:, 1]]
    far = (1 - fu) * height[low[:, 0], high[:, 1]] + fu * height[high[:, 0], high[:, 1]]
    return np.asarray((1 - fv) * near + fv * far)


def line_of_sight(free: npt.NDArray[np.bool_], start: npt.ArrayLike, end: npt.ArrayLike) -> bool:
    """Returns whether a segment meets no blocked square; touching corners and edges is allowed.

    Points are in cells: column (i, j) is the square [i, i+1] x [j, j+1].
    """
    p, q = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    crossings = [np.array([0.0, 1.0])]
    for axis in range(2):
        low, high = sorted((p[axis], q[axis]))
        if high - low > _TOUCH:
            lines = np.arange(np.ceil(low), np.floor(high) + 1)
            crossings.append((lines - p[axis]) / (q[axis] - p[axis]))
    t = np.sort(np.clip(np.concatenate(crossings), 0.0, 1.0))
    t = (t[1:] + t[:-1])[np.diff(t) * np.hypot(*(q - p)) > _TOUCH] / 2
    middle = p + t[:, None] * (q - p)
    seen = np.zeros(len(t), dtype=bool)
    for nudge in (-_TOUCH, _TOUCH):  # a segment along the line between two squares needs one of them free
        index = np.clip(np.floor(middle + nudge).astype(int), 0, np.array(free.shape) - 1)
        seen |= free[index[:, 0], index[:, 1]]
    return bool(seen.all())


def any_angle_field(
    free: npt.NDArray[np.bool_],
    spacing: float,
    source_xz: npt.ArrayLike,
    origin: tuple[float, float] = (0.0, 0.0),
    device: str = "cpu",
) -> AnyAngle:
    """Returns the exact shortest paths from every free column of a mask to the nearest of its goals.

    Obstacles are the blocked squares; paths are straight between their corners, at any angle.

    Args:
        free: True where paths may go, shape (nx, nz).
        spacing: width of a column [m].
        source_xz: world (x, z) of one goal or several [m], shape (2,) or (n, 2), each in a free column.
        origin: world (x, z) of the centre of column (0, 0) [m].
        device: where the search runs.

    Raises:
        ValueError: a goal is not in a free column.
    """
    return AnyAngleMap(free, spacing, origin, device).search([source_xz])[0]
