"""Collisions as sound: each one's pressure at 1 m, all of them as a clip, and as emitters where they happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.emitter import Emitter
from avi_env.physics.bodies import Body
from avi_env.physics.contacts import Contact
from avi_env.physics.world import PhysicsWorld
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material
from avi_env.sounds.clip import Clip, active_level
from avi_env.sounds.modal import CLICK_LEAD, Blow, blow_seconds, click, ringing
from avi_env.sounds.schedule import Schedule
from avi_env.sounds.synthesis import sound_stream

__all__ = ["ContactSound", "contact_blow", "contact_emitters", "contact_pressure", "contact_sound", "drop_clip"]

FloatArray = npt.NDArray[np.float64]

_QUIETEST_DB = 60.0  # what is this far below the strongest collision's impulse is left out
_CLEARANCE = 0.05  # [m] from the surface that was hit to where the sound comes from, as for emission points
_END_SECONDS = 0.005  # fade at the end of a clip
_MOST_TILT = 0.35  # [rad] of a body that is dropped: nobody lets go of a thing quite upright


class ContactSound(NamedTuple):
    """The sound of collisions."""

    clip: Clip
    """Pressure at 1 m; it begins and ends in silence."""
    start: float
    """Time at which the clip begins on the world's clock [s]."""


def contact_blow(contact: Contact) -> Blow:
    """Returns a collision as a blow: its impulse, how long it lasts (Hertz) and the energy it loses.

    What moves at the contact, the effective mass, follows from the impulse: J = m v (1 + e).
    """
    rebound = contact.first.solid.restitution * contact.second.solid.restitution
    mass = contact.impulse / (contact.speed * (1.0 + rebound))
    radius = 1.0 / (1.0 / contact.first.curvature + 1.0 / contact.second.curvature)
    seconds = blow_seconds(contact.first.solid, contact.second.solid, mass, contact.speed, radius)
    return Blow(contact.impulse, seconds, 0.5 * mass * contact.speed**2 * (1.0 - rebound**2))


