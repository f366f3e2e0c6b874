"""Episodes of audio-goal navigation: who starts where, what sounds where. A pure function of scene, seed and index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.navigation import (
    ShortestPathFollower,
    WalkableGrid,
    distance_field,
    field_lookup,
    random_points,
    snap_point,
)
from avi_env.scene import Door, Scene, emission_point, emitting_objects
from avi_env.scene.doors import leaf_distance
from avi_env.scene.emitters import EMISSION_OFFSET
from avi_env.scene.variants import draw_digest
from avi_env.sounds import Schedule, draw_schedule, expand_sounds, sound_classes
from avi_env.tasks.door_events import DoorEvent, draw_door_events, moving_doors, passable_grid, untouched_grid
from avi_env.tasks.goals import Goal, category_points, draw_category_goal, goal_points, nearest_object
from avi_env.tasks.sources import SOUND_VARIANTS, Distractor, Point, draw_distractors, draw_source, draw_walker, triple
from avi_env.tasks.task import GOALS
from avi_env.tasks.walks import Walk, place_on_walk

if TYPE_CHECKING:
    from avi_env.tasks.questions import Question

__all__ = [
    "Episode",
    "EpisodeSpec",
    "arrival_points",
    "episode_rng",
    "meeting_points",
    "sample_episode",
]

_PURPOSES = ("scene", "episode", "doors", "walk", "distractors", "schedule", "shut_doors", "question")
SCHEDULES = ("given", "once", "family")
"""When goals sound: as the environment is told, drawn as one long emission, drawn as befits their family."""
_CANDIDATES = 64  # starts tried before the best one found is taken
_MEETING_SECONDS = 0.5  # between the places of a walk at which the goal may be met


@dataclass(frozen=True)
class EpisodeSpec:
    """What episodes are drawn from."""

    sounds: tuple[str, ...] = ()
    """Sounds to draw from, as `expand_sounds` takes them; empty = whatever the scene's objects can emit."""
    distance_min: float = 3.0
    """Least geodesic distance from start to goal [m], where the scene is large enough."""
    agent_radius: float = 0.2
    """[m]"""
    agent_height: float = 1.5
    """[m]"""
    source_speed: float = 0.0
    """Speed at which the goal's sound walks [m/s], 0 = it stays."""
    distractors: int = 0
    """Number of further sounds."""
    distractor_speed: float = 0.0
    """Speed at which these walk [m/s], 0 = they stay."""
    door_events: tuple[DoorEvent, ...] = ()
    """Doors that turn in every episode."""
    door_seconds: float = 0.0
    """Mean time between random movements of doors [s], 0 = none."""
    schedule: str = "given"
    """One of `SCHEDULES`."""
    goal: str = "sound"
    """One of `avi_env.tasks.task.GOALS`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sounds", expand_sounds(self.sounds))
        if self.schedule not in SCHEDULES:
            raise name_error("schedule", self.schedule, SCHEDULES)
        if self.goal not in GOALS:
            raise name_error("kind of goal", self.goal, GOALS)


@dataclass(frozen=True)
class Episode:
    """One episode; JSON-serialisable, enough to reset an environment to it."""

    scene: str
    start_position: tuple[float, float, float]
    start_yaw: float
    source_position: tuple[float, float, float]
    """[m]; where its walk begins, if it walks."""
    goal_position: tuple[float, float, float]
    """Walkable point nearest to the source, the first of `goal_points`."""
    goal_object: int
    """Id of the emitting object, -1 for a source without a body; of the nearest object of a category that is sought."""
    sound: str
    """What sounds at the goal; "" = nothing does: an object of a category or a point is sought."""
    sound_variant: int
    geodesic_distance: float
    """From the start to the goal [m]; to where a walking goal can first be met."""
    oracle_actions: int
    """Actions of the shortest-path follower, stop included."""
    source_walk: Walk = ()
    """How the goal's sound walks."""
    distractors: tuple[Distractor, ...] = ()
    door_events: tuple[DoorEvent, ...] = ()
    """Doors that turn, in order of time; one waits while somebody stands in its way."""
    schedule: Schedule | None = None
    """When the goal sounds, from the first observation on; None = as the environment is told."""
    goal_category: str = ""
    """Category of which any object is the goal; "" = the goal is `source_position`."""
    question: Question | None = None
    """What is asked about the episode."""
    episode_id: str = ""
    """Its name within a file of episodes."""
    tags: tuple[tuple[str, str], ...] = ()
    """What it is sorted by in reports: (("sounds", "heard"), ("houses", "unseen"))."""
    doors: tuple[tuple[int, float], ...] = ()
    """Doors that stand otherwise than in the scene when it begins: (portal id, openness), for `with_doors`."""

    def __post_init__(self) -> None:
        # JSON gives lists and dictionaries.
        others = tuple(d if isinstance(d, Distractor) else Distractor(**d) for d in self.distractors)
        others = tuple(replace(d, position=triple(d.position), walk=_rows(d.walk)) for d in others)
        object.__setattr__(self, "distractors", others)
        for name in ("start_position", "source_position", "goal_position"):
            object.__setattr__(self, name, triple(getattr(self, name)))
        if isinstance(self.schedule, dict):
            object.__setattr__(self, "schedule", Schedule(**self.schedule))
        if isinstance(self.question, dict):
            object.__setattr__(self, "question", _question(self.question))
        for name in ("source_walk", "door_events", "tags", "doors"):
            object.__setattr__(self, name, _rows(getattr(self, name)))

    @property
    def moving_goal(self) -> bool:
        """Whether the goal's sound walks."""
        return bool(self.source_walk)


