"""`avi train`: from a recipe to a policy, its card and its curve; interruptions; what is wrong is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avi_env.bench.train_film import film_episode
from avi_env.bench.video import read_video
from avi_env.cli import main
from avi_env.policies.beginning import begin_policy
from avi_env.policies.files import load_policy
from avi_env.policies.recipe import load_recipe
from avi_env.policies.training_log import TrainingLog, read_progress, same_curve
from avi_env.policies.validation import validation_episode

RECIPE = """
schema = 1
summary = "Walks to a place in one room."
seed = 2

[environment]
num_envs = 8
max_episode_steps = 24
task = "PointNav"
scene = "shoebox:6x3x5"
sensors = ["depth", "pose", "goal"]
width = 16
height = 16

[policy]
network = "point_nav"
hidden = 32
senses = { map = false, way = false }
image = { widths = [4, 8, 8] }

[[stages]]
learner = "imitation"
steps = 3072
sequence = 16
updates = 4
expert_steps = 1024
decay_steps = 3072
learning_rate = 2e-3
goal_radius = 0.15

[validation]
every = 1536
episodes = 8
measure = "soft_spl"
"""


def recipe_in(folder: Path, text: str = RECIPE) -> str:
    """Writes a recipe; returns the words for it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(text)
    return str(folder)


def told(file: Path) -> dict[str, Any]:
    """What --json wrote."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_from_recipe_to_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It learns: with a fixed seed the return rises over an untrained policy's; card, curve and times are told."""
    name, output = recipe_in(tmp_path / "walker"), tmp_path / "out"
    assert main(["train", name, "--output", str(output), "--json", str(tmp_path / "first.json")]) == 0
    result = told(tmp_path / "first.json")
    untrained = ["train", name, "--steps", "1", "--output", str(tmp_path / "random"), "--json"]
    assert main([*untrained, str(tmp_path / "random.json")]) == 0
    random = told(tmp_path / "random.json")["best"]["measures"]
    assert result["best"]["measures"]["return"] > random["return"] + 1.5
    assert result["complete"]
    assert result["steps"] == 3072
    (stage,) = result["stages"]
    assert stage["learner"] == "imitation"
    assert min(stage["seconds"][part] for part in ("environment", "inference", "learning", "validation")) > 0.0
    assert stage["steps_per_second"] > 0.0
    assert load_policy(output).spec.network == "point_nav"
    card = (output / "card.md").read_text()
    assert card.startswith("# walker\n\n**What.** Walks to a place in one room.")
    assert f"avi train {name}`" in card
    assert str(output) not in card
    if find_spec("matplotlib") is not None:  # else it is said that none is drawn
        assert "![Curve of the training](curve.png)" in card
        assert (output / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert (output / "recipe.toml").read_text() == (tmp_path / "walker" / "recipe.toml").read_text()
    assert "steps/s" in capsys.readouterr().out


def started(words: list[str]) -> subprocess.Popen[str]:
    """Runs `avi` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "avi_env.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_interrupted(tmp_path: Path) -> None:
    """SIGTERM ends it with a checkpoint and says how to go on; resumed, curve and weights are those of a whole run."""
    name = recipe_in(tmp_path / "walker")
    short = ["--set", "stages.0.steps=384", "validation.every=256", "validation.episodes=1"]
    assert main(["train", name, "--output", str(tmp_path / "whole"), *short]) == 0
    words = ["train", name, "--output", str(tmp_path / "parts"), *short]
    process, log = started(words), tmp_path / "parts" / "progress.jsonl"
    deadline = time.monotonic() + 300.0
    while time.monotonic() < deadline and process.poll() is None and not (log.is_file() and read_progress(log)):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=300.0)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "go on with --resume" in said
    assert "not complete" in (tmp_path / "parts" / "card.md").read_text()
    assert main([*words, "--resume"]) == 0
    assert same_curve(read_progress(tmp_path / "whole" / "progress.jsonl"), read_progress(log))
    whole, parts = (tmp_path / name / "weights.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()


def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 and one line, before anything is trained."""
    good = recipe_in(tmp_path / "good")
    bad = recipe_in(tmp_path / "bad", RECIPE.replace("decay_steps", "decay_step"))
    for words, message in (
        (["no_such_policy"], "unknown policy with a recipe"),
        ([bad], "Did you mean 'decay_steps'"),
        ([good, "--set", "validation.evry=2"], "Did you mean 'every'"),
        ([good, "--steps", "0"], "steps must be a positive whole number"),
        ([good, "--resume"], "there is no checkpoint"),
    ):
        assert main(["train", *words, "--output", str(tmp_path / "out")]) == 2
        assert message in capsys.readouterr().err


def test_film(tmp_path: Path) -> None:
    """An episode of the validation in its own house: an mp4 with sound, and both for TensorBoard."""
    text = RECIPE.replace('task = "PointNav"', 'task = "AudioNav"').replace("shoebox:6x3x5", "house:0:2")
    text = text.replace("max_episode_steps = 24", 'max_episode_steps = 3\nbake_paths = 16\nsounds = "phone"')
    text = text.replace('"pose", "goal"', '"pose", "audio"').replace('"point_nav"\nhidden', '"av_nav"\nhidden')
    name = recipe_in(tmp_path / "walker", text + 'scenes = "houses:2"\nrooms = 2\nseed = 3')
    recipe = load_recipe(name)
    keywords, episode = validation_episode(recipe.validation, recipe.environment, 0)
    assert keywords["scene"] == episode.scene == "house:1:2"
    policy = begin_policy(recipe.policy, recipe.environment, 0)
    log = TrainingLog(tmp_path, tmp_path / "board")
    film_episode(policy, 7, log, recipe, tmp_path / "films")
    log.close()
    video = read_video(tmp_path / "films" / "steps-000000007.mp4")
    assert len(video.frames) > 4
    assert float(np.abs(video.audio).max()) > 0.5
    (board,) = (tmp_path / "board").glob("events.*")
    content = board.read_bytes()
    assert b"GIF89a" in content
    assert b"audio/wav" in content
