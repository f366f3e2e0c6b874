"""Bedrooms, bathrooms, laundries and closets."""

from __future__ import annotations

from avi_env.scene import furniture_devices as devices
from avi_env.scene import furniture_home as home
from avi_env.scene import furniture_kitchen as kitchen
from avi_env.scene import furniture_lamps as lamps
from avi_env.scene import furniture_plants as plants
from avi_env.scene import furniture_seats as seats
from avi_env.scene import furniture_small as small
from avi_env.scene import furniture_storage as storage
from avi_env.scene import furniture_textile as textile
from avi_env.scene import furniture_trinkets as trinkets
from avi_env.scene import furniture_wet as wet
from avi_env.scene.furniture import Placed
from avi_env.scene.house_furnish import Furnisher, Maker
from avi_env.scene.house_room_groups import clutter, desk_group, lamp_beside, mat_before, rug_under

__all__ = ["furnish_bathroom", "furnish_bedroom", "furnish_closet", "furnish_laundry"]

_NIGHT: tuple[Maker, ...] = (trinkets.books, kitchen.cup, small.phone, small.music_box)
_DRESSER: tuple[Maker, ...] = (
    small.music_box,
    plants.vase,
    devices.hair_dryer,
    trinkets.toy_robot,
    trinkets.candle,
    small.radio,
    devices.sewing_machine,
)
_WASHING: tuple[Maker, ...] = (kitchen.bottle, trinkets.box, kitchen.bottle, trinkets.basket)


def furnish_bedroom(room: Furnisher) -> None:
    """A bed between nightstands, wardrobe and chest of drawers; a cot, a desk or toys in some."""
    stream, look, area = room.stream, room.look, room.space.area
    bed = _bed(room)
    standing = _nightstands(room, bed) if bed is not None else []
    wardrobe = storage.wardrobe(stream, look, stream.pick((1.0, 1.5, 1.9) if area > 11 else (0.8, 1.0)))
    roomy = room.density > 0.55
    if roomy and room.at_wall(wardrobe, front=0.6, rank=room.corner()) is None:
        room.at_wall(storage.wardrobe(stream, look, 0.9), front=0.5)
    if room.wants(0.8) or not standing:
        _dresser(room, clock=not standing)
    if bed is not None:
        if room.wants(0.35):
            room.on(room.make(textile.blanket), room.before(room.make(textile.ottoman), bed, 0.04))
        rug_under(room, bed, (bed.piece.size[0] + 1.4, 1.7), -0.7)
    if area > 9.5 and room.wants(0.35):
        room.at_wall(room.make(home.crib), front=0.5, rank=room.corner())
    if area > 12 and room.wants(0.55):
        desk_group(room)
    if area > 10 and room.wants(0.45):
        chair = room.at_wall(room.make(seats.armchair), front=0.5, rank=room.corner())
        if chair is not None and room.wants(0.5):
            lamp_beside(room, chair)
    for maker, chance in ((storage.bookshelf, 0.35), (small.laundry_basket, 0.3)):
        if room.wants(chance):
            room.at_wall(room.make(maker), front=0.3, rank=room.corner())
    if area > 12 and room.wants(0.25):
        room.at_wall(room.make(stream.pick((devices.exercise_bike, devices.guitar, devices.loudspeaker))), front=0.4)


def _dresser(room: Furnisher, clock: bool) -> None:
    """A chest of drawers with things on it, under a mirror."""
    dresser = room.at_wall(room.make(storage.dresser), front=0.6)
    if dresser is None:
        return
    if clock:
        room.on(room.make(small.alarm_clock), dresser)
    clutter(room, dresser, _DRESSER, 1, 3)
    if room.wants(0.5):
        room.hang_above(room.make(wet.mirror), dresser)


def _bed(room: Furnisher) -> Placed | None:
    widths: tuple[float, ...] = (1.6, 1.4, 0.95) if room.space.area > 11 else (1.4, 0.95)
    if room.density < 0.6:
        widths = (0.95,)
    for width in widths:
        piece = seats.bed(room.stream, room.look, width)
        bed = room.at_wall(piece, front=0.6, side=0.5, rank=room.away_from_doors()) or room.at_wall(piece, front=0.5)
        if bed is not None:
            return bed
    return None


def _nightstands(room: Furnisher, bed: Placed) -> list[Placed]:
    piece = room.make(storage.nightstand)
    sides = (-1, 1) if bed.piece.size[0] > 1.2 else (room.stream.pick((-1, 1)),)
    standing = [s for s in (room.beside(piece, bed, side) for side in sides) if s is not None]
    for number, stand in enumerate(standing):
        room.on(room.make(lamps.table_lamp), stand)
        if number == 0:
            room.on(room.make(small.alarm_clock), stand)
        clutter(room, stand, _NIGHT, 0, 2)
    return standing


