"""Finds what a scenario refers to and does not have: events, expectations, predicates, agents, misspelt names.

It looks at plain values, not at models, so that one reading of a file tells faults of both kinds. Names of rooms,
objects and doors are known only with the house: the stage checks them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from avi_env.content import content_names, package_file
from avi_env.scenario.expression import Expression, ExpressionError, parse_expression, unknown_names
from avi_env.scenario.located import Problem, Tree
from avi_env.scenario.parts import nearest
from avi_env.scenario.registry import PREDICATES

__all__ = ["reference_problems"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBERED = re.compile(r".*_\d+")
_CONDITIONS = ("eventually", "always", "never")
_ANCHORS = ("after", "until")
Parsed = dict[str, Expression | ExpressionError]


class _Reference(NamedTuple):
    """A text that stands for something else."""

    where: str
    text: str


class _Listed(NamedTuple):
    """One entry of a list of the document."""

    where: str
    fields: Mapping[str, Any]
    id: str


def reference_problems(
    tree: Tree, value: Mapping[str, Any], parsed: Parsed, templates: Mapping[str, str]
) -> list[Problem]:
    """Returns what is wrong with the references of a document.

    Args:
        tree: the document with its places.
        value: its values, with parameters put in.
        parsed: conditions that were parsed before, by text; new ones are added.
        templates: texts into which parameters were put: columns within them say nothing.
    """
    return list(_References(tree, value, parsed, templates).problems())


class _References:
    """The references of one document."""

    def __init__(self, tree: Tree, value: Mapping[str, Any], parsed: Parsed, templates: Mapping[str, str]) -> None:
        self._tree, self._value, self._parsed, self._templates = tree, value, parsed, templates
        self._events = list(_entries(value, "timeline", "event"))
        self._expected = list(_entries(value, "expect", "expect"))
        self._event_ids = {entry.id for entry in self._events}
        self._ids = self._event_ids | {entry.id for entry in self._expected}
        world = _mapping(value.get("world"))
        self._declared = {*_mapping(world.get("sources")), *_mapping(world.get("objects"))}

    def problems(self) -> Iterator[Problem]:
        """Yields everything that is wrong."""
        yield from self._twice()
        for event in self._events:
            yield from self._event(event)
        for expectation in self._expected:
            yield from self._expectation(expectation)
        yield from self._cycles(self._events, "an event that waits for itself never happens")
        yield from self._cycles(self._expected, "an expectation that waits for itself is never decided")
        yield from self._solution()
        yield from self._agents()
        target = _mapping(self._value.get("task")).get("target")
        yield from self._nearly("task.target", target, _sound_classes(), "class of sound")

    def _twice(self) -> Iterator[Problem]:
        world = _mapping(self._value.get("world"))
        for name in _mapping(world.get("objects")):
            if name in _mapping(world.get("sources")):
                message = f"{name!r} is a source as well: a sound that comes from an object needs no source of its own"
                yield self._tree.problem(f"world.objects.{name}", message, key=True)
        seen: dict[str, str] = {}
        for entry in (*self._events, *self._expected):
            if entry.id in seen:
                where = f"{entry.where}.id" if "id" in entry.fields else entry.where
                yield self._tree.problem(where, f"{seen[entry.id]} has the id {entry.id!r} as well")
            seen.setdefault(entry.id, entry.where)

    def _event(self, event: _Listed) -> Iterator[Problem]:
        fields = event.fields
        after = fields.get("after")
        if isinstance(after, str) and after not in self._event_ids:
            hint = nearest(after, self._event_ids) or " An event waits for an event; for all else there is `when`."
            yield self._tree.problem(f"{event.where}.after", f"unknown event {after!r}.{hint}")
        yield from self._condition(_Reference(f"{event.where}.when", _text(fields.get("when"))))
        for name in ("source", "speaker", "object"):
            yield from self._nearly(f"{event.where}.{name}", fields.get(name), self._declared, name)
        if str(fields.get("do", "")).startswith("sound."):
            yield from self._nearly(f"{event.where}.clip", fields.get("clip"), _sound_classes(), "class of sound")

    def _expectation(self, expectation: _Listed) -> Iterator[Problem]:
        for name in _CONDITIONS:
            reference = _Reference(f"{expectation.where}.{name}", _text(expectation.fields.get(name)))
            if reference.text in self._event_ids and reference.text not in PREDICATES:
                message = f"{reference.text!r} is an event: write happened({reference.text})"
                yield self._tree.problem(reference.where, message)
            else:
                yield from self._condition(reference)
        for reference in _anchors(expectation):
            yield from self._anchor(reference)

    def _anchor(self, reference: _Reference) -> Iterator[Problem]:
        """Checks what may be an event, an expectation or a condition."""
        if reference.text in self._ids:
            return
        if _NAME.fullmatch(reference.text) and reference.text not in PREDICATES:
            hint = nearest(reference.text, self._ids | set(PREDICATES))
            message = f"{reference.text!r} is no event, no expectation and no predicate.{hint}"
            yield self._tree.problem(reference.where, message)
        else:
            yield from self._condition(reference)

    def _condition(self, reference: _Reference) -> Iterator[Problem]:
        text = reference.text
        if not text:
            return
        if text not in self._parsed:
            try:
                self._parsed[text] = parse_expression(text)
            except ExpressionError as error:
                self._parsed[text] = error
        found = self._parsed[text]
        if isinstance(found, ExpressionError):
            yield self._within(reference, found.column, found.message)
            return
        for column, message in unknown_names(found, "event", self._event_ids):
            yield self._within(reference, column, message)
        for use in found.names:
            if use.kind == "sound":
                for problem in self._nearly(reference.where, use.name, _sound_classes(), "class of sound"):
                    yield self._within(reference, use.column, problem.message)

    def _within(self, reference: _Reference, column: int, message: str) -> Problem:
        """Returns a problem at a column of a text."""
        offset = None if reference.where in self._templates else column - 1
        return self._tree.problem(reference.where, f"{message} (in: {reference.text[:80]})", offset=offset)

    def _nearly(self, where: str, name: Any, known: set[str] | frozenset[str], what: str) -> Iterator[Problem]:
        """Finds a misspelt name where unknown ones may be names of the house, of a library, or of a file."""
        if not isinstance(name, str) or name in known or _NUMBERED.fullmatch(name) or not _NAME.fullmatch(name):
            return
        longer = (one for one in known if not one.startswith(name) and not name.startswith(one))
        if hint := nearest(name, longer, cutoff=0.8):
            yield self._tree.problem(where, f"unknown {what} {name!r}.{hint}")

    def _cycles(self, entries: list[_Listed], why: str) -> Iterator[Problem]:
        waits = {entry.id: [ref for ref in _anchors(entry) if ref.text in self._ids] for entry in entries}
        told: set[str] = set()
        for entry in entries:
            ring = _ring(entry.id, waits)
            if ring and not told & set(ring):
                told |= set(ring)
                first = next(ref for ref in waits[entry.id] if ref.text in ring)
                yield self._tree.problem(first.where, f"{why}: {' -> '.join([*ring, ring[0]])}")

    def _solution(self) -> Iterator[Problem]:
        for index, step in enumerate(_sequence(self._value.get("solution"))):
            until = _text(_mapping(step).get("wait_until"))
            yield from self._condition(_Reference(f"solution[{index}].wait_until", until))

    def _agents(self) -> Iterator[Problem]:
        named = [("agent.planner", _mapping(self._value.get("agent")).get("planner"))]
        for key in ("expect_fail", "xfail_baseline"):
            given = self._value.get(key)
            names = [(f"{key}[{index}]", name) for index, name in enumerate(_sequence(given))]
            named += names or [(key, given)]
        known = {*content_names("agents"), "scripted"}  # the one adapter without a folder
        for where, name in named:
            if isinstance(name, str) and name and not _is_agent(name, known, Path(self._tree.path).parent):
                message = f"unknown agent {name!r}.{nearest(name, known)} Known: {', '.join(sorted(known))}, or a path."
                yield self._tree.problem(where, message)


def _is_agent(name: str, known: set[str], folder: Path) -> bool:
    if name.replace("-", "_") in known:
        return True
    try:
        return Path(name).is_dir() or (folder / name).is_dir()
    except (OSError, ValueError):  # a name too long for a path, or with a character that none has
        return False


def _anchors(entry: _Listed) -> Iterator[_Reference]:
    """Yields what an entry waits for or compares, where it is a text."""
    fields = entry.fields
    places = [(f"{entry.where}.{name}", fields.get(name)) for name in _ANCHORS]
    for group, names in (("before", ("first", "second")), ("count", ("of",))):
        inner = _mapping(fields.get(group))
        places += [(f"{entry.where}.{group}.{name}", inner.get(name)) for name in names]
    for where, text in places:
        if isinstance(text, str) and text:
            yield _Reference(where, text)


def _ring(start: str, waits: Mapping[str, list[_Reference]]) -> list[str]:
    """Returns the ids from `start` along what each waits for back to `start`; empty if it does not come back."""
    trail: dict[str, str] = {start: ""}
    queue = [start]
    while queue:
        one = queue.pop(0)
        for reference in waits.get(one, []):
            if reference.text == start:
                ring = [one]
                while trail[ring[-1]]:
                    ring.append(trail[ring[-1]])
                return ring[::-1]
            if reference.text not in trail:
                trail[reference.text] = one
                queue.append(reference.text)
    return []


def _entries(value: Mapping[str, Any], key: str, prefix: str) -> Iterator[_Listed]:
    for index, item in enumerate(_sequence(value.get(key))):
        fields = _mapping(item)
        given = fields.get("id")
        yield _Listed(f"{key}[{index}]", fields, given if isinstance(given, str) else f"{prefix}_{index + 1}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _sequence(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


@lru_cache(maxsize=1)
def _sound_classes() -> frozenset[str]:
    """Returns the classes of sounds of the package, without loading what makes their clips."""
    return frozenset(tomllib.loads(package_file("sounds/classes.toml").read_text(encoding="utf-8")))
