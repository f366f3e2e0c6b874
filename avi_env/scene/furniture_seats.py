"""Seats and beds."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Look, Paint, Piece
from avi_env.scene.furniture_parts import legs
from avi_env.scene.house_stream import Stream

__all__ = ["armchair", "bed", "bench", "chair", "office_chair", "sofa", "stool"]


def chair(stream: Stream, look: Look) -> Piece:
    """Returns a dining chair; its back is of rails, spindles, a board, padded, or a cross."""
    p = Piece("chair")
    w, d, seat = 0.43, 0.44, 0.45
    back = stream.uniform(0.82, 0.95)
    style = look.pick(stream, ("rails", "spindles", "board", "padded", "cross", "shell"))
    if style == "shell":
        legs(p, look, (w, seat - 0.02, d - 0.04), 0.04, look.wood, "splayed")
        shell = Paint("plastic", look.accent.color)
        p.soft((0, seat - 0.03, -0.01), (w, 0.04, d - 0.02), shell, 0.015)
        p.add("soft", (0, seat + 0.2, d / 2 - 0.03), (w - 0.02, 0.42, 0.03), shell, pitch=0.14, chamfer=0.01)
        return p
    for sx in (-1, 1):
        front = (sx * (w / 2 - 0.02), 0, -d / 2 + 0.02)
        if look.leg in ("round", "turned"):
            p.rod(front, 0.03, seat - 0.02, look.wood, taper=1.3)
        else:
            p.box(front, (0.03, seat - 0.02, 0.03), look.wood, taper=1.3)
        p.box((sx * (w / 2 - 0.02), 0, d / 2 - 0.02), (0.036, back, 0.036), look.wood)
        p.box((sx * (w / 2 - 0.025), seat - 0.16, 0), (0.02, 0.04, d - 0.06), look.wood)
    p.box((0, seat - 0.1, -d / 2 + 0.02), (w - 0.08, 0.06, 0.02), look.wood)
    p.soft((0, seat - 0.03, -0.005), (w, 0.045, d - 0.03), look.fabric_second if style != "board" else look.wood, 0.012)
    z, inner = d / 2 - 0.02, w - 0.07
    if style in ("rails", "spindles", "cross"):
        p.box((0, back - 0.08, z), (inner, 0.07, 0.02), look.wood)
        p.box((0, seat + 0.12, z), (inner, 0.045, 0.02), look.wood)
    if style == "rails":
        p.box((0, (back + seat) / 2, z), (inner, 0.05, 0.02), look.wood)
    elif style == "spindles":
        for k in range(5):
            p.box(((k - 2) * 0.065, seat + 0.14, z), (0.016, back - seat - 0.2, 0.014), look.wood)
    elif style == "board":
        p.box((0, seat + 0.14, z), (inner, back - seat - 0.14, 0.018), look.wood)
    elif style == "padded":
        p.soft((0, seat + 0.1, z - 0.005), (w - 0.06, back - seat - 0.08, 0.05), look.fabric_second, 0.015)
    else:
        for lean in (-0.75, 0.75):
            p.add("box", (0, (seat + back) / 2 + 0.02, z), (0.022, 0.3, 0.022), look.wood, yaw=math.pi / 2, pitch=lean)
    return p


def stool(stream: Stream, look: Look) -> Piece:
    """Returns a low stool: round, square or padded."""
    p = Piece("stool")
    height = stream.uniform(0.45, 0.5)
    style = look.pick(stream, ("round", "square", "padded", "block"))
    if style == "block":
        p.cylinder((0, 0, 0), 0.34, height, look.wood_second, taper=0.9)
        return p
    legs(p, look, (0.32, height - 0.04, 0.32), 0.04, look.wood)
    if style == "round":
        p.cylinder((0, height - 0.04, 0), 0.36, 0.04, look.wood_second)
    elif style == "padded":
        p.cylinder((0, height - 0.04, 0), 0.37, 0.07, look.fabric_second)
    else:
        p.box((0, height - 0.04, 0), (0.36, 0.04, 0.36), look.wood_second)
    return p


def office_chair(stream: Stream, look: Look) -> Piece:
    """Returns a swivel chair: star base on castors, column, seat, back, with or without arms."""
    p = Piece("office_chair")
    for yaw in (0.0, math.pi / 2):
        p.add("box", (0, 0.0675, 0), (0.56, 0.035, 0.05), look.dark, yaw=yaw)
    for x, z in ((0.26, 0), (-0.26, 0), (0, 0.26), (0, -0.26)):
        p.bead((x, 0.03, z), (0.06, 0.06, 0.06), look.dark)
    p.rod((0, 0.08, 0), 0.06, 0.34, look.chrome)
    p.soft((0, 0.42, -0.01), (0.48, 0.08, 0.46), look.fabric_second, 0.03)
    p.box((0, 0.46, 0.23), (0.08, 0.16, 0.03), look.dark)
    style = look.pick(stream, ("arms", "plain", "head", "mesh"))
    tall = stream.uniform(0.42, 0.58)
    if style == "mesh":
        for k in range(5):
            p.box((0, 0.58 + k * tall / 5, 0.23), (0.44, tall / 5 - 0.02, 0.03), look.dark)
        for sx in (-1, 1):
            p.box((sx * 0.22, 0.56, 0.235), (0.025, tall + 0.02, 0.04), look.dark)
    else:
        p.soft((0, 0.58, 0.23), (0.44, tall, 0.06), look.fabric_second, 0.025)
    if style == "head":
        p.soft((0, 0.62 + tall, 0.23), (0.28, 0.16, 0.06), look.fabric_second, 0.025)
        p.box((0, 0.55 + tall, 0.235), (0.05, 0.12, 0.03), look.dark)
    if style != "plain":
        for sx in (-1, 1):
            p.box((sx * 0.26, 0.44, 0.02), (0.03, 0.2, 0.04), look.dark)
            p.soft((sx * 0.26, 0.64, -0.02), (0.06, 0.03, 0.26), look.dark, 0.01)
    return p


def sofa(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a sofa of two or three seats with arms, back, cushions and pillows."""
    p = Piece("sofa")
    d, fabric = 0.88, look.fabric
    style = look.pick(stream, ("cushions", "block", "rolled", "frame", "tufted", "low"))
    arm = {"block": 0.22, "frame": 0.06, "rolled": 0.16, "low": 0.26}.get(style, stream.uniform(0.14, 0.2))
    high = {"rolled": 0.44, "low": 0.36, "block": 0.5}.get(style, 0.5)
    back = {"low": 0.58, "block": 0.62, "tufted": 0.76}.get(style, 0.7)
    seats = 3 if width > 1.75 else 2
    legs(p, look, (width - 0.1, 0.11, d - 0.12), 0.05, look.wood, "square" if look.leg == "splayed" else "")
    p.soft((0, 0.1, 0.0), (width - 0.02, 0.2, d - 0.03), look.wood if style == "frame" else fabric, 0.02)
    p.soft((0, 0.12, d / 2 - 0.11), (width, back, 0.22), fabric, 0.05)
    for sx in (-1, 1):
        x = sx * (width - arm) / 2
        if style == "frame":
            p.box((x, 0.1, -d / 2 + 0.05), (arm, high, 0.06), look.wood)
            p.box((x, 0.1 + high, -0.02), (arm + 0.02, 0.04, d - 0.1), look.wood)
            continue
        p.soft((x, 0.1, -0.01), (arm, high, d - 0.02), fabric, 0.045)
        if style == "rolled":
            p.add("cylinder", (x, 0.1 + high, -0.01), (arm + 0.03, d - 0.02, arm + 0.03), fabric, pitch=math.pi / 2)
    inner = (width - 2 * arm) / seats
    for k in range(seats):
        x = -width / 2 + arm + (k + 0.5) * inner
        p.soft((x, 0.29, -0.1), (inner - 0.012, 0.15, d - 0.26), fabric, 0.04)
        if style == "tufted":
            for u, v in ((-0.2, 0.56), (0.2, 0.56), (-0.2, 0.74), (0.2, 0.74)):
                p.add("box", (x + u * inner, v, d / 2 - 0.22), (0.03, 0.03, 0.02), fabric, yaw=math.pi / 4)
        elif style != "low":
            p.soft((x, 0.43, d / 2 - 0.28), (inner - 0.02, 0.36, 0.15), fabric, 0.05, pitch=0.2)
    for sx in (-1, 1):
        if stream.chance(0.7):
            x = sx * (width / 2 - arm - 0.2)
            p.soft((x, 0.44, d / 2 - 0.42), (0.4, 0.38, 0.11), Paint("upholstery", look.accent.color), 0.05, pitch=0.35)
    return p


