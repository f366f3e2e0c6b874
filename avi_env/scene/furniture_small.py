"""Lamps, plants, pictures, small things, and what sounds: phones, clocks, kettles, radios, a dog, a person."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.house_stream import Stream

__all__ = [
    "alarm_clock",
    "ceiling_lamp",
    "dog",
    "floor_lamp",
    "kettle",
    "laptop",
    "laundry_basket",
    "music_box",
    "person",
    "phone",
    "picture",
    "plant",
    "radio",
    "rug",
    "smoke_alarm",
    "table_lamp",
    "television",
    "vacuum_cleaner",
    "vase",
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
_POTS: tuple[Color, ...] = ((0.40, 0.16, 0.08), (0.70, 0.69, 0.66), (0.14, 0.16, 0.18))
_TROUSERS: tuple[Color, ...] = ((0.05, 0.07, 0.14), (0.12, 0.11, 0.10), (0.22, 0.18, 0.12))


def phone(stream: Stream, look: Look) -> Piece:
    """Returns a desk telephone: base, keypad, handset on its cradle."""
    p = Piece("phone", ("phone",))
    paint = Paint("plastic", _RED) if stream.chance(0.5) else Paint("plastic", (0.03, 0.03, 0.035))
    p.soft((0, 0, 0), (0.2, 0.06, 0.18), paint, 0.015)
    p.box((0.02, 0.055, -0.03), (0.1, 0.012, 0.08), Paint("plastic", (0.6, 0.6, 0.58)))
    p.box((0, 0.06, 0.055), (0.14, 0.025, 0.03), paint)
    p.soft((0, 0.08, 0.055), (0.23, 0.03, 0.045), paint, 0.01)
    return p


def alarm_clock(stream: Stream, look: Look) -> Piece:
    """Returns a round alarm clock with two bells."""
    p = Piece("alarm_clock", ("alarm_clock",))
    p.add("cylinder", (0, 0.075, 0), (0.11, 0.05, 0.11), look.metal, pitch=math.pi / 2)
    p.add("cylinder", (0, 0.075, -0.027), (0.095, 0.006, 0.095), look.white, pitch=math.pi / 2)
    p.box((0, 0.075, -0.033), (0.006, 0.036, 0.004), look.dark)
    for sx in (-1, 1):
        p.box((sx * 0.035, 0, 0), (0.015, 0.035, 0.015), look.metal)
        p.ball((sx * 0.035, 0.138, 0), (0.05, 0.04, 0.05), look.chrome)
    return p


def kettle(stream: Stream, look: Look) -> Piece:
    """Returns a kettle with spout, lid and handle."""
    p = Piece("kettle", ("kettle",))
    p.cylinder((0, 0, 0), 0.17, 0.02, look.dark)
    p.cylinder((0, 0.02, 0), 0.17, 0.17, look.chrome, taper=0.75)
    p.cylinder((0, 0.19, 0), 0.12, 0.02, look.dark)
    p.ball((0, 0.22, 0), (0.03, 0.03, 0.03), look.dark)
    p.box((0, 0.13, -0.09), (0.03, 0.05, 0.06), look.chrome)
    p.box((0, 0.06, 0.115), (0.022, 0.14, 0.022), look.dark)
    p.box((0, 0.18, 0.09), (0.022, 0.022, 0.07), look.dark)
    return p


def smoke_alarm(stream: Stream, look: Look) -> Piece:
    """Returns a smoke alarm; its top (y = 0.05) goes to the ceiling."""
    p = Piece("smoke_alarm", ("smoke_alarm",))
    p.cylinder((0, 0.0, 0), 0.1, 0.02, look.white, taper=1.25)
    p.cylinder((0, 0.02, 0), 0.14, 0.03, look.white)
    return p


def ceiling_lamp(stream: Stream, look: Look, height: float) -> Piece:
    """Returns a flush lamp or a pendant; its top goes to the ceiling at `height` above its own bottom."""
    p = Piece("ceiling_lamp")
    if height < 0.15:
        p.cylinder((0, 0.0, 0), 0.22, height - 0.02, look.shade, taper=1.2)
        p.cylinder((0, height - 0.02, 0), 0.3, 0.02, look.metal)
        return p
    p.ball((0, 0.11, 0), (0.22, 0.22, 0.22), look.shade)
    p.cylinder((0, 0.2, 0), 0.07, 0.05, look.metal, taper=0.5)
    p.cylinder((0, 0.25, 0), 0.012, height - 0.27, look.dark)
    p.cylinder((0, height - 0.02, 0), 0.1, 0.02, look.metal)
    return p


def table_lamp(stream: Stream, look: Look) -> Piece:
    """Returns a small lamp with a shade."""
    p = Piece("table_lamp")
    p.cylinder((0, 0, 0), 0.13, 0.02, look.metal)
    p.ball((0, 0.1, 0), (0.11, 0.16, 0.11), look.accent)
    p.cylinder((0, 0.16, 0), 0.015, 0.06, look.metal)
    p.cylinder((0, 0.2, 0), 0.24, 0.17, look.shade, taper=0.6)
    return p


def floor_lamp(stream: Stream, look: Look) -> Piece:
    """Returns a standing lamp."""
    p = Piece("floor_lamp")
    h = stream.uniform(1.45, 1.7)
    p.cylinder((0, 0, 0), 0.28, 0.025, look.metal)
    p.cylinder((0, 0.025, 0), 0.025, h - 0.3, look.metal)
    p.cylinder((0, h - 0.3, 0), 0.38, 0.28, look.shade, taper=0.65)
    return p


def plant(stream: Stream, look: Look) -> Piece:
    """Returns a plant in a pot: stems and a crown of leaf clumps."""
    p = Piece("plant")
    pot, h = stream.uniform(0.24, 0.34), stream.uniform(0.7, 1.4)
    base = 0.9 * pot
    p.cylinder((0, 0, 0), 0.75 * pot, base, Paint("porcelain", stream.pick(_POTS)), taper=1.33)
    p.cylinder((0, base - 0.01, 0), 0.9 * pot, 0.015, Paint("soil"))
    p.cylinder((0, base, 0), 0.03, 0.55 * (h - base), Paint("wood", (0.14, 0.08, 0.04)))
    green = Paint("foliage", (stream.uniform(0.05, 0.1), stream.uniform(0.16, 0.24), stream.uniform(0.03, 0.06)))
    turn = stream.uniform(0.0, 6.0)
    for k in range(6):
        angle, lift = turn + 2.4 * k, k / 5
        reach = 0.13 * (1.2 - lift)
        wide = stream.uniform(0.2, 0.28) * (1.1 - 0.3 * lift)
        y = base + (h - base) * (0.35 + 0.55 * lift)
        p.ball((reach * math.cos(angle), y, reach * math.sin(angle)), (wide, 0.9 * wide, wide), green)
    return p


def rug(stream: Stream, look: Look, width: float, depth: float) -> Piece:
    """Returns a rug, 8 mm thick, with a border."""
    p = Piece("rug")
    p.box((0, 0, 0), (width, 0.006, depth), look.rug_border)
    p.box((0, 0.005, 0), (width - 0.16, 0.004, depth - 0.16), look.rug)
    return p


def picture(stream: Stream, look: Look) -> Piece:
    """Returns a framed picture of a few fields of colour; it hangs with its middle at 1.5 m."""
    p = Piece("picture")
    w, h = stream.uniform(0.4, 1.0), stream.uniform(0.35, 0.7)
    y = 1.52 - h / 2
    p.box((0, y, 0), (w, h, 0.025), look.dark if stream.chance(0.5) else look.wood)
    p.box((0, y + 0.03, -0.011), (w - 0.06, h - 0.06, 0.008), Paint("canvas", (0.72, 0.70, 0.66)))
    iw, ih = w - 0.14, h - 0.14
    cut = stream.uniform(0.3, 0.6)
    p.box((0, y + 0.07, -0.015), (iw, ih * cut, 0.006), Paint("canvas", stream.pick(_PICTURES)))
    p.box((0, y + 0.07 + ih * cut, -0.015), (iw, ih * (1 - cut), 0.006), Paint("canvas", stream.pick(_PICTURES)))
    x = stream.uniform(-0.25, 0.25) * iw
    dot = 0.35 * min(iw, ih)
    p.add(
        "cylinder",
        (x, y + 0.07 + ih * cut, -0.018),
        (dot, 0.006, dot),
        Paint("canvas", stream.pick(_PICTURES)),
        pitch=math.pi / 2,
    )
    return p


def television(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a television on its feet."""
    p = Piece("television", ("speech_babble",))
    h = 0.5625 * width
    for sx in (-1, 1):
        p.box((sx * 0.3 * width, 0, 0), (0.03, 0.05, 0.2), look.dark)
    p.box((0, 0.05, 0), (width, h, 0.04), look.dark)
    p.box((0, 0.062, -0.018), (width - 0.03, h - 0.024, 0.008), Paint("screen"))
    return p


