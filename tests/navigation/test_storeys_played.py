"""Environments and hearing on a house of two storeys."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from conftest import STOREY, house_of_two_storeys
from numpy.testing import assert_allclose

import avi_env  # noqa: F401  (registers the ids)
from avi_env.acoustics import render_rir
from avi_env.acoustics.bake import bake_field
from avi_env.acoustics.baked_response import field_sample
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.navigation import (
    ShortestPathFollower,
    distance_field,
    field_lookup,
    geodesic_distance,
    random_point,
    walkable_grid,
)
from avi_env.navigation.grid import storey_levels
from avi_env.scene import Scene, load_scene, save_scene
from avi_env.tasks import Episode, goal_points
from avi_env.tasks.walks import draw_walk


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house in a file, so that environments load it by name."""
    return save_scene(house_of_two_storeys(), tmp_path_factory.mktemp("storeys") / "two.glb")


def test_episode_from_one_storey_to_the_other(path: Path) -> None:
    """The follower's actions reach a sound upstairs: success, SPL and the sum of rewards are those of the way."""
    scene = load_scene(path)
    grid, source, start = walkable_grid(scene), (6.5, STOREY + 1.2, 4.5), (1.0, 0.0, 4.5)
    goals = goal_points(scene, grid, source)
    assert_allclose(goals[:, 1], STOREY, atol=1e-3)
    way = float(field_lookup(distance_field(grid, goals), grid, np.array(start, np.float32)))
    actions = ShortestPathFollower(grid, goals).actions(start, 0.0)
    episode = Episode(str(path), start, 0.0, source, tuple(goals[0]), -1, "phone", 0, way, len(actions))
    with gym.make("avi_env/AudioNav-v0", scene=str(path), sensors=("pose",)) as env:
        observation, info = env.reset(seed=0, options={"episode": episode})
        assert_allclose(info["distance_to_goal"], way, rtol=1e-5)
        total = 0.0
        for action in actions:
            observation, reward, terminated, _, info = env.step(int(action))
            total += float(reward)
        assert terminated
        assert info["success"]
        assert_allclose(total, way - info["distance_to_goal"] + 10.0 - 0.01 * len(actions), atol=1e-3)
        assert_allclose(observation["pose"][1], STOREY, atol=0.01)
        assert info["spl"] > 0.93
        assert_allclose(info["spl"], min(way / info["path_length"], 1.0), rtol=1e-5)
        heights = set()
        for index in range(8):
            _, info = env.reset(seed=index)
            drawn = env.unwrapped.batch.episodes[0]
            heights.add((round(drawn.start_position[1]), round(drawn.goal_position[1])))
            length = geodesic_distance(scene, drawn.start_position, drawn.goal_position)
            assert info["distance_to_goal"] <= length + 0.01
        assert {a != b for a, b in heights} == {True, False}


def test_an_agent_hears_what_sounds_on_the_other_storey(path: Path) -> None:
    """Upstairs a telephone downstairs is heard, finite, and softer than beside it."""
    loudness = []
    for start in ((4.0, STOREY, 4.0), (4.0, 0.0, 4.0)):
        episode = Episode(str(path), start, 0.0, (6.5, 1.2, 4.5), (6.5, 0.0, 4.5), -1, "phone", 0, 3.0, 10)
        with gym.make("avi_env/AudioNav-v0", scene=str(path), sensors=("audio",), bake_paths=256) as env:
            env.reset(seed=0, options={"episode": episode})
            heard = [env.step(2)[0]["audio"] for _ in range(2)]
        assert np.isfinite(heard).all()
        loudness.append(10.0 * np.log10(np.mean(np.square(heard))))
    assert 3.0 < loudness[1] - loudness[0] < 20.0


def test_sounds_walk_up_stairs(path: Path) -> None:
    """A walk of a sound keeps its height above the floor, and its speed along the stairs."""
    scene = load_scene(path)
    grid, rng = walkable_grid(scene), np.random.default_rng(1)
    walk = np.array(draw_walk(grid, rng, random_point(grid, rng), 0.8, 1.4))
    assert np.ptp(walk[:, 2]) > 2.9
    legs = np.linalg.norm(np.diff(walk[:, 1:], axis=0), axis=1)
    seconds = np.diff(walk[:, 0])
    moving = np.abs(seconds - 2.0 - legs / 0.8) > 0.02  # rests of two seconds at places
    assert_allclose(seconds[moving], legs[moving] / 0.8, atol=0.02)


@pytest.fixture(scope="module")
def house() -> Scene:
    """Two storeys joined by solid stairs."""
    return house_of_two_storeys()


def test_cells_of_every_storey(house: Scene) -> None:
    """Listener cells stand at ear height on both floors and on the stairs, at most one of a storey in a column."""
    assert_allclose(storey_levels(house), [0.0, STOREY], atol=0.01)
    cells = listener_cells(house)
    assert cells.cell_index.shape[0] == 2
    above = [np.abs(cells.points[:, 1] - 1.25 - y) < 0.05 for y in (0.0, STOREY)]
    assert min(a.sum() for a in above) > 150
    assert (~above[0] & ~above[1]).sum() > 5
    assert not cells.visible[np.ix_(above[0], above[1])][:50, :50].all()
    for table in (cells.cell_index, cells.owner):
        assert_allclose(np.unique(table[table >= 0]), np.arange(len(cells.points)))


def test_sound_upstairs_is_the_traced_one(house: Scene) -> None:
    """Of a source downstairs: the baked field upstairs has the traced response's energy within 1 dB."""
    source = [6.5, 1.2, 4.5]
    field = bake_field(house, source, path_count=2048, cached=False)
    assert field.wavefront.storey == (-np.inf, pytest.approx(STOREY, abs=0.01))
    for place in ([7.0, 4.25, 0.5], [4.0, 4.25, 4.0]):
        responses = [
            render_rir(house, source, place, mode=mode, layout="mono", sample_rate=8000) for mode in ("traced", "baked")
        ]
        traced, baked = (10.0 * np.log10(np.sum(np.square(r))) for r in responses)
        assert_allclose(baked, traced, atol=1.0)
    below, upstairs = (field_sample(house, field, np.array([4.0, y, 4.0])) for y in (1.25, 4.25))
    drop = 10.0 * np.log10(float(below.early[..., 0].sum()) / float(upstairs.early[..., 0].sum()))
    assert 8.0 < drop < 30.0
    assert_allclose(
        float(upstairs.first_arrival[0]) * 343.0, np.linalg.norm(np.subtract([4, 4.25, 4], source)), rtol=0.05
    )
