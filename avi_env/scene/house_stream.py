"""Random draws of the house generator: counter-based streams, one for each (seed, purpose, attempt, split)."""

from __future__ import annotations

import zlib
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

import numpy as np

__all__ = ["Stream"]

Item = TypeVar("Item")


class Stream:
    """Draws that depend on nothing but (seed, purpose, attempt, split).

    Only uniform doubles are taken from NumPy (Philox's bits are part of its definition); everything else is derived
    here, so that a house does not change with NumPy's distribution methods.
    """

    def __init__(self, seed: int, purpose: str, attempt: int = 0, split: str = "train") -> None:
        name = purpose if split == "train" else f"{split}/{purpose}"
        low = (zlib.crc32(name.encode()) << 32) | (attempt & 0xFFFFFFFF)
        key = np.array([low, seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)
        self._generator = np.random.Generator(np.random.Philox(key=key))
        self._buffer: list[float] = []

    def random(self) -> float:
        """Returns a double in [0, 1)."""
        if not self._buffer:
            self._buffer = self._generator.random(128).tolist()
            self._buffer.reverse()
        return self._buffer.pop()

    def uniform(self, low: float, high: float) -> float:
        """Returns a double in [low, high), rounded to 0.1 mm so that geometry is free of noise digits."""
        return round(low + (high - low) * self.random(), 4)

    def integer(self, low: int, high: int) -> int:
        """Returns an integer in low ... high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Returns True with a probability."""
        return self.random() < probability

    def pick(self, items: Sequence[Item]) -> Item:
        """Returns one of the items, all equally likely."""
        return items[int(self.random() * len(items))]

    def pick_weighted(self, items: Sequence[Item], weights: Sequence[float]) -> Item:
        """Returns one of the items with probability in proportion to its weight."""
        mark = self.random() * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            mark -= weight
            if mark < 0:
                return item
        return items[-1]

    def shuffle(self, items: MutableSequence[Item]) -> None:
        """Shuffles in place (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = int(self.random() * (i + 1))
            items[i], items[j] = items[j], items[i]
