"""Actions on their way to the kernel: checked where they come from the host, then one number a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.envs.config import EnvConfig
from avi_env.envs.spaces import ACTIONS
from avi_env.tasks.audio_visual_qa import ANSWER
from avi_env.tasks.questions.question import MOST_OPTIONS
from avi_env.tasks.sound_localization import AZIMUTHS, MOVES, RANGES

__all__ = ["ActionReader"]


class ActionReader:
    """Reads the actions of N environments of one configuration."""

    def __init__(self, config: EnvConfig, count: int, device: torch.device) -> None:
        self._device, self._count, self._answers = device, count, config.played.answers
        self._sizes = np.array([MOVES, AZIMUTHS, RANGES, len(config.target_classes)])
        places = np.cumprod([1, *self._sizes[:-1]])  # of the digits of the number
        self._places = torch.from_numpy(places.astype(np.int64)).to(device)

    def __call__(self, actions: Any) -> torch.Tensor:
        """Returns actions as the kernel takes them, shape (N,), int64, on the device.

        Raises:
            ValueError: another shape; or, for actions that come from the host, a number out of range.
        """
        shape = (self._count, 4) if self._answers == "estimates" else (self._count,)
        if not isinstance(actions, torch.Tensor):
            given = np.asarray(actions)
            if given.shape == shape:
                self._check(given)
            actions = torch.from_numpy(given.astype(np.int64))
        if actions.shape != shape:
            raise ValueError(f"actions must have shape {shape}, not {tuple(actions.shape)}")
        action: torch.Tensor = actions.to(self._device, torch.int64, non_blocking=True).contiguous()
        return (action * self._places).sum(dim=1) if self._answers == "estimates" else action

    def _check(self, given: npt.NDArray[Any]) -> None:
        """Checks numbers that come from the host."""
        if self._answers == "estimates":
            if np.any((given < 0) | (given >= self._sizes)):
                raise ValueError(
                    f"actions must be (move, azimuth, distance, class) below {self._sizes.tolist()}, got {given}: "
                    f"avi_env.tasks.sound_localization.estimate_action makes them"
                )
            return
        last = ANSWER + MOST_OPTIONS - 1 if self._answers == "options" else len(ACTIONS) - 1
        if np.any((given < 0) | (given > last)):
            names = ", ".join(ACTIONS) + (", then the options" if self._answers == "options" else "")
            raise ValueError(f"actions must lie in 0..{last}: {names}; got {given}")
