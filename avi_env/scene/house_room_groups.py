"""Groups of pieces that several types of rooms have: tables with chairs, desks, things on surfaces, plants."""

from __future__ import annotations

import math

from avi_env.scene import furniture_devices as devices
from avi_env.scene import furniture_kitchen as kitchen
from avi_env.scene import furniture_lamps as lamps
from avi_env.scene import furniture_seats as seats
from avi_env.scene import furniture_small as small
from avi_env.scene import furniture_storage as storage
from avi_env.scene import furniture_trinkets as trinkets
from avi_env.scene.furniture import Placed
from avi_env.scene.furniture_plants import plant, vase
from avi_env.scene.house_furnish import Furnisher, Maker
from avi_env.scene.house_space import Place

__all__ = ["DECOR", "clutter", "desk_group", "dining_group", "lamp_beside", "mat_before", "plants", "rug_under"]

DECOR: tuple[Maker, ...] = (trinkets.books, vase, trinkets.candle, trinkets.box, trinkets.books, small.music_box)
"""Small things for shelves and sideboards."""

_MEALS: tuple[Maker, ...] = (kitchen.plate, kitchen.cup, kitchen.bottle, kitchen.bowl, trinkets.candle, kitchen.plate)
_SEAT = 0.215  # half the width of a chair [m]


def clutter(room: Furnisher, host: Placed | None, makers: tuple[Maker, ...], low: int, high: int) -> None:
    """Puts a few of the pieces on a host, in any order; fewer at low density."""
    if host is None:
        return
    chosen = list(makers)
    room.stream.shuffle(chosen)
    room.fill(host, chosen, most=round(room.stream.integer(low, high) * min(room.density, 1.0)))


def dining_group(room: Furnisher, large: bool) -> Placed | None:
    """A table in the middle with chairs on two sides or four, a rug beneath it and a meal on it."""
    stream = room.stream
    sizes = ((1.6, 0.9), (1.3, 0.8), (0.9, 0.9)) if large else ((1.2, 0.75), (0.85, 0.85))
    for width, depth in sizes:
        placed = room.in_middle(
            storage.dining_table(stream, room.look, width, depth), 0.72 if large else 0.6, (width, depth + 0.5)
        )
        if placed is None:
            continue
        seat = seats.bench if large and stream.chance(0.12) else seats.chair
        chair = seat(stream, room.look)
        x = max(width / 2 - 0.13 - _SEAT, _SEAT + 0.03)
        columns = (-x, x) if width > 1.0 and chair.category == "chair" else (0.0,)
        for x in columns:
            room.at_table(chair, placed, (x, -depth / 2 - 0.08), math.pi)
            room.at_table(chair, placed, (x, depth / 2 + 0.08), 0.0)
        if large and room.wants(0.4):
            room.at_table(chair, placed, (width / 2 + 0.1, 0.0), math.pi / 2)
        if large and room.wants(0.6):
            rug = small.rug(stream, room.look, width + 1.0, depth + 1.2)
            room.under(rug, placed)
        clutter(room, placed, _MEALS, 1, 4)
        return placed
    return None


def desk_group(room: Furnisher) -> Placed | None:
    """A desk with a chair, a computer or a laptop, a lamp and some paper."""
    stream, look = room.stream, room.look
    piece = storage.desk(stream, look)
    side = stream.pick((-1, 1))  # the screen stands a little aside of the chair, and one can get near it
    piece.spots.append((0.13 * side, 0.74, -0.02))
    desk = room.at_wall(piece, front=1.0, rank=room.near_window() if stream.chance(0.4) else room.away_from_doors())
    if desk is None:
        return None
    room.at_table(room.make(seats.office_chair), desk, (-0.08 * side, -0.62), math.pi)
    maker = devices.computer if stream.chance(0.5) else small.laptop
    middle = len(piece.spots) - 1
    if room.on(room.make(maker), desk, middle, turn=0.0) is None:
        room.on(room.make(small.laptop), desk, turn=0.0)
    if room.wants(0.6):
        room.on(room.make(lamps.table_lamp), desk)
    clutter(room, desk, (small.phone, trinkets.books, kitchen.cup, small.alarm_clock), 1, 3)
    if room.wants(0.3):
        table = room.at_wall(room.make(storage.side_table), front=0.4, rank=room.near(desk))
        room.on(room.make(devices.printer), table, turn=0.0)
    return desk


def lamp_beside(room: Furnisher, anchor: Placed) -> None:
    """A standing lamp, or a side table with a lamp, on one side or the other."""
    stream, side = room.stream, room.stream.pick((-1, 1))
    if stream.chance(0.5):
        lamp = room.make(lamps.floor_lamp)
        if room.beside(lamp, anchor, side, 0.06) is None:
            room.beside(lamp, anchor, -side, 0.06)
        return
    piece = room.make(storage.side_table)
    table = room.beside(piece, anchor, side, 0.05) or room.beside(piece, anchor, -side, 0.05)
    if table is not None:
        room.on(room.make(lamps.table_lamp if stream.chance(0.6) else small.phone), table)
        clutter(room, table, (trinkets.books, kitchen.cup, small.phone), 1, 2)


def rug_under(room: Furnisher, anchor: Placed | None, size: tuple[float, float], shift: float) -> None:
    """A rug before and under a piece, the largest of three that the room allows."""
    if anchor is None:
        return
    for scale in (1.0, 0.8, 0.62):
        rug = small.rug(room.stream, room.look, size[0] * scale, size[1] * scale)
        if room.under(rug, anchor, shift) is not None:
            return


def mat_before(room: Furnisher, anchor: Placed | None, width: float, depth: float) -> None:
    """A mat on the floor before a piece."""
    if anchor is not None:
        shift = -anchor.piece.size[2] / 2 - depth / 2 - 0.04 + anchor.piece.middle[2]
        room.under(small.rug(room.stream, room.look, width, depth), anchor, shift)


def mat_at(room: Furnisher, spot: Place, width: float, depth: float) -> None:
    """A mat before a point of a wall."""
    out = depth / 2 + 0.08
    at = Place(spot.x - math.sin(spot.yaw) * out, spot.z - math.cos(spot.yaw) * out, spot.yaw)
    room.lay(small.rug(room.stream, room.look, width, depth), at)


def plants(room: Furnisher, most: int) -> None:
    """Plants in corners."""
    for _ in range(room.stream.integer(0, most)):
        if room.wants(0.85):
            room.at_wall(room.make(plant), front=0.05, rank=room.corner())
