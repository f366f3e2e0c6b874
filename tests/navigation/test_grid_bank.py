"""Grids come and go in a bank; how one walks, and how far it is, depends neither on the slot nor on what was there."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import house_of_two_storeys
from numpy.testing import assert_array_equal

from avi_env.navigation import GridBank, distance_field, grid_from_mask, move, random_points, walkable_grid
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene import generate_house, shoebox


@cache
def goal_field(grid: WalkableGrid) -> npt.NDArray[np.float32]:
    """Distances to one place of a grid."""
    return distance_field(grid, random_points(grid, np.random.default_rng(7), 1)[0])


def walked(bank: GridBank, slot: int, grid: WalkableGrid) -> list[torch.Tensor]:
    """Where 40 agents get on the grid of a slot, and how far a goal is from there."""
    rng, count = np.random.default_rng(7), 40
    places = random_points(grid, rng, count)

    def column(values: object, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.tensor(np.array(values), dtype=dtype, device=bank.device)

    index = column([slot] * count, torch.int32)
    turn, yaw = column(rng.uniform(-1, 1, count)), column(rng.uniform(-3, 3, count))
    motion = move(bank, index, column(places), yaw, column(rng.uniform(0, 3, count)), turn)
    field = bank.pad(goal_field(grid)).expand(count, *[-1] * (3 if bank.depth > 1 else 2))
    return [part.cpu() for part in (*motion, bank.lookup(field.contiguous(), index, motion.position))]


def test_neither_slot_nor_history_matters(device: str) -> None:
    """After 60 arrivals and departures, of larger grids and of ones with stairs, agents walk as alone in a bank."""
    grids = [
        walkable_grid(shoebox((4.0, 3.0, 5.0))),
        walkable_grid(shoebox((9.0, 3.0, 3.0))),
        walkable_grid(generate_house(seed=0, rooms=2)),
        walkable_grid(house_of_two_storeys()),
    ]
    alone = [walked(GridBank([grid], device), 0, grid) for grid in grids]
    rng, bank, held = np.random.default_rng(3), GridBank(grids[:1], device), {0: 0}
    for turn in range(60):
        if len(held) > 1 and (len(held) == 5 or rng.random() < 0.4):
            slot = int(rng.choice(sorted(held)))
            bank.drop(slot)
            del held[slot]
        else:
            grid = int(rng.integers(len(grids) if turn > 20 else 2))
            held[bank.put(grids[grid])] = grid
        if turn % 12 == 11:
            for slot, grid in held.items():
                for known, now in zip(alone[grid], walked(bank, slot, grids[grid]), strict=True):
                    assert_array_equal(now, known)
    assert len(bank) <= 8


def test_slots_without_a_grid_are_told() -> None:
    """Free slots and those that never were, and columns of another width, are errors; memory is told by table."""
    grid = walkable_grid(shoebox((4.0, 3.0, 5.0)))
    bank = GridBank([grid, grid])
    bank.drop(1)
    for wrong in (1, 2, -1):
        with pytest.raises(ValueError, match=rf"slot {wrong} of the bank holds no grid: grids are in 0 of slots 0..1"):
            bank.drop(wrong)
        with pytest.raises(ValueError, match="a slot without a grid"):
            walked(bank, wrong, grid)
    with pytest.raises(ValueError, match="one cell size"):
        bank.put(grid_from_mask(np.ones((3, 3), dtype=bool), cell=0.1))
    assert bank.put(grid) == 1
    assert bank.nbytes == sum(bank.memory().values())
    assert bank.memory()["clearance"] == 2 * 4 * grid.free.size
