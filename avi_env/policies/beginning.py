"""The untrained policy of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avi_env.policies.learner import EnvironmentSettings
from avi_env.policies.policy import Policy, make_policy, make_spec

__all__ = ["begin_policy"]

_TRAINING_ONLY = ("scenes", "scene", "sounds", "bank_scenes", "prefetch", "copy", "output", "autoreset", "device")


def begin_policy(table: Mapping[str, Any], environment: EnvironmentSettings, seed: int) -> Policy:
    """Returns a policy that has learnt nothing.

    Args:
        table: [policy] of the recipe.
        environment: where it will be trained; what a policy depends on becomes part of its spec.
        seed: of the weights.

    Raises:
        ValueError: no such network or setting, or the environment lacks a sensor that the network needs.
    """
    kept = {name: value for name, value in environment.keywords.items() if name not in _TRAINING_ONLY}
    policy = make_policy(make_spec(table, kept), seed)
    missing = [name for name in policy.sensors if name not in policy.spec.config.sensors]
    if missing:
        raise ValueError(
            f"network {policy.spec.network!r} needs the sensors {', '.join(missing)}: name them in [environment] "
            f"sensors = {list(policy.sensors)}"
        )
    return policy
