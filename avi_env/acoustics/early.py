"""Early reflections of the baked field as an impulse response at ears or microphones."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc,empty-body"

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.ear_filters import ear_spectra
from avi_env.acoustics.early_noise import EARLY_DIRECTIONS
from avi_env.acoustics.early_signals import PADDED_BANDS, early_signals
from avi_env.acoustics.field_bank import FieldSample
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.lane_transforms import LANES, from_spectra, to_spectra
from avi_env.scene.launches import launch

__all__ = ["add_early", "direction_energies", "early_directions", "early_fir", "early_response"]

wp.set_module_options({"enable_backward": False})

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
    fir = torch.zeros(*ears.shape[::2], length, device=ears.device)
    add_early(fir, sample, ears.contiguous(), start, sample_rate, length, arrival, seed)
    return fir


def add_early(
    fir: torch.Tensor,
    sample: FieldSample,
    ears: torch.Tensor,
    start: int,
    sample_rate: int,
    length: int,
    arrival: torch.Tensor | None = None,
    seed: int = 0,
) -> None:
    """Adds the impulse responses of the early field to the first `length` samples of others, shape (B, C, n).

    The rest as for `early_response`.
    """
    if arrival is None:
        arrival = sample.first_arrival
    energy = _padded_energies(sample.early.to(torch.float32).contiguous())
    signals = to_spectra(early_signals(energy, sample_rate, seed, ears.shape[-1] - 1))
    responses = from_spectra(_through_ears(signals, ears))
    _add_in_place(responses, arrival.to(torch.float32).contiguous(), sample_rate, start, length, fir)


@wp.func_native("""
    const float* e = early.data + (time * early.shape[1] + band) * 4;
    const float* __restrict__ toward = reinterpret_cast<const float*>(directions.data);
    const float omni = e[0] > 0.0f ? e[0] : 0.0f, unit = omni > 0.0f ? omni : 1.0f;
    float x = e[1] / unit, y = e[2] / unit, z = e[3] / unit;
    const float length = sqrtf(x * x + y * y + z * z);
    if (length > sharpest) {  // keep the direction, limit the length
        x *= sharpest / length;
        y *= sharpest / length;
        z *= sharpest / length;
    }
    const float square = x * x + y * y + z * z;
    float weight[12], total = 0.0f;
    for (int d = 0; d < 12; ++d) {
        const float base = 1.0f + square - 2.0f * (x * toward[3 * d] + y * toward[3 * d + 1] + z * toward[3 * d + 2]);
        weight[d] = 1.0f / (base * sqrtf(base));
    }
    for (int d = 0; d < 12; ++d) total += weight[d];
    const float scale = omni / total;
    for (int d = 0; d < 12; ++d) out.data[(d * out.shape[1] + time) * out.shape[2] + band] = weight[d] * scale;
""")
def _set_directions(
    early: wp.array3d[wp.float32],
    directions: wp.array[wp.vec3],
    sharpest: wp.float32,
    time: wp.int32,
    band: wp.int32,
    out: wp.array3d[wp.float32],
) -> None:
    """Sets the energies of one bin and octave from twelve directions."""


@wp.kernel
def _directions_kernel(
    early: wp.array4d[wp.float32],
    directions: wp.array[wp.vec3],
    sharpest: wp.float32,
    energy_out: wp.array4d[wp.float32],
) -> None:
    row, time, band = wp.tid()
    _set_directions(early[row], directions, sharpest, time, band, energy_out[row])


def direction_energies(early: torch.Tensor) -> torch.Tensor:
    """Returns the energy from each of the twelve fixed directions, shape (B, 12, 20, 7); its sum is the whole energy.

    The distribution over the sphere is the positive lobe whose mean direction is that of the first-order harmonics.

    Args:
        early: energies (omni, x, y, z) of bins and octaves, shape (B, 20, 7, 4).

    Source: Henyey and Greenstein 1941: (1 - g^2) / (1 + g^2 - 2 g cos)^(3/2) has the mean cosine g.
    """
    return _padded_energies(early.to(torch.float32).contiguous())[..., :BAND_COUNT]


def _padded_energies(early: torch.Tensor) -> torch.Tensor:
    """Returns `direction_energies` filled up to whole vectors, shape (B, 12, 20, 8); what is in the last is unused."""
    rows, bins, bands, _ = early.shape
    directions = early_directions(str(early.device))
    energy = torch.empty(rows, len(directions), bins, PADDED_BANDS, device=early.device)
    launch(_directions_kernel, (rows, bins, bands), [early, directions, _SHARPEST, energy], early.device)
    return energy


@lru_cache(maxsize=4)
def early_directions(device: str) -> torch.Tensor:
    """Returns the twelve world directions that early reflections come from, shape (12, 3)."""
    return torch.tensor(EARLY_DIRECTIONS, dtype=torch.float32, device=device)


# Products with the real and with the imaginary part apart: only at the end do the lanes' two parts meet.
@wp.func_native("""
#if defined(__CUDA_ARCH__)
    const int lanes = 1;
#else
    const int lanes = 16;
