"""Recorded replies: the model is asked once, replays need none, and a changed prompt is told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from avi_env.agents.load import load_planner
from avi_env.agents.model_source import ScoringModel
from avi_env.agents.offer import offered_skills
from avi_env.agents.planner_scoring import ScoringPlanner, ScoringSettings
from avi_env.agents.protocol import HeardSound, PlannerObservation, RoomSeen, SkillCall, SkillResult, Usage
from avi_env.scenario.cassettes import Cassette, PromptChangedError

TOLD = PlannerObservation(
    "Which room is the ringing phone in?",
    room="hallway_0",
    heard=(HeardSound("sound_1", "phone", -80.0, 62.0, 0.8, True),),
    rooms=(RoomSeen("hallway_0", "hallway", 0.5, True), RoomSeen("kitchen_1", "kitchen", 0.2)),
    frontiers=3,
)
DONE = SkillResult(SkillCall("explore"), "success", steps=12)
LATER = dataclasses.replace(TOLD, time_s=3.0, last=DONE)


def planned(source: Cassette, *told: PlannerObservation, **settings: Any) -> tuple[list[Any], Usage]:
    """What a chat planner says turn by turn, and what that costs."""
    planner = load_planner("chat", source=source, **settings)
    said = [planner.plan(t, offered_skills(t), (DONE,) * turn) for turn, t in enumerate(told)]
    return said, dataclasses.replace(planner.usage, seconds=0.0)


class RecordingCassette(Cassette):
    """A cassette that records a double in the endpoint's place."""

    def chat_model(self, settings: Any, make: Any) -> Any:
        """The double, recorded."""
        from pydantic_ai.messages import ModelResponse, ToolCallPart
        from pydantic_ai.models.function import AgentInfo, FunctionModel

        def double(messages: list[Any], info: AgentInfo) -> ModelResponse:
            asked.append(len(messages))
            if settings.mode == "json":
                from pydantic_ai.messages import TextPart

                return ModelResponse(parts=[TextPart('{"skill": "explore", "reason": ""}')])
            return ModelResponse(
                parts=[ToolCallPart("explore" if len(messages) == 1 else "go_to_sound", _arguments(messages))]
            )

        asked: list[int] = self.__dict__.setdefault("asked", [])
        return super().chat_model(settings, lambda: FunctionModel(double, model_name="double-1"))


