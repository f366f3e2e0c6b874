"""Scenario tests: script what happens in a house, state what the agent must do, run it under pytest or `avi scenario`.

Everything is imported when it is first used: a pytest that collects no scenario pays nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avi_env.scenario.builder import ScenarioDraft, json_schema, scenario, to_yaml
    from avi_env.scenario.cases import Case
    from avi_env.scenario.document import Scenario
    from avi_env.scenario.located import Problem, ScenarioError
    from avi_env.scenario.moment import Moment
    from avi_env.scenario.reading import ScenarioWarning, load_scenario, parse_scenario
    from avi_env.scenario.registry import (
        Agent,
        Door,
        Entity,
        Event,
        Reading,
        Room,
        SkillName,
        SoundClass,
        Thing,
        register_predicate,
    )
    from avi_env.scenario.run import run_case, run_scenario

__all__ = [
    "Agent",
    "Case",
    "Door",
    "Entity",
    "Event",
    "Moment",
    "Problem",
    "Reading",
    "Room",
    "Scenario",
    "ScenarioDraft",
    "ScenarioError",
    "ScenarioWarning",
    "SkillName",
    "SoundClass",
    "Thing",
    "json_schema",
    "load_scenario",
    "parse_scenario",
    "register_predicate",
    "run_case",
    "run_scenario",
    "scenario",
    "to_yaml",
]

_MODULES = {
    "Agent": "registry",
    "Case": "cases",
    "Door": "registry",
    "Entity": "registry",
    "Event": "registry",
    "Moment": "moment",
    "Problem": "located",
    "Reading": "registry",
    "Room": "registry",
    "Scenario": "document",
    "ScenarioDraft": "builder",
    "ScenarioError": "located",
    "ScenarioWarning": "reading",
    "SkillName": "registry",
    "SoundClass": "registry",
    "Thing": "registry",
    "json_schema": "builder",
    "load_scenario": "reading",
    "parse_scenario": "reading",
    "register_predicate": "registry",
    "run_case": "run",
    "run_scenario": "run",
    "scenario": "builder",
    "to_yaml": "builder",
}


def __getattr__(name: str) -> Any:
    """Loads what is asked for on first use."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"avi_env.scenario.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'avi_env.scenario' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
