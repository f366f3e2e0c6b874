"""Triangle shapes and the builder that gathers them into a `Scene`: boxes, soft boxes, cylinders, balls and free quads.

Every shape is a row of ten numbers that scales one template, so a whole house is expanded in a few array operations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.scene.materials import material, tinted
from avi_env.scene.model import Light, Material, Portal, Room, Scene, SceneObject

__all__ = ["SHAPES", "SceneBuilder", "Shape", "shape_row"]

Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]

_ROUND = 12  # sides of a cylinder
_BALL_RINGS, _BALL_SIDES = 6, 10
_ROD_SIDES, _POT_SIDES = 6, 10
_BEAD_RINGS, _BEAD_SIDES = 4, 6
_FOLDS = 5  # of a curtain


class Shape(NamedTuple):
    """A template: vertex = scale * size + inset * chamfer; all triangles face outwards."""

    scale: Array
    """Vertices of the unit shape, -0.5 ... 0.5, shape (n, 3)."""
    inset: Array
    """Direction in which a chamfer moves each vertex, shape (n, 3)."""
    triangles: npt.NDArray[np.int64]
    """Vertex indices, counter-clockwise seen from outside, shape (m, 3)."""


def _box() -> Shape:
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Shape(corners, np.zeros_like(corners), _fan(quads))


def _soft_box() -> Shape:
    """A box with chamfered edges: each corner becomes three vertices, one on each adjoining face."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    scale = np.repeat(signs * 0.5, 3, axis=0)
    inset = np.repeat(-signs, 3, axis=0)
    inset[np.arange(24), np.arange(24) % 3] = 0.0  # vertex 3 c + k lies on the face of corner c whose normal is axis k
    polygons: list[tuple[int, ...]] = []
    corner = {tuple(int(s) for s in sign): 3 * i for i, sign in enumerate(signs)}
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side in (-1, 1):
            polygons.append(tuple(corner[_at(axis, side, u, a, v, b)] + axis for a, b in _SQUARE))
        for a, b in _SQUARE:
            low, high = corner[_at(axis, -1, u, a, v, b)], corner[_at(axis, 1, u, a, v, b)]
            polygons.append((low + u, low + v, high + v, high + u))
    polygons += [(c, c + 1, c + 2) for c in corner.values()]
    outwards = scale + 0.1 * inset
    return Shape(scale, inset, _fan([_facing_out(p, outwards) for p in polygons]))


_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def _at(axis: int, side: int, u: int, a: int, v: int, b: int) -> tuple[int, ...]:
    key = [0, 0, 0]
    key[axis], key[u], key[v] = side, a, b
    return tuple(key)


def _facing_out(polygon: tuple[int, ...], vertices: Array) -> tuple[int, ...]:
    p = vertices[list(polygon)]
    normal = np.cross(p[1] - p[0], p[2] - p[0])
    return polygon if float(normal @ p.mean(axis=0)) > 0 else polygon[::-1]


def _ring(sides: int) -> Array:
    angle = 2 * math.pi * np.arange(sides) / sides
    return np.stack([0.5 * np.cos(angle), np.zeros(sides), 0.5 * np.sin(angle)], axis=1).round(9)


def _cylinder(sides: int) -> Shape:
    ring = _ring(sides)
    lift = np.array([0.0, 0.5, 0.0])
    vertices = np.concatenate([ring - lift, ring + lift])
    quads: list[tuple[int, ...]] = []
    for i in range(sides):
        j = (i + 1) % sides
        quads.append((i, i + sides, j + sides, j))
    quads.append(tuple(range(sides)))
    quads.append(tuple(range(2 * sides - 1, sides - 1, -1)))
    return Shape(vertices, np.zeros_like(vertices), _fan(quads))


def _pot(sides: int) -> Shape:
    """A vessel open at the top: the rings of a cylinder twice, the inner ones moved inwards by the wall's thickness."""
    ring, lift = _ring(sides), np.array([0.0, 0.5, 0.0])
    vertices = np.concatenate([ring - lift, ring + lift, ring + lift, ring - lift])
    inset = np.zeros_like(vertices)
    inset[2 * sides :] = np.concatenate([-2.0 * ring, -2.0 * ring])
    inset[3 * sides :, 1] = 1.0
    quads: list[tuple[int, ...]] = []
    for i in range(sides):
        j = (i + 1) % sides
        for low in (0, sides, 2 * sides):
            quads.append((low + i, low + i + sides, low + j + sides, low + j))
    quads.append(tuple(range(sides)))
    quads.append(tuple(range(4 * sides - 1, 3 * sides - 1, -1)))
    return Shape(vertices, inset, _fan(quads))


def _wedge() -> Shape:
    """Half a box: upright at the back (+Z), sloping down to the front (-Z)."""
    vertices = np.array([[x, y, z] for x in (-0.5, 0.5) for y, z in ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))])
    polygons = [(0, 1, 2), (3, 5, 4), (0, 3, 4, 1), (1, 4, 5, 2), (2, 5, 3, 0)]
    middle = np.array([0.0, -1 / 6, 1 / 6])
    triangles = _fan([_facing_out(p, vertices - middle) for p in polygons])
    return Shape(vertices, np.zeros_like(vertices), triangles)


