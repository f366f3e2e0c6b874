"""`avi bench profile`: where the time of a step goes, stage by stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ProfileSettings", "bench_profile"]


@dataclass(frozen=True)
class ProfileSettings:
    """Prints where a step's time goes: milliseconds and share of each stage; they add up to the whole."""

    num_envs: tuple[int, ...] = (1, 8)
    """Environments in a batch, one table each."""
    width: int = 128
    """Image width [pixels]."""
    height: int = 128
    """Image height [pixels]."""
    sensors: tuple[str, ...] = ("rgb", "depth", "audio", "spectrogram")
    """Observation keys."""
    scenes: str = "houses:4"
    """Scenes, as an environment takes them."""
    distractors: int = 0
    """Further sounds at once."""
    steps: int = 100
    """Steps that are watched, in five rounds; the median round counts."""
    seed: int = 0
    """Of walks and episodes."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    output: Path | None = None
    """Folder for the picture (needs matplotlib)."""
    json: Path | None = None
    """File for the results."""


def bench_profile(settings: ProfileSettings) -> int:
    """Measures, prints, writes."""
    from rich.console import Console

    from avi_env.bench.files import output_folder, write_json
    from avi_env.bench.plots import matplotlib_or_error
    from avi_env.bench.profile_stages import print_profile, profiled
    from avi_env.bench.spec import machine_facts, run_spec
    from avi_env.bench.speed_page import draw_speed_plots

    console = Console()
    if settings.output is not None:
        matplotlib_or_error()  # before the work, not after
        output_folder(settings.output)
    found = [profiled(count, settings, console) for count in settings.num_envs]
    for one in found:
        print_profile(one, console)
    given = {key: value for key, value in asdict(settings).items() if key not in ("output", "json")}
    arguments: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
    spec = run_spec(settings.device, [settings.seed], arguments) | {"machine": machine_facts()}
    report = {"spec": spec, "results": [row for one in found for row in one["rows"]], "series": {"profile": found}}
    if settings.json is not None:
        write_json(settings.json, report)
    if settings.output is not None:
        console.print(f"wrote {', '.join(draw_speed_plots(report, settings.output))} to {settings.output}")
    return 0
