"""Stable-Baselines3: its VecEnv over the native vector environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv  # noqa: TID253  (this module is loaded when SB3VecEnv is asked for)

from avi_env.envs.adapters.images import uint8_images
from avi_env.envs.vector import AviVectorEnv

__all__ = ["SB3VecEnv"]

Indices = None | int | Iterable[int]

# What a single environment has as an attribute and the vector environment has a row.
_ROW_ATTRIBUTES: dict[str, Callable[[AviVectorEnv, int], Any]] = {
    "episode": lambda envs, row: envs.batch.episodes[row],
    "semantic_categories": lambda envs, row: envs.semantic_categories(row),
}


class SB3VecEnv(VecEnv):
    """The native vector environment as Stable-Baselines3 wants it: NumPy, uint8 images, resets within the step.

    Depth and spectrogram become uint8 images as `ImageObservations` makes them, for all rows at once, on the device
    where they are. `infos[i]` has "TimeLimit.truncated", and for a row that ended also "terminal_observation",
    "is_success" and the measures of the episode (`success`, `spl`, ...).

    Args:
        envs: `gym.make_vec(id, num_envs, autoreset="same_step", ...)`, wrapped or not; `output="torch"` saves a
            copy, and `copy=False` another: SB3 needs an observation until the step after it, no longer.
        images: whether depth and spectrogram become images and the waveform is dropped.
        spectrogram_max: log1p magnitude shown as white.
        measures_each_step: whether rows that go on have their measures in `infos` too.

    Raises:
        TypeError: not a native vector environment.
        ValueError: its autoreset mode is not "same_step".
    """

    def __init__(
        self,
        envs: gym.vector.VectorEnv[Any, Any, Any],
        images: bool = True,
        spectrogram_max: float = 4.0,
        measures_each_step: bool = False,
    ) -> None:
        inner = getattr(envs, "unwrapped", envs)
        if not isinstance(inner, AviVectorEnv):
            raise TypeError(
                f"SB3VecEnv takes what gym.make_vec returns for an id of avi_env, not {type(inner).__name__}; for "
                f"environments in processes of their own use SubprocVecEnv over ImageObservations(gym.make(...))"
            )
        if inner.metadata["autoreset_mode"] is not AutoresetMode.SAME_STEP:
            raise ValueError("Stable-Baselines3 resets within the step: make_vec(..., autoreset='same_step')")
        self.envs = envs
        self._inner = inner
        self._images = uint8_images(envs.single_observation_space, spectrogram_max) if images else None
        space = self._images.space if self._images else envs.single_observation_space
        self._measures_each_step = measures_each_step
        self._action: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        super().__init__(envs.num_envs, space, envs.single_action_space)

    def reset(self) -> dict[str, npt.NDArray[Any]]:
        """Starts an episode in every row, with the seeds and options last given; option "episode" is one a row.

        Raises:
            ValueError: other options differ between rows.
        """
        episodes = [options.pop("episode", None) for options in self._options]
        if any(options != self._options[0] for options in self._options):
            raise ValueError("the rows of one batch share all options of a reset but 'episode'")
        given = {**self._options[0], "episode": episodes} if any(episodes) else self._options[0]
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        observation, info = self.envs.reset(seed=seeds, options=given)  # type: ignore[arg-type]
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = _rows(info, self.num_envs)
        return self._arrays(observation)

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Keeps the actions for `step_wait`."""
        self._action = actions

    def step_wait(
        self,
    ) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Acts in every row."""
        observation, reward, terminated, truncated, info = self.envs.step(self._action)
        ended, cut = _array(terminated) | _array(truncated), _array(truncated) & ~_array(terminated)
        infos = _rows(info, self.num_envs) if self._measures_each_step else [{} for _ in range(self.num_envs)]
        for one, flag in zip(infos, cut.tolist(), strict=True):
            one["TimeLimit.truncated"] = flag
        if ended.any():
            self._add_endings(infos, info, np.flatnonzero(ended))
        return self._arrays(observation), _array(reward).astype(np.float32), ended, infos

    def close(self) -> None:
        """Closes the vector environment."""
        self.envs.close()

    def get_images(self) -> Sequence[npt.NDArray[np.uint8] | None]:
        """Returns what each agent sees, or None for each without render_mode="rgb_array"."""
        frames: Any = self.envs.render()
        return [None] * self.num_envs if frames is None else list(frames)

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Returns an attribute: "episode" and "semantic_categories" by row, others are the same for every row."""
        rows = list(self._get_indices(indices))
        if attr_name in _ROW_ATTRIBUTES:
            return [_ROW_ATTRIBUTES[attr_name](self._inner, row) for row in rows]
        return [getattr(self.envs, attr_name)] * len(rows)

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Sets an attribute of all rows, which share one environment.

        Raises:
            ValueError: only some rows are named.
        """
        if set(self._get_indices(indices)) != set(range(self.num_envs)):
            raise ValueError(f"the rows of one batch share {attr_name!r}: set it without indices")
        setattr(self._inner, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls a method of the vector environment once and returns its result for each row; "render" by row."""
        rows = list(self._get_indices(indices))
        result = getattr(self.envs, method_name)(*method_args, **method_kwargs)
        if method_name == "render" and result is not None:
            return [result[row] for row in rows]
        return [result] * len(rows)

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """Whether the vector environment is wrapped by a class, for each row."""
        layer, found = self.envs, False
        while isinstance(layer, gym.vector.VectorWrapper):
            found, layer = found or isinstance(layer, wrapper_class), layer.env
        return [found] * len(list(self._get_indices(indices)))

    def _arrays(self, observation: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        seen = self._images.convert(observation) if self._images else observation
        return {name: _array(value) for name, value in seen.items()}

    def _add_endings(self, infos: list[dict[str, Any]], info: dict[str, Any], rows: npt.NDArray[np.int64]) -> None:
        """Adds to the infos of rows that ended what they last saw and how they did."""
        last = self._arrays({name: value[rows] for name, value in info["final_obs"].items()})
        measures = _rows({name: value[rows] for name, value in info["final_info"].items()}, len(rows))
        for place, row in enumerate(rows.tolist()):
            infos[row].update(measures[place])
            infos[row]["is_success"] = measures[place]["success"]
            infos[row]["terminal_observation"] = {name: value[place] for name, value in last.items()}


def _array(value: Any) -> npt.NDArray[Any]:
    """Returns a NumPy view of an array or of a tensor on the host, and a copy of one on a device."""
    array: npt.NDArray[Any] = value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return array


def _rows(info: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Returns the measures of an info of arrays as one dictionary a row; masks and final things are left out."""
    names = [name for name, value in info.items() if not name.startswith(("_", "final_")) and len(value) == count]
    columns = [_array(info[name]).tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)] or [
        {} for _ in range(count)
    ]
