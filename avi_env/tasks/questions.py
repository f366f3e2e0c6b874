"""Questions about an episode, with their exact answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from avi_env.scene import Scene
from avi_env.sounds import sound_phrase
from avi_env.tasks.episodes import Episode

__all__ = ["Question", "answer_is_right", "room_of_point", "room_question"]


@dataclass(frozen=True)
class Question:
    """A question whose answer the simulator knows."""

    text: str
    answer: str
    choices: tuple[str, ...] = ()
    """Every possible answer, when the question is a choice."""


def room_question(scene: Scene, episode: Episode) -> Question:
    """Returns "Which room is the ringing phone in?" with its answer, the type of the room that holds the source.

    Raises:
        ValueError: the scene has no rooms, so the question has no answer.
    """
    room = room_of_point(scene, episode.source_position)
    if room is None:
        raise ValueError(f"scene {scene.name!r} has no room around the sounding object: ask a question of your own")
    return Question(
        text=f"Which room is the {sound_phrase(episode.sound)} in?",
        answer=room,
        choices=tuple(sorted({r.type for r in scene.rooms})),
    )


def room_of_point(scene: Scene, point: tuple[float, float, float]) -> str | None:
    """Returns the type of the room whose floor polygon holds the point's (x, z), or None."""
    x, z = point[0], point[2]
    for room in scene.rooms:
        inside = False
        corners = room.polygon
        for (x0, z0), (x1, z1) in zip(corners, (*corners[1:], corners[0]), strict=True):
            if (z0 > z) != (z1 > z) and x < x0 + (z - z0) / (z1 - z0) * (x1 - x0):
                inside = not inside
        if inside:
            return room.type
    return None


def answer_is_right(given: str, expected: str) -> bool:
    """Says whether an answer means the expected one: case, articles, room numbers and punctuation do not count."""
    return normalised(given) == normalised(expected)


def normalised(text: str) -> str:
    """Returns an answer in its plainest form: "It is in the Living Room." -> "living room"."""
    words = re.sub(r"[^a-z]+", " ", text.lower()).split()
    return " ".join(
        word for word in words if word not in {"the", "a", "an", "it", "is", "in", "s", "its", "room"}
    ) or " ".join(words)
