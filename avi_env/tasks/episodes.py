"""Episodes of audio-goal navigation: who starts where, what sounds where. A pure function of scene, seed and index."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avi_env.content import name_error
from avi_env.navigation import (
    ShortestPathFollower,
    WalkableGrid,
    distance_field,
    field_lookup,
    on_floor,
    random_point,
    random_points,
    snap_point,
    walkable_grid,
)
from avi_env.scene import Scene, SceneObject, emission_point
from avi_env.scene.rays import occluded
from avi_env.sounds import sound_classes

__all__ = ["Episode", "EpisodeSpec", "episode_rng", "goal_points", "sample_episode"]

_PURPOSE = {"scene": 0, "episode": 1}
_BESIDE = 0.3  # [m] further from the source than the nearest place to stand, and still beside it
_HEAD_HEIGHT = 1.25  # [m]
_VARIANTS = 8  # of each sound class: few, so that a variant's reverberation is shared between episodes
_CANDIDATES = 64  # starts tried before the best one found is taken
_FREE_SOURCE_HEIGHT = 1.2  # [m] above the floor, for scenes whose objects emit nothing


@dataclass(frozen=True)
class EpisodeSpec:
    """What episodes are drawn from."""

    sounds: tuple[str, ...] = ()
    """Sound classes to draw from; empty = whatever the scene's objects can emit."""
    distance_min: float = 3.0
    """Least geodesic distance from start to goal [m], where the scene is large enough."""
    agent_radius: float = 0.2
    """[m]"""
    agent_height: float = 1.5
    """[m]"""

    def __post_init__(self) -> None:
        known = sound_classes()
        for name in self.sounds:
            if name not in known:
                raise name_error("sound", name, known)


@dataclass(frozen=True)
class Episode:
    """One episode; JSON-serialisable, enough to reset an environment to it."""

    scene: str
    start_position: tuple[float, float, float]
    start_yaw: float
    source_position: tuple[float, float, float]
    goal_position: tuple[float, float, float]
    """Walkable point nearest to the source, the first of `goal_points`."""
    goal_object: int
    """Id of the emitting object, -1 for a source without a body."""
    sound: str
    sound_variant: int
    geodesic_distance: float
    oracle_actions: int
    """Actions of the shortest-path follower, stop included."""


def episode_rng(seed: int, index: int, purpose: str, scene: Scene | None = None) -> np.random.Generator:
    """Returns the counter-based stream of one purpose ("scene", "episode") of one episode, its own in each scene."""
    key = np.array([seed % 2**64, _PURPOSE[purpose]], dtype=np.uint64)
    place = int(scene.digest[:16], 16) if scene is not None else 0
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, index, place]))


def goal_points(scene: Scene, grid: WalkableGrid, source: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns the walkable points beside a source [m], shape (n, 3), the nearest one first: reaching any is arriving.

    They are those in sight of the source that are at most 0.3 m further from it than the nearest one, so that it does
    not matter from which side one comes up to a table.

    Args:
        scene: the scene.
        grid: where agents walk in it.
        source: the source [m], shape (3,).
    """
    at = np.asarray(source, dtype=np.float64)
    nearest = snap_point(grid, at, island=0)
    columns = grid.center(np.argwhere(grid.island == 0))
    away = np.hypot(*(columns - at[[0, 2]]).T)
    beside = columns[away <= np.hypot(*(nearest[[0, 2]] - at[[0, 2]])) + _BESIDE]
    points = on_floor(grid, beside)
    heads = points + np.array([0.0, _HEAD_HEIGHT, 0.0], dtype=np.float32)
    seen = ~occluded(scene, np.broadcast_to(at, heads.shape), heads)
    return np.concatenate([nearest[None], points[seen]]).astype(np.float32)


def sample_episode(
    scene: Scene, seed: int, index: int, spec: EpisodeSpec, *, forward: float, turn_deg: float
) -> Episode:
    """Draws an episode: a sounding object, its sound and a start from which the goal can be reached.

    Args:
        scene: where it happens.
        seed: the environment's seed.
        index: number of the episode within the environment.
        spec: what to draw from.
        forward: length of a forward action [m], for the oracle's number of actions.
        turn_deg: angle of a turn action [degrees].

    Raises:
        ValueError: the scene has no place to stand from which a goal can be reached.
    """
    rng = episode_rng(seed, index, "episode", scene)
    grid = walkable_grid(scene, spec.agent_radius, spec.agent_height)
    source, goal_object, sound = _draw_source(scene, grid, rng, spec)
    goals = goal_points(scene, grid, source)
    field = distance_field(grid, goals)
    starts = random_points(grid, rng, _CANDIDATES)
    distances = field_lookup(field, grid, starts)
    reachable = np.flatnonzero(np.isfinite(distances))
    if not len(reachable):
        raise ValueError(
            f"scene {scene.name!r}: no start reaches the sounding object; check that its rooms are connected"
        )
    far = reachable[distances[reachable] >= spec.distance_min]
    chosen = int(far[0]) if len(far) else int(reachable[np.argmax(distances[reachable])])
    yaw = float(rng.integers(0, round(360.0 / turn_deg)) * math.radians(turn_deg))
    follower = ShortestPathFollower(grid, goals, forward=forward, turn_deg=turn_deg)
    return Episode(
        scene=scene.name,
        start_position=_triple(starts[chosen]),
        start_yaw=yaw,
        source_position=_triple(source),
        goal_position=_triple(goals[0]),
        goal_object=goal_object,
        sound=sound,
        sound_variant=int(rng.integers(_VARIANTS)),
        geodesic_distance=float(distances[chosen]),
        oracle_actions=follower.action_count(starts[chosen], yaw),
    )


def _draw_source(
    scene: Scene, grid: WalkableGrid, rng: np.random.Generator, spec: EpisodeSpec
) -> tuple[tuple[float, float, float], int, str]:
    """Draws the sounding object and its sound; a source without a body where no object can make a wanted sound."""
    wanted = spec.sounds or sound_classes()
    pairs = [(obj, sound) for obj in scene.objects for sound in obj.emits if sound in wanted]
    if not pairs:
        x, y, z = random_point(grid, rng)
        return (float(x), float(y) + _FREE_SOURCE_HEIGHT, float(z)), -1, wanted[int(rng.integers(len(wanted)))]
    sounds = sorted({sound for _, sound in pairs})
    sound = sounds[
        int(rng.integers(len(sounds)))
    ]  # by class first, so that common objects do not crowd out rare sounds
    bodies: list[SceneObject] = [obj for obj, emitted in pairs if emitted == sound]
    body = bodies[int(rng.integers(len(bodies)))]
    return _triple(emission_point(body)), body.id, sound


def _triple(point: np.ndarray | tuple[float, float, float]) -> tuple[float, float, float]:
    return (float(point[0]), float(point[1]), float(point[2]))
