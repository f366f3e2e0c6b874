"""Depth and spectrogram as uint8 images: what Stable-Baselines3 gives a convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch

__all__ = ["ImageObservations", "UInt8Images", "uint8_images"]

_IMAGE_MIN = 36  # Stable-Baselines3's NatureCNN needs at least 36 x 36 pixels


@dataclass(frozen=True)
class UInt8Images:
    """How the observations of one environment become uint8 images; made by `uint8_images`."""

    space: gym.spaces.Dict
    """Space of the converted observations of one environment."""
    scale: Mapping[str, float]
    """Grey levels a unit, of the keys that are converted."""
    stretch: tuple[int, int]
    """Whole factors by which a spectrogram's bins and frames are repeated."""

    def convert(self, observations: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Converts observations with any leading dimensions at once.

        Args:
            observations: arrays or tensors by key; keys that are not in `space` are dropped.

        Returns:
            Tensors on the device they were on; what needs no conversion is passed on uncopied.
        """
        return {name: self._image(name, torch.as_tensor(observations[name])) for name in self.space.spaces}

    def _image(self, name: str, value: torch.Tensor) -> torch.Tensor:
        if name == "options":
            return value.flatten(start_dim=-2)
        if name not in self.scale:
            return value
        image = (value * self.scale[name]).clamp_(0.0, 255.0).to(torch.uint8)
        if name == "spectrogram" and self.stretch != (1, 1):
            image = image.repeat_interleave(self.stretch[0], dim=-3).repeat_interleave(self.stretch[1], dim=-2)
        return image


def uint8_images(space: gym.Space[Any], spectrogram_max: float = 4.0) -> UInt8Images:
    """Returns how observations of a dictionary space become uint8 images.

    Depth [m] maps linearly from 0..`depth_max` to 0..255. The spectrogram (log1p magnitude) maps from
    0..`spectrogram_max` to 0..255, clipped, and is stretched by whole factors until both sides have at least 36 pixels.
    The waveform is dropped: the spectrogram carries it in a form networks learn from. The texts of `options` become one
    row of bytes: what has two dimensions is neither a vector nor an image.

    Args:
        space: observation space of one environment.
        spectrogram_max: log1p magnitude shown as white.

    Raises:
        TypeError: the space is not a dictionary.
    """
    if not isinstance(space, gym.spaces.Dict):
        raise TypeError(f"images are made of an environment with dictionary observations, not {space}")
    scale: dict[str, float] = {}
    stretch = (1, 1)
    spaces: dict[str, gym.Space[Any]] = {name: box for name, box in space.spaces.items() if name != "audio"}
    for name, box in spaces.items():
        if name == "options":
            spaces[name] = gym.spaces.Box(0, 255, (int(np.prod(box.shape or ())),), np.uint8)
        if name in ("depth", "spectrogram"):
            assert isinstance(box, gym.spaces.Box)
            scale[name] = 255.0 / (float(box.high.max()) if name == "depth" else spectrogram_max)
            height, width, channels = box.shape
            if name == "spectrogram":
                stretch = (-(-_IMAGE_MIN // height), -(-_IMAGE_MIN // width))
                height, width = height * stretch[0], width * stretch[1]
            spaces[name] = gym.spaces.Box(0, 255, (height, width, channels), np.uint8)
    return UInt8Images(gym.spaces.Dict(spaces), scale, stretch)


class ImageObservations(gym.ObservationWrapper[dict[str, Any], Any, dict[str, Any]]):
    """Turns depth and spectrogram of a single environment into uint8 images, as `uint8_images` describes.

    For the vector environment `SB3VecEnv` does the same for all rows at once.
    """

    def __init__(self, env: gym.Env[Any, Any], spectrogram_max: float = 4.0) -> None:
        super().__init__(env)
        self._images = uint8_images(env.observation_space, spectrogram_max)
        self.observation_space = self._images.space

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns the converted observation."""
        return {name: value.numpy() for name, value in self._images.convert(observation).items()}
