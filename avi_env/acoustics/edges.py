"""The edges at which sound bends: where two large faces of the geometry meet and more than half of space is free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Scene
from avi_env.scene.rays import occluded

__all__ = ["EDGE_METRES", "Edges", "SharpPairs", "scene_edges", "sharp_lines", "sharp_pairs"]

EDGE_METRES = 0.5
"""Least length [m] of an edge that shades sound: about half a wavelength at 350 Hz, as a mirror's least area."""

_WELD = 1e-4  # [m]
_FLAT = np.cos(np.deg2rad(30.0))  # faces that meet at less than 30 degrees from flat make no edge
_STRAIGHT = np.cos(np.deg2rad(2.0))  # pieces of one line
_PROBE = 0.02  # [m] around an edge at which the free angle is measured
_SECTORS = 16
_SHARP = ("sharp_pairs",)
_EDGE_LIMIT = 2048  # longest ones of a scene

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Edges:
    """The convex edges of a scene of at least 0.5 m, longest first. Windings do not matter."""

    start: FloatArray
    """One end of each [m], shape (E, 3)."""
    end: FloatArray
    """The other end [m], shape (E, 3)."""
    faces: FloatArray
    """Unit vectors from the edge along the two faces that meet there, a sheet's twice, shape (E, 2, 3)."""


class SharpPairs(NamedTuple):
    """Where the surface of a scene ends or turns by more than 30 degrees."""

    place: FloatArray
    """Welded vertices [m], shape (V, 3)."""
    pairs: npt.NDArray[np.int64]
    """Rows of `place` at both ends of each piece of an edge, shape (n, 2)."""
    faces: FloatArray
    """Unit vectors from the edge along its faces, upright to it, shape (n, 2, 3)."""


def scene_edges(scene: Scene) -> Edges:
    """Returns the edges of a scene at which sound bends, built once."""
    return derived(scene, ("edges",), lambda: _build(scene))


def _build(scene: Scene) -> Edges:
    sharp_lines(scene)
    sharp = taken(scene, _SHARP, lambda: _sharp_pairs(scene))  # faces are needed here alone, and are the larger part
    segments, faces = _joined(sharp)
    length = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
    longest = np.argsort(-length, kind="stable")
    longest = longest[length[longest] >= EDGE_METRES][:_EDGE_LIMIT]
    longest = longest[_is_convex(scene, segments[longest])]
    return Edges(segments[longest, 0], segments[longest, 1], faces[longest])


def sharp_pairs(scene: Scene) -> SharpPairs:
    """Returns the pairs of vertices along which the scene's surface ends or turns, built once."""
    return derived(scene, _SHARP, lambda: _sharp_pairs(scene))


def sharp_lines(scene: Scene) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Returns `SharpPairs.place` and `pairs`, built once: where sound is looked for at another height needs no more."""
    return derived(scene, ("sharp_lines",), lambda: _lines(sharp_pairs(scene)))


def _lines(sharp: SharpPairs) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    return sharp.place, sharp.pairs.astype(np.int32)


def _sharp_pairs(scene: Scene) -> SharpPairs:
    if not len(scene.triangles):
        return SharpPairs(np.empty((0, 3)), np.empty((0, 2), dtype=np.int64), np.empty((0, 2, 3)))
    vertices = scene.vertices.astype(np.float64)
    cell = max(_WELD, float(np.ptp(vertices, axis=0).max()) / 2.0**20)
    first, weld = _distinct(np.round((vertices - vertices.min(axis=0)) / cell).astype(np.int64))
    place, corner = vertices[first], np.sort(weld[scene.triangles], axis=1)
    corner = corner[(corner[:, 0] != corner[:, 1]) & (corner[:, 1] != corner[:, 2])]
    corner = corner[_distinct(corner)[0]]  # a face counts once
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [0, 2]]])
    third = np.concatenate([corner[:, 2], corner[:, 0], corner[:, 1]])
    along = place[pairs[:, 1]] - place[pairs[:, 0]]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-30)
    into = place[third] - place[pairs[:, 0]]
    into -= np.einsum("ij,ij->i", into, along)[:, None] * along
    into /= np.maximum(np.linalg.norm(into, axis=1, keepdims=True), 1e-30)
    edges, member = _distinct(pairs)
    count = np.bincount(member)
    # The faces of an edge lie flat if the vectors from the edge into them cancel: their sum is short.
    total = np.stack([np.bincount(member, weights=column) for column in into.T], axis=1)
    turned = np.linalg.norm(total, axis=1) > np.sqrt(2.0 - 2.0 * _FLAT)
    last = np.zeros(len(edges), dtype=np.int64)
    last[member] = np.arange(len(member))  # of the pairs along an edge; the first is `edges`
    sharp = (count == 1) | ((count == 2) & turned)
    return SharpPairs(place, pairs[edges[sharp]], np.stack([into[edges[sharp]], into[last[sharp]]], axis=1))


def _distinct(rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First place of each distinct row of small whole numbers >= 0, and the number of each row among them."""
    bits = int(rows.max(initial=0)).bit_length()
    code = rows[:, 0]
    for column in rows.T[1:]:
        if bits * 3 > 62:  # vertices of enormous meshes: renumber as the code grows
            code = np.unique(code, return_inverse=True)[1]
        code = (code << bits) | column
    _, first, member = np.unique(code, return_index=True, return_inverse=True)
    return first, member


