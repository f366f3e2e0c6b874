"""Habitat scene data sets: templates, poses, semantics, lights, and what each malformed entry says."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from habitat_samples import (
    CONFIG,
    HALF,
    HIGH,
    LOW,
    MARKER,
    QUARTER,
    SCENE,
    STAGE,
    expected,
    marker,
    save,
    tables,
    write,
)
from scan_samples import room_quads, save_glb, save_ply, save_semantic_txt

from avi_env.scene import SceneWarning
from avi_env.scene.datasets.habitat import dataset_scenes
from avi_env.scene.datasets.habitat_scene import load_habitat
from avi_env.scene.datasets.quaternions import rotation_matrix
from avi_env.scene.rays import closest_hit


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        yield


def test_scene_instance(tmp_path: Path) -> None:
    """The marker stands and is turned as its instance says, with category, material, box and ray hits."""
    config = save(tmp_path)
    assert dataset_scenes(config) == ("one",)
    scene = load_habitat(config, "one")
    turn = rotation_matrix([0.0, HALF, 0.0, HALF])  # x, y, z, w
    box = expected(lambda v: turn @ v + [3.0, 0.5, -2.0])
    np.testing.assert_allclose(box, [[2.8, 0.5, -2.9], [3.1, 1.1, -2.1]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(marker(scene), box, rtol=0, atol=1e-6)
    assert [o.category for o in scene.objects] == ["floor", "ceiling", "wall", "chair"]
    thing = scene.objects[-1]
    np.testing.assert_allclose(thing.center, box.mean(axis=0), rtol=0, atol=1e-6)
    assert (thing.size, thing.yaw) == ((0.8, 0.6, 0.3), pytest.approx(np.pi / 2, abs=1e-5))
    found = closest_hit(scene, [[2.9, 0.8, -0.5], [2.9, 2.0, -2.5]], [[0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
    np.testing.assert_allclose(found.distance, [1.6, 0.9], rtol=0, atol=1e-5)
    assert scene.triangle_object[found.triangle].tolist() == [3, 3]
    names = [scene.materials[k].name for k in scene.triangle_material[[0, -1]]]
    assert names == ["parquet", "wood"]
    assert scene.meta["motion_types"] == ["static"]
    assert scene.meta["dataset"] == "cad"


def test_other_ways_to_the_same_scene(tmp_path: Path) -> None:
    """A scene file finds its data set above it; a path within the data set names it too."""
    config = save(tmp_path)
    digests = {load_habitat(config, name).digest for name in ("one", "configs/scenes/one", "scenes/one", SCENE)}
    digests.add(load_habitat(tmp_path / SCENE).digest)
    config.unlink()
    loose = load_habitat(tmp_path / SCENE)  # without the data set, no semantics
    assert len(digests) == 1
    assert loose.objects[-1].category == "stool"
    np.testing.assert_array_equal(marker(loose), marker(load_habitat(save(tmp_path), "one")))


@pytest.mark.parametrize(
    ("instance", "template", "pose"),
    [
        ({"translation_origin": None}, {}, lambda v: v - (LOW + HIGH) / 2),  # COM is the rule
        ({"translation_origin": "COM"}, {"COM": [0.1, 0.2, 0.3]}, lambda v: v - [0.1, 0.2, 0.3]),
        ({"uniform_scale": 0.5}, {}, lambda v: 0.5 * v),
        ({"non_uniform_scale": [1.0, 0.5, 2.0]}, {"scale": [0.5, 1.0, 1.0]}, lambda v: v * [0.5, 0.5, 2.0]),
        (
            {"uniform_scale": 2.0, "translation_origin": "com"},
            {"units_to_meters": 0.25},
            lambda v: (v - (LOW + HIGH) / 2) / 2,
        ),
        ({}, {"up": [0, 0, 1], "front": [0, 1, 0]}, lambda v: np.array([v[0], v[2], -v[1]])),
    ],
)
def test_poses(tmp_path: Path, instance: dict[str, Any], template: dict[str, Any], pose: Any) -> None:
    """Origins, scales and frames of objects."""
    files = tables()
    row = files[SCENE]["object_instances"][0]
    row |= {"rotation": [1.0, 0.0, 0.0, 0.0], "translation": [3.0, 0.5, -2.0]} | instance
    files[MARKER] |= template
    scene = load_habitat(save(tmp_path, files), "one")
    place = np.array([3.0, 0.5, -2.0])
    np.testing.assert_allclose(marker(scene), expected(lambda v: pose(v) + place), rtol=0, atol=1e-6)


def test_general_rotation(tmp_path: Path) -> None:
    """Any rotation; a box tilted out of the upright becomes the upright box around it."""
    files = tables()
    quaternion = np.array([0.9, 0.1, -0.3, 0.2])
    files[SCENE]["object_instances"][0] |= {"rotation": quaternion.tolist()}
    scene = load_habitat(save(tmp_path, files), "one")
    turn = rotation_matrix(np.roll(quaternion, -1))
    box = expected(lambda v: turn @ v + [3.0, 0.5, -2.0])
    np.testing.assert_allclose(marker(scene), box, rtol=0, atol=1e-6)
    thing = scene.objects[-1]
    np.testing.assert_allclose(thing.center, box.mean(axis=0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(thing.size, box[1] - box[0], rtol=0, atol=1e-5)
    assert thing.yaw == 0.0


def test_stage_frame_scale_and_origin(tmp_path: Path) -> None:
    """Stages are turned by up and front, scaled, and moved by their origin and their instance."""
    files = tables()
    files[STAGE] |= {"scale": [2, 1, 1], "origin": [1.0, 0.0, 0.0], "units_to_meters": 0.5}
    files[SCENE]["stage_instance"] |= {"translation": [0.0, 0.25, 0.0], "rotation": QUARTER}
    files[SCENE]["object_instances"] = []
    scene = load_habitat(save(tmp_path, files), "one")
    # 6 x 2.6 x 4 m, z from -4 to 0, becomes 6 x 1.3 x 2 m from x = 1; a quarter turn takes x to -z and z to x.
    np.testing.assert_allclose(scene.bounds, [[-2.0, 0.25, -7.0], [0.0, 1.55, -1.0]], rtol=0, atol=1e-5)


def test_configs_add_and_change_templates(tmp_path: Path) -> None:
    """A data set may change a template, copy it under a new name, or add one."""
    files = tables()
    files[CONFIG]["objects"]["configs"] = [
        {
            "original_file": "configs/objects/stool.object_config.json",
            "template_handle": "small_stool",
            "attributes": {"scale": [0.5, 0.5, 0.5]},
        },
        {"template_handle": "raw_stool", "attributes": {"render_asset": "objects/stool.glb"}},
    ]
    row = files[SCENE]["object_instances"][0] | {"rotation": [1, 0, 0, 0], "translation": [2, 0.5, -2]}
    files[SCENE]["object_instances"] = [row | {"template_name": "raw_stool"}, row | {"template_name": "small_stool"}]
    scene = load_habitat(save(tmp_path, files), "one")
    assert [o.category for o in scene.objects[3:]] == ["raw_stool", "chair"]
    np.testing.assert_allclose(marker(scene), expected(lambda v: 0.5 * v + [2, 0.5, -2]), rtol=0, atol=1e-6)


def test_lights_and_articulated_objects(tmp_path: Path) -> None:
    """Point lights come with the set-up's factor; what is left out is named."""
    files = tables()
    files[SCENE]["default_lighting"] = "lighting/day"
    files[SCENE]["articulated_object_instances"] = [{"template_name": "fridge"}, {"template_name": "kitchen_counter"}]
    config = save(tmp_path, files)
    with pytest.warns(SceneWarning) as caught:
        scene = load_habitat(config, "one")
    texts = [str(w.message) for w in caught]
    assert any("2 lights (sun, dark)" in text for text in texts)
    assert any(
        "2 articulated objects are left out: fridge (" in text and "; kitchen_counter (" in text for text in texts
    )
    (light,) = scene.lights
    assert (light.position, light.color, light.intensity) == ((3.0, 2.4, -2.0), (1.0, 1.0, 0.9), 5.0)


