"""Follows shortest paths with discrete actions: the oracle of SNA, and a ready-made walker."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.navigation.fields import distance_field
from avi_env.navigation.grid_bank import GridBank
from avi_env.navigation.grid_device import GridArrays, advance, lookup, row_at
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.rays_warp import wp_device

__all__ = ["FORWARD", "STOP", "TURN_LEFT", "TURN_RIGHT", "ShortestPathFollower", "next_actions"]

wp.set_module_options({"enable_backward": False})

STOP, FORWARD, TURN_LEFT, TURN_RIGHT = 0, 1, 2, 3

_RADIUS_STEPS = 0.75  # default goal radius in forward steps: Habitat's GreedyGeodesicFollower
_TURN_PRICE = wp.constant(0.002)  # [m] an action spent on turning must gain this: headings within 10 degrees are kept
_BUMP_PRICE = wp.constant(0.01)  # [m] scraping along a wall must gain this
_LEAST_GAIN = wp.constant(1.0e-3)  # [m] a step that gains less leads nowhere: stop
_NONE = -(2**31)


@wp.struct
class _Task:
    """What is the same for all walkers."""

    forward: float
    turn: float
    half_circle: int  # turns to the left or the right that are tried
    radius: float


@wp.func
def _best_turns(
    grids: GridArrays, task: _Task, field: wp.array3d[wp.float32], first: int, row: int, p: wp.vec3, yaw: float
) -> int:
    """How many turns to make before the next step forward (left positive), or none that helps or is needed: -2^31.

    `field` has the distances of a grid's layers, whose rows begin with `first`; the walker is in `row`.
    """
    here = lookup(field, row - first, grids.origin[first], grids.cell, p[0], p[2])
    if here <= task.radius or not wp.isfinite(here):
        return _NONE
    best = wp.int32(_NONE)
    best_gain = _LEAST_GAIN
    for n in range(2 * task.half_circle + 1):
        turns = (n + 1) / 2
        if n % 2 == 0:
            turns = -turns
        end = advance(grids, row, p[0], p[2], yaw + float(turns) * task.turn, task.forward, 0.0)
        there = lookup(field, int(end[3]) - first, grids.origin[first], grids.cell, end[0], end[1])
        gain = here - there - _TURN_PRICE * float(wp.abs(turns)) - _BUMP_PRICE * end[2]
        if gain > best_gain:
            best_gain = gain
            best = turns
    return best


@wp.kernel
def _follow(
    grids: GridArrays,
    task: _Task,
    field: wp.array3d[wp.float32],
    position: wp.array2d[wp.float32],
    yaw: wp.array[wp.float32],
    action_out: wp.array2d[wp.int32],
    count_out: wp.array[wp.int32],
) -> None:
    b = wp.tid()
    p = wp.vec3(position[b, 0], position[b, 1], position[b, 2])
    row = row_at(grids, 0, p[0], p[1], p[2])
    heading = yaw[b]
    count = wp.int32(0)
    limit = action_out.shape[1]
    while count < limit:
        turns = _best_turns(grids, task, field, 0, row, p, heading)
        if turns == _NONE:
            action_out[b, count] = 0
            count = count + 1
            break
        action = wp.where(turns > 0, 2, 3)
        for _n in range(wp.min(wp.abs(turns), limit - count)):
            action_out[b, count] = action
            count = count + 1
        heading = heading + float(turns) * task.turn
        if count < limit:
            action_out[b, count] = 1
            count = count + 1
            end = advance(grids, row, p[0], p[2], heading, task.forward, 0.0)
            p = wp.vec3(end[0], p[1], end[1])
            row = int(end[3])
    count_out[b] = count


@wp.kernel
def _next(
    grids: GridArrays,
    task: _Task,
    fields: wp.array4d[wp.float32],
    which: wp.array[wp.int64],
    scene: wp.array[wp.int32],
    position: wp.array2d[wp.float32],
    yaw: wp.array[wp.float32],
    action_out: wp.array[wp.int64],
    turn_out: wp.array[wp.float32],
) -> None:
    b = wp.tid()
    p = wp.vec3(position[b, 0], position[b, 1], position[b, 2])
    row = row_at(grids, scene[b], p[0], p[1], p[2])
    turns = _best_turns(grids, task, fields[int(which[b])], grids.first[scene[b]], row, p, yaw[b])
    action = wp.int64(0)
    turn = wp.float32(0.0)
    if turns != _NONE:
        action = wp.where(turns > 0, wp.int64(2), wp.where(turns < 0, wp.int64(3), wp.int64(1)))
        turn = float(turns) * task.turn
    action_out[b] = action
    turn_out[b] = turn


def next_actions(
    bank: GridBank,
    fields: torch.Tensor,
    which: torch.Tensor,
    scene: torch.Tensor,
    position: torch.Tensor,
    yaw: torch.Tensor,
    *,
    forward: float,
    turn_deg: float,
    goal_radius: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the next action of many walkers, each to the goal of its own field, and how far they turn before a step.

    Args:
        bank: the grids.
        fields: distances to goals [m], shape (F, layers, nx, nz), float32, inf where there is no way.
        which: the field of each walker, shape (B,), int64.
        scene: the slot of its grid in the bank, shape (B,), int32.
        position: world (x, y, z) of its feet [m], shape (B, 3), float32.
        yaw: its heading [rad], shape (B,), float32.
        forward: length of a forward action [m].
        turn_deg: angle of a turn action [degrees].
        goal_radius: distance to the goal [m] within which it stops.

    Returns:
        Actions, shape (B,), int64, and turns [rad], left positive, 0 at a stop, shape (B,), float32.

    Raises:
        ValueError: another shape.
    """
    count = len(position)
    if fields.ndim != 4 or position.shape != (count, 3) or any(x.shape != (count,) for x in (which, scene, yaw)):
        raise ValueError(
            f"walkers need fields (F, layers, nx, nz), position (B, 3), which, scene and yaw (B,), not "
            f"{tuple(fields.shape)}, {tuple(position.shape)}, {tuple(which.shape)}, {tuple(scene.shape)}, "
            f"{tuple(yaw.shape)}"
        )
    action = torch.empty(count, dtype=torch.int64, device=position.device)
    turn = torch.empty(count, dtype=torch.float32, device=position.device)
    given = (fields, which, scene.int(), position.float(), yaw.float())
    inputs = [bank.arrays, _task(forward, turn_deg, goal_radius), *(wp.from_torch(x.contiguous()) for x in given)]
    outputs = [wp.from_torch(action), wp.from_torch(turn)]
    wp.launch(_next, dim=count, inputs=inputs, outputs=outputs, device=wp_device(position.device))
    return action, turn


