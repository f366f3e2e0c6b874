"""Room impulse responses: exact paths as they are, the rest as noise with the energies of a traced or baked field."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bake import BAKE_PATHS, bake_field
from avi_env.acoustics.baked_response import field_response, field_sample
from avi_env.acoustics.diffraction import diffraction_model
from avi_env.acoustics.directivity import Directivity, directivity_gain, load_directivity
from avi_env.acoustics.discrete import MIRRORS, discrete_paths
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.layouts import RIR_LAYOUTS, Layout, path_response, rir_layout
from avi_env.acoustics.path_tracer import trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.paths import Paths, join_paths
from avi_env.acoustics.placement import check_place
from avi_env.acoustics.room import rir_seconds
from avi_env.acoustics.specular import specular_paths
from avi_env.acoustics.traced_response import diffuse_response
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.acoustics.wavefront_bank import WavefrontBank
from avi_env.content import name_error
from avi_env.scene.model import Scene

__all__ = ["RIR_LAYOUTS", "RIR_MODES", "exact_paths", "render_rir", "render_rirs"]

RIR_MODES = ("traced", "baked")

FloatArray = npt.NDArray[np.float64]

_PATHS = 4096
_ROULETTE = 1e-5
_RATES = (8000, 192000)
_SPECULAR_LIMIT = 4
_LISTENERS_AT_ONCE, _SAMPLES_AT_ONCE = 32, 1 << 22  # of intermediate results: some ten megabytes


class _Request(NamedTuple):
    """What is wanted of every pair of source and listener."""

    scene: Scene
    mode: str
    layout: Layout
    seconds: float
    path_count: int | None
    specular_order: int
    directivity: Directivity
    diffraction: str
    device: str

    @property
    def length(self) -> int:
        """Samples of a response."""
        return max(round(self.seconds * self.layout.sample_rate), 1)


def render_rir(
    scene: Scene,
    source: npt.ArrayLike,
    listener: npt.ArrayLike,
    yaw: float = 0.0,
    sample_rate: int = 48000,
    mode: str = "traced",
    layout: str | Hrtf = "binaural",
    seed: int = 0,
    seconds: float | None = None,
    *,
    path_count: int | None = None,
    specular_order: int = 3,
    order: int = 1,
    hrtf: str = "kemar",
    directivity: str | npt.ArrayLike | Directivity = "omni",
    source_yaw: float = 0.0,
    diffraction: str = "kurze_anderson",
    device: str = "cpu",
) -> npt.NDArray[np.float32]:
    """Returns the impulse response from a source to a listener, shape (channels, n), float32.

    Sample i is the pressure i / sample_rate after an impulse of 1 Pa at 1 m: the direct sound is 1/d after d/c. Where
    nothing reaches the listener the response is silent. Below the room's Schroeder frequency rooms have modes, which
    rays do not.

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        listener: position of the centre of head or array [m], shape (3,), world frame.
        yaw: of the head [rad], counter-clockwise about +Y, 0 looks along -Z.
        sample_rate: [Hz].
        mode: "traced" (paths traced to this listener: the reference) or "baked" (what an agent hears: the field baked
            for the source, read at the listener).
        layout: "mono" (1 channel, omnidirectional), "binaural" (2, row 0 = left ear), "ambisonics" ((order + 1)^2: ACN
            order with N3D weights, X ahead, Y left, Z up in the listener's frame), "tetrahedral" (4 open microphones),
            or a receiver of this sample rate, such as `microphone_array` makes.
        seed: seed of paths and noise; the same seed gives the same samples.
        seconds: length [s]; None = one length per scene, from its reverberation time.
        path_count: paths traced, errors fall with its root; None = 4096 traced, as many as an agent's bake baked.
        specular_order: "traced" only: specular reflections between large planes up to this order (0..4) are exact
            impulses, the others are noise with their energy; "baked" has order 1.
        order: of ambisonics, 1..3.
        hrtf: head for "binaural": "kemar", "spherical", or the path of a SOFA file.
        directivity: of the source: "omni", "cardioid", "speech" or another name or table that `load_directivity` takes.
        source_yaw: heading of the source [rad], as `yaw`.
        diffraction: how sound bends around edges, "kurze_anderson" or "utd", see `discrete_paths`.
        device: "cpu" or "cuda": where paths are traced and fields are read.

    Raises:
        ValueError: a position outside the scene or inside something solid; an unknown mode, layout or head; a sample
            rate or a length out of range.
    """
    start, end = check_place(scene, source, "source"), check_place(scene, listener, "listener")
    request = _request(
        scene,
        sample_rate,
        mode,
        layout,
        seconds,
        path_count,
        specular_order,
        order,
        hrtf,
        directivity,
        diffraction,
        device,
    )
    turn, heading = _turns(float(yaw), 1, "yaw"), float(_turns(float(source_yaw), 1, "source_yaw")[0])
    if mode == "traced":
        return _traced(request, start, heading, end, float(turn[0]), seed)
    result = np.empty((1, request.layout.channel_count, request.length), dtype=np.float32)
    _baked(request, start, heading, end[None], turn, seed, result)
    response: npt.NDArray[np.float32] = result[0]
    return response


def render_rirs(
    scene: Scene,
    sources: npt.ArrayLike,
    listeners: npt.ArrayLike,
    yaw: float | npt.ArrayLike = 0.0,
    sample_rate: int = 48000,
    mode: str = "baked",
    layout: str | Hrtf = "binaural",
    seed: int = 0,
    seconds: float | None = None,
    *,
    path_count: int | None = None,
    specular_order: int = 3,
    order: int = 1,
    hrtf: str = "kemar",
    directivity: str | npt.ArrayLike | Directivity = "omni",
    source_yaw: float | npt.ArrayLike = 0.0,
    diffraction: str = "kurze_anderson",
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Returns the impulse responses of all sources to all listeners, shape (S, L, channels, n), float32.

    "baked" bakes a field per source and reads it at all listeners at once: [s, l] is `render_rir` with the same
    arguments, to rounding. "traced" traces each pair; [s, l] is `render_rir` with the seed `seed + s L + l`.

    Args:
        scene: the scene.
        sources: source positions [m], shape (S, 3), world frame.
        listeners: centres of heads or arrays [m], shape (L, 3), world frame.
        yaw: of the heads [rad], one number or shape (L,).
        sample_rate: [Hz].
        mode: "baked" or "traced", see `render_rir`.
        layout: see `render_rir`.
        seed: seed of paths and noise.
        seconds: length [s]; None = one length per scene, from its reverberation time.
        path_count: see `render_rir`.
        specular_order: see `render_rir`.
        order: of ambisonics, 1..3.
        hrtf: head for "binaural".
        directivity: of all sources, see `render_rir`.
        source_yaw: headings of the sources [rad], one number or shape (S,).
        diffraction: see `render_rir`.
        device: "cpu" or "cuda".
        progress: called with the number of responses done and of all.

    Raises:
        ValueError: as `render_rir`; positions or yaw of the wrong shape.
    """
    starts = np.stack([check_place(scene, place, "source") for place in _places(sources, "sources")])
    ends = np.stack([check_place(scene, place, "listener") for place in _places(listeners, "listeners")])
    turns, headings = _turns(yaw, len(ends), "yaw"), _turns(source_yaw, len(starts), "source_yaw")
    request = _request(
        scene,
        sample_rate,
        mode,
        layout,
        seconds,
        path_count,
        specular_order,
        order,
        hrtf,
        directivity,
        diffraction,
        device,
    )
    result = np.empty((len(starts), len(ends), request.layout.channel_count, request.length), dtype=np.float32)
    for s, (start, heading) in enumerate(zip(starts, headings, strict=True)):
        if mode == "baked":
            _baked(request, start, heading, ends, turns, seed, result[s])
            if progress is not None:
                progress((s + 1) * len(ends), result.shape[0] * result.shape[1])
            continue
        for number, (end, turn) in enumerate(zip(ends, turns, strict=True), start=s * len(ends)):
            result[s, number - s * len(ends)] = _traced(request, start, heading, end, turn, seed + number)
            if progress is not None:
                progress(number + 1, result.shape[0] * result.shape[1])
    return result


def exact_paths(
    scene: Scene,
    source: FloatArray,
    listener: FloatArray,
    specular_order: int = 1,
    *,
    directivity: Directivity | None = None,
    source_yaw: float = 0.0,
    diffraction: str = "kurze_anderson",
    device: str = "cpu",
) -> Paths:
    """Returns all discrete paths of one source in the order of `discrete_paths`: what is not mirrored, then what is.

    Args:
        scene: the scene.
        source: position [m], shape (3,).
        listener: position [m], shape (3,); or several, shape (L, 3), with `specular_order` 1.
        specular_order: greatest number of mirror reflections.
        directivity: of the source; None = alike in all directions.
        source_yaw: heading of the source [rad].
        diffraction: "kurze_anderson" or "utd".
        device: "cpu", or "cuda" with `specular_order` 1.
    """
    bank = scene_bank(scene, device)
    end = torch.as_tensor(np.atleast_2d(listener), dtype=torch.float64, device=bank.device)
    start = torch.as_tensor(source, dtype=torch.float64, device=bank.device).expand(len(end), -1).contiguous()
    index = torch.zeros(len(end), dtype=torch.int64, device=bank.device)
    waves = None
    if bool(bank.occluded(index, start, end).any()):
        waves = WavefrontBank(1, bank.device)
        waves.set_row(0, wavefront_field(scene, source))
    paths = discrete_paths(bank, waves, index, index, start, end, diffraction=diffraction)
    if specular_order != 1:
        straight = Paths(*(part[:, :MIRRORS] for part in paths))
        paths = join_paths(straight, specular_paths(scene, source, np.reshape(listener, 3), specular_order))
    if directivity is None or directivity.is_omni:
        return paths
    heading = torch.full((len(end),), source_yaw, device=bank.device)
    return paths._replace(gain=paths.gain * directivity_gain(directivity, heading, paths.departure))


def _request(
    scene: Scene,
    sample_rate: int,
    mode: str,
    layout: str | Hrtf,
    seconds: float | None,
    path_count: int | None,
    specular_order: int,
    order: int,
    hrtf: str,
    directivity: str | npt.ArrayLike | Directivity,
    diffraction: str,
    device: str,
) -> _Request:
    """Returns checked arguments."""
    if mode not in RIR_MODES:
        raise name_error("render_rir mode", str(mode), RIR_MODES)
    if not _RATES[0] <= sample_rate <= _RATES[1]:
        raise ValueError(f"sample_rate must lie in {_RATES[0]} .. {_RATES[1]} Hz, got {sample_rate}")
    if not 0 <= specular_order <= _SPECULAR_LIMIT:
        raise ValueError(f"specular_order must lie in 0 .. {_SPECULAR_LIMIT}, got {specular_order}")
    if path_count is not None and path_count < 1:
        raise ValueError(f"path_count must be at least 1, got {path_count}")
    diffraction_model(diffraction)  # knows the names
    channels = rir_layout(layout, order, hrtf, int(sample_rate))
    length = rir_seconds(scene) if seconds is None else float(seconds)
    if not 0.0 < length <= 60.0:
        raise ValueError(f"seconds must lie in (0, 60], got {length:g}")
    pattern = load_directivity(directivity)
    return _Request(scene, mode, channels, length, path_count, specular_order, pattern, diffraction, device)


def _places(positions: npt.ArrayLike, what: str) -> FloatArray:
    places = np.asarray(positions, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != 3 or not len(places):
        raise ValueError(f"{what} must be positions of shape (n, 3), n >= 1, got shape {places.shape}")
    return places


def _turns(turn: float | npt.ArrayLike, count: int, what: str) -> FloatArray:
    turns = np.asarray(turn, dtype=np.float64)
    if turns.shape not in ((), (count,)) or not np.all(np.isfinite(turns)):
        raise ValueError(f"{what} must be one finite angle or one for each of the {count}, got shape {turns.shape}")
    return np.broadcast_to(turns, (count,))


def _traced(
    request: _Request, source: FloatArray, heading: float, listener: FloatArray, yaw: float, seed: int
) -> npt.NDArray[np.float32]:
    """Returns the response of one pair by tracing, shape (C, n)."""
    scene, layout, pattern = request.scene, request.layout, request.directivity
    rng = np.random.default_rng([seed, 0x524952])
    paths = exact_paths(
        scene, source, listener, request.specular_order, directivity=pattern, source_yaw=heading,
        diffraction=request.diffraction,
    )  # fmt: skip
    response = path_response(layout, paths, torch.tensor([yaw], dtype=torch.float32), request.length)[0]
    budget = PathBudget(request.path_count or _PATHS, request.seconds, _ROULETTE)
    echogram = trace_echogram(
        scene, source, listener, seed=seed, budget=budget, mirror_order=request.specular_order, device=request.device,
        directivity=pattern, yaw=heading,
    )  # fmt: skip
    diffuse = diffuse_response(echogram, layout, yaw, request.length, rng)
    return (response.double().numpy() + diffuse).astype(np.float32)


def _baked(
    request: _Request,
    source: FloatArray,
    heading: float,
    listeners: FloatArray,
    yaws: FloatArray,
    seed: int,
    result_out: npt.NDArray[np.float32],
) -> None:
    """Writes the responses of one source to all listeners, shape (L, C, n), from its baked field."""
    scene, layout, pattern, device = request.scene, request.layout, request.directivity, request.device
    field = bake_field(
        scene, source, seed=seed, path_count=request.path_count or BAKE_PATHS, device=device,
        directivity=pattern, yaw=heading,
    )  # fmt: skip
    paths = exact_paths(
        scene, source, listeners, directivity=pattern, source_yaw=heading, diffraction=request.diffraction,
        device=device,
    )  # fmt: skip
    sample = field_sample(scene, field, listeners, device)
    turns = torch.as_tensor(np.array(yaws), dtype=torch.float32, device=sample.early.device)
    together = max(min(_LISTENERS_AT_ONCE, _SAMPLES_AT_ONCE // (layout.channel_count * request.length)), 1)
    for low in range(0, len(listeners), together):
        rows = slice(low, low + together)
        here = Paths(*(tensor[rows] for tensor in paths))
        response = path_response(layout, here, turns[rows], request.length)
        response += field_response(type(sample)(*(t[rows] for t in sample)), turns[rows], layout, request.length, seed)
        result_out[rows] = response.cpu().numpy()
