"""Learner "torchrl_ppo": PPO with the losses and estimators of TorchRL; nothing of a rollout leaves the device."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from avi_env.policies.episode_scalars import MEASURES, EpisodeScalars
from avi_env.policies.learner import EnvironmentSettings, make_environment
from avi_env.policies.networks import NavNetwork
from avi_env.policies.on_policy import OnPolicySettings, let_learn
from avi_env.policies.policy import Policy
from avi_env.policies.random_streams import RandomStreams
from avi_env.policies.sensed import SensedVectorEnv
from avi_env.policies.senses import Inputs

try:  # this module is loaded when the learner is asked for
    from tensordict import TensorDict
    from tensordict.nn import ProbabilisticTensorDictModule, ProbabilisticTensorDictSequential, TensorDictModule
    from torchrl.objectives import ClipPPOLoss
    from torchrl.objectives.value import GAE
except ImportError as error:
    raise ImportError("learner 'torchrl_ppo' needs TorchRL: pip install 'avi-env[torchrl]'") from error

__all__ = ["TorchRLPPOLearner", "TorchRLPPOSettings"]


@dataclass(frozen=True)
class TorchRLPPOSettings(OnPolicySettings):
    """Settings of learner "torchrl_ppo"; a batch is the whole rollout of some rows."""

    def __post_init__(self) -> None:
        if self.batch_size % self.n_steps:
            raise ValueError(
                f"a batch is the rollout of some rows: batch_size {self.batch_size} must be a multiple of n_steps, "
                f"{self.n_steps}"
            )


class TorchRLPPOLearner:
    """PPO over whole sequences of rows; generalized advantages and the clipped loss are TorchRL's.

    The environment resets in the step after the one that ends an episode. There the network sees the last observation
    once more than it acts, which gives the value to bootstrap from where an episode was cut; the action is ignored and
    not learnt from.
    """

    def __init__(
        self, environment: EnvironmentSettings, policy: Policy, settings: TorchRLPPOSettings, seed: int, device: str
    ) -> None:
        if settings.batch_size > settings.n_steps * environment.num_envs:
            raise ValueError(f"a rollout of {environment.num_envs} rows has less steps than batch_size asks for")
        self.steps = 0
        self._settings, self._seed = settings, seed
        self._policy = policy.copy()
        self._policy.network.to(device)
        self._streams = RandomStreams(seed, device)
        self._sensed = SensedVectorEnv(
            make_environment(environment, device, autoreset="next_step"), self._policy.senses
        )
        self._episodes = EpisodeScalars(environment.num_envs)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=settings.learning_rate, eps=1e-5)
        self._chosen = _choice()
        self._loss = ClipPPOLoss(
            ProbabilisticTensorDictSequential(_same("logits", "logits"), self._chosen),
            _same("value", "state_value"),
            clip_epsilon=settings.clip_range,
            entropy_coeff=settings.ent_coef,
            critic_coeff=settings.vf_coef,
            loss_critic_type="l2",
            normalize_advantage=True,
            functional=False,  # the network is run once, before the loss
            device=torch.device(device),
        )
        self._advantages = GAE(gamma=settings.gamma, lmbda=settings.gae_lambda, value_network=None)
        self._inputs: Inputs | None = None
        self._hidden = self._network.begin(environment.num_envs, device)
        self._first = torch.ones(environment.num_envs, dtype=torch.bool, device=device)
        self._idle = ~self._first

    def iterate(self) -> dict[str, float]:
        """Does one rollout and its updates; see `Learner.iterate`."""
        let_learn(self._network, only_critic=self.steps < self._settings.critic_steps)
        environment, began = self._sensed.seconds, time.perf_counter()
        with self._streams.drawn():
            if self._inputs is None:
                self._inputs, _ = self._sensed.reset(seed=self._seed)
            hidden = self._hidden
            rollout = self._collect()
            self._synchronize()
            acted = time.perf_counter()
            losses = self._update(rollout, hidden)
        self._synchronize()
        learnt = time.perf_counter()
        self.steps += self._settings.n_steps * self._sensed.num_envs
        environment = self._sensed.seconds - environment
        times = {
            "time/environment_s": environment,
            "time/inference_s": acted - began - environment,
            "time/learning_s": learnt - acted,
        }
        return {**self._episodes.scalars(), **losses, **times}

    def policy(self) -> Policy:
        """Returns a copy of the present policy."""
        return self._policy.copy()

    def state(self) -> dict[str, Any]:
        """Returns all that later iterations depend on; see `Learner.state`."""
        kept = {
            "steps": self.steps,
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "rows": (self._hidden, self._first, self._idle),
            "returns": self._episodes.state(),
        }
        begun = {"sensed": self._sensed.state()} if self._inputs is not None else {}
        return {**copy.deepcopy(kept), **begun, "streams": self._streams.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a learner that was made alike."""
        self.steps = state["steps"]
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        device = self._sensed.device
        self._hidden, self._first, self._idle = (rows.to(device, copy=True) for rows in state["rows"])
        self._episodes.restore(state["returns"])
        self._inputs = self._sensed.restore(state["sensed"]) if "sensed" in state else None
        self._streams.restore(state["streams"])

    def close(self) -> None:
        """Lets go of the environment."""
        self._sensed.close()

    @property
    def _network(self) -> NavNetwork:
        return self._policy.network

    @torch.no_grad()
    def _collect(self) -> TensorDict:
        """Acts for `n_steps` steps; returns what an update needs, shape (rows, steps)."""
        assert self._inputs is not None
        steps, endings = [], []
        for _ in range(self._settings.n_steps):
            inputs, first, idle = self._inputs, self._first, self._idle
            output, self._hidden = self._network(_ahead(inputs), self._hidden, first[None])
            step = TensorDict({**inputs, "first": first, "idle": idle, "logits": output.logits[0]}, [len(first)])
            step = self._chosen(step)
            step["state_value"] = output.value[0][:, None]
            self._inputs, reward, terminated, truncated, info = self._sensed.step(step["action"])
            ended = terminated | truncated
            told = {"reward": reward.float(), "done": ended | idle, "terminated": terminated | idle}
            step["next"] = TensorDict({name: value[:, None] for name, value in told.items()}, [len(first)])
            self._first, self._idle = idle, ended
            steps.append(step)
            endings.append({"reward": reward, "ended": ended, **{n: info[n] for n in MEASURES if n in info}})
        self._note(endings)
        last, _ = self._network(_ahead(self._inputs), self._hidden, self._first[None])
        rollout: TensorDict = torch.stack(steps, 1)
        values = rollout["state_value"]
        rollout["next", "state_value"] = torch.cat([values[:, 1:], last.value[0][:, None, None]], dim=1)
        self._advantages(rollout)
        return rollout

    def _update(self, rollout: TensorDict, hidden: torch.Tensor) -> dict[str, float]:
        """Goes through a rollout, a few rows at a time.

        Args:
            rollout: as `_collect` returns it.
            hidden: what the memory held before it, shape (rows, hidden).
        """
        rows = self._settings.batch_size // self._settings.n_steps
        told: list[torch.Tensor] = []
        for _ in range(self._settings.n_epochs):
            began = len(told)
            for chosen in torch.split(torch.randperm(len(hidden), device=hidden.device), rows):
                part = rollout[chosen]
                inputs = {name: part[name].transpose(0, 1) for name in self._network.parts}
                output, _ = self._network(inputs, hidden[chosen], part["first"].transpose(0, 1))
                part["logits"], part["value"] = output.logits.transpose(0, 1), output.value.transpose(0, 1)[..., None]
                losses = self._loss(part[~part["idle"]])
                total = losses["loss_objective"] + losses["loss_entropy"] + losses["loss_critic"]
                self._optimizer.zero_grad()
                total.backward()
                nn.utils.clip_grad_norm_(self._network.parameters(), self._settings.max_grad_norm)
                self._optimizer.step()
                told.append(torch.stack([total, *(losses[name] for name in _TOLD.values())]).detach())
            if self._settings.target_kl is not None:
                moved = torch.stack(told[began:])[:, 1 + list(_TOLD).index("approx_kl")].mean()
                if float(moved) > 1.5 * self._settings.target_kl:
                    break
        means = torch.stack(told).mean(dim=0).tolist()
        return {f"train/{name}": value for name, value in zip(("loss", *_TOLD), means, strict=True)}

    def _note(self, endings: list[dict[str, torch.Tensor]]) -> None:
        """Notes the episodes that ended in a rollout."""
        host = {name: torch.stack([one[name] for one in endings]).cpu().numpy() for name in endings[0]}
        reward, ended = host.pop("reward"), host.pop("ended")
        for step in range(len(endings)):
            rows = ended[step].nonzero()[0].tolist()
            measures = {row: {name: value[step, row] for name, value in host.items()} for row in rows}
            self._episodes.add(reward[step], ended[step], measures)

    def _synchronize(self) -> None:
        if self._sensed.device.type == "cuda":
            torch.cuda.synchronize()


_TOLD = {
    "policy_gradient_loss": "loss_objective",
    "value_loss": "loss_critic",
    "entropy": "entropy",
    "approx_kl": "kl_approx",
    "clip_fraction": "clip_fraction",
}
"""TensorBoard names of TorchRL's losses."""


def _ahead(inputs: Inputs) -> Inputs:
    """Returns the inputs of one step as a sequence of one."""
    return {name: value[None] for name, value in inputs.items()}


def _choice() -> ProbabilisticTensorDictModule:
    """Returns what draws an action by its logits and tells its log probability."""
    return ProbabilisticTensorDictModule(
        in_keys=["logits"],
        out_keys=["action"],
        distribution_class=torch.distributions.Categorical,
        default_interaction_type="random",
        return_log_prob=True,
    )


def _same(given: str, told: str) -> TensorDictModule:
    """Returns a module that tells under one name what is given under another."""
    return TensorDictModule(nn.Identity(), in_keys=[given], out_keys=[told])
