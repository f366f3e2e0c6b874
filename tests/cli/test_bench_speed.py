"""`avi bench speed` and `avi bench profile`: what they write, how they count, and that the page tells it."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from avi_env.bench.peers.race import Missing, Rate
from avi_env.bench.profile_stages import REST, STAGES, StageClock, marked, stage_function
from avi_env.bench.speed_memory import watched_memory
from avi_env.bench.speed_page import SPEED_REGIONS, committed_speed_report, rendered_speed_page
from avi_env.bench.speed_peers import Contest, contest_findings
from avi_env.bench.speed_plots import SPEED_PLOTS
from avi_env.bench.speed_rows import SpeedEffort, at_least, at_most, ratio_row, time_row
from avi_env.bench.speed_suite import SPEED_PARTS
from avi_env.bench.speed_targets import memory
from avi_env.bench.speed_timing import Load, Timing, Work, timed_rounds
from avi_env.cli import main

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
QUICK = ("vision", "hearing", "navigation", "copies", "batch", "resets")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a quick run of most measurements."""
    path = tmp_path_factory.mktemp("bench") / "speed.json"
    assert main(["bench", "speed", "--quick", "--only", *QUICK, "--json", str(path)]) == 0
    report: dict[str, Any] = json.loads(path.read_text())
    return report


@pytest.mark.parametrize("which", ["quick", "committed"])
def test_report_has_the_form_of_a_benchmark(which: str, request: pytest.FixtureRequest) -> None:
    """Spec and results as design.md section 8 names them; every number finite; names unique in a part."""
    report = request.getfixturevalue("quick") if which == "quick" else committed_speed_report()
    assert {"commit", "dirty", "versions", "device", "seeds", "arguments"} <= set(report["spec"])
    assert report["spec"]["arguments"]["command"].startswith("avi bench speed")
    assert {"threads", "others", "seconds", "processor", "cores"} <= set(report["spec"]["machine"])
    for row in report["results"]:
        assert row["part"] in SPEED_PARTS
        assert {"name", "value", "unit", "peer", "peer_value", "ratio"} <= set(row)
        assert math.isfinite(row["value"]), row["name"]
        if row["part"] in ("steps", "stages", "targets", "doubling"):
            assert row["spread"][0] <= row["value"] <= row["spread"][1], row["name"]
            assert {"by_process_time", "rounds", "others"} <= set(row)
    assert len({(row["part"], row["name"]) for row in report["results"]}) == len(report["results"])


def test_every_stage_has_its_rows(quick: dict[str, Any]) -> None:
    """The stages that the issue names, and whole steps."""
    names = [row["name"] for row in quick["results"] if row["part"] in ("stages", "reset", "steps")]
    stages = (
        "camera rays",
        "shading",
        "acoustic look-up",
        "synthesis",
        "spectrogram",
        "navigation",
        "observation copy",
    )
    for stage in (*stages, "step with", "steps, N ="):
        assert any(name.startswith(stage) for name in names), stage


def test_committed_report_was_not_quick() -> None:
    """What the page shows was measured in five rounds over all sizes."""
    report = committed_speed_report()
    assert report["spec"]["arguments"]["quick"] is False
    assert min(row["rounds"] for row in report["results"] if row["part"] in ("stages", "steps")) >= 5


def test_page_tells_what_was_measured() -> None:
    """The tables of docs/performance.md are those of the committed report: `make docs` would change nothing."""
    page = (ROOT / "docs" / "performance.md").read_text()
    assert rendered_speed_page(page, committed_speed_report()) == page
    assert all(f"<!-- speed: {name} -->" in page for name in SPEED_REGIONS)
    series = committed_speed_report()["series"]
    assert all(f"images/{file}" in page for file, (needed, _) in SPEED_PLOTS.items() if needed in series)


def test_rounds_take_turns_and_medians_count() -> None:
    """A B A B after warming up; a turn's time is shared among what it did."""
    order: list[str] = []

    def sleep(name: str) -> None:
        order.append(name)
        time.sleep(0.01)

    works = [Work("a", lambda: sleep("a"), 10), Work("b", lambda: sleep("b"))]
    found = timed_rounds(works, 3, 0.0, CPU)
    assert order[4:] == ["a", "b"] * 3
    assert found["b"].median >= 0.01
    assert 0.001 <= found["a"].median < found["b"].median
    assert found["b"].process_median < found["b"].median  # it sleeps


def test_rows_of_times_and_ratios() -> None:
    """Rates turn spreads over; ratios are medians of rounds, not ratios of medians."""
    one = Timing((0.010, 0.020, 0.040), (0.010, 0.010, 0.010), 0.5)
    two = Timing((0.005, 0.005, 0.010), (0.005, 0.005, 0.005), 0.1)
    row = time_row("steps", "x", one, "1/s", at_least(60.0))
    assert (row["value"], row["spread"], row["within"], row["others"]) == (50.0, [25.0, 100.0], False, 0.5)
    assert ratio_row("doubling", "x", one, two, 1.0, at_most(4.0))["value"] == 4.0
    assert ratio_row("doubling", "x", one, two, 1.0, at_most(3.9))["within"] is False
    assert_allclose(one.less(two).wall, (0.005, 0.015, 0.030), rtol=1e-12)


def test_load_does_not_count_ourselves() -> None:
    """A process that is busy itself is not disturbed by that."""
    with Load() as load:
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            np.sqrt(np.arange(1000.0))
    assert 0.0 <= load.others < 8.0
    assert load.elapsed >= 0.3


