"""What the on-policy learners share: their settings, and which weights learn."""

from __future__ import annotations

from dataclasses import dataclass

from avi_env.policies.networks import NavNetwork

__all__ = ["OnPolicySettings", "let_learn"]


@dataclass(frozen=True)
class OnPolicySettings:
    """Settings of proximal policy optimisation, named as in Stable-Baselines3.

    Source: Schulman et al. 2017, Proximal Policy Optimization Algorithms.
    """

    n_steps: int = 64
    """Steps of each row between updates."""
    batch_size: int = 128
    """Steps in a batch of the update."""
    n_epochs: int = 4
    """How often an update goes through the steps."""
    learning_rate: float = 2.5e-4
    gamma: float = 0.99
    """Discount a step."""
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.01
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    target_kl: float | None = None
    """An update ends early when the policy has moved further than 1.5 times this."""
    critic_steps: int = 0
    """Steps at the start in which only the critic learns: imitation leaves it knowing nothing, and a policy that
    follows it would unlearn."""


def let_learn(network: NavNetwork, only_critic: bool) -> None:
    """Lets all weights of a network learn, or those of its critic alone."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not only_critic or name.startswith("critic."))
