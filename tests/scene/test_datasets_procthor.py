"""ProcTHOR houses: rooms, areas, doors, closedness, objects, lights, ways through doors, malformed files."""

from __future__ import annotations

import gzip
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from procthor_samples import AREAS, hole, house, point, wall_id

from avi_env.navigation import geodesic_distance
from avi_env.scene import Scene, SceneWarning, check_scene, scene_doors, with_doors
from avi_env.scene.datasets.procthor_scene import load_procthor
from avi_env.scene.datasets.shell import triangulated
from avi_env.scene.health import escaped_share
from avi_env.scene.outline import outline_area
from avi_env.scene.rays import closest_hit


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        yield


def save(folder: Path, table: Any = None) -> Path:
    """Writes a house."""
    path = folder / "house.json"
    path.write_text(json.dumps(house() if table is None else table))
    return path


def places(scene: Scene) -> np.ndarray:
    """Points in the middle of the air of every room, shape (n, 3)."""
    return np.array([[1.5, 1.2, -1.0], [3.0, 1.2, -3.5], [5.0, 1.2, -3.0], [7.0, 1.2, -1.0], [8.5, 1.2, -0.5]])


def test_rooms_doors_and_areas(tmp_path: Path) -> None:
    """Types, exact areas, heights, portals with openness and normals, in the world's axes (z mirrored)."""
    scene = load_procthor(save(tmp_path))
    assert {room.type: outline_area(room.polygon) for room in scene.rooms} == AREAS
    assert {room.height for room in scene.rooms} == {2.5}
    assert scene.rooms[1].polygon == ((4.0, -2.0), (4.0, -4.0), (6.0, -4.0), (6.0, -2.0))
    opened, shut = scene.portals
    assert (opened.rooms, opened.openness, opened.kind, opened.width, opened.height) == ((0, 2), 1.0, "door", 1.0, 2.1)
    np.testing.assert_allclose(opened.center, (6.0, 1.05, -1.0), rtol=0, atol=1e-9)
    assert (shut.rooms, shut.openness) == ((0, 1), 0.0)
    np.testing.assert_allclose(shut.center, (4.9, 1.05, -2.0), rtol=0, atol=1e-9)
    for portal, normal in ((opened, (1.0, 0.0)), (shut, (0.0, -1.0))):
        np.testing.assert_allclose((-np.sin(portal.yaw), -np.cos(portal.yaw)), normal, rtol=0, atol=1e-6)
    (light,) = scene.lights
    assert (light.position, light.color, light.intensity, light.room) == (
        (7.5, 2.3, -2.0),
        (1.0, 0.855, 0.722),
        2.25,
        2,
    )
    keys = dict(zip(scene.meta["object_keys"], scene.objects, strict=True))
    assert keys["Bed|4|0"].category == "bed"
    assert keys["room|3"].category == "floor"


@pytest.mark.parametrize("doors", [{}, {0: 0.0}, {1: 1.0}, {0: 0.5, 1: 0.5}])
def test_closed(tmp_path: Path, doors: dict[int, float]) -> None:
    """No ray escapes, however the doors stand."""
    scene = load_procthor(save(tmp_path))
    turned = with_doors(scene, doors)
    assert escaped_share(turned, places(turned), rays=4000, bounces=12) < 1e-4
    assert not [issue for issue in check_scene(scene) if issue.severity == "error"]


def test_walls_have_holes_and_thickness(tmp_path: Path) -> None:
    """Rays pass the open door and meet walls where they should, from both rooms."""
    scene = load_procthor(save(tmp_path))
    origins = [
        [3.0, 1.0, -0.8],
        [3.0, 2.3, -0.8],
        [7.0, 2.3, -0.8],
        [5.5, 1.0, -1.0],
        [7.5, 1.5, -2.0],
        [3.0, 1.0, -1.0],
    ]
    ways = [[1, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 0, -1], [0, 0, -1], [-1, 0, 0]]
    found = closest_hit(scene, origins, ways)
    np.testing.assert_allclose(found.distance, [5.95, 2.95, 0.95, 0.95, 1.99, 2.98], rtol=0, atol=1e-5)
    met = [scene.objects[k].category for k in scene.triangle_object[found.triangle]]
    assert met == ["wall", "wall", "wall", "wall", "window", "front_door"]
    corners = scene.vertices[scene.triangles[found.triangle]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normal * ways).sum(axis=1) < 0).all()  # every face looks into its room


