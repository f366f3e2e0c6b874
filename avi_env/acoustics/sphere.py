"""Interpolation over directions: which measured directions surround a wanted one, and with which weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["AZIMUTH_STEPS", "ELEVATION_STEPS", "direction_weights", "grid_area", "grid_directions"]

AZIMUTH_STEPS = 144
"""Columns of the regular grid of directions: every 2.5 degrees, counter-clockwise from straight ahead."""

ELEVATION_STEPS = 37
"""Rows of the regular grid: every 5 degrees from straight below to straight above."""


_LEVEL = 1e-6  # sine of elevation by which the directions of one ring may differ
_OUTSIDE = 0.05  # barycentric weight below which a direction lies outside all measured triangles


def grid_directions() -> npt.NDArray[np.float64]:
    """Returns the unit vectors of the regular grid, head frame, shape (37, 144, 3)."""
    elevation = np.radians(np.linspace(-90.0, 90.0, ELEVATION_STEPS))[:, None]
    azimuth = (2 * np.pi * np.arange(AZIMUTH_STEPS) / AZIMUTH_STEPS)[None, :]
    up = np.broadcast_to(np.sin(elevation), (ELEVATION_STEPS, AZIMUTH_STEPS))
    return np.stack([-np.sin(azimuth) * np.cos(elevation), up, -np.cos(azimuth) * np.cos(elevation)], axis=-1)


def grid_area() -> npt.NDArray[np.float64]:
    """Returns the share of the sphere that each point of the regular grid stands for, shape (37, 144), sum 1."""
    edges = np.radians(np.clip(np.linspace(-92.5, 92.5, ELEVATION_STEPS + 1), -90.0, 90.0))
    rings = np.diff(np.sin(edges)) / 2
    return np.broadcast_to(rings[:, None] / AZIMUTH_STEPS, (ELEVATION_STEPS, AZIMUTH_STEPS))


def direction_weights(
    measured: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns the three measured directions around each wanted one and their weights, shapes (W, 3), sum 1.

    Weights are barycentric on the sphere; a wanted direction above or below all measured rings takes the nearest
    elevation. A single ring is read between its neighbours in azimuth. Where there is nothing to interpolate (fewer
    than four directions, all in an upright plane, the empty side of a half sphere) the nearest direction speaks.

    Args:
        measured: unit vectors, shape (D, 3).
        wanted: unit vectors, shape (W, 3).
    """
    wanted = _within_elevations(measured, wanted)
    if len(measured) > 2 and np.ptp(measured[:, 1]) < _LEVEL and np.abs(measured[:, 1]).max() < 1.0 - _LEVEL:
        return _ring_weights(measured, wanted)
    nearest, alone = np.argmax(wanted @ measured.T, axis=1), np.array([1.0, 0.0, 0.0])
    triangles = _triangles(measured)
    if triangles is None:
        return np.stack([nearest] * 3, axis=1), np.tile(alone, (len(wanted), 1))
    inverse = np.linalg.inv(measured[triangles])
    columns = inverse.transpose(1, 2, 0).reshape(3, -1)
    best, inside = np.empty(len(wanted), dtype=np.int64), np.empty(len(wanted))
    for start in range(0, len(wanted), 256):  # bounds the (wanted, 3, triangles) intermediate
        part = (wanted[start : start + 256] @ columns).reshape(-1, 3, len(triangles))
        least = np.minimum(np.minimum(part[:, 0], part[:, 1]), part[:, 2])
        best[start : start + 256] = np.argmax(least, axis=1)
        inside[start : start + 256] = least.max(axis=1)
    weights = np.maximum(np.einsum("wi,wij->wj", wanted, inverse[best]), 0.0)
    empty = inside < -_OUTSIDE
    weights[empty] = alone
    index = np.where(empty[:, None], nearest[:, None], triangles[best])
    return index, weights / weights.sum(axis=1, keepdims=True)


def _ring_weights(
    measured: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Returns neighbours and weights, linear in azimuth, for measured directions of one elevation."""
    turn = 2.0 * np.pi
    azimuth = np.arctan2(-measured[:, 0], -measured[:, 2]) % turn
    order = np.argsort(azimuth, kind="stable")
    ring = azimuth[order]
    place = np.arctan2(-wanted[:, 0], -wanted[:, 2]) % turn
    after = np.searchsorted(ring, place, side="right") % len(ring)
    before = (after - 1) % len(ring)
    gap = (ring[after] - ring[before]) % turn
    share = np.clip(((place - ring[before]) % turn) / np.where(gap > 0.0, gap, 1.0), 0.0, 1.0)
    index = np.stack([order[before], order[after], order[after]], axis=1)
    return index, np.stack([1.0 - share, share, np.zeros(len(share))], axis=1)


def _within_elevations(measured: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the wanted directions with their elevation clamped to the measured range."""
    low, high = measured[:, 1].min(), measured[:, 1].max()
    up = np.clip(wanted[:, 1], low, high)
    flat = np.hypot(wanted[:, 0], wanted[:, 2])
    # Straight above or below has no azimuth: ahead stands for it.
    beyond = flat < 1e-9
    x = np.where(beyond, 0.0, wanted[:, 0] / np.where(beyond, 1.0, flat))
    z = np.where(beyond, -1.0, wanted[:, 2] / np.where(beyond, 1.0, flat))
    radius = np.sqrt(np.maximum(0.0, 1.0 - up**2))
    return np.stack([x * radius, up, z * radius], axis=1)


def _triangles(measured: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | None:
    """Returns the faces of the convex hull, shape (T, 3), or None where the directions span no volume."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(measured, qhull_options="QJ Pp" if len(measured) < 8 else "Qt Pp")
    except (QhullError, ValueError):
        return None
    faces = np.asarray(hull.simplices, dtype=np.int64)
    volume = np.abs(np.linalg.det(measured[faces]))
    return np.asarray(faces[volume > 1e-9])
