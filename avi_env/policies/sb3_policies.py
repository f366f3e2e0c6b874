"""A policy's network as Stable-Baselines3 and sb3-contrib have theirs: the same weights, which learn in place."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy  # noqa: TID253  (loaded when a learner is asked for)
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor  # noqa: TID253
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper  # noqa: TID253
from torch import nn

from avi_env.policies.networks import NavNetwork
from avi_env.policies.senses import BYTES, Inputs

__all__ = ["HIDDEN", "HeldFeatures", "HiddenVecEnv", "NavPolicy", "NetworkFeatures", "RecurrentNavPolicy"]

HIDDEN = "hidden"
"""What the memory held before, among the observations of `HiddenVecEnv`."""


class NetworkFeatures(BaseFeaturesExtractor):
    """What a network makes of its inputs before it remembers."""

    def __init__(self, observation_space: gym.spaces.Dict, network: NavNetwork) -> None:
        super().__init__(observation_space, network.memory.input_size)
        self.network = network

    def forward(self, observations: Inputs) -> torch.Tensor:
        """Returns features, shape (B, n); the libraries make every input float32, which loses nothing."""
        return self.network.encode(_inputs(observations, self.network))


class HeldFeatures(BaseFeaturesExtractor):
    """What a network's memory holds after inputs and what it held before, which is one of the observations."""

    def __init__(self, observation_space: gym.spaces.Dict, network: NavNetwork) -> None:
        super().__init__(observation_space, network.settings.hidden)
        self.network = network
        self.held = torch.zeros(0)
        """Of the last call, shape (B, hidden)."""

    def forward(self, observations: Inputs) -> torch.Tensor:
        """Returns what is held, shape (B, hidden)."""
        features = self.network.encode(_inputs(observations, self.network))
        held: torch.Tensor = self.network.memory(features[None], observations[HIDDEN][None].contiguous())[0][0]
        self.held = held.detach()
        return held


class GRUMemory(nn.Module):
    """A gated recurrent unit called as an LSTM is; its second state is nothing."""

    def __init__(self, memory: nn.GRU) -> None:
        super().__init__()
        self.memory = memory
        self.num_layers, self.hidden_size, self.input_size = memory.num_layers, memory.hidden_size, memory.input_size

    def forward(
        self, features: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Returns what is held at each step, shape (T, B, hidden), and at the end, shape (1, B, hidden), twice."""
        held, last = self.memory(features, states[0].contiguous())
        return held, (last, states[1])


class RecurrentNavPolicy(RecurrentActorCriticPolicy):
    """sb3-contrib's recurrent policy with the parts of a network in the place of its own.

    The critic hears what the memory holds, and does not teach it ("shared LSTM" in sb3-contrib).
    """

    def __init__(
        self,
        observation_space: gym.spaces.Dict,
        action_space: gym.spaces.Discrete,
        lr_schedule: Any,
        *,
        network: NavNetwork,
        use_sde: bool = False,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            ortho_init=False,  # the weights are those given
            use_sde=use_sde,
            features_extractor_class=NetworkFeatures,
            features_extractor_kwargs={"network": network},
            normalize_images=False,
            lstm_hidden_size=network.settings.hidden,
            shared_lstm=True,
            enable_critic_lstm=False,
        )
        self.lstm_actor = GRUMemory(network.memory)  # type: ignore[assignment]
        _take_heads(self, network, lr_schedule)


class NavPolicy(ActorCriticPolicy):
    """Stable-Baselines3's policy with the parts of a network; for environments within `HiddenVecEnv`."""

    def __init__(
        self,
        observation_space: gym.spaces.Dict,
        action_space: gym.spaces.Discrete,
        lr_schedule: Any,
        *,
        network: NavNetwork,
        use_sde: bool = False,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            ortho_init=False,  # the weights are those given
            use_sde=use_sde,
            features_extractor_class=HeldFeatures,
            features_extractor_kwargs={"network": network},
            normalize_images=False,
        )
        _take_heads(self, network, lr_schedule)


class HiddenVecEnv(VecEnvWrapper):
    """Adds to the observations what the memory of the policy that acts held before them.

    Args:
        venv: over a `SensedVectorEnv`.
        hidden: numbers that the memory holds.
    """

    def __init__(self, venv: VecEnv, hidden: int) -> None:
        assert isinstance(venv.observation_space, gym.spaces.Dict)
        box = gym.spaces.Box(-np.inf, np.inf, (hidden,), np.float32)
        super().__init__(venv, gym.spaces.Dict({**venv.observation_space.spaces, HIDDEN: box}))
        self.features: HeldFeatures | None = None
        """Of the policy that acts: set it before the first step."""

    def reset(self) -> dict[str, npt.NDArray[Any]]:
        """Begins episodes, of which nothing is held."""
        seen: Any = self.venv.reset()
        return {**seen, HIDDEN: np.zeros((self.num_envs, self._width), dtype=np.float32)}

    def step_wait(self) -> Any:
        """Acts, and remembers what the policy held when it did."""
        assert self.features is not None
        seen: Any
        seen, reward, ended, infos = self.venv.step_wait()
        held = self.features.held.cpu().numpy()
        for row in np.flatnonzero(ended).tolist():
            infos[row]["terminal_observation"][HIDDEN] = held[row]
        return {**seen, HIDDEN: np.where(ended[:, None], np.float32(0.0), held)}, reward, ended, infos

    @property
    def _width(self) -> int:
        space: Any = self.observation_space
        return int(space[HIDDEN].shape[0])


def _take_heads(policy: ActorCriticPolicy, network: NavNetwork, lr_schedule: Any) -> None:
    """Puts a network's actor and critic into a policy, and all of its weights into an optimiser."""
    policy.action_net, policy.value_net = network.actor, network.critic
    policy.optimizer = policy.optimizer_class(policy.parameters(), lr=lr_schedule(1), **policy.optimizer_kwargs)  # type: ignore[call-arg]


def _inputs(observations: Inputs, network: NavNetwork) -> Inputs:
    """Returns the inputs of a network with bytes as bytes."""
    return {name: observations[name].to(torch.uint8) if name in BYTES else observations[name] for name in network.parts}
