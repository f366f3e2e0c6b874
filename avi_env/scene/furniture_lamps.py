"""Lamps."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Look, Paint, Piece
from avi_env.scene.house_stream import Stream

__all__ = ["ceiling_lamp", "floor_lamp", "table_lamp"]


def ceiling_lamp(stream: Stream, look: Look, height: float) -> Piece:
    """Returns a flush lamp or a pendant; its top goes to the ceiling at `height` above its own bottom."""
    p = Piece("ceiling_lamp")
    if height < 0.15:
        style = look.pick(stream, ("bowl", "square", "ring", "spots"))
        if style == "square":
            p.box((0, 0, 0), (0.36, height - 0.02, 0.36), look.shade)
            p.box((0, height - 0.02, 0), (0.4, 0.02, 0.4), look.metal)
        elif style == "spots":
            p.box((0, height - 0.03, 0), (0.6, 0.03, 0.09), look.metal)
            for x in (-0.22, 0.0, 0.22):
                p.rod((x, 0, 0), 0.08, height - 0.03, look.shade)
        else:
            p.cylinder((0, 0.0, 0), 0.22 if style == "bowl" else 0.34, height - 0.02, look.shade, taper=1.2)
            p.cylinder((0, height - 0.02, 0), 0.3, 0.02, look.metal)
        return p
    style = look.pick(stream, ("globe", "drum", "cone", "globe", "cluster", "lantern"))
    if style == "drum":
        p.cylinder((0, 0, 0), 0.4, 0.22, look.shade, taper=0.95)
    elif style == "cone":
        p.rod((0, 0.03, 0), 0.14, 0.02, look.shade)
        p.cylinder((0, 0.05, 0), 0.36, 0.17, look.metal, taper=0.25)
    elif style == "cluster":
        for x, z, y in ((-0.13, 0.0, 0.07), (0.1, 0.09, 0.09), (0.06, -0.12, 0.11)):
            p.bead((x, y, z), (0.13, 0.13, 0.13), look.shade)
            p.box((x, y + 0.05, z), (0.012, height - 0.06 - y, 0.012), look.dark)
        p.cylinder((0, height - 0.03, 0), 0.34, 0.03, look.metal)
        return p
    elif style == "lantern":
        for k in range(3):
            p.cylinder((0, 0.08 * k, 0), 0.3 - 0.08 * abs(k - 1), 0.08, look.shade)
    else:
        p.ball((0, 0.11, 0), (0.22, 0.22, 0.22), look.shade)
    p.rod((0, 0.2, 0), 0.07, 0.05, look.metal, taper=0.5)
    p.box((0, 0.25, 0), (0.012, height - 0.27, 0.012), look.dark)
    p.rod((0, height - 0.02, 0), 0.1, 0.02, look.metal)
    return p


def table_lamp(stream: Stream, look: Look) -> Piece:
    """Returns a small lamp: a vase, a column or a cube below a shade, or a ball of light."""
    p = Piece("table_lamp")
    style = look.pick(stream, ("vase", "column", "globe", "block", "arm", "tripod"))
    p.rod((0, 0, 0), 0.14, 0.02, look.metal)
    if style == "globe":
        p.rod((0, 0.02, 0), 0.08, 0.04, look.metal)
        p.ball((0, 0.14, 0), (0.19, 0.18, 0.19), look.shade)
        return p
    if style == "arm":
        p.box((0, 0.02, 0.03), (0.018, 0.34, 0.018), look.metal)
        p.box((0, 0.34, -0.06), (0.018, 0.018, 0.2), look.metal)
        p.rod((0, 0.29, -0.15), 0.14, 0.08, look.metal, taper=0.5)
        p.rod((0, 0.28, -0.15), 0.11, 0.012, look.shade)
        return p
    ceramic = Paint("porcelain", look.accent.color)
    if style == "vase":
        p.bead((0, 0.1, 0), (0.13, 0.17, 0.13), ceramic)
    elif style == "block":
        p.box((0, 0.02, 0), (0.1, 0.13, 0.1), look.wood_second)
    elif style == "column":
        p.rod((0, 0.02, 0), 0.045, 0.16, look.wood_second)
    else:
        for k in range(3):
            a = 2.1 * k
            at = (0.035 * math.cos(a), 0.1, 0.035 * math.sin(a))
            p.add("box", at, (0.014, 0.18, 0.014), look.wood, yaw=-a - math.pi / 2, pitch=0.3)
    p.box((0, 0.13, 0), (0.015, 0.09, 0.015), look.metal)
    p.cylinder((0, 0.2, 0), 0.25, 0.17, look.shade, taper=1.0 if style == "block" else 0.6)
    return p


def floor_lamp(stream: Stream, look: Look) -> Piece:
    """Returns a standing lamp: with a shade, on three legs, an arc, or an uplight."""
    p = Piece("floor_lamp")
    h = stream.uniform(1.45, 1.7)
    style = look.pick(stream, ("shade", "tripod", "shade", "uplight", "arc", "column"))
    if style == "column":
        p.rod((0, 0, 0), 0.26, 0.03, look.metal)
        p.cylinder((0, 0.03, 0), 0.22, h - 0.3, look.shade)
        return p
    if style == "tripod":
        for k in range(3):
            a = 2 * math.pi * k / 3
            at = (0.13 * math.cos(a), (h - 0.3) / 2, 0.13 * math.sin(a))
            p.add("box", at, (0.03, h - 0.31, 0.03), look.wood, yaw=-a - math.pi / 2, pitch=0.19)
    else:
        p.cylinder((0, 0, 0), 0.28, 0.025, look.metal)
        p.rod((0, 0.025, 0), 0.028, h - 0.3, look.metal)
    if style == "uplight":
        p.cylinder((0, h - 0.3, 0), 0.1, 0.12, look.metal, taper=3.2)
        p.cylinder((0, h - 0.185, 0), 0.28, 0.012, look.shade)
    elif style == "arc":
        p.add("box", (0, h - 0.21, -0.12), (0.025, 0.025, 0.32), look.metal, pitch=0.4)
        p.box((0, h - 0.2, -0.36), (0.025, 0.025, 0.24), look.metal)
        p.cylinder((0, h - 0.34, -0.46), 0.3, 0.16, look.shade, taper=0.5)
    else:
        p.cylinder((0, h - 0.3, 0), 0.38, 0.28, look.shade, taper=0.65 if style == "shade" else 0.9)
    return p
