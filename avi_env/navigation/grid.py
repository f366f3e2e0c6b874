"""The walkable grid of one storey: where an agent of a given radius and height can stand, from any triangle mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from avi_env.navigation.grid_files import grid_beside
from avi_env.navigation.raster import Raster, clearance_raster, floor_raster, raster_over, without_cavities
from avi_env.navigation.storeys import layered_grid
from avi_env.navigation.walkable import (
    CELL,
    EXTRA_REACH,
    STEP_HEIGHT,
    NavigationError,
    WalkableGrid,
    grid_from_mask,
)
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene

__all__ = ["CELL", "NavigationError", "WalkableGrid", "grid_from_mask", "storey_grid", "storey_levels", "walkable_grid"]

_WIDEST = 200.0  # [m] a side, where columns are 10 cm wide: half an agent's radius
_COLUMNS = 2030  # a side: what a search for shortest paths holds
_LEVEL_BIN = 0.05  # [m], resolution of the search for the floor's height
_LEVEL_DEPTH = 0.3  # [m], how far below the storey's level its floor may lie
_WALKABLE_NORMAL = 0.70710678  # cos 45 degrees, Habitat's agent_max_slope
_FLOOR_GAP = 4  # cells; gaps in the floor up to this are seams of the mesh (under a door), not pits

_SAME_STOREY = 0.5  # [m]; floors of rooms that differ by less are one storey's
_ROOF = 1.5  # [m]; a scene that reaches less far above its ceilings has no further storey
_STOREY_AREA = 2.0  # [m^2]; a smaller layer is a part of stairs

_ROUNDING = 1e-3  # distances that differ by less count as equal

FloatArray = npt.NDArray[np.floating[Any]]


def walkable_grid(scene: Scene, agent_radius: float = 0.2, agent_height: float = 1.5) -> WalkableGrid:
    """Returns where an agent can walk in a scene, on all storeys, built once per scene and body.

    A grid that `save_grid` has written beside the scene's file is used if it fits scene and body.

    Args:
        scene: any triangle scene.
        agent_radius: radius of the agent's body [m].
        agent_height: height of the agent's body [m]: what hangs above it does not block.

    Raises:
        NavigationError: the agent's size is none; the scene has no floor, none with room for it, or is more than 200 m
            across.
    """
    if not 0.0 <= agent_radius < np.inf:  # 0 = a point
        raise NavigationError(f"agent_radius must be a length of 0 m or more, not {agent_radius:g}")
    if not 0.0 < agent_height < np.inf:
        raise NavigationError(f"agent_height must be a length above 0 m, not {agent_height:g}")
    key = ("walkable_grid", float(agent_radius), float(agent_height))
    return derived(scene, key, lambda: _all_storeys(scene, float(agent_radius), float(agent_height)))


def _all_storeys(scene: Scene, agent_radius: float, agent_height: float) -> WalkableGrid:
    cell = _cell_of(scene)
    kept = grid_beside(scene, agent_radius, agent_height, cell)
    if kept is not None:
        return kept
    levels = floor_levels(scene)
    if not levels:
        raise NavigationError(
            f"scene {scene.name!r} has no floor: no horizontal triangles were found. The frame is +Y up; turn a mesh "
            f"that is +Z up, or add a floor."
        )
    base = next((g for y in levels if (g := storey_grid(scene, y, agent_radius, agent_height, cell)).free.any()), None)
    grid = base
    if not _says_one_storey(scene, levels):
        grid = layered_grid(scene, base, levels if scene.rooms else [], agent_radius, agent_height, cell) or base
    if grid is not None:
        return grid
    raise NavigationError(
        f"scene {scene.name!r} has no place for an agent of radius {agent_radius:g} m and height {agent_height:g} m: "
        f"floors at y = {', '.join(f'{level:.2f}' for level in levels)} m are blocked or too narrow. Use a smaller "
        f"agent_radius or agent_height, or check that the mesh is in metres."
    )


def _cell_of(scene: Scene) -> float:
    """Width of a scene's columns [m]."""
    span = np.ptp(scene.bounds[:, [0, 2]].astype(np.float64), axis=0) if len(scene.triangles) else np.zeros(2)
    if span.max() > _WIDEST:
        raise NavigationError(
            f"scene {scene.name!r} spans {span[0]:.5g} m x {span[1]:.5g} m: grids cover at most {_WIDEST:g} m a side. "
            f"Is it in metres? Else cut it into parts."
        )
    return max(CELL, float(span.max()) / _COLUMNS)


def _says_one_storey(scene: Scene, levels: list[float]) -> bool:
    """Whether the scene's rooms have one floor, and nothing is so far above them that it could be a storey more."""
    if not scene.rooms or len(levels) > 1:
        return False
    ceiling = max(room.floor_y + room.height for room in scene.rooms)
    return float(scene.bounds[1, 1]) - ceiling < _ROOF


