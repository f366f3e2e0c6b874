"""Scenes come and go in a bank, and what a row sees and hears depends neither on the slot nor on what was there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from avi_env.acoustics.discrete import discrete_paths
from avi_env.scene import Scene, generate_house, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Texture
from avi_env.vision import Camera, render_views

CAMERA = Camera(24, 24, 90.0)


def textured(size: float) -> Scene:
    """A box with a photograph on one of its materials."""
    box = shoebox((size, 3.0, 4.0))
    image = np.random.default_rng(int(10 * size)).integers(0, 255, (16, 8, 3)).astype(np.uint8)
    uv = np.random.default_rng(1).random((len(box.triangles), 3, 2)).astype(np.float32)
    return replace(box, uv=uv, textures=(Texture("photograph", image),), material_texture=(0,) * len(box.materials))


def colored(size: float) -> Scene:
    """A box with colours at its corners."""
    box = shoebox((size, 3.0, 4.0), material="brick")
    colors = np.random.default_rng(2).integers(0, 255, (len(box.vertices), 3)).astype(np.uint8)
    return replace(box, vertex_color=colors)


def perceived(bank: SceneBank, slot: int) -> list[torch.Tensor]:
    """What is seen and heard in the scene of a slot: pictures of both qualities and sound paths."""
    index = torch.full((2,), slot, dtype=torch.int32, device=bank.device)
    place = torch.tensor([[2.0, 1.4, 2.0], [1.2, 1.2, 2.7]], device=bank.device)
    yaw = torch.tensor([0.3, 2.0], device=bank.device)
    found = [
        image
        for quality in ("fast", "shadows")
        for image in render_views(bank, index, place, yaw, CAMERA, quality=quality).values()
    ]
    source = torch.tensor([[2.6, 1.0, 1.1], [3.1, 1.6, 3.0]], device=bank.device)
    return [part.cpu() for part in (*found, *discrete_paths(bank, None, None, index, source, place))]


def test_neither_slot_nor_history_matters(device: str) -> None:
    """After 50 random arrivals and departures every scene is seen and heard bit for bit as alone in a bank."""
    scenes = [
        generate_house(seed=0, rooms=2),
        generate_house(seed=3, rooms=3),
        shoebox((4.0, 3.0, 5.0)),
        textured(4.0),
        textured(5.0),
        colored(4.0),
        shoebox((6.0, 3.0, 4.0), material="glass"),
    ]
    alone = [perceived(SceneBank([scene], device), 0) for scene in scenes]
    rng, bank = np.random.default_rng(5), SceneBank([scenes[2], scenes[0]], device)
    held = {0: 2, 1: 0}
    for turn in range(50):
        if len(held) > 1 and (len(held) == 5 or rng.random() < 0.4):
            slot = int(rng.choice(sorted(held)))
            bank.drop(slot)
            del held[slot]
        else:
            scene = int(rng.integers(len(scenes)))
            held[bank.put(scenes[scene])] = scene
        if turn % 10 == 9:
            for slot, scene in held.items():
                for known, now in zip(alone[scene], perceived(bank, slot), strict=True):
                    assert_array_equal(now, known)
    assert [scene is not None for scene in bank.scenes] == [slot in held for slot in range(len(bank))]


def test_freed_slots_and_rows_are_used_again(device: str) -> None:
    """A bank through which a hundred scenes of one size pass stays as large as it was with two of them."""
    bank = SceneBank([shoebox((4.0, 3.0, 5.0)), shoebox((5.0, 3.0, 5.0))], device)
    perceived(bank, 0)
    size, tables = bank.nbytes, bank.memory()
    for number in range(100):
        slot = number % 2
        bank.drop(slot)
        assert bank.put(shoebox((4.0 + slot, 3.0, 5.0))) == slot
        if number % 20 == 0:
            perceived(bank, slot)
    assert bank.memory() == tables
    assert size == sum(tables.values())
    assert {"triangle_normal", "triangle_grid", "light", "absorption", "edge_start"} <= tables.keys()


def test_slots_without_a_scene_are_told() -> None:
    """Dropping what is not there, and asking for a free slot or one that never was, are errors that name the slots."""
    bank = SceneBank([shoebox((4.0, 3.0, 5.0)), shoebox((5.0, 3.0, 5.0))])
    bank.drop(0)
    for wrong in (0, 2, -1):
        with pytest.raises(ValueError, match=rf"slot {wrong} of the bank holds no scene: scenes are in 1 of slots 0"):
            bank.drop(wrong)
        with pytest.raises(ValueError, match="scene_index"):
            render_views(bank, torch.tensor([1, wrong]), torch.ones(2, 3), torch.zeros(2), CAMERA)
        with pytest.raises(ValueError, match="scene_index"):
            discrete_paths(bank, None, None, torch.tensor([wrong]), torch.ones(1, 3), 2.0 * torch.ones(1, 3))
    assert bank.scene(1) is bank.scenes[1]
    assert bank.scenes[0] is None


def test_a_dropped_scene_is_let_go() -> None:
    """Neither the bank nor its tables keep a scene alive that has left."""
    import gc
    import weakref

    bank = SceneBank([shoebox((4.0, 3.0, 5.0)), shoebox((5.0, 3.0, 5.0))])
    perceived(bank, 1)
    ghost = weakref.ref(bank.scene(1))
    bank.drop(1)
    gc.collect()
    assert ghost() is None
