"""What a listener hears of its own sound: the field where source and listener are one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.decay import slope_energies
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BIN_SECONDS, EARLY_BINS, EARLY_SECONDS
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.listener_cells import CELL_METRES, ListenerCells, listener_cells
from avi_env.acoustics.path_tracer import trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.room import room_estimate
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import occluded

__all__ = ["ECHO_PATHS", "echo_field"]

FloatArray = npt.NDArray[np.float64]

ECHO_PATHS = 128
"""Paths traced from each cell back to itself: with one listener, all of them find it."""

_LATE_SECONDS = (0.3, 1.2)  # least and greatest time for which the late field is traced [s], as in a bake
_LATE_BINS = 4  # early bins to a late one: 20 ms
_ROULETTE = 1e-3


class CellEcho(NamedTuple):
    """What comes back to one cell of a sound that was made there; as in `SourceField`."""

    early: FloatArray
    """Energy per 5 ms bin after the emission, octave and harmonic, shape (20, 7, 4)."""
    late: FloatArray
    """Energy per slope and octave from 100 ms on, shape (12, 7)."""


def echo_field(scenes: Sequence[Scene], ears: torch.Tensor, ear_height: float, device: str = "cpu") -> FieldSample:
    """Returns the field of listeners that are their own sources, without what the image sources carry.

    Between the cells around each listener that it sees. A cell is traced when first needed, then kept with its scene;
    what is heard depends on the place only, not on how the listener came there.

    Args:
        scenes: the scene of each listener, length F.
        ears: centres of the heads [m], shape (F, 3), world frame.
        ear_height: height of the cells above the floor [m].
        device: where the paths are traced, "cpu" or "cuda".
    """
    early = np.zeros((len(scenes), EARLY_BINS, BAND_COUNT, 4), dtype=np.float32)
    late = np.zeros((len(scenes), len(DECAY_TIMES), BAND_COUNT), dtype=np.float32)
    for row, (scene, place) in enumerate(zip(scenes, ears.double().cpu().numpy(), strict=True)):
        for cell, share in _around(scene, listener_cells(scene, ear_height), place):
            echo = _cell_echo(scene, cell, ear_height, device)
            early[row] += share * echo.early
            late[row] += share * echo.late
    nothing = torch.zeros(len(scenes), device=ears.device)
    return FieldSample(torch.from_numpy(early).to(ears.device), torch.from_numpy(late).to(ears.device), nothing)


def _around(scene: Scene, cells: ListenerCells, place: FloatArray) -> list[tuple[int, float]]:
    """Returns the cells around a place that it sees, with bilinear shares; the nearest one where there is none."""
    column = (place[[0, 2]] - cells.origin) / CELL_METRES
    below = np.floor(column).astype(int)
    found = []
    for step in ((0, 0), (1, 0), (0, 1), (1, 1)):
        at = below + step
        there = cells.cells_at(at)
        if len(there):
            own = there[np.argmin(np.abs(cells.points[there, 1] - place[1]))]
            found.append((int(own), float(np.prod(1.0 - np.abs(column - at)))))
    if found:
        points = cells.points[[cell for cell, _ in found]]
        hidden = occluded(scene, np.broadcast_to(place, points.shape), points)
        found = [one for one, unseen in zip(found, hidden, strict=True) if not unseen]
    total = sum(share for _, share in found)
    if total < 1e-4:
        return [(int(np.argmin(np.linalg.norm(cells.points - place, axis=1))), 1.0)]
    return [(cell, share / total) for cell, share in found]


def _cell_echo(scene: Scene, cell: int, ear_height: float, device: str) -> CellEcho:
    echo: CellEcho = derived(
        scene, ("cell_echo", cell, ear_height, device), lambda: _trace(scene, cell, ear_height, device)
    )
    return echo


def _trace(scene: Scene, cell: int, ear_height: float, device: str) -> CellEcho:
    place = listener_cells(scene, ear_height).points[cell]
    longest = room_estimate(scene).rt60
    seconds = EARLY_SECONDS + float(np.clip(0.6 * np.max(longest), *_LATE_SECONDS))
    bins = EARLY_BINS + _LATE_BINS * int(np.ceil((seconds - EARLY_SECONDS) / (_LATE_BINS * EARLY_BIN_SECONDS)))
    budget = PathBudget(ECHO_PATHS, bins * EARLY_BIN_SECONDS, _ROULETTE)
    heard = trace_echogram(scene, place, place, budget=budget, bin_seconds=EARLY_BIN_SECONDS, device=device)
    energy = np.zeros((bins, BAND_COUNT, 4))
    energy[: min(bins, len(heard.energy))] = heard.energy[:bins]
    tail = energy[EARLY_BINS:, :, 0].reshape(-1, _LATE_BINS, BAND_COUNT).sum(axis=1)
    slopes = slope_energies(np.ascontiguousarray(tail.T), _LATE_BINS * EARLY_BIN_SECONDS, np.asarray(longest))
    return CellEcho(energy[:EARLY_BINS], slopes.T)
