"""Measures of navigation: what the field reports. Formulas over NumPy arrays or torch tensors of any batch shape."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

__all__ = [
    "EpisodeTrack",
    "collision_count",
    "episode_measures",
    "normalised_distance",
    "path_length",
    "rl_success",
    "sna",
    "soft_spl",
    "spl",
    "stop_success",
    "sws",
]

Array = TypeVar("Array", npt.NDArray[Any], "torch.Tensor")

_LEAST = 1e-6  # [m] instead of a distance of nothing
STOP = 0


def stop_success(stopped: Array, distance: Array, success_distance: float = 1.0) -> Array:
    """Returns success as it is measured: the agent stopped, and less than `success_distance` from the goal.

    Args:
        stopped: whether the agent chose to stop, shape (B,), bool.
        distance: geodesic distance that is left d [m], shape (B,).
        success_distance: strict bound [m]; SoundSpaces 1.0, PointNav in Habitat 0.2.

    Source: SoundSpaces, soundspaces/tasks/nav.py; Habitat-Lab, habitat/tasks/nav/nav.py (Success).
    """
    return stopped & (distance < success_distance)


def rl_success(stopped: Array, distance: Array, success_distance: float = 1.0, grid_size: float = 0.0) -> Array:
    """Returns success as SoundSpaces rewards it: on its graph, only a stop on the goal's own node counts.

    On a graph, distances are whole multiples of its edges, so that the goal's node is what is nearer than half an edge.
    In continuous space this is `stop_success`.

    Args:
        stopped: whether the agent chose to stop, shape (B,), bool.
        distance: geodesic distance that is left d [m], shape (B,).
        success_distance: strict bound in continuous space [m].
        grid_size: length of an edge [m] (Replica 0.5, Matterport3D 1.0); 0 = continuous.

    Source: SoundSpaces, ss_baselines/common/environments.py (AudioNavRLEnv).
    """
    return stopped & (distance < (0.5 * grid_size if grid_size > 0.0 else success_distance))


def spl(success: Array, start_distance: Array, path_length: Array) -> Array:
    """Returns success weighted by path length: S d0 / max(d0, p).

    Args:
        success: whether the episode succeeded, shape (B,), bool.
        start_distance: geodesic distance from start to goal d0 [m], shape (B,).
        path_length: length walked p [m], shape (B,).

    Source: Anderson et al. 2018, arXiv 1807.06757, eq. 1.
    """
    return _number(success, start_distance) * path_efficiency(start_distance, path_length)


def soft_spl(distance: Array, start_distance: Array, path_length: Array) -> Array:
    """Returns SPL with success replaced by progress: max(0, 1 - d/d0) d0 / max(d0, p).

    Args:
        distance: geodesic distance that is left d [m], shape (B,).
        start_distance: geodesic distance at the start d0 [m], shape (B,).
        path_length: length walked p [m], shape (B,).

    Source: Datta et al. 2020, arXiv 2009.03231.
    """
    progress = _at_least(1.0 - distance / _at_least(start_distance, _LEAST), 0.0)
    return progress * path_efficiency(start_distance, path_length)


def sna(success: Array, oracle_actions: Array, actions: Array) -> Array:
    """Returns success weighted by the number of actions: S n* / max(n*, n).

    Args:
        success: whether the episode succeeded, shape (B,), bool.
        oracle_actions: actions of the shortest-path follower n*, stop included, shape (B,).
        actions: actions taken n, stop included, shape (B,).

    Source: Chen et al. 2021, arXiv 2008.09622.
    """
    best, taken = 1.0 * oracle_actions, 1.0 * actions
    return _number(success, best) * best / _at_least(_larger(best, taken), 1.0)


def sws(success: Array, seconds: Array, sound_seconds: Array) -> Array:
    """Returns success when silent: S [T > D], the goal is reached after its sound has ended.

    Args:
        success: whether the episode succeeded, shape (B,), bool.
        seconds: duration of the episode T [s], shape (B,).
        sound_seconds: when the goal falls silent for good D [s], inf for a sound without end, shape (B,).

    Source: Chen, Al-Halah, Grauman 2021, arXiv 2012.11583; SoundSpaces, soundspaces/tasks/semantic_audionav_task.py.
    """
    return success & (seconds > sound_seconds)


def normalised_distance(distance: Array, start_distance: Array) -> Array:
    """Returns the share of the way that is left: d / d0.

    Args:
        distance: geodesic distance that is left d [m], shape (B,).
        start_distance: geodesic distance of the episode d0 [m], shape (B,).

    Source: SoundSpaces, soundspaces/tasks/nav.py (NormalizedDistanceToGoal, by `info.geodesic_distance`).
    """
    return distance / _at_least(start_distance, _LEAST)


def path_length(positions: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Returns the length walked p [m], shape (...): the sum of the straight steps.

    Args:
        positions: before each action and at the end [m], shape (..., n + 1, 3).

    Source: SoundSpaces and Habitat-Lab (SPL: the sum of Euclidean distances between consecutive positions).
    """
    steps = np.diff(np.asarray(positions, dtype=np.float64), axis=-2)
    length: npt.NDArray[np.float64] = np.linalg.norm(steps, axis=-1).sum(axis=-1)
    return length


