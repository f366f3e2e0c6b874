"""Agents that hardly perceive: what any other must beat."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from avi_env.agents.step_agent import Briefing, Observation

__all__ = ["ForwardAgent", "RandomAgent", "action_of_move"]

_STOP, _FORWARD, _LEFT, _RIGHT = range(4)
_STOP_CHANCE = 0.01  # of an action: an agent that never stops never succeeds, one that stops early gets nowhere
_ROOM_AHEAD = 0.3  # [m] left before the body by which a way is free: a step, and something


class RandomAgent:
    """Moves at random; stops, answers or gives up once in a hundred actions.

    Args:
        stop_chance: probability of an action that ends the episode, 0..1.
    """

    name = "random"
    privileged = False
    sensors: tuple[str, ...] = ()

    def __init__(self, stop_chance: float = _STOP_CHANCE) -> None:
        self._stop_chance = _checked(stop_chance)
        self._rng = np.random.default_rng(0)
        self._space: gym.Space[Any] = gym.spaces.Discrete(4)

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode."""
        self._rng, self._space = np.random.default_rng(seed), briefing.action_space

    def act(self, observation: Observation) -> Any:
        """Returns a random action."""
        stops = self._rng.random() < self._stop_chance
        move = _STOP if stops else int(self._rng.integers(_FORWARD, _RIGHT + 1))
        return action_of_move(move, self._space, self._rng)


class ForwardAgent:
    """Walks straight on, turns to a side drawn at random when something is in the way; stops as the random agent.

    Args:
        stop_chance: probability of an action that ends the episode, 0..1.
    """

    name = "forward"
    privileged = False
    sensors: tuple[str, ...] = ("depth",)

    def __init__(self, stop_chance: float = _STOP_CHANCE) -> None:
        self._stop_chance = _checked(stop_chance)
        self._rng = np.random.default_rng(0)
        self._briefing: Briefing | None = None
        self._turn = _LEFT

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode.

        Raises:
            ValueError: the environment has no depth camera.
        """
        if "depth" not in briefing.config.sensors:
            raise ValueError("the agent 'forward' needs the sensor 'depth': make the environment with it")
        self._rng, self._briefing = np.random.default_rng(seed), briefing
        self._turn = int(self._rng.integers(_LEFT, _RIGHT + 1))

    def act(self, observation: Observation) -> Any:
        """Returns forward while there is room, else a turn."""
        assert self._briefing is not None, "reset comes first"
        config = self._briefing.config
        if self._rng.random() < self._stop_chance:
            move = _STOP
        elif _room_ahead(observation["depth"], config.hfov, config.agent_radius) > config.agent_radius + _ROOM_AHEAD:
            move = _FORWARD
            self._turn = int(self._rng.integers(_LEFT, _RIGHT + 1))
        else:
            move = self._turn
        return action_of_move(move, self._briefing.action_space, self._rng)


def action_of_move(move: int, space: gym.Space[Any], rng: np.random.Generator) -> Any:
    """Returns a task's action for a move (0 stop, 1 forward, 2 left, 3 right); what else it must say is drawn.

    A stop is a random answer, or none, where the task asks a question; an estimate is random.

    Raises:
        ValueError: an action space of another form.
    """
    if isinstance(space, gym.spaces.Discrete):
        ends = [_STOP, *range(_RIGHT + 1, int(space.n))]
        return np.int64(ends[int(rng.integers(len(ends)))] if move == _STOP and len(ends) > 1 else move)
    if isinstance(space, gym.spaces.MultiDiscrete):
        return np.array([move, *(int(rng.integers(n)) for n in space.nvec[1:])], dtype=space.dtype)
    raise ValueError(f"no move is known for the action space {space}")


def _room_ahead(depth: Any, hfov_deg: float, radius: float) -> float:
    """Depth [m] of the nearest thing at head height within the width of the body; rows below see the floor."""
    height, width = depth.shape[:2]
    planar = np.asarray(depth, np.float32).reshape(height, width)[height // 2 - height // 8 : height // 2 + 1]
    slope = np.tan(0.5 * np.radians(hfov_deg)) * (2.0 * (np.arange(width) + 0.5) / width - 1.0)
    met = (planar > 0.0) & (np.abs(slope) * planar < radius)
    return float(planar[met].min()) if met.any() else np.inf


def _checked(chance: float) -> float:
    if not 0.0 <= chance <= 1.0:
        raise ValueError(f"stop_chance must lie in 0..1, got {chance:g}")
    return chance
