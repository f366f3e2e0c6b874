"""Audio-goal navigation: find the sounding object and stop within reach. Reward and success over arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

__all__ = ["AudioNavTask", "Outcome", "evaluate"]


@dataclass(frozen=True)
class AudioNavTask:
    """Rules of the task; the defaults are SoundSpaces'."""

    success_distance: float = 1.0
    """Stopping nearer to the goal than this succeeds [m], geodesic, strict."""
    step_penalty: float = 0.01
    """Taken from the reward at every step."""
    progress_weight: float = 1.0
    """Reward per metre of geodesic distance gained."""
    success_reward: float = 10.0
    """Reward of a successful stop."""


class Outcome(NamedTuple):
    """What one step meant, shapes (B,)."""

    reward: torch.Tensor
    success: torch.Tensor
    """Stopped within reach."""
    terminated: torch.Tensor
    """Stopped anywhere."""


def evaluate(
    stopped: torch.Tensor, distance: torch.Tensor, previous_distance: torch.Tensor, task: AudioNavTask
) -> Outcome:
    """Returns reward, success and termination of one step.

    Args:
        stopped: whether the agent chose to stop, shape (B,), bool.
        distance: geodesic distance to the goal after the step [m], shape (B,).
        previous_distance: the same before the step [m], shape (B,).
        task: the rules.

    Source: SoundSpaces, ss_baselines/common/environments.py (reward and success of AudioNav).
    """
    success = stopped & (distance < task.success_distance)
    reward = task.progress_weight * (previous_distance - distance) - task.step_penalty
    return Outcome(reward + task.success_reward * success.to(reward.dtype), success, stopped)
