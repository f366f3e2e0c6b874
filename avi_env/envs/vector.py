"""The vector environment: the native batched core behind Gymnasium's vector interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from avi_env.envs.batch import EnvBatch, measures
from avi_env.envs.config import EnvConfig
from avi_env.envs.outputs import Buffers
from avi_env.envs.seats import Waits
from avi_env.envs.snapshot import Snapshot
from avi_env.envs.spaces import action_space, observation_space
from avi_env.tasks import Episode
from avi_env.tasks.transition import FLAGS, NUMBERS

__all__ = ["AviVectorEnv"]

MODES = {
    "next_step": AutoresetMode.NEXT_STEP,
    "same_step": AutoresetMode.SAME_STEP,
    "disabled": AutoresetMode.DISABLED,
}

_REWARD = NUMBERS.index("reward")
_TERMINATED, _TRUNCATED = FLAGS.index("terminated"), FLAGS.index("truncated")


class AviVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    """N environments in one batch; the vector entry point of every registered id.

    Row i of `reset(seed=s)` is the single environment seeded s + i, whatever N. With `output="torch"` arrays are
    tensors on `device`; otherwise NumPy arrays. What a call returns is the caller's, unless `copy=False`.
    """

    def __init__(
        self, num_envs: int = 1, max_episode_steps: int = 500, render_mode: str | None = None, **keywords: Any
    ) -> None:
        config = EnvConfig.from_keywords(keywords)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        self.config = config
        self.num_envs = num_envs
        self.max_episode_steps = max_episode_steps
        self.render_mode = render_mode
        self._mode = MODES[config.autoreset]
        self.autoreset_mode = self._mode  # where TorchRL and others look for it
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 4, "autoreset_mode": self._mode}
        self.single_observation_space = observation_space(config)
        self.single_action_space = action_space(config)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        next_step = self._mode is AutoresetMode.NEXT_STEP
        self.batch = EnvBatch(config, num_envs, max_steps=max_episode_steps, next_step=next_step)
        self._buffers = None if config.copy else Buffers(config, num_envs, self.batch.device)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode in every row, or in some.

        Args:
            seed: row i gets `seed` + i; or one seed a row, None = the row goes on with its own.
            options: "reset_mask" (bool, shape (num_envs,)) says in which rows; "episode" gives one `Episode` for all
                of them, or a list of one for each row, None = its next one.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        options = options or {}
        mask = np.asarray(options.get("reset_mask", np.ones(self.num_envs, dtype=bool)), dtype=bool)
        if mask.shape != (self.num_envs,):
            raise ValueError(f"reset_mask must have shape ({self.num_envs},), not {mask.shape}")
        self._seed(seed)
        rows = np.flatnonzero(mask).tolist()
        given = _given(options.get("episode"), rows, self.num_envs)
        self.batch.reset(rows, given)
        if self.config.prefetch:  # a row may end with its first action; who gives episodes will give the next one, too
            self.batch.seats.order(row for row in rows if row not in given)
        return self._observation(), {**self._info(), **self._asked()}

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Acts in every row; rows that ended are reset as the autoreset mode says.

        Raises:
            RuntimeError: autoreset is "disabled" and a row that has ended was not reset.
        """
        if self._mode is AutoresetMode.DISABLED and self.batch.ended.any():
            rows = np.flatnonzero(self.batch.ended).tolist()
            raise RuntimeError(f"rows {rows} have ended: reset them with options={{'reset_mask': mask}}")
        step = self.batch.step(actions)
        numbers, flags = self._copied(step.numbers), self._copied(step.flags)
        if self._mode is AutoresetMode.SAME_STEP:
            observation, info = self._reset_in_step()
        elif self.batch.tables.columns is step:  # no row has begun anew
            observation, info = self._observation(), self._measures(numbers, flags)
        else:
            observation, info = self._observation(), self._info()
        return observation, numbers[_REWARD], flags[_TERMINATED], flags[_TRUNCATED], info

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """Returns what each agent sees, 256 x 256."""
        return None if self.render_mode is None else tuple(self.batch.picture(i, 256) for i in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Lets go of the device tables and of the episodes that are being made ready."""
        self.batch.close()
        self._buffers = None

    def semantic_categories(self, row: int) -> tuple[str, ...]:
        """Category of each object id in the semantic image of a row's present scene."""
        return self.batch.semantic_categories(row)

    @property
    def waits(self) -> Waits:
        """How often and how long steps have waited for an episode that was not ready."""
        return self.batch.seats.waits

    def memory(self) -> dict[str, int]:
        """Returns the size of the tables on the device [bytes], by name; "total" is the sum of all."""
        sizes = self.batch.memory()
        if self._buffers is not None:
            sizes["outputs"] = self._buffers.nbytes
            sizes["total"] += self._buffers.nbytes
        return sizes

    def snapshot(self) -> Snapshot:
        """Returns all that later steps depend on, for `restore`."""
        return self.batch.snapshot()

    def restore(self, snapshot: Snapshot) -> tuple[dict[str, Any], dict[str, Any]]:
        """Goes back to a snapshot of this environment, or of one of the same configuration and number of rows.

        Returns:
            The observation and the info at that moment.
        """
        self.batch.restore(snapshot)
        return self._observation(), self._info()

    def _seed(self, seed: int | list[int | None] | None) -> None:
        seeds: list[int | None] = [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            seeds = [int(seed) + i for i in range(self.num_envs)]
        elif seed is not None:
            seeds = list(seed)
        self.batch.seed(seeds)
        if None in self.batch.seeds:  # as Gymnasium does: what was never seeded is, at random
            start = int(self.np_random.integers(2**62))
            known = self.batch.seeds
            self.batch.seed([start + i if known[i] is None else None for i in range(self.num_envs)])

    def _reset_in_step(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins new episodes where they end; the last observation and info are told of all rows, with their mask."""
        ended = self.batch.ended
        rows = np.flatnonzero(ended).tolist()
        if not rows:
            return self._observation(), self._info()
        final, last = self.batch.observe(), self._info()
        self.batch.reset(rows, {}, in_step=True)
        chosen = torch.tensor(rows, device=self.batch.device)
        fresh = self.batch.observe(rows)
        seen = {name: value.index_copy(0, chosen, fresh[name]) for name, value in final.items()}
        info = {"final_obs": self._arrays(final), "_final_obs": ended, "final_info": last, "_final_info": ended.copy()}
        return self._arrays(seen), {**self._info(), **info}

    def _observation(self) -> dict[str, Any]:
        out = None if self._buffers is None else self._buffers.take()
        return self._arrays(self.batch.observe(out=out))

    def _info(self) -> dict[str, Any]:
        columns = self.batch.tables.columns
        return self._measures(self._copied(columns.numbers), self._copied(columns.flags))

    def _measures(self, numbers: Any, flags: Any) -> dict[str, Any]:
        everyone = np.ones(self.num_envs, dtype=bool)
        info: dict[str, Any] = {}
        for name, value in measures(numbers, flags, self.config.played.answers).items():
            info[name], info[f"_{name}"] = value, everyone
        return info

    def _asked(self) -> dict[str, Any]:
        """The questions of all rows and their options as text, where any are asked."""
        each = [self.batch.asked(row) for row in range(self.num_envs)]
        info: dict[str, Any] = {}
        for name in each[0]:
            texts = np.empty(self.num_envs, dtype=object)
            texts[:] = [one[name] for one in each]
            info[name], info[f"_{name}"] = texts, np.ones(self.num_envs, dtype=bool)
        return info

    def _copied(self, table: torch.Tensor) -> Any:
        """Returns a table of which the state keeps its own."""
        return self._array(table.clone())

    def _arrays(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        return {name: self._array(value) for name, value in tensors.items()}

    def _array(self, tensor: torch.Tensor) -> Any:
        """Returns a tensor that nobody writes to again as the caller wants it: on the CPU without a copy."""
        return tensor if self.config.output == "torch" else tensor.cpu().numpy()


def _given(episode: Any, rows: list[int], count: int) -> dict[int, Episode]:
    """Returns the episodes that a caller wants some rows to play."""
    if episode is None:
        return {}
    each = [episode] * count if isinstance(episode, Episode) else list(episode)
    if len(each) != count:
        raise ValueError(f"options['episode'] is one Episode or a list of {count}, one a row, not of {len(each)}")
    return {row: each[row] for row in rows if each[row] is not None}
