"""Episodes in which an answer is true: who sounds where and when, where the agent starts, which doors turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from avi_env.navigation import ShortestPathFollower, distance_field, field_lookup
from avi_env.scene import Scene
from avi_env.sounds import Schedule, class_of_sound, expand_sounds, sound_classes, sound_phrase
from avi_env.tasks.door_events import DoorEvent, moving_doors, passable_grid, untouched_grid
from avi_env.tasks.episodes import Episode
from avi_env.tasks.goals import goal_points
from avi_env.tasks.questions.places import RoomFacts, Survey, room_at, survey_scene
from avi_env.tasks.questions.question import HORIZON, Evidence
from avi_env.tasks.sources import SOUND_VARIANTS, Distractor, Point, triple

__all__ = [
    "PORTABLE",
    "QUESTION_SOURCES",
    "Body",
    "Draft",
    "Role",
    "Stage",
    "Staging",
    "phrase",
    "routed_episode",
    "staged_episode",
]

QUESTION_SOURCES = 4
"""Sources that an episode with a question has at most: the goal's and three distractors."""

PORTABLE = tuple(
    "phone alarm_clock dog_bark vacuum_cleaner music_box baby_cry cat_meow canary fan hair_dryer guitar metronome "
    "toy_robot laughter coughing singing blender sewing_machine".split()
)
"""Classes of what can be in any room: their room cannot be guessed from what they are."""

Thing = TypeVar("Thing")

_SOURCE_HEIGHT = 1.2  # [m] above the floor, as of other sources without a body


@dataclass(frozen=True)
class Role:
    """One source of an episode."""

    sound: str
    place: Point
    object: int = -1
    start: float = 0.0
    """[s since the first observation]."""
    on: float = HORIZON
    """Length of its one emission [s]."""


@dataclass(frozen=True)
class Staging:
    """An episode in which one option is the right one."""

    roles: tuple[Role, ...]
    """At least one; the first is the goal."""
    evidence: tuple[Evidence, ...]
    start: Point | None = None
    """Where the agent starts [m], on the floor; None = where the episode does."""
    yaw: float | None = None
    doors: tuple[DoorEvent, ...] = ()
    answerable: bool = True


@dataclass(frozen=True)
class Draft:
    """A question before one of its options has been chosen to be the right one: each has its staging."""

    text: str
    options: tuple[str, ...]
    stagings: tuple[Staging, ...]


@dataclass(frozen=True)
class Body:
    """The body of the agent, as environments describe it."""

    forward: float = 0.25
    """Length of a forward action [m]."""
    turn_deg: float = 15.0
    """Angle of a turn action [degrees]."""
    radius: float = 0.2
    """[m]"""
    height: float = 1.5
    """[m]"""


