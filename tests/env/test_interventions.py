"""What a script changes about a running episode: doors, sounds that start, stop and walk, noise."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from avi_env.envs.batch import EnvBatch
from avi_env.envs.interventions import turn_door
from avi_env.scene import load_scene
from avi_env.tasks import Episode

FLAT = "house:1:living_room+bedroom"  # two rooms, one door


def make(scene: str, **keywords: Any) -> gym.Env[Any, Any]:
    """A small environment that listens."""
    given = {"sensors": ("audio",), "bake_paths": 128, "width": 32, "height": 32, **keywords}
    return gym.make("avi_env/AudioNav-v0", scene=scene, **given)


def batch_of(env: gym.Env[Any, Any]) -> EnvBatch:
    """What is inside."""
    batch: EnvBatch = env.unwrapped.batch  # type: ignore[attr-defined]
    return batch


def door_episode(events: tuple[tuple[float, int, float], ...] = ()) -> Episode:
    """The agent looks at the flat's door from one side, a vacuum cleaner hums on the other one."""
    portal = load_scene(FLAT).portals[0]
    normal = np.array([-math.sin(portal.yaw), 0.0, -math.cos(portal.yaw)])
    middle = np.array([portal.center[0], 0.0, portal.center[2]])
    here, there = (tuple((middle + side * 0.9 * normal).tolist()) for side in (-1, 1))
    source = (there[0], 1.25, there[2])
    return Episode(FLAT, here, portal.yaw, source, there, -1, "vacuum_cleaner", 0, 1.8, 9, door_events=events)


def test_a_door_turned_between_steps_is_one_that_was_to_turn_then() -> None:
    """Seen and heard, bit for bit; and it turns back."""
    told, asked = (make(FLAT, sensors=("audio", "semantic")) for _ in range(2))
    told.reset(seed=0, options={"episode": door_episode(((0.5, 0, 0.0), (1.0, 0, 1.0)))})
    asked.reset(seed=0, options={"episode": door_episode()})
    turns = {1: 0.0, 3: 1.0}
    for step, action in enumerate((2, 3, 2, 3, 2)):
        if step in turns:
            turn_door(batch_of(asked), 0, 0, turns[step])
        expected, actual = told.step(action)[0], asked.step(action)[0]
        for name in expected:
            assert_array_equal(actual[name], expected[name])
    with pytest.raises(ValueError, match="no portal 5"):
        turn_door(batch_of(asked), 0, 5, 0.0)
