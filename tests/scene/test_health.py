"""Scene health: each finding names what is wrong, where, and the remedy; errors are refused, doubts are warned of."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from avi_env.scene import (
    Issue,
    Material,
    Scene,
    SceneError,
    SceneWarning,
    check_scene,
    check_source,
    generate_house,
    load_scene,
    require_healthy,
    save_scene,
    scene_from_mesh,
    shoebox,
)
from avi_env.scene.files import load_scene_file
from avi_env.scene.findings import report
from avi_env.scene.health import outside_building

SIZE = (6.0, 3.0, 4.0)


@pytest.fixture(scope="module")
def house() -> Scene:
    """A furnished house."""
    return generate_house(3)


def without(scene: Scene, keep: np.ndarray, **changes: object) -> Scene:
    """The same mesh with some of its triangles."""
    return scene_from_mesh(scene.vertices, scene.triangles[keep], "plaster", **changes)  # type: ignore[arg-type]


def kinds(issues: Sequence[Issue]) -> list[tuple[str, str]]:
    """Kind and severity of each finding."""
    return [(issue.kind, issue.severity) for issue in issues]


def side(scene: Scene, axis: int, value: float) -> np.ndarray:
    """Which triangles lie in an axis-aligned plane."""
    return np.all(scene.vertices[scene.triangles][:, :, axis] == value, axis=1)


def test_closed_room_is_healthy(house: Scene) -> None:
    """A shoebox and a generated house have nothing wrong with them, and nothing to doubt."""
    assert check_scene(shoebox(SIZE)) == ()
    assert check_scene(house) == ()


def test_missing_wall_is_found_with_its_place() -> None:
    """A room without its east wall leaks to +X, at x = 6."""
    box = shoebox(SIZE)
    (issue,) = check_scene(without(box, ~side(box, 0, 6.0)))
    assert kinds([issue]) == [("leak", "error")]
    assert issue.place is not None
    assert issue.place[0] == pytest.approx(6.0, abs=1e-6)
    assert "going +X" in issue.message


def test_hairline_gap_is_a_warning() -> None:
    """A slit of 1 mm along a wall, through which less than a thousandth escapes, is warned of with its place."""
    box = shoebox(SIZE)
    vertices = box.vertices.copy()
    east = np.unique(box.triangles[side(box, 0, 6.0)])
    vertices[east[vertices[east, 1] == 3.0], 1] = 2.999  # the wall ends below the ceiling
    scene = scene_from_mesh(vertices, box.triangles, "plaster")
    (issue,) = check_scene(scene)
    assert kinds([issue]) == [("leak", "warning")]
    assert issue.place is not None
    np.testing.assert_allclose(issue.place[0], 6.0, rtol=0, atol=0.01)
    with pytest.warns(SceneWarning, match=r"leaks: 0\.0"):
        require_healthy(scene)


def test_missing_floor_is_found() -> None:
    """Without upward faces there is no floor; the remedy speaks of axes and winding."""
    box = shoebox(SIZE)
    with pytest.raises(SceneError, match=r"no floor.*add a floor"):
        require_healthy(without(box, ~side(box, 1, 0.0)))


def test_room_wound_inside_out_is_told_to_turn() -> None:
    """All windings reversed: the ceiling looks like a floor in the open; the remedy is to reverse the triangles."""
    box = shoebox(SIZE)
    with pytest.raises(SceneError, match=r"inside out, reverse its triangles"):
        require_healthy(scene_from_mesh(box.vertices, box.triangles[:, ::-1], "plaster"))


def test_flipped_floor_is_a_warning() -> None:
    """One of the floor's two triangles faces down: half the room cannot be walked in, and the place is named."""
    box = shoebox(SIZE)
    triangles = box.triangles.copy()
    wrong = np.flatnonzero(side(box, 1, 0.0))[0]
    triangles[wrong] = triangles[wrong, ::-1]
    (issue,) = check_scene(scene_from_mesh(box.vertices, triangles, "plaster"))
    assert kinds([issue]) == [("flipped_floor", "warning")]
    np.testing.assert_allclose(issue.place, box.vertices[box.triangles[wrong]].mean(axis=0), atol=1e-5)


