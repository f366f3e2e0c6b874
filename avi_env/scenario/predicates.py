"""The predicates that come with the package; `registry` says how to add others."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from avi_env.scenario.moment import AGENT, Moment
from avi_env.scenario.registry import (
    PREDICATES,
    Agent,
    Door,
    Entity,
    Event,
    Reading,
    Room,
    SkillName,
    SoundClass,
    Thing,
    register_predicate,
)

__all__ = ["PREDICATES"]

# --- where things are ---


def _place(moment: Moment, name: str) -> npt.NDArray[np.float64]:
    return moment.position if name == AGENT else moment.truth.place(name)


def _at_most(value: float, limit: float) -> Reading:
    return Reading(value <= limit, limit - value)


def _at_least(value: float, limit: float) -> Reading:
    return Reading(value >= limit, value - limit)


@register_predicate(unit="s")
def t(moment: Moment) -> float:
    """Simulated time since the start."""
    return moment.t


@register_predicate()
def step(moment: Moment) -> int:
    """Number of actions taken."""
    return moment.step


@register_predicate(unit="m", also="dist")
def distance(moment: Moment, a: Entity, b: Entity) -> float:
    """Length of the shortest walk between two things; inf if there is none."""
    return moment.truth.geodesic_distance(a, b)


@register_predicate(unit="m")
def straight_distance(moment: Moment, a: Entity, b: Entity) -> float:
    """Distance between two things as the crow flies, walls or not."""
    return float(np.linalg.norm(_place(moment, a) - _place(moment, b)))


@register_predicate(unit="m")
def near(moment: Moment, thing: Entity, metres: float) -> Reading:
    """Whether the agent has at most so far to walk to a thing."""
    return _at_most(moment.truth.geodesic_distance(AGENT, thing), metres)


@register_predicate(unit="deg")
def azimuth_error(moment: Moment, thing: Entity) -> float:
    """Angle between where the agent looks and where a thing is, seen from above: 0 = straight ahead, 180 = behind."""
    across, _, along = _place(moment, thing) - moment.position
    bearing = math.atan2(-across, -along)
    return abs(math.degrees(math.remainder(bearing - moment.yaw, math.tau)))


@register_predicate(unit="deg")
def facing(moment: Moment, thing: Entity, degrees: float = 30.0) -> Reading:
    """Whether the agent looks towards a thing, to so many degrees on either side."""
    return _at_most(azimuth_error(moment, thing), degrees)


@register_predicate()
def in_room(moment: Moment, thing: Entity, room: Room) -> bool:
    """Whether a thing is in a room."""
    return moment.truth.room_at(_place(moment, thing)) == moment.truth.canonical(room)


@register_predicate()
def room(moment: Moment) -> Room:
    """Room the agent is in: `room == kitchen_1`; '' where there is none."""
    return Room(moment.truth.room_at(moment.position))


@register_predicate()
def present(moment: Moment, thing: Thing) -> bool:
    """Whether an object is in the house: it has appeared and has not been removed."""
    return moment.truth.present(thing)


@register_predicate()
def door_open(moment: Moment, door: Door, least: float = 0.5) -> Reading:
    """Whether a door is open, by at least this share of the way."""
    return _at_least(moment.truth.openness(door), least)


@register_predicate()
def lit(moment: Moment, room: Room) -> bool:
    """Whether a room's lamps are on."""
    return moment.truth.lit(room)


# --- what is seen and heard ---


@register_predicate(unit="pixels")
def visible(moment: Moment, thing: Entity, pixels: float = 1.0) -> Reading:
    """Whether at least so many pixels of the agent's picture show a thing."""
    return _at_least(float(moment.truth.pixels(thing, moment.observation)), pixels)


@register_predicate(unit="dB")
def level_db(moment: Moment, thing: Entity) -> float:
    """Level of a thing's sound at the agent's ears [dB SPL]; -inf while it is silent."""
    return moment.truth.level_db(thing)


