"""Where doors, openings and windows go in the wall runs."""

from __future__ import annotations

from avi_env.scene.house_doors import Doorway
from avi_env.scene.house_layout import Hole, Link, Run
from avi_env.scene.house_plan import Plan
from avi_env.scene.house_stream import Stream

__all__ = ["DOOR_HEIGHT", "place_doors", "place_front_door", "place_windows"]

DOOR_HEIGHT = 2.05
"""Clear height of doors [m]."""

_MARGIN = 0.14  # least distance of a door from the end of its run: room for the casing
_GAP = 0.2  # least distance between two holes of one run

_WINDOWS = {
    "living_room": 3,
    "kitchen": 1,
    "bedroom": 2,
    "bathroom": 1,
    "office": 2,
    "dining_room": 2,
    "laundry": 1,
    "hallway": 0,
    "closet": 0,
}


def place_doors(stream: Stream, runs: list[Run], links: list[Link]) -> list[Doorway]:
    """Returns a doorway for each link and cuts its hole into one of the runs between the two rooms."""
    doorways = []
    for link in links:
        fitting = [r for r in runs if {r.low, r.high} == set(link.rooms)]
        run = stream.pick_weighted(fitting, [r.length for r in fitting])
        if link.kind == "opening" and run.length >= 1.5:
            doorways.append(_wide_opening(stream, run, link))
            continue
        width = stream.pick((0.85, 0.9, 0.95, 1.0)) if run.length > 1.35 else 0.85
        room = run.length - width - 2 * _MARGIN
        at = stream.pick((0.0, 1.0, stream.uniform(0.0, 1.0)))
        s0 = round(run.s0 + _MARGIN + at * max(0.0, room), 3)
        kind = "doorway" if link.kind == "opening" else link.kind
        hole = Hole("door", s0, round(s0 + width, 3), 0.0, DOOR_HEIGHT)
        run.holes.append(hole)
        doorways.append(Doorway(run, hole, Link(link.rooms, kind, link.openness)))
    return doorways


def _wide_opening(stream: Stream, run: Run, link: Link) -> Doorway:
    width = min(run.length - 0.3, stream.uniform(1.3, 2.6))
    s0 = round(run.s0 + 0.15 + stream.uniform(0.0, 1.0) * (run.length - 0.3 - width), 3)
    hole = Hole("opening", s0, round(s0 + width, 3), 0.0, stream.pick((2.1, 2.2)))
    run.holes.append(hole)
    return Doorway(run, hole, link)


def place_front_door(stream: Stream, plan: Plan, runs: list[Run]) -> tuple[Run, Hole] | None:
    """Cuts the shut front door into an outer wall, of the hallway or the living room if possible."""
    order = ("hallway", "living_room", "kitchen", "dining_room", "office", "bedroom", "laundry", "bathroom")
    width = 0.95
    for kind in order:
        fitting = [r for r in runs if r.outer and plan.types[max(r.low, r.high)] == kind and r.length > width + 0.3]
        if fitting:
            run = stream.pick(fitting)
            spare = run.length - width - 2 * _MARGIN
            s0 = round(run.s0 + _MARGIN + stream.uniform(0.0, 1.0) * max(0.0, spare), 3)
            hole = Hole("front_door", s0, round(s0 + width, 3), 0.0, DOOR_HEIGHT)
            run.holes.append(hole)
            return run, hole
    return None


def place_windows(stream: Stream, plan: Plan, runs: list[Run], height: float) -> list[tuple[Run, Hole]]:
    """Cuts windows into outer walls, as many as the room type likes."""
    windows = []
    for room, kind in enumerate(plan.types):
        outer = [r for r in runs if r.outer and max(r.low, r.high) == room and r.length > 1.1]
        outer.sort(key=lambda r: -r.length)
        for run in outer[: _WINDOWS[kind]]:
            hole = _window(stream, run, kind, height)
            if hole is not None:
                run.holes.append(hole)
                windows.append((run, hole))
    return windows


def _window(stream: Stream, run: Run, kind: str, height: float) -> Hole | None:
    sill, head = (1.25, 2.0) if kind in ("bathroom", "kitchen", "laundry") else (0.9, 2.1)
    head = min(head, height - 0.2)
    width = stream.uniform(0.6, 0.9) if kind in ("bathroom", "laundry") else stream.uniform(1.0, 1.8)
    width = round(min(width, run.length - 0.4), 3)
    spare = run.length - width - 0.4
    s0 = round(run.s0 + 0.2 + stream.pick((0.5, 0.5, stream.uniform(0.0, 1.0))) * max(0.0, spare), 3)
    hole = Hole("window", s0, round(s0 + width, 3), sill, head)
    if any(hole.s0 < h.s1 + _GAP and h.s0 < hole.s1 + _GAP for h in run.holes):
        return None
    return hole
