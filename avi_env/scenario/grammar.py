"""The language of conditions in scenario files, with a parser of its own: nothing of it ever reaches Python's.

    expression := all { "or" all }                 all  := one { "and" one }
    one        := "not" one | sum [ "~" TEXT | ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ... ]
    sum        := product { ( "+" | "-" ) product }      product := signed { ( "*" | "/" ) signed }
    signed     := "-" signed | NUMBER | TEXT | "(" expression ")" | predicate [ "(" arguments ")" ]
    arguments  := [ name "=" ] ( name | TEXT | NUMBER ) { "," ... }

A TEXT stands in single or double quotes and is taken as it is. What is known is the registry of predicates; a name
alone is a predicate without arguments (`t`, `skill`), or a room beside `room`. Length and depth are bounded, and the
regular expressions behind `~` are matched in linear time (`pattern`).
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from avi_env.content import name_error
from avi_env.scenario.moment import AGENT
from avi_env.scenario.pattern import PatternError, compile_pattern
from avi_env.scenario.registry import Parameter, Predicate
from avi_env.scenario.terms import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Compared,
    Matched,
    NameUse,
    Negated,
    Not,
    Number,
    Part,
    Place,
    Text,
)

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "ExpressionError", "parse_condition"]

MAX_LENGTH = 1000
"""Characters of an expression."""
MAX_DEPTH = 30
"""Brackets and signs within each other."""

_TOKEN = re.compile(
    r"(?P<number>(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign><=|>=|==|!=|[-+*/<>~(),=])",
    re.ASCII,
)
_COMPARING = ("<", "<=", ">", ">=", "==", "!=")
_FOREIGN = {"&&": "and", "||": "or", "!": "not", "&": "and", "|": "or", "%": "", "^": ""}
_KINDS = {"truth": "a condition", "number": "a number", "text": "a text", "room": "a room"}


class ExpressionError(ValueError):
    """An expression that is not understood; `column` says where in it (1 = its first character)."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.message, self.column = message, column


def parse_condition(text: str, predicates: Mapping[str, Predicate]) -> Part:
    """Returns the tree of a condition.

    Args:
        text: as written in the file.
        predicates: what it may ask, by name.

    Raises:
        ExpressionError: it is not understood, or names a predicate that does not exist.
    """
    return _Parser(text, predicates).condition()


class _Token(NamedTuple):
    kind: str
    """"number", "name", "text", "sign" or "end"."""
    text: str
    column: int


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression has at most {MAX_LENGTH} characters, this one {len(text)}", MAX_LENGTH + 1
        )
    tokens, at = [], 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(_stray(text, at), at + 1)
        tokens.append(_Token(str(match.lastgroup), match.group(), at + 1))
        at = match.end()
    return [*tokens, _Token("end", "", len(text) + 1)]


def _stray(text: str, at: int) -> str:
    if text[at] in "'\"":
        return f"this {text[at]} has no partner: the text does not end"
    for foreign, ours in _FOREIGN.items():
        if text.startswith(foreign, at):
            return f"{foreign!r} is not known" + (f"; write {ours!r}" if ours else "")
    return f"{text[at]!r} is not known here"


