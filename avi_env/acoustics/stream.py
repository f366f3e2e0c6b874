"""The sound of a step: dry clips through impulse responses and the late reverb bus, continuous from step to step."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.clip_bank import ClipBank, ClipOnDevice, ClipRows
from avi_env.acoustics.convolution import convolve_blocks, filter_spectra, segment_spectra
from avi_env.acoustics.field import DECAY_TIMES, EARLY_SECONDS
from avi_env.acoustics.late import BUS_LINES
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, late_samples
from avi_env.acoustics.warp_array import as_warp
from avi_env.scene.rays_warp import wp_device

__all__ = ["FADE_SECONDS", "FOREVER", "Playback", "StreamState", "render_step", "restart", "start_stream"]

wp.set_module_options({"enable_backward": False})

FADE_SECONDS = 0.05
"""The sound of the previous pose fades into that of the present one over the first 50 ms of a step."""

FOREVER = 1 << 30
"""A duration [samples] that no episode outlasts."""

_LINES = wp.constant(BUS_LINES)
_BANDS = wp.constant(BAND_COUNT)


class Playback(NamedTuple):
    """When and how loud the sources play, B environments with S sources each."""

    onset: torch.Tensor
    """First sample of the clip on the environment's clock, shape (B, S) int64."""
    duration: torch.Tensor
    """Length of the emission [samples], shape (B, S) int64; reverberation ends exactly for whole loops, else fades."""
    gain: torch.Tensor
    """Factor on the clip's pressure, shape (B, S) float32."""


class StreamState(NamedTuple):
    """What a step must know of the previous one; the first axis is the environment."""

    filters: torch.Tensor
    """Spectra of the previous impulse responses, shape (B, S 2 P, F) complex64."""
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
    fir = torch.zeros(rows, sources, 2, fir_length, device=bank.device)
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
    """Returns the sound of one step at both ears, shape (B, 2, count), and the state for the next one.

    In a static scene the steps together are one long convolution; when poses change the sound fades from the previous
    to the present one without a click. A row's sound does not depend on the other rows, bit for bit.

    Args:
        state: of the previous step.
        bank: the clips, B rows with S sources.
        playback: when and how loud they play.
        clock: first sample of the step, shape (B,) int64.
        fir: direct sound and early reflections at the ears, shape (B, S, 2, L); (B, 2, L) for one source.
        late_energy: energies of the late field, shape (B, S, 12, 7); (B, 12, 7) for one source.
        first_arrival: travel time of the first sound [s], shape (B, S); (B,) for one source.
        count: samples of the step.

    Raises:
        ValueError: shapes that do not fit together.
    """
    rows, sources = bank.slot.shape
    fir = fir.reshape(rows, sources, 2, fir.shape[-1])
    age = (clock[:, None] - playback.onset).clamp(-FOREVER, FOREVER).to(torch.int32)
    duration = playback.duration.clamp(0, FOREVER).to(torch.int32)
    filters = filter_spectra(fir, bank.sample_rate)
    if filters.shape != state.filters.shape:
        raise ValueError(f"the stream was started for impulse responses of another length than {fir.shape[-1]} samples")
    gain = torch.sqrt(late_energy.reshape(rows, sources, BUS_LINES).clamp(min=0.0)) * playback.gain[..., None]
    delay = _late_delay(first_arrival.reshape(rows, sources), bank.sample_rate)
    fresh = state.fresh[:, None]
    old_filters = torch.where(fresh[..., None], filters, state.filters)
    old_gain = torch.where(fresh[..., None], gain, state.late_gain)
    old_delay = torch.where(fresh, delay, state.late_delay)

    fade = min(round(FADE_SECONDS * bank.sample_rate), count)
    audio = _dry_sound(bank, playback.gain, age, duration, (filters, old_filters), fir.shape[-1], count, fade)
    _add_late(audio, bank, age - delay, duration, gain, fade, rising=True)
    _add_late(audio, bank, age - old_delay, duration, old_gain, fade, rising=False)
    return audio, StreamState(filters, gain, delay, torch.zeros_like(state.fresh))