def armchair(stream: Stream, look: Look) -> Piece:
    """Returns an armchair: soft with arms, with wings, on a wooden frame, or a round tub."""
    p = Piece("armchair")
    w, d, fabric = stream.uniform(0.76, 0.86), 0.8, look.fabric_second
    style = look.pick(stream, ("soft", "wing", "frame", "tub"))
    if style == "frame":
        for sx in (-1, 1):
            x = sx * (w / 2 - 0.03)
            for z in (-d / 2 + 0.06, d / 2 - 0.12):
                p.box((x, 0, z), (0.045, 0.58, 0.05), look.wood)
            p.box((x, 0.57, -0.02), (0.08, 0.035, d - 0.06), look.wood)
            p.box((x, 0.24, -0.02), (0.035, 0.06, d - 0.2), look.wood)
        p.soft((0, 0.26, -0.04), (w - 0.12, 0.18, d - 0.14), fabric, 0.045)
        p.soft((0, 0.38, d / 2 - 0.18), (w - 0.12, 0.5, 0.16), fabric, 0.05, pitch=0.22)
        return p
    legs(p, look, (w - 0.1, 0.13, d - 0.12), 0.045, look.wood, "square" if look.leg == "splayed" else "")
    p.soft((0, 0.12, 0), (w - 0.02, 0.16, d - 0.03), fabric, 0.02)
    tall, high = {"wing": 0.92, "tub": 0.58}.get(style, 0.72), 0.56 if style == "tub" else 0.46
    p.soft((0, 0.14, d / 2 - 0.1), (w, tall, 0.2), fabric, 0.06)
    for sx in (-1, 1):
        p.soft((sx * (w / 2 - 0.07), 0.12, -0.01), (0.14, high, d - 0.02), fabric, 0.06 if style == "tub" else 0.045)
        if style == "wing":
            p.soft((sx * (w / 2 - 0.06), 0.56, d / 2 - 0.24), (0.1, 0.46, 0.26), fabric, 0.04)
    p.soft((0, 0.27, -0.08), (w - 0.3, 0.15, d - 0.24), fabric, 0.04)
    if stream.chance(0.6):
        p.soft((0, 0.43, 0.15), (0.38, 0.36, 0.11), Paint("upholstery", look.accent.color), 0.05, pitch=0.3)
    return p


