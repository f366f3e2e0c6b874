"""The classical follower: where the sound comes from by the two ears, how to get there by the depth camera.

No learning, no recognition of objects, nothing privileged. Each step's sound gives a likelihood of every azimuth
(delays and level differences between the ears, onsets weighted over echoes); front and back part as the head turns.
Places are weighed by the way that sound would take from them over the agent's own map, so that what arrives round a
corner points to what lies behind it, and by how the level rises and falls along the way. The likeliest place is walked
to, listened at all round, and, when it is still the likeliest, stopped at.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.follower_senses import FollowerSenses
from avi_env.agents.geometry import wrap_angle
from avi_env.agents.mapping import CELL
from avi_env.agents.route import WalkPlan, Ways, find_frontiers, steer, walk_plan, ways_from
from avi_env.agents.step_agent import Briefing, Observation
from avi_env.tasks.sound_localization import estimate_action

__all__ = ["DoaFollower"]

FloatArray = npt.NDArray[np.floating[Any]]
Point = tuple[float, float]
Cell = tuple[int, int]

_STOP, _LEFT = 0, 2
_LOOK_TURNS = 18  # of 15 degrees: with a view of 90 degrees all round
_FRONTIER_TURNS = 6  # to see what lies behind an edge
_PLAN_STEPS = 6  # after which the way is planned anew
_REACH = 3.0  # [m] from a place to where one can walk; beyond, it cannot be reached yet
_SIDE = 1.2  # [m] farther than the nearest walkable cell may be the one that no wall parts from the place
_SIDES = 300  # cells that are tried
_IN_THE_THING = 0.3  # [m] about the place: what stands there is no wall
_THERE = 0.8  # [m] about the place that is taken for the source
_SAME = 0.5  # [m] within which the agent has listened all round before
_WAITS_MOST = 24  # further turns at a place where nothing has been heard since it was reached
_STUCK_STEPS, _STUCK_M = 12, 0.15  # so many steps within so little space: forgive the bumps, start afresh
_WIDE = 3.0  # [m]; edges wider than this promise no more
_WIDTH_WORTH = 0.7  # [m] of way that a metre of an edge's width is worth


class DoaFollower:
    """Walks to where the sound comes from and stops there; without any sound it explores and never stops.

    Args:
        sure: probability of the source within 0.8 m of the place reached from which to stop, 0..1.
        verify_turns: turns of listening before a stop.
    """

    name = "doa_follower"
    privileged = False
    sensors: tuple[str, ...] = ("depth", "audio", "pose")

    def __init__(self, sure: float = 0.5, verify_turns: int = 8) -> None:
        if not 0.0 < sure < 1.0:
            raise ValueError(f"sure must lie between 0 and 1, got {sure:g}")
        self._sure, self._verify_turns = sure, verify_turns
        self._briefing: Briefing | None = None

    def reset(self, briefing: Briefing, seed: int) -> None:
        """Begins an episode; nothing is left to chance.

        Raises:
            ValueError: the environment lacks depth or audio, or hears with other than two ears.
        """
        config = briefing.config
        for name in ("depth", "audio"):
            if name not in config.sensors:
                raise ValueError(f"the agent 'doa_follower' needs the sensor {name!r}: make the environment with it")
        if config.channels != 2:
            raise ValueError(f"the agent 'doa_follower' has two ears, and hrtf={config.hrtf!r} gives {config.channels}")
        self._briefing = briefing
        self._mind = FollowerSenses(config)
        self._action: int | None = None
        self._turns = _LOOK_TURNS
        self._way: tuple[WalkPlan, FloatArray] | None = None
        self._age = 0
        self._target: Point | None = None
        self._verified: Point | None = None
        self._since, self._waits = 0.0, 0
        self._beyond: Point | None = None
        self._trail: list[Point] = []

    def act(self, observation: Observation) -> Any:
        """Returns the next action; in SoundLocalization a turn with an estimate of the source."""
        assert self._briefing is not None, "reset comes first"
        self._mind.observe(observation, self._action)
        if self._briefing.task == "SoundLocalization":
            self._action = _LEFT
            return self._estimate(self._briefing)
        self._action = self._decide(self._briefing)
        return np.int64(self._action)

    def _decide(self, briefing: Briefing) -> int:
        if self._mind.heard and self._mind.steps >= briefing.max_steps - 1:
            return _STOP  # a guess costs nothing now
        if self._turns > 0:
            self._turns -= 1
            return _LEFT
        action = self._next_on_way()
        if action is None:
            action = self._arrived()
        return action

    def _next_on_way(self) -> int | None:
        """The next action of the way, None when it ends here."""
        if self._way is None or self._age >= _PLAN_STEPS or self._mind.bumped:
            self._way, self._age = self._new_way(), 0
        if self._way is None:
            return None
        self._age += 1
        action = steer(*self._way, self._mind.position, self._mind.yaw)
        if action == _STOP:
            return None
        self._trail = [*self._trail, self._mind.position][-_STUCK_STEPS:]
        if len(self._trail) == _STUCK_STEPS and self._mind.bumped and _spread(self._trail) < _STUCK_M:
            self._mind.house.forgive(self._mind.pose)
            self._trail, self._way = [], None
        return action

    def _new_way(self) -> tuple[WalkPlan, FloatArray] | None:
        """The way to the likeliest place of the source, or before any sound to the edge of the known."""
        mind = self._mind
        plan = walk_plan(mind.house)
        self._beyond, self._target = None, mind.best_place(self._target)
        if self._target is not None:
            ways = ways_from(plan, mind.position, hopeful=True)
            cell = self._stand_at(ways, self._target)
            if cell is not None:
                return plan, ways.path_to(cell)
            mind.deny(self._target)
            self._target = None
        ways = ways_from(plan, mind.position)
        edges = find_frontiers(ways)
        if not edges:
            return None
        edge = min(edges, key=lambda f: (f.distance - _WIDTH_WORTH * min(f.width, _WIDE), f.point))
        self._beyond = edge.beyond
        return plan, ways.path_to(edge.cell)

    def _stand_at(self, ways: Ways, point: Point) -> Cell | None:
        """The reachable cell nearest to a point [m] from which no wall parts it, None where there is none near."""
        x, z = ways.plan.centers()
        gap = np.where(np.isfinite(ways.length), np.hypot(x - point[0], z - point[1]), np.inf)
        if gap.min() > _REACH:
            return None
        cells = np.stack(np.unravel_index(np.argsort(gap, axis=None)[:_SIDES], gap.shape), axis=1)
        gaps = gap[cells[:, 0], cells[:, 1]]
        cells = cells[gaps <= gaps[0] + _SIDE]
        window, end = self._mind.house.window(), np.asarray(point)
        starts = np.array([ways.plan.point_of((int(i), int(k))) for i, k in cells])
        line = starts[:, None] + np.linspace(0.0, 1.0, 25)[:, None] * (end - starts)[:, None]
        index = np.round((line - np.asarray(window.origin)) / CELL).astype(np.int64)
        index = np.clip(index, 0, np.array(window.tall.shape) - 1)
        outside = np.linalg.norm(line - end, axis=2) > _IN_THE_THING
        parted = (window.tall[index[..., 0], index[..., 1]] & outside).any(axis=1)
        best = cells[int(np.argmin(parted))]  # the first that is not, or the nearest
        return int(best[0]), int(best[1])

    def _arrived(self) -> int:
        """At the end of the way: listens all round, stops where the source is still likeliest, else goes on."""
        mind = self._mind
        self._way = None
        if self._target is None:
            if self._beyond is not None:
                mind.house.dismiss(self._beyond, mind.position)
            self._turns = _FRONTIER_TURNS - 1
            return _LEFT
        if self._verified is None or math.dist(self._verified, mind.position) >= _SAME:
            self._verified, self._waits, self._since = mind.position, _WAITS_MOST, mind.seconds
            self._turns = self._verify_turns - 1
        elif mind.hearing.last_heard_s < self._since and self._waits > 0:
            self._waits -= 1  # what comes and goes has been silent here so far
        elif mind.chance_near(self._target, _THERE) >= self._sure:
            return _STOP
        else:
            mind.deny(self._target)
            self._target = self._verified = None
        return _LEFT

    def _estimate(self, briefing: Briefing) -> Any:
        """Where the source seems to be from here, and what it sounds like."""
        mind, kinds = self._mind, briefing.config.target_classes
        azimuth = wrap_angle(mind.hearing.direction.bearing - mind.yaw)
        chances = mind.recognition.probabilities
        likeliest = max((name for name in chances if name in kinds), key=lambda name: chances[name])
        return estimate_action(azimuth, mind.distance_guess(), kinds.index(likeliest), _LEFT)


def _spread(trail: list[Point]) -> float:
    """Diagonal of the box about some places [m]."""
    return float(np.hypot(*np.ptp(np.asarray(trail), axis=0)))
