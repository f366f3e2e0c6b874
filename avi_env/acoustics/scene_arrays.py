"""A bank's scenes as the kernels of sound paths take them: ray trees, coefficients, mirror planes, edges."""
# mypy: disable-error-code="untyped-decorator,attr-defined,misc"

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.edges import scene_edges
from avi_env.acoustics.surfaces import scene_planes
from avi_env.scene.bank import SceneBank
from avi_env.scene.rays_warp import wp_device

__all__ = ["SceneArrays", "scene_arrays"]


@wp.struct
class SceneArrays:
    """K scenes on a device. Row `triangle_offset[k] + t` of the triangle tables is triangle t of scene k."""

    mesh: wp.array[wp.uint64]
    triangle_offset: wp.array[wp.int32]
    triangle_object: wp.array[wp.int32]
    triangle_material: wp.array[wp.int32]
    triangle_plane: wp.array[wp.int32]  # within its scene, -1 = none
    absorption: wp.array2d[wp.float32]
    scattering: wp.array2d[wp.float32]
    transmission: wp.array2d[wp.float32]
    plane_offset: wp.array[wp.int32]  # (K + 1,): the planes of scene k are rows plane_offset[k] .. [k + 1] - 1
    normal: wp.array[wp.vec3d]
    offset: wp.array[wp.float64]
    area: wp.array[wp.float64]
    low: wp.array[wp.vec3d]
    high: wp.array[wp.vec3d]
    edge_offset: wp.array[wp.int32]  # (K + 1,), as plane_offset
    edge_start: wp.array[wp.vec3]
    edge_end: wp.array[wp.vec3]
    edge_middle: wp.array[wp.vec4]  # [m], and the edge's length [m]
    edge_faces: wp.array[wp.mat33]  # unit vectors from the edge along its two faces; the third row is zero


_tables: weakref.WeakKeyDictionary[SceneBank, tuple[wp.array, list[torch.Tensor]]] = weakref.WeakKeyDictionary()


def scene_arrays(bank: SceneBank) -> wp.array:
    """Returns a bank's scenes as kernels take them, an array of one `SceneArrays`, built once per bank."""
    if bank not in _tables:
        _tables[bank] = _build(bank)
    return _tables[bank][0]


def _build(bank: SceneBank) -> tuple[wp.array, list[torch.Tensor]]:
    held: list[torch.Tensor] = []  # the tensors behind the arrays, which do not own their memory

    def put(values: torch.Tensor | npt.NDArray[Any], dtype: type, kind: torch.dtype) -> wp.array:
        tensor = torch.as_tensor(values).to(bank.device, kind).contiguous()
        if not len(tensor):  # Warp takes no null pointers
            tensor = tensor.new_zeros((1, *tensor.shape[1:]))
        held.append(tensor)
        return wp.from_torch(tensor, dtype=dtype)

    planes = [scene_planes(scene) for scene in bank.scenes]
    edges = [scene_edges(scene) for scene in bank.scenes]
    arrays = SceneArrays()
    arrays.mesh = put(bank.mesh_ids, wp.uint64, torch.int64)
    for name in ("triangle_offset", "triangle_object", "triangle_material"):
        setattr(arrays, name, put(getattr(bank, name), wp.int32, torch.int32))
    for name in ("absorption", "scattering", "transmission"):
        setattr(arrays, name, put(getattr(bank, name), wp.float32, torch.float32))
    arrays.triangle_plane = put(np.concatenate([p.triangle_plane for p in planes]), wp.int32, torch.int32)
    arrays.plane_offset = put(_starts([p.area for p in planes]), wp.int32, torch.int32)
    arrays.normal = put(np.concatenate([p.normal for p in planes]), wp.vec3d, torch.float64)
    arrays.offset = put(np.concatenate([p.offset for p in planes]), wp.float64, torch.float64)
    arrays.area = put(np.concatenate([p.area for p in planes]), wp.float64, torch.float64)
    arrays.low = put(np.concatenate([p.bounds[:, 0] for p in planes]), wp.vec3d, torch.float64)
    arrays.high = put(np.concatenate([p.bounds[:, 1] for p in planes]), wp.vec3d, torch.float64)
    arrays.edge_offset = put(_starts([e.start for e in edges]), wp.int32, torch.int32)
    arrays.edge_start = put(np.concatenate([e.start for e in edges]), wp.vec3, torch.float32)
    arrays.edge_end = put(np.concatenate([e.end for e in edges]), wp.vec3, torch.float32)
    middle = np.concatenate([0.5 * (e.start + e.end) for e in edges])
    length = np.concatenate([np.linalg.norm(e.end - e.start, axis=1) for e in edges])
    arrays.edge_middle = put(np.column_stack([middle, length]), wp.vec4, torch.float32)
    faces = np.concatenate([e.faces for e in edges])
    arrays.edge_faces = put(np.pad(faces, ((0, 0), (0, 1), (0, 0))), wp.mat33, torch.float32)
    return wp.array([arrays], dtype=SceneArrays, device=wp_device(bank.device)), held


def _starts(tables: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int32]:
    return np.cumsum([0, *(len(table) for table in tables)]).astype(np.int32)