class _Parser:
    """Reads an expression from left to right, each method one rule of the grammar."""

    def __init__(self, text: str, predicates: Mapping[str, Predicate]) -> None:
        self.predicates = predicates
        self.tokens, self.at, self.depth = _tokens(text), 0, 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    def taken(self, *texts: str) -> _Token | None:
        """Takes the next sign or word if it is one of these."""
        fits = self.next.kind in ("sign", "name") and self.next.text in texts
        return self.take() if fits else None

    def deeper(self, column: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"brackets and signs are nested more than {MAX_DEPTH} deep", column)

    def condition(self) -> Part:
        part = self.any_of()
        if self.next.kind != "end":
            hint = "; write == to compare" if self.next.text == "=" else ""
            raise ExpressionError(f"{self.next.text!r} is not expected here{hint}", self.next.column)
        self.demand(part, "truth", 1)
        return part

    def demand(self, part: Part, kind: str, column: int) -> None:
        """Refuses a part that is of another kind."""
        if part.kind == kind:
            return
        if isinstance(part, Place):
            raise ExpressionError(self.unknown(part.use.name), part.use.column)
        hint = "; compare it with something" if kind == "truth" else ""
        raise ExpressionError(f"{_KINDS[part.kind]} stands where {_KINDS[kind]} belongs{hint}", column)

    def unknown(self, name: str) -> str:
        """Returns the message for a name that is no predicate."""
        near = difflib.get_close_matches(name, self.predicates, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"{name!r} is no predicate.{hint} A text stands in quotes; a thing is the argument of a predicate."

    def any_of(self) -> Part:
        return self.joined("or", AnyOf)

    def all_of(self) -> Part:
        return self.joined("and", AllOf)

    def joined(self, word: str, made: type[AnyOf] | type[AllOf]) -> Part:
        inner = self.all_of if word == "or" else self.one
        column = self.next.column
        parts = [inner()]
        while self.taken(word):
            self.demand(parts[-1], "truth", column)
            column = self.next.column
            parts.append(inner())
        if len(parts) == 1:
            return parts[0]
        self.demand(parts[-1], "truth", column)
        return made(tuple(parts))

    def one(self) -> Part:
        if sign := self.taken("not"):
            self.deeper(sign.column)
            column = self.next.column
            part = self.one()
            self.demand(part, "truth", column)
            self.depth -= 1
            return Not(part)
        column = self.next.column
        first = self.sum()
        if self.taken("~"):
            return self.matched(first, column)
        parts, signs = [first], []
        while sign := self.taken(*_COMPARING):
            parts[-1:] = self.comparable(parts[-1], self.sum(), sign)
            signs.append(sign.text)
        return Compared(parts[0], tuple(zip(signs, parts[1:], strict=True))) if signs else first

    def matched(self, part: Part, column: int) -> Part:
        pattern = self.take()
        if part.kind not in ("text", "room") or isinstance(part, Place):
            self.demand(part, "text", column)
        if pattern.kind != "text":
            raise ExpressionError("after ~ comes a regular expression in quotes", pattern.column)
        try:
            compile_pattern(pattern.text[1:-1])
        except PatternError as fault:
            message = f"in the regular expression: {fault.message}"
            raise ExpressionError(message, pattern.column + 1 + fault.offset) from None
        return Matched(part, pattern.text[1:-1])

    def comparable(self, left: Part, right: Part, sign: _Token) -> tuple[Part, Part]:
        """Returns two parts as they can be compared; beside the agent's room, a name or text is a room's name."""
        left, right = _beside(left, right), _beside(right, left)
        asked = [part for part in (left, right) if isinstance(part, Call) and part.kind == "room"]
        for part in (left, right):
            if isinstance(part, Place) and not asked:
                raise ExpressionError(self.unknown(part.use.name), part.use.column)
        if "truth" in (left.kind, right.kind):
            raise ExpressionError("a condition is not compared: write it alone, or with not", sign.column)
        if left.kind != right.kind:
            message = f"{_KINDS[left.kind]} cannot be compared with {_KINDS[right.kind]}"
            raise ExpressionError(message, sign.column)
        if left.kind != "number" and sign.text not in ("==", "!="):
            raise ExpressionError(f"{_KINDS[left.kind]} is compared by == or != only", sign.column)
        return left, right

    def sum(self) -> Part:
        return self.calculated("+", "-")

    def product(self) -> Part:
        return self.calculated("*", "/")

    def calculated(self, *signs: str) -> Part:
        inner = self.product if signs[0] == "+" else self.signed
        column = self.next.column
        first = inner()
        rest = []
        while sign := self.taken(*signs):
            self.demand(first, "number", column)
            other_column = self.next.column
            other = inner()
            self.demand(other, "number", other_column)
            rest.append((sign.text, other))
        return Arithmetic(first, tuple(rest)) if rest else first

    def signed(self) -> Part:
        token = self.take()
        if token.kind == "number":
            return Number(_number(token))
        if token.kind == "text":
            return Text(token.text[1:-1], token.column)
        if token.kind == "name" and token.text not in ("and", "or", "not"):
            return self.call(token)
        self.deeper(token.column)
        if token.text == "-":
            column = self.next.column
            of = self.signed()
            self.demand(of, "number", column)
            part: Part = Negated(of)
        elif token.text == "(":
            part = self.any_of()
            if not self.taken(")"):
                raise ExpressionError("this ( has no )", token.column)
        else:
            shown = f"{token.text!r} stands" if token.text else "the expression ends"
            raise ExpressionError(f"{shown} where a value is expected", token.column)
        self.depth -= 1
        return part

    def call(self, token: _Token) -> Part:
        predicate = self.predicates.get(token.text)
        if predicate is None and self.next.text == "(":
            raise ExpressionError(str(name_error("predicate", token.text, self.predicates)), token.column)
        if predicate is None:
            return Place(NameUse(token.text, "room", token.column))
        given: dict[str, _Token] = {}
        if self.taken("("):
            given = self.arguments(predicate, token)
        return _call(predicate, given, token)

    def arguments(self, predicate: Predicate, call: _Token) -> dict[str, _Token]:
        """Takes the arguments up to the closing bracket, by the names of their parameters."""
        given: dict[str, _Token] = {}
        while not self.taken(")"):
            token = self.argument()
            name = ""
            if token.kind == "name" and self.taken("="):
                name, token = token.text, self.argument()
            parameter = _parameter(predicate, name, len(given), token)
            if parameter.name in given:
                raise ExpressionError(f"{parameter.name!r} of {predicate.signature} is given twice", token.column)
            given[parameter.name] = token
            if not self.taken(",") and self.next.text != ")":
                raise ExpressionError(
                    f"the arguments of {predicate.signature} need , between and ) behind", call.column
                )
        return given

    def argument(self) -> _Token:
        minus = self.taken("-")
        token = self.take()
        if token.kind not in ("name", "text", "number") or (minus and token.kind != "number"):
            raise ExpressionError("an argument is a name, a number or a text in quotes", token.column)
        return _Token(token.kind, "-" + token.text, minus.column) if minus else token


def _beside(part: Part, other: Part) -> Part:
    """Returns a part as it reads beside another: a text next to the agent's room is a room's name."""
    room = isinstance(other, Call) and other.kind == "room"
    return Place(NameUse(part.text, "room", part.column)) if room and isinstance(part, Text) else part


def _number(token: _Token) -> float:
    number = float(token.text)
    if not math.isfinite(number):
        raise ExpressionError(f"the number {token.text} is too large", token.column)
    return number


def _parameter(predicate: Predicate, name: str, place: int, token: _Token) -> Parameter:
    """Returns the parameter an argument is meant for."""
    if name:
        known = {parameter.name: parameter for parameter in predicate.parameters}
        if name not in known:
            message = name_error(f"argument of {predicate.name}", name, known)
            raise ExpressionError(str(message), token.column)
        return known[name]
    if place >= len(predicate.parameters):
        raise ExpressionError(f"too many arguments: it is {predicate.signature}", token.column)
    return predicate.parameters[place]


def _call(predicate: Predicate, given: Mapping[str, _Token], call: _Token) -> Call:
    values: list[str | float] = []
    uses: list[NameUse] = []
    shown: list[str] = []
    for parameter in predicate.parameters:
        token = given.get(parameter.name)
        if token is None:
            if parameter.default is None:
                raise ExpressionError(f"{parameter.name!r} is missing: it is {predicate.signature}", call.column)
            values.append(parameter.default)
            continue
        value_, use = _argument(parameter, token, predicate)
        values.append(value_)
        shown.append(token.text if len(shown) == len(values) - 1 else f"{parameter.name}={token.text}")
        if use is not None:
            uses.append(use)
    text = f"{predicate.name}({', '.join(shown)})" if shown else predicate.name
    return Call(predicate, tuple(values), tuple(uses), text)


def _argument(parameter: Parameter, token: _Token, predicate: Predicate) -> tuple[str | float, NameUse | None]:
    if (parameter.kind == "number") != (token.kind == "number"):
        wanted = "a number" if parameter.kind == "number" else "a name"
        raise ExpressionError(f"{parameter.name!r} of {predicate.signature} is {wanted}", token.column)
    if parameter.kind == "number":
        return _number(token), None
    text = token.text[1:-1] if token.kind == "text" else token.text
    if parameter.kind == "text":
        return text, None
    if parameter.kind == "agent" and text != AGENT:
        raise ExpressionError(f"{predicate.name} knows {AGENT!r} only", token.column)
    return text, NameUse(text, parameter.kind, token.column)
