"""All that the agent knows: one observation after the other goes in, map, objects, rooms and sounds come out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avi_env.agents.alarms import SMOKE_ALARM, AlarmWatch
from avi_env.agents.geometry import EYE_HEIGHT, heading_vector, seen_points
from avi_env.agents.hearing import AUDIBLE_DB, Hearing
from avi_env.agents.mapping import HouseMap
from avi_env.agents.objects import ObjectMemory, ObjectTrack, RoomMemory
from avi_env.agents.recognition import Recognition, SoundRecognition
from avi_env.agents.route import FORWARD, Frontier, WalkPlan, Ways, find_frontiers, walk_plan, ways_from
from avi_env.agents.source_belief import SoundWays, SourceBelief, sound_ways
from avi_env.agents.speech import SpeechMemory, Utterance

__all__ = ["Perception", "Senses"]

_MOVED = 0.6  # share of a forward action below which the agent has bumped
_BODY = 0.25  # [m] from the agent's centre to what it bumped into
# Echoes mislead in the same way as long as one listens at the same spot: after so many moments new ones count less.
_SPOT, _SPOT_MOMENTS = 0.5, 8.0  # [m], moments
_WAYS_STEPS = 6  # steps after which the ways of sound are found anew, for what has been seen since
_RESTING_DB = 3.0  # below its latest peak by more, a sound that comes and goes is resting
_STILL = 0.05  # [m]
_LOOKED_AT_M2 = 3.0  # floor seen of a room from which its furniture would have told what kind of room it is
_PIXELS_OF_FLOOR = 40  # in one picture, for a floor to count as a room in view


@dataclass(frozen=True)
class Senses:
    """What the agent knows about its own sensors."""

    categories: tuple[str, ...]
    """Category of each object id of the semantic picture."""
    sample_rate: int = 16000
    """[Hz]"""
    step_seconds: float = 0.25
    """Simulated time of one action [s]."""
    hfov: float = 90.0
    """Horizontal field of view [degrees]."""
    eye_height: float = EYE_HEIGHT
    """[m]"""
    hrtf: str = "kemar"
    """The agent's own ears, as the environment's keyword."""


class Perception:
    """The agent's memory of one episode, fed with its own observations only.

    Args:
        senses: what it knows about its own sensors.
        recognition: tells sounds apart; by default the nearest template does.
        watchful: listen for a smoke alarm, too.
    """

    def __init__(self, senses: Senses, recognition: Recognition | None = None, watchful: bool = False) -> None:
        self.senses = senses
        self.house = HouseMap()
        self.objects = ObjectMemory(senses.categories)
        self.rooms = RoomMemory()
        self.hearing = Hearing(senses.sample_rate, senses.step_seconds, senses.hrtf)
        self.recognition = recognition or SoundRecognition(senses.sample_rate, senses.step_seconds)
        self.source = SourceBelief()
        self.speech = SpeechMemory(senses.step_seconds)
        self.alarm = ""
        """Class of the alarm that the agent has heard, "" = none."""
        self.private: frozenset[str] = frozenset()
        """Types of rooms that must not be entered."""
        self.observation: Mapping[str, npt.NDArray[Any]] = {}
        """The last one, as the environment gave it."""
        self.pose: npt.NDArray[np.float64] = np.zeros(4)
        """(x, y, z, yaw), start frame."""
        self.steps = 0
        """Actions taken so far."""
        self.path_m = 0.0
        """Length of the way walked [m]."""
        self.bumped = False
        """Whether the last action met something."""
        self._floor_ids = np.array([name == "floor" for name in senses.categories] or [False])
        self._watch = AlarmWatch(senses.sample_rate, senses.step_seconds) if watchful else None
        self._listened: Counter[tuple[int, int]] = Counter()
        self._home = -1  # floor on which the agent began: that one it can leave, even if it is private
        self._ways: tuple[int, Ways] | None = None
        self._sound_ways: tuple[tuple[float, float], int, SoundWays] | None = None

    @property
    def position(self) -> tuple[float, float]:
        """(x, z) of the feet [m], start frame."""
        return float(self.pose[0]), float(self.pose[2])

    @property
    def yaw(self) -> float:
        """Where the agent looks [rad, start frame]."""
        return float(self.pose[3])

    @property
    def time_s(self) -> float:
        """Simulated time since the start [s]."""
        return self.steps * self.senses.step_seconds

    @property
    def floor(self) -> int:
        """Object id of the floor the agent stands on, -1 = unknown."""
        return self.house.region_at(self.position)

    def observe(self, observation: Mapping[str, npt.NDArray[Any]], action: int | None = None) -> None:
        """Takes in one observation.

        Args:
            observation: what the environment gave, with depth, semantic, audio and pose.
            action: the action it followed, None at the start of the episode.
        """
        self.observation = observation
        previous, self.pose = self.pose, np.asarray(observation["pose"], np.float64)
        walked = float(np.hypot(*(self.pose - previous)[[0, 2]])) if action is not None else 0.0
        self.steps += action is not None
        self.path_m += walked
        points = seen_points(
            observation["depth"], observation["semantic"], self.pose, self.senses.hfov, self.senses.eye_height
        )
        self.house.observe(points, self._floor_ids, self.pose)
        self._feel(previous, action, walked)
        self.objects.observe(points, self.house, self.position, self.steps)
        label = points.label[(points.label >= 0) & (points.planar < 6.0)]
        count = np.bincount(label, minlength=len(self._floor_ids))[: len(self._floor_ids)]
        self.rooms.observe(np.flatnonzero(self._floor_ids & (count >= _PIXELS_OF_FLOOR)).tolist(), self.floor)
        self._home = self.floor if action is None else self._home
        self._hear(observation["audio"], walked)

    def _feel(self, previous: npt.NDArray[np.float64], action: int | None, walked: float) -> None:
        self.bumped = action == 1 and walked < _MOVED * FORWARD
        if self.bumped:
            ahead = heading_vector(float(previous[3]))
            along = float((self.pose[0] - previous[0]) * ahead[0] + (self.pose[2] - previous[2]) * ahead[1])
            self.house.bump(previous, reach=_BODY + max(along, 0.0))

    def _hear(self, audio: npt.NDArray[Any], walked: float) -> None:
        moment = self.hearing.observe(audio, self.yaw, walked, self.time_s)
        self.recognition.observe(audio)
        self.speech.observe(moment, self.yaw)
        if self._watch is not None and self._watch.observe(audio):
            self.alarm = SMOKE_ALARM
        if moment.level_db >= AUDIBLE_DB:
            source, unsure = self.recognition.source_level
            loudness = (self.hearing.peak_db - source, unsure) if self.is_at_its_loudest() else None
            spot = (round(self.pose[0] / _SPOT), round(self.pose[2] / _SPOT))
            trust = moment.trust / (1.0 + self._listened[spot] / _SPOT_MOMENTS)
            self._listened[spot] += 1
            self.source.heard(self.sound_ways(), moment.evidence, trust, self.yaw, loudness)

    def hear_speech(self, text: str, *, seconds: float = 2.0, from_user: bool = False) -> Utterance:
        """Takes in words that have just been said and could be understood: call it once, when the last one is heard.

        Understanding speech is no part of this agent: whoever runs it gives the words. Direction and level are what
        its own ears heard meanwhile.

        Args:
            text: the words.
            seconds: how long they took [s].
            from_user: whether the agent knows the voice as its user's.
        """
        return self.speech.hear(text, self.time_s, seconds, from_user)

    def is_at_its_loudest(self) -> bool:
        """Whether the sound has just been as loud as it gets, rather than resting between two rings."""
        return self.hearing.peak_db >= self.hearing.peak_within(self.recognition.rest_s) - _RESTING_DB

    def ways(self) -> Ways:
        """Returns the ways over the map from here; computed once per step."""
        if self._ways is None or self._ways[0] != self.steps:
            plan = walk_plan(self.house, closed=self.closed_floors())
            self._ways = (self.steps, ways_from(plan, self.position))
        return self._ways[1]

    def closed_floors(self) -> tuple[int, ...]:
        """Returns the object ids of floors to keep off.

        They are those of private rooms and, where there are any, of rooms whose kind is not known: these are looked
        into from outside first, and entered when enough has been seen that would have told.
        """
        if not self.private:
            return ()
        kinds = {floor: self.rooms.type_of(floor, self.objects) for floor in self.rooms.floors if floor != self._home}
        return tuple(
            floor
            for floor, kind in kinds.items()
            if kind in self.private or (kind == "unknown" and self.house.floor_area(floor) < _LOOKED_AT_M2)
        )

    def plan(self) -> WalkPlan:
        """Returns the planning grid of the map as it is now."""
        return self.ways().plan

    def frontiers(self) -> tuple[Frontier, ...]:
        """Returns the reachable edges of the known, nearest first."""
        return find_frontiers(self.ways())

    def sound_ways(self) -> SoundWays:
        """Returns the ways of sound to here: kept while the agent turns on the spot, and for every second step."""
        kept = self._sound_ways
        age = self.steps - kept[1] if kept is not None else 0
        if kept is None or age >= _WAYS_STEPS or (age >= 2 and math.dist(kept[0], self.position) > _STILL):
            self._sound_ways = kept = (self.position, self.steps, sound_ways(self.house, self.position))
        return kept[2]

    def distance_to(self, track: ObjectTrack) -> float:
        """Returns the straight distance to an object [m]."""
        x, z = track.center
        return math.hypot(x - self.position[0], z - self.position[1])

    def ear_distance_to(self, track: ObjectTrack) -> float:
        """Returns the distance from the ears to the middle of an object [m], height included."""
        rise = 0.5 * float(track.low[1] + track.high[1]) - float(self.pose[1]) - self.senses.eye_height
        return math.hypot(self.distance_to(track), rise)
