"""Baking: the sound field of one source at every place where a listener can be."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bake_cache import bake_key, read_bake, write_bake
from avi_env.acoustics.bands import BAND_COUNT, SPEED_OF_SOUND
from avi_env.acoustics.cell_tracer import LATE_BIN_SECONDS, CellHistograms, trace_cells
from avi_env.acoustics.decay import slope_energies
from avi_env.acoustics.directivity import Directivity, load_directivity
from avi_env.acoustics.field import DECAY_TIMES, EARLY_SECONDS, SourceField, WavefrontField
from avi_env.acoustics.listener_cells import CELL_METRES, ListenerCells, listener_cells, same_storey
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.placement import check_place
from avi_env.acoustics.room import room_estimate
from avi_env.acoustics.wavefront import wavefront_field
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import wp_device

__all__ = ["BAKE_PATHS", "bake_field", "neighbour_weights"]

FloatArray = npt.NDArray[np.float64]

BAKE_PATHS = 4096
"""Paths of a bake, where nothing else is asked for."""

_LATE_SECONDS = (0.3, 1.2)  # least and greatest time for which the late field is traced [s]
_TALLEST = 2.5  # [m] ears may be this high also in lower scenes: over a single plate there is no top
_ROULETTE = 1e-5  # below what the slopes know; the expected energy decides before
_LATE_RADIUS = 5.0  # [m] over which the shape of the late decay is pooled: it is common to a room
_SMOOTH_RADIUS = 0.75  # [m] over which neighbours lend weight: the eight around a cell
_MEMORY_BYTES = 256 * 2**20

_fields: OrderedDict[str, SourceField] = OrderedDict()
_lock = threading.Lock()


class _Order(NamedTuple):
    """What is asked of a bake besides scene and source."""

    seed: int
    path_count: int
    ear_height: float
    directivity: Directivity
    yaw: float
    device: str


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

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        seed: seed of the paths; the same seed gives the same bits.
        path_count: paths traced; errors fall with its root.
        ear_height: height of the listener cells above the floor [m].
        directivity: how loud the source is in each direction, re straight ahead: a name or a table.
        yaw: heading of the source [rad], counter-clockwise about +Y, 0 looks along -Z.
        device: "cpu" or "cuda".
        cached: False bakes anew and keeps nothing, to measure what a bake costs.

    Raises:
        ValueError: the source is outside the scene or inside something solid; no path; ears where nobody is.
    """
    start = check_place(scene, source, "source")
    if path_count < 1:
        raise ValueError(f"path_count must be at least 1, got {path_count}")
    if not 0.0 < ear_height <= max(float(np.ptp(scene.bounds[:, 1])) if len(scene.triangles) else 0.0, _TALLEST):
        raise ValueError(f"ear_height must lie above the floor and below the top of the scene, got {ear_height:g} m")
    pattern = load_directivity(directivity)
    heading = 0.0 if pattern.is_omni else float(yaw)
    if not np.isfinite(heading):
        raise ValueError(f"the yaw of a source must be finite, not {yaw}")
    order = _Order(int(seed), int(path_count), float(ear_height), pattern, heading, str(device))
    if not cached:
        return _bake(scene, start, order, wavefront_field(scene, start, ear_height=order.ear_height))
    kind = str(wp_device(device)).partition(":")[0]
    key = bake_key(scene.digest, start.tobytes(), *order[:3], pattern.energy.tobytes(), order.yaw, kind)
    with _lock:
        if key in _fields:
            _fields.move_to_end(key)
            return _fields[key]
    wavefront = wavefront_field(scene, start, ear_height=order.ear_height)
    field = read_bake(key, wavefront)
    if field is None:
        field = _bake(scene, start, order, wavefront)
        write_bake(key, field)
    with _lock:
        _fields[key] = field
        while len(_fields) > 1 and sum(_size(f) for f in _fields.values()) > _MEMORY_BYTES:
            _fields.popitem(last=False)
    return field


def _size(field: SourceField) -> int:
    parts = [getattr(one, f.name) for one in (field, field.wavefront) for f in fields(one)]
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


def _bake(scene: Scene, source: FloatArray, order: _Order, wavefront: WavefrontField) -> SourceField:
    cells = listener_cells(scene, order.ear_height)
    first = _first_arrival(wavefront, source, cells)
    # The late field is traced until 30 dB down, the slopes know the rest.
    late_seconds = float(np.clip(0.6 * np.max(room_estimate(scene).rt60), *_LATE_SECONDS))
    late_bins = int(np.ceil(late_seconds / LATE_BIN_SECONDS))
    budget = PathBudget(
        order.path_count,
        float(first.max()) + EARLY_SECONDS + late_bins * LATE_BIN_SECONDS,
        _ROULETTE,
        expected=tuple(room_estimate(scene).decay.tolist()),
    )
    raw = trace_cells(
        scene, source, cells, first, budget, seed=order.seed, late_bins=late_bins,
        directivity=order.directivity, yaw=order.yaw, device=order.device,
    )  # fmt: skip
    early, late = _denoised(raw, cells, room_estimate(scene).rt60)
    return SourceField(
        source=(float(source[0]), float(source[1]), float(source[2])),
        origin=cells.origin,
        spacing=CELL_METRES,
        cell_index=cells.cell_index,
        cells=cells.points,
        first_arrival=first.astype(np.float32),
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
