"""The agent's own map against the scene it was made in, the simulator's truth being used here only."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_house import EYE, ROOMS, FakeHouseEnv, make_house
from numpy.testing import assert_allclose

from avi_env.agents.ears import AZIMUTH_COUNT
from avi_env.agents.geometry import bearing_to, heading_vector, seen_points, wrap_angle
from avi_env.agents.knowledge import emitters_of, guess_room
from avi_env.agents.loop import senses_of
from avi_env.agents.mapping import HouseMap
from avi_env.agents.perception import Perception
from avi_env.agents.route import find_frontiers, steer, walk_plan, ways_from
from avi_env.agents.source_belief import PLACE, SourceBelief, gain_in_sight_db, sound_ways
from avi_env.navigation import geodesic_distance
from avi_env.scene import shoebox
from avi_env.vision import render


def turned_map(width: float = 5.0, depth: float = 4.0) -> tuple[HouseMap, np.ndarray]:
    """The map of an empty room after one turn in its middle, and the labels that are floors."""
    scene = shoebox((width, 2.6, depth))
    floors = np.array([o.category == "floor" for o in scene.objects])
    house = HouseMap(half_extent=3.0)
    for yaw in np.arange(24) * math.radians(15.0):
        sight = render(scene, [width / 2, EYE, depth / 2], float(yaw))
        pose = np.array([0.0, 0.0, 0.0, yaw])
        house.observe(seen_points(sight["depth"], sight["semantic"], pose), floors, pose)
    return house, floors


def test_points_of_a_wall_lie_on_the_wall() -> None:
    """Planar depth, field of view and yaw give back the plane of the wall x = 0 to a millimetre."""
    scene = shoebox((5.0, 2.6, 4.0))
    sight = render(scene, [2.0, EYE, 1.5], math.radians(75.0))
    pose = np.array([2.0, 0.0, 1.5, math.radians(75.0)])
    points = seen_points(sight["depth"], sight["semantic"], pose)
    west = next(o.id for o in scene.objects if o.category == "wall" and abs(o.center[0]) < 0.1)
    assert np.count_nonzero(points.label == west) > 1000
    assert_allclose(points.xyz[points.label == west, 0], 0.0, atol=1e-3)
    floor = next(o.id for o in scene.objects if o.category == "floor")
    assert_allclose(points.height[points.label == floor], 0.0, atol=1e-3)


def test_bearings_follow_the_yaw_convention() -> None:
    """Yaw 0 looks along -z, a quarter turn counter-clockwise along -x; bearings invert headings."""
    assert_allclose(heading_vector(0.0), (0.0, -1.0), atol=1e-12)
    assert_allclose(heading_vector(math.pi / 2), (-1.0, 0.0), atol=1e-12)
    for yaw in (-2.0, 0.3, 3.0):
        x, z = heading_vector(yaw)
        assert_allclose(wrap_angle(bearing_to((1.0, 2.0), (1.0 + x, 2.0 + z)) - yaw), 0.0, atol=1e-12)


def test_one_turn_maps_an_empty_room() -> None:
    """The floor seen is the room's floor to 5 %, walkable is what lies 0.2 m off the walls, and no edge is open."""
    house, _ = turned_map()
    window = house.window()
    assert_allclose(np.count_nonzero(window.free) * 0.05**2, 20.0, rtol=0.05)
    plan = walk_plan(house)
    assert_allclose(np.count_nonzero(plan.walkable) * 0.1**2, (5.0 - 0.4) * (4.0 - 0.4), rtol=0.08)
    assert find_frontiers(ways_from(plan, (0.0, 0.0))) == ()


def test_a_single_view_leaves_open_edges() -> None:
    """After one look ahead the sides of the room are frontiers that can be walked to."""
    scene = shoebox((8.0, 2.6, 8.0))
    sight = render(scene, [4.0, EYE, 4.0], 0.0)
    house, pose = HouseMap(half_extent=2.0), np.zeros(4)
    house.observe(seen_points(sight["depth"], sight["semantic"], pose), np.array([True]), pose)
    frontiers = find_frontiers(ways_from(walk_plan(house), (0.0, 0.0)))
    assert len(frontiers) >= 1
    assert max(f.width for f in frontiers) > 2.0
    assert all(math.isfinite(f.distance) for f in frontiers)


def test_things_on_walls_sound_as_near_as_they_are() -> None:
    """A source on the wall in sight is as loud as one before the wall, not as one round a corner."""
    house, _ = turned_map()
    ways = sound_ways(house, (0.0, 0.0))
    wall = tuple(round((p - o) / PLACE) for p, o in zip((0.0, 2.0), ways.origin, strict=True))
    assert ways.straight[wall]
    assert_allclose(ways.gain_db[wall], gain_in_sight_db(2.0), atol=1.5)


