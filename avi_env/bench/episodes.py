"""`avi bench episodes`: draws the episodes of a suite's split and writes them: the same on every machine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from avi_env.bench.suites import Split, Suite, load_suite, suite_filters

if TYPE_CHECKING:
    from avi_env.envs.prepare import EpisodeMaker
    from avi_env.scene import Scene
    from avi_env.tasks import Episode
    from avi_env.tasks.episode_filters import EpisodeFilters

__all__ = ["EpisodesSettings", "bench_episodes", "draw_split"]

_ATTEMPTS = 64  # draws in one house before the next one is tried


@dataclass(frozen=True)
class EpisodesSettings:
    """Draws the episodes of a suite's split and writes SPLIT.json.gz."""

    suite: Annotated[str, tyro.conf.Positional]
    """Suite: a folder of benchmarks/, or a path of your own."""
    split: str = "val"
    """Split of the suite."""
    episodes: int | None = None
    """The first so many only."""
    output: Path = Path("episodes")
    """Folder for SPLIT.json.gz."""
    json: Path | None = None
    """File for what was drawn and left out."""


@dataclass
class _Drawn:
    """What has been drawn so far."""

    episodes: dict[int, Episode] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def bench_episodes(settings: EpisodesSettings) -> int:
    """Draws and writes; prints what was drawn; returns 0."""
    from rich.console import Console
    from rich.progress import track

    from avi_env.bench.files import output_folder, write_json
    from avi_env.tasks.episode_files import save_episodes

    suite, console = load_suite(settings.suite), Console()
    folder = output_folder(settings.output)

    def watched(numbers: Iterable[int]) -> Iterable[int]:
        return track(list(numbers), f"{suite.name} {settings.split}", console=console, transient=True)

    episodes, left_out = draw_split(suite, settings.split, settings.episodes, watched)
    path = folder / f"{settings.split}.json.gz"
    save_episodes(path, episodes)
    facts = {
        "suite": suite.name,
        "split": settings.split,
        **_summary(episodes),
        "left_out": dict(sorted(left_out.items())),
    }
    console.print(f"wrote {path}: {len(episodes)} episodes in {facts['houses']} houses, left out: {facts['left_out']}")
    if settings.json is not None:
        write_json(settings.json, facts)
    return 0


def draw_split(
    suite: Suite, split: str, count: int | None = None, watched: Callable[[Iterable[int]], Iterable[int]] = iter
) -> tuple[list[Episode], Counter[str]]:
    """Returns the first `count` episodes of a split, and how many draws were left out for which reason.

    Episode number i belongs to quarter i mod 4 (heard or unheard sounds, seen or unseen houses), and its quarter goes
    through the houses in turn. An episode depends on its number alone, not on how many are drawn.

    Args:
        suite: the suite.
        split: name of one of its splits.
        count: how many; None = all.
        watched: goes through the numbers and shows how far it is.

    Raises:
        ValueError: no such split, or no house yields an episode that passes the filters.
    """
    plan, drawn = suite.split(split), _Drawn()
    filters = suite_filters(suite)
    numbers = range(plan.episodes if count is None else min(count, plan.episodes))
    for number in watched(sorted(numbers, key=lambda i: (i % len(plan.quarters) // 2, _house_turn(plan, i), i))):
        episode = _draw(suite, plan, number, filters, drawn.left_out)
        drawn.episodes[number] = replace(episode, episode_id=f"{split}-{number:04d}")
    return [drawn.episodes[number] for number in numbers], drawn.left_out


def _house_turn(plan: Split, number: int) -> int:
    """Which of the houses of its quarter an episode is in, at first."""
    return number // len(plan.quarters) % len(_houses(plan, number))


def _houses(plan: Split, number: int) -> tuple[str, ...]:
    _, (_, houses) = plan.quarters[number % len(plan.quarters)]
    return _suitable(houses, plan.rooms)


def _draw(suite: Suite, plan: Split, number: int, filters: EpisodeFilters, left_out: Counter[str]) -> Episode:
    """Draws until an episode passes the filters: in its house, then in the following ones."""
    from avi_env.tasks.episode_filters import rejection

    (sound_tag, sounds), (house_tag, _) = plan.quarters[number % len(plan.quarters)]
    houses, first = _houses(plan, number), _house_turn(plan, number)
    for turn in range(len(houses)):
        house = houses[(first + turn) % len(houses)]
        maker, scene = _maker(suite, house, sounds)
        for attempt in range(_ATTEMPTS):
            episode = maker.draw(plan.seed, number * _ATTEMPTS + attempt)
            reason = rejection(scene, episode, filters)
            if not reason:
                tags = (("sounds", sound_tag),) if sound_tag else ()
                return replace(episode, tags=(*tags, ("houses", house_tag), ("rooms", str(len(scene.rooms)))))
            left_out[reason] += 1
    raise ValueError(f"suite {suite.name!r}: no house yields episode {number}: {dict(left_out)}; loosen its filters")


def _maker(suite: Suite, house: str, sounds: str) -> tuple[EpisodeMaker, Scene]:
    """What draws episodes with these sounds in a house, and the house."""
    maker, scene = _house_maker(suite.task, json.dumps(dict(suite.environment), sort_keys=True), house)
    if not sounds:
        return maker, scene
    own = copy(maker)  # shares the house
    own.config, own.spec = replace(maker.config, sounds=(sounds,)), replace(maker.spec, sounds=(sounds,))
    return own, scene


@lru_cache(maxsize=2)
def _house_maker(task: str, environment: str, house: str) -> tuple[EpisodeMaker, Scene]:
    from avi_env.envs.config import EnvConfig
    from avi_env.envs.prepare import EpisodeMaker

    maker = EpisodeMaker(EnvConfig.from_keywords({**json.loads(environment), "task": task, "scenes": house}))
    return maker, maker.scene(house)


@lru_cache(maxsize=64)
def _suitable(houses: str, rooms: tuple[int, int]) -> tuple[str, ...]:
    """Names of the houses with so many rooms.

    Raises:
        ValueError: none has.
    """
    from avi_env.scene import scene_names

    found = tuple(name for name in scene_names(houses) if rooms[0] <= room_count(name) <= rooms[1])
    if not found:
        raise ValueError(f"no house of {houses} has {rooms[0]} to {rooms[1]} rooms: name others")
    return found


def room_count(name: str) -> int:
    """Returns the number of rooms of a scene; of a generated house by its specification, without generating it."""
    from avi_env.scene import load_scene
    from avi_env.scene.house_specs import choose_spec, house_arguments
    from avi_env.scene.house_stream import Stream

    if not name.startswith("house:"):
        return len(load_scene(name).rooms)
    seed, rooms, split, spec = house_arguments(name)
    return len(choose_spec(Stream(seed, "program", 0, split), rooms, split, spec).types)


def _summary(episodes: list[Episode]) -> dict[str, Any]:
    """What was drawn, in numbers."""
    import numpy as np

    distances = [episode.geodesic_distance for episode in episodes]
    actions = [episode.oracle_actions for episode in episodes]
    return {
        "episodes": len(episodes),
        "houses": len({episode.scene for episode in episodes}),
        "geodesic_distance": [round(float(v), 2) for v in np.quantile(distances, (0.0, 0.5, 1.0))],
        "oracle_actions": [int(v) for v in np.quantile(actions, (0.0, 0.5, 1.0))],
    }
