"""State of the vector environment: taken and put back, its memory, and what is left when it is closed."""

from __future__ import annotations

import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from test_engine import assert_same, host, made

ACTIONS = np.array([[1, 2], [1, 0], [3, 1], [1, 1], [2, 2], [0, 1], [1, 3], [1, 1]])
MOVING: dict[str, Any] = {  # all that an episode can have of its own
    "scene": "house:1:living_room+bedroom",
    "max_episode_steps": 6,
    "sensors": ("depth", "audio", "goal"),
    "source_speed": 0.7,
    "sample_rate": 16000,
    "sounds": (),
    "door_seconds": 0.6,
    "echolocation": True,
    "doppler": True,
}


def played(env: Any, actions: np.ndarray) -> list[dict[str, Any]]:
    """All that some steps return."""
    frames = []
    for row in actions:
        seen, reward, terminated, truncated, info = env.step(row)
        frames.append({**seen, **info, "reward": reward, "terminated": terminated, "truncated": truncated})
    return frames


@pytest.mark.parametrize("options", [{}, MOVING], ids=["plain", "motion"])
def test_snapshots(options: dict[str, Any], device: str) -> None:
    """From a snapshot the same follows, bit for bit: over ends of episodes, again, elsewhere, and from a pickle."""
    env = made(2, device=device, **options)
    env.reset(seed=11)
    played(env, ACTIONS[:3])
    actions = ACTIONS[:4] if options else ACTIONS
    snapshot, before = env.snapshot(), host(env.batch.state.audio).copy()
    expected = played(env, actions)
    pickled = pickle.dumps(snapshot)
    assert len(pickled) < 2e6
    for other, moment in ((env, snapshot), (made(2, device=device, **options), pickle.loads(pickled))):
        other.restore(moment)
        assert_array_equal(host(other.batch.state.audio), before)
        for one, two in zip(expected, played(other, actions), strict=True):
            assert_same(one, two)
    with pytest.raises(ValueError, match="one configuration and number of rows"):
        made(3, device=device, **options).restore(snapshot)


def test_memory_is_told() -> None:
    """memory() names each part in bytes; total is their sum, and buffers of outputs belong to it."""
    env, reused = made(2), made(2, copy=False)
    for each in (env, reused):
        each.reset(seed=0)
    parts = env.memory()
    assert parts.pop("total") == sum(parts.values())
    assert {"grids", "goal_fields", "clips", "fields.early", "agents"} <= parts.keys()
    assert min(parts[name] for name in ("grids", "goal_fields", "clips", "agents")) > 0
    assert reused.memory()["outputs"] == 2 * sum(value.nbytes for value in reused.reset()[0].values())


def test_memory_does_not_grow_with_episodes() -> None:
    """The tables are as large after many episodes as after the first few."""
    env = made(2, max_episode_steps=2)
    env.reset(seed=0)
    sizes = []
    for _ in range(36):
        env.step(np.array([1, 2]))
        sizes.append({name: size for name, size in env.memory().items() if name not in ("clips", "total")})
    assert sizes[12:] == [sizes[12]] * 24


def test_closing_frees() -> None:
    """After close() nothing holds the world, further use is an error that says so, and closing twice is fine."""
    env = made(2)
    env.reset(seed=0)
    env.step(np.array([1, 1]))
    world, state = weakref.ref(env.batch.world), weakref.ref(env.batch.tables.audio)
    jobs = [coming.job for coming in env.batch.seats._coming.values()]
    env.close()
    assert all(job.finished(60.0) for job in jobs)
    del jobs
    gc.collect()
    assert world() is None
    assert state() is None
    for use in (env.reset, lambda: env.batch.step(np.array([1, 1]))):
        with pytest.raises(RuntimeError, match="closed"):
            use()
    env.close()


def test_many_in_one_process() -> None:
    """Several environments side by side do not touch each other, also when one of them is closed."""
    alone = made(1)
    alone.reset(seed=3)
    expected = played(alone, ACTIONS[:, :1])
    several = [made(1) for _ in range(4)]
    for env in several:
        env.reset(seed=3)
    frames: list[list[dict[str, Any]]] = [[] for _ in several]
    for number, action in enumerate(ACTIONS[:, :1]):
        for env, known in zip(several, frames, strict=True):
            if env is not several[0] or number < 4:
                known += played(env, action[None])
        if number == 3:
            several[0].close()
    assert [len(known) for known in frames] == [4, 8, 8, 8]
    for known in frames:
        for one, two in zip(expected, known, strict=False):
            assert_same(one, two)
