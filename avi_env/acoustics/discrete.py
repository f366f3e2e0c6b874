"""All discrete sound paths of a step in two launches: what stands between and what mirrors, then every path slot."""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type,misc,index,operator"

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.bending import Bends, bend_gain, spreading
from avi_env.acoustics.diffraction import diffraction_model
from avi_env.acoustics.edge_shade import deepest_shade, shaded_gain
from avi_env.acoustics.paths import Paths, check_ends, empty_paths
from avi_env.acoustics.ridge_paths import ridge_arrival
from avi_env.acoustics.scene_arrays import SceneArrays, scene_arrays
from avi_env.acoustics.straight_paths import Energy, crossed_energy, is_blocked, mirrored, visible_share
from avi_env.acoustics.wavefront_bank import Arrival, WaveArrays, WavefrontBank, wave_arrival, wave_height
from avi_env.content import name_error
from avi_env.scene.bank import SceneBank
from avi_env.scene.launches import launch

__all__ = [
    "AROUND",
    "ASIDE",
    "DIRECT",
    "MIRRORS",
    "MIRROR_LIMIT",
    "OCCLUSIONS",
    "OVER",
    "SLOTS",
    "TRANSMITTED",
    "choose_mirrors",
    "discrete_paths",
    "launch_slots",
]

# Loops stay loops: unrolled, the rays of a search along an edge take twice as long to compile and run no faster.
wp.set_module_options({"enable_backward": False, "max_unroll": 0})

MIRROR_LIMIT = 12
"""Planes per source that mirror."""

DIRECT, TRANSMITTED, AROUND, OVER, ASIDE, MIRRORS = range(6)
"""First slots of `discrete_paths`: direct, through walls, around edges, over or under, by the far side, mirrored."""

SLOTS = MIRRORS + MIRROR_LIMIT

OCCLUSIONS = ("fresnel", "ray", "volumetric")
"""How the direct sound fades: within an edge's Fresnel zone and then not at all, on or off, by a disc's visible share.
"""

_NEAREST_SQUARE = wp.constant(wp.float64(0.25))  # [m2] below which a plane does not become more relevant
_SPEED = wp.constant(wp.float64(SPEED_OF_SOUND))
_ZERO = wp.constant(wp.float64(0.0))
_TINY = wp.constant(wp.float64(1e-9))
_LIMIT = wp.constant(MIRROR_LIMIT)
_ASKED = wp.constant(2)  # as `known`: a ray is to tell
_UNBENT = wp.constant(1.0e-3)  # [rad]
_FRESNEL = wp.constant(OCCLUSIONS.index("fresnel"))
_VOLUMETRIC = wp.constant(OCCLUSIONS.index("volumetric"))
_ONE = wp.constant(wp.float64(1.0))
_DIRECT, _TRANSMITTED, _AROUND = wp.constant(DIRECT), wp.constant(TRANSMITTED), wp.constant(AROUND)
_ASIDE, _MIRRORS = wp.constant(ASIDE), wp.constant(MIRRORS)
_Scores = wp.types.vector(length=MIRROR_LIMIT, dtype=wp.float64)


@wp.kernel
def _prepare(
    scenes: wp.array[SceneArrays],
    scene_index: wp.array[wp.int32],
    source: wp.array[wp.vec3d],
    listener: wp.array[wp.vec3d],
    known: wp.array[wp.int32],
    chosen_out: wp.array2d[wp.int32],
) -> None:
    b = wp.tid()
    scene = scene_index[b]
    blocked = known[b]
    if blocked == _ASKED:
        blocked = int(is_blocked(scenes[0].mesh[scene], source[b], listener[b]))
    chosen_out[b, _LIMIT] = blocked
    best = _Scores()
    for k in range(_LIMIT):
        chosen_out[b, k] = -1
    first = scenes[0].plane_offset[scene]
    for row in range(first, scenes[0].plane_stop[scene]):
        gap = wp.max(wp.max(scenes[0].low[row] - source[b], source[b] - scenes[0].high[row]), wp.vec3d())
        score = scenes[0].area[row] / wp.max(wp.length_sq(gap), _NEAREST_SQUARE)
        if score > best[_LIMIT - 1]:  # insertion; equal ones keep their order
            place = _LIMIT - 1
            while place > 0 and score > best[wp.max(place - 1, 0)]:
                best[place] = best[place - 1]
                chosen_out[b, place] = chosen_out[b, place - 1]
                place -= 1
            best[place] = score
            chosen_out[b, place] = row - first


