"""Baked fields on the device, one per environment row, and their look-up where the listener stands."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc,no-any-return"

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, SourceField
from avi_env.acoustics.warp_array import launch

__all__ = ["Corners", "FieldBank", "FieldSample"]

wp.set_module_options({"enable_backward": False})

_SLOPES = len(DECAY_TIMES)
_EARLY = EARLY_BINS * BAND_COUNT
_LATE = len(DECAY_TIMES) * BAND_COUNT

_STOREY = wp.constant(1.5)
"""[m] by which an ear may be above or below a cell of its storey."""

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


@wp.func
def _own_storey(
    cell_index: wp.array4d[wp.int32], cells: wp.array2d[wp.vec3], field: int, column: int, line: int, y: float
) -> int:
    """The cell of a grid column nearest in height to an ear, of those on its storey, or -1."""
    best = wp.int32(-1)
    least = wp.float32(_STOREY)
    for layer in range(cell_index.shape[1]):
        cell = cell_index[field, layer, column, line]
        if cell >= 0:
            apart = wp.abs(cells[field, cell][1] - y)
            if apart < least:
                least = apart
                best = cell
    return best


@wp.kernel
def _corners_kernel(
    slot: wp.array[wp.int64],
    rows: wp.array[wp.int64],
    position: wp.array[wp.vec3],
    grid: wp.array[wp.vec3],
    columns: wp.array2d[wp.int64],
    cell_index: wp.array4d[wp.int32],
    cells: wp.array2d[wp.vec3],
    cell_out: wp.array2d[wp.int32],
    weight_out: wp.array2d[wp.float32],
    center_out: wp.array2d[wp.vec3],
) -> None:
    row, corner = wp.tid()
    field = int(slot[rows[row]])
    cell_out[row, corner] = -1
    weight_out[row, corner] = 0.0
    center_out[row, corner] = position[row]
    if field < 0:
        return
    x = (position[row][0] - grid[field][0]) / grid[field][2]
    z = (position[row][2] - grid[field][1]) / grid[field][2]
    column, line = wp.floor(x), wp.floor(z)
    x, z = x - column, z - line
    if corner % 2 == 1:
        column += 1.0
    else:
        x = 1.0 - x
    if corner / 2 == 1:
        line += 1.0
    else:
        z = 1.0 - z
    inside = column >= 0.0 and line >= 0.0
    if inside and column < float(columns[field, 0]) and line < float(columns[field, 1]):
        cell = cell_index[field, 0, int(column), int(line)]
        if cell_index.shape[1] > 1:
            cell = _own_storey(cell_index, cells, field, int(column), int(line), position[row][1])
        if cell >= 0:
            cell_out[row, corner] = cell
            weight_out[row, corner] = x * z
            center_out[row, corner] = cells[field, cell]


@wp.kernel
def _shares_kernel(
    slot: wp.array[wp.int64],
    rows: wp.array[wp.int64],
    visible: wp.array2d[wp.bool],
    position: wp.array[wp.vec3],
    cell_count: wp.array[wp.int64],
    cells: wp.array2d[wp.vec3],
    cell: wp.array2d[wp.int32],
    weight: wp.array2d[wp.float32],
) -> None:
    row = wp.tid()
    field = int(slot[rows[row]])
    total = float(0.0)  # noqa: UP018 - Warp variables, not constants
    heaviest = float(0.0)  # noqa: UP018
    nearest = int(0)  # noqa: RUF046, UP018
    for i in range(weight.shape[1]):
        if visible[row, i]:
            total += weight[row, i]
        if weight[row, i] > heaviest:
            heaviest = weight[row, i]
            nearest = cell[row, i]
    if total < 1.0e-4:  # sees no corner: the nearest of them, or the nearest cell at all
        if heaviest == 0.0 and field >= 0:
            least = float(wp.inf)
            for other in range(int(cell_count[field])):
                distance = wp.length_sq(cells[field, other] - position[row])
                if distance < least:
                    least = distance
                    nearest = other
        for i in range(weight.shape[1]):
            cell[row, i] = nearest
            weight[row, i] = wp.where(i == 0, 1.0, 0.0)
    else:
        for i in range(weight.shape[1]):
            weight[row, i] = wp.where(visible[row, i], weight[row, i] / total, 0.0)


# Half floats by their bits, exact for all finite ones: neither compiler needs a type for them.
@wp.func_native("""
    auto single = [](const wp::half h) {
        union { unsigned int i; float f; } bits;
        bits.i = (unsigned int)(h.u & 0x7fff) << 13;
        const float magnitude = bits.f * 5.192296858534828e33f;
        return h.u & 0x8000 ? -magnitude : magnitude;
    };
    const wp::half* __restrict__ e = early.data;
    const wp::half* __restrict__ t = towards.data;
    float* __restrict__ y = out.data;
    for (int n = first; n < last; ++n) {
        const float pressure = single(e[n]) * unit;
        const float energy = share * pressure * pressure;
        y[4 * n] += energy;
        y[4 * n + 1] += energy * single(t[3 * n]);
        y[4 * n + 2] += energy * single(t[3 * n + 1]);
        y[4 * n + 3] += energy * single(t[3 * n + 2]);
    }
