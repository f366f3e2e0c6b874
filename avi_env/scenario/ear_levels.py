"""How loud each source is at the agent's ears: its clip's level and what the room makes of the clip's spectrum."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.soundscape import ShiftedStream
from avi_env.acoustics.stream import StreamState
from avi_env.envs.batch import EnvBatch
from avi_env.sounds import Clip

__all__ = ["ear_level", "prepare_levels"]


class _Shares(NamedTuple):
    """How a clip's power is shared, of sum 1."""

    fine: npt.NDArray[np.float32]
    """Among the frequencies of a response's spectrum, each twice: for real and imaginary part, shape (2 F,)."""
    octaves: npt.NDArray[np.float64]
    """Among octave bands, shape (7,)."""


_shares: weakref.WeakKeyDictionary[Clip, dict[int, _Shares]] = weakref.WeakKeyDictionary()


def prepare_levels(batch: EnvBatch, clips: Iterable[Clip]) -> None:
    """Finds out how the power of clips is shared among frequencies, so that no step has to wait for that."""
    for clip in clips:
        _shares_of(clip, 2 * (_stream(batch).filters.shape[-1] - 1))


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
    state, stream = batch.tables.stream, _stream(batch)
    share = _shares_of(emitter.clip, 2 * (stream.filters.shape[-1] - 1))
    gain = _gain(_own(stream.filters, row, source, sources), channels, share)
    if isinstance(state, ShiftedStream):
        gain += _gain(_own(state.straight.filters, row, source, sources), channels, share)
    late = stream.late_gain[row, source].cpu().numpy().reshape(-1, BAND_COUNT)
    gain += float(np.einsum("pb,pb,b", late, late, share.octaves))
    return emitter.clip.spl_db + emitter.gain_db + 10.0 * math.log10(gain) if gain > 0.0 else -math.inf


def _stream(batch: EnvBatch) -> StreamState:
    """Returns what is played to the ears: of sources that move, the responses after the step."""
    state = batch.tables.stream
    return state.stream if isinstance(state, ShiftedStream) else state


def _own(spectra: torch.Tensor, row: int, source: int, sources: int) -> npt.NDArray[np.complex64]:
    """Returns the part of one row and one of S sources, shape (C P, F), in spectra of all, shape (B, S C P, F)."""
    each = spectra.shape[1] // sources
    own: npt.NDArray[np.complex64] = spectra[row, source * each : (source + 1) * each].cpu().numpy()
    return own


def _gain(spectra: npt.NDArray[np.complex64], channels: int, share: _Shares) -> float:
    """Returns what a response makes of a clip's power, mean of the ears.

    Args:
        spectra: of its pieces one after the other, each followed by as many zeros, shape (C P, F): in the whole, piece
            p is turned by p half periods of each frequency.
        channels: number of ears C.
        share: of the clip.
    """
    pieces = spectra.reshape(channels, -1, spectra.shape[1])
    whole, odd = np.add.reduce(pieces[:, ::2], axis=1), np.add.reduce(pieces[:, 1::2], axis=1)
    whole[:, ::2] += odd[:, ::2]
    whole[:, 1::2] -= odd[:, 1::2]
    parts = whole.view(np.float32)
    return float(np.dot(np.einsum("ci,ci->i", parts, parts), share.fine)) / channels


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
        kept[points] = _Shares(np.repeat(fine, 2).astype(np.float32), octaves)
    return kept[points]
