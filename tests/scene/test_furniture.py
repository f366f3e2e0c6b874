"""Every piece of furniture: closed, inside its box, few triangles, known materials, looks that belong to splits."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from avi_env.scene import emission_point
from avi_env.scene.emitters import CEILING_CATEGORIES, EMISSION_OFFSET, FRONT_CATEGORIES
from avi_env.scene.furniture import HANDLES, LEGS, PANELS, SPLITS, Piece, make_look, place, variants
from avi_env.scene.furniture_catalog import FURNITURE_CATEGORIES, make_piece
from avi_env.scene.furniture_parts import legs
from avi_env.scene.house_stream import Stream
from avi_env.scene.model import Scene, SceneObject
from avi_env.scene.shapes import SHAPES, SceneBuilder, shape_row
from avi_env.sounds.classes import CLASS_OF_OBJECT, sounds_of_object

Array = npt.NDArray[np.float64]

_SEEDS = range(4)
_SMALL = frozenset(
    "alarm_clock backpack ball basket blanket blender books bottle bowl box candle clock coffee_machine computer cup "
    "cushion doorbell game_console hair_dryer kettle laptop metronome microwave mirror music_box phone picture plate "
    "printer radio rug smoke_alarm table_lamp television toaster towel toy toy_robot trash_can vase wall_panel "
    "wall_shelf".split()
)
_LARGE = frozenset("bed crib dresser person piano sideboard sofa wardrobe".split())


def _pieces(category: str) -> Iterator[tuple[str, Piece]]:
    for split in SPLITS:
        for seed in _SEEDS:
            look = make_look(Stream(seed, f"look/{split}"), split)
            yield f"{category} {split} {seed}", make_piece(category, Stream(seed, f"{category}/{split}"), look)


def _mesh(piece: Piece) -> Scene:
    """A piece alone in a scene, where it stands in a house: turned and moved."""
    builder = SceneBuilder()
    placed = place(piece, 0, (1.0, 0.0, -2.0), 0.7)
    number = builder.add_object(piece.category, 0, placed.center, piece.size, placed.yaw, piece.emits)
    for (shape, _, paint), row in zip(piece.parts, placed.rows, strict=True):
        builder.add_shape(shape, row, builder.add_material(paint.material, paint.color, paint.pattern), number)
    return builder.build(piece.category)


def _is_closed(triangles: npt.NDArray[np.int64]) -> bool:
    """Whether each directed edge is met once and its opposite once."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    forth, back = np.unique(edges, axis=0, return_counts=True), np.unique(edges[:, ::-1], axis=0)
    return bool((forth[1] == 1).all()) and np.array_equal(forth[0], back)


def _volume(vertices: Array, triangles: npt.NDArray[np.int64]) -> float:
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def test_there_are_enough_categories() -> None:
    """The catalogue is the one place that counts them; all that sound are among them, but for the doors in walls."""
    assert len(FURNITURE_CATEGORIES) >= 75
    assert list(FURNITURE_CATEGORIES) == sorted(set(FURNITURE_CATEGORIES))
    emitters = {c for categories in CLASS_OF_OBJECT.values() for c in categories}
    assert emitters - set(FURNITURE_CATEGORIES) <= {"door", "front_door"}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_closed_and_face_outwards(shape: str) -> None:
    """Every template is a closed mesh of positive volume, inside the box that its row names."""
    builder = SceneBuilder()
    number = builder.add_object("thing", 0, (0, 0, 0), (1, 1, 1))
    builder.add_shape(shape, shape_row((0, 0, 0), (0.5, 0.7, 0.9), chamfer=0.1), builder.add_material("wood"), number)
    scene = builder.build("one")
    assert _is_closed(scene.triangles)
    assert 0.05 < _volume(scene.vertices, scene.triangles) <= 0.5 * 0.7 * 0.9 + 1e-6
    assert (np.abs(scene.vertices) <= np.array([0.25, 0.35, 0.45]) + 1e-6).all()


@pytest.mark.parametrize("category", FURNITURE_CATEGORIES)
def test_piece_is_sound(category: str) -> None:
    """Closed parts inside the box, on or above the floor; few triangles; its category's sounds; free spots on top."""
    limit = 200 if category in _SMALL else 800 if category in _LARGE else 500
    for name, piece in _pieces(category):
        assert piece.category == category, name
        assert piece.emits == sounds_of_object(category), name
        scene = _mesh(piece)
        assert len(scene.triangles) <= limit, (name, len(scene.triangles))
        assert _is_closed(scene.triangles), name
        assert _volume(scene.vertices, scene.triangles) > 0, name
        for shape, row, _ in piece.parts:
            least, chamfer = min(row[3:6]), row[9]
            assert least > 0, (name, shape, row)
            assert 2 * chamfer < least or (shape == "pot" and chamfer < min(row[3] / 2, row[4])), (name, shape, row)
        (item,) = scene.objects
        local = _local(scene.vertices.astype(np.float64), item)
        assert (np.abs(local) <= np.array(item.size) / 2 + 1e-4).all(), name
        assert piece.middle[1] - piece.size[1] / 2 >= -0.011, name
        _check_spots(name, piece)
        _check_emission(name, scene, item)


def _local(points: Array, item: SceneObject) -> Array:
    """Points in the frame of an object's box."""
    x, y, z = (points - np.array(item.center)).T
    cos, sin = math.cos(item.yaw), math.sin(item.yaw)
    return np.stack([x * cos - z * sin, y, x * sin + z * cos], axis=1)


