"""Scenes are made ready in the background: to put them into a bank builds nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from numpy.testing import assert_array_equal

from avi_env.acoustics.discrete import discrete_paths
from avi_env.envs.config import EnvConfig
from avi_env.envs.scene_ahead import prepare_scene
from avi_env.navigation import GridBank, walkable_grid
from avi_env.scene import Scene, generate_house, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.model import DERIVED
from avi_env.vision import Camera, render_views


def used(bank: SceneBank, slot: int, scene: Scene) -> list[torch.Tensor]:
    """What an environment asks of a scene: pictures, sound paths, a grid."""
    GridBank([walkable_grid(scene, 0.2, 1.5)], bank.device)
    index = torch.tensor([slot], device=bank.device)
    place, ears = torch.tensor([[[2.0, 1.4, 2.0]], [[2.6, 1.0, 1.1]]], device=bank.device)
    images = render_views(bank, index, place, torch.zeros(1, device=bank.device), Camera(16, 16, 90.0))
    return [part.cpu() for part in (*images.values(), *discrete_paths(bank, None, None, index, place, ears))]


def test_a_prepared_scene_needs_nothing_more(device: str) -> None:
    """Prepared by threads side by side, scenes are seen and heard as without; nothing is derived after the put."""
    config, seeds = EnvConfig(device=device), range(3)
    plain = [used(SceneBank([scene], device), 0, scene) for scene in (generate_house(seed=k, rooms=2) for k in seeds)]
    scenes = [generate_house(seed=k, rooms=2) for k in seeds]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda scene: prepare_scene(scene, config), scenes))
    bank = SceneBank([shoebox((4.0, 3.0, 5.0))], device)
    for scene, expected in zip(scenes, plain, strict=True):
        ahead = set(scene.__dict__[DERIVED])
        found = used(bank, bank.put(scene), scene)
        assert set(scene.__dict__[DERIVED]) <= ahead
        for known, now in zip(expected, found, strict=True):
            assert_array_equal(now, known)


@pytest.mark.parametrize(("sensors", "kept"), [(("pose",), 2), (("pose", "depth"), 3)])
def test_what_is_not_asked_for_is_not_built(sensors: tuple[str, ...], kept: int) -> None:
    """Without pictures no light is baked; without sound no edge is looked for."""
    scene = shoebox((4.0, 3.0, 5.0))
    prepare_scene(scene, EnvConfig(sensors=sensors))
    assert len(scene.__dict__[DERIVED]) == kept
