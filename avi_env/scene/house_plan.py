"""The floor plan: zones, then rooms, grown on an integer grid of uneven lines inside a footprint with cut corners.

Source: R. Lopes, T. Tutenel, R. Smelik, K. de Kraker, R. Bidarra, "A constrained growth method for procedural floor
plan generation", GAME-ON 2010; the order of steps, cut-outs and ranking by overlap of areas after ProcTHOR (Deitke et
al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avi_env.scene.house_board import Board, grow
from avi_env.scene.house_links import adjacent_rooms, ideal_cost, tree_of_links
from avi_env.scene.house_program import DEAD_ENDS, ROOM_CELLS
from avi_env.scene.house_specs import HouseSpec, RoomSpec, ZoneSpec
from avi_env.scene.house_stream import Stream

__all__ = ["OUTSIDE", "Plan", "make_plan"]

OUTSIDE = -1
CELL_MIN, CELL_MAX = 1.36, 1.74
"""Spacing of the grid lines [m]: the least leaves a passage of 1.24 m between walls of 0.12 m."""

_FOOTPRINTS = 6  # footprints that are tried ...
_TRIES = 5  # ... and partitions of each zone, of which the best is taken
_GOOD_ENOUGH = 0.28  # value of a plan at which the search stops
_MOST_CUT = 6  # cells that one corner cut-out takes at most (ProcTHOR)

Grid = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Which room each grid cell belongs to."""

    spec: HouseSpec
    owner: Grid
    """Room number of each cell or -1 outside, shape (nx, nz)."""
    xs: tuple[float, ...]
    """Grid lines along X [m], nx + 1 of them."""
    zs: tuple[float, ...]
    """Grid lines along Z [m], nz + 1 of them."""

    @property
    def types(self) -> tuple[str, ...]:
        """Room types by number."""
        return self.spec.types


def make_plan(stream: Stream, spec: HouseSpec) -> Plan:
    """Returns the best of several grown plans; every room can be linked to the others by doors.

    Raises:
        RuntimeError: no valid plan was found (the caller tries again with the next attempt's stream).
    """
    best, chosen = math.inf, None
    for trial in range(2 * _FOOTPRINTS):
        board, footprint = _footprint(stream, spec)
        rooms = [0] * len(spec.rooms)
        value = _share_out(stream, board, footprint, spec.tree, rooms, 0) / len(rooms)
        if value < best:
            value += _value(board, footprint, rooms, spec)
        if value < best:
            best, chosen = value, (board, rooms)
        if best < _GOOD_ENOUGH or (trial + 1 >= _FOOTPRINTS and chosen is not None):
            break
    if chosen is None:
        raise RuntimeError(f"no floor plan for {', '.join(spec.types)}")
    owner = _owner(*chosen)
    if stream.chance(0.5):
        owner = owner[::-1]
    if stream.chance(0.5):
        owner = owner.T
    owner = np.ascontiguousarray(owner)
    return Plan(spec, owner, _lines(stream, owner.shape[0]), _lines(stream, owner.shape[1]))


def _lines(stream: Stream, count: int) -> tuple[float, ...]:
    lines = [0.0]
    for _ in range(count):
        lines.append(round(lines[-1] + stream.uniform(CELL_MIN, CELL_MAX), 2))
    return tuple(lines)


def _owner(board: Board, rooms: Sequence[int]) -> Grid:
    owner = np.full((board.nz + 2) * board.width, OUTSIDE, dtype=np.int64)
    for room, region in enumerate(rooms):
        owner[board.cells(region)] = room
    inner = owner.reshape(board.nz + 2, board.width)[1:-1, 1:-1].T
    used_x, used_z = np.flatnonzero((inner >= 0).any(axis=1)), np.flatnonzero((inner >= 0).any(axis=0))
    return inner[used_x[0] : used_x[-1] + 1, used_z[0] : used_z[-1] + 1]


def _footprint(stream: Stream, spec: HouseSpec) -> tuple[Board, int]:
    """A rectangle with corners cut away; large houses lose more of them."""
    count = len(spec.types)
    total = sum(ROOM_CELLS[kind] for kind in spec.types) * stream.uniform(0.9, 1.25)
    total = max(total, 4.0)
    chance = 0.0 if count == 1 else min(0.75, 0.15 + 0.07 * count)
    cuts = [_cut(stream) for _ in range(4) if stream.chance(chance)] or ([_cut(stream)] if count > 2 else [])
    area = total + sum(w * d for w, d in cuts)
    aspect = stream.uniform(1.0, 1.75)
    nx = max(2, round(math.sqrt(area * aspect)))
    nz = max(2, round(area / nx))
    board = Board(nx, nz)
    region = board.all
    corners = [(i, j) for i in (0, 1) for j in (0, 1)]
    stream.shuffle(corners)
    for (i, j), (w, d) in zip(corners, cuts, strict=False):
        if w > nx - 2 or d > nz - 2:
            continue
        x0, z0 = i * (nx - w), j * (nz - d)
        left = region & ~board.box(x0, z0, x0 + w, z0 + d)
        if not board.thin(left) and board.shape(left).simple and left.bit_count() >= 0.8 * total:
            region = left
    return board, region


