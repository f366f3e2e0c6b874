"""What planners are told, what they are offered, and which replies are refused."""

from __future__ import annotations

import dataclasses

import pytest

from avi_env.agents.offer import SKILL_NAMES, as_decision, call_error, offered_skills
from avi_env.agents.protocol import (
    Answer,
    HeardSound,
    PlannerObservation,
    RoomSeen,
    SeenObject,
    SkillCall,
    SkillResult,
    direction_words,
)
from avi_env.agents.question import likely_sources, parse_question, room_answer, target_sound
from avi_env.sounds import sound_classes, sound_phrase

PHONE = HeardSound("sound_1", "phone", -80.0, 62.0, 0.8, True, 6.0)
ROOMS = (
    RoomSeen("hallway_0", "hallway", 0.9, True),
    RoomSeen("bedroom_1", "bedroom"),
    RoomSeen("bedroom_2", "bedroom"),
)
TOLD = PlannerObservation(
    "Which room is the ringing phone in?",
    room="hallway_0",
    heard=(PHONE,),
    seen=(
        SeenObject("sofa_3", "sofa", "hallway_0", 2.0, 10.0),
        SeenObject("phone_7", "phone", "bedroom_1", 4.0, -60.0),
    ),
    rooms=ROOMS,
    frontiers=2,
)


@pytest.mark.parametrize(
    ("azimuth", "words"),
    [
        (0, "ahead"),
        (45, "ahead-right"),
        (90, "right"),
        (-90, "left"),
        (180, "behind"),
        (-135, "behind-left"),
        (359, "ahead"),
    ],
)
def test_directions_are_clockwise(azimuth: float, words: str) -> None:
    """Positive azimuth is to the right."""
    assert direction_words(azimuth) == words


def test_text_of_a_full_observation_stays_short() -> None:
    """Forty objects, twenty sounds and rooms still make a text of at most 1200 tokens (4 characters a token)."""
    crowd = dataclasses.replace(
        TOLD,
        heard=tuple(dataclasses.replace(PHONE, track=f"sound_{i}") for i in range(20)),
        seen=tuple(
            SeenObject(f"washing_machine_{i}", "washing_machine", "living_room_4", 9.5, -170.0) for i in range(40)
        ),
        rooms=tuple(RoomSeen(f"living_room_{i}", "living_room", 0.5, True, 12.0) for i in range(20)),
        last=SkillResult(SkillCall("go_to_sound", {"sound": "sound_1"}), "failed", "lost_sound", "it fell silent"),
    )
    assert len(crowd.to_text()) <= 4 * 1200


def test_text_names_the_source_first() -> None:
    """What can make the sound comes before nearer furniture."""
    text = TOLD.to_text()
    assert text.index("phone_7") < text.index("sofa_3")
    assert "left (-80 deg)" in text


def test_choices_name_only_what_is_known() -> None:
    """Each turn's arguments are enums of heard sounds, seen objects and known rooms."""
    choices = {s.name: s.arguments[0].choices for s in offered_skills(TOLD) if s.arguments}
    assert choices["go_to_sound"] == ("sound_1",)
    assert choices["go_to_object"] == ("phone_7", "sofa_3")
    assert choices["go_to_room"] == ("bedroom_1", "bedroom_2")


def test_skills_without_a_target_are_not_offered() -> None:
    """In silence, with nothing seen and nothing left to explore, only standing skills and the end remain."""
    names = [s.name for s in offered_skills(PlannerObservation("Find it."))]
    assert names == ["look_around", "listen", "answer", "stop"]
    assert set(names) < set(SKILL_NAMES)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (SkillCall("go_to_sund", {"sound": "sound_1"}), "Did you mean 'go_to_sound'"),
        (SkillCall("go_to_sound", {"sound": "sound_2"}), "Did you mean 'sound_1'"),
        (SkillCall("go_to_sound", {}), "needs the argument 'sound'"),
        (SkillCall("explore", {"where": "north"}), "unknown argument of explore 'where'"),
        (SkillCall("listen", {"seconds": 60.0}), "must be a number in [0.5, 5]"),
        (SkillCall("listen", {"seconds": "long"}), "must be a number in [0.5, 5]"),
        (Answer("  "), "the answer is empty"),
    ],
)
def test_bad_calls_are_refused_with_the_reason(call: SkillCall | Answer, reason: str) -> None:
    """A refusal names the culprit and the nearest valid name."""
    assert reason in call_error(call, offered_skills(TOLD))


def test_good_calls_pass() -> None:
    """Calls on offer and answers are accepted, optional arguments may be left out."""
    for call in (
        SkillCall("explore"),
        SkillCall("listen"),
        SkillCall("go_to_room", {"room": "bedroom_2"}),
        Answer("hall"),
    ):
        assert call_error(call, offered_skills(TOLD)) == ""
    assert as_decision(SkillCall("answer", {"text": "hall", "confidence": 3.0})) == Answer("hall", 1.0)


def test_results_use_the_closed_lists() -> None:
    """A status or code that is not on the list is an error at once, with the nearest one."""
    with pytest.raises(ValueError, match="Did you mean 'success'"):
        SkillResult(SkillCall("explore"), "succes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Did you mean 'unreachable'"):
        SkillResult(SkillCall("explore"), "failed", "unreachble")


@pytest.mark.parametrize("name", sound_classes())
def test_questions_about_every_sound_class_are_understood(name: str) -> None:
    """The question that a run asks by itself is parsed to its class of sound."""
    question = parse_question(f"Which room is the {sound_phrase(name)} in?")
    assert (question.goal, question.sound_class) == ("which_room", name)


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("What is ringing?", "what_sound"),
        ("How many rooms are there?", "count_rooms"),
        ("Is there a bathtub in the house?", "exists"),
        ("Where is the sofa?", "which_room"),
        ("Go to the barking dog and stop there.", "find"),
    ],
)
def test_kinds_of_question(text: str, goal: str) -> None:
    """Other questions are told apart by their words."""
    assert parse_question(text).goal == goal


def test_a_sound_of_another_class_is_not_the_target() -> None:
    """A sure kettle is not the phone asked for, an unsure sound may be."""
    phone = parse_question("Which room is the ringing phone in?")
    kettle = HeardSound("sound_2", "kettle", 0.0, 80.0, 0.9, True)
    assert target_sound(phone, (kettle, PHONE)) == PHONE
    assert target_sound(phone, (kettle,)) is None
    unsure = dataclasses.replace(kettle, confidence=0.2)
    assert target_sound(phone, (unsure,)) == unsure


def test_an_object_found_silent_is_no_source() -> None:
    """After a walk to a phone that turned out silent, that phone is out."""
    question = parse_question(TOLD.instruction)
    assert [o.name for o in likely_sources(question, TOLD, ())] == ["phone_7"]
    walk = SkillResult(SkillCall("go_to_object", {"object": "phone_7"}), "failed", "lost_sound")
    assert likely_sources(question, TOLD, (walk,)) == ()


def test_rooms_are_answered_by_type_when_that_is_unique() -> None:
    """One hallway is "hallway", one of two bedrooms keeps its number."""
    assert room_answer("hallway_0", ROOMS) == "hallway"
    assert room_answer("bedroom_2", ROOMS) == "bedroom 2"
