"""Doors that turn: geometry, sight, sound, walking, files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from numpy.testing import assert_allclose
from scipy.signal import butter, sosfilt

from avi_env.acoustics import render_rir
from avi_env.navigation import geodesic_distance
from avi_env.scene import Scene, check_scene, generate_house, load_scene, save_scene
from avi_env.scene.doors import forget_turned, leaf_distance, leaf_place, scene_doors, with_doors
from avi_env.scene.rays import closest_hit
from avi_env.vision import render

Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def flat() -> Scene:
    """Two bare rooms with one door between them, open in the scene."""
    return generate_house(1, rooms=("living_room", "bedroom"), furniture=False)


def beside(scene: Scene, portal: int, away: float, height: float) -> tuple[Array, Array]:
    """A point in each of the two rooms, on the doorway's axis."""
    p = scene.portals[portal]
    normal = np.array([-math.sin(p.yaw), 0.0, -math.cos(p.yaw)])
    middle = np.array([p.center[0], height, p.center[2]])
    return middle - away * normal, middle + away * normal


def test_every_hung_leaf_of_generated_houses_is_a_door() -> None:
    """Each leaf is found with the generator's own angles (0, 90 degrees, 3.05 rad), and shut it fills its frame."""
    shut = ajar = 0
    for seed in range(16):
        scene = generate_house(seed)
        leaves = [o.id for o in scene.objects if o.category == "door"]
        doors = scene_doors(scene)
        assert sorted(leaf.object for door in doors for leaf in door.leaves) == leaves
        for door in doors:
            portal, leaf = scene.portals[door.portal], door.leaves[0]
            shut += portal.openness == 0.0
            assert door.openness == portal.openness
            ajar += 0.0 < portal.openness < 1.0
            # Angles are stored with 6 digits.
            assert min(abs(abs(leaf.angle) - full) for full in (math.pi / 2, 3.05)) < 1e-5
            assert_allclose(leaf.shut.center, portal.center, rtol=0, atol=1e-3)
            assert_allclose(leaf.shut.size[:2], (portal.width + 0.004, portal.height + 0.004), rtol=0, atol=1e-9)
            assert abs(math.sin(leaf.shut.yaw - portal.yaw)) < 1e-5
    assert shut >= 1
    assert ajar >= 4


def test_a_leaf_turns_rigidly_about_its_hinge(flat: Scene) -> None:
    """Every vertex of a swinging leaf keeps its distance from the hinge; at openness 1 it stands as in the scene."""
    (door,) = scene_doors(flat)
    (leaf,) = door.leaves
    own = np.unique(flat.triangles[flat.triangle_object == leaf.object])
    half = with_doors(flat, {door.portal: 0.5})

    def around(scene: Scene) -> tuple[Array, Array]:
        arm = scene.vertices[own][:, [0, 2]].astype(np.float64) - leaf.hinge
        return np.hypot(*arm.T), np.arctan2(-arm[:, 1], arm[:, 0])

    (before, angle), (after, turned) = around(flat), around(half)
    assert_allclose(after, before, rtol=0, atol=1e-5)  # float32 vertices
    turn = np.angle(np.exp(1j * (turned - angle)))
    assert_allclose(turn, -leaf.angle / 2, rtol=0, atol=1e-4)
    assert leaf_place(leaf, 1.0) == flat.objects[leaf.object]
    others = np.setdiff1d(np.arange(len(flat.vertices)), own)
    np.testing.assert_array_equal(half.vertices[others], flat.vertices[others])


def test_the_same_doors_are_the_identical_scene(flat: Scene) -> None:
    """Shutting and opening again gives the very object back, from the scene and from its variants."""
    (door,) = scene_doors(flat)
    shut = with_doors(flat, {door.portal: 0})
    assert shut is with_doors(flat, {door.portal: 0.0})
    assert shut.digest != flat.digest
    assert with_doors(shut, {door.portal: 1.0}) is flat
    assert with_doors(shut, {}) is shut
    assert with_doors(with_doors(flat, {door.portal: 0.5}), {door.portal: 0.0}) is shut
    assert [p.openness for p in shut.portals] == [0.0]


def test_turned_scenes_can_be_let_go(flat: Scene) -> None:
    """One that is let go is made anew when it is asked for again; a scene that nobody turned stays."""
    portal = flat.portals[0].id
    turned = with_doors(flat, {portal: 0.25})
    forget_turned(flat)
    assert with_doors(flat, {portal: 0.25}) is turned
    forget_turned(turned)
    again = with_doors(flat, {portal: 0.25})
    assert again is not turned
    assert again.digest == turned.digest


