"""Distance fields of many goals at once on a device, against brute force and against the CPU's exact search."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import house_of_two_storeys, solid
from numpy.testing import assert_allclose, assert_array_equal
from visibility_graph import exact_lengths

from avi_env.navigation import (
    NavigationError,
    WalkableGrid,
    distance_field,
    grid_from_mask,
    random_points,
    walkable_grid,
)
from avi_env.navigation.any_angle import line_of_sight
from avi_env.navigation.device_fields import device_distance_fields
from avi_env.scene import load_scene, shoebox
from avi_env.tasks import goal_points


def _mask(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Scattered squares, which touch at corners, or a few blocks and walls."""
    if rng.random() < 0.5:
        return np.asarray(rng.random(shape) >= rng.choice([0.1, 0.2, 0.3, 0.4]))
    free = np.ones(shape, bool)
    for _ in range(rng.integers(1, 9)):
        i, j = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        free[i : i + rng.integers(1, 4), j : j + rng.integers(1, 6)] = False
    free[0, 0] = True
    return free


def _masks(count: int, largest: int) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [_mask(rng, (int(rng.integers(5, largest)), int(rng.integers(5, largest)))) for _ in range(count)]


def assert_fields(grids: list[WalkableGrid], goals: list[np.ndarray], device: str, atol: float = 2e-4) -> None:
    """Every field is the CPU's, and unreached exactly where that is and beyond its grid."""
    fields = device_distance_fields(grids, goals, device).cpu().numpy()
    for field, grid, points in zip(fields, grids, goals, strict=True):
        expected = np.full(field.shape, np.inf, dtype=np.float32)
        expected[: len(grid.layers), : grid.shape[0], : grid.shape[1]] = distance_field(grid, points)
        assert_array_equal(np.isfinite(field), np.isfinite(expected))
        assert_allclose(field, expected, rtol=1e-5, atol=atol)


def test_equals_brute_force_on_random_masks(device: str) -> None:
    """One launch series for 24 masks of different shapes; every length is that of the visibility graph."""
    masks = _masks(24, 12)
    grids = [grid_from_mask(mask, (0.5, 0.5), cell=1.0) for mask in masks]
    rng = np.random.default_rng(1)
    goals = []
    for number, mask in enumerate(masks):
        cells = np.argwhere(mask)
        goals.append(cells[rng.integers(len(cells))] + (0.5 if number % 4 == 0 else rng.uniform(0.05, 0.95, size=2)))
    fields = device_distance_fields(grids, goals, device).cpu().numpy()[:, 0]
    for field, mask, goal in zip(fields, masks, goals, strict=True):
        nx, nz = mask.shape
        assert_allclose(field[:nx, :nz], exact_lengths(mask, goal), rtol=0, atol=2e-3)
        assert not np.isfinite(field[nx:]).any()
        assert not np.isfinite(field[:, nz:]).any()


def test_equals_the_search_on_larger_masks(device: str) -> None:
    """Many squares that touch at corners, between which nothing passes; several goals in one field."""
    rng = np.random.default_rng(2)
    grids = [grid_from_mask(rng.random((70, 50)) >= share, cell=0.05) for share in (0.1, 0.25, 0.4)]
    goals = [random_points(grid, rng, count) for grid, count in zip(grids, (1, 4, 2), strict=True)]
    assert_fields(grids, goals, device)


def test_equals_the_search_in_houses(device: str) -> None:
    """Two houses, the goals of episodes in them: dozens of places beside an object; errors below 0.1 mm."""
    grids, goals, rng = [], [], np.random.default_rng(3)
    for name in ("house:1", "house:7:living_room+bedroom"):
        scene = load_scene(name)
        grid = walkable_grid(scene)
        for source in random_points(grid, rng, 2):
            goals.append(goal_points(scene, grid, source + np.array([0.0, 1.0, 0.0], np.float32)))
            grids.append(grid)
    assert max(len(points) for points in goals) > 20
    assert_fields(grids, goals, device, atol=1e-4)


def test_storeys_and_slopes(device: str) -> None:
    """Up and down stairs, in the layers that share them too, beside a house with one floor."""
    house, room = walkable_grid(house_of_two_storeys()), walkable_grid(shoebox((4.0, 2.6, 3.0)))
    assert len(house.layers) == 2
    goals = [np.array([1.0, 0.0, 5.0]), np.array([7.0, 3.0, 5.0]), np.array([1.0, 0.0, 1.0]), np.array([4.0, 1.6, 0.5])]
    assert_fields(
        [house, house, room, house], goals, device, atol=1e-3
    )  # [m]; the search prunes by lengths seen from above
    lower = device_distance_fields([house], goals[1:2], device).cpu().numpy()[0, 0]
    assert 8.0 < lower[np.isfinite(lower)].max() < 20.0


def test_ramp_is_longer_than_it_looks(device: str) -> None:
    """On one sloped layer, lengths are those over the ground."""
    steps = [([3 + 0.25 * k, 0, 0], [8, 0.1 * (k + 1), 4]) for k in range(8)]
    grid = walkable_grid(solid(*steps, shell=(8.0, 4.0, 4.0)))
    assert grid.sloped
    assert not grid.above
    assert_fields([grid, grid], [np.array([1.0, 0, 1.0]), np.array([7.0, 0.8, 3.0])], device)


def test_each_field_is_as_if_alone(device: str) -> None:
    """To the bit, in any order, with others beside it."""
    masks, rng = _masks(3, 30), np.random.default_rng(5)
    grids = [grid_from_mask(masks[k], cell=0.1) for k in (0, 1, 2, 1, 0)]
    goals = [random_points(grid, rng, 2, island=None) for grid in grids]
    together = device_distance_fields(grids, goals, device).cpu().numpy()
    for order in ([4, 2, 0, 1, 3], [3], [1, 1]):
        fields = device_distance_fields([grids[k] for k in order], [goals[k] for k in order], device).cpu().numpy()
        _, _, nx, nz = fields.shape
        assert_array_equal(fields, together[order, :, :nx, :nz])


def test_sight_is_that_of_the_sampled_line(device: str) -> None:
    """What the tables say of columns and corners is what sampling the line says."""
    from avi_env.navigation.sight import sight_map

    (mask,) = _masks(1, 12)
    m = sight_map(grid_from_mask(mask, cell=1.0), device)
    padded = np.pad(mask, 1)
    bits, corners, sides = m.place_bits.numpy(), m.node_xz.numpy(), m.node_side.numpy()
    for place, row in zip(m.place.numpy(), bits, strict=True):
        point = place[:2] + 1.5
        for node, (corner, side) in enumerate(zip(corners, sides, strict=True)):
            behind = bool(np.all((point - corner) * side < 0))
            seen = bool(row[node // 32] >> (node % 32) & 1)
            assert seen == (not behind and line_of_sight(padded, point, corner)), (point, corner)


def test_wrong_input_is_named(device: str) -> None:
    """A goal far off, and rows without goals."""
    room = grid_from_mask(np.ones((12, 10), bool), cell=0.1)
    with pytest.raises(NavigationError, match="no goal"):
        device_distance_fields([room], [np.array([90.0, 0.0, 90.0])], device)
    with pytest.raises(ValueError, match="1 grids need as many"):
        device_distance_fields([room], [], device)
    other = grid_from_mask(np.ones((12, 10), bool), cell=0.2)
    with pytest.raises(ValueError, match=r"0.1, 0.2"):
        device_distance_fields([room, other], [np.zeros(3), np.zeros(3)], device)
    assert device_distance_fields([], [], device).shape == (0, 0, 0, 0)
