"""Places of a scenario in its house: where sources are, where the agent starts, by which way a sound is carried."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from avi_env.navigation import WalkableGrid, distance_field, field_lookup, goal_paths, random_points, snap_place
from avi_env.navigation.points import on_floor
from avi_env.scenario.names import Names
from avi_env.scenario.parts import Place, Start
from avi_env.scene import Scene, SceneObject, emission_point
from avi_env.scene.doors import scene_doors
from avi_env.scene.model import Room
from avi_env.scene.outline import in_outline
from avi_env.tasks import goal_points
from avi_env.tasks.shut_episode import grid_about
from avi_env.tasks.walks import Walk

__all__ = ["HEIGHT", "Whereabouts", "room_columns", "walk_to"]

HEIGHT = 1.4
"""Of a source above the floor where none is given [m]: a mouth."""

_ROOMY = 0.15  # [m] that an agent could go to every side from its start, if the room has as much anywhere
_SAME_FLOOR = 0.3  # [m] by which a room's floor may be uneven
_APART = 1.0  # [m] between an agent that starts in a room and the sources there
_LEAST = 3.0  # [m] from a drawn start to the first source
_DRAWS = 64
_PURPOSE = 0x57A6  # tells these streams from all others of the same seed

FloatArray = npt.NDArray[np.float64]


class Whereabouts:
    """Places in one house as an episode begins."""

    def __init__(self, scene: Scene, grid: WalkableGrid, names: Names, seed: int) -> None:
        """Keeps what places refer to.

        Args:
            scene: the house with the scenario's things, as the episode begins.
            grid: where the agent can walk in it.
            names: of the house.
            seed: of what is drawn.
        """
        self.scene, self.grid, self.names = scene, grid, names
        self._spots: dict[int, FloatArray] = {}
        self._rng = np.random.Generator(np.random.Philox(key=[seed % 2**64, _PURPOSE]))

    def point(self, place: Place) -> FloatArray:
        """Returns where a source at a place sounds from [m], shape (3,): of an object, where that sounds from.

        In a room it is the spot that is farthest from anything.

        Raises:
            ValueError: no such object or room, or a room without free floor.
        """
        if place.object is not None and place.height is None:
            return self.body(self.names.entity(place.object, ("object", "door")).name)
        if place.position is not None:
            at = np.array(place.position, dtype=np.float64)
        elif place.room is not None:
            at = self.spot(self.room(place.room))
        else:
            assert place.object is not None, "a place has one of the three"
            at = self.body(place.object)
            at[1] = self._floor(at)
        return np.asarray(at + np.array([0.0, HEIGHT if place.height is None else place.height, 0.0]), dtype=np.float64)

    def body(self, name: str) -> FloatArray:
        """Returns where an object, or a door's leaf, sounds from [m], shape (3,)."""
        return emission_point(self._object(name))

    def spot(self, room: Room) -> FloatArray:
        """Returns the place on a room's floor that is farthest from anything [m], shape (3,).

        Raises:
            ValueError: nobody can stand in the room.
        """
        if room.id not in self._spots:
            points, around = room_columns(self.grid, room)
            if not len(points):
                raise ValueError(f"nobody can stand in {self._name(room)}: name a position")
            self._spots[room.id] = points[int(np.argmax(around))]
        return self._spots[room.id].copy()

    def room(self, name: str) -> Room:
        """Returns a room by its name."""
        number = self.names.entity(name, ("room",)).id
        return next(room for room in self.scene.rooms if room.id == number)

    def start(self, start: Start | None, sources: list[FloatArray], turn_deg: float) -> tuple[FloatArray, float]:
        """Returns where the agent stands at first [m], shape (3,), and its heading [rad]; drawn where not told.

        Args:
            start: what is told.
            sources: where sounds come from at first, that of the task first [m].
            turn_deg: of a turn action, of which a drawn heading is a multiple [degrees].

        Raises:
            ValueError: no such object or room, or nobody can stand there.
        """
        rng = self._rng
        if start is None:
            feet = self._drawn(rng, sources)
        elif start.position is not None:
            feet = self._on_grid(np.array(start.position))
        elif start.object is not None:
            feet = self._beside(start.object)
        else:
            assert start.room is not None, "a place has one of the three"
            feet = self._in_room(rng, start.room, sources)
        turns = int(rng.integers(0, round(360.0 / turn_deg)))
        told = None if start is None else start.yaw_deg
        return feet, math.radians(turns * turn_deg if told is None else told)

    def _drawn(self, rng: np.random.Generator, sources: list[FloatArray]) -> FloatArray:
        points = random_points(self.grid, rng, _DRAWS).astype(np.float64)
        if not sources:
            return np.asarray(points[0], dtype=np.float64)
        goal = goal_points(self.scene, self.grid, sources[0])
        away = field_lookup(distance_field(self.grid, goal), self.grid, points)
        finite = np.where(np.isfinite(away), away, -1.0)
        far = np.flatnonzero(finite >= _LEAST)
        return np.asarray(points[int(far[0]) if len(far) else int(np.argmax(finite))], dtype=np.float64)

    def _in_room(self, rng: np.random.Generator, name: str, sources: list[FloatArray]) -> FloatArray:
        points, around = room_columns(self.grid, self.room(name))
        if not len(points):
            raise ValueError(f"nobody can stand in {name}")
        roomy = points[around >= min(_ROOMY, float(around.max()))]
        away = [np.hypot(roomy[:, 0] - at[0], roomy[:, 2] - at[2]) >= _APART for at in sources]
        chosen = roomy[np.all(away, axis=0)] if away and np.any(np.all(away, axis=0)) else roomy
        return np.asarray(chosen[int(rng.integers(len(chosen)))], dtype=np.float64)

    def _beside(self, name: str) -> FloatArray:
        at = self.body(name)
        own = grid_about(self.grid, self._on_grid(at))
        return np.asarray(goal_points(self.scene, own, at)[0], dtype=np.float64)

    def _on_grid(self, at: FloatArray) -> FloatArray:
        place = snap_place(self.grid, at)
        return np.asarray(on_floor(self.grid.layers[place.layer], place.xz)[0], dtype=np.float64)

    def _floor(self, at: FloatArray) -> float:
        return float(self._on_grid(at)[1])

    def _object(self, name: str) -> SceneObject:
        entity = self.names.entity(name, ("object", "door"))
        if entity.kind == "object":
            return self.scene.objects[entity.id]
        leaf = next((door.leaves[0].object for door in scene_doors(self.scene) if door.portal == entity.id), None)
        if leaf is None:
            raise ValueError(f"{name} is an opening without a door leaf")
        return self.scene.objects[leaf]

    def _name(self, room: Room) -> str:
        entity = self.names.of_id("room", room.id)
        return room.name if entity is None else entity.name


