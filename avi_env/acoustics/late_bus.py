"""The late reverb bus of a step: every clip's ready-made lines, mixed with the gains of the late field."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import warp as wp

from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.clip_bank import ClipBank, ClipOnDevice, ClipRows
from avi_env.acoustics.dry_sound import emission_age
from avi_env.acoustics.field import DECAY_TIMES, EARLY_SECONDS
from avi_env.acoustics.late import BUS_LINES, LATE_GRID_SECONDS
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, late_samples
from avi_env.acoustics.native_loops import add_ramped
from avi_env.scene.launches import launch

__all__ = ["add_late", "late_gains"]

wp.set_module_options({"enable_backward": False})

_LINES = wp.constant(BUS_LINES)
_BANDS = wp.constant(BAND_COUNT)
_LONG_AGO = wp.constant(wp.int64(1 << 30))
_LATEST = wp.constant(wp.float64(1 << 29))
_GRID = wp.constant(wp.float64(LATE_GRID_SECONDS))

_FAINT = wp.constant(2.0**-16)
"""A line whose peak is below half a unit of the loudest line's 16 bits is left out: 84 of them are 77 dB down."""

_KNOT = wp.constant(32)
"""Samples between the knots of a tail's decay: linear in between, 0.3 % off for the shortest slope at 16 kHz."""


@wp.kernel
def _gains_kernel(
    clips: wp.array[ClipOnDevice],
    slot: wp.array2d[wp.int32],
    energy: wp.array3d[wp.float32],
    first_arrival: wp.array2d[wp.float32],
    previous_gain: wp.array3d[wp.float32],
    previous_delay: wp.array2d[wp.int32],
    fresh: wp.array[wp.bool],
    sample_rate: wp.float64,
    shift: wp.int32,
    gain_out: wp.array4d[wp.float32],
    delay_out: wp.array3d[wp.int32],
) -> None:
    row, source = wp.tid()
    clip = clips[wp.max(slot[row, source], 0)]
    loudest = float(0.0)  # noqa: UP018 - a Warp variable, not a constant
    for line in range(_LINES):
        level = wp.sqrt(wp.max(energy[row, source, line], 0.0))
        gain_out[0, row, source, line] = level
        if slot[row, source] >= 0:
            loudest = wp.max(loudest, level * clip.scale[line])
    for line in range(_LINES):
        if slot[row, source] >= 0 and gain_out[0, row, source, line] * clip.scale[line] <= loudest * _FAINT:
            gain_out[0, row, source, line] = 0.0
        if fresh[row]:
            gain_out[1, row, source, line] = gain_out[0, row, source, line]
        else:
            gain_out[1, row, source, line] = previous_gain[row, source, line]
    arrival = wp.floor(wp.float64(first_arrival[row, source]) / _GRID + wp.float64(0.5)) * _GRID
    begin = wp.floor(arrival * sample_rate + wp.float64(0.5))
    delay_out[0, row, source] = int(wp.clamp(begin, wp.float64(0.0), _LATEST)) + shift
    delay_out[1, row, source] = wp.where(fresh[row], delay_out[0, row, source], previous_delay[row, source])


