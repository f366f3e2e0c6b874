"""One episode of an evaluation, played and told as a record. What goes wrong in it ends it, not the evaluation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from avi_env.agents.backends import parse_backends
from avi_env.agents.load import load_agent, load_manifest
from avi_env.agents.loop import NEEDED_SENSORS, RunLimits, run_agent
from avi_env.agents.protocol import Answer, Planner
from avi_env.agents.step_agent import StepAgent
from avi_env.bench.evaluate_measures import Moment, further_measures
from avi_env.bench.evaluate_plan import EvaluationPlan, Job
from avi_env.bench.evaluate_track import (
    Observation,
    Track,
    asked_action,
    check_action,
    episode_briefing,
    error_record,
    evaluation_keywords,
    record_head,
    reset_agent,
    track_record,
    wanted_sensors,
    withheld,
)
from avi_env.envs.config import EnvConfig
from avi_env.envs.single import AviEnv
from avi_env.tasks import Episode
from avi_env.tasks.audio_visual_qa import ANSWER
from avi_env.tasks.questions import Question, answer_is_right, room_question

__all__ = ["EpisodePlayer", "crash_record"]

_SCENES_KEPT = 2  # episodes of a scene follow each other: the rest of a suite's houses need not stay in memory


class WatchedEnv(gym.Wrapper[Observation, Any, Observation, Any]):
    """An environment that notes what is done, refuses wrong actions, and is silent or dark where that is asked for."""

    def __init__(self, env: AviEnv, plan: EvaluationPlan) -> None:
        super().__init__(env)
        self._plan = plan
        self.track = Track()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode."""
        self.track = Track()
        observation, info = self.env.reset(seed=seed, options=options)
        self.track.begin(info, self._moment(info))
        return self._heard(observation), info

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Acts.

        Raises:
            AgentError: what was given is no action.
        """
        check_action(self.action_space, action)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.track.step(action, float(reward), terminated, info, self._moment(info))
        return self._heard(observation), reward, terminated, truncated, info

    @property
    def inner(self) -> AviEnv:
        """The environment itself: privileged."""
        inner = self.env
        assert isinstance(inner, AviEnv), "it was made here"
        return inner

    def _moment(self, told: Mapping[str, Any]) -> Moment:
        state = self.inner.batch.state
        x, y, z = state.position[0].tolist()
        return Moment((x, y, z), float(state.yaw[0]), told["distance_to_goal"], bool(told["collided"]))

    def _heard(self, observation: Observation) -> Observation:
        return withheld(observation, self._plan)


class AnsweringEnv(gym.Wrapper[Observation, Any, Observation, Any]):
    """An environment with answers to choose from, for a planner that gives them in words and stops."""

    def __init__(self, env: WatchedEnv, options: tuple[str, ...]) -> None:
        super().__init__(env)
        self._options = options
        self.answer = ""

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Acts; a stop with an answer chooses the option that says so, and gives up where none does."""
        if int(action) == 0:
            meant = [k for k, option in enumerate(self._options) if answer_is_right(self.answer, (option,))]
            action = np.int64(ANSWER + meant[0] if meant else 0)
        return self.env.step(action)


