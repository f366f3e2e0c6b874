"""Rooms for the tests of physics: a shoebox, and a box of furniture in it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from avi_env.scene import Scene, SceneObject, material, shoebox

SIZE = (6.0, 2.6, 6.0)
_QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def room(floor: str = "ceramic_tile") -> Scene:
    """A room of 6 x 2.6 x 6 m, all of one material."""
    return shoebox(SIZE, material=floor)


def with_box(scene: Scene, category: str, made: str, low: tuple[float, ...], high: tuple[float, ...]) -> Scene:
    """The scene with a box as one more object."""
    corners = np.array(list(itertools.product(*zip(low, high, strict=True))), dtype=np.float32)
    faces = np.array([[a, b, c] for q in _QUADS for a, b, c in ((q[0], q[1], q[2]), (q[0], q[2], q[3]))])
    number = len(scene.objects)
    middle = tuple(float(v) for v in (np.array(low) + high) / 2)
    size = tuple(float(v) for v in np.array(high) - low)
    return replace(
        scene,
        vertices=np.concatenate([scene.vertices, corners]),
        triangles=np.concatenate([scene.triangles, faces.astype(np.int32) + len(scene.vertices)]),
        triangle_material=np.concatenate([scene.triangle_material, np.full(12, len(scene.materials), np.int32)]),
        triangle_object=np.concatenate([scene.triangle_object, np.full(12, number, np.int32)]),
        materials=(*scene.materials, material(made)),
        objects=(*scene.objects, SceneObject(number, category, -1, middle, size)),
    )
