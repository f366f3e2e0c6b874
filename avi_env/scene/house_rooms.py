"""What stands in each type of room."""

from __future__ import annotations

import math
from collections.abc import Callable

from avi_env.scene import furniture_seats as seats
from avi_env.scene import furniture_small as small
from avi_env.scene import furniture_storage as storage
from avi_env.scene import furniture_wet as wet
from avi_env.scene.furniture import Piece, Placed
from avi_env.scene.house_furnish import Furnisher

__all__ = ["furnish_room"]


def furnish_room(room: Furnisher) -> None:
    """Furnishes a room by its type; pictures come last, where the walls are free."""
    _RECIPES[room.space.kind](room)
    _walls(room)


def _living_room(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    width = stream.pick((1.6, 1.9, 2.2)) if room.space.area > 14 else 1.6
    sofa = room.at_wall(seats.sofa(stream, look, width), front=1.2, rank=room.away_from_doors())
    if sofa is None:
        sofa = room.at_wall(seats.sofa(stream, look, 1.45), front=0.7)
    if sofa is not None:
        table = room.before(storage.coffee_table(stream, look), sofa, 0.4)
        room.under(small.rug(stream, look, min(2.4, width + 0.4), 1.6), sofa, -1.0)
        _small_things(room, table)
        stand = room.at_wall(storage.tv_stand(stream, look), front=0.5, tall=True, rank=room.toward(sofa))
        if stand is not None:
            room.on(small.television(stream, look, stream.uniform(0.8, 1.1)), stand, 0)
        if room.wants(0.7):
            lamp, side = small.floor_lamp(stream, look), stream.pick((-1, 1))
            if room.beside(lamp, sofa, side, 0.08) is None:
                room.beside(lamp, sofa, -side, 0.08)
    if room.wants(0.8):
        room.at_wall(seats.armchair(stream, look), front=0.6, rank=room.corner())
    if room.wants(0.9):
        room.at_wall(storage.bookshelf(stream, look), front=0.5, tall=True)
    board = room.at_wall(storage.sideboard(stream, look), front=0.5) if room.wants(0.8) else None
    room.on(small.radio(stream, look), board)
    room.on(small.music_box(stream, look), board)
    _phone(room, board)
    if room.space.area > 19 and room.wants(0.85):
        _dining_group(room, large=room.space.area > 26)
    if room.space.area > 22 and room.wants(0.7):
        room.at_wall(storage.bookshelf(stream, look), front=0.5, tall=True)
    if room.space.area > 22 and room.wants(0.7):
        room.at_wall(seats.armchair(stream, look), front=0.6, rank=room.corner())
    if not any(p.piece.category == "phone" for p in room.placed):
        _phone(room, room.at_wall(storage.console_table(stream, look), front=0.5))
    _plants(room, 3)


def _dining_room(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    _dining_group(room, large=True)
    board = room.at_wall(storage.sideboard(stream, look), front=0.5)
    room.on(small.music_box(stream, look), board)
    room.on(small.vase(stream, look), board)
    if room.wants(0.5):
        room.at_wall(storage.bookshelf(stream, look), front=0.5, tall=True)
    _plants(room, 2)


def _dining_group(room: Furnisher, large: bool) -> Placed | None:
    stream, look = room.stream, room.look
    sizes = ((1.6, 0.9), (1.3, 0.8), (0.9, 0.9)) if large else ((1.2, 0.75), (0.85, 0.85))
    for width, depth in sizes:
        table = storage.dining_table(stream, look, width, depth)
        placed = room.in_middle(table, 0.72 if large else 0.62, (width, depth + 0.5))
        if placed is None:
            continue
        columns = (-0.27 * width, 0.27 * width) if width > 1.0 else (0.0,)
        for x in columns:
            room.at_table(seats.chair(stream, look), placed, (x, -depth / 2 - 0.08), math.pi)
            room.at_table(seats.chair(stream, look), placed, (x, depth / 2 + 0.08), 0.0)
        if room.wants(0.6):
            room.on(small.vase(stream, look), placed)
        return placed
    return None


def _kitchen(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    sink = _counter_row(room)
    if sink is None:
        room.at_wall(wet.kitchen_sink(stream, look), front=0.7, rank=room.away_from_doors())
        room.at_wall(wet.stove(stream, look), front=0.7, rank=room.away_from_doors())
    room.at_wall(wet.fridge(stream, look), front=0.7, tall=True, rank=room.corner())
    if room.wants(0.4):
        room.at_wall(wet.washing_machine(stream, look), front=0.6)
    table = _dining_group(room, large=False) if room.wants(0.85) else None
    if table is not None and room.wants(0.4):
        room.on(small.radio(stream, look), table)
    _plants(room, 1)


def _counter_row(room: Furnisher) -> Placed | None:
    """Sink, stove and counters side by side along one wall, a kettle, and cupboards above."""
    stream, look = room.stream, room.look
    for extra in (1.2, 0.8, 0.5):
        pieces = [wet.kitchen_sink(stream, look), wet.counter(stream, look, extra), wet.stove(stream, look)]
        if stream.chance(0.5):
            pieces.reverse()
        total = sum(p.size[0] for p in pieces)
        depth = max(p.size[2] for p in pieces)
        places = room.space.wall_places(total, depth, 0.75)
        if not places:
            continue
        rank = room.away_from_doors()
        best = min(places, key=rank)
        placed = [room.place_in_row(piece, best, total, depth, offset) for piece, offset in _row(pieces, total)]
        middle = next(p for p in placed if p.piece.category == "counter")
        room.on(small.kettle(stream, look), middle)
        above = wet.wall_cabinet(stream, look, extra)
        room.hang_above(above, middle)
        return next(p for p in placed if p.piece.category == "sink")
    return None


def _row(pieces: list[Piece], total: float) -> list[tuple[Piece, float]]:
    offsets, at = [], -total / 2
    for piece in pieces:
        offsets.append(at + piece.size[0] / 2)
        at += piece.size[0]
    return list(zip(pieces, offsets, strict=True))


def _bedroom(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    widths = (1.6, 1.4, 0.95) if room.space.area > 11 else (1.4, 0.95)
    bed = None
    for width in widths:
        bed = room.at_wall(seats.bed(stream, look, width), front=0.6, side=0.5, rank=room.away_from_doors())
        bed = bed or room.at_wall(seats.bed(stream, look, width), front=0.5)
        if bed is not None:
            break
    stands = [room.beside(storage.nightstand(stream, look), bed, s) for s in (-1, 1)] if bed is not None else []
    standing = [s for s in stands if s is not None]
    if standing:
        room.on(small.alarm_clock(stream, look), standing[0], 0)
        room.on(small.table_lamp(stream, look), standing[-1], 1)
    wardrobe = storage.wardrobe(stream, look, stream.pick((1.0, 1.5, 1.9) if room.space.area > 11 else (1.0, 1.2)))
    if room.at_wall(wardrobe, front=0.6, tall=True, rank=room.corner()) is None:
        room.at_wall(storage.wardrobe(stream, look, 0.9), front=0.5, tall=True)
    dresser = room.at_wall(storage.dresser(stream, look), front=0.6) if room.wants(0.75) or not standing else None
    if not standing:
        room.on(small.alarm_clock(stream, look), dresser)
    if room.wants(0.6):
        room.on(small.music_box(stream, look), dresser)
    if room.wants(0.5):
        room.on(small.vase(stream, look), dresser)
    if room.space.area > 13 and room.wants(0.6):
        _desk(room)
    if room.wants(0.35):
        room.at_wall(seats.armchair(stream, look), front=0.5, rank=room.corner())
    if bed is not None and room.wants(0.7):
        room.under(small.rug(stream, look, bed.piece.size[0] + 0.9, 1.3), bed, -0.75)
    _plants(room, 1)


def _bathroom(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    sink = room.at_wall(wet.washbasin(stream, look), front=0.6, side=0.05)
    if sink is not None:
        room.hang_above(wet.mirror(stream, look), sink)
    if stream.chance(0.6) and room.space.area > 6.0:
        tub = room.at_wall(wet.bathtub(stream, look), front=0.55, rank=room.away_from_doors())
    else:
        tub = None
    if tub is None:
        room.at_wall(wet.shower(stream, look), front=0.5, tall=True, rank=room.corner())
    room.at_wall(wet.toilet(stream, look), front=0.6, rank=room.away_from_doors(), side=0.12)
    if sink is not None:
        room.under(small.rug(stream, look, 0.75, 0.5), sink, -0.6)
    if room.wants(0.5):
        room.at_wall(wet.washing_machine(stream, look), front=0.6)
    if room.wants(0.7):
        room.at_wall(small.laundry_basket(stream, look), front=0.3, rank=room.corner())


def _hallway(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    console = room.at_wall(storage.console_table(stream, look), front=0.75)
    if console is not None:
        room.on(small.phone(stream, look), console, stream.pick((0, 1)))
        if room.wants(0.6):
            room.on(small.table_lamp(stream, look) if stream.chance(0.5) else small.vase(stream, look), console)
    if room.wants(0.8):
        room.at_wall(storage.coat_rack(stream, look), front=0.75, tall=True)
    _plants(room, 1)


def _office(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    desk = _desk(room)
    if desk is not None:
        _phone(room, desk)
    for _ in range(2):
        if room.wants(0.75):
            room.at_wall(storage.bookshelf(stream, look), front=0.5, tall=True)
    board = room.at_wall(storage.sideboard(stream, look), front=0.5) if room.wants(0.5) else None
    room.on(small.radio(stream, look), board)
    if room.wants(0.5):
        room.at_wall(seats.armchair(stream, look), front=0.5, rank=room.corner())
    _plants(room, 2)


def _desk(room: Furnisher) -> Placed | None:
    """A desk with a chair and a laptop."""
    stream, look = room.stream, room.look
    piece = storage.desk(stream, look)
    desk = room.at_wall(piece, front=1.0, rank=room.away_from_doors())
    if desk is not None:
        room.at_table(seats.office_chair(stream, look), desk, (0.0, -0.52), math.pi)
        piece.spots.append((0.0, 0.74, 0.0))
        room.on(small.laptop(stream, look), desk, len(piece.spots) - 1)
    return desk


def _laundry(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    machine = room.at_wall(wet.washing_machine(stream, look), front=0.7, rank=room.away_from_doors())
    if machine is not None:
        room.beside(wet.dryer(stream, look), machine, stream.pick((-1, 1)), 0.02)
    shelf = room.at_wall(storage.dresser(stream, look), front=0.5) if room.wants(0.8) else None
    room.on(small.radio(stream, look), shelf)
    if room.wants(0.9):
        room.at_wall(small.laundry_basket(stream, look), front=0.3)
    if room.wants(0.5):
        room.at_wall(small.laundry_basket(stream, look), front=0.3)
    if room.wants(0.6):
        room.at_wall(storage.wardrobe(stream, look, 0.8), front=0.5, tall=True)


def _closet(room: Furnisher) -> None:
    stream, look = room.stream, room.look
    for _ in range(2):
        if room.wants(0.9):
            room.at_wall(storage.wardrobe(stream, look, stream.uniform(0.8, 1.4)), front=0.6, tall=True)
    if room.wants(0.8):
        room.at_wall(storage.bookshelf(stream, look), front=0.5, tall=True)
    if room.wants(0.7):
        room.at_wall(small.laundry_basket(stream, look), front=0.3)


_RECIPES: dict[str, Callable[[Furnisher], None]] = {
    "living_room": _living_room,
    "kitchen": _kitchen,
    "bedroom": _bedroom,
    "bathroom": _bathroom,
    "hallway": _hallway,
    "office": _office,
    "dining_room": _dining_room,
    "laundry": _laundry,
    "closet": _closet,
}


def _phone(room: Furnisher, host: Placed | None) -> None:
    room.on(small.phone(room.stream, room.look), host)


def _small_things(room: Furnisher, host: Placed | None) -> None:
    if room.wants(0.5):
        room.on(small.vase(room.stream, room.look), host)
    if room.wants(0.5):
        _phone(room, host)


def _plants(room: Furnisher, most: int) -> None:
    for _ in range(room.stream.integer(0, most)):
        if room.wants(0.8):
            room.at_wall(small.plant(room.stream, room.look), front=0.05, rank=room.corner())


def _walls(room: Furnisher) -> None:
    """Pictures: more of them in larger rooms."""
    if room.space.kind in ("bathroom", "laundry"):
        return
    for _ in range(room.stream.integer(1, 2 + int(room.space.area / 12))):
        room.hang(small.picture(room.stream, room.look), 1.1)
