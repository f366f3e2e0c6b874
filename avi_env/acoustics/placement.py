"""Where a source or a listener may stand: within the scene and not inside something solid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from avi_env.scene.health import outside_building
from avi_env.scene.model import Scene
from avi_env.scene.rays import closest_hit

__all__ = ["check_place", "clearance"]

_FLAT = 0.5  # [m] a scene thinner than this (a single plate) has no outside
_SOLID_RAYS = 64
_SOLID_SHARE = 0.85  # of the rays that must end on an object's back faces; the rest may find touching neighbours
_CLEARANCE_RAYS = 256


def check_place(scene: Scene, position: npt.ArrayLike, what: str) -> npt.NDArray[np.float64]:
    """Returns a position as float64 (3,) after checking that sound can start or end there.

    Args:
        scene: the scene.
        position: world position [m], shape (3,).
        what: "source" or "listener", for the message.

    Raises:
        ValueError: wrong shape, NaN, outside the scene's bounding box or beside its building, or inside a solid object.
    """
    place = np.asarray(position, dtype=np.float64)
    if place.shape != (3,) or not np.all(np.isfinite(place)):
        raise ValueError(f"{what} must be a finite position (x, y, z), got {np.asarray(position)!r}")
    if not len(scene.triangles):
        return place
    low, high = scene.bounds.astype(np.float64)
    if np.min(high - low) > _FLAT and np.any((place < low) | (place > high)):
        raise ValueError(
            f"{what} {np.round(place, 3).tolist()} is outside scene {scene.name!r}, which spans "
            f"{np.round(low, 3).tolist()} to {np.round(high, 3).tolist()}: move it inside"
        )
    if outside_building(scene, place):
        raise ValueError(
            f"{what} {np.round(place, 3).tolist()} is outside the building of scene {scene.name!r}: move it into a room"
        )
    owner = _enclosing_object(scene, place)
    if owner is not None:
        name = scene.objects[owner].name
        raise ValueError(f"{what} {np.round(place, 3).tolist()} is inside {name} of scene {scene.name!r}: move it out")
    return place


def clearance(scene: Scene, position: npt.NDArray[np.float64]) -> float:
    """Returns about how far [m] the nearest surface is, inf in the open: the shortest of 256 rays."""
    if not len(scene.triangles):
        return float("inf")
    directions = _sphere(_CLEARANCE_RAYS)
    return float(closest_hit(scene, np.broadcast_to(position, directions.shape), directions).distance.min())


def _enclosing_object(scene: Scene, place: npt.NDArray[np.float64]) -> int | None:
    """Returns the object whose back faces surround a place on almost all sides, if there is one: a solid, no room."""
    directions = _sphere(_SOLID_RAYS)
    triangle = closest_hit(scene, np.broadcast_to(place, directions.shape), directions).triangle
    corners = scene.vertices[scene.triangles[triangle]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    back = (triangle >= 0) & (np.einsum("ij,ij->i", normal, directions) > 0.0)
    owner = scene.triangle_object[triangle]
    names, counts = np.unique(owner[back & (owner >= 0)], return_counts=True)
    if not len(names) or counts.max() < _SOLID_SHARE * _SOLID_RAYS:
        return None
    solid = int(names[np.argmax(counts)])
    points = scene.vertices[scene.triangles[scene.triangle_object == solid]].reshape(-1, 3)
    whole = np.prod(np.ptp(scene.vertices.astype(np.float64), axis=0))
    if np.prod(np.ptp(points.astype(np.float64), axis=0)) < 0.5 * whole:
        return solid
    # Else a room whose windings are inside out; or a scan, one object with all in it, of which little is met here.
    met = corners[back].reshape(-1, 3)
    return solid if np.prod(np.ptp(met, axis=0)) < 0.5 * whole and _faces_inwards(scene) else None


def _faces_inwards(scene: Scene) -> bool:
    """Whether a mesh is wound towards the air within, as rooms are: the volume that it encloses is negative."""
    corners = scene.vertices[scene.triangles].astype(np.float64) - scene.bounds.mean(axis=0, dtype=np.float64)
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()) < 0.0


@lru_cache(maxsize=4)
def _sphere(count: int) -> npt.NDArray[np.float64]:
    index = np.arange(count)
    z = 1.0 - (2.0 * index + 1.0) / count
    angle = index * np.pi * (3.0 - np.sqrt(5.0)) + 0.1
    radius = np.sqrt(1.0 - z * z)
    directions = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z])
    directions.setflags(write=False)
    return directions