def episode_rng(seed: int, index: int, purpose: str, scene: Scene | None = None) -> np.random.Generator:
    """Returns the counter-based stream of one purpose ("scene", "episode") of one episode, its own in each scene."""
    key = np.array([seed % 2**64, _PURPOSES.index(purpose)], dtype=np.uint64)
    place = int(draw_digest(scene)[:16], 16) if scene is not None else 0
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, index, place]))


def arrival_points(scene: Scene, grid: WalkableGrid, episode: Episode) -> npt.NDArray[np.float32]:
    """Returns the walkable points at which one has arrived at an episode's goal as it begins [m], shape (n, 3).

    Args:
        scene: of the episode.
        grid: where agents walk in it.
        episode: one that seeks an object of a category, a point (it has no sound), or what sounds.

    Raises:
        ValueError: the scene has no object of the category.
    """
    if episode.goal_category:
        return np.concatenate(category_points(scene, grid, episode.goal_category))
    if not episode.sound:
        return snap_point(grid, np.array(episode.goal_position))[None].astype(np.float32)
    return goal_points(scene, grid, episode.source_position)


def sample_episode(
    scene: Scene,
    seed: int,
    index: int,
    spec: EpisodeSpec,
    *,
    forward: float,
    turn_deg: float,
    step_seconds: float = 0.25,
) -> Episode:
    """Draws an episode: a sounding object, its sound and a start from which the goal can be reached.

    Args:
        scene: where it happens.
        seed: the environment's seed.
        index: number of the episode within the environment.
        spec: what to draw from.
        forward: length of a forward action [m], for the oracle's number of actions.
        turn_deg: angle of a turn action [degrees].
        step_seconds: time of an action [s], for meeting a goal that walks.

    Raises:
        ValueError: the scene has no place to stand from which a goal can be reached.
    """
    rng = episode_rng(seed, index, "episode", scene)
    events = _door_events(scene, seed, index, spec)
    moving = moving_doors(scene, events)
    grid = passable_grid(scene, moving, spec.agent_radius, spec.agent_height)
    walks = episode_rng(seed, index, "walk", scene)
    goal, walk, starts, distances, field = _draw_goal_and_starts(scene, moving, grid, rng, walks, spec)
    chosen = _choose_start(scene, distances, spec.distance_min)
    if goal.category:
        goal, field = nearest_object(scene, grid, goal, starts[chosen]), None
    yaw = float(rng.integers(0, round(360.0 / turn_deg)) * math.radians(turn_deg))
    meeting, distance = goal.points, float(distances[chosen])
    if walk:
        meeting, distance = meeting_points(scene, grid, starts[chosen], walk, forward / step_seconds)
        field = None
    follower = ShortestPathFollower(grid, meeting, forward=forward, turn_deg=turn_deg, field=field)
    others = episode_rng(seed, index, "distractors", scene)
    return Episode(
        scene=scene.name,
        start_position=triple(starts[chosen]),
        start_yaw=yaw,
        source_position=goal.place,
        goal_position=triple(goal.points[0]),
        goal_object=goal.body,
        sound=goal.sound,
        sound_variant=int(rng.integers(SOUND_VARIANTS)),
        geodesic_distance=distance,
        oracle_actions=follower.action_count(starts[chosen], yaw),
        source_walk=walk,
        distractors=_draw_others(scene, moving, others, spec, goal.body, goal.sound),
        door_events=events,
        schedule=_draw_schedule(spec.schedule, goal.sound, episode_rng(seed, index, "schedule", scene)),
        goal_category=goal.category,
    )


def _draw_schedule(kind: str, sound: str, rng: np.random.Generator) -> Schedule | None:
    if kind == "given" or not sound:
        return None
    return draw_schedule(rng, sound if kind == "family" else kind)


def _door_events(scene: Scene, seed: int, index: int, spec: EpisodeSpec) -> tuple[DoorEvent, ...]:
    """The doors that turn in every episode and those that turn at random, in order of time."""
    drawn: tuple[DoorEvent, ...] = ()
    if spec.door_seconds > 0.0:
        drawn = draw_door_events(scene, episode_rng(seed, index, "doors", scene), spec.door_seconds)
    return tuple(sorted((*spec.door_events, *drawn)))


