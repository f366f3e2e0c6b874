"""Conditions of a scenario file: what they mention, whether they hold at a moment, and by how far.

The language and its parser are `grammar`'s, the things it can ask `registry`'s and `predicates`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from avi_env.content import name_error
from avi_env.scenario.grammar import MAX_DEPTH, MAX_LENGTH, ExpressionError, parse_condition
from avi_env.scenario.moment import Moment
from avi_env.scenario.predicates import PREDICATES
from avi_env.scenario.registry import Predicate, Reading
from avi_env.scenario.terms import Call, NameUse, Part, Place, Value, reading, value, walk

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Expression", "ExpressionError", "parse_expression", "unknown_names"]


@dataclass(frozen=True)
class Expression:
    """A condition on a moment; plain data, to be compared and pickled."""

    text: str
    """As it was written."""
    part: Part
    """What it was parsed into."""

    @property
    def names(self) -> tuple[NameUse, ...]:
        """The entities, events, classes of sounds and skills it mentions, from left to right."""
        found: list[NameUse] = []
        for part in walk(self.part):
            if isinstance(part, Call):
                found += part.uses
            elif isinstance(part, Place) and part.use.name:
                found.append(part.use)
        return tuple(found)

    @property
    def atoms(self) -> tuple[str, ...]:
        """The predicates it asks, as written: "distance(agent, kettle_1)"."""
        return tuple(dict.fromkeys(part.text for part in walk(self.part) if isinstance(part, Call)))

    def evaluate(self, moment: Moment) -> Reading:
        """Returns whether it holds, and the distance to where that would change.

        The margin is positive where the condition holds and negative where it does not: the difference of the two
        sides of a comparison, the smallest of an `and`, the largest of an `or`, +-inf for what has no threshold.
        """
        return reading(self.part, moment)

    def values(self, moment: Moment) -> dict[str, float | str | bool]:
        """Returns what each of `atoms` is at a moment."""
        return {p.text: _shown(value(p, moment)) for p in walk(self.part) if isinstance(p, Call)}

    def asked(self, memo: Mapping[tuple[object, ...], Value]) -> dict[str, float | str | bool]:
        """Returns the same of what was asked at a moment, from its `memo` alone: the moment itself need not be kept."""
        calls = [p for p in walk(self.part) if isinstance(p, Call)]
        return {p.text: _shown(memo[p.key]) for p in calls if p.key in memo}


def _shown(found: Value) -> float | str | bool:
    return found.holds if isinstance(found, Reading) else found


def unknown_names(expression: Expression, kind: str, known: Iterable[str]) -> list[tuple[int, str]]:
    """Returns (column, message) of each name of a kind ("entity", "event", "sound"...) that is none of the known."""
    names = set(known)
    wrong = [use for use in expression.names if use.kind == kind and use.name not in names]
    return [(use.column, str(name_error(kind, use.name, names))) for use in wrong]


def parse_expression(text: str, predicates: Mapping[str, Predicate] | None = None) -> Expression:
    """Returns a condition ready to be evaluated.

    Args:
        text: the condition, `distance(agent, kettle_1) < 1.5 and not speaking(visitor)`.
        predicates: what it may ask; by default everything registered.

    Raises:
        ExpressionError: it is not understood, or names a predicate that does not exist.
    """
    return Expression(text, parse_condition(text, PREDICATES if predicates is None else predicates))
