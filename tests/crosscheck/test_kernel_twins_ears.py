"""The kernels between paths, fields and ears against plain NumPy in double precision, on random inputs.

Tolerances: 32-bit numbers have 24 bits (6e-8), sums of some hundred terms and exponentials of logarithms up to 12 lose
a factor of 20 to 50: 3e-6 of the greatest value; energies kept as 16-bit pressures have 11 bits: 1e-3.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from avi_env.acoustics import load_hrtf
from avi_env.acoustics.binaural import overlay, paths_to_fir
from avi_env.acoustics.convolution import block_samples, convolve_blocks, filter_spectra
from avi_env.acoustics.directivity import directivity_gain, load_directivity
from avi_env.acoustics.discrete import MIRROR_LIMIT, choose_mirrors
from avi_env.acoustics.ear_filters import band_filters, ear_spectra, path_window
from avi_env.acoustics.early import direction_energies, early_response
from avi_env.acoustics.early_noise import EARLY_DIRECTIONS, early_noise
from avi_env.acoustics.field import SourceField, WavefrontField
from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.hrtf_grid import hrtf_grid
from avi_env.acoustics.lane_transforms import LANES, from_spectra, to_spectra
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.surfaces import scene_planes
from avi_env.scene import generate_house, shoebox
from avi_env.scene.bank import SceneBank

RATE = 16000
CLOSE = 3e-6


def units(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random directions."""
    vector = rng.standard_normal((*shape, 3))
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def near(actual: np.ndarray, expected: np.ndarray, share: float = CLOSE) -> None:
    """Equal within a share of the greatest value."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=share * np.abs(expected).max())


def on_the_grid(table: np.ndarray, direction: np.ndarray, yaw: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Bilinear look-up of (rows, columns + 1, ...) at world directions (N, 3) seen by heads turned by yaw (N,)."""
    ahead, left = np.stack([-np.sin(yaw), -np.cos(yaw)]), np.stack([-np.cos(yaw), np.sin(yaw)])
    x_ahead, x_left = (direction[:, 0] * axis[0] + direction[:, 2] * axis[1] for axis in (ahead, left))
    azimuth = np.mod(np.arctan2(x_left, x_ahead), 2.0 * np.pi) * columns / (2.0 * np.pi)
    elevation = (np.arcsin(np.clip(direction[:, 1], -1, 1)) / np.pi + 0.5) * (rows - 1)
    i, j = np.minimum(elevation.astype(int), rows - 2), np.minimum(azimuth.astype(int), columns - 1)
    extra = (slice(None),) + (None,) * (table.ndim - 2)
    v, u = (elevation - i)[extra], (azimuth - j)[extra]
    low = table[i, j] * (1 - u) + table[i, j + 1] * u
    return low * (1 - v) + (table[i + 1, j] * (1 - u) + table[i + 1, j + 1] * u) * v


