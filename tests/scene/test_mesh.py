"""Shoeboxes, shapes and scenes from plain meshes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.scene import Material, scene_from_mesh, shoebox
from avi_env.scene.shapes import SHAPES, SceneBuilder, shape_row

_SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], dtype=float)
_FACES = np.array([[0, 2, 1], [0, 3, 2]])


def _volume(vertices: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def test_shoebox_has_its_size_and_faces_inwards() -> None:
    """The divergence theorem over inward faces gives minus the volume x y z."""
    scene = shoebox((6.0, 3.0, 4.0))
    assert_allclose(scene.bounds, [[0, 0, 0], [6, 3, 4]], rtol=0, atol=0)
    assert_allclose(_volume(scene.vertices, scene.triangles), -72.0, rtol=1e-6)
    assert scene.rooms[0].height == 3.0
    assert sorted(o.category for o in scene.objects) == ["ceiling", "floor", "wall", "wall", "wall", "wall"]


def test_shoebox_takes_a_material_for_each_side() -> None:
    """Every side can have its own material, by name or as a `Material`; north is -Z, east is +X."""
    sides = dict.fromkeys(("ceiling", "west", "east", "north", "south"), "plaster")
    scene = shoebox((2.0, 2.0, 2.0), {**sides, "floor": "carpet", "north": Material("felt", absorption=0.4)})
    corners = scene.vertices[scene.triangles]
    names = [scene.materials[m].name for m in scene.triangle_material]
    assert {n for n, t in zip(names, corners, strict=True) if np.all(t[:, 1] == 0)} == {"carpet"}
    assert {n for n, t in zip(names, corners, strict=True) if np.all(t[:, 2] == 0)} == {"felt"}


@pytest.mark.parametrize(
    ("size", "material", "message"),
    [
        ((1.0, 0.0, 1.0), "plaster", "three positive extents"),
        ((1.0, 1.0, 1.0), "plastre", "Did you mean 'plaster'"),
        ((1.0, 1.0, 1.0), {"flor": "wood"}, "Did you mean 'floor'"),
        ((1.0, 1.0, 1.0), {"floor": "wood"}, "no material for ceiling"),
    ],
)
def test_bad_shoebox_is_explained(size: tuple[float, float, float], material: object, message: str) -> None:
    """Wrong sizes, names and sides are named."""
    with pytest.raises(ValueError, match=message):
        shoebox(size, material)  # type: ignore[arg-type]


def test_mesh_with_several_materials() -> None:
    """Materials may be a dict; each triangle names its own."""
    scene = scene_from_mesh(_SQUARE, _FACES, {"a": "wood", "b": Material("x", absorption=0.5)}, ["b", "a"])
    assert [scene.materials[m].name for m in scene.triangle_material] == ["x", "wood"]


@pytest.mark.parametrize(
    ("vertices", "triangles", "materials", "choice", "message"),
    [
        (_SQUARE, np.zeros((0, 3), int), "wood", None, "no triangles"),
        (_SQUARE * np.nan, _FACES, "wood", None, "vertex 0 is NaN"),
        (_SQUARE, _FACES + 3, "wood", None, "refers to vertices"),
        (_SQUARE, _FACES.astype(float), "wood", None, "must be integer"),
        (_SQUARE, np.zeros((1, 4), int), "wood", None, "split polygons"),
        (_SQUARE, _FACES, (), None, "no material"),
        (_SQUARE, _FACES, ("wood", "glass"), None, "triangle_material must say"),
        (_SQUARE, _FACES, ("wood", "glass"), [0, 2], "triangle 1 has no material"),
        (_SQUARE, _FACES, {"a": "wood"}, ["a"], "1 entries for 2 triangles"),
    ],
)
def test_bad_mesh_is_explained(
    vertices: np.ndarray, triangles: np.ndarray, materials: object, choice: object, message: str
) -> None:
    """No triangles, NaN, wrong indices and missing materials are named with their place."""
    with pytest.raises(ValueError, match=message):
        scene_from_mesh(vertices, triangles, materials, choice)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_closed_and_face_outwards(shape: str) -> None:
    """Each edge is met once in both directions and the volume is positive, for turned and tapered shapes too."""
    builder = SceneBuilder()
    number = builder.add_object("thing", -1, (0, 0, 0), (1, 1, 1))
    row = shape_row((3.0, 1.0, -2.0), (0.5, 0.7, 0.9), yaw=0.4, pitch=0.3, taper=0.6, chamfer=0.05)
    builder.add_shape(shape, row, builder.add_material("wood"), number)
    scene = builder.build("shape")
    edges = {(int(t[i]), int(t[(i + 1) % 3])) for t in scene.triangles for i in range(3)}
    assert len(edges) == 3 * len(scene.triangles)
    assert all((b, a) in edges for a, b in edges)
    assert _volume(scene.vertices - np.float32([3, 1, -2]), scene.triangles) > 0.05


def test_box_fills_its_extents() -> None:
    """A box turned by 90 degrees swaps its extents along X and Z."""
    builder = SceneBuilder()
    number = builder.add_object("thing", -1, (0, 0, 0), (1, 1, 1))
    row = shape_row((0.0, 1.0, 0.0), (2.0, 1.0, 4.0), yaw=np.pi / 2)
    builder.add_shape("box", row, builder.add_material("wood"), number)
    assert_allclose(builder.build("box").bounds, [[-2, 0.5, -1], [2, 1.5, 1]], rtol=0, atol=1e-6)
