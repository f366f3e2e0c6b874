"""The house that everybody renders, in two sizes, and the places it is seen from."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene import Scene, generate_house

__all__ = ["EYE_HEIGHT", "HOUSE_TRIANGLES", "Poses", "house_poses", "speed_house", "subdivided"]

FloatArray = npt.NDArray[np.floating[Any]]

EYE_HEIGHT = 1.25
"""[m] above the floor."""

HOUSE_TRIANGLES = 50938
"""Triangles of `speed_house()`, as it is generated."""

_SEED = 16
_ROOMS = (*["living_room"] * 4, *["bedroom"] * 3, "kitchen", "bathroom", "hallway")
"""Of 160 houses with ten rooms the one whose triangles are nearest to 51 000."""


class Poses(NamedTuple):
    """Where a camera stands and looks."""

    position: npt.NDArray[np.float32]
    """The eyes [m], shape (n, 3), world frame."""
    yaw: npt.NDArray[np.float32]
    """Headings [rad], shape (n,), counter-clockwise about +Y, 0 looks along -Z."""


def speed_house(triangles: int = HOUSE_TRIANGLES) -> Scene:
    """Returns the furnished ten-room house of the speed benchmarks.

    Args:
        triangles: 50 938 as generated; with more, its largest triangles are halved until there are as many, so that the
            same views of the same surfaces cost what finer triangles cost.

    Raises:
        ValueError: fewer triangles than the house has.
    """
    return subdivided(generate_house(_SEED, rooms=_ROOMS), triangles)


def subdivided(scene: Scene, triangles: int) -> Scene:
    """Returns the scene with the given number of triangles: those with the longest edges are halved, again and again.

    Raises:
        ValueError: the scene has more triangles already.
    """
    if triangles < len(scene.triangles):
        raise ValueError(f"scene {scene.name!r} has {len(scene.triangles)} triangles already: ask for no fewer")
    vertices, corners, source = scene.vertices, scene.triangles, np.arange(len(scene.triangles))
    uv, color = scene.uv, scene.vertex_color
    while (missing := triangles - len(corners)) > 0:
        place = vertices[corners].astype(np.float64)
        edges = np.linalg.norm(np.roll(place, -1, axis=1) - place, axis=2)  # edge k joins corners k and k + 1
        chosen = np.argsort(-edges.max(axis=1), kind="stable")[:missing]
        first = edges[chosen].argmax(axis=1)
        a, b = first, (first + 1) % 3
        ends = corners[chosen, a], corners[chosen, b]
        middle = (len(vertices) + np.arange(len(chosen))).astype(np.int32)
        vertices = np.concatenate([vertices, (0.5 * place[np.arange(len(place))[chosen], a] + 0.5 * place[chosen, b])])
        if color is not None:
            color = np.concatenate([color, ((color[ends[0]].astype(np.uint16) + color[ends[1]]) // 2).astype(np.uint8)])
        if uv is not None:
            uv = _halved_uv(uv, chosen, a, b)
        added = corners[chosen]
        added[np.arange(len(chosen)), a] = middle
        corners = corners.copy()
        corners[chosen, b] = middle
        corners, source = np.concatenate([corners, added]), np.concatenate([source, source[chosen]])
    return dataclasses.replace(
        scene,
        name=scene.name if triangles == len(scene.triangles) else f"{scene.name}, {triangles} triangles",
        vertices=vertices.astype(np.float32),
        triangles=corners,
        triangle_material=scene.triangle_material[source],
        triangle_object=scene.triangle_object[source],
        uv=uv,
        vertex_color=color,
    )


def _halved_uv(
    uv: npt.NDArray[np.float32], chosen: npt.NDArray[np.int64], a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Returns the texture coordinates with those of the halves: the old row ends at the middle, the new one begins."""
    row = np.arange(len(chosen))
    middle = 0.5 * (uv[chosen, a] + uv[chosen, b])
    added, kept = uv[chosen], uv.copy()
    added[row, a] = middle
    kept[chosen, b] = middle
    return np.concatenate([kept, added])


def house_poses(scene: Scene, count: int = 64, seed: int = 0) -> Poses:
    """Returns seeded walkable places at eye height with random headings.

    Args:
        scene: any scene an agent can walk in.
        count: how many.
        seed: of places and headings.
    """
    from avi_env.navigation.grid import walkable_grid

    grid = walkable_grid(scene)
    rng = np.random.default_rng(seed)
    column = np.argwhere(grid.island == 0)
    column = column[rng.integers(len(column), size=count)]
    floor = grid.floor_y[column[:, 0], column[:, 1]]
    xz = np.asarray(grid.origin) + grid.cell * column
    position = np.stack([xz[:, 0], floor + EYE_HEIGHT, xz[:, 1]], axis=1).astype(np.float32)
    return Poses(position, rng.uniform(-np.pi, np.pi, count).astype(np.float32))