def _late_delay(first_arrival: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Returns the delay of the reverb bus [samples], (B, S) int32: the bus begins its lead before the late field."""
    begin = torch.floor(first_arrival.double() * sample_rate).clamp(0, FOREVER).to(torch.int32)
    return begin + round((EARLY_SECONDS - LATE_LEAD_SECONDS) * sample_rate)


def _dry_sound(
    bank: ClipBank | ClipRows,
    gain: torch.Tensor,
    age: torch.Tensor,
    duration: torch.Tensor,
    filters: tuple[torch.Tensor, torch.Tensor],
    fir_length: int,
    count: int,
    fade: int,
) -> torch.Tensor:
    """Returns dry clips through the present impulse responses, faded from the previous ones, shape (B, 2, count)."""
    present, previous = filters
    spectra = segment_spectra(
        lambda history, length: _dry_signal(bank, gain, age, duration, history, length),
        fir_length,
        count,
        bank.sample_rate,
    )
    audio = convolve_blocks(present, spectra, bank.slot.shape[1], bank.sample_rate, count)
    change = convolve_blocks(previous - present, spectra, bank.slot.shape[1], bank.sample_rate, fade)
    falling = 1.0 - torch.arange(fade, device=audio.device) / fade
    audio[..., :fade] += change * falling
    # Before the first onset there is silence, not the rounding of a transform.
    sounding = torch.arange(count, device=audio.device) >= -age.amax(dim=1, keepdim=True)
    return audio * sounding[:, None]


@wp.kernel
def _dry_kernel(
    clips: wp.array[ClipOnDevice],
    slot: wp.array2d[wp.int32],
    age: wp.array2d[wp.int32],
    duration: wp.array2d[wp.int32],
    gain: wp.array2d[wp.float32],
    history: wp.int32,
    block_size: wp.int32,
    signal_out: wp.array3d[wp.float32],
) -> None:
    row, source, block = wp.tid()
    if slot[row, source] < 0:
        return
    clip = clips[slot[row, source]]
    count = clip.dry.shape[0]
    begin = age[row, source] - history
    first = wp.max(block * block_size, -begin)
    last = wp.min(wp.min((block + 1) * block_size, signal_out.shape[2]), duration[row, source] - begin)
    position = (begin + first) % count
    for sample in range(first, last):
        signal_out[row, source, sample] = gain[row, source] * clip.dry[position]
        position = wp.where(position + 1 == count, 0, position + 1)


def _dry_signal(
    bank: ClipBank | ClipRows, gain: torch.Tensor, age: torch.Tensor, duration: torch.Tensor, history: int, length: int
) -> torch.Tensor:
    """Returns what the sources emit from `history` samples before the step on, shape (B, S, length)."""
    rows, sources = bank.slot.shape
    signal = torch.zeros(rows, sources, length, device=bank.device)
    gain = gain.to(torch.float32).contiguous()
    block_size = length if bank.device.type == "cpu" else 1
    wp.launch(
        _dry_kernel,
        dim=(rows, sources, -(-length // block_size)),
        inputs=[bank.structs, *map(as_warp, (bank.slot, age, duration, gain)), wp.int32(history), wp.int32(block_size)],
        outputs=[as_warp(signal)],
        device=wp_device(bank.device),
    )
    return signal


@wp.func
def _bus_value(
    clip: ClipOnDevice, line: int, position: int, time: int, stopped: int, whole: bool, past: int, decay: float
) -> wp.vec2:
    """Returns a line of the bus at both ears `time` after it began and `stopped` after the clip has ended."""
    start = clip.past_start[line]
    value = wp.vec2(0.0, 0.0)
    if stopped < 0 or not whole:
        value = wp.vec2(clip.loop[clip.line[line], position])
    if time < past:
        value -= wp.vec2(clip.past[start + time])
    if stopped >= 0:
        if not whole:
            value *= wp.exp(-decay * float(stopped))
        elif stopped < past:
            value += wp.vec2(clip.past[start + stopped])
    return value


@wp.kernel
def _late_kernel(
    clips: wp.array[ClipOnDevice],
    slot: wp.array2d[wp.int32],
    age: wp.array2d[wp.int32],
    duration: wp.array2d[wp.int32],
    gain: wp.array3d[wp.float32],
    past_length: wp.array[wp.int32],
    decay: wp.array[wp.float32],
    fade: wp.int32,
    rising: wp.bool,
    block_size: wp.int32,
    limit: wp.int32,
    audio_out: wp.array3d[wp.float32],
) -> None:
    row, block = wp.tid()
    end = wp.min((block + 1) * block_size, limit)
    for source in range(slot.shape[1]):
        if slot[row, source] >= 0:
            clip = clips[slot[row, source]]
            count = clip.dry.shape[0]
            begun = age[row, source]
            start = wp.max(block * block_size, -begun)
            first = (begun + start) % count
            whole = duration[row, source] % count == 0
            for line in range(_LINES):
                level = gain[row, source, line] * clip.scale[line]
                if level > 0.0:
                    past = past_length[line / _BANDS]
                    # Where neither the start nor the end of the clip is heard, and nothing fades, the loop says all.
                    plain = wp.clamp(wp.max(fade, past - begun), start, wp.max(start, end))
                    if begun + end > duration[row, source]:
                        plain = wp.max(start, end)
                    position = first
                    for sample in range(start, plain):
                        time = begun + sample
                        stopped = time - duration[row, source]
                        weight = level
                        if sample < fade:
                            ramp = float(sample) / float(fade)
                            weight *= wp.where(rising, ramp, 1.0 - ramp)
                        value = _bus_value(clip, line, position, time, stopped, whole, past, decay[line / _BANDS])
                        audio_out[row, 0, sample] += weight * value[0]
                        audio_out[row, 1, sample] += weight * value[1]
                        position = wp.where(position + 1 == count, 0, position + 1)
                    for sample in range(plain, end):
                        value = level * wp.vec2(clip.loop[clip.line[line], position])
                        audio_out[row, 0, sample] += value[0]
                        audio_out[row, 1, sample] += value[1]
                        position = wp.where(position + 1 == count, 0, position + 1)


def _add_late(
    audio: torch.Tensor,
    bank: ClipBank | ClipRows,
    age: torch.Tensor,
    duration: torch.Tensor,
    gain: torch.Tensor,
    fade: int,
    rising: bool,
) -> None:
    """Adds the reverb bus to audio (B, 2, n): all of it, fading in, or only what fades out."""
    rows, _, count = audio.shape
    limit = count if rising else fade
    block_size = limit if audio.device.type == "cpu" else 1
    past_length, decay = _slopes(bank.sample_rate, str(bank.device))
    wp.launch(
        _late_kernel,
        dim=(rows, -(-limit // block_size)),
        inputs=[
            bank.structs,
            *map(as_warp, (bank.slot, age, duration, gain.contiguous(), past_length, decay)),
            wp.int32(fade),
            wp.bool(rising),
            wp.int32(block_size),
            wp.int32(limit),
        ],
        outputs=[as_warp(audio)],
        device=wp_device(audio.device),
    )


@lru_cache(maxsize=8)
def _slopes(sample_rate: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns each slope's length in the bus [samples] (12,) int32 and amplitude decay [1/sample] (12,)."""
    lengths = [late_samples(slope, sample_rate) for slope in range(len(DECAY_TIMES))]
    decays = [6.907755 / (seconds * sample_rate) for seconds in DECAY_TIMES]
    return torch.tensor(lengths, dtype=torch.int32, device=device), torch.tensor(decays, device=device)
