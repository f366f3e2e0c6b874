"""Rows of the acoustic benchmark: what was measured, what it is held against, and how far apart that is to the ear."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["JNDS", "Effort", "Findings", "Jnd", "Row", "clarity_db", "histogram_t30", "worst_row"]

FloatArray = npt.NDArray[np.floating[Any]]


class Jnd(NamedTuple):
    """A just noticeable difference."""

    size: float
    """In the quantity's unit, or a share of the peer's value."""
    relative: bool
    source: str


_ISO = "ISO 3382-1, table A.1"
JNDS = {
    "T30": Jnd(0.05, True, _ISO),
    "EDT": Jnd(0.05, True, _ISO),
    "C50": Jnd(1.0, False, _ISO),
    "C80": Jnd(1.0, False, _ISO),
    "D50": Jnd(0.05, False, _ISO),
    "Ts": Jnd(0.010, False, _ISO),
    "level": Jnd(1.0, False, _ISO + " (G)"),
    "IACC": Jnd(0.075, False, _ISO),
    "ITD": Jnd(16e-6, False, "about 0.05 rad at 500 Hz"),
    "ILD": Jnd(1.0, False, "0.5 to 1 dB"),
    "DRR": Jnd(2.5, False, "2 to 3 dB"),
    "direction": Jnd(5.0, False, "localisation blur beside the front"),
}
"""Just noticeable differences by quantity: T30 [s], C50 [dB], D50 [1], Ts [s], level [dB], ITD [s], direction [deg]."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: a quick run asks the same questions of fewer places and paths."""

    paths: int = 4096
    """Paths of a traced response in a room of theory."""
    reference_paths: int = 4096
    """Paths of each run of the reference that baked fields are held against."""
    reference_seeds: int = 2
    """Runs of the reference, whose spread tells how well it is known itself."""
    houses: tuple[int, ...] = (7, 11, 23, 42, 101)
    """Seeds of the houses in which baked and traced sound are compared."""
    pairs: int = 20
    """Pairs of a source and a listener in each house."""
    places: int = 8
    """Listeners over whom decays are compared with the other simulator's."""
    repeats: int = 5
    """Runs of a timed piece of work; the least counts."""
    listeners: int = 100
    """Listeners of the shoebox in which impulse responses are counted."""
    rays: int = 5000
    """Rays of the other simulator, for all its listeners together."""
    batches: tuple[int, ...] = (1, 32)
    """Listeners whose steps are timed together."""
    seed: int = 0
    """Seed of paths and places."""
    device: str = "cpu"
    """Device that bakes and traces."""
    on_step: Callable[[], None] = lambda: None
    """Called after each piece of a long measurement."""

    @classmethod
    def quick(cls, seed: int = 0, device: str = "cpu") -> Effort:
        """Returns the effort of a run of half a minute: too little for a report, enough to see that all is well."""
        return cls(
            paths=1024,
            reference_paths=1024,
            houses=(7,),
            pairs=4,
            places=2,
            repeats=1,
            listeners=8,
            rays=1000,
            batches=(1,),
            seed=seed,
            device=device,
        )


@dataclass(frozen=True)
class Row:
    """One measurement and what it is held against."""

    name: str
    value: float
    unit: str
    peer: str = ""
    """What it is held against: a theory, another program, the traced reference."""
    peer_value: float | None = None
    quantity: str = ""
    """Key of JNDS, where the ear has one."""
    limit: float | None = None
    """Largest allowed deviation from the peer: a share where the JND or the limit is relative, else in the unit."""
    relative: bool = False
    """Whether the deviation is a share of the peer's value; follows from the quantity where there is one."""
    is_deviation: bool = False
    """Whether the value is itself a deviation from the peer: an error in the unit, or a share of the peer's value."""
    at_most: float | None = None
    """Target: the value is not to exceed it."""
    at_least: float | None = None
    """Target: the value is not to fall below it."""
    note: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or (self.peer_value is not None and not math.isfinite(self.peer_value)):
            raise ValueError(f"measurement {self.name!r} is not finite: {self.value} against {self.peer_value}")

    @property
    def is_relative(self) -> bool:
        """Whether deviations are shares of the peer's value."""
        return JNDS[self.quantity].relative if self.quantity else self.relative

    @property
    def deviation(self) -> float | None:
        """Value less the peer's, in the unit or as a share of the peer's; None without a peer's value."""
        if self.is_deviation:
            return self.value
        if self.peer_value is None:
            return None
        return self.value / self.peer_value - 1.0 if self.is_relative else self.value - self.peer_value

    @property
    def jnds(self) -> float | None:
        """Deviation in just noticeable differences; None where there is no peer or no JND."""
        if self.deviation is None or not self.quantity:
            return None
        return abs(self.deviation) / JNDS[self.quantity].size

    @property
    def within(self) -> bool | None:
        """Whether limit and targets hold; None where there is none."""
        checks = []
        if self.limit is not None and self.deviation is not None:
            checks.append(abs(self.deviation) <= self.limit)
        if self.at_most is not None:
            checks.append(self.value <= self.at_most)
        if self.at_least is not None:
            checks.append(self.value >= self.at_least)
        return all(checks) if checks else None

    def to_json(self, part: str) -> dict[str, Any]:
        """Returns the row as benchmarks store it; `ratio` is value / peer value where that has a meaning."""
        ratio = None
        if self.peer_value and self.unit not in ("dB", "deg"):
            ratio = self.value / self.peer_value
        return {
            "part": part,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": ratio,
            "quantity": self.quantity,
            "deviation": self.deviation,
            "relative": self.is_relative,
            "jnds": self.jnds,
            "limit": self.limit,
            "at_most": self.at_most,
            "at_least": self.at_least,
            "within": self.within,
            "note": self.note,
        }


class Findings(NamedTuple):
    """What one measurement found."""

    rows: tuple[Row, ...]
    series: Mapping[str, Any] = MappingProxyType({})
    """Curves for the plots by name, JSON-serialisable."""


def worst_row(name: str, values: FloatArray, peer_values: FloatArray, unit: str, peer: str, **more: Any) -> Row:
    """Returns the row of the comparison with the largest deviation of all; its note says of how many."""
    ours, theirs = np.broadcast_arrays(np.asarray(values, dtype=np.float64), np.asarray(peer_values, dtype=np.float64))
    rows = [
        Row(name, float(a), unit, peer, float(b), **{"note": f"worst of {ours.size}", **more})
        for a, b in zip(ours.reshape(-1), theirs.reshape(-1), strict=True)
    ]
    return max(rows, key=lambda row: abs(row.deviation or 0.0))


def histogram_t30(energy: FloatArray, bin_seconds: float) -> float:
    """Returns T30 [s] of energies per time bin: least squares from -5 to -35 dB of the backward integral.

    NaN where the curve has fewer than three bins between those levels.
    """
    left = np.cumsum(energy[::-1])[::-1]
    decay = 10.0 * np.log10(np.maximum(left / max(float(left[0]), 1e-300), 1e-12))
    rows = np.flatnonzero((decay <= -5.0) & (decay >= -35.0))
    if len(rows) < 3:
        return float("nan")
    return float(-60.0 / np.polyfit(rows * bin_seconds, decay[rows], 1)[0])


def clarity_db(energy: FloatArray, time: FloatArray, seconds: float = 0.05) -> float:
    """Returns the energy before an instant over that after it [dB], times [s] counted from the first arrival."""
    late = float(energy[time >= seconds].sum())
    return float(10.0 * np.log10(max(float(energy[time < seconds].sum()), 1e-300) / max(late, 1e-300)))
