"""The receiver on the device: min-phase spectra and delays on a regular grid of directions, read bilinearly."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.hrtf import Hrtf, minimum_phase
from avi_env.acoustics.microphones import Microphones
from avi_env.acoustics.sphere import AZIMUTH_STEPS, ELEVATION_STEPS, direction_weights, grid_area, grid_directions

__all__ = ["HrtfGrid", "cepstrum_length", "filter_length", "hrtf_grid"]

_FLOOR = 1e-4


class HrtfGrid(NamedTuple):
    """A head or an array of C microphones on a device."""

    log_spectrum: torch.Tensor
    """Log-magnitude + j minimum phase, shape (37 * 145, C, F) complex64; the last column repeats the first."""
    delay: torch.Tensor
    """Arrival re the centre [s], shape (37 * 145, C)."""
    sample_rate: int
    """[Hz]."""
    filter_length: int
    """Samples of a filter made from these spectra, 2 (F - 1)."""
    reach: float
    """Greatest time by which a channel is ahead of the centre [s]."""


def filter_length(sample_rate: int) -> int:
    """Returns the length of one path's filter [samples]: the power of two that holds 15.6 ms, two periods of 125 Hz."""
    return 1 << int(np.ceil(np.log2(0.0156 * sample_rate)))


def cepstrum_length(sample_rate: int) -> int:
    """Returns the transform's length for minimum phases [samples]: twice a filter's, at least 2048 against aliasing."""
    return max(2048, 2 * filter_length(sample_rate))


@lru_cache(maxsize=8)
def hrtf_grid(hrtf: Hrtf, device: str) -> HrtfGrid:
    """Returns the receiver's regular grid on a device, built once.

    Decibels and delays of a head are interpolated barycentrically between the measured directions; a mirrored head gets
    a mirrored grid, bit for bit. Microphones are computed at the grid's own directions: between them the bilinear delay
    is at most 1.2e-3 of a microphone's distance from the centre off (0.15 us for 42 mm).
    """
    length = filter_length(hrtf.sample_rate)
    grid, delay = _microphone_grid(hrtf.microphones, length) if hrtf.microphones else _head_grid(hrtf, length)
    grid = np.concatenate([grid, grid[:, :1]], axis=1)
    delay = np.concatenate([delay, delay[:, :1]], axis=1)
    channels = delay.shape[-1]
    return HrtfGrid(
        torch.from_numpy(np.ascontiguousarray(grid.reshape(-1, channels, grid.shape[-1]), dtype=np.complex64)).to(
            device
        ),
        torch.from_numpy(delay.reshape(-1, channels).astype(np.float32)).to(device),
        hrtf.sample_rate,
        length,
        float(max(-delay.min(), 0.0)),
    )


def _head_grid(hrtf: Hrtf, length: int) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.float64]]:
    """Returns log-spectra (37, 144, 2, F) and delays (37, 144, 2) of a head."""
    index, weight = direction_weights(np.asarray(hrtf.directions, dtype=np.float64), grid_directions().reshape(-1, 3))
    size = cepstrum_length(hrtf.sample_rate)
    magnitude = np.abs(np.fft.rfft(hrtf.taps.astype(np.float64), size))
    spectra = minimum_phase(np.log(np.maximum(magnitude, _FLOOR)))[..., :: size // length].astype(np.complex64)
    share = weight.astype(np.float32)[..., None, None]
    flat: npt.NDArray[Any] = spectra[index[:, 0]] * share[:, 0]
    for corner in (1, 2):
        flat += spectra[index[:, corner]] * share[:, corner]
    if hrtf.equalised:
        flat = flat - _diffuse_gain(flat)
    grid: npt.NDArray[Any] = flat.reshape(ELEVATION_STEPS, AZIMUTH_STEPS, 2, -1)
    delay = np.einsum("gk,gkc->gc", weight, hrtf.delay[index].astype(np.float64))
    delay = delay.reshape(ELEVATION_STEPS, AZIMUTH_STEPS, 2)
    if hrtf.is_mirrored:
        mirror = -np.arange(AZIMUTH_STEPS) % AZIMUTH_STEPS
        grid = (grid + grid[:, mirror][:, :, ::-1]) / 2
        delay = (delay + delay[:, mirror][:, :, ::-1]) / 2
    return grid, delay


def _microphone_grid(
    microphones: Microphones, length: int
) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.float64]]:
    """Returns log-spectra (37, 144, C, F) and delays (37, 144, C) of open microphones: flat, so without phase."""
    directions = grid_directions().reshape(-1, 3)
    shape = (ELEVATION_STEPS, AZIMUTH_STEPS, len(microphones.positions))
    level = np.log(np.maximum(microphones.gains(directions), _FLOOR)).astype(np.complex64).reshape(shape)
    return np.repeat(level[..., None], length // 2 + 1, axis=-1), microphones.delays(directions).reshape(shape)


def _diffuse_gain(grid: npt.NDArray[np.complex64]) -> npt.NDArray[np.complex128]:
    """Returns the log-spectrum of the grid's mean energy over the sphere: interpolated decibels lose a little of it."""
    energy = grid_area().reshape(-1) @ np.exp(2.0 * grid.real).mean(axis=1)
    return minimum_phase(0.5 * np.log(energy))
