"""A step agent that acts by a learned policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from avi_env.agents.policy_input import check_body, policy_input
from avi_env.agents.step_agent import Briefing, Observation
from avi_env.envs.config import EnvConfig

if TYPE_CHECKING:
    from avi_env.policies.policy import Policy

__all__ = ["PolicyAgent", "PolicyPlayer"]


class PolicyPlayer:
    """A policy in an environment that need not be quite as the one it was trained in.

    Args:
        name: of the policy.
        policy: the policy.
        config: the environment's settings.
        told: observation keys that the caller adds to the environment's.

    Raises:
        ValueError: it cannot act there; the message says which keyword the environment needs.
    """

    def __init__(self, name: str, policy: Policy, config: EnvConfig, told: tuple[str, ...] = ()) -> None:
        self._policy, self._config = policy, config
        self._trained = policy.spec.config
        check_body(name, tuple(key for key in policy.sensors if key not in told), self._trained, config)
        self._memory: Any = None
        self._count = 0

    def act(self, observation: Observation, first: npt.NDArray[np.bool_], seed: int | None = None) -> Any:
        """Returns an action (0 stop, 1 forward, 2 left, 3 right) of each row, shape (B,).

        Args:
            observation: arrays with leading dimension B, the same in every call.
            first: in which rows an episode begins, shape (B,).
            seed: draws the actions from the policy's probabilities; None = as the policy's `ChoiceSettings` say.
        """
        import torch

        if self._memory is None or self._count != len(first):
            self._memory, self._count = self._policy.begin(len(first)), len(first)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        seen = policy_input(observation, tuple(self._policy.sensors), self._trained, self._config)
        actions, self._memory = self._policy.act(seen, self._memory, torch.from_numpy(first), generator=generator)
        return actions.numpy()


class PolicyAgent:
    """Acts by a learned policy: as the policy's `ChoiceSettings` say, or drawn from its probabilities.

    Args:
        policy: a name of policies/, or the path of an own folder.
        greedy: whether the policy's own settings choose, the same in every run, rather than chance.

    Raises:
        ValueError: no such policy.
    """

    privileged = False

    def __init__(self, policy: str | Path = "av_nav", greedy: bool = True) -> None:
        from avi_env.policies.files import load_policy

        self.name = Path(policy).name
        self.sensors: tuple[str, ...]
        self._policy, self._greedy = load_policy(policy), greedy
        self.sensors = tuple(self._policy.sensors)
        self._player: PolicyPlayer | None = None
        self._config: EnvConfig | None = None
        self._rng = np.random.default_rng(0)
        self._first = np.ones(1, dtype=bool)

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode.

        Raises:
            ValueError: the policy cannot act in this environment; the message says which keyword it needs.
        """
        self._begin(briefing, 1)
        self._rng, self._first[:] = np.random.default_rng(seed), True

    def act(self, observation: Observation) -> np.int64:
        """Returns the next action."""
        return np.int64(self._act({name: observation[name][None] for name in self.sensors})[0])

    def reset_rows(self, rows: Sequence[int], count: int, briefings: Sequence[Briefing], seeds: Sequence[int]) -> None:
        """Begins an episode in some rows of a batch of `count`; the others go on.

        Raises:
            ValueError: as `reset`; or actions are drawn, which would depend on the batch.
        """
        if not self._greedy:
            raise ValueError(f"agent {self.name!r} draws its actions, one environment at a time: leave out --batch")
        for briefing in briefings:
            self._begin(briefing, count)
        self._first[list(rows)] = True

    def act_rows(self, observation: Observation, rows: Sequence[int]) -> npt.NDArray[np.int64]:
        """Returns the next actions of some rows, shape (len(rows),), from the arrays of all rows.

        They are those it would take alone, but for rounding: logits differ by about 1e-7 of their size.
        """
        return np.asarray(self._act(observation)[list(rows)])

    def _begin(self, briefing: Briefing, count: int) -> None:
        if not isinstance(briefing.action_space, gym.spaces.Discrete):
            raise ValueError(f"agent {self.name!r} moves and stops, and {briefing.task} wants {briefing.action_space}")
        if self._player is None or self._config != briefing.config:
            self._player, self._config = PolicyPlayer(self.name, self._policy, briefing.config), briefing.config
        if len(self._first) != count:
            self._first = np.ones(count, dtype=bool)

    def _act(self, observation: Observation) -> npt.NDArray[np.int64]:
        assert self._player is not None, "reset comes first"
        seed = None if self._greedy else int(self._rng.integers(2**62))
        actions: npt.NDArray[np.int64] = self._player.act(observation, self._first, seed)
        self._first = np.zeros_like(self._first)
        return actions
