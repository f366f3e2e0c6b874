"""From a depth picture and a pose to points in the start frame: the geometry behind everything the agent sees."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["EYE_HEIGHT", "SeenPoints", "bearing_to", "heading_vector", "seen_points", "wrap_angle"]

FloatArray = npt.NDArray[np.floating[Any]]

EYE_HEIGHT = 1.25
"""Height of the camera above the feet [m], as Habitat's."""


class SeenPoints(NamedTuple):
    """The points of one depth picture, start frame, one row per pixel that hit something."""

    xyz: npt.NDArray[np.float32]
    """Positions [m], shape (N, 3)."""
    height: npt.NDArray[np.float32]
    """Height above the floor the agent stands on [m], shape (N,)."""
    label: npt.NDArray[np.int32]
    """Object id from the semantic picture, -1 = none, shape (N,)."""
    column: npt.NDArray[np.int32]
    """Picture column, shape (N,)."""
    planar: npt.NDArray[np.float32]
    """Planar depth [m], shape (N,)."""


def heading_vector(yaw: float) -> tuple[float, float]:
    """Returns the (x, z) unit vector one looks along at a yaw [rad, counter-clockwise, 0 = along -z]."""
    return -math.sin(yaw), -math.cos(yaw)


def bearing_to(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Returns the yaw [rad] at which one looks from one (x, z) point [m] to another."""
    return math.atan2(-(end[0] - start[0]), -(end[1] - start[1]))


def wrap_angle(angle: float) -> float:
    """Returns the angle [rad] brought into [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


@lru_cache(maxsize=8)
def _pixel_rays(height: int, width: int, hfov_deg: float) -> tuple[FloatArray, FloatArray]:
    """Right and up slopes of every pixel's ray per metre of planar depth, each of shape (H * W,)."""
    focal = 0.5 * width / math.tan(0.5 * math.radians(hfov_deg))
    right = (np.arange(width, dtype=np.float32) + 0.5 - 0.5 * width) / focal
    up = -(np.arange(height, dtype=np.float32) + 0.5 - 0.5 * height) / focal
    return np.tile(right, height).astype(np.float32), np.repeat(up, width).astype(np.float32)


def seen_points(
    depth: FloatArray,
    semantic: npt.NDArray[np.integer[Any]] | None,
    pose: FloatArray,
    hfov_deg: float = 90.0,
    eye_height: float = EYE_HEIGHT,
) -> SeenPoints:
    """Returns the points behind a depth picture.

    Args:
        depth: planar depth [m], shape (H, W) or (H, W, 1), 0 = nothing hit.
        semantic: object ids, shape (H, W), or None.
        pose: (x, y, z, yaw) of the feet, start frame, shape (4,).
        hfov_deg: horizontal field of view [degrees].
        eye_height: height of the camera above the feet [m].
    """
    height, width = depth.shape[:2]
    planar = np.asarray(depth, dtype=np.float32).reshape(-1)
    right, up = _pixel_rays(height, width, hfov_deg)
    hit = np.flatnonzero(planar > 0.0)
    planar, right, up = planar[hit], right[hit] * planar[hit], up[hit] * planar[hit]
    x, y, z, yaw = (float(v) for v in pose)
    sin, cos = math.sin(yaw), math.cos(yaw)
    above = eye_height + up
    xyz = np.empty((len(hit), 3), dtype=np.float32)
    xyz[:, 0] = x - sin * planar + cos * right
    xyz[:, 1] = y + above
    xyz[:, 2] = z - cos * planar - sin * right
    label = np.full(len(hit), -1, np.int32) if semantic is None else semantic.reshape(-1)[hit].astype(np.int32)
    return SeenPoints(xyz, above, label, (hit % width).astype(np.int32), planar)
