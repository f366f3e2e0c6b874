"""How times are taken: in rounds that take turns (A B A B), medians, and what else the machine did meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

__all__ = ["Load", "Timing", "Work", "block_repeats", "machine_device", "settle", "synchronize", "timed_rounds"]

_SPELL, _QUIET_SPELLS, _SETTLE_SECONDS = 0.02, 3, 120.0  # [s], that many in a row, [s]
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Work(NamedTuple):
    """Something whose time is taken."""

    name: str
    run: Callable[[], object]
    pieces: float = 1.0
    """What one run does that many of: views, environment steps, ..."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one piece of work (run / pieces) in each round."""

    wall: tuple[float, ...]
    process: tuple[float, ...]
    """CPU time of this process, all its threads."""
    others: float
    """Cores that other processes used meanwhile, mean."""

    @property
    def median(self) -> float:
        """Median of wall time [s]."""
        return float(np.median(self.wall))

    @property
    def process_median(self) -> float:
        """Median of process time [s]."""
        return float(np.median(self.process))

    @property
    def spread(self) -> tuple[float, float]:
        """Least and greatest wall time [s]."""
        return min(self.wall), max(self.wall)

    def over(self, other: Timing) -> float:
        """Returns the median over rounds of this time over another's of the same rounds."""
        return float(np.median(np.array(self.wall) / np.array(other.wall)))

    def less(self, other: Timing) -> Timing:
        """Returns what this takes longer than another, round by round; not less than a nanosecond."""
        wall, process = (
            tuple(float(max(a - b, 1e-9)) for a, b in zip(mine, theirs, strict=True))
            for mine, theirs in ((self.wall, other.wall), (self.process, other.process))
        )
        return Timing(wall, process, max(self.others, other.others))


def machine_device(device: str) -> torch.device:
    """Returns the device that is measured.

    Raises:
        ValueError: it is not there: speeds of another device are no answer.
    """
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f'device must be "cpu" or "cuda", not {device!r}')
    found = torch.device(device)
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device here: measured on the CPU, its rows would be wrong; leave out --device cuda")
    return found


def synchronize(device: torch.device) -> None:
    """Waits until a device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed_rounds(
    works: Sequence[Work],
    rounds: int,
    seconds: float,
    device: torch.device,
    on_round: Callable[[], None] = lambda: None,
) -> dict[str, Timing]:
    """Returns the times of some work by name; in each round every one has its turn, so that none has the quiet hour.

    Args:
        works: what is measured; each runs once before, to warm up.
        rounds: number of rounds.
        seconds: about how long a turn takes [s]; what is shorter is repeated.
        device: waited for at the beginning and the end of each turn.
        on_round: called after each round.
    """
    for work in works:
        work.run()
        synchronize(device)
    settle()
    repeats = {work.name: block_repeats(work.run, seconds, device) for work in works}
    wall: dict[str, list[float]] = {work.name: [] for work in works}
    process: dict[str, list[float]] = {work.name: [] for work in works}
    loads = {work.name: Load() for work in works}
    for _ in range(rounds):
        for work in works:
            count = repeats[work.name] * work.pieces
            with loads[work.name]:
                begin, cpu = time.perf_counter(), time.process_time()
                for _ in range(repeats[work.name]):
                    work.run()
                synchronize(device)
                wall[work.name].append((time.perf_counter() - begin) / count)
                process[work.name].append((time.process_time() - cpu) / count)
        on_round()
    return {w.name: Timing(tuple(wall[w.name]), tuple(process[w.name]), loads[w.name].others) for w in works}


def block_repeats(run: Callable[[], object], seconds: float, device: torch.device) -> int:
    """Returns how often a piece of work fits into some seconds, at least once."""
    begin = time.perf_counter()
    run()
    synchronize(device)
    return max(1, round(seconds / max(time.perf_counter() - begin, 1e-7)))


def settle(limit: float = _SETTLE_SECONDS) -> None:
    """Waits until no thread of this process is at work, at most `limit` [s]: first episodes are made ready by then."""
    end, quiet = time.perf_counter() + limit, 0
    while quiet < _QUIET_SPELLS and time.perf_counter() < end:
        begin = time.process_time()
        time.sleep(_SPELL)
        quiet = quiet + 1 if time.process_time() - begin < 0.2 * _SPELL else 0


class Load:
    """Counts what other processes use while it is entered; without /proc (not Linux) it counts nothing."""

    def __init__(self) -> None:
        self.elapsed, self._others = 0.0, 0.0
        self._begin = (0.0, 0.0, 0.0)

    def __enter__(self) -> Load:
        self._begin = (time.perf_counter(), _machine_seconds(), _own_seconds())
        return self

    def __exit__(self, *_: Any) -> None:
        begin, machine, own = self._begin
        self.elapsed += time.perf_counter() - begin
        self._others += (_machine_seconds() - machine) - (_own_seconds() - own)

    @property
    def others(self) -> float:
        """Cores that processes outside this one and its children used, mean."""
        return max(self._others, 0.0) / self.elapsed if self.elapsed else 0.0


def _machine_seconds() -> float:
    """Returns the time that all cores were busy since the machine began [s]."""
    try:
        words = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, irq, softirq, *_ = (int(word) for word in words)  # waiting for a disk is idle
    return (user + nice + system + irq + softirq) / _TICKS


def _own_seconds() -> float:
    """Returns the CPU time of this process and all it started [s], those that still run included."""
    family, before = {os.getpid()}, 0
    stats = _process_stats()
    while len(family) > before:  # children, their children, ...
        before = len(family)
        family |= {pid for pid, (parent, _) in stats.items() if parent in family}
    times = os.times()
    return sum(times[:4]) + sum(stats[pid][1] for pid in family & set(stats) if pid != os.getpid())


def _process_stats() -> dict[int, tuple[int, float]]:
    """Returns parent and CPU time [s] of every process by its id."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = file.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except (OSError, IndexError):  # ended meanwhile
            continue
        found[int(file.parent.name)] = int(words[1]), sum(int(word) for word in words[11:15]) / _TICKS
    return found