def test_hssd_rooms_and_classes(tmp_path: Path) -> None:
    """HSSD: rooms from a semantic configuration by the scene's name, classes from the lexicon beside it."""
    files = tables()
    del files["configs/ssd/lexicon.json"]
    files[CONFIG]["semantic_scene_descriptor_instances"] = {"paths": {".json": ["semantics/scenes/*.json"]}}
    files[CONFIG]["scene_instances"]["default_attributes"] = {
        "semantic_scene_instance": "%%CONFIG_NAME_AS_ASSET_FILENAME%%"
    }
    files["semantics/hssd-hab_semantic_lexicon.json"] = {"classes": [{"id": 20, "name": "office_chair"}]}
    loop = [[0, 0, -4], [3.5, 0, -4], [0, 0, 0], [3.5, 0, 0]]  # two corners swapped, as some files have them
    region = {"name": "living room.001", "label": "living room", "poly_loop": loop}
    region |= {"floor_height": 0.0, "extrusion_height": 2.6, "min_bounds": [0, 0, -4], "max_bounds": [3.5, 2.6, 0]}
    files["semantics/scenes/one.semantic_config.json"] = {"region_annotations": [region]}
    scene = load_habitat(save(tmp_path, files), "one")
    (room,) = scene.rooms
    assert (room.type, room.floor_y, room.height) == ("living_room", 0.0, 2.6)
    assert sorted(room.polygon) == [(0.0, -4.0), (0.0, 0.0), (3.5, -4.0), (3.5, 0.0)]
    assert (scene.objects[-1].category, scene.objects[-1].room) == ("office_chair", 0)
    assert scene.materials[scene.triangle_material[-1]].name == "upholstery"


