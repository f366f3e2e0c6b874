"""Which room a question about an episode is answered with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from avi_env.scene import Room, shoebox
from avi_env.tasks.questions.places import _rooms_around

_FLAT = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0))
_WING = ((4.1, 0.0), (8.0, 0.0), (8.0, 4.0), (4.1, 4.0))


@pytest.mark.parametrize(
    ("point", "rooms"),
    [
        ((1.0, 0.0, 1.0), ("kitchen",)),
        ((1.0, -0.05, 1.0), ("kitchen",)),
        ((1.0, 3.5, 1.0), ("bedroom",)),
        ((4.05, 1.0, 2.0), ("hallway", "kitchen")),
        ((4.05, 4.0, 2.0), ("bedroom",)),
        ((20.0, 1.0, 2.0), ()),
    ],
)
def test_rooms_of_the_storey_that_the_source_is_on(point: tuple[float, float, float], rooms: tuple[str, ...]) -> None:
    """A bedroom above a kitchen is no answer for what rings in the kitchen; a doorway is in both its rooms."""
    above = Room(1, "bedroom", _FLAT, floor_y=3.0)
    scene = replace(shoebox((8.0, 6.0, 4.0)), rooms=(Room(0, "kitchen", _FLAT), above, Room(2, "hallway", _WING)))
    assert _rooms_around(scene, point) == rooms
