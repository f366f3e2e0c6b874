"""Discrete sound paths to impulse responses at ears or microphones, with exact fractional delays."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from avi_env.acoustics.ear_filters import path_places, path_spectra, path_window
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.hrtf_grid import hrtf_grid
from avi_env.acoustics.native_loops import add_windowed
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.warp_array import launch

__all__ = ["overlay", "paths_to_fir"]

wp.set_module_options({"enable_backward": False})


def paths_to_fir(paths: Paths, yaw: torch.Tensor, hrtf: Hrtf, length: int) -> torch.Tensor:
    """Returns the impulse responses of discrete paths on C channels, (B, C, length); a head's row 0 is the left ear.

    Sample i is the pressure i / sample_rate after emission. A path of zero gain contributes exactly nothing; what
    arrives after `length` is cut. A source nearer than the ears counts as just outside: nothing arrives before it is
    sent. Each row depends on its own inputs only, bit for bit, whatever the batch.

    Args:
        paths: B environments with P path slots each.
        yaw: of the head [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,).
        hrtf: the head or array; its sample rate is that of the result.
        length: [samples].

    Raises:
        ValueError: shapes of paths and yaw that do not fit together.
    """
    rows, slots = paths.delay.shape
    grid = hrtf_grid(hrtf, str(paths.gain.device))
    places = path_places(paths._replace(delay=paths.delay.clamp(min=grid.reach)), yaw, grid)
    responses = torch.fft.irfft(path_spectra(places, grid), grid.filter_length)
    channels = grid.delay.shape[1]
    window = path_window(grid.filter_length, str(responses.device))
    start = places.start.reshape(rows, slots, channels)
    return overlay(responses.reshape(rows, slots, channels, -1), start, length, window)


@wp.kernel
def _overlay_kernel(
    responses: wp.array4d[wp.float32],
    start: wp.array3d[wp.int32],
    window: wp.array[wp.float32],
    each: wp.int32,
    fir_out: wp.array3d[wp.float32],
) -> None:
    row, channel, part = wp.tid()
    first = part * each
    last = wp.min(first + each, fir_out.shape[2])
    out = fir_out[row, channel]
    for path in range(responses.shape[1]):
        shift = start[row, path, channel]
        begin = wp.max(first, shift)
        count = wp.min(last, shift + responses.shape[3]) - begin
        add_windowed(responses[row, path, channel], window, begin - shift, count, out, begin)


def overlay(
    responses: torch.Tensor, start: torch.Tensor, length: int, window: torch.Tensor | None = None
) -> torch.Tensor:
    """Returns the sum of short responses, each at its own place, shape (B, C, length).

    Args:
        responses: shape (B, P, C, N).
        start: sample at which each begins; may be negative or beyond the end, shape (B, P, C) int32.
        length: [samples].
        window: factor on each response, shape (N,); 1 if not given.

    Raises:
        ValueError: shapes that do not fit together.
    """
    rows, _, channels, size = responses.shape
    device = responses.device
    if start.shape != responses.shape[:3]:
        raise ValueError(
            f"responses {tuple(responses.shape)} need start {tuple(responses.shape[:3])}, not {start.shape}"
        )
    if window is None:
        window = _ones(size, device)
    responses, start = responses.contiguous(), start.to(torch.int32).contiguous()
    fir = torch.zeros(rows, channels, length, device=device)
    # Each sample has one owner, so the order of the sum is that of the paths: long blocks for one core, short for many.
    each = length if device.type == "cpu" else 8
    launch(_overlay_kernel, (rows, channels, -(-length // each)), [responses, start, window, each, fir], device)
    return fir


@lru_cache(maxsize=16)
def _ones(size: int, device: torch.device) -> torch.Tensor:
    return torch.ones(size, device=device)
