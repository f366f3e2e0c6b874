"""Tables of what came of scenarios, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avi_env.scenario.findings import CaseReport, failure_words, repeats_outcome

if TYPE_CHECKING:
    from avi_env.scenario.cases import Case

__all__ = ["OUTCOME_COLOURS", "point_rows", "print_reports"]

OUTCOME_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "bold red"}
"""Of verdicts."""


def point_rows(cases: Sequence[Case], reports: Sequence[CaseReport]) -> list[dict[str, Any]]:
    """Returns a row for each point of the sweeps: how many of its repeats passed, how many must, and the verdict.

    Args:
        cases: what was played.
        reports: what came of each, in the same order.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for case, report in zip(cases, reports, strict=True):
        name = (report.file, report.point)
        row = rows.setdefault(name, {"name": report.point, "agent": report.agent, "outcomes": []})
        row["outcomes"].append(report.outcome)
        row["needed"] = min(case.scenario.repeat.passes_needed, len(row["outcomes"]))  # of those that were chosen
    for row in rows.values():
        outcomes = row.pop("outcomes")
        row["passed"], row["of"] = outcomes.count("pass"), len(outcomes)
        row["outcome"] = repeats_outcome(outcomes, row["needed"])
    return list(rows.values())


def print_reports(reports: Sequence[CaseReport], points: Sequence[dict[str, Any]], timing: bool = False) -> None:
    """Prints the verdicts of cases as a table, the repeats' verdicts, and below why each case failed.

    Args:
        reports: of the cases.
        points: see `point_rows`.
        timing: whether to show what the scenarios' own work costs, as a share of the steps'.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    for name, side in (("case", "left"), ("agent", "left"), ("verdict", "left"), ("steps", "right")):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    for name in ("time [s]", "took [s]", *(["overhead"] if timing else [])):
        table.add_column(escape(name), justify="right")  # a unit is no markup
    for report in reports:
        colour = OUTCOME_COLOURS[report.outcome]
        verdict = f"[{colour}]{report.outcome}[/]"
        times = f"{report.sim_seconds:.2f}", f"{report.seconds:.1f}"
        extra = (f"{100.0 * report.overhead:.1f} %",) if timing else ()
        table.add_row(escape(report.name), escape(report.agent), verdict, str(report.steps), *times, *extra)
    console.print(table)
    for report in reports:
        if report.outcome != "pass" or report.warnings:
            console.print()
            console.print(failure_words(report), markup=False, highlight=False, soft_wrap=True)
    for point in points:
        if point["of"] > 1:
            line = f"{point['name']}: {point['passed']} of {point['of']} passed, {point['needed']} must"
            console.print(line, style=OUTCOME_COLOURS[point["outcome"]], markup=False, highlight=False)
    passed = sum(point["outcome"] == "pass" for point in points)
    console.print(f"\n{passed} of {len(points)} passed", highlight=False)
