"""Walking distance and shortest path between two points of a scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.navigation.goal_paths import GoalPaths, goal_paths
from avi_env.navigation.grid import walkable_grid
from avi_env.navigation.points import SNAP_LIMIT, Place, place_points, snap_place
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.model import Scene

__all__ = ["geodesic_distance", "shortest_path"]


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
    return float("inf") if ends is None else ends[1].from_place(ends[0])


def shortest_path(
    scene: Scene, a: npt.ArrayLike, b: npt.ArrayLike, agent_radius: float = 0.2, agent_height: float = 1.5
) -> npt.NDArray[np.float32]:
    """Returns the corner points of the shortest walk from `a` to `b` on the floor [m], shape (n, 3); n = 0 if none.

    Up stairs and slopes there are corners also where the floor bends: a leg follows it within 2 cm.

    Arguments and errors as `geodesic_distance`.
    """
    ends = _ends(walkable_grid(scene, agent_radius, agent_height), a, b)
    return np.zeros((0, 3), np.float32) if ends is None else ends[1].points(ends[0])


def _ends(grid: WalkableGrid, a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[Place, GoalPaths] | None:
    start, goal = place_points(a)[0], place_points(b)[0]
    at, to = snap_place(grid, start), snap_place(grid, goal)
    if np.hypot(*(at.xz - start[[0, -1]])) > SNAP_LIMIT or np.hypot(*(to.xz - goal[[0, -1]])) > SNAP_LIMIT:
        return None
    islands = [grid.layers[place.layer].island[tuple(grid.column(place.xz))] for place in (at, to)]
    return (at, goal_paths(grid, goal)) if islands[0] == islands[1] else None
