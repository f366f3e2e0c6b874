"""Plots of a speed report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from avi_env.bench.plots import BAND, FAINT, INK, OTHER, OURS, THIRD

__all__ = ["SPEED_PLOTS"]

_STAGE_COLOURS = (
    "#1f6fb2", "#7db4dd", "#c7dff2", "#d1603d", "#e79a80", "#f4cdbf", "#3f9b6c", "#93cbaa", "#8668a8", "#c0aed4",
    "#c9a227", "#e6d08a", "#8b93a1",
)  # fmt: skip
_PANELS = (
    ("steps_batch", "environments N", True),
    ("steps_resolution", "image width [pixels]", True),
    ("steps_scene", "triangles", True),
    ("steps_sources", "sounds at once", False),
    ("steps_houses", "houses", True),
    ("steps_modality", "", False),
)


def _steps(figure: Any, series: dict[str, Any]) -> None:
    panels = [panel for panel in _PANELS if panel[0] in series]
    rows, columns = -(-len(panels) // 3), min(len(panels), 3)
    figure.set_size_inches(3.0 * columns, 2.6 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes, (key, label, logarithmic) in zip(grid, panels, strict=False):
        curve = series[key]
        rate = 1e6 / np.array(curve["us"])
        spread = 1e6 / np.array(curve["spread_us"])
        if isinstance(curve["at"][0], str):
            axes.barh(range(len(rate)), rate, color=OURS, height=0.6)
            axes.set_yticks(range(len(rate)), curve["at"], fontsize=8)
            axes.invert_yaxis()
            axes.set_xlabel("environment steps a second", fontsize=8)
            axes.set_title("what is sensed", fontsize=9.5)
        else:
            axes.fill_between(curve["at"], spread.min(axis=1), spread.max(axis=1), color=BAND)
            axes.plot(curve["at"], rate, "o-", color=OURS, linewidth=1.8, markersize=4)
            _numbers(axes, curve["at"], logarithmic)
            axes.set_ylim(bottom=0.0)
            axes.set_title(label, fontsize=9.5)
            axes.set_ylabel("steps a second", fontsize=8)
        axes.tick_params(labelsize=8)


def _numbers(axes: Any, at: Sequence[float], logarithmic: bool) -> None:
    if logarithmic and min(at) > 0:
        axes.set_xscale("log", base=2)
    axes.set_xticks(at, [f"{v:g}" if v < 10_000 else f"{v / 1000:.0f} k" for v in at])
    axes.minorticks_off()


def _stages(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(9.0, 3.2)
    left, middle, right = figure.subplots(1, 3)
    for axes, key, title in (
        (left, "vision_resolution", "a view, over image width"),
        (middle, "vision_triangles", "a view, over triangles"),
        (right, "hearing_count", "a step's sound, over N"),
    ):
        if key not in series:
            axes.set_axis_off()
            continue
        curve = series[key]
        names = [name for name in curve if name != "at"]
        for name, colour in zip(names, (OURS, OTHER, THIRD), strict=False):
            axes.plot(curve["at"], np.array(curve[name]) / 1e3, "o-", color=colour, markersize=4, label=name)
        _numbers(axes, curve["at"], True)
        axes.set_ylim(bottom=0.0)
        axes.set_title(title, fontsize=9.5)
        axes.set_ylabel("ms an environment", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8)


def _profile(figure: Any, series: dict[str, Any]) -> None:
    found = series["profile"]
    every = {name for one in found for name in one["stages"]}
    names = sorted(every, key=lambda name: -max(one["stages"].get(name, 0.0) / one["whole"] for one in found))
    figure.set_size_inches(8.0, 0.55 * len(found) + 1.9)
    axes = figure.subplots()
    left = np.zeros(len(found))
    for name, colour in zip(names, cycle(_STAGE_COLOURS), strict=False):
        values = np.array([one["stages"].get(name, 0.0) / one["count"] for one in found])
        axes.barh(range(len(found)), values, left=left, color=colour, height=0.7, label=name)
        left += values
    axes.set_yticks(range(len(found)), [f"N = {one['count']}" for one in found])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="ms an environment", title="Where the time of a step goes")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)


def _peers(figure: Any, series: dict[str, Any]) -> None:
    contests = series["peers"]
    heights = [len(contest["names"]) for contest in contests]
    figure.set_size_inches(7.6, 0.3 * sum(heights) + 0.75 * len(contests))
    panels = figure.subplots(len(contests), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, contest in zip(panels, contests, strict=True):
        own = [name.startswith("avi-env") for name in contest["names"]]
        axes.barh(range(len(own)), contest["rate"], color=[OURS if mine else FAINT for mine in own], height=0.65)
        for row, value in enumerate(contest["rate"]):
            axes.annotate(f"{value:,.0f}", (value, row), (4, -3), textcoords="offset points", fontsize=8, color=INK)
        axes.set_yticks(range(len(own)), contest["names"], fontsize=8)
        axes.tick_params(labelsize=8)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_title(f"{contest['title']} [1/s]", fontsize=9)


def _memory(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.4, 2.6)
    axes = figure.subplots()
    axes.plot(series["memory"]["step"], series["memory"]["resident_mb"], color=OURS, linewidth=1.8)
    axes.set_ylim(bottom=0.0)
    axes.set(xlabel="steps", ylabel="resident [MB]", title="Memory of one environment that walks from house to house")


SPEED_PLOTS: dict[str, tuple[str, Callable[[Any, dict[str, Any]], None]]] = {
    "speed_steps.svg": ("steps_batch", _steps),
    "speed_stages.svg": ("vision_resolution", _stages),
    "speed_profile.svg": ("profile", _profile),
    "speed_peers.svg": ("peers", _peers),
    "speed_memory.svg": ("memory", _memory),
}
"""Files, the series that they need, and who draws them."""
