"""From semantic categories to household materials: a table of words, or a user's own choice."""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from avi_env.content import package_file
from avi_env.scene.datasets.rlr_materials import RlrMaterials, load_rlr_materials
from avi_env.scene.findings import SceneWarning
from avi_env.scene.materials import material as find_material
from avi_env.scene.model import Material

__all__ = ["MaterialChoice", "category_materials", "category_words", "default_material"]

MaterialChoice = str | Path | Material | Mapping[str, str | Material] | None
"""What loaders take as `materials=`: nothing (the table of words), a .json file in the RLR format, one material for
all, or materials by category (others by the table)."""

_WARNED = 12  # names a warning lists before it says how many more there are


class _Table(NamedTuple):
    unlabelled: str
    unknown: str
    phrases: tuple[tuple[tuple[str, ...], str], ...]


@lru_cache(maxsize=1)
def _table() -> _Table:
    with package_file("scene/datasets/category_materials.toml").open("rb") as file:
        data: dict[str, Any] = tomllib.load(file)
    phrases = {category_words(phrase): name for name, row in data["phrases"].items() for phrase in row}
    return _Table(data["unlabelled"], data["unknown"], tuple(phrases.items()))


@lru_cache(maxsize=4096)
def category_words(category: str) -> tuple[str, ...]:
    """Returns a category's name as lower-case words without plural s: "CoffeeTables/low" is (coffee, table, low)."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", category)
    words = re.findall(r"[a-z]+", spaced.lower())
    return tuple(w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in words)


@lru_cache(maxsize=4096)
def default_material(category: str) -> str | None:
    """Returns the name of the household material of a category, or None where no phrase of the table occurs in it.

    An empty category stands for triangles without an object.
    """
    table = _table()
    words = category_words(category)
    if not words:
        return table.unlabelled
    best, chosen = (-1, 0), None
    for phrase, name in table.phrases:
        end = _last_end(words, phrase)
        if (end, len(phrase)) > best and end >= 0:
            best, chosen = (end, len(phrase)), name
    return chosen


def _last_end(words: tuple[str, ...], phrase: tuple[str, ...]) -> int:
    size = len(phrase)
    ends = [k + size for k in range(len(words) - size + 1) if words[k : k + size] == phrase]
    return max(ends, default=-1)


def category_materials(
    categories: Iterable[str], choice: MaterialChoice = None, scene: str = ""
) -> dict[str, Material]:
    """Returns the material of each category; an empty name stands for triangles without an object.

    Warns (`SceneWarning`) of the categories that neither the choice nor the table of words knows, and says what they
    were given instead.

    Raises:
        ValueError: an unknown material.
        FileNotFoundError: no such material file.
    """
    names = sorted(set(categories))
    file = _file(choice)
    rlr = load_rlr_materials(file) if file is not None else None
    one = find_material(choice) if isinstance(choice, str | Material) and rlr is None else None
    own = {key: find_material(value) for key, value in choice.items()} if isinstance(choice, Mapping) else {}
    chosen: dict[str, Material] = {}
    defaulted: list[str] = []
    for name in names:
        known = one or own.get(name) or _from_tables(name, rlr)
        if known is None:
            known = rlr.default if rlr is not None else find_material(_table().unknown)
            defaulted.append(name)
        chosen[name] = known
    if defaulted:
        _warn(scene, defaulted, chosen[defaulted[0]].name)
    return chosen


def _file(choice: MaterialChoice) -> Path | None:
    named = isinstance(choice, Path) or (isinstance(choice, str) and choice.lower().endswith(".json"))
    return Path(str(choice)) if named else None


def _from_tables(name: str, rlr: RlrMaterials | None) -> Material | None:
    if rlr is not None:
        return rlr.of_category(name) if name else rlr.default
    known = default_material(name)
    return None if known is None else find_material(known)


def _warn(scene: str, defaulted: list[str], material: str) -> None:
    listed = ", ".join(repr(name) for name in defaulted[:_WARNED])
    more = f" and {len(defaulted) - _WARNED} more" if len(defaulted) > _WARNED else ""
    warnings.warn(
        f"scene {scene!r}: no material is known for the categories {listed}{more}: they became {material!r}; pass "
        f"materials={{{defaulted[0]!r}: 'plaster', ...}}, or a material file in the RLR format",
        SceneWarning,
        stacklevel=4,
    )
