"""Questions about where things are, seen from the agent, and what rooms are like."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from avi_env.scene import SceneObject
from avi_env.tasks.questions.about_sounds import heard
from avi_env.tasks.questions.places import THINGS_APART, RoomFacts, things_in
from avi_env.tasks.questions.question import MOST_OPTIONS, Evidence
from avi_env.tasks.questions.staging import Draft, Role, Stage, Staging, phrase
from avi_env.tasks.sources import Point, triple

__all__ = [
    "how_many_objects",
    "how_many_rooms_away",
    "is_object_there",
    "is_start_carpeted",
    "where_is_object",
    "which_direction",
    "which_floor",
    "which_is_more_reverberant",
    "which_is_nearer",
]

_DIRECTIONS = ("ahead of you", "to your left", "behind you", "to your right")
"""Counter-clockwise from ahead, 90 degrees each."""
_SECTOR = math.radians(30.0)  # either side of a direction's middle: nobody quarrels about what is left
_LEAST_AWAY = 1.5  # [m] of what has a direction
_NEARER = 1.7  # ratio of distances that nobody takes for equal
_REVERBERANT = 2.0  # ratio of times by Sabine's formula from which traced early decay times agree (98 % of 70 pairs)
_FURNITURE = 5  # categories of things that are tried


def is_object_there(stage: Stage) -> Draft | None:
    """Is there a sofa in the room where the ringing phone is?"""
    found = _category(stage, lambda counts: 0 in counts and len(counts) > 1)
    if found is None:
        return None
    category, by_count = found
    asked, *others = stage.portable(3)
    stagings = []
    some = [room for count, rooms in by_count.items() if count for room in rooms]
    for rooms in (some, by_count[0]):
        room = stage.pick(rooms)
        stagings.append(_in_room(stage, asked, others[0], room, _seen(stage, category, room)))
    stagings.append(_missing(stage, others))
    options = ("yes", "no", _none(asked))
    return Draft(f"Is there {_a(category)} in the room where {phrase(asked)} is?", options, tuple(stagings))


def how_many_objects(stage: Stage) -> Draft | None:
    """How many chairs are in the room where the ringing phone is?"""
    found = _category(stage, lambda counts: 3 <= len(counts) <= MOST_OPTIONS - 1)
    if found is None:
        return None
    category, by_count = found
    asked, *others = stage.portable(3)
    counts = sorted(by_count)
    stagings = []
    for count in counts:
        room = stage.pick(by_count[count])
        stagings.append(_in_room(stage, asked, others[0], room, _seen(stage, category, room)))
    stagings.append(_missing(stage, others))
    text = f"How many objects of the kind {_words(category)} are in the room where {phrase(asked)} is?"
    return Draft(text, (*map(str, counts), _none(asked)), tuple(stagings))


def _category(stage: Stage, fits: Callable[[set[int]], bool]) -> tuple[str, dict[int, list[RoomFacts]]] | None:
    """A category of things and the rooms by how many of them are there, of those whose set of counts fits."""
    kinds = stage.shuffled(sorted({category for category, _ in stage.survey.things}))
    for category in kinds:
        by_count: dict[int, list[RoomFacts]] = {}
        for room in stage.survey.rooms:
            by_count.setdefault(stage.survey.things.get((category, room.id), 0), []).append(room)
        if fits(set(by_count)):
            return category, by_count
    return None


def _in_room(stage: Stage, asked: str, other: str, room: RoomFacts, seen: tuple[Evidence, ...]) -> Staging:
    decoy = stage.role(other, stage.pick(stage.survey.rooms))
    return Staging((stage.role(asked, room), decoy), (Evidence("hearing", 0, room=room.id), *seen))


def _missing(stage: Stage, others: list[str]) -> Staging:
    """What is asked for does not sound; other things do."""
    roles = tuple(stage.role(sound, stage.pick(stage.survey.rooms)) for sound in others[:2])
    return Staging(roles, stage.silence(), answerable=False)


def _seen(stage: Stage, category: str, room: RoomFacts) -> tuple[Evidence, ...]:
    """Evidence of things in a room; where there are none, that the room has been looked at: its floor."""
    bodies = things_in(stage.scene, category, room.id) or things_in(stage.scene, "floor", room.id)
    return tuple(Evidence("sight", object=body.id) for body in bodies)


def _floor_seen(stage: Stage, room: RoomFacts) -> tuple[Evidence, ...]:
    bodies = things_in(stage.scene, "floor", room.id)
    return tuple(Evidence("sight", object=body.id) for body in bodies)


def _words(category: str) -> str:
    return category.replace("_", " ")


def _a(category: str) -> str:
    return f"{'an' if category[0] in 'aeiou' else 'a'} {_words(category)}"


def _none(sound: str) -> str:
    return f"there is no {phrase(sound)[4:]}"


def which_is_nearer(stage: Stage) -> Draft | None:
    """In a straight line, which was nearer to you when you started: the ringing phone or the barking dog?"""
    rooms = stage.survey.rooms
    if not rooms:
        return None
    places = [stage.place(stage.pick(rooms)) for _ in range(8)]
    away = [float(np.linalg.norm(np.array(place) - stage.start)) for place in places]
    pairs = [(i, k) for i in range(8) for k in range(8) if away[i] >= 1.0 and away[k] >= _NEARER * away[i]]
    if not pairs:
        return None
    near, far = stage.pick(pairs)
    a, b, other = stage.portable(3)
    stagings = []
    for first, second in ((near, far), (far, near)):
        stagings.append(Staging((Role(a, places[first]), Role(b, places[second])), heard(0, 1)))
    alone = stage.pick((a, b))
    evidence = (*heard(0), *stage.silence())
    stagings.append(Staging((Role(alone, places[near]), Role(other, places[far])), evidence, answerable=False))
    a, b = phrase(a), phrase(b)
    text = f"In a straight line, which was nearer to the place where you started: {a} or {b}?"
    return Draft(text, (a, b, "that cannot be known: only one of them sounds"), tuple(stagings))


def _yaw_towards(stage: Stage, start: Point, target: Point, direction: int) -> float:
    """A heading from which a target lies in a direction, within its sector."""
    to = math.atan2(start[0] - target[0], start[2] - target[2])
    wanted = to - direction * math.pi / 2.0
    fit = [yaw for yaw in stage.yaws() if abs(math.remainder(yaw - wanted, 2.0 * math.pi)) <= _SECTOR]
    nearest = min(stage.yaws(), key=lambda y: abs(math.remainder(y - wanted, 2.0 * math.pi)))
    return stage.pick(fit) if fit else nearest


def which_direction(stage: Stage) -> Draft | None:
    """As you stood when you started, where was the ringing phone?"""
    rooms = stage.survey.rooms
    if not rooms:
        return None
    start = triple(stage.start)
    place = stage.place(stage.pick(rooms))
    if math.hypot(place[0] - start[0], place[2] - start[2]) < _LEAST_AWAY:
        return None
    asked, *others = stage.portable(3)
    stagings = []
    for direction in range(4):
        decoy = stage.role(others[0], stage.pick(rooms))
        yaw = _yaw_towards(stage, start, place, direction)
        stagings.append(Staging((Role(asked, place), decoy), heard(0), start, yaw))
    stagings.append(_missing(stage, others))
    text = f"As you stood when you started, where was {phrase(asked)}?"
    return Draft(text, (*_DIRECTIONS, _none(asked)), tuple(stagings))


def how_many_rooms_away(stage: Stage) -> Draft | None:
    """Seen from the room where you started, where is the ringing phone?"""
    here = stage.start_room
    if here is None:
        return None
    beside = [room for room in stage.survey.rooms if room.id in here.next_to and room.id != here.id]
    further = [room for room in stage.survey.rooms if room.id not in here.next_to and room.id != here.id]
    if not beside or not further:
        return None
    asked, *others = stage.portable(3)
    stagings = []
    for rooms in ([here], beside, further):
        room = stage.pick(rooms)
        decoy = stage.role(others[0], stage.pick(stage.survey.rooms))
        stagings.append(Staging((stage.role(asked, room), decoy), (Evidence("hearing", 0, room=room.id),)))
    stagings.append(_missing(stage, others))
    options = ("in the same room", "in a room next to it", "further away than the next room", _none(asked))
    return Draft(f"Seen from the room where you started, where is {phrase(asked)}?", options, tuple(stagings))


def where_is_object(stage: Stage) -> Draft | None:
    """In which direction was the fridge when you started?"""
    single = [
        body
        for body in stage.scene.objects
        if body.category not in THINGS_APART and stage.survey.room(body.room) and _alone(stage, body)
    ]
    if not single:
        return None
    body = stage.pick(single)
    room = stage.survey.room(body.room)
    assert room is not None, "it was chosen for having one"
    away = np.hypot(*(room.places[:, [0, 2]] - [body.center[0], body.center[2]]).T)
    fit = room.places[away >= _LEAST_AWAY]
    if not len(fit):
        return None
    start = triple(fit[int(stage.rng.integers(len(fit)))])
    sounds = stage.portable(2)
    stagings = []
    for direction in range(4):
        roles = tuple(stage.role(sound, stage.pick(stage.survey.rooms)) for sound in sounds)
        yaw = _yaw_towards(stage, start, body.center, direction)
        stagings.append(Staging(roles, (Evidence("sight", object=body.id),), start, yaw))
    text = f"In which direction was the {_words(body.category)} when you started?"
    return Draft(text, _DIRECTIONS, tuple(stagings))


def _alone(stage: Stage, body: SceneObject) -> bool:
    """Whether nothing else in the house is of its kind."""
    return sum(other.category == body.category for other in stage.scene.objects) == 1


def which_is_more_reverberant(stage: Stage) -> Draft | None:
    """Which room is more reverberant: the one with the ringing phone or the one with the barking dog?"""
    rooms = stage.survey.rooms
    pairs = [(dull, live) for dull in rooms for live in rooms if live.sabine >= _REVERBERANT * dull.sabine]
    if not pairs:
        return None
    dull, live = stage.pick(pairs)
    a, b, other = stage.portable(3)
    stagings = []
    for first, second in ((live, dull), (dull, live)):
        roles = (stage.role(a, first), stage.role(b, second))
        evidence = (Evidence("hearing", 0, room=first.id), Evidence("hearing", 1, room=second.id))
        stagings.append(Staging(roles, evidence))
    alone = stage.pick((a, b))
    roles = (stage.role(alone, live), stage.role(other, dull))
    stagings.append(Staging(roles, (*heard(0), *stage.silence()), answerable=False))
    a, b = phrase(a), phrase(b)
    text = f"Which room is more reverberant: the one with {a} or the one with {b}?"
    options = (f"the one with {a}", f"the one with {b}", "that cannot be known: only one of them sounds")
    return Draft(text, options, tuple(stagings))


def which_floor(stage: Stage) -> Draft | None:
    """Rugs aside, what is the floor of the room with the ringing phone made of?"""
    kinds: dict[str, list[RoomFacts]] = {}
    for room in stage.survey.rooms:
        kinds.setdefault(room.floor, []).append(room)
    kinds.pop("", None)
    if len(kinds) < 2:
        return None
    asked, *others = stage.portable(3)
    stagings = []
    for rooms in kinds.values():
        room = stage.pick(rooms)
        stagings.append(_in_room(stage, asked, others[0], room, _floor_seen(stage, room)))
    stagings.append(_missing(stage, others))
    text = f"Rugs aside, what is the floor of the room with {phrase(asked)} made of?"
    return Draft(text, (*kinds, _none(asked)), tuple(stagings))


def is_start_carpeted(stage: Stage) -> Draft | None:
    """Rugs aside, is the floor carpeted in the room where you start?"""
    soft = [room for room in stage.survey.rooms if room.floor == "carpet"]
    hard = [room for room in stage.survey.rooms if room.floor not in ("carpet", "")]
    if not soft or not hard:
        return None
    sounds = stage.portable(2)
    stagings = []
    for rooms in (soft, hard):
        room = stage.pick(rooms)
        start = triple(room.places[int(stage.rng.integers(len(room.places)))])
        roles = tuple(stage.role(sound, stage.pick(stage.survey.rooms)) for sound in sounds)
        stagings.append(Staging(roles, _floor_seen(stage, room), start))
    text = "Rugs aside, is the floor carpeted in the room where you start?"
    return Draft(text, ("yes", "no"), tuple(stagings))