@register_predicate(unit="dB")
def audible(moment: Moment, thing: Entity, snr_db: float = 0.0) -> Reading:
    """Whether a thing's sound at the ears is this much louder than all else, and than the threshold of hearing."""
    from avi_env.agents.hearing import AUDIBLE_DB

    level = moment.truth.level_db(thing)
    if level == -math.inf:  # whatever else there is to hear
        return _at_least(level, snr_db)
    return _at_least(level - max(moment.truth.noise_db(thing), AUDIBLE_DB), snr_db)


@register_predicate()
def sounding(moment: Moment, thing: Entity) -> bool:
    """Whether a thing emits sound, heard or not."""
    return moment.truth.sounding(thing)


@register_predicate()
def speaking(moment: Moment, thing: Entity) -> bool:
    """Whether a thing speaks."""
    return moment.truth.speaking(thing)


@register_predicate()
def heard(moment: Moment, sound: SoundClass) -> bool:
    """Whether the agent's own perception says that it hears this class of sound; never, for one without perception."""
    from avi_env.agents.briefing import SURE_CLASS

    if moment.mind is None or not moment.mind.hearing.is_on(moment.mind.time_s):
        return False
    name, sure = moment.mind.recognition.verdict
    return name == sound and sure >= SURE_CLASS


# --- what the agent does and says ---


@register_predicate()
def skill(moment: Moment) -> str:
    """Name of the skill being carried out; '' before the first and for agents without skills."""
    return moment.call.name if moment.call is not None else ""


@register_predicate()
def skill_status(moment: Moment) -> str:
    """How the last finished skill ended: 'success', 'failed', 'timeout', 'interrupted', 'invalid'; '' before."""
    return moment.results[-1].status if moment.results else ""


@register_predicate()
def skill_calls(moment: Moment) -> int:
    """Number of skills called."""
    return len(moment.calls)


@register_predicate()
def called(moment: Moment, skill: SkillName) -> bool:
    """Whether the agent has called a skill, now or before."""
    return any(call.name == skill for call in moment.calls)


@register_predicate()
def said(moment: Moment, who: Agent) -> str:
    """All that the agent has said, its answer included, one line each."""
    return "\n".join(text for _, text in moment.said)


@register_predicate()
def answered(moment: Moment) -> bool:
    """Whether the agent has given its final answer."""
    return moment.answer is not None


@register_predicate()
def answer(moment: Moment) -> str:
    """The final answer; '' before it."""
    return moment.answer.text if moment.answer is not None else ""


@register_predicate()
def confidence(moment: Moment) -> float:
    """How sure the agent is of its answer, 0..1; 0 before it."""
    return moment.answer.confidence if moment.answer is not None else 0.0


@register_predicate()
def stopped(moment: Moment) -> bool:
    """Whether the agent has ended the episode itself."""
    return moment.stopped


@register_predicate()
def collided(moment: Moment) -> bool:
    """Whether the last action met something."""
    return moment.collided


@register_predicate()
def collisions(moment: Moment) -> int:
    """Number of actions that met something."""
    return moment.collisions


@register_predicate(unit="1/min")
def collisions_per_min(moment: Moment) -> float:
    """Collisions per minute since the start; the first minute counts as a whole one from its beginning."""
    return moment.collisions / max(moment.t / 60.0, 1.0)


@register_predicate(unit="m")
def path_length(moment: Moment) -> float:
    """Length of the way walked."""
    return moment.path_length


@register_predicate()
def llm_calls(moment: Moment) -> int:
    """Requests made to a language model."""
    return moment.llm_calls


@register_predicate()
def tokens(moment: Moment) -> int:
    """Tokens of those requests and of their replies."""
    return moment.tokens


# --- what the timeline has done ---


@register_predicate()
def happened(moment: Moment, event: Event) -> bool:
    """Whether an event of the timeline has happened."""
    return any(time <= moment.t for time in moment.events[event])


@register_predicate(unit="s")
def time_since(moment: Moment, event: Event) -> float:
    """Time since an event of the timeline last happened; inf before it."""
    return min((moment.t - time for time in moment.events[event] if time <= moment.t), default=math.inf)
