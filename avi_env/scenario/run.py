"""Runs the cases of a scenario and judges them: the one place that the command line, pytest and plain tests call."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from avi_env.bench.recorder import Footage
from avi_env.bench.session import heard_words
from avi_env.bench.spec import versions
from avi_env.scenario.cases import Case, cases
from avi_env.scenario.cassettes import Cassette, PromptChangedError
from avi_env.scenario.document import Expectation, Scenario
from avi_env.scenario.expression import Expression, parse_expression
from avi_env.scenario.findings import repeats_outcome
from avi_env.scenario.located import ScenarioError
from avi_env.scenario.measures import goal_name, run_metrics
from avi_env.scenario.moment import Moment
from avi_env.scenario.performers import BudgetSpentError, Performer, make_performer
from avi_env.scenario.playing import Playing, Timing, WorldError
from avi_env.scenario.solution import SolutionError
from avi_env.scenario.stage import Stage
from avi_env.scenario.temporal import Rule, Signal, Verdict, judge_all
from avi_env.scenario.trace import EventRecord, Trace

if TYPE_CHECKING:
    from avi_env.agents.protocol import Answer

__all__ = ["CaseResult", "Outcome", "ScenarioResult", "run_case", "run_scenario"]

Outcome = Literal["pass", "fail", "inconclusive", "error"]

_SENSORS = ("depth", "semantic", "audio", "pose")  # of every run: what expressions, agents and pages need
_WORST_FIRST: tuple[Outcome, ...] = ("error", "fail", "inconclusive", "pass")


@dataclass(frozen=True)
class CaseResult:
    """What came of one case."""

    case: Case
    agent: str
    """Name of who acted."""
    outcome: Outcome
    """"error" = it could not be judged; "inconclusive" = nothing was violated, but not all was decided."""
    verdicts: Mapping[str, Verdict]
    """By the expectation's id, in the file's order; none where the run broke off by an error."""
    trace: Trace
    metrics: Mapping[str, Any]
    """All of `METRICS`, None where one does not apply."""
    usage: Mapping[str, int]
    """What planning took: requests, tokens, invalid replies."""
    ended: str = ""
    """What ended the run: "answer", "stop", "budget", "invalid", "environment", "solution" (its last step), "error"."""
    breaches: tuple[str, ...] = ()
    """Budgets that were breached, in words."""
    signals: Mapping[str, Signal] = field(default_factory=dict)
    """Of each expectation's expression, by the expectation's id."""
    witnesses: Mapping[str, Mapping[str, float | str | bool]] = field(default_factory=dict)
    """What the predicates of each expectation's expression said at its verdict's tick, by the expectation's id."""
    answer: Answer | None = None
    error: str = ""
    """Why the case is an error, or which budgets were breached; "" = neither."""
    details: str = ""
    """Of an error: its traceback."""
    footage: Footage | None = None
    timing: Timing = field(default_factory=Timing)
    """Processor time; no part of any reproducible record."""

    @property
    def events(self) -> tuple[EventRecord, ...]:
        """What happened, in order."""
        return self.trace.events

    @property
    def steps(self) -> int:
        """Actions taken."""
        return max(len(self.trace.rows) - 1, 0)

    @property
    def sim_seconds(self) -> float:
        """Simulated time [s]."""
        return self.trace.rows[-1].t if self.trace.rows else 0.0


@dataclass(frozen=True)
class ScenarioResult:
    """What came of all cases of a scenario."""

    results: tuple[CaseResult, ...]
    points: Mapping[str, Outcome]
    """Outcome of each point of the sweep: its repeats judged together."""

    @property
    def outcome(self) -> Outcome:
        """The worst of the points."""
        return _worst(tuple(self.points.values()))


def run_scenario(
    scenario: Scenario, performer_name: str = "", *, device: str = "cpu", replies: Path | None = None
) -> ScenarioResult:
    """Runs all cases of a scenario; arguments as for `run_case`."""
    results = tuple(run_case(case, performer_name, device=device, replies=replies) for case in cases(scenario))
    return ScenarioResult(results, judge_points(results))


def judge_points(results: Sequence[CaseResult]) -> dict[str, Outcome]:
    """Returns the outcome of each point of a sweep, of the results of all its repeats; see `repeats_outcome`."""
    points: dict[str, list[CaseResult]] = {}
    for result in results:
        points.setdefault(result.case.point, []).append(result)
    return {
        point: repeats_outcome([one.outcome for one in repeats], repeats[0].case.scenario.repeat.passes_needed)
        for point, repeats in points.items()
    }


