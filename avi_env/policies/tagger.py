"""The sound tagger: which sounds, from where and how far away, from the last second at both ears."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from avi_env.policies.files import WEIGHTS, fill_network, save_weights, weights_of_kind, weights_path
from avi_env.policies.tagger_features import sound_features
from avi_env.policies.tagger_network import TaggerNetwork, TaggerNetworkSettings, told_azimuth
from avi_env.sounds import sound_classes

__all__ = ["SoundTagger", "TaggerSpec", "Tags", "load_tagger", "make_tagger", "save_tagger"]

_KIND, _SCHEMA = "avi_env.sound_tagger", 1
_COUNTER = "num_batches_tracked"  # of batch normalisation: no weight


@dataclass(frozen=True)
class TaggerSpec:
    """All that makes a tagger but its weights; JSON-serialisable by `dataclasses.asdict`."""

    classes: tuple[str, ...] = field(default_factory=sound_classes)
    """Names of the classes that it tells apart, in the order of its probabilities."""
    network: dict[str, Any] = field(default_factory=dict)
    """What differs from `TaggerNetworkSettings`, by field name."""
    sample_rate: int = 16000
    """Of the sound it hears [Hz]."""
    seconds: float = 1.0
    """Length of the sound that it was trained with [s]."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))


class Tags(NamedTuple):
    """What is heard in B pieces of sound: two sounds each, the more certain one first."""

    probability: torch.Tensor
    """Of each class if the sound is there, shape (B, 2, classes)."""
    azimuth: torch.Tensor
    """Counter-clockwise from ahead [rad], -pi to pi, shape (B, 2)."""
    distance: torch.Tensor
    """From the middle of the head [m], shape (B, 2)."""
    activity: torch.Tensor
    """Probability that the sound is there, shape (B, 2)."""

    @property
    def kind(self) -> torch.Tensor:
        """The most probable class, shape (B, 2) int64."""
        return self.probability.argmax(dim=2)


class SoundTagger:
    """Tells up to two simultaneous sounds: class, azimuth, distance."""

    def __init__(self, spec: TaggerSpec, network: TaggerNetwork) -> None:
        self.spec, self.network = spec, network

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.spec.classes

    @torch.no_grad()
    def tag(self, audio: torch.Tensor) -> Tags:
        """Returns what is heard in the last second of binaural sound.

        Args:
            audio: pressure at the ears [Pa], 1.0 RMS = 94 dB SPL, shape (B, 2, n), row 0 = left, at
                `spec.sample_rate`; of a longer piece the last `spec.seconds` count, a shorter one had silence before.

        Raises:
            ValueError: another shape.
        """
        if audio.ndim != 3 or audio.shape[1] != 2:
            raise ValueError(f"audio must have shape (B, 2, n), not {tuple(audio.shape)}")
        wanted = round(self.spec.seconds * self.spec.sample_rate)
        heard = torch.nn.functional.pad(audio[:, :, -wanted:].float(), (max(wanted - audio.shape[2], 0), 0))
        features = sound_features(heard.to(self.device), self.spec.sample_rate)
        return self.tag_features(features)

    @torch.no_grad()
    def tag_features(self, features: torch.Tensor) -> Tags:
        """Returns what is heard in sound with these features, see `sound_features`."""
        self.network.eval()
        told = self.network(features.to(self.device))
        tags = Tags(told.kind.softmax(dim=2), told_azimuth(told.azimuth), told.distance.exp(), told.activity.sigmoid())
        order = tags.activity.argsort(dim=1, descending=True, stable=True)
        return Tags(
            tags.probability.gather(1, order[:, :, None].expand_as(tags.probability)),
            *(part.gather(1, order) for part in tags[1:]),
        )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def copy(self) -> SoundTagger:
        """Returns a tagger of the same weights, which is changed by itself."""
        return SoundTagger(self.spec, copy.deepcopy(self.network))


def make_tagger(spec: TaggerSpec | None = None, seed: int = 0) -> SoundTagger:
    """Returns a tagger that has learnt nothing.

    Raises:
        ValueError: an unknown setting of the network.
    """
    spec = spec or TaggerSpec()
    known = [one.name for one in dataclasses.fields(TaggerNetworkSettings)]
    for name in spec.network:
        if name not in known:
            from avi_env.content import name_error

            raise name_error("setting of the tagger's network", name, known)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TaggerNetwork(len(spec.classes), TaggerNetworkSettings(**spec.network))
    return SoundTagger(spec, network.eval())


def save_tagger(folder: str | Path, tagger: SoundTagger) -> Path:
    """Writes a tagger's weights, half as precise as they were learnt, and returns the file."""
    tensors = {name: value for name, value in tagger.network.state_dict().items() if not name.endswith(_COUNTER)}
    metadata = {"kind": _KIND, "schema": _SCHEMA, "spec": dataclasses.asdict(tagger.spec)}
    return save_weights(Path(folder) / WEIGHTS, tensors, metadata)


def load_tagger(tagger: str | Path = "sound_tagger", device: str | torch.device = "cpu") -> SoundTagger:
    """Returns a sound tagger.

    Args:
        tagger: name of a folder of policies/, or the path of a folder or a file of your own.
        device: where it shall compute.

    Raises:
        FileNotFoundError: it has no weights.
        ValueError: no such policy, the file is cut short or holds something else; the message says which.
    """
    path = weights_path(tagger)
    tensors, told = weights_of_kind(path, _KIND, _SCHEMA)
    made = make_tagger(TaggerSpec(**told))
    fill_network(made.network, tensors, path, left_out=_COUNTER)
    made.network.to(device)
    return made
