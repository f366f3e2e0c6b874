"""Scans of HM3D, MP3D, Replica and Gibson: geometry, labels, boxes, rooms, materials, and each malformed file."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf_samples import GltfWriter
from scan_samples import CHAIR, COLOR, room_quads, save_glb, save_house, save_ply, save_semantic_txt

from avi_env.scene import Scene, SceneWarning, load_scene
from avi_env.scene.datasets.frames import Y_UP, Z_UP, box_of_points, frame_rotation, upright_box
from avi_env.scene.datasets.hm3d import read_semantic_txt
from avi_env.scene.datasets.mp3d import read_house
from avi_env.scene.datasets.named_scans import find_scan
from avi_env.scene.datasets.replica import read_info_semantic, read_scn
from avi_env.scene.datasets.scan import read_descriptor
from avi_env.scene.datasets.transfer import labels_from_mesh
from avi_env.scene.rays import closest_hit


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        yield


def hit(scene: Scene, origin: tuple[float, float, float], direction: tuple[float, float, float]) -> tuple[str, float]:
    """Category and distance of what a ray meets."""
    found = closest_hit(scene, [origin], [direction])
    owner = int(scene.triangle_object[found.triangle[0]])
    return scene.objects[owner].category, float(found.distance[0])


def check_room(scene: Scene) -> None:
    """The chair stands where it should in the world, and all else is around it."""
    np.testing.assert_allclose(scene.bounds, [[0.0, 0.0, -4.0], [6.0, 2.6, 0.0]], rtol=0, atol=1e-6)
    middle = (3.0, 0.45, -3.0)
    category, distance = hit(scene, middle, (1.0, 0.0, 0.0))
    assert category == "chair"
    assert distance == pytest.approx(1.5, abs=1e-5)
    assert hit(scene, middle, (0.0, -1.0, 0.0)) == ("floor", pytest.approx(0.45, abs=1e-5))
    assert hit(scene, middle, (0.0, 1.0, 0.0)) == ("ceiling", pytest.approx(2.15, abs=1e-5))
    assert hit(scene, middle, (0.0, 0.0, -1.0)) == ("wall", pytest.approx(1.0, abs=1e-5))
    by_category = {o.category: o for o in scene.objects}
    names = {c: material_of(scene, o.id) for c, o in by_category.items()}
    assert names == {"floor": "parquet", "ceiling": "ceiling_plasterboard", "wall": "plaster", "chair": "wood"}


def material_of(scene: Scene, number: int) -> str:
    """Name of the material of an object's first triangle."""
    return scene.materials[scene.triangle_material[scene.triangle_object == number][0]].name


def save_hm3d(folder: Path, linear: bool = True) -> Path:
    """Writes an HM3D scene."""
    save_semantic_txt(folder / "XYZ.semantic.txt")
    save_glb(folder / "XYZ.semantic.glb", room_quads(), colors=True, linear=linear)
    return save_glb(folder / "XYZ.glb", room_quads())


@pytest.mark.parametrize("linear", [True, False])
def test_hm3d(tmp_path: Path, linear: bool) -> None:
    """Colours of the semantic mesh name the objects; regions become rooms; +Z up is turned."""
    scene = load_scene(save_hm3d(tmp_path, linear))
    check_room(scene)
    assert scene.meta["object_keys"] == [1, 2, 3, 7]
    (room,) = scene.rooms
    assert (room.id, room.type, room.floor_y, room.height) == (0, "room", 0.0, 2.6)
    assert sorted(room.polygon) == [(0.0, -4.0), (0.0, 0.0), (6.0, -4.0), (6.0, 0.0)]
    chair = next(o for o in scene.objects if o.category == "chair")
    assert (chair.room, chair.size, chair.center) == (0, (1.0, 0.9, 0.4), (5.0, 0.45, -3.0))


