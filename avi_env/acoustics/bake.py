"""Baking: the sound fields of sources at every place where a listener can be."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bake_cache import bake_key, read_bake, write_bake
from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.cell_tracer import LATE_BIN_SECONDS, CellHistograms, CellTask, trace_sources
from avi_env.acoustics.decay import slope_energies
from avi_env.acoustics.directivity import Directivity, load_directivity
from avi_env.acoustics.field import DECAY_TIMES, EARLY_BINS, EARLY_SECONDS, SourceField, WavefrontField
from avi_env.acoustics.listener_cells import CELL_METRES, ListenerCells, listener_cells, same_storey
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.placement import check_place
from avi_env.acoustics.room import room_estimate
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import wp_device
from avi_env.threads import run_rows

__all__ = ["BAKE_PATHS", "BakeRequest", "bake_field", "bake_fields", "neighbour_weights"]

FloatArray = npt.NDArray[np.float64]

BAKE_PATHS = 4096
"""Paths of a bake, where nothing else is asked for."""

_LATE_SECONDS = (0.3, 1.2)  # least and greatest time for which the late field is traced [s]
_TALLEST = 2.5  # [m] ears may be this high also in lower scenes: over a single plate there is no top
_ROULETTE = 1e-5  # below what the slopes know; the expected energy decides before
_LATE_RADIUS = 5.0  # [m] over which the shape of the late decay is pooled: it is common to a room
_SMOOTH_RADIUS = 0.75  # [m] over which neighbours lend weight: the eight around a cell
_MEMORY_BYTES = 24 * 2**20  # some 12 fields of a house; the others are read from disk in milliseconds
_TRACED_BYTES = 256 * 2**20  # of histograms on the device at one time
_CELL_BYTES = 8 * BAND_COUNT * (4 * EARLY_BINS + round(_LATE_SECONDS[1] / LATE_BIN_SECONDS))

_fields: OrderedDict[str, SourceField] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class BakeRequest:
    """What is asked of a bake."""

    scene: Scene
    source: npt.ArrayLike
    """Source position [m], shape (3,), world frame."""
    seed: int = 0
    """Of the paths; the same seed gives the same bits."""
    path_count: int = BAKE_PATHS
    """Paths traced; errors fall with its root."""
    ear_height: float = 1.25
    """Height of the listener cells above the floor [m]."""
    directivity: str | npt.ArrayLike | Directivity = "omni"
    """How loud the source is in each direction, re straight ahead: a name or a table."""
    yaw: float = 0.0
    """Heading of the source [rad], counter-clockwise about +Y, 0 looks along -Z."""


class _Order(NamedTuple):
    """A request that has been checked."""

    scene: Scene
    source: FloatArray
    seed: int
    path_count: int
    ear_height: float
    directivity: Directivity
    yaw: float
    device: str

    @property
    def key(self) -> str:
        """Name under which the field is kept."""
        inputs = (self.scene.digest, self.source.tobytes(), self.seed, self.path_count, self.ear_height)
        return bake_key(*inputs, self.directivity.energy.tobytes(), self.yaw, self.device.partition(":")[0])


def bake_field(
    scene: Scene,
    source: npt.ArrayLike,
    *,
    seed: int = 0,
    path_count: int = BAKE_PATHS,
    ear_height: float = 1.25,
    directivity: str | npt.ArrayLike | Directivity = "omni",
    yaw: float = 0.0,
    device: str = "cpu",
    cached: bool = True,
) -> SourceField:
    """Returns the field of a source in a scene, from memory or disk if the same one was baked before.

    Arguments as the fields of `BakeRequest` and as `bake_fields`, and so are the errors.
    """
    request = BakeRequest(scene, source, seed, path_count, ear_height, directivity, yaw)
    return bake_fields([request], device=device, cached=cached)[0]


def bake_fields(
    requests: Sequence[BakeRequest], *, device: str = "cpu", cached: bool = True, threads: int | None = None
) -> list[SourceField]:
    """Returns the fields of many sources, in one scene or in several, each from memory or disk if it is there.

    On a GPU the others are traced in common launches, on the CPU they are shared out among threads. Each field is the
    same to the bit as if it was baked alone.

    Args:
        requests: the sources.
        device: "cpu" or "cuda".
        cached: False bakes anew and keeps nothing, to measure what a bake costs.
        threads: most threads, as `run_rows` takes it; 1 where it is not to hold up others, who use the same ones.

    Raises:
        ValueError: a source is outside its scene or inside something solid; no path; ears where nobody is.
    """
    orders = [_checked(request, wp_device(device)) for request in requests]
    if not cached:
        return _baked(orders, _shared(_wavefront, orders, threads), threads)
    keys = [order.key for order in orders]
    known = _remembered(keys)
    missing = {key: order for key, order in zip(keys, orders, strict=True) if key not in known}
    if missing:
        made = _read_or_baked(missing, threads)
        _remember(made)
        known |= made
    return [known[key] for key in keys]


def _read_or_baked(orders: Mapping[str, _Order], threads: int | None) -> dict[str, SourceField]:
    """Returns fields by their keys, from disk or baked and then kept there."""
    keys = list(orders)
    wavefronts = dict(zip(keys, _shared(_wavefront, list(orders.values()), threads), strict=True))
    read = _shared(lambda key: read_bake(key, wavefronts[key]), keys, threads)
    found = {key: field for key, field in zip(keys, read, strict=True) if field is not None}
    rest = [key for key in keys if key not in found]
    baked = _baked([orders[key] for key in rest], [wavefronts[key] for key in rest], threads)
    for key, field in zip(rest, baked, strict=True):
        write_bake(key, field)
        found[key] = field
    return found


def _checked(request: BakeRequest, device: str) -> _Order:
    scene, ear_height = request.scene, request.ear_height
    start = check_place(scene, request.source, "source")
    if request.path_count < 1:
        raise ValueError(f"path_count must be at least 1, got {request.path_count}")
    if not 0.0 < ear_height <= max(float(np.ptp(scene.bounds[:, 1])) if len(scene.triangles) else 0.0, _TALLEST):
        raise ValueError(f"ear_height must lie above the floor and below the top of the scene, got {ear_height:g} m")
    pattern = load_directivity(request.directivity)
    heading = 0.0 if pattern.is_omni else float(request.yaw)
    if not np.isfinite(heading):
        raise ValueError(f"the yaw of a source must be finite, not {request.yaw}")
    return _Order(scene, start, int(request.seed), int(request.path_count), float(ear_height), pattern, heading, device)


def _remembered(keys: Sequence[str]) -> dict[str, SourceField]:
    """Returns those of some fields that are in memory."""
    with _lock:
        found = {key: _fields[key] for key in keys if key in _fields}
        for key in found:
            _fields.move_to_end(key)
        return found


def _remember(fields_by_key: Mapping[str, SourceField]) -> None:
    """Keeps fields in memory, in place of those that were not asked for for longest."""
    with _lock:
        for key, field in fields_by_key.items():
            _fields[key] = field
            _fields.move_to_end(key)
        size = sum(_size(field) for field in _fields.values())
        while len(_fields) > 1 and size > _MEMORY_BYTES:
            size -= _size(_fields.popitem(last=False)[1])


def _size(field: SourceField) -> int:
    parts = [getattr(one, f.name) for one in (field, field.wavefront) for f in fields(one)]
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


def _shared(function: Callable[[Any], Any], items: Sequence[Any], threads: int | None) -> list[Any]:
    """Returns what a function makes of each item, shared out among threads."""
    made: list[Any] = [None] * len(items)

    def make(first: int, last: int) -> None:
        for number in range(first, last):
            made[number] = function(items[number])

    run_rows(make, len(items), threads)
    return made


def _wavefront(order: _Order) -> WavefrontField:
    return wavefront_field(order.scene, order.source, ear_height=order.ear_height)


def _baked(orders: Sequence[_Order], wavefronts: Sequence[WavefrontField], threads: int | None) -> list[SourceField]:
    """Returns fields that are baked now: traced a few at a time, as many as the memory for histograms allows."""
    made: list[SourceField] = []
    while len(made) < len(orders):
        first, size = len(made), 0
        last = first
        while last < len(orders) and (last == first or size < _TRACED_BYTES):
            size += len(listener_cells(orders[last].scene, orders[last].ear_height).points) * _CELL_BYTES
            last += 1
        given = list(zip(orders[first:last], wavefronts[first:last], strict=True))
        tasks = _shared(_task, given, threads)
        device = orders[first].device
        if device == "cpu":
            traced = _shared(lambda task: trace_sources([task])[0], tasks, threads)
        else:
            traced = trace_sources(tasks, device=device)
        made += _shared(_field, list(zip(tasks, wavefronts[first:last], traced, strict=True)), threads)
    return made


def _task(given: tuple[_Order, WavefrontField]) -> CellTask:
    order, wavefront = given
    cells = listener_cells(order.scene, order.ear_height)
    first = _first_arrival(wavefront, order.source, cells)
    room = room_estimate(order.scene)
    # The late field is traced until 30 dB down, the slopes know the rest.
    late_seconds = float(np.clip(0.6 * np.max(room.rt60), *_LATE_SECONDS))
    late_bins = int(np.ceil(late_seconds / LATE_BIN_SECONDS))
    budget = PathBudget(
        order.path_count,
        float(first.max()) + EARLY_SECONDS + late_bins * LATE_BIN_SECONDS,
        _ROULETTE,
        expected=tuple(room.decay.tolist()),
    )
    return CellTask(
        order.scene, order.source, cells, first, budget, order.seed,
        late_bins=late_bins, directivity=order.directivity, yaw=order.yaw,
    )  # fmt: skip


def _field(given: tuple[CellTask, WavefrontField, CellHistograms]) -> SourceField:
    task, wavefront, raw = given
    cells = task.listeners
    early, late = _denoised(raw, cells, room_estimate(task.scene).rt60)
    return SourceField(
        source=(float(task.source[0]), float(task.source[1]), float(task.source[2])),
        origin=cells.origin,
        spacing=CELL_METRES,
        cell_index=cells.cell_index,
        cells=cells.points,
        first_arrival=task.first_arrival.astype(np.float32),
        early=early.astype(np.float32),
        late=late.astype(np.float32),
        wavefront=wavefront,
    )


def _first_arrival(wavefront: WavefrontField, source: FloatArray, cells: ListenerCells) -> FloatArray:
    """Returns the wavefront's travel time to each cell [s], shape (C,); the straight line's where it cannot go.

    On other storeys than the source's, too: what comes through the slab comes first.
    """
    points = cells.points.astype(np.float64)
    column = np.round((points[:, [0, 2]] - wavefront.origin) / wavefront.spacing).astype(int)
    column = np.clip(column, 0, np.array(wavefront.length.shape) - 1)
    level = wavefront.length[column[:, 0], column[:, 1]].astype(np.float64)
    straight = np.linalg.norm(points[:, [0, 2]] - source[[0, 2]], axis=1)
    bends = wavefront.bend_count[column[:, 0], column[:, 1]]
    low, high = wavefront.storey
    bends = np.where((points[:, 1] >= low) & (points[:, 1] < high), bends, 0)
    level = np.where(np.isfinite(level) & (bends > 0), np.maximum(level, straight), straight)
    return np.asarray(np.hypot(level, points[:, 1] - source[1]) / SPEED_OF_SOUND)


def _denoised(raw: CellHistograms, cells: ListenerCells, longest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns smoothed early energies (C, 20, 7, 4) and late slopes (C, 12, 7)."""
    count = len(cells.points)
    near = neighbour_weights(cells, _SMOOTH_RADIUS)
    early = (near @ raw.early.reshape(count, -1)).reshape(raw.early.shape)
    early[..., 0] = np.maximum(early[..., 0], np.linalg.norm(early[..., 1:], axis=-1))
    level = near @ raw.late.sum(axis=1)  # (C, 7)
    bins = raw.late.shape[1]
    pooled = (neighbour_weights(cells, _LATE_RADIUS) @ raw.late.reshape(count, -1)).reshape(raw.late.shape)
    problems = pooled.transpose(0, 2, 1).reshape(-1, bins)
    slopes = slope_energies(problems, LATE_BIN_SECONDS, np.tile(longest, count)).reshape(
        count, BAND_COUNT, len(DECAY_TIMES)
    )
    # The pooled fit gives the shape, the cell itself the level.
    share = level / np.maximum(pooled.sum(axis=1), 1e-300)
    return early, (slopes * share[:, :, None]).transpose(0, 2, 1)


def neighbour_weights(cells: ListenerCells, radius: float) -> FloatArray:
    """Returns row-normalised weights of mutually visible cells within a radius [m], falling linearly, shape (C, C)."""
    x, z = cells.points[:, 0], cells.points[:, 2]
    gap = np.hypot(x[:, None] - x, z[:, None] - z).astype(np.float64)
    weight = np.maximum(1.0 - gap / (radius + 0.25), 0.0) * (cells.visible & same_storey(cells.points))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
