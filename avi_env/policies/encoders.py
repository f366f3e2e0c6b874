"""Encoders: small networks that turn one picture, sound or vector into a row of features."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

__all__ = [
    "AV_NAV_IMAGE",
    "AV_NAV_SOUND",
    "ConvolutionSettings",
    "FrameEncoderSettings",
    "ImageEncoderSettings",
    "SoundEncoderSettings",
    "VectorEncoderSettings",
    "frame_encoder",
    "image_encoder",
    "sound_encoder",
    "vector_encoder",
]


@dataclass(frozen=True)
class ConvolutionSettings:
    """Convolutions, one after the other, each with a ReLU, then a linear layer with one."""

    widths: tuple[int, ...]
    """Channels of each convolution."""
    kernels: tuple[int, ...]
    """Side of each kernel [pixels]."""
    strides: tuple[int, ...]
    """Stride of each convolution [pixels]."""
    features: int
    """Length of the result."""
    padded: bool = True
    """Whether zeros surround each input, so that a stride of 2 halves it; otherwise it shrinks by the kernel too."""

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.kernels) == len(self.strides) or not self.widths:
            raise ValueError(f"each convolution needs a width, a kernel and a stride, got {self}")


@dataclass(frozen=True)
class ImageEncoderSettings(ConvolutionSettings):
    """For pictures and maps of about 64 x 64 pixels: 4 x 4 are left of them.

    A first stride of 4 costs a quarter of the learning time of two strides of 2 (docs/decisions.md, encoders).
    """

    widths: tuple[int, ...] = (16, 32, 64)
    kernels: tuple[int, ...] = (8, 4, 3)
    strides: tuple[int, ...] = (4, 2, 2)
    features: int = 128


@dataclass(frozen=True)
class SoundEncoderSettings(ConvolutionSettings):
    """For spectrograms of about 64 bands x 26 frames: halved three times."""

    widths: tuple[int, ...] = (16, 32, 64)
    kernels: tuple[int, ...] = (5, 3, 3)
    strides: tuple[int, ...] = (2, 2, 2)
    features: int = 128


@dataclass(frozen=True)
class VectorEncoderSettings:
    """For poses and goals: linear layers, each with a ReLU."""

    widths: tuple[int, ...] = (64,)
    """Lengths of the hidden layers."""
    features: int = 32
    """Length of the result."""


@dataclass(frozen=True)
class FrameEncoderSettings:
    """For cues of both ears, frame by frame: linear layers over all of a frame, then over all frames, each with a ReLU.

    A direction is where in a frame something stands; convolutions, which are alike everywhere, learn it late
    (docs/decisions.md, sound tagger).
    """

    width: int = 64
    """Numbers that each frame comes down to."""
    features: int = 128
    """Length of the result."""


AV_NAV_IMAGE = ConvolutionSettings((32, 64, 64), (8, 4, 3), (4, 2, 1), 512, padded=False)
"""The picture network of AV-Nav, which is that of DQN.

Source: Chen et al. 2020, SoundSpaces, section 5 and its code (ss_baselines/av_nav/models/visual_cnn.py).
"""
AV_NAV_SOUND = ConvolutionSettings((32, 64, 64), (5, 3, 3), (2, 2, 1), 512, padded=False)
"""The sound network of AV-Nav for spectrograms less than 30 frames long, as at 16 kHz.

Source: as above (ss_baselines/av_nav/models/audio_cnn.py).
"""


def image_encoder(channels: int, height: int, width: int, settings: ConvolutionSettings | None = None) -> nn.Sequential:
    """Returns a network from pictures or maps to features.

    It maps (B, channels, height, width) float32, best within 0..1, to (B, settings.features), not negative.

    Args:
        channels: of a picture.
        height: of a picture [pixels].
        width: of a picture [pixels].
        settings: `ImageEncoderSettings()` if not given.

    Raises:
        ValueError: the convolutions leave nothing of so small a picture.
    """
    return _convolutions(channels, height, width, settings or ImageEncoderSettings())


def sound_encoder(channels: int, bands: int, frames: int, settings: ConvolutionSettings | None = None) -> nn.Sequential:
    """Returns a network from spectrograms, or other pictures of sound, to features.

    It maps (B, channels, bands, frames) float32 to (B, settings.features), not negative.

    Args:
        channels: ears or microphones, and what else is computed for each band and frame.
        bands: number of frequency bands.
        frames: number of moments.
        settings: `SoundEncoderSettings()` if not given.

    Raises:
        ValueError: the convolutions leave nothing of so small a spectrogram.
    """
    return _convolutions(channels, bands, frames, settings or SoundEncoderSettings())


def frame_encoder(
    channels: int, frames: int, values: int, settings: FrameEncoderSettings | None = None
) -> nn.Sequential:
    """Returns a network from frames of cues to features.

    It maps (B, channels, frames, values) float32 to (B, settings.features), not negative.

    Args:
        channels: kinds of cues.
        frames: number of moments.
        values: cues of a kind at a moment.
        settings: `FrameEncoderSettings()` if not given.
    """
    settings = settings or FrameEncoderSettings()
    layers = [_orthogonal(nn.Conv2d(channels, settings.width, (1, values))), nn.ReLU()]
    layers += [_orthogonal(nn.Conv2d(settings.width, settings.width, 1)), nn.ReLU()]
    layers += [nn.Flatten(), _linear(settings.width * frames, settings.features), nn.ReLU()]
    return nn.Sequential(*layers)


def vector_encoder(size: int, settings: VectorEncoderSettings | None = None) -> nn.Sequential:
    """Returns a network from vectors to features: (B, size) float32 to (B, settings.features), not negative.

    Args:
        size: length of a vector.
        settings: `VectorEncoderSettings()` if not given.
    """
    settings = settings or VectorEncoderSettings()
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((size, *settings.widths, settings.features)):
        layers += [_linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def _convolutions(channels: int, height: int, width: int, settings: ConvolutionSettings) -> nn.Sequential:
    """Returns convolutions with ReLU, and a linear layer over all that they leave."""
    layers: list[nn.Module] = []
    inputs, rows, columns = channels, height, width
    for outputs, kernel, stride in zip(settings.widths, settings.kernels, settings.strides, strict=True):
        padding = (kernel - 1) // 2 if settings.padded else 0
        rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in (rows, columns))
        if rows < 1 or columns < 1:
            raise ValueError(f"{height} x {width} is too small for convolutions with {settings}: enlarge the input")
        layers += [_orthogonal(nn.Conv2d(inputs, outputs, kernel, stride, padding)), nn.ReLU()]
        inputs = outputs
    layers += [nn.Flatten(), _linear(inputs * rows * columns, settings.features), nn.ReLU()]
    return nn.Sequential(*layers)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    _orthogonal(layer)
    return layer


def _orthogonal(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    """Sets orthogonal weights with a ReLU's gain and no bias, as learners of this kind are used to.

    Source: Andrychowicz et al. 2021, What Matters in On-Policy Reinforcement Learning?, section 3.2.
    """
    nn.init.orthogonal_(layer.weight, gain=nn.init.calculate_gain("relu"))
    with torch.no_grad():
        assert layer.bias is not None
        layer.bias.zero_()
    return layer
