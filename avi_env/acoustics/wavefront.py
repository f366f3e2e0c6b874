"""The wavefront of sound: the shortest bent path from a source to everywhere, through doors and around corners."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import spatial

from avi_env.acoustics.edges import sharp_lines
from avi_env.acoustics.field import WavefrontField
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths
from avi_env.navigation.any_angle import AnyAngle, AnyAngleMap
from avi_env.navigation.grid import floor_levels, storey_levels
from avi_env.navigation.raster import Raster, clearance_raster, raster_over, without_cavities
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import occluded

__all__ = ["EAR_HEIGHT", "SoundMap", "WavefrontBank", "diffracted_paths", "sound_map", "wavefront_field"]

EAR_HEIGHT = 1.25
"""Height of the ears above the floor [m]: SoundSpaces' sensor height. Furniture below does not block the wave."""

SPACING = 0.05
"""Width of a column [m] in scenes of up to 50 m."""

_COLUMNS = 1000  # along a side: what a search can hold
_WIDEST = 0.25  # [m]; wider columns would close doors
_PLATE = 1e-3  # [m] height of a scene that is one flat plate
_EDGE_REACH = 1.5  # columns; the true edge of a blocked square's corner lies within
_SEED_REACH = 0.75  # columns; a source over a cupboard sounds from all free columns that are nearest within this
_SEED_SIGHT, _SEED_LOOKS = 3.0, 1024  # [m] within which so many columns are looked at
_SOURCE_LIMIT = 1.5  # [m]; a source deeper inside geometry than this is an error
_TURN = np.deg2rad(2.0)  # bends by less are steps of the grid along an oblique wall


class SoundMap(NamedTuple):
    """Where sound can go in a horizontal plane of a scene, and the true edges around which it bends."""

    height: float
    """Height y of the plane [m]."""
    paths: AnyAngleMap
    """The plane's free columns."""
    edges: npt.NDArray[np.float64]
    """World (x, z) of the geometry's edge at each convex corner of the grid [m], shape (C, 2)."""


def column_width(scene: Scene) -> float:
    """Returns the width of a scene's columns [m]: 5 cm, more where the scene is larger than 50 m.

    Raises:
        ValueError: the scene has no triangles, or is so large that doors would be lost.
    """
    if not len(scene.triangles):
        raise ValueError(f"scene {scene.name!r} has no triangles: give it surfaces for sound to meet")
    span = float(np.max(np.ptp(scene.bounds[:, [0, 2]].astype(np.float64), axis=0)))
    if span > _COLUMNS * _WIDEST:
        raise ValueError(
            f"scene {scene.name!r} is {span:.5g} m across: the wavefront covers at most {_COLUMNS * _WIDEST:g} m. Is "
            f"the scene in metres? Else cut it into parts"
        )
    return max(SPACING, span / _COLUMNS)


def sound_map(scene: Scene, height: float, spacing: float = SPACING) -> SoundMap:
    """Returns where sound can go in the plane y = `height` [m], built once per scene.

    A column is blocked where geometry cuts the plane within it: walls, closed doors, windows, tall cupboards.
    """
    key = ("sound_map", float(height), float(spacing))
    return derived(scene, key, lambda: _build_map(scene, float(height), float(spacing)))


def _build_map(scene: Scene, height: float, spacing: float) -> SoundMap:
    bounds = scene.bounds
    raster = raster_over(bounds[0, [0, 2]], bounds[1, [0, 2]], spacing, margin=2 * spacing)
    clearance = clearance_raster(scene.vertices, scene.triangles, raster, (height, height), reach=2 * spacing)
    free = without_cavities(clearance > 0.5 * spacing * (1 + 1e-3), spacing)
    paths = AnyAngleMap(free, spacing, raster.origin)
    return SoundMap(height, paths, _edges(paths, _cut(scene, height), raster))


