"""Answers questions from their text, the scene's raw data and the log of events: written apart from the generator.

Nothing of `avi_env.tasks.questions` is used but `event_log`; rooms, directions, counts and reverberation are worked out
anew, from the words of the question.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from functools import lru_cache

import numpy as np

from avi_env.scene import Room, Scene
from avi_env.sounds import SOUND_CLASSES
from avi_env.tasks import Episode
from avi_env.tasks.questions import EventLog, SourceLog, event_log

CLASS_OF_PHRASE = {row.phrase: name for name, row in SOUND_CLASSES.items()}
CARPETS, WOODS = ("carpet",), ("wood_floor", "parquet", "laminate")
MID = slice(2, 4)


def inside(room: Room, x: float, z: float) -> bool:
    """Winding number by summed angles."""
    corners = [(px - x, pz - z) for px, pz in room.polygon]
    total = 0.0
    for (ax, az), (bx, bz) in zip(corners, corners[1:] + corners[:1], strict=True):
        total += math.atan2(ax * bz - az * bx, ax * bx + az * bz)
    return abs(total) > math.pi


def area(room: Room) -> float:
    """Triangles about the first corner."""
    (ox, oz), *rest = room.polygon
    pairs = itertools.pairwise(rest)
    return abs(sum((ax - ox) * (bz - oz) - (az - oz) * (bx - ox) for (ax, az), (bx, bz) in pairs)) / 2.0


class Truth:
    """What one needs to answer questions about one episode."""

    def __init__(self, scene: Scene, episode: Episode) -> None:
        self.scene, self.episode = scene, episode
        self.log: EventLog = event_log(episode)

    @property
    def start(self) -> Room:
        return self.room_of(self.episode.start_position)

    def room_of(self, point: tuple[float, float, float]) -> Room:
        found = [room for room in self.scene.rooms if inside(room, point[0], point[2])]
        assert len(found) == 1, f"{point} is in {len(found)} rooms"
        return found[0]

    def room_called(self, name: str) -> Room:
        words = name.removeprefix("the ").split()
        size = words.pop(0) if words[0] in ("larger", "smaller") else ""
        same = sorted((room for room in self.scene.rooms if room.type == "_".join(words)), key=area)
        assert len(same) == (2 if size else 1), f"{name!r} names {len(same)} rooms"
        return same[-1] if size != "smaller" else same[0]

    def name_of(self, room: Room) -> str:
        same = [area(other) for other in self.scene.rooms if other.type == room.type]
        words = room.type.replace("_", " ")
        if len(same) == 1:
            return f"the {words}"
        return f"the {'larger' if area(room) == max(same) else 'smaller'} {words}"

    def sources(self, words: str) -> list[SourceLog]:
        kind = CLASS_OF_PHRASE[re.sub(r"^(the|an|a) ", "", words)]
        return [source for source in self.log.sources if source.sound.split("/")[0] == kind]

    def things(self, words: str, room: Room) -> int:
        return sum(o.category == words.replace(" ", "_") and o.room == room.id for o in self.scene.objects)

    def bearing(self, point: tuple[float, float, float]) -> float:
        """Degrees counter-clockwise from ahead, -180..180, from ahead and right vectors."""
        yaw = self.episode.start_yaw
        to = np.array(point)[[0, 2]] - np.array(self.episode.start_position)[[0, 2]]
        ahead, left = np.array([-math.sin(yaw), -math.cos(yaw)]), np.array([-math.cos(yaw), math.sin(yaw)])
        return math.degrees(math.atan2(float(to @ left), float(to @ ahead)))

    def direction(self, point: tuple[float, float, float]) -> str:
        angle = self.bearing(point)
        for middle, words in ((0.0, "ahead of you"), (90.0, "to your left"), (-90.0, "to your right")):
            if abs(angle - middle) <= 31.0:
                return words
        assert abs(angle) >= 149.0, f"{angle} degrees is between two directions"
        return "behind you"

    def steps_between(self, a: Room, b: Room) -> int:
        reached, steps = {a.id}, 0
        while b.id not in reached:
            further = {n for portal in self.scene.portals if reached & set(portal.rooms) for n in portal.rooms}
            assert further - reached, f"no way from {a.name} to {b.name}"
            reached, steps = reached | further, steps + 1
        return steps


@lru_cache(maxsize=256)
def floor(scene: Scene, room: Room) -> str:
    """Of the largest material of its floor."""
    bodies = [o.id for o in scene.objects if o.category == "floor" and o.room == room.id]
    covered: Counter[str] = Counter()
    for number in np.flatnonzero(np.isin(scene.triangle_object, bodies)):
        covered[scene.materials[scene.triangle_material[number]].name] += heron(scene, number)
    name = covered.most_common(1)[0][0]
    if name.startswith(CARPETS):
        return "carpet"
    if name.startswith(WOODS):
        return "wood"
    return "tiles" if name.startswith("ceramic_tile") else name.split("_")[0]


def heron(scene: Scene, triangle: int) -> float:
    """Area of a triangle by Heron's formula [m2]."""
    a, b, c = scene.vertices[scene.triangles[triangle]].astype(float)
    x, y, z = math.dist(a, b), math.dist(b, c), math.dist(c, a)
    return math.sqrt(max((x + y + z) * (z - y + x) * (z + y - x) * (x + y - z), 0.0)) / 4.0


