"""Modes and blows against formulas; needs no PyBullet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from avi_env.physics.materials import solid_of_material
from avi_env.scene import load_materials
from avi_env.sounds.modal import (
    CLICK_LEAD,
    VIBRATION_SHARE,
    Blow,
    bar_modes,
    blow_seconds,
    body_modes,
    click,
    fast_level,
    plate_modes,
    ringing,
)
from avi_env.sounds.solids import load_solids, solid

AIR_DENSITY, SOUND_SPEED = 1.204, 343.0


def test_bar_rings_at_the_textbook_frequencies() -> None:
    """f1 = 1.028 h / L^2 sqrt(E / rho), overtones 2.756, 5.404, 8.933 (Kinsler, section 3.10)."""
    steel, length, thick = solid("steel"), 0.3, 0.01
    frequency = bar_modes("steel", length, thick, 0.02).frequency
    np.testing.assert_allclose(frequency[0], 1.028 * thick / length**2 * math.sqrt(steel.young / steel.density), 1e-3)
    np.testing.assert_allclose(frequency[1:4] / frequency[0], [2.756, 5.404, 8.933], rtol=2e-4)


def test_plate_rings_at_the_textbook_frequencies() -> None:
    """f_mn = pi/2 sqrt(D / rho h) (m^2 / a^2 + n^2 / b^2)."""
    glass, a, b, h = solid("glass"), 0.4, 0.3, 0.004
    stiffness = glass.young * h**3 / (12 * (1 - glass.poisson**2))
    modes = plate_modes("glass", a, b, h)
    for (m, n), frequency in zip(modes.order[:20], modes.frequency[:20], strict=True):
        expected = math.pi / 2 * math.sqrt(stiffness / (glass.density * h)) * ((m / a) ** 2 + (n / b) ** 2)
        np.testing.assert_allclose(frequency, expected, rtol=1e-12)
    assert np.all(np.diff(modes.frequency) >= 0.0)
    np.testing.assert_allclose(modes.mass, glass.density * a * b * h)


def test_shapes_have_a_mean_square_of_one() -> None:
    """Averaged over the body; a free bar's end moves twice as much as its mean."""
    points = (np.arange(4000) + 0.5) / 4000
    bar = bar_modes("wood", 0.4, 0.01, 0.03)
    shapes = np.array([bar.shape((x, 0.5)) for x in points])
    np.testing.assert_allclose(np.mean(shapes**2, axis=0)[:10], 1.0, rtol=1e-4)
    np.testing.assert_allclose((shapes.T @ shapes / 4000)[0, 1:6], 0.0, atol=1e-3)
    np.testing.assert_allclose(np.abs(bar.shape((0.0, 0.5))), 2.0, rtol=1e-6)
    plate = plate_modes("wood", 0.4, 0.3, 0.01)
    grid = np.array([plate.shape((x, y))[:6] for x in points[::100] for y in points[::100]])
    np.testing.assert_allclose(np.mean(grid**2, axis=0), 1.0, rtol=1e-9)


def test_damping_is_rayleighs_and_what_is_radiated() -> None:
    """Decay = (alpha + beta w^2) / 2 plus the share of the energy that leaves as sound."""
    modes, made = bar_modes("plastic", 0.2, 0.004, 0.01), solid("plastic")
    inner = 0.5 * (made.mass_damping + made.stiffness_damping * (2 * np.pi * modes.frequency) ** 2)
    leaving = 4 * np.pi * modes.radiation**2 / (2 * AIR_DENSITY * SOUND_SPEED) / modes.mass
    np.testing.assert_allclose(modes.decay, inner + leaving, rtol=1e-12)


