"""Scene health: what rays find (leaks, wrong floors, sources inside geometry) and what the mesh itself tells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.scene.emitters import emission_point, emitting_objects
from avi_env.scene.findings import Issue, SceneError, place_text, report
from avi_env.scene.model import Scene
from avi_env.scene.outline import in_outline
from avi_env.scene.plausibility import mesh_issues
from avi_env.scene.rays import closest_hit

__all__ = ["LEAK_LIMIT", "check_scene", "check_source", "escaped_share", "outside_building", "require_healthy"]

FloatArray = npt.NDArray[np.float64]

LEAK_LIMIT = 1e-3
"""Largest share of rays that may escape from the places where one can be; below it a leak is a warning."""

_RAYS = 4096
_BOUNCES = 8
_UP = 0.7  # a floor's normal has at least this component along +Y
_LOOKS = 12  # rays that tell whether a place is in the air
_HEADROOM = 1.0  # [m] a room is at least this high
_RUGS = 0.03  # rugs and mats lie below this height above a floor [m]
_ENCLOSED = 0.75  # of the directions end on something, indoors; a narrow court open below and above has less
_INSIDE_OUT = 0.8  # of the rays that start above what looks like a floor
_FLIPPED_SHARE = 0.02  # of the floors' area that may be wound the wrong way


def check_scene(scene: Scene) -> tuple[Issue, ...]:
    """Returns what is wrong with a scene, nothing if it is sound.

    Rays (4096, 8 diffuse bounces, fixed seed) start above the floor: a sound model needs that they stay inside.
    """
    issues = mesh_issues(scene)
    if any(issue.kind == "degenerate" for issue in issues):
        return tuple(issues)
    starts, headroom = _standing_points(scene)
    if len(starts) == 0:
        message = (
            f"scene {scene.name!r} has no floor: no triangle faces up (+Y). Turn a mesh that is +Z up by -90 degrees "
            f"about X, flip triangles that are wound the wrong way, or add a floor"
        )
        return (*issues, Issue("no_floor", message))
    issues += _headroom_issues(scene, starts, headroom)
    share, place, direction = _escapes(scene, starts)
    if share > 0.0 and place is not None and direction is not None:
        issues.append(_leak(scene, share, place, direction))
    issues += _flipped_floors(scene)
    for item in emitting_objects(scene):
        found = _inside(scene, emission_point(item))
        if found:
            issues.append(Issue("source_inside", f"object {item.name!r}: {found}", item.center))
    return tuple(issues)


def require_healthy(scene: Scene) -> None:
    """Raises `SceneError` with all errors that `check_scene` finds; warns (`SceneWarning`) where it only has doubts."""
    report(check_scene(scene))


def check_source(scene: Scene, position: npt.ArrayLike) -> None:
    """Checks the position of a sound source [m], shape (3,).

    Raises:
        SceneError: it is no finite position, lies inside closed geometry, or outside a building that has rooms.
    """
    place = np.asarray(position, dtype=np.float64)
    if place.shape != (3,) or not np.all(np.isfinite(place)):
        raise SceneError(f"scene {scene.name!r}: a source needs a finite position (x, y, z), not {place.tolist()}")
    found = _inside(scene, place)
    if found:
        raise SceneError(f"scene {scene.name!r}: source {found}")


def outside_building(scene: Scene, position: FloatArray) -> bool:
    """Says whether a position [m], shape (3,), is in the open beside a building: in no room, and much sky is seen.

    False in scenes without rooms: of a bare mesh nobody knows what is inside.
    """
    if not scene.rooms or _in_rooms(scene, position[None]).any():
        return False
    rng = np.random.Generator(np.random.Philox(key=2))
    directions = _units(rng, 64)
    met = closest_hit(scene, np.tile(position, (64, 1)), directions).triangle >= 0
    return bool(met.mean() < _ENCLOSED)


def escaped_share(
    scene: Scene, starts: npt.ArrayLike, rays: int = _RAYS, bounces: int = _BOUNCES, seed: int = 0
) -> float:
    """Returns the share of diffusely bounced ray segments that leave the scene, from points [m], shape (n, 3)."""
    return _escapes(scene, np.asarray(starts, dtype=np.float64), rays, bounces, seed)[0]


def _standing_points(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Points 1.2 m above (or half-way to what is above) evenly chosen floor triangles, and the headroom there [m]."""
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1)
    up = np.flatnonzero(normal[:, 1] > _UP * np.maximum(length, 1e-12))
    if len(up) == 0:
        return np.zeros((0, 3)), np.zeros(0)
    names = np.array([o.category == "floor" for o in scene.objects] or [False])
    floors = up[names[scene.triangle_object[up]] & (scene.triangle_object[up] >= 0)]
    if len(floors) == 0:
        lowest = corners[up].mean(axis=1)[:, 1]
        floors = up[lowest < lowest.min() + 0.3]
    rng = np.random.Generator(np.random.Philox(key=1))
    chosen = rng.choice(floors, size=256, p=length[floors] / length[floors].sum())
    weights = rng.dirichlet((1.0, 1.0, 1.0), size=256)
    points: FloatArray = np.einsum("nk,nkd->nd", weights, corners[chosen]) + np.array([0.0, _RUGS, 0.0])
    headroom = closest_hit(scene, points, np.tile([0.0, 1.0, 0.0], (256, 1))).distance.astype(np.float64)
    points[:, 1] += np.minimum(1.2, np.where(np.isfinite(headroom), headroom / 2, 1.2))
    # Floors run on under walls and cupboards: who is within them sees the backs of their faces.
    around = np.tile(_units(rng, _LOOKS), (256, 1))
    met = closest_hit(scene, np.repeat(points, _LOOKS, axis=0), around).triangle
    back = ((met >= 0) & ((normal[met] * around).sum(axis=1) > 0.0)).reshape(256, _LOOKS).mean(axis=1)
    air = back < 0.5
    indoors = _in_rooms(scene, points)
    air &= indoors if (air & indoors).any() else True
    if not air.any():  # all wound inside out
        air[:] = True
    return points[air], headroom[air]


