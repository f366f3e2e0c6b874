"""Grids of several layers: stairs, slopes, storeys, against closed forms on houses made by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from conftest import RISER, STOREY, TREAD, house_of_two_storeys, solid
from numpy.testing import assert_allclose, assert_array_equal
from visibility_graph import exact_lengths

from avi_env.bench.room_views import standing_places
from avi_env.navigation import (
    AnyAngleMap,
    GridBank,
    NavigationError,
    ShortestPathFollower,
    distance_field,
    field_lookup,
    geodesic_distance,
    move,
    random_points,
    shortest_path,
    snap_point,
    walkable_grid,
)
from avi_env.navigation.grid import floor_levels, storey_grid
from avi_env.navigation.grid_bank import rows_at
from avi_env.navigation.walkable import grid_with_masks
from avi_env.scene import Room, Scene, generate_house, scene_from_mesh, shoebox

RUN = STOREY / RISER * TREAD
"""Horizontal length of the stairs [m]."""

SLOPE = math.hypot(RISER, TREAD) / TREAD
"""Length of the smooth ramp through the steps, per metre seen from above."""


@pytest.fixture(scope="module")
def house() -> Scene:
    """Two storeys joined by solid stairs."""
    return house_of_two_storeys()


def test_standing_places_are_on_the_rooms_own_storey(house: Scene) -> None:
    """They are free places of that storey; an attic that is not there has none, nor has a part that is not there."""
    grid = walkable_grid(house)
    outline = ((0.0, 0.0), (8.0, 0.0), (8.0, 6.0), (0.0, 6.0))
    for floor in (0.0, STOREY):
        places = standing_places(grid, Room(0, "bedroom", outline, floor))
        assert len(places) * grid.cell**2 > 25.0
        stairs = (places[:, 1] < 1.0) & (places[:, 0] > 2.0) & (places[:, 0] < 2.0 + RUN)
        assert grid.is_free(np.insert(places, 1, floor, axis=1)[~stairs]).all()
    assert not len(standing_places(grid, Room(0, "attic", outline, 2 * STOREY)))
    assert not len(standing_places(grid, Room(0, "bedroom", outline), island=9))


def _ramp_room(degrees: float, run: float = 3.0) -> Scene:
    """A room 12 m x 4 m in which the floor rises from x = 3 by an angle to a platform."""
    rise = run * math.tan(math.radians(degrees))
    corners = [[3, 0, 0], [3 + run, rise, 0], [12, rise, 0], [3, 0, 4], [3 + run, rise, 4], [12, rise, 4]]
    sheet = np.array([[0, 3, 1], [1, 3, 4], [1, 4, 2], [2, 4, 5]])
    room = shoebox((12.0, 3.0 + rise, 4.0))
    vertices = np.concatenate([room.vertices, np.array(corners, np.float32)])
    return scene_from_mesh(vertices, np.concatenate([room.triangles, sheet + len(room.vertices)]), materials="plaster")


@pytest.mark.parametrize("degrees", [20.0, 43.0])
def test_length_on_a_ramp_is_d_over_cos(degrees: float) -> None:
    """Up a ramp of angle a, d seen from above is d / cos a long; obliquely it is the straight line in space."""
    scene, tangent = _ramp_room(degrees), math.tan(math.radians(degrees))

    def on_ramp(x: float, z: float) -> list[float]:
        return [x, (x - 3.0) * tangent, z]

    a, b, c = on_ramp(3.6, 2.0), on_ramp(5.4, 2.0), on_ramp(5.4, 3.5)
    assert_allclose(geodesic_distance(scene, a, b), 1.8 / math.cos(math.radians(degrees)), rtol=2e-3)
    assert_allclose(geodesic_distance(scene, a, c), math.dist(a, c), rtol=2e-3)
    below, above = [1.0, 0.0, 2.0], [8.0, 3.0 * tangent, 2.0]
    assert_allclose(geodesic_distance(scene, below, above), 4.0 + 3.0 / math.cos(math.radians(degrees)), rtol=8e-3)
    path = shortest_path(scene, below, above)
    assert_allclose(
        np.linalg.norm(np.diff(path, axis=0), axis=1).sum(), geodesic_distance(scene, below, above), rtol=3e-3
    )
    assert np.all(np.diff(path[:, 1]) >= -1e-6)


def test_steeper_than_45_degrees_is_no_way() -> None:
    """A slope of 50 degrees leads nowhere, and 0.3 m are no step."""
    scene = _ramp_room(50.0, run=2.0)
    assert geodesic_distance(scene, [1.0, 0.0, 2.0], [8.0, 2.0 * math.tan(math.radians(50.0)), 2.0]) == math.inf
    blocks = [([4 + 0.4 * k, 0, 0], [12, 0.3 * (k + 1), 4]) for k in range(4)]
    assert geodesic_distance(solid(*blocks, shell=(12, 5, 4)), [1.0, 0, 2.0], [8.0, 1.2, 2.0]) == math.inf
    blocks = [([4 + 0.4 * k, 0, 0], [12, 0.2 * (k + 1), 4]) for k in range(6)]
    assert geodesic_distance(solid(*blocks, shell=(12, 5, 4)), [1.0, 0, 2.0], [8.0, 1.2, 2.0]) < 8.0


def test_layers_of_two_storeys(house: Scene) -> None:
    """Two sheets, one floor a column each; in the overlap both hold the same places, and each has one home."""
    grid = walkable_grid(house)
    assert len(grid.layers) == 2
    assert grid.island_count == 1
    lower, upper = grid.layers
    assert lower.home is not None
    assert upper.home is not None
    places = lower.free & (lower.home == 1)
    assert places.sum() > 100
    for name in ("free", "floor_y", "island", "clearance"):
        assert_array_equal(getattr(lower, name)[places], getattr(upper, name)[places])
    stairs = (12 * 0.05) * (RUN - 0.25)  # 1 m wide less the radius on either side
    both = 2 * 7.6 * 5.6 - (RUN + 0.3) * 1.25 - (RUN - 0.2) * 0.9 + stairs
    assert_allclose(grid.navigable_area, both, rtol=0.03)
    assert lower.floor_y[lower.free].max() < STOREY / 2 + 0.2  # the gate is half way up
    assert upper.floor_y[upper.free].max() == pytest.approx(STOREY)
    turned = scene_from_mesh(house.vertices, np.asarray(house.triangles)[:, ::-1], materials="plaster")
    for a, b in zip(walkable_grid(turned).layers, grid.layers, strict=True):
        assert_array_equal(a.free, b.free)


@pytest.mark.parametrize(("open_stairs", "height"), [(False, STOREY), (True, STOREY), (True, 4.0)])
def test_up_the_stairs_by_hand(open_stairs: bool, height: float) -> None:
    """Straight up: level run and the ramp through the steps; then around the opening by its corners; within 1 %."""
    scene = house_of_two_storeys(open_stairs, height)
    run = height / RISER * TREAD
    start, top = [1.0, 0.0, 0.5], [7.5, height, 0.5]
    straight = (7.5 - 1.0 - run) + run * SLOPE
    assert_allclose(geodesic_distance(scene, start, top), straight, rtol=0.01)
    assert_allclose(geodesic_distance(scene, top, start), straight, rtol=0.01)
    path = shortest_path(scene, start, top)
    assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1).sum(), straight, rtol=0.01)
    assert_allclose(path[[0, -1]], [start, top], atol=1e-4)
    assert np.all(np.diff(path[:, 1]) > -1e-6)
    # Up, round the end of the parapet 0.2 m away, and back above the room below.
    corner, goal = [2 + run + 0.2, 1.25 - 0.4], [3.0, height, 5.0]
    up = (corner[0] - 1.0 - run) + run * SLOPE
    back = math.hypot(goal[0] - corner[0], goal[2] - 1.05)
    around = geodesic_distance(scene, start, goal)
    assert up + back < around < 1.05 * (up + back)
    assert geodesic_distance(scene, [3.0, 0.0, 5.0], goal) > 10.0  # the floor between is no way


def test_fields_across_layers(house: Scene) -> None:
    """One slice a layer; looked up anywhere it is the exact path's length within 1 %, and paths are that long."""
    grid = walkable_grid(house)
    goal = np.array([6.5, STOREY, 4.5])
    field = distance_field(grid, goal)
    assert field.shape == (2, *grid.shape)
    points = random_points(grid, np.random.default_rng(0), 12)
    assert grid.is_free(points).all()
    found = field_lookup(field, grid, points)
    for point, length in zip(points, found, strict=True):
        exact = geodesic_distance(house, point, goal)
        assert_allclose(length, exact, rtol=0.01, atol=0.005)
        assert_allclose(geodesic_distance(house, goal, point), exact, rtol=2e-3)
        path = shortest_path(house, point, goal)
        assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1).sum(), exact, rtol=5e-3)
    pair = field_lookup(np.stack([field, 2 * field]), grid, points[:2])
    assert_allclose(pair, found[:2] * [1, 2], rtol=1e-5)
    with pytest.raises(NavigationError, match="within 1 m"):
        distance_field(grid, [20.0, 0.0, 2.0])


