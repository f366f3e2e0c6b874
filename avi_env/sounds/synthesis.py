"""Building blocks of procedural sounds. Every signal is a closed loop: what runs over its end re-enters at its start.

Loops are arrays (n,) float64 at `RATE`. Filters act on the periodic spectrum, noise is drawn as a periodic spectrum and
events wrap, so that no loop ever clicks where it closes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "FRAME_SECONDS",
    "RATE",
    "band",
    "faded",
    "filtered",
    "glide",
    "harmonics",
    "highpass",
    "loop_noise",
    "loop_seconds",
    "lowpass",
    "modes",
    "place",
    "resonance",
    "sound_stream",
    "steady_frequency",
    "time_axis",
]

Signal = npt.NDArray[np.float64]
Response = Callable[[Signal], npt.NDArray[Any]]
"""A frequency response: frequencies [Hz] to complex gain."""

RATE = 48000
"""Every sound is synthesised at this sampling rate [Hz] and then band-limited to the rate that is asked for."""

FRAME_SECONDS = 0.02
"""Loops last whole frames [s], so that they have whole samples at 16, 22.05, 32, 44.1, 48 and 96 kHz."""

_T60 = float(np.log(1000.0))  # a decay of 60 dB is exp(-ln(1000) t / T60)


def sound_stream(name: str, seed: int) -> np.random.Generator:
    """Returns the counter-based random stream of a variant (seed) of a sound class."""
    if seed < 0:
        raise ValueError(f"the seed of a sound must be >= 0, not {seed}")
    return np.random.Generator(np.random.Philox(key=np.array([zlib.crc32(name.encode()), seed], dtype=np.uint64)))


def loop_seconds(seconds: float) -> float:
    """Returns the nearest loop length [s] of whole frames."""
    return round(seconds / FRAME_SECONDS) * FRAME_SECONDS


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


def filtered(loop: Signal, response: Response) -> Signal:
    """Filters a loop by a frequency response, circularly."""
    frequencies: Signal = np.fft.rfftfreq(len(loop), 1.0 / RATE).astype(np.float64)
    return np.fft.irfft(np.fft.rfft(loop) * response(frequencies), len(loop))


def loop_noise(rng: np.random.Generator, seconds: float, response: Response) -> Signal:
    """Returns Gaussian noise of unit RMS that closes on itself, coloured by a frequency response."""
    noise = filtered(rng.standard_normal(round(seconds * RATE)), response)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def lowpass(corner: float, order: int = 1) -> Response:
    """Returns a causal Butterworth low-pass response with its corner in Hz."""
    poles = np.exp(1j * np.pi * (2 * np.arange(order) + order + 1) / (2 * order))
    return lambda f: np.prod([1.0 / (1.0 - 1j * f / (corner * pole)) for pole in poles], axis=0)


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
    frequencies: Sequence[float] | Signal,
    decays: Sequence[float] | Signal,
    amplitudes: Sequence[float] | Signal,
    seconds: float,
    phases: Sequence[float] | Signal | None = None,
) -> Signal:
    """Returns the sum of damped vibrations, as of a struck or plucked body.

    Args:
        frequencies: [Hz], shape (k,).
        decays: time to fall by 60 dB [s], shape (k,).
        amplitudes: shape (k,).
        seconds: length of the event.
        phases: [rad], shape (k,); None starts every mode at zero.
    """
    t = time_axis(seconds)
    starts = np.zeros(len(frequencies)) if phases is None else phases
    event = np.zeros(len(t))
    for frequency, decay, amplitude, phase in zip(frequencies, decays, amplitudes, starts, strict=True):
        count = min(len(t), round(1.5 * decay * RATE))  # -90 dB: the rest is inaudible
        event[:count] += (
            amplitude * np.exp(-_T60 / decay * t[:count]) * np.sin(2 * np.pi * frequency * t[:count] + phase)
        )
    return faded(event, 0.0, min(0.01, seconds / 4))


def harmonics(phase: Signal, amplitudes: Sequence[float] | Signal, phases: Signal | None = None) -> Signal:
    """Returns harmonics 1, 2, ... of a phase [cycles], shape (n,), with the given amplitudes and start phases [rad]."""
    starts = np.zeros(len(amplitudes)) if phases is None else phases
    total = np.zeros(len(phase))
    for number, (amplitude, start) in enumerate(zip(amplitudes, starts, strict=True), 1):
        if amplitude:
            total += amplitude * np.sin(2 * np.pi * number * phase + start)
    return total


def glide(knots: Sequence[tuple[float, float]], t: Signal) -> Signal:
    """Returns a smooth curve through knots (time [s], value): half a cosine between neighbours."""
    times, values = np.array(knots, dtype=np.float64).T
    right = np.clip(np.searchsorted(times, t, side="right"), 1, len(times) - 1)
    share = np.clip((t - times[right - 1]) / (times[right] - times[right - 1]), 0.0, 1.0)
    share = 0.5 - 0.5 * np.cos(np.pi * share)
    curve: Signal = values[right - 1] * (1.0 - share) + values[right] * share
    return curve


def faded(event: Signal, attack: float, release: float) -> Signal:
    """Returns an event with raised-cosine flanks [s], so that it starts and ends at zero."""
    shaped = event.copy()
    for seconds, view in ((attack, shaped), (release, shaped[::-1])):
        count = min(round(seconds * RATE), len(shaped))
        if count:
            view[:count] *= 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return shaped
