"""What the shading kernel reads: the look of every triangle, material, lamp and texture of a bank, on its device."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import threading
import weakref

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.model import Material, Scene
from avi_env.scene.rays_warp import wp_device
from avi_env.vision.light_bake import LightBake, bake_light
from avi_env.vision.patterns import PATTERNS

__all__ = ["GLOW", "WINDOW", "Surfaces", "bank_surfaces", "encode_table"]

GLOW, WINDOW = 100, 101
"""Pattern numbers of surfaces that shine by themselves: lamps, and window panes that show the outdoors."""

ENCODE_SIZE = 2048
"""Entries of the tone table; entry i encodes the linear value 4 (i / 2047)^2."""


@wp.struct
class Surfaces:
    """Tables of a bank; rows as in `SceneBank`."""

    triangle_offset: wp.array[wp.int32]
    triangle_normal: wp.array[wp.vec3]
    triangle_object: wp.array[wp.int32]
    triangle_material: wp.array[wp.int32]
    triangle_grid: wp.array[wp.vec4i]  # of `LightBake.grid`, first sample counted through the bank
    triangle_uv: wp.array2d[wp.vec2]  # (T, 3), or (0, 3) where no scene has texture coordinates
    light: wp.array[wp.vec3]  # exposed irradiance, all of it
    light_ambient: wp.array[wp.vec3]  # the ambient part alone
    lamp_offset: wp.array[wp.int32]
    lamps: wp.array2d[wp.float32]  # exposed
    material_color: wp.array[wp.vec3]
    material_pattern: wp.array[wp.int32]
    material_look: wp.array[wp.vec3]  # pattern size, gloss, texture (-1 = none)
    texture_box: wp.array[wp.vec3i]  # first texel, width, height
    texels: wp.array[wp.vec3ub]
    decode: wp.array[wp.float32]  # sRGB byte to linear
    encode: wp.array[wp.uint8]  # linear to sRGB byte through the tone curve


_surfaces: weakref.WeakKeyDictionary[SceneBank, Surfaces] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def bank_surfaces(bank: SceneBank) -> Surfaces:
    """Returns the bank's tables for shading, built when first asked for: it bakes the light of new scenes."""
    with _lock:
        if bank not in _surfaces:
            _surfaces[bank] = _build(bank)
        return _surfaces[bank]


def encode_table() -> npt.NDArray[np.uint8]:
    """Returns the tone curve 1 - exp(-1.45 x) followed by the sRGB encoding, at the linear values of `ENCODE_SIZE`."""
    linear = 4.0 * np.linspace(0.0, 1.0, ENCODE_SIZE) ** 2
    toned = (1.0 - np.exp(-1.45 * linear)) / (1.0 - np.exp(-1.45 * 4.0))
    return np.round(255.0 * _srgb(toned)).astype(np.uint8)


def _srgb(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1.0 / 2.4) - 0.055)


def _build(bank: SceneBank) -> Surfaces:
    device = wp_device(bank.device)
    bakes = [bake_light(scene) for scene in bank.scenes]
    surfaces = Surfaces()
    surfaces.triangle_offset = wp.from_torch(bank.triangle_offset)
    surfaces.triangle_normal = wp.from_torch(bank.triangle_normal, dtype=wp.vec3)
    surfaces.triangle_object = wp.from_torch(bank.triangle_object)
    surfaces.triangle_material = wp.array(_look_rows(bank), dtype=wp.int32, device=device)
    _add_light(surfaces, bakes, device)
    _add_materials(surfaces, bank, device)
    _add_textures(surfaces, bank.scenes, device)
    surfaces.encode = wp.array(encode_table(), dtype=wp.uint8, device=device)
    return surfaces


