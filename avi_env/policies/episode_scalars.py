"""Returns and measures of the episodes that end while a learner acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MEASURES", "EpisodeScalars"]

MEASURES = ("success", "spl", "soft_spl", "distance_to_goal")


class EpisodeScalars:
    """Adds up the rewards of every row, and keeps what ended since it was last asked.

    Args:
        rows: of the vector environment.
    """

    def __init__(self, rows: int) -> None:
        self._returns: npt.NDArray[np.float64] = np.zeros(rows)
        self._lengths: npt.NDArray[np.int64] = np.zeros(rows, dtype=np.int64)
        self._ended: list[dict[str, float]] = []

    def add(
        self, rewards: npt.NDArray[Any], ended: npt.NDArray[np.bool_], measures: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """Takes one step of all rows.

        Args:
            rewards: shape (N,).
            ended: rows whose episode ended with this step, shape (N,).
            measures: of those rows, by row.
        """
        self._returns += rewards
        self._lengths += 1
        for row in np.flatnonzero(ended).tolist():
            one = {"return": float(self._returns[row]), "length": float(self._lengths[row])}
            kept = {name: float(measures[row][name]) for name in MEASURES if name in measures[row]}
            self._ended.append({**one, **kept})
        self._returns[ended], self._lengths[ended] = 0.0, 0

    def scalars(self) -> dict[str, float]:
        """Returns the means over the episodes that ended since the last call, and their number, as "rollout/..."."""
        ended, self._ended = self._ended, []
        names = ended[0] if ended else ()
        means = {f"rollout/{name}": float(np.mean([one[name] for one in ended])) for name in names}
        return {**means, "rollout/episodes": float(len(ended))}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Returns what the rows have added up."""
        return {"returns": self._returns.copy(), "lengths": self._lengths.copy()}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Goes on from a state."""
        self._returns, self._lengths, self._ended = state["returns"].copy(), state["lengths"].copy(), []
