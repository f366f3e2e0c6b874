"""Shortest paths and motion against closed forms.

Lengths among squares are exact: bends lie at corners of blocked squares. Around a true corner an agent of radius r
walks tangents and an arc; the grid samples that arc in squares of half-width h: each bend moves by less than h sqrt(2).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.navigation import any_angle_field, distance_field, geodesic_distance, grid_from_mask, shortest_path
from avi_env.navigation import field_lookup as look
from avi_env.scene import scene_from_mesh, shoebox

CELL = 0.05
ONE_PERCENT = 0.01
# Squares: the solver works in float32 cells; 12 m are 240 cells, whose rounding is 240 * 2^-23 cells a leg.
EXACT = 1e-4


def _edge(column: int) -> float:
    """World coordinate of the lower side of a column of a mask whose column 0 is centred at 0."""
    return (column - 0.5) * CELL


def _polyline(*points: tuple[float, float]) -> float:
    return float(np.hypot(*np.diff(np.array(points), axis=0).T).sum())


def test_free_plane_is_euclid() -> None:
    """Without obstacles length = |p - goal| everywhere, with the goal off the columns' centres."""
    goal = np.array([3.217, 4.601])
    field = any_angle_field(np.ones((240, 240), bool), CELL, goal)
    x = np.arange(240) * CELL
    assert_allclose(field.length, np.hypot(x[:, None] - goal[0], x[None] - goal[1]), atol=EXACT)


def test_l_corner() -> None:
    """L-shaped room: behind the inner corner c, length = |goal - c| + |c - p|."""
    free = np.ones((200, 200), bool)
    free[100:, 100:] = False
    goal, corner = (1.0, 9.0), (_edge(100), _edge(100))
    field = any_angle_field(free, CELL, goal)
    for i, j in ((199, 99), (199, 60), (160, 80), (180, 90)):
        p = (i * CELL, j * CELL)
        assert_allclose(field.length[i, j], _polyline(goal, corner, p), atol=EXACT)
        assert field.bend_count[field.root[i, j]] == 1


def test_two_corners_around_a_wall() -> None:
    """Around the end of a thick wall: two bends, at its two corners."""
    free = np.ones((240, 240), bool)
    free[100:104, :200] = False
    goal, p = (2.0, 2.0), (8.0, 2.0)
    field = any_angle_field(free, CELL, goal)
    ends = ((_edge(100), _edge(200)), (_edge(104), _edge(200)))
    assert_allclose(field.length[160, 40], _polyline(goal, *ends, p), atol=EXACT)
    assert field.bend_count[field.root[160, 40]] == 2


def test_door_gap() -> None:
    """Through a gap in a wall: straight where the line passes it, else bent at the jamb's nearer corners."""
    free = np.ones((200, 200), bool)
    free[100:102] = False
    free[100:102, 90:108] = True
    goal = (2.0, 2.0)
    field = any_angle_field(free, CELL, goal)
    jambs = [((_edge(100), _edge(k)), (_edge(102), _edge(k))) for k in (90, 108)]
    for i, j in ((120, 10), (199, 60), (110, 199), (199, 150)):
        p = (i * CELL, j * CELL)
        ways = [(), *((corner,) for jamb in jambs for corner in jamb), *jambs]
        lengths = [_polyline(goal, *way, p) for way in ways if _passes(free, goal, *way, p)]
        assert_allclose(field.length[i, j], min(lengths), atol=EXACT)


def _passes(free: np.ndarray, *points: tuple[float, float]) -> bool:
    """Whether a polyline stays in free columns, by dense sampling; its bends may touch corners."""
    for a, b in itertools.pairwise(np.array(points)):
        steps = np.linspace(1e-5, 1 - 1e-5, 20000)[:, None]
        index = np.floor((a + steps * (b - a)) / CELL + 0.5 + 1e-9).astype(int)
        if not free[index[:, 0], index[:, 1]].all():
            lower = np.floor((a + steps * (b - a)) / CELL + 0.5 - 1e-9).astype(int)
            if not (free[index[:, 0], index[:, 1]] | free[lower[:, 0], lower[:, 1]]).all():
                return False
    return True


