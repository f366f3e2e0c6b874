"""Partitioned convolution: short Fourier transforms whose rounding does not depend on the batch."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc,empty-body"

from __future__ import annotations

import torch
import warp as wp

from avi_env.scene.launches import launch

__all__ = ["block_samples", "convolve_blocks", "filter_spectra", "partition_count"]

wp.set_module_options({"enable_backward": False})


def block_samples(sample_rate: int) -> int:
    """Returns the samples of one block: 1024 up to 24 kHz, 2048 above.

    Transforms of up to 8192 samples give the same bits for a row alone and in a batch; longer ones do not (measured
    with MKL), so that long responses are cut into partitions instead.
    """
    return 1024 if sample_rate <= 24000 else 2048


def partition_count(samples: int, sample_rate: int) -> int:
    """Returns the number of blocks that hold so many samples."""
    return -(-samples // block_samples(sample_rate))


def filter_spectra(fir: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Returns the spectra of impulse responses (B, S, C, L), cut into P partitions, shape (B, S C P, F) complex64."""
    hop = block_samples(sample_rate)
    rows, sources, channels, length = fir.shape
    partitions = partition_count(length, sample_rate)
    padded = fir.to(torch.float32)
    if length < partitions * hop:
        padded = torch.nn.functional.pad(padded, (0, partitions * hop - length))
    spectra: torch.Tensor = torch.fft.rfft(padded.reshape(rows, sources * channels * partitions, hop), 2 * hop)
    return spectra


# Sums stay in registers over all partitions; eight bins are a vector of 16 numbers.
@wp.func_native("""
    const int bins = filters.shape[1];
    const float* __restrict__ h = reinterpret_cast<const float*>(filters.data) + place * bins * 2;
    const float* __restrict__ x = reinterpret_cast<const float*>(segments.data) + segment * bins * 2;
    float* __restrict__ y = reinterpret_cast<float*>(out.data);
    int k = first;
    for (; k + 8 <= last; k += 8) {
        float re[8], im[8];
        for (int i = 0; i < 8; ++i) {
            re[i] = add ? y[2 * (k + i)] : 0.0f;
            im[i] = add ? y[2 * (k + i) + 1] : 0.0f;
        }
        for (int p = 0; p < partitions; ++p) {
            const float* a = h + (p * bins + k) * 2;
            const float* b = x + (k - p * bins) * 2;
            for (int i = 0; i < 8; ++i) {
                re[i] += a[2 * i] * b[2 * i] - a[2 * i + 1] * b[2 * i + 1];
                im[i] += a[2 * i] * b[2 * i + 1] + a[2 * i + 1] * b[2 * i];
            }
        }
        for (int i = 0; i < 8; ++i) { y[2 * (k + i)] = re[i]; y[2 * (k + i) + 1] = im[i]; }
    }
    for (; k < last; ++k) {
        float re = add ? y[2 * k] : 0.0f, im = add ? y[2 * k + 1] : 0.0f;
        for (int p = 0; p < partitions; ++p) {
            const float* a = h + (p * bins + k) * 2;
            const float* b = x + (k - p * bins) * 2;
            re += a[0] * b[0] - a[1] * b[1];
            im += a[0] * b[1] + a[1] * b[0];
        }
        y[2 * k] = re;
        y[2 * k + 1] = im;
    }
""")
def _convolve(
    filters: wp.array2d[wp.vec2],
    place: wp.int32,
    segments: wp.array2d[wp.vec2],
    segment: wp.int32,
    partitions: wp.int32,
    first: wp.int32,
    last: wp.int32,
    add: wp.bool,
    out: wp.array[wp.vec2],
) -> None:
    """Sets bins of `out`, or adds to them, the sum of products of partitions with ever earlier segments."""


@wp.kernel
def _accumulate_kernel(
    filters: wp.array3d[wp.vec2],
    previous: wp.array3d[wp.vec2],
    fresh: wp.array[wp.bool],
    segments: wp.array3d[wp.vec2],
    sources: wp.int32,
    blocks: wp.int32,
    bins_each: wp.int32,
    spectrum_out: wp.array4d[wp.vec2],
) -> None:
    row, channel, block, part = wp.tid()
    channels = spectrum_out.shape[1]
    partitions = filters.shape[1] / (channels * sources)
    number = segments.shape[1] / sources
    first = part * bins_each
    last = wp.min(first + bins_each, filters.shape[2])
    out = spectrum_out[row, channel, block]
    for source in range(sources):
        place = (channels * source + channel) * partitions
        segment = source * number + partitions - 1 + block
        if block < blocks:
            _convolve(filters[row], place, segments[row], segment, partitions, first, last, source > 0, out)
        elif not fresh[row]:
            old = segment - blocks
            _convolve(previous[row], place, segments[row], old, partitions, first, last, source > 0, out)
        else:
            for k in range(first, last):
                out[k] = wp.vec2(0.0, 0.0)


def convolve_blocks(
    filters: torch.Tensor,
    previous: torch.Tensor,
    fresh: torch.Tensor,
    segments: torch.Tensor,
    sizes: tuple[int, int, int, int],
) -> torch.Tensor:
    """Returns signals through the present responses, then the beginning of it through the previous ones.

    Args:
        filters: the present responses as `filter_spectra` gives them, (B, S C P, F).
        previous: the previous ones, (B, S C P, F).
        fresh: whether a row has no previous ones, (B,) bool: it gets zeros.
        segments: spectra of overlapping pieces of the signals, two blocks long and one block apart, from P blocks
            before the step on, (B, S (P + blocks - 1), F).
        sizes: number of sources S, of channels C, of blocks and of blocks through the previous responses.

    Returns:
        Shape (B, C, blocks + previous blocks, 2 hop); the second half of each is the block's sound.
    """
    sources, channels, blocks, old_blocks = sizes
    rows, _, bins = filters.shape
    device = filters.device
    spectrum = torch.empty(rows, channels, blocks + old_blocks, bins, dtype=torch.complex64, device=device)
    each = bins if device.type == "cpu" else 1
    launch(
        _accumulate_kernel,
        (rows, channels, blocks + old_blocks, -(-bins // each)),
        [filters, previous, fresh, segments, sources, blocks, each, spectrum],
        device,
    )
    sound: torch.Tensor = torch.fft.irfft(spectrum, 2 * (bins - 1))
    return sound
