"""Kitchen, bathroom and laundry: counters, appliances and sanitary ware."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Look, Paint, Piece
from avi_env.scene.furniture_parts import handle, legs, panel
from avi_env.scene.house_stream import Stream

__all__ = [
    "bathtub",
    "counter",
    "dryer",
    "fridge",
    "kitchen_sink",
    "mirror",
    "shower",
    "stove",
    "toilet",
    "wall_cabinet",
    "washbasin",
    "washing_machine",
]

_PORCELAIN = Paint("porcelain")
_STEEL = Paint("metal", (0.55, 0.56, 0.57))
_ENAMEL = Paint("appliance")
_GLASS = Paint("screen")
_COUNTER_HEIGHT = 0.9
_DEPTH = 0.6


def _base_cabinet(p: Piece, look: Look, width: float, doors: int, top: float = _COUNTER_HEIGHT - 0.04) -> None:
    """Plinth, body up to `top`, and fronts with handles; drawers where `doors` is 1 and the cabinet narrow."""
    p.box((0, 0, 0.04), (width, 0.1, _DEPTH - 0.08), look.dark)
    p.box((0, 0.1, 0.018), (width, top - 0.1, _DEPTH - 0.036), look.front)
    wide, face = width / doors, -_DEPTH / 2 + 0.018
    high = _COUNTER_HEIGHT - 0.17
    for k in range(doors):
        x = -width / 2 + (k + 0.5) * wide
        panel(p, look, (x, 0.11, face), (wide - 0.01, high))
        handle(p, look, (x, 0.11 + high - 0.06, face - 0.018), wide)


def counter(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a piece of kitchen counter with cupboard doors, or with drawers."""
    p = Piece("counter")
    rim = _COUNTER_HEIGHT
    if look.pick(stream, ("doors", "doors", "drawers", "open")) == "drawers" and width < 0.75:
        p.box((0, 0, 0.04), (width, 0.1, _DEPTH - 0.08), look.dark)
        p.box((0, 0.1, 0.018), (width, rim - 0.14, _DEPTH - 0.036), look.front)
        for k in range(3):
            y, face = 0.11 + 0.245 * k, -_DEPTH / 2 + 0.018
            panel(p, look, (0, y, face), (width - 0.01, 0.235))
            handle(p, look, (0, y + 0.19, face - 0.018), width)
    else:
        _base_cabinet(p, look, width, max(1, round(width / 0.5)))
    p.box((0, rim - 0.04, -0.01), (width, 0.04, _DEPTH + 0.01), look.counter)
    columns = (-0.25 * width, 0.25 * width) if width > 0.7 else (0.0,)
    p.spots = [(x, rim, z) for z in (-0.08, 0.16) for x in columns]
    return p


def kitchen_sink(stream: Stream, look: Look) -> Piece:
    """Returns a counter with a sunk basin and a tap, and a bowl for dishes beside it in some."""
    p = Piece("sink")
    width, rim = 0.8, _COUNTER_HEIGHT
    _base_cabinet(p, look, width, 2, rim - 0.22)
    for sx in (-1, 1):
        p.box((sx * (width / 2 - 0.01), rim - 0.24, 0.018), (0.02, 0.2, _DEPTH - 0.036), look.front)
    steel = look.pick(stream, (_STEEL, _PORCELAIN, _STEEL, Paint("stone_counter", (0.12, 0.12, 0.13))))
    _basin(p, (0.52, 0.36), (width, _DEPTH + 0.01), (rim, 0.17), (look.counter, steel))
    p.rod((0, rim, 0.23), 0.05, 0.04, look.chrome)
    style = look.pick(stream, ("high", "low", "high", "bridge"))
    up = 0.12 if style == "low" else 0.26
    p.rod((0, rim + 0.03, 0.23), 0.028, up, look.chrome)
    if style == "bridge":
        p.box((0, rim + 0.08, 0.23), (0.2, 0.022, 0.022), look.chrome)
    for x in (-0.09, 0.09) if style == "bridge" else (0.04,):
        p.box((x, rim + 0.05, 0.23), (0.05, 0.018, 0.022), look.chrome)
    p.box((0, rim + 0.01 + up, 0.14), (0.022, 0.022, 0.2), look.chrome)
    p.box((0, rim - 0.025 + up, 0.05), (0.022, 0.04, 0.022), look.chrome)
    return p


