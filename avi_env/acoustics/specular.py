"""Specular reflections of any order between the large planes, for one source and one listener: the reference's own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.direct import spreading_gain
from avi_env.acoustics.image_sources import mirror_planes, scene_bank
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.surfaces import Planes, scene_planes, scene_surfaces
from avi_env.scene.model import Scene
from avi_env.scene.rays import closest_hit, occluded

__all__ = ["specular_paths"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_CLEARANCE = 1e-3  # [m] below which a point lies in a plane and has no image
_LIFT = 2e-3  # [m] above a plane at which rays start and end
_MARGIN = 0.01  # [m] around a plane's bounds


class _Images(NamedTuple):
    """Images of the source after k reflections, one row per sequence of planes."""

    position: FloatArray
    """Images after 1 .. k reflections [m], shape (n, k, 3)."""
    planes: IntArray
    """Planes in the order in which sound meets them, shape (n, k)."""


def specular_paths(scene: Scene, source: npt.ArrayLike, listener: npt.ArrayLike, order: int) -> Paths:
    """Returns the specular reflections of order 1 to `order` at the planes that mirror the source, shapes (1, P).

    Every leg is checked with a ray, every reflection point with the triangle that lies there.

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        listener: listener position [m], shape (3,), world frame.
        order: greatest number of reflections, 0..3 in practice: work grows twelvefold with each.

    Raises:
        ValueError: a negative order.

    Source:
        Borish, J. Acoust. Soc. Am. 75, 1827 (1984).
    """
    if order < 0:
        raise ValueError(f"specular order must be 0 or more, got {order}")
    start, end = (np.asarray(p, dtype=np.float64) for p in (source, listener))
    table = scene_planes(scene)
    place = torch.as_tensor(start)[None]
    chosen = mirror_planes(scene_bank(scene), torch.zeros(1, dtype=torch.int64), place)[0].numpy()
    chosen = chosen[chosen >= 0]
    images = _Images(np.empty((1, 0, 3)), np.empty((1, 0), dtype=np.int64))
    parts = [np.empty((0, 14))]
    for _ in range(order):
        images = _reflected(table, chosen, images, start)
        parts.append(_audible(scene, table, images, start, end))
    rows = np.concatenate(parts)
    length = torch.from_numpy(rows[None, :, 0])
    gain = spreading_gain(length) * torch.from_numpy(np.sqrt(rows[None, :, 7:]))
    direction, departure = (torch.from_numpy(rows[None, :, k : k + 3]).float() for k in (1, 4))
    return Paths(length / SPEED_OF_SOUND, gain.float(), direction, departure)


def _reflected(table: Planes, chosen: IntArray, images: _Images, source: FloatArray) -> _Images:
    """Returns all images with one more reflection; no plane mirrors twice in a row."""
    count, order = images.planes.shape
    last = images.position[:, -1] if order else np.broadcast_to(source, (count, 3))
    row, plane = np.repeat(np.arange(count), len(chosen)), np.tile(chosen, count)
    if order:
        fresh = images.planes[row, -1] != plane
        row, plane = row[fresh], plane[fresh]
    height = np.einsum("ij,ij->i", table.normal[plane], last[row]) - table.offset[plane]
    kept = np.abs(height) > _CLEARANCE
    row, plane, height = row[kept], plane[kept], height[kept]
    image = last[row] - 2.0 * height[:, None] * table.normal[plane]
    return _Images(
        np.concatenate([images.position[row], image[:, None]], axis=1),
        np.concatenate([images.planes[row], plane[:, None]], axis=1),
    )


def _audible(scene: Scene, table: Planes, images: _Images, source: FloatArray, listener: FloatArray) -> FloatArray:
    """Returns length, direction (3), departure (3), kept energy (7) of the images that are heard, shape (m, 14)."""
    order = images.planes.shape[1]
    points, seen = _reflection_points(table, images, source, listener)
    rows = np.flatnonzero(seen)
    surfaces = scene_surfaces(scene)
    energy = np.ones((len(seen), surfaces.absorption.shape[1]))
    here = np.broadcast_to(source, (len(seen), 3))
    for step in range(order):  # from the source, so that the first surface met must be the right plane
        if not len(rows):
            break
        plane, target = images.planes[rows, step], points[rows, step]
        side = _side(table, plane, here[rows])
        hits = closest_hit(scene, here[rows], target - here[rows])
        right = (hits.triangle >= 0) & (table.triangle_plane[hits.triangle] == plane)
        material = scene.triangle_material[hits.triangle]
        share = (1.0 - surfaces.absorption[material]) * (1.0 - surfaces.scattering[material])
        energy[rows] *= share
        lifted = points.copy()[:, step]
        lifted[rows] += _LIFT * side[:, None] * table.normal[plane]
        here, rows = lifted, rows[right]
    if len(rows):
        rows = rows[~occluded(scene, here[rows], np.broadcast_to(listener, (len(rows), 3)))]
    vector = images.position[rows, -1] - listener
    length = np.linalg.norm(vector, axis=1, keepdims=True)
    leaving = points[rows, 0] - source
    leaving /= np.maximum(np.linalg.norm(leaving, axis=1, keepdims=True), 1e-9)
    return np.concatenate([length, vector / np.maximum(length, 1e-9), leaving, energy[rows]], axis=1)


def _side(table: Planes, plane: IntArray, point: FloatArray) -> FloatArray:
    return np.asarray(np.sign(np.einsum("ij,ij->i", table.normal[plane], point) - table.offset[plane]))


def _reflection_points(
    table: Planes, images: _Images, source: FloatArray, listener: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Returns the points of reflection (n, k, 3), traced back from the listener, and whether they can exist (n,)."""
    count, order = images.planes.shape
    points = np.empty((count, order, 3))
    possible = np.ones(count, dtype=bool)
    here = np.broadcast_to(listener, (count, 3))
    for step in range(order - 1, -1, -1):
        plane, image = images.planes[:, step], images.position[:, step]
        normal, offset = table.normal[plane], table.offset[plane]
        before = np.einsum("ij,ij->i", normal, here) - offset
        behind = np.einsum("ij,ij->i", normal, image) - offset
        possible &= (before * behind < 0.0) & (np.abs(before) > _CLEARANCE)
        share = before / np.where(possible, before - behind, 1.0)
        points[:, step] = here + share[:, None] * (image - here)
        bounds = table.bounds[plane]
        possible &= np.all(points[:, step] > bounds[:, 0] - _MARGIN, axis=1)
        possible &= np.all(points[:, step] < bounds[:, 1] + _MARGIN, axis=1)
        here = points[:, step]
    return points, possible
