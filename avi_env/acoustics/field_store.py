"""Where baked fields lie on a device: cells and columns of all of them one after the other, without padding."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, SourceField
from avi_env.acoustics.shared_rows import Ahead, SharedRows, SharedTables
from avi_env.scene.arena import Column, staged

__all__ = ["EARLY", "LATE", "PRESSURE_SCALE", "FieldArrays", "FieldStore", "prepare_field"]

EARLY = EARLY_BINS * BAND_COUNT
"""Early energies of a cell."""

LATE = len(DECAY_TIMES) * BAND_COUNT
"""Late energies of a cell."""

PRESSURE_SCALE = 256.0
"""Pressures are kept as 16-bit floats times this: -130 dB re the source at 1 m keeps eleven bits."""

_CELL_COLUMNS = {
    "cells": Column(torch.float32, (3,)),
    "first_arrival": Column(torch.float32),
    "early": Column(torch.float16, (EARLY,)),
    "towards": Column(torch.float16, (3 * EARLY,)),
    "late": Column(torch.float16, (LATE,)),
}
_COLUMN_COLUMNS = {"cell_index": Column(torch.int32)}
_SLOT_COLUMNS = {"grid": Column(torch.float32, (3,)), "form": Column(torch.int32, (6,))}
_ELEMENTS = {"cells": wp.vec3, "grid": wp.vec3}


@wp.struct
class FieldArrays:
    """A FieldStore as kernels take it."""

    grid: wp.array[wp.vec3]  # origin x, z and spacing [m] of each field
    form: wp.array2d[wp.int32]  # first cell, first column; number of cells, of layers, of columns (2)
    cell_index: wp.array[wp.int32]  # cell of each column within its field, -1 = none
    cells: wp.array[wp.vec3]  # centre [m]
    first_arrival: wp.array[wp.float32]  # [s]
    early: wp.array2d[wp.float16]  # omnidirectional pressures
    towards: wp.array2d[wp.float16]  # energies towards x, y and z re the omnidirectional one
    late: wp.array2d[wp.float16]  # pressures


_ahead = Ahead()


def prepare_field(field: SourceField, device: torch.device) -> None:
    """Computes ahead what a store on a device copies of a field; any thread may.

    Raises:
        ValueError: the field has no cell.
    """
    _ahead.keep(field, _parts(field, device))
    _ = field.digest  # takes its time, too


class FieldStore:
    """The fields that `rows` environments hear; equal ones are stored once, and freed when no row hears them."""

    def __init__(self, rows: int, device: torch.device, silent: bool = False) -> None:
        self._device = device
        self._tables = SharedTables(rows, device, _SLOT_COLUMNS, _CELL_COLUMNS, _COLUMN_COLUMNS, told=silent)
        self._arrays: FieldArrays | None = None

    @property
    def rows(self) -> SharedRows:
        """Which field each row hears."""
        return self._tables.rows

    def set_row(self, row: int, field: SourceField | None) -> None:
        """Makes `field` what a row hears from now on; None = nothing.

        Raises:
            IndexError: no such row.
            ValueError: the field has no cell.
        """
        ready = None if field is None else _ahead.take(field)
        key = None if field is None else field.digest
        self._tables.use(row, key, lambda: ready or _parts(field, self._device))
        self._arrays = None

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes]."""
        return self._tables.memory()

    @property
    def arrays(self) -> FieldArrays:
        """The fields as a kernel takes them, valid until a row is set."""
        if self._arrays is None:
            self._arrays = FieldArrays()
            for name, tensor in self._tables.tensors.items():
                setattr(self._arrays, name, wp.from_torch(tensor, dtype=_ELEMENTS.get(name)))
        return self._arrays


def _parts(field: SourceField | None, device: torch.device) -> dict[str, torch.Tensor]:
    """Returns the rows of a field in each table; first cell and column are still missing."""
    assert field is not None, "nothing has no parts"
    count = len(field.cells)
    if not count:
        raise ValueError(f"the field of the source at {field.source} has no listener cell: is it on any storey?")
    index = field.cell_index.reshape(-1, *field.cell_index.shape[-2:])
    omni = np.maximum(field.early[..., :1], 0.0)
    towards = field.early[..., 1:] / np.where(omni > 0, omni, 1.0)
    straight = np.linalg.norm(field.cells - np.asarray(field.source, dtype=np.float32), axis=1) / SPEED_OF_SOUND
    arrival = np.where(np.isfinite(field.first_arrival), field.first_arrival, straight)
    values: dict[str, npt.ArrayLike] = {
        "grid": [[*field.origin, field.spacing]],
        "form": [[0, 0, count, *index.shape]],
        "cell_index": index.reshape(-1),
        "cells": field.cells,
        "first_arrival": arrival,
        # To 16 bits from 32, whatever the field is kept in.
        "early": np.float32(PRESSURE_SCALE * np.sqrt(omni[..., 0]).reshape(count, -1)),
        "towards": np.float32(np.clip(towards, -1.0, 1.0).reshape(count, -1)),
        "late": np.float32(PRESSURE_SCALE * np.sqrt(np.maximum(field.late, 0.0)).reshape(count, -1)),
    }
    return staged(values, _SLOT_COLUMNS | _CELL_COLUMNS | _COLUMN_COLUMNS, device)
