"""Sounds of impacts: door knock, footsteps, clock, dripping tap."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    RATE,
    Signal,
    Span,
    burst,
    draw,
    faded,
    filtered,
    loop_seconds,
    lowpass,
    modes,
    place,
)
from avi_env.sounds.water import bubble

__all__ = ["clock_tick", "door_knock", "dripping_tap", "footsteps"]


def _wood(rng: np.random.Generator, lowest: float, highest: float, count: int, damping: float) -> tuple[Signal, Signal]:
    """Modes of a wooden plate: a plate's modal density is constant in frequency; loss factor `damping`."""
    frequencies = np.sort(rng.uniform(lowest, highest, count))
    frequencies[0] = lowest
    return frequencies, 2.2 / (damping * frequencies)  # T60 = 2.2 / (eta f)


def door_knock(
    rng: np.random.Generator,
    interval: Span = (0.17, 0.26),
    leaf: Span = (90.0, 140.0),
    damping: Span = (0.05, 0.08),
    knuckle: Span = (550.0, 850.0),
    most: int = 5,
) -> Signal:
    """Returns knuckles on a wooden door: three to five knocks, each exciting the leaf's plate modes for a moment."""
    knocks = int(rng.integers(most - 2, most + 1))
    gap = draw(rng, interval)
    frequencies, decays = _wood(rng, draw(rng, leaf), 1900.0, 40, draw(rng, damping))
    stiff = np.exp(-frequencies / draw(rng, knuckle))  # a knuckle's contact of about 2 ms is a soft hammer
    events = []
    for number in range(knocks):
        place_on_leaf = rng.uniform(0.4, 1.0, len(frequencies)) * np.sign(rng.standard_normal(len(frequencies)))
        knock = modes(frequencies, decays, stiff * place_on_leaf, 0.6)
        knock[: RATE // 5] += 0.25 * np.pad(burst(rng, 0.004, 500.0, 2500.0), (0, RATE // 5))[: RATE // 5]
        onset = number * gap * rng.uniform(0.95, 1.05)
        events.append((onset, rng.uniform(0.75, 1.0) * faded(knock, 0.0006, 0.02)))
    return filtered(place(2.4, events), lowpass(4000.0, 2))


def footsteps(
    rng: np.random.Generator,
    stride: Span = (0.50, 0.62),
    heel: Span = (0.5, 1.0),
    floor: Span = (75.0, 110.0),
    sole: float = 0.22,
) -> Signal:
    """Returns a person walking on a wooden floor: heel, then toe; the left shoe sounds unlike the right."""
    period = draw(rng, stride)
    steps = 8
    seconds = loop_seconds(steps * period)
    hard = draw(rng, heel)
    feet = []
    for _ in range(2):
        board, decays = _wood(rng, draw(rng, floor), 620.0, 9, 0.16)
        feet.append((board, decays, np.exp(-board / 170.0) * rng.uniform(0.5, 1.0, len(board))))
    events = []
    for number in range(steps):
        onset = number * period + rng.normal(0.0, 0.012)
        board, decays, weights = feet[number % 2]
        thump = faded(modes(board, decays, weights, 0.35), 0.001, 0.02)
        click = 0.55 * hard * burst(rng, 0.012, 900.0, 2800.0)
        toe = sole * burst(rng, 0.05, 350.0, 2200.0)
        loud = rng.uniform(0.8, 1.0)
        events += [(onset, loud * thump), (onset, loud * click), (onset + rng.uniform(0.10, 0.13), loud * toe)]
        events.append((onset + 0.11, 0.3 * loud * thump))
    return filtered(place(seconds, events), lowpass(5000.0, 2))


def clock_tick(
    rng: np.random.Generator,
    beats: tuple[float, ...] = (0.4, 0.5, 0.6),
    case: Span = (700.0, 5200.0),
    ring: Span = (0.025, 0.05),
    tock: float = 0.86,
) -> Signal:
    """Returns a mantel clock: tick and tock, the escapement's clicks ringing in a small wooden case."""
    interval = rng.choice(list(beats))
    body = np.sort(rng.uniform(*case, 7))
    decays = rng.uniform(*ring, 7)
    weights = rng.uniform(0.3, 1.0, 7)
    events = []
    for number in range(4):
        turn = tock if number % 2 else 1.0
        click = modes(body * turn, decays, weights * (0.8 if number % 2 else 1.0), 0.12)
        click[: RATE // 50] += 0.6 * np.pad(burst(rng, 0.0015, 2000.0, 5000.0), (0, RATE // 50))[: RATE // 50]
        events.append((number * interval, click))
        events.append((number * interval + 0.014, 0.35 * click))  # the pallet's second contact
    return filtered(place(loop_seconds(4 * interval), events), lowpass(5500.0, 3))


def dripping_tap(
    rng: np.random.Generator,
    wait: Span = (0.75, 1.0),
    size: Span = (900.0, 1500.0),
    ring: float = 0.07,
    drops: int = 7,
) -> Signal:
    """Returns a dripping tap: each drop clicks, traps a bubble that sings, and makes the steel basin ring faintly."""
    gap = draw(rng, wait)
    pitch = draw(rng, size)
    seconds = loop_seconds(drops * gap)
    basin = np.sort(rng.uniform(350.0, 2400.0, 8))
    decays = rng.uniform(0.06, 0.16, 8)
    events = []
    for number in range(drops):
        onset = (number + rng.uniform(-0.16, 0.16)) * gap
        loud = rng.uniform(0.7, 1.0)
        events.append((onset, 0.18 * loud * burst(rng, 0.002, 1500.0, 5000.0)))
        events.append((onset + 0.012, loud * bubble(pitch * rng.uniform(0.9, 1.12), rng.uniform(0.08, 0.14))))
        events.append((onset + 0.012, ring * loud * modes(basin, decays, rng.uniform(0.3, 1.0, 8), 0.3)))
        for _ in range(int(rng.integers(0, 3))):  # splashed droplets: smaller, so higher
            events.append(
                (
                    onset + rng.uniform(0.04, 0.12),
                    0.2 * loud * bubble(pitch * rng.uniform(1.5, 2.4), rng.uniform(0.08, 0.14)),
                )
            )
    return place(seconds, events)
