"""Materials of data sets: the RLR format, the table of words, quaternion orders at the border."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avi_env.scene import SceneWarning, load_materials
from avi_env.scene.datasets.categories import category_materials, category_words, default_material
from avi_env.scene.datasets.quaternions import rotation_matrix, wxyz_from_xyzw, xyzw_from_wxyz
from avi_env.scene.datasets.rlr_materials import load_rlr_materials

MPCAT40 = (
    "void wall floor chair door table picture cabinet cushion window sofa bed curtain chest_of_drawers plant sink "
    "stairs ceiling toilet stool towel mirror tv_monitor shower column bathtub counter fireplace lighting beam railing "
    "shelving blinds gym_equipment seating board_panel furniture appliances clothes objects misc unlabel"
).split()


def rlr_file(folder: Path, *materials: dict[str, Any]) -> Path:
    """Writes a material file."""
    path = folder / "materials.json"
    path.write_text(json.dumps({"materials": materials}))
    return path


def rlr_row(name: str, labels: list[str], **spectra: list[float]) -> dict[str, Any]:
    """One material as RLR writes it."""
    row: dict[str, Any] = {"name": name, "labels": labels, "density": 998.65, "speed": 1483.96}
    row |= {"absorption": [20.0, 0.1, 20000.0, 0.1], "scattering": [20.0, 0.5, 20000.0, 0.5]}
    row |= {"transmission": [20.0, 0.0, 20000.0, 0.0], "damping": [22.3, 1e-10, 17953.7, 7.5e-5]}
    return row | spectra


def test_rlr_spectra_come_in_octaves(tmp_path: Path) -> None:
    """Spectra are interpolated over log frequency and held beyond the ends."""
    absorption = [125.0, 0.1, 500.0, 0.3, 4000.0, 0.6]
    transmission = [125.0, 0.05, 250.0, 0.01, 4000.0, 0.001]
    path = rlr_file(tmp_path, rlr_row("Tile", ["ceiling"], absorption=absorption, transmission=transmission))
    material = load_rlr_materials(path).materials[0]
    # Linear over log2(f): 250 Hz lies half-way between 125 and 500 Hz; 8 kHz holds the last value.
    np.testing.assert_allclose(material.absorption, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6], rtol=0, atol=1e-9)
    np.testing.assert_allclose(material.scattering, 0.5, rtol=0, atol=1e-12)
    loss = -10 * np.log10([0.05, 0.01, 0.00775, 0.0055, 0.00325, 0.001, 0.001])
    np.testing.assert_allclose(material.transmission_loss, loss, rtol=0, atol=1e-6)


def test_rlr_transmission_beyond_absorption_is_contained(tmp_path: Path) -> None:
    """Absorption contains transmission; nothing let through is 120 dB."""
    spectra = {"absorption": [125.0, 0.02, 4000.0, 0.02], "transmission": [125.0, 0.025, 4000.0, 0.001]}
    path = rlr_file(tmp_path, rlr_row("Brick", ["fireplace"], **spectra), rlr_row("Opaque", []))
    with pytest.warns(SceneWarning, match="Brick transmit more energy than they absorb"):
        brick, opaque = load_rlr_materials(path).materials
    assert brick.absorption[0] == pytest.approx(0.025)  # type: ignore[index]
    np.testing.assert_allclose(opaque.transmission_loss, 120.0, rtol=0, atol=1e-9)


def test_rlr_label_rule(tmp_path: Path) -> None:
    """Most labels contained in the name win, repeated ones count twice."""
    path = rlr_file(
        tmp_path,
        rlr_row("Default", ["default"]),
        rlr_row("Carpet", ["floor", "floor", "mat"]),
        rlr_row("Wood", ["table", "floor lamp"]),
        rlr_row("Plastic", ["tablet"]),
    )
    table = load_rlr_materials(path)
    found = {name: table.of_category(name) for name in ("mat", "Floor", "floor lamp", "table", "tablet")}
    assert table.of_category("spaceship") is None
    names = {name: material.name if material else None for name, material in found.items()}
    # "floor" stands twice, so it beats "floor lamp" as in RLR; of equals the longer label decides.
    expected = {"mat": "Carpet", "Floor": "Carpet", "floor lamp": "Carpet", "table": "Wood", "tablet": "Plastic"}
    assert names == expected
    assert table.default.name == "Default"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"absorption": [125.0]}, "'absorption' must be a flat list"),
        ({"absorption": [125.0, 0.1, 100.0, 0.2]}, "'absorption' must be positive and rise"),
        ({"scattering": [125.0, 1.5]}, "'scattering' are shares of the energy"),
        ({"transmission": "none"}, "'transmission' must be a flat list"),
        ({"labels": "floor"}, "'labels' must be a list of texts"),
        ({"name": 3}, "'name' must be a text"),
    ],
)
def test_rlr_errors_name_material_and_entry(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """Each malformed entry is named with its material."""
    path = rlr_file(tmp_path, rlr_row("Wall", ["wall"]) | change)
    with pytest.raises(ValueError, match=message) as error:
        load_rlr_materials(path)
    assert "materials[0]" in str(error.value)


def test_rlr_file_errors(tmp_path: Path) -> None:
    """Files that are none, and doubled names."""
    with pytest.raises(FileNotFoundError, match="absent"):
        load_rlr_materials(tmp_path / "absent.json")
    path = tmp_path / "m.json"
    for text, message in (
        ("{", "not valid JSON"),
        ("[]", "must hold a JSON object"),
        ("{}", "'materials' is missing"),
        ('{"materials": []}', "'materials' is empty"),
        ('{"materials": [3]}', "entry 0 is 3"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=re.escape(message)):
            load_rlr_materials(path)
    with pytest.raises(ValueError, match="'Wall' stands twice"):
        load_rlr_materials(rlr_file(tmp_path, rlr_row("Wall", []), rlr_row("Wall", [])))


def test_every_phrase_names_a_material_and_every_mpcat40_category_is_known() -> None:
    """MP3D has 42 categories, all with a material."""
    known = load_materials()
    for category in MPCAT40:
        assert default_material(category) in known, category
    assert default_material("") == "plaster"


@pytest.mark.parametrize(
    ("category", "material"),
    [
        ("CoffeeTable", "wood"),
        ("TVStand", "wood"),
        ("shower curtain", "curtain"),
        ("wall cabinet", "laminate"),
        ("bed table", "wood"),
        ("table lamp", "lamp"),
        ("windows", "glass"),
        ("floor mat", "rug"),
        ("spaceship", None),
    ],
)
def test_words_choose_the_material(category: str, material: str | None) -> None:
    """The phrase that ends last decides, then the longest."""
    assert default_material(category) == material


def test_category_words() -> None:
    """Case, underscores and plurals do not matter."""
    assert category_words("chest_of_drawers") == ("chest", "of", "drawer")
    assert category_words("TVStand") == ("tv", "stand")
    assert category_words("glass") == ("glass",)


def test_own_choice_then_table_then_stated_default(tmp_path: Path) -> None:
    """The user's choice, the table, and a warning with what was taken instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = category_materials(["floor", "wall"], {"floor": "carpet"})
    assert (chosen["floor"].name, chosen["wall"].name) == ("carpet", "plaster")
    with pytest.warns(SceneWarning, match="'zeppelin'.*became 'wood'"):
        assert category_materials(["zeppelin"])["zeppelin"].name == "wood"
    assert {m.name for m in category_materials(["floor", "zeppelin"], "brick").values()} == {"brick"}
    path = rlr_file(tmp_path, rlr_row("Default", ["default"]), rlr_row("Carpet", ["floor"]))
    with pytest.warns(SceneWarning, match="'zeppelin'.*became 'Default'"):
        by_file = category_materials(["floor", "zeppelin", ""], path)
    assert [by_file[name].name for name in ("floor", "zeppelin", "")] == ["Carpet", "Default", "Default"]
    with pytest.raises(ValueError, match="Did you mean 'carpet'"):
        category_materials(["floor"], {"floor": "carpett"})


