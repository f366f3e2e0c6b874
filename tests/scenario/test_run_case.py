"""Cases that are run: who acts, what is judged, and that equal runs are equal to the bit."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from avi_env.agents.protocol import Usage
from avi_env.scenario.cases import Case, cases
from avi_env.scenario.reading import load_scenario, parse_scenario
from avi_env.scenario.run import CaseResult, ScenarioResult, judge_points, run_case
from avi_env.scenario.trace import EventRecord, Row, Trace, TraceDigest, read_trace, write_trace

TEXT = """
schema: 1
name: tiny
world: {scene: "shoebox:6x3x4", seed: 3, sources: {bell: {position: [1.0, 0.0, 1.0]}}}
task: {instruction: "Find the smoke alarm.", target: smoke_alarm}
timeline:
  - {id: ring, at: 1.1, do: sound.start, source: bell, clip: smoke_alarm}
  - {id: near, when: "distance(agent, bell) < 1.5", do: sound.stop, source: bell}
expect:
  - {id: reach, eventually: "distance(agent, bell) < 1.0", within: 30, because: "it must be found"}
  - {id: order, before: {first: near, second: reach}}
  - {id: calm, always: "collisions < 50", severity: warn}
budgets: {steps: 60}
metrics: [spl, steps]
solution:
  - {wait: 1.0}
  - {go_to: bell}
  - {face: bell}
  - {say: "Here it is."}
  - {stop: true}
"""


def case_of(text: str = TEXT) -> Case:
    """The only case of a text."""
    return cases(parse_scenario(text, "tiny.scenario.yaml"))[0]


@pytest.fixture(scope="module")
def solved() -> CaseResult:
    """The solution's run."""
    return run_case(case_of(), "solution")


def test_the_solution_passes(solved: CaseResult) -> None:
    """It walks, faces, speaks and stops with ordinary actions; events come at their times; all is told."""
    assert (solved.outcome, solved.ended, solved.error) == ("pass", "stop", "")
    assert {name: verdict.outcome for name, verdict in solved.verdicts.items()} == dict.fromkeys(
        ("reach", "order", "calm"), "pass"
    )
    ring, near = solved.events
    assert (ring.id, ring.t, near.id) == ("ring", 1.1, "near")
    reached = solved.verdicts["reach"]
    assert reached.time is not None
    assert near.t < reached.time < 30.0
    assert 0.0 < solved.witnesses["reach"]["distance(agent, bell)"] < 1.0
    assert [words for _, words in solved.trace.said] == ["Here it is."]
    assert solved.metrics["success"] is True
    assert solved.metrics["steps"] == solved.steps == len(solved.trace.rows) - 1
    assert solved.trace.rows[-1].skill == "stop(stop=True)"


def test_equal_runs_are_equal_to_the_bit(solved: CaseResult) -> None:
    """After another agent's run, and filmed, the hash of all observations and readings is the same; others differ."""
    other = run_case(case_of(), "random")
    again = run_case(case_of(), "solution", footage=True)
    assert again.trace.digest == solved.trace.digest
    assert again.trace.rows == solved.trace.rows
    assert again.verdicts.keys() == solved.verdicts.keys()
    assert again.footage is not None
    assert len(again.footage.glances) == solved.steps + 1
    assert other.trace.digest != solved.trace.digest
    assert other.outcome == "fail"
    assert other.verdicts["reach"].outcome != "pass"


def test_a_spent_budget_fails_and_is_named() -> None:
    """The solution with too few steps."""
    result = run_case(case_of(TEXT.replace("steps: 60", "steps: 8")), "solution")
    assert (result.outcome, result.ended, result.steps) == ("fail", "budget", 8)
    assert result.breaches == ("budget steps: 8 steps were not enough, the agent has not stopped",)
    timed = run_case(case_of(TEXT.replace("steps: 60", "sim_seconds: 2.0")), "solution")
    assert timed.breaches == ("budget sim_seconds: 2 s of simulated time were not enough, the agent has not stopped",)


def test_an_agent_that_fails_is_an_error(tmp_path: Path) -> None:
    """One line says who and when; the traceback is kept; nothing is raised. The agent lies beside the scenario."""
    (tmp_path / "clumsy").mkdir()
    (tmp_path / "clumsy" / "agent.toml").write_text('schema = 1\npython = "clumsy.py:Clumsy"\n')
    (tmp_path / "clumsy" / "clumsy.py").write_text(
        'class Clumsy:\n    name, privileged, sensors = "clumsy", False, ()\n'
        "    def reset(self, briefing, seed): self.left = 2\n"
        "    def act(self, observation):\n        self.left -= 1\n        return 2 if self.left else 1 // 0\n"
    )
    (tmp_path / "tiny.scenario.yaml").write_text(TEXT)
    result = run_case(cases(load_scenario(tmp_path / "tiny.scenario.yaml"))[0], "clumsy")
    assert (result.outcome, result.ended, result.steps) == ("error", "error", 1)
    assert result.error.startswith("agent 'clumsy' at 0.25 s: ")
    assert "ZeroDivisionError" in result.error
    assert "clumsy.py" in result.details
    assert result.verdicts == {}


