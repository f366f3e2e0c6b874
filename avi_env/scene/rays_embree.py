"""Rays by Embree: the CPU's backend of `avi_env.scene.rays`, one kernel for any number of rays and scenes."""
# mypy: disable-error-code="untyped-decorator,empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.scene.derived import derived
from avi_env.scene.embree import EmbreeTree, embree_function
from avi_env.scene.launches import launch
from avi_env.scene.model import Scene
from avi_env.scene.rays import Hits
from avi_env.scene.slot_follower import SlotFollower
from avi_env.threads import run_rows

if TYPE_CHECKING:
    from avi_env.scene.bank import SceneBank

__all__ = [
    "RAY",
    "EmbreeTrees",
    "any_hit",
    "closest_hit",
    "embree_tree",
    "launch_any_hit",
    "launch_closest_hit",
    "ray_blocked",
]

wp.set_module_options({"enable_backward": False})

_CPU = torch.device("cpu")
_SHARE = 2048
"""Rays below which another thread is not worth its start."""

RAY = """
    struct alignas(16) Ray {
        float org_x, org_y, org_z, tnear, dir_x, dir_y, dir_z, time, tfar;
        unsigned int mask, id, flags;
    };
    struct alignas(16) RayHit {
        Ray ray;
        float normal[3], u, v;
        unsigned int triangle, geometry, instance, instance_part;
    };
"""
"""Embree's layout of a ray and its hit (rtcore_ray.h), for the snippets that call it."""


def embree_tree(scene: Scene) -> EmbreeTree:
    """Returns Embree's ray tree of a scene, built once."""
    return derived(scene, ("embree",), lambda: EmbreeTree(scene.vertices, scene.triangles))


class EmbreeTrees(SlotFollower):
    """The ray trees of a bank's scenes as kernels take them."""

    table: torch.Tensor
    """Handle of each slot's tree, and the first row of its scene in the triangle tables, shape (K, 2), int64."""

    def __init__(self, bank: SceneBank) -> None:
        super().__init__(bank)
        self.table = torch.zeros((len(bank), 2), dtype=torch.int64)
        self._trees: dict[int, EmbreeTree] = {}

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of the table [bytes]."""
        return {"embree_trees": self.table.nbytes}

    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Enters the tree of a scene, built if nobody did before."""
        if slot >= len(self.table):
            self.table = torch.cat([self.table, torch.zeros((len(bank) - len(self.table), 2), dtype=torch.int64)])
        self._trees[slot] = embree_tree(scene)
        self.table[slot, 0], self.table[slot, 1] = self._trees[slot].handle, bank.triangle_rows(slot).start

    def drop(self, slot: int) -> None:
        """Lets the tree of a slot go."""
        del self._trees[slot]
        self.table[slot] = 0

    def renew(self, bank: SceneBank) -> None:
        """Nothing points at the table."""


def closest_hit(scene: Scene, origins: npt.NDArray[np.float32], directions: npt.NDArray[np.float32]) -> Hits:
    """Returns the nearest hit of each ray; arguments as in `avi_env.scene.rays.closest_hit`."""
    distance, triangle, barycentric = launch_closest_hit(*_upload(scene, origins, directions))
    return Hits(distance.numpy(), triangle.numpy(), barycentric.numpy())


