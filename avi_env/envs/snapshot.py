"""All that the later steps of a batch depend on, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from avi_env.envs.config import EnvConfig
from avi_env.envs.doors import SeatDoors
from avi_env.envs.prepare import Prepared
from avi_env.scene import Scene

if TYPE_CHECKING:
    from avi_env.envs.columns import Tables

__all__ = ["RowEpisode", "Snapshot"]


@dataclass(frozen=True)
class RowEpisode:
    """What a row plays, and how far its doors have got."""

    prepared: Prepared
    seed: int | None
    index: int
    """Number of its next episode."""
    doors: SeatDoors | None
    scene: Scene
    """With the doors as they stand."""


@dataclass(frozen=True)
class Snapshot:
    """A moment of a batch, to which `EnvBatch.restore` goes back; it holds the episodes, so that none is baked anew."""

    config: EnvConfig
    tables: Tables
    clock: npt.NDArray[np.int64]
    ended: npt.NDArray[np.bool_]
    rows: tuple[RowEpisode, ...]
