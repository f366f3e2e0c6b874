"""The head: interaural differences, symmetry, interpolation, diffuse-field level."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.field import DECAY_TIMES
from avi_env.acoustics.hrtf import Hrtf, hrtf_from_responses, load_hrtf
from avi_env.acoustics.hrtf_grid import hrtf_grid
from avi_env.acoustics.late_noise import late_noise
from avi_env.acoustics.metrics import interaural
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.sofa import SofaSet
from avi_env.acoustics.sphere import grid_area
from avi_env.acoustics.spherical_head import woodworth_itd

RATE = 44100


def towards(azimuth_deg: np.ndarray | float, elevation_deg: np.ndarray | float = 0.0) -> np.ndarray:
    """Returns unit vectors, azimuth counter-clockwise (positive = left) from straight ahead, shape (N, 3)."""
    azimuth, elevation = np.broadcast_arrays(np.radians(np.atleast_1d(azimuth_deg)), np.radians(elevation_deg))
    flat = np.cos(elevation)
    return np.stack([-np.sin(azimuth) * flat, np.sin(elevation), -np.cos(azimuth) * flat], axis=1)


def ears(hrtf: Hrtf, direction: np.ndarray, yaw: float | np.ndarray = 0.0, length: int = 1024) -> np.ndarray:
    """Returns impulse responses (N, 2, length) of single paths of unit gain that take 5 ms."""
    count = len(direction)
    paths = Paths(
        torch.full((count, 1), 0.005, dtype=torch.float64),
        torch.ones(count, 1, 7),
        torch.from_numpy(direction.astype(np.float32))[:, None],
        torch.from_numpy(-direction.astype(np.float32))[:, None],
    )
    turn = torch.from_numpy(np.broadcast_to(np.asarray(yaw, dtype=np.float32), (count,)).copy())
    return paths_to_fir(paths, turn, hrtf, length).numpy()


def random_directions(count: int, seed: int = 0) -> np.ndarray:
    """Returns directions spread evenly over the sphere."""
    vector = np.random.default_rng(seed).standard_normal((count, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def test_itd_of_the_measured_head_is_that_of_a_sphere() -> None:
    """ITD = (a/c)(theta + sin theta), a = 84.3 mm, horizontal plane: rms < 15 us, max < 30 us (sheet test 21)."""
    hrtf = load_hrtf("kemar", RATE)
    level = np.abs(hrtf.directions[:, 1]) < 1e-6
    error = hrtf.itd[level] - woodworth_itd(hrtf.directions[level], radius=0.0843)
    assert level.sum() == 72
    assert np.sqrt(np.mean(error**2)) < 15e-6
    assert np.abs(error).max() < 30e-6


@pytest.mark.parametrize("name", ["kemar", "spherical"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_the_near_ear_hears_first_and_louder(name: str, rate: int) -> None:
    """Left sources reach row 0 first and louder, right ones row 1; ahead and behind are equal (sheet test 21)."""
    azimuth = np.array([20.0, 45.0, 90.0, 135.0, 160.0, -20.0, -45.0, -90.0, -135.0, -160.0, 0.0, 180.0])
    response = ears(load_hrtf(name, rate), towards(azimuth))
    spectrum = np.fft.rfft(response, 8192)
    low = np.fft.rfftfreq(8192, 1 / rate) < 1500
    correlation = np.fft.irfft(spectrum[:, 0] * spectrum[:, 1].conj() * low, 8192 * 8)
    lag = (np.argmax(np.fft.fftshift(correlation, axes=1), axis=1) - 4 * 8192) / (8 * rate)  # left after right
    level = 10 * np.log10((response[:, 0] ** 2).sum(1) / (response[:, 1] ** 2).sum(1))
    assert_array_equal(np.sign(np.round(-lag[:10] * 2e4)), np.sign(azimuth[:10]))
    assert_array_equal(np.sign(level[:10]), np.sign(azimuth[:10]))
    assert np.all(np.abs(level[:10]) > 1.0)
    assert_allclose(lag[10:], 0.0, atol=1e-9)
    assert_allclose(level[10:], 0.0, atol=1e-4)
    assert 0.6e-3 < -lag[2] < 0.8e-3  # a head's width at 90 degrees


def test_the_sign_of_the_level_difference() -> None:
    """ILD > 0 for every azimuth on the left, < 0 on the right, 0 ahead and behind, 3 elevations (sheet test 21)."""
    azimuth = np.arange(0.0, 360.0, 5.0)
    for elevation in (-30.0, 0.0, 45.0):
        energy = (ears(load_hrtf("kemar"), towards(azimuth, elevation), length=256) ** 2).sum(axis=-1)
        level = 10 * np.log10(energy[:, 0] / energy[:, 1])
        side = np.where((azimuth == 0.0) | (azimuth == 180.0), 0.0, np.where(azimuth < 180.0, 1.0, -1.0))
        assert_array_equal(np.sign(np.where(np.abs(level) < 1e-3, 0.0, level)), side)


def test_what_two_ears_have_in_common() -> None:
    """IACC of a frontal sound ~ 1; late noise has the coherence sin(kd)/(kd), d = 0.17 m, within 0.1 (sheet test 24).

    Third octaves from 300 Hz of two slopes, 1.3 s each: over 350 degrees of freedom, standard error below 0.04.
    """
    front = interaural(ears(load_hrtf("kemar", 48000), towards(0.0))[0], 48000)
    assert np.all(front.correlation > 0.99)
    parts = []
    for slope in (9, 11):
        noise = late_noise(slope, 48000).sum(axis=0)[:, 2400 : 2400 + 62400]
        parts.append(noise * 10.0 ** (3.0 * np.arange(62400) / (48000 * DECAY_TIMES[slope])))
    spectrum = np.fft.rfft(np.concatenate(parts, axis=1))
    frequency = np.fft.rfftfreq(2 * 62400, 1 / 48000)
    for centre in 300.0 * 2 ** (np.arange(15) / 3.0):
        band = np.abs(np.log2(np.maximum(frequency, 1.0) / centre)) < 1 / 6
        left, right = spectrum[:, band]
        found = np.vdot(right, left).real / np.sqrt(np.vdot(left, left).real * np.vdot(right, right).real)
        expected = np.sinc(2 * frequency[band] * 0.17 / 343.0).mean()
        assert_allclose(found, expected, atol=0.1, rtol=0)


def test_front_and_back_sound_different() -> None:
    """The outer ear colours front and back by more than the just noticeable 1 dB in every octave from 1 kHz."""
    spectrum = np.abs(np.fft.rfft(ears(load_hrtf("kemar", 16000), towards([0.0, 180.0])), 4096))
    frequency = np.fft.rfftfreq(4096, 1 / 16000)
    octave = [(frequency > f / 2**0.5) & (frequency < min(f * 2**0.5, 7000.0)) for f in (1000, 2000, 4000, 8000)]
    difference = [10 * np.log10((spectrum[0, 0, o] ** 2).sum() / (spectrum[1, 0, o] ** 2).sum()) for o in octave]
    assert max(np.abs(difference)) > 2.5
    assert sum(np.abs(difference) > 1.0) == 4


@pytest.mark.parametrize("name", ["kemar", "spherical"])
def test_a_mirrored_source_swaps_the_ears(name: str) -> None:
    """Reflection of source and head about the median plane exchanges the channels to 1e-6 (sheet test 21)."""
    direction = random_directions(64)
    yaw = np.random.default_rng(1).uniform(-np.pi, np.pi, 64)
    response = ears(load_hrtf(name), direction, yaw)
    mirrored = ears(load_hrtf(name), direction * np.array([-1.0, 1.0, 1.0]), -yaw)
    assert_allclose(mirrored[:, ::-1], response, rtol=0, atol=1e-6)


def test_turning_the_head_is_turning_the_world_back() -> None:
    """Yaw by phi equals rotating the source by -phi about +Y, to 1e-5 of the peak (sheet test 23)."""
    direction, yaw = random_directions(32, seed=2), np.random.default_rng(3).uniform(-np.pi, np.pi, 32)
    cosine, sine = np.cos(yaw), np.sin(yaw)
    x, y, z = direction.T
    turned = np.stack([x * cosine - z * sine, y, x * sine + z * cosine], axis=1)  # rotation by -yaw about +Y
    hrtf = load_hrtf("kemar")
    actual, expected = ears(hrtf, direction, yaw), ears(hrtf, turned)
    assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_full_turn_is_continuous() -> None:
    """Half a degree never changes a response by more than 6 % of its energy, poles included (sheet test 23)."""
    hrtf = load_hrtf("kemar")
    for elevation in (0.0, 40.0, -60.0):
        response = ears(hrtf, towards(np.arange(0.0, 360.5, 0.5), elevation), length=512)
        change = ((response[1:] - response[:-1]) ** 2).sum(axis=(1, 2)) / (response[1:] ** 2).sum(axis=(1, 2))
        assert change.max() < 0.06
        assert_allclose(response[-1], response[0], atol=1e-5)
    over_the_top = ears(hrtf, np.array([[0.0, 1.0, -1e-4], [0.0, 1.0, 1e-4]]), length=512)
    assert_allclose(over_the_top[0], over_the_top[1], atol=2e-3)


def test_interpolation_between_measured_directions() -> None:
    """A 10 degree ring read between: distortion < 2.5 dB in the mean, ILD < 0.5 dB rms away (sheet test 22)."""
    full = load_hrtf("kemar", RATE)
    azimuth = np.degrees(np.arctan2(-full.directions[:, 0], -full.directions[:, 2])) % 360
    level = np.abs(full.directions[:, 1]) < 1e-6
    left_out = level & (np.abs(azimuth % 10 - 5) < 1)
    keep = ~left_out
    assert left_out.sum() == 36
    part = SofaSet(
        full.directions[keep].astype(np.float64),
        full.taps[keep].astype(np.float64),
        np.zeros((keep.sum(), 2)),
        RATE,
        "",
    )
    rebuilt = hrtf_from_responses(part, RATE)
    thinned = Hrtf("thinned", RATE, rebuilt.directions, full.taps[keep], full.delay[keep])
    band = slice(int(200 / RATE * 2048), int(14000 / RATE * 2048))
    actual = np.abs(np.fft.rfft(ears(thinned, full.directions[left_out]), 2048))[..., band]
    expected = np.abs(np.fft.rfft(full.taps[left_out], 2048))[..., band]
    distortion = np.sqrt(np.mean((20 * np.log10(actual / expected)) ** 2, axis=-1))
    ild = [10 * np.log10((h[:, 0] ** 2).sum(-1) / (h[:, 1] ** 2).sum(-1)) for h in (actual, expected)]
    assert distortion.mean() < 2.5
    assert np.sqrt(np.mean((ild[0] - ild[1]) ** 2)) < 0.5


@pytest.mark.parametrize(("name", "rate"), [("kemar", 16000), ("kemar", 48000), ("spherical", 16000), ("mono", 16000)])
def test_a_diffuse_sound_keeps_its_spectrum(name: str, rate: int) -> None:
    """Energy averaged over the sphere and both ears is 1 within 0.3 dB in every octave (diffuse-field equalised)."""
    grid = hrtf_grid(load_hrtf(name, rate), "cpu")
    power = np.exp(2 * grid.log_spectrum.real.numpy().astype(np.float64)).mean(axis=1)
    area = np.concatenate([grid_area(), np.zeros((37, 1))], axis=1).reshape(-1)
    mean = area @ power
    frequency = np.fft.rfftfreq(grid.filter_length, 1 / rate)
    for centre in (125, 250, 500, 1000, 2000, 4000, 8000):
        inside = (frequency > centre / 2**0.5) & (frequency < centre * 2**0.5) & (frequency < 0.9 * rate / 2)
        assert_allclose(10 * np.log10(mean[inside].mean()), 0.0, atol=0.3)


def test_every_sample_rate_is_the_same_head() -> None:
    """Magnitudes at 16 and 48 kHz agree with those at 44.1 kHz within 0.5 dB rms up to 6.5 kHz, delays exactly."""
    direction = random_directions(24, seed=5)
    frequency = np.linspace(200.0, 6500.0, 200)
    magnitude = {}
    for rate in (16000, 44100, 48000):
        response = ears(load_hrtf("kemar", rate), direction, length=int(0.05 * rate))
        kernel = np.exp(-2j * np.pi * np.outer(np.arange(response.shape[-1]) / rate, frequency))
        magnitude[rate] = 20 * np.log10(np.abs(response @ kernel))
    for rate in (16000, 48000):
        assert np.sqrt(np.mean((magnitude[rate] - magnitude[44100]) ** 2)) < 0.5
        assert_array_equal(load_hrtf("kemar", rate).itd, load_hrtf("kemar", 44100).itd)


def test_below_the_measured_rings_the_nearest_ring_speaks() -> None:
    """KEMAR ends at -40 degrees; from -41 to -90 the response keeps that of -40, as the azimuth changes."""
    hrtf = load_hrtf("kemar")
    below = ears(hrtf, towards(np.full(4, 60.0), np.array([-40.0, -45.0, -60.0, -80.0])))
    for response in below[1:]:
        assert_allclose((response**2).sum(1), (below[0] ** 2).sum(1), rtol=0.02)


def test_names_are_checked() -> None:
    """A misspelt head gets a suggestion, a rate too low for any ear is refused."""
    with pytest.raises(ValueError, match="Did you mean 'kemar'"):
        load_hrtf("kemer")
    with pytest.raises(ValueError, match="too low"):
        load_hrtf("kemar", 4000)