""")
def _add_early(
    early: wp.array[wp.float16],
    towards: wp.array[wp.float16],
    share: wp.float32,
    unit: wp.float32,
    first: wp.int32,
    last: wp.int32,
    out: wp.array[wp.float32],
) -> None:
    """Adds a share of a cell's early energies with their directions to `out`, numbers `first` to `last`."""


@wp.kernel
def _blend_kernel(
    slot: wp.array[wp.int64],
    rows: wp.array[wp.int64],
    cell: wp.array2d[wp.int32],
    share: wp.array2d[wp.float32],
    first_arrival: wp.array2d[wp.float32],
    early: wp.array3d[wp.float16],
    towards: wp.array3d[wp.float16],
    late: wp.array3d[wp.float16],
    each: wp.int32,
    early_out: wp.array2d[wp.float32],
    late_out: wp.array2d[wp.float32],
    first_arrival_out: wp.array[wp.float32],
) -> None:
    row, part = wp.tid()
    field = int(slot[rows[row]])
    first, last = part * each, (part + 1) * each
    if field < 0:
        first_arrival_out[row] = wp.nan
        early_out[row, 4 * first] = wp.nan
        return
    arrival = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
    for i in range(cell.shape[1]):
        if share[row, i] > 0.0:
            c = cell[row, i]
            arrival += share[row, i] * first_arrival[field, c]
            end = wp.min(last, early.shape[2])
            _add_early(early[field, c], towards[field, c], share[row, i], 1.0 / _SCALE, first, end, early_out[row])
            for line in range(first, wp.min(last, late.shape[2])):
                pressure = wp.float32(late[field, c, line]) / _SCALE
                late_out[row, line] += share[row, i] * pressure * pressure
    if part == 0:
        first_arrival_out[row] = arrival


