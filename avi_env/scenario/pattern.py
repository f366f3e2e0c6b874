r"""Regular expressions for texts that others wrote, matched in time proportional to the text whatever the pattern.

Python's `re` backtracks: a pattern of ten characters can hold it for hours. Here a pattern becomes a small automaton
whose states are all followed at once (Thompson 1968), so that one character of text costs at most one pass over it.

Known: letters as they are, `.`, `[a-z]`, `[^a-z]`, `\d \w \s` and their capitals, `\b \B`, `^` and `$` (of each line),
`( )`, `|`, `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`. A match may lie anywhere in the text; capitals are as small letters.
Not known: back references, looking ahead or behind, flags.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

__all__ = ["PatternError", "compile_pattern", "matches"]

_MAX_REPEATS, _MAX_DEPTH, _MAX_PROGRAM = 50, 20, 500
_CACHED = 4096  # transitions of the automaton kept
_SPECIAL = "^$.[]()|*+?{}\\"
_CLASSES = "dDwWsS"


class PatternError(ValueError):
    """A pattern that is not understood; `offset` says where in it (0 = its first character)."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class CharacterSet(NamedTuple):
    """Which characters match at one place."""

    ranges: tuple[tuple[str, str], ...] = ()
    classes: str = ""
    """Letters of `_CLASSES`."""
    negated: bool = False

    def holds(self, character: str) -> bool:
        """Whether a character belongs to the set, its capital or its small letter being as good."""
        forms = {character, character.lower(), character.upper()}
        found = any(low <= form <= high for low, high in self.ranges for form in forms)
        found = found or any(_in_class(character, name) for name in self.classes)
        return found != self.negated


def _in_class(character: str, name: str) -> bool:
    kind = name.lower()
    if kind == "d":
        found = character.isdigit()
    elif kind == "w":
        found = _is_word(character)
    else:
        found = character.isspace()
    return found == name.islower()


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


class Instruction(NamedTuple):
    """One place of the program: take a character, go on at two places, demand a boundary, or be done."""

    name: str
    """"take", "split", "demand" or "done"."""
    characters: CharacterSet = CharacterSet()
    first: int = 0
    second: int = 0
    boundary: str = ""
    """One of `^ $ b B`."""


class Node(NamedTuple):
    """A part of a pattern."""

    name: str
    """"take", "demand", "row", "choice" or "repeat"."""
    parts: tuple[Node, ...] = ()
    characters: CharacterSet = CharacterSet()
    boundary: str = ""
    least: int = 0
    most: int | None = None


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    @property
    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.text):
            raise PatternError("the pattern ends too early", self.at)
        self.at += 1
        return self.text[self.at - 1]

    def choice(self) -> Node:
        rows = [self.row()]
        while self.next == "|":
            self.at += 1
            rows.append(self.row())
        return Node("choice", tuple(rows))

    def row(self) -> Node:
        parts = []
        while self.next and self.next not in "|)":
            parts.append(self.repeated())
        return Node("row", tuple(parts))

    def repeated(self) -> Node:
        start = self.at
        part = self.single()
        if not self.next or self.next not in "*+?{":
            return part
        if part.name == "demand":
            raise PatternError(f"{self.text[start : self.at]!r} is a place, it cannot be repeated", self.at)
        mark = self.take()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(mark) or self.counts()
        if self.next and self.next in "*+?{":
            raise PatternError(f"{self.next!r} follows a repetition; put the repeated part in ( )", self.at)
        return Node("repeat", (part,), least=least, most=most)

    def counts(self) -> tuple[int, int | None]:
        start = self.at
        end = self.text.find("}", start)
        words = self.text[start:end].split(",") if end >= 0 else []
        good = len(words) in (1, 2) and words[0].isdecimal() and all(w.isdecimal() or not w for w in words)
        if not good or any(len(w) > 3 for w in words):
            raise PatternError("write a repetition as {2}, {2,} or {2,5}; a brace itself as \\{", start - 1)
        least = int(words[0])
        most = least if len(words) == 1 else int(words[1]) if words[1] else None
        if max(least, most or 0) > _MAX_REPEATS or (most is not None and most < least):
            raise PatternError(f"repetitions go from few to many, at most {_MAX_REPEATS}", start - 1)
        self.at = end + 1
        return least, most

    def single(self) -> Node:
        start, character = self.at, self.take()
        if character == "(":
            return self.group(start)
        if character == "[":
            return Node("take", characters=self.bracket(start))
        if character == ".":
            return Node("take", characters=CharacterSet((("\n", "\n"),), negated=True))
        if character in "^$":
            return Node("demand", boundary=character)
        if character == "\\":
            return self.escaped(start)
        if character in "*+?{":
            raise PatternError(f"{character!r} repeats what is before it; the sign itself is \\{character}", start)
        return Node("take", characters=_one(character))

    def group(self, start: int) -> Node:
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self.next == "?":
            raise PatternError("only plain ( ) groups are known", start)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise PatternError(f"groups are nested more than {_MAX_DEPTH} deep", start)
        inside = self.choice()
        if self.next != ")":
            raise PatternError("this ( has no )", start)
        self.at, self.depth = self.at + 1, self.depth - 1
        return inside

    def escaped(self, start: int) -> Node:
        name = self.take()
        if name in "bB":
            return Node("demand", boundary=name)
        if name in _CLASSES:
            return Node("take", characters=CharacterSet(classes=name))
        if name.isalnum():
            raise PatternError(f"'\\{name}' is not known; known: \\d \\w \\s \\D \\W \\S \\b \\B", start)
        return Node("take", characters=_one(name))

    def bracket(self, start: int) -> CharacterSet:
        negated = self.next == "^"
        self.at += negated
        ranges: list[tuple[str, str]] = []
        classes = ""
        while self.next != "]" or (not ranges and not classes):
            if not self.next:
                raise PatternError("this [ has no ]", start)
            low = self.member()
            if len(low) == 2:
                classes += low[1]
                continue
            high = low
            if self.next == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.member()
            if len(high) == 2 or high < low:
                raise PatternError("a range goes from a lower to a higher character", start)
            ranges.append((low, high))
        self.at += 1
        return CharacterSet(tuple(ranges), classes, negated)

    def member(self) -> str:
        r"""Returns one character, or the two of a class such as `\d`."""
        start, character = self.at, self.take()
        if character != "\\":
            return character
        name = self.take()
        if name in _CLASSES:
            return "\\" + name
        if name.isalnum():
            raise PatternError(f"'\\{name}' is not known in [ ]; known: \\d \\w \\s \\D \\W \\S", start)
        return name