def _folds(count: int) -> Shape:
    """A sheet of cloth in upright folds, three tenths of its depth thick."""
    steps = 2 * count
    across = np.arange(steps + 1) / steps - 0.5
    front = np.where(np.arange(steps + 1) % 2, -0.5, 0.2)
    columns = [np.stack([across, np.full(steps + 1, y), front + z], axis=1) for y in (-0.5, 0.5) for z in (0.0, 0.3)]
    vertices = np.concatenate(columns).round(9)
    low, low_back, high, high_back = (k * (steps + 1) for k in range(4))
    quads: list[tuple[int, ...]] = [(low, low_back, high_back, high)]
    for i in range(steps):
        for a, b in ((low, high), (high, high_back), (high_back, low_back), (low_back, low)):
            quads.append((a + i, b + i, b + i + 1, a + i + 1))
    quads.append((low + steps, high + steps, high_back + steps, low_back + steps))
    return Shape(vertices, np.zeros_like(vertices), _fan(quads))


def _ball(rings: int, sides: int) -> Shape:
    polar = math.pi * np.arange(1, rings) / rings
    angle = 2 * math.pi * np.arange(sides) / sides
    radius, height = 0.5 * np.sin(polar), 0.5 * np.cos(polar)
    circles = np.stack(
        [
            radius[:, None] * np.cos(angle),
            np.broadcast_to(height[:, None], (len(polar), sides)),
            radius[:, None] * np.sin(angle),
        ],
        axis=2,
    )
    vertices = np.concatenate([circles.reshape(-1, 3), [[0, 0.5, 0], [0, -0.5, 0]]]).round(9)
    top, bottom = len(vertices) - 2, len(vertices) - 1
    faces: list[tuple[int, ...]] = []
    for i in range(sides):
        j = (i + 1) % sides
        faces.append((top, j, i))
        for k in range(rings - 2):
            row, below = k * sides, (k + 1) * sides
            faces.append((row + i, row + j, below + j, below + i))
        last = (rings - 2) * sides
        faces.append((last + i, last + j, bottom))
    return Shape(vertices, np.zeros_like(vertices), _fan([_facing_out(f, vertices) for f in faces]))


def _fan(polygons: Sequence[tuple[int, ...]]) -> npt.NDArray[np.int64]:
    return np.array([(p[0], p[i], p[i + 1]) for p in polygons for i in range(1, len(p) - 1)], dtype=np.int64)


SHAPES = ("box", "soft", "cylinder", "ball", "rod", "bead", "pot", "wedge", "folds")
"""Shapes by name: a box, a box with chamfered edges, an upright cylinder or cone, an ellipsoid; a rod and an ellipsoid
of few sides; a vessel open at the top; half a box that slopes down to the front; a sheet in upright folds."""


@lru_cache(maxsize=1)
def _templates() -> dict[str, Shape]:
    return {
        "box": _box(),
        "soft": _soft_box(),
        "cylinder": _cylinder(_ROUND),
        "ball": _ball(_BALL_RINGS, _BALL_SIDES),
        "rod": _cylinder(_ROD_SIDES),
        "bead": _ball(_BEAD_RINGS, _BEAD_SIDES),
        "pot": _pot(_POT_SIDES),
        "wedge": _wedge(),
        "folds": _folds(_FOLDS),
    }


def shape_row(
    center: Point, size: Point, yaw: float = 0.0, pitch: float = 0.0, taper: float = 1.0, chamfer: float = 0.0
) -> tuple[float, ...]:
    """Returns one shape as ten numbers.

    Args:
        center: middle of its box [m].
        size: extents along its own x, y, z [m].
        yaw: rotation about +Y [rad], after `pitch`.
        pitch: rotation about its own +X [rad]; positive tips the top towards +Z.
        taper: horizontal size of the top half relative to the bottom (cones, lampshades).
        chamfer: width of the chamfered edges [m], shape "soft"; thickness of the wall [m], shape "pot".
    """
    return (*center, *size, yaw, pitch, taper, chamfer)


def _expand(shape: Shape, rows: Array) -> Array:
    """Vertices of all rows of one shape, (n rows, n vertices, 3)."""
    vertices = shape.scale * rows[:, None, 3:6] + shape.inset * rows[:, None, 9:10]
    taper = np.where(shape.scale[:, 1] > 0, rows[:, 8:9], 1.0)
    x, y, z = vertices[..., 0] * taper, vertices[..., 1], vertices[..., 2] * taper
    tip = rows[:, 7:8]
    y, z = y * np.cos(tip) - z * np.sin(tip), y * np.sin(tip) + z * np.cos(tip)
    turn = rows[:, 6:7]
    cos, sin = np.cos(turn).round(12), np.sin(turn).round(12)
    return np.stack([x * cos + z * sin, y, z * cos - x * sin], axis=2) + rows[:, None, 0:3]


