"""Where an object sounds from: outside its own mesh, so that no source lies inside closed geometry."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from avi_env.scene.model import Scene, SceneObject

__all__ = [
    "CEILING_CATEGORIES",
    "DOOR_CATEGORIES",
    "EMISSION_OFFSET",
    "FRONT_CATEGORIES",
    "emission_place",
    "emission_point",
    "emitting_objects",
]

EMISSION_OFFSET = 0.05
"""Distance of the emission point from the object's box [m]."""

CEILING_CATEGORIES = frozenset({"smoke_alarm", "ceiling_lamp", "wind_chime"})
"""These hang from the ceiling and sound from below their box."""

DOOR_CATEGORIES = frozenset({"door", "front_door"})
"""These fill a wall and sound from the side that their yaw faces."""

FRONT_CATEGORIES = DOOR_CATEGORIES | frozenset(
    {"air_conditioner", "clock", "dishwasher", "doorbell", "fireplace", "radiator", "wardrobe"}
)
"""These sound from before their face: they hang or stand at a wall, or something stands on them."""


def emission_place(
    category: str, center: tuple[float, float, float], size: tuple[float, float, float], yaw: float
) -> tuple[float, float, float]:
    """Returns where an object of a category sounds from [m], world frame.

    Args:
        category: of the object.
        center: middle of its box [m].
        size: extents of its box along its own x, y, z [m].
        yaw: heading of its front (-Z) [rad].
    """
    x, y, z = center
    if category in FRONT_CATEGORIES:
        reach = size[2] / 2 + EMISSION_OFFSET
        return (x - reach * math.sin(yaw), y, z - reach * math.cos(yaw))
    side = -1.0 if category in CEILING_CATEGORIES else 1.0
    return (x, y + side * (size[1] / 2 + EMISSION_OFFSET), z)


def emission_point(obj: SceneObject) -> npt.NDArray[np.float64]:
    """Returns where the object's sound comes from [m], shape (3,), world frame.

    5 cm above the middle of its box; below it for what hangs from the ceiling; before the face of doors and of what
    hangs or stands at a wall (`FRONT_CATEGORIES`).
    """
    return np.array(emission_place(obj.category, obj.center, obj.size, obj.yaw), dtype=np.float64)


def emitting_objects(scene: Scene, sound: str | None = None) -> tuple[SceneObject, ...]:
    """Returns the objects that can emit, or those that can emit one sound class."""
    return tuple(o for o in scene.objects if o.emits and (sound is None or sound in o.emits))
