"""The Doppler shift of the direct path."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.doppler import render_doppler, restart_doppler, start_doppler
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.stream import FOREVER, Playback, render_step, start_stream

RATE, STEP = 16000, 4000
AHEAD = torch.tensor([[[0.0, 0.0, -1.0]]])


class Loop(NamedTuple):
    """A loop of sound."""

    samples: np.ndarray
    sample_rate: int = RATE


def tone(frequency: float) -> Loop:
    """Returns a loop with a whole number of periods."""
    return Loop(np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE).astype(np.float32))


def straight(distance: float, gain: float = 1.0) -> Paths:
    """Returns one path straight ahead."""
    delay = torch.tensor([[distance / SPEED_OF_SOUND]], dtype=torch.float64)
    return Paths(delay, torch.full((1, 1, 7), gain), AHEAD, -AHEAD)


def play(
    loop: Loop, distances: np.ndarray, receiver: str = "mono", onset: int = 0, duration: int = FOREVER
) -> np.ndarray:
    """Returns the sound of a source whose distances at the ends of steps are given, shape (2, n)."""
    bank, head = ClipBank(1, 1, RATE), load_hrtf(receiver, RATE)
    bank.set_clip(0, loop)
    playback = Playback(torch.tensor([[onset]]), torch.tensor([[duration]]), torch.ones(1, 1))
    state, parts = start_doppler(bank), []
    for step, distance in enumerate(distances):
        clock = torch.tensor([step * STEP])
        audio, state = render_doppler(state, bank, playback, clock, straight(distance), torch.zeros(1), head, STEP)
        parts.append(audio[0].numpy().astype(np.float64))
    return np.concatenate(parts, axis=1)


def frequency_of(sound: np.ndarray) -> float:
    """Returns the frequency of a tone by the turn of its phase over time."""
    analytic = sound * np.exp(-2j * np.pi * 1000 * np.arange(len(sound)) / RATE)
    window = np.hanning(1001)
    phase = np.unwrap(np.angle(np.convolve(analytic, window / window.sum(), "valid")))
    return 1000 + np.polyfit(np.arange(len(phase)), phase, 1)[0] * RATE / (2 * np.pi)


@pytest.mark.parametrize("speed", [-15.0, 2.0, 10.0, 30.0])
def test_an_approaching_tone_is_higher_by_c_over_c_minus_v(speed: float) -> None:
    """Sound made at t' at distance r(t') arrives at t = t' + r / c, so that r = (r0 - v t) c / (c - v)."""
    time = (np.arange(12) + 1) * STEP / RATE
    retarded = (120.0 - speed * time) * SPEED_OF_SOUND / (SPEED_OF_SOUND - speed)
    sound = play(tone(1000.0), retarded)[0, 3 * STEP :]
    assert_allclose(frequency_of(sound), 1000.0 * SPEED_OF_SOUND / (SPEED_OF_SOUND - speed), rtol=1e-5)


def test_a_source_at_rest_sounds_as_through_its_response() -> None:
    """Without motion the delay line is a delay: 1e-3 of the peak against the stream, up to the sinc's fall."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(RATE)) * (np.fft.rfftfreq(RATE, 1 / RATE) < 0.8 * RATE / 2)
    loop, head = Loop(np.fft.irfft(spectrum).astype(np.float32)), load_hrtf("kemar", RATE)
    bank = ClipBank(1, 1, RATE)
    bank.set_clip(0, loop)
    playback = Playback(torch.tensor([[0]]), torch.tensor([[FOREVER]]), torch.ones(1, 1))
    state, parts = start_stream(bank, 2000), []
    fir = paths_to_fir(straight(7.3), torch.zeros(1), head, 2000)
    for step in range(3):
        clock = torch.tensor([step * STEP])
        audio, state = render_step(state, bank, playback, clock, fir, torch.zeros(1, 12, 7), torch.zeros(1), STEP)
        parts.append(audio[0].numpy())
    expected = np.concatenate(parts, axis=1)[:, 2000:]
    assert_allclose(
        play(loop, np.full(3, 7.3), "kemar")[:, 2000:], expected, rtol=0, atol=1e-3 * np.abs(expected).max()
    )


def test_speeding_up_and_slowing_down_does_not_click() -> None:
    """The delay has no jump, only kinks: a 500 Hz tone never jumps more than 1.2 times its own steepest slope."""
    rng = np.random.default_rng(1)
    distance = 20.0 + np.cumsum(rng.uniform(-2.0, 2.0, 20))
    sound = play(tone(500.0), distance)[0, STEP:]
    assert np.abs(np.diff(sound)).max() < 1.2 * 2 * np.pi * 500 / RATE


def test_an_emission_begins_and_ends_where_the_delay_says() -> None:
    """Silence before onset + d / c and after the end, but for the filters' 16 + 256 samples."""
    distance, onset, duration = 17.15, 1000, 3000
    sound = play(tone(1000.0), np.full(3, distance), onset=onset, duration=duration)
    begin = onset + round(distance / SPEED_OF_SOUND * RATE)
    assert np.abs(sound[:, : begin - 48]).max() < 1e-5
    assert np.abs(sound[:, begin + 20 : begin + duration - 20]).max() > 0.9
    assert_allclose(sound[:, begin + duration + 300 :], 0.0, atol=1e-6)


def test_rows_are_their_own_and_restart_clean() -> None:
    """A row alone gives the same bits as in a batch; a restarted row forgets."""
    head, bank, single = load_hrtf("kemar", RATE), ClipBank(2, 1, RATE), ClipBank(1, 1, RATE)
    bank.set_clip(0, tone(700.0))
    bank.set_clip(1, tone(300.0))
    single.set_clip(0, tone(300.0))
    both = Playback(torch.zeros(2, 1, dtype=torch.int64), torch.full((2, 1), FOREVER), torch.ones(2, 1))
    one = Playback(*(part[:1] for part in both))
    state, alone = start_doppler(bank), start_doppler(single)
    for step in range(3):
        paths = [straight(9.0 + step), straight(4.0 - 0.5 * step)]
        stacked = Paths(*(torch.cat(parts) for parts in zip(*paths, strict=True)))
        clock = torch.tensor([STEP * step] * 2)
        audio, state = render_doppler(state, bank, both, clock, stacked, torch.zeros(2), head, STEP)
        row, alone = render_doppler(alone, single, one, clock[:1], paths[1], torch.zeros(1), head, STEP)
        assert_array_equal(row[0], audio[1])
    arguments = (single, one, clock[:1], paths[1], torch.zeros(1), head, STEP)
    fresh, _ = render_doppler(start_doppler(single), *arguments)
    again, _ = render_doppler(restart_doppler(alone, torch.tensor([True])), *arguments)
    assert_array_equal(again, fresh)
