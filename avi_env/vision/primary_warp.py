"""Primary hits by Warp: CUDA's backend, and the CPU's reference. Same call as `primary_embree`."""
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
    size: wp.vec2,
    tangents: wp.vec2,
    depth_out: wp.array3d[wp.float32],
    triangle_out: wp.array3d[wp.int32],
    u_out: wp.array3d[wp.float32],
    v_out: wp.array3d[wp.float32],
) -> None:
    view, tile_row, tile_column, pixel = wp.tid()
    row = tile_row * _TILE + pixel // _TILE
    column = tile_column * _TILE + pixel % _TILE
    if float(row) >= size[1] or float(column) >= size[0]:
        return
    direction = pixel_direction(basis[view], row, column, size, tangents)
    query = wp.mesh_query_ray(mesh_ids[scene_index[view]], position[view], direction, 1.0e30)
    triangle = wp.int32(-1)
    if query.result:
        triangle = query.face
        depth_out[view, row, column] = query.t
        # Warp's u, v weigh vertices 0 and 1; ours weigh 1 and 2, as Embree's do.
        u_out[view, row, column] = query.v
        v_out[view, row, column] = 1.0 - query.u - query.v
    triangle_out[view, row, column] = triangle


def primary_hits(
    bank: SceneBank, scene_index: torch.Tensor, position: torch.Tensor, basis: torch.Tensor, camera: Camera
) -> Primary:
    """Returns the first hit behind every pixel of B views; arguments as in `primary_embree.primary_hits`."""
    count = len(position)
    if position.shape != (count, 3) or basis.shape != (count, 3, 3) or scene_index.shape != (count,):
        raise ValueError("position (B, 3), basis (B, 3, 3) and scene_index (B,) must agree")
    reals = torch.empty((3, count, camera.height, camera.width), dtype=torch.float32, device=position.device)
    triangle = torch.empty(reals.shape[1:], dtype=torch.int32, device=position.device)
    if count:
        wp.launch(
            _primary_kernel,
            dim=(count, -(-camera.height // _TILE), -(-camera.width // _TILE), _TILE * _TILE),
            inputs=[
                wp.from_torch(bank.mesh_ids, dtype=wp.uint64),
                wp.from_torch(scene_index.contiguous()),
                wp.from_torch(position.contiguous(), dtype=wp.vec3),
                wp.from_torch(basis, dtype=wp.mat33),
                wp.vec2(float(camera.width), float(camera.height)),
                wp.vec2(*camera.tangents),
            ],
            outputs=[wp.from_torch(array) for array in (reals[0], triangle, reals[1], reals[2])],
            device=wp_device(position.device),
            block_dim=_TILE * _TILE,
        )
    return Primary(reals[0], triangle, reals[1], reals[2])