def test_hm3d_labels_reach_a_mesh_of_other_triangles(tmp_path: Path) -> None:
    """The mesh to look at is cut more finely than the one that names the objects."""
    save_hm3d(tmp_path)
    quads = room_quads()
    fine = []
    for key, q in quads:
        steps = np.linspace(0.0, 1.0, 4)
        grid = [[(1 - v) * ((1 - u) * q[0] + u * q[1]) + v * ((1 - u) * q[3] + u * q[2]) for u in steps] for v in steps]
        fine += [
            (key, np.array([grid[j][i], grid[j][i + 1], grid[j + 1][i + 1], grid[j + 1][i]]))
            for j in range(3)
            for i in range(3)
        ]
    save_glb(tmp_path / "XYZ.glb", fine)
    scene = load_scene(tmp_path / "XYZ.glb")
    assert len(scene.triangles) == 9 * 24
    check_room(scene)


def test_hm3d_with_basis_pictures(tmp_path: Path) -> None:
    """Pictures that cannot be read are left out with a warning; the materials' own looks take their place."""
    save_hm3d(tmp_path).unlink()
    writer = GltfWriter()
    points = np.concatenate([quad for _, quad in room_quads()])
    index = np.concatenate([4 * k + np.array([0, 1, 2, 0, 2, 3]) for k in range(12)])
    uv = np.tile([[0, 0], [1, 0], [1, 1], [0, 1]], (12, 1))
    attributes = {"POSITION": writer.accessor(points), "TEXCOORD_0": writer.accessor(uv)}
    primitive = {"attributes": attributes, "indices": writer.accessor(index, "u2"), "material": 0}
    writer.table |= {"meshes": [{"primitives": [primitive]}], "nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}]}
    writer.table["materials"] = [{"name": "m", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    writer.table["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    writer.table["images"] = [{"mimeType": "image/ktx2", "bufferView": writer.view(b"no picture")}]
    writer.table |= {"extensionsUsed": ["KHR_texture_basisu"], "extensionsRequired": ["KHR_texture_basisu"]}
    writer.save_glb(tmp_path / "XYZ.basis.glb")
    with pytest.warns(SceneWarning, match="Basis compressed"):
        scene = load_scene(tmp_path / "XYZ.basis.glb")
    check_room(scene)
    assert not any(material.unlit for material in scene.materials)
    assert not scene.textures


def test_labels_of_large_meshes() -> None:
    """Large meshes, which scenes put into another order, keep their labels; far ones get none."""
    rng = np.random.default_rng(0)
    steps = np.linspace(0.0, 8.0, 161)
    x, z = np.meshgrid(steps, steps)
    vertices = np.stack([x.ravel(), np.zeros(x.size), z.ravel()], axis=1)
    index = np.arange(x.size).reshape(x.shape)
    corner, right, below, far = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate(
        [np.stack([corner, below, right], -1).reshape(-1, 3), np.stack([right, below, far], -1).reshape(-1, 3)]
    )
    label = (4 * (vertices[triangles].mean(axis=1)[:, 0] // 2)).astype(np.int64)
    order = rng.permutation(len(triangles))
    found = labels_from_mesh(vertices + np.array([0.0, 0.05, 0.0]), triangles[order], (vertices, triangles), label)
    np.testing.assert_array_equal(found, label[order])
    away = labels_from_mesh(
        vertices[:3] + np.array([0.0, 0.5, 0.0]), np.array([[0, 1, 2]]), (vertices, triangles), label
    )
    assert away.tolist() == [-1]


def test_mp3d(tmp_path: Path) -> None:
    """Turned boxes, room outlines, labels by face; raw or mpcat40 names."""
    save_house(tmp_path / "house1.house")
    save_ply(tmp_path / "house1_semantic.ply", room_quads(), triangles=True)
    save_glb(tmp_path / "house1.glb", room_quads())
    for name in ("house1.glb", "house1.house", "house1_semantic.ply"):
        scene = load_scene(tmp_path / name)
        check_room(scene)
    (room,) = scene.rooms
    assert (room.type, room.floor_y, room.height) == ("bedroom", 0.0, 2.6)
    assert room.polygon == ((0.0, -0.0), (6.0, -0.0), (6.0, -4.0), (0.0, -4.0))
    chair = next(o for o in scene.objects if o.category == "chair")
    assert (chair.center, chair.room) == ((5.0, 0.45, -3.0), 0)
    # 30 degrees about +Z in the file are 30 degrees about +Y in the world.
    pose = {(tuple(np.round(chair.size, 6)), round(chair.yaw, 4))}
    assert pose == {((1.0, 0.9, 0.4), 0.5236)}
    raw = load_scene(tmp_path / "house1.glb", names="raw")
    assert {o.category for o in raw.objects} == {"floor", "ceiling", "brick_wall", "dining_chair"}
    assert material_of(raw, next(o.id for o in raw.objects if o.category == "brick_wall")) == "brick"


def test_mp3d_segments_of_matterports_own_meshes(tmp_path: Path) -> None:
    """Faces that name segments find their objects through the records E."""
    save_house(tmp_path / "a.house")
    quads = [(5000000 + key, quad) for key, quad in room_quads()]
    save_ply(tmp_path / "a_semantic.ply", quads, face_property="material_id", triangles=True)
    check_room(load_scene(tmp_path / "a.house"))


def info_semantic() -> dict[str, Any]:
    """Replica's description; the chair's box is turned by 90 degrees about +Z, written x, y, z, w."""
    half = float(np.sqrt(0.5))

    def box(center: list[float], sizes: list[float], rotation: list[float]) -> dict[str, Any]:
        pose = {"translation": center, "rotation": rotation}
        return {"abb": {"center": [0.0, 0.0, 0.0], "sizes": sizes}, "orientation": pose}

    still = [0.0, 0.0, 0.0, 1.0]
    objects = [
        {"id": 1, "class_id": 40, "class_name": "floor", "oriented_bbox": box([3, 2, 0], [6, 4, 0], still)},
        {"id": 2, "class_id": 31, "class_name": "ceiling", "oriented_bbox": box([3, 2, 2.6], [6, 4, 0], still)},
        {"id": 3, "class_id": 93, "class_name": "wall", "oriented_bbox": box([3, 2, 1.3], [6, 4, 2.6], still)},
        {"id": 7, "class_id": 20, "class_name": "chair"},
    ]
    objects[3]["oriented_bbox"] = box([5, 3, 0.45], [0.4, 1.0, 0.9], [0.0, 0.0, half, half])
    names = {40: "floor", 31: "ceiling", 93: "wall", 20: "chair"}
    return {"classes": [{"id": k, "name": v} for k, v in names.items()], "objects": objects}


def test_replica(tmp_path: Path) -> None:
    """Quadrilaterals with an id each, vertex colours, boxes with x, y, z, w rotations."""
    folder = tmp_path / "room_0" / "habitat"
    folder.mkdir(parents=True)
    (folder / "info_semantic.json").write_text(json.dumps(info_semantic()))
    save_ply(folder / "mesh_semantic.ply", room_quads())
    save_ply(folder.parent / "mesh.ply", room_quads(), face_property="")
    for path in (folder.parent, folder, folder / "mesh_semantic.ply", folder.parent / "mesh.ply"):
        scene = load_scene(path)
        assert scene.name == "room_0"
    check_room(scene)
    chair = next(o for o in scene.objects if o.category == "chair")
    assert (tuple(np.round(chair.size, 6)), round(chair.yaw, 4)) == ((0.4, 0.9, 1.0), 1.5708)
    assert scene.vertex_color is not None
    owners = scene.triangle_object[:, None].repeat(3, axis=1)
    colors = scene.vertex_color[scene.triangles[owners == chair.id]]
    np.testing.assert_array_equal(colors, np.tile(COLOR[CHAIR], (len(colors), 1)))
    assert all(material.unlit for material in scene.materials)


def test_gibson(tmp_path: Path) -> None:
    """Habitat's .scn is JSON; sizes are turned along with the axes; rooms come as rectangles."""
    objects = [
        {"class_": "floor", "id": 1},
        {"class_": "ceiling", "id": 2, "location": None, "size": None},
        {"class_": "wall", "id": 3},
        {"class_": "chair", "id": 7, "location": [5, 3, 0.45], "size": [1.0, 0.4, 0.9], "parent_room": 2},
    ]
    room = {"id": 2, "scene_category": "dining room", "location": [3, 2, 1.3], "size": [6, 4, 2.6]}
    (tmp_path / "Any.scn").write_text(json.dumps({"objects": objects, "rooms": [room]}))
    save_ply(tmp_path / "Any_semantic.ply", room_quads(), triangles=True)
    save_glb(tmp_path / "Any.glb", room_quads())
    scene = load_scene(tmp_path / "Any.glb")
    check_room(scene)
    assert (scene.rooms[0].type, scene.rooms[0].height) == ("dining_room", 2.6)
    chair = next(o for o in scene.objects if o.category == "chair")
    assert chair.room == 0
    np.testing.assert_allclose(chair.center, (5.0, 0.45, -3.0), rtol=0, atol=1e-9)
    assert sorted(chair.size) == [0.4, 0.9, 1.0]
    assert chair.size[1] == 0.9


def test_rlr_materials_apply_to_scans(tmp_path: Path) -> None:
    """A material file in the RLR format chooses by category."""
    path = tmp_path / "materials.json"
    names = {"Default": ["default"], "Tile": ["ceiling"], "Carpet": ["floor"], "Board": ["wall", "chair"]}
    spectra = {"scattering": [125.0, 0.1, 4000.0, 0.1]}
    rows = [{"name": k, "labels": v, "absorption": [125.0, 0.1 * i]} for i, (k, v) in enumerate(names.items())]
    path.write_text(json.dumps({"materials": [row | spectra for row in rows]}))
    scene = load_scene(save_hm3d(tmp_path), materials=str(path))
    assert {o.category: material_of(scene, o.id) for o in scene.objects} == {
        "floor": "Carpet",
        "ceiling": "Tile",
        "wall": "Board",
        "chair": "Board",
    }


def test_scans_leak_with_a_warning(tmp_path: Path) -> None:
    """A hole is no error, and the share of escaped rays is said."""
    (tmp_path / "info_semantic.json").write_text(json.dumps(info_semantic()))
    save_ply(tmp_path / "mesh_semantic.ply", [face for face in room_quads() if face[0] != 2])
    with pytest.warns(SceneWarning, match="leaks: .* % of rays escape"):
        scene = load_scene(tmp_path)
    assert len(scene.objects) == 4


@pytest.mark.parametrize("layout", ["binary_little_endian", "binary_big_endian", "ascii"])
def test_quadrilaterals_keep_their_ids(tmp_path: Path, layout: str) -> None:
    """Faces with four corners are cut in two, and both halves keep the id."""
    (tmp_path / "info_semantic.json").write_text(json.dumps(info_semantic()))
    save_ply(tmp_path / "mesh_semantic.ply", room_quads(), layout=layout)
    scene = load_scene(tmp_path)
    check_room(scene)
    keys = np.array(scene.meta["object_keys"])[scene.triangle_object]
    assert sorted(keys.tolist()) == sorted(2 * [key for key, _ in room_quads()])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("HM3D Semantic Annotations", "Semantics"), "first line must be 'HM3D Semantic Annotations'"),
        (('"floor",4', '"floor"'), "line 2: it has 3 fields"),
        (("AB0314", "AB031"), "line 2: 'AB031' is no colour of six hexadecimal digits"),
        (("AB0314", "XB0314"), "'XB0314' is no colour"),
        (('"floor",4', '"floor",four'), "line 2: its id or region is no whole number"),
        (("2,0AC81E", "1,0AC81E"), "the id 1 stands twice"),
        (("2,0AC81E", "2,AB0314"), "the colour AB0314 stands twice"),
    ],
)
def test_malformed_semantic_txt(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """Each damage is named with file and line."""
    path = save_semantic_txt(tmp_path / "a.semantic.txt")
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_semantic_txt(path)
    assert "a.semantic.txt" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("ASCII 1.1", "ASCII 1.0"), "first line must be 'ASCII 1.1', not 'ASCII 1.0'"),
        (("R 5 0 0 0 b 3 2 0 0 0 0", "R 5 0 0 0 b"), "malformed record 'R'"),
        (("R 5 0 0 0 b", "R five 0 0 0 b"), "malformed record 'R'"),
        (("R 5 0 0 0 b", "R 5 0 0 0 Q"), "region 5 has the type 'Q'"),
        (("O 7 5 3", "O 7 5 9"), "object 7 has the category 9, which no record C defines"),
        (("O 7 5 3", "O 7 6 3"), "object 7 is in region 6, which no record R defines"),
        (("O 7 5 3 5 3", "O 7 5 3 nan 3"), "malformed record 'O'"),
    ],
)
def test_malformed_house(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """Each damage is named with file and line."""
    path = save_house(tmp_path / "a.house")
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_house(path)
    assert "a.house" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("classes"), "'classes' is missing"),
        (lambda t: t["classes"][0].pop("name"), "classes[0]: 'name' is missing"),
        (lambda t: t.pop("objects"), "'objects' is missing"),
        (lambda t: t["objects"][3].update(class_id=99), "'class_id' 99 is none"),
        (lambda t: t["objects"][3].update(id="seven"), "'id' must be a whole number"),
        (lambda t: t["objects"][3]["oriented_bbox"].pop("abb"), "'abb' is missing"),
        (lambda t: t["objects"][3]["oriented_bbox"]["orientation"].update(rotation=[0, 0, 1]), "list of 4 finite"),
        (lambda t: t["objects"][3]["oriented_bbox"]["orientation"].update(rotation=[0, 0, 0, 0]), "is no rotation"),
    ],
)
def test_malformed_info_semantic(tmp_path: Path, change: Any, message: str) -> None:
    """Each damage is named with its place."""
    table = info_semantic()
    change(table)
    path = tmp_path / "info_semantic.json"
    path.write_text(json.dumps(table))
    with pytest.raises(ValueError, match=re.escape(message)):
        read_info_semantic(path)


