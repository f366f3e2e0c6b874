"""The late reverb bus: energy, decay, coherence, onset and end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.energy_bands import band_shares, octave_power
from avi_env.acoustics.field import DECAY_TIMES
from avi_env.acoustics.late import reverberate
from avi_env.acoustics.late_noise import LATE_LEAD_SECONDS, diffuse_coherence, late_noise, late_samples
from avi_env.acoustics.stream import FOREVER, Playback, render_step, start_stream

RATE = 16000
LENGTH = 256


class Loop(NamedTuple):
    """A loop of sound."""

    samples: np.ndarray
    sample_rate: int = RATE


def noise_loop(seconds: float = 1.0, seed: int = 0) -> Loop:
    """Returns white noise of unit mean square."""
    return Loop(np.random.default_rng(seed).standard_normal(int(seconds * RATE)).astype(np.float32))


def late_sound(
    bank: ClipBank, energy: torch.Tensor, seconds: float, onset: int = 0, duration: int = FOREVER, arrival: float = 0.0
) -> np.ndarray:
    """Returns what the bus alone gives, shape (2, n)."""
    state, step, steps = start_stream(bank, LENGTH), RATE // 4, int(seconds * 4)
    playback = Playback(torch.tensor([[onset]]), torch.tensor([[duration]]), torch.ones(1, 1))
    parts = []
    for number in range(steps):
        audio, state = render_step(
            state,
            bank,
            playback,
            torch.tensor([number * step]),
            torch.zeros(1, 2, LENGTH),
            energy,
            torch.tensor([arrival]),
            step,
        )
        parts.append(audio[0])
    return torch.cat(parts, dim=1).numpy().astype(np.float64)


@pytest.fixture(scope="module")
def bank() -> ClipBank:
    """Returns a bank of one row with a second of noise."""
    bank = ClipBank(1)
    bank.set_clip(0, noise_loop())
    return bank


@pytest.mark.parametrize("slope", [0, 4, 8])
def test_noise_has_unit_energy_and_the_slope_s_decay(slope: int) -> None:
    """Energy per octave is its share of the band exactly; backward integration falls 60 dB in T within 3 %."""
    noise = late_noise(slope, RATE).astype(np.float64)
    assert_allclose((noise**2).sum(-1).mean(1), band_shares(RATE), rtol=1e-4)
    decay = np.cumsum((noise[3:] ** 2).sum(axis=(0, 1))[::-1])[::-1]
    level = 10 * np.log10(decay / decay[0])
    first, last = np.argmax(level < -5), np.argmax(level < -35)
    seconds = 60 / -np.polyfit(np.arange(first, last) / RATE, level[first:last], 1)[0]
    assert_allclose(seconds, DECAY_TIMES[slope], rtol=0.03)


def test_the_ears_have_the_coherence_of_a_diffuse_field() -> None:
    """Re(S_LR) / sqrt(S_LL S_RR) is sin(kd)/(kd) with d = 0.17 m, within 0.1, 125 Hz .. 4 kHz (sheet test 24)."""
    noise = np.concatenate([late_noise(slope, RATE).sum(axis=0)[:, :8000] for slope in range(6, 12)], axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(noise, 1024, axis=1)[:, ::512] * np.hanning(1024)
    frames = frames / np.sqrt((frames**2).sum(axis=(0, 2), keepdims=True))
    left, right = np.fft.rfft(frames)
    frequency = np.fft.rfftfreq(1024, 1 / RATE)
    cross, power = (left * right.conj()).real.sum(0), np.stack([(abs(x) ** 2).sum(0) for x in (left, right)])
    for low, high in ((90, 180), (180, 350), (350, 700), (700, 1400), (1400, 2800), (2800, 5600)):
        inside = (frequency >= low) & (frequency < high)
        measured = cross[inside].sum() / np.sqrt(power[0, inside].sum() * power[1, inside].sum())
        assert_allclose(measured, diffuse_coherence(frequency[inside]).mean(), atol=0.1)


@pytest.mark.parametrize("slope", [1, 6])
def test_steady_level_is_the_late_energy(bank: ClipBank, slope: int) -> None:
    """Long after the onset the mean square at an ear is the clip's times the late energy, per octave within 1 dB."""
    energy = torch.zeros(1, 12, 7)
    energy[0, slope] = 0.02
    sound = late_sound(bank, energy, 3.0)[:, -RATE:]
    power = octave_power(np.fft.rfftfreq(RATE, 1 / RATE))
    clip = np.fft.rfft(noise_loop().samples.astype(np.float64))
    heard = (power * (np.abs(np.fft.rfft(sound)) ** 2).mean(axis=0)).sum(axis=1)
    assert_allclose(10 * np.log10(heard / (0.02 * (power * np.abs(clip) ** 2).sum(axis=1))), 0.0, atol=1.0)


