"""Discrete sound paths to impulse responses at ears or microphones, with exact fractional delays."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import torch
import warp as wp

from avi_env.acoustics.ear_filters import path_places, path_responses
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.hrtf_grid import hrtf_grid
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.warp_array import as_warp
from avi_env.scene.rays_warp import wp_device

__all__ = ["overlay", "paths_to_fir"]

wp.set_module_options({"enable_backward": False})


def paths_to_fir(paths: Paths, yaw: torch.Tensor, hrtf: Hrtf, length: int) -> torch.Tensor:
    """Returns the impulse responses of discrete paths on C channels, (B, C, length); a head's row 0 is the left ear.

    Sample i is the pressure i / sample_rate after emission. A path of zero gain contributes exactly nothing; what
    arrives after `length` is cut. Each row depends on its own inputs only, bit for bit, whatever the batch.

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
    places = path_places(paths, yaw, grid)
    responses = path_responses(places, grid)
    channels = grid.delay.shape[1]
    return overlay(responses.reshape(rows, slots, channels, -1), places.start.reshape(rows, slots, channels), length)


@wp.kernel
def _overlay_kernel(
    responses: wp.array4d[wp.float32],
    start: wp.array3d[wp.int32],
    block_size: wp.int32,
    fir_out: wp.array3d[wp.float32],
) -> None:
    row, channel, block = wp.tid()
    begin = block * block_size
    end = wp.min(begin + block_size, fir_out.shape[2])
    for path in range(responses.shape[1]):
        shift = start[row, path, channel]
        for sample in range(wp.max(begin, shift), wp.min(end, shift + responses.shape[3])):
            fir_out[row, channel, sample] += responses[row, path, channel, sample - shift]


def overlay(responses: torch.Tensor, start: torch.Tensor, length: int) -> torch.Tensor:
    """Returns the sum of short responses, each at its own place, shape (B, C, length).

    Args:
        responses: shape (B, P, C, N).
        start: sample at which each begins; may be negative or beyond the end, shape (B, P, C) int32.
        length: [samples].

    Raises:
        ValueError: shapes that do not fit together.
    """
    rows, _, channels, _ = responses.shape
    if start.shape != responses.shape[:3]:
        raise ValueError(
            f"responses {tuple(responses.shape)} need start {tuple(responses.shape[:3])}, not {start.shape}"
        )
    responses, start = responses.contiguous(), start.to(torch.int32).contiguous()
    fir = torch.zeros(rows, channels, length, device=responses.device)
    # Each sample has one owner, so the order of the sum is that of the paths: long blocks for one core, short for many.
    block_size = length if responses.device.type == "cpu" else 8
    wp.launch(
        _overlay_kernel,
        dim=(rows, channels, -(-length // block_size)),
        inputs=[as_warp(responses), as_warp(start), wp.int32(block_size)],
        outputs=[as_warp(fir)],
        device=wp_device(responses.device),
    )
    return fir
