"""Plots of an acoustic report. matplotlib is imported where it draws: the rest of the benchmark does without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from avi_env.bench.acoustics_rows import JNDS
from avi_env.bench.plots import BAND, FAINT, INK, OTHER, OURS, THIRD, draw_figures

__all__ = ["PLOTS", "draw_plots"]


def draw_plots(report: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Writes the plots whose curves a report holds; returns the files' names. Errors as `draw_figures`."""
    return draw_figures(PLOTS, report["series"], folder)


def _t30(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.4, 3.6)
    axes = figure.subplots()
    curves = series["t30"]
    at = curves["absorption"]
    jnd = 100.0 * JNDS["T30"].size
    kuttruff = 100.0 * np.array(curves["kuttruff"])
    axes.fill_between(at, kuttruff - jnd, kuttruff + jnd, color=BAND, label="one JND about Kuttruff")
    axes.plot(at, kuttruff, color=FAINT, linestyle="--", label="Kuttruff")
    axes.axhline(0.0, color=INK, linewidth=1.0)
    axes.annotate("Eyring", (at[0], 0.0), (0, -11), textcoords="offset points", color=INK, fontsize=9)
    axes.plot(at, 100.0 * np.array(curves["ours_s1"]), "o-", color=OURS, label="traced, all scattered")
    axes.plot(at, 100.0 * np.array(curves["ours_s0.1"]), "s-", color=THIRD, label="traced, a tenth scattered")
    if "t30_hybrid" in series:
        other = series["t30_hybrid"]
        errors = 100.0 * np.array(other["error"])
        axes.plot(other["absorption"], errors, "D-", color=OTHER, label="pyroomacoustics hybrid, all scattered")
    axes.set_xlabel("absorption of the walls")
    axes.set_ylabel("T30 re Eyring [%]")
    axes.set_ylim(top=42.0)
    axes.set_title("Reverberation of a 6 x 5 x 3 m room, 1 kHz")
    axes.legend(loc="upper left")


_SCATTER = (("level", "level [dB]"), ("C50", "C50 [dB]"), ("T30", "T30 [s]"), ("DRR", "direct / reverberant [dB]"))


def _scatter(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.8, 6.6)
    curves = series["houses"]
    seen = np.array(curves["in_sight"])
    for axes, (quantity, label) in zip(figure.subplots(2, 2).reshape(-1), _SCATTER, strict=True):
        traced, baked = (
            np.array([np.nan if v is None else v for v in curves[f"{quantity}_{how}"]], dtype=np.float64)
            for how in ("traced", "baked")
        )
        both = np.concatenate([traced, baked])
        low, high = float(np.nanmin(both)), float(np.nanmax(both))
        line = np.array([low, high]) + np.array([-0.05, 0.05]) * max(high - low, 1e-6)
        jnd = JNDS[quantity]
        width = jnd.size * line if jnd.relative else np.full(2, jnd.size)
        axes.fill_between(line, line - width, line + width, color=BAND, linewidth=0.0)
        axes.plot(line, line, color=FAINT, linewidth=1.0)
        for mask, colour, name in ((seen, OTHER, "in sight of the source"), (~seen, OURS, "round corners")):
            axes.plot(traced[mask], baked[mask], "o", color=colour, markersize=4, alpha=0.75, label=name)
        axes.set(xlim=line, ylim=line, aspect="equal", xlabel="traced", ylabel="baked", title=label)
        if quantity == "level":
            axes.legend(loc="upper left", handletextpad=0.2)


def _half_plane(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.4, 3.6)
    axes = figure.subplots()
    curves = series["half_plane"]
    for colour, frequency, ours, theory in zip(
        (THIRD, OURS, OTHER), curves["frequency_hz"], curves["ours_db"], curves["utd_db"], strict=True
    ):
        axes.plot(curves["bend_deg"], -np.array(ours), color=colour, linewidth=2.0)
        axes.plot(curves["bend_deg"], -np.array(theory), color=colour, linestyle=":", linewidth=1.6)
        name = f"{frequency / 1000:g} kHz" if frequency >= 1000 else f"{frequency:g} Hz"
        place = (curves["bend_deg"][-1], -theory[-1])
        axes.annotate(name, place, (4, -3), textcoords="offset points", color=colour, fontsize=9)
    axes.plot([], [], color=INK, linewidth=2.0, label="avi-env")
    axes.plot([], [], color=INK, linestyle=":", linewidth=1.6, label="uniform theory of diffraction")
    axes.set(xlabel="bend [degrees]", ylabel="gain re the path's length [dB]", xlim=(0, 195))
    axes.set_title("Sound behind a half plane, 2 m on either side")
    axes.legend(loc="upper right")


