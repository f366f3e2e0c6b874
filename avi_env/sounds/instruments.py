"""Sounds of instruments and of loudspeakers that play: guitar, music, drums, metronome, chimes, toys with a chip."""

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
    glide,
    harmonics,
    highpass,
    lowpass,
    modes,
    place,
    quick_seconds,
    time_axis,
)

__all__ = ["clock_chime", "drums", "game_console", "guitar", "metronome", "music", "toy_robot", "wind_chime"]

_CHORDS = ((0, 7, 12, 16, 19), (-3, 4, 9, 12, 16), (-7, 0, 5, 9, 12), (-5, 2, 7, 11, 14))
"""Tonic, relative minor, subdominant, dominant as a guitar spreads them: semitones above the key note."""

_WESTMINSTER = ((4, 2, 0, -5), (0, 4, 2, -5), (0, 2, 4, 0), (4, 0, 2, -5))
"""Changes of the Westminster quarters, 1793: semitones re the tonic."""

_RIFFS = ((0, 4, 7, 12, 7, 4, 9, 5), (0, 7, 3, 7, 10, 7, 12, 10), (12, 7, 4, 0, 2, 5, 9, 7), (0, 0, 12, 7, 5, 3, 7, 10))
"""Broken chords of chip tunes: semitones above the key note."""

