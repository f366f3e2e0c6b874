"""Registers the environments with Gymnasium; importing this module loads no environment code."""

from __future__ import annotations

import gymnasium as gym

__all__ = ["ENV_IDS", "register_environments"]

MAX_EPISODE_STEPS = 500
ENV_IDS = ("avi_env/AudioNav-v0",)


def register_environments() -> None:
    """Registers every id with its single and its native vector entry point."""
    for name in ENV_IDS:
        if name not in gym.registry:
            gym.register(
                id=name,
                entry_point="avi_env.envs.single:AviEnv",
                vector_entry_point="avi_env.envs.vector:AviVectorEnv",
                max_episode_steps=MAX_EPISODE_STEPS,
            )
