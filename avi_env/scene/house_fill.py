"""Furnishes all rooms so that each stays walkable, hangs doors, and puts what sounds where one can get near it."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from avi_env.scene import furniture_home as home
from avi_env.scene import furniture_lamps as lamps
from avi_env.scene import furniture_small as small
from avi_env.scene import furniture_storage as storage
from avi_env.scene.furniture import Look, Paint, Placed
from avi_env.scene.house_doors import Doorway, keep_free, zone
from avi_env.scene.house_fixtures import door_leaf, dress_window, frame_piece, hang_leaf, hole_place, window_piece
from avi_env.scene.house_furnish import Furnisher, Maker
from avi_env.scene.house_layout import WALL, Hole, Run, room_outline
from avi_env.scene.house_plan import Plan
from avi_env.scene.house_rooms import furnish_room
from avi_env.scene.house_space import (
    BODY_RADIUS,
    CLEAR,
    FIXED,
    Place,
    RoomSpace,
    footprints,
    outside_boxes,
    walkable_region,
)
from avi_env.scene.house_stream import Stream
from avi_env.scene.house_walls import room_cells

__all__ = ["EMITTER_REACH", "Skeleton", "furnish_house"]

EMITTER_REACH = 0.79
"""What sounds lies within this horizontal distance of a walkable place [m]."""

Cells = npt.NDArray[np.float64]
"""Places (x, z) where one can stand [m], shape (n, 2)."""

_MIN_EMITTERS = 5
_TRIES = 5  # per room, each with less furniture
_DENSITY = (0.7, 1.15)  # of a house: how many of the optional pieces it has, 1 = usual

_BELONGINGS: dict[str, tuple[Maker, ...]] = {
    "living_room": (small.phone, small.radio, small.music_box),
    "hallway": (small.phone,),
    "bedroom": (small.alarm_clock, small.music_box, small.phone),
    "office": (small.phone, small.radio),
    "dining_room": (small.music_box, small.radio),
    "kitchen": (small.kettle, small.radio),
    "laundry": (small.radio,),
    "closet": (),
    "bathroom": (small.radio,),
}
"""Small things that sound, for rooms in which nothing else does."""

_VISITORS: tuple[tuple[Maker, float, frozenset[str]], ...] = (
    (small.person, 0.7, frozenset({"bathroom", "laundry", "closet"})),
    (small.dog, 0.45, frozenset({"bathroom", "laundry", "closet"})),
    (home.cat, 0.4, frozenset({"closet"})),
    (small.vacuum_cleaner, 0.6, frozenset()),
)
"""Who may be anywhere: maker, probability, and where not."""

_CURTAINED = {"living_room": 0.95, "bedroom": 0.95, "dining_room": 0.85, "office": 0.7, "kitchen": 0.3, "hallway": 0.4}
_RUGS = (("rug", 0.75), ("rug_thin", 0.25))
_FABRICS = (("upholstery", 0.45), ("upholstery_heavy", 0.43), ("upholstery_light", 0.12))


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
    stream = Stream(seed, "fixtures", attempt, skeleton.split)
    look, density = _fabrics(stream, look), stream.uniform(*_DENSITY)
    spaces = [_space(skeleton, room) for room in range(len(skeleton.plan.types))]
    pieces = _fixtures(stream, skeleton, look, spaces, furniture)
    pieces += _leaves(skeleton, look, spaces)
    if not furniture:
        return pieces
    fixed, cells = list(pieces), {}
    for space in spaces:
        mine = [p for p in fixed if _near(p, space)]
        made, cells[space.room] = _furnish((seed, attempt, skeleton.split), space, look, density, mine)
        if not made:
            return None
        pieces += made
    pieces += _visitors(Stream(seed, "visitors", attempt, skeleton.split), look, spaces, pieces, cells)
    pieces = _within_reach(pieces, cells)
    kinds = {p.piece.category for p in pieces if p.piece.emits}
    return pieces if len(kinds) >= _MIN_EMITTERS else None


def _fabrics(stream: Stream, look: Look) -> Look:
    """Seats of one kind of upholstery a house: how much it absorbs differs."""
    kind = stream.pick_weighted([name for name, _ in _FABRICS], [weight for _, weight in _FABRICS])
    fabric = look.fabric if look.fabric.material == "leather" else replace(look.fabric, material=kind)
    return replace(look, fabric=fabric, fabric_second=replace(look.fabric_second, material=kind))


def _space(skeleton: Skeleton, room: int) -> RoomSpace:
    plan = skeleton.plan
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
    outside = outside_boxes((x0 + half, z0 + half, x1 - half, z1 - half), cells, grid)
    space = RoomSpace(room, plan.types[room], room_outline(plan, room), outside, skeleton.height)
    for doorway in skeleton.doorways:
        if room in doorway.link.rooms:
            _open_way(space, doorway)
    if skeleton.front is not None and room == _inside(skeleton.front[0]):
        run, hole = skeleton.front
        side = run.side_of(room)
        space.add(zone(run, hole, side, 0.85, 0.08), 0.0, 2.1, CLEAR)
        space.add(zone(run, hole, side, 0.09, 0.1), -1.0, hole.y1 + 0.1, FIXED)
        space.entrance = _face(run, hole, side)
    for run, hole in skeleton.windows:
        if room == _inside(run):
            side = run.side_of(room)
            space.add(zone(run, hole, side, 0.12, 0.08), hole.y0 - 0.04, hole.y1 + 0.08, FIXED)
            space.windows.append((_face(run, hole, side), hole.s1 - hole.s0, hole.y0))
    return space


def _inside(run: Run) -> int:
    """The room behind an outer wall."""
    return max(run.low, run.high)


def _face(run: Run, hole: Hole, side: float) -> Place:
    """Middle of a hole at a face of its wall, looking into the room."""
    x, _, z = run.point((hole.s0 + hole.s1) / 2, 0.0, side * WALL / 2)
    ahead, _, across = run.point((hole.s0 + hole.s1) / 2, 0.0, side * (WALL / 2 + 1.0))
    return Place(x, z, math.atan2(-(ahead - x), -(across - z)))


def _open_way(space: RoomSpace, doorway: Doorway) -> None:
    run, hole = doorway.run, doorway.hole
    side = run.side_of(space.room)
    for box in keep_free(doorway, space.room):
        space.add(box, 0.0, 2.1, CLEAR)
    space.add(zone(run, hole, side, 0.09, 0.1), -1.0, hole.y1 + 0.1, FIXED)
    if doorway.passable:
        s = (hole.s0 + hole.s1) / 2
        if doorway.swing == space.room and doorway.openness < 1.0:  # beside a leaf that stands ajar
            s = hole.s0 + BODY_RADIUS if doorway.hinge_high else hole.s1 - BODY_RADIUS
        x, _, z = run.point(s, 0.0, side * (WALL / 2 + BODY_RADIUS + 0.05))
        space.spots.append((x, z))


def _fixtures(stream: Stream, skeleton: Skeleton, look: Look, spaces: list[RoomSpace], furniture: bool) -> list[Placed]:
    """Frames, windows with curtains, the front door, and lamps."""
    pieces = [hole_place(d.run, d.hole, frame_piece(d.hole), -1) for d in skeleton.doorways if d.link.kind != "open"]
    if skeleton.front is not None:
        run, hole = skeleton.front
        room = _inside(run)
        leaf = door_leaf(look, hole.s1 - hole.s0 + 0.004, hole.y1, front=True)
        pieces.append(hole_place(run, hole, leaf, room, int(run.side_of(room))))
        pieces.append(hole_place(run, hole, frame_piece(hole, both=False), room, int(run.side_of(room))))
    counts = [0] * len(spaces)
    for run, hole in skeleton.windows:
        space = spaces[_inside(run)]
        pieces.append(hole_place(run, hole, window_piece(hole), space.room, int(run.side_of(space.room))))
        window = space.windows[counts[space.room]]
        counts[space.room] += 1
        if furniture:
            chance = _CURTAINED.get(space.kind, 0.0)
            dressed = dress_window(stream, look, space, window, hole.y1, chance)
            pieces += [dressed] if dressed is not None else []
    return pieces + [p for space in spaces for p in _lamps(stream, look, space, skeleton)]


def _lamps(stream: Stream, look: Look, space: RoomSpace, skeleton: Skeleton) -> list[Placed]:
    """A lamp in the middle of each large part of the room, and a smoke alarm where people pass."""
    cells = room_cells(skeleton.plan, space.room)
    centre = np.mean([((a + c) / 2, (b + d) / 2) for a, b, c, d in cells], axis=0)
    room = Furnisher(stream, look, space)
    drop = 0.1 if stream.chance(0.6) or space.height < 2.55 else 0.5
    x, z = _nearest_cell(cells, (float(centre[0]), float(centre[1])))
    room.at_ceiling(lamps.ceiling_lamp(stream, look, drop), x, z)
    if space.area > 20:
        far = max(cells, key=lambda c: math.hypot((c[0] + c[2]) / 2 - x, (c[1] + c[3]) / 2 - z))
        fx, fz = (far[0] + far[2]) / 2, (far[1] + far[3]) / 2
        room.at_ceiling(lamps.ceiling_lamp(stream, look, drop), fx, fz)
    if space.kind in ("hallway", "living_room", "bedroom") and stream.chance(0.6):
        room.at_ceiling(small.smoke_alarm(stream, look), x + 0.45, z + 0.12)
    if space.kind in ("hallway", "kitchen", "living_room") and space.windows and stream.chance(0.14):
        spot = space.windows[0][0]
        room.at_ceiling(
            room.make(home.wind_chime), spot.x - 0.4 * math.sin(spot.yaw), spot.z - 0.4 * math.cos(spot.yaw)
        )
    return room.placed


def _nearest_cell(cells: list[tuple[float, float, float, float]], point: tuple[float, float]) -> tuple[float, float]:
    """The point itself if it lies in the room, else the middle of the nearest cell."""
    x, z = point
    if any(a + 0.4 < x < c - 0.4 and b + 0.4 < z < d - 0.4 for a, b, c, d in cells):
        return point
    middles = [((a + c) / 2, (b + d) / 2) for a, b, c, d in cells]
    return min(middles, key=lambda m: math.hypot(m[0] - x, m[1] - z))


def _leaves(skeleton: Skeleton, look: Look, spaces: list[RoomSpace]) -> list[Placed]:
    """Hangs the leaves: nothing may stand where they do."""
    leaves = [hang_leaf(doorway, look) for doorway in skeleton.doorways if doorway.swing >= 0]
    for leaf in leaves:
        for box in footprints(leaf):
            spaces[leaf.room].add(box, 0.0, 2.1)
    return leaves


def _near(placed: Placed, space: RoomSpace) -> bool:
    x0, z0, x1, z1 = space.bounds
    a, b, c, d = placed.box
    return a < x1 + 0.5 and x0 - 0.5 < c and b < z1 + 0.5 and z0 - 0.5 < d


def _furnish(
    key: tuple[int, int, str], space: RoomSpace, look: Look, density: float, fixed: list[Placed]
) -> tuple[list[Placed], Cells]:
    """Furnishes one room, with less and less until it can be walked through and something in reach can sound.

    Returns:
        The pieces (none if all tries failed), and the centres of the cells where one can stand.
    """
    seed, attempt, split = key
    before = len(space.taken)
    for number in range(_TRIES):
        space.rewind(before)
        stream = Stream(seed, f"furniture/{space.room}", attempt * _TRIES + number, split)
        share = density * stream.uniform(0.85, 1.15) * (1.0 - number / _TRIES)
        room = Furnisher(stream, _room_look(stream, look), space, share)
        furnish_room(room)
        room.drop_clashes(fixed)
        walkable, cells = walkable_region(space)
        if not walkable:
            continue
        count = len(room.placed)
        _add_belongings(room, cells)
        if len(room.placed) > count:
            room.drop_clashes(fixed)
            walkable, cells = walkable_region(space)
        if walkable and _audible(room.placed, cells):
            return room.placed, cells
    return [], np.zeros((0, 2))


def _room_look(stream: Stream, look: Look) -> Look:
    """Rugs, blankets and second fabrics differ from room to room, in the colours of the house."""
    colors = [p.color for p in (look.rug, look.fabric_second, look.accent, look.blanket, look.curtain) if p.color]
    material = stream.pick_weighted([name for name, _ in _RUGS], [weight for _, weight in _RUGS])
    pattern = stream.pick(("", "", "stripes", "damask", "knit"))
    return replace(
        look,
        rug=Paint(material, stream.pick(colors), pattern),
        rug_border=replace(look.rug_border, material=material),
        blanket=replace(look.blanket, color=stream.pick(colors)),
    )


def _reaches(pieces: list[Placed], cells: Cells) -> npt.NDArray[np.bool_]:
    """Which pieces one can get near enough to hear them well."""
    if not len(cells) or not pieces:
        return np.zeros(len(pieces), dtype=np.bool_)
    places = np.array([(p.center[0], p.center[2]) for p in pieces])
    away = (places[:, None, 0] - cells[None, :, 0]) ** 2 + (places[:, None, 1] - cells[None, :, 1]) ** 2
    return np.asarray(away.min(axis=1) <= EMITTER_REACH**2)


def _audible(pieces: list[Placed], cells: Cells) -> bool:
    return bool(_reaches([p for p in pieces if p.piece.emits], cells).any())


def _within_reach(pieces: list[Placed], cells: dict[int, Cells]) -> list[Placed]:
    """Takes the sound from objects that no one can get near."""
    kept = list(pieces)
    for room, places in cells.items():
        mine = [k for k, p in enumerate(pieces) if p.room == room and p.piece.emits]
        for k, near in zip(mine, _reaches([pieces[k] for k in mine], places).tolist(), strict=True):
            if not near:
                quiet = copy.copy(pieces[k].piece)
                quiet.emits = ()
                kept[k] = replace(pieces[k], piece=quiet)
    return kept


def _add_belongings(room: Furnisher, cells: Cells) -> None:
    """Sees to it that something in the room can sound."""
    if _audible(room.placed, cells):
        return
    hosts = [p for p in room.placed if p.piece.spots]
    for maker in _BELONGINGS[room.space.kind]:
        piece = room.make(maker)
        if any(room.on(piece, host) is not None for host in hosts) and _audible(room.placed[-1:], cells):
            return
    table = room.at_wall(storage.side_table(room.stream, room.look), front=0.25)
    if table is None or room.on(room.make(small.radio), table) is None:
        room.at_wall(small.vacuum_cleaner(room.stream, room.look), front=0.3, rank=room.corner())


def _visitors(
    stream: Stream, look: Look, spaces: list[RoomSpace], pieces: list[Placed], cells: dict[int, Cells]
) -> list[Placed]:
    """A person, a dog, a cat, a vacuum cleaner: each in some room where it does not stand in the way."""
    made: list[Placed] = []
    for maker, wish, shunned in _VISITORS:
        piece = maker(stream, look)
        if not stream.chance(wish) or any(p.piece.category == piece.category for p in pieces):
            continue
        order = [space for space in spaces if space.kind not in shunned]
        stream.shuffle(order)
        for space in order[:3]:
            before, room = len(space.taken), Furnisher(stream, look, space)
            placed = room.at_wall(piece, front=0.4, rank=room.corner())
            if placed is None:
                continue
            walkable, places = walkable_region(space)
            sounding = [p for p in [*pieces, *made, placed] if p.piece.emits and p.room == space.room]
            heard = _reaches(sounding, cells[space.room])
            if walkable and bool((_reaches(sounding, places) >= heard).all()):
                made.append(placed)
                cells[space.room] = places
                break
            space.rewind(before)
    return made
