"""Measures of an episode that the environment does not tell with its last step: they need the whole way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from avi_env.envs.config import EnvConfig
from avi_env.scene import Scene
from avi_env.tasks import Episode
from avi_env.tasks.measures import EpisodeTrack, episode_measures
from avi_env.tasks.questions.event_log import event_log
from avi_env.tasks.questions.grounding import Senses, Trajectory, grounding
from avi_env.tasks.questions.question import HORIZON

__all__ = ["Moment", "further_measures"]


class Moment(NamedTuple):
    """One observation's place in an episode."""

    position: tuple[float, float, float]
    """Feet [m]."""
    yaw: float
    """[rad]"""
    distance: float
    """Geodesic distance to the goal as it now is [m]."""
    collided: bool
    """Whether the action before met an obstacle."""


def further_measures(
    config: EnvConfig, episode: Episode, scene: Scene, way: Sequence[Moment], actions: Sequence[Any]
) -> dict[str, Any]:
    """Returns what the task's last info does not hold.

    Args:
        config: of the environment.
        episode: that was played.
        scene: in which it was, its doors as they are without any event.
        way: its moments, the first observation's included.
        actions: that were taken.
    """
    answers = config.played.answers
    if answers == "stop":
        return _of_navigation(config, episode, way, actions)
    return _of_answers(config, episode, scene, way) if answers == "options" else {}


def _of_navigation(
    config: EnvConfig, episode: Episode, way: Sequence[Moment], actions: Sequence[Any]
) -> dict[str, Any]:
    """SoundSpaces' RL success, success when silent, normalised distance."""
    track = EpisodeTrack(
        positions=np.array([moment.position for moment in way]),
        distances=np.array([moment.distance for moment in way]),
        actions=np.array([int(action) for action in actions], dtype=np.int64),
        collided=np.array([moment.collided for moment in way[1:]], dtype=bool),
        oracle_actions=episode.oracle_actions,
        start_distance=episode.geodesic_distance,
        step_seconds=config.step_seconds,
        sound_seconds=_silent_from(config, episode),
    )
    found = episode_measures(track, config.success_distance)
    kept: dict[str, Any] = {"rl_success": bool(found["rl_success"])}
    if math.isfinite(track.sound_seconds):
        kept["sws"] = bool(found["sws"])
    return {**kept, "normalized_distance_to_goal": found["normalized_distance_to_goal"]}


def _silent_from(config: EnvConfig, episode: Episode) -> float:
    """When the goal falls silent for good, from the first observation on [s]."""
    if config.played.goal != "sound":
        return math.inf
    log = event_log(episode, config.schedule, config.lead_seconds)
    end = max((offset for _, offset in log.sources[0].emissions), default=0.0)
    return end if end < HORIZON else math.inf


def _of_answers(config: EnvConfig, episode: Episode, scene: Scene, way: Sequence[Moment]) -> dict[str, Any]:
    """Whether the evidence was seen and heard, and what a guess is worth."""
    question = episode.question
    if question is None:
        return {}
    seconds = np.array([step * config.step_seconds for step in range(len(way))], dtype=np.float64)
    trajectory = Trajectory(seconds, np.array([m.position for m in way]), np.array([m.yaw for m in way]))
    senses = Senses(config.hfov, config.width / config.height, config.eye_height)
    share = grounding(scene, episode, trajectory, senses, config.schedule, config.lead_seconds)
    return {"grounding": share, "chance": question.chance}
