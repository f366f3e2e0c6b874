"""Shortest paths to goals over all layers of a grid: exact within a layer, carried over where layers overlap."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from avi_env.navigation.any_angle import AnyAngle, AnyAngleMap, ground_height
from avi_env.navigation.points import SNAP_LIMIT, Place, on_floor, place_points, snap_places
from avi_env.navigation.walkable import NavigationError, WalkableGrid

__all__ = ["GoalPaths", "gate_columns", "goal_path_sets", "goal_paths", "ground_of", "walkable_goals"]

_OFF_CORNER = 1e-3  # [m]; bends lie this far off the corner, inside free columns
_STRAIGHT = 1e-6  # [m]; a bend that lengthens the path by less is none
_LEVEL = 0.02  # [m]; a path's corners follow the floor this closely
_GAIN = 1e-3  # [m] by which another layer's paths must be shorter to be carried over
_ROUNDS = 16  # times a layer is searched at most: once for each way in by which its paths become shorter


@dataclass(frozen=True, eq=False)
class GoalPaths:
    """Shortest paths from everywhere on a grid to the nearest of some goals."""

    grid: WalkableGrid
    searched: tuple[AnyAngle | None, ...]
    """Paths within each layer, to a goal or to a column through which they leave it; None = no path."""
    leads_to: tuple[npt.NDArray[np.int64], ...]
    """Layer on which the path goes on from each layer's goals, -1 where it ends."""

    @cached_property
    def length(self) -> npt.NDArray[np.float32]:
        """Length of the path from each column's centre [m], shape (nx, nz), or (layers, nx, nz) if there are several.

        inf where there is none.
        """
        own = [np.full(self.grid.shape, np.inf, np.float32) if p is None else p.length for p in self.searched]
        if not self.grid.above:
            return own[0]
        stack = np.stack(own)
        home = np.stack([layer.home for layer in self.grid.layers if layer.home is not None])
        return np.take_along_axis(stack, home.astype(np.int64), axis=0)

    def from_place(self, place: Place) -> float:
        """Returns the length of the shortest path from a walkable place [m], inf if there is none."""
        paths = self.searched[place.layer]
        return float("inf") if paths is None else paths.from_point(place.xz)[0]

    def points(self, start: Place) -> npt.NDArray[np.float32]:
        """Returns the corner points of the shortest walk from a walkable place to its goal [m], (n, 3); n = 0 if none.

        Where the floor is not level, corners lie also where its slope changes: legs follow the floor within 2 cm.
        """
        legs: list[npt.NDArray[np.float64]] = []
        here = start
        while True:
            paths = self.searched[here.layer]
            root = -1 if paths is None else paths.from_point(here.xz)[1]
            if paths is None or root < 0:
                return np.zeros((0, 3), np.float32)
            rows = paths.chain(root)
            ends = np.concatenate([[here.xz], paths.root_xz[rows] - _OFF_CORNER * paths.root_side[rows]])
            legs.append(_raised(self.grid.layers[here.layer], paths, ends))
            onward = int(self.leads_to[here.layer][rows[-1]])
            if onward < 0:
                return _without_idle(np.concatenate(legs), 3 if self.grid.sloped else 2).astype(np.float32)
            here = Place(onward, paths.root_xz[rows[-1]])


def _raised(layer: WalkableGrid, paths: AnyAngle, ends: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """World points (n, 3) on the floor at the ends of legs (k, 2), and between them where the floor bends."""
    if paths.height is None:
        return np.column_stack([ends[:, 0], on_floor(layer, ends)[:, 1], ends[:, 1]])
    points = [ends[:1]]
    for a, b in itertools.pairwise(ends):
        steps = int(np.hypot(*(b - a)) / layer.cell) + 1
        points.append(a + np.linspace(0.0, 1.0, steps + 1)[1:, None] * (b - a))
    xz = np.concatenate(points)
    y = ground_height(paths.height, (xz - np.array(layer.origin)) / layer.cell + 0.5)
    corner = np.cumsum([0, *(len(part) for part in points[1:])])
    kept = np.zeros(len(xz), dtype=bool)
    kept[corner] = True
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xz, axis=0).T))])
    for first, last in itertools.pairwise(corner):
        _mark_bends(run, y, int(first), int(last), kept)
    return np.column_stack([xz[:, 0], y, xz[:, 1]])[kept]


