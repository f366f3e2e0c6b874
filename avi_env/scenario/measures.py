"""Metrics of a run: the environment's own measures, what the whole way tells, and what the agent has spent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from avi_env.bench.evaluate_track import json_number
from avi_env.scenario.document import METRICS, Scenario
from avi_env.scenario.playing import Playing
from avi_env.tasks.measures import EpisodeTrack, episode_measures
from avi_env.tasks.questions import answer_is_right

__all__ = ["goal_name", "run_metrics"]

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


def run_metrics(playing: Playing, goal: str) -> dict[str, Any]:
    """Returns all of `METRICS` by name, None where one does not apply.

    Args:
        playing: the run, over.
        goal: name of what it was about, "" = nothing.
    """
    found = _spent(playing)
    if goal and playing.rows:
        found |= {name: json_number(playing.info.get(name)) for name in _FROM_ENVIRONMENT} | _of_way(playing, goal)
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


def _of_way(playing: Playing, goal: str) -> dict[str, Any]:
    """SoundSpaces' measures that need the whole way."""
    episode, config, silent_from = playing.stage.env.episode, playing.stage.env.config, _silent_from(playing, goal)
    track = EpisodeTrack(
        positions=np.array([row.position for row in playing.rows]),
        distances=np.array(playing.distances),
        actions=np.array(playing.actions, dtype=np.int64),
        collided=np.array(playing.bumps[1:], dtype=bool),
        oracle_actions=episode.oracle_actions,
        start_distance=episode.geodesic_distance,
        step_seconds=config.step_seconds,
        sound_seconds=silent_from,
    )
    found = episode_measures(track, config.success_distance)
    return {
        "rl_success": bool(found["rl_success"]),
        "normalized_distance_to_goal": json_number(float(found["normalized_distance_to_goal"])),
        "sws": bool(found["sws"]) if math.isfinite(silent_from) else None,
    }


def _silent_from(playing: Playing, goal: str) -> float:
    """Returns the tick's time from which the goal was silent to the end [s]; inf = it sounded to the end."""
    on = [playing.stage.sounds.sounding(goal, row.t) for row in playing.rows]
    if on[-1]:
        return math.inf
    return playing.rows[len(on) - on[::-1].index(True)].t if any(on) else 0.0