def test_triangle_without_material_is_found() -> None:
    """Index -1 means no material, which sound cannot do without."""
    box = shoebox((2.0, 2.0, 2.0))
    material = box.triangle_material.copy()
    material[:2] = -1
    bare = Scene("bare", box.vertices, box.triangles, material, box.triangle_object, box.materials, box.objects)
    with pytest.raises(SceneError, match="2 triangles have no material"):
        require_healthy(bare)


def test_mesh_without_area_is_refused() -> None:
    """Three corners on a line enclose nothing that light or sound could meet."""
    with pytest.raises(SceneError, match="no triangle with an area"):
        scene_from_mesh([(0, 0, 0), (1, 1, 1), (2, 2, 2)], [(0, 1, 2)], "plaster")


@pytest.mark.parametrize(
    ("factor", "remedy"), [(1000.0, r"6e\+03 m across.*0\.001"), (0.01, r"0\.06 m across.*1000 or 100")]
)
def test_wrong_units_are_a_warning(factor: float, remedy: str) -> None:
    """A room 6 km or 6 cm across is probably in millimetres, or scaled down; the factor to try is named."""
    box = shoebox(SIZE)
    with pytest.warns(SceneWarning, match=remedy):
        scene_from_mesh(box.vertices * factor, box.triangles, "plaster")


def test_wrong_units_are_named_before_what_comes_of_them() -> None:
    """Where a mesh in millimetres is refused, the units stand first: the hole is not what must be mended."""
    box = shoebox(SIZE)
    issues = (Issue("leak", "close the hole"), *check_scene(dataclasses.replace(box, vertices=box.vertices * 1000.0)))
    with pytest.raises(SceneError, match=r"m across.*0\.001 or 0\.01; close the hole"):
        report(issues)


def test_low_rooms_are_a_warning() -> None:
    """A storey 30 cm high: nobody can stand there; decimetres, or another axis that is up."""
    assert kinds(check_scene(shoebox((3.0, 0.3, 2.0)))) == [("low_rooms", "warning")]


def test_duplicate_faces_are_a_warning() -> None:
    """Faces upon faces are counted, whichever corner comes first; the two sides of a sheet are no doubles."""
    box = shoebox(SIZE)
    double = np.concatenate([box.triangles, np.roll(box.triangles[:3], 1, axis=1)])
    with pytest.warns(SceneWarning, match="3 triangles lie exactly upon others"):
        scene_from_mesh(box.vertices, double, "plaster")
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        scene_from_mesh(box.vertices, np.concatenate([box.triangles, box.triangles[:, ::-1]]), "plaster")


