"""What reaches the ears through the whole environment."""

from __future__ import annotations

import math

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import avi_env  # noqa: F401
from avi_env.tasks import Episode

ROOM = "shoebox:6x3x4:absorber"  # in a bare room the reverberation would outweigh the direct sound


def episode(source: tuple[float, float, float], sound: str = "vacuum_cleaner") -> Episode:
    """The agent in the middle of the room, looking along -Z; a steady sound somewhere."""
    return Episode(ROOM, (3.0, 0.0, 2.0), 0.0, source, (source[0], 0.0, source[2]), -1, sound, 0, 1.5, 9)


def listener(source: tuple[float, float, float]) -> tuple[gym.Env, np.ndarray]:  # type: ignore[type-arg]
    """An environment that has begun such an episode, and its first second of sound."""
    env = gym.make("avi_env/AudioNav-v0", scene=ROOM, sensors=("audio",), bake_paths=256)
    observation, _ = env.reset(seed=0, options={"episode": episode(source)})
    return env, observation["audio"]


def ild(audio: np.ndarray) -> float:
    """Level at the left ear less level at the right ear [dB]."""
    left, right = (audio.astype(np.float64) ** 2).sum(axis=1)
    return 10.0 * math.log10(left / right)


@pytest.mark.parametrize(("x", "sign"), [(1.5, 1.0), (4.5, -1.0)], ids=["left", "right"])
def test_level_difference_has_the_side_of_the_source(x: float, sign: float) -> None:
    """A source 1.5 m to one side is louder at that side's ear."""
    _, audio = listener((x, 1.25, 2.0))
    assert sign * ild(audio) > 2.0


def test_turning_round_swaps_the_ears() -> None:
    """After half a turn the source is on the other side, within what the room adds."""
    env, before = listener((1.5, 1.25, 2.0))
    for _ in range(12 + 4):  # half a turn, then another half: the window must hold only the new pose
        observation, *_ = env.step(2)
    for _ in range(8):
        observation, *_ = env.step(2)
    # 24 turns of 15 degrees: back at the start, the window's last quarter belongs to this pose.
    assert_allclose(ild(observation["audio"][:, -4000:]), ild(before), rtol=0, atol=1.5)
    for _ in range(12):
        observation, *_ = env.step(3)
    assert_allclose(ild(observation["audio"][:, -4000:]), -ild(before), rtol=0, atol=2.5)


def test_nearer_is_louder() -> None:
    """Walking towards the source raises the level, by at most what 1/r gives the direct sound."""
    env, before = listener((3.0, 1.25, 0.5))
    for _ in range(4):
        observation, *_ = env.step(1)
    gain = 10.0 * math.log10(float((observation["audio"][:, -4000:] ** 2).mean() / (before**2).mean()))
    assert 1.0 < gain < 20.0 * math.log10(1.5 / 0.5) + 1.0


def test_window_moves_by_one_step() -> None:
    """The observation is the last second: three quarters of it were in the one before."""
    env, before = listener((1.5, 1.25, 2.0))
    observation, *_ = env.step(1)
    assert_array_equal(observation["audio"][:, :12000], before[:, 4000:])


def test_source_outside_the_scene_is_refused() -> None:
    """A source that is not in the air of the scene is an error with a remedy, not silence."""
    env = gym.make("avi_env/AudioNav-v0", scene=ROOM, sensors=("audio",), bake_paths=64)
    with pytest.raises(ValueError, match=r"source"):
        env.reset(seed=0, options={"episode": episode((3.0, 4.0, 2.0))})
