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
from avi_env.acoustics.paths import Paths, empty_paths
from avi_env.acoustics.sphere import AZIMUTH_STEPS, ELEVATION_STEPS
from avi_env.scene.launches import launch

__all__ = ["LEAD_SAMPLES", "EarSpectra", "band_filters", "ear_spectra", "path_spectra", "path_window"]

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


class EarSpectra(NamedTuple):
    """What a receiver of C channels does to P paths and to D directions, in each of B environments."""

    paths: torch.Tensor
    """Spectra of the paths' filters, gains and fractional delays included, shape (B, P, C, F) complex64."""
    start: torch.Tensor
    """Sample at which each of these filters begins, LEAD_SAMPLES before the arrival, shape (B, P, C) int32."""
    directions: torch.Tensor
    """Spectra for sound from the directions, without gain or delay of its own, shape (B, D, C, F) complex64.

    Their filters begin LEAD_SAMPLES before sample 0.
    """


@wp.func
def _on_grid(towards: wp.vec3, turn: wp.float32) -> wp.vec3:
    """Number of the grid point below and clockwise of a direction, share of the next azimuth and elevation."""
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
    return wp.vec3(row * float(_ROW) + column, u, v)  # far below 2^24: exact


@wp.kernel
def _places_kernel(
    delay: wp.array2d[wp.float64],
    gain: wp.array3d[wp.float32],
    direction: wp.array2d[wp.vec3],
    world: wp.array2d[wp.vec3],
    yaw: wp.array[wp.float32],
    lag: wp.array2d[wp.float32],
    least: wp.float64,
    sample_rate: wp.float64,
    corner_out: wp.array2d[wp.int32],
    number_out: wp.array3d[wp.float32],  # log of the octave gains re the loudest (7), its gain, shares on the grid (2)
    start_out: wp.array3d[wp.int32],
    fraction_out: wp.array3d[wp.float32],
) -> None:
    b, path = wp.tid()
    slots = delay.shape[1]
    towards = wp.vec3()
    loudest = float(1.0)  # noqa: UP018 - a Warp variable, not a constant
    if path < slots:
        towards = direction[b, path]
        loudest = 0.0
        for band in range(_BANDS):
            loudest = wp.max(loudest, gain[b, path, band])
    else:
        towards = world[b % world.shape[0], path - slots]
    place = _on_grid(towards, yaw[b])
    corner, u, v = int(place[0]), place[1], place[2]
    corner_out[b, path] = corner
    for band in range(_BANDS):
        level = float(0.0)  # noqa: UP018
        if path < slots:
            level = _LOWEST
            if gain[b, path, band] > 0.0:
                level = wp.max(wp.log(gain[b, path, band] / loudest), _LOWEST)
        number_out[b, path, band] = level
    number_out[b, path, _BANDS] = loudest
    number_out[b, path, _BANDS + 1] = u
    number_out[b, path, _BANDS + 2] = v

    for ear in range(lag.shape[1]):
        low = lag[corner, ear] * (1.0 - u) + lag[corner + 1, ear] * u
        high = lag[corner + _ROW, ear] * (1.0 - u) + lag[corner + _ROW + 1, ear] * u
        later = wp.float64(low * (1.0 - v) + high * v)
        if path < slots:
            arrival = (wp.max(delay[b, path], least) + later) * sample_rate
            arrival = wp.clamp(arrival, -_MAX_SAMPLES, _MAX_SAMPLES)  # an infinite delay is late, not undefined
            whole = wp.floor(arrival)
            start_out[b, path, ear] = int(whole) - _LEAD
            fraction_out[b, path, ear] = wp.float32(arrival - whole)
        else:  # one start for all: the whole part of the delay is in the phase, too
            whole = wp.floor(later * sample_rate)
            fraction_out[b, path, ear] = wp.float32(later * sample_rate - whole) + wp.float32(whole)


