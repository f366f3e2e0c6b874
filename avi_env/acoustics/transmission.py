"""Sound through walls along the straight line: transmission losses add in dB, a slab of two faces counts once."""

from __future__ import annotations

import torch

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.direct import check_ends, silent_paths, spreading_gain
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.surfaces import SLAB_METRES
from avi_env.scene.bank import SceneBank

__all__ = ["SURFACE_LIMIT", "transmitted_paths"]

SURFACE_LIMIT = 8
"""Surfaces that a straight line may cross before nothing of the sound is left: four walls."""

_STEP = 1e-3  # [m] past a surface before the next ray starts; also the margin at both ends


def transmitted_paths(
    bank: SceneBank,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    *,
    blocked: torch.Tensor | None = None,
) -> Paths:
    """Returns the straight path through whatever stands between, of zero gain where nothing does (the direct sound).

    The loss of a wall is its material's transmission loss, whatever its thickness; its second face (the same object
    met again within 0.6 m) costs nothing more. Losses of several walls add in dB.

    Args:
        bank: the scenes.
        scene_index: scene of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame.
        listener: listener positions [m], shape (B, 3), world frame.
        blocked: whether the straight line is occluded, shape (B,), where the caller knows; None = one ray each.

    Returns:
        Paths with P = 1.

    Raises:
        ValueError: shapes do not match.
    """
    count = check_ends(scene_index, source, listener)
    if blocked is None:
        blocked = bank.occluded(scene_index, source, listener)
    result = silent_paths(count, 1, source.device)
    rows = torch.nonzero(blocked).squeeze(1)
    if not len(rows):
        return result
    start, end = listener[rows].double(), source[rows].double()
    vector = end - start
    distance = torch.linalg.vector_norm(vector, dim=-1, keepdim=True).clamp(min=1e-9)
    direction = vector / distance
    energy = _crossed_energy(bank, scene_index[rows], start, direction, distance[:, 0])
    gain = spreading_gain(distance) * energy.sqrt()[:, None, :]
    result.delay[rows] = distance / SPEED_OF_SOUND
    result.gain[rows] = gain.float()
    result.direction[rows] = direction[:, None, :].float()
    result.departure[rows] = -direction[:, None, :].float()
    return result


def _crossed_energy(
    bank: SceneBank, scene_index: torch.Tensor, start: torch.Tensor, direction: torch.Tensor, distance: torch.Tensor
) -> torch.Tensor:
    """Returns the share of energy per octave that crosses all surfaces between, shape (N, 7), float64."""
    count = len(start)
    device = start.device
    energy = torch.ones(count, bank.transmission.shape[1], dtype=torch.float64, device=device)
    travelled = torch.full((count,), _STEP, dtype=torch.float64, device=device)
    # The object whose first face the line has crossed, and where; -2 = between walls.
    inside = torch.full((count,), -2, dtype=torch.int64, device=device)
    entered = torch.zeros(count, dtype=torch.float64, device=device)
    active = torch.ones(count, dtype=torch.bool, device=device)
    offset = bank.triangle_offset[scene_index.long()].long()
    for _ in range(SURFACE_LIMIT):
        origin = (start + travelled[:, None] * direction).float()
        ahead, triangle, _ = bank.closest_hit(scene_index, origin, direction.float())
        position = travelled + ahead.double()
        active = active & (triangle >= 0) & (position < distance - _STEP)
        if not bool(active.any()):
            break
        row = torch.where(active, offset + triangle.long(), 0)
        owner = bank.triangle_object[row].long()
        second_face = (owner == inside) & (position - entered <= SLAB_METRES)
        lossy = active & ~second_face
        factor = bank.transmission[bank.triangle_material[row].long()].double()
        energy = torch.where(lossy[:, None], energy * factor, energy)
        inside = torch.where(active, torch.where(second_face, -2, owner), inside)
        entered = torch.where(lossy, position, entered)
        travelled = torch.where(active, position + _STEP, travelled)
    else:
        energy[active] = 0.0  # more surfaces than the limit
    return energy
