"""Suites: what is evaluated, as data. A folder of benchmarks/ with suite.toml (schema 2) and files of episodes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avi_env.content import content_names, content_path, name_error

if TYPE_CHECKING:
    from avi_env.tasks import Episode
    from avi_env.tasks.episode_filters import EpisodeFilters

__all__ = ["SCHEMA", "SPLITS", "Split", "Suite", "episode_file", "load_suite", "suite_episodes", "suite_names"]

SCHEMA = 2
SPLITS = ("val", "test")
"""Those of the suites of benchmarks/; a suite of your own may have others."""

_NEEDED = ("schema", "summary", "task", "steps", "splits")
_OPTIONAL = ("environment", "filters")


@dataclass(frozen=True)
class Split:
    """What the episodes of a split are drawn from."""

    episodes: int
    """Number of episodes: equal shares of every combination of sounds and houses."""
    seed: int
    houses_seen: str = ""
    """Houses of the range that policies are trained in, as `scene_names` takes them; "" = none."""
    houses_unseen: str = ""
    """Other houses."""
    sounds_heard: str = ""
    """Sounds that policies are trained with, as `expand_sounds` takes them; "" in both = sounds play no part."""
    sounds_unheard: str = ""
    """Other sounds."""
    rooms: tuple[int, int] = (1, 99)
    """Least and greatest number of rooms of a house; others of the range are passed over."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rooms", tuple(self.rooms))
        if not self.episodes > 0:
            raise ValueError(f"a split needs a positive number of episodes, not {self.episodes}")
        if len(self.rooms) != 2 or self.rooms[0] > self.rooms[1]:
            raise ValueError(f"rooms must be a least and a greatest number, not {list(self.rooms)}")
        if not (self.houses_seen or self.houses_unseen):
            raise ValueError("a split needs houses_seen, houses_unseen or both")

    @property
    def quarters(self) -> tuple[tuple[tuple[str, str], tuple[str, str]], ...]:
        """Combinations of (tag, sounds) and (tag, houses); without sounds, the first pair is ("", "")."""
        sounds = [("heard", self.sounds_heard), ("unheard", self.sounds_unheard)]
        houses = [("seen", self.houses_seen), ("unseen", self.houses_unseen)]
        heard = [one for one in sounds if one[1]] or [("", "")]
        return tuple((sound, house) for house in houses if house[1] for sound in heard)


@dataclass(frozen=True)
class Suite:
    """What suite.toml holds."""

    name: str
    folder: Path
    summary: str
    task: str
    """Name of a task of `avi_env.tasks.TASKS`: its Gymnasium id is "avi_env/TASK-v0"."""
    steps: int
    """Actions at most in an episode."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of the environment, besides the task."""
    filters: Mapping[str, float] = field(default_factory=dict)
    """Fields of `EpisodeFilters` that are not the default."""
    splits: Mapping[str, Split] = field(default_factory=dict)

    def split(self, name: str) -> Split:
        """Returns a split by name.

        Raises:
            ValueError: no such split.
        """
        if name not in self.splits:
            raise name_error(f"split of suite {self.name!r}", name, self.splits)
        return self.splits[name]


def suite_names() -> tuple[str, ...]:
    """Returns the names of the suites of benchmarks/."""
    return tuple(name for name in content_names("benchmarks") if _is_suite(content_path("benchmarks", name)))


def load_suite(name: str | Path) -> Suite:
    """Returns a suite of benchmarks/ ("semantic_audionav", or "semantic-audionav"), or of a folder of your own.

    Raises:
        ValueError: no such suite; a suite.toml with missing, unknown or wrong keys. The message names the nearest one.
    """
    folder = _folder(str(name))
    path = folder / "suite.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    if table.get("schema") != SCHEMA:
        raise ValueError(f"{path} has schema {table.get('schema')}, this avi-env reads {SCHEMA}")
    _check_keys(table, _NEEDED, (*_NEEDED, *_OPTIONAL), str(path))
    splits = {key: _split(row, f"{path}: splits.{key}") for key, row in table["splits"].items()}
    given = {key: table[key] for key in ("summary", "task", "steps", *_OPTIONAL) if key in table}
    suite = Suite(name=folder.name, folder=folder, splits=splits, **given)
    _check(suite, path)
    return suite


def suite_episodes(suite: Suite | str, split: str = "val") -> list[Episode]:
    """Returns the episodes of a split, from its file.

    Raises:
        FileNotFoundError: the suite has no file for it.
        ValueError: no such split, or a file that does not fit, see `load_episodes`.
    """
    from avi_env.tasks.episode_files import load_episodes

    found = load_suite(suite) if isinstance(suite, str) else suite
    found.split(split)
    return load_episodes(episode_file(found, split))


def episode_file(suite: Suite, split: str) -> Path:
    """Returns where the episodes of a split are."""
    return suite.folder / "episodes" / f"{split}.json.gz"


def suite_filters(suite: Suite) -> EpisodeFilters:
    """Returns the filters of a suite: its own, with the motion of its environment."""
    from avi_env.envs.config import EnvConfig
    from avi_env.tasks.episode_filters import EpisodeFilters

    config = EnvConfig.from_keywords({**suite.environment, "task": suite.task})
    shared = ("distance_min", "forward", "turn_deg", "step_seconds", "agent_radius", "agent_height", "eye_height")
    motion = {name: getattr(config, name) for name in (*shared, "success_distance")}
    return EpisodeFilters(**{**motion, "steps": suite.steps, **suite.filters})


def _folder(name: str) -> Path:
    plain = name.replace("-", "_")
    known = suite_names()
    if name not in known and plain in known:
        name = plain
    if name not in known and not _is_suite(Path(name)):
        raise name_error("suite", name, known)
    return content_path("benchmarks", name) if name in known else Path(name)


def _is_suite(folder: Path) -> bool:
    return (folder / "suite.toml").is_file()


def _split(row: Any, where: str) -> Split:
    known = [item.name for item in fields(Split)]
    if not isinstance(row, dict):
        raise ValueError(f"{where} must be a table")
    _check_keys(row, ("episodes", "seed"), known, where)
    try:
        return Split(**row)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _check(suite: Suite, path: Path) -> None:
    """Finds out whether task, keywords and filters are there."""
    from avi_env.tasks import TASKS

    if suite.task not in TASKS:
        raise ValueError(f"{path}: {name_error('task', suite.task, TASKS)}")
    if not isinstance(suite.steps, int) or suite.steps < 1:
        raise ValueError(f"{path}: steps must be a positive whole number, not {suite.steps!r}")
    try:
        suite_filters(suite)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _check_keys(row: Mapping[str, Any], needed: Any, known: Any, where: str) -> None:
    for key in row:
        if key not in known:
            raise ValueError(f"{where}: {name_error('key', key, known)}")
    for key in needed:
        if key not in row:
            raise ValueError(f"{where} lacks {key!r}")
