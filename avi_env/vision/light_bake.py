"""Light that reaches every surface, baked once per scene: lamps with shadows, daylight, ambient with occlusion.

Samples lie on a small grid over each triangle ("mesh colours", Yuksel et al. 2010, but rectangular): no atlas and no
texture coordinates are needed. The shading kernel interpolates; walls and furniture cast soft shadows at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avi_env.scene import rays_embree
from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Scene
from avi_env.scene.outline import in_room
from avi_env.vision.lamps import dark_rooms, lamp_table, lamps_that_are_off, take_shadow_casters

__all__ = ["LightBake", "bake_light", "take_light"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

SPACING = 0.16
"""Distance between light samples [m]: the blur of a shadow's edge."""

SAMPLE_LIMIT = 120_000
"""Samples per scene; a larger scene gets a wider spacing."""

_KEY = ("light_bake",)
_GRID_LIMIT = 96  # cells along one edge of a triangle
_INSET = 0.015  # samples keep this distance [m] from their triangle's surface and, about, from its edges
_DIM = 0.004  # a lamp that gives less irradiance than this is not traced
_NIGHT = 0.02  # least share of a room's ambient light with its lamps off: what comes in under its doors
_SKY_RAYS = 8
_SKY_REACH = 1.2  # what is further away than this [m] does not shade the ambient
_AMBIENT_UP = np.array([0.30, 0.29, 0.28])  # irradiance of a surface that looks up: bounced from ceiling and walls
_AMBIENT_DOWN = np.array([0.34, 0.31, 0.27])  # a ceiling: bounced from the floor, warmer


@dataclass(frozen=True, eq=False)
class LightBake:
    """Irradiance samples of a scene's triangles (1 makes a white surface white)."""

    grid: IntArray
    """Per triangle: first sample, cells along its first and second edge, corner; shape (T, 4).

    The corner (0..2) is where the grid starts; 3 more: the triangle is the far half of a rectangle, turned around.
    """
    lit: FloatArray
    """Irradiance by lamps, windows and ambient light, shape (S, 3), linear RGB, before exposure."""
    ambient: FloatArray
    """The ambient part alone, shape (S, 3)."""
    lamps: FloatArray
    """The lamp table, shape (L, 9), see `lamp_table`."""
    exposure: float
    """Factor that brings the scene's brighter surfaces to a good level."""


def bake_light(scene: Scene) -> LightBake:
    """Returns the baked light of a scene; deterministic, built once, always on the host."""
    return derived(scene, _KEY, lambda: _bake(scene))


def take_light(scene: Scene) -> LightBake:
    """Returns the baked light of a scene, which does not keep it: a bank's tables are to be the only copy."""
    return taken(scene, _KEY, lambda: _bake(scene))


def _bake(scene: Scene) -> LightBake:
    grid, place, normal = _samples(scene)
    lamps = lamp_table(scene)
    ambient = _ambient(scene, place, normal)
    casters = take_shadow_casters(scene)
    direct = _direct(casters, place, normal, lamps)
    lit = (direct + ambient).astype(np.float32)
    exposure = _exposure(lit)
    dark = dark_rooms(scene)
    if dark:  # exposed as if they were lit: eyes and cameras do not get brighter elsewhere for one dark room
        off = _direct(casters, place, normal, lamps_that_are_off(scene))
        exposure = _exposure((direct + off + ambient).astype(np.float32))
        ambient *= _bounced_share(scene, dark, place, direct, off)[:, None]
        lit = (direct + ambient).astype(np.float32)
    return LightBake(grid, lit, ambient.astype(np.float32), lamps, exposure)


