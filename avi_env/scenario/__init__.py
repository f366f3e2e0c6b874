"""Scenario tests: script what happens in a house, state what the agent must do, run it under pytest or `avi scenario`.

Everything is imported when it is first used: a pytest that collects no scenario pays nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avi_env.scenario.cases import Case
    from avi_env.scenario.document import Scenario
    from avi_env.scenario.located import Problem, ScenarioError
    from avi_env.scenario.reading import load_scenario, parse_scenario

__all__ = [
    "Case",
    "Problem",
    "Scenario",
    "ScenarioError",
    "load_scenario",
    "parse_scenario",
]

_MODULES = {
    "Case": "cases",
    "Problem": "located",
    "Scenario": "document",
    "ScenarioError": "located",
    "load_scenario": "reading",
    "parse_scenario": "reading",
}


def __getattr__(name: str) -> Any:
    """Loads what is asked for on first use."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"avi_env.scenario.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'avi_env.scenario' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