def _one(character: str) -> CharacterSet:
    return CharacterSet(((character, character),))


def _emit(node: Node, program: list[Instruction]) -> None:
    """Appends the instructions of a part; each goes on at the place behind it."""
    if len(program) > _MAX_PROGRAM:
        raise PatternError("the pattern is too large: fewer repetitions of shorter parts, please", 0)
    if node.name in ("take", "demand"):
        program.append(Instruction(node.name, node.characters, len(program) + 1, boundary=node.boundary))
    elif node.name == "row":
        for part in node.parts:
            _emit(part, program)
    elif node.name == "choice":
        _emit_choice(node.parts, program)
    else:
        _emit_repeat(node, program)


def _emit_choice(parts: tuple[Node, ...], program: list[Instruction]) -> None:
    leave = []
    for part in parts[:-1]:
        fork = len(program)
        program.append(Instruction("split"))
        _emit(part, program)
        leave.append(len(program))
        program.append(Instruction("split"))
        program[fork] = Instruction("split", first=fork + 1, second=len(program))
    _emit(parts[-1], program)
    for place in leave:
        program[place] = Instruction("split", first=len(program), second=len(program))


def _emit_repeat(node: Node, program: list[Instruction]) -> None:
    before = len(program)
    for _ in range(node.least):
        _emit(node.parts[0], program)
        if len(program) == before:  # a repeated nothing is nothing; nested ones would take for ever to write
            return
    forks = []
    for _ in range(1 if node.most is None else node.most - node.least):
        forks.append(len(program))
        program.append(Instruction("split"))
        _emit(node.parts[0], program)
    if node.most is None:
        program.append(Instruction("split", first=forks[0], second=forks[0]))
    for fork in forks:
        program[fork] = Instruction("split", first=fork + 1, second=len(program))


class Automaton:
    """A pattern made ready; `search` walks a text once."""

    def __init__(self, program: tuple[Instruction, ...]) -> None:
        self.program = program
        self._steps: dict[tuple[frozenset[int], str, str], frozenset[int] | None] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in a text."""
        start = frozenset((0,))
        places, before = start, ""
        for character in (*text, ""):
            key = (places, before, character)
            if key not in self._steps:
                if len(self._steps) >= _CACHED:
                    self._steps.clear()
                self._steps[key] = self._step(places, before, character)
            after = self._steps[key]
            if after is None:
                return True
            places = after | start
            before = "w" if character and _is_word(character) else character if character == "\n" else "o"
        return False

    def _step(self, places: frozenset[int], before: str, character: str) -> frozenset[int] | None:
        """Returns the places after a character, None if the pattern is matched before it.

        Args:
            places: where the program may stand.
            before: "" at the beginning, else "w" after a letter, a line's end itself, "o" after anything else.
            character: the next one, "" at the end.
        """
        waiting, seen, after = list(places), set(places), set()
        while waiting:
            instruction = self.program[waiting.pop()]
            if instruction.name == "done":
                return None
            if instruction.name == "take":
                if character and instruction.characters.holds(character):
                    after.add(instruction.first)
                continue
            if instruction.name == "demand" and not _at_boundary(instruction.boundary, before, character):
                continue
            ways = {instruction.first} if instruction.name == "demand" else {instruction.first, instruction.second}
            waiting.extend(ways - seen)
            seen |= ways
        return frozenset(after)


def _at_boundary(boundary: str, before: str, character: str) -> bool:
    if boundary == "^":
        return before in ("", "\n")
    if boundary == "$":
        return character in ("", "\n")
    between = (before == "w") != (bool(character) and _is_word(character))
    return between == (boundary == "b")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Automaton:
    """Returns a pattern's automaton.

    Raises:
        PatternError: the pattern is not understood, or larger than allowed.
    """
    reader = _Reader(pattern)
    tree = reader.choice()
    if reader.at < len(pattern):
        raise PatternError("this ) has no (", reader.at)
    program: list[Instruction] = []
    _emit(tree, program)
    program.append(Instruction("done"))
    return Automaton(tuple(program))


@lru_cache(maxsize=1024)
def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches anywhere in a text; capitals are as small letters."""
    return compile_pattern(pattern).search(text)
