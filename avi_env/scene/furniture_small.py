"""Small things, and what sounds: phones, clocks, kettles, radios, a dog, a person."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.furniture_parts import BRASS
from avi_env.scene.house_stream import Stream

__all__ = [
    "alarm_clock",
    "dog",
    "kettle",
    "laptop",
    "laundry_basket",
    "music_box",
    "person",
    "phone",
    "picture",
    "radio",
    "rug",
    "smoke_alarm",
    "television",
    "vacuum_cleaner",
]

_RED: Color = (0.50, 0.04, 0.03)
_PICTURES: tuple[Color, ...] = (
    (0.16, 0.28, 0.40),
    (0.46, 0.34, 0.14),
    (0.20, 0.32, 0.20),
    (0.44, 0.16, 0.12),
    (0.56, 0.52, 0.44),
    (0.10, 0.12, 0.18),
)
_COATS: tuple[Color, ...] = (
    (0.36, 0.22, 0.10),
    (0.06, 0.05, 0.05),
    (0.55, 0.48, 0.38),
    (0.70, 0.68, 0.64),
    (0.28, 0.27, 0.27),
)
_TROUSERS: tuple[Color, ...] = ((0.05, 0.07, 0.14), (0.12, 0.11, 0.10), (0.22, 0.18, 0.12), (0.16, 0.05, 0.06))


def phone(stream: Stream, look: Look) -> Piece:
    """Returns a desk telephone: a sloping base with keys, and a handset across its cradle."""
    p = Piece("phone")
    colors: tuple[Color, ...] = (_RED, (0.03, 0.03, 0.035), (0.62, 0.60, 0.52), (0.06, 0.22, 0.20))
    paint = Paint("plastic", look.pick(stream, colors))
    p.box((0, 0, 0), (0.2, 0.03, 0.2), paint)
    p.add("wedge", (0, 0.055, 0), (0.19, 0.05, 0.19), paint)
    style = look.pick(stream, ("keys", "keys", "dial", "dial_gold"))
    if style != "keys":
        metal = BRASS if style == "dial_gold" else look.chrome
        slope = math.atan2(0.05, 0.19)
        p.add("cylinder", (0, 0.052, -0.025), (0.12, 0.018, 0.12), metal, pitch=-slope)
        p.add("rod", (0, 0.06, -0.027), (0.05, 0.016, 0.05), look.white, pitch=-slope)
    for row in range(3 if style == "keys" else 0):
        for column in range(3):
            at = (0.02 + 0.03 * (column - 1), 0.043 + 0.0095 * row, -0.06 + 0.032 * row)
            p.add("box", at, (0.02, 0.02, 0.018), Paint("plastic", (0.7, 0.7, 0.67)))
    for sx in (-1, 1):
        p.box((sx * 0.06, 0.06, 0.065), (0.03, 0.035, 0.03), paint)
        p.box((sx * 0.1, 0.075, 0.065), (0.05, 0.035, 0.055), paint)
    p.box((0, 0.095, 0.065), (0.22, 0.025, 0.035), paint)
    return p


def alarm_clock(stream: Stream, look: Look) -> Piece:
    """Returns an alarm clock: round with two bells, a cube, or a flat one with lit figures."""
    p = Piece("alarm_clock")
    paint = look.pick(stream, (look.metal, Paint("plastic", _RED), look.white, look.dark))
    style = look.pick(stream, ("bells", "figures", "bells", "cube"))
    if style == "figures":
        p.box((0, 0, 0), (0.17, 0.075, 0.08), look.dark)
        p.box((0, 0.012, -0.041), (0.15, 0.05, 0.004), Paint("screen"))
        for x in (-0.05, -0.02, 0.02, 0.05):
            p.box((x, 0.02, -0.044), (0.018, 0.034, 0.004), Paint("lamp", (0.9, 0.16, 0.04)))
        return p
    if style == "cube":
        p.soft((0, 0, 0), (0.1, 0.1, 0.07), paint, 0.015)
        p.disc((0, 0.05, -0.036), 0.08, 0.006, look.white)
    else:
        p.disc((0, 0.075, 0), 0.11, 0.05, paint)
        p.disc((0, 0.075, -0.026), 0.095, 0.006, look.white)
        p.box((0, 0, 0), (0.09, 0.03, 0.03), paint)
        for sx in (-1, 1):
            p.rod((sx * 0.035, 0.122, 0), 0.05, 0.03, look.chrome, taper=0.5)
    p.box((0, 0.05 + 0.025 * (style == "bells"), -0.038), (0.006, 0.03, 0.008), look.dark)
    p.box((0.012, 0.048 + 0.025 * (style == "bells"), -0.038), (0.024, 0.006, 0.008), look.dark)
    return p


def kettle(stream: Stream, look: Look) -> Piece:
    """Returns a kettle with spout, lid and handle: an electric jug or a round one for the stove."""
    p = Piece("kettle")
    body = look.pick(stream, (look.chrome, Paint("appliance", _RED), look.dark, Paint("appliance", (0.24, 0.40, 0.38))))
    if look.pick(stream, ("jug", "jug", "stove", "jug")) == "stove":
        p.cylinder((0, 0, 0), 0.2, 0.08, body, taper=1.05)
        p.rod((0, 0.08, 0), 0.2, 0.05, body, taper=0.45)
        for z in (-0.07, 0.07):
            p.box((0, 0.1, z), (0.02, 0.1, 0.014), look.dark)
        p.box((0, 0.19, 0), (0.024, 0.024, 0.17), look.dark)
    else:
        p.rod((0, 0, 0), 0.17, 0.02, look.dark)
        p.cylinder((0, 0.02, 0), 0.17, 0.17, body, taper=0.75)
        p.box((0, 0.06, 0.115), (0.022, 0.14, 0.022), look.dark)
        p.box((0, 0.18, 0.09), (0.022, 0.022, 0.07), look.dark)
        p.rod((0, 0.19, 0), 0.12, 0.02, look.dark)
    p.bead((0, 0.15 if p.size[1] < 0.18 else 0.22, 0), (0.03, 0.03, 0.03), look.dark)
    p.add("box", (0, 0.12, -0.095), (0.03, 0.11, 0.03), body, pitch=-0.55)
    return p


def smoke_alarm(stream: Stream, look: Look) -> Piece:
    """Returns a smoke alarm; its top (y = 0.05) goes to the ceiling."""
    p = Piece("smoke_alarm")
    style = look.pick(stream, ("round", "round", "square", "dome"))
    if style == "square":
        p.box((0, 0, 0), (0.1, 0.02, 0.1), look.white, taper=1.25)
        p.box((0, 0.02, 0), (0.14, 0.03, 0.14), look.white)
    else:
        p.cylinder((0, 0.0, 0), 0.06 if style == "dome" else 0.1, 0.02, look.white, taper=1.25)
        p.cylinder((0, 0.02, 0), 0.14, 0.03, look.white)
    p.box((0.03, -0.002, 0.0), (0.008, 0.006, 0.008), Paint("lamp", (0.9, 0.1, 0.05)))
    return p


def rug(stream: Stream, look: Look, width: float, depth: float) -> Piece:
    """Returns a rug, 10 mm thick: with a border, stripes, a middle field, or plain."""
    p = Piece("rug")
    p.box((0, 0, 0), (width, 0.006, depth), look.rug_border)
    style = look.pick(stream, ("border", "stripes", "field", "plain"))
    if style == "stripes":
        for k in range(4):
            p.box(((k - 1.5) * width / 4, 0.005, 0), (0.6 * width / 4, 0.004, depth - 0.02), look.rug)
        return p
    rim = 0.03 if style == "plain" else 0.16
    p.box((0, 0.005, 0), (width - rim, 0.004, depth - rim), look.rug)
    if style == "field":
        p.box((0, 0.008, 0), (0.5 * width, 0.003, 0.5 * depth), look.rug_border)
        p.box((0, 0.0095, 0), (0.4 * width, 0.003, 0.38 * depth), Paint("rug", look.accent.color))
    return p


def picture(stream: Stream, look: Look) -> Piece:
    """Returns a framed picture of a few fields of colour; it hangs with its middle at 1.5 m."""
    p = Piece("picture")
    w, h = stream.uniform(0.4, 1.0), stream.uniform(0.35, 0.7)
    y = 1.52 - h / 2
    p.box((0, y, 0), (w, h, 0.025), stream.pick((look.dark, look.wood, look.metal)))
    p.box((0, y + 0.03, -0.011), (w - 0.06, h - 0.06, 0.008), Paint("canvas", (0.72, 0.70, 0.66)))
    iw, ih, low = w - 0.14, h - 0.14, y + 0.07
    colors = [Paint("canvas", look.pick(stream, _PICTURES)) for _ in range(4)]
    style = look.pick(stream, ("landscape", "stripes", "circles", "blocks", "portrait", "landscape"))
    if style == "stripes":
        for k in range(4):
            p.box(((k - 1.5) * iw / 4, low, -0.015), (iw / 4, ih, 0.006), colors[k])
    elif style == "blocks":
        for k in range(4):
            at = ((k % 2 - 0.5) * iw / 2, low + (k // 2) * ih / 2, -0.015)
            p.box(at, (iw / 2, ih / 2, 0.006), colors[k])
    else:
        cut = stream.uniform(0.3, 0.6)
        p.box((0, low, -0.015), (iw, ih * cut, 0.006), colors[0])
        p.box((0, low + ih * cut, -0.015), (iw, ih * (1 - cut), 0.006), colors[1])
        x, dot = stream.uniform(-0.25, 0.25) * iw, 0.4 * min(iw, ih)
        if style == "landscape":
            p.add(
                "wedge",
                (-0.5 * x, low + ih * cut + 0.1 * ih, -0.0185),
                (0.004, 0.2 * ih, 0.3 * iw),
                colors[3],
                yaw=math.pi / 2,
            )
            p.disc((x, low + ih * (0.5 + 0.5 * cut), -0.019), 0.7 * dot, 0.006, colors[2], "rod")
        elif style == "portrait":
            p.disc((0, low + 0.62 * ih, -0.02), dot, 0.006, colors[2])
            p.box((0, low, -0.019), (1.6 * dot, 0.4 * ih, 0.006), colors[3])
        else:
            for k in (-1, 1):
                p.disc((k * 0.24 * iw, low + (0.5 + 0.1 * k) * ih, -0.019 - 0.003 * k), dot, 0.006, colors[2 + (k > 0)])
    return p


def television(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a television on its feet, or on one foot."""
    p = Piece("television")
    h = 0.5625 * width
    style = look.pick(stream, ("feet", "feet", "foot", "bar"))
    if style == "bar":
        p.soft((0, 0, -0.09), (0.8 * width, 0.055, 0.08), look.dark, 0.015)
    if style == "feet":
        for sx in (-1, 1):
            p.box((sx * 0.3 * width, 0, 0), (0.03, 0.05, 0.2), look.dark)
    else:
        p.box((0, 0, 0), (0.4 * width, 0.015, 0.2), look.dark)
        p.box((0, 0, 0.01), (0.1, 0.06, 0.03), look.dark)
    p.box((0, 0.05, 0), (width, h, 0.04), look.dark)
    p.box((0, 0.062, -0.018), (width - 0.03, h - 0.024, 0.008), Paint("screen"))
    return p


