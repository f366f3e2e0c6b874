"""Path tracing against diffuse-field theory and conservation (numbers: the acoustics sheet, table 2.4)."""

import numpy as np
import pytest

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.cell_tracer import trace_cells
from avi_env.acoustics.formulas import diffuse_energy, eyring_rt60, kuttruff_rt60, mean_free_path, sabine_rt60
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.path_tracer import Echogram, trace_balance, trace_echogram
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.room import room_estimate
from avi_env.acoustics.specular import specular_paths
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material, Scene, SceneObject

SIZE = (6.0, 3.0, 5.0)
VOLUME, SURFACE = 90.0, 126.0
SOURCE = (1.5, 1.2, 1.3)
LISTENER = (4.4, 1.6, 3.3)
BAND = 3  # 1 kHz


def box(absorption: float, scattering: float, loss: float = 60.0) -> Scene:
    """The 6 x 5 x 3 m room of the sheet."""
    return shoebox(SIZE, material=Material("wall", absorption=absorption, scattering=scattering,
                                           transmission_loss=loss))  # fmt: skip


def energy(echogram: Echogram, band: int = BAND) -> np.ndarray:
    """Energy over time of one octave."""
    return echogram.energy[:, band, 0]


def t30(histogram: np.ndarray, bin_seconds: float) -> float:
    """T30 of an energy histogram [s]: least squares from -5 to -35 dB of its backward integral."""
    decay = 10.0 * np.log10(np.maximum(np.cumsum(histogram[::-1])[::-1] / histogram.sum(), 1e-12))
    rows = np.flatnonzero((decay <= -5.0) & (decay >= -35.0))
    return float(-60.0 / np.polyfit(rows * bin_seconds, decay[rows], 1)[0])


