"""Receivers: what a head with its ears, or an array of microphones, does to sound from each direction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.microphones import Microphones, tetrahedron
from avi_env.acoustics.sofa import SofaSet, read_sofa
from avi_env.acoustics.sphere import direction_weights, grid_area, grid_directions
from avi_env.acoustics.spherical_head import sphere_directions, spherical_head_magnitude, woodworth_itd
from avi_env.content import name_error, package_file

__all__ = ["HRTF_NAMES", "Hrtf", "hrtf_from_responses", "load_hrtf", "microphone_array", "minimum_phase", "onset_itd"]

HRTF_NAMES = ("kemar", "mono", "spherical", "tetrahedral")
"""Names `load_hrtf` knows; anything else is a path to a SOFA file."""

FloatArray = npt.NDArray[np.float64]

_FFT = 2048
"""Bins of the cepstrum: min-phase filters of <= 256 samples alias below -90 dB."""

_FLOOR = 1e-4
"""Magnitudes are floored 80 dB below the diffuse-field mean: the logarithm of a measured zero is noise."""

_LOWEST_RATE = 8000

_LOW_HZ = (60.0, 150.0)
"""Below these frequencies the loudspeaker gave no sound: the response fades to that of a small head, 0 dB."""


@dataclass(frozen=True, eq=False)
class Hrtf:
    """A receiver with C channels, the two ears of a head or microphones: responses and delays for D directions.

    The mean energy over all directions of an equalised head is 1 at every frequency, so that a diffuse sound keeps its
    spectrum. Microphones keep their gain on the axis instead.
    """

    name: str
    """"kemar", "spherical", "mono", "tetrahedral", or the file or array it came from."""
    sample_rate: int
    """[Hz]."""
    directions: npt.NDArray[np.float32]
    """Unit vectors towards the sound, head frame (+X right, +Y up, -Z forward), shape (D, 3)."""
    taps: npt.NDArray[np.float32]
    """Minimum-phase impulse responses, shape (D, C, N); a head's row 0 is the left ear."""
    delay: npt.NDArray[np.float32]
    """Arrival re the centre of the receiver [s], shape (D, C)."""
    microphones: Microphones | None = None
    """Places and patterns of open microphones; None = a head."""
    equalised: bool = True
    """Whether the mean energy over directions is 1 at every frequency."""

    @property
    def channel_count(self) -> int:
        """C."""
        return int(self.taps.shape[1])

    @property
    def itd(self) -> npt.NDArray[np.float32]:
        """Arrival at the right ear less arrival at the left [s], shape (D,): positive for a sound on the left.

        Raises:
            ValueError: not two channels.
        """
        if self.channel_count != 2:
            raise ValueError(f"{self.name} has {self.channel_count} channels: only two ears have a time difference")
        return self.delay[:, 1] - self.delay[:, 0]

    @property
    def is_diffuse_head(self) -> bool:
        """Whether it is a head to which diffuse sound is as to all others: equalised, not microphones."""
        return self.microphones is None and self.equalised

    @property
    def is_mirrored(self) -> bool:
        """Whether the right ear is the exact mirror image of the left one."""
        if self.channel_count != 2:
            return False
        partner = _mirror_index(np.asarray(self.directions, dtype=np.float64))
        return partner is not None and np.allclose(self.taps[:, 0], self.taps[partner, 1], rtol=0.0, atol=1e-6)


