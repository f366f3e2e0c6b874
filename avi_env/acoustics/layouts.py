"""Channel layouts of impulse responses: what one microphone, a head, an array or ambisonics make of sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from avi_env.acoustics.binaural import overlay, paths_to_fir
from avi_env.acoustics.ear_filters import band_filters, ear_spectra
from avi_env.acoustics.harmonics import ambisonic_frame, spherical_harmonics
from avi_env.acoustics.hrtf import Hrtf, load_hrtf
from avi_env.acoustics.late_noise import independent_noise, late_noise
from avi_env.acoustics.paths import Paths
from avi_env.content import name_error

__all__ = ["RIR_LAYOUTS", "Layout", "direction_filters", "late_lines", "path_response", "rir_layout"]

RIR_LAYOUTS = ("mono", "binaural", "ambisonics", "tetrahedral")
"""Names of layouts; a receiver, such as `microphone_array` makes, is one too."""


@dataclass(frozen=True)
class Layout:
    """The channels of a response: those of a receiver, or spherical harmonics up to an order (0 = one microphone)."""

    sample_rate: int
    """[Hz]."""
    order: int
    """Order of the harmonics; of no meaning with a receiver."""
    receiver: Hrtf | None
    """A head or an array; None = harmonics."""

    @property
    def channel_count(self) -> int:
        """Channels of the response."""
        return self.receiver.channel_count if self.receiver is not None else (self.order + 1) ** 2


def rir_layout(layout: str | Hrtf, order: int, hrtf: str, sample_rate: int) -> Layout:
    """Returns a layout by name, or that of a receiver.

    Args:
        layout: one of `RIR_LAYOUTS`, or a receiver of the wanted sample rate.
        order: of ambisonics, 1..3.
        hrtf: head for "binaural".
        sample_rate: [Hz].

    Raises:
        ValueError: an unknown name or order, or a receiver of another sample rate.
    """
    if isinstance(layout, Hrtf):
        if layout.sample_rate != sample_rate:
            raise ValueError(
                f"the receiver {layout.name!r} was made for {layout.sample_rate} Hz, not for the response's "
                f"{sample_rate} Hz: make it with the same sample_rate"
            )
        return Layout(sample_rate, 0, layout)
    if layout not in RIR_LAYOUTS:
        raise name_error("render_rir layout", str(layout), RIR_LAYOUTS)
    if layout == "ambisonics":
        if order not in (1, 2, 3):
            raise ValueError(f"the ambisonic order must be 1, 2 or 3, got {order}")
        return Layout(sample_rate, order, None)
    if layout == "mono":
        return Layout(sample_rate, 0, None)
    return Layout(sample_rate, 0, load_hrtf(hrtf if layout == "binaural" else layout, sample_rate))


def path_response(layout: Layout, paths: Paths, yaw: torch.Tensor, length: int) -> torch.Tensor:
    """Returns discrete paths on the channels, shape (B, C, length).

    Harmonics have delays that are exact over the whole band; a receiver's fall off above 0.9 of half the rate.

    Args:
        layout: the channels.
        paths: B listeners with P path slots each.
        yaw: of the listeners [rad], shape (B,).
        length: [samples].
    """
    if layout.receiver is not None:
        return paths_to_fir(paths, yaw, layout.receiver, length)
    device = paths.gain.device
    shares = band_filters(layout.sample_rate, str(device)).to(torch.complex128)  # (7, F)
    bins = shares.shape[1]
    count, lead = 2 * (bins - 1), bins - 1
    phase = torch.arange(bins, dtype=torch.float64, device=device) * (2.0 * np.pi / count)
    gain = paths.gain.double()
    loudest = gain.amax(dim=-1, keepdim=True)
    level = torch.log((gain / loudest.clamp(min=1e-30)).clamp(min=1e-5))
    arrival = (paths.delay.double() * layout.sample_rate).clamp(-1e8, 1e8)  # an infinite delay is late, not undefined
    whole = torch.floor(arrival)
    turn = phase * (arrival - whole + lead)[..., None]
    spectrum = loudest * torch.exp(level.to(torch.complex128) @ shares - 1j * turn)
    response = torch.fft.irfft(spectrum, count)  # (B, P, N)
    weight = spherical_harmonics(ambisonic_frame(paths.direction.double(), yaw.double()), layout.order)
    start = (whole.to(torch.int32) - lead)[..., None].expand(weight.shape)
    return overlay((weight[..., None] * response[:, :, None]).float(), start, length)


def direction_filters(layout: Layout, direction: torch.Tensor, yaw: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Returns what the channels make of plane waves, shape (B, D, C, F) complex64, and where the filters begin.

    Args:
        layout: the channels.
        direction: unit vectors towards the sound, world frame, shape (B, D, 3).
        yaw: of the listeners [rad], shape (B,).
    """
    if layout.receiver is not None:
        return ear_spectra(direction, yaw, layout.receiver)
    weight = spherical_harmonics(ambisonic_frame(direction.double(), yaw.double()), layout.order)
    bins = band_filters(layout.sample_rate, str(direction.device)).shape[1]
    return weight.to(torch.complex64)[..., None].expand(*weight.shape, bins).contiguous(), 0


def late_lines(layout: Layout, slope: int, seed: int) -> npt.NDArray[np.float32]:
    """Returns the late noise of one decay slope on the channels, shape (7, C, n); see `late_noise`."""
    if layout.receiver is not None:
        return late_noise(slope, layout.sample_rate, seed, layout.receiver)
    return independent_noise(slope, layout.sample_rate, seed, layout.channel_count)
