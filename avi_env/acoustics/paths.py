"""Discrete sound paths: what the exact part of the propagation hands to the ears."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from avi_env.acoustics.bands import BAND_COUNT

__all__ = ["NEAREST_METRES", "Paths", "check_ends", "empty_paths", "join_paths", "silent_paths"]

NEAREST_METRES = 0.1
"""Distances below this one [m] count as this one: a point source has no level at its own place."""


class Paths(NamedTuple):
    """Sound paths from one source to one listener per environment, B environments with P path slots each.

    A path of zero gain is no path: silence is an answer, never an error.
    """

    delay: torch.Tensor
    """Travel time [s], shape (B, P), float64 (a microsecond at 20 m needs more than float32)."""
    gain: torch.Tensor
    """Pressure gain re the source's pressure at 1 m, per octave, shape (B, P, 7), float32, >= 0; 1/d included."""
    direction: torch.Tensor
    """Unit vector from the listener towards where the sound comes from, world frame, shape (B, P, 3), float32."""
    departure: torch.Tensor
    """Unit vector from the source towards where the sound leaves it, world frame, shape (B, P, 3), float32."""


def join_paths(*parts: Paths) -> Paths:
    """Returns all path slots side by side."""
    return Paths(*(torch.cat(tensors, dim=1) for tensors in zip(*parts, strict=True)))


def empty_paths(count: int, slots: int, device: torch.device) -> Paths:
    """Returns paths that a kernel is to fill: B environments, P slots."""
    return Paths(
        torch.empty(count, slots, dtype=torch.float64, device=device),
        torch.empty(count, slots, BAND_COUNT, dtype=torch.float32, device=device),
        torch.empty(count, slots, 3, dtype=torch.float32, device=device),
        torch.empty(count, slots, 3, dtype=torch.float32, device=device),
    )


def silent_paths(count: int, slots: int, device: torch.device) -> Paths:
    """Returns paths of zero gain: B environments, P slots."""
    return Paths(*(tensor.zero_() for tensor in empty_paths(count, slots, device)))


def check_ends(scene_index: torch.Tensor, source: torch.Tensor, listener: torch.Tensor) -> int:
    """Returns B after checking that scene_index is (B,), source and listener (B, 3), all on one device.

    Raises:
        ValueError: a shape or a device does not fit; on the CPU also: a position is not finite (elsewhere to ask would
            be to wait).
    """
    count = scene_index.shape[0]
    for name, tensor in (("source", source), ("listener", listener)):
        if tensor.shape != (count, 3):
            raise ValueError(
                f"{name} must have shape ({count}, 3) as scene_index has {count}, not {tuple(tensor.shape)}"
            )
        if tensor.device != scene_index.device:
            raise ValueError(f"{name} lies on {tensor.device}, scene_index on {scene_index.device}: use one device")
        # One sum costs a quarter of a look at each number.
        if tensor.device.type == "cpu" and not math.isfinite(float(tensor.sum())):
            for row in torch.nonzero(~torch.isfinite(tensor).all(dim=1))[:, 0].tolist():
                raise ValueError(f"{name} of row {row} must be a finite position (x, y, z), not {tensor[row].tolist()}")
    return count