def load_hrtf(name_or_path: str | Path = "kemar", sample_rate: int = 16000, *, equalise: bool = True) -> Hrtf:
    """Returns a head or an array by name, or a head from a SOFA file.

    Args:
        name_or_path: "kemar" (measured dummy head), "spherical" (rigid sphere, no data), "mono" (no head: both ears
            are one omnidirectional point), "tetrahedral" (four open microphones, 42 mm from their centre), or the path
            of a SOFA file; `microphone_array` makes other arrays.
        sample_rate: wanted rate [Hz]; any rate from 8000 up.
        equalise: divide a file's responses by their diffuse-field mean; False keeps the file's own level and colour.

    Raises:
        ValueError: an unknown name, a rate below 8 kHz, or a file that is no SOFA set.
    """
    if sample_rate < _LOWEST_RATE:
        raise ValueError(f"sample_rate {sample_rate} Hz is too low for a head's filters: use {_LOWEST_RATE} or more")
    name = str(name_or_path)
    file = Path(name).stat() if name not in HRTF_NAMES and Path(name).is_file() else None
    return _load(name, int(sample_rate), equalise, (file.st_mtime_ns, file.st_size) if file else None)


@lru_cache(maxsize=8)
def _load(name: str, sample_rate: int, equalise: bool, version: tuple[int, int] | None) -> Hrtf:
    """Returns a receiver; `version` tells a file from its predecessor of the same name."""
    if name == "kemar":
        directions, responses, itd, rate = _kemar_table()
        return _from_magnitude(
            name, sample_rate, directions, _log_magnitude(responses, rate, sample_rate), _halves(itd)
        )
    if name == "spherical":
        directions = sphere_directions()
        frequency = np.fft.rfftfreq(_FFT, 1 / sample_rate)
        log_magnitude = np.log(spherical_head_magnitude(directions, frequency))
        log_magnitude = np.maximum(log_magnitude - _diffuse_mean(directions, log_magnitude), np.log(_FLOOR))
        return _from_magnitude(name, sample_rate, directions, log_magnitude, _halves(woodworth_itd(directions)))
    if name == "mono":
        return microphone_array(np.zeros((2, 3)), sample_rate, name=name)
    if name == "tetrahedral":
        return microphone_array(tetrahedron().positions, sample_rate, name=name)
    if version is None:
        raise name_error("HRTF", name, (*HRTF_NAMES, "or the path of a .sofa file"))
    return hrtf_from_responses(read_sofa(name), sample_rate, equalise=equalise)