def test_a_shut_door_leaves_no_gap(flat: Scene) -> None:
    """No ray from one room meets anything of the other one, and the scene stays healthy."""
    (door,) = scene_doors(flat)
    shut = with_doors(flat, {door.portal: 0.0})
    assert check_scene(shut) == ()
    room = np.array([o.room for o in flat.objects])
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(20_000, 3))
    for (start, _), (here, there) in zip(
        (beside(flat, 0, 0.6, 1.2), beside(flat, 0, 0.6, 1.2)[::-1]),
        (flat.portals[0].rooms, flat.portals[0].rooms[::-1]),
        strict=True,
    ):
        met = {}
        for scene in (flat, shut):
            hit = closest_hit(scene, np.broadcast_to(start, directions.shape), directions).triangle
            met[scene.digest] = room[scene.triangle_object[hit[hit >= 0]]]
        solid = scene_doors(flat)[0].leaves[0].object
        assert np.mean(met[flat.digest] == there) > 0.01
        assert np.mean(met[shut.digest] == there) <= (room[solid] == there)  # the leaf itself belongs to one room
        assert np.mean(met[shut.digest] == here) > 0.5


def test_a_shut_door_is_seen(flat: Scene) -> None:
    """From inside a room, what lay beyond the doorway is hidden by the leaf: the picture is the door."""
    (door,) = scene_doors(flat)
    (leaf,) = door.leaves
    eye, _ = beside(flat, 0, 1.2, 1.25)
    views = {}
    for share in (1.0, 0.0):
        views[share] = render(with_doors(flat, {0: share}), eye, flat.portals[0].yaw, width=64, height=64)
    # The frame, 0.85-1 m wide at 1.2 m, spans 0.35-0.4 of the width of a 90 degree picture; its middle is all door.
    middle = np.s_[28:36, 28:36]
    assert np.all(views[0.0]["semantic"].reshape(64, 64)[middle] == leaf.object)
    assert not np.any(views[1.0]["semantic"].reshape(64, 64)[middle] == leaf.object)
    # Planar depth of the leaf's near face: half its thickness (4 cm, panels 7 mm) before the wall's middle.
    assert_allclose(views[0.0]["depth"].reshape(64, 64)[middle], 1.2 - 0.02, rtol=0, atol=0.012)


def test_a_shut_door_is_walked_into(flat: Scene) -> None:
    """The only way between the rooms is gone, and it is back when the door is open again."""
    (door,) = scene_doors(flat)
    a, b = beside(flat, 0, 0.8, 0.0)
    shut = with_doors(flat, {door.portal: 0.0})
    open_again = with_doors(shut, {door.portal: 1.0})
    assert_allclose(geodesic_distance(flat, a, b), 1.6, rtol=0.05)
    assert geodesic_distance(shut, a, b) == math.inf
    assert geodesic_distance(open_again, a, b) == geodesic_distance(flat, a, b)


def test_a_shut_door_is_heard(flat: Scene) -> None:
    """Test 17: shut (wood), the far room is 10 dB quieter at 1 kHz; re-opened it sounds the same, bit for bit."""
    (door,) = scene_doors(flat)
    source, listener = beside(flat, 0, 1.4, 1.25)
    band = butter(4, [707.0, 1414.0], "bandpass", fs=16000, output="sos")

    def response(scene: Scene) -> npt.NDArray[np.float32]:
        return render_rir(scene, source, listener, mode="baked", layout="mono", sample_rate=16000)

    shut = with_doors(flat, {door.portal: 0.0})
    loud, quiet = response(flat), response(shut)
    level = {name: 10 * np.log10(np.sum(sosfilt(band, r[0]) ** 2)) for name, r in (("open", loud), ("shut", quiet))}
    assert level["open"] - level["shut"] >= 10.0
    np.testing.assert_array_equal(response(with_doors(shut, {door.portal: 1.0})), loud)


def test_doors_that_stand_shut_can_be_opened() -> None:
    """A house's shut door opens by 90 degrees into its room and lets agents and light through."""
    for seed in range(30):
        scene = generate_house(seed)
        shut = [d for d in scene_doors(scene) if d.openness == 0.0]
        if shut:
            break
    portal = shut[0].portal
    a, b = beside(scene, portal, 0.6, 0.0)
    opened = with_doors(scene, {portal: 1.0})
    assert geodesic_distance(opened, a, b) < 1.5 < geodesic_distance(scene, a, b)
    assert check_scene(opened) == ()
    assert with_doors(opened, {portal: 0.0}) is scene


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_files_keep_doors(flat: Scene, share: float, tmp_path: Path) -> None:
    """A scene saved with a door shut, or ajar, comes back with that door, and opens to where it stood before."""
    (door,) = scene_doors(flat)
    turned = with_doors(flat, {door.portal: share})
    again = load_scene(save_scene(turned, tmp_path / "flat.glb"))
    assert again.digest == turned.digest
    (loaded,) = scene_doors(again)
    assert loaded == replace(door, openness=share)
    opened = with_doors(again, {door.portal: 1.0})
    assert opened.objects == flat.objects
    assert_allclose(opened.vertices, flat.vertices, rtol=0, atol=2e-6)  # float32, once more turned and stretched


