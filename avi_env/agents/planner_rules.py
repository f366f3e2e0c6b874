"""The rule planner: deterministic baseline, a pure function of observation and history."""

from __future__ import annotations

from dataclasses import dataclass

from avi_env.agents.knowledge import emitters_of
from avi_env.agents.offer import call_error
from avi_env.agents.planner_manners import active_instruction, give_up, react, task_history
from avi_env.agents.protocol import (
    Answer,
    HeardSound,
    Invalid,
    PlannerObservation,
    SeenObject,
    SkillCall,
    SkillResult,
    SkillSpec,
    Usage,
)
from avi_env.agents.question import (
    AT_M,
    Question,
    likely_sources,
    parse_question,
    plain,
    room_answer,
    source_objects,
    target_sound,
)
from avi_env.agents.transcript import Transcript

__all__ = ["RulePlanner", "RuleSettings", "decide"]

History = tuple[SkillResult, ...]
_STANDING = ("listen", "look_around")


@dataclass(frozen=True)
class RuleSettings:
    """Thresholds of the rules."""

    listen_seconds: float = 1.0
    """How long to listen at the start and when all is silent [s]."""
    wait_seconds: float = 4.0
    """How long to listen beside a thing that should sound and does not [s]."""
    unsure: float = 0.4
    """Confidence in a sound below which the agent first turns to hear it from other sides, 0..1."""
    name_confidence: float = 0.6
    """Confidence in a sound's class from which "what is that sound?" is answered from afar, 0..1."""
    at_object_m: float = AT_M
    """An object this near counts as reached [m]."""
    around_m: float = 5.0
    """Where a sound is reached but not its source seen, objects of its kind this near are tried [m]."""
    last_steps: int = 12
    """Environment steps left below which the best guess is given."""
    attempts: int = 3
    """Failed walks to the same object before the rules give it up."""
    patience_seconds: float = 45.0
    """Where the agent can talk: how long to wait for a sound in a house that is explored before saying that there is
    none [s]."""


class RulePlanner:
    """Listens, walks towards the sound, up to the object that makes it, then says where it is."""

    def __init__(self, settings: RuleSettings | None = None) -> None:
        self.settings = settings or RuleSettings()
        self.transcript = Transcript()

    @property
    def name(self) -> str:
        """Name that is printed and logged."""
        return "rules"

    @property
    def usage(self) -> Usage:
        """No model, no cost."""
        return self.transcript.usage

    def reset(self) -> None:
        """Empties the transcript; the rules themselves remember nothing."""
        self.transcript = Transcript()

    def plan(
        self, observation: PlannerObservation, skills: tuple[SkillSpec, ...], history: History
    ) -> SkillCall | Answer | Invalid:
        """Returns the call or answer the rules give; see `decide`."""
        self.transcript.begin_turn()
        self.transcript.add("prompt", observation.to_text())
        decision = decide(observation, skills, history, self.settings)
        reason = call_error(decision, skills)
        if reason:  # only when the caller offers less than the standard set
            self.transcript.refuse(str(decision), reason)
            return Invalid(str(decision), reason)
        said = decision.to_text() if isinstance(decision, SkillCall) else f"answer({decision.text})"
        self.transcript.add("reply", said, {"reason": decision.reason})
        return decision


def decide(
    observation: PlannerObservation,
    skills: tuple[SkillSpec, ...],
    history: History,
    settings: RuleSettings | None = None,
) -> SkillCall | Answer:
    """Returns the next call or the answer, from the observation and the results so far alone."""
    objects = frozenset(c for s in skills if s.name == "go_to_object" for a in s.arguments for c in a.choices)
    offered = frozenset(s.name for s in skills)
    first = react(observation, offered, history)
    if first is not None:
        return first
    done = task_history(observation, history)
    question = parse_question(active_instruction(observation))
    turn = _Turn(observation, offered, objects, done, settings or RuleSettings(), question)
    if observation.steps_left <= turn.settings.last_steps or observation.calls_left <= 1:
        return _last_word(turn, question)
    if question.goal == "count_rooms":
        return _count_rooms(turn)
    if question.goal == "exists":
        return _exists(turn, question)
    if question.goal == "what_sound":
        return _what_sound(turn, question)
    return _reach(turn, question)


