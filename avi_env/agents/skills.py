"""The skills: what a planner can call. Each is a generator of ordinary actions that ends with an outcome.

Skills read a `Perception` that whoever drives them keeps up to date after each action; they see nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple

from avi_env.agents.approach import approach, enter_room
from avi_env.agents.geometry import bearing_to, wrap_angle
from avi_env.agents.knowledge import emitters_of
from avi_env.agents.objects import ObjectTrack
from avi_env.agents.perception import Perception
from avi_env.agents.protocol import SkillCall, Status
from avi_env.agents.route import Frontier
from avi_env.agents.sound_search import (
    SoundTarget,
    emission_chance,
    is_beside,
    is_loud,
    object_chances,
    sound_target,
)
from avi_env.agents.standing import nearest_goal
from avi_env.agents.walking import MoveEnd, Moves, face, turn_by, walk

__all__ = ["Leads", "Skill", "SkillOutcome", "SkillState", "start_skill"]

Skill = Generator[int, None, "SkillOutcome"]

BUDGETS = {
    "explore": 60,
    "go_to_sound": 200,
    "go_to_object": 100,
    "go_to_room": 100,
    "look_around": 24,
    "listen": 20,
}
"""Most actions of one call of each skill."""

_FULL_LOOK = 18  # turns of 15 degrees after which a view of 90 degrees has met every direction
_CHUNK = 6  # steps towards a sound before the agent thinks again
_SURE = 0.5  # confidence in a direction from which one need not turn to hear better
_BESIDE = 1.0  # [m]; a place this near to where one can walk is gone to there
_NEAR_PLACE = 0.5  # [m]; a place is reached
_DENIED_MOST = 5  # places found empty after which a near one will do: the source may be nothing one can see
_RIVAL = 0.02  # chance from which another object may be the source, too
_BELIEVED = 0.6  # chance of an object from which one need not listen again
_CERTAIN = 0.95  # chance of an object that is the source even if it cannot be walked up to
_UNLIKELY = 0.05  # chance below which an object one stands at is not the source
_VAGUE = 0.35  # chance of the best place below which the agent looks round before it walks on
_SAME_ROOM = 2.0  # [m]
_SAME_PLACE = 1.0  # [m]; nearer than this one need not look around again
_LISTEN_MOST = 24  # steps of listening at an object
_PATIENCE_S = 12.0  # silence after which a sound is lost
_NEW_AFTER_S = 5.0  # a sound after so much silence is news


@dataclass(frozen=True)
class SkillOutcome:
    """How a skill ended; the loop adds what it cost."""

    status: Status
    code: str = "ok"
    message: str = ""


@dataclass
class SkillState:
    """What skills of one episode tell each other."""

    silent: set[int] = field(default_factory=set)
    """Ids of objects that were walked up to and found not to be the source."""
    looked: list[tuple[float, float]] = field(default_factory=list)
    """Where the agent has looked around for what sounds [m]."""
    place: tuple[float, float] | None = None
    """Where the agent is on its way to for the sound [m]."""
    denied: int = 0
    """Places that were walked to and held nothing that sounds."""


class Leads(NamedTuple):
    """Who leads the skills that walk; by default the agent's own map does."""

    to_object: Callable[[Perception, ObjectTrack, int], Moves] = approach
    """Called with what the agent knows, the object, and most actions."""
    to_room: Callable[[Perception, int, int], Moves] = enter_room
    """Called with what the agent knows, the object id of the room's floor, and most actions."""
    to_sound: Callable[[Perception, int], Moves] | None = None
    """Called with what the agent knows and most actions; None = by the belief in where the source is."""


