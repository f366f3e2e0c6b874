"""The sound tagger's network: from features of one second to two tracks of class, direction, distance and presence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from avi_env.policies.tagger_features import FEATURE_CHANNELS

__all__ = ["TRACKS", "TaggerNetwork", "TaggerNetworkSettings", "TrackOutputs", "azimuth_bins", "told_azimuth"]

TRACKS = 2
"""Sounds that can be told at a time."""

_BANDS = 64


@dataclass(frozen=True)
class TaggerNetworkSettings:
    """Sizes of the network."""

    widths: tuple[int, ...] = (32, 48, 64, 96)
    """Channels of the four convolutions; the first and the third halve time, all of them frequency."""
    recurrent: int = 96
    """Length of the memory of the recurrent layer over time, each way."""
    heads: int = 4
    """Moments to which attention looks."""
    features: int = 256
    """Length of the common features of all tracks."""
    azimuths: int = 48
    """Directions that are told apart before the best is refined."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) != len(_STRIDES):
            raise ValueError(f"widths must be {len(_STRIDES)} numbers, got {self.widths}")


_STRIDES = ((2, 2), (1, 2), (2, 2), (1, 2))


class TrackOutputs(NamedTuple):
    """What the network says of B pieces of sound, for each of two tracks."""

    kind: torch.Tensor
    """Logits of the classes, shape (B, 2, classes)."""
    azimuth: torch.Tensor
    """Logits of the directions `azimuth_bins`, shape (B, 2, azimuths)."""
    distance: torch.Tensor
    """Logarithm of the distance [ln m], shape (B, 2)."""
    activity: torch.Tensor
    """Logit of there being a sound, shape (B, 2)."""


class TaggerNetwork(nn.Module):
    """Convolutions, a recurrent layer both ways in time, attention over time, two tracks."""

    def __init__(self, classes: int, settings: TaggerNetworkSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or TaggerNetworkSettings()
        sizes, hidden = (FEATURE_CHANNELS, *self.settings.widths), self.settings.recurrent
        layers: list[nn.Module] = [nn.BatchNorm2d(FEATURE_CHANNELS)]
        for number, stride in enumerate(_STRIDES):
            side = 5 if number == 0 else 3
            layers += [
                nn.Conv2d(sizes[number], sizes[number + 1], side, stride, side // 2, bias=False),
                nn.BatchNorm2d(sizes[number + 1]),
                nn.ReLU(),
            ]
        self.convolutions = nn.Sequential(*layers)
        bands = _BANDS // math.prod(stride[1] for stride in _STRIDES)
        self.mixing = nn.Sequential(nn.Linear(sizes[-1] * bands, 2 * hidden), nn.ReLU())
        self.recurrent = nn.GRU(2 * hidden, hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * hidden, self.settings.heads)
        self.common = nn.Sequential(
            nn.Linear(2 * hidden * self.settings.heads, self.settings.features), nn.ReLU(), nn.Dropout(0.2)
        )
        self.parts = (classes, self.settings.azimuths, 1, 1)
        self.tracks = nn.Linear(self.settings.features, TRACKS * sum(self.parts))

    def forward(self, features: torch.Tensor) -> TrackOutputs:
        """Returns what features, shape (B, 5, T, 64), say."""
        seen = self.convolutions(features)
        seen = self.mixing(seen.permute(0, 2, 1, 3).flatten(2))
        heard, _ = self.recurrent(seen)
        share = self.attention(heard).softmax(dim=1)  # (B, T, heads)
        common = self.common(torch.einsum("bth,btc->bhc", share, heard).flatten(1))
        told = self.tracks(common).float().reshape(len(features), TRACKS, -1)
        kind, azimuth, distance, activity = told.split(self.parts, dim=2)
        return TrackOutputs(kind, azimuth, distance[..., 0], activity[..., 0])


def azimuth_bins(count: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Returns the middles of so many directions, counter-clockwise from ahead [rad], shape (count,)."""
    return torch.arange(count, device=device) * (2.0 * math.pi / count)


def told_azimuth(logits: torch.Tensor) -> torch.Tensor:
    """Returns the most probable azimuth [rad], -pi to pi, shape (...), from logits, shape (..., azimuths).

    The mean direction of the best bin and its two neighbours on each side.
    """
    count = logits.shape[-1]
    share, best = logits.softmax(dim=-1), logits.argmax(dim=-1, keepdim=True)
    near = (best + torch.arange(-2, 3, device=logits.device)) % count
    weight, angle = share.gather(-1, near), azimuth_bins(count, logits.device)[near]
    return torch.atan2((weight * angle.sin()).sum(dim=-1), (weight * angle.cos()).sum(dim=-1))
