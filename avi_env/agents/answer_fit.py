"""Fits the answerers that neither look nor listen and measures them: `python -m avi_env.agents.answer_fit --help`."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.agents.answer_baselines import (
    FEATURES,
    AnswerCounts,
    likely_option,
    majority_option,
    option_features,
    words_of,
)
from avi_env.tasks.questions import Question, draw_question, question_families
from avi_env.whole_file import whole_file, write_whole

__all__ = ["BlindScore", "FitSettings", "answer_counts", "blind_scores", "drawn_questions", "fit_weights"]

_ROUNDS, _RATE, _DECAY = 150, 0.05, 1e-3  # Adam's steps, its rate, and the weights' decay


@dataclass(frozen=True)
class FitSettings:
    """Draws questions in training and test houses, fits both answerers, prints their accuracies."""

    train_houses: int = 40
    """Houses from house:1000 on."""
    train_questions: int = 100
    """Questions a house."""
    test_houses: int = 40
    """Houses from house:test:0 on."""
    test_questions: int = 400
    """Questions a house: 16 000 in all, so that the standard error of a family is about 1 point."""
    output: Path | None = None
    """Folder with majority/ and question_only/ for what was fitted, as `agents`."""
    json: Path | None = None
    """File for the accuracies."""


class BlindScore(NamedTuple):
    """How an answerer does on the questions of one family."""

    questions: int
    accuracy: float
    chance: float
    """Mean of 1 / number of options."""
    error: float
    """Standard error of the accuracy of somebody who guesses."""


def drawn_questions(houses: Iterable[str], count: int, families: Sequence[str] = ()) -> list[Question]:
    """Returns so many questions of each house, each with an episode of its own."""
    from avi_env.scene import load_scene
    from avi_env.tasks import EpisodeSpec, sample_episode

    found = []
    for house in houses:
        scene = load_scene(house)
        episodes = [sample_episode(scene, 0, k, EpisodeSpec(), forward=0.25, turn_deg=15.0) for k in range(4)]
        for number in range(count):
            found.append(draw_question(scene, episodes[number % 4], number, families).question)
    return found


def answer_counts(questions: Sequence[Question]) -> list[AnswerCounts]:
    """Returns for each template which words all of its questions have, and what was right how often."""
    by_template: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_template[question.template].append(question)
    found = []
    for _, same in sorted(by_template.items()):
        words = frozenset.intersection(*(frozenset(words_of(question.text)) for question in same))
        right = Counter(question.options[question.answer] for question in same)
        offered = Counter(option for question in same for option in question.options)
        found.append(AnswerCounts(words, dict(sorted(right.items())), dict(sorted(offered.items()))))
    return found


def fit_weights(questions: Sequence[Question]) -> npt.NDArray[np.float32]:
    """Returns the weights of a conditional logistic regression: softmax over options of summed weights, (FEATURES,).

    Full-batch Adam from zero, so that it is a function of the questions alone.
    """
    tables = [option_features(question.text, question.options) for question in questions]
    question_of = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    option = np.concatenate([np.repeat(np.arange(len(t)), (t >= 0).sum(axis=1)) for t in tables])
    sizes = np.array([len(table) for table in tables])
    first = np.cumsum(sizes) - sizes
    rows = option + np.repeat(first, [int((t >= 0).sum()) for t in tables])  # row of each feature among all options
    feature = np.concatenate([table[table >= 0] for table in tables])
    right = np.zeros(len(question_of))
    right[first + np.array([question.answer for question in questions])] = 1.0
    weights, mean, square = np.zeros(FEATURES), np.zeros(FEATURES), np.zeros(FEATURES)
    for step in range(1, _ROUNDS + 1):
        score = np.bincount(rows, weights[feature], len(question_of))
        score = np.exp(score - np.maximum.reduceat(score, first)[question_of])
        likely = score / np.add.reduceat(score, first)[question_of]
        slope = np.bincount(feature, (likely - right)[rows], FEATURES) / len(questions) + _DECAY * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights -= _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights.astype(np.float32)


def blind_scores(questions: Sequence[Question], chosen: Sequence[int]) -> dict[str, BlindScore]:
    """Returns the score of each family, and of all under "all"; `chosen` are the options that were taken."""
    found = {}
    for family in (*question_families(), "all"):
        rows = [k for k, question in enumerate(questions) if family in (question.family, "all")]
        if rows:
            chance = np.array([questions[k].chance for k in rows])
            right = np.mean([chosen[k] == questions[k].answer for k in rows])
            error = float(np.sqrt((chance * (1.0 - chance)).sum()) / len(rows))
            found[family] = BlindScore(len(rows), float(right), float(chance.mean()), error)
    return found


def main(settings: FitSettings) -> None:
    """Fits, measures, prints and writes."""
    train = drawn_questions((f"house:{1000 + k}" for k in range(settings.train_houses)), settings.train_questions)
    test = drawn_questions((f"house:test:{k}" for k in range(settings.test_houses)), settings.test_questions)
    counts, weights = answer_counts(train), fit_weights(train)
    scores = {
        "majority": blind_scores(test, [majority_option(q.text, q.options, counts) for q in test]),
        "question_only": blind_scores(test, [likely_option(q.text, q.options, weights) for q in test]),
        "question_only, on what it learned from": blind_scores(
            train, [likely_option(q.text, q.options, weights) for q in train]
        ),
    }
    sys.stdout.write(_table(scores) + "\n")
    if settings.json is not None:
        _write_json(settings.json, {name: {k: v._asdict() for k, v in rows.items()} for name, rows in scores.items()})
    if settings.output is not None:
        rows = [{"words": sorted(c.words), "right": c.right, "offered": c.offered} for c in counts]
        _write_json(settings.output / "majority" / "answers.json", {"templates": rows})
        with whole_file(settings.output / "question_only" / "weights.npz") as part, part.open("wb") as file:
            np.savez_compressed(file, weights=weights)


def _table(scores: dict[str, dict[str, BlindScore]]) -> str:
    lines = ["| answerer | family | questions | accuracy [%] | chance [%] | difference [points] | standard error |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, rows in scores.items():
        for family, one in rows.items():
            percent = [100.0 * v for v in (one.accuracy, one.chance, one.accuracy - one.chance, one.error)]
            figures = "{:.1f} | {:.1f} | {:+.1f} | {:.1f}".format(*percent)
            lines.append(f"| {name} | {family} | {one.questions} | {figures} |")
    return "\n".join(lines)


def _write_json(path: Path, table: Any) -> None:
    write_whole(path, json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    import tyro

    main(tyro.cli(FitSettings))
