"""Path tracing to one listener: the echogram that every other model of the room is compared with."""
# mypy: disable-error-code="untyped-decorator,attr-defined"

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.directivity import Directivity
from avi_env.acoustics.path_sets import path_sets
from avi_env.acoustics.path_walk import (
    FIXED_POINT,
    Meeting,
    PathBudget,
    PathSet,
    Walk,
    damped,
    diffuse_energy_out,
    next_event_gain,
    walk_advance,
    walk_meet,
    walk_on,
    walk_reflect,
    walk_roulette,
    walk_start,
)
from avi_env.acoustics.placement import check_place, clearance
from avi_env.acoustics.surroundings import Surroundings, surroundings, vec7
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import wp_device

__all__ = ["Echogram", "EnergyBalance", "trace_balance", "trace_decay", "trace_echogram", "trace_echograms"]

wp.set_module_options({"enable_backward": False})

_BANDS = wp.constant(BAND_COUNT)
_WEAK = wp.constant(0.03)  # [1/m2] links that gain less (beyond about 3 m) are made in proportion to their gain
_FIXED = wp.constant(FIXED_POINT)
_COARSE_POINT = float(2**32)  # the balance sums whole paths, not small shares of them
_COARSE = wp.constant(_COARSE_POINT)
_DETECTOR_METRES = (0.15, 0.5)  # least and greatest radius of the listener's sphere; pyroomacoustics uses 0.5 m


@dataclass(frozen=True, eq=False)
class Echogram:
    """Energy at a listener over time, without what the exact paths carry (direct, transmitted, first mirrors)."""

    bin_seconds: float
    """Width of a time bin [s]; bin 0 starts when the source sounds."""
    energy: npt.NDArray[np.float64]
    """Mean-square pressure re 1 m, shape (n, 7, 4): omnidirectional, then times the arrival direction's x, y, z."""


class EnergyBalance(NamedTuple):
    """Where the energy of all paths has gone, in shares of what the source gave, per octave, shape (7,) each."""

    carried: npt.NDArray[np.float64]
    absorbed: npt.NDArray[np.float64]
    transmitted: npt.NDArray[np.float64]
    """Gone through the first surface met; not followed further."""
    escaped: npt.NDArray[np.float64]
    """Left the scene through no surface."""


@wp.struct
class Detectors:
    """Listeners: points for next-event estimation, small spheres for the legs of specular paths."""

    position: wp.array[wp.vec3]
    radius: wp.array[wp.float32]
    bin_metres: wp.float32


@wp.func
def _deposit(
    detectors: Detectors, listener: wp.int32, energy: vec7, scale: wp.float32, travelled: wp.float32, towards: wp.vec3,
    histogram_out: wp.array4d[wp.int64],
) -> None:  # fmt: skip
    slot = wp.int32(travelled / detectors.bin_metres)
    if slot < histogram_out.shape[1]:
        for band in range(_BANDS):
            value = energy[band] * scale * _FIXED
            wp.atomic_add(histogram_out, listener, slot, band, 0, wp.int64(value))
            for axis in range(3):
                wp.atomic_add(histogram_out, listener, slot, band, axis + 1, wp.int64(value * towards[axis]))


@wp.func
def _deposit_chord(
    scene: Surroundings, paths: PathSet, detectors: Detectors, listener: wp.int32, walk: Walk, meeting: Meeting,
    histogram_out: wp.array4d[wp.int64],
) -> None:  # fmt: skip
    """Deposits a leg by the length of its chord, cut at the surface, through a listener's sphere."""
    offset = detectors.position[listener] - walk.position
    radius = detectors.radius[listener]
    middle = wp.dot(offset, walk.direction)
    half = wp.sqrt(wp.max(radius * radius - wp.length_sq(offset - middle * walk.direction), 0.0))
    near = wp.max(middle - half, 0.0)
    far = middle + half
    if meeting.hit > 0:
        far = wp.min(far, meeting.distance)
    if far > near and half > 0.0:
        along = 0.5 * (near + far)
        energy = damped(scene, walk.energy, along)
        scale = paths.per_path * (far - near) / (4.0 / 3.0 * wp.pi * radius * radius * radius)
        _deposit(detectors, listener, energy, scale, walk.travelled + along, -walk.direction, histogram_out)


@wp.func
def _link(
    scene: Surroundings, paths: PathSet, detectors: Detectors, listener: wp.int32, walk: Walk, meeting: Meeting,
    diffuse: vec7, draw: wp.float32, histogram_out: wp.array4d[wp.int64],
) -> None:  # fmt: skip
    """Next-event estimation from a surface to a listener; weak links are made less often, with more weight."""
    gain = next_event_gain(meeting, detectors.position[listener])
    if draw * _WEAK < gain:
        link = detectors.position[listener] - meeting.point
        distance = wp.length(link)
        towards = wp.normalize(link)
        if not wp.mesh_query_ray_anyhit(scene.mesh, meeting.point, towards, distance):
            energy = damped(scene, diffuse, distance)
            scale = paths.per_path * wp.max(gain, _WEAK)
            _deposit(detectors, listener, energy, scale, walk.travelled + distance, -towards, histogram_out)


