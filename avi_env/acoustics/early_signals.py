"""The signals of the early directions: fixed noise times the roots of the field's energies, in blocks side by side."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc,empty-body"

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.early_noise import early_noise
from avi_env.acoustics.field import EARLY_BIN_SECONDS
from avi_env.acoustics.lane_transforms import LANES
from avi_env.scene.launches import launch

__all__ = ["PADDED_BANDS", "early_signals"]

wp.set_module_options({"enable_backward": False})

PADDED_BANDS = 8
"""Octaves of a bin in memory: one more than there are, half a vector."""

_KNOTS = 8
"""Knots in a block, about one a millisecond: between them the noise's amplitude is linear, at them it is exact."""

_CHUNK = 16
"""Samples between knots at least."""

_LANES = wp.constant(LANES)


@wp.func_native("""
    const float* __restrict__ e = energy.data;
    float* __restrict__ a = amplitude.data;
    const int bins = energy.shape[0], each = amplitude.shape[1] - 1;  // knots in a block
    const float density = 1.0f / bin;
    for (int k = first; k < last; ++k) {
        float place = (float)k * ((float)knot / bin) - 0.5f;
        place = place < 0.0f ? 0.0f : place;
        int before = (int)place;
        before = before > bins - 2 ? bins - 2 : before;
        float share = place - (float)before;
        share = share > 1.0f ? 1.0f : share;
        float value[8];
        for (int band = 0; band < 8; ++band) {
            const float here = e[before * 8 + band] * (1.0f - share);
            value[band] = sqrtf((here + e[(before + 1) * 8 + band] * share) * density);
        }
        const int block = k / each, within = k - block * each;
        for (int band = 0; band < 7; ++band) {
            if (block < 16) a[(band * (each + 1) + within) * 16 + block] = value[band];
            if (within == 0 && block > 0) a[(band * (each + 1) + each) * 16 + block - 1] = value[band];
        }
    }
""")
def _set_amplitudes(
    energy: wp.array2d[wp.float32],
    bin: wp.float32,
    knot: wp.int32,
    first: wp.int32,
    last: wp.int32,
    amplitude: wp.array3d[wp.float32],
) -> None:
    """Sets the amplitudes at knots: roots of the density of energies that are linear between the middles of bins.

    A knot between two blocks is the last of the one and the first of the other.
    """


@wp.kernel
def _amplitudes_kernel(
    energy: wp.array4d[wp.float32],
    bin_samples: wp.float32,
    knot: wp.int32,
    each: wp.int32,
    amplitude_out: wp.array4d[wp.float32],
) -> None:
    row, direction, part = wp.tid()
    last = wp.min((part + 1) * each, _LANES * (amplitude_out.shape[2] - 1) + 1)
    out = amplitude_out[row * energy.shape[1] + direction]
    _set_amplitudes(energy[row, direction], bin_samples, knot, part * each, last, out)


# A thread of a GPU has one lane, one of a CPU all.
@wp.func_native("""
#if defined(__CUDA_ARCH__)
    const int lanes = 1;
#else
    const int lanes = 16;
#endif
    const int hop = noise.shape[1], knots = amplitude.shape[1];
    for (int k = first; k < last; ++k) {
        const float* __restrict__ a = amplitude.data + k * 16 + lane;
        float low[7][lanes], step[7][lanes];
        for (int band = 0; band < 7; ++band)
            for (int l = 0; l < lanes; ++l) {
                low[band][l] = a[band * knots * 16 + l];
                step[band][l] = (a[band * knots * 16 + 16 + l] - low[band][l]) / (float)knot;
            }
        for (int i = 0; i < knot; ++i) {
            const float* __restrict__ x = noise.data + (k * knot + i) * 16 + lane;
            float* __restrict__ y = out.data + (k * knot + i) * 16 + lane;
            float sum[lanes] = {};
            for (int band = 0; band < 7; ++band)
                for (int l = 0; l < lanes; ++l)
                    sum[l] += x[band * hop * 16 + l] * (low[band][l] + step[band][l] * (float)i);
            for (int l = 0; l < lanes; ++l) y[l] = sum[l];
        }
    }
""")
def _set_signals(
    noise: wp.array3d[wp.float32],
    amplitude: wp.array3d[wp.float32],
    knot: wp.int32,
    first: wp.int32,
    last: wp.int32,
    lane: wp.int32,
    out: wp.array2d[wp.float32],
) -> None:
    """Sets blocks side by side to the sum of octaves of noise times amplitudes that are linear between knots."""


@wp.kernel
def _signals_kernel(
    noise: wp.array4d[wp.float32],
    amplitude: wp.array4d[wp.float32],
    knot: wp.int32,
    each: wp.int32,
    signal_out: wp.array3d[wp.float32],
) -> None:
    number, part, lane = wp.tid()
    last = wp.min((part + 1) * each, amplitude.shape[2] - 1)
    own = noise[number % noise.shape[0]]
    _set_signals(own, amplitude[number], knot, part * each, last, lane, signal_out[number])


def early_signals(energy: torch.Tensor, sample_rate: int, seed: int, hop: int) -> torch.Tensor:
    """Returns each direction's signal in blocks, side by side, shape (B 12, hop, 16); unused blocks are zero.

    Args:
        energy: from each direction, per bin and octave, shape (B, 12, 20, 8); the last octave is not one.
        sample_rate: [Hz].
        seed: of the noise.
        hop: length of a block [samples].
    """
    device, (rows, directions, _, _) = energy.device, energy.shape
    on_cpu, knot = device.type == "cpu", max(_CHUNK, hop // _KNOTS)
    noise = _noise_blocks(sample_rate, seed, hop, str(device))
    knots = hop // knot
    amplitude = torch.empty(rows * directions, BAND_COUNT, knots + 1, LANES, device=device)
    count = LANES * knots + 1
    each = count if on_cpu else 1
    arguments = [energy, EARLY_BIN_SECONDS * sample_rate, knot, each, amplitude]
    launch(_amplitudes_kernel, (rows, directions, count // each), arguments, device)
    signal = torch.empty(rows * directions, hop, LANES, device=device)
    each = knots if on_cpu else 1
    dim = (rows * directions, knots // each, 1 if on_cpu else LANES)
    launch(_signals_kernel, dim, [noise, amplitude, knot, each, signal], device)
    return signal


@lru_cache(maxsize=8)
def _noise_blocks(sample_rate: int, seed: int, hop: int, device: str) -> torch.Tensor:
    """Returns the early noise in blocks side by side, filled up with zeros, shape (12, 7, hop, 16)."""
    noise = early_noise(sample_rate, seed, device)
    whole = torch.nn.functional.pad(noise, (0, LANES * hop - noise.shape[-1]))
    return whole.reshape(*noise.shape[:2], LANES, hop).transpose(-1, -2).contiguous()
