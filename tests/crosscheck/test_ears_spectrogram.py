"""The spectrogram against the published recipe, written with NumPy, scipy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import get_window

from avi_env.acoustics.spectrogram import spectrogram, spectrogram_shape

measure = pytest.importorskip("skimage.measure", reason="needs scikit-image: pip install 'avi-env[dev]'")


def twin(audio: np.ndarray) -> np.ndarray:
    """Returns the recipe of SoundSpaces for one environment's audio (2, n)."""
    window = np.pad(get_window("hann", 400, fftbins=True), 56)
    channels = []
    for ear in audio.astype(np.float64):
        padded = np.pad(ear, 256)  # librosa >= 0.9: centred, zeros
        frames = np.lib.stride_tricks.sliding_window_view(padded, 512)[::160]
        magnitude = np.abs(np.fft.rfft(frames * window)).T
        channels.append(np.log1p(measure.block_reduce(magnitude, block_size=(4, 4), func=np.mean)))
    return np.stack(channels, axis=-1)


@pytest.mark.parametrize(("samples", "shape"), [(16000, (65, 26, 2)), (44100, (65, 69, 2)), (4000, (65, 7, 2))])
def test_spectrogram_is_the_published_recipe(samples: int, shape: tuple[int, int, int]) -> None:
    """Loud, faint and silent sounds give the twin's values within 1e-5, in the published shape."""
    audio = np.random.default_rng(0).standard_normal((3, 2, samples)) * np.array([1.0, 1e-4, 0.0])[:, None, None]
    result = spectrogram(torch.from_numpy(audio).float(), samples)
    assert result.shape == (3, *shape) == (3, *spectrogram_shape(samples))
    for row in range(3):
        assert_allclose(result[row], twin(audio[row].astype(np.float32)), rtol=1e-4, atol=1e-6)
    assert_array_equal(result[2], 0.0)


def test_rows_do_not_depend_on_the_batch() -> None:
    """A row alone gives the same bits as in a batch; another shape of audio is refused."""
    audio = torch.randn(5, 2, 16000, generator=torch.Generator().manual_seed(0))
    together = spectrogram(audio)
    for row in range(5):
        assert_array_equal(spectrogram(audio[row : row + 1])[0], together[row])
    with pytest.raises(ValueError, match=r"\(B, C, n\)"):
        spectrogram(audio[0])
    four = torch.cat([audio, audio[:, :, ::2].repeat(1, 1, 2)], dim=1)  # an array of microphones
    assert_array_equal(spectrogram(four)[..., :2], together)
