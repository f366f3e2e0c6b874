"""From the floor plan to building parts: wall runs, posts, room outlines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avi_env.scene.house_plan import OUTSIDE, Plan

__all__ = ["WALL", "Hole", "Post", "Run", "linkable_pairs", "room_areas", "room_outline", "wall_posts", "wall_runs"]

WALL = 0.12
"""Thickness of the walls [m]; they are centred on the grid lines."""


@dataclass(frozen=True)
class Hole:
    """A rectangular hole in a wall run: s is the coordinate along the run, y the height [m]."""

    kind: str
    """"door", "opening", "open" (no wall), "window" or "front_door"."""
    s0: float
    s1: float
    y0: float
    y1: float


@dataclass
class Run:
    """A straight piece of wall between two posts with one room (or the outside) on each side."""

    axis: int
    """0: along X at z = `line`; 1: along Z at x = `line`."""
    line: float
    s0: float
    """Where the run starts along its axis, after the post [m]."""
    s1: float
    low: int
    """Room on the side of the smaller other coordinate, -1 = outside."""
    high: int
    """Room on the side of the larger other coordinate, -1 = outside."""
    nodes: tuple[tuple[int, int], tuple[int, int]]
    """Grid nodes (i, j) at its two ends."""
    holes: list[Hole] = field(default_factory=list)
    object_id: int = -1

    def point(self, s: float, y: float, n: float) -> tuple[float, float, float]:
        """Returns the world position of (along, height, across); across > 0 lies on the high side."""
        return (s, y, self.line + n) if self.axis == 0 else (self.line + n, y, s)

    @property
    def length(self) -> float:
        """Length between the posts [m]."""
        return self.s1 - self.s0

    @property
    def outer(self) -> bool:
        """Whether one side is outside."""
        return self.low == OUTSIDE or self.high == OUTSIDE

    def side_of(self, room: int) -> float:
        """Returns -1 for the room on the low side, +1 for the one on the high side."""
        return -1.0 if room == self.low else 1.0


@dataclass(frozen=True)
class Post:
    """The square of wall where runs meet; faces without a run are visible."""

    x: float
    z: float
    faces: tuple[tuple[int, int, int], ...]
    """(dx, dz, room) of each visible face."""
    node: tuple[int, int]


def wall_runs(plan: Plan) -> list[Run]:
    """Returns all wall runs, in a fixed order."""
    padded = np.pad(plan.owner, 1, constant_values=OUTSIDE).tolist()
    nx, nz = plan.owner.shape
    runs: list[Run] = []
    for j in range(nz + 1):
        pairs = [(padded[i + 1][j], padded[i + 1][j + 1]) for i in range(nx)]
        runs += [_run(0, plan.zs[j], plan.xs, a, b, p, ((a, j), (b, j))) for a, b, p in _pieces(pairs)]
    for i in range(nx + 1):
        pairs = [(padded[i][j + 1], padded[i + 1][j + 1]) for j in range(nz)]
        runs += [_run(1, plan.xs[i], plan.zs, a, b, p, ((i, a), (i, b))) for a, b, p in _pieces(pairs)]
    return runs


def _pieces(pairs: list[tuple[int, int]]) -> list[tuple[int, int, tuple[int, int]]]:
    """Maximal stretches (first, end, pair) with the same two different rooms on both sides."""
    pieces: list[tuple[int, int, tuple[int, int]]] = []
    start = 0
    for k in range(1, len(pairs) + 1):
        if k == len(pairs) or pairs[k] != pairs[start]:
            if pairs[start][0] != pairs[start][1]:
                pieces.append((start, k, pairs[start]))
            start = k
    return pieces


def _run(
    axis: int,
    line: float,
    lines: tuple[float, ...],
    first: int,
    end: int,
    pair: tuple[int, int],
    nodes: tuple[tuple[int, int], tuple[int, int]],
) -> Run:
    return Run(axis, line, lines[first] + WALL / 2, lines[end] - WALL / 2, pair[0], pair[1], nodes)


def wall_posts(plan: Plan, runs: list[Run]) -> list[Post]:
    """Returns the posts at all run ends with their visible faces."""
    taken: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for run in runs:
        step = (1, 0) if run.axis == 0 else (0, 1)
        taken.setdefault(run.nodes[0], set()).add(step)
        taken.setdefault(run.nodes[1], set()).add((-step[0], -step[1]))
    padded = np.pad(plan.owner, 1, constant_values=OUTSIDE)
    posts = []
    for (i, j), covered in taken.items():
        faces = []
        for dx, dz in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            if (dx, dz) not in covered:
                faces.append((dx, dz, int(padded[i + (dx > 0), j + (dz > 0)])))
        posts.append(Post(plan.xs[i], plan.zs[j], tuple(faces), (i, j)))
    return posts


def room_outline(plan: Plan, room: int) -> tuple[tuple[float, float], ...]:
    """Returns the room's floor outline (x, z) [m] along the inner faces of its walls."""
    mask = np.pad(plan.owner == room, 1)
    edges: dict[tuple[int, int], tuple[int, int]] = {}
    for i, j in np.argwhere(mask).tolist():
        x, z = i - 1, j - 1
        if not mask[i, j - 1]:
            edges[(x, z)] = (x + 1, z)
        if not mask[i + 1, j]:
            edges[(x + 1, z)] = (x + 1, z + 1)
        if not mask[i, j + 1]:
            edges[(x + 1, z + 1)] = (x, z + 1)
        if not mask[i - 1, j]:
            edges[(x, z + 1)] = (x, z)
    start = min(edges)
    loop = [start]
    while edges[loop[-1]] != start:
        loop.append(edges[loop[-1]])
    return tuple(_inset_corners(plan, loop))


def _inset_corners(plan: Plan, loop: list[tuple[int, int]]) -> list[tuple[float, float]]:
    corners = []
    for k, (x, z) in enumerate(loop):
        px, pz = loop[k - 1]
        nx, nz = loop[(k + 1) % len(loop)]
        before, after = (x - px, z - pz), (nx - x, nz - z)
        if before == after:
            continue
        # The room lies to the right of the direction of travel (x, z) -> (-dz, dx): both walls push the corner inwards.
        shift_x = WALL / 2 * (-before[1] - after[1])
        shift_z = WALL / 2 * (before[0] + after[0])
        corners.append((round(plan.xs[x] + shift_x, 6), round(plan.zs[z] + shift_z, 6)))
    return corners


def linkable_pairs(runs: list[Run]) -> list[tuple[int, int]]:
    """Returns the pairs of rooms, smaller number first, with a wall in common; a door fits into every run."""
    return sorted({(min(run.low, run.high), max(run.low, run.high)) for run in runs if not run.outer})


def room_areas(plan: Plan) -> list[float]:
    """Returns the area of each room's grid cells [m2]: half of its walls included."""
    cells = np.outer(np.diff(plan.xs), np.diff(plan.zs))
    areas: list[float] = np.bincount(plan.owner.ravel() + 1, cells.ravel(), len(plan.types) + 1)[1:].tolist()
    return areas
