"""The clock behind `avi bench profile`: functions of the step marked as stages, time counted from mark to mark."""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import torch

from avi_env.bench.scenes_suite import result_row
from avi_env.bench.speed_rows import Modality
from avi_env.bench.speed_steps import Walk
from avi_env.bench.speed_timing import Load, machine_device, settle, synchronize
from avi_env.bench.variables import fresh_cache

if TYPE_CHECKING:
    from rich.console import Console

    from avi_env.bench.profile import ProfileSettings

__all__ = ["REST", "STAGES", "StageClock", "marked", "print_profile", "profiled", "stage_function"]

REST = "all else"
STAGES: Mapping[str, tuple[str, ...]] = {
    "episodes that begin": ("avi_env.envs.batch:EnvBatch._prepare", "avi_env.envs.batch:EnvBatch._begin"),
    "doors, walking sources": (
        "avi_env.envs.happenings:turn_doors",
        "avi_env.envs.happenings:follow_sources",
    ),
    "motion and distance": ("avi_env.tasks.transition:Transition.__call__",),
    "sound paths": ("avi_env.acoustics.discrete:discrete_paths",),
    "baked field": ("avi_env.acoustics.source_fields:SourceFields.sample",),
    "early response": ("avi_env.acoustics.binaural:response_fir",),
    "waveform": ("avi_env.acoustics.stream:render_step",),
    "sound, the rest": ("avi_env.acoustics.soundscape:Soundscape.listen",),
    "spectrogram": ("avi_env.acoustics.spectrogram:spectrogram",),
    "camera rays": ("avi_env.vision.primary_embree:trace_tiles",),
    "shading": ("avi_env.vision.shading:color_image",),
    "camera rays and shading": ("avi_env.vision.fused:fused_images",),
    "images, the rest": ("avi_env.vision.render:render_views",),
}
"""Stages by name and the functions that they are, "module:name"; what one calls in another counts for the other."""

_ROUNDS = 5
_WARM = 10  # steps before


class StageClock:
    """Adds up the time between marks by stage; on CUDA marks are events, so that nothing waits."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._thread = threading.get_ident()
        self._stack = [REST]
        self._marks: list[tuple[str, Any]] = []

    def enter(self, stage: str) -> None:
        """Time counts for a stage from now on."""
        if threading.get_ident() == self._thread:  # what is prepared beside the step is not part of it
            self._stack.append(stage)
            self._mark()

    def leave(self) -> None:
        """Time counts for the stage before again."""
        if threading.get_ident() == self._thread:
            self._stack.pop()
            self._mark()

    def begin(self) -> None:
        """Forgets all marks; time counts as the rest from now on."""
        self._marks = []
        self._mark()

    def totals(self) -> dict[str, float]:
        """Returns the time of each stage since `begin` [s]; they add up to the whole."""
        self._mark()
        if self._cuda:
            torch.cuda.synchronize()
        found = dict.fromkeys((*STAGES, REST), 0.0)
        for (stage, start), (_, end) in zip(self._marks, self._marks[1:], strict=False):
            found[stage] += 1e-3 * start.elapsed_time(end) if self._cuda else end - start
        return found

    def _mark(self) -> None:
        stamp: Any = time.perf_counter()
        if self._cuda:
            stamp = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            stamp.record()
        self._marks.append((self._stack[-1], stamp))


def stage_function(target: str) -> tuple[Any, str, Callable[..., Any]]:
    """Returns where a function of a stage lives, its name there, and the function.

    Raises:
        ValueError: there is none of that name: the table of stages is behind the code.
    """
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    found = vars(owner).get(name)
    if not callable(found):
        raise ValueError(f"stage function {target} is not there: mend STAGES of avi_env.bench.profile_stages")
    return owner, name, found


@contextmanager
def marked(clock: StageClock) -> Iterator[None]:
    """Lets the functions of the stages tell a clock when they begin and end, wherever avi_env holds them."""
    undo: list[Callable[[], None]] = []
    try:
        for stage, targets in STAGES.items():
            for target in targets:
                owner, name, function = stage_function(target)
                undo += _replaced(owner, name, function, _telling(function, clock, stage))
        yield
    finally:
        for put_back in reversed(undo):
            put_back()


def _telling(function: Callable[..., Any], clock: StageClock, stage: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*arguments: Any, **keywords: Any) -> Any:
        clock.enter(stage)
        try:
            return function(*arguments, **keywords)
        finally:
            clock.leave()

    return run


def _replaced(owner: Any, name: str, old: Any, new: Any) -> list[Callable[[], None]]:
    """Puts a function in another's place where it lives and where modules took it from; returns what undoes that."""
    undo: list[Callable[[], None]] = []
    if isinstance(owner, type):
        setattr(owner, name, new)
        return [lambda: setattr(owner, name, old)]
    for module in [m for n, m in sys.modules.items() if n.split(".")[0] == "avi_env" and m is not None]:
        tables = [vars(module), *(v for k, v in vars(module).items() if isinstance(v, dict) and not k.startswith("__"))]
        for table in tables:
            for key in [k for k, v in table.items() if v is old]:
                table[key] = new
                undo.append(functools.partial(table.__setitem__, key, old))
    return undo


