"""What a house consists of: room types, their sizes, and which of them like to be linked."""

from __future__ import annotations

from collections.abc import Sequence

from avi_env.content import name_error
from avi_env.scene.house_stream import Stream

__all__ = ["MAX_ROOMS", "MIN_ROOMS", "ROOM_CELLS", "ROOM_TYPES", "link_cost", "opens_wide", "room_program"]

MIN_ROOMS, MAX_ROOMS = 2, 8

ROOM_CELLS = {
    "living_room": 11.0,
    "kitchen": 6.5,
    "bedroom": 7.0,
    "bathroom": 4.0,
    "hallway": 4.5,
    "office": 5.5,
    "dining_room": 6.5,
    "laundry": 4.0,
    "closet": 2.5,
}
"""Wanted size of each room type in grid cells (about 2.3 m2 each)."""

ROOM_TYPES = tuple(ROOM_CELLS)

_CORE = ("living_room", "bedroom", "kitchen", "bathroom")
_MORE = ("hallway", "office", "dining_room", "bedroom", "laundry", "bathroom")
_MORE_WEIGHTS = (2.5, 1.5, 1.5, 2.0, 1.0, 0.8)
_LIMIT = {"bedroom": 3, "bathroom": 2}

_COSTS = {
    ("dining_room", "kitchen"): 0.3,
    ("kitchen", "living_room"): 0.4,
    ("dining_room", "living_room"): 0.4,
    ("kitchen", "laundry"): 0.7,
    ("bedroom", "living_room"): 1.0,
    ("living_room", "office"): 1.0,
    ("bathroom", "living_room"): 1.4,
    ("bathroom", "bedroom"): 1.3,
    ("bathroom", "laundry"): 1.5,
    ("laundry", "living_room"): 1.8,
    ("bedroom", "office"): 1.8,
    ("dining_room", "office"): 1.6,
    ("bathroom", "bathroom"): 9.0,
    ("bathroom", "kitchen"): 4.0,
    ("bathroom", "dining_room"): 4.0,
    ("bedroom", "kitchen"): 3.0,
    ("bedroom", "bedroom"): 3.5,
}


def room_program(stream: Stream, rooms: int | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the room types of a house: as asked, or drawn from the stream.

    Args:
        stream: source of chance.
        rooms: a number of rooms (2-8), their types, or None: number and types are drawn.

    Raises:
        ValueError: too few or too many rooms, or an unknown type.
    """
    if rooms is not None and not isinstance(rooms, int):
        for kind in rooms:
            if kind not in ROOM_CELLS:
                raise name_error("room type", kind, ROOM_TYPES)
        _check_count(len(rooms))
        return tuple(rooms)
    count = stream.pick_weighted(range(MIN_ROOMS, MAX_ROOMS + 1), (0.3, 0.8, 1.5, 2.0, 2.0, 1.5, 1.0))
    if rooms is not None:
        _check_count(rooms)
        count = int(rooms)
    if count == 2:
        return ("living_room", stream.pick(("bedroom", "kitchen")))
    types = list(_CORE[: min(count, 4)])
    if count == 3 and stream.chance(0.5):
        types[1:] = ["kitchen", "bathroom"]
    while len(types) < count:
        free = [i for i, kind in enumerate(_MORE) if types.count(kind) < _LIMIT.get(kind, 1)]
        types.append(_MORE[stream.pick_weighted(free, [_MORE_WEIGHTS[i] for i in free])])
    return tuple(types)


def _check_count(count: int) -> None:
    if not MIN_ROOMS <= count <= MAX_ROOMS:
        raise ValueError(f"a house has {MIN_ROOMS} to {MAX_ROOMS} rooms, not {count}")


def link_cost(a: str, b: str) -> float:
    """Returns how unlikely a door between two room types is: 0 = very natural, above 3 = to be avoided."""
    if "hallway" in (a, b):
        return 0.2
    return _COSTS.get((min(a, b), max(a, b)), 2.2)


def opens_wide(a: str, b: str) -> bool:
    """Returns whether two room types may be joined by a wide opening without a door."""
    wide = {"living_room", "kitchen", "dining_room", "hallway"}
    return a in wide and b in wide