@wp.kernel
def _spectra_kernel(
    corner: wp.array2d[wp.int32],
    number: wp.array3d[wp.float32],
    fraction: wp.array3d[wp.float32],
    head: wp.array3d[wp.vec2],
    octaves: wp.array2d[wp.vec2],
    taper: wp.array[wp.float32],
    slots: wp.int32,
    bins_each: wp.int32,
    paths_out: wp.array4d[wp.vec2],
    directions_out: wp.array4d[wp.vec2],
) -> None:
    b, path, channel, part = wp.tid()
    first = part * bins_each
    bins = wp.min(bins_each, taper.shape[0] - first)
    scale = number[b, path, _BANDS]
    if path < slots and scale <= 0.0:
        for k in range(first, first + bins):
            paths_out[b, path, channel, k] = wp.vec2(0.0, 0.0)
        return
    out = directions_out[b, 0, channel]
    if path < slots:
        out = paths_out[b, path, channel]
    else:
        out = directions_out[b, path - slots, channel]
    c = corner[b, path]
    filter_spectrum(
        octaves,
        number[b, path],
        head[c, channel],
        head[c + 1, channel],
        head[c + _ROW, channel],
        head[c + _ROW + 1, channel],
        wp.vec2(number[b, path, _BANDS + 1], number[b, path, _BANDS + 2]),
        taper,
        scale,
        fraction[b, path, channel] + float(_LEAD),
        first,
        bins,
        out,
    )


def path_spectra(paths: Paths, world: torch.Tensor, yaw: torch.Tensor, grid: HrtfGrid) -> EarSpectra:
    """Returns what a receiver does to paths and to sound from world directions.

    Args:
        paths: B environments with P paths each, P may be 0; on the receiver's device.
        world: unit vectors, shape (B, D, 3), or (1, D, 3) for all alike; D may be 0.
        yaw: of the head [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,).
        grid: the receiver. What is nearer than its channels counts as just outside.

    Raises:
        ValueError: shapes that do not fit together.
    """
    (rows, slots), device, (channels, bins) = paths.delay.shape, paths.gain.device, grid.log_spectrum.shape[1:]
    count = slots + world.shape[1]
    if paths.gain.shape != (rows, slots, BAND_COUNT) or paths.direction.shape != (rows, slots, 3) or len(yaw) != rows:
        raise ValueError(
            f"paths need delay (B, P), gain (B, P, {BAND_COUNT}), direction (B, P, 3) and yaw (B,); got "
            f"{tuple(paths.delay.shape)}, {tuple(paths.gain.shape)}, {tuple(paths.direction.shape)}, {tuple(yaw.shape)}"
        )
    given = [
        paths.delay.to(torch.float64).contiguous(),
        paths.gain.to(torch.float32).contiguous(),
        paths.direction.to(torch.float32).contiguous(),
        world.to(torch.float32).contiguous(),
        yaw.to(torch.float32).contiguous(),
    ]
    empty = torch.empty
    start = empty(rows, count, channels, dtype=torch.int32, device=device)
    corner = empty(rows, count, dtype=torch.int32, device=device)
    number, fraction = empty(rows, count, BAND_COUNT + 3, device=device), empty(rows, count, channels, device=device)
    numbers = [grid.delay, float(grid.reach), float(grid.sample_rate)]
    places = [corner, number, start, fraction]
    launch(_places_kernel, (rows, count), [*given, *numbers, *places], device)
    spectra = empty(rows, slots, channels, bins, dtype=torch.complex64, device=device)
    directions = empty(rows, count - slots, channels, bins, dtype=torch.complex64, device=device)
    tables = [grid.log_spectrum, band_filters(grid.sample_rate, str(device)), _taper(bins, str(device))]
    each = bins if device.type == "cpu" else 1
    arguments = [corner, number, fraction, *tables, slots, each, spectra, directions]
    launch(_spectra_kernel, (rows, count, channels, -(-bins // each)), arguments, device)
    return EarSpectra(spectra, start, directions)


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
    grid = hrtf_grid(hrtf, str(direction.device))
    return path_spectra(
        empty_paths(len(direction), 0, direction.device), direction, yaw, grid
    ).directions, -LEAD_SAMPLES


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
