"""The measurements of the speed benchmark, and the report that they make."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from avi_env.bench import speed_measures, speed_targets
from avi_env.bench.profile import ProfileSettings
from avi_env.bench.profile_stages import profiled
from avi_env.bench.scenes_suite import allowed, amount
from avi_env.bench.spec import machine_facts, run_spec
from avi_env.bench.speed_peers import peer_names, peers
from avi_env.bench.speed_rows import SpeedEffort, SpeedFindings
from avi_env.bench.speed_timing import Load, machine_device
from avi_env.content import name_error

if TYPE_CHECKING:
    from rich.console import Console

    from avi_env.bench.speed import SpeedSettings

__all__ = ["MEASUREMENTS", "SPEED_PARTS", "print_speed_report", "run_speed"]

MEASUREMENTS: dict[str, Callable[[SpeedEffort], SpeedFindings]] = {
    "vision": speed_measures.vision,
    "hearing": speed_measures.hearing,
    "navigation": speed_measures.navigation,
    "copies": speed_measures.copies,
    "batch": speed_measures.steps_batch,
    "resolution": speed_measures.steps_resolution,
    "modality": speed_measures.steps_modality,
    "scene": speed_measures.steps_scene,
    "sources": speed_measures.steps_sources,
    "houses": speed_measures.steps_houses,
    "rates": speed_targets.rates,
    "processes": speed_targets.several_processes,
    "resets": speed_targets.resets,
    "memory": speed_targets.memory,
}
"""What is measured, by the name that --only takes; "peers" and "profile" besides."""

_PROCESSES = ("processes", "memory", "peers")  # take their time to begin

SPEED_PARTS = ("targets", "peers", "steps", "doubling", "stages", "reset", "memory", "profile")
"""Parts of the report."""


def run_speed(settings: SpeedSettings, console: Console) -> dict[str, Any]:
    """Returns the report: what it was made with, one result a row, curves for the plots; shows progress.

    Raises:
        ValueError: an unknown measurement, or a device that is not there.
    """
    chosen = _chosen(settings)
    effort = SpeedEffort.of(settings.device, settings.quick, settings.seed)
    machine_device(settings.device)
    results: list[dict[str, Any]] = []
    series: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    with _threads(settings.threads) as threads, Load() as load:
        for name, findings, taken in _measured(chosen, effort, console):
            results += findings.rows
            series |= findings.series
            seconds[name] = round(taken, 1)
    given = {key: value for key, value in asdict(settings).items() if key not in ("output", "json")}
    arguments = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    arguments["command"] = _command(settings)
    spec = run_spec(settings.device, [settings.seed], arguments)
    spec["machine"] = machine_facts() | {"threads": threads, "others": round(load.others, 3), "seconds": seconds}
    if settings.device.startswith("cuda"):
        spec["machine"]["cuda_driver"] = _cuda_driver()
    return {"spec": spec, "results": results, "series": series}


def _cuda_driver() -> str:
    """Returns the version of CUDA that the driver speaks."""
    import warp as wp

    return ".".join(str(number) for number in wp.get_cuda_driver_version() or ())


def _command(settings: SpeedSettings) -> str:
    """Returns the command that measures the same again; where it wrote to is of no account."""
    words = ["avi", "bench", "speed"]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != field.default and field.name not in ("output", "json"):
            values = value if isinstance(value, tuple) else () if value is True else (value,)
            words += [f"--{field.name}", *map(str, values)]
    return shlex.join(words)


def _chosen(settings: SpeedSettings) -> dict[str, Callable[[SpeedEffort, Console], SpeedFindings]]:
    """Returns the measurements that were asked for.

    Raises:
        ValueError: an unknown name.
    """
    found: dict[str, Callable[[SpeedEffort, Console], SpeedFindings]] = {
        name: partial(_without_console, measure) for name, measure in MEASUREMENTS.items()
    }
    peer_names(settings.peers)  # wrong ones show up before the work
    found["peers"] = partial(_peers, settings)
    found["profile"] = partial(_profile, settings)
    for name in settings.only:
        if name not in found:
            raise name_error("measurement of the speed benchmark", name, found)
    chosen = settings.only or [name for name in found if not (settings.quick and name in _PROCESSES)]
    return {name: measure for name, measure in found.items() if name in chosen}


def _without_console(measure: Callable[[SpeedEffort], SpeedFindings], effort: SpeedEffort, _: Console) -> SpeedFindings:
    return measure(effort)


def _peers(settings: SpeedSettings, effort: SpeedEffort, console: Console) -> SpeedFindings:
    """Other simulators on the same mesh; who is missing is named with what installs it."""
    found = peers(settings.peers, effort)
    for item in found.series.get("missing", []):
        console.print(f"[yellow]left out: {item['name']}, {item['reason']}: {item['install']}[/]", highlight=False)
    return found


def _profile(settings: SpeedSettings, effort: SpeedEffort, console: Console) -> SpeedFindings:
    """Where a step's time goes, at the first, a middle and the last number of environments."""
    counts = effort.counts
    of = ProfileSettings(
        width=effort.size,
        height=effort.size,
        scenes=f"houses:{effort.houses}",
        steps=10 if settings.quick else 60,
        seed=settings.seed,
        device=settings.device,
    )
    found = [profiled(n, of, console) for n in dict.fromkeys((counts[0], counts[len(counts) // 2], counts[-1]))]
    return SpeedFindings([row for one in found for row in one["rows"]], {"profile": found})


@contextmanager
def _threads(asked: int) -> Iterator[int]:
    """Gives this process a number of threads, 0 = leaves them; yields how many it has."""
    before = torch.get_num_threads()
    torch.set_num_threads(asked or before)
    try:
        yield asked or before
    finally:
        torch.set_num_threads(before)


def _measured(
    chosen: dict[str, Callable[[SpeedEffort, Console], SpeedFindings]], effort: SpeedEffort, console: Console
) -> Iterator[tuple[str, SpeedFindings, float]]:
    """Yields name, findings and duration [s] of each measurement, with progress bars."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    for number, (name, measure) in enumerate(chosen.items()):
        begin = time.perf_counter()
        if name == "profile":  # has its own bar
            findings = measure(effort, console)
        else:
            with Progress(*columns, console=console, transient=True) as progress:
                progress.add_task("speed", total=len(chosen), completed=number)
                task = progress.add_task(name, total=None)
                findings = measure(replace(effort, on_step=partial(progress.advance, task)), console)
        yield name, findings, time.perf_counter() - begin


_MARKS = {True: "[green]ok[/]", False: "[red]missed[/]", None: ""}


def print_speed_report(report: dict[str, Any], console: Console) -> None:
    """Prints a report's results as one table a part."""
    from rich.table import Table

    for part in SPEED_PARTS:
        rows = [row for row in report["results"] if row["part"] == part]
        if not rows:
            continue
        table = Table(title=part, title_justify="left")
        for column in ("what", "measured", "rounds", "target", ""):
            table.add_column(column)
        for row in rows:
            table.add_row(row["name"], amount(row), _spread(row), allowed(row), _MARKS[row["within"]])
        console.print(table)
    machine = report["spec"]["machine"]
    console.print(
        f"{report['spec']['device']}; {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads; "
        f"other processes used {machine['others']:.2f} cores meanwhile",
        highlight=False,
    )


def _spread(row: dict[str, Any]) -> str:
    """Returns the least and greatest of a row's rounds as people write them."""
    return "" if "spread" not in row else " - ".join(f"{value:,.4g}" for value in row["spread"])
