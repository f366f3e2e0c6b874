"""`avi bench train`: learners side by side, by stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from avi_env.cli import main


def test_stages_of_learners_side_by_side(tmp_path: Path) -> None:
    """Every learner has a row for each stage, compared with the first learner's."""
    file = tmp_path / "train.json"
    sizes = ["--scenes", "shoebox:6x3x4", "--num-envs", "2", "--n-steps", "4", "--batch-size", "4", "--iterations", "1"]
    learners = ["--learners", "ppo", "recurrent_ppo", "--network", "point_nav"]
    assert main(["bench", "train", *sizes, *learners, "--json", str(file)]) == 0
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["spec"]["arguments"]["n_steps"] == 4
    rows = {row["name"]: row for row in result["results"]}
    stages = ("environment", "inference", "learning", "processor")
    assert set(rows) == {f"{name}: {stage}" for name in ("ppo", "recurrent_ppo") for stage in stages}
    for stage in stages:
        row = rows[f"recurrent_ppo: {stage}"]
        assert row["value"] > 0
        assert row["ratio"] == pytest.approx(row["value"] / rows[f"ppo: {stage}"]["value"])
