"""The vector environment as a whole.

Each point of the checklist for vector environments has its tests:

| point | tests |
|---|---|
| 1 single environment, numpy, both checkers | test_registry: the two checkers |
| 2 native vector class, CPU and CUDA, three autoreset modes, enum metadata | test_registry::test_autoreset, here `test_next_step`, `test_same_step`, `test_disabled` |
| 3 ids with both entry points, spec and pickle | test_registry::test_spec_round_trip |
| 4 per-row seeds from one int or a list, rows independent of N and place | `test_seeds`, test_registry::test_rows_do_not_depend_on_the_batch, test_engine_ahead::test_timing_changes_nothing |
| 5 fixed keys and exact types, sensors that are off are absent | `test_spaces`, test_registry::test_sensors_that_are_off_are_absent |
| 6 truncation and termination, dense final_obs | `test_cut_and_stopped`, `test_same_step` |
| 7 max_episode_steps inside | `test_cut_and_stopped` |
| 8 preallocated outputs with a lifetime, no hidden wait, no loop over rows | `test_lifetime_of_outputs`, `test_what_is_kept_stays`, test_no_sync |
| 9 adapters | test_adapters_sb3 and its neighbours |
| 10 render | `test_render` |
| 11 reset_mask, get and set state | `test_disabled`, test_engine_state |
| 12 close frees, many instances in a process | test_engine_state |
"""  # noqa: E501  (a table's rows are lines)

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from avi_env.envs import ENV_IDS, AviVectorEnv

SMALL: dict[str, Any] = {
    "scene": "shoebox:6x3x4",
    "width": 8,
    "height": 8,
    "bake_paths": 16,
    "sample_rate": 8000,
    "audio_seconds": 0.5,
    "sounds": ("phone/marimba",),
    "max_episode_steps": 3,
}


def made(count: int = 2, **options: Any) -> AviVectorEnv:
    """A small native vector environment."""
    env = gym.make_vec(ENV_IDS[0], num_envs=count, **{**SMALL, **options})
    assert isinstance(env, AviVectorEnv)
    return env


def host(value: Any) -> np.ndarray:
    """An array of the host."""
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else value


def assert_same(first: dict[str, Any], second: dict[str, Any], row: int | slice = slice(None)) -> None:
    """Bit for bit the same observation, in some rows."""
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert_array_equal(host(value)[row], host(second[key])[row], err_msg=key)


@pytest.fixture(params=["numpy", "torch"])
def output(request: pytest.FixtureRequest) -> str:
    """Both kinds of arrays."""
    name: str = request.param
    return name


def test_next_step(output: str, device: str) -> None:
    """The terminal observation comes back; the next action is ignored, its reward 0, and a new episode has begun."""
    env, alone = made(output=output, device=device), made(1, output=output, device=device)
    env.reset(seed=5)
    alone.reset(seed=5)
    last, reward, terminated, truncated, info = env.step(np.array([0, 2]))
    expected = alone.step(np.array([0]))
    assert_same({key: host(value)[:1] for key, value in last.items()}, expected[0])
    assert_array_equal(host(terminated), [True, False])
    assert_array_equal(host(reward)[:1], host(expected[1]))
    fresh, reward, terminated, truncated, info = env.step(np.array([0, 2]))  # the stop of row 0 is ignored
    first, _ = alone.reset()
    assert_same({key: host(value)[:1] for key, value in fresh.items()}, first)
    assert host(reward)[0] == 0.0
    assert not host(terminated).any()
    assert not host(truncated)[0]
    assert host(info["path_length"])[0] == 0.0
    after, *_ = env.step(np.array([1, 2]))
    assert_same({key: host(value)[:1] for key, value in after.items()}, alone.step(np.array([1]))[0])