def start_skill(
    call: SkillCall, mind: Perception, state: SkillState, steps_left: int, leads: Leads | None = None
) -> Skill:
    """Returns the running skill of a call.

    Args:
        call: a valid call of one of the skills that walk or look; answer and stop are the loop's.
        mind: what the agent knows; the caller feeds it after each action.
        state: of the episode.
        steps_left: most actions the episode has left.
        leads: who leads the skills that walk.
    """
    leads = leads or Leads()
    budget = min(BUDGETS[call.name], steps_left)
    argument = {k: str(v) for k, v in call.arguments.items()}
    if call.name == "explore":
        return _explore(mind, budget)
    if call.name == "go_to_sound":
        return _go_to_sound(mind, state, budget) if leads.to_sound is None else _be_led(mind, leads.to_sound, budget)
    if call.name == "go_to_object":
        return _go_to_object(mind, state, leads, argument.get("object", ""), budget)
    if call.name == "go_to_room":
        return _go_to_room(mind, leads, argument.get("room", ""), budget)
    if call.name == "look_around":
        return _look_around(mind, budget)
    seconds = float(call.arguments.get("seconds", 2.0))
    return _listen(mind, min(budget, max(1, round(seconds / mind.senses.step_seconds))))


def _look_around(mind: Perception, budget: int) -> Skill:
    known = set(mind.objects.tracks)
    yield from turn_by(min(_FULL_LOOK, budget))
    fresh = [mind.objects.tracks[k].name for k in sorted(set(mind.objects.tracks) - known)]
    return SkillOutcome("success", "ok", f"new: {', '.join(fresh)}" if fresh else "nothing new")


def _listen(mind: Perception, steps: int) -> Skill:
    """Turns a little to both sides while listening: what moves with the head is in front or behind."""
    yield from _sway(steps)
    if not mind.hearing.is_on(mind.time_s):
        return SkillOutcome("success", "ok", "all is silent")
    return SkillOutcome("success", "ok", f"heard {mind.recognition.verdict.name}, {mind.hearing.peak_db:.0f} dB")


def _sway(steps: int) -> Moves:
    quarter = steps // 4
    yield from turn_by(quarter)
    yield from turn_by(-(steps - 2 * quarter))
    return (yield from turn_by(quarter))


def _until_loud(mind: Perception) -> int:
    """Steps within which the sound must be loud once: a ringing phone pauses, too."""
    return min(max(8, math.ceil(mind.recognition.rest_s / mind.senses.step_seconds)), _LISTEN_MOST)


def _explore(mind: Perception, budget: int) -> Skill:
    """Walks to an edge of the known and looks beyond; an edge that stays unseen is dismissed."""
    frontier = _best_frontier(mind)
    if frontier is None:
        return SkillOutcome("failed", "nothing_left", "no unexplored edge can be reached")
    area, start = mind.house.floor_area(), mind.steps
    news = _news(mind)

    def enough() -> bool:
        return news() or _settled(mind, frontier)

    end = yield from walk(mind, nearest_goal(frontier.point, 0.5), budget, enough)
    if end == "arrived":
        yield from face(mind, frontier.beyond, budget - (mind.steps - start))
        if not _settled(mind, frontier):
            mind.house.dismiss(frontier.beyond, mind.position)
    gained = mind.house.floor_area() - area
    if news():
        return SkillOutcome("interrupted", "preempted", "a sound began")
    if end == "unreachable":
        mind.house.dismiss(frontier.beyond, mind.position)
        return SkillOutcome("failed", "unreachable", "the way there is blocked")
    if end == "budget":
        return SkillOutcome("timeout", "budget", f"{gained:.0f} m2 more seen")
    return SkillOutcome("success", "ok", f"{gained:.0f} m2 more seen")


def _best_frontier(mind: Perception) -> Frontier | None:
    """The frontier that promises most for its way: wide, near, not behind the back."""
    frontiers = mind.frontiers()
    if not frontiers:
        return None

    def price(frontier: Frontier) -> float:
        turn = abs(wrap_angle(bearing_to(mind.position, frontier.point) - mind.yaw))
        return frontier.distance + 0.4 * turn - 0.7 * min(frontier.width, 3.0)

    return min(frontiers, key=lambda f: (price(f), f.point))


def _settled(mind: Perception, frontier: Frontier) -> bool:
    """Whether nothing unknown is left around a frontier."""
    return not any(math.dist(f.beyond, frontier.beyond) < 0.5 for f in mind.frontiers())