#endif
    const float* __restrict__ x = reinterpret_cast<const float*>(signal.data);
    const float* __restrict__ h = reinterpret_cast<const float*>(ears.data);
    float* __restrict__ y = reinterpret_cast<float*>(out.data);
    const int bins = signal.shape[1], channels = ears.shape[1];
    for (int k = first; k < last; ++k) {
        float by_re[2 * lanes] = {}, by_im[2 * lanes] = {};
        for (int d = 0; d < 12; ++d) {
            const float* a = x + (((number + d) * bins + k) * 16 + lane) * 2;
            const float* b = h + ((d * channels + channel) * bins + k) * 2;
            for (int l = 0; l < 2 * lanes; ++l) {
                by_re[l] += a[l] * b[0];
                by_im[l] += a[l] * b[1];
            }
        }
        for (int l = 0; l < lanes; ++l) {
            y[(k * 16 + lane + l) * 2] = by_re[2 * l] - by_im[2 * l + 1];
            y[(k * 16 + lane + l) * 2 + 1] = by_re[2 * l + 1] + by_im[2 * l];
        }
    }
""")
def _set_heard(
    signal: wp.array3d[wp.vec2],
    number: wp.int32,
    ears: wp.array3d[wp.vec2],
    channel: wp.int32,
    first: wp.int32,
    last: wp.int32,
    lane: wp.int32,
    out: wp.array2d[wp.vec2],
) -> None:
    """Sets spectra of blocks side by side to the sum over twelve directions of signal times ear."""


@wp.kernel
def _through_ears_kernel(
    signal: wp.array3d[wp.vec2], ears: wp.array4d[wp.vec2], each: wp.int32, spectrum_out: wp.array3d[wp.vec2]
) -> None:
    row, channel, part, lane = wp.tid()
    last = wp.min((part + 1) * each, signal.shape[1])
    number, out = row * ears.shape[1], spectrum_out[row * ears.shape[2] + channel]
    _set_heard(signal, number, ears[row], channel, part * each, last, lane, out)


def _through_ears(signal: torch.Tensor, ears: torch.Tensor) -> torch.Tensor:
    """Returns the sum over directions of signal (B 12, F, 16) times ear (B, 12, C, F): (B C, F, 16)."""
    device, (rows, _, channels, bins) = signal.device, ears.shape
    on_cpu = device.type == "cpu"
    spectrum = torch.empty(rows * channels, bins, LANES, dtype=torch.complex64, device=device)
    each = bins if on_cpu else 1
    dim = (rows, channels, bins // each, 1 if on_cpu else LANES)
    launch(_through_ears_kernel, dim, [signal, ears, each, spectrum], device)
    return spectrum


# A sample has the end of one block's response and the beginning of the next one's.
@wp.func_native("""
    const int hop = responses.shape[0] / 2;
    const float* __restrict__ r = responses.data;
    float* __restrict__ y = out.data;
    const int begin = first > shift ? first : shift, end = last < shift + 17 * hop ? last : shift + 17 * hop;
    for (int i = begin; i < end;) {
        const int block = (i - shift) / hop, next = shift + (block + 1) * hop, until = next < end ? next : end;
        const float* now = r + 16 * (i - shift - block * hop) + block;
        if (block == 0) for (int n = 0; n < until - i; ++n) y[i + n] += now[16 * n];
        else if (block == 16) for (int n = 0; n < until - i; ++n) y[i + n] += now[16 * (n + hop) - 1];
        else for (int n = 0; n < until - i; ++n) y[i + n] += now[16 * (n + hop) - 1] + now[16 * n];
        i = until;
    }
""")
def _add_blocks(
    responses: wp.array2d[wp.float32], shift: wp.int32, first: wp.int32, last: wp.int32, out: wp.array[wp.float32]
) -> None:
    """Adds sixteen overlapping blocks, side by side in `responses`, one after another from `shift` on."""


@wp.kernel
def _in_place_kernel(
    responses: wp.array3d[wp.float32],
    arrival: wp.array[wp.float32],
    sample_rate: wp.float64,
    start: wp.int32,
    length: wp.int32,
    each: wp.int32,
    fir: wp.array3d[wp.float32],
) -> None:
    row, channel, part = wp.tid()
    last = wp.min((part + 1) * each, length)
    begin = wp.clamp(wp.floor(wp.float64(arrival[row]) * sample_rate), -_LATEST, _LATEST)
    _add_blocks(responses[row * fir.shape[1] + channel], int(begin) + start, part * each, last, fir[row, channel])


def _add_in_place(
    responses: torch.Tensor, arrival: torch.Tensor, sample_rate: int, start: int, length: int, fir: torch.Tensor
) -> None:
    """Adds overlapping blocks, side by side (B C, 2 hop, 16), to responses (B, C, n) from `arrival` [s] on."""
    rows, channels, _ = fir.shape
    each = length if fir.device.type == "cpu" else 8
    arguments = [responses, arrival, float(sample_rate), start, length, each, fir]
    launch(_in_place_kernel, (rows, channels, -(-length // each)), arguments, fir.device)
