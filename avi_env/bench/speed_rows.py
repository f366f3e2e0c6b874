"""Rows of the speed benchmark, and how much it measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from avi_env.bench.scenes_suite import result_row
from avi_env.bench.speed_timing import Timing

__all__ = ["Modality", "SpeedEffort", "SpeedFindings", "at_least", "at_most", "ratio_row", "time_row"]

_SCALES = {"us": 1e6, "ms": 1e3}

Limit = tuple[float, float]


class Modality(NamedTuple):
    """What an agent senses."""

    name: str
    sensors: tuple[str, ...]


@dataclass(frozen=True)
class SpeedEffort:
    """What sizes are measured, and how long; a quick run asks the same questions of the smallest."""

    device: str = "cpu"
    seed: int = 0
    """Of places, walks and episodes."""
    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Environments in a batch."""
    count: int = 4
    """Environments where something else varies."""
    sizes: tuple[int, ...] = (32, 64, 128, 256)
    """Widths of square images [pixels]."""
    size: int = 128
    """Width where something else varies."""
    scenes: tuple[tuple[str, int], ...] = (("house:7:2", 0), ("house:8:6", 0), ("", 0), ("", 101_876), ("", 203_752))
    """Houses of growing size: a name, or "" for the house of the peers; and a number of triangles, 0 = as it is."""
    sources: tuple[int, ...] = (1, 2, 4)
    """Sounds at once."""
    banks: tuple[int, ...] = (1, 8, 64)
    """Houses that environments share."""
    houses: int = 8
    """Houses where something else varies."""
    rounds: int = 5
    """Turns of each piece of work; medians count."""
    seconds: float = 0.12
    """Length of a turn of a stage [s]."""
    step_seconds: float = 0.5
    """Length of a turn of whole steps [s]."""
    reset_steps: int = 1600
    """Steps among which those with a reset are told from those without."""
    memory_steps: int = 20_000
    """Steps of the environment whose memory is watched."""
    memory_count: int = 0
    """Environments whose memory is watched; 0 = the single one of `gym.make`."""
    stop_every: int = 500
    """Mean number of an agent's actions from one stop to the next: each ends an episode."""
    reset_every: int = 128
    """The same where steps with a reset are told from those without."""
    prepare_seconds: float = 15.0
    """Time that worker processes get for preparing their next episodes."""
    rehearsal: int = 2500
    """Steps of environments that are walked before, the same ones, where what they hear is to be known already."""
    on_step: Callable[[], None] = lambda: None
    """Called after each piece of a measurement."""

    @classmethod
    def of(cls, device: str, quick: bool, seed: int) -> SpeedEffort:
        """Returns the sizes of a device."""
        if quick:
            counts = (1, 2) if device == "cpu" else (2, 4)
            return cls(
                device, seed, counts, counts[-1], (32, 64), 32, (("house:7:2", 0),), (1, 2), (1, 2), 1,
                rounds=2, seconds=0.01, step_seconds=0.02, reset_steps=24, memory_steps=120,
                prepare_seconds=0.0, rehearsal=20,
            )  # fmt: skip
        if device == "cpu":
            return cls(device, seed)
        return cls(
            device, seed, (64, 256, 1024, 2048, 4096), 256, (64, 128), 64, houses=64,
            reset_steps=400, memory_steps=2000, memory_count=1024, reset_every=500,
        )  # fmt: skip


class SpeedFindings(NamedTuple):
    """What one measurement found."""

    rows: list[dict[str, Any]]
    series: Mapping[str, Any]
    """Curves for the plots by name, JSON-serialisable."""


def at_least(value: float) -> Limit:
    """Returns the limit of a target that is not to fall below a value."""
    return value, math.inf


def at_most(value: float) -> Limit:
    """Returns the limit of a target that is not to exceed a value."""
    return -math.inf, value


def time_row(part: str, name: str, timing: Timing, unit: str, limit: Limit | None = None, note: str = "") -> Any:
    """Returns the row of a time in "us" or "ms", or of a rate in "1/s", with process time and spread beside it."""
    low, high = timing.spread
    values = [_scaled(seconds, unit) for seconds in (timing.median, timing.process_median, low, high)]
    row = result_row(part, name, values[0], unit, limit, note)
    return row | {
        "by_process_time": round(values[1], 6),
        "spread": sorted(round(value, 6) for value in values[2:]),
        "rounds": len(timing.wall),
        "others": round(timing.others, 3),
    }


def ratio_row(
    part: str, name: str, one: Timing, other: Timing, scale: float, limit: Limit | None = None, note: str = ""
) -> Any:
    """Returns the row of a ratio of two times, the median over rounds, times a factor."""
    rounds = [scale * a / b for a, b in zip(one.wall, other.wall, strict=True)]
    row = result_row(part, name, scale * one.over(other), "x", limit, note)
    process = scale * one.process_median / max(other.process_median, 1e-9)
    return row | {
        "by_process_time": round(process, 6),
        "spread": [round(min(rounds), 6), round(max(rounds), 6)],
        "rounds": len(rounds),
        "others": round(max(one.others, other.others), 3),
    }


def _scaled(seconds: float, unit: str) -> float:
    return 1.0 / max(seconds, 1e-12) if unit == "1/s" else _SCALES[unit] * seconds
