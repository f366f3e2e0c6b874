"""One minimum-phase filter per path and channel: octave gains, head and fractional delay as a sum of log-spectra."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT, BANDS_HZ
from avi_env.acoustics.hrtf import Hrtf, minimum_phase
from avi_env.acoustics.hrtf_grid import HrtfGrid, cepstrum_length, filter_length, hrtf_grid
from avi_env.acoustics.native_loops import filter_spectrum
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.sphere import AZIMUTH_STEPS, ELEVATION_STEPS
from avi_env.acoustics.warp_array import launch

__all__ = ["LEAD_SAMPLES", "PathPlaces", "band_filters", "ear_spectra", "path_places", "path_spectra", "path_window"]

# Transcendental functions run in Warp, a thread an element: torch's vector and scalar versions round differently, so
# that a row's result would depend on its place in the batch.
wp.set_module_options({"enable_backward": False})

LEAD_SAMPLES = 32
"""Room before the whole part of the delay for the front half of the interpolating sinc [samples]."""

_PASSBAND = 0.9
"""The interpolating sinc is flat up to this fraction of half the sample rate, then falls as a raised cosine."""

_ROW = wp.constant(AZIMUTH_STEPS + 1)
_COLUMNS = wp.constant(float(AZIMUTH_STEPS))
_ROWS = wp.constant(float(ELEVATION_STEPS - 1))
_BANDS = wp.constant(BAND_COUNT)
_LEAD = wp.constant(LEAD_SAMPLES)
_LOWEST = wp.constant(-11.5)  # log of 1e-5: octave gains are floored 100 dB below the largest of their path
_TURN = wp.constant(float(2.0 * np.pi))
_MAX_SAMPLES = wp.constant(wp.float64(1.0e8))


class PathPlaces(NamedTuple):
    """Where N = B P paths lie on the head's grid, how loud they are and when they begin."""

    corner: torch.Tensor
    """Grid point below and clockwise of the direction, shape (N,) int32."""
    weight: torch.Tensor
    """Share of the next azimuth and of the next elevation, shape (N, 2)."""
    level: torch.Tensor
    """Log of the octave gains re the loudest octave, shape (N, 7)."""
    scale: torch.Tensor
    """Gain of the loudest octave, 0 = no path, shape (N,)."""
    start: torch.Tensor
    """Sample at which each channel's filter begins, LEAD_SAMPLES before the arrival, shape (N, C) int32."""
    fraction: torch.Tensor
    """What is left of the delay [samples, 0..1), shape (N, C)."""


@wp.kernel
def _places_kernel(
    delay: wp.array[wp.float64],
    gain: wp.array2d[wp.float32],
    direction: wp.array[wp.vec3],
    yaw: wp.array[wp.float32],
    lag: wp.array2d[wp.float32],
    sample_rate: wp.float64,
    corner_out: wp.array[wp.int32],
    weight_out: wp.array[wp.vec2],
    level_out: wp.array2d[wp.float32],
    scale_out: wp.array[wp.float32],
    start_out: wp.array2d[wp.int32],
    fraction_out: wp.array2d[wp.float32],
) -> None:
    path = wp.tid()
    turn = yaw[path / (delay.shape[0] / yaw.shape[0])]
    towards = direction[path]
    cosine, sine = wp.cos(turn), wp.sin(turn)
    # Right = (cos, 0, -sin), backward = (sin, 0, cos) of the turned head.
    x = towards[0] * cosine - towards[2] * sine
    z = towards[0] * sine + towards[2] * cosine
    # The right half is looked up through its mirror image, so that a mirrored sound swaps the ears bit for bit.
    azimuth = wp.abs(wp.atan2(-x, -z)) * (_COLUMNS / _TURN)
    elevation = (wp.atan2(towards[1], wp.sqrt(x * x + z * z)) * (2.0 / _TURN) + 0.5) * _ROWS
    column = wp.clamp(wp.floor(azimuth), 0.0, 0.5 * _COLUMNS - 1.0)
    row = wp.clamp(wp.floor(elevation), 0.0, _ROWS - 1.0)
    u, v = wp.clamp(azimuth - column, 0.0, 1.0), wp.clamp(elevation - row, 0.0, 1.0)
    if x > 0.0:
        column, u = _COLUMNS - 1.0 - column, 1.0 - u
    corner = int(row) * _ROW + int(column)
    corner_out[path] = corner
    weight_out[path] = wp.vec2(u, v)

    loudest = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
    for band in range(_BANDS):
        loudest = wp.max(loudest, gain[path, band])
    scale_out[path] = loudest
    for band in range(_BANDS):
        level = _LOWEST
        if gain[path, band] > 0.0:
            level = wp.max(wp.log(gain[path, band] / loudest), _LOWEST)
        level_out[path, band] = level

    for ear in range(lag.shape[1]):
        low = lag[corner, ear] * (1.0 - u) + lag[corner + 1, ear] * u
        high = lag[corner + _ROW, ear] * (1.0 - u) + lag[corner + _ROW + 1, ear] * u
        arrival = (delay[path] + wp.float64(low * (1.0 - v) + high * v)) * sample_rate
        arrival = wp.clamp(arrival, -_MAX_SAMPLES, _MAX_SAMPLES)  # an infinite delay is late, not undefined
        whole = wp.floor(arrival)
        start_out[path, ear] = int(whole) - _LEAD
        fraction_out[path, ear] = wp.float32(arrival - whole)


