"""The map that a policy keeps: from depth and pose, seen from the agent, at two scales. Nothing here is learned."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

__all__ = ["MAP_CELLS", "NEAR_CELL", "NEAR_CELLS", "MapLens", "MapMemory", "empty_maps", "map_view", "seen_maps"]

MAP_CELLS = 48
"""Width of a view [cells]."""

OCCUPIED, FREE, VISITED = 1, 2, 4
"""Bits of a cell."""

NEAR_CELL, NEAR_CELLS = 0.1, 400
"""Width of a fine cell [m], and of the fine map [cells]: 40 m about the start."""

_SCALES = (NEAR_CELL, 0.4)  # [m] a cell: what one could bump into; how the rooms hang together
_SIZES = (NEAR_CELLS, 128)  # cells: 40 m and 51 m about the start
_LOW, _HIGH = 0.1, 1.5  # [m]; surfaces at these heights are in the way of an agent of 1.5 m
_RANGE = 8.0  # [m]; beyond, a picture's column is wider than a doorway's jamb
_STEP = 0.08  # [m] between samples of free floor along a line of sight: none of the near cells is stepped over
_BODY = ((0.0, 0.0), (0.1, 0.0), (-0.1, 0.0), (0.0, 0.1), (0.0, -0.1))  # [m]; where the agent stands is free


class MapLens(NamedTuple):
    """What a map must know of the body."""

    hfov: float
    """Horizontal field of view of the depth picture [degrees]."""
    eye_height: float
    """Camera above the floor [m]."""


class MapMemory(NamedTuple):
    """Maps of B agents in their start frames; bits OCCUPIED, FREE, VISITED."""

    near: torch.Tensor
    """400 x 400 cells of 0.1 m, x then z, and one where nothing is, shape (B, 160001), uint8."""
    far: torch.Tensor
    """128 x 128 cells of 0.4 m, likewise, shape (B, 16385), uint8; once seen as something, always."""


def empty_maps(batch: int, device: torch.device | str = "cpu") -> MapMemory:
    """Returns maps of nothing."""
    return MapMemory(*(torch.zeros(batch, size * size + 1, dtype=torch.uint8, device=device) for size in _SIZES))


def seen_maps(memory: MapMemory, depth: torch.Tensor, pose: torch.Tensor, lens: MapLens) -> MapMemory:
    """Returns maps with one more look in them; those given are written to.

    Args:
        memory: maps so far.
        depth: planar depth [m], shape (B, H, W), 0 = no hit.
        pose: (x, y, z, yaw) of the feet in the start frame [m, rad], shape (B, 4).
        lens: of the camera.
    """
    height, width = depth.shape[1:]
    focal = 0.5 * width / math.tan(math.radians(0.5 * lens.hfov))
    across = (torch.arange(width, device=depth.device) + 0.5 - 0.5 * width) / focal
    upward = (0.5 * height - torch.arange(height, device=depth.device) - 0.5) / focal
    level = lens.eye_height + upward[:, None] * depth
    seen = (depth > 0.0) & (depth < _RANGE)
    hit = seen & (level > _LOW) & (level < _HIGH)
    floor = seen & (level <= _LOW)
    blocked = torch.where(hit, depth, _RANGE).amin(dim=1)
    reach = torch.where(floor, depth, 0.0).amax(dim=1)
    reach = torch.where(blocked < _RANGE, blocked - _STEP, reach)  # (B, W)
    along = torch.arange(1, int(_RANGE / _STEP), device=depth.device) * _STEP
    clear = along[:, None] <= reach[:, None, :]
    free_xz = _world(along[:, None].expand(-1, width), across, pose)
    hit_xz = _world(depth, across, pose)
    body = torch.tensor(_BODY, device=depth.device)[None] + pose[:, None, [0, 2]]
    here = torch.ones(body.shape[:2], dtype=torch.bool, device=depth.device)
    # what one sees through is not in the way: a door has opened; a far cell may be half wall, half floor
    for cells, scale, size, kept in zip(memory, _SCALES, _SIZES, (FREE | VISITED, 255), strict=True):
        _put(cells, _index(free_xz, scale, size), clear.flatten(1), FREE, keep=kept)
        _put(cells, _index(hit_xz, scale, size), hit.flatten(1), OCCUPIED, keep=255)
        _put(cells, _index(body, scale, size), here, FREE | VISITED, keep=255)
    return memory


def map_view(memory: MapMemory, pose: torch.Tensor) -> torch.Tensor:
    """Returns both maps as the agent has them about itself, ahead being up, shape (B, 2, 48, 48), uint8 bits."""
    batch = len(pose)
    middle = torch.arange(MAP_CELLS, device=pose.device) + 0.5 - 0.5 * MAP_CELLS
    views = []
    for cells, scale, size in zip(memory, _SCALES, _SIZES, strict=True):
        ahead = -middle[:, None].expand(-1, MAP_CELLS) * scale
        aside = middle[None, :].expand(MAP_CELLS, -1) * scale
        at = _index(_turned(ahead[None], aside[None], pose), scale, size)
        views.append(cells.gather(1, at).view(batch, MAP_CELLS, MAP_CELLS))
    return torch.stack(views, dim=1)


def _world(depth: torch.Tensor, across: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Returns (x, z) in the start frame of points at a planar depth (..., W) in the picture's columns."""
    return _turned(depth, depth * across, pose)


def _turned(ahead: torch.Tensor, aside: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Returns (x, z) in the start frame, shape (B, n, 2), of what is so far ahead and to the right."""
    sine, cosine = torch.sin(pose[:, 3, None, None]), torch.cos(pose[:, 3, None, None])
    x = pose[:, 0, None, None] - sine * ahead + cosine * aside
    z = pose[:, 2, None, None] - cosine * ahead - sine * aside
    return torch.stack([x.flatten(1), z.flatten(1)], dim=2)


def _index(xz: torch.Tensor, scale: float, size: int) -> torch.Tensor:
    """Returns the cell of each point, shape (B, n), int64; beyond the edge the nearest one."""
    at = ((xz / scale).floor().to(torch.int64) + size // 2).clamp_(0, size - 1)
    return at[..., 0] * size + at[..., 1]


def _put(cells: torch.Tensor, at: torch.Tensor, where: torch.Tensor, bits: int, *, keep: int) -> None:
    """Sets bits of the cells at an index where a mask holds, and lets go of those that are not kept."""
    at = torch.where(where, at, cells.shape[1] - 1)  # of several points in a cell all write the same
    cells.scatter_(1, at, (cells.gather(1, at) & keep) | bits)
    cells[:, -1] = 0
