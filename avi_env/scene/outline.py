"""Floor outlines: area, and which points lie within them and their rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from avi_env.scene.model import Room

__all__ = ["in_outline", "in_room", "outline_area", "outline_holds"]

Outline = Sequence[tuple[float, float]]


def outline_area(outline: Outline) -> float:
    """Returns the area of a simple polygon of (x, z) corners [m2], whichever way it runs (shoelace formula)."""
    x, z = np.asarray(outline, dtype=np.float64).T
    return float(0.5 * abs(np.dot(x, np.roll(z, -1)) - np.dot(z, np.roll(x, -1))))


def in_outline(outline: Outline, xz: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Returns which points (x, z) [m], shape (P, 2), lie in an outline: a ray from there crosses it oddly often."""
    x, z = np.asarray(xz, dtype=np.float64).T[:, :, None]
    corners = np.asarray([*outline, outline[0]], dtype=np.float64)
    (ax, az), (bx, bz) = corners[:-1].T, corners[1:].T
    rise = np.where(az == bz, 1.0, bz - az)  # a level edge is never crossed
    crossed = ((az > z) != (bz > z)) & (x < (bx - ax) * (z - az) / rise + ax)
    inside: npt.NDArray[np.bool_] = np.logical_xor.reduce(crossed, axis=1)
    return inside


def outline_holds(outline: Outline, x: float, z: float) -> bool:
    """Returns whether one point lies in an outline: `in_outline`'s answer in a twentieth of its time."""
    inside = False
    ax, az = outline[-1]
    for bx, bz in outline:
        if (az > z) != (bz > z) and x < (bx - ax) * (z - az) / (bz - az) + ax:
            inside = not inside
        ax, az = bx, bz
    return inside


def in_room(room: Room, points: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Returns which points (x, y, z) [m], shape (P, 3), lie in a room: over its outline, between floor and ceiling."""
    over = in_outline(room.polygon, points[:, [0, 2]])
    return np.asarray(over & (points[:, 1] > room.floor_y) & (points[:, 1] < room.floor_y + room.height))
