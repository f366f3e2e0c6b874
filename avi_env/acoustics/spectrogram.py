"""The spectrogram observation of SoundSpaces, on the device."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import warp as wp

from avi_env.scene.launches import launch

__all__ = ["spectrogram", "spectrogram_shape"]

wp.set_module_options({"enable_backward": False})

_FFT = 512
_WINDOW = 400
_HOP = 160


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
    device, count = audio.device, 1 + samples // _HOP
    audio = audio.to(torch.float32).contiguous()
    frames = torch.empty(rows, channels, count, _FFT, device=device)
    each = _FFT if device.type == "cpu" else 1
    launch(_frames_kernel, (rows, channels, count, _FFT // each), [audio, _hann(str(device)), each, frames], device)
    frequencies, times, _ = spectrogram_shape(samples, channels)
    result = torch.empty(rows, frequencies, times, channels, device=device)
    each = frequencies if device.type == "cpu" else 1
    dim = (rows, channels, times, frequencies // each)
    launch(_pool_kernel, dim, [torch.fft.rfft(frames), each, result], device)
    return result


@lru_cache(maxsize=4)
def _hann(device: str) -> torch.Tensor:
    """Returns the periodic Hann window of 400 samples in the middle of 512."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    side = (_FFT - _WINDOW) // 2
    return torch.from_numpy(np.pad(window, side).astype(np.float32)).to(device)


# The recipe's numbers are constants in these loops, so that the CPU's compiler makes vectors of them.
@wp.func_native("""
    const int begin = number * 160 - 256, total = audio.shape[0];
    for (int i = first; i < last; ++i) {
        const int place = begin + i;
        out.data[i] = place >= 0 && place < total ? window.data[i] * audio.data[place] : 0.0f;
    }
""")
def _set_frame(
    audio: wp.array[wp.float32],
    window: wp.array[wp.float32],
    number: wp.int32,
    first: wp.int32,
    last: wp.int32,
    out: wp.array[wp.float32],
) -> None:
    """Sets samples `first` to `last` of a frame to a windowed piece of audio."""


@wp.kernel
def _frames_kernel(
    audio: wp.array3d[wp.float32], window: wp.array[wp.float32], each: wp.int32, frames_out: wp.array4d[wp.float32]
) -> None:
    row, channel, frame, part = wp.tid()
    _set_frame(audio[row, channel], window, frame, part * each, (part + 1) * each, frames_out[row, channel, frame])


@wp.func_native("""
    float sum[260];  // 257 bins filled up to whole fours
    for (int k = 4 * first; k < 4 * last; ++k) sum[k] = 0.0f;
    const int last_bin = 4 * last < 257 ? 4 * last : 257, frames = spectrum.shape[0];
    for (int t = 4 * time; t < 4 * time + 4 && t < frames; ++t) {
        const float* __restrict__ s = reinterpret_cast<const float*>(spectrum.data) + t * 2 * 257;
        for (int k = 4 * first; k < last_bin; ++k) sum[k] += sqrtf(s[2 * k] * s[2 * k] + s[2 * k + 1] * s[2 * k + 1]);
    }
    float level[65];
    for (int f = first; f < last; ++f) {
        const float x = (sum[4 * f] + sum[4 * f + 1] + sum[4 * f + 2] + sum[4 * f + 3]) * 0.0625f;
        // log(1 + x) = log(y) x / (y - 1) keeps the digits of a small x (Kahan); log(m) = 2 artanh((m - 1) / (m + 1)).
        const float y = 1.0f + x, rounded = y - 1.0f;
        union { float f; int i; } bits;
        bits.f = y;
        const int exponent = (bits.i - 0x3f3504f3) >> 23;  // m = y / 2^exponent lies within sqrt(1/2) and sqrt(2)
        bits.i -= exponent << 23;
        const float z = (bits.f - 1.0f) / (bits.f + 1.0f), q = z * z;
        const float log_m = 2.0f * z * (1.0f + q * (0.333333333f + q * (0.2f + q * (0.142857143f + q * 0.111111111f))));
        const float log_y = 0.693147181f * (float)exponent + log_m;
        level[f] = rounded > 0.0f ? log_y * (x / rounded) : x;
    }
    for (int f = first; f < last; ++f) out.data[(f * out.shape[1] + time) * out.shape[2] + channel] = level[f];
""")
def _set_levels(
    spectrum: wp.array2d[wp.vec2],
    time: wp.int32,
    channel: wp.int32,
    first: wp.int32,
    last: wp.int32,
    out: wp.array3d[wp.float32],
) -> None:
    """Sets log(1 + mean magnitude) over blocks of four frames and four bins, blocks `first` to `last` of bins."""


@wp.kernel
def _pool_kernel(spectrum: wp.array4d[wp.vec2], each: wp.int32, result_out: wp.array4d[wp.float32]) -> None:
    row, channel, time, part = wp.tid()
    _set_levels(spectrum[row, channel], time, channel, part * each, (part + 1) * each, result_out[row])