def _mark_bends(
    run: npt.NDArray[np.float64], y: npt.NDArray[np.float64], first: int, last: int, kept: npt.NDArray[np.bool_]
) -> None:
    """Marks the points of a profile without which a line through the rest would be off by more than 2 cm."""
    if last - first < 2:
        return
    line = np.interp(run[first : last + 1], [run[first], run[last]], [y[first], y[last]])
    off = np.abs(y[first : last + 1] - line)
    worst = first + int(np.argmax(off))
    if off.max() > _LEVEL:
        kept[worst] = True
        _mark_bends(run, y, first, worst, kept)
        _mark_bends(run, y, worst, last, kept)


def _without_idle(points: npt.NDArray[np.float64], axes: int) -> npt.NDArray[np.float64]:
    """Points of a path without those on the straight line between their neighbours, in space or seen from above."""
    kept, seen = [0], points if axes == 3 else points[:, [0, 2]]
    for k in range(1, len(points) - 1):
        before, here, after = seen[kept[-1]], seen[k], seen[k + 1]
        there = np.linalg.norm(here - before) + np.linalg.norm(after - here)
        if there - np.linalg.norm(after - before) > _STRAIGHT:
            kept.append(k)
    return points[[*kept, len(points) - 1]]


def goal_paths(grid: WalkableGrid, goals: npt.ArrayLike) -> GoalPaths:
    """Returns the shortest paths from everywhere to the nearest goal: lengths, bends and what comes after each bend.

    Args:
        grid: where agents can walk.
        goals: world (x, y, z) or (x, z) of one goal or several [m], shape (3,), (2,), (n, 3) or (n, 2).

    Raises:
        NavigationError: no goal is within a metre of a walkable place.
    """
    return goal_path_sets(grid, [goals])[0]


def goal_path_sets(grid: WalkableGrid, goal_sets: Sequence[npt.ArrayLike]) -> tuple[GoalPaths, ...]:
    """Returns `goal_paths` of each set of goals; those of a grid with one layer are searched in one launch."""
    places = [walkable_goals(grid, goals) for goals in goal_sets]
    if grid.above:
        return tuple(_across_layers(grid, goals) for goals in places)
    found = _maps_of(grid).map(0).search([np.array([place.xz for place in goals]) for goals in places])
    return tuple(GoalPaths(grid, (paths,), (np.full(paths.goal_count, -1),)) for paths in found)


def walkable_goals(grid: WalkableGrid, goals: npt.ArrayLike) -> list[Place]:
    """Returns the walkable places that stand for goals; arguments and errors as `goal_paths`."""
    points = place_points(goals)
    near = snap_places(grid, points)
    moved = np.array([to.xz for to in near]) - points[:, [0, -1]]
    kept = [to for to, there in zip(near, np.hypot(*moved.T) <= SNAP_LIMIT, strict=True) if there]
    if not kept:
        raise NavigationError(
            f"no goal of {np.round(points[:4, [0, -1]], 2).tolist()} (x, z) is within {SNAP_LIMIT:g} m of a walkable "
            f"place: check the frame (+Y up, metres), or give a point on the floor, for example by snap_point"
        )
    return kept


