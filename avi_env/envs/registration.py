"""Registers the environments with Gymnasium; importing this module loads no environment code."""

from __future__ import annotations

import gymnasium as gym

__all__ = ["ENV_IDS", "EPISODE_STEPS", "environment_id", "register_environments"]

EPISODE_STEPS = {
    "AudioNav": 500,
    "SemanticAudioNav": 500,
    "MovingSourceNav": 500,
    "MultiSourceNav": 500,
    "PointNav": 500,
    "ObjectNav": 500,
    "SoundLocalization": 40,
    "AudioVisualQA": 500,
}
"""`max_episode_steps` of each task of `avi_env.tasks.TASKS`, which takes a second to load and must say the same."""


def environment_id(task: str) -> str:
    """Returns the Gymnasium id of a task: "AudioNav" -> "avi_env/AudioNav-v0"."""
    return f"avi_env/{task}-v0"


ENV_IDS = tuple(environment_id(task) for task in EPISODE_STEPS)


def register_environments() -> None:
    """Registers every id with its single and its native vector entry point."""
    for task, steps in EPISODE_STEPS.items():
        if environment_id(task) not in gym.registry:
            gym.register(
                id=environment_id(task),
                entry_point="avi_env.envs.single:AviEnv",
                vector_entry_point="avi_env.envs.vector:AviVectorEnv",
                max_episode_steps=steps,
                kwargs={"task": task},
            )
