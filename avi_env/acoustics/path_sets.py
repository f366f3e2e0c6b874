"""Sets of sound paths: where they start, with what energy, and when they end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import warp as wp

from avi_env.acoustics.bands import SPEED_OF_SOUND
from avi_env.acoustics.directivity import Directivity, load_directivity
from avi_env.acoustics.path_walk import PathBudget, PathSet
from avi_env.acoustics.surfaces import scene_passages
from avi_env.scene.model import Scene
from avi_env.scene.rays_warp import wp_device

__all__ = ["path_rotation", "path_sets"]


def path_rotation(seed: int) -> tuple[float, float, float, float]:
    """Returns a uniformly random rotation drawn from a seed, as a quaternion x, y, z, w."""
    value = np.random.default_rng([seed, 0x50415448]).standard_normal(4)
    value /= np.linalg.norm(value)
    return tuple(float(v) for v in value)  # type: ignore[return-value]


def path_sets(
    scene: Scene,
    source: npt.NDArray[np.float64],
    seed: int,
    budget: PathBudget,
    device: str,
    directivity: str | npt.ArrayLike | Directivity = "omni",
    yaw: float = 0.0,
) -> list[PathSet]:
    """Returns the paths of a budget: those that stay, and half as many that go through walls, if anything lets them.

    Args:
        scene: the scene.
        source: source position [m], shape (3,), world frame.
        seed: seed of the paths.
        budget: how many paths, how far.
        device: where the kernels run.
        directivity: of the source; its energies weigh the paths.
        yaw: heading of the source [rad].
    """
    pattern = load_directivity(directivity)
    stay = _path_set(source, seed, budget, device, pattern, yaw)
    if not scene_passages(scene).any():
        return [stay]
    fewer = replace(budget, path_count=max(budget.path_count // 2, 1))
    through = _path_set(source, seed + 0x10000, fewer, device, pattern, yaw)
    through.through = 1
    return [stay, through]


def _path_set(
    source: npt.NDArray[np.float64], seed: int, budget: PathBudget, device: str, directivity: Directivity, yaw: float
) -> PathSet:
    paths = PathSet()
    paths.source = wp.vec3(*(float(v) for v in source))
    paths.rotation = wp.quat(*path_rotation(seed))
    paths.seed = int(np.random.default_rng([seed, 0x57414C4B]).integers(2**31))
    paths.count = budget.path_count
    paths.directional = 0 if directivity.is_omni else 1
    paths.directivity = wp.array(directivity.energy, dtype=wp.float32, device=wp_device(device))
    paths.ahead = wp.vec2(float(np.cos(yaw)), float(np.sin(yaw)))
    paths.per_path = 4.0 * np.pi / budget.path_count
    paths.reach = budget.seconds * SPEED_OF_SOUND
    paths.roulette = budget.roulette_energy
    expected = np.array(budget.expected or (0.0,), dtype=np.float32) * directivity.power.max()
    paths.expected = wp.array(expected, dtype=wp.float32, device=wp_device(device))
    paths.bounce_limit = budget.bounce_limit
    return paths
