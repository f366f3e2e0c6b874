"""Ambient noise: steady, pink, from all sides alike. Two loops of incommensurate lengths, read from anywhere."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.bands import BANDS_HZ, pressure_from_spl
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.late_noise import diffuse_mixture

__all__ = ["Ambience", "ambient_loop"]

LOOP_SECONDS = (17.0, 13.0)
"""Lengths of the two loops [s], whose sum is heard: it repeats only after minutes."""

_LOWEST = BANDS_HZ[0] / np.sqrt(2.0)  # [Hz] lower edge of the first octave


@lru_cache(maxsize=4)
def ambient_loop(sample_rate: int, seconds: float, seed: int, receiver: Hrtf | None) -> npt.NDArray[np.float32]:
    """Returns pink noise (3 dB less an octave, from 88 Hz on) that closes upon itself, shape (C, n).

    A head's ears resemble each other as in a diffuse field, sin(k d) / (k d), and have unit mean square each;
    microphones resemble each other, and are as loud, as in an isotropic field of unit mean square.

    Args:
        sample_rate: [Hz].
        seconds: its length [s].
        seed: another seed, another noise.
        receiver: who hears it; None = an equalised head.
    """
    from scipy import fft

    count = fft.next_fast_len(round(seconds * sample_rate), real=True)
    frequency = np.fft.rfftfreq(count, 1.0 / sample_rate)
    power = np.where(frequency >= _LOWEST, 1.0 / np.maximum(frequency, _LOWEST), 0.0)
    mixture, energy = diffuse_mixture(receiver, frequency)
    random = np.random.default_rng([seed, 0xA3B1])
    white = fft.rfft(random.standard_normal((len(mixture), count)))
    mixed = np.stack([sum(part * one for part, one in zip(row, white, strict=True)) for row in mixture])
    noise = fft.irfft(mixed * np.sqrt(power), count)
    noise *= np.sqrt(power @ energy / power.sum() / np.sum(np.mean(noise**2, axis=1)))
    loop: npt.NDArray[np.float32] = noise.astype(np.float32)
    loop.setflags(write=False)
    return loop


class Ambience:
    """Ambient noise of a level at a receiver. What is heard is a pure function of an episode's key and its clock."""

    def __init__(self, receiver: Hrtf, level: float, device: torch.device) -> None:
        """Makes it.

        Args:
            receiver: who hears it.
            level: of the field; an equalised head has it at each ear [dB SPL].
            device: where it is heard.
        """
        head = None if receiver.is_diffuse_head else receiver
        gain = pressure_from_spl(level) / np.sqrt(len(LOOP_SECONDS))
        loops = [ambient_loop(receiver.sample_rate, seconds, seed, head) for seed, seconds in enumerate(LOOP_SECONDS)]
        self._loops = [torch.from_numpy(loop * np.float32(gain)).to(device) for loop in loops]

    @property
    def nbytes(self) -> int:
        """Memory of the loops [bytes]."""
        return sum(loop.nbytes for loop in self._loops)

    def __call__(self, keys: torch.Tensor, clocks: torch.Tensor, count: int) -> torch.Tensor:
        """Returns some samples of noise, which go on where earlier ones ended, shape (N, C, count).

        Args:
            keys: of the episodes: where each loop begins, shape (N,), int64.
            clocks: first sample on the episode's clock of sound, shape (N,), int64.
            count: number of samples.
        """
        first, second = self._loops
        shift = keys // first.shape[1]
        time = torch.arange(count, device=keys.device) + clocks[:, None]
        one = first[:, (time + keys[:, None]) % first.shape[1]]
        other = second[:, (time + shift[:, None]) % second.shape[1]]
        return (one + other).transpose(0, 1).contiguous()
