"""Motion: headings, sliding, collisions, walls, batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.navigation import GridBank, grid_from_mask, move, random_points, walkable_grid
from avi_env.scene import generate_house, scene_from_mesh, shoebox


def _move(bank: GridBank, position, yaw, forward, turn=0.0, index=0):
    count = len(position)
    like = {"dtype": torch.float32, "device": bank.device}
    fill = [torch.as_tensor(np.broadcast_to(v, count).copy(), **like) for v in (yaw, forward, turn)]
    scene_index = torch.as_tensor(np.broadcast_to(index, count).copy(), dtype=torch.int32, device=bank.device)
    return move(bank, scene_index, torch.as_tensor(np.asarray(position), **like), *fill)


@pytest.fixture(scope="module")
def box() -> GridBank:
    """One empty room."""
    return GridBank([walkable_grid(shoebox((6.0, 3.0, 4.0)))])


def test_headings(box: GridBank) -> None:
    """Yaw 0 walks along -Z, +90 degrees along -X: counter-clockwise seen from above."""
    out = _move(box, [[3.0, 0.0, 2.0]] * 4, np.radians([0.0, 90.0, 180.0, 270.0]), 0.25)
    expected = [[3, 0, 1.75], [2.75, 0, 2], [3, 0, 2.25], [3.25, 0, 2]]
    assert_allclose(out.position, expected, atol=1e-5)
    assert not out.collided.any()


def test_turning(box: GridBank) -> None:
    """A left turn adds to the yaw; yaw stays in (-pi, pi]; nothing moves."""
    start = np.radians([0.0, 170.0, -170.0])
    out = _move(box, [[3.0, 0.0, 2.0]] * 3, start, 0.0, np.radians([15.0, 15.0, -15.0]))
    assert_allclose(np.degrees(out.yaw.numpy()), [15.0, -175.0, 175.0], atol=1e-4)
    assert_allclose(out.position, [[3.0, 0.0, 2.0]] * 3)
    assert not out.collided.any()


def test_arc(box: GridBank) -> None:
    """Walking while turning follows a circle: a quarter of radius 1 ends one metre aside and one ahead."""
    out = _move(box, [[3.0, 0.0, 3.0]], 0.0, math.pi / 2, math.pi / 2)
    assert_allclose(out.position, [[2.0, 0.0, 2.0]], atol=2e-3)
    assert_allclose(out.yaw, [math.pi / 2], atol=1e-6)


@pytest.mark.parametrize("degrees", [5.0, 30.0, 60.0, 85.0])
def test_slides_along_a_wall(box: GridBank, degrees: float) -> None:
    """Against a wall the component into it is lost and the one along it kept: d cos(angle to the wall)."""
    yaw = math.radians(90.0 - degrees)  # towards -Z wall at z = 0, `degrees` off it, drifting to -X
    out = _move(box, [[4.0, 0.0, 0.23]], yaw, 1.0)
    assert_allclose(4.0 - out.position[0, 0], math.cos(math.radians(degrees)), atol=0.01)
    assert out.position[0, 2] >= 0.17
    assert bool(out.collided[0])


def test_slides_along_an_oblique_wall() -> None:
    """The same at a wall that is not along the grid: 45 degrees to a wall at 30 degrees keeps its tangent part."""
    tangent = np.array([math.cos(math.radians(30)), math.sin(math.radians(30))])
    ends = [4.0, 4.0] - 8 * tangent, [4.0, 4.0] + 8 * tangent
    room = shoebox((8.0, 3.0, 8.0))
    sheet = [[x, y, z] for x, z in ends for y in (0.0, 3.0)]
    scene = scene_from_mesh(
        np.concatenate([room.vertices, sheet]),
        np.concatenate([room.triangles, len(room.vertices) + np.array([[0, 1, 2], [1, 3, 2]])]),
        materials="plaster",
    )
    normal = np.array([-tangent[1], tangent[0]])
    bank = GridBank([walkable_grid(scene)])
    start = np.array([4.0, 4.0]) + 0.4 * normal - 0.5 * tangent
    heading = (tangent - normal) / math.sqrt(2)
    out = _move(bank, [[start[0], 0.0, start[1]]], math.atan2(-heading[0], -heading[1]), 1.5)
    walked = out.position[0, [0, 2]].numpy() - start
    assert bool(out.collided[0])
    assert_allclose(walked @ tangent, 1.5 / math.sqrt(2), rtol=0.12)
    assert (start + walked - 4.0) @ normal > 0.14


def test_head_on_stops(box: GridBank) -> None:
    """Straight into a wall nothing but the way up to it is left, however far the step."""
    out = _move(box, [[3.0, 0.0, 0.5]] * 2, 0.0, [0.25, 50.0])
    assert_allclose(out.position[0], [3.0, 0.0, 0.25], atol=1e-5)
    assert_allclose(out.position[1], [3.0, 0.0, 0.2], atol=0.03)
    assert_array_equal(out.collided, [False, True])


def test_backwards(box: GridBank) -> None:
    """A negative distance walks backwards."""
    assert_allclose(_move(box, [[3.0, 0.0, 2.0]], 0.0, -0.5).position, [[3.0, 0.0, 2.5]], atol=1e-5)


@pytest.mark.parametrize("seed", [0, 4])
def test_random_walks_stay_walkable_and_on_their_island(seed: int) -> None:
    """A thousand random arcs in a house end on free columns of the island on which they began."""
    grid = walkable_grid(generate_house(seed))
    bank = GridBank([grid])
    rng = np.random.default_rng(seed)
    position = random_points(grid, rng, 200)
    for _ in range(20):
        out = _move(bank, position, rng.uniform(-4, 4, 200), rng.uniform(-0.5, 1.5, 200), rng.uniform(-1, 1, 200))
        moved = np.linalg.norm(out.position.numpy() - position, axis=1)
        position = out.position.numpy()
        assert (moved <= 1.5 + 1e-4).all()
        columns = grid.column(position[:, [0, 2]])
        assert (grid.island[columns[:, 0], columns[:, 1]] == 0).all()


def test_nobody_squeezes_between_touching_corners() -> None:
    """Two blocked columns that touch at a corner let nobody through on the diagonal."""
    free = np.ones((4, 4), bool)
    free[1, 2] = free[2, 1] = False
    bank = GridBank([grid_from_mask(free, cell=1.0)])
    out = _move(bank, [[1.0, 0.0, 1.0]], math.atan2(-1, -1), 1.5)
    assert bool(out.collided[0])
    assert out.position[0, 0] < 1.6
    assert out.position[0, 2] < 1.6


def test_batch_is_the_single_moves(device: str) -> None:
    """f(x)[i] = f(x[i:i+1]) over scenes of different size, on every device."""
    grids = [walkable_grid(shoebox(size)) for size in ((6.0, 3.0, 4.0), (3.0, 3.0, 8.0))]
    bank = GridBank(grids, device)
    rng = np.random.default_rng(2)
    index = rng.integers(0, 2, 40)
    position = np.stack([random_points(grids[k], rng, 1)[0] for k in index])
    yaw, forward, turn = rng.uniform(-3, 3, 40), rng.uniform(0, 2, 40), rng.uniform(-1, 1, 40)
    together = _move(bank, position, yaw, forward, turn, index)
    for k in range(0, 40, 5):
        alone = _move(bank, position[k : k + 1], yaw[k], forward[k], turn[k], index[k])
        for one, all_ in zip(alone, together, strict=True):
            assert_array_equal(one[0].cpu(), all_[k].cpu())


def test_shapes_are_checked(box: GridBank) -> None:
    """A wrong shape is named."""
    one = torch.zeros(1)
    with pytest.raises(ValueError, match=r"move: forward must have shape \(1,\)"):
        move(box, torch.zeros(1, dtype=torch.int32), torch.zeros(1, 3), one, torch.zeros(2), one)
    with pytest.raises(ValueError, match="one cell size"):
        GridBank([grid_from_mask(np.ones((3, 3), bool)), grid_from_mask(np.ones((3, 3), bool), cell=0.1)])
