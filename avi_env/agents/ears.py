"""What a direction sounds like to two ears: the table that binaural sound is compared with."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import SPEED_OF_SOUND

__all__ = ["AZIMUTH_COUNT", "EarTable", "azimuths", "ear_table"]

AZIMUTH_COUNT = 72
"""Directions that are told apart: one per 5 degrees."""

HEAD_RADIUS = 0.0875
"""Radius of the spherical head [m] (Woodworth; Algazi et al. 2001)."""

_BAND_HZ = (250.0, 7000.0)  # below, both ears hear the same; above, measured tables and heads differ
_FRAME_SECONDS = 0.032
_ELEVATIONS = (-30.0, 0.0, 35.0)  # [deg]; a source on the floor beside the agent, far away, under the ceiling


class EarTable(NamedTuple):
    """Unit steering vectors of every direction on the bins of a short-time Fourier transform."""

    frame: int
    """Frame length [samples]."""
    bins: npt.NDArray[np.int64]
    """Bins of the transform that are used, shape (F,)."""
    steering: npt.NDArray[np.complex64]
    """Left and right response of unit norm, shape (E, A, F, 2): elevations, azimuths counter-clockwise from ahead."""


def azimuths() -> npt.NDArray[np.float64]:
    """Returns the azimuths [rad], counter-clockwise, of the table's directions, shape (AZIMUTH_COUNT,)."""
    return np.arange(AZIMUTH_COUNT) * (2.0 * math.pi / AZIMUTH_COUNT)


@lru_cache(maxsize=8)
def ear_table(sample_rate: int, hrtf: str = "kemar") -> EarTable:
    """Returns the table of a head at a sample rate [Hz]; built once.

    Args:
        sample_rate: of the audio that will be compared [Hz].
        hrtf: name or path of the head, as the environment's keyword; "sphere" is the analytic head of this module.
    """
    frame = 2 ** round(math.log2(_FRAME_SECONDS * sample_rate))
    frequency = np.fft.rfftfreq(frame, 1.0 / sample_rate)
    bins = np.flatnonzero((frequency >= _BAND_HZ[0]) & (frequency <= min(_BAND_HZ[1], 0.47 * sample_rate)))
    directions = _directions()
    if hrtf == "sphere":
        response = _sphere_response(frequency[bins], directions)
    else:
        response = _measured_response(frequency[bins], directions, hrtf, sample_rate)
    response = response / np.linalg.norm(response, axis=-1, keepdims=True)
    return EarTable(frame, bins, response.astype(np.complex64))


def _directions() -> npt.NDArray[np.float64]:
    """Unit vectors towards the source, shape (E, A, 3), head frame: +x right, +y up, -z ahead."""
    elevation = np.radians(_ELEVATIONS)[:, None]
    azimuth = azimuths()[None, :]
    parts = (-np.sin(azimuth) * np.cos(elevation), np.sin(elevation) + 0.0 * azimuth, -np.cos(azimuth) * np.cos(elevation))
    return np.stack(parts, axis=-1)


def _sphere_response(frequency: npt.NDArray[np.float64], directions: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Delay and shadow of a rigid sphere, shape (E, A, F, 2). Source: Brown and Duda 1998, eqs. 4-7."""
    ears = np.array([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    angle = np.arccos(np.clip(directions @ ears.T, -1.0, 1.0))[..., None, :]  # (E, A, 1, 2) from the ear's axis
    omega = 2.0 * math.pi * frequency[:, None]
    corner = SPEED_OF_SOUND / HEAD_RADIUS
    alpha = 1.05 + 0.95 * np.cos(angle / math.radians(150.0) * math.pi)
    shadow = (1.0 + 0.5j * alpha * omega / corner) / (1.0 + 0.5j * omega / corner)
    lit = -np.cos(angle)
    delay = np.where(angle < 0.5 * math.pi, lit, angle - 0.5 * math.pi) / corner
    return shadow * np.exp(-1j * omega * delay)
