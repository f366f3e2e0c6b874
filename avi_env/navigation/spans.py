"""Places to stand, column by column: every surface with head room above it, and which of them a step joins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from avi_env.navigation.layer_raster import Crossings, surface_crossings
from avi_env.navigation.raster import Raster
from avi_env.scene.model import Scene

__all__ = [
    "MAX_CLIMB",
    "Spans",
    "find_spans",
    "graph_of",
    "hops_from",
    "linked",
    "neighbours_of",
    "parts_of",
    "smooth_heights",
    "with_gaps_closed",
]

MAX_CLIMB = 0.25
"""Highest riser [m]: Habitat's agent_max_climb of 0.2 m, and 5 cm for what the noise of a scan adds."""

_MAX_SLOPE = 1.05  # tangent of 45 degrees, Habitat's agent_max_slope, and what rounding adds
_GAP = 4  # columns; gaps up to this in a floor are seams or holes of the mesh, not pits
_BODY = (0.35, 1.4)  # [m]; a surface this far below another: the other is the top of furniture, not a storey
_SMOOTH = 16  # rounds of averaging over neighbours: a Gaussian of 2.5 columns, 12 cm, in which treads vanish

_SIDES = ((1, 0), (0, 1))

Links = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


class Spans(NamedTuple):
    """S places to stand, sorted by column, then from below."""

    raster: Raster
    column: npt.NDArray[np.int64]
    """Column i nz + j, shape (S,)."""
    y: npt.NDArray[np.float32]
    """Height of the surface [m], shape (S,)."""
    covered: npt.NDArray[np.bool_]
    """Whether anything is above, shape (S,)."""
    hollow: npt.NDArray[np.bool_]
    """Whether another surface is below it as near as the floor is to the top of furniture, shape (S,)."""

    def only(self, kept: npt.NDArray[np.bool_]) -> Spans:
        """Returns some of the places."""
        return Spans(self.raster, self.column[kept], self.y[kept], self.covered[kept], self.hollow[kept])

    def image(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns which of some places each column has, -1 = none, shape (nx, nz); no column may have two of them."""
        table = np.full(self.raster.shape[0] * self.raster.shape[1], -1, dtype=np.int64)
        table[self.column[rows]] = rows
        return table.reshape(self.raster.shape)


def find_spans(scene: Scene, raster: Raster, agent_height: float) -> Spans:
    """Returns where a scene has a surface with an agent's height of free space above it."""
    crossings = surface_crossings(scene.vertices, scene.triangles, raster)
    return with_gaps_closed(_without_steep(_spans_of(crossings, raster, agent_height)))


def _spans_of(crossings: Crossings, raster: Raster, agent_height: float) -> Spans:
    column, y = crossings
    same = np.append(column[1:] == column[:-1], False)
    above = np.where(same, np.append(y[1:], np.inf), np.inf)
    rows = np.flatnonzero(above - y >= agent_height)
    hollow = np.zeros(len(rows), dtype=bool)
    for back in range(1, 13):  # surfaces of the same column further below
        there = np.maximum(rows - back, 0)
        drop = y[rows] - y[there]
        hollow |= (rows >= back) & (column[there] == column[rows]) & (drop > _BODY[0]) & (drop < _BODY[1])
    return Spans(raster, column[rows], y[rows], np.isfinite(above[rows]), hollow)


def linked(spans: Spans, climb: float = MAX_CLIMB, apart: int = 1) -> Links:
    """Returns the pairs of places of columns `apart` from each other along x or z that differ by at most `climb`."""
    nx, nz = spans.raster.shape
    start = np.searchsorted(spans.column, np.arange(nx * nz + 1))
    first = [np.zeros(0, dtype=np.int64)]  # a scene may have no place to stand at all
    second = [np.zeros(0, dtype=np.int64)]
    for di, dj in _SIDES:
        inside = np.flatnonzero((spans.column // nz + di * apart < nx) & (spans.column % nz + dj * apart < nz))
        there = spans.column[inside] + (di * nz + dj) * apart
        begin, count = start[there], start[there + 1] - start[there]
        for k in range(int(count.max(initial=0))):
            a, b = inside[count > k], begin[count > k] + k
            near = np.abs(spans.y[a] - spans.y[b]) <= climb
            first.append(a[near])
            second.append(b[near])
    return np.concatenate(first), np.concatenate(second)


def graph_of(links: Links, count: int) -> sparse.csr_matrix:
    """Returns links as a symmetric matrix of ones, shape (count, count)."""
    a, b = links
    ones = np.ones(2 * len(a), dtype=np.float32)
    return sparse.csr_matrix((ones, (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(count, count))


def parts_of(links: Links, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Returns the connected part of each place by links among the kept ones, -1 for the others, shape (S,)."""
    a, b = links
    both = kept[a] & kept[b]
    labels = csgraph.connected_components(graph_of((a[both], b[both]), len(kept)), directed=False)[1]
    return np.where(kept, labels, -1)


def hops_from(
    graph: sparse.csr_matrix, seeds: npt.NDArray[np.int64], allowed: npt.NDArray[np.bool_], limit: int = 2**30
) -> npt.NDArray[np.int64]:
    """Returns the number of links from the nearest seed through allowed places, 2^30 beyond `limit`, shape (S,)."""
    hops = np.full(len(allowed), 2**30, dtype=np.int64)
    frontier = np.asarray(seeds)
    hops[frontier] = 0
    for step in range(1, limit + 1):
        frontier = neighbours_of(graph, frontier)
        frontier = frontier[allowed[frontier] & (hops[frontier] > step)]
        if not len(frontier):
            break
        hops[frontier] = step
    return hops


def neighbours_of(graph: sparse.csr_matrix, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns the rows linked to some rows, ascending, each once."""
    begin, count = graph.indptr[rows], np.diff(graph.indptr)[rows]
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.unique(graph.indices[np.repeat(begin, count) + offset]).astype(np.int64)


def smooth_heights(spans: Spans, links: Links) -> npt.NDArray[np.float32]:
    """Returns heights of the ramp that leads smoothly through steps [m], shape (S,).

    Averages run along links, so that a floor does not mix with what stands or lies beside it.
    """
    a, b = links
    y = spans.y.astype(np.float64)
    number = 1.0 + np.bincount(a, minlength=len(y)) + np.bincount(b, minlength=len(y))
    base = float(y.mean()) if len(y) else 0.0
    y = y - base
    matrix = graph_of(links, len(y)).astype(np.float64)
    for _ in range(_SMOOTH):
        y = (y + matrix @ y) / number
    return (y + base).astype(np.float32)


def _without_steep(spans: Spans) -> Spans:
    """The places at which the floor, steps smoothed away, is no steeper than 45 degrees."""
    links = linked(spans)
    y = smooth_heights(spans, links).astype(np.float64)
    a, b = links
    along_z = spans.column[b] - spans.column[a] == 1
    steep = np.zeros(len(y))
    for side in (along_z, ~along_z):
        p, q = a[side], b[side]
        rise = (y[q] - y[p]) / spans.raster.spacing
        total = np.bincount(p, rise, len(y)) + np.bincount(q, rise, len(y))
        number = np.bincount(p, minlength=len(y)) + np.bincount(q, minlength=len(y))
        steep += (total / np.maximum(number, 1)) ** 2
    return spans.only(steep <= _MAX_SLOPE**2)


def with_gaps_closed(spans: Spans) -> Spans:
    """Adds places between two of nearly one height up to four columns apart, where a column has none near."""
    columns, heights = [], []
    for apart in range(2, _GAP + 2):
        a, b = linked(spans, MAX_CLIMB, apart)
        step = (spans.column[b] - spans.column[a]) // apart
        for k in range(1, apart):
            columns.append(spans.column[a] + k * step)
            heights.append(spans.y[a] + (spans.y[b] - spans.y[a]) * (k / apart))
    column, y = np.concatenate(columns), np.concatenate(heights).astype(np.float32)
    # What is there already comes first, and keeps out what would be added within a man's height of it.
    new = np.concatenate([np.zeros(len(spans.y), bool), np.ones(len(y), bool)])
    column, y = np.concatenate([spans.column, column]), np.concatenate([spans.y, y])
    kept = ~new
    pending = np.flatnonzero(new)
    while len(pending):
        near = _has_near(column, y, np.flatnonzero(kept), pending)
        pending = pending[~near]
        _, first = np.unique(column[pending], return_index=True)
        kept[pending[first]] = True
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((y[rows], column[rows]))]
    old = np.minimum(rows, len(spans.y) - 1)
    covered = np.where(rows < len(spans.y), spans.covered[old], False)
    hollow = np.where(rows < len(spans.y), spans.hollow[old], False)
    return Spans(spans.raster, column[rows], y[rows], covered, hollow)


def _has_near(
    column: npt.NDArray[np.int64],
    y: npt.NDArray[np.float32],
    there: npt.NDArray[np.int64],
    asked: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Whether a column has one of some places within a metre of each asked place."""
    scale = 1000.0  # [m]; columns are so far apart on one line of (column, height)
    line = np.sort(column[there] * scale + y[there].astype(np.float64))
    at = column[asked] * scale + y[asked].astype(np.float64)
    after = np.searchsorted(line, at)
    up = np.where(after < len(line), line[np.minimum(after, len(line) - 1)] - at, np.inf)
    down = np.where(after > 0, at - line[np.maximum(after - 1, 0)], np.inf)
    return np.asarray(np.minimum(up, down) < 1.0)
