"""Learner "recurrent_ppo": sb3-contrib's RecurrentPPO as it is, on a policy of ours."""

from __future__ import annotations

from dataclasses import dataclass

from sb3_contrib import RecurrentPPO

from avi_env.envs.adapters.stable_baselines import SB3VecEnv
from avi_env.policies.learner import EnvironmentSettings
from avi_env.policies.on_policy import OnPolicySettings
from avi_env.policies.policy import Policy
from avi_env.policies.ppo import SB3Learner, algorithm_keywords, begin_sb3
from avi_env.policies.sb3_policies import RecurrentNavPolicy

__all__ = ["RecurrentPPOLearner", "RecurrentPPOSettings"]


@dataclass(frozen=True)
class RecurrentPPOSettings(OnPolicySettings):
    """Settings of learner "recurrent_ppo"; the memory is trained over the steps of a batch that follow each other."""


class RecurrentPPOLearner(SB3Learner):
    """`sb3_contrib.RecurrentPPO`; the network's memory is in the place of its LSTM."""

    def __init__(
        self, environment: EnvironmentSettings, policy: Policy, settings: RecurrentPPOSettings, seed: int, device: str
    ) -> None:
        policy, sensed, streams = begin_sb3(environment, policy, seed, device)
        with streams.drawn():
            model = RecurrentPPO(
                RecurrentNavPolicy,
                SB3VecEnv(sensed, images=False),
                **algorithm_keywords(settings, policy, seed, device),
            )
        super().__init__(model, policy, sensed, streams, settings.critic_steps)
