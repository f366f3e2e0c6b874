"""The dry part of a step's sound: emissions as segments for the convolution, and its blocks faded into audio."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from typing import Any

import torch
import warp as wp

from avi_env.acoustics.clip_bank import ClipBank, ClipOnDevice, ClipRows
from avi_env.acoustics.convolution import block_samples, convolve_blocks, partition_count
from avi_env.acoustics.native_loops import add_samples, add_scaled, set_zero
from avi_env.scene.launches import launch

__all__ = ["add_dry", "dry_sound", "emission_age", "through_filters"]

wp.set_module_options({"enable_backward": False})

_FAR_AHEAD = wp.constant(wp.int64(1 << 29))
_LONG_AGO = wp.constant(wp.int64(1 << 30))


@wp.func
def emission_age(clock: wp.int64, onset: wp.int64) -> int:
    """Returns the samples since an emission began, within 31 bits."""
    return int(wp.clamp(clock - onset, -_FAR_AHEAD, _LONG_AGO))


@wp.func
def add_dry(
    dry: wp.array[wp.float32],
    age: int,
    duration: int,
    level: float,
    first: int,
    last: int,
    out: wp.array[wp.float32],
) -> None:
    """Adds an emission to `out[first:last]`; at `out[0]` it is `age` samples old."""
    count = dry.shape[0]
    sample = wp.max(first, -age)
    end = wp.min(last, duration - age)
    position = (age + sample) % count
    while sample < end:
        run = wp.min(end - sample, count - position)
        add_scaled(dry, position, run, level, 0.0, out, sample)
        sample += run
        position = 0


@wp.kernel
def _segments_kernel(
    clips: wp.array[ClipOnDevice],
    slot: wp.array2d[wp.int32],
    clock: wp.array[wp.int64],
    onset: wp.array3d[wp.int64],
    duration: wp.array3d[wp.int64],
    gain: wp.array3d[wp.float32],
    partitions: wp.int32,
    each: wp.int32,
    segments_out: wp.array3d[wp.float32],
) -> None:
    row, number, part = wp.tid()
    segments = segments_out.shape[1] / slot.shape[1]
    source = number / segments
    hop = segments_out.shape[2] / 2
    first = part * each
    last = wp.min(first + each, 2 * hop)
    out = segments_out[row, number]
    set_zero(out, first, last - first)
    if slot[row, source] < 0:
        return
    clip = clips[slot[row, source]]
    for emission in range(onset.shape[2]):
        level = gain[row, source, emission]
        if level != 0.0:
            age = emission_age(clock[row], onset[row, source, emission]) + (number % segments - partitions) * hop
            long = int(wp.clamp(duration[row, source, emission], wp.int64(0), _LONG_AGO))
            add_dry(clip.dry, age, long, level, first, last, out)


@wp.kernel
def _finish_kernel(
    sound: wp.array4d[wp.float32],
    slot: wp.array2d[wp.int32],
    clock: wp.array[wp.int64],
    onset: wp.array3d[wp.int64],
    duration: wp.array3d[wp.int64],
    gain: wp.array3d[wp.float32],
    fresh: wp.array[wp.bool],
    blocks: wp.int32,
    fade: wp.int32,
    each: wp.int32,
    audio_out: wp.array3d[wp.float32],
) -> None:
    row, channel, part = wp.tid()
    hop = sound.shape[3] / 2
    first = part * each
    last = wp.min(first + each, audio_out.shape[2])
    out = audio_out[row, channel]
    set_zero(out, first, last - first)
    # Before the first onset there is silence, not the rounding of a transform.
    sample = last
    for source in range(slot.shape[1]):
        if slot[row, source] >= 0:
            for emission in range(onset.shape[2]):
                if duration[row, source, emission] > wp.int64(0) and gain[row, source, emission] != 0.0:
                    begun = emission_age(clock[row], onset[row, source, emission])
                    sample = wp.min(sample, wp.max(first, -begun))
    step = 1.0 / float(fade)
    while sample < last:
        block = sample / hop
        end = wp.min(last, (block + 1) * hop)
        if sample < fade and not fresh[row]:
            end = wp.min(end, fade)
            ramp = float(sample) * step
            add_scaled(sound[row, channel, block], hop + sample % hop, end - sample, ramp, step, out, sample)
            old = sound[row, channel, blocks + block]
            add_scaled(old, hop + sample % hop, end - sample, 1.0 - ramp, -step, out, sample)
        else:
            add_samples(sound[row, channel, block], hop + sample % hop, end - sample, out, sample)
        sample = end


def dry_sound(
    bank: ClipBank | ClipRows,
    playback: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    clock: torch.Tensor,
    filters: tuple[torch.Tensor, torch.Tensor],
    fresh: torch.Tensor,
    sizes: tuple[int, int, int],
) -> torch.Tensor:
    """Returns dry clips through the present responses, faded from the previous ones, shape (B, C, count).

    Args:
        bank: the clips, B rows with S sources.
        playback: onset, duration and gain of their emissions, shape (B, S, E) each.
        clock: first sample of the step, shape (B,) int64.
        filters: the present and the previous responses as `filter_spectra` gives them, (B, S C P, F) each.
        fresh: whether a row has no previous ones, shape (B,) bool.
        sizes: number of channels C, samples of the step and of the fade.
    """
    channels, count, _ = sizes
    rows, sources = bank.slot.shape
    hop, device = block_samples(bank.sample_rate), bank.device
    partitions = filters[0].shape[1] // (sources * channels)
    blocks = partition_count(count, bank.sample_rate)
    segments = torch.empty(rows, sources * (partitions + blocks - 1), 2 * hop, device=device)
    each = 2 * hop if device.type == "cpu" else 1
    arguments: list[Any] = [bank.structs, bank.slot, clock, *playback, partitions, each, segments]
    launch(_segments_kernel, (*segments.shape[:2], 2 * hop // each), arguments, device)
    return through_filters(segments, bank, playback, clock, filters, fresh, sizes)


def through_filters(
    segments: torch.Tensor,
    bank: ClipBank | ClipRows,
    playback: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    clock: torch.Tensor,
    filters: tuple[torch.Tensor, torch.Tensor],
    fresh: torch.Tensor,
    sizes: tuple[int, int, int],
) -> torch.Tensor:
    """Returns segments through the present responses, faded from the previous ones, shape (B, C, count).

    Args:
        segments: overlapping pieces of the sources' signals, two blocks long and one apart, from P blocks before the
            step on, shape (B, S (P + blocks - 1), 2 hop).
        bank: whose sources they are.
        playback: as for `dry_sound`; before the first onset there is silence.
        clock: as for `dry_sound`.
        filters: as for `dry_sound`.
        fresh: as for `dry_sound`.
        sizes: as for `dry_sound`.
    """
    channels, count, fade = sizes
    rows, sources = bank.slot.shape
    blocks, old_blocks = (partition_count(samples, bank.sample_rate) for samples in (count, fade))
    sound = convolve_blocks(*filters, fresh, torch.fft.rfft(segments), (sources, channels, blocks, old_blocks))
    audio = torch.empty(rows, channels, count, device=bank.device)
    each = count if bank.device.type == "cpu" else 1
    arguments: list[Any] = [sound, bank.slot, clock, *playback, fresh, blocks, fade, each, audio]
    launch(_finish_kernel, (rows, channels, count // each), arguments, bank.device)
    return audio
