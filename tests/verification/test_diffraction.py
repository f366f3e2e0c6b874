"""Diffraction and the wavefront against closed forms: doorway direction, length, level, reciprocity, monotonicity."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import fresnel

from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.bands import BANDS_HZ, SPEED_OF_SOUND
from avi_env.acoustics.diffraction import LOSS_CAP_DB, diffraction_loss_db, kurze_anderson_db
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.wavefront import WavefrontBank, diffracted_paths, wavefront_field
from avi_env.scene import Scene, scene_from_mesh, shoebox

WALL = (4.0, 4.12)  # x of the faces of the wall between the two rooms
DOOR = (1.5, 2.4)  # z of its jambs
DEGREES_3 = 3.0
# Losses below were computed for a half plane with 2 m on either side, at these frequencies.
TABLE_HZ = np.array([125.0, 500.0, 2000.0, 8000.0])


def _box(low: tuple[float, ...], high: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([[q[0], *pair] for q in quads for pair in ((q[1], q[2]), (q[2], q[3]))])


def _two_rooms(*, closed: bool = False, turn: float = 0.0) -> Scene:
    """Two rooms of 4 m with a door 2 m high between them, turned about +Y by an angle [rad]."""
    room = shoebox((9.0, 2.6, 4.0))
    boxes = [
        _box((WALL[0], 0, 0), (WALL[1], 2.6, DOOR[0])),
        _box((WALL[0], 0, DOOR[1]), (WALL[1], 2.6, 4)),
        _box((WALL[0], 2.0, DOOR[0]), (WALL[1], 2.6, DOOR[1])),
        _box((6.0, 0.0, 1.0), (7.0, 0.9, 2.0)),  # a table: lower than the ears
    ]
    if closed:
        boxes.append(_box((4.04, 0, DOOR[0]), (4.08, 2.0, DOOR[1])))
    parts = [(np.asarray(room.vertices), np.asarray(room.triangles)), *boxes]
    start = np.cumsum([0, *(len(v) for v, _ in parts)])
    triangles = np.concatenate([t + s for (_, t), s in zip(parts, start, strict=False)])
    return scene_from_mesh(_turned(np.concatenate([v for v, _ in parts]), turn), triangles, materials="plaster")


def _turned(points: np.ndarray, turn: float) -> np.ndarray:
    rotation = np.array([[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]])
    return np.asarray(points, float) @ rotation.T


def _paths(
    scene: Scene,
    source: np.ndarray,
    listeners: np.ndarray,
    blocked: bool = True,
    true_source: np.ndarray | None = None,
) -> Paths:
    bank = WavefrontBank(1)
    bank.set_row(0, wavefront_field(scene, source))
    count = len(listeners)
    return diffracted_paths(
        bank,
        torch.zeros(count, dtype=torch.int32),
        torch.as_tensor(np.tile(source if true_source is None else true_source, (count, 1)), dtype=torch.float32),
        torch.as_tensor(np.asarray(listeners), dtype=torch.float32),
        torch.full((count,), blocked),
    )


def _bent(source: np.ndarray, listener: np.ndarray) -> tuple[float, np.ndarray]:
    """Horizontal length of the shortest way through the door, and its last bend: brute force over the jambs' edges."""
    best, last = math.inf, np.zeros(2)
    s, p = source[[0, 2]], listener[[0, 2]]
    for z in DOOR:
        near, far = np.array([WALL[0], z]), np.array([WALL[1], z])
        for way in ([near], [far], [near, far]):
            points = np.array([s, *way, p])
            if _clear(points):
                length = float(np.hypot(*np.diff(points, axis=0).T).sum())
                if length < best - 1e-9:
                    best, last = length, way[-1]
    return best, last


def _clear(points: np.ndarray) -> bool:
    """Whether a polyline keeps within the door while it is inside the wall."""
    for a, b in itertools.pairwise(points):
        for x in WALL:
            t = (x - a[0]) / (b[0] - a[0]) if a[0] != b[0] else -1.0
            if 0 <= t <= 1 and not DOOR[0] - 1e-9 <= a[1] + t * (b[1] - a[1]) <= DOOR[1] + 1e-9:
                return False
    return True


