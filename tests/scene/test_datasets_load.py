"""One way to load them all: which rule takes which name, and which options each takes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from procthor_samples import house
from scan_samples import room_quads, save_glb, save_house, save_ply, save_semantic_txt

from avi_env.scene import SceneError, SceneWarning, generate_house, load_scene, save_scene, scene_names, shoebox


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        yield


def test_generated_names() -> None:
    """Houses of all splits and rooms; they take no options."""
    assert load_scene("house:val:3:2").digest == generate_house(3, 2, split="val").digest
    assert load_scene("shoebox:6x3x4:brick").digest == shoebox((6.0, 3.0, 4.0), "brick").digest
    with pytest.raises(ValueError, match="a generated scene takes no options, not 'materials'"):
        load_scene("house:7", materials="brick")


def test_scans_and_saved_scenes(tmp_path: Path) -> None:
    """A scan is found by any of its files; a saved scene beside its sidecar stays what was saved."""
    save_semantic_txt(tmp_path / "XYZ.semantic.txt")
    save_glb(tmp_path / "XYZ.semantic.glb", room_quads(), colors=True)
    save_glb(tmp_path / "XYZ.glb", room_quads())
    scan = load_scene(tmp_path / "XYZ.glb")
    assert scan.meta["dataset"] == "HM3D"
    for name in (tmp_path, tmp_path / "XYZ.semantic.txt", tmp_path / "XYZ.semantic.glb"):
        assert load_scene(name).digest == scan.digest
    with pytest.raises(ValueError, match="a scan of HM3D takes materials, names, not 'up'"):
        load_scene(tmp_path / "XYZ.glb", up="z")
    saved = save_scene(scan, tmp_path / "mine.glb")
    assert load_scene(saved).digest == scan.digest
    (tmp_path / "mp3d").mkdir()
    save_house(tmp_path / "mp3d/a.house")
    save_ply(tmp_path / "mp3d/a_semantic.ply", room_quads())
    assert "dining_chair" in {o.category for o in load_scene(tmp_path / "mp3d", names="raw").objects}


def test_meshes_that_are_z_up(tmp_path: Path) -> None:
    """A foreign mesh is turned when one says so."""
    path = save_glb(tmp_path / "room.glb", room_quads())
    scene = load_scene(path, materials="plaster", up="z")
    np.testing.assert_allclose(scene.bounds, [[0, 0, -4], [6, 2.6, 0]], rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"unknown axis that is up 'Z\+'"):
        load_scene(path, materials="plaster", up="Z+")
    with pytest.raises(SceneError, match="none of the materials table"):
        load_scene(path)


def test_houses_and_data_sets(tmp_path: Path) -> None:
    """ProcTHOR files and Habitat configurations, by path and by collection."""
    path = tmp_path / "train_3.json"
    path.write_text(json.dumps(house()))
    scene = load_scene(path)
    assert scene.meta["dataset"] == "ProcTHOR"
    lines = tmp_path / "train.jsonl"
    lines.write_text(json.dumps(house()) + "\n")
    np.testing.assert_array_equal(load_scene(f"{lines}:0").vertices, scene.vertices)
    with pytest.raises(ValueError, match="a ProcTHOR house takes materials, assets, not 'names'"):
        load_scene(path, names="raw")
    save_glb(tmp_path / "stage.glb", room_quads())
    config = tmp_path / "own.scene_dataset_config.json"
    config.write_text(json.dumps({"stages": {"paths": {".glb": ["stage.glb"]}}}))
    assert load_scene(f"{config}:stage").name == "stage"
    assert scene_names(f"{config}:*, house:7") == (f"{config}:stage", "house:7")
    with pytest.raises(ValueError, match="Did you mean 'stage'"):
        load_scene(f"{config}:stagge")
    stage = tmp_path / "up.stage_config.json"
    stage.write_text(json.dumps({"render_asset": "stage.glb", "up": [0, 0, 1], "front": [0, 1, 0]}))
    np.testing.assert_array_equal(load_scene(stage).bounds, load_scene(f"{config}:stage").bounds)


def test_packs_and_unknown_names() -> None:
    """Scenes of packs; names that are none."""
    assert load_scene("rooms/l_room").meta["pack"] == "rooms"
    with pytest.raises(ValueError, match="Did you mean 'l_room'"):
        load_scene("rooms/l_rom")
    with pytest.raises(ValueError, match="unknown scene of pack 'rooms'"):
        load_scene("rooms/l_room2")
    with pytest.raises(ValueError, match=r"unknown scene 'hose'"):
        load_scene("hose")