_BEATS = {
    "rock": ("x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "shuffle": ("x.....x.....", "...x.....x..", "x.xx.xx.xx.x"),
    "march": ("x...x...x...x...", "x.xxx.xxx.xxx.x.", "................"),
    "dance": ("x...x...x...x...", "....x.......x...", "..x...x...x...x."),
    "bossa": ("x..xx..xx..xx..x", "x..x..x...x..x..", "xxxxxxxxxxxxxxxx"),
}
"""Kick, snare and hi-hat in steps of a bar."""


def _midi(note: float) -> float:
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def _string(rng: np.random.Generator, pitch: float, ring: float, pluck: float, bright: float) -> Signal:
    """A plucked string: partials weak where it is plucked, a little stiff, the high ones die first."""
    numbers = np.arange(1, 25)
    partials = numbers * pitch * np.sqrt(1.0 + 6e-5 * numbers**2)
    numbers, partials = numbers[partials < 6500.0], partials[partials < 6500.0]
    weights = np.abs(np.sin(np.pi * numbers * pluck)) / numbers ** (1.6 - bright)
    decays = ring / (1.0 + 0.25 * numbers)
    return faded(modes(partials, decays, weights, min(1.6, ring), rng.uniform(0, 6.3, len(numbers))), 0.0015, 0.1)


def guitar(
    rng: np.random.Generator,
    key: Span = (45.0, 50.0),
    beat: Span = (0.42, 0.52),
    ring: Span = (2.2, 3.0),
    bright: Span = (0.5, 0.7),
    strum: Span = (0.018, 0.03),
) -> Signal:
    """Returns a guitar: chords strummed down and up over plucked strings and the air in its body."""
    root, seconds = float(round(draw(rng, key))), quick_seconds(12 * draw(rng, beat))
    step = seconds / 12
    long, shine, spread = draw(rng, ring), draw(rng, bright), draw(rng, strum)
    first = int(rng.integers(len(_CHORDS)))
    events = []
    for bar in range(3):
        chord = _CHORDS[(first + bar) % len(_CHORDS)]
        strings = [_string(rng, _midi(root + note), long, draw(rng, (0.12, 0.2)), shine) for note in chord]
        for stroke, (when, loud) in enumerate(
            ((0.0, 1.0), (1.0, 0.6), (1.5, 0.45), (2.0, 0.8), (3.0, 0.6), (3.5, 0.45))
        ):
            order = strings if stroke in (0, 1, 3, 4) else strings[:1:-1]
            for number, string in enumerate(order):
                onset = (4 * bar + when) * step + number * spread + draw(rng, (0.0, 0.004))
                events.append((onset, loud * draw(rng, (0.7, 1.0)) * string))
            events.append(((4 * bar + when) * step, 0.05 * loud * burst(rng, 0.02, 1500.0, 4500.0)))
    box = filtered(place(seconds, events), lambda f: 1.0 + 1.2 * np.exp(-(((f - 105.0) / 35.0) ** 2)) + 0j)
    return filtered(box, highpass(70.0, 2))


def _kick(low: float) -> Signal:
    t = time_axis(0.28)
    return faded(
        np.sin(2 * np.pi * np.cumsum(low * (1.0 + 2.5 * np.exp(-t / 0.02))) / RATE) * np.exp(-t / 0.08), 0.001, 0.03
    )


def _snare(rng: np.random.Generator, body: float, wires: float) -> Signal:
    t = time_axis(0.22)
    rattle = filtered(
        np.pad(rng.standard_normal(len(t)) * np.exp(-t / 0.05), (0, 1440)), lambda f: f / (f + 1500.0) + 0j
    )
    skin = np.sin(2 * np.pi * body * t) + 0.6 * np.sin(2 * np.pi * 1.59 * body * t)
    return faded(0.7 * skin * np.exp(-t / 0.04) + wires * filtered(rattle, lowpass(5200.0, 3))[: len(t)], 0.0008, 0.03)


def _hat(rng: np.random.Generator, length: float) -> Signal:
    return burst(rng, length, 4200.0, 6400.0)


def _beaten(
    rng: np.random.Generator, beat: str, step: float, low: float, body: float, wires: float, bars: int
) -> Signal:
    """Bars of a drum kit in a loop of whole frames."""
    rows = _BEATS[beat]
    count = len(rows[0])
    seconds = quick_seconds(bars * count * step)
    kit = ((_kick(low), 1.0), (_snare(rng, body, wires), 0.8), (_hat(rng, 0.05), 0.3))
    events = []
    for number in range(bars * count):
        for row, (drum, loud) in zip(rows, kit, strict=True):
            if row[number % count] == "x":
                onset = number * seconds / (bars * count) + draw(rng, (0.0, 0.004))
                events.append((onset, loud * draw(rng, (0.7, 1.0)) * drum))
    return filtered(place(seconds, events), lowpass(6500.0, 6))


def drums(
    rng: np.random.Generator,
    beat: str = "rock",
    step: Span = (0.115, 0.14),
    kick: Span = (50.0, 62.0),
    snare: Span = (175.0, 210.0),
    wires: float = 0.7,
) -> Signal:
    """Returns a drum kit: kick, snare with its wires, closed hi-hat, two bars."""
    return _beaten(rng, beat, draw(rng, step), draw(rng, kick), draw(rng, snare), wires, 2)


def _pad(pitch: float, seconds: float, bright: float) -> Signal:
    """A held chord note: two saws a little apart, their top cut."""
    t = time_axis(seconds)
    count = max(1, int(5000.0 / pitch))
    weights = 1.0 / np.arange(1, count + 1) ** (2.0 - bright)
    tone = harmonics(pitch * t, weights[:16]) + harmonics(1.004 * pitch * t, weights[:16])
    return faded(tone, 0.02, 0.08)


def music(
    rng: np.random.Generator,
    beat: str = "dance",
    step: Span = (0.115, 0.13),
    key: Span = (48.0, 54.0),
    bright: Span = (0.4, 0.7),
    lead: float = 0.5,
) -> Signal:
    """Returns music from a loudspeaker: drums, a bass on the roots, chords and a tune over four chords."""
    width, root, shine = draw(rng, step), float(round(draw(rng, key))), draw(rng, bright)
    rhythm = _beaten(rng, beat, width, 55.0, 190.0, 0.5, 2)
    seconds = len(rhythm) / RATE
    half = seconds / 4
    first = int(rng.integers(len(_CHORDS)))
    events = []
    for number in range(4):
        chord = _CHORDS[(first + number) % len(_CHORDS)]
        onset = number * half
        events += [(onset, 0.12 * _pad(_midi(root + 12 + note), half, shine)) for note in chord[1:4]]
        for eighth in range(4):
            length = half / 4
            low = faded(
                harmonics(_midi(root - 12 + chord[0] % 12) * time_axis(0.85 * length), (1.0, 0.5, 0.3, 0.15)),
                0.006,
                0.03,
            )
            events.append((onset + eighth * length, 0.45 * low))
            note = root + 24 + chord[int(rng.integers(1, 5))] % 12
            if rng.random() < 0.75:
                t = time_axis(length)
                vibrato = _midi(note) * t + 0.02 * np.sin(2 * np.pi * 5.5 * t)
                events.append(
                    (
                        onset + eighth * length,
                        lead * 0.3 * faded(harmonics(vibrato, (1.0, 0.4, 0.35, 0.15, 0.1)), 0.015, 0.04),
                    )
                )
    return filtered(0.8 * rhythm + place(seconds, events), highpass(60.0, 2))


def metronome(
    rng: np.random.Generator,
    beat: Span = (0.42, 0.6),
    click: Span = (1500.0, 2100.0),
    bell: Span = (2600.0, 3300.0),
    bar: int = 4,
) -> Signal:
    """Returns a metronome: even clacks of its wooden case, a little bell on the first of each bar."""
    bars = 2 if bar > 2 else 3
    seconds = quick_seconds(bars * bar * draw(rng, beat))
    step = seconds / (bars * bar)
    high = draw(rng, click)
    case = modes([high, 1.53 * high, 2.31 * high, 0.4 * high], [0.05, 0.035, 0.02, 0.06], [1.0, 0.6, 0.4, 0.3], 0.12)
    pitch = draw(rng, bell)
    ding = faded(modes([pitch, 1.005 * pitch, 2.3 * pitch], [0.9, 0.9, 0.3], [0.5, 0.3, 0.1], 1.0), 0.0008, 0.05)
    events = [(number * step, 0.8 * faded(case, 0.0005, 0.01)) for number in range(bars * bar)]
    events += [(number * bar * step, ding) for number in range(bars)]
    return filtered(place(seconds, events), lowpass(6800.0, 4))


def clock_chime(
    rng: np.random.Generator,
    key: Span = (58.0, 63.0),
    beat: Span = (0.55, 0.68),
    strokes: int = 2,
    ring: Span = (2.5, 3.5),
) -> Signal:
    """Returns a grandfather clock: a quarter of the Westminster chime on rods, then the hour on the deep one."""
    root, step, long = float(round(draw(rng, key))), draw(rng, beat), draw(rng, ring)
    ratios = np.array([0.5, 1.0, 1.5, 2.02, 2.71, 4.05])  # a chime rod is heard an octave above its lowest line
    weights = np.array([0.25, 1.0, 0.25, 0.4, 0.25, 0.12])
    decays = long * np.array([1.2, 1.0, 0.7, 0.5, 0.35, 0.2])

    def rod(note: float) -> Signal:
        return faded(modes(_midi(note) * ratios, decays, weights, min(3.0, long)), 0.002, 0.3)

    change = _WESTMINSTER[int(rng.integers(len(_WESTMINSTER)))]
    events = [(number * step, rod(root + 12 + note)) for number, note in enumerate(change)]
    events += [(4 * step + 0.9 + number * 1.5, 1.2 * rod(root - 5)) for number in range(strokes)]
    return place(quick_seconds(4 * step + 0.9 + 1.5 * strokes + 0.6), events)


def wind_chime(
    rng: np.random.Generator,
    pitch: Span = (1150.0, 1500.0),
    rate: Span = (3.0, 4.5),
    ring: Span = (1.2, 1.8),
    tubes: int = 6,
) -> Signal:
    """Returns a wind chime: tubes of a five-note scale, struck at random as gusts come and go."""
    seconds = 7.0
    low, long = draw(rng, pitch), draw(rng, ring)
    scale = 2.0 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16])[:tubes] / 12.0)
    notes = []
    for ratio in scale * low:
        partials = ratio * np.array([1.0, 2.76, 5.40])  # free-free bar
        count = int(np.sum(partials < 7000.0))
        notes.append(
            faded(
                modes(partials[:count], long * np.array([1.0, 0.4, 0.2])[:count], [1.0, 0.35, 0.1][:count], 1.8),
                0.001,
                0.2,
            )
        )
    gust = glide(
        [(0.0, 0.2), (draw(rng, (1.0, 2.5)), 1.0), (3.8, 0.2), (draw(rng, (4.6, 6.0)), 0.9), (seconds, 0.2)],
        time_axis(seconds),
    )
    events = []
    for onset in rng.uniform(0.0, seconds, round(1.8 * draw(rng, rate) * seconds)):
        if rng.random() < gust[int(onset * RATE)]:
            events.append((float(onset), draw(rng, (0.25, 1.0)) * notes[int(rng.integers(len(notes)))]))
    return place(seconds, events or [(0.0, notes[0])])


