"""How likely each call is to come off, as the agent itself can tell: the value function of SayCan-style planning.

Source: Ahn et al. 2022, "Do As I Can, Not As I Say", arXiv 2204.01691: argmax over skills of p(useful) p(works).
"""

from __future__ import annotations

from avi_env.agents.protocol import HeardSound, PlannerObservation, SeenObject, SkillCall, SkillResult, SkillSpec
from avi_env.agents.question import AT_M, Question, likely_sources, parse_question, source_objects, target_sound

__all__ = ["affordances"]

_REPEAT = 0.3  # each failure of the same call since the last success makes it this much less likely to work
_STANDING = ("listen", "look_around")
_MAX_OBJECTS, _MAX_ROOMS = 6, 4  # of each kind: the nearest

History = tuple[SkillResult, ...]


def affordances(
    observation: PlannerObservation, skills: tuple[SkillSpec, ...], history: History
) -> tuple[tuple[SkillCall, float], ...]:
    """Returns the calls that make sense now, each with the chance that it achieves what it says, in (0, 1].

    Left out: what would repeat itself (listening twice, walking to where one stands), answering or stopping without
    any evidence for it, and, of several objects or rooms of one kind, all but the best.
    """
    question = parse_question(observation.instruction)
    last = history[-1].call.name if history else ""
    values = [(SkillCall("explore"), 0.8)]
    if last != "look_around":
        values.append((SkillCall("look_around"), 0.6 if last == "listen" else 0.9))
    if last not in _STANDING:
        values.append((SkillCall("listen"), 0.5 if history else 0.9))
    here = {o.track for o in observation.seen if o.distance_m <= AT_M or _stands_at(o.name, history)}
    values += [
        (SkillCall("go_to_sound", {"sound": s.track}), 0.0 if s.track in here else _sound_value(s, history))
        for s in observation.heard
    ]
    values += [(SkillCall("go_to_object", {"object": o.name}), v) for o, v in _objects(observation, question, history)]
    values += [(SkillCall("go_to_room", {"room": r}), 0.7) for r in _rooms(observation)]
    values.append((SkillCall("answer" if question.wants_answer else "stop"), _evidence(observation, question, history)))
    offered = {s.name: {c for a in s.arguments for c in a.choices} for s in skills}
    tried = ((c, v * _REPEAT ** _failures(c, history)) for c, v in values if _on_offer(c, offered))
    return tuple((c, v) for c, v in tried if v > 0.0)


def _on_offer(call: SkillCall, offered: dict[str, set[str]]) -> bool:
    return call.name in offered and all(value in offered[call.name] for value in call.arguments.values())


def _sound_value(sound: HeardSound, history: History) -> float:
    if _stands_at(sound.track, history):
        return 0.0
    return max(sound.confidence, 0.1) * (1.0 if sound.still_on else 0.4)


def _objects(observation: PlannerObservation, question: Question, history: History) -> list[tuple[SeenObject, float]]:
    sound = target_sound(question, observation.heard)
    likely = [o.name for o in likely_sources(question, observation, history)]
    likely += [o.name for o in source_objects(question, sound, observation.seen)]
    ranked = sorted(
        observation.seen, key=lambda o: (likely.index(o.name) if o.name in likely else 99, o.distance_m, o.name)
    )
    best = {o.category: o for o in reversed(ranked)}  # of each kind the one that is ranked first
    chosen = [o for o in ranked if best[o.category] is o][:_MAX_OBJECTS]
    return [(o, _object_value(o, history)) for o in chosen]


def _object_value(thing: SeenObject, history: History) -> float:
    silent = any(r.code == "lost_sound" and thing.name in r.call.arguments.values() for r in history)
    if silent or thing.distance_m <= AT_M or _stands_at(thing.name, history):
        return 0.0
    return 0.9 if thing.in_view else 0.7


def _rooms(observation: PlannerObservation) -> list[str]:
    others = [r for r in observation.rooms if r.name != observation.room]
    ranked = sorted(others, key=lambda r: (r.visited, r.distance_m if r.distance_m is not None else 99.0, r.name))
    best = {r.type: r for r in reversed(ranked)}
    return [r.name for r in ranked if best[r.type] is r][:_MAX_ROOMS]


def _evidence(observation: PlannerObservation, question: Question, history: History) -> float:
    """How well the answer, or that the goal is reached, is supported; 0 = not at all."""
    sound = target_sound(question, observation.heard)
    things = likely_sources(question, observation, history)
    hopeless = observation.steps_left <= 12 or observation.calls_left <= 1
    if hopeless:
        return 1.0
    if question.goal == "count_rooms":
        return 0.9 if observation.frontiers == 0 else 0.05
    if question.goal == "exists":
        return 0.9 if things or observation.frontiers == 0 else 0.0
    if question.goal == "what_sound":
        return sound.confidence if sound is not None else 0.0
    if any(o.distance_m <= AT_M or _stands_at(o.name, history) for o in things):
        return 1.0
    if sound is not None and _stands_at(sound.track, history):
        return 0.6
    return 0.0


def _stands_at(target: str, history: History) -> bool:
    """Whether the last walk ended at the target."""
    walks = [r for r in history if r.call.name not in _STANDING]
    return bool(walks) and walks[-1].status == "success" and target in walks[-1].call.arguments.values()


def _failures(call: SkillCall, history: History) -> int:
    """How often this very call has failed since any walk last succeeded."""
    count = 0
    for result in reversed(history):
        if result.call.name not in _STANDING and result.status == "success":
            break
        same = result.call.name == call.name and result.call.arguments == call.arguments
        count += same and result.status != "success"
    return count
