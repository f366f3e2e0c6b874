"""Doors: leaves that turn about their hinges. A scene with a door shut is another scene, made once and kept.

A leaf turns rigidly about one upright axis between its place in the frame and its place in the scene. Swinging, it has
the size it has in the scene; shut, it is stretched until it is 2 mm inside the frame all round, so nothing passes by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Portal, Scene, SceneObject

__all__ = ["Door", "Leaf", "forget_turned", "leaf_distance", "leaf_place", "scene_doors", "with_doors"]

Array = npt.NDArray[np.float64]

_REACH = 0.4  # [m] from a jamb to the hinge end of its leaf: hinges stand up to 0.15 m off the wall's middle
_FIT = 0.2  # share by which a leaf's width and height may miss the frame's
_SHUT = math.radians(3.0)  # a leaf turned by less stands shut
_AIR = 0.01  # [m] around a swinging leaf, as generated ones have
_HINGE = (
    0.02,
    0.15,
)  # [m] where the edge of a generated leaf stands at 90 degrees: beside the jamb, off the wall's middle
_OVERLAP = 0.002  # [m] by which a shut leaf reaches into the frame on every side
_SWEEP_STEP = math.radians(4.0)  # of the angles at which a sweep is looked at: 7 cm at the end of a 1 m leaf


@dataclass(frozen=True)
class Leaf:
    """One door leaf and how it turns."""

    object: int
    """Id of the scene's object."""
    hinge: tuple[float, float]
    """The axis it turns about, (x, z) [m]."""
    angle: float
    """Turn from shut to fully open [rad], counter-clockwise about +Y."""
    shut: SceneObject
    """The object with the leaf in its frame."""
    open: SceneObject
    """The object with the leaf fully open."""


@dataclass(frozen=True)
class Door:
    """The leaf, or the two leaves, of one portal."""

    portal: int
    leaves: tuple[Leaf, ...]
    openness: float
    """How far it is open in the scene, 0 shut .. 1 open."""


def scene_doors(scene: Scene) -> tuple[Door, ...]:
    """Returns the doors of a scene that can turn: portals with objects of category "door" that fit them.

    Hinge and angle follow from the boxes: the hinge end of a leaf is the one beside a jamb, and as it stands it is as
    far open as its portal says. A shut one hangs opposite to its handle and opens by 90 degrees into its room.
    """
    doors: tuple[Door, ...] = derived(scene, ("doors",), lambda: _find_doors(scene)[0])
    return doors


def with_doors(scene: Scene, openness: Mapping[int, float]) -> Scene:
    """Returns the scene with some doors turned: the identical object for the same doors, also for the scene as it is.

    Args:
        scene: a scene, or one made of it by this function; its other doors stay as they are.
        openness: by portal id, 0 = shut (no light, sound or agent passes) .. 1 = fully open.

    Raises:
        ValueError: no such portal, a portal without a leaf that can turn (the message says what is missing), or an
            openness outside 0..1.
    """
    base, present = _origin(scene)
    doors = {door.portal: door for door in scene_doors(base)}
    for portal, share in openness.items():
        if portal not in doors:
            raise ValueError(_missing(base, portal))
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"scene {base.name!r}: the openness of portal {portal} must lie in 0..1, not {share}")
    wanted = {**present, **{portal: float(share) for portal, share in openness.items()}}
    changed = {k: v for k, v in sorted(wanted.items()) if v != doors[k].openness}
    if not changed:
        return base
    made: Scene = derived(base, ("with_doors", tuple(changed.items())), lambda: _turned(base, doors, changed))
    return made


def forget_turned(scene: Scene) -> None:
    """Lets a scene go that `with_doors` made: it makes another one when it is asked again. Others stay as they are."""
    base, present = _origin(scene)
    if base is not scene:
        taken(base, ("with_doors", tuple(present.items())), lambda: None)


def leaf_place(leaf: Leaf, openness: float) -> SceneObject:
    """Returns the leaf's object (its box: centre, size, yaw) at an openness 0..1."""
    if openness == 0.0:
        return leaf.shut
    if openness == 1.0:
        return leaf.open
    turn = leaf.angle * (openness - 1.0)
    x, z = _turn(np.array([leaf.open.center[0], leaf.open.center[2]]) - leaf.hinge, turn) + leaf.hinge
    return replace(leaf.open, center=(float(x), leaf.open.center[1], float(z)), yaw=leaf.open.yaw + turn)


