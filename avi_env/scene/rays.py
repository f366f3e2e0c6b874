"""The one ray query of light and sound: closest hit and occlusion against a scene's triangles, on the host.

The camera, the propagation of sound and the bakes all ask here (or ask the same backends through `SceneBank`).
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.scene.model import Scene

__all__ = ["BACKENDS", "MARGIN", "Hits", "closest_hit", "occluded", "segment_rays"]

BACKENDS = ("embree", "warp")
"""Ray backends: Embree (the CPU's default, about 3 times Warp's speed a core) and Warp (CUDA; CPU as reference)."""

MARGIN = 1e-3
"""Length [m] left out at both ends of a segment that is tested for occlusion: end points may lie on a surface."""


class Hits(NamedTuple):
    """The nearest hit of every ray."""

    distance: npt.NDArray[np.float32]
    """Distance in multiples of the direction's length ([m] for unit directions), shape (N,), inf = none."""
    triangle: npt.NDArray[np.int32]
    """Index of the triangle, shape (N,), -1 = none."""
    barycentric: npt.NDArray[np.float32]
    """Weights of the triangle's vertices 1 and 2 at the hit, shape (N, 2); vertex 0 has the rest."""


def closest_hit(scene: Scene, origins: npt.ArrayLike, directions: npt.ArrayLike, backend: str = "embree") -> Hits:
    """Returns the nearest triangle that each ray meets, from either side.

    Args:
        scene: the triangles.
        origins: start of each ray [m], shape (N, 3), world frame; N = 0 is fine.
        directions: direction of each ray, shape (N, 3), of any length but zero: distances count in that length.
        backend: "embree" or "warp"; both give the same answer up to rounding.

    Raises:
        ValueError: shapes do not match, or an unknown backend.
    """
    start, direction = _pair(origins, directions, "directions")
    hits: Hits = _backend(backend).closest_hit(scene, start, direction)
    return hits


def occluded(
    scene: Scene, origins: npt.ArrayLike, targets: npt.ArrayLike, margin: float = MARGIN, backend: str = "embree"
) -> npt.NDArray[np.bool_]:
    """Returns whether anything stands between each origin and its target, shape (N,).

    Args:
        scene: the triangles.
        origins: one end of each segment [m], shape (N, 3), world frame; N = 0 is fine.
        targets: the other end [m], shape (N, 3), world frame.
        margin: length [m] that is left out at *both* ends, so that the answer is the same in both directions and
            points on a surface do not occlude themselves. Segments shorter than two margins are free.
        backend: "embree" or "warp".

    Raises:
        ValueError: shapes do not match, or an unknown backend.
    """
    start, end = _pair(origins, targets, "targets")
    near, segment = segment_rays(start, end, margin)
    blocked: npt.NDArray[np.bool_] = _backend(backend).any_hit(scene, near, segment)
    return blocked


def segment_rays(
    origins: npt.NDArray[np.float32], targets: npt.NDArray[np.float32], margin: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns start and vector of each segment less its margins, both (N, 3); the vector is zero if none is left."""
    vector = targets.astype(np.float64) - origins
    length = np.sqrt(np.einsum("ij,ij->i", vector, vector))[:, None]
    share = margin / np.maximum(length, 1e-30)
    start = origins + vector * np.minimum(share, 0.5)
    return start.astype(np.float32), (vector * np.maximum(1.0 - 2.0 * share, 0.0)).astype(np.float32)


def _pair(
    first: npt.ArrayLike, second: npt.ArrayLike, name: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    one: npt.NDArray[Any] = np.asarray(first, dtype=np.float32)
    two: npt.NDArray[Any] = np.asarray(second, dtype=np.float32)
    if one.ndim != 2 or one.shape[1:] != (3,) or two.shape != one.shape:
        raise ValueError(f"origins and {name} must both have shape (N, 3), not {one.shape} and {two.shape}")
    return one, two


def _backend(name: str) -> ModuleType:
    if name not in BACKENDS:
        raise name_error("ray backend", name, BACKENDS)
    return importlib.import_module(f"avi_env.scene.rays_{name}")
