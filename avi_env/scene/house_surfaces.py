"""What floors, walls and ceilings of a house are made of: one choice a room decides how it looks and how it sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avi_env.scene.furniture import Color, Paint, variants
from avi_env.scene.house_stream import Stream

__all__ = ["HouseSurfaces", "choose_surfaces"]


@dataclass(frozen=True)
class HouseSurfaces:
    """Paints of the building; tuples are by room."""

    walls: tuple[Paint, ...]
    floors: tuple[Paint, ...]
    ceilings: tuple[Paint, ...]
    facade: Paint
    trim: Paint
    """Baseboards and reveals."""


@dataclass(frozen=True)
class _House:
    """What runs through the whole house."""

    split: str
    wall: Paint
    wall_material: str
    floor: Paint
    carpet: Paint
    ceiling: Paint


_WALL_COLORS: tuple[Color, ...] = (
    (0.66, 0.62, 0.54),
    (0.50, 0.55, 0.50),
    (0.42, 0.52, 0.58),
    (0.62, 0.48, 0.34),
    (0.38, 0.46, 0.36),
    (0.58, 0.38, 0.31),
    (0.70, 0.69, 0.66),
    (0.34, 0.38, 0.46),
    (0.66, 0.56, 0.32),
    (0.55, 0.48, 0.52),
    (0.72, 0.66, 0.58),
    (0.62, 0.64, 0.66),
    (0.20, 0.26, 0.30),
    (0.60, 0.44, 0.42),
    (0.44, 0.40, 0.34),
    (0.26, 0.34, 0.26),
    (0.52, 0.60, 0.62),
    (0.68, 0.58, 0.50),
)
_PAPER_COLORS: tuple[Color, ...] = (
    (0.62, 0.56, 0.44),
    (0.40, 0.46, 0.40),
    (0.56, 0.42, 0.38),
    (0.36, 0.42, 0.52),
    (0.66, 0.62, 0.58),
    (0.46, 0.36, 0.28),
    (0.30, 0.38, 0.38),
    (0.58, 0.52, 0.60),
)
_PAPER_PATTERNS = ("fabric", "stripes", "plain", "damask", "stripes", "herringbone")
_WOOD_COLORS: tuple[Color, ...] = (
    (0.40, 0.23, 0.12),
    (0.50, 0.33, 0.19),
    (0.26, 0.14, 0.07),
    (0.56, 0.43, 0.29),
    (0.33, 0.25, 0.18),
    (0.44, 0.28, 0.15),
    (0.62, 0.50, 0.36),
    (0.18, 0.11, 0.07),
    (0.48, 0.40, 0.32),
    (0.36, 0.17, 0.09),
)
_WOOD_KINDS = (
    ("wood_floor", "wood"),
    ("parquet", "wood"),
    ("parquet", "herringbone"),
    ("wood_floor", "wood"),
    ("parquet", "weave"),
    ("parquet", "herringbone"),
)
_TILE_COLORS: tuple[Color, ...] = (
    (0.74, 0.76, 0.76),
    (0.42, 0.44, 0.45),
    (0.62, 0.55, 0.46),
    (0.50, 0.58, 0.60),
    (0.22, 0.23, 0.25),
    (0.66, 0.60, 0.52),
    (0.40, 0.26, 0.18),
    (0.34, 0.44, 0.42),
    (0.58, 0.60, 0.54),
)
_WALL_TILE_COLORS: tuple[Color, ...] = (
    (0.76, 0.77, 0.76),
    (0.60, 0.66, 0.68),
    (0.70, 0.66, 0.58),
    (0.38, 0.50, 0.52),
    (0.52, 0.56, 0.48),
    (0.66, 0.54, 0.52),
)
_TILE_PATTERNS = ("tile", "tile", "checker", "tile", "hexagon", "checker")
_SOFT_FLOOR_COLORS: tuple[Color, ...] = (
    (0.45, 0.40, 0.34),
    (0.30, 0.31, 0.34),
    (0.36, 0.28, 0.24),
    (0.26, 0.32, 0.30),
    (0.52, 0.48, 0.42),
    (0.22, 0.24, 0.32),
    (0.40, 0.24, 0.22),
    (0.34, 0.36, 0.26),
)
_SHEET_COLORS: tuple[Color, ...] = (
    (0.36, 0.38, 0.36),
    (0.50, 0.46, 0.38),
    (0.30, 0.36, 0.42),
    (0.44, 0.30, 0.24),
    (0.56, 0.56, 0.52),
    (0.28, 0.40, 0.36),
)
_CARPETS = ("carpet", "carpet_thin", "carpet_on_foam", "carpet_loop", "carpet", "carpet_on_foam")
_WHITES: tuple[Color, ...] = ((0.86, 0.86, 0.84), (0.84, 0.83, 0.79), (0.80, 0.81, 0.82), (0.86, 0.83, 0.78))
_FACADES = (
    Paint("brick"),
    Paint("plaster", (0.72, 0.68, 0.58)),
    Paint("brick", (0.50, 0.36, 0.26)),
    Paint("wood_panel", (0.30, 0.36, 0.40)),
    Paint("plaster", (0.56, 0.40, 0.28)),
    Paint("brick", (0.34, 0.30, 0.28)),
)
_WET = frozenset({"bathroom", "laundry"})
_QUIET = frozenset({"bedroom", "office", "closet"})


def choose_surfaces(stream: Stream, types: Sequence[str], split: str = "train") -> HouseSurfaces:
    """Returns the paints of every room: one floor, wall and ceiling run through a house, and rooms differ by use.

    Wet rooms are tiled; bedrooms and offices often have carpet; ceilings are plasterboard, plaster, textured spray or
    boards, and in some offices and kitchens acoustic tiles. Tables of four or more entries keep some for val or test.

    Args:
        stream: source of chance.
        types: room types, one a room.
        split: "train", "val" or "test": which entries of the tables may be drawn.
    """
    material = stream.pick(("plaster", "plasterboard", "plasterboard"))
    floor, pattern = stream.pick(variants(split, _WOOD_KINDS))
    house = _House(
        split=split,
        wall=Paint(material, stream.pick(variants(split, _WALL_COLORS))),
        wall_material=material,
        floor=Paint(floor, stream.pick(variants(split, _WOOD_COLORS)), pattern),
        carpet=Paint(stream.pick(_CARPETS), stream.pick(variants(split, _SOFT_FLOOR_COLORS))),
        ceiling=_ceiling(stream, split),
    )
    walls = tuple(_wall(stream, house, kind) for kind in types)
    floors = tuple(_floor(stream, house, kind) for kind in types)
    ceilings = tuple(_ceiling_of(stream, house, kind) for kind in types)
    facade = stream.pick(variants(split, _FACADES))
    trim = Paint("painted_wood") if stream.chance(0.7) else Paint("wood", house.floor.color)
    return HouseSurfaces(walls, floors, ceilings, facade, trim)


def _wall(stream: Stream, house: _House, kind: str) -> Paint:
    chance = stream.random()
    if kind in _WET and chance < 0.6:
        return Paint("ceramic_tile", stream.pick(variants(house.split, _WALL_TILE_COLORS)))
    if kind in _WET or chance < 0.36:
        return house.wall
    if kind != "kitchen" and chance < 0.56:
        pattern = stream.pick(variants(house.split, _PAPER_PATTERNS))
        return Paint("wallpaper", stream.pick(variants(house.split, _PAPER_COLORS)), pattern)
    if kind in ("living_room", "dining_room", "office", "hallway", "bedroom") and chance < 0.74:
        return Paint("wood_panel", stream.pick(variants(house.split, _WOOD_COLORS)))
    if chance > 0.95:
        return Paint(stream.pick(("brick", "concrete_block_painted")))
    return Paint(house.wall_material, stream.pick(variants(house.split, _WALL_COLORS)))


def _floor(stream: Stream, house: _House, kind: str) -> Paint:
    split, chance = house.split, stream.random()
    if kind in _WET:
        if chance < 0.75:
            pattern = stream.pick(variants(split, _TILE_PATTERNS))
            return Paint("ceramic_tile", stream.pick(variants(split, _TILE_COLORS)), pattern)
        return Paint("linoleum", stream.pick(variants(split, _SHEET_COLORS)))
    if kind == "kitchen" and chance < 0.7:
        return _kitchen_floor(stream, split)
    if kind in _QUIET and chance < 0.78:
        return house.carpet
    if kind == "living_room" and chance < 0.66:
        return house.carpet
    if kind == "hallway" and chance < 0.2:
        return Paint(stream.pick(("ceramic_tile", "terrazzo")), stream.pick(variants(split, _TILE_COLORS)))
    return house.floor


def _kitchen_floor(stream: Stream, split: str) -> Paint:
    material = stream.pick(("ceramic_tile", "linoleum", "linoleum", "cork_floor", "terrazzo"))
    if material == "ceramic_tile":
        pattern = stream.pick(variants(split, _TILE_PATTERNS))
        return Paint(material, stream.pick(variants(split, _TILE_COLORS)), pattern)
    if material == "linoleum":
        return Paint(material, stream.pick(variants(split, _SHEET_COLORS)), stream.pick(("marble", "checker")))
    return Paint(material) if material == "cork_floor" else Paint(material, stream.pick(variants(split, _TILE_COLORS)))


def _ceiling(stream: Stream, split: str) -> Paint:
    materials = ("ceiling_plasterboard", "ceiling_plaster", "ceiling_fibrous_plaster", "ceiling_textured")
    material = stream.pick_weighted(materials, (0.14, 0.06, 0.24, 0.56))
    return Paint(material, stream.pick(variants(split, _WHITES)))


def _ceiling_of(stream: Stream, house: _House, kind: str) -> Paint:
    """Sprayed ceilings stay out of steam; boards and acoustic tiles are for single rooms."""
    chance = stream.random()
    if kind in _WET:
        soft = house.ceiling.material == "ceiling_textured"
        return Paint("ceiling_plasterboard", house.ceiling.color) if soft else house.ceiling
    if kind in ("kitchen", "office") and chance < 0.2:
        return Paint("ceiling_acoustic_tile")
    if kind in ("living_room", "dining_room", "kitchen", "bedroom") and chance > 0.88:
        return Paint("wood_ceiling", stream.pick(variants(house.split, _WOOD_COLORS)))
    return house.ceiling