def _arguments(messages: list[Any]) -> dict[str, Any]:
    return {} if len(messages) == 1 else {"sound": "sound_1"}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A file with two turns of a chat."""
    pytest.importorskip("pydantic_ai")
    cassette = RecordingCassette(tmp_path / "kettle.replies.jsonl", "record")
    said, _ = planned(cassette, TOLD, LATER)
    assert said == [SkillCall("explore"), SkillCall("go_to_sound", {"sound": "sound_1"})]
    assert cassette.__dict__["asked"] == [1, 3]
    cassette.save()
    return cassette.path


def test_a_chat_is_replayed_without_an_endpoint(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies and their cost are as recorded; neither address nor model need be set; the file holds neither."""
    for name in ("AVI_LLM_BASE_URL", "AVI_LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    cassette = Cassette.load(recorded)
    said, usage = planned(cassette, TOLD, LATER)
    assert said == [SkillCall("explore"), SkillCall("go_to_sound", {"sound": "sound_1"})]
    assert usage == planned(RecordingCassette(recorded, "record"), TOLD, LATER)[1]
    assert usage.requests == 2
    assert usage.prompt_tokens > 0
    assert "http" not in recorded.read_text()


def test_json_mode_is_replayed(tmp_path: Path) -> None:
    """The schema of the reply is part of the prompt."""
    pytest.importorskip("pydantic_ai")
    cassette = RecordingCassette(tmp_path / "a.replies.jsonl", "record")
    said, _ = planned(cassette, TOLD, mode="json")
    cassette.save()
    replayed, _ = planned(Cassette.load(cassette.path), TOLD, mode="json")
    assert replayed == said


def test_a_changed_prompt_is_told_with_what_changed(recorded: Path) -> None:
    """Lines of the nearest prompt, and which other piece differs; nothing is asked."""
    quieter = dataclasses.replace(LATER, time_s=3.25)
    with pytest.raises(PromptChangedError) as error:
        planned(Cassette.load(recorded), TOLD, quieter)
    message = str(error.value)
    assert message.startswith("prompt changed: ")
    assert "-Time 3.0 s" in message
    assert "+Time 3.2 s" in message
    assert "Record again: avi scenario record" in message
    with pytest.raises(PromptChangedError, match="the skills on offer"):
        planned(Cassette.load(recorded), dataclasses.replace(TOLD, frontiers=0))
    with pytest.raises(PromptChangedError, match="the model's settings differs"):
        planned(Cassette.load(recorded), TOLD, temperature=0.7)
    with pytest.raises(PromptChangedError, match="holds replies of 'double-1', not of 'other'"):
        planned(Cassette.load(recorded), TOLD, model="other")


def test_recording_on_asks_only_what_is_new(recorded: Path) -> None:
    """A prompt in the file is not sent again, so that what is recorded is what will be replayed."""
    cassette = RecordingCassette.load(recorded, "record")
    planned(cassette, TOLD, LATER)
    assert cassette.__dict__["asked"] == []
    planned(cassette, TOLD, dataclasses.replace(LATER, time_s=9.0))
    assert cassette.__dict__["asked"] == [3]
    cassette.save()
    assert len(Cassette.load(recorded).rows) == 3


def test_files_that_are_none(tmp_path: Path) -> None:
    """A missing file, another file, another schema: one line that says what to do."""
    with pytest.raises(FileNotFoundError, match="make them with avi scenario record"):
        Cassette.load(tmp_path / "no.replies.jsonl")
    for text in (
        "",
        "hello\n",
        "[1]\n",
        json.dumps({"schema": 9, "model": ""}),
        '{"schema": 1, "model": "m"}\n{"x": 1}',
    ):
        path = tmp_path / "bad.replies.jsonl"
        path.write_text(text)
        with pytest.raises(ValueError, match="is no file of recorded replies"):
            Cassette.load(path)


class CountingModel:
    """Scores by the length of a continuation, and bills 10 tokens a prompt."""

    name = "counting"

    def __init__(self) -> None:
        self.usage = Usage()

    def read(self, text: str, slot: int = 0) -> None:
        """Nothing to read."""

    def scores(self, text: str, continuations: Sequence[str], slot: int = 0) -> dict[str, float]:
        """Shorter is likelier."""
        self.usage = self.usage + Usage(1, 10, 1)
        return {c: -0.1 * len(c) for c in continuations}


def test_scores_are_replayed_without_the_model(tmp_path: Path) -> None:
    """The scoring planner decides and bills as recorded, although no model is made."""

    def planner(cassette: Cassette) -> ScoringPlanner:
        def make() -> ScoringModel:
            assert cassette.mode == "record"
            return CountingModel()

        return ScoringPlanner(ScoringSettings(), {"skill": "s", "answer": "a"}, cassette.scoring_model(make))

    tape = Cassette(tmp_path / "s.replies.jsonl", "record")
    first = planner(tape)
    decision = first.plan(TOLD, offered_skills(TOLD), ())
    tape.save()
    again = planner(Cassette.load(tape.path))
    assert again.plan(TOLD, offered_skills(TOLD), ()) == decision
    assert dataclasses.replace(again.usage, seconds=0.0) == dataclasses.replace(first.usage, seconds=0.0)
    assert again.usage.prompt_tokens > 0
    assert again.name == "scoring (counting)"
    with pytest.raises(PromptChangedError, match="prompt changed"):
        again.plan(dataclasses.replace(TOLD, instruction="Find the alarm."), offered_skills(TOLD), ())
