"""Tables of evaluations: rows of text, for a terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["HEADLINES", "agent_rows", "estimate_text", "headline_rows", "measure_rows", "measure_words"]

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]

SELD = ("er20", "f20", "le_cd", "lr_cd", "relative_distance_error")
"""Measures of localisation and detection."""

HEADLINES = ("success", "chance", "grounding", "spl", "soft_spl", "sws", "answer_right", *SELD)
"""Measures by which kinds of episodes and agents are compared, as far as a suite has them."""

_WORDS = {
    "spl": "SPL",
    "soft_spl": "SoftSPL",
    "sna": "SNA",
    "sws": "SWS",
    "f20": "F20",
    "er20": "ER20",
    "le_cd": "LE_CD",
    "lr_cd": "LR_CD",
}


def measure_words(name: str) -> str:
    """Returns a measure's name as the field writes it."""
    return _WORDS.get(name, name.replace("_", " "))


def estimate_text(value: Mapping[str, Any] | None) -> str:
    """Returns "0.62 (0.55-0.69)" for a mean with its interval, "-" for none."""
    if value is None:
        return "-"
    low, high = value["ci95"]
    digits = 2 if abs(value["mean"]) < 10 else 1
    dash = "-" if low >= 0 else " to "
    return f"{value['mean']:.{digits}f} ({low:.{digits}f}{dash}{high:.{digits}f})"


def measure_rows(summary: Mapping[str, Any]) -> Rows:
    """Returns every measure with its mean and interval."""
    rows: list[tuple[str, ...]] = []
    for name, value in summary["measures"].items():
        low, high = value["ci95"]
        rows.append((measure_words(name), f"{value['mean']:.3f}", f"{low:.3f} ... {high:.3f}"))
    return ("measure", "mean", "95 % interval"), rows


def headline_rows(summary: Mapping[str, Any]) -> Rows:
    """Returns the headline measures by tags' values and thirds of the distance."""
    names = [name for name in HEADLINES if name in summary["measures"]]
    rows = [
        (tag, kind, str(group["episodes"]), *(estimate_text(group["measures"].get(name)) for name in names))
        for tag, kinds in summary["breakdown"].items()
        for kind, group in kinds.items()
    ]
    return ("by", "", "episodes", *(measure_words(name) for name in names)), rows


def agent_rows(summaries: Sequence[Mapping[str, Any]], measures: Sequence[str]) -> Rows:
    """Returns a row an evaluation with some measures, as far as any of them has them."""
    names = [name for name in measures if any(name in summary["measures"] for summary in summaries)]
    rows = [
        (
            str(summary["agent"]),
            str(summary["episodes"]) + (f" x {summary['seeds']}" if summary.get("seeds", 1) > 1 else ""),
            *(estimate_text(summary["measures"].get(name)) for name in names),
        )
        for summary in summaries
    ]
    return ("agent", "episodes", *(measure_words(name) for name in names)), rows
