"""Furnishes all rooms so that each stays walkable, hangs doors, and puts what sounds where one can get near it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from avi_env.scene import furniture_small as small
from avi_env.scene.furniture import Look, Piece, Placed
from avi_env.scene.house_doors import Doorway, keep_free, zone
from avi_env.scene.house_fixtures import curtains, door_leaf, frame_piece, hang_leaf, hole_place, window_piece
from avi_env.scene.house_furnish import Furnisher
from avi_env.scene.house_layout import WALL, Hole, Run, room_outline
from avi_env.scene.house_plan import Plan
from avi_env.scene.house_rooms import furnish_room
from avi_env.scene.house_space import BODY_RADIUS, RoomSpace, WalkSpot, footprint, is_walkable, outside_boxes
from avi_env.scene.house_stream import Stream
from avi_env.scene.house_walls import room_cells

__all__ = ["EMITTER_REACH", "Skeleton", "furnish_house"]

EMITTER_REACH = 0.72
"""What sounds lies within this horizontal distance of a walkable place [m]."""

Cells = npt.NDArray[np.float64]
"""Places (x, z) where one can stand [m], shape (n, 2)."""

_MIN_EMITTERS = 5
_TRIES = 5  # per room, each with less furniture

_BELONGINGS: dict[str, tuple[str, ...]] = {
    "living_room": ("phone", "radio", "dog", "music_box"),
    "hallway": ("phone", "vacuum_cleaner"),
    "bedroom": ("alarm_clock", "music_box", "phone"),
    "office": ("phone", "radio"),
    "dining_room": ("music_box", "radio", "dog"),
    "kitchen": ("kettle", "radio"),
    "laundry": ("vacuum_cleaner", "radio"),
    "bathroom": ("radio",),
    "closet": ("vacuum_cleaner", "radio"),
}


@dataclass
class Skeleton:
    """The house before it is furnished."""

    plan: Plan
    runs: list[Run]
    doorways: list[Doorway]
    front: tuple[Run, Hole] | None
    windows: list[tuple[Run, Hole]]
    height: float
    split: str = "train"
    """Part of every stream's key."""


def furnish_house(seed: int, attempt: int, skeleton: Skeleton, look: Look, furniture: bool) -> list[Placed] | None:
    """Returns every piece of the house, or None if some room cannot be walked through (try another layout)."""
    spaces = [_space(skeleton, room) for room in range(len(skeleton.plan.types))]
    fixtures = _fixtures(Stream(seed, "fixtures", attempt), skeleton, look, spaces, furniture)
    leaves = _hang_leaves(skeleton, look, spaces)
    pieces = [*fixtures, *leaves]
    if not furniture:
        return pieces
    cells: dict[int, Cells] = {}
    for space in spaces:
        mine = [p for p in (*leaves, *fixtures) if _near(p, space)]
        made, cells[space.room] = _furnish(seed, attempt, space, look, skeleton.height, mine)
        if not made:
            return None
        pieces += made
    pieces = [_silenced(p, cells[p.room]) if p.room in cells else p for p in pieces]
    pieces += _visitors(Stream(seed, "visitors", attempt), look, spaces, pieces)
    kinds = {p.piece.category for p in pieces if p.piece.emits}
    return pieces if len(kinds) >= _MIN_EMITTERS else None


def _space(skeleton: Skeleton, room: int) -> RoomSpace:
    plan = skeleton.plan
    outline = room_outline(plan, room)
    cells = room_cells(plan, room)
    x0, z0 = min(c[0] for c in cells), min(c[1] for c in cells)
    x1, z1 = max(c[2] for c in cells), max(c[3] for c in cells)
    grid = [
        (a, b, c, d)
        for a, c in zip(plan.xs[:-1], plan.xs[1:], strict=True)
        for b, d in zip(plan.zs[:-1], plan.zs[1:], strict=True)
        if a >= x0 and c <= x1 and b >= z0 and d <= z1
    ]
    half = WALL / 2
    bounds = (x0 + half, z0 + half, x1 - half, z1 - half)
    space = RoomSpace(room, plan.types[room], outline, outside_boxes(bounds, cells, grid))
    for doorway in skeleton.doorways:
        if room in doorway.link.rooms:
            _open_way(space, doorway)
    if skeleton.front is not None and room == max(skeleton.front[0].low, skeleton.front[0].high):
        run, hole = skeleton.front
        space.clears.append(zone(run, hole, run.side_of(room), 0.85, 0.08))
        space.hangings.append(zone(run, hole, run.side_of(room), 0.3, 0.12))
    for run, hole in skeleton.windows:
        if room == max(run.low, run.high):
            space.windows.append(zone(run, hole, run.side_of(room), 0.35, 0.2))
    return space


