"""quality="shadows": light of every lamp at every pixel, with hard shadows."""
# mypy: disable-error-code="untyped-decorator,misc,attr-defined"

from __future__ import annotations

import numpy as np
import torch
import warp as wp

from avi_env.scene import rays_embree
from avi_env.scene.bank import SceneBank
from avi_env.scene.launches import launch
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import launch_any_hit, warp_mesh
from avi_env.vision.camera import pixel_direction
from avi_env.vision.lamps import lamp_table, shadow_casters
from avi_env.vision.shading import View, surface_hit
from avi_env.vision.surfaces import Surfaces, bank_surfaces

__all__ = ["shadowed_light"]

wp.set_module_options({"enable_backward": False})

_OFFSET = wp.constant(2.0e-3)  # [m] off the surface, towards the viewer
_DIM = wp.constant(0.003)  # a lamp that gives less than this, unoccluded, is not traced: below one step of 8 bits


@wp.func
def _lamp_irradiance(axis: wp.vec3, away: wp.vec3, normal: wp.vec3) -> wp.float32:
    """Returns irradiance per unit of lamp colour; the same law as the bake."""
    square = wp.length_sq(away)
    toward = away / wp.max(wp.sqrt(square), 1.0e-6)
    share = wp.max(wp.dot(toward, normal), 0.0) / (square + 0.15)
    if wp.length_sq(axis) > 0.0:
        share *= wp.max(-wp.dot(toward, axis), 0.0)
    return share


@wp.kernel
def _lamp_rays_kernel(
    surfaces: Surfaces,
    scene_index: wp.array[wp.int32],
    position: wp.array[wp.vec3],
    basis: wp.array[wp.mat33],
    lens: wp.vec4,
    depth: wp.array3d[wp.float32],
    triangle: wp.array3d[wp.int32],
    slot: wp.int32,
    origins_out: wp.array3d[wp.vec3],
    segments_out: wp.array3d[wp.vec3],
    light_out: wp.array3d[wp.vec3],
) -> None:
    index, row, column = wp.tid()
    origins_out[index, row, column] = wp.vec3(0.0)
    segments_out[index, row, column] = wp.vec3(0.0)
    light_out[index, row, column] = wp.vec3(0.0)
    scene = scene_index[index]
    lamp = surfaces.lamp_offset[scene] + slot
    hit = surface_hit(surfaces.triangle_offset, triangle, scene, index, row, column)
    if hit < 0 or lamp >= surfaces.lamp_stop[scene]:
        return
    direction = pixel_direction(basis[index], row, column, lens)
    normal = surfaces.triangle_normal[hit]
    if wp.dot(direction, normal) > 0.0:
        normal = -normal
    point = position[index] + depth[index, row, column] * direction + _OFFSET * normal
    color = wp.vec3(surfaces.lamps[lamp, 3], surfaces.lamps[lamp, 4], surfaces.lamps[lamp, 5])
    away = wp.vec3(surfaces.lamps[lamp, 0], surfaces.lamps[lamp, 1], surfaces.lamps[lamp, 2]) - point
    axis = wp.vec3(surfaces.lamps[lamp, 6], surfaces.lamps[lamp, 7], surfaces.lamps[lamp, 8])
    light = color * _lamp_irradiance(axis, away, normal)
    if wp.max(light) > _DIM:
        origins_out[index, row, column] = point
        segments_out[index, row, column] = away * 0.98
        light_out[index, row, column] = light


def shadowed_light(bank: SceneBank, view: View, scene_index: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Returns the exposed irradiance by lamps at every pixel, shape (B, H, W, 3), float32.

    Args:
        bank: the scenes.
        view: from `make_view`.
        scene_index: scene of each view, shape (B,), int32.
        shape: (B, H, W).
    """
    surfaces = bank_surfaces(bank)
    casters = {slot: shadow_casters(scene) for slot, scene in enumerate(bank.scenes) if scene is not None}
    rays = torch.empty((3, *shape, 3), dtype=torch.float32, device=bank.device)
    total = torch.zeros((*shape, 3), dtype=torch.float32, device=bank.device)
    for slot in range(max(len(lamp_table(scene)) for scene in bank.scenes if scene is not None)):
        launch(_lamp_rays_kernel, shape, [surfaces, *view[:6], slot, *rays], bank.device)
        origins, segments, light = rays
        if bank.device.type == "cpu":
            _add_seen(casters, scene_index.tolist(), rays, total)
        else:
            ids = torch.tensor(
                [warp_mesh(casters[slot], bank.device).id if slot in casters else 0 for slot in range(len(bank))],
                device=bank.device,
            )
            rows = scene_index.repeat_interleave(shape[1] * shape[2])
            blocked = launch_any_hit(ids, rows, origins.view(-1, 3), segments.view(-1, 3))
            total += light * ~blocked.view(*shape, 1)
    return total


def _add_seen(casters: dict[int, Scene], scenes: list[int], rays: torch.Tensor, total: torch.Tensor) -> None:
    """Adds the light of one lamp per view to the pixels that see it, by Embree."""
    for view, scene in enumerate(scenes):
        origins, segments, light = (array[view].view(-1, 3).numpy() for array in rays)
        lit = np.flatnonzero(light[:, 0] > 0.0)
        seen = lit[~rays_embree.any_hit(casters[scene], origins[lit], segments[lit])]
        total[view].view(-1, 3).numpy()[seen] += light[seen]