def test_same_step(output: str, device: str) -> None:
    """The step that ends an episode returns the first observation of the next one, and the last one as final_obs."""
    env, plain = made(autoreset="same_step", output=output, device=device), made(autoreset="disabled", device=device)
    env.reset(seed=5)
    plain.reset(seed=5)
    seen, reward, terminated, _, info = env.step(np.array([1, 0]))
    last, plain_reward, _, _, plain_info = plain.step(np.array([1, 0]))
    assert_same(info["final_obs"], last)
    assert_array_equal(host(reward), plain_reward)
    assert_array_equal(host(terminated), [False, True])
    assert_array_equal(info["_final_obs"], [False, True])
    assert_array_equal(info["_final_info"], [False, True])
    for key, value in info["final_info"].items():
        assert_array_equal(host(value), plain_info[key], err_msg=key)
    fresh, fresh_info = plain.reset(options={"reset_mask": np.array([False, True])})
    assert_same(seen, fresh)
    assert_array_equal(host(info["distance_to_goal"]), fresh_info["distance_to_goal"])
    assert "final_obs" not in env.step(np.array([1, 1]))[4]


def test_disabled(output: str, device: str) -> None:
    """An ended row refuses a step until reset_mask resets it, which leaves the others alone."""
    env = made(autoreset="disabled", output=output, device=device)
    env.reset(seed=5)
    before, _, terminated, _, _ = env.step(np.array([0, 1]))
    for _ in range(2):  # a refusal changes nothing
        with pytest.raises(RuntimeError, match=r"rows \[0\] have ended: reset them with .*reset_mask"):
            env.step(np.array([1, 1]))
    after, _ = env.reset(options={"reset_mask": host(terminated)})
    assert_same(before, after, 1)
    assert not np.array_equal(host(before["audio"])[0], host(after["audio"])[0])
    env.step(np.array([1, 1]))
    with pytest.raises(ValueError, match=r"reset_mask must have shape \(2,\)"):
        env.reset(options={"reset_mask": np.array([True])})


def test_cut_and_stopped() -> None:
    """The limit truncates and does not terminate; who stops in the last step has terminated, not been cut."""
    env = made(3)
    env.reset(seed=1)
    ends = [
        [flags.tolist() for flags in env.step(np.array(actions))[2:4]] for actions in ([2, 2, 0], [2] * 3, [2, 0, 2])
    ]
    assert ends[0] == [[False, False, True], [False] * 3]
    assert ends[1] == [[False] * 3, [False] * 3]  # row 2 begins anew
    assert ends[2] == [[False, True, False], [True, False, False]]
    assert ends[2][0][1], "stopped in the very step of the limit"


def test_seeds() -> None:
    """One int seeds row i with seed + i; a list seeds each row, None lets it go on with its own episodes."""
    env = made(3)
    first, _ = env.reset(seed=7)
    second, _ = env.reset()
    listed, _ = env.reset(seed=[7, None, 9])
    assert_same(first, listed, 0)
    assert_same(first, listed, 2)
    assert [env.batch.seeds, env.batch.seats.index] == [[7, 8, 9], [1, 3, 1]]
    again, _ = env.reset(seed=7)
    assert_same(first, again)
    assert_same(second, env.reset()[0])
    alone = made(1)
    assert_same({key: value[1:2] for key, value in first.items()}, alone.reset(seed=8)[0])
    with pytest.raises(ValueError, match="3 environments need 3 seeds, got 2"):
        env.reset(seed=[1, 2])
    unseeded = made(2)
    unseeded.reset(seed=[4, None])
    assert unseeded.batch.seeds[0] == 4
    assert unseeded.batch.seeds[1] is not None


def test_given_episodes() -> None:
    """options["episode"] is played and does not use up one of the row's own; a list gives each row its own."""
    env = made(2)
    env.reset(seed=3)
    given = env.batch.episodes[1]
    following = made(2)
    following.reset(seed=3)
    env.step(np.array([2, 2]))  # the next episodes are on their way
    env.reset(options={"episode": given})
    assert env.batch.episodes == [given, given]
    assert_same(env.reset()[0], following.reset()[0])
    env.reset(options={"episode": [None, given]})
    assert env.batch.episodes[1] == given
    assert env.batch.seats.index == [3, 2]
    with pytest.raises(ValueError, match="a list of 2"):
        env.reset(options={"episode": [given]})


