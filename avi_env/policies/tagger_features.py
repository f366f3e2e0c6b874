"""What the sound tagger sees: levels by mel band at both ears, phase between them, and delays, frame by frame."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch

__all__ = ["FEATURE_CHANNELS", "FEATURE_HOP", "feature_frames", "sound_features"]

FEATURE_CHANNELS = 5
"""Level left, level right, phase (cosine, sine), correlation over delays."""

FEATURE_HOP = 320
"""Samples between frames: 20 ms."""

_RATE, _FFT = 16000, 512  # frames of 32 ms
_BANDS = 64  # mel bands, and delays: so that all channels make one picture
_MEL_HZ = (60.0, 7900.0)
_DELAY = 16.0  # [samples] the longest, 1 ms; a head delays by up to 12
_PASCAL = 2.0e-5  # 0 dB SPL (ISO 1683); our pressures are in Pa: 1.0 RMS = 94 dB SPL
_QUIETEST_DB, _SPAN_DB = 0.0, 50.0  # levels below 0 dB SPL a band are silence; 50 dB are 1
_FAINT = 1e-4  # bins 40 dB below a frame's strongest have half a vote on delays


class _Tables(NamedTuple):
    window: torch.Tensor
    """Shape (FFT,); a full-scale sine has its mean square."""
    mel: torch.Tensor
    """Sums powers of bins into bands, shape (F, bands)."""
    lag_cosine: torch.Tensor
    """Shape (F, delays)."""
    lag_sine: torch.Tensor


def feature_frames(samples: int) -> int:
    """Returns the number of frames of so many samples."""
    return (samples - _FFT) // FEATURE_HOP + 1


def sound_features(audio: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Returns the features of binaural sound, shape (B, 5, T, 64), float32, on the sound's device.

    Channels 0 and 1: level in 64 mel bands at the left and right ear, 0 = silence (0 dB SPL and below), 1 = 50 dB SPL.
    2 and 3: cosine and sine of the phase by which the left ear leads in each band, times the ears' coherence in the
    frame. 4: generalised cross-correlation with phase transform at 64 delays, -1 to 0.97 ms: positive where the left
    ear hears first. T is `feature_frames(n)`: frames of 32 ms every 20 ms, the last one ends at the end of the sound.

    Args:
        audio: sound pressure [Pa], 1.0 RMS = 94 dB SPL, shape (B, 2, n), float32, row 0 = left.
        sample_rate: [Hz]; 16000.

    Raises:
        ValueError: another rate, other than two ears, or less than a frame.

    Source: Cao et al. 2019, DCASE (log-mel with GCC-PHAT); Knapp and Carter, IEEE ASSP 24(4), 1976 (PHAT).
    """
    if sample_rate != _RATE:
        raise ValueError(
            f"the features are made for {_RATE} Hz, not {sample_rate}: make the environment with that rate"
        )
    if audio.ndim != 3 or audio.shape[1] != 2 or audio.shape[2] < _FFT:
        raise ValueError(f"audio must have shape (B, 2, n >= {_FFT}), not {tuple(audio.shape)}")
    tables = _tables(str(audio.device))
    used = (feature_frames(audio.shape[2]) - 1) * FEATURE_HOP + _FFT
    frames = audio[:, :, -used:].float().unfold(2, _FFT, FEATURE_HOP)
    spectrum = torch.fft.rfft(frames * tables.window)  # (B, 2, T, F)
    power = spectrum.real.square() + spectrum.imag.square()
    bands = power @ tables.mel
    level = 10.0 * torch.log10(bands.clamp_min(1e-14) / _PASCAL**2)
    levels = (level - _QUIETEST_DB).clamp_min(0.0) / _SPAN_DB
    cross = spectrum[:, 0].conj() * spectrum[:, 1]  # phase of the right less that of the left: the lead, negative
    energy = (bands[:, 0] * bands[:, 1]).sqrt().clamp_min(1e-14)
    cosine, sine = (cross.real @ tables.mel) / energy, -(cross.imag @ tables.mel) / energy
    size = cross.abs()
    vote = 1.0 / (size + _FAINT * size.amax(dim=-1, keepdim=True) + 1e-20)
    delays = (cross.real * vote) @ tables.lag_cosine - (cross.imag * vote) @ tables.lag_sine
    return torch.stack([levels[:, 0], levels[:, 1], cosine, sine, delays], dim=1)


@lru_cache(maxsize=4)
def _tables(device: str) -> _Tables:
    window = torch.hann_window(_FFT, dtype=torch.float64)
    window = window * math.sqrt(2.0 / (_FFT * float(window.square().sum())))
    frequency = torch.arange(_FFT // 2 + 1, dtype=torch.float64) * (_RATE / _FFT)
    low, high = (2595.0 * math.log10(1.0 + f / 700.0) for f in _MEL_HZ)
    mel = torch.linspace(low, high, _BANDS + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    rise = (frequency[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[None, 2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rise, fall).clamp_min(0.0)
    nearest = (frequency[:, None] - edges[None, 1:-1]).abs().argmin(dim=0)
    empty = filters.sum(dim=0) < 1.0  # the lowest triangles are narrower than a bin: each takes its nearest
    filters[nearest[empty], torch.arange(_BANDS)[empty]] = 1.0
    delay = (torch.arange(_BANDS, dtype=torch.float64) - _BANDS / 2) * (2.0 * _DELAY / _BANDS)
    angle = 2.0 * math.pi * frequency[:, None] / _RATE * delay[None, :]
    used = ((frequency > 60.0) & (frequency < 7900.0)).double()[:, None]
    share = used / used.sum()
    parts = (window, filters, share * angle.cos(), share * angle.sin())
    return _Tables(*(part.float().to(device) for part in parts))
