"""A Habitat scene data set as its tests write it: files, and what must come out of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scan_samples import box_quads, room_quads, save_glb

from avi_env.scene import Scene

LOW, HIGH = np.array([0.1, 0.0, -0.2]), np.array([0.9, 0.6, 0.1])
"""Corners of the marker object [m], +Y up, in its own frame: nothing about it is symmetric."""
HALF = float(np.sqrt(0.5))
QUARTER = [HALF, 0.0, HALF, 0.0]
"""A quarter turn about +Y, counter-clockwise from above, w, x, y, z."""


def write(path: Path, table: Any) -> Path:
    """Writes a JSON file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table))
    return path


def tables() -> dict[str, Any]:
    """A data set as ReplicaCAD lays it out, by file."""
    instance = {"template_name": "stool", "translation": [3.0, 0.5, -2.0], "rotation": QUARTER}
    instance |= {"motion_type": "STATIC", "translation_origin": "asset_local"}
    lights = {
        "0": {"type": "point", "position": [3, 2.4, -2], "color": [1, 1, 0.9], "intensity": 2.0},
        "sun": {"type": "directional", "direction": [0, -1, 0], "intensity": 1.0},
        "dark": {"type": "point", "position": [1, 2, -1], "intensity": -1.0},
    }
    return {
        "cad.scene_dataset_config.json": {
            "stages": {"paths": {".json": ["configs/stages"]}},
            "objects": {"paths": {".json": ["configs/objects/*"]}, "configs": []},
            "light_setups": {
                "default_attributes": {"positive_intensity_scale": 2.5},
                "paths": {".json": ["configs/lighting"]},
            },
            "scene_instances": {
                "default_attributes": {"semantic_scene_instance": "ssd"},
                "paths": {".json": ["configs/scenes/*.json"]},
            },
            "semantic_scene_descriptor_instances": {"ssd": "configs/ssd/lexicon.json"},
            "navmesh_instances": {"one": "navmeshes/one.navmesh"},
        },
        "configs/stages/room.stage_config.json": {
            "render_asset": "../../stages/room.glb",
            "up": [0, 0, 1],
            "front": [0, 1, 0],
        },
        "configs/objects/stool.object_config.json": {"render_asset": "../../objects/stool.glb", "semantic_id": 20},
        "configs/lighting/day.lighting_config.json": {"lights": lights},
        "configs/ssd/lexicon.json": {"classes": [{"id": 20, "name": "chair"}, {"id": 0, "name": "unknown"}]},
        "configs/scenes/one.scene_instance.json": {
            "stage_instance": {"template_name": "stages/room"},
            "object_instances": [instance],
            "default_lighting": "no_lights",
            "navmesh_instance": "one",
        },
    }


SCENE = "configs/scenes/one.scene_instance.json"
CONFIG = "cad.scene_dataset_config.json"
STAGE = "configs/stages/room.stage_config.json"
MARKER = "configs/objects/stool.object_config.json"


def save(folder: Path, files: dict[str, Any] | None = None) -> Path:
    """Writes the data set with its meshes and returns its configuration's path."""
    for name, table in (files or tables()).items():
        write(folder / name, table)
    for name in ("stages", "objects"):
        (folder / name).mkdir(exist_ok=True)
    save_glb(folder / "stages/room.glb", [face for face in room_quads() if face[0] != 7])
    save_glb(folder / "objects/stool.glb", [(1, quad) for quad in box_quads(LOW, HIGH, inside=False)])
    return folder / CONFIG


def marker(scene: Scene) -> np.ndarray:
    """Corners of the one object that is no part of the stage: lowest and highest, shape (2, 3)."""
    number = len(scene.objects) - 1
    points = scene.vertices[scene.triangles[scene.triangle_object == number]].reshape(-1, 3)
    return np.stack([points.min(axis=0), points.max(axis=0)])


def expected(pose: Any) -> np.ndarray:
    """Corners of the marker after a function of its eight corners."""
    corners = np.array([[x, y, z] for x in (LOW[0], HIGH[0]) for y in (LOW[1], HIGH[1]) for z in (LOW[2], HIGH[2])])
    moved = np.array([pose(corner) for corner in corners])
    return np.stack([moved.min(axis=0), moved.max(axis=0)])
