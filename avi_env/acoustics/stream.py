"""The sound of a step: dry clips through impulse responses and the late reverb bus, continuous from step to step."""

from __future__ import annotations

from typing import NamedTuple

import torch

from avi_env.acoustics.clip_bank import ClipBank, ClipRows
from avi_env.acoustics.convolution import filter_spectra
from avi_env.acoustics.dry_sound import dry_sound
from avi_env.acoustics.late import BUS_LINES
from avi_env.acoustics.late_bus import add_late, late_gains

__all__ = [
    "FADE_SECONDS",
    "FOREVER",
    "Playback",
    "StreamState",
    "playback_arrays",
    "render_step",
    "restart",
    "start_stream",
]

FADE_SECONDS = 0.05
"""The sound of the previous pose fades into that of the present one over the first 50 ms of a step."""

FOREVER = 1 << 30
"""A duration [samples] that no episode outlasts."""


class Playback(NamedTuple):
    """When and how loud the sources play, B environments with S sources each and E emissions per source.

    Emissions of a source may overlap, their reverberation too. Shape (B, S) stands for one emission per source.
    """

    onset: torch.Tensor
    """First sample of the clip on the environment's clock, shape (B, S, E) int64."""
    duration: torch.Tensor
    """Length of the emission [samples], 0 = none, shape (B, S, E) int64; whole loops end exactly, others fade."""
    gain: torch.Tensor
    """Factor on the clip's pressure, constant while the emission is heard, shape (B, S, E) float32."""


class StreamState(NamedTuple):
    """What a step must know of the previous one; the first axis is the environment."""

    filters: torch.Tensor
    """Spectra of the previous impulse responses, shape (B, S C P, F) complex64."""
    late_gain: torch.Tensor
    """Previous pressure gains of the reverb bus, shape (B, S, 84)."""
    late_delay: torch.Tensor
    """Previous delay of the reverb bus [samples], shape (B, S) int32."""
    fresh: torch.Tensor
    """Whether the environment has no previous step, shape (B,) bool."""


def start_stream(bank: ClipBank | ClipRows, fir_length: int) -> StreamState:
    """Returns the state before the first step of all rows of a clip bank.

    Args:
        bank: the clips.
        fir_length: length of the impulse responses that steps will bring [samples].
    """
    rows, sources = bank.slot.shape
    fir = torch.zeros(rows, sources, bank.channels, fir_length, device=bank.device)
    return StreamState(
        filter_spectra(fir, bank.sample_rate),
        torch.zeros(rows, sources, BUS_LINES, device=bank.device),
        torch.zeros(rows, sources, dtype=torch.int32, device=bank.device),
        torch.ones(rows, dtype=torch.bool, device=bank.device),
    )


def restart(state: StreamState, rows: torch.Tensor) -> StreamState:
    """Returns the state with some rows at the beginning of an episode; `rows` is a mask, shape (B,) bool."""
    return state._replace(fresh=state.fresh | rows.to(state.fresh.device))


def render_step(
    state: StreamState,
    bank: ClipBank | ClipRows,
    playback: Playback,
    clock: torch.Tensor,
    fir: torch.Tensor,
    late_energy: torch.Tensor,
    first_arrival: torch.Tensor,
    count: int,
) -> tuple[torch.Tensor, StreamState]:
    """Returns the sound of one step on the receiver's channels, shape (B, C, count), and the state for the next one.

    In a static scene the steps together are one long convolution; when poses change the sound fades from the previous
    to the present one without a click. A row's sound does not depend on the other rows, bit for bit.

    Args:
        state: of the previous step.
        bank: the clips, B rows with S sources, for a receiver with C channels.
        playback: when and how loud they play.
        clock: first sample of the step, shape (B,) int64.
        fir: direct sound and early reflections at the receiver, shape (B, S, C, L); (B, C, L) for one source.
        late_energy: energies of the late field, shape (B, S, 12, 7); (B, 12, 7) for one source.
        first_arrival: travel time of the first sound [s], shape (B, S); (B,) for one source.
        count: samples of the step.

    Raises:
        ValueError: shapes that do not fit together.
    """
    rows, sources = bank.slot.shape
    if fir.shape[-2] != bank.channels:
        raise ValueError(
            f"responses of {fir.shape[-2]} channels, but a clip bank for {bank.channels}: make both for one receiver"
        )
    filters = filter_spectra(fir.reshape(rows, sources, bank.channels, fir.shape[-1]), bank.sample_rate)
    if filters.shape != state.filters.shape:
        raise ValueError(f"the stream was started for impulse responses of another length than {fir.shape[-1]} samples")
    emissions = playback_arrays(playback, rows, sources)
    clock = clock.to(torch.int64).contiguous()
    fade = min(round(FADE_SECONDS * bank.sample_rate), count)
    audio = dry_sound(bank, emissions, clock, (filters, state.filters), state.fresh, (bank.channels, count, fade))
    energy = late_energy.to(torch.float32).reshape(rows, sources, BUS_LINES).contiguous()
    arrival = first_arrival.to(torch.float32).reshape(rows, sources).contiguous()
    gain, delay = late_gains(bank, energy, arrival, (state.late_gain, state.late_delay), state.fresh)
    add_late(audio, bank, emissions, clock, (gain, delay), fade)
    fresh = torch.zeros(rows, dtype=torch.bool, device=bank.device)
    return audio, StreamState(filters, gain[0], delay[0], fresh)


def playback_arrays(playback: Playback, rows: int, sources: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns onset, duration and gain with an axis of emissions, as kernels read them."""
    given = playback.onset.shape
    if given[:2] != (rows, sources) or not given == playback.duration.shape == playback.gain.shape:
        raise ValueError(
            f"onset, duration and gain must have one shape, ({rows}, {sources}) or ({rows}, {sources}, E); got "
            f"{tuple(given)}, {tuple(playback.duration.shape)}, {tuple(playback.gain.shape)}"
        )
    shape = (rows, sources, -1)
    return (
        playback.onset.to(torch.int64).reshape(shape).contiguous(),
        playback.duration.to(torch.int64).reshape(shape).contiguous(),
        playback.gain.to(torch.float32).reshape(shape).contiguous(),
    )
