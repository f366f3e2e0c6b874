"""The fixed noise of late reverberation: per decay slope and octave, with the coherence of a diffuse field."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.energy_bands import band_fade_seconds, band_shares, octave_power
from avi_env.acoustics.field import DECAY_TIMES
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.sphere import direction_weights, grid_area, grid_directions

__all__ = [
    "EAR_DISTANCE",
    "LATE_LEAD_SECONDS",
    "diffuse_coherence",
    "diffuse_covariance",
    "diffuse_mixture",
    "independent_noise",
    "late_noise",
    "late_samples",
]

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


def late_noise(slope: int, sample_rate: int, seed: int = 0, receiver: Hrtf | None = None) -> npt.NDArray[np.float32]:
    """Returns the noise of one decay slope, unit energy times each octave's share of the band, shape (7, C, n).

    Sample 0 lies LATE_LEAD_SECONDS before the late field begins. A head has two channels, row 0 is the left ear.
    Microphones differ in energy and resemble each other as they would in an isotropic field.

    Args:
        slope: index into DECAY_TIMES; slopes are independent, so that their energies add.
        sample_rate: [Hz].
        seed: another seed, another noise.
        receiver: who hears it; None = a head. All equalised heads hear the same noise.
    """
    head = receiver is None or receiver.is_diffuse_head
    return _late_noise(slope, sample_rate, seed, None if head else receiver)


def independent_noise(slope: int, sample_rate: int, seed: int, channels: int) -> npt.NDArray[np.float32]:
    """Returns late noise on channels that have nothing in common and unit energy each, as N3D harmonics do, (7, C, n).

    Args:
        slope: index into DECAY_TIMES.
        sample_rate: [Hz].
        seed: another seed, another noise.
        channels: C.
    """
    return _late_noise(slope, sample_rate, seed, channels)


@lru_cache(maxsize=2 * len(DECAY_TIMES))
def _late_noise(slope: int, sample_rate: int, seed: int, receiver: Hrtf | int | None) -> npt.NDArray[np.float32]:
    """Returns the noise of a receiver, of a number of independent channels, or (None) of any head."""
    from scipy import fft

    count = late_samples(slope, sample_rate)
    size = fft.next_fast_len(int(1.1 * count) + 256, real=True)
    random = np.random.default_rng([seed, 0x1A7E, slope])
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    power, (mixture, energy) = octave_power(frequency), diffuse_mixture(receiver, frequency)
    channels = receiver if isinstance(receiver, int) else len(mixture)
    wanted = band_shares(sample_rate) * (power @ energy / power.sum(axis=1))
    noise = np.empty((BAND_COUNT, channels, count), dtype=np.float32)
    for band in range(BAND_COUNT):
        white = fft.rfft(random.standard_normal((channels, size), dtype=np.float32))
        if len(mixture):
            white = np.stack([sum(part * one for part, one in zip(row, white, strict=True)) for row in mixture])
        heard = fft.irfft(white * np.sqrt(power[band]).astype(np.float32), size)
        heard = _even_loudness(heard, band, sample_rate)[:, :count] * _envelope(slope, band, count, sample_rate)
        noise[band] = heard * np.sqrt(wanted[band] / np.sum(heard**2))
    noise.setflags(write=False)
    return noise


def _even_loudness(noise: npt.NDArray[np.floating], band: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Returns steady noise (C, n) divided by its own loudness nearby: chance must not bend the decay.

    Each channel keeps its mean energy. "Nearby" is 20 ms, or eight periods of a low octave.
    """
    from scipy.ndimage import uniform_filter1d

    width = max(int(max(0.02, 8.0 / BANDS_HZ[band]) * sample_rate), 1)
    local = noise.astype(np.float64) ** 2
    for _ in range(2):
        local = uniform_filter1d(local, width, mode="wrap")
    mean = local.mean(axis=-1, keepdims=True)
    return np.asarray(noise * np.sqrt(mean / np.maximum(local, 0.05 * mean)))


