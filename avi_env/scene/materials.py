"""The materials table: what household surfaces look like and how they sound (`materials.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from avi_env.content import name_error, package_file
from avi_env.scene.model import Material

__all__ = ["load_materials", "material", "materials_page", "tinted"]

_BANDS = ("125", "250", "500", "1k", "2k", "4k", "8k")


def load_materials() -> dict[str, Material]:
    """Returns the household materials by name; the coefficients' sources are in each `Material.source`."""
    return dict(_table())


def material(name: str | Material) -> Material:
    """Returns a material of the table by its name; a `Material` is returned as it is.

    Raises:
        ValueError: no such material; the message names the nearest one.
    """
    if isinstance(name, Material):
        return name
    table = _table()
    if name not in table:
        raise name_error("material", str(name), table)
    return table[name]


@lru_cache(maxsize=4096)
def tinted(name: str, color: tuple[float, float, float], pattern: str = "") -> Material:
    """Returns a material of the table in another colour (linear RGB, 0..1): same sound, other looks.

    The name tells the colour, so that a scene may hold several tints: "plaster" becomes "plaster_d8c9a8" (hex, sRGB).
    """
    base = material(name)
    code = "".join(f"{_srgb_byte(c):02x}" for c in color)
    return replace(base, name=f"{name}_{code}", color=color, pattern=pattern or base.pattern)


def _srgb_byte(linear: float) -> int:
    encoded = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * min(max(encoded, 0.0), 1.0))


@lru_cache(maxsize=1)
def _table() -> dict[str, Material]:
    with package_file("scene/materials.toml").open("rb") as file:
        rows = tomllib.load(file)
    return {name: Material(name=name, **_fields(row)) for name, row in rows.items()}


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def materials_page() -> str:
    """Returns docs/materials.md: the table as people read it."""
    lines = [
        "# Materials",
        "",
        "Generated from `avi_env/scene/materials.toml` by `avi_env.scene.materials.materials_page()`;",
        "a test fails on drift.",
        "One table for light and sound: `avi_env.scene.material(name)` returns a row, `load_materials()` all of them.",
        "Absorption contains what is transmitted, so absorption >= 10^(-TL/10) in every octave; this is checked.",
        "",
        *_coefficient_table("Absorption coefficient per octave [Hz]", "absorption", "{:.2f}"),
        *_coefficient_table("Scattering coefficient per octave [Hz]", "scattering", "{:.2f}"),
        *_coefficient_table("Transmission loss per octave [dB]", "transmission_loss", "{:.0f}"),
        "## Looks and sources",
        "",
        "| material | colour (sRGB) | pattern | period [m] | roughness | source of the coefficients |",
        "|---|---|---|---|---|---|",
    ]
    for m in _table().values():
        code = "".join(f"{_srgb_byte(c):02x}" for c in m.color)
        lines.append(f"| {m.name} | #{code} | {m.pattern} | {m.pattern_size:g} | {m.roughness:g} | {m.source} |")
    lines += ["", *_source_notes()]
    return "\n".join(lines) + "\n"


def _coefficient_table(title: str, attribute: str, form: str) -> Iterable[str]:
    yield f"## {title}"
    yield ""
    yield f"| material | {' | '.join(_BANDS)} |"
    yield f"|---|{'---|' * len(_BANDS)}"
    for m in _table().values():
        values = np.asarray(getattr(m, attribute), dtype=np.float64)
        yield f"| {m.name} | {' | '.join(form.format(v) for v in values)} |"
    yield ""


def _source_notes() -> Iterable[str]:
    yield "Sources:"
    yield ""
    text = package_file("scene/materials.toml").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#   "):
            key, _, note = line.removeprefix("#").strip().partition(" ")
            yield f"- **{key}**: {note.strip()}"
