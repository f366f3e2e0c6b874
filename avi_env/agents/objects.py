"""What the agent has seen: objects with their boxes and rooms, rooms with their guessed types."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.geometry import SeenPoints
from avi_env.agents.knowledge import guess_room, is_noteworthy
from avi_env.agents.mapping import HouseMap

__all__ = ["ObjectMemory", "ObjectTrack", "RoomMemory"]

FloatArray = npt.NDArray[np.floating[Any]]

_RANGE = 8.0  # [m]; beyond, a pixel is wider than the things of interest
_FLOOR_OFF = 0.2  # [m]; a floor this much farther from the object speaks e times less for it
_TOWARDS_EYE = 0.3  # [m]; an object's floor is looked for this much nearer to the eye, on its open side


@dataclass
class ObjectTrack:
    """One object seen at least once: its visible extent so far, start frame."""

    id: int
    category: str
    low: FloatArray
    """Lowest corner of what was seen [m], shape (3,)."""
    high: FloatArray
    """Highest corner of what was seen [m], shape (3,)."""
    step: int
    """Step at which it was last seen."""
    pixels: int = 0
    """Most pixels it filled in one picture."""
    rooms: dict[int, float] = field(default_factory=dict)
    """Votes for the floor it stands on: floor object id -> looks, those with the floor close by counting most."""

    @property
    def name(self) -> str:
        """Short name, unique in the episode."""
        return f"{self.category}_{self.id}"

    @property
    def center(self) -> tuple[float, float]:
        """(x, z) of the middle of what was seen [m]."""
        middle = 0.5 * (self.low + self.high)
        return float(middle[0]), float(middle[2])

    @property
    def width(self) -> float:
        """Horizontal diagonal of what was seen [m]."""
        size = self.high - self.low
        return float(np.hypot(size[0], size[2]))

    @property
    def floor(self) -> int:
        """Object id of the floor it stands on, -1 = unknown."""
        return min(self.rooms, key=lambda f: (-self.rooms[f], f)) if self.rooms else -1


class ObjectMemory:
    """Remembers every object worth a name.

    Args:
        categories: category of each object id in the semantic picture.
    """

    def __init__(self, categories: tuple[str, ...]) -> None:
        self._categories = categories
        self._kept = np.array([is_noteworthy(name) for name in categories] or [False])
        self.tracks: dict[int, ObjectTrack] = {}

    def observe(self, points: SeenPoints, house: HouseMap, eye: tuple[float, float], step: int) -> tuple[int, ...]:
        """Takes in one look; returns the ids seen for the first time.

        Args:
            points: what the depth picture hit, with labels.
            house: the map, already updated with this look.
            eye: (x, z) of the camera [m].
            step: number of the present step.
        """
        label = points.label
        chosen = np.flatnonzero((label >= 0) & (label < len(self._kept)) & (points.planar < _RANGE))
        chosen = chosen[self._kept[label[chosen]]]
        order = chosen[np.argsort(label[chosen], kind="stable")]
        if not len(order):
            return ()
        ids, start, count = np.unique(label[order], return_index=True, return_counts=True)
        xyz = points.xyz[order]
        low, high = np.minimum.reduceat(xyz, start), np.maximum.reduceat(xyz, start)
        mean = np.add.reduceat(xyz.astype(np.float64), start) / count[:, None]
        fresh = []
        for k, number in enumerate(ids.tolist()):
            track = self.tracks.get(number)
            if track is None:
                track = ObjectTrack(number, self._categories[number], low[k], high[k], step)
                self.tracks[number] = track
                fresh.append(number)
            track.low, track.high = np.minimum(track.low, low[k]), np.maximum(track.high, high[k])
            track.step, track.pixels = step, max(track.pixels, int(count[k]))
            gap = np.array([eye[0] - mean[k, 0], eye[1] - mean[k, 2]])
            length = max(float(np.hypot(*gap)), 1e-6)
            nearer = mean[k, [0, 2]] + gap * min(_TOWARDS_EYE / length, 1.0)
            floor, off = house.region_near((float(nearer[0]), float(nearer[1])), reach=1.0)
            if floor >= 0:
                track.rooms[floor] = track.rooms.get(floor, 0.0) + math.exp(-off / _FLOOR_OFF)
        return tuple(fresh)

    def of_categories(self, categories: tuple[str, ...]) -> list[ObjectTrack]:
        """Returns the objects of some categories, in order of id."""
        return [self.tracks[k] for k in sorted(self.tracks) if self.tracks[k].category in categories]

    def by_name(self, name: str) -> ObjectTrack | None:
        """Returns the object of a name, or None."""
        return next((t for t in self.tracks.values() if t.name == name), None)


class RoomMemory:
    """Names and types of the rooms whose floors have been seen; numbered in the order of discovery."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.visited: set[int] = set()

    def observe(self, floors: list[int], here: int) -> None:
        """Takes in which floors are in view and which one the agent stands on (-1 = none)."""
        for floor in ([here] if here >= 0 else []) + sorted(floors):
            self._numbers.setdefault(floor, len(self._numbers) + 1)
        if here >= 0:
            self.visited.add(here)

    @property
    def floors(self) -> tuple[int, ...]:
        """Object ids of the known floors, in the order of discovery."""
        return tuple(self._numbers)

    def type_of(self, floor: int, objects: ObjectMemory) -> str:
        """Returns the guessed type of the room on a floor."""
        return guess_room(t.category for _, t in sorted(objects.tracks.items()) if t.floor == floor)

    def name_of(self, floor: int, objects: ObjectMemory) -> str:
        """Returns the short name of the room on a floor, "" for no floor."""
        if floor not in self._numbers:
            return ""
        kind = self.type_of(floor, objects)
        return f"{'room' if kind == 'unknown' else kind}_{self._numbers[floor]}"

    def floor_of(self, name: str, objects: ObjectMemory) -> int:
        """Returns the floor of a room's short name, -1 when no known room is called so."""
        number = name.rsplit("_", 1)[-1]
        return next((f for f, n in self._numbers.items() if str(n) == number), -1)