def test_points_belong_to_the_storey_below_them(house: Scene) -> None:
    """A telephone upstairs and a lamp under the ceiling snap to their own floors; points are drawn from all storeys."""
    grid = walkable_grid(house)
    assert_allclose(snap_point(grid, [4.0, 0.8, 4.0]), [4.0, 0.0, 4.0], atol=1e-5)
    assert_allclose(snap_point(grid, [4.0, 2.6, 4.0]), [4.0, 0.0, 4.0], atol=1e-5)
    assert_allclose(snap_point(grid, [4.0, 3.8, 4.0]), [4.0, STOREY, 4.0], atol=1e-5)
    assert_allclose(snap_point(grid, [-1.0, 4.0, 4.0]), [0.2, STOREY, 4.0], atol=0.03)
    assert_array_equal(grid.is_free([[4.0, 0.0, 4.0], [4.0, STOREY, 4.0], [4.0, 1.5, 4.0]]), [True, True, False])
    points = random_points(grid, np.random.default_rng(1), 2000)
    upstairs = points[:, 1] > STOREY - 0.01
    lower, upper = (layer.floor_y for layer in grid.layers)
    area = [own.sum() for own in grid.own_places()]
    level = (grid.own_places()[1] & (upper > STOREY - 0.01)).sum() / sum(area)
    assert_allclose(upstairs.mean(), level, atol=0.03)
    assert_array_equal(np.unique(grid.layer_of(points)), [0, 1])
    assert lower.min() == -np.inf


