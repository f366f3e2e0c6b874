"""Octave bands, the speed of sound and the units of every acoustic quantity."""

from __future__ import annotations

import numpy as np

__all__ = ["BANDS_HZ", "BAND_COUNT", "PRESSURE_94_DB", "SPEED_OF_SOUND", "pressure_from_spl", "spl_from_pressure"]

BANDS_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Octave band centres [Hz]."""

BAND_COUNT = len(BANDS_HZ)

SPEED_OF_SOUND = 343.0
"""Speed of sound [m/s]: 20 C air, and the value pyroomacoustics and the Sabine constant 0.161 assume."""

PRESSURE_94_DB = 1.0
"""A linear pressure of 1.0 RMS is 94 dB SPL (1 Pa re 20 uPa is 93.98 dB)."""


def pressure_from_spl(spl_db: float) -> float:
    """Returns the RMS linear pressure of a level [dB SPL]."""
    return float(10.0 ** ((spl_db - 94.0) / 20.0))


def spl_from_pressure(pressure: float) -> float:
    """Returns the level [dB SPL] of an RMS linear pressure; -inf for silence."""
    return float(20.0 * np.log10(pressure) + 94.0) if pressure > 0 else float("-inf")
