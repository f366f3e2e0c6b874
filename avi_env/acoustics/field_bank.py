"""Baked fields on the device, one per environment row, and their look-up where the listener stands."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc,no-any-return"

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, SourceField
from avi_env.acoustics.field_store import EARLY, LATE, PRESSURE_SCALE, FieldArrays, FieldStore
from avi_env.acoustics.shared_rows import SharedRows
from avi_env.scene.launches import launch

__all__ = ["Corners", "FieldBank", "FieldSample"]

wp.set_module_options({"enable_backward": False})

_SLOPES = len(DECAY_TIMES)

_STOREY = wp.constant(1.5)
"""[m] by which an ear may be above or below a cell of its storey."""

_SCALE = wp.constant(PRESSURE_SCALE)
_UNKNOWN = wp.constant(SharedRows.UNKNOWN)

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
def _own_storey(fields: FieldArrays, field: int, column: int, line: int, y: float) -> int:
    """The cell of a grid column, with several layers that nearest in height to an ear of those on its storey, or -1."""
    layers, lines = fields.form[field, 3], fields.form[field, 5]
    place = fields.form[field, 1] + column * lines + line
    best = wp.int32(-1)
    if layers == 1:
        best = fields.cell_index[place]
        return best
    least = wp.float32(_STOREY)
    for layer in range(layers):
        cell = fields.cell_index[place + layer * fields.form[field, 4] * lines]
        if cell >= 0:
            apart = wp.abs(fields.cells[fields.form[field, 0] + cell][1] - y)
            if apart < least:
                least = apart
                best = cell
    return best


@wp.kernel
def _corners_kernel(
    slot: wp.array[wp.int64],
    rows: wp.array[wp.int64],
    position: wp.array[wp.vec3],
    fields: FieldArrays,
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
    x = (position[row][0] - fields.grid[field][0]) / fields.grid[field][2]
    z = (position[row][2] - fields.grid[field][1]) / fields.grid[field][2]
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
    if inside and column < float(fields.form[field, 4]) and line < float(fields.form[field, 5]):
        cell = _own_storey(fields, field, int(column), int(line), position[row][1])
        if cell >= 0:
            cell_out[row, corner] = cell
            weight_out[row, corner] = x * z
            center_out[row, corner] = fields.cells[fields.form[field, 0] + cell]


@wp.kernel
def _shares_kernel(
    slot: wp.array[wp.int64],
    rows: wp.array[wp.int64],
    visible: wp.array2d[wp.bool],
    position: wp.array[wp.vec3],
    fields: FieldArrays,
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
            for other in range(fields.form[field, 2]):
                distance = wp.length_sq(fields.cells[fields.form[field, 0] + other] - position[row])
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
    fields: FieldArrays,
    each: wp.int32,
    early_out: wp.array2d[wp.float32],
    late_out: wp.array2d[wp.float32],
    first_arrival_out: wp.array[wp.float32],
) -> None:
    row, part = wp.tid()
    field = int(slot[rows[row]])
    first, last = part * each, (part + 1) * each
    if field < 0:
        first_arrival_out[row] = 0.0
        if field == _UNKNOWN:
            first_arrival_out[row] = wp.nan
            early_out[row, 4 * first] = wp.nan
        return
    arrival = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
    end = wp.min(last, fields.early.shape[1])
    for i in range(cell.shape[1]):
        if share[row, i] > 0.0:
            c = fields.form[field, 0] + cell[row, i]
            arrival += share[row, i] * fields.first_arrival[c]
            _add_early(fields.early[c], fields.towards[c], share[row, i], 1.0 / _SCALE, first, end, early_out[row])
            for line in range(first, wp.min(last, fields.late.shape[1])):
                pressure = wp.float32(fields.late[c, line]) / _SCALE
                late_out[row, line] += share[row, i] * pressure * pressure
    if part == 0:
        first_arrival_out[row] = arrival


class FieldBank:
    """The baked fields that `rows` environments hear, and their look-up; equal fields are stored once."""

    def __init__(self, rows: int, device: str | torch.device = "cpu", silent: bool = False) -> None:
        """Makes room for a number of rows, which must be told before they are asked unless they begin silent."""
        if rows < 1:
            raise ValueError(f"a field bank needs at least one row, not {rows}")
        self.device = torch.device(device)
        self._store = FieldStore(rows, self.device, silent)
        self._all_rows = torch.arange(rows, device=self.device)

    @property
    def rows(self) -> int:
        """Number of environment rows."""
        return len(self._all_rows)

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes]."""
        return self._store.memory()

    def set_row(self, row: int, field: SourceField | None) -> None:
        """Makes `field` what row `row` hears from now on, None = silence; the cost is that of the field.

        Raises:
            IndexError: no such row.
            ValueError: the field has no cell.
        """
        self._store.set_row(row, field)

    def holds(self, field: SourceField) -> bool:
        """Returns whether a row hears this field; any thread may ask."""
        return self._store.rows.holds(field.digest)

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
        slots, fields = self._store.rows.place, self._store.arrays
        launch(_corners_kernel, (count, 4), [slots, rows, place, fields, *corners], device)
        return corners

    def _blend(self, rows: torch.Tensor, place: torch.Tensor, corners: Corners, seen: torch.Tensor) -> FieldSample:
        """Returns the mean of the cells seen; changes the corners to their shares of it."""
        count, device = len(rows), self.device
        slots, fields = self._store.rows.place, self._store.arrays
        launch(_shares_kernel, (count,), [slots, rows, seen, place, fields, corners.cell, corners.weight], device)
        early, late = torch.zeros(count, 4 * EARLY, device=device), torch.zeros(count, LATE, device=device)
        first_arrival = torch.empty(count, device=device)
        each = EARLY if device.type == "cpu" else 1
        parts = [corners.cell, corners.weight, fields, each, early, late, first_arrival]
        launch(_blend_kernel, (count, EARLY // each), [slots, rows, *parts], device)
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
        if self._store.rows.untold and self.device.type == "cpu":  # elsewhere to ask would be to wait
            empty = self._store.rows.place[rows] == SharedRows.UNKNOWN
            if bool(empty.any()):
                raise ValueError(f"row {int(rows[empty][0])} of the field bank has no field yet: call set_row")
        return rows.to(torch.int64).contiguous()


def _three(position: torch.Tensor) -> torch.Tensor:
    return position.to(torch.float32).contiguous()
