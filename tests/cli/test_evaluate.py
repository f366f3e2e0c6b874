"""Evaluations: records that depend on nothing but plan and episode, errors that stay where they are, going on."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from evaluation import compared, make_agent, make_suite
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.bench.actions import actions_of_text, actions_text
from avi_env.bench.evaluate_plan import episode_seed
from avi_env.bench.evaluate_summary import summarise
from avi_env.bench.spec import commit_of
from avi_env.bench.statistics import clustered_mean, mean_interval, proportion_interval, sign_test
from avi_env.cli import main


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four episodes in two rooms."""
    folder = tmp_path_factory.mktemp("suites") / "tiny"
    make_suite(folder)
    return folder


@pytest.fixture(scope="module")
def whole(suite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of the tester, played in this process, and its agent beside it."""
    folder = tmp_path_factory.mktemp("whole")
    agent = make_agent(folder / "agent")
    assert evaluated(suite, agent, folder / "out", "--workers", "0") == 0
    return folder


def evaluated(suite: Path, agent: Path | str, output: Path, *more: str) -> int:
    """Exit status of an evaluation."""
    return main(["evaluate", str(suite), "--agent", str(agent), "--output", str(output), *more])


def test_wilson_interval() -> None:
    """40 of 50: centre (p + z^2/2n) / (1 + z^2/n), half width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n)."""
    estimate = proportion_interval(40, 50)
    assert_allclose([estimate.mean, estimate.low, estimate.high], [0.8, 0.66963, 0.88757], rtol=0, atol=1e-5)
    assert_allclose(proportion_interval(50, 50).high, 1.0, rtol=0, atol=1e-12)
    assert proportion_interval(0, 50).low == 0.0


def test_bootstrap_interval_is_that_of_the_mean() -> None:
    """For 400 normal values the 95 % interval is the mean +- 1.96 standard errors, within resampling noise."""
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    estimate = mean_interval(list(values))
    error = values.std() / np.sqrt(400)
    assert_allclose(estimate.mean, values.mean(), rtol=1e-12, atol=0)
    assert_allclose(
        [estimate.low, estimate.high], values.mean() + np.array([-1.96, 1.96]) * error, rtol=0, atol=0.1 * error
    )


def test_seeds_of_an_episode_are_one_cluster() -> None:
    """Ten seeds that repeat an episode's value make no interval narrower; a rate's is Wilson's over episodes."""
    values, names = [1.0, 2.0, 4.0], ["a", "b", "c"]
    assert clustered_mean(values * 10, names * 10) == clustered_mean(values, names)
    assert clustered_mean([True, False, True] * 10, names * 10) == proportion_interval(2, 3)


def test_sign_test_by_hand() -> None:
    """Two against eight of ten: 2 (1 + 10 + 45) / 1024; ties do not count, and nothing differs from nothing."""
    assert_allclose(sign_test([1.0] * 8 + [-1.0] * 2 + [0.0] * 5), 2 * 56 / 1024, rtol=1e-12, atol=0)
    assert sign_test([0.0, 0.0]) == 1.0


def test_nothing_has_no_mean() -> None:
    """No values is an error, not a NaN."""
    with pytest.raises(ValueError, match="at least one"):
        mean_interval([])
    with pytest.raises(ValueError, match="at least one"):
        proportion_interval(0, 0)


def test_actions_as_text() -> None:
    """Single numbers and several numbers an action come back as they were."""
    single, several = [np.int64(0), 3, 11], [np.array([0, 359, 199, 2]), np.array([3, 0, 0, 0])]
    assert actions_text(single) == "03b"
    assert actions_of_text("03b") == single
    assert_array_equal(actions_of_text(actions_text(several)), several)


def test_summary_has_its_parts(whole: Path) -> None:
    """design.md section 8: suite, agent, split, episodes, measures with intervals, spec; and kinds of episodes."""
    summary = json.loads((whole / "out" / "summary.json").read_text())
    assert {"suite", "agent", "split", "episodes", "measures", "spec"} <= set(summary)
    assert (summary["suite"], summary["agent"], summary["split"], summary["episodes"]) == ("tiny", "tester", "val", 4)
    assert {"mean", "ci95"} == set(summary["measures"]["spl"])
    assert {"commit", "dirty", "versions", "device", "seeds", "arguments"} <= set(summary["spec"])
    assert summary["breakdown"]["sounds"]["heard"]["episodes"] == 2
    assert sum(third["episodes"] for third in summary["breakdown"]["distance"].values()) == 4
    record = next(iter(compared(whole / "out").values()))
    assert len(record["actions"]) == record["measures"]["steps"] == 12
    assert record["ended"] == "steps"


