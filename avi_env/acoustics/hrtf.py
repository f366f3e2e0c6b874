"""Head-related transfer functions: what the head and the outer ears do to sound from each direction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.sofa import SofaSet, read_sofa
from avi_env.acoustics.sphere import direction_weights, grid_area, grid_directions
from avi_env.acoustics.spherical_head import sphere_directions, spherical_head_magnitude, woodworth_itd
from avi_env.content import name_error, package_file

__all__ = ["HRTF_NAMES", "Hrtf", "hrtf_from_responses", "load_hrtf", "minimum_phase", "onset_itd"]

HRTF_NAMES = ("kemar", "mono", "spherical")
"""Names `load_hrtf` knows; anything else is a path to a SOFA file."""

FloatArray = npt.NDArray[np.float64]

_FFT = 2048
"""Bins of the cepstrum: min-phase filters of <= 256 samples alias below -90 dB."""

_FLOOR = 1e-4
"""Magnitudes are floored 80 dB below the diffuse-field mean: the logarithm of a measured zero is noise."""

_LOW_HZ = (60.0, 150.0)
"""Below these frequencies the loudspeaker gave no sound: the response fades to that of a small head, 0 dB."""


@dataclass(frozen=True, eq=False)
class Hrtf:
    """Minimum-phase, diffuse-field equalised responses of two ears for D directions, and the delay between them.

    The mean energy over all directions is 1 at every frequency, so that a diffuse sound keeps its spectrum.
    """

    name: str
    """"kemar", "spherical", "mono" or the file it came from."""
    sample_rate: int
    """[Hz]."""
    directions: npt.NDArray[np.float32]
    """Unit vectors towards the sound, head frame (+X right, +Y up, -Z forward), shape (D, 3)."""
    taps: npt.NDArray[np.float32]
    """Minimum-phase impulse responses, row 0 = left ear, shape (D, 2, N)."""
    itd: npt.NDArray[np.float32]
    """Arrival at the right ear less arrival at the left [s], shape (D,): positive for a sound on the left."""

    @property
    def is_mirrored(self) -> bool:
        """Whether the right ear is the exact mirror image of the left one."""
        partner = _mirror_index(np.asarray(self.directions, dtype=np.float64))
        return partner is not None and np.allclose(self.taps[:, 0], self.taps[partner, 1], rtol=0.0, atol=1e-6)


def load_hrtf(name_or_path: str | Path = "kemar", sample_rate: int = 16000) -> Hrtf:
    """Returns a head by name or from a SOFA file.

    Args:
        name_or_path: "kemar" (measured dummy head), "spherical" (rigid sphere, no data), "mono" (no head: both ears
            are one omnidirectional point), or the path of a SOFA file.
        sample_rate: wanted rate [Hz]; any rate from 8000 up.

    Raises:
        ValueError: an unknown name, a rate below 8 kHz, or a file that is no SOFA set.
    """
    if sample_rate < 8000:
        raise ValueError(f"sample_rate {sample_rate} Hz is too low for a head's filters: use 8000 or more")
    return _load(str(name_or_path), int(sample_rate))


@lru_cache(maxsize=8)
def _load(name: str, sample_rate: int) -> Hrtf:
    if name == "kemar":
        directions, responses, itd, rate = _kemar_table()
        return _from_magnitude(name, sample_rate, directions, _log_magnitude(responses, rate, sample_rate), itd)
    if name == "spherical":
        directions = sphere_directions()
        frequency = np.fft.rfftfreq(_FFT, 1 / sample_rate)
        log_magnitude = _equalised(directions, np.log(spherical_head_magnitude(directions, frequency)))
        return _from_magnitude(name, sample_rate, directions, log_magnitude, woodworth_itd(directions))
    if name == "mono":
        log_magnitude = np.zeros((1, 2, _FFT // 2 + 1))
        return _from_magnitude(name, sample_rate, np.array([[0.0, 0.0, -1.0]]), log_magnitude, np.zeros(1))
    if not Path(name).is_file():
        raise name_error("HRTF", name, (*HRTF_NAMES, "or the path of a .sofa file"))
    return hrtf_from_responses(read_sofa(name), sample_rate)


def hrtf_from_responses(measured: SofaSet, sample_rate: int) -> Hrtf:
    """Returns the head of a measured set: minimum phase, diffuse-field equalised, at another sample rate.

    Args:
        measured: impulse responses as `read_sofa` gives them.
        sample_rate: wanted rate [Hz].

    Source: Kulkarni, Isabelle and Colburn 1999 (minimum phase plus delay is indistinguishable from measured phase).
    """
    rate = measured.sample_rate
    log_magnitude = _log_magnitude(measured.impulse_responses, rate, sample_rate)
    frequency = np.fft.rfftfreq(_FFT, 1 / sample_rate)
    equalised = _equalised(measured.directions, log_magnitude)
    low, high = np.log(_LOW_HZ)
    trust = np.clip((np.log(np.maximum(frequency, 1.0)) - low) / (high - low), 0.0, 1.0)
    itd = onset_itd(measured.impulse_responses, rate) + measured.delay[:, 1] - measured.delay[:, 0]
    return _from_magnitude(measured.title, sample_rate, measured.directions, equalised * trust, itd)


def onset_itd(responses: FloatArray, sample_rate: float, threshold: float = 0.1) -> FloatArray:
    """Returns arrival at the right ear less arrival at the left [s], shape (D,), positive for a sound on the left.

    Arrival is where the 16 times oversampled response first exceeds a tenth of its peak (-20 dB).

    Args:
        responses: impulse responses, shape (D, 2, N).
        sample_rate: [Hz].
        threshold: fraction of the peak.

    Source: Katz and Noisternig 2014 (threshold estimators of the ITD).
    """
    oversampling, count = 16, responses.shape[-1]
    spectrum = np.fft.rfft(responses, 2 * count)
    fine = np.abs(np.fft.irfft(spectrum, 2 * count * oversampling))[..., : count * oversampling]
    arrival = np.argmax(fine > threshold * fine.max(axis=-1, keepdims=True), axis=-1)
    return np.asarray((arrival[:, 1] - arrival[:, 0]) / (oversampling * sample_rate), dtype=np.float64)


def minimum_phase(log_magnitude: FloatArray) -> npt.NDArray[np.complex128]:
    """Returns the logarithm of the minimum-phase spectrum: log-magnitude + j phase, shape (..., F).

    It is linear in the log-magnitude, so that interpolating it interpolates decibels *and* keeps minimum phase.

    Args:
        log_magnitude: natural logarithm of the magnitude on F = n/2 + 1 bins from 0 to half the rate, (..., F).

    Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 13 (folded real cepstrum).
    """
    count = 2 * (log_magnitude.shape[-1] - 1)
    cepstrum = np.fft.irfft(log_magnitude, count)
    cepstrum[..., 1 : count // 2] *= 2.0
    cepstrum[..., count // 2 + 1 :] = 0.0
    return np.asarray(np.fft.rfft(cepstrum), dtype=np.complex128)


def _from_magnitude(
    name: str, sample_rate: int, directions: FloatArray, log_magnitude: FloatArray, itd: FloatArray
) -> Hrtf:
    """Returns the head whose log-magnitudes (D, 2, F) are given on the bins of the cepstrum."""
    length = 16 * int(np.ceil(0.0029 * sample_rate / 16))
    responses = np.fft.irfft(np.exp(minimum_phase(log_magnitude)), _FFT)[..., :length]
    fade = length // 4
    responses[..., -fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 1) / (fade + 1))
    taps, itd32 = responses.astype(np.float32), itd.astype(np.float32)
    for array in (taps, itd32):
        array.setflags(write=False)
    return Hrtf(name, sample_rate, directions.astype(np.float32), taps, itd32)


def _log_magnitude(responses: FloatArray, rate: float, wanted_rate: float) -> FloatArray:
    """Returns log-magnitudes of responses (D, 2, N) on the cepstrum's bins at another rate; flat above 0.9 Nyquist."""
    bins = 4096
    source = np.log(np.maximum(np.abs(np.fft.rfft(responses, bins)), 1e-9))
    wanted = np.minimum(np.fft.rfftfreq(_FFT, 1 / wanted_rate), 0.45 * rate) * bins / rate
    below = np.floor(wanted).astype(np.int64)
    part = wanted - below
    return np.asarray(source[..., below] * (1 - part) + source[..., below + 1] * part)


