"""The baked field against the traced reference, and the CPU against CUDA: two ways to the same sound."""

import numpy as np
import pytest
import torch

from avi_env.acoustics import bake_field, render_rir, trace_echogram
from avi_env.acoustics.bake import neighbour_weights
from avi_env.acoustics.baked_response import field_echogram, field_sample
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.path_tracer import trace_echograms
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.rir import exact_paths
from avi_env.bench.acoustics_arrival import arrival_error
from avi_env.bench.acoustics_rows import clarity_db, histogram_t30
from avi_env.navigation.grid import walkable_grid
from avi_env.scene import emission_point, emitting_objects, generate_house
from avi_env.scene.load import load_scene
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material
from avi_env.scene.rays import occluded

BAND = 3  # 1 kHz
HOUSES = ((1, 4), (2, 5), (3, 6), (5, 4), (7, 6))  # seed and rooms
REFERENCE_PATHS = 24576  # of each half of the traced reference: with a quarter of them its own T30 is 8 % off
LIMITS = np.array([1.0, 1.5, 0.07])  # level [dB], C50 [dB], T30: the acoustics sheet's test 29


def both_ways(scene, source, listeners):
    """Yields level [dB], C50 [dB] and T30 [s] of each listener, baked and traced, as two arrays (2, 3).

    The second holds the difference of the traced reference's two halves: its mean has half that as standard error.
    """
    exact = exact_paths(scene, source, listeners)
    halves = [
        trace_echograms(scene, source, listeners, seed=seed, budget=PathBudget(REFERENCE_PATHS, 1.2, 1e-3))
        for seed in (5, 6)
    ]
    field = bake_field(scene, source)
    for number, listener in enumerate(listeners):
        sample = field_sample(scene, field, listener)
        first = float(sample.first_arrival[0])
        gain, delay = exact.gain[number, :, BAND].double().numpy() ** 2, exact.delay[number].numpy()

        def heard(energy, bin_seconds, begin, gain=gain, delay=delay, first=first):
            time = np.concatenate([(np.arange(len(energy)) + 0.5) * bin_seconds + begin, delay]) - first
            both = np.concatenate([energy, gain])
            return 10.0 * np.log10(both.sum()), clarity_db(both, time), histogram_t30(energy, bin_seconds)

        traced = [half[number].energy[:, BAND, 0] for half in halves]
        baked = heard(field_echogram(sample, 2.0).energy[:, BAND, 0], 0.005, first)
        one, two, mean = (heard(energy, 0.002, 0.0) for energy in (*traced, np.mean(traced, axis=0)))
        yield np.array([baked, mean]), np.array([one, two])


def poses(scene, rng, count):
    """A random sounding object and random walkable places at ear height."""
    grid, emitters = walkable_grid(scene), emitting_objects(scene)
    source = np.asarray(emission_point(emitters[rng.integers(len(emitters))]), dtype=np.float64)
    columns = np.argwhere(grid.free)
    columns = columns[rng.choice(len(columns), count, replace=False)]
    ears = grid.floor_y[columns[:, 0], columns[:, 1]] + 1.25
    xz = grid.center(columns)
    return source, np.column_stack([xz[:, 0], ears, xz[:, 1]])


@pytest.fixture(scope="module")
def houses():
    """Five generated houses, each with a sounding object and twenty places to listen at."""
    rng = np.random.default_rng(0)
    scenes = [generate_house(seed=seed, rooms=rooms) for seed, rooms in HOUSES]
    return [(scene, *poses(scene, rng, 20)) for scene in scenes]


def test_houses_sound_baked_as_traced(houses):
    """100 poses in 5 houses: median errors of level 1 dB, C50 1.5 dB, T30 7 %, in view and out of it (sheet test 29).

    C50 counts where a tenth of the energy is early (C50 > -10 dB): two rooms away the first 50 ms hold next to nothing.
    Each quantity counts where the reference's own standard error, from its two halves, is within the limit: rooms with
    carpets and curtains ring 0.4 s, and what comes back from the next one bends their decays. Measured: 0.1 dB, 0.2 dB,
    5.4 % in view, 0.5 dB, 0.6 dB, 4.9 % out of it; 90 % of all within 1.3 dB, 2.0 dB, 19 %, held to three times the
    limits. The reference's median error is 0.1 dB, 0.2 dB and 6 %: part of what is measured.
    """
    errors, own, seen = [], [], []
    for scene, source, listeners in houses:
        seen.append(~occluded(scene, np.tile(source, (len(listeners), 1)), listeners))
        for (baked, traced), halves in both_ways(scene, source, listeners):
            distance = np.array([1.0, 1.0 if traced[1] > -10.0 else np.nan, 1.0 / traced[2]])
            errors.append(np.abs(baked - traced) * distance)
            own.append(0.5 * np.abs(halves[0] - halves[1]) * distance)
    errors, own, seen = np.array(errors), np.array(own), np.concatenate(seen)
    assert np.all(np.nanmedian(own, axis=0) <= LIMITS)
    errors = np.where(own <= LIMITS, errors, np.nan)
    for name, rows in (("in view", seen), ("out of view", ~seen), ("all", seen | True)):
        assert np.all(np.isfinite(errors[rows]).sum(axis=0) >= 10)
        median, most = np.nanquantile(errors[rows], [0.5, 0.9], axis=0)
        assert np.all(median <= LIMITS), f"{name}: medians {median}, 90 % {most}"
    assert np.all(most <= 3.0 * LIMITS), f"90 % of all: {most}"


