"""Episodes in the files of SoundSpaces and Habitat, in a scene and with sounds of one's own."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.agents.load import load_agent
from avi_env.agents.step_agent import make_briefing
from avi_env.envs.single import AviEnv
from avi_env.scene import Scene, load_scene, save_scene
from avi_env.sounds import make_clip, write_clip
from avi_env.tasks import Episode, EpisodeSpec, sample_episode
from avi_env.tasks.episode_files import load_episodes, save_episodes
from avi_env.tasks.soundspaces_episodes import SoundSpacesFolders

FLAT = "house:1:living_room+bedroom"
ID = "data/scene_dataset/mp3d/flat/flat.glb"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as SoundSpaces has it: a scene as .glb, sounds, distractors and points of the graph."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("scenes/mp3d/flat", "sounds/1s_all", "sounds/1s_all_distractor", "metadata/mp3d/flat"):
        (folder / name).mkdir(parents=True)
    save_scene(load_scene(FLAT), folder / "scenes" / "mp3d" / "flat" / "flat.glb")
    write_clip(folder / "sounds" / "1s_all" / "telephone.wav", make_clip("phone"))
    write_clip(folder / "sounds" / "1s_all_distractor" / "kettle.wav", make_clip("kettle"))
    (folder / "metadata" / "mp3d" / "flat" / "points.txt").write_text("0\t9.0\t9.0\t9.0\n3\t1.0\t-2.0\t1.5\n")
    return folder


@pytest.fixture(scope="module")
def flat() -> Scene:
    """The scene itself."""
    return load_scene(FLAT)


@pytest.fixture(scope="module")
def drawn(flat: Scene) -> Episode:
    """Where somebody can start, and what can be reached from there."""
    return sample_episode(flat, 0, 0, EpisodeSpec(("phone",)), forward=0.25, turn_deg=15.0)


def record(drawn: Episode, **changes: Any) -> dict[str, Any]:
    """An episode of AudioNav in the words of SoundSpaces; a change to None takes the key away."""
    half = 0.5 * drawn.start_yaw
    row = {
        "episode_id": "7",
        "scene_id": ID,
        "start_position": list(drawn.start_position),
        "start_rotation": [0.0, -math.sin(half), 0.0, -math.cos(half)],  # the same turn, the other sign
        "info": {"geodesic_distance": 1.0, "num_action": 3, "sound": "telephone"},
        "goals": [{"position": list(drawn.goal_position), "radius": None}],
        "start_room": None,
        "shortest_paths": None,
        **changes,
    }
    return {key: value for key, value in row.items() if value is not None}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    """A file of episodes."""
    path.write_bytes(gzip.compress(json.dumps({"episodes": rows}).encode()))
    return path


def folders(data: Path, **changes: Any) -> SoundSpacesFolders:
    """Where the test's things are."""
    given = {"scenes": data / "scenes", "sounds": data / "sounds" / "1s_all", **changes}
    return SoundSpacesFolders(**given)


def test_the_oracle_plays_an_episode_of_soundspaces(tmp_path: Path, data: Path, drawn: Episode) -> None:
    """Start, source 1.5 m above the goal, sound; distance and actions are those of our own paths: the oracle's."""
    path = written(tmp_path / "val.json.gz", record(drawn))
    (episode,) = load_episodes(path, folders(data))
    assert episode.sound == f"{data / 'sounds' / '1s_all'}:telephone/telephone.wav"
    assert_allclose(episode.start_yaw, drawn.start_yaw % (2 * math.pi), rtol=0, atol=1e-9)
    assert_allclose(episode.source_position, np.add(drawn.goal_position, [0, 1.5, 0]), rtol=0, atol=1e-12)
    assert_allclose(episode.goal_position, drawn.goal_position, rtol=0, atol=0.1)
    env = AviEnv(scenes=episode.scene, sensors=("audio",), bake_paths=64, hrtf="spherical")
    observation, _ = env.reset(seed=0, options={"episode": episode})
    agent: Any = load_agent("oracle")
    agent.attach(env)
    agent.reset(make_briefing(env.config), seed=0)
    info: dict[str, Any] = {}
    ended, steps = False, 0
    while not ended:
        observation, _, ended, _, info = env.step(agent.act(observation))
        steps += 1
    assert info["success"]
    assert steps == episode.oracle_actions
    assert info["spl"] > 0.9
    assert np.abs(observation["audio"]).max() > 0
    save_episodes(tmp_path / "ours.json.gz", [episode])
    assert load_episodes(tmp_path / "ours.json.gz") == [episode]


