"""Bodies in a scene against closed forms: falls, rebounds, momentum, friction; what is hit; what is refused."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from small_scenes import room, with_box

from avi_env.physics import Body, PhysicsWorld, body_of_object
from avi_env.physics.statics import MOST_TRIANGLES, static_meshes
from avi_env.scene import Material, SceneError, generate_house, scene_from_mesh

pytest.importorskip("pybullet", reason="needs PyBullet: pip install 'avi-env[physics]'")

GRAVITY = 9.81
BALL = Body("ball", "steel", "sphere", (0.06, 0.06, 0.06))
MIDDLE = np.array([3.0, 0.0, 3.0])


def above(height: float) -> tuple[float, float, float]:
    """A place over the middle of the room."""
    return (3.0, height, 3.0)


@pytest.mark.parametrize("height", [0.2, 0.8, 2.0])
def test_a_fall_takes_its_time(height: float) -> None:
    """sqrt(2 h / g), within a step of 1/960 s; the speed of arrival is sqrt(2 g h) within that step's g dt."""
    with PhysicsWorld(room()) as world:
        world.add(BALL, above(height + 0.03))
        first = world.run(1.0)[0]
    np.testing.assert_allclose(first.time, math.sqrt(2 * height / GRAVITY), atol=1 / 960)
    np.testing.assert_allclose(first.speed, math.sqrt(2 * GRAVITY * height), atol=GRAVITY / 960)
    np.testing.assert_allclose(first.position, MIDDLE, atol=0.01)
    np.testing.assert_allclose(first.normal, [0.0, 1.0, 0.0], atol=1e-6)


@pytest.mark.parametrize("floor", ["ceramic_tile", "parquet", "carpet"])
def test_a_ball_rises_to_e_squared_h(floor: str) -> None:
    """The coefficient of restitution is the product of both solids'."""
    height = 1.0
    with PhysicsWorld(room(floor)) as world:
        ball = world.add(BALL, above(height + 0.03))
        contact = world.run(math.sqrt(2 * height / GRAVITY) + 0.01)[0]
        rebound = contact.first.solid.restitution * contact.second.solid.restitution
        top = 0.0
        for _ in range(60):
            world.run(1 / 96)
            top = max(top, world.pose(ball)[0][1] - 0.03)
    np.testing.assert_allclose(top, rebound**2 * height, rtol=0.03)


def test_impulses_are_changes_of_momentum() -> None:
    """Of a ball on the floor: m (v + v') + m g dt. Of two balls in the air: what one gains the other loses."""
    with PhysicsWorld(room()) as world:
        ball = world.add(BALL, above(0.5))
        contact = world.run(0.32)[0]
        after = world.motion(ball).velocity[1] + GRAVITY * (world.time - contact.time)
    mass = BALL.kilograms
    np.testing.assert_allclose(contact.impulse, mass * (contact.speed + after), rtol=0.01)
    with PhysicsWorld(room()) as world:
        heavy = world.add(BALL, (2.0, 1.5, 3.0), velocity=(2.0, 0.0, 0.0))
        light = world.add(replace(BALL, name="light", solid="glass"), (2.5, 1.5, 3.0), velocity=(-1.0, 0.0, 0.0))
        before = world.motion(heavy).velocity[0], world.motion(light).velocity[0]
        (contact,) = world.run(0.25)
        gain = (world.motion(heavy).velocity[0] - before[0]) * mass
        loss = (world.motion(light).velocity[0] - before[1]) * mass / 7850 * 2600
    np.testing.assert_allclose([-gain, loss], contact.impulse, rtol=1e-6)
    assert (contact.first.name, contact.second.name) == ("ball", "light")
    np.testing.assert_allclose(contact.speed, 3.0, rtol=1e-6)


def test_what_slides_stops_by_friction() -> None:
    """A box at 2 m/s stops after v^2 / (2 mu g)."""
    with PhysicsWorld(room("parquet")) as world:
        box = world.add(Body("box", "wood", "box", (0.4, 0.05, 0.4)), (1.0, 0.0255, 3.0))
        world.run(0.3)
        start = world.pose(box)[0][0]
        mass = Body("box", "wood", "box", (0.4, 0.05, 0.4)).kilograms
        world.push(box, (2.0 * mass, 0.0, 0.0))
        world.settle()
        far = world.pose(box)[0][0] - start
    np.testing.assert_allclose(far, 2.0**2 / (2 * 0.7 * 0.8 * GRAVITY), rtol=0.05)


