"""Living rooms, dining rooms, hallways and offices."""

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
from avi_env.scene.furniture import Placed
from avi_env.scene.house_furnish import Furnisher, Maker
from avi_env.scene.house_room_groups import (
    DECOR,
    clutter,
    desk_group,
    dining_group,
    lamp_beside,
    mat_at,
    rug_under,
)
from avi_env.scene.house_space import QUARTER, Place

__all__ = ["furnish_dining_room", "furnish_hallway", "furnish_living_room", "furnish_office"]

_COFFEE: tuple[Maker, ...] = (plants.vase, trinkets.books, kitchen.cup, small.phone, kitchen.bowl, trinkets.candle)
_BOARD: tuple[Maker, ...] = (small.radio, small.music_box, plants.vase, trinkets.books, lamps.table_lamp, small.phone)
_SHOWPIECES: tuple[tuple[Maker, float, float], ...] = (
    (home.fireplace, 0.35, 0.7),
    (devices.piano, 0.2, 0.5),
    (home.aquarium, 0.25, 0.5),
    (home.grandfather_clock, 0.2, 0.4),
    (home.birdcage, 0.2, 0.4),
    (devices.guitar, 0.22, 0.4),
)
"""Large things that only some homes have: maker, probability, free depth before it [m]."""


def furnish_living_room(room: Furnisher) -> None:
    """A sofa with table, rug and television, armchairs, shelves, a sideboard; a dining table if there is space."""
    stream, look, area = room.stream, room.look, room.space.area
    sofa = _sofa(room)
    if sofa is not None:
        _around_sofa(room, sofa)
    if area > 19 and room.wants(0.85):
        dining_group(room, large=area > 26)
    for maker, chance, front in _SHOWPIECES:
        if area > 12 and room.wants(chance):
            piece = room.at_wall(room.make(maker), front, rank=None if maker is home.fireplace else room.corner())
            clutter(room, piece, (devices.metronome, *DECOR) if maker is devices.piano else DECOR, 1, 3)
    shelves = min(1 + int(area / 9), 4)
    for _ in range(shelves):
        if room.wants(0.85):
            room.at_wall(room.make(storage.bookshelf), front=0.5)
    board = room.at_wall(room.make(storage.sideboard), front=0.5) if room.wants(0.8) else None
    clutter(room, board, _BOARD, 2, 4)
    if area > 20 and room.wants(0.7):
        _reading_corner(room)
    if not any(p.piece.category in ("phone", "radio") for p in room.placed):
        table = room.at_wall(room.make(storage.console_table), front=0.5)
        room.on(small.phone(stream, look), table)
    if room.wants(0.3):
        room.at_wall(room.make(textile.pouf), front=0.1)


def _sofa(room: Furnisher) -> Placed | None:
    width = room.stream.pick((1.6, 1.9, 2.2)) if room.space.area > 14 else 1.6
    sofa = room.at_wall(seats.sofa(room.stream, room.look, width), front=1.2, rank=room.away_from_doors())
    return sofa or room.at_wall(seats.sofa(room.stream, room.look, 1.45), front=0.7)


def _around_sofa(room: Furnisher, sofa: Placed) -> None:
    stream, width = room.stream, sofa.piece.size[0]
    table = room.before(room.make(storage.coffee_table), sofa, 0.4)
    rug_under(room, sofa, (min(3.0, width + 0.9), 2.0), -1.1)
    clutter(room, table, _COFFEE, 1, 3)
    stand = room.at_wall(room.make(storage.tv_stand), front=0.5, rank=room.toward(sofa))
    if stand is not None:
        room.on(small.television(stream, room.look, stream.uniform(0.8, 1.1)), stand, 0, turn=0.0)
        if room.wants(0.3):
            room.on(room.make(devices.game_console), stand, turn=0.0)
        if room.wants(0.35):
            for side in (-1, 1):
                room.beside(room.make(devices.loudspeaker), stand, side, 0.05)
    if room.wants(0.85):
        lamp_beside(room, sofa)
    if room.wants(0.8):
        chair = room.make(seats.armchair)
        if table is None or room.beside(chair, sofa, stream.pick((-1, 1)), 0.7) is None:
            room.at_wall(chair, front=0.6, rank=room.near(sofa))
    if room.wants(0.35):
        room.at_wall(room.make(seats.armchair), front=0.6, rank=room.near(sofa))
    if room.wants(0.3):
        ottoman = room.at_wall(room.make(textile.ottoman), front=0.2, rank=room.near(sofa))
        room.on(room.make(textile.blanket), ottoman)