def leaf_distance(door: Door, start: float, end: float, points: npt.ArrayLike) -> Array:
    """Returns how near a door's leaves come to points while they turn from one openness to another [m], shape (n,).

    Args:
        door: the door.
        start: openness before, 0..1.
        end: openness after, 0..1; the same = the leaf where it stands.
        points: (x, z) [m], shape (n, 2); inside a leaf the distance is 0.
    """
    at = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    nearest = np.full(len(at), np.inf)
    for leaf in door.leaves:
        steps = 1 + math.ceil(abs(leaf.angle * (end - start)) / _SWEEP_STEP)
        for share in np.linspace(start, end, steps):
            box = leaf_place(leaf, float(share))
            local = _turn(at - [box.center[0], box.center[2]], -box.yaw)
            outside = np.maximum(np.abs(local) - np.array([box.size[0], box.size[2]]) / 2, 0.0)
            nearest = np.minimum(nearest, np.hypot(*outside.T))
    return nearest


def _origin(scene: Scene) -> tuple[Scene, dict[int, float]]:
    """The scene that this one was made of by turning doors, and the doors that were turned."""
    origin: tuple[Scene, dict[int, float]] = derived(scene, ("doors", "origin"), lambda: (scene, {}))
    return origin


def _turned(base: Scene, doors: Mapping[int, Door], openness: Mapping[int, float]) -> Scene:
    vertices, objects, portals = base.vertices.copy(), list(base.objects), list(base.portals)
    record = dict(base.meta.get("doors", {}))
    for portal, share in openness.items():
        for leaf in doors[portal].leaves:
            chosen = np.unique(base.triangles[base.triangle_object == leaf.object])
            after = leaf_place(leaf, share)
            vertices[chosen] = _moved(vertices[chosen].astype(np.float64), base.objects[leaf.object], after)
            objects[leaf.object] = after
        index = next(i for i, p in enumerate(portals) if p.id == portal)
        portals[index] = replace(portals[index], openness=share)
        record[str(portal)] = [_row(leaf) for leaf in doors[portal].leaves]
    scene = replace(
        base, vertices=vertices, objects=tuple(objects), portals=tuple(portals), meta={**base.meta, "doors": record}
    )
    derived(scene, ("doors", "origin"), lambda: (base, dict(openness)))
    return scene


def _moved(points: Array, before: SceneObject, after: SceneObject) -> Array:
    """Carries points of one box over to another."""
    local = points - before.center
    local[:, [0, 2]] = _turn(local[:, [0, 2]], -before.yaw)
    local *= np.array(after.size) / before.size
    local[:, [0, 2]] = _turn(local[:, [0, 2]], after.yaw)
    return local + after.center


def _turn(points: Array, angle: float) -> Array:
    """Turns (x, z), shape (..., 2), counter-clockwise about +Y."""
    cos, sin = math.cos(angle), math.sin(angle)
    x, z = points[..., 0], points[..., 1]
    return np.stack([x * cos + z * sin, z * cos - x * sin], axis=-1)


def _missing(scene: Scene, portal: int) -> str:
    ids = [p.id for p in scene.portals]
    if portal not in ids:
        return f"scene {scene.name!r} has no portal {portal}: it has {', '.join(map(str, ids)) or 'none'}"
    can = ", ".join(str(door.portal) for door in scene_doors(scene)) or "none"
    reason = _find_doors(scene)[1].get(portal, 'it needs an object of category "door" whose box ends beside a jamb')
    return f"scene {scene.name!r}: portal {portal} has no leaf that can turn: {reason}; portals with doors: {can}"


def _find_doors(scene: Scene) -> tuple[tuple[Door, ...], dict[int, str]]:
    """The doors, and why other portals with leaves have none."""
    bodies = [o for o in scene.objects if o.category == "door"]
    nearest: dict[int, list[SceneObject]] = {}
    for body in bodies:
        away = {portal.id: _away(portal, body) for portal in scene.portals}
        if away and min(away.values()) < _REACH:
            nearest.setdefault(min(away, key=lambda k: away[k]), []).append(body)
    doors, reasons = [], {}
    for portal in scene.portals:
        mine = nearest.get(portal.id, [])
        found = _unfit(scene, portal, mine) if mine else None
        if found:
            reasons[portal.id] = found
        elif mine:
            doors.append(_door(scene, portal, mine))
    return tuple(doors), reasons


