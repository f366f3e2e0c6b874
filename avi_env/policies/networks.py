"""The networks of the navigating policies: what is sensed goes in, a choice among four actions comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

from avi_env.policies.ego_map import FREE, MAP_CELLS, OCCUPIED, VISITED
from avi_env.policies.encoders import (
    AV_NAV_IMAGE,
    AV_NAV_SOUND,
    ConvolutionSettings,
    FrameEncoderSettings,
    ImageEncoderSettings,
    VectorEncoderSettings,
    frame_encoder,
    image_encoder,
    sound_encoder,
    vector_encoder,
)
from avi_env.policies.expert import HINTS
from avi_env.policies.senses import DEPTH_SIZE, INPUT_SHAPES, SPECTROGRAM_SHAPE, Inputs, SenseSettings
from avi_env.policies.sound_cues import CUE_SHAPE

__all__ = ["ACTION_COUNT", "NETWORKS", "NavNetwork", "NetworkSettings", "Output"]

ACTION_COUNT = 4
_IMAGE = ImageEncoderSettings(widths=(16, 32, 32))
_MAP = ImageEncoderSettings(widths=(16, 32, 32), kernels=(6, 4, 3), strides=(4, 2, 1))
_CUES = FrameEncoderSettings()
_VECTOR = VectorEncoderSettings()
_MAP_PLANES = 6  # two scales of three bits


@dataclass(frozen=True)
class NetworkSettings:
    """Size of a network, and what it senses."""

    senses: SenseSettings = field(default_factory=SenseSettings)
    image: ConvolutionSettings = _IMAGE
    """Of the depth picture."""
    map: ConvolutionSettings = _MAP
    """Of the map."""
    cues: FrameEncoderSettings = _CUES
    """Of the cues of both ears."""
    spectrogram: ConvolutionSettings = AV_NAV_SOUND
    vector: VectorEncoderSettings = _VECTOR
    """Of motion, goal and way."""
    hidden: int = 256
    """Numbers that the memory holds."""


class Output(NamedTuple):
    """What a network says."""

    logits: torch.Tensor
    """Of the actions, shape (T, B, 4)."""
    value: torch.Tensor
    """What is still to be earned, shape (T, B)."""
    hints: torch.Tensor
    """Where it takes the goal to be, as `avi_env.policies.expert.HINTS`, shape (T, B, 5)."""


class NavNetwork(nn.Module):
    """Pictures through convolutions, all of it into a gated recurrent unit, from there actor, critic and hints.

    The hints are learned beside the actions, and not used: to tell where the goal is trains what the actions need.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        senses = settings.senses
        parts: dict[str, nn.Sequential] = {}
        if senses.depth:
            parts["depth"] = image_encoder(1, DEPTH_SIZE, DEPTH_SIZE, settings.image)
        if senses.map:
            parts["map"] = image_encoder(_MAP_PLANES, MAP_CELLS, MAP_CELLS, settings.map)
        if senses.sound == "cues":
            parts["cues"] = frame_encoder(*CUE_SHAPE, settings.cues)
        if senses.sound == "spectrogram":
            parts["spectrogram"] = sound_encoder(*SPECTROGRAM_SHAPE, settings.spectrogram)
        for name in [name for name in ("motion", "goal", "way") if getattr(senses, name)]:
            parts[name] = vector_encoder(INPUT_SHAPES[name][0], settings.vector)
        self.parts = nn.ModuleDict(parts)
        sizes = {"depth": settings.image.features, "map": settings.map.features, "cues": settings.cues.features}
        sizes |= {"spectrogram": settings.spectrogram.features}
        width = sum(sizes.get(name, settings.vector.features) for name in parts)
        self.memory = nn.GRU(width, settings.hidden)
        self.actor = nn.Linear(settings.hidden, ACTION_COUNT)
        self.critic = nn.Linear(settings.hidden, 1)
        self.guess = nn.Linear(settings.hidden, len(HINTS))
        nn.init.orthogonal_(self.actor.weight, gain=0.01)
        nn.init.zeros_(self.actor.bias)

    def begin(self, batch: int, device: torch.device | str = "cpu") -> torch.Tensor:
        """Returns what the memory holds before anything, shape (B, hidden)."""
        return torch.zeros(batch, self.settings.hidden, device=device)

    def encode(self, inputs: Inputs) -> torch.Tensor:
        """Returns the features of what is sensed, shape (B, n)."""
        return torch.cat([part(_as_float(name, inputs[name])) for name, part in self.parts.items()], dim=1)

    def remember(
        self, features: torch.Tensor, hidden: torch.Tensor, first: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Runs the memory over a sequence.

        Args:
            features: shape (T, B, n).
            hidden: what it held before, shape (B, hidden).
            first: where an episode begins, so that nothing is remembered, shape (T, B), bool.

        Returns:
            What it held at each step, shape (T, B, hidden), and at the end, shape (B, hidden).
        """
        begins = [0, *(first[1:].any(dim=1).nonzero()[:, 0] + 1).tolist()] if len(first) > 1 else [0]
        each = []
        for begin, end in pairwise([*begins, len(first)]):  # between two beginnings of any row, all rows in one go
            said, last = self.memory(features[begin:end], (hidden * ~first[begin, :, None])[None])
            each.append(said)
            hidden = last[0]
        return torch.cat(each), hidden

    def say(self, held: torch.Tensor) -> Output:
        """Returns what is said of what the memory holds (..., hidden)."""
        return Output(self.actor(held), self.critic(held)[..., 0], self.guess(held))

    def forward(self, inputs: Inputs, hidden: torch.Tensor, first: torch.Tensor) -> tuple[Output, torch.Tensor]:
        """Returns what is said of sequences of inputs (T, B, ...), and the memory at their end."""
        steps, batch = first.shape
        features = self.encode({name: value.flatten(0, 1) for name, value in inputs.items()})
        held, hidden = self.remember(features.view(steps, batch, -1), hidden, first)
        return self.say(held), hidden


def _as_float(name: str, value: torch.Tensor) -> torch.Tensor:
    """Returns an input as the network calculates with it."""
    if name == "depth":
        return value[:, None].float() / 255.0
    if name == "cues":
        # a byte of level is half a decibel: 60 dB and the ears' mean, 5 dB between them, a correlation of 1/4
        left, right, delay = value.float().unbind(dim=1)
        return torch.stack([(left + right) / 80.0 - 3.5, (left - right) / 10.0, delay / 32.0 - 4.0], dim=1)
    if name == "map":
        bits = [(value & bit) > 0 for bit in (OCCUPIED, FREE, VISITED)]
        return torch.cat(bits, dim=1).float()
    return value.float()


_AVNET = SenseSettings(sound="spectrogram", depth=True, map=False, motion=False)
_POINT = SenseSettings(sound="none", goal=True, way=True)

NETWORKS: dict[str, NetworkSettings] = {
    "av_nav": NetworkSettings(),
    "avnet": NetworkSettings(_AVNET, image=AV_NAV_IMAGE, hidden=512),
    "point_nav": NetworkSettings(senses=_POINT),
}
"""Networks by name, with their own settings: "avnet" is AV-Nav's (Chen et al., SoundSpaces, ECCV 2020)."""