def _open_way(space: RoomSpace, doorway: Doorway) -> None:
    run, hole = doorway.run, doorway.hole
    side = run.side_of(space.room)
    space.clears += keep_free(doorway, space.room)
    space.hangings.append(zone(run, hole, side, 0.3, 0.12))
    if doorway.passable:
        x, _, z = run.point((hole.s0 + hole.s1) / 2, 0.0, side * (WALL / 2 + BODY_RADIUS + 0.05))
        space.spots.append(WalkSpot(x, z))


def _fixtures(stream: Stream, skeleton: Skeleton, look: Look, spaces: list[RoomSpace], furniture: bool) -> list[Placed]:
    """Frames, windows with curtains, the front door, shut leaves, and lamps."""
    pieces = []
    for doorway in skeleton.doorways:
        if doorway.link.kind != "open":
            pieces.append(hole_place(doorway.run, doorway.hole, frame_piece(doorway.hole), -1))
    if skeleton.front is not None:
        run, hole = skeleton.front
        room = max(run.low, run.high)
        leaf = door_leaf(look, hole.s1 - hole.s0 + 0.004, hole.y1, front=True)
        pieces.append(hole_place(run, hole, leaf, room, int(run.side_of(room))))
        pieces.append(hole_place(run, hole, frame_piece(hole, both=False), room, int(run.side_of(room))))
    for run, hole in skeleton.windows:
        room = max(run.low, run.high)
        side = int(run.side_of(room))
        pieces.append(hole_place(run, hole, window_piece(hole), room, side))
        if furniture and skeleton.plan.types[room] in ("living_room", "bedroom", "dining_room", "office"):
            if stream.chance(0.7):
                hung = hole_place(run, hole, curtains(stream, look, hole, skeleton.height), room, side)
                pieces.append(hung)
                spaces[room].windows.append(footprint(hung, 0.02))
                spaces[room].hangings.append(footprint(hung, 0.02))
    pieces += [p for space in spaces for p in _lamps(stream, look, space, skeleton)]
    return pieces


def _lamps(stream: Stream, look: Look, space: RoomSpace, skeleton: Skeleton) -> list[Placed]:
    """A lamp in the middle of each large part of the room, and a smoke alarm where people pass."""
    cells = room_cells(skeleton.plan, space.room)
    centre = np.mean([((a + c) / 2, (b + d) / 2) for a, b, c, d in cells], axis=0)
    room = Furnisher(stream, look, space, skeleton.height)
    drop = 0.1 if stream.chance(0.6) or skeleton.height < 2.55 else 0.5
    x, z = _nearest_cell(cells, (float(centre[0]), float(centre[1])))
    room.at_ceiling(small.ceiling_lamp(stream, look, drop), x, z)
    if space.area > 20:
        far = max(cells, key=lambda c: math.hypot((c[0] + c[2]) / 2 - x, (c[1] + c[3]) / 2 - z))
        fx, fz = (far[0] + far[2]) / 2, (far[1] + far[3]) / 2
        room.at_ceiling(small.ceiling_lamp(stream, look, drop), fx, fz)
    if space.kind in ("hallway", "living_room", "bedroom") and stream.chance(0.6):
        room.at_ceiling(small.smoke_alarm(stream, look), x + 0.45, z + 0.12)
    return room.placed


def _nearest_cell(cells: list[tuple[float, float, float, float]], point: tuple[float, float]) -> tuple[float, float]:
    """The point itself if it lies in the room, else the middle of the nearest cell."""
    x, z = point
    if any(a + 0.4 < x < c - 0.4 and b + 0.4 < z < d - 0.4 for a, b, c, d in cells):
        return point
    middles = [((a + c) / 2, (b + d) / 2) for a, b, c, d in cells]
    return min(middles, key=lambda m: math.hypot(m[0] - x, m[1] - z))


