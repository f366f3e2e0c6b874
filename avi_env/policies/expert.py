"""The expert that imitation learns from: shortest paths over the true grids, for all rows of a batch. Privileged."""

from __future__ import annotations

from typing import NamedTuple

import torch

from avi_env.envs.batch import EnvBatch
from avi_env.navigation.follower import next_actions
from avi_env.tasks.transition import COUNTS, NUMBERS, SLOTS

__all__ = ["HINTS", "Advice", "expert_advice"]

HINTS = ("goal_sine", "goal_cosine", "way_sine", "way_cosine", "log_distance")
"""What is hinted at: the azimuth of the straight line to the goal and that of the shortest way's next step, both
counter-clockwise from ahead, and log2(1 + geodesic distance / 1 m)."""

_SEAT, _HOME, _DISTANCE = COUNTS.index("seat"), SLOTS.index("home_index"), NUMBERS.index("distance")


class Advice(NamedTuple):
    """What the expert says to N agents."""

    action: torch.Tensor
    """What it would do, shape (N,), int64."""
    hints: torch.Tensor
    """Where the goal is, as `HINTS`, shape (N, 5), float32."""


def expert_advice(batch: EnvBatch, goal_radius: float) -> Advice:
    """Returns what the shortest path to every row's goal advises.

    Args:
        batch: the environments, after a reset.
        goal_radius: geodesic distance to the goal [m] within which it stops.
    """
    columns, state = batch.tables.columns, batch.state
    action, turn = next_actions(
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
    place = state.source[:, 0] if batch.config.played.goal == "sound" else state.goal
    shift = place - state.position
    azimuth = torch.atan2(-shift[:, 0], -shift[:, 2]) - state.yaw
    distance = torch.log2(1.0 + columns.numbers[_DISTANCE].clamp(0.0, 100.0))
    told = [torch.sin(azimuth), torch.cos(azimuth), torch.sin(turn), torch.cos(turn), distance]
    return Advice(action, torch.stack(told, dim=1))
