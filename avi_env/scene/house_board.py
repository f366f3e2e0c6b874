"""Regions of a small grid as bits of one integer: rooms grow, are measured and compared in a few operations each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from avi_env.scene.house_stream import Stream

__all__ = ["Board", "Shape", "grow"]


class Shape(NamedTuple):
    """What counts about the form of a region."""

    cells: int
    corners: int
    simple: bool
    """Whether its outline is one simple polygon without holes."""
    thin: int
    """Cells that lie in no 2 x 2 block of the region."""


class Board:
    """A grid of nx x nz cells with a margin of one; cell (i, j) is bit (j + 1) * width + i + 1."""

    def __init__(self, nx: int, nz: int) -> None:
        self.nx, self.nz, self.width = nx, nz, nx + 2
        self.columns = [sum(1 << (k * self.width) for k in range(n)) for n in range(nz + 1)]
        """Upright strips of n cells."""
        self.all = self.box(0, 0, nx, nz)
        self.shifts = ((1, 0), (0, 1), (self.width, 0), (0, self.width))
        """The four directions as (left shift, right shift)."""
        self.turned_shifts = tuple(self.shifts[k:] + self.shifts[:k] for k in range(4))

    def box(self, x0: int, z0: int, x1: int, z1: int) -> int:
        """Returns the cells x0 <= i < x1, z0 <= j < z1."""
        return (((1 << (x1 - x0)) - 1) * self.columns[z1 - z0]) << ((z0 + 1) * self.width + x0 + 1)

    def around(self, region: int) -> int:
        """Returns the cells beside a region, without the region."""
        w = self.width
        return (region << 1 | region >> 1 | region << w | region >> w) & ~region

    def blocks(self, region: int) -> int:
        """Returns the lower left cells of all 2 x 2 blocks of a region."""
        w = self.width
        return region & region >> 1 & region >> w & region >> (w + 1)

    def thin(self, region: int) -> int:
        """Returns the cells of a region that lie in none of its 2 x 2 blocks."""
        w, b = self.width, self.blocks(region)
        return region & ~(b | b << 1 | b << w | b << (w + 1))

    def shape(self, region: int) -> Shape:
        """Returns what counts about the form of a region."""
        w = self.width
        a, b, c, d = region, region << 1, region << w, region << (w + 1)
        odd = a ^ b ^ c ^ d  # windows of 2 x 2 with one or three cells: corners
        three = odd & (a & b & (c | d) | c & d & (a | b))
        diagonal = (a & d & ~b & ~c) | (b & c & ~a & ~d)
        corners, concave = odd.bit_count(), three.bit_count()
        simple = not diagonal and corners - 2 * concave == 4
        return Shape(region.bit_count(), corners, simple, self.thin(region).bit_count())

    def extent(self, region: int) -> tuple[int, int]:
        """Returns the number of columns and rows that a region spans."""
        w, flat, rows = self.width, 0, 0
        mask = (1 << w) - 1
        while region:
            row = region & mask
            flat |= row
            rows += 1 if row else 0
            region >>= w
        return flat.bit_count(), rows

    def cells(self, region: int) -> list[int]:
        """Returns the bit numbers of a region's cells."""
        found = []
        while region:
            low = region & -region
            found.append(low.bit_length() - 1)
            region ^= low
        return found


def grow(stream: Stream, board: Board, region: int, wanted: Sequence[float], fixed: dict[int, int]) -> list[int]:
    """Returns a partition of a region: rectangles grown from seeds, then L-shapes, then what is left.

    Args:
        stream: source of chance.
        board: the grid.
        region: cells to be shared out.
        wanted: number of cells wanted for each part.
        fixed: parts that are there already, by index; they grow only into what nobody else takes.

    Returns:
        The cells of each part; an empty part could not be seeded.
    """
    parts = [0] * len(wanted)
    free = region
    for index, cells in fixed.items():
        parts[index] = cells
        free &= ~cells
    order = [k for k in range(len(wanted)) if k not in fixed]
    order.sort(key=lambda k: -wanted[k])
    away = free
    for k in order:
        seed = _seed(stream, board, free, away, wanted[k])
        parts[k] = seed
        free &= ~seed
        away &= ~(seed | board.around(seed))
    growing = [k for k in order if parts[k]]
    free = _grow_sides(stream, board, parts, free, wanted, growing, whole=True)
    free = _grow_sides(stream, board, parts, free, wanted, growing, whole=False)
    _fill(board, parts, free, wanted)
    return parts


def _seed(stream: Stream, board: Board, free: int, away: int, wanted: float) -> int:
    """A 2 x 2 block (a single cell for the smallest parts), away from what is there if possible."""
    w = board.width
    if wanted >= 3.5:
        for region in (away, free):
            spots = board.blocks(region)
            if spots:
                low = 1 << stream.pick(board.cells(spots))
                return low | low << 1 | low << w | low << (w + 1)
    spots = away or free
    return 1 << stream.pick(board.cells(spots)) if spots else 0


def _grow_sides(
    stream: Stream, board: Board, parts: list[int], free: int, wanted: Sequence[float], growing: list[int], whole: bool
) -> int:
    """Extends parts side by side, with chances in proportion to their size, until they have what they want.

    Args:
        stream: source of chance.
        board: the grid.
        parts: cells of each part, changed in place.
        free: cells that nobody has.
        wanted: number of cells wanted for each part.
        growing: indices of the parts that may grow.
        whole: only by whole sides, so that rectangles stay rectangles; else by stretches of two cells or more.

    Returns:
        The cells still free.
    """
    active, weights = list(growing), [wanted[k] for k in growing]
    while active and free:
        k = stream.pick_weighted(active, weights)
        part, room = parts[k], wanted[k] + 0.6 - parts[k].bit_count()
        best, best_count = 0, 0 if whole else 1
        for left, right in board.turned_shifts[int(stream.random() * 4)]:
            moved = (part << left >> right) & ~part
            open_side = moved & free
            if whole:
                count = moved.bit_count() if open_side == moved else 0
            else:
                open_side = _longest(open_side, left or right, board.width)
                count = open_side.bit_count()
            if best_count < count <= room:
                best, best_count = open_side, count
        if not best:
            weights.pop(active.index(k))
            active.remove(k)
            continue
        parts[k] = part | best
        free &= ~best
    return free


def _longest(cells: int, step: int, width: int) -> int:
    """The longest unbroken stretch of a side's cells; a side that moved by one column runs from row to row."""
    stride = width if step == 1 else 1
    run, last = cells, cells
    while run:
        last = run
        run &= run >> stride
    low = last & -last
    stretch = 0
    while low & cells:
        stretch |= low
        low <<= stride
    return stretch


def _fill(board: Board, parts: list[int], free: int, wanted: Sequence[float]) -> None:
    """Gives away what is left: stretch by stretch to whom it suits best."""
    shifts = board.shifts
    while free:
        best, chosen, best_value = 0, -1, -1e9
        for k, part in enumerate(parts):
            if not part:
                continue
            hunger = 1.0 - part.bit_count() / wanted[k]
            for left, right in shifts:
                side = (part << left >> right) & ~part
                reached = side & free
                if reached:
                    stretch = _longest(reached, left or right, board.width)
                    count = stretch.bit_count()
                    whole = 1.0 if stretch == side else 0.0
                    value = 0.3 * count + hunger + whole - (0.8 if count == 1 and not whole else 0.0)
                    if value > best_value:
                        best, chosen, best_value = stretch, k, value
        if chosen < 0:
            return
        parts[chosen] |= best
        free &= ~best
