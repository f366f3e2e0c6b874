"""Room-acoustic parameters of an impulse response per octave, after ISO 3382-1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from avi_env.acoustics.bands import BANDS_HZ

__all__ = [
    "Interaural",
    "RoomMetrics",
    "decay_curve",
    "decay_time",
    "interaural",
    "interaural_delay",
    "octave_filter",
    "room_metrics",
]

FloatArray = npt.NDArray[np.floating[Any]]

_ORDER = 4  # Butterworth order per edge: inside the class 1 mask of IEC 61260
_NYQUIST_SHARE = 0.95  # an octave that begins above this share of the Nyquist frequency is not there
_DIRECT_SECONDS = 0.0025  # half width of the direct sound's window
_EARLY_SECONDS, _LATE_END = 0.08, 0.5  # windows of the interaural correlation
_LAG_SECONDS = 0.001  # a head's greatest delay between the ears, ISO 3382-1 annex B
_LAG_RATE = 384000.0  # [Hz] at which the correlation is read: 2.6 us, and a parabola between
_LAG_FADE = 64  # samples beyond the lags over which the correlation fades before it is oversampled
_LOCALISATION_HZ = 1500.0  # below which ears follow the waveform itself
_ONSET = 0.1  # the arrival is the first sample within 20 dB of the largest


@dataclass(frozen=True, eq=False)
class RoomMetrics(Mapping[str, FloatArray]):
    """Parameters per octave 125 Hz .. 8 kHz, shape (channels, 7), or (7,) for one channel; also a mapping by name.

    Those of two ears have the shape (7,) and are NaN for any other number of channels. NaN, too, where the sampling
    rate leaves nothing of the octave, or the response has too little decay to tell.
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
    Ts: FloatArray
    """Centre time: mean time of the energy after the arrival [s]."""
    G: FloatArray
    """Strength: energy re that of the same source in free field at 10 m [dB]."""
    IACC_early: FloatArray
    """Greatest interaural correlation within 1 ms, of the first 80 ms, 0..1."""
    IACC_late: FloatArray
    """The same from 80 to 500 ms."""
    IACC: FloatArray
    """The same of the whole response."""
    ITD: FloatArray
    """Delay of the right ear behind the left in the direct sound [s]: positive for a source on the left.

    Octaves above 1 kHz have several peaks within 1 ms; `interaural_delay` tells what ears localise by.
    """
    ILD: FloatArray
    """Energy at the left ear over that at the right [dB]."""

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


class Interaural(NamedTuple):
    """What two ears have in common, per octave, shape (7,)."""

    correlation: FloatArray
    """Greatest magnitude of the normalised cross-correlation within 1 ms, 0..1."""
    delay: FloatArray
    """Where the correlation is largest: delay of the right ear behind the left [s]."""
    level: FloatArray
    """Energy at the left ear over that at the right [dB]."""


def interaural(ears: npt.ArrayLike, sample_rate: float) -> Interaural:
    """Returns correlation, delay and level difference of two ears' whole signals, octave by octave.

    IACF(tau) = int pL(t) pR(t + tau) dt / sqrt(int pL^2 int pR^2), |tau| <= 1 ms.

    Args:
        ears: left and right, shape (2, n).
        sample_rate: [Hz].

    Raises:
        ValueError: another shape.

    Source:
        ISO 3382-1:2009, annex B.
    """
    pair = np.asarray(ears, dtype=np.float64)
    if pair.ndim != 2 or len(pair) != 2 or pair.shape[1] < 1:
        raise ValueError(f"two ears have the shape (2, n), not {pair.shape}")
    size = _padded(pair.shape[1], sample_rate)
    spectra = np.fft.rfft(pair, size)
    result = np.full((3, len(BANDS_HZ)), np.nan)
    for band in range(len(BANDS_HZ)):
        weight = _octave_power(band, float(sample_rate), size)
        if weight is not None:
            result[:, band] = _correlated(spectra, weight, size, sample_rate)
    return Interaural(*result)


