"""Clocks, animals, heaters and other things that give a home its sounds."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Color, Look, Paint, Piece, Point
from avi_env.scene.furniture_parts import BRASS, WATER, drawers, legs
from avi_env.scene.house_stream import Stream

__all__ = [
    "air_conditioner",
    "aquarium",
    "birdcage",
    "cat",
    "clock",
    "crib",
    "doorbell",
    "fireplace",
    "grandfather_clock",
    "radiator",
    "wind_chime",
]

_COATS: tuple[Color, ...] = (
    (0.30, 0.30, 0.31),
    (0.45, 0.22, 0.06),
    (0.04, 0.04, 0.045),
    (0.70, 0.67, 0.60),
    (0.24, 0.17, 0.10),
    (0.52, 0.42, 0.30),
)
_DIALS: tuple[Color, ...] = ((0.80, 0.79, 0.75), (0.06, 0.06, 0.07), (0.62, 0.55, 0.40), (0.16, 0.28, 0.30))


def clock(stream: Stream, look: Look) -> Piece:
    """Returns a clock that hangs on the wall with its middle at 1.8 m: rim, dial, marks and hands."""
    p = Piece("clock")
    d, y = stream.uniform(0.26, 0.38), 1.8
    dial = Paint("plastic", look.pick(stream, _DIALS))
    ink = look.white if dial.color is not None and dial.color[0] < 0.3 else look.dark
    style = look.pick(stream, ("round", "round", "square", "house"))
    if style == "square":
        p.box((0, y - d / 2, 0.005), (d, d, 0.04), look.wood)
        p.add("box", (0, y, -0.016), (0.86 * d, 0.86 * d, 0.008), dial)
    elif style == "house":
        p.box((0, y - 0.6 * d, 0.01), (0.9 * d, 1.1 * d, 0.05), look.wood)
        p.box((0, y + 0.5 * d, 0.0), (1.2 * d, 0.35 * d, 0.08), look.wood_second, taper=0.15)
        p.disc((0, y, -0.015), 0.86 * d, 0.012, dial)
        p.box((0, y - 0.85 * d, 0.0), (0.02, 0.3 * d, 0.012), BRASS)
        p.disc((0, y - 0.88 * d, -0.002), 0.09, 0.012, BRASS)
    else:
        p.disc((0, y, 0.005), d, 0.04, look.metal if stream.chance(0.5) else look.wood)
        p.disc((0, y, -0.015), 0.88 * d, 0.012, dial)
    for k in range(4):
        a = k * math.pi / 2
        p.add("box", (0.37 * d * math.cos(a), y + 0.37 * d * math.sin(a), -0.021), (0.05 * d, 0.05 * d, 0.006), ink)
    hour, minute = stream.integer(0, 11), stream.integer(0, 11)
    for long, thick, turn, z in ((0.22, 0.035, hour + minute / 12, -0.024), (0.33, 0.025, minute, -0.027)):
        _hand(p, (0, y, z), (thick * d, long * d), math.pi / 6 * turn, ink)
    return p


def _hand(p: Piece, at: Point, size: tuple[float, float], turn: float, paint: Paint) -> None:
    """A clock's hand of a width and length [m] that starts at the middle of the dial, turned clockwise [rad]."""
    width, long = size
    x, y, z = at
    center = (x - 0.5 * long * math.sin(turn), y + 0.5 * long * math.cos(turn), z)
    # seen from the front +X is on the left; the hand's own x is its thickness
    p.add("box", center, (0.004, long, width), paint, yaw=math.pi / 2, pitch=-turn)