def test_boxes_of_walls_and_frames(tmp_path: Path) -> None:
    """Each wall and each frame is an object of its own, 5 cm thick, and holds its triangles."""
    scene = load_procthor(save(tmp_path))
    slabs = [o for o in scene.objects if o.category in ("wall", "door_frame")]
    assert len({o.category for o in slabs}) == 2
    for item in slabs:
        assert item.size[2] == pytest.approx(0.05)
        points = scene.vertices[scene.triangles[scene.triangle_object == item.id]].reshape(-1, 3) - item.center
        cos, sin = np.cos(item.yaw), np.sin(item.yaw)
        local = np.stack([points[:, 0] * cos - points[:, 2] * sin, points[:, 0] * sin + points[:, 2] * cos], axis=1)
        assert (np.abs(local) <= np.array([item.size[0], item.size[2]]) / 2 + 1e-4).all()
        assert (np.abs(points[:, 1]) <= item.size[1] / 2 + 0.03).all()  # walls run on below floors


def test_ways_through_doors(tmp_path: Path) -> None:
    """The bedroom is reached through the open door, the bathroom once its door is opened."""
    scene = load_procthor(save(tmp_path))
    living, bath, bed = (2.0, 0.0, -1.0), (5.0, 0.0, -3.0), (8.0, 0.0, -1.0)
    assert geodesic_distance(scene, living, bed) == pytest.approx(6.0, rel=0.05)
    assert np.isinf(geodesic_distance(scene, living, bath))
    assert len(scene_doors(scene)) == 2
    assert geodesic_distance(with_doors(scene, {1: 1.0}), living, bath) == pytest.approx(3.9, rel=0.05)


def test_materials_by_name(tmp_path: Path) -> None:
    """Floors, walls and ceilings take materials by their names, and their colours."""
    scene = load_procthor(save(tmp_path))
    floors = {o.room: o.id for o in scene.objects if o.category == "floor"}
    names = {room: _material(scene, k) for room, k in floors.items()}
    assert names == {0: "parquet", 1: "ceramic_tile", 2: "carpet"}
    walls = {o.room: _material(scene, o.id).split("_e5")[0] for o in scene.objects if o.category == "wall"}
    assert walls == {0: "plaster", 1: "ceramic_tile", 2: "plasterboard"}
    own = load_procthor(save(tmp_path), materials={"wall": "brick"})
    assert {_material(own, o.id) for o in own.objects if o.category == "wall"} == {"brick"}
    assert _material(own, floors[0]) == "parquet"


def _material(scene: Scene, number: int) -> str:
    return scene.materials[scene.triangle_material[scene.triangle_object == number][0]].name


def test_objects_stand_and_face_as_said(tmp_path: Path) -> None:
    """Unity turns clockwise from +z; children come along; sizes from the asset data base where it is given."""
    path = save(tmp_path)
    scene = load_procthor(path)
    bed, table, cup = (next(o for o in scene.objects if o.category == c) for c in ("bed", "table", "cup"))
    assert bed.center == (8.0, 0.3, -3.4)
    # 270 degrees clockwise from +z looks to -x.
    np.testing.assert_allclose((-np.sin(bed.yaw), -np.cos(bed.yaw)), (-1.0, 0.0), rtol=0, atol=1e-6)
    assert bed.size[1] == pytest.approx(0.6)  # twice the height of its middle
    assert (table.room, cup.room, bed.room) == (0, 0, 2)
    points = scene.vertices[scene.triangles[scene.triangle_object == bed.id]].reshape(-1, 3)
    np.testing.assert_allclose(points.min(axis=0) + points.max(axis=0), 2 * np.array(bed.center), rtol=0, atol=1e-4)
    np.testing.assert_allclose(np.ptp(points, axis=0), [bed.size[2], bed.size[1], bed.size[0]], rtol=0, atol=1e-4)
    assert points[:, 0].max() <= 8.95 + 1e-5  # a guessed size ends at the wall
    sizes = {"Bed": [{"assetId": "Bed_1", "boundingBox": point(1.1, 0.6, 1.7), "split": "train"}]}
    (tmp_path / "asset-database.json").write_text(json.dumps(sizes))
    exact = load_procthor(path, assets=tmp_path / "asset-database.json")
    assert next(o for o in exact.objects if o.category == "bed").size == (1.1, 0.6, 1.7)