def laptop(stream: Stream, look: Look) -> Piece:
    """Returns an open laptop; its user sits at the front."""
    p = Piece("laptop")
    shell = Paint("metal", (0.4, 0.41, 0.42))
    p.box((0, 0, 0), (0.33, 0.016, 0.23), shell)
    p.box((0, 0.014, 0.02), (0.29, 0.004, 0.11), look.dark)
    p.add("box", (0, 0.12, 0.148), (0.33, 0.22, 0.01), shell, pitch=0.3)
    p.add("box", (0, 0.12, 0.142), (0.31, 0.2, 0.006), Paint("screen", (0.10, 0.20, 0.34)), pitch=0.3)
    return p


def radio(stream: Stream, look: Look) -> Piece:
    """Returns a radio with a loudspeaker cloth, dial and aerial."""
    p = Piece("radio", ("speech_babble",))
    p.soft((0, 0, 0), (0.3, 0.17, 0.12), look.wood_second, 0.012)
    p.box((-0.06, 0.02, -0.056), (0.15, 0.13, 0.012), look.accent)
    p.box((0.09, 0.1, -0.056), (0.09, 0.03, 0.012), Paint("lamp"))
    for x in (0.06, 0.12):
        p.add("cylinder", (x, 0.05, -0.063), (0.03, 0.02, 0.03), look.chrome, pitch=math.pi / 2)
    return p


