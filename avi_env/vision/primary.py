"""What the camera's backends answer: the first surface behind every pixel."""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["Primary"]


class Primary(NamedTuple):
    """Primary hits of B views of H x W pixels."""

    depth: torch.Tensor
    """Planar depth [m], shape (B, H, W), float32; meaningless where nothing is hit."""
    triangle: torch.Tensor
    """Triangle of the view's own scene, shape (B, H, W), int32, -1 = no hit."""
    barycentric: torch.Tensor
    """Weights of the triangle's vertices 1 and 2, shape (B, H, W, 2), float32; vertex 0 has the rest."""
