"""PufferLib: its native environment over the native vector environment, written into PufferLib's buffers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from avi_env.envs.adapters.vector_wrappers import FlattenObservation

try:
    import pufferlib
except ImportError as error:
    raise ImportError("PufferVecEnv needs PufferLib 3: pip install 'avi-env[puffer]'") from error

__all__ = ["PufferVecEnv"]

_FIXED = {"autoreset": "same_step", "output": "torch"}


class PufferVecEnv(pufferlib.PufferEnv):  # type: ignore[misc]
    """N environments as one PufferEnv with N agents: observations flat, everything written into given buffers.

    Rows are reset within the step, as PufferLib's own environments do; `infos` is a list with one dictionary for each
    episode that ended in the step: "episode_return", "episode_length" and its measures (`success`, `spl`, ...).

    Args:
        env_id: a registered id.
        num_envs: rows, PufferLib's `num_agents`.
        keys: observations that are joined to one vector; all of the space if not given.
        buf: PufferLib's shared buffers; own ones if not given.
        seed: row i has seed * num_envs + i: PufferLib numbers its environments, and no two of them share a row's seed.
        keywords: of `gym.make_vec`.

    Raises:
        ValueError: keywords set the autoreset mode or the kind of output, which PufferLib fixes.
    """

    def __init__(
        self,
        env_id: str = "avi_env/AudioNav-v0",
        num_envs: int = 1,
        keys: Sequence[str] | None = None,
        buf: dict[str, Any] | None = None,
        seed: int | None = 0,
        **keywords: Any,
    ) -> None:
        for name, value in _FIXED.items():
            if name in keywords:
                raise ValueError(f"PufferVecEnv sets {name}={value!r} itself: leave it out")
        options = {"copy": False, **keywords, **_FIXED}  # what comes is written into the buffers at once
        self.envs = FlattenObservation(gym.make_vec(env_id, num_envs=num_envs, **options), keys)
        self.single_observation_space = self.envs.single_observation_space
        self.single_action_space = self.envs.single_action_space
        self.num_agents = num_envs
        self._seed = seed
        self._return = np.zeros(num_envs)
        self._length = np.zeros(num_envs, dtype=np.int64)
        super().__init__(buf)

    def reset(self, seed: int | None = None) -> tuple[npt.NDArray[Any], list[dict[str, float]]]:
        """Starts an episode in every row; without a seed, that of the constructor holds for the first time."""
        chosen, self._seed = self._seed if seed is None else seed, None
        observation, _ = self.envs.reset(seed=None if chosen is None else chosen * self.num_agents)
        self._write(observation, 0.0, False, False)
        self._return[:], self._length[:] = 0.0, 0
        return self.observations, []

    def step(
        self, actions: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], list[dict[str, float]]]:
        """Acts in every row and writes what follows into the buffers."""
        shape = (self.num_agents, *(self.single_action_space.shape or ()))
        observation, reward, terminated, truncated, info = self.envs.step(np.asarray(actions).reshape(shape))
        self._write(observation, reward, terminated, truncated)
        self._return += self.rewards
        self._length += 1
        ended = np.flatnonzero(self.terminals | self.truncations)
        infos = [self._ending(info["final_info"], row) for row in ended.tolist()]
        self._return[ended], self._length[ended] = 0.0, 0
        return self.observations, self.rewards, self.terminals, self.truncations, infos

    def close(self) -> None:
        """Closes the vector environment."""
        self.envs.close()

    def _write(self, observation: Any, reward: Any, terminated: Any, truncated: Any) -> None:
        for buffer, value in (
            (self.observations, observation),
            (self.rewards, reward),
            (self.terminals, terminated),
            (self.truncations, truncated),
        ):
            if isinstance(value, torch.Tensor):
                torch.from_numpy(buffer).copy_(value)
            else:
                buffer[:] = value
        self.masks[:] = True

    def _ending(self, measures: dict[str, Any], row: int) -> dict[str, float]:
        own = {"episode_return": float(self._return[row]), "episode_length": float(self._length[row])}
        return own | {name: float(value[row]) for name, value in measures.items() if not name.startswith("_")}
