"""Sounds of voices: a glottal source through a vocal tract. Babble, dog, cat, baby, canary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.signal import sosfilt

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
    loop_noise,
    lowpass,
    place,
    time_axis,
)

__all__ = ["VOWELS", "baby_cry", "call", "canary", "cat_meow", "dog_bark", "speech_babble", "speech_like"]

_BLOCK = 240  # samples between two settings of the vocal tract: 5 ms

VOWELS = np.array(
    [
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    dtype=np.float64,
)
"""First three formants of ten vowels [Hz], men. Source: Peterson & Barney (1952), table II."""

_BANDWIDTHS = (70.0, 100.0, 140.0, 220.0)


class _Track(NamedTuple):
    """A talker's controls every 5 ms."""

    pitch: Signal
    """[Hz], shape (m,)."""
    voice: Signal
    """Amplitude of the glottal source, shape (m,)."""
    hiss: Signal
    """Amplitude of frication, shape (m,)."""
    formants: Signal
    """[Hz], shape (m, k)."""


def _glottis(pitch: Signal) -> Signal:
    """Flow derivative of a Rosenberg C pulse (open 40 %, closing 16 % of a period) with a pitch [Hz], shape (n,)."""
    phase = np.cumsum(pitch) / RATE % 1.0
    opening = 0.5 - 0.5 * np.cos(np.pi * phase / 0.40)
    closing = np.cos(0.5 * np.pi * (phase - 0.40) / 0.16)
    flow = np.where(phase < 0.40, opening, np.where(phase < 0.56, closing, 0.0))
    return np.diff(flow, prepend=flow[:1]) * RATE / np.maximum(pitch, 1.0) / 10.0


