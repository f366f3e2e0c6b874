"""Stairs that wind above themselves: more layers than storeys."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import _box, solid
from numpy.testing import assert_allclose

from avi_env.navigation import ShortestPathFollower, geodesic_distance, shortest_path, walkable_grid
from avi_env.scene import Scene, scene_from_mesh

RISE, STEPS, INNER, OUTER = 3.0, 16, 0.3, 1.5


def _spiral(turns: int) -> Scene:
    """A spiral of steps about the origin, 3 m up a turn, from a ground of 8 m x 8 m to a platform beside it."""
    order = [[q[0], *pair] for q in ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
             for pair in ((q[1], q[2]), (q[2], q[3]))]  # fmt: skip
    vertices, triangles = [], []
    for k in range(turns * STEPS):
        angles, top = (2 * math.pi * k / STEPS, 2 * math.pi * (k + 1) / STEPS), (k + 1) * RISE / STEPS
        step = [
            [r * math.cos(a), top - d, r * math.sin(a)] for d in (0.0, 0.05) for r in (INNER, OUTER) for a in angles
        ]
        triangles.append(np.array(order) + 8 * k)
        vertices.append(step)
    for low_x, y in ((-4.0, 0.0), (1.4, turns * RISE)):
        corners = [[low_x, y, -4], [4, y, -4], [4, y, 4], [low_x, y, 4]]
        triangles.append(np.array([[0, 1, 2], [0, 2, 3]]) + sum(len(v) for v in vertices))
        vertices.append(corners)
    return scene_from_mesh(np.concatenate(vertices), np.concatenate(triangles), materials="plaster")


def _switchback() -> Scene:
    """Three storeys of 3.2 m, joined by stairs that turn back on a landing, the one above the other."""
    boxes = []
    for y in (0.0, 3.2):
        boxes += [([2 + k * 0.25, y, 0], [2.25 + k * 0.25, y + (k + 1) * 0.2, 1]) for k in range(7)]
        boxes += [([3.75, y + 1.4, 0], [4.75, y + 1.6, 2.1])]
        boxes += [
            ([3.5 - k * 0.25, y + 1.6 + k * 0.2, 1.1], [3.75 - k * 0.25, y + 1.8 + k * 0.2, 2.1]) for k in range(7)
        ]
        boxes += [([0, y + 3, 2.1], [8, y + 3.2, 6]), ([0, y + 3, 0], [2, y + 3.2, 2.1])]
        boxes += [([4.75, y + 3, 0], [8, y + 3.2, 2.1])]
    return solid(*boxes, shell=(8, 9.3, 6))


def _arrives(scene: Scene, start: list[float], goal: list[float], length: float) -> None:
    """There and back are equally long, the path is that long, and the follower walks it."""
    assert_allclose(geodesic_distance(scene, goal, start), length, rtol=4e-3)
    path = shortest_path(scene, start, goal)
    assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1).sum(), length, rtol=5e-3)
    assert_allclose(path[[0, -1]], [start, goal], atol=0.02)
    actions = ShortestPathFollower(walkable_grid(scene), goal).actions(start, 0.0)
    assert len(actions) < 2000
    assert (actions == 1).sum() * 0.25 < length + 0.5


def test_spiral_stairs() -> None:
    """Each turn is the helix an agent's radius off where the steps become steeper than 45 degrees, within 2 %."""
    scene = _spiral(turns=2)
    grid = walkable_grid(scene)
    assert len(grid.layers) > 2
    assert grid.island_count == 1
    place = [0.72 * math.cos(0.3), 1.2, 0.72 * math.sin(0.3)]
    turn = geodesic_distance(scene, place, [place[0], place[1] + RISE, place[2]])
    steepest = RISE / (2 * math.pi)  # [m], radius at which a turn rises by its length
    assert_allclose(turn, math.hypot(2 * math.pi * (steepest + 0.2), RISE), rtol=0.02)
    start, goal = [1.8, 0.0, 0.8], [3.0, 6.0, 0.0]
    length = geodesic_distance(scene, start, goal)
    assert 2 * math.hypot(2 * math.pi * (INNER + 0.2), RISE) < length < 15.0
    _arrives(scene, start, goal, length)


def test_three_storeys_and_landings() -> None:
    """Up two flights and a landing a storey: the rise at the flights' slope, and 0.5 m across at three turns."""
    scene = _switchback()
    grid = walkable_grid(scene)
    assert grid.island_count == 1
    start, goal = [1.0, 0.0, 0.5], [1.0, 6.4, 1.6]
    least = 6.4 * math.hypot(0.25, 0.2) / 0.2 + (1.875 - 1.0) + 3 * 0.5
    length = geodesic_distance(scene, start, goal)
    assert least < length < 1.1 * least
    _arrives(scene, start, goal, length)


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_stairs_at_any_angle_to_the_columns(angle: float) -> None:
    """Straight stairs turned about the vertical are as long as along the columns, within 1 %."""
    parts = [_box([2 + 0.25 * k, 0, 0], [6, 0.2 * (k + 1), 1.2]) for k in range(6)]
    parts += [_box([-1, -0.2, -2], [7, 0, 3])]
    start = np.cumsum([0, *(len(v) for v, _ in parts)])
    triangles = np.concatenate([t + s for (_, t), s in zip(parts, start, strict=False)])
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    scene = scene_from_mesh(np.concatenate([v for v, _ in parts]) @ turn.T, triangles, materials="plaster")
    a, b = turn @ [1.0, 0.0, 0.6], turn @ [5.0, 1.2, 0.6]
    assert_allclose(geodesic_distance(scene, a, b), 4.0 - 1.5 + 6 * math.hypot(0.25, 0.2), rtol=0.01)
