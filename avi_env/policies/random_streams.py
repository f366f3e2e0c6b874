"""Random streams of a learner's own, for libraries that draw from torch's and NumPy's common ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["RandomStreams"]


class RandomStreams:
    """The states of the common streams that one learner draws from; what others draw in between changes nothing.

    Args:
        seed: of all of them.
        device: "cpu" or "cuda".
    """

    def __init__(self, seed: int, device: str) -> None:
        self._cuda = torch.device(device).type == "cuda"
        outer = self._read()
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002  (the stream that the libraries draw from)
        torch.manual_seed(seed)
        self._own = self._read()
        self._write(outer)

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Puts the learner's streams in the place of the common ones, which afterwards go on as before."""
        outer = self._read()
        self._write(self._own)
        try:
            yield
        finally:
            self._own = self._read()
            self._write(outer)

    def state(self) -> dict[str, Any]:
        """Returns where the streams are."""
        return dict(self._own)

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self._own = {**self._own, **state}

    def _read(self) -> dict[str, Any]:
        states = {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}  # noqa: NPY002
        return {**states, "cuda": torch.cuda.get_rng_state()} if self._cuda else states

    def _write(self, states: dict[str, Any]) -> None:
        random.setstate(states["python"])
        np.random.set_state(states["numpy"])  # noqa: NPY002
        torch.set_rng_state(states["torch"])
        if self._cuda:
            torch.cuda.set_rng_state(states["cuda"])
