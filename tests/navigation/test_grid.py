"""The walkable grid: floor, head room, clearance, islands, from any mesh."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.navigation import NavigationError, grid_from_mask, walkable_grid
from avi_env.scene import generate_house, scene_from_mesh, shoebox


def test_empty_room_is_free_up_to_the_radius() -> None:
    """In an empty box the free area is the floor shrunk by the agent's radius, within half a cell a side."""
    grid = walkable_grid(shoebox((6.0, 3.0, 4.0)), agent_radius=0.2)
    assert_allclose(grid.navigable_area, 5.6 * 3.6, atol=0.05 * 2 * (5.6 + 3.6) / 2)
    assert grid.island_count == 1
    assert_allclose(grid.floor_y[grid.free], 0.0, atol=1e-6)
    assert grid.is_free([3.0, 2.0])
    assert not grid.is_free([0.1, 2.0])
    assert not grid.is_free([-5.0, 2.0])


def test_wall_without_thickness_blocks(room_with) -> None:
    """A single sheet across the room splits it into two islands, however small the agent."""
    vertices = [[3, 0, 0], [3, 0, 4], [3, 3, 4], [3, 3, 0]]
    room = shoebox((6.0, 3.0, 4.0))
    scene = scene_from_mesh(
        np.concatenate([room.vertices, vertices]),
        np.concatenate([room.triangles, len(room.vertices) + np.array([[0, 1, 2], [0, 2, 3]])]),
        materials="plaster",
    )
    for radius in (0.0, 0.01, 0.2):
        grid = walkable_grid(scene, agent_radius=radius)
        assert grid.island_count == 2
        left, right = (grid.island[tuple(grid.column([x, 2.0]))] for x in (1.0, 5.0))
        assert {left, right} == {0, 1}


@pytest.mark.parametrize("angle", np.deg2rad([0.0, 17.0, 45.0, 63.0, 90.0]))
def test_oblique_sheet_blocks_a_point(angle: float) -> None:
    """A sheet at any angle has no gap in the grid through which an agent of no size could pass."""
    along = np.array([np.sin(angle), np.cos(angle)]) * 9.0
    room = shoebox((6.0, 3.0, 6.0))
    ends = [3.0 - along[0], 3.0 - along[1]], [3.0 + along[0], 3.0 + along[1]]
    sheet = [[x, y, z] for x, z in ends for y in (0.0, 3.0)]
    scene = scene_from_mesh(
        np.concatenate([room.vertices, sheet]),
        np.concatenate([room.triangles, len(room.vertices) + np.array([[0, 1, 2], [1, 3, 2]])]),
        materials="plaster",
    )
    grid = walkable_grid(scene, agent_radius=0.0)
    normal = np.array([along[1], -along[0]])
    sides = [grid.island[tuple(grid.column(3.0 + s * normal / 9.0 * 1.5))] for s in (-1, 1)]
    assert min(sides) >= 0
    assert sides[0] != sides[1]


def test_head_room_and_steps(room_with) -> None:
    """What hangs above the head or lies flat on the floor does not block; a low table does."""
    lamp = ([1.0, 1.6, 1.0], [1.5, 2.0, 1.5])
    rug = ([2.5, 0.0, 1.0], [3.5, 0.03, 2.0])
    table = ([4.5, 0.4, 1.0], [5.0, 0.45, 1.5])
    grid = walkable_grid(room_with((6, 3, 4), lamp, rug, table), agent_height=1.5)
    assert grid.is_free([1.25, 1.25])
    assert grid.is_free([3.0, 1.5])
    assert_allclose(grid.floor_y[tuple(grid.column([3.0, 1.5]))], 0.03, atol=1e-6)
    assert not grid.is_free([4.75, 1.25])
    assert not grid.is_free([4.4, 1.25])
    tall = walkable_grid(room_with((6, 3, 4), lamp), agent_height=1.7)
    assert not tall.is_free([1.25, 1.25])