def music_box(stream: Stream, look: Look) -> Piece:
    """Returns a music box with open lid, drum and crank."""
    p = Piece("music_box", ("music_box",))
    p.box((0, 0, 0), (0.16, 0.07, 0.12), Paint("wood", _RED))
    p.box((0, 0.07, 0), (0.14, 0.008, 0.1), Paint("metal", (0.55, 0.38, 0.10)))
    p.add("cylinder", (0, 0.085, -0.01), (0.035, 0.1, 0.035), Paint("metal", (0.55, 0.38, 0.10)), pitch=math.pi / 2)
    p.add("box", (0, 0.12, 0.063), (0.16, 0.11, 0.01), Paint("wood", _RED), pitch=0.15)
    p.box((0.095, 0.03, 0), (0.03, 0.012, 0.012), look.chrome)
    return p


def vase(stream: Stream, look: Look) -> Piece:
    """Returns a vase with a few flowers."""
    p = Piece("vase")
    p.cylinder((0, 0, 0), 0.08, 0.16, Paint("porcelain", stream.pick(_POTS)), taper=1.3)
    for k in range(4):
        angle = 1.6 * k
        x, z = 0.035 * math.cos(angle), 0.035 * math.sin(angle)
        p.cylinder((x, 0.15, z), 0.008, 0.12, Paint("foliage"))
        p.ball((x, 0.29, z), (0.06, 0.05, 0.06), look.accent)
    return p


def laundry_basket(stream: Stream, look: Look) -> Piece:
    """Returns a basket with clothes."""
    p = Piece("laundry_basket")
    p.cylinder((0, 0, 0), 0.36, 0.5, Paint("wood", (0.52, 0.38, 0.22), "fabric"), taper=1.15)
    p.ball((0.03, 0.5, 0.0), (0.34, 0.14, 0.34), look.accent)
    return p


