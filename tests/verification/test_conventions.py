"""Every row of docs/conventions.md, checked by behaviour through the public interface."""

from __future__ import annotations

import math
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from numpy.testing import assert_allclose

import avi_env
from avi_env.acoustics import render_rir
from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND, pressure_from_spl, spl_from_pressure
from avi_env.scene import Material, shoebox
from avi_env.tasks import Episode
from avi_env.vision import render

CENTER = (3.0, 1.25, 2.0)
DEAD = Material("dead", absorption=1.0, scattering=0.0, transmission_loss=60.0)


@pytest.fixture(scope="module")
def room() -> avi_env.scene.Scene:
    """A room of 6 x 3 x 4 m, corner at the origin, whose walls swallow all sound."""
    return shoebox((6.0, 3.0, 4.0), material=DEAD)


@pytest.mark.parametrize(
    ("yaw", "ahead"),
    [(0.0, 2.0), (math.pi / 2, 3.0), (math.pi, 2.0), (-math.pi / 2, 3.0)],
    ids=["-Z", "-X", "+Z", "+X"],
)
def test_yaw_is_counter_clockwise_from_minus_z(room: avi_env.scene.Scene, yaw: float, ahead: float) -> None:
    """The wall ahead is as far as the frame says: 2 m along z, 3 m along x."""
    depth = render(room, CENTER, yaw, width=33, height=33)["depth"]
    assert_allclose(depth[16, 16, 0], ahead, rtol=1e-5, atol=0)


def test_yaw_of_a_quarter_turn_left_looks_along_minus_x() -> None:
    """From near the -X wall, yaw +pi/2 sees that wall close by, yaw -pi/2 sees the far one."""
    scene = shoebox((6.0, 3.0, 4.0))
    left, right = (
        render(scene, (1.0, 1.25, 2.0), yaw, width=9, height=9)["depth"][4, 4, 0] for yaw in (math.pi / 2, -math.pi / 2)
    )
    assert_allclose([left, right], [1.0, 5.0], rtol=1e-5, atol=0)


@pytest.mark.parametrize(("source_x", "louder"), [(1.0, 0), (5.0, 1)], ids=["left", "right"])
def test_row_0_is_the_left_ear(room: avi_env.scene.Scene, source_x: float, louder: int) -> None:
    """Looking along -Z, a source on the -X side is louder in row 0 and reaches it first; mirrored, row 1."""
    response = render_rir(room, (source_x, 1.25, 2.0), CENTER, yaw=0.0, sample_rate=48000, seconds=0.1)
    energy = (response**2).sum(axis=1)
    onset = [int(np.argmax(np.abs(ear) > 0.1 * np.abs(ear).max())) for ear in response]
    assert energy[louder] > 2.0 * energy[1 - louder]
    assert onset[louder] < onset[1 - louder]


def test_direct_sound_is_one_over_d_at_d_over_c(room: avi_env.scene.Scene) -> None:
    """At 2 m: amplitude 1/2 within 0.1 dB, at 2 / 343 s within a sample."""
    response = render_rir(room, (5.0, 1.25, 2.0), CENTER, sample_rate=48000, layout="mono", seconds=0.05)[0]
    # At 1 kHz, where 2 m of air take 0.01 dB; above 8 kHz they take 0.2 dB, as they should.
    spectrum = np.abs(np.fft.rfft(response))
    level = 20 * math.log10(float(spectrum[round(1000 / 48000 * len(response))]))
    assert_allclose(level, 20 * math.log10(0.5), rtol=0, atol=0.1)
    assert abs(int(np.argmax(np.abs(response))) - 2.0 / SPEED_OF_SOUND * 48000) <= 1.0


def test_pressure_one_is_94_db() -> None:
    """1.0 RMS is 94 dB SPL, both ways."""
    assert_allclose(spl_from_pressure(1.0), 94.0, rtol=0, atol=1e-12)
    assert_allclose(pressure_from_spl(spl_from_pressure(0.02)), 0.02, rtol=1e-12, atol=0)


def test_bands_are_seven_octaves() -> None:
    """125 Hz to 8 kHz, each twice the one before."""
    assert_allclose(BANDS_HZ, 125.0 * 2.0 ** np.arange(7), rtol=0, atol=0)


def test_material_may_not_transmit_more_than_it_absorbs() -> None:
    """Absorption >= 10^(-TL/10): 3 dB of transmission loss lets half the energy through, so a = 0.1 is refused."""
    with pytest.raises(ValueError, match="transmits more energy than it absorbs"):
        Material("paper", absorption=0.1, transmission_loss=3.0)


def test_pose_is_in_the_start_frame() -> None:
    """Whatever the start, walking ahead moves along -Z and turning left adds 15 degrees."""
    scene = "shoebox:6x3x4"
    start = Episode(scene, (3.0, 0.0, 2.0), 2.0, (4.0, 1.2, 3.0), (4.0, 0.0, 3.0), -1, "phone", 0, 1.4, 9)
    env = gym.make("avi_env/AudioNav-v0", scene=scene, sensors=("pose",), bake_paths=64)
    observation, _ = env.reset(seed=0, options={"episode": start})
    assert_allclose(observation["pose"], np.zeros(4), rtol=0, atol=1e-6)
    observation, *_ = env.step(1)
    assert_allclose(observation["pose"], [0.0, 0.0, -0.25, 0.0], rtol=0, atol=1e-5)
    observation, *_ = env.step(2)
    assert_allclose(observation["pose"][3], math.radians(15.0), rtol=0, atol=1e-5)


def test_conventions_page_states_what_the_code_has() -> None:
    """The page's numbers are the code's."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "conventions.md").read_text()
    assert f"{SPEED_OF_SOUND} m/s" in page
    assert "row 0 = left ear" in page
    assert "-Z forward, +X right" in page
