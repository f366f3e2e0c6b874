"""Which sound it is by the learned sound tagger: the same interface as recognition by templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.policy_input import resampled
from avi_env.agents.recognition import SoundTemplates, Verdict, load_templates

if TYPE_CHECKING:
    from avi_env.policies.tagger import SoundTagger

__all__ = ["TaggedRecognition"]

FloatArray = npt.NDArray[np.floating[Any]]

_EVERY = 2  # steps from one look to the next: half of the second that it hears is new
_TEMPERATURE = 2.0  # looks overlap, and echoes mislead the tagger in the same way at each: each counts so much less
_FORGET = 0.97  # of the evidence a look, as with templates
_LEAST = 1e-4  # probability below which a class does not fall in one look
_THERE = 0.5  # probability that something sounds from which a look counts


class TaggedRecognition:
    """Adds up what the tagger says of the more certain sound of each look.

    Level and rests of a class are those of the templates: a tagger does not tell them.

    Args:
        tagger: tells the classes.
        sample_rate: of the audio observation [Hz].

    Raises:
        ValueError: the rate is below the tagger's, or it knows a class that has no template.
    """

    def __init__(self, tagger: SoundTagger, sample_rate: int) -> None:
        if sample_rate < tagger.spec.sample_rate:
            raise ValueError(
                f"the sound tagger hears {tagger.spec.sample_rate} Hz and cannot with sample_rate={sample_rate}: "
                f"make the environment with sample_rate={tagger.spec.sample_rate}"
            )
        self._tagger, self._rate, self._names = tagger, sample_rate, tagger.classes
        self._levels, self._rests = _by_class(load_templates(), self._names)
        self._log = np.zeros(len(self._names))
        self._calls = 0
        self._looked = 0

    def observe(self, audio: FloatArray) -> None:
        """Takes in one step's sound: the audio observation, shape (2, n), whose last step is new."""
        import torch

        self._calls += 1
        if self._calls % _EVERY or not np.any(audio):
            return
        heard = resampled(audio.astype(np.float32), self._rate, self._tagger.spec.sample_rate)
        tags = self._tagger.tag(torch.from_numpy(np.ascontiguousarray(heard))[None])
        if float(tags.activity[0, 0]) < _THERE:
            return
        chance = tags.probability[0, 0].cpu().numpy().astype(np.float64)
        self._log = _FORGET * self._log + np.log(np.maximum(chance, _LEAST)) / _TEMPERATURE
        self._looked += 1

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each class; all alike before anything was heard."""
        return dict(zip(self._names, self._weights().tolist(), strict=True))

    @property
    def source_level(self) -> tuple[float, float]:
        """Level of the source at 1 m [dB SPL], loudest quarter of a second: mean and spread over the classes."""
        chance = self._weights()
        mean = float(chance @ self._levels)
        return mean, float(np.sqrt(chance @ (self._levels - mean) ** 2))

    @property
    def rest_s(self) -> float:
        """Time within which the sound is loud at least once [s], expected over the classes."""
        return float(self._weights() @ self._rests)

    @property
    def verdict(self) -> Verdict:
        """The most probable class, or "unknown"."""
        if not self._looked:
            return Verdict("unknown", 0.0)
        name, probability = max(self.probabilities.items(), key=lambda item: item[1])
        return Verdict(name, probability)

    def _weights(self) -> npt.NDArray[np.float64]:
        weight = np.exp(self._log - self._log.max())
        return np.asarray(weight / weight.sum())


def _by_class(templates: SoundTemplates, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Returns level [dB SPL] and rest [s] of each named class, each of shape (classes,)."""
    missing = sorted(set(names) - set(templates.names))
    if missing:
        raise ValueError(
            f"the sound tagger knows classes that have no template: {', '.join(missing)}; "
            "make the templates anew: python -m avi_env.agents.recognition_fit"
        )
    index = [templates.names.index(name) for name in names]
    return templates.levels[index], templates.rests[index]