def choose_mirrors(
    bank: SceneBank, scene_index: torch.Tensor, ends: tuple[torch.Tensor, torch.Tensor], blocked: torch.Tensor | None
) -> torch.Tensor:
    """Returns the planes that mirror each source, -1 = none, and whether its straight line is blocked, (B, 13) int32.

    Args:
        bank: the scenes.
        scene_index: scene of each environment, shape (B,), int32.
        ends: positions of source and listener [m], shapes (B, 3), float64.
        blocked: whether the straight line is occluded, shape (B,), where the caller knows; None = one ray each.
    """
    count = len(scene_index)
    chosen = torch.empty(count, MIRROR_LIMIT + 1, dtype=torch.int32, device=bank.device)
    known = scene_index.new_full((count,), _ASKED) if blocked is None else blocked.to(torch.int32).contiguous()
    launch(_prepare, (count,), [scene_arrays(bank), scene_index, *ends, known, chosen], bank.device)
    return chosen


@wp.struct
class _Path:
    """One path; no gain, no path."""

    length: wp.float64
    gain: Energy
    direction: wp.vec3
    departure: wp.vec3


@wp.func
def _straight(source: wp.vec3d, listener: wp.vec3d) -> _Path:
    """The straight line, without gain yet."""
    path = _Path()
    vector = source - listener
    path.length = wp.length(vector)
    path.direction = wp.vec3(vector / wp.max(path.length, _TINY))
    path.departure = -path.direction
    return path


@wp.func
def _direct(
    scenes: SceneArrays, scene: int, source: wp.vec3d, listener: wp.vec3d, blocked: bool, options: wp.vec3i
) -> _Path:
    path = _straight(source, listener)
    share = wp.where(blocked, _ZERO, _ONE)
    if options[2] == _VOLUMETRIC:
        share = visible_share(scenes.mesh[scene], source, listener)
    for band in range(BAND_COUNT):
        path.gain[band] = share * spreading(path.length, band)
    if options[2] == _FRESNEL and not blocked:
        shade = deepest_shade(scenes, scene, wp.vec3(source), wp.vec3(listener), options[1])
        for band in range(BAND_COUNT):
            path.gain[band] *= shaded_gain(shade, options[1], band)
    return path


@wp.func
def _through(scenes: SceneArrays, scene: int, source: wp.vec3d, listener: wp.vec3d) -> _Path:
    path = _straight(source, listener)
    way = (source - listener) / wp.max(path.length, _TINY)
    energy = crossed_energy(scenes, scene, listener, way, path.length)
    for band in range(BAND_COUNT):
        path.gain[band] = spreading(path.length, band) * wp.sqrt(energy[band])
    return path


@wp.func
def _bent(arrival: Arrival, straight: wp.float64, model: int) -> _Path:
    path = _Path()
    if arrival[3] >= 0.0:
        shape = Bends(wp.float64(arrival[7]), wp.float64(arrival[8]), wp.float64(arrival[9]), wp.float64(arrival[10]))
        path.length = wp.max(wp.float64(arrival[3]), straight)
        path.direction = wp.normalize(wp.vec3(arrival[0], arrival[1], arrival[2]))
        path.departure = wp.normalize(wp.vec3(arrival[4], arrival[5], arrival[6]))
        for band in range(BAND_COUNT):
            path.gain[band] = bend_gain(model, shape, path.length, straight, band)
    return path


@wp.func
def _detoured(
    slot: int, waves: WaveArrays, row: int, mesh: wp.uint64, source: wp.vec3d, listener: wp.vec3d, model: int
) -> _Path:
    """Around, over or aside; where only something low or high is between, the way over or under has the true edge."""
    s, p = wp.vec3(source), wp.vec3(listener)
    arrival = Arrival()
    arrival[3] = -1.0
    if slot == _AROUND:
        arrival = wave_arrival(waves, row, mesh, s, p)
    straight = wp.bool(False)
    if arrival[3] >= 0.0 and arrival[9] + arrival[10] < _UNBENT:
        height = wp.float64(wave_height(waves, row))
        level = wp.vec3d(source[0], height, source[2])
        straight = not is_blocked(mesh, level, wp.vec3d(listener[0], height, listener[2]))
    if slot != _AROUND or straight:
        ridge = ridge_arrival(mesh, s, p, slot == _ASIDE)
        if slot != _AROUND:
            arrival = ridge
        elif ridge[3] >= 0.0:
            arrival[3] = -1.0
    return _bent(arrival, wp.length(source - listener), model)


@wp.func
def _reflected(scenes: SceneArrays, scene: int, plane: int, source: wp.vec3d, listener: wp.vec3d) -> _Path:
    path = _Path()
    if plane >= 0:
        found = mirrored(scenes, scene, plane, source, listener)
        path.length = wp.length(found.image)
        path.direction = wp.vec3(found.image / wp.max(path.length, _TINY))
        path.departure = wp.vec3(wp.normalize(found.leaving))
        for band in range(BAND_COUNT):
            path.gain[band] = spreading(path.length, band) * wp.sqrt(found.energy[band])
    return path