def _boxes(piece: Piece) -> tuple[Array, Array]:
    """Lowest and highest corners of the parts that are not tilted, each grown by its turn."""
    rows = np.array([row for _, row, _ in piece.parts if not row[7]])
    half = rows[:, 3:6] / 2
    turned = np.abs(np.cos(rows[:, 6:7])) * half + np.abs(np.sin(rows[:, 6:7])) * half[:, ::-1]
    half = np.stack([turned[:, 0], half[:, 1], turned[:, 2]], axis=1)
    return rows[:, :3] - half, rows[:, :3] + half


def _check_spots(name: str, piece: Piece) -> None:
    if not piece.spots:
        return
    low, high = _boxes(piece)
    for spot in piece.spots:
        at = np.array(spot)
        over = (low[:, [0, 2]] <= at[[0, 2]]).all(axis=1) & (at[[0, 2]] <= high[:, [0, 2]]).all(axis=1)
        assert (over & (np.abs(high[:, 1] - at[1]) < 0.006)).any(), f"{name}: nothing carries the spot {spot}"
        hit = over & (low[:, 1] < at[1] + 0.1) & (high[:, 1] > at[1] + 0.006)
        assert not hit.any(), f"{name}: a part stands on the spot {spot}"


def _check_emission(name: str, scene: Scene, item: SceneObject) -> None:
    """The sound starts 5 cm outside the box: above, below or before it."""
    ((x, y, z),) = _local(emission_point(item)[None], item)
    h, d = item.size[1] / 2 + EMISSION_OFFSET, item.size[2] / 2 + EMISSION_OFFSET
    expected = (0, -h, 0) if item.category in CEILING_CATEGORIES else (0, h, 0)
    if item.category in FRONT_CATEGORIES:
        expected = (0, 0, -d)
    np.testing.assert_allclose((x, y, z), expected, rtol=0, atol=1e-5, err_msg=name)


def test_pieces_repeat() -> None:
    """The same stream gives the same piece, part for part."""
    for category in FURNITURE_CATEGORIES:
        first, second = (
            make_piece(category, Stream(5, category), make_look(Stream(5, "look"), "val")) for _ in range(2)
        )
        assert first.parts == second.parts
        assert first.spots == second.spots


def test_variants_hold_entries_out() -> None:
    """Of four entries or more some are shown by val only, some by test only; half of their draws are such entries."""
    for count in range(1, 20):
        table = tuple(range(count))
        train, val, test = (variants(split, table) for split in SPLITS)
        assert set(train) == set(val) & set(test)
        assert set(train) | set(val) | set(test) == set(table)
        own = set(val) - set(train)
        assert bool(own) == bool(set(test) - set(train)) == (count >= 4)
        if own:
            np.testing.assert_allclose(np.mean([entry in own for entry in val]), 0.5, rtol=0, atol=0.17)
    with pytest.raises(ValueError, match=r"unknown split 'tst'.*test"):
        variants("tst", table)


def test_val_and_test_show_shapes_that_train_never_shows() -> None:
    """Three categories in five have a shape of their own in val and test: other parts than any of 40 train pieces."""
    novel = {split: 0 for split in SPLITS}
    for category in FURNITURE_CATEGORIES:
        shapes = {
            split: {
                tuple(
                    shape
                    for shape, _, _ in make_piece(
                        category, Stream(seed, split), make_look(Stream(seed, split), split)
                    ).parts
                )
                for seed in range(40 if split == "train" else 10)
            }
            for split in SPLITS
        }
        for split in SPLITS:
            novel[split] += bool(shapes[split] - shapes["train"])
    assert novel["val"] >= 0.6 * len(FURNITURE_CATEGORIES), novel
    assert novel["test"] >= 0.6 * len(FURNITURE_CATEGORIES), novel


@pytest.mark.parametrize("style", LEGS)
def test_legs_stand_in_their_rectangle(style: str) -> None:
    """Legs of every style reach from the floor to the top and stay within the rectangle."""
    piece = Piece("table")
    look = make_look(Stream(1, "look"))
    legs(piece, look, (1.2, 0.7, 0.6), 0.06, look.wood, style)
    np.testing.assert_allclose(piece.size, (1.2, 0.7, 0.6), rtol=0, atol=0.012)
    np.testing.assert_allclose(piece.middle, (0.0, 0.35, 0.0), rtol=0, atol=1e-6)


def test_looks_use_known_styles_and_materials() -> None:
    """Paints name materials of the table; styles are those of the tables; an unknown split names the nearest one."""
    for split in SPLITS:
        for seed in range(20):
            look = make_look(Stream(seed, "look"), split)
            assert look.leg in LEGS
            assert look.handle in HANDLES
            assert look.panel in PANELS
            assert look.split == split
    with pytest.raises(ValueError, match=r"unknown split 'vla'.*val"):
        make_look(Stream(0, "look"), "vla")
    with pytest.raises(ValueError, match=r"unknown category of furniture 'tabel'.*table"):
        make_piece("tabel", Stream(0, "x"), make_look(Stream(0, "look")))


def test_soft_things_absorb() -> None:
    """Seats, beds, curtains and rugs are mostly of absorbing materials, wardrobes and tubs are not."""

    def absorption(category: str) -> float:
        """Share of sound that the surface of a category absorbs at 1 kHz, mean over its pieces."""
        means = []
        for _, piece in _pieces(category):
            scene = _mesh(piece)
            a, b, c = (scene.vertices[scene.triangles[:, k]].astype(np.float64) for k in range(3))
            area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
            alpha = np.array([m.absorption[3] for m in scene.materials])[scene.triangle_material]
            means.append(float((area * alpha).sum() / area.sum()))
        return float(np.mean(means))

    for category in ("sofa", "bed", "curtain", "rug", "cushion", "wall_panel", "armchair", "pouf"):
        assert absorption(category) > 0.4, category
    for category in ("wardrobe", "bathtub", "table", "fridge", "toilet"):
        assert absorption(category) < 0.12, category
