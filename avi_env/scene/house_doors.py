"""Door leaves of generated houses: which way they hang, how far they stand open, and the floor they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from avi_env.scene.house_layout import WALL, Hole, Run
from avi_env.scene.house_links import Link
from avi_env.scene.house_stream import Stream

__all__ = ["LEAF", "Doorway", "hang_leaves", "keep_free", "leaf_place", "zone"]

LEAF = 0.04
"""Thickness of a door leaf [m]."""

Box = tuple[float, float, float, float]
"""Rectangle (x0, z0, x1, z1) [m]."""

_OFF = WALL / 2 + 0.015 + LEAF / 2 + 0.055  # from the wall's middle to an open leaf: the casing and a handle [m]
_HANDLE = 0.05  # how far handles stand out of a leaf [m]
_FLAT = 3.05  # turn of a leaf that is folded back to its wall [rad]
_SQUARE = math.pi / 2
_PASSABLE = math.radians(50.0)  # at 50 degrees 0.5 m stay free beside a leaf of 0.83 m: an agent of radius 0.2 m
_PASSAGE = 0.55  # free width that a leaf leaves between itself and the opposite wall [m]
_FRONT, _BEHIND = 0.35, 0.5  # what stays free beyond a leaf's swing, and on the other side [m] (ProcTHOR's)


@dataclass(frozen=True)
class Doorway:
    """A placed link: the hole, its run, and how its leaf hangs."""

    run: Run
    hole: Hole
    link: Link
    swing: int = -1
    """Room into which the leaf swings, -1 = no leaf."""
    hinge_high: bool = False
    """Whether the hinge is at the hole's end of larger s."""
    angle: float = 0.0
    """Turn of the leaf from shut to fully open [rad]."""

    @property
    def openness(self) -> float:
        """How far it is open, 0 shut .. 1 open; 1 without a leaf."""
        return self.link.openness if self.swing >= 0 else 1.0

    @property
    def passable(self) -> bool:
        """Whether an agent of radius 0.2 m can walk through as the leaf stands."""
        return self.swing < 0 or self.angle * self.openness >= _PASSABLE

    @property
    def width(self) -> float:
        """Width of the hole [m]."""
        return self.hole.s1 - self.hole.s0

    def box(self, along: tuple[float, float], across: tuple[float, float]) -> Box:
        """Returns a rectangle of the world, given from the hinge's jamb inwards and from the wall into the room."""
        sign, side = (-1.0 if self.hinge_high else 1.0), self.run.side_of(self.swing)
        jamb = self.hole.s1 if self.hinge_high else self.hole.s0
        return _box(self.run, (jamb + sign * along[0], jamb + sign * along[1]), (side * across[0], side * across[1]))


def _box(run: Run, s: tuple[float, float], n: tuple[float, float]) -> Box:
    a, b = run.point(s[0], 0.0, n[0]), run.point(s[1], 0.0, n[1])
    return (min(a[0], b[0]), min(a[2], b[2]), max(a[0], b[0]), max(a[2], b[2]))


def zone(run: Run, hole: Hole, side: float, depth: float, margin: float) -> Box:
    """Returns the rectangle before a hole on one side (-1 or 1) of its wall.

    Args:
        run: the wall.
        hole: the hole.
        side: -1 or 1, see `Run.side_of`.
        depth: how far it reaches from the wall's face [m].
        margin: how far it reaches beyond the hole's ends [m].
    """
    return _box(run, (hole.s0 - margin, hole.s1 + margin), (0.0, side * (WALL / 2 + depth)))


def keep_free(doorway: Doorway, room: int) -> list[Box]:
    """Returns the rectangles (x0, z0, x1, z1) [m] of a room in which nothing may stand because of a doorway."""
    side = doorway.run.side_of(room)
    if doorway.swing != room:
        return [zone(doorway.run, doorway.hole, side, _BEHIND, 0.08)]
    reach = doorway.width + _OFF
    boxes = [zone(doorway.run, doorway.hole, side, reach - WALL / 2 + _FRONT, 0.08)]
    return [*boxes, doorway.box((-doorway.width - 0.1, 0.0), (0.0, reach))] if doorway.angle > 2.0 else boxes


def leaf_place(doorway: Doorway) -> tuple[float, float, float, int]:
    """Returns where a leaf stands: middle x and z [m], yaw [rad], and the side of its handle (+1 or -1 along its x).

    The leaf turns about one axis between its frame and its place beside the wall's face. Its front (-Z) faces away from
    the wall: a shut leaf's into the room it swings to, an open one's towards the free floor.
    """
    run, turn = doorway.run, doorway.angle * doorway.openness
    sign, side = (-1.0 if doorway.hinge_high else 1.0), run.side_of(doorway.swing)
    along, across = _middle(doorway.width, doorway.angle, turn)
    facing = (sign * math.sin(turn), -side * math.cos(turn)) if turn else (0.0, side)
    jamb = doorway.hole.s1 if doorway.hinge_high else doorway.hole.s0
    x, _, z = run.point(jamb + sign * along, 0.0, side * across)
    ox, _, oz = run.point(0.0, 0.0, 0.0)
    fx, _, fz = run.point(facing[0], 0.0, facing[1])
    dx, _, dz = run.point(sign * math.cos(turn), 0.0, side * math.sin(turn))
    yaw = math.atan2(-(fx - ox), -(fz - oz))
    return x, z, yaw, 1 if (dx - ox) * math.cos(yaw) - (dz - oz) * math.sin(yaw) > 0 else -1


