"""Direct sound: exact delay, spherical spreading, air absorption, and nothing at all behind an obstacle."""

from __future__ import annotations

import torch

from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.paths import Paths
from avi_env.scene.bank import SceneBank

__all__ = ["NEAREST_METRES", "check_ends", "direct_paths", "spreading_gain"]

NEAREST_METRES = 0.1
"""Distances below this one [m] count as this one: a point source has no level at its own place."""


def direct_paths(
    bank: SceneBank,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    *,
    blocked: torch.Tensor | None = None,
) -> Paths:
    """Returns the straight path of each environment, of zero gain where something stands between.

    Args:
        bank: the scenes.
        scene_index: scene of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame.
        listener: listener positions [m], shape (B, 3), world frame.
        blocked: whether the straight line is occluded, shape (B,), where the caller knows; None = one ray each.

    Returns:
        Paths with P = 1.

    Raises:
        ValueError: shapes do not match.
    """
    check_ends(scene_index, source, listener)
    if blocked is None:
        blocked = bank.occluded(scene_index, source, listener)
    vector = source.double() - listener.double()
    distance = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    gain = spreading_gain(distance) * ~blocked[:, None, None]
    direction = (vector / distance.clamp(min=1e-9))[:, None, :].float()
    return Paths(distance / SPEED_OF_SOUND, gain.float(), direction, -direction)


def spreading_gain(distance: torch.Tensor) -> torch.Tensor:
    """Returns the pressure gain per octave of a path's length: 1/d times air absorption.

    Args:
        distance: path lengths [m], shape (...), float64.

    Returns:
        Gains, shape (..., 7), float64.
    """
    air = torch.as_tensor(AIR_DB_PER_METRE.copy(), dtype=torch.float64, device=distance.device)
    length = distance.unsqueeze(-1)
    return torch.pow(10.0, -air * length / 20.0) / length.clamp(min=NEAREST_METRES)


def check_ends(scene_index: torch.Tensor, source: torch.Tensor, listener: torch.Tensor) -> int:
    """Returns B after checking that scene_index is (B,), source and listener (B, 3), all on one device.

    Raises:
        ValueError: a shape or a device does not fit.
    """
    count = scene_index.shape[0]
    for name, tensor in (("source", source), ("listener", listener)):
        if tensor.shape != (count, 3):
            raise ValueError(
                f"{name} must have shape ({count}, 3) as scene_index has {count}, not {tuple(tensor.shape)}"
            )
        if tensor.device != scene_index.device:
            raise ValueError(f"{name} lies on {tensor.device}, scene_index on {scene_index.device}: use one device")
    return count


def silent_paths(count: int, slots: int, device: torch.device) -> Paths:
    """Returns paths of zero gain: B environments, P slots."""
    return Paths(
        torch.zeros(count, slots, dtype=torch.float64, device=device),
        torch.zeros(count, slots, BAND_COUNT, dtype=torch.float32, device=device),
        torch.zeros(count, slots, 3, dtype=torch.float32, device=device),
        torch.zeros(count, slots, 3, dtype=torch.float32, device=device),
    )
