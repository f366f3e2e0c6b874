"""Doors as an episode begins: all open, or shut wherever that cuts nobody's way off."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.navigation import WalkableGrid, distance_field, field_lookup, grid_from_mask
from avi_env.navigation.walkable import grid_with_masks
from avi_env.scene import Door, Scene, scene_doors, with_doors
from avi_env.scene.doors import leaf_distance
from avi_env.scene.variants import drawn_like

__all__ = ["DOORS", "check_doors", "door_changes", "opened", "shut_doors", "shut_share"]

DOORS = ("given", "open", "closed")
"""How doors stand as an episode begins; or a number, the share that is shut of those that can be."""

_BODY_GAP = 0.1  # [m] between a shut leaf and somebody who stands or walks by it, beyond their radius

Mask = npt.NDArray[np.bool_]


def check_doors(doors: str | float) -> None:
    """Checks an option.

    Raises:
        ValueError: neither one of `DOORS` nor a share from 0 to 1.
    """
    if isinstance(doors, str):
        if doors not in DOORS:
            raise name_error("doors", doors, DOORS)
    elif not 0.0 <= doors <= 1.0:
        raise ValueError(f"doors is one of {', '.join(DOORS)} or the share that is shut, 0..1, not {doors}")


def shut_share(doors: str | float) -> float:
    """Returns the share of doors that an option wants shut; those of "given" stay as they are."""
    return {"given": 0.0, "open": 0.0, "closed": 1.0}[doors] if isinstance(doors, str) else float(doors)


def opened(scene: Scene) -> Scene:
    """Returns the scene with all its doors open; the same is drawn in it as in the scene."""
    ajar = [door.portal for door in scene_doors(scene) if door.openness != 1.0]
    return drawn_like(with_doors(scene, dict.fromkeys(ajar, 1.0)), scene) if ajar else scene


def door_changes(scene: Scene, turned: Scene) -> tuple[tuple[int, float], ...]:
    """Returns the doors that stand otherwise than in a scene: (portal id, openness), for `with_doors`."""
    before = {portal.id: portal.openness for portal in scene.portals}
    return tuple((portal.id, portal.openness) for portal in turned.portals if portal.openness != before[portal.id])


def shut_doors(
    scene: Scene,
    grid: WalkableGrid,
    start: npt.ArrayLike,
    goals: npt.ArrayLike,
    kept_free: npt.ArrayLike,
    share: float,
    rng: np.random.Generator,
    barred: Collection[int] = (),
) -> Scene:
    """Returns the scene with doors shut, so that all goals can still be reached from the start, if by a longer way.

    Doors are tried in the order of their portals, so that the same way leaves the same doors open.

    Args:
        scene: with its doors open.
        grid: where one can walk in it.
        start: where somebody stands [m], shape (3,).
        goals: where they may want to go [m], shape (n, 3).
        kept_free: further places that no leaf may come to stand at, as on ways of others [m], shape (m, 3).
        share: chance of each door that can be shut to be, 0..1.
        rng: source of randomness.
        barred: portals whose doors stay as they are.
    """
    doors = [door for door in scene_doors(scene) if door.portal not in barred]
    wanted = [door for door, chance in zip(doors, rng.random(len(doors)), strict=True) if chance < share]
    stand, ends = np.reshape(start, (1, 3)), np.reshape(goals, (-1, 3))
    near = np.concatenate([stand, ends, np.reshape(kept_free, (-1, 3))])[:, [0, 2]]
    reach = grid.agent_radius + _BODY_GAP
    shut: list[Door] = []
    for door in wanted:
        if leaf_distance(door, 0.0, 0.0, near).min() >= reach and _reached(grid, [*shut, door], stand, ends):
            shut.append(door)
    return drawn_like(with_doors(scene, {door.portal: 0.0 for door in shut}), scene) if shut else scene


def _reached(
    grid: WalkableGrid, shut: Sequence[Door], start: npt.NDArray[np.float64], goals: npt.NDArray[np.float64]
) -> bool:
    """Whether ways lead from a start to all goals past shut doors."""
    layers = []
    for layer in grid.layers:
        free = layer.free.copy()
        columns = np.argwhere(free)
        for door in shut:
            near = leaf_distance(door, 0.0, 0.0, layer.center(columns)) < grid.agent_radius + 2 * grid.cell
            free[tuple(columns[near].T)] = False
        layers.append(free)
    blocked = _with_free(grid, layers)
    return bool(np.isfinite(field_lookup(distance_field(blocked, start), blocked, goals)).all())


def _with_free(grid: WalkableGrid, free: list[Mask]) -> WalkableGrid:
    clearance = [layer.clearance for layer in grid.layers]
    if grid.above:
        return grid_with_masks(grid, free, clearance)
    return grid_from_mask(
        free[0], grid.origin, grid.cell, grid.floor_y, clearance[0], grid.agent_radius, grid.agent_height
    )
