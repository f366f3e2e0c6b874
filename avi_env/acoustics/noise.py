"""Energy over time to a waveform: Gaussian noise per octave, corrected so that every block keeps its energy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ

__all__ = ["band_shares", "direction_shares", "energy_held", "noise_bands", "sample_density", "shaped_noise"]

FloatArray = npt.NDArray[np.float64]

_OUTER = 1  # octaves beyond each end of BANDS_HZ: they have the energies of the outermost one
_CENTRES = BANDS_HZ[0] * 2.0 ** np.arange(-_OUTER, BAND_COUNT + _OUTER)  # [Hz], 62.5 .. 16 kHz
_CROSSOVER_OCTAVES = 1.0 / 3.0  # width of the handover between neighbouring octaves
_BLOCK_SECONDS = 0.01  # energies are held over blocks of at least this length ...
_BLOCK_PERIODS = 2.0  # ... and of this many periods of the octave's centre
_PASSES = 3  # of block-wise correction; each leaves about a tenth of the error
_CORRECTION = 4.0  # greatest amplitude correction per pass


@lru_cache(maxsize=8)
def noise_bands(count: int, sample_rate: float) -> FloatArray:
    """Returns amplitude responses of 9 octave filters (62.5 Hz .. 16 kHz) whose squares sum to 1, (9, count // 2 + 1).

    The outermost octaves reach down to 0 Hz and up to half the sample rate; those above it are empty.
    """
    frequency = np.fft.rfftfreq(count, 1.0 / sample_rate)
    octave = np.log2(np.maximum(frequency, 1.0) / _CENTRES[0])
    # rise[b]: 0 below the lower edge of octave b, 1 above it.
    edges = np.arange(1, len(_CENTRES)) - 0.5
    place = np.clip((octave - edges[:, None]) / _CROSSOVER_OCTAVES + 0.5, 0.0, 1.0)
    rise = np.sin(0.5 * np.pi * place) ** 2
    one, zero = np.ones((1, len(frequency))), np.zeros((1, len(frequency)))
    power = np.concatenate([one, rise]) - np.concatenate([rise, zero])
    return np.asarray(np.sqrt(np.maximum(power, 0.0)))


def band_shares(spectrum: FloatArray, sample_rate: float) -> FloatArray:
    """Returns how much of white noise's energy each of the 9 octaves holds after a filter, shape (..., 9).

    Args:
        spectrum: squared magnitude of the filter on count // 2 + 1 bins, shape (..., F).
        sample_rate: [Hz].
    """
    count = 2 * (spectrum.shape[-1] - 1)
    weight = np.full(spectrum.shape[-1], 2.0 / count)
    weight[0] = weight[-1] = 1.0 / count
    return np.asarray((spectrum * weight) @ (noise_bands(count, float(sample_rate)) ** 2).T)


def sample_density(energy: FloatArray, bin_seconds: float, sample_rate: float, length: int) -> FloatArray:
    """Returns the energy per sample in each of the 9 octaves, smoothed to what the octave resolves, shape (9, length).

    Smoothing looks back only: nothing sounds before it arrives.

    Args:
        energy: energy per bin and octave, shape (bins, 7).
        bin_seconds: width of a bin [s].
        sample_rate: [Hz].
        length: number of samples; what the histogram has beyond is left out.
    """
    edges = np.round(np.arange(len(energy) + 1) * bin_seconds * sample_rate).astype(int)
    width = np.diff(edges)
    density = np.repeat(energy / np.maximum(width, 1)[:, None], width, axis=0)[:length]
    density = np.pad(density, ((0, length - len(density)), (_OUTER, _OUTER)), mode="constant")
    density[:, :_OUTER], density[:, -_OUTER:] = density[:, [_OUTER]], density[:, [-_OUTER - 1]]
    rows = np.ascontiguousarray(density.T)
    for row, centre in zip(rows, _CENTRES, strict=True):
        window = int(sample_rate / centre)
        if window > 1:
            total = np.concatenate([np.zeros(window), np.cumsum(row)])
            row[:] = np.maximum(total[window:] - total[:-window], 0.0) / window
    return rows


def shaped_noise(density: FloatArray, sample_rate: float, rng: np.random.Generator) -> FloatArray:
    """Returns noise with an energy density per octave and sample, shape (n,).

    An impulse of amplitude 1 has energy 1 in every octave of the density's units, as the direct sound of gain 1.

    Args:
        density: shape (9, n), as `sample_density` returns it.
        sample_rate: [Hz].
        rng: source of the noise.
    """
    length = density.shape[1]
    count = _fft_count(length, sample_rate)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    result = np.zeros(length)
    for row, response in zip(density, noise_bands(count, float(sample_rate)), strict=True):
        if response.any() and row.any():
            result += np.fft.irfft(spectrum * response, count)[:length] * np.sqrt(row)
    return result


def energy_held(signals: FloatArray, density: FloatArray, sample_rate: float) -> FloatArray:
    """Returns signals corrected octave by octave and block by block to the energy that they should have.

    Gaussian noise strays from its mean energy; short blocks of low octaves by several decibels.

    Args:
        signals: shape (channels, n).
        density: wanted energy per octave and sample of each channel, shape (channels, 9, n).
        sample_rate: [Hz].
    """
    length = signals.shape[1]
    count = _fft_count(length, sample_rate)
    responses = noise_bands(count, float(sample_rate))
    result = np.zeros_like(signals)
    for channel, spectrum in enumerate(np.fft.rfft(signals, count, axis=-1)):
        for row, response, centre in zip(density[channel], responses, _CENTRES, strict=True):
            if response.any() and row.any():
                part = np.fft.irfft(spectrum * response, count)[:length]
                part = part * _gains(part**2, row, sample_rate, float(centre))
                # The octaves' squared responses sum to 1: filtered twice, they give back the signal.
                result[channel] += np.fft.irfft(np.fft.rfft(part, count) * response, count)[:length]
    return result


def _gains(present: FloatArray, wanted: FloatArray, rate: float, centre: float) -> FloatArray:
    """Returns the amplitude per sample that brings one energy density to another, block by block."""
    block = max(int(rate * max(_BLOCK_SECONDS, _BLOCK_PERIODS / centre)), 1)
    blocks = -(-len(present) // block)
    padding = (0, blocks * block - len(present))
    goal = np.pad(wanted, padding).reshape(blocks, block).sum(axis=1)
    middle = (np.arange(blocks) + 0.5) * block
    time = np.arange(len(present))
    gain = np.ones(len(present))
    for _ in range(_PASSES):
        now = np.pad(present * gain**2, padding).reshape(blocks, block).sum(axis=1)
        ratio = np.sqrt(goal / np.maximum(now, 1e-300))
        ratio = np.where(goal > 0.0, np.clip(ratio, 1.0 / _CORRECTION, _CORRECTION), 1.0)
        gain *= np.interp(time, middle, ratio)
    return gain


def _fft_count(length: int, sample_rate: float) -> int:
    """Returns an even length [samples] that keeps the lowest octave's filter from wrapping around."""
    return 2 * int(next_fast_len((length + int(0.25 * sample_rate) + 1) // 2, real=True))


def direction_shares(energy: FloatArray, directions: FloatArray) -> FloatArray:
    """Returns how energy spreads over directions so that its first moment is kept, shape (..., D); sums to 1.

    Args:
        energy: first-order harmonics: omnidirectional, then times x, y, z, shape (..., 4).
        directions: unit vectors spread evenly over the sphere, shape (D, 3).

    Source:
        Maximum entropy for a given mean direction: the von Mises-Fisher distribution; concentration after
        Banerjee et al., J. Mach. Learn. Res. 6, 1345 (2005), equation 4.4.
    """
    mean = energy[..., 1:] / np.maximum(energy[..., :1], 1e-300)
    length = np.minimum(np.linalg.norm(mean, axis=-1, keepdims=True), 0.95)
    concentration = length * (3.0 - length**2) / (1.0 - length**2)
    axis = mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)
    exponent = concentration * (axis @ directions.T)
    share = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return np.asarray(share / share.sum(axis=-1, keepdims=True))
