"""Imitation: behaviour cloning and DAgger from the shortest-path expert, in a batch.

The policy walks, the expert says at every step what it would have done, and the policy learns from the last so many
sequences of that. The expert walks in the policy's place in a share of the episodes that falls as the policy learns.

Source: Ross, Gordon and Bagnell, AISTATS 2011 (DAgger).
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from avi_env.policies.expert import expert_advice
from avi_env.policies.learner import EnvironmentSettings, make_environment
from avi_env.policies.policy import Policy
from avi_env.policies.replay import Replay
from avi_env.policies.senses import Memory

__all__ = ["ImitationLearner", "ImitationSettings"]

_STOP = 0


@dataclass(frozen=True)
class ImitationSettings:
    """How is imitated; the defaults are those of the policies that ship."""

    sequence: int = 32
    """Steps of a sequence: of a rollout, and of what is learnt from at once."""
    batch: int = 4
    """Sequences of an update."""
    updates: int = 24
    """Updates of an iteration: about as much work as its rollout is."""
    replay: int = 2048
    """Sequences kept."""
    learning_rate: float = 4e-4
    learning_rate_end: float = 2e-5
    """It falls to this, as a half cosine."""
    decay_steps: int = 1_000_000
    """Environment steps in which it falls, and stays there."""
    expert_share: float = 1.0
    """Share of the episodes in which the expert walks, at first."""
    expert_share_end: float = 0.1
    """The same in the end; 1 with `expert_share` 1 is behaviour cloning."""
    expert_steps: int = 100_000
    """Environment steps in which it falls, in a straight line."""
    goal_radius: float = 0.6
    """Geodesic distance to the goal [m] within which the expert stops."""
    stop_veto: float = 0.9
    """Probability that a stop of the policy which the expert does not share is replaced by its next best action: an
    episode that is over teaches nothing."""
    explore: float = 1.0
    """Temperature of the policy's choices while it walks."""
    stop_weight: float = 2.0
    """Weight of steps at which the expert stops: there is one an episode."""
    hint_weight: float = 0.3
    """Weight of the error of the hints."""
    gradient_norm: float = 1.0
    """Gradients are cut to this length."""

    def __post_init__(self) -> None:
        for name in ("sequence", "batch", "updates", "replay", "decay_steps", "expert_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class ImitationLearner:
    """Learns in a thread of its own from what was collected before, while the weights of before collect more."""

    def __init__(
        self,
        environment: EnvironmentSettings,
        policy: Policy,
        settings: ImitationSettings,
        seed: int,
        device: str,
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        self.steps = 0
        self._environment = make_environment(environment, device, autoreset="next_step", copy=False)
        self._rows = self._environment.num_envs
        self._learning = policy.copy()
        self._learning.network.to(self.device).train()
        self._acting = self._learning.copy()
        self._optimiser = torch.optim.Adam(self._learning.network.parameters(), lr=settings.learning_rate)
        self._replay = Replay(settings.replay, self.device)
        self._draws = torch.Generator().manual_seed(seed)
        self._chances = torch.Generator(self.device).manual_seed(seed + 1)
        self._observation, _ = self._environment.reset(seed=seed)
        self._memory: Memory = self._acting.begin(self._rows, self.device)
        self._first = torch.ones(self._rows, dtype=torch.bool, device=self.device)
        self._guided = torch.zeros(self._rows, dtype=torch.bool, device=self.device)
        self._returns = torch.zeros(self._rows, device=self.device)
        self._thread = ThreadPoolExecutor(1, "imitation")

    def iterate(self) -> dict[str, float]:
        """Collects one sequence of every row and makes some updates from those before; returns scalars."""
        self._acting.network.load_state_dict(self._learning.network.state_dict())
        learning = self._thread.submit(self._learn)
        sequences, told = self._collect()
        told |= learning.result()
        self._replay.put(sequences)
        self.steps += self._rows * self.settings.sequence
        return told

    def policy(self) -> Policy:
        """Returns the present policy."""
        return self._learning.copy()

    def state(self) -> dict[str, Any]:
        """Returns all that later iterations depend on."""
        return {
            "steps": self.steps,
            "network": {name: value.clone() for name, value in self._learning.network.state_dict().items()},
            "optimiser": self._optimiser.state_dict(),
            "replay": self._replay.state(),
            "draws": self._draws.get_state(),
            "chances": self._chances.get_state(),
            "environment": self._environment.snapshot(),
            "memory": {name: value.clone() for name, value in self._memory.items()},
            "rows": torch.stack([self._first, self._guided]),
            "returns": self._returns.clone(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a learner made alike."""
        self.steps = int(state["steps"])
        self._learning.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._replay.restore(state["replay"])
        self._draws.set_state(state["draws"].cpu())
        self._chances.set_state(state["chances"].cpu())
        self._observation, _ = self._environment.restore(state["environment"])
        self._memory = {name: value.clone().to(self.device) for name, value in state["memory"].items()}
        self._first, self._guided = state["rows"].to(self.device).unbind()
        self._returns = state["returns"].clone().to(self.device)

    def close(self) -> None:
        """Lets go of the environment."""
        self._thread.shutdown()
        self._environment.close()

    @torch.no_grad()
    def _collect(self) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """Walks; returns the sequences of all rows and scalars."""
        self._acting.network.eval()
        held = self._memory["hidden"].clone()
        steps: list[dict[str, torch.Tensor]] = []
        ends: list[torch.Tensor] = []
        inference = environment = 0.0
        for _ in range(self.settings.sequence):
            began = time.perf_counter()
            step, action = self._choose()
            steps.append(step)
            chosen = time.perf_counter()
            self._observation, reward, terminated, truncated, info = self._environment.step(action)
            environment += time.perf_counter() - chosen
            inference += chosen - began
            over = terminated | truncated
            self._returns = torch.where(self._first & ~step["valid"], 0.0, self._returns) + reward
            ends.append(torch.stack([over, info["success"], info["spl"], self._returns]))
            self._returns = torch.where(over, 0.0, self._returns)
            self._first = ~step["valid"] & ~over
        sequences = {name: torch.stack([step[name] for step in steps], dim=1) for name in steps[0]}
        ended = torch.stack(ends, dim=1).flatten(1)
        told = {"time/inference_s": inference, "time/environment_s": environment}
        last = ended[:, ended[0] > 0]
        if last.shape[1]:
            names = ("rollout/success", "rollout/spl", "rollout/return")
            told |= dict(zip(names, last[1:].mean(dim=1).tolist(), strict=True))
            told["rollout/episodes"] = float(last.shape[1])
        return {**sequences, "held": held}, told

    def _choose(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Returns what is learnt from at this step, and the actions to take."""
        batch = self._environment.batch
        ended = torch.as_tensor(batch.ended, device=self.device)
        inputs, memory = self._acting.sense(self._observation, self._memory, self._first)
        output, memory = self._acting.think(inputs, memory, self._first)
        self._memory = memory
        expert, hints = expert_advice(batch, self.settings.goal_radius)
        step = {**inputs, "expert": expert, "hints": hints, "first": self._first, "valid": ~ended}
        share = self._now(self.settings.expert_share, self.settings.expert_share_end, self.settings.expert_steps)
        drawn = torch.rand(2, self._rows, generator=self._chances, device=self.device)
        self._guided = torch.where(self._first, drawn[0] < share, self._guided)
        logits = output.logits / max(self.settings.explore, 1e-6)
        action = torch.multinomial(logits.softmax(dim=1), 1, generator=self._chances)[:, 0]
        veto = (action == _STOP) & (expert != _STOP) & (drawn[1] < self.settings.stop_veto)
        action = torch.where(veto, 1 + logits[:, 1:].argmax(dim=1), action)
        return step, torch.where(self._guided, expert, action)

    def _now(self, start: float, end: float, steps: int) -> float:
        return start + (end - start) * min(1.0, self.steps / steps)

    def _learn(self) -> dict[str, float]:
        """Makes the updates of an iteration from what is there; returns scalars."""
        began = time.perf_counter()
        if not len(self._replay):
            return {"time/learning_s": 0.0}
        rate, end = self.settings.learning_rate, self.settings.learning_rate_end
        falling = 0.5 + 0.5 * torch.cos(torch.tensor(torch.pi * min(1.0, self.steps / self.settings.decay_steps)))
        for group in self._optimiser.param_groups:
            group["lr"] = end + (rate - end) * float(falling)
        told = [self._update(self._replay.draw(self.settings.batch, self._draws)) for _ in range(self.settings.updates)]
        means = torch.stack(told).mean(dim=0).tolist()
        names = ("train/action_loss", "train/hint_loss", "train/agreement", "train/gradient_norm")
        scalars = dict(zip(names, means, strict=True)) | {"train/learning_rate": self._optimiser.param_groups[0]["lr"]}
        return {**scalars, "time/learning_s": time.perf_counter() - began}

    def _update(self, drawn: dict[str, torch.Tensor]) -> torch.Tensor:
        """Makes one step down the gradient; returns losses, agreement with the expert and the gradient's length."""
        held = drawn.pop("held")
        sequence = {name: value.transpose(0, 1) for name, value in drawn.items()}
        expert, hints, first, valid = (sequence.pop(name) for name in ("expert", "hints", "first", "valid"))
        output, _ = self._learning.network(sequence, held, first)
        weight = valid * torch.where(expert == _STOP, self.settings.stop_weight, 1.0)
        total = weight.sum().clamp_min(1.0)
        loss = functional.cross_entropy(output.logits.flatten(0, 1), expert.flatten(), reduction="none")
        action_loss = (loss.view_as(weight) * weight).sum() / total
        hint_loss = ((output.hints - hints).square().sum(dim=2) * valid).sum() / valid.sum().clamp_min(1)
        self._optimiser.zero_grad()
        (action_loss + self.settings.hint_weight * hint_loss).backward()
        parameters = self._learning.network.parameters()
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.settings.gradient_norm)
        self._optimiser.step()
        agreement = ((output.logits.argmax(dim=2) == expert) * valid).sum() / valid.sum().clamp_min(1)
        return torch.stack([action_loss.detach(), hint_loss.detach(), agreement, norm.detach()])