class EpisodePlayer:
    """Plays episodes of a plan one after the other, with one agent in one environment."""

    def __init__(self, plan: EvaluationPlan) -> None:
        self.plan = plan
        self.agent: StepAgent | Planner = load_agent(plan.agent, **plan.settings)
        self._backends = parse_backends(plan.skills, load_manifest(plan.agent).skills)
        self._offered = EnvConfig.from_keywords({"task": plan.task, **plan.environment}).sensors
        self._env: WatchedEnv | None = None

    @property
    def name(self) -> str:
        """Name of the agent, with what its skills are carried out by where that is not the classical code."""
        return self._backends.label(self.agent.name)

    def play(self, job: Job, following: Job | None = None) -> dict[str, Any]:
        """Returns the record of an episode, JSON-serialisable; `seconds` apart it depends on plan and job alone.

        Args:
            job: the episode.
            following: the one that comes next, made ready in the meantime.
        """
        started = time.perf_counter()
        record = record_head(self.plan, job, self.name)
        try:
            env = self._environment(job.episode)
            observation, info = env.reset(seed=job.drawn(self.plan), options={"episode": job.episode})
            if following is not None:
                env.inner.announce(following.episode)
            if isinstance(self.agent, StepAgent):
                record |= self._act(self.agent, env, job, observation)
            else:
                record |= self._plan(self.agent, env, observation, info)
            inner = env.inner
            record["measures"] |= further_measures(
                inner.config, inner.episode, inner.scene, env.track.way, env.track.actions
            )
        except Exception as error:
            failed = error_record(job, self.name, Track() if self._env is None else self._env.track, error)
            if failed["error"]["whose"] == "environment":
                self.close()  # it may be broken
            record |= failed
        return {**record, "seconds": round(time.perf_counter() - started, 3)}

    def close(self) -> None:
        """Lets go of the environment."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _environment(self, episode: Episode) -> WatchedEnv:
        """Returns the environment, made with the first episode that is played."""
        if self._env is None:
            step_agent = isinstance(self.agent, StepAgent)
            sensors = wanted_sensors(self.agent, self._offered) if step_agent else NEEDED_SENSORS  # type: ignore[arg-type]
            env = AviEnv(**evaluation_keywords(self.plan, episode, sensors, _SCENES_KEPT))
            self._env = WatchedEnv(env, self.plan)
        return self._env

    def _act(self, agent: StepAgent, env: WatchedEnv, job: Job, observation: Observation) -> dict[str, Any]:
        """Lets a step agent act to the end of the episode, or of its actions."""
        briefing = episode_briefing(self.plan, env.inner.config, env.action_space, self._offered, job.episode)
        reset_agent(agent, env.inner, 0, briefing, job.drawn(self.plan))
        while not env.track.terminated and len(env.track.actions) < self.plan.steps:
            observation, *_ = env.step(asked_action(agent, observation))
        return {**track_record(env.track), "ended": "agent" if env.track.terminated else "steps"}

    def _plan(
        self, planner: Planner, env: WatchedEnv, observation: Observation, info: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Lets a planner carry its skills out and answer: the episode's question, or which room the sound is in."""
        question = _question(env.inner)
        outer: Any = AnsweringEnv(env, question.options) if env.inner.config.played.answers == "options" else env

        def on_call(_: Any, said: Any) -> None:
            if isinstance(outer, AnsweringEnv) and isinstance(said, Answer):
                outer.answer = said.text

        limits = RunLimits(self.plan.steps, self.plan.calls)
        done = run_agent(
            outer,
            planner,
            question.text,
            observation=observation,
            info=info,
            limits=limits,
            backends=self._backends,
            on_call=on_call,
        )
        played, usage = track_record(env.track), planner.usage
        if question.answers:
            right = done.answer is not None and answer_is_right(done.answer.text, question.answers)
            played["measures"] |= {
                "answer_right": right,
                "found_and_right": right and bool(done.info.get("success", False)),
            }
        played["measures"] |= {
            "calls": len(done.results),
            "invalid_replies": usage.invalid_replies,
            "tokens": usage.prompt_tokens + usage.completion_tokens,
        }
        return {
            **played,
            "ended": done.ended,
            "question": question.text,
            "options": list(question.options),
            "answer": done.answer.text if done.answer else "",
            "expected": list(question.answers),
        }


def crash_record(plan: EvaluationPlan, job: Job, agent: str, message: str, trace: str) -> dict[str, Any]:
    """Returns the record of an episode in which the process died, again, that played it."""
    where = f"episode {job.episode.episode_id!r}, agent {agent!r}: {message}"
    return {
        **record_head(plan, job, agent),
        "measures": {},
        "actions": "",
        "ended": "error",
        "error": {"whose": "worker", "step": None, "message": where, "traceback": trace},
        "seconds": 0.0,
    }


def _question(env: AviEnv) -> Question:
    """Returns what a planner is told to do: the episode's question, or one about the goal.

    Raises:
        ValueError: the task cannot be put into words.
    """
    episode, task = env.episode, env.config.played
    if episode.question is not None:
        return episode.question
    if task.answers == "stop" and task.goal == "sound":
        return room_question(env.scene, episode)
    if task.answers == "stop" and task.goal == "category":
        return Question(f"Go to the {episode.goal_category.replace('_', ' ')}.")
    raise ValueError(f"{task.name} cannot be told to a planner in words: take a step agent")
