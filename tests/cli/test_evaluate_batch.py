"""Several episodes at a time: the records of one at a time, and whatever goes wrong costs its own episode."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from evaluation import compared, make_agent, make_suite

from avi_env.bench.evaluate_plan import episode_seed
from avi_env.cli import main

TOGETHER = """
import numpy as np

class Agent:
    name = "together"
    privileged = False
    sensors = ("audio", "depth")

    def reset(self, briefing, seed):
        self.reset_rows([0], 1, [briefing], [seed])

    def act(self, observation):
        return self.act_rows({name: value[None] for name, value in observation.items()}, [0])[0]

    def reset_rows(self, rows, count, briefings, seeds):
        if not hasattr(self, "rng") or len(self.rng) != count:
            self.rng, self.seed, self.step = [None] * count, [0] * count, [0] * count
        for row, seed in zip(rows, seeds):
            self.rng[row], self.seed[row], self.step[row] = np.random.default_rng(seed), seed, 0

    def act_rows(self, observation, rows):
        assert len({len(value) for value in observation.values()}) == 1
        said = []
        for row in rows:
            self.step[row] += 1
            trouble = self.seed[row] == FATAL and self.step[row] == 5
            if trouble and RAISES:
                raise KeyError("lost")
            heard = observation["audio"][row].any()
            said.append(9 if trouble else self.rng[row].integers(1, 4) if heard else 1)
        return np.array(said)
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five episodes in two rooms."""
    folder = tmp_path_factory.mktemp("suites") / "tiny"
    make_suite(folder, 5)
    return folder


@pytest.fixture(scope="module")
def alone(suite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of the tester, one episode at a time, and its agent beside it."""
    folder = tmp_path_factory.mktemp("alone")
    assert evaluated(suite, make_agent(folder / "agent"), folder / "out", workers=0) == 0
    return folder


def evaluated(suite: Path, agent: Path, output: Path, *more: str, workers: int = 0) -> int:
    """Exit status of an evaluation."""
    given = ["--agent", str(agent), "--output", str(output), "--workers", str(workers), *more]
    return main(["evaluate", str(suite), *given])


def records(folder: Path) -> dict[str, Any]:
    """The records of a folder, without the agent's path."""
    found = compared(folder)
    for record in found.values():
        record["arguments"].pop("agent")
    return found


def make_together(folder: Path, fatal: int = -1, raises: bool = False) -> Path:
    """Writes an agent that acts in many rows at a time, and fails in one episode."""
    make_agent(folder)
    (folder / "agent.py").write_text(f"FATAL, RAISES = {fatal}, {raises}\n{TOGETHER}")
    return folder


@pytest.mark.parametrize("batch", [3, 16])
def test_a_batch_gives_the_records_of_one_at_a_time(suite: Path, alone: Path, tmp_path: Path, batch: int) -> None:
    """Bit for bit, with more episodes than rows, and with more rows than episodes."""
    assert evaluated(suite, alone / "agent", tmp_path, "--batch", str(batch)) == 0
    assert compared(tmp_path) == compared(alone / "out")


def test_a_cut_evaluation_goes_on_in_a_batch(suite: Path, alone: Path, tmp_path: Path) -> None:
    """What was played one at a time is not played again."""
    lines = (alone / "out" / "results.jsonl").read_text().splitlines(keepends=True)
    log = tmp_path / "results.jsonl"
    log.write_text("".join(lines[:2]) + lines[2][:100])
    assert evaluated(suite, alone / "agent", tmp_path, "--resume", "--batch", "2") == 0
    assert log.read_text().splitlines(keepends=True)[:2] == lines[:2]
    assert compared(tmp_path) == compared(alone / "out")


