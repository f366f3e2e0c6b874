"""The spectrogram observation of SoundSpaces, on the device."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import warp as wp

from avi_env.acoustics.warp_array import as_warp
from avi_env.scene.rays_warp import wp_device

__all__ = ["spectrogram", "spectrogram_shape"]

wp.set_module_options({"enable_backward": False})

_FFT = 512
_WINDOW = 400
_HOP = 160
_POOL = wp.constant(4)


def spectrogram_shape(samples: int, channels: int = 2) -> tuple[int, int, int]:
    """Returns (frequencies, times, channels) of the spectrogram of a number of samples: (65, 26, 2) for 16000."""
    return -(-(_FFT // 2 + 1) // 4), -(-(1 + samples // _HOP) // 4), channels


def spectrogram(audio: torch.Tensor, sample_rate: int = 16000) -> torch.Tensor:
    """Returns log(1 + magnitude) in blocks of 4 x 4, left ear first, shape (B, F, T, C) float32.

    Short-time Fourier transform (512 samples, Hann window of 400, hop 160, centred, zeros beyond the ends), magnitude,
    mean over 4 x 4 blocks of which the ragged last ones are filled up with zeros, log1p. One second gives 65 x 26 at
    16 kHz and 65 x 69 at 44.1 kHz. The recipe counts samples, so that it is the same for every rate.

    Args:
        audio: at both ears, or at the microphones of an array, shape (B, C, n).
        sample_rate: [Hz]; the recipe does not depend on it.

    Raises:
        ValueError: another shape.

    Source: Chen et al., SoundSpaces (ECCV 2020), spectrogram sensor; librosa >= 0.9 pads with zeros.
    """
    if audio.ndim != 3:
        raise ValueError(f"audio must have shape (B, C, n), not {tuple(audio.shape)}")
    if sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive, not {sample_rate}")
    rows, channels, samples = audio.shape
    padded = torch.nn.functional.pad(audio.to(torch.float32), (_FFT // 2, _FFT // 2))
    frames = padded.unfold(-1, _FFT, _HOP) * _hann(str(audio.device))
    real, imaginary = torch.view_as_real(torch.fft.rfft(frames)).unbind(-1)
    magnitude = torch.sqrt(real * real + imaginary * imaginary)
    frequencies, times, _ = spectrogram_shape(samples, channels)
    result = torch.empty(rows, frequencies, times, channels, device=audio.device)
    wp.launch(
        _pool_kernel,
        dim=(rows, channels, times),
        inputs=[as_warp(magnitude)],
        outputs=[as_warp(result)],
        device=wp_device(audio.device),
    )
    return result


@lru_cache(maxsize=4)
def _hann(device: str) -> torch.Tensor:
    """Returns the periodic Hann window of 400 samples in the middle of 512."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    side = (_FFT - _WINDOW) // 2
    return torch.from_numpy(np.pad(window, side).astype(np.float32)).to(device)


@wp.kernel
def _pool_kernel(magnitude: wp.array4d[wp.float32], result_out: wp.array4d[wp.float32]) -> None:
    row, ear, time = wp.tid()
    last = wp.min((time + 1) * _POOL, magnitude.shape[2])
    for frequency in range(result_out.shape[1]):
        total = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
        for t in range(time * _POOL, last):
            for f in range(frequency * _POOL, wp.min((frequency + 1) * _POOL, magnitude.shape[3])):
                total += magnitude[row, ear, t, f]
        mean = total / float(_POOL * _POOL)
        # log(1 + x) loses the digits of a small x.
        small = mean * (1.0 - mean * (0.5 - mean * (0.33333333 - 0.25 * mean)))
        result_out[row, frequency, time, ear] = wp.where(mean < 0.01, small, wp.log(1.0 + mean))
