"""Where to stand at an object: near it, and near whichever place beside it is the nearest of all.

An object against a wall, on a table or in a corner has several sides to stand at that are about equally near. Which is
the very nearest hangs on centimetres that the agent cannot see; a place from which all of them are near is safe.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csgraph

from avi_env.agents.objects import ObjectTrack
from avi_env.agents.route import WalkPlan, Ways, nearest_cell, neighbour_graph

__all__ = ["Cell", "Goal", "nearest_goal", "object_goal"]

Point = tuple[float, float]
Cell = tuple[int, int]
BoolArray = npt.NDArray[np.bool_]

_AS_NEAR = 0.2  # [m]; cells this much farther from a thing than the nearest known one may be the nearest
_WIDER = 0.5  # [m]; how much farther than the nearest the agent may stand
_WAY_PRICE = 0.1  # [m] of distance from the goal that a metre of way is worth
_DOUBT = 0.08  # [m]; error of where an object's middle and the edge of the walkable are
_ALL_NEAR = 0.5  # [m]; a side is near when the walk to it is no longer; twice as far it is not
_GOOD_ENOUGH = 0.1  # what a better place must gain to be walked to
_LOCAL = 2.0  # [m]; half the side of the square in which sides are compared
_SIDES = 10  # sides that are compared at most


Goal = Callable[[Ways], Cell | None]


def nearest_goal(point: Point, reach: float = math.inf) -> Goal:
    """Returns the goal "the reachable cell nearest to a point", at most `reach` metres from it."""

    def choose(ways: Ways) -> Cell | None:
        return _nearest(ways, point, np.isfinite(ways.length), reach)

    return choose


def object_goal(track: ObjectTrack) -> Goal:
    """Returns the goal "as close to the object as one can stand", on its own floor where that is known."""

    def choose(ways: Ways) -> Cell | None:
        reachable = np.isfinite(ways.length)
        same = reachable & (ways.plan.region == track.floor)
        mask = same if track.floor >= 0 and np.any(same) else reachable
        best = _nearest(ways, track.center, mask, math.inf)
        if best is None or ways.length[best] > _LOCAL:
            return best
        return _between_sides(ways, track.center, mask, best)

    return choose


def _gaps(plan: WalkPlan, point: Point, mask: BoolArray) -> npt.NDArray[Any]:
    x, z = plan.centers()
    return np.where(mask, np.hypot(x - point[0], z - point[1]), np.inf)


def _nearest(ways: Ways, point: Point, mask: BoolArray, reach: float) -> Cell | None:
    """Of the cells nearest to a point the one nearest to walk to."""
    gap = _gaps(ways.plan, point, mask)
    if not np.any(mask) or gap.min() > reach:
        return None
    price = np.where(gap <= gap.min() + _AS_NEAR, gap + _WAY_PRICE * ways.length, np.inf)
    best = np.unravel_index(int(np.argmin(price)), price.shape)
    return int(best[0]), int(best[1])


def _between_sides(ways: Ways, point: Point, mask: BoolArray, best: Cell) -> Cell:
    """The cell from which most sides are near, by how likely each is the nearest; here, when that is as good."""
    plan = ways.plan
    x, z = plan.centers()
    square = (np.abs(x - point[0]) <= _LOCAL) & (np.abs(z - point[1]) <= _LOCAL)
    gap = _gaps(plan, point, mask & square)
    if not np.isfinite(gap[best]):
        return best
    local = plan.hopeful & square
    walks, weight = _walks_to_sides(plan, _gaps(plan, point, local), local)
    risk = np.full(local.shape, np.inf)
    risk[local] = weight @ np.clip(walks / _ALL_NEAR - 1.0, 0.0, 1.0)
    price = np.where(gap <= gap.min() + _WIDER, risk + 0.2 * gap, np.inf)
    here = nearest_cell(np.isfinite(price), plan, ways.start, 0.2)
    if here is not None and price[here] <= price.min() + _GOOD_ENOUGH:
        return here
    chosen = np.unravel_index(int(np.argmin(price + _WAY_PRICE * ways.length)), price.shape)
    return int(chosen[0]), int(chosen[1])


def _walks_to_sides(
    plan: WalkPlan, gap: npt.NDArray[Any], local: BoolArray
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Walks [m] from the sides to all cells of the square, shape (S, cells), and the sides' weights, sum 1."""
    node = np.full(local.shape, -1, np.int64)
    node[local] = np.arange(np.count_nonzero(local))
    near = gap[local] - gap.min()
    sides = np.flatnonzero(near <= _AS_NEAR)
    sides = sides[:: math.ceil(len(sides) / _SIDES)]
    walks = csgraph.dijkstra(neighbour_graph(np.ones(local.shape), local, node), indices=sides)
    weight = np.exp(-near[sides] / _DOUBT)
    return np.where(np.isfinite(walks), walks, 10.0), weight / weight.sum()
