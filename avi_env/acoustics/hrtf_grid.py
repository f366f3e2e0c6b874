"""The head on the device: min-phase spectra and delays on a regular grid of directions, read bilinearly."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.hrtf import Hrtf, minimum_phase
from avi_env.acoustics.sphere import AZIMUTH_STEPS, ELEVATION_STEPS, direction_weights, grid_area, grid_directions

__all__ = ["HrtfGrid", "filter_length", "hrtf_grid"]

_CEPSTRUM = 2048
_FLOOR = 1e-4


class HrtfGrid(NamedTuple):
    """A head on a device."""

    log_spectrum: torch.Tensor
    """Log-magnitude + j minimum phase, shape (37 * 145, 2, F) complex64; the last column repeats the first."""
    itd: torch.Tensor
    """Arrival at the right ear less arrival at the left [s], shape (37 * 145,)."""
    sample_rate: int
    """[Hz]."""
    filter_length: int
    """Samples of a filter made from these spectra, 2 (F - 1)."""


def filter_length(sample_rate: int) -> int:
    """Returns the length of one path's filter [samples]: the power of two that holds 15.6 ms, two periods of 125 Hz."""
    return 1 << int(np.ceil(np.log2(0.0156 * sample_rate)))


@lru_cache(maxsize=8)
def hrtf_grid(hrtf: Hrtf, device: str) -> HrtfGrid:
    """Returns the head's regular grid on a device, built once.

    Decibels and interaural delay are interpolated barycentrically between the measured directions; a mirrored head
    gets a mirrored grid, bit for bit.
    """
    wanted = grid_directions().reshape(-1, 3)
    length = filter_length(hrtf.sample_rate)
    index, weight = direction_weights(np.asarray(hrtf.directions, dtype=np.float64), wanted)
    magnitude = np.abs(np.fft.rfft(hrtf.taps.astype(np.float64), _CEPSTRUM))
    spectra = minimum_phase(np.log(np.maximum(magnitude, _FLOOR)))[..., :: _CEPSTRUM // length].astype(np.complex64)
    share = weight.astype(np.float32)[..., None, None]
    grid = spectra[index[:, 0]] * share[:, 0]
    for corner in (1, 2):
        grid += spectra[index[:, corner]] * share[:, corner]
    grid = (grid - _diffuse_gain(grid)).reshape(ELEVATION_STEPS, AZIMUTH_STEPS, 2, -1)
    itd = np.einsum("gk,gk->g", weight, hrtf.itd[index].astype(np.float64)).reshape(ELEVATION_STEPS, AZIMUTH_STEPS)
    if hrtf.is_mirrored:
        mirror = -np.arange(AZIMUTH_STEPS) % AZIMUTH_STEPS
        grid = (grid + grid[:, mirror][:, :, ::-1]) / 2
        itd = (itd - itd[:, mirror]) / 2
    grid = np.concatenate([grid, grid[:, :1]], axis=1)
    itd = np.concatenate([itd, itd[:, :1]], axis=1)
    return HrtfGrid(
        torch.from_numpy(np.ascontiguousarray(grid.reshape(-1, 2, grid.shape[-1]), dtype=np.complex64)).to(device),
        torch.from_numpy(itd.reshape(-1).astype(np.float32)).to(device),
        hrtf.sample_rate,
        length,
    )


def _diffuse_gain(grid: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex128]:
    """Returns the log-spectrum of the grid's mean energy over the sphere: interpolated decibels lose a little of it."""
    energy = grid_area().reshape(-1) @ np.exp(2.0 * grid.real).mean(axis=1)
    return minimum_phase(0.5 * np.log(energy))
