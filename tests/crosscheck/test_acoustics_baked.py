"""The baked field against the traced reference, and the CPU against CUDA: two ways to the same sound."""

import numpy as np
import pytest
import torch

from avi_env.acoustics import bake_field, render_rir, trace_echogram
from avi_env.acoustics.bake import neighbour_weights
from avi_env.acoustics.baked_response import field_echogram, field_sample
from avi_env.acoustics.listener_cells import listener_cells
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.rir import exact_paths
from avi_env.navigation.grid import walkable_grid
from avi_env.scene import emission_point, emitting_objects
from avi_env.scene.load import load_scene
from avi_env.scene.mesh import shoebox
from avi_env.scene.model import Material

BAND = 3  # 1 kHz


def t30(histogram, bin_seconds):
    """T30 of an energy histogram [s]."""
    decay = 10.0 * np.log10(np.maximum(np.cumsum(histogram[::-1])[::-1] / histogram.sum(), 1e-12))
    rows = np.flatnonzero((decay <= -5.0) & (decay >= -35.0))
    return float(-60.0 / np.polyfit(rows * bin_seconds, decay[rows], 1)[0])


def clarity(energy, time):
    """C50 [dB] of energies at times after the first arrival."""
    return 10.0 * np.log10(energy[time < 0.05].sum() / energy[time >= 0.05].sum())


def compared(scene, source, listener):
    """Errors of level [dB], C50 [dB] (NaN below -10 dB) and T30 (relative) of the baked field at one place."""
    sample = field_sample(scene, bake_field(scene, source), listener)
    baked = field_echogram(sample, 2.0)
    traced = trace_echogram(scene, source, listener, seed=5, budget=PathBudget(8192, 1.6, 1e-4))
    exact = exact_paths(scene, source, listener)
    gain, delay = exact.gain[0, :, BAND].double().numpy() ** 2, exact.delay[0].numpy()
    pairs = []
    for echogram, begin in ((baked, float(sample.first_arrival[0])), (traced, 0.0)):
        energy = echogram.energy[:, BAND, 0]
        time = (np.arange(len(energy)) + 0.5) * echogram.bin_seconds + begin
        time = np.concatenate([time, delay]) - float(sample.first_arrival[0])
        pairs.append((np.concatenate([energy, gain]), time))
    level = 10.0 * np.log10(pairs[0][0].sum() / pairs[1][0].sum())
    heard = [clarity(*pair) for pair in pairs]
    ratio = t30(baked.energy[:, BAND, 0], 0.005) / t30(traced.energy[:, BAND, 0], 0.002)
    return level, heard[0] - heard[1] if heard[1] > -10.0 else np.nan, ratio - 1.0


def test_house_sounds_baked_as_traced():
    """Over 7 pairs of places in a furnished house: median errors of level 1 dB, C50 1.5 dB, T30 7 % (test 29).

    C50 counts where a tenth of the energy is early (C50 > -10 dB): two rooms away the first 50 ms hold next to nothing.
    """
    scene = load_scene("house:7")
    grid = walkable_grid(scene)
    rng = np.random.default_rng(0)
    columns, emitters = np.argwhere(grid.free), emitting_objects(scene)
    errors = []
    for _ in range(7):
        source = np.asarray(emission_point(emitters[rng.integers(len(emitters))]), dtype=np.float64)
        column = columns[rng.integers(len(columns))]
        x, z = grid.center(column)
        errors.append(compared(scene, source, np.array([x, grid.floor_y[tuple(column)] + 1.25, z])))
    assert np.sum(np.isfinite(errors), axis=0)[1] >= 3
    median = np.nanmedian(np.abs(errors), axis=0)
    assert median[0] <= 1.0
    assert median[1] <= 1.5
    assert median[2] <= 0.07


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
    """The same paths on both devices: levels within 0.05 dB, and CUDA repeats itself to the bit (test 28)."""
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


def test_response_in_a_closed_house_is_never_an_error():
    """Every pair of rooms gives a finite response; where no path leads there is quiet, not an exception."""
    scene = load_scene("house:7")
    source = emission_point(emitting_objects(scene)[0])
    points = listener_cells(scene).points
    for cell in (0, len(points) // 2, len(points) - 1):
        rir = render_rir(scene, source, points[cell], sample_rate=16000, layout="mono", path_count=256)
        assert np.all(np.isfinite(rir))
