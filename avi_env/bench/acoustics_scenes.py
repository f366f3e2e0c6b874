"""The rooms of theory: a shoebox of one material, two coupled rooms, a plate, slabs."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material, Scene, SceneObject

__all__ = [
    "COUPLED_SURFACE",
    "COUPLED_VOLUME",
    "DOOR_AREA",
    "DOOR_FACES",
    "DOOR_JAMBS",
    "LISTENER",
    "L_HEIGHT",
    "L_OUTLINE",
    "SIZE",
    "SOURCE",
    "SURFACE",
    "VOLUME",
    "box_room",
    "coupled_rooms",
    "l_room",
    "plate",
    "slabs",
]

SIZE = (6.0, 3.0, 5.0)
"""Extents of the shoebox, y up [m]."""
VOLUME, SURFACE = 90.0, 126.0
"""Of the shoebox [m3], [m2]."""
SOURCE, LISTENER = (1.5, 1.2, 1.3), (4.4, 1.6, 3.3)
"""Places in the shoebox, on no plane of symmetry [m]."""

DOOR_AREA = 1.8
"""Of the opening between the coupled rooms: 0.9 x 2 m [m2]."""
DOOR_FACES, DOOR_JAMBS = (5.0, 5.12), (1.5, 2.4)
"""x of the faces of the wall between the coupled rooms, z of the door's jambs [m]."""
COUPLED_VOLUME = 60.0
"""Of each coupled room: 5 x 4 x 3 m [m3]."""
COUPLED_SURFACE = 94.0 - DOOR_AREA
"""Of each coupled room without the opening [m2]."""

L_OUTLINE = ((0.0, 0.0), (5.0, 0.0), (5.0, 2.0), (2.5, 2.0), (2.5, 5.0), (0.0, 5.0))
"""Floor of a room that is not convex, (x, z) [m]."""
L_HEIGHT = 2.7
"""[m]"""

_QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


class _Box(NamedTuple):
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    inward: bool = False


def box_room(absorption: float, scattering: float) -> Scene:
    """Returns the shoebox with walls of one absorption and scattering in every octave."""
    return shoebox(SIZE, material=Material("wall", absorption=absorption, scattering=scattering))


def coupled_rooms(absorption: float, scattering: float = 0.5, closed: bool = False) -> Scene:
    """Returns two rooms of 5 x 4 x 3 m beside each other with a door of 0.9 x 2 m between, open or shut by wood."""
    wall = Material("wall", absorption=absorption, scattering=scattering, transmission_loss=45.0)
    wood = Material(
        "wood", absorption=0.15, scattering=0.5, transmission_loss=(16.0, 20.0, 23.0, 25.0, 27.0, 29.0, 31.0)
    )
    boxes = [
        _Box((0.0, 0.0, 0.0), (10.12, 3.0, 4.0), inward=True),
        _Box((5.0, 0.0, 0.0), (5.12, 3.0, 1.5)),
        _Box((5.0, 0.0, 2.4), (5.12, 3.0, 4.0)),
        _Box((5.0, 2.0, 1.5), (5.12, 3.0, 2.4)),
    ]
    if closed:
        boxes.append(_Box((5.03, 0.0, 1.5), (5.07, 2.0, 2.4)))
    return _boxes("coupled rooms", boxes, [wall] * 4 + [wood] * (len(boxes) - 4))


def plate(absorption: float, side: float = 100.0) -> Scene:
    """Returns a square plate in the plane y = 0 about the origin."""
    half = side / 2.0
    corners = [(-half, 0.0, -half), (-half, 0.0, half), (half, 0.0, half), (half, 0.0, -half)]
    material = Material("plate", absorption=absorption, scattering=0.0, transmission_loss=60.0)
    return _bare("plate", corners, [(0, 1, 2), (0, 2, 3)], material)


def l_room(absorption: float) -> Scene:
    """Returns a room with the outline L_OUTLINE, 2.7 m high, of walls that mirror."""
    outline, count = np.array(L_OUTLINE), len(L_OUTLINE)
    low = np.column_stack([outline[:, 0], np.zeros(count), outline[:, 1]])
    vertices = [tuple(p) for p in np.concatenate([low, low + np.array([0.0, L_HEIGHT, 0.0])])]
    walls = [t for k in range(count) for n in [(k + 1) % count] for t in ((k, n, n + count), (k, n + count, k + count))]
    floor = [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5)]
    ceiling = [(a + count, b + count, c + count) for a, b, c in floor]
    material = Material("wall", absorption=absorption, scattering=0.0)
    return _bare("L-shaped room", vertices, walls + floor + ceiling, material)


def _bare(name: str, vertices: list[Any], triangles: list[tuple[int, int, int]], material: Material) -> Scene:
    """Returns a scene of one material that may mirror perfectly, as no real room does and theory assumes."""
    owner = np.zeros(len(triangles), dtype=np.int32)
    objects = (SceneObject(0, "wall", -1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),)
    return Scene(name, np.array(vertices), np.array(triangles), owner, owner, (material,), objects)


def slabs(materials: list[Material], thickness: float = 0.12) -> Scene:
    """Returns walls of 4 x 4 m across the x axis, 0.8 m from one to the next, the first at x = 0."""
    boxes = [_Box((0.8 * k, 0.0, -2.0), (0.8 * k + thickness, 4.0, 2.0)) for k in range(len(materials))]
    return _boxes("slabs", boxes, materials)


def _boxes(name: str, boxes: list[_Box], materials: list[Material]) -> Scene:
    """Returns a scene of boxes, one object and one material each."""
    vertices: list[tuple[float, ...]] = []
    triangles: list[tuple[int, ...]] = []
    for box in boxes:
        base = len(vertices)
        vertices += itertools.product(*zip(box.low, box.high, strict=True))
        for a, b, c, d in _QUADS:
            quad = (a, d, c, b) if box.inward else (a, b, c, d)
            triangles += [tuple(base + quad[k] for k in corner) for corner in ((0, 1, 2), (0, 2, 3))]
    owner = np.repeat(np.arange(len(boxes), dtype=np.int32), 12)
    objects = tuple(
        SceneObject(k, "wall", -1, _middle(box), tuple(np.subtract(box.high, box.low))) for k, box in enumerate(boxes)
    )
    return Scene(name, np.array(vertices), np.array(triangles), owner, owner, tuple(materials), objects)


def _middle(box: _Box) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.add(box.low, box.high) / 2.0)
    return x, y, z
