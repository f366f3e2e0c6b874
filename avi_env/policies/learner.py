"""Learners: what one is to the training frame, and the table of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from avi_env.content import name_error
from avi_env.envs.vector import AviVectorEnv

__all__ = [
    "LEARNERS",
    "EnvironmentSettings",
    "Learner",
    "LearnerKind",
    "learner_part",
    "learner_settings",
    "make_environment",
    "make_learner",
]


@dataclass(frozen=True)
class EnvironmentSettings:
    """Where is learnt: [environment] of a recipe."""

    num_envs: int = 8
    """Rows of the vector environment."""
    max_episode_steps: int = 500
    """Actions at most in an episode."""
    keywords: Mapping[str, Any] = field(default_factory=dict)
    """The other keywords of `gym.make_vec`: task, scenes, sounds, sensors, width ..."""


class Learner(Protocol):
    """One stage of a training: it owns its environment and improves a policy, iteration by iteration.

    Same environment, policy, settings and seed: same iterations, on the CPU to the last bit.
    """

    steps: int
    """Environment steps (of all rows together) so far, of this stage."""

    def iterate(self) -> dict[str, float]:
        """Does one rollout and its updates.

        Returns:
            Scalars by TensorBoard tag: "rollout/return", "rollout/success", "rollout/spl" (means of the episodes that
            ended in this iteration; left out if none did), "train/...", and seconds of this iteration by stage:
            "time/environment_s", "time/inference_s", "time/learning_s".
        """

    def policy(self) -> Any:
        """Returns the present policy; what is done with it does not disturb the learning."""

    def state(self) -> dict[str, Any]:
        """Returns all that later iterations depend on, for `torch.save`; it does not change when the learner goes on.

        Weights, optimiser, random streams (its own and those of torch and numpy that it draws from), replay, memory of
        the policy, `environment.snapshot()`, counters.
        """

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a learner that was made alike, in this process or another one."""

    def close(self) -> None:
        """Lets go of the environment."""


class LearnerKind(NamedTuple):
    """A row of the table: where the parts are, each "module:name", imported when used."""

    settings: str
    """Frozen dataclass of the settings; its fields are keys of [[stages]]."""
    learner: str
    """Called as (environment: EnvironmentSettings, policy, settings, seed: int, device: str) -> Learner."""
    begin: str = "avi_env.policies.beginning:begin_policy"
    """Called as (policy table of the recipe, environment: EnvironmentSettings, seed: int) -> the untrained policy."""
    save: str = "avi_env.policies.files:save_policy"
    """Called as (folder: Path, policy): writes weights.safetensors."""
    load: str = "avi_env.policies.files:load_policy"
    """Called as (folder: Path) -> the policy."""
    validate: str = "avi_env.policies.validation:validate_policy"
    """Called as (policy, validation: ValidationSettings, environment: EnvironmentSettings, device: str) -> measures."""


LEARNERS: Mapping[str, LearnerKind] = {
    "imitation": LearnerKind(
        "avi_env.policies.imitation:ImitationSettings", "avi_env.policies.imitation:ImitationLearner"
    ),
    "ppo": LearnerKind("avi_env.policies.ppo:PPOSettings", "avi_env.policies.ppo:PPOLearner"),
    "recurrent_ppo": LearnerKind(
        "avi_env.policies.recurrent_ppo:RecurrentPPOSettings", "avi_env.policies.recurrent_ppo:RecurrentPPOLearner"
    ),
    "torchrl_ppo": LearnerKind(
        "avi_env.policies.torchrl_ppo:TorchRLPPOSettings", "avi_env.policies.torchrl_ppo:TorchRLPPOLearner"
    ),
    "sound_tagging": LearnerKind(
        "avi_env.policies.tagger_learner:TaggerSettings",
        "avi_env.policies.tagger_learner:TaggerLearner",
        begin="avi_env.policies.tagger_learner:begin_tagger",
        save="avi_env.policies.tagger:save_tagger",
        load="avi_env.policies.tagger:load_tagger",
        validate="avi_env.policies.tagger_learner:validate_tagger",
    ),
}
"""All learners, by the name a recipe's stage gives."""


def learner_part(learner: str, part: str) -> Any:
    """Returns a part of a learner: a field of `LearnerKind`, imported.

    Raises:
        ValueError: no such learner; the message names the nearest one.
    """
    if learner not in LEARNERS:
        raise name_error("learner", learner, LEARNERS)
    module, _, name = getattr(LEARNERS[learner], part).partition(":")
    return getattr(import_module(module), name)


def learner_settings(learner: str, values: Mapping[str, Any]) -> Any:
    """Returns the settings dataclass of a learner with values from a recipe; lists become tuples.

    Raises:
        ValueError: no such learner or setting, with the nearest name; a value that the dataclass refuses.
    """
    kind = learner_part(learner, "settings")
    known = [one.name for one in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise name_error(f"setting of learner {learner!r}", key, known)
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def make_learner(
    learner: str, environment: EnvironmentSettings, policy: Any, settings: Any, seed: int, device: str
) -> Learner:
    """Returns a learner at the beginning of its stage.

    Args:
        learner: key of `LEARNERS`.
        environment: where it learns; it makes its own, see `make_environment`.
        policy: what it improves; the learner keeps a copy.
        settings: as `learner_settings` returns them.
        seed: of everything random.
        device: "cpu" or "cuda", of networks and environment.
    """
    made: Learner = learner_part(learner, "learner")(environment, policy, settings, seed, device)
    return made


def make_environment(environment: EnvironmentSettings, device: str, **overrides: Any) -> AviVectorEnv:
    """Returns the vector environment of a recipe with tensors as output.

    Args:
        environment: of the recipe.
        device: "cpu" or "cuda".
        overrides: keywords a learner needs otherwise: autoreset, num_envs, copy ...
    """
    given: dict[str, Any] = {
        "num_envs": environment.num_envs,
        "max_episode_steps": environment.max_episode_steps,
        "output": "torch",
        "device": device,
        **environment.keywords,
        **overrides,
    }
    return AviVectorEnv(**given)
