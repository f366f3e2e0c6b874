"""What both ears tell, frame by frame: levels by mel band, and how much later one ear hears than the other."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

__all__ = ["CUE_SHAPE", "sound_cues"]

_FFT, _HOP, _FRAMES = 1024, 512, 16  # 64 ms at 16 kHz, half overlapping: the last 0.54 s, twice a step
_BANDS = 32  # mel bands, and lags: so that both make one picture
_MEL_HZ = (80.0, 7600.0)
_FLOOR_DB, _STEP_DB = -10.0, 0.5  # a byte holds -10 .. 117.5 dB SPL
_REFERENCE = 2.0e-5  # [Pa]: 0 dB SPL (ISO 1683)
_LAGS = (-16, 16)  # [samples at 16 kHz]: a head delays by up to 12

CUE_SHAPE = (3, _FRAMES, _BANDS)
"""Channels (level left, level right, delay), frames, bands or lags."""


def sound_cues(audio: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Returns cues of the last 0.54 s, shape (B, 3, 16, 32), uint8.

    Channels 0 and 1 are the levels at the left and the right ear in 32 mel bands, in steps of half a decibel from
    -10 dB SPL; channel 2 is the cross-correlation with phase transform at 32 delays of the left ear behind the right,
    -1 ms to 0.94 ms, as 128 + 127 * correlation.

    Args:
        audio: sound pressure at both ears, shape (B, 2, n), float32.
        sample_rate: [Hz]; 16000.

    Raises:
        ValueError: another rate, other than two ears, or less than 0.54 s.

    Source: Knapp and Carter, IEEE ASSP 24(4), 1976 (PHAT).
    """
    need = _HOP * (_FRAMES - 1) + _FFT
    if sample_rate != 16000:
        raise ValueError(f"the cues are made for 16000 Hz, not {sample_rate}: make the environment with that rate")
    if audio.ndim != 3 or audio.shape[1] != 2 or audio.shape[2] < need:
        raise ValueError(f"audio must have shape (B, 2, n >= {need}), not {tuple(audio.shape)}")
    window, filters = _tables(str(audio.device))
    frames = audio[:, :, -need:].unfold(2, _FFT, _HOP)
    spectrum = torch.fft.rfft(frames * window)  # (B, 2, T, F)
    power = spectrum.real.square() + spectrum.imag.square()
    level = 10.0 * torch.log10((power @ filters).clamp_min(1e-14) / _REFERENCE**2)
    levels = ((level - _FLOOR_DB) / _STEP_DB).round().clamp(0.0, 255.0)
    cross = spectrum[:, 0] * spectrum[:, 1].conj()
    # what lies far below the loudest part of a frame has a phase of rounding errors alone: it gets no full vote
    size = cross.abs()
    whitened = cross / (size + 1e-6 * size.amax(dim=-1, keepdim=True) + 1e-20)
    lags = torch.fft.irfft(whitened)
    low, high = _LAGS
    delay = torch.cat([lags[..., low:], lags[..., :high]], dim=-1)
    delays = (128.0 + 127.0 * delay.clamp(-1.0, 1.0)).round()
    return torch.cat([levels, delays[:, None]], dim=1).to(torch.uint8)


@lru_cache(maxsize=4)
def _tables(device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the window (FFT,), scaled so that a full-scale sine gives its mean square, and mel filters (F, bands)."""
    window = torch.hann_window(_FFT, dtype=torch.float64)
    window = window * math.sqrt(2.0 / (_FFT * float(window.square().sum())))
    frequency = torch.arange(_FFT // 2 + 1, dtype=torch.float64) * (16000.0 / _FFT)
    low, high = (2595.0 * math.log10(1.0 + f / 700.0) for f in _MEL_HZ)
    mel = torch.linspace(low, high, _BANDS + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    rise = (frequency[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[None, 2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rise, fall).clamp_min(0.0)
    nearest = (frequency[:, None] - edges[None, 1:-1]).abs().argmin(dim=0)
    filters[nearest, torch.arange(_BANDS)] = 1.0  # the lowest triangles are narrower than a line of the spectrum
    return window.float().to(device), filters.float().to(device)
