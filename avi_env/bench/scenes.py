"""`avi bench scenes`: what generated houses are like, whether they hold together, and what large scans cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ScenesSettings", "bench_scenes"]


@dataclass(frozen=True)
class ScenesSettings:
    """Measures generated houses (time, faults, sizes, reverberation, detours) and a scan of a million triangles."""

    parts: tuple[str, ...] = ()
    """Parts: houses, reverberation, detours, scan; none = all."""
    count: int = 200
    """Number of houses of each measurement but the traced ones."""
    rooms: int = 40
    """Houses whose rooms' reverberation is traced."""
    seed: int = 0
    """Seed of the first house."""
    split: str = "train"
    """Split of the houses."""
    triangles: int = 1_000_000
    """Size of the scan."""
    output: Path | None = None
    """Folder for the plots (needs matplotlib)."""
    json: Path | None = None
    """File for the results."""


def bench_scenes(settings: ScenesSettings) -> int:
    """Measures, prints, writes; returns 1 where a house has faults or a limit does not hold."""
    from rich.console import Console

    from avi_env.bench.files import output_folder, write_json
    from avi_env.bench.plots import matplotlib_or_error
    from avi_env.bench.scenes_page import draw_scene_plots
    from avi_env.bench.scenes_suite import print_scene_report, run_scenes

    console = Console()
    if settings.output is not None:
        matplotlib_or_error()  # before minutes of work, not after
        output_folder(settings.output)
    report = run_scenes(settings, console)
    print_scene_report(report, console)
    if settings.json is not None:
        write_json(settings.json, report)
    if settings.output is not None:
        console.print(f"wrote {', '.join(draw_scene_plots(report, settings.output))} to {settings.output}")
    return 1 if any(row["within"] is False for row in report["results"]) else 0
