"""A policy: a network, the senses that feed it, and the environment that it was made for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from avi_env.content import name_error
from avi_env.envs.config import EnvConfig
from avi_env.policies.choice import ChoiceSettings, choose_actions
from avi_env.policies.encoders import ConvolutionSettings, FrameEncoderSettings, VectorEncoderSettings
from avi_env.policies.networks import NETWORKS, NavNetwork, NetworkSettings, Output
from avi_env.policies.senses import Inputs, Memory, Senses, SenseSettings

__all__ = ["Policy", "PolicySpec", "make_policy", "make_spec"]

_HIDDEN, _STEP = "hidden", "step"  # the network's own memory and the step's number, beside what the senses remember


@dataclass(frozen=True)
class PolicySpec:
    """All that makes a policy but its weights; JSON-serialisable by `dataclasses.asdict`."""

    network: str
    """Key of `NETWORKS`."""
    settings: dict[str, Any] = field(default_factory=dict)
    """All of its settings by field name, in tables as deep as they are: weights outlive a change of the defaults."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Keywords of the environment that it was trained in: task, hfov, forward, turn_deg, sample_rate ..."""
    stop_probability: float = 0.0
    """As in `ChoiceSettings`."""
    temperature: float = 0.0
    """As in `ChoiceSettings`."""

    def __post_init__(self) -> None:
        _ = self.choice  # refuses what is none

    @property
    def choice(self) -> ChoiceSettings:
        """How actions are chosen."""
        return ChoiceSettings(self.stop_probability, self.temperature)

    @property
    def config(self) -> EnvConfig:
        """The environment that it was trained in."""
        return EnvConfig.from_keywords(self.environment)


class Policy:
    """Chooses actions for a batch of agents. What it remembers of each is in a memory that the caller holds."""

    def __init__(self, spec: PolicySpec, network: NavNetwork) -> None:
        self.spec, self.network = spec, network
        config = spec.config
        self.senses = Senses(
            network.settings.senses, sample_rate=config.sample_rate, hfov=config.hfov, eye_height=config.eye_height
        )

    @property
    def sensors(self) -> tuple[str, ...]:
        """Keys of the observation that it reads."""
        return self.senses.settings.sensors

    def begin(self, batch: int, device: torch.device | str = "cpu") -> Memory:
        """Returns the memory of agents before their first observation."""
        step = torch.zeros(batch, dtype=torch.int64, device=device)
        return {_HIDDEN: self.network.begin(batch, device), _STEP: step, **self.senses.begin(batch, device)}

    def sense(
        self, observation: Mapping[str, torch.Tensor], memory: Memory, first: torch.Tensor
    ) -> tuple[Inputs, Memory]:
        """Returns what the network is given, and the memory with it; the memory given is used up.

        Args:
            observation: sensors, shape (B, ...).
            memory: of the step before.
            first: rows in which an episode begins, shape (B,), bool.
        """
        inputs, senses = self.senses.observe(observation, memory, first)
        step = memory[_STEP].masked_fill(first, 0)
        return inputs, {**senses, _HIDDEN: memory[_HIDDEN], _STEP: step}

    def think(self, inputs: Inputs, memory: Memory, first: torch.Tensor) -> tuple[Output, Memory]:
        """Returns what the network says of one step's inputs, shape (B, ...), and the memory after it."""
        ahead = {name: value[None] for name, value in inputs.items()}
        output, hidden = self.network(ahead, memory[_HIDDEN], first[None])
        return Output(*(part[0] for part in output)), {**memory, _HIDDEN: hidden, _STEP: memory[_STEP] + 1}

    @torch.no_grad()
    def act(
        self,
        observation: Mapping[str, torch.Tensor],
        memory: Memory,
        first: torch.Tensor,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[torch.Tensor, Memory]:
        """Returns the actions of a batch, shape (B,), int64, and the memory after them.

        Args:
            observation: sensors, shape (B, ...).
            memory: of the step before, or of `begin`; it is used up.
            first: rows in which an episode begins, shape (B,), bool.
            generator: draws actions by their probability; without it they are chosen as the spec says.
        """
        inputs, memory = self.sense(observation, memory, first)
        output, memory = self.think(inputs, memory, first)
        if generator is None:
            return choose_actions(output.logits, memory[_STEP], self.spec.choice), memory
        return torch.multinomial(output.logits.softmax(dim=1), 1, generator=generator)[:, 0], memory

    def copy(self) -> Policy:
        """Returns one like this with weights of its own."""
        network = NavNetwork(self.network.settings)
        network.load_state_dict(self.network.state_dict())
        return Policy(self.spec, network.to(next(self.network.parameters()).device))


def make_spec(table: Mapping[str, Any], environment: Mapping[str, Any]) -> PolicySpec:
    """Returns the spec that a recipe's [policy] table asks for.

    Args:
        table: `network`, settings of it, as deep as `NetworkSettings` is, and those of `ChoiceSettings`.
        environment: keywords of the environment that it is trained in.

    Raises:
        ValueError: no such network or setting, the message names the nearest one; no probability.
    """
    given = dict(table)
    network = str(given.pop("network", "av_nav"))
    sure, temperature = (float(given.pop(name, 0.0)) for name in ("stop_probability", "temperature"))
    whole = dataclasses.asdict(network_settings(PolicySpec(network, given)))
    plain = json.loads(json.dumps({"settings": whole, "environment": dict(environment)}))  # as a file gives them back
    return PolicySpec(network, plain["settings"], plain["environment"], sure, temperature)


def make_policy(spec: PolicySpec, seed: int) -> Policy:
    """Returns a policy that has learnt nothing; torch's own random stream is left as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Policy(spec, NavNetwork(network_settings(spec)))


def network_settings(spec: PolicySpec) -> NetworkSettings:
    """Returns the settings of a spec's network.

    Raises:
        ValueError: no such network or setting; the message names the nearest one.
    """
    if spec.network not in NETWORKS:
        raise name_error("network", spec.network, NETWORKS)
    changed: NetworkSettings = _changed(NETWORKS[spec.network], spec.settings)
    return changed


def _changed(settings: Any, values: Mapping[str, Any]) -> Any:
    """Returns a dataclass with some fields changed, those of dataclasses within it, too."""
    known = [one.name for one in dataclasses.fields(settings)]
    for name in values:
        if name not in known:
            raise name_error("setting of the network", name, known)
    inner = (SenseSettings, ConvolutionSettings, FrameEncoderSettings, VectorEncoderSettings)
    fresh: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(settings, name)
        if isinstance(old, inner):
            fresh[name] = _changed(old, value)
        else:
            fresh[name] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(settings, **fresh)