def path_places(paths: Paths, yaw: torch.Tensor, grid: HrtfGrid) -> PathPlaces:
    """Returns where B environments' P paths lie on the head's grid.

    Args:
        paths: as the propagation hands them over.
        yaw: of the head [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,).
        grid: the head.

    Raises:
        ValueError: shapes that do not fit together.
    """
    rows, slots = paths.delay.shape
    if paths.gain.shape != (rows, slots, BAND_COUNT) or paths.direction.shape != (rows, slots, 3) or len(yaw) != rows:
        raise ValueError(
            f"paths need delay (B, P), gain (B, P, {BAND_COUNT}), direction (B, P, 3) and yaw (B,); got "
            f"{tuple(paths.delay.shape)}, {tuple(paths.gain.shape)}, {tuple(paths.direction.shape)}, {tuple(yaw.shape)}"
        )
    device, count, channels = paths.gain.device, rows * slots, grid.delay.shape[1]
    delay = paths.delay.to(torch.float64).reshape(-1).contiguous()
    gain = paths.gain.to(torch.float32).reshape(count, BAND_COUNT).contiguous()
    direction = paths.direction.to(torch.float32).reshape(count, 3).contiguous()
    turn = yaw.to(torch.float32).contiguous()
    empty = torch.empty
    places = PathPlaces(
        empty(count, dtype=torch.int32, device=device),
        empty(count, 2, device=device),
        empty(count, BAND_COUNT, device=device),
        empty(count, device=device),
        empty(count, channels, dtype=torch.int32, device=device),
        empty(count, channels, device=device),
    )
    arguments = [delay, gain, direction, turn, grid.delay, float(grid.sample_rate), *places]
    launch(_places_kernel, (count,), arguments, device)
    return places


@wp.kernel
def _spectra_kernel(
    corner: wp.array[wp.int32],
    weight: wp.array[wp.vec2],
    level: wp.array2d[wp.float32],
    scale: wp.array[wp.float32],
    fraction: wp.array2d[wp.float32],
    head: wp.array3d[wp.vec2],
    octaves: wp.array2d[wp.vec2],
    taper: wp.array[wp.float32],
    bins_each: wp.int32,
    spectrum_out: wp.array3d[wp.vec2],
) -> None:
    path, channel, part = wp.tid()
    first = part * bins_each
    bins = wp.min(bins_each, taper.shape[0] - first)
    if scale[path] <= 0.0:
        for k in range(first, first + bins):
            spectrum_out[path, channel, k] = wp.vec2(0.0, 0.0)
        return
    c = corner[path]
    filter_spectrum(
        octaves,
        level[path],
        head[c, channel],
        head[c + 1, channel],
        head[c + _ROW, channel],
        head[c + _ROW + 1, channel],
        weight[path],
        taper,
        scale[path],
        fraction[path, channel] + float(_LEAD),
        first,
        bins,
        spectrum_out[path, channel],
    )


