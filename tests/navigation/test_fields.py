"""Distance fields, their lookup, and points on the grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from avi_env.navigation import (
    GridBank,
    NavigationError,
    distance_field,
    distance_fields,
    field_lookup,
    geodesic_distance,
    grid_from_mask,
    random_points,
    shortest_path,
    snap_point,
    walkable_grid,
)
from avi_env.scene import generate_house, shoebox


def test_lookup_is_exact_to_a_tenth_of_a_cell() -> None:
    """In an open room the interpolated distance is the Euclidean one within 5 mm, half a metre off the goal."""
    grid = walkable_grid(shoebox((6.0, 3.0, 4.0)))
    goal = np.array([1.234, 0.0, 2.345])
    field = distance_field(grid, goal)
    points = random_points(grid, np.random.default_rng(0), 500)
    exact = np.hypot(points[:, 0] - goal[0], points[:, 2] - goal[2])
    far = exact > 0.5
    assert_allclose(field_lookup(field, grid, points)[far], exact[far], rtol=0.01, atol=0.005)
    assert_allclose(field_lookup(field, grid, points), exact, rtol=0, atol=0.025)


def test_lookup_does_not_mix_the_sides_of_a_wall(room_with) -> None:
    """Beside a thin wall the distance is that of one's own side."""
    scene = room_with((6, 3, 4), ([2.99, 0, 0.0], [3.01, 3, 3.0]))
    grid = walkable_grid(scene, agent_radius=0.05)
    goal = np.array([1.0, 0.0, 0.5])
    field = distance_field(grid, goal)
    beside = np.array([[2.9, 0.0, 0.5], [3.1, 0.0, 0.5]], np.float32)
    near, far = field_lookup(field, grid, beside)
    assert_allclose(near, 1.9, atol=0.02)
    assert far > 5.5


def test_lookup_takes_numpy_torch_single_and_batched() -> None:
    """One position or many, NumPy or torch, one field or one each: the same numbers."""
    grid = walkable_grid(shoebox((6.0, 3.0, 4.0)))
    fields = distance_fields(grid, [np.array([1.0, 0, 1.0]), np.array([5.0, 0, 3.0])])
    points = random_points(grid, np.random.default_rng(1), 2)
    one = field_lookup(fields[0], grid, points[0])
    assert one.shape == ()
    both = field_lookup(fields, grid, torch.as_tensor(points))
    assert isinstance(both, torch.Tensor)
    assert_allclose(both[0].numpy(), one)
    assert_allclose(both[1].numpy(), field_lookup(fields[1], grid, points[1]))


def test_bank_looks_up_each_agents_own_field(device: str) -> None:
    """In a bank of two scenes of different size each agent reads its own padded field."""
    grids = [walkable_grid(shoebox(size)) for size in ((6.0, 3.0, 4.0), (3.0, 3.0, 8.0))]
    bank = GridBank(grids, device)
    goals = np.array([[1.0, 0.0, 1.0], [1.5, 0.0, 7.0]])
    fields = torch.stack([bank.pad(distance_field(g, p)) for g, p in zip(grids, goals, strict=True)])
    position = torch.tensor([[5.0, 0.0, 3.0], [1.0, 0.0, 1.0]], device=device)
    found = bank.lookup(fields, torch.tensor([0, 1], device=device), position)
    assert_allclose(found.cpu(), [math.hypot(4, 2), math.hypot(0.5, 6)], atol=2e-3)


def test_goal_on_a_table_counts_as_the_nearest_floor(room_with) -> None:
    """A goal nobody can stand on is reached beside it; one far from any floor is refused."""
    scene = room_with((6, 3, 4), ([2.5, 0.0, 1.5], [3.5, 0.8, 2.5]))
    grid = walkable_grid(scene)
    field = distance_field(grid, np.array([2.6, 0.8, 2.0]))
    assert_allclose(field_lookup(field, grid, np.array([1.0, 0.0, 2.0], np.float32)), 1.3, atol=0.05)
    with pytest.raises(NavigationError, match="within 1 m"):
        distance_field(grid, np.array([30.0, 0.0, 2.0]))


def test_unreachable_is_infinite(room_with) -> None:
    """Across a closed wall the distance is infinite and the path empty."""
    scene = room_with((6, 3, 4), ([2.9, 0, 0.0], [3.1, 3, 4.0]))
    a, b = np.array([1.0, 0, 2.0]), np.array([5.0, 0, 2.0])
    assert geodesic_distance(scene, a, b) == math.inf
    assert shortest_path(scene, a, b).shape == (0, 3)


def test_nan_is_refused() -> None:
    """A NaN position is named, not passed on."""
    with pytest.raises(ValueError, match="NaN"):
        geodesic_distance(shoebox((3.0, 3.0, 3.0)), [1.0, 0.0, math.nan], [2.0, 0.0, 2.0])


@pytest.mark.parametrize("seed", [0, 5])
def test_paths_of_houses_are_consistent(seed: int) -> None:
    """In a house: length of the path = distance, distance is symmetric, bends are walkable, lookup within 1 %."""
    house = generate_house(seed)
    grid = walkable_grid(house)
    points = random_points(grid, np.random.default_rng(seed), 8)
    field = distance_field(grid, points[0])
    for point in points[1:]:
        distance = geodesic_distance(house, point, points[0])
        path = shortest_path(house, point, points[0])
        assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1).sum(), distance, rtol=2e-3, atol=5e-3)
        assert_allclose(path[[0, -1]], [point, points[0]], atol=1e-6)
        assert_allclose(geodesic_distance(house, points[0], point), distance, rtol=2e-3, atol=2e-3)
        assert_allclose(field_lookup(field, grid, point), distance, rtol=0.01, atol=0.02)
        assert grid.is_free(path[:, [0, 2]]).all()


def test_snapped_and_random_points_are_walkable() -> None:
    """Snapping returns the nearest walkable point on the floor and leaves walkable ones alone."""
    grid = walkable_grid(shoebox((6.0, 3.0, 4.0)))
    assert_allclose(snap_point(grid, [-1.0, 2.0, 2.0]), [0.2, 0.0, 2.0], atol=0.026)
    assert_allclose(snap_point(grid, [2.01, 1.0, 2.02]), [2.01, 0.0, 2.02], atol=1e-6)
    points = random_points(grid, np.random.default_rng(0), 400)
    assert grid.is_free(points[:, [0, 2]]).all()
    assert_allclose(points.mean(axis=0), [3.0, 0.0, 2.0], atol=0.25)


def test_random_points_keep_to_an_island() -> None:
    """Points are drawn from the largest island unless told otherwise."""
    free = np.zeros((20, 20), bool)
    free[:12] = True
    free[14:] = True
    grid = grid_from_mask(free, cell=1.0)
    rng = np.random.default_rng(0)
    assert random_points(grid, rng, 100)[:, 0].max() < 12
    assert random_points(grid, rng, 100, island=1)[:, 0].min() > 13
    assert np.ptp(random_points(grid, rng, 100, island=None)[:, 0]) > 12
