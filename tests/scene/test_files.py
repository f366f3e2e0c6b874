"""Scenes on disk and by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avi_env.scene import (
    Scene,
    SceneError,
    SceneWarning,
    Texture,
    generate_house,
    load_scene,
    save_scene,
    scene_names,
    shoebox,
)
from avi_env.scene import files as scene_files

_TABLES = ("materials", "objects", "rooms", "portals", "lights", "meta", "name")


@pytest.mark.parametrize("name", ["house:3", "shoebox:4x2.5x3:brick"])
def test_round_trip_is_exact(name: str, tmp_path: Path) -> None:
    """What is saved comes back bit for bit: arrays, tables and digest."""
    scene = load_scene(name)
    again = load_scene(save_scene(scene, tmp_path / "scene.glb"))
    assert again.digest == scene.digest
    for table in _TABLES:
        assert getattr(again, table) == getattr(scene, table)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scene.glb", "scene.json"]


def test_round_trip_with_textures_and_loose_vertices(tmp_path: Path) -> None:
    """Texture coordinates, images, triangles without material and unused vertices survive too."""
    box = shoebox((2.0, 2.0, 2.0))
    rng = np.random.default_rng(0)
    material = box.triangle_material.copy()
    material[3] = -1
    scene = Scene(
        name="textured",
        vertices=np.concatenate([box.vertices, [[9.0, 9.0, 0.1]]]),
        triangles=box.triangles,
        triangle_material=material,
        triangle_object=box.triangle_object,
        materials=box.materials,
        objects=box.objects,
        uv=rng.random((12, 3, 2), dtype=np.float32),
        textures=(Texture("noise", rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)),),
        material_texture=(0,),
    )
    assert load_scene(save_scene(scene, tmp_path / "t.glb")).digest == scene.digest


def test_interrupted_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing fails, the old file stays whole and no temporary file remains."""
    target = save_scene(shoebox((1.0, 1.0, 1.0)), tmp_path / "s.glb")
    before = target.read_bytes()

    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(scene_files.Path, "write_text", broken)
    with pytest.raises(OSError, match="disk full"):
        save_scene(shoebox((2.0, 2.0, 2.0)), target)
    assert target.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_foreign_mesh_takes_materials_by_name(tmp_path: Path) -> None:
    """A closed .obj whose materials are named after the table loads as it is; others must be said."""
    import trimesh

    room = trimesh.creation.box((4, 3, 4))
    room.apply_translation((2, 1.5, 2))
    room.invert()
    room.export(tmp_path / "room.ply")
    with pytest.raises(SceneError, match="pass materials="):
        load_scene(tmp_path / "room.ply")
    scene = scene_files.load_scene_file(tmp_path / "room.ply", materials="brick")
    assert scene.materials[0].name == "brick"
    (tmp_path / "plaster.obj").write_text(
        "".join(f"v {x} {y} {z}\n" for x, y, z in room.vertices)
        + "o plaster_room\n"
        + "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in room.faces)
    )
    assert load_scene(tmp_path / "plaster.obj").materials[0].name == "plaster"
    with pytest.warns(SceneWarning, match="Did you mean 'plaster_room'"):
        scene_files.load_scene_file(tmp_path / "plaster.obj", materials={"plaster_rom": "brick"})


def test_foreign_mesh_that_leaks_is_refused(tmp_path: Path) -> None:
    """An open mesh is refused with the place of the hole and what to do."""
    import trimesh

    room = trimesh.creation.box((4, 3, 4))
    room.invert()
    room.update_faces(room.triangles_center[:, 0] < 1.9)
    room.export(tmp_path / "open.ply")
    with pytest.raises(SceneError, match=r"leaks: .* near .*going \+X.*close the hole"):
        scene_files.load_scene_file(tmp_path / "open.ply", materials="brick")


def test_sidecar_of_another_scene_is_refused(tmp_path: Path) -> None:
    """A .glb with the sidecar of another scene does not load by halves."""
    save_scene(shoebox((1.0, 1.0, 1.0)), tmp_path / "a.glb")
    save_scene(generate_house(1, furniture=False), tmp_path / "b.glb")
    (tmp_path / "a.json").write_bytes((tmp_path / "b.json").read_bytes())
    with pytest.raises(ValueError, match="do not belong together"):
        load_scene(tmp_path / "a.glb")
    table = json.loads((tmp_path / "b.json").read_text())
    (tmp_path / "b.json").write_text(json.dumps({**table, "format": 99}))
    with pytest.raises(ValueError, match="scene format 99"):
        load_scene(tmp_path / "b.glb")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.pop("rooms"), r"a\.json' is damaged \(KeyError\('rooms'\)\): save the scene again"),
        (lambda table: table.update(objects=[3]), r"a\.json' is damaged .*save the scene again"),
        (lambda table: table["geometry"].update(vertex_index="abc"), r"a\.json' is damaged .*save the scene again"),
        (
            lambda table: table.pop("format"),
            r"a\.json' has scene format None.* rename that file if it has nothing",
        ),
    ],
)
def test_damaged_sidecar_is_explained(change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path) -> None:
    """Entries that are missing or of the wrong type: the file and what to do, no traceback of a reader."""
    save_scene(shoebox((1.0, 1.0, 1.0)), tmp_path / "a.glb")
    table = json.loads((tmp_path / "a.json").read_text())
    change(table)
    (tmp_path / "a.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match=message):
        load_scene(tmp_path / "a.glb")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hause:7", "Did you mean 'house:7'"),
        ("house:x", "house:SEED"),
        ("shoebox:6x3", "shoebox:6x3x4"),
        ("shoebox:6x3x4:plastr", "Did you mean 'plaster'"),
        ("nothing", "unknown scene"),
    ],
)
def test_wrong_names_are_explained(name: str, message: str) -> None:
    """Unknown scenes and misspelt arguments get the form that works."""
    with pytest.raises(ValueError, match=message):
        load_scene(name)


def test_missing_file_is_explained(tmp_path: Path) -> None:
    """A path that is not there says so."""
    with pytest.raises(FileNotFoundError, match="no scene file"):
        load_scene(tmp_path / "none.glb")
    with pytest.raises(ValueError, match=r"should be x\.glb"):
        save_scene(shoebox((1, 1, 1)), tmp_path / "x.obj")
    with pytest.raises(FileNotFoundError, match="create it"):
        save_scene(shoebox((1, 1, 1)), tmp_path / "no" / "x.glb")


def test_scene_names() -> None:
    """Specifications stand for lists of scenes."""
    assert scene_names("houses:3") == ("house:0", "house:1", "house:2")
    assert scene_names("houses:5-6, shoebox:6x3x4") == ("house:5", "house:6", "shoebox:6x3x4")
    assert scene_names("house:7") == ("house:7",)
    for bad in ("", "houses:many"):
        with pytest.raises(ValueError, match="houses:64"):
            scene_names(bad)
