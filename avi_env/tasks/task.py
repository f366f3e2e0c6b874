"""A task as data: what is sought, how it is answered, what that is worth, and the environment that it is played in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ANSWERS", "GOALS", "NavRules", "Task"]

GOALS = ("sound", "point", "category")
"""What an episode leads to: what sounds, a place on the floor, or any object of a category."""

ANSWERS = ("stop", "estimates", "options")
"""How an agent answers: it stops; it estimates at each step where the sound is; it chooses among options."""


@dataclass(frozen=True)
class NavRules:
    """What success is and what steps are worth; the defaults are SoundSpaces' AudioNav."""

    success_distance: float = 1.0
    """Stopping nearer to the goal than this succeeds [m], geodesic, strict."""
    step_penalty: float = 0.01
    """Taken from the reward at every step."""
    progress_weight: float = 1.0
    """Reward per metre of geodesic distance gained."""
    success_reward: float = 10.0
    """Reward of a successful stop, of the right option, or of an estimate whose class and azimuth are right."""
    azimuth_tolerance: float = 20.0
    """An estimate is right within this [degrees]."""
    range_reward: float = 0.0
    """Further reward of a right estimate whose distance is exact; less in proportion to its relative error."""


@dataclass(frozen=True)
class Task:
    """One registered environment: everything in which it differs from the others."""

    name: str
    """ "AudioNav": its Gymnasium id is "avi_env/AudioNav-v0"."""
    summary: str
    """One line."""
    goal: str = "sound"
    """One of `GOALS`."""
    answers: str = "stop"
    """One of `ANSWERS`."""
    rules: NavRules = NavRules()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of the environment that hold where the user gives none."""
    max_episode_steps: int = 500
    """Actions after which an episode is truncated."""
