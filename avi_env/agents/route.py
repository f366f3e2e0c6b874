"""Ways over the agent's own map: which cells can be walked, how far each is, which turn or step comes next."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from avi_env.agents.geometry import bearing_to, heading_vector, wrap_angle
from avi_env.agents.mapping import CELL, HouseMap, MapWindow

__all__ = [
    "AGENT_RADIUS",
    "Frontier",
    "WalkPlan",
    "Ways",
    "find_frontiers",
    "nearest_cell",
    "neighbour_graph",
    "steer",
    "unknown_near",
    "walk_plan",
    "ways_from",
]

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]
Point = tuple[float, float]

AGENT_RADIUS = 0.2
"""Radius of the agent [m]."""

FORWARD = 0.25
"""Length of a forward action [m]."""

TURN = math.radians(15.0)
"""Angle of a turn action [rad]."""

_FORWARD, _LEFT, _RIGHT = 1, 2, 3
_COARSE = 2  # map cells per side of a planning cell
_STEP = _COARSE * CELL
_COMFORT = 0.45  # [m]; with more room than this a way costs its length only
_NARROW_COST = 1.5  # extra cost per metre at the least clearance
_HOPE_COST = 2.0  # cost of a metre nobody has seen
_LOOK_AHEAD = 2.0  # [m]; how far along the way the controller looks for the point it can walk to straight
_SNAP = 0.6  # [m]; a start inside an obstacle's margin is moved at most this far
_FRONTIER_MIN = 4  # planning cells; smaller gaps are shadows of furniture


class WalkPlan(NamedTuple):
    """Where the agent can walk by what it knows, on planning cells of 10 cm; arrays of shape (nx, nz)."""

    origin: Point
    """(x, z) of the centre of cell (0, 0) [m]."""
    walkable: BoolArray
    """Known, free, with the agent's radius around it."""
    hopeful: BoolArray
    """Walkable, or unseen so far with room enough for the agent."""
    cost: npt.NDArray[np.float64]
    """Cost of a metre in the cell, >= 1; narrow places cost more."""
    unknown: BoolArray
    """Neither seen free nor occupied."""
    region: npt.NDArray[np.int32]
    """Object id of the floor, -1 = none."""

    def cell_of(self, position: Point) -> tuple[int, int]:
        """Returns the cell of an (x, z) position [m], brought inside the arrays."""
        nx, nz = self.walkable.shape
        ix, iz = (round((position[k] - self.origin[k]) / _STEP) for k in (0, 1))
        return min(max(ix, 0), nx - 1), min(max(iz, 0), nz - 1)

    def point_of(self, cell: tuple[int, int] | FloatArray) -> Point:
        """Returns the centre [m] of a cell."""
        return self.origin[0] + _STEP * float(cell[0]), self.origin[1] + _STEP * float(cell[1])

    def centers(self) -> tuple[FloatArray, FloatArray]:
        """Returns x of every row and z of every column [m], shaped to broadcast over the cells."""
        nx, nz = self.walkable.shape
        return (self.origin[0] + _STEP * np.arange(nx))[:, None], (self.origin[1] + _STEP * np.arange(nz))[None, :]