def late_gains(
    bank: ClipBank | ClipRows,
    energy: torch.Tensor,
    first_arrival: torch.Tensor,
    previous: tuple[torch.Tensor, torch.Tensor],
    fresh: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns pressure gains of the lines, (2, B, S, 84), and delays of the bus [samples], (2, B, S): now and before.

    Args:
        bank: the clips, B rows with S sources.
        energy: of the late field, shape (B, S, 84).
        first_arrival: travel time of the first sound [s], shape (B, S).
        previous: gains (B, S, 84) and delays (B, S) of the previous step.
        fresh: rows without a previous step, shape (B,) bool.
    """
    rows, sources = bank.slot.shape
    gain = torch.empty(2, rows, sources, BUS_LINES, device=bank.device)
    delay = torch.empty(2, rows, sources, dtype=torch.int32, device=bank.device)
    # The bus begins its lead before the late field.
    shift = round((EARLY_SECONDS - LATE_LEAD_SECONDS) * bank.sample_rate)
    arguments = [bank.structs, bank.slot, energy, first_arrival, *previous, fresh, float(bank.sample_rate), shift]
    launch(_gains_kernel, (rows, sources), [*arguments, gain, delay], bank.device)
    return gain, delay


@wp.func
def _add_piece(
    signal: wp.array[wp.int16],
    position: int,
    level: float,
    begin: int,
    end: int,
    fade: int,
    rising: bool,
    out: wp.array[wp.float32],
) -> None:
    """Adds `signal[position:]` to `out[begin:end]`, fading in or out over the first `fade` samples of `out`."""
    middle = wp.clamp(fade, begin, wp.max(begin, end))
    if middle > begin:
        slope = level / float(fade)
        if rising:
            add_ramped(signal, position, middle - begin, slope * float(begin), slope, out, begin)
        else:
            add_ramped(signal, position, middle - begin, level - slope * float(begin), -slope, out, begin)
    if rising and end > middle:
        add_ramped(signal, position + middle - begin, end - middle, level, 0.0, out, middle)


@wp.func
def _tail_level(stopped: int, decay: float) -> float:
    """Returns the amplitude of a tail `stopped` samples after its emission was cut, linear between knots."""
    knot = stopped / _KNOT
    low = wp.exp(-decay * float(knot * _KNOT))
    high = wp.exp(-decay * float((knot + 1) * _KNOT))
    return float(low + (high - low) * float(stopped - knot * _KNOT) / float(_KNOT))


@wp.func
def _fade_weight(sample: int, fade: int, rising: bool) -> float:
    ramp = wp.min(float(sample) / float(fade), 1.0)
    return float(wp.where(rising, ramp, 1.0 - ramp))


@wp.func
def _add_loop(
    loop: wp.array[wp.int16],
    age: int,
    stop: int,
    decay: float,
    level: float,
    begin: int,
    end: int,
    fade: int,
    rising: bool,
    out: wp.array[wp.float32],
) -> None:
    """Adds the steady state to `out[begin:end]`; from `stop` on it dies away."""
    count = loop.shape[0]
    sample = begin
    position = (age + sample) % count
    while sample < end:
        run = wp.min(end - sample, count - position)
        if sample < stop:
            run = wp.min(run, stop - sample)
            _add_piece(loop, position, level, sample, sample + run, fade, rising, out)
        else:
            run = wp.min(run, _KNOT - (sample - stop) % _KNOT)
            if sample < fade:
                run = wp.min(run, fade - sample)
            low = level * _tail_level(sample - stop, decay) * _fade_weight(sample, fade, rising)
            high = level * _tail_level(sample + run - stop, decay) * _fade_weight(sample + run, fade, rising)
            add_ramped(loop, position, run, low, (high - low) / float(run), out, sample)
        sample += run
        position = (position + run) % count


@wp.func
def _add_line(
    clip: ClipOnDevice,
    channel: int,
    line: int,
    level: float,
    age: int,
    duration: int,
    slopes: wp.array2d[wp.float32],
    first: int,
    last: int,
    fade: int,
    rising: bool,
    out: wp.array[wp.float32],
) -> None:
    """Adds one line of one emission to `out[first:last]`; at `out[0]` the line has sounded for `age` samples."""
    past, decay = int(slopes[0, line / _BANDS]), slopes[1, line / _BANDS]
    loop, tail, start = clip.loop[clip.line[line], channel], clip.past[channel], clip.past_start[line]
    begin = wp.max(first, -age)
    stop = duration - age
    if duration % loop.shape[0] == 0:  # what playing before the end has left is known exactly
        _add_loop(loop, age, stop, decay, level, begin, wp.min(last, stop), fade, rising, out)
        after = wp.max(begin, stop)
        _add_piece(tail, start + after - stop, level, after, wp.min(last, stop + past), fade, rising, out)
    else:
        _add_loop(loop, age, stop, decay, level, begin, wp.min(last, stop + past + past / 2), fade, rising, out)
    _add_piece(tail, start + age + begin, -level, begin, wp.min(last, past - age), fade, rising, out)


@wp.kernel
def _late_kernel(
    clips: wp.array[ClipOnDevice],
    slot: wp.array2d[wp.int32],
    clock: wp.array[wp.int64],
    onset: wp.array3d[wp.int64],
    duration: wp.array3d[wp.int64],
    loudness: wp.array3d[wp.float32],
    gain: wp.array4d[wp.float32],
    delay: wp.array3d[wp.int32],
    slopes: wp.array2d[wp.float32],
    fade: wp.int32,
    each: wp.int32,
    audio_out: wp.array3d[wp.float32],
) -> None:
    row, channel, part = wp.tid()
    first = part * each
    out = audio_out[row, channel]
    for source in range(slot.shape[1]):
        if slot[row, source] >= 0:
            clip = clips[slot[row, source]]
            for emission in range(onset.shape[2]):
                long = int(wp.clamp(duration[row, source, emission], wp.int64(0), _LONG_AGO))
                for moment in range(2):  # the present field, fading in; the previous one, fading out
                    last = wp.min(first + each, wp.where(moment == 0, audio_out.shape[2], fade))
                    age = emission_age(clock[row], onset[row, source, emission]) - delay[moment, row, source]
                    if age + last > 0 and long > 0:
                        for line in range(_LINES):
                            level = gain[moment, row, source, line] * clip.scale[line]
                            level *= loudness[row, source, emission]
                            if level != 0.0:
                                rising = moment == 0
                                _add_line(clip, channel, line, level, age, long, slopes, first, last, fade, rising, out)


def add_late(
    audio: torch.Tensor,
    bank: ClipBank | ClipRows,
    playback: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    clock: torch.Tensor,
    gains: tuple[torch.Tensor, torch.Tensor],
    fade: int,
) -> None:
    """Adds the reverb bus to the sound of a step, shape (B, C, count).

    Args:
        audio: what it is added to.
        bank: the clips, B rows with S sources.
        playback: onset, duration and gain of their emissions, shape (B, S, E) each.
        clock: first sample of the step, shape (B,) int64.
        gains: as `late_gains` gives them.
        fade: length of the fade from previous to present gains [samples].
    """
    rows, channels, count = audio.shape
    each = count if audio.device.type == "cpu" else 1
    slopes = _slopes(bank.sample_rate, str(bank.device))
    arguments: list[Any] = [bank.structs, bank.slot, clock, *playback, *gains, slopes, fade, each, audio]
    launch(_late_kernel, (rows, channels, count // each), arguments, audio.device)


@lru_cache(maxsize=8)
def _slopes(sample_rate: int, device: str) -> torch.Tensor:
    """Returns each slope's length in the bus [samples] and amplitude decay [1/sample], shape (2, 12)."""
    lengths = [float(late_samples(slope, sample_rate)) for slope in range(len(DECAY_TIMES))]
    decays = [6.907755 / (seconds * sample_rate) for seconds in DECAY_TIMES]
    return torch.tensor([lengths, decays], device=device)
