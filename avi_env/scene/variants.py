"""Variants of a scene in which the same is drawn: what differs between them is what is studied."""

from __future__ import annotations

from avi_env.scene.derived import derived
from avi_env.scene.model import Scene

__all__ = ["draw_digest", "drawn_like"]


def draw_digest(scene: Scene) -> str:
    """Returns the key of everything that is drawn at random in a scene: its digest, or that of what it varies."""
    key: str = derived(scene, ("draw_digest",), lambda: scene.digest)
    return key


def drawn_like(variant: Scene, scene: Scene) -> Scene:
    """Returns a scene that was just made, in which from now on the same is drawn as in another one."""
    key = draw_digest(scene)
    derived(variant, ("draw_digest",), lambda: key)
    return variant
