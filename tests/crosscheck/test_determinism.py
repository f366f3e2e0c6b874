"""Sheet test 28: the same seed gives the same bits, whatever else is in the batch, in which order, how often."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from avi_env.acoustics import bake_field, load_hrtf, trace_echogram
from avi_env.acoustics.binaural import paths_to_fir
from avi_env.acoustics.clip_bank import ClipBank
from avi_env.acoustics.discrete import discrete_paths
from avi_env.acoustics.early import early_fir
from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.path_tracer import trace_decay
from avi_env.acoustics.path_walk import PathBudget
from avi_env.acoustics.stream import FOREVER, Playback, render_step, start_stream
from avi_env.acoustics.wavefront import WavefrontBank
from avi_env.scene import Material, Scene, scene_from_mesh, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.sounds import make_clip

RATE, COUNT, LENGTH = 16000, 4000, 2000
SOURCE = (0.8, 1.1, 1.9)
PLASTER = Material("plaster", 0.15, 0.3, 20.0)


def divided() -> Scene:
    """A room with a partition, open at one end."""
    room = shoebox((4.0, 2.6, 3.0), PLASTER)
    part = shoebox((0.12, 2.6, 2.0), PLASTER)
    vertices = np.concatenate([room.vertices, part.vertices + np.float32([2.0, 0.0, 0.0])])
    triangles = np.concatenate([room.triangles, part.triangles[:, ::-1] + len(room.vertices)])
    return scene_from_mesh(vertices, triangles, PLASTER)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Two scenes that share nothing."""
    return [divided(), shoebox((3.0, 2.4, 3.5), Material("wall", 0.3, 0.5, 40.0))]


def test_tracing_repeats_itself(scenes: list[Scene], device: str) -> None:
    """Echograms and decays are the same bits after other work; another seed gives others."""
    budget = PathBudget(600, 0.3, 1e-3)
    listener = (3.2, 1.3, 0.8)
    first = trace_echogram(scenes[0], SOURCE, listener, seed=3, budget=budget, device=device).energy
    trace_echogram(scenes[1], SOURCE, (2.0, 1.0, 1.0), seed=4, budget=budget, device=device)
    again = trace_echogram(divided(), SOURCE, listener, seed=3, budget=budget, device=device).energy
    assert_array_equal(first, again)
    assert np.any(first != trace_echogram(scenes[0], SOURCE, listener, seed=4, budget=budget, device=device).energy)
    assert_array_equal(*(trace_decay(scenes[0], SOURCE, seconds=0.2, path_count=200) for _ in range(2)))


def test_baking_repeats_itself(scenes: list[Scene], device: str) -> None:
    """A bake gives the same bits in whatever order it is made, in a scene built anew, and from the cache."""
    places = [(scenes[0], SOURCE), (scenes[1], (1.0, 1.2, 1.4)), (scenes[0], (3.1, 1.4, 2.4))]
    ask = {"seed": 5, "path_count": 300, "device": device}
    forth = [bake_field(scene, place, cached=False, **ask) for scene, place in places]
    back = [bake_field(scene, place, cached=False, **ask) for scene, place in places[::-1]][::-1]
    anew = bake_field(divided(), SOURCE, cached=False, **ask)
    kept = bake_field(scenes[0], SOURCE, **ask)
    pairs = [*zip(forth, back, strict=True), (forth[0], anew), (forth[0], kept)]
    for one, two in pairs:
        for name in ("early", "late", "first_arrival", "cells"):
            assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
        assert_array_equal(one.wavefront.length, two.wavefront.length)
    assert np.any(forth[0].early != bake_field(scenes[0], SOURCE, cached=False, **{**ask, "seed": 6}).early)


class Row(NamedTuple):
    """One environment: its scene and source, its clip, and where its listener is in three steps."""

    scene: int
    source: tuple[float, float, float]
    clip: str
    ears: np.ndarray
    yaw: np.ndarray


def rows() -> list[Row]:
    """Five environments; two share everything but the listener."""
    rng = np.random.default_rng(0)
    kinds = [
        (0, SOURCE, "phone"),
        (1, (1.0, 1.2, 1.4), "alarm_clock"),
        (0, SOURCE, "phone"),
        (1, (2.0, 1.0, 0.9), "phone"),
        (0, (3.1, 1.4, 2.4), "alarm_clock"),
    ]
    return [
        Row(*kind, rng.uniform((0.4, 1.25, 0.4), (1.9, 1.25, 2.6), (3, 3)) + 0.02 * k, rng.uniform(-3, 3, 3))
        for k, kind in enumerate(kinds)
    ]


def heard(scenes: list[Scene], chosen: list[Row], device: str) -> dict[str, list[np.ndarray]]:
    """What the rows of one batch hear in three steps: look-ups, responses and sound, per row."""
    count = len(chosen)
    bank, head = SceneBank(scenes, device), load_hrtf("kemar", sample_rate=RATE)
    fields, waves, clips = FieldBank(count, device), WavefrontBank(count, device), ClipBank(count, 1, RATE, device)
    for row, one in enumerate(chosen):
        field = bake_field(scenes[one.scene], one.source, path_count=300, device="cpu")
        fields.set_row(row, field)
        waves.set_row(row, field.wavefront)
        clips.set_clip(row, make_clip(one.clip))
    playback = Playback(
        torch.zeros(count, 1, dtype=torch.int64, device=device), torch.full((count, 1), FOREVER, device=device),
        torch.ones(count, 1, device=device),
    )  # fmt: skip
    index = torch.tensor([one.scene for one in chosen], device=device)
    source = torch.tensor([one.source for one in chosen], dtype=torch.float64, device=device)
    numbers, state = torch.arange(count, device=device), start_stream(clips, LENGTH)
    parts: dict[str, list[torch.Tensor]] = {"paths": [], "early": [], "late": [], "fir": [], "sound": []}
    for step in range(3):
        ears = torch.tensor(np.array([one.ears[step] for one in chosen]), dtype=torch.float32, device=device)
        yaw = torch.tensor([float(one.yaw[step]) for one in chosen], dtype=torch.float32, device=device)
        sample = fields.lookup(
            ears, lambda cells, ears=ears: ~bank.occluded(index, ears[:, None].expand_as(cells), cells)
        )
        paths = discrete_paths(bank, waves, numbers, index, source, ears)
        fir = paths_to_fir(paths, yaw, head, LENGTH) + early_fir(sample, yaw, head, LENGTH)
        clock = torch.full((count,), COUNT * step, device=device)
        sound, state = render_step(state, clips, playback, clock, fir, sample.late, sample.first_arrival, COUNT)
        for name, value in zip(parts, (paths.gain, sample.early, sample.late, fir, sound), strict=True):
            parts[name].append(value)
    return {name: list(torch.stack(values, dim=1).cpu().numpy()) for name, values in parts.items()}


def test_rows_do_not_depend_on_the_batch(scenes: list[Scene], device: str) -> None:
    """Paths, look-ups, responses and three steps of sound: the same bits alone, among five, reversed, and again."""
    all_rows = rows()
    together = heard(scenes, all_rows, device)
    assert min(float(np.abs(sound).max()) for sound in together["sound"]) > 0.0
    orders = [[4, 3, 2, 1, 0], [0, 1, 2, 3, 4], *([k] for k in range(5)), [2, 4, 4]]
    for order in orders:
        batch = heard(scenes, [all_rows[k] for k in order], device)
        for name, values in batch.items():
            for place, k in enumerate(order):
                assert_array_equal(values[place], together[name][k], err_msg=f"{name} of row {k} in batch {order}")
