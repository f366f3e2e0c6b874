"""Soft things: curtains, blinds, cushions, blankets, towels, poufs and panels for walls."""

from __future__ import annotations

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.furniture_parts import legs
from avi_env.scene.house_stream import Stream

__all__ = [
    "backpack",
    "blanket",
    "blinds",
    "curtain",
    "cushion",
    "ottoman",
    "pouf",
    "shower_curtain",
    "towel",
    "wall_panel",
]

_TOWELS: tuple[Color, ...] = (
    (0.72, 0.71, 0.68),
    (0.14, 0.28, 0.40),
    (0.48, 0.20, 0.18),
    (0.28, 0.40, 0.30),
    (0.52, 0.44, 0.20),
    (0.36, 0.30, 0.44),
)
_PANELS: tuple[Color, ...] = (
    (0.24, 0.26, 0.30),
    (0.44, 0.40, 0.34),
    (0.14, 0.26, 0.24),
    (0.42, 0.20, 0.12),
    (0.46, 0.42, 0.16),
    (0.26, 0.16, 0.26),
)


def curtain(stream: Stream, look: Look, width: float, top: float, bottom: float = 0.02, drawn: float = 0.3) -> Piece:
    """Returns a pair of pleated curtains on a rod, heavy or light; the back is at the wall.

    Args:
        stream: of draws.
        look: paints and styles.
        width: of the window [m]; the rod is 0.4 m longer.
        top: height of the rod [m].
        bottom: height of the hem [m].
        drawn: share of the rod that they cover, 0.2 ... 1.
    """
    p = Piece("curtain")
    heavy = look.pick(stream, (True, False, True, False))
    rod = width + 0.4
    p.bar((0, top, 0), 0.026, rod, look.metal)
    for sx in (-1, 1):
        p.bar((sx * (rod / 2 + 0.012), top, 0), 0.05, 0.03, look.metal)
    deep, wide = (0.075, drawn * rod / 2) if heavy else (0.05, 0.9 * drawn * rod / 2)
    for side in (-1, 1):
        at = (side * (rod / 2 - 0.02 - wide / 2), (top + bottom) / 2, 0.0)
        p.add("folds", at, (wide, top - bottom + 0.04, deep), look.curtain)
    return p


def blinds(stream: Stream, look: Look, width: float, bottom: float, top: float) -> Piece:
    """Returns a blind in front of a window, slatted or a cloth roller; the back is at the wall.

    Args:
        stream: of draws.
        look: paints and styles.
        width: of the window [m].
        bottom: height of the window's lower edge [m].
        top: height of the blind's box [m].
    """
    p = Piece("blinds")
    style = look.pick(stream, ("slats", "roller", "roman", "vertical"))
    reach = (top - bottom) * stream.uniform(0.4, 0.95)
    p.box((0, top - 0.06, 0), (width, 0.06, 0.05), look.white if style != "roman" else look.wood)
    if style == "slats":
        count = max(5, min(14, round(reach / 0.09)))
        for k in range(count):
            p.add(
                "box",
                (0, top - 0.06 - (k + 0.5) * reach / count, 0),
                (width - 0.02, 0.05, 0.004),
                look.white,
                pitch=0.5,
            )
    elif style == "vertical":
        count = max(4, min(12, round(width / 0.11)))
        for k in range(count):
            x = -width / 2 + (k + 0.5) * width / count
            p.add("box", (x, top - 0.06 - reach / 2, 0), (0.08, reach, 0.004), look.curtain, yaw=0.5)
    elif style == "roman":
        for k in range(4):
            p.box((0, top - 0.06 - (k + 1) * reach / 4, 0), (width - 0.01, reach / 4, 0.03), look.curtain, taper=0.4)
    else:
        p.bar((0, top - 0.03, -0.005), 0.05, width - 0.02, look.curtain)
        p.box((0, top - 0.06 - reach, -0.02), (width - 0.03, reach, 0.006), look.curtain)
    if style != "vertical":
        p.box((0, top - 0.075 - reach, 0), (width - 0.01, 0.02, 0.025), look.white)
    return p


