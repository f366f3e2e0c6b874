"""Places on a walkable grid: the nearest one, a random one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.navigation.walkable import NavigationError, WalkableGrid, height_cost

__all__ = [
    "SNAP_LIMIT",
    "Place",
    "on_floor",
    "place_points",
    "random_point",
    "random_points",
    "snap_place",
    "snap_places",
    "snap_point",
]

SNAP_LIMIT = 1.0
"""Goals that stand where nobody can walk (on a table) count as their nearest walkable point within this [m]."""

_NOOK_AREA = 1.0  # [m^2]
_RIM = 1e-3  # share of a column kept free at its rim, so that rounding cannot push a snapped point out


class Place(NamedTuple):
    """A walkable place: a point on one layer of a grid, the one in which it is farthest from a cut."""

    layer: int
    xz: npt.NDArray[np.float64]
    """World (x, z) [m], shape (2,)."""


def place_points(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Returns world points (x, y, z) or (x, z), checked, shape (n, 3) or (n, 2)."""
    array = np.atleast_2d(np.asarray(points, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] not in (2, 3) or not len(array):
        raise ValueError(f"points are (x, y, z) or (x, z), shape (n, 3) or (n, 2) with n >= 1, not {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"points contain NaN or infinity: {array[~np.isfinite(array).all(axis=1)][:3].tolist()}")
    return array


def on_floor(grid: WalkableGrid, xz: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns world points (n, 3) on the floor of a grid's own layer below or above (x, z) points (n, 2)."""
    points = np.atleast_2d(np.asarray(xz, dtype=np.float64))
    index = np.clip(grid.column(points), 0, np.array(grid.shape) - 1)
    y = grid.floor_y[index[:, 0], index[:, 1]]
    return np.stack([points[:, 0], y, points[:, 1]], axis=1).astype(np.float32)


def snap_place(grid: WalkableGrid, point: npt.ArrayLike, island: int | None = None) -> Place:
    """Returns the walkable place nearest to a world point (x, y, z) or (x, z), itself where it is walkable.

    On a grid of several layers a point belongs to the floor nearest below it; (x, z) belongs to the first layer.
    Without `island`, nooks nobody can reach (less than a square metre between furniture) attract no point from outside.

    Raises:
        NavigationError: nothing is walkable there.
    """
    at = place_points(point)[0]
    found: list[tuple[float, Place]] = []
    for number, layer in enumerate(grid.layers):
        xz = _nearest(layer, at[[0, -1]], island, grid.island_areas)
        if xz is None:
            continue
        column = tuple(layer.column(xz))
        cost = float(np.hypot(*(xz - at[[0, -1]])))
        if len(at) == 3 and grid.above:
            cost += float(height_cost(at[1] - layer.floor_y[column]))
        found.append((cost, Place(number if layer.home is None else int(layer.home[column]), xz)))
    if not found:
        raise NavigationError(f"the grid has no walkable place{'' if island is None else f' on island {island}'}")
    return min(found, key=lambda pair: pair[0])[1]


def snap_places(grid: WalkableGrid, points: npt.ArrayLike) -> list[Place]:
    """Returns `snap_place` of many points, shape (n, 3) or (n, 2), those that are walkable themselves at once.

    Raises:
        NavigationError: nothing is walkable there.
    """
    at = place_points(points)
    if grid.above:
        return [snap_place(grid, point) for point in at]
    xz = at[:, [0, -1]]
    column = grid.column(xz)
    inside = np.all((column >= 0) & (column < grid.shape), axis=1)
    clipped = np.clip(column, 0, np.array(grid.shape) - 1)
    here = inside & (grid.island[clipped[:, 0], clipped[:, 1]] >= 0)
    return [Place(0, own) if free else snap_place(grid, own) for own, free in zip(xz, here, strict=True)]


def _nearest(
    grid: WalkableGrid, xz: npt.NDArray[np.float64], island: int | None, areas: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """The nearest walkable (x, z) of a grid's own layer, None if there is none."""
    column = grid.column(xz)
    if np.all((column >= 0) & (column < grid.shape)):
        here = grid.island[tuple(column)]
        if here >= 0 and (island is None or here == island):
            return np.asarray(xz, dtype=np.float64)
    allowed = grid.island == island
    if island is None:
        large = (areas >= _NOOK_AREA) | (np.arange(len(areas)) == 0)
        allowed = grid.free & large[grid.island]
        allowed = allowed if allowed.any() else grid.free
    if not allowed.any():
        return None
    centers = grid.center(np.argwhere(allowed))
    half = grid.cell * (0.5 - _RIM)
    nearest = np.clip(xz, centers - half, centers + half)
    return np.asarray(nearest[np.argmin(np.sum((nearest - xz) ** 2, axis=1))])


def snap_point(grid: WalkableGrid, point: npt.ArrayLike, island: int | None = None) -> npt.NDArray[np.float32]:
    """Returns the walkable point nearest to a world point (x, y, z), shape (3,), on the floor of its storey.

    Args:
        grid: where agents can walk.
        point: world (x, y, z) [m], shape (3,).
        island: only points of this connected part (0 = the largest); default any.

    Raises:
        NavigationError: nothing is walkable there.
    """
    place = snap_place(grid, point, island)
    return np.asarray(on_floor(grid.layers[place.layer], place.xz)[0])


def random_points(
    grid: WalkableGrid, rng: np.random.Generator, count: int, island: int | None = 0
) -> npt.NDArray[np.float32]:
    """Returns walkable points drawn uniformly by area, shape (count, 3), on the floor; arguments as `random_point`."""
    own = [
        np.argwhere(places if island is None else places & (layer.island == island))
        for layer, places in zip(grid.layers, grid.own_places(), strict=True)
    ]
    columns = np.concatenate(own)
    if not len(columns):
        raise NavigationError(f"the grid has no walkable place{'' if island is None else f' on island {island}'}")
    number = rng.integers(len(columns), size=count)
    xz = grid.center(columns[number]) + rng.uniform(_RIM - 0.5, 0.5 - _RIM, size=(count, 2)) * grid.cell
    layer_of = np.repeat(np.arange(len(own)), [len(part) for part in own])[number]
    points = np.empty((count, 3), dtype=np.float32)
    for k in np.unique(layer_of):
        points[layer_of == k] = on_floor(grid.layers[k], xz[layer_of == k])
    return points


def random_point(grid: WalkableGrid, rng: np.random.Generator, island: int | None = 0) -> npt.NDArray[np.float32]:
    """Returns a walkable point drawn uniformly by area, shape (3,), on the floor.

    Args:
        grid: where agents can walk.
        rng: source of randomness.
        island: the connected part to draw from, 0 = the largest, None = any.

    Raises:
        NavigationError: nothing is walkable there.
    """
    return np.asarray(random_points(grid, rng, 1, island)[0])
