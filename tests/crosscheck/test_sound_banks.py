"""What rows hear is set at the cost of one row, shared where equal, freed when nobody hears it, and never mixed up."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from test_kernel_twins_ears import random_field

from avi_env.acoustics.clip_bank import ClipBank, ClipRows
from avi_env.acoustics.emitter import Emitter
from avi_env.acoustics.emitter_bank import EmitterBank
from avi_env.acoustics.field import SourceField, WavefrontField
from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.field_store import prepare_field
from avi_env.acoustics.paths import silent_paths
from avi_env.acoustics.stream import Playback, render_step, start_stream
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths, prepare_wavefront
from avi_env.sounds import Clip
from avi_env.sounds.schedule import ALWAYS, NEVER_ENDING, Schedule

ROWS, RATE = 10, 16000


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


def clip(seed: int, seconds: float = 0.1) -> Clip:
    """Noise of its own."""
    rng = np.random.default_rng(seed)
    return Clip("noise", rng.standard_normal(round(seconds * RATE)).astype(np.float32), 94.0, RATE)


def test_clips_come_and_go_without_touching_others(device: str) -> None:
    """Through 80 settings each row plays its own clip; places of forgotten clips are used again; memory is bounded."""
    rng, bank = np.random.default_rng(4), ClipBank(4, 1, RATE, device, spare_bytes=0)
    made = [bank.prepare(clip(seed)) for seed in range(5)]
    bank.set_clip(0, made[0])
    size, playing = bank.nbytes, {0: 0}
    for _ in range(80):
        row, seed = int(rng.integers(4)), int(rng.integers(6))
        playing[row] = seed
        bank.set_clip(row, made[seed] if seed < 5 else None)
        different = {seed for seed in playing.values() if seed < 5}
        assert bank.nbytes <= len(different) * size
        slots = [int(bank.slot[row, 0]) for row in range(4)]
        assert all((slots[row] < 0) == (playing.get(row, 5) == 5) for row in range(4))
        assert len({slot for slot in slots if slot >= 0}) == len(different)
    assert len(bank.structs) <= 8
    own = ClipBank(1, 1, RATE, device)
    for row, seed in playing.items():
        if seed < 5:
            own.set_clip(0, made[seed])
            ours, alone = bank.select(torch.tensor([row], device=bank.device)), own.select(own.slot.new_zeros(1).long())
            for one, other in zip(played(ours), played(alone), strict=True):
                assert_array_equal(one, other)


def played(clips: ClipRows) -> list[torch.Tensor]:
    """A second of a clip through a constant response, with its reverberation."""
    device = clips.device
    state = start_stream(clips, 64)
    fir = torch.zeros(1, 1, 2, 64, device=device)
    fir[..., 3] = 1.0
    late, clock = torch.full((1, 1, 12, 7), 0.1, device=device), torch.zeros(1, dtype=torch.int64, device=device)
    onset = torch.zeros(1, 1, 1, dtype=torch.int64, device=device)
    playback = Playback(onset, torch.full_like(onset, NEVER_ENDING), torch.ones(1, 1, 1, device=device))
    audio, _ = render_step(state, clips, playback, clock, fir, late, torch.zeros(1, 1, device=device), RATE)
    return [audio.cpu()]


def test_a_clip_that_is_made_ready_twice_is_there_once(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Episodes that wait share the clips they will play, before any row plays them; what nobody holds any more goes."""
    monkeypatch.setenv("AVI_CACHE", "off")
    bank = ClipBank(2, 1, RATE, device, spare_bytes=0)
    first = bank.prepare(clip(7))
    assert bank.prepare(clip(7)).stored is first.stored
    bank.set_clip(0, first)
    assert bank.prepare(clip(7)).stored is first.stored
    bank.set_clip(0, None)
    gone = weakref.ref(first.stored)
    del first
    assert gone() is None
    assert len(bank.structs) == 1


def test_emitters_do_not_depend_on_what_was_in_other_places(device: str) -> None:
    """After 200 settings each place has the pose, loudness and pattern of its emitter alone, and the traits count."""
    rng, target = np.random.default_rng(6), torch.device(device)
    sound = clip(1)
    path = np.array([[0.0, 1.0, 0.0], [2.0, 1.0, 0.0], [2.0, 1.0, 3.0]], dtype=np.float32)
    here = np.array([1.0, 1.0, 2.0], dtype=np.float32)
    kinds = [
        None,
        Emitter(sound, here, gain_db=-6.0),
        Emitter(sound, 2.0 * here, yaw=1.0, directivity="cardioid"),
        Emitter(sound, path, times=np.array([0.0, 2.0, 5.0])),
        Emitter(sound, here, schedule=Schedule(on=0.5, off=0.7, count=3)),
    ]
    bank, count = EmitterBank(6, RATE, target), 6
    for turn in range(200):
        bank.set_emitter(int(rng.integers(count)), kinds[int(rng.integers(len(kinds)))])
        if turn % 40 != 39:
            continue
        known = [emitter for emitter in bank.emitters if emitter is not None]
        assert bank.traits.gaps == (len(known) < count)
        assert bank.traits.directional == any(not emitter.pattern.is_omni for emitter in known)
        assert bank.traits.moving == any(emitter.moves for emitter in known)
        assert bank.traits.always == all(emitter.schedule == ALWAYS for emitter in known)
        for place, emitter in enumerate(bank.emitters):
            if emitter is not None:
                alone = EmitterBank(1, RATE, target)
                alone.set_emitter(0, emitter)
                for one, other in zip(told(bank, place, target), told(alone, 0, target), strict=True):
                    assert_array_equal(one, other)


def told(bank: EmitterBank, place: int, device: torch.device) -> list[torch.Tensor]:
    """What a bank tells of the emitter in a place at 3.1 s."""
    where, clock = torch.tensor([place], device=device), torch.tensor([round(3.1 * RATE)], device=device)
    pose = bank.poses(where, clock)
    paths = silent_paths(1, 2, device)._replace(gain=torch.ones(1, 2, 7, device=device))
    sound = bank.playback(where[:, None], clock[:, None])
    parts = [pose, bank.power(where), bank.aimed(where, pose[:, 3], paths).gain]
    # With other schedules around there may be more emissions, none of which plays.
    return [part.cpu() for part in (*parts, sound.gain.sum(dim=-1), sound.onset[..., 0])]
