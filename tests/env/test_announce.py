"""Episodes that are announced are made ready before a reset asks for them."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest
from numpy.testing import assert_array_equal

from avi_env.envs.single import AviEnv

SMALL = {"scene": "shoebox:6x3x4", "bake_paths": 64, "width": 16, "height": 16, "hrtf": "spherical", "prefetch": False}


def test_announced_episode_is_the_same_and_taken_once() -> None:
    """A reset takes what was announced, to the bit what it would have made itself; a second one makes it anew."""
    env = AviEnv(**SMALL)
    env.reset(seed=0)
    episode = env.episode
    env.reset()
    env.announce(episode)
    env.announce(episode)
    seats = env.batch.seats
    (announced,) = seats._announced.values()
    assert announced.job.finished(60.0)
    first, _ = env.reset(options={"episode": episode})
    assert not seats._announced
    assert seats.playing[0] is announced.job.future.result()
    again, _ = env.reset(options={"episode": episode})
    for name in first:
        assert_array_equal(first[name], again[name])
    env.close()


def test_what_goes_wrong_is_told_by_the_reset() -> None:
    """An announced episode that cannot be played says so when it is given, and the environment goes on."""
    env = AviEnv(**SMALL)
    env.reset(seed=0)
    wrong = replace(env.episode, start_position=(99.0, 0.0, 99.0))
    env.announce(wrong)
    with pytest.raises(ValueError, match="starts at"):
        env.reset(options={"episode": wrong})
    env.reset(options={"episode": env.episode})


def test_an_environment_that_is_left_is_let_go() -> None:
    """What was announced keeps no environment alive."""
    env = AviEnv(**SMALL)
    env.reset(seed=0)
    env.announce(env.episode)
    gone = weakref.ref(env.batch)
    env.close()
    del env
    gc.collect()
    assert gone() is None
