"""Environments: step, observe, and the Gymnasium shells."""

from __future__ import annotations

from typing import Any

from avi_env.envs.registration import ENV_IDS, register_environments

__all__ = [
    "ENV_IDS",
    "AviEnv",
    "AviVectorEnv",
    "EnvConfig",
    "FlattenObservation",
    "FrameStack",
    "ImageObservations",
    "PufferVecEnv",
    "SB3VecEnv",
    "TorchRLVecEnv",
    "register_environments",
]

_HOMES = {
    "AviEnv": "single",
    "AviVectorEnv": "vector",
    "EnvConfig": "config",
    "FlattenObservation": "adapters",
    "FrameStack": "adapters",
    "ImageObservations": "adapters",
    "PufferVecEnv": "adapters",
    "SB3VecEnv": "adapters",
    "TorchRLVecEnv": "adapters",
}


def __getattr__(name: str) -> Any:
    """Loads a class on first use: `import avi_env` imports this package to register ids and stays light."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"avi_env.envs.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'avi_env.envs' has no attribute {name!r}")
