"""A film of an episode of the validation, with what the agent heard, while a policy is trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from avi_env.bench.recorder import Footage
from avi_env.bench.video import write_video
from avi_env.envs.single import AviEnv
from avi_env.policies.policy import Policy
from avi_env.policies.recipe import Recipe
from avi_env.policies.validation import validation_episode

if TYPE_CHECKING:
    from avi_env.policies.training_log import TrainingLog

__all__ = ["film_episode"]

_EVERY, _SHRINK = 2, 3  # of the film's pictures and pixels, what TensorBoard shows
_FILMED = ("depth", "audio")


def film_episode(policy: Any, steps: int, log: TrainingLog, recipe: Recipe, folder: Path) -> None:
    """Films the first episode of the validation: an mp4 with binaural sound, and both for TensorBoard.

    Args:
        policy: which one plays.
        steps: of the training so far.
        log: of the training.
        recipe: that is trained.
        folder: where the film goes; it is made if it is missing.

    Raises:
        ValueError: the policy does not act.
    """
    if not isinstance(policy, Policy):
        raise ValueError(f"{recipe.name} does not act, so that there is nothing to film: leave film_every out")
    footage = _played(policy, recipe, steps)
    folder.mkdir(exist_ok=True)
    path, rate = folder / f"steps-{steps:09d}.mp4", footage.env.config.sample_rate
    shown: list[npt.NDArray[np.uint8]] = []
    facts = write_video(path, _copied(footage, shown), 1.0 / footage.env.config.step_seconds, footage.sound, rate)
    log.add_sound("validation/heard", footage.sound * np.float32(facts.gain), rate, steps)
    log.add_pictures("validation/episode", shown, 1.0 / (_EVERY * footage.env.config.step_seconds), steps)
    footage.env.close()


def _played(policy: Policy, recipe: Recipe, steps: int) -> Footage:
    """Plays the episode greedily."""
    keywords, episode = validation_episode(recipe.validation, recipe.environment, 0)
    device = torch.device(recipe.device)
    sensors = (*policy.sensors, *(name for name in _FILMED if name not in policy.sensors))
    env = AviEnv(**{**keywords, "sensors": sensors, "device": recipe.device})
    observation, _ = env.reset(options={"episode": episode})
    footage = Footage(env, f"{recipe.name} after {steps} steps", env.episode.scene)
    footage.add(observation, "", "", None)
    memory, first = policy.begin(1, device), torch.ones(1, dtype=torch.bool, device=device)
    for _ in range(recipe.environment.max_episode_steps):
        seen = {name: torch.from_numpy(observation[name])[None].to(device) for name in policy.sensors}
        actions, memory = policy.act(seen, memory, first)
        first = torch.zeros_like(first)
        observation, _, terminated, _, info = env.step(int(actions[0]))
        footage.add(observation, ("stop", "forward", "left", "right")[int(actions[0])], "", None)
        if terminated:
            break
    footage.conclude("", bool(info["success"]))
    return footage


def _copied(footage: Footage, shown: list[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yields the film's pictures and keeps some of them, smaller."""
    for number, picture in enumerate(footage.frames(1)):
        if number % _EVERY == 0:
            shown.append(np.ascontiguousarray(picture[::_SHRINK, ::_SHRINK]))
        yield picture
