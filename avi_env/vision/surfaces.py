"""What the shading kernel reads: the look of every triangle, material, lamp and texture of a bank, on its device."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import threading
import weakref

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.mesh_parts import linear_to_srgb, srgb_to_linear
from avi_env.scene.model import Material, Scene
from avi_env.scene.rays_warp import wp_device
from avi_env.vision.light_bake import LightBake, bake_light
from avi_env.vision.patterns import PATTERNS
from avi_env.vision.textures import texture_tables, uv_gradients

__all__ = ["GLOW", "UNLIT", "WINDOW", "Surfaces", "bank_surfaces", "encode_table"]

GLOW, WINDOW, UNLIT = 100, 101, 102
"""Pattern numbers of surfaces that shine by themselves: lamps, window panes that show the outdoors, and photographed
ones, whose colours hold the light they were taken in."""

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
    triangle_uv: wp.array2d[wp.vec2]  # (T, 3), or (0, 3) where no scene has textures
    triangle_gradient: wp.array2d[wp.vec3]  # of u and v per metre, (T, 2), or (0, 2)
    triangle_color: wp.array2d[wp.vec3ub]  # sRGB at the corners, (T, 3), or (0, 3) where no scene has vertex colours
    light: wp.array[wp.vec3]  # exposed irradiance, all of it
    light_ambient: wp.array[wp.vec3]  # the ambient part alone
    lamp_offset: wp.array[wp.int32]
    lamps: wp.array2d[wp.float32]  # exposed
    material_color: wp.array[wp.vec3]
    material_pattern: wp.array[wp.int32]
    material_look: wp.array[wp.vec3]  # pattern size, gloss, texture (-1 = none)
    textures: wp.array[wp.vec3i]  # as `TextureTables`, and so the next two
    texture_levels: wp.array[wp.vec3i]
    texels: wp.array[wp.vec3ub]
    decode: wp.array[wp.float32]  # sRGB byte to linear
    encode: wp.array[wp.uint8]  # linear to sRGB byte: `encode_table`, then the same without tone curve


_surfaces: weakref.WeakKeyDictionary[SceneBank, Surfaces] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def bank_surfaces(bank: SceneBank) -> Surfaces:
    """Returns the bank's tables for shading, built when first asked for: it bakes the light of new scenes."""
    with _lock:
        if bank not in _surfaces:
            _surfaces[bank] = _build(bank)
        return _surfaces[bank]


def encode_table(toned: bool = True) -> npt.NDArray[np.uint8]:
    """Returns the sRGB encoding of the linear values of `ENCODE_SIZE`, after the tone curve 1 - exp(-1.45 x)."""
    linear = 4.0 * np.linspace(0.0, 1.0, ENCODE_SIZE) ** 2
    shown = (1.0 - np.exp(-1.45 * linear)) / (1.0 - np.exp(-1.45 * 4.0)) if toned else np.minimum(linear, 1.0)
    return np.round(255.0 * linear_to_srgb(shown)).astype(np.uint8)


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
    _add_colors(surfaces, bank.scenes, device)
    tables = np.concatenate([encode_table(), encode_table(toned=False)])
    surfaces.encode = wp.array(tables, dtype=wp.uint8, device=device)
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
    if material.unlit:
        return UNLIT
    own = {"outdoors": WINDOW, "lamp": GLOW, "books": PATTERNS.index("books"), "foliage": PATTERNS.index("foliage")}
    if material.name in own:
        return own[material.name]
    return PATTERNS.index(material.pattern) if material.pattern in PATTERNS else 0


def _add_textures(surfaces: Surfaces, scenes: tuple[Scene, ...], device: str) -> None:
    tables = texture_tables([texture for scene in scenes for texture in scene.textures])
    surfaces.textures = wp.array(tables.textures, dtype=wp.vec3i, device=device)
    surfaces.texture_levels = wp.array(tables.levels, dtype=wp.vec3i, device=device)
    surfaces.texels = wp.array(tables.texels, dtype=wp.vec3ub, device=device)
    surfaces.decode = wp.array(srgb_to_linear(np.arange(256) / 255.0), dtype=wp.float32, device=device)
    uv, gradients = np.zeros((0, 3, 2), dtype=np.float32), np.zeros((0, 2, 3), dtype=np.float32)
    if len(tables.textures):
        uv = np.concatenate(
            [scene.uv if scene.uv is not None else np.zeros((len(scene.triangles), 3, 2)) for scene in scenes]
        )
        gradients = np.concatenate([uv_gradients(scene) for scene in scenes])
    surfaces.triangle_uv = wp.array(uv, dtype=wp.vec2, device=device)
    surfaces.triangle_gradient = wp.array(gradients, dtype=wp.vec3, device=device)


def _add_colors(surfaces: Surfaces, scenes: tuple[Scene, ...], device: str) -> None:
    corners = np.zeros((0, 3, 3), dtype=np.uint8)
    if any(scene.vertex_color is not None for scene in scenes):
        corners = np.concatenate(
            [
                np.full((len(scene.triangles), 3, 3), 255, dtype=np.uint8)
                if scene.vertex_color is None
                else scene.vertex_color[scene.triangles]
                for scene in scenes
            ]
        )
    surfaces.triangle_color = wp.array(corners, dtype=wp.vec3ub, device=device)
