"""Which solid each household material is: what a scene's surface is made of, as far as collisions go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from avi_env.sounds.solids import Solid, load_solids, solid

__all__ = ["SOLID_OF_MATERIAL", "solid_of_material", "solids_of_materials"]

_TINT = r"_[0-9a-f]{6}$"  # as `avi_env.scene.materials.tinted` names the colour

_MATERIALS_OF_SOLID = {
    "steel": ("metal", "appliance"),
    "ceramic": ("porcelain",),
    "glass": ("glass", "glass_single", "mirror", "screen", "lamp"),
    "wood": ("wood", "painted_wood", "laminate", "wood_door", "wood_panel", "wood_ceiling", "blinds", "wicker"),
    "plastic": ("plastic",),
    "cardboard": ("books", "canvas"),
    "cloth": (
        "upholstery",
        "upholstery_light",
        "upholstery_heavy",
        "leather",
        "bedding",
        "mattress",
        "curtain",
        "curtain_heavy",
        "curtain_light",
        "cloth",
        "towel",
        "skin",
        "fur",
        "absorber",
        "acoustic_panel",
        "anechoic",
    ),
    "soil": ("soil", "foliage", "water"),
    "concrete": ("concrete",),
    "masonry": ("plaster", "wallpaper", "brick", "acoustic_plaster", "concrete_block_painted", "ceiling_plaster"),
    "plasterboard": (
        "plasterboard",
        "ceiling_plasterboard",
        "ceiling_fibrous_plaster",
        "ceiling_textured",
        "ceiling_acoustic_tile",
    ),
    "stone": ("stone_counter",),
    "tiled_floor": ("ceramic_tile", "marble", "terrazzo"),
    "parquet_floor": ("parquet",),
    "board_floor": ("wood_floor",),
    "vinyl_floor": ("linoleum", "cork_floor"),
    "carpet_floor": ("carpet", "carpet_thin", "carpet_loop", "carpet_on_foam", "rug", "rug_thin", "doormat"),
}

SOLID_OF_MATERIAL: Mapping[str, str] = MappingProxyType(
    {material: name for name, materials in _MATERIALS_OF_SOLID.items() for material in materials}
)
"""Name of a household material -> name of its solid."""


def solid_of_material(material: str, solids: Mapping[str, str | Solid] | None = None) -> Solid:
    """Returns what one material is made of; arguments and errors as for `solids_of_materials`."""
    return solids_of_materials([material], solids)[material]


def solids_of_materials(materials: Iterable[str], solids: Mapping[str, str | Solid] | None = None) -> dict[str, Solid]:
    """Returns what materials are made of, by their names.

    Args:
        materials: their names.
        solids: solids (or their names) of further materials, by the materials' names; they come before the table's.

    Raises:
        ValueError: materials that neither knows; the message tells how to name their solids.
    """
    own = {} if solids is None else solids
    names = {name: own.get(name, SOLID_OF_MATERIAL.get(name) or _of_tint(name)) for name in materials}
    unknown = [name for name, found in names.items() if found is None]
    if unknown:
        remedy = ", ".join(f"{name!r}: NAME" for name in unknown)
        raise ValueError(
            f"no solid is known for {len(unknown)} material(s): pass solids={{{remedy}}}, each NAME one of "
            f"{', '.join(sorted(load_solids()))}"
        )
    return {name: solid(found) for name, found in names.items() if found is not None}


def _of_tint(material: str) -> str | None:
    """Returns the solid of a material in another colour."""
    return SOLID_OF_MATERIAL.get(re.sub(_TINT, "", material))
