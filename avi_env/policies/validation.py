"""Plays held-out episodes with a policy and says how well it did."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import EpisodeMaker
from avi_env.envs.vector import AviVectorEnv
from avi_env.policies.learner import EnvironmentSettings, make_environment
from avi_env.policies.policy import Policy
from avi_env.policies.recipe import ValidationSettings
from avi_env.tasks import Episode

__all__ = ["play_episodes", "validate_policy", "validation_episode"]

_TURN = 2  # what rows do that have nothing left to play: turning never ends an episode


def validate_policy(
    policy: Policy, validation: ValidationSettings, environment: EnvironmentSettings, device: str
) -> dict[str, float]:
    """Returns means over the episodes of a validation, played greedily: every measure of the task, return, length.

    Args:
        policy: which one.
        validation: which episodes.
        environment: of the training; `validation` says what differs.
        device: "cpu" or "cuda".
    """
    where = validation.where(environment)
    envs = make_environment(where, device, autoreset="disabled", sensors=policy.sensors)
    try:
        seeds = range(validation.seed, validation.seed + validation.episodes)
        return play_episodes(policy, envs, [envs.batch.world.maker.draw(seed, 0) for seed in seeds])
    finally:
        envs.close()


def validation_episode(
    validation: ValidationSettings, environment: EnvironmentSettings, number: int
) -> tuple[dict[str, Any], Episode]:
    """Returns an episode of a validation, and the keywords of an environment with nothing but its scene.

    Args:
        validation: which episodes.
        environment: of the training.
        number: of the episode.
    """
    given = dict(validation.where(environment).keywords)
    episode = EpisodeMaker(EnvConfig.from_keywords(given)).draw(validation.seed + number, 0)
    return {k: v for k, v in given.items() if k not in ("scene", "scenes", "rooms")} | {"scene": episode.scene}, episode


def play_episodes(policy: Policy, envs: AviVectorEnv, episodes: Sequence[Episode]) -> dict[str, float]:
    """Returns means over episodes played greedily; which row plays which depends on nothing but how they go.

    Args:
        policy: which one.
        envs: with autoreset "disabled" and tensors as output.
        episodes: what is played.
    """
    rows, device = envs.num_envs, envs.batch.device
    policy.network.to(device)
    left = deque(enumerate(episodes))
    playing = np.full(rows, -1)  # number of the episode that each row plays, -1 = none
    results: list[dict[str, float]] = [{} for _ in episodes]
    totals, first = np.zeros((rows, 2)), np.ones(rows, dtype=bool)  # return and length
    memory = policy.begin(rows, device)
    observation = None
    while left or (playing >= 0).any():
        ended = np.ones(rows, dtype=bool) if observation is None else envs.batch.ended
        if ended.any():
            observation = _begin(envs, ended, playing, left, episodes)
            first |= ended
            totals[ended] = 0.0
        assert observation is not None, "the first round begins every row"
        actions, memory = policy.act(observation, memory, torch.from_numpy(first).to(device))
        actions[torch.from_numpy(playing < 0).to(device)] = _TURN
        observation, rewards, _, _, info = envs.step(actions)
        first[:] = False
        totals += np.stack([rewards.cpu().numpy(), np.ones(rows)], axis=1)
        for row in np.flatnonzero(envs.batch.ended & (playing >= 0)).tolist():
            results[playing[row]] = {**_measures(info, row), "return": totals[row, 0], "length": totals[row, 1]}
            playing[row] = -1
    return {name: float(np.mean([one[name] for one in results])) for name in results[0]}


def _begin(
    envs: AviVectorEnv, ended: np.ndarray[Any, Any], playing: np.ndarray[Any, Any], left: Any, episodes: Any
) -> dict[str, Any]:
    """Lets rows begin their next episode, or some other one where none is left; returns the observation."""
    given: list[Episode | None] = [None] * envs.num_envs
    for row in np.flatnonzero(ended).tolist():
        playing[row], given[row] = left.popleft() if left else (-1, episodes[0])
    for _, episode in list(left)[: envs.num_envs]:
        envs.batch.seats.announce(episode)  # so that it is ready when a row is
    observation: dict[str, Any] = envs.reset(options={"reset_mask": ended, "episode": given})[0]
    return observation


def _measures(info: Mapping[str, Any], row: int) -> dict[str, float]:
    return {name: float(value[row]) for name, value in info.items() if not name.startswith("_")}
