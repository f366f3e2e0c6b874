"""Small things without a plug: books, boxes, baskets, candles and toys."""

from __future__ import annotations

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.furniture_parts import BOOKS
from avi_env.scene.house_stream import Stream

__all__ = ["ball", "basket", "books", "box", "candle", "toy", "toy_robot", "umbrella_stand"]

_TOYS: tuple[Color, ...] = (
    (0.60, 0.06, 0.04),
    (0.05, 0.20, 0.55),
    (0.64, 0.46, 0.03),
    (0.06, 0.40, 0.14),
    (0.60, 0.24, 0.03),
    (0.34, 0.10, 0.44),
)
_CARTONS: tuple[Color, ...] = ((0.42, 0.28, 0.16), (0.72, 0.70, 0.66), (0.16, 0.24, 0.30), (0.34, 0.36, 0.30))
_WICKER: tuple[Color, ...] = ((0.46, 0.31, 0.16), (0.30, 0.19, 0.10), (0.60, 0.54, 0.44), (0.26, 0.26, 0.27))


def books(stream: Stream, look: Look) -> Piece:
    """Returns a stack of three to five books."""
    p = Piece("books")
    y = 0.0
    for k in range(stream.integer(3, 5)):
        w, d, h = stream.uniform(0.15, 0.2), stream.uniform(0.21, 0.27), stream.uniform(0.02, 0.045)
        turn = stream.uniform(-0.3, 0.3) if k else 0.0
        paint = Paint("books", look.pick(stream, BOOKS))
        p.add("box", (0, y + h / 2, 0), (w, h, d), paint, yaw=turn)
        p.add("box", (0.004, y + h / 2, 0), (w, 0.7 * h, d - 0.008), Paint("books", (0.72, 0.69, 0.60)), yaw=turn)
        y += h
    return p


def box(stream: Stream, look: Look) -> Piece:
    """Returns a box: a closed carton, a box with a lid, or an open crate."""
    p = Piece("box")
    paint = Paint("canvas", look.pick(stream, _CARTONS))
    w, d, h = stream.uniform(0.28, 0.4), stream.uniform(0.22, 0.32), stream.uniform(0.16, 0.28)
    style = look.pick(stream, ("carton", "lid", "crate", "chest"))
    if style == "crate":
        p.box((0, 0, 0), (w, 0.015, d), look.wood)
        for sz in (-1, 1):
            for y in (0.03, 0.03 + 0.45 * (h - 0.03)):
                p.box((0, y, sz * (d / 2 - 0.007)), (w, 0.38 * h, 0.014), look.wood)
        for sx in (-1, 1):
            for y in (0.03, 0.03 + 0.45 * (h - 0.03)):
                p.box((sx * (w / 2 - 0.007), y, 0), (0.014, 0.38 * h, d - 0.028), look.wood)
        return p
    if style == "chest":
        p.box((0, 0, 0), (w, 0.65 * h, d), look.wood)
        p.soft((0, 0.65 * h, 0), (w + 0.01, 0.35 * h, d + 0.01), look.wood, 0.05)
        p.box((0, 0.58 * h, -d / 2 - 0.008), (0.04, 0.06, 0.02), look.metal)
        return p
    p.box((0, 0, 0), (w, h, d), paint)
    if style == "lid":
        p.box((0, h - 0.06, 0), (w + 0.012, 0.065, d + 0.012), paint)
        p.box((0, 0.4 * h, -d / 2 - 0.003), (0.09, 0.05, 0.006), look.white)
    else:
        p.box((0, h, 0), (w, 0.002, 0.05), Paint("plastic", (0.50, 0.38, 0.22)))
        p.box((0, 0.75 * h, -d / 2 - 0.001), (0.05, 0.25 * h, 0.002), Paint("plastic", (0.50, 0.38, 0.22)))
    return p


