"""The house generator: a pure function of the seed whose houses are closed, walkable and full of sounding things."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.navigation import walkable_grid
from avi_env.scene import Room, Scene, check_scene, emission_point, emitting_objects, generate_house
from avi_env.scene.health import escaped_share
from avi_env.scene.rays import closest_hit, occluded

_SEEDS = range(30)


@lru_cache(maxsize=64)
def _house(seed: int) -> Scene:
    return generate_house(seed)


def _contains(room: Room, points: np.ndarray) -> np.ndarray:
    """Whether points (x, z) lie in the room's outline: an odd number of its edges is crossed."""
    x, z = np.asarray(points, dtype=np.float64).T
    inside = np.zeros(len(x), dtype=bool)
    for (ax, az), (bx, bz) in zip(room.polygon, (*room.polygon[1:], room.polygon[0]), strict=True):
        if az != bz:
            inside ^= ((az > z) != (bz > z)) & (x < (bx - ax) * (z - az) / (bz - az) + ax)
    return inside


def _area(room: Room) -> float:
    x, z = np.array(room.polygon).T
    return float(abs(np.dot(x, np.roll(z, 1)) - np.dot(z, np.roll(x, 1))) / 2)


def test_same_seed_same_house_in_another_process() -> None:
    """The digest depends on the seed alone: not on the process, on what was made before, or on global random state."""
    np.random.seed(5)  # noqa: NPY002 - shows that it does not matter
    code = "from avi_env.scene import generate_house; print(generate_house(11).digest, generate_house(4, 6).digest)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert other == [_house(11).digest, generate_house(4, 6).digest]
    assert _house(11).digest != _house(12).digest


@pytest.mark.parametrize("count", range(1, 11))
def test_room_count_is_kept(count: int) -> None:
    """A house has the number of rooms asked for, with unique names."""
    scene = generate_house(100 + count, count)
    assert len(scene.rooms) == count
    assert len({room.name for room in scene.rooms}) == count


def test_room_types_may_be_given() -> None:
    """The types asked for are the types built."""
    wanted = ("living_room", "office", "hallway", "bathroom")
    assert tuple(room.type for room in generate_house(5, wanted).rooms) == wanted


def test_numbers_of_numpy_are_numbers() -> None:
    """A seed or a number of rooms that NumPy drew makes the same house under the same name."""
    house = generate_house(np.int32(5), np.int64(2), furniture=False)  # type: ignore[arg-type]
    assert (house.name, house.digest) == ("house:5:2", generate_house(5, 2, furniture=False).digest)


@pytest.mark.parametrize(
    ("seed", "rooms", "message"),
    [
        (-1, None, ">= 0"),
        (0, 0, "1 to 10"),
        (0, 11, "1 to 10"),
        (0, (), "1 to 10"),
        (0, ("kitchn", "bedroom"), "Did you mean 'kitchen'"),
        (0, "bedroom", "a number or a list of types"),
        (0, 2.5, "a number or a list of types"),
        (2**64, 2, "below"),
        (0, ("closet",), "no valid layout .* or other rooms"),
    ],
)
def test_bad_requests_are_explained(seed: int, rooms: object, message: str) -> None:
    """Wrong counts and types are named."""
    with pytest.raises(ValueError, match=message):
        generate_house(seed, rooms)  # type: ignore[arg-type]


def test_every_room_is_reachable_over_thirty_houses() -> None:
    """An agent of radius 0.2 m and height 1.5 m walks from any room to any other, and has space in each."""
    for seed in _SEEDS:
        scene = _house(seed)
        grid = walkable_grid(scene)
        cells = np.argwhere(grid.island == 0) * grid.cell + np.array(grid.origin)
        for room in scene.rooms:
            share = _contains(room, cells).sum() * grid.cell**2 / _area(room)
            assert share > 0.12, (seed, room.name, share)


def test_what_sounds_is_within_reach() -> None:
    """Every emitter lies within 0.8 m of a walkable place; five kinds or more a house, and one in each room."""
    for seed in _SEEDS:
        scene = _house(seed)
        grid = walkable_grid(scene)
        cells = np.argwhere(grid.island == 0) * grid.cell + np.array(grid.origin)
        emitters = emitting_objects(scene)
        assert len({o.category for o in emitters}) >= 5, seed
        assert {o.room for o in emitters} >= {room.id for room in scene.rooms}, seed
        for item in emitters:
            distance = np.hypot(cells[:, 0] - item.center[0], cells[:, 1] - item.center[2]).min()
            assert distance <= 0.8, (seed, item.name, distance)


def test_houses_are_closed() -> None:
    """Of rays that bounce about in a house less than 1e-4 escape, and nothing else is wrong with it."""
    for seed in range(8):
        scene = _house(seed)
        starts = [light.position for light in scene.lights]
        assert escaped_share(scene, starts, rays=4000, bounces=10, seed=seed) < 1e-4, seed
        assert check_scene(scene) == (), seed