def test_spaces(output: str) -> None:
    """Observations have the shapes and types of the space, in its order, and lie in it."""
    sensors = ("rgb", "depth", "audio", "spectrogram", "semantic", "pose", "goal", "target")
    env = made(2, sensors=sensors, output=output)
    for seen in (env.reset(seed=0)[0], env.step(np.array([1, 2]))[0]):
        arrays = {key: host(value) for key, value in seen.items()}
        assert tuple(arrays) == sensors
        assert env.observation_space.contains(arrays)


def test_lifetime_of_outputs(output: str) -> None:
    """copy=False: two sets of buffers take turns, with the values of copy=True."""
    kept, reused = made(2, output=output), made(2, output=output, copy=False)
    frames = [env.reset(seed=2)[0] for env in (kept, reused)]
    assert_same(*frames)
    older, old = frames[1], None
    for step in range(4):
        one, two = (env.step(np.array([1, 2]))[0] for env in (kept, reused))
        assert_same(one, two)
        if old is not None:
            assert_same(old[0], old[1])  # what the call before returned is still there
            place = {key: (value.data_ptr() if output == "torch" else value.ctypes.data) for key, value in two.items()}
            for key, value in (older if step % 2 else {}).items():
                assert place[key] == (value.data_ptr() if output == "torch" else value.ctypes.data), key
        old = (one, two)


def test_what_is_kept_stays() -> None:
    """copy=True: nothing that was returned changes later, and to change it does not change the environment."""
    env, other = made(2), made(2)
    other.reset(seed=2)
    seen, info = env.reset(seed=2)
    steps: list[Any] = [(seen, info)]
    saved = [{key: value.copy() for key, value in (seen | info).items()}]
    for _ in range(5):
        seen, reward, terminated, truncated, info = env.step(np.array([1, 2]))
        expected = other.step(np.array([1, 2]))
        assert_same(seen, expected[0])
        assert_array_equal(reward, expected[1])
        steps.append((seen, info))
        saved.append({key: value.copy() for key, value in (seen | info).items()})
    for (seen, info), copies in zip(steps, saved, strict=True):
        for key, value in (seen | info).items():
            assert_array_equal(value, copies[key], err_msg=key)
    for value in (*seen.values(), *info.values(), reward, terminated, truncated):
        value[...] = 1
    assert_same(env.step(np.array([1, 2]))[0], other.step(np.array([1, 2]))[0])


def test_states_may_be_kept() -> None:
    """A State that somebody holds is never written to again."""
    env = made(2)
    env.reset(seed=2)
    state = env.batch.state
    kept = {name: getattr(state, name).clone() for name in ("position", "yaw", "clock", "distance", "audio", "source")}
    for _ in range(5):
        env.step(np.array([1, 0]))
    for name, value in kept.items():
        assert_array_equal(getattr(state, name), value, err_msg=name)


def test_actions_are_checked() -> None:
    """Actions of another shape or outside the space are refused, and change nothing."""
    env = made(2)
    env.reset(seed=0)
    for actions, message in ((np.array([1]), "shape"), (np.array([1, 4]), "0..3"), (np.array([-1, 1]), "0..3")):
        with pytest.raises(ValueError, match=message):
            env.step(actions)
    with pytest.raises(RuntimeError, match="reset"):
        made(1).step(np.array([1]))
    assert env.batch.state.step_count.tolist() == [0, 0]


def test_render() -> None:
    """render() is a picture for each row, None without a render mode."""
    env = made(2, render_mode="rgb_array")
    env.reset(seed=0)
    pictures = env.render()
    assert pictures is not None
    assert [picture.shape for picture in pictures] == [(256, 256, 3)] * 2
    assert made(1).render() is None
    with pytest.raises(ValueError, match="render_mode"):
        AviVectorEnv(1, render_mode="human")
