"""The doors of each seat: what is to happen to them, and what holds them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from avi_env.scene import Door, Scene, scene_doors, with_doors
from avi_env.scene.doors import leaf_distance
from avi_env.tasks.door_events import DoorEvent, moving_doors

__all__ = ["DoorRows", "SeatDoors"]


@dataclass
class SeatDoors:
    """The doors of an episode that have events, by portal."""

    doors: dict[int, Door]
    coming: list[DoorEvent]
    """Events still to come, the next one last."""
    wanted: dict[int, float] = field(default_factory=dict)
    """How far doors should be open that are held up."""
    openness: dict[int, float] = field(default_factory=dict)

    def copy(self) -> SeatDoors:
        """Returns the same, to be changed separately."""
        return SeatDoors(dict(self.doors), list(self.coming), dict(self.wanted), dict(self.openness))


class DoorRows:
    """How the doors of seats stand. A door waits while somebody stands in the way of its leaf."""

    def __init__(self, clearance: float) -> None:
        """`clearance`: how near a leaf may come to the middle of an agent [m]."""
        self._clearance = clearance
        self._seats: dict[int, SeatDoors] = {}

    @property
    def any(self) -> bool:
        """Whether any seat has doors that turn."""
        return bool(self._seats)

    def begin(self, seat: int, scene: Scene, events: Sequence[DoorEvent]) -> None:
        """Makes a seat ready for an episode in which all doors stand as in the scene."""
        self._seats.pop(seat, None)
        if events:
            doors = {door.portal: door for door in moving_doors(scene, events)}
            standing = {portal: door.openness for portal, door in doors.items()}
            self._seats[seat] = SeatDoors(doors, sorted(events, reverse=True), {}, standing)

    def want(self, seat: int, scene: Scene, portal: int, openness: float) -> None:
        """Lets a door of a seat turn from now on, as soon as nobody stands in its way.

        Args:
            seat: whose.
            scene: of its episode, doors as they are without any event.
            portal: id of the door's portal.
            openness: 0 shut .. 1 open.

        Raises:
            ValueError: no such portal, one without a leaf that can turn, or an openness outside 0..1.
        """
        with_doors(scene, {portal: openness})
        state = self._seats.setdefault(seat, SeatDoors({}, []))
        if portal not in state.doors:
            door = next(door for door in scene_doors(scene) if door.portal == portal)
            state.doors[portal], state.openness[portal] = door, door.openness
        state.wanted.pop(portal, None)
        if state.openness[portal] != openness:
            state.wanted[portal] = float(openness)

    def due(self, seats: npt.NDArray[np.int64], seconds: npt.NDArray[np.float64]) -> list[int]:
        """Returns the rows in which a door is to turn, by the seat and the time [s] of each, shapes (N,)."""
        if not self._seats:
            return []
        return [row for row, seat in enumerate(seats.tolist()) if self._is_due(seat, float(seconds[row]))]

    def _is_due(self, seat: int, seconds: float) -> bool:
        state = self._seats.get(seat)
        return state is not None and (bool(state.wanted) or (bool(state.coming) and state.coming[-1][0] <= seconds))

    def turn(self, seat: int, seconds: float, feet: npt.NDArray[np.float64]) -> dict[int, float]:
        """Returns how the doors of a seat may stand now: the openness of each that has an event.

        Args:
            seat: whose.
            seconds: its time [s].
            feet: (x, z) of its agent [m], shape (2,).
        """
        state = self._seats[seat]
        while state.coming and state.coming[-1][0] <= seconds:
            _, portal, share = state.coming.pop()
            state.wanted[portal] = share
        turned = dict(state.openness)
        for portal, share in state.wanted.items():
            if leaf_distance(state.doors[portal], turned[portal], share, feet)[0] > self._clearance:
                turned[portal] = share
        return turned

    def settle(self, seat: int, openness: dict[int, float]) -> None:
        """Notes how the doors of a seat stand from now on."""
        state = self._seats[seat]
        state.openness = openness
        state.wanted = {portal: share for portal, share in state.wanted.items() if openness[portal] != share}

    def openness(self, seat: int) -> dict[int, float]:
        """Returns how the doors of a seat stand that have an event in its episode."""
        return dict(self._seats[seat].openness) if seat in self._seats else {}

    def taken(self, seat: int) -> SeatDoors | None:
        """Returns a copy of how the doors of a seat stand and what is to happen to them."""
        doors = self._seats.get(seat)
        return None if doors is None else doors.copy()

    def put_back(self, seat: int, doors: SeatDoors | None) -> None:
        """Lets a seat go on from what `taken` returned."""
        self._seats.pop(seat, None)
        if doors is not None:
            self._seats[seat] = doors.copy()