@pytest.mark.parametrize(
    ("text", "agent", "message"),
    [
        (TEXT, "ruels", "Did you mean 'rules'"),
        (TEXT.partition("solution:")[0], "solution", "scenario 'tiny' has no solution"),
        (TEXT.replace("go_to: bell", "go_to: bel"), "solution", "tiny.scenario.yaml:"),
    ],
)
def test_what_cannot_be_run_is_an_error(text: str, agent: str, message: str) -> None:
    """Unknown agents, a missing solution and names that the house does not have are told."""
    result = run_case(case_of(text), agent)
    assert result.outcome == "error"
    assert message in result.error


def test_replies_that_are_missing_are_an_error(tmp_path: Path) -> None:
    """Replay never asks a model."""
    result = run_case(case_of(), "chat", replies=tmp_path / "tiny.replies.jsonl")
    assert result.outcome == "error"
    assert "there are no recorded replies" in result.error


def test_repeats_are_judged_together(solved: CaseResult) -> None:
    """All, or k of n; an error is an error; what is open stays open."""

    def outcome(needed: str, *found: str) -> str:
        case = case_of(TEXT + f"repeat: {{n: {len(found)}, pass: {needed}}}\n")
        results = [dataclasses.replace(solved, case=case, outcome=one) for one in found]  # type: ignore[arg-type]
        points = judge_points(results)
        assert list(points) == [case.point]
        return ScenarioResult(tuple(results), points).outcome

    assert outcome("all", "pass", "pass", "pass") == "pass"
    assert outcome("all", "pass", "fail", "pass") == "fail"
    assert outcome("2", "pass", "fail", "pass") == "pass"
    assert outcome("2", "pass", "error", "pass") == "error"
    assert outcome("2", "pass", "inconclusive", "fail") == "inconclusive"
    assert outcome("2", "fail", "inconclusive", "fail") == "fail"


def test_traces_are_files(solved: CaseResult, tmp_path: Path) -> None:
    """What is written is read; infinite margins, too; other files are refused."""
    write_trace(tmp_path / "a.jsonl", solved.trace)
    again = read_trace(tmp_path / "a.jsonl")
    assert (again.rows, again.events, again.said, again.digest) == (
        solved.trace.rows,
        solved.trace.events,
        solved.trace.said,
        solved.trace.digest,
    )
    row = Row(0.0, (0.0, 0.0, 0.0), 0.0, None, "", ((True, math.inf), (False, -math.inf), (False, -0.5)))
    small = Trace({"case": "a"}, ("x", "y", "z"), (row,), (EventRecord("e", "what", 0.5, None),))
    write_trace(tmp_path / "b.jsonl", small)
    assert read_trace(tmp_path / "b.jsonl") == small
    (tmp_path / "c.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="is no trace of a scenario"):
        read_trace(tmp_path / "c.jsonl")
    with pytest.raises(FileNotFoundError, match="avi scenario run --output writes them"):
        read_trace(tmp_path / "d.jsonl")


def test_the_hash_takes_each_sample_once() -> None:
    """A change in the new samples of sound, a pose or an event changes it."""
    import numpy as np

    def digest(sample: int, x: float, event: bool) -> str:
        found = TraceDigest(new_samples=2)
        sound = np.zeros((2, 4), dtype=np.float32)
        row = Row(0.0, (x, 0.0, 0.0), 0.0, None, "", ())
        found.add({"audio": sound})
        later = sound.copy()
        later[0, sample] = 1.0
        found.add({"audio": later})
        return found.text([row], [EventRecord("e", "what", 0.0, None)] if event else [])

    assert digest(3, 0.0, False) == digest(3, 0.0, False)
    assert digest(0, 0.0, False) == digest(1, 0.0, False)
    assert len({digest(1, 0.0, False), digest(2, 0.0, False), digest(2, 1.0, False), digest(2, 0.0, True)}) == 4


def test_the_hash_takes_every_eighth_row_of_a_picture() -> None:
    """A pixel of the second tick changes it in rows 0 and 8, not in row 1."""
    import numpy as np

    def digest(row: int | None) -> str:
        found, picture = TraceDigest(new_samples=2), np.zeros((16, 16, 1), dtype=np.float32)
        found.add({"depth": picture.copy()})
        if row is not None:
            picture[row, 5] = 1.0
        found.add({"depth": picture})
        return found.text([], [])

    assert digest(1) == digest(None)
    assert len({digest(None), digest(0), digest(8)}) == 3


def test_usage_is_told_without_times(solved: CaseResult) -> None:
    """Nothing of a clock is in what is compared."""
    assert solved.usage == {k: v for k, v in dataclasses.asdict(Usage()).items() if k != "seconds"}
