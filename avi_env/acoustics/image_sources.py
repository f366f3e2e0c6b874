"""First-order specular reflections by image sources over the scene's large planes, batched over environments."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict

import torch

from avi_env.acoustics.discrete import MIRROR_LIMIT, MIRRORS, SLOTS, choose_mirrors, launch_slots
from avi_env.acoustics.paths import Paths
from avi_env.scene.bank import SceneBank
from avi_env.scene.derived import derived, taken
from avi_env.scene.model import Scene

__all__ = ["MIRROR_LIMIT", "image_source_paths", "mirror_planes", "scene_bank"]


_RECENT = 8  # scenes whose own banks are kept: a bake needs them, and they take a megabyte each

_recent: OrderedDict[tuple[int, str], weakref.ref[Scene]] = OrderedDict()
_lock = threading.Lock()


def scene_bank(scene: Scene, device: str = "cpu") -> SceneBank:
    """Returns a bank of this one scene on a device, built once as long as few other scenes are asked for."""
    bank = derived(scene, ("one_scene_bank", device), lambda: SceneBank((scene,), device))
    with _lock:
        _recent[id(scene), device] = weakref.ref(scene)
        _recent.move_to_end((id(scene), device))
        while len(_recent) > _RECENT:
            (_, where), oldest = _recent.popitem(last=False)
            left = oldest()
            if left is not None:
                taken(left, ("one_scene_bank", where), lambda: None)
    return bank


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
    place = source.double().contiguous()
    free = torch.zeros(len(place), dtype=torch.bool, device=bank.device)  # no ray need tell
    chosen = choose_mirrors(bank, bank.checked_index(scene_index), (place, place), free)
    return chosen[:, :MIRROR_LIMIT].long()


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
    return launch_slots(bank, scene_index, source, listener, (MIRRORS, SLOTS))