@lru_cache(maxsize=256)
def sabine(scene: Scene, room: Room) -> float:
    """Reverberation time by Sabine's formula [s]."""
    total = 0.0
    near = [o.id for o in scene.objects if o.room in (-1, room.id)]
    for number in np.flatnonzero(np.isin(scene.triangle_object, near)):
        owner = scene.objects[scene.triangle_object[number]].room
        if owner < 0:
            x, _, z = scene.vertices[scene.triangles[number]].astype(float).mean(axis=0)
            owner = room.id if inside(room, x, z) else -1
        if owner == room.id:
            material = scene.materials[scene.triangle_material[number]]
            total += heron(scene, number) * float(np.mean(material.absorption[MID]))
    return 0.161 * area(room) * room.height / total


def answer(scene: Scene, episode: Episode) -> str:
    """Returns the right option of an episode's question."""
    assert episode.question is not None
    truth = Truth(scene, episode)
    for pattern, rule in RULES:
        found = re.fullmatch(pattern, episode.question.text)
        if found:
            return rule(truth, *found.groups())
    raise AssertionError(f"no rule for {episode.question.text!r}")


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _none(words: str) -> str:
    return f"there is no {re.sub('^the ', '', words)}"


def _single(truth: Truth, words: str) -> SourceLog | None:
    found = truth.sources(words)
    assert len(found) <= 1
    return found[0] if found else None


def _room(truth: Truth, words: str) -> Room | None:
    source = _single(truth, words)
    return truth.room_of(source.position) if source else None


def _is_there(truth: Truth, words: str) -> str:
    return _yes(bool(truth.sources(words)))


def _is_room_loud(truth: Truth, name: str) -> str:
    room = truth.room_called(name)
    return _yes(any(truth.room_of(source.position) == room for source in truth.log.sources))


def _is_object_there(truth: Truth, thing: str, words: str) -> str:
    room = _room(truth, words)
    return _yes(truth.things(thing, room) > 0) if room else _none(words)


def _how_many_sounds(truth: Truth) -> str:
    return str(len({source.sound.split("/")[0] for source in truth.log.sources}))


def _how_many_rooms(truth: Truth, words: str) -> str:
    return str(len({truth.room_of(source.position).id for source in truth.sources(words)}))


def _how_many_objects(truth: Truth, thing: str, words: str) -> str:
    room = _room(truth, words)
    return str(truth.things(thing, room)) if room else _none(words)


