"""Scenarios written in Python say what files say, and can be written to files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from avi_env.scenario import Scenario, ScenarioError, json_schema, parse_scenario, scenario, to_yaml
from avi_env.scenario.cases import cases
from avi_env.scenario.document import Event, Expectation, Task
from avi_env.scenario.effects import EFFECTS, SoundStart
from avi_env.scenario.parts import Place, Start
from avi_env.scenario.solution_steps import GoTo
from avi_env.scenario.surroundings import World

FILE = """
schema: 1
name: kettle
summary: a kettle boils
tags: [safety]
world:
  scene: house:7
  seed: [1, 2]
  sources: {visitor: {room: hallway_1}}
  objects: {vase: {category: vase, place: {room: kitchen_1}, hidden: true}}
  params: {gap: [0.3, 0.9]}
  doors: {door_2: shut}
agent: {planner: rules, start: {room: bedroom_1}}
task: {instruction: Find the kettle., target: kettle}
timeline:
  - {id: boil, do: sound.start, at: 2.0, source: kettle_1, clip: kettle}
  - {do: sound.move, after: boil, delay: "${gap}", source: visitor, to: {object: kettle_1}}
expect:
  - {id: reach, eventually: "distance(agent, kettle_1) < 1", within: 60, after: boil}
  - {always: "collisions_per_min < 6"}
budgets: {steps: 100}
repeat: {n: 3, pass: 2}
metrics: [spl]
solution: [{go_to: kettle_1}, {stop: true}]
expect_fail: [random]
"""


def draft() -> Any:
    """The scenario of FILE, written in Python."""
    return (
        scenario("kettle", scene="house:7", seed=[1, 2], summary="a kettle boils", tags=("safety",))
        .source("visitor", room="hallway_1")
        .prop("vase", "vase", Place(room="kitchen_1"), hidden=True)
        .world(params={"gap": (0.3, 0.9)}, doors={"door_2": "shut"})
        .agent("rules", start=Start(room="bedroom_1"))
        .task("Find the kettle.", target="kettle")
        .event("boil", do="sound.start", at=2.0, source="kettle_1", clip="kettle")
        .event(do="sound.move", after="boil", delay="${gap}", source="visitor", to=Place(object="kettle_1"))
        .expect("reach", eventually="distance(agent, kettle_1) < 1", within=60, after="boil")
        .expect(always="collisions_per_min < 6")
        .budgets(steps=100)
        .repeat(3, needed=2)
        .metrics("spl")
        .solution(GoTo(go_to="kettle_1"), {"stop": True})
        .expect_fail("random")
    )


def test_equals_the_file() -> None:
    """The builder makes the scenario that the file says."""
    built = draft().build()
    assert built == parse_scenario(FILE, "kettle.scenario.yaml")
    assert [case.id for case in cases(built)] == [case.id for case in cases(parse_scenario(FILE, "x"))]


def test_drafts_do_not_change() -> None:
    """A draft can be continued in two ways."""
    first = draft()
    first.expect(never="collided")
    assert first.document == draft().document


def test_there_and_back() -> None:
    """What is written is read as it was: from files, from Python, of cases, of models."""
    built = draft().build()
    assert parse_scenario(to_yaml(built), "x") == built
    for case in cases(built):
        assert parse_scenario(to_yaml(case.scenario), "x") == case.scenario
    made = Scenario(
        schema=1,
        name="made",
        world=World(scene="shoebox", doors={"door_1": 0.5}),
        task=Task(instruction="Wait."),
        timeline=(Event(at=1.0, effect=SoundStart(source="a", clip="phone")),),
        expect=(Expectation(always="t < 9"),),
    )
    assert made.timeline[0].id == "event_1"
    assert parse_scenario(to_yaml(made), "x") == made


@pytest.mark.parametrize(
    "text",
    ["1e3", "12:30", "off", "yes", "null", "~", "3", "0x1F", "2020-01-01", "a: b", "# x", "é\n\n\tz ", "'", "${"],
)
def test_awkward_texts(text: str) -> None:
    """Texts that look like something else stay texts."""
    built = draft().task(text).build()
    assert built.task.instruction == text
    assert parse_scenario(to_yaml(built), "x") == built


def test_errors_name_the_place() -> None:
    """A fault is told with its place in the scenario, though there is no file."""
    with pytest.raises(ScenarioError) as found:
        draft().event("mute", at=1, do="sound.stop", suorce="x").agent("ruels").build()
    assert "scenario 'kettle': agent.planner: unknown agent 'ruels'. Did you mean 'rules'?" in str(found.value)
    assert "scenario 'kettle': timeline[2].suorce: unknown key 'suorce'. Did you mean 'source'?" in str(found.value)


def test_json_schema() -> None:
    """The schema is JSON, resolves its own references, and tells an event's fields beside those of its effect."""
    schema = json_schema()
    text = json.dumps(schema)
    references = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert references <= set(schema["$defs"])
    assert set(schema["required"]) == {"schema", "name", "world", "task", "expect"}
    events = schema["$defs"]["Event"]["oneOf"]
    assert [event["title"] for event in events] == list(EFFECTS)
    assert {"id", "at", "when", "after", "delay", "do", "source", "clip"} <= set(events[0]["properties"])
    assert "do" in events[0]["required"]
