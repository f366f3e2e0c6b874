"""Stable-Baselines3's VecEnv over the native vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.envs import ENV_IDS, FrameStack, ImageObservations, SB3VecEnv

SMALL: dict[str, Any] = {
    "scene": "shoebox:6x3x4",
    "width": 40,
    "height": 40,
    "bake_paths": 16,
    "audio_seconds": 0.5,
    "sounds": ("phone/marimba",),
    "sample_rate": 8000,
    "max_episode_steps": 3,
    "prefetch": False,
}
ACTIONS = ((1, 2), (2, 0), (3, 1), (1, 1))  # row 1 stops in the second step, row 0 is cut in the third


def native(count: int = 2, **options: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    """The vector environment that SB3VecEnv takes."""
    return gym.make_vec(ENV_IDS[0], num_envs=count, **{"autoreset": "same_step", **SMALL, **options})


def adapted(**options: Any) -> SB3VecEnv:
    """A VecEnv of two rows, seeded but not reset."""
    env = SB3VecEnv(native(**options))
    env.seed(4)
    return env


@pytest.mark.parametrize("output", ["numpy", "torch"])
def test_rows_are_the_native_ones_as_images(output: str, device: str) -> None:
    """Images, rewards, ends and last observations are the native environment's, converted row by row."""
    if output == "numpy" and device == "cuda":
        pytest.skip("one output is enough on a second device")
    env, plain = adapted(output=output, device=device, copy=False), native(device=device)
    single = ImageObservations(gym.make(ENV_IDS[0], **SMALL))
    seen, (expected, _) = env.reset(), plain.reset(seed=4)
    for action in ACTIONS:
        for key, value in seen.items():
            assert (value.dtype, value.shape) == (np.uint8, (2, *env.observation_space[key].shape))  # type: ignore[index]
            for row in range(2):
                there = single.observation({name: array[row] for name, array in expected.items()})
                assert_array_equal(value[row], there[key], err_msg=key)
        expected, reward, terminated, truncated, info = plain.step(np.array(action))
        before, kept = seen, {key: value.copy() for key, value in seen.items()}
        seen, rewards, dones, infos = env.step(np.array(action))
        for key, value in kept.items():  # SB3 puts an observation into its buffer after the step that follows it
            assert_array_equal(before[key], value, err_msg=key)
        assert_allclose(rewards, reward, rtol=0, atol=0)
        assert_array_equal(dones, terminated | truncated)
        assert [one["TimeLimit.truncated"] for one in infos] == truncated.tolist()
        for row in np.flatnonzero(dones):
            last = single.observation({name: array[row] for name, array in info["final_obs"].items()})
            for key, value in infos[row]["terminal_observation"].items():
                assert_array_equal(value, last[key], err_msg=key)
            assert infos[row]["spl"] == info["final_info"]["spl"][row]
            assert infos[row]["is_success"] == info["final_info"]["success"][row]
        assert all("terminal_observation" not in infos[row] for row in np.flatnonzero(~dones))


def test_seeds_count_once() -> None:
    """seed() holds for the next reset alone, and row i gets seed + i."""
    env = adapted()
    assert list(env._seeds) == [4, 5]
    first, second = env.reset(), env.reset()
    assert not np.array_equal(first["spectrogram"], second["spectrogram"])
    env.seed(4)
    assert_array_equal(env.reset()["spectrogram"], first["spectrogram"])


def test_options_of_the_next_reset() -> None:
    """Each row can be given an episode to play; other options are those of the whole batch."""
    env = adapted()
    first = env.reset()
    episodes = env.get_attr("episode")
    env.set_options([{"episode": episode} for episode in episodes])
    again = env.reset()
    assert env.get_attr("episode") == episodes
    for key, value in first.items():
        assert_array_equal(again[key], value, err_msg=key)
    env.set_options([{"episode": episodes[0], "other": 1}, {}])
    with pytest.raises(ValueError, match="all options of a reset but 'episode'"):
        env.reset()


def test_attributes_of_rows() -> None:
    """Episodes and categories are asked by row, everything else is shared; partial setting is refused."""
    env = adapted(render_mode="rgb_array")
    env.reset()
    episodes = env.get_attr("episode")
    assert episodes[0].start_position != episodes[1].start_position
    assert env.get_attr("episode", indices=1) == [episodes[1]]
    assert env.get_attr("semantic_categories", [0]) == [env.envs.unwrapped.semantic_categories(0)]  # type: ignore[attr-defined]
    assert not env.has_attr("level")
    env.set_attr("level", 2)
    assert env.get_attr("level") == [2, 2]
    with pytest.raises(ValueError, match="without indices"):
        env.set_attr("level", 5, indices=[0])
    assert env.env_method("semantic_categories", 0, indices=[1]) == [env.envs.unwrapped.semantic_categories(0)]  # type: ignore[attr-defined]
    assert [frame.shape for frame in env.env_method("render")] == [(256, 256, 3)] * 2
    picture = env.render()
    assert picture is not None
    assert picture.shape == (512, 256, 3)  # SB3 tiles them


def test_wrapped_environments_are_known() -> None:
    """env_is_wrapped sees the wrappers of the vector environment below."""
    env = SB3VecEnv(FrameStack(native(), 2, keys=("rgb",)), images=False)
    assert env.env_is_wrapped(FrameStack) == [True, True]
    assert env.env_is_wrapped(gym.Wrapper) == [False, False]


def test_measures_of_every_step_on_request() -> None:
    """Rows that go on carry their measures only when asked to."""
    env = SB3VecEnv(native(), measures_each_step=True)
    env.reset()
    assert {"distance_to_goal", "collided"} <= set(env.step(np.array([1, 1]))[3][0])


def test_what_cannot_be_adapted_is_refused() -> None:
    """Other environments and other autoreset modes get an error that names the remedy."""
    with pytest.raises(ValueError, match="autoreset='same_step'"):
        SB3VecEnv(native(autoreset="next_step"))
    with pytest.raises(TypeError, match="SubprocVecEnv"):
        SB3VecEnv(gym.make(ENV_IDS[0], **SMALL))  # type: ignore[arg-type]
