"""Stable-Baselines3 trains on the environment as it stands, and through the image adapter."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.vec_env import VecFrameStack, VecMonitor, VecNormalize

import avi_env  # noqa: F401
from avi_env.envs import ImageObservations, SB3VecEnv

SMALL = {"scene": "shoebox:6x3x4", "width": 40, "height": 40, "bake_paths": 64, "audio_seconds": 0.5}
FAST = {
    **SMALL,
    "sensors": ("depth", "spectrogram"),
    "sounds": ("phone/marimba",),
    "sample_rate": 8000,
    "bake_paths": 16,
    "max_episode_steps": 24,
    "prefetch": False,
}


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


def test_ppo_trains_on_the_vector_environment(tmp_path: Path) -> None:
    """PPO learns over several rows through SB3's own wrappers, logs episodes, and a checkpoint acts as before."""
    envs = gym.make_vec("avi_env/AudioNav-v0", num_envs=4, autoreset="same_step", output="torch", **FAST)
    stacked = VecFrameStack(VecMonitor(SB3VecEnv(envs), info_keywords=("spl", "success")), 2)
    env = VecNormalize(stacked, norm_obs=False)
    learner = PPO("MultiInputPolicy", env, n_steps=16, batch_size=64, n_epochs=1, seed=0)
    learner.learn(128)
    assert learner.n_envs == 4
    assert learner.num_timesteps == 128
    assert learner.ep_info_buffer
    assert {"r", "l", "spl", "success"} <= set(learner.ep_info_buffer[0])
    assert all(bool(p.isfinite().all()) for p in learner.policy.parameters())
    learner.save(tmp_path / "ppo")
    again = PPO.load(tmp_path / "ppo", env=env)
    seen = env.reset()
    action, _ = learner.predict(seen, deterministic=True)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.predict(seen, deterministic=True)[0], action)  # type: ignore[arg-type]
    again.learn(64, reset_num_timesteps=False)
    assert again.num_timesteps == 128 + 64
