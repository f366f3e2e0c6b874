"""Sounds of machines and of flowing or boiling water: kettle, vacuum cleaner, washing machine, shower, frying pan."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    RATE,
    Signal,
    Span,
    band,
    draw,
    faded,
    filtered,
    glide,
    harmonics,
    highpass,
    loop_noise,
    loop_seconds,
    lowpass,
    modes,
    place,
    resonance,
    steady_frequency,
    time_axis,
)

__all__ = ["frying_pan", "kettle", "shower", "vacuum_cleaner", "washing_machine"]


def _slow(rng: np.random.Generator, seconds: float, corner: float) -> Signal:
    """A slow periodic wander of unit RMS below `corner` [Hz]."""
    return loop_noise(rng, seconds, lambda f: np.where(f < corner, 1.0, 0.0) * (f > 0))


def kettle(
    rng: np.random.Generator,
    whistle: Span = (2000.0, 2600.0),
    second_plate: Span = (1.18, 1.28),
    steam_loud: float = 1.0,
) -> Signal:
    """Returns a whistling kettle: bubbling water, steam, and a whistle whose pitch rises with the pressure."""
    seconds = 7.0
    t = time_axis(seconds)
    pitch = draw(rng, whistle)
    strength = glide([(0.0, 0.0), (0.4, 0.0), (2.6, 0.75), (5.2, 1.0), (6.4, 1.0), (6.95, 0.0), (7.0, 0.0)], t)
    flutter = _slow(rng, seconds, 9.0)
    frequency = pitch * (0.62 + 0.38 * strength**0.6) * (1.0 + 0.004 * flutter)
    phase = np.cumsum(frequency) / RATE
    loud = strength**1.3 * (1.0 + 0.08 * flutter)
    first = loud * harmonics(phase, (1.0, 0.12, 0.05))
    second = 0.35 * loud * strength * harmonics(phase * draw(rng, second_plate), (1.0,))  # the two plates of a whistle
    steam = steam_loud * (0.12 + 0.2 * strength) * loop_noise(rng, seconds, band(1200.0, 4500.0))
    water = 0.10 * loop_noise(rng, seconds, band(120.0, 500.0)) * (1.0 + 0.4 * np.tanh(_slow(rng, seconds, 14.0)))
    bubbles = place(
        seconds,
        (
            (onset, 0.16 * faded(modes([low], [0.06], [1.0], 0.08), 0.004, 0.02))
            for onset, low in zip(rng.uniform(0, seconds, 150), rng.uniform(220.0, 650.0, 150), strict=True)
        ),
    )
    return filtered(first + second + steam + water + bubbles, lowpass(6800.0, 4))


def vacuum_cleaner(
    rng: np.random.Generator, motor: Span = (320.0, 420.0), air: float = 0.9, whine: float = 0.55, top: float = 1800.0
) -> Signal:
    """Returns a vacuum cleaner: a universal motor's whine, its fan blades, and the rush of air through the hose."""
    seconds = 4.0
    t = time_axis(seconds)
    turn = steady_frequency(draw(rng, motor), seconds)
    blades = int(rng.integers(5, 8))
    wander = _slow(rng, seconds, 2.0)
    phase = turn * t + 0.25 * wander
    weights = np.asarray(0.5 * 0.55 ** np.arange(14), dtype=np.float64)
    weights[blades - 1] += rng.uniform(0.3, 0.5)
    weights[2 * blades - 1 : 2 * blades] += 0.15
    howl = harmonics(phase, weights, rng.uniform(0, 2 * np.pi, len(weights)))
    hum = harmonics(100.0 * t, (0.25, 0.12, 0.1, 0.05))
    tube = [resonance(rng.uniform(low, high), 2.0) for low, high in ((250, 400), (700, 1000), (1600, 2300))]
    colour = lowpass(top, 1)
    edge = highpass(120.0, 2)
    rush = loop_noise(
        rng, seconds, lambda f: edge(f) * colour(f) * lowpass(5000.0, 2)(f) * (0.35 + sum(r(f) for r in tube))
    )
    return (whine * howl + hum + air * rush) * (1.0 + 0.04 * wander)


