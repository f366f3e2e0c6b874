"""Direction, level and class of sounds against what was played; heads measured, rooms made up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from free_field import RATE, binaural, bursts, gap
from numpy.testing import assert_allclose
from scipy import signal

from avi_env.agents.ears import azimuths, ear_table
from avi_env.agents.hearing import DirectionBelief, Hearing, listen_moment
from avi_env.agents.recognition import SoundRecognition, classify, load_templates
from avi_env.agents.recognition_fit import coloured
from avi_env.agents.sound_features import sound_features
from avi_env.sounds import make_clip, sound_classes


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_free_field_direction(rate: int) -> None:
    """Broadband noise in free field is located within 6 degrees (ahead and behind sound alike to a still head)."""
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(rate)
    for azimuth in np.radians([20, 45, 90, 135, 165, 225, 270, 315]):
        moment = listen_moment(binaural(noise, float(azimuth), rate), rate, ear_table(rate))
        assert gap(azimuths()[int(np.argmax(moment.evidence))], float(azimuth)) <= 6.0


def test_left_and_right_are_not_confused() -> None:
    """Swapping the ears mirrors the direction heard."""
    rng = np.random.default_rng(1)
    heard = binaural(0.1 * rng.standard_normal(RATE), math.radians(60.0))
    for audio, wanted in ((heard, 60.0), (heard[::-1], -60.0)):
        best = azimuths()[int(np.argmax(listen_moment(audio, RATE, ear_table(RATE)).evidence))]
        assert gap(best, math.radians(wanted)) <= 6.0


def test_level_is_in_decibels_of_sound_pressure() -> None:
    """A pressure of 0.1 RMS is 74 dB SPL; nothing is silence without a direction."""
    rng = np.random.default_rng(2)
    moment = listen_moment(0.1 * rng.standard_normal((2, RATE)), RATE, ear_table(RATE))
    assert_allclose(moment.level_db, 74.0, atol=0.3)
    silent = listen_moment(np.zeros((2, RATE)), RATE, ear_table(RATE))
    assert silent.level_db == -math.inf
    assert_allclose(silent.evidence, 0.0)


def test_head_turns_settle_front_and_back() -> None:
    """Low-pitched bursts, whose spectra do not tell front from back, are placed behind after turns of 30 degrees."""
    rng = np.random.default_rng(3)
    low = signal.sosfilt(signal.butter(6, 900.0, fs=RATE, output="sos"), bursts(rng, 1.0))
    hearing, source = Hearing(RATE), math.radians(160.0)
    for step, yaw in enumerate(np.radians([0, 15, 30, 15, 0, -15, -30])):
        hearing.observe(binaural(low, source - float(yaw)), float(yaw), 0.0, 0.25 * step)
    assert gap(hearing.direction.bearing, source) < 15.0
    assert hearing.direction.confidence > 0.5


def test_onsets_survive_reverberation() -> None:
    """With a tail as strong as the direct sound (T60 0.4 s), bursts are still heard within 8 degrees of their side."""
    rng = np.random.default_rng(4)
    time = np.arange(round(0.4 * RATE)) / RATE
    for azimuth in np.radians([30.0, 100.0, -70.0]):
        dry = bursts(rng, 3.0)
        tail = rng.standard_normal((2, len(time))) * np.exp(-6.91 * time / 0.4)
        tail /= np.sqrt(np.sum(tail**2, axis=1, keepdims=True))
        wet = binaural(dry, float(azimuth)) + signal.fftconvolve(np.tile(dry, (2, 1)), tail, axes=1)[:, : len(dry)]
        hearing = Hearing(RATE)
        for step in range(8):
            hearing.observe(wet[:, : RATE + step * RATE // 4], 0.0, 0.0, 0.25 * step)
        side = math.asin(math.sin(hearing.direction.bearing)) - math.asin(math.sin(azimuth))
        assert abs(math.degrees(side)) < 8.0


def test_a_dying_echo_says_nothing() -> None:
    """A reverberant tail without onsets gets next to no trust, bursts get some."""
    rng = np.random.default_rng(5)
    time = np.arange(RATE) / RATE
    tail = 0.1 * rng.standard_normal((2, RATE)) * np.exp(-6.91 * time / 0.4)
    echo = listen_moment(tail, RATE, ear_table(RATE))
    burst = listen_moment(binaural(bursts(rng, 1.0), 0.5), RATE, ear_table(RATE))
    assert echo.trust < 0.1
    assert burst.trust > 0.3


def test_belief_stays_in_the_start_frame() -> None:
    """The bearing of a fixed source stays put while the head turns, widens with walking and stays a probability."""
    rng = np.random.default_rng(6)
    noise, belief = bursts(rng, 1.0), DirectionBelief()
    for yaw in np.radians([0, 40, -60]):
        belief.heard(listen_moment(binaural(noise, 1.0 - float(yaw)), RATE, ear_table(RATE)), float(yaw))
        assert gap(belief.bearing, 1.0) < 8.0
    sure = belief.confidence
    belief.moved(2.0, 3.0)
    assert belief.confidence < sure
    assert_allclose(belief.probability.sum(), 1.0, atol=1e-9)


def test_sounds_are_recognised_through_rooms() -> None:
    """Variants the templates have not met, coloured by made-up rooms, are named rightly in 9 of 10 windows of 2.5 s."""
    rng, templates = np.random.default_rng(7), load_templates()
    assert templates.names == sound_classes()
    right = []
    for number, name in enumerate(templates.names):
        for variant in (11,):
            wet = np.tile(coloured(make_clip(name, variant, RATE).samples, rng), (1, 3))
            features = sound_features(wet[:, : round(2.5 * RATE)], RATE)
            assert features is not None
            right.append(int(np.argmin(classify(features, templates))) == number)
    assert np.mean(right) >= 0.9


def test_templates_know_which_sounds_rest() -> None:
    """A doorbell is loud once in three seconds, a vacuum cleaner all the time; peaks are kept that long."""
    templates = load_templates()
    rests = dict(zip(templates.names, templates.rests, strict=True))
    assert rests["vacuum_cleaner"] <= 0.5
    assert 3.0 <= rests["doorbell"] <= 4.0
    hearing = Hearing(RATE)
    loud = np.tile(make_clip("phone/gong", 2, RATE).samples[:RATE].astype(np.float64), (2, 1))
    for step in range(14):
        hearing.observe(loud if step < 2 else 0.01 * loud, 0.0, 0.0, 0.25 * step)
    assert_allclose(hearing.peak_within(rests["doorbell"] + 0.5) - hearing.peak_db, 40.0, atol=1.0)


def test_recognition_does_not_hear_level() -> None:
    """The same sound 40 dB quieter has the same features, and an unheard one is unknown."""
    samples = np.tile(make_clip("phone/gong", 2, RATE).samples.astype(np.float64), (2, 2))[:, : 2 * RATE]
    loud, quiet = sound_features(samples, RATE), sound_features(0.01 * samples, RATE)
    assert loud is not None
    assert_allclose(quiet, loud, atol=1e-3)  # single precision inside
    recognition = SoundRecognition(RATE)
    assert recognition.verdict.name == "unknown"
    for step in range(12):
        recognition.observe(samples[:, step * 1000 : step * 1000 + RATE].astype(np.float32))
    assert recognition.verdict.name == "phone"
    assert_allclose(recognition.source_level[0], 76.0, atol=2.0)