SOURCE = np.array([1.0, 1.0, 3.3])
HIDDEN = np.array([[5.0, 1.25, 3.5], [5.0, 1.5, 3.0], [8.0, 1.25, 3.6], [4.5, 1.25, 0.4], [4.35, 1.25, 3.7]])


@pytest.mark.parametrize("turn", np.deg2rad([0.0, 20.0, 45.0]))
def test_sound_arrives_from_the_door_jamb(turn: float) -> None:
    """Behind a door the direction is that of the shortest way's jamb, within 3 degrees (sheet test 14)."""
    paths = _paths(_two_rooms(turn=turn), _turned(SOURCE, turn), _turned(HIDDEN, turn))
    for k, listener in enumerate(HIDDEN):
        _, jamb = _bent(SOURCE, listener)
        toward = _turned(np.array([jamb[0] - listener[0], 0.0, jamb[1] - listener[2]]), turn)
        found = paths.direction[k, 0].double().numpy() * [1, 0, 1]
        cosine = found @ toward / np.linalg.norm(found) / np.linalg.norm(toward)
        assert math.degrees(math.acos(min(1.0, cosine))) < DEGREES_3


def test_delay_and_direction_follow_the_bent_path() -> None:
    """Delay = sqrt(L^2 + dy^2) / c with the horizontal length L around the jambs; directions are unit vectors."""
    paths = _paths(_two_rooms(), SOURCE, HIDDEN)
    expected = [math.hypot(_bent(SOURCE, p)[0], p[1] - SOURCE[1]) / SPEED_OF_SOUND for p in HIDDEN]
    # 1 cm: the true edges are used, but between columns that bend at different edges lengths are interpolated.
    assert_allclose(paths.delay[:, 0], expected, rtol=0, atol=0.01 / SPEED_OF_SOUND)
    assert_allclose(torch.linalg.vector_norm(paths.direction, dim=-1), 1.0, atol=1e-5)


def test_level_is_one_over_length_less_diffraction_and_air() -> None:
    """Gain = 10^(-(loss + air L) / 20) / L: the kernel's formula is the NumPy one."""
    paths = _paths(_two_rooms(), SOURCE, HIDDEN)
    length = paths.delay[:, 0].numpy() * SPEED_OF_SOUND
    straight = np.linalg.norm(HIDDEN - SOURCE, axis=1)
    loss = diffraction_loss_db(length[:, None], straight[:, None], np.array(BANDS_HZ))
    expected = 10 ** (-(loss + AIR_DB_PER_METRE * length[:, None]) / 20) / length[:, None]
    assert_allclose(paths.gain[:, 0].numpy(), expected, rtol=2e-3)


def test_free_path_is_not_diffracted() -> None:
    """Where the direct sound is free there is no diffracted path besides."""
    assert float(_paths(_two_rooms(), SOURCE, HIDDEN, blocked=False).gain.abs().max()) == 0.0


def test_low_furniture_does_not_bend_the_wave() -> None:
    """Behind a table lower than the ears the wave comes straight, with the 6 dB of a grazed edge."""
    source, listener = np.array([5.5, 0.3, 1.5]), np.array([[7.5, 1.25, 1.5]])
    paths = _paths(_two_rooms(), source, listener)
    distance = float(np.linalg.norm(listener[0] - source))
    assert_allclose(paths.delay[0, 0], distance / SPEED_OF_SOUND, rtol=1e-6)
    expected = -20 * math.log10(distance) - 6.0 - AIR_DB_PER_METRE[3] * distance
    assert_allclose(20 * math.log10(float(paths.gain[0, 0, 3])), expected, atol=0.02)