class SceneBuilder:
    """Gathers materials, objects and shapes, then makes the `Scene` at once."""

    def __init__(self) -> None:
        self.objects: list[SceneObject] = []
        self._materials: dict[Material, int] = {}
        self._rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in SHAPES}
        self._owners: dict[str, list[tuple[int, int]]] = {name: [] for name in SHAPES}
        self._batches: dict[str, list[tuple[Array, npt.NDArray[np.int64]]]] = {name: [] for name in SHAPES}
        self._quads: list[tuple[float, ...]] = []
        self._quad_owners: list[tuple[int, int]] = []

    def add_material(
        self, name: str | Material, color: tuple[float, float, float] | None = None, pattern: str = ""
    ) -> int:
        """Returns the index of a material, in another colour or pattern where given; each one is stored once."""
        made = tinted(name, color, pattern) if color is not None and isinstance(name, str) else material(name)
        return self._materials.setdefault(made, len(self._materials))

    def add_object(
        self,
        category: str,
        room: int,
        center: Point,
        size: Point,
        yaw: float = 0.0,
        emits: tuple[str, ...] = (),
    ) -> int:
        """Adds an object with its oriented box [m] and returns its id."""
        number = len(self.objects)
        at, extents = _rounded(center), _rounded(size)
        self.objects.append(SceneObject(number, category, room, at, extents, round(float(yaw), 6), emits))
        return number

    def add_shape(self, shape: str, row: tuple[float, ...], material_index: int, object_id: int) -> None:
        """Adds one shape (see `shape_row`) of a material, as part of an object.

        Raises:
            ValueError: no such shape.
        """
        if shape not in self._rows:
            raise name_error("shape", shape, SHAPES)
        self._rows[shape].append(row)
        self._owners[shape].append((material_index, object_id))

    def add_shapes(self, shape: str, rows: Array, owners: npt.ArrayLike) -> None:
        """Adds many shapes of one kind; they come after those added one by one.

        Args:
            shape: one of `SHAPES`.
            rows: as `shape_row`, shape (n, 10).
            owners: material index and object id of each, shape (n, 2).
        """
        self._batches[shape].append((rows, np.asarray(owners, dtype=np.int64)))

    def add_quad(self, corners: Sequence[Point], material_index: int, object_id: int) -> None:
        """Adds a quadrilateral: four corners [m], counter-clockwise seen from the air."""
        a, b, c, d = corners
        self._quads.append((*a, *b, *c, *d))
        self._quad_owners.append((material_index, object_id))

    def build(
        self,
        name: str,
        rooms: Sequence[Room] = (),
        portals: Sequence[Portal] = (),
        lights: Sequence[Light] = (),
        meta: Mapping[str, Any] | None = None,
    ) -> Scene:
        """Returns the scene; triangles are ordered by object."""
        vertices, triangles, owners, offset = [], [], [], 0
        for shape, rows, owner in self._gathered():
            expanded = _expand(shape, rows)
            base = offset + len(shape.scale) * np.arange(len(rows))
            vertices.append(expanded.reshape(-1, 3))
            triangles.append((shape.triangles + base[:, None, None]).reshape(-1, 3))
            owners.append(np.repeat(owner, len(shape.triangles), axis=0))
            offset += expanded.shape[0] * expanded.shape[1]
        if self._quads:
            base = offset + 4 * np.arange(len(self._quads))
            vertices.append(np.array(self._quads).reshape(-1, 3))
            triangles.append((np.array([[0, 1, 2], [0, 2, 3]]) + base[:, None, None]).reshape(-1, 3))
            owners.append(np.repeat(np.array(self._quad_owners), 2, axis=0))
        owner_table = np.concatenate(owners)
        number = owner_table[:, 1]
        # NumPy sorts integers of 16 bits by radix, which is several times faster.
        order = np.argsort(number.astype(np.uint16) if len(self.objects) < 65536 else number, kind="stable")
        return Scene(
            name=name,
            vertices=np.concatenate(vertices).astype(np.float32),
            triangles=np.concatenate(triangles)[order].astype(np.int32),
            triangle_material=owner_table[order, 0].astype(np.int32),
            triangle_object=owner_table[order, 1].astype(np.int32),
            materials=tuple(self._materials),
            objects=tuple(self.objects),
            rooms=tuple(rooms),
            portals=tuple(portals),
            lights=tuple(lights),
            meta=dict(meta or {}),
        )

    def _gathered(self) -> list[tuple[Shape, Array, npt.NDArray[np.int64]]]:
        """Template, rows and owners of each kind of shape there is."""
        gathered = []
        for name in SHAPES:
            batches = self._batches[name]
            if self._rows[name]:
                batches = [(np.array(self._rows[name]), np.array(self._owners[name])), *batches]
            if batches:
                rows, owners = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
                gathered.append((_templates()[name], rows, owners))
        return gathered


def _rounded(values: Sequence[float]) -> Point:
    x, y, z = values
    return (round(float(x), 6), round(float(y), 6), round(float(z), 6))
