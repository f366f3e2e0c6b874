"""Grounding: whether what tells the answer was seen and heard on the way; from scene, episode and trajectory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.discrete import discrete_paths
from avi_env.acoustics.image_sources import scene_bank
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.acoustics.wavefront_bank import WavefrontBank
from avi_env.scene import Scene, with_doors
from avi_env.scene.derived import derived
from avi_env.scene.outline import in_outline
from avi_env.scene.rays import closest_hit
from avi_env.sounds import Schedule
from avi_env.sounds.schedule import ALWAYS
from avi_env.tasks.door_events import openness_at
from avi_env.tasks.episode_filters import octave_energy
from avi_env.tasks.episodes import Episode
from avi_env.tasks.questions.event_log import EventLog, SourceLog, event_log, source_place
from avi_env.tasks.questions.question import Evidence

__all__ = ["Senses", "Trajectory", "evidence_seen", "grounding", "levels_heard", "shares_seen"]

_SAMPLES = 256  # points of an object's surface
_REFERENCE_DB = 94.0  # an RMS pressure of 1.0
_SILENCE_DB = -200.0
_SELF = 2e-3  # [m] between a sample and the hit of the ray to it

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class Trajectory(NamedTuple):
    """Where an agent was at each of T observations."""

    seconds: FloatArray
    """Since the first observation [s], shape (T,)."""
    feet: FloatArray
    """World (x, y, z) on the floor [m], shape (T, 3)."""
    yaw: FloatArray
    """Heading, counter-clockwise, 0 = -Z [rad], shape (T,)."""


class Senses(NamedTuple):
    """What an agent sees and hears with, and from when on something counts as seen or heard."""

    hfov: float = 90.0
    """Horizontal field of view [degrees]."""
    aspect: float = 1.0
    """Width over height of the image."""
    eye_height: float = 1.25
    """[m]"""
    object_share: float = 0.25
    """An object is seen if this share of what can be seen of it from there is in the image and not hidden ..."""
    image_share: float = 0.02
    """... or if it fills this share of the image."""
    level: float = 20.0
    """A source is heard at this level at the ears [dB SPL]: a quiet room at night has 20 to 25 dB."""


def grounding(
    scene: Scene,
    episode: Episode,
    trajectory: Trajectory,
    senses: Senses = Senses(),  # noqa: B008 - frozen
    schedule: Schedule = ALWAYS,
    lead_seconds: float = 1.0,
) -> float:
    """Returns the share of a question's evidence that was seen or heard, 0..1; arguments as for `evidence_seen`."""
    found = evidence_seen(scene, episode, trajectory, senses, schedule, lead_seconds)
    return sum(found) / len(found) if found else 0.0


def evidence_seen(
    scene: Scene,
    episode: Episode,
    trajectory: Trajectory,
    senses: Senses = Senses(),  # noqa: B008 - frozen
    schedule: Schedule = ALWAYS,
    lead_seconds: float = 1.0,
) -> tuple[bool, ...]:
    """Returns for each piece of evidence of an episode's question whether it was seen or heard.

    An object is seen as `shares_seen` says. A source is heard while it sounds and `levels_heard` reaches the level.
    Silence is heard by whoever has been in the room. Each must happen within the evidence's span of time, and where it
    names a room, while the agent is in it. Doors stand as the episode's events turn them.

    Args:
        scene: where it happens, doors as they are without any event.
        episode: with its question.
        trajectory: where the agent was.
        senses: of the agent.
        schedule: of sources without one of their own (`EnvConfig.schedule`).
        lead_seconds: `EnvConfig.lead_seconds`.

    Raises:
        ValueError: the episode has no question.
    """
    if episode.question is None:
        raise ValueError(f"episode {episode.episode_id!r} of {episode.scene} asks no question")
    log = event_log(episode, schedule, lead_seconds)
    found = []
    for one in episode.question.evidence:
        at = (trajectory.seconds >= one.start_seconds) & (trajectory.seconds <= one.end_seconds)
        if one.room >= 0:
            at &= _in_room(scene, one.room, trajectory.feet)
        if at.any():
            at[at] = _perceived(scene, log, one, _steps(trajectory, at), senses)
        found.append(bool(at.any()))
    return tuple(found)


def _steps(trajectory: Trajectory, chosen: BoolArray) -> Trajectory:
    return Trajectory(*(column[chosen] for column in trajectory))


def _perceived(scene: Scene, log: EventLog, one: Evidence, trajectory: Trajectory, senses: Senses) -> BoolArray:
    """Whether a piece of evidence is perceived at each step, shape (T,)."""
    if one.sense == "hearing" and one.source < 0:
        return np.ones(len(trajectory.seconds), dtype=bool)
    result = np.zeros(len(trajectory.seconds), dtype=bool)
    for rows, now in _scenes(scene, log, trajectory.seconds):
        part = _steps(trajectory, rows)
        if one.sense == "sight":
            whole, image = shares_seen(now, one.object, part, senses)
            result[rows] = (whole >= senses.object_share) | (image >= senses.image_share)
        else:
            result[rows] = levels_heard(now, log.sources[one.source], part, senses) >= senses.level
    return result


def _scenes(scene: Scene, log: EventLog, seconds: FloatArray) -> Iterable[tuple[BoolArray, Scene]]:
    """The steps by how the doors stand, each with its scene."""
    stands = [tuple(sorted(openness_at(log.doors, float(time)).items())) for time in seconds]
    for state in dict.fromkeys(stands):
        yield np.array([one == state for one in stands]), with_doors(scene, dict(state)) if state else scene


