"""What a scene as a whole does to sound: mean free path, mean absorption, reverberation time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.path_tracer import trace_decay
from avi_env.acoustics.path_walk import EXPECTED_SECONDS
from avi_env.acoustics.surfaces import scene_surfaces
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import closest_hit

__all__ = ["LONGEST_DECAY", "RoomEstimate", "rir_seconds", "room_estimate", "surfaces_met"]

FloatArray = npt.NDArray[np.float64]

_SOURCES = 8
_RAYS = 4096
_SECONDS, _BIN_SECONDS = 2.5, EXPECTED_SECONDS
_LENGTHS = (0.5, 4.0)  # [s] least and greatest length of an impulse response
LONGEST_DECAY = 8.0
"""Reverberation times are capped here: bare rooms of perfectly hard walls [s]."""


class RoomEstimate(NamedTuple):
    """A scene's averages, per octave where the shape is (7,)."""

    mean_free_path: float
    """Mean distance between surfaces of diffusely reflected rays [m]."""
    absorption: FloatArray
    """Mean absorption coefficient of the surfaces that such rays meet, shape (7,)."""
    rt60: FloatArray
    """Reverberation time of the energy in the whole scene (traced, -5 to -35 dB) [s], shape (7,)."""
    decay: FloatArray
    """Share of a sound's energy that is left in the scene every 20 ms, the most of all octaves, shape (n,)."""


def room_estimate(scene: Scene) -> RoomEstimate:
    """Returns the scene's mean free path, absorption and reverberation time, built once."""
    return derived(scene, ("room_estimate",), lambda: _build(scene))


def rir_seconds(scene: Scene) -> float:
    """Returns the length [s] of a scene's impulse responses: its longest octave's decay, in halves of a second."""
    longest = float(np.max(room_estimate(scene).rt60))
    low, high = _LENGTHS
    return float(np.clip(np.ceil(2.0 * (longest + 0.1)) / 2.0, low, high))


def _build(scene: Scene) -> RoomEstimate:
    if not len(scene.triangles):
        return RoomEstimate(np.inf, np.ones(BAND_COUNT), np.zeros(BAND_COUNT), np.zeros(1))
    points = listener_cells(scene).points
    chosen = points[np.linspace(0, len(points) - 1, min(_SOURCES, len(points))).astype(int)]
    carried = trace_decay(scene, chosen, seconds=_SECONDS, bin_seconds=_BIN_SECONDS)
    rt60 = np.array([_decay_time(energy) for energy in carried.T])
    return RoomEstimate(*_surfaces_met(scene), rt60, carried.max(axis=1))


def _decay_time(energy: FloatArray) -> float:
    """Returns the time for 60 dB [s] of energy at regular instants; from what there is, where it falls little."""
    left = np.cumsum(energy[::-1])[::-1]
    decay = 10.0 * np.log10(np.maximum(left, 1e-30) / max(left[0], 1e-30))
    rows = np.flatnonzero((decay <= -5.0) & (decay >= -35.0))
    rows = rows[rows < 0.8 * len(energy)]  # the curve bends down to its end
    if len(rows) < 2:
        return 0.0 if decay[min(2, len(decay) - 1)] < -35.0 else LONGEST_DECAY
    slope = np.polyfit(rows * _BIN_SECONDS, 10.0 * np.log10(np.maximum(energy[rows], 1e-30)), 1)[0]
    return float(min(-60.0 / slope, LONGEST_DECAY)) if slope < 0.0 else LONGEST_DECAY


def _surfaces_met(scene: Scene) -> tuple[float, FloatArray]:
    """Returns mean free path and mean absorption of what `surfaces_met` finds."""
    path, materials = surfaces_met(scene)
    if not len(materials):
        return np.inf, np.ones(BAND_COUNT)
    return path, scene_surfaces(scene).absorption[materials].mean(axis=0).astype(np.float64)


def surfaces_met(scene: Scene) -> tuple[float, npt.NDArray[np.int32]]:
    """Returns what 4096 rays meet that leave surfaces by area and the cosine law, as in a diffuse field.

    Returns:
        The rays' mean length [m] (inf if none meets anything), and the material of each surface met, -1 = none.
    """
    nothing = np.inf, np.empty(0, dtype=np.int32)
    rng = np.random.default_rng(0x524F4F4D)
    corners = scene.vertices[scene.triangles].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    if not area.any():
        return nothing
    face = rng.choice(len(area), _RAYS, p=area / area.sum())
    u, v = rng.random((2, _RAYS))
    fold = u + v > 1.0
    u, v = np.where(fold, 1.0 - u, u), np.where(fold, 1.0 - v, v)
    edges = corners[face, 1:] - corners[face, :1]
    normal = cross[face] / area[face, None]
    origin = corners[face, 0] + u[:, None] * edges[:, 0] + v[:, None] * edges[:, 1] + 1e-4 * normal
    ball = rng.standard_normal(origin.shape)
    direction = normal + ball / np.linalg.norm(ball, axis=1, keepdims=True)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    hits = closest_hit(scene, origin, direction)
    met = hits.triangle >= 0
    if not met.any():
        return nothing
    return float(hits.distance[met].mean()), scene.triangle_material[hits.triangle[met]]
