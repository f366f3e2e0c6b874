"""Puts pieces into a room: against walls, in the middle, beside or on other pieces, on walls and ceilings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from avi_env.scene.furniture import Look, Piece, Placed, place
from avi_env.scene.house_clashes import clashes, first_clashing
from avi_env.scene.house_space import CLEAR, FIXED, Box, Place, RoomSpace, Slot, footprint
from avi_env.scene.house_stream import Stream

__all__ = ["Furnisher", "Maker", "Rank"]

Rank = Callable[[Place], float]
"""How unwelcome a place is."""
Maker = Callable[[Stream, Look], Piece]

_STEP = 0.45  # between the places tried along a stretch of wall [m]
_BOARD = 0.013  # thickness of a baseboard [m]
_REACH = 0.02  # pieces on others keep this distance from each other [m]
_RUG = 0.003  # height of a rug's top above that of the feet of furniture [m]
_SOUNDS = (0.05, 0.12)  # above what sounds a space of this half width and height stays free [m]


class Furnisher:
    """The pieces of one room as they are placed; every method returns the placed piece, or None if none fits."""

    def __init__(self, stream: Stream, look: Look, space: RoomSpace, density: float = 1.0) -> None:
        self.stream = stream
        self.look = look
        self.space = space
        self.density = density
        self.placed: list[Placed] = []
        self.host: dict[int, Placed] = {}
        """What a piece stands on, by the id of the Python object."""
        self._numbers: dict[int, tuple[int, ...]] = {}
        self._used: dict[int, set[int]] = {}

    def wants(self, probability: float) -> bool:
        """Returns whether an optional piece is tried; fewer at low density."""
        return self.stream.chance(probability * self.density)

    def make(self, maker: Maker) -> Piece:
        """Returns a piece in the look of the room."""
        return maker(self.stream, self.look)

    def at_wall(self, piece: Piece, front: float = 0.5, rank: Rank | None = None, side: float = 0.0) -> Placed | None:
        """Places a piece with its back at a wall.

        Args:
            piece: what to place.
            front: depth before it that stays free [m].
            rank: places of the lowest rank are taken; without it any place.
            side: extra free width on either side [m].
        """
        width, height, depth = piece.size
        above = _SOUNDS[1] if piece.emits else 0.0
        slots = self.space.slots(width + 2 * side, depth, (0.0, height + above), front)
        return self._at_slot(piece, slots, depth / 2 + 0.02, front, rank)

    def hang(self, piece: Piece, rank: Rank | None = None, front: float = 0.0) -> Placed | None:
        """Hangs a piece on a wall at its own height, where nothing stands or hangs before that part of the wall."""
        width, height, depth = piece.size
        low = piece.middle[1] - height / 2
        above = _SOUNDS[1] if piece.emits else 0.0
        slots = self.space.slots(width, depth, (low, low + height + above), front, hung=True)
        return self._at_slot(piece, slots, depth / 2 + 0.002, 0.0, rank)

    def _at_slot(self, piece: Piece, slots: list[Slot], out: float, front: float, rank: Rank | None) -> Placed | None:
        if not slots:
            return None
        if rank is None:
            slot = self.stream.pick_weighted(slots, [s.high - s.low + 0.3 for s in slots])
            at = self.stream.random()
            at = min(max(1.6 * at - 0.3, 0.0), 1.0)  # often at one of the ends: things stand in rows and corners
            return self._put(piece, slot.wall.place(slot.low + at * (slot.high - slot.low), out), front)
        places = [p for slot in slots for p in _along(slot, out)]
        ranks = [rank(p) for p in places]
        best = min(ranks)
        return self._put(
            piece, self.stream.pick([p for p, r in zip(places, ranks, strict=True) if r <= best + 0.25]), front
        )

    def at_place(self, piece: Piece, spot: Place, front: float = 0.0) -> Placed | None:
        """Places a piece with its back at a point of a wall, if nothing is there."""
        out = piece.size[2] / 2 + (0.02 if piece.middle[1] < piece.size[1] else 0.002)
        x, z = spot.x - math.sin(spot.yaw) * out, spot.z - math.cos(spot.yaw) * out
        placed = self._stand(piece, Place(x, z, spot.yaw))
        if not self.space.is_free(footprint(placed), placed.span):
            return None
        return self._keep(placed, front)

    def in_middle(
        self, piece: Piece, margin: float, size: tuple[float, float] | None = None, facing: Placed | None = None
    ) -> Placed | None:
        """Places a piece away from the walls.

        Args:
            piece: what to place.
            margin: free distance all round [m].
            size: the footprint to keep free, its own if not given.
            facing: what its front turns to.
        """
        width, depth = size or (piece.size[0], piece.size[2])
        places = self.space.middle_places(width, depth, margin)
        if not places:
            return None
        spot = self.stream.pick(places[: max(1, len(places) // 6)])
        if facing is not None:
            x, _, z = facing.center
            behind = (x - spot.x) * math.sin(spot.yaw) + (z - spot.z) * math.cos(spot.yaw) > 0
            spot = spot._replace(yaw=spot.yaw + math.pi) if behind else spot
        return self._put(piece, spot, 0.0)

    def before(
        self, piece: Piece, anchor: Placed, gap: float, turn: float = math.pi, shift: float = 0.0
    ) -> Placed | None:
        """Places a piece in front of another at a distance [m], by default facing it, `shift` to its right."""
        reach = anchor.piece.size[2] / 2 + gap + piece.size[2] / 2
        x, _, z = anchor.world((anchor.piece.middle[0] + shift, 0.0, anchor.piece.middle[2] - reach))
        return self._try(piece, Place(x, z, anchor.yaw + turn), anchor)

    def beside(self, piece: Piece, anchor: Placed, side: int, gap: float = 0.04) -> Placed | None:
        """Places a piece at the left (-1) or right (+1) of another, backs in line."""
        x = anchor.piece.middle[0] + side * ((anchor.piece.size[0] + piece.size[0]) / 2 + gap)
        z = anchor.piece.middle[2] + (anchor.piece.size[2] - piece.size[2]) / 2
        wx, _, wz = anchor.world((x, 0.0, z))
        return self._try(piece, Place(wx, wz, anchor.yaw), anchor)

    def at_table(self, piece: Piece, table: Placed, local: tuple[float, float], turn: float) -> Placed | None:
        """Places a seat that faces a table at a point (x, z) of its frame; it may reach under the table.

        The seat moves back until its parts are clear of the table's.
        """
        x, _, z = table.world((local[0], 0.0, local[1]))
        yaw = table.yaw + turn
        ignore = self._numbers.get(id(table), ())
        for step in range(6):
            back = 0.05 * step
            placed = self._stand(piece, Place(x + math.sin(yaw) * back, z + math.cos(yaw) * back, yaw))
            if not clashes(placed, table):
                free = self.space.is_free(footprint(placed, _BOARD), placed.span, ignore)
                return self._keep(placed, 0.0) if free else None
        return None

    def on(self, piece: Piece, host: Placed | None, spot: int | None = None, turn: float = 0.35) -> Placed | None:
        """Puts a small piece on a free spot of another, turned by up to an angle [rad]."""
        if host is None or not host.piece.spots:
            return None
        used = self._used.setdefault(id(host), set())
        free = [k for k in range(len(host.piece.spots)) if k not in used and spot in (None, k)]
        self.stream.shuffle(free)
        ignore = self._numbers.get(id(host), ())
        yaw = host.yaw + self.stream.uniform(-turn, turn)
        # What sounds or is tall does not stand in a compartment.
        inside = host.piece.size[1] - 0.1 if piece.emits or piece.size[1] > 0.3 else 0.0
        for number in [k for k in free if host.piece.spots[k][1] >= inside][:3]:
            x, y, z = host.world(host.piece.spots[number])
            placed = place(piece, self.space.room, (x, y - 0.002, z), yaw)
            low, high = placed.span
            high += _SOUNDS[1] if piece.emits else 0.0
            if high < self.space.height and self.space.is_free(
                footprint(placed, _REACH), (low + 0.01, high), ignore, clears=False
            ):
                used.add(number)
                self.host[id(placed)] = host
                return self._keep(placed, 0.0)
        return None

    def fill(self, host: Placed | None, makers: Sequence[Maker], most: int = 9) -> int:
        """Puts several small pieces on a host, as many as there are spots and wishes; returns how many."""
        count = 0
        for maker in makers:
            if host is None or count >= most or len(self._used.get(id(host), ())) >= len(host.piece.spots):
                break
            count += self.on(self.make(maker), host) is not None
        return count

    def under(self, piece: Piece, anchor: Placed | None, shift: float = 0.0) -> Placed | None:
        """Lays a rug under and before a piece, as far as the room allows: what stands on it hides it a little."""
        if anchor is None:
            return None
        x, _, z = anchor.world((0.0, 0.0, shift))
        return self.lay(piece, Place(x, z, anchor.yaw))

    def lay(self, piece: Piece, spot: Place) -> Placed | None:
        """Lays a rug; a thick one sinks into the floor, so that furniture may stand on it."""
        low = _RUG - piece.middle[1] - piece.size[1] / 2
        placed = place(piece, self.space.room, (spot.x, low, spot.z), spot.yaw)
        box = footprint(placed, 0.03)
        others = [*self.space.outside, *(p.box for p in self.placed if p.piece.category == "rug")]
        if any(_meets(box, other) for other in others):
            return None
        self.placed.append(placed)
        return placed

    def place_in_row(self, piece: Piece, spot: Place, depth: float, offset: float, front: float = 0.75) -> Placed:
        """Places one piece of a row: `offset` along the row from its middle [m], backs in line with the row's back."""
        # Seen from the front the row runs from +X to -X of its frame; the offset counts along the frame's X.
        c, s = math.cos(spot.yaw), math.sin(spot.yaw)
        back = (depth - piece.size[2]) / 2
        x, z = spot.x + offset * c + back * s, spot.z + back * c - offset * s
        return self._put(piece, Place(x, z, spot.yaw), front)

    def hang_above(self, piece: Piece, anchor: Placed, shift: float = 0.0) -> Placed | None:
        """Hangs a piece above another that stands at a wall, if that part of the wall is free."""
        back = anchor.piece.middle[2] + anchor.piece.size[2] / 2 - piece.size[2] / 2
        x, _, z = anchor.world((anchor.piece.middle[0] + shift, 0.0, back + 0.015))
        placed = self._stand(piece, Place(x, z, anchor.yaw))
        low, high = placed.span
        if high > self.space.height or not self.space.is_free(footprint(placed), (low, high), clears=False):
            return None
        return self._keep(placed, 0.0)

    def at_ceiling(self, piece: Piece, x: float, z: float) -> Placed | None:
        """Fixes a piece to the ceiling, if nothing tall is there."""
        top = piece.middle[1] + piece.size[1] / 2
        placed = place(piece, self.space.room, (x, self.space.height - top - 0.006, z), 0.0)
        if not self.space.is_free(footprint(placed), placed.span, clears=False):
            return None
        return self._keep(placed, 0.0)

    def on_floor(self, piece: Piece, margin: float = 0.15) -> Placed | None:
        """Leaves a small thing somewhere on the floor, turned as it fell."""
        x0, z0, x1, z1 = self.space.bounds
        for _ in range(8):
            x, z = self.stream.uniform(x0 + 0.3, x1 - 0.3), self.stream.uniform(z0 + 0.3, z1 - 0.3)
            placed = self._stand(piece, Place(x, z, self.stream.uniform(0.0, 6.28)))
            if self.space.is_free(footprint(placed, margin), (0.0, 1.0), clears=False):
                return self._keep(placed, 0.0)
        return None

    def drop_clashes(self, fixed: Sequence[Placed]) -> None:
        """Takes away what still shares space with something placed before it, and what stands on that."""
        gone = first_clashing(fixed, self.placed, self.host)
        if gone:
            self.placed = [p for p in self.placed if id(p) not in gone]

    def toward(self, anchor: Placed) -> Rank:
        """Returns a rank: places opposite to a piece, looking at it, come first."""
        ax, _, az = anchor.center
        fx, fz = -math.sin(anchor.yaw), -math.cos(anchor.yaw)

        def rank(p: Place) -> float:
            ahead = (p.x - ax) * fx + (p.z - az) * fz
            across = abs((p.x - ax) * fz - (p.z - az) * fx)
            opposite = abs(math.cos((p.yaw - anchor.yaw) / 2))
            return across + (0.0 if ahead > 1.2 else 3.0) + 2.0 * opposite

        return rank

    def near(self, anchor: Placed) -> Rank:
        """Returns a rank: places near a piece come first."""
        ax, _, az = anchor.center
        return lambda p: math.hypot(p.x - ax, p.z - az)

    def corner(self) -> Rank:
        """Returns a rank: places near a corner of the room come first."""
        corners = self.space.outline
        return lambda p: min(abs(p.x - x) + abs(p.z - z) for x, z in corners)

    def away_from_doors(self) -> Rank:
        """Returns a rank: places far from the openings come first."""
        spots = self.space.spots
        return lambda p: -min((math.hypot(p.x - x, p.z - z) for x, z in spots), default=0.0)

    def near_window(self) -> Rank:
        """Returns a rank: places near a window come first."""
        windows = self.space.windows
        return lambda p: min((abs(p.x - w.x) + abs(p.z - w.z) for w, _, _ in windows), default=0.0)

    def _try(self, piece: Piece, spot: Place, anchor: Placed) -> Placed | None:
        placed = self._stand(piece, spot)
        mine = self._numbers.get(id(anchor), ())[1:]
        free = self.space.is_free(footprint(placed, _BOARD), placed.span, mine)
        return self._keep(placed, 0.0) if free else None

    def _put(self, piece: Piece, spot: Place, front: float) -> Placed:
        return self._keep(self._stand(piece, spot), front)

    def _stand(self, piece: Piece, spot: Place) -> Placed:
        # A piece's origin need not be the middle of its box: shift so that the box is centred on the place.
        mx, _, mz = piece.middle
        c, s = math.cos(spot.yaw), math.sin(spot.yaw)
        x, z = spot.x - (mx * c + mz * s), spot.z - (mz * c - mx * s)
        below = piece.middle[1] - piece.size[1] / 2
        return place(piece, self.space.room, (x, -min(below, 0.0), z), spot.yaw)

    def _keep(self, placed: Placed, front: float) -> Placed:
        number = self.space.add(footprint(placed), *placed.span)
        self._numbers[id(placed)] = (number,)
        if front > 0:
            zone = self.space.add(_front_zone(placed, front), 0.0, 2.0, CLEAR)
            self._numbers[id(placed)] = (number, zone)
        if placed.piece.emits:
            x, _, z = placed.center
            side, tall = _SOUNDS
            top = placed.span[1]
            self.space.add((x - side, z - side, x + side, z + side), top, top + tall, FIXED)
        self.placed.append(placed)
        return placed


def _along(slot: Slot, out: float) -> list[Place]:
    """Both ends of a stretch of wall, and places between them."""
    steps = max(1, math.ceil((slot.high - slot.low) / _STEP)) if slot.high - slot.low > 0.05 else 0
    if not steps:
        return [slot.wall.place((slot.low + slot.high) / 2, out)]
    return [slot.wall.place(slot.low + k / steps * (slot.high - slot.low), out) for k in range(steps + 1)]


def _front_zone(placed: Placed, front: float) -> Box:
    x, _, z = placed.center
    w, _, d = placed.piece.size
    fx, fz = -math.sin(placed.yaw), -math.cos(placed.yaw)
    cx, cz = x + fx * (d + front) / 2, z + fz * (d + front) / 2
    half_x, half_z = (w / 2, front / 2) if abs(fz) > 0.5 else (front / 2, w / 2)
    return (cx - half_x, cz - half_z, cx + half_x, cz + half_z)


def _meets(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
