"""Observation and action spaces of one environment, from its configuration."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from avi_env.envs.config import EnvConfig
from avi_env.tasks.audio_visual_qa import ANSWER, OPTION_BYTES, QUESTION_BYTES
from avi_env.tasks.questions.question import MOST_OPTIONS
from avi_env.tasks.sound_localization import AZIMUTHS, MOVES, RANGES

__all__ = ["ACTIONS", "AUDIO_LIMIT", "SPECTROGRAM_LIMIT", "action_space", "observation_space"]

ACTIONS = ("stop", "forward", "left", "right")
"""Names of the discrete actions, by number."""

AUDIO_LIMIT = 200.0
"""Observed pressure is clipped here: 140 dB SPL, above the threshold of pain."""

SPECTROGRAM_LIMIT = 16.0
"""Above log1p of the largest magnitude an STFT of clipped audio has: AUDIO_LIMIT times a window of 400 samples."""

_WORLD_LIMIT = 1.0e4  # [m] far outside any scene: Gymnasium's checker wants finite bounds
_SPECTROGRAM_FFT, _SPECTROGRAM_HOP, _SPECTROGRAM_POOL = 512, 160, 4  # SoundSpaces' recipe (acoustics/spectrogram.py)


def action_space(config: EnvConfig | None = None) -> gym.Space[Any]:
    """Returns the actions of a configuration's task; 0 stop, 1 forward, 2 left, 3 right if none is given.

    Where questions are asked, the options follow as 4, 5 ...; where sounds are localized, an action is (that number,
    azimuth, distance, class), see `avi_env.tasks.sound_localization`.
    """
    answers = "stop" if config is None else config.played.answers
    if config is not None and answers == "estimates":
        return gym.spaces.MultiDiscrete([MOVES, AZIMUTHS, RANGES, len(config.target_classes)])
    return gym.spaces.Discrete(ANSWER + MOST_OPTIONS if answers == "options" else len(ACTIONS))


def observation_space(config: EnvConfig) -> gym.spaces.Dict:
    """Returns the dictionary space of the sensors that are on, in their fixed order."""
    height, width, window = config.height, config.width, config.window_samples
    bins = -(-(_SPECTROGRAM_FFT // 2 + 1) // _SPECTROGRAM_POOL)
    frames = -(-(1 + window // _SPECTROGRAM_HOP) // _SPECTROGRAM_POOL)
    box, channels = gym.spaces.Box, config.channels
    every: dict[str, gym.Space[Any]] = {
        "rgb": box(0, 255, (height, width, 3), np.uint8),
        "depth": box(0.0, config.depth_max, (height, width, 1), np.float32),
        "audio": box(-AUDIO_LIMIT, AUDIO_LIMIT, (channels, window), np.float32),
        "spectrogram": box(0.0, SPECTROGRAM_LIMIT, (bins, frames, channels), np.float32),
        "semantic": box(-1, 2**31 - 1, (height, width), np.int32),
        "pose": box(-_WORLD_LIMIT, _WORLD_LIMIT, (4,), np.float32),
        "goal": box(np.array([0.0, -np.pi], np.float32), np.array([_WORLD_LIMIT, np.pi], np.float32), (2,), np.float32),
        "target": box(0.0, 1.0, (len(config.target_classes),), np.float32),
        "question": box(0, 255, (QUESTION_BYTES,), np.uint8),
        "options": box(0, 255, (MOST_OPTIONS, OPTION_BYTES), np.uint8),
    }
    return gym.spaces.Dict({name: space for name, space in every.items() if name in config.sensors})
