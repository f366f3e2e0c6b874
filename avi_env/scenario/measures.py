"""Metrics of a run: the environment's own measures, what the whole way tells, and what the agent has spent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from avi_env.bench.evaluate_track import json_number
from avi_env.scenario.document import METRICS, Scenario
from avi_env.scenario.moment import Moment
from avi_env.scenario.playing import Playing
from avi_env.tasks.measures import EpisodeTrack, episode_measures
from avi_env.tasks.questions import answer_is_right

__all__ = ["GoalWatch", "goal_name", "run_metrics"]

_FROM_ENVIRONMENT = ("success", "spl", "soft_spl", "sna", "distance_to_goal", "path_length")


def goal_name(scenario: Scenario) -> str:
    """Returns what the measures refer to: the task's goal, or the timeline's first source; "" = nothing."""
    if scenario.task.goal is not None:
        return scenario.task.goal
    for event in scenario.timeline:
        name = getattr(event.effect, "source", None) or getattr(event.effect, "speaker", None)
        if name is not None:
            return str(name)
    return ""


class GoalWatch:
    """Notes from tick to tick how far the goal is and whether it sounds."""

    def __init__(self, playing: Playing, goal: str) -> None:
        self._playing, self._goal = playing, goal
        self.distances: list[float] = []
        self.collided: list[bool] = []
        self.silent_from = 0.0
        """Time since which the goal has been silent [s]; inf = it sounds now."""

    def __call__(self, moment: Moment) -> None:
        """Notes a moment."""
        self.distances.append(float(self._playing.info.get("distance_to_goal", math.inf)))
        self.collided.append(moment.collided)
        if moment.truth.sounding(self._goal):
            self.silent_from = math.inf
        elif math.isinf(self.silent_from):
            self.silent_from = moment.t


def run_metrics(playing: Playing, watch: GoalWatch | None) -> dict[str, Any]:
    """Returns all of `METRICS` by name, None where one does not apply.

    Args:
        playing: the run, over.
        watch: what was noted of the goal; None = there is none.
    """
    found = _spent(playing)
    if watch is not None and playing.rows:
        found |= {name: json_number(playing.info.get(name)) for name in _FROM_ENVIRONMENT} | _of_way(playing, watch)
    return {name: found.get(name) for name in METRICS}


def _spent(playing: Playing) -> dict[str, Any]:
    """What the run took, and whether the answer is right."""
    usage, seconds = playing.usage(), playing.seconds
    right = playing.scenario.task.answers
    given = playing.answer.text if playing.answer is not None else None
    return {
        "path_length": json_number(playing.info.get("path_length")),
        "collisions": playing.collisions,
        "collisions_per_min": 60.0 * playing.collisions / seconds if seconds > 0.0 else 0.0,
        "steps": len(playing.actions),
        "sim_seconds": seconds,
        "skill_calls": len(playing.calls),
        "llm_calls": usage.requests,
        "tokens": usage.prompt_tokens + usage.completion_tokens,
        "invalid_replies": usage.invalid_replies,
        "answer_right": (given is not None and answer_is_right(given, right)) if right else None,
    }


def _of_way(playing: Playing, watch: GoalWatch) -> dict[str, Any]:
    """SoundSpaces' measures that need the whole way."""
    episode, config = playing.stage.env.episode, playing.stage.env.config
    track = EpisodeTrack(
        positions=np.array([row.position for row in playing.rows]),
        distances=np.array(watch.distances),
        actions=np.array(playing.actions, dtype=np.int64),
        collided=np.array(watch.collided[1:], dtype=bool),
        oracle_actions=episode.oracle_actions,
        start_distance=episode.geodesic_distance,
        step_seconds=config.step_seconds,
        sound_seconds=watch.silent_from,
    )
    found = episode_measures(track, config.success_distance)
    silent = math.isfinite(watch.silent_from)
    return {
        "rl_success": bool(found["rl_success"]),
        "normalized_distance_to_goal": json_number(float(found["normalized_distance_to_goal"])),
        "sws": bool(found["sws"]) if silent else None,
    }