@pytest.mark.parametrize("name", ["kemar", "tetrahedral"])
def test_paths_to_fir(name: str, device: str) -> None:
    """`_places_kernel`, `_spectra_kernel`, `_overlay_kernel`: filters of random paths, laid at their delays."""
    rng, rows, slots, length = np.random.default_rng(0), 5, 7, 1500
    head = load_hrtf(name, sample_rate=RATE)
    grid = hrtf_grid(head, device)
    gain = 10.0 ** rng.uniform(-6.0, 0.0, (rows, slots, 7))
    gain[1, 2], gain[2, :, 3] = 0.0, 0.0
    delay, direction, yaw = rng.uniform(0.001, 0.1, (rows, slots)), units(rng, rows, slots), rng.uniform(-9, 9, rows)
    tensors = (torch.from_numpy(a).to(device) for a in (delay, gain.astype(np.float32), direction.astype(np.float32)))
    paths = Paths(*tensors, torch.zeros(rows, slots, 3, device=device))
    actual = paths_to_fir(paths, torch.from_numpy(yaw.astype(np.float32)).to(device), head, length).cpu().numpy()

    flat, turn = direction.astype(np.float32).astype(float).reshape(-1, 3), np.repeat(yaw.astype(np.float32), slots)
    spectra = on_the_grid(grid.log_spectrum.cpu().numpy().reshape(37, 145, actual.shape[1], -1), flat, turn, 37, 144)
    lags = on_the_grid(grid.delay.cpu().numpy().astype(float).reshape(37, 145, -1), flat, turn, 37, 144)
    octaves = band_filters(RATE, "cpu").numpy()  # (7, F)
    bins = octaves.shape[1]
    fall = np.clip((np.arange(bins) / (bins - 1) - 0.9) / 0.1, 0.0, 1.0)
    window = path_window(grid.filter_length, "cpu").numpy()
    expected = np.zeros(actual.shape)
    for path, octave in enumerate(gain.astype(np.float32).astype(float).reshape(-1, 7)):
        if not octave.any():
            continue
        level = np.log(np.maximum(octave / octave.max(), np.exp(-11.5)))
        for ear in range(actual.shape[1]):
            arrival = (delay.ravel()[path] + lags[path, ear]) * RATE
            whole = int(np.floor(arrival))
            shift = np.exp(-1j * np.pi * np.arange(bins) / (bins - 1) * (arrival - whole + 32))
            log = level @ octaves + spectra[path, ear]
            response = np.fft.irfft(octave.max() * (0.5 + 0.5 * np.cos(np.pi * fall)) * np.exp(log) * shift) * window
            place = whole - 32 + np.arange(len(response))
            kept = (place >= 0) & (place < length)
            expected[path // slots, ear, place[kept]] += response[kept]
    near(actual, expected, 2e-5)  # azimuths in 32 bits: 1e-7 turns of 144 columns, times steps of a column


def test_overlay(device: str) -> None:
    """`_overlay_kernel`: short responses at places that begin before 0 and end beyond the end."""
    rng = np.random.default_rng(1)
    responses, start = rng.standard_normal((3, 5, 2, 64)).astype(np.float32), rng.integers(-80, 320, (3, 5, 2))
    expected = np.zeros((3, 2, 300))
    for row, path, ear in np.ndindex(3, 5, 2):
        for k in range(64):
            if 0 <= start[row, path, ear] + k < 300:
                expected[row, ear, start[row, path, ear] + k] += responses[row, path, ear, k]
    actual = overlay(torch.from_numpy(responses).to(device), torch.from_numpy(start).to(device), 300)
    near(actual.cpu().numpy(), expected, 1e-6)


def random_field(rng: np.random.Generator, columns: tuple[int, int], missing: int) -> SourceField:
    """A field of random energies over a grid with holes."""
    index = np.full(columns, -1, dtype=np.int32)
    kept = np.sort(rng.permutation(columns[0] * columns[1])[missing:])
    index.ravel()[kept] = np.arange(len(kept))
    i, j = np.unravel_index(kept, columns)
    cells = np.stack([1.0 + 0.5 * i, np.full(len(i), 1.25), -2.0 + 0.5 * j], axis=1).astype(np.float32)
    early = rng.random((len(kept), 20, 7, 4)).astype(np.float32)
    early[..., 1:] = early[..., :1] * (2.0 * early[..., 1:] - 1.0) / 2.0
    one = np.zeros((1, 1), dtype=np.float32)
    named = {f.name: one for f in dataclasses.fields(WavefrontField)}
    named |= {"source": (0.0, 0.0), "origin": (0.0, 0.0), "spacing": 0.1, "height": 1.25, "bend": one[..., None]}
    return SourceField(
        (0.0, 1.0, 0.0), (1.0, -2.0), 0.5, index, cells, rng.random(len(kept)).astype(np.float32), early,
        rng.random((len(kept), 12, 7)).astype(np.float32), WavefrontField(**named),
    )  # fmt: skip


def test_field_lookup(device: str) -> None:
    """`_corners_kernel`, `_shares_kernel`, `_blend_kernel`: means over cells seen, else the nearest; half floats."""
    rng = np.random.default_rng(2)
    fields = [random_field(rng, (6, 5), 9), random_field(rng, (4, 7), 5)]
    bank = FieldBank(2, device)
    for row, field in enumerate(fields):
        bank.set_row(row, field)
    rows = rng.integers(0, 2, 60)
    position = rng.uniform((0.5, 1.0, -2.6), (4.2, 1.5, 1.6), (60, 3)).astype(np.float32)
    visible = rng.random((60, 4)) < 0.7
    sample = bank.lookup(
        torch.from_numpy(position).to(device), torch.from_numpy(visible).to(device), torch.from_numpy(rows).to(device)
    )
    for k, (row, place) in enumerate(zip(rows, position.astype(float), strict=True)):
        field = fields[row]
        grid = (place[[0, 2]] - field.origin) / field.spacing
        low, share = np.floor(grid).astype(int), grid - np.floor(grid)
        found = []  # weight, cell, seen
        for corner in range(4):
            step = np.array([corner % 2, corner // 2])
            column = low + step
            weight = np.prod(np.where(step == 1, share, 1 - share))
            if np.all(column >= 0) and np.all(column < field.cell_index.shape) and field.cell_index[tuple(column)] >= 0:
                found.append((weight, field.cell_index[tuple(column)], visible[k, corner]))
        seen = [(weight, cell) for weight, cell, sees in found if sees]
        if sum(weight for weight, _ in seen) < 1e-4:
            cells = [max(found)[1]] if found else [np.argmin(((field.cells - place) ** 2).sum(axis=1))]
            seen = [(1.0, int(cells[0]))]
        weights, cells = np.array([w for w, _ in seen]), [c for _, c in seen]
        weights /= weights.sum()
        # A pressure of 11 bits: 2^-11 each way, twice for the energy, and its direction's own 11 bits.
        for actual, table in ((sample.early, field.early), (sample.late, field.late)):
            expected = np.tensordot(weights, table[cells], axes=1)
            near(actual[k].cpu().numpy(), expected, 2e-3)
        np.testing.assert_allclose(float(sample.first_arrival[k]), weights @ field.first_arrival[cells], rtol=1e-5)


def test_direction_energies(device: str) -> None:
    """`_directions_kernel`: Henyey and Greenstein's lobe over the icosahedron, sharpness limited to 0.85."""
    rng = np.random.default_rng(3)
    omni = rng.random((4, 20, 7)) * (rng.random((4, 20, 7)) < 0.9)
    lobe = units(rng, 4, 20, 7) * rng.random((4, 20, 7, 1))
    early = np.concatenate([omni[..., None], omni[..., None] * lobe], axis=-1).astype(np.float32)
    g = np.where(omni[..., None] > 0, lobe, 0.0)
    length = np.linalg.norm(g, axis=-1, keepdims=True)
    g = g * np.minimum(1.0, 0.85 / np.maximum(length, 1e-9))
    weight = (1.0 + (g**2).sum(-1)[..., None] - 2.0 * g @ EARLY_DIRECTIONS.T) ** -1.5
    expected = omni[..., None] * weight / weight.sum(axis=-1, keepdims=True)
    actual = direction_energies(torch.from_numpy(early).to(device)).cpu().numpy()
    near(actual, np.moveaxis(expected, -1, 1), 1e-5)


def test_early_response(device: str) -> None:
    """`_amplitudes_kernel`, `_signals_kernel`, `_through_ears_kernel`, `_in_place_kernel`: noise of given energies.

    Amplitudes are roots of energies that are linear between the middles of bins, and linear between 8 knots a block.
    """
    rng, rows, length = np.random.default_rng(4), 3, 2600
    early = np.zeros((rows, 20, 7, 4), dtype=np.float32)
    early[..., 0] = rng.random((rows, 20, 7))
    early[..., 1:] = early[..., :1] * units(rng, rows, 20, 7) * 0.5
    arrival, yaw = np.array([0.0, 0.0123, 0.08], dtype=np.float32), rng.uniform(-3, 3, rows).astype(np.float32)
    place = torch.device(device)
    world = torch.from_numpy(EARLY_DIRECTIONS).float().expand(rows, -1, -1).contiguous().to(place)
    ears, start = ear_spectra(world, torch.from_numpy(yaw).to(place), load_hrtf("kemar", sample_rate=RATE))
    sample = type("Sample", (), {})()
    sample.early, sample.first_arrival = torch.from_numpy(early).to(place), torch.from_numpy(arrival).to(place)
    actual = early_response(sample, ears, start, RATE, length).cpu().numpy()

    energy = direction_energies(sample.early).cpu().numpy().astype(float)  # (B, 12, 20, 7)
    noise, filters = early_noise(RATE, 0, "cpu").numpy().astype(float), ears.cpu().numpy()
    size = 2 * (filters.shape[-1] - 1)
    hop, width = size // 2, 0.005 * RATE
    knot = max(16, hop // 8)
    blocks = -(-noise.shape[-1] // hop)
    noise = np.pad(noise, ((0, 0), (0, 0), (0, blocks * hop - noise.shape[-1])))
    knots = np.arange(blocks * hop // knot + 1) * knot
    expected = np.zeros(actual.shape)
    for row in range(rows):
        signal = np.zeros((12, blocks * hop))
        for direction, band in np.ndindex(12, 7):
            density = np.interp(knots / width - 0.5, np.arange(20), energy[row, direction, :, band]) / width
            amplitude = np.interp(np.arange(blocks * hop), knots, np.sqrt(density))
            signal[direction] += amplitude * noise[direction, band]
        begin = int(np.floor(float(arrival[row]) * RATE)) + start
        for block in range(blocks):
            piece = np.fft.rfft(signal[:, block * hop : (block + 1) * hop], size)
            heard = np.fft.irfft((piece[:, None] * filters[row]).sum(axis=0))
            at = begin + block * hop + np.arange(size)
            kept = (at >= 0) & (at < length)
            expected[row][:, at[kept]] += heard[:, kept]
    near(actual, expected, 1e-5)


@pytest.mark.parametrize("half", [2, 64, 128, 512])
def test_transforms_of_sixteen_lanes(half: int, device: str) -> None:
    """`_to_kernel`, `_from_kernel`: NumPy's transforms, of signals with as many zeros behind, and back; by lane."""
    rng = np.random.default_rng(6)
    signal = rng.standard_normal((3, half, LANES)).astype(np.float32)
    spectrum = to_spectra(torch.from_numpy(signal).to(device))
    near(spectrum.cpu().numpy(), np.fft.rfft(signal.astype(float), 2 * half, axis=1), 1e-6)
    parts = rng.standard_normal((2, 3, half + 1, LANES)).astype(np.float32)
    back = from_spectra(torch.from_numpy(parts[0] + 1j * parts[1]).to(device))
    near(back.cpu().numpy(), np.fft.irfft((parts[0] + 1j * parts[1]).astype(complex), axis=1), 1e-6)
    alone = np.zeros_like(signal[:1])
    alone[..., 5] = signal[1, :, 5]
    np.testing.assert_array_equal(
        to_spectra(torch.from_numpy(alone).to(device))[0, :, 5].cpu(), spectrum[1, :, 5].cpu()
    )


def test_convolution_of_a_step(device: str) -> None:
    """`_accumulate_kernel`: several sources through partitioned responses, present and previous, and fresh rows."""
    rng, hop = np.random.default_rng(5), block_samples(RATE)
    rows, sources, channels, length, blocks, old = 2, 2, 3, 2 * hop + 300, 3, 1
    fir = rng.standard_normal((2, rows, sources, channels, length)).astype(np.float32)
    dry = rng.standard_normal((rows, sources, (3 + blocks) * hop)).astype(np.float32)
    now, before = (filter_spectra(torch.from_numpy(f).to(device), RATE) for f in fir)
    # 3 partitions: segments start 3 blocks before the step, each two blocks long and one block apart.
    pieces = np.stack([dry[..., k * hop : (k + 2) * hop] for k in range(3 + blocks - 1)], axis=2)
    segments = torch.fft.rfft(torch.from_numpy(pieces.reshape(rows, -1, 2 * hop)).to(device))
    fresh = torch.tensor([False, True], device=device)
    actual = convolve_blocks(now, before, fresh, segments, (sources, channels, blocks, old))[..., hop:].cpu().numpy()
    expected = np.zeros(actual.shape)
    for row, channel in np.ndindex(rows, channels):
        for moment, count, place in ((0, blocks, 0), (1, old, blocks)):
            if moment == 1 and fresh[row]:
                continue
            whole = sum(np.convolve(dry[row, s].astype(float), fir[moment, row, s, channel]) for s in range(sources))
            for block in range(count):
                expected[row, channel, place + block] = whole[(3 + block) * hop : (4 + block) * hop]
    near(actual, expected, 1e-5)


def test_directivity_gain(device: str) -> None:
    """`_gain_kernel`: the root of the table's energy, bilinear in elevation and azimuth of the source's own frame."""
    rng = np.random.default_rng(6)
    table = load_directivity(10.0 * rng.uniform(-2.0, 0.5, (19, 36, 7)))
    departure, yaw = units(rng, 6, 40), rng.uniform(-9, 9, 6)
    actual = directivity_gain(
        table, torch.from_numpy(yaw).float().to(device), torch.from_numpy(departure).float().to(device)
    )
    flat = departure.astype(np.float32).astype(float).reshape(-1, 3)
    energy = on_the_grid(np.asarray(table.energy, dtype=float), flat, np.repeat(yaw.astype(np.float32), 40), 19, 36)
    near(actual.cpu().numpy().reshape(-1, 7), np.sqrt(energy), 1e-5)


def test_choice_of_mirrors(device: str) -> None:
    """`_prepare`: the twelve planes of greatest area over squared distance (0.5 m at least), largest first."""
    scenes = [generate_house(2, rooms=2), shoebox((4.0, 2.6, 3.0))]
    bank, rng = SceneBank(scenes, device), np.random.default_rng(7)
    index = rng.integers(0, 2, 20)
    low, high = (np.stack([scene.bounds[k] for scene in scenes])[index].astype(float) for k in (0, 1))
    ends = [torch.from_numpy(rng.uniform(low, high)).to(device) for _ in range(2)]
    blocked = torch.from_numpy(rng.random(20) < 0.5).to(device)
    scene_index = torch.from_numpy(index).int().to(device)
    actual = choose_mirrors(bank, scene_index, (ends[0], ends[1]), blocked).cpu().numpy()
    asked = choose_mirrors(bank, scene_index, (ends[0], ends[1]), None).cpu().numpy()
    for row, source in enumerate(ends[0].cpu().numpy()):
        planes = scene_planes(scenes[index[row]])
        gap = np.maximum(np.maximum(planes.bounds[:, 0] - source, source - planes.bounds[:, 1]), 0.0)
        score = planes.area / np.maximum((gap**2).sum(axis=1), 0.25)
        order = np.argsort(-score, kind="stable")[:MIRROR_LIMIT]
        np.testing.assert_array_equal(actual[row, : len(order)], order)
        np.testing.assert_array_equal(actual[row, len(order) : MIRROR_LIMIT], -1)
    np.testing.assert_array_equal(actual[:, MIRROR_LIMIT], blocked.cpu().numpy())
    np.testing.assert_array_equal(asked[:, MIRROR_LIMIT], bank.occluded(scene_index, *ends).cpu().numpy())
