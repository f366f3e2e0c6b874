"""Suites of benchmarks/: each loads, its files are what the command writes, and wrong ones say why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from avi_env.bench.episodes import draw_split, room_count
from avi_env.bench.suites import SPLITS, load_suite, suite_episodes, suite_names
from avi_env.cli import main
from avi_env.scene import load_scene
from avi_env.tasks.episode_files import check_episode, load_episodes

SUITES = (
    "audionav",
    "semantic_audionav",
    "distractor",
    "moving_source",
    "multi_source",
    "pointnav",
    "objectnav",
    "localization",
    "av_qa",
)
SOUNDING = tuple(name for name in SUITES if name not in ("pointnav", "objectnav"))


def test_the_suites_are_there() -> None:
    """All nine, each with a card, by either spelling."""
    assert set(SUITES) <= set(suite_names())
    for name in SUITES:
        suite = load_suite(name.replace("_", "-"))
        assert suite.name == name
        assert (suite.folder / "card.md").is_file()


@pytest.mark.parametrize("name", SUITES)
def test_shares_of_the_splits(name: str) -> None:
    """200 and 500 episodes; equal shares of heard and unheard sounds, seen and unseen houses; the splits share none."""
    suite, houses, sounds = load_suite(name), {}, {}
    for split, count in zip(SPLITS, (200, 500), strict=True):
        episodes = suite_episodes(suite, split)
        assert len(episodes) == len({episode.episode_id for episode in episodes}) == count
        parts = ("sounds", "houses") if name in SOUNDING else ("houses",)
        shares = Counter(tuple(dict(episode.tags)[part] for part in parts) for episode in episodes)
        assert set(shares.values()) == {count // 2 ** len(parts)}
        houses[split] = {episode.scene for episode in episodes}
        sounds[split] = {e.sound for e in episodes if dict(e.tags).get("sounds") == "unheard"}
        unseen = {episode.scene for episode in episodes if dict(episode.tags)["houses"] == "unseen"}
        assert all(house.startswith(f"house:{split}:") for house in unseen)
    assert not houses["val"] & houses["test"]
    assert name == "av_qa" or not sounds["val"] & sounds["test"]


@pytest.mark.parametrize("name", SUITES)
def test_the_files_are_what_the_command_writes(name: str, tmp_path: Path) -> None:
    """The first two episodes of val, drawn anew, and checked in their scenes."""
    assert main(["bench", "episodes", name, "--episodes", "2", "--output", str(tmp_path)]) == 0
    drawn = load_episodes(tmp_path / "val.json.gz")
    assert drawn == suite_episodes(name, "val")[:2]
    check_episode(load_scene(drawn[0].scene), drawn[0])


def test_an_episode_depends_on_its_number_alone() -> None:
    """However many are drawn."""
    suite = load_suite("pointnav")
    assert draw_split(suite, "test", 3)[0][:2] == draw_split(suite, "test", 2)[0]


@pytest.mark.parametrize("name", ["house:1003", "house:val:2", "house:test:4", "house:7:5", "shoebox:6x3x4"])
def test_rooms_are_counted_without_generating(name: str) -> None:
    """As many as the scene has."""
    assert room_count(name) == len(load_scene(name).rooms)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("schema = 2", "schema = 1"), "has schema 1, this avi-env reads 2"),
        (("task =", "taks ="), "Did you mean 'task'"),
        (("AudioNav", "AudioNaw"), "Did you mean 'AudioNav'"),
        (("steps = 500", "steps = 0"), "steps must be a positive whole number"),
        (("seed = 1", "seeds = 1"), "Did you mean 'seed'"),
        (("episodes = 200", "episodes = 0"), "needs a positive number of episodes"),
        (("steps = 500", "steps = 500\n[filters]\nlevel = 3"), "level"),
        (("steps = 500", "steps = 500\n[environment]\nhfow = 90"), "Did you mean 'hfov'"),
        (("rooms = [4, 8]", "rooms = [8, 4]"), "rooms must be a least and a greatest number"),
        (("summary =", "summary"), "is no TOML"),
    ],
)
def test_wrong_suites_say_why(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """Every mistake in a suite.toml, with the nearest name."""
    text = (load_suite("audionav").folder / "suite.toml").read_text(encoding="utf-8")
    assert change[0] in text
    (tmp_path / "suite.toml").write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_suite(tmp_path)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    """Suite and split."""
    with pytest.raises(ValueError, match=r"unknown suite 'audionaw'.*Did you mean 'audionav'"):
        load_suite("audionaw")
    with pytest.raises(ValueError, match=r"unknown split of suite 'audionav' 'vall'.*Did you mean 'val'"):
        suite_episodes("audionav", "vall")