@wp.kernel
def _trace_kernel(
    scene: Surroundings, paths: PathSet, detectors: Detectors, histogram_out: wp.array4d[wp.int64]
) -> None:
    walk = walk_start(paths, wp.tid())
    for _bounce in range(paths.bounce_limit):
        meeting = walk_meet(scene, walk)
        counts = walk.through == paths.through
        if counts and walk.deposits == 1:
            for listener in range(histogram_out.shape[0]):
                _deposit_chord(scene, paths, detectors, listener, walk, meeting, histogram_out)
        if meeting.hit == 0:
            break
        walk = walk_advance(scene, walk, meeting)
        if counts and meeting.hit == 1:
            # One draw for all listeners: what one of them hears does not depend on who else listens.
            state = walk.state
            draw = wp.randf(state)
            walk.state = state
            diffuse = diffuse_energy_out(scene, walk, meeting.material)
            if wp.max(diffuse) > 0.0:
                for listener in range(histogram_out.shape[0]):
                    _link(scene, paths, detectors, listener, walk, meeting, diffuse, draw, histogram_out)
        walk = walk_on(scene, paths, walk, meeting)
        if walk.alive == 0:
            break


def trace_echogram(
    scene: Scene,
    source: npt.ArrayLike,
    listener: npt.ArrayLike,
    *,
    seed: int = 0,
    budget: PathBudget | None = None,
    bin_seconds: float = 0.002,
    mirror_order: int = 1,
    directivity: str | npt.ArrayLike | Directivity = "omni",
    yaw: float = 0.0,
    device: str = "cpu",
) -> Echogram:
    """Returns the reflections at one listener by path tracing; arguments and errors as `trace_echograms`."""
    return trace_echograms(
        scene, source, [listener], seed=seed, budget=budget, bin_seconds=bin_seconds, mirror_order=mirror_order,
        directivity=directivity, yaw=yaw, device=device,
    )[0]  # fmt: skip


def trace_echograms(
    scene: Scene,
    source: npt.ArrayLike,
    listeners: Sequence[npt.ArrayLike] | npt.ArrayLike,
    *,
    seed: int = 0,
    budget: PathBudget | None = None,
    bin_seconds: float = 0.002,
    mirror_order: int = 1,
    directivity: str | npt.ArrayLike | Directivity = "omni",
    yaw: float = 0.0,
    device: str = "cpu",
) -> list[Echogram]:
    """Returns the reflections at L listeners by path tracing with next-event estimation; they share the paths.

    Each listener's echogram is the same to the bit whoever else listens. Left out, because exact elsewhere: the
    straight line (direct or through walls) and mirror reflections up to `mirror_order` at the planes of
    `mirror_planes`.

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        listeners: listener positions [m], shape (L, 3), world frame.
        seed: seed of the paths; the same seed gives the same bits.
        budget: how many paths, how far; None = `PathBudget()`.
        bin_seconds: width of a time bin [s].
        mirror_order: specular reflections up to this order belong to the image sources; 0 = none, all are traced.
        directivity: how loud the source is in each direction, re straight ahead.
        yaw: heading of the source [rad], counter-clockwise about +Y, 0 looks along -Z.
        device: "cpu" or "cuda".

    Raises:
        ValueError: a position outside the scene or inside something solid, or a bin without width.
    """
    start = check_place(scene, source, "source")
    if not 0.0 < bin_seconds < math.inf:
        raise ValueError(f"bin_seconds must be positive, got {bin_seconds:g}")
    places = [check_place(scene, place, "listener") for place in listeners]  # type: ignore[union-attr]
    if not places:
        return []
    budget = budget or PathBudget()
    name = wp_device(device)
    detectors = Detectors()
    radius = [np.clip(0.9 * clearance(scene, place), *_DETECTOR_METRES) for place in places]
    detectors.position = wp.array(np.array(places, dtype=np.float32), dtype=wp.vec3, device=name)
    detectors.radius = wp.array(np.array(radius, dtype=np.float32), dtype=wp.float32, device=name)
    detectors.bin_metres = bin_seconds * SPEED_OF_SOUND
    shape = (len(places), int(np.ceil(budget.seconds / bin_seconds)), BAND_COUNT, 4)
    histogram = wp.zeros(shape, dtype=wp.int64, device=name)
    room, mesh = surroundings(scene, start, name, mirror_order)
    for paths in path_sets(scene, start, seed, budget, name, directivity, yaw):
        wp.launch(_trace_kernel, dim=paths.count, inputs=[room, paths, detectors], outputs=[histogram], device=name)
    energy = histogram.numpy().astype(np.float64) / FIXED_POINT
    del mesh
    return [Echogram(bin_seconds, one) for one in energy]


