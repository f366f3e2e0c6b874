"""The physics engine, PyBullet (extra `physics`), and the two frames between which it stands.

PyBullet takes any direction as down, so bodies live in the world frame (+Y up). Only robots from URDF files have
another one of their own: +X forward, +Z up.
"""

from __future__ import annotations

import importlib
import math
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["load_engine", "quaternion_of_yaw", "robot_data", "robot_pose", "robot_quaternion"]

FloatArray = npt.NDArray[np.float64]

_HALF = math.sqrt(0.5)
_UPRIGHT = (_HALF, 0.0, 0.0, -_HALF)  # -90 degrees about X: +Z up becomes +Y up
_ROBOT_AHEAD = math.pi / 2  # a quarter turn about +Y then takes +X to -Z


def load_engine() -> ModuleType:
    """Returns PyBullet.

    Raises:
        ImportError: it is not installed; the message names the command that installs it.
    """
    return _module("pybullet")


def robot_data() -> str:
    """Returns the folder of robots that PyBullet brings along."""
    return str(_module("pybullet_data").getDataPath())


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"physics needs PyBullet, and {name} is not installed: pip install 'avi-env[physics]'"
        ) from error


def quaternion_of_yaw(yaw: float) -> tuple[float, float, float, float]:
    """Returns the rotation by a yaw [rad] about +Y as a quaternion x, y, z, w."""
    return (0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2))


def robot_quaternion(yaw: float) -> tuple[float, float, float, float]:
    """Returns the rotation of a robot (+X forward, +Z up) that stands on a floor of the world and faces a yaw [rad]."""
    return _product(quaternion_of_yaw(yaw + _ROBOT_AHEAD), _UPRIGHT)


def robot_pose(
    position: npt.ArrayLike, rotation: npt.NDArray[np.float64], ahead: float = 0.0
) -> tuple[FloatArray, float]:
    """Returns where a point of a robot is [m], shape (3,), and its yaw [rad], in the world frame.

    Args:
        position: of the robot's origin [m], shape (3,).
        rotation: its rotation matrix, shape (3, 3).
        ahead: how far ahead of the origin the point lies [m].
    """
    forward = rotation[:, 0]
    return np.asarray(position, dtype=np.float64) + ahead * forward, math.atan2(-forward[0], -forward[2])


def _product(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float, float]:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotation_matrix(engine: Any, quaternion: tuple[float, ...]) -> FloatArray:
    """Returns the rotation matrix of a quaternion x, y, z, w, shape (3, 3)."""
    return np.array(engine.getMatrixFromQuaternion(quaternion), dtype=np.float64).reshape(3, 3)
