"""Rays by Embree: the CPU's backend of `avi_env.scene.rays`."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore import EmbreeDevice
from embreex.rtcore_scene import EmbreeScene

from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import Hits

__all__ = ["any_hit", "closest_hit", "embree_scene", "trace"]


def embree_scene(scene: Scene) -> EmbreeScene:
    """Returns Embree's acceleration structure of a scene, built once."""
    return derived(scene, ("embree",), lambda: _build(scene))


def closest_hit(scene: Scene, origins: npt.NDArray[np.float32], directions: npt.NDArray[np.float32]) -> Hits:
    """Returns the nearest hit of each ray; arguments as in `avi_env.scene.rays.closest_hit`."""
    distance, triangle, u, v = trace(scene, _plain(origins), _plain(directions))
    return Hits(np.where(triangle < 0, np.float32(np.inf), distance), triangle, np.stack([u, v], axis=1))


def any_hit(scene: Scene, origins: npt.NDArray[np.float32], segments: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Returns whether anything lies within each segment, given by start and full vector, shapes (N, 3)."""
    if not len(scene.triangles) or not len(origins):
        return np.zeros(len(origins), dtype=np.bool_)
    geometry = embree_scene(scene).run(_plain(origins), _plain(segments), dists=1.0, query="OCCLUDED")
    blocked: npt.NDArray[np.bool_] = (geometry == 0) & np.any(segments != 0.0, axis=1)
    return blocked


def trace(
    scene: Scene, origins: npt.NDArray[np.float32], directions: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns distance (1e37 = none), triangle (-1 = none) and the two barycentrics, each (N,): Embree's own layout.

    Both arguments are writable, contiguous float32 arrays of shape (N, 3).
    """
    count = len(origins)
    if not len(scene.triangles) or not count:
        zero = np.zeros(count, dtype=np.float32)
        return np.full(count, 1e37, dtype=np.float32), np.full(count, -1, dtype=np.int32), zero, zero
    out = embree_scene(scene).run(origins, directions, output=True)
    return out["tfar"], out["primID"], out["u"], out["v"]


@functools.cache
def _device() -> EmbreeDevice:
    return EmbreeDevice()


def _build(scene: Scene) -> EmbreeScene:
    # "robust" makes edges shared by two triangles watertight: a ray of sound must not escape through a seam.
    structure = EmbreeScene(device=_device(), robust=True)
    if len(scene.triangles):
        TriangleMesh(structure, scene.vertices.copy(), scene.triangles.copy())
    return structure


def _plain(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.require(array, dtype=np.float32, requirements=["C", "W"])
