"""What a policy is fed with: an environment's observations, brought into the form that it was trained with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from avi_env.envs.config import IMAGES, EnvConfig

if TYPE_CHECKING:
    import torch

__all__ = ["check_body", "policy_input", "resampled"]

Arrays = Mapping[str, npt.NDArray[Any]]

_BODY = ("forward", "turn_deg", "step_seconds")
_CAMERA = ("hfov", "eye_height")
_SPECTROGRAM = ("sample_rate", "audio_seconds")  # it is made by the environment: nothing can be resampled


def check_body(policy: str, sensors: tuple[str, ...], trained: EnvConfig, config: EnvConfig) -> None:
    """Finds out whether a policy can act in an environment.

    Pictures may be larger than those it was trained with, depth may reach further, sound may be longer and of a higher
    rate: that is brought to its form. All else of the body must be as it was.

    Args:
        policy: its name, for the message.
        sensors: observation keys it reads.
        trained: the environment that it was trained in.
        config: the environment in which it shall act.

    Raises:
        ValueError: it cannot; the message says which keyword the environment needs.
    """
    for name in sensors:
        if name not in config.sensors:
            wanted = ", ".join(repr(sensor) for sensor in sensors)
            raise ValueError(f"policy {policy!r} needs the sensor {name!r}: make the environment with sensors={wanted}")
    sees, listens = bool({*IMAGES} & {*sensors}), bool({"audio", "spectrogram"} & {*sensors})
    spectrogram = _SPECTROGRAM if "spectrogram" in sensors else ()
    for name in (*_BODY, *(_CAMERA if sees else ()), *spectrogram):
        there, here = getattr(trained, name), getattr(config, name)
        if not math.isclose(there, here, rel_tol=1e-6):
            _refuse(policy, name, there, here)
    if sees:
        _check_picture(policy, trained, config)
    if "depth" in sensors and config.depth_max < trained.depth_max:
        _refuse(policy, "depth_max", trained.depth_max, config.depth_max)
    if listens and config.channels != trained.channels:
        _refuse(policy, "hrtf", trained.hrtf, config.hrtf)
    for name in ("sample_rate", "audio_seconds") if "audio" in sensors else ():
        if getattr(config, name) < getattr(trained, name):
            _refuse(policy, name, getattr(trained, name), getattr(config, name))


def _check_picture(policy: str, trained: EnvConfig, config: EnvConfig) -> None:
    if config.width < trained.width or config.width * trained.height != config.height * trained.width:
        there, here = f"{trained.width} x {trained.height}", f"{config.width} x {config.height}"
        raise ValueError(
            f"policy {policy!r} was trained with pictures of {there} pixels, those of {here} cannot be brought to it: "
            f"make the environment with width={trained.width}, height={trained.height}"
        )


def _refuse(policy: str, name: str, there: Any, here: Any) -> None:
    there, here = (value if isinstance(value, str) else f"{value:g}" for value in (there, here))
    raise ValueError(
        f"policy {policy!r} was trained with {name}={there} and cannot act with {name}={here}: "
        f"make the environment with {name}={there}"
    )


def policy_input(
    observation: Arrays, sensors: tuple[str, ...], trained: EnvConfig, config: EnvConfig
) -> dict[str, torch.Tensor]:
    """Returns what a policy reads, as tensors on the CPU, each with a leading dimension B.

    Args:
        observation: arrays of B environments.
        sensors: observation keys that the policy reads.
        trained: the environment that it was trained in.
        config: the environment that the observation is from; `check_body` has been passed.
    """
    import torch

    made = {}
    for name in sensors:
        array = observation[name]
        if name in IMAGES:
            array = _smaller(array, trained.height, trained.width)
        if name == "depth":
            array = np.minimum(array, trained.depth_max)
        if name == "audio":
            array = resampled(array, config.sample_rate, trained.sample_rate)[..., -trained.window_samples :]
        made[name] = torch.from_numpy(np.ascontiguousarray(array))
    return made


def _smaller(images: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    """Returns pictures (B, height, width, ...): of each larger pixel the one ray of the given picture in its middle.

    A mean would show surfaces between the near and the far, which no ray of a smaller picture meets.
    """
    if images.shape[1:3] == (height, width):
        return images
    rows = ((np.arange(height) + 0.5) * images.shape[1] / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * images.shape[2] / width).astype(np.int64)
    return images[:, rows[:, None], columns[None, :]]


def resampled(audio: npt.NDArray[Any], rate: int, wanted: int) -> npt.NDArray[Any]:
    """Returns sound, shape (..., n), at a lower rate [Hz]; its last 0.6 ms fade out."""
    if rate == wanted:
        return audio
    common = math.gcd(rate, wanted)
    return np.asarray(signal.resample_poly(audio, wanted // common, rate // common, axis=-1), np.float32)