def test_levels_far_below_any_guess_still_lead_away() -> None:
    """40 dB less than close by: the farther of two places is the likelier one, however far both are off."""
    house, _ = turned_map()
    ways, belief = sound_ways(house, (-2.0, 0.0)), SourceBelief()
    for _ in range(4):
        belief.heard(ways, np.zeros(AZIMUTH_COUNT), 0.0, 0.0, (-40.0, 0.0))
    chance = belief.probability(np.ones(ways.length.shape))
    near, far = (chance[round((x - ways.origin[0]) / PLACE), round(-ways.origin[1] / PLACE)] for x in (-1.4, 2.0))
    assert far > 2.0 * near
    before = chance
    belief.heard(ways, np.zeros(AZIMUTH_COUNT), 0.0, 0.0, None)  # resting: no news
    after = belief.probability(np.ones(ways.length.shape))
    assert np.corrcoef(np.log(before).ravel(), np.log(after).ravel())[0, 1] > 0.999


def test_bumps_block_and_are_forgiven() -> None:
    """A bump closes the straight way ahead; forgiving opens it again."""
    house, _ = turned_map()
    pose = np.array([0.0, 0.0, 0.0, 0.0])
    free = ways_from(walk_plan(house), (0.0, 0.0)).length_to((0.0, -1.0))
    house.bump(pose)
    blocked = ways_from(walk_plan(house), (0.0, 0.0)).length_to((0.0, -1.0))
    house.forgive(pose)
    again = ways_from(walk_plan(house), (0.0, 0.0)).length_to((0.0, -1.0))
    assert blocked > free + 0.2
    assert_allclose(again, free, rtol=1e-9)


def test_ways_are_as_long_as_the_geodesic() -> None:
    """Between walkable points of the fake house, both known, the way found is the geodesic distance within 15 %."""
    env = FakeHouseEnv()
    mind = _tour(env)
    ways = mind.ways()
    for x, z in ((8.0, 2.0), (1.5, 6.5), (1.0, 3.5)):
        path = ways.path_to(ways.plan.cell_of((x - env.start[0], z - env.start[1])))
        length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        true = geodesic_distance(env.scene, [env.position[0], 0.0, env.position[2]], [x, 0.0, z])
        assert_allclose(length, true, rtol=0.15)


def test_steering_arrives() -> None:
    """Following a way with discrete actions ends within 0.2 m of its end, in near the fewest actions."""
    house, _ = turned_map()
    plan = walk_plan(house)
    path = ways_from(plan, (0.0, 0.0)).path_to(plan.cell_of((2.0, 1.5)))
    position, yaw, count = (0.0, 0.0), 0.0, 0
    while (action := steer(plan, path, position, yaw)) and count < 60:
        count += 1
        x, z = heading_vector(yaw)
        position = (position[0] + 0.25 * x, position[1] + 0.25 * z) if action == 1 else position
        yaw += math.radians({1: 0.0, 2: 15.0, 3: -15.0}[action])
    assert math.dist(position, (2.0, 1.5)) < 0.2
    assert count <= 10 + 9 + 4  # steps of the straight line, turns to its bearing of -127 degrees, corrections


def test_objects_and_rooms_are_where_they_are() -> None:
    """Objects lie within 0.35 m of their true middle, on their room's floor; rooms are named by their furniture."""
    env = FakeHouseEnv()
    mind = _tour(env)
    for track in mind.objects.tracks.values():
        true = env.scene.objects[track.id]
        gap = math.hypot(
            track.center[0] + env.start[0] - true.center[0], track.center[1] + env.start[1] - true.center[2]
        )
        assert gap < 0.35, track.name
        assert env.scene.objects[track.floor].room == true.room, track.name
    kinds = [mind.rooms.type_of(floor, mind.objects) for floor in mind.rooms.floors]
    assert sorted(kinds) == sorted(ROOMS)
    names = [mind.rooms.name_of(floor, mind.objects) for floor in mind.rooms.floors]
    assert [mind.rooms.floor_of(name, mind.objects) for name in names] == list(mind.rooms.floors)


@pytest.mark.parametrize(
    ("things", "kind"),
    [
        (("bed", "lamp"), "bedroom"),
        (("toilet", "sink"), "bathroom"),
        (("plant",), "unknown"),
        (("wall_cabinet", "towel", "plant"), "kitchen"),
        (("umbrella_stand", "mirror"), "hallway"),
        (("printer", "bookshelf"), "office"),
    ],
)
def test_furniture_tells_the_room(things: tuple[str, ...], kind: str) -> None:
    """A room's type is the one its furniture votes for, unknown when it does not say."""
    assert guess_room(things) == kind


def test_every_sound_of_the_house_has_a_known_maker() -> None:
    """Each class of sound that objects of the fake house emit names the category of that object."""
    for thing in make_house().objects:
        for sound in thing.emits:
            assert thing.category in emitters_of(sound)


def _tour(env: FakeHouseEnv) -> Perception:
    """What an agent knows that has turned round once in each of the three rooms."""
    observation, _ = env.reset()
    mind = Perception(senses_of(env))
    mind.observe(observation)
    for x, z in ((3.0, 2.5), (7.5, 2.5), (3.0, 6.5)):
        for _ in range(24):
            env.yaw += math.radians(15.0)
            env.position = np.array([x, 0.0, z])
            mind.observe(env._observe())
    env.position = np.array([3.0, 0.0, 2.5])
    mind.observe(env._observe())
    return mind
