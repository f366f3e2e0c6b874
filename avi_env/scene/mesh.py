"""Scenes from plain geometry: the shoebox room and any triangle mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.scene.findings import report
from avi_env.scene.materials import material as find_material
from avi_env.scene.model import Light, Material, Room, Scene, SceneObject
from avi_env.scene.plausibility import mesh_issues
from avi_env.scene.shapes import SceneBuilder

__all__ = ["SHOEBOX_SIDES", "scene_from_mesh", "shoebox", "unchecked_scene"]

SHOEBOX_SIDES = ("floor", "ceiling", "west", "east", "north", "south")
"""Sides of a shoebox: west = -X, east = +X, north = -Z, south = +Z."""

_FARTHEST = 1e6  # [m]; beyond, 32-bit coordinates are coarser than a hand

Materials = str | Material | Sequence[str | Material] | Mapping[str, str | Material]


def shoebox(
    size: tuple[float, float, float], material: str | Material | Mapping[str, str | Material] = "plaster"
) -> Scene:
    """Returns an empty rectangular room whose normals face inwards.

    Args:
        size: extents along x, y (height) and z [m]; one corner lies at the origin.
        material: a name, a `Material`, or one for each side: floor, ceiling, west, east, north (-Z), south (+Z).

    Raises:
        ValueError: an extent is not positive, an unknown material, an unknown or missing side.
    """
    width, height, depth = _checked_size(size)
    sides = _side_materials(material)
    a, b, c, d = (0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)  # corners in (x, z), seen from above
    low = {k: (p[0], 0.0, p[1]) for k, p in zip("abcd", (a, b, c, d), strict=True)}
    high = {k: (p[0], height, p[1]) for k, p in zip("abcd", (a, b, c, d), strict=True)}
    corners = {
        "floor": (low["a"], low["d"], low["c"], low["b"]),
        "ceiling": (high["a"], high["b"], high["c"], high["d"]),
        "west": (low["a"], high["a"], high["d"], low["d"]),
        "east": (low["b"], low["c"], high["c"], high["b"]),
        "north": (low["a"], low["b"], high["b"], high["a"]),
        "south": (low["d"], high["d"], high["c"], low["c"]),
    }
    builder = SceneBuilder()
    for side in SHOEBOX_SIDES:
        quad = np.array(corners[side])
        extents = quad.max(axis=0) - quad.min(axis=0)
        category = side if side in ("floor", "ceiling") else "wall"
        number = builder.add_object(category, 0, tuple(quad.mean(axis=0)), tuple(extents))
        builder.add_quad(corners[side], builder.add_material(sides[side]), number)
    room = Room(0, "room", (a, d, c, b), 0.0, height)
    light = Light((width / 2, 0.9 * height, depth / 2), intensity=_room_light(width * depth), room=0)
    meta = {"generator": "shoebox", "size": [width, height, depth]}
    return builder.build(f"shoebox:{width:g}x{height:g}x{depth:g}", (room,), (), (light,), meta)


def _checked_size(size: tuple[float, float, float]) -> tuple[float, float, float]:
    values = np.asarray(size, dtype=np.float64)
    if values.shape != (3,) or not np.all(np.isfinite(values)) or np.any(values <= 0):
        raise ValueError(f"shoebox size takes three positive extents x, y (height), z in metres, not {size!r}")
    return float(values[0]), float(values[1]), float(values[2])


def _side_materials(choice: str | Material | Mapping[str, str | Material]) -> dict[str, Material]:
    if not isinstance(choice, Mapping):
        return dict.fromkeys(SHOEBOX_SIDES, find_material(choice))
    for side in choice:
        if side not in SHOEBOX_SIDES:
            raise name_error("shoebox side", side, SHOEBOX_SIDES)
    missing = [side for side in SHOEBOX_SIDES if side not in choice]
    if missing:
        raise ValueError(f"shoebox: no material for {', '.join(missing)}; give all of {', '.join(SHOEBOX_SIDES)}")
    return {side: find_material(choice[side]) for side in SHOEBOX_SIDES}


def _room_light(area: float) -> float:
    """Intensity of the one lamp of a room, so that larger rooms are not darker."""
    return float(1.6 + 0.14 * area)


def scene_from_mesh(
    vertices: npt.ArrayLike,
    triangles: npt.ArrayLike,
    materials: Materials,
    triangle_material: npt.ArrayLike | Sequence[str] | None = None,
    name: str = "mesh",
) -> Scene:
    """Returns a scene of one object from any triangle mesh; the mesh may be open.

    Warns (`SceneWarning`) where scale, materials or doubled faces are hardly what was meant; see docs/scenes.md.

    Args:
        vertices: positions [m], shape (V, 3), +Y up.
        triangles: vertex indices, shape (T, 3); counter-clockwise seen from the air.
        materials: one material (a name or a `Material`) for all; or a sequence; or a dict of materials by key.
        triangle_material: with several materials, for each triangle the index into the sequence or the dict's key.
        name: the scene's name.

    Raises:
        ValueError: no triangles, NaN, indices out of range, no or unknown materials; the message names the place.
        SceneError: no triangle has an area.
    """
    scene = unchecked_scene(vertices, triangles, materials, triangle_material, name)
    report(mesh_issues(scene))
    return scene


def unchecked_scene(
    vertices: npt.ArrayLike,
    triangles: npt.ArrayLike,
    materials: Materials,
    triangle_material: npt.ArrayLike | Sequence[str] | None,
    name: str,
) -> Scene:
    """Returns the scene of `scene_from_mesh`, for callers that check its health themselves."""
    points, faces = checked_mesh(vertices, triangles, name)
    table, index = _mesh_materials(materials, triangle_material, len(faces), name)
    low, high = points.min(axis=0), points.max(axis=0)
    middle, extents = (low + high) / 2, high - low
    body = SceneObject(0, "mesh", -1, _point(middle), _point(extents))
    light = Light((float(middle[0]), float(low[1] + 0.9 * extents[1]), float(middle[2])), intensity=4.0)
    return Scene(
        name=name,
        vertices=points.astype(np.float32),
        triangles=faces.astype(np.int32),
        triangle_material=index.astype(np.int32),
        triangle_object=np.zeros(len(faces), dtype=np.int32),
        materials=table,
        objects=(body,),
        lights=(light,),
        meta={"generator": "mesh"},
    )


def _point(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def checked_mesh(
    vertices: npt.ArrayLike, triangles: npt.ArrayLike, name: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    points = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(triangles)
    if faces.size == 0:
        raise ValueError(f"mesh {name!r} has no triangles: a scene needs surfaces that light and sound can meet")
    if points.ndim != 2 or points.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(
            f"mesh {name!r}: vertices must have shape (V, 3) and triangles (T, 3), not {points.shape} and "
            f"{faces.shape}; split polygons into triangles first"
        )
    if not np.issubdtype(faces.dtype, np.integer):
        raise ValueError(
            f"mesh {name!r}: triangles hold vertex indices, so their type must be integer, not {faces.dtype}"
        )
    bad = np.flatnonzero(~(np.abs(points) < _FARTHEST).all(axis=1))
    if len(bad):
        raise ValueError(
            f"mesh {name!r}: vertex {bad[0]} is NaN, infinite or farther than {_FARTHEST:g} m ({len(bad)} such "
            f"vertices): repair the mesh, or scale it to metres"
        )
    outside = np.flatnonzero(((faces < 0) | (faces >= len(points))).any(axis=1))
    if len(outside):
        raise ValueError(
            f"mesh {name!r}: triangle {outside[0]} refers to vertices {faces[outside[0]].tolist()}, "
            f"but there are only {len(points)}"
        )
    return points, faces.astype(np.int64)


def _mesh_materials(
    materials: Materials, choice: npt.ArrayLike | Sequence[str] | None, count: int, name: str
) -> tuple[tuple[Material, ...], npt.NDArray[np.int64]]:
    if isinstance(materials, str | Material):
        materials = (materials,)
    keys = list(materials) if isinstance(materials, Mapping) else list(range(len(materials)))
    rows = materials.values() if isinstance(materials, Mapping) else materials
    table = tuple(find_material(m) for m in rows)
    if not table:
        raise ValueError(f"mesh {name!r} has no material: pass materials='plaster', or another name or Material")
    if choice is None:
        if len(table) > 1:
            raise ValueError(
                f"mesh {name!r} has {len(table)} materials: triangle_material must say which triangle has which"
            )
        return table, np.zeros(count, dtype=np.int64)
    labels = list(np.asarray(choice).tolist())
    if len(labels) != count:
        raise ValueError(f"mesh {name!r}: triangle_material has {len(labels)} entries for {count} triangles")
    position = {key: i for i, key in enumerate(keys)}
    for number, label in enumerate(labels):
        if label not in position:
            known = ", ".join(str(k) for k in keys)
            raise ValueError(f"mesh {name!r}: triangle {number} has no material: {label!r} is none of {known}")
    return table, np.array([position[label] for label in labels], dtype=np.int64)
