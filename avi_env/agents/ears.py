"""What a direction sounds like to two ears: the table that binaural sound is compared with."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.sphere import direction_weights

__all__ = ["AZIMUTH_COUNT", "EarTable", "azimuths", "ear_table"]

AZIMUTH_COUNT = 72
"""Directions that are told apart: one per 5 degrees."""

_BAND_HZ = (250.0, 7000.0)  # below, both ears hear the same; above, measured tables and heads differ
_FRAME_SECONDS = 0.032
_ELEVATIONS = (-20.0, 0.0, 20.0)  # [deg]; a source on the floor beside the agent, far away, under the ceiling


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
    return np.arange(AZIMUTH_COUNT, dtype=np.float64) * (2.0 * math.pi / AZIMUTH_COUNT)


@lru_cache(maxsize=8)
def ear_table(sample_rate: int, hrtf: str = "kemar") -> EarTable:
    """Returns the table of a head at a sample rate [Hz]; built once.

    Args:
        sample_rate: of the audio that will be compared [Hz].
        hrtf: name or path of the head, as the environment's keyword.
    """
    frame = 2 ** round(math.log2(_FRAME_SECONDS * sample_rate))
    frequency = np.fft.rfftfreq(frame, 1.0 / sample_rate)
    bins = np.flatnonzero((frequency >= _BAND_HZ[0]) & (frequency <= min(_BAND_HZ[1], 0.47 * sample_rate)))
    head = load_hrtf(hrtf, sample_rate)
    directions = _directions().reshape(-1, 3)
    index, weight = direction_weights(np.asarray(head.directions, np.float64), directions)
    taps = np.einsum("qk,qkec->qec", weight, head.taps[index])
    lead = np.einsum("qk,qk->q", weight, head.itd[index])
    response = np.moveaxis(np.fft.rfft(taps, frame)[..., bins], 1, 2)  # (Q, F, 2); taps are far shorter than a frame
    delay = np.stack([-0.5 * lead, 0.5 * lead], axis=1)  # itd = right less left
    response = response * np.exp(-2j * math.pi * frequency[bins, None] * delay[:, None, :])
    response = response / np.linalg.norm(response, axis=-1, keepdims=True)
    steering = response.reshape(len(_ELEVATIONS), AZIMUTH_COUNT, len(bins), 2)
    return EarTable(frame, bins, steering.astype(np.complex64))


def _directions() -> npt.NDArray[np.float64]:
    """Unit vectors towards the source, shape (E, A, 3), head frame: +x right, +y up, -z ahead."""
    elevation = np.radians(_ELEVATIONS)[:, None]
    azimuth = azimuths()[None, :]
    parts = (
        -np.sin(azimuth) * np.cos(elevation),
        np.sin(elevation) + 0.0 * azimuth,
        -np.cos(azimuth) * np.cos(elevation),
    )
    return np.stack(parts, axis=-1)
