"""The camera against closed forms: planar depth of a box, handedness, field of view, ids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.scene import Material, Scene, SceneObject, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.vision import Camera, render, render_views

SIZE = (6.0, 3.0, 4.0)


def pixel_rays(yaw: float, pitch: float, width: int, height: int, hfov: float) -> np.ndarray:
    """Returns world directions with unit component along the view axis, (H, W, 3), from the conventions alone."""
    tangent = np.tan(np.radians(hfov) / 2)
    x = ((np.arange(width) + 0.5) / width * 2 - 1) * tangent
    y = (1 - (np.arange(height) + 0.5) / height * 2) * tangent * height / width
    rays = np.stack(np.broadcast_arrays(x[None, :], y[:, None], -1.0), axis=-1)
    c, s = np.cos(pitch), np.sin(pitch)
    tilt = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])  # about +X: up is positive
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])  # about +Y, counter-clockwise from above
    return rays @ (turn @ tilt).T


def wall_exits(eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Returns where rays from within the box leave each axis, by the slab method: at the wall they move towards."""
    walls = np.where(rays > 0, np.array(SIZE), 0.0)
    return np.divide(walls - eye, rays, out=np.full(rays.shape, np.inf), where=rays != 0)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (0.7, 0.0), (np.pi / 2, -0.3), (-2.5, 0.4)])
@pytest.mark.parametrize("shape", [(64, 48, 90.0), (33, 47, 60.0), (40, 40, 120.0)])
def test_planar_depth_of_a_box(yaw: float, pitch: float, shape: tuple[int, int, float], device: str) -> None:
    """Depth at every pixel is min over the walls of (wall - eye) / ray, for rays with unit forward component."""
    eye = np.array([2.2, 1.3, 2.9])
    width, height, hfov = shape
    rays = pixel_rays(yaw, pitch, width, height, hfov)
    expected = wall_exits(eye, rays).min(axis=-1)
    images = render_views(
        SceneBank((shoebox(SIZE),), device),
        torch.zeros(1, dtype=torch.int32),
        torch.tensor(eye[None], dtype=torch.float32),
        torch.tensor([yaw], dtype=torch.float32),
        Camera(width=width, height=height, hfov=hfov, pitch=pitch),
        outputs=("depth",),
    )
    # Single precision: 7 digits of at most 7 m, grown by the slope of a grazing ray.
    assert_allclose(images["depth"][0, :, :, 0].cpu(), expected, rtol=2e-6, atol=2e-6)


def signpost() -> Scene:
    """Returns four cubes of 0.6 m: ids 0 to the right, 1 to the left, 2 ahead, 3 above the one ahead."""
    centers = np.array([[3.0, 0, -3.0], [-3.0, 0, -3.0], [0, 0, -5.0], [0, 2.0, -5.0]])
    cube = shoebox((0.6, 0.6, 0.6))
    vertices = (centers[:, None] + cube.vertices - 0.3).reshape(-1, 3)
    triangles = (len(cube.vertices) * np.arange(4)[:, None, None] + cube.triangles).reshape(-1, 3)
    items = tuple(SceneObject(k, "cube", -1, tuple(center), (0.6, 0.6, 0.6)) for k, center in enumerate(centers))
    count = len(triangles)
    return Scene("signpost", vertices, triangles, np.zeros(count), np.arange(count) // 12, (Material("cube"),), items)


def column_of(image: np.ndarray, item: int) -> float:
    """Returns the mean column of an object's pixels."""
    return float(np.argwhere(image == item)[:, 1].mean())


def test_handedness() -> None:
    """Looking along -Z, +X is on the right of the image and +Y at its top."""
    image = render(signpost(), (0, 0, 0), 0.0, width=65, height=65, hfov=100.0)["semantic"]
    assert column_of(image, 0) > 32 > column_of(image, 1)
    assert_allclose(column_of(image, 2), 32, rtol=0, atol=0.01)
    rows = [np.argwhere(image == item)[:, 0].mean() for item in (2, 3)]
    assert rows[1] < rows[0] == 32


def test_yaw_is_counter_clockwise() -> None:
    """After turning by +90 degrees the camera looks along -X: what stood ahead is on the right."""
    image = render(signpost(), (0, 0, -3.0), np.pi / 2, width=65, height=65)["semantic"]
    assert image[32, 32] == 1
    assert render(signpost(), (0, 0, -3.0), -np.pi / 2, width=65, height=65)["semantic"][32, 32] == 0
    turned = render(signpost(), (1.0, 0, 0), np.pi / 4, width=65, height=65, hfov=120.0)["semantic"]
    assert column_of(turned, 2) > column_of(turned, 1)


@pytest.mark.parametrize("hfov", [40.0, 90.0, 130.0])
def test_field_of_view(hfov: float) -> None:
    """A wall patch at the image's edge lies at half the field of view: x / z = tan(hfov / 2) (1 - 1 / width)."""
    width = 50
    images = render(shoebox((400.0, 3.0, 100.0)), (200.0, 1.5, 50.0), 0.0, width=width, height=20, hfov=hfov)
    middle = images["depth"][10, :, 0]
    rays = pixel_rays(0.0, 0.0, width, 20, hfov)[10]
    # The box's far wall is a plane z = -50: its planar depth is 50 m wherever it is seen.
    assert_allclose(middle, np.where(np.abs(rays[:, 1]) * 50.0 < 1.5, 50.0, 1.5 / np.abs(rays[:, 1])), rtol=1e-5)
    assert_allclose(rays[-1, 0], np.tan(np.radians(hfov / 2)) * (1 - 1 / width), rtol=1e-12)


def test_semantic_ids_are_the_objects_of_the_walls() -> None:
    """Each pixel of a box shows the id of the wall its ray leaves through."""
    scene, eye, yaw = shoebox(SIZE), np.array([2.2, 1.3, 2.9]), 0.6
    image = render(scene, eye, yaw, width=64, height=64)["semantic"]
    rays = pixel_rays(yaw, 0.0, 64, 64, 90.0)
    exits = wall_exits(eye, rays)
    axis = exits.argmin(axis=-1)
    high = np.take_along_axis(rays, axis[..., None], axis=-1)[..., 0] > 0
    middle = scene.vertices[scene.triangles].mean(axis=1)
    for k in range(3):
        for side in (False, True):
            wall = np.isclose(middle[:, k], SIZE[k] if side else 0.0)
            seen = image[(axis == k) & (high == side)]
            assert_array_equal(np.unique(seen), np.unique(scene.triangle_object[wall])[: len(np.unique(seen))])


def test_nothing_to_see(device: str) -> None:
    """Where no ray hits, depth is 0 and the id -1; the picture is the sky, not an error."""
    bank = SceneBank((signpost(),), device)
    away = torch.tensor([np.pi], dtype=torch.float32)
    images = render_views(bank, torch.zeros(1), torch.zeros(1, 3), away, Camera(width=16, height=16))
    assert_array_equal(images["depth"].cpu(), np.zeros((1, 16, 16, 1), np.float32))
    assert_array_equal(images["semantic"].cpu(), np.full((1, 16, 16), -1, np.int32))
    assert images["rgb"].float().mean() > 30
