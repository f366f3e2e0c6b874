"""How loud each source is at the agent's ears: its clip's level and what the room makes of the clip's spectrum."""

from __future__ import annotations

import weakref
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BANDS_HZ
from avi_env.acoustics.emitter import Emitter
from avi_env.envs.batch import EnvBatch
from avi_env.sounds import Clip
from avi_env.tasks.transition import COUNTS, NUMBERS, PLACES, SLOTS

__all__ = ["ear_levels", "power_spectrum"]

_EARS, _YAW, _HEARD = PLACES.index("ears"), NUMBERS.index("yaw"), SLOTS.index("heard_index")
_SEAT, _CLOCK = COUNTS.index("seat"), COUNTS.index("sound_clock")
_POINTS = 8192
"""Length of the transforms: half a second at 16 kHz, longer than an early response."""

FloatArray = npt.NDArray[np.float64]

_spectra: weakref.WeakKeyDictionary[Clip, FloatArray] = weakref.WeakKeyDictionary()


def power_spectrum(clip: Clip) -> FloatArray:
    """Returns how a clip's power is shared among frequencies 0 .. half the sample rate, shape (4097,), of sum 1."""
    if clip not in _spectra:
        count = max(1, -(-2 * len(clip.samples) // _POINTS))  # pieces that overlap by half
        starts = np.arange(count) * (_POINTS // 2)
        pieces = clip.samples[(starts[:, None] + np.arange(_POINTS)) % len(clip.samples)]
        power = np.sum(np.abs(np.fft.rfft(pieces * np.hanning(_POINTS), axis=1)) ** 2, axis=0)
        _spectra[clip] = power / power.sum()
    return _spectra[clip]


def ear_levels(batch: EnvBatch, row: int, emitters: Mapping[int, Emitter]) -> dict[int, float]:
    """Returns the level of some of a row's sources at its agent's ears while they sound [dB SPL], by their numbers.

    The energies of direct sound, reflections (the early response's spectrum) and reverberation (per octave), each
    times the share of the clip's power there; mean of the ears. The clip's own level is that of its active parts.

    Args:
        batch: the environments.
        row: which of them.
        emitters: what its sources play, by their numbers.
    """
    if not emitters:
        return {}
    places, numbers, slots, counts, _ = batch.tables.columns
    one, world = slice(row, row + 1), batch.world
    with torch.no_grad():
        fir, sample = world.soundscape.responses(
            world.bank,
            counts[_SEAT, one],
            slots[_HEARD, one],
            places[_EARS, one],
            numbers[_YAW, one],
            counts[_CLOCK, one],
        )
    early = np.abs(np.fft.rfft(fir[0].cpu().numpy(), _POINTS, axis=-1)) ** 2
    late = sample.late.sum(dim=1).cpu().numpy()
    octave = _octaves(batch.config.sample_rate)
    found = {}
    for number, emitter in emitters.items():
        share = power_spectrum(emitter.clip)
        gain = float((early[number].mean(axis=0) * share).sum() + (late[number][octave] * share).sum())
        level = emitter.clip.spl_db + emitter.gain_db
        found[number] = level + 10.0 * float(np.log10(gain)) if gain > 0.0 else -np.inf
    return found


def _octaves(sample_rate: int) -> npt.NDArray[np.int64]:
    """Returns the octave of each frequency of a spectrum, shape (4097,)."""
    frequency = np.fft.rfftfreq(_POINTS, 1.0 / sample_rate)
    number = np.floor(np.log2(np.maximum(frequency, 1.0) / BANDS_HZ[0]) + 0.5)
    octave: npt.NDArray[np.int64] = np.clip(number, 0, len(BANDS_HZ) - 1).astype(np.int64)
    return octave
