"""quality="shadows": light of the strongest lamps at every pixel, with hard shadows."""
# mypy: disable-error-code="untyped-decorator,misc,attr-defined"

from __future__ import annotations

import torch
import warp as wp

from avi_env.scene import rays_embree
from avi_env.scene.bank import SceneBank
from avi_env.scene.rays_warp import launch_any_hit, warp_mesh, wp_device
from avi_env.vision.camera import pixel_direction
from avi_env.vision.lamps import shadow_casters
from avi_env.vision.shading import View, surface_hit
from avi_env.vision.surfaces import Surfaces, bank_surfaces

__all__ = ["LAMPS_PER_PIXEL", "shadowed_light"]

wp.set_module_options({"enable_backward": False})

LAMPS_PER_PIXEL = 4
"""The strongest lamps of a point are traced, unoccluded irradiance counted; the others do not shine on it."""

_LAMPS = wp.constant(LAMPS_PER_PIXEL)
_OFFSET = wp.constant(2.0e-3)  # [m] off the surface, towards the viewer


@wp.func
def _lamp_irradiance(surfaces: Surfaces, lamp: wp.int32, away: wp.vec3, normal: wp.vec3) -> wp.float32:
    """Returns irradiance per unit of lamp colour; the same law as the bake."""
    square = wp.length_sq(away)
    toward = away / wp.max(wp.sqrt(square), 1.0e-6)
    axis = wp.vec3(surfaces.lamps[lamp, 6], surfaces.lamps[lamp, 7], surfaces.lamps[lamp, 8])
    share = wp.max(wp.dot(toward, normal), 0.0) / (square + 0.15)
    if wp.length_sq(axis) > 0.0:
        share *= wp.max(-wp.dot(toward, axis), 0.0)
    return share


@wp.kernel
def _lamp_rays_kernel(
    surfaces: Surfaces,
    view: View,
    origins_out: wp.array4d[wp.vec3],
    segments_out: wp.array4d[wp.vec3],
    light_out: wp.array4d[wp.vec3],
) -> None:
    index, row, column = wp.tid()
    hit = surface_hit(surfaces.triangle_offset, view.triangle, view.scene_index, index, row, column)
    for slot in range(_LAMPS):
        segments_out[index, row, column, slot] = wp.vec3(0.0)
        light_out[index, row, column, slot] = wp.vec3(0.0)
    if hit < 0:
        return
    direction = pixel_direction(view.basis[index], row, column, view.size, view.tangents)
    normal = surfaces.triangle_normal[hit]
    if wp.dot(direction, normal) > 0.0:
        normal = -normal
    point = view.position[index] + view.depth[index, row, column] * direction + _OFFSET * normal
    scene = view.scene_index[index]
    taken = wp.float32(wp.inf)
    for slot in range(_LAMPS):
        # The strongest lamp below the one taken before: lamps of equal strength would hide each other, which lamps
        # at different places do along lines only.
        best, lamp = wp.float32(0.002), wp.int32(-1)
        for k in range(surfaces.lamp_offset[scene], surfaces.lamp_offset[scene + 1]):
            color = wp.vec3(surfaces.lamps[k, 3], surfaces.lamps[k, 4], surfaces.lamps[k, 5])
            away = wp.vec3(surfaces.lamps[k, 0], surfaces.lamps[k, 1], surfaces.lamps[k, 2]) - point
            strength = _lamp_irradiance(surfaces, k, away, normal) * wp.max(color)
            if strength > best and strength < taken:
                best, lamp = strength, k
        if lamp >= 0:
            taken = best
            color = wp.vec3(surfaces.lamps[lamp, 3], surfaces.lamps[lamp, 4], surfaces.lamps[lamp, 5])
            away = wp.vec3(surfaces.lamps[lamp, 0], surfaces.lamps[lamp, 1], surfaces.lamps[lamp, 2]) - point
            origins_out[index, row, column, slot] = point
            segments_out[index, row, column, slot] = away * 0.98
            light_out[index, row, column, slot] = color * (best / wp.max(color))


def shadowed_light(bank: SceneBank, view: View, scene_index: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Returns the exposed irradiance by lamps at every pixel, shape (B, H, W, 3), float32.

    Args:
        bank: the scenes.
        view: from `make_view`.
        scene_index: scene of each view, shape (B,), int32.
        shape: (B, H, W).
    """
    slots = (*shape, LAMPS_PER_PIXEL, 3)
    origins = torch.zeros(slots, dtype=torch.float32, device=bank.device)
    segments, light = torch.empty_like(origins), torch.empty_like(origins)
    wp.launch(
        _lamp_rays_kernel,
        dim=shape,
        inputs=[bank_surfaces(bank), view],
        outputs=[wp.from_torch(array, dtype=wp.vec3) for array in (origins, segments, light)],
        device=wp_device(bank.device),
    )
    casters = [shadow_casters(scene) for scene in bank.scenes]
    if bank.device.type == "cpu":
        views = zip(scene_index.tolist(), origins, segments, strict=True)
        answers = [rays_embree.any_hit(casters[k], o.view(-1, 3).numpy(), s.view(-1, 3).numpy()) for k, o, s in views]
        blocked = torch.stack([torch.from_numpy(answer) for answer in answers])
    else:
        ids = torch.tensor([warp_mesh(scene, bank.device).id for scene in casters], device=bank.device)
        rays = scene_index.repeat_interleave(shape[1] * shape[2] * LAMPS_PER_PIXEL)
        blocked = launch_any_hit(ids, rays, origins.view(-1, 3), segments.view(-1, 3))
    light *= ~blocked.view(slots[:-1]).unsqueeze(-1)
    return light.sum(dim=3)