class Stage:
    """A scene and an episode's start, of which drafts are made. Draws from one stream of random numbers."""

    def __init__(
        self,
        scene: Scene,
        episode: Episode,
        rng: np.random.Generator,
        sounds: tuple[str, ...] = (),
        body: Body = Body(),
    ) -> None:
        self.scene, self.episode, self.rng, self.body = scene, episode, rng, body
        moving = moving_doors(scene, episode.door_events)
        # Nothing sounds from where a leaf swings.
        grid = untouched_grid(scene, moving, body.radius, body.height)
        self.survey: Survey = survey_scene(scene, grid, tuple(door.portal for door in moving))
        self.sounds = _by_class(sounds)
        self.start = np.array(episode.start_position)
        self.start_room = self.survey.room(room_at(scene, episode.start_position))

    def portable(self, count: int) -> list[str]:
        """Draws sounds of that many different classes that can be in any room."""
        kinds = [kind for kind in PORTABLE if kind in self.sounds]
        if len(kinds) < QUESTION_SOURCES:
            raise ValueError(
                f"questions need sounds of {QUESTION_SOURCES} classes that can be in any room, and of those given "
                f"only {', '.join(kinds) or 'none'} can: add some of {', '.join(PORTABLE)}"
            )
        return [self.variant(kinds[k]) for k in self.rng.permutation(len(kinds))[:count]]

    def variant(self, kind: str) -> str:
        """Draws one of a class's sounds that may be used."""
        return self.pick(self.sounds[kind])

    def pick(self, things: Sequence[Thing]) -> Thing:
        """Draws one of several."""
        return things[int(self.rng.integers(len(things)))]

    def shuffled(self, things: Sequence[Thing]) -> list[Thing]:
        """Returns a list in random order."""
        return [things[k] for k in self.rng.permutation(len(things))]

    def rooms(self, count: int, *, named: bool = True, but: tuple[int, ...] = ()) -> list[RoomFacts] | None:
        """Draws different rooms, None if there are too few; those with a name, and without some ids."""
        fit = [room for room in self.survey.rooms if (room.name or not named) and room.id not in but]
        return [fit[k] for k in self.rng.permutation(len(fit))[:count]] if len(fit) >= count else None

    def place(self, room: RoomFacts) -> Point:
        """Draws a place for a source without a body in a room."""
        x, y, z = room.places[int(self.rng.integers(len(room.places)))]
        return float(x), float(y) + _SOURCE_HEIGHT, float(z)

    def role(self, sound: str, room: RoomFacts, start: float = 0.0, on: float = HORIZON) -> Role:
        """Puts a sound somewhere into a room."""
        return Role(sound, self.place(room), start=start, on=on)

    def yaws(self) -> list[float]:
        """Headings that an agent can take [rad]."""
        count = round(360.0 / self.body.turn_deg)
        return [float(k * math.radians(self.body.turn_deg)) for k in range(count)]

    def silence(self, rooms: list[RoomFacts] | None = None) -> tuple[Evidence, ...]:
        """Evidence that something is not to be heard: having listened in each of some rooms, or in all."""
        return tuple(Evidence("hearing", room=room.id) for room in rooms or self.survey.rooms)


def phrase(sound: str, article: str = "the") -> str:
    """Returns a sound in people's words: "the ringing phone", "a barking dog"."""
    words = sound_phrase(sound)
    if article == "a" and words[0] in "aeiou":
        article = "an"
    return f"{article} {words}"


def _by_class(sounds: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in expand_sounds(sounds) or sound_classes():
        found.setdefault(class_of_sound(name), []).append(name)
    return found


def staged_episode(episode: Episode, staging: Staging, rng: np.random.Generator) -> Episode:
    """Returns an episode with what a staging asks for; route and goal points are still those of before."""
    variants = [int(rng.integers(SOUND_VARIANTS)) for _ in staging.roles]
    goal, *others = staging.roles
    return replace(
        episode,
        start_position=episode.start_position if staging.start is None else staging.start,
        start_yaw=episode.start_yaw if staging.yaw is None else staging.yaw,
        source_position=goal.place,
        goal_object=goal.object,
        sound=goal.sound,
        sound_variant=variants[0],
        source_walk=(),
        schedule=_schedule(goal),
        distractors=tuple(
            Distractor(one.sound, variant, one.place, one.object, schedule=_schedule(one))
            for one, variant in zip(others, variants[1:], strict=True)
        ),
        door_events=staging.doors or episode.door_events,
    )


def _schedule(role: Role) -> Schedule:
    return Schedule(role.start, role.on, count=1)


def routed_episode(scene: Scene, episode: Episode, body: Body) -> Episode:
    """Returns an episode with goal point, distance and number of actions from its start to its source.

    Raises:
        ValueError: its source cannot be reached from its start.
    """
    grid = passable_grid(scene, moving_doors(scene, episode.door_events), body.radius, body.height)
    goals = goal_points(scene, grid, episode.source_position)
    start = np.array(episode.start_position, dtype=np.float32)
    distance = float(field_lookup(distance_field(grid, goals), grid, start[None])[0])
    if not math.isfinite(distance):
        raise ValueError(f"scene {scene.name!r}: no way leads from {episode.start_position} to {goals[0].tolist()}")
    follower = ShortestPathFollower(grid, goals, forward=body.forward, turn_deg=body.turn_deg)
    return replace(
        episode,
        goal_position=triple(goals[0]),
        geodesic_distance=distance,
        oracle_actions=follower.action_count(start, episode.start_yaw),
    )
