"""Images: batches, determinism, parity of the backends, light that stays in its room, names and errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.scene import Light, Material, Scene, SceneObject, Texture, generate_house, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.vision import Camera, draw_on_map, render, render_views, topdown_map
from avi_env.vision.lamps import lamp_table
from avi_env.vision.light_bake import bake_light

MATERIALS = {
    "floor": "wood_floor",
    "ceiling": "plaster",
    "west": "brick",
    "east": "wallpaper",
    "north": "ceramic_tile",
    "south": "marble",
}


def views(device: str, count: int = 7) -> tuple[SceneBank, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns a bank of two boxes and seeded views into them."""
    bank = SceneBank(
        (shoebox((6.0, 3.0, 4.0), material=MATERIALS), shoebox((3.0, 2.5, 3.0), material="carpet")), device
    )
    rng = np.random.default_rng(5)
    index = torch.from_numpy(rng.integers(0, 2, count).astype(np.int32))
    position = torch.from_numpy(rng.uniform(0.4, 2.2, (count, 3)).astype(np.float32))
    yaw = torch.from_numpy(rng.uniform(-3, 3, count).astype(np.float32))
    return bank, index, position, yaw


@pytest.mark.parametrize("quality", ["fast", "shadows"])
def test_a_view_does_not_depend_on_its_batch(quality: str, device: str) -> None:
    """f(x)[i] == f(x[i:i+1]), bit for bit, for every output."""
    bank, index, position, yaw = views(device)
    camera = Camera(width=40, height=32)
    together = render_views(bank, index, position, yaw, camera, quality=quality)
    for i in range(len(index)):
        alone = render_views(bank, index[i : i + 1], position[i : i + 1], yaw[i : i + 1], camera, quality=quality)
        for name, image in alone.items():
            assert_array_equal(image[0].cpu(), together[name][i].cpu())


def test_the_same_call_gives_the_same_bits(device: str) -> None:
    """Two calls, and two banks of equal scenes, give identical images."""
    camera = Camera(width=40, height=32)
    one, two = (render_views(*views(device), camera) for _ in range(2))
    for name in one:
        assert_array_equal(one[name].cpu(), two[name].cpu())


@pytest.mark.parametrize("quality", ["fast", "shadows"])
def test_pictures_do_not_depend_on_the_number_of_threads(quality: str) -> None:
    """Bands of views on 1, 2 and 5 threads, also within one view and a height that tiles do not divide."""
    camera, threads, images = Camera(width=74, height=58), torch.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            bank, index, position, yaw = views("cpu", 3)
            together = render_views(bank, index, position, yaw, camera, quality=quality)
            alone = render_views(bank, index[:1], position[:1], yaw[:1], camera, quality=quality)
            images.append((together, alone))
    finally:
        torch.set_num_threads(threads)
    for name in ("rgb", "depth", "semantic"):
        for together, alone in images:
            assert_array_equal(together[name], images[0][0][name])
            assert_array_equal(alone[name], images[0][0][name][:1])


def test_images_go_where_they_are_wanted(device: str) -> None:
    """`out` takes some or all images, which are those of a call without; what does not fit is told."""
    bank, index, position, yaw = views(device, 3)
    camera = Camera(width=10, height=7)
    expected = render_views(bank, index, position, yaw, camera)
    out = {
        "rgb": torch.full((3, 7, 10, 3), 9, dtype=torch.uint8, device=device),
        "depth": torch.full((3, 7, 10, 1), -1.0, device=device),
    }
    images = render_views(bank, index, position, yaw, camera, out=out)
    assert images["rgb"] is out["rgb"]
    assert images["depth"] is out["depth"]
    for name, image in expected.items():
        assert_array_equal(images[name].cpu(), image.cpu())
    for outputs in (("depth",), ("rgb",), ("semantic", "rgb")):  # each set of outputs is code of its own
        for name, image in render_views(bank, index, position, yaw, camera, outputs=outputs).items():
            assert_array_equal(image.cpu(), expected[name].cpu())
    for name, wrong in (("rgb", torch.float32), ("depth", torch.float64)):
        bad = {**out, name: out[name].to(wrong)}
        with pytest.raises(ValueError, match=rf"out\['{name}'\] must be contiguous"):
            render_views(bank, index, position, yaw, camera, out=bad)
    with pytest.raises(ValueError, match="shape"):
        render_views(bank, index[:2], position[:2], yaw[:2], camera, out=out)


