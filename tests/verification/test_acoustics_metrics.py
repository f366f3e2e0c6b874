"""Room-acoustic parameters of synthetic responses against closed form (ISO 3382-1; the sheet, section 2.1)."""

import numpy as np
import pytest

from avi_env.acoustics import load_hrtf, render_rir, room_metrics
from avi_env.acoustics.metrics import interaural, interaural_delay
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material

RATE = 48000
DEAD = Material("dead", absorption=1.0, scattering=0.0, transmission_loss=60.0)


def decaying_noise(rt60, seconds, count, seed=0):
    """White noise whose energy falls by 60 dB in rt60, shape (count, n)."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.random.default_rng(seed).standard_normal((count, len(time))) * 10.0 ** (-3.0 * time / rt60)


@pytest.mark.parametrize("rt60", [0.4, 1.2])
def test_exponential_decay_of_pulses(rt60):
    """Pulses every P = 3.7 ms whose energies fall by r = 10^(-6 P / T): all parameters in closed form, 2 .. 8 kHz.

    T20, T30, EDT = T within 1 % (the curve has steps of one pulse), early energy 1 - r^k of k pulses within 0.03 dB, Ts
    = P r / (1 - r) within 0.1 %, G = 20 - 10 log10(1 - r) within 0.05 dB.
    """
    period = 178
    response = np.zeros(int(1.5 * rt60 * RATE))
    response[::period] = 10.0 ** (-3.0 * np.arange(0, len(response), period) / (rt60 * RATE))
    ratio = 10.0 ** (-6.0 * period / (rt60 * RATE))
    found = room_metrics(response, RATE)
    for name in ("T20", "T30"):
        np.testing.assert_allclose(found[name][3:], rt60, rtol=0.01, err_msg=name)
    for name, seconds in (("C50", 0.05), ("C80", 0.08)):
        early = ratio ** np.ceil(seconds * RATE / period)
        np.testing.assert_allclose(found[name][4:], 10.0 * np.log10((1.0 - early) / early), rtol=0, atol=0.03)
    np.testing.assert_allclose(found.D50[4:], 1.0 - ratio ** np.ceil(0.05 * RATE / period), rtol=0, atol=1e-3)
    np.testing.assert_allclose(found.DRR[5:], 10.0 * np.log10((1.0 - ratio) / ratio), rtol=0, atol=0.02)
    np.testing.assert_allclose(found.Ts[4:], period / RATE * ratio / (1.0 - ratio), rtol=1e-3)
    np.testing.assert_allclose(found.G[4:], 20.0 - 10.0 * np.log10(1.0 - ratio), rtol=0, atol=0.05)


def test_exponential_decay_of_noise():
    """T30 = T within 2 %, EDT 3 %, Ts = T / 13.8 within 2 %, C_te = 10 log10(e^(13.8 te / T) - 1) within 0.2 dB.

    Means over 16 responses; standard error of T30 in the 1 kHz octave 0.55 sqrt(2.5 / (16 B T)) = 0.7 % (ISO 3382-1).
    """
    rt60 = 1.2
    found = room_metrics(decaying_noise(rt60, rt60, 16), RATE)
    rate = 6.0 * np.log(10.0) / rt60
    for name, expected, tolerance in (("T30", rt60, 0.02), ("EDT", rt60, 0.03), ("Ts", 1.0 / rate, 0.02)):
        np.testing.assert_allclose(found[name][:, 3:].mean(axis=0), expected, rtol=tolerance, err_msg=name)
    for name, window in (("C50", 0.05), ("C80", 0.08)):
        expected = 10.0 * np.log10(np.exp(rate * window) - 1.0)
        np.testing.assert_allclose(found[name][:, 3:].mean(axis=0), expected, rtol=0, atol=0.2)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_strength_of_the_direct_sound(rate):
    """G = 20 log10(10 / d) in free field, Ts = 0: an impulse 1/d after d/c, within 0.06 dB and 0.4 ms (front lobes)."""
    scene = shoebox((12.0, 4.0, 5.0), material=DEAD)
    for distance in (2.0, 10.0):
        rir = render_rir(scene, (1.0, 2.0, 2.5), (1.0 + distance, 2.0, 2.5), 0.0, rate, layout="mono", seconds=0.1)
        found = room_metrics(rir[0], rate)
        np.testing.assert_allclose(found.G[:4], 20.0 * np.log10(10.0 / distance), rtol=0, atol=0.06)  # air: 0.05 dB
        np.testing.assert_allclose(found.Ts[1:5], 0.0, rtol=0, atol=4e-4)


def test_two_ears_with_delayed_noise():
    """Right = left later by 0.3 ms and 6 dB softer: ITD 0.3 ms +- 5 us, ILD 6.02 dB, IACC 1 (all octaves)."""
    noise = decaying_noise(0.5, 1.0, 1)[0]
    shift = np.exp(-2j * np.pi * np.fft.rfftfreq(len(noise) * 2) * 0.3e-3 * RATE)
    late = np.fft.irfft(np.fft.rfft(noise, len(noise) * 2) * shift)[: len(noise)]
    found = room_metrics(np.stack([noise, 0.5 * late]), RATE)
    for name in ("IACC", "IACC_early", "IACC_late"):
        np.testing.assert_allclose(found[name], 1.0, rtol=0, atol=0.01)
    np.testing.assert_allclose(found.ILD, 6.02, rtol=0, atol=0.05)
    np.testing.assert_allclose(interaural(np.stack([noise, 0.5 * late]), RATE).delay, 0.3e-3, rtol=0, atol=5e-6)
    assert interaural_delay(np.stack([noise, 0.5 * late]), RATE) == pytest.approx(0.3e-3, abs=20e-6)
    assert interaural_delay(np.stack([late, noise]), RATE) == pytest.approx(-0.3e-3, abs=20e-6)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_partly_common_noise_has_its_correlation(share):
    """Ears that share a part q of their energy have IACC = q; chance adds about 1/sqrt(2 B T), 0.05 at 1 kHz."""
    noise = np.random.default_rng(1).standard_normal((3, RATE))
    ears = np.sqrt(share) * noise[0] + np.sqrt(1.0 - share) * noise[1:]
    found = interaural(ears, RATE)
    np.testing.assert_allclose(found.correlation[3:], share, rtol=0, atol=0.06)
    np.testing.assert_allclose(found.level[3:], 0.0, rtol=0, atol=0.4)


def test_the_direct_sound_at_a_head():
    """Ahead both ears hear the same: IACC > 0.99, ITD 0. From the left: its sign and size are the head's own."""
    scene = shoebox((6.0, 3.0, 5.0), material=DEAD)
    ahead, left = (
        render_rir(scene, source, (3.0, 1.5, 2.5), layout="binaural", seconds=0.1)
        for source in ((3.0, 1.5, 0.5), (1.0, 1.5, 2.5))
    )
    front, side = room_metrics(ahead, RATE), room_metrics(left, RATE)
    assert np.all(front.IACC > 0.99)
    np.testing.assert_allclose(front.ITD, 0.0, atol=1e-6)
    np.testing.assert_allclose(front.ILD, 0.0, atol=1e-3)
    itd = load_hrtf("kemar", RATE).itd.max()
    assert abs(interaural_delay(left, RATE) - itd) < 80e-6  # at low frequencies a head delays by a tenth more
    assert np.all(side.ITD[:3] > 0.5e-3)
    assert np.all(np.diff(side.ILD[:4]) > 0.0)


def test_nothing_to_tell_is_nan():
    """One channel or four have no ears; silence has neither delay nor level."""
    noise = decaying_noise(0.3, 0.5, 4)
    for channels in (noise[0], noise):
        assert np.all(np.isnan(room_metrics(channels, RATE).IACC))
    assert np.isnan(interaural_delay(np.zeros((2, 100)), RATE))
    silent = room_metrics(np.stack([noise[0], np.zeros(noise.shape[1])]), RATE)
    assert np.all(silent.ILD == np.inf)
    assert np.all(np.isnan(silent.IACC))
    with pytest.raises(ValueError, match="two ears"):
        interaural(noise, RATE)
