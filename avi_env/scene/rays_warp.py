"""Rays by Warp: the CUDA backend of `avi_env.scene.rays`, the CPU's second opinion. Warp is initialised here, once."""
# mypy: disable-error-code="untyped-decorator,attr-defined"

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.scene.derived import derived
from avi_env.scene.model import Scene
from avi_env.scene.rays import Hits

__all__ = ["any_hit", "closest_hit", "launch_any_hit", "launch_closest_hit", "loading", "warp_mesh", "wp_device"]

loading = threading.RLock()
"""Held while Warp compiles or loads the code of a module."""

_FAR = 1.0e30


def _init_quietly() -> None:
    # Without a driver Warp's native part writes a warning to file descriptor 2 in every process: that there is no GPU
    # is no news on a CPU machine, and who asks for "cuda" gets the error of `wp_device`.
    wp.config.log_level = wp.LOG_WARNING
    if torch.cuda.is_available():
        wp.init()
        return
    stderr, silence = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        wp.init()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(silence)


def _load_in_turn() -> None:
    # Two threads that first launch a kernel at a time would both load its module; Warp keeps the second and unloads the
    # first, whose code the other thread is about to run.
    plain = wp.Module.load

    def load(*arguments: Any, **keywords: Any) -> Any:
        with loading:
            return plain(*arguments, **keywords)

    wp.Module.load = load


_init_quietly()
_load_in_turn()
wp.set_module_options({"enable_backward": False})


def wp_device(device: str | torch.device) -> str:
    """Returns Warp's name of a device: "cpu", or "cuda:0" for "cuda".

    Raises:
        ValueError: the device does not exist here.
    """
    name = str(device)
    try:
        return str(wp.get_device("cuda:0" if name == "cuda" else name))
    except Exception as error:  # Warp raises differently for unknown names and for absent devices
        known = ", ".join(str(d) for d in wp.get_devices())
        raise ValueError(f"device {name!r} is not available here; available: {known}") from error


def warp_mesh(scene: Scene, device: str | torch.device) -> wp.Mesh:
    """Returns the scene's triangles with a ray-query tree on a device, built once."""
    name = wp_device(device)
    return derived(scene, ("warp_mesh", name), lambda: _build(scene, name))


def closest_hit(
    scene: Scene, origins: npt.NDArray[np.float32], directions: npt.NDArray[np.float32], device: str = "cpu"
) -> Hits:
    """Returns the nearest hit of each ray; arguments as in `avi_env.scene.rays.closest_hit`."""
    ids, index, start, direction = _upload(scene, origins, directions, device)
    distance, triangle, barycentric = launch_closest_hit(ids, index, start, direction)
    return Hits(distance.cpu().numpy(), triangle.cpu().numpy(), barycentric.cpu().numpy())


def any_hit(
    scene: Scene, origins: npt.NDArray[np.float32], segments: npt.NDArray[np.float32], device: str = "cpu"
) -> npt.NDArray[np.bool_]:
    """Returns whether anything lies within each segment, given by start and full vector, shapes (N, 3)."""
    blocked: npt.NDArray[np.bool_] = launch_any_hit(*_upload(scene, origins, segments, device)).cpu().numpy()
    return blocked


