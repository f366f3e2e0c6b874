"""Kitchens: a row of cupboards and appliances, an island or a table, things in use on the counters."""

from __future__ import annotations

from avi_env.scene import furniture_kitchen as kitchen
from avi_env.scene import furniture_plants as plants
from avi_env.scene import furniture_seats as seats
from avi_env.scene import furniture_small as small
from avi_env.scene import furniture_storage as storage
from avi_env.scene import furniture_textile as textile
from avi_env.scene import furniture_trinkets as trinkets
from avi_env.scene import furniture_wet as wet
from avi_env.scene.furniture import Piece, Placed
from avi_env.scene.house_furnish import Furnisher, Maker
from avi_env.scene.house_room_groups import clutter, dining_group, mat_before
from avi_env.scene.house_space import Place, Slot

__all__ = ["furnish_kitchen"]

_APPLIANCES: tuple[Maker, ...] = (
    small.kettle,
    kitchen.toaster,
    kitchen.coffee_machine,
    kitchen.microwave,
    kitchen.blender,
)
_ROWS: tuple[tuple[float, ...], ...] = ((0.6, 0.8, 0.5), (0.8, 0.6), (0.9, 0.4), (0.6, 0.5), (0.8,), (0.5,))
"""Widths of the plain counters [m]: the longest row that fits is built."""


def furnish_kitchen(room: Furnisher) -> None:
    """A row along one wall, a fridge, a table or an island, and what is used every day."""
    sink = _row(room)
    if sink is None:
        sink = room.at_wall(room.make(wet.kitchen_sink), front=0.7, rank=room.away_from_doors())
        room.at_wall(room.make(wet.stove), front=0.7, rank=room.away_from_doors())
    if room.wants(0.7):
        mat_before(room, sink, room.stream.uniform(0.9, 1.6), 0.6)
    beside = room.near(sink) if sink is not None else room.corner()
    room.at_wall(room.make(wet.fridge), front=0.7, rank=beside)
    if room.wants(0.35):
        room.at_wall(room.make(wet.washing_machine), front=0.6)
    table = _island(room, sink) if room.space.area > 12 and room.wants(0.5) else None
    if table is None and room.wants(0.85):
        table = dining_group(room, large=room.space.area > 18)
    board = room.at_wall(room.make(storage.sideboard), front=0.6) if room.wants(0.3) else None
    clutter(room, board, (*_APPLIANCES, small.radio, kitchen.bowl), 1, 3)
    if room.wants(0.4):
        room.on(room.make(small.radio), table)
    if room.wants(0.8):
        room.at_wall(room.make(kitchen.trash_can), front=0.15, rank=beside)
    if room.wants(0.6):
        room.hang(room.make(textile.towel), rank=beside)


def _row(room: Furnisher) -> Placed | None:
    """Sink, dishwasher, stove and counters side by side along one wall, cupboards and a hood above; the sink."""
    stream, look = room.stream, room.look
    modern = stream.chance(0.65)
    for widths in _ROWS:
        pieces = _row_pieces(room, widths, modern)
        total = sum(p.size[0] for p in pieces) + 0.004 * (len(pieces) - 1)
        depth = max(p.size[2] for p in pieces)
        slots = room.space.slots(total, depth, (0.0, max(p.size[1] for p in pieces)), 0.75)
        if not slots:
            continue
        spot = _best(room, slots, depth)
        at, placed = -total / 2, []
        for piece in pieces:
            placed.append(room.place_in_row(piece, spot, depth, at + piece.size[0] / 2))
            at += piece.size[0] + 0.004
        _above(room, placed)
        counters = [p for p in placed if p.piece.category in ("counter", "dishwasher")]
        makers = list(_APPLIANCES)
        stream.shuffle(makers)
        if not room.density < 0.7:
            makers = [small.kettle, *(m for m in makers if m is not small.kettle)]
        for number, maker in enumerate(makers[: 2 + len(counters)]):
            if room.wants(0.85):
                room.on(maker(stream, look), counters[number % len(counters)], turn=0.15)
        for counter in counters:
            clutter(room, counter, (kitchen.bowl, kitchen.bottle, kitchen.cup, kitchen.plate, plants.vase), 0, 2)
        return next(p for p in placed if p.piece.category == "sink")
    return None


def _row_pieces(room: Furnisher, widths: tuple[float, ...], modern: bool) -> list[Piece]:
    stream, look = room.stream, room.look
    pieces = [wet.kitchen_sink(stream, look)]
    if modern and len(widths) > 1:
        pieces.append(kitchen.dishwasher(stream, look))
    pieces.append(wet.counter(stream, look, widths[0]))
    pieces.append(wet.stove(stream, look))
    pieces += [wet.counter(stream, look, w) for w in widths[1:]]
    if stream.chance(0.5):
        pieces.reverse()
    return pieces


def _best(room: Furnisher, slots: list[Slot], depth: float) -> Place:
    rank = room.away_from_doors()
    places = [s.wall.place(at, depth / 2 + 0.02) for s in slots for at in (s.low, (s.low + s.high) / 2, s.high)]
    return min(places, key=rank)


def _above(room: Furnisher, placed: list[Placed]) -> None:
    """A hood above the stove, cupboards above the counters, or shelves."""
    shelves = room.stream.chance(0.2)
    for base in placed:
        width = base.piece.size[0]
        if base.piece.category == "stove" and room.stream.chance(0.85):
            room.hang_above(room.make(kitchen.range_hood), base)
        elif base.piece.category in ("counter", "dishwasher", "sink"):
            if shelves:
                shelf = room.hang_above(storage.wall_shelf(room.stream, room.look, width - 0.05), base)
                clutter(room, shelf, (kitchen.bowl, kitchen.bottle, kitchen.cup, trinkets.box), 2, 4)
            else:
                room.hang_above(wet.wall_cabinet(room.stream, room.look, width - 0.01), base)


def _island(room: Furnisher, sink: Placed | None) -> Placed | None:
    """An island with stools behind it."""
    piece = kitchen.kitchen_island(room.stream, room.look, room.stream.uniform(1.2, 1.7))
    width, depth = piece.size[0], piece.size[2]
    island = room.in_middle(piece, 0.5, (width, depth + 0.3), facing=sink)
    if island is None:
        return None
    stool = room.make(kitchen.bar_stool if room.stream.chance(0.8) else seats.stool)
    count = 3 if width > 1.5 else 2
    for k in range(count):
        room.at_table(stool, island, ((k - (count - 1) / 2) * 0.5, depth / 2 - 0.12), 0.0)
    clutter(room, island, (kitchen.bowl, kitchen.bottle, kitchen.coffee_machine, kitchen.blender, kitchen.plate), 1, 4)
    return island