def two_rooms(door: float) -> Scene:
    """Two 5 x 4 x 3 m rooms beside each other with a 0.9 x 2 m door in the wall between, its leaf closing a share."""
    plaster = Material("plaster", absorption=0.15, scattering=0.5, transmission_loss=45.0)
    wood = Material(
        "wood", absorption=0.15, scattering=0.5, transmission_loss=(16.0, 20.0, 23.0, 25.0, 27.0, 29.0, 31.0)
    )
    boxes = [  # low corner, high corner, inward, object: outer shell, then the pieces of the wall, then the leaf
        ((0.0, 0.0, 0.0), (10.12, 3.0, 4.0), True, 0),
        ((5.0, 0.0, 0.0), (5.12, 3.0, 1.5), False, 1),
        ((5.0, 0.0, 2.4), (5.12, 3.0, 4.0), False, 2),
        ((5.0, 2.0, 1.5), (5.12, 3.0, 2.4), False, 3),
    ]
    if door < 1.0:
        boxes.append(((5.03, 0.0, 1.5), (5.07, 2.0, 1.5 + 0.9 * (1.0 - door)), False, 4))
    vertices, triangles, owner = [], [], []
    for low, high, inward, number in boxes:
        base = len(vertices)
        spans = np.array([low, high]).T
        vertices += [(spans[0][i], spans[1][j], spans[2][k]) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        for a, b, c, d in [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]:
            quad = (a, d, c, b) if inward else (a, b, c, d)
            triangles += [tuple(base + quad[k] for k in ks) for ks in ((0, 1, 2), (0, 2, 3))]
            owner += [number, number]
    names = ("shell", "wall", "wall", "wall", "door")
    objects = tuple(SceneObject(i, n, -1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) for i, n in enumerate(names))
    material = (np.array(owner) == 4).astype(np.int32)
    return Scene("two rooms", np.array(vertices), np.array(triangles), material, np.array(owner), (plaster, wood),
                 objects)  # fmt: skip


def test_closed_room_loses_no_energy():
    """Absorbing nothing, 1e5 paths carry all their energy over 100 bounces, none escapes: 1e-5 (test 1)."""
    balance = trace_balance(box(0.0, 0.3), SOURCE, path_count=100_000, bounces=100)
    np.testing.assert_allclose(balance.carried, 1.0, rtol=0, atol=1e-5)
    np.testing.assert_allclose(balance.escaped, 0.0, rtol=0, atol=1e-5)


def test_energy_balance_at_surfaces():
    """Reflected + absorbed + transmitted + escaped = emitted in every octave: 1e-6 (test 20)."""
    wall = Material(
        "wall",
        absorption=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        scattering=(0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0),
        transmission_loss=(10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 30.0),
    )
    balance = trace_balance(shoebox(SIZE, material=wall), SOURCE, path_count=20_000, bounces=1)
    np.testing.assert_allclose(np.sum(balance, axis=0), 1.0, rtol=0, atol=1e-6)
    np.testing.assert_allclose(balance.transmitted, 10.0 ** (-np.array(wall.transmission_loss) / 10.0), rtol=1e-5)
    later = trace_balance(shoebox(SIZE, material=wall), SOURCE, path_count=20_000, bounces=20)
    np.testing.assert_allclose(np.sum(later, axis=0), 1.0, rtol=0, atol=0.01)  # weights of a finite number of paths


@pytest.mark.parametrize(("absorption", "tolerance"), [(0.1, 0.04), (0.2, 0.08), (0.4, 0.13)])
def test_reverberation_time_of_a_diffuse_room(absorption, tolerance):
    """All diffuse: T30 against Eyring as the sheet says, against Kuttruff (variance 0.4) within 4 % (test 5)."""
    echogram = trace_echogram(box(absorption, 1.0), SOURCE, LISTENER, budget=PathBudget(4096, 1.6, 1e-5))
    for band in (0, 3, 5):
        found, air = t30(energy(echogram, band), echogram.bin_seconds), AIR_ENERGY_PER_METRE[band]
        np.testing.assert_allclose(found, eyring_rt60(VOLUME, SURFACE, absorption, air), rtol=tolerance)
        np.testing.assert_allclose(found, kuttruff_rt60(VOLUME, SURFACE, absorption, air), rtol=0.04)


def test_reverberation_time_falls_with_absorption_and_scattering():
    """Mostly specular (s = 0.1): T30 lies between Eyring and 1.25 Eyring, and falls as a or s rise (test 6)."""
    found = {}
    for absorption in (0.1, 0.2, 0.4):
        for scattering in (0.1, 1.0):
            scene = box(absorption, scattering)
            echogram = trace_echogram(scene, SOURCE, LISTENER, budget=PathBudget(4096, 1.6, 1e-5), mirror_order=0)
            found[absorption, scattering] = t30(energy(echogram), echogram.bin_seconds)
        eyring = float(eyring_rt60(VOLUME, SURFACE, absorption, AIR_ENERGY_PER_METRE[BAND]))
        assert eyring <= found[absorption, 0.1] <= 1.25 * eyring
        assert found[absorption, 0.1] > found[absorption, 1.0]
    for scattering in (0.1, 1.0):
        assert found[0.1, scattering] > found[0.2, scattering] > found[0.4, scattering]


def test_steady_state_level_is_diffuse():
    """Beyond the critical distance the reflections sum to 16 pi (1-a) / (S a): 1 dB (test 7)."""
    echogram = trace_echogram(box(0.2, 1.0), SOURCE, LISTENER, budget=PathBudget(4096, 1.6, 1e-5))
    level = 10.0 * np.log10(energy(echogram, 0).sum() / diffuse_energy(SURFACE, 0.2))
    np.testing.assert_allclose(level, 0.0, rtol=0, atol=1.0)


def test_next_event_and_track_length_agree():
    """Scattered sound summed at surfaces, or the same room's sound along its legs, give one level: 0.3 dB (test 8).

    With s = 0.5 half the energy reaches a listener by either estimator; s = 1 is all next-event, s = 0 all track. The
    diffuse-field level does not depend on s in a room that mixes well; the image sources' share is traced here too.
    """
    levels = []
    for scattering in (0.3, 0.99):
        total = 0.0
        for listener in ((4.4, 1.6, 3.3), (2.7, 1.1, 3.6), (4.9, 1.9, 1.2), (3.2, 1.5, 2.2)):
            echogram = trace_echogram(box(0.1, scattering), SOURCE, listener, budget=PathBudget(4096, 1.6, 1e-5),
                                      mirror_order=0)  # fmt: skip
            total += energy(echogram).sum()
        levels.append(10.0 * np.log10(total))
    np.testing.assert_allclose(levels[0], levels[1], rtol=0, atol=0.3)


def test_mirror_images_take_exactly_what_the_tracer_leaves():
    """Paths traced with image sources left out, plus the image sources, equal all paths traced: every energy once."""
    scene = box(0.3, 0.2)
    budget = PathBudget(32768, 0.3, 1e-4)
    total = energy(trace_echogram(scene, SOURCE, LISTENER, budget=budget, mirror_order=0)).sum()
    for order in (1, 2, 3):
        rest = energy(trace_echogram(scene, SOURCE, LISTENER, budget=budget, mirror_order=order)).sum()
        exact = float((specular_paths(scene, SOURCE, LISTENER, order).gain[0, :, BAND].double() ** 2).sum())
        np.testing.assert_allclose(10.0 * np.log10((rest + exact) / total), 0.0, rtol=0, atol=0.3)


def test_reciprocity_of_traced_energy():
    """Swapping source and listener keeps the energy of every octave: 0.3 dB at 4096 paths (test 9)."""
    scene = box(0.2, 0.3)
    there, back = (
        trace_echogram(scene, a, b, budget=PathBudget(4096, 1.0, 1e-4)).energy[..., 0].sum(axis=0)
        for a, b in ((SOURCE, LISTENER), (LISTENER, SOURCE))
    )
    np.testing.assert_allclose(10.0 * np.log10(there / back), 0.0, rtol=0, atol=0.3)


def test_errors_fall_with_the_root_of_the_paths():
    """The variance of the level falls as 1/N (slope -1 +- 0.35 from 12 seeds); sd at 1024 <= 0.1 dB (test 10)."""
    scene = box(0.3, 1.0)
    counts, spread = (64, 256, 1024), []
    for count in counts:
        budget = PathBudget(count, 0.5, 1e-3)
        level = [10.0 * np.log10(energy(trace_echogram(scene, SOURCE, LISTENER, seed=seed, budget=budget)).sum())
                 for seed in range(12)]  # fmt: skip
        spread.append(np.var(level))
    slope = np.polyfit(np.log(counts), np.log(spread), 1)[0]
    assert -1.35 <= slope <= -0.65
    assert np.sqrt(spread[-1]) <= 0.1


def test_closed_door_is_heard_and_undone():
    """A wooden door takes >= 10 dB at 1 kHz from the far room; open again it is bit-identical (test 17)."""
    source, listener = (1.5, 1.4, 2.8), (8.0, 1.3, 1.0)
    budget = PathBudget(4096, 0.6, 1e-4)
    is_open, closed, again = (
        energy(trace_echogram(two_rooms(share), source, listener, budget=budget)) for share in (1.0, 0.0, 1.0)
    )
    assert 10.0 * np.log10(is_open.sum() / closed.sum()) >= 10.0
    assert closed.sum() > 0.0
    np.testing.assert_array_equal(is_open, again)


def test_level_in_the_next_room_is_that_of_coupled_rooms():
    """E2/E1 = S_d / (A2 + S_d) with A = -S ln(1-a): within 1.5 dB (test 11)."""
    scene = two_rooms(1.0)
    budget = PathBudget(8192, 1.0, 1e-4)
    near, far = (
        np.mean(
            [energy(trace_echogram(scene, (1.5, 1.4, 2.8), p, budget=budget, mirror_order=0)).sum() for p in places]
        )
        for places in (
            [(3.5, 1.2, 1.0), (1.0, 1.0, 0.8), (4.0, 2.0, 3.4)],
            [(8.0, 1.3, 1.0), (9.0, 1.8, 3.2), (7.0, 1.0, 3.4)],
        )
    )
    surface = 2 * (5 * 4 + 5 * 3 + 4 * 3) - 1.8
    expected = 10.0 * np.log10(1.8 / (-surface * np.log(0.85) + 1.8))
    np.testing.assert_allclose(10.0 * np.log10(far / near), expected, rtol=0, atol=1.5)


def test_same_seed_same_bits_in_any_order():
    """Same seed: bit-identical whatever was traced before; another seed differs (test 28)."""
    scene, other = box(0.2, 0.3, 20.0), box(0.5, 0.5)
    budget = PathBudget(512, 0.5, 1e-3)
    first = trace_echogram(scene, SOURCE, LISTENER, seed=3, budget=budget).energy
    trace_echogram(other, SOURCE, LISTENER, seed=4, budget=budget)
    np.testing.assert_array_equal(first, trace_echogram(scene, SOURCE, LISTENER, seed=3, budget=budget).energy)
    assert np.any(first != trace_echogram(scene, SOURCE, LISTENER, seed=4, budget=budget).energy)


def test_cells_hear_what_a_listener_hears():
    """The bake's estimators (few random links, track length in cells) agree with the single listener's: 0.5 dB."""
    scene = box(0.2, 0.3)
    cells = listener_cells(scene)
    chosen = [int(np.argmin(np.linalg.norm(cells.points - p, axis=1))) for p in ((4.4, 1.25, 3.3), (2.2, 1.25, 3.8))]
    first = np.linalg.norm(cells.points - SOURCE, axis=1) / SPEED_OF_SOUND
    raw = trace_cells(scene, np.array(SOURCE), cells, first, PathBudget(16384, 0.6, 1e-3), links=8, late_bins=25)
    for cell in chosen:
        beside = np.linalg.norm(cells.points - cells.points[cell], axis=1) < 0.8
        heard = raw.early[beside, :, BAND, 0].sum(axis=1) + raw.late[beside, :, BAND].sum(axis=1)
        alone = energy(trace_echogram(scene, SOURCE, cells.points[cell], budget=PathBudget(16384, 0.6, 1e-3))).sum()
        np.testing.assert_allclose(10.0 * np.log10(heard.mean() / alone), 0.0, rtol=0, atol=0.5)


def test_flipped_and_doubled_triangles_change_nothing_much():
    """Random windings and duplicate faces change the level by less than 0.5 dB, and nothing is NaN (test 30)."""
    scene = box(0.2, 0.3)
    rng = np.random.default_rng(1)
    triangles = scene.triangles.copy()
    flipped = rng.random(len(triangles)) < 0.5
    triangles[flipped] = triangles[flipped][:, ::-1]
    doubled = np.concatenate([triangles, triangles[:4]])
    material, owner = (np.concatenate([v, v[:4]]) for v in (scene.triangle_material, scene.triangle_object))
    rough = Scene("rough", scene.vertices, doubled, material, owner, scene.materials, scene.objects)
    budget = PathBudget(4096, 0.6, 1e-3)
    plain, other = (trace_echogram(s, SOURCE, LISTENER, budget=budget).energy for s in (scene, rough))
    assert np.all(np.isfinite(other))
    np.testing.assert_allclose(10.0 * np.log10(energy_sum(plain) / energy_sum(other)), 0.0, rtol=0, atol=0.5)


def energy_sum(histogram: np.ndarray) -> np.ndarray:
    """Energy per octave."""
    return histogram[..., 0].sum(axis=0)


def test_sabine_and_free_path():
    """Sabine's constant is 24 ln 10 / c = 0.161; rays find the mean free path 4V/S within 1 %."""
    np.testing.assert_allclose(sabine_rt60(100.0, 100.0, 0.1), 0.161 * 100.0 / 10.0, rtol=1e-3)
    estimate = room_estimate(box(0.2, 1.0))
    np.testing.assert_allclose(estimate.mean_free_path, mean_free_path(VOLUME, SURFACE), rtol=0.01)
    expected = kuttruff_rt60(VOLUME, SURFACE, 0.2, AIR_ENERGY_PER_METRE)
    np.testing.assert_allclose(estimate.rt60, expected, rtol=0.04)


@pytest.mark.parametrize(
    ("position", "message"),
    [((7.0, 1.0, 1.0), "outside scene"), ((1.0, np.nan, 1.0), "finite position"), ((1.0, 1.0), "finite position")],
)
def test_impossible_places_are_named(position, message):
    """A source outside, not finite or of the wrong shape is an error that says which end and why."""
    with pytest.raises(ValueError, match=f"source .*{message}"):
        trace_echogram(box(0.2, 0.3), position, LISTENER)


def test_inside_furniture_is_named():
    """A listener within the wall between two rooms is an error that names the wall."""
    with pytest.raises(ValueError, match="inside wall_1"):
        trace_echogram(two_rooms(1.0), (1.5, 1.4, 2.8), (5.06, 1.0, 0.7))
