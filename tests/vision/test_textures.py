"""Textures and vertex colours: a twin of the filter in NumPy, levels, wraps, means from afar, photographed colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from avi_env.scene import Material, Scene, Texture, shoebox
from avi_env.scene.bank import SceneBank
from avi_env.scene.mesh_parts import linear_to_srgb, srgb_to_linear
from avi_env.vision import Camera, render, render_views
from avi_env.vision.light_bake import bake_light
from avi_env.vision.textures import TAPS, mip_levels, uv_gradients

_FIELD = 60.0
_PIXELS = 48

Array = npt.NDArray[np.float64]


def _quad(corners: npt.ArrayLike, uv: npt.ArrayLike, texture: Texture | None = None, **fields: object) -> Scene:
    """Returns one unlit rectangle, corners counter-clockwise from the lower left, with texture coordinates (4, 2)."""
    coordinates = np.asarray(uv, dtype=np.float32)
    looks = {"uv": coordinates[[[0, 1, 2], [0, 2, 3]]], "textures": (texture,), "material_texture": (0,)}
    return Scene(
        "quad",
        np.asarray(corners, dtype=np.float32),
        np.array([[0, 1, 2], [0, 2, 3]]),
        np.zeros(2),
        np.full(2, -1),
        (Material("photo", color=(1.0, 1.0, 1.0), unlit=True),),
        **(looks if texture is not None else {}),
        **fields,
    )


def _wall(distance: float, angle: float, half: float) -> Array:
    """Corners of a square that stands in front of the eye, turned about +Y."""
    along = half * np.array([np.cos(angle), 0.0, np.sin(angle)])
    up, middle = np.array([0.0, half, 0.0]), np.array([0.0, 0.0, -distance])
    return np.stack([middle - along - up, middle + along - up, middle + along + up, middle - along + up])


def _wrapped(index: npt.NDArray[np.int64], count: int, wrap: str) -> npt.NDArray[np.int64]:
    if wrap == "clamp":
        return np.clip(index, 0, count - 1)
    if wrap == "repeat":
        return index % count
    return np.where(index // count % 2 == 0, index % count, count - 1 - index % count)


def _bilinear(image: npt.NDArray[np.uint8], wrap: tuple[str, str], uv: Array) -> Array:
    linear = srgb_to_linear(image / 255.0)
    height, width = image.shape[:2]
    x, y = uv[0] * width - 0.5, (1.0 - uv[1]) * height - 0.5
    i, j = int(np.floor(x)), int(np.floor(y))
    total = np.zeros(3)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column = _wrapped(np.array(i + dx), width, wrap[0])
        row = _wrapped(np.array(j + dy), height, wrap[1])
        total += abs(1 - dx - (x - i)) * abs(1 - dy - (y - j)) * linear[row, column]
    return total


def _looked_up(levels: list[npt.NDArray[np.uint8]], wrap: tuple[str, str], uv: Array, one: Array, two: Array) -> Array:
    size = np.array([levels[0].shape[1], levels[0].shape[0]])
    a, b = np.linalg.norm(one * size), np.linalg.norm(two * size)
    axis, long, short = (one if a >= b else two), max(a, b), max(min(a, b), 1.0)
    taps = int(np.clip(np.ceil(long / short - 0.01), 1, TAPS))
    detail = float(np.clip(np.log2(max(long / taps, 1.0)), 0.0, len(levels) - 1.0))
    detail = np.round(detail) if taps > 1 else detail
    first, share = int(detail), detail - int(detail)
    total = np.zeros(3)
    for k in range(taps):
        place = uv + axis * ((k + 0.5) / taps - 0.5)
        total += (1.0 - share) * _bilinear(levels[first], wrap, place)
        total += share * _bilinear(levels[min(first + 1, len(levels) - 1)], wrap, place)
    return total / taps


def _expected(scene: Scene, texture: Texture) -> npt.NDArray[np.float64]:
    """Returns the picture of an eye at the origin that looks along -Z, sRGB 0..255, shape (H, W, 3), NaN = sky."""
    levels, tangent = mip_levels(texture.image), np.tan(np.radians(_FIELD / 2.0))
    corner, b, _, d = scene.vertices.astype(np.float64)
    right, up = b - corner, d - corner
    normal = np.cross(right, up) / np.linalg.norm(np.cross(right, up))
    assert scene.uv is not None
    start, uv_right, uv_up = scene.uv[0, 0], scene.uv[0, 1] - scene.uv[0, 0], scene.uv[1, 2] - scene.uv[0, 0]
    out = np.full((_PIXELS, _PIXELS, 3), np.nan)
    for row in range(_PIXELS):
        for column in range(_PIXELS):
            x, y = (2 * (column + 0.5) / _PIXELS - 1) * tangent, (1 - 2 * (row + 0.5) / _PIXELS) * tangent
            direction = np.array([x, y, -1.0])
            depth = (corner @ normal) / (direction @ normal)
            reach = np.linalg.norm(direction)
            ray = direction / reach
            s, t = ((depth * direction - corner) @ side / (side @ side) for side in (right, up))
            if not (0.0 < s < 1.0 and 0.0 < t < 1.0):
                continue
            pixel = depth * 2 * tangent / _PIXELS * reach
            along = ray - (ray @ normal) * normal
            along /= np.linalg.norm(along)
            across = np.cross(normal, along) * pixel
            along *= pixel / max(abs(ray @ normal), 0.02)
            one, two = (
                uv_right * (way @ right) / (right @ right) + uv_up * (way @ up) / (up @ up) for way in (along, across)
            )
            color = _looked_up(levels, texture.wrap, start + s * uv_right + t * uv_up, one, two)
            out[row, column] = 255.0 * linear_to_srgb(np.clip(color, 0.0, 1.0))
    return out


@pytest.mark.parametrize(
    ("wrap", "distance", "angle", "turns"),
    [
        (("repeat", "repeat"), 1.0, 0.0, 0.2),
        (("repeat", "mirror"), 3.0, 0.4, 3.0),
        (("clamp", "repeat"), 2.0, 1.2, 2.0),
        (("mirror", "clamp"), 6.0, -0.9, 4.0),
    ],
)
def test_twin_of_the_filter(wrap: tuple[str, str], distance: float, angle: float, turns: float, device: str) -> None:
    """Near, far and aslant, under every wrap, the kernel agrees with plain NumPy within two steps of 8 bits."""
    rng = np.random.default_rng(3)
    texture = Texture("noise", rng.integers(0, 256, (23, 38, 3), dtype=np.uint8), wrap)
    uv = np.array([[-0.7, -0.4], [0.9, 0.1], [0.8, 0.9], [-0.8, 0.4]]) * turns
    scene = _quad(_wall(distance, angle, 2.0), uv, texture)
    bank = SceneBank((scene,), device)
    camera = Camera(width=_PIXELS, height=_PIXELS, hfov=_FIELD)
    zero = torch.zeros(1)
    rgb = render_views(bank, zero.int(), torch.zeros(1, 3), zero, camera, ("rgb",))["rgb"][0].cpu().numpy()
    expected = _expected(scene, texture)
    seen = np.isfinite(expected[..., 0])
    assert seen.mean() > 0.1
    away = np.abs(rgb[seen] - expected[seen]).max(axis=1)
    # Rounding decides here and there whether a pixel takes one place or two, or the next level.
    assert np.mean(away > 2.0) < 0.01
    assert np.median(away) < 0.6


def test_levels_keep_the_mean() -> None:
    """Each level halves its sides, rounding down, and keeps the mean of the linear light, odd sides included."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (37, 64, 3), dtype=np.uint8)
    levels = mip_levels(image)
    assert [level.shape[:2] for level in levels] == [(37, 64), (18, 32), (9, 16), (4, 8), (2, 4), (1, 2), (1, 1)]
    assert_array_equal(levels[0], image)
    mean = srgb_to_linear(image / 255.0).mean(axis=(0, 1))
    for level in levels:
        assert_allclose(srgb_to_linear(level / 255.0).mean(axis=(0, 1)), mean, atol=2e-3)
    black_white = np.zeros((16, 16, 3), dtype=np.uint8)
    black_white[::2, ::2] = black_white[1::2, 1::2] = 255
    assert_array_equal(mip_levels(black_white)[1], 188)  # half the light, not half the byte


