"""Learner "sound_tagging": the sound tagger learns from sounds rendered in training houses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from avi_env.policies.learner import EnvironmentSettings
from avi_env.policies.recipe import ValidationSettings
from avi_env.policies.tagger import SoundTagger, TaggerSpec, Tags, make_tagger
from avi_env.policies.tagger_clips import loop_table
from avi_env.policies.tagger_data import ExampleSettings, SoundExamples, joined_examples
from avi_env.policies.tagger_features import sound_features
from avi_env.policies.tagger_loss import Sounds, tagging_loss
from avi_env.policies.tagger_measures import tagging_measures
from avi_env.policies.tagger_responses import house_responses, join_responses
from avi_env.scene import scene_names

__all__ = ["TaggerLearner", "TaggerSettings", "begin_tagger", "house_examples", "tag_examples", "validate_tagger"]

_DRAWN = 64  # examples rendered at a time: some 100 MB
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class TaggerSettings:
    """How the tagger learns; the defaults are those of the one that ships."""

    sources: int = 4
    """Places in each house where something sounds."""
    listeners: int = 64
    """Poses in each house from which it is heard."""
    seeds: int = 4
    """Clips of each sound."""
    slowest: float = 0.8
    fastest: float = 1.25
    """Each clip is there once more, played at a speed in between."""
    pair_share: float = 0.5
    begun_share: float = 0.25
    near_share: float = 0.5
    colour_db: float = 3.0
    noise_share: float = 0.2
    """As in `ExampleSettings`."""
    chunk: int = 1024
    """Examples drawn for an iteration."""
    passes: int = 2
    """How often an iteration goes through them."""
    batch: int = 64
    learning_rate: float = 2e-3
    steady_steps: int = 30_000
    """Examples after which the rate falls as the root of their number."""
    warm_steps: int = 4096
    """Examples over which the rate rises at first."""
    weight_decay: float = 0.02
    average: float = 0.998
    """What is told is told by a running mean of the weights; this is how much of it stays at each update."""
    precision: str = "float32"
    """Of the network while it learns: "bfloat16" takes 0.6 of the time where the processor knows it."""

    def __post_init__(self) -> None:
        for name in ("sources", "listeners", "seeds", "chunk", "passes", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.precision not in _PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {self.precision!r}")


class TaggerLearner:
    """Each iteration draws examples, a pure function of seed and iteration, and goes through them some times."""

    def __init__(
        self, environment: EnvironmentSettings, policy: SoundTagger, settings: TaggerSettings, seed: int, device: str
    ) -> None:
        self.settings, self.steps = settings, 0
        self._seed, self._device = seed, torch.device(device)
        drawn = ExampleSettings(
            settings.pair_share,
            settings.begun_share,
            settings.near_share,
            settings.colour_db,
            settings.noise_share,
            mirrored=True,
        )
        self._examples = house_examples(environment.keywords, policy.spec, settings, drawn, device)
        self._learning, self._average = policy.copy(), policy.copy()
        for tagger in (self._learning, self._average):
            tagger.network.to(self._device)
        network = self._learning.network
        kept = [value for value in network.parameters() if value.ndim > 1]
        rest = [value for value in network.parameters() if value.ndim <= 1]
        groups = [{"params": kept, "weight_decay": settings.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        self._optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
        self._updates = 0

    def iterate(self) -> dict[str, float]:
        """Draws a chunk of examples and learns from it; returns scalars."""
        began = time.perf_counter()
        number = self.steps // self.settings.chunk
        stream = torch.Generator().manual_seed((self._seed << 32) + number)
        features, sounds = self._drawn(stream)
        drawn = time.perf_counter()
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            torch.manual_seed((self._seed << 32) + number)  # of the network's dropout
            told = self._learn(features, sounds, stream)
        self.steps += self.settings.chunk
        return {**told, "time/environment_s": drawn - began, "time/learning_s": time.perf_counter() - drawn}

    def policy(self) -> SoundTagger:
        """Returns the tagger of the mean weights."""
        made = self._average.copy()
        made.network.eval()
        return made

    def state(self) -> dict[str, Any]:
        """Returns all that later iterations depend on."""
        taggers = {"learning": self._learning, "average": self._average}
        return {
            "steps": self.steps,
            "updates": self._updates,
            "optimiser": _cloned(self._optimiser.state_dict()),
            **{name: _cloned(tagger.network.state_dict()) for name, tagger in taggers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a learner made alike."""
        self.steps, self._updates = int(state["steps"]), int(state["updates"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._learning.network.load_state_dict(state["learning"])
        self._average.network.load_state_dict(state["average"])

    def close(self) -> None:
        """Lets go of nothing: there is no environment."""

    @torch.no_grad()
    def _drawn(self, stream: torch.Generator) -> tuple[torch.Tensor, Sounds]:
        """Returns features and labels of a chunk."""
        features, sounds, left = [], [], self.settings.chunk
        while left > 0:
            examples = self._examples.draw(min(left, _DRAWN), stream)
            left -= len(examples.audio)
            features.append(sound_features(examples.audio, self._examples.rate).half())
            sounds.append(examples[1:5])
        return torch.cat(features), Sounds(*(torch.cat(column) for column in zip(*sounds, strict=True)))

    def _learn(self, features: torch.Tensor, sounds: Sounds, stream: torch.Generator) -> dict[str, float]:
        """Goes through a chunk some times; returns mean losses."""
        self._learning.network.train()
        losses = []
        for _ in range(self.settings.passes):
            order = torch.randperm(len(features), generator=stream).to(self._device)
            for rows in torch.split(order, self.settings.batch):
                losses.append(self._update(features[rows], Sounds(*(column[rows] for column in sounds))))
        names = ("train/loss", "train/kind_loss", "train/azimuth_loss", "train/direction_loss", "train/distance_loss")
        rate = self._optimiser.param_groups[0]["lr"]
        return {**dict(zip(names, torch.stack(losses).mean(dim=0).tolist(), strict=True)), "train/learning_rate": rate}

    def _update(self, features: torch.Tensor, sounds: Sounds) -> torch.Tensor:
        """Makes one step down the gradient; returns the losses."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        precision = _PRECISIONS[self.settings.precision]
        with torch.autocast(self._device.type, precision, enabled=precision != torch.float32):
            outputs = self._learning.network(features.float())
        loss, parts = tagging_loss(outputs, sounds)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._learning.network.parameters(), 5.0)
        self._optimiser.step()
        self._updates += 1
        self._follow()
        return torch.stack([loss.detach(), *parts.values()])

    @torch.no_grad()
    def _follow(self) -> None:
        """Moves the mean weights, at first quickly."""
        stays = min(self.settings.average, (1.0 + self._updates) / (10.0 + self._updates))
        pairs = zip(
            self._average.network.state_dict().values(), self._learning.network.state_dict().values(), strict=True
        )
        for mean, now in pairs:
            if mean.is_floating_point():
                mean.lerp_(now, 1.0 - stays)
            else:
                mean.copy_(now)

    def _rate(self) -> float:
        """Returns the learning rate: it rises, stays, and falls as the root of the number of examples."""
        settings = self.settings
        seen = self._updates * settings.batch / settings.passes
        rise = min(1.0, (seen + settings.batch) / settings.warm_steps)
        fall: float = min(1.0, (settings.steady_steps / max(seen, 1.0)) ** 0.5)
        return settings.learning_rate * rise * fall


def begin_tagger(table: Mapping[str, Any], environment: EnvironmentSettings, seed: int) -> SoundTagger:
    """Returns the untrained tagger of a recipe; `table` is its [policy]: network = "sound_tagger" and its sizes."""
    sizes = {name: value for name, value in table.items() if name != "network"}
    rate = int(environment.keywords.get("sample_rate", 16000))
    seconds = float(environment.keywords.get("audio_seconds", 1.0))
    return make_tagger(TaggerSpec(network=sizes, sample_rate=rate, seconds=seconds), seed)


def house_examples(
    keywords: Mapping[str, Any],
    spec: TaggerSpec,
    settings: TaggerSettings,
    drawn: ExampleSettings,
    device: str = "cpu",
    *,
    varied: bool = True,
) -> SoundExamples:
    """Returns what draws examples in the houses and of the sounds that keywords of an environment name.

    Args:
        keywords: of an environment; scenes and sounds are read.
        spec: of the tagger.
        settings: how many places, poses and clips there are.
        drawn: how examples are drawn.
        device: "cpu" or "cuda".
        varied: whether clips are there at other speeds, too.
    """
    sounds = keywords.get("sounds", ("split:heard",))
    parts = [
        house_responses(
            name, sources=settings.sources, listeners=settings.listeners, sample_rate=spec.sample_rate,
            path_count=int(keywords.get("bake_paths", 4096)),
        )
        for name in scene_names(str(keywords.get("scenes", "houses:1000-1071")))
    ]  # fmt: skip
    loops = loop_table(
        (sounds,) if isinstance(sounds, str) else tuple(sounds),
        spec.classes,
        seeds=range(settings.seeds),
        speeds=(settings.slowest, settings.fastest) if varied else None,
        sample_rate=spec.sample_rate,
    )
    return SoundExamples(
        join_responses(parts), loops, drawn, sample_rate=spec.sample_rate, seconds=spec.seconds, device=device
    )


def tag_examples(tagger: SoundTagger, examples: SoundExamples, count: int, seed: int) -> dict[str, float]:
    """Returns the measures of a tagger over so many examples, drawn from a seed."""
    stream = torch.Generator().manual_seed(seed)
    drawn, tags = [], []
    for first in range(0, count, _DRAWN):
        some = examples.draw(min(_DRAWN, count - first), stream)
        tags.append(tagger.tag(some.audio))
        drawn.append(some._replace(audio=some.audio[:, :, :1]))
    told = Tags(*(torch.cat(column) for column in zip(*tags, strict=True)))
    return tagging_measures(told, joined_examples(drawn), len(tagger.classes))


def validate_tagger(
    policy: SoundTagger, validation: ValidationSettings, environment: EnvironmentSettings, device: str
) -> dict[str, float]:
    """Returns the measures of a tagger in the houses and with the sounds of [validation], `episodes` examples."""
    keywords = validation.where(environment).keywords
    settings = TaggerSettings(seeds=2, listeners=32)
    examples = house_examples(keywords, policy.spec, settings, ExampleSettings(), device, varied=False)
    return tag_examples(policy, examples, validation.episodes, validation.seed)


def _cloned(value: Any) -> Any:
    """Returns a state whose tensors nobody else changes."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _cloned(part) for key, part in value.items()}
    return [_cloned(part) for part in value] if isinstance(value, list) else value