def test_a_leaf_that_stands_ajar_in_a_foreign_scene(flat: Scene) -> None:
    """Without any record, hinge and full angle follow from the leaf's box and the portal's openness."""
    (door,) = scene_doors(flat)
    turned = with_doors(flat, {door.portal: 0.6})
    (found,) = scene_doors(replace(turned, meta={}))
    assert_allclose(found.openness, 0.6, rtol=0, atol=1e-6)
    assert_allclose(found.leaves[0].angle, door.leaves[0].angle, rtol=0, atol=1e-6)
    assert_allclose(found.leaves[0].hinge, door.leaves[0].hinge, rtol=0, atol=1e-5)


def test_how_near_a_leaf_comes(flat: Scene) -> None:
    """Points in the doorway are met by the shut leaf, points in the sweep only while it turns."""
    (door,) = scene_doors(flat)
    (leaf,) = door.leaves
    middle = np.array([flat.portals[0].center[0], flat.portals[0].center[2]])
    mid_turn = leaf_place(leaf, 0.5)
    swept = np.array([mid_turn.center[0], mid_turn.center[2]])
    assert_allclose(leaf_distance(door, 0.0, 0.0, middle), [0.0], atol=1e-12)
    assert leaf_distance(door, 1.0, 1.0, middle)[0] > 0.2
    assert leaf_distance(door, 1.0, 0.0, swept)[0] < 0.01
    assert leaf_distance(door, 0.0, 0.0, swept)[0] > 0.2
    far = middle + 3.0
    assert_allclose(leaf_distance(door, 0.0, 0.0, far)[0], np.hypot(3.0, 3.0), atol=0.5)


def test_errors_name_what_is_missing(flat: Scene) -> None:
    """A portal that is not there, one without a leaf, one whose leaf does not fit, and an openness out of range."""
    houses = (generate_house(seed, furniture=False) for seed in range(20))
    doorways = next(house for house in houses if any(p.kind == "doorway" for p in house.portals))
    bare = next(p.id for p in doorways.portals if p.kind == "doorway")
    with pytest.raises(ValueError, match="no portal 9: it has 0"):
        with_doors(flat, {9: 0.0})
    with pytest.raises(
        ValueError, match=f'portal {bare} has no leaf that can turn: it needs an object of category "door"'
    ):
        with_doors(doorways, {bare: 0.0})
    with pytest.raises(ValueError, match=r"must lie in 0..1, not 1.5"):
        with_doors(flat, {0: 1.5})
    low = replace(flat, portals=(replace(flat.portals[0], height=1.2),))
    with pytest.raises(ValueError, match=r"does not fit 0\.\d+ m by 1.20 m"):
        with_doors(low, {0: 0.0})


def test_two_leaves_of_one_frame() -> None:
    """Each leaf of a double door shuts its own half."""
    scene = double_door()
    (door,) = scene_doors(scene)
    assert len(door.leaves) == 2
    centers = sorted(leaf.shut.center[0] for leaf in door.leaves)
    assert_allclose(centers, (1.55, 2.45), rtol=0, atol=1e-6)
    assert_allclose([abs(leaf.angle) for leaf in door.leaves], math.pi / 2, rtol=0, atol=1e-6)


def double_door() -> Scene:
    """A portal 1.8 m wide at z = 0 with two leaves that stand open at right angles."""
    from avi_env.scene.model import Portal, Room
    from avi_env.scene.shapes import SceneBuilder, shape_row

    builder = SceneBuilder()
    wood = builder.add_material("wood_door")
    for x in (1.1, 2.9):
        center, size = (x, 1.0, 0.55), (0.88, 2.0, 0.04)
        number = builder.add_object("door", 1, center, size, math.pi / 2)
        builder.add_shape("box", shape_row(center, size, math.pi / 2), wood, number)
    square = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0))
    portal = Portal(0, (0, 1), (2.0, 1.02, 0.0), 1.8, 2.04, math.pi)
    return builder.build("double", (Room(0, "hallway", square), Room(1, "office", square)), (portal,))