def bed(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a bed: headboard (at the back), frame on feet, mattress, blanket and pillows."""
    p = Piece("bed")
    d = 2.06
    style = look.pick(stream, ("padded", "board", "slats", "bars", "posts", "wall"))
    head = stream.uniform(0.85, 1.15)
    low = 0.16
    for sx in (-1, 1):
        for sz in (-1, 1):
            p.box((sx * (width / 2 - 0.06), 0, sz * (d / 2 - 0.06)), (0.07, low, 0.07), look.wood)
    p.box((0, low, -0.02), (width, 0.14, d - 0.04), look.wood)
    z = d / 2 - 0.025
    if style == "padded":
        p.soft((0, low, d / 2 - 0.04), (width + 0.04, head - low, 0.08), look.fabric_second, 0.02)
    elif style == "wall":
        for k in range(3):
            at = ((k - 1) * (width + 0.2) / 3, 0.3, d / 2 - 0.04)
            p.soft(at, ((width + 0.2) / 3 - 0.01, head - 0.3, 0.08), look.fabric_second, 0.025)
    elif style == "board":
        p.box((0, 0.1, z), (width + 0.04, head - 0.1, 0.05), look.wood)
        p.box((0, head, z), (width + 0.08, 0.04, 0.07), look.wood)
    else:
        _headboard(p, look, width, (head, z), style)
    p.soft((0, 0.28, -0.04), (width - 0.06, 0.22, d - 0.14), look.bedding, 0.05)
    p.soft((0, 0.34, -0.33), (width - 0.01, 0.2, d - 0.74), look.blanket, 0.05)
    p.soft((0, 0.35, 0.3), (width - 0.005, 0.2, 0.24), look.bedding, 0.05)
    pillows = 2 if width > 1.25 else 1
    for k in range(pillows):
        x = (k - (pillows - 1) / 2) * width / 2
        p.soft((x, 0.5, d / 2 - 0.36), (min(0.66, width / pillows - 0.14), 0.13, 0.4), look.bedding, 0.06, pitch=0.25)
    if look.pick(stream, (False, False, True, True)):
        p.soft((0, 0.39, -0.62), (width + 0.02, 0.17, 0.5), Paint("bedding", look.accent.color), 0.05)
    return p


def _headboard(p: Piece, look: Look, width: float, head: tuple[float, float], style: str) -> None:
    high, z = head
    paint = look.metal if style == "bars" else look.wood
    for sx in (-1, 1):
        p.box((sx * (width / 2 - 0.01), 0, z), (0.05, high + (0.1 if style == "posts" else 0.0), 0.05), paint)
        if style == "posts":
            p.bead((sx * (width / 2 - 0.01), high + 0.12, z), (0.07, 0.07, 0.07), paint)
    p.box((0, high - 0.06, z), (width - 0.06, 0.06, 0.03), paint)
    if style == "bars":
        count = max(5, round(width / 0.16))
        for k in range(count):
            x = ((k + 0.5) / count - 0.5) * (width - 0.1)
            p.box((x, 0.3, z), (0.018, high - 0.33, 0.018), paint)
    else:
        for k in range(3):
            p.box((0, high - 0.2 - 0.16 * k, z), (width - 0.06, 0.1, 0.022), paint)


def bench(stream: Stream, look: Look) -> Piece:
    """Returns a bench for a hallway or a table, with or without a cushion."""
    p = Piece("bench")
    w, d, h = stream.uniform(0.9, 1.3), 0.36, 0.45
    legs(p, look, (w - 0.06, h - 0.035, d - 0.02), 0.055, look.wood)
    p.box((0, h - 0.035, 0), (w, 0.035, d), look.wood)
    style = look.pick(stream, ("plain", "cushion", "back", "shelf"))
    if style == "cushion":
        p.soft((0, h, 0), (w - 0.02, 0.06, d - 0.02), look.fabric_second, 0.02)
    elif style == "back":
        for sx in (-1, 1):
            p.box((sx * (w / 2 - 0.05), h, d / 2 - 0.02), (0.04, 0.4, 0.03), look.wood)
        for y in (h + 0.14, h + 0.3):
            p.box((0, y, d / 2 - 0.025), (w - 0.02, 0.09, 0.02), look.wood)
    elif style == "shelf":
        p.box((0, 0.16, 0), (w - 0.14, 0.02, d - 0.06), look.wood)
        p.spots = [(-0.2 * w, 0.18, 0), (0.2 * w, 0.18, 0)]
    return p