def run_case(
    case: Case,
    performer_name: str = "",
    *,
    device: str = "cpu",
    replies: Path | None = None,
    record: bool = False,
    footage: bool = False,
) -> CaseResult:
    """Plays a case and judges it. What goes wrong in it makes its outcome "error", it raises nothing.

    The same file, case, agent and kind of device give the same verdicts and the same hash of the trace.

    Args:
        case: what is played.
        performer_name: who acts: an agent, or "solution"; "" = as the file says.
        device: "cpu" or "cuda".
        replies: file of recorded replies of the planner's model; None = the model itself is asked.
        record: whether replies that are not in that file are asked of the model and written to it.
        footage: whether pictures and sound are kept, for a page or a video.
    """
    run = _Run(case, performer_name or case.scenario.agent.planner, footage)
    cassette: Cassette | None = None
    try:
        if replies is not None:
            cassette = Cassette.load(replies, "record" if record else "replay")
        run.play(make_performer(performer_name, case, cassette), device)
    except Exception as error:
        run.error, run.ended = _words(error, run), "error"
        run.details = "".join(traceback.format_exception(error))
    finally:
        if cassette is not None and record:
            cassette.save()
    return run.result()


class _Run:
    """One run as it goes."""

    def __init__(self, case: Case, agent: str, footage: bool) -> None:
        self.case, self.agent = case, agent
        self.rules = {one.id: _rule(one) for one in case.scenario.expect}
        self.expressions: dict[str, Expression] = {}
        self.playing: Playing | None = None
        self.ended, self.error, self.details = "", "", ""
        self.budget = ""  # that was spent
        self.metrics: dict[str, Any] = {}
        self.footage: Footage | None = None
        self._wants_footage = footage

    def play(self, performer: Performer, device: str) -> None:
        """Plays to the end.

        Raises:
            Exception: whatever goes wrong.
        """
        self.agent = performer.name
        self.expressions = _expressions(self.case.scenario, self.rules)
        sensors = tuple(dict.fromkeys((*_SENSORS, *performer.sensors)))
        stage = Stage(self.case, device=device, sensors=sensors)
        try:
            observation, info = stage.reset()
            playing = Playing(stage, self.case.scenario, tuple(self.expressions.values()), info)
            self.playing = playing
            if self._wants_footage:
                place = f"{self.case.scene}, {performer.name}"
                self.footage = Footage(stage.env, self.case.scenario.task.instruction, place)
                playing.watchers.append(self._film)
            try:
                self.ended = performer.perform(playing, self.case, observation)
            except BudgetSpentError as error:
                self.ended, self.budget = "budget", error.budget
            self.metrics = run_metrics(playing, goal_name(self.case.scenario))
            if self.footage is not None:
                given = playing.answer.text if playing.answer is not None else ""
                self.footage.conclude(given, self.metrics["answer_right"])
        finally:
            if not self._wants_footage:  # which draws the house afterwards
                stage.close()

    def result(self) -> CaseResult:
        """Returns what came of it."""
        playing = self.playing
        signals, verdicts = self._judged()
        breaches = self._breaches() if not self.error else ()
        outcome = self._outcome(verdicts, breaches)
        usage = asdict(playing.usage()) if playing is not None else {}
        usage.pop("seconds", None)
        return CaseResult(
            self.case,
            self.agent,
            outcome,
            verdicts,
            self._trace(verdicts),
            self.metrics,
            usage,
            self.ended,
            breaches,
            signals,
            self._witnesses(verdicts),
            playing.answer if playing is not None else None,
            self.error or "; ".join(breaches),
            self.details,
            self.footage,
            playing.timing if playing is not None else Timing(),
        )

    def _judged(self) -> tuple[dict[str, Signal], dict[str, Verdict]]:
        """Returns the signal of each expectation's expression, and the verdicts."""
        if self.playing is None or self.error:
            return {}, {}
        rows = self.playing.rows
        times = np.array([row.t for row in rows])
        by_text = {
            text: Signal(
                times,
                np.array([row.readings[k][0] for row in rows], dtype=bool),
                np.array([row.readings[k][1] for row in rows], dtype=np.float64),
            )
            for k, text in enumerate(self.expressions)
        }
        happened = self.playing.timeline.happened
        complete = self.ended in ("answer", "stop", "environment")
        verdicts = judge_all(self.rules, by_text, happened, complete, times)
        own = {name: by_text[rule.what] for name, rule in self.rules.items() if rule.what in by_text}
        return own, {name: verdicts[name] for name in self.rules}

    def _witnesses(self, verdicts: Mapping[str, Verdict]) -> dict[str, Mapping[str, float | str | bool]]:
        """Returns what was true where each expectation was decided."""
        found: dict[str, Mapping[str, float | str | bool]] = {}
        for name, verdict in verdicts.items():
            expression = self.expressions.get(self.rules[name].what)
            if self.playing is not None and expression is not None and verdict.tick is not None:
                found[name] = expression.asked(self.playing.memos[verdict.tick])
        return found

    def _outcome(self, verdicts: Mapping[str, Verdict], breaches: tuple[str, ...]) -> Outcome:
        if self.error:
            return "error"
        found: list[Outcome] = ["fail"] if breaches else ["pass"]
        found += [verdicts[one.id].outcome for one in self.case.scenario.expect if one.severity == "error"]
        return _worst(tuple(found))

    def _breaches(self) -> tuple[str, ...]:
        """Returns the budgets that were breached, in words."""
        budgets, playing = self.case.scenario.budgets, self.playing
        if playing is None:
            return ()
        usage = playing.usage()
        tokens = usage.prompt_tokens + usage.completion_tokens
        found = []
        if self.ended == "budget" and playing.over:
            spent = "steps" if playing.limit == budgets.steps else "sim_seconds"
            limit = f"{budgets.steps} steps" if spent == "steps" else f"{budgets.sim_seconds:g} s of simulated time"
            found.append(f"budget {spent}: {limit} were not enough, the agent has not stopped")
        if budgets.tokens is not None and tokens > budgets.tokens:
            found.append(f"budget tokens: {tokens} were used, {budgets.tokens} are allowed")
        if budgets.llm_calls is not None and usage.requests > budgets.llm_calls:
            found.append(f"budget llm_calls: {usage.requests} were made, {budgets.llm_calls} are allowed")
        elif self.budget == "llm_calls":
            found.append(f"budget llm_calls: {budgets.llm_calls} turns of the planner were not enough")
        return tuple(found)

    def _trace(self, verdicts: Mapping[str, Verdict]) -> Trace:
        playing, case = self.playing, self.case
        header = {
            "scenario": case.scenario.name,
            "case": case.id,
            "agent": self.agent,
            "scene": case.scene,
            "seed": case.seed,
            "params": dict(case.params),
            "scenario_sha256": _scenario_digest(case.scenario),
            "versions": _versions(),
        }
        if playing is None:
            return Trace(header, tuple(self.expressions), ())
        told = {
            name: {"outcome": v.outcome, "time": v.time, "margin": v.margin, "reason": v.reason}
            for name, v in verdicts.items()
        }
        texts, rows, events = tuple(self.expressions), tuple(playing.rows), tuple(playing.events)
        return Trace(header, texts, rows, events, told, playing.said, playing.digest.text(rows, events))

    def _film(self, moment: Moment) -> None:
        assert self.footage is not None, "it was asked for"
        skill = moment.call.to_text() if moment.call is not None else "" if moment.step else "listening"
        heard, azimuth = heard_words(moment.mind) if moment.mind is not None else ("", None)
        self.footage.add(dict(moment.observation), skill, heard, azimuth)


