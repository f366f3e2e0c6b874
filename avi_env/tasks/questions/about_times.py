"""Questions about what sounds when."""

from __future__ import annotations

import math

import numpy as np

from avi_env.scene import Door, Portal, scene_doors
from avi_env.scene.rays import occluded
from avi_env.tasks.questions.about_sounds import heard
from avi_env.tasks.questions.places import RoomFacts
from avi_env.tasks.questions.question import HORIZON, Evidence
from avi_env.tasks.questions.staging import Draft, Role, Stage, Staging, phrase
from avi_env.tasks.sources import Point

__all__ = ["what_after_door", "where_is_last", "which_is_first", "which_is_longer"]

_BEFORE = -30.0  # [s]: an onset long before anything was heard
_EARLIEST, _LATEST = 2.0, 4.0  # [s] when the first of several sounds begins
_GAP = (3.0, 6.0)  # [s] between onsets: nobody takes one for the other
_SHORT, _LONG = (4.0, 6.0), (12.0, 16.0)  # [s]
_SHUT_SECONDS = (8.0, 10.0)  # [s] after which the door shuts
_SHUT_FOR = 12.0  # [s]: then it opens again, so that nobody is shut in
_DOOR_AWAY = (1.7, 4.0)  # [m] from the door that is to be seen, clear of its leaf
_EYES = 1.25  # [m]
_AJAR = 0.5  # openness of a door that is seen to shut


def _onsets(stage: Stage, count: int) -> list[float]:
    """Times at which several sounds begin, in order [s]."""
    gaps = [float(stage.rng.uniform(*_GAP)) for _ in range(count - 1)]
    first = float(stage.rng.uniform(_EARLIEST, _LATEST))
    return [round(first + sum(gaps[:k]), 3) for k in range(count)]


def _somewhere(stage: Stage, sound: str, start: float, on: float = HORIZON) -> Role:
    return stage.role(sound, stage.pick(stage.survey.rooms), start, on)


def which_is_first(stage: Stage) -> Draft | None:
    """Which began to sound first: the ringing phone, the barking dog or the crying baby?"""
    if not stage.survey.rooms:
        return None
    kinds = stage.portable(3)
    stagings = []
    for first in range(len(kinds)):
        times = _onsets(stage, len(kinds))
        order = [first, *stage.shuffled([k for k in range(len(kinds)) if k != first])]
        onset = {k: times[rank] for rank, k in enumerate(order)}
        roles = tuple(_somewhere(stage, kind, onset[k]) for k, kind in enumerate(kinds))
        evidence = tuple(Evidence("hearing", k, start_seconds=onset[k], end_seconds=times[-1] + _GAP[1]) for k in order)
        stagings.append(Staging(roles, evidence))
    roles = tuple(_somewhere(stage, kind, _BEFORE - k) for k, kind in enumerate(kinds))
    stagings.append(Staging(roles, heard(0, 1, 2), answerable=False))
    a, b, c = (phrase(kind) for kind in kinds)
    options = (a, b, c, "that cannot be known: all of them sounded when you came")
    return Draft(f"Which began to sound first: {a}, {b} or {c}?", options, tuple(stagings))


def where_is_last(stage: Stage) -> Draft | None:
    """In which room is what was the last to begin sounding?"""
    rooms = stage.rooms(3)
    if rooms is None:
        return None
    kinds = stage.portable(3)
    stagings = []
    for last in range(3):
        times = _onsets(stage, 3)
        order = [*stage.shuffled([k for k in range(3) if k != last]), last]
        onset = {k: times[rank] for rank, k in enumerate(order)}
        roles = tuple(stage.role(kinds[k], rooms[k], onset[k]) for k in range(3))
        early = tuple(Evidence("hearing", k, start_seconds=onset[k], end_seconds=times[-1] + _GAP[1]) for k in order)
        stagings.append(Staging(roles, (*early, Evidence("hearing", last, room=rooms[last].id))))
    roles = tuple(stage.role(kinds[k], rooms[k], _EARLIEST) for k in range(3))
    stagings.append(Staging(roles, heard(0, 1, 2), answerable=False))
    options = (*(room.name for room in rooms), "all of them began at the same time")
    return Draft("In which room is the thing that was the last to begin sounding?", options, tuple(stagings))


