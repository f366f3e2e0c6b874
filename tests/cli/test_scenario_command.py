"""`avi scenario run|check|show`: what is written, and how the command ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from avi_env.cli import main
from avi_env.scenario import load_scenario
from avi_env.scenario.check import proofs_of
from avi_env.scenario.findings import CaseReport, Finding

TINY = """\
schema: 1
name: tiny
world:
  scene: "shoebox:5x3x4"
  params: {near: [1.0, 0.05]}
  sources: {phone: {position: [3.5, 0.8, 2.5]}}
agent: {start: {position: [2.5, 0, 2.5], yaw_deg: 270}}
task: {instruction: "Go to the sound."}
timeline: [{id: ring, at: 0.5, do: sound.play, source: phone, clip: phone}]
expect: [{id: reach, eventually: "distance(agent, phone) < ${near}", within: 1.0, after: ring}]
budgets: {steps: 12}
solution: [{go_to: phone, within: 0.6}, {wait: 1.5}, {stop: true}]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A scenario of two cases, of which the second asks too much."""
    path = tmp_path / "tiny.scenario.yaml"
    path.write_text(TINY)
    return path


def test_run_writes_results_and_show_a_page(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1; JSON has spec and results; JUnit a failure; a trace each, a page of the one that failed."""
    out, junit, table = tmp_path / "out", tmp_path / "out.xml", tmp_path / "out.json"
    options = ["--agent", "solution", "--no-film", "--timing", "--output", str(out)]
    assert main(["scenario", "run", str(tiny), *options, "--json", str(table), "--junit", str(junit)]) == 1
    told = capsys.readouterr().out
    assert "time [s]" in told
    assert "overhead" in told
    assert "1 of 2 passed" in told
    assert f"{tiny}:10:" in told
    content = json.loads(table.read_text())
    assert content["spec"]["versions"]["avi-env"]
    assert [one["outcome"] for one in content["results"]] == ["pass", "fail"]
    assert len(ElementTree.parse(junit).getroot().findall(".//failure")) == 1
    assert [page.name for page in out.glob("*.html")] == ["tiny-near=0.05-solution.html"]
    assert main(["scenario", "show", str(out / "tiny-near=1.0-solution.jsonl"), "--output", str(tmp_path)]) == 0
    page = (tmp_path / "tiny-near=1.0-solution.html").read_text()
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_check_finds_what_is_trivial(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0 where the solution passes and the baseline violates something; 1 where it passes, too."""
    one = TINY.replace("near: [1.0, 0.05]", "near: 0.6").replace("expect: [", "expect_fail: [forward]\nexpect: [")
    tiny.write_text(one)
    assert main(["scenario", "check", str(tiny), "--planners", "forward"]) == 1
    assert "was passed by forward: it is trivial" in capsys.readouterr().out
    tiny.write_text(one.replace("after: ring}]", 'after: ring}, {id: patient, never: "path_length > 0.4"}]'))
    assert main(["scenario", "check", str(tiny), "--planners", "forward"]) == 0
    assert "1 of 1 proven" in capsys.readouterr().out


def test_running_out_of_steps_proves_nothing(tiny: Path) -> None:
    """A baseline has to violate an expectation, not only a budget."""
    tiny.write_text(TINY.replace("expect: [", "expect_fail: [random]\nexpect: ["))
    scenario = load_scenario(tiny)
    undecided = Finding("reach", "", "inconclusive", "error", None, None, "", "", "")
    solved = CaseReport(
        "tiny", "tiny", "tiny", {}, "solution", "s", 0, 0, "pass", (), {}, (), {}, "", 8, 2.0, str(tiny)
    )
    spent = replace(solved, agent="random", outcome="fail", findings=(undecided,), error="budget steps: 12")
    (proof,) = proofs_of([scenario], [solved, spent], ())
    assert proof.status == 1
    assert "random violated no expectation (budget steps: 12)" in proof.faults[0]
    (proof,) = proofs_of([scenario], [solved, replace(spent, findings=(replace(undecided, outcome="fail"),))], ())
    assert proof.status == 0


def test_faults_are_located(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, a line with file, line and column, the nearest name, and no traceback."""
    tiny.write_text(TINY.replace("instruction:", "instructions:"))
    assert main(["scenario", "run", str(tiny)]) == 2
    told = "".join(capsys.readouterr())
    assert f"{tiny}:8:8: task.instructions: unknown key" in told.replace("\n", " ").replace("  ", " ")
    assert "Did you mean 'instruction'" in told
    assert "Traceback" not in told
    assert main(["scenario", "run", "distracter"]) == 2
    assert "Did you mean 'distractor'" in "".join(capsys.readouterr())
