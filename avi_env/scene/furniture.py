"""Furniture as pieces made of simple shapes, and the look (colours, materials) that the pieces of a house share.

A piece stands in its own frame: origin on the floor in the middle of its footprint, front towards -Z, back towards +Z.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

from avi_env.content import name_error
from avi_env.scene.house_stream import Stream
from avi_env.scene.shapes import shape_row
from avi_env.sounds.classes import sounds_of_object

__all__ = [
    "HANDLES",
    "LEGS",
    "PANELS",
    "SPLITS",
    "Color",
    "Look",
    "Paint",
    "Piece",
    "Placed",
    "Point",
    "make_look",
    "place",
    "variants",
]

Item = TypeVar("Item")

Color = tuple[float, float, float]
Point = tuple[float, float, float]

SPLITS = ("train", "val", "test")
"""Sets of houses; val and test show shapes and finishes that train never shows."""

_LIFT = 0.003  # furniture stands this far above the floor [m], so that its underside is not in the floor's plane


@dataclass(frozen=True)
class Paint:
    """A material of the table in a colour; no colour = the table's own."""

    material: str
    color: Color | None = None
    pattern: str = ""


class Piece:
    """One object: a category, its shapes in the piece's own frame, and what may be put on it."""

    def __init__(self, category: str, emits: tuple[str, ...] | None = None) -> None:
        self.category = category
        self.emits = _sounds(category) if emits is None else emits
        """Sound classes; those of its category in the table of sounds unless given."""
        self.parts: list[tuple[str, tuple[float, ...], Paint]] = []
        self.spots: list[Point] = []
        """Places for small things: points on top surfaces, near the front."""
        self._box: tuple[int, Point, Point] = (0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))  # parts counted, size, middle

    def add(self, shape: str, center: Point, size: Point, paint: Paint, **more: float) -> None:
        """Adds a shape by the middle of its box [m]; `more` as in `shape_row` (yaw, pitch, taper, chamfer)."""
        self.parts.append((shape, shape_row(center, size, **more), paint))

    def box(
        self, at: Point, size: Point, paint: Paint, yaw: float = 0.0, pitch: float = 0.0, taper: float = 1.0
    ) -> None:
        """Adds a box that stands on the point `at` [m]."""
        x, y, z = at
        w, h, d = size  # most parts are boxes: the row is written out, as `shape_row` has it
        self.parts.append(("box", (x, y + h / 2, z, w, h, d, yaw, pitch, taper, 0.0), paint))

    def soft(self, at: Point, size: Point, paint: Paint, chamfer: float = 0.03, pitch: float = 0.0) -> None:
        """Adds a box with chamfered edges that stands on the point `at` [m]."""
        chamfer = min(chamfer, 0.45 * min(size))
        self.add("soft", (at[0], at[1] + size[1] / 2, at[2]), size, paint, pitch=pitch, chamfer=chamfer)

    def cylinder(self, at: Point, diameter: float, height: float, paint: Paint, taper: float = 1.0) -> None:
        """Adds an upright cylinder (a cone with `taper`) that stands on the point `at` [m]."""
        self.add("cylinder", (at[0], at[1] + height / 2, at[2]), (diameter, height, diameter), paint, taper=taper)

    def ball(self, center: Point, size: Point, paint: Paint) -> None:
        """Adds an ellipsoid around its centre [m]."""
        self.add("ball", center, size, paint)

    def bead(self, center: Point, size: Point, paint: Paint) -> None:
        """Adds an ellipsoid of few triangles around its centre [m]."""
        self.add("bead", center, size, paint)

    def rod(self, at: Point, diameter: float, height: float, paint: Paint, taper: float = 1.0) -> None:
        """Adds an upright six-sided rod (a cone with `taper`) that stands on the point `at` [m]."""
        self.add("rod", (at[0], at[1] + height / 2, at[2]), (diameter, height, diameter), paint, taper=taper)

    def pot(self, at: Point, diameter: float, height: float, wall: float, paint: Paint, taper: float = 1.0) -> None:
        """Adds an open vessel with walls and bottom of a thickness [m] that stands on the point `at` [m]."""
        center = (at[0], at[1] + height / 2, at[2])
        self.add("pot", center, (diameter, height, diameter), paint, taper=taper, chamfer=wall)

    def disc(self, center: Point, diameter: float, thickness: float, paint: Paint, shape: str = "cylinder") -> None:
        """Adds a disc that faces the front, around its centre [m]."""
        self.add(shape, center, (diameter, thickness, diameter), paint, pitch=math.pi / 2)

    def bar(self, center: Point, diameter: float, length: float, paint: Paint, shape: str = "rod") -> None:
        """Adds a bar along the piece's x around its centre [m]."""
        self.add(shape, center, (diameter, length, diameter), paint, yaw=math.pi / 2, pitch=math.pi / 2)

    @property
    def size(self) -> Point:
        """Extents along its own x, y, z [m]."""
        return self._bounds()[1]

    @property
    def middle(self) -> Point:
        """Middle of its box in its own frame [m]."""
        return self._bounds()[2]

    def _bounds(self) -> tuple[int, Point, Point]:
        if self._box[0] != len(self.parts):
            low, high = zip(*(_span(row) for _, row, _ in self.parts), strict=True)
            (x0, y0, z0), (x1, y1, z1) = map(min, zip(*low, strict=True)), map(max, zip(*high, strict=True))
            middle = ((x1 + x0) / 2, (y1 + y0) / 2, (z1 + z0) / 2)
            self._box = (len(self.parts), (x1 - x0, y1 - y0, z1 - z0), middle)
        return self._box


