"""Episodes made ready in the background: when they are ready changes nothing but how long it takes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from test_engine import SMALL, assert_same, made

from avi_env.envs import ENV_IDS, background
from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import EpisodeMaker, Prepared
from avi_env.scene import load_scene

ACTIONS = ((1, 2), (0, 3), (2, 2), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2))


def trace(**options: Any) -> list[dict[str, Any]]:
    """All that eight steps of two rows return."""
    env = made(2, **options)
    frames = [{**env.reset(seed=6)[0]}]
    for actions in ACTIONS:
        seen, reward, terminated, truncated, info = env.step(np.array(actions))
        measures = {name: value for name, value in info.items() if isinstance(value, np.ndarray)}
        frames.append({**seen, **measures, "reward": reward, "terminated": terminated, "truncated": truncated})
    env.close()
    return frames


@pytest.mark.parametrize("autoreset", ["next_step", "same_step"])
def test_timing_changes_nothing(autoreset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit the same with nothing made ready ahead, and with preparations that end early, late or out of turn."""
    expected = trace(autoreset=autoreset, prefetch=False)
    plain, delays = EpisodeMaker.prepare, iter(np.random.default_rng(0).uniform(0.0, 0.15, 1000))

    def slow(self: EpisodeMaker, *arguments: Any) -> Prepared:
        time.sleep(next(delays))
        return plain(self, *arguments)

    monkeypatch.setattr(EpisodeMaker, "prepare", slow)
    for one, two in zip(expected, trace(autoreset=autoreset), strict=True):
        assert_same(one, two)


def test_what_is_ready_is_not_waited_for() -> None:
    """A reset whose episode was made ready ahead waits for nothing; one that comes too early is counted."""
    env = made(1)
    env.reset(seed=0)
    env.step(np.array([2]))
    for job in [coming.job for coming in env.batch.seats._coming.values()]:
        assert job.finished(60.0)
    env.step(np.array([0]))
    env.step(np.array([1]))
    assert env.waits.steps == 0
    late = made(1, prefetch=False)
    late.reset(seed=0)
    late.step(np.array([0]))
    late.step(np.array([1]))
    assert late.waits.steps == 1
    assert late.waits.seconds > 0.0


def test_next_episodes_are_ordered_by_a_reset() -> None:
    """Of a batch, but not in rows that play what was given; who only resets one environment pays for no second one."""
    env = made(2)
    env.reset(seed=0)
    assert list(env.batch.seats._coming) == [0, 1]
    given = env.batch.episodes[0]
    other = made(2)
    other.reset(seed=0, options={"episode": [given, None]})
    assert list(other.batch.seats._coming) == [1]
    one = gym.make(ENV_IDS[0], **{k: v for k, v in SMALL.items() if k != "max_episode_steps"}).unwrapped
    one.reset(seed=0)
    assert not one.batch.seats._coming
    one.step(2)
    assert list(one.batch.seats._coming) == [0]


@pytest.mark.parametrize(("rows", "further"), [(1, 2), (4, 2), (5, 1), (9, 0)])
def test_few_rows_have_more_episodes_ahead(rows: int, further: int) -> None:
    """A row that ends again and again finds its next episode ready, in the order of its numbers."""
    env = made(rows, sensors=("goal",))
    env.reset(seed=0)
    env.step(np.full(rows, 2))
    seats = env.batch.seats
    for first, ahead in ((1, min(further, 1)), (2, further)):
        coming = [[seats._coming[row], *seats._after[row]] for row in range(rows)]
        assert [[one.number for one in each] for each in coming] == [list(range(first, 1 + first + ahead))] * rows
        assert all(one.job.finished(60.0) for each in coming for one in each)
        for action in (0, 1, 2):  # stop, the idle step in which the next one begins, and the step that orders others
            env.step(np.full(rows, action))
    assert env.waits.steps == 0