def _bounced_share(
    scene: Scene,
    dark: frozenset[int],
    place: FloatArray,
    direct: npt.NDArray[np.float64],
    off: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Returns how much of the ambient light is left at each sample of a scene with dark rooms, shape (S,).

    Ambient light is what surfaces throw back: in a dark room it falls with the direct light of its surfaces.
    """
    share = np.ones(len(place))
    for room in scene.rooms:
        if room.id in dark:
            inside = in_room(room, place)
            on, lost = float(direct[inside].mean(axis=1).sum()), float(off[inside].mean(axis=1).sum())
            share[inside] = max(on / max(on + lost, 1e-12), _NIGHT)
    return share


def _samples(scene: Scene) -> tuple[IntArray, FloatArray, FloatArray]:
    """Returns the grid table (T, 4), then per sample its position just off the surface (S, 3) and its normal (S, 3).

    Unlit triangles have no samples: their rows point at the first one.
    """
    unlit = np.array([material.unlit for material in scene.materials] + [False])[scene.triangle_material]
    grid, place, normal = _lit_samples(scene.vertices[scene.triangles[~unlit]].astype(np.float64).reshape(-1, 3, 3))
    if not unlit.any():
        return grid, place, normal
    table = np.zeros((len(unlit), 4), dtype=np.int32)
    table[~unlit] = grid
    if not len(place):  # rows point somewhere
        place, normal = np.zeros((1, 3), dtype=np.float32), np.array([[0.0, 1.0, 0.0]], dtype=np.float32)
    return table, place, normal


def _lit_samples(corners: npt.NDArray[np.float64]) -> tuple[IntArray, FloatArray, FloatArray]:
    count = len(corners)
    if not count:
        return np.zeros((0, 4), dtype=np.int32), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    # The grid spans the two edges at the corner of the largest angle: opposite the longest edge.
    first = np.linalg.norm(np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1), axis=2).argmax(axis=1)
    at = corners[np.arange(count)[:, None], (first[:, None] + np.arange(3)) % 3]
    edges = at[:, 1:] - at[:, :1]
    lengths = np.linalg.norm(edges, axis=2)
    normal = np.cross(edges[:, 0], edges[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    twin = _twins(at, normal)
    shares = twin < np.arange(count)  # the second half of a rectangle uses the first half's samples, turned around

    cells = _cells(lengths, ~shares)
    size = np.where(shares, 0, (cells[:, 0] + 1) * (cells[:, 1] + 1))
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    columns = [start, cells[:, 0], cells[:, 1]]
    grid = np.stack([*(np.where(shares, c[twin], c) for c in columns), first + 3 * shares], axis=1).astype(np.int32)

    owner = np.repeat(np.arange(count), size)
    index = np.arange(len(owner)) - start[owner]
    row = cells[owner, 1] + 1
    a, b = _fraction(index // row, cells[owner, 0]), _fraction(index % row, cells[owner, 1])
    # Beyond the longest edge of a triangle without twin there is nothing: samples move onto the edge.
    alone = (twin == np.arange(count))[owner]
    beyond = np.where(alone, np.maximum(a + b - 1.0, 0.0) / 2.0, 0.0)
    a, b = (_inset(np.clip(value - beyond, 0.0, 1.0), lengths[owner, k]) for k, value in enumerate((a, b)))
    place = at[owner, 0] + a[:, None] * edges[owner, 0] + b[:, None] * edges[owner, 1] + _INSET * normal[owner]
    return grid, place.astype(np.float32), normal[owner].astype(np.float32)


def _cells(lengths: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    spacing = SPACING
    while True:
        cells = np.clip(np.ceil(lengths / spacing - 0.35), 1, _GRID_LIMIT).astype(np.int64)
        cells[lengths.max(axis=1) < spacing / 2.0] = 0  # a tiny triangle has one sample
        if np.prod(cells + 1, axis=1)[counted].sum() <= max(SAMPLE_LIMIT, len(cells)):
            return cells
        spacing *= 1.3


def _fraction(index: npt.NDArray[np.int64], cells: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.where(cells > 0, index / np.maximum(cells, 1), 1.0 / 3.0)


def _inset(value: npt.NDArray[np.float64], length: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    share = np.minimum(_INSET / np.maximum(length, 1e-9), 0.2)
    return np.clip(value, share, 1.0 - share)


def _twins(at: npt.NDArray[np.float64], normal: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Returns the triangle that completes each to a parallelogram across its longest edge, or itself, shape (T,)."""
    apex, fourth = at[:, 0], at[:, 1] + at[:, 2] - at[:, 0]
    lower = np.where(_before(apex, fourth)[:, None], apex, fourth)
    key = np.round(np.concatenate([lower, apex + fourth - lower, np.abs(at[:, 1] - at[:, 2])], axis=1), 3) + 0.0
    _, inverse, counts = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    start = np.concatenate([[0], np.cumsum(counts)[:-1]])
    pair = start[counts == 2]
    one, two = order[pair], order[pair + 1]
    across = np.linalg.norm(apex[one] - fourth[two], axis=1) < 2e-3
    match = across & (np.einsum("ij,ij->i", normal[one], normal[two]) > 0.999)
    twin = np.arange(len(at))
    twin[one[match]], twin[two[match]] = two[match], one[match]
    return twin


def _before(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Returns which of two points comes first in lexical order up to a millimetre, shape (T,)."""
    difference = np.round(one - two, 3)
    leading = np.argmax(difference != 0.0, axis=1)
    before: npt.NDArray[np.bool_] = difference[np.arange(len(one)), leading] < 0.0
    return before


def _direct(scene: Scene, place: FloatArray, normal: FloatArray, lamps: FloatArray) -> npt.NDArray[np.float64]:
    """Returns the irradiance by lamps with shadows, shape (S, 3)."""
    total = np.zeros((len(place), 3))
    for lamp in lamps:
        away = lamp[:3] - place
        square = np.einsum("ij,ij->i", away, away)
        distance = np.sqrt(square)
        cosine = np.einsum("ij,ij->i", away, normal) / np.maximum(distance, 1e-6)
        if np.any(lamp[6:]):
            cosine = np.maximum(cosine, 0.0) * np.maximum(-(away @ lamp[6:]) / np.maximum(distance, 1e-6), 0.0)
        # The soft clamp: nothing is nearer to a lamp than about its own size.
        irradiance = np.maximum(cosine, 0.0) / (square + 0.15)
        chosen = np.flatnonzero(irradiance * lamp[3:6].max() > _DIM)
        blocked = rays_embree.any_hit(scene, place[chosen], away[chosen] * np.float32(0.98))
        seen = chosen[~blocked]
        total[seen] += irradiance[seen, None] * lamp[3:6]
    return total


def _ambient(scene: Scene, place: FloatArray, normal: FloatArray) -> npt.NDArray[np.float64]:
    """Returns hemisphere light times ambient occlusion, shape (S, 3)."""
    tangent = np.where(np.abs(normal[:, :1]) > 0.9, np.array([[0.0, 1.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    tangent = np.cross(normal, tangent)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-30)
    other = np.cross(normal, tangent)
    openness = np.zeros(len(place))
    for k in range(_SKY_RAYS):
        # Cosine-weighted Hammersley points, the same for all samples: no noise, and the fall-off hides the pattern.
        radius, angle = np.sqrt((k + 0.5) / _SKY_RAYS), 2.0 * np.pi * ((k * 0.61803398875) % 1.0)
        direction = radius * (np.cos(angle) * tangent + np.sin(angle) * other) + np.sqrt(1.0 - radius**2) * normal
        hits = rays_embree.closest_hit(scene, place, (direction * _SKY_REACH).astype(np.float32))
        openness += np.minimum(hits.distance, 1.0) / _SKY_RAYS
    up = 0.5 + 0.5 * normal[:, 1:2]
    return np.asarray(openness[:, None] * (up * _AMBIENT_UP + (1.0 - up) * _AMBIENT_DOWN))


def _exposure(lit: FloatArray) -> float:
    """Returns what brings the brighter surfaces to a good level, within limits: a dim house stays a little dim."""
    if not len(lit):
        return 1.0
    bright = float(np.percentile(lit.mean(axis=1), 85.0))
    return float(np.clip(0.95 / max(bright, 1e-6), 0.4, 2.5))
