"""Walks of sound sources: from place to place on the floor, then they stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from avi_env.navigation import WalkableGrid, distance_field, field_lookup, goal_paths, random_points
from avi_env.navigation.points import Place, snap_place

__all__ = ["Walk", "draw_walk", "place_on_walk", "walk_length"]

Walk = tuple[tuple[float, float, float, float], ...]
"""Corners of a walk: (seconds since the first observation, x, y, z [m]), times rising; () = it stays."""

_LEGS = 3  # a walk through the house, and an end to what has to be baked: 10-40 m
_CANDIDATES = 12  # of which the one that is furthest to walk is the next place: another room, mostly
_REST_SECONDS = 2.0  # at every place on the way


def draw_walk(grid: WalkableGrid, rng: np.random.Generator, start: npt.ArrayLike, speed: float, height: float) -> Walk:
    """Draws a walk: three legs by shortest ways, each to the furthest of twelve random places, with rests between.

    Args:
        grid: where it can walk.
        rng: source of randomness.
        start: where it begins [m], world (x, y, z), on or above the floor.
        speed: [m/s].
        height: of the sound above the floor [m].
    """
    here = snap_place(grid, start)
    island = int(grid.layers[here.layer].island[tuple(grid.column(here.xz))])
    corners: list[tuple[float, float, float, float]] = []
    clock = 0.0
    for _ in range(_LEGS):
        places = random_points(grid, rng, _CANDIDATES, island)
        away = field_lookup(distance_field(grid, _on_layer(grid, here)), grid, places)
        to = snap_place(grid, places[int(np.argmax(np.where(np.isfinite(away), away, -1.0)))])
        points = goal_paths(grid, _on_layer(grid, to)).points(here).astype(np.float64)
        for number, point in enumerate(points):
            if number:
                leg = point - points[number - 1]
                clock += float(np.linalg.norm(leg) if grid.sloped else np.hypot(leg[0], leg[2])) / speed
            at = (round(clock, 6), float(point[0]), float(point[1]) + height, float(point[2]))
            if not corners or at[0] > corners[-1][0]:
                corners.append(at)
        here, clock = to, clock + _REST_SECONDS
    return tuple(corners)


def _on_layer(grid: WalkableGrid, place: Place) -> npt.NDArray[np.float64]:
    """World (x, y, z) of a place on the floor, shape (3,)."""
    layer = grid.layers[place.layer]
    return np.array([place.xz[0], layer.floor_y[tuple(layer.column(place.xz))], place.xz[1]])


def place_on_walk(walk: Walk, seconds: float) -> npt.NDArray[np.float64]:
    """Returns where a walk has come to [m], shape (3,); before it begins and after its end it stays."""
    table = np.array(walk, dtype=np.float64)
    return np.array([np.interp(seconds, table[:, 0], table[:, k]) for k in (1, 2, 3)])


def walk_length(walk: Sequence[tuple[float, float, float, float]]) -> float:
    """Returns the length of a walk [m]."""
    places = np.array(walk, dtype=np.float64)[:, 1:]
    return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum())
