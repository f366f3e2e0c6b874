"""Puts pieces into a room: against walls, in the middle, beside or on other pieces, on walls and ceilings."""

from __future__ import annotations

import math
from collections.abc import Callable

from avi_env.scene.furniture import Look, Piece, Placed, place
from avi_env.scene.house_space import Box, Place, RoomSpace, choose, footprint
from avi_env.scene.house_stream import Stream

__all__ = ["Furnisher"]


class Furnisher:
    """The pieces of one room as they are placed; every method returns the placed piece, or None if none fits."""

    def __init__(self, stream: Stream, look: Look, space: RoomSpace, height: float, density: float = 1.0) -> None:
        self.stream = stream
        self.look = look
        self.space = space
        self.height = height
        self.density = density
        self.placed: list[Placed] = []
        self._used: dict[int, set[int]] = {}
        self._zones: dict[int, Box] = {}

    def wants(self, probability: float) -> bool:
        """Returns whether an optional piece is tried; fewer at low density."""
        return self.stream.chance(probability * self.density)

    def at_wall(
        self,
        piece: Piece,
        front: float = 0.55,
        tall: bool = False,
        rank: Callable[[Place], float] | None = None,
        side: float = 0.0,
    ) -> Placed | None:
        """Places a piece with its back at a wall.

        Args:
            piece: what to place.
            front: free depth before it [m].
            tall: whether it must not stand before a window.
            rank: places of the lowest rank are taken; without it any place.
            side: extra free width on either side [m].
        """
        width, _, depth = piece.size
        places = self.space.wall_places(width + 2 * side, depth, front, tall)
        if rank is not None and places:
            best = min(rank(p) for p in places)
            places = [p for p in places if rank(p) <= best + 0.25]
        spot = choose(self.stream, places)
        return None if spot is None else self._put(piece, spot, front)

    def in_middle(self, piece: Piece, margin: float, size: tuple[float, float] | None = None) -> Placed | None:
        """Places a piece away from the walls; `size` is the footprint to keep free, its own if not given."""
        width, depth = size or (piece.size[0], piece.size[2])
        places = self.space.middle_places(width, depth, margin)
        if not places:
            return None
        return self._put(piece, self.stream.pick(places[: max(1, len(places) // 6)]), 0.0)

    def before(self, piece: Piece, anchor: Placed, gap: float, turn: float = math.pi) -> Placed | None:
        """Places a piece in front of another at a distance [m], by default facing it."""
        reach = anchor.piece.size[2] / 2 + gap + piece.size[2] / 2
        x, _, z = anchor.world((anchor.piece.middle[0], 0.0, anchor.piece.middle[2] - reach))
        return self._try(piece, Place(x, z, anchor.yaw + turn), anchor)

    def beside(self, piece: Piece, anchor: Placed, side: int, gap: float = 0.04) -> Placed | None:
        """Places a piece at the left (-1) or right (+1) of another, backs in line."""
        x = side * ((anchor.piece.size[0] + piece.size[0]) / 2 + gap)
        z = (anchor.piece.size[2] - piece.size[2]) / 2
        wx, _, wz = anchor.world((x, 0.0, z))
        return self._try(piece, Place(wx, wz, anchor.yaw), anchor)

    def at_table(self, piece: Piece, table: Placed, local: tuple[float, float], turn: float) -> Placed | None:
        """Places a seat at a point (x, z) of a table's frame; it may reach under the table."""
        x, _, z = table.world((local[0], 0.0, local[1]))
        placed = place(piece, self.space.room, (x, 0.0, z), table.yaw + turn)
        box = footprint(placed)
        solids, clears = self.space.solids, self.space.clears
        self.space.solids = [s for s in solids if s != footprint(table)]
        self.space.clears = [c for c in clears if c is not self._zones.get(id(table))]
        fits = self.space.is_free(box)
        self.space.solids, self.space.clears = solids, clears
        if not fits:
            return None
        solids.append(box)
        self.placed.append(placed)
        return placed

    def on(self, piece: Piece, host: Placed | None, spot: int | None = None) -> Placed | None:
        """Puts a small piece on a free spot of another."""
        if host is None or not host.piece.spots:
            return None
        used = self._used.setdefault(id(host), set())
        free = [k for k in range(len(host.piece.spots)) if k not in used]
        if not free or (spot is not None and spot not in free):
            return None
        number = self.stream.pick(free) if spot is None else spot
        used.add(number)
        x, y, z = host.world(host.piece.spots[number])
        turn = 0.0 if piece.category in ("television", "laptop") else self.stream.uniform(-0.35, 0.35)
        placed = place(piece, self.space.room, (x, y - 0.002, z), host.yaw + turn)
        self.placed.append(placed)
        return placed

    def under(self, piece: Piece, anchor: Placed | None, shift: float = 0.0) -> Placed | None:
        """Lays a rug under and before a piece, as far as the room allows."""
        if anchor is None:
            return None
        x, _, z = anchor.world((0.0, 0.0, shift))
        placed = place(piece, self.space.room, (x, 0.0, z), anchor.yaw)
        box = footprint(placed, 0.05)
        if any(_meets(box, other) for other in self.space.outside):
            return None
        self.placed.append(placed)
        return placed

    def hang(self, piece: Piece, low: float, rank: Callable[[Place], float] | None = None) -> Placed | None:
        """Hangs a piece on a wall; pieces whose tops are above `low` and stand at that wall are avoided."""
        width, _, depth = piece.size
        keep = self.space.hangings
        tall = [footprint(p) for p in self.placed if p.center[1] + p.piece.size[1] / 2 > low]
        self.space.hangings = [*keep, *tall]
        places = self.space.hanging_places(width + 0.1)
        self.space.hangings = keep
        if rank is not None and places:
            best = min(rank(p) for p in places)
            places = [p for p in places if rank(p) <= best + 0.1]
        spot = choose(self.stream, places)
        if spot is None:
            return None
        # hanging_places stand 2 cm off the wall: move so that the back touches it
        shift = depth / 2 + piece.middle[2] - 0.02 + 0.001
        x, z = spot.x - math.sin(spot.yaw) * shift, spot.z - math.cos(spot.yaw) * shift
        placed = place(piece, self.space.room, (x, 0.0, z), spot.yaw)
        self.space.hangings.append(footprint(placed, 0.08))
        self.placed.append(placed)
        return placed

    def place_in_row(self, piece: Piece, spot: Place, total: float, depth: float, offset: float) -> Placed:
        """Places one piece of a row: `offset` along the row from its middle [m], backs in line with the row's back."""
        # Seen from the front the row runs from +X to -X of its frame; the offset counts along the frame's X.
        c, s = math.cos(spot.yaw), math.sin(spot.yaw)
        back = (depth - piece.size[2]) / 2
        x, z = spot.x + offset * c + back * s, spot.z + back * c - offset * s
        return self._put(piece, Place(x, z, spot.yaw), 0.75)

    def hang_above(self, piece: Piece, anchor: Placed) -> Placed:
        """Hangs a piece above another that stands at a wall, their backs in line."""
        back = anchor.piece.middle[2] + anchor.piece.size[2] / 2 - piece.size[2] / 2 - piece.middle[2]
        x, _, z = anchor.world((anchor.piece.middle[0], 0.0, back + 0.015))
        placed = place(piece, self.space.room, (x, 0.0, z), anchor.yaw)
        self.space.hangings.append(footprint(placed, 0.05))
        self.placed.append(placed)
        return placed

    def at_ceiling(self, piece: Piece, x: float, z: float) -> Placed:
        """Fixes a piece to the ceiling."""
        placed = place(piece, self.space.room, (x, self.height - piece.size[1] - 0.002, z), 0.0)
        self.placed.append(placed)
        return placed

    def _try(self, piece: Piece, spot: Place, anchor: Placed) -> Placed | None:
        placed = place(piece, self.space.room, (spot.x, 0.0, spot.z), spot.yaw)
        box = footprint(placed)
        keep = self.space.clears
        mine = self._zones.get(id(anchor))
        self.space.clears = [c for c in keep if c is not mine]
        fits = self.space.is_free(box)
        self.space.clears = keep
        if not fits:
            return None
        self.space.solids.append(box)
        self.placed.append(placed)
        return placed

    def _put(self, piece: Piece, spot: Place, front: float) -> Placed:
        # A piece's origin need not be the middle of its box: shift so that the box is centred on the place.
        mx, _, mz = piece.middle
        c, s = math.cos(spot.yaw), math.sin(spot.yaw)
        x, z = spot.x - (mx * c + mz * s), spot.z - (mz * c - mx * s)
        placed = place(piece, self.space.room, (x, 0.0, z), spot.yaw)
        self.space.solids.append(footprint(placed))
        if front > 0:
            self._zones[id(placed)] = _front_zone(placed, front)
            self.space.clears.append(self._zones[id(placed)])
        self.placed.append(placed)
        return placed

    def toward(self, anchor: Placed) -> Callable[[Place], float]:
        """Returns a rank: places opposite to a piece, looking at it, come first."""
        ax, _, az = anchor.center
        fx, fz = -math.sin(anchor.yaw), -math.cos(anchor.yaw)

        def rank(p: Place) -> float:
            ahead = (p.x - ax) * fx + (p.z - az) * fz
            across = abs((p.x - ax) * fz - (p.z - az) * fx)
            opposite = abs(math.cos((p.yaw - anchor.yaw) / 2))
            return across + (0.0 if ahead > 1.2 else 3.0) + 2.0 * opposite

        return rank

    def corner(self) -> Callable[[Place], float]:
        """Returns a rank: places near a corner of the room come first."""
        corners = self.space.outline
        return lambda p: min(abs(p.x - x) + abs(p.z - z) for x, z in corners)

    def away_from_doors(self) -> Callable[[Place], float]:
        """Returns a rank: places far from the openings come first."""
        spots = self.space.spots
        return lambda p: -min((math.hypot(p.x - s.x, p.z - s.z) for s in spots), default=0.0)


def _front_zone(placed: Placed, front: float) -> Box:
    x, _, z = placed.center
    w, _, d = placed.piece.size
    fx, fz = -math.sin(placed.yaw), -math.cos(placed.yaw)
    cx, cz = x + fx * (d + front) / 2, z + fz * (d + front) / 2
    half_x, half_z = (w / 2, front / 2) if abs(fz) > 0.5 else (front / 2, w / 2)
    return (cx - half_x, cz - half_z, cx + half_x, cz + half_z)


def _meets(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
