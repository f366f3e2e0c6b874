"""Rows shared among threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np
import pytest

from avi_env.threads import row_ranges, run_rows


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 64])
def test_every_row_is_treated_once(count: int, threads: int) -> None:
    """Parts follow each other, differ by one row at most, and each is run."""
    ranges = row_ranges(count, threads)
    assert len(ranges) == min(count, threads)
    assert [row for first, last in ranges for row in range(first, last)] == list(range(count))
    assert not ranges or max(b - a for a, b in ranges) - min(b - a for a, b in ranges) <= 1
    visits = np.zeros(count, dtype=int)

    def visit(first: int, last: int) -> None:
        visits[first:last] += 1

    run_rows(visit, count, threads)
    assert np.all(visits == 1)


def test_parts_run_side_by_side_and_nested_calls_stay_where_they_are() -> None:
    """Two parts meet at a barrier; what a part asks for runs on its own thread, whole."""
    barrier, inner = threading.Barrier(2, timeout=30.0), []

    def part(first: int, last: int) -> None:
        barrier.wait()
        run_rows(lambda a, b: inner.append((threading.get_ident(), a, b)), 10, 4)
        barrier.wait()

    run_rows(part, 2, 2)
    assert [(a, b) for _, a, b in inner] == [(0, 10)] * 2
    assert len({thread for thread, _, _ in inner}) == 2


def test_an_error_of_a_part_is_raised_when_all_have_ended() -> None:
    """Whichever part fails, the others finish, and the next call works."""
    for bad in range(3):
        done = []

        def part(first: int, last: int, bad: int = bad, done: list[int] = done) -> None:
            if first == bad:
                raise RuntimeError(f"row {bad}")
            done.append(first)

        with pytest.raises(RuntimeError, match=f"row {bad}"):
            run_rows(part, 3, 3)
        assert sorted(done) == [row for row in range(3) if row != bad]


def test_senseless_counts_are_told() -> None:
    """A negative count and no thread at all."""
    for count, threads in ((-1, 2), (4, 0)):
        with pytest.raises(ValueError, match="at least one thread"):
            row_ranges(count, threads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    """`gymnasium`'s asynchronous vector environment forks by default; a child must not wait for its parent's pool."""
    sums: Callable[[int, int], object] = lambda first, last: None  # noqa: E731
    run_rows(sums, 4, 2)
    child = os.fork()
    if not child:
        run_rows(sums, 4, 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
