"""Tables and plots of a report on scenes, for docs/scenes.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avi_env.bench.pages import Region, committed_results, markdown_table, rendered_regions
from avi_env.bench.plots import FAINT, OTHER, OURS, draw_figures
from avi_env.bench.scenes_suite import PLAUSIBLE, allowed, amount

__all__ = ["SCENE_REGIONS", "committed_scene_report", "draw_scene_plots", "rendered_scene_page"]

_FIGURES = {
    "milliseconds": "time to generate [ms]",
    "rooms": "rooms",
    "area_m2": "floor area [m²]",
    "triangles": "triangles",
    "objects": "objects",
    "categories": "categories of objects",
    "sounding_objects": "objects that can sound",
    "sound_classes": "classes of sound",
    "openings": "doors and openings",
    "materials": "materials",
}
_PANELS = ("rooms", "area_m2", "triangles", "objects", "sound_classes", "milliseconds")


def committed_scene_report() -> dict[str, Any]:
    """Returns the report that is committed with the code.

    Raises:
        FileNotFoundError: it is not there; the message says what makes it.
    """
    return committed_results("scenes", "cpu.json", "avi bench scenes --json")


def rendered_scene_page(page: str, report: dict[str, Any]) -> str:
    """Returns a page with each region `<!-- scenes: NAME -->` ... `<!-- end -->` written anew from a report."""
    return rendered_regions(page, "scenes", SCENE_REGIONS, report)


def draw_scene_plots(report: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Writes the plots whose series a report holds; returns the files' names. Errors as `draw_figures`."""
    return draw_figures(_PLOTS, report["series"], folder)


def _spec(report: dict[str, Any]) -> str:
    spec, machine = report["spec"], report["spec"]["machine"]
    changed = ", with uncommitted changes" if spec["dirty"] else ""
    given = spec["arguments"]
    return (
        f"Measured at commit {spec['commit'][:10]}{changed} on {machine['processor']}, {machine['cores']} cores (times "
        f"are CPU times of one), split {given['split']}, {given['count']} houses from seed {given['seed']}, "
        f"reverberation in {given['rooms']} of them."
    )


def _figures(report: dict[str, Any]) -> str:
    rows = []
    for key, name in _FIGURES.items():
        values = np.array(report["series"]["houses"][key], dtype=np.float64)
        rows.append((name, *(f"{v:,.4g}" for v in np.quantile(values, (0.0, 0.1, 0.5, 0.9, 1.0)))))
    return markdown_table(("a house", "least", "10 %", "median", "90 %", "most"), rows)


def _results(*parts: str) -> Region:
    def table(report: dict[str, Any]) -> str:
        rows = [row for row in report["results"] if row["part"] in parts]
        cells = [(row["name"], amount(row), allowed(row), row["note"]) for row in rows]
        return markdown_table(("what", "measured", "allowed", ""), cells)

    return table


def _rt60(report: dict[str, Any]) -> str:
    rows = []
    for kind, states in sorted(report["series"]["rt60"].items()):
        furnished, empty = (np.array(states[state]) for state in ("furnished", "empty"))
        low, high = PLAUSIBLE.get(kind, (None, None))
        rows.append(
            (
                kind.replace("_", " "),
                str(len(furnished)),
                *(f"{v:.2f}" for v in np.quantile(furnished, (0.1, 0.5, 0.9))),
                f"{np.median(empty):.2f}" if len(empty) else "",
                "" if low is None else f"{low:g} - {high:g}",
            )
        )
    return markdown_table(
        ("room", "rooms", "10 %", "median [s]", "90 %", "empty, median [s]", "asked of the median"), rows
    )


SCENE_REGIONS: dict[str, Region] = {
    "spec": _spec,
    "houses": _results("houses", "detours"),
    "figures": _figures,
    "rt60": _rt60,
    "scan": _results("scan"),
}
"""Writers of the pages' regions."""


def _distributions(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(8.0, 4.6)
    for axes, key in zip(figure.subplots(2, 3).reshape(-1), _PANELS, strict=True):
        values = np.array(series["houses"][key], dtype=np.float64)
        whole = bool(np.all(values == values.round())) and np.ptp(values) < 40
        edges = np.arange(values.min() - 0.5, values.max() + 1.5) if whole else 20
        axes.hist(values, bins=edges, color=OURS, edgecolor="white", linewidth=0.5)
        axes.axvline(float(np.median(values)), color=OTHER, linewidth=1.5)
        axes.set_title(_FIGURES[key], fontsize=9.5)
        axes.tick_params(labelsize=8)
        axes.grid(axis="x", visible=False)


def _times(figure: Any, series: dict[str, Any]) -> None:
    kinds = sorted(series["rt60"])
    figure.set_size_inches(7.2, 0.42 * len(kinds) + 1.2)
    axes = figure.subplots()
    for row, kind in enumerate(kinds):
        if kind in PLAUSIBLE:
            axes.barh(
                row, PLAUSIBLE[kind][1] - PLAUSIBLE[kind][0], left=PLAUSIBLE[kind][0], color="#dfe7f1", height=0.8
            )
        for state, colour, shift in (("furnished", OURS, -0.14), ("empty", FAINT, 0.14)):
            values = np.array(series["rt60"][kind][state])
            if len(values):
                low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
                axes.plot((low, high), (row + shift,) * 2, color=colour, linewidth=3.0, solid_capstyle="round")
                axes.plot(middle, row + shift, "o", color=colour, markersize=7)
    axes.plot([], [], color=OURS, marker="o", linewidth=3.0, label="furnished: median, 80 % of rooms")
    axes.plot([], [], color=FAINT, marker="o", linewidth=3.0, label="empty")
    axes.fill_between([], [], [], color="#dfe7f1", label="asked of the median")
    axes.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set(xlabel="RT60, mean of 500 Hz and 1 kHz [s]", title="Reverberation of the rooms of generated houses")
    axes.legend(loc="best")


def _ways(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.4, 3.0)
    axes = figure.subplots()
    edges = np.linspace(1.0, 4.0, 31)
    for name, colour in (("same room", FAINT), ("other room", OURS)):
        values = np.clip(series["detour"][name], edges[0], edges[-1])
        axes.hist(values, bins=edges, color=colour, alpha=0.75, label=f"{name}, mean {np.mean(values):.2f}")
    axes.set(
        xlabel="geodesic over Euclidean distance", ylabel="pairs", title="How much longer ways are than straight lines"
    )
    axes.legend()


_PLOTS = {
    "houses.svg": ("houses", _distributions),
    "houses_rt60.svg": ("rt60", _times),
    "houses_detour.svg": ("detour", _ways),
}
