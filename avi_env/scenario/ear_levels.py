"""How loud each source is at the agent's ears: its clip's level and what the room makes of the clip's spectrum."""

from __future__ import annotations

import math
import weakref
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.soundscape import ShiftedStream
from avi_env.envs.batch import EnvBatch
from avi_env.sounds import Clip

__all__ = ["ear_level"]


class _Shares(NamedTuple):
    """How a clip's power is shared, of sum 1."""

    fine: npt.NDArray[np.float32]
    """Among the frequencies of a response's spectrum, shape (F,)."""
    octaves: npt.NDArray[np.float64]
    """Among octave bands, shape (7,)."""


_shares: weakref.WeakKeyDictionary[Clip, dict[int, _Shares]] = weakref.WeakKeyDictionary()


def ear_level(batch: EnvBatch, row: int, source: int, emitter: Emitter) -> float:
    """Returns the level of one of a row's sources at its agent's ears while it sounds [dB SPL].

    The energies of direct sound, reflections (the early response's spectrum) and reverberation (per octave), each
    times the share of the clip's power there; mean of the ears. The clip's own level is that of its active parts. The
    responses are those of the step before: a source that was not played in it is silent.

    Args:
        batch: the environments.
        row: which of them.
        source: number of the source.
        emitter: what it plays.
    """
    sources, channels = batch.world.soundscape.sources, batch.config.channels
    state = batch.tables.stream
    stream = state.stream if isinstance(state, ShiftedStream) else state
    power = _power(_own(stream.filters[row], source, sources), channels)
    if isinstance(state, ShiftedStream):
        power += _power(_own(state.straight.filters[row], source, sources), channels)
    late = stream.late_gain[row, source].square().reshape(-1, BAND_COUNT).sum(dim=0).cpu().numpy()
    share = _shares_of(emitter.clip, 2 * (len(power) - 1))
    gain = float(np.dot(power, share.fine)) + float(np.dot(late, share.octaves))
    return emitter.clip.spl_db + emitter.gain_db + 10.0 * math.log10(gain) if gain > 0.0 else -math.inf


def _own(spectra: torch.Tensor, source: int, sources: int) -> npt.NDArray[np.complex64]:
    """Returns the part of one of S sources, shape (C P, F), in spectra of all, shape (S C P, F)."""
    each = len(spectra) // sources
    own: npt.NDArray[np.complex64] = spectra[source * each : (source + 1) * each].cpu().numpy()
    return own


def _power(spectra: npt.NDArray[np.complex64], channels: int) -> npt.NDArray[np.float32]:
    """Returns the power of a response by frequency, mean of the ears, shape (F,).

    Args:
        spectra: of its pieces one after the other, each followed by as many zeros, shape (C P, F): in the whole, piece
            p is turned by p half periods of each frequency.
        channels: number of ears C.
    """
    pieces = spectra.reshape(channels, -1, spectra.shape[1])
    whole = pieces.sum(axis=1)
    whole[:, 1::2] -= 2.0 * pieces[:, 1::2, 1::2].sum(axis=1)
    power: npt.NDArray[np.float32] = np.mean(whole.real**2 + whole.imag**2, axis=0)
    return power


def _shares_of(clip: Clip, points: int) -> _Shares:
    """Returns how a clip's power is shared among the frequencies of a transform of so many points."""
    kept = _shares.setdefault(clip, {})
    if points not in kept:
        count = max(1, -(-2 * len(clip.samples) // points))  # pieces that overlap by half
        starts = np.arange(count) * (points // 2)
        pieces = clip.samples[(starts[:, None] + np.arange(points)) % len(clip.samples)]
        power = np.sum(np.abs(np.fft.rfft(pieces * np.hanning(points), axis=1)) ** 2, axis=0)
        frequency = np.maximum(np.fft.rfftfreq(points, 1.0 / clip.sample_rate), 1.0)
        octave = np.clip(np.floor(np.log2(frequency / BANDS_HZ[0]) + 0.5), 0, BAND_COUNT - 1).astype(np.int64)
        fine = power / power.sum()
        octaves = np.bincount(octave, fine, BAND_COUNT).astype(np.float64)
        kept[points] = _Shares(fine.astype(np.float32), octaves)
    return kept[points]