def toy_robot(
    rng: np.random.Generator,
    step: Span = (0.42, 0.52),
    servo: Span = (300.0, 380.0),
    voice: Span = (1200.0, 1700.0),
    chirps: int = 4,
) -> Signal:
    """Returns a toy robot: its servos whir a step at a time with a clack, then it chirps in sliding beeps."""
    stride, whir = draw(rng, step), draw(rng, servo)
    steps = 6
    walk = steps * stride
    seconds = quick_seconds(walk + chirps * 0.26 + 0.5)
    events = []
    for number in range(steps):
        t = time_axis(0.62 * stride)
        speed = glide([(0.0, 0.4), (0.1, 1.0), (0.5 * stride, 1.15), (0.62 * stride, 0.5)], t)
        gear = harmonics(
            np.cumsum(whir * (1.12 if number % 2 else 1.0) * speed) / RATE,
            0.85 ** np.arange(12),
            rng.uniform(0, 6.3, 12),
        )
        events.append((number * stride, 0.35 * faded(gear, 0.01, 0.02)))
        events.append((number * stride + 0.64 * stride, burst(rng, 0.02, 700.0, 3500.0)))
    for number in range(chirps):
        t = time_axis(0.2)
        start, end = draw(rng, voice) * 2.0 ** rng.uniform(-0.5, 0.5, 2)
        slide = glide([(0.0, start), (0.12, end), (0.2, start * draw(rng, (0.7, 1.4)))], t)
        events.append(
            (
                walk + 0.15 + 0.26 * number,
                0.6 * faded(harmonics(np.cumsum(slide) / RATE, (1.0, 0.0, 0.33, 0.0, 0.2)), 0.006, 0.01),
            )
        )
    return filtered(place(seconds, events), lowpass(6000.0, 4))


