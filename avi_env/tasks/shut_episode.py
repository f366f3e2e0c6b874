"""Episodes that begin with doors shut: which ones, and how far the goal is then."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.navigation import (
    ShortestPathFollower,
    WalkableGrid,
    distance_field,
    field_lookup,
    snap_place,
)
from avi_env.scene import Scene, scene_doors
from avi_env.tasks.door_events import moving_doors, passable_grid
from avi_env.tasks.episodes import Episode, arrival_points, meeting_points
from avi_env.tasks.goals import Goal, nearest_object
from avi_env.tasks.shut_doors import door_changes, shut_doors
from avi_env.tasks.sources import triple
from avi_env.tasks.walks import Walk

__all__ = ["Pace", "episode_behind_doors", "grid_about"]

_WALK_STEP = 0.25  # [m] between the places of a walk that are kept free


class Pace(NamedTuple):
    """How an agent moves."""

    forward: float
    """Length of a forward action [m]."""
    turn_deg: float
    """Angle of a turn action [degrees]."""
    step_seconds: float
    """Time of an action [s]."""


def episode_behind_doors(
    given: Scene,
    scene: Scene,
    episode: Episode,
    share: float,
    rng: np.random.Generator,
    size: tuple[float, float],
    pace: Pace,
) -> Episode:
    """Returns an episode with doors shut where that cuts off neither the goal nor anything that walks.

    Args:
        given: the scene as it is loaded.
        scene: the scene with its doors open, in which the episode was drawn.
        episode: the episode.
        share: chance of each such door to be shut, 0..1.
        rng: source of randomness.
        size: radius and height of the agent [m].
        pace: how it moves.
    """
    moving = moving_doors(scene, episode.door_events)
    grid = passable_grid(scene, moving, *size)
    goals = arrival_points(scene, grid, episode)
    sounding = {episode.goal_object, *(other.object for other in episode.distractors)}
    barred = {door.portal for door in scene_doors(scene) if sounding & {leaf.object for leaf in door.leaves}}
    barred |= {door.portal for door in moving}
    start, ways = episode.start_position, _others_ways(episode)
    shut = shut_doors(scene, grid, start, goals, ways, share, rng, barred)
    begun = replace(episode, doors=door_changes(given, shut))
    return begun if shut is scene else _measured(shut, begun, size, pace)


def grid_about(grid: WalkableGrid, start: npt.ArrayLike) -> WalkableGrid:
    """Returns a grid on which the part connected with a start has number 0, as the largest otherwise has.

    Behind shut doors it may not be the largest one, and goals are looked for on it.

    Args:
        grid: where agents walk.
        start: a walkable place [m], shape (3,).
    """
    place = snap_place(grid, start)
    layer = grid.layers[place.layer]
    number = int(layer.island[tuple(layer.column(place.xz))])
    if number == 0:
        return grid
    order = np.arange(grid.island_count)
    order[[0, number]] = number, 0
    above = tuple(replace(layer, island=_renamed(layer.island, order)) for layer in grid.above)
    return replace(grid, island=_renamed(grid.island, order), above=above)


def _renamed(island: npt.NDArray[np.int32], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    return np.where(island < 0, island, order[island]).astype(np.int32)


def _others_ways(episode: Episode) -> npt.NDArray[np.float64]:
    """Where sources are and walk [m], shape (n, 3)."""
    places = [np.array([episode.source_position])] if episode.sound else []
    places += [np.array([other.position]) for other in episode.distractors]
    places += [_along(walk) for walk in (episode.source_walk, *(d.walk for d in episode.distractors)) if walk]
    return np.concatenate([np.empty((0, 3)), *places])


def _along(walk: Walk) -> npt.NDArray[np.float64]:
    """Places of a walk [m], shape (n, 3)."""
    corners = np.array(walk)[:, 1:]
    legs = [np.linspace(a, b, 2 + int(np.linalg.norm(b - a) / _WALK_STEP)) for a, b in pairwise(corners)]
    return np.concatenate([corners[:1], *legs])


def _measured(scene: Scene, episode: Episode, size: tuple[float, float], pace: Pace) -> Episode:
    """Returns an episode with its distance and its oracle's actions as they are with its doors."""
    start = np.array(episode.start_position)
    moving = moving_doors(scene, episode.door_events)
    grid = grid_about(passable_grid(scene, moving, *size), start)
    points = arrival_points(scene, grid, episode)
    if episode.goal_category:
        goal = Goal(episode.source_position, episode.goal_object, "", episode.goal_category, points)
        goal = nearest_object(scene, grid, goal, start)
        episode, points = replace(episode, goal_object=goal.body, source_position=goal.place), goal.points
    meeting, distance = points, float(field_lookup(distance_field(grid, points), grid, start[None])[0])
    if episode.source_walk:
        speed = pace.forward / pace.step_seconds
        meeting, distance = meeting_points(scene, grid, start, episode.source_walk, speed)
    follower = ShortestPathFollower(grid, meeting, forward=pace.forward, turn_deg=pace.turn_deg)
    return replace(
        episode,
        goal_position=triple(points[0]),
        geodesic_distance=distance,
        oracle_actions=follower.action_count(start, episode.start_yaw),
    )