def grandfather_clock(stream: Stream, look: Look) -> Piece:
    """Returns a longcase clock: base, case with a window and a pendulum, hood with a dial."""
    p = Piece("grandfather_clock")
    h = stream.uniform(1.85, 2.1)
    wood, d = look.wood_second, 0.28
    p.box((0, 0, 0), (0.5, 0.1, d), wood)
    p.box((0, 0.1, 0.005), (0.46, 0.3, d - 0.02), wood)
    p.box((0, 0.4, 0.02), (0.34, h - 0.9, d - 0.06), wood)
    p.box((0, 0.48, -d / 2 + 0.046), (0.22, h - 1.06, 0.01), Paint("screen", (0.05, 0.04, 0.035)))
    p.box((0, 0.68, -d / 2 + 0.039), (0.012, h - 1.26, 0.006), BRASS)
    p.disc((0, 0.66, -d / 2 + 0.036), 0.12, 0.012, BRASS)
    p.box((0, h - 0.5, 0), (0.46, 0.42, d), wood)
    p.box((0, h - 0.08, 0), (0.52, 0.04, d + 0.02), wood)
    top = look.pick(stream, ("arch", "flat", "peak", "finials"))
    if top == "arch":
        p.disc((0, h - 0.06, 0.0), 0.3, d - 0.04, wood)
    elif top == "peak":
        p.box((0, h - 0.04, 0), (0.48, 0.14, d - 0.02), wood, taper=0.2)
    elif top == "finials":
        for x in (-0.2, 0.0, 0.2):
            p.bead((x, h + 0.0, 0), (0.06, 0.1, 0.06), BRASS)
    y, face = h - 0.29, -d / 2
    p.disc((0, y, face - 0.002), 0.34, 0.014, BRASS)
    p.disc((0, y, face - 0.008), 0.29, 0.012, Paint("plastic", (0.78, 0.76, 0.68)))
    hour, minute = stream.integer(0, 11), stream.integer(0, 11)
    _hand(p, (0, y, face - 0.016), (0.014, 0.08), math.pi / 6 * (hour + minute / 12), look.dark)
    _hand(p, (0, y, face - 0.018), (0.01, 0.12), math.pi / 6 * minute, look.dark)
    return p


def doorbell(stream: Stream, look: Look) -> Piece:
    """Returns the small box of a door chime that hangs on the wall with its middle at 1.9 m."""
    p = Piece("doorbell")
    style = look.pick(stream, ("pipes", "box", "round", "bell"))
    y = 1.9
    if style == "round":
        p.disc((0, y, 0), 0.16, 0.05, look.white)
        p.disc((0, y, -0.027), 0.06, 0.012, look.chrome)
    elif style == "bell":
        p.disc((0, y, 0), 0.12, 0.05, BRASS)
        p.bead((0, y, -0.03), (0.11, 0.11, 0.05), BRASS)
        p.box((0.06, y - 0.1, 0), (0.05, 0.06, 0.05), look.wood)
    else:
        p.soft((0, y - 0.08, 0), (0.15, 0.16, 0.05), look.white if style == "box" else look.wood_second, 0.012)
        for k in range(3):
            p.add("box", (0, y + 0.03 * k, -0.027), (0.09, 0.012, 0.008), look.dark)
        p.disc((0, y - 0.045, -0.028), 0.03, 0.01, Paint("lamp", (1.0, 0.75, 0.3)), "rod")
    if style == "pipes":
        for x in (-0.04, 0.0, 0.04):
            p.rod((x, y - 0.35 + 1.5 * abs(x), 0), 0.022, 0.28, BRASS)
    return p


def crib(stream: Stream, look: Look) -> Piece:
    """Returns a cot with barred sides, a mattress and a baby under a blanket."""
    p = Piece("crib")
    w, d, rail, floor = 1.24, 0.66, stream.uniform(0.88, 0.98), 0.32
    paint = look.pick(stream, (look.white, look.wood, look.wood_second, Paint("painted_wood", (0.50, 0.60, 0.62))))
    for sx in (-1, 1):
        for sz in (-1, 1):
            p.box((sx * (w / 2 - 0.02), 0, sz * (d / 2 - 0.02)), (0.04, rail, 0.04), paint)
    for sz in (-1, 1):
        z = sz * (d / 2 - 0.02)
        for y in (floor - 0.06, rail - 0.05):
            p.box((0, y, z), (w - 0.08, 0.045, 0.026), paint)
        for k in range(9):
            p.box(((k - 4) * (w - 0.08) / 9.5, floor - 0.04, z), (0.018, rail - floor, 0.014), paint)
    style = look.pick(stream, ("bars", "solid", "mobile", "posts"))
    solid = style == "solid"
    _crib_top(p, style, (w, rail, d), paint)
    for sx in (-1, 1):
        x = sx * (w / 2 - 0.02)
        if solid:
            p.box((x, floor - 0.06, 0), (0.024, rail - floor + 0.055, d - 0.08), paint)
            continue
        for y in (floor - 0.06, rail - 0.05):
            p.box((x, y, 0), (0.026, 0.045, d - 0.08), paint)
        for k in range(4):
            p.box((x, floor - 0.04, (k - 1.5) * (d - 0.08) / 4.5), (0.014, rail - floor, 0.018), paint)
    p.soft((0, floor - 0.02, 0), (w - 0.09, 0.12, d - 0.09), look.bedding, 0.03)
    p.soft((-0.12, floor + 0.06, 0), (0.62, 0.12, 0.34), Paint("bedding", look.accent.color), 0.05)
    p.bead(
        (0.28, floor + 0.16, 0),
        (0.17, 0.14, 0.15),
        Paint("skin", stream.pick(((0.60, 0.38, 0.27), (0.24, 0.12, 0.07)))),
    )
    return p