def _cut(scene: Scene, height: float) -> npt.NDArray[np.float64]:
    """World (x, z) of the points at which the geometry's edges cross the plane [m], shape (n, 2)."""
    place, pairs = sharp_lines(scene)
    p, q = place[pairs[:, 0]], place[pairs[:, 1]]
    crossing = (p[:, 1] > height) != (q[:, 1] > height)
    p, q = p[crossing], q[crossing]
    t = ((height - p[:, 1]) / (q[:, 1] - p[:, 1]))[:, None]
    return np.asarray((p + t * (q - p))[:, [0, 2]])


def _edges(paths: AnyAngleMap, cut: npt.NDArray[np.float64], raster: Raster) -> npt.NDArray[np.float64]:
    """Moves the corners of blocked squares to the true edge nearby that protrudes most, if there is one."""
    corners, sides = paths.corners
    if not len(cut) or not len(corners):
        return corners
    tree = spatial.cKDTree(cut)
    edges = corners.copy()
    for k, near in enumerate(tree.query_ball_point(corners, _EDGE_REACH * raster.spacing)):
        if near:
            protrusion = -(cut[near] - corners[k]) @ sides[k]
            edges[k] = cut[near][int(np.argmax(protrusion))]
    return edges


def wavefront_field(
    scene: Scene, source: npt.ArrayLike, *, ear_height: float = EAR_HEIGHT, spacing: float | None = None
) -> WavefrontField:
    """Returns the shortest path of sound from a source to every column of its storey's plane at ear height.

    Paths are exact at any angle and bend at the true edges of the geometry that cuts the plane. A source that is shut
    in, by a cupboard for instance, has no path to anywhere.

    Args:
        scene: the scene.
        source: world (x, y, z) of the source [m], shape (3,).
        ear_height: height of the plane above the floor [m].
        spacing: width of a column [m]; None = 5 cm, more in scenes of more than 50 m.

    Raises:
        ValueError: the source lies inside geometry or outside the scene; the scene is empty or more than 250 m across.
    """
    point = np.asarray(source, dtype=np.float64)
    if point.shape != (3,) or not np.all(np.isfinite(point)):
        raise ValueError(f"a source is a finite world point (x, y, z), not {np.asarray(source).tolist()}")
    spacing = column_width(scene) if spacing is None else spacing
    height, storey = _plane_height(scene, float(point[1]), ear_height)
    plane = sound_map(scene, height, spacing)
    at = point[[0, 2]]
    seeds = _seeds(scene, plane, at)
    found = plane.paths.search([seeds], [np.hypot(*(seeds - at).T)])[0]
    if not np.array_equal(seeds, at[None]) and not _is_heard_outside(scene, plane, point):
        found = replace(found, root=np.full_like(found.root, -1))
    return replace(_field(found, plane, at), storey=storey)


