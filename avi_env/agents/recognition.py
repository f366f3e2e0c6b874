"""Which sound it is: the nearest of the known classes, by features that survive a room, with evidence over seconds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from avi_env.agents.sound_features import sound_features
from avi_env.content import package_file

__all__ = ["Recognition", "SoundRecognition", "SoundTemplates", "Verdict", "classify", "load_templates"]

FloatArray = npt.NDArray[np.floating[Any]]

_TEMPERATURE = 4.0  # windows overlap and rooms differ from the fit: likelihoods are taken this much less seriously
_EAGER = 4  # looks that come twice as often as later ones


class SoundTemplates(NamedTuple):
    """One Gaussian per class in a space in which all classes spread alike (linear discriminants)."""

    names: tuple[str, ...]
    offset: npt.NDArray[np.float64]
    """Mean of the features, shape (D,)."""
    axes: npt.NDArray[np.float64]
    """Projection of the features, shape (D, K): unit spread within a class."""
    centers: npt.NDArray[np.float64]
    """Class means, shape (C, K)."""
    levels: npt.NDArray[np.float64]
    """Loudest quarter of a second, 1 m away in the open [dB SPL], shape (C,)."""
    rests: npt.NDArray[np.float64]
    """Longest time from one loud quarter of a second to the next [s], shape (C,): a doorbell rings, then rests."""


class Verdict(NamedTuple):
    """What a sound was recognised as."""

    name: str
    """Class, "unknown" when unsure."""
    confidence: float
    """Probability of the class, 0..1."""


class Recognition(Protocol):
    """Tells what it is that one hears, with evidence over seconds."""

    def observe(self, audio: FloatArray) -> None:
        """Takes in one step's sound: the audio observation, shape (2, n), whose last step is new."""

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each class; all alike before anything was heard."""

    @property
    def source_level(self) -> tuple[float, float]:
        """Level of the source at 1 m [dB SPL], loudest quarter of a second: mean and spread over the classes."""

    @property
    def rest_s(self) -> float:
        """Time within which the sound is loud at least once [s], expected over the classes."""

    @property
    def verdict(self) -> Verdict:
        """The most probable class, or "unknown"."""


@lru_cache(maxsize=1)
def load_templates() -> SoundTemplates:
    """Returns the templates that come with the package (made by `avi_env.agents.recognition_fit`)."""
    with np.load(package_file("agents/sound_templates.npz")) as data:
        names = tuple(str(name) for name in data["names"])
        return SoundTemplates(names, *(data[key].astype(np.float64) for key in SoundTemplates._fields[1:]))


def classify(features: FloatArray, templates: SoundTemplates) -> npt.NDArray[np.float64]:
    """Returns the squared distance of one feature vector to each class, in units of the spread, shape (C,)."""
    point = (features - templates.offset) @ templates.axes
    return np.asarray(np.sum((point - templates.centers) ** 2, axis=1))


class SoundRecognition:
    """Listens to the newest seconds of one sound and adds up what each stretch says.

    Args:
        sample_rate: of the audio observation [Hz].
        step_seconds: simulated time between observations [s].
        window_seconds: length of the stretch that is compared [s].
    """

    def __init__(self, sample_rate: int, step_seconds: float = 0.25, window_seconds: float = 3.0) -> None:
        self._rate = sample_rate
        self._step = round(sample_rate * step_seconds)
        self._window = round(sample_rate * window_seconds)
        self._audio = np.zeros((2, 0), np.float32)
        self._templates = load_templates()
        self._log = np.zeros(len(self._templates.names))
        self._calls = 0
        self._looked = 0

    def observe(self, audio: FloatArray) -> None:
        """Takes in one step's sound: the audio observation, shape (2, n), whose last step is new."""
        new = audio if not self._calls else audio[:, -self._step :]
        self._audio = np.concatenate([self._audio, new.astype(np.float32)], axis=1)[:, -self._window :]
        self._calls += 1
        every = 2 if self._looked < _EAGER else 4
        if self._calls % every or self._audio.shape[1] < self._rate:
            return
        features = sound_features(self._audio, self._rate)
        if features is None:
            return
        distance = classify(features, self._templates)
        self._log = 0.97 * self._log - 0.5 * distance / _TEMPERATURE / max(1.0, distance.min() / len(distance))
        self._looked += 1

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each class; all alike before anything was heard."""
        weight = np.exp(self._log - self._log.max())
        return dict(zip(self._templates.names, (weight / weight.sum()).tolist(), strict=True))

    @property
    def source_level(self) -> tuple[float, float]:
        """Level of the source at 1 m [dB SPL], loudest quarter of a second: mean and spread over the classes."""
        chance = np.array(list(self.probabilities.values()))
        levels = self._templates.levels
        mean = float(chance @ levels)
        return mean, float(np.sqrt(chance @ (levels - mean) ** 2))

    @property
    def rest_s(self) -> float:
        """Time within which the sound is loud at least once [s], expected over the classes."""
        return float(np.array(list(self.probabilities.values())) @ self._templates.rests)

    @property
    def verdict(self) -> Verdict:
        """The most probable class, or "unknown"."""
        if not self._looked:
            return Verdict("unknown", 0.0)
        name, probability = max(self.probabilities.items(), key=lambda item: item[1])
        return Verdict(name, probability)
