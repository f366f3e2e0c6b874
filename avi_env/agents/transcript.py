"""The log of what a planner was asked and what it said, and the bill."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from avi_env.agents.protocol import Usage

__all__ = ["Transcript", "TranscriptEntry"]

Kind = Literal["prompt", "reply", "refusal", "scores", "note"]


@dataclass(frozen=True)
class TranscriptEntry:
    """One thing asked, said or measured."""

    turn: int
    """Planner turn of the episode, from 1."""
    kind: Kind
    text: str
    detail: dict[str, object] = field(default_factory=dict)
    """JSON-serialisable facts: messages as sent, scores, token counts."""
    seconds: float = 0.0
    """Wall-clock time it took [s]; varies from run to run."""

    def record(self) -> dict[str, object]:
        """Returns the entry as a JSON-serialisable dictionary."""
        detail = {"detail": self.detail} if self.detail else {}
        return {"turn": self.turn, "kind": self.kind, "text": self.text, "seconds": round(self.seconds, 4), **detail}


@dataclass
class Transcript:
    """Grows by one planner's episode: entries, the turn's number and the usage."""

    entries: list[TranscriptEntry] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    turn: int = 0

    def begin_turn(self) -> int:
        """Counts one more planner turn and returns its number."""
        self.turn += 1
        return self.turn

    def add(self, kind: Kind, text: str, detail: dict[str, object] | None = None, seconds: float = 0.0) -> None:
        """Logs one entry of the current turn."""
        self.entries.append(TranscriptEntry(self.turn, kind, text, detail or {}, seconds))

    def refuse(self, reply: str, reason: str) -> None:
        """Logs and counts a bad reply."""
        self.add("refusal", reason, {"reply": reply})
        self.usage = self.usage + Usage(invalid_replies=1)

    def bill(self, usage: Usage) -> None:
        """Adds to the usage."""
        self.usage = self.usage + usage

    def records(self) -> list[dict[str, object]]:
        """Returns the entries as JSON-serialisable dictionaries, oldest first."""
        return [entry.record() for entry in self.entries]

    def to_jsonl(self) -> str:
        """Returns the entries as JSON lines."""
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in self.records())
