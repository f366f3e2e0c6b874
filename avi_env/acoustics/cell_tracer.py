"""Path tracing to all listener cells at once, for many sources: the raw histograms from which fields are baked."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.directivity import Directivity
from avi_env.acoustics.field import EARLY_BIN_SECONDS, EARLY_BINS, EARLY_SECONDS
from avi_env.acoustics.listener_cells import CELL_METRES, SLAB_HALF_HEIGHT, ListenerCells
from avi_env.acoustics.path_sets import path_sets
from avi_env.acoustics.path_walk import (
    FIXED_POINT,
    Meeting,
    PathBudget,
    PathSet,
    Walk,
    damped,
    diffuse_energy_out,
    next_event_gain,
    walk_advance,
    walk_meet,
    walk_on,
    walk_start,
)
from avi_env.acoustics.surroundings import Surroundings, surroundings, vec7
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import wp_device

__all__ = ["LATE_BIN_SECONDS", "CellHistograms", "CellTask", "trace_cells", "trace_sources"]

wp.set_module_options({"enable_backward": False})

LATE_BIN_SECONDS = 0.02
"""Width of a late time bin [s]."""

_BANDS = wp.constant(BAND_COUNT)
_EARLY_BINS = wp.constant(EARLY_BINS)
_EARLY_METRES = wp.constant(EARLY_SECONDS * SPEED_OF_SOUND)
_EARLY_BIN_METRES = wp.constant(EARLY_BIN_SECONDS * SPEED_OF_SOUND)
_LATE_BIN_METRES = wp.constant(LATE_BIN_SECONDS * SPEED_OF_SOUND)
_CANDIDATES = wp.constant(4)  # cells among which a link is drawn: one from all, the rest from those probably seen
_SCATTERED = wp.constant(0.4)  # surfaces that scatter less of the energy are linked less often: a fifth of the cost
_OPEN = wp.constant(20.0)  # [m] of a leg into the open that are deposited
_SLAB = wp.constant(SLAB_HALF_HEIGHT)
_FIXED = wp.constant(FIXED_POINT)


class CellHistograms(NamedTuple):
    """Energy at C cells by time after each cell's first arrival."""

    early: npt.NDArray[np.float64]
    """5 ms bins, shape (C, 20, 7, 4): omnidirectional, then times the arrival direction's x, y, z."""
    late: npt.NDArray[np.float64]
    """20 ms bins from 100 ms after the first arrival on, shape (C, n, 7)."""


class CellTask(NamedTuple):
    """One source to be traced to the listener cells of its scene."""

    scene: Scene
    source: npt.NDArray[np.float64]
    """Source position [m], shape (3,), world frame."""
    listeners: ListenerCells
    first_arrival: npt.NDArray[np.float64]
    """Travel time of the first sound to each cell [s], shape (C,)."""
    budget: PathBudget
    """How many paths, how far."""
    seed: int = 0
    """Of the paths; the same seed gives the same bits, whatever else is traced."""
    links: int = 1
    """Cells linked at each surface for next-event estimation."""
    late_bins: int = 40
    """Number of 20 ms bins after the early 100 ms."""
    directivity: str | npt.ArrayLike | Directivity = "omni"
    """How loud the source is in each direction, re straight ahead."""
    yaw: float = 0.0
    """Heading of the source [rad]."""


@wp.struct
class Cells:
    """The listener cells of one source as kernels see them."""

    origin: wp.vec2
    """World (x, z) of the lower corner of the grid [m]."""
    spacing: wp.float32
    fine_spacing: wp.float32
    nearest: wp.array3d[wp.int32]
    owner: wp.array3d[wp.int32]
    points: wp.array[wp.vec3]
    first_metres: wp.array[wp.float32]
    """Length of the first arrival's path per cell [m]."""
    volume: wp.array[wp.float32]
    """Air that belongs to each cell [m3]."""
    likely_start: wp.array[wp.int32]
    likely: wp.array[wp.int32]
    is_likely: wp.array2d[wp.uint8]
    links: wp.int32
    """Cells linked at each surface."""
    row: wp.int32
    """First row of the source's histograms."""
    late_bins: wp.int32


@wp.func
def _deposit(
    cells: Cells, cell: wp.int32, energy: vec7, scale: wp.float32, travelled: wp.float32, towards: wp.vec3,
    early_out: wp.array4d[wp.int64], late_out: wp.array3d[wp.int64],
) -> None:  # fmt: skip
    since = wp.max(travelled - cells.first_metres[cell], 0.0)
    row = cells.row + cell
    if since < _EARLY_METRES:
        slot = wp.min(wp.int32(since / _EARLY_BIN_METRES), _EARLY_BINS - 1)
        for band in range(_BANDS):
            value = energy[band] * scale * _FIXED
            wp.atomic_add(early_out, row, slot, band, 0, wp.int64(value))
            for axis in range(3):
                wp.atomic_add(early_out, row, slot, band, axis + 1, wp.int64(value * towards[axis]))
    else:
        slot = wp.int32((since - _EARLY_METRES) / _LATE_BIN_METRES)
        if slot < cells.late_bins:
            for band in range(_BANDS):
                wp.atomic_add(late_out, row, slot, band, wp.int64(energy[band] * scale * _FIXED))


