"""Many sources baked at once are, to the bit, the same sources baked alone, whatever the order and the threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from avi_env.acoustics import bake, bake_field
from avi_env.acoustics.bake import BakeRequest, bake_fields
from avi_env.acoustics.cell_tracer import trace_sources
from avi_env.acoustics.field import SourceField
from avi_env.scene import Material, Scene, shoebox

PATHS = 300


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """A live room and a dull one, whose decays are traced for different times, with walls that let sound through."""
    walls = (Material("stone", 0.05, 0.3, 25.0), Material("felt", 0.5, 0.6, 15.0))
    return [shoebox((4.0, 2.6, 3.0), walls[0]), shoebox((3.0, 2.4, 3.5), walls[1])]


@pytest.fixture(scope="module")
def requests(scenes: list[Scene]) -> list[BakeRequest]:
    """Sources in both, with different numbers of paths, seeds and patterns."""
    return [
        BakeRequest(scenes[0], (0.8, 1.1, 1.9), path_count=PATHS),
        BakeRequest(scenes[1], (1.0, 1.2, 1.4), path_count=2 * PATHS, seed=3),
        BakeRequest(scenes[0], (3.1, 1.4, 2.4), path_count=PATHS, directivity="cardioid", yaw=0.7),
        BakeRequest(scenes[1], (2.0, 1.0, 2.5), path_count=PATHS // 2, ear_height=1.6),
    ]


def alone(request: BakeRequest, device: str) -> SourceField:
    """One bake, without any cache."""
    return bake_fields([request], device=device, cached=False)[0]


def assert_same(actual: SourceField, expected: SourceField) -> None:
    """Equal to the bit."""
    for name in ("early", "late", "cells", "cell_index", "first_arrival"):
        one, other = getattr(actual, name), getattr(expected, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, err_msg=name)
    np.testing.assert_array_equal(actual.wavefront.length, expected.wavefront.length)


def test_many_are_each_as_if_alone(requests: list[BakeRequest], device: str) -> None:
    """In one go, in reverse, and with one asked for twice."""
    expected = [alone(request, device) for request in requests]
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 2, 0)):
        for number, field in zip(
            order, bake_fields([requests[k] for k in order], device=device, cached=False), strict=True
        ):
            assert_same(field, expected[number])
    assert np.any(expected[0].early != expected[2].early[: len(expected[0].early)])


def test_parts_and_threads_change_nothing(
    requests: list[BakeRequest], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what fits into memory at one time, nor the number of threads."""
    expected = [alone(request, device) for request in requests]
    monkeypatch.setattr(bake, "_TRACED_BYTES", 1)
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            for field, other in zip(bake_fields(requests, device=device, cached=False), expected, strict=True):
                assert_same(field, other)
    finally:
        torch.set_num_threads(before)


def test_launch_of_many_is_that_of_each(requests: list[BakeRequest], device: str) -> None:
    """The kernel itself, on every device: sources share a launch, not their histograms."""
    orders = [bake._checked(request, device) for request in requests]
    tasks = [bake._task((order, bake._wavefront(order))) for order in orders]
    for task, raw in zip(tasks, trace_sources(tasks, device=device), strict=True):
        (single,) = trace_sources([task], device=device)
        np.testing.assert_array_equal(raw.early, single.early)
        np.testing.assert_array_equal(raw.late, single.late)
        assert raw.late.shape == (len(task.listeners.points), task.late_bins, 7)
        assert raw.early[..., 0].sum() > 0.0
    assert trace_sources([], device=device) == []


def test_cache_holds_each_of_many(requests: list[BakeRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is found again alone, in memory and on disk; only what is missing is traced."""
    monkeypatch.setenv("AVI_CACHE", str(tmp_path))
    monkeypatch.setattr(bake, "_fields", type(bake._fields)())
    traced: list[int] = []
    plain = bake.trace_sources
    monkeypatch.setattr(bake, "trace_sources", lambda tasks, **k: traced.append(len(tasks)) or plain(tasks, **k))
    first = bake_field(requests[2].scene, requests[2].source, path_count=PATHS, directivity="cardioid", yaw=0.7)
    assert sum(traced) == 1
    fields = bake_fields([*requests, requests[1]])
    assert sum(traced) == len(requests)
    assert fields[2] is first
    assert fields[1] is fields[4]
    assert len(list((tmp_path / "bakes").glob("*.arrays"))) == len(requests)
    bake._fields.clear()
    for field, again in zip(fields, bake_fields(requests), strict=False):
        assert_same(again, field)
    assert sum(traced) == len(requests)


def test_wrong_requests_are_named(scenes: list[Scene]) -> None:
    """One bad source among good ones is an error before anything is traced."""
    with pytest.raises(ValueError, match="outside"):
        bake_fields([BakeRequest(scenes[0], (1.0, 1.0, 1.0)), BakeRequest(scenes[0], (9.0, 1.0, 1.0))])
    assert bake_fields([]) == []
