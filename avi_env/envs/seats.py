"""Who plays which episode, and which one comes next: bookkeeping of rows, on the host."""

from __future__ import annotations

import sys
import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from avi_env.acoustics.soundscape import Soundscape
from avi_env.envs.background import Job, submit
from avi_env.envs.prepare import EpisodeMaker, Prepared
from avi_env.envs.snapshot import RowEpisode
from avi_env.envs.world import SEATS, World
from avi_env.tasks import Episode

__all__ = ["Arrival", "Seats", "Waits"]

_FURTHER, _FURTHER_IN_ALL = 2, 8
"""Most episodes after the next one that are made ready, too, of a row and of all rows: some end within their first
steps. Each holds its clip, some 30 MB."""

_PATIENCE = 2.0  # [s] of waiting after which a terminal sees how far it is


@dataclass(frozen=True)
class Waits:
    """How often and how long steps have waited for an episode that was not ready."""

    steps: int = 0
    seconds: float = 0.0


class Arrival(NamedTuple):
    """An episode that can be put into the free seat of a row."""

    row: int
    prepared: Prepared


class _Coming(NamedTuple):
    """The next episode of a row, on its way."""

    seed: int
    number: int
    job: Job[Prepared]


class _Announced(NamedTuple):
    """An episode that will be given, on its way."""

    episode: Episode
    job: Job[Prepared]


