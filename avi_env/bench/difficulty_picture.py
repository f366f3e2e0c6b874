"""What the knobs of difficulty do to one observation, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.bench.sound_picture import depth_picture, sound_picture
from avi_env.envs import AviEnv

__all__ = ["DISTURBED", "difficulty_picture"]

Picture = npt.NDArray[np.uint8]

DISTURBED: dict[str, Any] = {"image_noise": 20.0, "depth_noise": 0.02, "noise_level": 45.0, "reverberation": 2.0}
"""The knobs of the lower row."""

_SCENE, _SEED, _SOUND = "house:7", 3, "phone"
_TURNS = (2,) * 6  # actions before the observation that is shown
_SIDE = 200  # [px]


def difficulty_picture() -> Picture:
    """Returns colours, depth and the left ear's last second: above undisturbed, below by `DISTURBED`, (400, 800, 3)."""
    return np.concatenate([_row({}), _row(DISTURBED)], axis=0)


def _row(knobs: dict[str, Any]) -> Picture:
    env = AviEnv(scene=_SCENE, sounds=_SOUND, width=_SIDE, height=_SIDE, **knobs)
    observation, _ = env.reset(seed=_SEED)
    for action in _TURNS:
        observation, *_ = env.step(action)
    rate = env.config.sample_rate
    env.close()
    sound = sound_picture(observation["audio"][0], rate, 2 * _SIDE, _SIDE)
    return np.concatenate([observation["rgb"], depth_picture(observation["depth"]), sound], axis=1)
