"""A contestant's process from our side: asked one thing at a time, given up when it crashes or hangs."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any

__all__ = ["ContestantError", "ContestantProcess"]

_QUOTED = 300  # characters of standard error that a failure quotes
_STOP_SECONDS = 5.0


class ContestantError(RuntimeError):
    """A contestant crashed, hung or threw; the message tells which."""


class ContestantProcess:
    """Runs a module with `start(task)` in a process of its own."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        """Starts the process.

        Args:
            module: dotted name of the module.
            environment: variables besides our own.
        """
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "avi_env.bench.peers.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env={**os.environ, **(environment or {})},
        )
        self._answers: queue.Queue[str | None] = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_forward, args=(self._process.stdout, self._answers), daemon=True).start()

    def ask(self, seconds: float, do: str, **more: Any) -> Any:
        """Returns the answer to a request.

        Args:
            seconds: how long to wait for it.
            do: "prepare", "round" or "pictures".
            more: what belongs to the request.

        Raises:
            ContestantError: the process threw; or it ended, or did not answer in time: then it is gone for good.
        """
        try:
            self._send({"do": do, **more})
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self._process.kill()
            raise ContestantError(f"no answer to {do!r} within {seconds:g} s") from None
        except OSError:  # it had ended before it was asked
            answer = None
        if answer is None:
            raise ContestantError(f"{self._ending()} at {do!r}{self._last_words()}")
        found = json.loads(answer)
        if "error" in found:
            raise ContestantError(found["error"])
        return found["ok"]

    def close(self) -> None:
        """Ends the process, kindly if it still listens."""
        with contextlib.suppress(OSError):
            self._send({"do": "stop"})
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):  # what it never read
            self._pipe.close()
        self._errors.close()

    @property
    def _pipe(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _send(self, request: Mapping[str, Any]) -> None:
        self._pipe.write(json.dumps(request) + "\n")
        self._pipe.flush()

    def _ending(self) -> str:
        status = self._process.wait()
        if status >= 0:
            return f"ended with exit status {status}"
        return f"ended by {signal.Signals(-status).name}"

    def _last_words(self) -> str:
        self._errors.seek(0)
        words = " ".join(self._errors.read().decode("utf-8", "replace").split())
        return f": {words[-_QUOTED:]}" if words else ""


def _forward(pipe: IO[str], answers: queue.Queue[str | None]) -> None:
    """Puts each line into the queue, and None at the end."""
    with pipe:
        for line in pipe:
            answers.put(line)
    answers.put(None)
