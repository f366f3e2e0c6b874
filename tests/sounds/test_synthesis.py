"""The building blocks close on themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from avi_env.sounds.clip import active_level, calibrated, resampled_loop
from avi_env.sounds.synthesis import (
    RATE,
    filtered,
    glide,
    highpass,
    loop_noise,
    lowpass,
    modes,
    place,
    sound_stream,
    steady_frequency,
    time_axis,
)


def test_events_wrap_round_the_end():
    """An event that runs over the end of the loop goes on at its start, however often."""
    event = np.arange(1.0, 11.0)
    loop = place(4 / RATE, [(3 / RATE, event)])
    assert_allclose(loop, [2 + 6 + 10, 3 + 7, 4 + 8, 1 + 5 + 9])


def test_circular_filter_of_a_steady_sine_has_no_transient():
    """A first-order low-pass at its corner turns a periodic sine by 45 degrees and to 1/sqrt(2), at every sample."""
    t = time_axis(0.1)
    filtered_sine = filtered(np.sin(2 * np.pi * 1000.0 * t), lowpass(1000.0))
    assert_allclose(filtered_sine, np.sin(2 * np.pi * 1000.0 * t - np.pi / 4) / np.sqrt(2), atol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_butterworth_pair_is_power_complementary(order):
    """|low|^2 + |high|^2 = 1 at every frequency, and each is -3 dB at the corner."""
    f = np.array([0.0, 100.0, 1000.0, 5000.0])
    low, high = lowpass(1000.0, order)(f), highpass(1000.0, order)(f)
    assert_allclose(np.abs(low) ** 2 + np.abs(high) ** 2, 1.0, rtol=1e-9)
    assert_allclose(np.abs(low[2]) ** 2, 0.5, rtol=1e-9)


def test_noise_is_as_smooth_over_its_seam_as_inside():
    """The step over the seam of low-passed noise is one of its ordinary steps."""
    noise = loop_noise(np.random.default_rng(0), 1.0, lowpass(500.0, 4))
    steps = np.abs(np.diff(noise))
    assert abs(noise[0] - noise[-1]) <= steps.max()
    assert_allclose(np.sqrt(np.mean(noise**2)), 1.0, rtol=1e-9)


def test_modes_fall_by_sixty_decibels_in_their_decay_time():
    """The envelope of a mode of T60 = 0.5 s is 60 dB lower after 0.5 s."""
    sound = modes([1000.0], [0.5], [1.0], 0.7)
    peak = [np.abs(sound[round(at * RATE) : round(at * RATE) + 96]).max() for at in (0.0, 0.5)]
    assert_allclose(20 * np.log10(peak[1] / peak[0]), -60.0, atol=0.1)


def test_glide_passes_through_its_knots():
    """A glide has the values of its knots at their times and stays between them."""
    knots = [(0.0, 1.0), (0.3, 4.0), (1.0, 2.0)]
    assert_allclose(glide(knots, np.array([0.0, 0.3, 1.0])), [1.0, 4.0, 2.0], rtol=1e-12)
    assert np.all((glide(knots, np.linspace(0, 1, 101)) >= 1.0) & (glide(knots, np.linspace(0, 1, 101)) <= 4.0))


def test_steady_frequency_closes():
    """A steady frequency makes whole cycles in the loop."""
    assert_allclose((steady_frequency(333.3, 0.7) * 0.7) % 1.0, 0.0, atol=1e-9)


@pytest.mark.parametrize("rate", [16000, 44100, 96000])
def test_change_of_rate_keeps_a_tone(rate):
    """A tone below both Nyquist frequencies is the same tone at another rate, to rounding, at every sample."""
    t = np.arange(4800) / 48000
    loop = resampled_loop(np.cos(2 * np.pi * 3000.0 * t + 0.3), 48000, rate)
    assert_allclose(loop, np.cos(2 * np.pi * 3000.0 * np.arange(rate // 10) / rate + 0.3), atol=1e-9)


def test_change_of_rate_removes_what_the_new_rate_cannot_carry():
    """A 10 kHz tone is gone at 16 kHz instead of folding to 6 kHz."""
    t = np.arange(4800) / 48000
    assert_allclose(resampled_loop(np.cos(2 * np.pi * 10000.0 * t), 48000, 16000), 0.0, atol=1e-9)


def test_change_of_rate_refuses_a_loop_of_broken_length():
    """A rate that leaves a fraction of a sample is refused with the remedy."""
    with pytest.raises(ValueError, match="multiple of 50 Hz"):
        resampled_loop(np.ones(960), 48000, 16010)


def test_level_of_a_sine_counts_only_what_sounds():
    """A sine of RMS 1 is 94 dB SPL, and stays so when silence follows it."""
    sine = np.sqrt(2) * np.sin(2 * np.pi * 1000.0 * np.arange(16000) / 16000)
    assert_allclose(active_level(sine, 16000), 94.0, atol=1e-3)
    assert_allclose(active_level(np.append(sine, np.zeros(48000)), 16000), 94.0, atol=1e-3)
    assert active_level(np.zeros(1600), 16000) == float("-inf")


def test_calibration_removes_dc_and_sets_the_level():
    """A loop with an offset comes out without it, at the level asked for."""
    sine = 3.0 + np.sin(2 * np.pi * 1000.0 * np.arange(16000) / 16000)
    loop = calibrated(sine, 16000, 70.0)
    assert_allclose(loop.mean(), 0.0, atol=1e-12)
    assert_allclose(active_level(loop, 16000), 70.0, atol=1e-9)
    with pytest.raises(ValueError, match="silent"):
        calibrated(np.zeros(16000), 16000, 70.0)


def test_streams_differ_by_class_and_variant_and_repeat():
    """The random stream is a function of class and seed alone."""
    draws = {(n, s): sound_stream(n, s).random() for n in ("phone", "kettle") for s in (0, 1)}
    assert len(set(draws.values())) == 4
    assert sound_stream("phone", 1).random() == draws["phone", 1]
    with pytest.raises(ValueError, match=">= 0"):
        sound_stream("phone", -1)
