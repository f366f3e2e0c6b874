"""Puts what the agent knows into the words and numbers that a planner gets."""

from __future__ import annotations

import math

import numpy as np

from avi_env.agents.geometry import bearing_to, wrap_angle
from avi_env.agents.objects import ObjectTrack
from avi_env.agents.perception import Perception
from avi_env.agents.protocol import HeardSound, HeardSpeech, PlannerObservation, RoomSeen, SeenObject, SkillResult
from avi_env.agents.route import Ways
from avi_env.agents.sound_search import is_loud, object_chances, sound_field
from avi_env.agents.source_belief import PLACE

__all__ = ["SURE_CLASS", "TRACK", "brief"]

SURE_CLASS = 0.4
"""Probability of a class from which it is named."""
TRACK = "sound_1"
"""Id of the sound that is followed; what sounds together is one sound."""

_TIED = 0.4  # chance of being the source from which an object is tied to the sound
_NEAR = 1.5  # [m]; from nearer than this a source is loud
_SURE_ROOM = 0.5  # share of the known places' belief from which a room is named
_MISSING_AREA = 0.3  # [m2] of unseen floor per metre of open edge, for the explored share


def brief(
    mind: Perception,
    instruction: str,
    silent: frozenset[int],
    steps_left: int,
    calls_left: int,
    last: SkillResult | None,
    can_talk: bool = False,
) -> PlannerObservation:
    """Returns the observation of a planner's turn.

    Args:
        mind: what the agent knows.
        instruction: the question or order.
        silent: ids of objects found not to be the source.
        steps_left: actions left.
        calls_left: calls left.
        last: result of the last call.
        can_talk: whether the agent can say something.
    """
    ways = mind.ways()
    frontiers = mind.frontiers()
    chances = object_chances(mind, silent)
    source = max(sorted(chances), key=lambda k: chances[k], default=None)
    tied = source if source is not None and _is_tied(mind, source, chances[source]) else None
    return PlannerObservation(
        instruction=instruction,
        time_s=mind.time_s,
        room=mind.rooms.name_of(mind.floor, mind.objects),
        position=mind.position,
        heading_deg=math.degrees(wrap_angle(-mind.yaw)),
        heard=_heard(mind, silent, tied),
        seen=tuple(_seen(mind, mind.objects.tracks[k], k == tied) for k in sorted(mind.objects.tracks)),
        rooms=tuple(_room(mind, ways, floor) for floor in mind.rooms.floors),
        frontiers=len(frontiers),
        explored_m2=mind.house.floor_area(),
        steps_left=steps_left,
        calls_left=calls_left,
        last=last,
        speech=tuple(
            HeardSpeech(u.t, _clockwise_deg(mind, u.bearing), u.text, max(u.level_db, 0.0), u.from_user)
            for u in mind.speech.utterances
        ),
        alarm=mind.alarm,
        can_talk=can_talk,
    )


def _is_tied(mind: Perception, number: int, chance: float) -> bool:
    """Whether an object is taken for the source: likely, and loud if it is near."""
    distance = mind.ear_distance_to(mind.objects.tracks[number])
    return chance >= _TIED and (distance > _NEAR or is_loud(mind, distance))


def _clockwise_deg(mind: Perception, bearing: float) -> float:
    return math.degrees(wrap_angle(mind.yaw - bearing))


def _heard(mind: Perception, silent: frozenset[int], tied: int | None) -> tuple[HeardSound, ...]:
    hearing = mind.hearing
    if not math.isfinite(hearing.last_heard_s):
        return ()
    name, sure = mind.recognition.verdict
    ways, field = mind.source.ways, sound_field(mind, silent)
    room, distance = "", None
    if tied is not None:
        track = mind.objects.tracks[tied]
        room, distance = mind.rooms.name_of(track.floor, mind.objects), mind.distance_to(track)
    elif ways is not None:
        distance = float((field * ways.length).sum())
        room = _likely_room(mind, field)
    return (
        HeardSound(
            track=TRACK,
            sound_class=name if sure >= SURE_CLASS else "unknown",
            azimuth_deg=_clockwise_deg(mind, hearing.direction.bearing),
            level_db=max(hearing.peak_db if math.isfinite(hearing.peak_db) else hearing.last_level_db, 0.0),
            confidence=min(sure, hearing.direction.confidence),
            still_on=hearing.is_on(mind.time_s),
            distance_m=distance,
            room=room,
            last_heard_s=hearing.last_heard_s,
        ),
    )


def _likely_room(mind: Perception, field: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    """The room on whose floor the belief lies, when it lies on the floors known so far."""
    ways = mind.source.ways
    if ways is None:
        return ""
    shares: dict[int, float] = {}
    for ix, iz in np.argwhere(field > field.max(initial=0.0) * 0.05):
        point = (ways.origin[0] + PLACE * float(ix), ways.origin[1] + PLACE * float(iz))
        floor = mind.house.region_at(point, reach=0.5)
        shares[floor] = shares.get(floor, 0.0) + float(field[ix, iz])
    best = max(sorted(shares), key=lambda k: shares[k], default=-1)
    sure = best >= 0 and shares[best] >= _SURE_ROOM * sum(shares.values())
    return mind.rooms.name_of(best, mind.objects) if sure else ""


def _seen(mind: Perception, track: ObjectTrack, tied: bool) -> SeenObject:
    return SeenObject(
        name=track.name,
        category=track.category,
        room=mind.rooms.name_of(track.floor, mind.objects),
        distance_m=mind.distance_to(track),
        azimuth_deg=_clockwise_deg(mind, bearing_to(mind.position, track.center)),
        in_view=track.step == mind.steps,
        track=TRACK if tied else "",
    )


def _room(mind: Perception, ways: Ways, floor: int) -> RoomSeen:
    here = ways.plan.region == floor
    reach = float(np.min(ways.length[here], initial=math.inf))
    open_edge = sum(f.width for f in mind.frontiers() if f.region == floor)
    area = mind.house.floor_area(floor)
    return RoomSeen(
        name=mind.rooms.name_of(floor, mind.objects),
        type=mind.rooms.type_of(floor, mind.objects),
        explored=area / (area + _MISSING_AREA * open_edge) if area > 0.0 else 0.0,
        visited=floor in mind.rooms.visited,
        distance_m=reach if math.isfinite(reach) else None,
        private=mind.rooms.type_of(floor, mind.objects) in mind.private,
    )
