"""From hits to colours: how a pixel is shaded on every device, and the CPU's kernel that shades primary hits."""
# mypy: disable-error-code="untyped-decorator,misc,index"

from __future__ import annotations

from typing import NamedTuple

import torch
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.launches import launch
from avi_env.vision.camera import Camera, pixel_direction
from avi_env.vision.patterns import sky, surface_color
from avi_env.vision.primary import Primary
from avi_env.vision.surfaces import (
    ENCODE_SIZE,
    GLOW,
    UNLIT,
    WINDOW,
    Surfaces,
    bank_surfaces,
)
from avi_env.vision.textures import texture_color

__all__ = ["View", "baked_light", "color_image", "make_view", "pixel_color", "surface_hit"]

wp.set_module_options({"enable_backward": False})

_GLOW, _WINDOW, _UNLIT = wp.constant(GLOW), wp.constant(WINDOW), wp.constant(UNLIT)
_NO_LIGHT = torch.empty((0, 0, 0, 3))
_ENCODE_SIZE = wp.constant(ENCODE_SIZE)
_ENCODE_LAST = wp.constant(float(ENCODE_SIZE - 1))


class View(NamedTuple):
    """B views of H x W pixels: poses, intrinsics and primary hits, in the order in which kernels take them."""

    scene_index: torch.Tensor
    """Scene of each view, shape (B,), int32."""
    position: torch.Tensor
    """The eyes [m], shape (B, 3), float32, world frame."""
    basis: torch.Tensor
    """From `view_basis`, shape (B, 3, 3), float32."""
    lens: wp.vec4
    """`Camera.lens`."""
    depth: torch.Tensor
    """As in `Primary`, and so the next two."""
    triangle: torch.Tensor
    barycentric: torch.Tensor


def make_view(
    scene_index: torch.Tensor, position: torch.Tensor, basis: torch.Tensor, camera: Camera, primary: Primary
) -> View:
    """Returns the views packed for the kernels; poses as for `trace_tiles`, hits as it gives them."""
    return View(scene_index, position, basis, camera.lens, *primary)


@wp.func(inline=True)
def baked_light(grid: wp.vec4i, u: wp.float32, v: wp.float32, samples: wp.array[wp.vec3]) -> wp.vec3:
    """Returns the bilinear mean of a triangle's light samples at barycentrics u, v."""
    corner = grid[3] % 3
    a, b = u, v
    if corner == 1:
        a, b = v, 1.0 - u - v
    elif corner == 2:
        a, b = 1.0 - u - v, u
    if grid[3] >= 3:
        a, b = 1.0 - a, 1.0 - b
    x, y = wp.clamp(a, 0.0, 1.0) * float(grid[1]), wp.clamp(b, 0.0, 1.0) * float(grid[2])
    i, j = wp.min(int(x), wp.max(grid[1] - 1, 0)), wp.min(int(y), wp.max(grid[2] - 1, 0))
    row = grid[2] + 1
    start = grid[0] + i * row + j
    right = wp.where(grid[1] > 0, row, 0)
    up = wp.where(grid[2] > 0, 1, 0)
    s, t = x - float(i), y - float(j)
    low = samples[start] * (1.0 - s) + samples[start + right] * s
    high = samples[start + up] * (1.0 - s) + samples[start + right + up] * s
    return low * (1.0 - t) + high * t


@wp.func(inline=True)
def surface_hit(
    triangle_offset: wp.array[wp.int32],
    triangle: wp.array3d[wp.int32],
    scene: wp.int32,
    view: wp.int32,
    row: wp.int32,
    column: wp.int32,
) -> wp.int32:
    """Returns the row of the hit triangle in the bank's tables, -1 = no hit."""
    hit = triangle[view, row, column]
    if hit >= 0:
        hit += triangle_offset[scene]
    return hit


@wp.func(inline=True)
def _encode(tables: wp.array[wp.uint8], first: wp.int32, linear: wp.float32) -> wp.uint8:
    return tables[first + int(wp.sqrt(wp.clamp(0.25 * linear, 0.0, 1.0)) * _ENCODE_LAST + 0.5)]


