"""Rows are allotted in contiguous ranges, and what a range holds stays while others come and go."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import torch

from avi_env.scene.arena import Column, RowRange, RowRanges, RowTables, staged


def test_ranges_never_overlap_and_gaps_join() -> None:
    """Over 3000 random takes and returns the ranges in use are disjoint, and an empty arena is one gap again."""
    rng, ranges = np.random.default_rng(0), RowRanges()
    held: list[RowRange] = []
    for _ in range(3000):
        if held and rng.random() < 0.5:
            ranges.give_back(held.pop(int(rng.integers(len(held)))))
        else:
            held.append(ranges.take(int(rng.integers(0, 50))))
        spans = sorted(one for one in held if one.size)
        assert all(one.stop <= other.start for one, other in pairwise(spans))
        assert ranges.used == sum(one.size for one in held)
        assert all(one.stop <= ranges.capacity for one in spans)
    for one in held:
        ranges.give_back(one)
    assert ranges.take(ranges.capacity) == RowRange(0, ranges.capacity)


def test_a_sliding_set_does_not_grow_for_ever() -> None:
    """With 16 ranges of 15000 to 25000 rows at a time, 2000 of them pass through little more than what 16 need."""
    rng, ranges = np.random.default_rng(1), RowRanges()
    held: list[RowRange] = []
    for _ in range(2000):
        if len(held) == 16:
            ranges.give_back(held.pop(0))
        held.append(ranges.take(int(rng.integers(15_000, 25_000))))
    assert ranges.capacity <= 2 * 16 * 25_000


def test_returning_twice_is_told() -> None:
    """A range that is free already, wholly or in part, cannot be given back; nor can one ask for fewer than none."""
    ranges = RowRanges(10)
    one = ranges.take(4)
    ranges.take(2)
    ranges.give_back(one)
    for wrong in (one, RowRange(3, 5), RowRange(9, 12)):
        with pytest.raises(ValueError, match="not in use"):
            ranges.give_back(wrong)
    with pytest.raises(ValueError, match="at least none"):
        ranges.take(-1)


def test_tables_keep_their_rows_as_they_grow(device: str) -> None:
    """What was written into a range is there after the tables were replaced by larger ones."""
    target = torch.device(device)
    columns = {"number": Column(torch.int32), "place": Column(torch.float32, (3,))}
    tables, rng = RowTables(RowRanges(), target, columns), np.random.default_rng(2)
    held: list[tuple[RowRange, int, npt.NDArray[np.float32]]] = []
    for number in range(40):
        if len(held) > 10:
            tables.ranges.give_back(held.pop(int(rng.integers(len(held))))[0])
        rows = tables.ranges.take(int(rng.integers(0, 30)))
        place = rng.normal(size=(rows.size, 3)).astype(np.float32)
        tables.write(rows, {"number": number, **staged({"place": place}, columns, target)})
        held.append((rows, number, place))
        for known, expected, where in held:
            assert (tables["number"][known.start : known.stop] == expected).all()
            np.testing.assert_array_equal(tables["place"][known.start : known.stop].cpu(), where)
    assert tables.nbytes == {"number": 4 * tables.ranges.capacity, "place": 12 * tables.ranges.capacity}