def test_a_storey_without_stairs_is_an_island() -> None:
    """Nothing leads up: two islands, no way between them; what stands there is no storey."""
    slab = ([0, 2.7, 0], [8, 3.0, 6])
    bed, table = ([1, 3.0, 1], [3, 3.5, 3]), ([5, 3.7, 1], [7.5, 3.75, 3])
    scene = solid(slab, bed, table, shell=(8, 5.7, 6))
    grid = walkable_grid(scene)
    assert grid.island_count == 2
    assert geodesic_distance(scene, [4, 0, 4], [4, 3, 4]) == math.inf
    assert not grid.is_free([[2.0, 3.5, 2.0], [6.0, 3.75, 2.0], [6.0, 3.0, 2.0]]).any()
    assert_allclose(np.unique(np.concatenate([x.floor_y[x.free] for x in grid.layers])), [0.0, 3.0], atol=1e-4)


def test_head_room_under_stairs() -> None:
    """Under open stairs one walks as far as the head fits: below treads whose underside is more than 1.5 m up."""
    grid = walkable_grid(house_of_two_storeys(open_stairs=True))
    under = [2 + k * TREAD + 0.125 for k in range(14)]
    room = np.array([(k + 1) * RISER - 0.1 for k in range(14)])
    free = grid.is_free([[x, 0.0, 0.5] for x in under])
    first = int(np.flatnonzero(room > 1.5 + 1e-6)[0])
    assert not free[2:first].any()  # on the first two treads one stands
    assert free[first + 1 :].all()


