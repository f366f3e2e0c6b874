"""All that the later steps of a batch depend on, at one moment; it can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import Prepared
from avi_env.envs.world import SeatState
from avi_env.tasks import Episode

if TYPE_CHECKING:
    from avi_env.envs.columns import Tables

__all__ = ["RowEpisode", "Snapshot"]


@dataclass(frozen=True)
class RowEpisode:
    """What a row plays, and how that has gone on."""

    episode: Episode
    prepared: Prepared | None
    """The episode made ready, which a pickle leaves out: tens of megabytes that `restore` makes again, to the bit."""
    seed: int | None
    index: int
    """Number of its next episode."""
    state: SeatState
    """How it has gone on: doors, variant of the scene, sounds and noise."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "prepared": None}


@dataclass(frozen=True)
class Snapshot:
    """A moment of a batch, to which `EnvBatch.restore` goes back.

    In this process it holds the episodes, so that none is baked anew; a pickle of it holds what they are made of.
    """

    config: EnvConfig
    tables: Tables
    clock: npt.NDArray[np.int64]
    ended: npt.NDArray[np.bool_]
    rows: tuple[RowEpisode, ...]