def _basin(
    p: Piece,
    inner: tuple[float, float],
    outer: tuple[float, float],
    heights: tuple[float, float],
    paints: tuple[Paint, Paint],
) -> None:
    """A slab with a rectangular basin in it: rim pieces, sides and bottom. heights = (rim, depth of the basin)."""
    (iw, idp), (ow, od), (rim, deep) = inner, outer, heights
    slab, steel = paints
    side, back = (ow - iw) / 2, (od - idp) / 2
    for sx in (-1, 1):
        p.box((sx * (iw + side) / 2, rim - 0.04, -0.005), (side, 0.04, od), slab)
        p.box((sx * (iw / 2 + 0.005), rim - deep, -0.005), (0.01, deep - 0.04, idp + 0.02), steel)
    for sz in (-1, 1):
        p.box((0, rim - 0.04, -0.005 + sz * (idp + back) / 2), (iw, 0.04, back), slab)
        p.box((0, rim - deep, -0.005 + sz * (idp / 2 + 0.005)), (iw, deep - 0.04, 0.01), steel)
    p.box((0, rim - deep - 0.012, -0.005), (iw + 0.02, 0.012, idp + 0.02), steel)


def stove(stream: Stream, look: Look) -> Piece:
    """Returns a cooker: oven door with window and handle, four hobs, knobs; with a pan on one hob in some."""
    p = Piece("stove")
    body = look.pick(
        stream, (_ENAMEL, Paint("appliance", (0.12, 0.12, 0.13)), _STEEL, Paint("appliance", (0.30, 0.06, 0.05)))
    )
    w, face = 0.6, -_DEPTH / 2
    style = look.pick(stream, ("glass", "gas", "glass", "plates"))
    p.box((0, 0, 0.03), (w - 0.04, 0.08, _DEPTH - 0.1), look.dark)
    p.box((0, 0.08, 0.01), (w, 0.8, _DEPTH - 0.02), body)
    p.box((0, 0.88, 0), (w, 0.02, _DEPTH), _STEEL if style == "gas" else _GLASS)
    for x in (-0.14, 0.14):
        for z in (-0.13, 0.13):
            size = 0.18 if x * z > 0 else 0.15
            if style == "gas":
                p.rod((x, 0.9, z), 0.09, 0.012, look.dark)
                for wide, deep in ((0.2, 0.014), (0.014, 0.2)):
                    p.box((x, 0.906, z), (wide, 0.016, deep), look.dark)
            else:
                p.rod(
                    (x, 0.9, z),
                    size,
                    0.008 if style == "glass" else 0.014,
                    look.metal if style == "glass" else look.dark,
                )
    p.box((0, 0.2, face + 0.006), (w - 0.06, 0.46, 0.02), body)
    p.box((0, 0.3, face - 0.005), (w - 0.18, 0.26, 0.006), _GLASS)
    p.box((0, 0.69, face - 0.018), (w - 0.12, 0.02, 0.03), look.chrome)
    for k in range(5):
        p.box((-0.2 + 0.1 * k, 0.78, face - 0.008), (0.04, 0.04, 0.035), look.chrome)
    if stream.chance(0.6):
        p.pot((0.14, 0.914, -0.13), 0.2, 0.055, 0.008, look.dark, taper=1.15)
        p.box((-0.03, 0.945, -0.13), (0.16, 0.018, 0.025), look.dark)
    return p


def fridge(stream: Stream, look: Look) -> Piece:
    """Returns a fridge with two doors, one door, or double doors above a drawer."""
    p = Piece("fridge")
    body = look.pick(
        stream,
        (
            _ENAMEL,
            _STEEL,
            _ENAMEL,
            Paint("appliance", (0.42, 0.05, 0.04)),
            _STEEL,
            Paint("appliance", (0.10, 0.10, 0.11)),
        ),
    )
    style = look.pick(stream, ("two", "two", "top", "one", "french", "retro"))
    h = stream.uniform(1.45, 1.6) if style == "retro" else stream.uniform(1.7, 1.9)
    split = {"top": h - 0.5, "one": 0.08}.get(style, stream.uniform(0.6, 0.75))
    p.box((0, 0, 0.03), (0.58, 0.06, 0.56), look.dark)
    p.box((0, 0.06, 0.03), (0.6, h - 0.06, 0.6), body)
    edge = 0.028 if style == "retro" else 0.012
    if style != "one":
        p.soft((0, 0.08, -0.3), (0.595, split - 0.09, 0.06), body, edge)
        p.box((0.24, max(0.2, split - 0.3), -0.35), (0.022, 0.24, 0.03), look.chrome)
    leaves = 2 if style == "french" else 1
    for k in range(leaves):
        x = (k - (leaves - 1) / 2) * 0.3
        p.soft((x, split + 0.01, -0.3), (0.595 / leaves - 0.004, h - split - 0.02, 0.06), body, edge)
        grip = 0.24 if leaves == 1 else 0.05 * (2 * k - 1)
        p.box((grip, max(split + 0.1, 0.85), -0.35), (0.022, min(0.4, h - max(split, 0.75) - 0.15), 0.03), look.chrome)
    return p