@wp.kernel
def _paths(
    scenes: wp.array[SceneArrays],
    waves: wp.array[WaveArrays],
    scene_index: wp.array[wp.int32],
    rows: wp.array[wp.int32],
    source: wp.array[wp.vec3d],
    listener: wp.array[wp.vec3d],
    chosen: wp.array2d[wp.int32],
    options: wp.vec3i,  # first slot, diffraction model, occlusion
    delay_out: wp.array2d[wp.float64],
    gain_out: wp.array3d[wp.float32],
    direction_out: wp.array2d[wp.vec3],
    departure_out: wp.array2d[wp.vec3],
) -> None:
    place, b = wp.tid()
    slot = options[0] + place
    scene, s, p = scene_index[b], source[b], listener[b]
    blocked = chosen[b, _LIMIT] != 0
    path = _Path()
    if slot == _DIRECT:
        path = _direct(scenes[0], scene, s, p, blocked, options)
    elif slot >= _MIRRORS:
        path = _reflected(scenes[0], scene, chosen[b, slot - _MIRRORS], s, p)
    elif blocked:
        if slot == _TRANSMITTED:
            path = _through(scenes[0], scene, s, p)
        else:
            path = _detoured(slot, waves[0], rows[b], scenes[0].mesh[scene], s, p, options[1])
    delay_out[b, place] = path.length / _SPEED
    direction_out[b, place] = path.direction
    departure_out[b, place] = path.departure
    for band in range(BAND_COUNT):
        gain_out[b, place, band] = float(path.gain[band])


def launch_slots(
    bank: SceneBank,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    slots: tuple[int, int],
    *,
    waves: WavefrontBank | None = None,
    rows: torch.Tensor | None = None,
    blocked: torch.Tensor | None = None,
    occlusion: str = "fresnel",
    diffraction: str = "kurze_anderson",
) -> Paths:
    """Returns the slots `slots[0]` .. `slots[1]` - 1 of `discrete_paths`; no waves = nothing gets around edges.

    Raises:
        ValueError: shapes do not match; an unknown occlusion or diffraction.
    """
    count = check_ends(scene_index, source, listener)
    if occlusion not in OCCLUSIONS:
        raise name_error("occlusion", occlusion, OCCLUSIONS)
    index = bank.checked_index(scene_index)
    ends = (source.double().contiguous(), listener.double().contiguous())
    if waves is None or rows is None:
        waves, rows = _silent_waves(str(bank.device)), torch.zeros_like(index)
    elif rows.shape != (count,):
        raise ValueError(f"rows must have shape ({count},) as scene_index has {count}, not {tuple(rows.shape)}")
    if blocked is not None and blocked.shape != (count,):
        raise ValueError(f"blocked must have shape ({count},) as scene_index has {count}, not {tuple(blocked.shape)}")
    chosen = choose_mirrors(bank, index, ends, blocked)
    paths = empty_paths(count, slots[1] - slots[0], bank.device)
    options = wp.vec3i(slots[0], diffraction_model(diffraction), OCCLUSIONS.index(occlusion))
    tables: list[Any] = [scene_arrays(bank), waves.arrays(), index, rows.to(torch.int32).contiguous()]
    launch(_paths, (slots[1] - slots[0], count), [*tables, *ends, chosen, options, *paths], bank.device)
    return paths


@lru_cache(maxsize=8)
def _silent_waves(device: str) -> WavefrontBank:
    return WavefrontBank(1, device)


def discrete_paths(
    bank: SceneBank,
    waves: WavefrontBank | None,
    rows: torch.Tensor | None,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    *,
    occlusion: str = "fresnel",
    diffraction: str = "kurze_anderson",
) -> Paths:
    """Returns all discrete paths, P = 17: direct, through walls, around edges, over, by the far side, 12 mirrored.

    Slots without a path have zero gain. A straight line that is free has the direct sound, a blocked one the next four:
    through whatever is there; the shortest way around at ear height; over or under a single thing, in the upright plane
    of source and listener; by the far side of a thing that stands free, whose near side is the way around.

    Args:
        bank: the scenes.
        waves: the wavefronts of the sources, None = nothing gets around edges.
        rows: row of `waves` of each environment, shape (B,).
        scene_index: scene of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame; up to 1 m beside the place of the row's wavefront.
        listener: listener positions [m], shape (B, 3), world frame.
        occlusion: "fresnel" (the direct sound loses up to 6 dB as it nears an edge and is nothing behind it), "ray" (on
            or off), "volumetric" (times the share of a disc of 15 cm around the source that the listener sees).
        diffraction: "kurze_anderson" (by the detour) or "utd" (by the angles of the first and the last bend).

    Raises:
        ValueError: shapes do not match; an unknown occlusion or diffraction.
    """
    named: dict[str, Any] = {"waves": waves, "rows": rows, "occlusion": occlusion, "diffraction": diffraction}
    return launch_slots(bank, scene_index, source, listener, (0, SLOTS), **named)
