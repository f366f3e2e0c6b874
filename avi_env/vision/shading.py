"""From primary hits to images: one shading kernel for both devices, and the plain geometry outputs."""
# mypy: disable-error-code="untyped-decorator,misc,index"

from __future__ import annotations

import torch
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.rays_warp import wp_device
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

__all__ = ["View", "baked_light", "color_image", "geometry_images", "make_view", "surface_hit"]

wp.set_module_options({"enable_backward": False})

_GLOW, _WINDOW, _UNLIT = wp.constant(GLOW), wp.constant(WINDOW), wp.constant(UNLIT)
_ENCODE_SIZE = wp.constant(ENCODE_SIZE)
_ENCODE_LAST = wp.constant(float(ENCODE_SIZE - 1))


@wp.struct
class View:
    """The views of one launch: poses, intrinsics and primary hits."""

    scene_index: wp.array[wp.int32]
    position: wp.array[wp.vec3]
    basis: wp.array[wp.mat33]
    size: wp.vec2
    tangents: wp.vec2
    depth: wp.array3d[wp.float32]
    triangle: wp.array3d[wp.int32]
    u: wp.array3d[wp.float32]
    v: wp.array3d[wp.float32]


def make_view(
    scene_index: torch.Tensor, position: torch.Tensor, basis: torch.Tensor, camera: Camera, primary: Primary
) -> View:
    """Returns the views packed for the kernels; arguments as `primary_hits` takes and gives them."""
    view = View()
    view.scene_index = wp.from_torch(scene_index)
    view.position = wp.from_torch(position, dtype=wp.vec3)
    view.basis = wp.from_torch(basis, dtype=wp.mat33)
    view.size = wp.vec2(float(camera.width), float(camera.height))
    view.tangents = wp.vec2(*camera.tangents)
    view.depth, view.triangle, view.u, view.v = (wp.from_torch(array) for array in primary)
    return view


@wp.func
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


@wp.func
def surface_hit(
    triangle_offset: wp.array[wp.int32],
    triangle: wp.array3d[wp.int32],
    scene_index: wp.array[wp.int32],
    index: wp.int32,
    row: wp.int32,
    column: wp.int32,
) -> wp.int32:
    """Returns the row of the hit triangle in the bank's tables, -1 = no hit."""
    # Functions take the arrays they read: a struct of arrays would be copied at every call.
    hit = triangle[index, row, column]
    if hit >= 0:
        hit += triangle_offset[scene_index[index]]
    return hit


@wp.func
def _encode(tables: wp.array[wp.uint8], first: wp.int32, linear: wp.float32) -> wp.uint8:
    return tables[first + int(wp.sqrt(wp.clamp(0.25 * linear, 0.0, 1.0)) * _ENCODE_LAST + 0.5)]


@wp.func
def _footprint(of_u: wp.vec3, of_v: wp.vec3, along: wp.vec3) -> wp.vec2:
    """Returns a way on the surface in texture coordinates."""
    return wp.vec2(wp.dot(of_u, along), wp.dot(of_v, along))


@wp.func
def _grazing_axis(ray: wp.vec3, normal: wp.vec3) -> wp.vec3:
    """Returns the axis of a pixel's footprint along the line of sight, for a pixel of 1 m across it."""
    facing = wp.dot(ray, normal)
    along = ray - facing * normal
    if wp.length_sq(along) < 1.0e-8:
        along = wp.cross(normal, wp.vec3(normal[1], normal[2], normal[0] + 1.0))
    return wp.normalize(along) / wp.max(wp.abs(facing), 0.02)


@wp.func
def _vertex_color(
    colors: wp.array2d[wp.vec3ub], decode: wp.array[wp.float32], hit: wp.int32, u: wp.float32, v: wp.float32
) -> wp.vec3:
    """Returns the colours of a triangle's corners mixed by the barycentrics, linear RGB; white for `NO_COLORS`."""
    if hit < 0:
        return wp.vec3(1.0)
    color = wp.vec3(0.0)
    for corner in range(3):
        weight = wp.where(corner == 0, 1.0 - u - v, wp.where(corner == 1, u, v))
        texel = colors[hit, corner]
        color += weight * wp.vec3(decode[int(texel[0])], decode[int(texel[1])], decode[int(texel[2])])
    return color