def floor_levels(scene: Scene) -> list[float]:
    """Returns the heights y [m] at which a storey's floor may lie, most plausible first.

    The rooms say it where the scene has rooms; else those heights at which much horizontal area lies, from below. Where
    the floors of one storey's rooms differ, as the boxes about the rooms of a scan do, the mesh says where it is.
    """
    told = np.array(sorted({round(room.floor_y, 3) for room in scene.rooms}))
    if len(told) == 1:
        return [float(told[0])]
    corners = scene.vertices[scene.triangles].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    flat = np.abs(cross[:, 1]) / 2 > _WALKABLE_NORMAL * area  # either winding: scans are often turned inside out
    height, area = corners[flat, :, 1].mean(axis=1), area[flat]
    if len(told):
        storeys = np.split(told, np.flatnonzero(np.diff(told) >= _SAME_STOREY) + 1)
        return [_level_of(storey, height, area) for storey in storeys]
    return _peaks(height, area, 0.5) if np.any(area > 0) else []


def _level_of(told: npt.NDArray[np.float64], height: FloatArray, area: FloatArray) -> float:
    """Height y [m] of a storey whose rooms tell different floors: the nearest at which much area lies."""
    near = (height > told[0] - _LEVEL_DEPTH) & (height < told[-1] + _LEVEL_DEPTH) & (area > 0)
    if len(told) == 1 or not near.any():
        return float(np.median(told))
    return min(_peaks(height[near], area[near], 0.5), key=lambda level: abs(level - float(np.median(told))))


def _peaks(height: FloatArray, area: FloatArray, share: float) -> list[float]:
    """Heights y [m], from below, near which at least a share of the greatest horizontal area lies."""
    bins = np.floor((height - height.min()) / _LEVEL_BIN + 0.5).astype(int)
    total = np.bincount(bins, weights=area)
    near = np.convolve(total, np.ones(3))[1:-1]
    levels = [
        int(b) for b in np.flatnonzero(near >= share * near.max()) if near[b] == near[max(b - 1, 0) : b + 2].max()
    ]
    return [float(np.average(height[np.abs(bins - b) <= 1], weights=area[np.abs(bins - b) <= 1])) for b in levels]


def storey_levels(scene: Scene) -> list[float]:
    """Returns the heights y [m] of the floors of a scene's storeys, from below; empty if nobody can walk in it."""
    told = floor_levels(scene) if scene.rooms else []
    if _says_one_storey(scene, told):
        return told
    try:
        grid = walkable_grid(scene)
    except NavigationError:
        return []
    levels: list[float] = []
    for layer, own in zip(grid.layers, grid.own_places(), strict=True):
        if own.sum() * grid.cell**2 >= _STOREY_AREA:
            levels.append(float(np.median(layer.floor_y[own])))
    kept = sorted(levels)
    return [level for k, level in enumerate(kept) if k == 0 or level - kept[k - 1] >= grid.agent_height]


def storey_grid(
    scene: Scene, level: float, agent_radius: float = 0.2, agent_height: float = 1.5, cell: float = CELL
) -> WalkableGrid:
    """Returns where an agent can walk on the floor near height y = `level` [m]; `free` is empty where it cannot."""
    bounds = scene.bounds
    raster = raster_over(bounds[0, [0, 2]], bounds[1, [0, 2]], cell, margin=2 * cell)
    # Thin walls must block small agents too: a band of one cell and a little is closed to steps between neighbours.
    radius = max(agent_radius * (1 - _ROUNDING), cell / 2 * (1 + _ROUNDING))
    band = (level + STEP_HEIGHT, level + agent_height)
    reach = radius + EXTRA_REACH
    clearance = clearance_raster(scene.vertices, scene.triangles, raster, band, reach)
    floor_y = _floor_heights(scene, raster, level)
    on_floor = _far_from_edge(np.isfinite(floor_y), agent_radius / cell)
    free = on_floor & (clearance >= radius)
    rooms = free & without_cavities(clearance > cell / 2 * (1 + _ROUNDING), cell)
    free = rooms if rooms.any() else free
    return grid_from_mask(free, raster.origin, cell, floor_y, clearance, agent_radius, agent_height)


def _floor_heights(scene: Scene, raster: Raster, level: float) -> npt.NDArray[np.float32]:
    corners = scene.vertices[scene.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = np.abs(cross[:, 1]) > _WALKABLE_NORMAL * np.linalg.norm(cross, axis=1)
    band = (level - _LEVEL_DEPTH, level + STEP_HEIGHT)
    near = flat & (corners[..., 1].max(axis=1) >= band[0]) & (corners[..., 1].min(axis=1) <= band[1])
    floor = floor_raster(scene.vertices, scene.triangles[near], raster, band)
    solid = np.isfinite(floor)
    if not solid.any():
        return floor
    block = np.ones((3, 3), dtype=bool)
    padded = np.pad(solid, _FLOOR_GAP)
    closed = ndimage.binary_closing(padded, block, iterations=_FLOOR_GAP // 2)
    closed = closed[_FLOOR_GAP:-_FLOOR_GAP, _FLOOR_GAP:-_FLOOR_GAP]
    if np.any(closed & ~solid):
        nearest = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
        floor = np.where(closed, floor[tuple(nearest)], floor)
    return floor.astype(np.float32)


def _far_from_edge(floor: npt.NDArray[np.bool_], radius: float) -> npt.NDArray[np.bool_]:
    """Erodes a floor by a radius [cells]: an agent's body does not hang over an edge."""
    distance = ndimage.distance_transform_edt(np.pad(floor, 1))[1:-1, 1:-1]
    return np.asarray(distance > radius)
