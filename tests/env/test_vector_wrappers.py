"""Wrappers around the native vector environment: ours for dictionary observations, and Gymnasium's own."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.wrappers import vector as wrappers
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.envs import ENV_IDS, FlattenObservation, FrameStack

SMALL: dict[str, Any] = {
    "scene": "shoebox:6x3x4",
    "sensors": ("depth", "goal"),
    "width": 16,
    "height": 16,
    "max_episode_steps": 3,
    "prefetch": False,
}
STEPS = ((1, 2), (2, 0), (3, 1), (1, 1), (2, 2), (2, 3))  # row 1 stops in the second step, row 0 is cut in the third
CASES = (("next_step", "numpy"), ("same_step", "numpy"), ("same_step", "torch"), ("disabled", "torch"))


def native(mode: str = "next_step", **options: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Two silent rows."""
    return gym.make_vec(ENV_IDS[0], num_envs=2, autoreset=mode, **{**SMALL, **options})


def host(value: Any) -> Any:
    """An array, or a dictionary of arrays, on the host."""
    if isinstance(value, dict):
        return {key: host(one) for key, one in value.items()}
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def play(envs: gym.vector.VectorEnv[Any, Any, Any], mode: str) -> list[tuple[Any, Any, Any]]:
    """Resets and acts; returns observations, last observations (or None) and which rows begin an episode there."""
    trace: list[tuple[Any, Any, Any]] = [(host(envs.reset(seed=7)[0]), None, np.array([True, True]))]
    ended = np.array([False, False])
    for action in STEPS:
        before = ended
        observation, _, terminated, truncated, info = envs.step(np.array(action))
        ended = host(terminated) | host(truncated)
        begun = {"next_step": before, "same_step": ended, "disabled": np.zeros(2, dtype=bool)}[mode]
        trace.append((host(observation), host(info["final_obs"]) if "final_obs" in info else None, begun))
        if mode == "disabled" and ended.any():
            trace.append((host(envs.reset(options={"reset_mask": ended})[0]), None, ended))
    return trace


@pytest.mark.parametrize(("mode", "output"), CASES)
def test_frame_stack(mode: str, output: str) -> None:
    """Each row shows the last three views of its own episode, in every autoreset mode; other keys pass unchanged."""
    envs = FrameStack(native(mode, output=output), 3, keys=("depth",))
    assert envs.single_observation_space["depth"].shape == (3, 16, 16, 1)  # type: ignore[index]
    views: list[Any] = [np.zeros(0), np.zeros(0)]
    for (seen, last, begun), (shown, final, _) in zip(play(native(mode), mode), play(envs, mode), strict=True):
        assert_array_equal(shown["goal"], seen["goal"])
        assert envs.observation_space.contains(shown)
        for row in range(2):
            if last is not None:
                expected = np.stack([*views[row][1:], last["depth"][row]])
                assert_array_equal(final["depth"][row], expected)
            view = seen["depth"][row]
            masked_reset = mode == "disabled" and begun.any() and not begun[row]
            if begun[row]:
                views[row] = np.stack([view] * 3)
            elif not masked_reset:
                views[row] = np.stack([*views[row][1:], view])
            assert_array_equal(shown["depth"][row], views[row])


@pytest.mark.parametrize(("mode", "output"), CASES)
def test_flatten(mode: str, output: str) -> None:
    """A row is its chosen observations one after the other."""
    envs = FlattenObservation(native(mode, output=output), keys=("goal", "depth"))
    assert envs.single_observation_space.shape == (2 + 256,)
    for (seen, last, _), (flat, final, _) in zip(play(native(mode), mode), play(envs, mode), strict=True):
        for whole, joined in ((seen, flat), (last, final)):
            if whole is not None:
                assert_array_equal(joined, np.concatenate([whole["goal"], whole["depth"].reshape(2, -1)], axis=1))
        assert envs.observation_space.contains(flat)


def test_wrappers_stack_upon_each_other() -> None:
    """Flattening takes what stacking returns; images alone stay uint8."""
    envs = FlattenObservation(FrameStack(native("same_step", sensors=("rgb",)), 2))
    observation, _ = envs.reset(seed=0)
    assert (observation.dtype, observation.shape) == (np.uint8, (2, 2 * 16 * 16 * 3))
    assert envs.observation_space.contains(observation)


