"""Sound in rooms against pyroomacoustics, an independent simulator of image sources and traced rays."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.air import AIR_DB_PER_METRE, AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.formulas import eyring_rt60, kuttruff_rt60
from avi_env.acoustics.metrics import decay_curve, octave_filter, room_metrics
from avi_env.acoustics.rir import render_rir
from avi_env.acoustics.specular import specular_paths
from avi_env.bench.acoustics_rows import Effort, Findings, Row, worst_row
from avi_env.bench.acoustics_scenes import (
    L_HEIGHT,
    L_OUTLINE,
    LISTENER,
    SIZE,
    SOURCE,
    SURFACE,
    VOLUME,
    box_room,
    l_room,
)
from avi_env.scene.model import Scene

__all__ = [
    "MISSING",
    "barron_clarity",
    "decays",
    "hybrid_decay",
    "hybrid_room",
    "image_sources",
    "is_installed",
    "measured_decay",
]

MISSING = 'part "crosscheck" needs pyroomacoustics: pip install "avi-env[bench]"'
"""What to do where the independent simulator is not installed."""

FloatArray = npt.NDArray[np.floating[Any]]

_RATE = 16000
_BAND = 3  # 1 kHz
_L_ABSORPTION = 0.3
_L_SOURCE, _L_LISTENER = (4.2, 1.1, 0.9), (0.8, 1.5, 3.9)
_HYBRID_ORDER = 3  # order of image sources; rays take over above it
_HYBRID = "pyroomacoustics hybrid"
_SETTINGS = ((0.1, 0.5), (0.2, 0.5), (0.4, 0.5))  # absorption, scattering
_HYBRID_ABSORPTIONS = (0.1, 0.2, 0.3, 0.4, 0.6)
_SHOWN = 0.2  # absorption of the decay curves
_MARGIN = 0.6  # [m] of places from the walls: more than the hybrid's detector sphere


def is_installed() -> bool:
    """Returns whether pyroomacoustics can be imported."""
    return importlib.util.find_spec("pyroomacoustics") is not None


def swapped(point: tuple[float, ...]) -> list[float]:
    """Returns our x, y (up), z as pyroomacoustics' x, y, z (up): a mirror image, which sound does not notice."""
    return [point[0], point[2], point[1]]


def hybrid_room(
    absorption: float, scattering: float, listeners: FloatArray, rays: int, threshold: float = 1e-10
) -> Any:
    """Returns pyroomacoustics' shoebox with its hybrid of image sources and ray tracing, ready for `compute_rir`.

    Args:
        absorption: of all walls.
        scattering: of all walls.
        listeners: positions [m], shape (L, 3), our axes.
        rays: traced, for all listeners together.
        threshold: energy at which a ray ends, for all octaves at once: 1e-7, its default, cuts tails and is faster.
    """
    import pyroomacoustics

    room = pyroomacoustics.ShoeBox(
        swapped(SIZE), fs=_RATE, materials=pyroomacoustics.Material(absorption, scattering), max_order=_HYBRID_ORDER,
        ray_tracing=True, air_absorption=True,
    )  # fmt: skip
    room.set_ray_tracing(n_rays=rays, receiver_radius=0.5, energy_thres=threshold)
    room.add_source(swapped(SOURCE))
    room.add_microphone_array(np.array([swapped(tuple(p)) for p in listeners]).T)
    pyroomacoustics.random.seed(numpy=0, libroom=0)
    return room