@wp.kernel
def _balance_kernel(scene: Surroundings, paths: PathSet, balance_out: wp.array2d[wp.int64]) -> None:
    walk = walk_start(paths, wp.tid())
    state = walk.state
    row = wp.int32(0)
    for bounce in range(paths.bounce_limit):
        meeting = walk_meet(scene, walk)
        if meeting.hit == 0:
            row = 3
            break
        walk = walk_advance(scene, walk, meeting)
        for band in range(_BANDS):
            tau = scene.transmission[meeting.material][band]
            lost = walk.energy[band] * (scene.absorption[meeting.material][band] - tau)
            wp.atomic_add(balance_out, 1, band, wp.int64(lost * _COARSE))
            wp.atomic_add(balance_out, 2, band, wp.int64(walk.energy[band] * tau * _COARSE))
        if bounce == paths.bounce_limit - 1:
            for band in range(_BANDS):  # what is reflected, whichever way
                walk.energy[band] = walk.energy[band] * (1.0 - scene.absorption[meeting.material][band])
        else:
            draw = wp.vec3(wp.randf(state), wp.randf(state), wp.randf(state))
            walk = walk_reflect(scene, walk, meeting, 1.0, draw)
    for band in range(_BANDS):
        wp.atomic_add(balance_out, row, band, wp.int64(walk.energy[band] * _COARSE))


def trace_balance(
    scene: Scene, source: npt.ArrayLike, *, seed: int = 0, path_count: int = 4096, bounces: int = 50
) -> EnergyBalance:
    """Returns where the energy of reflected paths has gone after some bounces, in air that absorbs nothing.

    The four parts sum to 1: a check of the tracer, and of a mesh (`escaped` > 0 means that it leaks).

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        seed: seed of the paths.
        path_count: number of paths.
        bounces: surfaces after which the walk stops.

    Raises:
        ValueError: the source is outside the scene or inside something solid.
    """
    start = check_place(scene, source, "source")
    room, mesh = surroundings(scene, start, "cpu")
    room.air = vec7(0.0)
    paths = path_sets(scene, start, seed, PathBudget(path_count, 1e6, 0.0, bounce_limit=bounces), "cpu")[0]
    balance = wp.zeros((4, BAND_COUNT), dtype=wp.int64, device="cpu")
    wp.launch(_balance_kernel, dim=path_count, inputs=[room, paths], outputs=[balance], device="cpu")
    shares = balance.numpy().astype(np.float64) / _COARSE_POINT / path_count
    del mesh
    return EnergyBalance(*shares)


@wp.kernel
def _decay_kernel(
    scene: Surroundings, paths: PathSet, bin_metres: wp.float32, carried_out: wp.array2d[wp.int64]
) -> None:
    walk = walk_start(paths, wp.tid())
    state = walk.state
    for _bounce in range(paths.bounce_limit):
        meeting = walk_meet(scene, walk)
        if meeting.hit == 0:
            break
        # The path's energy at every instant that falls into this leg.
        first = wp.int32(wp.ceil(walk.travelled / bin_metres))
        last = wp.int32(wp.ceil((walk.travelled + meeting.distance) / bin_metres))
        for slot in range(first, wp.min(last, carried_out.shape[0])):
            energy = damped(scene, walk.energy, wp.float32(slot) * bin_metres - walk.travelled)
            for band in range(_BANDS):
                wp.atomic_add(carried_out, slot, band, wp.int64(energy[band] * _COARSE))
        walk = walk_advance(scene, walk, meeting)
        draw = wp.vec3(wp.randf(state), wp.randf(state), wp.randf(state))
        walk = walk_reflect(scene, walk, meeting, 1.0, draw)
        walk = walk_roulette(walk, paths, wp.randf(state))
        if walk.alive == 0:
            break


def trace_decay(
    scene: Scene, sources: npt.ArrayLike, *, seconds: float = 2.0, bin_seconds: float = 0.02, path_count: int = 512
) -> npt.NDArray[np.float64]:
    """Returns how the energy in the whole scene decays after its sources have sounded once, shape (n, 7).

    Args:
        scene: the scene.
        sources: positions [m], shape (s, 3), world frame; each gets its share of the paths.
        seconds: length [s].
        bin_seconds: distance of the n instants [s], the first at 0.
        path_count: number of paths.

    Returns:
        Energy at each instant, in shares of what the sources gave.
    """
    places = np.atleast_2d(np.asarray(sources, dtype=np.float64))
    carried = wp.zeros((max(int(seconds / bin_seconds), 1), BAND_COUNT), dtype=wp.int64, device="cpu")
    budget = PathBudget(max(path_count // len(places), 1), seconds, 1e-4)
    for number, place in enumerate(places):
        room, mesh = surroundings(scene, place, "cpu")
        paths = path_sets(scene, place, number, budget, "cpu")[0]
        inputs = [room, paths, bin_seconds * SPEED_OF_SOUND]
        wp.launch(_decay_kernel, dim=paths.count, inputs=inputs, outputs=[carried], device="cpu")
        del mesh
    return np.asarray(carried.numpy() / (_COARSE_POINT * budget.path_count * len(places)))