def _decay(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.4, 3.4)
    axes = figure.subplots()
    looks = {"pyroomacoustics": (OTHER, "--"), "traced": (OURS, "-"), "baked": (THIRD, "-")}
    for name, curve in sorted(series["decay"]["curves_db"].items(), reverse=True):
        time = np.arange(len(curve)) * series["decay"]["step_seconds"]
        colour, line = looks[name]
        axes.plot(time, curve, color=colour, linestyle=line, linewidth=1.8, label=name)
    axes.set(xlabel="time after the arrival [s]", ylabel="energy still to come [dB]", ylim=(-65, 2), xlim=(0, None))
    axes.set_title("Decay of one room three ways, 1 kHz")
    axes.legend(loc="upper right")


def _itd(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(4.6, 4.4)
    axes = figure.add_subplot(projection="polar")
    curves = series["head"]
    angle = np.radians([*curves["azimuth_deg"], curves["azimuth_deg"][0]])
    for key, colour, line, name in (
        ("woodworth_s", FAINT, "--", "Woodworth's sphere"),
        ("itd_s", OURS, "-", "KEMAR, as it is used"),
    ):
        values = 1e6 * np.abs([*curves[key], curves[key][0]])
        axes.plot(angle, values, color=colour, linestyle=line, linewidth=1.8, label=name)
    axes.set_theta_zero_location("N")  # ahead is up, angles counter-clockwise: left is left
    axes.set_rlim(0, 760)
    axes.set_rticks([200, 400, 600], ["200", "400", "600 us"])
    axes.set_rlabel_position(22)
    axes.set_title("Delay between the ears by azimuth", pad=16)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.22), ncols=2)


def _walk(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.6, 3.8)
    heard = series["walk_to_phone.ogg"]
    above, below = figure.subplots(2, 1, sharex=True)
    time = (np.arange(len(heard["level_db"])) + 0.5) * heard["window_s"]
    above.plot(time, [np.nan if v is None else v for v in heard["level_db"]], color=OURS, linewidth=1.8)
    above.set(ylabel="level [dB SPL]", ylim=(30, None))
    above.set_title("Walking through a doorway towards a ringing phone")
    first = heard["responses"]
    below.plot(first["time_s"], 1e6 * np.array(first["itd_s"]), color=OURS, linewidth=1.8)
    below.set(ylabel="right ear behind\nthe left [us]", xlabel="time [s]", xlim=(0, None))
    for axes in (above, below):
        _marks(axes, heard["marks"])


def _door(figure: Any, series: dict[str, Any]) -> None:
    figure.set_size_inches(6.6, 3.0)
    heard = series["closing_door.ogg"]
    axes = figure.subplots()
    for (name, key), colour in zip(
        (("250 Hz", "octave_250_db"), ("1 kHz", "octave_1000_db"), ("4 kHz", "octave_4000_db")),
        (THIRD, OURS, OTHER),
        strict=True,
    ):
        time = (np.arange(len(heard[key])) + 0.5) * heard["window_s"]
        axes.plot(time, [np.nan if v is None else v for v in heard[key]], color=colour, linewidth=1.8, label=name)
    axes.set(ylabel="level of the octave [dB SPL]", xlabel="time [s]", xlim=(0, None))
    axes.set_ylim(top=1.12 * axes.get_ylim()[1])  # room for the marks' names
    axes.set_title("A door falls shut between voices and listener")
    axes.legend(loc="lower left")
    _marks(axes, heard["marks"])


def _marks(axes: Any, marks: dict[str, float]) -> None:
    for name, time in marks.items():
        axes.axvline(time, color=FAINT, linestyle="--", linewidth=1.2)
        place = (time, 0.97)
        axes.annotate(name, place, (4, -9), xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=9)


PLOTS: dict[str, tuple[str, Callable[[Any, dict[str, Any]], None]]] = {
    "acoustics_t30.svg": ("t30", _t30),
    "acoustics_baked.svg": ("houses", _scatter),
    "acoustics_diffraction.svg": ("half_plane", _half_plane),
    "acoustics_decay.svg": ("decay", _decay),
    "acoustics_itd.svg": ("head", _itd),
    "acoustics_walk.svg": ("walk_to_phone.ogg", _walk),
    "acoustics_door.svg": ("closing_door.ogg", _door),
}
"""Files, the curves that they need, and who draws them."""