def _crib_top(p: Piece, style: str, size: Point, paint: Paint) -> None:
    """What stands on the rail: a mobile, or knobs on the posts."""
    w, rail, d = size
    if style == "mobile":
        p.box((w / 2 - 0.02, rail, 0), (0.02, 0.5, 0.02), paint)
        p.box((w / 2 - 0.2, rail + 0.48, 0), (0.38, 0.02, 0.02), paint)
        for x, drop, color in (
            (0.24, 0.14, (0.60, 0.42, 0.06)),
            (0.32, 0.2, (0.07, 0.24, 0.40)),
            (0.4, 0.16, (0.55, 0.13, 0.08)),
        ):
            p.box((x, rail + 0.48 - drop, 0), (0.004, drop, 0.004), paint)
            p.box((x, rail + 0.44 - drop, 0), (0.05, 0.05, 0.05), Paint("cloth", color))
    elif style == "posts":
        for sx in (-1, 1):
            for sz in (-1, 1):
                p.box((sx * (w / 2 - 0.02), rail, sz * (d / 2 - 0.02)), (0.06, 0.06, 0.06), paint, taper=0.3)


def birdcage(stream: Stream, look: Look) -> Piece:
    """Returns a cage on a stand with a yellow bird on a perch."""
    p = Piece("birdcage")
    low, tall, w = stream.uniform(0.8, 0.95), stream.uniform(0.5, 0.62), 0.4
    style = look.pick(stream, ("box", "round", "house", "dome"))
    p.cylinder((0, 0, 0), 0.36, 0.03, look.metal)
    p.rod((0, 0.03, 0), 0.04, low - 0.03, look.metal)
    corners = 12
    if style in ("round", "dome"):
        p.cylinder((0, low, 0), w, 0.05, look.metal)
        p.rod((0, low + tall, 0), w, 0.03, look.metal)
        for k in range(corners):
            a = 2 * math.pi * k / corners
            p.box((0.48 * w * math.cos(a), low, 0.48 * w * math.sin(a)), (0.008, tall, 0.008), look.metal)
        p.rod((0, low + tall + 0.03, 0), w, 0.14, look.metal, taper=0.2)
    else:
        p.box((0, low, 0), (w, 0.06, w), look.metal)
        p.box((0, low + tall, 0), (w, 0.02, w), look.metal)
        for k in range(corners):
            side, step = divmod(k, 3)
            u, v = (step - 1) * 0.32 * w + 0.16 * w, 0.485 * w
            x, z = ((u, -v), (v, u), (-u, v), (-v, -u))[side]
            p.box((x, low, z), (0.008, tall, 0.008), look.metal)
        if style == "house":
            p.box((0, low + tall + 0.02, 0), (w, 0.14, w), look.metal, taper=0.1)
    p.bar((0, low + 0.22, 0), 0.014, w - 0.03, look.wood)
    yellow = Paint("fur", (0.66, 0.50, 0.03))
    p.bead((0.02, low + 0.275, 0), (0.07, 0.09, 0.11), yellow)
    p.bead((0.02, low + 0.33, -0.045), (0.055, 0.055, 0.055), yellow)
    p.box((0.02, low + 0.325, -0.078), (0.012, 0.01, 0.022), Paint("plastic", (0.60, 0.20, 0.02)))
    if style == "dome":
        p.bead((0, low + tall + 0.02, 0), (w - 0.02, 0.26, w - 0.02), look.metal)
    p.rod((0, low + tall + 0.02, 0), 0.03, 0.18, look.metal)
    return p


