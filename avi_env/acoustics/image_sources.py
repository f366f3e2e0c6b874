"""First-order specular reflections by image sources over the scene's large planes, batched over environments."""

from __future__ import annotations

import weakref
from typing import NamedTuple

import numpy as np
import torch

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.direct import check_ends, silent_paths, spreading_gain
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.surfaces import Planes, scene_planes
from avi_env.scene.bank import SceneBank
from avi_env.scene.derived import derived
from avi_env.scene.model import Scene

__all__ = ["MIRROR_LIMIT", "image_source_paths", "mirror_planes", "scene_bank"]

MIRROR_LIMIT = 12
"""Planes per source that mirror: the slots of `image_source_paths`."""

_CLEARANCE = 1e-3  # [m] below which a source or listener lies in the plane and has no mirror image
_LIFT = 2e-3  # [m] above the plane at which the listener's ray ends
_NEAREST_SQUARE = 0.25  # [m2] squared distance below which a plane does not become more relevant


class PlaneTable(NamedTuple):
    """The large planes of K scenes, padded to the largest count P."""

    normal: torch.Tensor
    """Unit normals, shape (K, P, 3), float64."""
    offset: torch.Tensor
    """Distance from the origin along the normal [m], shape (K, P)."""
    area: torch.Tensor
    """[m2], shape (K, P); 0 = padding."""
    bounds: torch.Tensor
    """Lowest and highest corner [m], shape (K, P, 2, 3)."""
    triangle_plane: torch.Tensor
    """Plane of each row of the bank's triangle tables, -1 = none, shape (T,), int64."""


_tables: weakref.WeakKeyDictionary[SceneBank, PlaneTable] = weakref.WeakKeyDictionary()


def plane_table(bank: SceneBank) -> PlaneTable:
    """Returns the planes of a bank's scenes, built once per bank."""
    if bank not in _tables:
        _tables[bank] = _stack([scene_planes(scene) for scene in bank.scenes], bank.device)
    return _tables[bank]


def _stack(planes: list[Planes], device: torch.device) -> PlaneTable:
    width = max(1, *(len(p.area) for p in planes))

    def padded(name: str) -> torch.Tensor:
        parts = [np.asarray(getattr(p, name)) for p in planes]
        rows = [np.pad(part, [(0, width - len(part))] + [(0, 0)] * (part.ndim - 1)) for part in parts]
        return torch.from_numpy(np.stack(rows)).double().to(device)

    triangle = torch.from_numpy(np.concatenate([p.triangle_plane for p in planes])).long().to(device)
    return PlaneTable(padded("normal"), padded("offset"), padded("area"), padded("bounds"), triangle)


def scene_bank(scene: Scene) -> SceneBank:
    """Returns a bank of this one scene on the CPU, built once."""
    return derived(scene, ("one_scene_bank",), lambda: SceneBank((scene,)))


def mirror_planes(bank: SceneBank, scene_index: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Returns the planes that mirror each source: those that fill most of its view, by area over squared distance.

    The choice depends on the source alone, so that a bake knows which reflections the image sources take.

    Args:
        bank: the scenes.
        scene_index: scene of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame.

    Returns:
        Plane indices, -1 = none, shape (B, 12), int64.
    """
    table = plane_table(bank)
    rows = scene_index.long()
    bounds = table.bounds[rows]  # (B, P, 2, 3)
    place = source.double()[:, None, :]
    gap = torch.maximum(bounds[:, :, 0] - place, place - bounds[:, :, 1]).clamp(min=0.0)
    score = table.area[rows] / gap.square().sum(dim=-1).clamp(min=_NEAREST_SQUARE)
    count = min(MIRROR_LIMIT, score.shape[1])
    best, chosen = torch.sort(score, dim=1, descending=True, stable=True)
    chosen = torch.where(best > 0.0, chosen, -1)[:, :count]
    return torch.nn.functional.pad(chosen, (0, MIRROR_LIMIT - count), value=-1)


def image_source_paths(
    bank: SceneBank, scene_index: torch.Tensor, source: torch.Tensor, listener: torch.Tensor
) -> Paths:
    """Returns the first-order specular reflections, each checked with two rays.

    A reflection exists if the ray from the source to the point of reflection meets the mirroring plane first, and
    nothing stands between that point and the listener. Gain: sqrt((1 - a)(1 - s)) / d, a and s of the triangle there.

    Args:
        bank: the scenes.
        scene_index: scene of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame.
        listener: listener positions [m], shape (B, 3), world frame.

    Returns:
        Paths with P = 12; slots without a reflection have zero gain.

    Raises:
        ValueError: shapes do not match.

    Source:
        Allen & Berkley, J. Acoust. Soc. Am. 65, 943 (1979), for any plane.
    """
    count = check_ends(scene_index, source, listener)
    result = silent_paths(count, MIRROR_LIMIT, source.device)
    table = plane_table(bank)
    chosen = mirror_planes(bank, scene_index, source)
    scene, plane = scene_index.long()[:, None], chosen.clamp(min=0)
    normal, offset = table.normal[scene, plane], table.offset[scene, plane]  # (B, 12, 3), (B, 12)
    from_source = (normal * source.double()[:, None]).sum(dim=-1) - offset
    from_listener = (normal * listener.double()[:, None]).sum(dim=-1) - offset
    facing = (from_source * from_listener > 0.0) & (chosen >= 0)
    facing &= torch.minimum(from_source.abs(), from_listener.abs()) > _CLEARANCE
    vector = source.double()[:, None] - 2.0 * from_source[..., None] * normal - listener.double()[:, None]
    share = from_listener / torch.where(facing, from_source + from_listener, 1.0)
    point = listener.double()[:, None] + share[..., None] * vector
    bounds = table.bounds[scene, plane]
    facing &= ((point > bounds[..., 0, :] - 0.01) & (point < bounds[..., 1, :] + 0.01)).all(dim=-1)
    env, slot = torch.nonzero(facing, as_tuple=True)
    if not len(env):
        return result
    energy = _visible_energy(bank, scene_index[env], source[env], listener[env], point[env, slot], chosen[env, slot],
                             (normal * from_listener[..., None].sign())[env, slot])  # fmt: skip
    distance = torch.linalg.vector_norm(vector, dim=-1)
    gain = spreading_gain(distance[env, slot]) * energy.sqrt()
    result.delay.copy_(torch.where(facing, distance / SPEED_OF_SOUND, 0.0))
    result.gain[env, slot] = gain.float()
    result.direction[env, slot] = (vector / distance[..., None].clamp(min=1e-9))[env, slot].float()
    leaving = (point - source.double()[:, None])[env, slot]
    result.departure[env, slot] = torch.nn.functional.normalize(leaving, dim=-1).float()
    return result


def _visible_energy(
    bank: SceneBank,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    point: torch.Tensor,
    plane: torch.Tensor,
    normal: torch.Tensor,
) -> torch.Tensor:
    """Returns (1 - a)(1 - s) of each reflection that both ends see, else 0, shape (N, 7), float64."""
    direction = point - source.double()
    _, triangle, _ = bank.closest_hit(scene_index, source, direction.float())
    row = torch.where(triangle >= 0, bank.triangle_offset[scene_index.long()].long() + triangle.long(), 0)
    seen = (triangle >= 0) & (plane_table(bank).triangle_plane[row] == plane)
    seen &= ~bank.occluded(scene_index, listener, (point + _LIFT * normal).float())
    material = bank.triangle_material[row].long()
    energy = (1.0 - bank.absorption[material].double()) * (1.0 - bank.scattering[material].double())
    return energy * seen[:, None]
