"""The features extractor: over pictures as Stable-Baselines3 has them, and over the environment's own observations."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from avi_env.envs.config import EnvConfig
from avi_env.envs.spaces import observation_space
from avi_env.policies.extractor import ObservationFeatures


def seen(space: gym.spaces.Dict, batch: int) -> dict[str, torch.Tensor]:
    """Random observations of a space."""
    space.seed(3)
    rows: list[Any] = [space.sample() for _ in range(batch)]
    return {name: torch.from_numpy(np.stack([np.clip(row[name], -9, 255) for row in rows])).float() for name in space}


def test_every_observation_has_its_encoder() -> None:
    """Features of a row come of all its observations and of no other row's."""
    space = observation_space(EnvConfig(sensors=("depth", "audio", "spectrogram", "pose", "goal", "target"), width=48))
    torch.manual_seed(0)
    extractor = ObservationFeatures(space)
    given = seen(space, 3)
    given["audio"] = torch.randn(given["audio"].shape, generator=torch.Generator().manual_seed(0)) * 0.05
    with torch.no_grad():
        features = extractor(given)
        assert features.shape == (3, extractor.features_dim) == (3, 3 * 128 + 3 * 32)
        for name, value in given.items():
            other = {**given, name: torch.cat([value[:1], value[1:2], value[1:2] * 0.5])}
            changed = extractor(other)
            torch.testing.assert_close(changed[:2], features[:2], rtol=1e-5, atol=1e-5)
            assert not torch.equal(changed[2], features[2]), name


def test_poses_and_goals_do_not_jump() -> None:
    """Half a turn to the left is half a turn to the right."""
    space = observation_space(EnvConfig(sensors=("pose", "goal")))
    extractor = ObservationFeatures(space)
    with torch.no_grad():
        left, right = (
            extractor({"pose": torch.tensor([[1.0, 0.0, 2.0, turn]]), "goal": torch.tensor([[3.0, turn]])})
            for turn in (torch.pi, -torch.pi)
        )
    torch.testing.assert_close(left, right, rtol=0, atol=1e-5)


def test_ppo_takes_it() -> None:
    """Stable-Baselines3 makes it over `SB3VecEnv`, where pictures are uint8 with channels first."""
    from stable_baselines3 import PPO

    import avi_env  # noqa: F401
    from avi_env.envs import SB3VecEnv

    envs = gym.make_vec(
        "avi_env/PointNav-v0",
        num_envs=2,
        autoreset="same_step",
        output="torch",
        scene="shoebox:6x3x4",
        sensors=("rgb", "depth", "goal"),
        width=40,
        height=40,
        prefetch=False,
    )
    keywords = {"features_extractor_class": ObservationFeatures, "net_arch": []}
    learner = PPO("MultiInputPolicy", SB3VecEnv(envs), n_steps=4, batch_size=8, n_epochs=1, policy_kwargs=keywords)
    before = [value.detach().clone() for value in learner.policy.features_extractor.parameters()]
    learner.learn(8)
    envs.close()
    after = list(learner.policy.features_extractor.parameters())
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_has_no_encoder_is_named() -> None:
    """An unknown observation is an error with the known ones near it."""
    with pytest.raises(ValueError, match="semantic"):
        ObservationFeatures(gym.spaces.Dict({"semantic": gym.spaces.Box(0, 9, (4, 4), np.int32)}))
