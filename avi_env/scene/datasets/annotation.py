"""What a data set says about a scan: its objects, its rooms, and how the faces of its mesh name them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.categories import MaterialChoice, category_materials, category_words
from avi_env.scene.datasets.frames import Box, box_of_points
from avi_env.scene.findings import report
from avi_env.scene.health import check_scene
from avi_env.scene.mesh_parts import MeshPart, scene_from_parts
from avi_env.scene.model import Light, Portal, Room, Scene, SceneObject
from avi_env.scene.outline import in_outline
from avi_env.sounds.classes import sounds_of_object

__all__ = ["Annotation", "ScanObject", "category_name", "checked_scan", "room_of_point", "scan_scene"]

IntArray = npt.NDArray[np.int64]

_UNDER = 0.3  # [m] a room reaches below its floor: floors of scans are bumpy


class ScanObject(NamedTuple):
    """An object as its data set names it."""

    key: int
    """Its id in the data set."""
    category: str
    """Its category in the data set's own words; empty = none."""
    room: int = -1
    """Index of its room, -1 = unknown."""
    box: Box | None = None
    """None: the box around its triangles is taken."""


@dataclass(frozen=True)
class Annotation:
    """What a semantic descriptor says, in the world frame."""

    objects: tuple[ScanObject, ...] = ()
    rooms: tuple[Room, ...] = ()
    portals: tuple[Portal, ...] = ()
    colors: Mapping[int, int] | None = None
    """Object index by colour 0xRRGGBB (HM3D), or None: faces carry ids."""
    segments: Mapping[int, int] = field(default_factory=dict)
    """Object key by segment id (Matterport's own meshes)."""

    @property
    def index_of_key(self) -> dict[int, int]:
        """Object index by the data set's id."""
        return {item.key: index for index, item in enumerate(self.objects)}


def category_name(category: str) -> str:
    """Returns a category in lower snake case, as scenes name theirs: "TVStand" is "tv_stand"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", category.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or "unknown"


def scan_scene(
    name: str,
    parts: Sequence[MeshPart],
    labels: Sequence[IntArray],
    annotation: Annotation,
    materials: MaterialChoice = None,
    lights: Sequence[Light] = (),
    meta: Mapping[str, Any] | None = None,
    file: Path | None = None,
) -> Scene:
    """Returns parts and what is known of them as a scene, in which each object has its own triangles and material.

    `meta["object_keys"]` holds the data set's own id of each object. Objects with neither a box nor triangles are
    left out. Health is not checked; see `checked_scan`.

    Args:
        name: the scene's name.
        parts: the geometry; sound is chosen here by category, looks stay.
        labels: for each part, the index into `annotation.objects` of each triangle, -1 = none; shape (m,).
        annotation: objects, rooms and portals.
        materials: see `MaterialChoice`.
        lights: point lights.
        meta: provenance.
        file: where it comes from.

    Raises:
        ValueError: no triangles, or an unknown material.
    """
    pieces = [piece for part, label in zip(parts, labels, strict=True) for piece in _split(part, label)]
    boxes = _boxes(annotation.objects, pieces)
    kept = [index for index in range(len(annotation.objects)) if index in boxes]
    number = {index: k for k, index in enumerate(kept)}
    objects = [_object(number[k], annotation.objects[k], boxes[k], annotation.rooms) for k in kept]
    categories = {index: annotation.objects[index].category for index in kept} | {-1: ""}
    used = {categories[piece.object] for piece in pieces}
    sound = category_materials(used, materials, name)
    pieces = [p._replace(material=sound[categories[p.object]], object=number.get(p.object, -1)) for p in pieces]
    return scene_from_parts(
        name,
        pieces,
        objects=objects,
        rooms=annotation.rooms,
        portals=annotation.portals,
        lights=lights,
        meta={**(meta or {}), "object_keys": [annotation.objects[k].key for k in kept]},
        file=file,
    )


def checked_scan(scene: Scene) -> Scene:
    """Returns the scene after its health check; scans leak, so leaks are only warned of, with the escaped share.

    Raises:
        SceneError: nobody could stand or see in it: no floor, no area.
    """
    found = check_scene(scene)
    soft = ("leak", "source_inside")
    report([_softened(issue) if issue.kind in soft else issue for issue in found], stacklevel=4)
    return scene


def _softened(issue: Any) -> Any:
    from dataclasses import replace

    return replace(issue, severity="warning")


def _split(part: MeshPart, label: IntArray) -> list[MeshPart]:
    """One piece for each label; its `object` is the label."""
    values, inverse = np.unique(label, return_inverse=True)
    if len(values) == 1:
        return [part._replace(object=int(values[0]))]
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(values) + 1))
    pieces = []
    for k, value in enumerate(values.tolist()):
        chosen = part.triangles[np.sort(order[bounds[k] : bounds[k + 1]])]
        used, local = np.unique(chosen, return_inverse=True)
        pieces.append(
            part._replace(
                vertices=part.vertices[used],
                triangles=local.reshape(-1, 3),
                uv=None if part.uv is None else part.uv[used],
                color=None if part.color is None else part.color[used],
                object=int(value),
            )
        )
    return pieces


def _boxes(objects: Sequence[ScanObject], pieces: Sequence[MeshPart]) -> dict[int, Box]:
    points: dict[int, list[Any]] = {}
    for piece in pieces:
        if piece.object >= 0 and len(piece.triangles):
            points.setdefault(piece.object, []).append(piece.vertices)
    boxes: dict[int, Box] = {}
    for index, item in enumerate(objects):
        if item.box is not None:
            boxes[index] = item.box
        elif index in points:
            boxes[index] = box_of_points(np.concatenate(points[index]).astype(np.float64))
    return boxes


def _object(number: int, item: ScanObject, box: Box, rooms: Sequence[Room]) -> SceneObject:
    room = item.room if item.room >= 0 else room_of_point(rooms, box.center)
    emits = sounds_of_object("_".join(category_words(item.category)))
    return SceneObject(number, category_name(item.category), room, box.center, box.size, box.yaw, emits)


def room_of_point(rooms: Sequence[Room], point: tuple[float, float, float]) -> int:
    """Returns the id of the room that holds a point [m], world frame; -1 = none."""
    xz = np.array([[point[0], point[2]]])
    for room in rooms:
        within = room.floor_y - _UNDER <= point[1] <= room.floor_y + room.height
        if within and bool(in_outline(room.polygon, xz)[0]):
            return room.id
    return -1