def laptop(stream: Stream, look: Look) -> Piece:
    """Returns an open laptop; its user sits at the front."""
    p = Piece("laptop")
    greys: tuple[Color, ...] = ((0.4, 0.41, 0.42), (0.06, 0.06, 0.065), (0.62, 0.52, 0.44), (0.72, 0.72, 0.72))
    shell = Paint("metal", look.pick(stream, greys))
    p.box((0, 0, 0), (0.33, 0.016, 0.23), shell)
    p.box((0, 0.014, 0.02), (0.29, 0.004, 0.11), look.dark)
    p.add("box", (0, 0.12, 0.148), (0.33, 0.22, 0.01), shell, pitch=0.3)
    p.add("box", (0, 0.12, 0.142), (0.31, 0.2, 0.006), Paint("screen", (0.10, 0.20, 0.34)), pitch=0.3)
    shown = look.pick(stream, ("picture", "text", "window", "desktop"))
    if shown == "text":
        for k in range(3):
            at = (0.03, 0.17 - 0.045 * k, 0.152 - 0.0139 * k)
            p.add("box", at, (0.18, 0.016, 0.004), Paint("screen", (0.6, 0.6, 0.6)), pitch=0.3)
    elif shown in ("window", "desktop"):
        wide = 0.16 if shown == "window" else 0.26
        p.add("box", (0.02, 0.122, 0.138), (wide, 0.13, 0.004), Paint("screen", (0.55, 0.57, 0.58)), pitch=0.3)
    return p


