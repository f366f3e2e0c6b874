"""Worker processes of an evaluation: each plays episodes, one that dies costs the episode it played."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import tempfile
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from avi_env.bench.evaluate_plan import EvaluationPlan, Job

__all__ = ["play_jobs"]

_AHEAD = 1  # jobs a worker has beside those that it plays: made ready in the meantime
_TRIES = 2  # times an episode may take its worker along before it is given up
_PATIENCE = 5.0  # [s] that a worker has to end


@dataclass(eq=False)
class _Worker:
    """A process as its employer sees it."""

    process: BaseProcess
    connection: Connection
    trace: Path
    """Where it leaves its stack when it dies of a signal."""
    jobs: deque[Job] = field(default_factory=deque)
    """What it has to do, the one it plays first."""
    agent: str = ""
    """Name of its agent, empty until it is ready."""


def play_jobs(plan: EvaluationPlan, jobs: Sequence[Job], workers: int, batch: int = 1) -> Iterator[dict[str, Any]]:
    """Plays episodes and yields their records as they come, in any order.

    Args:
        plan: what decides the records.
        jobs: episodes and seeds.
        workers: processes; 0 plays in this one.
        batch: episodes that each of them plays at a time.

    Raises:
        ValueError: no worker can be made ready; the message holds its traceback.
    """
    batch = min(batch, -(-len(jobs) // max(workers, 1)))  # so that everybody has something to do
    if workers == 0:
        yield from _play_here(plan, jobs, batch)
        return
    with tempfile.TemporaryDirectory(prefix="avi-evaluate-") as folder:
        crew = _Crew(plan, jobs, min(workers, len(jobs)), batch, Path(folder))
        try:
            yield from crew.records()
        finally:
            crew.dismiss()


def _play_here(plan: EvaluationPlan, jobs: Sequence[Job], batch: int) -> Iterator[dict[str, Any]]:
    from avi_env.bench.evaluate_batch import BatchPlayer
    from avi_env.bench.evaluate_episode import EpisodePlayer

    if batch > 1:
        left, together = iter(jobs), BatchPlayer(plan, batch)
        try:
            yield from together.play(lambda _: next(left, None))
        finally:
            together.close()
        return
    player = EpisodePlayer(plan)
    try:
        for job, following in zip(jobs, [*jobs[1:], None], strict=True):
            yield player.play(job, following)
    finally:
        player.close()


class _Crew:
    """Workers and what is left to do."""

    def __init__(self, plan: EvaluationPlan, jobs: Sequence[Job], size: int, batch: int, folder: Path) -> None:
        self.plan, self.batch, self.folder = plan, batch, folder
        self.waiting = deque(jobs)
        self.crashes: Counter[tuple[str, int]] = Counter()
        self.started = 0
        self.one_thread = size > 1
        self.workers: list[_Worker] = []
        for _ in range(size):
            self.workers.append(self._start())

    def records(self) -> Iterator[dict[str, Any]]:
        """Yields the record of every job."""
        while True:
            for worker in self.workers:
                self._hand_out(worker)
            busy = [worker for worker in self.workers if worker.jobs]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in [worker for worker in busy if worker.connection in ready]:
                record = self._heard(worker)
                if record is not None:
                    yield record

    def dismiss(self) -> None:
        """Ends all processes."""
        for worker in self.workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        trace = self.folder / f"worker_{self.started}.txt"
        self.started += 1
        process = context.Process(target=_work, args=(theirs, self.plan, self.batch, str(trace)), daemon=True)
        with _threads_of_children(self.one_thread):
            process.start()
        theirs.close()
        return _Worker(process, ours, trace)

    def _hand_out(self, worker: _Worker) -> None:
        while self.waiting and len(worker.jobs) < self.batch + _AHEAD and not self._suspicious(worker.jobs):
            job = self._next_for(worker)
            if self._suspicious([job]) and worker.jobs:
                self.waiting.appendleft(job)
                return
            worker.jobs.append(job)
            try:
                worker.connection.send(job)
            except OSError:  # it has died: that is heard at once
                return

    def _suspicious(self, jobs: Iterable[Job]) -> bool:
        """Says whether one of several jobs was played while a worker died: it is played alone, to find the culprit."""
        return self.batch > 1 and any(job.key in self.crashes for job in jobs)

    def _next_for(self, worker: _Worker) -> Job:
        """Takes a job out of those that wait: in the scene the worker is in, else in one where nobody is."""
        here = worker.jobs[-1].episode.scene if worker.jobs else None
        taken = {job.episode.scene for other in self.workers for job in other.jobs}
        scenes = [job.episode.scene for job in self.waiting]
        number = next((k for k, scene in enumerate(scenes) if scene == here), None)
        if number is None:
            number = next((k for k, scene in enumerate(scenes) if scene not in taken), 0)
        job = self.waiting[number]
        del self.waiting[number]
        return job

    def _heard(self, worker: _Worker) -> dict[str, Any] | None:
        """Returns the record that a worker sends, if it is one."""
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            return self._crashed(worker)
        if kind == "ready":
            worker.agent = content
            return None
        if kind == "broken":
            raise ValueError(f"no worker could be made ready: {content[0]}\n{content[1]}")
        record: dict[str, Any] = content
        done = next(job for job in worker.jobs if job.key == (record["episode_id"], record["seed"]))
        worker.jobs.remove(done)
        return record

    def _crashed(self, worker: _Worker) -> dict[str, Any] | None:
        """Takes a new worker for one that has died, if there is work; returns a record if its episode is given up."""
        from avi_env.bench.evaluate_episode import crash_record

        worker.process.join(_PATIENCE)
        how = f"its worker process ended with exit code {worker.process.exitcode}"
        trace = worker.trace.read_text(encoding="utf-8", errors="replace") if worker.trace.is_file() else ""
        if not worker.agent:
            raise ValueError(f"a worker ended before it was ready, with exit code {worker.process.exitcode}\n{trace}")
        worker.connection.close()
        played = list(worker.jobs)[: self.batch]
        self.crashes.update(job.key for job in played)
        lost = [job for job in played if self.crashes[job.key] >= _TRIES]
        assert len(lost) <= 1, "what a worker has died of before is played alone"
        self.waiting.extendleft(reversed([job for job in worker.jobs if job not in lost]))
        self.workers.remove(worker)
        if self.waiting:
            self.workers.append(self._start())
        if not lost:
            return None
        return crash_record(self.plan, lost[0], worker.agent, f"{how}, {_TRIES} times", trace or how)


@contextmanager
def _threads_of_children(one: bool) -> Iterator[None]:
    """Lets processes that are started meanwhile compute with one thread each, where there are several."""
    before = os.environ.get("OMP_NUM_THREADS")
    if one:
        os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if one:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before


def _work(connection: Connection, plan: EvaluationPlan, batch: int, trace: str) -> None:
    """Plays what comes through a pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the employer ends us
    with Path(trace).open("w", encoding="utf-8") as file:
        faulthandler.enable(file)
        try:
            _play_what_comes(connection, plan, batch)
        except (EOFError, BrokenPipeError, ConnectionResetError):  # the employer has gone
            pass
        finally:
            faulthandler.disable()


def _play_what_comes(connection: Connection, plan: EvaluationPlan, batch: int) -> None:
    from avi_env.bench.evaluate_batch import BatchPlayer
    from avi_env.bench.evaluate_episode import EpisodePlayer

    try:
        player = EpisodePlayer(plan) if batch == 1 else BatchPlayer(plan, batch)
    except Exception as error:
        connection.send(("broken", (f"{type(error).__name__}: {error}", traceback.format_exc())))
        return
    connection.send(("ready", player.name))
    if isinstance(player, BatchPlayer):
        for record in player.play(lambda wait: connection.recv() if wait or connection.poll() else None):
            connection.send(("done", record))
        return
    jobs: deque[Job] = deque()
    while True:
        while not jobs or (len(jobs) < 1 + _AHEAD and connection.poll()):
            jobs.append(connection.recv())
        job = jobs.popleft()
        connection.send(("done", player.play(job, jobs[0] if jobs else None)))