@dataclass(frozen=True)
class _Turn:
    """What the rules look at, with the few questions they ask about it."""

    now: PlannerObservation
    offered: frozenset[str]
    objects: frozenset[str]
    """Objects that may be named."""
    history: History
    settings: RuleSettings
    question: Question

    @property
    def walks(self) -> History:
        return tuple(r for r in self.history if r.call.name not in _STANDING)

    def listened(self) -> bool:
        """Whether the agent has listened or looked round since it last walked."""
        return bool(self.history) and self.history[-1].call.name in _STANDING

    def failures(self, target: str) -> int:
        """How often a walk to a target has not succeeded."""
        failed = (r for r in self.history if r.status != "success" and r.code != "preempted")
        return sum(_is_walk_to(r, target) for r in failed)

    def can_try(self, thing: SeenObject) -> bool:
        """Whether a walk to an object is worth a try: not found silent, not just failed, not failed too often."""
        silent = any(_is_walk_to(r, thing.name) and r.code == "lost_sound" for r in self.history)
        often = self.failures(thing.name) >= self.settings.attempts
        barred = silent or often or self.is_private(thing.room)
        return thing.name in self.objects and not (barred or self.just_failed(thing.name))

    def is_private(self, name: str) -> bool:
        """Whether a room must not be entered."""
        return any(r.name == name and r.private for r in self.now.rooms)

    def searched(self) -> bool:
        """Whether there is nothing left to explore and no room left to visit."""
        open_rooms = (r for r in self.now.rooms if not (r.visited or r.private or self.failures(r.name)))
        return ("explore" not in self.offered or _explore_exhausted(self)) and not any(open_rooms)

    def reached(self, target: str) -> bool:
        """Whether the last walk ended at the target."""
        return bool(self.walks) and self.walks[-1].status == "success" and _is_walk_to(self.walks[-1], target)

    def is_nameless(self, name: str) -> bool:
        """Whether nothing seen so far tells what kind of room a room is."""
        room = next((r for r in self.now.rooms if r.name == (name or self.now.room)), None)
        return room is None or room.type in ("", "unknown")

    def just_failed(self, target: str) -> bool:
        """Whether the last walk was to this target and failed, or twice in a row ran out of time."""
        tail = self.walks[-2:]
        if not tail or not _is_walk_to(tail[-1], target) or tail[-1].status == "success":
            return False
        if tail[-1].code == "preempted":  # news came in between, the way is as good as before
            return False
        given_time = tail[-1].status in ("timeout", "interrupted")
        return not given_time or (len(tail) == 2 and _is_walk_to(tail[0], target) and tail[0].status != "success")


def _is_walk_to(result: SkillResult, target: str) -> bool:
    return target in result.call.arguments.values()


def _reach(turn: _Turn, question: Question) -> SkillCall | Answer:
    """Walks to what the question is about and says where it is, or stops there."""
    sound = target_sound(question, turn.now.heard)
    if not turn.history:
        return _listen(turn, "first, hear what there is")
    things = _candidates(turn, question)
    for thing in things:
        beside = thing.in_view and thing.track and thing.distance_m <= turn.settings.at_object_m
        if turn.reached(thing.name) and question.names_a_sound and not turn.now.heard:
            return SkillCall("listen", {"seconds": turn.settings.wait_seconds}, "it should be heard here")
        if turn.reached(thing.name) or beside:
            if question.wants_answer and not turn.listened() and turn.is_nameless(thing.room):
                return SkillCall("look_around", {}, "the source is here: see which room this is")
            return _arrived(turn, question, thing.room, f"{thing.name} is here", 0.95)
    for thing in things:
        if turn.can_try(thing):
            return SkillCall("go_to_object", {"object": thing.name}, "it may be the source of the sound")
    if sound is None:
        return _search(turn, "nothing is heard that the task is about")
    if turn.reached(sound.track):
        return _at_sound(turn, question, sound)
    return _follow(turn, sound)


