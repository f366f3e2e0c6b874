"""Walking distance and shortest path between two points of a scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.navigation.any_angle import AnyAngle
from avi_env.navigation.fields import SNAP_LIMIT, goal_paths
from avi_env.navigation.grid import WalkableGrid, walkable_grid
from avi_env.navigation.points import horizontal, on_floor, snap_column
from avi_env.scene.model import Scene

__all__ = ["geodesic_distance", "path_points", "shortest_path"]

_OFF_CORNER = 1e-3  # [m]; bends lie this far off the corner, inside free columns
_STRAIGHT = 1e-6  # [m]; a bend that lengthens the path by less is none


def geodesic_distance(
    scene: Scene, a: npt.ArrayLike, b: npt.ArrayLike, agent_radius: float = 0.2, agent_height: float = 1.5
) -> float:
    """Returns the length of the shortest walk between two points of a scene [m], inf if there is none.

    Args:
        scene: the scene.
        a: world (x, y, z) [m], shape (3,). Points up to a metre off walkable ground stand for the nearest one on it.
        b: likewise.
        agent_radius: radius of the agent's body [m].
        agent_height: height of the agent's body [m].

    Raises:
        NavigationError: the scene has no floor to walk on.
    """
    ends = _ends(walkable_grid(scene, agent_radius, agent_height), a, b)
    return float("inf") if ends is None else ends[1].from_point(ends[0])[0]


def shortest_path(
    scene: Scene, a: npt.ArrayLike, b: npt.ArrayLike, agent_radius: float = 0.2, agent_height: float = 1.5
) -> npt.NDArray[np.float32]:
    """Returns the corner points of the shortest walk from `a` to `b` on the floor [m], shape (n, 3); n = 0 if none.

    Arguments and errors as `geodesic_distance`.
    """
    grid = walkable_grid(scene, agent_radius, agent_height)
    ends = _ends(grid, a, b)
    if ends is None:
        return np.zeros((0, 3), np.float32)
    return path_points(grid, ends[1], ends[0])


def _ends(grid: WalkableGrid, a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], AnyAngle] | None:
    start, goal = horizontal(a)[0], horizontal(b)[0]
    at, to = snap_column(grid, start), snap_column(grid, goal)
    if np.hypot(*(at - start)) > SNAP_LIMIT or np.hypot(*(to - goal)) > SNAP_LIMIT:
        return None
    if grid.island[tuple(grid.column(at))] != grid.island[tuple(grid.column(to))]:
        return None
    return at, goal_paths(grid, to)


def path_points(grid: WalkableGrid, paths: AnyAngle, start_xz: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Returns the corner points of the shortest walk from a walkable (x, z) to its goal [m], (n, 3); n = 0 if none."""
    _, root = paths.from_point(start_xz)
    if root < 0:
        return np.zeros((0, 3), np.float32)
    rows = paths.chain(root)
    points = np.concatenate([[start_xz], paths.root_xz[rows] - _OFF_CORNER * paths.root_side[rows]])
    kept = [0]
    for k in range(1, len(points) - 1):
        before, here, after = points[kept[-1]], points[k], points[k + 1]
        if np.hypot(*(here - before)) + np.hypot(*(after - here)) - np.hypot(*(after - before)) > _STRAIGHT:
            kept.append(k)
    return on_floor(grid, points[[*kept, len(points) - 1]])