def _span(row: tuple[float, ...]) -> tuple[Point, Point]:
    """Lowest and highest corner of a shape's box, its rotations included."""
    cx, cy, cz, x, y, z, yaw, pitch, taper, _ = row
    x, y, z = x / 2, y / 2, z / 2
    if taper > 1.0:
        x, z = x * taper, z * taper
    if pitch:
        c, s = abs(math.cos(pitch)), abs(math.sin(pitch))
        y, z = y * c + z * s, y * s + z * c
    if yaw:
        c, s = abs(math.cos(yaw)), abs(math.sin(yaw))
        x, z = x * c + z * s, x * s + z * c
    return (cx - x, cy - y, cz - z), (cx + x, cy + y, cz + z)


@lru_cache(maxsize=256)
def _sounds(category: str) -> tuple[str, ...]:
    return sounds_of_object(category)


@lru_cache(maxsize=256)
def _share(split: str, count: int) -> tuple[int, ...]:
    """Indices of a table's entries that a split draws from."""
    if split not in SPLITS:
        raise name_error("split", split, SPLITS)
    held = 0 if count < 4 else max(1, count // 6)
    shared = tuple(range(count - 2 * held))
    if split == "train" or not held:
        return shared
    start = count - 2 * held if split == "val" else count - held
    own = tuple(range(start, start + held))
    return shared + own * max(1, len(shared) // held)


def variants(split: str, items: Sequence[Item]) -> tuple[Item, ...]:
    """Returns the entries of a table that houses of a split may show.

    Of four or more entries the last sixth (at least one) is shown by test only, the sixth before by val only; in those
    splits half of the draws are such entries. Smaller tables are shared.

    Raises:
        ValueError: unknown split; the message names the nearest one.
    """
    return tuple(items[k] for k in _share(split, len(items)))


@dataclass(frozen=True, eq=False)
class Placed:
    """A piece in the world."""

    piece: Piece
    room: int
    position: Point
    """Where the piece's origin stands [m]."""
    yaw: float
    turned: tuple[float, float]
    """Cosine and sine of the yaw."""
    center: Point
    """Middle of the piece's box in the world [m]."""
    box: tuple[float, float, float, float]
    """Rectangle (x0, z0, x1, z1) that the piece covers in the world [m]."""
    span: tuple[float, float]
    """Heights of its bottom and top [m]."""

    def world(self, local: Point) -> Point:
        """Returns a point of the piece's frame in the world [m]."""
        (c, s), (x0, y0, z0), (x, y, z) = self.turned, self.position, local
        return (x0 + x * c + z * s, y0 + y, z0 + z * c - x * s)

    @cached_property
    def rows(self) -> tuple[tuple[float, ...], ...]:
        """The shapes in the world frame, as `shape_row`; many places are tried for one that is kept."""
        (c, s), (x0, y0, z0), yaw = self.turned, self.position, self.yaw
        return tuple(
            (x0 + r[0] * c + r[2] * s, y0 + r[1], z0 + r[2] * c - r[0] * s, *r[3:6], r[6] + yaw, *r[7:])
            for _, r, _ in self.piece.parts
        )


def place(piece: Piece, room: int, position: Point, yaw: float) -> Placed:
    """Returns the piece standing at a position [m], turned by a yaw [rad]."""
    c, s = _turn(yaw)
    x0, y0, z0 = position
    y0 += _LIFT
    (x, y, z), (w, h, d) = piece.middle, piece.size
    mx, mz = x0 + x * c + z * s, z0 + z * c - x * s
    half_x, half_z = (w * abs(c) + d * abs(s)) / 2, (w * abs(s) + d * abs(c)) / 2
    box = (mx - half_x, mz - half_z, mx + half_x, mz + half_z)
    span = (y0 + y - h / 2, y0 + y + h / 2)
    return Placed(piece, room, (x0, y0, z0), yaw, (c, s), (mx, y0 + y, mz), box, span)


def _turn(yaw: float) -> tuple[float, float]:
    return round(math.cos(yaw), 12), round(math.sin(yaw), 12)


@dataclass(frozen=True)
class Look:
    """Paints and styles that belong together."""

    wood: Paint
    wood_second: Paint
    front: Paint
    """Kitchen and wardrobe fronts."""
    counter: Paint
    fabric: Paint
    fabric_second: Paint
    bedding: Paint
    blanket: Paint
    rug: Paint
    rug_border: Paint
    curtain: Paint
    accent: Paint
    door: Paint
    front_door: Paint
    metal: Paint
    chrome: Paint
    dark: Paint
    white: Paint
    shade: Paint
    leg: str = "square"
    """How legs are made: one of `LEGS`."""
    handle: str = "bar"
    """How handles are made: one of `HANDLES`."""
    panel: str = "flat"
    """How doors and drawer fronts are made: one of `PANELS`."""
    split: str = "train"
    """Set of houses: one of `SPLITS`."""

    def pick(self, stream: Stream, items: Sequence[Item]) -> Item:
        """Returns one of the entries of a table that the look's split may show."""
        return items[stream.pick(_share(self.split, len(items)))]


LEGS = ("square", "tapered", "round", "splayed", "sled", "turned")
"""Ways to make legs."""
HANDLES = ("bar", "knob", "strip", "none", "cup", "long")
"""Ways to make handles."""
PANELS = ("flat", "shaker", "raised", "planks", "slats", "split")
"""Ways to make doors and drawer fronts."""

_WOODS: tuple[Color, ...] = (
    (0.50, 0.33, 0.19),
    (0.36, 0.20, 0.10),
    (0.20, 0.11, 0.06),
    (0.58, 0.44, 0.29),
    (0.42, 0.24, 0.13),
    (0.28, 0.22, 0.17),
    (0.66, 0.53, 0.37),
    (0.30, 0.13, 0.07),
    (0.46, 0.38, 0.30),
    (0.10, 0.07, 0.05),
    (0.54, 0.26, 0.12),
    (0.40, 0.33, 0.20),
)
_FABRICS: tuple[Color, ...] = (
    (0.17, 0.21, 0.26),
    (0.42, 0.38, 0.33),
    (0.10, 0.16, 0.12),
    (0.34, 0.13, 0.09),
    (0.48, 0.36, 0.16),
    (0.09, 0.14, 0.28),
    (0.30, 0.30, 0.30),
    (0.38, 0.20, 0.24),
    (0.56, 0.50, 0.42),
    (0.20, 0.15, 0.12),
    (0.13, 0.26, 0.27),
    (0.44, 0.24, 0.12),
    (0.24, 0.28, 0.16),
    (0.26, 0.16, 0.30),
)
_FRONTS: tuple[Color, ...] = (
    (0.80, 0.79, 0.75),
    (0.34, 0.42, 0.38),
    (0.16, 0.22, 0.30),
    (0.60, 0.55, 0.46),
    (0.44, 0.45, 0.46),
    (0.08, 0.09, 0.10),
    (0.56, 0.42, 0.34),
    (0.20, 0.30, 0.20),
)
_COUNTERS: tuple[Color, ...] = (
    (0.10, 0.10, 0.11),
    (0.46, 0.44, 0.41),
    (0.62, 0.60, 0.57),
    (0.22, 0.19, 0.17),
    (0.34, 0.36, 0.34),
    (0.40, 0.28, 0.22),
)
_ACCENTS: tuple[Color, ...] = (
    (0.55, 0.13, 0.08),
    (0.07, 0.24, 0.40),
    (0.60, 0.42, 0.06),
    (0.10, 0.33, 0.22),
    (0.42, 0.16, 0.36),
    (0.56, 0.26, 0.06),
    (0.12, 0.38, 0.42),
    (0.60, 0.34, 0.36),
)
_FRONT_DOORS: tuple[Color, ...] = (
    (0.10, 0.18, 0.14),
    (0.28, 0.04, 0.03),
    (0.05, 0.09, 0.18),
    (0.16, 0.09, 0.05),
    (0.42, 0.30, 0.06),
    (0.26, 0.27, 0.29),
)
_LINENS: tuple[Color, ...] = (
    (0.78, 0.77, 0.74),
    (0.66, 0.70, 0.74),
    (0.72, 0.66, 0.58),
    (0.55, 0.60, 0.55),
    (0.70, 0.58, 0.56),
    (0.50, 0.50, 0.54),
)
_METALS: tuple[Paint, ...] = (
    Paint("metal", (0.08, 0.08, 0.09)),
    Paint("metal"),
    Paint("metal", (0.62, 0.63, 0.64)),
    Paint("metal", (0.55, 0.40, 0.14)),
    Paint("metal", (0.40, 0.20, 0.10)),
    Paint("metal", (0.72, 0.72, 0.70)),
)


def make_look(stream: Stream, split: str = "train") -> Look:
    """Returns the paints and styles of a house, drawn from the stream.

    Raises:
        ValueError: unknown split; the message names the nearest one.
    """
    woods, fabrics = variants(split, _WOODS), variants(split, _FABRICS)
    fronts, linens = variants(split, _FRONTS), variants(split, _LINENS)
    wood = stream.pick(woods)
    return Look(
        wood=Paint("wood", wood),
        wood_second=Paint("wood", stream.pick(woods)),
        front=Paint("painted_wood", stream.pick(fronts)) if stream.chance(0.7) else Paint("laminate", wood, "wood"),
        counter=Paint("stone_counter", stream.pick(variants(split, _COUNTERS)))
        if stream.chance(0.65)
        else Paint("wood", wood),
        fabric=Paint("leather") if stream.chance(0.15) else Paint("upholstery", stream.pick(fabrics)),
        fabric_second=Paint("upholstery", stream.pick(fabrics)),
        bedding=Paint("bedding", stream.pick(linens)),
        blanket=Paint("bedding", stream.pick(fabrics)),
        rug=Paint("rug", stream.pick(fabrics)),
        rug_border=Paint("rug", stream.pick(linens)),
        curtain=Paint("curtain", stream.pick(linens) if stream.chance(0.6) else stream.pick(fabrics)),
        accent=Paint("cloth", stream.pick(variants(split, _ACCENTS))),
        door=Paint("wood_door", (0.74, 0.73, 0.70), "plain") if stream.chance(0.5) else Paint("wood_door", wood),
        front_door=Paint("wood_door", stream.pick(variants(split, _FRONT_DOORS)), "plain"),
        metal=stream.pick(variants(split, _METALS)),
        chrome=Paint("metal", (0.62, 0.63, 0.64)),
        dark=Paint("plastic"),
        white=Paint("painted_wood"),
        shade=Paint("lamp"),
        leg=stream.pick(variants(split, LEGS)),
        handle=stream.pick(variants(split, HANDLES)),
        panel=stream.pick(variants(split, PANELS)),
        split=split,
    )
