"""Sound through walls along the straight line: transmission losses add in dB, a slab of two faces counts once."""

from __future__ import annotations

import torch

from avi_env.acoustics.discrete import TRANSMITTED, launch_slots
from avi_env.acoustics.paths import Paths
from avi_env.acoustics.straight_paths import SURFACE_LIMIT
from avi_env.scene.bank import SceneBank

__all__ = ["SURFACE_LIMIT", "transmitted_paths"]


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
    met again within 0.6 m) costs nothing more. Losses of several walls add in dB; after eight surfaces nothing is left.

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
    return launch_slots(bank, scene_index, source, listener, (TRANSMITTED, TRANSMITTED + 1), blocked=blocked)
