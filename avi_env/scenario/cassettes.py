"""Replies of language models, recorded beside a scenario and replayed offline: the same prompt gets the same reply.

A file of replies has a head and then one JSON object a line: the prompt's key, its pieces and the reply. Long pieces
are kept as hashes; of the words that change from turn to turn the text is kept: a changed prompt can be shown.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avi_env.agents.protocol import Usage
from avi_env.whole_file import write_whole

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import AgentInfo

    from avi_env.agents.chat_endpoint import ChatSettings
    from avi_env.agents.model_source import ScoringModel

__all__ = ["Cassette", "PromptChangedError"]

Mode = Literal["replay", "record"]
_SCHEMA = 1
_TEXT_LINES = 12  # of a scoring prompt that are kept as text: what comes before them is the same every turn
_DIFF_LINES = 12  # of a changed prompt that are told
_SETTINGS = ("max_tokens", "temperature", "seed")
_PARTS = ("system-prompt", "user-prompt", "text", "tool-call", "tool-return", "retry-prompt")
_PIECES = {
    "model": "the model",
    "instructions": "the system prompt (prompts/*.md of the agent)",
    "tools": "the skills on offer",
    "settings": "the model's settings",
    "earlier": "the conversation before",
    "beginning": "the examples before the state (prompts/*.md of the agent)",
    "continuations": "the calls that are weighed",
}


class PromptChangedError(ValueError):
    """A model is to be replayed that was never asked this."""


@dataclass
class Cassette:
    """The recorded replies of one scenario: a `ModelSource` for its planner.

    In mode "record", a prompt that is not in the file is sent to the model and its reply is kept; one that is there is
    not sent again, so that the run that records is the run that will be replayed. To record afresh, delete the file.
    """

    path: Path
    mode: Mode = "replay"
    model: str = ""
    """Name of the model that was recorded; "" = none was."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Pieces and reply by the prompt's key."""

    @classmethod
    def load(cls, path: str | Path, mode: Mode = "replay") -> Cassette:
        """Returns the cassette of a file.

        Raises:
            FileNotFoundError: it is to be replayed and does not exist.
            ValueError: it is no file of replies.
        """
        path = Path(path)
        if mode == "record" and not path.exists():
            return cls(path, mode)
        if not path.is_file():
            raise FileNotFoundError(f"there are no recorded replies {path}: make them with avi scenario record")
        try:
            head, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            if head["schema"] != _SCHEMA:
                raise ValueError(f"schema {head['schema']} is not {_SCHEMA}")
            return cls(path, mode, str(head["model"]), {str(row["key"]): dict(row) for row in rows})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no file of recorded replies: {error}; record it again") from error

    def save(self) -> None:
        """Writes the file, completely or not at all; a cassette without replies writes none."""
        if not self.rows:
            return
        head = {"schema": _SCHEMA, "model": self.model}
        lines = [json.dumps(value, ensure_ascii=False, sort_keys=True) for value in (head, *self.rows.values())]
        write_whole(self.path, "\n".join(lines) + "\n")

    def recorded(self, pieces: Mapping[str, str]) -> Any:
        """Returns the reply to a prompt; None where it is yet to be recorded.

        Args:
            pieces: of the prompt, by name: "prompt" is its text, others are hashes.

        Raises:
            PromptChangedError: it is to be replayed, and this was never asked; with what differs from the nearest.
        """
        row = self.rows.get(_hash(pieces))
        if row is not None:
            return row["reply"]
        if self.mode == "record":
            return None
        raise PromptChangedError(f"prompt changed: {self._change(pieces)}. Record again: avi scenario record")

    def keep(self, pieces: Mapping[str, str], reply: Any) -> None:
        """Records the reply to a prompt, JSON-serialisable."""
        key = _hash(pieces)
        self.rows[key] = {"key": key, "pieces": dict(pieces), "reply": reply}

    def chat_model(self, settings: ChatSettings, make: Callable[[], Model]) -> Model:
        """Returns what a chat planner asks: the recorded model, or the one that is recorded."""
        from pydantic_ai.models.function import FunctionModel

        inner = make() if self.mode == "record" else None
        self.model = self._named(inner.model_name if inner is not None else settings.model)

        async def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            pieces = {"model": self.model, **_chat_pieces(messages, info)}
            known = self.recorded(pieces)
            if known is None:
                assert inner is not None, "only a model that is recorded is asked"
                answer = await inner.request(messages, info.model_settings, info.model_request_parameters)
                known = _reply_table(answer)
                self.keep(pieces, known)
            return _reply_of(known)

        return FunctionModel(reply, model_name=self.model)

    def scoring_model(self, make: Callable[[], ScoringModel]) -> ScoringModel:
        """Returns what a scoring planner asks: the recorded model, or the one that is recorded."""
        inner = make() if self.mode == "record" else None
        self.model = self._named(inner.name if inner is not None else "")
        return _RecordedScores(self, inner)

    def _named(self, asked: str) -> str:
        """Returns the model's name.

        Raises:
            PromptChangedError: another one was recorded.
        """
        if self.model and asked and asked != self.model:
            raise PromptChangedError(
                f"prompt changed: {self.path} holds replies of {self.model!r}, not of {asked!r}: "
                f"delete it and record again"
            )
        return self.model or asked

    def _change(self, pieces: Mapping[str, str]) -> str:
        """What differs between a prompt and the recorded one that is nearest to it, in few lines."""
        if not self.rows:
            return f"{self.path} holds no replies"

        def likeness(row: Mapping[str, Any]) -> tuple[float, int]:
            other: Mapping[str, str] = row["pieces"]
            matcher = difflib.SequenceMatcher(None, pieces["prompt"], other.get("prompt", ""), autojunk=False)
            return matcher.quick_ratio(), sum(other.get(name) == value for name, value in pieces.items())

        nearest: Mapping[str, str] = max(self.rows.values(), key=likeness)["pieces"]
        other = [words for name, words in _PIECES.items() if pieces.get(name) != nearest.get(name)]
        before, now = nearest.get("prompt", "").splitlines(), pieces["prompt"].splitlines()
        lines = [line for line in difflib.unified_diff(before, now, lineterm="", n=0) if line[:2] not in ("--", "++")]
        lines = [line for line in lines if not line.startswith("@@")]
        shown = "\n  ".join(line[:300] for line in lines[:_DIFF_LINES])
        more = f"\n  ... and {len(lines) - _DIFF_LINES} more lines" if len(lines) > _DIFF_LINES else ""
        told = [f"{' and '.join(other)} differ{'s' if len(other) == 1 else ''}"] if other else []
        told += [f"- recorded, + asked now:\n  {shown}{more}\n"] if lines else []
        return "; ".join(told) + f" from the nearest prompt in {self.path}"


