"""The robot: where its commands take it without slip, what stops it, what it bumps into."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_scenes import SIZE, room, with_box

from avi_env.physics import Body, DifferentialDrive, PhysicsWorld

pytest.importorskip("pybullet", reason="needs PyBullet: pip install 'avi-env[physics]'")

STEP = 1 / 240
HALF_LENGTH, AXLE = 0.25 * 1.0074, 0.128  # of the robot at half the Husky's size, axle behind its middle


def turned(wanted: float, yaw: float) -> float:
    """The angle from one heading to another [degrees]."""
    return math.degrees(math.remainder(yaw - wanted, 2 * math.pi))


@pytest.mark.parametrize(("floor", "yaw"), [("parquet", 0.0), ("carpet", 2.5)])
def test_a_square_ends_where_it_began(floor: str, yaw: float) -> None:
    """Four sides of 1 m: each corner within 5 cm and 3 degrees of where wheels that never slip would be."""
    with PhysicsWorld(room(floor), time_step=STEP) as world:
        robot = DifferentialDrive(world, (3.0, 0.0, 3.0), yaw)
        world.run(0.2)
        place = np.array([3.0, 0.0, 3.0])
        for side in range(4):
            heading = yaw + side * math.pi / 2
            robot.drive(0.5, 0.0)
            world.run(2.0)
            robot.drive(0.0, 0.0)
            world.run(0.2)
            place = place + 1.0 * np.array([-math.sin(heading), 0.0, -math.cos(heading)])
            np.testing.assert_allclose(robot.pose.position, place, atol=0.05)
            assert abs(turned(heading, robot.pose.yaw)) < 3.0
            robot.drive(0.0, math.pi / 4)
            world.run(2.0)
            robot.drive(0.0, 0.0)
            world.run(0.2)
        assert robot.bumps() == ()


def test_an_arc_has_the_radius_of_its_speeds() -> None:
    """Of v / w about a centre to the left: after 90 degrees, 1 m ahead and 1 m left within 6 cm."""
    with PhysicsWorld(room(), time_step=STEP) as world:
        robot = DifferentialDrive(world, (3.0, 0.0, 3.0))
        robot.drive(0.5, 0.5)
        world.run(math.pi)
        np.testing.assert_allclose(robot.pose.position, [2.0, 0.0, 2.0], atol=0.06)
        assert abs(turned(math.pi / 2, robot.pose.yaw)) < 3.0


def test_a_wall_stops_it() -> None:
    """It stands at the wall it was driven into, and says which one; it backs off when told."""
    with PhysicsWorld(room(), time_step=STEP) as world:
        robot = DifferentialDrive(world, (3.0, 0.0, 1.5))
        robot.drive(0.5, 0.0)
        contacts = world.run(4.0)
        stood = robot.pose.position
        np.testing.assert_allclose(stood[2], HALF_LENGTH + AXLE, atol=0.05)
        world.run(1.0)
        assert np.linalg.norm(robot.pose.position - stood) < 0.05
        assert {bump.other.name.split("_")[0] for bump in robot.bumps()} == {"wall"}
        hit = [contact for contact in contacts if contact.second.name.startswith("wall")]
        assert hit
        np.testing.assert_allclose(hit[0].speed, 0.5, atol=0.1)
        robot.drive(-0.3, 0.0)
        world.run(1.0)
        assert robot.pose.position[2] > stood[2] + 0.15
        assert robot.bumps() == ()


def test_it_collides_with_a_table_leg() -> None:
    """A leg of 5 cm in its way stops it; the same way beside the leg is free."""
    scene = with_box(room(), "table", "wood", (2.975, 0.0, 1.8), (3.025, 0.7, 1.85))
    for x, free in ((3.0, False), (2.2, True)):
        with PhysicsWorld(scene, time_step=STEP) as world:
            robot = DifferentialDrive(world, (x, 0.0, 3.5))
            robot.drive(0.5, 0.0)
            world.run(4.5)
            names = {bump.other.name for bump in robot.bumps()}
            if free:
                assert names == set()
                np.testing.assert_allclose(robot.pose.position[2], 3.5 - 0.5 * 4.5, atol=0.08)
            else:
                assert names == {f"table_{len(scene.objects) - 1}"}
                np.testing.assert_allclose(robot.pose.position[2], 1.85 + HALF_LENGTH + AXLE, atol=0.06)


def test_what_it_bumps_moves_and_sounds() -> None:
    """A carton is pushed ahead; the collision names both."""
    with PhysicsWorld(room(), time_step=STEP) as world:
        robot = DifferentialDrive(world, (3.0, 0.0, 4.5))
        carton = world.add(Body("carton", "cardboard", "box", (0.3, 0.3, 0.2), wall=0.005), (3.0, 0.152, 3.0))
        robot.drive(0.6, 0.0)
        contacts = world.run(3.0)
        assert world.pose(carton)[0][2] < 2.8
    assert ("robot", "carton") in {(contact.first.name, contact.second.name) for contact in contacts}


def test_malformed_commands_are_refused() -> None:
    """Messages name culprit and remedy."""
    with PhysicsWorld(room(), time_step=STEP) as world:
        with pytest.raises(ValueError, match=r"'robot' would start \d+ mm inside 'wall_"):
            DifferentialDrive(world, (0.05, 0.0, SIZE[2] / 2))
        with pytest.raises(ValueError, match="a robot needs a finite position"):
            DifferentialDrive(world, (np.nan, 0.0, 3.0))
        with pytest.raises(ValueError, match="scale must lie in"):
            DifferentialDrive(world, (3.0, 0.0, 3.0), scale=0.0)
        robot = DifferentialDrive(world, (3.0, 0.0, 3.0))
        with pytest.raises(ValueError, match="drives at finite speeds"):
            robot.drive(math.inf, 0.0)
    with pytest.raises(RuntimeError, match="this PhysicsWorld is closed"):
        DifferentialDrive(world, (3.0, 0.0, 3.0))