def test_hm3d_and_replica_stages(tmp_path: Path) -> None:
    """Data sets of stages alone, with semantic files named after the stage."""
    defaults = {
        "shader_type": "flat",
        "up": [0, 0, 1],
        "front": [0, 1, 0],
        "semantic_descriptor_filename": "%%CONFIG_NAME_AS_ASSET_FILENAME%%.semantic.txt",
        "semantic_asset": "%%CONFIG_NAME_AS_ASSET_FILENAME%%.semantic.glb",
        "has_semantic_textures": True,
    }
    config = {"stages": {"default_attributes": defaults, "paths": {".glb": ["*/*.room.glb"]}}, "objects": {}}
    path = write(tmp_path / "hm3d.scene_dataset_config.json", config)
    (tmp_path / "00800-XYZ").mkdir()
    save_glb(tmp_path / "00800-XYZ/XYZ.room.glb", room_quads())
    save_glb(tmp_path / "00800-XYZ/XYZ.semantic.glb", room_quads(), colors=True)
    save_semantic_txt(tmp_path / "00800-XYZ/XYZ.semantic.txt")
    assert dataset_scenes(path) == ("XYZ.room",)
    for name in ("XYZ.room", "XYZ", "00800-XYZ"):
        scene = load_habitat(path, name)
    assert {o.category for o in scene.objects} == {"floor", "ceiling", "wall", "chair"}
    np.testing.assert_allclose(scene.bounds, [[0, 0, -4], [6, 2.6, 0]], rtol=0, atol=1e-6)
    replica = tmp_path / "room_0/habitat"
    stage = {"render_asset": "mesh_semantic.ply", "up": [0, 0, 1], "front": [0, 1, 0]}
    stage |= {"semantic_asset": "mesh_semantic.ply", "semantic_descriptor_filename": "info_semantic.json"}
    write(replica / "replica_stage.stage_config.json", stage)
    box = {"abb": {"center": [0, 0, 0], "sizes": [1, 0.4, 0.9]}, "orientation": {"translation": [5, 3, 0.45]}}
    box["orientation"]["rotation"] = [0, 0, 0, 1]  # type: ignore[assignment]
    info = {"classes": [{"id": 1, "name": "chair"}], "objects": [{"id": 7, "class_id": 1, "oriented_bbox": box}]}
    write(replica / "info_semantic.json", info)
    save_ply(replica / "mesh_semantic.ply", room_quads())
    scene = load_habitat(replica / "replica_stage.stage_config.json")
    (chair,) = scene.objects
    assert (chair.category, chair.center, chair.size[1]) == ("chair", (5.0, 0.45, -3.0), 0.9)
    assert (scene.triangle_object >= 0).sum() == 12


def test_bare_stage_meshes_are_z_up(tmp_path: Path) -> None:
    """Without defaults Habitat takes .glb stages as Matterport's, +Z up; with a configuration they are +Y up."""
    save(tmp_path)
    bare = write(tmp_path / "bare.scene_dataset_config.json", {"stages": {"paths": {".glb": ["stages/*.glb"]}}})
    np.testing.assert_allclose(load_habitat(bare, "room").bounds[1], [6, 2.6, 0], rtol=0, atol=1e-6)
    write(tmp_path / "stages/room.stage_config.json", {"render_asset": "room.glb"})
    lying = load_habitat(tmp_path / "stages/room.stage_config.json")
    np.testing.assert_allclose(lying.bounds[1], [6, 4, 2.6], rtol=0, atol=1e-6)