def radio(stream: Stream, look: Look) -> Piece:
    """Returns a radio with a loudspeaker cloth, dial, knobs, and an aerial or a handle."""
    p = Piece("radio")
    body = look.pick(stream, (look.wood_second, look.white, look.dark, Paint("plastic", _RED)))
    p.soft((0, 0, 0), (0.3, 0.17, 0.12), body, 0.012)
    p.box((-0.06, 0.02, -0.056), (0.15, 0.13, 0.012), look.accent)
    p.box((0.09, 0.1, -0.056), (0.09, 0.03, 0.012), Paint("lamp"))
    for x in (0.06, 0.12):
        p.disc((x, 0.05, -0.063), 0.03, 0.02, look.chrome, "rod")
    style = look.pick(stream, ("aerial", "handle", "twin", "arch"))
    if style == "twin":
        p.box((0.09, 0.02, -0.056), (0.1, 0.012, 0.012), look.accent)
    elif style == "arch":
        p.disc((0, 0.15, 0), 0.28, 0.11, body)
    if style == "aerial":
        p.add("box", (0.1, 0.27, 0.045), (0.006, 0.22, 0.006), look.chrome, yaw=math.pi / 2, pitch=0.4)
    elif style != "arch":
        for sx in (-1, 1):
            p.box((sx * 0.11, 0.16, 0.01), (0.014, 0.05, 0.02), look.chrome)
        p.box((0, 0.205, 0.01), (0.234, 0.012, 0.02), look.chrome)
    return p


