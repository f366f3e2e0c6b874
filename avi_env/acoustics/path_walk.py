"""The random walk of one sound path through a scene, as Warp functions that every tracing kernel shares.

A path starts with energy 1 in every octave. At a surface its energy splits exactly into absorbed, transmitted and
reflected parts, the reflected part into a scattered and a mirrored one; which branch the path follows is drawn, and
the branch's share over its probability becomes a weight per octave, so that every expectation is exact in all octaves.

Every energy is counted once:
* order 0 (the straight line, also through walls) belongs to `direct_paths` and `transmitted_paths`;
* specular reflections at planes that the image sources mirror, up to their order, belong to `image_source_paths`;
* the last leg after a diffuse reflection is summed by next-event estimation at the reflection;
* every other leg (last reflection specular, or the path has gone through a wall since) is deposited along its length.

What goes through walls is a thousandth of the energy, yet all that a closed room hears. It is traced on its own: one
set of paths never goes through anything, a second one does so early, and only counts from then on.
"""
# mypy: disable-error-code="untyped-decorator,attr-defined,no-any-return,valid-type,misc"

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.image_sources import mirror_planes, scene_bank
from avi_env.acoustics.surfaces import SLAB_METRES, scene_passages, scene_planes, scene_surfaces
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import warp_mesh, wp_device

__all__ = ["FIXED_POINT", "PathBudget", "Surroundings", "path_rotation", "path_sets", "surroundings", "vec7"]

wp.set_module_options({"enable_backward": False})

FIXED_POINT = float(2**44)
"""Energies are summed as 64-bit integers in this unit: sums do not depend on the order of the paths."""

_BANDS = wp.constant(BAND_COUNT)
_FAR = wp.constant(1.0e4)  # [m] length of a ray that may leave the scene
_LIFT = wp.constant(1.0e-4)  # [m] above a surface at which the next ray starts
_SLAB = wp.constant(SLAB_METRES)
_OPAQUE = wp.constant(2.0e-6)  # transmitted share below which (57 dB) a surface lets nothing through
_LEAST_TRANSMIT = wp.constant(0.02)  # least probability of going through a second wall
_FIRST_TRANSMIT = wp.constant(5.0)  # probability of going through the first one, in roots of the transmitted share ...
_MOST_TRANSMIT = wp.constant(0.5)  # ... at most
_GOLDEN = wp.constant(2.399963229728653)  # [rad]

if TYPE_CHECKING:
    vec7 = Any
else:
    vec7 = wp.types.vector(length=BAND_COUNT, dtype=wp.float32)


@dataclass(frozen=True)
class PathBudget:
    """How far paths are followed."""

    path_count: int = 4096
    """Paths from the source."""
    seconds: float = 1.0
    """Time after which a path is dropped [s]."""
    roulette_energy: float = 1e-4
    """Energy of a path below which Russian roulette decides whether it goes on."""
    bounce_limit: int = 2000
    """Surfaces after which a path is dropped, whatever its energy."""


@wp.struct
class Surroundings:
    """What paths meet: the scene's triangles and the coefficients of its materials."""

    mesh: wp.uint64
    triangle_material: wp.array[wp.int32]
    triangle_object: wp.array[wp.int32]
    triangle_mirrored: wp.array[wp.int32]
    """1 where the image sources account for specular reflections."""
    mirror_order: wp.int32
    """Reflections up to which they do."""
    triangle_passage: wp.array[wp.int32]
    """What lies behind: 0 = the open, nobody listens there; 1 = a thing in a room; 2 = a wall, door or window."""
    absorption: wp.array[vec7]
    scattering: wp.array[vec7]
    transmission: wp.array[vec7]
    air: vec7
    """Energy exponents of air [1/m]."""


