"""Wrappers of vector environments with dictionary observations, for every autoreset mode, NumPy and torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space

from avi_env.content import name_error

__all__ = ["FlattenObservation", "FrameStack"]

Observation = dict[str, Any]


class FrameStack(VectorWrapper[Any, Any, Any, Any, Any]):
    """Shows the last few observations of each row at once, oldest first, on a new axis after that of the rows.

    A row that begins an episode has its first observation in every place. `info["final_obs"]` is stacked too. Gymnasium
    has no such wrapper for vector environments.

    Args:
        envs: a vector environment with dictionary observations.
        frames: number of observations shown.
        keys: what is stacked; all of the space if not given. The rest passes unchanged.

    Raises:
        TypeError: the observations are not a dictionary of boxes.
        ValueError: an unknown key, or fewer than one frame.
    """

    def __init__(
        self, envs: gym.vector.VectorEnv[Any, Any, Any], frames: int = 4, keys: Sequence[str] | None = None
    ) -> None:
        super().__init__(envs)
        if frames < 1:
            raise ValueError(f"frames must be at least 1, got {frames}")
        boxes = _boxes(envs.single_observation_space)
        self.frames, self.keys = frames, _known_keys(boxes, keys)
        spaces: dict[str, gym.Space[Any]] = {**boxes}
        for key in self.keys:
            box = boxes[key]
            low, high = (np.repeat(bound[None], frames, axis=0) for bound in (box.low, box.high))
            spaces[key] = gym.spaces.Box(low, high, dtype=box.dtype.type)
        self.single_observation_space = gym.spaces.Dict(spaces)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._next_step = envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        self._stack: Observation = {}
        self._ended: Any = None

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Starts episodes; rows outside options["reset_mask"] keep what they have seen."""
        observation, info = self.env.reset(seed=seed, options=options)
        mask = (options or {}).get("reset_mask")
        if mask is None or not self._stack:
            self._stack = {key: _repeated(observation[key], self.frames) for key in self.keys}
        else:
            self._begin(observation, mask)
        self._ended = None
        return {**observation, **self._stack}, info

    def step(self, actions: Any) -> tuple[Observation, Any, Any, Any, dict[str, Any]]:
        """Acts in every row."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        same_step = "final_obs" in info
        last = info["final_obs"] if same_step else observation
        self._stack = {key: _joined([self._stack[key][:, 1:], last[key][:, None]], axis=1) for key in self.keys}
        if same_step:
            info = {**info, "final_obs": {**last, **self._stack}}
        begun = (terminated | truncated) if same_step else self._ended
        if begun is not None:
            self._begin(observation, begun)
        self._ended = (terminated | truncated) if self._next_step else None
        return {**observation, **self._stack}, reward, terminated, truncated, info

    def _begin(self, observation: Observation, rows: Any) -> None:
        """Fills the places of some rows (bool, shape (N,)) with their present observation."""
        if not isinstance(rows, torch.Tensor) and not np.any(rows):
            return
        self._stack = {
            key: _chosen(rows, _repeated(observation[key], self.frames), old) for key, old in self._stack.items()
        }


class FlattenObservation(VectorWrapper[Any, Any, Any, Any, Any]):
    """Joins chosen observations of each row to one vector, shape (N, D), in the order of the keys.

    The type stays what it is if all keys have the same one, otherwise it is float32. Gymnasium's wrapper of this name
    treats rows one by one and refuses the autoreset mode "same_step".

    Args:
        envs: a vector environment with dictionary observations.
        keys: what is joined; all of the space if not given. The rest is dropped.

    Raises:
        TypeError: the observations are not a dictionary of boxes.
        ValueError: an unknown key.
    """

    def __init__(self, envs: gym.vector.VectorEnv[Any, Any, Any], keys: Sequence[str] | None = None) -> None:
        super().__init__(envs)
        spaces = _boxes(envs.single_observation_space)
        self.keys = _known_keys(spaces, keys)
        types = {spaces[key].dtype for key in self.keys}
        self._dtype = np.dtype(types.pop() if len(types) == 1 else np.float32)
        low, high = (
            np.concatenate([getattr(spaces[key], bound).ravel() for key in self.keys]).astype(self._dtype)
            for bound in ("low", "high")
        )
        self.single_observation_space = gym.spaces.Box(low, high, dtype=self._dtype.type)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts episodes."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._flat(observation), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Acts in every row."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        if "final_obs" in info:
            info = {**info, "final_obs": self._flat(info["final_obs"])}
        return self._flat(observation), reward, terminated, truncated, info

    def _flat(self, observation: Observation) -> Any:
        parts = [observation[key].reshape(self.num_envs, -1) for key in self.keys]
        if isinstance(parts[0], torch.Tensor):
            dtype = getattr(torch, self._dtype.name)
            return torch.cat([part.to(dtype) for part in parts], dim=1)
        return np.concatenate(parts, axis=1, dtype=self._dtype, casting="unsafe")


def _boxes(space: gym.Space[Any]) -> dict[str, gym.spaces.Box]:
    if not isinstance(space, gym.spaces.Dict) or not all(isinstance(s, gym.spaces.Box) for s in space.spaces.values()):
        raise TypeError(f"this wrapper takes observations that are a dictionary of boxes, not {space}")
    return dict(space.spaces)  # type: ignore[arg-type]


def _known_keys(spaces: dict[str, gym.spaces.Box], keys: Sequence[str] | None) -> tuple[str, ...]:
    chosen = tuple(spaces) if keys is None else (keys,) if isinstance(keys, str) else tuple(keys)
    for key in chosen:
        if key not in spaces:
            raise name_error("observation key", key, tuple(spaces))
    return chosen


def _repeated(value: Any, count: int) -> Any:
    """Returns (N, ...) as (N, count, ...)."""
    if isinstance(value, torch.Tensor):
        return value[:, None].repeat_interleave(count, dim=1)
    return np.repeat(value[:, None], count, axis=1)


def _joined(parts: list[Any], axis: int) -> Any:
    return torch.cat(parts, dim=axis) if isinstance(parts[0], torch.Tensor) else np.concatenate(parts, axis=axis)


def _chosen(rows: Any, new: Any, old: Any) -> Any:
    """Returns `new` in the rows that are marked and `old` in the others."""
    shape = (len(rows),) + (1,) * (new.ndim - 1)
    if isinstance(new, torch.Tensor):
        return torch.where(torch.as_tensor(rows, device=new.device).reshape(shape), new, old)
    return np.where(np.asarray(rows).reshape(shape), new, old)
