"""SceneBank: scenes resident on a device, met by the rays of many environments at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from avi_env.scene import rays_embree
from avi_env.scene.arena import Column, RowRange, RowRanges, RowTables, staged
from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Material, Scene
from avi_env.scene.rays import MARGIN
from avi_env.scene.rays_warp import launch_any_hit, launch_closest_hit, warp_mesh, wp_device
from avi_env.scene.slot_follower import SlotFollower

__all__ = ["SceneBank", "prepare_rows"]

Follower = TypeVar("Follower", bound="SlotFollower")

_NO_MATERIAL = Material("none")
_OCTAVES = 7

_SLOT_COLUMNS = {
    "triangle_offset": Column(torch.int32),
    "material_offset": Column(torch.int32),
    "mesh_ids": Column(torch.int64),
    "bounds": Column(torch.float32, (2, 3)),
}
_TRIANGLE_COLUMNS = {
    "triangle_normal": Column(torch.float32, (3,)),
    "triangle_object": Column(torch.int32),
    "triangle_material": Column(torch.int32),
}
_MATERIAL_COLUMNS = {name: Column(torch.float32, (_OCTAVES,)) for name in ("absorption", "scattering", "transmission")}


class _Held(NamedTuple):
    """What the scene in a slot owns."""

    slot: RowRange
    triangles: RowRange
    materials: RowRange


class SceneBank:
    """Scenes in the slots of one device: ray trees and common tables. Many environments share few scenes by slot.

    Scenes come and go: a slot that becomes free is used again, and the rows of its scene are, too. Triangle t of the
    scene in slot k is row `triangle_offset[k] + t` of every triangle table. Other tables follow as a `SlotFollower`.
    """

    scenes: tuple[Scene | None, ...]
    """The scene in each slot, None = free."""
    stamps: tuple[int, ...]
    """Per slot which `put` filled it, counted from 1; 0 = free."""
    device: torch.device

    def __init__(self, scenes: Sequence[Scene], device: str | torch.device = "cpu") -> None:
        """Puts the scenes into slots 0, 1, 2 ...

        Raises:
            ValueError: no scene, or a device that is not there.
        """
        if not scenes:
            raise ValueError("a SceneBank needs at least one scene")
        self.device = torch.device(wp_device(device))
        self.scenes, self.stamps, self._puts = (), (), 0
        self._held: dict[int, _Held] = {}
        self._mesh_missing: set[int] = set()
        self._attached: dict[type[SlotFollower], SlotFollower] = {}
        self._lock = threading.RLock()
        self.slots = RowTables(RowRanges(len(scenes)), self.device, _SLOT_COLUMNS)
        """The tables of slots; a follower's own ones have the same rows."""
        triangles, materials = (sum(map(count, scenes)) for count in (_triangle_count, _material_count))
        self.triangles = RowTables(RowRanges(triangles), self.device, _TRIANGLE_COLUMNS)
        """The triangle tables; a follower's own ones have the same rows."""
        self.materials = RowTables(RowRanges(materials), self.device, _MATERIAL_COLUMNS)
        """The material tables: rows of a scene are its materials, a neutral one, and one for a follower's own use."""
        for scene in scenes:
            self.put(scene)

    def __len__(self) -> int:
        return len(self.scenes)

    def put(self, scene: Scene) -> int:
        """Puts a scene into a free slot and returns it; tables grow by doubling where there is no room.

        The cost is that of the scene, not of the bank: of copies alone where `prepare_rows` was called before.
        """
        with self._lock:
            rows = taken(scene, _rows_key(self.device), lambda: _rows(scene, self.device))
            held = _Held(
                self.slots.ranges.take(1),
                self.triangles.ranges.take(_triangle_count(scene)),
                self.materials.ranges.take(_material_count(scene)),
            )
            slot = held.slot.start
            self.triangles.write(held.triangles, {name: rows[name] for name in _TRIANGLE_COLUMNS})
            self.triangles["triangle_material"][held.triangles.start : held.triangles.stop] += held.materials.start
            self.materials.write(held.materials, {name: rows[name] for name in _MATERIAL_COLUMNS})
            starts = {"triangle_offset": held.triangles.start, "material_offset": held.materials.start}
            self.slots.write(held.slot, {**starts, "bounds": rows["bounds"]})
            self._held[slot] = held
            self._mesh_missing.add(slot)
            self._puts += 1
            self._enter(slot, scene, self._puts)
            return slot

    def drop(self, slot: int) -> None:
        """Makes a slot and the rows of its scene free.

        Raises:
            ValueError: no scene is there.
        """
        with self._lock:
            self.scene(slot)
            held = self._held.pop(slot)
            tables = (self.slots, self.triangles, self.materials)
            for table, rows in zip(tables, held, strict=True):
                table.ranges.give_back(rows)
            self._mesh_missing.discard(slot)
            self._enter(slot, None, 0)

    def scene(self, slot: int) -> Scene:
        """Returns the scene in a slot.

        Raises:
            ValueError: no scene is there.
        """
        scene = self.scenes[slot] if 0 <= slot < len(self.scenes) else None
        if scene is None:
            raise ValueError(f"slot {slot} of the bank holds no scene: {self._taken_slots()}")
        return scene

    def attached(self, kind: type[Follower]) -> Follower:
        """Returns tables of one kind that follow the bank's scenes, up to date; made when first asked for."""
        found = self._attached.get(kind)
        if found is None or found.stamps is not self.stamps:
            with self._lock:
                found = self._attached.setdefault(kind, found or kind(self))
                found.follow(self)
        assert isinstance(found, kind)
        return found

    def triangle_rows(self, slot: int) -> RowRange:
        """Returns the rows of a scene in the triangle tables."""
        return self._held[slot].triangles

    def material_rows(self, slot: int) -> RowRange:
        """Returns the rows of a scene in the material tables: its own, then a neutral one, then a follower's."""
        return self._held[slot].materials

    def memory(self) -> dict[str, int]:
        """Returns the size of each table on the device [bytes], those of followers included; without ray trees."""
        tables = [self.slots.nbytes, self.triangles.nbytes, self.materials.nbytes]
        tables += [follower.nbytes for follower in self._attached.values()]
        return {name: size for table in tables for name, size in table.items()}

    @property
    def nbytes(self) -> int:
        """Memory of all tables on the device [bytes], as `memory` names them."""
        return sum(self.memory().values())

    @property
    def triangle_offset(self) -> torch.Tensor:
        """First row of each slot's scene in the triangle tables, shape (K,), int32."""
        return self.slots["triangle_offset"]

    @property
    def material_offset(self) -> torch.Tensor:
        """First row of each slot's scene in the material tables, shape (K,), int32."""
        return self.slots["material_offset"]

    @property
    def bounds(self) -> torch.Tensor:
        """Lowest and highest corner of each slot's scene [m], shape (K, 2, 3), float32."""
        return self.slots["bounds"]

    @property
    def triangle_normal(self) -> torch.Tensor:
        """Unit outward normal, shape (T, 3), float32, world frame."""
        return self.triangles["triangle_normal"]

    @property
    def triangle_object(self) -> torch.Tensor:
        """Object id within its scene, shape (T,), int32, -1 = none."""
        return self.triangles["triangle_object"]

    @property
    def triangle_material(self) -> torch.Tensor:
        """Row of the material tables, shape (T,), int32; triangles without material have their scene's neutral row."""
        return self.triangles["triangle_material"]

    @property
    def absorption(self) -> torch.Tensor:
        """Energy absorption coefficient, shape (M, 7), float32."""
        return self.materials["absorption"]

    @property
    def scattering(self) -> torch.Tensor:
        """Scattering coefficient, shape (M, 7), float32."""
        return self.materials["scattering"]

    @property
    def transmission(self) -> torch.Tensor:
        """Transmitted share of the energy, 10^(-TL/10), shape (M, 7), float32."""
        return self.materials["transmission"]

    @property
    def mesh_ids(self) -> torch.Tensor:
        """Handles of the scenes' `wp.Mesh` on this device, shape (K,), int64; built when first asked for."""
        if self._mesh_missing:
            with self._lock:
                for slot in sorted(self._mesh_missing):
                    self.slots["mesh_ids"][slot] = warp_mesh(self.scene(slot), self.device).id
                self._mesh_missing.clear()
        return self.slots["mesh_ids"]

    def checked_index(self, scene_index: torch.Tensor) -> torch.Tensor:
        """Returns slots as kernels take them, int32 on the bank's device.

        Raises:
            ValueError: a slot without a scene; on the CPU only, as CUDA would have to wait for the device.
        """
        rows = scene_index.to(self.device, torch.int32).contiguous()
        if len(rows) and self.device.type == "cpu":
            if not (0 <= int(rows.min()) and int(rows.max()) < len(self.scenes)):
                raise ValueError(f"scene_index must lie in 0..{len(self.scenes) - 1}, got {rows.tolist()[:8]}")
            free = set(rows.tolist()) - self._held.keys() if len(self._held) < len(self.scenes) else ()
            if free:
                raise ValueError(f"scene_index names slots without a scene, {sorted(free)}: {self._taken_slots()}")
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
            trees = self.attached(rays_embree.EmbreeTrees).table
            distance, triangle, barycentric = rays_embree.launch_closest_hit(trees, rows, start, direction)
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
            blocked = rays_embree.launch_any_hit(self.attached(rays_embree.EmbreeTrees).table, rows, near, segment)
        else:
            blocked = launch_any_hit(self.mesh_ids, rows, near, segment)
        return blocked.reshape(origins.shape[:-1])

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

    def _enter(self, slot: int, scene: Scene | None, stamp: int) -> None:
        """Notes what is in a slot from now on."""
        for name, value, free in (("scenes", scene, None), ("stamps", stamp, 0)):
            known = list(getattr(self, name))
            known += [free] * (self.slots.ranges.capacity - len(known))
            known[slot] = value
            setattr(self, name, tuple(known))

    def _taken_slots(self) -> str:
        taken_slots = sorted(self._held)
        shown = ", ".join(map(str, taken_slots[:8])) + (" ..." if len(taken_slots) > 8 else "")
        return f"scenes are in {shown or 'none'} of slots 0..{len(self.scenes) - 1}"


