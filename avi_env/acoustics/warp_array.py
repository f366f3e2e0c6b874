"""Torch tensors as Warp's kernel arguments, without the cost of a `wp.array` object per launch."""

from __future__ import annotations

from typing import Any

import torch
import warp as wp

__all__ = ["as_warp"]


def as_warp(tensor: torch.Tensor, dtype: type | None = None) -> Any:
    """Returns the launch argument of a tensor; the tensor must outlive the launch.

    Args:
        tensor: contiguous; a complex one becomes an array of `wp.vec2`.
        dtype: the element, such as `wp.vec3` for a last dimension of 3; a scalar if not given.

    Raises:
        ValueError: the tensor is not contiguous.
    """
    if not tensor.is_contiguous():
        raise ValueError(f"a kernel argument must be contiguous; shape {tuple(tensor.shape)} has {tensor.stride()}")
    if tensor.is_complex():
        return wp.from_torch(torch.view_as_real(tensor), dtype=wp.vec2, return_ctype=True)
    return wp.from_torch(tensor, dtype=dtype, return_ctype=True)
