"""Storeys as layers: a scene's places to stand, cut into overlapping sheets of one height per column."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from avi_env.navigation.layer_raster import clearance_over, footing
from avi_env.navigation.raster import raster_over, without_cavities
from avi_env.navigation.spans import (
    MAX_CLIMB,
    Spans,
    find_spans,
    graph_of,
    hops_from,
    linked,
    neighbours_of,
    parts_of,
    smooth_heights,
    with_gaps_closed,
)
from avi_env.navigation.walkable import EXTRA_REACH, STEP_HEIGHT, NavigationError, WalkableGrid
from avi_env.scene.model import Scene

__all__ = ["layered_grid"]

_LEVEL_BIN = 0.05  # [m]
_LEVEL_SHARE = 0.15  # of the largest storey's area; a smaller level is a landing or a platform
_LEVEL_GAP = 0.5  # [m]; levels nearer than this are one
_NEAR_LEVEL = 0.3  # [m]
_LEAST_STOREY = 4.0  # [m^2] of a storey that no stairs reach
_LEAST_PART, _LEAST_RISE = 2.0, 0.5  # [m^2], [m]; what is smaller and lower and not a storey's floor is furniture
_MOST_LAYERS = 64
_LEVEL = 0.02  # rise per run below which a floor is level
_LEAST_SHARE = 0.5  # [m^2]
_ROUNDING = 1e-3  # distances that differ by less count as equal


class _Layers(NamedTuple):
    """L sheets of places."""

    rows: list[npt.NDArray[np.int64]]
    """Places of each layer."""
    home: npt.NDArray[np.int64]
    """Layer in which each place is farthest from a cut, -1 = in none, shape (S,)."""


def layered_grid(
    scene: Scene, base: WalkableGrid | None, levels: list[float], agent_radius: float, agent_height: float, cell: float
) -> WalkableGrid | None:
    """Returns where an agent can walk on all storeys and what joins them, or None if there is only the base storey.

    Args:
        scene: any triangle scene.
        base: the lowest storey; None if it has no level place for the agent.
        levels: heights y [m] of the storeys' floors if the scene says them, else empty.
        agent_radius: radius of the agent's body [m].
        agent_height: height of the agent's body [m].
        cell: width of a column [m].

    Raises:
        NavigationError: the places wind around each other more often than layers can hold.
    """
    bounds = scene.bounds
    raster = raster_over(bounds[0, [0, 2]], bounds[1, [0, 2]], cell, margin=2 * cell)
    spans = find_spans(scene, raster, agent_height)
    spans = _connected_with(spans, base, levels)
    if not len(spans.y):
        return None
    levels = levels or _levels_of(spans)
    spans = _without_furniture(spans, levels)
    if base is not None and (_off_level(spans.y, [float(np.median(base.floor_y[base.free]))]) <= _NEAR_LEVEL).all():
        return None
    links = linked(spans)
    layers = _cut_into_layers(spans, links, levels, agent_radius)
    grid = _assembled(scene, spans, links, layers, levels, agent_radius, agent_height)
    return None if grid is None or (base is not None and not _has_more(grid, base)) else grid


def _connected_with(spans: Spans, base: WalkableGrid | None, levels: list[float]) -> Spans:
    """The places of the base storey, of all that steps lead to from there, and of storeys that none lead to."""
    if not len(spans.y):
        return spans
    part = parts_of(linked(spans), np.ones(len(spans.y), dtype=bool))
    size = np.bincount(part)
    area = size * spans.raster.spacing**2
    if base is None:
        kept = size == size.max()
    else:
        on_base = base.free.ravel()[spans.column] & (
            np.abs(spans.y - base.floor_y.ravel()[spans.column]) <= STEP_HEIGHT
        )
        kept = np.bincount(part[on_base], minlength=len(size)) > 0
    indoors = (np.bincount(part, spans.covered) > 0.5 * size) & (np.bincount(part, spans.hollow) < 0.5 * size)
    if levels:
        indoors = np.bincount(part, _off_level(spans.y, levels) <= _NEAR_LEVEL) > 0.5 * size
    return spans.only((kept | (indoors & (area >= _LEAST_STOREY)))[part])


def _off_level(y: npt.NDArray[np.floating], levels: list[float]) -> npt.NDArray[np.float64]:
    """Distance of heights to the nearest storey's floor [m]."""
    return np.asarray(np.min([np.abs(y.astype(np.float64) - level) for level in levels], axis=0))


def _levels_of(spans: Spans) -> list[float]:
    """Heights y [m] near which many places are, from below."""
    low = float(spans.y.min())
    bins = np.floor((spans.y - low) / _LEVEL_BIN + 0.5).astype(int)
    near = np.convolve(np.bincount(bins), np.ones(3))[1:-1]
    found: list[int] = []
    for b in np.argsort(-near, kind="stable"):
        if near[b] < _LEVEL_SHARE * near.max():
            break
        if all(abs(int(b) - other) * _LEVEL_BIN >= _LEVEL_GAP for other in found):
            found.append(int(b))
    return [float(np.median(spans.y[np.abs(bins - b) <= 1])) for b in sorted(found)]


