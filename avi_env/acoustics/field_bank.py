"""Baked fields on the device, one per environment row, and their look-up where the listener stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, SourceField

__all__ = ["Corners", "FieldBank", "FieldSample"]

_SLOPES = len(DECAY_TIMES)

_SCALE = 256.0
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
        total = weight[:, 0] + weight[:, 1] + weight[:, 2] + weight[:, 3]
        alone = total < 1e-4
        weight = torch.where(alone[:, None], torch.eye(4, device=self.device)[0], weight)
        weight = weight / torch.where(alone, 1.0, total)[:, None]
        nearest = self._nearest(slot, position, corners)
        cell = torch.where(alone[:, None], nearest[:, None], corners.cell.clamp(min=0))
        return self._blend(slot, cell, weight)

    def _blend(self, slot: torch.Tensor, cell: torch.Tensor, weight: torch.Tensor) -> FieldSample:
        count = len(slot)
        early = torch.zeros(count, EARLY_BINS, BAND_COUNT, 4, device=self.device)
        late = torch.zeros(count, _SLOPES, BAND_COUNT, device=self.device)
        arrival = torch.zeros(count, device=self.device)
        for corner in range(4):  # a fixed order of summation, whatever the batch
            where, share = (slot, cell[:, corner]), weight[:, corner]
            arrival = arrival + share * self._first_arrival[where]
            early = early + share[:, None, None, None] * self._early_energy(where)
            late = late + share[:, None, None] * (self._late[where].float() / _SCALE) ** 2
        return FieldSample(early, late, arrival)

    def _early_energy(self, where: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        omni = ((self._early[where].float() / _SCALE) ** 2)[..., None]
        return torch.cat([omni, omni * self._towards[where].float()], dim=-1)

    def _nearest(self, slot: torch.Tensor, position: torch.Tensor, corners: Corners) -> torch.Tensor:
        """Returns the heaviest corner cell, or the cell nearest to the listener where no corner has one, (B,)."""
        best = corners.weight.argmax(dim=1, keepdim=True)
        corner = corners.cell.gather(1, best)[:, 0]
        away = self._cells[slot] - position[:, None].to(self._cells.dtype)
        distance = away[..., 0] ** 2 + away[..., 1] ** 2 + away[..., 2] ** 2
        number = torch.arange(distance.shape[1], device=self.device)
        distance = torch.where(number < self._count[slot, None], distance, torch.inf)
        return torch.where(corners.weight.gather(1, best)[:, 0] > 0, corner, distance.argmin(dim=1))

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
        self._towards = zeros(cells, EARLY_BINS, BAND_COUNT, 3, dtype=torch.float16)
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
            (self._early, _SCALE * np.sqrt(omni[..., 0])),
            (self._towards, np.clip(towards, -1.0, 1.0)),
            (self._late, _SCALE * np.sqrt(np.maximum(field.late, 0.0))),
        ):
            target[slot, :count] = torch.from_numpy(np.array(value, dtype=np.float32)).to(target)
