"""GridBank: walkable grids resident on a device, walked by many agents at once."""
# mypy: disable-error-code="untyped-decorator,attr-defined"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.navigation.fields import lookup_fields
from avi_env.navigation.grid_device import GridArrays, row_at
from avi_env.navigation.walkable import WalkableGrid
from avi_env.scene.arena import Column, RowRange, RowRanges, RowTables
from avi_env.scene.rays_warp import wp_device

__all__ = ["GridBank", "rows_at"]

wp.set_module_options({"enable_backward": False})

_ROUNDED = 64
"""Columns to a multiple of which the common shape grows: few grids that come later are larger still."""


_LAYER_TYPES = {"free": torch.uint8, "clearance": torch.float32, "floor_y": torch.float32}
_PADDING = {"free": 0, "clearance": 0.0, "floor_y": -np.inf, "home": 0}


class GridBank:
    """Walkable grids in the slots of one device, padded to one shape. Environments share them by slot.

    Grids come and go: a slot that becomes free is used again. Each layer of a grid is a row, the layers of a grid one
    after the other.
    """

    grids: tuple[WalkableGrid | None, ...]
    """The grid in each slot, None = free."""
    device: torch.device
    cell: float
    """Width of a column [m], the same in all grids."""
    shape: tuple[int, int]
    """Columns along x and z to which all are padded; grows with larger grids."""
    depth: int
    """Layers of the grid that has had most of them."""

    def __init__(self, grids: Sequence[WalkableGrid], device: str | torch.device = "cpu") -> None:
        """Puts the grids into slots 0, 1, 2 ...

        Raises:
            ValueError: no grid, or grids of different cell sizes.
        """
        if not grids:
            raise ValueError("a GridBank needs at least one grid")
        self.grids = ()
        self.device = torch.device(wp_device(device))
        self.cell = grids[0].cell
        self.shape = (max(grid.shape[0] for grid in grids), max(grid.shape[1] for grid in grids))
        self.depth = 1
        self._slots = RowTables(
            RowRanges(len(grids)), self.device, {name: Column(torch.int32) for name in ("first", "stop")}
        )
        ranges = RowRanges(sum(len(grid.layers) for grid in grids))
        self._origin = RowTables(ranges, self.device, {"origin": Column(torch.float32, (2,))})
        self._columns = RowTables(
            ranges,
            self.device,
            {name: Column(dtype, self.shape, _PADDING[name]) for name, dtype in _LAYER_TYPES.items()},
        )
        self._home: RowTables | None = None
        self._held: dict[int, RowRange] = {}
        self._arrays: GridArrays | None = None
        for grid in grids:
            self.put(grid)

    def __len__(self) -> int:
        return len(self.grids)

    def put(self, grid: WalkableGrid) -> int:
        """Puts a grid into a free slot and returns it; the cost is that of the grid unless tables must grow.

        Raises:
            ValueError: columns of another width than those of the other grids.
        """
        if grid.cell != self.cell:
            raise ValueError(
                f"grids of one bank share one cell size, not {sorted({grid.cell, self.cell})} m: scenes of more "
                f"than 102 m have larger columns, and environments of their own"
            )
        self._widen(grid)
        slot, rows = self._slots.ranges.take(1), self._columns.ranges.take(len(grid.layers))
        self._slots.write(slot, {"first": rows.start, "stop": rows.stop})
        for number, layer in enumerate(grid.layers):
            row = RowRange(rows.start + number, rows.start + number + 1)
            self._origin.write(row, {"origin": torch.tensor(layer.origin)})
            parts: dict[str, npt.NDArray[Any]] = {
                "free": layer.free.astype(np.uint8),
                "clearance": layer.clearance,
                "floor_y": layer.floor_y,
            }
            self._columns.write(row, {name: self._padded(name, part) for name, part in parts.items()})
            if self._home is not None:
                own = np.full(grid.shape, number) if layer.home is None else layer.home
                self._home.write(row, {"home": self._padded("home", rows.start + own.astype(np.int32))})
        self._held[slot.start], self._arrays = rows, None
        self._enter(slot.start, grid)
        return slot.start

    def drop(self, slot: int) -> None:
        """Makes a slot free.

        Raises:
            ValueError: no grid is there.
        """
        if slot not in self._held:
            raise ValueError(f"slot {slot} of the bank holds no grid: {self._taken_slots()}")
        self._columns.ranges.give_back(self._held.pop(slot))
        self._slots.ranges.give_back(RowRange(slot, slot + 1))
        self._enter(slot, None)

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes]."""
        tables = [self._slots, self._origin, self._columns, *([] if self._home is None else [self._home])]
        return {name: size for table in tables for name, size in table.nbytes.items()}

    @property
    def nbytes(self) -> int:
        """Memory of all tables on the device [bytes]."""
        return sum(self.memory().values())

    @property
    def first(self) -> torch.Tensor:
        """First row of each slot's grid, shape (K,), int32."""
        return self._slots["first"]

    @property
    def origin(self) -> torch.Tensor:
        """World (x, z) of the centre of column (0, 0) [m], shape (R, 2), float32."""
        return self._origin["origin"]

    @property
    def free(self) -> torch.Tensor:
        """1 where the agent's centre may be, shape (R, nx, nz), uint8; the padding is 0."""
        return self._columns["free"]

    @property
    def clearance(self) -> torch.Tensor:
        """Distance to the nearest obstacle [m], shape (R, nx, nz), float32."""
        return self._columns["clearance"]

    @property
    def floor_y(self) -> torch.Tensor:
        """Height of the floor [m], shape (R, nx, nz), float32."""
        return self._columns["floor_y"]

    def pad(self, field: npt.NDArray[np.floating[Any]]) -> torch.Tensor:
        """Returns a field over one grid on the device, padded with inf to the bank's common shape.

        Args:
            field: values at the columns' centres, shape (nx, nz), or (layers, nx, nz) for a grid of several layers.

        Returns:
            Shape (nx, nz), or (depth, nx, nz) where a grid of the bank has several layers.
        """
        stack = field.reshape(-1, *field.shape[-2:])
        size = [(0, self.depth - len(stack)), *((0, self.shape[k] - stack.shape[1 + k]) for k in range(2))]
        padded = torch.as_tensor(np.pad(stack, size, constant_values=np.inf), device=self.device)
        return padded[0] if self.depth == 1 else padded

    def checked_index(self, scene_index: torch.Tensor) -> torch.Tensor:
        """Returns slots as kernels take them, int32.

        Raises:
            ValueError: a slot without a grid; on the CPU only, as CUDA would have to wait for the device.
        """
        index = scene_index.to(torch.int32).contiguous()
        if len(index) and self.device.type == "cpu":
            inside = 0 <= int(index.min()) and int(index.max()) < len(self.grids)
            if not inside or (len(self._held) < len(self.grids) and set(index.tolist()) - self._held.keys()):
                raise ValueError(
                    f"scene_index names a slot without a grid, {index.tolist()[:8]}: {self._taken_slots()}"
                )
        return index

    @property
    def arrays(self) -> GridArrays:
        """The bank as a kernel takes it, valid until a grid is put."""
        if self._arrays is None:
            arrays = GridArrays()
            arrays.free = wp.from_torch(self.free)
            arrays.clearance = wp.from_torch(self.clearance)
            arrays.floor_y = wp.from_torch(self.floor_y)
            arrays.origin = wp.from_torch(self.origin, dtype=wp.vec2)
            arrays.first = wp.from_torch(self.first)
            arrays.stop = wp.from_torch(self._slots["stop"])
            if self._home is None:
                arrays.home = wp.empty((0, 0, 0), dtype=wp.int32, device=wp_device(self.device))
            else:
                arrays.home = wp.from_torch(self._home["home"])
            arrays.cell = self.cell
            self._arrays = arrays
        return self._arrays

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

    def _widen(self, grid: WalkableGrid) -> None:
        """Lets the common shape grow to that of a grid, and the bank have layers from the first grid with them on."""
        if any(size > known for size, known in zip(grid.shape, self.shape, strict=True)):
            nx, nz = (
                known if size <= known else -(-size // _ROUNDED) * _ROUNDED
                for size, known in zip(grid.shape, self.shape, strict=True)
            )
            self.shape = nx, nz
            for table in (self._columns, self._home):
                if table is not None:
                    table.widen(self.shape)
        if len(grid.layers) > 1 and self._home is None:
            self._home = RowTables(self._columns.ranges, self.device, {"home": Column(torch.int32, self.shape, 0)})
            rows = self._home["home"]
            rows += torch.arange(len(rows), dtype=torch.int32, device=self.device)[:, None, None]  # one layer each
        self.depth = max(self.depth, len(grid.layers))

    def _padded(self, name: str, values: npt.NDArray[Any]) -> torch.Tensor:
        """Returns one layer padded to the common shape, on the host, ready for the device."""
        padded = np.full(self.shape, _PADDING[name], dtype=values.dtype)
        padded[: values.shape[0], : values.shape[1]] = values
        ready = torch.from_numpy(padded)
        return ready.pin_memory() if self.device.type == "cuda" else ready

    def _enter(self, slot: int, grid: WalkableGrid | None) -> None:
        """Notes what is in a slot from now on."""
        known = list(self.grids) + [None] * (self._slots.ranges.capacity - len(self.grids))
        known[slot] = grid
        self.grids = tuple(known)

    def _taken_slots(self) -> str:
        return f"grids are in {', '.join(map(str, sorted(self._held))) or 'none'} of slots 0..{len(self.grids) - 1}"


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
        index, feet = bank.checked_index(scene_index), position.float().contiguous()
        inputs = [bank.arrays, wp.from_torch(index), wp.from_torch(feet)]
        outputs = [wp.from_torch(row)]
        wp.launch(_rows_at, dim=len(position), inputs=inputs, outputs=outputs, device=wp_device(bank.device))
    return row