def test_contests_are_told_as_ratios_of_rounds() -> None:
    """Ours over theirs round by round; MuJoCo has a target; who is missing is not among the bars."""

    def rate(name: str, *wall: float) -> Rate:
        return Rate(name, "1", "renderer", "all", wall, wall, 1.0, 0)

    own = (rate("avi-env, one thread", 0.02, 0.02, 0.02), rate("avi-env", 0.01, 0.01, 0.02))
    other = (rate("MuJoCo", 0.03, 0.02, 0.02), rate("MiniWorld", 0.1, 0.1, 0.1))
    missing = (Missing("habitat-sim", "not installed", "conda install"),)
    found = contest_findings(Contest("RGB-D", "RGB-D 128x128", "a house", "avi-env", own, other, missing), 0.1)
    rows = {(row["part"], row["name"]): row for row in found.rows}
    target = rows["targets", "RGB-D 128x128, times MuJoCo"]
    assert (target["value"], target["spread"], target["within"]) == (2.0, [1.0, 3.0], True)
    beside = rows["peers", "RGB-D 128x128, avi-env beside MiniWorld"]
    assert_allclose((beside["value"], beside["peer_value"], beside["ratio"]), (100.0, 10.0, 10.0), rtol=1e-6)
    assert found.series["names"] == ["avi-env, one thread", "avi-env", "MuJoCo", "MiniWorld"]


@pytest.mark.parametrize("target", [target for targets in STAGES.values() for target in targets])
def test_stages_name_functions_that_exist(target: str) -> None:
    """The table of stages is not behind the code."""
    assert callable(stage_function(target)[2])


def test_an_unknown_stage_function_is_named() -> None:
    """A renamed function is an error that says which table to mend."""
    with pytest.raises(ValueError, match="render_viewz is not there"):
        stage_function("avi_env.vision.render:render_viewz")


def test_marks_count_nested_stages_once_and_are_taken_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stage calls in another counts for the other; the sum is the whole; afterwards nothing is left."""
    module = importlib.import_module("avi_env.vision.render")
    before = module.render_views
    clock = StageClock(CPU)
    with marked(clock):
        assert module.render_views is not before
    assert module.render_views is before
    seconds = [0.0]
    monkeypatch.setattr("avi_env.bench.profile_stages.time", SimpleNamespace(perf_counter=lambda: seconds[0]))
    for act, later in (
        (clock.begin, 1.0),
        (lambda: clock.enter("waveform"), 4.0),
        (lambda: clock.enter("spectrogram"), 8.0),
        (clock.leave, 16.0),
        (clock.leave, 2.0),
    ):
        act()
        seconds[0] += later
    found = clock.totals()
    assert (found["waveform"], found["spectrogram"], found[REST]) == (20.0, 8.0, 3.0)
    assert sum(found.values()) == 31.0


def test_profile_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stages' times are the whole step's; what the agent does not sense takes no time; the table is printed."""
    given = ["--num-envs", "2", "--width", "32", "--height", "32", "--sensors", "depth", "--scenes", "house:7:2"]
    file = tmp_path / "profile.json"
    assert main(["bench", "profile", *given, "--steps", "10", "--json", str(file), "--output", str(tmp_path)]) == 0
    found = json.loads(file.read_text())["series"]["profile"][0]
    assert_allclose(sum(found["stages"].values()), found["whole"], rtol=1e-4)
    assert found["stages"]["motion and distance"] > 0.0
    assert {"waveform", "spectrogram"}.isdisjoint(found["stages"])
    assert "whole step" in capsys.readouterr().out
    assert (tmp_path / "speed_profile.svg").stat().st_size > 1000


def test_memory_is_watched_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last line is the answer; a failure there is told here."""
    given: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        given.append(command)
        failed = "nowhere" in command[-1]
        return subprocess.CompletedProcess(command, int(failed), 'compiled\n{"peak_mb": 7.0}\n', "no such scene")

    monkeypatch.setattr("avi_env.bench.speed_memory.subprocess.run", run)
    assert watched_memory(4, 0, "cpu", "house:7", 32, 0) == {"peak_mb": 7.0}
    assert given[0][1:3] == ["-m", "avi_env.bench.speed_memory"]
    with pytest.raises(OSError, match="no such scene"):
        watched_memory(4, 0, "cpu", "nowhere", 32, 0)


def test_memory_counts_from_begin_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slope is that of the last half: a line of 2 MB a hundred steps grows by 4 MB over its last 200 of 400."""
    steps = list(range(0, 401, 10))
    curve = {"step": steps, "resident_mb": [500.0 + 0.02 * step for step in steps], "peak_mb": 509.0, "resets": 3}
    monkeypatch.setattr("avi_env.bench.speed_targets.watched_memory", lambda *_: curve)
    rows = {row["name"]: row for row in memory(SpeedEffort()).rows}
    assert_allclose(rows["growth over the last half"]["value"], 4.0, rtol=1e-6)
    assert rows["growth over the last half"]["within"] is True
    assert rows["resident, most"]["within"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "vison"], "Did you mean 'vision'"),
        (["--device", "tpu"], '"cpu" or "cuda"'),
        (["--peers", "MuJoko"], "Did you mean 'MuJoCo'"),
        (["--peers", "none", "MuJoCo"], 'takes "all", "none" or names'),
    ],
)
def test_wrong_usage_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown measurement or device is an error with the remedy."""
    assert main(["bench", "speed", "--quick", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_no_report_of_a_device_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for CUDA where there is none, nothing is measured on the CPU instead."""
    file = tmp_path / "cuda.json"
    assert main(["bench", "speed", "--device", "cuda", "--json", str(file)]) == 2
    assert "no CUDA device here" in capsys.readouterr().err
    assert not file.exists()
