"""A robot that drives: PyBullet's own Husky at half its size, on two driven wheels."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from avi_env.physics.bodies import Touched
from avi_env.physics.contacts import Touch
from avi_env.physics.engine import robot_data, robot_pose, robot_quaternion, rotation_matrix
from avi_env.physics.world import PhysicsWorld
from avi_env.sounds.modal import body_modes
from avi_env.sounds.solids import solid

__all__ = ["DifferentialDrive", "DrivePose"]

FloatArray = npt.NDArray[np.float64]

_MODEL = "husky/husky.urdf"
# From the model's file [m]: its wheels, where they are re its origin, and how high that is above the floor.
_WHEEL_RADIUS, _HALF_TRACK, _AXLE, _HEIGHT = 0.17775, 0.2854, 0.256, 0.14493
_SIZE = (1.0074, 0.2675, 0.5709)  # of its chassis [m]: length, height, width
_CHASSIS = "base_link"
_WHEELS = ("rear_left_wheel", "rear_right_wheel", "front_left_wheel", "front_right_wheel")
_TORQUE = 40.0  # [N m] of a wheel at full size
_WALL = 0.003  # [m] of the shell of its chassis, which rings when it is hit
_HEADING_GAIN = 8.0  # [1/s] by which the gyro pulls the heading back
_MOST_HEADING_ERROR = 0.1  # [rad] that is remembered: a robot held at a wall does not wind up
_LEVEL = 0.7  # contacts whose normal has a smaller component along +Y are no floor
_RELEASE = 0.002  # [m] above the floor


class DrivePose(NamedTuple):
    """Where the robot is."""

    position: FloatArray
    """Middle of its driven axle on the floor [m], shape (3,), world frame."""
    yaw: float
    """[rad], 0 looks along -Z."""


class DifferentialDrive:
    """A robot with a left and a right driven wheel, told how fast to go and to turn.

    The Husky of PyBullet's data is skid-steered: turning, it drags four wheels sideways, and how far it then turns
    depends on the floor. Here the rear wheels drive and the front ones slip freely, as casters do, and a gyro holds the
    heading, so that it turns as it is told. It weighs its model's mass times the cube of its scale.
    """

    def __init__(self, world: PhysicsWorld, position: npt.ArrayLike, yaw: float = 0.0, scale: float = 0.5) -> None:
        """Puts the robot on the floor.

        Args:
            world: where it drives.
            position: middle of its driven axle on the floor [m], shape (3,), world frame.
            yaw: its heading [rad].
            scale: its size; 1 is the Husky, 1 m long; 0.5 passes through doors.

        Raises:
            ValueError: numbers that are not finite, or a place where it would be inside something.
        """
        place = np.asarray(position, dtype=np.float64)
        if place.shape != (3,) or not np.all(np.isfinite([*place, yaw])):
            raise ValueError(f"a robot needs a finite position (x, y, z) and yaw, not {place.tolist()}, {yaw}")
        if not 0.1 <= scale <= 2.0:
            raise ValueError(f"scale must lie in [0.1, 2], not {scale}")
        self._world, self._scale = world, scale
        forward = np.array([-math.sin(yaw), 0.0, -math.cos(yaw)])
        origin = place + scale * _AXLE * forward + np.array([0.0, scale * _HEIGHT + _RELEASE, 0.0])
        self._command, self._heading, self._wanted = (0.0, 0.0), yaw, yaw
        self.number = _load(world, origin, yaw, scale)
        """Its number in the world."""
        engine, number, client = world.engine, self.number, world.client
        joints = range(engine.getNumJoints(number, physicsClientId=client))
        info = {j: engine.getJointInfo(number, j, physicsClientId=client)[1].decode() for j in joints}
        self._wheel = {name: joint for joint, name in info.items()}
        self._center = np.array(engine.getDynamicsInfo(number, -1, physicsClientId=client)[3])
        plastic = solid("plastic")
        size = tuple(side * scale for side in _SIZE)
        mass = self._set_masses([-1, *joints])
        modes = tuple(family._replace(mass=mass) for family in body_modes(plastic, size, _WALL * scale))
        radius = (math.prod(size) * 0.75 / math.pi) ** (1 / 3)
        side = Touched("robot", -1, plastic.name, plastic, modes, mass, radius, 0.02)
        for name, joint in self._wheel.items():
            grip = solid("rubber").friction if name.startswith("rear") else 0.0
            engine.changeDynamics(number, joint, lateralFriction=grip, physicsClientId=client)
        world.adopt(number, side, _WHEEL_RADIUS * scale, 0.7 * size[0], self._control)

    @property
    def pose(self) -> DrivePose:
        """Where the robot is."""
        center, turn = self._world.pose(self.number)
        rotation = rotation_matrix(self._world.engine, tuple(turn))
        position, yaw = robot_pose(center - rotation @ self._center, rotation, -_AXLE * self._scale)
        return DrivePose(position - self._scale * _HEIGHT * rotation[:, 2], yaw)

    def drive(self, linear: float, angular: float) -> None:
        """Tells it how fast to go ahead [m/s] and to turn left [rad/s], from now on; `PhysicsWorld.run` lets it.

        Raises:
            ValueError: numbers that are not finite.
        """
        if not (math.isfinite(linear) and math.isfinite(angular)):
            raise ValueError(f"a robot drives at finite speeds, not {linear} m/s and {angular} rad/s")
        self._command = (float(linear), float(angular))

    def bumps(self) -> tuple[Touch, ...]:
        """Returns what it touches now besides the floor."""
        return tuple(touch for touch in self._world.touching(self.number) if touch.normal[1] < _LEVEL)

    def _control(self, seconds: float) -> None:
        """Sets the motors for one step: the commanded speeds, and what the gyro adds to hold the heading."""
        linear, angular = self._command
        yaw = self.pose.yaw
        self._heading += _wrapped(yaw - self._heading)
        error = self._wanted + angular * seconds - self._heading
        self._wanted = self._heading + min(max(error, -_MOST_HEADING_ERROR), _MOST_HEADING_ERROR)
        turning = (angular + _HEADING_GAIN * (self._wanted - self._heading)) * _HALF_TRACK * self._scale
        engine, client, radius = self._world.engine, self._world.client, _WHEEL_RADIUS * self._scale
        for name, joint in self._wheel.items():
            driven = name.startswith("rear")
            engine.setJointMotorControl2(
                self.number,
                joint,
                engine.VELOCITY_CONTROL,
                targetVelocity=(linear + (turning if "right" in name else -turning)) / radius if driven else 0.0,
                force=_TORQUE * self._scale**4 if driven else 0.0,
                physicsClientId=client,
            )

    def _set_masses(self, links: Sequence[int]) -> float:
        """Makes the model as heavy as its scale says (the engine scales lengths only) and returns its mass [kg]."""
        engine, client, total = self._world.engine, self._world.client, 0.0
        for link in links:
            known = engine.getDynamicsInfo(self.number, link, physicsClientId=client)
            mass = known[0] * self._scale**3
            inertia = [moment * self._scale**3 for moment in known[2]]
            engine.changeDynamics(self.number, link, mass=mass, localInertiaDiagonal=inertia, physicsClientId=client)
            total += mass
        return float(total)


def _load(world: PhysicsWorld, origin: FloatArray, yaw: float, scale: float) -> int:
    """Loads the chassis and wheels of PyBullet's Husky and returns its number.

    Its other links have neither mass nor shape; the engine would give each of them 1 kg.
    """
    model = ElementTree.parse(f"{robot_data()}/{_MODEL}").getroot()
    kept = {_CHASSIS, *(f"{wheel}_link" for wheel in _WHEELS)}
    for part in list(model):
        name = part.get("name")
        if (part.tag == "link" and name not in kept) or (part.tag == "joint" and name not in _WHEELS):
            model.remove(part)
        for picture in part.findall("visual"):
            part.remove(picture)
    engine = world.engine
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "robot.urdf"
        path.write_bytes(ElementTree.tostring(model))
        return int(
            engine.loadURDF(
                str(path),
                basePosition=origin.tolist(),
                baseOrientation=robot_quaternion(yaw),
                globalScaling=scale,
                flags=engine.URDF_IGNORE_VISUAL_SHAPES,
                physicsClientId=world.client,
            )
        )


def _wrapped(angle: float) -> float:
    """Returns an angle between -pi and pi."""
    return math.remainder(angle, 2 * math.pi)
