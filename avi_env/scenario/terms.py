"""The parts of a parsed expression: what each is worth at a moment, and how far it is from turning over."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from avi_env.scenario.moment import Moment
from avi_env.scenario.pattern import matches
from avi_env.scenario.registry import Kind, NameKind, Predicate, Reading

__all__ = [
    "AllOf",
    "AnyOf",
    "Arithmetic",
    "Call",
    "Compared",
    "Matched",
    "NameUse",
    "Negated",
    "Not",
    "Number",
    "Part",
    "Place",
    "Text",
    "Value",
    "reading",
    "value",
    "walk",
]

Value = float | str | Reading


@dataclass(frozen=True)
class NameUse:
    """A name that an expression mentions, to be checked against those that exist."""

    name: str
    kind: NameKind
    """What it has to be a name of."""
    column: int
    """Where it stands in the expression, 1 = its first character."""


@dataclass(frozen=True)
class Number:
    """A number as written."""

    number: float
    kind: Kind = "number"


@dataclass(frozen=True)
class Text:
    """A text in quotes."""

    text: str
    column: int
    """Where it stands in the expression, 1 = its first character."""
    kind: Kind = "text"


@dataclass(frozen=True)
class Place:
    """A room by its name, to compare the agent's with; "" = no room."""

    use: NameUse
    kind: Kind = "room"


@dataclass(frozen=True)
class Call:
    """A predicate with its arguments."""

    predicate: Predicate
    arguments: tuple[str | float, ...]
    uses: tuple[NameUse, ...]
    text: str
    """As one would write it: `audible(kettle_1, 6)`."""

    @property
    def kind(self) -> Kind:
        """What it yields."""
        return self.predicate.kind

    @cached_property
    def key(self) -> tuple[object, ...]:
        """By what a moment's `memo` keeps its value."""
        return (self.predicate.name, *self.arguments)


@dataclass(frozen=True)
class Arithmetic:
    """A sum or a product, from left to right."""

    first: Part
    rest: tuple[tuple[str, Part], ...]
    kind: Kind = "number"


@dataclass(frozen=True)
class Negated:
    """Minus a number."""

    of: Part
    kind: Kind = "number"


@dataclass(frozen=True)
class Compared:
    """One comparison or a chain of them: `1 < x <= 3`."""

    first: Part
    rest: tuple[tuple[str, Part], ...]
    kind: Kind = "truth"


@dataclass(frozen=True)
class Matched:
    """A text against a regular expression."""

    of: Part
    pattern: str
    kind: Kind = "truth"


@dataclass(frozen=True)
class Not:
    """The opposite."""

    of: Part
    kind: Kind = "truth"


@dataclass(frozen=True)
class AllOf:
    """All hold."""

    parts: tuple[Part, ...]
    kind: Kind = "truth"


@dataclass(frozen=True)
class AnyOf:
    """At least one holds."""

    parts: tuple[Part, ...]
    kind: Kind = "truth"


Part = Number | Text | Place | Call | Arithmetic | Negated | Compared | Matched | Not | AllOf | AnyOf


def children(part: Part) -> tuple[Part, ...]:
    """Returns the parts a part is made of."""
    if isinstance(part, Arithmetic | Compared):
        return (part.first, *(other for _, other in part.rest))
    if isinstance(part, AllOf | AnyOf):
        return part.parts
    if isinstance(part, Negated | Matched | Not):
        return (part.of,)
    return ()


def walk(part: Part) -> Iterator[Part]:
    """Yields a part and all within it, from left to right."""
    yield part
    for child in children(part):
        yield from walk(child)


def value(part: Part, moment: Moment) -> Value:
    """Returns what a part is worth at a moment: a number, a text, or the reading of a condition."""
    if isinstance(part, Call):
        return _asked(part, moment)
    if isinstance(part, Number):
        return part.number
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Place):
        return moment.truth.canonical(part.use.name) if part.use.name else ""
    if isinstance(part, Negated):
        return -_number(part.of, moment)
    if isinstance(part, Arithmetic):
        return _calculated(part, moment)
    return reading(part, moment)


def reading(part: Part, moment: Moment) -> Reading:
    """Returns whether a condition holds at a moment, and its margin."""
    if isinstance(part, Compared):
        return _compared(part, moment)
    if isinstance(part, Matched):
        return _plain(matches(part.pattern, str(value(part.of, moment))))
    if isinstance(part, Not):
        holds, margin = reading(part.of, moment)
        return Reading(not holds, -margin)
    if isinstance(part, AllOf):
        return _joined(part.parts, moment, decisive=False)
    if isinstance(part, AnyOf):
        return _joined(part.parts, moment, decisive=True)
    found = value(part, moment)
    if not isinstance(found, Reading):
        raise TypeError(f"{part} is no condition")
    return found


def _plain(holds: bool) -> Reading:
    return Reading(holds, math.inf if holds else -math.inf)


def _joined(parts: tuple[Part, ...], moment: Moment, *, decisive: bool) -> Reading:
    """Reads parts of which one that is `decisive` settles the whole, while the next may change the margin."""
    end = math.inf if decisive else -math.inf
    holds, margin = not decisive, -end
    for part in parts:
        one = reading(part, moment)
        holds = (holds or one.holds) if decisive else (holds and one.holds)
        margin = max(margin, one.margin) if decisive else min(margin, one.margin)
        if holds == decisive and margin == end:
            break
    return Reading(holds, margin)


def _asked(call: Call, moment: Moment) -> Value:
    """Asks a predicate, once per moment and arguments."""
    key, memo = call.key, moment.memo
    found: Value | None = memo.get(key)
    if found is None:
        found = memo[key] = _answer(call, moment)
    return found


def _answer(call: Call, moment: Moment) -> Value:
    found = call.predicate.function(moment, *call.arguments)
    if call.kind == "number":
        return float(found)
    if call.kind == "truth":
        return found if isinstance(found, Reading) else _plain(bool(found))
    return str(found)


def _number(part: Part, moment: Moment) -> float:
    found = value(part, moment)
    return found if isinstance(found, float) else math.nan


def _calculated(part: Arithmetic, moment: Moment) -> float:
    total = _number(part.first, moment)
    for sign, other in part.rest:
        total = _SIGNS[sign](total, _number(other, moment))
    return total


def _divided(a: float, b: float) -> float:
    return a / b if b else math.nan  # nan fulfils no comparison


_SIGNS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
}


def _compared(part: Compared, moment: Moment) -> Reading:
    holds, margin = True, math.inf
    left = value(part.first, moment)
    for sign, other in part.rest:
        right = value(other, moment)
        one = _pair(sign, left, right)
        holds, margin, left = holds and one.holds, min(margin, one.margin), right
    return Reading(holds, margin)


_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], Callable[[float], float]]] = {
    "<": (operator.lt, operator.pos),
    "<=": (operator.le, operator.pos),
    ">": (operator.gt, operator.neg),
    ">=": (operator.ge, operator.neg),
    "==": (operator.eq, lambda apart: -abs(apart)),
    "!=": (operator.ne, abs),
}
"""Whether a sign holds between left and right, and its margin by how far the right one is above the left."""


def _pair(sign: str, left: Value, right: Value) -> Reading:
    if not (isinstance(left, float) and isinstance(right, float)):
        return _plain((left == right) == (sign == "=="))
    if math.isnan(left) or math.isnan(right):
        return Reading(False, -math.inf)
    apart = right - left if left != right else 0.0  # two infinities are equal
    compare, margin = _COMPARISONS[sign]
    return Reading(compare(left, right), margin(apart))
