"""A bank's scenes as the kernels of sound paths take them: ray trees, coefficients, mirror planes, edges."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.edges import scene_edges
from avi_env.acoustics.surfaces import scene_planes
from avi_env.scene.arena import Column, RowRange, RowRanges, RowTables, staged
from avi_env.scene.bank import SceneBank
from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import warp_mesh, wp_device
from avi_env.scene.slot_follower import SlotFollower

__all__ = ["SceneArrays", "prepare_sound", "scene_arrays"]


@wp.struct
class SceneArrays:
    """The scenes of a bank on a device. Row `triangle_offset[k] + t` of the triangle tables is triangle t of slot k."""

    mesh: wp.array[wp.uint64]
    triangle_offset: wp.array[wp.int32]
    triangle_object: wp.array[wp.int32]
    triangle_material: wp.array[wp.int32]
    triangle_plane: wp.array[wp.int32]  # within its scene, -1 = none
    absorption: wp.array2d[wp.float32]
    scattering: wp.array2d[wp.float32]
    transmission: wp.array2d[wp.float32]
    plane_offset: wp.array[wp.int32]  # (K,): the planes of slot k are rows plane_offset[k] .. plane_stop[k] - 1
    plane_stop: wp.array[wp.int32]
    normal: wp.array[wp.vec3d]
    offset: wp.array[wp.float64]
    area: wp.array[wp.float64]
    low: wp.array[wp.vec3d]
    high: wp.array[wp.vec3d]
    edge_offset: wp.array[wp.int32]  # (K,), as plane_offset and plane_stop
    edge_stop: wp.array[wp.int32]
    edge_start: wp.array[wp.vec3]
    edge_end: wp.array[wp.vec3]
    edge_middle: wp.array[wp.vec4]  # [m], and the edge's length [m]
    edge_faces: wp.array[wp.mat33]  # unit vectors from the edge along its two faces; the third row is zero


_SLOT_COLUMNS = {name: Column(torch.int32) for name in ("plane_offset", "plane_stop", "edge_offset", "edge_stop")}
_TRIANGLE_COLUMNS = {"triangle_plane": Column(torch.int32)}
_PLANE_COLUMNS = {
    "normal": Column(torch.float64, (3,)),
    "offset": Column(torch.float64),
    "area": Column(torch.float64),
    "low": Column(torch.float64, (3,)),
    "high": Column(torch.float64, (3,)),
}
_EDGE_COLUMNS = {
    "edge_start": Column(torch.float32, (3,)),
    "edge_end": Column(torch.float32, (3,)),
    "edge_middle": Column(torch.float32, (4,)),
    "edge_faces": Column(torch.float32, (3, 3)),
}
_SHARED = (
    "mesh", "triangle_offset", "triangle_object", "triangle_material", "absorption", "scattering", "transmission"
)  # fmt: skip
_ELEMENTS = {
    "mesh": wp.uint64,
    "normal": wp.vec3d,
    "low": wp.vec3d,
    "high": wp.vec3d,
    "edge_start": wp.vec3,
    "edge_end": wp.vec3,
    "edge_middle": wp.vec4,
    "edge_faces": wp.mat33,
}


def scene_arrays(bank: SceneBank) -> wp.array:
    """Returns a bank's scenes as kernels take them, an array of one `SceneArrays`, valid until its scenes change."""
    return bank.attached(_SoundTables).arrays