def test_unknown_types_become_boxes(tmp_path: Path) -> None:
    """They are named in a warning."""
    table = house()
    table["objects"].append({"id": "2|9", "assetId": "Dumbbell_4", "position": point(3, 0.1, 1)})
    with pytest.warns(SceneWarning, match="1 objects are boxes.*Dumbbell"):
        scene = load_procthor(save(tmp_path, table))
    dumbbell = scene.objects[-1]
    assert (dumbbell.category, dumbbell.center) == ("dumbbell", (3.0, 0.1, -1.0))
    assert _material(scene, dumbbell.id) == "metal"


def test_older_houses_and_collections(tmp_path: Path) -> None:
    """Bounding boxes in place of polygons, names in place of tables; packed; one line of a collection."""
    table = house()
    for row in table["doors"] + table["windows"]:
        low, high = row.pop("holePolygon")
        row["boundingBox"] = {"min": low, "max": high}
    for row in table["rooms"]:
        row["floorMaterial"] = row["floorMaterial"]["name"]
    for row in table["walls"]:
        row |= {"color": row["material"]["color"], "material": row["material"]["name"]}
    now = load_procthor(save(tmp_path))
    old = load_procthor(save(tmp_path, table))
    np.testing.assert_array_equal(old.vertices, now.vertices)
    assert old.materials == now.materials
    lines = tmp_path / "train.jsonl.gz"
    lines.write_bytes(gzip.compress("\n".join([json.dumps({"rooms": []}), json.dumps(table)]).encode()))
    second = load_procthor(lines, 1)
    assert (second.name, second.digest) == ("train:1", old.digest)
    with pytest.raises(ValueError, match="has no house 2: it holds 2 houses"):
        load_procthor(lines, 2)


