"""Questions about an episode, with their exact answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from avi_env.scene import Scene
from avi_env.scene.outline import in_outline
from avi_env.sounds import sound_phrase
from avi_env.tasks.episodes import Episode

__all__ = ["Question", "answer_is_right", "room_question"]

_WALL = 0.4  # [m] from the middle of a doorway into the rooms on both sides
_UNDER = 0.1  # [m] that a thing may lie below its room's floor: floors of scans are not level
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
    x, y, z = point
    storey = [room for room in scene.rooms if room.floor_y - _UNDER <= y <= room.floor_y + room.height]
    inside = [room.type for room in storey if in_outline(room.polygon, np.array([[x, z]]))[0]]
    if inside:
        return tuple(inside)
    around = np.array([(x + _WALL, z), (x - _WALL, z), (x, z + _WALL), (x, z - _WALL)])
    return tuple(sorted({room.type for room in storey if in_outline(room.polygon, around).any()}))


def answer_is_right(given: str, answers: tuple[str, ...]) -> bool:
    """Says whether an answer means one of the right ones: case, articles, numbers and punctuation do not count."""
    return normalised(given) in {normalised(answer) for answer in answers}


def normalised(text: str) -> str:
    """Returns an answer in its plainest form: "It is in the Living Room." -> "living"."""
    words = re.sub(r"[^a-z]+", " ", text.lower()).split()
    return " ".join(word for word in words if word not in _FILLERS) or " ".join(words)