class Ways(NamedTuple):
    """The cheapest ways from one place to all walkable (or hopeful) cells."""

    plan: WalkPlan
    length: npt.NDArray[np.float64]
    """Cost of the way [m], >= its length, inf = no way, shape (nx, nz)."""
    node: npt.NDArray[np.int64]
    """Number of each cell the ways may use, -1 elsewhere, shape (nx, nz)."""
    previous: npt.NDArray[np.int32]
    """Per number: the number before it on the way, negative at the start."""
    start: Point

    def length_to(self, position: Point, reach: float = 0.5) -> float:
        """Returns the cost [m] of the way to the cell nearest to a position, inf when none lies within reach [m]."""
        cell = nearest_cell(np.isfinite(self.length), self.plan, position, reach)
        return math.inf if cell is None else float(self.length[cell])

    def path_to(self, cell: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Returns the way to a reachable cell as points [m], shape (n, 2), start to goal."""
        cells = np.argwhere(self.node >= 0)  # row k = cell of number k: numbers go in the same order
        chain = [int(self.node[cell])]
        while self.previous[chain[-1]] >= 0:
            chain.append(int(self.previous[chain[-1]]))
        return np.asarray(self.plan.origin) + _STEP * cells[chain[::-1]].astype(np.float64)


class Frontier(NamedTuple):
    """A stretch of the edge between known and unknown that can be walked to."""

    point: Point
    """(x, z) of the cell of the edge that is nearest to walk to [m]."""
    cell: tuple[int, int]
    beyond: Point
    """(x, z) of the middle of the unknown at that edge [m]."""
    width: float
    """Length of the edge [m]."""
    distance: float
    """Cost of the way to it [m]."""
    region: int
    """Object id of the floor before it, -1 = unknown."""


def walk_plan(house: HouseMap, radius: float = AGENT_RADIUS, closed: tuple[int, ...] = ()) -> WalkPlan:
    """Returns the planning grid of a map for an agent of a radius [m]; floors in `closed` are kept off by so much."""
    window = _even(house.window())
    clearance = CELL * (ndimage.distance_transform_edt(~window.occupied) - 0.5)
    passable = window.free & (clearance >= radius - 0.5 * CELL)
    walkable = np.asarray(_blocks(passable).any(axis=(1, 3)), bool)
    hopeful = walkable | _blocks(~window.occupied & (clearance >= radius)).all(axis=(1, 3))
    room = _blocks(np.where(passable, clearance, 0.0)).max(axis=(1, 3))
    tight = np.clip((_COMFORT - room) / (_COMFORT - radius), 0.0, 1.0)
    unknown = np.asarray(_blocks(~window.free & ~window.occupied).all(axis=(1, 3)), bool)
    region = _blocks(window.region).max(axis=(1, 3)).astype(np.int32)
    origin = (window.origin[0] + 0.5 * CELL, window.origin[1] + 0.5 * CELL)
    if closed:
        apart = ndimage.distance_transform_edt(~np.isin(region, closed), sampling=_STEP)
        walkable, hopeful = walkable & (apart > radius), hopeful & (apart > radius)
    return WalkPlan(origin, walkable, np.asarray(hopeful, bool), 1.0 + _NARROW_COST * tight**2, unknown, region)


def _even(window: MapWindow) -> MapWindow:
    nx, nz = (n // _COARSE * _COARSE for n in window.free.shape)
    occupied, free, tall = (mask[:nx, :nz] for mask in (window.occupied, window.free, window.tall))
    return MapWindow(window.origin, occupied, free, window.region[:nx, :nz], tall)


def _blocks(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    nx, nz = array.shape
    return array.reshape(nx // _COARSE, _COARSE, nz // _COARSE, _COARSE)


def nearest_cell(mask: BoolArray, plan: WalkPlan, position: Point, reach: float) -> tuple[int, int] | None:
    """Returns the cell of a mask nearest to a position within reach [m], or None."""
    ix, iz = plan.cell_of(position)
    span = math.ceil(reach / _STEP)
    left, top = max(ix - span, 0), max(iz - span, 0)
    px, pz = np.nonzero(mask[left : ix + span + 1, top : iz + span + 1])
    if not len(px):
        return None
    x, z = plan.point_of((0, 0))
    gap = np.hypot(x + _STEP * (px + left) - position[0], z + _STEP * (pz + top) - position[1])
    best = int(np.argmin(gap))
    return (int(px[best]) + left, int(pz[best]) + top) if gap[best] <= reach + _STEP else None


def ways_from(plan: WalkPlan, start: Point, hopeful: bool = False) -> Ways:
    """Returns the cheapest ways from a position [m] to every cell (Dijkstra over eight neighbours).

    Args:
        plan: where one can walk.
        start: (x, z) [m].
        hopeful: lead ways through the unseen, too, at `_HOPE_COST` times the price.
    """
    mask = plan.hopeful if hopeful else plan.walkable
    length = np.full(mask.shape, np.inf)
    node = np.full(mask.shape, -1, np.int64)
    cell = nearest_cell(plan.walkable, plan, start, _SNAP)
    if cell is None:
        return Ways(plan, length, node, np.empty(0, np.int32), start)
    node[mask] = np.arange(np.count_nonzero(mask))
    graph = neighbour_graph(np.where(plan.walkable, plan.cost, _HOPE_COST), mask, node)
    distance, previous = csgraph.dijkstra(graph, directed=True, indices=int(node[cell]), return_predecessors=True)
    length[mask] = distance
    return Ways(plan, length, node, previous, start)


def neighbour_graph(cost: FloatArray, mask: BoolArray, node: npt.NDArray[np.int64]) -> sparse.csr_matrix:
    """Returns the ways between neighbouring cells of a mask, numbered by `node`, `cost` per metre in each cell."""
    rows, columns, weights = [], [], []
    for dx, dz in ((1, 0), (0, 1), (1, 1), (1, -1)):
        here = (slice(0, -dx or None), slice(1, None) if dz < 0 else slice(0, -dz or None))
        there = (slice(dx, None), slice(0, -1) if dz < 0 else slice(dz, None))
        both = mask[here] & mask[there]
        weight = 0.5 * _STEP * math.hypot(dx, dz) * (cost[here][both] + cost[there][both])
        first, second = node[here][both], node[there][both]
        rows += [first, second]
        columns += [second, first]
        weights += [weight, weight]
    data = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    count = int(np.count_nonzero(mask))
    return sparse.csr_matrix(data, shape=(count, count))


def find_frontiers(ways: Ways) -> tuple[Frontier, ...]:
    """Returns the reachable edges of the known, nearest first; gaps of less than 0.4 m are left out."""
    plan = ways.plan
    edge = np.isfinite(ways.length) & ndimage.binary_dilation(plan.unknown, np.ones((3, 3), bool))
    label, _ = ndimage.label(edge, np.ones((3, 3), int))
    found = []
    for number, box in enumerate(ndimage.find_objects(label), start=1):
        cells = np.argwhere(label[box] == number) + np.array([s.start for s in box])
        if len(cells) < _FRONTIER_MIN:
            continue
        length = ways.length[cells[:, 0], cells[:, 1]]
        best = cells[int(np.argmin(length))]
        cell = (int(best[0]), int(best[1]))
        region = int(plan.region[cell])
        beyond = unknown_near(plan, cell)
        found.append(Frontier(plan.point_of(cell), cell, beyond, _STEP * len(cells), float(length.min()), region))
    return tuple(sorted(found, key=lambda f: (f.distance, f.point)))


def unknown_near(plan: WalkPlan, cell: tuple[int, int], span: int = 6) -> Point:
    """Returns the middle [m] of the unknown within `span` cells of a cell, the cell itself when all is known."""
    left, top = max(cell[0] - span, 0), max(cell[1] - span, 0)
    cells = np.argwhere(plan.unknown[left : cell[0] + span + 1, top : cell[1] + span + 1])
    return plan.point_of(cells.mean(axis=0) + np.array([left, top])) if len(cells) else plan.point_of(cell)


def clear_line(plan: WalkPlan, start: Point, end: Point) -> bool:
    """Returns whether every cell on the straight line is walkable, save those within 0.15 m of the start."""
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    if length < 1e-6:
        return True
    along = np.arange(0.15, length, 0.5 * _STEP)
    x = start[0] + (end[0] - start[0]) * along / length
    z = start[1] + (end[1] - start[1]) * along / length
    ix = np.clip(np.round((x - plan.origin[0]) / _STEP).astype(int), 0, plan.walkable.shape[0] - 1)
    iz = np.clip(np.round((z - plan.origin[1]) / _STEP).astype(int), 0, plan.walkable.shape[1] - 1)
    return bool(np.all(plan.walkable[ix, iz]))


def steer(plan: WalkPlan, path: FloatArray, position: Point, yaw: float) -> int:
    """Returns the next action along a way: 1 forward, 2 left, 3 right, 0 when its end is reached.

    The agent heads for the farthest point of the way that it can walk to straight. It turns when another heading of
    the 15 degree raster would bring it nearer to that point than walking on does.
    """
    nearest = int(np.argmin(np.hypot(path[:, 0] - position[0], path[:, 1] - position[1])))
    end = (float(path[-1][0]), float(path[-1][1]))
    if math.dist(end, position) < 0.5 * FORWARD:
        return 0
    target = _look_ahead(plan, path[nearest:], position)
    error = wrap_angle(bearing_to(position, target) - yaw)
    if abs(error) > 0.5 * TURN + 0.02:
        return _LEFT if error > 0 else _RIGHT
    dx, dz = heading_vector(yaw)
    ahead = (position[0] + FORWARD * dx, position[1] + FORWARD * dz)
    nearer = math.dist(target, ahead) < math.dist(target, position)
    return _FORWARD if nearer or target != end else 0


def _look_ahead(plan: WalkPlan, path: FloatArray, position: Point) -> Point:
    """The farthest point of the way that can be walked to straight, at least one step away where there is one."""
    gaps = np.hypot(path[:, 0] - position[0], path[:, 1] - position[1])
    along = np.cumsum(np.r_[gaps[0], np.hypot(*np.diff(path, axis=0).T)])
    far = np.flatnonzero((gaps >= FORWARD) & (along <= _LOOK_AHEAD))
    if not len(far):
        index = int(np.argmax(gaps >= FORWARD)) if np.any(gaps >= FORWARD) else len(path) - 1
        return float(path[index][0]), float(path[index][1])
    for index in far[::-2]:
        point = (float(path[index][0]), float(path[index][1]))
        if clear_line(plan, position, point):
            return point
    return float(path[far[0]][0]), float(path[far[0]][1])
