"""The baked sound field of one source: what is computed once per (scene, source) and looked up at every step.

Energies are mean-square pressures of a source that makes 1 Pa at 1 m in free field: the direct sound has energy 1/d^2.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DECAY_TIMES", "EARLY_BINS", "EARLY_BIN_SECONDS", "EARLY_SECONDS", "SourceField", "WavefrontField"]

EARLY_BIN_SECONDS = 0.005
"""Width of an early time bin [s]: below the 10 ms JND of the centre time."""

EARLY_BINS = 20
"""Bins of the early field, counted from the first arrival at the cell."""

EARLY_SECONDS = EARLY_BINS * EARLY_BIN_SECONDS

DECAY_TIMES = tuple(0.1 * 2.0 ** (k / 2.0) for k in range(12))
"""Reverberation times T60 [s] of the common late slopes: 0.1 s ... 4.5 s in steps of sqrt(2).

One dictionary for every scene, so that a clip is reverberated once per slope and band, not once per scene.
"""


@dataclass(frozen=True, eq=False)
class WavefrontField:
    """Shortest path of sound from the source to every column of a horizontal grid at the source's storey."""

    source: tuple[float, float]
    """World (x, z) of the place for which it was computed [m]."""
    origin: tuple[float, float]
    """World (x, z) of the centre of column (0, 0) [m]."""
    spacing: float
    """Grid spacing [m]."""
    height: float
    """Height y [m] of the plane in which paths bend."""
    length: npt.NDArray[np.float32]
    """Horizontal length of the shortest path [m], shape (nx, nz), inf where sound cannot go."""
    bend: npt.NDArray[np.float32]
    """(x, z) of the last bend seen from the column [m], the source itself where there is none, shape (nx, nz, 2)."""
    first_bend: npt.NDArray[np.float32]
    """(x, z) of the first bend seen from the source [m], the column's own centre where there is none, (nx, nz, 2)."""
    bend_count: npt.NDArray[np.int32]
    """Number of bends, shape (nx, nz)."""
    detour: npt.NDArray[np.float32]
    """Path length less the straight distance [m] (delta of Kurze and Anderson), shape (nx, nz)."""
    storey: tuple[float, float] = (-math.inf, math.inf)
    """Heights y [m] between which ears are on the source's storey: the paths lead nowhere else."""

    @cached_property
    def digest(self) -> str:
        """Hash of the content: equal wavefronts are stored once."""
        return _digest(self)


@dataclass(frozen=True, eq=False)
class SourceField:
    """The baked field of one source over C listener cells on a horizontal grid at ear height."""

    source: tuple[float, float, float]
    """Source position [m]."""
    origin: tuple[float, float]
    """World (x, z) of the centre of grid column (0, 0) [m]."""
    spacing: float
    """Cell spacing [m]."""
    cell_index: npt.NDArray[np.int32]
    """Cell number of each grid column or -1, shape (nx, nz), or (layers, nx, nz) with several storeys."""
    cells: npt.NDArray[np.float32]
    """Cell centres [m], shape (C, 3)."""
    first_arrival: npt.NDArray[np.float32]
    """Earliest possible arrival [s], shape (C,): the wavefront's travel time."""
    early: npt.NDArray[np.float32]
    """Energy per 5 ms bin after the first arrival, octave and first-order spherical harmonic, shape (C, 20, 7, 4).

    Harmonics: omnidirectional energy, then energy times the arrival direction's x, y, z (world frame, towards the
    sound). Direct sound and first-order specular reflections are left out: they are exact, per step.
    """
    late: npt.NDArray[np.float32]
    """Energy per slope and octave from 100 ms after the first arrival on, shape (C, 12, 7); slopes as DECAY_TIMES.

    Energy of slope k in band b at time t after that instant: late[k, b] * exp(-13.8155 t / T_k) * 13.8155 / T_k dt.
    """
    wavefront: WavefrontField

    @cached_property
    def digest(self) -> str:
        """Hash of the content besides the wavefront: equal fields are stored once."""
        return _digest(self)


def _digest(one: Any) -> str:
    hasher = hashlib.blake2b(digest_size=20)
    for name in (field.name for field in fields(one) if field.name != "wavefront"):
        value = getattr(one, name)
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype=np.float64)
        hasher.update(repr((name, array.shape)).encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()