def room_columns(grid: WalkableGrid, room: Room) -> tuple[FloatArray, FloatArray]:
    """Returns where an agent can stand in a room [m], shape (n, 3), and how far it could go from there unhindered [m].

    Of parts that are not connected, only the largest one counts.
    """
    from scipy.ndimage import distance_transform_edt  # half a second to load, and environments do without

    points, around, island = [np.zeros((0, 3))], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for layer, own in zip(grid.layers, grid.own_places(), strict=True):
        columns = np.argwhere(own)
        xz, y = layer.center(columns), layer.floor_y[tuple(columns.T)].astype(np.float64)
        inside = in_outline(room.polygon, xz) & (np.abs(y - room.floor_y) < _SAME_FLOOR)
        free = np.pad(layer.free, 1)  # beyond the grid nobody walks
        away = distance_transform_edt(free)[1:-1, 1:-1] * grid.cell
        points.append(np.stack([xz[inside, 0], y[inside], xz[inside, 1]], axis=1))
        around.append(away[tuple(columns.T)][inside])
        island.append(layer.island[tuple(columns.T)][inside].astype(np.int64))
    numbers = np.concatenate(island)
    if not len(numbers):
        return points[0], around[0]
    largest = numbers == np.argmax(np.bincount(numbers[numbers >= 0], minlength=1))
    return np.concatenate(points)[largest], np.concatenate(around)[largest]


def walk_to(grid: WalkableGrid, start: FloatArray, end: FloatArray, seconds: float, speed: float) -> Walk:
    """Returns the shortest walk of a source from one place to another; its height above the floor changes evenly.

    Args:
        grid: where one can walk.
        start: where it is [m], shape (3,).
        end: where it goes [m], shape (3,).
        seconds: when it leaves.
        speed: [m/s].

    Raises:
        ValueError: there is no way.
    """
    first, last = snap_place(grid, start), snap_place(grid, end)
    goal = on_floor(grid.layers[last.layer], last.xz)[0]
    path = goal_paths(grid, goal).points(first).astype(np.float64)
    if not len(path):
        raise ValueError("no way leads there: a door may be shut")
    floor = np.concatenate([path[:1, 1], path[:, 1], path[-1:, 1]])
    places = np.concatenate([start[None], path, end[None]])
    legs = np.hypot(*np.diff(places[:, [0, 2]], axis=0).T)
    so_far = np.concatenate([[0.0], np.cumsum(legs)])
    share = so_far / max(float(so_far[-1]), 1e-9)
    above = (1.0 - share) * (start[1] - floor[0]) + share * (end[1] - floor[-1])
    corners: list[tuple[float, float, float, float]] = []
    for away, (x, _, z), y in zip(so_far, places, floor + above, strict=True):
        at = (round(seconds + float(away) / speed, 6), float(x), float(y), float(z))
        if not corners or at[0] > corners[-1][0]:
            corners.append(at)
    return tuple(corners)