def cat(stream: Stream, look: Look) -> Piece:
    """Returns a cat, sitting or lying; it looks to the front."""
    p = Piece("cat")
    coat = Paint("fur", look.pick(stream, _COATS))
    style = look.pick(stream, ("sitting", "lying", "collar", "basket"))
    lying = style in ("lying", "basket")
    if style == "basket":
        p.pot((0, 0, 0.0), 0.46, 0.12, 0.02, Paint("wood", (0.46, 0.31, 0.16), "fabric"), taper=1.1)
    elif style == "collar":
        p.add("box", (0, 0.285, -0.045), (0.12, 0.02, 0.12), look.accent)
    if lying:
        p.ball((0, 0.09, 0.04), (0.2, 0.18, 0.38), coat)
        head = (0.0, 0.17, -0.16)
        p.add("box", (0.09, 0.025, 0.12), (0.045, 0.05, 0.32), coat, yaw=0.2)
        for sx in (-1, 1):
            p.soft((sx * 0.05, 0, -0.19), (0.05, 0.05, 0.14), coat, 0.015)
    else:
        p.ball((0, 0.1, 0.05), (0.2, 0.2, 0.24), coat)
        p.add("soft", (0, 0.2, 0.0), (0.14, 0.26, 0.15), coat, pitch=0.25, chamfer=0.05)
        head = (0.0, 0.36, -0.06)
        p.add("box", (0.08, 0.025, 0.2), (0.04, 0.05, 0.22), coat, yaw=0.5)
        for sx in (-1, 1):
            p.box((sx * 0.04, 0, -0.08), (0.04, 0.2, 0.045), coat)
    x, y, z = head
    p.ball(head, (0.14, 0.12, 0.12), coat)
    p.bead((x, y - 0.022, z - 0.045), (0.07, 0.045, 0.05), Paint("fur", (0.72, 0.69, 0.64)))
    p.box((x, y - 0.016, z - 0.074), (0.014, 0.01, 0.008), Paint("skin"))
    for sx in (-1, 1):
        p.box((x + sx * 0.042, y + 0.03, z), (0.045, 0.05, 0.022), coat, taper=0.2)
        p.box((x + sx * 0.03, y + 0.004, z - 0.053), (0.02, 0.016, 0.012), Paint("plastic", (0.24, 0.36, 0.04)))
    return p


def radiator(stream: Stream, look: Look) -> Piece:
    """Returns a radiator: a ribbed panel or columns, with a valve; its back is at the wall."""
    p = Piece("radiator")
    style = look.pick(stream, ("columns", "panel", "bars", "cover"))
    paint = Paint("metal", (0.74, 0.74, 0.72)) if stream.chance(0.75) else look.metal
    w, h, low = stream.uniform(0.6, 1.0), stream.uniform(0.5, 0.62), 0.12
    if style == "columns":
        count = round(w / 0.085)
        for k in range(count):
            p.add("rod", ((k - (count - 1) / 2) * w / count, low + h / 2, 0), (0.065, h, 0.12), paint)
        for y in (low + 0.06, low + h - 0.1):
            p.box((0, y, 0), (w, 0.04, 0.04), paint)
    elif style == "bars":
        for k in range(6):
            p.box((0, low + k * h / 6, -0.02), (w, h / 6 - 0.02, 0.04), paint)
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.04), low, 0.025), (0.04, h, 0.05), paint)
    elif style == "cover":
        p.box((0, low + h, 0), (w + 0.04, 0.02, 0.14), look.wood)
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.01), 0, 0), (0.02, low + h, 0.13), look.white)
        p.box((0, low, 0.03), (w - 0.05, h - 0.03, 0.06), paint)
        for k in range(12):
            p.box(((k - 5.5) * (w - 0.04) / 12, low - 0.06, -0.055), (0.03, h + 0.05, 0.012), look.white)
    else:
        p.box((0, low, 0.02), (w, h, 0.06), paint)
        for k in range(8):
            p.box(((k - 3.5) * w / 8.2, low + 0.04, -0.015), (0.7 * w / 8, h - 0.08, 0.02), paint)
        p.box((0, low + h, 0.01), (w, 0.015, 0.1), paint)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - 0.08), 0, 0.03), (0.025, low + 0.02, 0.025), look.chrome)
    p.bar((w / 2 + 0.025, low + 0.06, 0.01), 0.05, 0.07, look.white)
    return p


