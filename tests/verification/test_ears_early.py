"""The baked field at the ears: look-up between cells, energies, onset and direction of early reflections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.acoustics.early import direction_energies, early_fir
from avi_env.acoustics.early_noise import EARLY_DIRECTIONS
from avi_env.acoustics.energy_bands import band_shares, octave_power
from avi_env.acoustics.field import SourceField, WavefrontField
from avi_env.acoustics.field_bank import FieldBank, FieldSample
from avi_env.acoustics.hrtf import load_hrtf

RATE = 16000


def flat_field(columns: tuple[int, int] = (5, 4), spacing: float = 0.5, missing: tuple[int, ...] = ()) -> SourceField:
    """Returns a field whose energies are linear in x and z over a grid at ear height."""
    nx, nz = columns
    index = np.full(columns, -1, dtype=np.int32)
    x, z = np.meshgrid(1.0 + spacing * np.arange(nx), -2.0 + spacing * np.arange(nz), indexing="ij")
    keep = [i for i in range(nx * nz) if i not in missing]
    index.reshape(-1)[keep] = np.arange(len(keep))
    cells = np.stack([x, np.full_like(x, 1.25), z], axis=-1).reshape(-1, 3)[keep].astype(np.float32)
    level = linear(cells)
    early = np.zeros((len(keep), 20, 7, 4), dtype=np.float32)
    early[..., 0] = level[:, None, None] * np.linspace(1.0, 0.1, 20)[:, None]
    early[..., 1] = 0.5 * early[..., 0]
    late = np.ones((1, 12, 7), dtype=np.float32) * 0.1 * level[:, None, None]
    nothing = np.zeros((1, 1), dtype=np.float32)
    nowhere = np.zeros((1, 1, 2), dtype=np.float32)
    wavefront = WavefrontField((0, 0), (0, 0), 0.1, 1.25, nothing, nowhere, nowhere, nothing.astype(int), nothing)
    arrival = (0.01 * cells[:, 0]).astype(np.float32)
    return SourceField(
        (0, 1, 0), (1.0, -2.0), spacing, index, cells, arrival, early, late.astype(np.float32), wavefront
    )


def linear(position: np.ndarray) -> np.ndarray:
    """Returns a linear function of x and z."""
    return 0.2 * position[:, 0] + 0.1 * position[:, 2] + 0.5


def sample(energy: np.ndarray, towards: tuple[float, float, float] = (0, 0, 0), arrival: float = 0.01) -> FieldSample:
    """Returns a field of given energies (20, 7) with one first-order direction."""
    early = torch.zeros(1, 20, 7, 4)
    early[0, ..., 0] = torch.from_numpy(energy)
    early[0, ..., 1:] = early[0, ..., :1] * torch.tensor(towards, dtype=torch.float32)
    return FieldSample(early, torch.zeros(1, 12, 7), torch.tensor([arrival]))


def band_energies(response: np.ndarray, windows: list[slice]) -> np.ndarray:
    """Returns the energy of each ear, window and octave re that of a unit impulse, shape (2, windows, 7)."""
    size = 2 * response.shape[-1]
    power = octave_power(np.fft.rfftfreq(size, 1 / RATE))
    octaves = np.fft.irfft(np.fft.rfft(response, size)[:, None] * np.sqrt(power), size)
    return np.stack([(octaves[..., w] ** 2).sum(-1) / band_shares(RATE) for w in windows], axis=1)


def test_octave_filters_share_the_energy() -> None:
    """Squared magnitudes sum to 1 at every frequency, so that band energies add up."""
    assert_allclose(octave_power(np.linspace(0.0, 24000.0, 999)).sum(axis=0), 1.0, atol=1e-12)
    assert_allclose(band_shares(RATE).sum(), 1.0, atol=1e-12)


def test_lookup_is_exact_for_a_linear_field() -> None:
    """Bilinear interpolation reproduces a linear function, here within the 16 bits of the store (0.2 %)."""
    bank, rng = FieldBank(3), np.random.default_rng(0)
    position = rng.uniform([1.0, 1.0, -2.0], [3.0, 1.5, -0.5], (3, 3))
    for row in range(3):
        bank.set_row(row, flat_field())
    found = bank.lookup(torch.from_numpy(position))
    assert_allclose(found.late[:, 3, 2], 0.1 * linear(position), rtol=2e-3)
    assert_allclose(found.early[:, 0, 4, 0], linear(position), rtol=2e-3)
    assert_allclose(found.early[..., 1], 0.5 * found.early[..., 0], rtol=1e-3)
    assert_allclose(found.first_arrival, 0.01 * position[:, 0], rtol=1e-5)


def test_cells_behind_a_wall_do_not_count() -> None:
    """With one corner visible the field is that corner's; with none it is the nearest corner's, never nothing."""
    bank, field = FieldBank(1), flat_field()
    bank.set_row(0, field)
    here = torch.tensor([[1.1, 1.2, -1.9]])  # nearest corner: the first cell
    corners = bank.corners(here)
    assert_allclose(corners.center[0, 3], [1.5, 1.25, -1.5])
    far = bank.lookup(here, torch.tensor([[False, False, False, True]])).late[0, 0, 0]
    assert_allclose(far, 0.1 * linear(corners.center[0, 3:].numpy())[0], rtol=2e-3)
    for unseen in (torch.zeros(1, 4, dtype=torch.bool), lambda centre: torch.zeros(centre.shape[:2], dtype=torch.bool)):
        assert_allclose(bank.lookup(here, unseen).late[0, 0, 0], 0.1 * linear(field.cells[:1])[0], rtol=2e-3)


def test_outside_the_grid_the_nearest_cell_speaks() -> None:
    """A listener beyond the last cell, or over a hole of four cells, hears the nearest cell there is."""
    field = flat_field(missing=(0, 1, 4, 5))
    bank = FieldBank(2)
    bank.set_row(0, field)
    bank.set_row(1, field)
    position = np.array([[9.0, 1.2, 5.0], [1.1, 1.2, -1.9]])
    found = bank.lookup(torch.from_numpy(position)).late[:, 0, 0]
    distance = np.linalg.norm(field.cells[None] - position[:, None], axis=-1)
    assert_allclose(found, 0.1 * linear(field.cells[distance.argmin(axis=1)]), rtol=2e-3)


def test_rows_share_fields_and_outlive_growth() -> None:
    """Equal fields are stored once, larger ones make the store grow, and rows keep what they had."""
    bank, small, large = FieldBank(4), flat_field(), flat_field((9, 8))
    for row, field in enumerate((small, small, large, small)):
        bank.set_row(row, field)
    position = torch.tensor([[1.3, 1.2, -1.4]]).expand(4, 3)
    found = bank.lookup(position).late[:, 0, 0]
    assert_allclose(found, 0.1 * linear(position.numpy()), rtol=2e-3)
    bank.set_row(1, replace(small, late=4 * small.late))
    assert_allclose(bank.lookup(position).late[:, 0, 0] / found, [1, 4, 1, 1], rtol=2e-3)
    assert_array_equal(bank.lookup(position[:1], rows=torch.tensor([1])).late, bank.lookup(position).late[1:2])


def test_bank_errors_name_the_culprit() -> None:
    """A row without a field, a row that is not there and a field without cells are told apart."""
    bank = FieldBank(2)
    with pytest.raises(ValueError, match="set_row"):
        bank.lookup(torch.zeros(2, 3))
    with pytest.raises(IndexError, match="row 2"):
        bank.set_row(2, flat_field())
    with pytest.raises(ValueError, match="no listener cell"):
        bank.set_row(0, replace(flat_field(), cells=np.zeros((0, 3), np.float32)))


def test_directions_carry_the_energy_and_its_mean_direction() -> None:
    """Energies over twelve directions sum to the whole; their mean direction is the harmonics' within 8 degrees."""
    vector = np.random.default_rng(0).standard_normal((40, 3))
    unit = vector / np.linalg.norm(vector, axis=1, keepdims=True)
    length = np.linspace(0.05, 0.6, 40)
    early = torch.zeros(40, 20, 7, 4)
    early[..., 0] = torch.linspace(0.1, 2.0, 40)[:, None, None]
    early[..., 1:] = early[..., :1] * torch.from_numpy((unit * length[:, None]).astype(np.float32))[:, None, None]
    energy = direction_energies(early).numpy()
    assert_allclose(energy.sum(axis=1), early[..., 0].numpy(), rtol=1e-5)
    assert energy.min() >= 0
    mean = energy[:, :, 3, 2] @ EARLY_DIRECTIONS / energy[:, :, 3, 2].sum(axis=1, keepdims=True)
    cosine = (mean * unit).sum(axis=1) / np.linalg.norm(mean, axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 8.0
    assert_allclose(np.linalg.norm(mean, axis=1), length, atol=0.05)


@pytest.mark.parametrize("name", ["mono", "kemar"])
def test_energies_of_every_octave_and_20_ms_are_kept(name: str) -> None:
    """Mean over 20 noise seeds, per octave and 20 ms: +-1 dB; the 8 kHz octave ends at half the sample rate.

    The measured head is heard from all directions (four yaws), because it is equalised to the diffuse field.
    """
    energy = np.exp(-0.115 * np.arange(20))[:, None] * np.array([1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2])
    yaws = (0.0,) if name == "mono" else (0.0, 0.8, 1.9, 2.7)
    windows = [slice(160 + 320 * i, 160 + 320 * (i + 1)) for i in range(5)]
    total = np.zeros((2, 5, 7))
    for seed in range(20):
        yaw = torch.tensor([yaws[seed % len(yaws)]])
        fir = early_fir(sample(energy), yaw, load_hrtf(name), 2048, seed=seed)[0].numpy()
        total += band_energies(fir.astype(np.float64), windows) / 20
    error = 10 * np.log10(total.mean(axis=0) / energy.reshape(5, 4, 7).sum(axis=1))
    assert_allclose(error[:, :6], 0.0, atol=1.0)
    assert_allclose(error[:, 6], -0.5, atol=1.2)


def test_single_noise_keeps_the_whole_energy() -> None:
    """The default noise by itself: energy of all bins per octave within 1 dB, below the 8 kHz octave's cut."""
    energy = np.full((20, 7), 0.3)
    fir = early_fir(sample(energy), torch.zeros(1), load_hrtf("mono"), 2048)[0].numpy().astype(np.float64)
    error = 10 * np.log10(band_energies(fir, [slice(0, 2048)])[0, 0] / energy.sum(axis=0))
    assert_allclose(error[:6], 0.0, atol=1.0)


@pytest.mark.parametrize("arrival", [0.0, 0.0123, 0.05])
def test_nothing_precedes_the_first_arrival(arrival: float) -> None:
    """The early field begins at the first arrival and ends 100 ms later."""
    fir = early_fir(sample(np.ones((20, 7)), arrival=arrival), torch.zeros(1), load_hrtf("mono"), 3200)[0, 0].numpy()
    begin, total = int(arrival * RATE), (fir**2).sum()
    assert (fir[: max(0, begin - 4)] ** 2).sum() < 1e-5 * total
    assert (fir[begin + 1660 :] ** 2).sum() < 1e-5 * total
    assert (fir[begin : begin + 80] ** 2).sum() > 0.02 * total


def test_reflections_from_the_left_are_louder_on_the_left() -> None:
    """Level follows the direction of the energy, and turning the head by 180 degrees exchanges the ears."""
    hrtf = load_hrtf("kemar")
    left = sample(np.ones((20, 7)), (-0.8, 0.0, 0.0))
    ears = early_fir(left.__class__(*left), torch.tensor([0.0]), hrtf, 2048)[0].numpy()
    turned = early_fir(left, torch.tensor([np.pi]), hrtf, 2048)[0].numpy()
    level = [10 * np.log10((e[0] ** 2).sum() / (e[1] ** 2).sum()) for e in (ears, turned)]
    assert level[0] > 3.0
    assert level[1] < -3.0


def test_no_energy_is_silence_and_rows_are_independent() -> None:
    """Zero energies give exact silence; each row is the same alone and in a batch, bit for bit."""
    g, hrtf = torch.Generator().manual_seed(1), load_hrtf("kemar")
    early = torch.rand(5, 20, 7, 4, generator=g)
    early[2] = 0
    field = FieldSample(early, torch.zeros(5, 12, 7), 0.03 * torch.rand(5, generator=g))
    yaw = torch.linspace(-3, 3, 5)
    together = early_fir(field, yaw, hrtf, 2400)
    assert_array_equal(together[2], torch.zeros(2, 2400))
    for row in range(5):
        alone = early_fir(FieldSample(*(part[row : row + 1] for part in field)), yaw[row : row + 1], hrtf, 2400)
        assert_array_equal(alone[0], together[row])
