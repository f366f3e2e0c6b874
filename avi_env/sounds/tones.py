"""Sounds of bells, buzzers and strings: phone, alarm clock, smoke alarm, doorbell, music box, piano."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    Signal,
    faded,
    filtered,
    harmonics,
    highpass,
    loop_seconds,
    lowpass,
    modes,
    place,
    time_axis,
)

__all__ = ["alarm_clock", "doorbell", "music_box", "phone", "piano", "smoke_alarm"]

_CADENCES = (((0.0, 0.4), (0.6, 0.4)), ((0.0, 1.0),))
"""Ringing cadences (onset, length) [s] in a cycle of 3 s: Great Britain's double ring and Japan's single one."""

_GONG = (1.0, 2.02, 2.74, 3.93, 5.41)
"""Partials of a small steel gong relative to the first: a shallow spherical cap, split pairs left out."""

_TINE = (1.0, 6.27, 17.55)
"""Modes of a clamped-free bar relative to the first. Source: Fletcher & Rossing, The Physics of Musical Instruments."""

_MELODIES = (
    ((0, 1), (0, 1), (7, 1), (7, 1), (9, 1), (9, 1), (7, 2), (5, 1), (5, 1), (4, 1), (4, 1), (2, 1), (2, 1), (0, 2)),
    ((0, 1), (2, 1), (4, 1), (0, 1), (0, 1), (2, 1), (4, 1), (0, 1), (4, 1), (5, 1), (7, 2), (4, 1), (5, 1), (7, 2)),
    (
        (4, 1),
        (4, 1),
        (5, 1),
        (7, 1),
        (7, 1),
        (5, 1),
        (4, 1),
        (2, 1),
        (0, 1),
        (0, 1),
        (2, 1),
        (4, 1),
        (4, 1.5),
        (2, 0.5),
        (2, 2),
    ),
    (
        (4, 0.5),
        (4, 0.5),
        (7, 1.5),
        (4, 0.5),
        (4, 1),
        (7, 2),
        (4, 0.5),
        (7, 0.5),
        (12, 1),
        (11, 1),
        (9, 1),
        (9, 1),
        (7, 2),
    ),
)
"""Old tunes as (semitones above the key note, beats): Ah vous dirai-je maman, Frère Jacques, Ode to Joy, Wiegenlied."""

_CHORDS = ((60, 64, 67, 72, 76), (60, 62, 69, 74, 77), (59, 62, 67, 74, 77), (60, 64, 69, 76, 81), (60, 62, 66, 69, 74))
"""Broken chords of Bach's prelude in C (BWV 846), MIDI notes, one a bar."""


def _piezo(t: Signal, frequency: float, overtones: tuple[float, ...]) -> Signal:
    return faded(harmonics(frequency * t, overtones), 0.003, 0.004)


def phone(rng: np.random.Generator) -> Signal:
    """Returns a ringing bell telephone: a clapper strikes two gongs in turn, 40-50 strokes a second, in bursts."""
    seconds = 3.0
    strokes = 2.0 * rng.uniform(20.0, 25.0)
    low = rng.uniform(1050.0, 1450.0)
    ratios = np.array(_GONG) * rng.uniform(0.99, 1.01, len(_GONG))
    loudness = np.array([1.0, 0.7, 0.8, 0.35, 0.15])
    decays = rng.uniform(0.5, 0.9) / np.sqrt(ratios)
    gongs = [modes(low * pitch * ratios, decays, loudness, 1.0) for pitch in (1.0, rng.uniform(1.17, 1.27))]
    cadence = _CADENCES[rng.integers(len(_CADENCES))]
    events = []
    for start, length in cadence:
        for number in range(round(length * strokes)):
            onset = start + (number + rng.normal(0.0, 0.02)) / strokes
            events.append((onset, rng.uniform(0.85, 1.0) * gongs[number % 2]))
    # Handset back on the cradle: between the bursts the gongs are damped by the felt rest.
    ring = place(seconds, events)
    t = time_axis(seconds)
    damped = np.ones(len(t))
    for start, length in cadence:
        off = t - (start + length)
        gap = 0.2 if len(cadence) == 2 and start == 0.0 else 2.0
        damped = np.where((off >= 0) & (off < gap), np.exp(-9.0 * np.clip(off, 0.0, gap)), damped)
    return filtered(ring * damped, lowpass(6000.0, 2))