def test_normals_face_the_air() -> None:
    """Rays that bounce about inside never meet the back of a triangle."""
    scene = _house(6)
    rng = np.random.default_rng(0)
    starts = np.repeat([light.position for light in scene.lights], 2000, axis=0)
    directions = rng.normal(size=starts.shape)
    hits = closest_hit(scene, starts, directions)
    corners = scene.vertices[scene.triangles[hits.triangle]].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.all((normals * directions).sum(axis=1) < 0)


def test_open_doors_are_true_openings() -> None:
    """A ray passes through the middle of every open portal, and through no shut one; leaves may stand ajar."""
    kinds = set()
    for seed in range(16):
        for portal in _house(seed).portals:
            normal = np.array([-np.sin(portal.yaw), 0.0, -np.cos(portal.yaw)])
            center = np.array([portal.center[0], 1.6, portal.center[2]])
            state = "ajar" if 0.0 < portal.openness < 1.0 else "open" if portal.openness else "shut"
            if state != "ajar":
                blocked = occluded(_house(seed), [center - 0.2 * normal], [center + 0.2 * normal])[0]
                assert blocked == (state == "shut"), (seed, portal)
            kinds.add((portal.kind, state))
    assert {("door", "open"), ("door", "ajar"), ("door", "shut"), ("opening", "open"), ("doorway", "open")} <= kinds


def test_portals_lie_between_their_rooms() -> None:
    """Half a metre to either side of a portal lies the room that it names; the normal points to the second."""
    for seed in range(12):
        scene = _house(seed)
        for portal in scene.portals:
            normal = np.array([-np.sin(portal.yaw), -np.cos(portal.yaw)])
            center = np.array([portal.center[0], portal.center[2]])
            first, second = (scene.rooms[r] for r in portal.rooms)
            assert _contains(first, [center - 0.5 * normal])[0]
            assert _contains(second, [center + 0.5 * normal])[0]
            if portal.kind != "opening":
                assert 0.85 - 1e-6 <= portal.width <= 1.0 + 1e-6
                assert portal.height == pytest.approx(2.05)


def test_rooms_are_large_and_high_enough() -> None:
    """Rooms have 5.5 m2 or more, walls are 1.2 m long, ceilings mostly 2.4-3.2 m high, few footprints are boxes."""
    heights, boxes = [], 0
    for seed in _SEEDS:
        scene = _house(seed)
        heights.append(scene.rooms[0].height)
        for room in scene.rooms:
            least = {"hallway": 3.0, "closet": 1.5}.get(room.type, 5.5)
            assert _area(room) >= least, (seed, room.name)
            sides = np.abs(np.diff(np.array([*room.polygon, room.polygon[0]]), axis=0)).sum(axis=1)
            assert sides.min() >= 1.2 - 1e-6
        low, high = scene.bounds
        boxes += sum(_area(r) for r in scene.rooms) > 0.9 * (high[0] - low[0]) * (high[2] - low[2])
    assert min(heights) >= 2.4
    assert max(heights) <= 4.5
    assert 2.4 <= np.median(heights) <= 3.0 < max(heights)
    assert boxes <= 0.2 * len(_SEEDS)


def test_emission_points_are_in_the_open() -> None:
    """No sound starts inside a mesh: from each emission point most directions first meet a front face."""
    for seed in range(6):
        scene = _house(seed)
        issues = [i for i in check_scene(scene) if i.kind == "source_inside"]
        assert not issues
        for item in emitting_objects(scene):
            point = emission_point(item)
            assert scene.bounds[0, 1] < point[1] < scene.rooms[0].height, item.name


def test_each_object_has_a_mesh_and_a_true_box() -> None:
    """Every object owns triangles, and its oriented box holds them."""
    scene = _house(2)
    for item in scene.objects:
        mine = scene.triangles[scene.triangle_object == item.id]
        assert len(mine), item.name
        if item.category in ("wall", "floor", "ceiling"):
            continue
        corners = scene.vertices[np.unique(mine)].astype(np.float64) - item.center
        cos, sin = np.cos(item.yaw), np.sin(item.yaw)
        local = np.stack([corners[:, 0] * cos - corners[:, 2] * sin, corners[:, 1]], axis=1)
        across = corners[:, 0] * sin + corners[:, 2] * cos
        assert_allclose(np.abs(local).max(axis=0), np.array(item.size[:2]) / 2, rtol=0, atol=0.05, err_msg=item.name)
        assert_allclose(np.abs(across).max(), item.size[2] / 2, rtol=0, atol=0.05, err_msg=item.name)


def test_house_without_furniture() -> None:
    """An empty house has the same walls but no furniture."""
    scene = generate_house(9, furniture=False)
    kinds = {o.category for o in scene.objects}
    allowed = {"floor", "ceiling", "wall", "window", "door", "door_frame", "front_door", "ceiling_lamp", "smoke_alarm"}
    assert kinds <= allowed
    assert check_scene(scene) == ()
