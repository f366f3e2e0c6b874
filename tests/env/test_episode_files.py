"""Files of episodes: what is written is read back to the bit, and what cannot be read says why."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.scene import Scene, load_scene
from avi_env.sounds import Schedule, make_clip
from avi_env.tasks import Distractor, Episode, EpisodeSpec, sample_episode
from avi_env.tasks.episode_files import check_episode, load_episodes, save_episodes
from avi_env.tasks.episode_filters import EpisodeFilters, detour_ratio, oracle_end, rejection, start_level
from avi_env.tasks.questions import Evidence, Question

HOUSE = "house:7"


@pytest.fixture(scope="module")
def house() -> Scene:
    """A house."""
    return load_scene(HOUSE)


@pytest.fixture(scope="module")
def drawn(house: Scene) -> Episode:
    """An episode with everything that an episode can have."""
    spec = EpisodeSpec(source_speed=0.5, distractors=2, distractor_speed=0.3, door_seconds=60.0, schedule="once")
    episode = sample_episode(house, 0, 0, spec, forward=0.25, turn_deg=15.0)
    asked = Question(
        "Where is it?",
        ("the hall",),
        ("the hall", "the kitchen"),
        0,
        "location",
        "location.room",
        ("sight",),
        (Evidence("sight", object=3, room=1, start_seconds=0.0, end_seconds=2.5),),
    )
    return replace(episode, scene=HOUSE, episode_id="val-0000", question=asked, tags=(("sounds", "heard"),))


def test_written_and_read_to_the_bit(tmp_path: Path, house: Scene, drawn: Episode) -> None:
    """Walks, doors, schedules, questions, tags; and the plainest one there is. The same bytes each time."""
    plain = Episode(
        HOUSE, (1.0, 0.0, 2.0), 0.5, (3.0, 1.0, 2.0), (3.0, 0.0, 2.0), -1, "phone", 0, 2.0, 9, episode_id="b"
    )
    silent = replace(plain, sound="", goal_category="bed", episode_id="c")
    save_episodes(tmp_path / "one.json.gz", [drawn, plain, silent])
    save_episodes(tmp_path / "two.json.gz", [drawn, plain, silent], lambda name: house)
    assert load_episodes(tmp_path / "one.json.gz") == [drawn, plain, silent]
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()


def test_names_of_soundspaces_and_habitat(tmp_path: Path, house: Scene, drawn: Episode) -> None:
    """What their loaders read: rotation x, y, z, w about +Y, distance, goal with object and room, distractor, times."""
    schedule = Schedule(2.0, 15.0, count=1)
    body = next(obj for obj in house.objects if obj.emits)
    other = Distractor("kettle", 0, (1.0, 1.0, 1.0))
    episode = replace(drawn, start_yaw=math.pi / 2, goal_object=body.id, schedule=schedule, distractors=(other,))
    save_episodes(tmp_path / "a.json.gz", [episode])
    record = json.loads(gzip.decompress((tmp_path / "a.json.gz").read_bytes()))["episodes"][0]
    assert_allclose(record["start_rotation"], [0, math.sqrt(0.5), 0, math.sqrt(0.5)], rtol=0, atol=1e-9)
    assert record["info"] == {
        "geodesic_distance": episode.geodesic_distance,
        "num_action": episode.oracle_actions,
        "sound": episode.sound,
    }
    goal = record["goals"][0]
    assert (goal["object_id"], goal["object_name"], goal["object_category"]) == (body.id, body.name, body.category)
    assert goal["room_name"] in {room.name for room in house.rooms}
    assert (record["offset"], record["duration"]) == (2.0, 15.0)
    assert (record["distractor_sound_id"], record["distractor_position"]) == ("kettle", [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda row: row.pop("start_rotation"),
            r"episode 1 \('b'\): the key 'start_rotation' is missing.*write it anew",
        ),
        (lambda row: row["avi_env"].pop("sound"), r"episode 1 \('b'\): avi_env: the key 'sound' is missing"),
        (lambda row: row.update(sond_id="x"), r"unknown key 'sond_id'.*Did you mean 'sound_id'"),
        (lambda row: row["avi_env"].update(start_yaws=0), "Did you mean 'start_yaw'"),
        (lambda row: row["avi_env"].update(start_yaw="north"), 'start_yaw must be a number, not "north"'),
        (lambda row: row["avi_env"].update(goal_object=True), "goal_object must be of type int, not true"),
        (lambda row: row["avi_env"].update(goal_position=[1.0, 2.0]), "goal_position must hold 3 values, not 2"),
        (lambda row: row["avi_env"].update(schedule={"start": []}), r"schedule.start must be a number, not \[\]"),
        (lambda row: row["avi_env"].update(tags=[["a", 1]]), r"tags\[0\]\[1\] must be of type str, not 1"),
        (lambda row: row.update(start_position=[0, 0, 0]), "start_position is .* but avi_env makes it .*change both"),
        (lambda row: row.update(avi_env=[]), "'avi_env' must be a JSON object"),
    ],
)
def test_wrong_episodes_are_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str, drawn: Episode
) -> None:
    """File, episode, key and remedy."""
    path = tmp_path / "episodes.json.gz"
    save_episodes(path, [drawn, replace(drawn, episode_id="b")])
    data = json.loads(gzip.decompress(path.read_bytes()))
    change(data["episodes"][1])
    path.write_bytes(gzip.compress(json.dumps(data).encode()))
    with pytest.raises(ValueError, match=rf"episodes\.json\.gz.*{message}"):
        load_episodes(path)


def test_unreadable_files_are_named(tmp_path: Path, drawn: Episode) -> None:
    """Cut off, no JSON, no list, not there."""
    path = tmp_path / "val.json.gz"
    save_episodes(path, [drawn])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"val\.json\.gz is cut off or damaged .*avi bench episodes"):
        load_episodes(path)
    path.write_bytes(gzip.compress(b"{half"))
    with pytest.raises(ValueError, match=r"val\.json\.gz is neither JSON nor gzipped JSON"):
        load_episodes(path)
    path.write_text('{"episode": []}')
    with pytest.raises(ValueError, match=r"val\.json\.gz .* needs a list under the key 'episodes'"):
        load_episodes(path)
    with pytest.raises(FileNotFoundError, match=r"no file of episodes at .*none\.json\.gz"):
        load_episodes(tmp_path / "none.json.gz")


def test_episodes_outside_the_walkable_area_are_refused(house: Scene) -> None:
    """Start, goal, and no way between them."""
    good = sample_episode(house, 0, 1, EpisodeSpec(), forward=0.25, turn_deg=15.0)
    check_episode(house, good)
    with pytest.raises(ValueError, match=r"starts at .* m from the nearest place"):
        check_episode(house, replace(good, start_position=(99.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match=r"episode 'x' has its goal at .* m from the nearest place"):
        check_episode(house, replace(good, goal_position=(99.0, 0.0, 0.0), episode_id="x"))
    with pytest.raises(ValueError, match="finite position"):
        check_episode(house, replace(good, start_position=(np.nan, 0.0, 0.0)))


def test_filters(house: Scene) -> None:
    """Each reason, and an episode that passes; the oracle's walk is the one that the episode counts."""
    filters = EpisodeFilters()
    spec = EpisodeSpec(("vacuum_cleaner",))
    drawn = [sample_episode(house, 1, k, spec, forward=0.25, turn_deg=15.0) for k in range(6)]
    good = next(episode for episode in drawn if rejection(house, episode, filters) == "")
    assert detour_ratio(good) > 1.1
    distance, actions = oracle_end(house, good, filters)
    assert actions == good.oracle_actions
    assert distance < 0.1875  # where the follower stops: 0.75 steps
    quiet = start_level(house, good)
    assert rejection(house, good, replace(filters, level_min=quiet + 1.0)) == "quiet"
    assert rejection(house, replace(good, geodesic_distance=2.9), filters) == "near"
    assert rejection(house, good, replace(filters, detour_min=9.0)) == "straight"
    assert rejection(house, good, replace(filters, steps=actions - 1)) == "long"
    assert rejection(house, good, replace(filters, success_distance=1e-9)) in ("", "unsolved")
    with pytest.raises(ValueError, match="detour_min must be finite"):
        EpisodeFilters(detour_min=math.nan)


def test_level_at_the_start_falls_by_the_distance_law() -> None:
    """Near the source in an absorbing room, twice the distance is 6 dB less; at 1 m it is the level of the class."""
    room = load_scene("shoebox:12x3x6:absorber")
    place = Episode(room.name, (2.0, 0.0, 3.0), 0.0, (3.0, 1.25, 3.0), (3.0, 0.0, 3.0), -1, "vacuum_cleaner", 0, 1.0, 4)
    levels = [start_level(room, replace(place, source_position=(2.0 + away, 1.25, 3.0))) for away in (0.5, 1.0, 2.0)]
    assert_allclose(levels[1], make_clip("vacuum_cleaner").spl_db, rtol=0, atol=0.5)
    assert_allclose(np.diff(levels), [-6.02, -6.02], rtol=0, atol=0.5)