def test_semantic_episodes(tmp_path: Path, data: Path, drawn: Episode) -> None:
    """A sound by its file, that begins and ends, and a distractor at a node of the graph: (x, z - 1.5, -y)."""
    times = {"offset": 3, "duration": 15}
    other = {"distractor_sound_id": "kettle.wav", "distractor_position_index": 3}
    goal = {"position": list(drawn.goal_position), "object_category": "chair", "view_points": []}
    kind = {"sound_id": "telephone.wav", "object_category": "chair", "info": None}
    path = written(tmp_path / "val.json.gz", record(drawn, **kind, **times, **other, goals=[goal]))
    more = {"distractors": data / "sounds" / "1s_all_distractor", "points": data / "metadata"}
    (episode,) = load_episodes(path, folders(data, **more))
    assert episode.schedule is not None
    assert (episode.schedule.start, episode.schedule.on, episode.schedule.count) == (3.0, 15.0, 1)
    (distractor,) = episode.distractors
    assert distractor.sound.endswith(":kettle/kettle.wav")
    assert_allclose(distractor.position, [1.0, 1.5, 2.0], rtol=0, atol=1e-12)


def test_point_goals_and_files_by_scene(tmp_path: Path, data: Path, drawn: Episode) -> None:
    """Without a sound it leads to the point itself; an empty file stands for those in content/."""
    written(tmp_path / "val.json.gz")
    (tmp_path / "content").mkdir()
    written(tmp_path / "content" / "flat.json.gz", record(drawn, info={"geodesic_distance": 1.0}))
    (episode,) = load_episodes(tmp_path / "val.json.gz", folders(data, sounds=""))
    assert episode.sound == ""
    assert_allclose(episode.source_position, drawn.goal_position, rtol=0, atol=1e-12)


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"scene_id": "data/scene_datasets/mp3d/x/x.glb"}, {}, r"scene_id is .*mp3d/x/x\.glb.*\(scenes=\.\.\.\) is the"),
    ({"info": {"sound": "piano"}}, {}, r"info\.sound is 'piano', but there is no .*\(sounds=\.\.\.\) is the folder"),
    ({}, {"sounds": ""}, r"info\.sound is 'telephone': SoundSpacesFolders\(sounds=\.\.\.\)"),
    ({"distractor_sound_id": "a"}, {}, r"distractor_sound_id is 'a', but there is no"),
    (
        {"distractor_sound_id": "telephone", "distractor_position_index": 3},
        {},
        r"at node 3 of .*points=\.\.\.\) is the folder that holds mp3d/flat/points\.txt",
    ),
    ({"start_rotation": [0.5, 0.5, 0.5, 0.5]}, {}, "is not upright"),
    ({"start_rotation": [0, 0, 0]}, {}, r"start_rotation: a quaternion has four numbers"),
    ({"start_position": [99.0, 0.0, 0.0]}, {}, r": the episode starts at .* from the nearest place"),
    ({"goals": [{"position": [99.0, 0, 0]}]}, {}, "has its goal at"),
    ({"goals": []}, {}, "at least one goal"),
    ({"duration": -1}, {}, "duration -1"),
    ({"duration": "long"}, {}, "duration must be a number of seconds"),
    ({"info": {}, "object_category": "chair"}, {}, "seeks an object of category 'chair' without a sound"),
    ({"interval_mean": 1.0}, {}, "unknown key 'interval_mean'"),
    ({"scene_id": None}, {}, "the key 'scene_id' is missing"),
]


@pytest.mark.parametrize(("change", "given", "message"), WRONG, ids=[row[2][:24] for row in WRONG])
def test_what_cannot_be_played_is_named(
    tmp_path: Path, data: Path, drawn: Episode, change: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    """File, episode, what is missing, and the keyword that points to it."""
    path = written(tmp_path / "val.json.gz", record(drawn, **change))
    with pytest.raises((ValueError, FileNotFoundError), match=rf"val\.json\.gz: episode 0.*{message}"):
        load_episodes(path, folders(data, **given))


def test_without_folders_the_remedy_is_named(tmp_path: Path, drawn: Episode) -> None:
    """A file without our key says how it is read."""
    path = written(tmp_path / "val.json.gz", record(drawn))
    with pytest.raises(ValueError, match=r"the key 'avi_env' is missing.*SoundSpacesFolders\(scenes="):
        load_episodes(path)