def _without_furniture(spans: Spans, levels: list[float]) -> Spans:
    """The places without small things on the floor that an agent could climb, but that lead nowhere."""
    off = _off_level(spans.y, levels)
    part = parts_of(linked(spans), off > STEP_HEIGHT)
    inside = part >= 0
    count = int(part.max(initial=-1)) + 1
    area = np.bincount(part[inside], minlength=count) * spans.raster.spacing**2
    rise = np.zeros(count)
    np.maximum.at(rise, part[inside], off[inside])
    small = (area < _LEAST_PART) & (rise < _LEAST_RISE)
    kept = ~inside
    kept[inside] = ~small[part[inside]]
    return with_gaps_closed(spans.only(kept))


def _cut_into_layers(
    spans: Spans, links: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], levels: list[float], agent_radius: float
) -> _Layers:
    """One layer for each storey with the stairs as far as columns are free, and further ones where these part."""
    graph = graph_of(links, len(spans.y))
    seeds = _storeys(spans, levels)
    storey = np.full(len(spans.y), -1)
    for number, rows in enumerate(seeds):
        storey[rows] = number
    margin = int(np.ceil(1.5 * (agent_radius / spans.raster.spacing + 2)))
    sheets = [_grown(spans, graph, rows, (storey < 0) | (storey == k)) for k, rows in enumerate(seeds)]
    depths = [_depth(graph, links, rows) for rows in sheets]
    deepest = np.max(depths, axis=0)
    missing = deepest < margin
    while missing.any():
        if len(sheets) == _MOST_LAYERS:
            raise NavigationError(
                f"places to stand wind around each other in more than {_MOST_LAYERS} layers: the mesh is too noisy to "
                f"tell floors apart, or holds more storeys than a grid can; cut it into parts"
            )
        row = np.flatnonzero(missing)[:1]
        near = hops_from(graph, row, np.ones(len(storey), dtype=bool), 3 * margin) <= 3 * margin
        rows = _grown(spans, graph, row, (storey < 0) | near)
        sheets.append(rows)
        depths.append(_depth(graph, links, rows))
        missing &= depths[-1] < margin
        missing[row] = False
    return _Layers(sheets, np.where(np.max(depths, axis=0) > 0, np.argmax(depths, axis=0), -1))


def _storeys(spans: Spans, levels: list[float]) -> list[npt.NDArray[np.int64]]:
    """Places on the storeys' floors, from below; levels less than a storey apart that do not overlap are one."""
    heights = np.array(levels)
    nearest = np.argmin(np.abs(spans.y[:, None] - heights), axis=1)
    on_level = np.abs(spans.y - heights[nearest]) <= _NEAR_LEVEL
    storeys: list[npt.NDArray[np.int64]] = []
    highest: list[float] = []
    for number, level in enumerate(levels):
        rows = np.flatnonzero(on_level & (nearest == number))
        rows = rows[np.unique(spans.column[rows], return_index=True)[1]]
        if not len(rows):
            continue
        split = storeys and level - highest[-1] < 2 * _LEVEL_GAP
        if split and not np.isin(spans.column[rows], spans.column[storeys[-1]]).any():
            storeys[-1] = np.sort(np.concatenate([storeys[-1], rows]))
        else:
            storeys.append(rows)
            highest.append(level)
        highest[-1] = level
    return storeys or [np.arange(len(spans.y))[:1]]