def image_sources(effort: Effort) -> Findings:
    """The same mirror paths, of the same delay and level, in a shoebox and in a room that is not convex."""
    import pyroomacoustics as pra

    box = pra.ShoeBox(swapped(SIZE), fs=_RATE, materials=pra.Material(0.25), max_order=3)
    corner = pra.Room.from_corners(np.array(L_OUTLINE).T, fs=_RATE, materials=pra.Material(_L_ABSORPTION), max_order=2)
    corner.extrude(L_HEIGHT, materials=pra.Material(_L_ABSORPTION))
    rows: list[Row] = []
    for name, room, scene, ends, order in (
        ("shoebox", box, box_room(0.25, 0.0), (SOURCE, LISTENER), 3),
        ("L-shaped room", corner, l_room(_L_ABSORPTION), (_L_SOURCE, _L_LISTENER), 2),
    ):
        room.add_source(swapped(ends[0]))
        room.add_microphone(swapped(ends[1]))
        room.image_source_model()
        rows += _same_paths(f"{name}, order 1-{order}", room, specular_paths(scene, *ends, order))
    return Findings(tuple(rows))


def _same_paths(name: str, room: Any, paths: Any) -> list[Row]:
    source = room.sources[0]
    seen = room.visibility[0][0].astype(bool) & (source.orders > 0)
    distance = np.linalg.norm(source.images[:, seen] - np.asarray(room.mic_array.R), axis=0)
    ours, level = paths.delay[0].numpy(), 20.0 * np.log10(paths.gain[0, :, _BAND].double().numpy())
    level = level + AIR_DB_PER_METRE[_BAND] * ours * SPEED_OF_SOUND  # its image sources know no air
    theirs = 20.0 * np.log10(source.damping[0, seen] / distance)
    peer = "pyroomacoustics"
    count = Row(f"{name}, mirror paths", float(len(ours)), "paths", peer, float(len(distance)), limit=0.0)
    if len(ours) != len(distance):
        return [count]
    delays = 1e6 * np.sort(ours), 1e6 * np.sort(distance) / SPEED_OF_SOUND
    return [
        count,
        worst_row(f"{name}, delay", *delays, unit="us", peer=peer, limit=1.0),
        worst_row(f"{name}, level", np.sort(level), np.sort(theirs), "dB", peer, quantity="level", limit=0.1),
    ]


def decays(effort: Effort) -> Findings:
    """T30, C50 and D50 against the hybrid's, mean over places, and decay curves at one of them, at 1 kHz."""
    rows: list[Row] = []
    curves: dict[str, Any] = {}
    places = _places(effort)
    for absorption, scattering in _SETTINGS:
        room = hybrid_room(absorption, scattering, places, effort.rays)
        room.compute_rir()
        theirs = [np.asarray(row[0], dtype=np.float64) for row in room.rir]
        scene = box_room(absorption, scattering)
        ours = [_rendered(scene, place, "traced", effort) for place in places]
        means = [_mean_metrics(responses) for responses in (ours, theirs)]
        name, note = f"a = {absorption:g}, s = {scattering:g}", f"mean of {len(places)} places"
        for quantity, unit, limit in (("T30", "s", 0.10), ("C50", "dB", None), ("D50", "of 1", None)):
            pair = (mean[quantity] for mean in means)
            rows.append(
                Row(f"{quantity}, {name}", next(pair), unit, _HYBRID, next(pair), quantity, limit=limit, note=note)
            )
        # Where the two disagree about early energy, theory says who is right.
        barron = float(np.mean(barron_clarity(absorption, np.linalg.norm(places - np.array(SOURCE), axis=1))))
        for whose, mean, limit in (("", means[0], 1.0), ("pyroomacoustics hybrid: ", means[1], None)):
            rows.append(
                Row(f"{whose}C50, {name}, Barron", mean["C50"], "dB", "Barron", barron, "C50", limit=limit, note=note)
            )
        if absorption == _SHOWN:
            shown = {
                "traced": ours[0],
                "baked": _rendered(scene, LISTENER, "baked", effort),
                "pyroomacoustics": theirs[0],
            }
            curves = {name: _curve(response) for name, response in shown.items()}
    return Findings(tuple(rows), {"decay": {"step_seconds": _CURVE_STEP, "curves_db": curves}})