def air_conditioner(stream: Stream, look: Look) -> Piece:
    """Returns the inner unit of an air conditioner, high on the wall (2.0 ... 2.3 m); its back is at the wall."""
    p = Piece("air_conditioner")
    w, y = stream.uniform(0.75, 0.95), 2.0
    body = Paint(
        "plastic", look.pick(stream, ((0.78, 0.78, 0.76), (0.70, 0.69, 0.64), (0.10, 0.10, 0.11), (0.45, 0.46, 0.47)))
    )
    p.soft((0, y, 0.01), (w, 0.28, 0.2), body, 0.035)
    style = look.pick(stream, ("flap", "flap", "slats", "panel"))
    if style == "slats":
        for k in range(4):
            p.box((0, y + 0.05 + 0.025 * k, -0.092), (w - 0.1, 0.01, 0.012), look.dark)
    else:
        p.add("box", (0, y + 0.045, -0.092), (w - 0.08, 0.05, 0.012), look.dark, pitch=-0.35)
        p.add("box", (0, y + 0.035, -0.106), (w - 0.1, 0.045, 0.008), body, pitch=-0.7)
        p.box((0, y + 0.11, -0.092), (w - 0.06, 0.004, 0.006), look.dark)
    if style == "panel":
        p.box((0, y + 0.12, -0.1), (w - 0.12, 0.12, 0.02), look.chrome)
    p.box((0.36 * w, y + 0.14, -0.093), (0.07, 0.02, 0.008), Paint("lamp", (0.12, 0.5, 0.4)))
    return p


def aquarium(stream: Stream, look: Look) -> Piece:
    """Returns an aquarium on a cupboard: water, gravel, plants and fish behind the glass."""
    p = Piece("aquarium")
    w, d, low, tall = stream.uniform(0.7, 1.0), 0.38, stream.uniform(0.62, 0.72), 0.42
    style = look.pick(stream, ("doors", "drawers", "frame", "block"))
    if style == "frame":
        legs(p, look, (w - 0.02, low - 0.03, d - 0.02), 0.045, look.metal, "sled")
        p.box((0, 0.2, 0), (w - 0.08, 0.02, d - 0.04), look.wood)
    elif style == "block":
        p.box((0, 0, 0), (w - 0.04, low - 0.03, d - 0.04), look.front)
    else:
        rows, columns = (1, 2) if style == "doors" else (3, 1)
        drawers(p, look, (w, low - 0.03, d), 0.0, rows, columns, doors=style == "doors")
    p.box((0, low - 0.03, 0), (w + 0.02, 0.03, d + 0.02), look.wood)
    p.box((0, low, 0), (w - 0.02, tall - 0.05, d - 0.02), WATER)
    p.box((0, low, 0), (w - 0.012, 0.05, d - 0.012), Paint("soil", (0.46, 0.38, 0.26)))
    p.box((0, low + tall - 0.06, 0), (w, 0.06, d), look.dark)
    face = -d / 2 + 0.01
    for x, high in ((-0.36, 0.24), (-0.28, 0.16), (0.33, 0.2), (0.4, 0.12)):
        p.box((x * w, low + 0.05, face - 0.002), (0.03, high, 0.006), Paint("foliage"), taper=0.4)
    for k, (x, y) in enumerate(((-0.12, 0.24), (0.1, 0.15), (0.18, 0.28))):
        paint = Paint("plastic", ((0.62, 0.22, 0.02), (0.10, 0.30, 0.60), (0.62, 0.48, 0.04))[k])
        p.bead((x * w, low + y, face), (0.09, 0.045, 0.02), paint)
        p.add("box", (x * w + 0.05, low + y, face), (0.03, 0.04, 0.012), paint)
    return p


