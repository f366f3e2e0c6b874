"""The doors of each environment row: what is to happen to them, and what holds them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from avi_env.scene import Door, Scene
from avi_env.scene.doors import leaf_distance
from avi_env.tasks.door_events import DoorEvent, moving_doors

__all__ = ["DoorRows"]


@dataclass
class _RowDoors:
    doors: dict[int, Door]
    coming: list[DoorEvent]  # the next one last
    wanted: dict[int, float] = field(default_factory=dict)
    openness: dict[int, float] = field(default_factory=dict)


class DoorRows:
    """How the doors of N rows stand. A door waits while somebody stands in the way of its leaf."""

    def __init__(self, clearance: float) -> None:
        """`clearance`: how near a leaf may come to the middle of an agent [m]."""
        self._clearance = clearance
        self._rows: dict[int, _RowDoors] = {}

    def begin(self, row: int, scene: Scene, events: Sequence[DoorEvent]) -> None:
        """Makes a row ready for an episode in which all doors stand as in the scene."""
        self._rows.pop(row, None)
        if events:
            doors = {door.portal: door for door in moving_doors(scene, events)}
            standing = {portal: door.openness for portal, door in doors.items()}
            self._rows[row] = _RowDoors(doors, sorted(events, reverse=True), {}, standing)

    def due(self, seconds: npt.NDArray[np.float64]) -> list[int]:
        """Returns the rows in which a door is to turn by a time of each row [s], shape (N,)."""
        return [
            row
            for row, state in self._rows.items()
            if state.wanted or (state.coming and state.coming[-1][0] <= seconds[row])
        ]

    def turn(self, row: int, seconds: float, feet: npt.NDArray[np.float64]) -> dict[int, float]:
        """Returns how the doors of a row may stand now: the openness of each that has an event.

        Args:
            row: one of `due`.
            seconds: time of the row [s].
            feet: (x, z) of its agent [m], shape (2,).
        """
        state = self._rows[row]
        while state.coming and state.coming[-1][0] <= seconds:
            _, portal, share = state.coming.pop()
            state.wanted[portal] = share
        turned = dict(state.openness)
        for portal, share in state.wanted.items():
            if leaf_distance(state.doors[portal], turned[portal], share, feet)[0] > self._clearance:
                turned[portal] = share
        return turned

    def settle(self, row: int, openness: dict[int, float]) -> None:
        """Notes how the doors of a row stand from now on."""
        state = self._rows[row]
        state.openness = openness
        state.wanted = {portal: share for portal, share in state.wanted.items() if openness[portal] != share}

    def openness(self, row: int) -> dict[int, float]:
        """Returns how the doors of a row stand that have an event in its episode."""
        return dict(self._rows[row].openness) if row in self._rows else {}
