"""Where listeners can be: a coarse grid of cells at ear height, who sees whom, and the air each cell stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from avi_env.navigation.grid import NavigationError, walkable_grid
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import occluded

__all__ = ["CELL_METRES", "SLAB_HALF_HEIGHT", "ListenerCells", "listener_cells", "same_storey"]

CELL_METRES = 0.5
"""Spacing of the listener cells [m]."""

SLAB_HALF_HEIGHT = 0.5
"""Sound that passes this far [m] above or below ear height counts for the cell."""

_PARTS = 4  # fine columns per cell and axis: who owns the air is known to 12.5 cm
_COLUMN_LIMIT = 40_000  # of the grid over the scene's bounds: 100 m x 100 m
_CELL_LIMIT = 8_000  # 2000 m2 to walk in: who sees whom is a table of its square
_STOREY = 1.0  # [m]; cells that differ more in height are on different storeys
_SIGHT_METRES = 15.0  # cells farther apart than this are treated as unseen


@dataclass(frozen=True, eq=False)
class ListenerCells:
    """C listener cells of one scene; with several storeys, tables over grid columns have a leading axis of layers."""

    origin: tuple[float, float]
    """World (x, z) of the centre of grid column (0, 0) [m]."""
    cell_index: npt.NDArray[np.int32]
    """Cell of each grid column, -1 = none, shape (nx, nz) or (layers, nx, nz)."""
    nearest: npt.NDArray[np.int32]
    """Nearest cell of each grid column, shape (nx, nz) or (layers, nx, nz)."""
    points: npt.NDArray[np.float32]
    """Where the listener of each cell is [m], shape (C, 3), world frame: the walkable place nearest to its centre."""
    owner: npt.NDArray[np.int32]
    """Cell that each fine column (4 x 4 to a grid column) belongs to, -1 = none, (4 nx, 4 nz) or (layers, ...)."""
    volume: npt.NDArray[np.float32]
    """Air that each cell's fine columns hold [m3], shape (C,)."""
    visible: npt.NDArray[np.bool_]
    """Which cells see each other, shape (C, C); each sees itself."""
    likely_start: npt.NDArray[np.int32]
    """First entry of each cell in `likely`, shape (C + 1,)."""
    likely: npt.NDArray[np.int32]
    """Cells that a surface near a cell probably sees (what the cell and its neighbours see), ascending, shape (L,)."""
    is_likely: npt.NDArray[np.bool_]
    """The same as a table, shape (C, C)."""

    def cells_at(self, column: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Returns the cells of one grid column (2,), of each layer one, without those that are none."""
        i, j = np.asarray(column)
        tables = self.cell_index.reshape(-1, *self.cell_index.shape[-2:])
        if not (0 <= i < tables.shape[1] and 0 <= j < tables.shape[2]):
            return np.zeros(0, dtype=np.int32)
        return np.asarray(tables[tables[:, i, j] >= 0, i, j])

    @property
    def fine_spacing(self) -> float:
        """Width of a fine column [m]."""
        return CELL_METRES / _PARTS


def listener_cells(scene: Scene, ear_height: float = 1.25) -> ListenerCells:
    """Returns the scene's listener cells, built once per ear height.

    A grid column is a cell if some place in it is walkable; a scene without a floor has cells throughout its bounds.

    Raises:
        ValueError: the scene has no triangles, or is too large for a table of who sees whom.
    """
    return derived(scene, ("listener_cells", float(ear_height)), lambda: _build(scene, float(ear_height)))


def _build(scene: Scene, ear_height: float) -> ListenerCells:
    if not len(scene.triangles):
        raise ValueError(f"scene {scene.name!r} has no triangles: no cells for listeners")
    low = scene.bounds[0, [0, 2]].astype(np.float64)
    size = scene.bounds[1, [0, 2]].astype(np.float64) - low
    shape = np.maximum(np.ceil(size / CELL_METRES - 1e-6).astype(int), 1)
    _check_size(scene, size, int(np.prod(shape)), _COLUMN_LIMIT)
    origin = low + 0.5 * size - 0.5 * (shape - 1) * CELL_METRES
    places = _walkable_places(scene, origin, shape, ear_height)
    kept = [np.isfinite(place[..., 0]) for place in places]
    points = np.concatenate([place[known] for place, known in zip(places, kept, strict=True)]).astype(np.float32)
    _check_size(scene, size, len(points), _CELL_LIMIT)
    cell_index = np.full((len(places), *shape), -1, dtype=np.int32)
    cell_index[np.stack(kept)] = np.arange(len(points))
    near = [ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True) for known in kept]
    nearest = np.stack([index[tuple(at)] for index, at in zip(cell_index, near, strict=True)])
    visible = _sight(scene, points)
    owner = np.stack([_owners(scene, points, index, origin) for index in cell_index])
    tables = (t[0] if len(places) == 1 else t for t in (cell_index, nearest.astype(np.int32), owner))
    cell_index, nearest, owner = tables
    count = np.bincount(owner[owner >= 0], minlength=len(points))
    volume = np.maximum(count, 1) * (CELL_METRES / _PARTS) ** 2 * 2.0 * SLAB_HALF_HEIGHT
    likely = visible @ _beside(points, visible).astype(np.float32) > 0.0
    start = np.concatenate([[0], np.cumsum(likely.sum(axis=1))])
    return ListenerCells(
        (float(origin[0]), float(origin[1])), cell_index, nearest, points, owner,
        volume.astype(np.float32), visible, start.astype(np.int32), np.nonzero(likely)[1].astype(np.int32), likely,
    )  # fmt: skip


def _check_size(scene: Scene, size: npt.NDArray[np.float64], count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(
            f"scene {scene.name!r} spans {size[0]:.5g} m x {size[1]:.5g} m: {count} places {CELL_METRES:g} m apart are "
            f"more than the {limit} that a baked field can hold. Is it in metres? Else cut it into parts, or trace "
            f"single responses: render_rir(mode='traced', seconds=...)"
        )


def _walkable_places(
    scene: Scene, origin: npt.NDArray[np.float64], shape: npt.NDArray[np.int64], ear_height: float
) -> list[npt.NDArray[np.float64]]:
    """Returns the listener's place in each grid column, NaN where nobody can be, shape (nx, nz, 3), for each layer."""
    centers = np.stack(np.meshgrid(*(o + np.arange(n) * CELL_METRES for o, n in zip(origin, shape, strict=True)),
                                   indexing="ij"), axis=-1)  # fmt: skip
    try:
        grid = walkable_grid(scene)
    except NavigationError:
        low, high = scene.bounds[:, 1]
        place = np.empty((*shape, 3))
        place[..., [0, 2]] = centers
        place[..., 1] = low + min(ear_height, 0.5 * float(high - low))
        return [place]
    places = []
    for layer, own in zip(grid.layers, grid.own_places(), strict=True):
        place = np.full((*shape, 3), np.nan)
        free = np.argwhere(own)
        xz = grid.center(free)
        column = np.floor((xz - origin) / CELL_METRES + 0.5).astype(int)
        inside = np.all((column >= 0) & (column < shape), axis=1)
        free, xz, column = free[inside], xz[inside], column[inside]
        away = np.linalg.norm(xz - (origin + column * CELL_METRES), axis=1)
        # Farthest first, so that the nearest to the column's centre is written last.
        order = np.argsort(-away, kind="stable")
        ears = layer.floor_y[free[:, 0], free[:, 1]] + ear_height
        place[column[order, 0], column[order, 1]] = np.column_stack([xz[:, 0], ears, xz[:, 1]])[order]
        if len(free):
            places.append(place)
    return places


def _sight(scene: Scene, points: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    count = len(points)
    visible = np.eye(count, dtype=bool)
    first, second = np.triu_indices(count, k=1)
    near = np.linalg.norm(points[first] - points[second], axis=1) < _SIGHT_METRES
    first, second = first[near], second[near]
    seen = ~occluded(scene, points[first], points[second])
    visible[first[seen], second[seen]] = True
    return visible | visible.T


def _beside(points: npt.NDArray[np.float32], visible: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Returns which cells are visible neighbours (including themselves), shape (C, C)."""
    gap = np.abs(points[:, None, [0, 2]] - points[None, :, [0, 2]]).max(axis=-1)
    return np.asarray(visible & (gap < 2.0 * CELL_METRES - 1e-3) & same_storey(points))


def same_storey(points: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Returns which cells differ so little in height that they may be neighbours, shape (C, C)."""
    return np.asarray(np.abs(points[:, None, 1] - points[None, :, 1]) < _STOREY)


def _owners(
    scene: Scene, points: npt.NDArray[np.float32], cell_index: npt.NDArray[np.int32], origin: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    """Returns the owner of each fine column: its grid column's cell, if that cell sees it."""
    owner = np.repeat(np.repeat(cell_index, _PARTS, axis=0), _PARTS, axis=1)
    fine = np.argwhere(owner >= 0)
    cell = owner[fine[:, 0], fine[:, 1]]
    xz = origin - 0.5 * CELL_METRES + (fine + 0.5) * (CELL_METRES / _PARTS)
    target = np.column_stack([xz[:, 0], points[cell, 1], xz[:, 1]])
    hidden = fine[occluded(scene, points[cell], target)]
    owner[hidden[:, 0], hidden[:, 1]] = -1
    return owner.astype(np.int32)
