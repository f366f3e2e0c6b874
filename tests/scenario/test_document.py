"""Scenario files: what is read, and that whatever is wrong in one is told with its place."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from avi_env.scenario import ScenarioError, ScenarioWarning, load_scenario, parse_scenario
from avi_env.scenario.cases import cases, repeat_seed
from avi_env.scenario.effects import EFFECTS
from avi_env.scenario.located import read_tree
from avi_env.scenario.reading import scenario_from_tree

GOOD = """\
schema: 1
name: kettle_then_doorbell
summary: a kettle, then a visitor
tags: [safety, speech]
world:
  scene: house:7
  seed: [7, 8]
  params: {gap: [0.5, 1.0], who: visitor}
  sources: {visitor: {room: hallway_1}, call: {object: phone_1, height: 0.9}, spot: {position: [1, 0, 2.5]}}
  objects: {vase: {category: vase, place: {room: kitchen_1}, hidden: true}}
  doors: {door_2: shut, "kitchen_1/hallway_1": open, door_3: 0.25}
  lights: {bedroom_1: off}
  noise_db: 30.0
agent: {planner: rules, policy: classical, start: {room: bedroom_1, yaw_deg: 90}}
task: {type: av_nav, instruction: "Find the kettle.", goal: kettle_1, target: kettle, answers: [kitchen]}
timeline:
  - {id: boil, at: 2.0, do: sound.start, source: kettle_1, clip: kettle, gain_db: -6}
  - {id: bell, when: "visible(kettle_1) and distance(agent, kettle_1) < 1.5", delay: "${gap}", do: sound.play, source: call, clip: doorbell}
  - {id: ask, after: bell, delay: 3.0, do: speech.say, speaker: "${who}", text: "Anyone home?", voice: synthetic}
  - {at: 9, do: sound.move, source: visitor, to: {room: kitchen_1}, speed: 1.2}
  - {at: 10, repeat: false, do: door.set, door: door_2, openness: open}
  - {id: crash, after: ask, do: object.fall, object: vase}
  - {at: 12, do: light.on, room: bedroom_1}
  - {id: mute, when: "t > 40", do: sound.stop, source: kettle_1}
expect:
  - {id: reach, eventually: "distance(agent, kettle_1) < ${gap}", within: 60, hold_for: 1}
  - {id: order, before: {first: reach, second: door}}
  - {id: door, eventually: "in_room(agent, hallway)", within: 45, after: bell, because: "somebody rang"}
  - {id: calm, always: "collisions_per_min < 6"}
  - {id: quiet, never: "skill == 'say'", until: bell}
  - {id: often, count: {of: bell, at_least: 1, at_most: 2}}
  - {eventually: "said(agent) ~ 'coming|yes'", within: 10, after: "happened(ask)", severity: warn}
budgets: {steps: 1500, llm_calls: 25, tokens: null, sim_seconds: 180}
repeat: {n: 3, pass: 2}
metrics: [spl, sws, llm_calls]
solution:
  - {go_to: kettle_1, within: 0.8}
  - {wait_until: "happened(bell)", timeout: 20}
  - {say: "Yes, coming."}
  - {stop: true}
expect_fail: [random]
"""  # noqa: E501 - files have long lines

# The example of the sheet on planners and scenario tests, but for the name of its scene.
SHEET = """\
schema: 1
name: kettle_then_doorbell
world: {scene: house:7, seed: 7, params: {t60: [0.3, 0.9]}}     # lists = sweep
agent: {planner: rules, policy: oracle, start: {room: bedroom_1}}
task: {type: av_nav, instruction: "Find what is whistling, then answer the door."}
timeline:
  - {id: boil, at: 2.0, do: sound.start, source: kettle_1, clip: whistle, gain_db: -6}
  - {id: bell, when: "visible(kettle_1) and dist(agent, kettle_1) < 1.5", delay: 1.0, do: sound.play, source: door_1, clip: bell}
  - {id: ask,  after: bell, delay: 3.0, do: speech.say, speaker: visitor, text: "Anyone home?", clip: tts}
  - {id: mute, when: "t > 40", do: sound.stop, source: kettle_1}
expect:
  - {id: reach, eventually: "dist(agent, kettle_1) < 1.0", within: 60}
  - {id: order, before: {first: reach, second: door}}
  - {id: door,  eventually: "in_room(agent, hallway)", within: 45, after: bell}
  - {id: calm,  always: "collisions_per_min < 6"}
  - {id: quiet, never: "skill == 'ask'", until: bell}
  - {id: speak, eventually: "said(agent) ~ 'coming|yes'", within: 10, after: ask, severity: warn}