def test_a_tie_between_surfaces_does_not_move_with_the_batch() -> None:
    """Triangles that coincide are told apart in the same way whatever else is in sight or in the batch."""
    square = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    corners = np.array([[0, 1, 2], [0, 2, 3]] * 4)
    objects = tuple(SceneObject(k, f"sheet {k}", -1, (1.0, 1.0, 0.0), (2.0, 2.0, 0.01)) for k in range(4))
    scene = Scene("sheets", square, corners, np.zeros(8), np.arange(8) // 2, (Material("any"),), objects)
    bank, camera = SceneBank((scene,)), Camera(width=32, height=32)
    rng = np.random.default_rng(3)
    place = torch.from_numpy(rng.uniform([0.2, 0.2, 0.6], [1.8, 1.8, 2.0], (9, 3)).astype(np.float32))
    yaw, index = torch.from_numpy(rng.uniform(-0.4, 0.4, 9).astype(np.float32)), torch.zeros(9, dtype=torch.int32)
    together = render_views(bank, index, place, yaw, camera, outputs=("semantic",))["semantic"]
    assert (together >= 0).float().mean() > 0.3
    for i in range(9):
        alone = render_views(bank, index[:1], place[i : i + 1], yaw[i : i + 1], camera, outputs=("semantic",))
        assert_array_equal(alone["semantic"][0], together[i])


def test_embree_and_warp_draw_the_same_picture(device: str) -> None:
    """Both camera backends agree but for pixels on an edge between two surfaces."""
    bank, index, position, yaw = views(device)
    host, *_ = views("cpu")
    camera = Camera(width=64, height=64)
    warp = render_views(bank, index, position, yaw, camera, backend="warp")
    embree = render_views(host, index, position, yaw, camera, backend="embree")
    same = (warp["semantic"].cpu() == embree["semantic"]).numpy()
    assert same.mean() > 0.999
    assert_allclose(warp["depth"].cpu()[same], embree["depth"][same], rtol=1e-5, atol=1e-5)
    colors = [images["rgb"].cpu().numpy()[same].astype(int) for images in (warp, embree)]
    assert (np.abs(colors[0] - colors[1]) <= 2).mean() > 0.999


def test_outputs_are_only_what_was_asked_for() -> None:
    """The chosen images have the shapes and types of the conventions, the others are absent."""
    bank, index, position, yaw = views("cpu", 3)
    images = render_views(bank, index, position, yaw, Camera(width=8, height=6))
    assert {k: (tuple(v.shape), v.dtype) for k, v in images.items()} == {
        "rgb": ((3, 6, 8, 3), torch.uint8),
        "depth": ((3, 6, 8, 1), torch.float32),
        "semantic": ((3, 6, 8), torch.int32),
    }
    assert list(render_views(bank, index, position, yaw, Camera(8, 6), outputs=("semantic",))) == ["semantic"]
    empty = render_views(bank, index[:0], position[:0], yaw[:0], Camera(8, 6))
    assert empty["rgb"].shape == (0, 6, 8, 3)


def test_render_takes_one_pose_or_many() -> None:
    """A pose (3,) gives images without, poses (B, 3) with a leading dimension; both the same pictures."""
    scene = shoebox((6.0, 3.0, 4.0), material=MATERIALS)
    one = render(scene, (3.0, 1.3, 2.0), 0.4, width=24, height=16)
    many = render(scene, [(1.0, 1.3, 1.0), (3.0, 1.3, 2.0)], [1.0, 0.4], width=24, height=16)
    assert one["rgb"].shape == (16, 24, 3)
    assert one["depth"].shape == (16, 24, 1)
    assert one["semantic"].shape == (16, 24)
    for name, image in one.items():
        assert_array_equal(image, many[name][1])


def test_wrong_names_and_poses_are_told() -> None:
    """Unknown qualities, images and backends name what is known; bad poses are errors."""
    scene, bank = shoebox((2, 2, 2)), SceneBank((shoebox((2, 2, 2)),))
    zero, origin, camera = torch.zeros(1), torch.ones(1, 3), Camera(4, 4)
    with pytest.raises(ValueError, match="Known: fast, shadows"):
        render(scene, (1, 1, 1), 0.0, quality="path")
    with pytest.raises(ValueError, match="Did you mean 'depth'"):
        render_views(bank, zero, origin, zero, camera, outputs=("dept",))
    with pytest.raises(ValueError, match="embree"):
        render_views(bank, zero, origin, zero, camera, backend="embre")
    with pytest.raises(ValueError, match="NaN"):
        render(scene, (1, float("nan"), 1), 0.0)
    with pytest.raises(ValueError, match="position"):
        render(scene, (1, 1), 0.0)
    with pytest.raises(ValueError, match="scene_index"):
        render_views(bank, zero + 1, origin, zero, camera)
    with pytest.raises(ValueError, match="hfov"):
        Camera(hfov=180.0)


def partitioned(lights: tuple[Light, ...]) -> Scene:
    """Returns an 8 x 3 x 4 m box with a closed wall of 0.1 m across its middle, of white plaster."""
    box = shoebox((8.0, 3.0, 4.0))
    x, y, z = np.meshgrid([3.95, 4.05], [0.0, 3.0], [0.0, 4.0], indexing="ij")
    corners = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    faces = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5]]) + len(box.vertices)
    item = SceneObject(len(box.objects), "wall", -1, (4.0, 1.5, 2.0), (0.1, 3.0, 4.0))
    return Scene(
        "partitioned",
        np.concatenate([box.vertices, corners]),
        np.concatenate([box.triangles, faces]),
        np.concatenate([box.triangle_material, np.zeros(4, np.int32)]),
        np.concatenate([box.triangle_object, np.full(4, item.id)]),
        box.materials,
        (*box.objects, item),
        lights=lights,
    )