def _joined(sharp: SharpPairs) -> tuple[FloatArray, FloatArray]:
    """Segments (n, 2, 3) after joining pairs that continue each other in one line, and their faces (n, 2, 3)."""
    place, pairs = sharp.place, sharp.pairs
    if not len(pairs):
        return np.empty((0, 2, 3)), np.empty((0, 2, 3))
    along = place[pairs[:, 1]] - place[pairs[:, 0]]
    length = np.linalg.norm(along, axis=1)
    along /= np.maximum(length, 1e-30)[:, None]
    # At each vertex the pairs that end there; those in one line are neighbours.
    order = np.argsort(pairs.ravel(), kind="stable")
    vertex, pair = pairs.ravel()[order], order // 2
    links = []
    for step in range(1, 9):  # a vertex of more than nine sharp edges keeps some pieces apart, no more
        same = np.flatnonzero(vertex[step:] == vertex[:-step])
        one, two = pair[same], pair[same + step]
        links.append(np.column_stack([one, two])[np.abs(np.einsum("ij,ij->i", along[one], along[two])) > _STRAIGHT])
    joint = np.concatenate(links)
    graph = sparse.coo_matrix((np.ones(len(joint)), (joint[:, 0], joint[:, 1])), shape=(len(pairs), len(pairs)))
    count, label = connected_components(graph, directed=False)
    lead = np.zeros(count, dtype=np.int64)
    np.maximum.at(lead, label, np.argsort(np.argsort(length, kind="stable"), kind="stable"))
    lead = np.argsort(length, kind="stable")[lead]
    origin, line = place[pairs[lead, 0]], along[lead]
    position = np.einsum("nkj,nj->nk", place[pairs] - origin[label][:, None], line[label])
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, label, position.min(axis=1))
    np.maximum.at(high, label, position.max(axis=1))
    segments = np.stack([origin + low[:, None] * line, origin + high[:, None] * line], axis=1)
    return segments, sharp.faces[lead]


def _is_convex(scene: Scene, segments: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether more than half of the space around the middle of each segment is free, in one piece."""
    along = segments[:, 1] - segments[:, 0]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-30)
    across = np.cross(along, np.where(np.abs(along[:, [1]]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]))
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-30)
    up = np.cross(along, across)
    angle = 2.0 * np.pi * (np.arange(_SECTORS) + 0.37) / _SECTORS  # off the directions of right-angled faces
    ring = np.cos(angle)[:, None] * across[:, None] + np.sin(angle)[:, None] * up[:, None]  # (n, 16, 3)
    points = segments.mean(axis=1)[:, None] + _PROBE * ring
    blocked = occluded(scene, points.reshape(-1, 3), np.roll(points, -1, axis=1).reshape(-1, 3), margin=0.0)
    blocked = blocked.reshape(-1, _SECTORS)  # between direction k and k + 1
    # From each blocked chord to the next one around the edge, in sectors.
    gap = np.zeros(blocked.shape, dtype=np.int64)
    for step in range(1, _SECTORS + 1):
        gap[blocked & (gap == 0) & np.roll(blocked, -step, axis=1)] = step
    # In front of a flat surface half of the chords are free, and one at most.
    return np.asarray(gap.max(axis=1, initial=0) > _SECTORS // 2 + 1)