@wp.kernel
def _color_kernel(
    surfaces: Surfaces,
    view: View,
    direct: wp.array3d[wp.vec3],
    rgb_out: wp.array4d[wp.uint8],
) -> None:
    index, row, column = wp.tid()
    direction = pixel_direction(view.basis[index], row, column, view.size, view.tangents)
    reach = wp.length(direction)
    ray = direction / reach
    hit = surface_hit(surfaces.triangle_offset, view.triangle, view.scene_index, index, row, column)
    color = wp.vec3(0.0)
    table = wp.int32(0)
    if hit < 0:
        color = sky(ray)
    else:
        depth = view.depth[index, row, column]
        u, v = view.u[index, row, column], view.v[index, row, column]
        normal = surfaces.triangle_normal[hit]
        material = surfaces.triangle_material[hit]
        look, shift = surfaces.material_look[material], surfaces.material_shift[material]
        pattern = surfaces.material_pattern[material]
        albedo = surfaces.material_color[material]
        pixel = depth * 2.0 * view.tangents[0] / view.size[0] * reach
        if look[2] >= 0.0:
            uv, gradient = surfaces.triangle_uv, surfaces.triangle_gradient
            corners = hit + shift[0]
            along = _grazing_axis(ray, normal)
            albedo = texture_color(
                surfaces.texels,
                surfaces.decode,
                surfaces.texture_levels,
                surfaces.textures[int(look[2])],
                (1.0 - u - v) * uv[corners, 0] + u * uv[corners, 1] + v * uv[corners, 2],
                pixel * _footprint(gradient[corners, 0], gradient[corners, 1], along),
                pixel * _footprint(gradient[corners, 0], gradient[corners, 1], wp.normalize(wp.cross(normal, along))),
            )
        elif pattern < _GLOW:
            point = view.position[index] + depth * direction
            albedo = surface_color(albedo, pattern, look[0], point, normal, ray, pixel)
        albedo = wp.cw_mul(albedo, _vertex_color(surfaces.triangle_color, surfaces.decode, hit + shift[1], u, v))
        if pattern == _WINDOW:
            color = sky(ray)
        elif pattern == _GLOW:
            color = albedo * 1.6
        elif pattern == _UNLIT:
            color = albedo
            table = _ENCODE_SIZE
        else:
            light = wp.vec3(0.0)
            if direct.shape[0] > 0:
                grid = surfaces.triangle_grid[hit]
                light = direct[index, row, column] + baked_light(grid, u, v, surfaces.light_ambient)
            else:
                light = baked_light(surfaces.triangle_grid[hit], u, v, surfaces.light)
            grazing = 1.0 - wp.abs(wp.dot(ray, normal))
            fresnel = 0.04 + 0.96 * grazing * grazing * grazing * grazing * grazing
            color = wp.cw_mul(albedo, light) + look[1] * fresnel * light
    for channel in range(3):
        rgb_out[index, row, column, channel] = _encode(surfaces.encode, table, color[channel])


def color_image(bank: SceneBank, view: View, direct: torch.Tensor | None, out: torch.Tensor) -> torch.Tensor:
    """Shades B views into `out`, shape (B, H, W, 3), uint8, sRGB, and returns it.

    Args:
        bank: the scenes.
        view: from `make_view`.
        direct: exposed irradiance by lamps, shape (B, H, W, 3), float32, in place of the baked one; or None.
        out: where the picture goes.
    """
    if out.ndim != 4 or out.shape[3] != 3 or out.dtype != torch.uint8 or out.device != bank.device:
        raise ValueError(f"rgb needs (B, H, W, 3) uint8 on {bank.device}, not {tuple(out.shape)} {out.dtype}")
    device = wp_device(bank.device)
    lamps = (
        wp.empty((0, 0, 0), dtype=wp.vec3, device=device) if direct is None else wp.from_torch(direct, dtype=wp.vec3)
    )
    wp.launch(
        _color_kernel,
        dim=tuple(out.shape[:3]),
        inputs=[bank_surfaces(bank), view, lamps],
        outputs=[wp.from_torch(out)],
        device=device,
    )
    return out


@wp.kernel
def _geometry_kernel(
    triangle_offset: wp.array[wp.int32],
    triangle_object: wp.array[wp.int32],
    view: View,
    depth_out: wp.array4d[wp.float32],
    semantic_out: wp.array3d[wp.int32],
) -> None:
    index, row, column = wp.tid()
    triangle = view.triangle[index, row, column]
    if depth_out.shape[0] > 0:
        depth_out[index, row, column, 0] = wp.where(triangle < 0, 0.0, view.depth[index, row, column])
    if semantic_out.shape[0] > 0:
        item = wp.int32(-1)
        if triangle >= 0:
            item = triangle_object[triangle_offset[view.scene_index[index]] + triangle]
        semantic_out[index, row, column] = item


def geometry_images(bank: SceneBank, view: View, depth: torch.Tensor | None, semantic: torch.Tensor | None) -> None:
    """Writes planar depth [m] (0 = no hit), (B, H, W, 1) float32, and object ids (-1 = none), (B, H, W) int32."""
    shape = depth.shape[:3] if depth is not None else semantic.shape if semantic is not None else None
    if shape is None:
        return
    device = wp_device(bank.device)
    wp.launch(
        _geometry_kernel,
        dim=tuple(shape),
        inputs=[wp.from_torch(bank.triangle_offset), wp.from_torch(bank.triangle_object), view],
        outputs=[
            wp.from_torch(depth) if depth is not None else wp.empty((0, 0, 0, 0), dtype=wp.float32, device=device),
            wp.from_torch(semantic) if semantic is not None else wp.empty((0, 0, 0), dtype=wp.int32, device=device),
        ],
        device=device,
    )