def _at_sound(turn: _Turn, question: Question, sound: HeardSound) -> SkillCall | Answer:
    """Where a walk to the sound has ended: looks round, tries the things that may make it, then reports it."""
    if not turn.listened():
        return SkillCall("look_around", {}, "the sound is here: look for what makes it")
    near = [o for o in source_objects(question, sound, turn.now.seen) if turn.can_try(o)]
    if near and near[0].distance_m <= turn.settings.around_m:
        return SkillCall("go_to_object", {"object": near[0].name}, "it may be what sounds here")
    if not _is_there(turn, question, sound):
        return _search(turn, "what should make this sound is not here")
    return _arrived(turn, question, sound.room, "the sound comes from here", 0.7)


def _candidates(turn: _Turn, question: Question) -> tuple[SeenObject, ...]:
    """What may be the goal; among people nothing of another kind than what they asked for."""
    things, kinds = likely_sources(question, turn.now, turn.history), emitters_of(question.sound_class)
    if not turn.now.can_talk or not kinds:
        return things
    return tuple(thing for thing in things if thing.category in kinds)


def _is_there(turn: _Turn, question: Question, sound: HeardSound) -> bool:
    """Whether the place of a sound may be reported as the goal; among people only with better evidence."""
    if not turn.now.can_talk:
        return True
    if question.sound_class and sound.sound_class != question.sound_class:
        return False
    kinds = emitters_of(question.sound_class or sound.sound_class)
    near = (o for o in turn.now.seen if o.category in kinds and o.distance_m <= turn.settings.around_m)
    return question.wants_answer or not kinds or any(near)


def _is_hopeless(turn: _Turn) -> bool:
    """Whether to admit, among people, that the goal is not there or cannot be reached."""
    if not (turn.now.can_talk and turn.searched() and turn.listened()):
        return False
    goals = _perceived(turn)
    tries = sum(_is_walk_to(r, goal) and r.code != "preempted" for r in turn.history for goal in goals)
    if goals:
        return tries >= turn.settings.attempts
    return not turn.question.sound_class or turn.now.time_s >= turn.settings.patience_seconds


def _perceived(turn: _Turn) -> tuple[str, ...]:
    """Names of what has been heard or seen of the goal."""
    sound = target_sound(turn.question, turn.now.heard)
    right = sound is not None and (not turn.question.sound_class or sound.sound_class == turn.question.sound_class)
    return tuple(o.name for o in _candidates(turn, turn.question)) + ((sound.track,) if sound and right else ())


def _has_evidence(turn: _Turn, question: Question) -> bool:
    """Whether a best guess may be reported: that one is there only where one is, a room only of what was perceived."""
    if question.goal == "find":
        near = any(thing.distance_m <= turn.settings.at_object_m for thing in _candidates(turn, question))
        return near or any(turn.reached(name) for name in _perceived(turn))
    return question.goal != "which_room" or bool(_perceived(turn))


def _follow(turn: _Turn, sound: HeardSound) -> SkillCall | Answer:
    """Goes to a sound; a failed try alternates with exploring, an unsure direction with turning round."""
    if _is_hopeless(turn):
        return give_up(turn.question, bool(_perceived(turn)))
    if "go_to_sound" not in turn.offered:
        return _search(turn, "the sound cannot be followed")
    if turn.just_failed(sound.track) and ("explore" in turn.offered or not turn.listened()):
        return _search(turn, "the sound could not be reached from there")
    if sound.confidence < turn.settings.unsure and not turn.listened():
        return SkillCall("look_around", {}, "not sure where the sound comes from")
    reason = "follow the sound" if sound.still_on else "go to where it was last heard"
    return SkillCall("go_to_sound", {"sound": sound.track}, reason)


