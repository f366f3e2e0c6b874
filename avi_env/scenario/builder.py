"""Scenarios written in Python, as strong as the files; and back to files.

from avi_env.scenario import scenario, to_yaml

test = (
scenario("kettle", scene="house:7", seed=[1, 2])
.task("Find the kettle.")
.event("boil", at=2.0, do="sound.start", source="kettle_1", clip="kettle")
.expect("reach", eventually="distance(agent, kettle_1) < 1", within=60, after="boil")
.build()
)
print(to_yaml(test))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avi_env.scenario.document import TRIGGERS, Scenario
from avi_env.scenario.effects import EFFECTS
from avi_env.scenario.located import NUMBER, Tree
from avi_env.scenario.parts import Part
from avi_env.scenario.reading import scenario_from_tree

__all__ = ["ScenarioDraft", "json_schema", "scenario", "to_yaml"]


@dataclass(frozen=True)
class ScenarioDraft:
    """A scenario that is being written. Each method returns a new draft with something added."""

    document: Mapping[str, Any]
    """What the file would say so far."""

    def world(self, **fields: Any) -> ScenarioDraft:
        """Sets fields of `world`: params, doors, lights, noise_db, sources, objects."""
        return self._with("world", {**self.document["world"], **fields})

    def source(self, name: str, **place: Any) -> ScenarioDraft:
        """Names a place from which sounds and voices come: object, room or position, and height [m]."""
        return self._in_world("sources", name, place)

    def prop(self, name: str, category: str, place: Any, **fields: Any) -> ScenarioDraft:
        """Brings a thing into the house: its category, its place, and `hidden=True` if it is to appear later."""
        return self._in_world("objects", name, {"category": category, "place": place, **fields})

    def agent(self, planner: str = "rules", **fields: Any) -> ScenarioDraft:
        """Says who is tested, with which policy, and from where (start)."""
        return self._with("agent", {"planner": planner, **fields})

    def task(self, instruction: str, **fields: Any) -> ScenarioDraft:
        """Says what the agent is told; type, goal, target and answers as in a file."""
        return self._with("task", {"instruction": instruction, **fields})

    def event(self, id: str = "", *, do: str, **fields: Any) -> ScenarioDraft:
        """Adds an event: exactly one of at, when and after, and the fields of what it does."""
        return self._append("timeline", {**({"id": id} if id else {}), "do": do, **fields})

    def expect(self, id: str = "", **fields: Any) -> ScenarioDraft:
        """Adds an expectation: exactly one operator, and what narrows it."""
        return self._append("expect", {**({"id": id} if id else {}), **fields})

    def budgets(self, **fields: Any) -> ScenarioDraft:
        """Limits steps, llm_calls, tokens and sim_seconds."""
        return self._with("budgets", fields)

    def repeat(self, n: int, needed: int | str = "all") -> ScenarioDraft:
        """Runs each case `n` times, of which `needed` must pass."""
        return self._with("repeat", {"n": n, "pass": needed})

    def metrics(self, *names: str) -> ScenarioDraft:
        """Asks for numbers to show."""
        return self._with("metrics", list(names))

    def solution(self, *steps: Mapping[str, Any] | Part) -> ScenarioDraft:
        """Says how it can be passed: `{"go_to": "kettle_1"}`, `{"stop": True}`."""
        return self._with("solution", list(steps))

    def expect_fail(self, *agents: str) -> ScenarioDraft:
        """Names agents that must not pass."""
        return self._with("expect_fail", list(agents))

    def build(self) -> Scenario:
        """Returns the scenario.

        Raises:
            ScenarioError: something is wrong in it; all of it is told.
        """
        return scenario_from_tree(Tree(f"scenario {self.document['name']!r}", self.document))

    def _with(self, key: str, value: Any) -> ScenarioDraft:
        return ScenarioDraft({**self.document, key: _plain(value)})

    def _append(self, key: str, entry: Mapping[str, Any]) -> ScenarioDraft:
        return self._with(key, [*self.document.get(key, []), entry])

    def _in_world(self, key: str, name: str, value: Any) -> ScenarioDraft:
        return self.world(**{key: {**self.document["world"].get(key, {}), name: value}})


def scenario(
    name: str,
    *,
    scene: str | Path | list[str],
    seed: int | list[int] = 0,
    summary: str = "",
    tags: tuple[str, ...] = (),
) -> ScenarioDraft:
    """Begins a scenario.

    Args:
        name: small letters, digits and underscores.
        scene: name or path of the house; a list is a sweep.
        seed: everything that is drawn is drawn from it; a list is a sweep.
        summary: one line.
        tags: words to choose scenarios by.
    """
    head: dict[str, Any] = {"schema": 1, "name": name}
    head |= {"summary": summary} if summary else {}
    head |= {"tags": list(tags)} if tags else {}
    return ScenarioDraft({**head, "world": _plain({"scene": scene, "seed": seed})})


def to_yaml(scenario: Scenario) -> str:
    """Returns the file of a scenario; reading it gives an equal one."""
    import yaml

    document = scenario.origin.tree.value
    if document is None:  # made from models, or a case
        document = scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    class Dumper(yaml.SafeDumper):
        """Puts in quotes what readers of either schema of YAML take for a number: 1.1 knows no 1e3, 1.2 no 1:30."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema of the files, with which editors complete and check them."""
    schema = Scenario.model_json_schema(by_alias=True)
    events = schema["$defs"].pop("Event")
    triggers = {name: schema for name, schema in events["properties"].items() if name in TRIGGERS}
    choices = []
    for word, model in EFFECTS.items():
        effect = schema["$defs"].pop(model.__name__)
        properties = {**triggers, **effect["properties"]}
        required = ["do", *effect.get("required", [])]
        choices.append({**effect, "title": word, "properties": properties, "required": required})
    schema["$defs"]["Event"] = {"description": events["description"], "oneOf": choices}
    definitions = {name: _with_parameters(part) for name, part in schema.pop("$defs").items()}
    definitions["Parameter"] = {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def _with_parameters(schema: Any) -> Any:
    """Returns a schema in which "${name}" may stand for a number, a word of a list, true and false."""
    if isinstance(schema, list):
        return [_with_parameters(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("number", "integer", "boolean") or "enum" in schema:
        told = {key: schema[key] for key in ("default", "description", "title") if key in schema}
        inner = {key: value for key, value in schema.items() if key not in told}
        return {**told, "anyOf": [inner, {"$ref": "#/$defs/Parameter"}]}
    # The values of params are what is put in: nothing stands for them.
    return {key: value if key in ("params", "default") else _with_parameters(value) for key, value in schema.items()}


def _plain(value: Any) -> Any:
    """Returns a value as a file holds it."""
    if isinstance(value, Part):
        return value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
