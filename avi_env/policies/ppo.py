"""Learners "ppo" and what it shares with "recurrent_ppo": Stable-Baselines3's PPO as it is, on a policy of ours."""

from __future__ import annotations

import copy
import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3 import PPO  # noqa: TID253  (this module is loaded when the learner is asked for)
from stable_baselines3.common.callbacks import BaseCallback  # noqa: TID253
from stable_baselines3.common.logger import Logger  # noqa: TID253
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm  # noqa: TID253

from avi_env.envs.adapters.stable_baselines import SB3VecEnv
from avi_env.policies.episode_scalars import EpisodeScalars
from avi_env.policies.learner import EnvironmentSettings, make_environment
from avi_env.policies.on_policy import OnPolicySettings, let_learn
from avi_env.policies.policy import Policy
from avi_env.policies.random_streams import RandomStreams
from avi_env.policies.sb3_policies import HeldFeatures, HiddenVecEnv, NavPolicy
from avi_env.policies.sensed import SensedVectorEnv

__all__ = ["PPOLearner", "PPOSettings", "SB3Learner"]


@dataclass(frozen=True)
class PPOSettings(OnPolicySettings):
    """Settings of learner "ppo"; the memory is trained by one step at a time, and its state is kept in the rollout."""


class SB3Learner:
    """An on-policy algorithm of Stable-Baselines3 or sb3-contrib as a `Learner`.

    The algorithm draws from random streams of its own. One iteration is one call of its `learn`.

    Args:
        model: the algorithm, with the learner's copy of the policy's network in it.
        policy: that copy.
        sensed: the environment within the model's.
        streams: with which the model was made.
        critic_steps: see `OnPolicySettings`.
    """

    def __init__(
        self,
        model: OnPolicyAlgorithm,
        policy: Policy,
        sensed: SensedVectorEnv,
        streams: RandomStreams,
        critic_steps: int,
    ) -> None:
        self.steps = 0
        self._model, self._policy, self._sensed, self._streams = model, policy, sensed, streams
        self._critic_steps = critic_steps
        self._model.set_logger(Logger(folder=None, output_formats=[]))
        self._rollout = _Rollout(sensed.num_envs)

    def iterate(self) -> dict[str, float]:
        """Does one rollout and its updates; see `Learner.iterate`."""
        model, rollout = self._model, self._rollout
        let_learn(self._policy.network, only_critic=self.steps < self._critic_steps)
        environment, began = self._sensed.seconds, time.perf_counter()
        with self._streams.drawn():
            # one iteration of its own; logged at every second one, that is never
            steps = model.n_steps * model.n_envs
            model.learn(steps, callback=rollout, log_interval=2, reset_num_timesteps=False)
        ended = time.perf_counter()
        self.steps = model.num_timesteps
        scalars = {
            name: float(value) for name, value in model.logger.name_to_value.items() if name.startswith("train/")
        }
        model.logger.dump(self.steps)
        environment = self._sensed.seconds - environment
        times = {
            "time/environment_s": environment,
            "time/inference_s": rollout.ended - began - environment,
            "time/learning_s": ended - rollout.ended,
        }
        return {**rollout.episodes.scalars(), **scalars, **times}

    def policy(self) -> Policy:
        """Returns a copy of the present policy."""
        return self._policy.copy()

    def state(self) -> dict[str, Any]:
        """Returns all that later iterations depend on; see `Learner.state`."""
        model: Any = self._model
        kept = {
            "steps": self.steps,
            "updates": model._n_updates,
            "network": self._policy.network.state_dict(),
            "optimizer": model.policy.optimizer.state_dict(),
            "last": (model._last_obs, model._last_episode_starts, getattr(model, "_last_lstm_states", None)),
            "returns": self._rollout.episodes.state(),
        }
        begun = {"sensed": self._sensed.state()} if model._last_obs is not None else {}
        return {**copy.deepcopy(kept), **begun, "streams": self._streams.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a learner that was made alike."""
        model: Any = self._model
        self._streams.restore(state["streams"])
        self._policy.network.load_state_dict(state["network"])
        model.policy.optimizer.load_state_dict(state["optimizer"])
        self._rollout.episodes.restore(state["returns"])
        self.steps = model.num_timesteps = state["steps"]
        model._n_updates = state["updates"]
        last = copy.deepcopy(state["last"])
        model._last_obs, model._last_episode_starts = last[:2]
        if last[2] is not None:
            model._last_lstm_states = last[2]
        if "sensed" in state:
            self._sensed.restore(state["sensed"])

    def close(self) -> None:
        """Lets go of the environment."""
        self._sensed.close()


class PPOLearner(SB3Learner):
    """`stable_baselines3.PPO`; what the memory held is an observation among the others."""

    def __init__(
        self, environment: EnvironmentSettings, policy: Policy, settings: PPOSettings, seed: int, device: str
    ) -> None:
        policy, sensed, streams = begin_sb3(environment, policy, seed, device)
        env = HiddenVecEnv(SB3VecEnv(sensed, images=False), policy.network.settings.hidden)
        with streams.drawn():
            model = PPO(NavPolicy, env, **algorithm_keywords(settings, policy, seed, device))
        assert isinstance(model.policy.features_extractor, HeldFeatures)
        env.features = model.policy.features_extractor
        super().__init__(model, policy, sensed, streams, settings.critic_steps)


def begin_sb3(
    environment: EnvironmentSettings, policy: Policy, seed: int, device: str
) -> tuple[Policy, SensedVectorEnv, RandomStreams]:
    """Returns what an algorithm of Stable-Baselines3 is made of: a copy of the policy, its environment, its streams."""
    copied = policy.copy()
    copied.network.to(device)
    envs = make_environment(environment, device, autoreset="same_step")
    return copied, SensedVectorEnv(envs, copied.senses), RandomStreams(seed, device)


def algorithm_keywords(settings: OnPolicySettings, policy: Policy, seed: int, device: str) -> dict[str, Any]:
    """Returns the keywords with which Stable-Baselines3 makes an algorithm on a policy's network."""
    given = dataclasses.asdict(settings)
    del given["critic_steps"]
    return {**given, "policy_kwargs": {"network": policy.network}, "seed": seed, "device": device}


class _Rollout(BaseCallback):
    """Notes the episodes of a rollout, and when it ended."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.episodes = EpisodeScalars(rows)
        self.ended = 0.0

    def _on_step(self) -> bool:
        rewards: npt.NDArray[np.float32] = self.locals["rewards"]
        ended: npt.NDArray[np.bool_] = self.locals["dones"]
        infos = self.locals["infos"]
        self.episodes.add(rewards, ended, {row: infos[row] for row in np.flatnonzero(ended).tolist()})
        return True

    def _on_rollout_end(self) -> None:
        if self.model.device.type == "cuda":
            torch.cuda.synchronize()
        self.ended = time.perf_counter()