def _set(file: str, *keys: Any) -> Any:
    """A change of the last key's value in a file; None removes it."""

    def change(files: dict[str, Any]) -> None:
        table = files[file]
        for key in keys[:-2]:
            table = table[key]
        if keys[-1] is None:
            del table[keys[-2]]
        else:
            table[keys[-2]] = keys[-1]

    return change


THING = ("object_instances", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(SCENE, "stage_instance", None), "one.scene_instance.json: 'stage_instance' is missing"),
        (_set(SCENE, "stage_instance", []), "'stage_instance' must be an object"),
        (_set(SCENE, "stage_instance", "template_name", "rom"), "unknown stage 'rom'. Did you mean 'room'"),
        (_set(SCENE, "object_instances", {}), "'object_instances' must be a list"),
        (_set(SCENE, "object_instances", [3]), "its entry 0 is 3"),
        (_set(SCENE, *THING, "template_name", "stol"), "unknown object 'stol'. Did you mean 'stool'"),
        (_set(SCENE, *THING, "template_name", None), "object_instances[0]: 'template_name' is missing"),
        (_set(SCENE, *THING, "rotation", [1, 0, 0]), "'rotation' must be a list of 4 finite numbers"),
        (_set(SCENE, *THING, "rotation", [0, 0, 0, 0]), "'rotation' (w, x, y, z)"),
        (_set(SCENE, *THING, "translation", [1, "a", 0]), "'translation' must be a list of 3 finite numbers"),
        (_set(SCENE, *THING, "uniform_scale", 0), "must not be zero"),
        (_set(SCENE, *THING, "uniform_scale", "big"), "'uniform_scale' must be a number"),
        (_set(SCENE, *THING, "translation_origin", "center"), "'translation_origin' must be COM or asset_local"),
        (_set(SCENE, "default_lighting", "night"), "unknown light_setup 'night'"),
        (_set(STAGE, "render_asset", None), "room.stage_config.json: 'render_asset' is missing"),
        (_set(STAGE, "render_asset", 5), "'render_asset' must be a text"),
        (_set(STAGE, "render_asset", "no.glb"), "there is no mesh file"),
        (_set(STAGE, "front", [0, 0, 1]), "must be orthogonal"),
        (_set(STAGE, "up", [0, 1]), "'up' must be a list of 3"),
        (_set(MARKER, "render_asset", "no.glb"), "object_instances[0] (stool): there is no mesh file"),
        (_set(MARKER, "semantic_id", "chair"), "'semantic_id' must be a whole number"),
        (_set(CONFIG, "stages", []), "'stages' must be an object"),
        (_set(CONFIG, "stages", "paths", ".json", "configs"), "'.json' must be a list of texts"),
        (_set(CONFIG, "objects", "configs", [{"template_handle": "x"}]), "configs[0]: 'attributes' is missing"),
        (_set(CONFIG, "objects", "configs", [{"attributes": {}}]), "give 'original_file', 'template_handle' or both"),
        (_set(CONFIG, "objects", "configs", [{"original_file": "absent", "attributes": {}}]), "unknown object"),
        (_set("configs/ssd/lexicon.json", "classes", [{"id": 20}]), "classes[0]: 'name' is missing"),
    ],
)
def test_malformed_entries(tmp_path: Path, change: Any, message: str) -> None:
    """Each damage is named with file, place and remedy."""
    files = tables()
    change(files)
    config = save(tmp_path, files)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)):
        load_habitat(config, "one")


def test_errors_of_names_and_files(tmp_path: Path) -> None:
    """Unknown scenes, scenes not named, ambiguous names, files that are none."""
    config = save(tmp_path)
    with pytest.raises(ValueError, match=r"holds 1 scenes: write .*:NAME, as one of one"):
        load_habitat(config)
    with pytest.raises(ValueError, match=r"unknown scene_instance 'oen'. Did you mean 'one'"):
        load_habitat(config, "oen")
    write(tmp_path / "configs/scenes/other_one.scene_instance.json", {})
    write(tmp_path / "configs/scenes/other_two.scene_instance.json", {})
    with pytest.raises(ValueError, match="'other' stands for 2 scene_instances"):
        load_habitat(config, "other")
    config.write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        load_habitat(config, "one")
    with pytest.raises(FileNotFoundError, match="no scene file"):
        load_habitat(tmp_path / "none.scene_instance.json")
    write(config, tables()[CONFIG] | {"stage": {}})
    with pytest.warns(SceneWarning, match="unknown entry 'stage'. Did you mean 'stages'"):
        dataset_scenes(config)
