"""Sound from room to room: it fades in behind a door, falls when the door shuts; fine meshes sound like coarse ones."""

from __future__ import annotations

import numpy as np
import pytest

from avi_env.acoustics import render_rir, room_metrics, trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.scene import Material, Scene, generate_house, scene_from_mesh, shoebox, with_doors

RATE = 16000


def boxes_scene(parts: list[tuple[tuple[float, ...], tuple[float, ...], bool]], material: Material) -> Scene:
    """Boxes by their corners; the first looks inwards."""
    vertices, triangles = [], []
    for low, size, inward in parts:
        box = shoebox(size, material)  # type: ignore[arg-type]
        triangles.append(box.triangles[:, :: 1 if inward else -1] + sum(map(len, vertices)))
        vertices.append(box.vertices + np.float32(low))
    return scene_from_mesh(np.concatenate(vertices), np.concatenate(triangles), material)


def two_rooms(material: Material) -> Scene:
    """Two rooms of 5 x 4 x 3 m joined by an opening of 0.9 x 2 m."""
    return boxes_scene(
        [
            ((0.0, 0.0, 0.0), (10.12, 3.0, 4.0), True),
            ((5.0, 0.0, 0.0), (0.12, 3.0, 1.5), False),
            ((5.0, 0.0, 2.4), (0.12, 3.0, 1.6), False),
            ((5.0, 2.0, 1.5), (0.12, 1.0, 0.9), False),
        ],
        material,
    )


def test_sound_fades_in_in_the_next_room() -> None:
    """Late energy behind an open door rises before it decays: its peak is > 10 ms after the onset (sheet test 12).

    Coupled rooms: E2' = (S_d c / 4 V2) E1 - E2 / tau2, so E2 peaks at ln(tau1 / tau2) / (1/tau2 - 1/tau1) > 0, about
    tau = 4 V / (c A) = 70 ms in equal rooms; in the room of the source it only falls.
    """
    scene = two_rooms(Material("wall", absorption=0.1, scattering=0.6, transmission_loss=80.0))
    source = (1.0, 1.4, 0.9)
    peaks = []
    for listener in ((9.0, 1.3, 0.9), (2.5, 1.2, 3.0)):
        echogram = trace_echogram(scene, source, listener, budget=PathBudget(4096, 0.4, 1e-4), mirror_order=0)
        energy = echogram.energy[:, 1:5, 0].sum(axis=1)
        onset = int(np.argmax(energy > 0.0))
        envelope = np.convolve(energy[onset:], np.ones(10) / 10.0, mode="valid")  # means of 20 ms
        peaks.append(int(np.argmax(envelope)) * echogram.bin_seconds)
    assert peaks[0] > 0.010
    assert peaks[0] > peaks[1] + 0.010


@pytest.fixture(scope="module")
def door_states() -> tuple[Scene, Scene, Scene]:
    """A house of two rooms with its door open, shut, and open again."""
    house = generate_house(4, rooms=2)
    door = house.portals[0].id
    shut = with_doors(house, {door: 0.0})
    return with_doors(house, {door: 1.0}), shut, with_doors(shut, {door: 1.0})


@pytest.mark.parametrize("mode", ["traced", "baked"])
def test_a_shut_door_is_heard_and_undone(door_states: tuple[Scene, Scene, Scene], mode: str) -> None:
    """A shut door takes >= 10 dB at 1 kHz from the far room; open again: the same bits (sheet test 17)."""
    (portal,) = door_states[0].portals
    normal = np.array([-np.sin(portal.yaw), 0.0, -np.cos(portal.yaw)])
    center = np.array([portal.center[0], 1.3, portal.center[2]])
    source, listener = center - 1.2 * normal, center + 1.2 * normal
    responses = [
        render_rir(scene, source, listener, 0.4, RATE, mode, "mono", seconds=0.5, path_count=1024).astype(np.float64)
        for scene in door_states
    ]
    np.testing.assert_array_equal(responses[0], responses[2])
    octave = np.abs(np.fft.rfft(responses, axis=-1)[..., 0, 354:708]) ** 2  # 708 .. 1416 Hz
    level = 10.0 * np.log10(octave.sum(axis=-1))
    assert level[1] > -np.inf
    assert level[0] - level[1] >= 10.0


def subdivided(scene: Scene, steps: int, material: Material) -> Scene:
    """Every triangle cut into steps^2 equal ones that share no vertex."""
    a, b, c = (scene.vertices[scene.triangles[:, k]].astype(np.float64)[:, None] for k in range(3))
    pieces = []
    for i in range(steps):
        for j in range(steps - i):
            corner, u, v = a + (i * (b - a) + j * (c - a)) / steps, (b - a) / steps, (c - a) / steps
            pieces.append(np.stack([corner, corner + u, corner + v], axis=2))
            if i + j < steps - 1:
                pieces.append(np.stack([corner + u, corner + u + v, corner + v], axis=2))
    vertices = np.concatenate(pieces, axis=1).reshape(-1, 3)
    return scene_from_mesh(vertices, np.arange(len(vertices)).reshape(-1, 3), material)


def test_fine_meshes_reverberate_like_coarse_ones() -> None:
    """12 or 12 288 triangles: late energies per octave and 40 ms within Monte-Carlo noise (sheet test 31).

    The paths are the same but for rounding at the seams, so that the noise is common: 0.2 dB; of other seeds 0.5 dB.
    """
    material = Material("wall", absorption=0.2, scattering=0.3)
    plain = shoebox((6.0, 3.0, 5.0), material)
    fine = subdivided(plain, 32, material)
    assert len(fine.triangles) == 12 * 32**2
    ends, budget = ((1.5, 1.2, 1.3), (4.4, 1.6, 3.3)), PathBudget(4096, 0.4, 1e-4)
    coarse, same, other = (
        trace_echogram(scene, *ends, seed=seed, budget=budget).energy[..., 0].reshape(10, 20, 7).sum(axis=1)
        for scene, seed in ((plain, 0), (fine, 0), (fine, 1))
    )
    np.testing.assert_allclose(10.0 * np.log10(same / coarse)[:, :6], 0.0, rtol=0, atol=0.2)
    np.testing.assert_allclose(10.0 * np.log10(other / coarse).mean(axis=0), 0.0, rtol=0, atol=0.5)
    metrics = [
        room_metrics(render_rir(s, *ends, sample_rate=RATE, layout="mono", path_count=2048), RATE).T30[0]
        for s in (plain, fine)
    ]
    np.testing.assert_allclose(metrics[1][1:6], metrics[0][1:6], rtol=0.05)