@wp.func
def _link(
    scene: Surroundings, paths: PathSet, cells: Cells, walk: Walk, meeting: Meeting, diffuse: vec7,
    early_out: wp.array4d[wp.int64], late_out: wp.array3d[wp.int64],
) -> wp.uint32:  # fmt: skip
    """Next-event estimation from a surface to one cell, drawn among a few by what would reach them if all were free.

    Resampled importance sampling (Talbot, Cline, Egbert 2005), unbiased; returns the state of the random numbers.
    """
    state = walk.state
    often = wp.min(wp.max(diffuse) / (_SCATTERED * wp.max(walk.energy)), 1.0)
    if wp.randf(state) >= often:
        return state
    column = wp.int32((meeting.point[0] - cells.origin[0]) / cells.spacing)
    row = wp.int32((meeting.point[2] - cells.origin[1]) / cells.spacing)
    column = wp.clamp(column, 0, cells.nearest.shape[1] - 1)
    row = wp.clamp(row, 0, cells.nearest.shape[2] - 1)
    home = cells.nearest[0, column, row]
    for layer in range(1, cells.nearest.shape[0]):
        other = cells.nearest[layer, column, row]
        if wp.abs(cells.points[other][1] - meeting.point[1]) < wp.abs(cells.points[home][1] - meeting.point[1]):
            home = other
    start = cells.likely_start[home]
    likely = cells.likely_start[home + 1] - start
    count = cells.points.shape[0]
    total = wp.float32(0.0)
    chosen = wp.int32(-1)
    for number in range(_CANDIDATES):
        draw = wp.randf(state)
        cell = wp.min(wp.int32(draw * wp.float32(count)), count - 1)
        if number > 0:
            cell = cells.likely[start + wp.min(wp.int32(draw * wp.float32(likely)), likely - 1)]
        gain = next_event_gain(meeting, cells.points[cell])
        if gain > 0.0:
            # Expected number of times that this cell is a candidate.
            chance = 1.0 / wp.float32(count)
            if cells.is_likely[home, cell] != wp.uint8(0):
                chance = chance + wp.float32(_CANDIDATES - 1) / wp.float32(likely)
            total = total + gain / chance
            if wp.randf(state) * total < gain / chance:
                chosen = cell
    if chosen >= 0:
        link = cells.points[chosen] - meeting.point
        distance = wp.length(link)
        towards = link / wp.max(distance, 1.0e-6)
        if not wp.mesh_query_ray_anyhit(scene.mesh, meeting.point, towards, distance):
            # The cell's gain over its probability of being chosen is the candidates' total.
            scale = paths.per_path * total / (often * wp.float32(cells.links))
            energy = damped(scene, diffuse, distance)
            _deposit(cells, chosen, energy, scale, walk.travelled + distance, -towards, early_out, late_out)
    return state


@wp.func
def _deposit_leg(
    scene: Surroundings, cells: Cells, walk: Walk, meeting: Meeting, per_path: wp.float32, jitter: wp.float32,
    early_out: wp.array4d[wp.int64], late_out: wp.array3d[wp.int64],
) -> None:  # fmt: skip
    """Deposits a leg along its length in the cells that it passes at ear height, sampled at evenly spaced points."""
    length = meeting.distance
    if meeting.hit == 0:
        length = _OPEN
    count = wp.int32(wp.ceil(length / (cells.spacing * 0.5)))
    pace = length / wp.float32(count)
    for sample in range(count):
        along = (wp.float32(sample) + jitter) * pace
        point = walk.position + along * walk.direction
        column = wp.int32(wp.floor((point[0] - cells.origin[0]) / cells.fine_spacing))
        row = wp.int32(wp.floor((point[2] - cells.origin[1]) / cells.fine_spacing))
        if column >= 0 and row >= 0 and column < cells.owner.shape[1] and row < cells.owner.shape[2]:
            for layer in range(cells.owner.shape[0]):
                cell = cells.owner[layer, column, row]
                if cell >= 0 and wp.abs(point[1] - cells.points[wp.max(cell, 0)][1]) < _SLAB:
                    energy = damped(scene, walk.energy, along)
                    scale = per_path * pace / cells.volume[cell]
                    _deposit(cells, cell, energy, scale, walk.travelled + along, -walk.direction, early_out, late_out)


