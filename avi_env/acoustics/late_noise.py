"""The fixed noise of late reverberation: per decay slope and octave, with the coherence of a diffuse field."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.energy_bands import band_fade_seconds, band_shares, octave_power
from avi_env.acoustics.field import DECAY_TIMES

__all__ = ["EAR_DISTANCE", "LATE_LEAD_SECONDS", "diffuse_coherence", "late_noise", "late_samples"]

EAR_DISTANCE = 0.17
"""Distance of two points in free air whose coherence is that of the ears in a diffuse field [m]."""

LATE_LEAD_SECONDS = 0.5 * float(band_fade_seconds().max())
"""Late noise begins this long before 100 ms after the first arrival, while the early field fades out [s]."""


def diffuse_coherence(frequency: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Returns the coherence of the ears in a diffuse field, sin(k d) / (k d), shape (F,).

    Source: Cook et al., "Measurement of correlation coefficients in reverberant sound fields", JASA 27 (1955).
    """
    return np.asarray(np.sinc(2.0 * np.asarray(frequency, dtype=np.float64) * EAR_DISTANCE / SPEED_OF_SOUND))


def late_samples(slope: int, sample_rate: int) -> int:
    """Returns the length of a slope's noise [samples]: its lead and the 60 dB that its decay time stands for."""
    return int(np.ceil((LATE_LEAD_SECONDS + DECAY_TIMES[slope]) * sample_rate))


@lru_cache(maxsize=2 * len(DECAY_TIMES))
def late_noise(slope: int, sample_rate: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Returns the noise of one decay slope, unit energy times each octave's share of the band, shape (7, 2, n).

    Sample 0 lies LATE_LEAD_SECONDS before the late field begins; row 0 of the second axis is the left ear.

    Args:
        slope: index into DECAY_TIMES; slopes are independent, so that their energies add.
        sample_rate: [Hz].
        seed: another seed, another noise.
    """
    from scipy import fft

    count = late_samples(slope, sample_rate)
    random = np.random.default_rng([seed, 0x1A7E, slope])
    size = fft.next_fast_len(int(1.1 * count) + 256, real=True)
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    power, coherence = octave_power(frequency), diffuse_coherence(frequency)
    same, opposite = (np.sqrt((1 + sign * coherence) / 2).astype(np.float32) for sign in (1, -1))
    shares = band_shares(sample_rate)
    noise = np.empty((BAND_COUNT, 2, count), dtype=np.float32)
    for band in range(BAND_COUNT):
        common, opposed = fft.rfft(random.standard_normal((2, size), dtype=np.float32))
        common, opposed = common * same, opposed * opposite
        filtered = np.stack([common + opposed, common - opposed]) * np.sqrt(power[band]).astype(np.float32)
        ears = fft.irfft(filtered, size)[:, :count] * _envelope(slope, band, count, sample_rate)
        noise[band] = ears * np.sqrt(2 * shares[band] / np.sum(ears.astype(np.float64) ** 2))
    noise.setflags(write=False)
    return noise


def _envelope(slope: int, band: int, count: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Returns the amplitude of a slope over time, shape (count,)."""
    time = np.arange(count) / sample_rate - LATE_LEAD_SECONDS
    rise = np.clip(time / band_fade_seconds()[band] + 0.5, 0.0, 1.0)
    end = np.clip((DECAY_TIMES[slope] - time) / (0.05 * DECAY_TIMES[slope]), 0.0, 1.0)
    return np.asarray(np.sin(0.5 * np.pi * rise) * 10.0 ** (-3.0 * np.maximum(time, 0.0) / DECAY_TIMES[slope]) * end)
