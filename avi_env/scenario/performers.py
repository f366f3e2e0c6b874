"""Who acts in a scenario: planners of skills, agents that choose every step's action, and the scenario's solution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from avi_env.agents.backends import SkillBackends, parse_backends
from avi_env.agents.load import agent_names, load_agent, load_manifest
from avi_env.agents.loop import RunLimits, StepReport, run_agent
from avi_env.agents.model_source import ModelSource
from avi_env.agents.protocol import Answer, Invalid, Planner, PlannerObservation, SkillCall, Usage
from avi_env.agents.step_agent import Observation, StepAgent, make_briefing
from avi_env.bench.evaluate_track import asked_action, check_action, reset_agent
from avi_env.envs.config import SENSORS
from avi_env.scenario.cases import Case
from avi_env.scenario.document import Scenario
from avi_env.scenario.playing import Playing
from avi_env.scenario.reading import resolved_path
from avi_env.scenario.solution import play_solution

__all__ = ["SOLUTION", "BudgetSpentError", "Performer", "make_performer"]

SOLUTION = "solution"
"""Name of the performer that carries out the scenario's solution."""

_NOT_OFFERED = ("goal", "question", "options")
"""Sensors that tell what an agent is to find out."""

_NO_LIMIT = 10_000  # planner turns where the scenario sets none


class BudgetSpentError(Exception):
    """A run is cut because a budget is spent; `budget` names it."""

    def __init__(self, budget: str) -> None:
        super().__init__(budget)
        self.budget = budget


class Performer(Protocol):
    """Acts in one run."""

    @property
    def name(self) -> str:
        """Name that is printed and logged."""
        ...

    @property
    def sensors(self) -> tuple[str, ...]:
        """Observation keys it needs beside those of every run."""
        ...

    def perform(self, playing: Playing, case: Case, observation: Observation) -> str:
        """Acts to the end; returns what ended the run, in a word.

        Args:
            playing: the environment, reset.
            case: what is played.
            observation: the first one.

        Raises:
            BudgetSpentError: a budget is spent.
            WorldError: see `Playing`.
            Exception: the agent failed.
        """
        ...


def make_performer(name: str, case: Case, source: ModelSource | None = None) -> Performer:
    """Returns who acts in a case.

    Args:
        name: of agents/, the path of an own agent, also from the scenario's folder, or "solution"; "" = the file's.
        case: what will be played.
        source: recorded replies of the planner's model.

    Raises:
        ValueError: no such agent, with the nearest name; or the scenario has no solution.
    """
    scenario = case.scenario
    chosen = name or scenario.agent.planner
    if chosen == SOLUTION:
        if not scenario.solution:
            raise ValueError(f"scenario {scenario.name!r} has no solution: write its steps under `solution:`")
        return _Solver()
    if chosen.replace("-", "_") not in agent_names():
        chosen = resolved_path(scenario, chosen)
    agent = load_agent(chosen, source=source)
    if isinstance(agent, StepAgent):
        return _StepPerformer(agent, _sensors_of(agent, scenario))
    own = scenario.agent.policy if name in ("", scenario.agent.planner) else ""
    return _PlannerPerformer(agent, parse_backends(own, load_manifest(chosen).skills))


def _sensors_of(agent: StepAgent, scenario: Scenario) -> tuple[str, ...]:
    withheld = _NOT_OFFERED if scenario.task.target is not None else (*_NOT_OFFERED, "target")
    return tuple(name for name in agent.sensors if name in SENSORS and name not in withheld)


@dataclass(frozen=True)
class _Solver:
    name: str = SOLUTION
    sensors: tuple[str, ...] = ()

    def perform(self, playing: Playing, case: Case, observation: Observation) -> str:
        """Carries out the solution; see `Performer`."""
        return play_solution(playing, case.scenario.solution, observation)


@dataclass(frozen=True)
class _StepPerformer:
    """Asks a step agent for every action."""

    agent: StepAgent
    sensors: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.agent.name

    def perform(self, playing: Playing, case: Case, observation: Observation) -> str:
        """Lets the agent act until it stops; see `Performer`."""
        task, env = case.scenario.task, playing.stage.env
        briefing = make_briefing(
            env.config,
            space=env.action_space,
            max_steps=playing.limit,
            target=task.target or "",
            question=task.instruction if task.type == "question" else "",
        )
        reset_agent(self.agent, env, 0, briefing, case.seed)
        playing.tick(observation)
        while not playing.over:
            action = asked_action(self.agent, observation)  # type: ignore[arg-type]  # it only reads
            check_action(env.action_space, action)
            observation, *_ = playing.step(action)
            playing.tick(observation)
        return "stop" if playing.terminated else "budget"


@dataclass(frozen=True)
class _PlannerPerformer:
    """Lets a planner call skills."""

    planner: Planner
    backends: SkillBackends
    sensors: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.backends.label(self.planner.name)

    def perform(self, playing: Playing, case: Case, observation: Observation) -> str:
        """Lets the planner carry its skills out until it stops or answers; see `Performer`."""
        budgets = case.scenario.budgets

        def usage() -> Usage:
            return self.planner.usage

        def on_step(report: StepReport) -> None:
            playing.tick(report.observation, report.call, report.mind, report.said)

        def on_call(told: PlannerObservation, said: SkillCall | Answer | Invalid) -> None:
            if told.last is not None:
                playing.results = (*playing.results, told.last)
            if isinstance(said, SkillCall):
                playing.calls = (*playing.calls, said)
            if isinstance(said, Answer):
                playing.answer = said
            elif isinstance(said, SkillCall) and said.name == "answer":
                playing.answer = Answer(str(said.arguments.get("text", "")))
            spent = usage()
            if budgets.tokens is not None and spent.prompt_tokens + spent.completion_tokens > budgets.tokens:
                raise BudgetSpentError("tokens")
            if budgets.llm_calls is not None and spent.requests > budgets.llm_calls:
                raise BudgetSpentError("llm_calls")

        playing.usage = usage
        turns = _NO_LIMIT if budgets.llm_calls is None else max(budgets.llm_calls, 1)
        done = run_agent(
            playing,
            self.planner,
            case.scenario.task.instruction,
            observation=observation,
            info=playing.info,
            limits=RunLimits(playing.limit, turns),
            backends=self.backends,
            on_step=on_step,
            on_call=on_call,
            talks=True,
        )
        playing.results = done.results
        if done.ended == "budget" and not playing.over and len(done.results) >= turns:
            raise BudgetSpentError("llm_calls")
        return done.ended
