"""The stream of steps against one long convolution by scipy, with the reverb bus spelled out in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import fftconvolve

from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.hrtf import Hrtf, load_hrtf
from avi_env.acoustics.late import reverberate
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, late_noise
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.stream import FOREVER, Playback, StreamState, render_step, restart, start_stream


class Loop(NamedTuple):
    """A loop of sound."""

    samples: np.ndarray
    sample_rate: int


class Case(NamedTuple):
    """Two environments with two sources each, which may play twice at once."""

    loops: list[list[Loop]]
    playback: Playback
    fir: torch.Tensor
    late: torch.Tensor
    arrival: torch.Tensor
    receiver: Hrtf | None


def make_case(rate: int, length: int, receiver: Hrtf | None = None) -> Case:
    """Returns loops, emissions, responses and late energies."""
    rng, channels = np.random.default_rng(0), 2 if receiver is None else receiver.channel_count
    sizes = ((rate // 8, rate // 5), (rate // 6 + 1, rate // 7))
    loops = [[Loop(rng.standard_normal(n).astype(np.float32), rate) for n in row] for row in sizes]
    decay = np.exp(-np.arange(length) / (length / 5))
    fir = torch.from_numpy(rng.standard_normal((2, 2, channels, length)) * decay).float()
    late = torch.from_numpy(rng.random((2, 2, 12, 7)) * (rng.random((2, 2, 12, 1)) < 0.3) * 3.0).float()
    onset = torch.tensor([[[0, 9000], [900, -3000]], [[2500, 0], [5000, 7777]]])
    whole = [[FOREVER, sizes[0][0]], [2 * sizes[0][1]] * 2], [[3 * sizes[1][0], 0], [2 * sizes[1][1], FOREVER]]
    gain = torch.tensor([[[1.0, 0.7], [0.5, -1.5]], [[2.0, 9.0], [0.3, 1.0]]])
    arrival = torch.tensor([[0.004, 0.011], [0.02, 0.0]])
    return Case(loops, Playback(onset, torch.tensor(whole), gain), fir, late, arrival, receiver)


def make_bank(case: Case, rate: int) -> ClipBank:
    """Returns a bank that plays the case's loops."""
    bank = ClipBank(2, 2, rate, receiver=case.receiver)
    for row, loops in enumerate(case.loops):
        for source, loop in enumerate(loops):
            bank.set_clip(row, loop, source)
    return bank


def stream(case: Case, rate: int, steps: tuple[int, ...]) -> np.ndarray:
    """Returns the concatenated steps, shape (2, C, n)."""
    bank = make_bank(case, rate)
    state, clock, parts = start_stream(bank, case.fir.shape[-1]), 0, []
    for count in steps:
        now = torch.full((2,), clock)
        audio, state = render_step(state, bank, case.playback, now, case.fir, case.late, case.arrival, count)
        parts.append(audio)
        clock += count
    return torch.cat(parts, dim=-1).numpy().astype(np.float64)


def reference(case: Case, row: int, rate: int, total: int) -> np.ndarray:
    """Returns one long convolution of everything one environment hears, shape (C, total)."""
    channels, early = case.fir.shape[2], 4000
    sound = np.zeros((channels, early + total))  # what began before sample 0 included
    for source, loop in enumerate(case.loops[row]):
        dry = np.zeros(early + total)
        for onset, duration, gain in zip(*(part[row, source].tolist() for part in case.playback), strict=True):
            time = np.arange(onset, min(total, onset + duration))
            dry[early + time] += gain * loop.samples[(time - onset) % len(loop.samples)]
        for channel in range(channels):
            sound[channel] += fftconvolve(dry, case.fir[row, source, channel].double().numpy())[: early + total]
        arrival = 0.005 * round(float(case.arrival[row, source].double()) / 0.005)  # on a grid of 5 ms
        begin = round(arrival * rate) + round((0.1 - LATE_LEAD_SECONDS) * rate)
        for channel, tail in enumerate(late_response(loop, case.late[row, source].numpy(), rate, case.receiver)):
            sound[channel, begin:] += fftconvolve(dry, tail)[: early + total - begin]
    return sound[:, early:]


