"""What sound paths meet: a scene's triangles and materials as the tracing kernels see them."""
# mypy: disable-error-code="untyped-decorator,attr-defined,valid-type"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import warp as wp

from avi_env.acoustics.air import AIR_ENERGY_PER_METRE
from avi_env.acoustics.bands import BAND_COUNT
from avi_env.acoustics.image_sources import mirror_planes, scene_bank
from avi_env.acoustics.surfaces import scene_passages, scene_planes, scene_surfaces
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import warp_mesh, wp_device

__all__ = ["Surroundings", "surroundings", "vec7"]

wp.set_module_options({"enable_backward": False})

if TYPE_CHECKING:
    vec7 = Any
else:
    vec7 = wp.types.vector(length=BAND_COUNT, dtype=wp.float32)


@wp.struct
class Surroundings:
    """What paths meet: the scene's triangles and the coefficients of its materials."""

    mesh: wp.uint64
    triangle_material: wp.array[wp.int32]
    triangle_object: wp.array[wp.int32]
    triangle_mirrored: wp.array[wp.int32]
    """1 where the image sources account for specular reflections."""
    mirror_order: wp.int32
    """Reflections up to which they do."""
    triangle_passage: wp.array[wp.int32]
    """What lies behind: 0 = the open, nobody listens there; 1 = a thing in a room; 2 = a wall, door or window."""
    absorption: wp.array[vec7]
    scattering: wp.array[vec7]
    transmission: wp.array[vec7]
    air: vec7
    """Energy exponents of air [1/m]."""


def surroundings(
    scene: Scene, source: npt.NDArray[np.float64], device: str, mirror_order: int = 1
) -> tuple[Surroundings, wp.Mesh]:
    """Returns what paths from this source meet, and the mesh, which must be kept as long as kernels use it."""
    name = wp_device(device)
    coefficients = scene_surfaces(scene)
    last = len(coefficients.absorption) - 1
    material = np.where(scene.triangle_material < 0, last, scene.triangle_material).astype(np.int32)
    result = Surroundings()
    mesh = warp_mesh(scene, name)
    result.mesh = mesh.id
    result.triangle_material = wp.array(material, dtype=wp.int32, device=name)
    result.triangle_object = wp.array(scene.triangle_object, dtype=wp.int32, device=name)
    result.triangle_mirrored = wp.array(_mirrored(scene, source), dtype=wp.int32, device=name)
    result.mirror_order = mirror_order
    result.triangle_passage = wp.array(scene_passages(scene), dtype=wp.int32, device=name)
    for field in ("absorption", "scattering", "transmission"):
        setattr(result, field, wp.array(getattr(coefficients, field), dtype=vec7, device=name))
    result.air = vec7(*AIR_ENERGY_PER_METRE.astype(np.float32).tolist())
    return result, mesh


def _mirrored(scene: Scene, source: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    place = torch.as_tensor(source, dtype=torch.float64)[None]
    chosen = mirror_planes(scene_bank(scene), torch.zeros(1, dtype=torch.int64), place)[0].numpy()
    return np.isin(scene_planes(scene).triangle_plane, chosen[chosen >= 0]).astype(np.int32)
