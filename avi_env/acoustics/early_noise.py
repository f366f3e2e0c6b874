"""The fixed noise that stands for early reflections: a band-filtered signal per direction and octave."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.energy_bands import band_fade_seconds, band_shares, octave_power
from avi_env.acoustics.field import EARLY_BIN_SECONDS, EARLY_SECONDS

__all__ = ["EARLY_DIRECTIONS", "early_noise", "early_samples"]

_GOLDEN = (1 + np.sqrt(5)) / 2
_ICOSAHEDRON = np.array(
    [(0, a, b * _GOLDEN) for a in (-1, 1) for b in (-1, 1)]
    + [(a, b * _GOLDEN, 0) for a in (-1, 1) for b in (-1, 1)]
    + [(b * _GOLDEN, 0, a) for a in (-1, 1) for b in (-1, 1)]
)

EARLY_DIRECTIONS: npt.NDArray[np.float64] = _ICOSAHEDRON / np.linalg.norm(_ICOSAHEDRON, axis=1, keepdims=True)
"""World directions that early reflections come from, shape (12, 3): an icosahedron integrates fifth order exactly."""

_PULSE_SECONDS = 0.001
"""Mean distance of the pulses of one direction: twelve directions make 12000 pulses a second, a smooth noise."""


def early_samples(sample_rate: int) -> int:
    """Returns the length of the early noise [samples]: the early field and the longest fade."""
    return int(np.ceil((EARLY_SECONDS + 0.5 * band_fade_seconds().max()) * sample_rate))


@lru_cache(maxsize=8)
def early_noise(sample_rate: int, seed: int, device: str) -> torch.Tensor:
    """Returns noise of unit energy density in each octave's share of the band, shape (12, 7, n) float32.

    Velvet noise, filtered per octave, of even loudness over time, orthogonal between directions, switched on at
    sample 0 and off around the end of the early field so that it meets the late reverberation at equal energy.

    Args:
        sample_rate: [Hz].
        seed: another seed, another noise.
        device: where to.

    Source: Valimaki et al., "Late reverberation synthesis using filtered velvet noise", Applied Sciences 7 (2017).
    """
    count, margin = early_samples(sample_rate), int(0.1 * sample_rate)
    random = np.random.default_rng([seed, 0x0EA2])
    directions = len(EARLY_DIRECTIONS)
    # Own pulses for each octave: octaves of one noise would add as pressures where they overlap, not as energies.
    white = _velvet((directions, BAND_COUNT), count + 2 * margin, sample_rate, random)
    size = 2 * white.shape[-1]
    power = octave_power(np.fft.rfftfreq(size, 1 / sample_rate))
    bands = np.fft.irfft(np.fft.rfft(white, size) * np.sqrt(power), size)[..., : white.shape[-1]]
    shares = band_shares(sample_rate)
    even = _even_loudness(bands, shares, sample_rate)[..., margin : margin + count]
    even = _orthogonal(even.reshape(-1, count)).reshape(even.shape) * np.sqrt(shares[:, None] * count)
    noise = even * _switch(count, sample_rate)
    return torch.from_numpy(noise.astype(np.float32)).to(device)


def _velvet(
    shape: tuple[int, ...], count: int, sample_rate: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Returns sparse pulses of random sign, one at a random place of each interval, with unit mean square."""
    spacing = _PULSE_SECONDS * sample_rate
    pulses = int(count / spacing)
    place = ((np.arange(pulses) + random.random((*shape, pulses))) * spacing).astype(np.int64)
    noise = np.zeros((*shape, count))
    np.put_along_axis(noise, place, random.choice([-1.0, 1.0], place.shape) * np.sqrt(spacing), axis=-1)
    return noise


def _even_loudness(
    bands: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], sample_rate: int
) -> npt.NDArray[np.float64]:
    """Returns the noise divided by its own loudness within 20 ms: chance must not make one early bin loud."""
    window = np.hanning(2 * int(0.01 * sample_rate) + 1)
    size = bands.shape[-1] + len(window)
    smooth = np.fft.irfft(np.fft.rfft(bands**2, size) * np.fft.rfft(window / window.sum(), size), size)
    local = smooth[..., len(window) // 2 : len(window) // 2 + bands.shape[-1]]
    return np.asarray(bands / np.sqrt(np.maximum(local / shares[:, None], 0.05)))


def _orthogonal(signals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the orthonormal signals nearest to given ones, shape (D, n).

    Source: Lowdin, symmetric orthogonalisation, 1950.
    """
    unit = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    value, vector = np.linalg.eigh(unit @ unit.T)
    return np.asarray((vector / np.sqrt(value)) @ vector.T @ unit)


def _switch(count: int, sample_rate: int) -> npt.NDArray[np.float64]:
    """Returns each octave's amplitude over time: on without a click from 0, off around 100 ms, (7, count)."""
    time = np.arange(count) / sample_rate
    fade = band_fade_seconds()[:, None]
    rise = np.sin(0.5 * np.pi * np.clip(time / fade, 0.0, 1.0)) ** 2
    fall = np.cos(0.5 * np.pi * np.clip((time - EARLY_SECONDS) / fade + 0.5, 0.0, 1.0)) ** 2
    # The rise takes energy from the first bin, whose share of a sample is `first`: give it back there.
    first = np.clip(1.5 - time / EARLY_BIN_SECONDS, 0.0, 1.0)
    wanted, left = first.sum(), (first * rise).sum(axis=1, keepdims=True)
    boost = (wanted - left) / (first**2 * rise).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(rise * fall * (1.0 + boost * first)))