def test_open_plan_and_frames(tmp_path: Path) -> None:
    """Walls said to be empty leave an opening from floor to ceiling; frames have no leaf."""
    table = house()
    empty = {wall_id("room|2", ((6, 2), (6, 0))), wall_id("room|4", ((6, 0), (6, 2)))}
    for row in table["walls"]:
        if row["id"] in empty:
            row["empty"] = True
    table["doors"][1] |= {"assetId": "Doorframe_3"}
    del table["doors"][0], table["doors"][0]["openness"], table["doors"][0]["openable"]
    scene = load_procthor(save(tmp_path, table))
    assert escaped_share(scene, places(scene), rays=4000, bounces=12) < 1e-4
    frame, opening = scene.portals
    assert (frame.kind, frame.openness, opening.kind, opening.rooms) == ("doorway", 1.0, "opening", (0, 2))
    assert (opening.width, opening.height) == (2.0, 2.5)
    found = closest_hit(scene, [[3.0, 2.3, -1.0], [5.0, 1.0, -1.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    np.testing.assert_allclose(found.distance, [5.95, 2.95], rtol=0, atol=1e-5)
    assert geodesic_distance(scene, (2.0, 0.0, -1.0), (5.0, 0.0, -3.0)) < 5.0


def test_rooms_at_an_angle(tmp_path: Path) -> None:
    """Outlines need not follow the axes."""
    table = house()
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])

    def moved(node: Any) -> Any:
        if isinstance(node, dict) and set(node) == {"x", "y", "z"} and "holePolygon" not in node:
            x, z = turn @ [node["x"], node["z"]]
            return {"x": x, "y": node["y"], "z": z}
        return node

    for row in table["rooms"]:
        row["floorPolygon"] = [moved(p) for p in row["floorPolygon"]]
    for row in table["walls"]:
        row["polygon"] = [moved(p) for p in row["polygon"]]
    table["objects"], table["proceduralParameters"] = [], {}
    scene = load_procthor(save(tmp_path, table))
    areas = [outline_area(room.polygon) for room in scene.rooms]
    np.testing.assert_allclose(areas, list(AREAS.values()), rtol=0, atol=1e-5)
    mirrored = places(scene) * [1, 1, -1]
    mirrored[:, [0, 2]] = mirrored[:, [0, 2]] @ turn.T
    assert escaped_share(scene, mirrored * [1, 1, -1], rays=4000, bounces=12) < 1e-4


def test_triangulation() -> None:
    """An outline's triangles fill its area; one that crosses itself has no inside."""
    ring = np.array([[0, 0], [6, 0], [6, 2], [4, 2], [4, 4], [0, 4]], dtype=float)
    triangles = np.array(triangulated(ring))
    a, b, c = (ring[triangles[:, k]] for k in range(3))
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(20.0)
    with pytest.raises(ValueError, match="crosses itself"):
        triangulated(np.array([[0, 0], [1, 1], [1, 0], [0, 1]], dtype=float))


def _walls(number: int) -> Any:
    return lambda t: t["walls"][number]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("walls"), "has the entries 'rooms' and 'walls'"),
        (lambda t: t.update(rooms=[]), "'rooms' is empty"),
        (lambda t: t["rooms"][0].pop("roomType"), "rooms[0]: 'roomType' is missing"),
        (lambda t: t["rooms"][0].update(floorPolygon=[point(0, 0, 0)]), "'floorPolygon' needs at least 3 points"),
        (lambda t: t["rooms"][0]["floorPolygon"][1].pop("z"), "floorPolygon[1]: 'z' is missing"),
        (lambda t: t["rooms"][0]["floorPolygon"].reverse() or t["rooms"][0].update(id=3), "'id' must be a text"),
        (lambda t: t["walls"][0].update(polygon=t["walls"][0]["polygon"][:2] * 2), "makes a wall of 0.00 m height"),
        (lambda t: t["walls"][0].pop("id"), "walls[0]: 'id' is missing"),
        (lambda t: t["doors"][0].update(wall0="wall|9"), "in the wall 'wall|9', which is none"),
        (lambda t: t["doors"][0].update(room1="room|9"), "to the room 'room|9', which is none"),
        (lambda t: t["doors"][0].pop("holePolygon"), "'boundingBox' is missing"),
        (lambda t: t["doors"][0].update(openness="wide"), "'openness' must be a number"),
        (lambda t: t["doors"][0].update(holePolygon=[point(0, 0, 0)] * 2), "has no size"),
        (lambda t: t["doors"][0].update(room1="room|3"), "lies on no wall of the room 'room|3'"),
        (lambda t: t["objects"][0].pop("position"), "objects[0]: 'position' is missing"),
        (lambda t: t["objects"][0].pop("assetId"), "objects[0]: 'assetId' is missing"),
    ],
)
def test_malformed_houses(tmp_path: Path, change: Any, message: str) -> None:
    """Each damage is named with file and place."""
    table = house()
    change(table)
    with pytest.raises(ValueError, match=re.escape(message)):
        load_procthor(save(tmp_path, table))


def test_other_errors(tmp_path: Path) -> None:
    """Missing files, files that are none."""
    with pytest.raises(FileNotFoundError, match="absent"):
        load_procthor(tmp_path / "absent.json")
    with pytest.raises(FileNotFoundError, match="absent"):
        load_procthor(tmp_path / "absent.jsonl.gz")
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{")
    with pytest.raises(ValueError, match="line 0 is not valid JSON"):
        load_procthor(bad)
    bad.write_text("[1]\n")
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 0 must hold a JSON object .* not a list"):
        load_procthor(bad)
    bad.write_text("")
    with pytest.raises(ValueError, match=r"bad\.jsonl has no house 0: it holds 0 houses"):
        load_procthor(bad)
    packed = tmp_path / "cut.jsonl.gz"
    for content in (gzip.compress(json.dumps(house()).encode())[:-20], b"no gzip"):
        packed.write_bytes(content)
        with pytest.raises(ValueError, match=r"cut\.jsonl\.gz, line 0 is not valid JSON .*is it the whole file"):
            load_procthor(packed, 0)
    assets = tmp_path / "assets.json"
    assets.write_text('{"Bed": [{"assetId": "Bed_1"}]}')
    with pytest.raises(ValueError, match=r"Bed\[0\]: 'boundingBox' is missing"):
        load_procthor(save(tmp_path), assets=assets)
    assert hole("door", ("room|2", "room|4"), ("a", "b"), ((0, 1), (0, 2)))["id"] == "door|2|4"
