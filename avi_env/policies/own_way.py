"""The way to a told place over the map that a policy keeps: what has not been seen counts as free."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,index"

from __future__ import annotations

import torch
import warp as wp

from avi_env.policies.ego_map import NEAR_CELL, NEAR_CELLS, OCCUPIED, VISITED
from avi_env.scene.launches import launch

__all__ = ["WAY_AHEAD", "own_ways"]

wp.set_module_options({"enable_backward": False})

WAY_AHEAD = (3, 8)
"""How many cells of 0.2 m ahead on the way the two places lie that are told of it."""

_WIDTH = wp.constant(96)  # cells; 19.2 m about the agent
_ALL = wp.constant(NEAR_CELLS // 2)
_CELL = wp.constant(2.0 * NEAR_CELL)  # [m]
_STRAIGHT, _DIAGONAL = wp.constant(5), wp.constant(7)  # lengths of a cell, sqrt(2) being 7/5
_CLOSE = wp.constant(3)  # what a cell beside a wall costs: the body's radius is a cell
_WALL = wp.constant(wp.uint8(255))
_FAR = wp.constant(1 << 30)
_OCCUPIED, _VISITED = wp.constant(wp.uint8(OCCUPIED)), wp.constant(wp.uint8(VISITED))
_NEAR_CELLS = wp.constant(NEAR_CELLS)
_FIRST, _SECOND = wp.constant(WAY_AHEAD[0]), wp.constant(WAY_AHEAD[1])


@wp.struct
class _Search:
    """One row's search, in cells of its window."""

    low: wp.vec2i
    goal: wp.vec2
    cost: wp.array2d[wp.uint8]
    length: wp.array2d[wp.int32]
    queue: wp.array2d[wp.int32]
    waiting: wp.array2d[wp.uint8]


