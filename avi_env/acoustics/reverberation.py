"""Scenes that reverberate longer or shorter: the same walls and looks, other absorption."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.room import LONGEST_DECAY, room_estimate, surfaces_met
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.variants import drawn_like

__all__ = ["with_reverberation"]

FloatArray = npt.NDArray[np.float64]

_LEAST, _MOST = 0.005, 0.9999  # absorption: the hardest surface that is tabulated, and short of an infinite exponent
_HALVINGS = 60
_ROUNDS = 2  # of correction by what is traced: the first brings a house from 30 % to some percent


def with_reverberation(scene: Scene, factor: float) -> Scene:
    """Returns the scene with surfaces that make its reverberation times longer or shorter, made once per factor.

    Each material reflects the p-th power of the share 1 - a that it reflects in the scene, p being one number an
    octave: at first the one that gives the mean absorption of all surfaces that Eyring's formula asks for, then
    corrected twice by the traced reverberation time of the whole scene. Geometry, looks, scattering and what passes
    through walls stay. No surface absorbs less than it transmits, or than 0.5 %, and air absorbs what it does, so that
    a long reverberation is missed where these are most of all there is.

    Args:
        scene: a scene; with the factor 1 it is returned itself.
        factor: reverberation times of the new scene re those of the scene, positive.

    Raises:
        ValueError: the factor is not positive and finite.

    Source: Eyring, "Reverberation time in dead rooms", JASA 1 (1930): decay rate c (m - ln(1 - mean a) / l) with the
        mean free path l and the exponent m of air.
    """
    if not 0.0 < factor < np.inf:
        raise ValueError(f"a factor on the reverberation time is positive and finite, not {factor}")
    if factor == 1.0 or not len(scene.triangles):
        return scene
    return derived(scene, ("with_reverberation", float(factor)), lambda: _build(scene, factor))


def _build(scene: Scene, factor: float) -> Scene:
    before = room_estimate(scene).rt60
    asked = np.full(before.shape, float(factor))
    made = _by_eyring(scene, asked)
    for _ in range(_ROUNDS):
        after = room_estimate(made).rt60
        known = (before > 0.0) & (after > 0.0) & (before < LONGEST_DECAY) & (after < LONGEST_DECAY)
        asked = np.where(known, asked * factor * before / np.where(known, after, 1.0), asked)
        made = _by_eyring(scene, asked)
    return drawn_like(made, scene)


def _by_eyring(scene: Scene, factor: FloatArray) -> Scene:
    """Returns the scene whose mean absorption gives it other decay rates by Eyring's formula, factors of shape (7,)."""
    path, rows = surfaces_met(scene)
    kinds, counts = np.unique(rows[rows >= 0], return_counts=True)
    if not len(kinds):
        return scene
    before = np.array([material.absorption for material in scene.materials], dtype=np.float64)
    loss = np.array([material.transmission_loss for material in scene.materials], dtype=np.float64)
    least = np.maximum(10.0 ** (-loss / 10.0), _LEAST)
    share = np.zeros(len(before))
    share[kinds] = counts / counts.sum()
    air = AIR_ENERGY_PER_METRE * path
    rate = (air - np.log1p(-np.minimum(share @ before, _MOST))) / factor
    after = _raised(before, share, 1.0 - np.exp(-np.maximum(rate - air, 0.0)), least)
    materials = tuple(
        replace(material, absorption=tuple(float(a) for a in row))
        for material, row in zip(scene.materials, after, strict=True)
    )
    return replace(scene, materials=materials)


def _raised(absorption: FloatArray, share: FloatArray, mean: FloatArray, least: FloatArray) -> FloatArray:
    """Returns absorptions (M, 7) of one exponent an octave that have a mean (7,), as near as their least allow."""
    left = 1.0 - np.clip(absorption, 0.0, _MOST)
    low, high = np.full(mean.shape, -20.0), np.full(mean.shape, 20.0)  # of the exponent's logarithm
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = share @ np.maximum(1.0 - left ** np.exp(middle), least) >= mean
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(np.maximum(1.0 - left ** np.exp(high), least))
