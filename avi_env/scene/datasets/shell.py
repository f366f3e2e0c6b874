"""The shell of a house from room outlines and holes: walls of some thickness about shared lines, closed all round.

Every room's walls stand half a wall inside its outline; doors and windows are lined from there to the outline, where
the linings of two rooms meet. Floors and ceilings reach to the walls, in doors to the outline; walls run on below and
above them, so that no ray finds a seam.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["HALF_WALL", "Edge", "Hole", "RoomShell", "inner_corners", "room_shell", "triangulated"]

FloatArray = npt.NDArray[np.float64]
Quad = npt.NDArray[np.float64]

HALF_WALL = 0.05
"""Half of a wall's thickness [m]."""

_DIP = 0.02  # [m] walls run on below floors and above ceilings
_TOUCH = 1e-4  # [m]


@dataclass
class Hole:
    """A hole in one edge of a room, in the edge's own terms."""

    start: float
    """Along the edge [m]."""
    end: float
    low: float
    """Height of its lower end above the world's origin [m]."""
    high: float
    full: bool = False
    """The whole edge is open."""


@dataclass
class Edge:
    """One edge of a room's outline."""

    start: FloatArray
    """(x, z) [m]; the room lies at (-dz, dx) of its direction."""
    end: FloatArray
    holes: list[Hole] = field(default_factory=list)

    @property
    def length(self) -> float:
        """Its length [m]."""
        return float(np.linalg.norm(self.end - self.start))

    @property
    def along(self) -> FloatArray:
        """Its direction, shape (2,)."""
        unit: FloatArray = (self.end - self.start) / self.length
        return unit

    @property
    def inwards(self) -> FloatArray:
        """The direction into its room, shape (2,)."""
        return np.array([-self.along[1], self.along[0]])


@dataclass
class RoomShell:
    """The faces of one room; each quad is wound to be seen from the room, shape (4, 3)."""

    floor: list[FloatArray] = field(default_factory=list)
    """Triangles and quads, shape (3, 3) or (4, 3)."""
    ceiling: list[FloatArray] = field(default_factory=list)
    walls: list[tuple[int, Quad]] = field(default_factory=list)
    """Index of the edge, and the quad."""
    linings: list[tuple[int, Quad]] = field(default_factory=list)
    """Index of the edge, and the quad: what lines its holes."""


def room_shell(edges: list[Edge], floor_y: float, top: float) -> RoomShell:
    """Returns the faces of a room.

    Args:
        edges: its outline, in order.
        floor_y: height of its floor [m].
        top: height of its ceiling [m].
    """
    shell = RoomShell()
    inner = inner_corners(edges)
    for k, edge in enumerate(edges):
        _add_edge(shell, k, edge, inner[k], inner[(k + 1) % len(edges)], floor_y, top)
    ring = np.stack(inner)
    for corners in triangulated(ring):
        shell.ceiling.append(_raised(ring[list(corners)], top))
        shell.floor.append(_raised(ring[list(corners[::-1])], floor_y))
    return shell


def _raised(points: FloatArray, y: float) -> FloatArray:
    return np.stack([points[:, 0], np.full(len(points), y), points[:, 1]], axis=1)


def inner_corners(edges: list[Edge]) -> list[FloatArray]:
    """Returns where the inner faces of each edge and of the one before it meet, (x, z) [m], shape (2,) each."""
    corners = []
    for k, edge in enumerate(edges):
        n0, n1 = edges[k - 1].inwards, edge.inwards
        corners.append(edge.start + HALF_WALL * (n0 + n1) / max(1.0 + float(n0 @ n1), 0.2))
    return corners


