"""Properties of every registered environment, by a loop over the registry."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.envs import ENV_IDS, ImageObservations

SMALL = {"scene": "house:1", "width": 40, "height": 40, "bake_paths": 128}
SMALLER = {**SMALL, "scene": "house:1:living_room+bedroom", "bake_paths": 16}
FIRST, *OTHERS = ENV_IDS
SOME = (FIRST, OTHERS[-1])
"""For what no task can change: the first id, and the one that asks questions, which has the most to carry along."""

EVERY_SENSOR = ("rgb", "depth", "audio", "spectrogram", "semantic", "pose", "goal", "target")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    # Together all that the options add: many sources, walking, switched and directional ones, doors, chirps, an array.
    "sounds": {
        "sensors": ("audio", "goal", "target"),
        "distractors": 1,
        "sound_seconds": 0.5,
        "pause_seconds": 0.25,
        "directivity": "speech",
        "hrtf": "tetrahedral",
        "sample_rate": 8000,
    },
    "motion": {
        "scene": "house:1:living_room+bedroom",
        "sensors": ("depth", "audio", "goal"),
        "bake_paths": 32,
        "source_speed": 0.7,
        "door_seconds": 0.6,
        "echolocation": True,
        "doppler": True,
    },
}
EVERYWHERE: dict[str, Any] = {
    "sensors": ("depth", "pose", "goal"),
    "door_seconds": 0.6,
    "actuation_noise": 0.1,
    "depth_noise": 0.01,
}
"""Options that every task takes: with those the other ids are tried, in silence, which needs no bakes."""

ACTIONS = (1, 1, 2, 1, 3, 3, 1, 2)


def cases(*options: str, others: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `parametrize`: the first id with some options, each of the others with the same."""
    found = {**{name: (FIRST, OPTIONS[name]) for name in options}, **{name: (name, others) for name in OTHERS}}
    return {"argnames": ("name", "options"), "argvalues": list(found.values()), "ids": list(found)}


def small(name: str) -> dict[str, Any]:
    """Keywords of an environment that is cheap to make: the first id in a house, the others in two rooms of it.

    Where questions are asked nobody listens: four sources are baked anew for each.
    """
    silent = {"sensors": ("rgb", "depth", "question", "options")} if name == SOME[1] else {}
    return {**(SMALL if name == FIRST else SMALLER), **silent}


def acting(space: gym.Space[Any], move: Any) -> Any:
    """Returns the actions of some moves; where sounds are localized, each comes with an estimate."""
    if not isinstance(space, gym.spaces.MultiDiscrete):
        return move
    return np.stack([np.asarray(move), *(np.full(np.shape(move), k) for k in (30, 100, 2))], axis=-1)


def differs(one: dict[str, Any], other: dict[str, Any], row: int = 0) -> bool:
    """Says whether a row of two observations shows different episodes."""
    return any(not np.array_equal(one[key][row], other[key][row]) for key in ("audio", "depth") if key in one)


def rollout(env: gym.Env[Any, Any], seed: int, actions: tuple[int, ...] = ACTIONS) -> list[tuple[Any, ...]]:
    """Resets with a seed, acts, and returns everything that came back."""
    observation, info = env.reset(seed=seed)
    trace: list[tuple[Any, ...]] = [(observation, 0.0, False, False, info)]
    trace += [env.step(acting(env.action_space, action)) for action in actions]
    return trace


def assert_equal_traces(first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]) -> None:
    """Bit-identical observations, rewards, flags and infos."""
    for one, two in zip(first, second, strict=True):
        for key in one[0]:
            assert_array_equal(one[0][key], two[0][key], err_msg=key)
        assert one[1:] == two[1:]


@pytest.mark.parametrize("name", ENV_IDS)
def test_gymnasium_checker_has_nothing_to_say(name: str) -> None:
    """Gymnasium's check_env passes with no warning."""
    env = gym.make(name, **small(name))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@pytest.mark.parametrize("name", ENV_IDS)
