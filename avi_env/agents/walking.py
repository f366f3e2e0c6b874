"""Walking over the agent's own map: the moves that skills are made of, as generators of ordinary actions.

A move yields one action at a time; whoever drives it carries the action out and feeds the new observation to the
`Perception` before asking for the next. It returns how the move ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Literal

import numpy as np
import numpy.typing as npt

from avi_env.agents.geometry import bearing_to, wrap_angle
from avi_env.agents.perception import Perception
from avi_env.agents.route import TURN, WalkPlan, steer, ways_from
from avi_env.agents.standing import Goal

__all__ = ["MoveEnd", "Moves", "face", "turn_by", "walk"]

Point = tuple[float, float]
MoveEnd = Literal["arrived", "unreachable", "budget", "cut"]
Moves = Generator[int, None, MoveEnd]

LEFT, RIGHT = 2, 3
_REPLAN = 4  # steps after which the way is planned anew, for what has been seen since
_STUCK_STEPS, _STUCK_M = 10, 0.15  # so many walking steps within so little space: forgive the bumps, start afresh


def turn_by(steps: int) -> Moves:
    """Turns on the spot by a number of 15 degree steps, left when positive."""
    for _ in range(abs(steps)):
        yield LEFT if steps > 0 else RIGHT
    return "arrived"


def face(mind: Perception, point: Point, budget: int = 24) -> Moves:
    """Turns towards an (x, z) point [m]."""
    steps = round(wrap_angle(bearing_to(mind.position, point) - mind.yaw) / TURN)
    return (yield from turn_by(max(-budget, min(budget, steps))))


def walk(
    mind: Perception,
    goal: Goal,
    budget: int,
    cut: Callable[[], bool] = lambda: False,
    hopeful: bool = False,
) -> Moves:
    """Walks to a goal that is chosen anew, from the map as known then, each time the way is planned.

    Args:
        mind: what the agent knows; whoever drives the move keeps it up to date.
        goal: picks the cell to go to out of the ways from here, None = cannot be reached.
        budget: most actions.
        cut: asked after each action whether to break off.
        hopeful: plan through the unseen, too; the way ends where the known ends.
    """
    path: npt.NDArray[np.float64] | None = None
    plan: WalkPlan | None = None
    age = 0
    trail: list[Point] = []
    for _ in range(budget):
        if path is None or plan is None or age >= _REPLAN or mind.bumped:
            ways = ways_from(mind.plan(), mind.position, hopeful=True) if hopeful else mind.ways()
            cell = goal(ways)
            if cell is None:
                return "unreachable"
            path, plan, age = ways.path_to(cell), ways.plan, 0
        action = steer(plan, path, mind.position, mind.yaw)
        if action == 0:
            return "arrived"
        yield action
        age += 1
        trail = [*trail, mind.position][-_STUCK_STEPS:]
        if _is_stuck(trail, mind):
            mind.house.forgive(mind.pose)
            trail, path = [], None
        if cut():
            return "cut"
    return "budget"


def _is_stuck(trail: list[Point], mind: Perception) -> bool:
    if len(trail) < _STUCK_STEPS or not mind.bumped:
        return False
    spread = np.ptp(np.asarray(trail), axis=0)
    return bool(math.hypot(*spread) < _STUCK_M)
