"""Early reflections of the baked field as an impulse response at ears or microphones."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from avi_env.acoustics.ear_filters import ear_spectra
from avi_env.acoustics.early_noise import EARLY_DIRECTIONS, early_noise
from avi_env.acoustics.field import EARLY_BIN_SECONDS
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.native_loops import add_product, add_samples
from avi_env.acoustics.warp_array import launch

__all__ = ["direction_energies", "early_directions", "early_fir", "early_response"]

wp.set_module_options({"enable_backward": False})

_KNOTS = 8
"""Knots in a block, about one a millisecond: between them the noise's amplitude is linear, at them it is exact."""

_CHUNK = 16
"""Knots are whole vectors of the CPU apart: 16 numbers."""

_SHARPEST = 0.85
"""Largest ratio of directional to whole energy that twelve directions can show."""

_LATEST = wp.constant(wp.float64(1.0e8))


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
    if arrival is None:
        arrival = sample.first_arrival
    signals = _signals(direction_energies(sample.early), sample_rate, seed, 2 * (ears.shape[-1] - 1))
    responses = torch.fft.irfft(_through_ears(torch.fft.rfft(signals), ears))
    return _in_place(responses, arrival.to(torch.float32).contiguous(), sample_rate, start, length)


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
    launch(_directions_kernel, (rows, bins, bands), [early, directions, _SHARPEST, energy], early.device)
    return energy


@lru_cache(maxsize=4)
def early_directions(device: str) -> torch.Tensor:
    """Returns the twelve world directions that early reflections come from, shape (12, 3)."""
    return torch.tensor(EARLY_DIRECTIONS, dtype=torch.float32, device=device)


@wp.func_native("""
    const float* __restrict__ e = energy.data;
    float* __restrict__ a = amplitude.data;
    const int bins = energy.shape[0], bands = energy.shape[1];
    const float step = (float)knot / bin, density = 1.0f / bin;
    for (int k = first; k < last; ++k) {
        float place = (float)k * step - 0.5f;
        place = place < 0.0f ? 0.0f : place;
        int before = (int)place;
        before = before > bins - 2 ? bins - 2 : before;
        float share = place - (float)before;
        share = share > 1.0f ? 1.0f : share;
        const float here = e[before * bands + band] * (1.0f - share);
        a[k] = sqrtf((here + e[(before + 1) * bands + band] * share) * density);
    }
""")
def _set_amplitudes(
    energy: wp.array2d[wp.float32],
    band: wp.int32,
    bin: wp.float32,
    knot: wp.int32,
    first: wp.int32,
    last: wp.int32,
    amplitude: wp.array[wp.float32],
) -> None:
    """Sets the amplitudes at knots: roots of the density of energies that are linear between the middles of bins."""


@wp.kernel
def _amplitudes_kernel(
    energy: wp.array4d[wp.float32],
    bin_samples: wp.float32,
    knot: wp.int32,
    each: wp.int32,
    amplitude_out: wp.array4d[wp.float32],
) -> None:
    row, direction, band, part = wp.tid()
    last = wp.min((part + 1) * each, amplitude_out.shape[3])
    out = amplitude_out[row, direction, band]
    _set_amplitudes(energy[row, direction], band, bin_samples, knot, part * each, last, out)


@wp.func_native("""
    const int count = noise.shape[1], knots = amplitude.shape[1], size = out.shape[1], hop = size / 2;
    for (int k = first; k < last; ++k) {
        float* __restrict__ y = out.data + (k * knot / hop) * size + k * knot % hop;
        for (int begin = 0; begin < knot; begin += 16) {
            float sum[16] = {};
            for (int band = 0; band < noise.shape[0]; ++band) {
                const float* __restrict__ x = noise.data + band * count + k * knot + begin;
                const float* a = amplitude.data + band * knots + k;
                const float step = (a[1] - a[0]) / (float)knot, low = a[0] + step * (float)begin;
                for (int i = 0; i < 16; ++i) sum[i] += x[i] * (low + step * (float)i);
            }
            for (int i = 0; i < 16; ++i) y[begin + i] = sum[i];
        }
    }
""")
def _set_signal(
    noise: wp.array2d[wp.float32],
    amplitude: wp.array2d[wp.float32],
    knot: wp.int32,
    first: wp.int32,
    last: wp.int32,
    out: wp.array2d[wp.float32],
) -> None:
    """Sets the first halves of blocks to the sum of octaves of noise times amplitudes that are linear between knots."""