def test_closed_door_lets_no_wave_through() -> None:
    """With the door closed nothing arrives, and silence is no error."""
    assert float(_paths(_two_rooms(closed=True), SOURCE, HIDDEN).gain.abs().max()) == 0.0


def test_no_source_is_silent() -> None:
    """A row that was cleared gives silence."""
    bank = WavefrontBank(2)
    bank.set_row(1, wavefront_field(_two_rooms(), SOURCE))
    bank.set_row(1, None)
    point = torch.ones((2, 3))
    paths = diffracted_paths(bank, torch.tensor([0, 1]), point, 2 * point, torch.ones(2, dtype=torch.bool))
    assert_array_equal(paths.gain, 0.0)
    assert torch.isfinite(paths.direction).all()


def test_reciprocity() -> None:
    """Exchanging source and listener changes neither delay nor level: both see the same edges."""
    scene = _two_rooms()
    for listener in HIDDEN:
        there, back = _paths(scene, SOURCE, listener[None]), _paths(scene, listener, SOURCE[None])
        assert_allclose(there.delay, back.delay, rtol=1e-3)
        assert_allclose(20 * torch.log10(there.gain / back.gain), 0.0, atol=0.1)


def test_departure_is_the_direction_of_the_way_back() -> None:
    """Sound leaves the source towards the bend from which a sound from the listener would come."""
    scene = _two_rooms()
    for listener in HIDDEN:
        there, back = _paths(scene, SOURCE, listener[None]), _paths(scene, listener, SOURCE[None])
        # 5 cm columns blend the two edges of a jamb 12 cm thick: 1 cm in 1.5 m.
        assert_allclose(there.departure, back.direction, atol=0.02)


def test_source_beside_its_field() -> None:
    """The field of a place 0.7 m away gives |source - first bend| + rest: as its own field, 1 cm (5 cm columns)."""
    scene = _two_rooms()
    moved = SOURCE + np.array([0.5, 0.1, -0.5])
    own = _paths(scene, moved, HIDDEN)
    other = _paths(scene, SOURCE, HIDDEN, true_source=moved)
    assert_allclose(other.delay * SPEED_OF_SOUND, own.delay * SPEED_OF_SOUND, rtol=0, atol=0.01)
    assert_allclose(other.departure, own.departure, atol=0.03)
    assert_allclose(other.direction, own.direction, atol=0.03)


def test_level_is_continuous_behind_the_edge() -> None:
    """Walking away from the door behind the wall, level changes by less than 1 dB in 5 cm, delay smoothly."""
    z = np.arange(3.0, 3.8, 0.01)
    listeners = np.stack([np.full_like(z, 5.2), np.full_like(z, 1.25), z], axis=1)
    paths = _paths(_two_rooms(), SOURCE, listeners)
    level = 20 * torch.log10(paths.gain[:, 0])
    assert float((level[5:] - level[:-5]).abs().max()) < 1.0
    assert float(paths.delay[:, 0].diff().abs().max()) * SPEED_OF_SOUND < 0.012


def _transition(x: float) -> complex:
    """F(x) = 2 j sqrt(x) exp(jx) int_sqrt(x)^inf exp(-j t^2) dt (Kouyoumjian and Pathak 1974)."""
    sine, cosine = fresnel(math.sqrt(2 * x / math.pi))
    rest = math.sqrt(math.pi / 2) * ((0.5 - cosine) - 1j * (0.5 - sine))
    return complex(2j * math.sqrt(x) * np.exp(1j * x) * rest)


def _uniform_theory_db(bend: float, frequency: float, reach: float = 2.0) -> float:
    """Loss re path length of a rigid half plane (n = 2) met and left at equal angles, `reach` [m] on either side.

    D = -exp(-j pi/4) / (2 n sqrt(2 pi k)) sum cot((pi +- b) / 2n) F(k L a+-(b)) over b = phi -+ phi'.
    """
    k, n = 2 * math.pi * frequency / SPEED_OF_SOUND, 2
    met = (math.pi - bend) / 2
    total = 0j
    for b in (math.pi + bend, math.pi + bend + 2 * met):
        for sign in (1, -1):
            turns = round((b + sign * math.pi) / (2 * math.pi * n))
            a = 2 * math.cos((2 * math.pi * n * turns - b) / 2) ** 2
            total += _transition(k * reach / 2 * a) / math.tan((math.pi + sign * b) / (2 * n))
    gain = abs(total) / (2 * n * math.sqrt(2 * math.pi * k)) * math.sqrt(2 / reach)
    return -20 * math.log10(gain)


