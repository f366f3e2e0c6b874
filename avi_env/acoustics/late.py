"""The late reverb bus: a clip reverberated once per decay slope and octave, mixed per step by the listener's gains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.energy_bands import octave_power
from avi_env.acoustics.field import DECAY_TIMES
from avi_env.acoustics.late_noise import late_noise, late_samples

__all__ = ["BUS_LINES", "ReverbBus", "reverberate"]

BUS_LINES = len(DECAY_TIMES) * BAND_COUNT
"""Lines of a bus: slope k in octave b is line 7 k + b."""

_SILENT = 1e-6
"""An octave that holds less than this share of a clip's energy gets no line."""

_TALLEST = 32000.0
"""Largest value of a line; 16 bits leave 90 dB below it."""


class ReverbBus(NamedTuple):
    """A looped clip as each slope and octave would reverberate it, per ear, for unit late energy.

    A clip that starts at time 0 sounds like loop[t mod n] - past[t]: the loop is the steady state of a clip that has
    always played, the past is what its playing before time 0 leaves behind.
    """

    loop: npt.NDArray[np.int16]
    """Steady state over one loop, shape (lines kept, n, 2)."""
    past: npt.NDArray[np.int16]
    """Decay after the clip has stopped at the end of a loop, the kept lines one after another, shape (sum, 2)."""
    line: npt.NDArray[np.int32]
    """Place of each of the 84 lines in `loop`, -1 for a silent one, shape (84,)."""
    past_start: npt.NDArray[np.int32]
    """First sample of each line in `past`, shape (84,)."""
    scale: npt.NDArray[np.float32]
    """Pressure of one unit of loop and past, shape (84,)."""


def reverberate(samples: npt.NDArray[np.floating], sample_rate: int, seed: int = 0) -> ReverbBus:
    """Returns the reverb bus of a seamless loop.

    Args:
        samples: pressure at 1 m, shape (n,).
        sample_rate: [Hz].
        seed: of the noise.
    """
    from scipy import fft

    clip = np.asarray(samples, dtype=np.float32)
    count = len(clip)
    spectrum = fft.rfft(clip)
    octaves = octave_power(np.fft.rfftfreq(count, 1 / sample_rate))
    energy = octaves @ _mean_squares(spectrum, count)
    kept = [band for band in range(BAND_COUNT) if energy[band] > _SILENT * max(float(energy.sum()), 1e-30)]
    loops: list[npt.NDArray[np.int16]] = []
    pasts: list[npt.NDArray[np.int16]] = []
    line, past_start = np.full(BUS_LINES, -1, dtype=np.int32), np.zeros(BUS_LINES, dtype=np.int32)
    scale, begin = np.zeros(BUS_LINES, dtype=np.float32), 0
    for slope in range(len(DECAY_TIMES)):
        noise = late_noise(slope, sample_rate, seed)[kept]
        steady = fft.irfft(fft.rfft(_folded(noise, count)) * spectrum, count)
        past = _past(clip, noise, sample_rate, slope)
        for place, band in enumerate(kept):
            number = BAND_COUNT * slope + band
            unit = max(np.abs(steady[place]).max(), np.abs(past[place]).max(), 1e-30) / _TALLEST
            line[number], past_start[number] = len(loops), begin
            loops.append(np.rint(steady[place].T / unit).astype(np.int16))
            pasts.append(np.rint(past[place].T / unit).astype(np.int16))
            # A tone meets one value of the noise's spectrum, by chance loud or soft: hold the clip to the mean.
            chance = float(np.mean(steady[place] ** 2)) / max(float(energy[band]), 1e-30)
            scale[number] = unit * np.clip(max(chance, 1e-30) ** -0.5, 0.5, 2.0)
            begin += past.shape[-1]
    empty = np.zeros((0, count, 2), dtype=np.int16)
    return ReverbBus(
        np.stack(loops) if loops else empty, np.concatenate(pasts) if pasts else empty[:, 0], line, past_start, scale
    )


def _mean_squares(spectrum: npt.NDArray[np.complexfloating], count: int) -> npt.NDArray[np.float64]:
    """Returns the mean square that each bin of a real signal's half spectrum stands for."""
    weight = np.full(len(spectrum), 2.0)
    weight[0] = 1.0
    if count % 2 == 0:
        weight[-1] = 1.0
    return np.asarray(weight * np.abs(spectrum.astype(np.complex128)) ** 2 / count**2)


def _folded(noise: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Returns noise (bands, 2, m) summed over periods of `count` samples: what a loop hears of it."""
    periods = -(-noise.shape[-1] // count)
    padded = np.zeros((*noise.shape[:-1], periods * count), dtype=np.float32)
    padded[..., : noise.shape[-1]] = noise
    return np.asarray(padded.reshape(*noise.shape[:-1], periods, count).sum(axis=-2))


def _past(
    clip: npt.NDArray[np.float32], noise: npt.NDArray[np.float32], sample_rate: int, slope: int
) -> npt.NDArray[np.float32]:
    """Returns what an endless past of the loop leaves behind after it has stopped at its end, shape (bands, 2, m)."""
    from scipy import fft

    length = late_samples(slope, sample_rate)
    size = fft.next_fast_len(2 * length, real=True)
    before = clip[np.arange(-length, 0) % len(clip)]
    past = fft.irfft(fft.rfft(noise, size) * fft.rfft(before, size), size)
    return np.asarray(past[..., length : 2 * length])
