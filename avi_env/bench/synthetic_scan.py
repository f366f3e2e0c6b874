"""A made-up scan of a furnished flat: one welded, noisy mesh with vertex colours, as large as one likes.

What depth cameras and surface reconstruction leave behind (tessellated walls, rounded edges, millimetres of noise,
colours per vertex), without anybody's home: for tests and figures about large meshes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.mesh_parts import MeshPart

__all__ = ["synthetic_scan"]

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]

_SIZE = (14.0, 2.7, 10.0)  # [m] of the flat, inner faces of its outer walls
_WALL = 0.14  # [m]
_DOOR = (0.95, 2.1)  # [m] width and height
_CORRIDOR = (4.3, 5.7)  # [m] along z
_CROSS = (4.8, 9.4)  # [m] along x: walls between the rooms on either side
_NOISE = 0.002  # [m] standard deviation of a vertex, about a depth camera's after fusion
_SMOOTHING = ((0.5, -0.53),) * 4  # Taubin's pairs (1995): smooth without shrinking
_FIRST_CELL = 0.1  # [m]


class _Thing(NamedTuple):
    """Clutter: a turned box or an ellipsoid that stands in the air of a room."""

    center: FloatArray
    half: FloatArray
    yaw: float
    round: bool
    color: FloatArray


def synthetic_scan(triangles: int = 1_000_000, seed: int = 0) -> MeshPart:
    """Returns a flat of six rooms and a corridor, 14 m x 10 m, with clutter, as one welded mesh without material.

    Args:
        triangles: about how many (within 5 % from 50 000 up); the mesh gets finer, not larger.
        seed: of clutter, colours and noise.

    Raises:
        ValueError: fewer than 20 000 triangles, which would not resolve the walls.
    """
    if triangles < 20_000:
        raise ValueError(f"a synthetic scan needs at least 20000 triangles to resolve its walls, not {triangles}")
    rng = np.random.Generator(np.random.Philox(key=seed))
    things = _clutter(rng)
    # The area in voxel faces hardly depends on the cell, so two steps settle the number.
    cell = _FIRST_CELL
    for _ in range(2):
        cell *= (len(_surface(_air(things, cell))[1]) / triangles) ** 0.5
    grid, faces = _surface(_air(things, cell))
    points = _smoothed(grid * cell, faces) - cell  # the grid begins one cell outside
    points += rng.normal(0.0, _NOISE, points.shape)
    colors = _colors(points, things, rng)
    return MeshPart("synthetic_scan", points.astype(np.float32), faces, color=colors, label="scan", unlit=True)


def _clutter(rng: np.random.Generator) -> list[_Thing]:
    things = []
    for _ in range(60):
        half = rng.uniform([0.15, 0.2, 0.15], [0.8, 0.55, 0.5])
        x, z = rng.uniform(0.8, _SIZE[0] - 0.8), rng.uniform(0.8, _SIZE[2] - 0.8)
        if _CORRIDOR[0] - 0.7 < z < _CORRIDOR[1] + 0.7 or min(abs(x - c) for c in _CROSS) < 0.9:
            continue  # doors and the corridor stay free
        hung = rng.random() < 0.2
        height = 1.9 if hung else float(half[1])
        things.append(
            _Thing(
                np.array([x, height, z]), half, float(rng.uniform(0, np.pi)), bool(rng.random() < 0.4), rng.random(3)
            )
        )
    return things


def _air(things: list[_Thing], cell: float) -> BoolArray:
    """Which cells are air, shape (nx, ny, nz); the outermost layer is solid."""
    counts = [round(extent / cell) for extent in _SIZE]
    x, y, z = (((np.arange(n + 2) - 0.5) * cell).astype(np.float32) for n in counts)
    plan = _walls(x[:, None], z[None, :])
    air = np.repeat(~plan[0][:, None, :], len(y), axis=1)
    air[:, y < _DOOR[1], :] |= plan[1][:, None, :]
    for axis in range(3):
        border = np.moveaxis(air, axis, 0)
        border[0] = border[-1] = False
    for thing in things:
        reach = float(np.linalg.norm(thing.half)) + cell
        spans = [np.flatnonzero(np.abs(a - c) < reach) for a, c in zip((x, y, z), thing.center, strict=True)]
        if all(len(span) for span in spans):
            window = tuple(slice(span[0], span[-1] + 1) for span in spans)
            near = [a[w] for a, w in zip((x, y, z), window, strict=True)]
            air[window] &= ~_within(thing, *near)
    return air


def _walls(x: FloatArray, z: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Which columns are wall, and which of them a doorway."""
    inside = (z > _CORRIDOR[0]) & (z < _CORRIDOR[1]) & (x > -1.0)
    along = [np.abs(z - side) < _WALL / 2 for side in _CORRIDOR]
    wall = (along[0] | along[1]) & (x > -1.0)
    door = np.zeros_like(wall)
    edges = (0.0, *_CROSS, _SIZE[0])
    for low, high in pairwise(edges):
        door |= wall & (np.abs(x - (low + high) / 2) < _DOOR[0] / 2)
    for cross in _CROSS:
        wall |= (np.abs(x - cross) < _WALL / 2) & ~inside
    door |= (np.abs(x - _CROSS[0]) < _WALL / 2) & (np.abs(z - 2.0) < _DOOR[0] / 2)
    return wall, door


