"""What stands in each type of room, and what all rooms have on walls, at windows and on surfaces."""

from __future__ import annotations

from collections.abc import Callable

from avi_env.scene import furniture_devices as devices
from avi_env.scene import furniture_home as home
from avi_env.scene import furniture_small as small
from avi_env.scene import furniture_storage as storage
from avi_env.scene import furniture_textile as textile
from avi_env.scene import furniture_trinkets as trinkets
from avi_env.scene.house_furnish import Furnisher
from avi_env.scene.house_room_groups import DECOR, clutter, plants
from avi_env.scene.house_rooms_kitchen import furnish_kitchen
from avi_env.scene.house_rooms_living import furnish_dining_room, furnish_hallway, furnish_living_room, furnish_office
from avi_env.scene.house_rooms_private import furnish_bathroom, furnish_bedroom, furnish_closet, furnish_laundry

__all__ = ["furnish_room"]

_RECIPES: dict[str, Callable[[Furnisher], None]] = {
    "living_room": furnish_living_room,
    "kitchen": furnish_kitchen,
    "bedroom": furnish_bedroom,
    "bathroom": furnish_bathroom,
    "hallway": furnish_hallway,
    "office": furnish_office,
    "dining_room": furnish_dining_room,
    "laundry": furnish_laundry,
    "closet": furnish_closet,
}
_PLANTS = {"living_room": 5, "dining_room": 2, "office": 2, "bedroom": 1, "kitchen": 1, "hallway": 1, "bathroom": 1}
_HEATED = 0.75  # share of rooms with a radiator, if there is a place
_DRY = frozenset({"living_room", "bedroom", "office", "dining_room"})


def furnish_room(room: Furnisher) -> None:
    """Furnishes a room by its type: fittings of its walls first, then furniture, then what hangs, then small things."""
    _radiator(room)
    if room.space.entrance is not None:
        _entrance(room)
    _RECIPES[room.space.kind](room)
    plants(room, _PLANTS.get(room.space.kind, 0))
    _walls(room)
    _floor(room)


def _radiator(room: Furnisher) -> None:
    """Under a window if there is one."""
    if room.space.kind == "closet" or not room.stream.chance(_HEATED):
        return
    piece = room.make(home.radiator)
    for spot, _, sill in room.space.windows:
        if piece.size[1] < sill - 0.03 and room.at_place(piece, spot, front=0.12) is not None:
            return
    if room.space.kind in ("bathroom", "hallway", "living_room", "kitchen"):
        room.at_wall(piece, front=0.15, rank=room.near_window() if room.space.windows else None)


def _entrance(room: Furnisher) -> None:
    """The bell beside the front door, and a mat before it."""
    if room.stream.chance(0.85) and room.space.entrance is not None:
        door = room.space.entrance
        room.hang(room.make(home.doorbell), rank=lambda p: abs(p.x - door.x) + abs(p.z - door.z))


def _walls(room: Furnisher) -> None:
    """Air conditioning, clock, shelves, panels, and pictures: more of them in larger rooms."""
    kind, area = room.space.kind, room.space.area
    if kind in _DRY and room.wants(0.16):
        room.hang(room.make(home.air_conditioner))
    if kind in ("living_room", "kitchen", "dining_room", "office", "hallway") and room.wants(0.45):
        room.hang(room.make(home.clock))
    if kind in ("living_room", "office", "bedroom", "kitchen", "laundry", "closet") and room.wants(0.5):
        for _ in range(2 if area > 18 else 1):
            shelf = room.hang(storage.wall_shelf(room.stream, room.look, room.stream.uniform(0.6, 1.2)), front=0.3)
            clutter(room, shelf, DECOR, 2, 4)
    for _ in range(1 + int(area / 14) if kind in _DRY else 0):
        if room.wants(0.6):
            room.hang(room.make(textile.wall_panel))
    if kind in ("bathroom", "laundry", "closet"):
        return
    for _ in range(room.stream.integer(1 + int(area / 12), 3 + int(area / 7))):
        room.hang(room.make(small.picture))


def _is_nursery(room: Furnisher) -> bool:
    """Whether a child sleeps here: a cot, or a narrow bed."""
    return any(p.piece.category == "crib" or (p.piece.category == "bed" and p.piece.size[0] < 1.1) for p in room.placed)


def _floor(room: Furnisher) -> None:
    """What people leave about, and a fan in summer."""
    kind = room.space.kind
    if kind in ("living_room", "bedroom", "office") and room.wants(0.16):
        room.at_wall(room.make(devices.fan), front=0.3, rank=room.corner())
    if kind in ("living_room", "bedroom") and room.wants(0.8 if _is_nursery(room) else 0.15):
        for maker in (trinkets.toy, trinkets.ball, trinkets.toy_robot, textile.cushion):
            if room.wants(0.6):
                room.on_floor(room.make(maker))
    if kind in ("hallway", "office", "bedroom") and room.wants(0.3):
        room.at_wall(room.make(textile.backpack), front=0.05)
    if kind not in ("bathroom", "kitchen", "hallway") and room.wants(0.35):
        room.at_wall(room.make(room.stream.pick((trinkets.basket, trinkets.box))), front=0.05, rank=room.corner())
