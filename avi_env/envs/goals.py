"""The goals of each environment row: where they are, and how far it is to them from everywhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from avi_env.navigation import GridBank, WalkableGrid, distance_field
from avi_env.scene import Scene
from avi_env.tasks import Episode, goal_points
from avi_env.tasks.walks import place_on_walk

__all__ = ["GoalRows"]

FloatArray = npt.NDArray[np.float32]


class GoalRows:
    """Distances to the goals of N rows; those to a goal that walks are found anew at every step."""

    fields: torch.Tensor
    """Distance from everywhere to the goal of each row [m], shape (N, nx, nz)."""

    def __init__(self, rows: int) -> None:
        self._fields: list[FloatArray] = [np.full((1, 1), np.inf, dtype=np.float32)] * rows
        self._walks: dict[int, tuple[Episode, Scene, WalkableGrid]] = {}
        self._found: dict[int, tuple[float, ...]] = {}  # the source's place for which a row's field was found

    def begin(self, row: int, episode: Episode, scene: Scene, grid: WalkableGrid) -> None:
        """Sets the goal of a row to where an episode's source is at first."""
        self._fields[row] = distance_field(grid, goal_points(scene, grid, episode.source_position))
        self._walks.pop(row, None)
        self._found.pop(row, None)
        if episode.source_walk or any(other.walk for other in episode.distractors):
            self._walks[row] = (episode, scene, grid)

    def stack(self, grids: GridBank) -> None:
        """Puts all fields on the device, padded to the shape of a bank of grids."""
        self.fields = torch.stack([grids.pad(field) for field in self._fields])

    def follow(
        self,
        grids: GridBank,
        seconds: npt.NDArray[np.float64],
        source: torch.Tensor,
        goal: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the sources (N, S, 3) and goals (N, 3) where they are now, and updates `fields`.

        Args:
            grids: the bank of grids.
            seconds: time of each row since its first observation [s], shape (N,).
            source: where the sources were [m], shape (N, S, 3).
            goal: where the goals were [m], shape (N, 3).
        """
        if not self._walks:
            return source, goal
        source, goal = source.clone(), goal.clone()
        for row, (episode, scene, grid) in self._walks.items():
            for number, walk in enumerate((episode.source_walk, *(other.walk for other in episode.distractors))):
                if walk:
                    source[row, number] = torch.from_numpy(place_on_walk(walk, float(seconds[row])))
            place = tuple(place_on_walk(episode.source_walk, float(seconds[row]))) if episode.source_walk else None
            if place is not None and self._found.get(row) != place:  # it rests now and then
                points = goal_points(scene, grid, place)
                self._fields[row] = distance_field(grid, points)
                self.fields[row] = grids.pad(self._fields[row])
                self._found[row] = place
                goal[row] = torch.from_numpy(points[0])
        return source, goal