@pytest.mark.parametrize("quality", ["fast", "shadows"])
def test_walls_block_light(quality: str) -> None:
    """A lamp in one half brightens that half and leaves the other at its ambient light."""
    lamp = Light((2.0, 2.6, 2.0), intensity=6.0)
    scene = partitioned((lamp,))
    near = render(scene, (2.0, 1.4, 3.5), 0.0, quality=quality)["rgb"].mean()
    far = render(scene, (6.0, 1.4, 3.5), 0.0, quality=quality)["rgb"].mean()
    both = partitioned((lamp, Light((6.0, 2.6, 2.0), intensity=6.0)))
    assert near > far + 40
    assert_allclose(
        render(both, (6.0, 1.4, 3.5), 0.0, quality=quality)["rgb"].mean(),
        render(both, (2.0, 1.4, 3.5), 0.0, quality=quality)["rgb"].mean(),
        rtol=0.03,
    )


def test_textures_are_drawn_upright() -> None:
    """An image on a panel shows its first row at the top and its first column at the left (uv origin at the bottom)."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32], image[:32, 32:], image[32:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    vertices = np.array([[-1, -1, -2], [1, -1, -2], [1, 1, -2], [-1, 1, -2]], dtype=np.float32)
    uv = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], dtype=np.float32)
    item = SceneObject(0, "picture", -1, (0.0, 0.0, -2.0), (2.0, 2.0, 0.0))
    scene = Scene(
        "picture",
        vertices,
        np.array([[0, 1, 2], [0, 2, 3]]),
        np.zeros(2),
        np.zeros(2),
        (Material("canvas"),),
        (item,),
        uv=uv,
        textures=(Texture("colors", image),),
        material_texture=(0,),
    )
    rgb = render(scene, (0, 0, -1), 0.0, width=64, height=64, hfov=90.0)["rgb"]
    corners = [rgb[8, 8], rgb[8, 56], rgb[56, 8], rgb[56, 56]]
    assert [int(corner.argmax()) for corner in corners[:3]] == [0, 1, 2]
    assert corners[3].max() < 20


def test_patterns_do_not_alias() -> None:
    """From far away a pattern settles at its mean: neighbouring pixels of a distant wall differ by little."""
    scene = shoebox((3.0, 3.0, 60.0), material={**MATERIALS, "north": "ceramic_tile", "floor": "ceramic_tile"})
    rgb = render(scene, (1.5, 1.5, 59.0), 0.0, width=128, height=128, hfov=60.0)["rgb"].astype(int)
    far = rgb[62:66, 62:66]
    assert np.ptp(far, axis=(0, 1)).max() <= 6


def test_map_places_points() -> None:
    """A point of the world lands on its pixel: +X to the right, +Z downwards, scale as asked."""
    scene = shoebox((6.0, 3.0, 4.0), material=MATERIALS)
    base = topdown_map(scene, pixels_per_metre=20, border=0.5)
    assert base.image.shape == (100, 140, 3)
    assert_allclose(base.to_pixel((0.0, 0.0)), [10, 10], rtol=0, atol=1e-6)
    assert_allclose(base.to_pixel([[6.0, 1.0, 4.0]]), [[130, 90]], rtol=0, atol=1e-5)
    assert topdown_map(scene, pixels_per_metre=20, border=0.5) is base
    paper = base.image[2, 2]
    assert np.abs(base.image[50, 70].astype(int) - paper).max() > 20


def test_map_drawing_leaves_the_map_alone() -> None:
    """Drawing returns a new picture, changed where the agent stands and nowhere far from what was drawn."""
    scene = shoebox((6.0, 3.0, 4.0), material=MATERIALS)
    base = topdown_map(scene, pixels_per_metre=20)
    before = base.image.copy()
    drawn = draw_on_map(base, trajectory=[[1, 0, 1], [2, 0, 1]], agent=((2, 0, 1), 0.3), start=(1, 0, 1))
    assert_array_equal(base.image, before)
    column, row = base.to_pixel((2.0, 1.0)).astype(int)
    assert np.abs(drawn[row, column].astype(int) - before[row, column]).max() > 40
    column, row = base.to_pixel((5.0, 3.0)).astype(int)
    assert_array_equal(drawn[row, column], before[row, column])
    assert_array_equal(draw_on_map(base), base.image)


def test_a_house_is_well_lit_in_every_room() -> None:
    """No room of a generated house is black or burnt out, seen from its middle in four directions."""
    house = generate_house(seed=3)
    for room in house.rooms:
        x, z = np.mean(room.polygon, axis=0)
        rgb = render(house, [(x, 1.3, z)] * 4, np.arange(4) * np.pi / 2, width=32, height=32)["rgb"]
        assert 70 < rgb.mean() < 240
        assert (rgb.max(axis=-1) < 15).mean() < 0.25
        assert (rgb.min(axis=-1) > 252).mean() < 0.25


def test_light_grids_meet_across_a_rectangle() -> None:
    """The two halves of a wall share one grid of light samples, so no seam runs along its diagonal."""
    scene = shoebox((6.0, 3.0, 4.0), material="plaster")
    grid = bake_light(scene).grid
    assert_array_equal(np.sort(grid[:, 3] // 3), [0] * 6 + [1] * 6)
    image = render(scene, (3.0, 1.5, 3.8), 0.0, width=64, height=64)["rgb"].astype(int)
    wall = image[22:42, 10:54]
    assert np.abs(np.diff(wall, axis=1)).max() <= 12


def test_a_scene_without_light_is_not_black() -> None:
    """A bare mesh gets stand-in lamps, on either side of a wall and under every ceiling."""
    scene = partitioned(())
    near, far = (render(scene, (x, 1.4, 3.5), 0.0)["rgb"].mean() for x in (2.0, 6.0))
    assert near > 60
    assert_allclose(near, far, rtol=0.03)
    lower, upper = shoebox((4.0, 2.6, 4.0)), shoebox((4.0, 2.6, 4.0))
    storeys = Scene(
        "storeys",
        np.concatenate([lower.vertices, upper.vertices + np.array([0.0, 3.0, 0.0], np.float32)]),
        np.concatenate([lower.triangles, upper.triangles + len(lower.vertices)]),
        np.zeros(24),
        np.full(24, -1),
        lower.materials[:1],
    )
    assert_allclose(lamp_table(storeys)[:, :3], [[2.0, 2.25, 2.0], [2.0, 5.25, 2.0]], atol=1e-5)
    table = Scene("table", lower.vertices, lower.triangles[:2], np.zeros(2), np.full(2, -1), lower.materials[:1])
    assert len(lamp_table(table)) == 1  # no ceiling at all
