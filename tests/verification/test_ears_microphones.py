"""Arrays of open microphones: arrival times, levels, patterns and diffuse-field coherence against closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics import SPEED_OF_SOUND, load_hrtf, microphone_array
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.field import DECAY_TIMES
from avi_env.acoustics.hrtf import Hrtf
from avi_env.acoustics.late_noise import diffuse_covariance, late_noise
from avi_env.acoustics.layouts import rir_layout
from avi_env.acoustics.microphones import TETRAHEDRON_RADIUS, Microphones
from avi_env.acoustics.path_tracer import Echogram
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.traced_response import diffuse_response

RATE = 48000
DIRECTIONS = np.array(
    [
        (0.0, 0.0, -1.0),
        (-1.0, 0.0, 0.0),
        (0.6, 0.48, -0.64),
        (0.0, 0.96, 0.28),
        (0.5, -0.5, 0.70710678),
        (0.0, 1.0, 0.0),
    ]
)


def heard(receiver: Hrtf, direction: np.ndarray, yaw: float = 0.0) -> np.ndarray:
    """Returns responses (N, C, n) of single paths of unit gain that take 5 ms."""
    count = len(direction)
    towards = torch.from_numpy(direction.astype(np.float32))[:, None]
    paths = Paths(torch.full((count, 1), 0.005, dtype=torch.float64), torch.ones(count, 1, 7), towards, -towards)
    return paths_to_fir(paths, torch.full((count,), yaw), receiver, 1024).numpy().astype(np.float64)


def delays(responses: np.ndarray) -> np.ndarray:
    """Returns the arrival of each response from the slope of its phase, 500 Hz .. 8 kHz [s]."""
    spectrum = np.fft.rfft(responses, 8192)
    frequency = np.fft.rfftfreq(8192, 1 / RATE)
    band = (frequency > 500) & (frequency < 8000)
    phase = np.angle(spectrum[..., band] * np.exp(2j * np.pi * frequency[band] * 0.005))
    return -np.unwrap(phase, axis=-1).mean(axis=-1) / (2 * np.pi * frequency[band].mean())


@pytest.mark.parametrize("yaw", [0.0, 0.9, -2.0])
def test_arrival_times_at_four_microphones(yaw: float) -> None:
    """tau_i = -u.p_i / c with the array turned by yaw: each pair within 1 us, level of each within 0.05 dB."""
    receiver = load_hrtf("tetrahedral", RATE)
    cosine, sine = np.cos(yaw), np.sin(yaw)
    world = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])  # head's right, up, back
    places = np.array(receiver.microphones.positions) @ world  # type: ignore[union-attr]
    responses = heard(receiver, DIRECTIONS, yaw)
    assert_allclose(delays(responses), -DIRECTIONS @ places.T / SPEED_OF_SOUND, rtol=0, atol=1e-6)
    frequency = np.fft.rfftfreq(8192, 1 / RATE)
    level = 20 * np.log10(np.abs(np.fft.rfft(responses, 8192))[..., (frequency > 200) & (frequency < 18000)])
    assert_allclose(level, 0.0, atol=0.05)


def test_the_tetrahedron_is_regular() -> None:
    """Four places at the stated radius, six equal distances of sqrt(8/3) radius, the first one front left up."""
    place = np.array(load_hrtf("tetrahedral").microphones.positions)  # type: ignore[union-attr]
    assert_allclose(np.linalg.norm(place, axis=1), TETRAHEDRON_RADIUS)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1)[np.triu_indices(4, 1)]
    assert_allclose(apart, TETRAHEDRON_RADIUS * np.sqrt(8 / 3))
    assert_array_equal(np.sign(place[0]), (-1, 1, -1))


def test_first_order_patterns() -> None:
    """Gain a + (1 - a) cos: a cardioid to the left hears 0 dB left, -6 dB ahead and nothing from the right."""
    receiver = microphone_array(np.zeros((2, 3)), RATE, omni=(0.5, 0.75), axes=(-1.0, 0.0, 0.0))
    energy = np.sum(heard(receiver, np.array([(-1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)])) ** 2, axis=-1)
    assert_allclose(energy[1] / energy[0], (0.25, 0.75**2), rtol=0.01)
    assert_allclose(energy[2] / energy[0], (0.0, 0.25), rtol=0.01, atol=1e-6)


def coherence(noise: np.ndarray, size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Returns frequencies and the complex coherence matrix (F, C, C) of noise (C, n), Welch's method."""
    frames = np.lib.stride_tricks.sliding_window_view(noise, size, axis=-1)[:, :: size // 2] * np.hanning(size)
    spectrum = np.fft.rfft(frames)
    cross = np.einsum("itf,jtf->fij", spectrum, spectrum.conj())
    power = np.sqrt(np.einsum("fii->fi", cross).real)
    return np.fft.rfftfreq(size, 1 / RATE), cross / (power[:, :, None] * power[:, None])


def test_late_noise_is_as_alike_as_a_diffuse_field() -> None:
    """Coherence of omnidirectional microphones d apart is sin(kd)/(kd), within 0.1 (sheet test 24).

    2.4 s hold 900 frames of 256 samples and 5 bins are averaged: standard error 0.02.
    """
    receiver = load_hrtf("tetrahedral", RATE)
    flat = []
    for slope in (8, 9, 10):
        noise = late_noise(slope, RATE, 0, receiver).sum(axis=0)[:, 480 : 480 + int(0.8 * RATE)]
        flat.append(noise * 10.0 ** (3.0 * np.arange(noise.shape[1]) / (RATE * DECAY_TIMES[slope])))
    frequency, found = coherence(np.concatenate(flat, axis=1))
    place = np.array(receiver.microphones.positions)  # type: ignore[union-attr]
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
    expected = np.sinc(2.0 * frequency[:, None, None] * apart / SPEED_OF_SOUND)
    difference = (found - expected).reshape(len(frequency), -1).T
    smooth = np.stack([np.convolve(pair, np.ones(5) / 5, "valid") for pair in difference])
    assert np.abs(smooth).max() < 0.1
    energy = np.sum(late_noise(8, RATE, 0, receiver).astype(np.float64) ** 2, axis=(0, 2))
    assert_allclose(10 * np.log10(energy), 0.0, atol=0.5)


def test_traced_diffuse_sound_has_the_coherence_too() -> None:
    """An even echogram without direction: sin(kd)/(kd) within 0.1 (standard error 0.04), its level within 0.05 dB.

    A receiver's filters fall as a raised cosine over the last tenth of the band, whose mean square is 3/8.
    """
    receiver, energy = load_hrtf("tetrahedral", RATE), np.zeros((120, 7, 4))
    energy[..., 0] = 1.0
    layout = rir_layout(receiver, 1, "kemar", RATE)
    noise = diffuse_response(Echogram(0.01, energy), layout, 0.7, int(1.2 * RATE), np.random.default_rng(0))[:, 4800:]
    frequency, found = coherence(noise)
    expected = np.sinc(2.0 * frequency * TETRAHEDRON_RADIUS * np.sqrt(8 / 3) / SPEED_OF_SOUND)
    first, second = np.triu_indices(4, 1)
    for pair in (found - expected[:, None, None])[:, first, second].T:
        assert np.abs(np.convolve(pair, np.ones(5) / 5, "valid")).max() < 0.1
    level = 10 * np.log10(np.mean(noise**2, axis=1) * 0.01 * RATE)
    assert_allclose(level, 10 * np.log10(1.0 - 0.1 * 5.0 / 8.0), atol=0.05)


def test_covariance_of_patterns_is_the_mean_over_the_sphere() -> None:
    """Closed form against 20000 directions, for cardioids and places of any kind: 1e-3."""
    rng = np.random.default_rng(0)
    array = Microphones.of(rng.uniform(-0.1, 0.1, (4, 3)), (0.5, 0.6, 0.8, 1.0), rng.standard_normal((4, 3)))
    index = np.arange(20000)
    height, angle = 1 - (2 * index + 1) / 20000, index * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - height**2)
    directions = np.stack([flat * np.cos(angle), height, flat * np.sin(angle)], axis=1)
    for frequency in (0.0, 250.0, 2000.0, 6000.0):
        pressure = array.gains(directions) * np.exp(-2j * np.pi * frequency * array.delays(directions))
        expected = pressure.T @ pressure.conj() / len(directions)
        assert_allclose(array.diffuse_covariance(np.array([frequency]))[0], expected, rtol=0, atol=1e-3)


