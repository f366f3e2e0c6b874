"""What rows hear is set at the cost of one row, shared where equal, freed when nobody hears it, and never mixed up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from test_kernel_twins_ears import random_field

from avi_env.acoustics.field import SourceField, WavefrontField
from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.field_store import prepare_field
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths, prepare_wavefront

ROWS = 10


def random_wavefront(rng: np.random.Generator, columns: tuple[int, int]) -> WavefrontField:
    """A wavefront of random bends over a grid with holes."""
    reached = rng.random(columns) < 0.8
    length = np.where(reached, rng.uniform(8.0, 20.0, columns), np.inf).astype(np.float32)
    bend, first = (rng.integers(0, 4, (*columns, 2)).astype(np.float32) for _ in range(2))
    count = rng.integers(0, 3, columns).astype(np.int32)
    return WavefrontField((1.0, 2.0), (0.0, -1.0), 0.5, 1.2, length, bend, first, count, length, (0.0, 2.5))


def fields_of(rng: np.random.Generator) -> list[SourceField]:
    """Six fields of different sizes."""
    sizes = [(3, 3), (6, 5), (4, 7), (9, 9), (2, 12), (5, 5)]
    return [replace(random_field(rng, size, 2), wavefront=random_wavefront(rng, size)) for size in sizes]


def heard(fields: FieldBank, waves: WavefrontBank, rows: torch.Tensor, rng: np.random.Generator) -> list[torch.Tensor]:
    """Look-ups and bent paths at random places, one for each row asked."""
    place = torch.tensor(rng.uniform((0.5, 1.0, -2.6), (4.2, 1.5, 1.6), (len(rows), 3)), dtype=torch.float32)
    source = torch.tensor(rng.uniform(0.5, 2.0, (len(rows), 3)), dtype=torch.float32)
    rows, place, source = (tensor.to(fields.device) for tensor in (rows, place, source))
    blocked = torch.ones(len(rows), dtype=torch.bool, device=fields.device)
    parts = (*fields.lookup(place, rows=rows), *diffracted_paths(waves, rows, source, place, blocked))
    return [part.cpu() for part in parts]


def test_neither_history_nor_other_rows_matter(device: str) -> None:
    """After 400 random settings each row hears, bit for bit, what it hears in banks of its own; silence is silent."""
    rng, target = np.random.default_rng(0), torch.device(device)
    kinds = fields_of(rng)
    fields, waves = FieldBank(ROWS, device), WavefrontBank(ROWS, device)
    now: list[SourceField | None] = [None] * ROWS
    for row in range(ROWS):
        fields.set_row(row, None)
    for turn in range(400):
        row, kind = int(rng.integers(ROWS)), kinds[int(rng.integers(len(kinds)))]
        now[row] = None if rng.random() < 0.2 else kind
        if rng.random() < 0.5:
            prepare_field(kind, target)
            prepare_wavefront(kind.wavefront, target)
        fields.set_row(row, now[row])
        waves.set_row(row, None if now[row] is None else kind.wavefront)
        if turn % 50 == 49:
            found = heard(fields, waves, torch.arange(ROWS), np.random.default_rng(turn))
            for number, field in enumerate(now):
                alone, silent = FieldBank(ROWS, device), WavefrontBank(ROWS, device)
                for other in range(ROWS):
                    alone.set_row(other, field)
                    silent.set_row(other, None if field is None else field.wavefront)
                expected = heard(alone, silent, torch.arange(ROWS), np.random.default_rng(turn))
                for one, other_part in zip(found, expected, strict=True):
                    assert_array_equal(one[number], other_part[number])
    assert not torch.isnan(found[0]).any()


def test_memory_stays_over_hundreds_of_settings(device: str) -> None:
    """Six hundred settings later the tables are as large as ten of the largest fields need, doubled at most."""
    rng = np.random.default_rng(1)
    kinds = fields_of(rng)
    fields, waves = FieldBank(ROWS, device), WavefrontBank(ROWS, device)
    largest = max(len(kind.cells) for kind in kinds)
    for turn in range(600):
        kind = replace(kinds[turn % len(kinds)], source=(float(turn), 1.0, 0.0))  # never the same one twice
        fields.set_row(int(rng.integers(ROWS)), kind)
        waves.set_row(int(rng.integers(ROWS)), replace(kind.wavefront, height=float(turn)))
    assert fields.memory()["early"] <= 2 * (ROWS + 1) * largest * 2 * 140
    assert waves.memory()["index"] <= 2 * (ROWS + 1) * 81 * 2


def test_equal_fields_are_stored_once(device: str) -> None:
    """A field that is read anew from disk is the same one: it takes no room, and frees none while one row hears it."""
    first = random_field(np.random.default_rng(3), (6, 5), 2)
    again = replace(first, early=first.early.copy())
    bank = FieldBank(3, device)
    bank.set_row(0, first)
    size = bank.memory()
    for row in (1, 2, 0):
        bank.set_row(row, again)
    assert bank.memory() == size
    place = torch.tensor([[1.3, 1.2, -1.4]], device=device)
    before = bank.lookup(place, rows=torch.tensor([2], device=device)).late
    for row in (0, 1):
        bank.set_row(row, None)
    assert_array_equal(bank.lookup(place, rows=torch.tensor([2], device=device)).late.cpu(), before.cpu())
    assert not bank.lookup(place, rows=torch.tensor([0], device=device)).late.any()


def test_rows_that_are_not_there_are_told() -> None:
    """Of both banks."""
    for bank in (FieldBank(2), WavefrontBank(2)):
        for row in (-1, 2):
            with pytest.raises(IndexError, match=f"row {row} is not one of this bank's 2"):
                bank.set_row(row, None)