def _scenario_digest(scenario: Scenario) -> str:
    """Returns the hash of what a scenario says, however its file is written."""
    content = json.dumps(scenario.model_dump(mode="json", by_alias=True), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


@cache
def _versions() -> dict[str, str]:
    return versions()


def _rule(one: Expectation) -> Rule:
    """Returns an expectation as it is judged."""
    what, second = "", ""
    bounds: tuple[int | None, int | None] = (None, None)
    if one.before is not None:
        what, second = one.before.first, one.before.second
    elif one.count is not None:
        what, bounds = one.count.of, (one.count.at_least, one.count.at_most)
    else:
        what = str(getattr(one, one.operator))
    operator: Any = one.operator  # the document's word for it is ours
    after, until, hold_for = one.after or "", one.until or "", one.hold_for or 0.0
    return Rule(operator, what, second, one.within, after, until, hold_for, bounds[0], bounds[1])


def _expressions(scenario: Scenario, rules: Mapping[str, Rule]) -> dict[str, Expression]:
    """Returns every expression that is needed to judge a scenario, by its text."""
    texts = [text for rule in rules.values() for text in (rule.what, rule.second, rule.after, rule.until) if text]
    return {text: parse_expression(text) for text in texts if scenario.kind_of(text) == "expression"}


def _worst(outcomes: tuple[Outcome, ...]) -> Outcome:
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), "pass")


def _words(error: Exception, run: _Run) -> str:
    """Returns what went wrong, and whose doing it was, as far as that is known."""
    if isinstance(error, ScenarioError | WorldError | SolutionError | PromptChangedError):
        return str(error)
    if run.playing is None:
        return (
            f"{error}" if isinstance(error, ValueError | ImportError | OSError) else f"{type(error).__name__}: {error}"
        )
    return f"agent {run.agent!r} at {run.playing.seconds:g} s: {type(error).__name__}: {error}"
