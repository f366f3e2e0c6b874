"""Short Fourier transforms of sixteen real signals side by side: a lane each, so that vectors need no shuffling."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc,empty-body"

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import warp as wp

from avi_env.scene.launches import launch

__all__ = ["LANES", "from_spectra", "to_spectra"]

wp.set_module_options({"enable_backward": False})

LANES = 16
"""Signals transformed together: the numbers in one vector of a CPU."""

_LONGEST = 1024
"""Half length [samples], that of 96 kHz, up to which the kernels have room on a thread's stack."""

# Of N = 2 M real samples, z[m] = x[2 m] + i x[2 m + 1] is transformed by halving (Cooley and Tukey, radix 2), then the
# spectra of even and odd samples are put together. Each lane is computed by itself: its bits do not depend on others.


@wp.func_native("""
#if !defined(__CUDA_ARCH__)
    typedef float Lanes __attribute__((vector_size(64), aligned(4)));
    const int half = signal.shape[0];
    const Lanes* x = reinterpret_cast<const Lanes*>(signal.data);
    const float* w = reinterpret_cast<const float*>(turns.data);
    Lanes* y = reinterpret_cast<Lanes*>(out.data);
    Lanes re[1024], im[1024];
    // What follows the signal is zero: the first stage has one of its two inputs.
    for (int m = 0; m < half / 2; ++m) {
        const float c = w[4 * m], s = w[4 * m + 1];
        const Lanes a = x[2 * m], b = x[2 * m + 1];
        re[m] = a; im[m] = b;
        re[m + half / 2] = a * c - b * s; im[m + half / 2] = a * s + b * c;
    }
    int size = half / 2;
    for (; size > 2; size /= 4) {  // two halvings at a time
        const int q = size / 4, stride = 4 * (half / size);
        for (int m = 0; m < q; ++m) {
            const float* t = w + stride * m;
            const float c = t[0], s = t[1], c2 = w[2 * stride * m], s2 = w[2 * stride * m + 1];
            const float c3 = c * c2 - s * s2, s3 = c * s2 + s * c2;
            for (int k = m; k < half; k += size) {
                const Lanes ar = re[k] + re[k + 2 * q], ai = im[k] + im[k + 2 * q];
                const Lanes br = re[k + q] + re[k + 3 * q], bi = im[k + q] + im[k + 3 * q];
                const Lanes er = re[k] - re[k + 2 * q], ei = im[k] - im[k + 2 * q];
                const Lanes fr = im[k + q] - im[k + 3 * q], fi = re[k + 3 * q] - re[k + q];
                const Lanes gr = ar - br, gi = ai - bi, hr = er + fr, hi = ei + fi, jr = er - fr, ji = ei - fi;
                re[k] = ar + br; im[k] = ai + bi;
                re[k + q] = gr * c2 - gi * s2; im[k + q] = gr * s2 + gi * c2;
                re[k + 2 * q] = hr * c - hi * s; im[k + 2 * q] = hr * s + hi * c;
                re[k + 3 * q] = jr * c3 - ji * s3; im[k + 3 * q] = jr * s3 + ji * c3;
            }
        }
    }
    for (int k = 0; size == 2 && k < half; k += 2) {
        const Lanes a = re[k] - re[k + 1], b = im[k] - im[k + 1];
        re[k] += re[k + 1]; im[k] += im[k + 1];
        re[k + 1] = a; im[k + 1] = b;
    }
    for (int k = 0; k <= half; ++k) {
        const int p = places.data[k], q = places.data[half - k];
        const float c = w[2 * k], s = w[2 * k + 1];
        const Lanes odd_re = 0.5f * (im[p] + im[q]), odd_im = 0.5f * (re[q] - re[p]);
        const Lanes sum_re = 0.5f * (re[p] + re[q]) + (odd_re * c - odd_im * s);
        const Lanes sum_im = 0.5f * (im[p] - im[q]) + (odd_re * s + odd_im * c);
        y[2 * k] = __builtin_shufflevector(sum_re, sum_im, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        y[2 * k + 1] = __builtin_shufflevector(
            sum_re, sum_im, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
#endif
""")
def _to_spectra(
    signal: wp.array2d[wp.float32], turns: wp.array[wp.vec2], places: wp.array[wp.int32], out: wp.array2d[wp.vec2]
) -> None:
    """Sets the spectra of signals (M, 16) that are followed by as many zeros, (M + 1, 16)."""