def test_other_errors(tmp_path: Path) -> None:
    """Missing files, unknown kinds, faces without ids."""
    with pytest.raises(FileNotFoundError, match=r"nothing\.glb"):
        load_scene(tmp_path / "nothing.glb")
    with pytest.raises(ValueError, match="no semantic descriptor that is read"):
        read_descriptor(tmp_path / "a.xml")
    (tmp_path / "a.scn").write_text('{"objects": [{"id": 1}]}')
    with pytest.raises(ValueError, match="'class_' is missing"):
        read_scn(tmp_path / "a.scn")
    for reader, name in ((read_house, "b.house"), (read_semantic_txt, "b.semantic.txt"), (read_scn, "b.scn")):
        with pytest.raises(FileNotFoundError, match=name):
            reader(tmp_path / name)
    save_house(tmp_path / "c.house")
    with pytest.raises(FileNotFoundError, match=r"c_semantic\.ply"):
        load_scene(tmp_path / "c.house")
    save_ply(tmp_path / "c_semantic.ply", room_quads(), face_property="label")
    with pytest.raises(ValueError, match="have no 'object_id'"):
        load_scene(tmp_path / "c.house")
    with pytest.raises(ValueError, match="Did you mean 'raw'"):
        read_house(tmp_path / "c.house", names="row")
    scan = find_scan(tmp_path / "c_semantic.ply")
    assert scan is not None
    assert scan.dataset == "MP3D"


