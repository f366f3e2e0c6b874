"""What a step of navigation is worth, over arrays."""

from __future__ import annotations

from typing import NamedTuple

import torch

from avi_env.tasks.task import NavRules

__all__ = ["Outcome", "evaluate"]


class Outcome(NamedTuple):
    """What one step meant, shapes (B,)."""

    reward: torch.Tensor
    success: torch.Tensor
    """Stopped within reach."""
    terminated: torch.Tensor
    """Stopped anywhere."""


def evaluate(stopped: torch.Tensor, distance: torch.Tensor, previous_distance: torch.Tensor, task: NavRules) -> Outcome:
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