def _reading_corner(room: Furnisher) -> None:
    chair = room.at_wall(room.make(seats.armchair), front=0.6, rank=room.corner())
    if chair is not None:
        lamp_beside(room, chair)


def furnish_dining_room(room: Furnisher) -> None:
    """A table with chairs on a rug, a sideboard, and perhaps a clock or a fireplace."""
    dining_group(room, large=True)
    board = room.at_wall(room.make(storage.sideboard), front=0.5)
    clutter(room, board, (*_BOARD, kitchen.bowl, kitchen.bottle), 2, 4)
    for maker, chance, front in _SHOWPIECES:
        if room.wants(0.5 * chance):
            room.at_wall(room.make(maker), front, rank=room.corner())
    if room.wants(0.5):
        room.at_wall(room.make(storage.bookshelf), front=0.5)
    if room.wants(0.4):
        room.at_wall(room.make(seats.armchair), front=0.5, rank=room.corner())


def furnish_hallway(room: Furnisher) -> None:
    """Coats over shoes, a narrow table with a telephone, a bench, a long rug."""
    door = room.space.entrance
    if door is not None:
        mat_at(room, door, 0.9, 0.6)
    if room.wants(0.85):
        rank = None if door is None else lambda p: abs(p.x - door.x) + abs(p.z - door.z)
        coats = room.hang(room.make(storage.coat_rack), rank=rank, front=0.6)
        if coats is not None and room.wants(0.7):
            room.at_wall(room.make(storage.shoe_rack), front=0.6, rank=room.near(coats))
    console = room.at_wall(room.make(storage.console_table), front=0.7)
    if console is not None:
        room.on(room.make(small.phone), console)
        clutter(room, console, (lamps.table_lamp, plants.vase, trinkets.books, trinkets.candle), 1, 3)
    if room.wants(0.4):
        bench = room.make(seats.bench)
        width, height, _ = bench.size
        bench.spots.append((0.25 * width, height, 0.0))
        room.on(room.make(textile.cushion), room.at_wall(bench, front=0.7), len(bench.spots) - 1)
    if room.wants(0.4):
        room.at_wall(room.make(trinkets.umbrella_stand), front=0.1, rank=room.corner())
    if room.wants(0.2):
        room.at_wall(room.make(home.grandfather_clock), front=0.6, rank=room.corner())
    if room.wants(0.3):
        room.at_wall(room.make(storage.sideboard), front=0.7)
    _runner(room)


def _runner(room: Furnisher) -> None:
    """A long rug down the middle of the room's longest stretch."""
    x0, z0, x1, z1 = room.space.bounds
    long, wide = max(x1 - x0, z1 - z0), min(x1 - x0, z1 - z0)
    if room.space.area > 1.3 * wide * wide or wide < 2.2:
        yaw = 0.0 if x1 - x0 > z1 - z0 else QUARTER
        for share in (0.75, 0.55, 0.4):
            rug = small.rug(room.stream, room.look, share * long, min(0.85, 0.62 * wide))
            if room.lay(rug, Place((x0 + x1) / 2, (z0 + z1) / 2, yaw)) is not None:
                return


def furnish_office(room: Furnisher) -> None:
    """A desk, shelves, a printer, an armchair, and a hobby."""
    stream, look = room.stream, room.look
    desk = desk_group(room)
    for _ in range(2):
        if room.wants(0.8):
            room.at_wall(room.make(storage.bookshelf), front=0.5)
    board = room.at_wall(room.make(storage.sideboard), front=0.5) if room.wants(0.75) else None
    if room.wants(0.7):
        room.on(room.make(devices.printer), board, turn=0.0)
    clutter(room, board, (small.radio, devices.metronome, trinkets.books, devices.sewing_machine), 1, 3)
    hobby = stream.pick((devices.guitar, devices.loudspeaker, devices.exercise_bike, devices.piano, home.birdcage))
    if room.wants(0.5):
        room.at_wall(room.make(hobby), front=0.4, rank=room.corner())
    if room.wants(0.6):
        _reading_corner(room)
    if desk is not None and room.wants(0.7):
        rug_under(room, desk, (2.2, 1.5), -0.9)
    if room.wants(0.5):
        room.at_wall(room.make(kitchen.trash_can), front=0.05, rank=room.corner())
    if not any(p.piece.emits for p in room.placed):
        table = room.at_wall(storage.side_table(stream, look), front=0.3)
        room.on(small.radio(stream, look), table)