def _task(forward: float, turn_deg: float, goal_radius: float) -> _Task:
    task = _Task()
    task.forward, task.turn = float(forward), math.radians(turn_deg)
    task.half_circle, task.radius = int(180.0 / turn_deg), float(goal_radius)
    return task


class ShortestPathFollower:
    """Walks to a goal by the shortest path: turns to where the next step brings it nearest, and steps.

    Example:
        >>> follower = ShortestPathFollower(grid, goal)
        >>> action = follower.next_action(position, yaw)   # 0 stop, 1 forward, 2 left, 3 right
    """

    def __init__(
        self,
        grid: WalkableGrid,
        goal: npt.ArrayLike,
        forward: float = 0.25,
        turn_deg: float = 15.0,
        goal_radius: float | None = None,
        max_actions: int = 2000,
        field: npt.NDArray[np.floating[Any]] | None = None,
    ) -> None:
        """Computes the distance to the goal from everywhere, unless it is given.

        Args:
            grid: where the agent can walk.
            goal: world (x, y, z) of one goal or several [m], shape (3,) or (n, 3).
            forward: length of a forward action [m].
            turn_deg: angle of a turn action [degrees].
            goal_radius: distance to the goal [m] within which it stops; default 0.75 forward steps.
            max_actions: walks are cut after so many actions.
            field: the distance to the goal [m], as `distance_field` returns it, where it is known; `goal` is not
                looked at then.

        Raises:
            NavigationError: the goal is nowhere near a walkable place.
        """
        if not (forward > 0 and 0 < turn_deg <= 180):
            raise ValueError(f"forward must be positive and turn_deg in (0, 180], got {forward:g} and {turn_deg:g}")
        self.grid = grid
        self.field = distance_field(grid, goal) if field is None else np.asarray(field, np.float32)
        """Distance to the goal [m], shape (nx, nz) or (layers, nx, nz)."""
        self.max_actions = int(max_actions)
        self._bank = GridBank([grid])
        self._distance = wp.array(self.field.reshape(-1, *grid.shape), dtype=wp.float32, device="cpu")
        self._task = _task(forward, turn_deg, _RADIUS_STEPS * forward if goal_radius is None else goal_radius)

    def next_action(self, position: npt.ArrayLike, yaw: float) -> int:
        """Returns the next action towards the goal: 0 stop (there, or no way on), 1 forward, 2 left, 3 right.

        Args:
            position: world (x, y, z) of the agent's feet [m], shape (3,).
            yaw: heading [rad].
        """
        return int(self._walk(np.asarray(position, np.float32)[None], np.array([yaw]), 1)[0][0, 0])

    def actions(self, position: npt.ArrayLike, yaw: float) -> npt.NDArray[np.int32]:
        """Returns all actions from a pose to the goal, stop included, shape (n,); arguments as `next_action`."""
        action, count = self._walk(np.asarray(position, np.float32)[None], np.array([yaw]), self.max_actions)
        return np.asarray(action[0, : count[0]])

    def action_count(self, position: npt.ArrayLike, yaw: float) -> int:
        """Returns the number of actions from a pose to the goal, stop included; arguments as `next_action`."""
        return len(self.actions(position, yaw))

    def action_counts(self, position: npt.ArrayLike, yaw: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Returns the number of actions of many walks, shape (B,), from positions (B, 3) and headings (B,)."""
        points = np.asarray(position, np.float32)
        return self._walk(points, np.asarray(yaw), self.max_actions)[1]

    def _walk(
        self, position: npt.NDArray[np.float32], yaw: npt.ArrayLike, limit: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        if position.ndim != 2 or position.shape[1] != 3:
            raise ValueError(f"a position is (x, y, z), not of shape {position.shape[1:]}")
        count = len(position)
        action = torch.zeros((count, limit), dtype=torch.int32)
        used = torch.zeros(count, dtype=torch.int32)
        inputs = [
            self._bank.arrays,
            self._task,
            self._distance,
            wp.array(position, dtype=wp.float32, device="cpu"),
            wp.array(np.asarray(yaw, np.float32), dtype=wp.float32, device="cpu"),
        ]
        outputs = [wp.from_torch(action), wp.from_torch(used)]
        wp.launch(_follow, dim=count, inputs=inputs, outputs=outputs, device=wp_device("cpu"))
        return action.numpy(), used.numpy()
