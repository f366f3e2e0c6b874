"""Doors that turn during an episode: when, which, and where one can walk whatever they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from avi_env.navigation import WalkableGrid, grid_from_mask, walkable_grid
from avi_env.navigation.walkable import grid_with_masks
from avi_env.scene import Door, Scene, scene_doors, with_doors
from avi_env.scene.derived import derived
from avi_env.scene.doors import leaf_distance

__all__ = ["DoorEvent", "draw_door_events", "moving_doors", "openness_at", "passable_grid", "untouched_grid"]

DoorEvent = tuple[float, int, float]
"""(seconds since the first observation, portal id, openness 0 shut .. 1 open)."""

_HORIZON = 600.0  # [s] for which random events are drawn: 2400 steps


def draw_door_events(scene: Scene, rng: np.random.Generator, mean_seconds: float) -> tuple[DoorEvent, ...]:
    """Draws door movements for ten minutes: any door of the scene shuts, or opens where it is shut.

    Args:
        scene: the scene.
        rng: source of randomness.
        mean_seconds: mean time between two movements [s]; each lasts between half and one and a half of it.
    """
    stands = {door.portal: door.openness for door in scene_doors(scene)}
    portals, events, clock = sorted(stands), [], 0.0
    while portals:
        clock += mean_seconds * float(rng.uniform(0.5, 1.5))
        if clock > _HORIZON:
            break
        portal = portals[int(rng.integers(len(portals)))]
        stands[portal] = 0.0 if stands[portal] > 0.0 else 1.0
        events.append((round(clock, 6), portal, stands[portal]))
    return tuple(events)


def openness_at(events: Iterable[DoorEvent], seconds: float) -> dict[int, float]:
    """Returns how far the doors that have had an event by then should be open, by portal id."""
    return {portal: share for time, portal, share in sorted(events) if time <= seconds}


def moving_doors(scene: Scene, events: Iterable[DoorEvent]) -> tuple[Door, ...]:
    """Returns the doors of a scene that events turn.

    Raises:
        ValueError: a portal without a door; the message says what is missing.
    """
    portals = {portal for _, portal, _ in events}
    with_doors(scene, dict.fromkeys(portals, 0.0))
    return tuple(door for door in scene_doors(scene) if door.portal in portals)


def passable_grid(scene: Scene, moving: tuple[Door, ...], radius: float, height: float) -> WalkableGrid:
    """Returns where an agent can walk if the moving doors let it: through each frame, and where each leaf stood.

    Distances and rewards are measured on it, so that they do not jump when a door shuts.

    Raises:
        ValueError: a leaf reaches beyond the rest of the scene.
    """
    if not moving:
        return walkable_grid(scene, radius, height)
    portals = tuple(door.portal for door in moving)

    def build() -> WalkableGrid:
        ways = [walkable_grid(s, radius, height) for s in _extremes(scene, portals)]
        first = ways[0]
        if any(way.shape != first.shape or way.origin != first.origin for way in ways):
            raise ValueError(f"scene {scene.name!r}: the doors of portals {portals} reach beyond the scene's walls")
        sheets = _storeys_of(scene, ways)
        free = np.any([[layer.free for layer in way] for way in sheets], axis=0)
        clearance = np.max([[layer.clearance for layer in way] for way in sheets], axis=0)
        if first.above:
            return grid_with_masks(first, free, clearance)
        free, clearance = free[0], clearance[0]
        floor = np.max([way.floor_y for way in ways], axis=0)
        return grid_from_mask(free, first.origin, first.cell, floor, clearance, radius, height)

    return derived(scene, ("passable_grid", portals, radius, height), build)


def untouched_grid(scene: Scene, moving: tuple[Door, ...], radius: float, height: float) -> WalkableGrid:
    """Returns where an agent can walk without ever meeting a leaf of the moving doors, turning or shut."""
    if not moving:
        return walkable_grid(scene, radius, height)
    portals = tuple(door.portal for door in moving)

    def build() -> WalkableGrid:
        ways = [walkable_grid(s, radius, height) for s in _extremes(scene, portals)]
        sheets = _storeys_of(scene, ways)
        free = np.all([[layer.free for layer in way] for way in sheets], axis=0)
        for storey in free:  # of every storey: heights of leaves are not asked for
            columns = np.argwhere(storey)
            for door in moving:
                near = leaf_distance(door, 0.0, 1.0, ways[0].center(columns)) < radius + ways[0].cell
                storey[tuple(columns[near].T)] = False
        clearance = np.min([[layer.clearance for layer in way] for way in sheets], axis=0)
        if ways[0].above:
            return grid_with_masks(ways[0], free, clearance)
        free, clearance = free[0], clearance[0]
        return grid_from_mask(free, ways[0].origin, ways[0].cell, ways[0].floor_y, clearance, radius, height)

    return derived(scene, ("untouched_grid", portals, radius, height), build)


def _storeys_of(scene: Scene, ways: list[WalkableGrid]) -> list[tuple[WalkableGrid, ...]]:
    """The layers of some grids, of which all have equally many."""
    sheets = [way.layers for way in ways]
    if len({len(layers) for layers in sheets}) > 1:
        raise ValueError(
            f"scene {scene.name!r}: a turning door changes how storeys are joined: such doors cannot turn in episodes"
        )
    return sheets


def _extremes(scene: Scene, portals: tuple[int, ...]) -> tuple[Scene, ...]:
    """The scene with the doors as they stand, all shut, and all open."""
    shut: Mapping[int, float] = dict.fromkeys(portals, 0.0)
    return scene, with_doors(scene, shut), with_doors(scene, dict.fromkeys(portals, 1.0))
