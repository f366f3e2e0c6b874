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
    scenes = scene_index.tolist()
    if len(set(scenes)) == 1:
        hits = trace(bank.scene(scenes[0]), origins.reshape(-1, 3).numpy(), directions.reshape(-1, 3).numpy())
        depth, triangle, u, v = (torch.from_numpy(array).reshape(shape) for array in hits)
        return Primary(depth, triangle, u, v)
    reals = torch.empty((3, *shape), dtype=torch.float32)
    triangle = torch.empty(shape, dtype=torch.int32)
    for view, scene in enumerate(scenes):
        hits = trace(bank.scene(scene), origins[view].numpy(), directions[view].numpy())
        for array, out in zip(hits, (reals[0], triangle, reals[1], reals[2]), strict=True):
            out[view] = torch.from_numpy(array).reshape(shape[1:])
    return Primary(reals[0], triangle, reals[1], reals[2])
