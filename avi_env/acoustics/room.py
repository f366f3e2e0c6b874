"""What a scene as a whole does to sound: mean free path, mean absorption, expected reverberation time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.surfaces import scene_surfaces
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import closest_hit

__all__ = ["RoomEstimate", "rir_seconds", "room_estimate"]

_RAYS = 4096
_BOUNCES = 6
_LENGTHS = (0.5, 4.0)  # [s]
_DECAY = 6.0 * np.log(10.0)


class RoomEstimate(NamedTuple):
    """Averages over rays that are reflected diffusely through a scene, per octave where shape is (7,)."""

    mean_free_path: float
    """Mean distance between surfaces [m]."""
    absorption: npt.NDArray[np.float64]
    """Mean absorption coefficient of the surfaces met, shape (7,)."""
    rt60: npt.NDArray[np.float64]
    """Eyring's reverberation time from the two [s], shape (7,)."""


def room_estimate(scene: Scene) -> RoomEstimate:
    """Returns the scene's mean free path, absorption and reverberation time, built once."""
    return derived(scene, ("room_estimate",), lambda: _build(scene))


def rir_seconds(scene: Scene) -> float:
    """Returns the length [s] of a scene's impulse responses: its longest octave's decay, in halves of a second."""
    longest = float(np.max(room_estimate(scene).rt60))
    low, high = _LENGTHS
    return float(np.clip(np.ceil(2.0 * (longest + 0.1)) / 2.0, low, high))


def _build(scene: Scene) -> RoomEstimate:
    surfaces = scene_surfaces(scene)
    rng = np.random.default_rng(0x524F4F4D)
    if not len(scene.triangles):
        return RoomEstimate(np.inf, np.ones(7), np.zeros(7))
    # Rays start on surfaces, as reflected sound does: by area, on the side of the air.
    corners = scene.vertices[scene.triangles].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    face = rng.choice(len(area), _RAYS, p=area / area.sum())
    u, v = rng.random((2, _RAYS))
    fold = u + v > 1.0
    u, v = np.where(fold, 1.0 - u, u), np.where(fold, 1.0 - v, v)
    edges = corners[face, 1:] - corners[face, :1]
    origin = corners[face, 0] + u[:, None] * edges[:, 0] + v[:, None] * edges[:, 1]
    normal = cross[face] / area[face, None]
    lengths, materials = [], []
    for _ in range(_BOUNCES):
        ball = rng.standard_normal(origin.shape)
        direction = normal + ball / np.linalg.norm(ball, axis=1, keepdims=True)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        hits = closest_hit(scene, origin + 1e-4 * normal, direction)
        met = hits.triangle >= 0
        lengths.append(hits.distance[met].astype(np.float64))
        materials.append(scene.triangle_material[hits.triangle[met]])
        if not met.any():
            break
        origin = (origin + hits.distance[:, None] * direction)[met]
        normal = cross[hits.triangle[met]] / area[hits.triangle[met], None]
        normal *= np.where(np.einsum("ij,ij->i", normal, direction[met]) > 0.0, -1.0, 1.0)[:, None]
    length, material = np.concatenate(lengths), np.concatenate(materials)
    if not len(length):
        return RoomEstimate(np.inf, np.ones(7), np.zeros(7))
    absorption = surfaces.absorption[np.where(material < 0, -1, material)].mean(axis=0).astype(np.float64)
    path = float(length.mean())
    exponent = -np.log1p(-np.minimum(absorption, 0.999)) / path + AIR_ENERGY_PER_METRE
    return RoomEstimate(path, absorption, _DECAY / (SPEED_OF_SOUND * np.maximum(exponent, 1e-6)))
