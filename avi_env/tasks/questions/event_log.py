"""What happens in an episode, and when: who sounds from when to when, which doors turn."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from avi_env.sounds import Schedule
from avi_env.sounds.schedule import ALWAYS
from avi_env.tasks.door_events import DoorEvent
from avi_env.tasks.episodes import Episode
from avi_env.tasks.questions.question import HORIZON
from avi_env.tasks.sources import Point
from avi_env.tasks.walks import Walk, place_on_walk

__all__ = ["EventLog", "SourceLog", "event_log", "source_place"]


class SourceLog(NamedTuple):
    """One source of an episode."""

    sound: str
    """As `make_clip` takes it."""
    object: int
    """Id of the emitting object, -1 = none."""
    position: Point
    """[m]; where its walk begins, if it walks."""
    walk: Walk
    emissions: tuple[tuple[float, float], ...]
    """Onset and offset of each emission [s since the first observation], in order; a negative onset is before it."""


class EventLog(NamedTuple):
    """All that happens in an episode without the agent's doing."""

    sources: tuple[SourceLog, ...]
    """The goal's source, then the distractors."""
    doors: tuple[DoorEvent, ...]
    """(seconds since the first observation, portal, openness); a door waits while somebody stands in its way."""


def event_log(
    episode: Episode, schedule: Schedule = ALWAYS, lead_seconds: float = 1.0, horizon: float = HORIZON
) -> EventLog:
    """Returns what happens in an episode, in seconds since the first observation.

    Args:
        episode: the episode.
        schedule: when sources sound that have no schedule of their own, on the clock of the sound
            (`EnvConfig.schedule`).
        lead_seconds: how long before the first observation that clock starts (`EnvConfig.lead_seconds`).
        horizon: emissions that begin later are left out, and longer ones end here [s].
    """
    own = _told(schedule, 0.0, lead_seconds) if episode.schedule is None else episode.schedule
    goal = SourceLog(
        episode.sound, episode.goal_object, episode.source_position, episode.source_walk, _emissions(own, horizon)
    )
    others = []
    for source in episode.distractors:
        own = _told(schedule, source.start, lead_seconds) if source.schedule is None else source.schedule
        others.append(SourceLog(source.sound, source.object, source.position, source.walk, _emissions(own, horizon)))
    return EventLog((goal, *others), tuple(sorted(episode.door_events)))


def source_place(source: SourceLog, seconds: float) -> Point:
    """Returns where a source is at a time [m]."""
    if not source.walk:
        return source.position
    x, y, z = place_on_walk(source.walk, seconds)
    return float(x), float(y), float(z)


def _told(schedule: Schedule, share: float, lead_seconds: float) -> Schedule:
    """The environment's schedule from the first observation on; distractors begin a share of its period later."""
    late = share * (schedule.on + schedule.off) if share and math.isfinite(schedule.on) else 0.0
    return replace(schedule, start=schedule.start + late - lead_seconds)


def _emissions(schedule: Schedule, horizon: float) -> tuple[tuple[float, float], ...]:
    found: list[tuple[float, float]] = []
    onset = schedule.start
    while onset < horizon and (schedule.count is None or len(found) < schedule.count):
        found.append((onset, min(onset + schedule.on, horizon)))
        onset += schedule.on + schedule.off
    return tuple(found)
