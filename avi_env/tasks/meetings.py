"""Where a goal that walks can be met by somebody who has to turn on the way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.navigation import ShortestPathFollower, WalkableGrid
from avi_env.scene import Scene
from avi_env.tasks.episodes import meeting_points
from avi_env.tasks.walks import Walk

__all__ = ["RADIUS_STEPS", "Meeting", "walker_meeting"]

RADIUS_STEPS = 0.75
"""Forward steps from the goal at which the follower stops that `Episode.oracle_actions` counts."""

_PACES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # shares of full speed that turns may leave of it on the way to a walker


class Meeting(NamedTuple):
    """How to come to a walker."""

    follower: ShortestPathFollower
    """Walks to where it is met."""
    distance: float
    """How far away that is [m]."""
    seconds: float
    """When both are there, from now on [s]."""


def walker_meeting(
    scene: Scene,
    grid: WalkableGrid,
    pose: tuple[npt.NDArray[np.floating[Any]], float],
    walk: Walk,
    *,
    forward: float,
    turn_deg: float,
    step_seconds: float,
) -> Meeting:
    """Returns the first place where an agent, turns and all, is in time for a walker.

    Args:
        scene: the scene.
        grid: where agents walk in it.
        pose: position [m], shape (3,), and yaw [rad] of the agent.
        walk: of the goal, from now on.
        forward: length of a forward action [m].
        turn_deg: angle of a turn action [degrees].
        step_seconds: time of an action [s].
    """
    for pace in _PACES:
        speed = pace * forward / step_seconds
        goals, distance = meeting_points(scene, grid, np.asarray(pose[0], dtype=np.float32), walk, speed)
        follower = ShortestPathFollower(grid, goals, forward, turn_deg, goal_radius=RADIUS_STEPS * forward)
        arrival = follower.action_count(*pose) * step_seconds
        if arrival <= distance / speed:
            break
    return Meeting(follower, distance, max(arrival, distance / speed))
