"""Room types: how large they usually are, and which of them like to be linked."""

from __future__ import annotations

__all__ = ["DEAD_ENDS", "MAX_ROOMS", "MIN_ROOMS", "ROOM_CELLS", "ROOM_TYPES", "link_cost", "opens_wide"]

MIN_ROOMS, MAX_ROOMS = 1, 10

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
"""Usual size of each room type in grid cells (about 2.3 m2 each)."""

ROOM_TYPES = tuple(ROOM_CELLS)

DEAD_ENDS = frozenset({"bathroom", "laundry", "closet"})
"""Rooms that lead nowhere else, as long as the others can be linked without them."""

_COSTS = {
    ("dining_room", "kitchen"): 0.3,
    ("kitchen", "living_room"): 0.4,
    ("dining_room", "living_room"): 0.4,
    ("kitchen", "laundry"): 0.7,
    ("bedroom", "closet"): 0.5,
    ("bedroom", "living_room"): 1.0,
    ("living_room", "office"): 1.0,
    ("bathroom", "living_room"): 1.4,
    ("bathroom", "bedroom"): 1.3,
    ("bathroom", "laundry"): 1.5,
    ("closet", "office"): 1.2,
    ("laundry", "living_room"): 1.8,
    ("bedroom", "office"): 1.8,
    ("dining_room", "office"): 1.6,
    ("bathroom", "bathroom"): 9.0,
    ("bathroom", "closet"): 6.0,
    ("bathroom", "kitchen"): 4.0,
    ("bathroom", "dining_room"): 4.0,
    ("bedroom", "kitchen"): 3.0,
    ("bedroom", "bedroom"): 3.5,
}


def link_cost(a: str, b: str) -> float:
    """Returns how unlikely a door between two room types is: 0 = very natural, above 3 = to be avoided."""
    if "hallway" in (a, b):
        return 0.2
    return _COSTS.get((min(a, b), max(a, b)), 2.2)


def opens_wide(a: str, b: str) -> bool:
    """Returns whether two room types may be joined by a wide opening without a door."""
    wide = {"living_room", "kitchen", "dining_room", "hallway"}
    return a in wide and b in wide