def _equalised(directions: FloatArray, log_magnitude: FloatArray) -> FloatArray:
    """Returns log-magnitudes divided by the diffuse-field mean: energy averaged over the sphere and both ears."""
    index, weight = direction_weights(directions, grid_directions().reshape(-1, 3))
    area = np.zeros(len(directions))
    np.add.at(area, index, weight * grid_area().reshape(-1, 1))
    energy = np.tensordot(area, np.exp(2 * log_magnitude).mean(axis=1), axes=1)
    return np.asarray(np.maximum(log_magnitude - 0.5 * np.log(energy), np.log(_FLOOR)))


def _kemar_table() -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Returns directions (710, 3), responses (710, 2, 128), ITD (710,) and rate of the derived KEMAR table."""
    with np.load(package_file("acoustics/data/kemar.npz")) as table:
        directions = table["directions"].astype(np.float64)
        left = table["left_taps"].astype(np.float64)
        itd, rate = table["itd"].astype(np.float64), float(table["sample_rate"])
    partner = _mirror_index(directions)
    if partner is None:
        raise ValueError("acoustics/data/kemar.npz is damaged: its directions are not symmetric; reinstall avi-env")
    return directions, np.stack([left, left[partner]], axis=1), itd, rate


def _mirror_index(directions: FloatArray) -> npt.NDArray[np.int64] | None:
    """Returns the index of each direction's mirror image about the median plane, or None where one is missing."""
    near = directions @ (directions * np.array([-1.0, 1.0, 1.0])).T
    partner = np.argmax(near, axis=0)
    return partner if np.all(near[partner, np.arange(len(directions))] > 1 - 1e-7) else None
