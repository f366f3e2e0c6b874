"""The scene as sound meets it: materials per band, and its large planes, which mirror sound like image sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import spatial

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.scene.derived import derived
from avi_env.scene.model import Material, Scene
from avi_env.scene.rays import closest_hit

__all__ = ["SLAB_METRES", "Planes", "Surfaces", "scene_passages", "scene_planes", "scene_surfaces"]

SLAB_METRES = 0.6
"""Greatest thickness [m] of a wall slab: a second face of the same object within it costs no second loss."""

PLANE_AREA = 0.5
"""Least area [m2] of a plane that mirrors sound: its edge is about two wavelengths at 1 kHz."""

_OPAQUE_DB = 57.0  # transmission losses above this one are not followed
_STRUCTURE = frozenset({"wall", "door", "window", "front_door", "partition", "floor", "ceiling"})
_PLANE_LIMIT = 256
_PLANE_TOLERANCE = 0.005  # [m]
_NORMAL_TOLERANCE = 1.0 - np.cos(np.radians(1.0))
_FEW_SEEDS = 2048
_NO_MATERIAL = Material("none")  # as in SceneBank


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Acoustic coefficients per material; the last row stands for triangles without a material."""

    absorption: npt.NDArray[np.float32]
    """Shape (M + 1, 7); contains the transmitted part."""
    scattering: npt.NDArray[np.float32]
    """Shape (M + 1, 7)."""
    transmission: npt.NDArray[np.float32]
    """Transmitted share of the energy, shape (M + 1, 7)."""


@dataclass(frozen=True, eq=False)
class Planes:
    """Clusters of coplanar triangles of at least 0.5 m2, largest first; normals have no side: windings may be wrong."""

    normal: npt.NDArray[np.float64]
    """Unit normals, shape (P, 3)."""
    offset: npt.NDArray[np.float64]
    """Distance from the origin along the normal [m], shape (P,)."""
    area: npt.NDArray[np.float64]
    """Sum of the triangles' areas [m2], shape (P,)."""
    bounds: npt.NDArray[np.float64]
    """Lowest and highest corner of the triangles [m], shape (P, 2, 3)."""
    triangle_plane: npt.NDArray[np.int32]
    """Plane of each triangle, -1 = none, shape (T,)."""


def scene_surfaces(scene: Scene) -> Surfaces:
    """Returns the scene's acoustic coefficients, built once."""
    return derived(scene, ("surfaces",), lambda: _build_surfaces(scene))


def _build_surfaces(scene: Scene) -> Surfaces:
    materials = (*scene.materials, _NO_MATERIAL)
    loss = np.array([m.transmission_loss for m in materials], dtype=np.float64)
    absorption, scattering = (
        np.array([getattr(m, name) for m in materials], dtype=np.float64).reshape(-1, BAND_COUNT)
        for name in ("absorption", "scattering")
    )
    # Tabulated values may exceed a >= tau by rounding; the tracer's balance must not.
    transmission = np.minimum(10.0 ** (-loss / 10.0), absorption)
    return Surfaces(absorption.astype(np.float32), scattering.astype(np.float32), transmission.astype(np.float32))


def scene_passages(scene: Scene) -> npt.NDArray[np.int32]:
    """Returns what lies behind each triangle, shape (T,), built once.

    0 = the open, where nobody listens (or the surface is opaque), 1 = a thing in a room, 2 = a wall, door or window
    (any surface, in a scene that names none).
    """
    return derived(scene, ("passages",), lambda: _build_passages(scene))


