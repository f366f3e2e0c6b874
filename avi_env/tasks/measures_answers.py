"""Measures of answers: accuracy by family and with grounding, chance, and OpenEQA's correctness and efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "answer_accuracy",
    "chance_accuracy",
    "eqa_correctness",
    "eqa_efficiency",
    "family_accuracy",
    "grounded_accuracy",
]

_BEST, _WORST = 5.0, 1.0  # scores of OpenEQA's judge


def answer_accuracy(right: npt.ArrayLike) -> float:
    """Returns the share of right answers (1/N) sum a_i; NaN of none.

    Args:
        right: whether each answer is right, shape (N,), bool.
    """
    values = np.asarray(right, dtype=np.float64)
    return float(values.mean()) if len(values) else float("nan")


def grounded_accuracy(right: npt.ArrayLike, grounding: npt.ArrayLike) -> float:
    """Returns accuracy that counts an answer only as far as its evidence was perceived: (1/N) sum g_i a_i.

    Args:
        right: whether each answer is right a, shape (N,), bool; or its score in [0, 1].
        grounding: share of the evidence that the agent saw or heard g in [0, 1], shape (N,).

    Raises:
        ValueError: a score or a grounding out of [0, 1].

    Source: EXPRESS-Bench (Jiang et al. 2025, arXiv 2503.11117), where a judge guesses g; here it is known exactly.
    """
    score, share = (_unit(values, name) for values, name in ((right, "right"), (grounding, "grounding")))
    return answer_accuracy(score * share)


def chance_accuracy(option_counts: npt.ArrayLike) -> float:
    """Returns the accuracy of guessing evenly among the options: (1/N) sum 1 / k_i.

    Args:
        option_counts: number of options of each question k, shape (N,).
    """
    return answer_accuracy(1.0 / np.asarray(option_counts, dtype=np.float64))


def family_accuracy(
    families: Sequence[str],
    right: npt.ArrayLike,
    grounding: npt.ArrayLike | None = None,
    option_counts: npt.ArrayLike | None = None,
) -> dict[str, dict[str, float]]:
    """Returns accuracy of each family of questions, under "all" of all questions, under "mean" of the families' means.

    Args:
        families: family of each question, of length N.
        right: whether each answer is right, shape (N,), bool.
        grounding: as in `grounded_accuracy`, shape (N,).
        option_counts: as in `chance_accuracy`, shape (N,).

    Returns:
        By family: "questions", "accuracy", and as far as given "grounded_accuracy" and "chance".
    """
    kinds, given = np.array(families, dtype=object), np.asarray(right, dtype=np.float64)
    if len(kinds) != len(given):
        raise ValueError(f"{len(kinds)} families and {len(given)} answers: give one of each for every question")
    table: dict[str, dict[str, float]] = {}
    for kind in (*sorted(set(families)), "all"):
        chosen = np.full(len(kinds), True) if kind == "all" else kinds == kind
        row = {"questions": float(chosen.sum()), "accuracy": answer_accuracy(given[chosen])}
        if grounding is not None:
            row["grounded_accuracy"] = grounded_accuracy(given[chosen], np.asarray(grounding)[chosen])
        if option_counts is not None:
            row["chance"] = chance_accuracy(np.asarray(option_counts)[chosen])
        table[kind] = row
    rows = [row for kind, row in table.items() if kind != "all"]
    table["mean"] = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}
    return table


def eqa_correctness(scores: npt.ArrayLike) -> float:
    """Returns OpenEQA's correctness in percent: C = (100 / N) sum (s_i - 1) / 4.

    Args:
        scores: of each answer from 1 (wrong) to 5 (right), shape (N,), clipped to that; NaN = no answer, which is 1.

    Source: Majumdar et al. 2024, "OpenEQA", CVPR, eq. 1 (LLM-Match); here scores may come from exact match as well.
    """
    return 100.0 * answer_accuracy(_share(scores))


def eqa_efficiency(scores: npt.ArrayLike, shortest: npt.ArrayLike, walked: npt.ArrayLike) -> float:
    """Returns OpenEQA's efficiency in percent: E = (100 / N) sum (s_i - 1) / 4 * l_i / max(p_i, l_i).

    Args:
        scores: as in `eqa_correctness`, shape (N,).
        shortest: length of the shortest path to what the question is about l [m], shape (N,).
        walked: length walked p [m], shape (N,). Who stands where the answer is and stays there has efficiency 1.

    Source: Majumdar et al. 2024, "OpenEQA", CVPR, section 5 (the analogue of SPL).
    """
    best, taken = (np.asarray(values, dtype=np.float64) for values in (shortest, walked))
    longest = np.maximum(best, taken)
    share = np.divide(best, longest, out=np.ones_like(longest), where=longest > 0.0)
    return 100.0 * answer_accuracy(_share(scores) * share)


def _share(scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
    given = np.nan_to_num(np.asarray(scores, dtype=np.float64), nan=_WORST)
    return (np.clip(given, _WORST, _BEST) - _WORST) / (_BEST - _WORST)


def _unit(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    given = np.asarray(values, dtype=np.float64)
    if len(given) and not (given.min() >= 0.0 and given.max() <= 1.0):
        raise ValueError(f"{name} must lie in 0..1, got {given.min():g}..{given.max():g}")
    return given