def test_a_far_checker_is_its_mean() -> None:
    """From afar a checker is even grey; point samples of it would spread over the whole range."""
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 255
    uv = np.array([[0, 0], [40, 0], [40, 40], [0, 40]])
    for angle in (0.0, 1.1):
        scene = _quad(_wall(8.0, angle, 4.0), uv, Texture("checker", image))
        rgb = render(scene, (0, 0, 0), 0.0, 64, 64, hfov=20.0)["rgb"][:, 20:44].astype(float)
        assert_allclose(rgb.mean(), 188.0, atol=1.5)
        assert rgb.std() < 3.0


def test_a_near_texture_is_bilinear() -> None:
    """Where a texel covers many pixels, the picture is the bilinear mean of the four texels around, in linear light."""
    image = np.array([[[0, 0, 0], [255, 255, 255]], [[255, 255, 255], [0, 0, 0]]], dtype=np.uint8)
    scene = _quad(_wall(1.0, 0.0, 1.0), [[0, 0], [1, 0], [1, 1], [0, 1]], Texture("four", image, ("clamp", "clamp")))
    rgb = render(scene, (0, 0, 0), 0.0, 65, 65, hfov=90.0)["rgb"]
    place = np.clip((np.arange(65) + 0.5) / 65 * 2 - 0.5, 0.0, 1.0)
    light = place[None, :] * (1 - place[:, None]) + place[:, None] * (1 - place[None, :])
    assert_allclose(rgb[..., 1], 255.0 * linear_to_srgb(light), atol=1.01)


