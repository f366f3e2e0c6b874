"""An echogram as a waveform: noise from many directions on the channels of a layout, its energies held."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import oaconvolve

from avi_env.acoustics.ear_filters import ear_spectra
from avi_env.acoustics.harmonics import ambisonic_frame, spherical_harmonics
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.late_noise import diffuse_mixture
from avi_env.acoustics.layouts import Layout
from avi_env.acoustics.noise import band_shares, direction_shares, energy_held, sample_density, shaped_noise
from avi_env.acoustics.path_tracer import Echogram

__all__ = ["diffuse_response"]

FloatArray = npt.NDArray[np.float64]

_DIRECTIONS = 32
"""From which diffuse sound arrives: their mean coherence at the ears is that of a diffuse field, and third-order
harmonics have its energies within 0.1 dB."""

_POWER_BINS = 1024


class _Response(NamedTuple):
    """What a layout makes of sound from D directions spread evenly over the sphere, on C channels."""

    directions: FloatArray
    """World frame, shape (D, 3)."""
    responses: FloatArray
    """Shape (D, C, N)."""
    start: int
    """Sample at which all responses begin."""


def diffuse_response(
    echogram: Echogram, layout: Layout, yaw: float, length: int, rng: np.random.Generator
) -> FloatArray:
    """Returns an echogram as noise from all directions on a layout's channels, shape (C, length).

    Args:
        echogram: energies over time and their directions.
        layout: the channels.
        yaw: of the listener [rad].
        length: [samples].
        rng: source of the noise.
    """
    result = np.zeros((layout.channel_count, length))
    if not echogram.energy.any():
        return result
    rate = layout.sample_rate
    heard = _responses(layout, yaw)
    share = direction_shares(echogram.energy, heard.directions)  # (bins, 7, D)
    octave = band_shares(np.abs(np.fft.rfft(heard.responses, _POWER_BINS)) ** 2, rate)  # (D, C, 9)
    wanted = np.zeros((*octave.shape[1:], length))
    if layout.receiver is not None and layout.receiver.microphones is not None:
        # 32 directions are too few for microphones far apart: what is common to all of them is mixed as a whole.
        common = share.min(axis=-1)
        share = share - common[..., None]
        even = echogram.energy[..., 0] * common * len(heard.directions)
        density = sample_density(even, echogram.bin_seconds, rate, length)
        wanted += density * octave.mean(axis=0)[..., None]
        result += _isotropic(density, layout.receiver, rng)
    for number, responses in enumerate(heard.responses):
        energy = echogram.energy[..., 0] * share[..., number]
        density = sample_density(energy, echogram.bin_seconds, rate, length)
        wanted += density * octave[number][..., None]
        noise = shaped_noise(density, rate, rng)
        for channel, response in enumerate(responses):
            part = noise * response[0] if len(response) == 1 else oaconvolve(noise, response)
            _add_at(result[channel], part, heard.start)
    return energy_held(result, wanted, rate)


def _isotropic(density: FloatArray, receiver: Hrtf, rng: np.random.Generator) -> FloatArray:
    """Returns noise of an energy density (9, n) from everywhere alike at a receiver's channels, shape (C, n)."""
    rate, length = receiver.sample_rate, density.shape[1]
    size = 1 << int(np.ceil(np.log2(length + 2 * receiver.taps.shape[2])))
    mixture = diffuse_mixture(receiver, np.fft.rfftfreq(size, 1.0 / rate))[0]
    parts = [np.fft.rfft(shaped_noise(density, rate, rng), size) for _ in range(receiver.channel_count)]
    return np.fft.irfft(np.einsum("ijf,jf->if", mixture, np.stack(parts)), size)[:, :length]


def _responses(layout: Layout, yaw: float) -> _Response:
    turn = torch.tensor([yaw], dtype=torch.float32)
    if layout.receiver is None:
        directions = _even_directions(_DIRECTIONS if layout.order else 1)
        towards = ambisonic_frame(torch.from_numpy(directions)[None], turn.double())
        return _Response(directions, spherical_harmonics(towards, layout.order)[0].numpy()[..., None], 0)
    directions = _even_directions(_DIRECTIONS)
    spectra, start = ear_spectra(torch.from_numpy(directions).float()[None], turn, layout.receiver)
    return _Response(directions, torch.fft.irfft(spectra[0]).double().numpy(), start)


def _add_at(total: FloatArray, part: FloatArray, start: int) -> None:
    """Adds a part that begins at a sample, which may be negative; what lies outside is cut."""
    low, high = max(start, 0), min(start + len(part), len(total))
    if high > low:
        total[low:high] += part[low - start : high - start]


def _even_directions(count: int) -> FloatArray:
    index = np.arange(count)
    height = 1.0 - (2.0 * index + 1.0) / count
    angle = index * np.pi * (3.0 - np.sqrt(5.0))
    radius = np.sqrt(1.0 - height**2)
    return np.column_stack([radius * np.cos(angle), height, radius * np.sin(angle)])
