"""Skills led by the simulator: the shortest way on the true grid to the true source, object or room. Privileged."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.objects import ObjectTrack
from avi_env.agents.oracle import OracleAgent
from avi_env.agents.perception import Perception
from avi_env.agents.step_agent import make_briefing
from avi_env.agents.walking import Moves
from avi_env.envs.config import EnvConfig
from avi_env.envs.prepare import Prepared
from avi_env.navigation import ShortestPathFollower, on_floor, snap_place
from avi_env.scene import SceneObject, emission_point
from avi_env.tasks import goal_points

__all__ = ["OracleLead"]

_STOP = 0


class OracleLead:
    """Leads by what no agent can know; what the skill makes of the place it has come to is the agent's own.

    Args:
        env: the environment itself (an `AviEnv`).
    """

    def __init__(self, env: Any) -> None:
        self._env = env

    def to_sound(self, mind: Perception, budget: int) -> Moves:
        """Walks to the episode's source; goes to meet one that walks."""
        agent = OracleAgent()
        agent.attach(self._env)
        agent.reset(dataclasses.replace(make_briefing(self._config), task="AudioNav"), seed=0)
        for _ in range(budget):
            action = int(agent.act({}))
            if action == _STOP:
                return "arrived"
            yield action
        return "budget"

    def to_object(self, mind: Perception, track: ObjectTrack, budget: int) -> Moves:
        """Walks to where one has arrived at an object, by the task's own rule."""
        prepared = self._prepared
        points = goal_points(prepared.scene, prepared.grid, emission_point(_object(prepared, track.id)))
        return (yield from self._follow(points, budget))

    def to_room(self, mind: Perception, floor: int, budget: int) -> Moves:
        """Walks to the place nearest to the middle of a floor."""
        prepared = self._prepared
        place = snap_place(prepared.grid, _object(prepared, floor).center, island=0)
        return (yield from self._follow(on_floor(prepared.grid.layers[place.layer], place.xz), budget))

    def _follow(self, points: npt.NDArray[np.float32], budget: int) -> Moves:
        state = self._env.batch.state
        follower = ShortestPathFollower(self._prepared.grid, points, self._config.forward, self._config.turn_deg)
        for _ in range(budget):
            action = follower.next_action(state.position[0].cpu().numpy(), float(state.yaw[0]))
            if action == _STOP:
                return "arrived"
            yield action
            state = self._env.batch.state
        return "budget"

    @property
    def _config(self) -> EnvConfig:
        config: EnvConfig = self._env.config
        return config

    @property
    def _prepared(self) -> Prepared:
        prepared: Prepared | None = self._env.batch.seats.playing[0]
        assert prepared is not None, "an episode has begun"
        return prepared


def _object(prepared: Prepared, number: int) -> SceneObject:
    return next(obj for obj in prepared.scene.objects if obj.id == number)
