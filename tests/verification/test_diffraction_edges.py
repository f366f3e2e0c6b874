"""Edges that shade, bend and let pass: shadow boundary, half walls, plates, thin walls, the uniform theory's chain."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.diffraction import (
    LOSS_CAP_DB,
    diffraction_loss_db,
    fresnel_transition,
    grazing_loss_db,
    half_plane_loss_db,
    shaded_gain,
    wedge_loss_db,
)
from avi_env.acoustics.discrete import AROUND, ASIDE, DIRECT, MIRRORS, OVER, TRANSMITTED, discrete_paths
from avi_env.acoustics.edges import scene_edges
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.wavefront import WavefrontBank, wavefront_field
from avi_env.scene import Scene, scene_from_mesh, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Material

Part = tuple[np.ndarray, np.ndarray]
OPAQUE = Material("opaque", absorption=0.1, scattering=0.1, transmission_loss=120.0)
ROOM = (12.0, 8.0, 12.0)
HZ = np.array(BANDS_HZ)


def sheet(*corners: tuple[float, float, float]) -> Part:
    """A flat quadrilateral without thickness."""
    return np.array(corners), np.array([(0, 1, 2), (0, 2, 3)])


def block(low: tuple[float, float, float], high: tuple[float, float, float]) -> Part:
    """A closed box."""
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([[q[0], *pair] for q in quads for pair in ((q[1], q[2]), (q[2], q[3]))])


def room_with(*parts: Part, size: tuple[float, float, float] = ROOM) -> Scene:
    """An opaque room and things in it."""
    room = shoebox(size)
    whole = [(np.asarray(room.vertices, dtype=float), np.asarray(room.triangles)), *parts]
    start = np.cumsum([0, *(len(v) for v, _ in whole)])
    triangles = np.concatenate([t + s for (_, t), s in zip(whole, start, strict=False)])
    return scene_from_mesh(np.concatenate([v for v, _ in whole]), triangles, materials=OPAQUE)


def paths_to(
    scene: Scene,
    source: tuple[float, float, float],
    listeners: np.ndarray,
    device: str = "cpu",
    occlusion: str = "fresnel",
    diffraction: str = "kurze_anderson",
) -> Paths:
    """All discrete paths from a source to several listeners, on the CPU."""
    bank, waves = SceneBank([scene], device), WavefrontBank(1, device)
    waves.set_row(0, wavefront_field(scene, source))
    ends = torch.as_tensor(np.asarray(listeners, dtype=np.float64), device=bank.device)
    rows = torch.zeros(len(ends), dtype=torch.int64, device=bank.device)
    start = torch.tensor([source], dtype=torch.float64, device=bank.device).expand(len(ends), -1)
    paths = discrete_paths(bank, waves, rows, rows, start, ends, occlusion=occlusion, diffraction=diffraction)
    return Paths(*(part.cpu() for part in paths))


def level_re_free_field(paths: Paths, source: tuple[float, float, float], listeners: np.ndarray) -> np.ndarray:
    """Energy of what is not mirrored re free field, air as on the straight line [dB], shape (B, 7)."""
    distance = np.linalg.norm(np.asarray(listeners) - source, axis=1)[:, None]
    energy = (paths.gain[:, :MIRRORS].double().numpy() ** 2).sum(axis=1)
    return 10 * np.log10(energy * distance**2) + AIR_DB_PER_METRE * distance


UPRIGHT = sheet((6, 0, 0), (6, 8, 0), (6, 8, 6), (6, 0, 6))  # a half plane with an upright edge at z = 6
LEVEL = sheet((6, 0, 0), (6, 0, 12), (6, 4, 12), (6, 4, 0))  # one with a level edge at y = 4


def across_the_edge(kind: str, offset: np.ndarray) -> tuple[Scene, tuple[float, float, float], np.ndarray]:
    """A half plane, a source 1 m behind its edge, listeners at offsets from the shadow boundary, 2 m on either side."""
    steps = np.zeros_like(offset)
    if kind == "upright":
        return room_with(UPRIGHT), (4, 1.25, 5), np.stack([8 + steps, 1.25 + steps, 7 + offset], axis=1)
    return room_with(LEVEL), (4, 3, 6), np.stack([8 + steps, 5 + offset, 6 + steps], axis=1)


@pytest.mark.parametrize("kind", ["upright", "level"])
def test_shadow_boundary_is_continuous(kind: str, device: str) -> None:
    """Half of the pressure at the shadow boundary, 6 dB +- 0.5, and no step there or anywhere (sheet test 15).

    The listener crosses in steps of 1 cm: at 8 kHz the Fresnel zone there is 0.2 m wide, 0.7 dB a step at most.
    """
    offset = np.arange(-1.5, 2.5, 0.01) + 0.005
    scene, source, listeners = across_the_edge(kind, offset)
    paths = paths_to(scene, source, listeners, device)
    level = level_re_free_field(paths, source, listeners)
    assert_allclose(level[np.abs(offset) < 0.01], -6.0, rtol=0, atol=0.5)
    assert np.abs(np.diff(level, axis=0)).max() < 1.0
    assert np.diff(level, axis=0).min() > -0.05  # it only gets louder on the way out of the shadow
    assert_allclose(level[-1, 2:], 0.0, rtol=0, atol=0.1)  # 2.5 m out, 500 Hz and above
    assert_array_equal(paths.gain[offset < -0.01, DIRECT], 0.0)
    assert_array_equal(paths.gain[offset > 0.01][:, [TRANSMITTED, AROUND, OVER, ASIDE]], 0.0)


def test_uniform_theory_is_continuous_too() -> None:
    """With "utd" the boundary has the theory's own loss, and there is no step (sheet test 15)."""
    offset = np.arange(-1.5, 2.5, 0.01) + 0.005
    scene, source, listeners = across_the_edge("upright", offset)
    level = level_re_free_field(paths_to(scene, source, listeners, diffraction="utd"), source, listeners)
    reach = math.hypot(2.0, 1.0)
    assert_allclose(level[149], -half_plane_loss_db(0.0, reach, reach, HZ), rtol=0, atol=0.3)
    assert np.abs(np.diff(level, axis=0)).max() < 1.0


