"""Direct sound: exact delay, spherical spreading, air absorption, and nothing at all behind an obstacle."""

from __future__ import annotations

import torch

from avi_env.acoustics.air import AIR_DB_PER_METRE
from avi_env.acoustics.discrete import DIRECT, launch_slots
from avi_env.acoustics.paths import NEAREST_METRES, Paths
from avi_env.scene.bank import SceneBank

__all__ = ["direct_paths", "spreading_gain"]


def direct_paths(
    bank: SceneBank,
    scene_index: torch.Tensor,
    source: torch.Tensor,
    listener: torch.Tensor,
    *,
    blocked: torch.Tensor | None = None,
    occlusion: str = "fresnel",
) -> Paths:
    """Returns the straight path of each environment, of zero gain where something stands between.

    Args:
        bank: the scenes.
        scene_index: scene of each environment, shape (B,).
        source: source positions [m], shape (B, 3), world frame.
        listener: listener positions [m], shape (B, 3), world frame.
        blocked: whether the straight line is occluded, shape (B,), where the caller knows; None = one ray each.
        occlusion: "fresnel", "ray" or "volumetric", as in `discrete_paths`.

    Returns:
        Paths with P = 1.

    Raises:
        ValueError: shapes do not match; an unknown occlusion.
    """
    slots = (DIRECT, DIRECT + 1)
    return launch_slots(bank, scene_index, source, listener, slots, blocked=blocked, occlusion=occlusion)


def spreading_gain(distance: torch.Tensor) -> torch.Tensor:
    """Returns the pressure gain per octave of a path's length: 1/d times air absorption.

    Args:
        distance: path lengths [m], shape (...), float64.

    Returns:
        Gains, shape (..., 7), float64.
    """
    air = torch.as_tensor(AIR_DB_PER_METRE.copy(), dtype=torch.float64, device=distance.device)
    length = distance.unsqueeze(-1)
    return torch.pow(10.0, -air * length / 20.0) / length.clamp(min=NEAREST_METRES)