def _middle(width: float, full: float, turn: float) -> tuple[float, float]:
    """Middle of a leaf (along from the hinge's jamb, across from the wall's middle) at a turn of its full angle."""
    x, y = width / 2, 0.0
    if turn == 0.0:
        return x, y
    ex, ey = -LEAF / 2 + math.cos(full) * width / 2, _OFF + math.sin(full) * width / 2
    hx, hy, lean = (ex - x) / 2, (ey - y) / 2, 1.0 / math.tan(full / 2)
    px, py = x + hx - hy * lean, y + hy + hx * lean  # the axis about which the full turn carries one to the other
    c, s = math.cos(turn), math.sin(turn)
    return px + c * (x - px) - s * (y - py), py + s * (x - px) + c * (y - py)


def hang_leaves(
    stream: Stream, doorways: Sequence[Doorway], runs: Sequence[Run], spans: Sequence[float], taken: Sequence[Box]
) -> list[Doorway]:
    """Returns the doorways with their leaves hung; one for which no leaf can swing stays without (a doorway).

    Args:
        stream: source of chance.
        doorways: the placed links; those of kind "door" get a leaf.
        runs: all walls.
        spans: floor area of each room [m2], 0 for hallways: leaves prefer to swing where most space is.
        taken: rectangles that no leaf may stand in: before the front door and the windows.
    """
    hung = list(doorways)
    ways = {k: _approaches(d) for k, d in enumerate(doorways)}
    leaves: list[tuple[int, Box]] = []
    passages: list[Box] = []
    for number, doorway in enumerate(doorways):
        if doorway.link.kind != "door":
            continue
        others = [*taken, *passages, *(box for k, boxes in ways.items() if k != number for box in boxes)]
        made = next((o for o in _options(stream, doorway, spans) if _swings_free(o, runs, others, leaves)), None)
        if made is None:
            hung[number] = replace(doorway, link=doorway.link._replace(kind="doorway", openness=1.0))
        else:
            hung[number] = made
            leaves.append((made.swing, _leaf_box(made, _HANDLE)))
            passages.append(_passage(made, made.openness))
    return hung


def _approaches(doorway: Doorway) -> list[Box]:
    return [zone(doorway.run, doorway.hole, side, 0.65, 0.04) for side in (-1.0, 1.0)]


def _passage(doorway: Doorway, openness: float) -> Box:
    """A leaf's place and the way past its end."""
    turn, half = doorway.angle * openness, doorway.width / 2
    along, across = _middle(doorway.width, doorway.angle, turn)
    reach = half * abs(math.cos(turn)) + LEAF
    return doorway.box((along - reach, along + reach), (0.08, across + half * math.sin(turn) + _HANDLE + _PASSAGE))


def _options(stream: Stream, doorway: Doorway, spans: Sequence[float]) -> list[Doorway]:
    """Ways to hang a leaf, the best first: at right angles at the jamb near a corner, into the larger room."""
    run, hole = doorway.run, doorway.hole
    near = hole.s0 - run.s0 > run.s1 - hole.s1
    rooms = sorted(doorway.link.rooms, key=lambda r: -min(spans[r], 16.0) * stream.uniform(0.8, 1.25))
    flat_first = stream.chance(0.3)
    ways = []
    for room in rooms:
        angles = (_FLAT, _SQUARE) if flat_first and spans[room] > 14.0 else (_SQUARE, _FLAT)
        for angle in angles:
            ways += [Doorway(run, hole, doorway.link, room, high, angle) for high in (near, not near)]
    return ways


def _swings_free(
    option: Doorway, runs: Sequence[Run], others: Sequence[Box], leaves: Sequence[tuple[int, Box]]
) -> bool:
    """Whether the leaf can turn in its room, leaves a passage and stands in nobody's way."""
    run, reach = option.run, option.width + _OFF
    flat = option.angle > 2.0
    beside = run.s1 - option.hole.s1 if option.hinge_high else option.hole.s0 - run.s0
    if flat and beside < option.width + 0.06:
        return False
    sweep = option.box((-reach if flat else -0.06, option.width + 0.02), (0.08, reach + 0.02))
    spaces = (sweep, _passage(option, 1.0), _passage(option, option.openness))
    walls = [_wall_box(r) for r in runs if r is not run and option.swing in (r.low, r.high)]
    if any(_meet(box, wall) for wall in walls for box in spaces):
        return False
    if any(_meet(_leaf_box(option, _HANDLE), other) for other in others):
        return False
    x0, z0, x1, z1 = _leaf_box(option, _HANDLE)  # two leaves may not fence off a corner
    near = (x0 - _PASSAGE, z0 - _PASSAGE, x1 + _PASSAGE, z1 + _PASSAGE)
    return not any(
        _meet(near, leaf) if room == option.swing else any(_meet(box, leaf) for box in spaces) for room, leaf in leaves
    )


def _leaf_box(doorway: Doorway, grow: float) -> Box:
    x, z, yaw, _ = leaf_place(doorway)
    c, s, half = abs(math.cos(yaw)), abs(math.sin(yaw)), doorway.width / 2
    across = LEAF / 2 + grow
    hx, hz = half * c + across * s, half * s + across * c
    return (x - hx, z - hz, x + hx, z + hz)


def _wall_box(run: Run) -> Box:
    return _box(run, (run.s0 - WALL, run.s1 + WALL), (-WALL / 2, WALL / 2))


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