def test_quaternion_orders() -> None:
    """A quarter turn written w, x, y, z turns the right way."""
    half = np.sqrt(0.5)
    left_turn = xyzw_from_wxyz([half, 0.0, half, 0.0])  # 90 degrees about +Y: -Z becomes -X
    np.testing.assert_allclose(left_turn, [0.0, half, 0.0, half], rtol=0, atol=1e-12)
    np.testing.assert_allclose(wxyz_from_xyzw(left_turn), [half, 0.0, half, 0.0], rtol=0, atol=1e-12)
    turned = rotation_matrix(left_turn) @ [0.0, 0.0, -1.0]
    np.testing.assert_allclose(turned, [-1.0, 0.0, 0.0], rtol=0, atol=1e-12)
    many = np.random.default_rng(0).normal(size=(5, 4))
    product = rotation_matrix(many) @ np.swapaxes(rotation_matrix(many), 1, 2)
    np.testing.assert_allclose(product, np.tile(np.eye(3), (5, 1, 1)), rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation_matrix(many)), 1.0, rtol=0, atol=1e-12)


def test_no_quaternions() -> None:
    """Wrong lengths are refused."""
    with pytest.raises(ValueError, match="four numbers"):
        xyzw_from_wxyz([1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="is no rotation"):
        rotation_matrix([0.0, 0.0, 0.0, 0.0])