def test_direct_sound_is_nothing_behind_an_edge() -> None:
    """One ray that meets the wall: no direct sound at all, as "fresnel" and as "ray" (sheet test 13)."""
    offset = np.linspace(-1.0, -0.01, 20)
    scene, source, listeners = across_the_edge("upright", offset)
    for occlusion in ("fresnel", "ray"):
        assert_array_equal(paths_to(scene, source, listeners, occlusion=occlusion).gain[:, DIRECT], 0.0)


def test_volumetric_occlusion_is_monotone(device: str) -> None:
    """The share that is heard falls from 1 to 0 as a source slides behind an edge, half way 0.5 (sheet test 13)."""
    offset = np.arange(0.4, -0.4, -0.005)  # a disc of 15 cm at 4 m: its image at the listener's side is as large
    scene, source, listeners = across_the_edge("upright", offset)
    volumetric = paths_to(scene, source, listeners, device, "volumetric").gain[:, DIRECT].double().numpy()
    distance = np.linalg.norm(listeners - np.array(source), axis=1)[:, None]
    share = volumetric * distance * 10 ** (AIR_DB_PER_METRE * distance / 20)
    assert np.all((share > -1e-6) & (share < 1 + 1e-6))
    assert np.diff(share, axis=0).max() < 1e-6
    assert_allclose(share[0], 1.0, atol=1e-6)
    assert_array_equal(share[-1], 0.0)
    assert_allclose(share[len(offset) // 2], 0.5, atol=1.5 / 16)


def test_level_edge_diffracts_like_an_upright_one() -> None:
    """The half plane turned by 90 degrees (RS5): lengths within 1 cm, levels within 0.1 dB (sheet test 15)."""
    offset = np.linspace(-2.5, -0.1, 12)
    found = []
    for kind, slot in (("upright", AROUND), ("level", OVER)):
        scene, source, listeners = across_the_edge(kind, offset)
        paths = paths_to(scene, source, listeners)
        found.append((paths.delay[:, slot] * SPEED_OF_SOUND, 20 * torch.log10(paths.gain[:, slot])))
        # By the edge, 2 m beyond the source and 1 m up: sqrt(5) + sqrt(4 + (1 + offset)^2).
        assert_allclose(found[-1][0], math.sqrt(5.0) + np.hypot(2.0, 1.0 + offset), rtol=0, atol=0.01)
    assert_allclose(found[0][1], found[1][1], rtol=0, atol=0.1)


def test_over_a_half_wall() -> None:
    """Over a wall 1.6 m high and 0.3 m thick: both upper edges, the direction of the nearer one (sheet test 14)."""
    scene = room_with(block((5.85, 0.0, 0.0), (6.15, 1.6, 12.0)))
    source, listener = (4.0, 1.0, 6.0), np.array([[8.0, 1.25, 6.0]])
    paths = paths_to(scene, source, listener)
    legs = [math.hypot(1.85, 0.6), 0.3, math.hypot(1.85, 0.35)]
    assert_allclose(paths.delay[0, OVER] * SPEED_OF_SOUND, sum(legs), rtol=0, atol=0.01)
    assert_allclose(paths.direction[0, OVER], np.array([-1.85, 0.35, 0.0]) / legs[2], rtol=0, atol=0.01)
    assert_allclose(paths.departure[0, OVER], np.array([1.85, 0.6, 0.0]) / legs[0], rtol=0, atol=0.01)
    loss = diffraction_loss_db(sum(legs), math.hypot(4.0, 0.25), HZ) + AIR_DB_PER_METRE * sum(legs)
    assert_allclose(20 * np.log10(paths.gain[0, OVER].numpy()), -loss - 20 * math.log10(sum(legs)), rtol=0, atol=0.1)
    assert_array_equal(paths.gain[0, AROUND], 0.0)  # from wall to wall: there is no way around


def test_under_a_lintel() -> None:
    """Sound between two places above a doorway's head passes under it, and arrives from below (sheet test 14)."""
    scene = room_with(block((5.9, 2.0, 0.0), (6.1, 8.0, 12.0)))
    source, listener = (4.0, 2.6, 6.0), np.array([[8.0, 2.4, 6.0]])
    paths = paths_to(scene, source, listener)
    legs = [math.hypot(1.9, 0.6), 0.2, math.hypot(1.9, 0.4)]
    assert_allclose(paths.delay[0, OVER] * SPEED_OF_SOUND, sum(legs), rtol=0, atol=0.01)
    toward = np.array([-1.9, -0.4, 0.0]) / legs[2]
    assert math.degrees(math.acos(min(1.0, float(paths.direction[0, OVER].double().numpy() @ toward)))) < 3.0
    assert_array_equal(paths.gain[0, AROUND], 0.0)  # at ear height the way is free: it is the same sound


def test_finite_plate_adds_three_ways_up() -> None:
    """Behind a plate of 2 m x 2 m (RS6): by both sides and over it, each at its length and level, energies add."""
    scene = room_with(sheet((6, 0, 5), (6, 2, 5), (6, 2, 7), (6, 0, 7)))
    source, listener = (4.0, 1.25, 6.1), np.array([[8.0, 1.25, 6.3]])
    paths = paths_to(scene, source, listener)
    far, near = math.hypot(2, 1.1) + math.hypot(2, 1.3), math.hypot(2, 0.9) + math.hypot(2, 0.7)
    over = math.hypot(4 + 0.0, 0.2) * math.hypot(1, 0.75 / math.hypot(2, 0.1))  # unfolded about the upper edge
    lengths = np.array([near, over, far])
    found = (paths.delay[0, [AROUND, OVER, ASIDE]] * SPEED_OF_SOUND).numpy()
    assert_allclose(found, lengths, rtol=0, atol=0.01)
    loss = diffraction_loss_db(lengths[:, None], math.hypot(4, 0.2), HZ) + AIR_DB_PER_METRE * lengths[:, None]
    energy = (10 ** (-loss / 10) / lengths[:, None] ** 2).sum(axis=0)
    level = 10 * np.log10((paths.gain[0, :MIRRORS].double().numpy() ** 2).sum(axis=0) / energy)
    assert_allclose(level, 0.0, rtol=0, atol=0.15)
    # By the far side the sound comes from the plate's other edge.
    assert_allclose(paths.direction[0, ASIDE, 2] / paths.direction[0, ASIDE, 0], 1.3 / 2.0, rtol=0.02)
    assert_allclose(paths.direction[0, AROUND, 2] / paths.direction[0, AROUND, 0], -0.7 / 2.0, rtol=0.02)


def test_nothing_leaks_through_a_sheet() -> None:
    """Millimetres behind a wall without thickness the only way is by its end, from where the sound comes."""
    wall = sheet((6, 0, 0), (6, 8, 0), (6, 8, 9), (6, 0, 9))
    source = (4.0, 1.25, 6.0)
    beside = np.concatenate([np.linspace(0.002, 0.1, 25), np.linspace(0.1, 2.0, 10)])
    listeners = np.stack([6 + beside, np.full(35, 1.25), np.full(35, 6.0)], axis=1)
    paths = paths_to(room_with(wall), source, listeners)
    length = math.hypot(2, 3) + np.hypot(beside, 3)
    assert_allclose(paths.delay[:, AROUND] * SPEED_OF_SOUND, length, rtol=0, atol=0.02)
    assert_allclose(paths.direction[:, AROUND, 2], 3 / np.hypot(beside, 3), rtol=0, atol=0.02)
    assert_array_equal(paths.gain[:, [OVER, ASIDE, DIRECT]], 0.0)


def test_edges_of_simple_bodies() -> None:
    """A free box has its twelve edges, a sheet four; subdivision, windings and duplicate faces change nothing."""
    corners, triangles = block((1, 1, 1), (2, 2, 2))
    plain = scene_edges(scene_from_mesh(corners, triangles, materials=OPAQUE))
    assert len(plain.start) == 12
    assert_allclose(np.linalg.norm(plain.end - plain.start, axis=1), 1.0, atol=1e-9)
    middle = 0.5 * (plain.start + plain.end)
    inward = plain.faces.sum(axis=1) / np.sqrt(2.0)
    assert_allclose(inward, (1.5 - middle) / np.linalg.norm(1.5 - middle, axis=1, keepdims=True), atol=1e-6)
    flipped = np.concatenate([triangles[::2], triangles[1::2, ::-1], triangles[:3]])
    assert len(scene_edges(scene_from_mesh(corners, flipped, materials=OPAQUE)).start) == 12
    whole = scene_from_mesh(corners, triangles, materials=OPAQUE)
    parts = []
    for a, b, c in whole.vertices[whole.triangles]:
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        parts += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    fine = scene_from_mesh(np.reshape(parts, (-1, 3)), np.arange(3 * len(parts)).reshape(-1, 3), materials=OPAQUE)
    again = scene_edges(fine)
    assert_allclose(np.sort(again.start + again.end, axis=0), np.sort(plain.start + plain.end, axis=0), atol=1e-5)
    assert (
        len(scene_edges(scene_from_mesh(*sheet((0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)), materials=OPAQUE)).start)
        == 4
    )


def test_uniform_theory_table() -> None:
    """Half plane met at a right angle, 2 m on either side: the reference sheet's values, which it gives to 0.1 dB."""
    table = {10: [5.3, 7.3, 10.1, 14.3], 30: [6.9, 10.8, 16.0, 21.9], 60: [8.6, 13.8, 19.7, 25.7],
             90: [9.1, 14.6, 20.6, 26.6]}  # fmt: skip
    for bend, expected in table.items():
        left = math.radians(270 + bend)
        loss = wedge_loss_db(math.pi / 2, left, 2 * math.pi, 2.0, 2.0, np.array([125.0, 500.0, 2000.0, 8000.0]))
        assert_allclose(loss, expected, rtol=0, atol=0.06)


@pytest.mark.parametrize("before", [0.5, 2.0, 8.0])
def test_kurze_anderson_within_the_uniform_theory(before: float) -> None:
    """Bends of 30 degrees and more, all octaves: within 1.6 dB of the uniform theory (sheet test 16)."""
    bend = np.radians(np.arange(30.0, 180.1, 2.5))[:, None]
    uniform = half_plane_loss_db(bend, 2.0, 2.0, HZ)
    assert_allclose(diffraction_loss_db(4.0, 4.0 * np.cos(bend / 2), HZ), uniform, rtol=0, atol=1.6)
    # The closed form of a screen met and left at equal angles is the wedge's with n = 2.
    met = (math.pi - bend[4, 0]) / 2
    wedge = wedge_loss_db(met, met + math.pi + bend[4, 0], 2 * math.pi, before, 3.0, HZ)
    assert_allclose(half_plane_loss_db(bend[4], before, 3.0, HZ), wedge, rtol=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_uniform_theory_is_monotone(share: float) -> None:
    """Loss rises with the bend (0 .. 180 degrees) and with frequency, at any place of the edge (sheet test 15)."""
    bend = np.radians(np.arange(0.0, 180.1, 0.5))[:, None]
    for length in (0.5, 4.0, 30.0):
        loss = half_plane_loss_db(bend, share * length, (1 - share) * length, HZ)
        assert np.diff(loss, axis=0).min() > 0.0
        assert np.diff(loss, axis=1).min() > 0.0


def test_transition_function_at_its_ends() -> None:
    """F(x) = sqrt(pi x) exp(j pi / 4) for small x, 1 for large."""
    assert_allclose(fresnel_transition(1e-8) / np.sqrt(np.pi * 1e-8), np.exp(0.25j * np.pi), rtol=1e-3)
    assert_allclose(fresnel_transition(1e4), 1.0, atol=1e-4)


def test_grazing_loss_ends_with_the_fresnel_zone() -> None:
    """6 dB at the edge, falling with clearance, nothing from 2 pi N = 1.7 on; the theory's own boundary if given."""
    detour = np.linspace(0.0, 0.2, 400)[:, None]
    loss = grazing_loss_db(detour, HZ)
    assert_allclose(loss[0], 6.0, atol=1e-6)
    assert np.diff(loss, axis=0).max() <= 1e-12
    number = 2 * detour * HZ / SPEED_OF_SOUND
    assert_array_equal(loss[2 * np.pi * number > 1.7], 0.0)
    assert_allclose(grazing_loss_db(0.0, HZ, 4.4), 4.4, atol=1e-6)


@pytest.mark.parametrize("height", [1.05, 1.6, 3.0])
def test_kernel_is_the_twin_of_the_shade(height: float) -> None:
    """A line over the edge of a table 1 m high, from close to its top (its own reflection fills the shadow) to far."""
    scene = room_with(block((4, 0, 5), (6, 1, 7)))
    source = (5.0, height, 6.0)
    listeners = np.array([[9.0, 0.9 + 0.25 * k, 6.0] for k in range(9)])
    cut = 1.0 - listeners[:, 1] + (listeners[:, 1] - height) * 0.75  # how far the line dives under the edge at x = 6
    listeners, cut = listeners[cut < -0.001], cut[cut < -0.001]
    paths = paths_to(scene, source, listeners)
    distance = np.hypot(4.0, listeners[:, 1] - height)
    # Nearest to the edge, which is upright to the plane of the picture.
    before, after = math.hypot(1.0, height - 1.0), np.hypot(3.0, listeners[:, 1] - 1.0)
    face = np.minimum((height - 1.0) / before, np.where(listeners[:, 1] < 1.0, 3.0 / after, 1.0))
    gain = shaded_gain(
        (before + after - distance)[:, None],
        (before * after / (before + after))[:, None],
        face[:, None],
        (1.0, 1.0),
        HZ,
    )
    free = 10 ** (-AIR_DB_PER_METRE * distance[:, None] / 20) / distance[:, None]
    assert_allclose(paths.gain[:, DIRECT].numpy() / free, gain, rtol=0, atol=0.01)


def test_reflection_fills_the_shadow_of_its_own_face() -> None:
    """At the shadow boundary of a screen met at 2 to 40 degrees: within 1.4 dB of the uniform theory, all octaves."""
    for before, after in ((0.3, 3.0), (2.0, 2.0)):
        for degrees in (2.0, 5.0, 10.0, 20.0, 40.0):
            met = math.radians(degrees)
            theory = wedge_loss_db(met, met + math.pi + 1e-5, 2 * math.pi, before, after, HZ)
            reach = before * after / (before + after)
            gain = shaded_gain(0.0, reach, math.sin(met), (9.0, 9.0), HZ)
            assert_allclose(-20 * np.log10(gain), theory, rtol=0, atol=1.4)


def test_kernel_is_the_twin_of_the_uniform_theory() -> None:
    """One bend and two: each bend's loss beyond its own boundary, and the mean of the boundaries: 0.1 dB."""
    source = (4.0, 1.25, 5.0)
    listeners = np.array([[8.0, 1.25, 4.5], [7.0, 1.25, 2.0]])
    single = paths_to(room_with(UPRIGHT), source, listeners, diffraction="utd")
    before = math.hypot(2, 1)
    for row, (x, _, z) in enumerate(listeners):
        after = math.hypot(x - 6, 6 - z)
        bend = math.atan2(1, 2) + math.atan2(6 - z, x - 6)
        length = before + after
        loss = np.minimum(half_plane_loss_db(bend, before, after, HZ), LOSS_CAP_DB) + AIR_DB_PER_METRE * length
        assert_allclose(20 * np.log10(single.gain[row, AROUND].numpy() * length), -loss, rtol=0, atol=0.15)
    double = paths_to(room_with(block((5.5, 0, 0), (6.5, 8, 6))), source, listeners[:1], diffraction="utd")
    legs = np.array([math.hypot(1.5, 1), 1.0, math.hypot(1.5, 1.5)])
    length, bends = legs.sum(), (math.atan2(1, 1.5), math.pi / 4)
    loss = np.zeros(7)
    for bend, place in zip(bends, (legs[0], legs[0] + legs[1]), strict=True):
        loss = loss + half_plane_loss_db(bend, place, length - place, HZ)
        loss = loss - 0.5 * half_plane_loss_db(0.0, place, length - place, HZ)
    loss = np.minimum(loss, LOSS_CAP_DB) + AIR_DB_PER_METRE * length
    assert_allclose(20 * np.log10(double.gain[0, AROUND].numpy() * length), -loss, rtol=0, atol=0.2)


@pytest.mark.parametrize("diffraction", ["kurze_anderson", "utd"])
def test_reciprocity_and_row_independence(diffraction: str, device: str) -> None:
    """Source and listener may swap; a row of a batch is the same alone, bit for bit."""
    scene = room_with(block((5.5, 0, 2), (6.5, 1.9, 8)), block((3, 0, 9), (3.1, 8, 12)))
    rng = np.random.default_rng(4)
    places = np.array([0.3, 0.4, 0.3]) + rng.random((24, 3)) * (np.array(ROOM) - [0.6, 6.0, 0.6])
    places = places[~((places[:, 0] > 5.4) & (places[:, 0] < 6.6) & (places[:, 2] > 1.9) & (places[:, 2] < 8.1))]
    source = (1.5, 1.25, 5.0)
    batch = paths_to(scene, source, places, device, diffraction=diffraction)
    for row, place in enumerate(places):
        alone = paths_to(scene, source, place[None], device, diffraction=diffraction)
        for one, many in zip(alone, batch, strict=True):
            assert_array_equal(one[0], many[row])
        back = paths_to(scene, tuple(place), np.array([source]), device, diffraction=diffraction)
        for slot in (DIRECT, TRANSMITTED, OVER, ASIDE):
            assert_allclose(alone.delay[0, slot], back.delay[0, slot], rtol=1e-5, atol=1e-9)
            assert_allclose(alone.gain[0, slot], back.gain[0, slot], rtol=2e-3, atol=1e-9)
            assert_allclose(alone.departure[0, slot], back.direction[0, slot], atol=2e-3)
