"""The agent that acts by a policy: what it brings to the policy's form, what it refuses, that it repeats itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.agents.policy_agent import PolicyAgent
from avi_env.agents.policy_input import check_body, policy_input
from avi_env.agents.step_agent import BatchAgent, StepAgent, make_briefing
from avi_env.envs.config import EnvConfig
from avi_env.policies.files import save_policy
from avi_env.policies.policy import make_policy, make_spec

SENSORS = ("depth", "audio", "pose")
TRAINED = {"task": "AudioNav", "width": 64, "height": 64, "sensors": SENSORS, "hrtf": "spherical"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that has learnt nothing, its memory so lively that it does now this, now that."""
    path = tmp_path_factory.mktemp("policies") / "novice"
    path.mkdir()
    policy = make_policy(make_spec({"network": "av_nav", "hidden": 32}, TRAINED), seed=0)
    with torch.no_grad():
        for weights in policy.network.memory.parameters():
            weights.mul_(20.0)
    save_policy(path, policy)
    return path


def observations(count: int, seed: int, size: int = 64, rate: int = 16000) -> dict[str, np.ndarray]:
    """What so many agents see and hear, drawn at random."""
    rng = np.random.default_rng(seed)
    return {
        "depth": rng.uniform(0.0, 8.0, (count, size, size, 1)).astype(np.float32),
        "audio": rng.normal(0.0, 0.1, (count, 2, rate)).astype(np.float32),
        "pose": rng.normal(0.0, 1.0, (count, 4)).astype(np.float32),
    }


def row(observation: dict[str, np.ndarray], number: int = 0) -> dict[str, np.ndarray]:
    """What one of them sees and hears."""
    return {name: values[number] for name, values in observation.items()}


def actions(agent: PolicyAgent, config: EnvConfig, seed: int, count: int = 12, **keywords: int) -> list[int]:
    """What an agent does at first in an episode of noise."""
    agent.reset(make_briefing(config), seed)
    return [int(agent.act(row(observations(1, step, **keywords)))) for step in range(count)]


def test_it_is_a_step_agent_that_repeats_itself(folder: Path) -> None:
    """Greedy it depends on what it perceives alone, drawing also on the seed; each reset forgets the episode before."""
    agent, config = PolicyAgent(folder), EnvConfig.from_keywords(TRAINED)
    assert isinstance(agent, StepAgent)
    assert (agent.name, agent.privileged, agent.sensors) == ("novice", False, SENSORS)
    first = actions(agent, config, seed=0)
    assert set(first) <= {0, 1, 2, 3}
    assert len(set(first)) > 1
    assert first == actions(agent, config, seed=1) == actions(PolicyAgent(folder), config, seed=0)
    drawing = PolicyAgent(folder, greedy=False)
    drawn = [actions(drawing, config, seed, count=30) for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]


def test_rows_act_as_alone(folder: Path) -> None:
    """In a batch each row does what it does alone, also where a row's episode begins later."""
    config = EnvConfig.from_keywords(TRAINED)
    together, briefing = PolicyAgent(folder), make_briefing(config)
    assert isinstance(together, BatchAgent)
    alone = [PolicyAgent(folder) for _ in range(2)]
    together.reset_rows([0], 2, [briefing], [5])
    alone[0].reset(briefing, 5)
    said: list[list[int]] = [[], []]
    expected: list[list[int]] = [[], []]
    for step in range(10):
        if step == 4:
            together.reset_rows([1], 2, [briefing], [6])
            alone[1].reset(briefing, 6)
        seen = observations(2, step)
        playing = [0] if step < 4 else [1, 0]
        for number, action in zip(playing, together.act_rows(seen, playing), strict=True):
            said[number].append(int(action))
            expected[number].append(int(alone[number].act(row(seen, number))))
    assert said == expected
    with pytest.raises(ValueError, match="--batch"):
        PolicyAgent(folder, greedy=False).reset_rows([0], 1, [briefing], [0])


def test_larger_pictures_longer_and_finer_sound_are_brought_to_the_form() -> None:
    """Of a finer picture one ray each is kept, depth ends where it did, sound is resampled and its newest part kept."""
    trained = EnvConfig.from_keywords(TRAINED)
    config = EnvConfig.from_keywords(
        {**TRAINED, "width": 128, "height": 128, "depth_max": 20.0, "sample_rate": 48000, "audio_seconds": 1.5}
    )
    check_body("novice", SENSORS, trained, config)
    fine = np.zeros((1, 128, 128, 1), np.float32)
    fine[0, 1::2, 1::2, 0] = np.arange(64)[:, None] * 0.3
    time = np.arange(72000) / 48000
    tone = np.stack([np.sin(2 * np.pi * 500.0 * time)] * 2)[None].astype(np.float32)
    pose = np.ones((1, 4), np.float32)
    made = policy_input({"depth": fine, "audio": tone, "pose": pose}, SENSORS, trained, config)
    assert_allclose(made["depth"][0, :, 7, 0].numpy(), np.minimum(np.arange(64) * 0.3, 10.0), rtol=0, atol=1e-6)
    wanted = np.sin(2 * np.pi * 500.0 * (0.5 + np.arange(16000) / 16000))
    assert_allclose(made["audio"][0, 1, :-20].numpy(), wanted[:-20], rtol=0, atol=2e-3)  # its end fades out
    assert_array_equal(made["pose"].numpy(), pose)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sensors": ("depth", "audio")}, r"needs the sensor 'pose'.*sensors='depth', 'audio', 'pose'"),
        ({"hfov": 120.0}, "with hfov=90"),
        ({"turn_deg": 30.0}, "with turn_deg=15"),
        ({"forward": 0.5}, r"forward=0\.25"),
        ({"step_seconds": 0.5}, r"step_seconds=0\.25"),
        ({"width": 32, "height": 32}, "width=64, height=64"),
        ({"width": 128, "height": 64}, "width=64, height=64"),
        ({"sample_rate": 8000}, "sample_rate=16000"),
        ({"audio_seconds": 0.5}, "audio_seconds=1"),
        ({"depth_max": 5.0}, "depth_max=10"),
        ({"hrtf": "tetrahedral"}, "hrtf=spherical"),
    ],
)
def test_other_bodies_are_refused(folder: Path, changed: dict[str, Any], message: str) -> None:
    """What cannot be brought to the policy's form is an error that names the keyword."""
    config = EnvConfig.from_keywords({**TRAINED, **changed})
    with pytest.raises(ValueError, match=message):
        PolicyAgent(folder).reset(make_briefing(config), 0)


def test_what_a_policy_does_not_read_may_differ() -> None:
    """A policy that only sees and knows its goal acts with other ears and any rate of sound."""
    trained = EnvConfig.from_keywords({**TRAINED, "task": "PointNav", "sensors": ("depth", "goal")})
    config = EnvConfig.from_keywords(
        {"task": "PointNav", "sensors": ("depth", "goal", "audio"), "sample_rate": 8000, "hrtf": "tetrahedral"}
    )
    check_body("pointer", ("depth", "goal"), trained, config)


def test_estimates_are_refused(folder: Path) -> None:
    """It moves and stops; a task that wants estimates is an error."""
    config = EnvConfig.from_keywords({**TRAINED, "task": "SoundLocalization", "sensors": SENSORS})
    briefing = make_briefing(config)
    assert isinstance(briefing.action_space, gym.spaces.MultiDiscrete)
    with pytest.raises(ValueError, match="moves and stops"):
        PolicyAgent(folder).reset(briefing, 0)
