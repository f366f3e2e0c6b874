"""The border of quaternion orders: episodes say x, y, z, w; scene instances and RLR tools say w, x, y, z."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["rotation_matrix", "wxyz_from_xyzw", "xyzw_from_wxyz"]

FloatArray = npt.NDArray[np.float64]

_LEAST_LENGTH = 1e-3  # below, rounding decides where the axis points


def xyzw_from_wxyz(quaternion: npt.ArrayLike) -> FloatArray:
    """Returns quaternions w, x, y, z of scene instances, shape (..., 4), in the order x, y, z, w used elsewhere."""
    return np.roll(_fours(quaternion), -1, axis=-1)


def wxyz_from_xyzw(quaternion: npt.ArrayLike) -> FloatArray:
    """Returns quaternions x, y, z, w, shape (..., 4), in the order w, x, y, z of scene instances."""
    return np.roll(_fours(quaternion), 1, axis=-1)


def rotation_matrix(quaternion: npt.ArrayLike) -> FloatArray:
    """Returns the rotations of quaternions x, y, z, w, shape (..., 4), as matrices, shape (..., 3, 3).

    Quaternions need not have length 1: files round them.

    Raises:
        ValueError: not four finite numbers, or a length of nearly zero.
    """
    q = _fours(quaternion)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    if not np.all(np.isfinite(q)) or np.any(length < _LEAST_LENGTH):
        raise ValueError(f"{np.asarray(quaternion).tolist()} is no rotation: a quaternion has a length near 1")
    x, y, z, w = np.moveaxis(q / length, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _fours(quaternion: npt.ArrayLike) -> FloatArray:
    q: npt.NDArray[Any] = np.asarray(quaternion, dtype=np.float64)
    if q.ndim == 0 or q.shape[-1] != 4:
        raise ValueError(f"a quaternion has four numbers, not {q.tolist()}")
    return q
