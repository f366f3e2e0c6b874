"""What the classical follower knows: its map from depth, and how likely each place of it is to hold the source."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from avi_env.agents.geometry import heading_vector, seen_points, wrap_angle
from avi_env.agents.hearing import AUDIBLE_DB, Hearing
from avi_env.agents.level_belief import LevelBelief
from avi_env.agents.mapping import CELL, HouseMap
from avi_env.agents.recognition import SoundRecognition
from avi_env.agents.source_belief import PLACE, SoundWays, SourceBelief, sound_ways
from avi_env.agents.step_agent import Observation
from avi_env.envs.config import EnvConfig

__all__ = ["FollowerSenses"]

FloatArray = npt.NDArray[np.floating[Any]]
Point = tuple[float, float]

_FORWARD, _LEFT, _RIGHT = 1, 2, 3
_MOVED = 0.6  # share of a forward action below which something was in the way
_BODY = 0.25  # [m] from the agent's middle to what it bumped into
_IMAGE = 64  # columns of the depth picture that are enough for a map
_HALF_EXTENT = 6.0  # [m] of the map at first
# Echoes mislead in the same way as long as one listens at the same spot: after so many moments new ones count less.
_SPOT, _SPOT_MOMENTS = 0.5, 8.0  # [m], moments
_WAYS_STEPS, _WAYS_STEPS_STILL = 4, 12  # steps after which the ways of sound are found anew, on the move and at rest
_STILL = 0.05  # [m]
_RECOGNISE_STEPS = 20  # at the start, to know about how loud the source is; later ones would cost more than they tell
_RESTING_DB = 3.0  # below its latest peak by more, a sound that comes and goes is resting
_LEVEL_EVERY = 0.4  # [m] between places where the level is news
_LEVEL_SECONDS = 1.0
_FIRST_LEVEL = 4  # steps before the level is taken in where the agent starts
_UNSURE_DB = 3.0  # of a known class: variants differ, and rooms
_UNSEEN, _THING, _FLOOR = 0.5, 1.0, 0.1  # prior weight of a place: not seen yet, something stands there, bare floor
_DENIED, _DENIED_REACH, _DENIED_SECONDS = 0.1, 0.5, 25.0  # left of a place's chance, how far about it [m], how long [s]
_BLUR = 0.4  # [m]; places this near are one goal
_KEEP, _KEEP_REACH = 1.5, 2  # by how much a place must beat the one walked to, and places around it that are the same
_NEAREST = 0.5  # [m]; what sounds stands on something, hangs from something, or is as wide
_HORIZON = 0.1  # share of the picture about its middle in which it tells how far it walked


class FollowerSenses:
    """The follower's memory of one episode, fed with its own observations only.

    Args:
        config: of the environment; read for what concerns the agent's body and sensors.
    """

    def __init__(self, config: EnvConfig) -> None:
        self._config = config
        self.house = HouseMap(_HALF_EXTENT)
        self.hearing = Hearing(config.sample_rate, config.step_seconds, config.hrtf)
        self.recognition = SoundRecognition(config.sample_rate, config.step_seconds)
        self.source = SourceBelief()
        self.pose: npt.NDArray[np.float64] = np.zeros(4)
        """(x, y, z, yaw), start frame."""
        self.steps = 0
        """Actions taken so far."""
        self.bumped = False
        """Whether the last action met something."""
        self.heard = False
        """Whether there was ever anything to hear."""
        self._denied: list[tuple[Point, float]] = []
        self._level = LevelBelief()
        self._measured: Point | None = None
        self._listened: Counter[tuple[int, int]] = Counter()
        self._ways: tuple[Point, int, SoundWays] | None = None
        self._depth: FloatArray | None = None

    @property
    def position(self) -> Point:
        """(x, z) of the feet [m], start frame."""
        return float(self.pose[0]), float(self.pose[2])

    @property
    def yaw(self) -> float:
        """Where the agent looks [rad, start frame]."""
        return float(self.pose[3])

    @property
    def seconds(self) -> float:
        """Simulated time since the start [s]."""
        return self.steps * self._config.step_seconds

    def observe(self, observation: Observation, action: int | None) -> None:
        """Takes in one observation.

        Args:
            observation: depth and audio; pose, where the task offers it, else it is reckoned from actions and depth.
            action: the action it followed, None at the start of the episode.
        """
        depth = observation["depth"][..., 0]
        before, self.pose = self.pose, self._new_pose(observation, depth, action)
        self._depth = depth
        self.steps += action is not None
        walked = math.hypot(*(self.pose - before)[[0, 2]]) if action is not None else 0.0
        stride = max(1, depth.shape[1] // _IMAGE)
        picture = depth[stride // 2 :: stride, stride // 2 :: stride]
        points = seen_points(picture, None, self.pose, self._config.hfov, self._config.eye_height)
        self.house.observe(points, np.zeros(1, bool), self.pose)
        self._feel(before, action, walked)
        self._hear(observation["audio"], walked)

    def _new_pose(self, observation: Observation, depth: FloatArray, action: int | None) -> npt.NDArray[np.float64]:
        if "pose" in observation:
            return np.asarray(observation["pose"], np.float64)
        pose, turn = self.pose.copy(), math.radians(self._config.turn_deg)
        if action == _FORWARD:
            dx, dz = heading_vector(self.yaw)
            pose[[0, 2]] += self._way_ahead(depth) * np.array([dx, dz])
        elif action in (_LEFT, _RIGHT):
            pose[3] = wrap_angle(self.yaw + (turn if action == _LEFT else -turn))
        return pose

    def _way_ahead(self, depth: FloatArray) -> float:
        """How far a forward action led [m]: by so much what is ahead came nearer, a step where nothing is in range."""
        height, width = depth.shape
        assert self._depth is not None, "an action follows an observation"
        tall, wide = math.ceil(_HORIZON * height), math.ceil(_HORIZON * width)
        cut = (slice(height // 2 - tall, height // 2 + 1), slice(width // 2 - wide, width // 2 + wide))
        before, after = self._depth[cut], depth[cut]
        known = (before > 0.0) & (after > 0.0) & (before < self._config.depth_max)
        gain = float(np.median((before - after)[known])) if known.any() else self._config.forward
        return min(max(gain, 0.0), self._config.forward)

    def _feel(self, before: npt.NDArray[np.float64], action: int | None, walked: float) -> None:
        self.bumped = action == _FORWARD and walked < _MOVED * self._config.forward
        if self.bumped:
            ahead = heading_vector(float(before[3]))
            along = float((self.pose[0] - before[0]) * ahead[0] + (self.pose[2] - before[2]) * ahead[1])
            self.house.bump(before, reach=_BODY + max(along, 0.0))

    def _hear(self, audio: FloatArray, walked: float) -> None:
        moment = self.hearing.observe(audio, self.yaw, walked, self.seconds)
        if self.steps < _RECOGNISE_STEPS:
            self.recognition.observe(audio)
        if moment.level_db < AUDIBLE_DB:
            return
        self.heard = True
        self._hear_level()
        spot = (round(self.pose[0] / _SPOT), round(self.pose[2] / _SPOT))
        trust = moment.trust / (1.0 + self._listened[spot] / _SPOT_MOMENTS)
        self._listened[spot] += 1
        self.source.heard(self._sound_ways(), moment.evidence, trust, self.yaw, None)

    def _hear_level(self) -> None:
        """Takes the level in where it is news: somewhere else, and while the sound does not rest."""
        hearing, here = self.hearing, self.position
        rests = hearing.peak_db < hearing.peak_within(self.recognition.rest_s) - _RESTING_DB
        again = self._measured is not None and math.dist(self._measured, here) < _LEVEL_EVERY
        if rests or again or self.steps < _FIRST_LEVEL:
            return
        self._measured = here
        self._level.heard(self._sound_ways(), hearing.peak_within(_LEVEL_SECONDS))

    def _sound_ways(self) -> SoundWays:
        """The ways of sound to here: kept for a few steps, and longer while the agent turns on the spot."""
        kept = self._ways
        if kept is not None:
            age, moved = self.steps - kept[1], math.dist(kept[0], self.position) > _STILL
            if age < _WAYS_STEPS or (not moved and age < _WAYS_STEPS_STILL):
                return kept[2]
        self._ways = (self.position, self.steps, sound_ways(self.house, self.position))
        return self._ways[2]

    def place_chances(self) -> npt.NDArray[np.float64]:
        """Returns the probability of each place of `source.ways` to hold the source, sum 1; empty before any sound."""
        ways = self.source.ways
        if ways is None:
            return np.zeros((0, 0))
        source, unsure = self.recognition.source_level
        log = self._level.log_likelihood(ways, source, math.hypot(unsure, _UNSURE_DB))
        prior = np.where(ways.unknown, _UNSEEN, self._things(ways))
        for point, since in self._denied:
            if self.seconds - since < _DENIED_SECONDS:
                prior = np.where(_gaps(ways, point) <= _DENIED_REACH, _DENIED * prior, prior)
        return self.source.probability(prior * np.exp(log - log.max()))

    def deny(self, point: Point) -> None:
        """Takes in that the source was not found at a point [m]; forgotten in time, for what rests may begin again."""
        self._denied.append((point, self.seconds))

    def best_place(self, kept: Point | None = None) -> Point | None:
        """Returns the (x, z) [m] of the place to walk to, None before any sound.

        Args:
            kept: the place it is on the way to [m], which another one must clearly beat.
        """
        ways = self.source.ways
        if ways is None:
            return None
        smooth = ndimage.gaussian_filter(self.place_chances(), _BLUR / PLACE, mode="constant")
        score = smooth / (2.0 + ways.length)  # of equal chances the nearer one
        if kept is not None:
            ix, iz = (round((kept[k] - ways.origin[k]) / PLACE) for k in (0, 1))
            low = (max(ix - _KEEP_REACH, 0), max(iz - _KEEP_REACH, 0))
            score[low[0] : ix + _KEEP_REACH + 1, low[1] : iz + _KEEP_REACH + 1] *= _KEEP
        best = np.unravel_index(int(np.argmax(score)), score.shape)
        return ways.origin[0] + PLACE * float(best[0]), ways.origin[1] + PLACE * float(best[1])

    def chance_near(self, point: Point, reach: float) -> float:
        """Returns the probability that the source is within reach [m] of a point [m], 0..1."""
        ways = self.source.ways
        if ways is None:
            return 0.0
        return float(self.place_chances()[_gaps(ways, point) <= reach].sum())

    def distance_guess(self) -> float:
        """Returns about how far the source is [m]: the mean, of the logarithm, over all places; 3 m in silence."""
        ways = self.source.ways
        if ways is None:
            return 3.0
        away = np.maximum(_gaps(ways, self.position), _NEAREST)
        return float(np.exp(np.sum(self.place_chances() * np.log(away))))

    def _things(self, ways: SoundWays) -> npt.NDArray[np.float64]:
        """Prior weight of the seen places, by whether anything stands there."""
        window, count = self.house.window(), np.array(ways.length.shape)
        cells = np.argwhere(window.occupied)
        place = np.round((np.asarray(window.origin) + CELL * cells - np.asarray(ways.origin)) / PLACE).astype(np.int64)
        place = place[((place >= 0) & (place < count)).all(axis=1)]
        weight = np.full(ways.length.shape, _FLOOR)
        weight[place[:, 0], place[:, 1]] = _THING
        return weight


def _gaps(ways: SoundWays, point: Point) -> FloatArray:
    """Distance of each place from a point [m], shape of the ways."""
    x = (ways.origin[0] + PLACE * np.arange(ways.length.shape[0]))[:, None]
    z = (ways.origin[1] + PLACE * np.arange(ways.length.shape[1]))[None, :]
    return np.asarray(np.hypot(x - point[0], z - point[1]))
