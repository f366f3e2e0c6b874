"""Trace and shade in one kernel, specialised per set of outputs: CUDA's only way to a picture, the CPU's second one."""
# mypy: disable-error-code="untyped-decorator,misc,attr-defined"

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
import warp as wp

from avi_env.scene.arena import Column, RowRange, RowTables
from avi_env.scene.bank import SceneBank
from avi_env.scene.launches import launch
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import warp_mesh
from avi_env.scene.slot_follower import SlotFollower
from avi_env.vision.camera import Camera, pixel_direction
from avi_env.vision.lamps import shadow_casters
from avi_env.vision.shading import pixel_color
from avi_env.vision.shadows import SHORT, lamp_light, lamp_ray, lit_point
from avi_env.vision.surfaces import Surfaces, bank_surfaces

__all__ = ["Features", "fused_images", "view_kernel"]

wp.set_module_options({"enable_backward": False})

_TILE = wp.constant(8)  # 8 x 8 pixel tiles: the 64 rays of a CUDA block stay close together
_BLOCK = 64
_FAR = wp.constant(1.0e30)


class Features(NamedTuple):
    """What a kernel computes; the rest is not in its code."""

    rgb: bool
    depth: bool
    semantic: bool
    textured: bool = False
    """Some scene of the bank has textures."""
    colored: bool = False
    """Some scene of the bank has colours at its triangles' corners."""
    traced: bool = False
    """Quality "shadows": the lamps' light is traced from every pixel."""


@wp.func
def _lamps_light(
    surfaces: Surfaces, casters: wp.uint64, scene: wp.int32, hit: wp.int32, eye: wp.vec3, direction: wp.vec3,
    depth: wp.float32,
) -> wp.vec3:  # fmt: skip
    """Returns the light of all lamps that a pixel's surface sees."""
    facing = surfaces.triangle_normal[hit]
    if wp.dot(direction, facing) > 0.0:
        facing = -facing
    point = lit_point(eye, direction, depth, facing)
    total = wp.vec3(0.0)
    for lamp in range(surfaces.lamp_offset[scene], surfaces.lamp_stop[scene]):
        away = lamp_ray(surfaces.lamps, lamp, point)
        light = lamp_light(surfaces.lamps, lamp, away, facing)
        if wp.max(light) > 0.0:
            if not wp.mesh_query_ray_anyhit(casters, point, away * SHORT, 1.0):
                total += light
    return total


@cache
def view_kernel(features: Features) -> Any:
    """Returns the kernel of a set of features, made once; it is compiled when it is first launched on a device."""

    @wp.kernel(module="unique", enable_backward=False)
    def views(
        surfaces: Surfaces,
        triangle_offset: wp.array[wp.int32],
        triangle_object: wp.array[wp.int32],
        mesh_ids: wp.array[wp.uint64],
        casters: wp.array[wp.uint64],
        scene_index: wp.array[wp.int32],
        position: wp.array[wp.vec3],
        basis: wp.array[wp.mat33],
        lens: wp.vec4,
        rgb_out: wp.array3d[wp.vec3ub],
        depth_out: wp.array4d[wp.float32],
        semantic_out: wp.array3d[wp.int32],
    ) -> None:
        view, tile_row, tile_column, pixel = wp.tid()
        row = tile_row * _TILE + pixel // _TILE
        column = tile_column * _TILE + pixel % _TILE
        if float(row) >= lens[1] or float(column) >= lens[0]:
            return
        scene, eye = scene_index[view], position[view]
        direction = pixel_direction(basis[view], row, column, lens)
        query = wp.mesh_query_ray(mesh_ids[scene], eye, direction, _FAR)
        hit = wp.int32(-1)
        depth = wp.float32(0.0)
        uv = wp.vec2(0.0, 0.0)
        if query.result:
            hit = triangle_offset[scene] + query.face
            depth = query.t
            # Warp's u, v weigh vertices 0 and 1; ours weigh 1 and 2, as Embree's do.
            uv = wp.vec2(query.v, 1.0 - query.u - query.v)
        if wp.static(features.depth):
            depth_out[view, row, column, 0] = depth
        if wp.static(features.semantic):
            semantic_out[view, row, column] = -1
            if hit >= 0:
                semantic_out[view, row, column] = triangle_object[hit]
        if wp.static(features.rgb):
            lamps = wp.vec3(0.0)
            if wp.static(features.traced):
                if hit >= 0:
                    lamps = _lamps_light(surfaces, casters[scene], scene, hit, eye, direction, depth)
            rgb_out[view, row, column] = pixel_color(
                surfaces, eye, direction, 2.0 * lens[2] / lens[0], hit, depth, uv,
                wp.static(features.traced), lamps, wp.static(features.textured), wp.static(features.colored),
            )  # fmt: skip

    return views


