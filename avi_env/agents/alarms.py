"""Hearing a smoke alarm through whatever else sounds: by its rhythm in narrow bands, not by the class of the mixture.

Smoke alarms sound the temporal-three pattern: three tones of 0.5 s with 0.5 s between them, 1.5 s from the end of the
third to the next first; others go on without that pause. Each narrow band's envelope over the last four seconds is
correlated with both patterns.

Source: ISO 8201:2017 (temporal pattern); UL 217 (piezo horns near 3.1 kHz).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import spl_from_pressure

__all__ = ["SMOKE_ALARM", "AlarmWatch"]

FloatArray = npt.NDArray[np.floating[Any]]

SMOKE_ALARM = "smoke_alarm"
"""Class of sound that the watch listens for."""

_CYCLE_S, _TONE_S = 4.0, 0.5
_ONSETS_S = ((0.0, 1.0, 2.0), (0.0, 1.0, 2.0, 3.0))  # temporal-three; even
_BAND_HZ = (2400.0, 3800.0)
_FRAME_S, _HOP_S = 0.032, 0.01
_SHIFT_S = 0.05  # raster of the pattern's start
_ALIKE = (0.8, 0.88)  # correlation from which it is the alarm, of each pattern; an alarm clock is like the second
_HELD_S = 1.25  # so long it must stay alike: what begins or ends looks like any pattern for a moment
_BESIDE_HZ, _BESIDE_DB = 130.0, 6.0  # a tone stands out of what lies so far off: other beeps end below the band
_SLOW_HZ, _FAST_HZ, _FLUTTER = (0.4, 1.6), (7.0, 10.0), 0.1  # beeps of an alarm clock flutter, an alarm's tones do not
_LEAST_DB = 20.0  # [dB SPL] of a band that can be taken for an alarm


class AlarmWatch:
    """Listens for a smoke alarm.

    Args:
        sample_rate: of the audio observation [Hz].
        step_seconds: simulated time between observations [s].
    """

    def __init__(self, sample_rate: int, step_seconds: float) -> None:
        self._frame, self._hop = round(_FRAME_S * sample_rate), round(_HOP_S * sample_rate)
        self._new = round(step_seconds * sample_rate)
        frequency = np.fft.rfftfreq(self._frame, 1.0 / sample_rate)
        low, high = np.searchsorted(frequency, _BAND_HZ)
        self._beside = round(_BESIDE_HZ * _FRAME_S)
        self._bins = slice(low - self._beside, high + self._beside)
        self._window = np.hanning(self._frame)
        count = math.ceil(_CYCLE_S * sample_rate / self._hop)
        self._envelope = np.zeros((count, self._bins.stop - self._bins.start))
        self._tail = np.zeros((2, 0))
        rate = np.fft.rfftfreq(count, self._hop / sample_rate)
        self._slow, self._fast = ((rate >= low) & (rate < high) for low, high in (_SLOW_HZ, _FAST_HZ))
        self._patterns = _patterns(count, self._hop / sample_rate)
        self._needed, self._alike = round(_HELD_S / step_seconds), 0

    def observe(self, audio: FloatArray) -> bool:
        """Takes in one step's sound and tells whether the alarm's pattern is in the last four seconds.

        Args:
            audio: pressure at the ears [Pa / RMS of 94 dB SPL], shape (2, n), whose last step is new.
        """
        heard = np.concatenate([self._tail, audio[:, -self._new :]], axis=1)
        frames = np.lib.stride_tricks.sliding_window_view(heard, self._frame, axis=1)[:, :: self._hop]
        self._tail = heard[:, frames.shape[1] * self._hop :]
        spectra = np.fft.rfft(frames * self._window, axis=2)[:, :, self._bins]
        new = np.sqrt(np.sum(np.abs(spectra) ** 2, axis=0)) / self._window.sum()  # of a tone: its RMS at both ears
        self._envelope = np.concatenate([self._envelope, new])[-len(self._envelope) :]
        self._alike = self._alike + 1 if self.likeness() >= 1.0 else 0
        return self._alike >= self._needed

    def likeness(self) -> float:
        """Returns the highest correlation of a tone's envelope with a pattern, 1 = just enough to be the alarm."""
        tones = self._tones()
        if not len(tones):
            return -1.0
        envelope = self._envelope[:, tones] - self._envelope[:, tones].mean(axis=0)
        rhythm = np.abs(np.fft.rfft(envelope, axis=0)) ** 2
        steady = rhythm[self._fast].sum(axis=0) <= _FLUTTER * rhythm[self._slow].sum(axis=0)
        alike = (self._patterns @ envelope).max(axis=0) / np.maximum(np.linalg.norm(envelope, axis=0), 1e-30)
        return float(np.where(steady, alike, -1.0).max())

    def _tones(self) -> npt.NDArray[np.int64]:
        """The narrow bands that are loud and stand out of what lies beside them."""
        power, off = np.mean(self._envelope**2, axis=0), self._beside
        beside = np.maximum(power[: -2 * off], power[2 * off :])
        middle = self._envelope[:, off:-off]
        level = np.array([spl_from_pressure(float(top)) for top in middle.max(axis=0)])
        clear = power[off:-off] > beside * 10.0 ** (_BESIDE_DB / 10.0)
        return off + np.flatnonzero(clear & (level >= _LEAST_DB))


def _patterns(count: int, seconds: float) -> FloatArray:
    """Each pattern begun at each moment of its cycle, over the correlation it needs, shape (shifts, count)."""
    time = np.arange(count) * seconds
    rows, needed = [], []
    for onsets, alike in zip(_ONSETS_S, _ALIKE, strict=True):
        for shift in np.arange(0.0, _CYCLE_S if len(onsets) == 3 else 1.0, _SHIFT_S):
            phase = (time + shift) % _CYCLE_S
            rows.append(np.any([(phase >= onset) & (phase < onset + _TONE_S) for onset in onsets], axis=0))
            needed.append(alike)
    pattern = np.array(rows, np.float64)
    pattern -= pattern.mean(axis=1, keepdims=True)
    size = np.linalg.norm(pattern, axis=1) * np.array(needed)
    return np.asarray(pattern / size[:, None])
