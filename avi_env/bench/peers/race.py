"""The race: contestants enter one by one, prove that they see what the first one sees, and take turns (A B C A B C)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avi_env.bench.peers.peer import Peer
from avi_env.bench.peers.process import ContestantError, ContestantProcess

__all__ = ["Missing", "Race", "Rate", "write_task"]

Arrays = Mapping[str, npt.NDArray[Any]]

_REPEATS = 64  # of the poses in one turn, at most
_CHECKED = 8  # poses at which results are compared
_PREPARE_SECONDS, _ROUND_SECONDS = 300.0, 180.0  # before a contestant counts as hanging


class Missing(NamedTuple):
    """A peer without a number."""

    name: str
    reason: str
    install: str


@dataclass(frozen=True)
class Rate:
    """How fast a contestant is."""

    name: str
    version: str
    renderer: str
    """What rasterises or traces: a GPU's name, "llvmpipe ...", "Embree"."""
    includes: str
    wall: tuple[float, ...]
    """Seconds a frame of each round."""
    process: tuple[float, ...]
    """Processor seconds a frame of each round, all threads."""
    agrees: float
    """How well it agrees with the first one of ours, 1 = in all."""
    peak_bytes: int
    """Most memory that its process has had; 0 = not known."""

    @property
    def frames_per_second(self) -> float:
        """Frames a second of wall time, the median over rounds."""
        return 1.0 / float(np.median(self.wall))

    @property
    def spread(self) -> tuple[float, float]:
        """Frames a second of the slowest and of the fastest round."""
        return 1.0 / max(self.wall), 1.0 / min(self.wall)

    @property
    def processors(self) -> float:
        """Processors at work on average: processor time over wall time, the median over rounds."""
        return float(np.median(np.array(self.process) / np.array(self.wall)))

    def over(self, other: Rate) -> tuple[float, float, float]:
        """Returns how many times as fast this one is: median, least and most of the rounds, each beside its like."""
        ratios = np.array(other.wall) / np.array(self.wall)
        return float(np.median(ratios)), float(ratios.min()), float(ratios.max())

    def over_by_process_time(self, other: Rate) -> float:
        """Returns how many times as many frames this one makes of the same processor time."""
        return float(np.median(np.array(other.process) / np.array(self.process)))


@dataclass
class _Entry:
    """A contestant that has entered."""

    peer: Peer
    process: ContestantProcess
    renderer: str
    agrees: float
    peak_bytes: int
    repeats: int = 1
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Race:
    """Contestants and their processes, which end with the `with` block."""

    def __init__(
        self,
        folder: Path,
        agreement: Callable[[Arrays, Arrays], float],
        on_step: Callable[[], None] = lambda: None,
        prepare_seconds: float = _PREPARE_SECONDS,
        round_seconds: float = _ROUND_SECONDS,
    ) -> None:
        """Begins without contestants.

        Args:
            folder: where tasks and pictures are written.
            agreement: says how well a contestant's results agree with the first one's, by name; raises
                ContestantError if not well enough.
            on_step: called after each entry and each round.
            prepare_seconds: how long a contestant may take to get ready [s].
            round_seconds: how long a round may take [s].
        """
        self.missing: list[Missing] = []
        self._folder, self._agreement, self._on_step = folder, agreement, on_step
        self._prepare_seconds, self._round_seconds = prepare_seconds, round_seconds
        self._entries: list[_Entry] = []
        self._reference: Arrays | None = None

    def __enter__(self) -> Race:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for entry in self._entries:
            entry.process.close()

    def enter(self, peer: Peer, task: Mapping[str, Any]) -> None:
        """Lets a contestant load the scene; what the first one sees is what the others have to see.

        Args:
            peer: the contestant.
            task: what its module reads, but folder and options.

        Raises:
            ContestantError: it failed, or sees something else.
        """
        number = len(self._entries) + len(self.missing)
        path = self._folder / f"task{number}.npz"
        write_task(path, {**task, "folder": str(self._folder), "options": dict(peer.options)})
        process = ContestantProcess(peer.module)
        try:
            ready = process.ask(self._prepare_seconds, "prepare", task=str(path))
            poses = np.linspace(0, ready["places"] - 1, min(_CHECKED, ready["places"])).astype(int).tolist()
            pictures = self._folder / f"pictures{number}.npz"
            seen = process.ask(self._round_seconds, "pictures", poses=poses, path=str(pictures))
            with np.load(pictures) as file:
                found = dict(file)
            self._reference = found if self._reference is None else self._reference
            agrees = self._agreement(found, self._reference)
        except BaseException:
            process.close()
            raise
        self._entries.append(_Entry(peer, process, ready["renderer"], agrees, seen["peak_bytes"]))
        self._on_step()

    def try_to_enter(self, peer: Peer, task: Mapping[str, Any]) -> None:
        """As `enter`, but a contestant who is not installed or fails is noted as missing."""
        if peer.available() is None:
            self.missing.append(Missing(peer.name, "not installed", peer.install))
            return
        try:
            self.enter(peer, task)
        except ContestantError as error:
            self.missing.append(Missing(peer.name, str(error), peer.install))

    def run(self, rounds: int, frames: int, seconds: float = 0.5) -> None:
        """Gives everybody as many turns; who fails in one is missing from then on.

        Args:
            rounds: turns.
            frames: poses of a turn.
            seconds: the fast ones go through them again and again for about as long [s], as a turn of milliseconds
                tells more about the clock and the scheduler.
        """
        for entry in list(self._entries):
            if taken := self._turn(entry, frames):
                entry.repeats = max(1, min(_REPEATS, round(seconds / taken["wall"])))
        for _ in range(rounds):
            for entry in list(self._entries):
                done = frames * entry.repeats
                if taken := self._turn(entry, done):
                    entry.wall.append(taken["wall"] / done)
                    entry.cpu.append(taken["process"] / done)
            self._on_step()

    def _turn(self, entry: _Entry, frames: int) -> dict[str, float] | None:
        """Returns what a contestant's turn took, None if it failed."""
        try:
            taken: dict[str, float] = entry.process.ask(self._round_seconds, "round", frames=frames)
        except ContestantError as error:
            self._entries.remove(entry)
            entry.process.close()
            self.missing.append(Missing(entry.peer.name, str(error), entry.peer.install))
            return None
        return taken

    def rates(self) -> dict[str, Rate]:
        """Returns the rates by name, in the order of entry."""
        return {
            entry.peer.name: Rate(
                entry.peer.name,
                entry.peer.available() or "",
                entry.renderer,
                entry.peer.includes,
                tuple(entry.wall),
                tuple(entry.cpu),
                entry.agrees,
                entry.peak_bytes,
            )
            for entry in self._entries
        }


def write_task(path: Path, task: Mapping[str, Any]) -> None:
    """Writes a task where its contestant finds it."""
    arrays: dict[str, Any] = {name: value for name, value in task.items() if isinstance(value, np.ndarray)}
    rest = json.dumps({name: value for name, value in task.items() if name not in arrays})
    np.savez(path, rest=np.array(rest), **arrays)
