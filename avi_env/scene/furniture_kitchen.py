"""Kitchen appliances and vessels, and what stands on counters and tables."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.furniture_parts import handle, legs, panel
from avi_env.scene.house_stream import Stream

__all__ = [
    "bar_stool",
    "blender",
    "bottle",
    "bowl",
    "coffee_machine",
    "cup",
    "dishwasher",
    "kitchen_island",
    "microwave",
    "plate",
    "range_hood",
    "toaster",
    "trash_can",
]

_STEEL = Paint("metal", (0.55, 0.56, 0.57))
_SCREEN = Paint("screen")
_CASES: tuple[Paint, ...] = (
    Paint("appliance"),
    Paint("metal", (0.55, 0.56, 0.57)),
    Paint("plastic", (0.03, 0.03, 0.035)),
    Paint("appliance", (0.42, 0.05, 0.04)),
    Paint("appliance", (0.62, 0.58, 0.46)),
    Paint("appliance", (0.24, 0.40, 0.38)),
)
_GLAZES: tuple[Color, ...] = (
    (0.80, 0.79, 0.75),
    (0.10, 0.20, 0.36),
    (0.44, 0.24, 0.12),
    (0.36, 0.46, 0.36),
    (0.12, 0.12, 0.13),
    (0.62, 0.44, 0.12),
    (0.46, 0.14, 0.12),
    (0.40, 0.36, 0.50),
)
_FRUITS: tuple[Color, ...] = ((0.55, 0.06, 0.03), (0.62, 0.30, 0.02), (0.30, 0.46, 0.05), (0.62, 0.50, 0.05))
_GLASSES: tuple[Color, ...] = ((0.04, 0.16, 0.06), (0.24, 0.11, 0.02), (0.40, 0.55, 0.56), (0.05, 0.10, 0.30))


def microwave(stream: Stream, look: Look) -> Piece:
    """Returns a microwave oven: door with window and handle, a column of keys."""
    p = Piece("microwave")
    w, d, h = stream.uniform(0.44, 0.52), 0.36, stream.uniform(0.26, 0.3)
    body = look.pick(stream, _CASES)
    p.box((0, 0.01, 0.01), (w, h - 0.01, d - 0.02), body)
    p.box((0, 0, 0), (w - 0.08, 0.012, d - 0.1), look.dark)
    door = 0.72 * w
    x = -(w - door) / 2
    p.box((x + 0.004, 0.02, -d / 2 + 0.008), (door - 0.008, h - 0.03, 0.012), body)
    p.box((x, 0.05, -d / 2 + 0.003), (door - 0.09, h - 0.09, 0.008), _SCREEN)
    p.box((x + door / 2 - 0.025, 0.05, -d / 2 - 0.01), (0.018, h - 0.09, 0.024), look.chrome)
    keys = w / 2 - (w - door) / 2
    p.box((keys, 0.02, -d / 2 + 0.008), (w - door - 0.012, h - 0.03, 0.012), look.dark)
    p.box((keys, h - 0.07, -d / 2 + 0.002), (w - door - 0.04, 0.03, 0.006), Paint("lamp", (0.10, 0.55, 0.35)))
    style = look.pick(stream, ("keys", "keys", "dial", "dials"))
    if style != "keys":
        for y in (0.08,) if style == "dial" else (0.06, 0.13):
            p.disc((keys, y, -d / 2 - 0.004), 0.05, 0.02, look.chrome, "rod")
    else:
        for row in range(3):
            p.box((keys, 0.05 + 0.04 * row, -d / 2 + 0.002), (w - door - 0.05, 0.022, 0.006), look.chrome)
    return p


def toaster(stream: Stream, look: Look) -> Piece:
    """Returns a toaster with two slots, a lever and two slices of bread."""
    p = Piece("toaster")
    w, d, h = stream.uniform(0.27, 0.32), 0.17, stream.uniform(0.18, 0.21)
    body = look.pick(stream, _CASES)
    p.box((0, 0, 0), (w - 0.02, 0.02, d - 0.02), look.dark)
    p.soft((0, 0.02, 0), (w, h - 0.02, d), body, 0.03)
    style = look.pick(stream, ("plain", "plain", "rack", "feet"))
    if style == "rack":
        for z in (-0.05, 0.0, 0.05):
            p.box((0, h + 0.045, z), (w - 0.06, 0.008, 0.008), look.chrome)
    elif style == "feet":
        for x in (-0.4 * w, 0.4 * w):
            p.bar((x, 0.05, -d / 2 - 0.004), 0.03, 0.04, look.chrome)
    for z in (-0.035, 0.035):
        p.box((0, h - 0.004, z), (w - 0.1, 0.006, 0.03), look.dark)
        p.box((0, h - 0.03, z), (w - 0.16, 0.055, 0.018), Paint("cloth", (0.52, 0.32, 0.13), "plain"))
    p.box((w / 2 + 0.012, 0.11, 0), (0.03, 0.018, 0.04), look.dark)
    p.box((w / 2 + 0.004, 0.05, 0), (0.008, 0.1, 0.012), look.dark)
    return p


def coffee_machine(stream: Stream, look: Look) -> Piece:
    """Returns a coffee machine: an espresso machine with a spout, or a filter machine with a jug."""
    p = Piece("coffee_machine")
    body = look.pick(stream, _CASES)
    w, d, h = stream.uniform(0.2, 0.27), 0.32, stream.uniform(0.32, 0.38)
    p.box((0, 0, 0), (w, 0.04, d), body)
    p.box((0, 0.04, 0.1), (w, h - 0.04, d - 0.2), body)
    p.soft((0, 0.68 * h, 0), (w, 0.32 * h, d), body, 0.02)
    style = look.pick(stream, ("filter", "espresso", "beans", "steam"))
    if style == "beans":
        p.box((0, h, 0.03), (0.7 * w, 0.06, 0.5 * d), Paint("screen", (0.12, 0.07, 0.04)), taper=1.2)
    elif style == "steam":
        p.box((0.42 * w, 0.4 * h, -0.14), (0.012, 0.3 * h, 0.012), look.chrome)
    if style == "filter":
        p.add("cylinder", (0, 0.1, -0.055), (0.14, 0.12, 0.14), Paint("screen", (0.10, 0.06, 0.04)), taper=0.75)
        p.cylinder((0, 0.16, -0.055), 0.1, 0.018, look.dark)
        p.box((0, 0.06, -0.14), (0.02, 0.09, 0.03), look.dark)
    else:
        p.box((0, 0.04, -0.06), (w - 0.04, 0.012, 0.18), look.chrome)
        p.rod((0, 0.68 * h - 0.04, -0.07), 0.07, 0.05, look.chrome)
        p.box((0, 0.68 * h - 0.025, -0.17), (0.028, 0.024, 0.16), look.dark)
        p.rod((0, 0.05, -0.07), 0.07, 0.06, Paint("porcelain"))
    p.box((0, h - 0.06, -d / 2 - 0.004), (0.6 * w, 0.03, 0.012), _SCREEN)
    return p


def blender(stream: Stream, look: Look) -> Piece:
    """Returns a blender: base with a dial, glass jug with handle, lid."""
    p = Piece("blender")
    h = stream.uniform(0.36, 0.42)
    fill = Paint("glass_single", look.pick(stream, ((0.52, 0.20, 0.24), (0.30, 0.44, 0.16), (0.56, 0.66, 0.70))))
    p.box((0, 0, 0), (0.17, 0.13, 0.17), look.pick(stream, _CASES), taper=0.75)
    p.disc((0, 0.055, -0.085), 0.05, 0.02, look.chrome, "rod")
    p.cylinder((0, 0.13, 0), 0.11, h - 0.17, fill, taper=1.3)
    p.cylinder((0, h - 0.04, 0), 0.145, 0.025, look.dark)
    p.rod((0, h - 0.015, 0), 0.05, 0.015, look.dark)
    p.box((0.1, 0.17, 0), (0.022, h - 0.25, 0.022), look.dark)
    for y in (0.17, h - 0.1):
        p.box((0.08, y, 0), (0.05, 0.02, 0.02), look.dark)
    style = look.pick(stream, ("dial", "dial", "keys", "collar"))
    if style == "keys":
        for x in (-0.05, 0.05):
            p.box((x, 0.05, -0.08), (0.025, 0.018, 0.02), look.dark)
    elif style == "collar":
        p.rod((0, 0.125, 0), 0.14, 0.03, look.chrome)
    return p


def dishwasher(stream: Stream, look: Look) -> Piece:
    """Returns a dishwasher of counter height with its front, handle and keys; its top is a piece of counter."""
    p = Piece("dishwasher")
    w, d, rim = 0.6, 0.6, 0.9
    p.box((0, 0, 0.04), (w, 0.1, d - 0.08), look.dark)
    p.box((0, 0.1, 0.012), (w, rim - 0.14, d - 0.024), Paint("appliance", (0.6, 0.61, 0.62)))
    face = -d / 2 + 0.012
    front = look.pick(stream, (_STEEL, Paint("appliance"), Paint("plastic", (0.03, 0.03, 0.035)), look.front))
    p.add("box", (0, 0.4, face - 0.006), (w - 0.01, 0.58, 0.016), front)
    p.add("box", (0, 0.775, face - 0.006), (w - 0.01, 0.14, 0.016), look.dark if front is not look.dark else _STEEL)
    p.add("box", (0.14, 0.78, face - 0.016), (0.16, 0.04, 0.008), Paint("lamp", (0.16, 0.42, 0.55)))
    for k in range(4):
        p.add("box", (-0.22 + 0.06 * k, 0.78, face - 0.016), (0.03, 0.03, 0.008), look.chrome)
    style = look.pick(stream, ("bar", "bar", "recess", "short"))
    if style == "recess":
        p.add("box", (0, 0.69, face - 0.016), (w - 0.2, 0.03, 0.008), look.chrome)
        p.add("box", (0, 0.12, face - 0.016), (w - 0.01, 0.012, 0.008), look.chrome)
    else:
        p.add("box", (0, 0.665, face - 0.03), (w - 0.12 if style == "bar" else 0.24, 0.022, 0.03), look.chrome)
        if style == "short":
            for sx in (-1, 1):
                p.add("box", (sx * 0.1, 0.665, face - 0.02), (0.02, 0.03, 0.02), look.chrome)
    p.box((0, rim - 0.04, -0.01), (w, 0.04, d + 0.01), look.counter)
    p.spots = [(-0.14, rim, -0.06), (0.14, rim, -0.06)]
    return p


def range_hood(stream: Stream, look: Look) -> Piece:
    """Returns an extractor hood that hangs at the wall above a stove, from 1.6 m up; its back is at the wall."""
    p = Piece("range_hood")
    paint = look.pick(stream, (_STEEL, Paint("appliance"), Paint("metal", (0.06, 0.06, 0.065)), look.front))
    style = look.pick(stream, ("pyramid", "box", "visor", "column"))
    y, d = 1.6, 0.48
    if style == "box":
        p.box((0, y, 0), (0.6, 0.16, d), paint)
        p.box((0, y + 0.16, 0.06), (0.32, 0.5, d - 0.14), paint)
    elif style == "visor":
        p.box((0, y, 0.12), (0.6, 0.3, d - 0.24), paint)
        p.add("wedge", (0, y + 0.15, -0.12), (0.6, 0.3, d - 0.24), paint)
        p.box((0, y + 0.3, 0.12), (0.26, 0.4, d - 0.24), paint)
    elif style == "column":
        p.cylinder((0, y, 0), d, 0.7, paint)
    else:
        p.box((0, y, 0), (0.6, 0.05, d), paint)
        p.box((0, y + 0.05, 0), (0.58, 0.22, d - 0.02), paint, taper=0.45)
        p.box((0, y + 0.27, 0.04), (0.25, 0.4, 0.2), paint)
    p.box((0, y - 0.012, 0), (0.44, 0.014, 0.3) if style != "column" else (0.26, 0.014, 0.26), look.dark)
    p.box((0.12, y + 0.02, -d / 2 - 0.003), (0.14, 0.016, 0.008), look.chrome)
    return p


def trash_can(stream: Stream, look: Look) -> Piece:
    """Returns a bin: a pedal bin, a swing-lid bin or an open basket."""
    p = Piece("trash_can")
    paint = look.pick(stream, (*_CASES[:4], Paint("plastic", (0.20, 0.30, 0.24)), look.metal))
    style = look.pick(stream, ("pedal", "swing", "open", "slim"))
    h = stream.uniform(0.36, 0.6)
    if style == "open":
        p.pot((0, 0, 0), 0.24, 0.7 * h, 0.008, paint, taper=1.25)
        p.bead((0.02, 0.55 * h, 0), (0.16, 0.12, 0.16), Paint("canvas", (0.72, 0.71, 0.68)))
    elif style == "pedal":
        p.cylinder((0, 0.02, 0), 0.27, h - 0.06, paint)
        p.cylinder((0, 0, 0), 0.26, 0.03, look.dark)
        p.cylinder((0, h - 0.04, 0), 0.28, 0.045, look.dark, taper=0.8)
        p.box((0, 0, -0.15), (0.08, 0.015, 0.06), look.chrome)
    else:
        w, d = (0.28, 0.24) if style == "swing" else (0.2, 0.36)
        p.box((0, 0, 0), (0.86 * w, h - 0.1, 0.86 * d), paint, taper=1.16)
        p.box((0, h - 0.1, 0), (w + 0.01, 0.1, d + 0.01), look.dark, taper=0.75)
    return p


def kitchen_island(stream: Stream, look: Look, width: float) -> Piece:
    """Returns an island with doors at the front (-Z) and a top that overhangs at the back, where stools stand."""
    p = Piece("kitchen_island")
    d, rim, body = 0.85, 0.92, 0.55
    front = -d / 2 + 0.02
    p.box((0, 0, front + body / 2), (width - 0.1, 0.1, body - 0.08), look.dark)
    p.box((0, 0.1, front + 0.02 + body / 2), (width - 0.04, rim - 0.14, body - 0.04), look.front)
    doors = max(2, round(width / 0.5))
    wide = (width - 0.04) / doors
    for k in range(doors):
        x = -(width - 0.04) / 2 + (k + 0.5) * wide
        panel(p, look, (x, 0.12, front + 0.04), (wide - 0.012, rim - 0.18))
        handle(p, look, (x, rim - 0.13, front + 0.022), wide)
    if look.pick(stream, ("posts", "panel")) == "posts":
        for sx in (-1, 1):
            p.box((sx * (width / 2 - 0.05), 0, d / 2 - 0.05), (0.07, rim - 0.04, 0.07), look.wood)
    else:
        for sx in (-1, 1):
            p.box((sx * (width / 2 - 0.02), 0, 0), (0.035, rim - 0.04, d - 0.03), look.front)
    p.box((0, rim - 0.04, 0), (width, 0.045, d), look.counter)
    p.spots = [(x * width, rim + 0.005, z) for x in (-0.32, 0.0, 0.32) for z in (-0.2, 0.14)]
    return p


def bar_stool(stream: Stream, look: Look) -> Piece:
    """Returns a high stool with a foot rest, with or without a low back; its front is -Z."""
    p = Piece("bar_stool")
    seat = stream.uniform(0.64, 0.7)
    style = look.pick(stream, ("legs", "back", "pedestal", "block"))
    if style == "pedestal":
        p.cylinder((0, 0, 0), 0.4, 0.02, look.chrome)
        p.rod((0, 0.02, 0), 0.06, seat - 0.06, look.chrome)
        p.cylinder((0, 0.24, 0), 0.26, 0.02, look.chrome)
        p.cylinder((0, seat - 0.05, 0), 0.36, 0.06, look.fabric_second)
        return p
    legs(p, look, (0.38, seat - 0.04, 0.38), 0.036, look.metal if style == "back" else look.wood)
    for y, along in ((0.24, True), (0.3, False)):
        for side in (-1, 1):
            size = (0.34, 0.022, 0.022) if along else (0.022, 0.022, 0.34)
            at = (0, y, side * 0.165) if along else (side * 0.165, y, 0)
            p.box(at, size, look.metal)
    p.soft((0, seat - 0.05, 0), (0.4, 0.06, 0.38), look.fabric_second if style == "back" else look.wood_second, 0.02)
    if style == "back":
        p.soft((0, seat + 0.06, 0.18), (0.4, 0.18, 0.04), look.fabric_second, 0.015)
        for sx in (-1, 1):
            p.box((sx * 0.15, seat - 0.02, 0.18), (0.025, 0.12, 0.02), look.metal)
    return p


def bowl(stream: Stream, look: Look) -> Piece:
    """Returns a bowl of fruit."""
    p = Piece("bowl")
    w, h = stream.uniform(0.24, 0.3), stream.uniform(0.08, 0.1)
    paint = Paint("porcelain", look.pick(stream, _GLAZES)) if stream.chance(0.6) else look.wood_second
    p.pot((0, 0, 0), 0.5 * w, h, 0.008, paint, taper=2.0)
    turn = stream.uniform(0.0, 2.0)
    for k in range(2):
        angle = turn + math.pi * k
        fruit = Paint("porcelain", look.pick(stream, _FRUITS))
        p.bead((0.045 * math.cos(angle), 0.8 * h, 0.045 * math.sin(angle)), (0.08, 0.078, 0.08), fruit)
    return p


def cup(stream: Stream, look: Look) -> Piece:
    """Returns a cup with a handle, on a saucer."""
    p = Piece("cup")
    glaze = Paint("porcelain", look.pick(stream, _GLAZES))
    h = stream.uniform(0.07, 0.1)
    style = look.pick(stream, ("saucer", "mug", "saucer", "mug", "spoon", "tall"))
    if style in ("mug", "tall"):
        h = h + (0.05 if style == "tall" else 0.01)
        p.pot((0, 0, 0), 0.08, h, 0.006, glaze)
        p.box((0.052, 0.2 * h, 0), (0.03, 0.55 * h, 0.012), glaze)
        if style == "tall":
            p.rod((0, 0, 0), 0.09, 0.01, glaze)
        return p
    p.rod((0, 0, 0), 0.13, 0.008, glaze)
    p.pot((0, 0.008, 0), 0.06, h, 0.005, glaze, taper=1.3)
    p.box((0.048, 0.008 + 0.3 * h, 0), (0.03, 0.45 * h, 0.01), glaze)
    if style == "spoon":
        p.box((-0.01, 0.008, -0.05), (0.1, 0.004, 0.012), look.chrome)
    return p


def plate(stream: Stream, look: Look) -> Piece:
    """Returns a plate with a fork and a knife beside it."""
    p = Piece("plate")
    glaze = Paint("porcelain", look.pick(stream, _GLAZES))
    p.pot((0, 0, 0), 0.17, 0.02, 0.006, glaze, taper=1.5)
    for x in (-0.155, 0.155):
        p.box((x, 0, 0), (0.018, 0.006, 0.2), look.chrome)
    return p


def bottle(stream: Stream, look: Look) -> Piece:
    """Returns a bottle with a label and a cork."""
    p = Piece("bottle")
    glass = Paint("glass_single", look.pick(stream, _GLASSES))
    d, h = stream.uniform(0.07, 0.09), stream.uniform(0.26, 0.32)
    p.cylinder((0, 0, 0), d, 0.6 * h, glass)
    p.rod((0, 0.6 * h, 0), d, 0.15 * h, glass, taper=0.35)
    p.rod((0, 0.74 * h, 0), 0.36 * d, 0.2 * h, glass)
    p.rod((0, 0.94 * h, 0), 0.3 * d, 0.06 * h, Paint("wood", (0.42, 0.28, 0.15)))
    p.cylinder((0, 0.2 * h, 0), d + 0.003, 0.25 * h, Paint("canvas", (0.72, 0.70, 0.64)))
    return p