def _within(thing: _Thing, x: FloatArray, y: FloatArray, z: FloatArray) -> BoolArray:
    cosine, sine = np.cos(thing.yaw), np.sin(thing.yaw)
    dx, dy, dz = (x - thing.center[0])[:, None, None], (y - thing.center[1])[None, :, None], z - thing.center[2]
    a, b = (cosine * dx - sine * dz) / thing.half[0], (sine * dx + cosine * dz) / thing.half[2]
    c = dy / thing.half[1]
    if thing.round:
        return np.asarray(a * a + b * b + c * c < 1.0)
    return np.asarray((np.abs(a) < 1.0) & (np.abs(b) < 1.0) & (np.abs(c) < 1.0))


def _surface(air: BoolArray) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """The faces between air and solid as welded triangles that face the air: grid corners (V, 3), triangles (T, 3)."""
    shape = tuple(n + 1 for n in air.shape)
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    quads: list[npt.NDArray[np.int64]] = []
    for axis in range(3):
        one, two = (np.take(air, range(k, air.shape[axis] - 1 + k), axis=axis) for k in (0, 1))
        for side in (one & ~two, two & ~one):  # air below, air above
            cells = np.argwhere(side)
            cells[:, axis] += 1
            first = cells @ strides
            u, v = strides[(axis + 1) % 3], strides[(axis + 2) % 3]
            ring = np.stack([first, first + u, first + u + v, first + v], axis=1)
            quads.append(ring if len(quads) % 2 else ring[:, ::-1])
    corners = np.concatenate(quads)
    used = np.zeros(int(np.prod(shape)), dtype=np.bool_)
    used[corners.ravel()] = True
    index = np.cumsum(used, dtype=np.int32) - 1
    ring = index[corners]
    triangles = np.concatenate([ring[:, [0, 1, 2]], ring[:, [0, 2, 3]]])
    return np.argwhere(used.reshape(shape)).astype(np.float64), triangles.astype(np.int32)


def _smoothed(points: FloatArray, triangles: npt.NDArray[np.int32]) -> FloatArray:
    from scipy.sparse import coo_matrix

    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ones = np.ones(len(edges), dtype=np.float32)
    links = coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(len(points), len(points))).tocsr()
    links = links + links.T
    degree = np.asarray(links.sum(axis=1))
    for pair in _SMOOTHING:
        for weight in pair:
            points = points + weight * ((links @ points) / degree - points)
    return points


def _colors(points: FloatArray, things: list[_Thing], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Wooden floor, white ceiling, painted walls, things in their own colours; shaded a little, with noise."""
    height = points[:, 1]
    colors = np.tile([0.82, 0.78, 0.70], (len(points), 1))
    plank = np.floor(points[:, 2] / 0.12)
    wood = (
        np.array([0.55, 0.38, 0.22]) * (0.85 + 0.3 * np.modf(np.abs(np.sin(plank * 12.9898)) * 43758.5453)[0])[:, None]
    )
    colors = np.where((height < 0.03)[:, None], wood, colors)
    colors = np.where((height > _SIZE[1] - 0.03)[:, None], 0.95, colors)
    for thing in things:
        near = np.flatnonzero(np.abs(points - thing.center).max(axis=1) < np.linalg.norm(thing.half) + 0.05)
        grown = thing._replace(half=thing.half + 0.05)
        local = points[near] - grown.center
        cosine, sine = np.cos(grown.yaw), np.sin(grown.yaw)
        a = (cosine * local[:, 0] - sine * local[:, 2]) / grown.half[0]
        b = (sine * local[:, 0] + cosine * local[:, 2]) / grown.half[2]
        c = local[:, 1] / grown.half[1]
        size = a * a + b * b + c * c if grown.round else np.max(np.abs([a, b, c]), axis=0)
        colors[near[(size < 1.0) & (points[near, 1] > 0.03)]] = grown.color
    shade = 0.85 + 0.15 * np.clip(height / _SIZE[1], 0.0, 1.0)
    colors = colors * shade[:, None] + rng.normal(0.0, 0.015, (len(points), 1))
    return np.asarray(np.round(255.0 * np.clip(colors, 0.0, 1.0)), dtype=np.uint8)
