"""Furnished rooms: nothing stands in anything else, what sounds can be reached, and homes are full and different."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from avi_env.acoustics.room_decay import room_reverberation
from avi_env.navigation import walkable_grid
from avi_env.scene import Scene, emitting_objects, generate_house, shoebox
from avi_env.scene.house_stream import Stream
from avi_env.scene.house_surfaces import choose_surfaces
from avi_env.scene.interpenetration import interpenetrations
from avi_env.scene.model import SceneObject
from avi_env.scene.shapes import SceneBuilder, shape_row

_HOUSES = (*(("train", seed) for seed in range(40)), *((s, seed) for s in ("val", "test") for seed in range(10)))
_TYPES = ("living_room", "kitchen", "bedroom", "bathroom", "hallway", "office", "dining_room", "laundry", "closet")


@lru_cache(maxsize=64)
def _house(split: str, seed: int) -> Scene:
    return generate_house(seed, split=split)


def _name(scene: Scene, item: int) -> str:
    return scene.objects[item].name


def test_nothing_stands_in_anything_else() -> None:
    """No part of a piece reaches 5 mm into another, a wall, a door or a window, over sixty houses of all splits."""
    for split, seed in _HOUSES:
        scene = _house(split, seed)
        found = [(_name(scene, f.first), _name(scene, f.second), f.depth, f.place) for f in interpenetrations(scene)]
        assert not found, (split, seed, found)


def test_sixty_categories_and_more() -> None:
    """Sixty houses show at least 90 kinds of objects; a median one at least 35, of which 8 can sound."""
    kinds = [Counter(o.category for o in _house(*key).objects) for key in _HOUSES]
    assert len(set().union(*kinds)) >= 90
    assert np.median([len(k) for k in kinds]) >= 35
    assert np.median([len({o.category for o in emitting_objects(_house(*key))}) for key in _HOUSES]) >= 8


def test_what_sounds_is_within_reach_in_every_split() -> None:
    """Every emitter lies within 0.8 m of a walkable place, and every room has one."""
    for key in (*_HOUSES[:6], *_HOUSES[40:43], *_HOUSES[50:53]):
        scene = _house(*key)
        grid = walkable_grid(scene)
        cells = np.argwhere(grid.island == 0) * grid.cell + np.array(grid.origin)
        emitters = emitting_objects(scene)
        assert {o.room for o in emitters} >= {room.id for room in scene.rooms}, key
        for item in emitters:
            distance = np.hypot(cells[:, 0] - item.center[0], cells[:, 1] - item.center[2]).min()
            assert distance <= 0.8, (key, item.name, distance)


def test_things_stand_in_groups() -> None:
    """Chairs stand at tables, television sets on furniture, nightstands beside beds."""
    for key in _HOUSES[:20]:
        scene = _house(*key)
        tables = [o for o in scene.objects if o.category in ("table", "desk", "kitchen_island")]
        for item in scene.objects:
            if item.category in ("chair", "office_chair", "bar_stool"):
                assert min(_apart(item, other) for other in tables) < 1.3, (key, item.name)
            if item.category == "nightstand":
                beds = [o for o in scene.objects if o.category == "bed"]
                assert min(_apart(item, other) for other in beds) < 1.7, (key, item.name)
            if item.category == "television":
                assert item.center[1] - item.size[1] / 2 > 0.3, (key, item.name)


def _apart(a: SceneObject, b: SceneObject) -> float:
    return float(np.hypot(a.center[0] - b.center[0], a.center[2] - b.center[2]))


def test_surfaces_of_the_splits_differ() -> None:
    """Some colours and patterns of floors, walls and facades are seen in val or test houses alone."""
    seen = {}
    for split in ("train", "val", "test"):
        chosen = [choose_surfaces(Stream(k, "surfaces", 0, split), _TYPES, split) for k in range(300)]
        seen[split] = {p for s in chosen for p in (*s.walls, *s.floors, *s.ceilings, s.facade)}
    for split, others in (("val", ("train", "test")), ("test", ("train", "val"))):
        own = seen[split] - seen[others[0]] - seen[others[1]]
        colors = {p.color for p in own} - {p.color for o in others for p in seen[o]}
        assert len(colors) >= 4, split


def test_wet_rooms_are_hard_and_bedrooms_soft() -> None:
    """An empty tiled bathroom rings longer than a carpeted bedroom; both ring longer empty than furnished."""
    bath, bed = _empty_room("ceramic_tile", "ceramic_tile"), _empty_room("carpet_on_foam", "plasterboard")
    assert np.all(room_reverberation(bath, 0)[2:4] > 1.5 * room_reverberation(bed, 0)[2:4])
    furnished, bare = _house("train", 3), generate_house(3, furniture=False)
    for room in furnished.rooms[:2]:
        full, empty = (room_reverberation(scene, room.id)[2:4].mean() for scene in (furnished, bare))
        assert full < 0.9 * empty, room.name


def test_unknown_rooms_are_named() -> None:
    """A room that a scene does not have is told with those that it has."""
    with pytest.raises(ValueError, match="has no room 7; it has"):
        room_reverberation(_empty_room("carpet", "plaster"), 7)


def _empty_room(floor: str, walls: str) -> Scene:
    sides = dict.fromkeys(("west", "east", "north", "south"), walls)
    return shoebox((3.0, 2.5, 2.6), material={"floor": floor, "ceiling": "ceiling_plasterboard", **sides})


def test_overlapping_boxes_are_found() -> None:
    """Two boxes that overlap by 3 cm are one finding with that depth; boxes that touch, and turned ones, are none."""
    turned = _boxes(((0.0, 0.0, 0.0), 0.0), ((0.97, 0.0, 0.0), 0.0), ((3.0, 0.0, 0.0), 0.0), ((4.0, 0.0, 0.0), 0.0))
    (found,) = interpenetrations(turned)
    assert (found.first, found.second) == (0, 1)
    np.testing.assert_allclose(found.depth, 0.03, rtol=0, atol=1e-6)
    # Axis-aligned boxes around these would overlap: 45 degrees, corner towards the side of the other.
    assert not interpenetrations(_boxes(((0.0, 0.0, 0.0), np.pi / 4), ((1.0, 0.0, 1.0), np.pi / 4)))
    assert interpenetrations(_boxes(((0.0, 0.0, 0.0), np.pi / 4), ((0.6, 0.0, 0.6), np.pi / 4)))


def test_depth_must_not_be_negative() -> None:
    """A negative depth is refused by name."""
    with pytest.raises(ValueError, match="depth must be >= 0"):
        interpenetrations(_boxes(((0.0, 0.0, 0.0), 0.0)), depth=-0.1)


def _boxes(*places: tuple[tuple[float, float, float], float]) -> Scene:
    """Boxes of 1 m, each an object."""
    builder = SceneBuilder()
    material = builder.add_material("wood")
    for at, yaw in places:
        item = builder.add_object("box", -1, at, (1.0, 1.0, 1.0), yaw)
        builder.add_shape("box", shape_row(at, (1.0, 1.0, 1.0), yaw=yaw), material, item)
    return builder.build("boxes")