class FieldBank:
    """Padded tensors of the baked fields that `rows` environments hear; a field shared by rows is stored once."""

    def __init__(self, rows: int, device: str | torch.device = "cpu") -> None:
        if rows < 1:
            raise ValueError(f"a field bank needs at least one row, not {rows}")
        self.device = torch.device(device)
        self._fields: list[SourceField | None] = []
        self._slot = torch.full((rows,), -1, dtype=torch.int64)
        self._slot_on_device = self._slot.to(self.device)
        self._all_rows = torch.arange(rows, device=self.device)
        self._complete = False
        self._allocate(slots=0, columns=(1, 1, 1), cells=1)

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
        self._complete = bool((self._slot >= 0).all())

    def corners(self, position: torch.Tensor, rows: torch.Tensor | None = None) -> Corners:
        """Returns the four cells around each listener.

        Args:
            position: of the ears [m], world frame, shape (B, 3).
            rows: whose field each listener hears, shape (B,); 0 ... B-1 if not given.
        """
        return self._corners(self._rows(position, rows), _three(position))

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
        rows, place = self._rows(position, rows), _three(position)
        corners = self._corners(rows, place)
        seen = visible(corners.center) if callable(visible) else visible
        if seen is None:
            seen = torch.ones(len(rows), 4, dtype=torch.bool, device=self.device)
        return self._blend(rows, place, corners, seen.to(torch.bool).contiguous())

    def _corners(self, rows: torch.Tensor, place: torch.Tensor) -> Corners:
        count, device = len(rows), self.device
        corners = Corners(
            torch.empty(count, 4, dtype=torch.int32, device=device),
            torch.empty(count, 4, device=device),
            torch.empty(count, 4, 3, device=device),
        )
        tables = [self._grid, self._columns, self._cell_index, self._cells]
        launch(_corners_kernel, (count, 4), [self._slot_on_device, rows, place, *tables, *corners], device)
        return corners

    def _blend(self, rows: torch.Tensor, place: torch.Tensor, corners: Corners, seen: torch.Tensor) -> FieldSample:
        """Returns the mean of the cells seen; changes the corners to their shares of it."""
        count, device = len(rows), self.device
        arguments = [seen, place, self._count, self._cells, corners.cell, corners.weight]
        launch(_shares_kernel, (count,), [self._slot_on_device, rows, *arguments], device)
        early, late = torch.zeros(count, 4 * _EARLY, device=device), torch.zeros(count, _LATE, device=device)
        first_arrival = torch.empty(count, device=device)
        each = _EARLY if device.type == "cpu" else 1
        stored = [self._first_arrival, self._early, self._towards, self._late]
        parts = [corners.cell, corners.weight, *stored, each, early, late, first_arrival]
        launch(_blend_kernel, (count, _EARLY // each), [self._slot_on_device, rows, *parts], device)
        shape = (count, EARLY_BINS, BAND_COUNT, 4)
        return FieldSample(early.reshape(shape), late.reshape(count, _SLOPES, BAND_COUNT), first_arrival)

    def _rows(self, position: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
        """Returns whose field each listener hears; without one: an error; on a GPU, not a number."""
        if position.ndim != 2 or position.shape[1] != 3:
            raise ValueError(f"position must have shape (B, 3), not {tuple(position.shape)}")
        if rows is None:
            if len(position) != self.rows:
                raise ValueError(f"{len(position)} positions for {self.rows} rows: say which rows")
            rows = self._all_rows
        if not self._complete and self.device.type == "cpu":  # elsewhere to ask would be to wait
            empty = self._slot[rows] < 0
            if bool(empty.any()):
                raise ValueError(f"row {int(rows[empty][0])} of the field bank has no field yet: call set_row")
        return rows.to(torch.int64).contiguous()

    def _free_slot(self, field: SourceField) -> int:
        """Returns a slot that no row uses, large enough for the field; grows the tensors where there is none."""
        used = set(self._slot.tolist())
        slot = next((i for i in range(len(self._fields)) if i not in used), len(self._fields))
        slots = len(self._fields) if slot < len(self._fields) else max(1, 2 * len(self._fields))
        shape = _layered(field.cell_index).shape
        columns = tuple(max(a, b) for a, b in zip(self._cell_index.shape[1:], shape, strict=True))
        cells = max(self._cells.shape[1], len(field.cells))
        if (slots, *columns, cells) != (*self._cell_index.shape, self._cells.shape[1]):
            kept = [(i, known) for i, known in enumerate(self._fields) if known is not None and i in used]
            self._allocate(slots, (columns[0], columns[1], columns[2]), cells)
            for i, known in kept:
                self._write(i, known)
        return slot

    def _allocate(self, slots: int, columns: tuple[int, int, int], cells: int) -> None:
        self._fields = (self._fields + [None] * slots)[:slots]

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(slots, *shape, dtype=dtype, device=self.device)

        self._grid = zeros(3)
        """Origin x, z and spacing."""
        self._columns, self._count = zeros(2, dtype=torch.int64), zeros(dtype=torch.int64)
        self._cell_index = torch.full((slots, *columns), -1, dtype=torch.int32, device=self.device)
        self._cells, self._first_arrival = zeros(cells, 3), zeros(cells)
        self._early = zeros(cells, _EARLY, dtype=torch.float16)
        self._towards = zeros(cells, 3 * _EARLY, dtype=torch.float16)
        self._late = zeros(cells, _LATE, dtype=torch.float16)

    def _write(self, slot: int, field: SourceField) -> None:
        index, count = _layered(field.cell_index), len(field.cells)
        layers, *columns = index.shape
        omni = np.maximum(field.early[..., :1], 0.0)
        towards = field.early[..., 1:] / np.where(omni > 0, omni, 1.0)
        straight = np.linalg.norm(field.cells - np.asarray(field.source, dtype=np.float32), axis=1) / SPEED_OF_SOUND
        arrival = np.where(np.isfinite(field.first_arrival), field.first_arrival, straight)
        self._fields[slot] = field
        self._grid[slot] = torch.tensor([*field.origin, field.spacing])
        self._columns[slot] = torch.tensor(columns)
        self._count[slot] = count
        self._cell_index[slot] = -1
        self._cell_index[slot, :layers, : columns[0], : columns[1]] = torch.from_numpy(np.array(index)).to(self.device)
        for target, value in (
            (self._cells, field.cells),
            (self._first_arrival, arrival),
            (self._early, float(_SCALE) * np.sqrt(omni[..., 0]).reshape(count, -1)),
            (self._towards, np.clip(towards, -1.0, 1.0).reshape(count, -1)),
            (self._late, float(_SCALE) * np.sqrt(np.maximum(field.late, 0.0)).reshape(count, -1)),
        ):
            target[slot, :count] = torch.from_numpy(np.array(value, dtype=np.float32)).to(target)


def _layered(index: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """A table over grid columns with its axis of layers, (layers, nx, nz)."""
    return index.reshape(-1, *index.shape[-2:])


def _three(position: torch.Tensor) -> torch.Tensor:
    return position.to(torch.float32).contiguous()
