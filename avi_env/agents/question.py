"""What an instruction asks for, and when two answers say the same. Plain text rules, no model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from avi_env.agents.protocol import HeardSound, RoomSeen, SeenObject

__all__ = [
    "SOUND_SOURCES",
    "Question",
    "parse_question",
    "plain",
    "room_answer",
    "same_answer",
    "source_objects",
    "target_sound",
]

Goal = Literal["which_room", "what_sound", "count_rooms", "exists", "find"]

SOUND_SOURCES: dict[str, tuple[str, ...]] = {
    "phone": ("phone",),
    "alarm_clock": ("alarm_clock",),
    "dripping_tap": ("sink", "bathtub", "washbasin"),
    "kettle": ("kettle",),
    "smoke_alarm": ("smoke_alarm",),
    "door_knock": ("door",),
    "dog_bark": ("dog",),
    "vacuum_cleaner": ("vacuum_cleaner",),
    "music_box": ("music_box",),
    "footsteps": ("person",),
    "washing_machine": ("washing_machine",),
    "speech_babble": ("person", "television", "radio"),
}
"""Common knowledge: which kinds of object make which class of sound."""

_SPOKEN = {
    "phone": r"phones?|telephone|ringing|rings?",
    "alarm_clock": r"alarm clock|clock|beeping",
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
}
_ROOM_QUESTION = r"\b(?:which|what) room\b|^\s*where\b|\bin which room\b"
_WHAT_QUESTION = r"^\s*what(?:'s| is| are)? .*\b(?:ring|sound|nois|beep|hear|bark|whistl|drip|play|mak)\w*"
_COUNT_QUESTION = r"\bhow many rooms\b|\bnumber of rooms\b"
_EXISTS_QUESTION = r"^\s*(?:is|are) there\b|^\s*(?:does|do) (?:the|this) house have\b|^\s*can you (?:see|hear)\b"

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_FILLER = frozenset({"the", "a", "an", "it", "s", "its", "is", "are", "there", "i", "think", "hear", "answer", "rooms"})


@dataclass(frozen=True)
class Question:
    """An instruction, understood."""

    goal: Goal
    sound_class: str = ""
    """Class of sound it is about, "" = any or none."""
    words: str = ""
    """The instruction in lower case, for matching object names."""

    @property
    def wants_answer(self) -> bool:
        """Whether words are asked for; otherwise arriving and stopping is the task."""
        return self.goal != "find"


def parse_question(instruction: str) -> Question:
    """Returns what the instruction asks for; anything not recognised is an order to find a sound's source."""
    words = instruction.lower().replace("_", " ").strip()
    spoken = (name for name, pattern in _SPOKEN.items() if re.search(rf"\b(?:{pattern})\b", words))
    named = next((name for name in _SPOKEN if re.search(rf"\b{plain(name)}\b", words)), "")
    goals: tuple[tuple[Goal, str], ...] = (
        ("count_rooms", _COUNT_QUESTION),
        ("which_room", _ROOM_QUESTION),
        ("exists", _EXISTS_QUESTION),
        ("what_sound", _WHAT_QUESTION),
    )
    goal: Goal = next((g for g, pattern in goals if re.search(pattern, words)), "find")
    sound_class = "" if goal in ("what_sound", "count_rooms") else named or next(spoken, "")
    return Question(goal, sound_class, words)


def target_sound(question: Question, heard: tuple[HeardSound, ...]) -> HeardSound | None:
    """Returns the heard sound that the question is about: of its class, else an unsure one; sounding and loud first.

    A question about no particular sound takes the loudest. A sound that is surely of another class is not taken.
    """
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
    kinds = SOUND_SOURCES.get(sound_class, (sound_class,) if sound_class else ())
    track = sound.track if sound else None
    tied = [o for o in seen if track and o.track == track]
    likely = [o for o in seen if o.category in kinds and o not in tied]
    named = [o for o in seen if not sound_class and re.search(rf"\b{re.escape(plain(o.category))}s?\b", question.words)]
    order = sorted(named, key=_nearness) if not (tied or likely) else []
    return tuple(sorted(tied, key=_nearness) + sorted(likely, key=_nearness) + order)


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


def same_answer(given: str, truth: str) -> bool:
    """Returns whether an answer says the truth: same words but for case, filler words, and numbers as words.

    "It is in the Living Room." says "living_room". The number of a room is compared only when both give one:
    "bedroom" says "bedroom_2", "bedroom 3" does not.
    """
    said, true = _kernel(given), _kernel(truth)
    said_words, true_words = ([w for w in text if not w.isdigit()] for text in (said, true))
    said_numbers, true_numbers = ([w for w in text if w.isdigit()] for text in (said, true))
    if said_words != true_words:
        return False
    return said_numbers == true_numbers or (bool(said_words) and not (said_numbers and true_numbers))


def _kernel(text: str) -> list[str]:
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).split()
    if "in" in words[:-1]:  # "the phone is in the kitchen": the place is what follows
        words = words[len(words) - words[::-1].index("in") :]
    return [str(_NUMBERS.index(w)) if w in _NUMBERS else w for w in words if w not in _FILLER]
