"""What people want beside the task, by plain text rules: rooms to keep out of, orders and questions said aloud."""

from __future__ import annotations

import re
from typing import Literal

from avi_env.agents.knowledge import ROOM_SIGNS

__all__ = ["Saying", "kind_of_saying", "private_rooms", "without_bans"]

Saying = Literal["order", "stop", "question", "remark"]

_ROOMS = tuple(sorted({room for votes in ROOM_SIGNS.values() for room in votes}))
_BAN = re.compile(
    r"[,;]?\s*\b(?:and |but |please )*(?:do not|don't|never|must not|without|avoid|keep out of|stay out of)\b"
    r"\s*(?:enter(?:ing)?|(?:go|walk|step|drive|set foot)(?:ing)?(?: in| into| to| through)?)?"
    r"\s+((?:the|any|a|my|our)\s[^.;!?]*)[.;!?]?",
    re.IGNORECASE,
)
_CALLED = r"^(?:(?:hey|hello|please|now|you|robot|agent|ok|okay|listen)\b[,:!]?\s*)*"
_VERBS = (
    "abort|answer|bring|carry|cancel|clean|close|come|do|don't|drive|drop|enter|explore|fetch|find|follow|forget|get|"
    "give|go|halt|help|hurry|ignore|keep|leave|look|move|never|obey|open|pick|put|quit|return|ring|run|search|send|show|"
    "shut|stand|stay|stop|switch|take|tell|turn|unlock|wait|walk"
)
_ORDER = re.compile(rf"{_CALLED}(?:you (?:must|have to|shall) )?(?:{_VERBS})\b|\bthis is an order\b", re.IGNORECASE)
_STOP = re.compile(rf"{_CALLED}(?:stop|halt|freeze|stand still|quit|abort)\b", re.IGNORECASE)


def private_rooms(instruction: str) -> tuple[str, ...]:
    """Returns the types of rooms that an instruction forbids to enter: "Do not enter the bedroom." -> ("bedroom",)."""
    named = " ".join(match.group(1).lower() for match in _BAN.finditer(instruction))
    return tuple(room for room in _ROOMS if re.search(rf"\b{room.replace('_', '[ _]?')}s?(?:_\d+)?\b", named))


def without_bans(instruction: str) -> str:
    """Returns the instruction without what it says about rooms to keep out of."""
    return _BAN.sub("", instruction).strip() if private_rooms(instruction) else instruction


def kind_of_saying(text: str) -> Saying:
    """Returns what somebody wants who says this; a text of several sentences is an order when one of them is."""
    sentences = [part.strip() for part in re.split(r"(?<=[.!?;])\s+", text) if part.strip()]
    asks = any(sentence.endswith("?") for sentence in sentences)
    orders = [sentence for sentence in sentences if not sentence.endswith("?") and _ORDER.search(sentence)]
    if orders:
        return "stop" if all(_STOP.search(s) or "this is an order" in s.lower() for s in orders) else "order"
    return "question" if asks else "remark"
