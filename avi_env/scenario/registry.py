"""The registry of what expressions can ask: functions of a moment, to which anybody may add.

A predicate is an annotated function whose first argument is the `Moment`. The annotations of its further arguments
say what a scenario may write there and let wrong names be found before the run; the annotation of its result says how
it may be compared:

    from avi_env.scenario import Entity, register_predicate

    @register_predicate(unit="m")
    def height(moment: Moment, thing: Entity) -> float:
        "Height of a thing above the world's origin."
        return float(moment.truth.place(thing)[1])

after which a scenario file can say `always: "height(vase) > 0.5"`. A `conftest.py` is a good place for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NewType, get_type_hints

__all__ = [
    "PREDICATES",
    "Agent",
    "Door",
    "Entity",
    "Event",
    "Kind",
    "NameKind",
    "Parameter",
    "Predicate",
    "Reading",
    "Room",
    "SkillName",
    "SoundClass",
    "Thing",
    "register_predicate",
]

Entity = NewType("Entity", str)
"""Name of anything that has a place: the agent, an object, a room, a source, a door."""
Agent = NewType("Agent", str)
"""The name "agent"."""
Room = NewType("Room", str)
"""Name of a room."""
Door = NewType("Door", str)
"""Name of a door."""
Thing = NewType("Thing", str)
"""Name of an object."""
Event = NewType("Event", str)
"""Id of an event of the timeline."""
SoundClass = NewType("SoundClass", str)
"""Name of a class of sounds."""
SkillName = NewType("SkillName", str)
"""Name of a skill."""

NameKind = Literal["entity", "agent", "room", "door", "object", "event", "sound", "skill"]
"""What a name in an expression must be a name of."""
Kind = Literal["truth", "number", "text", "room"]
"""What a predicate yields."""


class Reading(NamedTuple):
    """What a condition is at one moment."""

    holds: bool
    margin: float
    """Distance to the threshold in the unit of what is compared: positive where it holds, negative where it does not,
    +-inf where there is no threshold."""


@dataclass(frozen=True)
class Parameter:
    """One argument of a predicate."""

    name: str
    kind: NameKind | Literal["number", "text"]
    default: str | float | None = None
    """What stands for it when it is left away; None = it has to be given."""


@dataclass(frozen=True)
class Predicate:
    """One thing that expressions can ask."""

    name: str
    function: Callable[..., Any]
    """Called with the moment and the arguments."""
    parameters: tuple[Parameter, ...]
    kind: Kind
    unit: str
    """Unit of a number, or of a condition's margin; "" = none."""
    doc: str
    """One line."""

    @property
    def signature(self) -> str:
        """How it is written: `audible(thing, snr_db=0)`."""
        words = [p.name if p.default is None else f"{p.name}={p.default}" for p in self.parameters]
        return f"{self.name}({', '.join(words)})" if words else self.name


PREDICATES: dict[str, Predicate] = {}
"""Every predicate by name."""

_ARGUMENTS: dict[Any, NameKind | Literal["number", "text"]] = {
    Entity: "entity",
    Agent: "agent",
    Room: "room",
    Door: "door",
    Thing: "object",
    Event: "event",
    SoundClass: "sound",
    SkillName: "skill",
    float: "number",
    str: "text",
}
_RESULTS: dict[Any, Kind] = {bool: "truth", Reading: "truth", float: "number", int: "number", str: "text", Room: "room"}
_RESERVED = ("and", "or", "not")


def register_predicate(
    *, name: str = "", unit: str = "", also: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function known to expressions; used as a decorator.

    Args:
        name: the name in expressions; by default the function's.
        unit: unit of the number it yields or of its margin.
        also: a second name for the same.

    Raises:
        ValueError: the name is taken or no name, or the function lacks a docstring.
        TypeError: an argument or the result is annotated with something that expressions do not know.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        predicate = _predicate(name or function.__name__, function, unit)
        for word in filter(None, (predicate.name, also)):
            _check_free(word, function)
            PREDICATES[word] = predicate
        return function

    return register


def _check_free(name: str, function: Callable[..., Any]) -> None:
    if not (name.isascii() and name.isidentifier()) or name in _RESERVED:
        raise ValueError(f"{name!r} cannot be the name of a predicate: letters, digits and _ only, and no keyword")
    known = PREDICATES.get(name)
    # The same function comes again when its module is loaded again, as pytest does with a conftest.
    same = known is not None and known.function.__qualname__ == function.__qualname__
    if known is not None and not (same and known.function.__module__ == function.__module__):
        raise ValueError(f"there is already a predicate {name!r} (of {known.function.__module__}); choose another name")


def _predicate(name: str, function: Callable[..., Any], unit: str) -> Predicate:
    doc = (inspect.getdoc(function) or "").strip().split("\n")[0]
    if not doc:
        raise ValueError(f"the predicate {name!r} needs a docstring: it is shown where predicates are listed")
    try:
        hints = get_type_hints(function)
    except NameError as fault:
        raise TypeError(
            f"the annotations of the predicate {name!r} name what its module does not have: {fault}"
        ) from None
    result = hints.get("return")
    if result not in _RESULTS:
        known = ", ".join(t.__name__ for t in _RESULTS)
        raise TypeError(f"the predicate {name!r} has to be annotated to return one of {known}; it says {result}")
    parameters = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind = _ARGUMENTS.get(hints.get(parameter.name))
        if kind is None:
            known = ", ".join(t.__name__ for t in _ARGUMENTS)
            raise TypeError(f"argument {parameter.name!r} of the predicate {name!r} has to be annotated as {known}")
        default = None if parameter.default is inspect.Parameter.empty else parameter.default
        parameters.append(Parameter(parameter.name, kind, default))
    return Predicate(name, function, tuple(parameters), _RESULTS[result], unit, doc)
