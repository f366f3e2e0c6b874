"""The oracle: what an agent could reach that knows the whole house and where the goal is. Privileged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from avi_env.agents.step_agent import Briefing, Observation
from avi_env.envs.batch import EnvBatch
from avi_env.envs.prepare import Prepared
from avi_env.navigation import ShortestPathFollower
from avi_env.sounds import class_of_sound
from avi_env.tasks.meetings import RADIUS_STEPS, walker_meeting
from avi_env.tasks.sound_localization import estimate_action
from avi_env.tasks.transition import NUMBERS
from avi_env.tasks.walks import Walk, place_on_walk

__all__ = ["OracleAgent"]

_STOP, _LEFT = 0, 2
_DISTANCE = NUMBERS.index("distance")
_WITHIN = 0.9  # of the success distance: near enough to stop
_WALKER_WITHIN = 0.8  # ... beside a goal that walks on while the agent stops
_PATIENCE = 2.0  # [s] after which a walker that has not come is met elsewhere


class OracleAgent:
    """Follows the shortest way on the true grid, and stops; goes to meet a goal that walks; knows every answer."""

    name = "oracle"
    privileged = True
    sensors: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._batch: EnvBatch | None = None
        self._row = 0
        self._briefing: Briefing | None = None
        self._follower: ShortestPathFollower | None = None
        self._steps = 0
        self._meeting = 0.0

    def attach(self, env: Any, row: int = 0) -> None:
        """Shows it the environment it acts in; see `PrivilegedAgent`."""
        self._batch, self._row = env.unwrapped.batch, row

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode; the environment has been reset before.

        Raises:
            RuntimeError: it was not attached to an environment.
        """
        if self._batch is None:
            raise RuntimeError("the oracle is privileged: call attach(env) before reset")
        self._briefing, self._steps = briefing, 0
        self._follower = None

    def act(self, observation: Observation) -> Any:
        """Returns the next action of the shortest way, or the right answer."""
        assert self._briefing is not None, "reset comes first"
        self._steps += 1
        if self._briefing.task == "SoundLocalization":
            return self._estimate()
        if self._briefing.task == "AudioVisualQA":
            return self._answer()
        return np.int64(self._move())

    def _move(self) -> int:
        """The next action towards the goal."""
        batch, config = self._the_batch, self._the_briefing.config
        if batch.episodes[self._row].source_walk:
            return self._move_to_walker()
        if self._follower is None:
            prepared = self._prepared
            radius = min(RADIUS_STEPS * config.forward, _WITHIN * config.success_distance)
            goal, field = prepared.episode.goal_position, prepared.field
            self._follower = ShortestPathFollower(
                prepared.grid, goal, config.forward, config.turn_deg, goal_radius=radius, field=field
            )
        return self._follower.next_action(*self._pose())

    def _move_to_walker(self) -> int:
        """The next action towards where the goal can be met; waits there, and looks for another place in the end."""
        batch, config = self._the_batch, self._the_briefing.config
        now = (self._steps - 1) * config.step_seconds
        if float(batch.tables.columns.numbers[_DISTANCE, self._row]) < _WALKER_WITHIN * config.success_distance:
            return _STOP
        if self._follower is None or now > self._meeting + _PATIENCE:
            self._follower, self._meeting = self._meet(now)
        action = self._follower.next_action(*self._pose())
        return _LEFT if action == _STOP else action

    def _meet(self, now: float) -> tuple[ShortestPathFollower, float]:
        """The way to the first place where the agent, turns and all, is in time for the goal, and when that is [s]."""
        prepared, config = self._prepared, self._the_briefing.config
        pace = {"forward": config.forward, "turn_deg": config.turn_deg, "step_seconds": config.step_seconds}
        walk = _rest_of_walk(prepared.episode.source_walk, now)
        met = walker_meeting(prepared.scene, prepared.grid, self._pose(), walk, **pace)
        return met.follower, now + met.seconds

    @property
    def _prepared(self) -> Prepared:
        prepared = self._the_batch.seats.playing[self._row]
        assert prepared is not None, "every row plays"
        return prepared

    def _pose(self) -> tuple[np.ndarray[Any, np.dtype[np.float32]], float]:
        state = self._the_batch.state
        return state.position[self._row].cpu().numpy(), float(state.yaw[self._row])

    def _answer(self) -> np.int64:
        """The action that chooses the right option."""
        question = self._the_batch.episodes[self._row].question
        assert question is not None, "the task asks a question"
        return np.int64(4 + int(question.answer))

    def _estimate(self) -> Any:
        """Where the goal's sound is, seen from the head, and what it is."""
        batch, config = self._the_batch, self._the_briefing.config
        position, yaw = self._pose()
        source = batch.state.source[self._row, 0].cpu().numpy()
        x, y, z = (float(v) for v in source - position)
        azimuth = (math.atan2(-x, -z) - yaw) % (2.0 * math.pi)
        distance = math.sqrt(x * x + z * z + (y - config.eye_height) ** 2)
        kind = config.target_classes.index(class_of_sound(batch.episodes[self._row].sound))
        return estimate_action(azimuth, distance, kind)

    @property
    def _the_batch(self) -> EnvBatch:
        assert self._batch is not None, "attach comes before reset"
        return self._batch

    @property
    def _the_briefing(self) -> Briefing:
        assert self._briefing is not None, "reset comes first"
        return self._briefing


def _rest_of_walk(walk: Walk, now: float) -> Walk:
    """Returns the part of a walk from a time [s] on, its clock set to zero there."""
    here = place_on_walk(walk, now)
    rest = tuple((time - now, x, y, z) for time, x, y, z in walk if time > now)
    return ((0.0, float(here[0]), float(here[1]), float(here[2])), *rest)
