"""Adapters: the same environments in the shapes that other libraries expect."""

from __future__ import annotations

from typing import Any

__all__ = ["FlattenObservation", "FrameStack", "ImageObservations", "PufferVecEnv", "SB3VecEnv", "TorchRLVecEnv"]

_HOMES = {
    "FlattenObservation": "vector_wrappers",
    "FrameStack": "vector_wrappers",
    "ImageObservations": "images",
    "PufferVecEnv": "puffer",
    "SB3VecEnv": "stable_baselines",
    "TorchRLVecEnv": "torchrl",
}


def __getattr__(name: str) -> Any:
    """Loads an adapter, and the library that it serves, on first use."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
