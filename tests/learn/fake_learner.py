"""A learner for the tests of the training frame: a few weights that drift, in a real environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from avi_env.policies import learner as table
from avi_env.policies.files import save_weights
from avi_env.policies.learner import EnvironmentSettings, LearnerKind, make_environment
from avi_env.policies.recipe import ValidationSettings

RECIPE = """
schema = 1
summary = "a policy for tests"
seed = 3

[environment]
num_envs = 2
max_episode_steps = 5
task = "PointNav"
scene = "shoebox:6x3x4"
sensors = ["goal"]

[policy]
network = "fake"

[[stages]]
learner = "fake"
steps = 24

[[stages]]
learner = "fake"
steps = 16
rate = 0.5
start = "best"

[validation]
every = 8
episodes = 2
measure = "score"
"""


@dataclass(frozen=True)
class FakeSettings:
    """Settings of the fake learner."""

    rate: float = 0.1
    bad_at: int = -1


class FakeLearner:
    """Its weights follow the goal's distance and its random stream; "score" is the first weight, rounded."""

    def __init__(
        self, environment: EnvironmentSettings, policy: torch.Tensor, settings: FakeSettings, seed: int, device: str
    ) -> None:
        self.settings, self.steps, self.weights = settings, 0, policy.clone()
        self.envs = make_environment(environment, device)
        self.draws = torch.Generator().manual_seed(seed)
        self.observation, _ = self.envs.reset(seed=seed)

    def iterate(self) -> dict[str, float]:
        for _ in range(2):
            actions = torch.randint(1, 4, (self.envs.num_envs,), generator=self.draws)
            self.observation, *_ = self.envs.step(actions)
            self.steps += self.envs.num_envs
        noise = torch.randn(4, generator=self.draws)
        self.weights += self.settings.rate * (noise + self.observation["goal"].mean())
        seconds = {"time/environment_s": 0.2, "time/inference_s": 0.1, "time/learning_s": 0.3}
        return {"rollout/return": float(self.weights.sum()), **seconds}

    def policy(self) -> torch.Tensor:
        return self.weights.clone()

    def state(self) -> dict[str, Any]:
        draws = self.draws.get_state()
        return {"steps": self.steps, "weights": self.weights, "draws": draws, "envs": self.envs.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        self.steps, self.weights = state["steps"], state["weights"].clone()
        self.draws.set_state(state["draws"])
        self.observation, _ = self.envs.restore(state["envs"])

    def close(self) -> None:
        self.envs.close()


def begin(policy: Mapping[str, Any], environment: EnvironmentSettings, seed: int) -> torch.Tensor:
    """Four zeros."""
    return torch.zeros(4)


def save(folder: Path, policy: torch.Tensor) -> None:
    """Writes them."""
    save_weights(folder / "weights.safetensors", {"weights": policy}, {"kind": "fake"})


def load(folder: Path) -> torch.Tensor:
    """Reads them."""
    from safetensors.torch import load_file

    return load_file(folder / "weights.safetensors")["weights"].float()


def validate(
    policy: torch.Tensor, validation: ValidationSettings, environment: EnvironmentSettings, device: str
) -> dict[str, float]:
    """A measure with ties."""
    return {"score": round(float(policy[0]), 1), "spl": 0.5}


KIND = LearnerKind(
    *(f"{__name__}:{name}" for name in ("FakeSettings", "FakeLearner", "begin", "save", "load", "validate"))
)


@contextmanager
def fake_table() -> Iterator[None]:
    """Puts the fake learner into the table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "LEARNERS", {**table.LEARNERS, "fake": KIND})
        yield