def _which_room(truth: Truth, words: str) -> str:
    room = _room(truth, words)
    return truth.name_of(room) if room else _none(words)


def _where_is_last(truth: Truth) -> str:
    onsets = sorted((source.emissions[0][0], number) for number, source in enumerate(truth.log.sources))
    if onsets[-1][0] == onsets[0][0]:
        return "all of them began at the same time"
    assert onsets[-1][0] - onsets[-2][0] > 2.0
    return truth.name_of(truth.room_of(truth.log.sources[onsets[-1][1]].position))


def _which_is_longer(truth: Truth, a: str, b: str) -> str:
    found = [_single(truth, words) for words in (a, b)]
    lengths = [sum(off - on for on, off in source.emissions) if source else 0.0 for source in found]
    if max(lengths) == 0.0:
        return "neither of them sounds"
    if abs(lengths[0] - lengths[1]) < 1e-6:
        return "both sound equally long"
    assert max(lengths) > 1.5 * min(lengths)
    return a if lengths[0] > lengths[1] else b


def _which_is_nearer(truth: Truth, a: str, b: str) -> str:
    found = [_single(truth, words) for words in (a, b)]
    if not all(found):
        return "that cannot be known: only one of them sounds"
    away = [math.dist(source.position, truth.episode.start_position) for source in found if source]
    assert max(away) > 1.5 * min(away)
    return a if away[0] < away[1] else b


def _which_is_first(truth: Truth, *words: str) -> str:
    onsets = {name: truth.sources(name)[0].emissions[0][0] for name in words}
    if max(onsets.values()) < -5.0:
        return "that cannot be known: all of them sounded when you came"
    first, second, *_ = sorted(onsets.values())
    assert second - first > 2.0
    return min(onsets, key=lambda name: onsets[name])


def _after_door(truth: Truth, a: str, b: str) -> str:
    rooms = {truth.room_called(a).id, truth.room_called(b).id}
    portals = [portal for portal in truth.scene.portals if set(portal.rooms) == rooms]
    assert len(portals) == 1
    shut = next(time for time, portal, share in truth.log.doors if portal == portals[0].id and share == 0.0)
    later = sorted((source.emissions[0][0], source.sound) for source in truth.log.sources)
    later = [row for row in later if row[0] > shut]
    return f"the {SOUND_CLASSES[later[0][1].split('/')[0]].phrase}" if later else "nothing began to sound after that"


def _direction(truth: Truth, words: str) -> str:
    source = _single(truth, words)
    return truth.direction(source.position) if source else _none(words)


def _object_direction(truth: Truth, thing: str) -> str:
    bodies = [o for o in truth.scene.objects if o.category == thing.replace(" ", "_")]
    assert len(bodies) == 1
    return truth.direction(bodies[0].center)


def _rooms_away(truth: Truth, words: str) -> str:
    room = _room(truth, words)
    if room is None:
        return _none(words)
    steps = truth.steps_between(truth.start, room)
    return ("in the same room", "in a room next to it", "further away than the next room")[min(steps, 2)]


def _what_sounds(truth: Truth, room: Room) -> str:
    there = [source for source in truth.log.sources if truth.room_of(source.position) == room]
    assert len(there) <= 1
    return f"the {SOUND_CLASSES[there[0].sound.split('/')[0]].phrase}" if there else "nothing sounds there"


def _reverberant(truth: Truth, a: str, b: str) -> str:
    rooms = [_room(truth, words) for words in (a, b)]
    if not all(rooms):
        return "that cannot be known: only one of them sounds"
    seconds = [sabine(truth.scene, room) for room in rooms if room]
    assert max(seconds) > 1.9 * min(seconds)
    return f"the one with {a if seconds[0] > seconds[1] else b}"


def _floor(truth: Truth, words: str) -> str:
    room = _room(truth, words)
    return floor(truth.scene, room) if room else _none(words)


