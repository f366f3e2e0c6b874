"""Measures of 100 recorded episodes against SoundSpaces' definitions, written out here once more (sheet 2.7)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.envs.single import AviEnv
from avi_env.tasks.measures import EpisodeTrack, episode_measures

EPISODES = 100
TOLERANCE = 1e-6
SECONDS = 0.25


class Recording(NamedTuple):
    """One episode: what was recorded, and what the environment said at its end."""

    positions: list[list[float]]
    distances: list[float]
    actions: list[int]
    collided: list[bool]
    oracle_actions: int
    sound_seconds: float
    said: dict[str, Any]


def record(env: AviEnv, number: int) -> Recording:
    """Plays an episode: every third one to the goal, every third one there by detours, the others at random."""
    env.reset(seed=number)
    episode, rng = env.episode, np.random.default_rng(number)
    follower = follower_of(env)
    assert episode.schedule is not None
    positions, distances, yaw = [place(env)], [distance(env)], [heading(env)]
    actions: list[int] = []
    collided: list[bool] = []
    while True:
        if number % 3 == 2 or (number % 3 == 1 and rng.random() < 0.3):
            action = int(rng.choice(4, p=(0.01, 0.59, 0.2, 0.2))) if len(actions) > 5 else 1
        else:
            action = follower.next_action(np.array(positions[-1]), yaw[-1])
        if number % 5 == 4 and action == 0 and rng.random() < 0.9 and len(actions) < 90:
            action = 2  # waits at the goal, until the sound has ended
        *_, terminated, _, info = env.step(action)
        actions.append(action)
        collided.append(bool(info["collided"]))
        positions.append(place(env))
        distances.append(distance(env))
        yaw.append(heading(env))
        if terminated or len(actions) == 100:
            silent = episode.schedule.start + episode.schedule.on
            return Recording(positions, distances, actions, collided, episode.oracle_actions, silent, dict(info))


def follower_of(env: AviEnv) -> Any:
    """The shortest-path follower to the episode's goal."""
    from avi_env.navigation import ShortestPathFollower, walkable_grid
    from avi_env.tasks import arrival_points

    grid = walkable_grid(env.scene, env.config.agent_radius, env.config.agent_height)
    return ShortestPathFollower(grid, arrival_points(env.scene, grid, env.episode))


def place(env: AviEnv) -> list[float]:
    """Where the agent stands [m]."""
    found: list[float] = env.batch.state.position[0].tolist()
    return found


def distance(env: AviEnv) -> float:
    """Geodesic distance to the goal [m]."""
    return float(env.batch.state.distance[0])


def heading(env: AviEnv) -> float:
    """Yaw [rad]."""
    return float(env.batch.state.yaw[0])


def by_definition(run: Recording) -> dict[str, float]:
    """The measures as SoundSpaces' code states them, step by step in plain Python."""
    walked, bumps = 0.0, 0
    for before, after in zip(run.positions, run.positions[1:], strict=False):
        walked += math.sqrt(sum((b - a) ** 2 for a, b in zip(before, after, strict=True)))
    for hit in run.collided:
        bumps += int(hit)
    start, end, count = run.distances[0], run.distances[-1], len(run.actions)
    stopped = run.actions[-1] == 0
    success = 1.0 if stopped and end < 1.0 else 0.0
    soft = max(0.0, 1.0 - end / start)
    return {
        "success": success,
        "rl_success": success,
        "spl": success * start / max(start, walked),
        "soft_spl": soft * start / max(start, walked),
        "sna": success * run.oracle_actions / max(run.oracle_actions, count),
        "sws": success * (1.0 if count * SECONDS > run.sound_seconds else 0.0),
        "distance_to_goal": end,
        "normalized_distance_to_goal": end / start,
        "path_length": walked,
        "collisions": float(bumps),
        "steps": float(count),
    }


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """A hundred episodes in four small houses, nothing rendered."""
    env = AviEnv(task="SemanticAudioNav", scenes="house:0:2,house:1:3,house:2:3,house:3:3", sensors=("pose",))
    runs = [record(env, number) for number in range(EPISODES)]
    env.close()
    return runs


def test_recordings_are_of_every_kind(recordings: list[Recording]) -> None:
    """Successes, failures, detours, collisions, successes after the sound: else the comparison would say little."""
    tables = [by_definition(run) for run in recordings]
    for name, least in {"success": 30, "sws": 3, "collisions": 20}.items():
        assert sum(table[name] > 0 for table in tables) >= least, name
    assert sum(0.0 < table["spl"] < 0.9 for table in tables) >= 5
    assert sum(table["success"] == 0.0 for table in tables) >= 20


def test_measures_are_those_of_the_definitions(recordings: list[Recording]) -> None:
    """Every measure of every episode, to 1e-6."""
    for number, run in enumerate(recordings):
        track = EpisodeTrack(
            np.array(run.positions),
            np.array(run.distances),
            np.array(run.actions),
            np.array(run.collided),
            run.oracle_actions,
            step_seconds=SECONDS,
            sound_seconds=run.sound_seconds,
        )
        values, expected = episode_measures(track), by_definition(run)
        assert values.keys() == expected.keys()
        for name, value in expected.items():
            assert_allclose(values[name], value, rtol=0, atol=TOLERANCE, err_msg=f"episode {number}: {name}")


def test_the_environment_says_the_same(recordings: list[Recording]) -> None:
    """What a step's info holds is what the definitions make of the record, in single precision."""
    for number, run in enumerate(recordings):
        expected = by_definition(run)
        for name in ("success", "spl", "soft_spl", "sna", "distance_to_goal", "path_length"):
            said = float(run.said[name])
            assert_allclose(said, expected[name], rtol=1e-5, atol=TOLERANCE, err_msg=f"episode {number}: {name}")
