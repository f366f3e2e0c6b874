"""What is special about each task."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.bench.tasks_page import task_pages
from avi_env.envs import ENV_IDS, EnvConfig
from avi_env.envs.registration import EPISODE_STEPS, environment_id
from avi_env.navigation import ShortestPathFollower, distance_field, field_lookup
from avi_env.scene import emission_point
from avi_env.tasks import GOAL_CATEGORIES, TASKS, Episode, arrival_points, goal_points, load_task
from avi_env.tasks.audio_visual_qa import decoded_text, encoded_question
from avi_env.tasks.measures_seld import SoundEvents, seld_counts, seld_measures
from avi_env.tasks.questions import Question
from avi_env.tasks.sound_localization import decoded, estimate_action

SMALL: dict[str, Any] = {"scene": "house:1:living_room+bedroom", "width": 16, "height": 16, "bake_paths": 16}


def made(task: str, **keywords: Any) -> gym.Env[Any, Any]:
    """A small environment of a task."""
    return gym.make(environment_id(task), **{**SMALL, **keywords})


def follow(env: Any) -> dict[str, Any]:
    """Walks the shortest way to the goal, stops, and returns the last info."""
    episode, scene = env.unwrapped.episode, env.unwrapped.scene
    grid = env.unwrapped.batch.seats.playing[0].grid
    walker = ShortestPathFollower(grid, arrival_points(scene, grid, episode), forward=0.25, turn_deg=15.0)
    actions = walker.actions(np.array(episode.start_position), episode.start_yaw)
    assert len(actions) == episode.oracle_actions
    return [env.step(int(action))[4] for action in actions][-1]


def test_ids_are_those_of_the_tasks() -> None:
    """The registration, which loads no task, names all of them and their numbers of steps."""
    assert {name: task.max_episode_steps for name, task in TASKS.items()} == EPISODE_STEPS
    assert ENV_IDS == tuple(environment_id(name) for name in TASKS)


def test_an_unknown_task_is_named() -> None:
    """A misspelt task gets the nearest one as an answer."""
    with pytest.raises(ValueError, match="Did you mean 'AudioNav'"):
        load_task("AudoNav")
    with pytest.raises(ValueError, match="Did you mean 'AudioNav'"):
        EnvConfig(task="AudoNav")


def test_defaults_of_a_task_hold_where_nothing_is_given() -> None:
    """Keywords of the user win over those of the task."""
    assert EnvConfig.from_keywords({"task": "MultiSourceNav"}).distractors == 2
    assert EnvConfig.from_keywords({"task": "MultiSourceNav", "distractors": 1}).distractors == 1
    assert EnvConfig.from_keywords({"task": "SemanticAudioNav"}).sound_schedule == "once"
    assert EnvConfig.from_keywords({}) == EnvConfig()


def test_the_goal_of_point_nav_is_where_geometry_says() -> None:
    """The first observation tells distance and azimuth of the goal; nothing sounds; success is within 0.2 m."""
    env = made("PointNav", sensors=("goal", "audio"))
    observation, info = env.reset(seed=3)
    episode = env.unwrapped.episode  # type: ignore[attr-defined]
    shift = np.array(episode.goal_position) - np.array(episode.start_position)
    heading = math.atan2(-shift[0], -shift[2]) - episode.start_yaw
    expected = [math.hypot(shift[0], shift[2]), math.atan2(math.sin(heading), math.cos(heading))]
    assert_allclose(observation["goal"], expected, rtol=1e-5, atol=1e-5)
    assert_array_equal(observation["audio"], 0.0)
    assert episode.sound == ""
    assert info["distance_to_goal"] == pytest.approx(episode.geodesic_distance, abs=1e-4)
    assert info["distance_to_goal"] >= observation["goal"][0] - 1e-3
    last = follow(env)
    assert last["success"]
    assert last["distance_to_goal"] < 0.2
    assert env.unwrapped.config.success_distance == 0.2  # type: ignore[attr-defined]


def test_object_nav_leads_to_the_nearest_object_of_the_category() -> None:
    """The distance is the least over all objects of the category, the target names it, any of them will do."""
    env = made("ObjectNav", scene="house:7", sensors=("target",))
    counts = []
    for seed in range(8):
        observation, info = env.reset(seed=seed)
        episode, scene = env.unwrapped.episode, env.unwrapped.scene  # type: ignore[attr-defined]
        assert GOAL_CATEGORIES[int(observation["target"].argmax())] == episode.goal_category
        assert observation["target"].sum() == 1.0
        grid, start = env.unwrapped.batch.seats.playing[0].grid, np.array([episode.start_position])  # type: ignore[attr-defined]
        bodies = [obj for obj in scene.objects if obj.category == episode.goal_category]
        away = [
            float(field_lookup(distance_field(grid, goal_points(scene, grid, emission_point(obj))), grid, start)[0])
            for obj in bodies
        ]
        assert info["distance_to_goal"] == pytest.approx(min(away), abs=2e-3)
        assert bodies[int(np.argmin(away))].id == episode.goal_object
        counts.append(len(bodies))
    assert max(counts) > 1
    assert follow(env)["success"]


def test_goals_without_sound_refuse_what_only_sounds_have() -> None:
    """Sounds and walking sources are not for places and objects; questions are for AudioVisualQA alone."""
    for keywords in ({"sounds": ("phone",)}, {"source_speed": 0.5}):
        with pytest.raises(ValueError, match="no goal of PointNav sounds"):
            EnvConfig.from_keywords({"task": "PointNav", **keywords})
    with pytest.raises(ValueError, match="asks no question"):
        EnvConfig(sensors=("rgb", "question"))


def test_estimates_are_read_as_they_are_written() -> None:
    """Azimuth to half a degree, distance to half a step of the scale, class and move exactly; left is positive."""
    rng = np.random.default_rng(0)
    azimuth, distance = rng.uniform(-np.pi, np.pi, 500), np.exp(rng.uniform(np.log(0.2), np.log(40.0), 500))
    kind, move = rng.integers(0, 51, 500), rng.integers(0, 4, 500)
    read = decoded(estimate_action(azimuth, distance, kind, move))
    assert_allclose(np.cos(read.azimuth - azimuth), 1.0, rtol=0, atol=1 - math.cos(math.radians(0.5001)))
    assert_allclose(np.log(read.distance / distance), 0.0, rtol=0, atol=math.log(200.0) / 199 / 2 + 1e-9)
    assert_array_equal(read.kind, kind)
    assert_array_equal(read.move, move)
    assert_array_equal(estimate_action(math.pi / 2, 40.0, 7, 3), [3, 90, 199, 7])
    assert_array_equal(estimate_action(*read[1:], read.move), estimate_action(azimuth, distance, kind, move))


def test_localization_is_scored_as_sound_event_detection() -> None:
    """Info's averages over an episode are `seld_measures` of what was and what was said, at the head as it was."""
    env = made("SoundLocalization", sensors=("audio",), source_speed=0.8, max_episode_steps=7)
    env.reset(seed=4)
    inner, said, truth = env.unwrapped, [], []
    classes = inner.config.target_classes  # type: ignore[attr-defined]
    kind = classes.index(inner.episode.sound.partition("/")[0])  # type: ignore[attr-defined]
    ended = False
    for error, named in ((0.0, True), (0.3, True), (0.6, True), (0.1, False), (-0.2, True), (0.0, False), (0.25, True)):
        assert not ended
        state = inner.batch.state  # type: ignore[attr-defined]
        shift = (state.source[0, 0] - state.position[0]).double().numpy() - [0.0, 1.25, 0.0]
        azimuth = math.atan2(-shift[0], -shift[2]) - float(state.yaw[0])
        action = estimate_action(azimuth + error, 1.2 * np.linalg.norm(shift), kind if named else kind + 1, 2)
        _, reward, terminated, ended, info = env.step(action)
        right = named and abs(error) < 0.34
        assert (terminated, info["success"]) == (False, right)
        assert reward == pytest.approx(0.9 * right, abs=0.01)
        said.append(decoded(action))
        truth.append((kind, azimuth, np.linalg.norm(shift)))
    frames = np.arange(len(said))
    told = SoundEvents(frames, *(np.array([getattr(one, n) for one in said]) for n in ("kind", "azimuth", "distance")))
    expected = seld_measures(
        seld_counts(SoundEvents(frames, *map(np.array, zip(*truth, strict=True))), told, len(classes))
    )
    assert ended
    for name, value in expected.items():
        assert info[name] == pytest.approx(value, rel=1e-4, abs=2e-4), name


