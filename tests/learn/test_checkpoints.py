"""Checkpoints: the last good one outlives what goes wrong, and what is wrong with one is said."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avi_env.policies import checkpoints
from avi_env.policies.checkpoints import CheckpointFacts, load_checkpoint, read_facts, save_checkpoint
from avi_env.policies.training_log import TrainingLog, read_progress

RECIPE: dict[str, Any] = {"seed": 1, "summary": "one", "stages": [{"learner": "fake", "steps": 8}]}


def facts(steps: int) -> CheckpointFacts:
    """Facts of a checkpoint after so many steps."""
    return CheckpointFacts(RECIPE, 0, steps, steps, 10 * steps, {"wall": 1.5}, {"best": None})


def state(value: float) -> dict[str, Any]:
    """A state with what learners have in theirs."""
    return {"weights": torch.full((1000,), value), "random": np.random.default_rng(3).bit_generator.state}


def test_there_and_back(tmp_path: Path) -> None:
    """Facts and state come back; one state file stays; the summary may change."""
    for steps in (8, 16, 16, 24):
        save_checkpoint(tmp_path, facts(steps), state(steps))
    assert len(list(tmp_path.iterdir())) == 2
    assert read_facts(tmp_path) == facts(24)
    found, loaded = load_checkpoint(tmp_path, {**RECIPE, "summary": "another"})
    assert found == facts(24)
    assert torch.equal(loaded["weights"], state(24)["weights"])
    assert loaded["random"] == state(24)["random"]


@pytest.mark.parametrize("where", ["state", "facts"])
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The error says so, and the last checkpoint is the one that counts."""
    save_checkpoint(tmp_path, facts(8), state(8.0))
    full = OSError(errno.ENOSPC, "No space left on device")

    def write(*_: Any) -> None:
        raise full

    with monkeypatch.context() as patch:
        if where == "state":
            patch.setattr(torch, "save", write)
        else:
            patch.setattr(Path, "write_bytes", write)
        with pytest.raises(OSError, match="the disk is full") as caught:
            save_checkpoint(tmp_path, facts(16), state(16.0))
    assert caught.value.errno == errno.ENOSPC
    found, loaded = load_checkpoint(tmp_path, RECIPE)
    assert found.steps == 8
    assert loaded["weights"][0] == 8.0
    save_checkpoint(tmp_path, facts(16), state(16.0))  # there is room again
    assert load_checkpoint(tmp_path, RECIPE)[0].steps == 16


def test_an_error_that_pytorch_covers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's writer raises an error of its own while it handles that of the disk."""

    def write(*_: Any) -> None:
        try:
            raise OSError(errno.EFBIG, "File too large")
        except OSError:
            raise RuntimeError("unexpected pos 704 vs 598")  # noqa: B904

    monkeypatch.setattr(torch, "save", write)
    with pytest.raises(OSError, match="the disk is full"):
        save_checkpoint(tmp_path, facts(8), state(8.0))
    assert not list(tmp_path.iterdir())


def test_corrupt_ones(tmp_path: Path) -> None:
    """A byte that is another, a file cut short, missing, or no JSON: said, with the remedy."""
    path = save_checkpoint(tmp_path, facts(8), state(8.0))
    whole = path.read_bytes()
    for broken in (whole[:500] + bytes([whole[500] ^ 1]) + whole[501:], whole[:-7]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"is corrupt.*without --resume"):
            load_checkpoint(tmp_path, RECIPE)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="is missing"):
        load_checkpoint(tmp_path, RECIPE)
    mark = tmp_path / "checkpoint.json"
    known = json.loads(mark.read_text())
    mark.write_text(json.dumps({**known, "schema": 99}))
    with pytest.raises(ValueError, match="schema 99"):
        load_checkpoint(tmp_path, RECIPE)
    mark.write_text(mark.read_text()[:40])
    with pytest.raises(ValueError, match="is corrupt"):
        load_checkpoint(tmp_path, RECIPE)
    mark.unlink()
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path, RECIPE)


def test_of_another_recipe(tmp_path: Path) -> None:
    """The message names what differs."""
    save_checkpoint(tmp_path, facts(8), state(8.0))
    for other, message in (
        ({**RECIPE, "seed": 2}, "seed was 1, now 2"),
        ({**RECIPE, "stages": [{"learner": "fake", "steps": 9}]}, r"stages.0.steps was 8, now 9"),
        ({**RECIPE, "device": "cuda"}, "device was None, now 'cuda'"),
    ):
        with pytest.raises(ValueError, match=message):
            load_checkpoint(tmp_path, other)


def test_a_log_on_a_full_disk(tmp_path: Path) -> None:
    """What was written stays readable, and the error says what to do."""
    log = TrainingLog(tmp_path, tmp_path / "board")
    record = {"kind": "iteration", "steps": 1, "scalars": {"train/loss": float("nan")}}
    log.add(record, 1)
    file = log._file

    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    log._file = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match=r"disk is full.*--resume"):
        log.add(record, 2)
    log._file = file
    log.close()
    assert read_progress(tmp_path / "progress.jsonl") == [{**record, "scalars": {"train/loss": None}}]


def test_states_are_hashed_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash does not depend on the size of the blocks."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 9)
    whole = checkpoints._hash(path)
    monkeypatch.setattr(checkpoints, "_BLOCK", 100)
    assert checkpoints._hash(path) == whole
