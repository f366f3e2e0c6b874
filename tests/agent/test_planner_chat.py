"""The chat planner with pydantic-ai's model doubles: no network, no model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from avi_env.agents.chat_schema import call_schema, decision_of_object, tool_schema
from avi_env.agents.load import load_planner, read_prompt
from avi_env.agents.offer import offered_skills
from avi_env.agents.protocol import Answer, HeardSound, Invalid, PlannerObservation, RoomSeen, SkillCall, SkillResult

pytest.importorskip("pydantic_ai")

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from text_house import TextHouse

from avi_env.agents.chat_endpoint import ChatSettings
from avi_env.agents.planner_chat import ChatPlanner

TOLD = PlannerObservation(
    "Which room is the ringing phone in?",
    room="hallway_0",
    heard=(HeardSound("sound_1", "phone", -80.0, 62.0, 0.8, True),),
    rooms=(RoomSeen("hallway_0", "hallway", 0.5, True), RoomSeen("kitchen_1", "kitchen", 0.2)),
    frontiers=3,
)
SKILLS = offered_skills(TOLD)
Reply = ModelResponse


class Double:
    """A model that gives prepared replies and remembers what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[list[ModelMessage], AgentInfo]] = []

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.asked.append((list(messages), info))
        return self.replies[min(len(self.asked), len(self.replies)) - 1]

    def prompt(self, turn: int) -> str:
        """The last user prompt of a request."""
        parts = [p for m in self.asked[turn][0] for p in m.parts if isinstance(p, UserPromptPart)]
        return str(parts[-1].content)

    def returns(self, turn: int) -> list[str]:
        """The results of earlier calls that a request carries."""
        return [str(p.content) for m in self.asked[turn][0] for p in m.parts if isinstance(p, ToolReturnPart)]


def call(name: str, **arguments: Any) -> Reply:
    """A reply that calls one skill."""
    return ModelResponse(parts=[ToolCallPart(name, arguments)])


def planner_of(double: Callable[..., ModelResponse], **settings: Any) -> ChatPlanner:
    """A chat planner on a double."""
    profile: Any = {"supports_json_schema_output": True}
    return ChatPlanner(ChatSettings(**settings), "You plan.", model=FunctionModel(double, profile=profile))


def test_skills_are_external_tools_with_enums_of_the_turn() -> None:
    """The model is offered this turn's skills as deferred tools whose arguments name only what is known."""
    double = Double(call("go_to_sound", sound="sound_1"))
    decision = planner_of(double).plan(TOLD, SKILLS, ())
    assert decision == SkillCall("go_to_sound", {"sound": "sound_1"})
    tools = {t.name: t for t in double.asked[0][1].function_tools}
    assert set(tools) == {s.name for s in SKILLS}
    assert {t.kind for t in tools.values()} == {"external"}
    assert tools["go_to_room"].parameters_json_schema["properties"]["room"]["enum"] == ["kitchen_1"]
    assert double.asked[0][1].instructions == "You plan."


def test_the_result_resumes_the_conversation() -> None:
    """The next turn carries what came of the call, in answer to it, and the new observation."""
    double = Double(call("go_to_sound", sound="sound_1"), call("explore"))
    planner = planner_of(double)
    first = planner.plan(TOLD, SKILLS, ())
    assert isinstance(first, SkillCall)
    result = SkillResult(first, "failed", "lost_sound", "it fell silent", 30, 7.5, 4.0)
    later = dataclasses.replace(TOLD, time_s=7.5, heard=(), last=result)
    assert planner.plan(later, offered_skills(later), (result,)) == SkillCall("explore")
    assert double.returns(1) == [result.to_text()]
    assert "Time 7.5 s" in double.prompt(1)
    assert planner.usage.requests == 2
    assert planner.usage.prompt_tokens > 0
    assert planner.usage.completion_tokens > 0


