"""Discrete paths at the ears: exact delay, 1/r, octave gains, superposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.hrtf import load_hrtf
from avi_env.acoustics.paths import Paths, join_paths

RATES = (16000, 44100, 48000)


def free_field(distance: np.ndarray, direction: tuple[float, float, float] = (0.0, 0.0, -1.0)) -> Paths:
    """Returns one path in air without absorption per distance [m]."""
    metres = torch.from_numpy(np.asarray(distance, dtype=np.float64))[:, None]
    gain = (1 / metres).float()[..., None].expand(-1, -1, 7).contiguous()
    towards = torch.tensor(direction).expand(len(metres), 1, 3)
    return Paths(metres / SPEED_OF_SOUND, gain, towards, -towards)


def random_paths(rows: int, slots: int, seed: int = 0) -> Paths:
    """Returns paths of random delay, gain and direction."""
    g = torch.Generator().manual_seed(seed)
    direction = torch.randn(rows, slots, 3, generator=g)
    return Paths(
        0.005 + 0.04 * torch.rand(rows, slots, generator=g, dtype=torch.float64),
        torch.rand(rows, slots, 7, generator=g),
        direction / direction.norm(dim=-1, keepdim=True),
        -direction / direction.norm(dim=-1, keepdim=True),
    )


@pytest.mark.parametrize("rate", RATES)
def test_free_field_delay_and_level_are_exact(rate: int) -> None:
    """Pressure is exp(-j w d/c) / d: level within 0.05 dB and delay within 1 us from 100 Hz to 0.44 of the rate."""
    distance = np.array([0.7, 1.0, 2.345, 5.1234, 12.0, 16.0])
    fir = paths_to_fir(free_field(distance), torch.zeros(6), load_hrtf("mono", rate), int(0.08 * rate)).numpy()
    frequency = np.linspace(100.0, 0.44 * rate, 400)
    spectrum = fir[:, 0] @ np.exp(-2j * np.pi * np.outer(np.arange(fir.shape[-1]) / rate, frequency))
    exact = np.exp(-2j * np.pi * np.outer(distance / SPEED_OF_SOUND, frequency)) / distance[:, None]
    ratio = spectrum / exact
    assert_allclose(20 * np.log10(np.abs(ratio)), 0.0, atol=0.05)
    assert_allclose(np.angle(ratio) / (2 * np.pi * frequency), 0.0, atol=1e-6)
    peak = np.argmax(fir[:, 0], axis=1)
    assert_allclose(peak, distance / SPEED_OF_SOUND * rate, atol=0.5 + 1e-6)
    assert_array_equal(fir[:, 0], fir[:, 1])


@pytest.mark.parametrize("name", ["kemar", "spherical"])
@pytest.mark.parametrize("rate", RATES)
def test_the_head_keeps_one_over_r_and_the_delay(name: str, rate: int) -> None:
    """Twice the distance is -6.02 dB and d/c later at each ear, whatever the head."""
    distance = np.array([1.5, 3.0, 6.0])
    fir = paths_to_fir(
        free_field(distance, (0.6, 0.0, -0.8)), torch.zeros(3), load_hrtf(name, rate), rate // 16
    ).numpy()
    level = 10 * np.log10((fir**2).sum(-1))
    assert_allclose(level[1:] - level[:1], -20 * np.log10(distance[1:] / distance[0])[:, None] * [[1, 1]], atol=0.1)
    spectrum = np.fft.rfft(fir, 4 * fir.shape[-1])
    for later in (1, 2):
        lag = np.argmax(np.fft.irfft(spectrum[later] * spectrum[0].conj(), 32 * fir.shape[-1]), axis=-1) / 8
        assert_allclose(lag, (distance[later] - distance[0]) / SPEED_OF_SOUND * rate, atol=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_octave_gains_appear_at_the_band_centres(rate: int) -> None:
    """At each octave's centre the magnitude is the gain of that octave within 0.3 dB, over a range of 40 dB."""
    gain = 10 ** (-np.array([3.0, 0.0, 6.0, 12.0, 20.0, 30.0, 40.0]) / 20)
    paths = free_field(np.array([4.0]))._replace(gain=torch.from_numpy(gain.astype(np.float32)).reshape(1, 1, 7))
    fir = paths_to_fir(paths, torch.zeros(1), load_hrtf("mono", rate), int(0.1 * rate))[0, 0].numpy()
    centres = np.array([f for f in BANDS_HZ if f < 0.44 * rate])
    magnitude = np.abs(fir @ np.exp(-2j * np.pi * np.outer(np.arange(len(fir)) / rate, centres)))
    assert_allclose(20 * np.log10(magnitude), 20 * np.log10(gain[: len(centres)]), atol=0.3)


def test_coloured_paths_do_not_arrive_early() -> None:
    """Minimum phase: what precedes d/c by half a millisecond is 50 dB down, the sinc's side lobes."""
    gain = torch.tensor([1.0, 0.8, 0.5, 0.2, 0.1, 0.03, 0.01]).reshape(1, 1, 7)
    fir = paths_to_fir(free_field(np.array([8.0]))._replace(gain=gain), torch.zeros(1), load_hrtf("mono"), 1600)[0, 0]
    arrival = int(8.0 / SPEED_OF_SOUND * 16000)
    assert float((fir[: arrival - 8] ** 2).sum()) < 1e-5 * float((fir**2).sum())


def test_superposition() -> None:
    """Two paths together are the sum of each alone, to rounding."""
    one, two, hrtf, yaw = random_paths(4, 1, 1), random_paths(4, 1, 2), load_hrtf("kemar"), torch.linspace(-2, 2, 4)
    together = paths_to_fir(join_paths(one, two), yaw, hrtf, 1024)
    assert_allclose(together, paths_to_fir(one, yaw, hrtf, 1024) + paths_to_fir(two, yaw, hrtf, 1024), atol=1e-6)


def test_silence_and_the_unreachable() -> None:
    """No gain is exact silence; what arrives after the end, even at infinity, is cut without a trace."""
    hrtf, paths = load_hrtf("kemar"), random_paths(3, 2)
    silent = paths._replace(gain=torch.zeros(3, 2, 7), delay=torch.full((3, 2), torch.inf, dtype=torch.float64))
    late = paths._replace(delay=torch.tensor([[1.0, 99.0], [1e9, 7.0], [torch.inf, 3.0]], dtype=torch.float64))
    for case in (silent, late):
        assert_array_equal(paths_to_fir(case, torch.zeros(3), hrtf, 800), torch.zeros(3, 2, 800))


def test_rows_do_not_depend_on_the_batch() -> None:
    """f(x)[i] equals f(x[i:i+1]) bit for bit."""
    paths, yaw, hrtf = random_paths(7, 5, 3), torch.linspace(-3, 3, 7), load_hrtf("kemar")
    together = paths_to_fir(paths, yaw, hrtf, 1000)
    for row in range(7):
        alone = paths_to_fir(Paths(*(p[row : row + 1] for p in paths)), yaw[row : row + 1], hrtf, 1000)
        assert_array_equal(together[row : row + 1], alone)


def test_shapes_are_checked() -> None:
    """Paths that do not fit the yaw are refused with the shapes named."""
    with pytest.raises(ValueError, match="yaw"):
        paths_to_fir(random_paths(3, 2), torch.zeros(2), load_hrtf("mono"), 100)
