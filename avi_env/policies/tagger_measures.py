"""How well sounds were tagged: shares of right classes, errors of azimuth and distance, SELD."""

from __future__ import annotations

import math

import numpy as np
import torch

from avi_env.policies.tagger import Tags
from avi_env.policies.tagger_data import Examples
from avi_env.tasks.measures_seld import SoundEvents, seld_counts, seld_measures

__all__ = ["PRESENT", "matched_tracks", "tagging_measures"]

PRESENT = 0.5
"""Activity from which on a tagger says that there is a sound."""


def matched_tracks(tags: Tags, examples: Examples) -> torch.Tensor:
    """Returns which track tells of each slot, shape (B, 2) int64.

    A single sound is told by the first track alone. Of two sounds, the order is taken in which more classes are right,
    then the one in which the sum of azimuth errors is less.
    """
    right = tags.kind[:, :, None] == examples.kind[:, None, :]  # (B, track, slot)
    cost = _apart(tags.azimuth[:, :, None], examples.azimuth[:, None, :]) / (4.0 * math.pi) - right.float()
    crossed = cost[:, 0, 1] + cost[:, 1, 0] < cost[:, 0, 0] + cost[:, 1, 1]
    track = torch.arange(2, device=cost.device) ^ crossed.long()[:, None]
    both = examples.active.all(dim=1, keepdim=True)
    return torch.where(both, track, 0)


def tagging_measures(tags: Tags, examples: Examples, classes: int) -> dict[str, float]:
    """Returns measures over all sounds that can be heard; NaN where there is none of a kind.

    Returns:
        class_accuracy: share of the sounds whose class was told; class_accuracy_single and class_accuracy_pair: of
        sounds alone and of those in pairs, class_accuracy_louder and class_accuracy_fainter of the latter.
        azimuth_error: median over sounds in the listener's room [degrees]; azimuth_error_single: of those alone,
        azimuth_error_elsewhere: in other rooms; front_back: share of the former that are nearer to their mirror image
        behind or before the head. relative_distance_error: median of |d' - d| / d. presence: share of slots and
        tracks ... that agree in number of sounds. Then er20, f20, le_cd, lr_cd, relative_distance_error_seld, seld of
        `seld_measures` over all examples as frames.
    """
    track = matched_tracks(tags, examples)
    there, both = examples.active, examples.active.all(dim=1, keepdim=True)
    right = tags.kind.gather(1, track) == examples.kind
    azimuth = tags.azimuth.gather(1, track)
    apart = torch.rad2deg(_apart(azimuth, examples.azimuth))
    mirrored = torch.rad2deg(_apart(math.pi - azimuth, examples.azimuth))
    ratio = (tags.distance.gather(1, track) / examples.distance.clamp_min(0.05) - 1.0).abs()
    louder = examples.level >= examples.level.amax(dim=1, keepdim=True)
    near = there & examples.same_room
    said = tags.activity >= PRESENT
    return {
        "class_accuracy": _mean(right, there),
        "class_accuracy_single": _mean(right, there & ~both),
        "class_accuracy_pair": _mean(right, there & both),
        "class_accuracy_louder": _mean(right, there & both & louder),
        "class_accuracy_fainter": _mean(right, there & both & ~louder),
        "azimuth_error": _median(apart, near),
        "azimuth_error_single": _median(apart, near & ~both),
        "azimuth_error_elsewhere": _median(apart, there & ~examples.same_room),
        "front_back": _mean(mirrored < apart, near),
        "relative_distance_error": _median(ratio, there),
        "number_right": float((said.sum(dim=1) == there.sum(dim=1)).float().mean()),
        **_seld(tags, examples, said, classes),
    }


def _seld(tags: Tags, examples: Examples, said: torch.Tensor, classes: int) -> dict[str, float]:
    """Returns the measures of sound event localisation and detection; each example is a frame."""
    reference = _events(examples.active, examples.kind, examples.azimuth, examples.distance)
    told = _events(said, tags.kind, tags.azimuth, tags.distance)
    found = seld_measures(seld_counts(reference, told, classes))
    found["relative_distance_error_seld"] = found.pop("relative_distance_error")
    return found


def _events(which: torch.Tensor, *columns: torch.Tensor) -> SoundEvents:
    frame = torch.arange(len(which), device=which.device)[:, None].expand_as(which)
    return SoundEvents(*(np.asarray(column[which].cpu()) for column in (frame, *columns)))


def _apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Returns the angle between azimuths [rad], 0 ... pi."""
    return ((one - other + math.pi) % (2.0 * math.pi) - math.pi).abs()


def _mean(values: torch.Tensor, which: torch.Tensor) -> float:
    return float(values[which].float().mean())


def _median(values: torch.Tensor, which: torch.Tensor) -> float:
    return float(values[which].median()) if bool(which.any()) else math.nan