def _look_rows(bank: SceneBank) -> npt.NDArray[np.int32]:
    """Returns the material row per triangle; window panes get the row of the outdoors, two after the neutral one."""
    rows = bank.triangle_material.cpu().numpy().copy()
    offsets = bank.triangle_offset.tolist()
    for scene, start, stop in zip(bank.scenes, offsets, offsets[1:], strict=False):
        glass = np.array(["glass" in m.name for m in scene.materials] + [False])[scene.triangle_material]
        window = np.array([item.category == "window" for item in scene.objects] + [False])[scene.triangle_object]
        rows[start:stop][glass & window] = len(bank.materials)
    return rows


def _add_light(surfaces: Surfaces, bakes: list[LightBake], device: str) -> None:
    starts = np.cumsum([0, *(len(bake.lit) for bake in bakes)])
    grids = [bake.grid + np.array([start, 0, 0, 0]) for bake, start in zip(bakes, starts, strict=False)]
    lamps = [bake.lamps * np.where((np.arange(9) // 3) == 1, bake.exposure, 1.0) for bake in bakes]
    surfaces.triangle_grid = wp.array(np.concatenate(grids), dtype=wp.vec4i, device=device)
    for name in ("lit", "ambient"):
        samples = np.concatenate([getattr(bake, name) * bake.exposure for bake in bakes])
        array = wp.array(samples, dtype=wp.vec3, device=device)
        setattr(surfaces, "light" if name == "lit" else "light_ambient", array)
    offsets = np.cumsum([0, *(len(table) for table in lamps)])
    surfaces.lamp_offset = wp.array(offsets, dtype=wp.int32, device=device)
    surfaces.lamps = wp.array(np.concatenate(lamps), dtype=wp.float32, device=device)


def _add_materials(surfaces: Surfaces, bank: SceneBank, device: str) -> None:
    texture, start = [], 0
    for scene in bank.scenes:
        own = scene.material_texture or (-1,) * len(scene.materials)
        texture += [index + start if index >= 0 else -1 for index in own]
        start += len(scene.textures)
    looks = [*bank.materials, Material("outdoors")]
    texture += [-1, -1]
    colors = np.array([material.color for material in looks])
    patterns = [_pattern(material) for material in looks]
    look = [[m.pattern_size, (1.0 - m.roughness) ** 2, t] for m, t in zip(looks, texture, strict=True)]
    surfaces.material_color = wp.array(colors, dtype=wp.vec3, device=device)
    surfaces.material_pattern = wp.array(np.array(patterns), dtype=wp.int32, device=device)
    surfaces.material_look = wp.array(np.array(look), dtype=wp.vec3, device=device)


def _pattern(material: Material) -> int:
    own = {"outdoors": WINDOW, "lamp": GLOW, "books": PATTERNS.index("books"), "foliage": PATTERNS.index("foliage")}
    if material.name in own:
        return own[material.name]
    return PATTERNS.index(material.pattern) if material.pattern in PATTERNS else 0


def _add_textures(surfaces: Surfaces, scenes: tuple[Scene, ...], device: str) -> None:
    images = [texture.image for scene in scenes for texture in scene.textures]
    starts = np.cumsum([0, *(image.shape[0] * image.shape[1] for image in images)])
    boxes = [[start, image.shape[1], image.shape[0]] for image, start in zip(images, starts, strict=False)]
    texels = np.concatenate([image.reshape(-1, 3) for image in images]) if images else np.zeros((0, 3), np.uint8)
    surfaces.texture_box = wp.array(np.array(boxes).reshape(-1, 3), dtype=wp.vec3i, device=device)
    surfaces.texels = wp.array(texels, dtype=wp.vec3ub, device=device)
    byte = np.arange(256) / 255.0
    linear = np.where(byte <= 0.04045, byte / 12.92, ((byte + 0.055) / 1.055) ** 2.4)
    surfaces.decode = wp.array(linear, dtype=wp.float32, device=device)
    uv = np.zeros((0, 3, 2), dtype=np.float32)
    if images:
        uv = np.concatenate(
            [scene.uv if scene.uv is not None else np.zeros((len(scene.triangles), 3, 2)) for scene in scenes]
        )
    surfaces.triangle_uv = wp.array(uv, dtype=wp.vec2, device=device)
