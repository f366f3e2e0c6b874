"""Pictures of arrays: colour maps, depth, and the spectrogram of an ear in dB SPL."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DEPTH_COLOURS", "SOUND_COLOURS", "LevelRange", "coloured", "depth_picture", "level_range", "sound_picture"]

FloatArray = npt.NDArray[np.floating[Any]]
Picture = npt.NDArray[np.uint8]

SOUND_COLOURS = (
    (10, 11, 18),
    (44, 20, 78),
    (106, 28, 110),
    (172, 46, 98),
    (229, 89, 67),
    (251, 155, 46),
    (252, 240, 178),
)
"""Dark blue through magenta and orange to cream."""
DEPTH_COLOURS = ((250, 236, 178), (129, 206, 168), (50, 157, 160), (42, 105, 142), (52, 57, 112), (24, 22, 44))
"""Near is light, far is dark."""

_WINDOW = 0.032  # [s]
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 8000.0
_SPL_OF_ONE = 94.0


class LevelRange(NamedTuple):
    """Levels that a spectrogram's colours span [dB SPL]."""

    low: float = 0.0
    high: float = 70.0


def coloured(values: FloatArray, colours: tuple[tuple[int, int, int], ...]) -> Picture:
    """Returns values in 0..1, shape (h, w), as a picture (h, w, 3) between evenly spaced colours."""
    table = np.array(colours, dtype=np.float64)
    fine = np.stack([np.interp(np.linspace(0, len(table) - 1, 256), np.arange(len(table)), c) for c in table.T], axis=1)
    index = np.clip(np.nan_to_num(values) * 255.0, 0, 255).astype(np.uint8)
    return np.asarray(np.rint(fine).astype(np.uint8)[index])


def depth_picture(depth: FloatArray, farthest: float = 8.0) -> Picture:
    """Returns a planar depth image as a picture.

    Args:
        depth: [m], 0 = no hit, shape (h, w) or (h, w, 1).
        farthest: depth with the darkest colour [m].
    """
    flat = np.asarray(depth, dtype=np.float64)
    flat = flat[..., 0] if flat.ndim == 3 else flat
    picture = coloured(np.sqrt(np.clip(flat / farthest, 0.0, 1.0)), DEPTH_COLOURS)
    picture[flat <= 0.0] = (12, 12, 16)
    return picture


def level_range(audio: FloatArray, sample_rate: int, span: float = 60.0) -> LevelRange:
    """Returns the colour range for a whole recording: its loudest moments bright, `span` dB below them dark.

    Args:
        audio: linear pressure, shape (2, n).
        sample_rate: [Hz].
        span: [dB].
    """
    starts = range(0, audio.shape[1], 60 * sample_rate)
    loud = [
        np.max(_levels(audio[:, start : start + 60 * sample_rate], sample_rate, 200), initial=0.0) for start in starts
    ]
    high = float(max([20.0, *loud]))
    return LevelRange(high - span, high)


def sound_picture(
    audio: FloatArray, sample_rate: int, width: int, height: int, levels: LevelRange | None = None
) -> Picture:
    """Returns the spectrogram of one ear: time to the right, octaves upwards from 80 Hz to 8 kHz, colour = level.

    Args:
        audio: linear pressure, shape (n,).
        sample_rate: [Hz].
        width: [px].
        height: [px].
        levels: colour range [dB SPL in a 31 Hz band].
    """
    span = levels or LevelRange()
    decibels = _levels(audio[None], sample_rate, width)[0]
    top = min(_HIGHEST_HZ, sample_rate / 2)
    rows = np.geomspace(top, _LOWEST_HZ, height) * _WINDOW  # in lines of the transform
    low = np.clip(rows.astype(int), 0, decibels.shape[0] - 2)
    share = (rows - low)[:, None]
    picture = decibels[low] * (1.0 - share) + decibels[low + 1] * share
    return coloured((picture - span.low) / (span.high - span.low), SOUND_COLOURS)


def _levels(audio: FloatArray, sample_rate: int, columns: int) -> npt.NDArray[np.float64]:
    """Levels of short windows, evenly spread over the sound [dB SPL per line], shape (channels, lines, columns)."""
    size = round(_WINDOW * sample_rate)
    padded = np.pad(np.asarray(audio, dtype=np.float64), ((0, 0), (size // 2, size)))
    centres = np.linspace(0, max(audio.shape[1] - 1, 0), columns).astype(int)
    window = np.hanning(size + 1)[:-1]
    frames = padded[:, centres[:, None] + np.arange(size)] * window
    amplitude = np.abs(np.fft.rfft(frames, axis=-1)) * np.sqrt(2.0) / window.sum()  # RMS of a sine at the line
    decibels: npt.NDArray[np.float64] = 20.0 * np.log10(np.maximum(amplitude, 1e-9)) + _SPL_OF_ONE
    return decibels.transpose(0, 2, 1)
