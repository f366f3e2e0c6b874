"""quality="shadows": light of every lamp at every pixel, with hard shadows."""
# mypy: disable-error-code="untyped-decorator,misc"

from __future__ import annotations

import torch
import warp as wp

from avi_env.scene.bank import SceneBank
from avi_env.scene.embree import EmbreeTree, embree_function
from avi_env.scene.launches import launch
from avi_env.scene.model import Scene
from avi_env.scene.rays_embree import embree_tree, ray_blocked
from avi_env.scene.rays_warp import warp_mesh
from avi_env.scene.slot_follower import SlotFollower
from avi_env.vision.camera import pixel_direction
from avi_env.vision.lamps import shadow_casters
from avi_env.vision.shading import View, surface_hit
from avi_env.vision.surfaces import Surfaces, bank_surfaces

__all__ = ["shadowed_light"]

wp.set_module_options({"enable_backward": False})

_OFFSET = wp.constant(2.0e-3)  # [m] off the surface, towards the viewer
_DIM = wp.constant(0.003)  # a lamp that gives less than this, unoccluded, is not traced: below one step of 8 bits


class _Casters(SlotFollower):
    """The ray trees of what casts shadows in a bank's scenes: Embree's on the CPU, Warp's on CUDA."""

    table: torch.Tensor
    """Handles, shape (K, 1), int64, on the bank's device."""

    def __init__(self, bank: SceneBank) -> None:
        super().__init__(bank)
        self.table = torch.zeros((0, 1), dtype=torch.int64, device=bank.device)
        self._trees: dict[int, EmbreeTree | wp.Mesh] = {}

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of the table [bytes]."""
        return {"shadow_casters": self.table.nbytes}

    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Enters the tree of a scene without the bodies of its lamps."""
        casters = shadow_casters(scene)
        self._trees[slot] = embree_tree(casters) if bank.device.type == "cpu" else warp_mesh(casters, bank.device)

    def drop(self, slot: int) -> None:
        """Lets the tree of a slot go."""
        del self._trees[slot]

    def renew(self, bank: SceneBank) -> None:
        """Writes the table."""
        trees = [self._trees.get(slot) for slot in range(len(bank))]
        handles = [0 if t is None else t.handle if isinstance(t, EmbreeTree) else t.id for t in trees]
        self.table = torch.tensor(handles, dtype=torch.int64).view(-1, 1).to(bank.device)


@wp.func(inline=True)
def _lamp_irradiance(axis: wp.vec3, away: wp.vec3, normal: wp.vec3) -> wp.float32:
    """Returns irradiance per unit of lamp colour; the same law as the bake."""
    square = wp.length_sq(away)
    toward = away / wp.max(wp.sqrt(square), 1.0e-6)
    share = wp.max(wp.dot(toward, normal), 0.0) / (square + 0.15)
    if wp.length_sq(axis) > 0.0:
        share *= wp.max(-wp.dot(toward, axis), 0.0)
    return share


@wp.kernel
def _lamps_kernel(
    function: wp.uint64,
    trees: wp.array2d[wp.int64],
    surfaces: Surfaces,
    scene_index: wp.array[wp.int32],
    position: wp.array[wp.vec3],
    basis: wp.array[wp.mat33],
    lens: wp.vec4,
    depth: wp.array3d[wp.float32],
    triangle: wp.array3d[wp.int32],
    first: wp.int32,
    light_out: wp.array3d[wp.vec3],
) -> None:
    line, column = wp.tid()
    height = light_out.shape[1]
    view, row = (first + line) / height, (first + line) % height
    scene = scene_index[view]
    total = wp.vec3(0.0)
    hit = surface_hit(surfaces.triangle_offset, triangle, scene, view, row, column)
    if hit >= 0:
        direction = pixel_direction(basis[view], row, column, lens)
        normal = surfaces.triangle_normal[hit]
        if wp.dot(direction, normal) > 0.0:
            normal = -normal
        point = position[view] + depth[view, row, column] * direction + _OFFSET * normal
        for lamp in range(surfaces.lamp_offset[scene], surfaces.lamp_stop[scene]):
            color = wp.vec3(surfaces.lamps[lamp, 3], surfaces.lamps[lamp, 4], surfaces.lamps[lamp, 5])
            away = wp.vec3(surfaces.lamps[lamp, 0], surfaces.lamps[lamp, 1], surfaces.lamps[lamp, 2]) - point
            axis = wp.vec3(surfaces.lamps[lamp, 6], surfaces.lamps[lamp, 7], surfaces.lamps[lamp, 8])
            light = color * _lamp_irradiance(axis, away, normal)
            if wp.max(light) > _DIM:
                blocked = wp.bool(False)
                if function == wp.uint64(0):
                    blocked = wp.mesh_query_ray_anyhit(wp.uint64(trees[scene, 0]), point, away * 0.98, 1.0)
                else:
                    blocked = ray_blocked(function, trees[scene, 0], point, away * 0.98)
                if not blocked:
                    total += light
    light_out[view, row, column] = total


def shadowed_light(bank: SceneBank, view: View, lines: tuple[int, int] | None = None) -> torch.Tensor:
    """Returns the exposed irradiance by lamps at every pixel, shape (B, H, W, 3), float32; by Embree on the CPU.

    Args:
        bank: the scenes.
        view: from `make_view`.
        lines: image rows to treat, first and last + 1, counted through all views; the rest is undefined. All if not
            given.
    """
    light = torch.empty((*view.triangle.shape, 3), dtype=torch.float32, device=bank.device)
    count, height, width = view.triangle.shape
    first, last = lines or (0, count * height)
    function = embree_function("rtcOccluded1") if bank.device.type == "cpu" else 0
    launch(
        _lamps_kernel,
        (last - first, width),
        [function, bank.attached(_Casters).table, bank_surfaces(bank), *view[:6], first, light],
        bank.device,
    )
    return light
