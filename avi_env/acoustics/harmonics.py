"""Spherical harmonics of ambisonics: real, ACN order, N3D weights, up to third order."""

from __future__ import annotations

import torch

__all__ = ["HARMONIC_ORDERS", "ambisonic_frame", "spherical_harmonics"]

HARMONIC_ORDERS = (0, 1, 2, 3)
"""Orders that `spherical_harmonics` knows; order n has (n + 1)^2 channels."""


def spherical_harmonics(direction: torch.Tensor, order: int) -> torch.Tensor:
    """Returns the real spherical harmonics of directions, ACN order, N3D weights, shape (..., (order + 1)^2).

    Their mean square over the sphere is 1 each, so that a diffuse field is as loud in every channel as in the first.
    No Condon-Shortley phase.

    Args:
        direction: unit vectors (X ahead, Y left, Z up), shape (..., 3).
        order: 0..3.

    Raises:
        ValueError: another order.

    Source: Nachbar et al., "ambiX - a suggested ambisonics format", Ambisonics Symposium 2011, in Cartesian form.
    """
    if order not in HARMONIC_ORDERS:
        raise ValueError(f"the ambisonic order must be one of {HARMONIC_ORDERS}, got {order}")
    x, y, z = direction.unbind(dim=-1)
    channels = [torch.ones_like(x)]
    if order >= 1:
        channels += [3.0**0.5 * y, 3.0**0.5 * z, 3.0**0.5 * x]
    if order >= 2:
        channels += [15.0**0.5 * x * y, 15.0**0.5 * y * z, 1.25**0.5 * (3.0 * z * z - 1.0)]
        channels += [15.0**0.5 * x * z, 3.75**0.5 * (x * x - y * y)]
    if order >= 3:
        channels += [4.375**0.5 * y * (3.0 * x * x - y * y), 105.0**0.5 * x * y * z]
        channels += [2.625**0.5 * y * (5.0 * z * z - 1.0), 1.75**0.5 * z * (5.0 * z * z - 3.0)]
        channels += [2.625**0.5 * x * (5.0 * z * z - 1.0), 26.25**0.5 * z * (x * x - y * y)]
        channels += [4.375**0.5 * x * (x * x - 3.0 * y * y)]
    return torch.stack(channels, dim=-1)


def ambisonic_frame(direction: torch.Tensor, yaw: torch.Tensor) -> torch.Tensor:
    """Returns world directions in the frame of ambisonics (X ahead, Y left, Z up) of listeners, shape (B, D, 3).

    Args:
        direction: world frame, shape (B, D, 3).
        yaw: of the listeners [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,).
    """
    cosine, sine = torch.cos(yaw)[:, None], torch.sin(yaw)[:, None]
    x, up, z = direction.unbind(dim=-1)
    return torch.stack([-x * sine - z * cosine, -x * cosine + z * sine, up], dim=-1)