def path_spectra(places: PathPlaces, grid: HrtfGrid) -> torch.Tensor:
    """Returns the spectra of all paths' filters on C channels, shape (N, C, F) complex64; see `PathPlaces.start`."""
    count, (channels, bins) = len(places.scale), grid.log_spectrum.shape[1:]
    device = grid.log_spectrum.device
    spectrum = torch.empty(count, channels, bins, dtype=torch.complex64, device=device)
    octaves, taper = band_filters(grid.sample_rate, str(device)), _taper(bins, str(device))
    each = bins if device.type == "cpu" else 1
    tables = [grid.log_spectrum, octaves, taper]
    arguments = [places.corner, places.weight, places.level, places.scale, places.fraction, *tables, each, spectrum]
    launch(_spectra_kernel, (count, channels, -(-bins // each)), arguments, device)
    return spectrum


@lru_cache(maxsize=8)
def _taper(bins: int, device: str) -> torch.Tensor:
    """Returns the spectrum of the interpolating sinc, shape (F,)."""
    fall = np.clip((np.arange(bins) / (bins - 1) - _PASSBAND) / (1.0 - _PASSBAND), 0.0, 1.0)
    return torch.from_numpy((0.5 + 0.5 * np.cos(np.pi * fall)).astype(np.float32)).to(device)


@lru_cache(maxsize=8)
def path_window(length: int, device: str) -> torch.Tensor:
    """Returns the window that ends a response, and silences what of its tail comes round to the front, (length,)."""
    rise, fall = LEAD_SAMPLES // 2, length // 4
    window = np.ones(length)
    window[:rise] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    window[-fall:] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return torch.from_numpy(window.astype(np.float32)).to(device)


def ear_spectra(direction: torch.Tensor, yaw: torch.Tensor, hrtf: Hrtf) -> tuple[torch.Tensor, int]:
    """Returns what the head does to sounds from world directions, without gain or delay of their own.

    Args:
        direction: unit vectors, world frame, shape (B, D, 3).
        yaw: of the head [rad], shape (B,).
        hrtf: the head.

    Returns:
        Spectra (B, D, C, F) complex64, and the sample at which all their filters begin.
    """
    rows, count = direction.shape[:2]
    grid = hrtf_grid(hrtf, str(direction.device))
    plain = _plain_paths(rows, count, str(direction.device))
    places = path_places(plain._replace(direction=direction, departure=direction), yaw, grid)
    # One start for all: the whole part of each channel's delay moves into the phase.
    together = places._replace(fraction=places.fraction + (places.start + LEAD_SAMPLES).float())
    return path_spectra(together, grid).reshape(rows, count, grid.delay.shape[1], -1), -LEAD_SAMPLES


@lru_cache(maxsize=64)
def _plain_paths(rows: int, count: int, device: str) -> Paths:
    """Returns paths without delay, of gain 1 in every octave; read only."""
    delay = torch.zeros(rows, count, dtype=torch.float64, device=device)
    nowhere = torch.zeros(rows, count, 3, device=device)
    return Paths(delay, torch.ones(rows, count, BAND_COUNT, device=device), nowhere, nowhere)


@lru_cache(maxsize=16)
def band_filters(sample_rate: int, device: str) -> torch.Tensor:
    """Returns the octaves' shares of a log-spectrum with its minimum phase, shape (7, F) complex64, sum of real 1.

    Decibels are interpolated linearly over log-frequency between band centres and held beyond the outer ones.
    """
    size = cepstrum_length(sample_rate)
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    place = np.log2(np.maximum(frequency, 1.0) / BANDS_HZ[0])
    centres = np.arange(float(BAND_COUNT))
    shares = np.stack([np.interp(place, centres, np.eye(BAND_COUNT)[band]) for band in range(BAND_COUNT)])
    step = size // filter_length(sample_rate)
    return torch.from_numpy(np.ascontiguousarray(minimum_phase(shares)[:, ::step], dtype=np.complex64)).to(device)