class _Casters(SlotFollower):
    """What casts shadows in each scene of a bank, and what the looks of its scenes need."""

    def __init__(self, bank: SceneBank) -> None:
        super().__init__(bank)
        self._table = RowTables(bank.slots.ranges, bank.device, {"casters": Column(torch.int64)})
        self._scenes: dict[int, Scene] = {}
        self._meshes: dict[int, wp.Mesh] = {}
        self.textured = self.colored = False

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of the table [bytes]."""
        return self._table.nbytes

    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Notes a scene; its ray tree is built when shadows are first asked for."""
        self._table.fit()
        self._scenes[slot] = scene

    def drop(self, slot: int) -> None:
        """Forgets a scene."""
        del self._scenes[slot]
        self._meshes.pop(slot, None)

    def renew(self, bank: SceneBank) -> None:
        """Finds what the looks of the scenes need that are there now."""
        self.textured = any(len(scene.textures) > 0 for scene in self._scenes.values())
        self.colored = any(scene.vertex_color is not None for scene in self._scenes.values())

    def ids(self, device: torch.device) -> torch.Tensor:
        """Returns handles of the ray trees without the lamps' bodies, shape (K,), int64."""
        for slot in self._scenes.keys() - self._meshes.keys():
            self._meshes[slot] = warp_mesh(shadow_casters(self._scenes[slot]), device)
            self._table.write(RowRange(slot, slot + 1), {"casters": self._meshes[slot].id})
        return self._table["casters"]


def fused_images(
    bank: SceneBank,
    scene_index: torch.Tensor,
    position: torch.Tensor,
    basis: torch.Tensor,
    camera: Camera,
    images: Mapping[str, torch.Tensor],
    quality: str = "fast",
) -> None:
    """Writes the images of B views; every pixel is written, whether anything is hit or not.

    Args:
        bank: the scenes.
        scene_index: scene of each view, shape (B,), int32.
        position: the eyes [m], shape (B, 3), float32, world frame.
        basis: from `view_basis`, shape (B, 3, 3), float32.
        camera: the intrinsics.
        images: where to, what is not there is not computed: "rgb" (B, H, W, 3) uint8, "depth" (B, H, W, 1) float32 and
            "semantic" (B, H, W) int32, contiguous, on the bank's device.
        quality: "fast" or "shadows".

    Raises:
        ValueError: an image of another shape, type or device.
    """
    count = len(position)
    shapes = {"rgb": (torch.uint8, (3,)), "depth": (torch.float32, (1,)), "semantic": (torch.int32, ())}
    size = (count, camera.height, camera.width)
    outputs = []
    for name, (dtype, rest) in shapes.items():
        image = images.get(name)
        if image is None:
            image = torch.empty((0, 0, 0, *rest), dtype=dtype, device=bank.device)
        elif image.shape != (*size, *rest) or image.dtype != dtype or image.device != bank.device:
            raise ValueError(
                f"{name} goes to a tensor {(*size, *rest)} of {dtype} on {bank.device}, not {tuple(image.shape)} of "
                f"{image.dtype} on {image.device}"
            )
        outputs.append(image)
    casters = bank.attached(_Casters)
    rgb = "rgb" in images
    traced = rgb and quality == "shadows"
    features = Features(
        rgb, "depth" in images, "semantic" in images, rgb and casters.textured, rgb and casters.colored, traced
    )
    arguments = [
        bank_surfaces(bank) if rgb else Surfaces(),
        bank.triangle_offset,
        bank.triangle_object,
        bank.mesh_ids,
        casters.ids(bank.device) if traced else bank.mesh_ids,
        scene_index,
        position,
        basis,
        camera.lens,
    ]
    tile = int(_TILE)
    dim = (count, -(-camera.height // tile), -(-camera.width // tile), _BLOCK)
    launch(view_kernel(features), dim, [*arguments, *outputs], bank.device, block_dim=_BLOCK)