budgets: {steps: 1500, llm_calls: 25, tokens: 30000, sim_seconds: 180}
repeat: {n: 5, pass: all}            # or k_of_n
metrics: [spl, sws, llm_calls]
"""  # noqa: E501

# What is changed in GOOD, into what, the place that is told, and what is said. The line is that of the change.
MUTATIONS = [
    ("schema: 1", "schema: 2", "schema", "must be 1, got 2"),
    ("schema: 1", "shcema: 1", "shcema", "Did you mean 'schema'?"),
    ("name: kettle_then_doorbell", "name: Kettle then doorbell", "name", "is no name"),
    ("summary: a kettle, then a visitor", "summary: [a]", "summary", "must be a text, got a list"),
    ("tags: [safety, speech]", "tags: safety", "tags", "must be a list, got 'safety'"),
    ("tags: [safety, speech]", "tags: [safety, 3]", "tags[1]", "must be a text, got 3"),
    ("scene: house:7", "secne: house:7", "world.secne", "Did you mean 'scene'?"),
    ("scene: house:7", "scene: [house:7, 3]", "world.scene[1]", "must be a text"),
    ("seed: [7, 8]", "seed: [7, 8.5]", "world.seed[1]", "must be a whole number"),
    ("seed: [7, 8]", "seed: -1", "world.seed", "greater than or equal to 0"),
    ("seed: [7, 8]", "seed: []", "world.seed", "at least 1 item"),
    ("gap: [0.5, 1.0]", "gap: {a: 1}", "world.params.gap", "a parameter is a text, a number"),
    ("gap: [0.5, 1.0]", "gap: [0.5, big]", "timeline[1].delay", "must be a number, got 'big' (with gap=big)"),
    ("{room: hallway_1}", "{rom: hallway_1}", "world.sources.visitor.rom", "Did you mean 'room'?"),
    ("{room: hallway_1}", "{room: hallway_1, object: x}", "world.sources.visitor", "exactly one of object, room"),
    ("{position: [1, 0, 2.5]}", "{position: [1, 0]}", "world.sources.spot.position[2]", "is missing"),
    ("{position: [1, 0, 2.5]}", "{position: [1, .nan, 2]}", "world.sources.spot.position[1]", "a finite number"),
    ("hidden: true", "hidden: yes", "world.objects.vase.hidden", "must be true or false, got 'yes'"),
    ("{category: vase, place", "{categroy: vase, place", "world.objects.vase.categroy", "Did you mean 'category'?"),
    ("objects: {vase: {", "objects: {visitor: {", "world.objects.visitor", "is a source as well"),
    ("door_2: shut", "door_2: shutt", "world.doors.door_2", "Did you mean 'shut'?"),
    ("door_3: 0.25", "door_3: 1.25", "world.doors.door_3", "less than or equal to 1"),
    ("bedroom_1: off", "bedroom_1: of", "world.lights.bedroom_1", "Did you mean 'off'?"),
    ("planner: rules", "planner: ruels", "agent.planner", "Did you mean 'rules'?"),
    ("type: av_nav", "type: av_nva", "task.type", "Did you mean 'av_nav'?"),
    ('instruction: "Find the kettle."', 'instruction: ""', "task.instruction", "must not be empty"),
    ("target: kettle", "target: ketle", "task.target", "unknown class of sound 'ketle'. Did you mean 'kettle'?"),
    ("at: 2.0", "at: soon", "timeline[0].at", "must be a number, got 'soon'"),
    ("at: 2.0", "at: -2.0", "timeline[0].at", "greater than or equal to 0"),
    ("at: 2.0, do", "at: 2.0, when: t > 1, do", "timeline[0]", "exactly one of at, when and after"),
    ("do: sound.start", "do: sound.strat", "timeline[0].do", "Did you mean 'sound.start'?"),
    ("do: sound.start, source", "source", "timeline[0].do", "is missing"),
    ("gain_db: -6", "gian_db: -6", "timeline[0].gian_db", "Did you mean 'gain_db'?"),
    ("clip: kettle", "clip: kettel", "timeline[0].clip", "Did you mean 'kettle'?"),
    ("visible(kettle_1) and", "visibel(kettle_1) and", "timeline[1].when", "visible"),
    ("visible(kettle_1) and", "visible(kettle_1 and", "timeline[1].when", ""),
    ('delay: "${gap}"', 'delay: "${gpa}"', "timeline[1].delay", "Did you mean 'gap'?"),
    ("{id: ask, after: bell", "{id: ask, after: bel", "timeline[2].after", "unknown event 'bel'. Did you mean 'bell'?"),
    ("{id: ask, after: bell", "{id: ask, after: crash", "timeline[2].after", "an event that waits for itself"),
    ("{id: crash, after: ask", "{id: bell, after: ask", "timeline[5].id", "timeline[1] has the id 'bell' as well"),
    ("source: visitor, to", "source: vistor, to", "timeline[3].source", "Did you mean 'visitor'?"),
    ("speed: 1.2", "speed: 0", "timeline[3].speed", "greater than 0"),
    ("eventually: \"in_room", "eventualy: \"in_room", "expect[2].eventualy", "Did you mean 'eventually'?"),
    ("within: 45, after: bell", "within: 45, after: bel", "expect[2].after", "Did you mean 'bell'?"),
    ("second: door", "second: order", "expect[1].before.second", "an expectation that waits for itself"),
    ("at_most: 2", "at_most: 0", "expect[5].count", "at_least 1 is more than at_most 0"),
    ('"happened(ask)"', '"happened(aks)"', "expect[6].after", "Did you mean 'ask'?"),
    ("severity: warn", "severity: warning", "expect[6].severity", "Did you mean 'warn'?"),
    ("steps: 1500", "steps: 1500.5", "budgets.steps", "must be a whole number"),
    ("pass: 2", "pass: 4", "repeat", "4 of 3 runs cannot pass"),
    ("metrics: [spl, sws", "metrics: [slp, sws", "metrics", "unknown metric 'slp'. Did you mean 'spl'?"),
    ("{go_to: kettle_1, within", "{goto: kettle_1, within", "solution[0]", "has one of go_to, face"),
    ("timeout: 20", "time_out: 20", "solution[1].time_out", "Did you mean 'timeout'?"),
    ("expect_fail: [random]", "expect_fail: [randon]", "expect_fail[0]", "Did you mean 'random'?"),
    ("budgets: {", "budgets {", "", "this is no YAML"),
    ("summary: a", "\tsummary: a", "", "this is no YAML"),
    ("lights: {bedroom_1: off}", "lights: {bedroom_1: off, bedroom_1: on}", "world.lights.bedroom_1", "is there twice"),
    ("{room: hallway_1}", "&place {room: hallway_1}", "world.sources.visitor", "anchors (&place) are not read"),
    ("scene: house:7", "scene: !!python/name:os.system x", "world.scene", "are not read"),
]  # fmt: skip


def problems_of(text: str | bytes) -> tuple:
    """The problems of a text that is no scenario."""
    with pytest.raises(ScenarioError) as found:
        parse_scenario(text, "house.scenario.yaml")
    return found.value.problems


def test_good_file() -> None:
    """Everything that a file can say is read, with types and defaults."""
    scenario = parse_scenario(GOOD, "house.scenario.yaml")
    assert scenario.world.doors == {"door_2": 0.0, "kitchen_1/hallway_1": 1.0, "door_3": 0.25}
    assert scenario.world.lights == {"bedroom_1": "off"}
    assert scenario.world.sources["spot"].position == (1.0, 0.0, 2.5)
    assert [event.id for event in scenario.timeline][3:5] == ["event_4", "event_5"]
    assert scenario.timeline[1].delay == 0.5
    assert scenario.timeline[2].effect.speaker == "visitor"
    assert scenario.expect[0].eventually == "distance(agent, kettle_1) < 0.5"
    assert scenario.expect[6].id == "expect_7"
    assert [one.operator for one in scenario.expect] == [
        "eventually", "before", "eventually", "always", "never", "count", "eventually"
    ]  # fmt: skip
    assert scenario.repeat.passes_needed == 2
    assert scenario.kind_of("bell") == "event"
    assert scenario.kind_of("reach") == "expectation"
    assert scenario.kind_of("happened(ask)") == "expression"


def test_example_of_the_sheet() -> None:
    """The example that the format was designed with is read; that its parameter does nothing is told."""
    with pytest.warns(ScenarioWarning, match=r"house.scenario.yaml:3:43: world.params.t60: no"):
        scenario = parse_scenario(SHEET, "house.scenario.yaml")
    assert scenario.timeline[2].effect.voice == "tts"
    assert len(cases(scenario)) == 10


def test_places() -> None:
    """A scenario knows the line and column of all its places, of absent ones those around them."""
    scenario = parse_scenario(GOOD, "house.scenario.yaml")
    lines = GOOD.split("\n")
    for where, begins in (
        ("timeline[2].text", '"Anyone home?"'),
        ("world.doors.kitchen_1/hallway_1", "open, door_3"),
        ("expect[1].before.second", "door}}"),
        ("timeline[0].variant", "{id: boil"),
    ):
        line, column = scenario.mark(where)
        assert lines[line - 1][column - 1 :].startswith(begins), where
    assert scenario.location("name") == "house.scenario.yaml:2:7"


@pytest.mark.parametrize(("old", "new", "where", "said"), MUTATIONS, ids=lambda value: str(value)[:30])
def test_mutations(old: str, new: str, where: str, said: str) -> None:
    """Each fault is told once, at its place in its line, with what helps."""
    text = GOOD.replace(old, new, 1)
    found = problems_of(text)
    told = [problem for problem in found if problem.where == where and said in problem.message]
    assert told, "\n".join(map(str, found))
    assert all(problem.line and problem.column for problem in found)
    line = GOOD[: GOOD.index(old)].count("\n") + 1
    if "(with gap=" not in said:  # a parameter's value is wrong where it is put in
        assert told[0].line in (line, line + 1)  # YAML finds some faults at the beginning of the next line
    assert "Traceback" not in str(ScenarioError(found))


def test_mutations_are_many() -> None:
    """The list above stays as long as it was promised."""
    assert len(MUTATIONS) >= 50


def test_all_problems_at_once() -> None:
    """Faults of different kinds are told together, in the order of the file."""
    text = GOOD.replace("planner: rules", "planner: ruels").replace("gain_db", "gian_db").replace("t > 40", "tt > 40")
    lines = [problem.line for problem in problems_of(text)]
    assert lines == [14, 17, 24]


def test_column_within_an_expression() -> None:
    """A fault in an expression is told at its own column, not at that of the text."""
    text = GOOD.replace("t > 40", "t > 4 and nosuch(agent)")
    (problem,) = problems_of(text)
    line = text.split("\n")[problem.line - 1]
    assert line[problem.column - 1 :].startswith("nosuch")


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", "---\n", "# nothing\n", "- a\n- b\n", "3", "null", "text", "[" * 100_000, "{a: " * 5000,
        "- " * 5000, b"\xff\xfe\x00", b"\x00\x01", "a: \x07", 'a: "\\Uffffffff"', 'a: "\\ud800"', "a: \ud800",
        "%YAML 9.9\n---\na: 1",
        "%YAML 1.99999999999999999999\n---\na", "a: &x [*x, *x]", "? [a, b]\n: c", "? {a: b}", "a: !!binary aGk=",
        "a: " + "9" * 5000, "a: 1" + "0" * 400, "<<: {a: 1}", "schema: 1\n---\nschema: 1", "a: 'x", "\ta: 1", "a: b: c",
        "\n".join([f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9) if k else 1}]" for k in range(12)]), "x" * (1 << 21),
        "schema: 1e400", "schema: .inf", "schema: 0x1", "name: 2020-01-01", "timeline: {a: 1}", "timeline: [[[]]]",
        "world: []", "world: {params: [1]}", "world: {params: {a: []}}", "expect: [1, null, [], {}]",
        "solution: [null, {}]",
        "timeline: [null, {do: {}}, {do: []}, {do: sound.start, source: {}}]", "repeat: {n: true, pass: 0.5}",
        "world: {params: {" + ", ".join(f"a{k}: [1,2,3,4,5,6,7,8,9]" for k in range(30)) + "}}",
        "world: {params: {a: 1}, scene: '${'}", "agent: {planner: \"a\\0b\"}", "agent: {planner: " + "a/" * 5000 + "}",
    ],
    ids=lambda text: repr(text[:20]),
)  # fmt: skip
def test_no_scenario_at_all(text: str | bytes) -> None:
    """Whatever stands in a file, it is an error of ours with a place in the file."""
    for problem in problems_of(text):
        assert problem.path == "house.scenario.yaml"
        assert problem.line >= 1
        assert problem.column >= 1
        str(problem).encode("utf-8")


@pytest.mark.filterwarnings("ignore::avi_env.scenario.reading.ScenarioWarning")
def test_random_bytes_and_edits() -> None:
    """Random bytes, and random edits of a good file, are read or refused, never more than that."""
    draw = random.Random(8)
    good = GOOD.encode()
    pieces = [
        b"{",
        b"}",
        b"[",
        b"]",
        b": ",
        b"- ",
        b"'",
        b'"',
        b"\n",
        b"\t",
        b"${gap}",
        b"&a ",
        b"*a",
        b"!",
        b"#",
        b"%",
    ]
    refused: list[ScenarioError] = []
    for _ in range(100):
        text = bytearray(good) if draw.random() < 0.8 else bytearray(draw.randbytes(200))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(text))
            text[at : at + draw.choice([0, 1, 5, 40])] = draw.choice([*pieces, draw.randbytes(2)])
        try:
            parse_scenario(bytes(text), "x")
        except ScenarioError as error:
            refused.append(error)
    assert len(refused) > 50
    assert all(error.problems and all(problem.line for problem in error.problems) for error in refused)


def _inner(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    here = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [(value, key) for key, _ in here] + [pair for _, below in here for pair in _inner(below)]


@pytest.mark.filterwarnings("ignore::avi_env.scenario.reading.ScenarioWarning")
def test_wrong_types_everywhere() -> None:
    """A value of a wrong type, wherever it stands, is a fault with a place and nothing worse."""
    tree = read_tree(GOOD.replace("[0.5, 1.0]", "1.0"), "x")
    refused = 0
    for index, (container, key) in enumerate(_inner(tree.value)):
        was = container[key]
        container[key] = (["a"], {"a": [1]}, None, True, "9" * 300, -1)[index % 6]
        try:
            scenario_from_tree(tree)
        except ScenarioError as error:
            refused += all(problem.line for problem in error.problems)
        container[key] = was
    assert refused > 130


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is told as all else."""
    for path in (tmp_path / "none.scenario.yaml", tmp_path, Path("a\0b")):
        with pytest.raises(ScenarioError, match="cannot be read"):
            load_scenario(path)