def barron_clarity(absorption: float, distance: FloatArray) -> FloatArray:
    """Returns C50 [dB] of a diffuse room at distances [m]: direct sound, and a decay that begins when it arrives.

    Source: Barron and Lee, J. Acoust. Soc. Am. 84, 618 (1988), revised theory; T after Kuttruff.
    """
    air = AIR_ENERGY_PER_METRE[_BAND]
    rate = 6.0 * np.log(10.0) / float(kuttruff_rt60(VOLUME, SURFACE, absorption, air))
    # The room fills at once with 4 pi c / V, which decays: with Sabine's rate its integral is 16 pi / (S a).
    reverberant = 4.0 * np.pi * SPEED_OF_SOUND / (VOLUME * rate) * np.exp(-rate * distance / SPEED_OF_SOUND)
    early = 1.0 / distance**2 + reverberant * (1.0 - np.exp(-0.05 * rate))
    return np.asarray(10.0 * np.log10(early / (reverberant * np.exp(-0.05 * rate))))


def hybrid_decay(effort: Effort) -> Findings:
    """How far the hybrid's own T30 of diffuse rooms lies from Eyring's at 1 kHz: the peer in the plot of ours."""
    air = AIR_ENERGY_PER_METRE[_BAND]
    errors = []
    for absorption in _HYBRID_ABSORPTIONS:
        room = hybrid_room(absorption, 1.0, _places(effort), effort.rays)
        room.compute_rir()
        found = _mean_metrics([np.asarray(row[0], dtype=np.float64) for row in room.rir])["T30"]
        errors.append(found / float(eyring_rt60(VOLUME, SURFACE, absorption, air)) - 1.0)
    return Findings((), {"t30_hybrid": {"absorption": list(_HYBRID_ABSORPTIONS), "error": errors}})


def _places(effort: Effort) -> FloatArray:
    random = np.random.default_rng(effort.seed).random((effort.places - 1, 3))
    return np.concatenate([[LISTENER], _MARGIN + random * (np.array(SIZE) - 2.0 * _MARGIN)])


def _rendered(scene: Scene, place: npt.ArrayLike, mode: str, effort: Effort) -> FloatArray:
    response = render_rir(scene, SOURCE, place, sample_rate=_RATE, mode=mode, layout="mono", seed=effort.seed)
    return np.asarray(response[0])


def _mean_metrics(responses: Sequence[FloatArray]) -> dict[str, float]:
    """Returns the mean of each room metric over responses, at 1 kHz."""
    metrics = [room_metrics(response, _RATE) for response in responses]
    return {name: float(np.mean([m[name][_BAND] for m in metrics])) for name in ("T30", "C50", "D50")}


_CURVE_STEP = 0.005  # [s]
_CURVE_FLOOR = -65.0  # [dB]


def _curve(response: FloatArray) -> list[float]:
    """Decay curve of the 1 kHz octave from the arrival on, every 5 ms down to the floor."""
    octave = octave_filter(np.asarray(response, dtype=np.float64), _BAND, _RATE, backward=True)
    onset = int(np.argmax(np.abs(octave) > 0.1 * np.abs(octave).max()))
    curve = decay_curve(octave[onset:])[:: round(_CURVE_STEP * _RATE)]
    return [round(float(v), 3) for v in curve[curve > _CURVE_FLOOR]]


def measured_decay(effort: Effort) -> Findings:
    """The reverberation time of one and the same decaying noise, as we measure it and as pyroomacoustics does."""
    import pyroomacoustics

    time = np.arange(3 * _RATE) / _RATE
    noise = np.random.default_rng(effort.seed).standard_normal(len(time)) * 10.0 ** (-3.0 * time / 0.6)
    octave = octave_filter(noise, _BAND, _RATE, backward=True)
    theirs = float(pyroomacoustics.experimental.rt60.measure_rt60(octave, fs=_RATE, decay_db=30))
    found = float(room_metrics(noise, _RATE).T30[_BAND])
    return Findings((Row("T30 of one decay", found, "s", "pyroomacoustics", theirs, "T30", limit=0.02),))
