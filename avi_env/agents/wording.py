"""Observation, calls and answers in the few plain words that a very small language model can follow."""

from __future__ import annotations

from avi_env.agents.protocol import PlannerObservation, SkillCall, SkillResult, direction_words
from avi_env.agents.question import AT_M, Question, likely_sources, plain, room_answer, source_objects, target_sound

__all__ = ["NEUTRAL_STATE", "VERBS", "answer_choices", "answer_facts", "call_verb", "state_line", "target_words"]

VERBS = {
    "explore": " explore",
    "go_to_sound": " follow the",
    "go_to_object": " walk to the",
    "go_to_room": " enter the",
    "look_around": " look",
    "listen": " listen",
    "answer": " answer",
    "stop": " stop",
}
"""How each skill's line goes on after the arrow; the first word alone tells the skills apart."""

NEUTRAL_STATE = "Where is it? N/A. N/A. ->"
"""The state line that says nothing."""

_DONE = {
    "explore": "explored",
    "go_to_sound": "followed the sound",
    "go_to_object": "walked",
    "go_to_room": "entered a room",
    "look_around": "looked around",
    "listen": "listened",
}
_STANDING = ("listen", "look_around")


def call_verb(skill: str) -> str:
    """Returns the word that begins a skill's line: " follow"."""
    return f" {VERBS[skill].split()[0]}"


def target_words(call: SkillCall, observation: PlannerObservation) -> str:
    """Returns what a call is aimed at, in words: "phone", "phone on the left" among two phones, "living room"."""
    target = str(next(iter(call.arguments.values()), ""))
    for sound in observation.heard:
        if sound.track == target:
            twins = sum(s.sound_class == sound.sound_class for s in observation.heard)
            return plain(sound.sound_class) + (f" {_side(sound.azimuth_deg)}" if twins > 1 else "")
    for thing in observation.seen:
        if thing.name == target:
            return plain(thing.category)
    return room_answer(target, observation.rooms)


def state_line(observation: PlannerObservation, history: tuple[SkillResult, ...], question: Question) -> str:
    """Returns the state as one line that ends where the next call goes.

    "Where is it? listened. phone heard on the left. ->": what is wanted, what was done last, what is known of the goal.
    """
    wanted = "Where is it" if question.wants_answer else "Find it"
    done = "start"
    if history:
        done = _DONE[history[-1].call.name] + ("" if history[-1].status == "success" else ", failed")
    return f"{wanted}? {done}. {_goal_state(observation, history, question)}. ->"


def _goal_state(observation: PlannerObservation, history: tuple[SkillResult, ...], question: Question) -> str:
    if question.goal == "count_rooms":
        return "not all rooms seen" if observation.frontiers else "all rooms reached"
    sound = target_sound(question, observation.heard)
    things = likely_sources(question, observation, history)
    if things:
        near = things[0].distance_m <= AT_M or _ended_at(things[0].name, history)
        return f"{plain(things[0].category)} {'reached' if near else 'seen'}"
    goal = plain(question.sound_class or (sound.sound_class if sound else "goal"))
    if sound is None:
        return "silence" if not observation.heard else f"{goal} not heard"
    if _ended_at(sound.track, history):
        return f"{goal} near but not seen"
    return f"{goal} heard {_side(sound.azimuth_deg)}" if sound.still_on else f"{goal} heard before"


def _ended_at(target: str, history: tuple[SkillResult, ...]) -> bool:
    walks = [r for r in history if r.call.name not in _STANDING]
    return bool(walks) and walks[-1].status == "success" and target in walks[-1].call.arguments.values()


def _side(azimuth_deg: float) -> str:
    words = direction_words(azimuth_deg)
    return words if words in ("ahead", "behind") else f"on the {words.rpartition('-')[2]}"


def answer_choices(question: Question, observation: PlannerObservation) -> tuple[str, ...]:
    """Returns the answers that can be given, in words."""
    if question.goal == "exists":
        return ("yes", "no")
    if question.goal == "what_sound":
        return tuple(dict.fromkeys(plain(s.sound_class) for s in observation.heard)) or ("nothing",)
    if question.goal == "count_rooms":
        return tuple(str(n) for n in range(1, max(len(observation.rooms), 8) + 1))
    names = [r.name for r in observation.rooms] or [observation.room or "unknown"]
    return tuple(dict.fromkeys(room_answer(name, observation.rooms) for name in names))


def answer_facts(question: Question, observation: PlannerObservation, history: tuple[SkillResult, ...]) -> str:
    """Returns the fact that bears on the question and the question, ending where the answer goes.

    One fact only: a model this small is led astray by any other room that is mentioned.
    """
    sound = target_sound(question, observation.heard)
    things = likely_sources(question, observation, history) or source_objects(question, sound, observation.seen)
    if question.goal == "count_rooms":
        fact = f"The house has {len(observation.rooms)} rooms."
    elif question.goal == "what_sound":
        fact = f"The {plain(sound.sound_class)} is heard." if sound else "There is silence."
    elif question.goal == "exists":
        asked = plain(question.sound_class or question.thing or (things[0].category if things else "such thing"))
        fact = f"There is {'a' if things or sound else 'no'} {asked}."
    else:
        source = (
            question.sound_class or (things[0].category if things else "") or (sound.sound_class if sound else "goal")
        )
        room = (things[0].room if things else "") or (sound.room if sound else "") or observation.room
        fact = f"The {plain(source)} is in the {room_answer(room, observation.rooms) or 'house'}."
    return f"{fact}\nQuestion: {observation.instruction}\nAnswer:"