def test_only_the_first_of_several_calls_is_carried_out() -> None:
    """Parallel calls are cut to the first, and only that one is answered."""
    both = ModelResponse(parts=[ToolCallPart("explore", {}), ToolCallPart("listen", {"seconds": 1.0})])
    double = Double(both, call("explore"))
    planner = planner_of(double)
    assert planner.plan(TOLD, SKILLS, ()) == SkillCall("explore")
    done = SkillResult(SkillCall("explore"), "success")
    planner.plan(TOLD, SKILLS, (done,))
    assert double.returns(1) == [done.to_text()]


def test_the_conversation_sent_is_a_window() -> None:
    """Requests stop growing after `window` turns, and never carry a result without its call."""
    double = Double(call("explore"))
    planner = planner_of(double, window=3)
    done = SkillResult(SkillCall("explore"), "success")
    for turn in range(6):
        planner.plan(TOLD, SKILLS, (done,) * turn)
    assert [len(messages) for messages, _ in double.asked] == [1, 3, 5, 7, 7, 7]
    assert [len(double.returns(turn)) for turn in range(6)] == [0, 1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ModelResponse(parts=[TextPart("I would go left.")]), "calls no skill"),
        (call("fly"), "fly"),
        (call("go_to_room", room="kitchen_2"), "Did you mean 'kitchen_1'"),
        (ModelResponse(parts=[ToolCallPart("listen", '{"seconds": ')]), "Invalid JSON"),
        (call("listen", seconds=99.0), "must be a number in [0.5, 5]"),
    ],
)
def test_a_bad_reply_is_counted_and_asked_again_with_the_reason(bad: Reply, reason: str) -> None:
    """One bad reply costs a second request that says why; the good one is then taken."""
    double = Double(bad, call("explore"))
    planner = planner_of(double)
    assert planner.plan(TOLD, SKILLS, ()) == SkillCall("explore")
    assert planner.usage.invalid_replies == 1
    assert planner.usage.requests == 2
    assert reason in double.prompt(1)
    assert "refused" in double.prompt(1)


def test_two_bad_replies_end_the_turn_as_invalid() -> None:
    """No third request, no action in its place, and the next turn starts afresh."""
    double = Double(call("fly"), call("swim"), call("explore"))
    planner = planner_of(double)
    decision = planner.plan(TOLD, SKILLS, ())
    assert isinstance(decision, Invalid)
    assert "swim" in decision.reply
    assert not decision.final
    assert planner.usage.invalid_replies == 2
    assert planner.plan(TOLD, SKILLS, ()) == SkillCall("explore")
    assert "refused" not in double.prompt(2)


def test_answers_carry_text_and_confidence() -> None:
    """The tool `answer` is the final answer."""
    double = Double(call("answer", text="the kitchen", confidence=0.9))
    assert planner_of(double).plan(TOLD, SKILLS, ()) == Answer("the kitchen", 0.9)


def test_json_mode_asks_for_one_object() -> None:
    """Small models get a schema and no tools; the object they write is the call."""
    good = '{"call": {"skill": "go_to_sound", "sound": "sound_1", "reason": "it rings"}}'
    double = Double(ModelResponse(parts=[TextPart("not json")]), ModelResponse(parts=[TextPart(good)]))
    planner = planner_of(double, mode="json")
    decision = planner.plan(TOLD, SKILLS, ())
    assert decision == SkillCall("go_to_sound", {"sound": "sound_1"}, "it rings")
    assert planner.usage.invalid_replies == 1
    info = double.asked[0][1]
    assert info.function_tools == []
    assert info.model_request_parameters.output_mode == "native"
    assert "go_to_sound(sound: sound_1)" in double.prompt(0)


def test_schemas_require_what_a_grammar_must_not_forget() -> None:
    """In the one-object schema each skill is a branch that fixes its name and requires all arguments."""
    branches = call_schema(SKILLS)["properties"]["call"]["anyOf"]
    assert [b["properties"]["skill"]["enum"] for b in branches] == [[s.name] for s in SKILLS]
    assert all(b["required"] == list(b["properties"]) for b in branches)
    listen = next(s for s in SKILLS if s.name == "listen")
    assert tool_schema(listen)["properties"]["seconds"]["maximum"] == 5.0
    assert tool_schema(listen)["required"] == []
    assert decision_of_object({"call": "explore"}) == SkillCall("no_skill_named")


