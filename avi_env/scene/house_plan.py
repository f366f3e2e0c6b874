"""The floor plan: rooms grown on an integer grid of uneven lines, after Lopes et al. (2010).

Source: R. Lopes, T. Tutenel, R. Smelik, K. de Kraker, R. Bidarra, "A constrained growth method for procedural floor
plan generation", GAME-ON 2010. Rectangles grow first, then L-shapes; what stays free at the border is left outside,
which makes the footprint non-rectangular.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avi_env.scene.house_program import ROOM_CELLS
from avi_env.scene.house_stream import Stream

__all__ = ["FREE", "OUTSIDE", "Plan", "make_plan"]

OUTSIDE, FREE = -1, -2
CELL_MIN, CELL_MAX = 1.36, 1.72
"""Spacing of the grid lines [m]: the least leaves a passage of 1.24 m between walls of 0.12 m."""

_CANDIDATES = 10
_GOOD_ENOUGH = 0.16  # mean relative error of areas plus the price of corners, at which the search stops
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))

Grid = npt.NDArray[np.int64]
Cells = list[list[int]]  # [x][z] -> room, FREE or OUTSIDE


@dataclass(frozen=True)
class Plan:
    """Which room each grid cell belongs to."""

    types: tuple[str, ...]
    owner: Grid
    """Room id of each cell or -1 outside, shape (nx, nz)."""
    xs: tuple[float, ...]
    """Grid lines along X [m], nx + 1 of them."""
    zs: tuple[float, ...]
    """Grid lines along Z [m], nz + 1 of them."""


def make_plan(stream: Stream, types: Sequence[str]) -> Plan:
    """Returns the best of several grown plans; every room holds a 2 x 2 block of cells and all are connected.

    Raises:
        RuntimeError: no valid plan was found (the caller tries again with the next attempt's stream).
    """
    best: tuple[float, Grid] | None = None
    for trial in range(4 * _CANDIDATES):
        owner = _grow(stream, types)
        score = _score(owner, types)
        if best is None or score < best[0]:
            best = (score, owner)
        if best[0] < _GOOD_ENOUGH or (trial >= _CANDIDATES and best[0] < math.inf):
            break
    if best is None or not math.isfinite(best[0]):
        raise RuntimeError(f"no floor plan for {', '.join(types)}")
    owner = _trimmed(best[1])
    if stream.chance(0.5):
        owner = owner[::-1]
    if stream.chance(0.5):
        owner = owner.T
    owner = np.ascontiguousarray(owner)
    return Plan(tuple(types), owner, _lines(stream, owner.shape[0]), _lines(stream, owner.shape[1]))


def _lines(stream: Stream, count: int) -> tuple[float, ...]:
    lines = [0.0]
    for _ in range(count):
        lines.append(round(lines[-1] + stream.uniform(CELL_MIN, CELL_MAX), 2))
    return tuple(lines)


def _trimmed(owner: Grid) -> Grid:
    used_x, used_z = np.flatnonzero((owner >= 0).any(axis=1)), np.flatnonzero((owner >= 0).any(axis=0))
    return owner[used_x[0] : used_x[-1] + 1, used_z[0] : used_z[-1] + 1]


def _grow(stream: Stream, types: Sequence[str]) -> Grid:
    wanted = [ROOM_CELLS[kind] * stream.uniform(0.85, 1.2) for kind in types]
    cells = _footprint(stream, sum(wanted))
    boxes: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)] * len(types)
    if "hallway" in types:
        boxes[types.index("hallway")] = _place_hallway(stream, cells, types.index("hallway"), wanted)
    for room in sorted(range(len(types)), key=lambda r: -wanted[r]):
        if types[room] != "hallway" or types.index("hallway") != room:
            boxes[room] = _seed(stream, cells, room)
    growing = [r for r in range(len(types)) if boxes[r][2] > boxes[r][0]]
    for slack in (1.1, 1.5):
        _grow_boxes(stream, cells, boxes, wanted, growing, slack)
    _fill(cells)
    return np.array(cells, dtype=np.int64)


def _footprint(stream: Stream, total: float) -> Cells:
    """A rectangle with one or two corners cut away."""
    aspect = stream.uniform(0.8, 1.5)
    nx = max(3, round(math.sqrt(total * 1.16 * aspect)))
    nz = max(2, math.ceil(total * 1.16 / nx))
    cells = [[FREE] * nz for _ in range(nx)]
    spare = nx * nz - total
    for _ in range(stream.integer(1, 2)):
        width = stream.integer(1, max(1, nx // 2))
        depth = max(1, min(nz // 2, int(spare * stream.uniform(0.5, 1.0) / width)))
        if width * depth > spare:
            continue
        spare -= width * depth
        left, top = stream.chance(0.5), stream.chance(0.5)
        for x in range(width) if left else range(nx - width, nx):
            for z in range(depth) if top else range(nz - depth, nz):
                cells[x][z] = OUTSIDE
    return cells


def _place_hallway(stream: Stream, cells: Cells, room: int, wanted: Sequence[float]) -> tuple[int, int, int, int]:
    """A strip one cell wide from the border inwards; most rooms will touch it."""
    nx, nz = len(cells), len(cells[0])
    length = max(2, min(round(wanted[room]), nx - 1))
    z = min(nz - 1, max(0, nz // 2 + stream.integer(-1, 1)))
    start = 0 if stream.chance(0.5) else nx - length
    strip = [x for x in range(start, start + length) if cells[x][z] == FREE]
    strip = strip if strip and strip[-1] - strip[0] == len(strip) - 1 else strip[:1]
    for x in strip:
        cells[x][z] = room
    return (strip[0], z, strip[-1] + 1, z + 1) if strip else (0, 0, 0, 0)


def _seed(stream: Stream, cells: Cells, room: int) -> tuple[int, int, int, int]:
    """A 2 x 2 block that keeps away from the rooms that are there already."""
    nx, nz = len(cells), len(cells[0])
    spots = [
        (x, z)
        for x in range(nx - 1)
        for z in range(nz - 1)
        if cells[x][z] == cells[x + 1][z] == cells[x][z + 1] == cells[x + 1][z + 1] == FREE
    ]
    if not spots:
        return (0, 0, 0, 0)
    tries = [stream.pick(spots) for _ in range(4)]
    x, z = max(tries, key=lambda spot: _openness(cells, spot))
    for i, j in ((x, z), (x + 1, z), (x, z + 1), (x + 1, z + 1)):
        cells[i][j] = room
    return (x, z, x + 2, z + 2)


def _openness(cells: Cells, spot: tuple[int, int]) -> int:
    """Free cells around a 2 x 2 block; the border counts as free, so that corners are used."""
    nx, nz = len(cells), len(cells[0])
    x, z = spot
    count = 0
    for i in range(x - 1, x + 3):
        for j in range(z - 1, z + 3):
            inside = 0 <= i < nx and 0 <= j < nz
            count += 1 if not inside or cells[i][j] < 0 else -1
    return count


def _grow_boxes(
    stream: Stream,
    cells: Cells,
    boxes: list[tuple[int, int, int, int]],
    wanted: Sequence[float],
    growing: Sequence[int],
    slack: float,
) -> None:
    """Extends boxes by whole sides, the neediest rooms most often, until none can grow."""
    active = list(growing)
    while active:
        need = [max(0.05, 1.0 - _area(boxes[r]) / (slack * wanted[r])) for r in active]
        room = stream.pick_weighted(active, need)
        sides = [s for s in _SIDES if _side_free(cells, boxes[room], s)]
        sides = [s for s in sides if _area(boxes[room]) + _length(boxes[room], s) <= slack * wanted[room] + 0.5]
        if not sides:
            active.remove(room)
            continue
        stream.shuffle(sides)
        side = max(sides, key=lambda s: _length(boxes[room], s))
        for x, z in _side_cells(boxes[room], side):
            cells[x][z] = room
        boxes[room] = _extended(boxes[room], side)


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _length(box: tuple[int, int, int, int], side: tuple[int, int]) -> int:
    return box[3] - box[1] if side[0] else box[2] - box[0]


def _extended(box: tuple[int, int, int, int], side: tuple[int, int]) -> tuple[int, int, int, int]:
    dx, dz = side
    return (box[0] - (dx < 0), box[1] - (dz < 0), box[2] + (dx > 0), box[3] + (dz > 0))


def _side_cells(box: tuple[int, int, int, int], side: tuple[int, int]) -> list[tuple[int, int]]:
    if side[0]:
        x = box[2] if side[0] > 0 else box[0] - 1
        return [(x, z) for z in range(box[1], box[3])]
    z = box[3] if side[1] > 0 else box[1] - 1
    return [(x, z) for x in range(box[0], box[2])]


def _side_free(cells: Cells, box: tuple[int, int, int, int], side: tuple[int, int]) -> bool:
    nx, nz = len(cells), len(cells[0])
    return all(0 <= x < nx and 0 <= z < nz and cells[x][z] == FREE for x, z in _side_cells(box, side))


def _fill(cells: Cells) -> None:
    """L-shape growth: free cells wedged between rooms join one of them; the others are left outside."""
    nx, nz = len(cells), len(cells[0])
    changed = True
    while changed:
        changed = False
        for x in range(nx):
            for z in range(nz):
                if cells[x][z] == FREE:
                    around = _rooms_around(cells, x, z)
                    if len(around) >= 3 or (len(around) == 2 and around[0] == around[1]):
                        cells[x][z] = max(sorted(set(around)), key=around.count)
                        changed = True
    for column in cells:
        for z, value in enumerate(column):
            if value == FREE:
                column[z] = OUTSIDE


def _rooms_around(cells: Cells, x: int, z: int) -> list[int]:
    nx, nz = len(cells), len(cells[0])
    around = [cells[x + i][z + j] for i, j in _SIDES if 0 <= x + i < nx and 0 <= z + j < nz]
    return [room for room in around if room >= 0]


def _score(owner: Grid, types: Sequence[str]) -> float:
    """Lower is better; infinite for a plan that cannot be built."""
    padded = np.pad(owner, 1, constant_values=OUTSIDE)
    error, corners = 0.0, 0
    for room, kind in enumerate(types):
        mask = padded == room
        area = int(mask.sum())
        count, convex = _corners(mask)
        if convex != 4 or not _large_enough(mask, area, kind):
            return math.inf
        error += abs(area - ROOM_CELLS[kind]) / ROOM_CELLS[kind]
        corners += count - 4
    outer, convex = _corners(padded >= 0)
    if convex != 4 or not _connected(owner, len(types)):
        return math.inf
    return error / len(types) + 0.03 * corners / len(types) + 0.012 * max(0, outer - 8) + (0.3 if outer == 4 else 0.0)


def _corners(mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Number of corners of a region, and convex less concave ones: 4 for one simple polygon without holes."""
    quadrants = mask[:-1, :-1].astype(np.int64) + mask[1:, :-1] + mask[:-1, 1:] + mask[1:, 1:]
    diagonal = (quadrants == 2) & (mask[:-1, :-1] == mask[1:, 1:])
    if diagonal.any():
        return 99, 0
    one, three = int((quadrants == 1).sum()), int((quadrants == 3).sum())
    return one + three, one - three


def _large_enough(mask: npt.NDArray[np.bool_], area: int, kind: str) -> bool:
    if kind == "hallway":
        return area >= 3
    blocks = mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:] & mask[1:, 1:]
    return area >= 4 and bool(blocks.any())


def _connected(owner: Grid, count: int) -> bool:
    touching = {(int(a), int(b)) for a, b in zip(owner[:-1].ravel(), owner[1:].ravel(), strict=True)}
    touching |= {(int(a), int(b)) for a, b in zip(owner[:, :-1].ravel(), owner[:, 1:].ravel(), strict=True)}
    reached, grew = {0}, True
    while grew:
        more = {b for a, b in touching if a in reached and b >= 0} | {a for a, b in touching if b in reached and a >= 0}
        grew = not more <= reached
        reached |= more
    return len(reached) == count
