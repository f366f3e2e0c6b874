"""The NumPy twin of the any-angle search: a visibility graph of all convex corners, solved by brute force."""

from __future__ import annotations

import heapq
import itertools

import numpy as np


def _crossings(p: np.ndarray, d: np.ndarray) -> np.ndarray:
    t = [np.array([0.0, 1.0])]
    for axis in range(2):
        if abs(d[axis]) > 1e-12:
            low, high = sorted((p[axis], p[axis] + d[axis]))
            t.append((np.arange(np.floor(low), np.ceil(high) + 1) - p[axis]) / d[axis])
    joined = np.unique(np.concatenate(t))
    return joined[(joined >= 0) & (joined <= 1)]


def _touches_slit(blocked: np.ndarray, i: int, j: int, d: np.ndarray) -> bool:
    """Whether a path along d through vertex (i, j) of the padded mask squeezes between two touching corners."""
    c = blocked[i : i + 2, j : j + 2]
    rising, falling = c[0, 1] and c[1, 0], c[0, 0] and c[1, 1]
    if min(abs(d)) < 1e-12:
        return bool(rising or falling)
    return bool(rising if d[0] * d[1] > 0 else falling)


def sees(blocked: np.ndarray, start: np.ndarray, end: np.ndarray) -> bool:
    """Whether a segment (in cells of the unpadded mask) meets no blocked square of the padded mask `blocked`."""
    p = np.asarray(start, float)
    d = np.asarray(end, float) - p
    t = _crossings(p, d)
    for a, b in itertools.pairwise(t):
        if b - a < 1e-10:
            continue
        m = p + d * (a + b) / 2
        low, high = np.floor(m - 1e-9).astype(int) + 1, np.floor(m + 1e-9).astype(int) + 1
        if blocked[tuple(low)] and blocked[tuple(high)]:
            return False
    for s in t[1:-1]:
        m = p + d * s
        r = np.round(m).astype(int)
        if np.abs(m - r).max() < 1e-9 and _touches_slit(blocked, int(r[0]), int(r[1]), d):
            return False
    return True


def exact_lengths(free: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Shortest lengths [cells] from every centre of a small mask to a goal (in cells), inf where there is none."""
    blocked = np.pad(~free, 1, constant_values=True)
    vertices = [
        (i, j)
        for i in range(free.shape[0] + 1)
        for j in range(free.shape[1] + 1)
        if blocked[i : i + 2, j : j + 2].sum() == 1
    ]
    nodes = np.array([goal, *vertices], float)
    seen = {(a, b) for a in range(len(nodes)) for b in range(a) if sees(blocked, nodes[a], nodes[b])}
    best = np.full(len(nodes), np.inf)
    best[0] = 0.0
    heap = [(0.0, 0)]
    while heap:
        length, a = heapq.heappop(heap)
        if length > best[a]:
            continue
        for b in range(len(nodes)):
            further = length + np.hypot(*(nodes[a] - nodes[b]))
            if further < best[b] - 1e-12 and (max(a, b), min(a, b)) in seen:
                best[b] = further
                heapq.heappush(heap, (further, b))
    lengths = np.full(free.shape, np.inf)
    for i, j in np.argwhere(free):
        center = np.array([i + 0.5, j + 0.5])
        candidates = best + np.hypot(*(nodes - center).T)
        for a in np.argsort(candidates):
            if not np.isfinite(candidates[a]):
                break
            if sees(blocked, nodes[a], center):
                lengths[i, j] = candidates[a]
                break
    return lengths
