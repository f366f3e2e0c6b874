"""Frames and boxes of data sets: other axes up, oriented boxes as centre, size and yaw, outlines of floors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Y_UP", "Z_UP", "Box", "box_of_points", "floor_hull", "frame_rotation", "rectangle", "upright_box"]

FloatArray = npt.NDArray[np.float64]
Outline = tuple[tuple[float, float], ...]

_SQUARE = 1e-3  # cosine between up and front up to which they count as orthogonal
_UPRIGHT = 0.985  # least |cosine| of a box's axis with +Y (10 degrees); more tilted boxes are replaced by upright ones


class Box(NamedTuple):
    """A box that stands upright, as `SceneObject` holds it."""

    center: tuple[float, float, float]
    """[m], world frame."""
    size: tuple[float, float, float]
    """Extents along its own x, y, z [m]."""
    yaw: float = 0.0
    """[rad], counter-clockwise about +Y."""


def frame_rotation(up: npt.ArrayLike, front: npt.ArrayLike) -> FloatArray:
    """Returns the rotation, shape (3, 3), that turns an asset's own `up` to +Y and its `front` to -Z.

    Raises:
        ValueError: one of them is no direction, or they are not orthogonal.
    """
    y, minus_z = (np.asarray(v, dtype=np.float64) for v in (up, front))
    lengths = [float(np.linalg.norm(v)) for v in (y, minus_z)]
    if min(lengths) < 1e-6:
        raise ValueError(f"up {y.tolist()} and front {minus_z.tolist()} must be directions, not zero")
    y, minus_z = y / lengths[0], minus_z / lengths[1]
    if abs(float(y @ minus_z)) > _SQUARE:
        raise ValueError(f"up {y.tolist()} and front {minus_z.tolist()} must be orthogonal")
    return np.stack([np.cross(minus_z, y), y, -minus_z])


Y_UP: FloatArray = frame_rotation((0, 1, 0), (0, 0, -1))
"""Assets that are +Y up already."""
Z_UP: FloatArray = frame_rotation((0, 0, 1), (0, 1, 0))
"""Assets that are +Z up with +Y in front, as Matterport's scanners and Replica write them: (x, y, z) -> (x, z, -y)."""


def upright_box(center: npt.ArrayLike, axes: npt.ArrayLike, size: npt.ArrayLike) -> Box:
    """Returns an oriented box as an upright one; one that is tilted becomes the upright box around it, yaw 0.

    Args:
        center: its middle [m], shape (3,), world frame.
        axes: its axes as columns, shape (3, 3), orthonormal, world frame.
        size: its extents along these axes [m], shape (3,).
    """
    middle, frame, extents = (np.asarray(v, dtype=np.float64) for v in (center, axes, size))
    vertical = int(np.argmax(np.abs(frame[1])))
    if abs(frame[1, vertical]) < _UPRIGHT:
        reach = np.abs(frame) @ extents
        return Box(_point(middle), _point(reach))
    along, across = [axis for axis in range(3) if axis != vertical]
    yaw = math.atan2(-frame[2, along], frame[0, along])  # own x of a yaw is (cos, 0, -sin)
    return Box(_point(middle), _point(extents[[along, vertical, across]]), round(yaw, 6))


def box_of_points(points: FloatArray) -> Box:
    """Returns the box around points [m], shape (n, 3), along the world's axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    return Box(_point((low + high) / 2), _point(high - low))


def rectangle(low: FloatArray, high: FloatArray) -> Outline:
    """Returns the floor outline, in (x, z) [m], of the box between two corners, shape (3,) each."""
    (x0, _, z0), (x1, _, z1) = low.tolist(), high.tolist()
    return ((x0, z0), (x0, z1), (x1, z1), (x1, z0))


def floor_hull(points: FloatArray) -> Outline:
    """Returns the convex outline, in (x, z) [m], around points, shape (n, 3); a rectangle where they lie on a line."""
    from scipy.spatial import ConvexHull, QhullError

    flat = points[:, [0, 2]]
    try:
        hull = flat[ConvexHull(flat).vertices]
    except (QhullError, ValueError):
        return rectangle(points.min(axis=0), points.max(axis=0))
    return tuple((round(x, 6), round(z, 6)) for x, z in hull[::-1].tolist())


def _point(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 6) for v in values)
    return (x, y, z)