def _tract(source: Signal, formants: Signal, bandwidths: tuple[float, ...]) -> Signal:
    """Resonators in cascade, unity gain at DC, set anew every block. Source: Klatt (1980), eq. 1-3.

    Above the last formant come the fixed ones of a straight tube, 1 kHz apart, that keep the high end from dying.
    """
    above = np.arange(formants[:, -1].mean() + 1000.0, 7500.0, 1000.0)
    radius = np.exp(-np.pi * np.append(bandwidths, np.full(len(above), 300.0)) / RATE)
    centres = np.concatenate([formants, np.tile(above, (len(formants), 1))], axis=1)
    first, second = 2 * radius * np.cos(2 * np.pi * centres / RATE), -(radius**2)
    sections = np.zeros((*centres.shape, 6))
    sections[..., 0], sections[..., 3] = 1.0 - first - second, 1.0
    sections[..., 4], sections[..., 5] = -first, -second
    state = np.zeros((len(radius), 2))
    output = np.empty(len(source))
    for begin in range(0, len(source), _BLOCK):
        row = sections[min(begin // _BLOCK, len(sections) - 1)]
        output[begin : begin + _BLOCK], state = sosfilt(row, source[begin : begin + _BLOCK], zi=state)
    return output


def _held(values: Signal, count: int) -> Signal:
    """Controls every 5 ms brought to every sample, linearly."""
    return np.interp(np.arange(count), np.arange(len(values)) * _BLOCK, values)


def _uttered(rng: np.random.Generator, track: _Track, breath: float, rough: float) -> Signal:
    """Speaks a track: the glottis with breath and roughness through the tract, plus frication at the teeth."""
    count = len(track.pitch) * _BLOCK
    jitter = 1.0 + rough * loop_noise(rng, count / RATE, lowpass(60.0, 2))
    source = _glottis(_held(track.pitch, count) * jitter) + breath * rng.standard_normal(count)
    voiced = _tract(source * _held(track.voice, count), track.formants, _BANDWIDTHS[: track.formants.shape[1]])
    teeth = loop_noise(rng, count / RATE, band(2600.0, 5200.0, 3))
    return faded(voiced + 0.2 * _held(track.hiss, count) * teeth, 0.01, 0.02)


def _smoothed(values: Signal, blocks: int) -> Signal:
    """A moving average over time, as sluggish as lips and tongue."""
    kernel = np.hanning(blocks + 2)[1:-1]
    kernel /= kernel.sum()
    rows = np.atleast_2d(values.T)
    padded = np.pad(rows, ((0, 0), (blocks // 2, blocks - 1 - blocks // 2)), mode="edge")
    smooth = np.stack([np.convolve(row, kernel, mode="valid") for row in padded])
    return smooth[0] if values.ndim == 1 else smooth.T


def _phrase(rng: np.random.Generator, pitch: float, tract: float, tempo: float, syllables: int | None = None) -> Signal:
    """Syllables of no language: consonant and vowel, with accents and a falling melody; a drawn number if None."""
    voice, hiss, formants, accent = [], [], [], []
    for _ in range(int(rng.integers(4, 9)) if syllables is None else syllables):
        vowel = np.append(VOWELS[rng.integers(len(VOWELS))], 3400.0) * tract
        stress = rng.uniform(0.75, 1.15)
        kind = rng.choice(["fricative", "stop", "nasal", "glide"])
        lead = {"fricative": 16, "stop": 11, "nasal": 12, "glide": 8}[kind]
        level = {"fricative": 0.0, "stop": 0.0, "nasal": 0.35, "glide": 0.5}[kind]
        noise = {
            "fricative": np.ones(16),
            "stop": np.r_[np.zeros(8), np.ones(3)],
            "nasal": np.zeros(12),
            "glide": np.zeros(8),
        }
        closed = (
            vowel * np.array([0.55, rng.uniform(0.75, 1.25), 1.0, 1.0])
            if kind != "nasal"
            else np.array([260, 1100, 2300, 3300]) * tract
        )
        length = round(rng.uniform(0.09, 0.22) / tempo * RATE / _BLOCK)
        voice += [level * stress] * lead + [stress] * length
        hiss += list(noise[str(kind)] * rng.uniform(0.5, 1.0)) + [0.0] * length
        formants += [closed] * lead + [vowel] * length
        accent += [stress] * (lead + length)
    count = len(voice)
    melody = pitch * np.linspace(1.16, 0.84, count) * np.array(accent) ** 0.5
    track = _Track(
        _smoothed(melody, 20),
        _smoothed(np.array(voice), 7),
        _smoothed(np.array(hiss), 3),
        _smoothed(np.array(formants), 9),
    )
    return _uttered(rng, track, breath=0.02, rough=0.008)


def speech_babble(
    rng: np.random.Generator,
    talkers: tuple[int, int] = (3, 5),
    men: float = 0.5,
    lift: float = 1.0,
    tempi: Span = (0.9, 1.2),
) -> Signal:
    """Returns babble: three or four talkers with voices of their own speak syllables of no language, with pauses."""
    seconds = 8.0
    events = []
    for _ in range(int(rng.integers(*talkers))):
        low = rng.random() < men
        pitch = rng.uniform(95.0, 135.0) if low else rng.uniform(175.0, 230.0)
        tract = rng.uniform(0.97, 1.05) if low else rng.uniform(1.12, 1.2)
        pitch, tract = pitch * lift, tract * lift**0.4
        tempo, loud, onset = draw(rng, tempi), rng.uniform(0.6, 1.0), rng.uniform(0.0, seconds)
        spoken = 0.0
        while True:
            phrase = _phrase(rng, pitch, tract, tempo)
            if spoken + len(phrase) / RATE > seconds - 0.3:
                break
            events.append((onset + spoken, loud * phrase / np.sqrt(np.mean(phrase**2))))
            spoken += len(phrase) / RATE + rng.uniform(0.2, 0.7)
    return filtered(place(seconds, events), band(80.0, 5500.0, 1))


def speech_like(rng: np.random.Generator, phrases: Sequence[int]) -> Signal:
    """Returns one talker's speech of no language, in which no word can be understood, with pauses between phrases.

    Args:
        rng: source of randomness; the talker is drawn first.
        phrases: number of syllables of each.
    """
    low = rng.random() < 0.5
    pitch = rng.uniform(95.0, 135.0) if low else rng.uniform(175.0, 230.0)
    tract = rng.uniform(0.97, 1.05) if low else rng.uniform(1.12, 1.2)
    parts: list[Signal] = []
    for number, syllables in enumerate(phrases):
        if number:
            parts.append(np.zeros(round(rng.uniform(0.2, 0.4) * RATE)))
        phrase = _phrase(rng, pitch, tract, 1.0, syllables)
        parts.append(phrase / np.sqrt(np.mean(phrase**2)))
    return filtered(np.concatenate(parts), band(80.0, 5500.0, 1))


def call(
    rng: np.random.Generator,
    seconds: float,
    pitch: list[tuple[float, float]],
    formants: list[list[tuple[float, float]]],
    loudness: list[tuple[float, float]],
    breath: float,
    rough: float,
) -> Signal:
    """One call of an animal or a child: curves (share of its length, value) of pitch and formants [Hz] and loudness."""
    share = np.linspace(0.0, 1.0, round(seconds * RATE / _BLOCK))
    tract = np.stack([glide(curve, share) for curve in formants], axis=1)
    track = _Track(glide(pitch, share), glide(loudness, share), np.zeros(len(share)), tract)
    return _uttered(rng, track, breath, rough)


def dog_bark(
    rng: np.random.Generator,
    build: Span = (0.8, 1.25),
    slow: float = 1.0,
    rough: float = 0.07,
    rests: Span = (0.16, 0.30),
) -> Signal:
    """Returns a barking dog: short rough bursts, the mouth snapping open and shut, in groups of two or three."""
    size = draw(rng, build)
    pitch = rng.uniform(330.0, 480.0) / size
    seconds, events = 2.6, []
    onset = 0.0
    for _ in range(int(rng.integers(2, 4))):
        arch = [(0.0, 0.65 * pitch), (0.25, 1.25 * pitch), (0.6, pitch), (1.0, 0.5 * pitch)]
        mouth = [
            [(0.0, 420.0 / size), (0.3, 950.0 / size), (1.0, 480.0 / size)],
            [(0.0, 1000.0 / size), (0.3, 1650.0 / size), (1.0, 1100.0 / size)],
            [(0.0, 2600.0 / size), (1.0, 2500.0 / size)],
        ]
        length = rng.uniform(0.16, 0.22) * size**0.5 * slow
        bark = call(
            rng, length, arch, mouth, [(0.0, 0.2), (0.12, 1.0), (0.5, 0.8), (1.0, 0.0)], breath=0.28, rough=rough
        )
        events.append((onset, rng.uniform(0.8, 1.0) * bark / np.max(np.abs(bark))))
        onset += length + draw(rng, rests)
    return filtered(place(seconds, events), band(180.0, 5500.0, 2))


def cat_meow(
    rng: np.random.Generator,
    height: Span = (480.0, 680.0),
    size: float = 1.0,
    lengths: Span = (0.65, 0.95),
    rough: float = 0.01,
) -> Signal:
    """Returns a meowing cat: a long call whose mouth opens and closes, me-ow, pitch rising and falling."""
    pitch = draw(rng, height)
    events = []
    for onset in (0.0, rng.uniform(1.7, 2.0)):
        arch = [(0.0, 0.8 * pitch), (0.3, 1.15 * pitch), (0.6, 1.05 * pitch), (1.0, 0.7 * pitch)]
        mouth = [
            [(0.0, 500.0 / size), (0.4, 1350.0 / size), (1.0, 600.0 / size)],
            [(0.0, 3000.0 / size), (0.4, 2500.0 / size), (1.0, 1300.0 / size)],
            [(0.0, 4300.0 / size), (1.0, 4000.0 / size)],
        ]
        cry = call(
            rng,
            draw(rng, lengths),
            arch,
            mouth,
            [(0.0, 0.0), (0.2, 0.8), (0.5, 1.0), (1.0, 0.0)],
            breath=0.02,
            rough=rough,
        )
        events.append((onset, cry / np.max(np.abs(cry))))
    return filtered(place(4.0, events), lowpass(5000.0, 2))


def baby_cry(
    rng: np.random.Generator,
    height: Span = (400.0, 520.0),
    wails: Span = (0.8, 1.15),
    size: float = 1.0,
    rough: float = 0.025,
) -> Signal:
    """Returns a crying baby: long calls on the outbreath, pitch arching around 450 Hz, a gasp between them."""
    pitch = draw(rng, height)
    seconds, onset, events = 6.0, 0.0, []
    while onset < seconds - 1.5:
        length = draw(rng, wails)
        arch = [(0.0, 0.75 * pitch), (0.15, 1.1 * pitch), (0.6, pitch), (1.0, 0.7 * pitch)]
        mouth = [
            [(0.0, 900.0 / size), (0.2, 1150.0 / size), (1.0, 950.0 / size)],
            [(0.0, 2600.0 / size), (0.2, 3100.0 / size), (1.0, 2700.0 / size)],
            [(0.0, 4800.0 / size), (1.0, 4800.0 / size)],
        ]
        cry = call(rng, length, arch, mouth, [(0.0, 0.0), (0.1, 0.9), (0.7, 1.0), (1.0, 0.0)], breath=0.05, rough=rough)
        gasp = faded(loop_noise(rng, 0.22, band(900.0, 3500.0)), 0.1, 0.05)
        events += [(onset, cry / np.max(np.abs(cry))), (onset + length + 0.08, 0.05 * gasp)]
        onset += length + rng.uniform(0.38, 0.5)
    return filtered(place(seconds, events), lowpass(5500.0, 2))


def canary(
    rng: np.random.Generator,
    height: Span = (2700.0, 4300.0),
    notes: tuple[int, int] = (6, 16),
    note: Span = (0.035, 0.08),
    slide: Span = (0.75, 1.3),
) -> Signal:
    """Returns a singing canary: whistled trills, each a row of quick sweeps with little overtone."""
    events, onset, seconds = [], 0.0, 5.0
    while onset < seconds - 1.4:
        base, count = draw(rng, height), int(rng.integers(*notes))
        length, rest = draw(rng, note), rng.uniform(0.015, 0.04)
        sweep = draw(rng, slide)
        t = time_axis(length)
        phase = np.cumsum(base * sweep ** (t / length)) / RATE
        chirp = faded(harmonics(phase, (1.0, 0.05)), length / 3, length / 3)
        events += [(onset + number * (length + rest), (0.5 + 0.5 * number / count) * chirp) for number in range(count)]
        onset += count * (length + rest) + rng.uniform(0.25, 0.6)
    return place(seconds, events)
