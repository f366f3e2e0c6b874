"""Building blocks of procedural sounds. Every signal is a closed loop: what runs over its end re-enters at its start.

Loops are arrays (n,) float64 at `RATE`. Filters act on the periodic spectrum, noise is drawn as a periodic spectrum and
events wrap, so that no loop ever clicks where it closes.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "FRAME_SECONDS",
    "RATE",
    "Signal",
    "Span",
    "band",
    "between",
    "burst",
    "coloured_noise",
    "draw",
    "faded",
    "filtered",
    "glide",
    "harmonics",
    "highpass",
    "hump",
    "loop_noise",
    "loop_seconds",
    "lowpass",
    "modes",
    "place",
    "quick_seconds",
    "resonance",
    "sound_stream",
    "steady_frequency",
    "time_axis",
    "wander",
]

Signal = npt.NDArray[np.float64]
Response = Callable[[Signal], npt.NDArray[Any]]
"""A frequency response: frequencies [Hz] to complex gain."""

Numbers = Sequence[float] | npt.NDArray[np.floating[Any]]
"""Some numbers, shape (k,)."""

Span = tuple[float, float]
"""A range (low, high) from which a seed draws."""

RATE = 48000
"""Every sound is synthesised at this sampling rate [Hz] and then band-limited to the rate that is asked for."""

FRAME_SECONDS = 0.02
"""Loops last whole frames [s], so that they have whole samples at 16, 22.05, 32, 44.1, 48 and 96 kHz."""

_BLOCK = 256  # samples between two exponentials that `modes` computes
_CHUNK = 4096  # samples or lines worked on at a time
_HIGHEST_HZ = 9000.0  # `coloured_noise` draws no lines above it: at least 99.5 % of every class lies below 7.2 kHz

_T60 = float(np.log(1000.0))  # a decay of 60 dB is exp(-ln(1000) t / T60)


def sound_stream(name: str, seed: int) -> np.random.Generator:
    """Returns the counter-based random stream of a variant (seed) of a sound class."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"the seed of a sound must be >= 0 and below 2**64, not {seed}")
    return np.random.Generator(np.random.Philox(key=np.array([zlib.crc32(name.encode()), seed], dtype=np.uint64)))


def loop_seconds(seconds: float) -> float:
    """Returns the nearest loop length [s] of whole frames."""
    return round(seconds / FRAME_SECONDS) * FRAME_SECONDS


def quick_seconds(seconds: float) -> float:
    """Returns a loop length [s] of at least `seconds` whose transforms are quick: 2, 3, 5 and 7 make up its frames."""
    frames = math.ceil(seconds / FRAME_SECONDS - 1e-9)
    while not _smooth(frames):
        frames += 1
    return frames * FRAME_SECONDS


def _smooth(number: int) -> bool:
    for factor in (2, 3, 5, 7):
        while number % factor == 0:
            number //= factor
    return number == 1


def time_axis(seconds: float) -> Signal:
    """Returns sample times [s], shape (n,)."""
    return np.arange(round(seconds * RATE)) / RATE


def steady_frequency(frequency: float, seconds: float) -> float:
    """Returns the nearest frequency [Hz] that closes on itself: whole cycles in a loop of `seconds`."""
    return max(1, round(frequency * seconds)) / seconds


def place(seconds: float, events: Iterable[tuple[float, Signal]]) -> Signal:
    """Adds events (onset [s], samples) into a loop; what runs over the end wraps to the start."""
    loop = np.zeros(round(seconds * RATE))
    for onset, samples in events:
        start = round(onset * RATE) % len(loop)
        rest = samples
        while len(rest):
            count = min(len(rest), len(loop) - start)
            loop[start : start + count] += rest[:count]
            rest, start = rest[count:], 0
    return loop


def filtered(loop: Signal, response: Response, sample_rate: int = RATE) -> Signal:
    """Filters a loop by a frequency response, circularly."""
    frequencies: Signal = np.fft.rfftfreq(len(loop), 1.0 / sample_rate).astype(np.float64)
    spectrum = np.fft.rfft(loop)
    for part in _chunks(len(spectrum)):  # responses are made of many small steps: they stay in the cache
        spectrum[part] *= response(frequencies[part])
    return np.fft.irfft(spectrum, len(loop))


