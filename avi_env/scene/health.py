"""Scene health: leaks, missing floors and materials, sources inside geometry; each finding names place and remedy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avi_env.scene.emitters import emission_point, emitting_objects
from avi_env.scene.model import Scene
from avi_env.scene.rays import closest_hit

__all__ = ["LEAK_LIMIT", "Issue", "SceneError", "check_scene", "check_source", "escaped_share", "require_healthy"]

LEAK_LIMIT = 1e-3
"""Largest share of rays that may escape from the places where one can be."""

_RAYS = 4096
_BOUNCES = 8
_UP = 0.7  # a floor's normal has at least this component along +Y


class SceneError(ValueError):
    """A scene that cannot be used as it is; the message names place and remedy."""


@dataclass(frozen=True)
class Issue:
    """One finding about a scene."""

    kind: str
    """"leak", "no_floor", "no_material", "degenerate" or "source_inside"."""
    message: str
    """What is wrong, where, and what to do."""
    place: tuple[float, float, float] | None = None
    """Where [m]."""

    def __str__(self) -> str:
        return self.message


def check_scene(scene: Scene) -> tuple[Issue, ...]:
    """Returns what is wrong with a scene, nothing if it is sound.

    Rays (4096, 8 diffuse bounces, fixed seed) start above the floor: a sound model needs that they stay inside.
    """
    issues = [*_material_issues(scene), *_degenerate_issues(scene)]
    starts = _standing_points(scene)
    if len(starts) == 0:
        message = (
            f"scene {scene.name!r} has no floor: no triangle faces up (+Y). Turn a mesh that is +Z up by -90 degrees "
            f"about X, flip triangles that are wound the wrong way, or add a floor"
        )
        return (*issues, Issue("no_floor", message))
    share, place, direction = _escapes(scene, starts)
    if share > LEAK_LIMIT and place is not None and direction is not None:
        issues.append(_leak(scene, share, place, direction))
    for item in emitting_objects(scene):
        found = _inside(scene, emission_point(item))
        if found:
            issues.append(Issue("source_inside", f"object {item.name!r}: {found}", item.center))
    return tuple(issues)


def require_healthy(scene: Scene) -> None:
    """Raises `SceneError` with all findings of `check_scene`, if there are any."""
    issues = check_scene(scene)
    if issues:
        raise SceneError("; ".join(str(issue) for issue in issues))


def check_source(scene: Scene, position: npt.ArrayLike) -> None:
    """Checks the position of a sound source [m], shape (3,).

    Raises:
        SceneError: it lies inside closed geometry, or outside a building that has rooms.
    """
    found = _inside(scene, np.asarray(position, dtype=np.float64))
    if found:
        raise SceneError(f"scene {scene.name!r}: source {found}")


def escaped_share(
    scene: Scene, starts: npt.ArrayLike, rays: int = _RAYS, bounces: int = _BOUNCES, seed: int = 0
) -> float:
    """Returns the share of diffusely bounced ray segments that leave the scene, from points [m], shape (n, 3)."""
    return _escapes(scene, np.asarray(starts, dtype=np.float64), rays, bounces, seed)[0]


def _material_issues(scene: Scene) -> list[Issue]:
    missing = np.flatnonzero(scene.triangle_material < 0)
    if len(missing) == 0:
        return []
    place = _middle(scene, int(missing[0]))
    message = (
        f"scene {scene.name!r}: {len(missing)} triangles have no material, the first at {_text(place)}: give every "
        f"triangle an index into materials, such as avi_env.scene.material('plaster')"
    )
    return [Issue("no_material", message, place)]


def _degenerate_issues(scene: Scene) -> list[Issue]:
    corners = scene.vertices[scene.triangles].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    if np.any(area > 1e-12):
        return []
    return [Issue("degenerate", f"scene {scene.name!r} has no triangle with an area: check the mesh's scale (metres)")]


def _standing_points(scene: Scene) -> npt.NDArray[np.float64]:
    """Points 1.2 m above (or half-way to what is above) evenly chosen floor triangles, shape (n, 3)."""
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1)
    up = np.flatnonzero(normal[:, 1] > _UP * np.maximum(length, 1e-12))
    if len(up) == 0:
        return np.zeros((0, 3))
    names = np.array([o.category == "floor" for o in scene.objects] or [False])
    floors = up[names[scene.triangle_object[up]] & (scene.triangle_object[up] >= 0)]
    if len(floors) == 0:
        lowest = corners[up].mean(axis=1)[:, 1]
        floors = up[lowest < lowest.min() + 0.3]
    rng = np.random.Generator(np.random.Philox(key=1))
    chosen = rng.choice(floors, size=256, p=length[floors] / length[floors].sum())
    weights = rng.dirichlet((1.0, 1.0, 1.0), size=256)
    points: npt.NDArray[np.float64] = np.einsum("nk,nkd->nd", weights, corners[chosen]) + np.array([0.0, 1e-3, 0.0])
    headroom = closest_hit(scene, points, np.tile([0.0, 1.0, 0.0], (256, 1))).distance
    points[:, 1] += np.minimum(1.2, np.where(np.isfinite(headroom), headroom / 2, 1.2))
    return points


def _escapes(
    scene: Scene, starts: npt.NDArray[np.float64], rays: int = _RAYS, bounces: int = _BOUNCES, seed: int = 0
) -> tuple[float, npt.NDArray[np.float64] | None, npt.NDArray[np.float64] | None]:
    """Share of escaped segments, and where (and which way) the first escaping rays left on average."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    origin = starts[rng.integers(len(starts), size=rays)]
    direction = _units(rng, rays)
    total = lost = 0
    exit_from: npt.NDArray[np.float64] | None = None
    exit_way: npt.NDArray[np.float64] | None = None
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


def _units(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    vectors = rng.normal(size=(count, 3))
    units: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _leak(scene: Scene, share: float, place: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]) -> Issue:
    low, high = scene.bounds.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(direction > 0, (high - place) / direction, (low - place) / direction)
    reach = np.where(np.isfinite(reach) & (reach >= 0), reach, np.inf)
    axis = int(np.argmin(reach))
    gap = place + direction * (reach[axis] if np.isfinite(reach[axis]) else 0.0)
    at = (float(gap[0]), float(gap[1]), float(gap[2]))
    message = (
        f"scene {scene.name!r} leaks: {100 * share:.2g} % of rays escape, for example near {_text(at)} going "
        f"{'+' if direction[axis] > 0 else '-'}{'XYZ'[axis]}: close the hole there (walls, ceiling and floor must meet "
        f"or overlap), or add a ceiling"
    )
    return Issue("leak", message, at)


def _inside(scene: Scene, point: npt.NDArray[np.float64]) -> str:
    """Says why a point is no place for a source: empty text if it is one."""
    rng = np.random.Generator(np.random.Philox(key=2))
    directions = _units(rng, 64)
    hits = closest_hit(scene, np.tile(point, (64, 1)), directions)
    at = _text((float(point[0]), float(point[1]), float(point[2])))
    met = hits.triangle >= 0
    if scene.rooms and met.mean() < 0.5:
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


def _middle(scene: Scene, triangle: int) -> tuple[float, float, float]:
    x, y, z = scene.vertices[scene.triangles[triangle]].astype(np.float64).mean(axis=0).tolist()
    return (x, y, z)


def _text(point: tuple[float, float, float]) -> str:
    return f"({point[0]:.2f}, {point[1]:.2f}, {point[2]:.2f}) m"
