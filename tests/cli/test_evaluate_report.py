"""Report of evaluations: tables, kinds of episodes, failures that are played again."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

import numpy as np
import pytest
from evaluation import make_agent, make_suite

from avi_env.bench.benchmarks_page import committed_summaries, rendered_benchmarks_page
from avi_env.bench.failures import chosen_failures, wav_bytes
from avi_env.cli import main


def test_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both pages hold tables and failures; the HTML loads nothing; the replay ends where the record says."""
    make_suite(tmp_path / "tiny", 2)
    agent = make_agent(tmp_path / "agent")
    out = ["--output", str(tmp_path / "out"), "--workers", "0"]
    assert main(["evaluate", str(tmp_path / "tiny"), "--agent", str(agent), *out]) == 0
    report, file = tmp_path / "report", tmp_path / "summaries.json"
    words = ["bench", "report", str(tmp_path / "out"), "--failures", "1"]
    assert main([*words, "--output", str(report), "--json", str(file)]) == 0
    page, text = (report / "report.html").read_text(), (report / "report.md").read_text()
    assert "| tester | 2 | 0.00 (0.00-0.66) |" in text
    assert "| sounds | heard | 1 |" in text
    assert "12 actions" in text
    assert "another way" not in text
    assert page.count("data:image/png;base64,") == page.count("data:audio/wav;base64,") == 1
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert {path.name for path in (report / "failures").iterdir()} == {"00.png", "00.wav"}
    with wave.open(str(report / "failures" / "00.wav")) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 16000)
        assert sound.getnframes() == 16000 + 12 * 4000
    assert json.loads(file.read_text())[0]["episodes"] == 2
    assert main(["bench", "report", str(tmp_path), "--output", str(report)]) == 2
    assert "holds no evaluation" in capsys.readouterr().err


def test_page_is_current() -> None:
    """docs/benchmarks.md holds the tables of the committed summaries; `.ci/generate_docs.py` writes it anew."""
    page = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert rendered_benchmarks_page(page, committed_summaries()) == page


def test_failures_are_spread_over_all() -> None:
    """Of ten failures, three: from the near, the middle and the far."""
    records = [
        {"measures": {"success": k >= 10}, "actions": "1", "geodesic_distance": k, "episode_id": str(k), "seed": 0}
        for k in range(12)
    ]
    assert [record["geodesic_distance"] for record in chosen_failures(records, 3)] == [1, 5, 8]
    assert chosen_failures(records[10:], 3) == []


def test_silence_stays_silent() -> None:
    """A clip of nothing is a file of zeros, not of noise."""
    assert set(wav_bytes(np.zeros((2, 100), dtype=np.float32), 16000)[44:]) == {0}