@wp.struct
class PathSet:
    """Where paths start and when they end."""

    source: wp.vec3
    rotation: wp.quat
    seed: wp.int32
    count: wp.int32
    reach: wp.float32
    """Longest path [m]."""
    roulette: wp.float32
    bounce_limit: wp.int32
    per_path: wp.float32
    """Energy of one path at 1 m in free field: 4 pi / N."""
    through: wp.int32
    """0: paths that go through no wall; 1: paths that do, and count from then on."""


@wp.struct
class Walk:
    """One path under way."""

    position: wp.vec3
    direction: wp.vec3
    energy: vec7
    travelled: wp.float32
    """Length so far [m]."""
    roulette: wp.float32
    """Energy below which roulette is played; falls with what walls take."""
    order: wp.int32
    """Reflections so far."""
    deposits: wp.int32
    """1 if the present leg is to be deposited along its length."""
    inside: wp.int32
    """Object whose slab the path is crossing, -2 = none."""
    entered: wp.float32
    """Length at which it entered the slab [m]."""
    through: wp.int32
    """1 once the path has gone through a surface."""
    mirrored: wp.int32
    """1 as long as image sources can follow: only specular reflections at their planes, through no wall."""
    alive: wp.int32


@wp.struct
class Meeting:
    """A path's next surface."""

    hit: wp.int32
    """0 = none, 1 = a surface, 2 = the second face of the slab the path is in: free."""
    distance: wp.float32
    point: wp.vec3
    """Just above the surface, on the path's side."""
    normal: wp.vec3
    """Facing the path."""
    triangle: wp.int32
    material: wp.int32


@wp.func
def walk_start(paths: PathSet, path: wp.int32) -> Walk:
    """Returns path number `path` at the source: directions are a randomly turned Fibonacci sphere."""
    walk = Walk()
    z = 1.0 - (2.0 * wp.float32(path) + 1.0) / wp.float32(paths.count)
    radius = wp.sqrt(wp.max(1.0 - z * z, 0.0))
    # The angle in double precision: path * golden angle is thousands of turns.
    turn = wp.float64(path) * wp.float64(_GOLDEN)
    angle = wp.float32(turn - wp.floor(turn / wp.float64(6.283185307179586)) * wp.float64(6.283185307179586))
    walk.position = paths.source
    walk.direction = wp.quat_rotate(paths.rotation, wp.vec3(radius * wp.cos(angle), radius * wp.sin(angle), z))
    for band in range(_BANDS):
        walk.energy[band] = 1.0
    walk.roulette = paths.roulette
    walk.inside = -2
    walk.mirrored = 1
    walk.alive = 1
    return walk


@wp.func
def walk_meet(scene: Surroundings, walk: Walk) -> Meeting:
    """Returns the next surface of a path."""
    meeting = Meeting()
    query = wp.mesh_query_ray(scene.mesh, walk.position, walk.direction, _FAR)
    if query.result:
        meeting.hit = 1
        meeting.distance = query.t
        meeting.triangle = query.face
        meeting.material = scene.triangle_material[query.face]
        meeting.normal = query.normal
        if wp.dot(query.normal, walk.direction) > 0.0:
            meeting.normal = -query.normal
        meeting.point = walk.position + query.t * walk.direction + _LIFT * meeting.normal
        second = walk.inside == scene.triangle_object[query.face]
        if second and walk.travelled + query.t - walk.entered <= _SLAB:
            meeting.hit = 2
    return meeting


@wp.func
def damped(scene: Surroundings, energy: vec7, distance: wp.float32) -> vec7:
    """Returns what the air leaves of an energy after a distance [m]."""
    for band in range(_BANDS):
        energy[band] = energy[band] * wp.exp(-scene.air[band] * distance)
    return energy


@wp.func
def walk_advance(scene: Surroundings, walk: Walk, meeting: Meeting) -> Walk:
    """Returns the path at the surface: its energy less what the air took."""
    walk.energy = damped(scene, walk.energy, meeting.distance)
    walk.travelled = walk.travelled + meeting.distance
    return walk