def _barred(scene: Scene, moving: tuple[Door, ...]) -> set[int]:
    """Objects that cannot sound: the leaves that turn, and what would sound from inside one of them."""
    barred = {leaf.object for door in moving for leaf in door.leaves}
    if moving:
        bodies = emitting_objects(scene)
        places = np.array([emission_point(body)[[0, 2]] for body in bodies]).reshape(-1, 2)
        for door in moving:
            near = leaf_distance(door, 0.0, 1.0, places) < EMISSION_OFFSET
            barred |= {body.id for body, inside in zip(bodies, near, strict=True) if inside}
    return barred


def _draw_goal_and_starts(
    scene: Scene,
    moving: tuple[Door, ...],
    grid: WalkableGrid,
    rng: np.random.Generator,
    walk_rng: np.random.Generator,
    spec: EpisodeSpec,
) -> tuple[Goal, Walk, npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    """The goal, its walk, places to start from, and how far it is to the goal at first: from each, and from everywhere.

    The last is None where it is not known.
    """
    walk: Walk = ()
    if spec.goal == "category":
        starts = random_points(grid, rng, _CANDIDATES)
        goal, distances = draw_category_goal(scene, grid, rng, starts, spec.distance_min)
        return goal, walk, starts, distances, None
    if spec.goal == "point":
        place = random_points(grid, rng, 1)
        goal = Goal(triple(place[0]), -1, "", "", place)
    else:
        source, body, sound, walk = _draw_goal(scene, moving, rng, walk_rng, spec)
        goal = Goal(source, body, sound, "", goal_points(scene, grid, source))
    starts = random_points(grid, rng, _CANDIDATES)
    field = distance_field(grid, goal.points)
    return goal, walk, starts, field_lookup(field, grid, starts), field


def _draw_goal(
    scene: Scene,
    moving: tuple[Door, ...],
    rng: np.random.Generator,
    walk_rng: np.random.Generator,
    spec: EpisodeSpec,
) -> tuple[Point, int, str, Walk]:
    """The goal's first place, its object, its sound class and its walk."""
    paths = untouched_grid(scene, moving, spec.agent_radius, spec.agent_height)
    if spec.source_speed > 0.0:
        place, sound, walk = draw_walker(paths, walk_rng, spec.sounds, spec.source_speed)
        return place, -1, sound, walk
    return *draw_source(scene, paths, rng, spec.sounds or sound_classes(), _barred(scene, moving)), ()


def _draw_others(
    scene: Scene,
    moving: tuple[Door, ...],
    rng: np.random.Generator,
    spec: EpisodeSpec,
    goal: int,
    goal_sound: str,
) -> tuple[Distractor, ...]:
    if not spec.distractors:
        return ()
    paths = untouched_grid(scene, moving, spec.agent_radius, spec.agent_height)
    barred = {goal, *_barred(scene, moving)}
    return draw_distractors(scene, paths, rng, spec.distractors, spec.distractor_speed, barred, goal_sound)


def _choose_start(scene: Scene, distances: npt.NDArray[np.floating[Any]], least: float) -> int:
    """Number of the first start that is far enough from the goal, else of the furthest."""
    reachable = np.flatnonzero(np.isfinite(distances))
    if not len(reachable):
        raise ValueError(
            f"scene {scene.name!r}: no start reaches the sounding object; check that its rooms are connected"
        )
    far = reachable[distances[reachable] >= least]
    return int(far[0]) if len(far) else int(reachable[np.argmax(distances[reachable])])


def meeting_points(
    scene: Scene, grid: WalkableGrid, start: npt.NDArray[np.floating[Any]], walk: Walk, speed: float
) -> tuple[npt.NDArray[np.float32], float]:
    """Returns the goal points at which a walking goal can first be met, shape (n, 3), and how far away that is [m].

    Args:
        scene: the scene.
        grid: where agents walk in it.
        start: where the agent is when the walk begins [m], shape (3,).
        walk: of the goal.
        speed: of the agent [m/s].

    Source: the shortest path to the first place of interception, as in dynamic SPL (Younes et al. 2023, IEEE RA-L).
    """
    times = np.arange(0.0, walk[-1][0] + _MEETING_SECONDS, _MEETING_SECONDS)
    places = np.array([place_on_walk(walk, float(time)) for time in times], dtype=np.float32)
    away = field_lookup(distance_field(grid, start), grid, places)
    in_time = np.flatnonzero(away <= speed * times)
    first = int(in_time[0]) if len(in_time) else len(times) - 1
    return goal_points(scene, grid, places[first]), float(away[first])


def _question(table: dict[str, Any]) -> Question:
    from avi_env.tasks.questions import Question  # which asks about episodes

    return Question(**table)


def _rows(table: Sequence[Sequence[Any]]) -> Any:
    return tuple(tuple(row) for row in table)