@wp.kernel
def _signals_kernel(
    noise: wp.array3d[wp.float32],
    amplitude: wp.array4d[wp.float32],
    knot: wp.int32,
    each: wp.int32,
    signal_out: wp.array4d[wp.float32],
) -> None:
    row, direction, part = wp.tid()
    last = wp.min((part + 1) * each, amplitude.shape[3] - 1)
    _set_signal(noise[direction], amplitude[row, direction], knot, part * each, last, signal_out[row, direction])


def _signals(energy: torch.Tensor, sample_rate: int, seed: int, size: int) -> torch.Tensor:
    """Returns each direction's signal in blocks of half `size`, zero-padded to `size`, shape (B, 12, blocks, size)."""
    device, (rows, directions, _, bands) = energy.device, energy.shape
    hop = size // 2
    knot = max(_CHUNK, hop // _KNOTS)
    noise = _whole_blocks(sample_rate, seed, hop, str(device))
    knots = noise.shape[-1] // knot
    amplitude = torch.empty(rows, directions, bands, knots + 1, device=device)
    each = knots + 1 if device.type == "cpu" else 8
    arguments = [energy, EARLY_BIN_SECONDS * sample_rate, knot, each, amplitude]
    launch(_amplitudes_kernel, (rows, directions, bands, -(-(knots + 1) // each)), arguments, device)
    signal = torch.zeros(rows, directions, noise.shape[-1] // hop, size, device=device)
    each = knots if device.type == "cpu" else 1
    launch(_signals_kernel, (rows, directions, knots // each), [noise, amplitude, knot, each, signal], device)
    return signal


@lru_cache(maxsize=8)
def _whole_blocks(sample_rate: int, seed: int, hop: int, device: str) -> torch.Tensor:
    """Returns the early noise, filled up with zeros to whole blocks, shape (12, 7, blocks * hop)."""
    noise = early_noise(sample_rate, seed, device)
    return torch.nn.functional.pad(noise, (0, -noise.shape[-1] % hop)).contiguous()


@wp.kernel
def _through_ears_kernel(
    signal: wp.array4d[wp.vec2],
    ears: wp.array4d[wp.vec2],
    bins_each: wp.int32,
    spectrum_out: wp.array4d[wp.vec2],
) -> None:
    row, block, channel, part = wp.tid()
    first = part * bins_each
    bins = wp.min(bins_each, signal.shape[3] - first)
    out = spectrum_out[row, block, channel]
    for direction in range(signal.shape[1]):
        add_product(signal[row, direction, block], ears[row, direction, channel], first, bins, out)


def _through_ears(signal: torch.Tensor, ears: torch.Tensor) -> torch.Tensor:
    """Returns the sum over directions of signal (B, 12, blocks, F) times ear (B, 12, C, F): (B, blocks, C, F)."""
    device, (rows, _, blocks, bins), channels = signal.device, signal.shape, ears.shape[2]
    spectrum = torch.zeros(rows, blocks, channels, bins, dtype=torch.complex64, device=device)
    each = bins if device.type == "cpu" else 1
    arguments = [signal, ears.contiguous(), each, spectrum]
    launch(_through_ears_kernel, (rows, blocks, channels, -(-bins // each)), arguments, device)
    return spectrum


@wp.kernel
def _in_place_kernel(
    responses: wp.array4d[wp.float32],
    arrival: wp.array[wp.float32],
    sample_rate: wp.float64,
    start: wp.int32,
    each: wp.int32,
    fir_out: wp.array3d[wp.float32],
) -> None:
    row, channel, part = wp.tid()
    first = part * each
    last = wp.min(first + each, fir_out.shape[2])
    begin = wp.clamp(wp.floor(wp.float64(arrival[row]) * sample_rate), -_LATEST, _LATEST)
    for block in range(responses.shape[1]):
        shift = int(begin) + start + block * (responses.shape[3] / 2)
        sample = wp.max(first, shift)
        count = wp.min(last, shift + responses.shape[3]) - sample
        add_samples(responses[row, block, channel], sample - shift, count, fir_out[row, channel], sample)


def _in_place(
    responses: torch.Tensor, arrival: torch.Tensor, sample_rate: int, start: int, length: int
) -> torch.Tensor:
    """Returns overlapping blocks (B, blocks, C, size) one after another from `arrival` [s] on, shape (B, C, length)."""
    device, (rows, _, channels, _) = responses.device, responses.shape
    fir = torch.zeros(rows, channels, length, device=device)
    each = length if device.type == "cpu" else 8
    arguments = [responses, arrival, float(sample_rate), start, each, fir]
    launch(_in_place_kernel, (rows, channels, -(-length // each)), arguments, device)
    return fir