@wp.func
def transmit_probability(scene: Surroundings, paths: PathSet, walk: Walk, meeting: Meeting) -> wp.float32:
    """Returns how likely a path goes through a surface: by energy, but not so seldom that closed rooms stay dark."""
    passage = scene.triangle_passage[meeting.triangle]
    if paths.through == 0 or passage == 0:
        return wp.float32(0.0)
    through = wp.float32(0.0)
    back = wp.float32(0.0)
    most = wp.float32(0.0)
    for band in range(_BANDS):
        tau = scene.transmission[meeting.material][band]
        through = through + walk.energy[band] * tau
        back = back + walk.energy[band] * (1.0 - scene.absorption[meeting.material][band])
        most = wp.max(most, tau)
    if most < _OPAQUE or through <= 0.0:
        return wp.float32(0.0)
    chance = through / (through + back)
    if passage == 2:
        if walk.through == 0:
            return wp.max(chance, wp.min(_FIRST_TRANSMIT * wp.sqrt(most), _MOST_TRANSMIT))
        return wp.max(chance, _LEAST_TRANSMIT)
    return chance


@wp.func
def diffuse_energy_out(scene: Surroundings, walk: Walk, material: wp.int32) -> vec7:
    """Returns the energy that leaves the surface diffusely per octave: e (1 - a) s."""
    energy = vec7()
    for band in range(_BANDS):
        share = (1.0 - scene.absorption[material][band]) * scene.scattering[material][band]
        energy[band] = walk.energy[band] * share
    return energy


@wp.func
def walk_through(scene: Surroundings, walk: Walk, meeting: Meeting, chance: wp.float32) -> Walk:
    """Returns the path behind the surface; chance = probability of this branch, 0 for a slab's free second face."""
    if chance > 0.0:
        most = wp.float32(0.0)
        for band in range(_BANDS):
            tau = scene.transmission[meeting.material][band]
            most = wp.max(most, tau)
            walk.energy[band] = walk.energy[band] * tau / chance
        walk.roulette = walk.roulette * wp.min(most / chance, 1.0)
        walk.inside = scene.triangle_object[meeting.triangle]
        walk.entered = walk.travelled
        walk.mirrored = 0
        walk.through = 1
        if walk.order > 0:
            walk.deposits = 1
    else:
        walk.inside = -2
    walk.position = meeting.point - 2.0 * _LIFT * meeting.normal
    return walk


@wp.func
def walk_reflect(scene: Surroundings, walk: Walk, meeting: Meeting, kept: wp.float32, draw: wp.vec3) -> Walk:
    """Returns the path after a reflection: diffuse (cosine law) or specular, drawn by the scattered energy.

    kept = probability of being reflected and not transmitted; draw = three uniform numbers.
    """
    total = wp.float32(0.0)
    scattered = wp.float32(0.0)
    for band in range(_BANDS):
        walk.energy[band] = walk.energy[band] * (1.0 - scene.absorption[meeting.material][band]) / kept
        total = total + walk.energy[band]
        scattered = scattered + walk.energy[band] * scene.scattering[meeting.material][band]
    chance = scattered / wp.max(total, 1.0e-30)
    walk.order = walk.order + 1
    walk.position = meeting.point
    if draw[0] < chance:
        for band in range(_BANDS):
            walk.energy[band] = walk.energy[band] * scene.scattering[meeting.material][band] / chance
        height = 2.0 * draw[1] - 1.0
        radius = wp.sqrt(wp.max(1.0 - height * height, 0.0))
        angle = 6.283185307179586 * draw[2]
        ball = wp.vec3(radius * wp.cos(angle), height, radius * wp.sin(angle))
        walk.direction = wp.normalize(meeting.normal * 1.000001 + ball)
        walk.deposits = 0
        walk.mirrored = 0
    else:
        for band in range(_BANDS):
            share = 1.0 - scene.scattering[meeting.material][band]
            walk.energy[band] = walk.energy[band] * share / (1.0 - chance)
        walk.direction = walk.direction - 2.0 * wp.dot(walk.direction, meeting.normal) * meeting.normal
        walk.mirrored = walk.mirrored * scene.triangle_mirrored[meeting.triangle]
        walk.deposits = 1
        if walk.mirrored == 1 and walk.order <= scene.mirror_order:
            walk.deposits = 0
    return walk