@pytest.mark.parametrize(("degrees", "decibels"), [(bend, 1.6) for bend in (30, 60, 90, 120, 150, 179)])
def test_kurze_anderson_against_uniform_theory(degrees: int, decibels: float) -> None:
    """Half plane, 2 m on either side: within 1.6 dB of the uniform theory from 30 degrees on (sheet test 16)."""
    bend = math.radians(degrees)
    expected = [_uniform_theory_db(bend, f) for f in TABLE_HZ]
    assert_allclose(diffraction_loss_db(4.0, 4.0 * math.cos(bend / 2), TABLE_HZ), expected, rtol=0, atol=decibels)


def test_kurze_anderson_table() -> None:
    """5 + 20 log10(x / tanh x), x = sqrt(2 pi N), re path length: 9.5, 15.3, 21.3, 27.4 dB for a right angle."""
    straight = 4.0 * math.cos(math.radians(45))
    assert_allclose(diffraction_loss_db(4.0, straight, TABLE_HZ), [9.5, 15.3, 21.3, 27.4], atol=0.06)
    assert_allclose(kurze_anderson_db(0.0, 1000.0), 5.0, atol=1e-6)
    # Far behind the edge tanh = 1: 5 + 10 log10(2 pi N), so 6 dB for four times the detour.
    step = kurze_anderson_db(4.0, 4000.0) - kurze_anderson_db(1.0, 4000.0)
    assert_allclose(step, 20 * math.log10(2), atol=1e-6)


@pytest.mark.parametrize("length", [1.0, 4.0, 12.0])
def test_loss_is_monotone_in_bend_and_frequency(length: float) -> None:
    """Loss re path length never falls with the bend (0 .. 180 degrees) nor with frequency, capped (sheet test 15)."""
    angle = np.radians(np.arange(0.0, 180.5, 0.5))
    straight = length * np.cos(angle / 2)
    loss = diffraction_loss_db(length, straight[:, None], np.array(BANDS_HZ))
    # 0.02 dB: at low frequency and short paths tanh moves the maximum a little below the ratio 1.5.
    assert np.diff(loss, axis=0).min() > -0.02
    assert np.diff(loss, axis=1).min() >= 0.0
    assert loss.max() <= LOSS_CAP_DB


def test_source_inside_geometry_is_a_clear_error() -> None:
    """A source outside the scene is refused with its place."""
    with pytest.raises(ValueError, match="inside geometry or outside"):
        wavefront_field(shoebox((3.0, 3.0, 3.0)), [30.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="finite world point"):
        wavefront_field(shoebox((3.0, 3.0, 3.0)), [math.nan, 1.0, 1.0])


def test_source_on_a_cupboard_is_heard() -> None:
    """A source above a tall cupboard, whose column is blocked at ear height, still reaches the whole room."""
    room = shoebox((5.0, 2.6, 4.0))
    corners, triangles = _box((1.0, 0.0, 1.0), (1.6, 1.8, 1.6))
    scene = scene_from_mesh(
        np.concatenate([room.vertices, corners]),
        np.concatenate([room.triangles, triangles + len(room.vertices)]),
        materials="plaster",
    )
    field = wavefront_field(scene, [1.3, 1.85, 1.3])
    column = np.round((np.array([4.0, 3.0]) - field.origin) / field.spacing).astype(int)
    assert_allclose(field.length[tuple(column)], math.hypot(2.7, 1.7), atol=0.1)
