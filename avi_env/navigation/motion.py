"""Motion of many agents at once on their walkable grids, sliding along what is in the way."""
# mypy: disable-error-code="untyped-decorator,attr-defined"

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.navigation.fields import lookup_fields
from avi_env.navigation.grid_device import GridArrays, advance, column_of, row_at
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.rays_warp import wp_device

__all__ = ["GridBank", "Motion", "move", "rows_at"]

wp.set_module_options({"enable_backward": False})


class Motion(NamedTuple):
    """Where agents are after a move."""

    position: torch.Tensor
    """World (x, y, z) on the floor [m], shape (B, 3), float32."""
    yaw: torch.Tensor
    """Heading [rad], in (-pi, pi], shape (B,), float32."""
    collided: torch.Tensor
    """True where something was in the way, shape (B,)."""


class GridBank:
    """K walkable grids on one device, padded to one shape. Environments share them by index.

    Each layer of a grid is a row, the layers of a grid one after the other: R rows, R = K without stairs.
    """

    grids: tuple[WalkableGrid, ...]
    device: torch.device
    cell: float
    """Width of a column [m], the same in all grids."""
    depth: int
    """Layers of the grid that has most of them."""
    first: torch.Tensor
    """First row of each grid, then R, shape (K + 1,), int32."""
    origin: torch.Tensor
    """World (x, z) of the centre of column (0, 0) [m], shape (R, 2), float32."""
    free: torch.Tensor
    """1 where the agent's centre may be, shape (R, nx, nz), uint8; the padding is 0."""
    clearance: torch.Tensor
    """Distance to the nearest obstacle [m], shape (R, nx, nz), float32."""
    floor_y: torch.Tensor
    """Height of the floor [m], shape (R, nx, nz), float32."""

    def __init__(self, grids: Sequence[WalkableGrid], device: str | torch.device = "cpu") -> None:
        """Uploads the grids.

        Raises:
            ValueError: no grid, or grids of different cell sizes.
        """
        if not grids:
            raise ValueError("a GridBank needs at least one grid")
        if len({grid.cell for grid in grids}) > 1:
            raise ValueError(
                f"grids of one bank share one cell size, not {sorted({grid.cell for grid in grids})} m: scenes of more "
                f"than 102 m have larger columns, and environments of their own"
            )
        self.grids = tuple(grids)
        self.device = torch.device(wp_device(device))
        self.cell = self.grids[0].cell
        self.shape = (max(g.shape[0] for g in grids), max(g.shape[1] for g in grids))
        self.depth = max(len(grid.layers) for grid in grids)
        layers = [layer for grid in grids for layer in grid.layers]
        first = np.cumsum([0, *(len(grid.layers) for grid in grids)])
        self.first = torch.tensor(first, dtype=torch.int32, device=self.device)
        self.origin = torch.tensor([g.origin for g in layers], dtype=torch.float32, device=self.device)
        self.free = torch.stack([self._padded(g.free.astype(np.uint8), 0) for g in layers])
        self.clearance = torch.stack([self._padded(g.clearance, 0.0) for g in layers])
        self.floor_y = torch.stack([self._padded(g.floor_y, -np.inf) for g in layers])

    def __len__(self) -> int:
        return len(self.grids)

    def pad(self, field: npt.NDArray[np.floating[Any]]) -> torch.Tensor:
        """Returns a field over one grid on the device, padded with inf to the bank's common shape.

        Args:
            field: values at the columns' centres, shape (nx, nz), or (layers, nx, nz) for a grid of several layers.

        Returns:
            Shape (nx, nz), or (depth, nx, nz) where a grid of the bank has several layers.
        """
        if self.depth == 1:
            return self._padded(field, np.inf)
        stack = field.reshape(-1, *field.shape[-2:])
        missing = np.full((self.depth - len(stack), *field.shape[-2:]), np.inf, dtype=field.dtype)
        return self._padded(np.concatenate([stack, missing]), np.inf)

    def _padded(self, values: npt.NDArray[Any], fill: float) -> torch.Tensor:
        size = [(0, 0)] * (values.ndim - 2) + [(0, self.shape[k] - values.shape[values.ndim - 2 + k]) for k in range(2)]
        padded = np.pad(values, size, constant_values=fill)
        return torch.as_tensor(np.ascontiguousarray(padded), device=self.device)

    @cached_property
    def arrays(self) -> GridArrays:
        """The bank as a kernel takes it."""
        arrays = GridArrays()
        arrays.free = wp.from_torch(self.free)
        arrays.clearance = wp.from_torch(self.clearance)
        arrays.floor_y = wp.from_torch(self.floor_y)
        arrays.origin = wp.from_torch(self.origin, dtype=wp.vec2)
        arrays.first = wp.from_torch(self.first)
        home = np.zeros((0, 0, 0), np.int32)
        if self.depth > 1:
            home = np.zeros(tuple(self.free.shape), np.int32)
            for grid, row in zip(self.grids, self.first.tolist(), strict=False):
                for number, layer in enumerate(grid.layers):
                    own = np.full(grid.shape, number) if layer.home is None else layer.home
                    home[row + number, : grid.shape[0], : grid.shape[1]] = row + own.astype(np.int32)
        arrays.home = wp.array(home, shape=home.shape, dtype=wp.int32, device=wp_device(self.device))
        arrays.cell = self.cell
        return arrays

    def lookup(self, fields: torch.Tensor, scene_index: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """Returns the value of field b at the position of agent b, shape (B,).

        Args:
            fields: one field per agent as `pad` returns it, shape (B, nx, nz) or (B, depth, nx, nz), float32.
            scene_index: the grid on which each agent stands, shape (B,).
            position: world (x, y, z) [m], shape (B, 3).
        """
        if fields.ndim != (3 if self.depth == 1 else 4):
            raise ValueError(
                f"fields of a bank with {self.depth} layers are as `pad` returns, not {tuple(fields.shape)}"
            )
        row = torch.arange(len(position), dtype=torch.int32, device=position.device)
        first = self.first[scene_index.long()]
        if self.depth > 1:
            row = row * self.depth + rows_at(self, scene_index, position) - first
        flat = fields.reshape(-1, *fields.shape[-2:])
        return lookup_fields(flat, row, self.origin[first.long()], self.cell, position)


@wp.kernel
def _rows_at(
    grids: GridArrays,
    scene_index: wp.array[wp.int32],
    position: wp.array2d[wp.float32],
    row_out: wp.array[wp.int32],
) -> None:
    b = wp.tid()
    row_out[b] = row_at(grids, scene_index[b], position[b, 0], position[b, 1], position[b, 2])


def rows_at(bank: GridBank, scene_index: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Returns the row of a bank on whose layer each agent stands, shape (B,), int32.

    Args:
        bank: the grids.
        scene_index: the grid on which each agent stands, shape (B,).
        position: world (x, y, z) of the feet [m], shape (B, 3).
    """
    row = torch.empty(len(position), dtype=torch.int32, device=bank.device)
    if scene_index.shape != (len(position),) or position.ndim != 2 or position.shape[1] != 3:
        raise ValueError(f"rows_at needs (B,) and (B, 3), not {tuple(scene_index.shape)} and {tuple(position.shape)}")
    if len(position):
        index, feet = scene_index.int().contiguous(), position.float().contiguous()
        inputs = [bank.arrays, wp.from_torch(index), wp.from_torch(feet)]
        outputs = [wp.from_torch(row)]
        wp.launch(_rows_at, dim=len(position), inputs=inputs, outputs=outputs, device=wp_device(bank.device))
    return row


@wp.kernel
def _move(
    grids: GridArrays,
    scene_index: wp.array[wp.int32],
    position: wp.array2d[wp.float32],
    yaw: wp.array[wp.float32],
    forward: wp.array[wp.float32],
    turn: wp.array[wp.float32],
    position_out: wp.array2d[wp.float32],
    yaw_out: wp.array[wp.float32],
    collided_out: wp.array[wp.bool],
) -> None:
    b = wp.tid()
    start = row_at(grids, scene_index[b], position[b, 0], position[b, 1], position[b, 2])
    end = advance(grids, start, position[b, 0], position[b, 2], yaw[b], forward[b], turn[b])
    k = int(end[3])
    c = column_of(grids, k, end[0], end[1])
    y = position[b, 1]
    if c[0] >= 0 and c[1] >= 0 and c[0] < grids.free.shape[1] and c[1] < grids.free.shape[2]:
        floor = grids.floor_y[k, c[0], c[1]]
        if wp.isfinite(floor):
            y = floor
    position_out[b, 0] = end[0]
    position_out[b, 1] = y
    position_out[b, 2] = end[1]
    heading = yaw[b] + turn[b]
    yaw_out[b] = heading - 2.0 * wp.pi * wp.ceil((heading - wp.pi) / (2.0 * wp.pi))
    collided_out[b] = end[2] > 0.5


def move(
    bank: GridBank,
    scene_index: torch.Tensor,
    position: torch.Tensor,
    yaw: torch.Tensor,
    forward: torch.Tensor,
    turn: torch.Tensor,
) -> Motion:
    """Moves agents: an arc of length `forward` that turns by `turn`, sliding along what is in the way.

    Steps are no longer than half a column, so nobody passes a wall. Where a step is blocked, its component into the
    obstacle is removed and the rest is kept, as in Habitat. Discrete and continuous actions are both this.
    Stairs and slopes lead to other layers of the grid; distances are those seen from above, y follows the floor.

    Args:
        bank: the grids.
        scene_index: the grid on which each agent walks, shape (B,), int32.
        position: world (x, y, z) of the feet [m], shape (B, 3), float32.
        yaw: heading [rad], shape (B,), float32.
        forward: distance to walk [m], shape (B,), float32; negative = backwards.
        turn: angle to turn while walking [rad], counter-clockwise, shape (B,), float32.
    """
    count = len(position)
    for name, tensor, shape in (
        ("scene_index", scene_index, (count,)),
        ("position", position, (count, 3)),
        ("yaw", yaw, (count,)),
        ("forward", forward, (count,)),
        ("turn", turn, (count,)),
    ):
        if tensor.shape != shape or tensor.device != bank.device:
            raise ValueError(
                f"move: {name} must have shape {shape} on {bank.device}, not {tuple(tensor.shape)} on {tensor.device}"
            )
    out = Motion(
        torch.empty((count, 3), dtype=torch.float32, device=bank.device),
        torch.empty(count, dtype=torch.float32, device=bank.device),
        torch.empty(count, dtype=torch.bool, device=bank.device),
    )
    if count:
        inputs = [
            bank.arrays,
            wp.from_torch(scene_index.int().contiguous()),
            *(wp.from_torch(tensor.float().contiguous()) for tensor in (position, yaw, forward, turn)),
        ]
        outputs = [wp.from_torch(tensor) for tensor in out]
        wp.launch(_move, dim=count, inputs=inputs, outputs=outputs, device=wp_device(bank.device))
    return out