def _unfit(scene: Scene, portal: Portal, bodies: list[SceneObject]) -> str | None:
    names = " and ".join(body.name for body in bodies)
    if len(bodies) > 2 or (len(bodies) == 2 and len({_jamb(portal, body)[0] for body in bodies}) < 2):
        return f"{names} stand beside it, but a door has one leaf, or two at different jambs"
    width = portal.width / len(bodies)
    for body in bodies:
        if abs(body.size[0] - width) > _FIT * width or abs(body.size[1] - portal.height) > _FIT * portal.height:
            return (
                f"{names}: a box of {body.size[0]:.2f} m (its own x) by {body.size[1]:.2f} m does not fit "
                f"{width:.2f} m by {portal.height:.2f} m"
            )
        own = scene.triangle_object == body.id
        if np.intersect1d(scene.triangles[own], scene.triangles[~own]).size:
            return f"{names} shares vertices with other objects: give the leaf vertices of its own"
    return None


def _frame(portal: Portal) -> tuple[Array, Array, Array]:
    """Middle, direction along and normal of a portal in (x, z); `along` lies to the right of the normal."""
    cos, sin = math.cos(portal.yaw), math.sin(portal.yaw)
    return np.array([portal.center[0], portal.center[2]]), np.array([cos, -sin]), np.array([-sin, -cos])


def _ends(body: SceneObject) -> Array:
    """The two ends of a leaf's box, at its own -x and +x, (x, z), shape (2, 2)."""
    reach = _turn(np.array([body.size[0] / 2, 0.0]), body.yaw)
    middle = np.array([body.center[0], body.center[2]])
    return np.stack([middle - reach, middle + reach])


def _away(portal: Portal, body: SceneObject) -> float:
    """Distance from the nearer jamb to the nearer end of a leaf [m]."""
    middle, along, _ = _frame(portal)
    jambs = np.stack([middle - along * portal.width / 2, middle + along * portal.width / 2])
    return float(np.linalg.norm(jambs[:, None] - _ends(body)[None], axis=2).min())


def _jamb(portal: Portal, body: SceneObject) -> tuple[int, int]:
    """The jamb (0 or 1) and the end of the leaf (0 or 1) that are nearest to each other."""
    middle, along, _ = _frame(portal)
    jambs = np.stack([middle - along * portal.width / 2, middle + along * portal.width / 2])
    away = np.linalg.norm(jambs[:, None] - _ends(body)[None], axis=2)
    jamb, end = np.unravel_index(int(np.argmin(away)), (2, 2))
    return int(jamb), int(end)


def _door(scene: Scene, portal: Portal, bodies: list[SceneObject]) -> Door:
    recorded: list[list[Any]] | None = scene.meta.get("doors", {}).get(str(portal.id))
    if recorded is not None:
        leaves = tuple(_recorded_leaf(scene, row) for row in recorded)
        return Door(portal.id, leaves, portal.openness)
    made = [_leaf(scene, portal, body, len(bodies)) for body in bodies]
    return Door(portal.id, tuple(leaf for leaf, _ in made), made[0][1])


def _leaf(scene: Scene, portal: Portal, body: SceneObject, count: int) -> tuple[Leaf, float]:
    """A leaf from its box, and how far it is open."""
    _, along, _ = _frame(portal)
    jamb, end = _jamb(portal, body)
    ends = _ends(body)
    inwards, direction = along if jamb == 0 else -along, ends[1 - end] - ends[end]
    angle = _angle(inwards, direction)
    if abs(angle) < _SHUT:
        return _shut_leaf(scene, portal, body, count), 0.0
    full, share = _full_angle(angle, portal.openness)
    place = _place_in_frame(portal, jamb, count)
    here = np.array([body.center[0], body.center[2]])
    hinge = _pole(place, here, angle)
    x, z = _turn(here - hinge, full - angle) + hinge
    opened = replace(body, center=(float(x), body.center[1], float(z)), yaw=body.yaw + full - angle)
    shut = _shut_object(portal, body, place, count, body.yaw - angle)
    return Leaf(body.id, hinge, full, shut, body if full == angle else opened), share


