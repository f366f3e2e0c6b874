"""Stable-Baselines3 trains on the environment as it stands, and through the image adapter."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import NatureCNN

import avi_env  # noqa: F401
from avi_env.envs import ImageObservations

SMALL = {"scene": "shoebox:6x3x4", "width": 40, "height": 40, "bake_paths": 64, "audio_seconds": 0.5}


@pytest.mark.parametrize("adapted", [False, True])
def test_ppo_learns_a_step(adapted: bool) -> None:
    """PPO("MultiInputPolicy") collects a rollout and changes its weights, finite all through."""
    env = gym.make("avi_env/AudioNav-v0", **SMALL)
    learner = PPO(
        "MultiInputPolicy", ImageObservations(env) if adapted else env, n_steps=8, batch_size=8, n_epochs=1, seed=0
    )
    before = [p.detach().clone() for p in learner.policy.parameters()]
    learner.learn(8)
    after = [p.detach() for p in learner.policy.parameters()]
    assert all(bool(np.isfinite(p.numpy()).all()) for p in after)
    assert any(not np.array_equal(b.numpy(), a.numpy()) for b, a in zip(before, after, strict=True))


def test_adapter_gives_every_picture_a_convolution() -> None:
    """Through the adapter RGB, depth and spectrogram are images to Stable-Baselines3, so each gets a CNN."""
    learner = PPO(
        "MultiInputPolicy", ImageObservations(gym.make("avi_env/AudioNav-v0", **SMALL)), n_steps=8, batch_size=8, seed=0
    )
    extractors = learner.policy.features_extractor.extractors  # type: ignore[union-attr]
    assert {name for name, net in extractors.items() if isinstance(net, NatureCNN)} == {"rgb", "depth", "spectrogram"}


def test_adapter_scales_as_documented() -> None:
    """Depth maps linearly onto 0..255 over its range; the waveform is dropped."""
    env = gym.make("avi_env/AudioNav-v0", **SMALL)
    plain, _ = env.reset(seed=0)
    adapted = ImageObservations(env).observation(plain)
    assert set(adapted) == {"rgb", "depth", "spectrogram"}
    expected = np.clip(plain["depth"] * (255.0 / 10.0), 0.0, 255.0).astype(np.uint8)
    np.testing.assert_array_equal(adapted["depth"], expected)