def game_console(
    rng: np.random.Generator,
    step: Span = (0.1, 0.125),
    key: Span = (64.0, 70.0),
    duty: float = 0.25,
    noise: float = 0.25,
) -> Signal:
    """Returns a game console: a tune of pulse waves, a triangle for the bass, noise for drums, a coin now and then."""
    root, count = float(round(draw(rng, key))), 32
    seconds = quick_seconds(count * draw(rng, step))
    width = seconds / count
    riff = _RIFFS[int(rng.integers(len(_RIFFS)))]
    numbers = np.arange(1, 13)
    pulse, triangle = np.sin(np.pi * numbers * duty) / numbers, (numbers % 2) / numbers**2
    t = time_axis(0.85 * width)
    events = []
    for number in range(count):
        lift = (0, -4, 5, -5)[number // 8 % 4]
        pitch = _midi(root + lift + riff[number % 8])
        heard = numbers * pitch < 6500.0
        events.append((number * width, faded(harmonics(pitch * t, np.where(heard, pulse, 0.0)), 0.002, 0.006)))
        events.append((number * width, 0.9 * faded(harmonics(_midi(root + lift - 24) * t, triangle), 0.002, 0.006)))
        if number % 4 == 2:
            events.append((number * width, noise * burst(rng, 0.07, 1500.0, 5500.0)))
    for onset in rng.uniform(0.0, seconds, 2):
        for late, note in ((0.0, 83), (0.08, 88)):
            length = time_axis(0.08 if not late else 0.35)
            coin = harmonics(_midi(note) * length, (1.0, 0.0, 0.33, 0.0, 0.2)) * np.exp(-length / 0.15)
            events.append((float(onset) + late, 0.8 * faded(coin, 0.002, 0.006)))
    return filtered(place(seconds, events), lowpass(6300.0, 4))
