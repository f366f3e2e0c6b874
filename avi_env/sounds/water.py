"""Sounds of water in the house: running tap, toilet, dishwasher, coffee machine, aquarium, dishes being washed."""

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
    harmonics,
    hump,
    lowpass,
    modes,
    place,
    quick_seconds,
    steady_frequency,
    time_axis,
    wander,
)

__all__ = ["aquarium", "bubble", "coffee_machine", "dishes", "dishwasher", "running_tap", "toilet_flush"]


def bubble(pitch: float, rise: float) -> Signal:
    """Returns an air bubble of a pitch [Hz] that rises to the surface, its pitch with it.

    Source: K. van den Doel, Physically based models for liquid sounds (2005), eq. 3-5: damping 0.043 f + 0.0014 f^1.5,
    pitch rising as f (1 + rise d t).
    """
    damping = 0.043 * pitch + 0.0014 * pitch**1.5
    t = time_axis(min(0.3, 12.0 / damping))
    phase = 2 * np.pi * pitch * (t + 0.5 * rise * damping * t**2)
    return faded(np.sin(phase) * np.exp(-damping * t), 0.0008, 0.01)


def _bubbles(rng: np.random.Generator, seconds: float, rate: float, pitch: Span) -> Signal:
    """Bubbles at random moments, `rate` a second: sixteen sizes, each as often as the next in octaves."""
    events = []
    for size in np.geomspace(*pitch, 16) * rng.uniform(0.97, 1.03, 16):
        count = int(rng.poisson(rate * seconds / 16))
        onsets, loud = rng.uniform(0.0, seconds, count), rng.uniform(0.3, 1.0, count)
        sung = bubble(float(size), draw(rng, (0.05, 0.25)))
        events += [(float(at), level * sung) for at, level in zip(onsets, loud, strict=True)]
    return place(seconds, events)


def running_tap(
    rng: np.random.Generator,
    rate: Span = (110.0, 160.0),
    pitch: Span = (420.0, 1700.0),
    basin: Span = (700.0, 1000.0),
    splash: float = 0.25,
) -> Signal:
    """Returns a tap that runs into a basin: a crowd of bubbles, the basin's hollow tone, a little splashing."""
    seconds = 4.0
    water = _bubbles(rng, seconds, draw(rng, rate), pitch)
    hollow = draw(rng, basin)
    jet = coloured_noise(rng, seconds, hump(hollow, 0.35))
    drops = coloured_noise(rng, seconds, between(1500.0, 3800.0, 2))
    unrest = 1.0 + 0.25 * np.tanh(wander(rng, seconds, 7.0))
    return water / np.std(water) * unrest + 0.55 * jet * unrest + splash * drops


def toilet_flush(
    rng: np.random.Generator,
    rush: Span = (2.2, 2.8),
    bowl: Span = (350.0, 500.0),
    refill: Span = (2300.0, 3000.0),
    gurgle: float = 1.0,
) -> Signal:
    """Returns a toilet: water rushes into the bowl, gurgles down the drain, and the cistern fills with a thin hiss."""
    seconds = 8.0
    t = time_axis(seconds)
    length = draw(rng, rush)
    flood = glide([(0.0, 0.0), (0.25, 1.0), (length, 0.8), (length + 0.8, 0.0), (seconds, 0.0)], t)
    low = draw(rng, bowl)
    body = coloured_noise(rng, seconds, lambda f: hump(low, 0.7)(f) + 0.3 * between(900.0, 3000.0, 2)(f))
    swallow = glide([(0.0, 0.0), (length - 0.3, 0.0), (length + 0.4, 1.0), (length + 1.6, 0.0), (seconds, 0.0)], t)
    drain = _bubbles(rng, seconds, 22.0, (180.0, 420.0))
    drain *= gurgle * swallow / np.std(drain)
    filling = glide([(0.0, 0.0), (0.8, 0.16), (seconds - 0.9, 0.13), (seconds - 0.3, 0.0), (seconds, 0.0)], t)
    hiss = filling * coloured_noise(rng, seconds, hump(draw(rng, refill), 0.3))
    return flood * body * (1.0 + 0.2 * np.tanh(wander(rng, seconds, 12.0))) + 0.8 * drain + hiss


def dishwasher(
    rng: np.random.Generator,
    turn: Span = (0.85, 1.05),
    hum: Span = (98.0, 102.0),
    spray: Span = (600.0, 1000.0),
    clink: float = 0.5,
) -> Signal:
    """Returns a dishwasher: jets of the turning spray arm sweep by twice a turn, the pump hums, a glass clinks."""
    turns = 4
    seconds = quick_seconds(turns * draw(rng, turn))
    t = time_axis(seconds)
    angle = 2 * np.pi * turns * t / seconds
    sweep = 0.25 + np.clip(np.cos(angle), 0.0, None) ** 3 + 0.75 * np.clip(-np.cos(angle), 0.0, None) ** 3
    centre = draw(rng, spray)
    jets = sweep * coloured_noise(rng, seconds, hump(centre, 0.75))
    pump = harmonics(steady_frequency(draw(rng, hum), seconds) * t, (0.25, 0.6, 0.12, 0.3, 0.05, 0.12))
    events = []
    for turned in range(turns):
        glass = draw(rng, (1800.0, 2600.0)) * np.array([1.0, 2.32, 4.25])
        knock = modes(
            glass[glass < 7000.0],
            [0.12, 0.06, 0.04][: int(np.sum(glass < 7000.0))],
            [1.0, 0.5, 0.3][: int(np.sum(glass < 7000.0))],
            0.2,
        )
        events.append(
            (
                (turned + draw(rng, (0.2, 0.3))) * seconds / turns,
                clink * draw(rng, (0.3, 1.0)) * faded(knock, 0.001, 0.02),
            )
        )
    return jets + 0.45 * pump + place(seconds, events)


