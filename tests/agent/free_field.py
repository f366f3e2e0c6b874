"""What a head hears of a source without any room."""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from avi_env.acoustics.hrtf import load_hrtf

RATE = 16000


def binaural(dry: np.ndarray, azimuth: float, rate: int = RATE) -> np.ndarray:
    """A dry signal from a direction [rad, counter-clockwise] in free field, shape (2, n)."""
    head = load_hrtf("kemar", rate)
    k = int(np.argmax(head.directions @ [-math.sin(azimuth), 0.0, -math.cos(azimuth)]))
    frequency = np.fft.rfftfreq(2 * len(dry), 1.0 / rate)
    ears = []
    for side in (0, 1):
        delay = 0.001 + (-0.5, 0.5)[side] * float(head.itd[k])
        shifted = np.fft.irfft(np.fft.rfft(dry, 2 * len(dry)) * np.exp(-2j * math.pi * frequency * delay))[: len(dry)]
        ears.append(signal.lfilter(head.taps[k, side], [1.0], shifted))
    return np.stack(ears)


def gap(a: float, b: float) -> float:
    """Angle between two bearings [degrees]."""
    return abs(math.degrees((a - b + math.pi) % (2.0 * math.pi) - math.pi))


def bursts(rng: np.random.Generator, seconds: float, rate: int = RATE) -> np.ndarray:
    """Noise bursts of 30 ms, five a second: a sound with onsets."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.1 * rng.standard_normal(len(time)) * (time % 0.2 < 0.03)