def test_a_process_that_dies_costs_its_episode(
    suite: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two processes, one of which dies whenever it plays one episode, give the lines of one process for the others.

    That episode is tried twice and told with the stack that was left.
    """
    fatal = episode_seed("tiny", "val", "val-1", 0)
    agent = make_agent(
        tmp_path / "agent", f"self.step == 5 and self.seed == {fatal} and __import__('faulthandler')._sigsegv()"
    )
    assert evaluated(suite, agent, tmp_path / "out", "--workers", "2") == 1
    found, wanted = compared(tmp_path / "out"), compared(whole / "out")
    lost = found.pop("val-1 0")
    del wanted["val-1 0"]
    for record in (*found.values(), *wanted.values()):
        record["arguments"].pop("agent")
    assert found == wanted
    assert (lost["error"]["whose"], lost["measures"]) == ("worker", {})
    assert "exit code -11, 2 times" in lost["error"]["message"]
    assert "agent.py" in lost["error"]["traceback"]
    assert "val-1" in capsys.readouterr().out


def test_what_an_agent_does_wrong_stays_in_its_episode(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One episode raises, one returns no action: both are told with agent, episode and step, the others are played."""
    seen = str(tmp_path / "seen")
    trouble = (
        f"open({seen!r}, 'a').write('x' * (self.step == 4)); n = os.path.getsize({seen!r})\n"
        "        if self.step == 4 and n == 1: raise KeyError('lost')\n"
        "        if self.step == 4 and n == 2: return 7"
    )
    agent = make_agent(tmp_path / "agent", trouble)
    assert evaluated(suite, agent, tmp_path / "out", "--workers", "0") == 1
    records = compared(tmp_path / "out")
    errors = [record["error"] for record in records.values()]
    assert [error is None for error in errors] == [False, False, True, True]
    assert "agent 'tester' in episode 'val-0' at step 3: KeyError: 'lost'" in errors[0]["message"]
    assert "raise KeyError('lost')" in errors[0]["traceback"]
    assert "episode 'val-1' at step 3: 7 is no action: the action space is Discrete" in errors[1]["message"]
    assert "2 episodes ended with an error" in capsys.readouterr().out
    assert len(records["val-0 0"]["actions"]) == 3
    assert not records["val-0 0"]["measures"]["success"]


def test_an_episode_that_cannot_be_played(tmp_path: Path) -> None:
    """A start outside the walkable area is an error of its episode; a file that is cut off, of the evaluation."""
    (first, *_) = make_suite(tmp_path / "suite", 2)
    file = tmp_path / "suite" / "episodes" / "val.json.gz"
    text = gzip.decompress(file.read_bytes()).decode()
    moved = text.replace(json.dumps(list(first.start_position), separators=(",", ":")), "[99.0,0.0,99.0]")
    assert moved != text
    file.write_bytes(gzip.compress(moved.encode()))
    assert evaluated(tmp_path / "suite", "random", tmp_path / "out", "--workers", "0") == 1
    records = compared(tmp_path / "out")
    assert records["val-0 0"]["error"]["whose"] == "environment"
    assert "99" in records["val-0 0"]["error"]["message"]
    assert records["val-1 0"]["error"] is None


def test_a_file_of_episodes_that_is_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, and nothing is played."""
    make_suite(tmp_path / "suite", 1)
    file = tmp_path / "suite" / "episodes" / "val.json.gz"
    file.write_bytes(file.read_bytes()[:-20])
    assert evaluated(tmp_path / "suite", "random", tmp_path / "out", "--workers", "0") == 2
    assert "val.json.gz" in capsys.readouterr().err


def test_a_cut_evaluation_goes_on(suite: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is on disk is not played again, a line cut in half is, and nothing tells the result from an uncut one."""
    log, uncut = tmp_path / "results.jsonl", (whole / "out" / "results.jsonl").read_text()
    lines = uncut.splitlines(keepends=True)
    log.write_text("".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    arguments = [suite, whole / "agent", tmp_path, "--workers", "0"]
    assert evaluated(*arguments) == 2  # type: ignore[arg-type]
    assert "--resume" in capsys.readouterr().err
    assert evaluated(*arguments, "--resume", "--steps", "3") == 2  # type: ignore[arg-type]
    assert "other arguments (steps: 12 there, 3 here)" in capsys.readouterr().err
    assert evaluated(*arguments, "--resume") == 0  # type: ignore[arg-type]
    assert log.read_text().splitlines(keepends=True)[:2] == lines[:2]
    assert compared(tmp_path) == compared(whole / "out")
    again, first = (json.loads((folder / "summary.json").read_text()) for folder in (tmp_path, whole / "out"))
    assert {**again, "spec": 0} == {**first, "spec": 0}


def test_muted_agents_hear_nothing(suite: Path, whole: Path, tmp_path: Path) -> None:
    """The tester walks ahead in silence; the table tells muted agents from others."""
    out = tmp_path / "out"
    assert evaluated(suite, whole / "agent", out, "--workers", "0", "--mute", "--episodes", "1", "--seeds", "2") == 0
    records = compared(out)
    assert {record["actions"] for record in records.values()} == {"1" * 12}
    assert {record["agent"] for record in records.values()} == {"tester (muted)"}
    assert set(records) == {"val-0 0", "val-0 1"}
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["episodes"], summary["seeds"]) == (1, 2)


def test_blind_agents_see_nothing(suite: Path, tmp_path: Path) -> None:
    """No ray hits anything, sound and name stay; it goes on where it was cut off, not in the results of a seer."""
    looks = "assert not observation['depth'].any() and observation['audio'].any(); self.rng = np.random.default_rng(0)"
    agent, out = make_agent(tmp_path / "agent", looks), tmp_path / "out"
    arguments = (suite, agent, out, "--workers", "0", "--blind")
    assert evaluated(*arguments, "--episodes", "1") == 0
    assert evaluated(*arguments, "--episodes", "2", "--resume") == 0
    assert {record["agent"] for record in compared(out).values()} == {"tester (blind)"}
    assert evaluated(suite, agent, out, "--workers", "0", "--resume") == 2


def test_skills_led_by_the_truth_are_told(suite: Path, tmp_path: Path) -> None:
    """A planner's name says that its skills are privileged, in every record and in the summary."""
    out = tmp_path / "out"
    arguments = (suite, "rules", out, "--workers", "0", "--episodes", "1", "--skills", "go_to_sound=oracle")
    assert evaluated(*arguments) == 0
    name = "rules (go_to_sound=oracle, privileged)"
    assert {record["agent"] for record in compared(out).values()} == {name}
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["agent"], summary["spec"]["arguments"]["skills"]) == (name, "go_to_sound=oracle")
    assert evaluated(suite, "rules", out, "--workers", "0", "--resume") == 2