def _angle(start: Array, end: Array) -> float:
    """Turn from one direction in (x, z) to another [rad], counter-clockwise about +Y."""
    return math.atan2(start[1] * end[0] - start[0] * end[1], float(start @ end))


def _full_angle(angle: float, openness: float) -> tuple[float, float]:
    """The turn when fully open [rad], and which share of it the leaf has made."""
    full = abs(angle) / openness if openness > 0.0 else max(abs(angle), math.pi / 2)
    if full > math.pi or openness == 0.0:
        full = min(full, math.pi)
        return math.copysign(full, angle), abs(angle) / full
    return math.copysign(full, angle), openness


def _pole(start: Array, end: Array, angle: float) -> tuple[float, float]:
    """The point about which a turn by `angle` carries `start` to `end`: as the leaf's middle goes, so goes the leaf."""
    half = (end - start) / 2
    x, z = (start + end) / 2 + np.array([half[1], -half[0]]) / math.tan(angle / 2)
    return float(x), float(z)


def _place_in_frame(portal: Portal, jamb: int, count: int) -> Array:
    """Middle of a shut leaf in (x, z): of the whole frame, or of the half beside its jamb."""
    middle, along, _ = _frame(portal)
    side = -1.0 if jamb == 0 else 1.0
    return middle + (0.0 if count == 1 else side * portal.width / 4) * along


def _shut_leaf(scene: Scene, portal: Portal, body: SceneObject, count: int) -> Leaf:
    """A leaf that stands shut in the scene: its handles tell the hinge, its room tells the side it opens to."""
    middle, along, normal = _frame(portal)
    jamb = _jamb(portal, body)[0] if count == 2 else int(_handle(scene, body) @ along < 0.0)
    inwards = along if jamb == 0 else -along
    side = normal if body.room == portal.rooms[1] else -normal
    place = _place_in_frame(portal, jamb, count)
    width = portal.width / count
    corner = middle - inwards * (portal.width / 2 + _HINGE[0])
    x, z = corner + side * (_HINGE[1] + width / 2)
    full = math.copysign(math.pi / 2, _angle(inwards, side))
    size = (width - 2 * _AIR, portal.height - 2 * _AIR, body.size[2])
    shut = _shut_object(portal, body, place, count, body.yaw)
    opened = replace(shut, center=(float(x), shut.center[1], float(z)), size=size, yaw=body.yaw + full)
    return Leaf(body.id, _pole(place, np.array([x, z]), full), full, shut, opened)


def _handle(scene: Scene, body: SceneObject) -> Array:
    """The direction in which a leaf's handles lie, (x, z): what stands out of it most, else its own +x."""
    own = scene.vertices[np.unique(scene.triangles[scene.triangle_object == body.id])].astype(np.float64)
    local = _turn(own[:, [0, 2]] - [body.center[0], body.center[2]], -body.yaw)
    proud = local[np.abs(local[:, 1]) > 0.45 * body.size[2]]
    lean = float(proud[:, 0].mean()) if len(proud) else 0.0
    return _turn(np.array([math.copysign(1.0, lean), 0.0]), body.yaw)


def _shut_object(portal: Portal, body: SceneObject, place: Array, count: int, yaw: float) -> SceneObject:
    width, height = portal.width / count + 2 * _OVERLAP, portal.height + 2 * _OVERLAP
    center = (float(place[0]), portal.center[1], float(place[1]))
    return replace(body, center=center, size=(width, height, body.size[2]), yaw=yaw)


def _row(leaf: Leaf) -> list[Any]:
    """What a scene's `meta` keeps of a leaf, so that a door that was saved shut opens as before."""
    boxes = [[*box.center, *box.size, box.yaw] for box in (leaf.shut, leaf.open)]
    return [leaf.object, *leaf.hinge, leaf.angle, *boxes]


def _recorded_leaf(scene: Scene, row: list[Any]) -> Leaf:
    number, x, z, angle, *boxes = row
    body = scene.objects[int(number)]
    shut, opened = (replace(body, center=tuple(b[:3]), size=tuple(b[3:6]), yaw=b[6]) for b in boxes)
    return Leaf(body.id, (x, z), angle, shut, opened)
