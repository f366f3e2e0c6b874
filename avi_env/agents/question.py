"""What an instruction asks for. Plain text rules, no model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from avi_env.agents.knowledge import ROOM_SIGNS, emitters_of
from avi_env.agents.protocol import HeardSound, PlannerObservation, RoomSeen, SeenObject, SkillResult
from avi_env.sounds import sound_classes, sound_phrase

__all__ = [
    "AT_M",
    "Question",
    "likely_sources",
    "parse_question",
    "plain",
    "room_answer",
    "source_objects",
    "target_sound",
]

Goal = Literal["which_room", "what_sound", "count_rooms", "exists", "find"]

_SPOKEN = {
    "phone": r"phones?|telephone|ringing|rings?",
    "alarm_clock": r"alarm|beeping",
    "dripping_tap": r"tap|faucet|drip\w*|sink",
    "kettle": r"kettle|whistl\w*",
    "smoke_alarm": r"smoke (?:alarm|detector)",
    "door_knock": r"knock\w*",
    "dog_bark": r"dog|bark\w*",
    "vacuum_cleaner": r"vacuum\w*|hoover",
    "music_box": r"music box|music|melody",
    "footsteps": r"footsteps?|steps|walking",
    "washing_machine": r"washing machine|washer",
    "speech_babble": r"speech|speak\w*|talk\w*|voices?|babble|television|tv|radio",
    "doorbell": r"bell",
    "clock_tick": r"tick\w*",
    "baby_cry": r"baby|cry\w*|crib",
    "piano": r"piano",
    "cat_meow": r"cat|meow\w*",
    "canary": r"bird\w*|canary|sing\w*",
    "shower": r"shower",
    "frying_pan": r"frying|sizzl\w*|pan",
    "running_tap": r"running water",
    "toilet_flush": r"toilet|flush\w*",
    "fridge_hum": r"fridge|refrigerator",
    "coffee_machine": r"coffee",
    "keyboard_typing": r"typ(?:ing|es?)|keyboard",
    "wind_chime": r"wind chimes?",
    "clock_chime": r"chim\w*|grandfather clock",
    "fireplace": r"fire|crackl\w*",
    "laughter": r"laugh\w*",
    "coughing": r"cough\w*",
    "snoring": r"snor\w*",
    "door_creak": r"creak\w*",
    "radiator": r"heating|clank\w*",
    "toy_robot": r"robot",
    "game_console": r"video games?|console",
    "dishes": r"washing up|clatter\w*",
}
_ROOM_QUESTION = r"\b(?:which|what) room\b|^\s*where\b|\bin which room\b"
_WHAT_QUESTION = r"^\s*what(?:'s| is| are)? .*\b(?:ring|sound|nois|beep|hear|bark|whistl|drip|play|mak)\w*"
_COUNT_QUESTION = r"\bhow many rooms\b|\bnumber of rooms\b"
_EXISTS_QUESTION = r"^\s*(?:is|are) there\b|^\s*(?:does|do) (?:the|this) house have\b|^\s*can you (?:see|hear)\b"

AT_M = 1.0
"""An object this near counts as reached [m]."""

_FAR_M = 3.0  # a sound that seems farther than this does not come from what is right here
_SAME_DIRECTION_DEG = 30.0


@dataclass(frozen=True)
class Question:
    """An instruction, understood."""

    goal: Goal
    sound_class: str = ""
    """Class of sound it is about, "" = any or none."""
    thing: str = ""
    """Category of a silent thing it is about, "" = none."""
    words: str = ""
    """The instruction in lower case, for matching object names."""

    @property
    def names_a_sound(self) -> bool:
        """Whether it speaks of a sound ("the dripping tap"), not only of a thing that can make one ("the sink")."""
        return bool(self.sound_class) and sound_phrase(self.sound_class) in self.words

    @property
    def wants_answer(self) -> bool:
        """Whether words are asked for; otherwise arriving and stopping is the task."""
        return self.goal != "find"


def parse_question(instruction: str) -> Question:
    """Returns what the instruction asks for; anything not recognised is an order to find a sound's source."""
    words = instruction.lower().replace("_", " ").strip()
    goals: tuple[tuple[Goal, str], ...] = (
        ("count_rooms", _COUNT_QUESTION),
        ("which_room", _ROOM_QUESTION),
        ("exists", _EXISTS_QUESTION),
        ("what_sound", _WHAT_QUESTION),
    )
    goal: Goal = next((g for g, pattern in goals if re.search(pattern, words)), "find")
    if goal in ("what_sound", "count_rooms"):
        return Question(goal, words=words)
    sound_class = _sound_named(words)
    things = () if sound_class else (c for c in ROOM_SIGNS if re.search(rf"\b{plain(c)}s?\b", words))
    return Question(goal, sound_class, next(iter(things), ""), words)