def _add_edge(
    shell: RoomShell, index: int, edge: Edge, first: FloatArray, last: FloatArray, floor_y: float, top: float
) -> None:
    low, high = floor_y - _DIP, top + _DIP
    face = _Face(edge, first, last)
    at = face.begin
    for hole in sorted(edge.holes, key=lambda h: h.start):
        start, end = (face.begin, face.stop) if hole.full else (hole.start, hole.end)
        first_end, last_end = (edge.start, edge.end) if hole.full else (None, None)
        opened_low = hole.low if hole.low > floor_y + _TOUCH else low
        opened_high = hole.high if hole.high < top - _TOUCH else high
        if start > at + _TOUCH:
            shell.walls.append((index, face.quad(at, start, low, high)))
        if opened_high < high:
            shell.walls.append((index, face.quad(start, end, opened_high, high)))
            shell.linings.append((index, face.sill(start, end, first_end, last_end, opened_high)[::-1]))
        else:
            shell.ceiling.append(face.sill(start, end, first_end, last_end, top)[::-1])
        if opened_low > low:
            shell.walls.append((index, face.quad(start, end, low, opened_low)))
            shell.linings.append((index, face.sill(start, end, first_end, last_end, opened_low)))
        else:
            shell.floor.append(face.sill(start, end, first_end, last_end, floor_y))
        shell.linings.append((index, face.jamb(start, first_end, opened_low, opened_high)))
        shell.linings.append((index, face.jamb(end, last_end, opened_low, opened_high)[::-1]))
        at = end
    if face.stop > at + _TOUCH:
        shell.walls.append((index, face.quad(at, face.stop, low, high)))


class _Face:
    """The inner face of an edge: places along it, on it and on the outline."""

    def __init__(self, edge: Edge, first: FloatArray, last: FloatArray) -> None:
        self.edge, self.first, self.last = edge, first, last
        self.begin = float((first - edge.start) @ edge.along)
        self.stop = float((last - edge.start) @ edge.along)

    def on_face(self, s: float) -> FloatArray:
        """The place at `s` on the inner face; its ends are the corners themselves, so that faces meet exactly."""
        if s == self.begin:
            return self.first
        return self.last if s == self.stop else self.on_line(s) + HALF_WALL * self.edge.inwards

    def on_line(self, s: float) -> FloatArray:
        """The place at `s` on the outline."""
        place: FloatArray = self.edge.start + s * self.edge.along
        return place

    def quad(self, s0: float, s1: float, y0: float, y1: float) -> Quad:
        """A piece of the inner face."""
        (ax, az), (bx, bz) = self.on_face(s0), self.on_face(s1)
        return np.array([[ax, y0, az], [bx, y0, bz], [bx, y1, bz], [ax, y1, az]])

    def jamb(self, s: float, corner: FloatArray | None, y0: float, y1: float) -> Quad:
        """The lining at the lower end of a hole, from the outline to the face, seen from higher s."""
        (ax, az) = self.on_line(s) if corner is None else corner
        (bx, bz) = self.on_face(s)
        return np.array([[ax, y0, az], [ax, y1, az], [bx, y1, bz], [bx, y0, bz]])

    def sill(self, s0: float, s1: float, first: FloatArray | None, last: FloatArray | None, y: float) -> Quad:
        """The level piece between the face and the outline at a height, seen from above."""
        start, end = (self.on_line(s) if corner is None else corner for s, corner in ((s0, first), (s1, last)))
        places = (self.on_face(s0), self.on_face(s1), end, start)
        return np.array([[x, y, z] for x, z in places])


def triangulated(ring: FloatArray) -> list[tuple[int, int, int]]:
    """Returns a simple polygon, shape (n, 2), positive by the shoelace formula, as triangles of vertex numbers.

    Raises:
        ValueError: it crosses itself.
    """
    left = list(range(len(ring)))
    triangles: list[tuple[int, int, int]] = []
    while len(left) > 3:
        for k in range(len(left)):
            a, b, c = left[k - 1], left[k], left[(k + 1) % len(left)]
            if _is_ear(ring, left, a, b, c):
                triangles.append((a, b, c))
                del left[k]
                break
        else:
            raise ValueError("it crosses itself, so it has no inside")
    triangles.append((left[0], left[1], left[2]))
    if _turn(*(ring[k] for k in left)) < -1e-9:
        raise ValueError("it crosses itself, so it has no inside")
    return triangles


def _is_ear(ring: FloatArray, left: list[int], a: int, b: int, c: int) -> bool:
    if _turn(ring[a], ring[b], ring[c]) <= 1e-12:
        return False
    others = [k for k in left if k not in (a, b, c)]
    return not any(
        _turn(ring[a], ring[b], ring[k]) >= 0
        and _turn(ring[b], ring[c], ring[k]) >= 0
        and _turn(ring[c], ring[a], ring[k]) >= 0
        for k in others
    )


def _turn(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