def _hang_leaves(skeleton: Skeleton, look: Look, spaces: list[RoomSpace]) -> list[Placed]:
    """Hangs the leaves: nothing may stand where they do."""
    leaves = [hang_leaf(doorway, look) for doorway in skeleton.doorways if doorway.swing >= 0]
    for leaf in leaves:
        spaces[leaf.room].solids.append(footprint(leaf))
    return leaves


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _near(placed: Placed, space: RoomSpace) -> bool:
    x0, z0, x1, z1 = space.bounds
    return _meet(footprint(placed), (x0 - 0.5, z0 - 0.5, x1 + 0.5, z1 + 0.5))


def _furnish(
    seed: int, attempt: int, space: RoomSpace, look: Look, height: float, fixed: list[Placed]
) -> tuple[list[Placed], Cells]:
    """Furnishes one room, with less and less until it can be walked through and something in reach can sound.

    Returns:
        The pieces (none if all tries failed), and the centres of the cells where one can stand.
    """
    solids, clears, hangings = list(space.solids), list(space.clears), list(space.hangings)
    for number in range(_TRIES):
        space.solids, space.clears, space.hangings = list(solids), list(clears), list(hangings)
        stream = Stream(seed, f"furniture/{space.room}", attempt * _TRIES + number)
        room = Furnisher(stream, look, space, height, 1.0 - number / _TRIES)
        furnish_room(room)
        walkable, cells = is_walkable(space, [*fixed, *room.placed])
        if not walkable:
            continue
        count = len(room.placed)
        _add_belongings(room, cells)
        if len(room.placed) > count:
            walkable, cells = is_walkable(space, [*fixed, *room.placed])
        if walkable and any(p.piece.emits and _reach(p, cells) <= EMITTER_REACH for p in room.placed):
            return room.placed, cells
    return [], np.zeros((0, 2))


def _silenced(placed: Placed, cells: Cells) -> Placed:
    """Takes the sound from an object that no one can get near."""
    if not placed.piece.emits or _reach(placed, cells) <= EMITTER_REACH:
        return placed
    quiet = Piece(placed.piece.category)
    quiet.__dict__.update({**placed.piece.__dict__, "emits": ()})
    return replace(placed, piece=quiet)


def _reach(placed: Placed, cells: Cells) -> float:
    if not len(cells):
        return math.inf
    x, _, z = placed.center
    return float(np.sqrt(((cells - (x, z)) ** 2).sum(axis=1).min()))


def _add_belongings(room: Furnisher, cells: Cells) -> None:
    """Sees to it that something in the room can sound."""
    if any(p.piece.emits and _reach(p, cells) <= EMITTER_REACH for p in room.placed):
        return
    hosts = [p for p in room.placed if p.piece.spots]
    for name in _BELONGINGS[room.space.kind]:
        piece: Piece = getattr(small, name)(room.stream, room.look)
        if name in ("dog", "vacuum_cleaner"):
            if room.at_wall(piece, front=0.4, rank=room.corner()) is not None:
                return
        elif any(room.on(piece, host) is not None for host in hosts):
            return
    room.at_wall(small.vacuum_cleaner(room.stream, room.look), front=0.3, rank=room.corner())


def _visitors(stream: Stream, look: Look, spaces: list[RoomSpace], pieces: list[Placed]) -> list[Placed]:
    """A person, a dog, a vacuum cleaner: each in some room where it does not stand in the way."""
    made: list[Placed] = []
    for name, wish in (("person", 0.7), ("dog", 0.6), ("vacuum_cleaner", 0.7)):
        if not stream.chance(wish) or any(p.piece.category == name for p in [*pieces, *made]):
            continue
        order = list(spaces)
        stream.shuffle(order)
        for space in order[:3]:
            if name != "vacuum_cleaner" and space.kind in ("bathroom", "laundry"):
                continue
            there = [p for p in [*pieces, *made] if _near(p, space)]
            room = Furnisher(stream, look, space, 0.0)
            piece: Piece = getattr(small, name)(stream, look)
            placed = room.at_wall(piece, front=0.4, rank=room.corner())
            if placed is not None:
                walkable, cells = is_walkable(space, [*there, placed])
                sounding = [p for p in [*there, placed] if p.piece.emits and p.room == space.room]
                if walkable and all(_reach(p, cells) <= EMITTER_REACH for p in sounding):
                    made.append(placed)
                    break
                space.solids.pop()
    return made
