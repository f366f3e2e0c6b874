"""Recipes: how a policy is trained, as data. policies/<name>/recipe.toml (schema 1)."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avi_env.content import content_names, content_path, name_error
from avi_env.policies.learner import EnvironmentSettings, learner_settings

__all__ = ["RECIPE", "Recipe", "Stage", "ValidationSettings", "load_recipe", "parse_recipe", "read_recipe"]

RECIPE = "recipe.toml"
"""Name of the file in a policy's folder."""

_SCHEMA = 1
_NEEDED = ("schema", "summary", "environment", "policy", "stages", "validation")
_KNOWN = (*_NEEDED, "seed", "device")
_STARTS = ("best", "last")


@dataclass(frozen=True)
class Stage:
    """A learner for so many steps: an entry of [[stages]]."""

    learner: str
    """Key of `avi_env.policies.learner.LEARNERS`."""
    steps: int
    """Environment steps, of all rows together; the iteration that reaches them is the last one."""
    settings: Any
    """The learner's settings dataclass, of the other keys."""
    start: str = "best"
    """Which policy of the stages before it starts from: the "best" one or the "last" one."""


@dataclass(frozen=True)
class ValidationSettings:
    """How a policy is tried out during training: [validation]. Other keys are keywords of the environment."""

    every: int = 50_000
    """Steps between two validations; there is one at the end of each stage, too."""
    episodes: int = 32
    """Episodes of a validation; always the same ones."""
    num_envs: int = 8
    """Rows of the environment in which they are played."""
    seed: int = 1_000_000
    """Episode i is the first one of the environment seeded `seed` + i."""
    measure: str = "spl"
    """By which the best policy is chosen; of equals, the earlier one."""
    lower_is_better: bool = False
    """Whether it is an error."""
    film_every: int = 0
    """Validations between two films of an episode, with what was heard; 0 = none."""
    keywords: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of the environment that differ from [environment]: scenes, sounds ..."""

    def __post_init__(self) -> None:
        for name in ("every", "episodes", "num_envs"):
            _require_positive(getattr(self, name), name)

    def where(self, environment: EnvironmentSettings) -> EnvironmentSettings:
        """Returns where it is validated: the environment of the training with what differs."""
        keywords = _merged(environment.keywords, self.keywords)
        return dataclasses.replace(environment, num_envs=min(self.num_envs, self.episodes), keywords=keywords)


@dataclass(frozen=True)
class Recipe:
    """How a policy is trained."""

    name: str
    summary: str
    environment: EnvironmentSettings
    policy: Mapping[str, Any]
    """[policy]: `network` and its settings."""
    stages: tuple[Stage, ...]
    validation: ValidationSettings
    seed: int = 0
    device: str = "cpu"
    table: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What it was read from, with all changes: plain data."""

    @property
    def steps(self) -> int:
        """Environment steps of all stages."""
        return sum(stage.steps for stage in self.stages)