def vacuum_cleaner(stream: Stream, look: Look) -> Piece:
    """Returns a vacuum cleaner: body with wheels, hose, tube and nozzle."""
    p = Piece("vacuum_cleaner", ("vacuum_cleaner",))
    paint = Paint("plastic", _RED) if stream.chance(0.5) else Paint("plastic", (0.04, 0.10, 0.26))
    p.soft((0, 0.05, 0.06), (0.26, 0.2, 0.34), paint, 0.06)
    for sx in (-1, 1):
        p.add("box", (sx * 0.14, 0.08, 0.14), (0.03, 0.16, 0.16), look.dark)
    p.box((0, 0.25, 0.06), (0.03, 0.04, 0.16), look.dark)
    p.add("cylinder", (0, 0.16, -0.16), (0.045, 0.2, 0.045), look.dark, pitch=1.2)
    p.add("cylinder", (0.08, 0.45, -0.22), (0.035, 0.86, 0.035), look.chrome, pitch=0.08)
    p.box((0.08, 0.0, -0.26), (0.26, 0.035, 0.1), look.dark)
    return p


def dog(stream: Stream, look: Look) -> Piece:
    """Returns a sitting dog; it looks to the front."""
    p = Piece("dog", ("dog_bark",))
    coat = Paint("fur", stream.pick(((0.36, 0.22, 0.10), (0.06, 0.05, 0.05), (0.55, 0.48, 0.38))))
    p.add("soft", (0, 0.3, 0.08), (0.24, 0.46, 0.26), coat, pitch=0.35, chamfer=0.08)
    p.ball((0, 0.13, 0.17), (0.34, 0.26, 0.32), coat)
    for sx in (-1, 1):
        p.cylinder((sx * 0.08, 0, -0.06), 0.07, 0.34, coat)
        p.soft((sx * 0.08, 0, -0.1), (0.08, 0.05, 0.13), coat, 0.02)
        p.soft((sx * 0.1, 0.52, -0.02), (0.05, 0.14, 0.08), coat, 0.02)
    p.ball((0, 0.58, -0.06), (0.2, 0.2, 0.22), coat)
    p.soft((0, 0.5, -0.18), (0.1, 0.09, 0.14), coat, 0.03)
    p.ball((0, 0.57, -0.25), (0.04, 0.03, 0.03), look.dark)
    p.add("box", (0.05, 0.08, 0.36), (0.05, 0.05, 0.26), coat)
    return p


def person(stream: Stream, look: Look) -> Piece:
    """Returns a standing person; it looks to the front."""
    p = Piece("person", ("footsteps", "speech_babble"))
    skin = Paint("skin", stream.pick(((0.60, 0.38, 0.27), (0.24, 0.12, 0.07), (0.42, 0.25, 0.15))))
    legs, top = Paint("cloth", stream.pick(_TROUSERS)), Paint("cloth", stream.pick(_PICTURES))
    scale = stream.uniform(0.93, 1.06)
    for sx in (-1, 1):
        p.soft((sx * 0.09 * scale, 0, -0.05), (0.1, 0.08, 0.26), look.dark, 0.025)
        p.cylinder((sx * 0.09 * scale, 0.07, 0), 0.13, 0.8 * scale - 0.07, legs, taper=1.2)
        p.cylinder((sx * 0.24 * scale, 0.82 * scale, 0), 0.08, 0.58 * scale, top, taper=1.25)
        p.ball((sx * 0.24 * scale, 0.78 * scale, -0.01), (0.08, 0.13, 0.09), skin)
    p.soft((0, 0.78 * scale, 0), (0.38 * scale, 0.64 * scale, 0.22), top, 0.07)
    p.cylinder((0, 1.4 * scale, 0), 0.11, 0.12 * scale, skin)
    p.ball((0, 1.61 * scale, -0.01), (0.17, 0.24, 0.2), skin)
    hair = Paint("fur", stream.pick(((0.05, 0.03, 0.02), (0.25, 0.14, 0.05), (0.40, 0.38, 0.36))))
    p.ball((0, 1.66 * scale, 0.025), (0.19, 0.2, 0.2), hair)
    return p
