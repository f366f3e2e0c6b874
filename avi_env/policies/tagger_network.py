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
    bearings: int = 192
    """Length of what is made of the differences of the ears in each frame."""
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


_DIFFERENCES = 6
_STRIDES = ((2, 2), (1, 2), (2, 2), (1, 2))


class TrackOutputs(NamedTuple):
    """What the network says of B pieces of sound, for each of two tracks."""

    kind: torch.Tensor
    """Logits of the classes, shape (B, 2, classes)."""
    azimuth: torch.Tensor
    """Logits of the directions `azimuth_bins`, shape (B, 2, azimuths)."""
    direction: torch.Tensor
    """Towards the sound: cosine and sine of the azimuth, shorter where unsure, shape (B, 2, 2)."""
    distance: torch.Tensor
    """Logarithm of the distance [ln m], shape (B, 2)."""
    activity: torch.Tensor
    """Logit of there being a sound, shape (B, 2)."""


class TaggerNetwork(nn.Module):
    """Two ways in, recurrence and attention over time, two tracks.

    Convolutions over time and frequency tell what sounds; layers over all bands and delays of a frame, which see at
    once which delay it is, tell from where. The latter also lead past recurrence and attention.
    """

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
        between = self.settings.bearings
        self.bearings = nn.Sequential(
            nn.BatchNorm1d(_DIFFERENCES * _BANDS),
            nn.Conv1d(_DIFFERENCES * _BANDS, between, 1, bias=False),  # each frame by itself, all bands and delays
            nn.BatchNorm1d(between),
            nn.ReLU(),
            nn.Conv1d(between, between, 5, math.prod(stride[0] for stride in _STRIDES), 2, bias=False),
            nn.BatchNorm1d(between),
            nn.ReLU(),
        )
        self.mixing = nn.Sequential(nn.Linear(sizes[-1] * bands + between, 2 * hidden), nn.ReLU())
        self.recurrent = nn.GRU(2 * hidden, hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * hidden, self.settings.heads)
        pooled = 2 * hidden * self.settings.heads + 2 * between
        self.common = nn.Sequential(
            nn.BatchNorm1d(pooled),
            nn.Linear(pooled, self.settings.features, bias=False),
            nn.BatchNorm1d(self.settings.features),
            nn.ReLU(),
            nn.Dropout(0.1),
        )
        self.parts = (classes, self.settings.azimuths, 2, 1, 1)
        self.tracks = nn.Linear(self.settings.features, TRACKS * sum(self.parts))

    def forward(self, features: torch.Tensor) -> TrackOutputs:
        """Returns what features, shape (B, 5, T, 64), say."""
        seen = self.convolutions(features)
        bearings = self.bearings(_differences(features)).transpose(1, 2)
        seen = self.mixing(torch.cat([seen.permute(0, 2, 1, 3).flatten(2), bearings], dim=2))
        heard, _ = self.recurrent(seen)
        share = self.attention(heard).softmax(dim=1)  # (B, T, heads)
        pooled = (torch.einsum("bth,btc->bhc", share, heard).flatten(1), bearings.mean(dim=1), bearings.amax(dim=1))
        common = self.common(torch.cat(pooled, dim=1))
        told = self.tracks(common).float().reshape(len(features), TRACKS, -1)
        kind, azimuth, direction, distance, activity = torch.split(told, list(self.parts), dim=2)
        return TrackOutputs(kind, azimuth, direction, distance[..., 0], activity[..., 0])


def _differences(features: torch.Tensor) -> torch.Tensor:
    """Returns what tells directions, frame by frame, shape (B, 6 * 64, T).

    Mean level, how much it rises (what comes first comes straight), difference of the ears' levels, phase, correlation.
    """
    left, right = features[:, 0], features[:, 1]
    level = 0.5 * (left + right)
    rise = torch.diff(level, dim=1, prepend=level[:, :1]).clamp_min(0.0)
    parts = torch.cat([level, rise, left - right, *features[:, 2:].unbind(dim=1)], dim=2)
    return parts.transpose(1, 2)


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