def alarm_clock(rng: np.random.Generator) -> Signal:
    """Returns a digital alarm clock: groups of short piezo beeps, one group a second."""
    beeps = int(rng.integers(3, 5))
    spacing = rng.uniform(0.11, 0.13)
    t = time_axis(spacing * rng.uniform(0.5, 0.6))
    beep = _piezo(t, rng.uniform(1900.0, 2300.0), (1.0, 0.1, rng.uniform(0.25, 0.4)))
    seconds = 2.0
    return place(seconds, ((group + number * spacing, beep) for group in (0.0, 1.0) for number in range(beeps)))


def smoke_alarm(rng: np.random.Generator) -> Signal:
    """Returns a smoke alarm: 3.1 kHz in the temporal-three pattern of ISO 8201: 3 x (0.5 s on, 0.5 s off), 1 s."""
    frequency = rng.uniform(3000.0, 3200.0)
    tone = _piezo(time_axis(0.5), frequency, (1.0, rng.uniform(0.1, 0.25)))
    return place(4.0, ((onset, tone) for onset in (0.0, 1.0, 2.0)))


def doorbell(rng: np.random.Generator) -> Signal:
    """Returns a two-bar door chime: ding, a third above dong."""
    dong = rng.uniform(480.0, 590.0)
    wait = rng.uniform(0.6, 0.8)
    ratios = np.array([1.0, 2.76, 5.40])  # free-free bar
    loudness = np.array([1.0, rng.uniform(0.15, 0.3), 0.08])
    decays = np.array([2.4, 0.9, 0.35])
    strikes = ((0.0, dong * 2.0 ** (4 / 12)), (wait, dong))
    bars = ((onset, faded(modes(pitch * ratios, decays, loudness, 3.0), 0.002, 0.0)) for onset, pitch in strikes)
    return place(4.0, bars)  # 2 ms: a felt hammer


def music_box(rng: np.random.Generator) -> Signal:
    """Returns a music box: plucked steel tines over a small wooden case play an old tune."""
    tune = _MELODIES[rng.integers(len(_MELODIES))]
    beat = rng.uniform(0.30, 0.42)
    key = int(rng.integers(81, 89))  # MIDI, A5 .. E6
    bright = rng.uniform(0.25, 0.45)
    seconds = loop_seconds(sum(beats for _, beats in tune) * beat)
    events, onset = [], 0.0
    for semitones, beats in tune:
        pitch = 440.0 * 2.0 ** ((key + semitones - 69) / 12)
        ratios = [ratio for ratio in _TINE if ratio * pitch < 9000.0]
        decays = [rng.uniform(1.0, 1.4), 0.3, 0.08][: len(ratios)]
        tine = modes(pitch * np.array(ratios), decays, [1.0, bright, 0.1][: len(ratios)], 1.6)
        pluck = 0.08 * faded(rng.standard_normal(240), 0.0005, 0.004)
        tine[: len(pluck)] += pluck
        events.append((onset + rng.normal(0.0, 0.006), rng.uniform(0.75, 1.0) * faded(tine, 0.0008, 0.01)))
        onset += beats * beat
    return filtered(place(seconds, events), lowpass(7000.0, 2))


def _piano_note(rng: np.random.Generator, midi: int) -> Signal:
    """Stiff strings: partial k of a string lies at k f sqrt(1 + B k^2), and high partials die sooner."""
    pitch = 440.0 * 2.0 ** ((midi - 69) / 12)
    numbers = np.arange(1, 17)
    partials = numbers * pitch * np.sqrt(1.0 + 3.5e-4 * numbers**2)
    numbers = numbers[partials < 7000.0]
    partials = partials[: len(numbers)]
    hammer = np.abs(np.sin(np.pi * numbers / 8.0)) + 0.05  # struck at an eighth of its length
    amplitudes = hammer * numbers**-1.1
    note = modes(partials, 3.5 / (1.0 + 0.35 * numbers), amplitudes, 1.8, rng.uniform(0, 2 * np.pi, len(numbers)))
    return faded(note, 0.003, 0.15)


def piano(rng: np.random.Generator) -> Signal:
    """Returns a piano: broken chords of an old prelude on stiff struck strings."""
    first = int(rng.integers(len(_CHORDS)))
    step = rng.uniform(0.17, 0.23)
    shift = int(rng.integers(-4, 3))
    seconds = loop_seconds(32 * step)
    events = []
    for bar in range(2):
        strings = [_piano_note(rng, note + shift) for note in _CHORDS[(first + bar) % len(_CHORDS)]]
        for number in range(16):
            onset = (16 * bar + number) * step + rng.normal(0.0, 0.004)
            events.append((onset, rng.uniform(0.7, 1.0) * strings[(0, 1, 2, 3, 4, 2, 3, 4)[number % 8]]))
    return filtered(place(seconds, events), highpass(60.0, 2))
