"""Whole steps: agents that walk at random through houses, stop now and then, and begin anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from avi_env.bench.speed_rows import Modality
from avi_env.bench.speed_timing import Work
from avi_env.scene import Scene, save_scene

__all__ = ["AUDIO", "DEPTH", "DEPTH_SOUND", "FULL", "MODALITIES", "RGBD", "Walk", "saved"]

ENVIRONMENT = "avi_env/AudioNav-v0"
FULL = Modality("RGB-D, audio, spectrogram", ("rgb", "depth", "audio", "spectrogram"))
DEPTH = Modality("depth", ("depth",))
RGBD = Modality("RGB-D", ("rgb", "depth"))
AUDIO = Modality("audio, spectrogram", ("audio", "spectrogram"))
DEPTH_SOUND = Modality("depth, spectrogram", ("depth", "spectrogram"))
MODALITIES = (DEPTH, RGBD, FULL, AUDIO)
"""What whole steps are measured with."""


class Walk:
    """A vector environment with seeded random actions: forward half of the time, else left or right; stops."""

    def __init__(
        self,
        count: int,
        device: torch.device,
        seed: int,
        *,
        size: int = 128,
        modality: Modality = FULL,
        stop_every: int = 500,
        **options: Any,
    ) -> None:
        """Makes the environments and resets them.

        Args:
            count: number of environments; with 0 the single one of `gym.make`.
            device: where they live; on CUDA observations stay there as tensors.
            seed: of walks and episodes.
            size: width of the square images [pixels].
            modality: what is sensed.
            stop_every: mean number of actions from one stop to the next.
            **options: further keywords of the environment.

        Raises:
            ValueError: observations are not on the device.
        """
        self.count, self._device, self._every = count, device, stop_every
        given = {"width": size, "height": size, "sensors": modality.sensors, "device": device.type, **options}
        if count:
            if device.type == "cuda":
                given["output"] = "torch"
            self.env: Any = gym.make_vec(ENVIRONMENT, num_envs=count, **given)
        else:
            self.env = gym.make(ENVIRONMENT, **given)
        self._seed = seed
        observation = self._begin()
        found = {value.device.type for value in observation.values() if isinstance(value, torch.Tensor)}
        if device.type == "cuda" and found != {"cuda"}:
            raise ValueError(f"the observations are on {sorted(found) or ['cpu']}, not on cuda: nothing to report")

    def rehearse(self, steps: int) -> None:
        """Walks some steps and goes back to the beginning: what they will hear is baked then, as in a long training."""
        for _ in range(steps):
            self.step()
        self._begin()

    def _begin(self) -> Any:
        """Begins the first episodes and the walks, and returns the observation."""
        self._rng = np.random.default_rng((0x5354455053, self._seed))
        observation, _ = self.env.reset(seed=1000 * self._seed)
        return observation

    def actions(self) -> npt.NDArray[np.int64]:
        """Returns the next actions, shape (count,)."""
        count = max(self.count, 1)
        drawn = self._rng.choice(np.array([1, 1, 2, 3]), size=count)
        return np.where(self._rng.random(count) * self._every < 1.0, 0, drawn)

    def step(self) -> Any:
        """Acts in every environment once; returns which episodes ended, shape (count,), where the environments are."""
        if self.count:
            actions: Any = self.actions()
            if self._device.type == "cuda":
                actions = torch.from_numpy(actions).to(self._device, non_blocking=True)
            _, _, terminated, truncated, _ = self.env.step(actions)
            return terminated | truncated  # nobody looks: a device is not waited for
        _, _, terminated, truncated, _ = self.env.step(int(self.actions()[0]))
        if terminated or truncated:
            self.env.reset()
        return np.array([terminated or truncated])

    def ended(self) -> npt.NDArray[np.bool_]:
        """Acts in every environment once; returns which episodes ended as NumPy, shape (count,)."""
        ended = self.step()
        return np.asarray(ended.cpu() if isinstance(ended, torch.Tensor) else ended)

    def work(self, name: str) -> Work:
        """Returns the steps as work, counted in environments' steps."""
        return Work(name, self.step, max(self.count, 1))

    def close(self) -> None:
        """Frees the environments."""
        self.env.close()


def saved(scene: Scene, folder: Path) -> str:
    """Returns the file of a scene, as environments take it."""
    return str(save_scene(scene, folder / f"{len(scene.triangles)}_triangles.glb"))
