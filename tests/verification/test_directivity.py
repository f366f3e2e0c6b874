"""Directivity against closed forms: first-order patterns, the piston, means over the sphere, rotation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import j1

from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.directivity import (
    DIRECTIVITIES,
    cap_on_sphere,
    directivity_gain,
    load_directivity,
    stack_directivities,
)


def _sphere(count: int, seed: int = 0) -> torch.Tensor:
    vectors = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return vectors / vectors.norm(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ("name", "share"), [("omni", 1.0), ("cardioid", 0.5), ("supercardioid", 0.37), ("dipole", 0.0)]
)
def test_first_order_pattern(name: str, share: float, device: str) -> None:
    """Pressure w + (1 - w) cos in any direction; energy mean w^2 + (1 - w)^2 / 3 (cardioid: 1/3)."""
    pattern, towards = load_directivity(name), _sphere(500)
    gain = directivity_gain(pattern, torch.zeros(1, device=device), towards.float()[None].to(device))[0].cpu()
    wanted = share + (1.0 - share) * -towards[:, 2]
    # Bilinear between 10 degrees: error <= 2 h^2 / 8 max|f''| = 0.0076 |f''|, f'' of the energy <= 2.
    assert_allclose(gain[:, 3] ** 2, wanted**2, atol=0.0155)
    # The interpolant's mean is off by h^2 / 12 times the mean of f'' + g'', at most 1 %.
    assert_allclose(pattern.power, share**2 + (1.0 - share) ** 2 / 3.0, rtol=0.01)


@pytest.mark.parametrize("name", DIRECTIVITIES)
def test_power_is_the_mean_over_the_sphere(name: str) -> None:
    """Power = mean of the energy over random directions, within four standard errors; 0 dB ahead; none negative."""
    pattern, towards = load_directivity(name), _sphere(20000, seed=1)
    energy = directivity_gain(pattern, torch.zeros(1), towards.float()[None])[0].double() ** 2
    error = energy.std(dim=0) / np.sqrt(len(towards))
    assert np.all(np.abs(energy.mean(dim=0).numpy() - pattern.power) <= 4.0 * error.numpy() + 1e-6)
    assert_allclose(pattern.energy[9, 0], 1.0, rtol=1e-6)
    assert pattern.energy.min() >= 0.0
    assert pattern.is_omni == (name == "omni")


def test_turning_the_source_turns_its_sound() -> None:
    """A source turned by phi sounds in a direction as the unturned one in the direction turned by -phi."""
    pattern, towards, angle = load_directivity("speech"), _sphere(200, seed=2), 0.7
    # A turn by +phi about +Y takes -Z to (-sin, 0, -cos).
    turn = torch.tensor([[np.cos(angle), 0.0, np.sin(angle)], [0.0, 1.0, 0.0], [-np.sin(angle), 0.0, np.cos(angle)]])
    turned = directivity_gain(pattern, torch.tensor([angle]), (towards @ turn.T).float()[None])
    straight = directivity_gain(pattern, torch.zeros(1), towards.float()[None])
    assert_allclose(turned, straight, atol=2e-6)
    ahead = torch.tensor([[[-np.sin(angle), 0.0, -np.cos(angle)]]], dtype=torch.float32)
    assert_allclose(directivity_gain(pattern, torch.tensor([angle]), ahead), 1.0, atol=1e-4)


def test_small_cap_on_a_large_sphere_is_a_piston_in_a_wall() -> None:
    """Near the axis the pressure is 2 J1(x) / x, x = k b sin(angle) (Rayleigh), averaged over the octave."""
    angle, radius = np.radians([0.0, 5.0, 10.0, 15.0]), 0.05
    energy = cap_on_sphere(np.cos(angle), 1.5, radius)
    offsets = 2.0 ** ((np.arange(9) + 0.5) / 9 - 0.5)
    for band in (5, 6):
        x = np.outer(2 * np.pi * BANDS_HZ[band] * offsets / SPEED_OF_SOUND * radius, np.sin(angle))
        wall = np.mean(np.square(np.where(x > 0, 2.0 * j1(x) / np.where(x > 0, x, 1.0), 1.0)), axis=0)
        # What the sphere adds at the axis falls as 1 / ka < 1.3 %.
        assert_allclose(energy[:, band], wall, rtol=0.02, atol=0.005)


def test_talker_is_more_directional_in_higher_octaves() -> None:
    """Omnidirectional when the head is small (ka -> 0), then the directivity index grows with each octave."""
    for name in ("speech", "loudspeaker"):
        power = load_directivity(name).power
        assert_allclose(power[0], 1.0, rtol=0.07)
        assert np.all(np.diff(power) < 0.0)


def test_table_of_levels() -> None:
    """A table in dB is read at its own points, whatever its resolution, and counted from straight ahead."""
    elevation, azimuth = np.radians(np.linspace(-90, 90, 37)), np.radians(np.arange(0, 360, 5))
    cosine = np.cos(elevation)[:, None] * np.cos(azimuth)
    levels = 20.0 * np.log10(0.6 + 0.4 * cosine)
    table = load_directivity(levels + 3.0)
    assert_allclose(
        table.energy[..., 2], np.append(10 ** (levels / 10), 10 ** (levels[:, :1] / 10), 1)[::2, ::2], rtol=1e-5
    )
    per_octave = load_directivity(np.repeat(levels[..., None], 7, axis=2) + np.arange(7.0))
    assert_allclose(per_octave.energy, table.energy, rtol=1e-5)


def test_bad_tables_are_refused() -> None:
    """Each error names what is wrong."""
    with pytest.raises(ValueError, match="cardioid"):
        load_directivity("cardoid")
    with pytest.raises(ValueError, match="shape"):
        load_directivity(np.zeros((5, 8, 3)))
    with pytest.raises(ValueError, match="NaN"):
        load_directivity(np.full((5, 8), np.nan))
    with pytest.raises(ValueError, match="straight ahead"):
        load_directivity(np.full((5, 8), -np.inf))
    with pytest.raises(ValueError, match=r"yaw \(B,\)"):
        directivity_gain(load_directivity("omni"), torch.zeros(2), torch.zeros(3, 1, 3))


def test_a_row_of_a_stack_is_the_pattern_alone() -> None:
    """Rows with different patterns do not depend on each other, bit for bit."""
    names, towards, yaw = ["speech", "omni", "cardioid"], _sphere(12, seed=3).float().reshape(3, 4, 3), torch.rand(3)
    stack = stack_directivities([load_directivity(name) for name in names])
    together = directivity_gain(stack, yaw, towards, torch.arange(3, dtype=torch.int32))
    for row, name in enumerate(names):
        alone = directivity_gain(load_directivity(name), yaw[row : row + 1], towards[row : row + 1])
        assert torch.equal(alone[0], together[row])