def test_seeds_differ(whole: Path) -> None:
    """Episodes and seeds have random numbers of their own."""
    records = compared(whole / "out")
    assert len({record["actions"] for record in records.values()}) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["house_question"], "Did you mean 'house_questions'"),
        (["house_questions", "--agent", "randon"], "Did you mean 'random'"),
        (["house_questions", "--split", "vall"], "Did you mean 'val'"),
        (["house_questions", "--seeds", "0"], "--seeds must be at least 1"),
        (["house_questions", "--resume"], "--output"),
    ],
)
def test_wrong_words_are_told_before_any_work(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is misspelt or out of range is named with its remedy."""
    assert main(["evaluate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_planner_answers(tmp_path: Path) -> None:
    """The rule planner plays the suite of rooms and is scored by its answer, too."""
    file = tmp_path / "rules.json"
    arguments = ["--workers", "0", "--episodes", "1", "--steps", "3", "--calls", "2", "--json", str(file)]
    assert main(["evaluate", "house_questions", "--agent", "rules", *arguments]) == 0
    summary = json.loads(file.read_text())
    assert {"answer_right", "found_and_right", "calls", "invalid_replies", "tokens"} <= set(summary["measures"])


def test_errors_do_not_hide_in_means() -> None:
    """Lost episodes are listed and have no part in the means."""
    head = {"suite": "s", "split": "val", "agent": "a", "seed": 0, "tags": {}, "geodesic_distance": 1.0, "error": None}
    records = [
        {**head, "episode_id": "1", "measures": {"success": True}},
        {**head, "episode_id": "2", "measures": {}, "error": {"message": "gone"}},
    ]
    summary = summarise(records, {})
    assert summary["measures"]["success"]["mean"] == 1.0
    assert summary["errors"] == [{"episode_id": "2", "seed": 0, "message": "gone"}]


def test_a_file_left_by_the_run_does_not_make_a_clone_dirty(tmp_path: Path) -> None:
    """`--json out.json` in the clone must not make the second of two equal runs differ; changed code must."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    (tmp_path / "avi_env").mkdir()
    (tmp_path / "avi_env" / "code.py").write_text("x = 1")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "out.json").write_text("{}")
    commit, dirty = commit_of(tmp_path)
    assert len(commit) == 40
    assert not dirty
    (tmp_path / "avi_env" / "code.py").write_text("x = 2")
    assert commit_of(tmp_path) == (commit, True)
    assert commit_of(tmp_path / "avi_env") == ("", False)
