"""Seats and beds."""

from __future__ import annotations

from avi_env.scene.furniture import Look, Piece
from avi_env.scene.house_stream import Stream

__all__ = ["armchair", "bed", "chair", "office_chair", "sofa", "stool"]


def chair(stream: Stream, look: Look) -> Piece:
    """Returns a dining chair: four legs, a seat, and a back of posts and rails."""
    p = Piece("chair")
    w, d, seat = 0.43, 0.44, 0.45
    back = stream.uniform(0.82, 0.95)
    for sx in (-1, 1):
        p.box((sx * (w / 2 - 0.02), 0, -d / 2 + 0.02), (0.04, seat - 0.03, 0.04), look.wood)
        p.box((sx * (w / 2 - 0.02), 0, d / 2 - 0.02), (0.038, back, 0.038), look.wood)
    p.box((0, seat - 0.1, -d / 2 + 0.02), (w - 0.08, 0.06, 0.02), look.wood)
    p.soft((0, seat - 0.03, -0.005), (w, 0.045, d - 0.03), look.fabric_second, 0.012)
    for y in (back - 0.1, back - 0.24):
        p.box((0, y, d / 2 - 0.02), (w - 0.07, 0.08, 0.02), look.wood)
    return p


def stool(stream: Stream, look: Look) -> Piece:
    """Returns a round stool on four legs."""
    p = Piece("stool")
    height = stream.uniform(0.45, 0.5)
    p.legs(0.3, 0.3, height - 0.04, 0.035, look.wood)
    p.cylinder((0, height - 0.04, 0), 0.36, 0.045, look.wood_second)
    return p


def office_chair(stream: Stream, look: Look) -> Piece:
    """Returns a swivel chair: star base, column, seat, back and arms."""
    p = Piece("office_chair")
    p.box((0, 0.05, 0), (0.56, 0.035, 0.05), look.dark)
    p.box((0, 0.05, 0), (0.05, 0.034, 0.56), look.dark)
    for x, z in ((0.26, 0), (-0.26, 0), (0, 0.26), (0, -0.26)):
        p.ball((x, 0.03, z), (0.06, 0.06, 0.06), look.dark)
    p.cylinder((0, 0.08, 0), 0.06, 0.34, look.chrome)
    p.soft((0, 0.42, -0.01), (0.48, 0.08, 0.46), look.fabric_second, 0.03)
    p.box((0, 0.46, 0.23), (0.08, 0.16, 0.03), look.dark)
    p.soft((0, 0.58, 0.23), (0.44, stream.uniform(0.42, 0.58), 0.06), look.fabric_second, 0.025)
    for sx in (-1, 1):
        p.box((sx * 0.26, 0.44, 0.02), (0.03, 0.2, 0.04), look.dark)
        p.soft((sx * 0.26, 0.64, -0.02), (0.06, 0.03, 0.26), look.dark, 0.01)
    return p


def sofa(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a sofa of two or three seats with arms, back, cushions and pillows."""
    p = Piece("sofa")
    d, arm = 0.88, stream.uniform(0.14, 0.2)
    seats = 3 if width > 1.75 else 2
    p.legs(width - 0.1, d - 0.12, 0.1, 0.05, look.wood)
    p.soft((0, 0.1, 0.0), (width - 0.02, 0.2, d - 0.03), look.fabric, 0.02)
    p.soft((0, 0.12, d / 2 - 0.11), (width, 0.68, 0.22), look.fabric, 0.05)
    for sx in (-1, 1):
        p.soft((sx * (width - arm) / 2, 0.1, -0.01), (arm, 0.5, d - 0.02), look.fabric, 0.045)
    inner = (width - 2 * arm) / seats
    for k in range(seats):
        x = -width / 2 + arm + (k + 0.5) * inner
        p.soft((x, 0.29, -0.1), (inner - 0.012, 0.15, d - 0.26), look.fabric, 0.04)
        p.soft((x, 0.43, d / 2 - 0.28), (inner - 0.02, 0.36, 0.15), look.fabric, 0.05, pitch=0.2)
    for sx in (-1, 1):
        if stream.chance(0.7):
            x = sx * (width / 2 - arm - 0.2)
            p.soft((x, 0.44, d / 2 - 0.42), (0.4, 0.38, 0.11), look.accent, 0.05, pitch=0.35)
    return p


def armchair(stream: Stream, look: Look) -> Piece:
    """Returns an armchair."""
    p = Piece("armchair")
    w, d = stream.uniform(0.76, 0.86), 0.8
    p.legs(w - 0.1, d - 0.12, 0.12, 0.04, look.wood)
    p.soft((0, 0.12, 0), (w - 0.02, 0.16, d - 0.03), look.fabric_second, 0.02)
    p.soft((0, 0.14, d / 2 - 0.1), (w, 0.72, 0.2), look.fabric_second, 0.06)
    for sx in (-1, 1):
        p.soft((sx * (w / 2 - 0.07), 0.12, -0.01), (0.14, 0.46, d - 0.02), look.fabric_second, 0.045)
    p.soft((0, 0.27, -0.08), (w - 0.3, 0.15, d - 0.24), look.fabric_second, 0.04)
    if stream.chance(0.6):
        p.soft((0, 0.43, 0.15), (0.38, 0.36, 0.11), look.accent, 0.05, pitch=0.3)
    return p


def bed(stream: Stream, look: Look, width: float) -> Piece:
    """Returns a bed: headboard (at the back), frame on feet, mattress, blanket and pillows."""
    p = Piece("bed")
    d = 2.06
    p.legs(width - 0.06, d - 0.06, 0.16, 0.07, look.wood)
    p.box((0, 0.16, -0.02), (width, 0.14, d - 0.04), look.wood)
    head = stream.uniform(0.85, 1.15)
    if stream.chance(0.5):
        p.soft((0, 0.16, d / 2 - 0.04), (width + 0.04, head - 0.16, 0.08), look.fabric_second, 0.02)
    else:
        p.box((0, 0.1, d / 2 - 0.025), (width + 0.04, head - 0.1, 0.05), look.wood)
        p.box((0, head, d / 2 - 0.025), (width + 0.08, 0.04, 0.07), look.wood)
    p.soft((0, 0.28, -0.04), (width - 0.06, 0.22, d - 0.14), look.bedding, 0.05)
    p.soft((0, 0.34, -0.33), (width - 0.01, 0.2, d - 0.74), look.blanket, 0.05)
    p.soft((0, 0.35, 0.3), (width - 0.005, 0.2, 0.24), look.bedding, 0.05)
    pillows = 2 if width > 1.25 else 1
    for k in range(pillows):
        x = (k - (pillows - 1) / 2) * width / 2
        p.soft((x, 0.5, d / 2 - 0.36), (min(0.66, width / pillows - 0.14), 0.13, 0.4), look.bedding, 0.06, pitch=0.25)
    return p