def _build_passages(scene: Scene) -> npt.NDArray[np.int32]:
    loss = np.array([min(m.transmission_loss) for m in (*scene.materials, _NO_MATERIAL)])  # type: ignore[arg-type]
    lets = loss[scene.triangle_material] < _OPAQUE_DB
    names = np.array([o.category in _STRUCTURE for o in scene.objects] + [False])
    wall = names[scene.triangle_object] if names.any() else np.ones(len(lets), dtype=bool)
    rows = np.flatnonzero(lets)
    if not len(rows):
        return np.zeros(len(lets), dtype=np.int32)
    corners = scene.vertices[scene.triangles[rows]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    center = corners.mean(axis=1)
    # Both ways, as windings may be wrong: behind a surface that faces the open on one side nobody listens.
    leads = np.ones(len(rows), dtype=bool)
    for side in (normal, -normal):
        ahead = closest_hit(scene, center + 1e-3 * side, side)
        own = (ahead.triangle >= 0) & (scene.triangle_object[ahead.triangle] == scene.triangle_object[rows])
        own &= ahead.distance < SLAB_METRES
        start = center + (np.where(own, ahead.distance, 0.0) + 2e-3)[:, None] * side
        leads &= closest_hit(scene, start, side).triangle >= 0
    passage = np.zeros(len(lets), dtype=np.int32)
    passage[rows[leads]] = np.where(wall[rows[leads]], 2, 1)
    return passage


def scene_planes(scene: Scene) -> Planes:
    """Returns the scene's large planes, built once."""
    return derived(scene, ("planes",), lambda: _build_planes(scene))


def _build_planes(scene: Scene) -> Planes:
    corners = scene.vertices[scene.triangles].astype(np.float64)  # (T, 3, 3)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double_area = np.linalg.norm(cross, axis=1)
    normal = cross / np.maximum(double_area, 1e-30)[:, None]
    # One sign for both windings: the first component that is clearly not zero is positive.
    leading = np.take_along_axis(normal, np.argmax(np.abs(normal) > 1e-3, axis=1)[:, None], axis=1)
    normal *= np.where(leading < 0.0, -1.0, 1.0)
    offset = np.einsum("ij,ij->i", normal, corners.mean(axis=1))
    double_area = np.where(_repeated(scene), 0.0, double_area)
    label = _cluster(normal, offset, 0.5 * double_area)
    count = int(label.max(initial=-1)) + 1
    bounds = np.empty((count, 2, 3))
    result = np.empty((count, 5))
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(count + 1))
    for plane in range(count):
        member = order[starts[plane] : starts[plane + 1]]
        weight = double_area[member] / double_area[member].sum()  # not zero: planes have area
        mean = weight @ normal[member]
        mean /= np.linalg.norm(mean)
        points = corners[member].reshape(-1, 3)
        bounds[plane] = points.min(axis=0), points.max(axis=0)
        result[plane] = *mean, weight @ (corners[member].mean(axis=1) @ mean), 0.5 * double_area[member].sum()
    return Planes(result[:, :3], result[:, 3], result[:, 4], bounds, label.astype(np.int32))


def _repeated(scene: Scene) -> npt.NDArray[np.bool_]:
    """Whether each triangle lies where an earlier one does, whatever its winding: it adds no area, shape (T,)."""
    corners = np.ascontiguousarray(scene.vertices[scene.triangles] + 0.0, dtype=np.float32)  # no negative zero
    order = np.lexsort(np.moveaxis(corners, -1, 0)[::-1], axis=-1)  # of the three corners, by x, y, z
    rows = np.ascontiguousarray(np.take_along_axis(corners, order[..., None], axis=1)).reshape(-1, 9)
    first = np.unique(rows.view(np.dtype((np.void, 36))).ravel(), return_index=True)[1]
    repeated = np.ones(len(corners), dtype=bool)
    repeated[first] = False
    return repeated


