"""A question about an episode: its options, its right answer, and what tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

__all__ = ["HORIZON", "MOST_OPTIONS", "SENSES", "Evidence", "Question", "answer_is_right"]

SENSES = ("sight", "hearing")

MOST_OPTIONS = 8
"""Options that a question has at most."""

HORIZON = 600.0
"""Seconds that no episode outlasts: 2400 steps, for which random door events are drawn, too."""

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_FILLERS = {"the", "a", "an", "it", "is", "in", "s", "its", "room"}


@dataclass(frozen=True)
class Evidence:
    """One thing that has to be seen or heard to know the answer; ids that do not matter are -1."""

    sense: str
    """One of `SENSES`."""
    source: int = -1
    """Source that is to be heard: 0 = the goal's, 1.. = the distractors; -1 with "hearing" = silence is to be heard."""
    object: int = -1
    """Object that is to be seen."""
    room: int = -1
    """Room in which the agent has to be meanwhile."""
    start_seconds: float = 0.0
    """From when on, since the first observation [s]."""
    end_seconds: float = HORIZON
    """Until when [s]."""

    def __post_init__(self) -> None:
        if self.sense not in SENSES:
            raise ValueError(f"evidence is of {' or '.join(SENSES)}, not {self.sense!r}")


@dataclass(frozen=True)
class Question:
    """A question whose answer the simulator knows."""

    text: str
    answers: tuple[str, ...] = ()
    """Every right wording: a door between two rooms is in both. Empty = the simulator does not know."""
    options: tuple[str, ...] = ()
    """What to choose from, 2 to 8, in random order; empty = open."""
    answer: int = -1
    """Index of the right option, -1 = open."""
    family: str = ""
    """What kind of question: one of `question_families()`."""
    template: str = ""
    """What it was drawn from, "family.name"."""
    senses: tuple[str, ...] = ()
    """Senses that it takes, of `SENSES`."""
    evidence: tuple[Evidence, ...] = ()
    """What has to be seen and heard to know the answer."""
    answerable: bool = True
    """False: what it asks for does not exist or cannot be known, and the right option says so."""

    def __post_init__(self) -> None:
        for name in ("answers", "options", "senses"):  # JSON gives lists and dictionaries
            object.__setattr__(self, name, tuple(getattr(self, name)))
        found: tuple[Any, ...] = tuple(self.evidence)
        kept = tuple(one if isinstance(one, Evidence) else Evidence(**one) for one in found)
        object.__setattr__(self, "evidence", kept)
        if self.options and not (2 <= len(self.options) <= MOST_OPTIONS and 0 <= self.answer < len(self.options)):
            raise ValueError(
                f"question {self.text!r} needs 2 to {MOST_OPTIONS} options and the index of the right one, "
                f"not {len(self.options)} options and {self.answer}"
            )

    @property
    def chance(self) -> float:
        """Share of right answers of somebody who guesses; 0 for open questions."""
        return 1.0 / len(self.options) if self.options else 0.0


def answer_is_right(given: str, answers: tuple[str, ...]) -> bool:
    """Says whether an answer means one of the right ones.

    Case, articles and punctuation do not count, nor do numbers within words ("bedroom 2"); where the right answer is a
    number, the one number in the answer must be it, in digits or as a word.
    """
    return any(_means(given, answer) for answer in answers)


def normalised(text: str) -> str:
    """Returns an answer in its plainest form: "It is in the Living Room." -> "living"."""
    words = re.sub(r"[^a-z]+", " ", text.lower()).split()
    return " ".join(word for word in words if word not in _FILLERS) or " ".join(words)


def _means(given: str, answer: str) -> bool:
    if re.fullmatch(r"\s*\d+\s*", answer):
        return _numbers(given) == {int(answer)}
    return normalised(given) == normalised(answer)


def _numbers(text: str) -> set[int]:
    """Returns the whole numbers that a text speaks of."""
    words = re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower())
    digits = {int(word) for word in words if word.isdigit()}
    return digits | {_NUMBERS.index(word) for word in words if word in _NUMBERS}
