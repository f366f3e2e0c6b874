"""JUnit XML of cases: one testcase per scenario x parameter x repeat, with metrics and verdicts as properties."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from avi_env.scenario.findings import CaseReport, failure_words
from avi_env.whole_file import write_whole

__all__ = ["junit_text", "report_properties", "write_junit"]

# What XML 1.0 cannot carry, whatever an agent has said.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def report_properties(report: CaseReport) -> Iterator[tuple[str, str]]:
    """Yields names and values that a case leaves in JUnit files: agent, seed, trace, metrics, verdicts."""
    yield "agent", report.agent
    yield "scene", report.scene
    yield "seed", str(report.seed)
    yield "outcome", report.outcome
    yield "trace_sha256", report.digest
    for name in report.asked or report.metrics:
        value = report.metrics.get(name)
        if value is not None:
            yield f"metric.{name}", f"{value:.6g}" if isinstance(value, float) else str(value)
    for finding in report.findings:
        time = "" if finding.time is None else f" at {finding.time:.2f} s"
        yield f"expect.{finding.id}", f"{finding.outcome}{time}"
    if report.page:
        yield "page", report.page


def junit_text(reports: Sequence[CaseReport]) -> str:
    """Returns the document."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name="avi scenario",
        tests=str(len(reports)),
        failures=str(sum(report.outcome in ("fail", "inconclusive") for report in reports)),
        errors=str(sum(report.outcome == "error" for report in reports)),
        time=f"{sum(report.seconds for report in reports):.3f}",
    )
    for report in reports:
        _testcase(suite, report)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _testcase(suite: ElementTree.Element, report: CaseReport) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=_legal(report.scenario), name=_legal(report.name), time=f"{report.seconds:.3f}"
    )
    properties = ElementTree.SubElement(case, "properties")
    for name, value in report_properties(report):
        ElementTree.SubElement(properties, "property", name=_legal(name), value=_legal(value))
    if report.outcome == "pass":
        return
    text = failure_words(report)
    kind = "error" if report.outcome == "error" else "failure"
    first = next((line for line in text.splitlines()[1:] if line.strip()), report.outcome)
    ElementTree.SubElement(case, kind, message=_legal(first), type=report.outcome).text = _legal(text)


def _legal(text: str) -> str:
    return _ILLEGAL.sub("�", text)


def write_junit(path: Path, reports: Sequence[CaseReport]) -> None:
    """Writes the document, completely or not at all."""
    write_whole(path, junit_text(reports))
