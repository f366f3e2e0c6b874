"""PufferLib's native environment over the native vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("pufferlib", reason="PufferLib is not installed: pip install 'avi-env[puffer]'")

from avi_env.envs import ENV_IDS, FlattenObservation, PufferVecEnv

SMALL: dict[str, Any] = {
    "scene": "shoebox:6x3x4",
    "sensors": ("depth", "goal"),
    "width": 16,
    "height": 16,
    "max_episode_steps": 3,
    "prefetch": False,
}


def test_buffers_hold_the_native_steps() -> None:
    """Given buffers are written in place with the native environment's flat observations, rewards and ends."""
    rows = 2
    space = PufferVecEnv(num_envs=rows, **SMALL).single_observation_space
    buffers = {
        "observations": np.zeros((rows, *space.shape), dtype=space.dtype),
        "rewards": np.full(rows, 9.0, dtype=np.float32),
        "terminals": np.ones(rows, dtype=bool),
        "truncations": np.ones(rows, dtype=bool),
        "masks": np.zeros(rows, dtype=bool),
        "actions": np.zeros(rows, dtype=np.int32),
        "teacher_actions": np.zeros(rows, dtype=np.int32),
    }
    env = PufferVecEnv(num_envs=rows, buf=buffers, **SMALL)
    plain = FlattenObservation(gym.make_vec(ENV_IDS[0], num_envs=rows, autoreset="same_step", **SMALL))
    expected, _ = plain.reset(seed=3 * rows)
    _, infos = env.reset(seed=3)
    assert infos == []
    assert not buffers["terminals"].any()
    assert buffers["masks"].all()
    assert_array_equal(buffers["observations"], expected)
    lengths = []
    for actions in ([1, 2], [2, 0], [1, 1], [1, 2]):
        *_, infos = env.step(np.array(actions, dtype=np.int32))
        expected, reward, terminated, truncated, _ = plain.step(np.array(actions))
        assert_array_equal(buffers["observations"], expected)
        assert_allclose(buffers["rewards"], reward, rtol=0, atol=0)
        assert_array_equal(buffers["terminals"], terminated)
        assert_array_equal(buffers["truncations"], truncated)
        assert len(infos) == int((terminated | truncated).sum())
        lengths += [info["episode_length"] for info in infos]
        assert all({"spl", "success", "episode_return"} <= set(info) for info in infos)
    assert lengths == [2.0, 3.0]


def test_puffer_makes_it() -> None:
    """pufferlib.vector.make runs it as a native environment: reset, step, send and recv."""
    import pufferlib.vector

    env = pufferlib.vector.make(PufferVecEnv, env_kwargs={"num_envs": 3, "keys": ("goal",), **SMALL})
    observation, _ = env.reset(seed=0)
    assert observation.shape == (3, 2)
    env.async_reset(0)
    env.recv()
    env.send(np.array([1, 2, 3]))
    assert env.recv()[0].shape == (3, 2)
    env.close()


def test_rows_of_different_workers_differ() -> None:
    """Environments that PufferLib seeds one after the other share no row's seed."""
    first, second = (PufferVecEnv(num_envs=2, keys=("goal",), **SMALL) for _ in range(2))
    starts = np.concatenate([env.reset(seed=seed)[0] for seed, env in enumerate((first, second))])
    assert len(np.unique(starts[:, 0])) == 4


def test_what_puffer_fixes_is_refused() -> None:
    """Autoreset mode and kind of output are not the user's to choose."""
    with pytest.raises(ValueError, match="leave it out"):
        PufferVecEnv(num_envs=1, autoreset="disabled", **SMALL)
