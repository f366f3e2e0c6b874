"""Baked fields on the device, one per environment row, and their look-up where the listener stands."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, SourceField
from avi_env.acoustics.warp_array import as_warp
from avi_env.scene.rays_warp import wp_device

__all__ = ["Corners", "FieldBank", "FieldSample"]

wp.set_module_options({"enable_backward": False})

_SLOPES = len(DECAY_TIMES)
_BANDS = wp.constant(BAND_COUNT)
_EARLY = wp.constant(EARLY_BINS * BAND_COUNT)
_LATE = wp.constant(len(DECAY_TIMES) * BAND_COUNT)

_SCALE = wp.constant(256.0)
"""Pressures are kept as 16-bit floats times this: -130 dB re the source at 1 m keeps eleven bits."""

Visibility = torch.Tensor | Callable[[torch.Tensor], torch.Tensor] | None


class FieldSample(NamedTuple):
    """The field where B listeners stand; energies as in `SourceField`."""

    early: torch.Tensor
    """Energy per 5 ms bin after the first arrival, octave and harmonic (omni, x, y, z), shape (B, 20, 7, 4)."""
    late: torch.Tensor
    """Energy per slope and octave from 100 ms after the first arrival on, shape (B, 12, 7)."""
    first_arrival: torch.Tensor
    """Travel time of the first sound [s], shape (B,)."""


class Corners(NamedTuple):
    """The four cells around B listeners."""

    cell: torch.Tensor
    """Cell number in the field of the listener's row, -1 = none, shape (B, 4)."""
    weight: torch.Tensor
    """Bilinear share, 0 where there is no cell, shape (B, 4)."""
    center: torch.Tensor
    """World position of the cells [m], the listener's own where there is none, shape (B, 4, 3)."""


@wp.kernel
def _shares_kernel(
    slot: wp.array[wp.int64],
    corner: wp.array2d[wp.int64],
    inside: wp.array2d[wp.float32],
    weight: wp.array2d[wp.float32],
    cell_count: wp.array[wp.int64],
    cells: wp.array2d[wp.vec3],
    position: wp.array[wp.vec3],
    cell_out: wp.array2d[wp.int32],
    share_out: wp.array2d[wp.float32],
) -> None:
    row = wp.tid()
    field = int(slot[row])
    total = weight[row, 0] + weight[row, 1] + weight[row, 2] + weight[row, 3]
    nearest = int(0)  # noqa: RUF046, UP018 - a Warp variable, not a constant
    heaviest = float(0.0)  # noqa: UP018
    for i in range(weight.shape[1]):
        cell_out[row, i] = wp.max(int(corner[row, i]), 0)
        share_out[row, i] = weight[row, i] / wp.max(total, 1.0e-4)
        if inside[row, i] > heaviest:
            heaviest = inside[row, i]
            nearest = int(corner[row, i])
    if total < 1.0e-4:  # sees no corner: the nearest of them, or the nearest cell at all
        if heaviest == 0.0:
            least = float(wp.inf)
            for cell in range(int(cell_count[field])):
                distance = wp.length_sq(cells[field, cell] - position[row])
                if distance < least:
                    least = distance
                    nearest = cell
        for i in range(weight.shape[1]):
            cell_out[row, i] = nearest
            share_out[row, i] = 0.25


@wp.kernel
def _blend_kernel(
    slot: wp.array[wp.int64],
    cell: wp.array2d[wp.int32],
    share: wp.array2d[wp.float32],
    first_arrival: wp.array2d[wp.float32],
    early: wp.array4d[wp.float16],
    towards: wp.array4d[wp.float16],
    late: wp.array4d[wp.float16],
    early_out: wp.array4d[wp.float32],
    late_out: wp.array3d[wp.float32],
    first_arrival_out: wp.array[wp.float32],
) -> None:
    row, number = wp.tid()
    field = int(slot[row])
    sums = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for i in range(cell.shape[1]):
        c = cell[row, i]
        part = share[row, i]
        if number < _EARLY:
            pressure = wp.float32(early[field, c, number / _BANDS, number % _BANDS]) / _SCALE
            energy = part * pressure * pressure
            x = 3 * (number % _BANDS)
            bin = number / _BANDS
            sums += energy * wp.vec4(
                1.0,
                wp.float32(towards[field, c, bin, x]),
                wp.float32(towards[field, c, bin, x + 1]),
                wp.float32(towards[field, c, bin, x + 2]),
            )
        elif number < _EARLY + _LATE:
            line = number - _EARLY
            pressure = wp.float32(late[field, c, line / _BANDS, line % _BANDS]) / _SCALE
            sums[0] += part * pressure * pressure
        else:
            sums[0] += part * first_arrival[field, c]
    if number < _EARLY:
        for harmonic in range(4):
            early_out[row, number / _BANDS, number % _BANDS, harmonic] = sums[harmonic]
    elif number < _EARLY + _LATE:
        late_out[row, (number - _EARLY) / _BANDS, (number - _EARLY) % _BANDS] = sums[0]
    else:
        first_arrival_out[row] = sums[0]


