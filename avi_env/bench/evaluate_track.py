"""What an evaluation notes of an episode, and how it asks agents: alike one at a time and in batches."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from avi_env.agents.step_agent import Briefing, PrivilegedAgent, StepAgent, make_briefing
from avi_env.bench.actions import actions_text
from avi_env.bench.evaluate_measures import Moment
from avi_env.bench.evaluate_plan import EvaluationPlan, Job
from avi_env.envs.config import EnvConfig
from avi_env.sounds import class_of_sound
from avi_env.tasks import Episode

__all__ = [
    "AgentError",
    "Track",
    "asked",
    "asked_action",
    "check_action",
    "episode_briefing",
    "error_record",
    "evaluation_keywords",
    "json_number",
    "record_head",
    "reset_agent",
    "track_record",
    "wanted_sensors",
    "withheld",
]

Observation = dict[str, npt.NDArray[Any]]

_BODY = ("pose", "semantic")
"""Sensors that any agent may switch on beside those of the suite: they tell nothing of the goal."""


class AgentError(Exception):
    """An agent raised, or returned what is no action."""


@dataclass
class Track:
    """An episode as far as it has been played."""

    actions: list[Any] = field(default_factory=list)
    way: list[Moment] = field(default_factory=list)
    reward: float = 0.0
    terminated: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    """What the environment told last."""

    def begin(self, info: Mapping[str, Any], moment: Moment) -> None:
        """Notes the first observation's place."""
        self.info = info
        self.way.append(moment)

    def step(self, action: Any, reward: float, terminated: bool, info: Mapping[str, Any], moment: Moment) -> None:
        """Notes an action and what came of it."""
        self.actions.append(action)
        self.reward += reward
        self.terminated, self.info = terminated, info
        self.way.append(moment)


