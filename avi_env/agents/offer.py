"""The fixed set of skills, and which of them with which arguments make sense this turn."""

from __future__ import annotations

from avi_env.agents.protocol import (
    Answer,
    Argument,
    PlannerObservation,
    SkillCall,
    SkillSpec,
)
from avi_env.content import name_error

__all__ = ["SKILL_NAMES", "as_decision", "call_error", "offered_skills"]

SKILL_NAMES = ("explore", "go_to_sound", "go_to_object", "go_to_room", "look_around", "listen", "say", "answer", "stop")

_DESCRIPTIONS = {
    "explore": "Walk to the nearest unexplored part of the house. For when all is silent or a sound is out of reach.",
    "go_to_sound": "Follow a heard sound towards its source.",
    "go_to_object": "Walk up to an object that has been seen.",
    "go_to_room": "Walk into a known room.",
    "look_around": "Turn once on the spot, looking and listening.",
    "listen": "Stand still and listen for a few seconds.",
    "say": "Say something aloud and go on with the task. Takes no time.",
    "answer": "Give the final answer to the task. Ends the episode.",
    "stop": "Declare that the place asked for is reached. Ends the episode without an answer.",
}
LISTEN_SECONDS = (0.5, 5.0)
_MAX_OBJECTS = 40  # choices of go_to_object, those first that matter most


def offered_skills(observation: PlannerObservation) -> tuple[SkillSpec, ...]:
    """Returns the skills that can be carried out now; choices name only sounds, objects and rooms the agent knows.

    A skill whose argument would have no choice is left out, as is `explore` when the map has no open edge, and `say`
    where there is nobody to talk to.
    """
    sounds = tuple(s.track for s in observation.heard)
    objects = tuple(o.name for o in observation.ranked_objects()[:_MAX_OBJECTS])
    open_rooms = (r for r in observation.rooms if not r.private)
    rooms = tuple(r.name for r in open_rooms if r.name != observation.room or not r.visited)
    specs = [
        _spec("explore") if observation.frontiers > 0 else None,
        _choice("go_to_sound", "sound", "id of a heard sound", sounds),
        _choice("go_to_object", "object", "name of a seen object", objects),
        _choice("go_to_room", "room", "name of a known room", rooms),
        _spec("look_around"),
        _spec(
            "listen", Argument("seconds", "how long [s]", low=LISTEN_SECONDS[0], high=LISTEN_SECONDS[1], required=False)
        ),
        _spec("say", Argument("text", "what to say, a sentence")) if observation.can_talk else None,
        _spec(
            "answer",
            Argument("text", "the answer, a few words"),
            Argument("confidence", "how sure you are", low=0.0, high=1.0, required=False),
        ),
        _spec("stop"),
    ]
    return tuple(s for s in specs if s is not None)


def _spec(name: str, *arguments: Argument) -> SkillSpec:
    return SkillSpec(name, _DESCRIPTIONS[name], arguments)


def _choice(name: str, argument: str, description: str, choices: tuple[str, ...]) -> SkillSpec | None:
    return _spec(name, Argument(argument, description, choices)) if choices else None


def as_decision(call: SkillCall | Answer) -> SkillCall | Answer:
    """Returns a call of the skill `answer` as the `Answer` it is, anything else unchanged."""
    if isinstance(call, Answer) or call.name != "answer":
        return call
    confidence = call.arguments.get("confidence", 1.0)
    number = float(confidence) if isinstance(confidence, int | float) else 1.0
    return Answer(str(call.arguments.get("text", "")), min(max(number, 0.0), 1.0), call.reason)


def call_error(call: SkillCall | Answer, skills: tuple[SkillSpec, ...]) -> str:
    """Returns why a call cannot be carried out, with the nearest valid name, or "" when it can."""
    if isinstance(call, Answer):
        return "" if call.text.strip() else "the answer is empty"
    spec = next((s for s in skills if s.name == call.name), None)
    if spec is None:
        return str(name_error("skill", call.name, [s.name for s in skills]))
    known = {a.name: a for a in spec.arguments}
    for name in call.arguments:
        if name not in known:
            return str(name_error(f"argument of {call.name}", name, known))
    for argument in spec.arguments:
        reason = _argument_error(call, argument)
        if reason:
            return reason
    return ""


def _argument_error(call: SkillCall, argument: Argument) -> str:
    value = call.arguments.get(argument.name)
    if value is None:
        return f"{call.name} needs the argument {argument.name!r}" if argument.required else ""
    if argument.choices and value not in argument.choices:
        return str(name_error(f"{argument.name} of {call.name}", str(value), argument.choices))
    if argument.low is not None and argument.high is not None:
        if isinstance(value, str) or not argument.low <= value <= argument.high:
            bounds = f"[{argument.low:g}, {argument.high:g}]"
            return f"{argument.name} of {call.name} must be a number in {bounds}, not {value!r}"
    elif not argument.choices and not str(value).strip():
        return f"{argument.name} of {call.name} is empty"
    return ""