def basket(stream: Stream, look: Look) -> Piece:
    """Returns an open wicker basket, round or square, with a cloth or balls of wool in it."""
    p = Piece("basket")
    wicker = Paint("wood", look.pick(stream, _WICKER), "fabric")
    w, h = stream.uniform(0.28, 0.42), stream.uniform(0.18, 0.3)
    style = look.pick(stream, ("round", "square", "handle", "tall"))
    if style == "square":
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.008), 0, 0), (0.016, h, 0.8 * w), wicker)
            p.box((0, 0, sx * (0.4 * w - 0.008)), (w, h, 0.016), wicker)
        p.box((0, 0, 0), (w - 0.02, 0.015, 0.8 * w - 0.02), wicker)
        p.soft((0, 0.3 * h, 0), (w - 0.05, 0.55 * h, 0.8 * w - 0.05), look.accent, 0.05)
        return p
    p.pot((0, 0, 0), 0.85 * w, h, 0.014, wicker, taper=1.18)
    if style == "handle":
        for sx in (-1, 1):
            p.box((sx * 0.44 * w, h - 0.02, 0), (0.014, 0.12, 0.05), wicker)
        p.box((0, h + 0.09, 0), (0.9 * w, 0.014, 0.05), wicker)
    if style == "tall":
        p.cylinder((0, 0.45 * h, 0), 1.02 * w, 0.12 * h, look.accent)
    p.bead((0.1 * w, 0.6 * h, 0), (0.45 * w, 0.6 * h, 0.45 * w), look.accent)
    p.bead((-0.2 * w, 0.5 * h, 0.05 * w), (0.4 * w, 0.55 * h, 0.4 * w), Paint("cloth", look.fabric_second.color))
    return p


def candle(stream: Stream, look: Look) -> Piece:
    """Returns a candle on a holder, or a group of thick candles, with flames."""
    p = Piece("candle")
    wax = Paint(
        "plastic", look.pick(stream, ((0.78, 0.75, 0.66), (0.46, 0.07, 0.06), (0.20, 0.30, 0.26), (0.10, 0.12, 0.24)))
    )
    flame = Paint("lamp", (1.0, 0.62, 0.14))
    if look.pick(stream, ("holder", "group")) == "holder":
        p.rod((0, 0, 0), 0.1, 0.015, look.metal)
        p.rod((0, 0.015, 0), 0.02, 0.06, look.metal)
        p.rod((0, 0.07, 0), 0.045, 0.015, look.metal)
        p.rod((0, 0.08, 0), 0.022, 0.17, wax)
        p.rod((0, 0.25, 0), 0.014, 0.03, flame, taper=0.2)
        return p
    for x, z, h in ((-0.05, 0.0, 0.15), (0.04, 0.03, 0.1), (0.03, -0.05, 0.07)):
        p.rod((x, 0, z), 0.07, h, wax)
        p.rod((x, h, z), 0.014, 0.028, flame, taper=0.2)
    return p


def toy(stream: Stream, look: Look) -> Piece:
    """Returns a toy: building blocks, a lorry, stacked rings, or a little train."""
    p = Piece("toy")
    start = stream.integer(0, len(_TOYS) - 1)
    colors = [Paint("plastic", _TOYS[(start + k) % len(_TOYS)]) for k in range(6)]
    style = look.pick(stream, ("blocks", "lorry", "train", "rings"))
    if style == "blocks":
        places = (
            (-0.09, 0.0, 0.0),
            (0.0, 0.0, 0.02),
            (0.09, 0.0, -0.02),
            (-0.05, 0.07, 0.0),
            (0.04, 0.07, 0.01),
            (0.0, 0.14, 0.0),
        )
        for k, at in enumerate(places):
            p.box(at, (0.07, 0.07, 0.07), colors[k], yaw=0.25 * (k % 3 - 1))
        return p
    if style == "rings":
        for k in range(5):
            p.rod((0, 0.03 * k, 0), 0.14 - 0.018 * k, 0.03, colors[k])
        p.bead((0, 0.18, 0), (0.05, 0.06, 0.05), colors[5])
        return p
    cars = 1 if style == "lorry" else 3
    for k in range(cars):
        x = 0.17 * (k - (cars - 1) / 2)
        p.box((x, 0.03, 0), (0.15 if cars > 1 else 0.3, 0.05, 0.1), colors[k])
        for sx in (-1, 1):
            wheel = x + sx * (0.045 if cars > 1 else 0.1)
            p.box((wheel, 0.0, 0), (0.05, 0.05, 0.12), look.dark)
        if cars > 1 and k:
            p.box((x, 0.08, 0), (0.1, 0.04, 0.07), colors[k + 2])
    x = -0.17 if cars > 1 else -0.1
    p.box((x, 0.08, 0), (0.08, 0.09, 0.1), colors[3])
    if cars == 1:
        p.box((0.05, 0.08, 0), (0.18, 0.08, 0.1), colors[4])
    else:
        p.rod((x - 0.045, 0.08, 0), 0.04, 0.08, look.dark)
    return p


