"""A step of the vector environment: no hidden host round trip, and no Python loop over its environments."""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import pytest
import torch
from round_trips import python_calls, watched

import avi_env  # noqa: F401  (registers the environments)

SMALL = {
    "scenes": "house:1:living_room+bedroom",
    "width": 16,
    "height": 16,
    "bake_paths": 32,
    "output": "torch",
    "prefetch": False,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sounds": {
        "sensors": ("audio", "spectrogram", "goal", "target"),
        "distractors": 1,
        "sound_seconds": 0.5,
        "pause_seconds": 0.25,
        "directivity": "speech",
        "hrtf": "tetrahedral",
    },
    "shadows": {"scenes": "houses:2", "sensors": ("rgb", "semantic", "pose"), "quality": "shadows", "copy": False},
}

ON_THE_CPU_ALONE = (
    "acoustics.emitter_bank.EmitterBank.present",
    "acoustics.field_bank.FieldBank._rows",
    "acoustics.paths.check_ends",
    "scene.bank.SceneBank.checked_index",
    "vision.render._check_poses",
)
"""Where a tensor is looked at only if that is free: each asks first which device it is on."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Rows are not shared out among threads: how many parts there are depends on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stepping(count: int, device: str, options: dict[str, Any]) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Returns environments that have made some steps: what is built once is there."""
    env = gym.make_vec("avi_env/AudioNav-v0", num_envs=count, device=device, **{**SMALL, **options})
    env.reset(seed=[3 + row % 2 for row in range(count)])  # two episodes: little to make ready
    for _ in range(3):
        env.step(turning(count, device))
    return env


def turning(count: int, device: str) -> torch.Tensor:
    """Actions that end no episode."""
    return torch.full((count,), 2, device=device)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_step_waits_for_nothing_and_loops_over_no_rows(options: dict[str, Any], device: str) -> None:
    """Nothing of the device is asked for, nothing copied; functions are called as often for 16 rows as for 2.

    What is read is the flags of the episodes that ended in the step before, which were sent home then.
    """
    calls = []
    for count in (2, 16):
        env = stepping(count, device, options)
        actions = turning(count, device)
        calls.append(python_calls(lambda env=env, actions=actions: env.step(actions)))
        found = trips(env, actions)
        assert {
            what: times for what, times in found.items() if device != "cpu" or what[1] not in ON_THE_CPU_ALONE
        } == {}
        env.close()
    assert calls[0] == calls[1]


def trips(env: gym.vector.VectorEnv[Any, Any, Any], actions: torch.Tensor) -> Counter[tuple[str, str]]:
    """Returns the round trips of one step; on a GPU torch itself refuses those that the watch does not see."""
    on_cuda = actions.device.type == "cuda"
    if on_cuda:
        torch.cuda.set_sync_debug_mode("error")
    try:
        with watched() as found:
            env.step(actions)
    finally:
        if on_cuda:
            torch.cuda.set_sync_debug_mode("default")
    return found


def test_the_watch_sees_what_it_is_to_see() -> None:
    """Numbers, masks, copies and uploads are each noticed, once."""
    table = torch.arange(6.0)
    with watched() as found:
        float(table[2])
        table[table > 2.0]
        table.nonzero()
        table.cpu().numpy()
        torch.tensor([1.0])
        assert table[1] > 0.0
    kinds = {"__float__", "index by a mask", "nonzero", "cpu", "numpy", "tensor", "__bool__"}
    assert {what for what, _ in found} == kinds
    assert sum(found.values()) == 7


@pytest.mark.parametrize("name", ON_THE_CPU_ALONE)
def test_looks_are_taken_on_the_cpu_alone(name: str) -> None:
    """The functions of the list ask for the device."""
    module, _, rest = name.partition(".")
    folder, _, function = rest.partition(".")
    found: Any = importlib.import_module(f"avi_env.{module}.{folder}")
    for part in function.split("."):
        found = getattr(found, part)
    source = inspect.getsource(found)
    assert 'type == "cpu"' in source or 'type != "cpu"' in source
