"""Kitchen, bathroom and laundry: counters, appliances and sanitary ware."""

from __future__ import annotations

from avi_env.scene.furniture import Look, Paint, Piece
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


def _base_cabinet(p: Piece, look: Look, width: float, doors: int) -> None:
    p.box((0, 0, 0.04), (width, 0.1, _DEPTH - 0.08), look.dark)
    p.box((0, 0.1, 0.012), (width, _COUNTER_HEIGHT - 0.14, _DEPTH - 0.024), look.front)
    wide = width / doors
    for k in range(doors):
        x = -width / 2 + (k + 0.5) * wide
        p.box((x, 0.11, -_DEPTH / 2 + 0.004), (wide - 0.01, _COUNTER_HEIGHT - 0.17, 0.016), look.front)
        p.box((x, _COUNTER_HEIGHT - 0.12, -_DEPTH / 2 - 0.016), (min(0.2, wide / 2), 0.014, 0.018), look.metal)


def counter(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a piece of kitchen counter with cupboard doors."""
    p = Piece("counter")
    _base_cabinet(p, look, width, max(1, round(width / 0.5)))
    p.box((0, _COUNTER_HEIGHT - 0.04, -0.01), (width, 0.04, _DEPTH + 0.01), look.counter)
    p.spots = [(x, _COUNTER_HEIGHT, -0.08) for x in ((-0.25 * width, 0.25 * width) if width > 0.7 else (0.0,))]
    return p


def kitchen_sink(stream: Stream, look: Look) -> Piece:
    """Returns a counter with a sunk basin and a tap."""
    p = Piece("sink", ("dripping_tap",))
    width, rim = 0.8, _COUNTER_HEIGHT
    p.box((0, 0, 0.04), (width, 0.1, _DEPTH - 0.08), look.dark)
    p.box((0, 0.1, 0.012), (width, rim - 0.32, _DEPTH - 0.024), look.front)
    for sx in (-1, 1):
        p.box((sx * 0.2, 0.11, -_DEPTH / 2 + 0.004), (0.39, rim - 0.17, 0.016), look.front)
        p.box((sx * 0.2, rim - 0.12, -_DEPTH / 2 - 0.016), (0.18, 0.014, 0.018), look.metal)
    _basin(p, (0.52, 0.36), (width, _DEPTH + 0.01), (rim, 0.17), (look.counter, _STEEL))
    p.cylinder((0, rim, 0.23), 0.045, 0.05, look.chrome)
    p.cylinder((0, rim + 0.05, 0.23), 0.025, 0.22, look.chrome)
    p.box((0, rim + 0.26, 0.15), (0.022, 0.022, 0.18), look.chrome)
    p.box((0, rim + 0.225, 0.07), (0.022, 0.04, 0.022), look.chrome)
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
    """Returns a cooker: oven door with window and handle, four hobs, knobs."""
    p = Piece("stove")
    body = _ENAMEL if stream.chance(0.5) else Paint("appliance", (0.12, 0.12, 0.13))
    w = 0.6
    p.box((0, 0, 0.03), (w - 0.04, 0.08, _DEPTH - 0.1), look.dark)
    p.box((0, 0.08, 0.01), (w, 0.8, _DEPTH - 0.02), body)
    p.box((0, 0.88, 0), (w, 0.02, _DEPTH), _GLASS)
    for x in (-0.14, 0.14):
        for z in (-0.13, 0.13):
            p.cylinder((x, 0.9, z), 0.18 if x * z > 0 else 0.15, 0.008, look.metal)
    p.box((0, 0.2, -_DEPTH / 2 + 0.006), (w - 0.06, 0.46, 0.02), body)
    p.box((0, 0.3, -_DEPTH / 2 - 0.005), (w - 0.18, 0.26, 0.006), _GLASS)
    p.box((0, 0.69, -_DEPTH / 2 - 0.018), (w - 0.12, 0.02, 0.03), look.chrome)
    for k in range(5):
        p.box((-0.2 + 0.1 * k, 0.78, -_DEPTH / 2 - 0.008), (0.04, 0.04, 0.035), look.chrome)
    return p


def fridge(stream: Stream, look: Look) -> Piece:
    """Returns a fridge with two doors and handles."""
    p = Piece("fridge")
    body = stream.pick((_ENAMEL, _STEEL))
    h, split = stream.uniform(1.7, 1.9), stream.uniform(0.6, 0.75)
    p.box((0, 0, 0.03), (0.58, 0.06, 0.56), look.dark)
    p.box((0, 0.06, 0.03), (0.6, h - 0.06, 0.6), body)
    p.soft((0, 0.08, -0.3), (0.595, split - 0.09, 0.06), body, 0.012)
    p.soft((0, split + 0.01, -0.3), (0.595, h - split - 0.02, 0.06), body, 0.012)
    p.box((0.24, split - 0.3, -0.35), (0.022, 0.24, 0.03), look.chrome)
    p.box((0.24, split + 0.1, -0.35), (0.022, 0.4, 0.03), look.chrome)
    return p


def wall_cabinet(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a cupboard that hangs above the counter; its back is at the wall."""
    p = Piece("wall_cabinet")
    p.box((0, 1.5, 0.01), (width, 0.66, 0.32), look.front)
    doors = max(1, round(width / 0.45))
    wide = width / doors
    for k in range(doors):
        x = -width / 2 + (k + 0.5) * wide
        p.box((x, 1.505, -0.158), (wide - 0.01, 0.65, 0.016), look.front)
        p.box((x + wide / 2 - 0.06, 1.54, -0.172), (0.014, 0.14, 0.014), look.metal)
    return p


def washing_machine(stream: Stream, look: Look) -> Piece:
    """Returns a front-loading washing machine."""
    return _drum_machine("washing_machine", ("washing_machine",), _ENAMEL, look)


def dryer(stream: Stream, look: Look) -> Piece:
    """Returns a tumble dryer."""
    return _drum_machine("dryer", (), Paint("appliance", (0.66, 0.67, 0.68)), look)


def _drum_machine(category: str, emits: tuple[str, ...], body: Paint, look: Look) -> Piece:
    p = Piece(category, emits)
    p.legs(0.56, 0.5, 0.02, 0.05, look.dark)
    p.box((0, 0.02, 0), (0.6, 0.83, 0.58), body)
    p.add("cylinder", (0, 0.42, -0.3), (0.38, 0.03, 0.38), look.chrome, pitch=1.570796)
    p.add("cylinder", (0, 0.42, -0.315), (0.29, 0.03, 0.29), _GLASS, pitch=1.570796)
    p.box((0.1, 0.745, -0.295), (0.3, 0.07, 0.014), _GLASS)
    p.box((-0.2, 0.735, -0.295), (0.16, 0.09, 0.014), Paint("appliance", (0.6, 0.61, 0.62)))
    return p


def toilet(stream: Stream, look: Look) -> Piece:
    """Returns a toilet with bowl, seat, lid and cistern."""
    p = Piece("toilet")
    p.soft((0, 0, 0.02), (0.22, 0.28, 0.42), _PORCELAIN, 0.05)
    p.add("cylinder", (0, 0.33, -0.1), (0.37, 0.16, 0.46), _PORCELAIN)
    p.box((0, 0.25, 0.15), (0.36, 0.16, 0.16), _PORCELAIN)
    p.add("cylinder", (0, 0.425, -0.1), (0.385, 0.03, 0.47), look.white)
    p.soft((0, 0.36, 0.27), (0.4, 0.42, 0.17), _PORCELAIN, 0.03)
    p.soft((0, 0.78, 0.27), (0.42, 0.035, 0.185), _PORCELAIN, 0.01)
    p.box((0, 0.81, 0.27), (0.06, 0.012, 0.04), look.chrome)
    return p


def washbasin(stream: Stream, look: Look) -> Piece:
    """Returns a bathroom sink with a cupboard and a tap."""
    p = Piece("sink", ("dripping_tap",))
    w, d, rim = stream.uniform(0.6, 0.85), 0.48, 0.86
    p.box((0, 0.25, 0.03), (w - 0.03, 0.42, d - 0.08), look.front)
    for sx in (-1, 1):
        p.box((sx * w / 4, 0.27, -d / 2 + 0.06), (w / 2 - 0.03, 0.38, 0.016), look.front)
        p.box((sx * 0.05, 0.42, -d / 2 + 0.045), (0.014, 0.12, 0.018), look.metal)
    _basin(p, (w - 0.2, d - 0.2), (w, d), (rim, 0.15), (_PORCELAIN, _PORCELAIN))
    p.cylinder((0, rim, d / 2 - 0.06), 0.04, 0.14, look.chrome)
    p.box((0, rim + 0.12, d / 2 - 0.12), (0.02, 0.02, 0.13), look.chrome)
    return p


def bathtub(stream: Stream, look: Look) -> Piece:
    """Returns a bathtub: a thick rim around a hollow, with a tap; its long side is at the wall."""
    p = Piece("bathtub")
    w, d, h, rim = stream.uniform(1.5, 1.7), 0.74, 0.56, 0.08
    for sz in (-1, 1):
        p.soft((0, 0.0, sz * (d - rim) / 2), (w, h, rim), _PORCELAIN, 0.02)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - rim / 2 - 0.005), 0.0, 0), (rim + 0.01, h - 0.004, d - 2 * rim + 0.02), _PORCELAIN)
    p.box((0, 0.0, 0), (w - 2 * rim, 0.14, d - 2 * rim + 0.02), _PORCELAIN)
    p.cylinder((w / 2 - 0.05, h - 0.01, 0.0), 0.05, 0.14, look.chrome)
    p.box((w / 2 - 0.11, h + 0.1, 0.0), (0.16, 0.022, 0.022), look.chrome)
    return p


