"""Recipes: what a file says, what it may not say, and changes from the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_learner import RECIPE, fake_table

from avi_env.policies.learner import EnvironmentSettings
from avi_env.policies.recipe import ValidationSettings, load_recipe


@pytest.fixture(autouse=True)
def _fake() -> Iterator[None]:
    with fake_table():
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A folder of a policy."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "recipe.toml"


def test_a_recipe(file: Path) -> None:
    """Keys of our own and keywords of the environment are told apart; folder and file name the same recipe."""
    recipe = load_recipe(file)
    assert recipe == load_recipe(file.parent)
    assert recipe.name == file.parent.name
    assert recipe.environment.num_envs == 2
    assert recipe.environment.keywords == {"task": "PointNav", "scene": "shoebox:6x3x4", "sensors": ["goal"]}
    assert [(stage.learner, stage.steps, stage.settings.rate) for stage in recipe.stages] == [
        ("fake", 24, 0.1),
        ("fake", 16, 0.5),
    ]
    assert (recipe.validation.every, recipe.validation.measure, recipe.seed) == (8, "score", 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.seed = 1  # type: ignore[misc]


def test_changes(file: Path) -> None:
    """Values are TOML or text; steps are shared out by the stages' shares."""
    recipe = load_recipe(
        file, ["validation.every=4", "stages.1.rate=2.5", "environment.scene=house:3"], steps=100, seed=9, device="cuda"
    )
    assert recipe.validation.every == 4
    assert recipe.environment.keywords["scene"] == "house:3"
    assert [(stage.steps, stage.settings.rate) for stage in recipe.stages] == [(60, 0.1), (40, 2.5)]
    assert (recipe.seed, recipe.device, recipe.steps) == (9, "cuda", 100)


def test_where_it_is_validated() -> None:
    """Keywords of the validation take the place of the training's; "scene" and "scenes" are one."""
    environment = EnvironmentSettings(16, 100, {"scene": "house:1", "sounds": "phone"})
    validation = ValidationSettings(episodes=4, keywords={"scenes": "houses:2000-2003"})
    where = validation.where(environment)
    assert where == EnvironmentSettings(4, 100, {"scenes": "houses:2000-2003", "sounds": "phone"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 3", "sead = 3", "Did you mean 'seed'"),
        ("num_envs = 2", "num_env = 2", "Did you mean 'num_envs'"),
        ("num_envs = 2", "num_envs = 0", "num_envs must be a positive whole number"),
        ("max_episode_steps = 5", 'senors = ["goal"]', "Did you mean 'sensors'"),
        ("rate = 0.5", "rat = 0.5", "stages.1: .*Did you mean 'rate'"),
        ('learner = "fake"\nsteps = 16', 'learner = "fak"\nsteps = 16', "Did you mean 'fake'"),
        ("steps = 16", "", "stages.1 lacks 'steps'"),
        ('start = "best"', 'start = "bets"', "Did you mean 'best'"),
        ("every = 8", "evry = 8", "Did you mean 'every'"),
        ("schema = 1", "schema = 2", "has schema 2"),
        ("[policy]", "[polcy]", "Did you mean 'policy'"),
        ("[validation]", "validation]", "is no TOML"),
    ],
)
def test_mistakes_are_named(file: Path, old: str, new: str, message: str) -> None:
    """With the file, and with what was probably meant."""
    assert old in RECIPE
    file.write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as caught:
        load_recipe(file)
    assert str(file) in str(caught.value)


def test_wrong_changes_and_names(file: Path, tmp_path: Path) -> None:
    """What cannot be changed, and policies that are not there."""
    for change, message in (
        ("validation.every", "KEY=VALUE"),
        ("stages.2.rate=1", "entries 0 to 1"),
        ("seed.every=1", "nothing lies below"),
        ("validation.evry=1", "Did you mean 'every'"),
    ):
        with pytest.raises(ValueError, match=message):
            load_recipe(file, [change])
    with pytest.raises(ValueError, match="unknown policy with a recipe"):
        load_recipe("no_such_policy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"has no recipe\.toml"):
        load_recipe(tmp_path / "empty")
