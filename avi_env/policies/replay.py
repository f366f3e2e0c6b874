"""A replay of sequences: the last ones of a fixed number, drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["Replay"]


class Replay:
    """A ring of sequences of equal length; new ones take the place of the oldest.

    Args:
        capacity: sequences kept.
        device: where.
    """

    def __init__(self, capacity: int, device: torch.device | str = "cpu") -> None:
        if capacity < 1:
            raise ValueError(f"a replay keeps at least one sequence, got {capacity}")
        self.capacity, self.device = capacity, torch.device(device)
        self.count = 0
        """Sequences that have been put in; those kept are the last `capacity` of them."""
        self._arrays: dict[str, torch.Tensor] = {}

    def __len__(self) -> int:
        return min(self.count, self.capacity)

    def put(self, sequences: Mapping[str, torch.Tensor]) -> None:
        """Adds sequences: arrays by name, shape (B, ...), B of them at once, no more than there is room."""
        size = len(next(iter(sequences.values())))
        if size > self.capacity:
            raise ValueError(f"{size} sequences at once do not fit into a replay of {self.capacity}")
        if not self._arrays:
            shapes = {name: (self.capacity, *value.shape[1:]) for name, value in sequences.items()}
            self._arrays = {name: sequences[name].new_empty(shape) for name, shape in shapes.items()}
        at = (torch.arange(size, device=self.device) + self.count) % self.capacity
        for name, value in sequences.items():
            self._arrays[name][at] = value
        self.count += size

    def draw(self, size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Returns sequences drawn at random, with replacement, as `put` takes them."""
        at = torch.randint(len(self), (size,), generator=generator).to(self.device)
        return {name: value[at] for name, value in self._arrays.items()}

    def state(self) -> dict[str, Any]:
        """Returns what is kept, for `restore`."""
        return {
            "count": self.count,
            "arrays": {name: value[: len(self)].clone() for name, value in self._arrays.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state of a replay of the same capacity."""
        self.count, self._arrays = int(state["count"]), {}
        for name, value in state["arrays"].items():
            self._arrays[name] = value.new_empty((self.capacity, *value.shape[1:]), device=self.device)
            self._arrays[name][: len(value)] = value
