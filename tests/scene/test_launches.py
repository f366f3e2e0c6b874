"""Recorded launches keep nothing alive: neither the tensors of the first call nor what structs point to."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import torch

from avi_env.acoustics.field_bank import FieldBank
from avi_env.acoustics.wavefront_bank import WavefrontBank, diffracted_paths
from avi_env.scene import shoebox
from avi_env.scene.bank import SceneBank
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
