"""What happens in a step without the agent's doing: doors turn, sounds walk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from avi_env.envs.world import World
from avi_env.state import State

__all__ = ["follow_sources", "turn_doors"]


def turn_doors(world: World, state: State, seconds: npt.NDArray[np.float64]) -> State:
    """Returns the state with each row in its scene as the doors stand now.

    Args:
        world: scenes and doors.
        state: before the step.
        seconds: time at the end of the step since each row's first observation [s], shape (N,).
    """
    due = world.doors.due(seconds)
    if not due:
        return state
    feet = state.position[due].cpu().numpy().astype(np.float64)
    scene_index = state.scene_index.clone()
    for row, place in zip(due, feet, strict=True):
        scene_index[row] = world.turn_doors(row, float(seconds[row]), place)
    return replace(state, scene_index=scene_index)


def follow_sources(world: World, state: State, seconds: npt.NDArray[np.float64]) -> State:
    """Returns the state with sources and goals where they have walked to; arguments as for `turn_doors`."""
    source, goal = world.goals.follow(world.grids, seconds, state.source, state.goal)
    return state if source is state.source else replace(state, source=source, goal=goal)
