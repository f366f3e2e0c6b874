"""Primary hits by Embree: the CPU's default. Same call as `primary_warp`."""

from __future__ import annotations

import torch

from avi_env.scene.bank import SceneBank
from avi_env.scene.rays_embree import trace
from avi_env.vision.camera import Camera, camera_rays
from avi_env.vision.primary import Primary

__all__ = ["primary_hits"]


def primary_hits(
    bank: SceneBank, scene_index: torch.Tensor, position: torch.Tensor, basis: torch.Tensor, camera: Camera
) -> Primary:
    """Returns the first hit behind every pixel of B views.

    Args:
        bank: the scenes, on the CPU.
        scene_index: scene of each view, shape (B,), int32.
        position: the eyes [m], shape (B, 3), float32, world frame.
        basis: from `view_basis`, shape (B, 3, 3), float32.
        camera: the intrinsics.
    """
    origins, directions = (rays.reshape(len(position), -1, 3) for rays in camera_rays(position, basis, camera))
    shape = (len(position), camera.height, camera.width)
    primary = Primary(torch.empty(shape), torch.empty(shape, dtype=torch.int32), torch.empty((*shape, 2)))
    for view, scene in enumerate(scene_index.tolist()):
        depth, triangle, u, v = trace(bank.scene(scene), origins[view].numpy(), directions[view].numpy())
        barycentric = torch.stack([torch.from_numpy(u), torch.from_numpy(v)], dim=1)
        for array, out in zip((torch.from_numpy(depth), torch.from_numpy(triangle), barycentric), primary, strict=True):
            out[view] = array.reshape(out.shape[1:])
    return primary