def test_what_an_agent_does_wrong_stays_in_its_episode(suite: Path, tmp_path: Path) -> None:
    """One episode raises, one returns no action: told as of one at a time, to the traceback; the others are played."""
    raising, wrong = (episode_seed("tiny", "val", f"val-{number}", 0) for number in (1, 3))
    trouble = (
        f"if self.step == 5 and self.seed == {raising}: raise KeyError('lost')\n"
        f"        if self.step == 4 and self.seed == {wrong}: return 7"
    )
    agent = make_agent(tmp_path / "agent", trouble)
    assert evaluated(suite, agent, tmp_path / "one") == 1
    assert evaluated(suite, agent, tmp_path / "many", "--batch", "5") == 1
    found = compared(tmp_path / "many")
    assert found == compared(tmp_path / "one")
    errors = {key: record["error"] for key, record in found.items() if record["error"]}
    assert set(errors) == {"val-1 0", "val-3 0"}
    assert "at step 4: KeyError: 'lost'" in errors["val-1 0"]["message"]
    assert "7 is no action" in errors["val-3 0"]["message"]


def test_an_episode_that_cannot_be_played_costs_itself(tmp_path: Path) -> None:
    """A start outside the walkable area breaks the reset of the whole batch: the others are played all the same."""
    episodes = make_suite(tmp_path / "suite", 4)
    file = tmp_path / "suite" / "episodes" / "val.json.gz"
    text = gzip.decompress(file.read_bytes()).decode()
    place = json.dumps(list(episodes[2].start_position), separators=(",", ":"))
    file.write_bytes(gzip.compress(text.replace(place, "[99.0,0.0,99.0]").encode()))
    agent = make_agent(tmp_path / "agent")
    assert evaluated(tmp_path / "suite", agent, tmp_path / "one") == 1
    assert evaluated(tmp_path / "suite", agent, tmp_path / "many", "--batch", "3") == 1
    found, wanted = compared(tmp_path / "many"), compared(tmp_path / "one")
    for one in (found, wanted):
        one["val-2 0"]["error"].pop("traceback")  # of the thread in which it was made ready
    assert "99" in found["val-2 0"]["error"]["message"]
    assert found == wanted


def test_a_process_that_dies_costs_one_episode_of_its_batch(suite: Path, alone: Path, tmp_path: Path) -> None:
    """What was played when the worker died is played again one by one: only what kills it again is given up."""
    fatal = episode_seed("tiny", "val", "val-4", 0)  # the last: no further process has to begin
    agent = make_agent(
        tmp_path / "agent", f"self.step == 5 and self.seed == {fatal} and __import__('faulthandler')._sigsegv()"
    )
    assert evaluated(suite, agent, tmp_path / "out", "--batch", "3", workers=1) == 1
    found, wanted = records(tmp_path / "out"), records(alone / "out")
    lost = found.pop("val-4 0")
    del wanted["val-4 0"]
    assert found == wanted
    assert "exit code -11, 2 times" in lost["error"]["message"]
    assert lost["error"]["whose"] == "worker"


@pytest.mark.parametrize("raises", [False, True])
def test_an_agent_that_acts_in_all_rows(suite: Path, alone: Path, tmp_path: Path, raises: bool) -> None:
    """It gives the same records, and an error in the middle of its batch costs the one episode that it is of."""
    fatal = episode_seed("tiny", "val", "val-3", 0)
    agent = make_together(tmp_path / "agent", fatal, raises)
    assert evaluated(suite, agent, tmp_path / "out", "--batch", "3") == 1
    found, wanted = records(tmp_path / "out"), records(alone / "out")
    lost = found.pop("val-3 0")
    others = {key: record for key, record in wanted.items() if key in found}
    assert len(others) == 4
    assert {k: {**v, "agent": ""} for k, v in found.items()} == {k: {**v, "agent": ""} for k, v in others.items()}
    assert lost["error"]["whose"] == "agent"
    assert ("KeyError: 'lost'" if raises else "(9) is no action") in lost["error"]["message"]
    assert lost["error"]["step"] == 4


def test_planners_play_one_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    """That is told before any work; so is a batch of none."""
    assert main(["evaluate", "house_questions", "--agent", "rules", "--batch", "2"]) == 2
    assert "'rules' is a planner, which plays one episode at a time: leave --batch out" in capsys.readouterr().err
    assert main(["evaluate", "audionav", "--agent", "random", "--batch", "0"]) == 2
    assert "--batch must be at least 1" in capsys.readouterr().err
