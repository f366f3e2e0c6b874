"""Goals that walk: on a GPU the fields of all that moved are found in one series of launches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.envs.goals import GoalRows
from avi_env.navigation import distance_field, grid_from_mask, random_points


def test_fields_found_together_are_those_found_one_by_one(device: str) -> None:
    """Two seats of three, in grids of different sizes; the third keeps its field, and tables grow to the largest."""
    rng = np.random.default_rng(2)
    grids = [grid_from_mask(rng.random(shape) > 0.2, cell=0.05) for shape in ((30, 20), (12, 15), (25, 40))]
    goals = [random_points(grid, rng, 3) for grid in grids]
    rows, expected = GoalRows(3, torch.device(device)), GoalRows(3, torch.device(device))
    for known in (rows, expected):
        known._walks = cast(Any, {seat: SimpleNamespace(grid=grid) for seat, grid in enumerate(grids)})
        known._write(1, distance_field(grids[1], goals[1]))
    for seat in (0, 2):
        expected._write(seat, distance_field(grids[seat], goals[seat]))
    rows._find_on_device({0: goals[0], 2: goals[2]})
    assert rows.fields.shape == expected.fields.shape == (3, 1, 30, 40)
    assert_array_equal(np.isfinite(rows.fields.cpu().numpy()), np.isfinite(expected.fields.cpu().numpy()))
    assert_allclose(rows.fields.cpu().numpy(), expected.fields.cpu().numpy(), rtol=1e-5, atol=1e-4)
