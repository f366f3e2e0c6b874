"""Partitioned convolution: short Fourier transforms whose rounding does not depend on the batch."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import torch
import warp as wp

from avi_env.acoustics.native_loops import add_product
from avi_env.acoustics.warp_array import launch

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
    padded = torch.nn.functional.pad(fir.to(torch.float32), (0, partitions * hop - length))
    spectra: torch.Tensor = torch.fft.rfft(padded.reshape(rows, sources * channels * partitions, hop), 2 * hop)
    return spectra


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
    partitions = filters.shape[1] / (spectrum_out.shape[1] * sources)
    number = segments.shape[1] / sources
    first = part * bins_each
    bins = wp.min(bins_each, filters.shape[2] - first)
    out = spectrum_out[row, channel, block]
    for source in range(sources):
        for partition in range(partitions):
            place = (spectrum_out.shape[1] * source + channel) * partitions + partition
            segment = source * number + partitions - 1 - partition
            if block < blocks:
                add_product(filters[row, place], segments[row, segment + block], first, bins, out)
            elif not fresh[row]:
                add_product(previous[row, place], segments[row, segment + block - blocks], first, bins, out)


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
    spectrum = torch.zeros(rows, channels, blocks + old_blocks, bins, dtype=torch.complex64, device=device)
    each = bins if device.type == "cpu" else 1
    launch(
        _accumulate_kernel,
        (rows, channels, blocks + old_blocks, -(-bins // each)),
        [filters, previous, fresh, segments, sources, blocks, each, spectrum],
        device,
    )
    sound: torch.Tensor = torch.fft.irfft(spectrum, 2 * (bins - 1))
    return sound
