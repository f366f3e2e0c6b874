"""Where to go for a sound: weighs the places it may come from by what was heard, seen and recognised."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from avi_env.agents.knowledge import emitters_of
from avi_env.agents.objects import ObjectTrack
from avi_env.agents.perception import Perception
from avi_env.agents.source_belief import PLACE, SoundWays, gain_in_sight_db

__all__ = ["SoundTarget", "emission_chance", "is_beside", "is_loud", "object_chances", "sound_field", "sound_target"]

FloatArray = npt.NDArray[np.floating[Any]]
Point = tuple[float, float]

_SEEN_WEIGHT = 0.05  # a place that was seen without anything on it that could sound, against an unseen one
_OBJECT_WEIGHT = 800.0  # an object that makes just this sound, against one unseen place of 0.2 m x 0.2 m
_OBJECT_REACH = 0.6  # [m] around an object's middle that counts as the object
_OBJECT_ENOUGH = 0.4  # chance from which an object, not the best place, is walked to
_TURN_PRICE = 1.0  # [m] of way that turning by one radian is worth
_NEAREST = 0.7  # [m]; nobody gets nearer to what stands on a table or hangs from a ceiling
_SLACK_DB = 1.0  # by how much variants of a class differ
_BESIDE_SLACK_DB = 4.0  # spread of levels in a room
_KEEP = 1.6  # by how much a place must beat the one that is being walked to
_BLUR = 0.6  # [m]; places this near are one goal


class SoundTarget(NamedTuple):
    """What to walk to."""

    point: Point
    """(x, z) [m]."""
    chance: float
    """Probability that the source is there, 0..1."""
    track: ObjectTrack | None
    """The object, when it is one."""


def emission_chance(mind: Perception, category: str) -> float:
    """Returns the probability that the recognised sound is one that objects of a category make."""
    chances = mind.recognition.probabilities
    return sum(p for name, p in chances.items() if category in emitters_of(name))


def is_loud(mind: Perception, distance: float) -> bool:
    """Returns whether the sound is, or last was, as loud as it must be with its source that near [m].

    The direct sound alone, in a room without any echo, has that level; a room only adds to it.
    """
    level = max(mind.hearing.peak_within(max(mind.recognition.rest_s, 2.0)), mind.hearing.last_level_db)
    direct = mind.recognition.source_level[0] - 20.0 * math.log10(max(distance, _NEAREST))
    return level >= direct - _SLACK_DB


def is_beside(mind: Perception, distance: float) -> bool:
    """Returns whether the sound is as loud as that near to its source [m] in a furnished room, not somewhere in it."""
    level = max(mind.hearing.peak_within(max(mind.recognition.rest_s, 2.0)), mind.hearing.last_level_db)
    near = float(gain_in_sight_db(max(distance, _NEAREST)))
    return level >= mind.recognition.source_level[0] + near - _BESIDE_SLACK_DB


def object_chances(mind: Perception, rejected: frozenset[int] = frozenset()) -> dict[int, float]:
    """Returns the probability of each seen object to be the source; what is missing from 1 lies elsewhere."""
    return _weigh(mind, rejected)[0]


def sound_field(mind: Perception, rejected: frozenset[int] = frozenset()) -> npt.NDArray[np.float64]:
    """Returns the probability of each place of `mind.source.ways` to hold the source."""
    return np.asarray(_weigh(mind, rejected)[1])


def sound_target(
    mind: Perception, rejected: frozenset[int] = frozenset(), kept: Point | None = None
) -> SoundTarget | None:
    """Returns what to walk to for the sound, or None when nothing has been heard.

    Args:
        mind: what the agent knows.
        rejected: ids of objects that were found silent.
        kept: (x, z) of the place it is on the way to [m], which a better one must clearly beat.
    """
    if mind.source.ways is None:
        return None
    chances, field = _weigh(mind, rejected)
    best = max(sorted(chances), key=lambda k: chances[k], default=None)
    if best is not None and chances[best] >= _OBJECT_ENOUGH:
        track = mind.objects.tracks[best]
        return SoundTarget(track.center, chances[best], track)
    smooth = ndimage.gaussian_filter(field, _BLUR / PLACE, mode="constant")
    ways = mind.source.ways
    turn = np.abs((ways.bearing - mind.yaw + math.pi) % (2.0 * math.pi) - math.pi)
    score = smooth / (2.0 + ways.length + _TURN_PRICE * turn)  # of equal chances the nearer one
    if kept is not None:
        score = np.where(_near(ways, kept, _BLUR), _KEEP * score, score)
    cell = np.unravel_index(int(np.argmax(score)), score.shape)
    point = (ways.origin[0] + PLACE * float(cell[0]), ways.origin[1] + PLACE * float(cell[1]))
    chance = float(smooth[cell] * 2.0 * math.pi * (_BLUR / PLACE) ** 2)
    return SoundTarget(point, min(chance, 1.0), None)


def _weigh(mind: Perception, rejected: frozenset[int]) -> tuple[dict[int, float], FloatArray]:
    """Chances of the objects, and the probability of all places."""
    ways = mind.source.ways
    if ways is None:
        return {}, np.zeros((0, 0))
    prior = np.where(ways.unknown, 1.0, _SEEN_WEIGHT) * mind.source.doubt()
    spots: dict[int, tuple[npt.NDArray[np.bool_], float]] = {}
    for number, track in sorted(mind.objects.tracks.items()):
        emits = 0.0 if number in rejected else emission_chance(mind, track.category)
        if emits > 1e-3:
            spot = _spot(ways, track)
            weight = emits * _OBJECT_WEIGHT / max(int(np.count_nonzero(spot)), 1)
            spots[number] = (spot, weight)
            prior = prior + weight * spot
    for number in rejected:
        if number in mind.objects.tracks:
            prior = np.where(_spot(ways, mind.objects.tracks[number]), 1e-3, prior)
    field = mind.source.probability(prior)
    share = {k: float((field * spot * weight / prior)[spot].sum()) for k, (spot, weight) in spots.items()}
    return share, field


def _spot(ways: SoundWays, track: ObjectTrack) -> npt.NDArray[np.bool_]:
    return _near(ways, track.center, _OBJECT_REACH)


def _near(ways: SoundWays, point: Point, reach: float) -> npt.NDArray[np.bool_]:
    nx, nz = ways.length.shape
    x = (ways.origin[0] + PLACE * np.arange(nx))[:, None]
    z = (ways.origin[1] + PLACE * np.arange(nz))[None, :]
    return np.asarray(np.hypot(x - point[0], z - point[1]) <= reach)