@wp.func
def walk_roulette(walk: Walk, reach: wp.float32, draw: wp.float32) -> Walk:
    """Returns the path after Russian roulette: weak paths end, or go on with more weight."""
    most = wp.float32(0.0)
    for band in range(_BANDS):
        most = wp.max(most, walk.energy[band])
    if walk.travelled >= reach or most <= 0.0:
        walk.alive = 0
    elif most < walk.roulette:
        if draw * walk.roulette < most:
            for band in range(_BANDS):
                walk.energy[band] = walk.energy[band] * walk.roulette / most
        else:
            walk.alive = 0
    return walk


def surroundings(
    scene: Scene, source: npt.NDArray[np.float64], device: str, mirror_order: int = 1
) -> tuple[Surroundings, wp.Mesh]:
    """Returns what paths from this source meet, and the mesh, which must be kept as long as kernels use it."""
    name = wp_device(device)
    coefficients = scene_surfaces(scene)
    last = len(coefficients.absorption) - 1
    material = np.where(scene.triangle_material < 0, last, scene.triangle_material).astype(np.int32)
    result = Surroundings()
    mesh = warp_mesh(scene, name)
    result.mesh = mesh.id
    result.triangle_material = wp.array(material, dtype=wp.int32, device=name)
    result.triangle_object = wp.array(scene.triangle_object, dtype=wp.int32, device=name)
    result.triangle_mirrored = wp.array(_mirrored(scene, source), dtype=wp.int32, device=name)
    result.mirror_order = mirror_order
    result.triangle_passage = wp.array(scene_passages(scene), dtype=wp.int32, device=name)
    for field in ("absorption", "scattering", "transmission"):
        setattr(result, field, wp.array(getattr(coefficients, field), dtype=vec7, device=name))
    result.air = vec7(*AIR_ENERGY_PER_METRE.astype(np.float32).tolist())
    return result, mesh


def _mirrored(scene: Scene, source: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    place = torch.as_tensor(source, dtype=torch.float64)[None]
    chosen = mirror_planes(scene_bank(scene), torch.zeros(1, dtype=torch.int64), place)[0].numpy()
    return np.isin(scene_planes(scene).triangle_plane, chosen[chosen >= 0]).astype(np.int32)


def path_rotation(seed: int) -> tuple[float, float, float, float]:
    """Returns a uniformly random rotation drawn from a seed, as a quaternion x, y, z, w."""
    value = np.random.default_rng([seed, 0x50415448]).standard_normal(4)
    value /= np.linalg.norm(value)
    return tuple(float(v) for v in value)  # type: ignore[return-value]


def path_sets(scene: Scene, source: npt.NDArray[np.float64], seed: int, budget: PathBudget) -> list[PathSet]:
    """Returns the paths of a budget: those that stay, and half as many that go through walls, if anything lets them."""
    stay = _path_set(source, seed, budget)
    if not scene_passages(scene).any():
        return [stay]
    through = _path_set(source, seed + 0x10000, replace(budget, path_count=max(budget.path_count // 2, 1)))
    through.through = 1
    return [stay, through]


def _path_set(source: npt.NDArray[np.float64], seed: int, budget: PathBudget) -> PathSet:
    paths = PathSet()
    paths.source = wp.vec3(*(float(v) for v in source))
    paths.rotation = wp.quat(*path_rotation(seed))
    paths.seed = int(np.random.default_rng([seed, 0x57414C4B]).integers(2**31))
    paths.count = budget.path_count
    paths.per_path = 4.0 * np.pi / budget.path_count
    paths.reach = budget.seconds * SPEED_OF_SOUND
    paths.roulette = budget.roulette_energy
    paths.bounce_limit = budget.bounce_limit
    return paths
