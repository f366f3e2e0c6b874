"""The straight sound of moving sources with its Doppler shift: a delay line whose delay moves within the step."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
import warp as wp

from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.clip_bank import ClipBank, ClipOnDevice, ClipRows
from avi_env.acoustics.convolution import block_samples, filter_spectra, partition_count
from avi_env.acoustics.dry_sound import emission_age, through_filters
from avi_env.acoustics.ear_filters import LEAD_SAMPLES
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.stream import FADE_SECONDS, Playback, playback_arrays
from avi_env.scene.launches import launch

__all__ = ["DopplerState", "render_doppler", "restart_doppler", "start_doppler"]

wp.set_module_options({"enable_backward": False})

_TAPS = 32
"""Length of the interpolating sinc [samples]."""

_PHASES = 256
"""Fractions of a sample in its table; between them the taps are linear, 104 dB below the signal."""

_CUTOFF = 0.93
"""Middle of the sinc's fall re half the sample rate: flat to 0.83, beyond which octave gains end too."""

_HALF = wp.constant(_TAPS // 2)
_TABLE = wp.constant(float(_PHASES))
_LONGEST = wp.constant(wp.float64(1.0e8))
_LONG_AGO = wp.constant(wp.int64(1 << 30))


class DopplerState(NamedTuple):
    """What a step must know of the previous one; the first axis is the environment."""

    filters: torch.Tensor
    """Spectra of the previous responses without their delay, shape (B, S C, F) complex64."""
    delay: torch.Tensor
    """Delay at the end of the previous step [s], shape (B, S) float64."""
    signal: torch.Tensor
    """The last block that came out of the delay line, shape (B, S, hop)."""
    fresh: torch.Tensor
    """Whether the environment has no previous step, shape (B,) bool."""


def start_doppler(bank: ClipBank | ClipRows) -> DopplerState:
    """Returns the state before the first step of all rows of a clip bank."""
    (rows, sources), hop, device = bank.slot.shape, block_samples(bank.sample_rate), bank.device
    return DopplerState(
        torch.zeros(rows, sources * bank.channels, hop + 1, dtype=torch.complex64, device=device),
        torch.zeros(rows, sources, dtype=torch.float64, device=device),
        torch.zeros(rows, sources, hop, device=device),
        torch.ones(rows, dtype=torch.bool, device=device),
    )


def restart_doppler(state: DopplerState, rows: torch.Tensor) -> DopplerState:
    """Returns the state with some rows at the beginning of an episode; `rows` is a mask, shape (B,) bool."""
    return state._replace(fresh=state.fresh | rows.to(state.fresh.device))


def render_doppler(
    state: DopplerState,
    bank: ClipBank | ClipRows,
    playback: Playback,
    clock: torch.Tensor,
    straight: Paths,
    yaw: torch.Tensor,
    receiver: Hrtf,
    count: int,
) -> tuple[torch.Tensor, DopplerState]:
    """Returns the straight sound of a step with its Doppler shift, (B, C, count), to be added to that of `render_step`.

    The delay moves from its value at the end of the previous step to the present one, linearly over the step; gains and
    directions fade as in `render_step`. A source that approaches at v sounds c / (c - v) higher. The impulse responses
    that `render_step` gets must leave these paths out.

    Args:
        state: of the previous step, from `start_doppler`.
        bank: the clips, B rows with S sources, for a receiver with C channels.
        playback: when and how loud they play.
        clock: first sample of the step, shape (B,) int64.
        straight: the direct path and what goes straight through walls, at the end of the step, B S rows (source s of
            environment b is row b S + s) with P slots that share the delay of the first. For an exact shift the delay
            of a moving source is that of the sound which arrives then: from where the source was when it made it.
        yaw: of the head [rad], shape (B S,).
        receiver: the head or array.
        count: samples of the step.

    Raises:
        ValueError: shapes that do not fit together.
    """
    (rows, sources), rate, device = bank.slot.shape, bank.sample_rate, bank.device
    if len(straight.delay) != rows * sources:
        raise ValueError(f"straight paths of {rows} x {sources} sources needed, not of {len(straight.delay)}")
    hop, blocks, clock = block_samples(rate), partition_count(count, rate), clock.to(torch.int64).contiguous()
    lead = LEAD_SAMPLES + 1 + int(np.ceil(float(np.abs(receiver.delay).max()) * rate))
    near = straight._replace(delay=torch.full_like(straight.delay, lead / rate))
    fir = paths_to_fir(near, yaw, receiver, hop)
    filters = filter_spectra(fir.reshape(rows, sources, bank.channels, hop), rate)
    delay = straight.delay[:, 0].to(torch.float64).reshape(rows, sources).contiguous()
    emissions = playback_arrays(playback, rows, sources)
    moved = torch.where(state.fresh[:, None], delay, state.delay)
    signal = torch.zeros(rows, sources, (1 + blocks) * hop, device=device)
    signal[..., :hop] = torch.where(state.fresh[:, None, None], 0.0, state.signal)
    ends = torch.stack([moved, delay], dim=-1) * rate - lead
    each = count if device.type == "cpu" else 1
    arguments: list[Any] = [bank.structs, bank.slot, clock, *emissions, ends, _sinc_table(str(device)), hop, each]
    launch(_delay_kernel, (rows, sources, count // each), [*arguments, count, signal], device)
    segments = signal.unfold(-1, 2 * hop, hop).reshape(rows, sources * blocks, 2 * hop)
    sizes = (bank.channels, count, min(round(FADE_SECONDS * rate), count))
    audio = through_filters(segments, bank, emissions, clock, (filters, state.filters), state.fresh, sizes)
    kept = signal[..., count : count + hop].contiguous()
    return audio, DopplerState(filters, delay, kept, torch.zeros_like(state.fresh))


@wp.func_native("""
    const float* __restrict__ x = signal.data + first;
    const float* __restrict__ low = table.data + row * 32;
    float sum[16] = {};
    for (int part = 0; part < 32; part += 16)
        for (int i = 0; i < 16; ++i)
            sum[i] += x[part + i] * (low[part + i] + share * (low[32 + part + i] - low[part + i]));
    float total = 0.0f;
    for (int i = 0; i < 16; ++i) total += sum[i];
    return total;
""")
def _interpolated(
    signal: wp.array[wp.float32], first: wp.int32, table: wp.array2d[wp.float32], row: wp.int32, share: wp.float32
) -> wp.float32:
    """Returns 32 samples of a signal times taps between two rows of the table."""
    ...


@wp.func
def _delayed(dry: wp.array[wp.float32], position: wp.float64, duration: int, table: wp.array2d[wp.float32]) -> float:
    """Returns a looped clip that lasts `duration` at a place between its samples."""
    whole = wp.floor(position)
    phase = wp.float32(position - whole) * _TABLE
    row = wp.min(int(phase), int(_TABLE) - 1)
    share = phase - float(row)
    first = int(whole) - (_HALF - 1)
    count = dry.shape[0]
    if first >= 0 and first + 2 * _HALF <= duration and first % count + 2 * _HALF <= count:
        return float(_interpolated(dry, first % count, table, row, share))
    total = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
    for tap in range(2 * _HALF):
        place = first + tap
        if place >= 0 and place < duration:
            total += dry[place % count] * (table[row, tap] + share * (table[row + 1, tap] - table[row, tap]))
    return total


@wp.kernel
def _delay_kernel(
    clips: wp.array[ClipOnDevice],
    slot: wp.array2d[wp.int32],
    clock: wp.array[wp.int64],
    onset: wp.array3d[wp.int64],
    duration: wp.array3d[wp.int64],
    gain: wp.array3d[wp.float32],
    ends: wp.array3d[wp.float64],
    table: wp.array2d[wp.float32],
    begin: wp.int32,
    each: wp.int32,
    count: wp.int32,
    signal_out: wp.array3d[wp.float32],
) -> None:
    row, source, part = wp.tid()
    if slot[row, source] < 0:
        return
    clip = clips[slot[row, source]]
    low = wp.clamp(ends[row, source, 0], -_LONGEST, _LONGEST)
    slope = (wp.clamp(ends[row, source, 1], -_LONGEST, _LONGEST) - low) / wp.float64(count)
    for emission in range(onset.shape[2]):
        level = gain[row, source, emission]
        age = emission_age(clock[row], onset[row, source, emission])
        long = int(wp.clamp(duration[row, source, emission], wp.int64(0), _LONG_AGO))
        for sample in range(part * each, (part + 1) * each):
            position = wp.float64(age + sample) - low - slope * wp.float64(sample)
            if level != 0.0 and position > wp.float64(-_HALF) and position < wp.float64(long + _HALF):
                signal_out[row, source, begin + sample] += level * _delayed(clip.dry, position, long, table)


@lru_cache(maxsize=4)
def _sinc_table(device: str) -> torch.Tensor:
    """Returns the taps of a sinc in a Kaiser window for fractions of a sample, shape (257, 32)."""
    place = np.arange(_TAPS) - (_TAPS // 2 - 1) - np.arange(_PHASES + 1)[:, None] / _PHASES
    inside = np.clip(1.0 - (2.0 * place / _TAPS) ** 2, 0.0, 1.0)
    taps = _CUTOFF * np.sinc(_CUTOFF * place) * np.i0(8.0 * np.sqrt(inside)) / np.i0(8.0)
    return torch.from_numpy((taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)).to(device)
