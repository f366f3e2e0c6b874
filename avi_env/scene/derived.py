"""What depends on the scene alone is built once: values derived from a scene, kept as long as the scene lives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

from avi_env.scene.model import DERIVED, Scene

__all__ = ["derived"]

Value = TypeVar("Value")

_lock = threading.RLock()


def derived(scene: Scene, key: tuple[Hashable, ...], build: Callable[[], Value]) -> Value:
    """Returns `build()`, computed once per scene and key.

    The value is kept on the scene itself, so that one that refers back to its scene is freed together with it.

    Args:
        scene: the scene; it is immutable, so its identity stands for its content.
        key: a name for what is built, then *every* parameter that `build` closes over besides the scene.
        build: makes the value.
    """
    with _lock:
        table = scene.__dict__.setdefault(DERIVED, {})
        if key not in table:
            table[key] = build()
        value: Value = table[key]
        return value
