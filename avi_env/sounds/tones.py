"""Sounds of bells, buzzers and strings: phone, alarm clock, smoke alarm, doorbell, music box, piano."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    RATE,
    Signal,
    Span,
    draw,
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

_CADENCES = (((0.0, 0.4), (0.6, 0.4)), ((0.0, 1.0),), ((0.0, 2.0),))
"""Ringing cadences (onset, length) [s]: Great Britain's double ring and Japan's single one in a cycle of 3 s, and a
longer single one (the 2 s of North America, in a shorter cycle)."""

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


def phone(
    rng: np.random.Generator,
    ring: str = "gong",
    cadences: tuple[int, ...] = (0, 1),
    pitch: Span = (1050.0, 1450.0),
    strokes: Span = (40.0, 50.0),
) -> Signal:
    """Returns a ringing telephone: gongs struck in turn, a piezo that trills between two tones, or a marimba tune."""
    if ring == "gong":
        return _gongs(rng, cadences, pitch, strokes)
    cadence = _CADENCES[cadences[rng.integers(len(cadences))]]
    seconds = 3.0 if cadence[-1][0] + cadence[-1][1] < 1.5 else 4.0
    low, high, rate = draw(rng, pitch), draw(rng, (1.2, 1.3)), draw(rng, strokes)
    events = []
    if ring == "trill":
        for start, length in cadence:
            t = time_axis(length)
            swap = 0.5 + 0.5 * np.tanh(8.0 * np.sin(np.pi * rate * t))
            phase = np.cumsum(low * (1.0 + (high - 1.0) * swap)) / RATE
            events.append((start, faded(harmonics(phase, (1.0, 0.15, 0.4, 0.05, 0.12)), 0.004, 0.01)))
        return filtered(place(seconds, events), lowpass(6000.0, 2))
    for start, length in cadence:
        for number in range(round(length * rate / 4.0)):
            note = low * 2.0 ** ((0, 7, 4, 12)[number % 4] / 12.0)
            bar = modes([note, 3.93 * note], [0.35, 0.1], [1.0, 0.3], 0.4)  # a marimba's bars are cut to 1 : 3.93
            events.append((start + number * 4.0 / rate, faded(bar, 0.0015, 0.02)))
    return filtered(place(seconds, events), lowpass(6000.0, 2))


def _gongs(rng: np.random.Generator, cadences: tuple[int, ...], pitch: Span, strokes: Span) -> Signal:
    """A clapper strikes two steel gongs in turn, in bursts; on the cradle between them they are damped."""
    seconds = 3.0
    rate = 2.0 * rng.uniform(strokes[0] / 2.0, strokes[1] / 2.0)
    low = draw(rng, pitch)
    ratios = np.array(_GONG) * rng.uniform(0.99, 1.01, len(_GONG))
    loudness = np.array([1.0, 0.7, 0.8, 0.35, 0.15])
    decays = rng.uniform(0.5, 0.9) / np.sqrt(ratios)
    gongs = [modes(low * tuned * ratios, decays, loudness, 1.0) for tuned in (1.0, rng.uniform(1.17, 1.27))]
    cadence = _CADENCES[cadences[rng.integers(len(cadences))]]
    events = []
    for start, length in cadence:
        for number in range(round(length * rate)):
            onset = start + (number + rng.normal(0.0, 0.02)) / rate
            events.append((onset, rng.uniform(0.85, 1.0) * gongs[number % 2]))
    ring = place(seconds, events)
    t = time_axis(seconds)
    damped = np.ones(len(t))
    for (start, length), after in zip(cadence, (*(start for start, _ in cadence[1:]), seconds), strict=True):
        off = t - (start + length)
        gap = after - (start + length) - 0.002  # the felt lifts before the first stroke, which may come early
        damped = np.where((off >= 0) & (off < gap), np.exp(-9.0 * np.clip(off, 0.0, gap)), damped)
    return filtered(ring * damped, lowpass(6000.0, 2))


def alarm_clock(
    rng: np.random.Generator,
    pitch: Span = (1900.0, 2300.0),
    group: tuple[int, int] = (3, 5),
    gap: Span = (0.11, 0.13),
) -> Signal:
    """Returns a digital alarm clock: groups of short piezo beeps, one group a second."""
    beeps = int(rng.integers(*group))
    spacing = draw(rng, gap)
    t = time_axis(spacing * rng.uniform(0.5, 0.6))
    beep = _piezo(t, draw(rng, pitch), (1.0, 0.1, rng.uniform(0.25, 0.4)))
    seconds = 2.0
    return place(seconds, ((start + number * spacing, beep) for start in (0.0, 1.0) for number in range(beeps)))


def smoke_alarm(
    rng: np.random.Generator,
    pitch: Span = (3000.0, 3200.0),
    onsets: tuple[float, ...] = (0.0, 1.0, 2.0),
    overtone: Span = (0.1, 0.25),
) -> Signal:
    """Returns a smoke alarm: 3.1 kHz in the temporal-three pattern of ISO 8201: 3 x (0.5 s on, 0.5 s off), 1 s."""
    frequency = draw(rng, pitch)
    tone = _piezo(time_axis(0.5), frequency, (1.0, draw(rng, overtone)))
    return place(4.0, ((onset, tone) for onset in onsets))


def doorbell(
    rng: np.random.Generator,
    pitch: Span = (480.0, 590.0),
    steps: tuple[int, ...] = (4, 0),
    pause: Span = (0.6, 0.8),
    ring: float = 2.4,
) -> Signal:
    """Returns a two-bar door chime: ding, a third above dong."""
    dong = draw(rng, pitch)
    wait = draw(rng, pause)
    ratios = np.array([1.0, 2.76, 5.40])  # free-free bar
    loudness = np.array([1.0, rng.uniform(0.15, 0.3), 0.08])
    decays = np.array([ring, 0.9, 0.35])
    strikes = ((number * wait, dong * 2.0 ** (step / 12)) for number, step in enumerate(steps))
    bars = ((onset, faded(modes(note * ratios, decays, loudness, 3.0), 0.002, 0.0)) for onset, note in strikes)
    return place(4.0, bars)  # 2 ms: a felt hammer


def music_box(
    rng: np.random.Generator,
    tempo: Span = (0.30, 0.42),
    keys: tuple[int, int] = (81, 89),
    shine: Span = (0.25, 0.45),
    pluck_loud: float = 0.08,
) -> Signal:
    """Returns a music box: plucked steel tines over a small wooden case play an old tune."""
    tune = _MELODIES[rng.integers(len(_MELODIES))]
    beat = draw(rng, tempo)
    key = int(rng.integers(*keys))  # MIDI, A5 .. E6
    bright = draw(rng, shine)
    seconds = loop_seconds(sum(beats for _, beats in tune) * beat)
    events, onset = [], 0.0
    for semitones, beats in tune:
        pitch = 440.0 * 2.0 ** ((key + semitones - 69) / 12)
        ratios = [ratio for ratio in _TINE if ratio * pitch < 9000.0]
        decays = [rng.uniform(1.0, 1.4), 0.3, 0.08][: len(ratios)]
        tine = modes(pitch * np.array(ratios), decays, [1.0, bright, 0.1][: len(ratios)], 1.6)
        pluck = pluck_loud * faded(rng.standard_normal(240), 0.0005, 0.004)
        tine[: len(pluck)] += pluck
        events.append((onset + rng.normal(0.0, 0.006), rng.uniform(0.75, 1.0) * faded(tine, 0.0008, 0.01)))
        onset += beats * beat
    return filtered(place(seconds, events), lowpass(7000.0, 2))


def _piano_note(rng: np.random.Generator, midi: int, ring: float, felt: float) -> Signal:
    """Stiff strings: partial k of a string lies at k f sqrt(1 + B k^2), and high partials die sooner."""
    pitch = 440.0 * 2.0 ** ((midi - 69) / 12)
    numbers = np.arange(1, 17)
    partials = numbers * pitch * np.sqrt(1.0 + 3.5e-4 * numbers**2)
    numbers = numbers[partials < 7000.0]
    partials = partials[: len(numbers)]
    hammer = np.abs(np.sin(np.pi * numbers / 8.0)) + 0.05  # struck at an eighth of its length
    amplitudes = hammer * numbers**-felt
    note = modes(partials, ring / (1.0 + 0.35 * numbers), amplitudes, 1.8, rng.uniform(0, 2 * np.pi, len(numbers)))
    return faded(note, 0.003, 0.15)


def piano(
    rng: np.random.Generator,
    tempo: Span = (0.17, 0.23),
    shifts: tuple[int, int] = (-4, 3),
    ring: float = 3.5,
    felt: float = 1.1,
) -> Signal:
    """Returns a piano: broken chords of an old prelude on stiff struck strings."""
    first = int(rng.integers(len(_CHORDS)))
    step = draw(rng, tempo)
    shift = int(rng.integers(*shifts))
    seconds = loop_seconds(32 * step)
    events = []
    for bar in range(2):
        strings = [_piano_note(rng, note + shift, ring, felt) for note in _CHORDS[(first + bar) % len(_CHORDS)]]
        for number in range(16):
            onset = (16 * bar + number) * step + rng.normal(0.0, 0.004)
            events.append((onset, rng.uniform(0.7, 1.0) * strings[(0, 1, 2, 3, 4, 2, 3, 4)[number % 8]]))
    return filtered(place(seconds, events), highpass(60.0, 2))
