"""Discrete sound paths: what the exact part of the propagation hands to the ears."""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["Paths", "join_paths"]


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