def late_response(loop: Loop, energy: np.ndarray, rate: int, receiver: Hrtf | None = None) -> np.ndarray:
    """Returns the impulse response of the bus: noise of each slope and octave, held to the clip's mean energy."""
    bus, count = reverberate(loop.samples, rate, receiver=receiver), len(loop.samples)
    response = np.zeros(late_noise(11, rate, 0, receiver).shape[1:])
    for slope in range(12):
        noise = late_noise(slope, rate, 0, receiver).astype(np.float64)
        for band in range(7):
            line = 7 * slope + band
            if bus.line[line] < 0 or energy[slope, band] == 0:
                continue
            periods = -(-noise.shape[-1] // count)
            folded = np.pad(noise[band], ((0, 0), (0, periods * count - noise.shape[-1])))
            folded = folded.reshape(len(response), periods, count).sum(axis=1)
            steady = np.fft.irfft(np.fft.rfft(folded) * np.fft.rfft(loop.samples), count)
            stored = bus.loop[bus.line[line]].numpy() * float(bus.scale[line])
            held = (stored * steady).sum() / (steady**2).sum()
            assert 0.49 < held < 2.01
            response[:, : noise.shape[-1]] += held * np.sqrt(energy[slope, band]) * noise[band]
    return response


@pytest.mark.parametrize(
    ("rate", "length", "name"), [(16000, 3200, "head"), (32000, 5000, "head"), (16000, 1500, "tetrahedral")]
)
def test_static_steps_are_one_long_convolution(rate: int, length: int, name: str) -> None:
    """Steps of a static scene equal the whole convolution, overlaps and all: 1e-4 of the peak (sheet test 26)."""
    case = make_case(rate, length, None if name == "head" else load_hrtf(name, rate))
    steps = (rate // 4,) * (12 if rate == 16000 else 6)
    actual = stream(case, rate, steps)
    for row in range(2):
        expected = reference(case, row, rate, actual.shape[-1])
        assert_allclose(actual[row], expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_level_and_delay_survive_the_whole_chain(rate: int) -> None:
    """A click 2.5 and 7 m away arrives d/c after the onset within a sample, at 1/d within 0.1 dB."""
    distance = torch.tensor([[2.5], [7.0]], dtype=torch.float64)
    gain = (1 / distance).float()[..., None].expand(-1, -1, 7)
    towards = torch.tensor([0.0, 0.0, -1.0]).expand(2, 1, 3)
    paths = Paths(distance / 343.0, gain, towards, -towards)
    length, onset = rate // 20, 1234
    fir = paths_to_fir(paths, torch.zeros(2), load_hrtf("mono", rate), length)
    bank = ClipBank(2, 1, rate)
    pulse = np.zeros(rate // 4, np.float32)
    pulse[100:140] = np.hanning(40)  # below the fall of the interpolating sinc
    for row in range(2):
        bank.set_clip(row, Loop(pulse, rate))
    playback = Playback(torch.full((2, 1), onset), torch.full((2, 1), FOREVER), torch.ones(2, 1))
    silence = torch.zeros(2, 12, 7)
    audio, _ = render_step(
        start_stream(bank, length), bank, playback, torch.zeros(2).long(), fir, silence, torch.zeros(2), rate // 4
    )
    heard = audio.numpy().astype(np.float64)
    level = 10 * np.log10((heard**2).sum(-1) / (pulse.astype(float) ** 2).sum())
    assert_allclose(level, -20 * np.log10(distance.expand(2, 2).numpy()), atol=0.1)
    middle = (heard**2 @ np.arange(heard.shape[-1])) / (heard**2).sum(-1)
    assert_allclose(middle, onset + 119.5 + distance.expand(2, 2).numpy() / 343.0 * rate, atol=1.0)


def test_the_length_of_a_step_does_not_matter() -> None:
    """Steps of unequal lengths give the same sound as equal ones."""
    case = make_case(16000, 1500)
    equal, unequal = stream(case, 16000, (4000,) * 3), stream(case, 16000, (1000, 3500, 700, 4000, 2800))
    assert_allclose(unequal, equal, rtol=0, atol=1e-5 * np.abs(equal).max())


def test_moving_steps_do_not_click() -> None:
    """Responses and late gains that change at every step make no jump above the static scene's (sheet test 26)."""
    rate, length, rng = 16000, 1600, np.random.default_rng(2)
    bank = ClipBank(1, 1, rate)
    bank.set_clip(0, Loop(np.sin(2 * np.pi * 250 * np.arange(3200) / rate).astype(np.float32), rate))
    playback = Playback(torch.zeros(1, 1, dtype=torch.int64), torch.full((1, 1), FOREVER), torch.ones(1, 1))
    state, parts = start_stream(bank, length), []
    for step in range(12):
        fir = torch.zeros(1, 2, length)
        fir[0, 0, rng.integers(100, 900)], fir[0, 1, rng.integers(100, 900)] = 1.0, 0.8
        late = torch.from_numpy(rng.random((1, 12, 7))).float() * 0.02
        arrival = torch.tensor([rng.uniform(0, 0.05)])
        audio, state = render_step(state, bank, playback, torch.tensor([4000 * step]), fir, late, arrival, 4000)
        parts.append(audio[0])
    sound = torch.cat(parts, dim=1).numpy()[:, 8000:]
    within, seam = np.abs(np.diff(sound)), np.abs(np.diff(sound))[:, 3999::4000]
    dry = 2 * np.pi * 250 / rate
    assert within.max() < 3 * dry
    assert seam.max() <= within.max()


def test_sources_superpose_and_silence_stays_silent() -> None:
    """Two sources are the sum of each alone within 1e-5; no clip, or no gain: exact silence (sheet test 27)."""
    case = make_case(16000, 1500)
    both, total = stream(case, 16000, (4000,) * 3), 0.0
    for source in range(2):
        gain = case.playback.gain * torch.eye(2)[source, :, None]
        alone = case._replace(playback=case.playback._replace(gain=gain))
        total = total + stream(alone, 16000, (4000,) * 3)
    assert_allclose(total, both, rtol=0, atol=1e-5 * np.abs(both).max())
    silent = case._replace(playback=case.playback._replace(gain=torch.zeros(2, 2, 2)))
    assert_array_equal(stream(silent, 16000, (4000,)), 0.0)


def test_after_the_last_emission_there_is_silence() -> None:
    """Silence in, silence out: after response and 1.5 times the slope's decay nothing is left (sheet test 27)."""
    rate, length = 16000, 1500
    case = make_case(rate, length)
    late = torch.zeros_like(case.late)
    late[:, :, 2] = 1.0  # T = 0.2 s
    over = Playback(case.playback.onset.clamp(max=1000), torch.full((2, 2, 2), 1300), case.playback.gain)
    sound = stream(case._replace(late=late, playback=over), rate, (4000,) * 4)
    end = 2500 + 1300 + int((0.1 + 1.5 * (0.2 + LATE_LEAD_SECONDS) + 0.02) * rate)
    assert np.abs(sound[..., :end]).max() > 0.1
    assert_array_equal(sound[..., max(end, 12000) :], 0.0)


def test_one_emission_needs_no_axis() -> None:
    """Shape (B, S) is one emission per source, bit for bit; an emission of no gain or length adds nothing."""
    case = make_case(16000, 1500)
    first = case._replace(playback=Playback(*(part[..., 0] for part in case.playback)))
    padded = Playback(
        case.playback.onset,
        case.playback.duration * torch.tensor([1, 0]),
        case.playback.gain * torch.tensor([1.0, 3.0]),
    )
    assert_array_equal(stream(first, 16000, (4000,) * 2), stream(case._replace(playback=padded), 16000, (4000,) * 2))


def test_rows_do_not_depend_on_the_batch_and_restart_clean() -> None:
    """A row alone gives the same bits as in the batch; a restarted row forgets the previous responses."""
    case = make_case(16000, 3200)
    bank, single = make_bank(case, 16000), ClipBank(1, 2, 16000)
    for source in range(2):
        single.set_clip(0, case.loops[1][source], source)
    state, alone = start_stream(bank, 3200), start_stream(single, 3200)
    second = Playback(*(part[1:] for part in case.playback))
    for step in range(3):
        fir, arrival = case.fir * (1 + 0.3 * step), case.arrival + 0.002 * step
        clock = torch.tensor([4000 * step] * 2)
        audio, state = render_step(state, bank, case.playback, clock, fir, case.late, arrival, 4000)
        row, alone = render_step(alone, single, second, clock[1:], fir[1:], case.late[1:], arrival[1:], 4000)
        assert_array_equal(row[0], audio[1])
    fresh = start_stream(bank, 3200)
    reset: StreamState = restart(state, torch.tensor([True, True]))
    clock = torch.tensor([8000, 8000])
    first, _ = render_step(fresh, bank, case.playback, clock, case.fir, case.late, case.arrival, 4000)
    again, _ = render_step(reset, bank, case.playback, clock, case.fir, case.late, case.arrival, 4000)
    assert_array_equal(again, first)


def test_what_does_not_fit_is_refused() -> None:
    """The stream keeps the previous responses, so their length is fixed when it starts; channels and emissions too."""
    case = make_case(16000, 1500)
    bank = make_bank(case, 16000)
    state = start_stream(bank, 4000)
    with pytest.raises(ValueError, match="another length"):
        render_step(state, bank, case.playback, torch.zeros(2).long(), case.fir, case.late, case.arrival, 4000)
    arguments = (torch.zeros(2).long(), case.fir, case.late, case.arrival, 4000)
    short = case.playback._replace(gain=torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"one shape, \(2, 2\) or \(2, 2, E\)"):
        render_step(start_stream(bank, 1500), bank, short, *arguments)
    mono = (arguments[0], case.fir[:, :, :1], *arguments[2:])
    with pytest.raises(ValueError, match="1 channels, but a clip bank for 2"):
        render_step(start_stream(bank, 1500), bank, case.playback, *mono)
