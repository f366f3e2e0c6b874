"""Doors, frames, windows and curtains: pieces that belong to the openings of the walls."""

from __future__ import annotations

import math

from avi_env.scene.furniture import Look, Paint, Piece, Placed, place
from avi_env.scene.house_doors import LEAF, Doorway, leaf_place
from avi_env.scene.house_layout import WALL, Hole, Run
from avi_env.scene.house_stream import Stream

__all__ = ["curtains", "door_leaf", "frame_piece", "hang_leaf", "hole_place", "window_piece"]

_CASING = (0.06, 0.015)  # width and thickness of the trim around doors [m]


def hole_place(run: Run, hole: Hole, piece: Piece, room: int, side: int = -1) -> Placed:
    """Returns a piece placed in the middle of a hole, at floor height, its front towards a side of the wall."""
    x, _, z = run.point((hole.s0 + hole.s1) / 2, 0.0, 0.0)
    forward = run.point(0.0, 0.0, float(side))
    origin = run.point(0.0, 0.0, 0.0)
    yaw = math.atan2(-(forward[0] - origin[0]), -(forward[2] - origin[2]))
    return place(piece, room, (x, -0.003, z), yaw)


def door_leaf(look: Look, width: float, height: float, handle: int = 1, front: bool = False) -> Piece:
    """Returns a door leaf with panels and handles, upright in the plane z = 0, its middle at x = 0.

    Args:
        look: paints of the house.
        width: width of the leaf [m].
        height: height of the leaf [m].
        handle: side of the handles, +1 or -1 along x.
        front: the house's front door.
    """
    p = Piece("front_door" if front else "door", ("door_knock",))
    paint = look.front_door if front else look.door
    p.box((0, 0.0, 0), (width, height, LEAF), paint)
    for y, tall in ((0.18, 0.66), (1.02, 0.86)):
        for side in (-1, 1):
            p.box((0, y, side * (LEAF / 2 + 0.003)), (width - 0.3, tall, 0.008), paint)
    for side in (-1, 1):
        x = handle * (width / 2)
        p.box((x - handle * 0.07, 0.98, side * (LEAF / 2 + 0.004)), (0.03, 0.16, 0.012), look.chrome)
        p.box((x - handle * 0.11, 1.05, side * (LEAF / 2 + 0.03)), (0.12, 0.018, 0.018), look.chrome)
        p.box((x - handle * 0.06, 1.05, side * (LEAF / 2 + 0.02)), (0.016, 0.018, 0.04), look.chrome)
    return p


def hang_leaf(doorway: Doorway, look: Look) -> Placed:
    """Returns the leaf at its hinge, as far open as the doorway says, in the room that it swings into."""
    shut = doorway.openness == 0.0
    width, height = doorway.width, doorway.hole.y1
    size = (width + 0.004, height) if shut else (width - 0.02, height - 0.02)
    x, z, yaw, handle = leaf_place(doorway)
    return place(door_leaf(look, *size, handle), doorway.swing, (x, -0.003 if shut else 0.005, z), yaw)


def frame_piece(hole: Hole, both: bool = True) -> Piece:
    """Returns the trim on the walls around a hole; without `both` only on the side of the piece's front."""
    p = Piece("door_frame")
    wide, thick = _CASING
    paint = Paint("painted_wood")
    half, top = (hole.s1 - hole.s0) / 2, hole.y1
    for side in (-1, 1) if both else (-1,):
        z = side * (WALL / 2 + thick / 2)
        for sx in (-1, 1):
            p.box((sx * (half + wide / 2), 0.002, z), (wide, top + wide, thick), paint)
        p.box((0, top, z), (2 * half, wide, thick), paint)
    return p


def window_piece(hole: Hole) -> Piece:
    """Returns a window: pane, frame bars and a sill board on the room's side (the front)."""
    p = Piece("window")
    paint = Paint("painted_wood")
    width, tall, bar = hole.s1 - hole.s0, hole.y1 - hole.y0, 0.05
    p.box((0, hole.y0 - 0.005, 0), (width + 0.01, tall + 0.01, 0.02), Paint("glass"))
    for y in (hole.y0, hole.y1 - bar):
        p.box((0, y, 0), (width, bar, 0.06), paint)
    posts = [-(width - bar) / 2, (width - bar) / 2] + ([0.0] if width > 0.95 else [])
    for x in posts:
        p.box((x, hole.y0 + bar, 0), (bar, tall - 2 * bar, 0.055), paint)
    p.box((0, hole.y0 - 0.03, -WALL / 2 - 0.05), (width + 0.1, 0.03, 0.11), paint)
    return p


def curtains(stream: Stream, look: Look, hole: Hole, height: float) -> Piece:
    """Returns drawn-back curtains on a rod, as folds of uneven depth; they hang on the front's side."""
    p = Piece("curtain")
    width = hole.s1 - hole.s0
    top = min(hole.y1 + 0.12, height - 0.06)
    bottom = 0.06 if stream.chance(0.5) else max(0.06, hole.y0 - 0.25)
    z = -WALL / 2 - 0.09
    p.box((0, top, z), (width + 0.5, 0.025, 0.025), look.metal)
    folds, fold = 4, 0.062
    for side in (-1, 1):
        for k in range(folds):
            x = side * (width / 2 + 0.2 - (k + 0.5) * fold)
            p.box((x, bottom, z + (0.012 if k % 2 else -0.012)), (fold, top - bottom, 0.05), look.curtain)
    return p
