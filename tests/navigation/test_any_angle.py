"""The any-angle search against brute force, and its tables."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from visibility_graph import exact_lengths

from avi_env.navigation import AnyAngleMap, any_angle_field
from avi_env.navigation.any_angle import line_of_sight


def _mask(rng: np.random.Generator) -> np.ndarray:
    shape = tuple(rng.integers(5, 12, size=2))
    if rng.random() < 0.5:
        return rng.random(shape) >= rng.choice([0.1, 0.2, 0.3, 0.4])
    free = np.ones(shape, bool)
    for _ in range(rng.integers(1, 7)):
        i, j = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        free[i : i + rng.integers(1, 4), j : j + rng.integers(1, 6)] = False
    free[0, 0] = True
    return free


@pytest.mark.parametrize("seed", range(24))
def test_equals_brute_force(seed: int) -> None:
    """On random masks every length equals the visibility graph's: the search is exact, not approximate."""
    rng = np.random.default_rng(seed)
    free = _mask(rng)
    cells = np.argwhere(free)
    goal = cells[rng.integers(len(cells))] + (0.5 if seed % 4 == 0 else rng.uniform(0.05, 0.95, size=2))
    field = AnyAngleMap(free, 1.0, (0.5, 0.5)).search([goal])[0]
    assert_allclose(field.length, exact_lengths(free, goal), rtol=0, atol=2e-3)


def test_several_goals_are_the_nearest_of_them() -> None:
    """The field of a set of goals is the minimum over the fields of its goals."""
    rng = np.random.default_rng(3)
    free = rng.random((60, 50)) > 0.25
    cells = np.argwhere(free)
    goals = (cells[rng.integers(len(cells), size=5)] - 0.2) * 0.1
    paths = AnyAngleMap(free, 0.1, (0.0, 0.0))
    joint = paths.search([goals])[0].length
    single = np.min([field.length for field in paths.search(list(goals))], axis=0)
    assert_allclose(joint, single, rtol=0, atol=1e-4)


def test_batch_is_the_single_fields() -> None:
    """Fields searched together are bit-identical to fields searched alone."""
    rng = np.random.default_rng(4)
    free = rng.random((40, 40)) > 0.2
    cells = np.argwhere(free)
    goals = list(cells[rng.integers(len(cells), size=4)] * 0.05)
    paths = AnyAngleMap(free, 0.05, (0.0, 0.0))
    for goal, field in zip(goals, paths.search(goals), strict=True):
        assert_array_equal(field.length, paths.search([goal])[0].length)


def test_length_is_the_sum_of_its_legs() -> None:
    """Column to root, root to root, to the goal: the legs add up to the length, and each leg is in sight."""
    rng = np.random.default_rng(5)
    free = rng.random((40, 30)) > 0.3
    field = any_angle_field(free, 0.1, np.argwhere(free)[0] * 0.1)
    for i, j in np.argwhere(np.isfinite(field.length))[::17]:
        points = np.concatenate([[[0.1 * i, 0.1 * j]], field.root_xz[field.chain(int(field.root[i, j]))]])
        assert_allclose(np.hypot(*np.diff(points, axis=0).T).sum(), field.length[i, j], atol=1e-4)
        for a, b in itertools.pairwise(points):
            assert line_of_sight(free, a / 0.1 + 0.5, b / 0.1 + 0.5)
        assert field.bend_count[field.root[i, j]] == len(points) - 2


def test_goal_in_a_blocked_column_is_refused() -> None:
    """A goal that no path can end at is an error, not an empty field."""
    free = np.ones((5, 5), bool)
    free[2, 2] = False
    for goal in ((2.0, 2.0), (9.0, 0.0)):
        with pytest.raises(ValueError, match="free columns"):
            any_angle_field(free, 1.0, goal)


def test_mirrored_mask_has_mirrored_field() -> None:
    """Left and right are alike: mirroring mask and goal mirrors the field."""
    rng = np.random.default_rng(6)
    free = rng.random((31, 44)) > 0.25
    goal = np.argwhere(free)[10] + 0.1
    field = any_angle_field(free, 1.0, goal)
    mirrored = any_angle_field(free[::-1], 1.0, [30 - goal[0], goal[1]])
    assert_allclose(mirrored.length[::-1], field.length, atol=1e-3)


def test_works_on_every_device(device: str) -> None:
    """CUDA and CPU give the same lengths."""
    rng = np.random.default_rng(7)
    free = rng.random((50, 50)) > 0.2
    goal = np.argwhere(free)[7]
    there = any_angle_field(free, 1.0, goal, device=device).length
    assert_allclose(there, any_angle_field(free, 1.0, goal).length, rtol=1e-5)
