"""Door leaves and frames, windows, curtains and blinds: pieces that belong to the openings of the walls."""

from __future__ import annotations

import math
from dataclasses import replace

from avi_env.scene import furniture_textile as textile
from avi_env.scene.furniture import Look, Paint, Piece, Placed, place
from avi_env.scene.house_doors import LEAF, Doorway, leaf_place
from avi_env.scene.house_layout import WALL, Hole, Run
from avi_env.scene.house_space import FIXED, SOLID, Place, RoomSpace
from avi_env.scene.house_stream import Stream

__all__ = ["door_leaf", "dress_window", "frame_piece", "hang_leaf", "hole_place", "window_piece"]

_CASING = (0.06, 0.015)  # width and thickness of the trim around doors [m]
_SILL = 0.115  # how far the sill board reaches into the room [m]
_ROD = 0.06  # height of a curtain's rod with its ends [m]


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
    p = Piece("front_door" if front else "door")
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


def dress_window(
    stream: Stream, look: Look, space: RoomSpace, window: tuple[Place, float, float], head: float, chance: float
) -> Placed | None:
    """Hangs curtains or a blind before a window, or nothing, and takes the space.

    Args:
        stream: source of chance.
        look: paints of the room.
        space: the room.
        window: middle of the window at the wall's face, its width and the height of its sill [m].
        head: height of its upper edge [m].
        chance: probability of curtains; where there are none, a blind is as likely as nothing.
    """
    spot, width, sill = window
    spare = min(_room_beside(space, spot))
    top = min(head + 0.12, space.height - 0.07)
    if stream.chance(chance) and spare > width / 2 + 0.3:
        bottom = 0.03 if stream.chance(0.65) or sill < 0.6 else sill - 0.12
        cloth = stream.pick_weighted(("curtain", "curtain_heavy", "curtain_light"), (0.4, 0.45, 0.15))
        dressed = replace(look, curtain=replace(look.curtain, material=cloth))
        piece = textile.curtain(stream, dressed, width, top, bottom, drawn=stream.uniform(0.5, 1.0))
        placed = _before_wall(piece, space.room, spot, _SILL)
        if _take_curtain(space, placed):
            return placed
    if stream.chance(0.5):
        placed = _before_wall(textile.blinds(stream, look, width - 0.04, sill + 0.1, head), space.room, spot, 0.01)
        space.add(placed.box, *placed.span, FIXED)
        return placed
    return None


def _room_beside(space: RoomSpace, spot: Place) -> list[float]:
    """Distances from a point of a wall to both ends of that wall [m]."""
    for wall in space.walls:
        x, z = spot.x - wall.start[0], spot.z - wall.start[1]
        along, across = x * wall.step[0] + z * wall.step[1], x * wall.normal[0] + z * wall.normal[1]
        if abs(across) < 0.01 and 0.0 < along < wall.length:
            return [along, wall.length - along]
    return [0.0, 0.0]


def _before_wall(piece: Piece, room: int, spot: Place, gap: float) -> Placed:
    out = gap + piece.size[2] / 2 + piece.middle[2]
    return place(piece, room, (spot.x - math.sin(spot.yaw) * out, -0.003, spot.z - math.cos(spot.yaw) * out), spot.yaw)


def _stacks(placed: Placed) -> list[tuple[float, float, float, float]]:
    """Rectangles of the two stacks of folds."""
    boxes = []
    for side in (-1, 1):
        folds = [r for _, r, _ in placed.piece.parts if r[4] > 0.3 and r[0] * side > 0]
        x = [r[0] + k * r[3] / 2 for r in folds for k in (-1, 1)]
        deep = placed.piece.size[2] / 2
        a, b = placed.world((min(x), 0.0, -deep)), placed.world((max(x), 0.0, deep))
        boxes.append((min(a[0], b[0]), min(a[2], b[2]), max(a[0], b[0]), max(a[2], b[2])))
    return boxes


def _take_curtain(space: RoomSpace, placed: Placed) -> bool:
    """Takes the space of the two stacks of folds and of the rod between them, unless another curtain is there."""
    stacks = _stacks(placed)
    solids = [t.box for t in space.taken if t.kind == SOLID]
    rods = [t.box for t in space.taken if t.kind == FIXED and t.y1 - t.y0 < _ROD + 0.01]
    if any(_meet(mine, box) for mine in stacks for box in solids) or any(_meet(placed.box, box) for box in rods):
        return False
    for box in stacks:
        space.add(box, *placed.span, SOLID)
    space.add(placed.box, placed.span[1] - _ROD, placed.span[1], FIXED)
    return True


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