class FieldBank:
    """Padded tensors of the baked fields that `rows` environments hear; a field shared by rows is stored once."""

    def __init__(self, rows: int, device: str | torch.device = "cpu") -> None:
        if rows < 1:
            raise ValueError(f"a field bank needs at least one row, not {rows}")
        self.device = torch.device(device)
        self._fields: list[SourceField | None] = []
        self._slot = torch.full((rows,), -1, dtype=torch.int64)
        self._slot_on_device = self._slot.to(self.device)
        self._allocate(slots=0, columns=(1, 1), cells=1)

    @property
    def rows(self) -> int:
        """Number of environment rows."""
        return len(self._slot)

    def set_row(self, row: int, field: SourceField) -> None:
        """Makes `field` what row `row` hears from now on.

        Raises:
            IndexError: no such row.
            ValueError: the field has no cell.
        """
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row} is not one of this bank's {self.rows}")
        if not len(field.cells):
            raise ValueError(f"the field of the source at {field.source} has no listener cell: is it on any storey?")
        self._slot[row] = -1
        slot = next((i for i, known in enumerate(self._fields) if known is field), None)
        if slot is None:
            slot = self._free_slot(field)
            self._write(slot, field)
        self._slot[row] = slot
        self._slot_on_device = self._slot.to(self.device)

    def corners(self, position: torch.Tensor, rows: torch.Tensor | None = None) -> Corners:
        """Returns the four cells around each listener.

        Args:
            position: of the ears [m], world frame, shape (B, 3).
            rows: whose field each listener hears, shape (B,); 0 ... B-1 if not given.
        """
        slot = self._slots(position, rows)
        place = (position[:, [0, 2]].to(self._origin.dtype) - self._origin[slot]) / self._spacing[slot, None]
        below = place.floor()
        part = place - below
        steps = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1]], device=self.device)
        share = torch.where(steps == 1, part[:, None], 1 - part[:, None])
        column = below.long()[:, None] + steps
        size = self._columns[slot][:, None]
        inside = ((column >= 0) & (column < size)).all(dim=-1)
        column = torch.minimum(column.clamp(min=0), size - 1)
        cell = self._cell_index[slot[:, None], column[..., 0], column[..., 1]].long()
        cell = torch.where(inside, cell, -1)
        known = cell >= 0
        center = self._cells[slot[:, None], cell.clamp(min=0)]
        return Corners(
            cell,
            (share[..., 0] * share[..., 1] * known).float(),
            torch.where(known[..., None], center, position[:, None].to(center.dtype)),
        )

    def lookup(
        self, position: torch.Tensor, visible: Visibility = None, rows: torch.Tensor | None = None
    ) -> FieldSample:
        """Returns the field at each listener: bilinear over the surrounding cells that the listener can see.

        A listener that sees none of them takes the nearest of them, one without any takes the nearest cell at all.

        Args:
            position: of the ears [m], world frame, shape (B, 3).
            visible: whether each of `corners(position).center` is seen, shape (B, 4), or a function of these centres
                that says so; all are if not given.
            rows: whose field each listener hears, shape (B,); 0 ... B-1 if not given.
        """
        slot = self._slots(position, rows)
        corners = self.corners(position, rows)
        seen = visible(corners.center) if callable(visible) else visible
        weight = corners.weight if seen is None else corners.weight * seen.to(corners.weight.dtype)
        return self._blend(slot, position.to(torch.float32).contiguous(), corners, weight)

    def _blend(self, slot: torch.Tensor, position: torch.Tensor, corners: Corners, weight: torch.Tensor) -> FieldSample:
        count, device = len(slot), wp_device(self.device)
        cell = torch.empty(count, 4, dtype=torch.int32, device=self.device)
        share = torch.empty(count, 4, device=self.device)
        wp.launch(
            _shares_kernel,
            dim=count,
            inputs=[
                *map(as_warp, (slot, corners.cell, corners.weight, weight.contiguous(), self._count)),
                as_warp(self._cells, wp.vec3),
                as_warp(position, wp.vec3),
            ],
            outputs=[as_warp(cell), as_warp(share)],
            device=device,
        )
        sample = FieldSample(
            torch.empty(count, EARLY_BINS, BAND_COUNT, 4, device=self.device),
            torch.empty(count, _SLOPES, BAND_COUNT, device=self.device),
            torch.empty(count, device=self.device),
        )
        stored = (slot, cell, share, self._first_arrival, self._early, self._towards, self._late)
        wp.launch(
            _blend_kernel,
            dim=(count, EARLY_BINS * BAND_COUNT + _SLOPES * BAND_COUNT + 1),
            inputs=[*map(as_warp, stored)],
            outputs=[*map(as_warp, sample)],
            device=device,
        )
        return sample

    def _slots(self, position: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
        if position.ndim != 2 or position.shape[1] != 3:
            raise ValueError(f"position must have shape (B, 3), not {tuple(position.shape)}")
        if rows is None and len(position) != self.rows:
            raise ValueError(f"{len(position)} positions for {self.rows} rows: say which rows")
        wanted = self._slot if rows is None else self._slot[rows.cpu()]
        if bool((wanted < 0).any()):
            raise ValueError(f"row {int((wanted < 0).nonzero()[0])} of the field bank has no field yet: call set_row")
        return self._slot_on_device if rows is None else self._slot_on_device[rows]

    def _free_slot(self, field: SourceField) -> int:
        """Returns a slot that no row uses, large enough for the field; grows the tensors where there is none."""
        used = set(self._slot.tolist())
        slot = next((i for i in range(len(self._fields)) if i not in used), len(self._fields))
        slots = len(self._fields) if slot < len(self._fields) else max(1, 2 * len(self._fields))
        columns = tuple(max(a, b) for a, b in zip(self._cell_index.shape[1:], field.cell_index.shape, strict=True))
        cells = max(self._cells.shape[1], len(field.cells))
        if (slots, *columns, cells) != (*self._cell_index.shape, self._cells.shape[1]):
            kept = [(i, known) for i, known in enumerate(self._fields) if known is not None and i in used]
            self._allocate(slots, (columns[0], columns[1]), cells)
            for i, known in kept:
                self._write(i, known)
        return slot

    def _allocate(self, slots: int, columns: tuple[int, int], cells: int) -> None:
        self._fields = (self._fields + [None] * slots)[:slots]

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(slots, *shape, dtype=dtype, device=self.device)

        self._origin, self._spacing = zeros(2), zeros()
        self._columns, self._count = zeros(2, dtype=torch.int64), zeros(dtype=torch.int64)
        self._cell_index = torch.full((slots, *columns), -1, dtype=torch.int32, device=self.device)
        self._cells, self._first_arrival = zeros(cells, 3), zeros(cells)
        self._early = zeros(cells, EARLY_BINS, BAND_COUNT, dtype=torch.float16)
        self._towards = zeros(cells, EARLY_BINS, 3 * BAND_COUNT, dtype=torch.float16)
        self._late = zeros(cells, _SLOPES, BAND_COUNT, dtype=torch.float16)

    def _write(self, slot: int, field: SourceField) -> None:
        columns, count = field.cell_index.shape, len(field.cells)
        omni = np.maximum(field.early[..., :1], 0.0)
        towards = field.early[..., 1:] / np.where(omni > 0, omni, 1.0)
        straight = np.linalg.norm(field.cells - np.asarray(field.source, dtype=np.float32), axis=1) / SPEED_OF_SOUND
        arrival = np.where(np.isfinite(field.first_arrival), field.first_arrival, straight)
        self._fields[slot] = field
        self._origin[slot] = torch.tensor(field.origin)
        self._spacing[slot] = field.spacing
        self._columns[slot] = torch.tensor(columns)
        self._count[slot] = count
        self._cell_index[slot] = -1
        self._cell_index[slot, : columns[0], : columns[1]] = torch.from_numpy(np.array(field.cell_index)).to(
            self.device
        )
        for target, value in (
            (self._cells, field.cells),
            (self._first_arrival, arrival),
            (self._early, float(_SCALE) * np.sqrt(omni[..., 0])),
            (self._towards, np.clip(towards, -1.0, 1.0).reshape(count, EARLY_BINS, -1)),
            (self._late, float(_SCALE) * np.sqrt(np.maximum(field.late, 0.0))),
        ):
            target[slot, :count] = torch.from_numpy(np.array(value, dtype=np.float32)).to(target)