def _search(turn: _Turn, reason: str) -> SkillCall | Answer:
    """Explores; in a known house visits the rooms in turn, listening in each."""
    if _is_hopeless(turn):
        return give_up(turn.question, bool(_perceived(turn)))
    if "explore" in turn.offered and not _explore_exhausted(turn):
        return SkillCall("explore", {}, reason)
    if not turn.listened():
        return SkillCall("look_around", {}, reason)
    if "go_to_room" in turn.offered:
        visits = {r.name: sum(_is_walk_to(h, r.name) for h in turn.history) for r in turn.now.rooms}
        rooms = sorted(
            (r for r in turn.now.rooms if r.name != turn.now.room and not r.private),
            key=lambda r: (visits[r.name], r.visited),
        )
        if rooms:
            return SkillCall("go_to_room", {"room": rooms[0].name}, reason)
    return _listen(turn, reason)


def _explore_exhausted(turn: _Turn) -> bool:
    """Whether the last two walks were explorations that got nowhere."""
    tail = turn.walks[-2:]
    return len(tail) == 2 and all(r.call.name == "explore" and r.status in ("failed", "invalid") for r in tail)


def _arrived(turn: _Turn, question: Question, room: str, reason: str, confidence: float) -> SkillCall | Answer:
    if not question.wants_answer:
        return SkillCall("stop", {}, reason)
    return Answer(room_answer(room or turn.now.room, turn.now.rooms) or "unknown", confidence, reason)


def _count_rooms(turn: _Turn) -> SkillCall | Answer:
    if "explore" in turn.offered and not _explore_exhausted(turn):
        return SkillCall("explore", {}, "count the rooms")
    return Answer(str(len(turn.now.rooms)), 0.8, "nothing is left to explore")


def _exists(turn: _Turn, question: Question) -> SkillCall | Answer:
    sound = target_sound(question, turn.now.heard) if question.sound_class else None
    known = sound is not None and sound.sound_class == question.sound_class
    if known or source_objects(question, None, turn.now.seen):
        return Answer("yes", 0.9, "perceived")
    if not turn.history:
        return SkillCall("look_around", {}, "first, see what there is")
    if "explore" in turn.offered and not _explore_exhausted(turn):
        return SkillCall("explore", {}, "not found yet")
    return Answer("no", 0.7, "the whole house is explored")


def _what_sound(turn: _Turn, question: Question) -> SkillCall | Answer:
    sound = target_sound(question, turn.now.heard)
    if sound is None or not turn.history:
        return _listen(turn, "hear what there is") if not turn.listened() else _search(turn, "all is silent")
    if sound.confidence >= turn.settings.name_confidence and sound.sound_class != "unknown":
        return Answer(plain(sound.sound_class), sound.confidence, "recognised by ear")
    things = source_objects(question, sound, turn.now.seen)
    if things and things[0].track == sound.track:
        return Answer(plain(things[0].category), 0.7, "recognised by eye")
    if turn.reached(sound.track):
        return Answer(plain(sound.sound_class), sound.confidence, "the best guess from nearby")
    return _follow(turn, sound)


def _last_word(turn: _Turn, question: Question) -> SkillCall | Answer:
    """The best guess when the budget is nearly gone."""
    if turn.now.can_talk and not _has_evidence(turn, question):
        return give_up(question, perceived=bool(_perceived(turn)))
    if not question.wants_answer:
        return SkillCall("stop", {}, "the budget is nearly gone")
    now, reason = turn.now, "the budget is nearly gone: the best guess so far"
    sound = target_sound(question, now.heard)
    things = source_objects(question, sound, now.seen)
    if question.goal == "count_rooms":
        return Answer(str(len(now.rooms)), 0.3, reason)
    if question.goal == "exists":
        return Answer("yes" if things else "no", 0.3, reason)
    if question.goal == "what_sound":
        return Answer(plain(sound.sound_class) if sound else "nothing", 0.3, reason)
    room = next((t.room for t in things if t.room), "") or (sound.room if sound else "") or now.room
    return Answer(room_answer(room, now.rooms) or "unknown", 0.3, reason)


def _listen(turn: _Turn, reason: str) -> SkillCall:
    return SkillCall("listen", {"seconds": turn.settings.listen_seconds}, reason)
