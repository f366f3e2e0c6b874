"""Where observations are written that the caller need not keep: two sets of buffers that take turns."""

from __future__ import annotations

import gymnasium as gym
import torch
from gymnasium.vector.utils import batch_space

from avi_env.envs.config import EnvConfig
from avi_env.envs.spaces import observation_space

__all__ = ["Buffers"]


class Buffers:
    """Two sets of buffers for the observations of N rows: one set is written while the one before can still be read."""

    def __init__(self, config: EnvConfig, count: int, device: torch.device) -> None:
        self._sets = (_buffers(config, count, device), _buffers(config, count, device))
        self._turn = 0

    @property
    def nbytes(self) -> int:
        """Memory of both sets [bytes]."""
        return sum(tensor.nbytes for buffers in self._sets for tensor in buffers.values())

    def take(self) -> dict[str, torch.Tensor]:
        """Returns the set that was taken the call before the last one, to be written."""
        self._turn = 1 - self._turn
        return self._sets[self._turn]


def _buffers(config: EnvConfig, count: int, device: torch.device) -> dict[str, torch.Tensor]:
    spaces = batch_space(observation_space(config), count)
    assert isinstance(spaces, gym.spaces.Dict)
    return {
        name: torch.zeros(space.shape or (), dtype=getattr(torch, str(space.dtype)), device=device)
        for name, space in spaces.items()
    }