def test_contacts_say_what_was_hit() -> None:
    """First the table, then the floor."""
    scene = with_box(room("carpet"), "table", "wood", (2.6, 0.0, 2.6), (3.4, 0.7, 3.4))
    with PhysicsWorld(scene) as world:
        world.add(BALL, (3.15, 1.2, 3.0), velocity=(0.5, 0.0, 0.0))
        contacts = world.settle()
    hit = [(contact.second.name, contact.second.material) for contact in contacts]
    table = len(scene.objects) - 1
    assert hit[0] == (f"table_{table}", "wood")
    assert contacts[0].second.object == table
    assert ("floor_0", "carpet") in hit[1:]
    assert all(contact.first.name == "ball" for contact in contacts)


def test_worlds_are_deterministic_and_apart() -> None:
    """The same calls give the same motion bit for bit, whatever another world does meanwhile."""
    cup = Body("cup", "ceramic", "cylinder", (0.08, 0.09, 0.08), wall=0.004)
    with PhysicsWorld(room()) as one, PhysicsWorld(room("carpet")) as other, PhysicsWorld(room()) as two:
        numbers = [world.add(cup, (3.0, 0.8, 3.0), 0.3, spin=(2.0, 0.0, 1.0)) for world in (one, other, two)]
        contacts = [[], [], []]
        for _ in range(20):
            for found, world in zip(contacts, (one, other, two), strict=True):
                found += world.run(0.05)
        places = [world.pose(number) for world, number in zip((one, other, two), numbers, strict=True)]
    np.testing.assert_array_equal(places[0][0], places[2][0])
    np.testing.assert_array_equal(places[0][1], places[2][1])
    assert [c.impulse for c in contacts[0]] == [c.impulse for c in contacts[2]]
    assert not np.array_equal(places[0][0], places[1][0])


def test_thin_and_fast_things_do_not_pass_through_floors() -> None:
    """A sheet of 2 mm that falls flat at 8 m/s stays above the floor."""
    with PhysicsWorld(room()) as world:
        sheet = world.add(Body("sheet", "steel", "box", (0.3, 0.002, 0.2)), (3.0, 1.0, 3.0), velocity=(0.0, -8.0, 0.0))
        contacts = world.run(0.5)
        assert contacts
        assert world.pose(sheet)[0][1] > 0.0


def test_a_scene_is_cut_into_meshes_whole() -> None:
    """Every triangle once, none too large for PyBullet, each of one object and material."""
    scene = generate_house(3, rooms=2)
    meshes = static_meshes(scene)
    assert sum(len(mesh.triangles) for mesh in meshes) == len(scene.triangles)
    total = sum(np.linalg.norm(np.cross(*_edges(m.vertices[m.triangles])), axis=1).sum() for m in meshes)
    expected = np.linalg.norm(np.cross(*_edges(scene.vertices[scene.triangles].astype(np.float64))), axis=1).sum()
    np.testing.assert_allclose(total, expected, rtol=1e-6)
    side = np.arange(60)
    x, z = (axis.ravel() for axis in np.meshgrid(side, side))
    corner = (np.arange(59)[:, None] * 60 + np.arange(59)).ravel()
    quads = np.concatenate(
        [np.stack([corner, corner + 60, corner + 1], 1), np.stack([corner + 1, corner + 60, corner + 61], 1)]
    )
    large = static_meshes(scene_from_mesh(np.stack([x, 0.1 * np.sin(x + z), z], 1) * 0.1, quads, "concrete"))
    assert [len(mesh.triangles) for mesh in large] == [MOST_TRIANGLES, MOST_TRIANGLES, 2 * 59**2 - 2 * MOST_TRIANGLES]
    assert all(len(mesh.vertices) <= 8192 for mesh in large)


def _edges(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]


def test_an_object_of_the_scene_can_fall() -> None:
    """Its hull weighs what a sheet of its material around it weighs; left out of the world it falls to the floor."""
    scene = with_box(room("parquet"), "box", "plastic", (2.8, 1.0, 2.8), (3.2, 1.3, 3.1))
    number = len(scene.objects) - 1
    body, place = body_of_object(scene, number)
    np.testing.assert_allclose(place, [3.0, 1.15, 2.95], atol=1e-6)
    area = 2 * (0.4 * 0.3 + 0.4 * 0.3 + 0.3 * 0.3)
    np.testing.assert_allclose(body.kilograms, area * 0.003 * 1070, rtol=1e-4)
    with pytest.raises(ValueError, match=f"inside 'box_{number}'|inside"), PhysicsWorld(scene) as world:
        world.add(body, place)
    with PhysicsWorld(scene, without=(number,)) as world:
        fallen = world.add(body, place)
        contacts = world.settle()
        np.testing.assert_allclose(world.pose(fallen)[0][1], 0.15, atol=0.005)
    np.testing.assert_allclose(contacts[0].time, math.sqrt(2 * 1.0 / GRAVITY), atol=2 / 960)


