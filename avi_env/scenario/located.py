"""Reads YAML into plain values, and says of each of them in which line and column it stands.

What is read is the core schema of YAML 1.2: `on`, `off`, `yes` and `no` are texts, `true` and `false` are not.
Anchors, aliases and tags are refused: a scenario needs none, and a file of a few lines could unfold to gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import yaml

__all__ = ["Mark", "Origin", "Problem", "ScenarioError", "Tree", "read_tree"]

_DEEPEST = 16  # levels; a scenario needs six
_LONGEST = 1 << 20  # characters of a file
_MOST = 100  # problems told at once
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?[0-9]+")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Mark(NamedTuple):
    """Where something stands in a file; both count from 1, (0, 0) = it does not stand in a file."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a scenario."""

    path: str
    """File, or what else the scenario was read from."""
    line: int
    column: int
    where: str
    """Place in the document, such as "timeline[2].source"; "" = the document itself."""
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return ": ".join(part for part in (place, self.where, self.message) if part)


class ScenarioError(ValueError):
    """A scenario that cannot be used, with all that is wrong in it, one line a problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = sorted(set(problems), key=lambda p: (p.line, p.column, p.where, p.message))
        self.problems = tuple(first[:_MOST])
        lines = [str(problem) for problem in self.problems]
        more = [f"... and {len(first) - _MOST} more"] if len(first) > _MOST else []
        super().__init__("\n".join(lines + more))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        return ScenarioError, (self.problems,)


@dataclass(frozen=True)
class Tree:
    """A document as plain values, with the places of all of them."""

    path: str
    value: Any
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """By place ("timeline[2].source"): where its value begins."""
    keys: Mapping[str, Mark] = field(default_factory=dict)
    """By place: where its key begins."""
    texts: Mapping[str, Mark] = field(default_factory=dict)
    """By place, for texts of one line without escapes: where the first character stands, within any quotes."""

    def mark(self, where: str, *, key: bool = False) -> Mark:
        """Returns where a place stands, or what is around it where it is not written down."""
        marks = {**self.marks, **self.keys} if key else self.marks
        while where and where not in marks:
            where = parent_of(where)
        return marks.get(where, Mark(0, 0))

    def problem(self, where: str, message: str, *, key: bool = False, offset: int | None = None) -> Problem:
        """Returns a problem at a place.

        Args:
            where: place in the document.
            message: what is wrong, and what helps.
            key: it is about the key, not about its value.
            offset: it is about a character within the text there, counted from 0.
        """
        line, column = self.mark(where, key=key)
        if offset is not None and where in self.texts:
            line, column = self.texts[where].line, self.texts[where].column + offset
        return Problem(self.path, line, column, where, message)


@dataclass(frozen=True)
class Origin:
    """Where a scenario came from. Two scenarios that say the same are equal wherever they came from."""

    tree: Tree = field(default_factory=lambda: Tree("", None), compare=False)
    templates: Mapping[str, str] = field(default_factory=dict)
    """By place: texts with parameters, such as "${gap}", as they stand in the file."""


def parent_of(where: str) -> str:
    """Returns the place around a place: "timeline[2]" of "timeline[2].source"."""
    return where[: max(where.rfind("."), where.rfind("["), 0)]


def place_below(where: str, part: str | int) -> str:
    """Returns the place of an item or a key below a place."""
    if isinstance(part, int):
        return f"{where}[{part}]"
    return f"{where}.{part}" if where else part


def read_tree(text: str | bytes, path: str) -> Tree:
    """Returns a document's plain values with their places.

    Args:
        text: of the file; bytes are UTF-8.
        path: what messages call the file.

    Raises:
        ScenarioError: it is no YAML, has keys twice, or has what is not read (anchors, aliases, tags).
    """
    import yaml

    decoded = _decoded(text, path)
    reader = _Reader(path)
    try:
        loader = yaml.SafeLoader(decoded)
        value = reader.document(loader)
    except yaml.YAMLError as error:
        raise ScenarioError((*reader.problems, _syntax_problem(error, decoded, path))) from None
    except (ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, ScenarioError):
            raise
        # PyYAML lets Python's own errors through for a few escapes and directives, such as "\Uffffffff".
        line, column = reader.last
        raise ScenarioError((Problem(path, line, column, "", f"this is no YAML: {error}"),)) from None
    if reader.problems:
        raise ScenarioError(tuple(reader.problems))
    return Tree(path, value, reader.marks, reader.keys, reader.texts)


def _decoded(content: str | bytes, path: str) -> str:
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        given: bytes = error.object
        line, column = given.count(b"\n", 0, error.start) + 1, error.start - given.rfind(b"\n", 0, error.start)
        raise ScenarioError((Problem(path, line, column, "", "this is no UTF-8 text"),)) from None
    if len(text) > _LONGEST:
        raise ScenarioError((Problem(path, 1, 1, "", f"a scenario has at most {_LONGEST} characters"),))
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ScenarioError((Problem(path, 1, 1, "", "there is half a surrogate pair in this text"),))
    return text


def _syntax_problem(error: yaml.YAMLError, text: str, path: str) -> Problem:
    """Returns a YAML error as a problem, with what was being read when it was found."""
    import yaml

    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        return Problem(path, line, column, "", f"the character U+{int(error.character):04X} may not stand in YAML")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = ", ".join(str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if mark and "got '{'" in said and "${" in text.split("\n")[mark.line]:
        said += '; within { } a parameter needs quotes: "${name}"'
    return Problem(path, line, column, "", f"this is no YAML: {said or 'cannot be read'}")


class _Reader:
    """Goes through a file's YAML events and notes where each value stands."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.marks: dict[str, Mark] = {}
        self.keys: dict[str, Mark] = {}
        self.texts: dict[str, Mark] = {}
        self.last = Mark(1, 1)

    def document(self, loader: yaml.SafeLoader) -> Any:
        """Returns the value of the one document of a file."""
        import yaml

        self._next(loader)  # the beginning of the stream
        if isinstance(self._next(loader), yaml.StreamEndEvent):
            raise ScenarioError(
                (Problem(self.path, 1, 1, "", "the file is empty; a scenario begins with `schema: 1`"),)
            )
        value = self._value(loader, self._next(loader), "", 0)
        self._next(loader)  # the end of the document
        if not isinstance(self._next(loader), yaml.StreamEndEvent):
            self._fail("", "a file holds one scenario: this is the beginning of another document")
        return value

    def _next(self, loader: yaml.SafeLoader) -> Any:
        event: Any = loader.get_event()  # type: ignore[no-untyped-call]
        if event.start_mark is not None:
            self.last = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        return event

    def _fail(self, where: str, message: str) -> None:
        self.problems.append(Problem(self.path, *self.last, where, message))

    def _value(self, loader: yaml.SafeLoader, event: Any, where: str, depth: int) -> Any:
        import yaml

        self.marks[where] = self.last
        if depth > _DEEPEST:  # nothing below is looked at
            self._fail(where, f"this is nested more than {_DEEPEST} levels deep")
            raise ScenarioError(tuple(self.problems))
        if isinstance(event, yaml.AliasEvent):
            self._fail(where, f"aliases (*{event.anchor}) are not read: write it out, or use world.params")
            return None
        if getattr(event, "anchor", None):
            self._fail(where, f"anchors (&{event.anchor}) are not read: write it out, or use world.params")
        if getattr(event, "tag", None):
            self._fail(where, f"tags ({event.tag}) are not read: leave it out")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(loader, where, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(loader, where, depth)
        return self._scalar(event, where)

    def _mapping(self, loader: yaml.SafeLoader, where: str, depth: int) -> dict[str, Any]:
        import yaml

        found: dict[str, Any] = {}
        while not isinstance(event := self._next(loader), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(where, "a key must be a plain word")
                self._value(loader, event, f"{where}.?", depth + 1)
                self._value(loader, self._next(loader), f"{where}.?", depth + 1)
                continue
            key = self._whole_letters(event.value, where)
            place = place_below(where, key)
            if key in found:
                self._fail(place, f"this key is there twice (first in line {self.keys[place].line})")
            self.keys[place] = self.last
            value = self._value(loader, self._next(loader), place, depth + 1)
            found.setdefault(key, value)
        return found

    def _sequence(self, loader: yaml.SafeLoader, where: str, depth: int) -> list[Any]:
        import yaml

        found: list[Any] = []
        while not isinstance(event := self._next(loader), yaml.SequenceEndEvent):
            found.append(self._value(loader, event, place_below(where, len(found)), depth + 1))
        return found

    def _scalar(self, event: Any, where: str) -> Any:
        plain = event.style is None
        text = self._whole_letters(event.value, where)
        quotes = 0 if plain else 1
        start, end = event.start_mark, event.end_mark
        if start.line == end.line and end.column - start.column == len(text) + 2 * quotes:
            self.texts[where] = Mark(start.line + 1, start.column + quotes + 1)
        return self._resolved(text, where) if plain else text

    def _whole_letters(self, text: str, where: str) -> str:
        """Returns a text without letters that no file can hold: an escape can make half a surrogate pair."""
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            self._fail(where, "there is half a surrogate pair in this text")
            return ""
        return text

    def _resolved(self, text: str, where: str) -> Any:
        """Returns a plain scalar by the core schema of YAML 1.2."""
        if _NULL.fullmatch(text):
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if _WHOLE.fullmatch(text):
            if len(text) > 20:
                self._fail(where, "this number has too many digits")
                return 0
            return int(text)
        if NUMBER.fullmatch(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text
