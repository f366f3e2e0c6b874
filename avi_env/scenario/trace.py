"""The trace of a run: what held at each tick, what happened, what came of it; and the hash that equal runs share."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from avi_env.whole_file import write_whole

__all__ = ["EventRecord", "Row", "Trace", "TraceDigest", "read_trace", "write_trace"]

_SCHEMA = 1

_ROW_STEP = 8  # of pictures every eighth row is taken: all of them cost as much as the rest of a tick

Point = tuple[float, float, float]


class EventRecord(NamedTuple):
    """An event that has happened."""

    id: str
    what: str
    """In words: "phone starts ringing"."""
    t: float
    """Since the first observation [s]."""
    place: Point | None
    """Where [m], world frame; None = nowhere in particular."""


class Row(NamedTuple):
    """One tick."""

    t: float
    """Since the first observation [s]."""
    position: Point
    """The agent's feet [m], world frame."""
    yaw: float
    """[rad]"""
    action: int | None
    """That led here, None at first."""
    skill: str
    """The skill that the action belongs to, "" = none."""
    readings: tuple[tuple[bool, float], ...]
    """Of each expression: whether it holds, and its margin."""


@dataclass(frozen=True)
class Trace:
    """One run of a case."""

    header: Mapping[str, Any]
    """Case, agent, seed, hash of the scenario, versions."""
    expressions: tuple[str, ...]
    """What `Row.readings` are of."""
    rows: tuple[Row, ...]
    events: tuple[EventRecord, ...] = ()
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Outcome, time, margin and reason, by the expectation's id."""
    said: tuple[tuple[float, str], ...] = ()
    """What the agent said: (time [s], words)."""
    digest: str = ""
    """SHA-256 of rows, events and observations' checksums (CRC-32 of new sound, of every eighth row of pictures): the
    same for the same file, seed, agent and kind of device."""


class TraceDigest:
    """Checks observations as they come, and hashes a run when it has ended; no time of any clock is in it.

    Args:
        new_samples: samples of sound that are new in each observation but the first; the others were taken before.
    """

    def __init__(self, new_samples: int) -> None:
        self._new_samples = new_samples
        self._sums: list[int] = []

    def add(self, observation: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes in what is perceived at one tick."""
        begun = bool(self._sums)
        for name in sorted(observation):
            value = observation[name]
            if name == "audio":
                for channel in value:  # which lies in one piece, so that nothing is copied
                    self._sums.append(crc32((channel[-self._new_samples :] if begun else channel).data))
            else:
                self._sums.append(crc32(np.ascontiguousarray(value[::_ROW_STEP] if value.ndim > 1 else value).data))

    def text(self, rows: Sequence[Row], events: Sequence[EventRecord]) -> str:
        """Returns the hash of what was taken in, of the ticks and of what happened."""
        found = hashlib.sha256(np.array(self._sums, dtype="<u4").data)
        for row in rows:
            action = -1 if row.action is None else row.action
            numbers = (row.t, *row.position, row.yaw, action, *chain.from_iterable(row.readings))
            found.update(struct.pack(f"<{len(numbers)}d", *numbers) + row.skill.encode())
        for event in events:
            found.update(repr(tuple(event)).encode())
        return found.hexdigest()


def write_trace(path: str | Path, trace: Trace) -> None:
    """Writes a trace as JSON lines: header, rows, events, words, verdicts; completely or not at all."""
    head = {"schema": _SCHEMA, "header": trace.header, "expressions": trace.expressions, "digest": trace.digest}
    rows = [{"row": [*row[:5], [[holds, _number(margin)] for holds, margin in row.readings]]} for row in trace.rows]
    events = [{"event": list(record)} for record in trace.events]
    said = [{"said": list(words)} for words in trace.said]
    verdicts = [{"expectation": name, "verdict": verdict} for name, verdict in trace.verdicts.items()]
    lines = [json.dumps(_plain(line), ensure_ascii=False) for line in (head, *rows, *events, *said, *verdicts)]
    write_whole(path, "\n".join(lines) + "\n")


def read_trace(path: str | Path) -> Trace:
    """Returns the trace of a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no trace.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no trace {path}: avi scenario run --output writes them")
    try:
        head, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if head["schema"] != _SCHEMA:
            raise ValueError(f"schema {head['schema']} is not {_SCHEMA}")
        return Trace(
            head["header"],
            tuple(head["expressions"]),
            tuple(_row(line["row"]) for line in lines if "row" in line),
            tuple(_event(line["event"]) for line in lines if "event" in line),
            {line["expectation"]: line["verdict"] for line in lines if "verdict" in line},
            tuple((float(t), str(words)) for t, words in (line["said"] for line in lines if "said" in line)),
            head["digest"],
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} is no trace of a scenario: {error}") from error


def _row(values: list[Any]) -> Row:
    t, (x, y, z), yaw, action, skill, readings = values
    pairs = tuple((bool(holds), _margin(bool(holds), margin)) for holds, margin in readings)
    return Row(t, (x, y, z), yaw, action, skill, pairs)


def _event(values: list[Any]) -> EventRecord:
    name, what, t, place = values
    return EventRecord(name, what, t, (place[0], place[1], place[2]) if place is not None else None)


def _number(value: float) -> float | None:
    """JSON knows no infinity: the margin of what is true or false without a threshold."""
    return value if math.isfinite(value) else None


def _margin(holds: bool, written: float | None) -> float:
    return written if written is not None else math.inf if holds else -math.inf


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _number(value) if isinstance(value, float) else value