def _chunks(count: int) -> Iterator[slice]:
    return (slice(begin, min(begin + _CHUNK, count)) for begin in range(0, count, _CHUNK))


def loop_noise(rng: np.random.Generator, seconds: float, response: Response) -> Signal:
    """Returns Gaussian noise of unit RMS that closes on itself, coloured by a frequency response."""
    noise = filtered(rng.standard_normal(round(seconds * RATE)), response)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def coloured_noise(rng: np.random.Generator, seconds: float, gain: Callable[[Signal], Signal]) -> Signal:
    """Returns Gaussian noise of unit RMS that closes on itself, drawn as lines with the gain of their frequency [Hz].

    Cheaper than `loop_noise`: only the lines that are heard are drawn, and one transform makes the signal.
    """
    count, lines = round(seconds * RATE), round(_HIGHEST_HZ * seconds)
    frequencies = np.arange(1, lines + 1) / seconds
    drawn = rng.standard_normal((2, lines))
    for part in _chunks(lines):
        drawn[:, part] *= gain(frequencies[part])
    spectrum = np.zeros(count // 2 + 1, dtype=np.complex128)
    spectrum[1 : lines + 1] = drawn[0] + 1j * drawn[1]
    noise = np.fft.irfft(spectrum, count)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def between(low: float, high: float, order: int = 2) -> Callable[[Signal], Signal]:
    """Returns the gain of a Butterworth band-pass between two corners [Hz], without its phase."""
    return lambda f: 1.0 / np.sqrt((1.0 + (low / f) ** (2 * order)) * (1.0 + (f / high) ** (2 * order)))


def hump(centre: float, octaves: float) -> Callable[[Signal], Signal]:
    """Returns a gain that falls off as a Gaussian of so many octaves on both sides of a centre [Hz]."""
    return lambda f: np.exp(-0.5 * (np.log2(f / centre) / octaves) ** 2)


def wander(rng: np.random.Generator, seconds: float, corner: float) -> Signal:
    """Returns a slow periodic wander of unit RMS below `corner` [Hz]."""
    lines = max(1, round(corner * seconds))
    spectrum = np.zeros(round(seconds * RATE) // 2 + 1, dtype=np.complex128)
    spectrum[1 : lines + 1] = rng.standard_normal(lines) + 1j * rng.standard_normal(lines)
    curve = np.fft.irfft(spectrum, round(seconds * RATE))
    curve /= np.sqrt(np.mean(curve**2))
    return curve


def burst(rng: np.random.Generator, seconds: float, low: float, high: float) -> Signal:
    """Returns a short burst of band-limited noise [Hz] that dies away within `seconds`, of peak 1."""
    padded = np.zeros(round(seconds * RATE) + RATE // 10)
    count = round(seconds * RATE)
    padded[:count] = rng.standard_normal(count) * np.exp(-5.0 * np.arange(count) / count)
    event = faded(filtered(padded, band(low, high)), 0.0003, 0.02)
    scaled: Signal = event / np.max(np.abs(event))
    return scaled


def draw(rng: np.random.Generator, span: Span) -> float:
    """Returns a number drawn evenly from a range (low, high)."""
    return float(rng.uniform(*span))


def lowpass(corner: float, order: int = 1) -> Response:
    """Returns a causal Butterworth low-pass response with its corner in Hz."""
    poles = np.exp(1j * np.pi * (2 * np.arange(order) + order + 1) / (2 * order))

    def response(f: Signal) -> npt.NDArray[Any]:
        x = f / corner
        below = np.ones(len(f), dtype=np.complex128) if order % 2 == 0 else 1.0 + 1j * x  # the real pole is -1
        for pole in poles[: order // 2]:  # a pole and its conjugate: 1 - 2 Re(p) s + s^2 at s = ix
            below *= (1.0 - x * x) - 2j * pole.real * x
        return 1.0 / below

    return response


def highpass(corner: float, order: int = 1) -> Response:
    """Returns a causal Butterworth high-pass response with its corner in Hz."""
    mirrored = lowpass(1.0, order)
    return lambda f: np.where(f > 0, mirrored(-corner / np.maximum(f, 1e-9)), 0.0)


def band(low: float, high: float, order: int = 2) -> Response:
    """Returns a causal band-pass response between two corners [Hz]."""
    below, above = highpass(low, order), lowpass(high, order)
    return lambda f: below(f) * above(f)


def resonance(centre: float, quality: float) -> Response:
    """Returns the band-pass response of one resonance [Hz], 1 at its centre."""
    return lambda f: (1j * f / (centre * quality)) / (1.0 - (f / centre) ** 2 + 1j * f / (centre * quality))


def modes(
    frequencies: Numbers,
    decays: Numbers,
    amplitudes: Numbers,
    seconds: float,
    phases: Numbers | None = None,
) -> Signal:
    """Returns the sum of damped vibrations, as of a struck or plucked body.

    Args:
        frequencies: [Hz], shape (k,).
        decays: time to fall by 60 dB [s], shape (k,).
        amplitudes: shape (k,).
        seconds: length of the event.
        phases: [rad], shape (k,); None starts every mode at zero.
    """
    # sin(w n) exp(-d n) at n = 256 a + b is a product of a term in a and one in b: all modes are one matrix product.
    count = round(seconds * RATE)
    starts = np.zeros(len(frequencies)) if phases is None else np.asarray(phases, dtype=np.float64)
    decay = -_T60 / np.asarray(decays, dtype=np.float64)
    rates = (decay + 2j * np.pi * np.asarray(frequencies, dtype=np.float64)) / RATE
    first = np.exp(np.outer(np.arange(-(-count // _BLOCK)) * _BLOCK, rates) + 1j * starts)
    table = (first * np.asarray(amplitudes)) @ np.exp(np.outer(rates, np.arange(_BLOCK)))
    event = np.array(table.imag).reshape(-1)[:count]
    return faded(event, 0.0, min(0.01, seconds / 4))


def harmonics(phase: Signal, amplitudes: Numbers, phases: Numbers | None = None) -> Signal:
    """Returns harmonics 1, 2, ... of a phase [cycles], shape (n,), with the given amplitudes and start phases [rad]."""
    starts = np.zeros(len(amplitudes)) if phases is None else phases
    weights = np.asarray(amplitudes) * np.exp(1j * np.asarray(starts))
    total = np.empty(len(phase))
    for part in _chunks(len(phase)):  # Horner's scheme over powers of exp(2 pi i phase)
        turn = np.exp(2j * np.pi * phase[part])
        series = np.full(len(turn), weights[-1])
        for weight in weights[-2::-1]:
            series *= turn
            series += weight
        total[part] = (series * turn).imag
    return total


def glide(knots: Sequence[tuple[float, float]], t: Signal) -> Signal:
    """Returns a smooth curve through knots (time [s], value): half a cosine between neighbours."""
    times, values = np.array(knots, dtype=np.float64).T
    curve = np.empty(len(t))
    for part in _chunks(len(t)):
        right = np.clip(np.searchsorted(times, t[part], side="right"), 1, len(times) - 1)
        share = np.clip((t[part] - times[right - 1]) / (times[right] - times[right - 1]), 0.0, 1.0)
        share = 0.5 - 0.5 * np.cos(np.pi * share)
        curve[part] = values[right - 1] * (1.0 - share) + values[right] * share
    return curve


def faded(event: Signal, attack: float, release: float) -> Signal:
    """Returns an event with raised-cosine flanks [s], so that it starts and ends at zero."""
    shaped = event.copy()
    for seconds, view in ((attack, shaped), (release, shaped[::-1])):
        count = min(round(seconds * RATE), len(shaped))
        if count:
            view[:count] *= 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return shaped