def microphone_array(
    positions: npt.ArrayLike,
    sample_rate: int = 16000,
    *,
    omni: float | npt.ArrayLike = 1.0,
    axes: npt.ArrayLike | None = None,
    name: str = "array",
) -> Hrtf:
    """Returns an array of open microphones as a receiver, used like a head.

    Args:
        positions: places [m], head frame (+X right, +Y up, -Z ahead), shape (C, 3); may coincide.
        sample_rate: [Hz], from 8000 up.
        omni: pressure part a of the patterns a + (1 - a) cos, 0.5 (cardioid) .. 1 (omnidirectional), one or (C,).
        axes: directions of the patterns, shape (3,) or (C, 3); None = ahead.
        name: what it is called.

    Raises:
        ValueError: see `Microphones.of`; a rate below 8 kHz.
    """
    if sample_rate < _LOWEST_RATE:
        raise ValueError(f"sample_rate {sample_rate} Hz is too low for octaves: use {_LOWEST_RATE} or more")
    microphones = Microphones.of(positions, omni, axes)
    directions = sphere_directions()
    level = np.log(np.maximum(microphones.gains(directions), _FLOOR))
    log_magnitude = np.broadcast_to(level[..., None], (*level.shape, _FFT // 2 + 1))
    delay = microphones.delays(directions)
    return _from_magnitude(name, sample_rate, directions, log_magnitude, delay, microphones, equalised=False)


def hrtf_from_responses(measured: SofaSet, sample_rate: int, *, equalise: bool = True) -> Hrtf:
    """Returns the head of a measured set: minimum phase, diffuse-field equalised, at another sample rate.

    Args:
        measured: impulse responses as `read_sofa` gives them.
        sample_rate: wanted rate [Hz].
        equalise: divide by the diffuse-field mean; False keeps the set's own level and colour.

    Source: Kulkarni, Isabelle and Colburn 1999 (minimum phase plus delay is indistinguishable from measured phase).
    """
    rate = measured.sample_rate
    log_magnitude = _log_magnitude(measured.impulse_responses, rate, sample_rate)
    frequency = np.fft.rfftfreq(_FFT, 1 / sample_rate)
    mean = _diffuse_mean(measured.directions, log_magnitude)
    equalised = np.maximum(log_magnitude - mean, np.log(_FLOOR))
    low, high = np.log(_LOW_HZ)
    trust = np.clip((np.log(np.maximum(frequency, 1.0)) - low) / (high - low), 0.0, 1.0)
    result = equalised * trust
    if not equalise:
        result = result + mean[np.maximum(np.arange(len(mean)), np.searchsorted(frequency, _LOW_HZ[1]))]
    itd = onset_itd(measured.impulse_responses, rate) + measured.delay[:, 1] - measured.delay[:, 0]
    return _from_magnitude(measured.title, sample_rate, measured.directions, result, _halves(itd), equalised=equalise)


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
    arrival = np.empty(responses.shape[:2], dtype=np.int64)
    for start in range(0, len(responses), 128):  # bounds the oversampled responses
        spectrum = np.fft.rfft(responses[start : start + 128], 2 * count)
        fine = np.abs(np.fft.irfft(spectrum, 2 * count * oversampling))[..., : count * oversampling]
        arrival[start : start + 128] = np.argmax(fine > threshold * fine.max(axis=-1, keepdims=True), axis=-1)
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
    name: str,
    sample_rate: int,
    directions: FloatArray,
    log_magnitude: FloatArray,
    delay: FloatArray,
    microphones: Microphones | None = None,
    equalised: bool = True,
) -> Hrtf:
    """Returns the receiver whose log-magnitudes (D, C, F) are given on the bins of the cepstrum, delays (D, C)."""
    length = 16 * int(np.ceil(0.0029 * sample_rate / 16))
    responses = np.fft.irfft(np.exp(minimum_phase(log_magnitude)), _FFT)[..., :length]
    fade = length // 4
    responses[..., -fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 1) / (fade + 1))
    taps, delay32 = responses.astype(np.float32), delay.astype(np.float32)
    for array in (taps, delay32):
        array.setflags(write=False)
    return Hrtf(name, sample_rate, directions.astype(np.float32), taps, delay32, microphones, equalised)


def _halves(itd: FloatArray) -> FloatArray:
    """Returns the delay of left and right ear re the centre [s], shape (D, 2)."""
    return np.stack([-0.5 * itd, 0.5 * itd], axis=1)


def _log_magnitude(responses: FloatArray, rate: float, wanted_rate: float) -> FloatArray:
    """Returns log-magnitudes of responses (D, 2, N) on the cepstrum's bins at another rate; flat above 0.9 Nyquist."""
    bins = max(4096, 1 << (responses.shape[-1] - 1).bit_length())
    source = np.log(np.maximum(np.abs(np.fft.rfft(responses, bins)), 1e-9))
    wanted = np.minimum(np.fft.rfftfreq(_FFT, 1 / wanted_rate), 0.45 * rate) * bins / rate
    below = np.floor(wanted).astype(np.int64)
    part = wanted - below
    return np.asarray(source[..., below] * (1 - part) + source[..., below + 1] * part)


def _diffuse_mean(directions: FloatArray, log_magnitude: FloatArray) -> FloatArray:
    """Returns the logarithm of the diffuse-field response, shape (F,): energy averaged over sphere and channels."""
    index, weight = direction_weights(directions, grid_directions().reshape(-1, 3))
    area = np.zeros(len(directions))
    np.add.at(area, index, weight * grid_area().reshape(-1, 1))
    energy = np.tensordot(area, np.exp(2 * log_magnitude).mean(axis=1), axes=1)
    return np.asarray(0.5 * np.log(energy))


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
