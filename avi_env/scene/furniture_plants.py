"""Plants and flowers."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Color, Look, Paint, Piece
from avi_env.scene.house_stream import Stream

__all__ = ["plant", "vase"]

_POTS: tuple[Color, ...] = (
    (0.40, 0.16, 0.08),
    (0.70, 0.69, 0.66),
    (0.14, 0.16, 0.18),
    (0.30, 0.36, 0.30),
    (0.10, 0.20, 0.30),
    (0.52, 0.42, 0.22),
)


def plant(stream: Stream, look: Look) -> Piece:
    """Returns a plant in a pot: a bush, a small tree, a palm, or upright blades."""
    p = Piece("plant")
    pot, h = stream.uniform(0.24, 0.34), stream.uniform(0.7, 1.4)
    style = look.pick(stream, ("bush", "tree", "palm", "bush", "blades", "cactus"))
    h = min(h, 0.9) if style in ("blades", "cactus") else h
    base = 0.9 * pot
    glaze = Paint("porcelain", look.pick(stream, _POTS))
    shape = look.pick(stream, ("round", "round", "square", "stand"))
    if shape == "square":
        p.box((0, 0, 0), (0.8 * pot, base, 0.8 * pot), glaze, taper=1.2)
    elif shape == "stand":
        for sx in (-1, 1):
            for sz in (-1, 1):
                p.box((sx * 0.36 * pot, 0, sz * 0.36 * pot), (0.025, 0.7 * base, 0.025), look.wood)
        p.cylinder((0, 0.25 * base, 0), 0.9 * pot, 0.75 * base, glaze, taper=1.08)
    else:
        p.cylinder((0, 0, 0), 0.75 * pot, base, glaze, taper=1.33)
    p.cylinder((0, base - 0.01, 0), 0.9 * pot, 0.015, Paint("soil"))
    green = Paint("foliage", (stream.uniform(0.05, 0.1), stream.uniform(0.16, 0.24), stream.uniform(0.03, 0.06)))
    _FOLIAGE[style](p, stream, (base, h), green)
    return p


def _bush(p: Piece, stream: Stream, span: tuple[float, float], green: Paint) -> None:
    base, h = span
    p.box((0, base, 0), (0.03, 0.55 * (h - base), 0.03), _STEM)
    turn = stream.uniform(0.0, 6.0)
    for k in range(8):
        angle, lift = turn + 2.4 * k, k / 7
        reach, wide = 0.14 * (1.25 - lift), stream.uniform(0.19, 0.26) * (1.1 - 0.3 * lift)
        y = base + (h - base) * (0.3 + 0.58 * lift)
        p.bead((reach * math.cos(angle), y, reach * math.sin(angle)), (wide, 0.85 * wide, wide), green)


def _tree(p: Piece, stream: Stream, span: tuple[float, float], green: Paint) -> None:
    base, h = span
    p.rod((0, base, 0), 0.035, 0.6 * (h - base), _STEM)
    turn = stream.uniform(0.0, 6.0)
    for k in range(6):
        angle = turn + 2.4 * k
        reach, y = 0.11 if k < 5 else 0.0, h - (0.3 if k < 5 else 0.14) + 0.05 * (k % 2)
        p.bead((reach * math.cos(angle), y, reach * math.sin(angle)), (0.24, 0.24, 0.24), green)


def _palm(p: Piece, stream: Stream, span: tuple[float, float], green: Paint) -> None:
    base, h = span
    trunk = 0.5 * (h - base)
    p.rod((0, base, 0), 0.06, trunk, Paint("wood", (0.24, 0.15, 0.08)), taper=0.7)
    turn = stream.uniform(0.0, 6.0)
    for k in range(9):
        angle, tip = turn + 2.4 * k, 0.5 + 0.09 * k
        long = 0.38 * (1.1 - 0.04 * k)
        # a blade that starts on the trunk and points outwards and up
        out, up = 0.5 * long * math.cos(tip), 0.5 * long * math.sin(tip)
        at = (out * math.cos(angle), base + trunk + up, out * math.sin(angle))
        p.add("box", at, (0.07, long, 0.012), green, yaw=math.pi / 2 - angle, pitch=math.pi / 2 - tip)


def _blades(p: Piece, stream: Stream, span: tuple[float, float], green: Paint) -> None:
    base, h = span
    turn = stream.uniform(0.0, 6.0)
    for k in range(9):
        angle, lean = turn + 2.4 * k, 0.05 + 0.03 * (k % 4)
        long = (h - base) * (0.6 + 0.4 * stream.random())
        reach = 0.03 + 0.008 * k + 0.5 * long * math.sin(lean)
        at = (reach * math.cos(angle), base + 0.5 * long, reach * math.sin(angle))
        p.add("box", at, (0.035, long, 0.012), green, yaw=math.pi / 2 - angle, pitch=lean, taper=1.5)


def _cactus(p: Piece, stream: Stream, span: tuple[float, float], green: Paint) -> None:
    base, h = span
    p.rod((0, base, 0), 0.11, h - base - 0.06, green)
    p.bead((0, h - 0.06, 0), (0.11, 0.12, 0.11), green)
    for sx, level in ((-1, 0.35), (1, 0.5)):
        y = base + level * (h - base)
        p.box((sx * 0.08, y, 0), (0.1, 0.055, 0.055), green)
        p.rod((sx * 0.12, y, 0), 0.065, 0.3 * (h - base), green)


_STEM = Paint("wood", (0.14, 0.08, 0.04))
_FOLIAGE = {"bush": _bush, "tree": _tree, "palm": _palm, "blades": _blades, "cactus": _cactus}


def vase(stream: Stream, look: Look) -> Piece:
    """Returns a vase with a few flowers."""
    p = Piece("vase")
    style = look.pick(stream, ("flowers", "tall", "round", "twigs"))
    glaze = Paint("porcelain", look.pick(stream, _POTS))
    h = 0.26 if style == "tall" else 0.16
    p.rod((0, 0, 0), 0.08, h, glaze, taper=0.8 if style == "tall" else 1.3)
    if style == "round":
        p.bead((0, 0.075, 0), (0.15, 0.14, 0.15), glaze)
    count = 2 if style == "round" else 3
    for k in range(count):
        angle, high = 2.1 * k, 0.12 + 0.05 * k
        x, z = 0.035 * math.cos(angle), 0.035 * math.sin(angle)
        p.box((x, h - 0.01, z), (0.008, high + 0.01, 0.008), Paint("foliage"))
        if style != "twigs":
            p.add("rod", (x, h + high, z), (0.055, 0.035, 0.055), look.accent, taper=1.6)
    return p
