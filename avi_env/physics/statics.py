"""A scene cut into static collision meshes: one for each surface of one object and material, split where too large."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.model import Scene

__all__ = ["MOST_TRIANGLES", "StaticMesh", "scene_without", "static_meshes"]

MOST_TRIANGLES = 2730
"""Triangles of one collision mesh: PyBullet takes 8192 vertices and 32768 indices a call on macOS (131072 and 524288
elsewhere; SharedMemoryPublic.h), and three vertices a triangle are the most there can be."""


class StaticMesh(NamedTuple):
    """Triangles of one object and one material."""

    object: int
    """Index of the scene's object, -1 = none."""
    material: int
    """Index of the scene's material."""
    vertices: npt.NDArray[np.float64]
    """[m], shape (V, 3), world frame."""
    triangles: npt.NDArray[np.int64]
    """Indices of vertices, shape (T, 3)."""


def scene_without(scene: Scene, objects: Collection[int]) -> Scene:
    """Returns a scene without the triangles of some objects; the same scene if there are none.

    Raises:
        ValueError: an id of no object.
    """
    if not objects:
        return scene
    for number in objects:
        if not 0 <= number < len(scene.objects):
            raise ValueError(f"scene {scene.name!r} has no object {number}: it has 0 to {len(scene.objects) - 1}")
    kept = ~np.isin(scene.triangle_object, list(objects))
    return replace(
        scene,
        triangles=scene.triangles[kept],
        triangle_material=scene.triangle_material[kept],
        triangle_object=scene.triangle_object[kept],
        uv=None if scene.uv is None else scene.uv[kept],
    )


def static_meshes(scene: Scene) -> list[StaticMesh]:
    """Returns all triangles of a scene, grouped by object and material; those without area are left out."""
    corners = scene.vertices[scene.triangles].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    solid = np.flatnonzero(area > 0.0)
    label = scene.triangle_object[solid].astype(np.int64) * (len(scene.materials) + 1) + scene.triangle_material[solid]
    order = solid[np.argsort(label, kind="stable")]
    starts = np.flatnonzero(np.diff(np.sort(label), prepend=-(1 << 40)))
    meshes = []
    for group in np.split(order, starts[1:]):
        for first in range(0, len(group), MOST_TRIANGLES):
            part = group[first : first + MOST_TRIANGLES]
            used, inverse = np.unique(scene.triangles[part], return_inverse=True)
            meshes.append(
                StaticMesh(
                    int(scene.triangle_object[part[0]]),
                    int(scene.triangle_material[part[0]]),
                    scene.vertices[used].astype(np.float64),
                    inverse.reshape(-1, 3).astype(np.int64),
                )
            )
    return meshes
