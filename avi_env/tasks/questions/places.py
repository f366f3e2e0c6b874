"""What questions need to know of a scene: its rooms' names, places in them, their things, floors and reverberation."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.navigation import WalkableGrid, on_floor
from avi_env.scene import Room, Scene, SceneObject
from avi_env.scene.derived import derived
from avi_env.scene.outline import in_outline, outline_area, outline_holds
from avi_env.sounds import sound_phrase
from avi_env.tasks.episodes import Episode
from avi_env.tasks.questions.question import Question
from avi_env.tasks.sources import Point

__all__ = [
    "THINGS_APART",
    "RoomFacts",
    "Survey",
    "room_at",
    "room_question",
    "sabine_seconds",
    "survey_scene",
]

_WALL = 0.4  # [m] from the middle of a doorway into the rooms on both sides
_UNDER = 0.1  # [m] that a thing may lie below its room's floor: floors of scans are not level
_INSIDE = 0.45  # [m] from a room's outline: a source in a doorway would be in two rooms
_CLEARLY_LARGER = 1.2  # ratio of areas from which two rooms are told apart by their size
_MID_BANDS = (2, 3)  # 500 Hz and 1 kHz, ISO 3382-1

THINGS_APART = frozenset(
    "wall floor ceiling door door_frame window wall_panel curtain rug picture ceiling_lamp front_door stairs".split()
)
"""Parts of the building, and what people would not count as things of a room."""

_FLOORS = {
    "ceramic_tile": "tiles",
    "marble": "stone",
    "terrazzo": "terrazzo",
    "concrete": "concrete",
    "linoleum": "linoleum",
    "cork": "cork",
    "cork_floor": "cork",
    "parquet": "wood",
    "wood_floor": "wood",
    "laminate": "wood",
    "carpet": "carpet",
    "carpet_thin": "carpet",
    "carpet_loop": "carpet",
    "carpet_on_foam": "carpet",
    "carpet_heavy": "carpet",
}
"""What people call the floors of the materials' table."""

FloatArray = npt.NDArray[np.floating[Any]]


class RoomFacts(NamedTuple):
    """One room."""

    id: int
    name: str
    """"the kitchen", "the larger bedroom"; "" = its type does not tell it from the others."""
    places: npt.NDArray[np.float64]
    """Where one can stand well inside, on the floor [m], shape (n, 3)."""
    floor: str
    """What its floor is made of, in people's words; "" = several materials or an unknown one."""
    sabine: float
    """Reverberation time by Sabine's formula, mid band [s]."""
    next_to: frozenset[int]
    """Rooms that an opening leads to."""


class Survey(NamedTuple):
    """What questions need to know of a scene."""

    rooms: tuple[RoomFacts, ...]
    """Those in which one can stand."""
    things: dict[tuple[str, int], int]
    """Number of things by category and room."""

    def room(self, number: int) -> RoomFacts | None:
        """Returns a room by its id, if one can stand in it."""
        return next((room for room in self.rooms if room.id == number), None)


def survey_scene(scene: Scene, grid: WalkableGrid, moving: tuple[int, ...] = ()) -> Survey:
    """Returns what questions need to know of a scene, gathered once per scene, body of the agent and moving doors.

    Args:
        scene: the scene.
        grid: where one can stand that no door touches.
        moving: portals whose doors move.
    """
    key = ("questions", grid.agent_radius, grid.agent_height, moving)
    found: Survey = derived(scene, key, lambda: _survey(scene, grid))
    return found


def _survey(scene: Scene, grid: WalkableGrid) -> Survey:
    columns = grid.center(np.argwhere(grid.island == 0))
    names = _room_names(scene.rooms)
    linked: dict[int, set[int]] = {room.id: set() for room in scene.rooms}
    for portal in scene.portals:
        a, b = portal.rooms
        if a in linked and b in linked:
            linked[a].add(b)
            linked[b].add(a)
    rooms = []
    for room in scene.rooms:
        places = on_floor(grid, columns[_well_inside(room, columns)]).astype(np.float64) if len(columns) else columns
        if len(places):
            seconds = sabine_seconds(scene, room)
            rooms.append(
                RoomFacts(room.id, names[room.id], places, _floor(scene, room), seconds, frozenset(linked[room.id]))
            )
    things = Counter((o.category, o.room) for o in scene.objects if o.room >= 0 and o.category not in THINGS_APART)
    return Survey(tuple(rooms), dict(things))