def test_what_goes_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of a preparation comes out of a later step or reset, with its message; afterwards it is tried again."""
    env = made(1)
    plain, calls = EpisodeMaker.prepare, iter(range(100))

    def wrong(self: EpisodeMaker, *arguments: Any) -> Prepared:
        if self is env.batch.seats._maker and next(calls):
            raise ValueError("the scene is on fire")
        return plain(self, *arguments)

    monkeypatch.setattr(EpisodeMaker, "prepare", wrong)
    env.reset(seed=0)  # orders the next episode
    env.batch.seats._coming[0].job.finished(30.0)
    with pytest.raises(ValueError, match="on fire"):
        env.step(np.array([2]))
    with pytest.raises(ValueError, match="on fire"):
        env.reset()
    monkeypatch.setattr(EpisodeMaker, "prepare", plain)
    other = made(1)
    other.reset(seed=0)
    assert_same(env.reset()[0], other.reset()[0])


def test_closing_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment closes at once while an episode is being made ready, and that work is let go."""
    begun, go_on = threading.Event(), threading.Event()
    env = made(1)
    outcome: list[BaseException | None] = []
    plain, calls = EpisodeMaker.prepare, iter(range(100))

    def held(self: EpisodeMaker, *arguments: Any) -> Prepared:
        if self is not env.batch.seats._maker or not next(calls):  # that of the reset
            return plain(self, *arguments)
        begun.set()
        assert go_on.wait(30.0)
        try:
            return plain(self, *arguments)
        except BaseException as error:
            outcome.append(error)
            raise

    monkeypatch.setattr(EpisodeMaker, "prepare", held)
    env.reset(seed=0)
    job = env.batch.seats._coming[0].job
    assert begun.wait(30.0)
    before = time.perf_counter()
    env.close()
    assert time.perf_counter() - before < 5.0
    go_on.set()
    assert job.finished(30.0)
    assert type(outcome[0]).__name__ == "CancelledError"


def test_leaving_the_interpreter_does_not_hang() -> None:
    """A program ends, with status 0 and nothing on stderr, while episodes are being made ready."""
    program = (
        "import gymnasium as gym, numpy as np, avi_env\n"
        "env = gym.make_vec('avi_env/AudioNav-v0', num_envs=2, scene='house:1:living_room+bedroom', bake_paths=64)\n"
        "env.reset(seed=0)\n"
        "env.step(np.array([2, 2]))\n"
        "print('stepped', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stepped\n", "")


def test_hurried_jobs_come_first_and_dropped_ones_not_at_all() -> None:
    """What is waited for overtakes what is not; a dropped job ends at its next check."""
    gate, order = threading.Event(), []
    held = [background.submit(lambda _: gate.wait(30.0)) for _ in range(8)]  # more than there are threads
    jobs = [background.submit(lambda _, number=number: order.append(number)) for number in range(4)]
    jobs[3].hurry()
    jobs[1].drop()
    gate.set()
    assert all(job.finished(30.0) for job in (*held, *jobs))
    assert jobs[1].future.cancelled()
    assert sorted(order) == [0, 2, 3]
    assert order.index(3) <= 1  # threads that run side by side may swap neighbours


def test_switch_interval_comes_back() -> None:
    """Python's own time between threads is restored when nothing is being made ready."""
    before = sys.getswitchinterval()
    seen: list[float] = []
    assert background.submit(lambda _: seen.append(sys.getswitchinterval())).finished(30.0)
    deadline = time.perf_counter() + 10.0
    while sys.getswitchinterval() != before and time.perf_counter() < deadline:
        time.sleep(0.001)
    assert sys.getswitchinterval() == before
    assert seen[0] < before


def test_sets_of_scenes_slide() -> None:
    """Episode i is in one of `bank_scenes` scenes from number i on, cyclically; with enough room nothing changes."""
    maker = EpisodeMaker(EnvConfig.from_keywords({"scenes": "houses:10", "bank_scenes": 3}))
    for index in range(25):
        names = {maker.scene_name(seed, index) for seed in range(60)}
        assert names == {f"house:{(index + k) % 10}" for k in range(3)}
    roomy, all_of_them = (
        EpisodeMaker(EnvConfig.from_keywords({"scenes": "houses:10", "bank_scenes": count})) for count in (10, 64)
    )
    assert [roomy.scene_name(1, i) for i in range(20)] == [all_of_them.scene_name(1, i) for i in range(20)]


def test_scenes_leave_that_nobody_needs() -> None:
    """Over many episodes in twenty rooms the bank never holds more than it may, and every room is what it should be."""
    rooms = ",".join(f"shoebox:{3 + k / 10:.1f}x2.6x3" for k in range(20))
    env = made(1, scene=rooms, bank_scenes=2, sensors=("depth", "goal"), autoreset="disabled")
    twin = made(1, scene=rooms, bank_scenes=20, sensors=("depth", "goal"), autoreset="disabled")
    seen, _ = env.reset(seed=4)
    visited = set()
    for _ in range(30):
        episode = env.batch.episodes[0]
        assert env.batch.scene(0).digest == load_scene(episode.scene).digest
        visited.add(episode.scene)
        known, _ = twin.reset(options={"episode": episode})
        assert_same(seen, known)
        assert sum(scene is not None for scene in env.batch.world.bank.scenes) <= 2 + 8
        env.step(np.array([1]))
        seen, _ = env.reset()
    assert len(visited) > 10
