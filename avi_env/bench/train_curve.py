"""The curve of a training as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avi_env.bench.plots import FAINT, OURS, THIRD, draw_figures

__all__ = ["CURVE", "draw_curve"]

CURVE = "curve.png"
_POINTS = 60  # that the mean of the episodes that ended while learning is drawn with


def draw_curve(records: Sequence[Mapping[str, Any]], measure: str, folder: Path) -> str:
    """Draws what validation and rollouts came to over the steps; returns the file's name.

    Args:
        records: of progress.jsonl.
        measure: of the validation, by which the best policy was chosen.
        folder: where the file goes.

    Raises:
        ImportError: matplotlib is not installed.
    """
    series = {"records": records, "measure": measure}
    (name,) = draw_figures({CURVE: ("records", _draw)}, series, folder)
    return name


def _draw(figure: Any, series: dict[str, Any]) -> None:
    records, measure = series["records"], series["measure"]
    figure.set_size_inches(7.5, 4.5)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for tag, colour in ((f"validation/{measure}", OURS), ("validation/success", THIRD)):
        steps, values = _points(records, tag)
        if len(steps):
            upper.plot(steps, values, color=colour, marker="o", markersize=3, label=tag)
    best = [(r["steps"], r["scalars"][f"validation/{measure}"]) for r in records if r.get("best")]
    if best:
        upper.plot(*best[-1], marker="o", markersize=9, markerfacecolor="none", color=OURS, linestyle="")
    upper.legend(loc="best")
    steps, values = _points(records, "rollout/return")
    if len(steps):
        lower.plot(*_smoothed(steps, values), color=FAINT, label="rollout/return")
        lower.legend(loc="best")
    lower.set_xlabel("environment steps")


def _points(records: Sequence[Mapping[str, Any]], tag: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    found = [(r["steps"], r["scalars"][tag]) for r in records if r["scalars"].get(tag) is not None]
    table = np.array(found, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _smoothed(
    steps: np.ndarray[Any, Any], values: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Returns means over equal numbers of iterations."""
    parts = min(_POINTS, len(steps))
    return tuple(  # type: ignore[return-value]
        np.array([part.mean() for part in np.array_split(row, parts)]) for row in (steps, values)
    )
