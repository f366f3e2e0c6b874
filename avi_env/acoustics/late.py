"""The late reverb bus: a clip reverberated once per decay slope and octave, mixed per step by the listener's gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.energy_bands import octave_power
from avi_env.acoustics.field import DECAY_TIMES, EARLY_SECONDS
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, late_noise, late_samples

__all__ = ["BUS_LINES", "LATE_GRID_SECONDS", "ReverbBus", "late_begin", "reverberate"]

BUS_LINES = len(DECAY_TIMES) * BAND_COUNT
"""Lines of a bus: slope k in octave b is line 7 k + b."""

LATE_GRID_SECONDS = 0.005
"""Late sound begins on a grid of the early bins' width [s], so that it stays in place while a listener walks.

Copies of one noise a few samples apart differ above 700 Hz: to fade from one to the other at every step would dip the
reverberation by 2 dB, step by step.
"""

_SILENT = 1e-6
"""An octave that holds less than this share of a clip's energy gets no line."""

_TALLEST = 32000.0
"""Largest value of a line; 16 bits leave 90 dB below it."""


def late_begin(first_arrival: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Returns the sample at which the bus begins, its lead before 100 ms after the first arrival [s], int64."""
    arrival = torch.floor(first_arrival.double() / LATE_GRID_SECONDS + 0.5) * LATE_GRID_SECONDS
    return torch.floor(arrival * sample_rate + 0.5).long() + round((EARLY_SECONDS - LATE_LEAD_SECONDS) * sample_rate)


class ReverbBus(NamedTuple):
    """A looped clip as each slope and octave would reverberate it, per channel, for unit late energy.

    A clip that starts at time 0 sounds like loop[t mod n] - past[t]: the loop is the steady state of a clip that has
    always played, the past is what its playing before time 0 leaves behind.
    """

    loop: torch.Tensor
    """Steady state over one loop, shape (lines kept, C, n) int16."""
    past: torch.Tensor
    """Decay after the clip has stopped at the end of a loop, the kept lines one after another, shape (C, sum) int16."""
    line: torch.Tensor
    """Place of each of the 84 lines in `loop`, -1 for a silent one, shape (84,) int32."""
    past_start: torch.Tensor
    """First sample of each line in `past`, shape (84,) int32."""
    scale: torch.Tensor
    """Pressure of one unit of loop and past, shape (84,)."""


def reverberate(
    samples: npt.NDArray[np.floating],
    sample_rate: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    receiver: Hrtf | None = None,
) -> ReverbBus:
    """Returns the reverb bus of a seamless loop.

    Args:
        samples: pressure at 1 m, shape (n,).
        sample_rate: [Hz].
        seed: of the noise.
        device: where to compute and keep it.
        receiver: who hears it, see `late_noise`; None = a head.
    """
    clip = torch.tensor(samples, dtype=torch.float32, device=device)
    count, slopes = len(clip), len(DECAY_TIMES)
    spectrum = _spectrum(clip, count)
    energy = octave_power(np.fft.rfftfreq(count, 1 / sample_rate)) @ _mean_squares(spectrum.cpu().numpy(), count)
    kept = np.flatnonzero(energy > _SILENT * max(float(energy.sum()), 1e-30))
    wanted = torch.tensor(energy[kept], dtype=torch.float32, device=device)
    channels = 2 if receiver is None else receiver.channel_count
    lengths = [late_samples(slope, sample_rate) for slope in range(slopes)]
    # Written in place: a list of slopes and their concatenation would be in memory at one time, some 100 MB.
    loop = torch.zeros(slopes, len(kept), channels, count, dtype=torch.int16, device=device)
    past = torch.zeros(channels, len(kept) * sum(lengths), dtype=torch.int16, device=device)
    scale, first = torch.zeros(slopes, BAND_COUNT, device=device), 0
    lines = torch.from_numpy(kept).to(device)
    for slope in range(slopes if len(kept) else 0):
        noise = torch.from_numpy(late_noise(slope, sample_rate, seed, receiver)[kept]).to(device)
        steady = torch.fft.irfft(torch.fft.rfft(_folded(noise, count)) * spectrum, count)
        after = _past(clip, noise, lengths[slope])
        unit = torch.maximum(steady.abs().amax(dim=(1, 2)), after.abs().amax(dim=(1, 2))).clamp(min=1e-30) / _TALLEST
        last = first + len(kept) * lengths[slope]
        loop[slope] = _sixteen_bits(steady, unit)
        past[:, first:last] = _sixteen_bits(after, unit).transpose(0, 1).flatten(1)
        first = last
        # A tone meets one value of the noise's spectrum, by chance loud or soft: hold the clip to the mean.
        chance = ((steady**2).mean(dim=2).mean(dim=1) / wanted).clamp(min=1e-30)
        scale[slope, lines] = unit * (chance**-0.5).clamp(0.5, 2.0)
    line, past_start = _places(kept, lengths)
    return ReverbBus(
        loop.flatten(0, 1),
        past,
        torch.from_numpy(line).to(device),
        torch.from_numpy(past_start).to(device),
        scale.flatten(),
    )


def _places(kept: npt.NDArray[np.int64], lengths: Sequence[int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Returns place and first sample of each of the 84 lines, of which some octaves are kept; see `ReverbBus`."""
    line, past_start = np.full(BUS_LINES, -1, dtype=np.int32), np.zeros(BUS_LINES, dtype=np.int32)
    lines = (BAND_COUNT * np.arange(len(lengths))[:, None] + kept).reshape(-1)
    line[lines] = np.arange(len(lines))
    each = np.repeat(lengths, len(kept))
    past_start[lines] = np.cumsum(each) - each
    return line, past_start


def _mean_squares(spectrum: npt.NDArray[np.complexfloating], count: int) -> npt.NDArray[np.float64]:
    """Returns the mean square that each bin of a real signal's half spectrum stands for."""
    weight = np.full(len(spectrum), 2.0)
    weight[0] = 1.0
    if count % 2 == 0:
        weight[-1] = 1.0
    return np.asarray(weight * np.abs(spectrum.astype(np.complex128)) ** 2 / count**2)


def _folded(noise: torch.Tensor, count: int) -> torch.Tensor:
    """Returns noise (bands, C, m) summed over periods of `count` samples: what a loop hears of it."""
    periods = -(-noise.shape[-1] // count)
    padded = torch.nn.functional.pad(noise, (0, periods * count - noise.shape[-1]))
    return padded.reshape(*noise.shape[:-1], periods, count).sum(dim=-2)


def _past(clip: torch.Tensor, noise: torch.Tensor, length: int) -> torch.Tensor:
    """Returns what an endless past of the loop leaves behind after it has stopped at its end, (bands, C, length)."""
    size = _even_size(2 * length)
    before = clip[torch.arange(-length, 0, device=clip.device) % len(clip)]
    past: torch.Tensor = torch.fft.irfft(torch.fft.rfft(noise, size) * _spectrum(before, size), size)
    return past[..., length : 2 * length]


def _spectrum(signal: torch.Tensor, size: int) -> torch.Tensor:
    """Returns the half spectrum of one signal, padded to `size`, whose bits do not depend on the number of threads.

    It is transformed as one of two: MKL shares a single long transform out over threads and rounds otherwise then.
    """
    both: torch.Tensor = torch.fft.rfft(signal.expand(2, -1), size)
    return both[0]


def _even_size(least: int) -> int:
    """Returns the next length with small prime factors, fast to transform."""
    from scipy import fft

    return 2 * int(fft.next_fast_len((least + 1) // 2, real=True))


def _sixteen_bits(signal: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """Returns signals (bands, C, m) in their units as integers."""
    return (signal / unit[:, None, None]).round_().to(torch.int16)