def wanted_sensors(agent: StepAgent, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Returns what is computed for a step agent: what it reads, of what the suite offers."""
    chosen = tuple(name for name in agent.sensors if name in (*offered, *_BODY))
    return chosen or ("pose",)  # the cheapest: an environment has at least one


def evaluation_keywords(
    plan: EvaluationPlan, episode: Episode, sensors: tuple[str, ...], bank_scenes: int
) -> dict[str, Any]:
    """Returns the keywords of the environment in which a plan's episodes are played.

    Args:
        plan: what is evaluated.
        episode: the first one.
        sensors: what is computed.
        bank_scenes: scenes that are kept in memory.
    """
    return {
        "scenes": episode.scene,
        "bank_scenes": bank_scenes,
        **plan.environment,
        "task": plan.task,
        "sensors": sensors,
        "device": plan.device,
        "prefetch": False,  # of what would be drawn, not given
    }


def episode_briefing(
    plan: EvaluationPlan, config: EnvConfig, space: gym.Space[Any], offered: tuple[str, ...], episode: Episode
) -> Briefing:
    """Returns what an agent is told of an episode.

    Args:
        plan: what is evaluated.
        config: of the environment.
        space: one agent's actions.
        offered: sensors of the suite; where `target` is one, the agent is told what it seeks.
        episode: the episode.
    """
    named = episode.goal_category or class_of_sound(episode.sound)
    question = episode.question
    return make_briefing(
        config,
        space=space,
        max_steps=plan.steps,
        target=named if "target" in offered else "",
        question=question.text if question is not None else "",
        options=tuple(question.options) if question is not None else (),
    )


def reset_agent(agent: StepAgent, env: Any, row: int, briefing: Briefing, seed: int) -> None:
    """Begins an episode of an agent in a row of an environment.

    Raises:
        AgentError: it raised, or says that it is privileged and cannot be attached.
    """
    if agent.privileged:
        if not isinstance(agent, PrivilegedAgent):
            raise AgentError("an agent that says it is privileged needs a method attach(env)")
        asked(lambda: agent.attach(env, row))
    asked(lambda: agent.reset(briefing, seed))


def asked(call: Callable[[], Any]) -> Any:
    """Returns what an agent says.

    Raises:
        AgentError: it raised.
    """
    try:
        return call()
    except Exception as error:
        raise AgentError(f"{type(error).__name__}: {error}") from error


def asked_action(agent: StepAgent, observation: Observation) -> Any:
    """Returns what an agent does next.

    Raises:
        AgentError: it raised.
    """
    return asked(lambda: agent.act(observation))


def check_action(space: gym.Space[Any], action: Any) -> None:
    """Finds out whether what an agent returned is an action.

    Raises:
        AgentError: it is none.
    """
    try:
        known = bool(space.contains(action))
    except Exception:  # a space may stumble over what is no action at all
        known = False
    if not known:
        raise AgentError(f"{action!r} is no action: the action space is {space}")


def withheld(observation: Observation, plan: EvaluationPlan) -> Observation:
    """Returns an observation without the senses that a plan takes away: silence, darkness.

    log1p of nothing is nothing in the spectrogram, too; no depth is read, and no object is seen (-1).
    """
    without: dict[str, int] = {}
    if plan.mute:
        without |= {"audio": 0, "spectrogram": 0}
    if plan.blind:
        without |= {"rgb": 0, "depth": 0, "semantic": -1}
    nothing = {name: np.full_like(observation[name], value) for name, value in without.items() if name in observation}
    return {**observation, **nothing}


def record_head(plan: EvaluationPlan, job: Job, agent: str) -> dict[str, Any]:
    """Returns what a record says of its episode before it is played."""
    episode = job.episode
    tags = dict(episode.tags)
    if episode.question is not None:
        tags["family"] = episode.question.family
    return {
        "suite": plan.suite,
        "split": plan.split,
        "episode_id": episode.episode_id,
        "seed": job.seed,
        "agent": plan.agent_label(agent),
        "scene": episode.scene,
        "sound": episode.sound,
        "tags": tags,
        "geodesic_distance": json_number(episode.geodesic_distance),
        "error": None,
    }


def track_record(track: Track) -> dict[str, Any]:
    """Returns actions and measures so far; numbers that JSON does not know become null."""
    measures = {
        name: json_number(value)
        for name, value in track.info.items()
        if isinstance(value, bool | int | float | np.generic) and name != "collided"
    }
    collisions = sum(moment.collided for moment in track.way[1:])
    measures |= {"reward": track.reward, "steps": len(track.actions), "collisions": collisions}
    return {"measures": measures, "actions": actions_text(track.actions)}


def error_record(job: Job, agent: str, track: Track, error: Exception) -> dict[str, Any]:
    """Returns what is recorded of an episode in which something went wrong: what it had reached, if it was the agent.

    Args:
        job: the episode.
        agent: name of the agent.
        track: as far as it was played.
        error: an `AgentError`; else it is the environment's.
    """
    whose = "agent" if isinstance(error, AgentError) else "environment"
    step = len(track.actions)
    if whose == "agent":
        played = track_record(track) if track.info else {"measures": {}, "actions": ""}
        message = f"agent {agent!r} in episode {job.episode.episode_id!r} at step {step}: {error}"
    else:
        played = {"measures": {}, "actions": actions_text(track.actions)}
        message = f"episode {job.episode.episode_id!r} at step {step}: {type(error).__name__}: {error}"
    cause = error.__cause__ or error
    ours = isinstance(cause, AgentError)  # where we noticed it tells nothing
    trace = "".join(traceback.format_exception_only(cause) if ours else traceback.format_exception(cause))
    return {
        **played,
        "ended": "error",
        "error": {"whose": whose, "step": step, "message": message, "traceback": trace},
    }


def json_number(value: Any) -> bool | int | float | None:
    """Returns a number as JSON takes it: what is not finite becomes null."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool | int):
        return plain
    return float(plain) if isinstance(plain, float) and math.isfinite(plain) else None
