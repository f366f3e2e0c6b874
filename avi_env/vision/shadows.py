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
from avi_env.scene.slot_follower import SlotFollower
from avi_env.vision.camera import pixel_direction
from avi_env.vision.lamps import shadow_casters
from avi_env.vision.shading import View, surface_hit
from avi_env.vision.surfaces import Surfaces, bank_surfaces

__all__ = ["SHORT", "lamp_light", "lamp_ray", "lit_point", "shadowed_light"]

wp.set_module_options({"enable_backward": False})

SHORT = wp.constant(0.98)
"""Share of the way to a lamp on which something can stand: the lamp's own place is left out."""

_OFFSET = wp.constant(2.0e-3)  # [m] off the surface, towards the viewer
_DIM = wp.constant(0.003)  # a lamp that gives less than this, unoccluded, is not traced: below one step of 8 bits


class _Casters(SlotFollower):
    """Embree's trees of what casts shadows in the scenes of a bank on the CPU."""

    table: torch.Tensor
    """Handles, shape (K, 1), int64."""

    def __init__(self, bank: SceneBank) -> None:
        super().__init__(bank)
        self.table = torch.zeros((0, 1), dtype=torch.int64)
        self._trees: dict[int, EmbreeTree] = {}

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of the table [bytes]."""
        return {"shadow_casters": self.table.nbytes}

    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Enters the tree of a scene without the bodies of its lamps."""
        self._trees[slot] = embree_tree(shadow_casters(scene))

    def drop(self, slot: int) -> None:
        """Lets the tree of a slot go."""
        del self._trees[slot]

    def renew(self, bank: SceneBank) -> None:
        """Writes the table."""
        trees = [self._trees.get(slot) for slot in range(len(bank))]
        self.table = torch.tensor([0 if t is None else t.handle for t in trees], dtype=torch.int64).view(-1, 1)


@wp.func(inline=True)
def lit_point(eye: wp.vec3, direction: wp.vec3, depth: wp.float32, facing: wp.vec3) -> wp.vec3:
    """Returns where the light of a pixel is asked for: just off its surface, whose normal faces the viewer."""
    return eye + depth * direction + _OFFSET * facing


@wp.func(inline=True)
def lamp_ray(lamps: wp.array2d[wp.float32], lamp: wp.int32, point: wp.vec3) -> wp.vec3:
    """Returns the way from a point to a lamp."""
    return wp.vec3(lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]) - point


@wp.func(inline=True)
def lamp_light(lamps: wp.array2d[wp.float32], lamp: wp.int32, away: wp.vec3, facing: wp.vec3) -> wp.vec3:
    """Returns what a lamp gives if nothing stands between, 0 where that is too little to see; the bake's law."""
    square = wp.length_sq(away)
    toward = away / wp.max(wp.sqrt(square), 1.0e-6)
    share = wp.max(wp.dot(toward, facing), 0.0) / (square + 0.15)
    axis = wp.vec3(lamps[lamp, 6], lamps[lamp, 7], lamps[lamp, 8])
    if wp.length_sq(axis) > 0.0:
        share *= wp.max(-wp.dot(toward, axis), 0.0)
    light = wp.vec3(lamps[lamp, 3], lamps[lamp, 4], lamps[lamp, 5]) * share
    return wp.where(wp.max(light) > _DIM, light, wp.vec3(0.0))


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
        point = lit_point(position[view], direction, depth[view, row, column], normal)
        for lamp in range(surfaces.lamp_offset[scene], surfaces.lamp_stop[scene]):
            away = lamp_ray(surfaces.lamps, lamp, point)
            light = lamp_light(surfaces.lamps, lamp, away, normal)
            if wp.max(light) > 0.0:
                if not ray_blocked(function, trees[scene, 0], point, away * SHORT):
                    total += light
    light_out[view, row, column] = total


def shadowed_light(bank: SceneBank, view: View, lines: tuple[int, int] | None = None) -> torch.Tensor:
    """Returns the exposed irradiance by lamps at every pixel, shape (B, H, W, 3), float32, by Embree.

    Args:
        bank: the scenes, on the CPU.
        view: from `make_view`.
        lines: image rows to treat, first and last + 1, counted through all views; the rest is undefined. All if not
            given.
    """
    light = torch.empty((*view.triangle.shape, 3), dtype=torch.float32)
    count, height, width = view.triangle.shape
    first, last = lines or (0, count * height)
    function = embree_function("rtcOccluded1")
    launch(
        _lamps_kernel,
        (last - first, width),
        [function, bank.attached(_Casters).table, bank_surfaces(bank), *view[:6], first, light],
        bank.device,
    )
    return light
