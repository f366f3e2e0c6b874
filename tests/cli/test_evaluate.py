"""Evaluation: statistics by hand, summaries, and going on after a cut."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.bench.spec import commit_of
from avi_env.bench.statistics import mean_interval, proportion_interval
from avi_env.cli import main

SHORT = ("evaluate", "--planner", "rules", "--steps", "3", "--calls", "2")


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


def test_nothing_has_no_mean() -> None:
    """No values is an error, not a NaN."""
    with pytest.raises(ValueError, match="at least one"):
        mean_interval([])
    with pytest.raises(ValueError, match="at least one"):
        proportion_interval(0, 0)


def test_evaluation_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    """Episodes on disk are not played again, a line cut in half is, and the summary is that of an uncut run."""
    log, summary = tmp_path / "cut" / "episodes.jsonl", tmp_path / "cut.json"
    arguments = [*SHORT, "--scenes", "house:1,house:2", "--output", str(log.parent), "--json", str(summary)]
    assert main(arguments) == 0
    whole = json.loads(summary.read_text())
    lines = log.read_text().splitlines()
    log.write_text(lines[0] + "\n" + lines[1][: len(lines[1]) // 2])
    assert main(arguments) == 0
    assert log.read_text().splitlines()[0] == lines[0]
    assert [json.loads(line)["scene"] for line in log.read_text().splitlines()] == ["house:1", "house:2"]
    again = json.loads(summary.read_text())
    assert again["measures"] == whole["measures"]
    assert again["episodes"] == 2
    assert {"suite", "agent", "split", "episodes", "measures", "spec"} == set(again)


def test_other_arguments_are_not_mixed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of an evaluation with other arguments is refused, not overwritten."""
    arguments = [*SHORT, "--scenes", "house:1", "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert main([*arguments, "--seed", "5"]) == 2
    assert "other arguments" in capsys.readouterr().err


def test_unknown_suite(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt suite suggests the nearest."""
    assert main(["evaluate", "house_question"]) == 2
    assert "Did you mean 'house_questions'" in capsys.readouterr().err


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