def fireplace(stream: Stream, look: Look) -> Piece:
    """Returns a fireplace: hearth, opening with logs and flames, mantel; its back is at the wall."""
    p = Piece("fireplace")
    w, d, h = stream.uniform(1.2, 1.45), 0.42, stream.uniform(1.0, 1.15)
    stone = look.pick(stream, (Paint("brick"), Paint("marble"), Paint("painted_wood"), Paint("concrete")))
    side, mouth = 0.27 * w / 1.3, 0.7
    p.box((0, 0, 0), (w, 0.05, d + 0.1), Paint("stone_counter", (0.20, 0.19, 0.18)))
    for sx in (-1, 1):
        p.box((sx * (w - side) / 2, 0.05, 0.05), (side, h - 0.05, d - 0.1), stone)
    p.box((0, mouth, 0.05), (w - 2 * side, h - mouth, d - 0.1), stone)
    p.box((0, 0.05, d / 2 - 0.03), (w - 2 * side, mouth - 0.05, 0.06), Paint("brick", (0.06, 0.05, 0.045)))
    p.box((0, h, 0.03), (w + 0.14, 0.06, d), look.wood if stream.chance(0.6) else stone)
    for x, z, turn in ((-0.08, 0.02, 0.3), (0.1, 0.05, -0.25), (0.0, 0.08, 0.0)):
        y = 0.11 if turn else 0.19
        p.add(
            "rod",
            (x, y, z),
            (0.09, 0.46, 0.09),
            Paint("wood", (0.10, 0.05, 0.03)),
            yaw=math.pi / 2 + turn,
            pitch=math.pi / 2,
        )
    for x, tall in ((-0.12, 0.22), (0.02, 0.32), (0.14, 0.2)):
        p.rod((x, 0.2, 0.06), 0.12, tall, Paint("lamp", (1.0, 0.38, 0.06)), taper=0.1)
    style = look.pick(stream, ("plain", "plain", "chimney", "columns"))
    if style == "chimney":
        p.box((0, h + 0.06, 0.1), (0.7 * w, 0.7, d - 0.2), stone)
    elif style == "columns":
        for sx in (-1, 1):
            p.rod((sx * (w / 2 - 0.1), 0.05, -0.13), 0.12, h - 0.05, look.white)
    p.box((0, 0.05, -0.17), (0.66, 0.12, 0.02), look.dark)
    p.spots = [(x * w, h + 0.06, -0.12 if style == "chimney" else -0.04) for x in (-0.4, -0.14, 0.14, 0.4)]
    return p


def wind_chime(stream: Stream, look: Look) -> Piece:
    """Returns a wind chime: a disc, tubes on threads and a clapper; its top goes to the ceiling."""
    p = Piece("wind_chime")
    tubes = look.pick(
        stream, (Paint("metal", (0.62, 0.63, 0.64)), BRASS, Paint("wood", (0.56, 0.43, 0.22)), look.metal)
    )
    h = stream.uniform(0.6, 0.75)
    p.box((0, h - 0.22, 0), (0.006, 0.22, 0.006), look.dark)
    p.rod((0, h - 0.24, 0), 0.16, 0.02, look.wood)
    count = look.pick(stream, (6, 6, 5, 4))
    for k in range(count):
        a = 2 * math.pi / count * k
        x, z = 0.06 * math.cos(a), 0.06 * math.sin(a)
        long = 0.2 + 0.03 * k
        p.box((x, h - 0.28, z), (0.004, 0.05, 0.004), look.dark)
        p.box((x, h - 0.28 - min(long, h - 0.3), z), (0.018, min(long, h - 0.3), 0.018), tubes)
    p.box((0, 0.06, 0), (0.004, h - 0.28, 0.004), look.dark)
    p.bead((0, 0.28, 0), (0.06, 0.02, 0.06), look.wood)
    p.add("box", (0, 0.05, 0), (0.06, 0.1, 0.006), look.wood)
    return p
