"""The vector environment as a policy senses it: its observations are the inputs of the policy's network."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from avi_env.envs.vector import AviVectorEnv
from avi_env.policies.senses import BYTES, Inputs, Memory, Senses

__all__ = ["SensedVectorEnv"]


class SensedVectorEnv(gym.vector.VectorWrapper[Any, Any, Any]):
    """Observes through a policy's senses, whose memory it keeps for every row; for learners of other libraries.

    Observations are the `Inputs` of a network, tensors on the environment's device. Row by row they are what the
    policy itself would sense; where an episode begins, the memory does too. `final_obs` is sensed likewise.

    Args:
        env: made with `output="torch"`; autoreset "same_step" or "next_step".
        senses: of the policy.

    Raises:
        ValueError: another output or autoreset mode.
    """

    def __init__(self, env: AviVectorEnv, senses: Senses) -> None:
        super().__init__(env)
        mode = env.metadata["autoreset_mode"]
        if env.config.output != "torch" or mode is AutoresetMode.DISABLED:
            raise ValueError("senses take tensors, and rows that begin anew: output='torch', autoreset='same_step'")
        self.senses = senses
        self.device = torch.device(env.config.device)
        self.single_observation_space = gym.spaces.Dict(
            {name: _space(name, shape) for name, shape in senses.shapes.items()}
        )
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self.seconds = 0.0
        """Time that the environment itself has taken so far [s]."""
        self._memory: Memory = senses.begin(env.num_envs, self.device)
        self._inputs: Inputs = {}
        self._ended = torch.zeros(env.num_envs, dtype=torch.bool, device=self.device)
        self._same_step = mode is AutoresetMode.SAME_STEP

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Inputs, dict[str, Any]]:
        """Begins episodes in all rows."""
        began = time.perf_counter()
        observation, info = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]  # ours takes a list
        self.seconds += time.perf_counter() - began
        everyone = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self._inputs, self._memory = self.senses.observe(observation, self._memory, everyone)
        self._ended = ~everyone
        return dict(self._inputs), info

    def step(self, actions: Any) -> tuple[Inputs, Any, Any, Any, dict[str, Any]]:
        """Acts in every row."""
        began = time.perf_counter()
        observation, reward, terminated, truncated, info = self.env.step(actions)
        self.seconds += time.perf_counter() - began
        # in "same_step" the memory of the old episode sees how it ended before the row begins anew
        first = torch.zeros_like(self._ended) if self._same_step else self._ended
        self._inputs, self._memory = self.senses.observe(info.get("final_obs", observation), self._memory, first)
        if "final_obs" in info:
            info = {**info, "final_obs": dict(self._inputs)}
            self._begin(observation, np.flatnonzero(info["_final_obs"]))
        self._ended = terminated | truncated
        return dict(self._inputs), reward, terminated, truncated, info

    def state(self) -> dict[str, Any]:
        """Returns all that later steps depend on; it does not change when the environment goes on."""
        snapshot = self.env.snapshot()  # type: ignore[attr-defined]
        memory, inputs = (
            {name: value.clone() for name, value in kept.items()} for kept in (self._memory, self._inputs)
        )
        return {"environment": snapshot, "memory": memory, "inputs": inputs, "ended": self._ended.clone()}

    def restore(self, state: dict[str, Any]) -> Inputs:
        """Goes on from a state of an environment that was made alike, and returns the inputs at that moment."""
        self.env.restore(state["environment"])  # type: ignore[attr-defined]
        self._memory, self._inputs = (
            {name: value.to(self.device, copy=True) for name, value in state[kept].items()}
            for kept in ("memory", "inputs")
        )
        self._ended = state["ended"].to(self.device, copy=True)
        return dict(self._inputs)

    def _begin(self, observation: dict[str, torch.Tensor], rows: Any) -> None:
        """Lets some rows begin: nothing is remembered of what was before."""
        at = torch.as_tensor(rows, device=self.device)
        first = torch.ones(len(at), dtype=torch.bool, device=self.device)
        seen = {name: observation[name][at] for name in self.senses.settings.sensors}
        inputs, memory = self.senses.observe(seen, {name: value[at] for name, value in self._memory.items()}, first)
        self._inputs = {name: value.index_copy(0, at, inputs[name]) for name, value in self._inputs.items()}
        self._memory = {name: value.index_copy(0, at, memory[name]) for name, value in self._memory.items()}


def _space(name: str, shape: tuple[int, ...]) -> gym.spaces.Box:
    """Returns the space of one input: bytes, or float16 without bounds."""
    if name in BYTES:
        return gym.spaces.Box(0, 255, shape, np.uint8)
    return gym.spaces.Box(-np.inf, np.inf, shape, np.float16)
