"""Memory: what episodes leave behind is let go of, and freed pages go back to the system."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from test_engine import made

from avi_env.acoustics import bake
from avi_env.bench.speed_memory import resident_mb
from avi_env.envs import freed_memory

RECORDED = ("_Command", "_Packed", "Parameters")
"""Launches by their size: as many as sizes at first, two thousand a thread at most."""


def played(env: Any, episodes: int) -> None:
    """Plays episodes of one step each."""
    ended = 0
    while ended < episodes:
        _, _, terminated, truncated, _ = env.step(np.array([2, 1]))
        ended += int(np.count_nonzero(terminated | truncated))


def live_objects() -> tuple[Counter[str], int]:
    """Counts the objects of our own classes, and the bytes of all tensors."""
    gc.collect()
    alive = gc.get_objects()
    own = Counter(type(one).__name__ for one in alive if str(type(one).__module__).startswith("avi_env"))
    storages = [one.untyped_storage() for one in alive if type(one) is torch.Tensor]
    return own, sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def test_episodes_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 40 episodes in two scenes, 120 more leave no object of ours alive, no larger tensor, no larger table."""
    monkeypatch.setattr(bake, "_MEMORY_BYTES", 500_000)  # full soon, so that fields go when others come
    env = made(2, scene="shoebox:6x3x4,house:3:2", max_episode_steps=1, prefetch=False)
    env.reset(seed=0)
    played(env, 40)
    (before, tensors), tables = live_objects(), env.batch.memory()["total"]
    played(env, 120)
    after, tensors_after = live_objects()
    grown = {name: count for name, count in (after - before).items() if name not in RECORDED}
    assert sum(grown.values()) <= 20, grown  # a few of what two rows hold at a time, but not one an episode
    assert tensors_after <= 1.02 * tensors
    assert env.batch.memory()["total"] <= 1.02 * tables
    env.close()


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_freed_memory_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is freed between blocks that stay is no longer resident; a second return at once is left out."""
    blocks = [np.ones(10_000) for _ in range(2000)]  # 80 kB each: too small for pages of their own
    kept = blocks[::10]
    del blocks
    monkeypatch.setattr(freed_memory, "_next", 0.0)
    before = resident_mb()
    freed_memory.return_memory()
    assert resident_mb() < before - 100.0
    again = freed_memory._next
    freed_memory.return_memory()
    assert freed_memory._next == again
    assert len(kept) == 200