def _is_heard_outside(scene: Scene, plane: SoundMap, source: npt.NDArray[np.float64]) -> bool:
    """Whether a source in a blocked column sees a free one, at its own height or the plane's: else it is shut in."""
    centers = np.array(plane.paths.origin) + np.argwhere(plane.paths.free) * plane.paths.spacing
    near = centers[np.hypot(*(centers - source[[0, 2]]).T) < _SEED_SIGHT]
    near = near[:: -(-len(near) // _SEED_LOOKS) or 1]
    targets = np.concatenate([np.insert(near, 1, y, axis=1) for y in (source[1], plane.height)])
    return not occluded(scene, np.broadcast_to(source, targets.shape), targets).all()


def _plane_height(scene: Scene, source_y: float, ear_height: float) -> tuple[float, tuple[float, float]]:
    """Height y of the plane at ear height on a source's storey [m], and heights between which ears are on it [m]."""
    low, high = (float(y) for y in scene.bounds[:, 1])
    levels = floor_levels(scene) or [low]
    storeys = storey_levels(scene)
    if len(storeys) > 1:
        levels = storeys
    below = [level for level in levels if level <= source_y]
    floor = max(below, default=min(levels))
    height = floor + ear_height
    inside = low < height < high or high - low < _PLATE  # over a plate in the open nothing is in the wave's way
    height = height if inside else (low + high) / 2  # low rooms
    if len(storeys) < 2:
        return height, (-np.inf, np.inf)
    above = [level for level in storeys if level > floor]
    return height, (-np.inf if floor == storeys[0] else floor, min(above, default=np.inf))


def _seeds(scene: Scene, plane: SoundMap, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """World (x, z) from which the wave starts: the source, or the free columns nearest to one over a cupboard."""
    paths = plane.paths
    column = np.floor((at - np.array(paths.origin)) / paths.spacing + 0.5).astype(int)
    inside = np.all((column >= 0) & (column < paths.free.shape))
    if inside and paths.free[column[0], column[1]]:
        return at[None]
    columns = np.argwhere(paths.free)
    centers = np.array(paths.origin) + columns * paths.spacing
    distance = np.hypot(*(centers - at).T) if len(columns) else np.full(1, np.inf)
    if distance.min() > _SOURCE_LIMIT:
        raise ValueError(
            f"scene {scene.name!r}: the source at (x, z) = ({at[0]:.2f}, {at[1]:.2f}) lies inside geometry or outside "
            f"the scene: no air within {_SOURCE_LIMIT:g} m at y = {plane.height:.2f} m"
        )
    return np.asarray(centers[distance <= distance.min() + _SEED_REACH * paths.spacing])


def _field(found: AnyAngle, plane: SoundMap, at: npt.NDArray[np.float64]) -> WavefrontField:
    goals = found.goal_count
    bend = np.concatenate([np.repeat(at[None], goals, axis=0), np.repeat(plane.edges, 2, axis=0)])
    rest, count, first = _path_tables(found, bend)
    reached = found.root >= 0
    root, (i, j) = found.root[reached], np.nonzero(reached)  # a third of a house's columns
    nx, nz = found.length.shape
    x = found.origin[0] + np.arange(nx) * found.spacing
    z = found.origin[1] + np.arange(nz) * found.spacing
    last, bent = bend[root], root >= goals
    length = rest[root] + np.hypot(x[i] - last[:, 0], z[j] - last[:, 1])
    detour = np.maximum(length - np.hypot(x[i] - at[0], z[j] - at[1]), 0.0)
    center = np.stack(np.meshgrid(x.astype(np.float32), z.astype(np.float32), indexing="ij"), axis=-1)
    center[i[bent], j[bent]] = bend[first[root[bent]]]
    return WavefrontField(
        source=(float(at[0]), float(at[1])),
        origin=found.origin,
        spacing=found.spacing,
        height=plane.height,
        length=_spread(reached, np.inf, length),
        bend=_spread(reached, at, last),
        first_bend=center,
        bend_count=_spread(reached, 0, count[root]),
        detour=_spread(reached, np.inf, detour),
    )


def _spread(reached: npt.NDArray[np.bool_], elsewhere: npt.ArrayLike, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns values of the columns that are reached among those that are not, shape (nx, nz, ...), 32 bits each."""
    kind = np.int32 if values.dtype.kind == "i" else np.float32
    spread = np.empty((*reached.shape, *values.shape[1:]), dtype=kind)
    spread[...] = elsewhere
    spread[reached] = values
    return spread


def _path_tables(
    found: AnyAngle, bend: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Length [m] from the source to each root by the true edges, its number of bends, the first of them, all (R,)."""
    rest = np.zeros(len(bend))
    count = np.zeros(len(bend), dtype=np.int32)
    first = np.arange(len(bend))
    for row in np.argsort(found.root_length, kind="stable"):
        if not np.isfinite(found.root_length[row]):
            break
        before = found.root_parent[row]
        if before < 0:
            continue
        step = bend[row] - bend[before]
        rest[row] = rest[before] + np.hypot(*step)
        count[row] = count[before] + 1
        if before >= found.goal_count:
            first[row] = first[before]
        if found.root_parent[before] >= 0 and not _turns(bend[before] - bend[found.root_parent[before]], step):
            count[row] -= 1
    return rest, count, first


def _turns(into: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> bool:
    """Whether a path that arrives along one vector and leaves along another really bends."""
    angle = np.arctan2(into[0] * out[1] - into[1] * out[0], into @ out)
    return bool(np.hypot(*into) > 0 and np.hypot(*out) > 0 and abs(angle) > _TURN)