@wp.func_native("""
#if !defined(__CUDA_ARCH__)
    typedef float Lanes __attribute__((vector_size(64), aligned(4)));
    const int half = spectrum.shape[0] - 1;
    const Lanes* x = reinterpret_cast<const Lanes*>(spectrum.data);
    const float* w = reinterpret_cast<const float*>(turns.data);
    Lanes* y = reinterpret_cast<Lanes*>(out.data);
    Lanes re[1025], im[1025], z[1024], u[1024];
    const float scale = 0.5f / (float)half;
    for (int k = 0; k <= half; ++k) {
        const Lanes a = x[2 * k], b = x[2 * k + 1];
        re[k] = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        im[k] = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        if (k == 0 || k == half) im[k] *= 0.0f;  // the ends of a real signal's spectrum are real
    }
    for (int k = 0; k < half; ++k) {
        const int p = places.data[k];
        const float c = w[2 * k], s = w[2 * k + 1];
        const Lanes dr = re[k] - re[half - k], di = im[k] + im[half - k];
        z[p] = scale * ((re[k] + re[half - k]) - (di * c - dr * s));
        u[p] = scale * ((im[k] - im[half - k]) + (dr * c + di * s));
    }
    int size = 4;
    for (; size <= half; size *= 4) {  // two doublings at a time
        const int q = size / 4, stride = 4 * (half / size);
        for (int m = 0; m < q; ++m) {
            const float c = w[stride * m], s = -w[stride * m + 1];
            const float c2 = w[2 * stride * m], s2 = -w[2 * stride * m + 1];
            const float c3 = c * c2 - s * s2, s3 = c * s2 + s * c2;
            for (int k = m; k < half; k += size) {
                const Lanes ar = z[k + q] * c2 - u[k + q] * s2, ai = z[k + q] * s2 + u[k + q] * c2;
                const Lanes br = z[k + 2 * q] * c - u[k + 2 * q] * s, bi = z[k + 2 * q] * s + u[k + 2 * q] * c;
                const Lanes dr = z[k + 3 * q] * c3 - u[k + 3 * q] * s3, di = z[k + 3 * q] * s3 + u[k + 3 * q] * c3;
                const Lanes er = z[k] + ar, ei = u[k] + ai, fr = z[k] - ar, fi = u[k] - ai;
                const Lanes gr = br + dr, gi = bi + di, hr = di - bi, hi = br - dr;
                z[k] = er + gr; u[k] = ei + gi;
                z[k + 2 * q] = er - gr; u[k + 2 * q] = ei - gi;
                z[k + q] = fr + hr; u[k + q] = fi + hi;
                z[k + 3 * q] = fr - hr; u[k + 3 * q] = fi - hi;
            }
        }
    }
    for (int k = 0; size == 2 * half && k < half / 2; ++k) {  // the last one, of an odd number of doublings
        const float c = w[4 * k], s = -w[4 * k + 1];
        const Lanes a = z[k + half / 2] * c - u[k + half / 2] * s, b = z[k + half / 2] * s + u[k + half / 2] * c;
        z[k + half / 2] = z[k] - a; u[k + half / 2] = u[k] - b;
        z[k] += a; u[k] += b;
    }
    for (int m = 0; m < half; ++m) { y[2 * m] = z[m]; y[2 * m + 1] = u[m]; }
#endif
""")
def _from_spectra(
    spectrum: wp.array2d[wp.vec2], turns: wp.array[wp.vec2], places: wp.array[wp.int32], out: wp.array2d[wp.float32]
) -> None:
    """Sets the signals (2 M, 16) of spectra (M + 1, 16)."""


@wp.kernel
def _to_kernel(
    signal: wp.array3d[wp.float32],
    turns: wp.array[wp.vec2],
    places: wp.array[wp.int32],
    spectrum_out: wp.array3d[wp.vec2],
) -> None:
    group = wp.tid()
    _to_spectra(signal[group], turns, places, spectrum_out[group])


def to_spectra(signal: torch.Tensor) -> torch.Tensor:
    """Returns the spectra of signals followed by as many zeros, (G, M + 1, 16) complex64.

    Args:
        signal: sixteen signals side by side in each of G groups, shape (G, M, 16); M is a power of two.

    Raises:
        ValueError: another shape.
    """
    groups, half = _sizes(signal, 0)
    if signal.is_cuda or half > _LONGEST:
        transformed: torch.Tensor = torch.fft.rfft(signal, 2 * half, dim=1)
        return transformed.contiguous()
    spectrum = torch.empty(groups, half + 1, LANES, dtype=torch.complex64)
    launch(_to_kernel, (groups,), [signal, *_tables(half), spectrum], signal.device)
    return spectrum


@wp.kernel
def _from_kernel(
    spectrum: wp.array3d[wp.vec2],
    turns: wp.array[wp.vec2],
    places: wp.array[wp.int32],
    signal_out: wp.array3d[wp.float32],
) -> None:
    group = wp.tid()
    _from_spectra(spectrum[group], turns, places, signal_out[group])


def from_spectra(spectrum: torch.Tensor) -> torch.Tensor:
    """Returns the signals of spectra, (G, 2 M, 16).

    Args:
        spectrum: shape (G, M + 1, 16) complex64; M is a power of two.

    Raises:
        ValueError: another shape.
    """
    groups, half = _sizes(spectrum, 1)
    if spectrum.is_cuda or half > _LONGEST:
        transformed: torch.Tensor = torch.fft.irfft(spectrum, 2 * half, dim=1)
        return transformed.contiguous()
    signal = torch.empty(groups, 2 * half, LANES)
    launch(_from_kernel, (groups,), [spectrum, *_tables(half), signal], spectrum.device)
    return signal


def _sizes(tensor: torch.Tensor, more: int) -> tuple[int, int]:
    """Returns the number of groups and the half length."""
    half = tensor.shape[1] - more if tensor.ndim == 3 else 0
    if half < 2 or half & (half - 1) or tensor.shape[2] != LANES:
        raise ValueError(f"{LANES} lanes of a power of two of samples needed, not a tensor {tuple(tensor.shape)}")
    return len(tensor), half


@lru_cache(maxsize=8)
def _tables(half: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns exp(-pi i k / M) and the place of bin k, its bits reversed, for k from 0 to M, shapes (M + 1,)."""
    number, place = np.arange(half + 1), np.zeros(half + 1, dtype=np.int32)
    for bit in range(half.bit_length() - 1):
        place += (number >> bit & 1) * (half >> (bit + 1))
    return torch.from_numpy(np.exp(-1j * np.pi * number / half).astype(np.complex64)), torch.from_numpy(place)
