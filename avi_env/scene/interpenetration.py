"""Objects that stand in each other: found among closed parts of meshes as upright prisms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.model import Scene

__all__ = ["BUILDING", "Interpenetration", "interpenetrations"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

BUILDING = frozenset({"ceiling", "door", "door_frame", "floor", "front_door", "wall", "window"})
"""Parts of the building may reach into each other: leaves into frames, frames into walls."""

_DIRECTIONS = 8  # of the first, coarse test in plan
_CHUNK = 4_000_000  # entries of the table of all pairs at a time


class Interpenetration(NamedTuple):
    """Two objects of which parts share space."""

    first: int
    """Object id."""
    second: int
    """Object id, larger than the first."""
    depth: float
    """How far one must move at least to come clear [m]; the most of all parts."""
    place: tuple[float, float, float]
    """Where, in the middle of what is shared [m], world frame."""


class _Parts(NamedTuple):
    """Connected parts of objects."""

    owner: Index
    """Object of each part, shape (n,)."""
    start: Index
    """First row of each part in `points`, shape (n + 1,)."""
    points: Array
    """Vertices [m], shape (m, 3)."""
    low: Array
    """Least coordinates [m], shape (n, 3)."""
    high: Array


def interpenetrations(scene: Scene, depth: float = 0.005) -> tuple[Interpenetration, ...]:
    """Returns the pairs of objects that reach into each other by more than a depth, the deepest first.

    Every object is cut into its connected parts (a table: top and legs), and every part is taken for an upright prism:
    the convex hull of its plan times its height interval. Two prisms meet if no edge of either hull and no level
    separates them; what hangs in a part's hollow is no longer clear of it. A sheet without thickness is met by what
    stands through it. Pairs of parts of the building (walls, doors, windows ...) are left out.

    Args:
        scene: the scene; triangles without an object do not take part.
        depth: reaching in by less than this is touching [m].

    Raises:
        ValueError: the depth is negative.
    """
    if not depth >= 0.0:
        raise ValueError(f"depth must be >= 0, not {depth!r}: how far objects may reach into each other, in metres")
    if not scene.objects or not len(scene.triangles):
        return ()
    parts = _connected_parts(scene)
    is_building = np.array([o.category in BUILDING for o in scene.objects])
    first, second = _coarse_pairs(parts, is_building, depth)
    first, second, moved = _plan_separation(parts, first, second, depth)
    worst: dict[tuple[int, int], Interpenetration] = {}
    for a, b, amount in zip(first, second, moved, strict=True):
        one, other = sorted((int(parts.owner[a]), int(parts.owner[b])))
        known = worst.get((one, other))
        if known is None or amount > known.depth:
            middle = 0.5 * (np.maximum(parts.low[a], parts.low[b]) + np.minimum(parts.high[a], parts.high[b]))
            x, y, z = (round(float(v), 4) for v in middle)
            worst[one, other] = Interpenetration(one, other, float(amount), (x, y, z))
    return tuple(sorted(worst.values(), key=lambda found: (-found.depth, found.first, found.second)))


def _connected_parts(scene: Scene) -> _Parts:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    owned = (scene.triangle_object >= 0) & (scene.triangle_object < len(scene.objects))
    triangles = _joined(scene)[owned]
    owner = scene.triangle_object[owned].astype(np.int64)
    used, corner = np.unique(triangles, return_inverse=True)
    corner = corner.reshape(-1, 3)
    rows, columns = corner[:, [0, 1]].ravel(), corner[:, [1, 2]].ravel()
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(used), len(used)))
    count, label = connected_components(graph, directed=False)
    order = np.argsort(label, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=count))])
    points = scene.vertices[used[order]].astype(np.float64)
    low, high = np.minimum.reduceat(points, start[:-1]), np.maximum.reduceat(points, start[:-1])
    owners = np.zeros(count, dtype=np.int64)
    owners[label[corner[:, 0]]] = owner
    return _Parts(owners, start, points, low, high)


def _joined(scene: Scene) -> Index:
    """Triangles whose corners are shared where an object's vertices lie upon each other, in files that split them."""
    triangles = scene.triangles.astype(np.int64)
    if len(np.unique(triangles)) < 1.5 * len(triangles):
        return triangles
    owner = np.full(len(scene.vertices), -1, dtype=np.int64)
    owner[triangles] = scene.triangle_object[:, None]
    key = np.column_stack([owner, np.round(scene.vertices * 1e5).astype(np.int64)])
    _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)][triangles])


