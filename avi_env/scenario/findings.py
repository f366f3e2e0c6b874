"""What came of a case, as plain data and in words: the one text that pytest, the command line, JUnit and pages show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from avi_env.scenario.document import Expectation, Scenario
    from avi_env.scenario.run import CaseResult
    from avi_env.scenario.trace import Trace

__all__ = [
    "CaseReport",
    "Finding",
    "case_report",
    "expected_words",
    "failure_words",
    "finding_words",
    "repeats_outcome",
    "trivial_words",
]

Outcome = Literal["pass", "fail", "inconclusive", "error"]


@dataclass(frozen=True)
class Finding:
    """What came of one expectation."""

    id: str
    expected: str
    """In words: "always lit('kitchen_1') until bell"."""
    outcome: Outcome
    severity: Literal["error", "warn"]
    time: float | None
    """When it was decided [s]; None = it was not."""
    margin: float | None
    """Signed distance to the threshold of a comparison, in its unit; None where nothing is compared."""
    reason: str
    because: str
    """The scenario's own words for a breach."""
    where: str
    """"file:line:column" of the expectation."""
    operator: str = ""
    """One of `document.OPERATORS`."""
    witness: str = ""
    """What the agent did when it was decided: "step 31, at (1.20, 3.45), go_to_sound()"."""
    expression: str = ""
    """The condition it is about; "" = it is about events."""
    window: tuple[float, float] | None = None
    """The time that it is about [s]; None = that never began."""


@dataclass(frozen=True)
class CaseReport:
    """What came of one case; it can be sent between processes."""

    name: str
    """Of the case: "name[seed=3,gap=0.3]#0"."""
    scenario: str
    point: str
    """Of the sweep: repeats share it."""
    params: Mapping[str, Any]
    agent: str
    scene: str
    seed: int
    repeat: int
    outcome: Outcome
    findings: tuple[Finding, ...]
    metrics: Mapping[str, Any]
    """All that there are."""
    asked: tuple[str, ...]
    """Those that the scenario asks for under `metrics:`."""
    usage: Mapping[str, Any]
    digest: str
    """Hash of the trace."""
    steps: int
    sim_seconds: float
    file: str
    """The scenario's file."""
    summary: str = ""
    instruction: str = ""
    """What the agent was told."""
    error: str = ""
    """Why it could not be judged, or the budget that was breached."""
    seconds: float = 0.0
    """How long it took [s of wall time]."""
    overhead: float = 0.0
    """The scenario's own work as a share of what steps cost without it, in processor time."""
    page: str = ""
    """Where its page is; "" = none was written."""

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What was not met and is only to be warned of."""
        return tuple(one for one in self.findings if one.severity == "warn" and one.outcome != "pass")

    def to_json(self) -> dict[str, Any]:
        """Returns it as values for JSON."""
        plain: dict[str, Any] = finite(asdict(self))
        return plain

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> CaseReport:
        """Returns the report that `to_json` gave."""
        given = [{**one, "window": tuple(one["window"]) if one["window"] else None} for one in values["findings"]]
        return CaseReport(
            **{**values, "asked": tuple(values["asked"]), "findings": tuple(Finding(**one) for one in given)}
        )


def finite(value: Any) -> Any:
    """Returns a value for JSON: what is not finite becomes None, tuples become lists."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def expected_words(expectation: Expectation) -> str:
    """Returns an expectation in words, in the order in which one says it."""
    operator = expectation.operator
    said: Any = getattr(expectation, operator)
    if operator == "before":
        words = f"{said.first} before {said.second}"
    elif operator == "count":
        bounds = [(said.at_least, "at least"), (said.at_most, "at most")]
        words = f"{said.of} " + " and ".join(f"{name} {bound} times" for bound, name in bounds if bound is not None)
    else:
        words = f"{operator} {said}"
    if expectation.hold_for is not None:
        words += f" for {expectation.hold_for:g} s without a break"
    if expectation.within is not None:
        words += f" within {expectation.within:g} s"
    if expectation.after is not None:
        words += f" after {expectation.after}"
    if expectation.until is not None:
        words += f" until {expectation.until}"
    return words


def _witness(trace: Trace, tick: int | None) -> str:
    if tick is None or not 0 <= tick < len(trace.rows):
        return ""
    row = trace.rows[tick]
    doing = f", {row.skill}" if row.skill else ""
    return f"step {tick}, agent at (x {row.position[0]:.2f}, z {row.position[2]:.2f}) m{doing}"


