"""Sounds of people besides speech: laughter, coughing, snoring, singing."""

from __future__ import annotations

import numpy as np

from avi_env.sounds.synthesis import (
    RATE,
    Signal,
    Span,
    band,
    burst,
    draw,
    faded,
    filtered,
    glide,
    highpass,
    loop_noise,
    lowpass,
    place,
    quick_seconds,
)
from avi_env.sounds.voices import VOWELS, call

__all__ = ["coughing", "laughter", "singing", "snoring"]

Knots = list[tuple[float, float]]


def _steady(vowel: Signal, tract: float) -> list[Knots]:
    """Formants that stay, of a tract of another length."""
    return [[(0.0, value * tract), (1.0, value * tract)] for value in (*vowel, 3400.0)]


def laughter(
    rng: np.random.Generator,
    pitch: Span = (190.0, 240.0),
    tract: Span = (0.98, 1.06),
    rate: Span = (4.6, 5.4),
    breath: float = 0.25,
) -> Signal:
    """Returns laughter: rows of "ha", each breathy and falling, the row falling too; then the breath is drawn in."""
    seconds, onset, events = 5.0, 0.0, []
    high, size, beat = draw(rng, pitch), draw(rng, tract), 1.0 / draw(rng, rate)
    vowel = VOWELS[int(rng.choice([3, 4, 8]))]
    for _ in range(2):
        count = int(rng.integers(6, 9))
        for number in range(count):
            melody = high * (1.25 - 0.45 * number / count) * draw(rng, (0.95, 1.05))
            loud = [(0.0, 0.0), (0.25, 0.35), (0.45, 1.0), (0.8, 0.5), (1.0, 0.0)]
            arch = [(0.0, 1.02 * melody), (0.4, 1.12 * melody), (1.0, 0.85 * melody)]
            ha = call(rng, 0.68 * beat, arch, _steady(vowel, size), loud, breath, 0.02)
            events.append((onset, (1.0 - 0.5 * number / count) * ha / np.max(np.abs(ha))))
            puff = faded(loop_noise(rng, 0.3 * beat, band(700.0, 3000.0)), 0.02, 0.02)
            events.append((onset - 0.22 * beat, 0.06 * puff))
            onset += beat * draw(rng, (0.93, 1.07)) * (1.0 + 0.02 * number)
        gasp = faded(loop_noise(rng, 0.3, band(800.0, 3500.0)), 0.15, 0.08)
        events.append((onset + 0.05, 0.07 * gasp))
        onset = seconds / 2 + draw(rng, (0.0, 0.1))
    return filtered(place(seconds, events), lowpass(5500.0, 2))


def coughing(
    rng: np.random.Generator,
    pitch: Span = (120.0, 170.0),
    tract: Span = (0.95, 1.05),
    coughs: Span = (2.0, 3.99),
    wet: float = 0.3,
) -> Signal:
    """Returns coughing: bursts of air that crack open, rush on hoarsely and end in a short voiced grunt."""
    seconds, onset, events = 4.0, 0.05, []
    size, low = draw(rng, tract), draw(rng, pitch)
    for number in range(int(draw(rng, coughs))):
        length = draw(rng, (0.26, 0.36))
        count = round(length * RATE)
        share = np.arange(count) / count
        loud = np.exp(-share / 0.16) + 0.3 * np.exp(-(((share - 0.55) / 0.2) ** 2))
        air = loop_noise(
            rng,
            length + 0.1,
            lambda f: _peak(f, 650.0 * size, 260.0) + _peak(f, 1500.0 * size, 500.0) + _peak(f, 2700.0 * size, 900.0),
        )
        rush = (
            air[:count]
            * loud
            * (1.0 + wet * np.sign(np.sin(2 * np.pi * np.cumsum(rng.uniform(25.0, 60.0, count)) / RATE)))
        )
        events.append((onset, (1.0 - 0.15 * number) * faded(rush, 0.003, 0.04)))
        events.append((onset, 0.8 * burst(rng, 0.01, 400.0, 3500.0)))
        grunt = call(
            rng,
            0.16,
            [(0.0, 1.1 * low), (1.0, 0.75 * low)],
            _steady(VOWELS[9], size),
            [(0.0, 0.0), (0.3, 1.0), (1.0, 0.0)],
            0.3,
            0.05,
        )
        events.append((onset + 0.55 * length, 0.35 * grunt / np.max(np.abs(grunt))))
        onset += length + draw(rng, (0.12, 0.22))
    return filtered(place(seconds, events), lowpass(5500.0, 2))


