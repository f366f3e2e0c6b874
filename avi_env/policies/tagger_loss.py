"""What the sound tagger is told it did wrong: the lesser of the losses of both orders of its tracks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional

from avi_env.policies.tagger_network import TrackOutputs, azimuth_bins

__all__ = ["LossWeights", "Sounds", "tagging_loss"]


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of the loss; that of the class is 1."""

    azimuth: float = 0.5
    direction: float = 1.0
    distance: float = 0.5
    activity: float = 1.0
    smoothing: float = 0.05
    """Share of the class's label that is spread over all classes."""
    azimuth_spread_deg: float = 7.5
    """Width of the label of an azimuth [degrees]."""


class Sounds(NamedTuple):
    """What there is to be told, in two slots whose order does not matter."""

    active: torch.Tensor
    """Shape (B, 2) bool."""
    kind: torch.Tensor
    """Shape (B, 2) int64."""
    azimuth: torch.Tensor
    """[rad], shape (B, 2)."""
    distance: torch.Tensor
    """[m], shape (B, 2)."""


def tagging_loss(
    outputs: TrackOutputs, sounds: Sounds, weights: LossWeights | None = None
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Returns the mean loss, and its parts per sound, of the better assignment of tracks to slots in each row.

    A track with a sound: cross entropies of class and azimuth (a bell around the true one), square error of the
    direction, Huber loss of the logarithm of the distance, and of presence. A track of an
    empty slot: of presence alone.

    Source: Yu et al., ICASSP 2017 (permutation-invariant training); Shimada et al., ICASSP 2022 (for sound events).
    """
    weights = weights or LossWeights()
    kind = _each(lambda track, slot: functional.cross_entropy(
        outputs.kind[:, track], sounds.kind[:, slot], reduction="none", label_smoothing=weights.smoothing
    ))  # fmt: skip
    labels = _azimuth_labels(sounds.azimuth, outputs.azimuth.shape[-1], weights.azimuth_spread_deg)
    azimuth = -torch.einsum("bta,bsa->bts", outputs.azimuth.log_softmax(dim=-1), labels)
    towards = torch.stack([sounds.azimuth.cos(), sounds.azimuth.sin()], dim=-1)
    direction = (outputs.direction[:, :, None] - towards[:, None]).square().sum(dim=-1)
    log_distance = sounds.distance.clamp_min(0.05).log()
    distance = functional.smooth_l1_loss(
        outputs.distance[:, :, None].expand(-1, -1, 2), log_distance[:, None].expand(-1, 2, -1), reduction="none"
    )
    on, off = functional.softplus(-outputs.activity), functional.softplus(outputs.activity)
    there = sounds.active[:, None, :]
    told = kind + weights.azimuth * azimuth + weights.direction * direction + weights.distance * distance
    cost = torch.where(there, told + weights.activity * on[:, :, None], weights.activity * off[:, :, None])
    straight, crossed = cost[:, 0, 0] + cost[:, 1, 1], cost[:, 0, 1] + cost[:, 1, 0]
    loss = torch.minimum(straight, crossed).mean()
    with torch.no_grad():
        order = (crossed < straight).long()[:, None] ^ torch.arange(2, device=cost.device)  # slot of each track
        parts = {}
        for name, part in (
            ("kind_loss", kind),
            ("azimuth_loss", azimuth),
            ("direction_loss", direction),
            ("distance_loss", distance),
        ):
            own = part.gather(2, order[:, :, None])[..., 0]
            own_there = sounds.active.gather(1, order)
            parts[name] = (own * own_there).sum() / own_there.sum().clamp_min(1)
    return loss, parts


def _each(loss: object) -> torch.Tensor:
    """Returns a loss of every track for every slot, shape (B, 2, 2)."""
    assert callable(loss)
    return torch.stack([torch.stack([loss(track, slot) for slot in range(2)], dim=1) for track in range(2)], dim=1)


def _azimuth_labels(azimuth: torch.Tensor, count: int, spread_deg: float) -> torch.Tensor:
    """Returns bells (von Mises) around azimuths, summing to 1, shape (..., count)."""
    apart = azimuth[..., None] - azimuth_bins(count, azimuth.device)
    return (apart.cos() / math.radians(spread_deg) ** 2).softmax(dim=-1)