def toy_robot(stream: Stream, look: Look) -> Piece:
    """Returns a toy robot: legs, body with dials, arms, head with eyes and an aerial."""
    p = Piece("toy_robot")
    body = look.pick(
        stream, (look.chrome, Paint("plastic", _TOYS[0]), Paint("plastic", _TOYS[1]), Paint("plastic", _TOYS[3]))
    )
    lamp = Paint("lamp", (1.0, 0.70, 0.20))
    for sx in (-1, 1):
        p.box((sx * 0.04, 0, -0.01), (0.06, 0.03, 0.09), look.dark)
        p.box((sx * 0.04, 0.03, 0), (0.04, 0.08, 0.05), body)
        p.box((sx * 0.095, 0.12, -0.01), (0.03, 0.11, 0.04), look.dark)
        p.box((sx * 0.025, 0.265, -0.046), (0.02, 0.02, 0.012), lamp)
    p.box((0, 0.11, 0), (0.15, 0.12, 0.1), body)
    p.box((0, 0.14, -0.052), (0.1, 0.06, 0.008), Paint("screen"))
    p.box((0, 0.235, 0), (0.1, 0.08, 0.085), body)
    style = look.pick(stream, ("aerial", "aerial", "ears", "lamp"))
    if style == "aerial":
        p.box((0, 0.315, 0), (0.006, 0.05, 0.006), look.chrome)
    elif style == "lamp":
        p.box((0, 0.315, 0), (0.03, 0.03, 0.03), lamp)
    else:
        for sx in (-1, 1):
            p.box((sx * 0.056, 0.26, 0), (0.012, 0.04, 0.04), look.chrome)
    return p


def ball(stream: Stream, look: Look) -> Piece:
    """Returns a ball: plain, with a belt of another colour."""
    p = Piece("ball")
    d = stream.uniform(0.16, 0.24)
    color = look.pick(stream, _TOYS)
    p.ball((0, d / 2, 0), (d, d, d), Paint("plastic", color))
    p.cylinder((0, 0.44 * d, 0), 1.04 * d, 0.12 * d, look.white)
    return p


def umbrella_stand(stream: Stream, look: Look) -> Piece:
    """Returns a stand with two umbrellas."""
    p = Piece("umbrella_stand")
    paint = look.pick(stream, (look.metal, look.wood_second))
    p.pot((0, 0, 0), 0.24, 0.5, 0.012, paint)
    for k, color in enumerate((look.accent, look.fabric_second)):
        x = -0.05 + 0.1 * k
        cloth = Paint("cloth", color.color)
        p.add("rod", (x, 0.42, 0), (0.05, 0.7, 0.05), cloth, pitch=0.1 * (1 - 2 * k))
        p.add("rod", (x, 0.82, 0.04 * (1 - 2 * k)), (0.022, 0.14, 0.022), look.wood, pitch=0.1 * (1 - 2 * k))
    return p
