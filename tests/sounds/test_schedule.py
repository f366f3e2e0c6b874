"""Schedules: which emissions there have been at a moment."""

from __future__ import annotations

import pytest
import torch

from avi_env.sounds.schedule import ALWAYS, NEVER_ENDING, Schedule, emissions, schedule_rows

RATE = 16000


def begun(schedule: Schedule, clock: int) -> list[tuple[int, int]]:
    """Onsets and lengths of all emissions up to a sample, the newest first, by counting."""
    found = []
    number = 0
    while schedule.count is None or number < schedule.count:
        period = min(schedule.on + schedule.off, 1e9)
        onset = round(schedule.start * RATE) + number * round(period * RATE)
        if onset > clock:
            break
        found.append((onset, round(min(schedule.on * RATE, NEVER_ENDING))))
        number += 1
    return found[::-1]


@pytest.mark.parametrize(
    "schedule",
    [
        ALWAYS,
        Schedule(start=2.0),
        Schedule(start=-1.5, on=0.5, off=0.25),
        Schedule(on=1.0, count=1),
        Schedule(start=0.1, on=0.3, off=0.7, count=3),
        Schedule(on=0.25),
    ],
)
def test_emissions_are_those_that_counting_finds(schedule: Schedule, device: str) -> None:
    """At many moments, the E emissions that began last, newest first; none before the first."""
    rows = schedule_rows([schedule], RATE, device)
    for clock in (-40000, -1, 0, 1, 3999, 4000, 16000, 31999, 32000, 100000):
        expected = begun(schedule, clock)[:4]
        found = emissions(rows, torch.tensor([clock], device=device), 4)
        live = int(found.sounding.sum())
        assert live == len(expected)
        pairs = list(zip(found.onset[0].tolist(), found.duration[0].tolist(), strict=True))
        assert pairs[:live] == expected
        assert all(length == 0 for _, length in pairs[live:])


def test_rows_do_not_depend_on_one_another(device: str) -> None:
    """A schedule says the same alone and among others, whose clocks differ."""
    schedules = [ALWAYS, Schedule(0.5, 0.2, 0.1), Schedule(1.0, 0.5, 0.5, 2), Schedule(-1.0, 3.0)]
    clocks = torch.tensor([100, 30000, 40000, 64000], device=device)
    together = emissions(schedule_rows(schedules, RATE, device), clocks, 3)
    for row, schedule in enumerate(schedules):
        alone = emissions(schedule_rows([schedule], RATE, device), clocks[row : row + 1], 3)
        for one, many in zip(alone, together, strict=True):
            assert torch.equal(one[0], many[row])


@pytest.mark.parametrize(
    "keywords", [{"on": 0.0}, {"off": -1.0}, {"start": float("inf")}, {"count": 0}, {"on": float("nan")}]
)
def test_bad_schedules_are_refused(keywords: dict[str, float]) -> None:
    """A schedule that never sounds, or not at a time, is an error."""
    with pytest.raises(ValueError, match="a schedule needs"):
        Schedule(**keywords)  # type: ignore[arg-type]
