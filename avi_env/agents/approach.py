"""Walking up to an object and into a room: what the skills that are named after it are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from avi_env.agents.knowledge import least_width
from avi_env.agents.objects import ObjectTrack
from avi_env.agents.perception import Perception
from avi_env.agents.route import Ways, unknown_near
from avi_env.agents.standing import Goal, nearest_goal, object_goal
from avi_env.agents.walking import MoveEnd, Moves, face, walk

__all__ = ["Walk", "approach", "enter_room"]


class Walk(Protocol):
    """How one gets to a goal: `avi_env.agents.walking.walk`, or another move that is called alike."""

    def __call__(
        self,
        mind: Perception,
        goal: Goal,
        budget: int,
        cut: Callable[[], bool] = lambda: False,
        hopeful: bool = False,
    ) -> Moves:
        """Walks to a goal."""


def approach(
    mind: Perception,
    track: ObjectTrack,
    budget: int,
    cut: Callable[[], bool] = lambda: False,
    walk: Walk = walk,
) -> Moves:
    """Walks as near to an object as the map allows, through the unseen when the known leads no nearer."""
    start = mind.steps

    def left() -> int:
        return budget - (mind.steps - start)

    end: MoveEnd = yield from walk(mind, object_goal(track), budget, cut)
    if end == "arrived" and track.width < least_width(track.category) and left() > 0:
        yield from _look_closer(mind, track, left(), walk)
        end = yield from walk(mind, object_goal(track), left(), cut)
    if end == "arrived" and mind.distance_to(track) > 1.0 and left() > 0:
        end = yield from walk(mind, nearest_goal(track.center), left(), cut, hopeful=True)
        if end == "arrived" and mind.distance_to(track) > 1.0 and left() > 0:
            mind.house.forgive(mind.pose)
            end = yield from walk(mind, object_goal(track), left(), cut)
    return end


def _look_closer(mind: Perception, track: ObjectTrack, budget: int, walk: Walk) -> Moves:
    """Steps round to where an object of which only an edge was seen, such as an open door, can be seen whole."""
    start = mind.steps
    plan = mind.plan()
    beyond = unknown_near(plan, plan.cell_of(track.center), span=8)
    yield from walk(mind, nearest_goal(beyond, 1.0), min(budget, 10), hopeful=True)
    return (yield from face(mind, track.center, max(budget - (mind.steps - start), 0)))


def enter_room(mind: Perception, floor: int, budget: int, walk: Walk = walk) -> Moves:
    """Walks to the middle of the room whose floor has an object id."""
    center = mind.house.region_center(floor)

    def inside(ways: Ways) -> tuple[int, int] | None:
        return nearest_goal(center)(ways)

    return (yield from walk(mind, inside, budget, hopeful=True))