def _expression(scenario: Scenario, expectation: Expectation) -> str:
    said: Any = getattr(expectation, expectation.operator)
    text = said if isinstance(said, str) else getattr(said, "of", "")
    return text if scenario.kind_of(text) == "expression" else ""


def repeats_outcome(outcomes: Sequence[Outcome], needed: int) -> Outcome:
    """Returns what came of repeats together.

    An error in one of them is an error. Else it passes where as many pass as must; it is inconclusive where it might
    have passed if the inconclusive ones had; else it fails.

    Args:
        outcomes: of the repeats.
        needed: how many of them must pass.
    """
    if "error" in outcomes:
        return "error"
    if outcomes.count("pass") >= needed:
        return "pass"
    return "inconclusive" if outcomes.count("pass") + outcomes.count("inconclusive") >= needed else "fail"


def case_report(result: CaseResult, agent: str, seconds: float = 0.0) -> CaseReport:
    """Returns a case's result as plain data.

    Args:
        result: of the runner.
        agent: who was asked to play.
        seconds: how long it took [s of wall time].
    """
    case, trace = result.case, result.trace
    numbers = {expectation.id: k for k, expectation in enumerate(case.scenario.expect)}
    findings = []
    for name, verdict in result.verdicts.items():
        expectation = case.scenario.expect[numbers[name]]
        findings.append(
            Finding(
                id=name,
                expected=expected_words(expectation),
                outcome=verdict.outcome,
                severity=expectation.severity,
                time=verdict.time,
                margin=verdict.margin if verdict.margin is not None and math.isfinite(verdict.margin) else None,
                reason=verdict.reason,
                because=expectation.because,
                where=case.scenario.location(f"expect[{numbers[name]}]"),
                operator=expectation.operator,
                witness=_witness(trace, verdict.tick),
                expression=_expression(case.scenario, expectation),
                window=verdict.window,
            )
        )
    return CaseReport(
        name=case.id,
        scenario=case.scenario.name,
        point=case.point,
        params=dict(case.params),
        agent=agent,
        scene=case.scene,
        seed=case.seed,
        repeat=case.repeat,
        outcome=result.outcome,
        findings=tuple(findings),
        metrics=dict(result.metrics),
        asked=case.scenario.metrics,
        usage=dict(result.usage),
        digest=trace.digest,
        steps=result.steps,
        sim_seconds=result.sim_seconds,
        file=case.scenario.path,
        summary=case.scenario.summary,
        instruction=case.scenario.task.instruction,
        error=result.error,
        seconds=seconds,
        overhead=result.timing.overhead,
    )


def finding_words(finding: Finding) -> str:
    """Returns what was expected, what came of it, when, by how much, and where it is written; several lines."""
    verb = {"fail": "was violated", "inconclusive": "was not decided", "pass": "was met"}.get(finding.outcome, "failed")
    when = f" at {finding.time:.2f} s" if finding.time is not None else ""
    lines = [f"{finding.id}: {finding.expected}", f"  {verb}{when}: {finding.reason}"]
    if finding.margin is not None:
        lines.append(f"  margin {finding.margin:+.3g}")
    if finding.witness:
        lines.append(f"  then: {finding.witness}")
    if finding.because:
        lines.append(f"  because: {finding.because}")
    if finding.where:
        lines.append(f"  {finding.where}")
    return "\n".join(lines)


def failure_words(report: CaseReport) -> str:
    """Returns why a case did not pass, and where to look."""
    heads = {"fail": "failed", "inconclusive": "could not be decided", "error": "could not be run", "pass": "passed"}
    budget = f", {report.steps} steps, {report.sim_seconds:.2f} s" if report.steps else ""
    parts = [f"{report.name} {heads[report.outcome]} (agent {report.agent}{budget})"]
    if report.error:
        parts.append(report.error)
    bad = [one for one in report.findings if one.severity == "error" and one.outcome != "pass"]
    parts += [finding_words(finding) for finding in bad]
    parts += [f"warning: {finding_words(finding)}" for finding in report.warnings]
    if report.page:
        parts.append(f"see {report.page}")
    return "\n".join(parts)


def trivial_words(report: CaseReport) -> str:
    """Returns why what a baseline has come to proves nothing; "" = it violated an expectation, as it must."""
    if report.outcome == "pass":
        return f"{report.name} was passed by {report.agent}: it is trivial; expect more"
    if any(one.severity == "error" and one.outcome == "fail" for one in report.findings):
        return ""
    why = f" ({report.error})" if report.error else ""
    return (
        f"{report.name}: {report.agent} violated no expectation{why}: a budget that runs out, or a window that stays "
        f"open, does not show that the scenario asks for anything; expect more, or add `within`"
    )