class _Maps:
    """The layers of a grid, ready for searches."""

    def __init__(self, grid: WalkableGrid) -> None:
        self._layers = grid.layers
        self._maps: dict[int, AnyAngleMap] = {}
        self._gates: dict[tuple[int, int], npt.NDArray[np.int64]] = {}

    def map(self, number: int) -> AnyAngleMap:
        """The map of a layer."""
        if number not in self._maps:
            layer = self._layers[number]
            self._maps[number] = AnyAngleMap(layer.free, layer.cell, layer.origin, height=ground_of(layer))
        return self._maps[number]

    def gate(self, start: int, end: int) -> npt.NDArray[np.int64]:
        """Columns, shape (n, 2), at which paths pass from one layer's own places to those of another."""
        if (start, end) not in self._gates:
            layer = self._layers[end]
            own = layer.free & (layer.home == end)
            beside = ndimage.binary_dilation(own, np.ones((3, 3), dtype=bool))
            self._gates[start, end] = np.argwhere(layer.free & (layer.home == start) & beside)
        return self._gates[start, end]


def ground_of(layer: WalkableGrid) -> npt.NDArray[np.float32] | None:
    """Returns the height over which walks on a layer are measured [m], shape (nx, nz); None where it is level."""
    if not layer.sloped:
        return None
    near = ndimage.distance_transform_edt(~layer.free, return_distances=False, return_indices=True)
    return np.asarray(layer.floor_y[tuple(near)])


def gate_columns(grid: WalkableGrid, start: int, end: int) -> npt.NDArray[np.int64]:
    """Returns the columns, shape (n, 2), at which walks pass from one layer's own places to those of another."""
    return _maps_of(grid).gate(start, end)


_maps: weakref.WeakKeyDictionary[WalkableGrid, _Maps] = weakref.WeakKeyDictionary()


def _maps_of(grid: WalkableGrid) -> _Maps:
    if grid not in _maps:
        _maps[grid] = _Maps(grid)
    return _maps[grid]


def _across_layers(grid: WalkableGrid, goals: list[Place]) -> GoalPaths:
    """Searches layer by layer; a layer is searched anew when a neighbour's paths shorten its own."""
    maps, count = _maps_of(grid), len(grid.layers)
    searched: list[AnyAngle | None] = [None] * count
    leads_to = [np.full(0, -1)] * count
    pending = sorted({place.layer for place in goals})
    rounds = [0] * count
    while pending:
        number = pending.pop(0)
        rounds[number] += 1
        seeds = [(place.xz, 0.0, -1) for place in goals if place.layer == number]
        for other in range(count):
            seeds += _ways_in(grid, maps, searched[other], other, number)
        xz, behind = np.array([seed[0] for seed in seeds]), np.array([seed[1] for seed in seeds])
        searched[number] = maps.map(number).search([xz], [behind])[0]
        leads_to[number] = np.array([seed[2] for seed in seeds])
        for other in range(count):
            if other != number and other not in pending and rounds[other] < _ROUNDS:
                if _shortens(maps, searched[number], searched[other], number, other):
                    pending.append(other)
    return GoalPaths(grid, tuple(searched), tuple(leads_to))


def _ways_in(
    grid: WalkableGrid, maps: _Maps, paths: AnyAngle | None, start: int, end: int
) -> list[tuple[npt.NDArray[np.float64], float, int]]:
    """World (x, z) of a gate's columns, lengths of the paths of its first layer from there [m], and that layer."""
    if paths is None or start == end:
        return []
    columns = maps.gate(start, end)
    lengths = paths.length[columns[:, 0], columns[:, 1]]
    known = np.isfinite(lengths)
    return [(xz, float(d), start) for xz, d in zip(grid.center(columns[known]), lengths[known], strict=True)]


def _shortens(maps: _Maps, paths: AnyAngle | None, there: AnyAngle | None, start: int, end: int) -> bool:
    """Whether paths of a layer are shorter at its gate to another than those the other knows of."""
    columns = maps.gate(start, end)
    if paths is None or not len(columns):
        return False
    new = paths.length[columns[:, 0], columns[:, 1]]
    if there is None:
        return bool(np.isfinite(new).any())
    return bool(np.any(new < there.length[columns[:, 0], columns[:, 1]] - _GAIN))