def _well_inside(room: Room, xz: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which (x, z) lie in a room and away from its outline."""
    corners = np.asarray(room.polygon, dtype=np.float64)
    away = np.full(len(xz), np.inf)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = end - start
        along = np.clip((xz - start) @ side / max(float(side @ side), 1e-12), 0.0, 1.0)
        away = np.minimum(away, np.linalg.norm(xz - start - along[:, None] * side, axis=1))
    return np.asarray(in_outline(room.polygon, xz) & (away >= _INSIDE))


def _room_names(rooms: tuple[Room, ...]) -> dict[int, str]:
    """The kitchen; of two bedrooms of different size the larger bedroom; "" where that does not tell."""
    names = dict.fromkeys((room.id for room in rooms), "")
    for kind in {room.type for room in rooms}:
        same = sorted((r for r in rooms if r.type == kind), key=lambda r: -outline_area(r.polygon))
        words = kind.replace("_", " ")
        if len(same) == 1:
            names[same[0].id] = f"the {words}"
        elif len(same) == 2:
            large, small = (outline_area(r.polygon) for r in same)
            if large >= _CLEARLY_LARGER * small:
                names[same[0].id], names[same[1].id] = f"the larger {words}", f"the smaller {words}"
    return names


def _floor(scene: Scene, room: Room) -> str:
    """What most of a room's floor is made of, as people say."""
    bodies = [o.id for o in scene.objects if o.category == "floor" and o.room == room.id]
    used = np.unique(scene.triangle_material[np.isin(scene.triangle_object, bodies)])
    words = {_floor_word(scene.materials[int(k)].name) for k in used}
    return words.pop() if len(words) == 1 else ""


def _floor_word(material: str) -> str:
    base = material if material in _FLOORS else material.rpartition("_")[0]  # without the code of its colour
    return _FLOORS.get(base, "")


def sabine_seconds(scene: Scene, room: Room) -> float:
    """Returns a room's reverberation time by Sabine's formula, 0.161 V / A, mean of 500 Hz and 1 kHz [s].

    A is the sum of area times absorption over every triangle of the room's objects, its walls, floor and ceiling among
    them, and of those between rooms whose middle lies over its outline; V is floor area times height.

    Source: Sabine; ISO 3382-2 (mid band of 500 Hz and 1 kHz).
    """
    corners = scene.vertices[scene.triangles].astype(np.float64)
    middle = corners.mean(axis=1)
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    owner = np.array([obj.room for obj in scene.objects], dtype=np.int64)[scene.triangle_object]
    absorbed = np.array([m.absorption for m in scene.materials], dtype=np.float64)[:, _MID_BANDS].mean(axis=1)
    own = (owner == room.id) | ((owner < 0) & in_outline(room.polygon, middle[:, [0, 2]]))
    total = float((area * absorbed[scene.triangle_material])[own].sum())
    return 0.161 * outline_area(room.polygon) * room.height / max(total, 1e-9)


def room_at(scene: Scene, point: Point) -> int:
    """Returns the id of the room that holds a point, -1 = none."""
    x, y, z = point
    for room in scene.rooms:
        over = room.floor_y - _UNDER <= y <= room.floor_y + room.height
        if over and outline_holds(room.polygon, x, z):
            return room.id
    return -1


def things_in(scene: Scene, category: str, room: int) -> tuple[SceneObject, ...]:
    """Returns the objects of a category in a room."""
    return tuple(o for o in scene.objects if o.category == category and o.room == room)


def room_question(scene: Scene, episode: Episode) -> Question:
    """Returns "Which room is the ringing phone in?" with its answer, the type of the room that holds the source.

    A source in a doorway is in the rooms on both sides.

    Raises:
        ValueError: the scene has no rooms, so the question has no answer.
    """
    rooms = _rooms_around(scene, episode.source_position)
    if not rooms:
        raise ValueError(f"scene {scene.name!r} has no room around the sounding object: give a question of your own")
    return Question(f"Which room is the {sound_phrase(episode.sound)} in?", rooms)


def _rooms_around(scene: Scene, point: tuple[float, float, float]) -> tuple[str, ...]:
    """Returns the types of the rooms that hold a point, or that it is a wall's thickness away from."""
    x, y, z = point
    storey = [room for room in scene.rooms if room.floor_y - _UNDER <= y <= room.floor_y + room.height]
    inside = [room.type for room in storey if outline_holds(room.polygon, x, z)]
    if inside:
        return tuple(inside)
    around = np.array([(x + _WALL, z), (x - _WALL, z), (x, z + _WALL), (x, z - _WALL)])
    return tuple(sorted({room.type for room in storey if in_outline(room.polygon, around).any()}))