def test_wrong_keys_are_named() -> None:
    """Unknown keys, frames and spaces get an error that says what to do."""
    with pytest.raises(ValueError, match="Did you mean 'depth'"):
        FrameStack(native(), 2, keys=("deph",))
    with pytest.raises(ValueError, match="at least 1"):
        FrameStack(native(), 0)
    with pytest.raises(TypeError, match="dictionary of boxes"):
        FlattenObservation(FlattenObservation(native()))


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
def test_gymnasium_counts_episodes(mode: str) -> None:
    """Gymnasium's RecordEpisodeStatistics and NormalizeReward work on top, wrapped ones of ours below."""
    envs = wrappers.RecordEpisodeStatistics(FrameStack(native(mode), 2))
    envs.reset(seed=7)
    rewards, ends = [], []
    for action in STEPS[:3]:
        _, reward, terminated, truncated, info = envs.step(np.array(action))
        rewards.append(reward)
        ends.append(terminated | truncated)
    assert_array_equal(ends[1], [False, True])
    assert_array_equal(ends[2], [True, False])
    assert info["episode"]["l"][0] == 3
    assert_allclose(info["episode"]["r"][0], sum(r[0] for r in rewards), rtol=0, atol=1e-6)
    normalised = wrappers.NormalizeReward(native(mode))
    normalised.reset(seed=7)
    assert np.isfinite(normalised.step(np.array([1, 2]))[1]).all()


def test_gymnasium_transforms_observations() -> None:
    """TransformObservation and DictInfoToList work on the native environment."""
    space = gym.spaces.Dict({"goal": native().single_observation_space["goal"]})  # type: ignore[index]
    envs = wrappers.TransformObservation(native(), lambda seen: {"goal": seen["goal"]}, single_observation_space=space)
    assert list(envs.reset(seed=0)[0]) == ["goal"]
    info = wrappers.DictInfoToList(native()).reset(seed=0)[1]
    assert isinstance(info, list)
    assert "spl" in info[1]


def test_gymnasium_turns_arrays_into_tensors() -> None:
    """NumpyToTorch gives what output="torch" gives."""
    pytest.importorskip("array_api_compat", reason="Gymnasium's conversions: pip install 'gymnasium[array-api]'")
    tensors, _ = wrappers.NumpyToTorch(native()).reset(seed=3)
    direct, _ = native(output="torch").reset(seed=3)
    for key, value in direct.items():
        assert torch.equal(tensors[key], value), key


def test_pictures_of_all_rows() -> None:
    """render() returns one frame a row, which Gymnasium's RecordVideo tiles."""
    envs = gym.make_vec(ENV_IDS[0], num_envs=2, render_mode="rgb_array", **SMALL)
    envs.reset(seed=0)
    frames = envs.render()
    assert frames is not None
    assert [np.asarray(frame).shape for frame in frames] == [(256, 256, 3)] * 2


def test_spec_makes_the_environment_again() -> None:
    """A vector environment is made again from its pickled spec, and its spaces can be pickled."""
    envs = native("same_step")
    again = gym.make_vec(pickle.loads(pickle.dumps(envs.spec)))
    assert again.observation_space == envs.observation_space
    assert again.metadata["autoreset_mode"] is envs.metadata["autoreset_mode"]
    assert_array_equal(again.reset(seed=1)[0]["depth"], envs.reset(seed=1)[0]["depth"])
    assert pickle.loads(pickle.dumps(envs.single_observation_space)) == envs.single_observation_space


def test_arguments_of_other_vectorizations_are_refused() -> None:
    """Single-environment wrappers and vector_kwargs do not fit the native environment, which Gymnasium says."""
    with pytest.raises(gym.error.Error, match="vector_kwargs"):
        gym.make_vec(ENV_IDS[0], num_envs=1, vector_kwargs={"context": "spawn"}, **SMALL)
    with pytest.raises(gym.error.Error, match="wrappers"):
        gym.make_vec(ENV_IDS[0], num_envs=1, wrappers=(gym.wrappers.FlattenObservation,), **SMALL)
    with pytest.raises(ValueError, match="Did you mean"):
        gym.make_vec(ENV_IDS[0], num_envs=1, **{**SMALL, "wdith": 3})