def test_answers_are_rewarded_by_their_option() -> None:
    """The right option is worth 10, a wrong one and giving up nothing; each ends the episode; texts can be read."""
    env = made("AudioVisualQA", sensors=("question", "options"))
    for choose, right in ((0, True), (1, False), (None, False)):
        observation, info = env.reset(seed=2)
        question = env.unwrapped.episode.question  # type: ignore[attr-defined]
        assert decoded_text(observation["question"]) == question.text == info["question"]
        assert decoded_text(observation["options"]) == question.options == info["options"]
        assert env.step(1)[1:4] == (pytest.approx(-0.01), False, False)
        option = None if choose is None else (question.answer + choose) % len(question.options)
        _, reward, terminated, _, info = env.step(0 if option is None else 4 + option)
        assert terminated
        assert reward == pytest.approx(9.99 if right else -0.01)
        assert (info["success"], info["answered"]) == (right, choose is not None)


def test_questions_that_do_not_fit_are_named() -> None:
    """A question without options or with too long a text cannot be asked."""
    with pytest.raises(ValueError, match="no options"):
        encoded_question(Question("Where?", ("here",)))
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        encoded_question(Question("Where?", options=("here", "x" * 65), answer=0))


@pytest.mark.parametrize("task", TASKS)
def test_given_episodes_are_played_in_a_batch(task: str) -> None:
    """Episodes go through JSON and come back; a vector environment without autoreset plays them, row by row."""
    sensors = ("depth", "question") if task == "AudioVisualQA" else ("depth",)
    single = made(task, sensors=sensors)
    played = {}
    for seed in (0, 1, 2):
        observation, info = single.reset(seed=seed)
        kept = json.loads(json.dumps(asdict(single.unwrapped.episode)))  # type: ignore[attr-defined]
        assert Episode(**kept) == single.unwrapped.episode  # type: ignore[attr-defined]
        played[seed] = (Episode(**kept), observation["depth"], info["distance_to_goal"])
    envs = gym.make_vec(environment_id(task), num_envs=2, autoreset="disabled", **{**SMALL, "sensors": sensors})
    observation, info = envs.reset(options={"episode": [played[0][0], played[1][0]]})
    for row in (0, 1):
        assert_array_equal(observation["depth"][row], played[row][1])
        assert info["distance_to_goal"][row] == played[row][2]
    stop = np.zeros(envs.action_space.shape, dtype=np.int64)
    stop[0] = np.ones_like(stop[0])  # row 0 goes on
    _, _, terminated, _, _ = envs.step(stop)
    assert_array_equal(terminated, [False, True])
    observation, info = envs.reset(options={"episode": [None, played[2][0]], "reset_mask": np.array([False, True])})
    assert_array_equal(observation["depth"][1], played[2][1])
    assert info["distance_to_goal"][1] == played[2][2]
    assert info["path_length"][0] > 0.0 or info["collided"][0]


def test_an_episode_of_another_task_is_refused() -> None:
    """Episodes say what they lead to; an environment of another task names the difference."""
    single = made("PointNav", sensors=("pose",))
    single.reset(seed=0)
    episode = single.unwrapped.episode  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="leads to a point, but AudioNav to a sound"):
        made("AudioNav", sensors=("pose",)).reset(options={"episode": episode})
    sounding = made("AudioNav", sensors=("pose",))
    sounding.reset(seed=0)
    with pytest.raises(ValueError, match="this episode has none"):
        made("AudioVisualQA", sensors=("pose",)).reset(options={"episode": sounding.unwrapped.episode})  # type: ignore[attr-defined]


def test_pages_of_the_tasks_are_those_of_their_docstrings() -> None:
    """What is committed in docs/tasks is what `.ci/generate_docs.py` writes."""
    folder = Path(__file__).parents[2] / "docs" / "tasks"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == task_pages()
