"""The pytest plugin: what it collects, what it says, that and that it is light."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from avi_env.scenario import jobs, run  # noqa: F401  # run: imported once, not in each inner pytest
from avi_env.scenario.findings import CaseReport, Finding
from avi_env.scenario.trace import read_trace

pytest_plugins = "pytester"

HOME = os.environ.get("HOME", "")  # pytester sets another one, where no kernel is compiled and nothing is baked

TINY = """\
schema: 1
name: tiny
tags: [quick]
world:
  scene: "shoebox:5x3x4"
  params: {near: [1.0, 0.05]}
  sources: {phone: {position: [3.5, 0.8, 2.5]}}
agent: {planner: rules, start: {position: [2.5, 0, 2.5], yaw_deg: 270}}
task: {instruction: "Go to the sound."}
timeline:
  - {id: ring, at: 0.5, do: sound.play, source: phone, clip: phone}
expect:
  - {id: reach, eventually: "distance(agent, phone) < ${near}", within: 1.0, after: ring, because: somebody calls}
budgets: {steps: 12}
metrics: [path_length]
solution: [{go_to: phone, within: 0.6}, {wait: 1.5}, {stop: true}]
"""

REPEATED = """\
schema: 1
name: repeated
tags: [safety]
world: {scene: "shoebox:5x3x4", sources: {phone: {position: [3.5, 0.8, 2.5]}}}
task: {instruction: "Go to the sound."}
timeline: [{id: ring, at: 0.5, do: sound.play, source: phone, clip: phone}]
expect: [{eventually: stopped}]
repeat: {n: 3, pass: 2}
expect_fail: [random]
"""


def properties(pytester: pytest.Pytester, name: str) -> dict[str, dict[str, str]]:
    """Returns the properties of each test in a JUnit file."""
    root = ElementTree.parse(pytester.path / name).getroot()
    return {
        str(case.get("name")): {str(p.get("name")): str(p.get("value")) for p in case.iter("property")}
        for case in root.iter("testcase")
    }


def test_report_says_what_when_and_where(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing case tells expectation, time, margin, line and page; traces and JUnit agree."""
    monkeypatch.setenv("HOME", HOME)
    pytester.makefile(".scenario.yaml", tiny=TINY)
    options = ("--scenario-agent", "solution", "--strict-markers", "-p", "no:cacheprovider")
    result = pytester.runpytest_inprocess(*options, "--scenario-report", "out", "--junitxml=alone.xml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*tiny[[]near=0.05[]] failed (agent solution,*",
            "reach: eventually distance(agent, phone) < 0.05 within 1 s after ring",
            "*was violated at 1.50 s:*",
            "*margin -*",
            "*because: somebody calls",
            "*tiny.scenario.yaml:13:*",
            "see out*.html",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    alone = properties(pytester, "alone.xml")
    assert alone["tiny[near=1.0]"]["expect.reach"].startswith("pass")
    assert float(alone["tiny[near=1.0]"]["metric.path_length"]) > 0.0
    assert [page.name for page in (pytester.path / "out").glob("*.html")] == ["tiny-near=0.05-solution.html"]
    for name, stem in (("tiny[near=1.0]", "tiny-near=1.0-solution"), ("tiny[near=0.05]", "tiny-near=0.05-solution")):
        assert read_trace(pytester.path / "out" / f"{stem}.jsonl").digest == alone[name]["trace_sha256"]


def fake_report(job: jobs.Job, outcome: str, warned: bool = False) -> CaseReport:
    """Returns a report as `play` would, without playing."""
    finding = Finding("calm", "never collided", "fail", "warn", 1.0, None, "it collided", "", "x.yaml:3:1")
    violated = dataclasses.replace(finding, severity="error")
    case = job.case
    return CaseReport(
        case.id,
        case.scenario.name,
        case.point,
        {},
        job.agent or "rules",
        case.scene,
        case.seed,
        case.repeat,
        outcome,  # type: ignore[arg-type]
        (finding,) if warned else (violated,) if outcome == "fail" else (),
        {"spl": 0.5, "sws": None},
        ("spl",),
        {},
        "abc",
        5,
        1.25,
        case.scenario.path,
        error="\x1b it broke" if outcome == "error" else "",
    )


@pytest.mark.parametrize(
    ("outcomes", "agent", "expected"),
    [
        (("pass", "fail", "pass"), "", {"passed": 3, "xfailed": 1}),
        (("pass", "fail", "inconclusive"), "", {"passed": 1, "xfailed": 2, "failed": 1}),
        (("pass", "error", "pass"), "", {"passed": 2, "failed": 2}),
        (("fail", "fail", "fail"), "random", {"xfailed": 4}),
        (("inconclusive", "inconclusive", "inconclusive"), "random", {"xfailed": 3, "failed": 1}),
        (("pass", "pass", "fail"), "random", {"passed": 2, "xfailed": 1, "failed": 1}),
    ],
)
def test_repeats_have_a_judge(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    outcomes: tuple[str, ...],
    agent: str,
    expected: dict[str, int],
) -> None:
    """Two of three must pass: a repeat alone fails nothing; errors do, and baselines that pass or violate nothing."""
    monkeypatch.setattr(jobs, "play", lambda job: fake_report(job, outcomes[job.case.repeat]))
    pytester.makefile(".scenario.yaml", repeated=REPEATED)
    result = pytester.runpytest_inprocess("--scenario-agent", agent, "-m", "safety", "--strict-markers")
    result.assert_outcomes(**expected)


def test_warnings_do_not_fail(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expectation of severity "warn" becomes a warning of pytest."""
    monkeypatch.setattr(jobs, "play", lambda job: fake_report(job, "pass", warned=True))
    pytester.makefile(".scenario.yaml", repeated=REPEATED)
    result = pytester.runpytest_inprocess("repeated.scenario.yaml::repeated#0")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*ScenarioWarning: calm: never collided*"])


def test_malformed_file_is_located_without_traceback(pytester: pytest.Pytester) -> None:
    """What is wrong in a file is told line by line when it is collected."""
    pytester.makefile(".scenario.yaml", bad=TINY.replace("instruction:", "instructions:"))
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*bad.scenario.yaml:9:*: task.instructions: unknown key*Did you mean 'instruction'*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_reports_survive_json() -> None:
    """A report is the same after it was written into a trace and read."""
    finding = Finding("calm", "never collided", "fail", "warn", 1.0, None, "it collided", "", "x", window=(0.0, 1.0))
    report = CaseReport("a", "a", "a", {}, "rules", "s", 0, 0, "fail", (finding,), {}, ("spl",), {}, "", 1, 0.25, "f")
    assert CaseReport.from_json(report.to_json()) == report
    assert dataclasses.replace(report, findings=()).warnings == ()


def test_plugin_is_light() -> None:
    """Every pytest imports the plugin: it brings nothing with it but itself."""
    code = (
        "import sys, pytest, avi_env; before = set(sys.modules); import avi_env.scenario.pytest_plugin; "
        "print(sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['avi_env.scenario', 'avi_env.scenario.pytest_plugin']"