def test_first_sound_comes_from_the_doorway_that_leads_to_it(houses):
    """What is heard first comes within 5 degrees of the true way: nine of ten, measured 0.2 and 0.6 (sheet test 29).

    The truth is geometry, not the tracer: traced sound has no diffraction, and what it brings through a door first is
    spread over the whole opening. In view the truth is the straight line, to float32. Out of view it is the shortest
    way with one bend that free rays find at a doorway, if it is not longer than the one that is heard (0.1 m): ways
    through two doors or around furniture are not among the candidates.
    """
    angles = []
    for scene, source, listeners in houses:
        hidden = occluded(scene, np.tile(source, (len(listeners), 1)), listeners)
        paths = exact_paths(scene, source, listeners)
        for number, listener in enumerate(listeners):
            angle = arrival_error(scene, source, listener, paths, not hidden[number], number)
            if hidden[number]:
                angles.append(angle)
            else:
                np.testing.assert_allclose(angle, 0.0, rtol=0, atol=0.05)  # arccos of a float32 direction
    angles = np.array(angles)[np.isfinite(angles)]
    assert len(angles) >= 15
    assert np.quantile(angles, 0.9) <= 5.0


def test_bake_is_one_value_a_key():
    """The same inputs give the same field object, another seed another field; bits do not depend on the order."""
    scene = shoebox((4.0, 2.6, 3.0), material=Material("wall", absorption=0.3, scattering=0.3))
    one, same, other = (bake_field(scene, (1.0, 1.0, 1.0), seed=s, path_count=256) for s in (0, 0, 1))
    assert one is same
    assert np.any(one.early != other.early)
    twin = shoebox((4.0, 2.6, 3.0), material=Material("wall", absorption=0.3, scattering=0.3))
    assert bake_field(twin, (1.0, 1.0, 1.0), seed=0, path_count=256) is one


def test_field_is_finite_and_physical():
    """Energies are not negative, harmonics not larger than the energy, cells lie in the room at ear height."""
    scene = shoebox((6.0, 3.0, 5.0), material=Material("wall", absorption=0.2, scattering=0.3))
    field = bake_field(scene, (1.5, 1.2, 1.3))
    assert field.early.shape[1:] == (20, 7, 4)
    assert field.late.shape[1:] == (12, 7)
    assert np.all(np.isfinite(field.early))
    assert np.all(field.late >= 0.0)
    assert np.all(np.linalg.norm(field.early[..., 1:], axis=-1) <= field.early[..., 0] * (1.0 + 1e-5))
    np.testing.assert_allclose(field.cells[:, 1], 1.25, rtol=0, atol=1e-6)
    assert field.cell_index.max() + 1 == len(field.cells) == len(field.first_arrival)
    distance = np.linalg.norm(field.cells - np.array(field.source), axis=1)
    np.testing.assert_allclose(field.first_arrival, distance / 343.0, rtol=1e-5)


def test_smoothing_does_not_cross_walls():
    """Cells lend weight to cells that they see and to no others; weights of each cell sum to 1."""
    scene = load_scene("house:7")
    cells = listener_cells(scene)
    weights = neighbour_weights(cells, 1.5)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    assert not np.any((weights > 0.0) & ~cells.visible)


def test_scene_without_a_floor_has_cells():
    """A scene in which nobody can walk is baked throughout its bounds."""
    walls = {side: Material(side, absorption=0.3, scattering=0.3) for side in
             ("floor", "ceiling", "west", "east", "north", "south")}  # fmt: skip
    scene = shoebox((3.0, 0.9, 3.0), material=walls)  # too low to walk in
    field = bake_field(scene, (1.0, 0.4, 1.0), path_count=256)
    assert len(field.cells) == 36
    assert np.all(field.early[..., 0].sum(axis=(1, 2)) > 0.0)


@pytest.mark.cuda
def test_cuda_traces_what_the_cpu_traces():
    """The same paths on both devices: levels within 0.05 dB, and CUDA repeats itself to the bit (sheet test 28)."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    scene = load_scene("house:7")
    source = emission_point(emitting_objects(scene)[0])
    budget = PathBudget(8192, 1.0, 1e-4)
    listener = listener_cells(scene).points[0]
    cpu, gpu, again = (
        trace_echogram(scene, source, listener, budget=budget, device=d).energy for d in ("cpu", "cuda", "cuda")
    )
    np.testing.assert_array_equal(gpu, again)
    level = 10.0 * np.log10(cpu[..., 0].sum(axis=0) / gpu[..., 0].sum(axis=0))
    np.testing.assert_allclose(level, 0.0, rtol=0, atol=0.05)
    one, two, same = (
        bake_field(scene, source, directivity="speech", yaw=0.4, device=d, cached=False).early
        for d in ("cpu", "cuda", "cuda")
    )
    np.testing.assert_array_equal(two, same)
    level = 10.0 * np.log10(one[..., 0].sum(axis=(0, 1)) / two[..., 0].sum(axis=(0, 1)))
    np.testing.assert_allclose(level, 0.0, rtol=0, atol=0.05)


def test_response_in_a_closed_house_is_never_an_error():
    """Every pair of rooms gives a finite response; where no path leads there is quiet, not an exception."""
    scene = load_scene("house:7")
    source = emission_point(emitting_objects(scene)[0])
    points = listener_cells(scene).points
    for cell in (0, len(points) // 2, len(points) - 1):
        rir = render_rir(scene, source, points[cell], sample_rate=16000, layout="mono", path_count=256)
        assert np.all(np.isfinite(rir))