def _upload(
    scene: Scene, first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    name = wp_device(device)
    ids = torch.tensor([warp_mesh(scene, name).id], dtype=torch.int64, device=name)
    index = torch.zeros(len(first), dtype=torch.int32, device=name)
    one, two = (torch.from_numpy(np.array(array, dtype=np.float32)).to(name) for array in (first, second))
    return ids, index, one, two


@wp.kernel
def _closest_hit_kernel(
    mesh_ids: wp.array[wp.uint64],
    scene_index: wp.array[wp.int32],
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    far: wp.float32,
    distance_out: wp.array[wp.float32],
    triangle_out: wp.array[wp.int32],
    barycentric_out: wp.array[wp.vec2],
) -> None:
    ray = wp.tid()
    distance = wp.float32(wp.inf)
    triangle = wp.int32(-1)
    barycentric = wp.vec2(0.0, 0.0)
    query = wp.mesh_query_ray(mesh_ids[scene_index[ray]], origins[ray], directions[ray], far)
    if query.result:
        distance = query.t
        triangle = query.face
        # Warp's u, v weigh vertices 0 and 1; ours weigh 1 and 2, as Embree's do.
        barycentric = wp.vec2(query.v, 1.0 - query.u - query.v)
    distance_out[ray] = distance
    triangle_out[ray] = triangle
    barycentric_out[ray] = barycentric


def launch_closest_hit(
    mesh_ids: torch.Tensor, scene_index: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns distance (N,), triangle (N,) and barycentrics (N, 2) of N rays against the scenes of a bank.

    Args:
        mesh_ids: handles of the scenes' `wp.Mesh`, shape (K,), int64.
        scene_index: scene of each ray, shape (N,), int32.
        origins: starts [m], shape (N, 3), float32.
        directions: directions, shape (N, 3), float32; distances count in their length.
    """
    count = _check_rays(mesh_ids, scene_index, origins, directions)
    distance = torch.empty(count, dtype=torch.float32, device=origins.device)
    triangle = torch.empty(count, dtype=torch.int32, device=origins.device)
    barycentric = torch.empty((count, 2), dtype=torch.float32, device=origins.device)
    if count:
        wp.launch(
            _closest_hit_kernel,
            dim=count,
            inputs=[*_ray_inputs(mesh_ids, scene_index, origins, directions), _FAR],
            outputs=[wp.from_torch(distance), wp.from_torch(triangle), wp.from_torch(barycentric, dtype=wp.vec2)],
            device=wp_device(origins.device),
        )
    return distance, triangle, barycentric


@wp.kernel
def _any_hit_kernel(
    mesh_ids: wp.array[wp.uint64],
    scene_index: wp.array[wp.int32],
    origins: wp.array[wp.vec3],
    segments: wp.array[wp.vec3],
    blocked_out: wp.array[wp.bool],
) -> None:
    ray = wp.tid()
    segment = segments[ray]
    blocked = wp.bool(False)
    if wp.length_sq(segment) > 0.0:
        blocked = wp.mesh_query_ray_anyhit(mesh_ids[scene_index[ray]], origins[ray], segment, 1.0)
    blocked_out[ray] = blocked


def launch_any_hit(
    mesh_ids: torch.Tensor, scene_index: torch.Tensor, origins: torch.Tensor, segments: torch.Tensor
) -> torch.Tensor:
    """Returns whether anything lies within each of N segments, shape (N,), bool; arguments as `launch_closest_hit`."""
    count = _check_rays(mesh_ids, scene_index, origins, segments)
    blocked = torch.empty(count, dtype=torch.bool, device=origins.device)
    if count:
        wp.launch(
            _any_hit_kernel,
            dim=count,
            inputs=_ray_inputs(mesh_ids, scene_index, origins, segments),
            outputs=[wp.from_torch(blocked)],
            device=wp_device(origins.device),
        )
    return blocked


def _ray_inputs(
    mesh_ids: torch.Tensor, scene_index: torch.Tensor, first: torch.Tensor, second: torch.Tensor
) -> list[wp.array]:
    return [
        wp.from_torch(mesh_ids, dtype=wp.uint64),
        wp.from_torch(scene_index),
        wp.from_torch(first.contiguous(), dtype=wp.vec3),
        wp.from_torch(second.contiguous(), dtype=wp.vec3),
    ]


def _check_rays(mesh_ids: torch.Tensor, scene_index: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> int:
    count = len(first)
    if first.shape != (count, 3) or second.shape != (count, 3) or scene_index.shape != (count,):
        raise ValueError(
            f"rays need shapes (N, 3), (N, 3) and scene_index (N,), not {tuple(first.shape)}, {tuple(second.shape)} "
            f"and {tuple(scene_index.shape)}"
        )
    if not mesh_ids.device == scene_index.device == first.device == second.device:
        raise ValueError("rays, scene_index and mesh_ids must lie on one device")
    return count


def _build(scene: Scene, device: str) -> wp.Mesh:
    # A scene without triangles gets a degenerate one that no ray meets: Warp builds no tree over nothing.
    vertices = scene.vertices if len(scene.triangles) else np.zeros((1, 3), dtype=np.float32)
    triangles = scene.triangles if len(scene.triangles) else np.zeros((1, 3), dtype=np.int32)
    return wp.Mesh(
        points=wp.array(vertices, dtype=wp.vec3, device=device),
        indices=wp.array(triangles.ravel(), dtype=wp.int32, device=device),
        bvh_constructor="sah",
        bvh_leaf_size=2,
    )
