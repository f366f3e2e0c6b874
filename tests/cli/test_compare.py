"""Comparison of two evaluations: differences by hand, and what must not be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose

from avi_env.bench.comparison import compare
from avi_env.cli import main

ARGUMENTS = {"episodes_sha256": "1"}


def record(episode: int, agent: str, success: bool, steps: int, **more: Any) -> dict[str, Any]:
    """A record as `avi evaluate` writes it, as far as comparisons read it."""
    head = {"suite": "s", "split": "val", "episode_id": f"e{episode}", "seed": 0, "agent": agent}
    measures = {"success": success, "steps": steps}
    return {**head, "measures": measures, "arguments": ARGUMENTS, "error": None, **more}


def side(agent: str, successes: str, steps: int) -> list[dict[str, Any]]:
    """One record a sign: 1 for success."""
    return [record(k, agent, sign == "1", steps + k) for k, sign in enumerate(successes)]


def test_differences_by_hand() -> None:
    """Of ten episodes B alone succeeds in six, A alone in one: a difference of 0.5."""
    found = compare(side("a", "1000000111", 10), side("b", "0111111111", 13))
    success = found["measures"]["success"]
    assert_allclose(success["difference"]["mean"], 0.5, rtol=1e-12, atol=0)
    low, high = success["difference"]["ci95"]
    assert 0.0 <= low < 0.5 < high <= 1.0
    assert_allclose(found["measures"]["steps"]["difference"]["ci95"], [3.0, 3.0], rtol=0, atol=1e-12)
    assert found["measures"]["steps"]["p"] is None
    assert (found["a"], found["b"], found["pairs"], found["episodes"]) == ("a", "b", 10, 10)


def test_mcnemar_by_hand() -> None:
    """Six against one: 2 (1 + 7) / 2^7."""
    found = compare(side("a", "1000000111", 0), side("b", "0111111111", 0))
    assert_allclose(found["measures"]["success"]["p"], 2 * 8 / 128, rtol=1e-12, atol=0)


def test_pairs_make_intervals_narrow() -> None:
    """Steps that differ by episodes alone have a sure difference, however wide each side is."""
    found = compare(side("a", "1" * 50, 0), side("b", "1" * 50, 1))
    low, high = found["measures"]["steps"]["a"]["ci95"]
    assert high - low > 5
    assert_allclose(found["measures"]["steps"]["difference"]["ci95"], [1.0, 1.0], rtol=0, atol=1e-12)


def test_lost_episodes_are_left_out_and_named() -> None:
    """An error of either side takes the pair out."""
    left, right = side("a", "11", 0), side("b", "11", 0)
    right[1] = {**right[1], "measures": {}, "error": {"message": "gone"}}
    found = compare(left, right)
    assert (found["pairs"], found["left_out"]) == (1, ["e1"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suite": "t"}, "A is of s val, B of t val"),
        ({"split": "test"}, "A is of s val, B of s test"),
        ({"episode_id": "other"}, r"B lacks 1 episodes of the other: e0 \(seed 0\)"),
        ({"seed": 1}, "B lacks 1 episodes"),
        ({"arguments": {"episodes_sha256": "2"}}, "different versions"),
    ],
)
def test_what_did_not_play_the_same_is_refused(change: dict[str, Any], message: str) -> None:
    """Suites, splits, episodes, seeds and the episodes' content must agree."""
    with pytest.raises(ValueError, match=message):
        compare([record(0, "a", True, 1)], [{**record(0, "b", True, 1), **change}])


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints a table and writes JSON; a folder without results is named."""
    for name, successes in (("a", "10"), ("b", "11")):
        (tmp_path / name).mkdir()
        lines = [json.dumps(one) + "\n" for one in side(name, successes, 0)]
        (tmp_path / name / "results.jsonl").write_text("".join(lines))
    out = tmp_path / "out.json"
    assert main(["bench", "compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json", str(out)]) == 0
    assert "B - A" in capsys.readouterr().out
    assert json.loads(out.read_text())["measures"]["success"]["difference"]["mean"] == 0.5
    assert main(["bench", "compare", str(tmp_path / "a"), str(tmp_path)]) == 2
    assert "holds no evaluation" in capsys.readouterr().err