def _grown(
    spans: Spans, graph: sparse.csr_matrix, seeds: npt.NDArray[np.int64], allowed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Seeds and all that links lead to from them, nearest first, as long as no column has two places."""
    taken = np.zeros(spans.raster.shape[0] * spans.raster.shape[1], dtype=bool)
    taken[spans.column[seeds]] = True
    found, frontier = [seeds], seeds
    while len(frontier):
        frontier = neighbours_of(graph, frontier)
        frontier = frontier[allowed[frontier] & ~taken[spans.column[frontier]]]
        frontier = frontier[np.unique(spans.column[frontier], return_index=True)[1]]
        taken[spans.column[frontier]] = True
        found.append(frontier)
    return np.sort(np.concatenate(found))


def _depth(
    graph: sparse.csr_matrix,
    links: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Number of links from each place of a layer to where links lead out of it, 0 for places of other layers."""
    inside = np.zeros(graph.shape[0], dtype=bool)
    inside[rows] = True
    a, b = links
    cut = np.unique(np.concatenate([a[inside[a] & ~inside[b]], b[inside[b] & ~inside[a]]]))
    return np.where(inside, 1 + hops_from(graph, cut, inside), 0)


def _assembled(
    scene: Scene,
    spans: Spans,
    links: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    layers: _Layers,
    levels: list[float],
    agent_radius: float,
    agent_height: float,
) -> WalkableGrid | None:
    """The layers' grids; each place is free as its home layer says, which knows all of its surroundings."""
    free = np.zeros(len(spans.y), dtype=bool)
    clearance = np.zeros(len(spans.y), dtype=np.float32)
    images = [spans.image(rows) for rows in layers.rows]
    around = []
    for number, image in enumerate(images):
        open_here, clear = _sheet(scene, spans, image, agent_radius, agent_height)
        rows = layers.rows[number]
        own = rows[layers.home[rows] == number]
        at = np.unravel_index(spans.column[own], image.shape)
        free[own], clearance[own] = open_here[at], clear[at]
        around.append(clear)
    part = parts_of(links, free)
    on_floor = np.bincount(part[free], _off_level(spans.y[free], levels) <= _NEAR_LEVEL) > 0
    free[free] = on_floor[part[free]]  # tops of beds and tables that nothing leads to are no islands
    return _grid_of(spans, links, layers, images, (free, clearance), around, agent_radius, agent_height)


def _sheet(
    scene: Scene, spans: Spans, image: npt.NDArray[np.int64], agent_radius: float, agent_height: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Where an agent's centre may be on one layer, and the distance to obstacles [m], shapes (nx, nz)."""
    cell = spans.raster.spacing
    radius = max(agent_radius * (1 - _ROUNDING), cell / 2 * (1 + _ROUNDING))
    floor = np.where(image >= 0, spans.y[image], -np.inf).astype(np.float32)
    edge, top = footing(floor, MAX_CLIMB, int(np.ceil((agent_radius + EXTRA_REACH) / cell)))
    nearest = tuple(ndimage.distance_transform_edt(image < 0, return_distances=False, return_indices=True))
    low, high = top[nearest] + STEP_HEIGHT, floor[nearest] + agent_height
    clearance = clearance_over(scene.vertices, scene.triangles, spans.raster, low, high, radius + EXTRA_REACH)
    free = (image >= 0) & (edge > max(agent_radius / cell, 1.0)) & (clearance >= radius)
    rooms = free & without_cavities(clearance > cell / 2 * (1 + _ROUNDING), cell)
    return (rooms if rooms.any() else free), clearance


def _grid_of(
    spans: Spans,
    links: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    layers: _Layers,
    images: list[npt.NDArray[np.int64]],
    places: tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]],
    around: list[npt.NDArray[np.float32]],
    agent_radius: float,
    agent_height: float,
) -> WalkableGrid | None:
    free, clearance = places
    island = _islands(links, free)
    height = smooth_heights(spans, links)
    a, b = links
    both = free[a] & free[b]
    sloped = bool(np.any(np.abs(height[a[both]] - height[b[both]]) > _LEVEL * spans.raster.spacing))
    kept = [number for number, image in enumerate(images) if free[image[image >= 0]].any()]
    if not kept:
        return None
    number_of = np.full(len(images) + 1, -1, dtype=np.int8)
    number_of[kept] = np.arange(len(kept))
    sheets = []
    for number in kept:
        image, inside = images[number], images[number] >= 0
        arrays = (
            inside & free[image],
            np.where(inside, height[image], -np.inf).astype(np.float32),
            np.where(inside, clearance[image], around[number]).astype(np.float32),
            np.where(inside, island[image], -1).astype(np.int32),
            np.where(inside, number_of[layers.home[image]], number_of[number]).astype(np.int8),
        )
        for array in arrays:
            array.setflags(write=False)
        open_, floor, clear, labels, home = arrays
        sheets.append(
            WalkableGrid(
                spans.raster.origin,
                spans.raster.spacing,
                open_,
                floor,
                clear,
                labels,
                agent_radius,
                agent_height,
                home=home if len(kept) > 1 else None,
                sloped=sloped,
            )
        )
    return replace(sheets[0], above=tuple(sheets[1:]))


def _islands(
    links: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], free: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Number of the connected part of each free place, 0 = the largest, -1 = not free, shape (S,)."""
    part = parts_of(links, free)
    size = np.bincount(part[free], minlength=1)
    rank = np.empty(len(size), dtype=np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    return np.where(free, rank[part], -1)


def _has_more(grid: WalkableGrid, base: WalkableGrid) -> bool:
    """Whether half a square metre of a grid is on other heights than the base storey's."""
    level = float(np.median(base.floor_y[base.free]))
    own = zip(grid.layers, grid.own_places(), strict=True)
    other = sum(int((np.abs(layer.floor_y[places] - level) > _NEAR_LEVEL).sum()) for layer, places in own)
    return other * grid.cell**2 > _LEAST_SHARE
