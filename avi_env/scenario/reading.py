"""Reads scenarios from files and texts, and tells everything that is wrong in one: where, what, and what helps."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from avi_env.scenario.document import TRIGGERS, Event, Scenario
from avi_env.scenario.effects import EFFECTS
from avi_env.scenario.located import Origin, Problem, ScenarioError, Tree, place_below, read_tree
from avi_env.scenario.parts import Part, nearest
from avi_env.scenario.references import reference_problems
from avi_env.scenario.solution_steps import SOLUTION_STEPS
from avi_env.scenario.surroundings import Parameter

__all__ = [
    "ScenarioWarning",
    "filled_scenario",
    "load_scenario",
    "parameter_points",
    "parse_scenario",
    "resolved_path",
    "scenario_from_tree",
]


class ScenarioWarning(UserWarning):
    """Something in a scenario that can be meant, but rarely is; under pytest also what is only to be warned of."""


_PARAMETER = re.compile(r"\$\{([^{}]*)\}")
_MOST_POINTS = 400
_EXPECTED = {
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "finite_number": "must be a finite number",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "missing": "is missing",
}


def load_scenario(path: str | Path) -> Scenario:
    """Returns the scenario of a file.

    Raises:
        ScenarioError: there is no such file, or something is wrong in it; all of it is told.
    """
    name = str(path)
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScenarioError((Problem(name, 0, 0, "", f"cannot be read: {why}"),)) from None
    return parse_scenario(content, name)


def parse_scenario(text: str | bytes, name: str = "scenario") -> Scenario:
    """Returns the scenario of a YAML text.

    Args:
        text: bytes are UTF-8.
        name: what messages call it: the path of its file.

    Raises:
        ScenarioError: something is wrong in it; all of it is told.
    """
    return scenario_from_tree(read_tree(text, name))


def scenario_from_tree(tree: Tree) -> Scenario:
    """Returns the scenario of plain values, checked at each point of its sweep; its values are those of the first.

    Raises:
        ScenarioError: something is wrong in it.
    """
    if not isinstance(tree.value, dict):
        raise ScenarioError((tree.problem("", "a scenario is a mapping that begins with `schema: 1`"),))
    templates = dict(_templates(tree.value, ""))
    points, problems = _sweep(tree, templates)
    scenarios, parsed = [], dict[str, Any]()
    for point in points:
        try:
            scenarios.append(_scenario_at(tree, templates, point, parsed))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(tuple(problems))
    _warn_of_unused(tree, scenarios[0], templates)
    return scenarios[0]


def _warn_of_unused(tree: Tree, scenario: Scenario, templates: Mapping[str, str]) -> None:
    used = {name for text in templates.values() for name in _PARAMETER.findall(text)}
    for name in scenario.world.params:
        if name not in used:
            problem = tree.problem(f"world.params.{name}", f'no "${{{name}}}" uses this parameter', key=True)
            warnings.warn(str(problem), ScenarioWarning, stacklevel=4)


def filled_scenario(scenario: Scenario, point: Mapping[str, Parameter]) -> Scenario:
    """Returns a scenario with the values of a point put in for its parameters; what it is read from stays the same."""
    tree, templates = scenario.origin.tree, scenario.origin.templates
    if not templates:
        params = {**scenario.world.params, **point}
        world = scenario.world.model_copy(update={"params": params})
        return scenario.model_copy(update={"world": world})
    return _scenario_at(tree, templates, point, {})


def parameter_points(params: Mapping[str, Any]) -> list[dict[str, Parameter]]:
    """Returns all combinations of the parameters' values, the last parameter running fastest."""
    columns = [value if isinstance(value, list | tuple) else [value] for value in params.values()]
    return [dict(zip(params, values, strict=True)) for values in itertools.product(*columns)]


def _sweep(tree: Tree, templates: Mapping[str, str]) -> tuple[list[dict[str, Parameter]], list[Problem]]:
    """Returns the points of the parameters' sweep, and what is wrong with the parameters."""
    world = tree.value.get("world")
    given = world.get("params") if isinstance(world, dict) else None
    params = given if isinstance(given, dict) else {}
    problems = []
    for where, text in templates.items():
        for match in _PARAMETER.finditer(text):
            if match[1] not in params:
                hint = nearest(match[1], params) or " Parameters stand under world.params."
                problems.append(tree.problem(where, f"unknown parameter ${{{match[1]}}}.{hint}", offset=match.start()))
    if any(isinstance(value, list | dict) and not _is_sweep(value) for value in params.values()):
        return [{}], problems  # the models tell what is wrong with them
    count = 1
    for value in params.values():
        count *= len(value) if isinstance(value, list | tuple) else 1
    if count > _MOST_POINTS:
        problems.append(
            tree.problem("world.params", f"this is a sweep over {count} combinations, at most {_MOST_POINTS} are read")
        )
        return [{name: value[0] if _is_sweep(value) else value for name, value in params.items()}], problems
    return parameter_points(params), problems