def _coarse_pairs(parts: _Parts, is_building: npt.NDArray[np.bool_], depth: float) -> tuple[Index, Index]:
    """Pairs of parts of different objects whose boxes overlap by more than the depth: a sweep along x."""
    order = np.argsort(parts.low[:, 0], kind="stable")
    low, high = parts.low[order], parts.high[order]
    end = np.searchsorted(low[:, 0], high[:, 0] - depth, side="left")
    count = np.maximum(end - np.arange(len(low)) - 1, 0)
    firsts, seconds = [], []
    for begin, stop in _chunks(count):
        mine = count[begin:stop]
        a = np.repeat(np.arange(begin, stop), mine)
        b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(mine) - mine, mine)
        for axis in (2, 1):
            keep = np.minimum(high[b, axis] - low[a, axis], high[a, axis] - low[b, axis]) > depth
            a, b = a[keep], b[keep]
        i, j = order[a], order[b]
        one, other = parts.owner[i], parts.owner[j]
        keep = (one != other) & ~(is_building[one] & is_building[other])
        firsts.append(i[keep])
        seconds.append(j[keep])
    return np.concatenate(firsts), np.concatenate(seconds)


def _chunks(count: Index) -> list[tuple[int, int]]:
    """Ranges of rows whose counts sum to no more than a chunk (or of one row)."""
    total = np.cumsum(count)
    ranges, begin = [], 0
    while begin < len(count):
        before = total[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(total, before + _CHUNK, side="right")))
        ranges.append((begin, stop))
        begin = stop
    return ranges or [(0, 0)]


def _plan_separation(parts: _Parts, first: Index, second: Index, depth: float) -> tuple[Index, Index, Array]:
    """Keeps the pairs that nothing separates, with how far one of them must move."""
    moved = _clearance(parts.low[first, 1], parts.high[first, 1], parts.low[second, 1], parts.high[second, 1])
    angle = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    for direction in np.column_stack([np.cos(angle), np.sin(angle)]):
        if not len(first):
            break
        chosen, place = np.unique(np.concatenate([first, second]), return_inverse=True)
        spans = _spans(parts, chosen, direction)[place]
        a, b = spans[: len(first)], spans[len(first) :]
        moved = np.minimum(moved, _clearance(a[:, 0], a[:, 1], b[:, 0], b[:, 1]))
        keep = moved > depth
        first, second, moved = first[keep], second[keep], moved[keep]
    hulls = {int(k): _hull(parts.points[parts.start[k] : parts.start[k + 1]]) for k in np.union1d(first, second)}
    kept = []
    for number, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        moved[number] = min(moved[number], _hull_clearance(hulls[i], hulls[j]))
        kept.append(moved[number] > depth)
    keep = np.array(kept, dtype=np.bool_)
    return first[keep], second[keep], moved[keep]


def _clearance(low_a: Array, high_a: Array, low_b: Array, high_b: Array) -> Array:
    return np.asarray(np.minimum(high_a - low_b, high_b - low_a))


def _spans(parts: _Parts, chosen: Index, direction: Array) -> Array:
    """Least and greatest coordinate of each chosen part along a direction in plan, shape (n, 2)."""
    count = parts.start[chosen + 1] - parts.start[chosen]
    begin = np.cumsum(count) - count
    rows = np.repeat(parts.start[chosen] - begin, count) + np.arange(int(count.sum()))
    along = parts.points[rows][:, [0, 2]] @ direction
    return np.column_stack([np.minimum.reduceat(along, begin), np.maximum.reduceat(along, begin)])


def _hull(points: Array) -> Array:
    """Convex hull in plan, counter-clockwise, shape (h, 2) (Andrew's monotone chain)."""
    rows = sorted(set(map(tuple, np.round(points[:, [0, 2]], 6).tolist())))
    if len(rows) < 3:
        return np.array(rows)
    chains = []
    for way in (rows, rows[::-1]):
        chain: list[tuple[float, float]] = []
        for p in way:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0.0:
                chain.pop()
            chain.append(p)
        chains += chain[:-1]
    return np.array(chains)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _hull_clearance(a: Array, b: Array) -> float:
    """How far one hull must move to come clear of the other, along the normals of all edges of both [m]."""
    edges = np.concatenate([np.roll(h, -1, axis=0) - h for h in (a, b)])
    length = np.linalg.norm(edges, axis=1)
    edges = edges[length > 1e-9] / length[length > 1e-9, None]
    normals = np.column_stack([edges[:, 1], -edges[:, 0]])
    along_a, along_b = a @ normals.T, b @ normals.T
    ahead, behind = along_a.max(axis=0) - along_b.min(axis=0), along_b.max(axis=0) - along_a.min(axis=0)
    return float(np.minimum(ahead, behind).min()) if len(normals) else 0.0
