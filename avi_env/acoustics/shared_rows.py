"""Rows that use things of which equal ones are stored once, in tables without padding."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from avi_env.scene.arena import Column, RowRange, RowRanges, RowTables

__all__ = ["Ahead", "SharedRows", "SharedTables"]

Parts = dict[str, torch.Tensor]


@dataclass
class _Stored:
    place: int
    users: int


class SharedRows:
    """Which of several stored things each row uses; the first row that asks for one stores it, the last one frees it.

    To change a row costs the same however many rows there are.
    """

    place: torch.Tensor
    """Where each row's thing is stored, -1 = nothing, `UNKNOWN` = never told, shape (rows,), int64, on the device."""

    UNKNOWN = -2

    def __init__(self, rows: int, device: torch.device, told: bool = False) -> None:
        """Rows use nothing yet; `told` says that this is what they are meant to use."""
        self.place = torch.full((rows,), -1 if told else self.UNKNOWN, dtype=torch.int64, device=device)
        self.untold = 0 if told else rows
        """Rows of which nothing was told yet."""
        self._keys: dict[int, Hashable] = dict.fromkeys(range(rows)) if told else {}  # None = nothing
        self._stored: dict[Hashable, _Stored] = {}

    def __len__(self) -> int:
        return len(self.place)

    def holds(self, key: Hashable) -> bool:
        """Returns whether a thing is stored; any thread may ask."""
        return key in self._stored

    def use(self, row: int, key: Hashable, store: Callable[[], int], free: Callable[[int], None]) -> None:
        """Makes a row use a thing.

        Args:
            row: which row.
            key: what the thing is; None = nothing.
            store: stores it where it is not yet, and returns the place.
            free: frees a place that no row uses any more.

        Raises:
            IndexError: no such row.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is not one of this bank's {len(self)}")
        if row in self._keys and self._keys[row] == key:
            return
        if key is not None and key not in self._stored:
            self._stored[key] = _Stored(store(), 0)
        self.untold -= row not in self._keys
        before, self._keys[row] = self._keys.get(row), key
        if key is not None:
            self._stored[key].users += 1
        self.place[row] = -1 if key is None else self._stored[key].place
        if before is not None:
            self._stored[before].users -= 1
            if not self._stored[before].users:
                free(self._stored.pop(before).place)


class SharedTables:
    """What rows use, in tables on a device: one row per thing in the first, as many as it needs in the others.

    The column "form" of the first table begins with the first row of the thing in each of the others.
    """

    rows: SharedRows
    """Which thing each row uses: its row in the first table."""

    def __init__(self, rows: int, device: torch.device, *tables: Mapping[str, Column], told: bool = False) -> None:
        self.rows = SharedRows(rows, device, told)
        self._tables = [RowTables(RowRanges(), device, columns) for columns in tables]
        self._held: dict[int, list[RowRange]] = {}

    def use(self, row: int, key: Hashable, parts: Callable[[], Parts]) -> None:
        """Makes a row use a thing; the cost is that of the thing, and next to nothing where it is stored already.

        Args:
            row: which row.
            key: what the thing is; None = nothing.
            parts: makes its rows of each table, on the host, first rows within "form" still missing.

        Raises:
            IndexError: no such row.
        """
        self.rows.use(row, key, lambda: self._store(parts()), self._free)

    @property
    def tensors(self) -> Parts:
        """All tables by name; replaced by larger ones as they grow."""
        return {name: tensor for table in self._tables for name, tensor in table.tensors.items()}

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes]."""
        return {name: tensor.nbytes for name, tensor in self.tensors.items()}

    def _store(self, parts: Parts) -> int:
        held = [table.ranges.take(len(parts[next(iter(table.tensors))])) for table in self._tables]
        for number, rows in enumerate(held[1:]):
            parts["form"][0, number] = rows.start
        for table, rows in zip(self._tables, held, strict=True):
            table.write(rows, {name: parts[name] for name in table.tensors})
        self._held[held[0].start] = held
        return held[0].start

    def _free(self, place: int) -> None:
        for table, rows in zip(self._tables, self._held.pop(place), strict=True):
            table.ranges.give_back(rows)


class Ahead:
    """Parts of things made ahead by any thread, until they are taken or the thing is no more."""

    def __init__(self) -> None:
        self._parts: weakref.WeakKeyDictionary[Any, Parts] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def keep(self, thing: Any, parts: Parts) -> None:
        """Keeps the parts of a thing."""
        with self._lock:
            self._parts[thing] = parts

    def take(self, thing: Any) -> Parts | None:
        """Returns the parts of a thing, which are kept no longer; None if there are none."""
        with self._lock:
            return self._parts.pop(thing, None)