def _is_sweep(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and not any(isinstance(v, list | dict) for v in value)


def _templates(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yields all texts with parameters, with their places; names and the parameters themselves have none."""
    if where in ("name", "schema", "world.params"):
        return
    if isinstance(value, str):
        if _PARAMETER.search(value):
            yield where, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _templates(item, place_below(where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _templates(item, place_below(where, index))


def _put_in(value: Any, where: str, templates: Mapping[str, str], point: Mapping[str, Parameter]) -> Any:
    """Returns a value with parameters put in; a text that is nothing but "${name}" becomes the parameter's value."""
    if isinstance(value, dict):
        return {key: _put_in(item, place_below(where, key), templates, point) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_in(item, place_below(where, index), templates, point) for index, item in enumerate(value)]
    if where not in templates:
        return value
    whole = _PARAMETER.fullmatch(value)
    if whole:
        return point.get(whole[1], value)
    return _PARAMETER.sub(lambda match: str(point.get(match[1], match[0])), value)


def _scenario_at(
    tree: Tree, templates: Mapping[str, str], point: Mapping[str, Parameter], parsed: dict[str, Any]
) -> Scenario:
    """Returns the scenario at a point of its sweep.

    Raises:
        ScenarioError: something is wrong at this point.
    """
    value = _put_in(tree.value, "", templates, point) if templates else tree.value
    problems = reference_problems(tree, value, parsed, templates)
    scenario = None
    try:
        scenario = Scenario.model_validate(value)
    except ValidationError as error:
        problems += [_problem(tree, value, found) for found in error.errors(include_url=False)]
    if problems or scenario is None:
        raise ScenarioError(tuple(_with_point(problem, templates, point) for problem in problems))
    scenario._origin = Origin(tree, dict(templates))
    return scenario


def _with_point(problem: Problem, templates: Mapping[str, str], point: Mapping[str, Parameter]) -> Problem:
    """Returns a problem of a text with parameters together with the values that were put in."""
    names = [name for name in _PARAMETER.findall(templates.get(problem.where, "")) if name in point]
    if not names:
        return problem
    put_in = ", ".join(f"{name}={point[name]}" for name in dict.fromkeys(names))
    return dataclasses.replace(problem, message=f"{problem.message} (with {put_in})")


def _problem(tree: Tree, value: Any, found: Any) -> Problem:
    """Returns a finding of pydantic as a problem."""
    kind, parts = str(found["type"]), list(found["loc"])
    unknown = _unknown_key(parts) if kind == "extra_forbidden" else ""
    if parts[:1] == ["solution"] and len(parts) > 3:
        del parts[2]  # the kind of step, which has the name of its first field
    if kind in ("union_tag_invalid", "union_tag_not_found") and parts[-1:] == ["effect"]:
        parts.append("do")
        kind = "missing" if kind == "union_tag_not_found" and not _has_effect(value, parts) else kind
    where = _place(value, parts, keep_last=kind in ("missing", "extra_forbidden"))
    if unknown:
        return tree.problem(where, unknown, key=True)
    if kind.startswith("union_tag"):
        given = str(found.get("ctx", {}).get("tag", ""))
        hint = nearest(given, EFFECTS)
        return tree.problem(where, f"unknown effect {given!r}.{hint} Known: {', '.join(EFFECTS)}.")
    return tree.problem(where, _message(kind, found))


def _has_effect(value: Any, parts: list[str | int]) -> bool:
    event = value["timeline"][parts[1]]
    return isinstance(event, dict) and "do" in event


def _message(kind: str, found: Any) -> str:
    context = found.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind] + ("" if kind == "missing" else _got(found["input"]))
    if kind == "literal_error":
        given = found["input"]
        known = [word.strip().strip("'") for word in re.split(r",| or ", str(context["expected"]))]
        hint = nearest(given, known) if isinstance(given, str) else ""
        return f"must be {context['expected'].replace(chr(39), '')}{_got(given)}.{hint}"
    if kind == "string_pattern_mismatch":
        return f"{found['input']!r} is no name: it must match {context['pattern']}"
    if kind == "scenario":
        return str(found["msg"])
    told = str(found["msg"]).replace("Input should be", "must be").replace("Input should have", "must have")
    told = told.replace("Tuple should have", "must have").replace("String should have", "must have")
    return told + ("" if isinstance(found["input"], list | dict | tuple) else _got(found["input"]))


def _got(given: Any) -> str:
    if isinstance(given, dict):
        return ", got a mapping"
    if isinstance(given, list | tuple):
        return ", got a list"
    if given is None:
        return ", got nothing"
    words = repr(given) if isinstance(given, str) else str(given).lower() if isinstance(given, bool) else str(given)
    return f", got {words[:60]}"


def _place(value: Any, parts: Iterable[str | int], *, keep_last: bool) -> str:
    """Returns the place in the document of a place in the models, which has the names of models and unions in it."""
    where, parts = "", list(parts)
    for index, part in enumerate(parts):
        last = keep_last and index == len(parts) - 1
        inside = isinstance(value, dict) and part in value
        inside = inside or (isinstance(value, list) and isinstance(part, int) and part < len(value))
        if not inside and not last:
            continue
        where = place_below(where, part)
        value = value[part] if inside else None
    return where


def _unknown_key(parts: list[str | int]) -> str:
    """Returns the message about a key that a model does not know."""
    key, models = str(parts[-1]), set[type[Part]]({Scenario})
    for part in parts[:-1]:
        below = {
            inner
            for model in models
            for name, info in model.model_fields.items()
            if part in (name, info.alias)
            for inner in _models_in(info.annotation)
        }
        chosen = EFFECTS.get(str(part)) or SOLUTION_STEPS.get(str(part))
        models = {chosen} if chosen in models else below or models
    known = {info.alias or name for model in models for name, info in model.model_fields.items()}
    if models & set(EFFECTS.values()):
        known |= set(TRIGGERS)
    if Event in models:
        known -= {"effect"}
    return f"unknown key {key!r}.{nearest(key, known)} Known: {', '.join(sorted(known))}."


def _models_in(annotation: Any) -> set[type[Part]]:
    """Returns the models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return {annotation}
    return {model for part in get_args(annotation) for model in _models_in(part)}


def resolved_path(scenario: Scenario, name: str) -> str:
    """Returns a name as it is, or the path of what lies under that name beside the scenario's file."""
    beside = scenario.folder / name
    return os.fspath(beside) if not Path(name).is_absolute() and beside.exists() else name