def prepare_rows(scene: Scene, device: str | torch.device) -> None:
    """Computes ahead what `SceneBank.put` copies into the tables of a bank on a device; any thread may."""
    target = torch.device(wp_device(device))
    derived(scene, _rows_key(target), lambda: _rows(scene, target))


def _rows_key(device: torch.device) -> tuple[str, str]:
    return ("bank_rows", device.type)


def _rows(scene: Scene, device: torch.device) -> dict[str, torch.Tensor]:
    """Returns the rows of a scene in each table, materials counted within the scene."""
    count = len(scene.materials)
    materials = (*scene.materials, _NO_MATERIAL, _NO_MATERIAL)
    loss = np.array([material.transmission_loss for material in materials])
    rows: dict[str, npt.ArrayLike] = {
        "triangle_normal": _normals(scene),
        "triangle_object": scene.triangle_object,
        "triangle_material": np.where(scene.triangle_material < 0, count, scene.triangle_material),
        "absorption": np.array([material.absorption for material in materials]),
        "scattering": np.array([material.scattering for material in materials]),
        "transmission": 10.0 ** (-loss / 10.0),
        "bounds": scene.bounds if len(scene.vertices) else np.zeros((2, 3)),
    }
    return staged(rows, _TRIANGLE_COLUMNS | _MATERIAL_COLUMNS | _SLOT_COLUMNS, device)


def _triangle_count(scene: Scene) -> int:
    return len(scene.triangles)


def _material_count(scene: Scene) -> int:
    return len(scene.materials) + 2


def _normals(scene: Scene) -> npt.NDArray[np.float32]:
    corners = scene.vertices[scene.triangles].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (normal / np.maximum(length, 1e-30)).astype(np.float32)
    return unit