def test_a_noisy_scan_with_holes(house: Scene) -> None:
    """1 cm of noise, 3 % of the triangles missing, windings at random: the same storeys, lengths within 2 %."""
    import trimesh

    vertices, faces = trimesh.remesh.subdivide_to_size(house.vertices.astype(float), np.asarray(house.triangles), 0.15)
    mesh, rng = trimesh.Trimesh(vertices, faces, process=True), np.random.default_rng(0)
    faces = np.array(mesh.faces)[rng.random(len(mesh.faces)) > 0.03]
    turned = rng.random(len(faces)) < 0.5
    faces[turned] = faces[turned][:, ::-1]
    noisy = np.array(mesh.vertices) + rng.normal(0.0, 0.01, (len(mesh.vertices), 3))
    scene = scene_from_mesh(noisy.astype(np.float32), faces, materials="plaster")
    start, top = [1.0, 0.0, 0.5], [7.5, STOREY, 0.5]
    assert_allclose(geodesic_distance(scene, start, top), geodesic_distance(house, start, top), rtol=0.02)
    assert_allclose(walkable_grid(scene).navigable_area, walkable_grid(house).navigable_area, rtol=0.06)


def test_one_storey_is_as_it_was() -> None:
    """A furnished house whose rooms are not told has the grid of its one storey, as it is."""
    scene = dataclasses.replace(generate_house(1, rooms=3), rooms=())
    found, level = walkable_grid(scene), storey_grid(scene, floor_levels(scene)[0])
    assert found.layers == (found,)
    for name in ("free", "floor_y", "clearance", "island"):
        assert_array_equal(getattr(found, name), getattr(level, name))


@pytest.mark.parametrize("told", [(0.0, STOREY), (-0.08, 0.03, 2.93, 3.06), (0.0,), (-0.4, 0.02, 3.0)])
def test_floors_of_rooms_may_be_rough(house: Scene, told: tuple[float, ...]) -> None:
    """Rooms that say their floors exactly, as the boxes of a scan do, or of one storey alone: the grid is the same."""
    outline = ((0.0, 0.0), (0.0, 6.0), (8.0, 6.0), (8.0, 0.0))
    rooms = tuple(Room(k, "room", outline, y, 2.7) for k, y in enumerate(told))
    scene = dataclasses.replace(house, rooms=rooms)
    assert_allclose(floor_levels(scene), [0.0, STOREY][: len({y > 1 for y in told})], atol=1e-3)
    for found, expected in zip(walkable_grid(scene).layers, walkable_grid(house).layers, strict=True):
        assert_array_equal(found.free, expected.free)


def test_motion_climbs_and_descends(house: Scene, device: str) -> None:
    """Walking on, y follows the ramp through the steps within 3 cm; the wall at the end stops; back down as well."""
    bank = GridBank([walkable_grid(shoebox((3.0, 3.0, 3.0))), walkable_grid(house)], device)
    assert len(bank) == 2
    assert bank.free.shape[0] == 3
    index = torch.tensor([1, 0], dtype=torch.int32, device=device)
    position = torch.tensor([[1.0, 0.0, 0.5], [1.0, 0.0, 0.5]], device=device)
    ahead = torch.full((2,), 0.25, device=device)
    for towards, expected in ((-math.pi / 2, [7.8, STOREY, 0.5]), (math.pi / 2, [0.2, 0.0, 0.5])):
        yaw = torch.full((2,), towards, device=device)
        for _ in range(34):
            position = move(bank, index, position, yaw, ahead, 0.0 * ahead).position
            x, y, _ = position[0].cpu().tolist()
            ramp = np.clip((x - 2.0) * RISER / TREAD + RISER / 2, 0.0, STOREY)
            inside = 2.3 < x < 2 + RUN - 0.3
            assert abs(y - ramp) < (0.03 if inside else 0.12)
        assert_allclose(position[0].cpu(), expected, atol=0.06)
    assert position[1, 1] == 0.0


def test_rows_are_the_layers_of_the_feet(house: Scene, device: str) -> None:
    """The kernel finds the layer that NumPy finds."""
    grid = walkable_grid(house)
    bank = GridBank([walkable_grid(shoebox((3.0, 3.0, 3.0))), grid], device)
    points = random_points(grid, np.random.default_rng(2), 200)
    index = torch.ones(200, dtype=torch.int32, device=device)
    rows = rows_at(bank, index, torch.from_numpy(points).to(device))
    assert_array_equal(rows.cpu(), 1 + grid.layer_of(points))
    field = distance_field(grid, points[0])
    stacked = bank.pad(field).expand(200, -1, -1, -1)
    found = bank.lookup(stacked, index, torch.from_numpy(points).to(device))
    assert_allclose(found.cpu(), field_lookup(field, grid, points), rtol=1e-5)
    with pytest.raises(ValueError, match="as `pad` returns"):
        bank.lookup(stacked[:, 0], index, torch.from_numpy(points).to(device))


