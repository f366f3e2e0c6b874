"""State: all that changes, batched, on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """Placeholder until the environment lands."""

    position: torch.Tensor