def _headroom_issues(scene: Scene, starts: FloatArray, headroom: FloatArray) -> list[Issue]:
    height = float(np.median(headroom))
    if height >= _HEADROOM:
        return []
    place = _point(starts[np.argsort(headroom)[len(headroom) // 2]])
    message = (
        f"scene {scene.name!r}: half of the floor has less than {height:.2g} m above it, for example at "
        f"{place_text(place)}: nobody can stand there; is the mesh in metres, and +Y up?"
    )
    return [Issue("low_rooms", message, place, "warning")]


def _flipped_floors(scene: Scene) -> list[Issue]:
    """Faces that look down into nothing and carry a room's air on their back: floors wound the wrong way."""
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
    down = np.flatnonzero(normal[:, 1] < -_UP * length)
    if not len(down):
        return []
    middle, up = corners[down].mean(axis=1), np.array([0.0, 1.0, 0.0])
    beneath = closest_hit(scene, middle - 1e-3 * up, np.tile(-up, (len(down), 1))).triangle
    above = closest_hit(scene, middle + 1e-3 * up, np.tile(up, (len(down), 1)))
    # A slab's underside sees the back of its own top; air ends at a face that looks down into it.
    wrong = (beneath < 0) & (above.triangle >= 0) & (normal[above.triangle, 1] < 0.0) & (above.distance > 0.3)
    floors = length[normal[:, 1] > _UP * length].sum() + length[down[wrong]].sum()
    if not length[down[wrong]].sum() > _FLIPPED_SHARE * floors:
        return []
    place = _point(middle[wrong][np.argmax(length[down[wrong]])])
    message = (
        f"scene {scene.name!r}: {int(wrong.sum())} triangles of the floor are wound the wrong way (they face down), "
        f"the largest at {place_text(place)}: nobody can walk there; flip them (triangle[::-1])"
    )
    return [Issue("flipped_floor", message, place, "warning")]


def _escapes(
    scene: Scene, starts: FloatArray, rays: int = _RAYS, bounces: int = _BOUNCES, seed: int = 0
) -> tuple[float, FloatArray | None, FloatArray | None]:
    """Share of escaped segments, and where (and which way) the first escaping rays left on average."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    origin = starts[rng.integers(len(starts), size=rays)]
    direction = _units(rng, rays)
    total = lost = 0
    exit_from: FloatArray | None = None
    exit_way: FloatArray | None = None
    for _ in range(bounces):
        hits = closest_hit(scene, origin, direction)
        gone = hits.triangle < 0
        total, lost = total + len(origin), lost + int(gone.sum())
        if exit_from is None and gone.any():
            exit_from, exit_way = origin[gone][0], direction[gone][0]
        origin, direction, triangle = origin[~gone], direction[~gone], hits.triangle[~gone]
        if len(origin) == 0:
            break
        normal = normals[triangle] * np.where((normals[triangle] * direction).sum(axis=1) > 0, -1.0, 1.0)[:, None]
        origin = origin + direction * hits.distance[~gone][:, None] + 1e-4 * normal
        direction = normal + _units(rng, len(origin))
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    return lost / max(total, 1), exit_from, exit_way


def _units(rng: np.random.Generator, count: int) -> FloatArray:
    vectors = rng.normal(size=(count, 3))
    units: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _leak(scene: Scene, share: float, place: FloatArray, direction: FloatArray) -> Issue:
    low, high = scene.bounds.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(direction > 0, (high - place) / direction, (low - place) / direction)
    reach = np.where(np.isfinite(reach) & (reach >= 0), reach, np.inf)
    axis = int(np.argmin(reach))
    gap = place + direction * (reach[axis] if np.isfinite(reach[axis]) else 0.0)
    at = (float(gap[0]), float(gap[1]), float(gap[2]))
    message = (
        f"scene {scene.name!r} leaks: {100 * share:.2g} % of rays escape, for example near {place_text(at)} going "
        f"{'+' if direction[axis] > 0 else '-'}{'XYZ'[axis]}: close the hole there (walls, ceiling and floor must meet "
        f"or overlap), or add a ceiling"
    )
    if share > _INSIDE_OUT:
        message += "; nearly all escape: if the mesh is wound inside out, reverse its triangles (triangles[:, ::-1])"
    return Issue("leak", message, at, "error" if share > LEAK_LIMIT else "warning")


def _inside(scene: Scene, point: FloatArray) -> str:
    """Says why a point is no place for a source: empty text if it is one."""
    rng = np.random.Generator(np.random.Philox(key=2))
    directions = _units(rng, 64)
    hits = closest_hit(scene, np.tile(point, (64, 1)), directions)
    at = place_text(_point(point))
    met = hits.triangle >= 0
    if outside_building(scene, point):
        return f"at {at} is outside the building: move it into a room"
    if not met.any():
        return ""  # free field
    corners = scene.vertices[scene.triangles[hits.triangle[met]]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    behind = (normal * directions[met]).sum(axis=1) > 0
    if behind.mean() < 0.9:
        return ""
    owner = int(scene.triangle_object[hits.triangle[met][behind][0]])
    name = scene.objects[owner].name if 0 <= owner < len(scene.objects) else "a mesh"
    return f"at {at} is inside {name}: move it out, for example to avi_env.scene.emission_point(object)"


def _in_rooms(scene: Scene, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether each point [m], shape (n, 3), lies over the outline of a room, shape (n,)."""
    found = np.zeros(len(points), dtype=np.bool_)
    for room in scene.rooms:
        found |= in_outline(room.polygon, points[:, [0, 2]])
    return found


def _point(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = np.asarray(values, dtype=np.float64).tolist()
    return (x, y, z)