def washing_machine(
    rng: np.random.Generator,
    turn_seconds: Span = (1.1, 1.5),
    belt_pitch: Span = (210.0, 290.0),
    water: float = 0.45,
    laundry: float = 0.8,
) -> Signal:
    """Returns a washing machine: the drum turns, laundry falls, water sloshes, the motor hums."""
    turns = 5
    period = draw(rng, turn_seconds)
    seconds = loop_seconds(turns * period)
    t = time_axis(seconds)
    angle = 2 * np.pi * turns * t / seconds
    rumble = loop_noise(rng, seconds, band(35.0, 150.0)) * (1.0 + 0.45 * np.cos(angle))
    wash = loop_noise(rng, seconds, band(300.0, 1600.0))
    slosh = wash * np.clip(np.sin(angle + rng.uniform(0, 6)) + 0.25 * _slow(rng, seconds, 5.0), 0.0, None) ** 2
    belt = steady_frequency(draw(rng, belt_pitch), seconds)
    motor = harmonics(100.0 * t, (0.35, 0.25, 0.08)) + harmonics(belt * t, (0.16, 0.1, 0.06)) * (
        1 + 0.3 * np.sin(angle)
    )
    case, decays = np.sort(rng.uniform(55.0, 260.0, 6)), rng.uniform(0.15, 0.3, 6)
    thuds = []
    for turn in range(turns):
        for part in (0.12, 0.62):
            onset = (turn + part + rng.normal(0.0, 0.03)) * seconds / turns
            thuds.append(
                (onset, rng.uniform(0.6, 1.0) * faded(modes(case, decays, rng.uniform(0.3, 1, 6), 0.4), 0.008, 0.05))
            )
    return 0.8 * rumble + water * slosh + 0.7 * motor + laundry * place(seconds, thuds)


def shower(
    rng: np.random.Generator,
    low: Span = (700.0, 1000.0),
    high: Span = (3000.0, 3800.0),
    count: int = 1400,
    plumbing: float = 0.35,
) -> Signal:
    """Returns a running shower: a dense patter of drops on tiles over a broad hiss."""
    seconds = 4.0
    hiss = loop_noise(rng, seconds, band(draw(rng, low), draw(rng, high)))
    sizes = rng.uniform(1100.0, 4200.0, count)
    onsets, loud = rng.uniform(0, seconds, count), rng.exponential(0.5, count)
    t = time_axis(0.02)
    pings = np.sin(2 * np.pi * np.outer(sizes, t)) * np.exp(-np.log(1000.0) / 0.012 * t)
    drops = place(
        seconds, ((at, faded(level * ping, 0.0, 0.005)) for at, level, ping in zip(onsets, loud, pings, strict=True))
    )
    drain = plumbing * loop_noise(rng, seconds, band(180.0, 420.0)) * (1.0 + 0.4 * np.tanh(_slow(rng, seconds, 8.0)))
    return filtered(hiss * (1.0 + 0.05 * _slow(rng, seconds, 3.0)) + drops + drain, lowpass(6200.0, 8))


def frying_pan(
    rng: np.random.Generator,
    sizzle: Span = (2200.0, 5200.0),
    rate: tuple[int, int] = (160, 260),
    snaps: Span = (3800.0, 4800.0),
    loud_hiss: float = 0.35,
) -> Signal:
    """Returns a sizzling pan: a hiss made of countless tiny bursts of steam, with crackles."""
    seconds = 4.0
    hiss = loud_hiss * loop_noise(rng, seconds, band(*sizzle)) * (1.0 + 0.2 * np.tanh(_slow(rng, seconds, 6.0)))
    count = int(rng.integers(*rate))
    snap = faded(rng.standard_normal(RATE // 250), 0.0002, 0.003)
    crackles = place(
        seconds,
        (
            (onset, loud * snap)
            for onset, loud in zip(rng.uniform(0, seconds, count), rng.pareto(2.2, count), strict=True)
        ),
    )
    crackles = filtered(np.clip(crackles, -4.0, 4.0), band(900.0, draw(rng, snaps)))
    return filtered(hiss + crackles, lowpass(6200.0, 8))