def music_box(stream: Stream, look: Look) -> Piece:
    """Returns a music box with open lid, pinned drum, comb and crank."""
    p = Piece("music_box")
    wood = look.pick(stream, (Paint("wood", _RED), look.wood_second, look.wood, Paint("wood", (0.05, 0.12, 0.16))))
    for sz in (-1, 1):
        p.box((0, 0, sz * 0.055), (0.18, 0.07, 0.01), wood)
    for sx in (-1, 1):
        p.box((sx * 0.085, 0, 0), (0.01, 0.07, 0.1), wood)
    p.box((0, 0, 0), (0.17, 0.03, 0.1), Paint("cloth", (0.30, 0.04, 0.06)))
    p.bar((-0.01, 0.058, 0.012), 0.05, 0.12, BRASS, "cylinder")
    p.box((-0.01, 0.03, -0.03), (0.11, 0.012, 0.035), look.chrome)
    p.add("box", (0, 0.125, 0.072), (0.18, 0.12, 0.01), wood, pitch=0.2)
    style = look.pick(stream, ("plain", "plain", "dancer", "feet"))
    if style == "dancer":
        p.rod((0.03, 0.07, -0.025), 0.06, 0.05, look.accent, taper=0.3)
        p.box((0.03, 0.12, -0.025), (0.02, 0.026, 0.02), Paint("skin"))
    elif style == "feet":
        for sx in (-1, 1):
            p.box((sx * 0.08, 0, 0), (0.03, 0.012, 0.13), BRASS)
    p.bar((0.1, 0.045, 0), 0.012, 0.03, look.chrome)
    p.box((0.115, 0.04, -0.012), (0.008, 0.012, 0.05), look.chrome)
    return p


