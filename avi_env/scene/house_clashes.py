"""Whether shapes of placed pieces share space, before there are triangles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from avi_env.scene.furniture import Placed

__all__ = ["clashes", "first_clashing"]

Array = npt.NDArray[np.float64]

_DEPTH = 0.0035  # reaching in by less is touching [m]; `interpenetrations` counts from 5 mm


def clashes(first: Placed, second: Placed) -> bool:
    """Returns whether some shape of one piece reaches into some shape of another."""
    rows = np.array([*first.rows, *second.rows])
    count = len(first.rows)
    i, j = (g.ravel() for g in np.meshgrid(np.arange(count), np.arange(count, len(rows)), indexing="ij"))
    return bool(_shapes_meet(rows, i, j).any())


def first_clashing(fixed: Sequence[Placed], placed: Sequence[Placed], host: Mapping[int, Placed]) -> set[int]:
    """Returns the ids of the placed pieces that share space with an earlier one, or stand on one that does.

    Args:
        fixed: what was there before; it stays.
        placed: in the order of placing.
        host: what a piece stands on, by its id.
    """
    pieces = [*fixed, *placed]
    extents = np.array([(*p.box, *p.span) for p in pieces])
    low, high = extents[:, [0, 4, 1]], extents[:, [2, 5, 3]]
    apart = ((low[:, None] > high[None] - _DEPTH) | (low[None] > high[:, None] - _DEPTH)).any(axis=2)
    later = np.arange(len(pieces))[:, None] < np.maximum(np.arange(len(pieces)), len(fixed))[None]
    later[:, : len(fixed)] = False
    gone: set[int] = set()
    for b, a in sorted(_clashing(pieces, np.argwhere(~apart & later).tolist())):
        if id(pieces[a]) not in gone:
            gone.add(id(pieces[b]))
    for p in placed:  # hosts come before what stands on them
        if id(host.get(id(p))) in gone:
            gone.add(id(p))
    return gone


def _clashing(pieces: Sequence[Placed], pairs: Sequence[list[int]]) -> list[tuple[int, int]]:
    """The pairs (a, b) of which shapes share space, as (b, a)."""
    if not pairs:
        return []
    start: dict[int, int] = {}
    rows: list[tuple[float, ...]] = []
    for k in sorted({k for pair in pairs for k in pair}):
        start[k] = len(rows)
        rows += pieces[k].rows
    sizes = [(len(pieces[a].rows), len(pieces[b].rows)) for a, b in pairs]
    owner = np.repeat(np.arange(len(pairs)), [m * n for m, n in sizes])
    i = np.concatenate([np.repeat(start[a] + np.arange(m), n) for (a, _), (m, n) in zip(pairs, sizes, strict=True)])
    j = np.concatenate([np.tile(start[b] + np.arange(n), m) for (_, b), (m, n) in zip(pairs, sizes, strict=True)])
    met = _shapes_meet(np.array(rows), i, j)
    return [(pairs[k][1], pairs[k][0]) for k in np.unique(owner[met]).tolist()]


def _shapes_meet(rows: Array, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether shapes i and j overlap, as upright boxes that may be turned."""
    half, reach_y = _halves(rows)
    around = np.hypot(half[:, 0], half[:, 1])
    meets = reach_y[i] + reach_y[j] - np.abs(rows[i, 1] - rows[j, 1]) > _DEPTH
    for column in (0, 2):
        meets &= around[i] + around[j] - np.abs(rows[i, column] - rows[j, column]) > _DEPTH
    near = np.flatnonzero(meets)
    if not len(near):
        return np.asarray(meets, dtype=np.bool_)
    i, j = i[near], j[near]
    offset = rows[j][:, [0, 2]] - rows[i][:, [0, 2]]
    free = np.zeros(len(i), dtype=np.bool_)
    for owner in (i, j):
        cos, sin = np.cos(rows[owner, 6]), np.sin(rows[owner, 6])
        for axis in (np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)):
            reach = _reach(rows[i, 6], half[i], axis) + _reach(rows[j, 6], half[j], axis)
            free |= np.abs((offset * axis).sum(axis=1)) > reach - _DEPTH
    meets[near] = ~free
    return np.asarray(meets)


def _halves(rows: Array) -> tuple[Array, Array]:
    """Half extents (x, z) in plan and in height of each shape, its pitch and taper included."""
    half = rows[:, 3:6] / 2
    wide = np.maximum(1.0, rows[:, 8])
    cos, sin = np.abs(np.cos(rows[:, 7])), np.abs(np.sin(rows[:, 7]))
    x, z = half[:, 0] * wide, half[:, 2] * wide
    return np.stack([x, half[:, 1] * sin + z * cos], axis=1), half[:, 1] * cos + z * sin


def _reach(yaw: Array, half: Array, axis: Array) -> Array:
    """Half extent of turned boxes along unit vectors in plan."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    along = np.abs(cos * axis[:, 0] - sin * axis[:, 1])
    across = np.abs(sin * axis[:, 0] + cos * axis[:, 1])
    return np.asarray(half[:, 0] * along + half[:, 1] * across)
