"""The vector environment: the native batched core behind Gymnasium's vector interface."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from avi_env.envs.batch import EnvBatch
from avi_env.envs.config import EnvConfig
from avi_env.envs.spaces import action_space, observation_space

__all__ = ["AviVectorEnv"]

MODES = {
    "next_step": AutoresetMode.NEXT_STEP,
    "same_step": AutoresetMode.SAME_STEP,
    "disabled": AutoresetMode.DISABLED,
}


class AviVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    """N environments in one batch; the vector entry point of every registered id.

    Row i of `reset(seed=s)` is the single environment seeded s + i, whatever N. With `output="torch"` arrays are
    tensors on `device`; otherwise NumPy copies.
    """

    def __init__(
        self, num_envs: int = 1, max_episode_steps: int = 500, render_mode: str | None = None, **keywords: Any
    ) -> None:
        config = EnvConfig.from_keywords(keywords)
        self.config = config
        self.num_envs = num_envs
        self.max_episode_steps = max_episode_steps
        self.render_mode = render_mode
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": 4,
            "autoreset_mode": MODES[config.autoreset],
        }
        self.single_observation_space = observation_space(config)
        self.single_action_space = action_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.batch = EnvBatch(config, num_envs)
        self._finished = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode in every row, or in the rows of options["reset_mask"] (bool, shape (num_envs,))."""
        super().reset(seed=seed if isinstance(seed, int) else None)
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool)), dtype=bool)
        if mask.shape != (self.num_envs,):
            raise ValueError(f"reset_mask must have shape ({self.num_envs},), not {mask.shape}")
        self._seed(seed)
        self.batch.reset(np.flatnonzero(mask).tolist(), {})
        self._finished &= ~mask
        return self._arrays(self.batch.observe()), self._info()

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Acts in every row; rows that ended are reset as the autoreset mode says."""
        mode = self.metadata["autoreset_mode"]
        if mode is AutoresetMode.DISABLED and self._finished.any():
            ended = np.flatnonzero(self._finished).tolist()
            raise RuntimeError(f"rows {ended} have ended: reset them with options={{'reset_mask': mask}}")
        due = self._finished.copy() if mode is AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, dtype=bool)
        outcome = self.batch.step(actions, ignore=due)
        if due.any():
            self.batch.reset(np.flatnonzero(due).tolist(), {})
        truncated = (self.batch.state.step_count >= self.max_episode_steps) & ~outcome.terminated
        self._finished = (outcome.terminated | truncated).cpu().numpy()
        final: dict[str, Any] = {}
        if mode is AutoresetMode.SAME_STEP and self._finished.any():
            final = self._final()
            self.batch.reset(np.flatnonzero(self._finished).tolist(), {})
        observation = self._arrays(self.batch.observe())
        flags = (self._array(outcome.reward), self._array(outcome.terminated), self._array(truncated))
        return observation, *flags, {**self._info(), **final}

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """Returns what each agent sees, 256 x 256."""
        return None if self.render_mode is None else tuple(self.batch.picture(i, 256) for i in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Frees the device tables."""
        self.batch.close()

    def semantic_categories(self, row: int) -> tuple[str, ...]:
        """Category of each object id in the semantic image of a row's present scene."""
        return self.batch.semantic_categories(row)

    def _seed(self, seed: int | list[int | None] | None) -> None:
        if isinstance(seed, int):
            self.batch.seed([seed + i for i in range(self.num_envs)])
        elif seed is not None:
            self.batch.seed(list(seed))
        elif self.batch.seeds[0] is None:
            start = int(self.np_random.integers(2**62))
            self.batch.seed([start + i for i in range(self.num_envs)])

    def _final(self) -> dict[str, Any]:
        """Returns the last observation and info of rows that end here, dense over all rows, with their mask."""
        return {
            "final_obs": self._arrays(self.batch.observe()),
            "_final_obs": self._finished.copy(),
            "final_info": self._info(),
            "_final_info": self._finished.copy(),
        }

    def _info(self) -> dict[str, Any]:
        everyone = np.ones(self.num_envs, dtype=bool)
        info: dict[str, Any] = {}
        for name, value in self.batch.info().items():
            info[name] = self._array(value)
            info[f"_{name}"] = everyone
        return info

    def _arrays(self, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
        return {name: self._array(value) for name, value in tensors.items()}

    def _array(self, tensor: torch.Tensor) -> Any:
        return tensor.clone() if self.config.output == "torch" else tensor.cpu().numpy().copy()
