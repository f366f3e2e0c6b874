"""`avi bench acoustics`: how right the sound is, in just noticeable differences, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["AcousticsSettings", "bench_acoustics"]


@dataclass(frozen=True)
class AcousticsSettings:
    """Holds the sound against theory, another simulator and itself, in JNDs; measures its cost."""

    parts: tuple[str, ...] = ()
    """Parts: theory, crosscheck, baked, cost; none = all."""
    quick: bool = False
    """Half a minute instead of minutes: fewer places, paths and runs."""
    seed: int = 0
    """Seed of paths and places."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: Path | None = None
    """Folder for the plots (needs matplotlib)."""
    json: Path | None = None
    """File for the results."""


def bench_acoustics(settings: AcousticsSettings) -> int:
    """Measures, prints, writes; returns 1 where a limit of theory, crosscheck or baked fields does not hold."""
    from rich.console import Console

    from avi_env.bench.acoustics_plots import draw_plots
    from avi_env.bench.acoustics_rows import Effort
    from avi_env.bench.acoustics_suite import print_report, run_acoustics
    from avi_env.bench.files import output_folder, write_json
    from avi_env.bench.plots import matplotlib_or_error

    console = Console()
    if settings.output is not None:
        matplotlib_or_error()  # before minutes of work, not after
        output_folder(settings.output)
    effort = Effort.quick(settings.seed, settings.device)
    if not settings.quick:
        effort = Effort(seed=settings.seed, device=settings.device)
    report = run_acoustics(settings.parts, effort, console)
    print_report(report, console)
    if settings.json is not None:
        write_json(settings.json, report)
    if settings.output is not None:
        console.print(f"wrote {', '.join(draw_plots(report, settings.output))} to {settings.output}")
    missed = [row for row in report["results"] if row["part"] != "cost" and row["within"] is False]
    return 1 if missed else 0