def test_hertz_time_is_that_of_the_equation_of_motion() -> None:
    """A body on the spring K x^1.5, K = 4/3 E* sqrt(R), parts after 2.87 (m^2 / (R E*^2 v))^(1/5)."""
    first, second, mass, speed, radius = solid("steel"), solid("glass"), 0.2, 2.0, 0.01
    stiff = 1 / ((1 - first.poisson**2) / first.contact_modulus + (1 - second.poisson**2) / second.contact_modulus)
    spring = 4 / 3 * stiff * math.sqrt(radius)

    def motion(_: float, state: np.ndarray) -> list[float]:
        return [state[1], -spring * max(state[0], 0.0) ** 1.5 / mass]

    def parted(time: float, state: np.ndarray) -> float:
        return float(state[0]) if time > 1e-6 else 1.0

    parted.terminal = True  # type: ignore[attr-defined]
    path = solve_ivp(motion, (0.0, 0.01), [0.0, speed], events=parted, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(blow_seconds(first, second, mass, speed, radius), path.t[-1], rtol=2e-3)


def test_click_of_a_small_sphere_follows_its_acceleration() -> None:
    """Far below c/a a sphere radiates p = rho a^3 / (2 c r) d(acceleration)/dt cos; rms over directions / sqrt(3)."""
    blow, mass, radius, rate = Blow(0.5, 0.004, 1.0), 0.2, 0.01, 96000
    pressure = click(blow, (), mass, radius, rate)
    t = np.arange(len(pressure) - CLICK_LEAD) / rate
    jerk = blow.impulse / mass * np.pi**2 / (2 * blow.seconds**2) * np.cos(np.pi * t / blow.seconds)
    expected = AIR_DENSITY * radius**3 / (2 * SOUND_SPEED * math.sqrt(3)) * jerk
    inside = (t > 0.2 * blow.seconds) & (t < 0.8 * blow.seconds)
    np.testing.assert_allclose(
        pressure[CLICK_LEAD:][inside], expected[inside], rtol=0.02, atol=0.05 * np.abs(expected).max()
    )


@pytest.mark.parametrize("made", ["steel", "glass", "wood", "plastic", "ceramic"])
def test_no_more_sounds_than_the_collision_loses(made: str) -> None:
    """The energy that a body radiates while it rings stays below its share of what is lost."""
    modes = body_modes(made, (0.2, 0.1, 0.15), 0.003)
    blow = Blow(2.0, 2e-4, 3.0)
    pressure = ringing(modes, blow, np.random.default_rng(1), 48000)
    energy = 4 * np.pi * np.sum(pressure**2) / 48000 / (AIR_DENSITY * SOUND_SPEED)
    assert 1e-6 < energy < VIBRATION_SHARE * blow.lost


def test_longer_blows_are_duller() -> None:
    """Far above 1 / T the spectrum of a half sine falls with T^2: 40 dB for a blow ten times as long."""
    modes = body_modes("steel", (0.3, 0.2, 0.02), 0.001)
    levels = []
    for seconds in (1e-3, 1e-2):
        pressure = ringing(modes, Blow(0.01, seconds, 10.0), np.random.default_rng(2), 48000)
        power = np.abs(np.fft.rfft(pressure, 1 << 19)) ** 2
        levels.append(10 * np.log10(np.sum(power[np.fft.rfftfreq(1 << 19, 1 / 48000) > 5000])))
    np.testing.assert_allclose(levels[0] - levels[1], 40.0, atol=6.0)


def test_a_block_of_steel_does_not_ring_where_one_hears() -> None:
    """Its lowest mode lies above 20 kHz: it only clicks."""
    modes = body_modes("steel", (0.05, 0.05, 0.05))
    assert sum(len(family.frequency) for family in modes) == 0
    assert len(ringing(modes, Blow(1.0, 1e-4, 1.0), np.random.default_rng(0), 16000)) == 0


def test_fast_level_is_that_of_a_meter() -> None:
    """A steady tone of 1 Pa RMS reads 94 dB; of a pulse much shorter than 125 ms, its energy over 125 ms."""
    tone = math.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    np.testing.assert_allclose(fast_level(tone, 48000), 94.0, atol=0.05)
    pulse = np.zeros(48000)
    pulse[:48] = 1.0
    np.testing.assert_allclose(fast_level(pulse, 48000), 94 + 10 * math.log10(0.001 / 0.125), atol=0.05)
    assert fast_level(np.zeros(10), 48000) == -math.inf


def test_every_household_material_is_of_some_solid() -> None:
    """Also in another colour."""
    for name in load_materials():
        assert solid_of_material(name) in load_solids().values()
        assert solid_of_material(f"{name}_d8c9a8") == solid_of_material(name)


def test_malformed_bodies_are_refused() -> None:
    """Messages name culprit and remedy."""
    with pytest.raises(ValueError, match=r"unknown solid 'stel'\. Did you mean 'steel'"):
        solid("stel")
    with pytest.raises(ValueError, match="thickness must be positive"):
        bar_modes("steel", 0.2, 0.0, 0.1)
    with pytest.raises(ValueError, match="wall=None makes it solid"):
        body_modes("steel", (0.2, 0.2, 0.01), 0.006)
    with pytest.raises(ValueError, match="length must be positive"):
        body_modes("steel", (0.2, 0.2))
    with pytest.raises(ValueError, match=r"pass solids=\{'granite_7': NAME\}"):
        solid_of_material("granite_7")