def laundry_basket(stream: Stream, look: Look) -> Piece:
    """Returns a basket with clothes: round wicker, a square hamper with a lid, or an open tub."""
    p = Piece("laundry_basket")
    style = look.pick(stream, ("wicker", "hamper", "tub", "bag"))
    if style == "hamper":
        p.box((0, 0, 0), (0.4, 0.54, 0.32), Paint("wood", (0.52, 0.38, 0.22), "fabric"))
        p.box((0, 0.54, 0), (0.42, 0.04, 0.34), look.wood)
        p.box((0.12, 0.4, -0.165), (0.1, 0.16, 0.02), look.accent)
        return p
    if style == "tub":
        p.pot((0, 0, 0), 0.42, 0.3, 0.012, Paint("plastic", (0.55, 0.58, 0.62)), taper=1.25)
        for x, z, paint in ((-0.08, 0.03, look.accent), (0.1, -0.04, look.bedding)):
            p.bead((x, 0.24, z), (0.28, 0.22, 0.26), Paint("cloth", paint.color))
        return p
    wicker = Paint("wood", (0.52, 0.38, 0.22), "fabric") if style == "wicker" else Paint("cloth", look.bedding.color)
    p.pot((0, 0, 0), 0.36, 0.5, 0.014, wicker, taper=1.15)
    p.bead((0.02, 0.46, 0.0), (0.36, 0.2, 0.36), look.accent)
    return p


def vacuum_cleaner(stream: Stream, look: Look) -> Piece:
    """Returns a vacuum cleaner: body with wheels, hose, tube and nozzle; or an upright one."""
    p = Piece("vacuum_cleaner")
    colors: tuple[Color, ...] = (_RED, (0.04, 0.10, 0.26), (0.05, 0.26, 0.14), (0.50, 0.36, 0.03))
    paint = Paint("plastic", look.pick(stream, colors))
    if look.pick(stream, ("sledge", "sledge", "sledge", "upright")) == "upright":
        p.box((0, 0.01, -0.1), (0.3, 0.09, 0.26), look.dark)
        p.add("soft", (0, 0.44, 0.06), (0.24, 0.7, 0.16), paint, pitch=0.25, chamfer=0.05)
        p.add("box", (0, 0.92, 0.19), (0.03, 0.34, 0.03), look.chrome, pitch=0.25)
        p.box((0, 1.06, 0.2), (0.04, 0.04, 0.12), look.dark)
        return p
    p.soft((-0.06, 0.05, 0.1), (0.26, 0.2, 0.34), paint, 0.06)
    for sx in (-1, 1):
        p.bar((-0.06 + sx * 0.135, 0.08, 0.2), 0.16, 0.035, look.dark, "cylinder")
    p.box((-0.06, 0.25, 0.1), (0.03, 0.03, 0.16), look.dark)
    # the hose rises from the body to the handle of the tube
    p.add("rod", (-0.06, 0.2, -0.1), (0.045, 0.14, 0.045), look.dark, pitch=-1.0)
    p.add("rod", (0.02, 0.44, -0.12), (0.04, 0.5, 0.04), look.dark, yaw=1.3, pitch=0.42)
    p.add("rod", (0.13, 0.43, -0.16), (0.035, 0.86, 0.035), look.chrome, pitch=0.2)
    p.add("box", (0.13, 0.86, -0.06), (0.035, 0.035, 0.14), look.dark, pitch=-0.4)
    p.box((0.13, 0.0, -0.27), (0.26, 0.035, 0.1), look.dark)
    return p


