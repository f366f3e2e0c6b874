"""A scene in which bodies fall, roll and are pushed: PyBullet's world around our scene, and its collisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.physics.bodies import Body, Touched, touched_surface
from avi_env.physics.contacts import Contact, Motion, Touch, contacts_of_step, touches
from avi_env.physics.engine import load_engine, quaternion_of_yaw
from avi_env.physics.materials import solids_of_materials
from avi_env.physics.statics import scene_without, static_meshes
from avi_env.scene.health import check_source
from avi_env.scene.model import Scene
from avi_env.sounds.solids import Solid

__all__ = ["GRAVITY", "PhysicsWorld"]

FloatArray = npt.NDArray[np.float64]

GRAVITY = 9.81
"""[m/s2], along -Y."""

_TIME_STEP = 1.0 / 960.0
# What has come into each other is parted at 2 m/s per metre: slowly, so that it does not add to a rebound (at the
# engine's default, 0.2 a step, a ball rises up to 20 % too high), yet nothing sinks in.
_PARTING_RATE = 2.0
_NEAREST = 1e-4  # [m] at which a contact begins; at the default of 0.02 m rebounds are up to 20 % too slow
_REBOUND_SPEED = 0.1  # [m/s] below which nothing rebounds
_DEEPEST_START = 0.005  # [m] that a body may start inside something: what touches or stands is meant
_TRAVEL = 0.25  # share of its own thickness that a body may move in one step of the engine
_MOST_PARTS = 16  # of one step
_ROLLING_ARM = 0.02  # lever arm of rolling resistance re a body's thickness: round things come to rest
_STILL = 0.02  # [m/s] slower than which everything rests


class PhysicsWorld:
    """A scene as static bodies, and what moves in it. Frame, units and gravity are the world's: +Y up, metres.

    Each world is a world of its own; many can be open at once. The same calls give the same motion, bit for bit.
    Close it, or use it in a `with` statement.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        time_step: float = _TIME_STEP,
        without: Collection[int] = (),
        solids: Mapping[str, str | Solid] | None = None,
    ) -> None:
        """Makes each surface of the scene a static body of its material's solid.

        Args:
            scene: the scene.
            time_step: of the engine [s]; a step in which a body would move more than a quarter of its thickness is
                divided further.
            without: ids of objects to leave out, for they are to move (`body_of_object`).
            solids: solids of materials that `SOLID_OF_MATERIAL` does not know, by the materials' names.

        Raises:
            ImportError: PyBullet is not installed.
            ValueError: a material without a solid, an object that is not there, a time step that is not positive.
        """
        if not (math.isfinite(time_step) and 0.0 < time_step <= 1.0 / 60.0):
            raise ValueError(
                f"time_step must lie between 0 and 1/60 s, not {time_step}: bodies would pass through walls"
            )
        self.scene, self.time_step = scene_without(scene, without), time_step
        made = solids_of_materials((material.name for material in self.scene.materials), solids)
        engine = load_engine()
        client = engine.connect(engine.DIRECT)
        if client < 0:
            raise RuntimeError("PyBullet opens no further world: close those that are no longer needed")
        self._engine: ModuleType | None = engine
        self._client: int = client
        self._touched: dict[int, Touched] = {}
        self._thickness: dict[int, float] = {}
        self._reach: dict[int, float] = {}
        self._controls: dict[int, Callable[[float], None]] = {}
        self._steps = 0
        engine.setGravity(0.0, -GRAVITY, 0.0, physicsClientId=client)
        engine.setPhysicsEngineParameter(
            contactBreakingThreshold=_NEAREST,
            restitutionVelocityThreshold=_REBOUND_SPEED,
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        self._set_step(time_step)
        self._add_scene(made)

    def __enter__(self) -> PhysicsWorld:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the world; a second time does nothing."""
        if self._engine is not None:
            self._engine.disconnect(physicsClientId=self._client)
            self._engine = None

    @property
    def engine(self) -> Any:
        """PyBullet, for what this class does not do; pass `physicsClientId=world.client`.

        Raises:
            RuntimeError: the world is closed.
        """
        if self._engine is None:
            raise RuntimeError("this PhysicsWorld is closed: make a new one, or use it inside its `with` block")
        return self._engine

    @property
    def client(self) -> int:
        """PyBullet's number of this world."""
        return self._client

    @property
    def time(self) -> float:
        """Time since the beginning [s]."""
        return self._steps * self.time_step

    def add(
        self,
        body: Body,
        position: npt.ArrayLike,
        yaw: float = 0.0,
        *,
        quaternion: npt.ArrayLike | None = None,
        velocity: npt.ArrayLike = (0.0, 0.0, 0.0),
        spin: npt.ArrayLike = (0.0, 0.0, 0.0),
    ) -> int:
        """Puts a body into the world and returns its number.

        Args:
            body: the body.
            position: of its centre of mass [m], shape (3,), world frame.
            yaw: its heading [rad].
            quaternion: instead of a yaw, any rotation x, y, z, w.
            velocity: [m/s], shape (3,).
            spin: [rad/s], shape (3,), world frame.

        Raises:
            ValueError: numbers that are not finite, or a body that starts inside something (the message says in what).
        """
        engine = self.engine
        place = _finite(position, 3, f"position of {body.name!r}")
        turn = quaternion_of_yaw(float(_finite([yaw], 1, "yaw")[0])) if quaternion is None else quaternion
        turn = _finite(turn, 4, f"quaternion of {body.name!r}")
        if not abs(float(np.linalg.norm(turn)) - 1.0) < 1e-3:
            raise ValueError(f"quaternion of {body.name!r} must have length 1, not {float(np.linalg.norm(turn)):g}")
        speeds = _finite(velocity, 3, "velocity").tolist(), _finite(spin, 3, "spin").tolist()
        check_source(self.scene, place)
        number = engine.createMultiBody(
            body.kilograms,
            self._shape(body),
            basePosition=place.tolist(),
            baseOrientation=turn.tolist(),
            physicsClientId=self._client,
        )
        self.adopt(number, body.touched(), float(min(body.size)), float(np.linalg.norm(body.size)) / 2)
        engine.resetBaseVelocity(number, *speeds, physicsClientId=self._client)
        return int(number)

    def adopt(
        self, number: int, side: Touched, thickness: float, reach: float, control: Callable[[float], None] | None = None
    ) -> None:
        """Takes a body that was made with `engine` among those that move, collide and sound.

        Args:
            number: the engine's number of it.
            side: what it is in contacts.
            thickness: of its thinnest part [m].
            reach: from its centre of mass to its farthest point [m].
            control: called before each step of the engine with its length [s]: to set motors.

        Raises:
            ValueError: it starts inside something; it is taken out again.
        """
        self._touched[number], self._thickness[number], self._reach[number] = side, thickness, reach
        self._set_surface(number, side.solid)
        arm = _ROLLING_ARM * thickness
        self.engine.changeDynamics(number, -1, rollingFriction=arm, spinningFriction=arm, physicsClientId=self._client)
        self._require_free(number, side.name)
        if control is not None:
            self._controls[number] = control

    def push(self, number: int, impulse: npt.ArrayLike) -> None:
        """Pushes a body through its centre of mass: an impulse [N s], shape (3,)."""
        motion = self._motion(self._known(number))
        velocity = motion.velocity + _finite(impulse, 3, "impulse") / self._touched[number].mass
        self.engine.resetBaseVelocity(number, velocity.tolist(), motion.spin.tolist(), physicsClientId=self._client)

    def pose(self, number: int) -> tuple[FloatArray, FloatArray]:
        """Returns where a body's centre of mass is [m], shape (3,), and its rotation x, y, z, w, shape (4,)."""
        position, turn = self.engine.getBasePositionAndOrientation(self._known(number), physicsClientId=self._client)
        return np.array(position), np.array(turn)

    def motion(self, number: int) -> Motion:
        """Returns how a body moves."""
        return self._motion(self._known(number))

    def run(self, seconds: float) -> tuple[Contact, ...]:
        """Lets time pass and returns the collisions in it, in order.

        Args:
            seconds: how long; rounded to whole time steps.
        """
        if not (math.isfinite(seconds) and seconds >= 0.0):
            raise ValueError(f"seconds must be finite and not negative, not {seconds}")
        found: list[Contact] = []
        for _ in range(round(seconds / self.time_step)):
            found += self._step()
        return tuple(sorted(found, key=lambda contact: contact.time))

    def settle(self, limit: float = 5.0) -> tuple[Contact, ...]:
        """Lets time pass until everything rests for a tenth of a second, and returns the collisions, in order.

        Args:
            limit: how long to wait at most [s].
        """
        found: list[Contact] = []
        still, began = 0.0, self.time
        while still < 0.1 and self.time - began < limit:
            found += self._step()
            still = 0.0 if any(self._fastest(number) > _STILL for number in self._thickness) else still + self.time_step
        return tuple(sorted(found, key=lambda contact: contact.time))

    def touching(self, number: int) -> tuple[Touch, ...]:
        """Returns what a body touches now."""
        rows = self.engine.getContactPoints(self._known(number), physicsClientId=self._client)
        return touches(rows, number, self._touched)

    def _step(self) -> list[Contact]:
        """Lets one time step pass, in as many parts as its fastest body needs."""
        engine, parts = self.engine, 1
        for number, thickness in self._thickness.items():
            parts = max(parts, math.ceil(self._fastest(number) * self.time_step / (_TRAVEL * thickness)))
        parts = min(parts, _MOST_PARTS)
        seconds, found = self.time_step / parts, []
        if seconds != self._part:
            self._set_step(seconds)
        for part in range(parts):
            for control in self._controls.values():
                control(seconds)
            before = {number: self._motion(number) for number in self._thickness}
            engine.stepSimulation(physicsClientId=self._client)
            rows = engine.getContactPoints(physicsClientId=self._client)
            found += contacts_of_step(rows, before, self._touched, seconds, self.time + (part + 1) * seconds)
        self._steps += 1
        return found

    def _set_step(self, seconds: float) -> None:
        """Sets the engine's own step [s]."""
        self._part = seconds
        share = _PARTING_RATE * seconds
        self.engine.setPhysicsEngineParameter(
            fixedTimeStep=seconds, erp=share, contactERP=share, frictionERP=share, physicsClientId=self._client
        )

    def _add_scene(self, made: Mapping[str, Solid]) -> None:
        """Makes the scene's surfaces static bodies."""
        engine = self.engine
        for mesh in static_meshes(self.scene):
            shape = engine.createCollisionShape(
                engine.GEOM_MESH,
                vertices=mesh.vertices.tolist(),
                indices=mesh.triangles.reshape(-1).tolist(),
                flags=engine.GEOM_FORCE_CONCAVE_TRIMESH,
                physicsClientId=self._client,
            )
            number = engine.createMultiBody(0.0, shape, physicsClientId=self._client)
            material = self.scene.materials[mesh.material].name
            item = self.scene.objects[mesh.object] if mesh.object >= 0 else None
            self._touched[number] = touched_surface(item, material, made[material])
            self._set_surface(number, made[material])

    def _set_surface(self, number: int, made: Solid) -> None:
        """Gives a body its solid's restitution and friction, and takes the engine's air drag away."""
        self.engine.changeDynamics(
            number,
            -1,
            restitution=made.restitution,
            lateralFriction=made.friction,
            linearDamping=0.0,
            angularDamping=0.0,
            physicsClientId=self._client,
        )

    def _shape(self, body: Body) -> int:
        """Returns the engine's shape of a body."""
        engine, client = self.engine, self._client
        if body.shape == "box":
            half = [side / 2 for side in body.size]
            return int(engine.createCollisionShape(engine.GEOM_BOX, halfExtents=half, physicsClientId=client))
        if body.shape == "sphere":
            radius = body.size[0] / 2
            return int(engine.createCollisionShape(engine.GEOM_SPHERE, radius=radius, physicsClientId=client))
        corners = body.corners.tolist()
        return int(engine.createCollisionShape(engine.GEOM_MESH, vertices=corners, physicsClientId=client))

    def _require_free(self, number: int, name: str) -> None:
        """Raises if a new body is inside something, and takes it out again."""
        engine = self.engine
        engine.performCollisionDetection(physicsClientId=self._client)
        rows = engine.getContactPoints(number, physicsClientId=self._client)
        deepest = min(rows, key=lambda row: row[8], default=None)
        if deepest is not None and deepest[8] < -_DEEPEST_START:
            other = self._touched[deepest[2] if deepest[1] == number else deepest[1]].name
            engine.removeBody(number, physicsClientId=self._client)
            for table in (self._touched, self._thickness, self._reach):
                table.pop(number)
            raise ValueError(
                f"{name!r} would start {-deepest[8] * 1000:.0f} mm inside {other!r}: put it higher or to the side"
            )

    def _known(self, number: int) -> int:
        if number not in self._thickness:
            bodies = ", ".join(str(n) for n in self._thickness) or "none"
            raise ValueError(f"there is no body {number} in this world; there are: {bodies}")
        return number

    def _motion(self, number: int) -> Motion:
        engine = self.engine
        velocity, spin = engine.getBaseVelocity(number, physicsClientId=self._client)
        center, _ = engine.getBasePositionAndOrientation(number, physicsClientId=self._client)
        return Motion(np.array(center), np.array(velocity), np.array(spin))

    def _fastest(self, number: int) -> float:
        """Returns the speed that no point of a body exceeds [m/s]."""
        velocity, spin = self.engine.getBaseVelocity(number, physicsClientId=self._client)
        return math.hypot(*velocity) + self._reach[number] * math.hypot(*spin)


def _finite(values: Any, count: int, what: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (count,) or not np.all(np.isfinite(array)):
        raise ValueError(f"{what} takes {count} finite numbers, not {array.tolist()}")
    return array
