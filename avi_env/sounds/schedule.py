"""When a source sounds: once, for good, or on and off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # `avi sounds` needs no torch
    import torch

__all__ = ["ALWAYS", "NEVER_ENDING", "Emissions", "Schedule", "ScheduleRows", "emissions", "schedule_rows"]

NEVER_ENDING = 1 << 30
"""A length [samples] that no episode outlasts: 6 hours at 48 kHz."""


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
