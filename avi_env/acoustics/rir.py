"""Room impulse responses: exact paths as they are, the rest as noise with the energies of a traced or baked field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import oaconvolve

from avi_env.acoustics.bake import BAKE_PATHS, bake_field
from avi_env.acoustics.baked_response import field_echogram, field_response, field_sample
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.direct import direct_paths, silent_paths
from avi_env.acoustics.ear_filters import band_filters, ear_spectra
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.image_sources import image_source_paths, scene_bank
from avi_env.acoustics.noise import band_shares, direction_shares, energy_held, sample_density, shaped_noise
from avi_env.acoustics.path_tracer import Echogram, trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.paths import Paths, join_paths
from avi_env.acoustics.placement import check_place
from avi_env.acoustics.room import rir_seconds
from avi_env.acoustics.specular import specular_paths
from avi_env.acoustics.transmission import transmitted_paths
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths
from avi_env.content import name_error
from avi_env.scene.model import Scene

__all__ = ["RIR_LAYOUTS", "RIR_MODES", "exact_paths", "render_rir"]

RIR_MODES = ("traced", "baked")
RIR_LAYOUTS = ("mono", "binaural", "ambisonics")

FloatArray = npt.NDArray[np.float64]

_PATHS = 4096
_ROULETTE = 1e-5
_DIRECTIONS = 32  # from which diffuse sound arrives: their mean coherence at the ears is that of a diffuse field
_POWER_BINS = 1024
_RATES = (8000, 192000)
_SPECULAR_LIMIT = 4


def render_rir(
    scene: Scene,
    source: npt.ArrayLike,
    listener: npt.ArrayLike,
    yaw: float = 0.0,
    sample_rate: int = 48000,
    mode: str = "traced",
    layout: str = "binaural",
    seed: int = 0,
    seconds: float | None = None,
    *,
    path_count: int | None = None,
    specular_order: int = 3,
    hrtf: str = "kemar",
) -> npt.NDArray[np.float32]:
    """Returns the impulse response from a source to a listener, shape (channels, n), float32.

    Sample i is the pressure i / sample_rate after an impulse of 1 Pa at 1 m: the direct sound is 1/d after d/c. Where
    nothing reaches the listener the response is silent. Below the room's Schroeder frequency rooms have modes, which
    rays do not.

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        listener: position of the centre of the head [m], shape (3,), world frame.
        yaw: of the head [rad], counter-clockwise about +Y, 0 looks along -Z.
        sample_rate: [Hz].
        mode: "traced" (paths traced to this listener: the reference) or "baked" (what an agent hears: the field baked
            for the source, read at the listener).
        layout: "mono" (1 channel, omnidirectional), "binaural" (2, row 0 = left ear), or "ambisonics" (4: first order,
            ACN order W Y Z X with N3D weights, X ahead, Y left, Z up in the listener's frame).
        seed: seed of paths and noise; the same seed gives the same samples.
        seconds: length [s]; None = one length per scene, from its reverberation time.
        path_count: paths traced, errors fall with its root; None = 4096 traced, as many as an agent's bake baked.
        specular_order: "traced" only: specular reflections between large planes up to this order (0..3) are exact
            impulses, the others are noise with their energy; "baked" has order 1.
        hrtf: head for "binaural": "kemar", "spherical", or the path of a SOFA file.

    Raises:
        ValueError: a position outside the scene or inside something solid; an unknown mode, layout or head; a sample
            rate or a length out of range.
    """
    start, end = check_place(scene, source, "source"), check_place(scene, listener, "listener")
    for what, name, known in (("mode", mode, RIR_MODES), ("layout", layout, RIR_LAYOUTS)):
        if name not in known:
            raise name_error(f"render_rir {what}", str(name), known)
    if not _RATES[0] <= sample_rate <= _RATES[1]:
        raise ValueError(f"sample_rate must lie in {_RATES[0]} .. {_RATES[1]} Hz, got {sample_rate}")
    if not 0 <= specular_order <= _SPECULAR_LIMIT:
        raise ValueError(f"specular_order must lie in 0 .. {_SPECULAR_LIMIT}, got {specular_order}")
    seconds = rir_seconds(scene) if seconds is None else float(seconds)
    if not 0.0 < seconds <= 60.0:
        raise ValueError(f"seconds must lie in (0, 60], got {seconds:g}")
    length = max(round(seconds * sample_rate), 1)
    turn, rng = float(yaw), np.random.default_rng([seed, 0x524952])
    paths = exact_paths(scene, start, end, specular_order if mode == "traced" else 1)
    response = _discrete(paths, layout, turn, sample_rate, hrtf, length)
    first = 0
    if mode == "traced":
        budget = PathBudget(path_count or _PATHS, seconds, _ROULETTE)
        echogram = trace_echogram(scene, start, end, seed=seed, budget=budget, mirror_order=specular_order)
    else:
        sample = field_sample(scene, bake_field(scene, start, seed=seed, path_count=path_count or BAKE_PATHS), end)
        if layout == "binaural":
            heard = field_response(sample, turn, load_hrtf(hrtf, sample_rate), length, seed)
            return (response + heard).astype(np.float32)
        echogram = field_echogram(sample, seconds)
        first = min(round(float(sample.first_arrival[0]) * sample_rate), length)
    receiver = _receiver(layout, turn, sample_rate, hrtf)
    response[:, first:] += _diffuse(echogram, receiver, sample_rate, length - first, rng)
    return response.astype(np.float32)


def exact_paths(scene: Scene, source: FloatArray, listener: FloatArray, specular_order: int = 1) -> Paths:
    """Returns all discrete paths of one source and listener: direct, or through walls and around edges; mirrored."""
    bank = scene_bank(scene)
    index = torch.zeros(1, dtype=torch.int64)
    ends = (torch.as_tensor(source, dtype=torch.float64)[None], torch.as_tensor(listener, dtype=torch.float64)[None])
    blocked = bank.occluded(index, *ends)
    single = specular_order == 1
    bent = silent_paths(1, 1, ends[0].device)
    if bool(blocked.any()):
        waves = WavefrontBank(1)
        waves.set_row(0, wavefront_field(scene, source))
        bent = diffracted_paths(waves, index, *ends, blocked)
    return join_paths(
        direct_paths(bank, index, *ends, blocked=blocked),
        image_source_paths(bank, index, *ends) if single else specular_paths(scene, source, listener, specular_order),
        transmitted_paths(bank, index, *ends, blocked=blocked),
        bent,
    )


class _Receiver(NamedTuple):
    """What a microphone or head makes of sound from D directions spread evenly over the sphere, on C channels."""

    directions: FloatArray
    """Shape (D, 3)."""
    responses: FloatArray
    """Shape (D, C, N)."""
    start: int
    """Sample at which all responses begin."""


def _receiver(layout: str, yaw: float, sample_rate: int, hrtf: str) -> _Receiver:
    directions = _even_directions(1 if layout == "mono" else _DIRECTIONS)
    if layout == "binaural":
        towards = torch.from_numpy(directions).float()[None]
        spectra, start = ear_spectra(towards, torch.tensor([yaw], dtype=torch.float32), load_hrtf(hrtf, sample_rate))
        responses = torch.fft.irfft(spectra[0]).double().numpy()
        return _Receiver(directions, responses, start)
    order = 0 if layout == "mono" else 1
    responses = np.stack([_harmonics(direction, yaw, order) for direction in directions])[..., None]
    return _Receiver(directions, responses, 0)


def _diffuse(
    echogram: Echogram, receiver: _Receiver, sample_rate: int, length: int, rng: np.random.Generator
) -> FloatArray:
    """Returns an echogram as noise from all directions on the receiver's channels, shape (C, length)."""
    result = np.zeros((receiver.responses.shape[1], length))
    if length == 0 or not echogram.energy.any():
        return result
    share = direction_shares(echogram.energy, receiver.directions)  # (bins, 7, D)
    octave = band_shares(np.abs(np.fft.rfft(receiver.responses, _POWER_BINS)) ** 2, sample_rate)  # (D, C, 9)
    wanted = np.zeros((*octave.shape[1:], length))
    for number, responses in enumerate(receiver.responses):
        energy = echogram.energy[..., 0] * share[..., number]
        density = sample_density(energy, echogram.bin_seconds, sample_rate, length)
        wanted += density * octave[number][..., None]
        noise = shaped_noise(density, sample_rate, rng)
        for channel, response in enumerate(responses):
            _add_at(result[channel], oaconvolve(noise, response), receiver.start)
    return energy_held(result, wanted, sample_rate)


def _add_at(total: FloatArray, part: FloatArray, start: int) -> None:
    """Adds a part that begins at a sample, which may be negative; what lies outside is cut."""
    low, high = max(start, 0), min(start + len(part), len(total))
    if high > low:
        total[low:high] += part[low - start : high - start]


def _discrete(paths: Paths, layout: str, yaw: float, sample_rate: int, hrtf: str, length: int) -> FloatArray:
    """Returns discrete paths on the channels of a layout; without a head, delays are exact over the whole band."""
    if layout == "binaural":
        turn = torch.tensor([yaw], dtype=torch.float32)
        return paths_to_fir(paths, turn, load_hrtf(hrtf, sample_rate), length)[0].double().numpy()
    order = 0 if layout == "mono" else 1
    shares = band_filters(sample_rate, "cpu").numpy().astype(np.complex128)  # (7, F)
    count = 2 * (shares.shape[1] - 1)
    lead = count // 2
    phase = np.arange(shares.shape[1]) * (2.0 * np.pi / count)
    result = np.zeros(((order + 1) ** 2, length))
    delay, gain, direction = (t[0].double().numpy() for t in paths[:3])
    for number in np.flatnonzero(gain.max(axis=1) > 0.0):
        loudest = gain[number].max()
        level = np.log(np.maximum(gain[number] / loudest, 1e-5))
        arrival = delay[number] * sample_rate
        whole = int(np.floor(arrival))
        spectrum = loudest * np.exp(level @ shares - 1j * phase * (arrival - whole + lead))
        response = np.fft.irfft(spectrum, count)
        for channel, weight in enumerate(_harmonics(direction[number], yaw, order)):
            _add_at(result[channel], weight * response, whole - lead)
    return result


def _harmonics(direction: FloatArray, yaw: float, order: int) -> FloatArray:
    """Returns the spherical harmonics (ACN, N3D) of a world direction in the frame of a listener."""
    if order == 0:
        return np.ones(1)
    x, y, z = direction
    left, ahead = -x * np.cos(yaw) + z * np.sin(yaw), -x * np.sin(yaw) - z * np.cos(yaw)
    return np.array([1.0, *(np.sqrt(3.0) * component for component in (left, y, ahead))])


def _even_directions(count: int) -> FloatArray:
    index = np.arange(count)
    height = 1.0 - (2.0 * index + 1.0) / count
    angle = index * np.pi * (3.0 - np.sqrt(5.0))
    radius = np.sqrt(1.0 - height**2)
    return np.column_stack([radius * np.cos(angle), height, radius * np.sin(angle)])