def any_hit(scene: Scene, origins: npt.NDArray[np.float32], segments: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Returns whether anything lies within each segment, given by start and full vector, shapes (N, 3)."""
    blocked: npt.NDArray[np.bool_] = launch_any_hit(*_upload(scene, origins, segments)).numpy()
    return blocked


@wp.func_native(
    RAY
    + """
    RayHit hit = {};
    hit.ray.org_x = origin[0]; hit.ray.org_y = origin[1]; hit.ray.org_z = origin[2];
    hit.ray.dir_x = direction[0]; hit.ray.dir_y = direction[1]; hit.ray.dir_z = direction[2];
    hit.ray.tfar = INFINITY;
    hit.ray.mask = hit.triangle = hit.geometry = hit.instance = hit.instance_part = 0xffffffffu;
    ((void (*)(void*, RayHit*, void*))function)((void*)tree, &hit, nullptr);
    distance.data[row] = hit.ray.tfar;
    triangle.data[row] = (int)hit.triangle;
    barycentric.data[row] = wp::vec2(hit.u, hit.v);
"""
)
def _trace(
    function: wp.uint64,
    tree: wp.int64,
    origin: wp.vec3,
    direction: wp.vec3,
    row: wp.int32,
    distance: wp.array[wp.float32],
    triangle: wp.array[wp.int32],
    barycentric: wp.array[wp.vec2],
) -> None:
    """Writes the nearest hit of a ray into a row of three arrays."""
    ...


@wp.func_native(
    RAY
    + """
#ifdef __CUDA_ARCH__
    return false;
#else
    Ray ray = {};
    ray.org_x = origin[0]; ray.org_y = origin[1]; ray.org_z = origin[2];
    ray.dir_x = segment[0]; ray.dir_y = segment[1]; ray.dir_z = segment[2];
    ray.tfar = 1.0f;
    ray.mask = 0xffffffffu;
    if (segment[0] != 0.0f || segment[1] != 0.0f || segment[2] != 0.0f)
        ((void (*)(void*, Ray*, void*))function)((void*)tree, &ray, nullptr);
    return ray.tfar < 0.0f;
#endif
"""
)
def ray_blocked(function: wp.uint64, tree: wp.int64, origin: wp.vec3, segment: wp.vec3) -> wp.bool:
    """Returns whether anything lies within a segment, given by start and full vector; for kernels on the CPU.

    `function` is `embree_function("rtcOccluded1")`, `tree` an `EmbreeTree.handle`.
    """
    ...


@wp.kernel
def _closest_hit_kernel(
    function: wp.uint64,
    trees: wp.array2d[wp.int64],
    scene_index: wp.array[wp.int32],
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    first: wp.int32,
    distance_out: wp.array[wp.float32],
    triangle_out: wp.array[wp.int32],
    barycentric_out: wp.array[wp.vec2],
) -> None:
    ray = first + wp.tid()
    tree = trees[scene_index[ray], 0]
    _trace(function, tree, origins[ray], directions[ray], ray, distance_out, triangle_out, barycentric_out)


def launch_closest_hit(
    trees: torch.Tensor, scene_index: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns distance (N,), triangle (N,) and barycentrics (N, 2) of N rays; inf and -1 = no hit.

    Each ray is traced by itself: its answer does not depend on its neighbours, even where triangles coincide.

    Args:
        trees: `EmbreeTrees.table`, shape (K, 2), int64.
        scene_index: scene of each ray, shape (N,), int32.
        origins: starts [m], shape (N, 3), float32.
        directions: directions, shape (N, 3), float32; distances count in their length.
    """
    count = _check_rays(scene_index, origins, directions)
    distance, barycentric = torch.empty(count), torch.empty((count, 2))
    triangle = torch.empty(count, dtype=torch.int32)
    function = embree_function("rtcIntersect1")

    def part(first: int, last: int) -> None:
        rays = [function, trees, scene_index, origins, directions, first]
        launch(_closest_hit_kernel, (last - first,), [*rays, distance, triangle, barycentric], _CPU)

    run_rows(part, count, _threads(count))
    return distance, triangle, barycentric


@wp.kernel
def _any_hit_kernel(
    function: wp.uint64,
    trees: wp.array2d[wp.int64],
    scene_index: wp.array[wp.int32],
    origins: wp.array[wp.vec3],
    segments: wp.array[wp.vec3],
    first: wp.int32,
    blocked_out: wp.array[wp.bool],
) -> None:
    ray = first + wp.tid()
    blocked_out[ray] = ray_blocked(function, trees[scene_index[ray], 0], origins[ray], segments[ray])


def launch_any_hit(
    trees: torch.Tensor, scene_index: torch.Tensor, origins: torch.Tensor, segments: torch.Tensor
) -> torch.Tensor:
    """Returns whether anything lies within each of N segments, shape (N,), bool; arguments as `launch_closest_hit`."""
    count = _check_rays(scene_index, origins, segments)
    blocked = torch.empty(count, dtype=torch.bool)
    function = embree_function("rtcOccluded1")

    def part(first: int, last: int) -> None:
        rays = [function, trees, scene_index, origins, segments, first]
        launch(_any_hit_kernel, (last - first,), [*rays, blocked], _CPU)

    run_rows(part, count, _threads(count))
    return blocked


def _threads(count: int) -> int | None:
    """Returns how many threads a number of rays is worth, None = all there are."""
    return 1 if count < 2 * _SHARE else None


def _upload(
    scene: Scene, first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    trees = torch.tensor([[embree_tree(scene).handle, 0]], dtype=torch.int64)
    one, two = (torch.from_numpy(np.require(array, np.float32, ["C", "W"])) for array in (first, second))
    return trees, torch.zeros(len(first), dtype=torch.int32), one, two


def _check_rays(scene_index: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> int:
    count = len(first)
    if first.shape != (count, 3) or second.shape != (count, 3) or scene_index.shape != (count,):
        raise ValueError(
            f"rays need shapes (N, 3), (N, 3) and scene_index (N,), not {tuple(first.shape)}, {tuple(second.shape)} "
            f"and {tuple(scene_index.shape)}"
        )
    return count