def wall_cabinet(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a cupboard that hangs above the counter, with doors or open; its back is at the wall."""
    p = Piece("wall_cabinet")
    doors = max(1, round(width / 0.45))
    wide = width / doors
    if look.pick(stream, ("doors", "doors", "doors", "open")) == "open":
        for x in (-width / 2 + 0.01, width / 2 - 0.01):
            p.box((x, 1.5, 0.01), (0.02, 0.66, 0.3), look.front)
        p.box((0, 1.5, 0.15), (width, 0.66, 0.012), look.front)
        for k in range(3):
            p.box((0, 1.5 + 0.32 * k, 0.01), (width - 0.04, 0.02, 0.3), look.front)
        p.spots = [(x * width, 1.52 + 0.32 * k, -0.02) for k in range(2) for x in (-0.25, 0.25)]
        return p
    p.box((0, 1.5, 0.016), (width, 0.66, 0.308), look.front)
    for k in range(doors):
        x, side = -width / 2 + (k + 0.5) * wide, 1 if k % 2 == 0 else -1
        panel(p, look, (x, 1.505, -0.138), (wide - 0.01, 0.65))
        handle(p, look, (x + side * (wide / 2 - 0.05), 1.62, -0.156), 0.22, upright=True)
    return p


def washing_machine(stream: Stream, look: Look) -> Piece:
    """Returns a front-loading washing machine."""
    paint = look.pick(
        stream, (_ENAMEL, _ENAMEL, Paint("appliance", (0.42, 0.43, 0.45)), Paint("appliance", (0.12, 0.12, 0.13)))
    )
    p = _drum_machine("washing_machine", paint, look)
    style = look.pick(stream, ("plain", "plain", "worktop", "drawer"))
    if style == "worktop":
        p.box((0, 0.848, 0), (0.62, 0.03, 0.6), look.counter)
        p.spots = [(x, 0.878, z) for x, _, z in p.spots]
    elif style == "drawer":
        p.box((0, 0.05, -0.295), (0.54, 0.12, 0.014), look.chrome)
    return p


def dryer(stream: Stream, look: Look) -> Piece:
    """Returns a tumble dryer."""
    grey = Paint("appliance", (0.66, 0.67, 0.68))
    return _drum_machine("dryer", look.pick(stream, (grey, _ENAMEL, grey, Paint("appliance", (0.2, 0.2, 0.21)))), look)


def _drum_machine(category: str, body: Paint, look: Look) -> Piece:
    p = Piece(category)
    legs(p, look, (0.56, 0.02, 0.5), 0.05, look.dark, "square")
    p.box((0, 0.02, 0), (0.6, 0.83, 0.58), body)
    p.add("cylinder", (0, 0.42, -0.3), (0.38, 0.03, 0.38), look.chrome, pitch=math.pi / 2)
    p.add("cylinder", (0, 0.42, -0.315), (0.29, 0.03, 0.29), _GLASS, pitch=math.pi / 2)
    p.box((0.1, 0.745, -0.295), (0.3, 0.07, 0.014), _GLASS)
    p.box((-0.2, 0.735, -0.295), (0.16, 0.09, 0.014), Paint("appliance", (0.6, 0.61, 0.62)))
    p.disc((-0.03, 0.78, -0.305), 0.05, 0.02, look.chrome, "rod")
    p.spots = [(-0.12, 0.85, 0.0), (0.14, 0.85, 0.08)]
    return p


def toilet(stream: Stream, look: Look) -> Piece:
    """Returns a toilet with bowl, seat, lid and cistern: on a foot or hung on the wall; the lid is up in some."""
    p = Piece("toilet")
    style = look.pick(stream, ("foot", "foot", "hung", "high"))
    seat = look.pick(stream, (look.white, look.white, look.wood, look.dark))
    if style == "hung":
        p.soft((0, 0.12, 0.05), (0.3, 0.26, 0.4), _PORCELAIN, 0.08)
        p.box((0, 0, 0.29), (0.5, 1.1, 0.12), look.white)
        p.box((0, 0.95, 0.225), (0.24, 0.14, 0.012), look.chrome)
    else:
        p.soft((0, 0, 0.02), (0.22, 0.28, 0.42), _PORCELAIN, 0.05)
        up = 0.36 if style == "foot" else 0.9
        p.soft((0, up, 0.27), (0.4, 0.42, 0.17), _PORCELAIN, 0.03)
        p.soft((0, up + 0.42, 0.27), (0.42, 0.035, 0.175), _PORCELAIN, 0.01)
        p.box((0, up + 0.45, 0.27), (0.06, 0.012, 0.04), look.chrome)
        if style == "high":
            p.rod((0, 0.38, 0.3), 0.05, 0.55, look.chrome)
    p.add("cylinder", (0, 0.33, -0.1), (0.37, 0.16, 0.46), _PORCELAIN)
    p.box((0, 0.25, 0.15), (0.36, 0.16, 0.16), _PORCELAIN)
    p.add("cylinder", (0, 0.425, -0.1), (0.385, 0.03, 0.47), seat)
    if style == "foot" and stream.chance(0.4):
        p.add("box", (0, 0.62, 0.165), (0.36, 0.4, 0.02), seat, pitch=0.08)
        p.add("rod", (0, 0.442, -0.1), (0.26, 0.006, 0.34), Paint("glass_single", (0.30, 0.42, 0.46)))
    return p


def washbasin(stream: Stream, look: Look) -> Piece:
    """Returns a bathroom sink with a tap: on a cupboard, on a column, or a bowl on a board."""
    p = Piece("sink")
    w, d, rim = stream.uniform(0.6, 0.85), 0.48, 0.86
    style = look.pick(stream, ("cupboard", "column", "cupboard", "bowl"))
    tap = rim
    if style == "column":
        w = min(w, 0.65)
        p.soft((0, 0, 0.08), (0.2, rim - 0.14, 0.2), _PORCELAIN, 0.05)
    elif style == "bowl":
        p.box((0, rim - 0.16, 0), (w, 0.05, d), look.wood)
        legs(p, look, (w - 0.06, rim - 0.16, d - 0.06), 0.04, look.wood)
        p.box((0, 0.3, 0), (w - 0.1, 0.02, d - 0.1), look.wood)
        p.pot((0, rim - 0.11, -0.03), 0.3, 0.13, 0.012, _PORCELAIN, taper=1.3)
        tap = rim - 0.11
    else:
        p.box((0, 0.25, 0.03), (w - 0.03, 0.45, d - 0.08), look.front)
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.025), 0.68, 0.03), (0.02, rim - 0.72, d - 0.08), look.front)
        p.box((0, 0.68, -d / 2 + 0.08), (w - 0.04, rim - 0.72, 0.02), look.front)
        for sx in (-1, 1):
            panel(p, look, (sx * (w - 0.03) / 4, 0.26, -d / 2 + 0.07), (w / 2 - 0.03, 0.42))
            handle(p, look, (sx * 0.05, 0.5, -d / 2 + 0.052), 0.24, upright=True)
    if style != "bowl":
        _basin(p, (w - 0.2, d - 0.2), (w, d), (rim, 0.15), (_PORCELAIN, _PORCELAIN))
    p.rod((0, tap, d / 2 - 0.06), 0.04, 0.14 + rim - tap, look.chrome)
    p.box((0, rim + 0.12, d / 2 - 0.12), (0.02, 0.02, 0.13), look.chrome)
    p.box((0, rim + 0.14, d / 2 - 0.06), (0.016, 0.012, 0.07), look.chrome)
    p.spots = [(w / 2 - 0.06, rim - 0.11 if style == "bowl" else rim, 0.12)]
    return p


def bathtub(stream: Stream, look: Look) -> Piece:
    """Returns a bathtub: a thick rim around a hollow, with a tap; its long side is at the wall."""
    p = Piece("bathtub")
    w, d, h, rim = stream.uniform(1.5, 1.7), 0.74, 0.56, 0.08
    style = look.pick(stream, ("plain", "panel", "plain", "feet"))
    base = 0.12 if style == "feet" else 0.0
    for sz in (-1, 1):
        p.soft((0, base, sz * (d - rim) / 2), (w, h - base, rim), _PORCELAIN, 0.02)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - rim / 2 - 0.005), base, 0), (rim + 0.01, h - base - 0.004, d - 2 * rim + 0.02), _PORCELAIN)
    p.box((0, base, 0), (w - 2 * rim, 0.1, d - 2 * rim + 0.02), _PORCELAIN)
    if style == "panel":
        for k in range(4):
            p.box(((k - 1.5) * w / 4, 0, -d / 2 - 0.008), (w / 4 - 0.01, h - 0.06, 0.012), look.front)
    elif style == "feet":
        for sx in (-1, 1):
            for sz in (-1, 1):
                p.box((sx * (w / 2 - 0.15), 0, sz * (d / 2 - 0.1)), (0.06, base + 0.02, 0.06), look.metal, taper=1.6)
    p.rod((w / 2 - 0.05, h - 0.01, 0.0), 0.05, 0.14, look.chrome)
    p.box((w / 2 - 0.11, h + 0.1, 0.0), (0.16, 0.022, 0.022), look.chrome)
    if stream.chance(0.4):
        water = Paint("glass_single", (0.34, 0.50, 0.54))
        p.box((0, base + 0.1, 0), (w - 2 * rim - 0.01, h - base - 0.24, d - 2 * rim), water)
    return p


def shower(stream: Stream, look: Look) -> Piece:
    """Returns a shower: tray, glass on one or two sides, and a rail with a head; its back is at the wall."""
    p = Piece("shower")
    w = 0.88
    style = look.pick(stream, ("glass", "rain", "glass", "curtain"))
    p.box((0, 0, 0), (w, 0.06, w), _PORCELAIN)
    p.rod((0, 0.057, 0), 0.1, 0.006, look.chrome)
    if style == "curtain":
        p.box((-w / 2 + 0.02, 1.97, 0), (0.02, 0.02, w), look.chrome)
        at = (-w / 2 + 0.04, 1.05, w / 2 - 0.25)
        p.add("folds", at, (0.46, 1.88, 0.06), look.curtain, yaw=math.pi / 2)
    else:
        p.box((-w / 2 + 0.006, 0.06, 0), (0.012, 1.9, w), Paint("glass_single"))
        p.box((-w / 2 + 0.01, 1.96, 0), (0.02, 0.025, w), look.chrome)
    p.rod((0, 1.0, w / 2 - 0.05), 0.024, 1.05, look.chrome)
    p.box((0, 2.03, w / 2 - 0.16), (0.02, 0.02, 0.24), look.chrome)
    p.cylinder((0, 2.0, w / 2 - 0.28), 0.3 if style == "rain" else 0.2, 0.03, look.chrome)
    p.box((0, 1.05, w / 2 - 0.04), (0.2, 0.05, 0.05), look.chrome)
    return p


def mirror(stream: Stream, look: Look) -> Piece:
    """Returns a mirror that hangs on the wall: framed, round, with a lamp above, or a cabinet."""
    p = Piece("mirror")
    w, h = stream.uniform(0.5, 0.7), stream.uniform(0.6, 0.8)
    style = look.pick(stream, ("framed", "round", "lamp", "cabinet"))
    if style == "round":
        p.disc((0, 1.55, 0), w, 0.02, look.metal)
        p.disc((0, 1.55, -0.01), w - 0.04, 0.012, Paint("mirror"))
        return p
    if style == "cabinet":
        p.box((0, 1.2, 0), (w, h, 0.12), look.white)
        for sx in (-1, 1):
            p.box((sx * w / 4, 1.21, -0.062), (w / 2 - 0.012, h - 0.02, 0.012), Paint("mirror"))
        return p
    p.box((0, 1.2, 0), (w, h, 0.02), look.metal if style == "lamp" else look.wood)
    p.box((0, 1.225, -0.008), (w - 0.05, h - 0.05, 0.012), Paint("mirror"))
    if style == "lamp":
        p.box((0, 1.22 + h, -0.03), (0.7 * w, 0.05, 0.07), look.shade)
    return p
