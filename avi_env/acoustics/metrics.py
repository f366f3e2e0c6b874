"""Room-acoustic parameters of an impulse response per octave, after ISO 3382-1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.signal

from avi_env.acoustics.bands import BANDS_HZ

__all__ = ["RoomMetrics", "decay_curve", "decay_time", "octave_filter", "room_metrics"]

FloatArray = npt.NDArray[np.floating[Any]]

_ORDER = 4  # Butterworth order per edge: inside the class 1 mask of IEC 61260
_NYQUIST_SHARE = 0.95  # an octave that begins above this share of the Nyquist frequency is not there
_DIRECT_SECONDS = 0.0025  # half width of the direct sound's window
_ONSET = 0.1  # the arrival is the first sample within 20 dB of the largest


@dataclass(frozen=True, eq=False)
class RoomMetrics(Mapping[str, FloatArray]):
    """Parameters per octave 125 Hz .. 8 kHz, shape (channels, 7), or (7,) for one channel; also a mapping by name.

    NaN where the sampling rate leaves nothing of the octave, or the response has too little decay to tell.
    """

    T20: FloatArray
    """Reverberation time from -5 .. -25 dB [s]."""
    T30: FloatArray
    """Reverberation time from -5 .. -35 dB [s]."""
    EDT: FloatArray
    """Early decay time, 0 .. -10 dB, scaled to 60 dB [s]."""
    C50: FloatArray
    """Energy of the first 50 ms after the arrival over the rest [dB]."""
    C80: FloatArray
    """Energy of the first 80 ms over the rest [dB]."""
    D50: FloatArray
    """Share of the energy that arrives within 50 ms, 0..1."""
    DRR: FloatArray
    """Energy within 2.5 ms of the arrival over the rest [dB]."""

    def __getitem__(self, name: str) -> FloatArray:
        if name not in tuple(self):
            raise KeyError(name)
        return np.asarray(getattr(self, name))

    def __iter__(self) -> Iterator[str]:
        return iter(item.name for item in fields(self))

    def __len__(self) -> int:
        return len(fields(self))


@lru_cache(maxsize=64)
def _sections(band: int, sample_rate: float) -> FloatArray | None:
    nyquist = 0.5 * sample_rate
    low, high = BANDS_HZ[band] / np.sqrt(2.0), BANDS_HZ[band] * np.sqrt(2.0)
    if low > _NYQUIST_SHARE * nyquist:
        return None
    if high > _NYQUIST_SHARE * nyquist:
        return np.asarray(scipy.signal.butter(_ORDER, low, "highpass", fs=sample_rate, output="sos"))
    return np.asarray(scipy.signal.butter(_ORDER, (low, high), "bandpass", fs=sample_rate, output="sos"))


def octave_filter(signal: FloatArray, band: int, sample_rate: float, backward: bool = False) -> FloatArray:
    """Returns a signal's part in one octave.

    Args:
        signal: samples along the last axis.
        band: index into `BANDS_HZ`.
        sample_rate: [Hz]; an octave cut by the Nyquist frequency is what is left of it, NaN where nothing is.
        backward: filters the reversed signal, so that the filter's own ringing precedes the sound and
            does not lengthen short decays (Jacobsen & Rindel, J. Sound Vib. 117, 1987).
    """
    sections = _sections(band, float(sample_rate))
    if sections is None:
        return np.full(signal.shape, np.nan)
    if not backward:
        return np.asarray(scipy.signal.sosfilt(sections, signal, axis=-1))
    return np.asarray(scipy.signal.sosfilt(sections, signal[..., ::-1], axis=-1)[..., ::-1])


def decay_curve(response: FloatArray) -> FloatArray:
    """Returns Schroeder's backward integral of a response [dB re its whole energy], along the last axis."""
    energy = np.cumsum(np.square(response, dtype=np.float64)[..., ::-1], axis=-1)[..., ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10.0 * np.log10(energy / energy[..., :1]))


def decay_time(curve: FloatArray, sample_rate: float, high_db: float, low_db: float) -> float:
    """Returns the time for 60 dB [s] from the least-squares line through one decay curve between two levels [dB]."""
    if not np.isfinite(curve[0]):
        return float("nan")
    start = int(np.argmax(curve <= high_db))
    stop = int(np.argmax(curve <= low_db))
    if curve[stop] > low_db or stop - start < 2:
        return float("nan")
    time = np.arange(start, stop) / sample_rate
    slope = np.polyfit(time - time.mean(), curve[start:stop], 1)[0]
    return float(-60.0 / slope) if slope < 0.0 else float("nan")


def room_metrics(rir: npt.ArrayLike, sample_rate: float) -> RoomMetrics:
    """Returns reverberation times, clarities, definition and direct-to-reverberant ratio per octave.

    Windows are cut before the octave filter, decays are filtered backward: neither sees the filter's ringing.

    Args:
        rir: impulse response(s), shape (n,) or (channels, n).
        sample_rate: [Hz].

    Raises:
        ValueError: an empty, silent-in-shape or more than two-dimensional array, or NaN in it.

    Source:
        ISO 3382-1:2009, section 5.3 and annex A.
    """
    responses = np.asarray(rir, dtype=np.float64)
    if responses.ndim not in (1, 2) or responses.shape[-1] < 2:
        raise ValueError(f"rir must have shape (n,) or (channels, n), not {responses.shape}")
    if not np.all(np.isfinite(responses)):
        raise ValueError("rir contains NaN or infinity")
    rows = [_channel_metrics(channel, float(sample_rate)) for channel in np.atleast_2d(responses)]
    table = np.stack(rows)  # (channels, 7 parameters, 7 bands)
    if responses.ndim == 1:
        table = table[0]
    return RoomMetrics(*(table[..., row, :] for row in range(table.shape[-2])))


def _channel_metrics(response: FloatArray, sample_rate: float) -> FloatArray:
    result = np.full((7, len(BANDS_HZ)), np.nan)
    peak = np.abs(response).max()
    if peak == 0.0:
        return result
    onset = int(np.argmax(np.abs(response) >= _ONSET * peak))
    lead = max(onset - round(_DIRECT_SECONDS * sample_rate), 0)
    # Room for the filter to ring out on both sides of the cut.
    padding = np.zeros(round(0.1 * sample_rate))
    for band in range(len(BANDS_HZ)):
        if _sections(band, sample_rate) is None:
            continue
        filtered = octave_filter(np.concatenate([padding, response[onset:]]), band, sample_rate, backward=True)
        curve = decay_curve(filtered[len(padding) :])
        for row, (high, low) in enumerate(((-5.0, -25.0), (-5.0, -35.0), (0.0, -10.0))):
            result[row, band] = decay_time(curve, sample_rate, high, low)
        parts = [
            _split_energy(response, lead, onset + round(seconds * sample_rate), band, sample_rate, padding)
            for seconds in (0.05, 0.08, _DIRECT_SECONDS)
        ]
        with np.errstate(divide="ignore"):
            c50, c80, drr = (10.0 * np.log10(early / late) if late > 0 else np.inf for early, late in parts)
        result[3:, band] = c50, c80, parts[0][0] / sum(parts[0]), drr
    return result


def _split_energy(
    response: FloatArray, lead: int, cut: int, band: int, sample_rate: float, padding: FloatArray
) -> tuple[float, float]:
    early = octave_filter(np.concatenate([response[lead:cut], padding]), band, sample_rate)
    late = octave_filter(np.concatenate([response[cut:], padding]), band, sample_rate)
    return float(np.sum(early**2)), float(np.sum(late**2))
