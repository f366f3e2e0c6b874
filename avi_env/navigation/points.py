"""Places on a walkable grid: the nearest one, a random one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.navigation.grid import NavigationError, WalkableGrid

__all__ = ["horizontal", "on_floor", "random_point", "random_points", "snap_column", "snap_point"]

_NOOK_AREA = 1.0  # [m^2]
_RIM = 1e-3  # share of a column kept free at its rim, so that rounding cannot push a snapped point out


def horizontal(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Returns the (x, z) of world points (x, y, z) or (x, z), shape (n, 2)."""
    array = np.atleast_2d(np.asarray(points, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] not in (2, 3) or not len(array):
        raise ValueError(f"points are (x, y, z) or (x, z), shape (n, 3) or (n, 2) with n >= 1, not {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"points contain NaN or infinity: {array[~np.isfinite(array).all(axis=1)][:3].tolist()}")
    return array[:, [0, -1]]


def on_floor(grid: WalkableGrid, xz: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns world points (n, 3) on the floor below or above (x, z) points (n, 2)."""
    points = np.atleast_2d(np.asarray(xz, dtype=np.float64))
    index = np.clip(grid.column(points), 0, np.array(grid.shape) - 1)
    y = grid.floor_y[index[:, 0], index[:, 1]]
    return np.stack([points[:, 0], y, points[:, 1]], axis=1).astype(np.float32)


def snap_column(grid: WalkableGrid, xz: npt.NDArray[np.float64], island: int | None = None) -> npt.NDArray[np.float64]:
    """Returns the walkable (x, z) nearest to a point, itself where it is walkable.

    Without `island`, nooks nobody can reach (less than a square metre between furniture) attract no point from outside.
    """
    allowed = grid.free if island is None else grid.island == island
    if grid.is_free(xz) and allowed[tuple(grid.column(xz))]:
        return np.asarray(xz, dtype=np.float64)
    if island is None:
        area = np.bincount(grid.island[grid.free], minlength=1) * grid.cell**2
        allowed = grid.free & ((area >= _NOOK_AREA) | (np.arange(len(area)) == 0))[grid.island]
    columns = np.argwhere(allowed)
    if not len(columns):
        raise NavigationError(f"the grid has no walkable place{'' if island is None else f' on island {island}'}")
    centers = grid.center(columns)
    half = grid.cell * (0.5 - _RIM)
    nearest = np.clip(xz, centers - half, centers + half)
    return np.asarray(nearest[np.argmin(np.sum((nearest - xz) ** 2, axis=1))])


def snap_point(grid: WalkableGrid, point: npt.ArrayLike, island: int | None = None) -> npt.NDArray[np.float32]:
    """Returns the walkable point nearest to a world point (x, y, z), shape (3,), on the floor.

    Args:
        grid: where agents can walk.
        point: world (x, y, z) [m], shape (3,).
        island: only points of this connected part (0 = the largest); default any.

    Raises:
        NavigationError: nothing is walkable there.
    """
    return np.asarray(on_floor(grid, snap_column(grid, horizontal(point)[0], island))[0])


def random_points(
    grid: WalkableGrid, rng: np.random.Generator, count: int, island: int | None = 0
) -> npt.NDArray[np.float32]:
    """Returns walkable points drawn uniformly by area, shape (count, 3), on the floor; arguments as `random_point`."""
    columns = np.argwhere(grid.free if island is None else grid.island == island)
    if not len(columns):
        raise NavigationError(f"the grid has no walkable place{'' if island is None else f' on island {island}'}")
    chosen = columns[rng.integers(len(columns), size=count)]
    offset = rng.uniform(_RIM - 0.5, 0.5 - _RIM, size=(count, 2)) * grid.cell
    return on_floor(grid, grid.center(chosen) + offset)


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
