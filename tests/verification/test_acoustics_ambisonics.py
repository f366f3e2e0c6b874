"""Ambisonic responses: harmonics against closed form, direction of the direct sound, diffuse energies, rotation."""

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y

from avi_env.acoustics import render_rir
from avi_env.acoustics.harmonics import ambisonic_frame, spherical_harmonics
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material

SIZE = (6.0, 3.0, 5.0)
SOURCE, LISTENER = (1.5, 2.2, 1.0), (4.0, 1.2, 3.0)
DEAD = Material("dead", absorption=1.0, scattering=0.0, transmission_loss=60.0)
ROOM = shoebox(SIZE, material=Material("wall", absorption=0.3, scattering=1.0))


def directions(count, seed=0):
    """Returns directions spread evenly over the sphere."""
    vector = np.random.default_rng(seed).standard_normal((count, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_harmonics_are_those_of_scipy(order):
    """ACN, N3D: sqrt(4 pi) times the real part of Y_n^|m| (sqrt(2) (-1)^m cos, sin for m > 0, m < 0), to 1e-12."""
    towards = directions(64)
    polar, azimuth = np.arccos(towards[:, 2]), np.arctan2(towards[:, 1], towards[:, 0])
    expected = []
    for n in range(order + 1):
        for m in range(-n, n + 1):
            value = np.sqrt(4.0 * np.pi) * sph_harm_y(n, abs(m), polar, azimuth)
            turned = np.sqrt(2.0) * (-1.0) ** m * (value.imag if m < 0 else value.real)
            expected.append(value.real if m == 0 else turned)
    found = spherical_harmonics(torch.from_numpy(towards), order).numpy()
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("yaw", [0.0, 0.7, -2.0])
def test_direct_sound_points_at_the_source(order, yaw):
    """The intensity W (X, Y, Z) of the direct sound points at the source within 1 degree, every channel is Y_n^m."""
    rir = render_rir(
        shoebox(SIZE, material=DEAD), SOURCE, LISTENER, yaw, 48000, layout="ambisonics", order=order, seconds=0.05
    ).astype(np.float64)
    assert rir.shape == ((order + 1) ** 2, 2400)
    toward = np.subtract(SOURCE, LISTENER)
    toward = toward / np.linalg.norm(toward)
    frame = ambisonic_frame(torch.from_numpy(toward)[None, None], torch.tensor([yaw], dtype=torch.float64))[0, 0]
    intensity = rir[[3, 1, 2]] @ rir[0]
    cosine = np.dot(intensity, frame.numpy()) / np.linalg.norm(intensity)
    assert np.degrees(np.arccos(min(cosine, 1.0))) < 1.0
    expected = spherical_harmonics(frame, order).numpy()
    np.testing.assert_allclose(rir @ rir[0] / np.sum(rir[0] ** 2), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", ["baked", "traced"])
def test_diffuse_sound_is_as_loud_in_every_order(mode):
    """N3D: in a diffuse field each harmonic's energy is W's; the mean over an order within 1 dB from 100 ms on."""
    rir = render_rir(ROOM, SOURCE, LISTENER, 0.4, 16000, mode, "ambisonics", order=3, seconds=0.5)
    energy = np.sum(rir[:, 1600:].astype(np.float64) ** 2, axis=1)
    orders = np.split(energy, [1, 4, 9])
    level = [10.0 * np.log10(part.mean() / energy[0]) for part in orders]
    np.testing.assert_allclose(level, 0.0, rtol=0, atol=1.0)


def test_turning_the_listener_turns_the_harmonics():
    """Yaw by phi mixes cos and sin channels of each |m| by m phi: exact for all that is no late noise, to 1e-5."""
    yaw = 0.8
    early = [
        render_rir(ROOM, SOURCE, LISTENER, turn, 16000, "baked", "ambisonics", order=3, seconds=0.08)
        for turn in (0.0, yaw)
    ]
    degree = [m for n in range(4) for m in range(-n, n + 1)]
    expected = np.empty_like(early[0])
    for channel, m in enumerate(degree):
        other = channel - 2 * m  # the same n, -m
        # A source at azimuth a is at a - phi for the turned listener: cos m(a - phi), sin m(a - phi).
        expected[channel] = np.cos(m * yaw) * early[0][channel] + np.sin(m * yaw) * early[0][other]
    peak = np.abs(early[0]).max()
    np.testing.assert_allclose(early[1], expected, rtol=0, atol=1e-5 * peak)


def test_unknown_orders_are_refused():
    """Orders 1 to 3, and layouts that exist."""
    with pytest.raises(ValueError, match="order must be 1, 2 or 3"):
        render_rir(ROOM, SOURCE, LISTENER, layout="ambisonics", order=4)
    with pytest.raises(ValueError, match="one of"):
        spherical_harmonics(torch.zeros(1, 3), 5)
