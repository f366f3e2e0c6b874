"""Trace and shade in one kernel: the picture of Embree and the shading kernel, whatever the outputs and features."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import warp as wp

from avi_env.scene import Material, Scene, Texture, generate_house, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.vision import Camera, render_views
from avi_env.vision.camera import view_basis
from avi_env.vision.fused import Features, fused_images, view_kernel
from avi_env.vision.render import OUTPUTS

CAMERA = Camera(width=37, height=29, hfov=95.0, pitch=-0.2)  # no multiple of a tile
SUBSETS = [("depth",), ("rgb", "depth")]  # each set is a kernel of its own to compile
MARKS = {"rgb": (torch.uint8, (3,), 201), "depth": (torch.float32, (1,), -7.0), "semantic": (torch.int32, (), -77)}


@cache
def scenes() -> tuple[Scene, Scene, Scene]:
    """A room without a wall, so that the sky is seen; one with a texture; one with colours at its corners."""
    sides = {"floor": "wood_floor", "ceiling": "plaster", "west": "brick", "east": "wallpaper", "north": "ceramic_tile"}
    plain = shoebox((5.0, 2.8, 4.0), material={**sides, "south": "marble"})
    opened = replace(
        plain,
        triangles=plain.triangles[2:],
        triangle_material=plain.triangle_material[2:],
        triangle_object=plain.triangle_object[2:],
    )
    box, rng = shoebox((3.0, 2.5, 3.0), material=Material("paper", color=(0.7, 0.7, 0.7))), np.random.default_rng(0)
    image = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    uv = rng.uniform(0.0, 2.0, (len(box.triangles), 3, 2)).astype(np.float32)
    own = tuple(0 for _ in box.materials)
    textured = replace(box, uv=uv, textures=(Texture("noise", image, ("repeat", "clamp")),), material_texture=own)
    return opened, textured, replace(box, vertex_color=rng.integers(0, 256, (len(box.vertices), 3), dtype=np.uint8))


def poses(count: int, kinds: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views into the first few scenes in turn."""
    rng = np.random.default_rng(5)
    index = torch.arange(count, dtype=torch.int32) % kinds
    position = torch.from_numpy(rng.uniform(0.4, 2.2, (count, 3)).astype(np.float32))
    return index, position, torch.from_numpy(rng.uniform(-3, 3, count).astype(np.float32))


def marked(count: int, outputs: tuple[str, ...], device: str) -> dict[str, torch.Tensor]:
    """Images in which every pixel holds what no picture does."""
    size = (count, CAMERA.height, CAMERA.width)
    return {
        name: torch.full((*size, *rest), mark, dtype=dtype, device=device)
        for name, (dtype, rest, mark) in MARKS.items()
        if name in outputs
    }


def fused(
    bank: SceneBank, views: tuple[torch.Tensor, ...], outputs: tuple[str, ...], quality: str
) -> dict[str, torch.Tensor]:
    """What the kernel draws, on the host."""
    index, position, yaw = (part.to(bank.device) for part in views)
    images = marked(len(index), outputs, str(bank.device))
    fused_images(bank, index, position, view_basis(yaw, CAMERA), CAMERA, images, quality)
    return {name: image.cpu() for name, image in images.items()}