def profiled(count: int, settings: ProfileSettings, console: Console) -> dict[str, Any]:
    """Returns where the time of a step goes in a batch of `count`; shows progress.

    Returns:
        "count"; "stages": name -> time of a step of the batch [ms], they add up to "whole"; "rows": results.
    """
    from rich.progress import Progress

    device = machine_device(settings.device)
    options: dict[str, Any] = {
        "scenes": settings.scenes,
        "width": settings.width,
        "height": settings.height,
        "distractors": settings.distractors,
    }
    modality = Modality("profile", tuple(settings.sensors))
    clock, load, rounds = StageClock(device), Load(), []
    steps = max(settings.steps // _ROUNDS, 1)
    with fresh_cache(), Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"N = {count}", total=_ROUNDS + 1)
        with closing(Walk(count, device, settings.seed, modality=modality, **options)) as walk, marked(clock):
            for _ in range(min(_WARM, settings.steps)):
                walk.step()
            synchronize(device)
            settle()
            progress.advance(task)
            for _ in range(_ROUNDS):
                with load:
                    clock.begin()
                    for _ in range(steps):
                        walk.step()
                    rounds.append(clock.totals())
                progress.advance(task)
    chosen = sorted(rounds, key=lambda found: sum(found.values()))[len(rounds) // 2]
    stages = {name: 1e3 * seconds / steps for name, seconds in chosen.items()}
    whole = sum(stages.values())
    rows = [_row(f"{name}, N = {count}", value, whole, load) for name, value in stages.items() if value > 0.0]
    rows.append(_row(f"whole step, N = {count}", whole, whole, load))
    shown = {name: round(value, 6) for name, value in stages.items() if value > 0.0}
    return {"count": count, "stages": shown, "whole": round(whole, 6), "rows": rows}


def _row(name: str, value: float, whole: float, load: Load) -> dict[str, Any]:
    row = result_row("profile", name, value, "ms", note=f"{100.0 * value / whole:.1f} %")
    return row | {"others": round(load.others, 3)}


def print_profile(found: dict[str, Any], console: Console) -> None:
    """Prints the table of one batch."""
    from rich.table import Table

    count, whole = found["count"], found["whole"]
    table = Table(title=f"N = {count}", title_justify="left", show_footer=True)
    table.add_column("stage", footer="whole step")
    table.add_column("ms a step", justify="right", footer=f"{whole:.3f}")
    table.add_column("share", justify="right", footer="100 %")
    table.add_column("us an environment", justify="right", footer=f"{1e3 * whole / count:.0f}")
    for name, value in sorted(found["stages"].items(), key=lambda item: -item[1]):
        table.add_row(name, f"{value:.3f}", f"{100.0 * value / whole:.1f} %", f"{1e3 * value / count:.0f}")
    console.print(table)