class _SoundTables(SlotFollower):
    """Mirror planes and edges of the scenes of a bank."""

    arrays: wp.array

    def __init__(self, bank: SceneBank) -> None:
        super().__init__(bank)
        self._slots = RowTables(bank.slots.ranges, bank.device, _SLOT_COLUMNS)
        self._triangles = RowTables(bank.triangles.ranges, bank.device, _TRIANGLE_COLUMNS)
        self._planes = RowTables(RowRanges(), bank.device, _PLANE_COLUMNS)
        self._edges = RowTables(RowRanges(), bank.device, _EDGE_COLUMNS)
        self._held: dict[int, tuple[RowRange, RowRange]] = {}
        self._pointed: tuple[torch.Tensor, ...] = ()

    @property
    def nbytes(self) -> dict[str, int]:
        """Size of each table [bytes]."""
        return self._slots.nbytes | self._triangles.nbytes | self._planes.nbytes | self._edges.nbytes

    def put(self, bank: SceneBank, slot: int, scene: Scene) -> None:
        """Enters the planes and edges of a scene."""
        rows = taken(scene, _rows_key(bank.device), lambda: _rows(scene, bank.device))
        planes = self._planes.ranges.take(len(rows["area"]))
        edges = self._edges.ranges.take(len(rows["edge_start"]))
        self._held[slot] = planes, edges
        self._triangles.write(bank.triangle_rows(slot), {name: rows[name] for name in _TRIANGLE_COLUMNS})
        self._planes.write(planes, {name: rows[name] for name in _PLANE_COLUMNS})
        self._edges.write(edges, {name: rows[name] for name in _EDGE_COLUMNS})
        starts = {"plane_offset": planes.start, "plane_stop": planes.stop}
        starts |= {"edge_offset": edges.start, "edge_stop": edges.stop}
        self._slots.write(RowRange(slot, slot + 1), starts)

    def drop(self, slot: int) -> None:
        """Frees the planes and edges of a slot."""
        planes, edges = self._held.pop(slot)
        self._planes.ranges.give_back(planes)
        self._edges.ranges.give_back(edges)

    def renew(self, bank: SceneBank) -> None:
        """Renews the struct of arrays if any of its tables was replaced by a larger one."""
        shared = bank.slots.tensors | bank.triangles.tensors | bank.materials.tensors | {"mesh": bank.mesh_ids}
        tables = {name: shared[name] for name in _SHARED}
        for own in (self._slots, self._triangles, self._planes, self._edges):
            tables |= own.tensors
        pointed = tuple(tables.values())
        if len(pointed) == len(self._pointed) and all(
            one is other for one, other in zip(pointed, self._pointed, strict=False)
        ):
            return
        arrays = SceneArrays()
        for name, tensor in tables.items():
            setattr(arrays, name, wp.from_torch(tensor, dtype=_ELEMENTS.get(name)))
        self.arrays = wp.array([arrays], dtype=SceneArrays, device=wp_device(bank.device))
        self._pointed = pointed  # the arrays do not own their memory


def prepare_sound(scene: Scene, device: str | torch.device) -> None:
    """Computes ahead what `scene_arrays` copies when the scene has come into a bank on a device; any thread may."""
    target = torch.device(wp_device(device))
    derived(scene, _rows_key(target), lambda: _rows(scene, target))
    warp_mesh(scene, target)


def _rows_key(device: torch.device) -> tuple[str, str]:
    return ("sound_rows", device.type)


def _rows(scene: Scene, device: torch.device) -> dict[str, torch.Tensor]:
    """Returns the rows of a scene in each table."""
    planes, edges = scene_planes(scene), scene_edges(scene)
    middle = 0.5 * (edges.start + edges.end)
    length = np.linalg.norm(edges.end - edges.start, axis=1)
    rows: dict[str, npt.ArrayLike] = {
        "triangle_plane": planes.triangle_plane,
        "normal": planes.normal,
        "offset": planes.offset,
        "area": planes.area,
        "low": planes.bounds[:, 0],
        "high": planes.bounds[:, 1],
        "edge_start": edges.start,
        "edge_end": edges.end,
        "edge_middle": np.column_stack([middle, length]),
        "edge_faces": np.pad(edges.faces, ((0, 0), (0, 1), (0, 0))),
    }
    return staged(rows, _TRIANGLE_COLUMNS | _PLANE_COLUMNS | _EDGE_COLUMNS, device)
