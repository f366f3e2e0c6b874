"""Early reflections of the baked field as an impulse response at ears or microphones."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.binaural import overlay
from avi_env.acoustics.ear_filters import ear_spectra
from avi_env.acoustics.early_noise import EARLY_DIRECTIONS, early_noise
from avi_env.acoustics.field import EARLY_BIN_SECONDS, EARLY_BINS
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.warp_array import as_warp
from avi_env.scene.rays_warp import wp_device

__all__ = ["direction_energies", "early_directions", "early_fir", "early_response"]

wp.set_module_options({"enable_backward": False})

_KNOT_SECONDS = EARLY_BIN_SECONDS / 4
"""Between these knots the amplitude of the noise is linear; at the knots it is the root of the energy density."""

_SHARPEST = 0.85
"""Largest ratio of directional to whole energy that twelve directions can show."""

_Octaves = wp.types.vector(length=BAND_COUNT, dtype=wp.float32)
_BANDS = wp.constant(BAND_COUNT)
_LAST_BIN = wp.constant(EARLY_BINS - 1)


def early_fir(
    sample: FieldSample, yaw: torch.Tensor, hrtf: Hrtf, length: int, arrival: torch.Tensor | None = None, seed: int = 0
) -> torch.Tensor:
    """Returns the impulse responses of the early field on C channels, (B, C, length); a head's row 0 is the left ear.

    Noise from twelve fixed world directions carries each octave's energy, bin by bin; the head turns within it.

    Args:
        sample: the field where the listeners stand.
        yaw: of the head [rad], counter-clockwise about +Y, 0 looks along -Z, shape (B,).
        hrtf: the head or array; its sample rate is that of the result.
        length: [samples].
        arrival: time at which the early field begins [s], shape (B,); the sample's first arrival if not given.
        seed: of the noise.
    """
    filters, start = ear_spectra(early_directions(str(sample.early.device)).expand(len(yaw), -1, -1), yaw, hrtf)
    return early_response(sample, filters, start, hrtf.sample_rate, length, arrival, seed)


def early_response(
    sample: FieldSample,
    ears: torch.Tensor,
    start: int,
    sample_rate: int,
    length: int,
    arrival: torch.Tensor | None = None,
    seed: int = 0,
) -> torch.Tensor:
    """Returns the impulse responses of the early field through any receiver's filters, shape (B, C, length).

    Args:
        sample: the field where the listeners stand.
        ears: what the receiver does to each of `early_directions`, shape (B, 12, C, F) complex64.
        start: sample at which the filters begin.
        sample_rate: [Hz].
        length: [samples].
        arrival: time at which the early field begins [s], shape (B,); the sample's first arrival if not given.
        seed: of the noise.
    """
    device = sample.early.device
    begin = torch.floor((sample.first_arrival if arrival is None else arrival).double() * sample_rate)
    size = 2 * (ears.shape[-1] - 1)
    noise = early_noise(sample_rate, seed, str(device))
    signals = _blocks(direction_energies(sample.early), noise, sample_rate, size)
    responses = torch.fft.irfft(_through_ears(torch.fft.rfft(signals), ears), size)
    block = torch.arange(responses.shape[1], device=device) * (size // 2)
    where = begin.clamp(-1e6, 1e8).to(torch.int32)[:, None, None] + block[:, None] + start
    return overlay(responses, where.expand(-1, -1, ears.shape[2]), length)


@wp.kernel
def _directions_kernel(
    early: wp.array4d[wp.float32],
    directions: wp.array[wp.vec3],
    sharpest: wp.float32,
    energy_out: wp.array4d[wp.float32],
) -> None:
    row, time, band = wp.tid()
    omni = wp.max(early[row, time, band, 0], 0.0)
    lobe = wp.vec3(early[row, time, band, 1], early[row, time, band, 2], early[row, time, band, 3])
    if omni > 0.0:
        lobe = lobe / omni
    sharpness = wp.length(lobe)
    if sharpness > sharpest:  # keep the direction, limit the length
        lobe = lobe * (sharpest / sharpness)
    square = wp.dot(lobe, lobe)
    total = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
    for direction in range(directions.shape[0]):
        base = 1.0 + square - 2.0 * wp.dot(lobe, directions[direction])
        weight = 1.0 / (base * wp.sqrt(base))
        energy_out[row, direction, time, band] = weight
        total += weight
    for direction in range(directions.shape[0]):
        energy_out[row, direction, time, band] *= omni / total


def direction_energies(early: torch.Tensor) -> torch.Tensor:
    """Returns the energy from each of the twelve fixed directions, shape (B, 12, 20, 7); its sum is the whole energy.

    The distribution over the sphere is the positive lobe whose mean direction is that of the first-order harmonics.

    Args:
        early: energies (omni, x, y, z) of bins and octaves, shape (B, 20, 7, 4).

    Source: Henyey and Greenstein 1941: (1 - g^2) / (1 + g^2 - 2 g cos)^(3/2) has the mean cosine g.
    """
    rows, bins, bands, _ = early.shape
    early = early.to(torch.float32).contiguous()
    directions = early_directions(str(early.device))
    energy = torch.empty(rows, len(directions), bins, bands, device=early.device)
    wp.launch(
        _directions_kernel,
        dim=(rows, bins, bands),
        inputs=[as_warp(early), as_warp(directions, wp.vec3), wp.float32(_SHARPEST)],
        outputs=[as_warp(energy)],
        device=wp_device(early.device),
    )
    return energy


@lru_cache(maxsize=4)
def early_directions(device: str) -> torch.Tensor:
    """Returns the twelve world directions that early reflections come from, shape (12, 3)."""
    return torch.tensor(EARLY_DIRECTIONS, dtype=torch.float32, device=device)


@wp.kernel
def _blocks_kernel(
    energy: wp.array4d[wp.float32],
    noise: wp.array3d[wp.float32],
    knot_samples: wp.float32,
    bin_samples: wp.float32,
    hop: wp.int32,
    signal_out: wp.array4d[wp.float32],
) -> None:
    row, direction, knot = wp.tid()
    low, slope = _Octaves(), _Octaves()
    for end in range(2):
        place = wp.clamp(float(knot + end) * knot_samples / bin_samples - 0.5, 0.0, float(_LAST_BIN))
        before = wp.min(int(place), _LAST_BIN - 1)
        share = place - float(before)
        for band in range(_BANDS):
            here = energy[row, direction, before, band] * (1.0 - share)
            amplitude = wp.sqrt((here + energy[row, direction, before + 1, band] * share) / bin_samples)
            if end == 0:
                low[band] = amplitude
            else:
                slope[band] = (amplitude - low[band]) / knot_samples
    first = int(wp.ceil(float(knot) * knot_samples))
    last = wp.min(int(wp.ceil(float(knot + 1) * knot_samples)), noise.shape[2])
    for sample in range(first, last):
        offset = float(sample) - float(knot) * knot_samples
        total = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
        for band in range(_BANDS):
            total += noise[direction, band, sample] * (low[band] + slope[band] * offset)
        signal_out[row, sample / hop, direction, sample % hop] = total


def _blocks(energy: torch.Tensor, noise: torch.Tensor, sample_rate: int, size: int) -> torch.Tensor:
    """Returns each direction's signal in blocks of half `size`, zero-padded to `size`, shape (B, blocks, 12, size)."""
    rows, directions = energy.shape[:2]
    samples, hop = noise.shape[-1], size // 2
    signal = torch.zeros(rows, -(-samples // hop), directions, size, device=energy.device)
    wp.launch(
        _blocks_kernel,
        dim=(rows, directions, int(samples / (_KNOT_SECONDS * sample_rate)) + 1),
        inputs=[
            as_warp(energy),
            as_warp(noise),
            wp.float32(_KNOT_SECONDS * sample_rate),
            wp.float32(EARLY_BIN_SECONDS * sample_rate),
            wp.int32(hop),
        ],
        outputs=[as_warp(signal)],
        device=wp_device(energy.device),
    )
    return signal


@wp.kernel
def _through_ears_kernel(
    signal: wp.array4d[wp.vec2],
    ears: wp.array4d[wp.vec2],
    spectrum_out: wp.array4d[wp.vec2],
) -> None:
    row, block, ear, k = wp.tid()
    total = wp.vec2(0.0, 0.0)
    for direction in range(signal.shape[2]):
        s, h = signal[row, block, direction, k], ears[row, direction, ear, k]
        total += wp.vec2(s[0] * h[0] - s[1] * h[1], s[0] * h[1] + s[1] * h[0])
    spectrum_out[row, block, ear, k] = total


def _through_ears(signal: torch.Tensor, ears: torch.Tensor) -> torch.Tensor:
    """Returns the sum over directions of signal (B, blocks, 12, F) times ear (B, 12, C, F): (B, blocks, C, F)."""
    (rows, blocks, _, bins), channels = signal.shape, ears.shape[2]
    ears = ears.contiguous()
    spectrum = torch.empty(rows, blocks, channels, bins, dtype=torch.complex64, device=signal.device)
    wp.launch(
        _through_ears_kernel,
        dim=(rows, blocks, channels, bins),
        inputs=[as_warp(signal), as_warp(ears)],
        outputs=[as_warp(spectrum)],
        device=wp_device(signal.device),
    )
    return spectrum