def diffuse_mixture(
    receiver: Hrtf | int | None, frequency: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Returns how C independent noises mix to the channels' own in a diffuse field, (C, C, F), and its energy (F,).

    A head's mixture is that of a common and an opposed noise; microphones' is the root of their covariance; independent
    channels need none.

    Args:
        receiver: a receiver, a number of independent channels, or None for any head.
        frequency: evenly from 0 to half the sample rate [Hz], shape (F,).
    """
    if isinstance(receiver, int):
        return np.empty(0), np.full(len(frequency), float(receiver))
    if receiver is None:
        coherence = diffuse_coherence(frequency)
        same, opposite = (np.sqrt((1 + sign * coherence) / 2).astype(np.float32) for sign in (1, -1))
        return np.array([[same, opposite], [same, -opposite]]), np.full(len(frequency), 2.0)
    # The root of a covariance is smooth: sixteen knots for each turn of the farthest pair's phase are enough.
    step = 20.0 if receiver.microphones is None else SPEED_OF_SOUND / (16.0 * max(_width(receiver), 0.1))
    knots = np.linspace(0.0, frequency[-1], max(int(frequency[-1] / step), 1) + 2)
    covariance = diffuse_covariance(receiver, knots)
    value, vector = np.linalg.eigh(covariance)
    # Coincident microphones have a covariance of lower rank: rounding may make its zeros negative.
    root = np.einsum("fik,fk,fjk->ijf", vector, np.sqrt(np.maximum(value, 0.0)), vector.conj())
    place = frequency / knots[1]
    below = np.minimum(place.astype(np.int64), len(knots) - 2)
    share = place - below
    mixture = (root[..., below] * (1.0 - share) + root[..., below + 1] * share).astype(np.complex64)
    energy = np.interp(frequency, knots, np.einsum("fii->f", covariance).real)
    return mixture, energy


def diffuse_covariance(receiver: Hrtf, frequency: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    """Returns the mean of p_i conj(p_j) on a receiver's channels in an isotropic field, shape (F, C, C).

    The field has unit mean square. Of a head: its ears' own energies, and the coherence of two points.
    """
    if receiver.microphones is not None:
        return receiver.microphones.diffuse_covariance(frequency)
    index, weight = direction_weights(
        np.asarray(receiver.directions, dtype=np.float64), grid_directions().reshape(-1, 3)
    )
    area = np.zeros(len(receiver.directions))
    np.add.at(area, index, weight * grid_area().reshape(-1, 1))
    size = 4096
    mean = np.tensordot(area, np.abs(np.fft.rfft(receiver.taps.astype(np.float64), size)) ** 2, axes=1)
    bins = np.fft.rfftfreq(size, 1.0 / receiver.sample_rate)
    amplitude = np.sqrt([np.interp(frequency, bins, ear) for ear in mean]).T
    coherence = diffuse_coherence(frequency)[:, None, None]
    return np.asarray((coherence + (1.0 - coherence) * np.eye(2)) * amplitude[:, :, None] * amplitude[:, None])


def _width(receiver: Hrtf) -> float:
    """Returns the largest distance between two microphones of an array [m]."""
    place = np.array(receiver.microphones.positions if receiver.microphones else ((0.0, 0.0, 0.0),))
    return float(np.linalg.norm(place[:, None] - place[None], axis=-1).max())


def _envelope(slope: int, band: int, count: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Returns the amplitude of a slope over time, shape (count,)."""
    time = np.arange(count) / sample_rate - LATE_LEAD_SECONDS
    rise = np.clip(time / band_fade_seconds()[band] + 0.5, 0.0, 1.0)
    end = np.clip((DECAY_TIMES[slope] - time) / (0.05 * DECAY_TIMES[slope]), 0.0, 1.0)
    return np.asarray(np.sin(0.5 * np.pi * rise) * 10.0 ** (-3.0 * np.maximum(time, 0.0) / DECAY_TIMES[slope]) * end)