def _cluster(
    normal: npt.NDArray[np.float64], offset: npt.NDArray[np.float64], area: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Labels triangles by plane, largest plane first, -1 for planes below the least area."""
    label = np.full(len(area), -1, dtype=np.int64)
    if not len(area):
        return label
    # Triangles first fall into fine bins; bins within the tolerance of a large bin join it.
    key = np.round(np.column_stack([normal * 500.0, offset / (0.5 * _PLANE_TOLERANCE)])).astype(np.int64)
    key -= key.min(axis=0)
    code = (((key[:, 0] << 10) | key[:, 1]) << 10) | key[:, 2]  # normals come in steps of 1/500
    _, code = np.unique(code, return_inverse=True)
    _, first, member = np.unique(code * (key[:, 3].max() + 1) + key[:, 3], return_index=True, return_inverse=True)
    bin_area: npt.NDArray[np.float64] = np.bincount(member, weights=area).astype(np.float64)
    bin_normal, bin_offset = normal[first], offset[first]
    bin_label = np.full(len(first), -1, dtype=np.int64)
    totals: list[float] = []
    tree, seeds = _neighbours(bin_normal, bin_offset, bin_area)
    for seed in seeds:
        if bin_label[seed] >= 0 or len(totals) >= _PLANE_LIMIT:
            continue
        near = np.array(tree.query_ball_point(tree.data[seed], np.sqrt(2.0)))
        near = near[(bin_normal[near] @ bin_normal[seed] > 1.0 - _NORMAL_TOLERANCE) & (bin_label[near] < 0)]
        near = near[np.abs(bin_offset[near] - bin_offset[seed]) < _PLANE_TOLERANCE]
        total = float(bin_area[near].sum())
        if total < PLANE_AREA:
            continue
        bin_label[near] = len(totals)
        totals.append(total)
    rank = np.empty(len(totals), dtype=np.int64)
    rank[np.argsort(-np.array(totals), kind="stable")] = np.arange(len(totals))
    joined = bin_label[member]
    label[joined >= 0] = rank[joined[joined >= 0]]
    return label


def _neighbours(
    normal: npt.NDArray[np.float64], offset: npt.NDArray[np.float64], area: npt.NDArray[np.float64]
) -> tuple[spatial.cKDTree, npt.NDArray[np.int64]]:
    """A tree of bins, in which neighbours lie within sqrt(2), and the bins that may lead a plane, largest first."""
    # Normals within the tolerance differ by a chord of sqrt(2 (1 - cos)).
    points = np.column_stack([normal / np.sqrt(2.0 * _NORMAL_TOLERANCE), offset / _PLANE_TOLERANCE])
    # Boxes of twice the reach bound what a bin can gather, without listing the pairs of a scan's millions of bins.
    box = np.floor(0.5 * points).astype(np.int64)
    box -= box.min(axis=0)
    code = (((box[:, 0] << 7) | box[:, 1]) << 7) | box[:, 2]  # normals span some 60 boxes
    _, first, member = np.unique(code * (box[:, 3].max() + 1) + box[:, 3], return_index=True, return_inverse=True)
    total = np.bincount(member, weights=area)
    one, two = spatial.cKDTree(box[first]).query_pairs(1.0, p=np.inf, output_type="ndarray").T
    count = len(total)
    around = total + np.bincount(one, total[two], minlength=count) + np.bincount(two, total[one], minlength=count)
    order = np.argsort(-area, kind="stable")
    tree, seeds = spatial.cKDTree(points), order[around[member][order] >= PLANE_AREA]
    return tree, seeds[_gathered(tree, seeds, normal, offset, area) >= PLANE_AREA]


def _gathered(
    tree: spatial.cKDTree,
    seeds: npt.NDArray[np.int64],
    normal: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    area: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """The area that each seed would gather if no other had gone before, shape of `seeds`.

    A noisy scan has a bin for nearly every triangle; asked one by one, a hundred thousand seeds that gather too little
    would take longer than everything else.
    """
    total = np.zeros(len(seeds))
    if len(seeds) < _FEW_SEEDS:
        return total + np.inf
    for start in range(0, len(seeds), _FEW_SEEDS):
        chunk = seeds[start : start + _FEW_SEEDS]
        lists = tree.query_ball_point(tree.data[chunk], np.sqrt(2.0), return_sorted=False)
        owner = np.repeat(np.arange(len(chunk)), [len(near) for near in lists])
        near = np.concatenate([np.asarray(rows, dtype=np.int64) for rows in lists])
        seed = chunk[owner]
        alike = np.einsum("ij,ij->i", normal[near], normal[seed]) > 1.0 - 1.01 * _NORMAL_TOLERANCE
        alike &= np.abs(offset[near] - offset[seed]) < _PLANE_TOLERANCE
        total[start : start + len(chunk)] = np.bincount(owner[alike], area[near[alike]], minlength=len(chunk))
    return total * (1.0 + 1e-9)  # sums in another order must not exclude