def _pair(truth: Truth, numbers: tuple[int, int], names: tuple[str, str]) -> str:
    sounding = [any(source.object == number for source in truth.log.sources) for number in numbers]
    if sounding[0] == sounding[1]:
        return "both of them" if sounding[0] else "neither of them"
    return names[0] if sounding[0] else names[1]


def _two_alike(truth: Truth, kinds: str, _: str, a: str, b: str) -> str:
    rooms = [truth.room_called(name) for name in (a, b)]
    bodies = [[o.id for o in truth.scene.objects if _plural(o.category) == kinds and o.room == r.id] for r in rooms]
    assert [len(found) for found in bodies] == [1, 1]
    return _pair(truth, (bodies[0][0], bodies[1][0]), (f"the one in {a}", f"the one in {b}"))


def _two_kinds(truth: Truth, _: str, a: str, b: str) -> str:
    bodies = [[o.id for o in truth.scene.objects if f"the {o.category.replace('_', ' ')}" == name] for name in (a, b)]
    assert [len(found) for found in bodies] == [1, 1]
    return _pair(truth, (bodies[0][0], bodies[1][0]), (a, b))


def _side(truth: Truth, kinds: str, _: str) -> str:
    bodies = [o for o in truth.scene.objects if _plural(o.category) == kinds and o.room == truth.start.id]
    near = sorted((o for o in bodies if abs(truth.bearing(o.center)) < 45.0), key=lambda o: -truth.bearing(o.center))
    assert len(near) == 2
    return _pair(truth, (near[0].id, near[1].id), ("the left one", "the right one"))


def _plural(category: str) -> str:
    words = category.replace("_", " ")
    return words + ("es" if words[-1] in "sx" or words[-2:] in ("ch", "sh") else "s")


RULES = (
    (r"Is there an? (.+) in the room where (the .+) is\?", _is_object_there),
    (r"Is there (an? .+) in the house\?", _is_there),
    (r"Is anything making a sound in (the .+)\?", _is_room_loud),
    (r"How many different things make a sound in the house\?", _how_many_sounds),
    (r"In how many rooms is there (an? .+)\?", _how_many_rooms),
    (r"How many objects of the kind (.+) are in the room where (the .+) is\?", _how_many_objects),
    (r"Which room is (the .+) in\?", _which_room),
    (r"In which room is the thing that was the last to begin sounding\?", _where_is_last),
    (r"Which sounds for longer: (the .+) or (the .+)\?", _which_is_longer),
    (r"In a straight line, which was nearer to the place where you started: (the .+) or (the .+)\?", _which_is_nearer),
    (r"Which began to sound first: (the .+), (the .+) or (the .+)\?", _which_is_first),
    (r"What was the first to begin sounding after the door between (the .+) and (the .+) had shut\?", _after_door),
    (r"As you stood when you started, where was (the .+)\?", _direction),
    (r"In which direction was the (.+) when you started\?", _object_direction),
    (r"Seen from the room where you started, where is (the .+)\?", _rooms_away),
    (r"What makes a sound in the room where you start\?", lambda truth: _what_sounds(truth, truth.start)),
    (r"What makes a sound in (the .+)\?", lambda truth, name: _what_sounds(truth, truth.room_called(name))),
    (r"Which room is more reverberant: the one with (the .+) or the one with (the .+)\?", _reverberant),
    (r"Rugs aside, what is the floor of the room with (the .+) made of\?", _floor),
    (
        r"Rugs aside, is the floor carpeted in the room where you start\?",
        lambda truth: _yes(floor(truth.scene, truth.start) == "carpet"),
    ),
    (r"Which of the two (.+) is heard \((.+)\): the one in (the .+) or the one in (the .+)\?", _two_alike),
    (r"Where does this come from \((.+)\): (the .+) or (the .+)\?", _two_kinds),
    (
        r"Of the two (.+) that were in view when you started, which is heard \((.+)\): the left one or the right one\?",
        _side,
    ),
)
