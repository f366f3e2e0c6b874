"""Questions that need both senses: which of two things that are seen is the one that is heard."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from avi_env.scene import SceneObject, emission_point, emitting_objects
from avi_env.scene.emitters import DOOR_CATEGORIES
from avi_env.scene.rays import occluded
from avi_env.tasks.questions.question import Evidence
from avi_env.tasks.questions.staging import Draft, Role, Stage, Staging, phrase
from avi_env.tasks.sources import Point, triple

__all__ = ["which_of_two_alike", "which_of_two_kinds", "which_side"]

_BARRED = DOOR_CATEGORIES | {"person", "front_door"}
_EYES = 1.25  # [m]
_VIEW = math.radians(35.0)  # either side of ahead: within a field of view of 90 degrees with a margin
_SIDE = math.radians(8.0)  # from ahead, at least: clearly left or right
_AWAY = (1.2, 5.0)  # [m] from where a pair is looked at
_TRIED = 48  # places from which a pair may be in view


def _words(body: SceneObject) -> str:
    return body.category.replace("_", " ")


def _plural(body: SceneObject) -> str:
    words = _words(body)
    if words.endswith(("s", "x", "ch", "sh")):
        return f"{words}es"
    return f"{words}s"


def _bodies(stage: Stage) -> list[SceneObject]:
    """Objects that can make a sound that may be used, each in a room."""
    return [
        body
        for body in emitting_objects(stage.scene)
        if body.category not in _BARRED and stage.survey.room(body.room) and set(body.emits) & set(stage.sounds)
    ]


def _pair_draft(
    stage: Stage,
    pair: tuple[SceneObject, SceneObject],
    kind: str,
    text: str,
    names: tuple[str, str],
    start: tuple[Point, float] | None = None,
) -> Draft:
    """One of two objects sounds, or the other, or both, or neither; something else sounds elsewhere in any case."""
    sound = stage.variant(kind)
    other = next(name for name in stage.portable(3) if name.partition("/")[0] != kind)
    where, yaw = start or (None, None)
    seen = tuple(Evidence("sight", object=body.id) for body in pair)
    stagings = []
    for sounding in ((0,), (1,), (0, 1), ()):
        roles = [Role(sound, triple(emission_point(pair[k])), pair[k].id) for k in sounding]
        roles.append(stage.role(other, stage.pick(stage.survey.rooms)))
        ears = tuple(Evidence("hearing", k) for k in range(len(sounding)))
        rooms = [room for room in stage.survey.rooms if room.id in {body.room for body in pair}]
        ears = ears or stage.silence(rooms)
        stagings.append(Staging(tuple(roles), (*seen, *ears), where, yaw, answerable=bool(sounding)))
    return Draft(text, (*names, "both of them", "neither of them"), tuple(stagings))


def _shared(stage: Stage, a: SceneObject, b: SceneObject) -> list[str]:
    """Classes that either of two objects can make."""
    return sorted(set(a.emits) & set(b.emits) & set(stage.sounds))


def which_of_two_alike(stage: Stage) -> Draft | None:
    """Which of the two radios makes the sound of playing music: the one in the kitchen or the one in the bedroom?"""
    alike = defaultdict(list)
    for body in _bodies(stage):
        alike[body.category].append(body)
    pairs = []
    for category, found in alike.items():
        everywhere = sum(body.category == category for body in stage.scene.objects)
        rooms = [stage.survey.room(body.room) for body in found]
        named = all(room is not None and room.name for room in rooms)
        if len(found) == everywhere == 2 and named and found[0].room != found[1].room and _shared(stage, *found):
            pairs.append((found[0], found[1]))
    if not pairs:
        return None
    pair = stage.pick(pairs)
    kind = stage.pick(_shared(stage, *pair))
    first, second = (f"the one in {room.name}" for room in (stage.survey.room(body.room) for body in pair) if room)
    sound = phrase(kind)[4:]
    text = f"Which of the two {_plural(pair[0])} is heard ({sound}): {first} or {second}?"
    return _pair_draft(stage, pair, kind, text, (first, second))


def which_of_two_kinds(stage: Stage) -> Draft | None:
    """Where does the playing music come from: the radio or the loudspeaker?"""
    counts: dict[str, int] = defaultdict(int)
    for body in stage.scene.objects:
        counts[body.category] += 1
    single = [body for body in _bodies(stage) if counts[body.category] == 1]
    pairs = [(a, b) for n, a in enumerate(single) for b in single[:n] if _shared(stage, a, b)]
    if not pairs:
        return None
    pair = stage.pick(pairs)
    kind = stage.pick(_shared(stage, *pair))
    first, second = (f"the {_words(body)}" for body in pair)
    text = f"Where does this come from ({phrase(kind)[4:]}): {first} or {second}?"
    return _pair_draft(stage, pair, kind, text, (first, second))


def which_side(stage: Stage) -> Draft | None:
    """Of the two phones in view when you started, which was ringing: the left one or the right one?"""
    bodies = _bodies(stage)
    pairs = [
        (a, b)
        for n, a in enumerate(bodies)
        for b in bodies[:n]
        if a.category == b.category and a.room == b.room and _shared(stage, a, b)
    ]
    for a, b in stage.shuffled(pairs):
        view = _view_of(stage, a, b)
        if view is not None:
            start, yaw, left, right = view
            kind = stage.pick(_shared(stage, a, b))
            text = (
                f"Of the two {_plural(a)} that were in view when you started, which is heard "
                f"({phrase(kind)[4:]}): the left one or the right one?"
            )
            return _pair_draft(stage, (left, right), kind, text, ("the left one", "the right one"), (start, yaw))
    return None


def _view_of(stage: Stage, a: SceneObject, b: SceneObject) -> tuple[Point, float, SceneObject, SceneObject] | None:
    """A start from which just these two of their kind are in view, the heading, and which of them is left."""
    room = stage.survey.room(a.room)
    assert room is not None, "pairs are of rooms one can stand in"
    alike = [body for body in stage.scene.objects if body.category == a.category]
    points = np.array([emission_point(body) for body in alike])
    for number in stage.rng.permutation(len(room.places))[:_TRIED]:
        eyes = room.places[number] + [0.0, _EYES, 0.0]
        away = np.hypot(*(points[:, [0, 2]] - eyes[[0, 2]]).T)
        free = ~occluded(stage.scene, np.broadcast_to(eyes, points.shape), points)
        pair = [alike.index(a), alike.index(b)]
        if not free[pair].all() or not ((away[pair] >= _AWAY[0]) & (away[pair] <= _AWAY[1])).all():
            continue
        heading = np.arctan2(eyes[0] - points[:, 0], eyes[2] - points[:, 2])
        for yaw in stage.shuffled(stage.yaws()):
            turn = np.remainder(heading - yaw + np.pi, 2.0 * np.pi) - np.pi
            third = np.delete(np.abs(turn) < math.pi / 3.0, pair)
            if np.all(np.abs(turn[pair]) <= _VIEW) and not third.any():
                left, right = (a, b) if turn[pair[0]] > turn[pair[1]] else (b, a)
                sides = sorted(turn[pair])
                if sides[0] <= -_SIDE and sides[1] >= _SIDE:
                    return triple(room.places[number]), float(yaw), left, right
    return None
