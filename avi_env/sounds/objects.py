"""Sounds of things that are handled or burn: keyboard, creaking door, fire."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    RATE,
    Signal,
    Span,
    between,
    burst,
    coloured_noise,
    draw,
    faded,
    filtered,
    glide,
    hump,
    lowpass,
    modes,
    place,
    time_axis,
    wander,
)

__all__ = ["door_creak", "fireplace", "keyboard_typing"]


def keyboard_typing(
    rng: np.random.Generator,
    click: Span = (2200.0, 3000.0),
    body: Span = (350.0, 500.0),
    rate: Span = (6.0, 8.0),
    sharp: float = 0.6,
) -> Signal:
    """Returns typing: keys bottom out on a plate and click back, in runs of a word with pauses between."""
    seconds = 5.0
    high, low, speed = draw(rng, click), draw(rng, body), draw(rng, rate)
    events, onset = [], 0.05
    while onset < seconds - 0.15:
        for _ in range(int(rng.integers(3, 9))):
            if onset >= seconds - 0.12:
                break
            loud, detune = draw(rng, (0.5, 1.0)), draw(rng, (0.9, 1.1))
            thock = modes([low * detune, 2.3 * low * detune], [0.05, 0.03], [1.0, 0.6], 0.08)
            snap = modes([high * detune, 1.6 * high], [0.015, 0.01], [1.0, 0.5], 0.03)
            events += [(onset, loud * faded(thock, 0.0005, 0.01)), (onset, sharp * loud * snap)]
            events.append((onset, 0.8 * sharp * loud * burst(rng, 0.004, 1500.0, 5500.0)))
            events.append((onset + draw(rng, (0.05, 0.08)), 0.5 * sharp * loud * snap))
            onset += draw(rng, (0.7, 1.35)) / speed
        onset += draw(rng, (0.2, 0.5))
    return filtered(place(seconds, events), lowpass(6500.0, 4))


def door_creak(
    rng: np.random.Generator,
    slips: Span = (170.0, 260.0),
    wood: Span = (650.0, 900.0),
    swing: Span = (1.5, 2.0),
    rough: float = 0.03,
) -> Signal:
    """Returns a creaking door: its hinge sticks and slips faster and slower, and each slip makes the leaf sing."""
    seconds = 5.0
    events = []
    low = draw(rng, wood)
    partials = low * np.array([1.0, 1.62, 2.35, 3.3, 4.6])
    ring = faded(modes(partials, 0.016 * (partials / low) ** -0.3, [1.0, 0.8, 0.6, 0.35, 0.2], 0.08), 0.0005, 0.01)
    for start in (0.1, 2.6):
        length = draw(rng, swing)
        t = time_axis(length)
        top = draw(rng, slips)
        turns = [
            (0.0, 0.25 * top),
            (0.3 * length, top),
            (0.55 * length, draw(rng, (0.45, 0.7)) * top),
            (0.8 * length, 1.5 * top),
            (length, 0.4 * top),
        ]
        phase = np.cumsum(glide(turns, t)) / RATE
        slip = np.searchsorted(phase, np.arange(1, int(phase[-1]))) / RATE
        slip = slip + rough * rng.standard_normal(len(slip)) / top
        loud = glide([(0.0, 0.2), (0.3 * length, 0.9), (0.8 * length, 1.0), (length, 0.15)], np.clip(slip, 0.0, length))
        for at, level in zip(slip, loud * rng.uniform(0.6, 1.0, len(slip)), strict=True):
            events.append((start + float(at), level * ring))
    return filtered(place(seconds, events), lowpass(5000.0, 3))


def fireplace(
    rng: np.random.Generator,
    rate: Span = (14.0, 20.0),
    roar: Span = (90.0, 150.0),
    crack: Span = (1400.0, 2400.0),
    flame: float = 0.12,
) -> Signal:
    """Returns a fire: a low flutter of flames, and wood that crackles in bursts of all sizes."""
    seconds = 6.0
    pops: list[tuple[float, Signal]] = []
    for _ in range(5):
        count = int(rng.poisson(draw(rng, rate) * seconds / 5))
        high = draw(rng, crack) * draw(rng, (0.6, 1.5))
        snap = modes([high, 0.43 * high], [0.018, 0.03], [1.0, 0.7], 0.05)
        snap[: RATE // 100] += 0.8 * burst(rng, 0.002, 900.0, 5000.0)[: RATE // 100]
        onsets = rng.uniform(0.0, seconds, count)
        clusters = onsets[rng.integers(len(onsets), size=count)] + rng.exponential(0.05, count) if count else onsets
        both = np.concatenate([onsets, clusters])
        loud, pop = np.minimum(rng.pareto(1.6, len(both)) + 0.1, 4.0), faded(snap, 0.0003, 0.01)
        pops += [(float(at), level * pop) for at, level in zip(both, loud, strict=True)]
    flutter = 1.0 + 0.5 * np.tanh(wander(rng, seconds, 9.0))
    flames = flutter * coloured_noise(rng, seconds, hump(draw(rng, roar), 0.9))
    hiss = coloured_noise(rng, seconds, between(1500.0, 5000.0))
    return filtered(place(seconds, pops) + flame * flames + 0.15 * flame * hiss, lowpass(5800.0, 4))