def load_recipe(
    recipe: str | Path,
    changes: Sequence[str] = (),
    *,
    steps: int | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Recipe:
    """Returns a recipe.

    Args:
        recipe: a policy of policies/, a folder, or the path of a file.
        changes: "key=value" each, dotted as in "validation.every=10000" or "stages.0.learning_rate=1e-4"; values are
            TOML, and text where they are none.
        steps: of all stages together instead of its own; each keeps its share.
        seed: instead of its own.
        device: instead of its own.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such policy; missing, unknown or wrong keys: the message has the file and the nearest name.
    """
    path = _path(recipe)
    table = read_recipe(path)
    for change in changes:
        _change(table, change)
    if steps is not None:
        _require_positive(steps, "steps")
        _share_out(table, steps, path)
    table |= {name: value for name, value in (("seed", seed), ("device", device)) if value is not None}
    name = path.parent.resolve().name if path.name == RECIPE else path.stem
    return parse_recipe(table, name, str(path))


def read_recipe(path: Path) -> dict[str, Any]:
    """Returns what a file of a recipe holds, unchecked."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error


def parse_recipe(table: Mapping[str, Any], name: str, where: str) -> Recipe:
    """Returns the recipe that a table holds.

    Args:
        table: as TOML gives it.
        name: of the policy.
        where: what errors name, such as the file.
    """
    if table.get("schema") != _SCHEMA:
        raise ValueError(f"{where} has schema {table.get('schema')}, this avi-env reads {_SCHEMA}")
    for key in table:
        if key not in _KNOWN:
            raise ValueError(f"{where}: {name_error('key', key, _KNOWN)}")
    for key in _NEEDED:
        if key not in table:
            raise ValueError(f"{where} lacks {key!r}")
    try:
        environment = _environment(table["environment"])
        validation = _validation(table["validation"], environment)
        stages = tuple(_stage(number, row) for number, row in enumerate(table["stages"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
    if not stages:
        raise ValueError(f"{where}: [[stages]] is empty: nothing would be learnt")
    given = {key: table[key] for key in ("seed", "device") if key in table}
    return Recipe(name, str(table["summary"]), environment, table["policy"], stages, validation, **given, table=table)


def _path(recipe: str | Path) -> Path:
    path = Path(recipe)
    if not path.is_file():
        known = [name for name in content_names("policies") if (content_path("policies", name) / RECIPE).is_file()]
        if not path.is_dir() and str(recipe) not in known:
            raise name_error("policy with a recipe", str(recipe), known)
        path = content_path("policies", recipe) / RECIPE
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} has no {RECIPE}: see docs/training.md")
    return path


def _change(table: dict[str, Any], change: str) -> None:
    """Changes one value of a table of tables and lists."""
    where, equals, text = change.partition("=")
    if not equals:
        raise ValueError(f"a change is KEY=VALUE, as in validation.every=10000, not {change!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *tables, last = where.strip().split(".")
    at: Any = table
    for part in tables:
        at = _part(at, part, where)
    if not isinstance(at, dict):
        raise ValueError(f"{where}: nothing lies below {'.'.join(tables)!r} by that name")
    at[last] = value


def _part(at: Any, part: str, where: str) -> Any:
    if isinstance(at, list):
        if not part.isdigit() or int(part) >= len(at):
            raise ValueError(f"{where}: there are entries 0 to {len(at) - 1}, no {part!r}")
        return at[int(part)]
    if not isinstance(at, dict):
        raise ValueError(f"{where}: nothing lies below {part!r}")
    return at.setdefault(part, {})


def _share_out(table: dict[str, Any], steps: int, path: Path) -> None:
    """Gives the stages other steps, in their proportion and so many in all."""
    stages = table.get("stages", [])
    total = sum(row.get("steps", 0) for row in stages)
    if total <= 0:
        raise ValueError(f"{path}: stages without steps cannot share {steps}")
    so_far = given = 0
    for row in stages:
        so_far += row["steps"]
        row["steps"] = max(1, round(steps * so_far / total) - given)
        given += row["steps"]


def _environment(table: Mapping[str, Any]) -> EnvironmentSettings:
    own = ("num_envs", "max_episode_steps")
    keywords = {key: value for key, value in table.items() if key not in own}
    _check_keywords(keywords, own)
    given = {key: table[key] for key in own if key in table}
    for key, value in given.items():
        _require_positive(value, key)
    return EnvironmentSettings(**given, keywords=keywords)


def _validation(table: Mapping[str, Any], environment: EnvironmentSettings) -> ValidationSettings:
    own = [one.name for one in dataclasses.fields(ValidationSettings) if one.name != "keywords"]
    keywords = {key: value for key, value in table.items() if key not in own}
    made = ValidationSettings(**{key: table[key] for key in own if key in table}, keywords=keywords)
    _check_keywords(made.where(environment).keywords, own)
    return made


def _merged(keywords: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Returns keywords with others in their place; "scene" and "scenes" are one keyword."""
    twins = {"scene": "scenes", "scenes": "scene"}
    return {**{k: v for k, v in keywords.items() if twins.get(k) not in others}, **others}


def _stage(number: int, row: Mapping[str, Any]) -> Stage:
    given = dict(row)
    for key in ("learner", "steps"):
        if key not in given:
            raise ValueError(f"stages.{number} lacks {key!r}")
    learner, steps, start = str(given.pop("learner")), given.pop("steps"), given.pop("start", "best")
    try:
        _require_positive(steps, "steps")
        if start not in _STARTS:
            raise name_error("start", str(start), _STARTS)
        return Stage(learner, steps, learner_settings(learner, given), start)
    except (TypeError, ValueError) as error:
        raise ValueError(f"stages.{number}: {error}") from error


def _check_keywords(keywords: Mapping[str, Any], own: Sequence[str]) -> None:
    from avi_env.envs.config import EnvConfig

    known = [one.name for one in dataclasses.fields(EnvConfig)] + ["scene"]
    for key in keywords:
        if key not in known:
            raise name_error("key", key, [*known, *own])
    EnvConfig.from_keywords(dict(keywords))


def _require_positive(value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a positive whole number, not {value!r}")