def test_energies_of_slopes_add(bank: ClipBank) -> None:
    """Slopes have independent noise: mean squares add within 10 %, where amplitudes would give twice as much."""
    one, two = torch.zeros(1, 12, 7), torch.zeros(1, 12, 7)
    one[0, 4], two[0, 7] = 0.01, 0.01
    mean = [np.mean(late_sound(bank, e, 3.0)[:, -RATE:] ** 2) for e in (one, two, one + two)]
    assert_allclose(mean[2], mean[0] + mean[1], rtol=0.1)


def test_silence_before_the_onset_and_exact_tail(bank: ClipBank) -> None:
    """Nothing sounds before onset + arrival + 100 ms - lead; after a whole loop has ended the tail dies with T."""
    energy = torch.zeros(1, 12, 7)
    energy[0, 5] = 0.1
    onset, arrival = 3000, 0.02
    sound = late_sound(bank, energy, 3.0, onset, RATE, arrival)
    begin = onset + int(arrival * RATE) + round((0.1 - LATE_LEAD_SECONDS) * RATE)
    assert_array_equal(sound[:, :begin], 0.0)
    assert np.abs(sound[:, begin : begin + 200]).max() > 0
    end = begin + RATE
    assert_array_equal(sound[:, end + late_samples(5, RATE) :], 0.0)
    levels = [10 * np.log10(np.mean(sound[:, end + a : end + a + 800] ** 2)) for a in (800, 800 + RATE // 5)]
    assert_allclose(levels[1] - levels[0], -60 * 0.2 / DECAY_TIMES[5], atol=3.0)


def test_a_clip_cut_short_fades_with_its_slope(bank: ClipBank) -> None:
    """An emission that ends within a loop leaves a tail without a jump, 60 dB down after T."""
    energy = torch.zeros(1, 12, 7)
    energy[0, 5] = 0.1
    cut = 10000
    sound = late_sound(bank, energy, 3.0, 0, cut)
    end = cut + round((0.1 - LATE_LEAD_SECONDS) * RATE)
    before = np.mean(sound[:, end - 2000 : end] ** 2)
    after = np.mean(sound[:, end + int(0.5 * DECAY_TIMES[5] * RATE) :][:, :800] ** 2)
    assert_allclose(10 * np.log10(after / before), -32.0, atol=4.0)


def test_bands_without_sound_take_no_memory() -> None:
    """A 2 kHz tone keeps the octaves at 2 kHz and no line of the others."""
    tone = Loop(np.sin(2 * np.pi * 2000 * np.arange(RATE // 2) / RATE).astype(np.float32))
    bus = reverberate(tone.samples, RATE)
    assert set(np.flatnonzero(bus.line.numpy() >= 0) % 7) == {4}
    assert bus.loop.shape == (12, 2, RATE // 2)
    silence = reverberate(np.zeros(400, np.float32), RATE)
    assert not (silence.line >= 0).any()


def test_clips_are_shared_and_forgotten() -> None:
    """Equal clips are stored once; what nobody plays goes when memory is short; a wrong rate is refused."""
    bank = ClipBank(3, spare_bytes=0)
    a, b = noise_loop(0.1, 1), noise_loop(0.1, 2)
    for row, clip in enumerate((a, a, b)):
        bank.set_clip(row, clip)
    two = bank.nbytes
    assert bank.slot[0, 0] == bank.slot[1, 0] != bank.slot[2, 0]
    bank.set_clip(2, a)
    assert_allclose(bank.nbytes, two / 2, rtol=0.01)
    bank.set_clip(0, None)
    assert int(bank.slot[0, 0]) == -1
    with pytest.raises(ValueError, match="48000 Hz"):
        bank.set_clip(0, Loop(a.samples, 48000))


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    """The bus of a long clip is the same, bit for bit, with one thread and with two."""
    clip = np.random.default_rng(0).standard_normal(40000)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = reverberate(clip, 8000)
        torch.set_num_threads(2)
        shared = reverberate(clip, 8000)
    finally:
        torch.set_num_threads(before)
    for one, two in zip(alone, shared, strict=True):
        assert_array_equal(one.numpy(), two.numpy())