@wp.kernel
def _trace_cells_kernel(
    scenes: wp.array[Surroundings], path_sets: wp.array[PathSet], listeners: wp.array[Cells],
    early_out: wp.array4d[wp.int64], late_out: wp.array3d[wp.int64],
) -> None:  # fmt: skip
    number, path = wp.tid()
    paths = path_sets[number]
    if path >= paths.count:
        return
    scene, cells = scenes[number], listeners[number]
    walk = walk_start(paths, path)
    for _bounce in range(paths.bounce_limit):
        meeting = walk_meet(scene, walk)
        counts = walk.through == paths.through
        if counts and walk.deposits == 1:
            state = walk.state
            jitter = wp.randf(state)
            walk.state = state
            _deposit_leg(scene, cells, walk, meeting, paths.per_path, jitter, early_out, late_out)
        if meeting.hit == 0:
            break
        walk = walk_advance(scene, walk, meeting)
        if counts and meeting.hit == 1:
            diffuse = diffuse_energy_out(scene, walk, meeting.material)
            if wp.max(diffuse) > 0.0:
                for _one in range(cells.links):
                    walk.state = _link(scene, paths, cells, walk, meeting, diffuse, early_out, late_out)
        walk = walk_on(scene, paths, walk, meeting)
        if walk.alive == 0:
            break


def trace_sources(tasks: Sequence[CellTask], *, device: str = "cpu") -> list[CellHistograms]:
    """Returns the energy at every listener cell of each source, traced in one launch.

    A source's energies are the same to the bit whatever else is traced, and in whatever order.

    Args:
        tasks: the sources, in one scene or in several.
        device: "cpu" or "cuda".

    Raises:
        ValueError: a first_arrival that does not fit its cells.
    """
    name = wp_device(device)
    held: list[wp.Mesh] = []
    rooms, sets, listeners = [], [], []
    first = [0]
    for task in tasks:
        count = len(task.listeners.points)
        if task.first_arrival.shape != (count,):
            raise ValueError(f"first_arrival must have shape ({count},), not {task.first_arrival.shape}")
        room, mesh = surroundings(task.scene, task.source, name)
        cells = _upload(task, first[-1], name)
        held.append(mesh)
        first.append(first[-1] + count)
        for paths in path_sets(task.scene, task.source, task.seed, task.budget, name, task.directivity, task.yaw):
            rooms.append(room)
            sets.append(paths)
            listeners.append(cells)
    if not tasks:
        return []
    early = wp.zeros((first[-1], EARLY_BINS, BAND_COUNT, 4), dtype=wp.int64, device=name)
    late = wp.zeros((first[-1], max(task.late_bins for task in tasks), BAND_COUNT), dtype=wp.int64, device=name)
    inputs = [
        wp.array(rooms, dtype=Surroundings, device=name),
        wp.array(sets, dtype=PathSet, device=name),
        wp.array(listeners, dtype=Cells, device=name),
    ]
    dim = (len(sets), max(paths.count for paths in sets))
    wp.launch(_trace_cells_kernel, dim=dim, inputs=inputs, outputs=[early, late], device=name)
    sums = early.numpy(), late.numpy()
    del held
    return [
        CellHistograms(sums[0][a:b] / FIXED_POINT, sums[1][a:b, : task.late_bins] / FIXED_POINT)
        for task, a, b in zip(tasks, first[:-1], first[1:], strict=True)
    ]


def trace_cells(
    scene: Scene,
    source: npt.NDArray[np.float64],
    listeners: ListenerCells,
    first_arrival: npt.NDArray[np.float64],
    budget: PathBudget,
    *,
    seed: int = 0,
    links: int = 1,
    late_bins: int = 40,
    directivity: str | npt.ArrayLike | Directivity = "omni",
    yaw: float = 0.0,
    device: str = "cpu",
) -> CellHistograms:
    """Returns the energy at every listener cell, without what the exact paths carry.

    Arguments as the fields of `CellTask`, errors as `trace_sources`.
    """
    task = CellTask(scene, source, listeners, first_arrival, budget, seed, links, late_bins, directivity, yaw)
    return trace_sources([task], device=device)[0]


def _upload(task: CellTask, row: int, device: str) -> Cells:
    cells, listeners = Cells(), task.listeners
    half = 0.5 * CELL_METRES
    cells.origin = wp.vec2(listeners.origin[0] - half, listeners.origin[1] - half)
    cells.spacing = CELL_METRES
    cells.fine_spacing = listeners.fine_spacing
    cells.links = task.links
    cells.row = row
    cells.late_bins = task.late_bins
    cells.points = wp.array(listeners.points, dtype=wp.vec3, device=device)
    metres = (task.first_arrival * SPEED_OF_SOUND).astype(np.float32)
    for name, values, kind in (
        ("nearest", listeners.nearest.reshape(-1, *listeners.nearest.shape[-2:]), wp.int32),
        ("owner", listeners.owner.reshape(-1, *listeners.owner.shape[-2:]), wp.int32),
        ("likely_start", listeners.likely_start, wp.int32),
        ("likely", listeners.likely, wp.int32),
        ("is_likely", listeners.is_likely.view(np.uint8), wp.uint8),
        ("first_metres", metres, wp.float32),
        ("volume", listeners.volume, wp.float32),
    ):
        setattr(cells, name, wp.array(values, dtype=kind, device=device))
    return cells
