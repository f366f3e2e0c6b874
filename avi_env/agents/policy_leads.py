"""Skills led by learned policies: the agent's own map says where to, the policy how."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.geometry import bearing_to, wrap_angle
from avi_env.agents.perception import Perception
from avi_env.agents.policy_agent import PolicyPlayer
from avi_env.agents.route import ways_from
from avi_env.agents.standing import Goal
from avi_env.agents.walking import Moves

__all__ = ["PolicyLead"]

Point = tuple[float, float]

_STOP = 0
_GOAL_STEPS = 8  # after which the goal is picked anew, for what has been seen since


class PolicyLead:
    """A policy that acts for a while in the middle of an episode: each time it is asked, one begins for it.

    Args:
        make_player: makes the policy ready to act, when it is first asked to.
    """

    def __init__(self, make_player: Callable[[], PolicyPlayer]) -> None:
        self._make_player = make_player
        self._player: PolicyPlayer | None = None

    def to_sound(self, mind: Perception, budget: int) -> Moves:
        """Walks until the policy stops: it takes the source to be there."""
        start = mind.pose
        for step in range(budget):
            action = self._action(mind, start, step == 0, {})
            if action == _STOP:
                return "arrived"
            yield action
        return "budget"

    def walk(
        self,
        mind: Perception,
        goal: Goal,
        budget: int,
        cut: Callable[[], bool] = lambda: False,
        hopeful: bool = False,
    ) -> Moves:
        """Walks to a goal picked from the agent's map, as `avi_env.agents.walking.walk` does, until the policy stops.

        The policy is told the goal's distance and azimuth, as the sensor "goal" tells them.
        """
        start, point = mind.pose, None
        for step in range(budget):
            if step % _GOAL_STEPS == 0:
                point = _picked(mind, goal, hopeful)
            if point is None:
                return "unreachable"
            action = self._action(mind, start, step == 0, {"goal": _told(mind, point)})
            if action == _STOP:
                return "arrived"
            yield action
            if cut():
                return "cut"
        return "budget"

    def _action(self, mind: Perception, start: npt.NDArray[np.float64], first: bool, told: dict[str, Any]) -> int:
        if self._player is None:
            self._player = self._make_player()
        seen = {**mind.observation, "pose": _pose_from(start, mind.pose), **told}
        rows = {name: np.asarray(array)[None] for name, array in seen.items()}
        return int(self._player.act(rows, np.array([first]))[0])


def _picked(mind: Perception, goal: Goal, hopeful: bool) -> Point | None:
    """Returns where to go (x, z) [m]: the middle of the cell that the goal picks, None if it finds no way."""
    ways = ways_from(mind.plan(), mind.position, hopeful=True) if hopeful else mind.ways()
    cell = goal(ways)
    return None if cell is None else ways.plan.point_of(cell)


def _told(mind: Perception, point: Point) -> npt.NDArray[np.float32]:
    """Returns a point as the sensor "goal" tells it: straight distance [m], azimuth [rad], left positive."""
    azimuth = wrap_angle(bearing_to(mind.position, point) - mind.yaw)
    return np.array([math.dist(mind.position, point), azimuth], np.float32)


def _pose_from(start: npt.NDArray[np.float64], pose: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Returns a pose (x, y, z, yaw) as seen from another one: a policy's episode begins at the origin, ahead is -z."""
    (x, y, z), yaw = (pose - start)[:3], float(start[3])
    cosine, sine = math.cos(yaw), math.sin(yaw)
    turned = wrap_angle(float(pose[3]) - yaw)
    return np.array([cosine * x - sine * z, y, sine * x + cosine * z, turned], np.float32)
