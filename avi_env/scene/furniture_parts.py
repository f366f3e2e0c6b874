"""Parts that many pieces share: legs, handles, doors and drawer fronts, rows of books."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Color, Look, Paint, Piece, Point
from avi_env.scene.house_stream import Stream

__all__ = ["BOOKS", "BRASS", "WATER", "book_row", "drawers", "handle", "legs", "panel"]

BRASS = Paint("metal", (0.55, 0.38, 0.10))
WATER = Paint("glass_single", (0.16, 0.34, 0.42))
BOOKS: tuple[Color, ...] = (
    (0.30, 0.06, 0.05),
    (0.06, 0.14, 0.24),
    (0.42, 0.30, 0.10),
    (0.09, 0.20, 0.12),
    (0.40, 0.38, 0.34),
    (0.10, 0.08, 0.07),
    (0.36, 0.16, 0.06),
    (0.24, 0.12, 0.26),
)

_SPLAY = 0.17  # lean of splayed legs [rad]


def legs(p: Piece, look: Look, size: Point, thickness: float, paint: Paint, style: str = "") -> None:
    """Adds four legs (or two runners) under a top.

    Args:
        p: the piece.
        look: gives the style.
        size: width, height and depth of the rectangle that the legs stand in [m].
        thickness: of a leg [m].
        paint: of the legs.
        style: one of `LEGS`; the look's own if not given.
    """
    width, height, depth = size
    style = style or look.leg
    if style == "sled":
        _sled(p, size, thickness, paint)
        return
    for sx in (-1, 1):
        for sz in (-1, 1):
            at = (sx * (width - thickness) / 2, 0.0, sz * (depth - thickness) / 2)
            if style == "tapered":
                p.box(at, (0.55 * thickness, height, 0.55 * thickness), paint, taper=1 / 0.55)
            elif style == "round":
                p.rod(at, 0.75 * thickness, height, paint, taper=1.3)
            elif style == "splayed":
                _splayed(p, (sx, sz), size, 0.8 * thickness, paint)
            elif style == "turned":
                p.box((at[0], 0.6 * height, at[2]), (thickness, 0.4 * height, thickness), paint)
                p.rod(at, 0.5 * thickness, 0.6 * height, paint, taper=1.8)
            else:
                p.box(at, (thickness, height, thickness), paint)


def _sled(p: Piece, size: Point, thickness: float, paint: Paint) -> None:
    width, height, depth = size
    thin = 0.7 * thickness
    for sx in (-1, 1):
        x = sx * (width - thin) / 2
        p.box((x, 0, 0), (thin, thin, depth), paint)
        for sz in (-1, 1):
            p.box((x, thin / 2, sz * (depth - thin) / 2), (thin, height - thin / 2, thin), paint)


def _splayed(p: Piece, corner: tuple[int, int], size: Point, thickness: float, paint: Paint) -> None:
    """A leg whose foot stands in the corner and whose top leans to the middle."""
    width, height, depth = size
    c, s = math.cos(_SPLAY), math.sin(_SPLAY)
    length = (height - thickness * s) / c
    reach = math.sqrt(0.5) * (thickness + thickness * c + length * s) / 2
    x, z = corner[0] * (width / 2 - reach), corner[1] * (depth / 2 - reach)
    # The top leans towards the middle: +Z of the leg's own frame points there.
    yaw = math.atan2(-corner[0], -corner[1])
    p.add("box", (x, height / 2, z), (thickness, length, thickness), paint, yaw=yaw, pitch=_SPLAY)


def handle(p: Piece, look: Look, at: Point, reach: float, upright: bool = False) -> None:
    """Adds a handle on a front.

    Args:
        p: the piece.
        look: gives the style.
        at: middle of the handle on the front's face [m].
        reach: extent of the front along the handle [m].
        upright: whether it runs upwards.
    """
    x, y, z = at
    if look.handle == "none":
        return
    if look.handle == "knob":
        p.disc((x, y, z - 0.012), 0.032, 0.024, look.metal, "rod")
        return
    length = {"bar": min(0.16, 0.5 * reach), "strip": 0.9 * reach, "cup": 0.09, "long": 0.65 * reach}[look.handle]
    thick = {"bar": 0.014, "strip": 0.02, "cup": 0.03, "long": 0.012}[look.handle]
    size = (thick, length, 0.018) if upright else (length, thick, 0.018)
    p.add("box", (x, y, z - 0.008), size, look.metal)


def panel(p: Piece, look: Look, at: Point, size: tuple[float, float], paint: Paint | None = None) -> None:
    """Adds a door or drawer front: its back stands in the plane z of `at`, the middle of its lower edge.

    Args:
        p: the piece.
        look: gives the style and, without `paint`, the paint.
        at: middle of the lower edge [m].
        size: width and height [m].
        paint: of the front.
    """
    (x, y, z), (w, h) = at, size
    paint = look.front if paint is None else paint
    style = look.panel if min(w, h) > 0.16 else "flat"
    if style in ("planks", "split") and w > 1.2 * h:
        style = "flat"  # boards of doors run upwards
    if style in ("planks", "split"):
        _boards(p, (x, y, z), size, 3 if style == "planks" else 2, paint)
        return
    p.add("box", (x, y + h / 2, z - 0.006), (w, h, 0.012), paint)
    rim = 0.055
    if style == "shaker":
        for sx in (-1, 1):
            p.add("box", (x + sx * (w - rim) / 2, y + h / 2, z - 0.014), (rim, h, 0.008), paint)
        for sy in (-1, 1):
            at_rail = (x, y + h / 2 + sy * (h - rim) / 2, z - 0.014)
            p.add("box", at_rail, (w - 2 * rim, rim, 0.008), paint)
    elif style == "raised":
        p.add("box", (x, y + h / 2, z - 0.014), (w - 2 * rim, h - 2 * rim, 0.01), paint)
    elif style == "slats":
        count = min(6, max(2, int(h / 0.1)))
        for k in range(count):
            middle = y + rim / 2 + (k + 0.5) * (h - rim) / count
            p.add("box", (x, middle, z - 0.013), (w - rim, 0.5 * (h - rim) / count, 0.01), paint)


def _boards(p: Piece, at: Point, size: tuple[float, float], count: int, paint: Paint) -> None:
    (x, y, z), (w, h) = at, size
    wide = w / count
    for k in range(count):
        middle = x - w / 2 + (k + 0.5) * wide
        p.add("box", (middle, y + h / 2, z - 0.008), (wide - 0.006, h, 0.016), paint)


def drawers(
    p: Piece, look: Look, size: Point, base: float, rows: int, columns: int, doors: bool = False, gap: float = 0.012
) -> None:
    """Adds a body with a grid of fronts and handles; its back is at z = depth / 2.

    Args:
        p: the piece.
        look: paints and styles.
        size: width, height and depth of the body, fronts and handles included [m].
        base: height of its underside [m].
        rows: fronts above one another.
        columns: fronts beside one another.
        doors: handles are upright at the side instead of in the middle.
        gap: between the fronts [m].
    """
    w, h, d = size
    p.box((0, base, 0.02), (w, h, d - 0.04), look.wood)
    high, wide = h / rows, w / columns
    face = -d / 2 + 0.04
    for r in range(rows):
        for c in range(columns):
            x, y = -w / 2 + (c + 0.5) * wide, base + r * high
            panel(p, look, (x, y + gap / 2, face), (wide - gap, high - gap))
            if doors:
                side = 1 if c % 2 == 0 else -1
                handle(p, look, (x + side * (wide / 2 - 0.05), y + high / 2, face - 0.018), 0.5 * high, upright=True)
            else:
                handle(p, look, (x, y + high / 2, face - 0.018), wide)


def book_row(stream: Stream, p: Piece, row: Point, look: Look, back: float, middle: float = 0.0) -> None:
    """Fills a shelf board with blocks of books and boxes of uneven height and depth.

    Args:
        stream: of draws.
        p: the piece.
        row: width, height of the board's face and free height [m].
        look: paints.
        back: z of the shelf's back [m].
        middle: x of the row's middle [m].
    """
    width, y, tall = row
    x, end = middle - width / 2, middle + width / 2
    while x < end - 0.1:
        wide = min(stream.uniform(0.1, 0.26), end - x)
        kind = stream.random()
        if kind < 0.72:
            high, deep = stream.uniform(0.6, 0.95) * tall, stream.uniform(0.17, 0.24)
            paint = Paint("books", look.pick(stream, BOOKS))
            p.box((x + wide / 2, y, back - 0.02 - deep / 2), (wide - 0.006, high, deep), paint)
        elif kind < 0.82:
            p.box((x + wide / 2, y, back - 0.14), (wide - 0.02, 0.5 * tall, 0.2), look.accent)
        x += wide