def test_follower_walks_to_other_storeys(house: Scene) -> None:
    """Up and down it arrives within its radius, on a way at most 8 % longer than the shortest one."""
    grid = walkable_grid(house)
    bank, rng = GridBank([grid]), np.random.default_rng(3)
    index = torch.zeros(1, dtype=torch.int32)
    for goal in ([6.5, STOREY, 4.5], [7.0, 0.0, 0.5]):
        follower, field = ShortestPathFollower(grid, goal), distance_field(grid, goal)
        for start in random_points(grid, rng, 6):
            position, yaw, walked = torch.from_numpy(start[None]), torch.zeros(1), 0.0
            for action in follower.actions(start, 0.0):
                turn = math.radians(15.0) * (int(action == 2) - int(action == 3)) * torch.ones(1)
                after = move(bank, index, position, yaw, 0.25 * torch.full((1,), float(action == 1)), turn)
                walked += float(torch.linalg.vector_norm(after.position - position))
                position, yaw = after.position, after.yaw
            left = float(field_lookup(field, grid, position.numpy())[0])
            assert left < 0.19
            assert abs(float(position[0, 1]) - goal[1]) < 0.05
            assert walked + left < 1.08 * field_lookup(field, grid, start) + 0.05


def test_masks_of_layers_are_labelled_anew(house: Scene) -> None:
    """A wall of blocked columns across the upper storey makes two islands, of which the stairs join one below."""
    grid = walkable_grid(house)
    masks = [np.array(layer.free) for layer in grid.layers]
    masks[1][:, int(grid.column([0.0, 3.0])[1])] &= grid.layers[1].floor_y[:, 60] < STOREY - 0.5
    cut = grid_with_masks(grid, masks, [layer.clearance for layer in grid.layers])
    assert cut.island_count == 2
    below, upstairs, behind = ([1.0, 0.0, 5.0], [7.5, STOREY, 0.5], [4.0, STOREY, 5.0])
    labels = [
        cut.layers[k].island[tuple(cut.column([p[0], p[2]]))]
        for k, p in zip(cut.layer_of([below, upstairs, behind]), (below, upstairs, behind), strict=True)
    ]
    assert labels[0] == labels[1] == 0
    assert labels[2] == 1


@pytest.mark.parametrize(("split", "seed"), [("train", 1), ("train", 5), ("val", 2), ("test", 3)])
def test_geodesics_of_houses_are_exact(split: str, seed: int) -> None:
    """Every place of a generated house, in columns of 20 cm: the length is the visibility graph's, far within 1 %."""
    house = generate_house(seed, rooms=3, split=split)
    free = np.array(walkable_grid(house).free[::4, ::4])
    cells = np.argwhere(free)
    goal = cells[np.random.default_rng(seed).integers(len(cells))] + 0.5
    exact = exact_lengths(free, goal)
    assert_allclose(AnyAngleMap(free, 1.0, (0.5, 0.5)).search([goal])[0].length, exact, rtol=1e-5, atol=2e-3)
    assert (exact[np.isfinite(exact)] > 5).mean() > 0.5


def test_large_scenes() -> None:
    """Up to 101 m columns are 5 cm wide, then they grow to 10 cm; beyond 200 m the error says so."""
    hall = walkable_grid(shoebox((90.0, 3.0, 4.0)))
    assert hall.cell == 0.05
    assert_allclose(geodesic_distance(shoebox((90.0, 3.0, 4.0)), [1, 0, 1], [89, 0, 3]), math.hypot(88, 2), rtol=1e-4)
    wide = walkable_grid(shoebox((150.0, 3.0, 4.0)))
    assert_allclose(wide.cell, 150 / 2030)
    assert_allclose(distance_field(wide, [1, 0, 2])[wide.free].max(), 148.8, atol=0.3)
    with pytest.raises(NavigationError, match="200 m a side"):
        walkable_grid(shoebox((250.0, 3.0, 4.0)))