@wp.func
def _is_wall(near: wp.array2d[wp.uint8], b: int, i: int, j: int) -> bool:
    met, been = wp.bool(False), wp.bool(False)
    for k in range(4):
        bits = near[b, (2 * i + k // 2) * _NEAR_CELLS + 2 * j + k % 2]
        met = met or (bits & _OCCUPIED) > wp.uint8(0)
        been = been or (bits & _VISITED) > wp.uint8(0)
    return met and not been


@wp.func
def _weigh(s: _Search, near: wp.array2d[wp.uint8], b: int) -> None:
    """Sets what it costs to enter each cell."""
    for c in range(_WIDTH * _WIDTH):
        s.length[b, c] = _FAR
        s.waiting[b, c] = wp.uint8(0)
        s.cost[b, c] = wp.uint8(1)
        if _is_wall(near, b, s.low[0] + c // _WIDTH, s.low[1] + c % _WIDTH):
            s.cost[b, c] = _WALL
    for c in range(_WIDTH * _WIDTH):
        if s.cost[b, c] == _WALL:
            for k in range(9):
                i, j = c // _WIDTH + k // 3 - 1, c % _WIDTH + k % 3 - 1
                if i >= 0 and j >= 0 and i < _WIDTH and j < _WIDTH and s.cost[b, i * _WIDTH + j] != _WALL:
                    s.cost[b, i * _WIDTH + j] = wp.uint8(_CLOSE)


@wp.func
def _link(s: _Search, b: int, c: int, k: int) -> wp.vec2i:
    """Returns the neighbour k = 0..8 of a cell, -1 if one cannot go there, and the length of the way to it."""
    di, dj = k // 3 - 1, k % 3 - 1
    i, j = c // _WIDTH + di, c % _WIDTH + dj
    if k == 4 or i < 0 or j < 0 or i >= _WIDTH or j >= _WIDTH:
        return wp.vec2i(-1, 0)
    to, length = i * _WIDTH + j, _STRAIGHT
    if di != 0 and dj != 0:
        length = _DIAGONAL
        if s.cost[b, to - dj] == _WALL or s.cost[b, to - di * _WIDTH] == _WALL:
            return wp.vec2i(-1, 0)  # no cutting of corners
    if s.cost[b, to] == _WALL:
        return wp.vec2i(-1, 0)
    return wp.vec2i(to, length * (int(s.cost[b, to]) + int(s.cost[b, c])))


@wp.func
def _spread(s: _Search, b: int, goal: int) -> None:
    """Sets the length of the way from each cell to the goal; a cell that got nearer waits to tell its neighbours."""
    s.cost[b, goal] = wp.uint8(1)
    s.length[b, goal] = 0
    s.queue[b, 0] = goal
    begin, end = wp.int32(0), wp.int32(1)
    while begin != end:
        c = s.queue[b, begin]
        begin = (begin + 1) % (_WIDTH * _WIDTH + 1)
        s.waiting[b, c] = wp.uint8(0)
        for k in range(9):
            to = _link(s, b, c, k)
            if to[0] >= 0 and s.length[b, c] + to[1] < s.length[b, to[0]]:
                s.length[b, to[0]] = s.length[b, c] + to[1]
                if s.waiting[b, to[0]] == wp.uint8(0):
                    s.waiting[b, to[0]] = wp.uint8(1)
                    s.queue[b, end] = to[0]
                    end = (end + 1) % (_WIDTH * _WIDTH + 1)


@wp.func
def _nearer(s: _Search, b: int, c: int) -> int:
    """Returns the neighbour from which the way is shortest, or the cell itself at the goal."""
    best, at = int(s.length[b, c]), int(c)
    for k in range(9):
        to = _link(s, b, c, k)
        if to[0] >= 0 and s.length[b, to[0]] < best:
            best = s.length[b, to[0]]
            at = to[0]
    return at


@wp.func
def _azimuth(s: _Search, b: int, c: int, pose: wp.vec4) -> float:
    """Returns the azimuth of a cell's middle, or of the goal itself in the last cell [rad]."""
    place = wp.vec2(
        (float(s.low[0] + c // _WIDTH - _ALL // 2) + 0.5) * _CELL,
        (float(s.low[1] + c % _WIDTH - _ALL // 2) + 0.5) * _CELL,
    )
    if s.length[b, c] == 0 or s.length[b, c] == _FAR:
        place = s.goal
    return wp.atan2(pose[0] - place[0], pose[2] - place[1]) - pose[3]


@wp.func
def _cell_of(low: wp.vec2i, x: float, z: float) -> int:
    i = wp.clamp(int(wp.floor(x / _CELL)) + _ALL // 2 - low[0], 0, _WIDTH - 1)
    j = wp.clamp(int(wp.floor(z / _CELL)) + _ALL // 2 - low[1], 0, _WIDTH - 1)
    return i * _WIDTH + j


@wp.kernel
def _own_way(
    near: wp.array2d[wp.uint8],
    pose: wp.array2d[wp.float32],
    goal: wp.array2d[wp.float32],
    cost: wp.array2d[wp.uint8],
    length: wp.array2d[wp.int32],
    queue: wp.array2d[wp.int32],
    waiting: wp.array2d[wp.uint8],
    way_out: wp.array2d[wp.float32],
) -> None:
    b = wp.tid()
    here = wp.vec4(pose[b, 0], pose[b, 1], pose[b, 2], pose[b, 3])
    s = _Search()
    s.cost = cost
    s.length = length
    s.queue = queue
    s.waiting = waiting
    azimuth = goal[b, 1] + here[3]
    s.goal = wp.vec2(here[0] - goal[b, 0] * wp.sin(azimuth), here[2] - goal[b, 0] * wp.cos(azimuth))
    for axis in range(2):
        middle = int(wp.floor(here[2 * axis] / _CELL)) + _ALL // 2
        s.low[axis] = wp.clamp(middle - _WIDTH // 2, 0, _ALL - _WIDTH)
    _weigh(s, near, b)
    _spread(s, b, _cell_of(s.low, s.goal[0], s.goal[1]))
    at = _cell_of(s.low, here[0], here[2])
    metres = float(s.length[b, at]) * _CELL / float(2 * _STRAIGHT)
    if s.length[b, at] == _FAR:
        metres = 2.0 * goal[b, 0]
    for n in range(_SECOND):
        at = _nearer(s, b, at)
        if n + 1 == _FIRST or n + 1 == _SECOND:
            column = wp.where(n + 1 == _FIRST, 0, 2)
            towards = _azimuth(s, b, at, here)
            way_out[b, column] = wp.sin(towards)
            way_out[b, column + 1] = wp.cos(towards)
    way_out[b, 4] = wp.log2(1.0 + metres)


def own_ways(near: torch.Tensor, pose: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Returns what the shortest way to a place is like, over what each agent has seen so far.

    The search is over cells of 0.2 m in a window of 19.2 m; a goal beyond it stands at its edge. Cells beside a wall
    cost three times their length, since the body is not a point. Where all is walled up the way is the straight line.

    Args:
        near: fine maps of B agents, as `MapMemory.near`, shape (B, 160001), uint8.
        pose: (x, y, z, yaw) in the start frame [m, rad], shape (B, 4), float32.
        goal: straight distance [m] and azimuth [rad, left positive], shape (B, 2), float32.

    Returns:
        Sine and cosine of the azimuth of a place 3 cells ahead on the way, then of one 8 cells ahead, and
        log2(1 + length / 1 m); shape (B, 5), float32.

    Raises:
        ValueError: shapes that do not fit together.
    """
    count = len(near)
    if near.shape != (count, NEAR_CELLS**2 + 1) or pose.shape != (count, 4) or goal.shape != (count, 2):
        raise ValueError(
            f"ways need near (B, {NEAR_CELLS**2 + 1}), pose (B, 4) and goal (B, 2), not {tuple(near.shape)}, "
            f"{tuple(pose.shape)}, {tuple(goal.shape)}"
        )
    cells = int(_WIDTH) ** 2
    shapes = ((cells, torch.uint8), (cells, torch.int32), (cells + 1, torch.int32), (cells, torch.uint8))
    search = [torch.empty(count, size, dtype=kind, device=near.device) for size, kind in shapes]
    way = torch.empty(count, 5, dtype=torch.float32, device=near.device)
    launch(_own_way, (count,), [near, pose.contiguous(), goal.contiguous(), *search, way], near.device)
    return way
