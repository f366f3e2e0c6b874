"""One pool of threads for all of avi_env: Warp's CPU launches and NumPy's loops release the interpreter lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import torch

__all__ = ["row_ranges", "run_rows"]


class _Local(threading.local):
    """Whether this thread works on a part."""

    busy = False


_local = _Local()
_lock = threading.Lock()
_pools: list[ThreadPoolExecutor] = []  # none, or the one


def row_ranges(count: int, threads: int | None = None) -> list[tuple[int, int]]:
    """Returns contiguous parts (first, last) of `count` rows, `last` excluded, whose sizes differ by one at most.

    Args:
        count: rows to share out; 0 gives no part.
        threads: most parts; `torch.get_num_threads()` if not given, so that OMP_NUM_THREADS is heeded.

    Raises:
        ValueError: a negative count, or fewer than one thread.
    """
    parts = torch.get_num_threads() if threads is None else threads
    if count < 0 or parts < 1:
        raise ValueError(f"rows are shared among at least one thread, got {count} rows and {parts} threads")
    parts = min(parts, count)
    return [(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


def run_rows(function: Callable[[int, int], object], count: int, threads: int | None = None) -> None:
    """Calls `function(first, last)` for parts of `count` rows side by side, and returns when all are done.

    The last part runs on the calling thread. A call from within a part runs there as one part: threads of the pool
    never wait for the pool. What is computed must not depend on where rows are cut.

    Args:
        function: treats the rows from `first` on, below `last`; it should release the interpreter lock.
        count: rows; with 0 nothing is called.
        threads: most parts, as `row_ranges` takes it.

    Raises:
        ValueError: as `row_ranges`. What a part raises is raised here, when all parts have ended.
    """
    ranges = row_ranges(count, 1 if _local.busy else threads)
    if len(ranges) < 2:
        for first, last in ranges:
            function(first, last)
        return
    pool = _pool()
    others = [pool.submit(_run_part, function, first, last) for first, last in ranges[:-1]]
    try:
        _run_part(function, *ranges[-1])
    finally:
        wait(others)
    for other in others:
        other.result()


def _run_part(function: Callable[[int, int], object], first: int, last: int) -> None:
    _local.busy = True
    try:
        function(first, last)
    finally:
        _local.busy = False


def _pool() -> ThreadPoolExecutor:
    with _lock:
        if not _pools:
            _pools.append(ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="avi_env"))
        return _pools[0]


def _forget_pool() -> None:
    """A forked process has the pool's records but none of its threads, nor those of torch's OpenMP pool.

    GNU's OpenMP waits for its lost threads for ever (pytorch issue 17199) unless it is told to use one; the workers of
    torch's data loader are told the same.
    """
    global _lock
    _lock = threading.Lock()
    _pools.clear()
    _local.busy = False
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