def _sound_named(words: str) -> str:
    """Returns the class of sound that a text speaks of: its phrase or name before single words that suggest one."""
    names = sound_classes()
    for form in (sound_phrase, plain):
        found = next((name for name in names if re.search(rf"\b{form(name)}\b", words)), "")
        if found:
            return found
    return next((name for name, pattern in _SPOKEN.items() if re.search(rf"\b(?:{pattern})\b", words)), "")


def target_sound(question: Question, heard: tuple[HeardSound, ...]) -> HeardSound | None:
    """Returns the heard sound that the question is about: of its class, else an unsure one; sounding and loud first.

    A question about no particular sound takes the loudest, one about a silent thing none. A sound that is surely of
    another class is not taken.
    """
    if question.thing:
        return None
    ranked = sorted(heard, key=lambda s: (not s.still_on, -s.level_db, s.track))
    if not question.sound_class:
        return ranked[0] if ranked else None
    right = [s for s in ranked if s.sound_class == question.sound_class]
    unsure = [s for s in ranked if s.sound_class in ("", "unknown") or s.confidence < 0.5]
    return next(iter(right + unsure), None)


def source_objects(
    question: Question, sound: HeardSound | None, seen: tuple[SeenObject, ...]
) -> tuple[SeenObject, ...]:
    """Returns the seen objects that may be what the question is about, most likely first.

    First those that perception ties to the sound's track, then those of a kind that makes such a sound, or, when the
    question is about no sound, those it names.
    """
    sound_class = question.sound_class or (sound.sound_class if sound else "")
    kinds = emitters_of(sound_class)
    track = sound.track if sound else None
    tied = [o for o in seen if track and o.track == track]
    likely = [o for o in seen if o.category in kinds and o not in tied]
    named = [o for o in seen if not sound_class and re.search(rf"\b{re.escape(plain(o.category))}s?\b", question.words)]
    order = sorted(named, key=_nearness) if not (tied or likely) else []
    return tuple(sorted(tied, key=_nearness) + sorted(likely, key=_nearness) + order)


def likely_sources(
    question: Question, observation: PlannerObservation, history: tuple[SkillResult, ...]
) -> tuple[SeenObject, ...]:
    """Returns of `source_objects` those that can be believed to be the source while its sound is heard.

    They are tied to the sound, or the only one of their kind, or in view in its direction. Out are those that the agent
    has walked up to and found silent, and those right beside it while the sound seems far.
    """
    sound = target_sound(question, observation.heard)
    silent = {str(r.call.arguments.get("object")) for r in history if r.code == "lost_sound"}
    if question.names_a_sound and not observation.heard:  # where one has stood without hearing anything it is not
        walked = [r for r in history[:-1] if r.call.name == "go_to_object" and r.status == "success"]
        silent |= {str(r.call.arguments["object"]) for r in walked}
    things = tuple(o for o in source_objects(question, sound, observation.seen) if o.name not in silent)
    if sound is None or not sound.still_on:
        return things
    return tuple(o for o in things if o.track == sound.track or _can_be(o, sound, alone=len(things) == 1))


def _can_be(thing: SeenObject, sound: HeardSound, alone: bool) -> bool:
    off = abs((thing.azimuth_deg - sound.azimuth_deg + 180.0) % 360.0 - 180.0)
    elsewhere = thing.distance_m <= AT_M and sound.distance_m is not None and sound.distance_m > _FAR_M
    return not elsewhere and (alone or (thing.in_view and off <= _SAME_DIRECTION_DEG))


def _nearness(thing: SeenObject) -> tuple[float, str]:
    return thing.distance_m, thing.name


def room_answer(name: str, rooms: tuple[RoomSeen, ...]) -> str:
    """Returns a room in words: its type when only one known room has it ("living room"), else its name."""
    room = next((r for r in rooms if r.name == name), None)
    if room is None or room.type in ("", "unknown"):
        return plain(name)
    twins = sum(r.type == room.type for r in rooms)
    return plain(room.type if twins == 1 else room.name)


def plain(name: str) -> str:
    """Returns a name as words: "living_room_2" -> "living room 2"."""
    return " ".join(name.replace("_", " ").split())