@wp.func(inline=True)
def _footprint(of_u: wp.vec3, of_v: wp.vec3, along: wp.vec3) -> wp.vec2:
    """Returns a way on the surface in texture coordinates."""
    return wp.vec2(wp.dot(of_u, along), wp.dot(of_v, along))


@wp.func(inline=True)
def _grazing_axis(ray: wp.vec3, normal: wp.vec3) -> wp.vec3:
    """Returns the axis of a pixel's footprint along the line of sight, for a pixel of 1 m across it."""
    facing = wp.dot(ray, normal)
    along = ray - facing * normal
    if wp.length_sq(along) < 1.0e-8:
        along = wp.cross(normal, wp.vec3(normal[1], normal[2], normal[0] + 1.0))
    return wp.normalize(along) / wp.max(wp.abs(facing), 0.02)


@wp.func(inline=True)
def _vertex_color(colors: wp.array2d[wp.vec3ub], decode: wp.array[wp.float32], row: wp.int32, uv: wp.vec2) -> wp.vec3:
    """Returns the colours of a triangle's corners mixed by the barycentrics, linear RGB."""
    color = wp.vec3(0.0)
    for corner in range(3):
        weight = wp.where(corner == 0, 1.0 - uv[0] - uv[1], wp.where(corner == 1, uv[0], uv[1]))
        texel = colors[row, corner]
        color += weight * wp.vec3(decode[int(texel[0])], decode[int(texel[1])], decode[int(texel[2])])
    return color


@wp.func(inline=True)
def _texture_albedo(
    surfaces: Surfaces,
    texture: wp.vec3i,
    mapped: wp.int32,
    normal: wp.vec3,
    ray: wp.vec3,
    pixel: wp.float32,
    uv: wp.vec2,
) -> wp.vec3:
    """Returns a texture's colour in a pixel; `mapped` is the triangle's row of texture coordinates."""
    one, two = surfaces.triangle_gradient[mapped, 0], surfaces.triangle_gradient[mapped, 1]
    along = _grazing_axis(ray, normal)
    return texture_color(
        surfaces.texels,
        surfaces.decode,
        surfaces.texture_levels,
        texture,
        (1.0 - uv[0] - uv[1]) * surfaces.triangle_uv[mapped, 0]
        + uv[0] * surfaces.triangle_uv[mapped, 1]
        + uv[1] * surfaces.triangle_uv[mapped, 2],
        pixel * _footprint(one, two, along),
        pixel * _footprint(one, two, wp.normalize(wp.cross(normal, along))),
    )


@wp.func(inline=True)  # else the CPU copies the struct of tables at every call: a fifth of the time
def pixel_color(
    surfaces: Surfaces,
    eye: wp.vec3,
    direction: wp.vec3,
    width: wp.float32,
    hit: wp.int32,
    depth: wp.float32,
    uv: wp.vec2,
    traced: wp.bool,
    lamps: wp.vec3,
    textured: wp.bool,
    colored: wp.bool,
) -> wp.vec3ub:
    """Returns the colour of a pixel, sRGB: the picture of every device and backend.

    Args:
        surfaces: the bank's tables.
        eye: its position [m], world frame.
        direction: through the pixel's centre, with component 1 along the view axis.
        width: the pixel's width at depth 1 m [m].
        hit: row of the triangle in the bank's tables, -1 = none: then the sky is seen.
        depth: planar depth [m] of the hit.
        uv: barycentric weights of the triangle's vertices 1 and 2.
        traced: whether `lamps` replaces what the lamps give in the baked light.
        lamps: exposed irradiance by lamps, linear RGB.
        textured: whether any scene of the bank has textures: a constant, so that compilers leave the rest out.
        colored: likewise colours at its triangles' corners.
    """
    reach = wp.length(direction)
    ray = direction / reach
    color = wp.vec3(0.0)
    table = wp.int32(0)
    if hit < 0:
        color = sky(ray)
    else:
        normal, material = surfaces.triangle_normal[hit], surfaces.triangle_material[hit]
        look, pattern = surfaces.material_look[material], surfaces.material_pattern[material]
        shift = surfaces.material_shift[material]
        albedo = surfaces.material_color[material]
        pixel = depth * width * reach
        if textured and look[2] >= 0.0:
            albedo = _texture_albedo(surfaces, surfaces.textures[int(look[2])], hit + shift[0], normal, ray, pixel, uv)
        elif pattern < _GLOW:
            albedo = surface_color(albedo, pattern, look[0], eye + depth * direction, normal, ray, pixel)
        if colored and hit + shift[1] >= 0:  # `NO_COLORS` is far below
            albedo = wp.cw_mul(albedo, _vertex_color(surfaces.triangle_color, surfaces.decode, hit + shift[1], uv))
        if pattern == _WINDOW:
            color = sky(ray)
        elif pattern == _GLOW:
            color = albedo * 1.6
        elif pattern == _UNLIT:
            color = albedo
            table = _ENCODE_SIZE
        else:
            light = wp.vec3(0.0)
            if traced:
                light = lamps + baked_light(surfaces.triangle_grid[hit], uv[0], uv[1], surfaces.light_ambient)
            else:
                light = baked_light(surfaces.triangle_grid[hit], uv[0], uv[1], surfaces.light)
            grazing = 1.0 - wp.abs(wp.dot(ray, normal))
            fresnel = 0.04 + 0.96 * grazing * grazing * grazing * grazing * grazing
            color = wp.cw_mul(albedo, light) + look[1] * fresnel * light
    return wp.vec3ub(
        _encode(surfaces.encode, table, color[0]),
        _encode(surfaces.encode, table, color[1]),
        _encode(surfaces.encode, table, color[2]),
    )


