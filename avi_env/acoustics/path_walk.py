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

import math
from dataclasses import dataclass

import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.directivity import directivity_energy
from avi_env.acoustics.surfaces import SLAB_METRES
from avi_env.acoustics.surroundings import Surroundings, vec7

__all__ = ["EXPECTED_SECONDS", "FIXED_POINT", "PathBudget"]

wp.set_module_options({"enable_backward": False})

EXPECTED_SECONDS = 0.02
"""Distance of the instants of `PathBudget.expected` [s]."""

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
_NEAREST = wp.constant(0.3)  # [m] next-event distances below this one count as this one: bounds the variance
# Paths weaker than this share of the energy that is expected of them play roulette: few at first, when each of them
# is heard alone, more and more within 150 ms, when many have mixed (baked houses: half the cost at equal errors).
_EXPECTED_METRES = wp.constant(EXPECTED_SECONDS * SPEED_OF_SOUND)
_KEEP_FIRST = wp.constant(0.5)
_KEEP_MOST = wp.constant(4.0)
_KEEP_METRES = wp.constant(0.05 * SPEED_OF_SOUND)  # in which the share doubles


@dataclass(frozen=True)
class PathBudget:
    """How far paths are followed."""

    path_count: int = 4096
    """Paths from the source."""
    seconds: float = 1.0
    """Time after which a path is dropped [s]."""
    roulette_energy: float = 1e-4
    """Energy of a path below which Russian roulette decides whether it goes on."""
    expected: tuple[float, ...] = ()
    """Energy that is expected of a path every 20 ms, from when it starts: paths clearly below it play roulette
    earlier. Empty: `roulette_energy` alone decides."""
    bounce_limit: int = 2000
    """Surfaces after which a path is dropped, whatever its energy."""

    def __post_init__(self) -> None:
        if not (self.path_count >= 1 and self.bounce_limit >= 1 and 0.0 < self.seconds < math.inf):
            raise ValueError(
                f"a path budget needs at least one path, one surface and some time, not path_count={self.path_count}, "
                f"bounce_limit={self.bounce_limit}, seconds={self.seconds:g}"
            )


@wp.struct
class PathSet:
    """Where paths start and when they end."""

    source: wp.vec3
    rotation: wp.quat
    seed: wp.int32
    count: wp.int32
    directional: wp.int32
    """1 if the source's energy depends on direction."""
    directivity: wp.array3d[wp.float32]
    """Energy re straight ahead, as `Directivity.energy`."""
    ahead: wp.vec2
    """Cosine and sine of the source's heading."""
    reach: wp.float32
    """Longest path [m]."""
    roulette: wp.float32
    expected: wp.array[wp.float32]
    """Energy that is expected of a path every `EXPECTED_SECONDS`."""
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
    state: wp.uint32
    """Of the path's own stream of random numbers."""
    travelled: wp.float32
    """Length so far [m]."""
    passed: wp.float32
    """Share that walls have left of the energy: roulette is played below it."""
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
    walk.state = wp.rand_init(paths.seed, path)
    walk.position = paths.source
    walk.direction = wp.quat_rotate(paths.rotation, wp.vec3(radius * wp.cos(angle), radius * wp.sin(angle), z))
    for band in range(_BANDS):
        walk.energy[band] = 1.0
    if paths.directional == 1:
        leaves = walk.direction
        x = leaves[0] * paths.ahead[0] - leaves[2] * paths.ahead[1]
        z = leaves[0] * paths.ahead[1] + leaves[2] * paths.ahead[0]
        walk.energy = directivity_energy(paths.directivity, x, leaves[1], z)
    walk.passed = 1.0
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
        walk.passed = walk.passed * wp.min(most / chance, 1.0)
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
def walk_roulette(walk: Walk, paths: PathSet, draw: wp.float32) -> Walk:
    """Returns the path after Russian roulette: weak paths end, or go on with more weight."""
    most = wp.float32(0.0)
    for band in range(_BANDS):
        most = wp.max(most, walk.energy[band])
    keep = wp.min(_KEEP_FIRST * wp.pow(2.0, walk.travelled / _KEEP_METRES), _KEEP_MOST)
    instant = wp.min(wp.int32(walk.travelled / _EXPECTED_METRES), paths.expected.shape[0] - 1)
    least = walk.passed * wp.max(paths.roulette, keep * paths.expected[instant])
    if walk.travelled >= paths.reach or most <= 0.0:
        walk.alive = 0
    elif most < least:
        if draw * least < most:
            for band in range(_BANDS):
                walk.energy[band] = walk.energy[band] * least / most
        else:
            walk.alive = 0
    return walk


@wp.func
def walk_on(scene: Surroundings, paths: PathSet, walk: Walk, meeting: Meeting) -> Walk:
    """Returns the path after its surface, as its random numbers decide: behind it, reflected, or ended."""
    if meeting.hit == 2:
        return walk_through(scene, walk, meeting, 0.0)
    state = walk.state
    chance = transmit_probability(scene, paths, walk, meeting)
    if wp.randf(state) < chance:
        walk = walk_through(scene, walk, meeting, chance)
    else:
        draw = wp.vec3(wp.randf(state), wp.randf(state), wp.randf(state))
        walk = walk_reflect(scene, walk, meeting, 1.0 - chance, draw)
    walk = walk_roulette(walk, paths, wp.randf(state))
    walk.state = state
    return walk


@wp.func
def next_event_gain(meeting: Meeting, target: wp.vec3) -> wp.float32:
    """Returns the share of a surface's diffuse energy that reaches a target in sight [1/m2]: cos / (pi r^2)."""
    link = target - meeting.point
    distance = wp.length(link)
    cosine = wp.dot(link, meeting.normal) / wp.max(distance, 1.0e-6)
    clamped = wp.max(distance, _NEAREST)
    return wp.max(cosine, 0.0) / (wp.pi * clamped * clamped)
