"""Recorded launches keep nothing alive: neither the tensors of the first call nor what structs point to."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import torch
import warp as wp

from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths
from avi_env.scene import launches, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.launches import launch
from avi_env.vision import Camera, render_views


def test_what_was_launched_with_is_let_go(device: str) -> None:
    """After a view, a look-up and a sound path their tensors and tables are gone, although sizes were never seen."""
    count = 37
    bank, fields = SceneBank([shoebox((4.0, 3.0, 5.0))], device), FieldBank(1, device, silent=True)
    waves = WavefrontBank(1, device)
    places = torch.ones(count, 3, device=device)
    rows = torch.zeros(count, dtype=torch.int64, device=device)
    images = render_views(bank, rows, places, torch.zeros(count, device=device), Camera(3, 3, 90.0))
    sample = fields.lookup(places, rows=rows)
    paths = diffracted_paths(waves, rows, places, 2.0 * places, rows > 0)
    ghosts: list[weakref.ref[Any]] = [
        weakref.ref(one) for one in (places, rows, *images.values(), *sample, *paths, bank.triangle_normal)
    ]
    ghosts += [weakref.ref(bank), weakref.ref(fields._store.arrays.cells)]
    del bank, fields, waves, places, rows, images, sample, paths
    gc.collect()
    assert [number for number, ghost in enumerate(ghosts) if ghost() is not None] == []


def test_threads_that_launch_first_at_a_time_share_the_code() -> None:
    """Four threads meet at a kernel that nobody has launched: it is loaded once, and runs in each of them."""
    for number in range(4):
        kernel = doubling(float(number + 2))
        barrier, found = threading.Barrier(4), []

        def first(kernel: Any = kernel, barrier: threading.Barrier = barrier, found: list[Any] = found) -> None:
            out = torch.zeros(64)
            barrier.wait()
            launch(kernel, (64,), [torch.ones(64), out], out.device)
            found.append((launches._recorded.commands[kernel, (64,), out.device]._code, out))

        threads = [threading.Thread(target=first) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(code) for code, _ in found}) == 1
        for _, out in found:
            np.testing.assert_array_equal(out.numpy(), number + 2.0)


def doubling(factor: float) -> Any:
    """A kernel in a module of its own."""
    by = wp.constant(factor)

    @wp.kernel(module="unique", enable_backward=False)
    def multiply(values: wp.array[wp.float32], values_out: wp.array[wp.float32]) -> None:  # type: ignore[no-untyped-def, unused-ignore]
        i = wp.tid()
        values_out[i] = by * values[i]

    return multiply
