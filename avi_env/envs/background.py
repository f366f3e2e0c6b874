"""Work beside the step loop: a few daemon threads of this process, which never hold up its end."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch

from avi_env.envs.freed_memory import return_memory

__all__ = ["Job", "submit"]

Value = TypeVar("Value")

_SWITCH_SECONDS = 1e-4
"""While there is work, a thread that asks for the interpreter waits so long at most: a step asks for it after every
launch, and Python's own 5 ms would make a step of twenty launches last a tenth of a second."""

_LEAVE_SECONDS = 20.0  # that the end of the process waits for a native call, which nothing can break off


@dataclass(eq=False)
class Job(Generic[Value]):
    """A piece of work that runs, or waits to run, in the background."""

    work: Callable[[Job[Value]], Value]
    future: Future[Value] = field(default_factory=Future)
    _dropped: bool = False

    def drop(self) -> None:
        """Lets go of the work: it does not begin, or ends at its next `check`."""
        self._dropped = True
        self.future.cancel()

    def check(self) -> None:
        """Ends the work that calls it between its stages, if nobody wants it any more.

        Raises:
            CancelledError: nobody does.
        """
        if self._dropped or _pool.leaving:
            raise CancelledError

    def hurry(self) -> None:
        """Moves to the head of the queue."""
        _pool.hurry(self)

    def finished(self, timeout: float | None) -> bool:
        """Waits until the work has ended, well or not, at most so many seconds, and returns whether it has."""
        return bool(wait([self.future], timeout).done)


class _Pool:
    """Threads and the jobs that wait for them."""

    def __init__(self) -> None:
        self.leaving = False
        self._paused = False
        self._jobs: deque[Job[Any]] = deque()
        self._wake = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._switch_before = 0.0

    def submit(self, job: Job[Any]) -> None:
        with self._wake:
            if len(self._threads) < torch.get_num_threads() and len(self._jobs) + self._busy >= len(self._threads):
                thread = threading.Thread(target=self._run, name="avi_env-episodes", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._jobs.append(job)
            self._wake.notify_all()

    def hurry(self, job: Job[Any]) -> None:
        with self._wake:
            if job in self._jobs:
                self._jobs.remove(job)
                self._jobs.appendleft(job)

    def pause(self) -> None:
        """Waits until the work that runs has ended; none begins before `go_on`."""
        own = int(threading.current_thread() in self._threads)
        with self._wake:
            self._paused = True
            while self._busy > own:
                self._wake.wait()

    def go_on(self) -> None:
        """Lets work begin again."""
        with self._wake:
            self._paused = False
            self._wake.notify_all()

    def leave(self) -> None:
        """Ends the threads with the process: before the interpreter goes, while it can still be asked for."""
        with self._wake:
            self.leaving = True
            for job in self._jobs:
                job.future.cancel()
            self._jobs.clear()
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(_LEAVE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._wake:
                while (self._paused or not self._jobs) and not self.leaving:
                    self._wake.wait()
                if self.leaving:
                    return
                job = self._jobs.popleft()
                self._begin()
            try:
                _complete(job)
                del job  # an idle thread keeps no environment alive
                return_memory()
            finally:
                with self._wake:
                    self._end()

    def _begin(self) -> None:
        if not self._busy:
            self._switch_before = sys.getswitchinterval()
            sys.setswitchinterval(min(self._switch_before, _SWITCH_SECONDS))
        self._busy += 1

    def _end(self) -> None:
        self._busy -= 1
        if not self._busy:
            sys.setswitchinterval(self._switch_before)
            self._wake.notify_all()  # a fork may wait for this


def _complete(job: Job[Any]) -> None:
    if not job.future.set_running_or_notify_cancel():
        return
    try:
        job.check()
        result = job.work(job)
    except BaseException as error:  # for whoever waits for it
        job.future.set_exception(error)
    else:
        job.future.set_result(result)


_pool = _Pool()


def submit(work: Callable[[Job[Value]], Value]) -> Job[Value]:
    """Queues work for a background thread; there are `torch.get_num_threads()` of them at most.

    Args:
        work: is called with its own job, and calls `job.check()` between stages of at most about a second.
    """
    job = Job(work)
    _pool.submit(job)
    return job


def _forget_pool() -> None:
    """A forked process has the pool's records but none of its threads."""
    global _pool
    _pool = _Pool()


atexit.register(lambda: _pool.leave())
if hasattr(os, "register_at_fork"):
    # A lock that a background thread holds when the process forks is never released in the child: forks wait.
    os.register_at_fork(
        before=lambda: _pool.pause(), after_in_parent=lambda: _pool.go_on(), after_in_child=_forget_pool
    )
