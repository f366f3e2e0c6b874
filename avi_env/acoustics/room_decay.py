"""How long one room of a scene rings: reverberation time per octave, traced with source and listeners in that room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.metrics import decay_time
from avi_env.acoustics.path_tracer import trace_echograms
from avi_env.acoustics.path_walk import PathBudget
from avi_env.scene.model import Room, Scene
from avi_env.scene.outline import in_room

__all__ = ["room_reverberation"]

FloatArray = npt.NDArray[np.float64]

_SOURCES, _LISTENERS = 2, 3
_PATHS = 400
_BIN_SECONDS = 0.005
_SECONDS = (1.2, 4.0)  # first as long as furnished rooms need, then as long as bare ones do
_GAP = 0.8  # [m] listeners nearer than this to the source hear its own neighbourhood, not the room


def room_reverberation(scene: Scene, room: int, seed: int = 0) -> FloatArray:
    """Returns the reverberation time T30 [s] of one room with its doors as they are, per octave, shape (7,).

    Two sources, three listeners each, all at walkable places of the room at a height of 1.25 m (ISO 3382-2 asks for
    two sources and three listeners); the energies of all pairs are summed before the decay is read from -5 to -35 dB.
    What has gone into other rooms and comes back counts, as it does in a measurement.

    Args:
        scene: the scene.
        room: id of the room.
        seed: seed of places and paths.

    Raises:
        ValueError: no such room, or none of it is walkable.
    """
    places = _walkable_places(scene, _room(scene, room))
    rng = np.random.default_rng((0x524F4F4D, seed, room))
    result = np.full(BAND_COUNT, np.nan)
    chosen = rng.permutation(len(places))
    for seconds in _SECONDS:
        energy = np.zeros((round(seconds / _BIN_SECONDS), BAND_COUNT))
        budget = PathBudget(_PATHS, seconds, 1e-4)
        for number in range(_SOURCES):
            source = places[chosen[number % len(places)]]
            away = np.linalg.norm(places - source, axis=1)
            far = [k for k in chosen if away[k] >= _GAP] or [k for k in chosen if away[k] > 0.0] or [chosen[0]]
            listeners = places[far[:_LISTENERS]]
            heard = trace_echograms(
                scene, source, listeners, seed=seed + number, budget=budget, bin_seconds=_BIN_SECONDS, mirror_order=0
            )
            for echogram in heard:
                energy += echogram.energy[: len(energy), :, 0]
        missing = ~np.isfinite(result)
        result[missing] = [_t30(energy[:, band]) for band in np.flatnonzero(missing)]
        if np.all(np.isfinite(result)):
            break
    return result


def _room(scene: Scene, room: int) -> Room:
    for known in scene.rooms:
        if known.id == room:
            return known
    raise ValueError(f"scene {scene.name!r} has no room {room}; it has {[r.id for r in scene.rooms]}")


def _walkable_places(scene: Scene, room: Room) -> FloatArray:
    points = listener_cells(scene).points.astype(np.float64)
    inside = points[in_room(room, points)]
    if not len(inside):
        raise ValueError(f"nobody can stand in room {room.name!r} of scene {scene.name!r}: no place to listen from")
    return inside


def _t30(energy: FloatArray) -> float:
    """Returns the time for 60 dB [s] of energy per bin; NaN where it does not fall by 35 dB clear of its end."""
    left = np.cumsum(energy[::-1])[::-1]
    if left[0] <= 0.0:
        return 0.0
    with np.errstate(divide="ignore"):
        curve = 10.0 * np.log10(left / left[0])
    usable = curve[: int(0.85 * len(curve))]  # the curve bends down to its end
    return decay_time(usable, 1.0 / _BIN_SECONDS, -5.0, -35.0)
