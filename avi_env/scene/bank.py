"""SceneBank: scenes resident on a device, met by the rays of many environments at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from avi_env.scene import rays_embree
from avi_env.scene.model import Material, Scene
from avi_env.scene.rays import MARGIN
from avi_env.scene.rays_warp import launch_any_hit, launch_closest_hit, warp_mesh, wp_device

__all__ = ["SceneBank"]

_NO_MATERIAL = Material("none")


class SceneBank:
    """K scenes on one device: ray trees and concatenated tables. Many environments share few scenes by index.

    Triangle t of scene k is row `triangle_offset[k] + t` of every triangle table.
    """

    scenes: tuple[Scene, ...]
    device: torch.device
    triangle_offset: torch.Tensor
    """First row of each scene in the triangle tables, shape (K + 1,), int32."""
    triangle_normal: torch.Tensor
    """Unit outward normal, shape (T, 3), float32, world frame."""
    triangle_object: torch.Tensor
    """Object id within its scene, shape (T,), int32, -1 = none."""
    triangle_material: torch.Tensor
    """Row of the material tables, shape (T,), int32; triangles without material have the last row."""
    materials: tuple[Material, ...]
    """The materials of all scenes in order, then one neutral material."""
    material_offset: torch.Tensor
    """First row of each scene in the material tables, shape (K + 1,), int32."""
    absorption: torch.Tensor
    """Energy absorption coefficient, shape (M, 7), float32."""
    scattering: torch.Tensor
    """Scattering coefficient, shape (M, 7), float32."""
    transmission: torch.Tensor
    """Transmitted share of the energy, 10^(-TL/10), shape (M, 7), float32."""
    bounds: torch.Tensor
    """Lowest and highest corner of each scene [m], shape (K, 2, 3), float32."""

    def __init__(self, scenes: Sequence[Scene], device: str | torch.device = "cpu") -> None:
        """Uploads the scenes.

        Raises:
            ValueError: no scene, or a device that is not there.
        """
        if not scenes:
            raise ValueError("a SceneBank needs at least one scene")
        self.scenes = tuple(scenes)
        self.device = torch.device(wp_device(device))
        self._mesh_ids: torch.Tensor | None = None
        triangles = np.cumsum([0, *(len(scene.triangles) for scene in self.scenes)])
        materials = np.cumsum([0, *(len(scene.materials) for scene in self.scenes)])
        self.triangle_offset, self.material_offset = self._put(triangles, np.int32), self._put(materials, np.int32)
        self.triangle_normal = self._put(np.concatenate([_normals(scene) for scene in self.scenes]), np.float32)
        self.triangle_object = self._put(np.concatenate([scene.triangle_object for scene in self.scenes]), np.int32)
        rows = [
            np.where(scene.triangle_material < 0, materials[-1], scene.triangle_material + start)
            for scene, start in zip(self.scenes, materials, strict=False)
        ]
        self.triangle_material = self._put(np.concatenate(rows), np.int32)
        self.materials = (*(m for scene in self.scenes for m in scene.materials), _NO_MATERIAL)
        self.absorption = self._put(np.array([m.absorption for m in self.materials]), np.float32)
        self.scattering = self._put(np.array([m.scattering for m in self.materials]), np.float32)
        loss = np.array([m.transmission_loss for m in self.materials])
        self.transmission = self._put(10.0 ** (-loss / 10.0), np.float32)
        boxes = [scene.bounds if len(scene.vertices) else np.zeros((2, 3)) for scene in self.scenes]
        self.bounds = self._put(np.stack(boxes), np.float32)

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def mesh_ids(self) -> torch.Tensor:
        """Handles of the scenes' `wp.Mesh` on this device, shape (K,), int64; built when first asked for."""
        if self._mesh_ids is None:
            ids = [warp_mesh(scene, self.device).id for scene in self.scenes]
            self._mesh_ids = torch.tensor(ids, dtype=torch.int64, device=self.device)
        return self._mesh_ids

    def checked_index(self, scene_index: torch.Tensor) -> torch.Tensor:
        """Returns scene numbers as kernels take them, int32 on the bank's device.

        Raises:
            ValueError: a number that is no scene's; on the CPU only, as CUDA would have to wait for the device.
        """
        rows = scene_index.to(self.device, torch.int32).contiguous()
        checked = len(rows) and self.device.type == "cpu"
        if checked and not (0 <= int(rows.min()) and int(rows.max()) < len(self.scenes)):
            raise ValueError(f"scene_index must lie in 0..{len(self.scenes) - 1}, got {scene_index.tolist()[:8]}")
        return rows

    def closest_hit(
        self, scene_index: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns distance (B, ...), triangle of the ray's own scene (B, ...) and barycentrics (B, ..., 2).

        Args:
            scene_index: scene of each environment, shape (B,).
            origins: ray starts [m], shape (B, 3) or (B, R, 3), world frame.
            directions: ray directions, same shape; distances count in their length; no hit = inf and -1.

        Raises:
            ValueError: shapes do not match.
        """
        rows, start, direction = self._flat(scene_index, origins, directions)
        if self.device.type == "cpu":
            distance, triangle, barycentric = self._embree_closest(rows, start, direction)
        else:
            distance, triangle, barycentric = launch_closest_hit(self.mesh_ids, rows, start, direction)
        shape = origins.shape[:-1]
        return distance.reshape(shape), triangle.reshape(shape), barycentric.reshape(*shape, 2)

    def occluded(
        self, scene_index: torch.Tensor, origins: torch.Tensor, targets: torch.Tensor, margin: float = MARGIN
    ) -> torch.Tensor:
        """Returns whether anything stands between origin and target, shape (B,) or (B, R), bool.

        Args:
            scene_index: scene of each environment, shape (B,).
            origins: one end of each segment [m], shape (B, 3) or (B, R, 3), world frame.
            targets: the other end [m], same shape.
            margin: length [m] left out at both ends.

        Raises:
            ValueError: shapes do not match.
        """
        rows, start, end = self._flat(scene_index, origins, targets)
        vector = end.double() - start
        share = margin / vector.norm(dim=1, keepdim=True).clamp_min(1e-30)
        near = (start + vector * share.clamp_max(0.5)).float()
        segment = (vector * (1.0 - 2.0 * share).clamp_min(0.0)).float()
        if self.device.type == "cpu":
            blocked = torch.zeros(len(rows), dtype=torch.bool)
            for scene, chosen in self._groups(rows):
                answer = rays_embree.any_hit(self.scenes[scene], near[chosen].numpy(), segment[chosen].numpy())
                blocked[chosen] = torch.from_numpy(answer)
        else:
            blocked = launch_any_hit(self.mesh_ids, rows, near, segment)
        return blocked.reshape(origins.shape[:-1])

    def _embree_closest(
        self, rows: torch.Tensor, start: torch.Tensor, direction: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        distance = torch.empty(len(rows), dtype=torch.float32)
        triangle = torch.empty(len(rows), dtype=torch.int32)
        barycentric = torch.empty((len(rows), 2), dtype=torch.float32)
        for scene, chosen in self._groups(rows):
            hits = rays_embree.closest_hit(self.scenes[scene], start[chosen].numpy(), direction[chosen].numpy())
            distance[chosen] = torch.from_numpy(hits.distance)
            triangle[chosen] = torch.from_numpy(hits.triangle)
            barycentric[chosen] = torch.from_numpy(hits.barycentric)
        return distance, triangle, barycentric

    def _groups(self, rows: torch.Tensor) -> list[tuple[int, slice | torch.Tensor]]:
        scenes = torch.unique(rows).tolist()
        if len(scenes) == 1:
            return [(scenes[0], slice(None))]
        return [(scene, torch.nonzero(rows == scene).squeeze(1)) for scene in scenes]

    def _flat(
        self, scene_index: torch.Tensor, first: torch.Tensor, second: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        batch = len(scene_index)
        if first.shape != second.shape or first.ndim not in (2, 3) or first.shape[0] != batch or first.shape[-1] != 3:
            raise ValueError(
                f"rays need shape (B, 3) or (B, R, 3) with B = {batch} scene indices, not {tuple(first.shape)} "
                f"and {tuple(second.shape)}"
            )
        rows = self.checked_index(scene_index)
        if first.ndim == 3:
            rows = rows.repeat_interleave(first.shape[1])
        one, two = (t.to(self.device, torch.float32).reshape(-1, 3).contiguous() for t in (first, second))
        return rows, one, two

    def _put(self, array: npt.NDArray[np.generic], dtype: type[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype).copy()).to(self.device)


def _normals(scene: Scene) -> npt.NDArray[np.float32]:
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (normal / np.maximum(length, 1e-30)).astype(np.float32)
    return unit
