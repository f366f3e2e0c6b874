"""Partitioned convolution: short Fourier transforms whose rounding does not depend on the batch."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from collections.abc import Callable

import torch
import warp as wp

from avi_env.acoustics.warp_array import as_warp
from avi_env.scene.rays_warp import wp_device

__all__ = ["block_samples", "convolve_blocks", "filter_spectra", "segment_spectra"]

wp.set_module_options({"enable_backward": False})


def block_samples(sample_rate: int) -> int:
    """Returns the samples of one block: 1024 up to 24 kHz, 2048 above.

    Transforms of up to 8192 samples give the same bits for a row alone and in a batch; longer ones do not (measured
    with MKL), so that long responses are cut into partitions instead.
    """
    return 1024 if sample_rate <= 24000 else 2048


def filter_spectra(fir: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Returns the spectra of impulse responses (B, S, 2, L), cut into P partitions, shape (B, S 2 P, F) complex64."""
    hop = block_samples(sample_rate)
    rows, sources, ears, length = fir.shape
    partitions = -(-length // hop)
    padded = torch.nn.functional.pad(fir.to(torch.float32), (0, partitions * hop - length))
    spectra: torch.Tensor = torch.fft.rfft(padded.reshape(rows, sources * ears * partitions, hop), 2 * hop)
    return spectra


def segment_spectra(
    signal: Callable[[int, int], torch.Tensor], fir_length: int, count: int, sample_rate: int
) -> torch.Tensor:
    """Returns the spectra of overlapping segments of signals, shape (B, S Q, F) complex64.

    Args:
        signal: gives (B, S, length) samples that begin `history` samples before the step, called as
            signal(history, length).
        fir_length: of the responses to come [samples].
        count: samples of the step.
        sample_rate: [Hz].
    """
    hop = block_samples(sample_rate)
    partitions, blocks = -(-fir_length // hop), -(-count // hop)
    samples = signal(partitions * hop, (partitions + blocks) * hop)
    segments = samples.unfold(-1, 2 * hop, hop)
    rows, sources, number, _ = segments.shape
    spectra: torch.Tensor = torch.fft.rfft(segments.reshape(rows, sources * number, 2 * hop))
    return spectra


@wp.kernel
def _accumulate_kernel(
    filters: wp.array3d[wp.vec2],
    segments: wp.array3d[wp.vec2],
    sources: wp.int32,
    spectrum_out: wp.array4d[wp.vec2],
) -> None:
    row, ear, block, k = wp.tid()
    partitions = filters.shape[1] / (2 * sources)
    number = segments.shape[1] / sources
    total = wp.vec2(0.0, 0.0)
    for source in range(sources):
        for partition in range(partitions):
            h = filters[row, (2 * source + ear) * partitions + partition, k]
            x = segments[row, source * number + block + partitions - 1 - partition, k]
            total += wp.vec2(h[0] * x[0] - h[1] * x[1], h[0] * x[1] + h[1] * x[0])
    spectrum_out[row, ear, block, k] = total


def convolve_blocks(
    filters: torch.Tensor, segments: torch.Tensor, sources: int, sample_rate: int, count: int
) -> torch.Tensor:
    """Returns the sum over sources of signals convolved with responses, the step's first samples, (B, 2, count).

    Args:
        filters: as `filter_spectra` gives them, (B, S 2 P, F).
        segments: as `segment_spectra` gives them, (B, S Q, F).
        sources: S.
        sample_rate: [Hz].
        count: samples wanted, at most those that the segments were made for.
    """
    hop = block_samples(sample_rate)
    rows, _, bins = filters.shape
    blocks = -(-count // hop)
    spectrum = torch.empty(rows, 2, blocks, bins, dtype=torch.complex64, device=filters.device)
    filters, segments = filters.contiguous(), segments.contiguous()
    wp.launch(
        _accumulate_kernel,
        dim=(rows, 2, blocks, bins),
        inputs=[as_warp(filters), as_warp(segments), wp.int32(sources)],
        outputs=[as_warp(spectrum)],
        device=wp_device(filters.device),
    )
    audio: torch.Tensor = torch.fft.irfft(spectrum, 2 * hop)[..., hop:].reshape(rows, 2, blocks * hop)
    return audio[..., :count].contiguous()
