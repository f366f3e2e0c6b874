"""`avi bench speed`: what steps and their stages cost over sizes, against targets and against other simulators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["SpeedSettings", "bench_speed"]


@dataclass(frozen=True)
class SpeedSettings:
    """Measures the speed of every stage and of whole steps over sizes; peers in the same run."""

    only: tuple[str, ...] = ()
    """Measurements: vision, hearing, navigation, copies, batch, resolution, modality, scene, sources, houses, rates,
    processes, resets, memory, peers, profile; none = all."""
    peers: tuple[str, ...] = ("all",)
    """Other simulators: "all", "none" or their names."""
    quick: bool = False
    """Seconds instead of minutes: the smallest sizes; processes, memory and peers only where named."""
    threads: int = 0
    """Threads of this process; 0 = as many as torch uses (OMP_NUM_THREADS)."""
    seed: int = 0
    """Seed of places, walks and episodes."""
    device: str = "cpu"
    """"cpu" or "cuda"; other sizes are measured on each."""
    output: Path | None = None
    """Folder for the plots (needs matplotlib)."""
    json: Path | None = None
    """File for the results."""


def bench_speed(settings: SpeedSettings) -> int:
    """Measures, prints, writes; returns 0: a busy machine is no defect, the report tells what was missed."""
    from rich.console import Console

    from avi_env.bench.files import output_folder, write_json
    from avi_env.bench.plots import matplotlib_or_error
    from avi_env.bench.speed_page import draw_speed_plots
    from avi_env.bench.speed_suite import print_speed_report, run_speed

    console = Console()
    if settings.output is not None:
        matplotlib_or_error()  # before minutes of work, not after
        output_folder(settings.output)
    report = run_speed(settings, console)
    print_speed_report(report, console)
    if settings.json is not None:
        write_json(settings.json, report)
    if settings.output is not None:
        console.print(f"wrote {', '.join(draw_speed_plots(report, settings.output))} to {settings.output}")
    return 0
