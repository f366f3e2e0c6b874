"""The expert that imitation learns from: shortest paths over the true grids, for all rows of a batch. Privileged."""

from __future__ import annotations

import torch

from avi_env.envs.batch import EnvBatch
from avi_env.navigation.follower import next_actions
from avi_env.tasks.transition import COUNTS, NUMBERS, SLOTS

__all__ = ["HINTS", "expert_actions", "goal_hints"]

HINTS = ("sine", "cosine", "log_distance")
"""What is hinted at: the azimuth of the goal's straight direction, and log2(1 + geodesic distance / 1 m)."""

_SEAT, _HOME, _DISTANCE = COUNTS.index("seat"), SLOTS.index("home_index"), NUMBERS.index("distance")


def expert_actions(batch: EnvBatch, goal_radius: float) -> torch.Tensor:
    """Returns the action of the shortest path to every row's goal, shape (N,), int64.

    Args:
        batch: the environments, after a reset.
        goal_radius: geodesic distance to the goal [m] within which it stops.
    """
    columns, state = batch.tables.columns, batch.state
    return next_actions(
        batch.world.grids,
        batch.world.goals.fields,
        columns.counts[_SEAT],
        columns.slots[_HOME],
        state.position,
        state.yaw,
        forward=batch.config.forward,
        turn_deg=batch.config.turn_deg,
        goal_radius=goal_radius,
    )


def goal_hints(batch: EnvBatch) -> torch.Tensor:
    """Returns where every row's goal is, as `HINTS`, shape (N, 3), float32."""
    state = batch.state
    place = state.source[:, 0] if batch.config.played.goal == "sound" else state.goal
    shift = place - state.position
    azimuth = torch.atan2(-shift[:, 0], -shift[:, 2]) - state.yaw
    distance = batch.tables.columns.numbers[_DISTANCE].clamp(0.0, 100.0)
    return torch.stack([torch.sin(azimuth), torch.cos(azimuth), torch.log2(1.0 + distance)], dim=1)
