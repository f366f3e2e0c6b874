"""The shortest-path follower: it arrives, in about as many actions as the path needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from avi_env.navigation import (
    GridBank,
    ShortestPathFollower,
    field_lookup,
    move,
    random_points,
    walkable_grid,
)
from avi_env.navigation.follower import next_actions
from avi_env.scene import generate_house, shoebox


def _play(grid, actions, position, yaw):
    bank = GridBank([grid])
    index = torch.zeros(1, dtype=torch.int32)
    p, heading = torch.as_tensor(np.asarray(position, np.float32))[None], torch.tensor([yaw], dtype=torch.float32)
    for action in actions:
        forward = torch.tensor([0.25 if action == 1 else 0.0])
        turn = torch.tensor([math.radians({2: 15.0, 3: -15.0}.get(int(action), 0.0))])
        p, heading, _ = move(bank, index, p, heading, forward, turn)
    return p[0].numpy()


def test_straight_walk_needs_its_steps_and_a_stop() -> None:
    """Two metres straight ahead: seven or eight steps of 0.25 m (the last within 0.1875 m of the goal) and a stop."""
    grid = walkable_grid(shoebox((6.0, 3.0, 4.0)))
    follower = ShortestPathFollower(grid, [3.0, 0.0, 1.0])
    assert follower.action_count([3.0, 0.0, 3.0], 0.0) == 9
    assert follower.next_action([3.0, 0.0, 3.0], 0.0) == 1
    assert follower.next_action([3.0, 0.0, 1.1], 0.0) == 0


def test_turns_the_shorter_way() -> None:
    """A goal to the left is turned to by left turns, one behind by twelve turns."""
    grid = walkable_grid(shoebox((6.0, 3.0, 4.0)))
    follower = ShortestPathFollower(grid, [1.0, 0.0, 2.0])
    position = [4.0, 0.0, 2.0]
    assert list(follower.actions(position, 0.0)[:6]) == [2] * 6
    assert list(follower.actions(position, math.pi)[:6]) == [3] * 6
    assert follower.action_count(position, -math.pi / 2) == follower.action_count(position, math.pi / 2) + 12


@pytest.mark.parametrize("seed", [0, 3, 7])
def test_arrives_everywhere_in_a_house(seed: int) -> None:
    """From everywhere in a house it stops within its radius, in few more actions than the length asks for."""
    grid = walkable_grid(generate_house(seed))
    rng = np.random.default_rng(seed)
    points = random_points(grid, rng, 60)
    follower = ShortestPathFollower(grid, points[0])
    ends = []
    for point in points[1:]:
        yaw = float(rng.uniform(-3, 3))
        actions = follower.actions(point, yaw)
        ends.append(_play(grid, actions, point, yaw))
        assert actions[-1] == 0
        distance = float(field_lookup(follower.field, grid, point))
        assert np.count_nonzero(actions == 1) * 0.25 <= 1.15 * distance + 0.3
        assert follower.next_action(point, yaw) == actions[0]
    assert_allclose(field_lookup(follower.field, grid, np.array(ends)), 0.0, atol=0.1875 + 1e-3)


def test_batch_counts_are_the_single_ones() -> None:
    """Counts of many walks at once are those of one at a time."""
    grid = walkable_grid(generate_house(1))
    points = random_points(grid, np.random.default_rng(1), 10)
    follower = ShortestPathFollower(grid, points[0])
    counts = follower.action_counts(points, np.linspace(-3, 3, 10))
    for point, yaw, count in zip(points, np.linspace(-3, 3, 10), counts, strict=True):
        assert follower.action_count(point, float(yaw)) == count


def test_no_way_means_stop(room_with) -> None:
    """Where no path leads, the follower stops at once instead of wandering."""
    grid = walkable_grid(room_with((6, 3, 4), ([2.9, 0, 0.0], [3.1, 3, 4.0])))
    follower = ShortestPathFollower(grid, [1.0, 0.0, 2.0])
    assert follower.next_action([5.0, 0.0, 2.0], 0.0) == 0
    assert follower.action_count([5.0, 0.0, 2.0], 0.0) == 1


def test_bad_steps_are_refused() -> None:
    """A step or turn of no size is named."""
    grid = walkable_grid(shoebox((3.0, 3.0, 3.0)))
    with pytest.raises(ValueError, match="forward must be positive"):
        ShortestPathFollower(grid, [1.0, 0.0, 1.0], forward=0.0)


def test_many_walkers_at_once_do_as_each_alone(device: str) -> None:
    """In two houses of a bank, each to a goal of its own, every walker's next action is its own follower's."""
    grids = [walkable_grid(generate_house(seed)) for seed in (2, 5)]
    bank = GridBank(grids, device)
    rng = np.random.default_rng(1)
    scene = np.array([0, 1, 1, 0, 1] * 8)
    goals = [random_points(grid, rng, 1)[0] for grid in grids]
    position = np.stack([random_points(grids[k], rng, 1)[0] for k in scene]).astype(np.float32)
    yaw = rng.uniform(-math.pi, math.pi, len(scene)).astype(np.float32)
    followers = [ShortestPathFollower(grid, goal) for grid, goal in zip(grids, goals, strict=True)]
    shape = np.maximum(*(follower.field.shape for follower in followers))
    fields = np.full((2, 1, *shape), np.inf, dtype=np.float32)
    for field, follower in zip(fields, followers, strict=True):
        field[0, : follower.field.shape[0], : follower.field.shape[1]] = follower.field
    found, turn = next_actions(
        bank,
        torch.from_numpy(fields).to(device),
        torch.from_numpy(scene).to(device),
        torch.from_numpy(scene.astype(np.int32)).to(device),
        torch.from_numpy(position).to(device),
        torch.from_numpy(yaw).to(device),
        forward=0.25,
        turn_deg=15.0,
        goal_radius=0.1875,
    )
    expected = [followers[k].next_action(p, float(y)) for k, p, y in zip(scene, position, yaw, strict=True)]
    assert found.cpu().tolist() == expected
    side = {0: 0.0, 1: 0.0, 2: 1.0, 3: -1.0}
    assert np.sign(turn.cpu().numpy()).tolist() == [side[action] for action in expected]
    steps = turn.cpu().numpy() / math.radians(15.0)
    assert_allclose(steps, np.round(steps), atol=1e-5)
