"""The sound tagger's features against a NumPy twin, and their signs."""

import math

import numpy as np
import pytest
import torch

from avi_env.policies.tagger_features import FEATURE_CHANNELS, FEATURE_HOP, feature_frames, sound_features


def _twin(audio: np.ndarray) -> np.ndarray:
    """The features of one sound, shape (2, n), written anew: sums over bins, no tables."""
    size, bands = 512, 64
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    window *= math.sqrt(2 / (size * np.sum(window**2)))
    count = (audio.shape[1] - size) // FEATURE_HOP + 1
    first = audio.shape[1] - (count - 1) * FEATURE_HOP - size
    frequency = np.fft.rfftfreq(size, 1 / 16000)
    edges = np.linspace(*(2595 * np.log10(1 + f / 700) for f in (60.0, 7900.0)), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    mel = np.stack([np.interp(frequency, edges[k : k + 3], [0, 1, 0], 0, 0) for k in range(bands)])
    for k in range(bands):
        if mel[k].sum() < 1:
            mel[k, np.argmin(np.abs(frequency - edges[k + 1]))] = 1
    delays = (np.arange(bands) - 32) * 0.5
    used = (frequency > 60) & (frequency < 7900)
    result = np.zeros((FEATURE_CHANNELS, count, bands))
    for t in range(count):
        start = first + t * FEATURE_HOP
        left, right = np.fft.rfft(audio[:, start : start + size] * window)
        power = [mel @ np.abs(side) ** 2 for side in (left, right)]
        for ear in range(2):
            result[ear, t] = np.maximum(10 * np.log10(np.maximum(power[ear], 1e-14) / 4e-10), 0) / 50
        cross = left.conj() * right
        energy = np.sqrt(power[0] * power[1])
        result[2, t], result[3, t] = mel @ cross.real / energy, -(mel @ cross.imag) / energy
        vote = cross / (np.abs(cross) + 1e-4 * np.abs(cross).max() + 1e-20)
        turned = vote[None] * np.exp(2j * np.pi * frequency[None] / 16000 * delays[:, None])
        result[4, t] = turned.real[:, used].mean(axis=1)
    return result


def test_features_are_those_of_the_twin() -> None:
    """All channels, at loud and at faint ends."""
    rng = np.random.default_rng(3)
    audio = 0.05 * rng.standard_normal((2, 2, 4000)).astype(np.float32)
    audio[1] *= np.linspace(0.01, 1, 4000, dtype=np.float32)
    features = sound_features(torch.from_numpy(audio), 16000).numpy()
    assert features.shape == (2, FEATURE_CHANNELS, feature_frames(4000), 64)
    for row in range(2):
        np.testing.assert_allclose(features[row], _twin(audio[row].astype(np.float64)), rtol=0, atol=2e-4)


def test_a_sound_from_the_left_leads_left() -> None:
    """Half a millisecond earlier left; exchanged ears exchange levels and turn the phase."""
    noise = torch.randn(1, 8008, generator=torch.Generator().manual_seed(1)) * 0.02
    audio = torch.stack([noise[:, 8:8008], noise[:, 0:8000]], dim=1)  # the right ear hears it 8 samples later
    features = sound_features(audio, 16000)[0]
    assert int(features[4].mean(dim=0).argmax()) == 32 + 16
    swapped = sound_features(audio.flip(1), 16000)[0]
    torch.testing.assert_close(swapped[3], -features[3])
    torch.testing.assert_close(swapped[0], features[1])


def test_silence_is_zero_and_a_tone_has_its_level() -> None:
    """In decibels re 20 uPa."""
    assert not sound_features(torch.zeros(1, 2, 16000), 16000).any()
    tone = torch.sin(2 * math.pi * 1000.0 * torch.arange(16000) / 16000) * math.sqrt(2) * 10 ** ((60 - 94) / 20)
    level = sound_features(tone.expand(1, 2, -1), 16000)[0, 0].amax(dim=1) * 50
    assert abs(float(level.mean()) - 60) < 3  # it lies between two bands, and the window spreads it


@pytest.mark.parametrize(
    ("shape", "rate", "said"),
    [((1, 2, 16000), 48000, "48000"), ((2, 16000), 16000, "shape"), ((1, 1, 900), 16000, "2")],
)
def test_what_does_not_fit_is_named(shape: tuple[int, ...], rate: int, said: str) -> None:
    """Rate, dimensions, ears."""
    with pytest.raises(ValueError, match=said):
        sound_features(torch.zeros(shape), rate)