def which_is_longer(stage: Stage) -> Draft | None:
    """Which sounds for longer: the ringing phone or the barking dog?"""
    if not stage.survey.rooms:
        return None
    a, b, other = stage.portable(3)
    short, long = (round(float(stage.rng.uniform(*span)), 3) for span in (_SHORT, _LONG))
    stagings = []
    for first, second in ((long, short), (short, long), (long, long)):
        starts = [float(round(stage.rng.uniform(_EARLIEST, _LATEST), 3)) for _ in range(2)]
        lengths = (first, second)
        roles = tuple(_somewhere(stage, (a, b)[k], starts[k], lengths[k]) for k in range(2))
        spans = tuple((starts[k], starts[k] + lengths[k]) for k in range(2))
        stagings.append(Staging(roles, tuple(Evidence("hearing", k, -1, -1, *spans[k]) for k in range(2))))
    stagings.append(Staging((_somewhere(stage, other, 0.0),), stage.silence(), answerable=False))
    a, b = phrase(a), phrase(b)
    options = (a, b, "both sound equally long", "neither of them sounds")
    return Draft(f"Which sounds for longer: {a} or {b}?", options, tuple(stagings))


def what_after_door(stage: Stage) -> Draft | None:
    """What was the first to begin sounding after the door between the kitchen and the hallway had shut?"""
    found = _door_in_view(stage)
    if found is None:
        return None
    portal, opening, start, yaw, names = found
    kinds = stage.portable(3)
    shut = round(float(stage.rng.uniform(*_SHUT_SECONDS)), 3)
    doors = ((shut, portal, 0.0), (shut + _SHUT_FOR, portal, opening))
    stagings = []
    for first in (0, 1, 2, None):
        early, late = round(shut - 4.0, 3), [round(shut + 2.5, 3), round(shut + 6.5, 3)]
        others = stage.shuffled([k for k in range(3) if k != first])
        onset = dict.fromkeys(others, early)
        if first is not None:
            onset |= {first: late[0], others[0]: late[1]}
        onset[others[-1]] = round(early - 2.0, 3)
        roles = tuple(_somewhere(stage, kinds[k], onset[k]) for k in range(3))
        seen = Evidence("sight", object=_leaf(stage, portal), start_seconds=shut, end_seconds=shut + _SHUT_FOR)
        spans = [Evidence("hearing", k, start_seconds=onset[k], end_seconds=late[1] + _GAP[0]) for k in range(3)]
        stagings.append(Staging(roles, (seen, *spans), start, yaw, doors, first is not None))
    text = f"What was the first to begin sounding after the door between {names} had shut?"
    options = (*(phrase(kind) for kind in kinds), "nothing began to sound after that")
    return Draft(text, options, tuple(stagings))


def _leaf(stage: Stage, portal: int) -> int:
    return next(door.leaves[0].object for door in scene_doors(stage.scene) if door.portal == portal)


def _door_in_view(stage: Stage) -> tuple[int, float, Point, float, str] | None:
    """A door ajar between two rooms that have names, its openness, a start that faces it, and the rooms' names."""
    portals = {portal.id: portal for portal in stage.scene.portals}
    fit: list[tuple[Door, RoomFacts, RoomFacts]] = []
    pairs = [tuple(sorted(portal.rooms)) for portal in stage.scene.portals]
    for door in scene_doors(stage.scene):
        a, b = (stage.survey.room(number) for number in portals[door.portal].rooms)
        alone = pairs.count(tuple(sorted(portals[door.portal].rooms))) == 1
        if door.openness >= _AJAR and alone and a and b and a.name and b.name:
            fit.append((door, a, b))
    if not fit:
        return None
    door, a, b = stage.pick(fit)
    portal = portals[door.portal]
    for room in stage.shuffled([a, b]):
        start = _start_facing(stage, room, portal)
        if start is not None:
            at = np.array(start)
            wanted = math.atan2(at[0] - portal.center[0], at[2] - portal.center[2])
            yaw = min(stage.yaws(), key=lambda y: abs(math.remainder(y - wanted, 2.0 * math.pi)))
            return portal.id, door.openness, start, yaw, f"{a.name} and {b.name}"
    return None


def _start_facing(stage: Stage, room: RoomFacts, portal: Portal) -> Point | None:
    """A place in a room from which the middle of a doorway is in sight, clear of its leaf."""
    middle = np.array(portal.center)
    away = np.linalg.norm(room.places[:, [0, 2]] - middle[[0, 2]], axis=1)
    near = room.places[(away >= _DOOR_AWAY[0]) & (away <= _DOOR_AWAY[1])]
    if not len(near):
        return None
    tried = near[stage.rng.permutation(len(near))[:16]]
    free = ~occluded(stage.scene, tried + np.array([0.0, _EYES, 0.0]), np.broadcast_to(middle, tried.shape))
    if not free.any():
        return None
    x, y, z = tried[free][0]
    return float(x), float(y), float(z)
