"""A clip: one loop of sound in linear pressure at 1 m; its level; the change of its sampling rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.sounds.synthesis import FRAME_SECONDS, filtered, highpass

__all__ = ["ACTIVE_RANGE_DB", "Clip", "active_level", "calibrated", "resampled_loop"]

ACTIVE_RANGE_DB = 20.0
"""A frame this far below the loudest one [dB] counts half as active (ITU-T P.56 cuts at 15.9 dB)."""

_REFERENCE_DB = 94.0  # an RMS pressure of 1.0 is 94 dB SPL
_ROLL_OFF = 0.9  # share of the Nyquist frequency at which the roll-off of a change of rate begins
_LOWEST_HZ = 20.0  # corner of the high-pass that takes away DC and rumble that nobody hears


@dataclass(frozen=True, eq=False)
class Clip:
    """A seamless loop of sound."""

    name: str
    samples: npt.NDArray[np.float32]
    """Linear pressure at 1 m (1.0 RMS = 94 dB SPL), shape (n,); sample n-1 is followed by sample 0. Read-only."""
    spl_db: float
    """Level at 1 m [dB SPL]: mean energy of the active frames, see `active_level`."""
    sample_rate: int
    """[Hz]."""

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float32)
        if samples.ndim != 1 or not len(samples):
            raise ValueError(f"clip {self.name!r}: samples must have shape (n,) with n > 0, not {samples.shape}")
        if not np.all(np.isfinite(samples)):
            raise ValueError(f"clip {self.name!r}: samples contain NaN or infinity")
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)

    @property
    def seconds(self) -> float:
        """Length of the loop [s]."""
        return len(self.samples) / self.sample_rate


def active_level(samples: npt.NDArray[Any], sample_rate: int) -> float:
    """Returns the unweighted level of the sounding parts [dB SPL]: the mean energy of the active frames.

    Frames last 20 ms. A frame of energy E weighs E / (E + Eh), where Eh lies `ACTIVE_RANGE_DB` below the loudest frame:
    1 for what sounds, 0 for the pauses, and no step between them that rounding could tip over. -inf for silence.

    Args:
        samples: linear pressure, shape (n,).
        sample_rate: [Hz].
    """
    length = min(round(FRAME_SECONDS * sample_rate), len(samples))
    count = len(samples) // length
    energies = np.mean(np.square(samples[: count * length].reshape(count, length), dtype=np.float64), axis=1)
    loudest = energies.max()
    if loudest == 0.0:
        return float("-inf")
    weights = energies / (energies + loudest * 10.0 ** (-ACTIVE_RANGE_DB / 10.0))
    return float(10.0 * np.log10(np.average(energies, weights=weights)) + _REFERENCE_DB)


def calibrated(samples: npt.NDArray[Any], sample_rate: int, spl_db: float) -> npt.NDArray[np.float64]:
    """Returns a loop without DC, scaled so that its active level is `spl_db` [dB SPL]."""
    steady = filtered(np.asarray(samples, dtype=np.float64), highpass(_LOWEST_HZ, 2), sample_rate)
    level = active_level(steady, sample_rate)
    if not np.isfinite(level):
        raise ValueError("a silent sound has no level: it cannot be calibrated")
    steady *= 10.0 ** ((spl_db - level) / 20.0)
    return steady


def resampled_loop(samples: npt.NDArray[Any], rate_from: int, rate_to: int) -> npt.NDArray[np.float64]:
    """Returns a loop at another sampling rate, band-limited, still seamless.

    A loop is periodic: its spectrum is a line spectrum, and dropping or adding lines is the exact change of rate.

    Raises:
        ValueError: the loop would not have a whole number of samples.
    """
    count, remainder = divmod(len(samples) * rate_to, rate_from)
    if remainder or count < 1:
        raise ValueError(
            f"a loop of {len(samples) / rate_from:g} s has no whole number of samples at {rate_to} Hz: "
            f"take a sampling rate that is a multiple of {round(1 / FRAME_SECONDS)} Hz, such as 16000, 44100 or 48000"
        )
    if rate_to == rate_from:
        return np.array(samples, dtype=np.float64)
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1.0 / rate_from)
    nyquist = min(rate_from, rate_to) / 2.0
    slope = np.clip((1.0 - frequencies / nyquist) / (1.0 - _ROLL_OFF), 0.0, 1.0)
    spectrum *= 0.5 - 0.5 * np.cos(np.pi * slope)
    kept = np.zeros(count // 2 + 1, dtype=np.complex128)
    lines = min(len(kept), len(spectrum))
    kept[:lines] = spectrum[:lines]
    return np.fft.irfft(kept, count) * (count / len(samples))
