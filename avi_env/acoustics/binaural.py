"""Discrete sound paths to impulse responses at ears or microphones, with exact fractional delays."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from avi_env.acoustics.ear_filters import LEAD_SAMPLES, EarSpectra, path_spectra, path_window
from avi_env.acoustics.early import add_early, early_directions
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.hrtf_grid import hrtf_grid
from avi_env.acoustics.native_loops import add_windowed, set_zero
from avi_env.acoustics.paths import Paths
from avi_env.scene.launches import launch

__all__ = ["overlay", "paths_to_fir", "response_fir"]

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
    grid = hrtf_grid(hrtf, str(paths.gain.device))
    nowhere = torch.empty(1, 0, 3, device=paths.gain.device)
    spectra = path_spectra(paths, nowhere, yaw, grid)
    return _overlaid(spectra, length, length)


def response_fir(
    paths: Paths, sample: FieldSample, yaw: torch.Tensor, hrtf: Hrtf, length: int, room: int
) -> torch.Tensor:
    """Returns the sum of `paths_to_fir` and `early_fir`, followed by zeros, shape (B, C, room).

    Args:
        paths: as for `paths_to_fir`.
        sample: the field where the listeners stand.
        yaw: of the head [rad], shape (B,).
        hrtf: the head or array.
        length: of the responses [samples].
        room: `length`, or more.
    """
    device = str(paths.gain.device)
    grid = hrtf_grid(hrtf, device)
    spectra = path_spectra(paths, early_directions(device)[None], yaw, grid)
    fir = _overlaid(spectra, length, room)
    add_early(fir, sample, spectra.directions, -LEAD_SAMPLES, grid.sample_rate, length)
    return fir


def _overlaid(spectra: EarSpectra, length: int, room: int) -> torch.Tensor:
    """Returns the sum of paths, each at its own place, shape (B, C, room)."""
    size = 2 * (spectra.paths.shape[-1] - 1)
    responses = torch.fft.irfft(spectra.paths, size)
    return _sum_of(responses, spectra.start, path_window(size, str(responses.device)), length, room)


@wp.kernel
def _overlay_kernel(
    responses: wp.array4d[wp.float32],
    start: wp.array3d[wp.int32],
    window: wp.array[wp.float32],
    length: wp.int32,
    each: wp.int32,
    fir_out: wp.array3d[wp.float32],
) -> None:
    row, channel, part = wp.tid()
    first = part * each
    last = wp.min(first + each, fir_out.shape[2])
    out = fir_out[row, channel]
    set_zero(out, first, last - first)
    last = wp.min(last, length)
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
    size, device = responses.shape[3], responses.device
    if start.shape != responses.shape[:3]:
        raise ValueError(
            f"responses {tuple(responses.shape)} need start {tuple(responses.shape[:3])}, not {start.shape}"
        )
    if window is None:
        window = _ones(size, device)
    return _sum_of(responses.contiguous(), start.to(torch.int32).contiguous(), window, length, length)


def _sum_of(responses: torch.Tensor, start: torch.Tensor, window: torch.Tensor, length: int, room: int) -> torch.Tensor:
    """Returns what `overlay` does, followed by zeros; there may be further starts behind those of the responses."""
    (rows, _, channels, _), device = responses.shape, responses.device
    fir = torch.empty(rows, channels, room, device=device)
    # Each sample has one owner, so the order of the sum is that of the paths: long blocks for one core, short for many.
    each = room if device.type == "cpu" else 8
    arguments = [responses, start, window, length, each, fir]
    launch(_overlay_kernel, (rows, channels, -(-room // each)), arguments, device)
    return fir


@lru_cache(maxsize=16)
def _ones(size: int, device: torch.device) -> torch.Tensor:
    return torch.ones(size, device=device)
