"""Replica and ReplicaCAD semantics (`info_semantic.json`, lexicons), and Gibson's (`.scn` as Habitat writes it).

Sources: habitat-sim, ReplicaSemanticScene.cpp, GibsonSemanticScene.cpp and tools/npz2scn.py; facebookresearch/
Replica-Dataset; StanfordVL/3DSceneGraph. Gibson's `.scn` is JSON: what npz2scn.py extracts of the 3D Scene Graph.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from avi_env.scene.datasets.annotation import Annotation, ScanObject
from avi_env.scene.datasets.frames import Z_UP, Box, rectangle, upright_box
from avi_env.scene.datasets.json_files import Entry, read_json
from avi_env.scene.datasets.quaternions import rotation_matrix
from avi_env.scene.model import Room

__all__ = ["read_info_semantic", "read_lexicon", "read_scn"]

FloatArray = npt.NDArray[np.float64]


def read_lexicon(path: Path) -> dict[int, str]:
    """Returns the class names by id of a file {"classes": [{"id", "name"}]} (Replica, ReplicaCAD, HSSD).

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not in the format; the message names the entry.
    """
    return {item.integer("id"): item.text("name") for item in read_json(path).entries("classes")}


def read_info_semantic(path: Path) -> Annotation:
    """Returns the objects of Replica's `info_semantic.json` in the world frame (the file is +Z up).

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not in the format, or an object's class is unknown; the message names the entry.
    """
    names = read_lexicon(path)
    objects = []
    for item in read_json(path).entries("objects"):
        class_id = item.integer("class_id")
        if class_id >= 0 and class_id not in names:
            raise item.error(f"'class_id' {class_id} is none of the file's classes")
        category = names[class_id] if class_id >= 0 else ""
        objects.append(ScanObject(item.integer("id"), category, box=_replica_box(item.entry("oriented_bbox"))))
    return Annotation(tuple(objects))


def _replica_box(entry: Entry) -> Box:
    extents, pose = entry.entry("abb"), entry.entry("orientation")
    try:
        rotation = rotation_matrix(pose.vector("rotation", 4))  # x, y, z, w
    except ValueError as error:
        raise pose.error(str(error)) from error
    middle = rotation @ extents.vector("center") + pose.vector("translation")
    return upright_box(Z_UP @ middle, Z_UP @ rotation, extents.vector("sizes"))


def read_scn(path: Path) -> Annotation:
    """Returns the objects and rooms of Gibson's `.scn` in the world frame (the file is +Z up).

    A room's outline is the rectangle of its size about its location; the file has no other.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not in the format; the message names the entry.
    """
    entry = read_json(path)
    spaces = entry.entries("rooms", optional=True)
    index = {space.integer("id"): k for k, space in enumerate(spaces)}
    rooms = tuple(_gibson_room(space, k) for k, space in enumerate(spaces))
    objects = []
    for item in entry.entries("objects"):
        box = _gibson_box(item) if item.has("location") and item.has("size") else None
        room = index.get(item.integer("parent_room", -1), -1)
        objects.append(ScanObject(item.integer("id"), item.text("class_"), room, box))
    return Annotation(tuple(objects), rooms)


def _gibson_box(item: Entry) -> Box:
    return upright_box(Z_UP @ item.vector("location"), Z_UP, np.abs(item.vector("size")))


def _gibson_room(space: Entry, number: int) -> Room:
    middle, reach = Z_UP @ space.vector("location"), np.abs(Z_UP) @ np.abs(space.vector("size")) / 2
    low, high = (middle - reach).round(6), (middle + reach).round(6)
    kind = space.text("scene_category", "room").strip().lower().replace(" ", "_")
    return Room(number, kind or "room", rectangle(low, high), float(low[1]), round(float(high[1] - low[1]), 6))
