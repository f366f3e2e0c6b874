"""`avi run` end to end: what it leaves behind, that it repeats and replays bit for bit, what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from avi_env.bench.episode_file import load_episode
from avi_env.bench.video import Video, read_video
from avi_env.cli import main

ARGUMENTS = ("run", "--scene", "house:3", "--seed", "1", "--planner", "rules")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same run made twice, the first time with video."""
    folder = tmp_path_factory.mktemp("runs")
    main([*ARGUMENTS, "--output", str(folder), "--name", "one", "--json", str(folder / "one.json")])
    main([*ARGUMENTS, "--output", str(folder), "--name", "two", "--json", str(folder / "two.json"), "--no-video"])
    return folder


@pytest.fixture(scope="module")
def video(runs: Path) -> Video:
    """The decoded video of the first run."""
    return read_video(runs / "one" / "episode.mp4")


def test_three_files(runs: Path) -> None:
    """Video, report and record are there, and nothing half-written beside them."""
    assert sorted(p.name for p in (runs / "one").iterdir()) == ["episode.json", "episode.mp4", "report.html"]


def test_video_is_h264_with_stereo_sound_of_equal_length(video: Video) -> None:
    """Both streams end together, to a frame, and the sound is stereo."""
    assert video.codecs == ("h264", "aac")
    assert video.audio.shape[0] == 2
    assert abs(video.stream_seconds[0] - video.stream_seconds[1]) <= 1.0 / video.fps
    assert abs(len(video.frames) / video.fps - video.stream_seconds[0]) <= 1.0 / video.fps


def test_video_shows_and_sounds_all_of_the_episode(runs: Path, video: Video) -> None:
    """One second of listening, then a quarter of a second an action."""
    actions = load_episode(runs / "one" / "episode.json").actions
    assert abs(video.stream_seconds[0] - (1.0 + 0.25 * len(actions))) <= 1.0 / video.fps


def test_channels_differ_as_the_head_turns(runs: Path, video: Video) -> None:
    """The level between the ears follows the head: over the episode it varies by several decibels."""
    steps = load_episode(runs / "one" / "episode.json").trajectory
    size = int(0.25 * video.sample_rate)
    windows = [video.audio[:, k * size : (k + 1) * size] for k in range(4, 4 + len(steps) - 1)]
    energies = np.array([(w.astype(np.float64) ** 2).sum(axis=1) for w in windows]) + 1e-12
    loud = energies.sum(axis=1) > 0.01 * energies.sum(axis=1).max()
    difference = 10.0 * np.log10(energies[loud, 0] / energies[loud, 1])
    assert np.ptp(difference) > 3.0


def test_same_arguments_same_record(runs: Path) -> None:
    """Two runs give the same episode.json, timestamps aside, with and without video."""
    one, two = (load_episode(runs / name / "episode.json").comparable() for name in ("one", "two"))
    for record in (one, two):
        record["spec"]["arguments"].pop("video")
        record["spec"].pop("commit")  # somebody may commit between the two
    assert one == two


def test_result_file_holds_answer_measures_and_spec(runs: Path) -> None:
    """--json has what a script wants to know."""
    result = json.loads((runs / "one.json").read_text())
    assert result["planner"]["name"] == "rules"
    assert {"success", "spl", "soft_spl", "sna", "distance_to_goal"} <= set(result["measures"])
    assert {"commit", "dirty", "versions", "device", "seeds", "arguments"} <= set(result["spec"])


def test_report_is_self_contained(runs: Path) -> None:
    """The report refers to nothing outside itself and holds the planner's words."""
    page = (runs / "one" / "report.html").read_text()
    assert "data:video/mp4;base64," in page
    assert "http://" not in page
    assert "https://" not in page
    assert "go_to_sound" in page


def test_replay_is_exact(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Replaying the record reaches the same bits."""
    record = runs / "two" / "episode.json"
    assert main(["run", "--replay", str(record), "--output", str(runs), "--no-video"]) == 0
    assert "every bit as recorded" in capsys.readouterr().out


def test_replay_finds_a_forgery(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record whose actions were changed does not replay."""
    record = json.loads((runs / "two" / "episode.json").read_text())
    record["actions"][0] = 2 if record["actions"][0] == 3 else 3
    forged = runs / "forged.json"
    forged.write_text(json.dumps(record))
    assert main(["run", "--replay", str(forged), "--output", str(runs), "--no-video"]) == 1
    assert "differs from the record" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--planner", "rulez"], "Did you mean 'rules'"),
        (["--scene", "hous:3"], "Did you mean 'house:"),
        (["--sound", "fone"], "Did you mean 'phone'"),
        (["--replay", "nowhere.json"], "nowhere.json"),
        (["--output", "/proc/none"], "choose another folder with --output"),
    ],
)
def test_bad_arguments_name_the_remedy(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unknown names, missing files and closed folders end with status 2 and one clear line."""
    given = ["run", "--planner", "rules", "--output", str(tmp_path), *arguments]
    assert main(given) == 2
    assert message in capsys.readouterr().err


def test_missing_endpoint_is_no_silent_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chat planner without a model says which setting is missing, and no other planner takes its place."""
    for name in ("AVI_LLM_BASE_URL", "AVI_LLM_MODEL", "AVI_LLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["run", "--planner", "chat", "--output", str(tmp_path)]) == 2
    assert "AVI_LLM_" in capsys.readouterr().err
    assert not list(tmp_path.rglob("episode.json"))


def test_failure_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An agent that runs out of steps is a failure in words and in the exit status."""
    given = [*ARGUMENTS, "--steps", "3", "--no-video", "--output", str(tmp_path)]
    assert main(given) == 1
    assert "failure" in capsys.readouterr().out
