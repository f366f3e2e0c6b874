"""Where episodes lead to: places beside what sounds, a place on the floor, or any object of a category."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.navigation import WalkableGrid, distance_field, field_lookup, on_floor, snap_place
from avi_env.scene import Scene, SceneObject, emission_point
from avi_env.scene.furniture_catalog import FURNITURE_CATEGORIES
from avi_env.scene.rays import occluded
from avi_env.tasks.sources import Point, triple

__all__ = [
    "GOAL_CATEGORIES",
    "Goal",
    "category_objects",
    "category_points",
    "draw_category_goal",
    "goal_points",
    "nearest_object",
]

GOAL_CATEGORIES = FURNITURE_CATEGORIES
"""Categories that can be sought: all that the house generator furnishes with; not walls, doors and windows."""

_BESIDE = 0.3  # [m] further from the source than the nearest place to stand, and still beside it
_HEAD_HEIGHT = 1.25  # [m]
_DRAWS = 8  # categories tried before one is taken of which some object is near every start

Points = npt.NDArray[np.float32]


class Goal(NamedTuple):
    """What an episode leads to."""

    place: Point
    """Of the source, the object or the point [m]."""
    body: int
    """Id of the object, -1 = none."""
    sound: str
    """What it sounds like, "" = it is silent."""
    category: str
    """Of which any object will do, "" = none."""
    points: Points
    """Where one has arrived [m], shape (n, 3)."""


def goal_points(scene: Scene, grid: WalkableGrid, source: npt.ArrayLike) -> Points:
    """Returns the walkable points beside a source [m], shape (n, 3), the nearest one first: reaching any is arriving.

    They are those in sight of the source that are at most 0.3 m further from it than the nearest one, so that it does
    not matter from which side one comes up to a table. A source belongs to the storey whose floor is below it.

    Args:
        scene: the scene.
        grid: where agents walk in it.
        source: the source [m], shape (3,).
    """
    at = np.asarray(source, dtype=np.float64)
    place = snap_place(grid, at, island=0)
    storey = grid.layers[place.layer]
    nearest = on_floor(storey, place.xz)[0]
    columns = storey.center(np.argwhere(storey.island == 0))
    away = np.hypot(*(columns - at[[0, 2]]).T)
    beside = columns[away <= np.hypot(*(nearest[[0, 2]] - at[[0, 2]])) + _BESIDE]
    points = on_floor(storey, beside)
    heads = points + np.array([0.0, _HEAD_HEIGHT, 0.0], dtype=np.float32)
    seen = ~occluded(scene, np.broadcast_to(at, heads.shape), heads)
    return np.concatenate([nearest[None], points[seen]]).astype(np.float32)


def category_objects(scene: Scene, category: str) -> tuple[SceneObject, ...]:
    """Returns the objects of a category.

    Raises:
        ValueError: the scene has none.
    """
    found = tuple(obj for obj in scene.objects if obj.category == category)
    if not found:
        present = sorted({obj.category for obj in scene.objects} & set(GOAL_CATEGORIES))
        raise ValueError(f"scene {scene.name!r} has no object of category {category!r}; it has {', '.join(present)}")
    return found


def category_points(scene: Scene, grid: WalkableGrid, category: str) -> list[Points]:
    """Returns the walkable points beside each object of a category [m], shapes (n, 3)."""
    return [goal_points(scene, grid, emission_point(obj)) for obj in category_objects(scene, category)]


def draw_category_goal(
    scene: Scene, grid: WalkableGrid, rng: np.random.Generator, starts: npt.NDArray[np.floating], least: float
) -> tuple[Goal, Points]:
    """Draws a category of which no object is near some start, and returns it with the starts' distances to it [m].

    Args:
        scene: the scene.
        grid: where agents walk in it.
        rng: source of randomness.
        starts: from which it may be sought [m], shape (n, 3).
        least: distance that some start should have to all objects of the category [m].

    Raises:
        ValueError: the scene has no object that can be sought.
    """
    present = sorted({obj.category for obj in scene.objects} & set(GOAL_CATEGORIES))
    if not present:
        raise ValueError(f"scene {scene.name!r} has no object of a known category: see avi_env.tasks.GOAL_CATEGORIES")
    for category in rng.permutation(present)[:_DRAWS]:
        points = category_points(scene, grid, str(category))
        away = field_lookup(distance_field(grid, np.concatenate(points)), grid, starts)
        if np.any(np.isfinite(away) & (away >= least)):
            break
    return Goal((0.0, 0.0, 0.0), -1, "", str(category), np.concatenate(points)), away


def nearest_object(scene: Scene, grid: WalkableGrid, goal: Goal, start: npt.ArrayLike) -> Goal:
    """Returns the goal with the object of its category that is nearest to a start as its body, its points first.

    Args:
        scene: the scene.
        grid: where agents walk in it.
        goal: any object of a category.
        start: from which it is the nearest one by walking [m], shape (3,).
    """
    bodies, points = category_objects(scene, goal.category), category_points(scene, grid, goal.category)
    field = distance_field(grid, start)
    first = int(np.argmin([field_lookup(field, grid, beside).min() for beside in points]))
    ordered = np.concatenate([points[first], *points[:first], *points[first + 1 :]])
    return goal._replace(place=triple(emission_point(bodies[first])), body=bodies[first].id, points=ordered)
