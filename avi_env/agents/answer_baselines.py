"""Agents that answer without looking or listening: what a question and its options alone give away."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.agents.step_agent import Briefing, Observation
from avi_env.content import content_path

__all__ = [
    "FEATURES",
    "AnswerCounts",
    "MajorityAgent",
    "QuestionOnlyAgent",
    "likely_option",
    "majority_option",
    "option_features",
]

FEATURES = 4096
"""Size of the hashed feature space of the question-only answerer."""

_FIRST_ANSWER = 4  # the action that chooses option 0: stop, forward, left, right come before
_COUNTS, _WEIGHTS = "answers.json", "weights.npz"


class AnswerCounts(NamedTuple):
    """What was right how often in the training questions of one template."""

    words: frozenset[str]
    """Words that all of its questions have."""
    right: Mapping[str, int]
    """Number of questions to which an answer was right."""
    offered: Mapping[str, int]
    """Number of questions that offered it."""


def words_of(text: str) -> list[str]:
    """Returns a text's words in lower case, numbers among them."""
    return re.findall(r"[a-z]+|[0-9]+", text.lower())


def majority_option(text: str, options: Sequence[str], counts: Sequence[AnswerCounts]) -> int:
    """Returns the option that was right most often where it was offered, in questions of the same template.

    The template is the one all of whose words the question has, of several the one with most words. Of options that
    are alike the first one is taken; so it is where no template fits.
    """
    have = set(words_of(text))
    fitting = [one for one in counts if one.words <= have]
    if not fitting:
        return 0
    known = max(fitting, key=lambda one: len(one.words))
    share = [known.right.get(option, 0) / max(known.offered.get(option, 0), 1) for option in options]
    return int(np.argmax(share))


def option_features(text: str, options: Sequence[str]) -> npt.NDArray[np.int64]:
    """Returns the hashed features of each option, shape (options, F); -1 fills up.

    Features are the option's words, its place, the whole option, and each of these together with each word of the
    question and with every other option.
    """
    asked = [f"q:{word}" for word in dict.fromkeys(words_of(text))]
    rows = []
    for place, option in enumerate(options):
        own = [f"o:{word}" for word in dict.fromkeys(words_of(option))] + [f"p:{place}/{len(options)}", f"w:{option}"]
        others = [f"x:{other}" for other in options if other != option]
        rows.append([*own, *(f"{a}|{b}" for a in own for b in (*asked, *others))])
    table = np.full((len(rows), max(len(row) for row in rows)), -1, dtype=np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = [zlib.crc32(name.encode()) % FEATURES for name in row]
    return table


def likely_option(text: str, options: Sequence[str], weights: npt.NDArray[np.floating[Any]]) -> int:
    """Returns the option with the greatest sum of weights of its features; `weights` has shape (FEATURES,)."""
    table = option_features(text, options)
    return int(np.argmax(np.where(table >= 0, weights[table], 0.0).sum(axis=1)))


class MajorityAgent:
    """Answers at once what was right most often in training questions of the same template."""

    name = "majority"
    privileged = False
    sensors: tuple[str, ...] = ()

    def __init__(self) -> None:
        text = (content_path("agents", "majority") / _COUNTS).read_text(encoding="utf-8")
        self._counts = [
            AnswerCounts(frozenset(row["words"]), row["right"], row["offered"]) for row in json.loads(text)["templates"]
        ]
        self._option = 0

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode.

        Raises:
            ValueError: the task asks no question.
        """
        self._option = majority_option(*_asked(self.name, briefing), self._counts)

    def act(self, observation: Observation) -> Any:
        """Returns the answer."""
        return np.int64(_FIRST_ANSWER + self._option)


class QuestionOnlyAgent:
    """Answers at once by a linear model of the words of question and options, learned from training questions."""

    name = "question_only"
    privileged = False
    sensors: tuple[str, ...] = ()

    def __init__(self) -> None:
        with np.load(content_path("agents", "question_only") / _WEIGHTS) as file:
            self._weights = file["weights"].astype(np.float64)
        self._option = 0

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode.

        Raises:
            ValueError: the task asks no question.
        """
        self._option = likely_option(*_asked(self.name, briefing), self._weights)

    def act(self, observation: Observation) -> Any:
        """Returns the answer."""
        return np.int64(_FIRST_ANSWER + self._option)


def _asked(name: str, briefing: Briefing) -> tuple[str, tuple[str, ...]]:
    if not briefing.options:
        raise ValueError(f"the agent {name!r} answers questions with options, and the task {briefing.task} asks none")
    return briefing.question, briefing.options