def contact_pressure(contact: Contact, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """Returns how a collision sounds: pressure at 1 m (1.0 RMS = 94 dB SPL), shape (n,).

    Both bodies ring, and what moves clicks. Sample `CLICK_LEAD` is the collision's first moment.

    Args:
        contact: the collision.
        rng: its own random stream: where each body is hit.
        sample_rate: [Hz].
    """
    blow = contact_blow(contact)
    parts = [np.zeros(0)]
    for side in (contact.first, contact.second):
        rings = ringing(side.modes, blow, rng, sample_rate, budget=0.5)
        parts.append(np.concatenate([np.zeros(CLICK_LEAD), rings]))
        if math.isfinite(side.mass):
            parts.append(click(blow, side.modes, side.mass, side.radius, sample_rate))
    total = np.zeros(max(len(part) for part in parts))
    for part in parts:
        total[: len(part)] += part
    return total


def contact_sound(
    contacts: Sequence[Contact], *, sample_rate: int = 16000, seed: int = 0, name: str = "contacts"
) -> ContactSound:
    """Returns all collisions as one clip, each at its own time to the sample, a pure function of its arguments.

    Args:
        contacts: the collisions.
        sample_rate: [Hz].
        seed: of where bodies are hit; collision number n draws from a stream of its own.
        name: of the clip.

    Raises:
        ValueError: no collision: what does not touch anything makes no sound.
    """
    return _clip(_audible(contacts), sample_rate, seed, name)


def contact_emitters(
    contacts: Sequence[Contact],
    *,
    sample_rate: int = 16000,
    seed: int = 0,
    start: float = 0.0,
    merge: float = 0.3,
    most: int = 8,
    name: str = "contacts",
) -> list[Emitter]:
    """Returns collisions as sources for `render_soundscape` and `Soundscape`, the strongest place first.

    Args:
        contacts: the collisions.
        sample_rate: [Hz].
        seed: as for `contact_sound`.
        start: time on the episode's clock at which the world's clock was zero [s].
        merge: a collision at most this far from a stronger one makes no source of its own [m].
        most: number of sources at most; each collision sounds from the nearest one.
        name: of the clips.

    Raises:
        ValueError: no collision, or limits out of range.
    """
    if not (math.isfinite(merge) and merge >= 0.0 and most >= 1):
        raise ValueError(f"merge must be finite and not negative, most at least 1, not {merge} and {most}")
    numbered = _audible(contacts)
    anchors: list[Contact] = []
    for _, contact in sorted(numbered, key=lambda item: -item[1].impulse):
        if len(anchors) < most and all(_apart(contact, anchor) > merge for anchor in anchors):
            anchors.append(contact)
    groups: list[list[tuple[int, Contact]]] = [[] for _ in anchors]
    for item in numbered:
        groups[int(np.argmin([_apart(item[1], anchor) for anchor in anchors]))].append(item)
    emitters = []
    for anchor, group in zip(anchors, groups, strict=True):
        clip, begin = _clip(group, sample_rate, seed, name)
        place = (anchor.position + _CLEARANCE * anchor.normal).astype(np.float32)
        emitters.append(Emitter(clip, place, schedule=Schedule(start=start + begin, on=clip.seconds, count=1)))
    return emitters


def drop_clip(
    body: Body,
    floor: str | Material = "ceramic_tile",
    height: float = 0.8,
    *,
    seed: int = 0,
    sample_rate: int = 16000,
    pause: float = 0.0,
) -> Clip:
    """Returns the sound of a body that falls on a floor until it rests: a clip for any source.

    Args:
        body: what falls.
        floor: material of the floor.
        height: of the body's lowest point above the floor [m].
        seed: of how it is held (up to 20 degrees askew, facing any way) and of where it is hit.
        sample_rate: [Hz].
        pause: silence at the end [s], for sources that repeat their clip.

    Raises:
        ImportError: PyBullet is not installed.
        ValueError: a height that is not positive.
    """
    if not (math.isfinite(height) and height > 0.0):
        raise ValueError(f"height must be positive and finite, not {height}: a body that does not fall makes no sound")
    rng = sound_stream("drop", seed)
    axis_turn, tilt, yaw = rng.uniform(0.0, 2 * np.pi), rng.uniform(0.0, _MOST_TILT), rng.uniform(0.0, 2 * np.pi)
    turn = _tilted(axis_turn, tilt, yaw)
    lowest = -float((body.corners @ _matrix(turn).T)[:, 1].min())
    side = 8.0
    with PhysicsWorld(shoebox((side, height + 2 * max(body.size) + 1.0, side), material=floor)) as world:
        world.add(body, (side / 2, height + lowest, side / 2), quaternion=turn)
        contacts = world.settle(limit=4.0 + math.sqrt(2 * height / 9.81))
    clip = contact_sound(contacts, sample_rate=sample_rate, seed=seed, name=body.name).clip
    samples = np.concatenate([clip.samples, np.zeros(round(pause * sample_rate), dtype=np.float32)])
    return replace(clip, samples=samples)


def _audible(contacts: Sequence[Contact]) -> list[tuple[int, Contact]]:
    """Returns the collisions that can be heard beside the strongest one, with their numbers."""
    if not contacts:
        raise ValueError("there is no collision, so nothing sounds: let more time pass, or move the body")
    least = max(contact.impulse for contact in contacts) * 10.0 ** (-_QUIETEST_DB / 20.0)
    return [(number, contact) for number, contact in enumerate(contacts) if contact.impulse >= least]


def _apart(one: Contact, other: Contact) -> float:
    """Returns the distance of two collisions [m]."""
    return float(np.linalg.norm(one.position - other.position))


def _clip(numbered: Sequence[tuple[int, Contact]], sample_rate: int, seed: int, name: str) -> ContactSound:
    """Returns the clip of some collisions, each with its number."""
    onsets = [round(contact.time * sample_rate) - CLICK_LEAD for _, contact in numbered]
    first = min(onsets)
    events = [
        (onset - first, contact_pressure(contact, sound_stream(f"contact {number}", seed), sample_rate))
        for onset, (number, contact) in zip(onsets, numbered, strict=True)
    ]
    samples = np.zeros(max(onset + len(pressure) for onset, pressure in events))
    for onset, pressure in events:
        samples[onset : onset + len(pressure)] += pressure
    fade = min(round(_END_SECONDS * sample_rate), len(samples))
    samples[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
    level = active_level(samples, sample_rate)
    return ContactSound(Clip(name, samples.astype(np.float32), level, sample_rate), first / sample_rate)


def _tilted(axis_turn: float, tilt: float, yaw: float) -> FloatArray:
    """Returns a rotation about +Y by a yaw, then by a tilt about a level axis, as x, y, z, w."""
    axis, half, turn = np.array([math.cos(axis_turn), 0.0, math.sin(axis_turn)]), tilt / 2, yaw / 2
    lean = math.sin(half) * axis
    up = math.sin(turn) * np.array([0.0, 1.0, 0.0])
    vector = math.cos(half) * up + math.cos(turn) * lean + np.cross(lean, up)
    return np.array([*vector, math.cos(half) * math.cos(turn) - lean @ up])


def _matrix(quaternion: FloatArray) -> FloatArray:
    """Returns the rotation matrix of a quaternion x, y, z, w, shape (3, 3)."""
    from scipy.spatial.transform import Rotation

    matrix: FloatArray = Rotation.from_quat(quaternion).as_matrix()
    return matrix