def _in_room(scene: Scene, number: int, feet: FloatArray) -> BoolArray:
    room = next(room for room in scene.rooms if room.id == number)
    storey = np.abs(feet[:, 1] - room.floor_y) < room.height / 2.0
    return np.asarray(in_outline(room.polygon, feet[:, [0, 2]]) & storey)


def shares_seen(
    scene: Scene,
    number: int,
    trajectory: Trajectory,
    senses: Senses = Senses(),  # noqa: B008 - frozen
) -> tuple[FloatArray, FloatArray]:
    """Returns how much of an object is in view at each step, and how much of the image it fills, shapes (T,), 0..1.

    From 256 points spread evenly over its surface. The first is by solid angle, of the points that nothing of the
    object itself hides: those in the image that nothing else hides, over all. The second is by area in the image.

    Args:
        scene: with the object.
        number: the object's id.
        trajectory: where the agent stands and looks.
        senses: its camera.
    """
    points, normals, area = derived(scene, ("questions", "surface", number), lambda: _surface(scene, number))
    count = len(trajectory.seconds)
    whole, image = np.zeros(count), np.zeros(count)
    if not len(points):
        return whole, image
    wide = math.tan(math.radians(senses.hfov) / 2.0)
    high = wide / senses.aspect
    for step in range(count):
        eye = trajectory.feet[step] + np.array([0.0, senses.eye_height, 0.0])
        ray = points - eye
        away = np.linalg.norm(ray, axis=1)
        hits = closest_hit(scene, np.broadcast_to(eye, ray.shape), ray)
        met = hits.distance * away < away - _SELF
        own = np.where(hits.triangle >= 0, scene.triangle_object[np.maximum(hits.triangle, 0)] == number, False)
        facing = area * np.abs((normals * ray).sum(axis=1)) / np.maximum(away, 1e-6) ** 3
        facing[met & own] = 0.0
        cos, sin = math.cos(trajectory.yaw[step]), math.sin(trajectory.yaw[step])
        ahead, right = -ray[:, 0] * sin - ray[:, 2] * cos, ray[:, 0] * cos - ray[:, 2] * sin
        framed = (ahead > 0.05) & (np.abs(right) <= wide * ahead) & (np.abs(ray[:, 1]) <= high * ahead)
        seen = framed & ~met
        total = float(facing.sum())
        whole[step] = min(float(facing[seen].sum()) / total, 1.0) if total > 0.0 else 0.0
        image[step] = float((facing[seen] * (away[seen] / ahead[seen]) ** 3).sum()) / (4.0 * wide * high)
    return whole, image


def _surface(scene: Scene, number: int) -> tuple[FloatArray, FloatArray, float]:
    """Points spread evenly over an object's surface, their normals, and the area that each stands for [m2]."""
    corners = scene.vertices[scene.triangles[scene.triangle_object == number]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(normal, axis=1)
    if not double.sum() > 0.0:
        return np.zeros((0, 3)), np.zeros((0, 3)), 0.0
    rng = np.random.default_rng((0x53454544, number))
    share = (np.arange(_SAMPLES) + rng.uniform(size=_SAMPLES)) / _SAMPLES * double.sum()  # stratified
    chosen = np.minimum(np.searchsorted(np.cumsum(double), share), len(double) - 1)
    u, v = rng.uniform(size=(2, _SAMPLES, 1))
    u, v = np.where(u + v > 1.0, 1.0 - u, u), np.where(u + v > 1.0, 1.0 - v, v)
    a, b, c = corners[chosen].transpose(1, 0, 2)
    return a + u * (b - a) + v * (c - a), normal[chosen] / double[chosen, None], double.sum() / 2.0 / _SAMPLES


def levels_heard(
    scene: Scene,
    source: SourceLog,
    trajectory: Trajectory,
    senses: Senses = Senses(),  # noqa: B008 - frozen
) -> FloatArray:
    """Returns the level of a source at the agent's ears at each step while it sounds [dB SPL], shape (T,), else -200.

    Exact paths alone, as `start_level`: direct, transmitted, diffracted and mirrored sound without reverberation, a
    lower bound.

    Args:
        scene: where it happens, doors as they stand.
        source: a source of the episode's log.
        trajectory: where the agent stands.
        senses: height of its ears.
    """
    energy, result = octave_energy(source.sound), np.full(len(trajectory.seconds), _SILENCE_DB)
    sounding = np.zeros(len(result), dtype=bool)
    for onset, offset in source.emissions:
        sounding |= (trajectory.seconds >= onset) & (trajectory.seconds <= offset)
    places = np.array([source_place(source, float(time)) for time in trajectory.seconds]).reshape(-1, 3)
    ears = trajectory.feet + np.array([0.0, senses.eye_height, 0.0])
    for place in np.unique(places[sounding], axis=0):
        rows = np.flatnonzero(sounding & (places == place).all(axis=1))
        waves, index = WavefrontBank(1), torch.zeros(len(rows), dtype=torch.int64)
        waves.set_row(0, wavefront_field(scene, place))
        origin = torch.from_numpy(np.broadcast_to(place, (len(rows), 3)).copy())
        paths = discrete_paths(scene_bank(scene), waves, index, index, origin, torch.from_numpy(ears[rows]))
        heard = (paths.gain.double().numpy() ** 2).sum(axis=1) @ energy
        result[rows] = _REFERENCE_DB + 10.0 * np.log10(np.maximum(heard, 1e-30))
    return result
