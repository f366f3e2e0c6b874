"""Questions about an episode, with their exact answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from avi_env.scene import Scene
from avi_env.sounds import sound_phrase
from avi_env.tasks.episodes import Episode

__all__ = ["Question", "answer_is_right", "room_question"]

_WALL = 0.4  # [m] from the middle of a doorway into the rooms on both sides
_FILLERS = {"the", "a", "an", "it", "is", "in", "s", "its", "room"}


@dataclass(frozen=True)
class Question:
    """A question whose answer the simulator knows."""

    text: str
    answers: tuple[str, ...]
    """Every right answer: a door between two rooms is in both. Empty = the simulator does not know."""


def room_question(scene: Scene, episode: Episode) -> Question:
    """Returns "Which room is the ringing phone in?" with its answer, the type of the room that holds the source.

    A source in a doorway is in the rooms on both sides.

    Raises:
        ValueError: the scene has no rooms, so the question has no answer.
    """
    rooms = _rooms_around(scene, episode.source_position)
    if not rooms:
        raise ValueError(f"scene {scene.name!r} has no room around the sounding object: give a question of your own")
    return Question(f"Which room is the {sound_phrase(episode.sound)} in?", rooms)


def _rooms_around(scene: Scene, point: tuple[float, float, float]) -> tuple[str, ...]:
    """Returns the types of the rooms that hold a point, or that it is a wall's thickness away from."""
    x, _, z = point
    inside = [room.type for room in scene.rooms if _holds(room.polygon, x, z)]
    if inside:
        return tuple(inside)
    around = [(x + dx, z + dz) for dx, dz in ((_WALL, 0.0), (-_WALL, 0.0), (0.0, _WALL), (0.0, -_WALL))]
    return tuple(sorted({room.type for room in scene.rooms for p in around if _holds(room.polygon, *p)}))


def _holds(polygon: tuple[tuple[float, float], ...], x: float, z: float) -> bool:
    """Says whether a point is inside a simple polygon (crossing number)."""
    inside = False
    for (x0, z0), (x1, z1) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (z0 > z) != (z1 > z) and x < x0 + (z - z0) / (z1 - z0) * (x1 - x0):
            inside = not inside
    return inside


def answer_is_right(given: str, answers: tuple[str, ...]) -> bool:
    """Says whether an answer means one of the right ones: case, articles, numbers and punctuation do not count."""
    return normalised(given) in {normalised(answer) for answer in answers}


def normalised(text: str) -> str:
    """Returns an answer in its plainest form: "It is in the Living Room." -> "living"."""
    words = re.sub(r"[^a-z]+", " ", text.lower()).split()
    return " ".join(word for word in words if word not in _FILLERS) or " ".join(words)
