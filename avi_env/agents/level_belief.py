"""What the rise and fall of a sound's level along the way says about where it is, its own level being unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.source_belief import SoundWays, carried

__all__ = ["LevelBelief"]

FloatArray = npt.NDArray[np.floating[Any]]

_SPREAD_DB = 4.5  # of levels about what `SoundWays.gain_db` says, in generated houses
_WEIGHT = 0.35  # of levels half a second apart: they err in the same way
_MEMORY = 0.98  # kept of what was heard before, at each level: the map was worse then


class LevelBelief:
    """Evidence of levels for each place, the source's level being one more unknown with a normal prior.

    A level is the source's plus the gain of its way plus an error. Per place the sums of what remains without the gain
    are kept; the source's level is integrated out exactly.
    """

    def __init__(self) -> None:
        self._origin: tuple[float, float] | None = None
        self._first: FloatArray = np.zeros((0, 0))
        self._second: FloatArray = np.zeros((0, 0))
        self._weight = 0.0

    def heard(self, ways: SoundWays, level_db: float) -> None:
        """Takes in a level.

        Args:
            ways: of sound to where it was heard.
            level_db: [dB SPL].
        """
        weight = max(self._weight, 1e-9)
        mean_first = float(self._first.mean()) if self._first.size else 0.0
        first = carried(self._first, self._origin, ways, mean_first)
        spread = float(self._second.mean()) if self._second.size else 0.0
        second = carried(self._second, self._origin, ways, max(spread, mean_first**2 / weight))
        rest = level_db - ways.gain_db
        self._first = _MEMORY * first + _WEIGHT * rest
        self._second = _MEMORY * second + _WEIGHT * rest**2
        self._weight = _MEMORY * self._weight + _WEIGHT
        self._origin = ways.origin

    def log_likelihood(self, ways: SoundWays, source_db: float, unsure_db: float) -> npt.NDArray[np.float64]:
        """Returns the log-likelihood of each place, shape of the ways.

        Args:
            ways: the present ones.
            source_db: the source's level at 1 m, as expected [dB SPL].
            unsure_db: standard deviation of that [dB].
        """
        if self._origin is None:
            return np.zeros(ways.length.shape)
        own, spread = 1.0 / unsure_db**2, 1.0 / _SPREAD_DB**2
        precision = own + self._weight * spread
        pull = own * source_db + spread * self._first
        log = -0.5 * (spread * self._second + own * source_db**2 - pull**2 / precision)
        return carried(log, self._origin, ways, float(log.mean()))