def interaural_delay(ears: npt.ArrayLike, sample_rate: float) -> float:
    """Returns the delay of the right ear behind the left in the direct sound below 1.5 kHz [s]; NaN for silence.

    Args:
        ears: a response's left and right channel, shape (2, n).
        sample_rate: [Hz].
    """
    direct = _direct(np.asarray(ears, dtype=np.float64), sample_rate)
    size = _padded(direct.shape[1], sample_rate)
    low = scipy.signal.butter(_ORDER, _LOCALISATION_HZ, fs=sample_rate, output="sos")
    weight = np.abs(scipy.signal.freqz_sos(low, np.fft.rfftfreq(size), fs=1.0)[1]) ** 2
    return float(_correlated(np.fft.rfft(direct, size), weight, size, sample_rate)[1])


def _correlated(
    spectra: npt.NDArray[np.complexfloating], weight: FloatArray, size: int, sample_rate: float
) -> tuple[float, float, float]:
    """Returns correlation, delay [s] and level [dB] of two spectra (2, F) seen through a filter's power (F,)."""
    left, right = np.sum(np.abs(spectra) ** 2 * weight * _bin_counts(size), axis=1)
    if left <= 0.0 or right <= 0.0:
        level = 10.0 * np.log10(left / right) if right > 0.0 else np.inf if left > 0.0 else np.nan
        return np.nan, np.nan, float(level)
    finer = int(np.ceil(_LAG_RATE / sample_rate))
    lags = int(np.ceil(_LAG_SECONDS * sample_rate * finer))
    cross = np.fft.irfft(spectra[0].conj() * spectra[1] * weight, size) * (size / np.sqrt(left * right))
    # Only the lags of a head are read between the samples: a piece with faded ends is oversampled.
    reach = int(np.ceil(_LAG_SECONDS * sample_rate)) + 2
    piece = np.concatenate([cross[-reach - _LAG_FADE :], cross[: reach + _LAG_FADE]])
    piece *= np.interp(np.arange(len(piece)), [0, _LAG_FADE, len(piece) - _LAG_FADE, len(piece)], [0.0, 1.0, 1.0, 0.0])
    fine, centre = scipy.signal.resample(piece, len(piece) * finer), (reach + _LAG_FADE) * finer
    near = fine[centre - lags - 1 : centre + lags + 2]
    peak = int(np.argmax(near[1:-1])) + 1
    before, here, after = near[peak - 1 : peak + 2]
    curve = before - 2.0 * here + after
    offset = 0.5 * (before - after) / curve if curve < 0.0 else 0.0
    delay = (peak - lags - 1 + np.clip(offset, -0.5, 0.5)) / (sample_rate * finer)
    correlation = min(float(np.abs(near[1:-1]).max()), 1.0)
    return correlation, float(delay), float(10.0 * np.log10(left / right))


def _direct(ears: FloatArray, sample_rate: float) -> FloatArray:
    """Returns the direct sound at both ears: from 2.5 ms before the first arrival until 3.5 ms after it."""
    onset = _onset(np.abs(ears).max(axis=0))
    lead, tail = round(_DIRECT_SECONDS * sample_rate), round((_DIRECT_SECONDS + _LAG_SECONDS) * sample_rate)
    return ears[:, max(onset - lead, 0) : onset + tail]


def _onset(magnitude: FloatArray) -> int:
    return int(np.argmax(magnitude >= _ONSET * magnitude.max()))


def _padded(count: int, sample_rate: float) -> int:
    """Returns a transform's length that leaves 20 ms for a filter and the lags to wrap around in."""
    return int(scipy.fft.next_fast_len(count + round(0.02 * sample_rate), real=True))


