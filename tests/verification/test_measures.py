"""Navigation measures against their definitions, by hand."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.tasks import AudioNavTask, evaluate, sna, soft_spl, spl
from avi_env.tasks.measures import (
    EpisodeTrack,
    collision_count,
    episode_measures,
    normalised_distance,
    path_length,
    rl_success,
    stop_success,
    sws,
)


def tensor(*values: float) -> torch.Tensor:
    """A float tensor."""
    return torch.tensor(values)


def test_spl() -> None:
    """S d0 / max(d0, p): 1 on the shortest path, half on twice its length, 0 without success, never above 1."""
    success = torch.tensor([True, True, False, True])
    values = spl(success, tensor(4, 4, 4, 4), tensor(4, 8, 4, 3))
    assert_allclose(values, [1.0, 0.5, 0.0, 1.0], rtol=1e-6, atol=0)


def test_soft_spl() -> None:
    """max(0, 1 - d/d0) d0 / max(d0, p): progress counts without success, walking away counts nothing."""
    values = soft_spl(tensor(0, 2, 6), tensor(4, 4, 4), tensor(4, 8, 2))
    assert_allclose(values, [1.0, 0.25, 0.0], rtol=1e-6, atol=0)


def test_sna() -> None:
    """S n* / max(n*, n)."""
    values = sna(torch.tensor([True, True, False]), torch.tensor([10, 10, 10]), torch.tensor([10, 40, 10]))
    assert_allclose(values, [1.0, 0.25, 0.0], rtol=1e-6, atol=0)


def test_reward_of_soundspaces() -> None:
    """-0.01 a step, plus metres gained, plus 10 for a stop strictly within 1 m; a stop elsewhere ends unrewarded."""
    stopped = torch.tensor([False, True, True, True])
    outcome = evaluate(stopped, tensor(2.75, 0.9, 1.0, 3.0), tensor(3.0, 0.9, 1.0, 3.0), AudioNavTask())
    assert_allclose(outcome.reward, [0.24, 9.99, -0.01, -0.01], rtol=0, atol=1e-6)
    assert outcome.success.tolist() == [False, True, False, False]
    assert outcome.terminated.tolist() == [False, True, True, True]


def test_both_rules_of_success() -> None:
    """Measured: a stop strictly within 1 m. Rewarded on a graph of 0.5 m: a stop on the goal's own node alone."""
    stopped = np.array([True, True, True, False])
    distance = np.array([0.0, 0.5, 1.0, 0.0])
    assert_array_equal(stop_success(stopped, distance), [True, True, False, False])
    assert_array_equal(rl_success(stopped, distance, grid_size=0.5), [True, False, False, False])
    assert_array_equal(rl_success(stopped, distance), stop_success(stopped, distance))
    assert_array_equal(stop_success(stopped, distance, 0.2), [True, False, False, False])


def test_success_while_silent() -> None:
    """S [T > D]: only what succeeds after the end of the sound, strictly; a sound without end is never silent."""
    values = sws(np.array([True, True, True, False]), np.array([10.0, 10, 10, 10]), np.array([9.75, 10, np.inf, 5]))
    assert_array_equal(values, [True, False, False, False])


def test_lengths_shares_and_collisions() -> None:
    """Lengths sum straight steps, batched; d / d0; collisions count actions."""
    path = np.array([[[0, 0, 0], [3, 0, 4], [3, 2, 4]], [[0, 0, 0], [0, 0, 0], [0, 0, -1]]], dtype=np.float32)
    assert_allclose(path_length(path), [7.0, 1.0], rtol=1e-12, atol=0)
    assert_allclose(normalised_distance(np.array([1.0, 6.0]), np.array([4.0, 4.0])), [0.25, 1.5], rtol=1e-12, atol=0)
    assert_array_equal(collision_count(np.array([[True, False, True], [False, False, False]])), [2, 0])


def test_arrays_and_tensors_give_the_same() -> None:
    """One definition for the engine's tensors and for arrays."""
    rng = np.random.default_rng(0)
    success, d, d0, p = rng.random(64) < 0.5, *(rng.uniform(0.0, 9.0, (3, 64)))
    pairs = [(spl, (success, d0, p)), (soft_spl, (d, d0, p)), (normalised_distance, (d, d0))]
    for measure, given in pairs:
        assert_allclose(measure(*map(torch.from_numpy, given)), measure(*given), rtol=1e-12, atol=0)


def test_measures_of_an_episode() -> None:
    """An episode of five actions, by hand: d0 = 4, p = 5, d = 0.5, n = 5, n* = 4, silent after 1 s of 1.25 s."""
    track = EpisodeTrack(
        positions=np.array([[0, 0, 0], [0, 0, -2], [0, 0, -2], [0, 0, -4], [1, 0, -4], [1, 0, -4]], dtype=float),
        distances=np.array([4.0, 3.0, 3.0, 1.5, 0.5, 0.5]),
        actions=np.array([1, 2, 1, 1, 0]),
        collided=np.array([False, False, True, False, False]),
        oracle_actions=4,
        sound_seconds=1.0,
    )
    expected = {
        "success": 1.0,
        "rl_success": 1.0,
        "spl": 4 / 5,
        "soft_spl": (1 - 0.5 / 4) * 4 / 5,
        "sna": 4 / 5,
        "sws": 1.0,
        "distance_to_goal": 0.5,
        "normalized_distance_to_goal": 0.125,
        "path_length": 5.0,
        "collisions": 1.0,
        "steps": 5.0,
    }
    values = episode_measures(track)
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert_allclose(values[name], value, rtol=1e-12, atol=0, err_msg=name)
