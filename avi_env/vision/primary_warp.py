"""Primary hits by Warp: CUDA's backend, and the CPU's reference. What it finds is what `primary_embree` does."""
# mypy: disable-error-code="untyped-decorator,misc"

from __future__ import annotations

import torch
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.rays_warp import wp_device
from avi_env.vision.camera import Camera, pixel_direction
from avi_env.vision.primary import Primary

__all__ = ["primary_hits"]

wp.set_module_options({"enable_backward": False})

_TILE = wp.constant(8)  # 8 x 8 pixel tiles: the 64 rays of a CUDA block stay close together


@wp.kernel
def _primary_kernel(
    mesh_ids: wp.array[wp.uint64],
    scene_index: wp.array[wp.int32],
    position: wp.array[wp.vec3],
    basis: wp.array[wp.mat33],
    lens: wp.vec4,
    depth_out: wp.array3d[wp.float32],
    triangle_out: wp.array3d[wp.int32],
    barycentric_out: wp.array3d[wp.vec2],
) -> None:
    view, tile_row, tile_column, pixel = wp.tid()
    row = tile_row * _TILE + pixel // _TILE
    column = tile_column * _TILE + pixel % _TILE
    if row >= depth_out.shape[1] or column >= depth_out.shape[2]:
        return
    direction = pixel_direction(basis[view], row, column, lens)
    query = wp.mesh_query_ray(mesh_ids[scene_index[view]], position[view], direction, 1.0e30)
    triangle = wp.int32(-1)
    if query.result:
        triangle = query.face
        depth_out[view, row, column] = query.t
        # Warp's u, v weigh vertices 0 and 1; ours weigh 1 and 2, as Embree's do.
        barycentric_out[view, row, column] = wp.vec2(query.v, 1.0 - query.u - query.v)
    triangle_out[view, row, column] = triangle


def primary_hits(
    bank: SceneBank, scene_index: torch.Tensor, position: torch.Tensor, basis: torch.Tensor, camera: Camera
) -> Primary:
    """Returns the first hit behind every pixel of B views.

    Args:
        bank: the scenes.
        scene_index: scene of each view, shape (B,), int32.
        position: the eyes [m], shape (B, 3), float32, world frame.
        basis: from `view_basis`, shape (B, 3, 3), float32.
        camera: the intrinsics.
    """
    count = len(position)
    if position.shape != (count, 3) or basis.shape != (count, 3, 3) or scene_index.shape != (count,):
        raise ValueError("position (B, 3), basis (B, 3, 3) and scene_index (B,) must agree")
    shape, device = (count, camera.height, camera.width), position.device
    primary = Primary(
        torch.empty(shape, dtype=torch.float32, device=device),
        torch.empty(shape, dtype=torch.int32, device=device),
        torch.empty((*shape, 2), dtype=torch.float32, device=device),
    )
    if count:
        wp.launch(
            _primary_kernel,
            dim=(count, -(-camera.height // _TILE), -(-camera.width // _TILE), _TILE * _TILE),
            inputs=[
                wp.from_torch(bank.mesh_ids, dtype=wp.uint64),
                wp.from_torch(scene_index.contiguous()),
                wp.from_torch(position.contiguous(), dtype=wp.vec3),
                wp.from_torch(basis, dtype=wp.mat33),
                wp.vec4(*camera.lens),
            ],
            outputs=[
                wp.from_torch(primary.depth),
                wp.from_torch(primary.triangle),
                wp.from_torch(primary.barycentric, dtype=wp.vec2),
            ],
            device=wp_device(device),
            block_dim=_TILE * _TILE,
        )
    return primary
