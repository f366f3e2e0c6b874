"""The agent's loop: observe, plan, carry the skill out with ordinary actions, tell the planner what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from avi_env.agents.backends import SkillBackends, make_leads, make_recognition
from avi_env.agents.briefing import brief
from avi_env.agents.offer import offered_skills
from avi_env.agents.orders import private_rooms
from avi_env.agents.perception import Perception, Senses
from avi_env.agents.protocol import Answer, Invalid, Planner, PlannerObservation, SkillCall, SkillResult
from avi_env.agents.skills import Leads, SkillOutcome, SkillState, start_skill

__all__ = ["NEEDED_SENSORS", "AgentRun", "RunLimits", "StepReport", "run_agent", "senses_of"]

Observation = Mapping[str, npt.NDArray[Any]]

NEEDED_SENSORS = ("depth", "semantic", "audio", "pose")
"""Observation keys the agent lives on."""

_STOP = 0
_INVALID_MOST = 3  # unusable turns in a row after which a run ends


@dataclass(frozen=True)
class RunLimits:
    """When a run ends at the latest."""

    steps: int = 500
    """Actions, the stop included."""
    calls: int = 40
    """Planner turns."""


@dataclass(frozen=True)
class StepReport:
    """One step, for whoever shows or records the run."""

    step: int
    """Number of the action, 0 = before the first."""
    action: int | None
    call: SkillCall | None
    """The skill it belongs to."""
    observation: Observation
    info: Mapping[str, Any]
    """What the environment said; not shown to the agent."""
    mind: Perception
    """What the agent knows by now."""
    said: tuple[str, ...] = ()
    """What the agent says as this action begins: the words of `say` since the last one, and those of its answer."""


@dataclass(frozen=True)
class AgentRun:
    """What came of a run."""

    ended: Literal["answer", "stop", "budget", "invalid", "environment"]
    """What ended it: a word of the planner, a limit, an unusable reply, or the environment."""
    results: tuple[SkillResult, ...]
    actions: tuple[int, ...]
    transcript: tuple[dict[str, object], ...]
    """The planner's prompts and replies."""
    answer: Answer | None = None
    invalid: Invalid | None = None
    reward: float = 0.0
    """Sum of the environment's rewards."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """The environment's last info: measures."""
    said: tuple[tuple[float, str], ...] = ()
    """All that the agent said, its answer included: (time [s], words)."""


def senses_of(env: gym.Env[Any, Any]) -> Senses:
    """Returns what an agent in an environment knows about its own sensors.

    Raises:
        ValueError: the environment lacks a sensor the agent needs; the message says which keyword to give.
    """
    inner: Any = env.unwrapped
    missing = [name for name in NEEDED_SENSORS if name not in inner.observation_space.spaces]
    if missing:
        wanted = ", ".join(repr(n) for n in NEEDED_SENSORS)
        raise ValueError(
            f"the agent needs the sensors {', '.join(missing)}: make the environment with sensors=({wanted})"
        )
    config = inner.config
    return Senses(
        categories=tuple(inner.semantic_categories),
        sample_rate=config.sample_rate,
        step_seconds=config.step_seconds,
        hfov=config.hfov,
        eye_height=config.eye_height,
        hrtf=config.hrtf,
    )


def run_agent(
    env: gym.Env[Any, Any],
    planner: Planner,
    instruction: str,
    *,
    observation: Observation | None = None,
    info: Mapping[str, Any] | None = None,
    limits: RunLimits | None = None,
    backends: SkillBackends | None = None,
    talks: bool = False,
    on_step: Callable[[StepReport], None] | None = None,
    on_call: Callable[[PlannerObservation, SkillCall | Answer | Invalid], None] | None = None,
) -> AgentRun:
    """Lets an agent carry out an instruction; deterministic given environment, planner and instruction.

    Args:
        env: an environment with the sensors `NEEDED_SENSORS`.
        planner: chooses the skills; it is reset first.
        instruction: the question or order.
        observation: the first observation when the caller has reset the environment; else it is reset here.
        info: what the caller's reset returned beside it.
        limits: when to end at the latest.
        backends: what skills and percepts are made of; by default the classical code.
        talks: whether there are people in the house: the agent can `say` something, and news interrupts its skills.
        on_step: called after every observation, the first included; it may tell the mind what was said to the agent.
        on_call: called with what the planner was told and what it said.
    """
    if observation is None:
        observation, info = env.reset()
    senses, backends = senses_of(env), backends or SkillBackends()
    mind = Perception(senses, make_recognition(backends, senses.sample_rate, senses.step_seconds), watchful=talks)
    mind.private = frozenset(private_rooms(instruction))
    leads = make_leads(backends, env.unwrapped)
    body = _Body(env, mind, leads, observation, info or {}, limits or RunLimits(), on_step, talks)
    planner.reset()
    state = SkillState()
    results: list[SkillResult] = []
    said: SkillCall | Answer | Invalid | None = None
    while not body.over and len(results) < body.limits.calls:
        told = body.brief(instruction, state, results)
        said = planner.plan(told, offered_skills(told), tuple(results))
        if on_call is not None:
            on_call(told, said)
        if isinstance(said, Invalid):
            results.append(_refused(said))
            if said.final or [r.status for r in results[-_INVALID_MOST:]] == ["invalid"] * _INVALID_MOST:
                break
            continue
        call = SkillCall("answer", {"text": said.text}, said.reason) if isinstance(said, Answer) else said
        if call.name in ("answer", "stop"):
            if isinstance(said, Answer):
                body.say(said.text)
            body.act(_STOP, call)
            break
        last_word = body.steps_left <= 1  # the one action left is for a stop
        results.append(body.carry_out(call, state))
        if last_word:
            break
    return body.finish(said, tuple(results), planner)