@pytest.mark.parametrize(
    ("settings", "told", "named"),
    [
        ({"max_requests": 1}, TOLD, "max_requests"),
        ({"max_tokens": 20}, TOLD, "max_tokens"),
        ({"max_sim_seconds": 5.0}, dataclasses.replace(TOLD, time_s=6.0), "max_sim_seconds"),
    ],
)
def test_caps_end_the_episode(settings: dict[str, Any], told: PlannerObservation, named: str) -> None:
    """Caps on requests, tokens and simulated time end planning with the setting's name."""
    planner = planner_of(Double(call("fly")), **settings)
    decision = planner.plan(told, SKILLS, ())
    assert isinstance(decision, Invalid)
    assert decision.final
    assert named in decision.reason
    assert planner.usage.requests <= 1


def test_everything_is_logged_and_equal_runs_log_the_same() -> None:
    """Prompts, replies, refusals and messages are in the transcript, without clocks and random ids."""
    logs = []
    for _ in range(2):
        planner = planner_of(Double(ModelResponse(parts=[ToolCallPart("fly", {}, "id")]), call("explore")))
        planner.plan(TOLD, SKILLS, ())
        logs.append(planner.transcript.records())
    kinds = [entry["kind"] for entry in logs[0]]
    assert kinds == ["prompt", "note", "refusal", "prompt", "note", "reply"]
    assert "fly" in str(logs[0][1])
    assert "timestamp" not in str(logs[0])
    assert "1. Nothing heard yet: listen." in read_prompt_of("chat")


def read_prompt_of(name: str) -> str:
    """The instructions that an agent's folder ships."""
    from avi_env.agents.load import load_manifest

    return read_prompt(load_manifest(name), "system")


def test_the_library_double_survives_an_episode() -> None:
    """pydantic-ai's TestModel, which fills arguments from the schema by itself, only ever gives valid calls."""
    planner = ChatPlanner(ChatSettings(), "You plan.", model=TestModel(call_tools=["go_to_sound", "look_around"]))
    house = TextHouse(2)
    house.listened = True
    decision = planner.plan(house.observation(), offered_skills(house.observation()), ())
    assert isinstance(decision, SkillCall)
    assert planner.usage.invalid_replies == 0


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without endpoint or model the error says which setting and which variable; nothing falls back to rules."""
    for name in ("AVI_LLM_BASE_URL", "AVI_LLM_MODEL", "AVI_LLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"base_url.*AVI_LLM_BASE_URL"):
        load_planner("chat")
    monkeypatch.setenv("AVI_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match=r"model.*AVI_LLM_MODEL"):
        load_planner("chat")
    monkeypatch.setenv("AVI_LLM_MODEL", "some-model")
    assert load_planner("chat").name == "chat (some-model)"
    with pytest.raises(ValueError, match="no http"):
        load_planner("chat", base_url="localhost:80")
    with pytest.raises(ValueError, match="Did you mean 'json'"):
        load_planner("chat", mode="jsn")


@pytest.mark.block_network(allowed_hosts=["127.0.0.1"])
def test_an_unreachable_endpoint_names_the_setting() -> None:
    """Nobody listens on that port: the error names base_url."""
    planner = load_planner("chat", base_url="http://127.0.0.1:9/v1", model="some-model")
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9.*AVI_LLM_BASE_URL"):
        planner.plan(TOLD, SKILLS, ())


def test_a_missing_library_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error is the command to install it."""
    monkeypatch.setitem(__import__("sys").modules, "pydantic_ai", None)
    with pytest.raises(ImportError, match=r'pip install "avi-env\[llm\]"'):
        load_planner("chat", base_url="http://127.0.0.1:9/v1", model="some-model")


def test_the_key_is_never_shown() -> None:
    """Neither settings nor transcript print the key."""
    planner = load_planner("chat", base_url="http://127.0.0.1:9/v1", model="some-model", api_key="sk-hidden")
    assert isinstance(planner, ChatPlanner)
    assert "sk-hidden" not in repr(planner.settings)