def test_no_false_doubles() -> None:
    """Of 20000 random triangles none is taken for another one (a hash of 64 bits: one chance in 10^11)."""
    corners = np.random.default_rng(0).uniform(0, 5, (60000, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error", SceneWarning)
        scene_from_mesh(corners, np.arange(60000).reshape(-1, 3), "plaster")


@pytest.mark.parametrize(
    ("materials", "kind"),
    [
        ([Material("hole", absorption=1.0)], "anechoic"),
        ([Material("mirror", scattering=0.0)], "no_scattering"),
        ([Material(name) for name in ("wood", "glass", "brick")], "placeholder"),
    ],
)
def test_implausible_materials_are_a_warning(materials: list[Material], kind: str) -> None:
    """Nothing that echoes, nothing that scatters, and one coefficient for all names are hardly meant."""
    box = shoebox(SIZE)
    index = np.arange(len(box.triangles)) % len(materials)
    with pytest.warns(SceneWarning) as caught:
        scene = scene_from_mesh(box.vertices, box.triangles, materials, index)
    assert len(caught) == 1
    assert kind in [issue.kind for issue in check_scene(scene)]


def test_wall_without_transmission_loss_is_a_warning() -> None:
    """A wall of 2 dB (a share of energy in place of decibels) is named with its place; the furniture may be open."""
    thin = Material("thin", absorption=0.9, transmission_loss=2.0)
    sides = dict.fromkeys(("floor", "ceiling", "west", "north", "south"), "plaster")
    (issue,) = check_scene(shoebox(SIZE, {**sides, "east": thin}))
    assert kinds([issue]) == [("open_wall", "warning")]
    assert "wall_3 at (6.00" in issue.message


def test_unknown_material_of_a_file_is_refused(tmp_path: Path) -> None:
    """A material named, but not known, is an error that says what to pass."""
    import trimesh

    box = shoebox(SIZE)
    mesh = trimesh.Trimesh(box.vertices, box.triangles, process=False)
    mesh.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(name="unobtainium"))
    mesh.export(tmp_path / "room.glb")
    with pytest.raises(SceneError, match=r"'unobtainium'.*materials="):
        load_scene(tmp_path / "room.glb")
    assert check_scene(load_scene_file(tmp_path / "room.glb", "plaster")) == ()


def test_saved_scene_is_given_back_with_a_warning(tmp_path: Path) -> None:
    """What was saved loads again, whatever is wrong with it; it is said, not refused."""
    box = shoebox(SIZE)
    double = np.concatenate([box.triangles, box.triangles])
    with pytest.warns(SceneWarning, match="12 triangles"):
        scene = scene_from_mesh(box.vertices, double, "plaster")
    path = save_scene(scene, tmp_path / "double.glb")
    with pytest.warns(SceneWarning, match="12 triangles"):
        assert load_scene(path).digest == scene.digest


def test_room_without_a_door_is_a_warning(house: Scene) -> None:
    """A room that no portal joins to the first one is named; joined by way of others it is not."""
    last = house.rooms[-1].id
    portals = tuple(p for p in house.portals if last not in p.rooms)
    issues = check_scene(dataclasses.replace(house, portals=portals))
    assert ("lonely_room", "warning") in kinds(issues)
    assert house.rooms[-1].name in issues[0].message


def test_source_inside_a_cupboard_is_refused(house: Scene) -> None:
    """A source inside closed geometry, or outside the building, is no source; in the room it is one."""
    fridge = next(o for o in house.objects if o.category == "fridge")
    with pytest.raises(SceneError, match="is inside fridge"):
        check_source(house, fridge.center)
    with pytest.raises(SceneError, match="outside the building"):
        check_source(house, (-1.0, 1.0, -1.0))
    with pytest.raises(SceneError, match="finite position"):
        check_source(house, (np.nan, 1.0, 1.0))
    lamp = house.lights[0].position
    check_source(house, (lamp[0], 1.2, lamp[2]))


@pytest.mark.parametrize("seed", [0, 3, 8])
def test_outside_is_where_the_sky_is(seed: int) -> None:
    """Over a grid of places, notches of the footprint included: outside are those in no room and in no wall."""
    house = generate_house(seed)
    low, high = house.bounds
    rng = np.random.default_rng(seed)
    outline = [np.array(room.polygon) for room in house.rooms]
    for x, z in rng.uniform(low[[0, 2]], high[[0, 2]], (150, 2)):
        # Signed distance to the nearest room's outline: walls are 12 cm thick, so 15 cm away is the open.
        apart = min(_apart(np.array([x, z]), polygon) for polygon in outline)
        if apart < -0.05 or apart > 0.3:
            assert outside_building(house, np.array([x, 1.2, z])) == (apart > 0.0), (x, z, apart)


def _apart(point: np.ndarray, polygon: np.ndarray) -> float:
    """Distance from a polygon's outline [m], negative inside (winding number)."""
    a, b = polygon - point, np.roll(polygon, -1, axis=0) - point
    edge = b - a
    share = np.clip(-(a * edge).sum(axis=1) / (edge * edge).sum(axis=1), 0.0, 1.0)
    distance = np.linalg.norm(a + share[:, None] * edge, axis=1).min()
    turn = np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1)).sum()
    return float(-distance if abs(turn) > 3.0 else distance)
