"""Adapters: the same observations in the shapes that other libraries expect."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

__all__ = ["ImageObservations"]

_IMAGE_MIN = 36  # Stable-Baselines3's NatureCNN needs at least 36 x 36 pixels


class ImageObservations(gym.ObservationWrapper[dict[str, Any], Any, dict[str, Any]]):
    """Turns depth and spectrogram into uint8 images, so that Stable-Baselines3 gives each a convolutional network.

    Depth [m] maps linearly from 0..`depth_max` to 0..255. The spectrogram (log1p magnitude) maps from
    0..`spectrogram_max` to 0..255, clipped, and is stretched by whole factors until both sides have at least 36 pixels.
    The waveform is dropped: the spectrogram carries it in a form networks learn from.
    """

    def __init__(self, env: gym.Env[Any, Any], spectrogram_max: float = 4.0) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, gym.spaces.Dict):
            raise TypeError(f"ImageObservations wraps an environment with dictionary observations, not {space}")
        self._scale: dict[str, float] = {}
        self._repeat: tuple[int, int] = (1, 1)
        spaces: dict[str, gym.Space[Any]] = {}
        for name, box in space.spaces.items():
            if name == "audio":
                continue
            spaces[name] = box
            if name in ("depth", "spectrogram"):
                assert isinstance(box, gym.spaces.Box)
                limit = float(box.high.max()) if name == "depth" else spectrogram_max
                self._scale[name] = 255.0 / limit
                height, width, channels = box.shape
                if name == "spectrogram":
                    self._repeat = (-(-_IMAGE_MIN // height), -(-_IMAGE_MIN // width))
                    height, width = height * self._repeat[0], width * self._repeat[1]
                spaces[name] = gym.spaces.Box(0, 255, (height, width, channels), np.uint8)
        self.observation_space = gym.spaces.Dict(spaces)

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns the converted observation."""
        return {name: self._convert(name, observation[name]) for name in self.observation_space.spaces}  # type: ignore[attr-defined]

    def _convert(self, name: str, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if name not in self._scale:
            return value
        image = np.clip(value * self._scale[name], 0.0, 255.0).astype(np.uint8)
        if name == "spectrogram":
            image = image.repeat(self._repeat[0], axis=0).repeat(self._repeat[1], axis=1)
        return image
