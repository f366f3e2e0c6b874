"""Gymnasium's vectorization over processes: a worker holds one environment and has threads of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.envs import ENV_IDS
from avi_env.envs.background import Job, submit

SMALL: dict[str, Any] = {
    "scene": "shoebox:6x3x4",
    "sensors": ("depth", "audio"),
    "sounds": ("phone/marimba",),
    "sample_rate": 8000,
    "width": 16,
    "height": 16,
    "bake_paths": 16,
    "max_episode_steps": 2,
    "prefetch": False,  # bakes of episodes that are not played would be counted
}
PATIENCE = 300.0  # [s] after which a worker counts as stuck; a spawned one first imports torch and Warp
CONTEXTS = [
    ("spawn", 1),
    pytest.param("fork", 2, marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")),
]


@pytest.fixture
def threads_of_the_parent() -> Iterator[None]:
    """The parent has used two OpenMP threads before it forks: a child that waits for them would wait for ever."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.ones(1 << 20).sin().sum()
    yield
    torch.set_num_threads(before)


def reset(envs: Any, seed: int) -> dict[str, Any]:
    """Starts episodes in all workers, or fails in the end."""
    envs.reset_async(seed=seed)
    observation: dict[str, Any] = envs.reset_wait(timeout=PATIENCE)[0]
    return observation


def step(envs: Any, actions: list[int]) -> Any:
    """Acts in all workers, or fails in the end."""
    envs.step_async(np.array(actions))
    return envs.step_wait(timeout=PATIENCE)


def cached(folder: str) -> set[Path]:
    """Files of the cache of bakes."""
    return {path for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.usefixtures("threads_of_the_parent")
@pytest.mark.parametrize(("context", "workers"), CONTEXTS)
def test_processes_give_the_rows_of_the_batch(context: str, workers: int) -> None:
    """Workers give, bit for bit, what the native batch gives, over resets, and find its bakes in the cache on disk."""
    native = gym.make_vec(ENV_IDS[0], num_envs=2, **SMALL)
    expected, _ = native.reset(seed=3)
    steps = [native.step(np.array(actions)) for actions in ([1, 2], [2, 1], [1, 1])]
    bakes = cached(os.environ["AVI_CACHE"])
    assert bakes
    envs = gym.make_vec(
        ENV_IDS[0], num_envs=workers, vectorization_mode="async", vector_kwargs={"context": context}, **SMALL
    )
    try:
        seen = reset(envs, 3)
        for key, value in expected.items():
            assert_array_equal(seen[key], value[:workers], err_msg=key)
        for actions, (observation, reward, terminated, truncated, _) in zip(
            ([1, 2], [2, 1], [1, 1]), steps, strict=True
        ):
            result = step(envs, actions[:workers])
            for key, value in observation.items():
                assert_array_equal(result[0][key], value[:workers], err_msg=key)
            assert_allclose(result[1], reward[:workers], rtol=0, atol=0)
            assert_array_equal(result[2], terminated[:workers])
            assert_array_equal(result[3], truncated[:workers])
    finally:
        envs.close(terminate=True)
    assert cached(os.environ["AVI_CACHE"]) == bakes


@pytest.mark.filterwarnings("ignore::UserWarning")  # Gymnasium tells of the traceback in the worker
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_errors_of_workers_surface() -> None:
    """What a worker raises is raised by the vector environment; the others end with it."""
    envs: Any = gym.make_vec(
        ENV_IDS[0], num_envs=2, vectorization_mode="async", vector_kwargs={"context": "fork"}, **SMALL
    )
    reset(envs, 0)
    with pytest.raises(ValueError, match="is not one of 0 stop"):
        step(envs, [1, 7])
    envs.close(terminate=True)
    assert not any(process.is_alive() for process in envs.processes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_for_work_in_the_background() -> None:
    """A lock that background work holds is free in a forked process; afterwards the parent's work goes on."""
    lock, begun = threading.Lock(), threading.Event()

    def work(job: Job[None]) -> None:
        with lock:
            begun.set()
            time.sleep(0.3)

    def child() -> None:
        os._exit(0 if lock.acquire(timeout=10.0) else 1)

    first = submit(work)
    assert begun.wait(PATIENCE)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    assert first.finished(PATIENCE)
    assert submit(work).finished(PATIENCE)


def test_wrappers_of_the_workers() -> None:
    """Each worker may wrap its environment, here to uint8 images."""
    from avi_env.envs import ImageObservations

    envs = gym.make_vec(
        ENV_IDS[0],
        num_envs=2,
        vectorization_mode="sync",
        wrappers=(ImageObservations,),
        **{**SMALL, "sensors": ("depth",)},
    )
    observation, _ = envs.reset(seed=0)
    assert (observation["depth"].dtype, observation["depth"].shape) == (np.uint8, (2, 16, 16, 1))
