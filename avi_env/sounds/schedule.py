"""When a source sounds: once, for good, or on and off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from avi_env.content import name_error
from avi_env.sounds.classes import class_of_sound
from avi_env.sounds.synthesis import Span
from avi_env.sounds.table import SOUND_CLASSES

if TYPE_CHECKING:  # `avi sounds` needs no torch
    import torch

__all__ = [
    "ALWAYS",
    "NEVER_ENDING",
    "Emissions",
    "Schedule",
    "ScheduleRows",
    "draw_schedule",
    "emissions",
    "schedule_rows",
]

NEVER_ENDING = 1 << 30
"""A length [samples] that no episode outlasts: 6 hours at 48 kHz."""


_LATEST_START = 5.0
_SAVI_MEAN, _SAVI_SPREAD, _SAVI_RANGE = 15.0, 9.0, (5.0, 60.0)
_PATTERNS: dict[str, tuple[Span, Span]] = {
    "impulsive": ((1.5, 4.0), (2.0, 8.0)),
    "tonal": ((4.0, 12.0), (2.0, 6.0)),
    "noisy": ((15.0, 45.0), (5.0, 15.0)),
    "rhythmic": ((10.0, 30.0), (3.0, 10.0)),
    "intermittent": ((6.0, 20.0), (2.0, 8.0)),
    "speech-like": ((3.0, 10.0), (1.0, 5.0)),
}
"""Ranges of emissions and pauses [s] by family: a knock is soon over, a machine runs for a while. Our judgement."""


@dataclass(frozen=True)
class Schedule:
    """Emissions of `on` seconds each, the first at `start`, with `off` seconds of silence between them."""

    start: float = 0.0
    """Time of the first emission on the episode's clock [s]."""
    on: float = float("inf")
    """Length of each emission [s]; the clip begins anew with each."""
    off: float = 0.0
    """Silence between the end of an emission and the next one [s]."""
    count: int | None = None
    """Number of emissions; None = no end."""

    def __post_init__(self) -> None:
        if not self.on > 0.0 or not self.off >= 0.0 or not abs(self.start) < float("inf"):
            raise ValueError(f"a schedule needs a finite start, on > 0 and off >= 0, not {self}")
        if self.count is not None and self.count < 1:
            raise ValueError(f"a schedule needs a count of at least 1 or None, not {self.count}")


ALWAYS = Schedule()
"""One emission without end, from the beginning of the episode on."""


def draw_schedule(rng: np.random.Generator | int, kind: str = "once") -> Schedule:
    """Draws when a source sounds; its first emission starts within 5 s.

    Args:
        rng: stream of random numbers, or a seed.
        kind: "once": one emission of N(15 s, 9 s) within 5-60 s, as in semantic audio-visual navigation; a family of
            sounds or the name of a sound: emissions and pauses as befits it, again and again.

    Raises:
        ValueError: another kind; the message names the nearest one.

    Source: onset U[0, 5] s and length N(15, 9) s of SAVi in continuous environments (SAVN-CE).
    """
    stream = np.random.default_rng(rng) if isinstance(rng, int) else rng
    start = float(stream.uniform(0.0, _LATEST_START))
    if kind == "once":
        return Schedule(start, float(np.clip(stream.normal(_SAVI_MEAN, _SAVI_SPREAD), *_SAVI_RANGE)), count=1)
    family = kind
    if kind not in _PATTERNS:
        owner = class_of_sound(kind)
        if owner not in SOUND_CLASSES and ":" not in kind:
            raise name_error("kind of schedule", kind, ("once", *_PATTERNS, *SOUND_CLASSES))
        # A sound of the user's own that is none of our classes may be anything: now and then, as what rings.
        family = SOUND_CLASSES[owner].family if owner in SOUND_CLASSES else "tonal"
    on, off = _PATTERNS[family]
    return Schedule(start, float(stream.uniform(*on)), float(stream.uniform(*off)))


class ScheduleRows(NamedTuple):
    """Schedules in samples, as tensors of one shape (...), int64."""

    start: torch.Tensor
    """First sample of the first emission on the episode's clock."""
    on: torch.Tensor
    """Length of each emission, at least 1."""
    period: torch.Tensor
    """From the start of an emission to that of the next one."""
    total: torch.Tensor
    """Number of emissions."""


class Emissions(NamedTuple):
    """The most recent emissions of each source, the newest first, shape (..., E)."""

    onset: torch.Tensor
    """First sample on the episode's clock, int64."""
    duration: torch.Tensor
    """Length [samples], int64; 0 where there is no such emission."""
    sounding: torch.Tensor
    """Whether there is such an emission, float32: 1 or 0."""


def schedule_rows(schedules: Sequence[Schedule], sample_rate: int, device: str | torch.device = "cpu") -> ScheduleRows:
    """Returns schedules as tensors of shape (n,), rounded to samples: what `emissions` reads at every step."""
    import torch

    def samples(seconds: float) -> int:
        return round(min(seconds * sample_rate, NEVER_ENDING))

    rows = []
    for schedule in schedules:
        on = max(1, samples(schedule.on))
        period = min(max(on, samples(schedule.on + schedule.off)), NEVER_ENDING)
        rows.append((samples(schedule.start), on, period, schedule.count or NEVER_ENDING))
    table = torch.tensor(rows, dtype=torch.int64, device=device).reshape(len(rows), 4)
    return ScheduleRows(*table.unbind(dim=1))


def emissions(schedules: ScheduleRows, clock: torch.Tensor, count: int) -> Emissions:
    """Returns the `count` emissions of each source that began last, up to and including sample `clock`.

    Args:
        schedules: of the sources, shape (...).
        clock: the last sample that is about to be heard, on the episode's clock, int64, of a shape that broadcasts.
        count: E, how many to return: enough that older ones have died away.
    """
    import torch

    newest = torch.div(clock - schedules.start, schedules.period, rounding_mode="floor")
    newest = torch.minimum(newest, schedules.total - 1)
    number = newest[..., None] - torch.arange(count, device=newest.device)
    begun = number >= 0
    onset = schedules.start[..., None] + number.clamp(min=0) * schedules.period[..., None]
    duration = torch.where(begun, schedules.on[..., None], 0)
    return Emissions(onset, duration, begun.to(torch.float32))