def _news(mind: Perception) -> Callable[[], bool]:
    """Returns a test for a sound that begins after a time of silence."""
    before = mind.hearing.last_heard_s
    quiet = mind.time_s - before > _NEW_AFTER_S

    def began() -> bool:
        return quiet and mind.hearing.last_heard_s > before

    return began


def _go_to_object(mind: Perception, state: SkillState, leads: Leads, name: str, budget: int) -> Skill:
    track = mind.objects.by_name(name)
    if track is None:
        return SkillOutcome("failed", "unknown_entity", f"no {name} has been seen")
    start = mind.steps
    end = yield from leads.to_object(mind, track, budget)
    if end in ("unreachable", "budget"):
        code = "unreachable" if end == "unreachable" else "budget"
        return SkillOutcome(
            "timeout" if end == "budget" else "failed", code, f"{mind.distance_to(track):.1f} m from {name}"
        )
    distance = mind.distance_to(track)
    if distance > 1.5:
        return SkillOutcome("failed", "unreachable", f"no way nearer than {distance:.1f} m to {name}")
    if emission_chance(mind, track.category) > _SURE and math.isfinite(mind.hearing.last_heard_s):
        rest = budget - (mind.steps - start)
        return (yield from _judge_candidate(mind, state, track, rest))
    return SkillOutcome("success", "ok", f"{distance:.1f} m from {name}, {mind.hearing.peak_db:.0f} dB")


def _judge_candidate(mind: Perception, state: SkillState, track: ObjectTrack, left: int) -> Skill:
    """Tells whether an object that could make the sound, and that has been walked up to, does."""
    loud = is_loud(mind, mind.ear_distance_to(track))
    if _chances(mind, state).get(track.id, 0.0) < _BELIEVED or not loud:
        yield from _sway(min(_until_loud(mind), left))
    chance = _chances(mind, state).get(track.id, 0.0)
    if is_loud(mind, mind.ear_distance_to(track)) and chance >= _SURE:
        return SkillOutcome("success", "ok", f"at {track.name}, {mind.hearing.peak_db:.0f} dB")
    if chance < _UNLIKELY:
        state.silent.add(track.id)
    return SkillOutcome("failed", "lost_sound", f"{track.name} is here, but the sound comes from elsewhere")


def _go_to_room(mind: Perception, leads: Leads, name: str, budget: int) -> Skill:
    floor = mind.rooms.floor_of(name, mind.objects)
    if floor < 0:
        return SkillOutcome("failed", "unknown_entity", f"no {name} is known")
    end = yield from leads.to_room(mind, floor, budget)
    if end == "budget":
        return SkillOutcome("timeout", "budget", f"still on the way to {name}")
    if mind.floor != floor:
        return SkillOutcome("failed", "unreachable", f"no way into {name}")
    return SkillOutcome("success", "ok", f"in {name}")


def _go_to_sound(mind: Perception, state: SkillState, budget: int) -> Skill:
    """Walks a little, listens, thinks again; bends at doors because the belief does."""
    start = mind.steps
    if mind.hearing.direction.confidence < _SURE:
        yield from _sway(min(8, budget))
    while (left := budget - (mind.steps - start)) > 0:
        target = sound_target(mind, frozenset(state.silent), state.place)
        if target is None:
            return SkillOutcome("failed", "lost_sound", "nothing is heard")
        state.place = target.point if target.track is None else None
        if target.chance < _VAGUE and is_loud(mind, _SAME_ROOM) and not _has_looked(mind, state, _SAME_ROOM):
            yield from _look_for_source(mind, state, left)
            continue
        outcome = yield from _pursue(mind, state, target, left)
        if outcome is not None:
            return outcome
        if mind.time_s - mind.hearing.last_heard_s > _PATIENCE_S:
            return SkillOutcome("failed", "lost_sound", "it has been silent for long")
    return SkillOutcome("timeout", "budget", "still on the way to the sound")


