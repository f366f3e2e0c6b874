"""Measures of navigation, batched: what the field reports."""

from __future__ import annotations

import torch

__all__ = ["sna", "soft_spl", "spl"]


def spl(success: torch.Tensor, start_distance: torch.Tensor, path_length: torch.Tensor) -> torch.Tensor:
    """Returns success weighted by path length: S d0 / max(d0, p).

    Args:
        success: whether the episode succeeded, shape (B,), bool.
        start_distance: geodesic distance from start to goal d0 [m], shape (B,).
        path_length: length walked p [m], shape (B,).

    Source: Anderson et al. 2018, arXiv 1807.06757, eq. 1.
    """
    return success.to(start_distance.dtype) * path_efficiency(start_distance, path_length)


def soft_spl(distance: torch.Tensor, start_distance: torch.Tensor, path_length: torch.Tensor) -> torch.Tensor:
    """Returns SPL with success replaced by progress: max(0, 1 - d/d0) d0 / max(d0, p).

    Args:
        distance: geodesic distance that is left d [m], shape (B,).
        start_distance: geodesic distance at the start d0 [m], shape (B,).
        path_length: length walked p [m], shape (B,).

    Source: Datta et al. 2020, arXiv 2009.03231.
    """
    progress = (1.0 - distance / start_distance.clamp_min(1e-6)).clamp_min(0.0)
    return progress * path_efficiency(start_distance, path_length)


def sna(success: torch.Tensor, oracle_actions: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    """Returns success weighted by the number of actions: S n* / max(n*, n).

    Args:
        success: whether the episode succeeded, shape (B,), bool.
        oracle_actions: actions of the shortest-path follower n*, stop included, shape (B,).
        actions: actions taken n, stop included, shape (B,).

    Source: Chen et al. 2021, arXiv 2008.09622.
    """
    best = oracle_actions.to(torch.float32)
    return success.to(torch.float32) * best / torch.maximum(best, actions.to(torch.float32)).clamp_min(1.0)


def path_efficiency(start_distance: torch.Tensor, path_length: torch.Tensor) -> torch.Tensor:
    """Returns d0 / max(d0, p): 1 on the shortest path, less on detours."""
    return start_distance / torch.maximum(start_distance, path_length).clamp_min(1e-6)