def test_spiral() -> None:
    """A square spiral: the path bends at the inner end of each of its walls and nowhere else."""
    free = np.ones((120, 120), bool)
    free[20:22, :100] = False  # wall A, open at high z
    free[40:42, 20:] = False  # wall B, open at low z
    free[60:62, :100] = False
    free[80:82, 20:] = False
    goal = (0.5, 0.5)
    field = any_angle_field(free, CELL, goal)
    bends: list[tuple[float, float]] = []
    for start, z in ((20, 100), (40, 20), (60, 100), (80, 20)):
        bends += [(_edge(start), _edge(z)), (_edge(start + 2), _edge(z))]
    p = (110 * CELL, 100 * CELL)
    assert_allclose(field.length[110, 100], _polyline(goal, *bends, p), atol=2 * EXACT)
    assert field.bend_count[field.root[110, 100]] == 8


def test_goal_set_is_the_nearest_goal() -> None:
    """The distance to a set is the least distance to its members: |p - a| and |p - b| in a plane."""
    goals = np.array([[1.0, 1.0], [9.0, 8.0]])
    field = any_angle_field(np.ones((200, 200), bool), CELL, goals)
    x = np.arange(200) * CELL
    each = [np.hypot(x[:, None] - g[0], x[None] - g[1]) for g in goals]
    assert_allclose(field.length, np.minimum(*each), atol=EXACT)


def test_triangle_inequality_and_unit_slope() -> None:
    """|grad length| <= 1: neighbouring free columns differ by their distance at most (Eikonal equation)."""
    rng = np.random.default_rng(0)
    free = rng.random((100, 100)) > 0.3
    length = any_angle_field(free, CELL, np.argwhere(free)[0] * CELL).length
    both = np.isfinite(length[:-1]) & np.isfinite(length[1:])
    assert np.abs(length[1:][both] - length[:-1][both]).max() <= CELL + EXACT


@pytest.mark.parametrize("turn", [0.0, 30.0, 45.0, 77.0])
def test_around_a_corner_with_radius(turn: float) -> None:
    """Agent of radius r around the end of a thin wall, at any angle to the grid: two tangents and an arc, within 1 %.

    With the wall's end at the origin and both ends at distance d, angle a from the wall, the way turns around it by
    2 pi - 2 a - 2 acos(r/d): length = 2 sqrt(d^2 - r^2) + r (2 pi - 2 a - 2 acos(r / d)).
    """
    r, d, a = 0.2, 3.0, math.radians(25.0)
    angle = math.radians(turn)
    end = np.array([5.0, 5.0])
    along = np.array([math.cos(angle), math.sin(angle)])  # the wall runs from its end along this
    room = shoebox((10.0, 3.0, 10.0))
    sheet = [[x, y, z] for x, z in (end, end + 20 * along) for y in (0.0, 3.0)]
    scene = scene_from_mesh(
        np.concatenate([room.vertices, sheet]),
        np.concatenate([room.triangles, len(room.vertices) + np.array([[0, 1, 2], [1, 3, 2]])]),
        materials="plaster",
    )
    across = np.array([-along[1], along[0]])
    p, q = (end + d * (math.cos(a) * along + s * math.sin(a) * across) for s in (-1, 1))
    length = 2 * math.sqrt(d**2 - r**2) + r * (2 * math.pi - 2 * a - 2 * math.acos(r / d))
    found = geodesic_distance(scene, [p[0], 0, p[1]], [q[0], 0, q[1]], agent_radius=r)
    assert_allclose(found, length, rtol=ONE_PERCENT)
    path = shortest_path(scene, [p[0], 0, p[1]], [q[0], 0, q[1]], agent_radius=r)
    gap = np.hypot(path[1:-1, 0] - end[0], path[1:-1, 2] - end[1])
    assert_allclose(gap, r, atol=CELL)


def test_distance_along_a_walk_falls_by_its_length() -> None:
    """Walking the shortest path, the looked-up distance falls by what is walked: d(p_k) = remaining length."""
    free = np.ones((200, 200), bool)
    free[100:110, :160] = False
    grid = grid_from_mask(free)
    field = distance_field(grid, [1.0, 1.0])
    bends = [(8.0, 1.0), (_edge(110), _edge(160)), (_edge(100), _edge(160)), (1.0, 1.0)]
    for k in range(3):
        a, b = np.array(bends[k]), np.array(bends[k + 1])
        for t in (0.1, 0.5, 0.9):
            p = a + t * (b - a)
            rest = np.hypot(*(b - p)) + _polyline(*bends[k + 1 :]) if k < 2 else np.hypot(*(b - p))
            found = look(field, grid, np.array([p[0], 0.0, p[1]], np.float32))
            assert_allclose(found, rest, rtol=ONE_PERCENT, atol=0.01)
