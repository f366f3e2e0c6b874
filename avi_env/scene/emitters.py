"""Where an object sounds from: outside its own mesh, so that no source lies inside closed geometry."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from avi_env.scene.model import Scene, SceneObject

__all__ = ["CEILING_CATEGORIES", "DOOR_CATEGORIES", "EMISSION_OFFSET", "emission_point", "emitting_objects"]

EMISSION_OFFSET = 0.05
"""Distance of the emission point from the object's box [m]."""

CEILING_CATEGORIES = frozenset({"smoke_alarm", "ceiling_lamp", "wind_chime"})
"""These hang from the ceiling and sound from below their box."""

DOOR_CATEGORIES = frozenset({"door", "front_door"})
"""These fill a wall and sound from the side that their yaw faces."""


def emission_point(obj: SceneObject) -> npt.NDArray[np.float64]:
    """Returns where the object's sound comes from [m], shape (3,), world frame.

    5 cm above the middle of its box; below it for what hangs from the ceiling; in front of a door's face.
    """
    center = np.asarray(obj.center, dtype=np.float64)
    if obj.category in DOOR_CATEGORIES:
        reach = obj.size[2] / 2 + EMISSION_OFFSET
        return center + reach * np.array([-math.sin(obj.yaw), 0.0, -math.cos(obj.yaw)])
    side = -1.0 if obj.category in CEILING_CATEGORIES else 1.0
    point: npt.NDArray[np.float64] = center + np.array([0.0, side * (obj.size[1] / 2 + EMISSION_OFFSET), 0.0])
    return point


def emitting_objects(scene: Scene, sound: str | None = None) -> tuple[SceneObject, ...]:
    """Returns the objects that can emit, or those that can emit one sound class."""
    return tuple(o for o in scene.objects if o.emits and (sound is None or sound in o.emits))