def shower(stream: Stream, look: Look) -> Piece:
    """Returns a shower: tray, one glass side, and a rail with a head; its back is at the wall."""
    p = Piece("shower")
    w = 0.88
    p.box((0, 0, 0), (w, 0.06, w), _PORCELAIN)
    p.box((-w / 2 + 0.006, 0.06, 0), (0.012, 1.9, w), Paint("glass_single"))
    p.box((-w / 2 + 0.01, 1.96, 0), (0.025, 0.025, w), look.chrome)
    p.cylinder((0, 1.0, w / 2 - 0.05), 0.02, 1.05, look.chrome)
    p.box((0, 2.03, w / 2 - 0.16), (0.02, 0.02, 0.24), look.chrome)
    p.cylinder((0, 2.0, w / 2 - 0.28), 0.2, 0.03, look.chrome)
    p.box((0, 1.05, w / 2 - 0.04), (0.2, 0.05, 0.05), look.chrome)
    return p


def mirror(stream: Stream, look: Look) -> Piece:
    """Returns a framed mirror that hangs on the wall."""
    p = Piece("mirror")
    w, h = stream.uniform(0.5, 0.7), stream.uniform(0.6, 0.8)
    p.box((0, 1.2, 0), (w, h, 0.02), look.metal)
    p.box((0, 1.225, -0.008), (w - 0.05, h - 0.05, 0.012), Paint("mirror"))
    return p