def test_cases() -> None:
    """Seeds and parameters are unfolded, repeats have seeds of their own; what is not swept is not in the name."""
    scenario = parse_scenario(GOOD, "house.scenario.yaml")
    found = cases(scenario)
    assert len(found) == 2 * 2 * 3
    assert [case.id for case in found][:4] == [
        "kettle_then_doorbell[seed=7,gap=0.5]#0",
        "kettle_then_doorbell[seed=7,gap=0.5]#1",
        "kettle_then_doorbell[seed=7,gap=0.5]#2",
        "kettle_then_doorbell[seed=7,gap=1.0]#0",
    ]
    assert [case.seed for case in found][::3] == [7, 7, 8, 8]
    assert found[1].seed == repeat_seed(7, 1) != found[2].seed
    assert found[3].scenario.timeline[1].delay == 1.0
    assert found[3].scenario.expect[0].eventually == "distance(agent, kettle_1) < 1.0"
    assert found[3].params == {"gap": 1.0, "who": "visitor"}
    assert found[3].scenario.world.seed == 7
    assert found[3].scenario.mark("name") == (2, 7)
    assert scenario.world.seed == (7, 8)
    assert parse_scenario(GOOD, "elsewhere") == scenario


def test_scene_by_parameter() -> None:
    """A parameter may be part of a scene's name; a text that is nothing but one keeps its type."""
    text = GOOD.replace("scene: house:7", 'scene: ["house:${gap}", shoebox]').replace("[0.5, 1.0]", "[4, 5]")
    found = cases(parse_scenario(text, "x"))
    assert list(dict.fromkeys(case.scene for case in found)) == ["house:4", "house:5", "shoebox"]


def test_effects_by_word() -> None:
    """Every effect has its word, and is written with it."""
    assert all(model.model_fields["do"].default == word for word, model in EFFECTS.items())
    assert len(EFFECTS) == 14


def test_light_import() -> None:
    """Neither avi_env nor its scenario package loads pydantic or yaml; reading a file loads no torch."""
    code = textwrap.dedent(
        """
        import sys
        import avi_env, avi_env.scenario
        assert not {"pydantic", "yaml", "torch"} & set(sys.modules)
        avi_env.scenario.parse_scenario
        assert "torch" not in sys.modules and "warp" not in sys.modules
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
