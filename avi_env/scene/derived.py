"""What depends on the scene alone is built once: values derived from a scene, kept as long as the scene lives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from avi_env.scene.model import DERIVED, Scene

__all__ = ["derived", "taken"]

Value = TypeVar("Value")
Key = tuple[Hashable, ...]

_lock = threading.Lock()  # of what is being built, never held while building
_building: dict[tuple[int, Key], _Gate] = {}
_MISSING: Any = object()


class _Gate:
    """Where threads wait for a value that one of them builds."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.threads = 0


def derived(scene: Scene, key: Key, build: Callable[[], Value]) -> Value:
    """Returns `build()`, computed once per scene and key, whichever threads ask; other values are built meanwhile.

    The value is kept on the scene itself, so that one that refers back to its scene is freed together with it.

    Args:
        scene: the scene; it is immutable, so its identity stands for its content.
        key: a name for what is built, then *every* parameter that `build` closes over besides the scene.
        build: makes the value.
    """
    table: dict[Key, Any] = scene.__dict__.get(DERIVED) or scene.__dict__.setdefault(DERIVED, {})
    value: Value = table.get(key, _MISSING)
    if value is not _MISSING:
        return value
    place = (id(scene), key)
    with _lock:
        gate = _building.setdefault(place, _Gate())
        gate.threads += 1
    try:
        with gate.lock:
            if key not in table:
                table[key] = build()
            value = table[key]
            return value
    finally:
        with _lock:
            gate.threads -= 1
            if not gate.threads:
                del _building[place]


def taken(scene: Scene, key: Key, build: Callable[[], Value]) -> Value:
    """Returns what `derived` has built ahead, or builds it, and keeps it no longer: for what is needed once.

    Args:
        scene: the scene.
        key: as for `derived`.
        build: makes the value.
    """
    value: Value = scene.__dict__.get(DERIVED, {}).pop(key, _MISSING)
    return build() if value is _MISSING else value
