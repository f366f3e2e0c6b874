"""The goals of each seat: how far it is to them from everywhere, and where they are if they walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from avi_env.envs.prepare import Prepared
from avi_env.navigation import distance_field
from avi_env.navigation.device_fields import device_distance_fields
from avi_env.tasks import goal_points
from avi_env.tasks.walks import Walk, place_on_walk

__all__ = ["GOAL", "GoalRows", "Walkers"]

GOAL = -1
"""Stands for the goal among the numbers of sources that walk."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Walkers:
    """Where things that walk are now in some rows."""

    rows: list[int]
    """Rows in which anything walks."""
    source: torch.Tensor
    """Their sources [m], shape (R, S, 3), NaN for those that stay."""
    goal: torch.Tensor
    """Their goals [m], shape (R, 3), NaN where they are as before."""


class GoalRows:
    """Distances to the goals of `count` seats; those to a goal that walks are found anew as it goes on."""

    fields: torch.Tensor
    """Distance from everywhere to the goal of each seat [m], shape (count, depth, nx, nz), inf where there is no way.

    Padded to the largest grid there was; `depth` is the number of its layers.
    """

    def __init__(self, count: int, device: torch.device) -> None:
        self.fields = torch.full((count, 1, 1, 1), torch.inf, device=device)
        self._walks: dict[int, Prepared] = {}
        self._sent: dict[int, dict[int, Walk]] = {}  # walks that the episode does not know of, by source; GOAL = goal's
        self._found: dict[int, tuple[float, ...]] = {}  # the source's place for which a seat's field was found

    @property
    def any(self) -> bool:
        """Whether anything walks in any seat."""
        return bool(self._walks)

    def begin(self, seat: int, prepared: Prepared) -> None:
        """Sets the goal of a seat to where an episode's source is at first."""
        episode = prepared.episode
        self._write(seat, prepared.field)
        self.forget(seat)
        if episode.source_walk or any(other.walk for other in episode.distractors):
            self._walks[seat] = prepared

    def send(self, seat: int, prepared: Prepared, which: int, walk: Walk) -> None:
        """Lets a source, or the goal, of a seat walk otherwise than its episode has it.

        Args:
            seat: which seat.
            prepared: the episode there.
            which: number of the source, or `GOAL`.
            walk: on the clock that begins with the first observation.
        """
        self._walks.setdefault(seat, prepared)
        self._sent.setdefault(seat, {})[which] = walk

    def forget(self, seat: int) -> None:
        """Lets the goal of a seat stay where it is."""
        self._walks.pop(seat, None)
        self._sent.pop(seat, None)
        self._found.pop(seat, None)

    def follow(self, seats: npt.NDArray[np.int64], seconds: npt.NDArray[np.float64], sources: int) -> Walkers | None:
        """Returns where everything that walks is now, None if nothing does, and updates `fields`.

        Only rows in which something walks cost anything, and only goals that have moved since.

        Args:
            seats: that each row plays, shape (N,).
            seconds: time of each row since its first observation [s], shape (N,).
            sources: number of sources of a row.
        """
        if not self._walks:
            return None
        rows = [row for row, seat in enumerate(seats.tolist()) if seat in self._walks]
        source = np.full((len(rows), sources, 3), np.nan, dtype=np.float32)
        goal = np.full((len(rows), 3), np.nan, dtype=np.float32)
        moved: dict[int, FloatArray] = {}
        for number, row in enumerate(rows):
            seat, now = int(seats[row]), float(seconds[row])
            walks = self._all_walks(seat)
            goal_walk = walks.pop(GOAL)
            for which, walk in walks.items():
                if walk:
                    source[number, which] = place_on_walk(walk, now)
            points = self._moved_goal(seat, place_on_walk(goal_walk, now)) if goal_walk else None
            if points is not None:
                moved[seat], goal[number] = points, points[0]
        self._find(moved)
        device = self.fields.device
        return Walkers(rows, torch.from_numpy(source).to(device), torch.from_numpy(goal).to(device))

    def _all_walks(self, seat: int) -> dict[int, Walk]:
        """Returns how each source, and the `GOAL`, of a seat walks; () = it stays."""
        episode = self._walks[seat].episode
        own = enumerate((episode.source_walk, *(other.walk for other in episode.distractors)))
        return {GOAL: episode.source_walk, **dict(own), **self._sent.get(seat, {})}

    def _moved_goal(self, seat: int, at: npt.NDArray[np.float64]) -> FloatArray | None:
        """Returns the walkable points beside a goal, shape (n, 3), None if it rests."""
        place = tuple(at.tolist())
        if self._found.get(seat) == place:
            return None
        self._found[seat] = place
        return goal_points(self._walks[seat].scene, self._walks[seat].grid, place)

    def _find(self, moved: Mapping[int, FloatArray]) -> None:
        """Finds the fields of goals that have moved: on a GPU of all in one series of launches."""
        if self.fields.device.type == "cpu":
            for seat, points in moved.items():
                self._write(seat, distance_field(self._walks[seat].grid, points))
        elif moved:
            self._find_on_device(moved)

    def _find_on_device(self, moved: Mapping[int, FloatArray]) -> None:
        seats = list(moved)
        found = device_distance_fields([self._walks[s].grid for s in seats], list(moved.values()), self.fields.device)
        self._grow(found.shape[1:])
        _, depth, nx, nz = found.shape
        self.fields[seats] = torch.inf
        self.fields[seats, :depth, :nx, :nz] = found

    def _write(self, seat: int, field: FloatArray) -> None:
        layers = field.reshape(-1, *field.shape[-2:])
        self._grow(layers.shape)
        depth, nx, nz = layers.shape
        self.fields[seat] = torch.inf
        self.fields[seat, :depth, :nx, :nz] = torch.from_numpy(np.ascontiguousarray(layers)).to(self.fields.device)

    def _grow(self, shape: Sequence[int]) -> None:
        """Makes room for fields of a shape (layers, nx, nz)."""
        present = self.fields.shape[1:]
        if any(new > old for new, old in zip(shape, present, strict=True)):
            size = [max(new, old) for new, old in zip(shape, present, strict=True)]
            grown = self.fields.new_full((len(self.fields), *size), torch.inf)
            grown[:, : present[0], : present[1], : present[2]] = self.fields
            self.fields = grown
