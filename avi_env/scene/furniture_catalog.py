"""All pieces of furniture by category, each with sizes as a house would choose them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from avi_env.content import name_error
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
from avi_env.scene.furniture import Look, Piece
from avi_env.scene.house_stream import Stream

__all__ = ["FURNITURE_CATEGORIES", "make_piece"]

Maker = Callable[[Stream, Look], Piece]


def _plain(module: object, names: str) -> dict[str, Maker]:
    return {name: getattr(module, name) for name in names.split()}


_MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        **_plain(seats, "armchair bench chair office_chair stool"),
        "bed": lambda s, k: seats.bed(s, k, s.pick((0.9, 1.4, 1.6))),
        "sofa": lambda s, k: seats.sofa(s, k, s.pick((1.45, 1.6, 1.9, 2.2))),
        **_plain(storage, "bookshelf coat_rack coffee_table console_table desk dresser nightstand shoe_rack"),
        **_plain(storage, "side_table sideboard tv_stand"),
        "table": lambda s, k: storage.dining_table(s, k, *s.pick(((1.6, 0.9), (1.2, 0.75), (0.9, 0.9)))),
        "wall_shelf": lambda s, k: storage.wall_shelf(s, k, s.uniform(0.6, 1.2)),
        "wardrobe": lambda s, k: storage.wardrobe(s, k, s.pick((0.8, 1.0, 1.5, 1.9))),
        **_plain(wet, "bathtub dryer fridge mirror shower stove toilet washing_machine"),
        "counter": lambda s, k: wet.counter(s, k, s.uniform(0.5, 1.2)),
        "sink": lambda s, k: wet.kitchen_sink(s, k) if s.chance(0.5) else wet.washbasin(s, k),
        "wall_cabinet": lambda s, k: wet.wall_cabinet(s, k, s.uniform(0.5, 1.2)),
        **_plain(small, "alarm_clock dog kettle laptop laundry_basket music_box person phone picture radio"),
        **_plain(small, "smoke_alarm vacuum_cleaner"),
        **_plain(lamps, "floor_lamp table_lamp"),
        **_plain(plants, "plant vase"),
        "ceiling_lamp": lambda s, k: lamps.ceiling_lamp(s, k, s.pick((0.1, 0.5))),
        "rug": lambda s, k: small.rug(s, k, s.uniform(1.2, 2.4), s.uniform(0.8, 1.6)),
        "television": lambda s, k: small.television(s, k, s.uniform(0.8, 1.2)),
        **_plain(kitchen, "bar_stool blender bottle bowl coffee_machine cup dishwasher microwave plate range_hood"),
        **_plain(kitchen, "toaster trash_can"),
        "kitchen_island": lambda s, k: kitchen.kitchen_island(s, k, s.uniform(1.2, 1.9)),
        **_plain(textile, "backpack blanket cushion ottoman pouf towel wall_panel"),
        "blinds": lambda s, k: textile.blinds(s, k, s.uniform(0.8, 1.6), 0.9, 2.1),
        "curtain": lambda s, k: textile.curtain(s, k, s.uniform(0.8, 1.8), 2.3, drawn=s.uniform(0.25, 0.9)),
        "shower_curtain": lambda s, k: textile.shower_curtain(s, k, 1.6),
        **_plain(devices, "computer exercise_bike fan game_console guitar hair_dryer ironing_board loudspeaker"),
        **_plain(devices, "metronome piano printer sewing_machine"),
        **_plain(home, "air_conditioner aquarium birdcage cat clock crib doorbell fireplace grandfather_clock"),
        **_plain(home, "radiator wind_chime"),
        **_plain(trinkets, "ball basket books box candle toy toy_robot umbrella_stand"),
    }
)

FURNITURE_CATEGORIES = tuple(sorted(_MAKERS))
"""Categories of all pieces; doors, their frames and windows belong to the walls and are not among them."""


def make_piece(category: str, stream: Stream, look: Look) -> Piece:
    """Returns a piece of a category, with sizes drawn from the stream.

    Raises:
        ValueError: unknown category; the message names the nearest one.
    """
    if category not in _MAKERS:
        raise name_error("category of furniture", category, FURNITURE_CATEGORIES)
    return _MAKERS[category](stream, look)