def _peak(f: Signal, centre: float, width: float) -> Signal:
    """The gain of one resonance, without phase."""
    return 1.0 / (1.0 + ((f - centre) / width) ** 2)


def snoring(
    rng: np.random.Generator,
    flutter: Span = (26.0, 38.0),
    nose: Span = (230.0, 320.0),
    breath: Span = (3.2, 3.8),
    whistle: float = 0.1,
) -> Signal:
    """Returns snoring: the palate flutters through a slow breath in; the breath out is a soft blow."""
    seconds = quick_seconds(2 * draw(rng, breath))
    period = seconds / 2
    low, rate = draw(rng, nose), draw(rng, flutter)
    events = []
    for number in range(2):
        length = 0.42 * period * draw(rng, (0.92, 1.08))
        t = np.arange(round(length * RATE)) / RATE
        beat = np.cumsum(rate * glide([(0.0, 0.75), (0.5 * length, 1.1), (length, 0.9)], t)) / RATE
        beat += 0.05 * np.interp(t, np.linspace(0, length, 40), rng.standard_normal(40))
        flap = np.exp(-(beat % 1.0) / 0.22)
        air = loop_noise(
            rng,
            length + 0.05,
            lambda f: _peak(f, low, 70.0) + 0.5 * _peak(f, 2.6 * low, 140.0) + 0.12 * _peak(f, 1900.0, 500.0),
        )
        shape = glide([(0.0, 0.0), (0.35 * length, 0.8), (0.8 * length, 1.0), (length, 0.0)], t)
        events.append((number * period + 0.1, faded(shape * flap * air[: len(t)], 0.05, 0.05)))
        out = faded(
            loop_noise(
                rng, round(0.36 * period, 2), lambda f: _peak(f, 550.0, 250.0) + whistle * _peak(f, 1500.0, 150.0)
            ),
            0.3,
            0.5,
        )
        events.append((number * period + 0.1 + length + 0.12 * period, 0.1 * out))
    return filtered(place(seconds, events), highpass(60.0, 2))


def singing(
    rng: np.random.Generator,
    key: Span = (60.0, 65.0),
    tract: Span = (1.1, 1.18),
    beat: Span = (0.5, 0.62),
    vibrato: Span = (5.2, 6.0),
) -> Signal:
    """Returns a person singing: held vowels on the notes of a tune, with vibrato and a breath at the end."""
    step, root, size, waver = draw(rng, beat), float(round(draw(rng, key))), draw(rng, tract), draw(rng, vibrato)
    tune = (
        ((0, 1), (2, 1), (4, 2), (5, 1), (4, 1), (2, 2))
        if rng.random() < 0.5
        else ((7, 1), (5, 1), (4, 2), (2, 1), (4, 1), (0, 2))
    )
    seconds = quick_seconds(sum(beats for _, beats in tune) * step + 0.6)
    knots, formants, loud, at = [], [], [], 0.0
    last = float(440.0 * 2.0 ** ((root + tune[0][0] - 69) / 12))
    total = sum(beats for _, beats in tune) * step
    for semitones, beats in tune:
        hertz = float(440.0 * 2.0 ** ((root + semitones - 69) / 12))
        vowel = VOWELS[int(rng.choice([3, 4, 5, 9]))] * size
        vowel[0] = max(vowel[0], 1.05 * hertz)  # a singer opens the mouth until the first formant is above the note
        length = beats * step
        knots += [(at / total, last), ((at + 0.06) / total, hertz)]
        waves = max(1, int(length * waver) - 1)
        for wave in range(2 * waves):
            when = at + 0.1 + (length - 0.12) * wave / (2 * waves)
            knots.append((when / total, hertz * (1.0 + (0.012 if wave % 2 else -0.012))))
        formants.append((at, length, np.array([*vowel, 3300.0 * size])))
        loud += [(at / total, 0.35), ((at + 0.09) / total, 1.0), ((at + 0.85 * length) / total, 0.8)]
        at, last = at + length, hertz
    curves: list[Knots] = [
        [
            point
            for start, length, row in formants
            for point in ((start / total + 1e-4, float(row[k])), ((start + 0.8 * length) / total, float(row[k])))
        ]
        for k in range(4)
    ]
    voice = call(rng, total, knots, curves, [*loud[:-1], (0.97, 0.7), (1.0, 0.0)], 0.015, 0.003)
    return filtered(place(seconds, [(0.0, voice)]), lowpass(5500.0, 2))