def coffee_machine(
    rng: np.random.Generator,
    pump: Span = (48.0, 52.0),
    pumping: Span = (2.8, 3.4),
    steam: Span = (1700.0, 2300.0),
    spurts: Span = (5.0, 8.0),
) -> Signal:
    """Returns a coffee machine: a vibration pump buzzes and labours, then steam and coffee come out in spurts."""
    seconds = 7.0
    t = time_axis(seconds)
    length = draw(rng, pumping)
    buzzing = glide([(0.0, 0.0), (0.15, 1.0), (length, 0.8), (length + 0.15, 0.0), (seconds, 0.0)], t)
    strokes = draw(rng, pump) * (1.0 + 0.03 * wander(rng, seconds, 2.0))
    working = round((length + 0.15) * RATE)
    phase = np.cumsum(strokes[:working]) / RATE
    buzz = np.zeros(len(t))
    buzz[:working] = harmonics(phase, 1.0 / np.arange(1, 61) ** 0.7, rng.uniform(0, 2 * np.pi, 60))
    buzz = filtered(buzz, lambda f: hump(450.0, 0.95)(np.maximum(f, 1.0)))
    blowing = glide([(0.0, 0.0), (length + 0.2, 0.0), (length + 0.7, 1.0), (6.2, 0.7), (6.8, 0.0), (seconds, 0.0)], t)
    spurt = np.clip(0.35 + wander(rng, seconds, draw(rng, spurts)), 0.03, 1.8)
    hiss = blowing * spurt * coloured_noise(rng, seconds, hump(draw(rng, steam), 0.8))
    gurgle = _bubbles(rng, seconds, 40.0, (250.0, 700.0))
    return buzzing * buzz / np.std(buzz) + 0.8 * hiss + 0.45 * blowing * gurgle / np.std(gurgle)


def aquarium(
    rng: np.random.Generator, rate: Span = (9.0, 13.0), pitch: Span = (380.0, 800.0), hum: Span = (49.0, 51.0)
) -> Signal:
    """Returns an aquarium: bubbles of nearly one size rise from the air stone, the membrane pump hums."""
    seconds = 4.0
    t = time_axis(seconds)
    count = round(draw(rng, rate) * seconds)
    middle = draw(rng, pitch)
    events = []
    for number in range(count):
        onset = (number + draw(rng, (-0.4, 0.4))) * seconds / count
        events.append(
            (onset, draw(rng, (0.3, 1.0)) * bubble(middle * 2.0 ** draw(rng, (-0.4, 0.4)), draw(rng, (0.1, 0.3))))
        )
    pump = harmonics(steady_frequency(draw(rng, hum), seconds) * t, (0.3, 1.0, 0.25, 0.5, 0.1, 0.25, 0.05, 0.1))
    return place(seconds, events) + 0.1 * pump + 0.015 * coloured_noise(rng, seconds, between(500.0, 2500.0))


def dishes(
    rng: np.random.Generator,
    pitch: Span = (1100.0, 3000.0),
    rate: Span = (3.2, 4.2),
    ring: Span = (0.12, 0.3),
    water: float = 0.08,
) -> Signal:
    """Returns dishes being washed up: plates, cups and cutlery clatter in a sink, water splashes between."""
    seconds = 6.0
    things = []
    for _ in range(7):
        low = draw(rng, pitch)
        partials = low * np.array([1.0, 1.58, 2.3, 2.94, 4.1]) * rng.uniform(0.96, 1.04, 5)
        partials = partials[partials < 7000.0]
        things.append((partials, draw(rng, ring) / (partials / low) ** 0.6))
    events = []
    for onset in np.sort(rng.uniform(0.0, seconds, round(draw(rng, rate) * seconds))):
        partials, decays = things[int(rng.integers(len(things)))]
        loud = draw(rng, (0.15, 1.0)) ** 1.5
        for bounce in range(int(rng.integers(1, 4))):  # what is put down rattles: shorter gaps, softer knocks
            struck = modes(partials, decays, rng.uniform(0.3, 1.0, len(partials)), 0.35)
            struck[: RATE // 50] += 0.3 * burst(rng, 0.003, 2000.0, 5500.0)[: RATE // 50]
            late = sum(0.09 * 0.6**k for k in range(bounce))
            events.append((float(onset) + late, loud * 0.5**bounce * faded(struck, 0.0005, 0.02)))
    splashing = np.clip(wander(rng, seconds, 1.5), 0.0, None)
    splash = splashing * coloured_noise(rng, seconds, between(500.0, 2500.0))
    return filtered(place(seconds, events) + water * splash, lowpass(6500.0, 4))
