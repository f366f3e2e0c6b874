"""`avi train`: a policy by its recipe; one that was cut off goes on where it was."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from avi_env.policies.recipe import Recipe
    from avi_env.policies.training import Trained

__all__ = ["TrainSettings", "train_policy"]

_TOLD = 20  # parts of a training after each of which a line is written where there is no terminal


@dataclass(frozen=True)
class TrainSettings:
    """Trains a policy by its recipe; writes weights.safetensors, card.md, curve.png and progress.jsonl."""

    recipe: Annotated[str, tyro.conf.Positional]
    """A policy of policies/ ("av_nav"), or the path of a folder or a recipe.toml of your own."""
    steps: int | None = None
    """Environment steps in all instead of the recipe's; its stages keep their shares."""
    seed: int | None = None
    """Instead of the recipe's."""
    device: str | None = None
    """Instead of the recipe's: "cpu" or "cuda"."""
    set: tuple[str, ...] = ()
    """Values of the recipe to change: validation.every=10000 stages.0.learning_rate=1e-4 ..."""
    output: Path | None = None
    """Folder for the policy; runs/NAME if not given. Its training/ has checkpoints, TensorBoard's files and films."""
    resume: bool = False
    """Whether to go on from the checkpoint in the folder."""
    json: Path | None = None
    """File for the result: best policy, curve, throughput by stage."""


def train_policy(settings: TrainSettings) -> int:
    """Trains a policy; returns 0, or 128 + the signal's number if it was told to stop: then it can be resumed.

    Raises:
        ValueError: no such policy, an unknown key of the recipe, a checkpoint that is corrupt or of another recipe.
        FileExistsError: the folder holds a training already.
        OSError: the disk is full; the last checkpoint is kept.
    """
    from rich.console import Console

    from avi_env.bench.files import output_folder
    from avi_env.policies.recipe import load_recipe
    from avi_env.policies.training import train

    console = Console()
    own = {"steps": settings.steps, "seed": settings.seed, "device": settings.device}
    recipe = load_recipe(settings.recipe, settings.set, **own)  # type: ignore[arg-type]
    folder = output_folder(settings.output or Path("runs") / recipe.name)
    console.print(f"{recipe.name}: {recipe.steps} steps on {recipe.device}, seed {recipe.seed}, into {folder}")
    with _signals() as caught, _bar(console) as bar:
        watch = _watch(console, bar, recipe, folder, caught)
        trained = train(recipe, folder, resume=settings.resume, watch=watch)
    _leave_behind(settings, recipe, trained, folder, console)
    if trained.complete:
        return 0
    console.print(f"stopped after {trained.steps} steps: go on with --resume")
    return 128 + caught[0]


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Yields a list that gets the signal that asks to stop; asked again, the process stops at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def handle(number: int, _: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    times = (TimeElapsedColumn(), "left", TimeRemainingColumn())
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), *times)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=600.0) as bar:
        yield bar


def _watch(console: Console, bar: Progress, recipe: Recipe, folder: Path, caught: list[int]) -> Any:
    """Returns who shows how far it is, films, and passes signals on."""
    from avi_env.bench.train_film import film_episode
    from avi_env.policies.training import Watch, working_folder

    task = bar.add_task(recipe.name, total=recipe.steps)
    told = [0]

    def began(steps: int) -> None:
        bar.update(task, completed=steps)
        told[0] = steps

    def iterated(record: Mapping[str, Any]) -> None:
        bar.update(task, completed=min(record["steps"], recipe.steps), description=record["learner"])
        if record["kind"] == "validation":
            measures = ", ".join(f"{k.removeprefix('validation/')} {v:.3g}" for k, v in record["scalars"].items())
            console.print(f"{record['steps']} steps: {measures}{' (best)' if record['best'] else ''}")
        elif not console.is_terminal and record["steps"] - told[0] >= recipe.steps / _TOLD:
            told[0] = record["steps"]
            left = bar.tasks[0].time_remaining
            console.print(f"{record['steps']} of {recipe.steps} steps{'' if left is None else f', {left:.0f} s left'}")
        if caught and record["kind"] == "iteration":
            console.print("stopping: writing a checkpoint (once more stops at once)")

    film = partial(film_episode, recipe=recipe, folder=working_folder(folder) / "films")
    return Watch(began, iterated, film, lambda: bool(caught))


def _leave_behind(settings: TrainSettings, recipe: Recipe, trained: Trained, folder: Path, console: Console) -> None:
    """Writes recipe, card, curve and JSON, and prints what it came to."""
    import importlib.util

    from avi_env.bench.files import write_json
    from avi_env.bench.spec import machine_facts, run_spec
    from avi_env.bench.train_curve import draw_curve
    from avi_env.content import content_path
    from avi_env.policies.card import CARD, stage_rows, update_card
    from avi_env.policies.recipe import RECIPE
    from avi_env.policies.training_log import PROGRESS, read_progress
    from avi_env.whole_file import write_whole

    spec = {**run_spec(recipe.device, [recipe.seed], {"recipe": dict(recipe.table)}), "machine": machine_facts()}
    records = read_progress(folder / PROGRESS)
    curve = ""
    if importlib.util.find_spec("matplotlib") is None:
        console.print('no curve is drawn: pip install "avi-env[bench]"')
    else:
        curve = draw_curve(records, recipe.validation.measure, folder)
    given = Path(settings.recipe) if Path(settings.recipe).exists() else content_path("policies", settings.recipe)
    source = given / RECIPE if given.is_dir() else given
    if not (folder / RECIPE).exists() or not source.samefile(folder / RECIPE):
        write_whole(folder / RECIPE, source.read_bytes())
    update_card(folder, recipe, trained, spec, _command(settings), curve, source.with_name(CARD))
    rows = stage_rows(recipe, trained)
    _print_summary(console, trained, rows, folder)
    if settings.json is not None:
        curve_points = [record for record in records if record["kind"] == "validation"]
        best = None if trained.best is None else trained.best._asdict()
        result = {"policy": recipe.name, "complete": trained.complete, "steps": trained.steps, "best": best}
        timed = {"seconds": trained.seconds["wall"], "stages": rows}
        write_json(settings.json, {**result, **timed, "validations": curve_points, "spec": spec})


def _command(settings: TrainSettings) -> str:
    """Returns the command that makes the same policy again."""
    words = ["avi", "train", settings.recipe]
    for name in ("steps", "seed", "device"):
        value = getattr(settings, name)
        words += [] if value is None else [f"--{name}", str(value)]
    return shlex.join([*words, *(["--set", *settings.set] if settings.set else [])])


def _print_summary(console: Console, trained: Trained, rows: list[dict[str, Any]], folder: Path) -> None:
    """Prints the best validation, and what the time went into."""
    from rich.table import Table

    from avi_env.policies.files import WEIGHTS

    table = Table("", *(row["learner"] for row in rows), box=None)
    table.add_row("steps", *(str(row["steps"]) for row in rows))
    table.add_row("steps/s", *(f"{row['steps_per_second']:.1f}" for row in rows))
    for part in rows[0]["seconds"]:
        table.add_row(f"{part} \\[s]", *(f"{row['seconds'][part]:.1f}" for row in rows))
    console.print(table)
    if trained.best is not None:
        told = ", ".join(f"{name} {value:.3g}" for name, value in trained.best.measures.items())
        console.print(f"best after {trained.best.steps} steps: {told}\n  {folder / WEIGHTS}")