class _RecordedScores:
    """A scoring model with a cassette before it."""

    def __init__(self, cassette: Cassette, inner: ScoringModel | None) -> None:
        self._cassette, self._inner = cassette, inner
        self._billed = Usage()  # what the inner model has cost, as far as it is in the cassette
        self.usage = Usage()

    @property
    def name(self) -> str:
        return self._cassette.model

    def read(self, text: str, slot: int = 0) -> None:
        if self._inner is not None:
            self._inner.read(text, slot)

    def scores(self, text: str, continuations: Sequence[str], slot: int = 0) -> dict[str, float]:
        lines = text.splitlines()
        pieces = {
            "model": self.name,
            "beginning": _hash(lines[:-_TEXT_LINES]),
            "continuations": _hash(list(continuations)),
            "prompt": "\n".join(lines[-_TEXT_LINES:]),
        }
        known = self._cassette.recorded(pieces)
        if known is None:
            assert self._inner is not None, "only a model that is recorded is asked"
            scores = self._inner.scores(text, continuations, slot)
            cost, before = self._inner.usage, self._billed
            self._billed = cost
            tokens = (cost.prompt_tokens - before.prompt_tokens, cost.completion_tokens - before.completion_tokens)
            known = {"scores": scores, "usage": [cost.requests - before.requests, *tokens]}
            self._cassette.keep(pieces, known)
        self.usage = self.usage + Usage(*known["usage"])
        return {name: float(known["scores"][name]) for name in continuations}


def _chat_pieces(messages: Sequence[ModelMessage], info: AgentInfo) -> dict[str, str]:
    """Returns what decides a chat model's reply: of messages their words, neither ids nor times."""
    words = [
        [part.part_kind, getattr(part, "tool_name", ""), _plain(getattr(part, "content", getattr(part, "args", "")))]
        for message in messages
        for part in message.parts
        if part.part_kind in _PARTS
    ]
    asked = [number for number, (kind, _, _) in enumerate(words) if kind == "user-prompt"]
    prompt = words.pop(asked[-1])[2] if asked else ""
    output = info.model_request_parameters.output_object
    tools = [[tool.name, tool.description, tool.parameters_json_schema] for tool in info.function_tools]
    settings = {name: dict(info.model_settings or {}).get(name) for name in _SETTINGS}
    return {
        "instructions": _hash(info.instructions or ""),
        "tools": _hash([tools, output.json_schema if output is not None else None]),
        "settings": _hash(settings),
        "earlier": _hash(words),
        "prompt": prompt,
    }


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def _reply_table(reply: ModelResponse) -> dict[str, Any]:
    """Returns a reply as it is kept: its parts and what it cost, nothing of who served it."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    table = ModelMessagesTypeAdapter.dump_python([reply], mode="json")[0]
    parts = [
        {k: v for k, v in part.items() if v is not None and not k.startswith("provider")} for part in table["parts"]
    ]
    usage = {k: v for k, v in table["usage"].items() if k in ("input_tokens", "output_tokens")}
    return {"kind": "response", "parts": parts, "usage": usage}


def _reply_of(table: Mapping[str, Any]) -> ModelResponse:
    from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse

    reply = ModelMessagesTypeAdapter.validate_python([dict(table)])[0]
    assert isinstance(reply, ModelResponse), "it was kept as one"
    return reply
