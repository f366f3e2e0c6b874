"""The frame of a training: stages, validation, the best policy, interruptions, with a fake learner."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_learner import RECIPE, fake_table, load

from avi_env.policies.recipe import Recipe, load_recipe
from avi_env.policies.training import Best, Trained, Watch, better, train, working_folder
from avi_env.policies.training_log import PROGRESS, read_progress, same_curve


@pytest.fixture(autouse=True)
def _fake() -> Iterator[None]:
    with fake_table():
        yield


def recipe_in(folder: Path) -> Recipe:
    """The recipe of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(RECIPE)
    return load_recipe(folder)


def weights(folder: Path) -> bytes:
    """Content of the file of weights."""
    return (folder / "weights.safetensors").read_bytes()


def test_best_policy() -> None:
    """By the measure, higher or lower; of equals the earlier one stays; what is no number is never best."""
    best = Best(0.5, 10, 0, {"spl": 0.5})
    assert better({"spl": 0.6}, best, "spl", False)
    assert not better({"spl": 0.5}, best, "spl", False)
    assert better({"error": 0.4}, best, "error", True)
    assert not better({"error": 0.5}, best, "error", True)
    assert better({"spl": -1.0}, None, "spl", False)
    assert not better({"spl": math.nan}, None, "spl", False)
    with pytest.raises(ValueError, match="Did you mean 'soft_spl'"):
        better({"soft_spl": 1.0}, None, "softspl", False)


def test_training(tmp_path: Path) -> None:
    """All stages run; validations come at multiples and at ends; the file holds the best of them; times add up."""
    trained = train(recipe_in(tmp_path), tmp_path)
    assert trained.complete
    assert trained.stage_steps == (24, 16)
    records = read_progress(tmp_path / PROGRESS)
    tried = [record for record in records if record["kind"] == "validation"]
    assert [record["steps"] for record in tried] == [8, 16, 24, 32, 40]
    scores = [record["scalars"]["validation/score"] for record in tried]
    assert trained.best is not None
    assert trained.best.value == max(scores)
    assert trained.best.steps == tried[scores.index(max(scores))]["steps"]
    assert round(float(load(tmp_path)[0]), 1) == max(scores)
    rows = [record for record in records if record["kind"] == "iteration"]
    assert trained.seconds["0/environment"] == pytest.approx(0.2 * sum(row["stage"] == 0 for row in rows))
    assert trained.seconds["wall"] > 0.0
    assert list((working_folder(tmp_path) / "tensorboard").glob("events.*"))
    with pytest.raises(FileExistsError, match="--resume"):
        train(recipe_in(tmp_path), tmp_path)


def stopped_after(iterations: int) -> Watch:
    """Asks to stop after so many iterations."""
    left = [iterations]

    def stop() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return Watch(stop=stop)


def test_resuming(tmp_path: Path) -> None:
    """Stopped anywhere and resumed, the curve and the weights are those of a training that was never stopped."""
    whole = train(recipe_in(tmp_path / "whole"), tmp_path / "whole")
    recipe = recipe_in(tmp_path / "parts")
    parts = train(recipe, tmp_path / "parts", watch=stopped_after(3))
    assert not parts.complete
    assert parts.steps == 12
    for iterations in (3, 2, 1):  # the first of them ends with the first stage
        parts = train(recipe, tmp_path / "parts", resume=True, watch=stopped_after(iterations))
    (tmp_path / "parts" / PROGRESS).open("ab").write(b'{"kind": "iteration", "cut o')
    parts = train(recipe, tmp_path / "parts", resume=True)
    assert_same(whole, parts, tmp_path / "whole", tmp_path / "parts")
    again = train(recipe, tmp_path / "parts", resume=True)  # nothing is left to do
    assert_same(whole, again, tmp_path / "whole", tmp_path / "parts")


def assert_same(one: Trained, two: Trained, first: Path, second: Path) -> None:
    """Curve, best policy and weights are the same."""
    assert (two.complete, two.steps, two.best) == (one.complete, one.steps, one.best)
    assert same_curve(read_progress(first / PROGRESS), read_progress(second / PROGRESS))
    assert weights(first) == weights(second)


def trained_in(folder: Path) -> None:
    """Trains slowly in a process of its own, to be killed."""
    with fake_table():
        train(load_recipe(folder), folder, watch=Watch(iterated=lambda record: time.sleep(0.2)))


def test_killed(tmp_path: Path) -> None:
    """After kill -9 it goes on from the last checkpoint, in another process, to the same curve and weights."""
    whole = train(recipe_in(tmp_path / "whole"), tmp_path / "whole")
    recipe = recipe_in(tmp_path / "killed")
    process = multiprocessing.get_context("fork").Process(target=trained_in, args=(tmp_path / "killed",))
    process.start()
    mark, deadline = working_folder(tmp_path / "killed") / "checkpoint.json", time.monotonic() + 60.0
    while not mark.is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert len(read_progress(tmp_path / "killed" / PROGRESS)) < len(read_progress(tmp_path / "whole" / PROGRESS))
    rest = train(recipe, tmp_path / "killed", resume=True)
    assert_same(whole, rest, tmp_path / "whole", tmp_path / "killed")
