"""The interface of step agents: an observation goes in, an action comes out, every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy.typing as npt

from avi_env.envs.config import EnvConfig
from avi_env.envs.spaces import action_space

__all__ = ["BatchAgent", "Briefing", "Observation", "PrivilegedAgent", "StepAgent", "make_briefing"]

Observation = Mapping[str, npt.NDArray[Any]]
"""One agent's observation, as a single environment gives it."""


@dataclass(frozen=True)
class Briefing:
    """What an agent may know before the first observation: its task and its own body, nothing of the house."""

    task: str
    """Name of the task, as in `avi_env/<task>-v0`."""
    action_space: gym.Space[Any]
    """What `act` must return a member of."""
    config: EnvConfig
    """The environment's settings; an agent reads of them what concerns its body and sensors (`step_seconds`,
    `forward`, `turn_deg`, `hfov`, `eye_height`, `depth_max`, `sample_rate`, `hrtf`, `agent_radius`,
    `success_distance`), not the scenes."""
    max_steps: int = 500
    """Actions after which the episode is cut."""
    target: str = ""
    """Sound class or object category that is sought, where the task names it."""
    question: str = ""
    """The question, where the task asks one."""
    options: tuple[str, ...] = ()
    """Its answers to choose from."""


@runtime_checkable
class StepAgent(Protocol):
    """Chooses an action for every observation; deterministic given briefing, seed and observations."""

    name: str
    """Name that is printed and logged."""
    privileged: bool
    """Whether it looks at what no agent can know: such an agent has `attach`, too."""
    sensors: tuple[str, ...]
    """Observation keys it reads; the others need not be computed. A key that the task does not offer may be missing."""

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode; all chance comes from the seed."""
        ...

    def act(self, observation: Observation) -> Any:
        """Returns the next action."""
        ...


@runtime_checkable
class PrivilegedAgent(StepAgent, Protocol):
    """A step agent that is shown the simulator: a bound of what can be reached, not a contestant."""

    def attach(self, env: Any, row: int = 0) -> None:
        """Shows it the environment it acts in, after the environment's reset and before its own.

        Args:
            env: an `AviEnv` or a vector environment.
            row: which of the environments it acts in.
        """
        ...


@runtime_checkable
class BatchAgent(StepAgent, Protocol):
    """A step agent that can act in many environments at a time; in each it does what it would do alone."""

    def reset_rows(self, rows: Sequence[int], count: int, briefings: Sequence[Briefing], seeds: Sequence[int]) -> None:
        """Begins an episode in some rows of a batch; the others go on with theirs.

        Args:
            rows: which.
            count: rows of the batch, the same at every call.
            briefings: one for each of `rows`.
            seeds: one for each of `rows`.
        """
        ...

    def act_rows(self, observation: Observation, rows: Sequence[int]) -> npt.NDArray[Any]:
        """Returns the next actions of some rows, in their order, shape (len(rows), ...).

        Args:
            observation: of the whole batch, shape (count, ...) each; other rows than `rows` mean nothing.
            rows: those that play.
        """
        ...


def make_briefing(
    config: EnvConfig,
    *,
    space: gym.Space[Any] | None = None,
    max_steps: int = 500,
    target: str = "",
    question: str = "",
    options: tuple[str, ...] = (),
) -> Briefing:
    """Returns the briefing of an environment's agent.

    Args:
        config: the environment's settings.
        space: its action space, where the task has another than stop, forward, left, right.
        max_steps: actions after which the episode is cut.
        target: sound class or object category that is sought, where the task names it.
        question: the question, where the task asks one.
        options: its answers to choose from.
    """
    chosen = action_space(config) if space is None else space
    task = str(getattr(config, "task", "AudioNav"))
    return Briefing(task, chosen, config, max_steps, target, question, tuple(options))
