"""Tables whose rows come and go in contiguous ranges: an allocator of row numbers, and tensors that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["Column", "RowRange", "RowRanges", "RowTables", "staged"]


class RowRange(NamedTuple):
    """Rows from `start` on, below `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.stop - self.start


class Column(NamedTuple):
    """One table: what a row holds."""

    dtype: torch.dtype
    shape: tuple[int, ...] = ()
    """Of one row."""
    padding: float | None = None
    """What a row holds where it was not written since it was widened; None = anything."""


class RowRanges:
    """Allots contiguous ranges of rows: the first gap that is large enough; free neighbours join."""

    capacity: int
    """Rows there are, used or free: tables have so many at least."""

    def __init__(self, capacity: int = 0) -> None:
        self.capacity = capacity
        self._free = [RowRange(0, capacity)] if capacity else []

    @property
    def used(self) -> int:
        """Rows in use."""
        return self.capacity - sum(gap.size for gap in self._free)

    def take(self, count: int) -> RowRange:
        """Returns a range of rows nobody has; the capacity doubles where no gap is large enough.

        Raises:
            ValueError: a negative count.
        """
        if count < 0:
            raise ValueError(f"a range of rows has at least none, not {count}")
        if not count:
            return RowRange(0, 0)
        place = next((i for i, gap in enumerate(self._free) if gap.size >= count), None)
        if place is None:
            place = self._grow(count)
        gap = self._free[place]
        rest = RowRange(gap.start + count, gap.stop)
        self._free[place : place + 1] = [rest] if rest.size else []
        return RowRange(gap.start, rest.start)

    def give_back(self, rows: RowRange) -> None:
        """Makes a range that `take` returned free again.

        Raises:
            ValueError: rows that are free already, or beyond the capacity.
        """
        if not rows.size:
            return
        place = next((i for i, gap in enumerate(self._free) if gap.start >= rows.start), len(self._free))
        before = self._free[place - 1] if place else RowRange(0, 0)
        after = self._free[place] if place < len(self._free) else RowRange(self.capacity, self.capacity)
        if rows.start < before.stop or rows.stop > after.start:
            raise ValueError(f"rows {rows.start} to {rows.stop - 1} are not in use: they were given back before")
        start, stop, first, last = rows.start, rows.stop, place, place
        if before.size and before.stop == start:
            start, first = before.start, place - 1
        if after.size and after.start == stop:
            stop, last = after.stop, place + 1
        self._free[first:last] = [RowRange(start, stop)]

    def _grow(self, count: int) -> int:
        """Makes the last gap large enough for `count` rows, and returns its place."""
        ends_free = bool(self._free) and self._free[-1].stop == self.capacity
        start = self._free.pop().start if ends_free else self.capacity
        capacity = max(2 * self.capacity, start + count)
        self._free.append(RowRange(start, capacity))
        self.capacity = capacity
        return len(self._free) - 1


class RowTables:
    """Tensors on a device whose rows `RowRanges` allots; what no range owns is never read, and holds anything."""

    tensors: dict[str, torch.Tensor]
    """The tables, each with a first axis of `ranges.capacity` rows or more; replaced by larger ones as they grow."""

    def __init__(self, ranges: RowRanges, device: torch.device, columns: Mapping[str, Column]) -> None:
        self.ranges, self.tensors = ranges, {}
        self._device, self._columns = device, dict(columns)
        self.fit()

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.tensors[name]

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of each table [bytes]."""
        return {name: tensor.nbytes for name, tensor in self.tensors.items()}

    def fit(self) -> None:
        """Lets the tables grow to the capacity of their ranges."""
        capacity = max(self.ranges.capacity, 1)  # Warp takes no null pointers
        for name, (dtype, shape, padding) in self._columns.items():
            known = self.tensors.get(name)
            if known is None or len(known) < capacity or known.shape[1:] != shape:
                table = torch.empty((capacity, *shape), dtype=dtype, device=self._device)
                if padding is not None:
                    table.fill_(padding)
                if known is not None:
                    table[tuple(slice(size) for size in known.shape)] = known
                self.tensors[name] = table

    def widen(self, shape: tuple[int, ...]) -> None:
        """Makes the rows of all tables larger; what they hold stays in the first places along each axis."""
        self._columns = {name: column._replace(shape=shape) for name, column in self._columns.items()}
        self.fit()

    def write(self, rows: RowRange, values: Mapping[str, torch.Tensor | int]) -> None:
        """Fills a range of some tables, which grow before if they must; from pinned memory copies are asynchronous.

        Args:
            rows: the range.
            values: per table one entry for each row, or one number for all.
        """
        self.fit()
        for name, value in values.items():
            target = self.tensors[name][rows.start : rows.stop]
            if isinstance(value, int):
                target.fill_(value)
            else:
                target.copy_(value, non_blocking=True)


def staged(
    values: Mapping[str, npt.ArrayLike], columns: Mapping[str, Column], device: torch.device
) -> dict[str, torch.Tensor]:
    """Returns what `RowTables.write` will be given, ready to be copied: of the tables' types; for CUDA, pinned.

    Args:
        values: per table one entry for each row.
        columns: the tables, and maybe others.
        device: of the tables.
    """
    ready = {}
    for name, value in values.items():
        tensor = torch.tensor(np.asarray(value), dtype=columns[name].dtype)
        ready[name] = tensor.pin_memory() if device.type == "cuda" else tensor
    return ready
