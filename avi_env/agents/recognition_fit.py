"""Makes the sound templates: `python -m avi_env.agents.recognition_fit` writes agents/sound_templates.npz.

Clips of every class are coloured by made-up rooms - a decaying tail, a tilt, a lost top as behind a door - and the
features are turned to the axes that tell the classes apart (linear discriminants with shrinkage).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from avi_env.agents.recognition import SoundTemplates
from avi_env.agents.sound_features import FEATURE_RATE, sound_features
from avi_env.sounds import make_clip, sound_classes

__all__ = ["coloured", "fit_templates", "source_levels", "training_features", "write_templates"]

FloatArray = npt.NDArray[np.floating[Any]]

FIRST_VARIANT = 5000
"""Variants of the clips from here on are for the fit; episodes use those below 1000."""

_SHRINKAGE = 0.1
_LOUD_DB = 6.0  # [dB] below the loudest that still counts as loud


def coloured(samples: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Returns a clip as it might sound somewhere in a house, shape (2, n), loops kept seamless."""
    t60, direct_db = rng.uniform(0.2, 1.2), rng.uniform(-12.0, 15.0)
    time = np.arange(round(t60 * FEATURE_RATE)) / FEATURE_RATE
    tails = rng.standard_normal((2, len(time))) * np.exp(-6.91 * time / t60)
    tails *= 10.0 ** (-direct_db / 20.0) / np.sqrt(np.sum(tails**2, axis=1, keepdims=True))
    tails[:, 0] += 1.0
    wet = signal.fftconvolve(np.tile(samples, (2, 3)), tails, axes=1)[:, len(samples) : 2 * len(samples)]
    spectrum = np.fft.rfft(wet, axis=1)
    frequency = np.fft.rfftfreq(wet.shape[1], 1.0 / FEATURE_RATE)
    octave = np.log2(np.maximum(frequency, 50.0) / 1000.0)
    tilt_db = rng.uniform(-5.0, 1.5) * octave  # behind a door's edge the highs are lost
    ripple_db = 3.0 * np.interp(octave, np.arange(-5.0, 4.0), rng.standard_normal(9))
    return np.fft.irfft(spectrum * 10.0 ** ((tilt_db + ripple_db) / 20.0), wet.shape[1])


def training_features(
    variants: range, rooms: int, windows: int, seed: int = 0, seconds: tuple[float, float] = (1.5, 3.0)
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Returns features, shape (N, D), and class numbers, shape (N,), of coloured clips."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for number, name in enumerate(sound_classes()):
        for variant in variants:
            samples = make_clip(name, variant, FEATURE_RATE).samples
            for room in range(rooms):
                heard = coloured(samples, rng) if room else np.tile(samples.astype(np.float64), (2, 1))
                heard = np.tile(heard, (1, 1 + round(4 * FEATURE_RATE) // heard.shape[1]))
                for _ in range(windows):
                    length = round(rng.uniform(*seconds) * FEATURE_RATE)
                    start = int(rng.integers(0, heard.shape[1] - length + 1))
                    features = sound_features(heard[:, start : start + length], FEATURE_RATE)
                    if features is not None:
                        rows.append(features)
                        labels.append(number)
    return np.array(rows), np.array(labels)


def source_levels(variants: range) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns of each class the level of its loudest quarter of a second 1 m away [dB SPL], and its longest rest [s].

    Both of shape (C,); a rest is the time from one loud quarter to the next.
    """
    found = [_peaks_of(name, variants) for name in sound_classes()]
    return np.array([level for level, _ in found]), np.array([rest for _, rest in found])


def _peaks_of(name: str, variants: range) -> tuple[float, float]:
    quarter, levels, rests = FEATURE_RATE // 4, [], []
    for variant in variants:
        loop = np.tile(make_clip(name, variant, FEATURE_RATE).samples.astype(np.float64), 3)
        blocks = np.mean(loop[: len(loop) // quarter * quarter].reshape(-1, quarter) ** 2, axis=1)
        loud = np.flatnonzero(blocks >= blocks.max() * 10.0 ** (-_LOUD_DB / 10.0))
        levels.append(10.0 * np.log10(blocks.max()) + 94.0)
        rests.append(0.25 * np.diff(loud).max())
    return float(np.mean(levels)), float(np.max(rests))


def fit_templates(
    features: FloatArray, labels: npt.NDArray[np.int64], names: tuple[str, ...], levels: FloatArray, rests: FloatArray
) -> SoundTemplates:
    """Returns linear discriminants of labelled features."""
    offset = features.mean(axis=0)
    centers = np.stack([features[labels == k].mean(axis=0) for k in range(len(names))])
    within = np.cov((features - centers[labels]).T)
    within = (1.0 - _SHRINKAGE) * within + _SHRINKAGE * np.diag(np.diag(within))
    values, vectors = np.linalg.eigh(within)
    whiten = vectors / np.sqrt(values)
    _, _, rotation = np.linalg.svd((centers - offset) @ whiten, full_matrices=False)
    axes = whiten @ rotation[: len(names) - 1].T
    return SoundTemplates(names, offset, axes, (centers - offset) @ axes, np.asarray(levels), np.asarray(rests))


def write_templates(path: Path) -> SoundTemplates:
    """Fits and writes the templates; a pure function of the sound classes."""
    variants = range(FIRST_VARIANT, FIRST_VARIANT + 8)
    features, labels = training_features(variants, rooms=5, windows=3)
    templates = fit_templates(features, labels, sound_classes(), *source_levels(variants))
    arrays = {key: getattr(templates, key).astype(np.float32) for key in SoundTemplates._fields[1:]}
    np.savez_compressed(path, names=np.array(templates.names), **arrays)
    return templates


if __name__ == "__main__":
    write_templates(Path(__file__).with_name("sound_templates.npz"))