@wp.kernel
def _color_kernel(
    surfaces: Surfaces,
    scene_index: wp.array[wp.int32],
    position: wp.array[wp.vec3],
    basis: wp.array[wp.mat33],
    lens: wp.vec4,
    depth: wp.array3d[wp.float32],
    triangle: wp.array3d[wp.int32],
    barycentric: wp.array3d[wp.vec2],
    direct: wp.array3d[wp.vec3],
    first: wp.int32,
    columns: wp.int32,
    rgb_out: wp.array3d[wp.vec3ub],
) -> None:
    line, part = wp.tid()
    height = rgb_out.shape[1]
    view, row = (first + line) / height, (first + line) % height
    eye, axes, scene = position[view], basis[view], scene_index[view]
    traced = direct.shape[0] > 0
    lamps = wp.vec3(0.0)
    for column in range(part * columns, wp.min((part + 1) * columns, rgb_out.shape[2])):
        if traced:
            lamps = direct[view, row, column]
        rgb_out[view, row, column] = pixel_color(
            surfaces,
            eye,
            pixel_direction(axes, row, column, lens),
            2.0 * lens[2] / lens[0],
            surface_hit(surfaces.triangle_offset, triangle, scene, view, row, column),
            depth[view, row, column],
            barycentric[view, row, column],
            traced,
            lamps,
            True,
            True,
        )


def color_image(
    bank: SceneBank,
    view: View,
    direct: torch.Tensor | None,
    out: torch.Tensor,
    lines: tuple[int, int] | None = None,
) -> torch.Tensor:
    """Shades B views into `out`, shape (B, H, W, 3), uint8, sRGB, and returns it.

    Args:
        bank: the scenes.
        view: from `make_view`.
        direct: exposed irradiance by lamps, shape (B, H, W, 3), float32, in place of the baked one; or None.
        out: where the picture goes.
        lines: image rows to shade, first and last + 1, counted through all views; all if not given.
    """
    if out.ndim != 4 or out.shape[3] != 3 or out.dtype != torch.uint8 or out.device != bank.device:
        raise ValueError(f"rgb needs (B, H, W, 3) uint8 on {bank.device}, not {tuple(out.shape)} {out.dtype}")
    first, last = lines or (0, out.shape[0] * out.shape[1])
    # On the CPU one call of the kernel takes a whole row: what it reads of its arguments costs as much as some pixels.
    columns = out.shape[2] if out.device.type == "cpu" else 1
    lamps = _NO_LIGHT if direct is None else direct
    launch(
        _color_kernel,
        (last - first, -(-out.shape[2] // columns)),
        [bank_surfaces(bank), *view, lamps, first, columns, out],
        bank.device,
    )
    return out