def furnish_bathroom(room: Furnisher) -> None:
    """Basin under a mirror, toilet, bath or shower, towels, mats."""
    stream, look = room.stream, room.look
    tub = room.stream.chance(0.6) and room.space.area > 5.5 and room.density > 0.55 and _bath(room)
    if not tub:
        room.at_wall(room.make(wet.shower), front=0.5, rank=room.corner())
    sink = room.at_wall(room.make(wet.washbasin), front=0.6, side=0.05)
    if sink is not None:
        room.hang_above(room.make(wet.mirror), sink)
        mat_before(room, sink, 0.8, 0.5)
    room.at_wall(room.make(wet.toilet), front=0.6, rank=room.away_from_doors(), side=0.12)
    if room.wants(0.35):
        room.at_wall(room.make(wet.washing_machine), front=0.6)
    for chance in (1.0, 0.8, 0.4):
        if room.wants(chance):
            room.hang(room.make(textile.towel), front=0.15)
    if room.wants(0.55):
        shelf = room.hang(storage.wall_shelf(stream, look, stream.uniform(0.5, 0.8)), front=0.3)
        clutter(room, shelf, (devices.hair_dryer, kitchen.bottle, kitchen.bottle, trinkets.candle), 2, 4)
    for maker, chance in ((small.laundry_basket, 0.7), (kitchen.trash_can, 0.4), (seats.stool, 0.3)):
        if room.wants(chance):
            room.at_wall(room.make(maker), front=0.15, rank=room.corner())


def _bath(room: Furnisher) -> bool:
    tub = room.at_wall(room.make(wet.bathtub), front=0.55, rank=room.away_from_doors())
    if tub is None:
        return False
    if room.wants(0.65):
        piece = textile.shower_curtain(room.stream, room.look, tub.piece.size[0])
        room.before(piece, tub, 0.015, turn=0.0)
    mat_before(room, tub, 0.9, 0.55)
    return True


def furnish_laundry(room: Furnisher) -> None:
    """Washing machine and dryer, a sink, baskets, an ironing board, a sewing machine."""
    machine = room.at_wall(room.make(wet.washing_machine), front=0.7, rank=room.away_from_doors())
    if machine is not None:
        side = room.stream.pick((-1, 1))
        dryer = room.beside(room.make(wet.dryer), machine, side, 0.03)
        if dryer is None:
            room.beside(room.make(wet.dryer), machine, -side, 0.03)
        shelf = room.hang_above(storage.wall_shelf(room.stream, room.look, 1.0), machine)
        clutter(room, shelf, _WASHING, 2, 4)
    if room.wants(0.35):
        room.at_wall(room.make(wet.washbasin), front=0.6)
    for maker, chance, front in (
        (devices.ironing_board, 0.6, 0.4),
        (small.laundry_basket, 0.95, 0.2),
        (small.laundry_basket, 0.5, 0.2),
        (small.vacuum_cleaner, 0.4, 0.3),
        (trinkets.basket, 0.4, 0.1),
    ):
        if room.wants(chance):
            room.at_wall(room.make(maker), front)
    table = room.at_wall(room.make(storage.desk), front=0.7) if room.wants(0.4) else None
    if table is not None:
        room.on(room.make(devices.sewing_machine), table, turn=0.1)
        room.at_table(room.make(seats.stool), table, (0.0, -0.5), 0.0)
    shelf = room.at_wall(room.make(storage.dresser), front=0.5) if room.wants(0.6) else None
    clutter(room, shelf, (small.radio, *_WASHING), 1, 3)
    if room.wants(0.5):
        room.at_wall(storage.wardrobe(room.stream, room.look, 0.8), front=0.5)
    if room.wants(0.6):
        room.hang(room.make(textile.towel))


def furnish_closet(room: Furnisher) -> None:
    """Wardrobes, coats, shoes, boxes and the vacuum cleaner."""
    wardrobe = storage.wardrobe(room.stream, room.look, room.stream.pick((0.8, 1.0, 1.2)))
    if room.at_wall(wardrobe, front=0.5, rank=room.away_from_doors()) is None:
        room.at_wall(storage.wardrobe(room.stream, room.look, 0.8), front=0.35)
    if room.wants(0.8):
        room.hang(room.make(storage.coat_rack), front=0.3)
    shoes = room.at_wall(room.make(storage.shoe_rack), front=0.4) if room.wants(0.7) else None
    clutter(room, shoes, (trinkets.box, trinkets.basket), 0, 2)
    for maker, chance in (
        (small.vacuum_cleaner, 0.7),
        (trinkets.box, 0.7),
        (trinkets.box, 0.5),
        (trinkets.umbrella_stand, 0.3),
        (small.laundry_basket, 0.4),
        (devices.ironing_board, 0.2),
    ):
        if room.wants(chance):
            room.at_wall(room.make(maker), front=0.1, rank=room.corner())