def _be_led(mind: Perception, lead: Callable[[Perception, int], Moves], budget: int) -> Skill:
    """Goes where another one leads, and takes its stop for the place of the sound."""
    if not math.isfinite(mind.hearing.last_heard_s):
        return SkillOutcome("failed", "lost_sound", "nothing is heard")
    end = yield from lead(mind, budget)
    if end == "arrived":
        return SkillOutcome("success", "ok", f"the sound is here, {mind.hearing.peak_db:.0f} dB")
    return SkillOutcome("timeout", "budget", "still on the way to the sound")


def _pursue(
    mind: Perception, state: SkillState, target: SoundTarget, left: int
) -> Generator[int, None, SkillOutcome | None]:
    """One chunk of the way to a sound; returns the outcome once the sound is reached or given up."""
    if target.track is not None:
        end = yield from approach(mind, target.track, min(_CHUNK, left))
        if end == "budget":
            return None
        return (yield from _judge_object(mind, state, target.track, end, left))
    beside = nearest_goal(target.point, _BESIDE)
    if beside(mind.ways()) is not None:
        end = yield from walk(mind, beside, min(_CHUNK, left))
    else:
        end = yield from walk(mind, nearest_goal(target.point), min(_CHUNK, left), hopeful=True)
    gap = math.dist(target.point, mind.position)
    if end == "budget" and gap > _NEAR_PLACE:
        return None
    loud = gap < 1.0 and is_loud(mind, gap)
    if loud and not _has_looked(mind, state, _SAME_PLACE):
        yield from _look_for_source(mind, state, left)  # what sounds here has not been seen
        return None
    mind.source.deny(target.point, 0.8)
    state.denied += 1
    if gap < 1.0 and is_beside(mind, gap) and state.denied >= _DENIED_MOST:
        return SkillOutcome("success", "ok", f"the sound is here, {mind.hearing.peak_db:.0f} dB")
    yield from _sway(min(4, left))
    return None


def _has_looked(mind: Perception, state: SkillState, reach: float) -> bool:
    return any(math.dist(place, mind.position) <= reach for place in state.looked)


def _look_for_source(mind: Perception, state: SkillState, left: int) -> Moves:
    state.looked.append(mind.position)
    return (yield from turn_by(min(_FULL_LOOK, left)))


def _judge_object(
    mind: Perception, state: SkillState, track: ObjectTrack, end: MoveEnd, left: int
) -> Generator[int, None, SkillOutcome | None]:
    """Decides at an object whether it is the source; listens once more when another one may be."""
    rivals = [k for k, chance in _chances(mind, state).items() if k != track.id and chance > _RIVAL]
    if end == "arrived" and (rivals or not is_loud(mind, mind.ear_distance_to(track))):
        yield from _sway(min(_until_loud(mind), left))
        if rivals and _chances(mind, state).get(track.id, 0.0) < _SURE:
            return None
    distance = mind.distance_to(track)
    if end == "arrived" and distance < 1.5 and is_loud(mind, mind.ear_distance_to(track)):
        if _may_be_another(mind, track) and not _has_looked(mind, state, _SAME_PLACE):
            yield from _look_for_source(mind, state, left)
            return None
        return SkillOutcome("success", "ok", f"at {track.name}, {mind.hearing.peak_db:.0f} dB")
    certain = _chances(mind, state).get(track.id, 0.0) > _CERTAIN and distance >= 1.5
    if end == "arrived" and certain and is_loud(mind, distance):
        return SkillOutcome("success", "ok", f"as near to {track.name} as one can get")
    state.silent.add(track.id)
    return None


def _may_be_another(mind: Perception, track: ObjectTrack) -> bool:
    """Whether things of other kinds make this sound, too, and it is quieter than beside its source."""
    kinds = emitters_of(mind.recognition.verdict.name)
    return len(kinds) > 1 and not is_beside(mind, mind.ear_distance_to(track))


def _chances(mind: Perception, state: SkillState) -> dict[int, float]:
    return object_chances(mind, frozenset(state.silent))
