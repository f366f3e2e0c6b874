"""The walkable grid as data: where an agent of a given radius and height can stand, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph

__all__ = ["CELL", "EXTRA_REACH", "STEP_HEIGHT", "NavigationError", "WalkableGrid", "grid_from_mask", "grid_with_masks"]

CELL = 0.05
"""Cell size [m] of scenes of up to 102 m: Habitat's default, a quarter of the agent's radius."""

EXTRA_REACH = 0.1
"""[m] beyond the radius to which clearance is known, for the direction in which agents slide."""

STEP_HEIGHT = 0.1
"""What an agent steps over [m]: rugs, thresholds."""

_NEAR_ABOVE = 0.3  # [m]; a floor this much above a point is still the point's own: feet of another simulator, steps

FloatArray = npt.NDArray[np.floating[Any]]


class NavigationError(ValueError):
    """A scene or a place on which an agent cannot walk; the message names the remedy."""


@dataclass(frozen=True, eq=False)
class WalkableGrid:
    """Where an agent's centre may be on one storey. Columns are squares of `cell` about their centres.

    A scene of several storeys has several layers, which share origin, cell, shape and the numbers of their islands. The
    arrays are those of the first, lowest one. Layers overlap: stairs belong to both storeys that they join.
    """

    origin: tuple[float, float]
    """World (x, z) of the centre of column (0, 0) [m]."""
    cell: float
    """Width of a column [m]."""
    free: npt.NDArray[np.bool_]
    """True where the agent's centre may be (eroded by its radius already), shape (nx, nz)."""
    floor_y: npt.NDArray[np.float32]
    """Height y of the floor [m], shape (nx, nz); -inf where there is none. Stairs are a smooth ramp if `sloped`."""
    clearance: npt.NDArray[np.float32]
    """Distance from the column's centre to the nearest obstacle [m], shape (nx, nz), capped 0.1 m above the radius."""
    island: npt.NDArray[np.int32]
    """Label of the connected part, 0 = the largest, -1 = not free, shape (nx, nz)."""
    agent_radius: float
    agent_height: float
    above: tuple[WalkableGrid, ...] = ()
    """The other layers, those of storeys from below, then what links them."""
    home: npt.NDArray[np.int8] | None = None
    """Layer in which each column's place is farthest from where the layer is cut, shape (nx, nz); None = one layer."""
    sloped: bool = False
    """Whether lengths of walks take the height of the floor into account: there are stairs or slopes."""

    @property
    def layers(self) -> tuple[WalkableGrid, ...]:
        """All layers, this grid the first of them."""
        return (self, *self.above)

    @property
    def shape(self) -> tuple[int, int]:
        """Columns along x and z."""
        return int(self.free.shape[0]), int(self.free.shape[1])

    @property
    def island_count(self) -> int:
        """Number of parts that are not connected with each other, over all layers."""
        return max(int(layer.island.max(initial=-1)) for layer in self.layers) + 1

    @property
    def navigable_area(self) -> float:
        """Free area of all layers [m^2], seen from above."""
        return sum(float(own.sum()) for own in self.own_places()) * self.cell**2

    def own_places(self) -> tuple[npt.NDArray[np.bool_], ...]:
        """Returns the free columns of each layer, shape (nx, nz), each place in one layer only."""
        return tuple(
            layer.free if layer.home is None else layer.free & (layer.home == number)
            for number, layer in enumerate(self.layers)
        )

    def column(self, xz: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the column indices (..., 2) of world (x, z) points (..., 2), not clipped to the grid."""
        points = np.asarray(xz, dtype=np.float64)
        return np.asarray(np.floor((points - np.array(self.origin)) / self.cell + 0.5), dtype=np.int64)

    def center(self, column: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the world (x, z) [m] of columns (..., 2)."""
        return np.array(self.origin) + np.asarray(column, dtype=np.float64) * self.cell

    def is_free(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Returns whether the agent's centre may be at world points (..., 2) of (x, z) or (..., 3) of feet (x, y, z).

        Of (x, z) it is asked on any layer; of feet, where there are several, on those whose floor is within 0.3 m.
        """
        places = np.asarray(points, dtype=np.float64)
        index = self.column(places[..., [0, -1]])
        inside = np.all((index >= 0) & (index < np.array(self.shape)), axis=-1)
        clipped = np.clip(index, 0, np.array(self.shape) - 1)
        there = np.zeros(inside.shape, dtype=bool)
        for layer in self.layers:
            free = layer.free[clipped[..., 0], clipped[..., 1]]
            if places.shape[-1] == 3 and self.above:
                floor = layer.floor_y[clipped[..., 0], clipped[..., 1]]
                free = free & (np.abs(floor - places[..., 1]) <= _NEAR_ABOVE)
            there |= free
        return np.asarray(inside & there)

    @cached_property
    def island_areas(self) -> npt.NDArray[np.float64]:
        """Area of each connected part [m^2], over all layers."""
        own = zip(self.layers, self.own_places(), strict=True)
        counts = [np.bincount(layer.island[free], minlength=max(self.island_count, 1)) for layer, free in own]
        return np.asarray(np.sum(counts, axis=0) * self.cell**2)

    def layer_of(self, points: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the layer of world points (n, 3): the one whose walkable floor is nearest, mostly from below."""
        places = np.atleast_2d(np.asarray(points, dtype=np.float64))
        if not self.above:
            return np.zeros(len(places), dtype=np.int64)
        index = np.clip(self.column(places[:, [0, 2]]), 0, np.array(self.shape) - 1)
        cost = np.full((len(self.layers), len(places)), np.inf)
        home = np.zeros(cost.shape, dtype=np.int64)
        for number, layer in enumerate(self.layers):
            if not layer.free.any():
                continue
            away, near = layer.nearest_free
            at = tuple(near[:, index[:, 0], index[:, 1]])
            aside = away[index[:, 0], index[:, 1]] * self.cell
            cost[number] = aside + height_cost(places[:, 1] - layer.floor_y[at])
            home[number] = number if layer.home is None else layer.home[at]
        return np.asarray(home[np.argmin(cost, axis=0), np.arange(len(places))])

    @cached_property
    def nearest_free(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Distance to this layer's nearest free column [columns], shape (nx, nz), and which it is, (2, nx, nz)."""
        away, near = ndimage.distance_transform_edt(~self.free, return_indices=True)
        return away, near


def height_cost(above: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Returns how far from its floor a point counts that is so much above it [m]: below a floor is another storey."""
    rise = np.asarray(above, dtype=np.float64)
    return np.where(rise < 0, -2.0 * rise, 0.25 * rise)


def grid_from_mask(
    free: npt.NDArray[np.bool_],
    origin: tuple[float, float] = (0.0, 0.0),
    cell: float = CELL,
    floor_y: npt.NDArray[np.float32] | None = None,
    clearance: npt.NDArray[np.float32] | None = None,
    agent_radius: float = 0.0,
    agent_height: float = 1.5,
) -> WalkableGrid:
    """Returns the grid of a mask that is known already, shape (nx, nz): labels its islands, largest first.

    `floor_y` defaults to 0; `clearance` to the distance to the nearest column that is not free.
    """
    free = np.ascontiguousarray(free, dtype=bool)
    floor = np.zeros(free.shape, np.float32) if floor_y is None else floor_y
    if clearance is None:
        steps = ndimage.distance_transform_edt(np.pad(free, 1))[1:-1, 1:-1]
        clearance = np.minimum((steps - 0.5).clip(0) * cell, agent_radius + EXTRA_REACH).astype(np.float32)
    labels, count = ndimage.label(free)  # 4-neighbours: nobody squeezes between two touching corners
    rank = np.full(count + 1, -1, dtype=np.int32)
    order = np.argsort(-np.bincount(labels.ravel(), minlength=count + 1)[1:], kind="stable")
    rank[1 + order] = np.arange(count)
    island = rank[labels]
    for array in (free, floor, clearance, island):
        array.setflags(write=False)
    return WalkableGrid(origin, cell, free, floor, clearance, island, agent_radius, agent_height)


def grid_with_masks(
    grid: WalkableGrid, free: Sequence[npt.NDArray[np.bool_]], clearance: Sequence[npt.NDArray[np.float32]]
) -> WalkableGrid:
    """Returns a grid of several layers in which other places are free, its islands labelled anew.

    Args:
        grid: gives layers, floors and which layer each place belongs to.
        free: True where the agent's centre may be, for each layer, shape (nx, nz).
        clearance: distance to the nearest obstacle [m], for each layer, shape (nx, nz).
    """
    masks = np.stack(free)
    home = np.stack([np.full(grid.shape, k) if x.home is None else x.home for k, x in enumerate(grid.layers)])
    masks = np.take_along_axis(masks, home.astype(np.int64), axis=0) & np.isfinite([x.floor_y for x in grid.layers])
    labels, total, links = np.zeros(masks.shape, dtype=np.int64), 1, []
    for number, mask in enumerate(masks):
        found, count = ndimage.label(mask)
        labels[number] = np.where(mask, found + total - 1, 0)
        total += count
    for number, mask in enumerate(masks):
        rows, columns = np.nonzero(mask & (home[number] != number))
        links.append(np.stack([labels[number][rows, columns], labels[home[number][rows, columns], rows, columns]]))
    a, b = np.concatenate(links, axis=1)
    joined = csgraph.connected_components(sparse.coo_matrix((np.ones(len(a)), (a, b)), (total, total)), directed=False)[
        1
    ]
    part = joined[labels]
    own = masks & (home == np.arange(len(masks))[:, None, None])
    rank = np.empty(joined.max() + 1, dtype=np.int32)
    rank[np.argsort(-np.bincount(part[own], minlength=len(rank)), kind="stable")] = np.arange(len(rank))
    island = np.where(masks, rank[part], -1).astype(np.int32)
    sheets = [
        replace(layer, free=masks[k], clearance=clearance[k], island=island[k], above=())
        for k, layer in enumerate(grid.layers)
    ]
    return replace(sheets[0], above=tuple(sheets[1:]))
