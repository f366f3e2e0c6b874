"""Where doors, openings and windows go in the wall runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from avi_env.scene.house_doors import Doorway
from avi_env.scene.house_layout import Hole, Run
from avi_env.scene.house_links import Link
from avi_env.scene.house_stream import Stream

__all__ = ["DOOR_HEIGHT", "place_doors", "place_front_door", "place_windows"]

DOOR_HEIGHT = 2.05
"""Clear height of doors [m]."""

_MARGIN = 0.14  # least distance of a door from the end of its run: room for the casing
_GAP = 0.2  # least distance between two holes of one run
_WIDE = 1.5  # least length of a run for an opening without a leaf that is wider than a door
_FRONT_ROOMS = (
    "hallway",
    "living_room",
    "kitchen",
    "dining_room",
    "office",
    "bedroom",
    "laundry",
    "bathroom",
    "closet",
)


class _Window(NamedTuple):
    """Ranges from which a kind of window is drawn [m]."""

    width: tuple[float, float]
    sill: tuple[float, float]
    head: tuple[float, float]


_USUAL = _Window((0.9, 1.8), (0.8, 1.0), (2.0, 2.2))
_NARROW = _Window((0.55, 0.8), (0.7, 1.0), (2.0, 2.25))
_LOW = _Window((1.4, 2.6), (0.25, 0.5), (2.05, 2.3))
_HIGH = _Window((0.5, 0.95), (1.2, 1.45), (1.95, 2.15))
_COUNTER = _Window((0.8, 1.5), (1.15, 1.25), (1.95, 2.15))
_KINDS: dict[str, tuple[tuple[_Window, float], ...]] = {
    "living_room": ((_USUAL, 2.0), (_LOW, 2.0), (_NARROW, 0.7)),
    "dining_room": ((_USUAL, 2.0), (_LOW, 1.0), (_NARROW, 0.7)),
    "bedroom": ((_USUAL, 3.0), (_NARROW, 1.0), (_LOW, 0.5)),
    "office": ((_USUAL, 3.0), (_NARROW, 1.0)),
    "kitchen": ((_COUNTER, 3.0), (_HIGH, 1.0)),
    "bathroom": ((_HIGH, 1.0),),
    "laundry": ((_HIGH, 1.0),),
    "hallway": ((_NARROW, 1.0), (_HIGH, 1.0)),
}
_COUNTS = (0.125, 0.375, 0.5)  # chances of no, one and two windows in a room (ProcTHOR)
_FEW = (0.45, 0.55, 0.0)  # in wet rooms and hallways
_LARGE = 20.0  # [m2] from which a room has one window more


def place_doors(stream: Stream, runs: Sequence[Run], links: Sequence[Link], height: float) -> list[Doorway]:
    """Returns a doorway for each link and cuts its hole into one of the runs between the two rooms."""
    between: dict[tuple[int, int], list[Run]] = {}
    for run in runs:
        between.setdefault((min(run.low, run.high), max(run.low, run.high)), []).append(run)
    doorways = []
    for link in links:
        fitting = between[link.rooms]
        if link.kind in ("opening", "open") and max(r.length for r in fitting) >= _WIDE:
            fitting = [r for r in fitting if r.length >= _WIDE]
            run = stream.pick_weighted(fitting, [r.length for r in fitting])
            doorways.append(_no_wall(run, link, height) if link.kind == "open" else _wide(stream, run, link))
            continue
        run = stream.pick_weighted(fitting, [r.length for r in fitting])
        width = stream.pick((0.85, 0.9, 0.95, 1.0)) if run.length > 1.35 else 0.85
        spare = run.length - width - 2 * _MARGIN
        at = stream.pick((0.0, 1.0, stream.uniform(0.0, 1.0)))
        s0 = round(run.s0 + _MARGIN + at * max(0.0, spare), 3)
        kind = link.kind if link.kind == "door" else "doorway"
        hole = Hole("door", s0, round(s0 + width, 3), 0.0, DOOR_HEIGHT)
        run.holes.append(hole)
        doorways.append(Doorway(run, hole, link._replace(kind=kind)))
    return doorways


def _wide(stream: Stream, run: Run, link: Link) -> Doorway:
    width = min(run.length - 0.3, stream.uniform(1.3, 2.6))
    s0 = round(run.s0 + 0.15 + stream.uniform(0.0, 1.0) * (run.length - 0.3 - width), 3)
    hole = Hole("opening", s0, round(s0 + width, 3), 0.0, stream.pick((2.1, 2.2)))
    run.holes.append(hole)
    return Doorway(run, hole, link)


def _no_wall(run: Run, link: Link, height: float) -> Doorway:
    hole = Hole("open", run.s0, run.s1, 0.0, height)
    run.holes.append(hole)
    return Doorway(run, hole, link)


def place_front_door(stream: Stream, types: Sequence[str], runs: Sequence[Run]) -> tuple[Run, Hole]:
    """Cuts the shut front door into an outer wall, of the hallway or the living room if possible.

    Raises:
        RuntimeError: no outer wall is long enough.
    """
    width = stream.pick((0.9, 0.95, 1.0))
    for kind in _FRONT_ROOMS:
        fitting = [r for r in runs if r.outer and types[max(r.low, r.high)] == kind and r.length > width + 2 * _MARGIN]
        if fitting:
            run = stream.pick(fitting)
            spare = run.length - width - 2 * _MARGIN
            s0 = round(run.s0 + _MARGIN + stream.uniform(0.0, 1.0) * spare, 3)
            hole = Hole("front_door", s0, round(s0 + width, 3), 0.0, DOOR_HEIGHT)
            run.holes.append(hole)
            return run, hole
    raise RuntimeError("no outer wall is long enough for a front door")


def place_windows(
    stream: Stream, types: Sequence[str], areas: Sequence[float], runs: Sequence[Run], height: float
) -> list[tuple[Run, Hole]]:
    """Cuts windows into outer walls: none, one, two or three a room, of the kinds that suit its type."""
    walls: list[list[Run]] = [[] for _ in types]
    for run in runs:
        if run.outer and run.length > 1.1:
            walls[max(run.low, run.high)].append(run)
    windows = []
    for room, kind in enumerate(types):
        kinds = _KINDS.get(kind, ())
        if not kinds or not walls[room]:
            continue
        few = kind in ("bathroom", "laundry", "hallway")
        count = stream.pick_weighted((0, 1, 2), _FEW if few else _COUNTS) + (areas[room] > _LARGE and not few)
        usual = stream.pick_weighted([k for k, _ in kinds], [w for _, w in kinds])
        for _ in range(count):
            run = stream.pick_weighted(walls[room], [r.length for r in walls[room]])
            chosen = usual if stream.chance(0.75) else stream.pick([k for k, _ in kinds])
            hole = _window(stream, run, chosen, height)
            if not any(hole.s0 < h.s1 + _GAP and h.s0 < hole.s1 + _GAP for h in run.holes):
                run.holes.append(hole)
                windows.append((run, hole))
    return windows


def _window(stream: Stream, run: Run, kind: _Window, height: float) -> Hole:
    sill = round(stream.uniform(*kind.sill), 2)
    lift = min(0.5, max(0.0, (height - 2.8) / 2))  # under high ceilings windows are taller
    head = round(min(stream.uniform(*kind.head) + lift, height - 0.2), 2)
    width = round(min(stream.uniform(*kind.width), run.length - 0.4), 3)
    spare = run.length - width - 0.4
    s0 = round(run.s0 + 0.2 + stream.pick((0.5, stream.uniform(0.0, 1.0))) * max(0.0, spare), 3)
    return Hole("window", s0, round(s0 + width, 3), sill, head)
