"""The pytest plugin: repeats of which some must pass have a judge."""

from __future__ import annotations

import pytest

from avi_env.scenario import jobs
from avi_env.scenario.findings import CaseReport, Finding

pytest_plugins = "pytester"

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


def fake_report(job: jobs.Job, outcome: str, warned: bool = False) -> CaseReport:
    """Returns a report as `play` would, without playing."""
    finding = Finding("calm", "never collided", "fail", "warn", 1.0, None, "it collided", "", "x.yaml:3:1")
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
        (finding,) if warned else (),
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
    ],
)
def test_repeats_have_a_judge(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    outcomes: tuple[str, ...],
    agent: str,
    expected: dict[str, int],
) -> None:
    """Two of three must pass: a repeat alone fails nothing; errors and passing baselines do."""
    monkeypatch.setattr(jobs, "play", lambda job: fake_report(job, outcomes[job.case.repeat]))
    pytester.makefile(".scenario.yaml", repeated=REPEATED)
    result = pytester.runpytest_inprocess("--scenario-agent", agent, "-m", "safety", "--strict-markers")
    result.assert_outcomes(**expected)