def _refused(said: Invalid) -> SkillResult:
    """The result of a turn without a usable call: nothing was carried out."""
    return SkillResult(SkillCall("invalid", {}, said.reason), "invalid", "bad_call", said.reason)


class _Body:
    """The environment, with the agent's perception kept up to date after each action."""

    def __init__(
        self,
        env: gym.Env[Any, Any],
        mind: Perception,
        leads: Leads,
        observation: Observation,
        info: Mapping[str, Any],
        limits: RunLimits,
        on_step: Callable[[StepReport], None] | None,
        talks: bool,
    ) -> None:
        self.env, self.mind, self.leads, self.limits, self.on_step = env, mind, leads, limits, on_step
        self.talks = talks
        self.info = info
        self.actions: list[int] = []
        self.reward = 0.0
        self.ended = False
        self.said: list[tuple[float, str]] = []
        self._told = 0  # of `said`, those that a report has told
        mind.observe(observation)
        self._report(None, None, observation)

    @property
    def steps_left(self) -> int:
        """Actions left."""
        return self.limits.steps - len(self.actions)

    @property
    def over(self) -> bool:
        """Whether nothing more can be done."""
        return self.ended or self.steps_left <= 0

    def brief(self, instruction: str, state: SkillState, results: list[SkillResult]) -> PlannerObservation:
        """Returns what a planner is told this turn."""
        calls_left, last = self.limits.calls - len(results), results[-1] if results else None
        return brief(self.mind, instruction, frozenset(state.silent), self.steps_left, calls_left, last, self.talks)

    def act(self, action: int, call: SkillCall) -> None:
        """Carries one action out and perceives."""
        observation, reward, terminated, truncated, self.info = self.env.step(np.int64(action))
        self.actions.append(action)
        self.reward += float(reward)
        self.ended = bool(terminated or truncated)
        self.mind.observe(observation, action)
        self._report(action, call, observation)

    def say(self, text: str) -> None:
        """Says something: it is heard while the next action is carried out."""
        self.said.append((self.mind.time_s, text))

    def carry_out(self, call: SkillCall, state: SkillState) -> SkillResult:
        """Runs a skill to its end, or as long as the episode lasts."""
        steps, path_m = len(self.actions), self.mind.path_m
        if call.name == "say":
            self.say(str(call.arguments["text"]))
            return SkillResult(call, "success")
        left = self.steps_left - 1  # one action is kept for the stop
        heard, alarm = len(self.mind.speech.utterances), self.mind.alarm
        skill = start_skill(call, self.mind, state, left, self.leads)
        outcome = SkillOutcome("timeout", "budget", "the episode is over")
        try:
            while not self.over:
                self.act(next(skill), call)
                news = self._news(heard, alarm)
                if news:
                    skill.close()
                    outcome = SkillOutcome("interrupted", "preempted", news)
                    break
        except StopIteration as end:
            outcome = end.value
        taken = len(self.actions) - steps
        return SkillResult(
            call,
            outcome.status,
            outcome.code,
            outcome.message,
            steps=taken,
            sim_seconds=taken * self.mind.senses.step_seconds,
            path_m=self.mind.path_m - path_m,
        )

    def _news(self, heard: int, alarm: str) -> str:
        """Returns what has happened that interrupts a skill, "" = nothing.

        Args:
            heard: utterances when the skill began.
            alarm: that had been heard when the skill began.
        """
        if not self.talks:
            return ""
        if self.mind.alarm != alarm:
            return f"a {self.mind.alarm.replace('_', ' ')} went off"
        return "somebody spoke" if len(self.mind.speech.utterances) > heard else ""

    def finish(
        self, said: SkillCall | Answer | Invalid | None, results: tuple[SkillResult, ...], planner: Planner
    ) -> AgentRun:
        """Returns the record of the run."""
        answer = said if isinstance(said, Answer) else None
        if isinstance(said, SkillCall) and said.name == "answer":
            answer = Answer(
                str(said.arguments.get("text", "")), float(said.arguments.get("confidence", 1.0)), said.reason
            )
        stopped = bool(self.actions) and self.actions[-1] == _STOP
        ended: Literal["answer", "stop", "budget", "invalid", "environment"] = "budget"
        if isinstance(said, Invalid):
            ended = "invalid"
        elif stopped:
            ended = "answer" if answer is not None else "stop"
        elif self.ended:
            ended = "environment"
        return AgentRun(
            ended,
            results,
            tuple(self.actions),
            tuple(planner.transcript.records()),
            answer if stopped else None,
            said if isinstance(said, Invalid) else None,
            self.reward,
            dict(self.info),
            tuple(self.said),
        )

    def _report(self, action: int | None, call: SkillCall | None, observation: Observation) -> None:
        said, self._told = tuple(text for _, text in self.said[self._told :]), len(self.said)
        if self.on_step is not None:
            self.on_step(StepReport(len(self.actions), action, call, observation, self.info, self.mind, said))
