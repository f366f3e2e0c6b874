"""Common knowledge of houses: what stands in which kind of room, and what makes which sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from avi_env.sounds import CLASS_OF_OBJECT, sounds_of_object

__all__ = ["ROOM_SIGNS", "STRUCTURE", "emitters_of", "guess_room", "is_noteworthy", "least_width"]

STRUCTURE = frozenset({"wall", "floor", "ceiling", "window", "door_frame", "open_door", "skirting", "object", ""})
"""Categories that are the house itself: no place to go to, no sign of a room's type."""

ROOM_SIGNS: Mapping[str, Mapping[str, float]] = {
    "bed": {"bedroom": 4.0},
    "wardrobe": {"bedroom": 2.0},
    "nightstand": {"bedroom": 2.0},
    "dresser": {"bedroom": 1.5},
    "alarm_clock": {"bedroom": 1.0},
    "crib": {"bedroom": 2.0},
    "toilet": {"bathroom": 4.0},
    "bathtub": {"bathroom": 4.0},
    "shower": {"bathroom": 4.0},
    "washbasin": {"bathroom": 2.0},
    "towel_rail": {"bathroom": 2.0},
    "washing_machine": {"bathroom": 0.7, "laundry": 1.5},
    "dryer": {"laundry": 4.0},
    "laundry_basket": {"bathroom": 0.5, "laundry": 1.0},
    "stove": {"kitchen": 4.0},
    "oven": {"kitchen": 4.0},
    "fridge": {"kitchen": 4.0},
    "refrigerator": {"kitchen": 4.0},
    "counter": {"kitchen": 2.5},
    "kitchen_counter": {"kitchen": 3.0},
    "kitchen_cabinet": {"kitchen": 2.0},
    "kettle": {"kitchen": 1.0},
    "sink": {"kitchen": 0.8, "bathroom": 0.8},
    "dining_table": {"dining_room": 2.5, "kitchen": 0.5},
    "table": {"dining_room": 0.8},
    "chair": {"dining_room": 0.2},
    "sideboard": {"dining_room": 1.0},
    "sofa": {"living_room": 4.0},
    "armchair": {"living_room": 1.5},
    "coffee_table": {"living_room": 2.5},
    "television": {"living_room": 1.5},
    "tv_stand": {"living_room": 2.0},
    "bookshelf": {"office": 0.8, "living_room": 0.6},
    "desk": {"office": 3.0},
    "computer": {"office": 1.5},
    "office_chair": {"office": 2.0},
    "shoe_rack": {"hallway": 2.0},
    "console_table": {"hallway": 1.5},
    "front_door": {"hallway": 1.0, "living_room": 0.5},
    "coat_rack": {"hallway": 2.0},
    "coat_stand": {"hallway": 2.0},
    "umbrella_stand": {"hallway": 2.0},
    "doorbell": {"hallway": 0.7, "living_room": 0.3},
    "range_hood": {"kitchen": 3.0},
    "dishwasher": {"kitchen": 3.0},
    "kitchen_island": {"kitchen": 3.0},
    "wall_cabinet": {"kitchen": 2.0},
    "bar_stool": {"kitchen": 2.0},
    "microwave": {"kitchen": 1.5},
    "coffee_machine": {"kitchen": 1.0},
    "toaster": {"kitchen": 1.0},
    "blender": {"kitchen": 1.0},
    "shower_curtain": {"bathroom": 3.0},
    "towel": {"bathroom": 0.7, "kitchen": 0.1},
    "hair_dryer": {"bathroom": 0.6, "bedroom": 0.3},
    "mirror": {"bathroom": 0.6, "bedroom": 0.2},
    "blanket": {"bedroom": 0.6, "living_room": 0.3},
    "toy": {"bedroom": 0.6, "living_room": 0.2},
    "table_lamp": {"bedroom": 0.4},
    "fireplace": {"living_room": 1.0},
    "pouf": {"living_room": 1.0},
    "aquarium": {"living_room": 0.4},
    "loudspeaker": {"living_room": 0.3, "bedroom": 0.1},
    "grandfather_clock": {"living_room": 0.4, "hallway": 0.2},
    "printer": {"office": 1.5},
    "metronome": {"office": 1.0},
    "laptop": {"office": 0.6, "bedroom": 0.4},
}
"""Category -> how strongly it speaks for each type of room."""

_LEAST_WIDTH = {"door": 0.6, "front_door": 0.6, "washing_machine": 0.45, "person": 0.2, "television": 0.4}
_ALSO: Mapping[str, tuple[str, ...]] = {"door": ("front_door",), "sink": ("washbasin",)}
_TYPES_LEAST = 1.0  # votes without which a room is "unknown"


def guess_room(categories: Iterable[str]) -> str:
    """Returns the type of room in which things of these categories stand together, "unknown" when they do not say."""
    votes: dict[str, float] = {}
    for category in categories:
        for kind, weight in ROOM_SIGNS.get(category, {}).items():
            votes[kind] = votes.get(kind, 0.0) + weight
    if not votes:
        return "unknown"
    best = max(sorted(votes), key=lambda kind: votes[kind])
    return best if votes[best] >= _TYPES_LEAST else "unknown"


def emitters_of(sound_class: str) -> tuple[str, ...]:
    """Returns the categories of objects that make a class of sound, the most natural first; empty when unknown."""
    kinds = tuple(CLASS_OF_OBJECT.get(sound_class, ()))
    return kinds + tuple(other for kind in kinds for other in _ALSO.get(kind, ()) if other not in kinds)


def least_width(category: str) -> float:
    """Returns how wide [m] things of a category are at least; less was only partly seen."""
    return _LEAST_WIDTH.get(category, 0.0)


def is_noteworthy(category: str) -> bool:
    """Returns whether an object of the category is worth remembering: furniture, devices, people, pets."""
    return category not in STRUCTURE or bool(sounds_of_object(category))