def dog(stream: Stream, look: Look) -> Piece:
    """Returns a sitting dog; it looks to the front."""
    p = Piece("dog")
    coat = Paint("fur", look.pick(stream, _COATS))
    second = Paint("fur", look.pick(stream, _COATS))
    ears = look.pick(stream, ("hanging", "upright", "short", "shaggy"))
    if ears == "shaggy":
        p.bead((0, 0.36, -0.05), (0.27, 0.3, 0.2), coat)
    elif ears == "short":
        p.box((0, 0.16, -0.04), (0.2, 0.14, 0.1), second)
    p.add("soft", (0, 0.3, 0.08), (0.24, 0.46, 0.26), coat, pitch=0.35, chamfer=0.08)
    p.ball((0, 0.13, 0.17), (0.34, 0.26, 0.32), coat)
    for sx in (-1, 1):
        p.rod((sx * 0.08, 0, -0.06), 0.075, 0.34, coat)
        p.box((sx * 0.08, 0, -0.1), (0.08, 0.05, 0.13), second)
        if ears == "hanging":
            p.soft((sx * 0.1, 0.52, -0.02), (0.05, 0.14, 0.08), second, 0.02)
        else:
            p.box((sx * 0.07, 0.64, -0.03), (0.07, 0.11, 0.035), coat, taper=0.2)
        p.bead((sx * 0.045, 0.61, -0.155), (0.028, 0.028, 0.028), look.dark)
    p.bead((0, 0.58, -0.06), (0.21, 0.21, 0.23), coat)
    p.soft((0, 0.5, -0.18), (0.1, 0.09, 0.14), second, 0.03)
    p.box((0, 0.555, -0.247), (0.04, 0.03, 0.02), look.dark)
    p.add("box", (0, 0.43, -0.03), (0.15, 0.025, 0.17), look.accent, pitch=0.35)
    p.add("box", (0.05, 0.08, 0.36), (0.05, 0.05, 0.26), coat)
    return p


def person(stream: Stream, look: Look) -> Piece:
    """Returns a standing person; it looks to the front."""
    p = Piece("person")
    skin = Paint("skin", stream.pick(((0.60, 0.38, 0.27), (0.24, 0.12, 0.07), (0.42, 0.25, 0.15))))
    legs, top = Paint("cloth", look.pick(stream, _TROUSERS)), Paint("cloth", look.pick(stream, _PICTURES))
    scale = stream.uniform(0.93, 1.06)
    for sx in (-1, 1):
        p.soft((sx * 0.09 * scale, 0, -0.05), (0.1, 0.08, 0.26), look.dark, 0.025)
        p.cylinder((sx * 0.09 * scale, 0.07, 0), 0.13, 0.8 * scale - 0.07, legs, taper=1.2)
        p.cylinder((sx * 0.24 * scale, 0.82 * scale, 0), 0.08, 0.58 * scale, top, taper=1.25)
        p.bead((sx * 0.24 * scale, 0.78 * scale, -0.01), (0.08, 0.13, 0.09), skin)
    p.soft((0, 0.78 * scale, 0), (0.38 * scale, 0.64 * scale, 0.22), top, 0.07)
    p.cylinder((0, 1.4 * scale, 0), 0.11, 0.12 * scale, skin)
    p.ball((0, 1.61 * scale, -0.01), (0.17, 0.24, 0.2), skin)
    hair = Paint("fur", stream.pick(((0.05, 0.03, 0.02), (0.25, 0.14, 0.05), (0.40, 0.38, 0.36))))
    p.ball((0, 1.66 * scale, 0.025), (0.19, 0.2, 0.2), hair)
    for sx in (-1, 1):
        p.box((sx * 0.035, 1.62 * scale, -0.103), (0.02, 0.014, 0.012), look.dark)
    style = look.pick(stream, ("short", "long", "bun", "hat"))
    if style == "long":
        p.soft((0, 1.4 * scale, 0.075), (0.19, 0.28, 0.08), hair, 0.03)
    elif style == "bun":
        p.bead((0, 1.72 * scale, 0.11), (0.1, 0.1, 0.1), hair)
    elif style == "hat":
        p.rod((0, 1.71 * scale, 0.01), 0.21, 0.08, legs, taper=0.9)
        p.box((0, 1.71 * scale, -0.11), (0.15, 0.015, 0.1), legs)
    return p
