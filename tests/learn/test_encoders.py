"""Encoders: shapes, sizes and the AV-Nav networks against their published dimensions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from avi_env.policies.encoders import (
    AV_NAV_IMAGE,
    AV_NAV_SOUND,
    ConvolutionSettings,
    VectorEncoderSettings,
    frame_encoder,
    image_encoder,
    sound_encoder,
    vector_encoder,
)


@pytest.mark.parametrize(
    ("network", "shape", "features"),
    [
        (image_encoder(1, 64, 64), (1, 64, 64), 128),
        (image_encoder(4, 40, 48), (4, 40, 48), 128),
        (sound_encoder(2, 65, 26), (2, 65, 26), 128),
        (sound_encoder(3, 65, 26, AV_NAV_SOUND), (3, 65, 26), 512),
        (frame_encoder(3, 16, 32), (3, 16, 32), 128),
        (vector_encoder(4, VectorEncoderSettings(widths=(), features=9)), (4,), 9),
    ],
)
def test_encoders_give_features_row_by_row(network: nn.Module, shape: tuple[int, ...], features: int) -> None:
    """A row's features do not depend on the other rows, are finite and not negative."""
    given = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together, alone = network(given), network(given[1:2])
    assert together.shape == (3, features)
    assert bool((together >= 0).all() & together.isfinite().all())
    torch.testing.assert_close(alone, together[1:2], rtol=1e-5, atol=1e-6)


def test_av_nav_has_its_published_dimensions() -> None:
    """128 x 128 depth leaves 64 x 12 x 12, and a spectrogram of 65 x 26 leaves 64 x 13 x 3, before the linear layer."""
    layers = {"image": image_encoder(1, 128, 128, AV_NAV_IMAGE), "sound": sound_encoder(2, 65, 26, AV_NAV_SOUND)}
    inputs = {name: network[-2].in_features for name, network in layers.items()}
    assert inputs == {"image": 64 * 12 * 12, "sound": 64 * 13 * 3}


def test_same_seed_same_weights() -> None:
    """Weights come from torch's stream alone."""
    made = []
    for _ in range(2):
        torch.manual_seed(7)
        made.append(image_encoder(1, 40, 40))
    for one, other in zip(made[0].parameters(), made[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_cannot_be_built_is_said() -> None:
    """Too small an input, or settings of different lengths, are named."""
    with pytest.raises(ValueError, match="4 x 4 is too small"):
        image_encoder(1, 4, 4, AV_NAV_IMAGE)
    with pytest.raises(ValueError, match="needs a width, a kernel and a stride"):
        ConvolutionSettings((8, 8), (3,), (2,), 16)