class Seats:
    """The episodes of N rows. Episode i of a row is a pure function of the row's seed and i."""

    def __init__(self, world: World, rows: int) -> None:
        self._maker: EpisodeMaker = world.maker
        self._soundscape = world.soundscape if world.config.listens else None
        self.seeds: list[int | None] = [None] * rows
        self.index = [0] * rows
        """Number of the next episode of each row."""
        self.playing: list[Prepared | None] = [None] * rows
        """What each row plays."""
        self.seats = SEATS * np.arange(rows, dtype=np.int64) + 1  # the first episode is on the other one
        """The seat that each row plays on, shape (N,)."""
        self.waits = Waits()
        self._coming: dict[int, _Coming] = {}
        self._after: dict[int, deque[_Coming]] = {row: deque() for row in range(rows)}  # and then
        self._unordered = set(range(rows))
        self._installed: dict[int, Prepared] = {}  # in the other seat
        self._done: deque[int] = deque()  # rows whose episode has become ready, as background threads tell
        self._announced: dict[int, _Announced] = {}  # by the identity of the episode
        for jobs in (self._coming, self._announced):
            weakref.finalize(self, _drop_all, jobs).atexit = False
        weakref.finalize(self, _drop_each, self._after).atexit = False

    def __len__(self) -> int:
        return len(self.playing)

    def free_seat(self, row: int) -> int:
        """Returns the seat of a row on which it does not play."""
        return SEATS * row + (1 + int(self.seats[row])) % SEATS

    def seed(self, seeds: Sequence[int | None]) -> None:
        """Gives each row a seed and starts its episodes anew; None leaves a row's stream as it is.

        Raises:
            ValueError: another number of seeds than of rows.
        """
        if len(seeds) != len(self):
            raise ValueError(f"{len(self)} environments need {len(self)} seeds, got {len(seeds)}")
        for row, seed in enumerate(seeds):
            if seed is not None:
                self.seeds[row], self.index[row] = int(seed), 0

    def announce(self, episode: Episode) -> None:
        """Lets an episode be made ready in the background that a later reset will give."""
        if id(episode) not in self._announced:
            self._announced[id(episode)] = _Announced(episode, self._submitted(episode))

    def order_missing(self) -> None:
        """Lets the next episodes of all rows be made ready in the background that have begun one, and further ones."""
        rows = sorted(self._unordered)
        self._unordered.clear()
        self.order(rows)
        for row in rows:
            while len(self._after[row]) < self._further(row):
                self._after[row].append(self._ordered(row, self.index[row] + 1 + len(self._after[row])))

    def _further(self, row: int) -> int:
        """Returns how many episodes after the next one a row has made ready: fewer in its first, which may be all."""
        most = min(_FURTHER, _FURTHER_IN_ALL // len(self))
        return most if self.index[row] > 1 else min(most, 1)

    def order(self, rows: Iterable[int]) -> None:
        """Lets the next episodes of some rows be made ready in the background."""
        for row in rows:
            known = self._coming.get(row)
            if known is None or (known.seed, known.number) != (self.seeds[row], self.index[row]):
                self.drop([row])
                self._coming[row] = self._ordered(row, self.index[row])

    def _ordered(self, row: int, number: int) -> _Coming:
        """Lets an episode of a row be made ready in the background."""
        seed = self.seeds[row]
        assert seed is not None, "the shells seed before they reset"
        job = submit(partial(_make_next, self._maker, self._soundscape, seed, number))
        job.future.add_done_callback(partial(_tell, self._done, row))
        return _Coming(seed, number, job)

    def arrivals(self, limit: int) -> list[Arrival]:
        """Returns some episodes that have become ready since the last call, to be installed.

        Raises:
            Exception: what went wrong where one was made ready.
        """
        found: list[Arrival] = []
        while self._done and len(found) < limit:
            row = self._done.popleft()
            coming = self._coming.get(row)
            if coming is not None and row not in self._installed and coming.job.future.done():
                found.append(Arrival(row, self._result(row)))
        return found

    def needed(self, rows: Sequence[int], given: Mapping[int, Episode], *, in_step: bool) -> list[Arrival]:
        """Returns the episodes for some rows that are not installed yet, as soon as all are ready.

        Args:
            rows: which.
            given: episodes to be played instead of the next one, by row.
            in_step: whether a step waits for them; resets may.

        Raises:
            Exception: what went wrong where one was made ready.
        """
        self.order(row for row in rows if row not in given)
        jobs = {row: self._given(episode) for row, episode in given.items()}
        missing = [row for row in rows if row in given or row not in self._installed]
        started = time.perf_counter()
        late = [row for row in missing if row not in given and not self._coming[row].job.future.done()]
        self._watch([jobs[row] if row in jobs else self._coming[row].job for row in missing])
        if late and in_step:
            self.waits = Waits(self.waits.steps + 1, self.waits.seconds + time.perf_counter() - started)
        for row in given:  # it takes the place of the next one, which is put there again afterwards
            if self._installed.pop(row, None) is not None:
                self._done.append(row)
        return [Arrival(row, jobs[row].future.result() if row in jobs else self._result(row)) for row in missing]

    def install(self, arrivals: Sequence[Arrival]) -> None:
        """Notes that episodes are in the free seats of their rows."""
        self._installed.update({arrival.row: arrival.prepared for arrival in arrivals})

    def begin(self, rows: Iterable[int], given: Iterable[int] = ()) -> None:
        """Lets rows play what is in their free seats; it was given, or the next one of their streams."""
        chosen = set(given)
        for row in rows:
            self.playing[row] = self._installed.pop(row)
            self.seats[row] = self.free_seat(row)
            if row not in chosen:  # who gives episodes will give the next one, too
                del self._coming[row]
                self.index[row] += 1
                self._unordered.add(row)
                if self._after[row]:
                    self._coming[row] = self._after[row].popleft()
                    self._coming[row].job.hurry()
                    self._done.append(row)

    def made_ready(self, moments: Sequence[RowEpisode]) -> list[Prepared]:
        """Returns the episodes of a snapshot made ready, as its rows play them.

        Raises:
            Exception: what went wrong where one was made ready.
        """
        jobs = {row: self._submitted(one.episode) for row, one in enumerate(moments) if one.prepared is None}
        self._watch(list(jobs.values()))
        return [one.prepared or jobs[row].future.result() for row, one in enumerate(moments)]

    def resume(self, row: int, prepared: Prepared, seed: int | None, index: int) -> None:
        """Lets a row play an episode that is in its free seat, and go on with number `index` of a seed."""
        self.drop([row])
        self.playing[row] = prepared
        self.seats[row] = self.free_seat(row)
        self.seeds[row], self.index[row] = seed, index
        self._unordered.add(row)

    def drop(self, rows: Iterable[int]) -> None:
        """Lets go of what was made ready for some rows."""
        for row in rows:
            self._installed.pop(row, None)
            if row in self._coming:
                self._coming.pop(row).job.drop()
            while self._after[row]:
                self._after[row].pop().job.drop()

    def close(self) -> None:
        """Lets go of all episodes."""
        self.drop(range(len(self)))
        _drop_all(self._announced)
        self._announced.clear()
        self.playing = [None] * len(self)

    def _given(self, episode: Episode) -> Job[Prepared]:
        """Returns the work on an episode that is given: that which was announced, if it was."""
        announced = self._announced.pop(id(episode), None)
        return self._submitted(episode) if announced is None else announced.job

    def _submitted(self, episode: Episode) -> Job[Prepared]:
        return submit(partial(self._maker.prepare, episode, self._soundscape))

    def _result(self, row: int) -> Prepared:
        """Returns the next episode of a row; one that went wrong is forgotten, so that it can be tried again."""
        try:
            return self._coming[row].job.future.result()
        except Exception:
            self.drop([row])
            self._unordered.add(row)
            raise

    def _watch(self, jobs: Sequence[Job[Prepared]]) -> None:
        """Waits for some jobs; a terminal sees how far they are if it takes long."""
        begun = time.perf_counter()
        for job in reversed(jobs):
            job.hurry()
        if len(jobs) > 1 and sys.stderr.isatty():
            left = [job for job in jobs if not job.finished(max(0.0, begun + _PATIENCE - time.perf_counter()))]
            if left:
                _show_progress(jobs)
        for job in jobs:
            job.finished(None)


# Not methods: work under way must not keep an environment alive that was left without being closed.
def _make_next(
    maker: EpisodeMaker, soundscape: Soundscape | None, seed: int, index: int, job: Job[Prepared]
) -> Prepared:
    return maker.prepare(maker.draw(seed, index), soundscape, job)


def _tell(done: deque[int], row: int, _: Future[Prepared]) -> None:
    done.append(row)


def _drop_all(coming: Mapping[int, _Coming | _Announced]) -> None:
    for one in coming.values():
        one.job.drop()


def _drop_each(after: Mapping[int, Iterable[_Coming]]) -> None:
    for row in after.values():
        for one in row:
            one.job.drop()


def _show_progress(jobs: Sequence[Job[Prepared]]) -> None:
    from rich.console import Console
    from rich.progress import track

    for job in track(jobs, description="Preparing episodes", console=Console(stderr=True), transient=True):
        job.finished(None)