def _bin_counts(size: int) -> FloatArray:
    """Returns how many bins of the whole spectrum each bin of a half spectrum stands for."""
    count = np.full(size // 2 + 1, 2.0)
    count[0] = 1.0
    if size % 2 == 0:
        count[-1] = 1.0
    return count


@lru_cache(maxsize=32)
def _octave_power(band: int, sample_rate: float, size: int) -> FloatArray | None:
    """Returns the squared magnitude of an octave's filter on the bins of a transform, (size // 2 + 1,)."""
    sections = _sections(band, sample_rate)
    if sections is None:
        return None
    return np.asarray(np.abs(scipy.signal.freqz_sos(sections, np.fft.rfftfreq(size), fs=1.0)[1]) ** 2)


def room_metrics(rir: npt.ArrayLike, sample_rate: float) -> RoomMetrics:
    """Returns reverberation times, clarities, centre time, strength and what two ears have in common, per octave.

    Windows are cut before the octave filter, decays are filtered backward: neither sees the filter's ringing.

    Args:
        rir: impulse response(s), shape (n,) or (channels, n): sample i is the pressure i / sample_rate after an impulse
            of 1 Pa at 1 m, as `render_rir` makes it (only G depends on that). Two channels are taken for two ears.
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
    table = np.stack(rows)  # (channels, 9 parameters, 7 bands)
    if responses.ndim == 1:
        table = table[0]
    single = (table[..., row, :] for row in range(table.shape[-2]))
    return RoomMetrics(*single, *_ear_metrics(responses, float(sample_rate)))


def _ear_metrics(responses: FloatArray, sample_rate: float) -> FloatArray:
    """Returns early, late and whole correlation, delay and level difference, shape (5, 7); NaN where not two ears."""
    if responses.shape[:-1] != (2,) or not responses.any():
        return np.full((5, len(BANDS_HZ)), np.nan)
    onset = _onset(np.abs(responses).max(axis=0))
    early, late = onset + round(_EARLY_SECONDS * sample_rate), onset + round(_LATE_END * sample_rate)
    parts = [responses[:, onset:early], responses[:, early:late], responses[:, onset:]]
    correlation = [
        interaural(part, sample_rate).correlation if part.size else np.full(len(BANDS_HZ), np.nan) for part in parts
    ]
    delay = interaural(_direct(responses, sample_rate), sample_rate).delay
    return np.stack([*correlation, delay, interaural(responses, sample_rate).level])


def _channel_metrics(response: FloatArray, sample_rate: float) -> FloatArray:
    result = np.full((9, len(BANDS_HZ)), np.nan)
    if not response.any():
        return result
    onset = _onset(np.abs(response))
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
        result[3:7, band] = c50, c80, parts[0][0] / sum(parts[0]), drr
        result[7:, band] = _centre_and_strength(response[lead:], onset - lead, band, sample_rate)
    return result


def _centre_and_strength(response: FloatArray, onset: int, band: int, sample_rate: float) -> tuple[float, float]:
    """Returns centre time [s] and strength [dB] of an octave.

    The mean time of a filtered signal's energy is the signal's group delay averaged over the filter's power: computed
    so, the filter's own delay never enters.
    """
    size = _padded(len(response), sample_rate)
    weight = _octave_power(band, sample_rate, size)
    assert weight is not None  # the caller leaves such octaves out
    weight = weight * _bin_counts(size)
    time = (np.arange(len(response)) - onset) / sample_rate
    spectrum = np.fft.rfft(response, size)
    energy = float(np.sum(weight * np.abs(spectrum) ** 2))
    moment = float(np.sum(weight * (np.fft.rfft(time * response, size) * spectrum.conj()).real))
    if energy <= 0.0:
        return float("nan"), float("-inf")
    impulse = float(np.sum(weight))  # of 1 Pa at 1 m; at 10 m its energy is a hundredth
    return moment / energy, 10.0 * np.log10(energy / impulse) + 20.0


def _split_energy(
    response: FloatArray, lead: int, cut: int, band: int, sample_rate: float, padding: FloatArray
) -> tuple[float, float]:
    early = octave_filter(np.concatenate([response[lead:cut], padding]), band, sample_rate)
    late = octave_filter(np.concatenate([response[cut:], padding]), band, sample_rate)
    return float(np.sum(early**2)), float(np.sum(late**2))
