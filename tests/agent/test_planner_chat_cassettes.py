"""The chat planner against a real endpoint, recorded: llama.cpp's server with SmolLM2-135M-Instruct on port 18080.

To record again: start such a server (xllamacpp.Server with port 18080 and alias "smollm2-135m", one thread) and run
`pytest tests/agent/test_planner_chat_cassettes.py --record-mode=rewrite --allowed-hosts=127.0.0.1`.
"""

from __future__ import annotations

from typing import Any

import pytest

from avi_env.agents.load import load_planner
from avi_env.agents.offer import call_error, offered_skills
from avi_env.agents.protocol import HeardSound, Invalid, PlannerObservation, RoomSeen, SkillCall

pytest.importorskip("pydantic_ai")

_ENDPOINT = "http://127.0.0.1:18080/v1"
_TOLD = PlannerObservation(
    "Which room is the ringing phone in?",
    room="hallway_0",
    heard=(HeardSound("sound_1", "phone", -80.0, 62.0, 0.8, True),),
    rooms=(RoomSeen("hallway_0", "hallway", 0.5, True), RoomSeen("kitchen_1", "kitchen", 0.2)),
    frontiers=3,
)


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    """What makes two requests the same, and what is never recorded."""
    return {
        "filter_headers": [
            "authorization",
            "user-agent",
            "x-stainless-os",
            "x-stainless-arch",
            "x-stainless-runtime-version",
        ],
        "match_on": ["method", "scheme", "host", "port", "path", "asked"],
        "decode_compressed_response": True,
    }


@pytest.mark.vcr
def test_a_small_model_kept_to_the_schema_gives_a_valid_call() -> None:
    """Native JSON schema output of a real server is a skill on offer, and its tokens are accounted."""
    planner = load_planner(
        "chat_local", base_url=_ENDPOINT, model="smollm2-135m", api_key="secret", max_reply_tokens=60
    )
    skills = offered_skills(_TOLD)
    decision = planner.plan(_TOLD, skills, ())
    assert isinstance(decision, SkillCall)
    assert call_error(decision, skills) == ""
    assert planner.usage.requests == 1
    assert planner.usage.prompt_tokens > 100
    assert planner.usage.completion_tokens > 5
    assert "secret" not in str(planner.transcript.records())


@pytest.mark.vcr
def test_a_model_that_chats_instead_of_calling_is_asked_twice_and_counted() -> None:
    """A model without tool template answers in prose: two bad replies, then the turn is invalid."""
    planner = load_planner("chat", base_url=_ENDPOINT, model="smollm2-135m", max_reply_tokens=16)
    decision = planner.plan(_TOLD, offered_skills(_TOLD), ())
    assert isinstance(decision, Invalid)
    assert not decision.final
    assert planner.usage.requests == 2
    assert planner.usage.invalid_replies == 2


@pytest.mark.vcr
def test_a_wrong_address_names_the_setting() -> None:
    """A 404 of the endpoint says which settings to look at."""
    planner = load_planner("chat", base_url="http://127.0.0.1:18080/wrong", model="smollm2-135m")
    with pytest.raises(ValueError, match=r"AVI_LLM_MODEL.*AVI_LLM_BASE_URL"):
        planner.plan(_TOLD, offered_skills(_TOLD), ())
