"""Geodesic distance fields, and their lookup for many agents at once."""
# mypy: disable-error-code="untyped-decorator,attr-defined"

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.navigation.goal_paths import goal_path_sets, goal_paths
from avi_env.navigation.grid_device import lookup
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.launches import launch

__all__ = ["distance_field", "distance_fields", "field_lookup", "lookup_fields"]

wp.set_module_options({"enable_backward": False})

Array = TypeVar("Array", npt.NDArray[np.floating[Any]], torch.Tensor)


def distance_field(grid: WalkableGrid, goals: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns the walking distance from every column's centre to the nearest goal.

    Exact among the grid's squares at any angle, and measured to the goals themselves, not to their columns. On slopes
    and stairs lengths are those over the floor, stairs being the smooth ramp through their steps.

    Args:
        grid: where agents can walk.
        goals: world (x, y, z) or (x, z) of one goal or several [m], shape (3,), (2,), (n, 3) or (n, 2).

    Returns:
        Distances [m], shape (nx, nz), or (layers, nx, nz) on a grid of several layers; inf where there is no way.

    Raises:
        NavigationError: no goal is within a metre of a walkable place.
    """
    return goal_paths(grid, goals).length


def distance_fields(grid: WalkableGrid, goal_sets: list[npt.ArrayLike]) -> npt.NDArray[np.float32]:
    """Returns one `distance_field` per set of goals, shape (F, nx, nz) or (F, layers, nx, nz)."""
    return np.stack([paths.length for paths in goal_path_sets(grid, goal_sets)])


@wp.kernel
def _lookup_fields(
    fields: wp.array3d[wp.float32],
    row: wp.array[wp.int32],
    origin: wp.array2d[wp.float32],
    cell: float,
    position: wp.array2d[wp.float32],
    value_out: wp.array[wp.float32],
) -> None:
    b = wp.tid()
    start = wp.vec2(origin[b, 0], origin[b, 1])
    value_out[b] = lookup(fields, row[b], start, cell, position[b, 0], position[b, 2])


def lookup_fields(
    fields: torch.Tensor, row: torch.Tensor, origin: torch.Tensor, cell: float, position: torch.Tensor
) -> torch.Tensor:
    """Returns the value of one field per agent at its position, interpolated, never across walls.

    Args:
        fields: values at the columns' centres, shape (F, nx, nz), float32, inf = unknown.
        row: which field each agent reads, shape (B,), int32.
        origin: world (x, z) of the centre of column (0, 0) [m], shape (B, 2), float32.
        cell: width of a column [m].
        position: world (x, y, z) [m], shape (B, 3), float32.

    Returns:
        Values, shape (B,), float32; inf outside.
    """
    count = len(position)
    if fields.ndim != 3 or row.shape != (count,) or origin.shape != (count, 2) or position.shape != (count, 3):
        raise ValueError(
            f"lookup needs fields (F, nx, nz), row (B,), origin (B, 2), position (B, 3), not {tuple(fields.shape)}, "
            f"{tuple(row.shape)}, {tuple(origin.shape)}, {tuple(position.shape)}"
        )
    value = torch.empty(count, dtype=torch.float32, device=position.device)
    if count:
        where = origin.float().contiguous(), float(cell), position.float().contiguous()
        inputs = [fields.float().contiguous(), row.int().contiguous(), *where]
        launch(_lookup_fields, (count,), [*inputs, value], position.device)
    return value


def field_lookup(field: npt.NDArray[np.floating[Any]] | torch.Tensor, grid: WalkableGrid, position: Array) -> Array:
    """Returns a field's values at positions on one grid, interpolated between columns, never across walls.

    Args:
        field: values at the columns' centres, shape (nx, nz), or one field per position, shape (B, nx, nz); on a grid
            of several layers with one slice each, shape (layers, nx, nz) or (B, layers, nx, nz).
        grid: the grid of the field.
        position: world (x, y, z) [m], shape (B, 3) or (3,); NumPy or torch, and so is the answer.

    Returns:
        Values, shape (B,) or a scalar array.
    """
    as_torch = isinstance(position, torch.Tensor)
    points = torch.as_tensor(position, dtype=torch.float32)
    batch = points.reshape(-1, 3)
    values = torch.as_tensor(field, dtype=torch.float32, device=points.device)
    row = torch.zeros(len(batch), dtype=torch.int32, device=points.device)
    if values.ndim == (4 if grid.above else 3):
        row = torch.arange(len(batch), dtype=torch.int32, device=points.device)
    if grid.above:
        layer = torch.as_tensor(grid.layer_of(batch.cpu().numpy()), dtype=torch.int32, device=points.device)
        row = row * len(grid.layers) + layer
    origin = torch.tensor(grid.origin, dtype=torch.float32, device=points.device).expand(len(batch), 2)
    found = lookup_fields(values.reshape(-1, *values.shape[-2:]), row, origin, grid.cell, batch)
    found = found.reshape(points.shape[:-1])
    return cast(Array, found if as_torch else found.numpy())