def shower_curtain(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a curtain before a bathtub on a rail at 2 m, gathered at one end."""
    p = Piece("shower_curtain")
    paint = Paint("curtain", look.pick(stream, _TOWELS))
    side = stream.pick((-1, 1))
    p.bar((0, 2.0, 0), 0.024, width, look.chrome)
    p.add("folds", (side * (width / 2 - 0.26), 1.17, 0), (0.48, 1.7, 0.07), paint)
    return p


def towel(stream: Stream, look: Look) -> Piece:
    """Returns towels on a rail that hangs on the wall."""
    p = Piece("towel")
    w, y = stream.uniform(0.45, 0.65), 1.25
    style = look.pick(stream, ("one", "two", "ladder", "ring"))
    if style == "ladder":
        for sx in (-1, 1):
            p.box((sx * w / 2, 0.5, 0.02), (0.03, 0.95, 0.03), look.chrome)
        for k in range(6):
            p.bar((0, 0.58 + 0.155 * k, 0.02), 0.022, w, look.chrome)
    else:
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.01), y - 0.015, 0.03), (0.02, 0.03, 0.07), look.chrome)
        p.bar((0, y, 0.0), 0.02, w, look.chrome)
    count = 2 if style == "two" else 1
    for k in range(count):
        paint = Paint("cloth", look.pick(stream, _TOWELS))
        wide = (w - 0.1) / count
        x = (k - (count - 1) / 2) * wide
        drop = stream.uniform(0.42, 0.6)
        p.soft((x, y + 0.012 - drop, -0.005), (wide - 0.02, drop, 0.05), paint, 0.012)
    return p


def cushion(stream: Stream, look: Look) -> Piece:
    """Returns a cushion that lies."""
    p = Piece("cushion")
    w = stream.uniform(0.38, 0.46)
    paint = look.pick(stream, (look.accent, look.fabric, look.fabric_second, look.blanket))
    paint = Paint("upholstery", paint.color) if paint.color is not None else paint
    style = look.pick(stream, ("square", "round", "roll", "long"))
    if style == "round":
        p.ball((0, 0.07, 0), (w, 0.14, w), paint)
    elif style == "roll":
        p.bar((0, 0.08, 0), 0.16, w, paint, "cylinder")
    elif style == "long":
        p.soft((0, 0, 0), (w + 0.14, 0.15, 0.3), paint, 0.06)
    else:
        p.soft((0, 0, 0), (w, 0.13, 0.92 * w), paint, 0.05)
        p.soft((0, 0.02, 0), (0.86 * w, 0.14, 0.78 * w), paint, 0.05)
    return p


def blanket(stream: Stream, look: Look) -> Piece:
    """Returns a folded blanket."""
    p = Piece("blanket")
    w, d = stream.uniform(0.4, 0.5), stream.uniform(0.3, 0.38)
    layers = look.pick(stream, (2, 3))
    for k in range(layers):
        p.soft((0.004 * k, 0.045 * k, 0), (w - 0.01 * k, 0.05, d - 0.012 * k), look.blanket, 0.02)
    return p


def ottoman(stream: Stream, look: Look) -> Piece:
    """Returns a padded footstool."""
    p = Piece("ottoman")
    w, d, h = stream.uniform(0.5, 0.8), stream.uniform(0.42, 0.55), stream.uniform(0.38, 0.44)
    style = look.pick(stream, ("legs", "box", "buttons", "tray"))
    if style == "box":
        p.soft((0, 0.01, 0), (w, h - 0.13, d), look.fabric, 0.02)
    else:
        legs(p, look, (w - 0.04, 0.16, d - 0.04), 0.045, look.wood)
        p.soft((0, 0.15, 0), (w, h - 0.27, d), look.fabric, 0.02)
    p.soft((0, h - 0.13, 0), (w + 0.02, 0.13, d + 0.02), look.fabric, 0.045)
    if style == "buttons":
        for x in (-0.25 * w, 0.0, 0.25 * w):
            p.bead((x, h, 0), (0.03, 0.016, 0.03), look.fabric)
    if style == "tray":
        p.box((0, h, 0), (0.6 * w, 0.02, 0.6 * d), look.wood_second)
    p.spots = [(0.12 * w, h + (0.02 if style == "tray" else 0.0), 0)]
    return p


def pouf(stream: Stream, look: Look) -> Piece:
    """Returns a round soft seat."""
    p = Piece("pouf")
    w, h = stream.uniform(0.45, 0.6), stream.uniform(0.34, 0.42)
    paint = Paint("upholstery", look.accent.color)
    style = look.pick(stream, ("drum", "ball", "cube", "knit"))
    if style == "drum":
        p.cylinder((0, 0, 0), w, 0.5 * h, paint, taper=1.1)
        p.cylinder((0, 0.5 * h, 0), 1.1 * w, 0.5 * h, paint, taper=0.85)
    elif style == "cube":
        p.soft((0, 0, 0), (w, h, w), paint, 0.06)
    elif style == "knit":
        for k in range(3):
            p.add(
                "ball",
                (0, h * (0.25 + 0.25 * k), 0),
                (w * (1.0, 1.1, 0.95)[k], 0.5 * h, w * (1.0, 1.1, 0.95)[k]),
                paint,
            )
    else:
        p.ball((0, 0.5 * h, 0), (1.1 * w, h, 1.1 * w), paint)
    return p


def wall_panel(stream: Stream, look: Look) -> Piece:
    """Returns a panel that absorbs sound, covered in fabric: one large, or a field of tiles; it hangs on the wall."""
    p = Piece("wall_panel")
    style = look.pick(stream, ("one", "tiles", "strips", "framed"))
    color = look.pick(stream, _PANELS)
    paint = Paint("absorber", color)
    other = Paint("absorber", look.pick(stream, _PANELS))
    w, h, y = stream.uniform(0.8, 1.2), stream.uniform(0.6, 1.0), 1.0
    if style == "tiles":
        for i in range(3):
            for k in range(2):
                at = ((i - 1) * w / 3, y + k * h / 2, 0)
                p.box(at, (w / 3 - 0.015, h / 2 - 0.015, 0.05), paint if (i + k) % 2 else other)
    elif style == "strips":
        for i in range(4):
            p.box(((i - 1.5) * w / 4, y, 0), (w / 4 - 0.02, h, 0.04 + 0.02 * (i % 2)), paint)
    else:
        p.box((0, y, 0), (w, h, 0.05), paint)
        if style == "framed":
            for sx in (-1, 1):
                p.box((sx * (w / 2 + 0.01), y - 0.02, 0), (0.02, h + 0.04, 0.06), look.wood)
            for level in (y - 0.02, y + h):
                p.box((0, level, 0), (w, 0.02, 0.06), look.wood)
    return p


def backpack(stream: Stream, look: Look) -> Piece:
    """Returns a backpack that stands, with a front pocket, straps and a loop."""
    p = Piece("backpack")
    paint = Paint("cloth", look.pick(stream, _TOWELS[1:]))
    h = stream.uniform(0.42, 0.5)
    p.soft((0, 0, 0.02), (0.3, h, 0.17), paint, 0.05)
    p.soft((0, 0.03, -0.09), (0.24, 0.45 * h, 0.08), look.accent if stream.chance(0.5) else paint, 0.025)
    p.box((0, 0.52 * h, -0.072), (0.2, 0.012, 0.01), look.dark)
    p.box((0, h - 0.01, 0.05), (0.08, 0.03, 0.02), look.dark)
    for sx in (-1, 1):
        p.box((sx * 0.08, 0.06, 0.11), (0.05, h - 0.12, 0.02), look.dark)
    return p