def test_photographed_colours_are_shown_as_they_are() -> None:
    """An unlit flat colour comes out byte for byte, needs no baked light, and shadows do not change it."""
    for value in (0, 1, 17, 128, 254, 255):
        texture = Texture("flat", np.full((3, 5, 3), value, dtype=np.uint8))
        scene = _quad(_wall(1.0, 0.3, 2.0), [[0, 0], [1, 0], [1, 1], [0, 1]], texture)
        for quality in ("fast", "shadows"):
            rgb = render(scene, (0, 0, 0), 0.0, 16, 16, hfov=40.0, quality=quality)["rgb"]
            assert_array_equal(rgb, value)
    assert len(bake_light(scene).lit) == 1


def test_only_lit_triangles_are_baked() -> None:
    """A room with one photographed wall bakes the others as before."""
    box = shoebox(
        (4.0, 3.0, 4.0),
        {side: "plaster" for side in ("floor", "ceiling", "west", "east", "north")} | {"south": "brick"},
    )
    plain = bake_light(box)
    materials = tuple(replace(m, unlit=m.name == "brick") for m in box.materials)
    mixed = bake_light(replace(box, materials=materials))
    lit = box.triangle_material != [m.name for m in box.materials].index("brick")
    assert 0 < len(mixed.lit) < len(plain.lit)
    first, second = (bake.lit[bake.grid[lit, 0]] for bake in (plain, mixed))
    assert_allclose(first, second, rtol=0, atol=0)
    assert_array_equal(mixed.grid[~lit], 0)


def test_vertex_colours_mix_by_barycentrics(device: str) -> None:
    """Corner colours blend evenly in linear light, and multiply the texture."""
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], dtype=np.uint8)
    corners = _wall(1.0, 0.0, 1.0)
    scene = _quad(corners, np.zeros((4, 2)), vertex_color=colors)
    bank = SceneBank((scene,), device)
    zero = torch.zeros(1)
    camera = Camera(width=41, height=41, hfov=90.0)
    rgb = render_views(bank, zero.int(), torch.zeros(1, 3), zero, camera, ("rgb",))["rgb"][0].cpu().numpy()
    s, t = np.meshgrid((np.arange(41) + 0.5) / 41, 1 - (np.arange(41) + 0.5) / 41)
    lower = s > t
    linear = srgb_to_linear(colors / 255.0)
    weights = np.where(lower[..., None], np.stack([1 - s, s - t, t], -1), np.stack([1 - t, s, t - s], -1))
    mixed = np.where(lower[..., None], weights @ linear[[0, 1, 2]], weights @ linear[[0, 2, 3]])
    assert_allclose(rgb, 255.0 * linear_to_srgb(mixed), atol=1.01)
    half = Texture("half", np.full((2, 2, 3), 188, dtype=np.uint8))
    both = _quad(corners, np.zeros((4, 2)), half, vertex_color=colors)
    shown = render(both, (0, 0, 0), 0.0, 41, 41, hfov=90.0)["rgb"]
    assert_allclose(shown, 255.0 * linear_to_srgb(mixed * srgb_to_linear(np.array(188 / 255.0))), atol=1.01)


def test_gradients_of_texture_coordinates() -> None:
    """Moving along the surface changes u and v as the gradients say."""
    rng = np.random.default_rng(2)
    corners, uv = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    scene = _quad(corners, uv, Texture("t", np.zeros((1, 1, 3), dtype=np.uint8)))
    gradient = uv_gradients(scene)[0]
    for k in (1, 2):
        assert_allclose(gradient @ (corners[k] - corners[0]), uv[k] - uv[0], rtol=1e-4, atol=1e-5)
