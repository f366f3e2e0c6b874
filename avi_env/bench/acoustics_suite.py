"""The measurements of the acoustic benchmark, and the report that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from avi_env.bench import acoustics_baked, acoustics_cost, acoustics_crosscheck, acoustics_rooms, acoustics_theory
from avi_env.bench.acoustics_rows import JNDS, Effort, Findings
from avi_env.bench.spec import machine_facts, run_spec
from avi_env.content import name_error

__all__ = ["PARTS", "print_report", "run_acoustics"]

Measurement = Callable[[Effort], Findings]

PARTS: dict[str, dict[str, Measurement]] = {
    "theory": {
        "free field": acoustics_theory.free_field,
        "air": acoustics_theory.air,
        "plate": acoustics_theory.infinite_plate,
        "shoebox images": acoustics_theory.shoebox_images,
        "transmission": acoustics_theory.transmission,
        "half plane": acoustics_theory.half_plane,
        "doorway": acoustics_theory.doorway,
        "head": acoustics_theory.head,
        "conservation": acoustics_rooms.conservation,
        "reverberation time": acoustics_rooms.reverberation_time,
        "steady level": acoustics_rooms.steady_level,
        "coupled rooms": acoustics_rooms.coupled,
        "door": acoustics_rooms.door,
        "reciprocity": acoustics_rooms.reciprocity,
    },
    "crosscheck": {
        "image sources": acoustics_crosscheck.image_sources,
        "decays": acoustics_crosscheck.decays,
        "hybrid's decay": acoustics_crosscheck.hybrid_decay,
        "measured decay": acoustics_crosscheck.measured_decay,
    },
    "baked": {"houses": acoustics_baked.houses},
    "cost": {
        "bake": acoustics_cost.bake,
        "memory": acoustics_cost.memory,
        "step": acoustics_cost.step,
        "traced response": acoustics_cost.traced_rir,
        "rate": acoustics_cost.rir_rate,
    },
}
"""Measurements by part and name."""

_PEERED = {("crosscheck", name) for name in PARTS["crosscheck"]} | {("cost", "rate")}  # need the other simulator


def run_acoustics(parts: Sequence[str], effort: Effort, console: Console) -> dict[str, Any]:
    """Returns the report: what it was made with, one result a row, curves for the plots; shows progress.

    Args:
        parts: names of PARTS; none = all.
        effort: how much is measured.
        console: where progress shows.

    Raises:
        ValueError: a part that there is not.
        ImportError: part "crosscheck" was asked for and pyroomacoustics is not installed.
    """
    for part in parts:
        if part not in PARTS:
            raise name_error("part of the acoustic benchmark", part, PARTS)
    chosen = [(part, name) for part in parts or PARTS for name in PARTS[part]]
    if not acoustics_crosscheck.is_installed():
        if "crosscheck" in parts:
            raise ImportError(acoustics_crosscheck.MISSING)
        console.print(f"[yellow]left out: {acoustics_crosscheck.MISSING}[/]")
        chosen = [item for item in chosen if item not in _PEERED]
    results: list[dict[str, Any]] = []
    series: dict[str, Any] = {}
    for part, findings in _measured(chosen, effort, console):
        results += [row.to_json(part) for row in findings.rows]
        series |= findings.series
    given = {item.name: getattr(effort, item.name) for item in fields(effort) if item.name != "on_step"}
    arguments = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
    spec = run_spec(effort.device, [effort.seed], {"parts": list(parts), **arguments}) | {"machine": machine_facts()}
    jnds = {name: jnd._asdict() for name, jnd in JNDS.items()}
    return {"spec": spec, "jnds": jnds, "results": results, "series": series}


def _measured(chosen: list[tuple[str, str]], effort: Effort, console: Console) -> Iterator[tuple[str, Findings]]:
    """Yields part and findings of each measurement, with progress bars."""
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        whole = progress.add_task("acoustics", total=len(chosen))
        for part, name in chosen:
            steps = len(effort.houses) * effort.pairs if part == "baked" else 1
            task = progress.add_task(f"{part}: {name}", total=steps)
            yield part, PARTS[part][name](replace(effort, on_step=partial(progress.advance, task)))
            progress.remove_task(task)
            progress.advance(whole)


_MARKS = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}


def print_report(report: dict[str, Any], console: Console) -> None:
    """Prints a report's results as one table a part."""
    for part in PARTS:
        rows = [row for row in report["results"] if row["part"] == part]
        if not rows:
            continue
        table = Table(title=part, title_justify="left")
        for column in ("what", "measured", "held against", "deviation", "JND", "within"):
            table.add_column(column)
        for row in rows:
            name = row["name"] + (f" [dim]({row['note']})[/]" if row["note"] else "")
            table.add_row(name, *_cells(row), _MARKS[row["within"]])
        console.print(table)
    machine = report["spec"]["machine"]
    console.print(f"{machine['processor']}, {machine['cores']} cores; CPU times are of one core", highlight=False)


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    peer = row["peer"] if row["peer_value"] is None else f"{row['peer']}: {row['peer_value']:.5g}"
    deviation = row["deviation"]
    shown = "" if deviation is None else f"{100.0 * deviation:+.2f} %" if row["relative"] else f"{deviation:+.3g}"
    return f"{row['value']:.5g} {row['unit']}", peer, shown, "" if row["jnds"] is None else f"{row['jnds']:.2f}"
