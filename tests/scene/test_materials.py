"""Materials: one table for looks and sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avi_env.scene import Material, load_materials, material
from avi_env.scene.materials import materials_page, tinted
from avi_env.vision.patterns import PATTERNS

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "materials.md"


def test_table_is_complete() -> None:
    """At least 25 household materials, each with seven octaves of every coefficient, looks and a source."""
    table = load_materials()
    assert len(table) >= 25
    for name, row in table.items():
        assert row.name == name
        assert row.source
        assert row.pattern in PATTERNS
        assert all(0.0 <= c <= 1.0 for c in row.color)
        for coefficients in (row.absorption, row.scattering, row.transmission_loss):
            assert np.shape(coefficients) == (7,)


def test_absorption_contains_transmission() -> None:
    """In every band a >= tau = 10^(-TL/10) holds for every material: what goes through is gone from the room."""
    for row in load_materials().values():
        tau = 10.0 ** (-np.array(row.transmission_loss) / 10.0)
        assert np.all(np.array(row.absorption) >= tau - 1e-6), row.name


def test_too_transparent_material_is_refused() -> None:
    """A material that transmits more than it absorbs has no meaning; the error says what to raise."""
    with pytest.raises(ValueError, match="raise absorption or transmission_loss"):
        Material("paper", absorption=0.1, transmission_loss=3.0)


def test_unknown_name_gets_the_nearest() -> None:
    """A typing error is answered with the right name."""
    with pytest.raises(ValueError, match="Did you mean 'plaster'"):
        material("plastr")


def test_tint_changes_looks_alone() -> None:
    """A tinted material sounds as the one it comes from, and its name tells the colour."""
    red = tinted("plaster", (1.0, 0.0, 0.0))
    assert red.name == "plaster_ff0000"
    assert red.absorption == material("plaster").absorption
    assert red.color == (1.0, 0.0, 0.0)


def test_page_is_up_to_date() -> None:
    """docs/materials.md is the page that `materials_page` makes; write it again when this fails."""
    assert _PAGE.read_text(encoding="utf-8") == materials_page()