def _cut(stream: Stream) -> tuple[int, int]:
    width = stream.integer(1, 3)
    return width, stream.integer(1, min(3, _MOST_CUT // width))


def _share_out(stream: Stream, board: Board, region: int, zone: ZoneSpec, rooms: list[int], outer: int) -> float:
    """Shares a region out to the children of a zone, and theirs to them; returns a value, lower = better.

    Args:
        stream: source of chance.
        board: the grid.
        region: cells of the zone.
        zone: the zone.
        rooms: cells of each room by number, written here.
        outer: cells from which one comes into the zone (its hallway should touch them), 0 = from outside.
    """
    children = zone.children
    total = sum(child.ratio for child in children)
    wanted = [child.ratio / total * region.bit_count() for child in children]
    best, chosen = math.inf, None
    for _ in range(_TRIES if len(children) > 1 else 1):
        fixed = _hallways(stream, board, region, children, wanted, outer)
        parts = grow(stream, board, region, wanted, fixed)
        value = sum(
            _part_value(board, part, want, child) for part, want, child in zip(parts, wanted, children, strict=True)
        )
        if fixed and math.isfinite(value):
            hall = board.around(next(parts[k] for k in fixed))
            value += 0.5 * sum(not part & hall for k, part in enumerate(parts) if k not in fixed)
        if value < best:
            best, chosen = value, parts
    if chosen is None:
        return math.inf
    for child, part in zip(children, chosen, strict=True):
        if isinstance(child, RoomSpec):
            rooms[child.number] = part
        else:
            best += _share_out(stream, board, part, child, rooms, board.around(part) & (region | outer))
            if not math.isfinite(best):
                break
    return best


def _part_value(board: Board, part: int, wanted: float, child: RoomSpec | ZoneSpec) -> float:
    """How far a part is from what is wanted, infinite for one that cannot be built."""
    shape = board.shape(part)
    if not part or not shape.simple:
        return math.inf
    value = abs(shape.cells - wanted) / wanted
    if isinstance(child, ZoneSpec):
        return value + 0.1 * shape.thin + 0.02 * (shape.corners - 4)
    if child.type == "hallway":
        return value * 0.3 + 0.05 * (shape.corners - 4) if shape.cells >= 2 else math.inf
    if child.type != "closet" and shape.thin == shape.cells:
        return math.inf
    if child.type in DEAD_ENDS:
        value += 0.2 * max(0, shape.cells - 6)
    across, along = sorted(board.extent(part))
    return value + 0.25 * shape.thin + 0.08 * (shape.corners - 4) + 0.3 * max(0.0, along / across - 2.0)


def _hallways(
    stream: Stream,
    board: Board,
    region: int,
    children: Sequence[RoomSpec | ZoneSpec],
    wanted: Sequence[float],
    outer: int,
) -> dict[int, int]:
    """Lays the first hallway of a zone as a strip that leaves no slivers and begins where one comes in."""
    halls = [k for k, child in enumerate(children) if isinstance(child, RoomSpec) and child.type == "hallway"]
    if not halls or len(children) == 1:
        return {}
    k = halls[0]
    for length in range(max(2, round(wanted[k])), 1, -1):
        strips = [(strip, step) for strip, step in _strips(board, region, length)]
        if strips:
            entries = outer or board.around(region)
            return {k: max(strips, key=lambda s: _strip_value(stream, board, region, s[0], s[1], entries))[0]}
    return {}


def _strips(board: Board, region: int, length: int) -> list[tuple[int, int]]:
    """All straight strips of cells in a region, each with the shift across it."""
    strips = []
    row, column = (1 << length) - 1, board.columns[length] if length <= board.nz else 0
    for cell in board.cells(region):
        if (row << cell) & ~region == 0:
            strips.append((row << cell, board.width))
        if column and (column << cell) & ~region == 0:
            strips.append((column << cell, 1))
    return strips


def _strip_value(stream: Stream, board: Board, region: int, strip: int, across: int, entries: int) -> float:
    sliver = 0
    for left, right in ((across, 0), (0, across)):
        near = (strip << left >> right) & region
        sliver += near.bit_count() - ((near << left >> right) & region).bit_count()
    beside = board.around(strip)
    return 3.0 * bool(beside & entries) + 0.3 * (beside & region).bit_count() - sliver + stream.uniform(0.0, 1.5)


def _value(board: Board, footprint: int, rooms: Sequence[int], spec: HouseSpec) -> float:
    """Value of a whole plan, lower = better: how well its rooms can be linked, and the corners of the building."""
    pairs = adjacent_rooms(board, rooms)
    tree = tree_of_links(spec, {pair: 0.0 for pair in pairs})
    if tree is None:
        return math.inf
    corners = board.shape(footprint).corners
    return (tree.cost - ideal_cost(spec)) / len(rooms) + 0.02 * max(0, corners - 6)
