"""Schedules: which emissions there have been at a moment."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from avi_env.envs import AviEnv
from avi_env.sounds.schedule import ALWAYS, NEVER_ENDING, Schedule, draw_schedule, emissions, schedule_rows
from avi_env.tasks import Episode

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


def test_one_long_emission() -> None:
    """Kind "once" is one emission of N(15, 9) s within 5-60 s that starts within 5 s; the same seed draws the same."""
    drawn = [draw_schedule(seed) for seed in range(2000)]
    start, on = np.array([s.start for s in drawn]), np.array([s.on for s in drawn])
    assert draw_schedule(3) == draw_schedule(3) == draw_schedule(np.random.default_rng(3))
    assert start.min() >= 0.0
    assert start.max() <= 5.0
    assert on.min() >= 5.0
    assert on.max() <= 60.0
    assert_allclose([start.mean(), np.median(on)], [2.5, 15.0], atol=0.7)
    assert {s.count for s in drawn} == {1}


def test_schedules_befit_their_family() -> None:
    """A machine runs longer than a knock; a class and a sound of it draw as their family does."""
    knocks, machines = ([draw_schedule(seed, kind) for seed in range(50)] for kind in ("impulsive", "noisy"))
    assert max(s.on for s in knocks) < min(s.on for s in machines)
    assert all(s.off > 0.0 and s.count is None for s in knocks + machines)
    assert draw_schedule(1, "door_knock") == draw_schedule(1, "door_knock/wood") == knocks[1]
    with pytest.raises(ValueError, match=r"unknown kind of schedule 'impulsiv'. Did you mean 'impulsive'"):
        draw_schedule(0, "impulsiv")


def test_environments_draw_schedules() -> None:
    """`sound_schedule` draws one for each episode: silence before its start; the episode keeps it through JSON."""
    keywords = {"scene": "shoebox:5x3x4", "sensors": ("audio",), "bake_paths": 64}
    env = AviEnv(sounds=("fan",), sound_schedule="once", **keywords)
    observation, _ = env.reset(seed=1)
    drawn = env.episode.schedule
    assert drawn is not None
    assert drawn.count == 1
    assert drawn.start > 0.5
    assert np.abs(observation["audio"]).max() == 0.0
    for _ in range(int(drawn.start / 0.25) + 3):
        observation = env.step(2)[0]
    assert np.abs(observation["audio"]).max() > 1e-4
    stored = json.loads(json.dumps(dataclasses.asdict(env.episode)))
    assert Episode(**stored) == env.episode
    env.reset(seed=2)
    assert env.episode.schedule != drawn
    assert AviEnv(**keywords).reset(seed=1)[0]["audio"].any()
    with pytest.raises(ValueError, match="Did you mean 'family'"):
        AviEnv(sound_schedule="familie", **keywords)
