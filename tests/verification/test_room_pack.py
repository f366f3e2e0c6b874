"""The acoustic test rooms of the pack `rooms` hold what their `known` lines say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avi_env.acoustics import render_rir, room_metrics
from avi_env.acoustics.formulas import eyring_rt60
from avi_env.acoustics.metrics import octave_filter
from avi_env.scene import Scene
from avi_env.scene.pack import pack_scene

RATE = 48000
SPEED = 343.2
"""Of sound at 20 degrees C [m/s]."""
KHZ = 3
"""Number of the octave around 1 kHz."""


def _scene(name: str) -> Scene:
    scene = pack_scene(f"rooms/{name}")
    assert scene is not None
    return scene


def _response(scene: Scene, seed: int = 0) -> npt.NDArray[np.float64]:
    rir = render_rir(scene, scene.meta["source"], scene.meta["listener"], sample_rate=RATE, layout="mono", seed=seed)
    return np.asarray(rir[0], dtype=np.float64)


def test_diffuse_shoebox_decays_as_eyring_says() -> None:
    """T = 24 ln 10 V / (c S (-ln(1 - a))): 0.515 s; 1 kHz, air adds 0.001 1/m (1 %).

    Eyring's mean free path 4V/S is that of the diffuse field; a scattering shoebox of these proportions decays up to
    5 % slower (spread of free paths, Kuttruff), and a T30 of one response strays by 3 % (four seeds: 1.5 %).
    """
    scene = _scene("shoebox_diffuse")
    times = [room_metrics(_response(scene, seed), RATE).T30[KHZ] for seed in range(4)]
    expected = float(eyring_rt60(90.0, 126.0, 0.2, air=0.001))
    np.testing.assert_allclose(np.mean(times), expected, rtol=0.08)


def test_plate_mirrors_once() -> None:
    """Direct sound after 4 m, the mirrored one after 5 m with sqrt(1 - a) of the pressure, and nothing else."""
    rir = _response(_scene("plate"))
    energy = rir**2
    window = 24  # samples each way: 0.5 ms, the fractional delay's filter
    marks = [round(d / SPEED * RATE) for d in (4.0, 5.0)]
    parts = [energy[m - window : m + window].sum() for m in marks]
    # Air absorption of 1 m more over the whole band is below 2 %.
    np.testing.assert_allclose(parts[1] / parts[0], 0.99 * (4.0 / 5.0) ** 2, rtol=0.04)
    np.testing.assert_allclose(sum(parts), energy.sum(), rtol=0.01)


def test_edge_shades_as_maekawa_says() -> None:
    """Detour 2 sqrt(3^2 + 1.5^2) - 6 = 0.708 m, N = 2 d f / c = 4.13 at 1 kHz: 10 lg(3 + 20 N) = 19.3 dB.

    Maekawa's curve fits his measurements within 1 dB and octave averages within 1 dB more; some sound comes round the
    far ends of the screen (detour 55 m: less than 0.1 dB).
    """
    scene = _scene("edge")
    octave = octave_filter(_response(scene), KHZ, RATE)
    free = octave_filter(np.eye(1, RATE // 4)[0] / 6.0, KHZ, RATE)
    loss = 10.0 * np.log10(np.sum(free**2) / np.sum(octave**2))
    np.testing.assert_allclose(loss, 19.3, atol=2.0)


def test_sound_in_the_l_bends_round_its_corner() -> None:
    """The first arrival comes over the edge at (2.5, 2.0), not straight through the wall."""
    scene = _scene("l_room")
    source, listener = (np.array(scene.meta[k]) for k in ("source", "listener"))
    edge = np.array([2.5, 2.0])
    plan = np.hypot(*(source[[0, 2]] - edge)) + np.hypot(*(listener[[0, 2]] - edge))
    length = np.hypot(plan, listener[1] - source[1])  # over a vertical edge the path rises evenly
    rir = np.abs(_response(scene))
    first = np.flatnonzero(rir > 0.02 * rir.max())[0] / RATE * SPEED
    # The filter of a fractional delay begins 16 samples (0.11 m) early.
    np.testing.assert_allclose(first, length, atol=0.15)


def test_level_drop_between_coupled_rooms() -> None:
    """Power balance: E1 / E2 = (A2 + S12) / S12 with A2 = 0.4 * 92.2 m2 and S12 = 1.8 m2: 13.3 dB.

    Both levels are of the reverberant field: means over six places a room, direct sound left out by distance. Sabine's
    areas overstate absorption of 0.4 by 20 % less than Eyring's would: 1 dB; places stray by 1 dB.
    """
    scene = _scene("coupled_rooms")
    near = [(4.0, 1.6, z) for z in (0.6, 1.9, 3.4)] + [(2.8, 2.2, z) for z in (0.6, 1.9, 3.4)]
    far = [(x, y, z) for x, y in ((7.6, 1.6), (9.2, 2.2)) for z in (0.7, 2.9, 3.5)]
    levels = []
    for places in (near, far):
        energies = []
        for place in places:
            rir = render_rir(scene, scene.meta["source"], place, sample_rate=RATE, layout="mono")[0]
            energies.append(np.sum(octave_filter(rir.astype(np.float64), KHZ, RATE)[RATE // 50 :] ** 2))
        levels.append(10.0 * np.log10(np.mean(energies)))
    np.testing.assert_allclose(levels[0] - levels[1], 13.3, atol=2.5)
