"""A rigid sphere with two ears: head-related transfer functions without measured data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import SPEED_OF_SOUND

__all__ = ["HEAD_RADIUS", "sphere_directions", "spherical_head_magnitude", "woodworth_itd"]

HEAD_RADIUS = 0.0875
"""Radius of the model head [m] (Brown and Duda 1998)."""

EAR_AZIMUTH = np.radians(100.0)
"""The ears sit 10 degrees behind the interaural axis, so that front and back sound different (Brown and Duda 1998)."""

_ALPHA_MIN = 0.1
_THETA_MIN = np.radians(150.0)


def woodworth_itd(
    directions: npt.NDArray[np.floating], radius: float = HEAD_RADIUS, speed: float = SPEED_OF_SOUND
) -> npt.NDArray[np.float64]:
    """Returns the interaural time difference [s], shape (D,), positive when the left ear hears first.

    ITD = (a/c) (theta + sin theta), theta the angle out of the median plane.

    Args:
        directions: unit vectors towards the sound, head frame (+X right, +Y up, -Z forward), shape (D, 3).
        radius: of the head [m].
        speed: of sound [m/s].

    Source: Woodworth and Schlosberg 1954, far-field ray model.
    """
    lateral = np.arcsin(np.clip(-np.asarray(directions, dtype=np.float64)[:, 0], -1.0, 1.0))
    return np.asarray(radius / speed * (lateral + np.sin(lateral)))


def spherical_head_magnitude(
    directions: npt.NDArray[np.floating], frequency: npt.NDArray[np.floating], radius: float = HEAD_RADIUS
) -> npt.NDArray[np.float64]:
    """Returns the magnitude of the head-shadow filter at both ears, shape (D, 2, F), row 0 = left.

    H = (1 + j alpha w / 2 w0) / (1 + j w / 2 w0), w0 = c/a, alpha = 1.05 + 0.95 cos(1.2 theta).

    Args:
        directions: unit vectors towards the sound, head frame, shape (D, 3).
        frequency: [Hz], shape (F,).
        radius: of the head [m].

    Source: Brown and Duda, "A structural model for binaural sound synthesis", 1998, eq. 2-4.
    """
    side, ahead = np.sin(EAR_AZIMUTH), np.cos(EAR_AZIMUTH)
    ears = np.array([[-side, 0.0, -ahead], [side, 0.0, -ahead]])
    incidence = np.arccos(np.clip(np.asarray(directions, dtype=np.float64) @ ears.T, -1.0, 1.0))
    alpha = (1 + _ALPHA_MIN / 2) + (1 - _ALPHA_MIN / 2) * np.cos(incidence / _THETA_MIN * np.pi)
    x = np.pi * np.asarray(frequency, dtype=np.float64) * radius / SPEED_OF_SOUND
    return np.asarray(np.abs((1 + 1j * alpha[..., None] * x) / (1 + 1j * x)))


def sphere_directions(spacing_deg: float = 10.0) -> npt.NDArray[np.float64]:
    """Returns unit vectors on rings of equal elevation over the whole sphere, about `spacing_deg` apart, (D, 3)."""
    rings = []
    for elevation in np.radians(np.linspace(-90.0, 90.0, round(180.0 / spacing_deg) + 1)):
        # An even number of places keeps each ring symmetric to the median plane.
        count = max(1, 2 * round(180.0 / spacing_deg * np.cos(elevation)))
        azimuth = 2 * np.pi * np.arange(count) / count
        flat = np.cos(elevation)
        up = np.full(count, np.sin(elevation))
        rings.append(np.stack([-np.sin(azimuth) * flat, up, -np.cos(azimuth) * flat], axis=1))
    return np.concatenate(rings)