def test_gap_must_fit_the_agent(room_with) -> None:
    """A gap of 0.5 m lets an agent of radius 0.2 m through and stops one of 0.3 m."""
    walls = (([2.9, 0, 0], [3.1, 3, 1.75]), ([2.9, 0, 2.25], [3.1, 3, 4]))
    scene = room_with((6, 3, 4), *walls)
    assert walkable_grid(scene, agent_radius=0.2).island_count == 1
    assert walkable_grid(scene, agent_radius=0.3).island_count == 2


def test_inside_of_furniture_is_no_place(room_with) -> None:
    """The hollow inside of a tall cupboard is closed, though it has floor and head room."""
    grid = walkable_grid(room_with((6, 3, 4), ([2.0, 0.0, 1.0], [3.0, 2.0, 2.0])))
    assert not grid.is_free([2.5, 1.5])
    assert grid.island_count == 1


def test_winding_does_not_matter(room_with) -> None:
    """A mesh turned inside out has the same walkable grid."""
    boxes = (([2.0, 0.0, 1.0], [3.0, 0.8, 2.0]),)
    assert_array_equal(
        walkable_grid(room_with((6, 3, 4), *boxes)).free, walkable_grid(room_with((6, 3, 4), *boxes, flip=True)).free
    )


def test_foundation_is_not_the_floor(room_with) -> None:
    """Under a thick floor slab nobody walks: the floor is the slab's upper side."""
    slab = ([0.0, -0.6, 0.0], [6.0, 0.0, 4.0])
    scene = room_with((6, 3, 4), slab)
    grid = walkable_grid(scene)
    assert_allclose(grid.floor_y[grid.free], 0.0, atol=1e-6)


def test_edge_of_a_platform_is_not_walked_over() -> None:
    """On a floor without walls the agent's body stays over the floor."""
    floor = [[0, 0, 0], [0, 0, 4], [4, 0, 4], [4, 0, 0]]
    grid = walkable_grid(scene_from_mesh(np.array(floor, float), np.array([[0, 1, 2], [0, 2, 3]]), materials="plaster"))
    assert_allclose(grid.navigable_area, 3.6**2, atol=4 * 3.6 * 0.05)


def test_no_floor_is_a_clear_error() -> None:
    """A lone wall has no floor, and the message says what to do."""
    wall = np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0], [0, 3, 0]], float)
    scene = scene_from_mesh(wall, np.array([[0, 1, 2], [0, 2, 3]]), materials="plaster")
    with pytest.raises(NavigationError, match=r"no floor.*\+Y up"):
        walkable_grid(scene)


def test_no_room_for_the_agent_is_a_clear_error() -> None:
    """A room lower than the agent is refused with its size in the message."""
    with pytest.raises(NavigationError, match=r"height 1\.5 m"):
        walkable_grid(shoebox((4.0, 1.0, 4.0)))


def test_grid_is_built_once() -> None:
    """The same scene and body give the same object; another body another grid."""
    scene = shoebox((3.0, 3.0, 3.0))
    assert walkable_grid(scene) is walkable_grid(scene, 0.2, 1.5)
    assert walkable_grid(scene, 0.3) is not walkable_grid(scene)


def test_islands_are_ordered_by_size() -> None:
    """Island 0 is the largest; touching corners do not connect."""
    free = np.zeros((6, 6), bool)
    free[:2, :2] = True
    free[2:, 2:] = True
    grid = grid_from_mask(free)
    assert grid.island_count == 2
    assert grid.island[5, 5] == 0
    assert grid.island[0, 0] == 1
    assert grid.island[0, 5] == -1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rooms_of_houses_are_one_island(seed: int) -> None:
    """Every room of a generated house has walkable floor on the largest island."""
    house = generate_house(seed)
    grid = walkable_grid(house)
    centers = grid.center(np.argwhere(grid.island == 0))
    for room in house.rooms:
        polygon = np.array(room.polygon)
        inside = np.all((centers > polygon.min(axis=0)) & (centers < polygon.max(axis=0)), axis=1)
        assert inside.sum() * grid.cell**2 > 0.5, room.name
