"""Whether the things that a scenario names are in its house, each wrong name with its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from avi_env.scenario.document import Scenario
from avi_env.scenario.expression import ExpressionError, parse_expression
from avi_env.scenario.located import Problem
from avi_env.scenario.moment import EntityKind
from avi_env.scenario.names import Names
from avi_env.scenario.parts import Part, Place, Start
from avi_env.scenario.solution_steps import GoTo, TurnTo, WaitUntil

__all__ = ["name_problems"]

_SOUNDS: tuple[EntityKind, ...] = ("source", "object", "door")
_FIELDS: dict[str, tuple[EntityKind, ...]] = {
    "source": _SOUNDS,
    "speaker": _SOUNDS,
    "door": ("door",),
    "room": ("room",),
    "object": ("object",),
}
"""Fields of effects and places that hold names, and of what."""

_KINDS: dict[str, tuple[EntityKind, ...]] = {
    "entity": (),
    "agent": ("agent",),
    "room": ("room",),
    "door": ("door",),
    "object": ("object",),
}
"""What names in expressions must be names of; others are not the house's."""


class _Use(NamedTuple):
    """A name in the document."""

    where: str
    name: str
    kinds: tuple[EntityKind, ...]
    offset: int | None = None
    """Within the text there, from 0."""


def name_problems(scenario: Scenario, names: Names) -> tuple[Problem, ...]:
    """Returns what is wrong with the names of a scenario, in one house."""
    found, tree = [], scenario.origin.tree
    for use in _uses(scenario):
        try:
            names.entity(use.name, use.kinds)
        except ValueError as error:
            key = use.where.startswith(("world.doors.", "world.lights."))
            found.append(tree.problem(use.where, str(error), key=key, offset=use.offset))
    return tuple(found)


def _uses(scenario: Scenario) -> Iterator[_Use]:
    world = scenario.world
    for name, place in world.sources.items():
        yield from _fields(f"world.sources.{name}", place)
    for name, declared in world.objects.items():
        yield from _fields(f"world.objects.{name}.place", declared.place)
    for name in world.doors:
        yield _Use(f"world.doors.{name}", name, ("door",))
    for name in world.lights:
        yield _Use(f"world.lights.{name}", name, ("room",))
    if scenario.agent.start is not None:
        yield from _fields("agent.start", scenario.agent.start)
    if scenario.task.goal is not None:
        yield _Use("task.goal", scenario.task.goal, ("object", "source", "door", "room"))
    for number, event in enumerate(scenario.timeline):
        yield from _fields(f"timeline[{number}]", event.effect)
        if event.when is not None:
            yield from _mentions(f"timeline[{number}].when", event.when)
    yield from _expected(scenario)
    yield from _solved(scenario)


def _solved(scenario: Scenario) -> Iterator[_Use]:
    for number, step in enumerate(scenario.solution):
        where = f"solution[{number}]"
        if isinstance(step, GoTo):
            yield _Use(f"{where}.go_to", step.go_to, ())
        elif isinstance(step, TurnTo):
            yield _Use(f"{where}.face", step.face, ())
        elif isinstance(step, WaitUntil):
            yield from _mentions(f"{where}.wait_until", step.wait_until)


def _expected(scenario: Scenario) -> Iterator[_Use]:
    for number, one in enumerate(scenario.expect):
        texts = {name: getattr(one, name) for name in ("eventually", "always", "never", "after", "until")}
        if one.before is not None:
            texts |= {"before.first": one.before.first, "before.second": one.before.second}
        if one.count is not None:
            texts["count.of"] = one.count.of
        for name, text in texts.items():
            if text is not None and scenario.kind_of(text) == "expression":
                yield from _mentions(f"expect[{number}].{name}", text)


def _fields(where: str, part: Part) -> Iterator[_Use]:
    """The names in the fields of an effect or a place."""
    for field in type(part).model_fields:
        value = getattr(part, field)
        if isinstance(value, Place | Start):
            yield from _fields(f"{where}.{field}", value)
        elif field in _FIELDS and isinstance(value, str):
            yield _Use(f"{where}.{field}", value, _FIELDS[field])


def _mentions(where: str, text: str) -> Iterator[_Use]:
    """The names in an expression."""
    try:
        expression = parse_expression(text)
    except ExpressionError:  # told when the file was read
        return
    for use in expression.names:
        if use.kind in _KINDS:
            yield _Use(where, use.name, _KINDS[use.kind], use.column - 1)