def collision_count(collided: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Returns the number of actions that met an obstacle, shape (...).

    Args:
        collided: of each action, shape (..., n), bool.

    Source: Habitat-Lab, habitat/tasks/nav/nav.py (Collisions).
    """
    count: npt.NDArray[np.int64] = np.count_nonzero(collided, axis=-1).astype(np.int64)
    return count


def path_efficiency(start_distance: Array, path_length: Array) -> Array:
    """Returns d0 / max(d0, p): 1 on the shortest path, less on detours."""
    return start_distance / _at_least(_larger(start_distance, path_length), _LEAST)


@dataclass(frozen=True, eq=False)
class EpisodeTrack:
    """What one episode of n actions left behind, enough for every measure of navigation."""

    positions: npt.NDArray[np.floating[Any]]
    """Before each action and at the end [m], shape (n + 1, 3)."""
    distances: npt.NDArray[np.floating[Any]]
    """Geodesic distances to the goal as it then was [m], shape (n + 1,)."""
    actions: npt.NDArray[np.integer[Any]]
    """0 stop, 1 forward, 2 left, 3 right; shape (n,)."""
    collided: npt.NDArray[np.bool_]
    """Whether each action met an obstacle, shape (n,)."""
    oracle_actions: int
    """Actions of the shortest-path follower n*, stop included."""
    start_distance: float | None = None
    """d0 [m], for a goal that walks: how far it is to where it can first be met; None = the first of `distances`."""
    step_seconds: float = 0.25
    """[s]"""
    sound_seconds: float = np.inf
    """When the goal falls silent for good, from the first observation on [s]."""


def episode_measures(track: EpisodeTrack, success_distance: float = 1.0, grid_size: float = 0.0) -> dict[str, float]:
    """Returns every measure of navigation of an episode, by the names of SoundSpaces.

    Args:
        track: the episode.
        success_distance: as in `stop_success` [m].
        grid_size: as in `rl_success` [m].

    Returns:
        success, rl_success, spl, soft_spl, sna, sws, distance_to_goal [m], normalized_distance_to_goal, path_length
        [m], collisions, steps; what is true is 1.

    Source: definitions of the functions of this module.
    """
    first = track.distances[0] if track.start_distance is None else track.start_distance
    start, left = (np.array([value], dtype=np.float64) for value in (first, track.distances[-1]))
    length, count = path_length(track.positions)[None], len(track.actions)
    stopped = np.array([count > 0 and track.actions[-1] == STOP])
    success = stop_success(stopped, left, success_distance)
    values = {
        "success": success,
        "rl_success": rl_success(stopped, left, success_distance, grid_size),
        "spl": spl(success, start, length),
        "soft_spl": soft_spl(left, start, length),
        "sna": sna(success, np.array([track.oracle_actions]), np.array([count])),
        "sws": sws(success, np.array([count * track.step_seconds]), np.array([track.sound_seconds])),
        "distance_to_goal": left,
        "normalized_distance_to_goal": normalised_distance(left, start),
        "path_length": length,
        "collisions": collision_count(track.collided)[None],
        "steps": np.array([count]),
    }
    return {name: float(value[0]) for name, value in values.items()}


def _at_least(value: Any, least: float) -> Any:
    return np.maximum(value, least) if isinstance(value, np.ndarray | np.generic) else value.clamp_min(least)


def _larger(one: Any, other: Any) -> Any:
    return np.maximum(one, other) if isinstance(one, np.ndarray | np.generic) else one.maximum(other)


def _number(flag: Any, like: Any) -> Any:
    return flag.astype(like.dtype) if isinstance(flag, np.ndarray) else flag.to(like.dtype)
