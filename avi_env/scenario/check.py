"""Proves scenarios: the solution passes, baselines do not; and shows what other agents make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avi_env.scenario.findings import CaseReport, failure_words, trivial_words
from avi_env.scenario.jobs import Job
from avi_env.scenario.tables import OUTCOME_COLOURS

if TYPE_CHECKING:
    from avi_env.scenario.document import Scenario

__all__ = ["Proof", "check_jobs", "print_proofs", "proofs_json", "proofs_of"]

SOLUTION = "solution"
"""The player that knows everything and carries a scenario's `solution:` out."""


@dataclass(frozen=True)
class Proof:
    """What was found about one scenario."""

    name: str
    points: int
    """Points of its sweep; each was played once by everyone."""
    passed: dict[str, int]
    """How many of them each player passed."""
    faults: tuple[str, ...]
    """Why it is not proven; none = it is."""
    status: int
    """0 = proven, 1 = it is not, 2 = it could not be run."""


def check_jobs(
    scenarios: Sequence[Scenario], planners: Sequence[str], device: str = "cpu", folder: Path | None = None
) -> list[Job]:
    """Returns what is to be played: the first repeat of each point by solution, baselines and planners."""
    from avi_env.scenario.cases import cases

    jobs = []
    for scenario in scenarios:
        points = [case for case in cases(scenario) if case.repeat == 0]
        solution = (SOLUTION,) if scenario.solution else ()
        for player in dict.fromkeys((*solution, *scenario.expect_fail, *planners)):
            pages = "failed" if player == SOLUTION else "none"
            jobs += [Job(case, player, device, "auto", folder, pages, film=False) for case in points]
    return jobs


def proofs_of(scenarios: Sequence[Scenario], reports: Sequence[CaseReport], planners: Sequence[str]) -> list[Proof]:
    """Returns what the reports of `check_jobs` say about each scenario."""
    return [
        _proof(
            scenario, [one for one in reports if (one.file, one.scenario) == (scenario.path, scenario.name)], planners
        )
        for scenario in scenarios
    ]


def _proof(scenario: Scenario, reports: Sequence[CaseReport], planners: Sequence[str]) -> Proof:
    faults: list[str] = []
    status = 0
    if not scenario.solution:
        faults.append(f"{scenario.name} has no solution: nothing shows that it can be passed; add `solution:`")
        status = 1
    passed: dict[str, int] = {}
    for report in reports:
        passed[report.agent] = passed.get(report.agent, 0) + (report.outcome == "pass")
        must_pass, must_fail = report.agent == SOLUTION, report.agent in scenario.expect_fail
        if report.outcome == "error" and (must_pass or must_fail or report.agent in planners):
            faults.append(failure_words(report))
            status = 2
        elif must_pass and report.outcome != "pass":
            faults.append(failure_words(report))
            status = max(status, 1)
        elif must_fail and (fault := trivial_words(report)):
            faults.append(fault)
            status = max(status, 1)
    points = len({report.point for report in reports})
    return Proof(scenario.name, points, passed, tuple(faults), status)


def print_proofs(proofs: Sequence[Proof], planners: Sequence[str]) -> None:
    """Prints a row for each scenario, and below what is not proven and why."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    players = list(dict.fromkeys([SOLUTION, *(name for proof in proofs for name in proof.passed), *planners]))
    table = Table(box=None, pad_edge=False)
    for name in ("scenario", *players, "proven"):
        table.add_column(escape(name), overflow="fold")
    for proof in proofs:
        cells = [_cell(proof, player, player in planners) for player in players]
        verdict = "[green]yes[/]" if proof.status == 0 else "[red]no[/]"
        table.add_row(escape(proof.name), *cells, verdict)
    console.print(table)
    for fault in (fault for proof in proofs for fault in proof.faults):
        console.print()
        console.print(fault, markup=False, highlight=False, soft_wrap=True)
    proven = sum(proof.status == 0 for proof in proofs)
    console.print(f"\n{proven} of {len(proofs)} proven", highlight=False)


def _cell(proof: Proof, player: str, shown: bool) -> str:
    if player not in proof.passed:
        return "-"
    passed = proof.passed[player]
    word = "passes" if passed == proof.points else "fails" if passed == 0 else f"passes {passed} of {proof.points}"
    if shown:  # nobody says what it should be
        return word
    right = passed == proof.points if player == SOLUTION else passed == 0
    return f"[{OUTCOME_COLOURS['pass' if right else 'fail']}]{word}[/]"


def proofs_json(proofs: Sequence[Proof]) -> list[dict[str, Any]]:
    """Returns the rows for JSON."""
    return [
        {"name": proof.name, "points": proof.points, "passed": proof.passed, "proven": proof.status == 0}
        for proof in proofs
    ]