def test_stable_baselines3_checker_finds_no_error(name: str) -> None:
    """Stable-Baselines3's check_env passes on the bare environment, with no warning through the image adapter."""
    from stable_baselines3.common.env_checker import check_env as check_env_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env_sb3(gym.make(name, **small(name)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_sb3(ImageObservations(gym.make(name, **small(name))))


@pytest.mark.parametrize("name", ENV_IDS)
def test_same_seed_same_bits(name: str) -> None:
    """Two environments with one seed give bit-identical episodes; another seed gives another one."""
    keywords = small(name)
    if name == FIRST:
        keywords["sensors"] = EVERY_SENSOR
    first = rollout(gym.make(name, **keywords), 3)
    assert_equal_traces(first, rollout(gym.make(name, **keywords), 3))
    other = rollout(gym.make(name, **keywords), 4)
    assert any(
        differs({k: v[None] for k, v in one[0].items()}, {k: v[None] for k, v in two[0].items()})
        for one, two in zip(first, other, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [(FIRST, {}), (FIRST, OPTIONS["motion"]), *((name, EVERYWHERE) for name in OTHERS)],
    ids=["plain", "motion", *OTHERS],
)
def test_reset_forgets(name: str, options: dict[str, Any]) -> None:
    """Resetting with the same seed after an episode gives the same episode: nothing leaks from one to the next."""
    env = gym.make(name, **{**small(name), **options})
    assert_equal_traces(rollout(env, 5), rollout(env, 5))


@pytest.mark.parametrize(**cases("plain", "sounds", "motion", others={}))
def test_rows_do_not_depend_on_the_batch(name: str, options: dict[str, Any]) -> None:
    """Row i of a batch is the single environment seeded s + i, bit for bit."""
    count, actions = (2, ACTIONS[:5]) if options or name != FIRST else (3, ACTIONS)
    vector = gym.make_vec(name, num_envs=count, **{**small(name), **options})
    observation, _ = vector.reset(seed=10)
    frames = [observation]
    rewards = []
    for action in actions:
        observation, reward, *_ = vector.step(acting(vector.single_action_space, np.full(count, action)))
        frames.append(observation)
        rewards.append(reward)
    for row in range(count):
        single = rollout(gym.make(name, **{**small(name), **options}), 10 + row, actions)
        for frame, step in zip(frames, single, strict=True):
            for key in frame:
                assert_array_equal(frame[key][row], step[0][key], err_msg=f"{key}, row {row}")
        assert_allclose([r[row] for r in rewards], [step[1] for step in single[1:]], rtol=0, atol=0)


@pytest.mark.parametrize(**cases("plain", "motion", others=EVERYWHERE))
def test_partial_reset_leaves_the_others_alone(name: str, options: dict[str, Any]) -> None:
    """With autoreset disabled, resetting one row changes that row and no other."""
    vector = gym.make_vec(name, num_envs=2, autoreset="disabled", **{**small(name), **options})
    vector.reset(seed=1)
    before, *_ = vector.step(acting(vector.single_action_space, np.array([0, 1])))
    with pytest.raises(RuntimeError, match="reset_mask"):
        vector.step(acting(vector.single_action_space, np.array([1, 1])))
    after, _ = vector.reset(options={"reset_mask": np.array([True, False])})
    for key in before:
        assert_array_equal(before[key][1], after[key][1], err_msg=key)
    assert differs(before, after)


@pytest.mark.parametrize("name", ENV_IDS)
@pytest.mark.parametrize("mode", ["next_step", "same_step"])
def test_autoreset(name: str, mode: str) -> None:
    """A row that stops is reset as its autoreset mode says, and the final observation is kept in same-step mode."""
    silent = {} if name == FIRST else {"sensors": ("depth",)}  # what is heard makes no difference to it
    vector = gym.make_vec(name, num_envs=2, autoreset=mode, **{**small(name), **silent})
    assert isinstance(vector.metadata["autoreset_mode"], AutoresetMode)
    vector.reset(seed=2)
    stopped, _, terminated, _, info = vector.step(acting(vector.single_action_space, np.array([0, 1])))
    assert_array_equal(terminated, [True, False])
    if mode == "same_step":
        assert_array_equal(info["_final_obs"], [True, False])
        assert differs(info["final_obs"], stopped)
    else:
        fresh, reward, terminated, truncated, _ = vector.step(acting(vector.single_action_space, np.array([1, 1])))
        assert (reward[0], terminated[0], truncated[0]) == (0.0, False, False)
        assert differs(fresh, stopped)


@pytest.mark.parametrize("name", ENV_IDS)
def test_episodes_are_cut_at_their_length(name: str) -> None:
    """The step limit truncates, in both shells, and does not terminate."""
    env = gym.make(name, max_episode_steps=2, **small(name))
    env.reset(seed=0)
    assert env.step(acting(env.action_space, 2))[2:4] == (False, False)
    assert env.step(acting(env.action_space, 2))[2:4] == (False, True)
    vector = gym.make_vec(name, num_envs=1, max_episode_steps=2, **small(name))
    vector.reset(seed=0)
    turn = acting(vector.single_action_space, np.array([2]))
    assert [x.tolist() for x in vector.step(turn)[2:4]] == [[False], [False]]
    assert [x.tolist() for x in vector.step(turn)[2:4]] == [[False], [True]]


@pytest.mark.parametrize("name", ENV_IDS)
def test_sensors_that_are_off_are_absent(name: str) -> None:
    """Only named sensors appear, in space and observation alike."""
    sensor = "audio" if name == FIRST else "depth"
    env = gym.make(name, **{**small(name), "sensors": (sensor,)})
    observation, _ = env.reset(seed=0)
    assert list(observation) == [sensor]
    assert list(env.observation_space.spaces) == [sensor]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ENV_IDS)
def test_spec_round_trip(name: str) -> None:
    """An environment can be made again from its pickled spec."""
    env = gym.make(name, **small(name))
    again = gym.make(pickle.loads(pickle.dumps(env.spec)))
    assert again.observation_space == env.observation_space


@pytest.mark.parametrize("name", SOME)
def test_torch_output(name: str) -> None:
    """With output="torch" observations are tensors on the device and equal the NumPy ones."""
    import torch

    tensors, _ = gym.make_vec(name, num_envs=1, output="torch", **small(name)).reset(seed=0)
    arrays, _ = gym.make_vec(name, num_envs=1, **small(name)).reset(seed=0)
    for key, value in tensors.items():
        assert isinstance(value, torch.Tensor)
        assert_array_equal(value.cpu().numpy(), arrays[key])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"senes": "house:1"}, "Did you mean 'scenes'"),
        ({"sensors": ("rbg",)}, "Did you mean 'rgb'"),
        ({"sounds": ("fone",)}, "Did you mean 'phone'"),
        ({"scene": "hause:1"}, "Did you mean 'house:"),
        ({"width": 0}, "width must be positive"),
        ({"device": "cuda:9"}, "not available"),
        ({"hrtf": "kemer"}, "Did you mean 'kemar'"),
    ],
)
def test_bad_options_name_the_remedy(keywords: dict[str, Any], message: str) -> None:
    """Unknown option, sensor, sound, scene, device and HRTF names get an error that says what to do."""
    with pytest.raises(ValueError, match=message):
        gym.make(ENV_IDS[0], **{**SMALL, **keywords} if "scene" not in keywords else keywords).reset(seed=0)
