"""A features extractor of Stable-Baselines3 over the environment's observations, made of our encoders."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor  # noqa: TID253  (loaded when it is asked for)
from torch import nn

from avi_env.content import name_error
from avi_env.policies.encoders import (
    ConvolutionSettings,
    VectorEncoderSettings,
    image_encoder,
    sound_encoder,
    vector_encoder,
)
from avi_env.policies.sound_cues import CUE_SHAPE, sound_cues

__all__ = ["ObservationFeatures"]

_PICTURES = ("rgb", "depth", "spectrogram")
_VECTORS = {"pose": 5, "goal": 4}  # numbers that are made of them
_KEYS = (*_PICTURES, "audio", *_VECTORS, "target")


class ObservationFeatures(BaseFeaturesExtractor):
    """Each observation through an encoder of its kind; their features in a row.

    Pictures are taken as `SB3VecEnv` and Stable-Baselines3 make them (uint8, channels first), or as the environment
    does (depth [m] and spectrogram as float32). The waveform becomes levels and delays of both ears, pose and goal
    become numbers without a jump at half a turn.

    Args:
        observation_space: of the environment: rgb, depth, spectrogram, audio, pose, goal, target, or some of them.
        image: of rgb and depth; `ImageEncoderSettings()` if not given.
        sound: of spectrogram and audio; `SoundEncoderSettings()` if not given.
        vector: of pose, goal and target; `VectorEncoderSettings()` if not given.
        sample_rate: of the audio [Hz].

    Raises:
        ValueError: an observation for which there is no encoder.
    """

    def __init__(
        self,
        observation_space: gym.spaces.Dict,
        image: ConvolutionSettings | None = None,
        sound: ConvolutionSettings | None = None,
        vector: VectorEncoderSettings | None = None,
        sample_rate: int = 16000,
    ) -> None:
        parts: dict[str, nn.Sequential] = {}
        largest: dict[str, float] = {}
        for name, space in observation_space.spaces.items():
            assert isinstance(space, gym.spaces.Box)
            if name not in _KEYS:
                raise name_error("observation with an encoder", name, _KEYS)
            if name in _PICTURES:
                shape = space.shape if space.dtype == np.uint8 else (space.shape[2], *space.shape[:2])
                make, settings = (sound_encoder, sound) if name == "spectrogram" else (image_encoder, image)
                parts[name] = make(shape[0], shape[1], shape[2], settings)
            elif name == "audio":
                parts[name] = sound_encoder(*CUE_SHAPE, sound)
            else:
                parts[name] = vector_encoder(_VECTORS.get(name, space.shape[0]), vector)
            if name == "depth" and space.dtype != np.uint8:
                largest[name] = float(space.high.max())
        widths: list[int] = [part[-2].out_features for part in parts.values()]  # type: ignore[misc]
        super().__init__(observation_space, sum(widths))
        self.parts, self._rate, self._largest = nn.ModuleDict(parts), sample_rate, largest

    def forward(self, observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Returns the features, shape (B, features_dim)."""
        return torch.cat([part(self._given(name, observations[name])) for name, part in self.parts.items()], dim=1)

    def _given(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Returns what an encoder is given."""
        if name in _PICTURES:
            is_made = self._observation_space[name].dtype == np.uint8  # type: ignore[index]
            return value if is_made else value.permute(0, 3, 1, 2) / self._largest.get(name, 1.0)
        if name == "audio":
            cues = sound_cues(value, self._rate).float()
            return torch.cat([cues[:, :2] / 128.0 - 1.0, cues[:, 2:] / 32.0 - 4.0], dim=1)
        if name == "pose":
            return torch.cat([value[:, :3] / 10.0, value[:, 3:].sin(), value[:, 3:].cos()], dim=1)
        if name == "goal":
            metres, azimuth = value[:, :1], value[:, 1:]
            return torch.cat([metres / 10.0, torch.log2(1.0 + metres), azimuth.sin(), azimuth.cos()], dim=1)
        return value
