"""Contacts: what met what, where, when and how hard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.physics.bodies import Touched

__all__ = ["SLOWEST", "Contact", "Motion", "Touch", "contacts_of_step", "touches"]

FloatArray = npt.NDArray[np.float64]

SLOWEST = 0.05
"""Bodies that approach slower than this [m/s] touch, roll or rest; faster ones hit each other."""

_A, _B, _POINT_ON_B, _NORMAL_ON_B, _DISTANCE, _FORCE = 1, 2, 6, 7, 8, 9  # PyBullet's getContactPoints


class Contact(NamedTuple):
    """One collision: the moment at which two things that approach each other meet."""

    time: float
    """[s] on the world's clock."""
    position: FloatArray
    """[m], shape (3,), world frame."""
    normal: FloatArray
    """Unit vector from the second to the first, shape (3,)."""
    impulse: float
    """Along the normal [N s]."""
    speed: float
    """At which they approached [m/s]."""
    first: Touched
    """What moves; of two bodies, the one that was added first."""
    second: Touched


class Touch(NamedTuple):
    """Two things in touch now."""

    position: FloatArray
    """[m], shape (3,), world frame."""
    normal: FloatArray
    """Unit vector from the other to the body, shape (3,)."""
    force: float
    """Along the normal [N]."""
    other: Touched
    """What the body touches."""


class Motion(NamedTuple):
    """How a body moves."""

    center: FloatArray
    """[m], shape (3,)."""
    velocity: FloatArray
    """[m/s], shape (3,)."""
    spin: FloatArray
    """[rad/s], shape (3,)."""

    def at(self, point: FloatArray) -> FloatArray:
        """Returns the velocity of its matter at a point [m/s], shape (3,)."""
        (x, y, z), (p, q, r) = point - self.center, self.spin
        turning: FloatArray = np.array([q * z - r * y, r * x - p * z, p * y - q * x])
        return self.velocity + turning


class _Meeting(NamedTuple):
    """The points at which one pair touches."""

    first: int
    second: int
    points: FloatArray
    normals: FloatArray
    distance: FloatArray
    force: FloatArray


def contacts_of_step(
    rows: Iterable[Any], before: Mapping[int, Motion], known: Mapping[int, Touched], seconds: float, now: float
) -> list[Contact]:
    """Returns the collisions of one step of the engine.

    The moment of a collision is found within the step from how far the bodies have come into each other.

    Args:
        rows: the engine's contact points after the step.
        before: how the bodies moved before it, by their numbers; what is not there does not move.
        known: what the engine's numbers stand for.
        seconds: length of the step [s].
        now: time at its end [s].
    """
    found = []
    for meeting in _meetings(rows, before):
        total = float(meeting.force.sum())
        if not total > 0.0:
            continue
        weight = meeting.force / total
        position, normal = weight @ meeting.points, weight @ meeting.normals
        normal /= max(float(np.linalg.norm(normal)), 1e-12)
        approach = before[meeting.first].at(position)
        if meeting.second in before:
            approach = approach - before[meeting.second].at(position)
        speed = float(-approach @ normal)
        if speed < SLOWEST:
            continue
        late = min(max(-float(meeting.distance.min()), 0.0) / speed, seconds)
        sides = known[meeting.first], known[meeting.second]
        found.append(Contact(now - late, position, normal, total * seconds, speed, *sides))
    return found


def touches(rows: Iterable[Any], body: int, known: Mapping[int, Touched]) -> tuple[Touch, ...]:
    """Returns what a body touches now, each pair once; arguments as for `contacts_of_step`."""
    found = []
    for meeting in _meetings(rows, {body: None}):
        total = float(meeting.force.sum())
        weight = meeting.force / total if total > 0.0 else np.full(len(meeting.force), 1 / len(meeting.force))
        normal = weight @ meeting.normals
        normal /= max(float(np.linalg.norm(normal)), 1e-12)
        found.append(Touch(weight @ meeting.points, normal, total, known[meeting.second]))
    return tuple(found)


def _meetings(rows: Iterable[Any], moving: Mapping[int, Any]) -> list[_Meeting]:
    """Returns contact points gathered by pairs, in the pairs' order; the first of a pair moves."""
    pairs: dict[tuple[int, int], list[tuple[Any, float]]] = {}
    for row in rows:
        a, b = row[_A], row[_B]
        turned = a not in moving or (b in moving and b < a)
        pairs.setdefault((b, a) if turned else (a, b), []).append((row, -1.0 if turned else 1.0))
    gathered = []
    for first, second in sorted(pairs):
        met = pairs[first, second]
        gathered.append(
            _Meeting(
                first,
                second,
                np.array([row[_POINT_ON_B] for row, _ in met]),
                np.array([row[_NORMAL_ON_B] for row, _ in met]) * np.array([[sign] for _, sign in met]),
                np.array([row[_DISTANCE] for row, _ in met]),
                np.array([row[_FORCE] for row, _ in met]),
            )
        )
    return gathered