def assert_same_picture(actual: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Equal but for pixels on an edge between two surfaces; colours within one step of 8 bits."""
    if "semantic" in actual:
        assert (actual["semantic"] == expected["semantic"]).float().mean() > 0.998
    if "depth" in actual:
        near = (actual["depth"] - expected["depth"]).abs() < 1e-4 * (1.0 + expected["depth"])
        assert near.float().mean() > 0.998
        assert (actual["depth"] == 0.0).equal(expected["depth"] == 0.0)
    if "rgb" in actual:
        step = (actual["rgb"].int() - expected["rgb"].int()).abs().amax(dim=-1)
        assert (step <= 1).float().mean() > 0.997


@pytest.mark.parametrize(("kinds", "quality"), [(1, "fast"), (2, "shadows"), (3, "fast")])
def test_same_picture_as_embree_and_shading(kinds: int, quality: str, device: str) -> None:
    """Rooms with the sky in view, textures, vertex colours; baked light and traced lamps."""
    views = poses(6, kinds)
    expected = render_views(SceneBank(scenes()[:kinds]), *views, CAMERA, quality=quality, backend="embree")
    actual = fused(SceneBank(scenes()[:kinds], device), views, OUTPUTS, quality)
    assert_same_picture(actual, expected)
    assert (expected["semantic"] == -1).any() == (expected["depth"] == 0.0).any()
    for name, (_, _, mark) in MARKS.items():  # misses too are written
        assert not (actual[name] == mark).all(dim=-1).any() if name == "rgb" else not (actual[name] == mark).any()


@pytest.mark.parametrize("outputs", SUBSETS, ids="+".join)
def test_each_set_of_outputs_is_part_of_all(outputs: tuple[str, ...], device: str) -> None:
    """A kernel without some outputs draws the others to the bit as the one with all of them."""
    bank, views = SceneBank(scenes(), device), poses(3, 3)
    whole, part = fused(bank, views, OUTPUTS, "fast"), fused(bank, views, outputs, "fast")
    assert list(part) == [name for name in MARKS if name in outputs]
    for name, image in part.items():
        assert image.equal(whole[name])


def test_house_and_a_scene_that_leaves(device: str) -> None:
    """In a furnished house; and when no textured or coloured scene is left, the kernel without them draws the same."""
    house = generate_house(3, rooms=2)
    bank = SceneBank((*scenes()[1:], house), device)
    room = house.rooms[0]
    middle = np.mean(np.asarray(room.polygon), axis=0)
    place = torch.tensor([[middle[0], 1.3, middle[1]]] * 3, dtype=torch.float32)
    views = (torch.full((3,), 2, dtype=torch.int32), place, torch.tensor([0.0, 2.1, 4.2]))
    before = fused(bank, views, OUTPUTS, "fast")
    expected = render_views(SceneBank((*scenes()[1:], house)), *views, CAMERA, backend="embree")
    assert_same_picture(before, expected)
    bank.drop(0)
    bank.drop(1)
    after = fused(bank, views, OUTPUTS, "fast")
    assert before["depth"].equal(after["depth"])
    assert before["semantic"].equal(after["semantic"])
    assert (before["rgb"].int() - after["rgb"].int()).abs().max() <= 1


def test_images_that_do_not_fit_are_named(device: str) -> None:
    """Of another shape or type."""
    bank, (index, position, yaw) = SceneBank(scenes()[:1], device), poses(2, 1)
    views = (index.to(device), position.to(device), view_basis(yaw.to(device), CAMERA), CAMERA)
    with pytest.raises(ValueError, match=r"depth goes to a tensor \(2, 29, 37, 1\)"):
        fused_images(bank, *views, {"depth": torch.empty((2, 29, 37), device=device)})
    with pytest.raises(ValueError, match="rgb goes to"):
        fused_images(bank, *views, {"rgb": torch.empty((2, 29, 37, 3), device=device)})


VARIANTS = (Features(False, True, False), Features(True, True, True, True, True, True))


@pytest.mark.parametrize("features", VARIANTS, ids=["depth", "everything"])
def test_variants_compile_for_cuda(features: Features, tmp_path: Path) -> None:
    """What is not asked for is not in the code: the depth camera's is a fraction of the picture's."""
    kernel = view_kernel(features)
    assert kernel is view_kernel(Features(*features))
    wp.compile_aot_module(kernel.module, arch=80, module_dir=tmp_path, use_ptx=True)
    code = next(tmp_path.glob("*.ptx")).read_text()
    assert kernel.key in code
    assert (len(code) < 60_000) == (not features.rgb), len(code)