def test_coincident_microphones_hear_the_same() -> None:
    """Microphones at one place have a covariance of rank one: equal late noise, no NaN."""
    for receiver in (microphone_array(np.zeros((3, 3)), RATE), load_hrtf("mono", RATE)):
        noise = late_noise(2, RATE, 0, receiver)
        assert np.isfinite(noise).all()
        assert_allclose(noise[:, 1:], np.broadcast_to(noise[:, :1], noise[:, 1:].shape), rtol=0, atol=1e-6)
    assert_allclose(diffuse_covariance(load_hrtf("mono", RATE), np.array([0.0, 1e4])).real, 1.0)


def test_bad_arrays_are_refused() -> None:
    """Wrong shapes, patterns and axes say what is wanted."""
    for arguments, message in (
        ({"positions": np.zeros((0, 3))}, "shape"),
        ({"positions": [[np.nan, 0, 0]]}, "finite"),
        ({"positions": [[50.0, 0, 0]]}, "metres"),
        ({"positions": np.zeros((2, 3)), "omni": 0.2}, "omni"),
        ({"positions": np.zeros((2, 3)), "axes": (0, 0, 0)}, "axis"),
        ({"positions": np.zeros((2, 3)), "sample_rate": 4000}, "too low"),
    ):
        with pytest.raises(ValueError, match=message):
            microphone_array(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="4 channels"):
        _ = load_hrtf("tetrahedral").itd
