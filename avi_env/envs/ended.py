"""Which episodes have ended: the one thing that a step tells the host, without being waited for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["EndedRows"]


class EndedRows:
    """Flags of N rows, sent home at the end of a step and read at the start of the next one."""

    def __init__(self, rows: int, device: torch.device) -> None:
        on_cuda = device.type == "cuda"
        self._home = torch.zeros(rows, dtype=torch.bool, pin_memory=on_cuda)
        self._flags: npt.NDArray[np.bool_] = self._home.numpy()
        self._arrived = torch.cuda.Event() if on_cuda else None  # type: ignore[no-untyped-call]

    def send(self, flags: torch.Tensor) -> None:
        """Begins to copy the flags of a step, shape (N,), bool."""
        self._home.copy_(flags, non_blocking=True)
        if self._arrived is not None:
            self._arrived.record()

    def read(self) -> npt.NDArray[np.bool_]:
        """Returns the flags that were sent last, shape (N,), less those cleared since."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._flags.copy()

    def clear(self, rows: Sequence[int]) -> None:
        """Notes that some rows have begun another episode."""
        if self._arrived is not None:
            self._arrived.synchronize()
        self._flags[rows] = False