def test_frames() -> None:
    """Up and front become +Y and -Z; boxes keep size and yaw, tilted ones become upright."""
    np.testing.assert_allclose(Y_UP, np.eye(3), rtol=0, atol=1e-12)
    np.testing.assert_allclose(Z_UP @ [1.0, 2.0, 3.0], [1.0, 3.0, -2.0], rtol=0, atol=1e-12)
    for up, front in (((1, 0, 0), (0, 0, 1)), ((0, -1, 0), (0, 0, -1))):
        turn = frame_rotation(up, front)
        np.testing.assert_allclose(turn @ up, [0, 1, 0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(turn @ front, [0, 0, -1], rtol=0, atol=1e-12)
        assert np.linalg.det(turn) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="must be orthogonal"):
        frame_rotation((0, 1, 0), (0, 1, 1))
    with pytest.raises(ValueError, match="must be directions"):
        frame_rotation((0, 0, 0), (0, 1, 1))
    c, s = np.cos(0.3), np.sin(0.3)
    axes = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])  # a turn of 0.3 about +Y
    box = upright_box((1, 2, 3), axes, (4, 5, 6))
    assert (box.size, box.yaw) == ((4.0, 5.0, 6.0), 0.3)
    tilted = upright_box((0, 0, 0), np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), (1, 1, 1))
    assert tilted.yaw == 0.0
    assert tilted.size[0] > 1.2
    assert box_of_points(np.array([[0.0, 0, 0], [2, 4, 6]])).center == (1.0, 2.0, 3.0)
