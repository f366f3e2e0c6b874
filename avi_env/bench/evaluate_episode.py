"""One episode of an evaluation, played and told as a record. What goes wrong in it ends it, not the evaluation."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Mapping
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from avi_env.agents.load import load_agent
from avi_env.agents.loop import NEEDED_SENSORS, RunLimits, run_agent
from avi_env.agents.protocol import Answer, Planner
from avi_env.agents.step_agent import Briefing, PrivilegedAgent, StepAgent, make_briefing
from avi_env.bench.actions import actions_text
from avi_env.bench.evaluate_measures import Moment, further_measures
from avi_env.bench.evaluate_plan import EvaluationPlan, Job
from avi_env.envs.config import EnvConfig
from avi_env.envs.single import AviEnv
from avi_env.sounds import class_of_sound
from avi_env.tasks import Episode
from avi_env.tasks.audio_visual_qa import ANSWER
from avi_env.tasks.questions import Question, answer_is_right, room_question

__all__ = ["EpisodePlayer", "crash_record", "record_head"]

Observation = dict[str, npt.NDArray[Any]]

_BODY = ("pose", "semantic")
"""Sensors that any agent may switch on beside those of the suite: they tell nothing of the goal."""

_SCENES_KEPT = 2  # episodes of a scene follow each other: the rest of a suite's houses need not stay in memory


class AgentError(Exception):
    """An agent raised, or returned what is no action."""


class WatchedEnv(gym.Wrapper[Observation, Any, Observation, Any]):
    """An environment that notes what is done in it, refuses wrong actions, and is silent where that is asked for."""

    def __init__(self, env: AviEnv, mute: bool) -> None:
        super().__init__(env)
        self._mute = mute
        self.begin()

    def begin(self) -> None:
        """Forgets the episode before."""
        self.actions: list[Any] = []
        self.way: list[Moment] = []
        self.reward = 0.0
        self.terminated = False
        self.info: Mapping[str, Any] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode."""
        self.begin()
        observation, info = self.env.reset(seed=seed, options=options)
        self.info = info
        self.way.append(self._moment())
        return self._heard(observation), info

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Acts.

        Raises:
            AgentError: what was given is no action.
        """
        if not _is_action(self.action_space, action):
            raise AgentError(f"{action!r} is no action: the action space is {self.action_space}")
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.actions.append(action)
        self.reward += float(reward)
        self.terminated, self.info = terminated, info
        self.way.append(self._moment())
        return self._heard(observation), reward, terminated, truncated, info

    @property
    def inner(self) -> AviEnv:
        """The environment itself: privileged."""
        inner = self.env
        assert isinstance(inner, AviEnv), "it was made here"
        return inner

    def _moment(self) -> Moment:
        state = self.inner.batch.state
        x, y, z = state.position[0].tolist()
        told = self.info
        return Moment((x, y, z), float(state.yaw[0]), told["distance_to_goal"], bool(told["collided"]))

    def _heard(self, observation: Observation) -> Observation:
        """Silence in place of sound: log1p of nothing is nothing in the spectrogram, too."""
        if not self._mute:
            return observation
        silent: Observation = {
            name: np.zeros_like(observation[name]) for name in ("audio", "spectrogram") if name in observation
        }
        return {**observation, **silent}


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
        self._offered = EnvConfig.from_keywords({"task": plan.task, **plan.environment}).sensors
        self._env: WatchedEnv | None = None

    def play(self, job: Job, following: Job | None = None) -> dict[str, Any]:
        """Returns the record of an episode, JSON-serialisable; `seconds` apart it depends on plan and job alone.

        Args:
            job: the episode.
            following: the one that comes next, made ready in the meantime.
        """
        started = time.perf_counter()
        record = record_head(self.plan, job, self.agent.name)
        try:
            env = self._environment(job.episode)
            env.begin()
            observation, info = env.reset(seed=job.drawn(self.plan), options={"episode": job.episode})
            if following is not None:
                env.inner.announce(following.episode)
            if isinstance(self.agent, StepAgent):
                record |= self._act(self.agent, env, job, observation)
            else:
                record |= self._plan(self.agent, env, observation, info)
            record["measures"] |= further_measures(env.inner, env.way, env.actions)
        except Exception as error:
            record |= self._failed(job, error)
        return {**record, "seconds": round(time.perf_counter() - started, 3)}

    def close(self) -> None:
        """Lets go of the environment."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _environment(self, episode: Episode) -> WatchedEnv:
        """Returns the environment, made with the first episode that is played."""
        if self._env is None:
            keywords = {"scenes": episode.scene, "bank_scenes": _SCENES_KEPT, **self.plan.environment}
            env = AviEnv(
                **{
                    **keywords,
                    "task": self.plan.task,
                    "sensors": self._sensors(),
                    "device": self.plan.device,
                    "prefetch": False,  # of what would be drawn, not given
                }
            )
            self._env = WatchedEnv(env, self.plan.mute)
        return self._env

    def _sensors(self) -> tuple[str, ...]:
        """Returns what is computed: what the agent reads, of what the suite offers."""
        if not isinstance(self.agent, StepAgent):
            return NEEDED_SENSORS
        chosen = tuple(name for name in self.agent.sensors if name in (*self._offered, *_BODY))
        return chosen or ("pose",)  # the cheapest: an environment has at least one

    def _briefing(self, env: WatchedEnv, episode: Episode) -> Briefing:
        named = episode.goal_category or class_of_sound(episode.sound)
        question = episode.question
        return make_briefing(
            env.inner.config,
            space=env.action_space,
            max_steps=self.plan.steps,
            target=named if "target" in self._offered else "",
            question=question.text if question is not None else "",
            options=tuple(question.options) if question is not None else (),
        )

    def _act(self, agent: StepAgent, env: WatchedEnv, job: Job, observation: Observation) -> dict[str, Any]:
        """Lets a step agent act to the end of the episode, or of its actions."""
        briefing = self._briefing(env, job.episode)
        _asked(lambda: self._reset_agent(agent, env, briefing, job.drawn(self.plan)))
        while not env.terminated and len(env.actions) < self.plan.steps:
            seen = observation
            action = _asked(lambda seen=seen: agent.act(seen))
            observation, *_ = env.step(action)
        return {**_played(env), "ended": "agent" if env.terminated else "steps"}

    def _reset_agent(self, agent: StepAgent, env: WatchedEnv, briefing: Briefing, seed: int) -> None:
        if agent.privileged:
            if not isinstance(agent, PrivilegedAgent):
                raise AgentError("an agent that says it is privileged needs a method attach(env)")
            agent.attach(env.inner)
        agent.reset(briefing, seed)

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
            outer, planner, question.text, observation=observation, info=info, limits=limits, on_call=on_call
        )
        played, usage = _played(env), planner.usage
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
            "answer": done.answer.text if done.answer else "",
            "expected": list(question.answers),
        }

    def _failed(self, job: Job, error: Exception) -> dict[str, Any]:
        """Returns what is recorded of an episode in which something went wrong, and lets go of what may be broken."""
        env = self._env
        played = _played(env) if env is not None and env.info else {"measures": {}, "actions": ""}
        whose = "agent" if isinstance(error, AgentError) else "environment"
        step = len(env.actions) if env is not None else 0
        cause = error.__cause__ or error
        message = f"agent {self.agent.name!r} in episode {job.episode.episode_id!r} at step {step}: {error}"
        if whose == "environment":
            message = f"episode {job.episode.episode_id!r} at step {step}: {type(error).__name__}: {error}"
            played = {**played, "measures": {}}
            self.close()
        trace = "".join(traceback.format_exception(cause))
        return {
            **played,
            "ended": "error",
            "error": {"whose": whose, "step": step, "message": message, "traceback": trace},
        }


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
        "agent": f"{agent} (muted)" if plan.mute else agent,
        "scene": episode.scene,
        "sound": episode.sound,
        "tags": tags,
        "geodesic_distance": _json_number(episode.geodesic_distance),
        "error": None,
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


def _played(env: WatchedEnv) -> dict[str, Any]:
    """Returns actions and measures so far; numbers that JSON does not know become null."""
    measures = {
        name: _json_number(value)
        for name, value in env.info.items()
        if isinstance(value, bool | int | float | np.generic) and name != "collided"
    }
    collisions = sum(moment.collided for moment in env.way[1:])
    measures |= {"reward": env.reward, "steps": len(env.actions), "collisions": collisions}
    return {"measures": measures, "actions": actions_text(env.actions)}


def _json_number(value: Any) -> bool | int | float | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool | int):
        return plain
    return float(plain) if isinstance(plain, float) and math.isfinite(plain) else None


def _asked(call: Any) -> Any:
    """Returns what an agent says.

    Raises:
        AgentError: it raised.
    """
    try:
        return call()
    except AgentError:
        raise
    except Exception as error:
        raise AgentError(f"{type(error).__name__}: {error}") from error


def _is_action(space: gym.Space[Any], action: Any) -> bool:
    try:
        return bool(space.contains(action))
    except Exception:  # a space may stumble over what is no action at all
        return False