def test_bodies_weigh_what_they_are_made_of() -> None:
    """Density times volume, or times the volume of the walls."""
    np.testing.assert_allclose(Body("b", "wood", "box", (0.2, 0.1, 0.3)).kilograms, 750 * 0.006)
    np.testing.assert_allclose(BALL.kilograms, 7850 * math.pi / 6 * 0.06**3)
    hollow = Body("h", "glass", "box", (0.2, 0.2, 0.2), wall=0.01)
    np.testing.assert_allclose(hollow.kilograms, 2600 * (0.2**3 - 0.18**3))
    corners = Body("c", "steel", "box", (0.2, 0.1, 0.3)).corners
    hull = Body("hull", "steel", "hull", points=np.concatenate([corners, 0.5 * corners]))
    assert len(hull.corners) == 8
    np.testing.assert_allclose(hull.kilograms, 7850 * 0.006)


def test_malformed_worlds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name culprit and remedy."""
    scene = room()
    with pytest.raises(ValueError, match="time_step must lie between"):
        PhysicsWorld(scene, time_step=0.0)
    with pytest.raises(ValueError, match="has no object 99"):
        PhysicsWorld(scene, without=(99,))
    odd = replace(scene, materials=tuple(Material(f"odd_{k}") for k, _ in enumerate(scene.materials)))
    with pytest.raises(ValueError, match=r"1 material\(s\): pass solids=\{'odd_0': NAME\}"):
        PhysicsWorld(odd)
    with PhysicsWorld(scene) as world:
        for culprit, message in (
            ({"position": (np.nan, 1.0, 1.0)}, "position of 'ball' takes 3 finite numbers"),
            ({"position": above(1), "velocity": (1.0, np.inf, 0.0)}, "velocity takes 3 finite numbers"),
            ({"position": above(1), "yaw": np.nan}, "yaw takes 1 finite numbers"),
            ({"position": above(1), "quaternion": (0.0, 0.0, 0.0, 0.0)}, "must have length 1"),
            ({"position": above(0.01)}, "'ball' would start 20 mm inside 'floor_0': put it higher"),
        ):
            with pytest.raises(ValueError, match=message):
                world.add(BALL, **culprit)
        assert world.run(0.1) == ()
        with pytest.raises(ValueError, match="there is no body 77 in this world; there are: none"):
            world.push(77, (1.0, 0.0, 0.0))
        with pytest.raises(ValueError, match="seconds must be finite and not negative"):
            world.run(-1.0)
    for use in (lambda: world.run(0.1), lambda: world.add(BALL, above(1)), lambda: world.touching(1)):
        with pytest.raises(RuntimeError, match="this PhysicsWorld is closed"):
            use()
    world.close()
    cupboard = with_box(scene, "wardrobe", "wood", (2.0, 0.0, 2.0), (4.0, 2.0, 4.0))
    with PhysicsWorld(cupboard) as world, pytest.raises(SceneError, match="inside"):
        world.add(BALL, (3.0, 1.0, 3.0))
    monkeypatch.setitem(sys.modules, "pybullet", None)
    with pytest.raises(ImportError, match=r"pip install 'avi-env\[physics\]'"):
        PhysicsWorld(scene)


def test_malformed_bodies_are_refused() -> None:
    """Messages name culprit and remedy."""
    for keywords, message in (
        ({"shape": "sphear"}, "Did you mean 'sphere'"),
        ({"solid": "stele"}, "Did you mean 'steel'"),
        ({"size": (0.1, 0.1)}, "size takes three positive lengths"),
        ({"size": (0.1, -0.1, 0.1)}, "size takes three positive lengths"),
        ({"wall": 0.06}, "walls of 0.06 m do not fit"),
        ({"mass": 0.0}, "mass must be positive"),
        ({"shape": "hull"}, "a hull needs them"),
        ({"shape": "hull", "points": np.eye(3)}, "is flat"),
        ({"shape": "hull", "points": np.ones((4, 2))}, "points must be finite, shape"),
    ):
        with pytest.raises(ValueError, match=message):
            Body(**{"name": "thing", "solid": "wood", **keywords})
