"""What makes a sound recognisable through a room: spectrum shape, tones and rhythm, none of which depend on level."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal
from scipy.fft import dct

__all__ = ["FEATURE_COUNT", "FEATURE_RATE", "sound_features"]

FloatArray = npt.NDArray[np.floating[Any]]

FEATURE_RATE = 16000
"""Rate at which sounds are compared [Hz]; others are resampled to it."""

_FRAME, _HOP = 512, 160  # 32 ms, 10 ms
_MEL_COUNT = 40
_MEL_HZ = (80.0, 7800.0)
_RANGE_DB = 45.0  # quieter than this below the loudest is the same as silence
_SHAPE_COUNT = 16  # cosine terms of a spectrum's shape
_OCTAVES_HZ = (177.0, 354.0, 707.0, 1414.0, 2828.0, 5657.0, 7800.0)
_WIDE_HZ = (80.0, 700.0, 2200.0, 7800.0)
_RHYTHM_HZ = (0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4)

FEATURE_COUNT = 3 * _SHAPE_COUNT + (len(_OCTAVES_HZ) - 1) * 2 + len(_WIDE_HZ) * (len(_RHYTHM_HZ) - 1) + 8
"""Length of a feature vector."""


def sound_features(audio: FloatArray, sample_rate: int) -> npt.NDArray[np.float64] | None:
    """Returns the features of a stretch of sound, shape (FEATURE_COUNT,), or None when it is silent or too short.

    Args:
        audio: pressure, shape (channels, n); about 1 to 4 s.
        sample_rate: [Hz].
    """
    if sample_rate != FEATURE_RATE:
        common = math.gcd(sample_rate, FEATURE_RATE)
        audio = signal.resample_poly(audio, FEATURE_RATE // common, sample_rate // common, axis=1)
    if audio.shape[1] < _FRAME + 20 * _HOP:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float32), _FRAME, axis=1)[:, ::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), axis=2)) ** 2
    power = spectrum.sum(axis=0).astype(np.float64)  # (T, F): both ears' energies, so that they cannot cancel
    total = power.sum(axis=1)
    if total.max() < 1e-13:  # about 0 dB SPL at this frame length
        return None
    mel = power @ _mel_filters().T
    mel_db = 10.0 * np.log10(np.maximum(mel, mel.max() * 10.0 ** (-_RANGE_DB / 10.0)))
    level_db = 10.0 * np.log10(np.maximum(total, total.max() * 10.0 ** (-_RANGE_DB / 10.0)))
    parts = (_shapes(mel_db, level_db), _tones(power), _rhythm(power), _statistics(power, mel_db, level_db))
    return np.concatenate(parts)


@lru_cache(maxsize=1)
def _frequencies() -> npt.NDArray[np.float64]:
    return np.asarray(np.fft.rfftfreq(_FRAME, 1.0 / FEATURE_RATE), np.float64)


@lru_cache(maxsize=1)
def _mel_filters() -> npt.NDArray[np.float64]:
    """Triangles of equal width on the mel scale, shape (mel, F)."""
    low_mel, high_mel = (2595.0 * math.log10(1.0 + f / 700.0) for f in _MEL_HZ)
    mel = np.linspace(low_mel, high_mel, _MEL_COUNT + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    frequency = _frequencies()[None, :]
    triangles = np.minimum((frequency - low) / (middle - low), (high - frequency) / (high - middle))
    triangles = np.maximum(triangles, 0.0)
    # The lowest triangles are narrower than a bin: each takes at least its nearest.
    triangles[np.arange(_MEL_COUNT), np.argmin(np.abs(frequency - middle), axis=1)] += 1e-3
    return np.asarray(triangles / triangles.sum(axis=1, keepdims=True))


def _shapes(mel_db: FloatArray, level_db: FloatArray) -> npt.NDArray[np.float64]:
    """Cosine terms of the spectrum of what is loud, of what rises, and of the spread over time."""
    loud = 10.0 ** ((level_db - level_db.max()) / 20.0)
    rise = np.maximum(np.diff(level_db, prepend=level_db[0]), 0.0) * loud + 1e-6
    mean = np.average(mel_db, axis=0, weights=loud)
    onset = np.average(mel_db, axis=0, weights=rise)
    terms = [dct(row, norm="ortho")[1 : _SHAPE_COUNT + 1] for row in (mean, onset, mel_db.std(axis=0))]
    return np.concatenate(terms) / 3.0


def _tones(power: FloatArray) -> npt.NDArray[np.float64]:
    """How far single tones stand out of each octave [dB], in the mean and at each moment."""
    mean = power.sum(axis=0)
    weight = power.sum(axis=1) + 1e-30
    found = []
    for low, high in pairwise(_OCTAVES_HZ):
        band = (_frequencies() >= low) & (_frequencies() < high)
        each = power[:, band]
        crest = each.max(axis=1) / np.maximum(each.mean(axis=1), 1e-30)
        found.append(10.0 * math.log10(mean[band].max() / max(float(mean[band].mean()), 1e-30)))
        found.append(10.0 * math.log10(max(float(np.average(crest, weights=weight)), 1.0)))
    return np.array(found)


def _rhythm(power: FloatArray) -> npt.NDArray[np.float64]:
    """How deep the envelope of each wide band, and of all, is modulated at each rate [dB]."""
    frequency = _frequencies()
    bands = [(frequency >= low) & (frequency < high) for low, high in pairwise(_WIDE_HZ)]
    found = []
    for band in (*bands, np.ones(len(frequency), bool)):
        envelope = np.sqrt(power[:, band].sum(axis=1))
        envelope = envelope / max(float(envelope.mean()), 1e-15) - 1.0
        count = 512
        modulation = np.abs(np.fft.rfft(envelope * np.hanning(len(envelope)), max(count, len(envelope)))) ** 2
        rate = np.fft.rfftfreq(max(count, len(envelope)), _HOP / FEATURE_RATE)
        for low, high in pairwise(_RHYTHM_HZ):
            found.append(
                10.0 * math.log10(float(modulation[(rate >= low) & (rate < high)].sum()) / len(envelope) + 1e-3)
            )
    return np.array(found)


def _statistics(power: FloatArray, mel_db: FloatArray, level_db: FloatArray) -> npt.NDArray[np.float64]:
    """Centre and width of the spectrum, where its peak lies, how much of the time it sounds, how fast it changes."""
    mean = power.sum(axis=0) + 1e-30
    octave = np.log2(np.maximum(_frequencies(), 60.0))
    centre = float(np.average(octave, weights=mean))
    width = math.sqrt(float(np.average((octave - centre) ** 2, weights=mean)))
    peak = float(octave[int(np.argmax(mean))])
    below = level_db.max() - level_db
    flux = np.abs(np.diff(mel_db - mel_db.mean(axis=1, keepdims=True), axis=0)).mean()
    jumps = np.diff(level_db)
    return np.array(
        [
            5.0 * centre,
            5.0 * width,
            5.0 * peak,
            10.0 * float(np.mean(below < 10.0)),
            10.0 * float(np.mean(below < 25.0)),
            2.0 * float(flux),
            float(np.maximum(jumps, 0.0).max()),
            5.0 * float(np.abs(jumps).mean()),
        ]
    )
