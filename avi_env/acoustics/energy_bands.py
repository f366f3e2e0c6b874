"""Octave filters for energies: their squared magnitudes sum to one, so that band energies add up to the whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ

__all__ = ["band_fade_seconds", "band_shares", "octave_power"]


def octave_power(frequency: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Returns each octave's share of the energy at a frequency, shape (7, F), sum 1 over bands.

    Raised cosines over log-frequency between band centres; the outer bands reach down to 0 and up to any frequency.

    Args:
        frequency: [Hz], shape (F,).

    Source: Antoni, "Orthogonal-like fractional-octave-band filters", JASA 127 (2010), with the widest transition.
    """
    place = np.log2(np.maximum(np.asarray(frequency, dtype=np.float64), 1.0) / BANDS_HZ[0])
    distance = np.abs(np.clip(place, 0.0, BAND_COUNT - 1.0) - np.arange(BAND_COUNT)[:, None])
    return np.asarray(np.cos(0.5 * np.pi * np.minimum(distance, 1.0)) ** 2)


def band_shares(sample_rate: int) -> npt.NDArray[np.float64]:
    """Returns the energy of a unit impulse in each octave, shape (7,), sum 1."""
    return np.asarray(octave_power(np.linspace(0.0, sample_rate / 2, 8193)).mean(axis=1))


def band_fade_seconds() -> npt.NDArray[np.float64]:
    """Returns the time in which each octave's noise is switched on or off without a click [s], shape (7,).

    Half a period of the centre frequency, at most 2.5 ms (half an early bin).
    """
    return np.minimum(0.5 / np.asarray(BANDS_HZ), 0.0025)
